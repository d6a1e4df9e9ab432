/* SPDX-License-Identifier: ISC
 *
 * nacre's cryptographic primitives: pure functions over the caller's memory.
 *
 * Nothing here allocates, keeps state outside of a context, knows of SSH or prints. Outputs come
 * first, a pointer is followed by its length. Functions that can refuse return bool: true means
 * done or verified, false means refused, and outputs are then zeroed. All of it is constant-time
 * in keys and messages; lengths are public. Functions whose name ends in _vartime are not.
 *
 * Outputs do not overlap inputs or work unless the function says that they may; a piece of 0 bytes
 * may be at NULL. Sections name their sources; where a function says nothing of CT, what stands
 * above holds.
 *
 * Contexts are plain structs of the caller: the layout is public so that static storage works,
 * the fields are private. Wipe contexts that held keys with nacre_wipe().
 *
 * Large operations work in memory of the caller's, `work`: at least the number of 64-bit words that
 * the constant NACRE_..._WORK beside the function says. Nothing in it outlives the call, and it is
 * wiped before the return, so that one piece may serve all operations of a thread.
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

#define NACRE_MD5_LEN 16
#define NACRE_SHA1_LEN 20
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

/* A big integer: unsigned, big-endian, any length; leading zero bytes mean nothing, none is 0. */
struct nacre_num {
    const uint8_t *p;
    size_t n;
};

/* ---- Hashes: FIPS 180-4, RFC 1321 -------------------------------------------------------- */

/* Both are broken where collisions matter: MD5 for fingerprints and old key files, SHA-1 for hashed
 * host names, and either for peers that know nothing else. */
struct nacre_md5 {
    uint32_t h[4];
    uint64_t len; /* bytes so far */
    uint8_t buf[64];
};

struct nacre_sha1 {
    uint32_t h[5];
    uint64_t len; /* bytes so far */
    uint8_t buf[64];
};

void nacre_md5_init(struct nacre_md5 *c);
void nacre_md5_update(struct nacre_md5 *c, const uint8_t *m, size_t n);
/* Writes the digest and wipes the context, as all final functions do. */
void nacre_md5_final(uint8_t out[NACRE_MD5_LEN], struct nacre_md5 *c);
void nacre_sha1_init(struct nacre_sha1 *c);
void nacre_sha1_update(struct nacre_sha1 *c, const uint8_t *m, size_t n);
void nacre_sha1_final(uint8_t out[NACRE_SHA1_LEN], struct nacre_sha1 *c);

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
    struct nacre_md5 md5;
    struct nacre_sha1 sha1;
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

extern const struct nacre_hash nacre_hash_md5;
extern const struct nacre_hash nacre_hash_sha1;
extern const struct nacre_hash nacre_hash_sha256;
extern const struct nacre_hash nacre_hash_sha384;
extern const struct nacre_hash nacre_hash_sha512;

/* ---- SHA-3 and SHAKE: FIPS 202 ----------------------------------------------------------- */

#define NACRE_SHA3_256_LEN 32
#define NACRE_SHA3_512_LEN 64
#define NACRE_SHAKE128_RATE 168 /* bytes of a block of output */
#define NACRE_SHAKE256_RATE 136

struct nacre_keccak {
    uint64_t a[25];
    uint8_t rate;   /* bytes of a block */
    uint8_t at;     /* bytes of the block used so far */
    uint8_t domain; /* suffix and first padding bit; 0 once squeezing */
};

void nacre_sha3_256_init(struct nacre_keccak *c);
void nacre_sha3_512_init(struct nacre_keccak *c);
void nacre_sha3_update(struct nacre_keccak *c, const uint8_t *m, size_t n);
/* Writes 32 or 64 bytes, as initialised, and wipes the context. */
void nacre_sha3_final(uint8_t *out, struct nacre_keccak *c);

void nacre_shake128_init(struct nacre_keccak *c);
void nacre_shake256_init(struct nacre_keccak *c);
void nacre_shake_absorb(struct nacre_keccak *c, const uint8_t *m, size_t n);
/* The next n bytes of output, pieces of any size; the first call ends the input. The caller
 * wipes. */
void nacre_shake_squeeze(uint8_t *out, struct nacre_keccak *c, size_t n);

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

/* ---- UMAC: RFC 4418 ---------------------------------------------------------------------- */

#define NACRE_UMAC_KEY_LEN 16
#define NACRE_UMAC_NONCE_LEN 8
#define NACRE_UMAC_MAX_LEN 16

