/* SPDX-License-Identifier: ISC
 *
 * The key type ssh-ed25519: RFC 8709. Public blob: name, 32 bytes. Private section of
 * openssh-key-v1: public half, then seed and public half in one string of 64 bytes.
 *
 * The public half is always the one that follows from the seed: what a file claims is compared with
 * it and never signed with (a signature over another public half tells the scalar).
 */
#include "proto/keys/key_type.h"

#include <string.h>

#include "crypto/ct.h"

#define KEY_ED25519_BITS 256

static const char *const key_ed25519_algs[] = {"ssh-ed25519", NULL};
static const char *const key_ed25519_cert_algs[] = {"ssh-ed25519-cert-v01@openssh.com", NULL};

static nacre_err key_ed25519_decode(struct ncr_rd *r, unsigned *bits)
{
    struct nacre_bytes pub = ncr_rd_string(r);

    if (pub.n != NACRE_ED25519_PUB_LEN)
        return NACRE_ERR_KEY_FORMAT;
    *bits = KEY_ED25519_BITS;
    return NACRE_OK;
}

static bool key_ed25519_trustworthy(struct nacre_bytes blob)
{
    struct ncr_rd r = ncr_rd(blob);
    struct nacre_bytes pub;

    (void)ncr_rd_string(&r); /* the name, compared when the blob was decoded */
    pub = ncr_rd_string(&r);
    return ncr_rd_end(&r) && pub.n == NACRE_ED25519_PUB_LEN &&
           nacre_ed25519_trustworthy_vartime(pub.p);
}

void nacre_privkey_from_seed(struct nacre_privkey *k, const uint8_t seed[NACRE_ED25519_SEED_LEN])
{
    struct ncr_wr w = ncr_wr(k->blob, sizeof k->blob);

    memcpy(k->secret.ed25519.seed, seed, NACRE_ED25519_SEED_LEN);
    nacre_ed25519_key_init(&k->secret.ed25519.key, seed);
    NCR_CT_PUBLIC(k->secret.ed25519.key.pub, NACRE_ED25519_PUB_LEN); /* as its name says */
    ncr_wr_cstring(&w, ncr_key_type_ed25519.name);
    ncr_wr_u32(&w, NACRE_ED25519_PUB_LEN);
    ncr_wr_bytes(&w, k->secret.ed25519.key.pub, NACRE_ED25519_PUB_LEN);
    k->blob_len = ncr_wr_done(&w).n;
    k->type = &ncr_key_type_ed25519;
}

static nacre_err key_ed25519_generate(struct nacre_privkey *k, unsigned bits,
                                      const struct nacre_rng *rng, uint64_t *work)
{
    uint8_t seed[NACRE_ED25519_SEED_LEN];

    (void)work;
    if (bits != 0 && bits != KEY_ED25519_BITS)
        return NACRE_ERR_USAGE;
    if (!nacre_rng_fill(rng, seed, sizeof seed))
        return NACRE_ERR_RNG;
    NCR_CT_SECRET(seed, sizeof seed);
    nacre_privkey_from_seed(k, seed);
    nacre_wipe(seed, sizeof seed);
    return NACRE_OK;
}

static nacre_err key_ed25519_read_private(struct nacre_privkey *k, struct ncr_rd *r, uint64_t *work)
{
    struct nacre_bytes pub = ncr_rd_string(r);
    struct nacre_bytes both = ncr_rd_string(r);
    const uint8_t *own = k->secret.ed25519.key.pub;

    (void)work;
    if (pub.n != NACRE_ED25519_PUB_LEN || both.n != NACRE_ED25519_SEED_LEN + NACRE_ED25519_PUB_LEN)
        return NACRE_ERR_KEY_FORMAT;
    NCR_CT_SECRET(both.p, NACRE_ED25519_SEED_LEN);
    nacre_privkey_from_seed(k, both.p);
    if (memcmp(own, pub.p, NACRE_ED25519_PUB_LEN) != 0 ||
        memcmp(own, both.p + NACRE_ED25519_SEED_LEN, NACRE_ED25519_PUB_LEN) != 0)
        return NACRE_ERR_KEY_REFUSED;
    return NACRE_OK;
}

static void key_ed25519_write_private(struct ncr_wr *w, const struct nacre_privkey *k)
{
    const uint8_t *pub = k->secret.ed25519.key.pub;

    ncr_wr_u32(w, NACRE_ED25519_PUB_LEN);
    ncr_wr_bytes(w, pub, NACRE_ED25519_PUB_LEN);
    ncr_wr_u32(w, NACRE_ED25519_SEED_LEN + NACRE_ED25519_PUB_LEN);
    ncr_wr_bytes(w, k->secret.ed25519.seed, NACRE_ED25519_SEED_LEN);
    ncr_wr_bytes(w, pub, NACRE_ED25519_PUB_LEN);
}

static nacre_err key_ed25519_sign(struct ncr_wr *w, const struct nacre_privkey *k, const char *alg,
                                  struct nacre_bytes data, const struct nacre_rng *rng,
                                  uint64_t *work)
{
    uint8_t sig[NACRE_ED25519_SIG_LEN];

    (void)rng; /* Ed25519 is deterministic */
    (void)work;
    nacre_ed25519_sign(sig, &k->secret.ed25519.key, data.p, data.n);
    NCR_CT_PUBLIC(sig, sizeof sig); /* goes out */
    ncr_wr_cstring(w, alg);
    ncr_wr_u32(w, sizeof sig);
    ncr_wr_bytes(w, sig, sizeof sig);
    nacre_wipe(sig, sizeof sig);
    return NACRE_OK;
}

const struct ncr_key_type ncr_key_type_ed25519 = {
    .name = "ssh-ed25519",
    .cert_name = "ssh-ed25519-cert-v01@openssh.com",
    .label = "ED25519",
    .cert_label = "ED25519-CERT",
    .algs = key_ed25519_algs,
    .cert_algs = key_ed25519_cert_algs,
    .decode = key_ed25519_decode,
    .trustworthy = key_ed25519_trustworthy,
    .generate = key_ed25519_generate,
    .read_private = key_ed25519_read_private,
    .write_private = key_ed25519_write_private,
    .sign = key_ed25519_sign,
};
