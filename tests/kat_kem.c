/* SPDX-License-Identifier: ISC
 *
 * Verbs of the kat oracle for SHA-3, SHAKE, ML-KEM and the hybrids of key exchange. Randomness
 * comes from the request.
 */
#include "tests/kat.h"

#include "proto/alg.h"

#include <string.h>

enum { XOF_MAX = 1048576 };

static const char kem_hybrids[] = "mlkem768x25519-sha256 sntrup761x25519-sha512";

static uint64_t kem_work[NACRE_WORK];

/* ---- SHA-3, SHAKE ------------------------------------------------------------------------ */

/* Length of the next piece of the n bytes left, if argument i is there as a chunk length. */
static size_t kem_piece(const struct kat_req *r, size_t i, size_t n)
{
    return r->n > i && r->arg[i].num < n ? (size_t)r->arg[i].num : n;
}

enum kat_result kat_sha3(struct kat_req *r)
{
    struct nacre_bytes m = r->arg[1].b;
    struct nacre_keccak c;
    uint8_t digest[NACRE_SHA3_512_LEN];
    bool wide = strcmp(r->arg[0].name, "sha3-512") == 0;

    if (!wide && strcmp(r->arg[0].name, "sha3-256") != 0)
        return kat_error(r, "unknown name");
    (wide ? nacre_sha3_512_init : nacre_sha3_256_init)(&c);
    while (m.n > 0) {
        size_t n = kem_piece(r, 2, m.n);
        nacre_sha3_update(&c, m.p, n);
        m.p += n;
        m.n -= n;
    }
    nacre_sha3_final(digest, &c);
    kat_put(r, digest, wide ? NACRE_SHA3_512_LEN : NACRE_SHA3_256_LEN);
    return KAT_OK;
}

/* xof ALG LEN MSG [ABSORB SQUEEZE] */
static enum kat_result verb_xof(struct kat_req *r)
{
    struct nacre_bytes m = r->arg[2].b;
    struct nacre_keccak c;
    bool wide = strcmp(r->arg[0].name, "shake256") == 0;
    size_t len = (size_t)r->arg[1].num, done = 0;
    uint8_t *out;

    if (!wide && strcmp(r->arg[0].name, "shake128") != 0)
        return kat_error(r, "unknown name");
    if (r->arg[1].num > XOF_MAX)
        return kat_error(r, "length over 1048576");
    if (r->n == 4)
        return kat_error(r, "too few arguments");
    (wide ? nacre_shake256_init : nacre_shake128_init)(&c);
    while (m.n > 0) {
        size_t n = kem_piece(r, 3, m.n);
        nacre_shake_absorb(&c, m.p, n);
        m.p += n;
        m.n -= n;
    }
    out = kat_alloc(r, len);
    while (done < len) {
        size_t n = kem_piece(r, 4, len - done);
        nacre_shake_squeeze(out + done, &c, n);
        done += n;
    }
    kat_put(r, out, len);
    return KAT_OK;
}

/* ---- ML-KEM ------------------------------------------------------------------------------ */

struct kem_size {
    size_t ek_len, dk_len, ct_len;
    void (*keygen)(uint8_t *ek, uint8_t *dk, const uint8_t *seed, uint64_t *work);
    bool (*encaps)(uint8_t *ct, uint8_t *k, const uint8_t *ek, const uint8_t *m, uint64_t *work);
    bool (*decaps)(uint8_t *k, const uint8_t *dk, const uint8_t *ct, uint64_t *work);
};

static const struct kem_size kem_768 = {
    NACRE_MLKEM768_EK_LEN, NACRE_MLKEM768_DK_LEN, NACRE_MLKEM768_CT_LEN,
    nacre_mlkem768_keygen, nacre_mlkem768_encaps, nacre_mlkem768_decaps,
};
static const struct kem_size kem_1024 = {
    NACRE_MLKEM1024_EK_LEN, NACRE_MLKEM1024_DK_LEN, NACRE_MLKEM1024_CT_LEN,
    nacre_mlkem1024_keygen, nacre_mlkem1024_encaps, nacre_mlkem1024_decaps,
};