struct nacre_aes {
    uint64_t rk[30]; /* round keys, two words a round, two columns a word, see aes.c */
    unsigned rounds; /* 10, 12 or 14 */
};

struct nacre_aes_ctr {
    struct nacre_aes aes;
    uint8_t ctr[NACRE_AES_BLOCK]; /* next counter block, 128-bit big-endian */
};

/* UMAC-64 and UMAC-128 for messages below 2^24 bytes (the third level of polynomials, which
 * starts there, is left out). */
struct nacre_umac {
    struct nacre_aes_ctr pad; /* under the key that makes the pads */
    uint32_t l1[256 + 12];    /* NH key of up to four streams, shifted by four words each */
    uint64_t l2[4];           /* polynomial keys */
    uint64_t l3[4][4];        /* inner product keys, the half that meets more than zeros */
    uint32_t l4[4];           /* words added at the end */
    uint64_t poly[4];         /* polynomial hashes so far */
    uint64_t len;             /* bytes so far */
    uint8_t streams;          /* 2 or 4: tag_len / 4 */
    uint8_t buf[1024];
};

/* tag_len is 8 (UMAC-64) or 16 (UMAC-128), anything else counts as 16. */
void nacre_umac_init(struct nacre_umac *c, size_t tag_len, const uint8_t key[NACRE_UMAC_KEY_LEN]);
void nacre_umac_update(struct nacre_umac *c, const uint8_t *m, size_t n);
/* Writes the tag of 8 or 16 bytes and makes the context ready for the next message. A nonce may be
 * used once under a key. */
void nacre_umac_final(uint8_t *tag, struct nacre_umac *c,
                      const uint8_t nonce[NACRE_UMAC_NONCE_LEN]);

/* ---- Keys from passphrases --------------------------------------------------------------- */

/* PBKDF2 (RFC 8018 5.2) with HMAC of that hash; false (zeros) if n or iterations is 0. */
NACRE_MUST_CHECK bool nacre_pbkdf2(uint8_t *out, size_t n, const struct nacre_hash *hash,
                                   const uint8_t *pass, size_t pass_len, const uint8_t *salt,
                                   size_t salt_len, uint32_t iterations);
/* n bytes as old encrypted PEM files derive them: D1 = MD5(pass || salt), Di = MD5(D(i-1) || pass
 * || salt). */
void nacre_pem_kdf(uint8_t *out, size_t n, const uint8_t *pass, size_t pass_len,
                   const uint8_t salt[8]);
/* bcrypt_pbkdf of OpenSSH's key files; false (zeros) unless pass and salt hold bytes, rounds >= 1,
 * 1 <= n <= 1024. Blowfish reads tables at secret places: beside Argon2d, Argon2id and scrypt, the
 * only operation here that is not CT in its secret, and none that a peer can time. */
#define NACRE_BCRYPT_WORK 1152
#define NACRE_BCRYPT_OUT_MAX 1024
NACRE_MUST_CHECK bool nacre_bcrypt_pbkdf(uint8_t *out, size_t n, const uint8_t *pass,
                                         size_t pass_len, const uint8_t *salt, size_t salt_len,
                                         uint32_t rounds, uint64_t *work);

/* BLAKE2b (RFC 7693), messages below 2^64 bytes. */
#define NACRE_BLAKE2B_LEN_MAX 64
#define NACRE_BLAKE2B_KEY_MAX 64
struct nacre_blake2b {
    uint64_t h[8];
    uint64_t len; /* bytes compressed */
    size_t have, out_len;
    uint8_t buf[128];
};
/* Digests of out_len bytes, 1 to 64; key_len 0: no key. False (context zeroed) on other lengths. */
NACRE_MUST_CHECK bool nacre_blake2b_init(struct nacre_blake2b *c, size_t out_len,
                                         const uint8_t *key, size_t key_len);
/* As of the other hashes; final writes out_len bytes. */
void nacre_blake2b_update(struct nacre_blake2b *c, const uint8_t *m, size_t n);
void nacre_blake2b_final(uint8_t *out, struct nacre_blake2b *c);

