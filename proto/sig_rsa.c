/* SPDX-License-Identifier: ISC
 *
 * rsa-sha2-512 and rsa-sha2-256: RFC 8332 section 3, over keys of RFC 4253 section 6.6.
 *
 * The key blob keeps the name ssh-rsa; the name inside the signature has to be that of the
 * algorithm that was negotiated. A signature string that is shorter than the modulus lacks leading
 * zeros, which some implementations leave out, and gets them back; a longer one is refused, and a
 * negative or oversized number in a key.
 */
#include "proto/sig_rsa.h"

#include <string.h>

#include "proto/alg.h"
#include "proto/limits.h"

#define SIGRSA_KEY_NAME "ssh-rsa"

/* Where the padded signature lies in the memory to work in: behind what verifying takes. */
#define SIGRSA_PADDED NACRE_RSA_VERIFY_WORK(NACRE_RSA_BITS_MAX)
_Static_assert(8 * (NACRE_WORK - SIGRSA_PADDED) >= NACRE_RSA_LEN_MAX, "room for a signature");

nacre_err ncr_rsa_pub_read(struct ncr_rsa_pub *pub, struct ncr_rd *r)
{
    const struct nacre_bytes e = ncr_rd_mpint(r, NCR_MPINT_BITS_MAX);
    const struct nacre_bytes n = ncr_rd_mpint(r, NCR_MPINT_BITS_MAX);
    uint8_t top = n.n > 0 ? n.p[0] : 0x80;

    if (r->bad)
        return NACRE_ERR_KEY_FORMAT;
    pub->n.p = n.p;
    pub->n.n = n.n;
    pub->e.p = e.p;
    pub->e.n = e.n;
    pub->bits = 8 * n.n;
    while ((top & 0x80) == 0) {
        top = (uint8_t)(top << 1);
        pub->bits--;
    }
    return nacre_rsa_public_ok_vartime(pub->n, pub->e) ? NACRE_OK : NACRE_ERR_KEY_REFUSED;
}

static nacre_err sigrsa_key(struct ncr_rsa_pub *pub, struct nacre_bytes key)
{
    struct ncr_rd r = ncr_rd(key);
    struct nacre_bytes name = ncr_rd_string(&r);
    nacre_err err = ncr_rsa_pub_read(pub, &r);

    if (!ncr_rd_end(&r) || !nacre_bytes_is(name, SIGRSA_KEY_NAME))
        return NACRE_ERR_KEY_FORMAT;
    return err;
}

nacre_err ncr_sig_rsa_check(struct nacre_bytes key, size_t min_bits)
{
    struct ncr_rsa_pub pub;
    nacre_err err = sigrsa_key(&pub, key);

    if (err != NACRE_OK)
        return err;
    return pub.bits >= min_bits ? NACRE_OK : NACRE_ERR_KEY_REFUSED;
}

nacre_err ncr_sig_rsa_verify(struct nacre_bytes key, struct nacre_bytes data,
                             struct nacre_bytes sig, const char *name,
                             const struct nacre_hash *hash, uint64_t *work)
{
    struct ncr_rsa_pub pub;
    nacre_err err = sigrsa_key(&pub, key);
    struct ncr_rd r = ncr_rd(sig);
    struct nacre_bytes inside = ncr_rd_string(&r);
    struct nacre_bytes s = ncr_rd_string(&r);
    uint8_t *padded = (uint8_t *)(work + SIGRSA_PADDED);
    struct nacre_num num = {padded, 0};

    if (err != NACRE_OK)
        return err;
    if (!ncr_rd_end(&r) || !nacre_bytes_is(inside, name) || s.n > pub.n.n)
        return NACRE_ERR_SIG_FORMAT;
    num.n = pub.n.n;
    memset(padded, 0, num.n - s.n);
    if (s.n > 0)
        memcpy(padded + (num.n - s.n), s.p, s.n);
    return nacre_rsa_verify_vartime(hash, pub.n, pub.e, data.p, data.n, num, work) ? NACRE_OK
                                                                                   : NACRE_ERR_SIG;
}

static nacre_err sigrsa_check_key(struct nacre_bytes key)
{
    return ncr_sig_rsa_check(key, NCR_RSA_BITS_MIN);
}

static nacre_err sigrsa_verify_512(struct nacre_bytes key, struct nacre_bytes data,
                                   struct nacre_bytes sig, uint64_t *work)
{
    return ncr_sig_rsa_verify(key, data, sig, ncr_sig_rsa_sha2_512.name, &nacre_hash_sha512, work);
}

static nacre_err sigrsa_verify_256(struct nacre_bytes key, struct nacre_bytes data,
                                   struct nacre_bytes sig, uint64_t *work)
{
    return ncr_sig_rsa_verify(key, data, sig, ncr_sig_rsa_sha2_256.name, &nacre_hash_sha256, work);
}

const struct ncr_sig ncr_sig_rsa_sha2_512 = {
    .name = "rsa-sha2-512",
    .key_type = SIGRSA_KEY_NAME,
    .check_key = sigrsa_check_key,
    .verify = sigrsa_verify_512,
};

const struct ncr_sig ncr_sig_rsa_sha2_256 = {
    .name = "rsa-sha2-256",
    .key_type = SIGRSA_KEY_NAME,
    .check_key = sigrsa_check_key,
    .verify = sigrsa_verify_256,
};
