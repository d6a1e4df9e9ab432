/* SPDX-License-Identifier: ISC
 *
 * Verbs of the kat oracle for sntrup761. Randomness comes from the request, in the order in which
 * the reference code draws it.
 */
#include "tests/kat.h"

#include <string.h>

static uint64_t sntrup_kat_work[NACRE_SNTRUP761_WORK];

/* Bytes of the request, from the first on; ctx is what is left of them. */
static bool sntrup_kat_fill(void *ctx, uint8_t *out, size_t n)
{
    struct nacre_bytes *left = ctx;

    if (left->n < n)
        return false;
    memcpy(out, left->p, n);
    left->p += n;
    left->n -= n;
    return true;
}

/* sntrup761-keygen RND */
static enum kat_result verb_sntrup_keygen(struct kat_req *r)
{
    struct nacre_bytes left = r->arg[0].b;
    const struct nacre_rng rng = {sntrup_kat_fill, &left};
    uint8_t pk[NACRE_SNTRUP761_PK_LEN], sk[NACRE_SNTRUP761_SK_LEN];

    if (!nacre_sntrup761_keygen(pk, sk, &rng, sntrup_kat_work))
        return KAT_REJECT;
    kat_put(r, pk, sizeof pk);
    kat_put(r, sk, sizeof sk);
    return KAT_OK;
}

/* sntrup761-encaps PK RND */
static enum kat_result verb_sntrup_encaps(struct kat_req *r)
{
    struct nacre_bytes pk = r->arg[0].b, left = r->arg[1].b;
    const struct nacre_rng rng = {sntrup_kat_fill, &left};
    uint8_t ct[NACRE_SNTRUP761_CT_LEN], k[NACRE_SNTRUP761_K_LEN];

    if (pk.n != NACRE_SNTRUP761_PK_LEN ||
        !nacre_sntrup761_encaps(ct, k, pk.p, &rng, sntrup_kat_work))
        return KAT_REJECT;
    kat_put(r, ct, sizeof ct);
    kat_put(r, k, sizeof k);
    return KAT_OK;
}

/* sntrup761-decaps SK CT */
static enum kat_result verb_sntrup_decaps(struct kat_req *r)
{
    struct nacre_bytes sk = r->arg[0].b, ct = r->arg[1].b;
    uint8_t k[NACRE_SNTRUP761_K_LEN];

    if (sk.n != NACRE_SNTRUP761_SK_LEN || ct.n != NACRE_SNTRUP761_CT_LEN)
        return KAT_REJECT;
    nacre_sntrup761_decaps(k, sk.p, ct.p, sntrup_kat_work);
    kat_put(r, k, sizeof k);
    return KAT_OK;
}

const struct kat_verb kat_sntrup_verbs[] = {
    {"sntrup761-keygen", "bytes", verb_sntrup_keygen},
    {"sntrup761-encaps", "bytes bytes3044", verb_sntrup_encaps},
    {"sntrup761-decaps", "bytes bytes", verb_sntrup_decaps},
    {NULL, NULL, NULL},
};