/* Argon2 version 0x13 (RFC 9106). */
enum nacre_argon2_type { NACRE_ARGON2_D = 0, NACRE_ARGON2_I, NACRE_ARGON2_ID };
struct nacre_argon2 {
    enum nacre_argon2_type type;
    uint32_t passes, kib, lanes; /* t, m, p: at least 1, 8 lanes, 1 */
    const uint8_t *pass, *salt, *secret, *data;
    size_t pass_len, salt_len, secret_len,
        data_len; /* salt at least 8 bytes, the others may be none */
};
#define NACRE_ARGON2_WORK 512
/* A tag of n bytes, at least 4. mem: at least 1,024 bytes for each of kib, of any alignment, wiped.
 * False (zeros) on parameters out of the RFC's ranges or too little mem. CT in all inputs for
 * ARGON2_I; the other types read memory at places that depend on them, ARGON2_ID after the first
 * half of the first pass, as the RFC has it. Lengths and costs leak. */
NACRE_MUST_CHECK bool nacre_argon2(uint8_t *out, size_t n, const struct nacre_argon2 *a,
                                   uint8_t *mem, size_t mem_len, uint64_t *work);

/* ---- AES: FIPS 197, SP 800-38A; bitsliced, no tables ------------------------------------- */

/* Expands a key of 16, 24 or 32 bytes; false (context zeroed) on any other length. */
NACRE_MUST_CHECK bool nacre_aes_init(struct nacre_aes *c, const uint8_t *key, size_t n);
/* One block; out may be in. */
void nacre_aes_encrypt_block(uint8_t out[NACRE_AES_BLOCK], const struct nacre_aes *c,
                             const uint8_t in[NACRE_AES_BLOCK]);
void nacre_aes_decrypt_block(uint8_t out[NACRE_AES_BLOCK], const struct nacre_aes *c,
                             const uint8_t in[NACRE_AES_BLOCK]);

/* As nacre_aes_init(); iv is the first counter block, whose 128 bits count up. */
NACRE_MUST_CHECK bool nacre_aes_ctr_init(struct nacre_aes_ctr *c, const uint8_t *key, size_t n,
                                         const uint8_t iv[NACRE_AES_BLOCK]);
/* XORs the key stream over n bytes; out may be in. Every call but the last of a stream has n a
 * multiple of 16. */
void nacre_aes_ctr_xor(uint8_t *out, struct nacre_aes_ctr *c, const uint8_t *in, size_t n);

struct nacre_aes_cbc {
    struct nacre_aes aes;
    uint8_t iv[NACRE_AES_BLOCK]; /* last ciphertext block */
};

/* As nacre_aes_init(). */
NACRE_MUST_CHECK bool nacre_aes_cbc_init(struct nacre_aes_cbc *c, const uint8_t *key, size_t n,
                                         const uint8_t iv[NACRE_AES_BLOCK]);
/* n is a multiple of 16, a rest is left alone; out may be in. The chain goes on with the next
 * call. */
void nacre_aes_cbc_encrypt(uint8_t *out, struct nacre_aes_cbc *c, const uint8_t *in, size_t n);
void nacre_aes_cbc_decrypt(uint8_t *out, struct nacre_aes_cbc *c, const uint8_t *in, size_t n);

/* ---- AES-GCM: SP 800-38D, 12-byte nonces, 16-byte tags ----------------------------------- */

#define NACRE_GCM_IV_LEN 12
#define NACRE_GCM_TAG_LEN 16

struct nacre_gcm {
    struct nacre_aes aes;
    uint64_t h[2 * 16]; /* powers of the hash key, in the form that the routine in use wants */
};

/* As nacre_aes_init(). */
NACRE_MUST_CHECK bool nacre_gcm_init(struct nacre_gcm *c, const uint8_t *key, size_t n);
/* Encrypts n bytes (below 2^36 - 32) and writes the tag over aad and ciphertext; out may be in. An
 * iv may be used once under a key. */
void nacre_gcm_seal(uint8_t *out, uint8_t tag[NACRE_GCM_TAG_LEN], const struct nacre_gcm *c,
                    const uint8_t iv[NACRE_GCM_IV_LEN], const uint8_t *aad, size_t aad_len,
                    const uint8_t *in, size_t n);
/* False (out zeroed) if the tag is wrong; out may be in. */
NACRE_MUST_CHECK bool nacre_gcm_open(uint8_t *out, const struct nacre_gcm *c,
                                     const uint8_t iv[NACRE_GCM_IV_LEN], const uint8_t *aad,
                                     size_t aad_len, const uint8_t *in, size_t n,
                                     const uint8_t tag[NACRE_GCM_TAG_LEN]);

/* ---- Triple DES in CBC mode: SP 800-67, for old peers only; bitsliced -------------------- */

