/* SPDX-License-Identifier: ISC
 *
 * The key types ecdsa-sha2-nistp256, -nistp384, -nistp521: RFC 5656 section 3.1. Public blob: name,
 * curve's name, point. Private section of openssh-key-v1: the same two fields, then the scalar as
 * an mpint.
 *
 * The public half is always the one that follows from the scalar: what a file claims is compared
 * with it. Nonces are RFC 6979's.
 */
#include "proto/keys/key_type.h"

#include <string.h>

#include "crypto/ct.h"
#include "proto/sig_ecdsa.h"

/* Where the operations on such keys put their results: behind what they work in. */
#define KEYEC_OUT NACRE_EC_WORK
_Static_assert(8 * (NACRE_WORK - KEYEC_OUT) >= NACRE_EC_POINT_MAX, "room for a point");
_Static_assert(8 * (NACRE_WORK - KEYEC_OUT) >= 2 * NACRE_EC_LEN_MAX, "room for a signature");

static nacre_err keyec_decode(struct ncr_rd *r, unsigned *bits, const struct ncr_ecdsa *e,
                              unsigned curve_bits)
{
    if (ncr_ecdsa_read_point(r, e).p == NULL)
        return NACRE_ERR_KEY_FORMAT;
    *bits = curve_bits;
    return NACRE_OK;
}

/* A point on the curve, which decoding demands, is not weak: the curves have prime order. */
static bool keyec_trustworthy(struct nacre_bytes blob)
{
    (void)blob; /* decoded */
    return true;
}

/* ---- The private half ---- */

/* The blob of a point, and the type. */
static void keyec_set(struct nacre_privkey *k, const struct ncr_key_type *type,
                      const struct ncr_ecdsa *e, const uint8_t *point)
{
    struct ncr_wr w = ncr_wr(k->blob, sizeof k->blob);
    const struct nacre_bytes b = {point, 1 + 2 * nacre_ec_len(e->curve)};

    ncr_wr_cstring(&w, e->name);
    ncr_wr_cstring(&w, e->ident);
    ncr_wr_string(&w, b);
    k->blob_len = ncr_wr_done(&w).n;
    k->type = type;
}

static nacre_err keyec_generate(struct nacre_privkey *k, const struct ncr_key_type *type,
                                const struct ncr_ecdsa *e, const struct nacre_rng *rng,
                                uint64_t *work)
{
    uint8_t *point = (uint8_t *)(work + KEYEC_OUT);

    if (!nacre_ec_keygen(k->secret.ecdsa.scalar, point, e->curve, rng, work))
        return NACRE_ERR_RNG;
    keyec_set(k, type, e, point);
    return NACRE_OK;
}

static nacre_err keyec_read_private(struct nacre_privkey *k, struct ncr_rd *r,
                                    const struct ncr_key_type *type, const struct ncr_ecdsa *e,
                                    uint64_t *work)
{
    const size_t len = nacre_ec_len(e->curve);
    struct nacre_bytes claimed = ncr_ecdsa_read_point(r, e);
    struct nacre_bytes scalar = ncr_rd_mpint(r, 8 * len);
    uint8_t *own = k->secret.ecdsa.scalar, *point = (uint8_t *)(work + KEYEC_OUT);

    if (claimed.p == NULL || r->bad || scalar.n == 0)
        return NACRE_ERR_KEY_FORMAT;
    memset(own, 0, len);
    memcpy(own + len - scalar.n, scalar.p, scalar.n);
    NCR_CT_SECRET(own, len);
    if (!nacre_ec_public(point, e->curve, own, work))
        return NACRE_ERR_KEY_FORMAT;
    if (memcmp(point, claimed.p, claimed.n) != 0)
        return NACRE_ERR_KEY_REFUSED;
    keyec_set(k, type, e, point);
    return NACRE_OK;
}

static void keyec_write_private(struct ncr_wr *w, const struct nacre_privkey *k,
                                const struct ncr_ecdsa *e)
{
    const size_t len = nacre_ec_len(e->curve);
    const struct nacre_bytes point =
        ncr_bytes_part(nacre_privkey_public_blob(k), k->blob_len - 1 - 2 * len, 1 + 2 * len);

    ncr_wr_cstring(w, e->ident);
    ncr_wr_string(w, point);
    ncr_wr_mpint(w, k->secret.ecdsa.scalar, len);
}

static nacre_err keyec_sign(struct ncr_wr *w, const struct nacre_privkey *k,
                            struct nacre_bytes data, const struct ncr_ecdsa *e, uint64_t *work)
{
    const size_t len = nacre_ec_len(e->curve);
    uint8_t *r = (uint8_t *)(work + KEYEC_OUT), *s = r + len;
    size_t mark;

    if (!nacre_ecdsa_sign(r, s, e->curve, e->hash, k->secret.ecdsa.scalar, data.p, data.n, work))
        return NACRE_ERR_SIGNER;
    ncr_wr_cstring(w, e->name);
    mark = ncr_wr_string_begin(w);
    ncr_wr_mpint(w, r, len);
    ncr_wr_mpint(w, s, len);
    ncr_wr_string_end(w, mark);
    return NACRE_OK;
}