/* SEED */
static enum kat_result kem_keygen(struct kat_req *r, const struct kem_size *size)
{
    uint8_t ek[NACRE_MLKEM1024_EK_LEN], dk[NACRE_MLKEM1024_DK_LEN];

    size->keygen(ek, dk, r->arg[0].b.p, kem_work);
    kat_put(r, ek, size->ek_len);
    kat_put(r, dk, size->dk_len);
    return KAT_OK;
}

/* EK M */
static enum kat_result kem_encaps(struct kat_req *r, const struct kem_size *size)
{
    struct nacre_bytes ek = r->arg[0].b;
    uint8_t ct[NACRE_MLKEM1024_CT_LEN], k[NACRE_MLKEM_K_LEN];

    if (ek.n != size->ek_len || !size->encaps(ct, k, ek.p, r->arg[1].b.p, kem_work))
        return KAT_REJECT;
    kat_put(r, ct, size->ct_len);
    kat_put(r, k, sizeof k);
    return KAT_OK;
}

/* DK CT */
static enum kat_result kem_decaps(struct kat_req *r, const struct kem_size *size)
{
    struct nacre_bytes dk = r->arg[0].b, ct = r->arg[1].b;
    uint8_t k[NACRE_MLKEM_K_LEN];

    if (dk.n != size->dk_len || ct.n != size->ct_len || !size->decaps(k, dk.p, ct.p, kem_work))
        return KAT_REJECT;
    kat_put(r, k, sizeof k);
    return KAT_OK;
}

static enum kat_result verb_mlkem768_keygen(struct kat_req *r)
{
    return kem_keygen(r, &kem_768);
}

static enum kat_result verb_mlkem768_encaps(struct kat_req *r)
{
    return kem_encaps(r, &kem_768);
}

static enum kat_result verb_mlkem768_decaps(struct kat_req *r)
{
    return kem_decaps(r, &kem_768);
}

static enum kat_result verb_mlkem1024_keygen(struct kat_req *r)
{
    return kem_keygen(r, &kem_1024);
}

static enum kat_result verb_mlkem1024_encaps(struct kat_req *r)
{
    return kem_encaps(r, &kem_1024);
}

static enum kat_result verb_mlkem1024_decaps(struct kat_req *r)
{
    return kem_decaps(r, &kem_1024);
}

/* ---- Hybrids ----------------------------------------------------------------------------- */

/* A row with the request's randomness: of a row's draws the KEM's come first, and X25519's scalar
 * is the first one of 32 bytes after another draw. */
struct kem_hybrid {
    const struct ncr_kex *row;
    struct nacre_bytes kem, scalar;
    bool drawn;
};

static bool kem_hybrid_fill(void *ctx, uint8_t *out, size_t n)
{
    struct kem_hybrid *h = ctx;
    struct nacre_bytes *from = h->drawn && n == NACRE_X25519_LEN ? &h->scalar : &h->kem;

    if (from->n < n)
        return false;
    memcpy(out, from->p, n);
    from->p += n;
    from->n -= n;
    h->drawn = true;
    return true;
}

/* The row of argument 0 with the randomness of arguments kem and kem + 1. */
static enum kat_result kem_hybrid_open(struct kat_req *r, struct kem_hybrid *h, size_t kem)
{
    const char *name = r->arg[0].name;

    if (!kat_list_has(kem_hybrids, name, strlen(name)))
        return kat_error(r, "unknown name");
    *h = (struct kem_hybrid){.row = ncr_alg_kex(&nacre_algs_default, nacre_bytes_str(name)),
                             .kem = r->arg[kem].b,
                             .scalar = r->arg[kem + 1].b};
    return h->row != NULL ? KAT_OK : KAT_UNSUPPORTED;
}