#define NACRE_DES3_KEY_LEN 24
#define NACRE_DES3_BLOCK 8

struct nacre_des3_cbc {
    uint64_t rk[3 * 16]; /* round keys of the three passes, see des_legacy.c */
    uint8_t iv[NACRE_DES3_BLOCK];
};

/* The key is three of DES, whose parity bits are ignored: encrypt, decrypt, encrypt. */
void nacre_des3_cbc_init(struct nacre_des3_cbc *c, const uint8_t key[NACRE_DES3_KEY_LEN],
                         const uint8_t iv[NACRE_DES3_BLOCK]);
/* n is a multiple of 8, a rest is left alone; out may be in. The chain goes on with the next call.
 */
void nacre_des3_cbc_encrypt(uint8_t *out, struct nacre_des3_cbc *c, const uint8_t *in, size_t n);
void nacre_des3_cbc_decrypt(uint8_t *out, struct nacre_des3_cbc *c, const uint8_t *in, size_t n);

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
void nacre_ed25519_key_init(struct nacre_ed25519_key *k,
                            const uint8_t seed[NACRE_ED25519_SEED_LEN]);
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

/* ---- NIST curves: SP 800-186, SEC 1; ECDSA: FIPS 186-5, RFC 6979 ------------------------- */

/* A curve as a row; what a program does not name is not linked. */
struct nacre_curve;
extern const struct nacre_curve nacre_p256;
extern const struct nacre_curve nacre_p384;
extern const struct nacre_curve nacre_p521;

#define NACRE_P256_LEN 32
#define NACRE_P384_LEN 48
#define NACRE_P521_LEN 66
#define NACRE_EC_LEN_MAX 66
#define NACRE_EC_POINT_MAX (1 + 2 * NACRE_EC_LEN_MAX) /* 04 || X || Y */
#define NACRE_EC_WORK 1024

/* Bytes of a coordinate and of a scalar; a point has 1 + 2 times as many. */
size_t nacre_ec_len(const struct nacre_curve *c);
/* The point of a scalar of nacre_ec_len() bytes; false (zeros) if it is 0 or not below the order.
 * CT in priv. */
NACRE_MUST_CHECK bool nacre_ec_public(uint8_t *point, const struct nacre_curve *c,
                                      const uint8_t *priv, uint64_t *work);
/* A scalar chosen uniformly, and its point; false (zeros) if rng fails. */
NACRE_MUST_CHECK bool nacre_ec_keygen(uint8_t *priv, uint8_t *point, const struct nacre_curve *c,
                                      const struct nacre_rng *rng, uint64_t *work);
/* True if the n bytes are an uncompressed point on the curve. Public data: not CT. */
NACRE_MUST_CHECK bool nacre_ec_check_vartime(const struct nacre_curve *c, const uint8_t *point,
                                             size_t n);
/* The x coordinate of priv * point (nacre_ec_len() bytes); false (zeros) if priv is out of range
 * or the point fails the check. CT in priv. */
NACRE_MUST_CHECK bool nacre_ecdh(uint8_t *shared, const struct nacre_curve *c, const uint8_t *priv,
                                 const uint8_t *point, size_t n, uint64_t *work);
/* r and s, nacre_ec_len() bytes each, of the message's hash; the nonce is RFC 6979's. False (zeros)
 * if priv is out of range. CT in priv; the message is public. */
NACRE_MUST_CHECK bool nacre_ecdsa_sign(uint8_t *r, uint8_t *s, const struct nacre_curve *c,
                                       const struct nacre_hash *hash, const uint8_t *priv,
                                       const uint8_t *m, size_t n, uint64_t *work);
/* False unless the point passes the check, 0 < r, s < order and the equation holds. Not CT. */
NACRE_MUST_CHECK bool nacre_ecdsa_verify_vartime(const struct nacre_curve *c,
                                                 const struct nacre_hash *hash,
                                                 const uint8_t *point, size_t point_len,
                                                 const uint8_t *m, size_t n, struct nacre_num r,
                                                 struct nacre_num s, uint64_t *work);

/* ---- Integers modulo an odd number, Diffie-Hellman: RFC 3526, 4419 ----------------------- */

#define NACRE_MOD_BITS_MAX 16384
/* Words for a modulus of that many bits. */
#define NACRE_MODEXP_WORK(bits) (30 * (((bits) + 63) / 64) + 512)

