/* SPDX-License-Identifier: ISC
 *
 * ecdh-sha2-nistp256, -nistp384, -nistp521: RFC 5656 section 4.
 *
 * Public values are uncompressed points and exact; one that is not on the curve of the method is
 * refused. K is the x coordinate, which the caller encodes as an mpint. The server's ephemeral
 * scalar lives on the stack of one call and is wiped there.
 */
#include "proto/alg.h"

static nacre_err kexec_start(uint8_t *pub, uint8_t *secret, const struct nacre_curve *curve,
                             const struct nacre_rng *rng, uint64_t *work)
{
    return nacre_ec_keygen(secret, pub, curve, rng, work) ? NACRE_OK : NACRE_ERR_RNG;
}

static nacre_err kexec_finish(uint8_t *k, const struct nacre_curve *curve, struct nacre_bytes reply,
                              const uint8_t *secret, uint64_t *work)
{
    return nacre_ecdh(k, curve, secret, reply.p, reply.n, work) ? NACRE_OK : NACRE_ERR_KEX;
}

static nacre_err kexec_respond(uint8_t *reply, uint8_t *k, const struct nacre_curve *curve,
                               struct nacre_bytes init, const struct nacre_rng *rng, uint64_t *work)
{
    uint8_t scalar[NACRE_EC_LEN_MAX];
    nacre_err err = kexec_start(reply, scalar, curve, rng, work);

    if (err == NACRE_OK)
        err = kexec_finish(k, curve, init, scalar, work);
    else
        nacre_wipe(k, nacre_ec_len(curve));
    if (err != NACRE_OK)
        nacre_wipe(reply, 1 + 2 * nacre_ec_len(curve));
    nacre_wipe(scalar, sizeof scalar);
    return err;
}

/* The functions of a row. */
#define KEXEC_FUNCTIONS(fn, curve)                                                                 \
    static nacre_err fn##_start(uint8_t *pub, uint8_t *secret, const struct nacre_rng *rng,        \
                                uint64_t *work)                                                    \
    {                                                                                              \
        return kexec_start(pub, secret, &(curve), rng, work);                                      \
    }                                                                                              \
    static nacre_err fn##_respond(uint8_t *reply, uint8_t *k, struct nacre_bytes init,             \
                                  const struct nacre_rng *rng, uint64_t *work)                     \
    {                                                                                              \
        return kexec_respond(reply, k, &(curve), init, rng, work);                                 \
    }                                                                                              \
    static nacre_err fn##_finish(uint8_t *k, struct nacre_bytes reply, const uint8_t *secret,      \
                                 uint64_t *work)                                                   \
    {                                                                                              \
        return kexec_finish(k, &(curve), reply, secret, work);                                     \
    }

KEXEC_FUNCTIONS(kexec_nistp256, nacre_p256)
KEXEC_FUNCTIONS(kexec_nistp384, nacre_p384)
KEXEC_FUNCTIONS(kexec_nistp521, nacre_p521)

const struct ncr_kex ncr_kex_ecdh_nistp256 = {
    .name = "ecdh-sha2-nistp256",
    .hash = &nacre_hash_sha256,
    .init_len = 1 + 2 * NACRE_P256_LEN,
    .reply_len = 1 + 2 * NACRE_P256_LEN,
    .secret_len = NACRE_P256_LEN,
    .k_len = NACRE_P256_LEN,
    .start = kexec_nistp256_start,
    .respond = kexec_nistp256_respond,
    .finish = kexec_nistp256_finish,
};

const struct ncr_kex ncr_kex_ecdh_nistp384 = {
    .name = "ecdh-sha2-nistp384",
    .hash = &nacre_hash_sha384,
    .init_len = 1 + 2 * NACRE_P384_LEN,
    .reply_len = 1 + 2 * NACRE_P384_LEN,
    .secret_len = NACRE_P384_LEN,
    .k_len = NACRE_P384_LEN,
    .start = kexec_nistp384_start,
    .respond = kexec_nistp384_respond,
    .finish = kexec_nistp384_finish,
};

const struct ncr_kex ncr_kex_ecdh_nistp521 = {
    .name = "ecdh-sha2-nistp521",
    .hash = &nacre_hash_sha512,
    .init_len = 1 + 2 * NACRE_P521_LEN,
    .reply_len = 1 + 2 * NACRE_P521_LEN,
    .secret_len = NACRE_P521_LEN,
    .k_len = NACRE_P521_LEN,
    .start = kexec_nistp521_start,
    .respond = kexec_nistp521_respond,
    .finish = kexec_nistp521_finish,
};
