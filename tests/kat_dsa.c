/* SPDX-License-Identifier: ISC
 *
 * Verbs of the kat oracle over ML-DSA-44 and its composite with Ed25519. What the caller owns
 * (seeds, randomness) has its length checked as an argument; keys and signatures of a wrong length
 * are rejected.
 */
#include "tests/kat.h"

#include "crypto/nacre_crypto.h"

#include <string.h>

/* What the operations work in. */
static uint64_t dsa_work[NACRE_MLDSA44_WORK];

/* mldsa44-keygen SEED */
static enum kat_result verb_mldsa_keygen(struct kat_req *r)
{
    uint8_t pk[NACRE_MLDSA44_PK_LEN], sk[NACRE_MLDSA44_SK_LEN];

    nacre_mldsa44_keygen(pk, sk, r->arg[0].b.p, dsa_work);
    kat_put(r, pk, sizeof pk);
    kat_put(r, sk, sizeof sk);
    return KAT_OK;
}

/* mldsa44-sign SEED CTX RND MSG */
static enum kat_result verb_mldsa_sign(struct kat_req *r)
{
    struct nacre_bytes ctx = r->arg[1].b, m = r->arg[3].b;
    uint8_t sig[NACRE_MLDSA44_SIG_LEN];

    if (!nacre_mldsa44_sign(sig, r->arg[0].b.p, ctx.p, ctx.n, r->arg[2].b.p, m.p, m.n, dsa_work))
        return KAT_REJECT;
    kat_put(r, sig, sizeof sig);
    return KAT_OK;
}

/* mldsa44-sign-sk SK CTX RND MSG */
static enum kat_result verb_mldsa_sign_sk(struct kat_req *r)
{
    struct nacre_bytes sk = r->arg[0].b, ctx = r->arg[1].b, m = r->arg[3].b;
    uint8_t sig[NACRE_MLDSA44_SIG_LEN];

    if (sk.n != NACRE_MLDSA44_SK_LEN ||
        !nacre_mldsa44_sign_expanded(sig, sk.p, ctx.p, ctx.n, r->arg[2].b.p, m.p, m.n, dsa_work))
        return KAT_REJECT;
    kat_put(r, sig, sizeof sig);
    return KAT_OK;
}

/* mldsa44-verify PK CTX MSG SIG */
static enum kat_result verb_mldsa_verify(struct kat_req *r)
{
    struct nacre_bytes pk = r->arg[0].b, ctx = r->arg[1].b, m = r->arg[2].b, sig = r->arg[3].b;

    if (pk.n != NACRE_MLDSA44_PK_LEN || sig.n != NACRE_MLDSA44_SIG_LEN)
        return KAT_REJECT;
    return nacre_mldsa44_verify_vartime(pk.p, ctx.p, ctx.n, m.p, m.n, sig.p, dsa_work) ? KAT_OK
                                                                                       : KAT_REJECT;
}

/* mldsa44ed25519-keygen MSEED ESEED */
static enum kat_result verb_composite_keygen(struct kat_req *r)
{
    uint8_t pk[NACRE_MLDSA44_ED25519_PK_LEN], seed[NACRE_MLDSA44_ED25519_SEED_LEN];

    memcpy(seed, r->arg[0].b.p, NACRE_MLDSA44_SEED_LEN);
    memcpy(seed + NACRE_MLDSA44_SEED_LEN, r->arg[1].b.p, NACRE_ED25519_SEED_LEN);
    nacre_mldsa44_ed25519_keygen(pk, seed, dsa_work);
    kat_put(r, pk, sizeof pk);
    kat_put(r, seed, sizeof seed);
    return KAT_OK;
}

/* mldsa44ed25519-sign SK CTX RND MSG */
static enum kat_result verb_composite_sign(struct kat_req *r)
{
    struct nacre_bytes ctx = r->arg[1].b, m = r->arg[3].b;
    uint8_t sig[NACRE_MLDSA44_ED25519_SIG_LEN];

    if (!nacre_mldsa44_ed25519_sign(sig, r->arg[0].b.p, ctx.p, ctx.n, r->arg[2].b.p, m.p, m.n,
                                    dsa_work))
        return KAT_REJECT;
    kat_put(r, sig, sizeof sig);
    return KAT_OK;
}

/* mldsa44ed25519-verify PK CTX MSG SIG */
static enum kat_result verb_composite_verify(struct kat_req *r)
{
    struct nacre_bytes pk = r->arg[0].b, ctx = r->arg[1].b, m = r->arg[2].b, sig = r->arg[3].b;

    if (pk.n != NACRE_MLDSA44_ED25519_PK_LEN || sig.n != NACRE_MLDSA44_ED25519_SIG_LEN)
        return KAT_REJECT;
    return nacre_mldsa44_ed25519_verify_vartime(pk.p, ctx.p, ctx.n, m.p, m.n, sig.p, dsa_work)
               ? KAT_OK
               : KAT_REJECT;
}

const struct kat_verb kat_dsa_verbs[] = {
    {"mldsa44-keygen", "bytes32", verb_mldsa_keygen},
    {"mldsa44-sign", "bytes32 bytes bytes32 bytes", verb_mldsa_sign},
    {"mldsa44-sign-sk", "bytes bytes bytes32 bytes", verb_mldsa_sign_sk},
    {"mldsa44-verify", "bytes bytes bytes bytes", verb_mldsa_verify},
    {"mldsa44ed25519-keygen", "bytes32 bytes32", verb_composite_keygen},
    {"mldsa44ed25519-sign", "bytes64 bytes bytes32 bytes", verb_composite_sign},
    {"mldsa44ed25519-verify", "bytes bytes bytes bytes", verb_composite_verify},
    {NULL, NULL, NULL},
};
