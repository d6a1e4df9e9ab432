/* SPDX-License-Identifier: ISC
 *
 * The key type ssh-mldsa44-ed25519: draft-miller-sshm-mldsa44-ed25519-composite-sigs. Public blob:
 * name, 1,344 bytes (ML-DSA-44 and Ed25519 public key). Private section of openssh-key-v1: the same
 * 1,344 bytes, then the two seeds in one string of 64.
 *
 * The public half is always the one that follows from the seeds: what a file claims is compared
 * with it. Only the seeds are kept; a signature expands them again. Signatures are hedged: ML-DSA's
 * half takes 32 random bytes.
 */
#include "proto/keys/key_type.h"

#include <string.h>

#include "crypto/ct.h"

/* What ssh-keygen of OpenSSH 10.6 prints; the size of no thing in particular. */
#define KEYMLDSA_BITS 512

/* Where the operations on such keys put their result: behind what they work in. */
#define KEYMLDSA_OUT NACRE_MLDSA44_WORK
_Static_assert(8 * (NACRE_WORK - KEYMLDSA_OUT) >= NACRE_MLDSA44_ED25519_SIG_LEN, "room for it");

static const char *const keymldsa_algs[] = {"ssh-mldsa44-ed25519", NULL};
static const char *const keymldsa_cert_algs[] = {"ssh-mldsa44-ed25519-cert", NULL};

static nacre_err keymldsa_decode(struct ncr_rd *r, unsigned *bits)
{
    struct nacre_bytes pub = ncr_rd_string(r);

    if (pub.n != NACRE_MLDSA44_ED25519_PK_LEN)
        return NACRE_ERR_KEY_FORMAT;
    *bits = KEYMLDSA_BITS;
    return NACRE_OK;
}

/* The Ed25519 half can be a point of small order, the other half has no weak values. */
static bool keymldsa_trustworthy(struct nacre_bytes blob)
{
    struct ncr_rd r = ncr_rd(blob);
    struct nacre_bytes pub;

    (void)ncr_rd_string(&r); /* the name, compared when the blob was decoded */
    pub = ncr_rd_string(&r);
    return ncr_rd_end(&r) && pub.n == NACRE_MLDSA44_ED25519_PK_LEN &&
           nacre_ed25519_trustworthy_vartime(pub.p + NACRE_MLDSA44_PK_LEN);
}

/* The public value in the blob that keymldsa_expand() made. */
static const uint8_t *keymldsa_public(const struct nacre_privkey *k)
{
    return k->blob + k->blob_len - NACRE_MLDSA44_ED25519_PK_LEN;
}

/* Type and blob from the seeds in k. */
static void keymldsa_expand(struct nacre_privkey *k, uint64_t *work)
{
    struct ncr_wr w = ncr_wr(k->blob, sizeof k->blob);
    uint8_t *pub = (uint8_t *)(work + KEYMLDSA_OUT);

    nacre_mldsa44_ed25519_keygen(pub, k->secret.mldsa44_ed25519.seed, work);
    ncr_wr_cstring(&w, ncr_key_type_mldsa44_ed25519.name);
    ncr_wr_u32(&w, NACRE_MLDSA44_ED25519_PK_LEN);
    ncr_wr_bytes(&w, pub, NACRE_MLDSA44_ED25519_PK_LEN);
    k->blob_len = ncr_wr_done(&w).n;
    k->type = &ncr_key_type_mldsa44_ed25519;
}

static nacre_err keymldsa_generate(struct nacre_privkey *k, unsigned bits,
                                   const struct nacre_rng *rng, uint64_t *work)
{
    uint8_t *seed = k->secret.mldsa44_ed25519.seed;

    if (bits != 0 && bits != KEYMLDSA_BITS)
        return NACRE_ERR_USAGE;
    if (!nacre_rng_fill(rng, seed, NACRE_MLDSA44_ED25519_SEED_LEN))
        return NACRE_ERR_RNG;
    NCR_CT_SECRET(seed, NACRE_MLDSA44_ED25519_SEED_LEN);
    keymldsa_expand(k, work);
    return NACRE_OK;
}

static nacre_err keymldsa_read_private(struct nacre_privkey *k, struct ncr_rd *r, uint64_t *work)
{
    struct nacre_bytes pub = ncr_rd_string(r);
    struct nacre_bytes seed = ncr_rd_string(r);

    if (pub.n != NACRE_MLDSA44_ED25519_PK_LEN || seed.n != NACRE_MLDSA44_ED25519_SEED_LEN)
        return NACRE_ERR_KEY_FORMAT;
    memcpy(k->secret.mldsa44_ed25519.seed, seed.p, seed.n);
    NCR_CT_SECRET(k->secret.mldsa44_ed25519.seed, NACRE_MLDSA44_ED25519_SEED_LEN);
    keymldsa_expand(k, work);
    if (memcmp(keymldsa_public(k), pub.p, pub.n) != 0)
        return NACRE_ERR_KEY_REFUSED;
    return NACRE_OK;
}

static void keymldsa_write_private(struct ncr_wr *w, const struct nacre_privkey *k)
{
    ncr_wr_u32(w, NACRE_MLDSA44_ED25519_PK_LEN);
    ncr_wr_bytes(w, keymldsa_public(k), NACRE_MLDSA44_ED25519_PK_LEN);
    ncr_wr_u32(w, NACRE_MLDSA44_ED25519_SEED_LEN);
    ncr_wr_bytes(w, k->secret.mldsa44_ed25519.seed, NACRE_MLDSA44_ED25519_SEED_LEN);
}

static nacre_err keymldsa_sign(struct ncr_wr *w, const struct nacre_privkey *k, const char *alg,
                               struct nacre_bytes data, const struct nacre_rng *rng, uint64_t *work)
{
    uint8_t *sig = (uint8_t *)(work + KEYMLDSA_OUT);
    uint8_t rnd[NACRE_MLDSA44_RND_LEN];
    bool ok;

    if (rng == NULL || !nacre_rng_fill(rng, rnd, sizeof rnd))
        return NACRE_ERR_RNG;
    NCR_CT_SECRET(rnd, sizeof rnd);
    ok = nacre_mldsa44_ed25519_sign(sig, k->secret.mldsa44_ed25519.seed, NULL, 0, rnd, data.p,
                                    data.n, work);
    nacre_wipe(rnd, sizeof rnd);
    if (!ok)
        return NACRE_ERR_SIGNER;
    ncr_wr_cstring(w, alg);
    ncr_wr_u32(w, NACRE_MLDSA44_ED25519_SIG_LEN);
    ncr_wr_bytes(w, sig, NACRE_MLDSA44_ED25519_SIG_LEN);
    return NACRE_OK;
}

const struct ncr_key_type ncr_key_type_mldsa44_ed25519 = {
    .name = "ssh-mldsa44-ed25519",
    .cert_name = "ssh-mldsa44-ed25519-cert",
    .label = "MLDSA44-ED25519",
    .cert_label = "MLDSA44-ED25519-CERT",
    .algs = keymldsa_algs,
    .cert_algs = keymldsa_cert_algs,
    .decode = keymldsa_decode,
    .trustworthy = keymldsa_trustworthy,
    .generate = keymldsa_generate,
    .read_private = keymldsa_read_private,
    .write_private = keymldsa_write_private,
    .sign = keymldsa_sign,
};
