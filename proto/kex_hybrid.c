/* SPDX-License-Identifier: ISC
 *
 * Hybrid key exchange, and the rows with ML-KEM: draft-ietf-sshm-mlkem-hybrid-kex.
 *
 *     client                                server
 *       KEM public key || public  -------->
 *                                 <--------  KEM ciphertext || public
 *     K = hash(K of the KEM || K of the classical half), a string of the hash's length
 *
 * Lengths are exact. Refused: what either half refuses, that is, a KEM key that fails its check, an
 * all-zero X25519 result, a point that is not on its curve. A wrong ciphertext gives another K,
 * which shows as a wrong signature. The server's ephemeral private half lives in the classical
 * row's call.
 */
#include "proto/kex_hybrid.h"

#include "crypto/ct.h"

/* Longest K of a classical half: x of P-521. */
#define HYBRID_CLASSICAL_K_MAX 66

/* ---- Both halves together ---- */

/* The peer's value, and its two parts. */
struct hybrid_parts {
    struct nacre_bytes kem, classical;
};

/* False unless n is the sum of both lengths; kem_len is the KEM's. */
static bool hybrid_split(struct hybrid_parts *parts, struct nacre_bytes peer, size_t kem_len,
                         size_t classical_len)
{
    if (peer.n != kem_len + classical_len)
        return false;
    parts->kem = (struct nacre_bytes){peer.p, kem_len};
    parts->classical = (struct nacre_bytes){peer.p + kem_len, classical_len};
    return true;
}

static void hybrid_combine(const struct ncr_hybrid *h, uint8_t *k, const uint8_t *kem_k,
                           const uint8_t *classical_k)
{
    union nacre_hash_ctx ctx;

    h->hash->init(&ctx);
    h->hash->update(&ctx, kem_k, NCR_KEM_K_LEN);
    h->hash->update(&ctx, classical_k, h->classical->k_len);
    h->hash->final(k, &ctx);
}

nacre_err ncr_hybrid_start(const struct ncr_hybrid *h, uint8_t *pub, uint8_t *secret,
                           const struct nacre_rng *rng, uint64_t *work)
{
    const struct ncr_kem *kem = h->kem;
    const struct ncr_kex *c = h->classical;
    nacre_err err = kem->keygen(pub, secret, rng, work);

    if (err == NACRE_OK) /* none of hybrid_ */
        err = c->start(pub + kem->pub_len, secret + kem->secret_len, rng, work);
    if (err != NACRE_OK) {
        nacre_wipe(pub, kem->pub_len + c->init_len);
        nacre_wipe(secret, kem->secret_len + c->secret_len);
    }
    return err;
}

nacre_err ncr_hybrid_respond(const struct ncr_hybrid *h, uint8_t *reply, uint8_t *k,
                             struct nacre_bytes init, const struct nacre_rng *rng, uint64_t *work)
{
    const struct ncr_kem *kem = h->kem;
    const struct ncr_kex *c = h->classical;
    uint8_t kem_k[NCR_KEM_K_LEN], classical_k[HYBRID_CLASSICAL_K_MAX];
    struct hybrid_parts parts;
    nacre_err err = NACRE_ERR_KEX;

    if (hybrid_split(&parts, init, kem->pub_len, c->init_len))
        err = kem->encaps(reply, kem_k, parts.kem.p, rng, work);
    if (err == NACRE_OK) /* none of hybrid_ */
        err = c->respond(reply + kem->ct_len, classical_k, parts.classical, rng, work);
    if (err == NACRE_OK) {
        hybrid_combine(h, k, kem_k, classical_k);
    } else {
        nacre_wipe(reply, kem->ct_len + c->reply_len);
        nacre_wipe(k, h->hash->len);
    }
    nacre_wipe(kem_k, sizeof kem_k);
    nacre_wipe(classical_k, sizeof classical_k);
    return err;
}