static enum kat_result kem_hybrid_start(struct kat_req *r, struct kem_hybrid *h, uint8_t *pub,
                                        uint8_t *secret)
{
    const struct nacre_rng rng = {kem_hybrid_fill, h};
    bool seed = h->row->init_len == NACRE_MLKEM768_EK_LEN + NACRE_X25519_LEN;

    if (seed && h->kem.n != NACRE_MLKEM_SEED_LEN)
        return kat_error(r, "length");
    return h->row->start(pub, secret, &rng, kem_work) == NACRE_OK ? KAT_OK : KAT_REJECT;
}

/* hybrid-init METHOD KEMRND XPRIV */
static enum kat_result verb_hybrid_init(struct kat_req *r)
{
    uint8_t pub[NCR_KEX_PUB_MAX], secret[NCR_KEX_SECRET_MAX];
    struct kem_hybrid h;
    enum kat_result result = kem_hybrid_open(r, &h, 1);

    if (result == KAT_OK)
        result = kem_hybrid_start(r, &h, pub, secret);
    if (result == KAT_OK)
        kat_put(r, pub, h.row->init_len);
    return result;
}

/* hybrid-reply METHOD C_INIT KEMRND XPRIV */
static enum kat_result verb_hybrid_reply(struct kat_req *r)
{
    uint8_t reply[NCR_KEX_PUB_MAX], k[NCR_KEX_K_MAX];
    struct kem_hybrid h;
    const struct nacre_rng rng = {kem_hybrid_fill, &h};
    enum kat_result result = kem_hybrid_open(r, &h, 2);
    nacre_err err;

    if (result != KAT_OK)
        return result;
    err = h.row->respond(reply, k, r->arg[1].b, &rng, kem_work);
    if (err == NACRE_ERR_RNG || (err == NACRE_OK && h.kem.n != 0))
        return kat_error(r, "length");
    if (err != NACRE_OK)
        return KAT_REJECT;
    kat_put(r, reply, h.row->reply_len);
    kat_put(r, k, h.row->k_len);
    return KAT_OK;
}

/* hybrid-finish METHOD KEMRND XPRIV S_REPLY */
static enum kat_result verb_hybrid_finish(struct kat_req *r)
{
    uint8_t pub[NCR_KEX_PUB_MAX], secret[NCR_KEX_SECRET_MAX], k[NCR_KEX_K_MAX];
    struct kem_hybrid h;
    enum kat_result result = kem_hybrid_open(r, &h, 1);

    if (result == KAT_OK)
        result = kem_hybrid_start(r, &h, pub, secret);
    if (result != KAT_OK)
        return result;
    if (h.row->finish(k, r->arg[3].b, secret, kem_work) != NACRE_OK)
        return KAT_REJECT;
    kat_put(r, k, h.row->k_len);
    return KAT_OK;
}

const struct kat_verb kat_kem_verbs[] = {
    {"xof", "name int bytes ?chunk chunk", verb_xof},
    {"mlkem768-keygen", "bytes64", verb_mlkem768_keygen},
    {"mlkem768-encaps", "bytes bytes32", verb_mlkem768_encaps},
    {"mlkem768-decaps", "bytes bytes", verb_mlkem768_decaps},
    {"mlkem1024-keygen", "bytes64", verb_mlkem1024_keygen},
    {"mlkem1024-encaps", "bytes bytes32", verb_mlkem1024_encaps},
    {"mlkem1024-decaps", "bytes bytes", verb_mlkem1024_decaps},
    {"hybrid-init", "name bytes bytes32", verb_hybrid_init},
    {"hybrid-reply", "name bytes bytes bytes32", verb_hybrid_reply},
    {"hybrid-finish", "name bytes bytes32 bytes", verb_hybrid_finish},
    {NULL, NULL, NULL},
};
