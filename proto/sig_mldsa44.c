/* SPDX-License-Identifier: ISC
 *
 * ssh-mldsa44-ed25519 keys and signatures: draft-miller-sshm-mldsa44-ed25519-composite-sigs.
 *
 * Blobs are exact: 1,344 bytes of key, 2,484 of signature, the name in both, nothing behind; the
 * context is empty. Both halves must verify. An Ed25519 half that is no point or has small order is
 * refused, both when a key is to be trusted and when a signature is checked, as for ssh-ed25519;
 * the other half has no values that are weak.
 */
#include "proto/wire.h"
#include "proto/alg.h"

#define SIGMLDSA_NAME "ssh-mldsa44-ed25519"

/* The n bytes of a blob of the form string name, string of n bytes; NULL if it is not that. */
static const uint8_t *sigmldsa_take(struct nacre_bytes blob, size_t n)
{
    struct ncr_rd r = ncr_rd(blob);
    struct nacre_bytes name = ncr_rd_string(&r);
    struct nacre_bytes value = ncr_rd_string(&r);

    if (!ncr_rd_end(&r) || !nacre_bytes_is(name, SIGMLDSA_NAME) || value.n != n)
        return NULL;
    return value.p;
}

static bool sigmldsa_trustworthy(const uint8_t *pub)
{
    return nacre_ed25519_trustworthy_vartime(pub + NACRE_MLDSA44_PK_LEN);
}

static nacre_err sigmldsa_check_key(struct nacre_bytes key)
{
    const uint8_t *pub = sigmldsa_take(key, NACRE_MLDSA44_ED25519_PK_LEN);

    if (pub == NULL)
        return NACRE_ERR_KEY_FORMAT;
    return sigmldsa_trustworthy(pub) ? NACRE_OK : NACRE_ERR_KEY_REFUSED;
}

static nacre_err sigmldsa_verify(struct nacre_bytes key, struct nacre_bytes data,
                                 struct nacre_bytes sig, uint64_t *work)
{
    const uint8_t *pub = sigmldsa_take(key, NACRE_MLDSA44_ED25519_PK_LEN);
    const uint8_t *both = sigmldsa_take(sig, NACRE_MLDSA44_ED25519_SIG_LEN);

    if (pub == NULL)
        return NACRE_ERR_KEY_FORMAT;
    if (both == NULL)
        return NACRE_ERR_SIG_FORMAT;
    if (!sigmldsa_trustworthy(pub))
        return NACRE_ERR_KEY_REFUSED;
    return nacre_mldsa44_ed25519_verify_vartime(pub, NULL, 0, data.p, data.n, both, work)
               ? NACRE_OK
               : NACRE_ERR_SIG;
}

const struct ncr_sig ncr_sig_mldsa44_ed25519 = {
    .name = SIGMLDSA_NAME,
    .key_type = SIGMLDSA_NAME,
    .check_key = sigmldsa_check_key,
    .verify = sigmldsa_verify,
};