/* base^exp mod m, as many bytes as m without leading zeros; false (zeros) if m is even, below 3 or
 * over NACRE_MOD_BITS_MAX. CT in base and exp (their lengths leak), m is public. 0^0 is 1. */
NACRE_MUST_CHECK bool nacre_modexp(uint8_t *out, struct nacre_num base, struct nacre_num exp,
                                   struct nacre_num m, uint64_t *work);

/* A safe-prime group with its generator. */
struct nacre_dh_group {
    struct nacre_num p, g;
    unsigned bits;
};
/* RFC 3526, generator 2; group 1 (RFC 2409, 1,024 bits) for old peers only. */
extern const struct nacre_dh_group nacre_dh_group1;
extern const struct nacre_dh_group nacre_dh_group14;
extern const struct nacre_dh_group nacre_dh_group15;
extern const struct nacre_dh_group nacre_dh_group16;
extern const struct nacre_dh_group nacre_dh_group17;
extern const struct nacre_dh_group nacre_dh_group18;
#define NACRE_DH_BITS_MAX 8192
#define NACRE_DH_LEN_MAX (NACRE_DH_BITS_MAX / 8)
#define NACRE_DH_WORK NACRE_MODEXP_WORK(NACRE_DH_BITS_MAX)

/* True for a group that a peer may bring: p odd, of min_bits (at least 1,024) to 8,192 bits,
 * 1 < g < p - 1. That p is prime is the sender's word (RFC 4419). Not CT. */
NACRE_MUST_CHECK bool nacre_dh_group_ok_vartime(struct nacre_num p, struct nacre_num g,
                                                unsigned min_bits);
/* g^x mod p, as many bytes as p; false (zeros) as nacre_modexp(). CT in x, its length leaks. */
NACRE_MUST_CHECK bool nacre_dh_public(uint8_t *pub, const struct nacre_dh_group *group,
                                      struct nacre_num x, uint64_t *work);
/* peer^x mod p, as many bytes as p; false (zeros) unless 1 < peer < p - 1. CT in x. */
NACRE_MUST_CHECK bool nacre_dh_shared(uint8_t *k, const struct nacre_dh_group *group,
                                      struct nacre_num x, struct nacre_num peer, uint64_t *work);

/* ---- RSA: RFC 8017, PKCS #1 v1.5 signatures ---------------------------------------------- */

#define NACRE_RSA_BITS_MIN 1024      /* verified */
#define NACRE_RSA_SIGN_BITS_MIN 2048 /* made and signed with */
#define NACRE_RSA_BITS_MAX 16384
#define NACRE_RSA_LEN_MAX (NACRE_RSA_BITS_MAX / 8)
/* Words for a modulus of that many bits. */
#define NACRE_RSA_WORK(bits) NACRE_MODEXP_WORK(bits)
/* The first of them, which are all that verifying takes. */
#define NACRE_RSA_VERIFY_WORK(bits) (12 * (((bits) + 127) / 128))

/* A private key, borrowed: n = p q, iqmp = 1/q mod p. */
struct nacre_rsa_key {
    struct nacre_num n, e, d, p, q, iqmp;
};

/* True if n is odd and of 1,024 to 16,384 bits, e odd, 3 <= e < n, and, with more than 3,072 bits
 * of n, e has at most 64 (the work of a verification is bounded so). */
NACRE_MUST_CHECK bool nacre_rsa_public_ok_vartime(struct nacre_num n, struct nacre_num e);
/* Not CT. True if sig is the one canonical encoding's signature: sig as long as n, below n, the
 * block equal to 00 01 ff.. 00 DigestInfo hash. The hash is SHA-1, SHA-256, SHA-384 or SHA-512. */
NACRE_MUST_CHECK bool nacre_rsa_verify_vartime(const struct nacre_hash *hash, struct nacre_num n,
                                               struct nacre_num e, const uint8_t *m, size_t len,
                                               struct nacre_num sig, uint64_t *work);
/* Signature of as many bytes as n. Blinded with rng, CRT, verified before it leaves: false (zeros)
 * if that fails, if rng does, or if the key is not fit. CT in d, p, q, iqmp. */
NACRE_MUST_CHECK bool nacre_rsa_sign(uint8_t *sig, const struct nacre_hash *hash,
                                     const struct nacre_rsa_key *key, const uint8_t *m, size_t len,
                                     const struct nacre_rng *rng, uint64_t *work);
/* True if the parts belong together: n = p q, p and q odd and above 1, e d = 1 mod p - 1 and
 * q - 1, iqmp q = 1 mod p. CT in the private parts. */
