/* SPDX-License-Identifier: ISC
 *
 * nacre's cryptographic primitives: pure functions over the caller's memory.
 *
 * Nothing here allocates, keeps state outside of a context, knows of SSH or prints. Outputs come
 * first, a pointer is followed by its length. Functions that can refuse return bool: true means
 * done or verified, false means refused, and outputs are then zeroed. All of it is constant-time
 * in keys and messages; lengths are public. Functions whose name ends in _vartime are not.
 *
 * Contexts are plain structs of the caller: the layout is public so that static storage works,
 * the fields are private. Wipe contexts that held keys with nacre_wipe().
 */
#ifndef NACRE_CRYPTO_H
#define NACRE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define NACRE_MUST_CHECK __attribute__((warn_unused_result))
#else
#define NACRE_MUST_CHECK
#endif

#define NACRE_SHA256_LEN 32
#define NACRE_SHA384_LEN 48
#define NACRE_SHA512_LEN 64
#define NACRE_HASH_MAX_LEN 64
#define NACRE_AES_BLOCK 16
#define NACRE_CHACHA20_KEY_LEN 32
#define NACRE_CHACHA20_NONCE_LEN 8
#define NACRE_POLY1305_KEY_LEN 32
#define NACRE_POLY1305_LEN 16
#define NACRE_X25519_LEN 32
#define NACRE_ED25519_SEED_LEN 32
#define NACRE_ED25519_PUB_LEN 32
#define NACRE_ED25519_SIG_LEN 64

/* Overwrites n bytes at p with zeros in a way that the compiler may not remove. */
void nacre_wipe(void *p, size_t n);

/* True if the n bytes at a and b are equal. CT in both; n leaks. */
NACRE_MUST_CHECK bool nacre_ct_eq(const void *a, const void *b, size_t n);

/* ---- Randomness -------------------------------------------------------------------------- */

/* A source of random bytes. fill() writes n bytes to out and returns true, or returns false and
 * the caller fails. A zeroed struct is a source that always fails. */
struct nacre_rng {
    bool (*fill)(void *ctx, uint8_t *out, size_t n);
    void *ctx;
};

/* The operating system's source (getrandom(2), else /dev/urandom); holds no state of its own. */
extern const struct nacre_rng nacre_rng_os;

/* Fills out with n bytes from rng; on failure out is zeroed. */
NACRE_MUST_CHECK bool nacre_rng_fill(const struct nacre_rng *rng, uint8_t *out, size_t n);

/* ---- Hashes: FIPS 180-4 ------------------------------------------------------------------ */

struct nacre_sha256 {
    uint32_t h[8];
    uint64_t len; /* bytes so far */
    uint8_t buf[64];
};

/* SHA-384 and SHA-512 share the state. */
struct nacre_sha512 {
    uint64_t h[8];
    uint64_t len; /* bytes so far; messages of 2^61 bytes and more are out of range */
    uint8_t buf[128];
};

void nacre_sha256_init(struct nacre_sha256 *c);
void nacre_sha256_update(struct nacre_sha256 *c, const uint8_t *m, size_t n);
/* Writes the digest and wipes the context. */
void nacre_sha256_final(uint8_t out[NACRE_SHA256_LEN], struct nacre_sha256 *c);
void nacre_sha384_init(struct nacre_sha512 *c);
void nacre_sha384_final(uint8_t out[NACRE_SHA384_LEN], struct nacre_sha512 *c);
void nacre_sha512_init(struct nacre_sha512 *c);
void nacre_sha512_update(struct nacre_sha512 *c, const uint8_t *m, size_t n);
void nacre_sha512_final(uint8_t out[NACRE_SHA512_LEN], struct nacre_sha512 *c);

union nacre_hash_ctx {
    struct nacre_sha256 sha256;
    struct nacre_sha512 sha512;
};

/* A hash function as a row, for code that is told which one to use. */
struct nacre_hash {
    const char *name; /* "sha256", ... */
    size_t len;       /* of the digest, bytes, at most NACRE_HASH_MAX_LEN */
    size_t block;     /* of the compression function, bytes, at most 128 */
    void (*init)(union nacre_hash_ctx *c);
    void (*update)(union nacre_hash_ctx *c, const uint8_t *m, size_t n);
    void (*final)(uint8_t *out, union nacre_hash_ctx *c);
};

extern const struct nacre_hash nacre_hash_sha256;
extern const struct nacre_hash nacre_hash_sha384;
extern const struct nacre_hash nacre_hash_sha512;

/* ---- HMAC: RFC 2104, FIPS 198-1 ---------------------------------------------------------- */

struct nacre_hmac {
    const struct nacre_hash *hash;
    union nacre_hash_ctx inner; /* state after the inner pad block */
    union nacre_hash_ctx outer; /* state after the outer pad block */
    union nacre_hash_ctx run;   /* the message in progress */
};

/* Keys the context; any key length. The pads are hashed once, here. */
void nacre_hmac_init(struct nacre_hmac *c, const struct nacre_hash *hash, const uint8_t *key,
                     size_t n);
