/* SPDX-License-Identifier: ISC
 *
 * ecdsa-sha2-nistp256, -nistp384, -nistp521 keys and signatures: RFC 5656 sections 3.1, 6.2 and 10.
 *
 * Blobs are exact: the name in both, the curve's name in the key, nothing behind; r and s are
 * non-negative mpints inside of the signature's string. A point that is not on the curve, or in
 * another form than the uncompressed one, is a malformed key.
 */
#include "proto/sig_ecdsa.h"

#include "proto/alg.h"

const struct ncr_ecdsa ncr_ecdsa_nistp256 = {"ecdsa-sha2-nistp256", "nistp256", &nacre_p256,
                                             &nacre_hash_sha256};
const struct ncr_ecdsa ncr_ecdsa_nistp384 = {"ecdsa-sha2-nistp384", "nistp384", &nacre_p384,
                                             &nacre_hash_sha384};
const struct ncr_ecdsa ncr_ecdsa_nistp521 = {"ecdsa-sha2-nistp521", "nistp521", &nacre_p521,
                                             &nacre_hash_sha512};

struct nacre_bytes ncr_ecdsa_read_point(struct ncr_rd *r, const struct ncr_ecdsa *e)
{
    const struct nacre_bytes none = {NULL, 0};
    struct nacre_bytes ident = ncr_rd_string(r);
    struct nacre_bytes point = ncr_rd_string(r);

    if (r->bad || !nacre_bytes_is(ident, e->ident) ||
        !nacre_ec_check_vartime(e->curve, point.p, point.n))
        return none;
    return point;
}

nacre_err ncr_ecdsa_verify(const struct ncr_ecdsa *e, struct nacre_bytes point,
                           struct nacre_bytes data, struct nacre_bytes value, uint64_t *work)
{
    struct ncr_rd in = ncr_rd(value);
    struct nacre_bytes a = ncr_rd_mpint(&in, 8 * NACRE_EC_LEN_MAX);
    struct nacre_bytes b = ncr_rd_mpint(&in, 8 * NACRE_EC_LEN_MAX);
    const struct nacre_num r = {a.p, a.n}, s = {b.p, b.n};

    if (!ncr_rd_end(&in))
        return NACRE_ERR_SIG_FORMAT;
    return nacre_ecdsa_verify_vartime(e->curve, e->hash, point.p, point.n, data.p, data.n, r, s,
                                      work)
               ? NACRE_OK
               : NACRE_ERR_SIG;
}

/* The point of a whole key blob; p is NULL if it is none. */
static struct nacre_bytes sigec_point(struct nacre_bytes key, const struct ncr_ecdsa *e)
{
    struct ncr_rd r = ncr_rd(key);
    struct nacre_bytes name = ncr_rd_string(&r);
    struct nacre_bytes point = ncr_ecdsa_read_point(&r, e);

    if (!ncr_rd_end(&r) || !nacre_bytes_is(name, e->name))
        point.p = NULL;
    return point;
}

static nacre_err sigec_check_key(struct nacre_bytes key, const struct ncr_ecdsa *e)
{
    return sigec_point(key, e).p != NULL ? NACRE_OK : NACRE_ERR_KEY_FORMAT;
}

static nacre_err sigec_verify(struct nacre_bytes key, struct nacre_bytes data,
                              struct nacre_bytes sig, const struct ncr_ecdsa *e, uint64_t *work)
{
    struct nacre_bytes point = sigec_point(key, e);
    struct ncr_rd r = ncr_rd(sig);
    struct nacre_bytes name = ncr_rd_string(&r);
    struct nacre_bytes value = ncr_rd_string(&r);

    if (point.p == NULL)
        return NACRE_ERR_KEY_FORMAT;
    if (!ncr_rd_end(&r) || !nacre_bytes_is(name, e->name))
        return NACRE_ERR_SIG_FORMAT;
    return ncr_ecdsa_verify(e, point, data, value, work);
}

/* The functions of a row. */
#define SIGEC_FUNCTIONS(fn, ecdsa)                                                                 \
    static nacre_err fn##_check_key(struct nacre_bytes key)                                        \
    {                                                                                              \
        return sigec_check_key(key, &(ecdsa));                                                     \
    }                                                                                              \
    static nacre_err fn##_verify(struct nacre_bytes key, struct nacre_bytes data,                  \
                                 struct nacre_bytes sig, uint64_t *work)                           \
    {                                                                                              \
        return sigec_verify(key, data, sig, &(ecdsa), work);                                       \
    }

SIGEC_FUNCTIONS(sigec_nistp256, ncr_ecdsa_nistp256)
SIGEC_FUNCTIONS(sigec_nistp384, ncr_ecdsa_nistp384)
SIGEC_FUNCTIONS(sigec_nistp521, ncr_ecdsa_nistp521)

const struct ncr_sig ncr_sig_ecdsa_nistp256 = {
    .name = "ecdsa-sha2-nistp256",
    .key_type = "ecdsa-sha2-nistp256",
    .check_key = sigec_nistp256_check_key,
    .verify = sigec_nistp256_verify,
};

const struct ncr_sig ncr_sig_ecdsa_nistp384 = {
    .name = "ecdsa-sha2-nistp384",
    .key_type = "ecdsa-sha2-nistp384",
    .check_key = sigec_nistp384_check_key,
    .verify = sigec_nistp384_verify,
};

const struct ncr_sig ncr_sig_ecdsa_nistp521 = {
    .name = "ecdsa-sha2-nistp521",
    .key_type = "ecdsa-sha2-nistp521",
    .check_key = sigec_nistp521_check_key,
    .verify = sigec_nistp521_verify,
};