NACRE_MUST_CHECK bool nacre_rsa_key_ok(const struct nacre_rsa_key *key, uint64_t *work);
/* A new key with e = 65537: n and d of bits / 8 bytes, p, q and iqmp of bits / 16 (bits: 2,048 to
 * 16,384, a multiple of 16). FIPS 186-5 A.1.3: p and q differ in their first 100 bits, both over
 * 2^(bits/2 - 1/2), d over 2^(bits/2). False (zeros) on a bad size or if rng fails. */
NACRE_MUST_CHECK bool nacre_rsa_generate(uint8_t *n, uint8_t *d, uint8_t *p, uint8_t *q,
                                         uint8_t *iqmp, unsigned bits, const struct nacre_rng *rng,
                                         uint64_t *work);

/* out = d mod prime - 1, prime.n bytes; prime is key's p or q without leading zero bytes. For a
 * well-formed key (nacre_rsa_key_ok()); false, nothing written, if the lengths are not of one. CT
 * in d and the prime but for its bit length. work: NACRE_RSA_WORK of the modulus. */
NACRE_MUST_CHECK bool nacre_rsa_crt_exponent(uint8_t *out, const struct nacre_rsa_key *key,
                                             struct nacre_num prime, uint64_t *work);

/* ---- ML-KEM: FIPS 203 -------------------------------------------------------------------- */

#define NACRE_MLKEM_SEED_LEN 64 /* d || z */
#define NACRE_MLKEM_K_LEN 32
#define NACRE_MLKEM768_EK_LEN 1184
#define NACRE_MLKEM768_DK_LEN 2400
#define NACRE_MLKEM768_CT_LEN 1088
#define NACRE_MLKEM1024_EK_LEN 1568
#define NACRE_MLKEM1024_DK_LEN 3168
#define NACRE_MLKEM1024_CT_LEN 1568
#define NACRE_MLKEM_WORK 3072

/* Key pair of a seed (KeyGen_internal). CT in seed. */
void nacre_mlkem768_keygen(uint8_t *ek, uint8_t *dk, const uint8_t seed[NACRE_MLKEM_SEED_LEN],
                           uint64_t *work);
/* Ciphertext and shared key of 32 random bytes m; false (zeros) if ek fails the modulus check. */
NACRE_MUST_CHECK bool nacre_mlkem768_encaps(uint8_t *ct, uint8_t k[NACRE_MLKEM_K_LEN],
                                            const uint8_t *ek, const uint8_t m[32], uint64_t *work);
/* The shared key, the implicit rejection's for a bad ciphertext; false (zeros) only if dk fails its
 * hash check. CT in dk and in whether ct is good. */
NACRE_MUST_CHECK bool nacre_mlkem768_decaps(uint8_t k[NACRE_MLKEM_K_LEN], const uint8_t *dk,
                                            const uint8_t *ct, uint64_t *work);
/* The same with the other parameters. */
void nacre_mlkem1024_keygen(uint8_t *ek, uint8_t *dk, const uint8_t seed[NACRE_MLKEM_SEED_LEN],
                            uint64_t *work);
NACRE_MUST_CHECK bool nacre_mlkem1024_encaps(uint8_t *ct, uint8_t k[NACRE_MLKEM_K_LEN],
                                             const uint8_t *ek, const uint8_t m[32],
                                             uint64_t *work);
NACRE_MUST_CHECK bool nacre_mlkem1024_decaps(uint8_t k[NACRE_MLKEM_K_LEN], const uint8_t *dk,
                                             const uint8_t *ct, uint64_t *work);

/* ---- ML-DSA-44: FIPS 204, and the composite with Ed25519 --------------------------------- */

#define NACRE_MLDSA44_SEED_LEN 32
#define NACRE_MLDSA44_PK_LEN 1312
#define NACRE_MLDSA44_SK_LEN 2560
#define NACRE_MLDSA44_SIG_LEN 2420
#define NACRE_MLDSA44_RND_LEN 32
#define NACRE_MLDSA44_CTX_MAX 255
#define NACRE_MLDSA44_WORK 7680

/* Key pair of a seed; sk, the expanded form, may be NULL. CT in seed. */
void nacre_mldsa44_keygen(uint8_t pk[NACRE_MLDSA44_PK_LEN], uint8_t *sk,
                          const uint8_t seed[NACRE_MLDSA44_SEED_LEN], uint64_t *work);