nacre_err ncr_hybrid_finish(const struct ncr_hybrid *h, uint8_t *k, struct nacre_bytes reply,
                            const uint8_t *secret, uint64_t *work)
{
    const struct ncr_kem *kem = h->kem;
    const struct ncr_kex *c = h->classical;
    uint8_t kem_k[NCR_KEM_K_LEN], classical_k[HYBRID_CLASSICAL_K_MAX];
    struct hybrid_parts parts;
    nacre_err err = NACRE_ERR_KEX;

    if (hybrid_split(&parts, reply, kem->ct_len, c->reply_len))
        err = kem->decaps(kem_k, secret, parts.kem.p, work);
    if (err == NACRE_OK) /* none of hybrid_ */
        err = c->finish(classical_k, parts.classical, secret + kem->secret_len, work);
    if (err == NACRE_OK)
        hybrid_combine(h, k, kem_k, classical_k);
    else
        nacre_wipe(k, h->hash->len);
    nacre_wipe(kem_k, sizeof kem_k);
    nacre_wipe(classical_k, sizeof classical_k);
    return err;
}

/* ---- ML-KEM ---- */

static nacre_err hybrid_draw(uint8_t *out, size_t n, const struct nacre_rng *rng)
{
    if (!nacre_rng_fill(rng, out, n))
        return NACRE_ERR_RNG;
    NCR_CT_SECRET(out, n);
    return NACRE_OK;
}

static nacre_err hybrid_mlkem768_keygen(uint8_t *pub, uint8_t *secret, const struct nacre_rng *rng,
                                        uint64_t *work)
{
    uint8_t seed[NACRE_MLKEM_SEED_LEN];
    nacre_err err = hybrid_draw(seed, sizeof seed, rng);

    if (err == NACRE_OK)
        nacre_mlkem768_keygen(pub, secret, seed, work);
    nacre_wipe(seed, sizeof seed);
    return err;
}

static nacre_err hybrid_mlkem768_encaps(uint8_t *ct, uint8_t k[NCR_KEM_K_LEN], const uint8_t *pub,
                                        const struct nacre_rng *rng, uint64_t *work)
{
    uint8_t m[32];
    nacre_err err = hybrid_draw(m, sizeof m, rng);

    if (err == NACRE_OK && !nacre_mlkem768_encaps(ct, k, pub, m, work))
        err = NACRE_ERR_KEX;
    nacre_wipe(m, sizeof m);
    return err;
}

static nacre_err hybrid_mlkem768_decaps(uint8_t k[NCR_KEM_K_LEN], const uint8_t *secret,
                                        const uint8_t *ct, uint64_t *work)
{
    return nacre_mlkem768_decaps(k, secret, ct, work) ? NACRE_OK : NACRE_ERR_KEX;
}

const struct ncr_kem ncr_kem_mlkem768 = {
    .pub_len = NACRE_MLKEM768_EK_LEN,
    .secret_len = NACRE_MLKEM768_DK_LEN,
    .ct_len = NACRE_MLKEM768_CT_LEN,
    .keygen = hybrid_mlkem768_keygen,
    .encaps = hybrid_mlkem768_encaps,
    .decaps = hybrid_mlkem768_decaps,
};

static nacre_err hybrid_mlkem1024_keygen(uint8_t *pub, uint8_t *secret, const struct nacre_rng *rng,
                                         uint64_t *work)
{
    uint8_t seed[NACRE_MLKEM_SEED_LEN];
    nacre_err err = hybrid_draw(seed, sizeof seed, rng);

    if (err == NACRE_OK)
        nacre_mlkem1024_keygen(pub, secret, seed, work);
    nacre_wipe(seed, sizeof seed);
    return err;
}

static nacre_err hybrid_mlkem1024_encaps(uint8_t *ct, uint8_t k[NCR_KEM_K_LEN], const uint8_t *pub,
                                         const struct nacre_rng *rng, uint64_t *work)
{
    uint8_t m[32];
    nacre_err err = hybrid_draw(m, sizeof m, rng);

    if (err == NACRE_OK && !nacre_mlkem1024_encaps(ct, k, pub, m, work))
        err = NACRE_ERR_KEX;
    nacre_wipe(m, sizeof m);
    return err;
}

