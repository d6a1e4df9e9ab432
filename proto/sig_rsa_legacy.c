/* SPDX-License-Identifier: ISC
 *
 * ssh-rsa: RSA signatures with SHA-1 (RFC 4253 section 6.6), for routers and switches that have no
 * better.
 *
 * Collisions of SHA-1 can be chosen (Leurent and Peyrin 2020), so that a signature says less than
 * it seems to. As such devices also have keys of 1,024 bits, which could not be replaced, those are
 * taken here. In no default list.
 */
#include "proto/sig_rsa.h"

#include "proto/alg.h"

static nacre_err sigrsa_check_key_legacy(struct nacre_bytes key)
{
    return ncr_sig_rsa_check(key, NACRE_RSA_BITS_MIN);
}

static nacre_err sigrsa_verify_sha1(struct nacre_bytes key, struct nacre_bytes data,
                                    struct nacre_bytes sig, uint64_t *work)
{
    return ncr_sig_rsa_verify(key, data, sig, ncr_sig_rsa_sha1.name, &nacre_hash_sha1, work);
}

const struct ncr_sig ncr_sig_rsa_sha1 = {
    .name = "ssh-rsa",
    .grade = NCR_GRADE_LEGACY,
    .key_type = "ssh-rsa",
    .check_key = sigrsa_check_key_legacy,
    .verify = sigrsa_verify_sha1,
};