void nacre_hmac_update(struct nacre_hmac *c, const uint8_t *m, size_t n);
/* Writes hash->len bytes and makes the context ready for the next message under the same key. */
void nacre_hmac_final(uint8_t *out, struct nacre_hmac *c);

/* ---- AES: FIPS 197, SP 800-38A; bitsliced, no tables ------------------------------------- */

struct nacre_aes {
    uint64_t rk[30]; /* round keys, two words a round, see aes.c */
    unsigned rounds; /* 10, 12 or 14 */
};

/* Expands a key of 16, 24 or 32 bytes; false (context zeroed) on any other length. */
NACRE_MUST_CHECK bool nacre_aes_init(struct nacre_aes *c, const uint8_t *key, size_t n);
void nacre_aes_encrypt_block(uint8_t out[NACRE_AES_BLOCK], const struct nacre_aes *c,
                             const uint8_t in[NACRE_AES_BLOCK]);
void nacre_aes_decrypt_block(uint8_t out[NACRE_AES_BLOCK], const struct nacre_aes *c,
                             const uint8_t in[NACRE_AES_BLOCK]);

struct nacre_aes_ctr {
    struct nacre_aes aes;
    uint8_t ctr[NACRE_AES_BLOCK]; /* next counter block, 128-bit big-endian */
};

NACRE_MUST_CHECK bool nacre_aes_ctr_init(struct nacre_aes_ctr *c, const uint8_t *key, size_t n,
                                         const uint8_t iv[NACRE_AES_BLOCK]);
/* XORs the key stream over n bytes; out may be in. Every call but the last of a stream has n a
 * multiple of 16. */
void nacre_aes_ctr_xor(uint8_t *out, struct nacre_aes_ctr *c, const uint8_t *in, size_t n);

/* ---- ChaCha20 and Poly1305: RFC 8439, in the original 64-bit layout ---------------------- */

/* XORs ChaCha20's key stream from block `counter` on (64-bit, words 12 and 13) over n bytes; out
 * may be in. */
void nacre_chacha20_xor(uint8_t *out, const uint8_t *in, size_t n,
                        const uint8_t key[NACRE_CHACHA20_KEY_LEN],
                        const uint8_t nonce[NACRE_CHACHA20_NONCE_LEN], uint64_t counter);

struct nacre_poly1305 {
    uint64_t r[2];
    uint64_t h[3];
    uint64_t s[2];
    uint8_t buf[16];
    size_t n; /* bytes in buf */
};

/* key is the one-time key r || s; clamping is done here (section 2.5). */
void nacre_poly1305_init(struct nacre_poly1305 *c, const uint8_t key[NACRE_POLY1305_KEY_LEN]);
void nacre_poly1305_update(struct nacre_poly1305 *c, const uint8_t *m, size_t n);
/* Writes the tag and wipes the context. */
void nacre_poly1305_final(uint8_t tag[NACRE_POLY1305_LEN], struct nacre_poly1305 *c);

/* ---- Curve25519: RFC 7748 ---------------------------------------------------------------- */

/* The public value of a scalar (any 32 bytes, clamped here). pub may be scalar. CT in scalar. */
void nacre_x25519_base(uint8_t pub[NACRE_X25519_LEN], const uint8_t scalar[NACRE_X25519_LEN]);
/* The shared secret; false (and zeros) if it is all zero, that is, point has small order. The
 * top bit of point is ignored, values over p are reduced. shared may be scalar or point. CT in
 * scalar. */
NACRE_MUST_CHECK bool nacre_x25519(uint8_t shared[NACRE_X25519_LEN],
                                   const uint8_t scalar[NACRE_X25519_LEN],
                                   const uint8_t point[NACRE_X25519_LEN]);

/* ---- Ed25519: RFC 8032, pure ------------------------------------------------------------- */

/* An expanded private key. The public half is always recomputed from the seed, so that a wrong
 * one can never be signed with. */
struct nacre_ed25519_key {
    uint8_t scalar[32];
    uint8_t prefix[32];
    uint8_t pub[NACRE_ED25519_PUB_LEN];
};

/* Expands a seed, which may lie in k. CT in seed; k->pub is public. */
void nacre_ed25519_key_init(struct nacre_ed25519_key *k, const uint8_t seed[NACRE_ED25519_SEED_LEN]);
/* Deterministic signature. sig may lie in m. CT in k; the message is treated as public. */
void nacre_ed25519_sign(uint8_t sig[NACRE_ED25519_SIG_LEN], const struct nacre_ed25519_key *k,
                        const uint8_t *m, size_t n);
/* True if sig is a signature of m: false if S >= L, pub is no point or the equation fails
 * (section 5.1.7, cofactorless, encodings of R compared). Public data only: not CT. */
NACRE_MUST_CHECK bool nacre_ed25519_verify_vartime(const uint8_t pub[NACRE_ED25519_PUB_LEN],
                                                   const uint8_t *m, size_t n,
                                                   const uint8_t sig[NACRE_ED25519_SIG_LEN]);
/* True if pub decodes to a point that is not of small order: only such a key may be trusted. */
NACRE_MUST_CHECK bool nacre_ed25519_trustworthy_vartime(const uint8_t pub[NACRE_ED25519_PUB_LEN]);

#ifdef __cplusplus
}
#endif
#endif