/* Signs from the seed; rnd all zero is the deterministic form. False (zeros): ctx over 255 bytes.
 * CT in seed, but for the number of tries, which is independent of it. */
NACRE_MUST_CHECK bool nacre_mldsa44_sign(uint8_t sig[NACRE_MLDSA44_SIG_LEN],
                                         const uint8_t seed[NACRE_MLDSA44_SEED_LEN],
                                         const uint8_t *ctx, size_t ctx_len,
                                         const uint8_t rnd[NACRE_MLDSA44_RND_LEN], const uint8_t *m,
                                         size_t n, uint64_t *work);
/* The same from an expanded key; false, too, if it is malformed so that no try succeeds. */
NACRE_MUST_CHECK bool nacre_mldsa44_sign_expanded(uint8_t sig[NACRE_MLDSA44_SIG_LEN],
                                                  const uint8_t sk[NACRE_MLDSA44_SK_LEN],
                                                  const uint8_t *ctx, size_t ctx_len,
                                                  const uint8_t rnd[NACRE_MLDSA44_RND_LEN],
                                                  const uint8_t *m, size_t n, uint64_t *work);
/* True if sig is one of m under ctx: false if ctx is over 255 bytes, the hints are not encoded as
 * in FIPS 204 algorithm 21, z is out of range or the hash differs. Not CT. */
NACRE_MUST_CHECK bool nacre_mldsa44_verify_vartime(const uint8_t pk[NACRE_MLDSA44_PK_LEN],
                                                   const uint8_t *ctx, size_t ctx_len,
                                                   const uint8_t *m, size_t n,
                                                   const uint8_t sig[NACRE_MLDSA44_SIG_LEN],
                                                   uint64_t *work);

/* draft-miller-sshm-mldsa44-ed25519-composite-sigs: both halves sign, both must verify. Keys and
 * signatures are ML-DSA's || Ed25519's; the rest is as of ML-DSA-44 alone, CT and errors too. */
#define NACRE_MLDSA44_ED25519_SEED_LEN 64 /* ML-DSA seed || Ed25519 seed */
#define NACRE_MLDSA44_ED25519_PK_LEN 1344
#define NACRE_MLDSA44_ED25519_SIG_LEN 2484

void nacre_mldsa44_ed25519_keygen(uint8_t pk[NACRE_MLDSA44_ED25519_PK_LEN],
                                  const uint8_t seed[NACRE_MLDSA44_ED25519_SEED_LEN],
                                  uint64_t *work);
NACRE_MUST_CHECK bool nacre_mldsa44_ed25519_sign(uint8_t sig[NACRE_MLDSA44_ED25519_SIG_LEN],
                                                 const uint8_t seed[NACRE_MLDSA44_ED25519_SEED_LEN],
                                                 const uint8_t *ctx, size_t ctx_len,
                                                 const uint8_t rnd[NACRE_MLDSA44_RND_LEN],
                                                 const uint8_t *m, size_t n, uint64_t *work);
NACRE_MUST_CHECK bool nacre_mldsa44_ed25519_verify_vartime(
    const uint8_t pk[NACRE_MLDSA44_ED25519_PK_LEN], const uint8_t *ctx, size_t ctx_len,
    const uint8_t *m, size_t n, const uint8_t sig[NACRE_MLDSA44_ED25519_SIG_LEN], uint64_t *work);

/* ---- Streamlined NTRU Prime, sntrup761 --------------------------------------------------- */

#define NACRE_SNTRUP761_PK_LEN 1158
#define NACRE_SNTRUP761_SK_LEN 1763
#define NACRE_SNTRUP761_CT_LEN 1039
#define NACRE_SNTRUP761_K_LEN 32
#define NACRE_SNTRUP761_WORK 4096

/* Draw random bytes in the order of the reference code: 3,044 for g until it is invertible, 3,044
 * for f, 191 for rho. False (zeros) if rng fails. CT but for the number of tries for g. */
NACRE_MUST_CHECK bool nacre_sntrup761_keygen(uint8_t *pk, uint8_t *sk, const struct nacre_rng *rng,
                                             uint64_t *work);
/* Draws 3,044 bytes; false (zeros) if rng fails. CT in them and k; ct and pk are public. */
NACRE_MUST_CHECK bool nacre_sntrup761_encaps(uint8_t *ct, uint8_t *k, const uint8_t *pk,
                                             const struct nacre_rng *rng, uint64_t *work);
