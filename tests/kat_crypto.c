/* SPDX-License-Identifier: ISC
 *
 * Verbs of the kat oracle over crypto/: hashes, HMAC, AES, ChaCha20, Poly1305, X25519, Ed25519.
 */
#include "tests/kat.h"

#include <string.h>

static const struct nacre_hash *const hashes[] = {
    &nacre_hash_md5, &nacre_hash_sha1, &nacre_hash_sha256, &nacre_hash_sha384, &nacre_hash_sha512,
};

static const struct nacre_hash *find_hash(const char *name)
{
    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++) {
        if (strcmp(hashes[i]->name, name) == 0)
            return hashes[i];
    }
    return NULL;
}

/* Length of the next piece of the n bytes left, if argument i is there as a chunk length. */
static size_t piece(const struct kat_req *r, size_t i, size_t n)
{
    return r->n > i && r->arg[i].num < n ? (size_t)r->arg[i].num : n;
}

/* hash ALG MSG [CHUNK] */
static enum kat_result verb_hash(struct kat_req *r)
{
    const struct nacre_hash *hash = find_hash(r->arg[0].name);
    struct nacre_bytes m = r->arg[1].b;
    union nacre_hash_ctx c;
    uint8_t digest[NACRE_HASH_MAX_LEN];

    if (hash == NULL)
        return kat_sha3(r);
    hash->init(&c);
    while (m.n > 0) {
        size_t n = piece(r, 2, m.n);
        hash->update(&c, m.p, n);
        m.p += n;
        m.n -= n;
    }
    hash->final(digest, &c);
    kat_put(r, digest, hash->len);
    return KAT_OK;
}

/* hmac ALG KEY MSG [CHUNK] */
static enum kat_result verb_hmac(struct kat_req *r)
{
    const struct nacre_hash *hash = find_hash(r->arg[0].name);
    struct nacre_bytes m = r->arg[2].b;
    struct nacre_hmac c;
    uint8_t tag[NACRE_HASH_MAX_LEN];

    if (hash == NULL)
        return kat_error(r, "unknown name");
    nacre_hmac_init(&c, hash, r->arg[1].b.p, r->arg[1].b.n);
    while (m.n > 0) {
        size_t n = piece(r, 3, m.n);
        nacre_hmac_update(&c, m.p, n);
        m.p += n;
        m.n -= n;
    }
    nacre_hmac_final(tag, &c);
    kat_put(r, tag, hash->len);
    return KAT_OK;
}

static enum kat_result aes_block(struct kat_req *r,
                                 void (*crypt)(uint8_t *out, const struct nacre_aes *c,
                                               const uint8_t *in))
{
    struct nacre_aes c;
    uint8_t out[NACRE_AES_BLOCK];

    if (!nacre_aes_init(&c, r->arg[0].b.p, r->arg[0].b.n))
        return kat_error(r, "key length");
    crypt(out, &c, r->arg[1].b.p);
    kat_put(r, out, sizeof out);
    return KAT_OK;
}

/* aes-enc KEY BLOCK */
static enum kat_result verb_aes_enc(struct kat_req *r)
{
    return aes_block(r, nacre_aes_encrypt_block);
}

/* aes-dec KEY BLOCK */
static enum kat_result verb_aes_dec(struct kat_req *r)
{
    return aes_block(r, nacre_aes_decrypt_block);
}

/* aes-ctr KEY IV DATA... */
static enum kat_result verb_aes_ctr(struct kat_req *r)
{
    struct nacre_aes_ctr c;

    if (!nacre_aes_ctr_init(&c, r->arg[0].b.p, r->arg[0].b.n, r->arg[1].b.p))
        return kat_error(r, "key length");
    for (size_t i = 2; i + 1 < r->n; i++) {
        if (r->arg[i].b.n % NACRE_AES_BLOCK != 0)
            return kat_error(r, "only the last DATA may have a part of a block");
    }
    for (size_t i = 2; i < r->n; i++) {
        struct nacre_bytes in = r->arg[i].b;
        uint8_t *out = kat_alloc(r, in.n);
        nacre_aes_ctr_xor(out, &c, in.p, in.n);
        kat_put(r, out, in.n);
    }
    return KAT_OK;
}