static nacre_err hybrid_mlkem1024_decaps(uint8_t k[NCR_KEM_K_LEN], const uint8_t *secret,
                                         const uint8_t *ct, uint64_t *work)
{
    return nacre_mlkem1024_decaps(k, secret, ct, work) ? NACRE_OK : NACRE_ERR_KEX;
}

const struct ncr_kem ncr_kem_mlkem1024 = {
    .pub_len = NACRE_MLKEM1024_EK_LEN,
    .secret_len = NACRE_MLKEM1024_DK_LEN,
    .ct_len = NACRE_MLKEM1024_CT_LEN,
    .keygen = hybrid_mlkem1024_keygen,
    .encaps = hybrid_mlkem1024_encaps,
    .decaps = hybrid_mlkem1024_decaps,
};

/* ---- Rows ---- */

static const struct ncr_hybrid hybrid_mlkem768_x25519 = {&ncr_kem_mlkem768, &ncr_kex_curve25519,
                                                         &nacre_hash_sha256};
NCR_HYBRID_FUNCTIONS(hybrid_mlkem768_x25519)
const struct ncr_kex ncr_kex_mlkem768_x25519 = {
    .name = "mlkem768x25519-sha256",
    .post_quantum = true,
    .hash = &nacre_hash_sha256,
    .init_len = NACRE_MLKEM768_EK_LEN + NACRE_X25519_LEN,
    .reply_len = NACRE_MLKEM768_CT_LEN + NACRE_X25519_LEN,
    .secret_len = NACRE_MLKEM768_DK_LEN + NACRE_X25519_LEN,
    .k_len = NACRE_SHA256_LEN,
    .k_is_string = true,
    .start = hybrid_mlkem768_x25519_start,
    .respond = hybrid_mlkem768_x25519_respond,
    .finish = hybrid_mlkem768_x25519_finish,
};

static const struct ncr_hybrid hybrid_mlkem768_nistp256 = {
    &ncr_kem_mlkem768, &ncr_kex_ecdh_nistp256, &nacre_hash_sha256};
NCR_HYBRID_FUNCTIONS(hybrid_mlkem768_nistp256)
const struct ncr_kex ncr_kex_mlkem768_nistp256 = {
    .name = "mlkem768nistp256-sha256",
    .post_quantum = true,
    .hash = &nacre_hash_sha256,
    .init_len = NACRE_MLKEM768_EK_LEN + 1 + 2 * NACRE_P256_LEN,
    .reply_len = NACRE_MLKEM768_CT_LEN + 1 + 2 * NACRE_P256_LEN,
    .secret_len = NACRE_MLKEM768_DK_LEN + NACRE_P256_LEN,
    .k_len = NACRE_SHA256_LEN,
    .k_is_string = true,
    .start = hybrid_mlkem768_nistp256_start,
    .respond = hybrid_mlkem768_nistp256_respond,
    .finish = hybrid_mlkem768_nistp256_finish,
};

static const struct ncr_hybrid hybrid_mlkem1024_nistp384 = {
    &ncr_kem_mlkem1024, &ncr_kex_ecdh_nistp384, &nacre_hash_sha384};
NCR_HYBRID_FUNCTIONS(hybrid_mlkem1024_nistp384)
const struct ncr_kex ncr_kex_mlkem1024_nistp384 = {
    .name = "mlkem1024nistp384-sha384",
    .post_quantum = true,
    .hash = &nacre_hash_sha384,
    .init_len = NACRE_MLKEM1024_EK_LEN + 1 + 2 * NACRE_P384_LEN,
    .reply_len = NACRE_MLKEM1024_CT_LEN + 1 + 2 * NACRE_P384_LEN,
    .secret_len = NACRE_MLKEM1024_DK_LEN + NACRE_P384_LEN,
    .k_len = NACRE_SHA384_LEN,
    .k_is_string = true,
    .start = hybrid_mlkem1024_nistp384_start,
    .respond = hybrid_mlkem1024_nistp384_respond,
    .finish = hybrid_mlkem1024_nistp384_finish,
};