/* The shared key, or the implicit rejection's. CT in sk and in whether ct is good. */
void nacre_sntrup761_decaps(uint8_t *k, const uint8_t *sk, const uint8_t *ct, uint64_t *work);

/* ---- DEFLATE: RFC 1951, in zlib's wrapping: RFC 1950 ------------------------------------- */
/* Not CT: compression tells of its input by its nature. */

enum nacre_inflate_state {
    NACRE_INFLATE_MORE = 0, /* all input is used up, all output that it determines is written */
    NACRE_INFLATE_FULL,     /* the output is full and there is more */
    NACRE_INFLATE_END,      /* the stream ended; *used says where */
    NACRE_INFLATE_BAD       /* malformed; sticks */
};

#define NACRE_INFLATE_WINDOW 32768
#define NACRE_INFLATE_LIT 1334 /* entries that any code needs, with 10 and with 8 index bits */
#define NACRE_INFLATE_DIST 402
struct nacre_inflate {                    /* 40 KiB */
    uint8_t window[NACRE_INFLATE_WINDOW]; /* ring of the last output */
    uint32_t lit[NACRE_INFLATE_LIT];      /* decoding tables, see inflate.c */
    uint32_t dist[NACRE_INFLATE_DIST];
    uint8_t lens[288 + 32]; /* code lengths of a block as they are read */
    uint64_t bits;          /* taken in and not used, the first bit lowest */
    uint32_t n_bits;        /* how many */
    uint32_t where;         /* step of the decoder */
    uint32_t at, have;      /* window: place of the next byte, bytes of history */
    uint32_t left, back;    /* stored bytes, or of a match, left; distance of the match */
    uint32_t n_lit, n_dist, n_code, n_len; /* code lengths of each kind, read so far */
    uint32_t sum_a, sum_b;                 /* Adler-32 */
    uint32_t zlib, last, fixed; /* 0 or 1: wrapped, in the last block, tables are the fixed ones */
};

/* zlib: a zlib header comes first (and a checksum last, which is checked); else a raw stream. */
void nacre_inflate_init(struct nacre_inflate *c, bool zlib);
/* Decodes in (in_len bytes) into out until either is used up; *used and *n say how far. May be
 * called again with more input or more room, pieces of any size. */
enum nacre_inflate_state nacre_inflate(struct nacre_inflate *c, uint8_t *out, size_t cap, size_t *n,
                                       const uint8_t *in, size_t in_len, size_t *used);

/* Longest input of one call of nacre_deflate(), and the most that it can grow to. */
#define NACRE_DEFLATE_IN_MAX 34816
#define NACRE_DEFLATE_OUT_MAX(n) ((n) + (n) / 1024 + 32)
#define NACRE_DEFLATE_WIN (40 * 1024)
#define NACRE_DEFLATE_HASH_BITS 14
#define NACRE_DEFLATE_SEQ 4096
struct nacre_deflate {                  /* 158 KiB; see deflate.c */
    uint8_t win[NACRE_DEFLATE_WIN + 8]; /* history, then input; loads of 8 bytes may run over */
    uint16_t head[1 << NACRE_DEFLATE_HASH_BITS]; /* last position of each hash */
    uint16_t prev[32768];                        /* the one before with the same hash */
    uint32_t end, ins;                           /* win: bytes in it; next one to be indexed */
    uint32_t base;                               /* position in the stream of its first byte */
    uint32_t bits;                               /* not yet sent, less than 8 */
    uint32_t n_bits;                             /* how many */
    uint32_t level, begun;
    uint32_t seq[NACRE_DEFLATE_SEQ]; /* from here on: the block under way, nothing between calls */
    uint32_t key[288];
    uint16_t weight[576], up[576];
    uint16_t lit_freq[288], dist_freq[32];
    uint16_t codes[288 + 32];
    uint16_t tok[288 + 32];
    uint8_t lens[288 + 32];
};

/* level 0 (stored) to 9; 6 is usual. */
void nacre_deflate_init(struct nacre_deflate *c, int level);
/* One packet: in (n <= NACRE_DEFLATE_IN_MAX bytes) is compressed and flushed so that the peer can
 * inflate all of it at once; out (cap at least NACRE_DEFLATE_OUT_MAX(n)) may be in. The zlib header
 * comes before the first. Returns the bytes written, 0 if cap or n is out of range. */
size_t nacre_deflate(struct nacre_deflate *c, uint8_t *out, size_t cap, const uint8_t *in,
                     size_t n);

#ifdef __cplusplus
}
#endif
#endif