/* The functions of a row. */
#define KEYEC_FUNCTIONS(fn, ecdsa, curve_bits, key_type)                                           \
    static nacre_err fn##_decode(struct ncr_rd *r, unsigned *bits)                                 \
    {                                                                                              \
        return keyec_decode(r, bits, &(ecdsa), curve_bits);                                        \
    }                                                                                              \
    static nacre_err fn##_generate(struct nacre_privkey *k, unsigned bits,                         \
                                   const struct nacre_rng *rng, uint64_t *work)                    \
    {                                                                                              \
        return bits == 0 || bits == (curve_bits)                                                   \
                   ? keyec_generate(k, &(key_type), &(ecdsa), rng, work)                           \
                   : NACRE_ERR_USAGE;                                                              \
    }                                                                                              \
    static nacre_err fn##_read_private(struct nacre_privkey *k, struct ncr_rd *r, uint64_t *work)  \
    {                                                                                              \
        return keyec_read_private(k, r, &(key_type), &(ecdsa), work);                              \
    }                                                                                              \
    static void fn##_write_private(struct ncr_wr *w, const struct nacre_privkey *k)                \
    {                                                                                              \
        keyec_write_private(w, k, &(ecdsa));                                                       \
    }                                                                                              \
    static nacre_err fn##_sign(struct ncr_wr *w, const struct nacre_privkey *k, const char *alg,   \
                               struct nacre_bytes data, const struct nacre_rng *rng,               \
                               uint64_t *work)                                                     \
    {                                                                                              \
        (void)alg; /* the only one */                                                              \
        (void)rng; /* ECDSA is deterministic here */                                               \
        return keyec_sign(w, k, data, &(ecdsa), work);                                             \
    }

KEYEC_FUNCTIONS(keyec_nistp256, ncr_ecdsa_nistp256, 256, ncr_key_type_ecdsa_nistp256)
KEYEC_FUNCTIONS(keyec_nistp384, ncr_ecdsa_nistp384, 384, ncr_key_type_ecdsa_nistp384)
KEYEC_FUNCTIONS(keyec_nistp521, ncr_ecdsa_nistp521, 521, ncr_key_type_ecdsa_nistp521)

static const char *const keyec_nistp256_algs[] = {"ecdsa-sha2-nistp256", NULL};
static const char *const keyec_nistp256_cert_algs[] = {"ecdsa-sha2-nistp256-cert-v01@openssh.com",
                                                       NULL};
const struct ncr_key_type ncr_key_type_ecdsa_nistp256 = {
    .name = "ecdsa-sha2-nistp256",
    .cert_name = "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    .label = "ECDSA",
    .cert_label = "ECDSA-CERT",
    .algs = keyec_nistp256_algs,
    .cert_algs = keyec_nistp256_cert_algs,
    .decode = keyec_nistp256_decode,
    .trustworthy = keyec_trustworthy,
    .generate = keyec_nistp256_generate,
    .read_private = keyec_nistp256_read_private,
    .write_private = keyec_nistp256_write_private,
    .sign = keyec_nistp256_sign,
};

static const char *const keyec_nistp384_algs[] = {"ecdsa-sha2-nistp384", NULL};
static const char *const keyec_nistp384_cert_algs[] = {"ecdsa-sha2-nistp384-cert-v01@openssh.com",
                                                       NULL};
const struct ncr_key_type ncr_key_type_ecdsa_nistp384 = {
    .name = "ecdsa-sha2-nistp384",
    .cert_name = "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    .label = "ECDSA",
    .cert_label = "ECDSA-CERT",
    .algs = keyec_nistp384_algs,
    .cert_algs = keyec_nistp384_cert_algs,
    .decode = keyec_nistp384_decode,
    .trustworthy = keyec_trustworthy,
    .generate = keyec_nistp384_generate,
    .read_private = keyec_nistp384_read_private,
    .write_private = keyec_nistp384_write_private,
    .sign = keyec_nistp384_sign,
};

static const char *const keyec_nistp521_algs[] = {"ecdsa-sha2-nistp521", NULL};
static const char *const keyec_nistp521_cert_algs[] = {"ecdsa-sha2-nistp521-cert-v01@openssh.com",
                                                       NULL};
const struct ncr_key_type ncr_key_type_ecdsa_nistp521 = {
    .name = "ecdsa-sha2-nistp521",
    .cert_name = "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    .label = "ECDSA",
    .cert_label = "ECDSA-CERT",
    .algs = keyec_nistp521_algs,
    .cert_algs = keyec_nistp521_cert_algs,
    .decode = keyec_nistp521_decode,
    .trustworthy = keyec_trustworthy,
    .generate = keyec_nistp521_generate,
    .read_private = keyec_nistp521_read_private,
    .write_private = keyec_nistp521_write_private,
    .sign = keyec_nistp521_sign,
};