/* chacha20 KEY NONCE COUNTER DATA */
static enum kat_result verb_chacha20(struct kat_req *r)
{
    struct nacre_bytes in = r->arg[3].b;
    uint8_t *out = kat_alloc(r, in.n);

    nacre_chacha20_xor(out, in.p, in.n, r->arg[0].b.p, r->arg[1].b.p, r->arg[2].num);
    kat_put(r, out, in.n);
    return KAT_OK;
}

/* poly1305 KEY MSG [CHUNK] */
static enum kat_result verb_poly1305(struct kat_req *r)
{
    struct nacre_bytes m = r->arg[1].b;
    struct nacre_poly1305 c;
    uint8_t tag[NACRE_POLY1305_LEN];

    nacre_poly1305_init(&c, r->arg[0].b.p);
    while (m.n > 0) {
        size_t n = piece(r, 2, m.n);
        nacre_poly1305_update(&c, m.p, n);
        m.p += n;
        m.n -= n;
    }
    nacre_poly1305_final(tag, &c);
    kat_put(r, tag, sizeof tag);
    return KAT_OK;
}

/* x25519-base SCALAR */
static enum kat_result verb_x25519_base(struct kat_req *r)
{
    uint8_t pub[NACRE_X25519_LEN];

    nacre_x25519_base(pub, r->arg[0].b.p);
    kat_put(r, pub, sizeof pub);
    return KAT_OK;
}

/* x25519 SCALAR POINT */
static enum kat_result verb_x25519(struct kat_req *r)
{
    uint8_t shared[NACRE_X25519_LEN];

    if (r->arg[1].b.n != NACRE_X25519_LEN || !nacre_x25519(shared, r->arg[0].b.p, r->arg[1].b.p))
        return KAT_REJECT;
    kat_put(r, shared, sizeof shared);
    return KAT_OK;
}

/* ed25519-pub SEED */
static enum kat_result verb_ed25519_pub(struct kat_req *r)
{
    struct nacre_ed25519_key k;

    nacre_ed25519_key_init(&k, r->arg[0].b.p);
    kat_put(r, k.pub, sizeof k.pub);
    return KAT_OK;
}

/* ed25519-sign SEED MSG */
static enum kat_result verb_ed25519_sign(struct kat_req *r)
{
    struct nacre_ed25519_key k;
    uint8_t sig[NACRE_ED25519_SIG_LEN];

    nacre_ed25519_key_init(&k, r->arg[0].b.p);
    nacre_ed25519_sign(sig, &k, r->arg[1].b.p, r->arg[1].b.n);
    kat_put(r, sig, sizeof sig);
    return KAT_OK;
}

/* ed25519-verify PUB MSG SIG */
static enum kat_result verb_ed25519_verify(struct kat_req *r)
{
    struct nacre_bytes pub = r->arg[0].b, m = r->arg[1].b, sig = r->arg[2].b;

    if (pub.n != NACRE_ED25519_PUB_LEN || sig.n != NACRE_ED25519_SIG_LEN)
        return KAT_REJECT;
    return nacre_ed25519_verify_vartime(pub.p, m.p, m.n, sig.p) ? KAT_OK : KAT_REJECT;
}

const struct kat_verb kat_crypto_verbs[] = {
    {"hash", "name bytes ?chunk", verb_hash},
    {"hmac", "name bytes bytes ?chunk", verb_hmac},
    {"aes-enc", "aeskey bytes16", verb_aes_enc},
    {"aes-dec", "aeskey bytes16", verb_aes_dec},
    {"aes-ctr", "aeskey bytes16 bytes+", verb_aes_ctr},
    {"chacha20", "bytes32 bytes8 int bytes", verb_chacha20},
    {"poly1305", "bytes32 bytes ?chunk", verb_poly1305},
    {"x25519-base", "bytes32", verb_x25519_base},
    {"x25519", "bytes32 bytes", verb_x25519},
    {"ed25519-pub", "bytes32", verb_ed25519_pub},
    {"ed25519-sign", "bytes32 bytes", verb_ed25519_sign},
    {"ed25519-verify", "bytes bytes bytes", verb_ed25519_verify},
    {NULL, NULL, NULL},
};
