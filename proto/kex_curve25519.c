/* SPDX-License-Identifier: ISC
 *
 * curve25519-sha256 and its older name: RFC 8731 over X25519 (RFC 7748).
 *
 * Public values are exactly 32 bytes. K is the 32 bytes of X25519 as they are, which the caller
 * encodes as the mpint of the big-endian number (RFC 8731 section 3.1). An all-zero result, that
 * is, a public value of small order, is refused (section 3). The server's ephemeral scalar lives
 * on the stack of one call and is wiped there.
 */
#include "proto/alg.h"

#include "crypto/ct.h"

/* K of our scalar and the peer's public value; zeros unless NACRE_OK. */
static nacre_err kex25519_agree(uint8_t k[NACRE_X25519_LEN], const uint8_t *scalar,
                                struct nacre_bytes peer)
{
    if (peer.n == NACRE_X25519_LEN && nacre_x25519(k, scalar, peer.p))
        return NACRE_OK;
    nacre_wipe(k, NACRE_X25519_LEN);
    return NACRE_ERR_KEX;
}

static nacre_err kex25519_start(uint8_t *pub, uint8_t *secret, const struct nacre_rng *rng,
                                uint64_t *work)
{
    (void)work;
    if (!nacre_rng_fill(rng, secret, NACRE_X25519_LEN)) {
        nacre_wipe(secret, NACRE_X25519_LEN);
        nacre_wipe(pub, NACRE_X25519_LEN);
        return NACRE_ERR_RNG;
    }
    NCR_CT_SECRET(secret, NACRE_X25519_LEN);
    nacre_x25519_base(pub, secret);
    NCR_CT_PUBLIC(pub, NACRE_X25519_LEN); /* goes to the peer */
    return NACRE_OK;
}

static nacre_err kex25519_respond(uint8_t *reply, uint8_t *k, struct nacre_bytes init,
                                  const struct nacre_rng *rng, uint64_t *work)
{
    uint8_t scalar[NACRE_X25519_LEN];
    nacre_err err = kex25519_start(reply, scalar, rng, work);

    if (err == NACRE_OK)
        err = kex25519_agree(k, scalar, init);
    else
        nacre_wipe(k, NACRE_X25519_LEN);
    if (err != NACRE_OK)
        nacre_wipe(reply, NACRE_X25519_LEN);
    nacre_wipe(scalar, sizeof scalar);
    return err;
}

static nacre_err kex25519_finish(uint8_t *k, struct nacre_bytes reply, const uint8_t *secret,
                                 uint64_t *work)
{
    (void)work;
    return kex25519_agree(k, secret, reply);
}

#define KEX25519_ROW(row_name)                                                                     \
    {                                                                                              \
        .name = row_name, .hash = &nacre_hash_sha256, .init_len = NACRE_X25519_LEN,                \
        .reply_len = NACRE_X25519_LEN, .secret_len = NACRE_X25519_LEN, .k_len = NACRE_X25519_LEN,  \
        .k_is_string = false, .start = kex25519_start, .respond = kex25519_respond,                \
        .finish = kex25519_finish                                                                  \
    }

const struct ncr_kex ncr_kex_curve25519 = KEX25519_ROW("curve25519-sha256");
/* RFC 8731 section 1: the same method under the name that libssh gave it. */
const struct ncr_kex ncr_kex_curve25519_libssh = KEX25519_ROW("curve25519-sha256@libssh.org");
