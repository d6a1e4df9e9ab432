/* SPDX-License-Identifier: ISC
 *
 * The same primitives in other libraries: libsodium and zlib as they are installed; and as portable
 * C, without instructions that not every machine has, what BearSSL calls ct, ct64, ctmul, m31, i31,
 * i62 (never its x86ni and sse2), Monocypher, and a libsodium that NACRE_BENCH_SODIUM_REF names the
 * file of: one built of its reference files alone. All are opened at run time, by their ABI.
 *
 * Contexts are memory here, large and aligned enough for any. Keys, nonces and messages are bytes
 * of no meaning, unless a verification has to succeed for its cost to be the usual one.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/peers.h"

static uint8_t peer_buf[BENCH_BYTES + 64], peer_out[1024], peer_key[256];

struct peer_symbol {
    void *to; /* a pointer to a function, or to data */
    const char *name;
};

static void *peer_open(const char *const *files, const struct peer_symbol *symbols, size_t n)
{
    void *so = NULL;

    for (; so == NULL && *files != NULL; files++)
        so = dlopen(*files, RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; so != NULL && i < n; i++) {
        void *p = dlsym(so, symbols[i].name);

        if (p == NULL)
            return NULL;
        memcpy(symbols[i].to, &p, sizeof p);
    }
    return so;
}

#define PEER_COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- libsodium, twice ---- */

typedef unsigned char byte;

struct peer_sodium {
    int (*init)(void);
    int (*chacha)(byte *, const byte *, unsigned long long, const byte *, const byte *);
    int (*poly)(byte *, const byte *, unsigned long long, const byte *);
    int (*sha256)(byte *, const byte *, unsigned long long);
    int (*sha512)(byte *, const byte *, unsigned long long);
    int (*hmac)(byte *, const byte *, unsigned long long, const byte *);
    int (*blake2b)(byte *, size_t, const byte *, unsigned long long, const byte *, size_t);
    int (*scalarmult)(byte *, const byte *, const byte *);
    int (*base)(byte *, const byte *);
    int (*keypair)(byte *, byte *, const byte *);
    int (*sign)(byte *, unsigned long long *, const byte *, unsigned long long, const byte *);
    int (*verify)(const byte *, const byte *, unsigned long long, const byte *);
    int (*pwhash)(byte *, unsigned long long, const char *, unsigned long long, const byte *,
                  unsigned long long, size_t, int);
};

static struct peer_sodium peer_sodium, peer_sodium_ref;
static byte so_pk[32], so_sk[64], so_sig[64];

static bool sodium_open(struct peer_sodium *s, const char *file)
{
    const char *const files[] = {file, NULL};
    const struct peer_symbol symbols[] = {
        {&s->init, "sodium_init"},
        {&s->chacha, "crypto_stream_chacha20_xor"},
        {&s->poly, "crypto_onetimeauth_poly1305"},
        {&s->sha256, "crypto_hash_sha256"},
        {&s->sha512, "crypto_hash_sha512"},
        {&s->hmac, "crypto_auth_hmacsha256"},
        {&s->blake2b, "crypto_generichash_blake2b"},
        {&s->scalarmult, "crypto_scalarmult"},
        {&s->base, "crypto_scalarmult_base"},
        {&s->keypair, "crypto_sign_seed_keypair"},
        {&s->sign, "crypto_sign_detached"},
        {&s->verify, "crypto_sign_verify_detached"},
        {&s->pwhash, "crypto_pwhash_argon2id"},
    };

    if (file == NULL || peer_open(files, symbols, PEER_COUNT(symbols)) == NULL || s->init() < 0)
        return false;
    s->keypair(so_pk, so_sk, peer_key);
    s->sign(so_sig, NULL, peer_buf, 64, so_sk);
    return true;
}

/* Ed25519's public key serves as any point of X25519. */
#define PEER_SODIUM(so)                                                                            \
    static void so##_chacha(void)                                                                  \
    {                                                                                              \
        so.chacha(peer_buf, peer_buf, BENCH_BYTES, peer_key, peer_key);                            \
    }                                                                                              \
    static void so##_poly(void)                                                                    \
    {                                                                                              \
        so.poly(peer_out, peer_buf, BENCH_BYTES, peer_key);                                        \
    }                                                                                              \
    static void so##_chapoly(void)                                                                 \
    {                                                                                              \
        so##_chacha();                                                                             \
        so##_poly();                                                                               \
    }                                                                                              \
    static void so##_sha256(void)                                                                  \
    {                                                                                              \
        so.sha256(peer_out, peer_buf, BENCH_BYTES);                                                \
    }                                                                                              \
    static void so##_sha512(void)                                                                  \
    {                                                                                              \
        so.sha512(peer_out, peer_buf, BENCH_BYTES);                                                \
    }                                                                                              \
    static void so##_hmac(void)                                                                    \
    {                                                                                              \
        so.hmac(peer_out, peer_buf, BENCH_BYTES, peer_key);                                        \
    }                                                                                              \
    static void so##_blake2b(void)                                                                 \
    {                                                                                              \
        so.blake2b(peer_out, 64, peer_buf, BENCH_BYTES, NULL, 0);                                  \
    }                                                                                              \
    static void so##_x25519(void)                                                                  \
    {                                                                                              \
        so.scalarmult(peer_out, peer_key, so_pk);                                                  \
    }                                                                                              \
    static void so##_base(void)                                                                    \
    {                                                                                              \
        so.base(peer_out, peer_key);                                                               \
    }                                                                                              \
    static void so##_sign(void)                                                                    \
    {                                                                                              \
        so.sign(so_sig, NULL, peer_buf, 64, so_sk);                                                \
    }                                                                                              \
    static void so##_verify(void)                                                                  \
    {                                                                                              \
        so.verify(so_sig, peer_buf, 64, so_pk);                                                    \
    }                                                                                              \
    static void so##_argon2(void)                                                                  \
    {                                                                                              \
        so.pwhash(peer_out, 32, (const char *)peer_key, 16, peer_key, 1, 1 << 20, 2);              \
    }
PEER_SODIUM(peer_sodium)
PEER_SODIUM(peer_sodium_ref)

/* ---- zlib, as SSH uses it: a stream without end, flushed with each piece ---- */

struct z_stream {
    const byte *in;
    unsigned in_left;
    unsigned long in_all;
    byte *out;
    unsigned out_left;
    unsigned long out_all;
    const char *msg;
    void *state, *alloc, *release, *opaque;
    int type;
    unsigned long sum, reserved;
};
enum { Z_LEVEL = 6, Z_FLUSH = 1 };

static struct {
    const char *(*version)(void);
    int (*deflate_init)(struct z_stream *, int, const char *, int);
    int (*inflate_init)(struct z_stream *, const char *, int);
    int (*deflate)(struct z_stream *, int);
    int (*inflate)(struct z_stream *, int);
    int (*inflate_reset)(struct z_stream *);
} zlib;
static struct z_stream z_out, z_in;
static byte z_packed[2 * BENCH_BYTES];
static unsigned z_packed_len;

static bool zlib_open(void)
{
    static const char *const files[] = {"libz.so.1", NULL};
    static const struct peer_symbol symbols[] = {
        {&zlib.version, "zlibVersion"},       {&zlib.deflate_init, "deflateInit_"},
        {&zlib.inflate_init, "inflateInit_"}, {&zlib.deflate, "deflate"},
        {&zlib.inflate, "inflate"},           {&zlib.inflate_reset, "inflateReset"},
    };

    return peer_open(files, symbols, PEER_COUNT(symbols)) != NULL &&
           zlib.deflate_init(&z_out, Z_LEVEL, zlib.version(), sizeof z_out) == 0 &&
           zlib.inflate_init(&z_in, zlib.version(), sizeof z_in) == 0;
}
static size_t zlib_piece(void)
{
    z_out.in = bench_text_next();
    z_out.in_left = BENCH_BYTES;
    z_out.out = z_packed;
    z_out.out_left = sizeof z_packed;
    (void)zlib.deflate(&z_out, Z_FLUSH);
    return sizeof z_packed - z_out.out_left;
}
static void zlib_deflate(void)
{
    (void)zlib_piece();
}
/* The first piece of a stream again and again. */
static void zlib_inflate(void)
{
    if (z_packed_len == 0) {
        (void)zlib.deflate_init(&z_out, Z_LEVEL, zlib.version(), sizeof z_out);
        z_packed_len = (unsigned)zlib_piece();
    }
    (void)zlib.inflate_reset(&z_in);
    z_in.in = z_packed;
    z_in.in_left = z_packed_len;
    z_in.out = peer_buf;
    z_in.out_left = BENCH_BYTES;
    (void)zlib.inflate(&z_in, Z_FLUSH);
}

/* ---- BearSSL ---- */

struct br_ec_impl {
    uint32_t curves;
    const byte *(*generator)(int, size_t *);
    const byte *(*order)(int, size_t *);
    size_t (*xoff)(int, size_t *);
    uint32_t (*mul)(byte *, size_t, const byte *, size_t, int);
    size_t (*mulgen)(byte *, const byte *, size_t, int);
    uint32_t (*muladd)(byte *, const byte *, size_t, const byte *, size_t, const byte *, size_t,
                       int);
};
struct br_ec_key {
    int curve;
    byte *p;
    size_t n;
};
struct br_rsa_public {
    byte *n;
    size_t n_len;
    byte *e;
    size_t e_len;
};
struct br_rsa_private {
    uint32_t bits;
    struct {
        byte *p;
        size_t n;
    } p, q, dp, dq, iq;
};

static struct {
    void (*chacha)(const void *, const void *, uint32_t, void *, size_t);
    void (*poly)(const void *, const void *, void *, size_t, const void *, size_t, void *, void *,
                 int);
    void (*ctr_init)(void *, const void *, size_t);
    uint32_t (*ctr)(const void *, const void *, uint32_t, void *, size_t);
    void (*cbc_init)(void *, const void *, size_t);
    void (*cbc)(const void *, void *, void *, size_t);
    void (*gcm_init)(void *, void *, void *);
    void (*gcm_reset)(void *, const void *, size_t);
    void (*gcm_flip)(void *);
    void (*gcm_run)(void *, int, void *, size_t);
    void (*gcm_tag)(void *, void *);
    void *ghash;
    void (*md5_init)(void *), (*sha1_init)(void *), (*sha256_init)(void *), (*sha512_init)(void *);
    void (*md5)(void *, const void *, size_t), (*sha1)(void *, const void *, size_t);
    void (*sha256)(void *, const void *, size_t), (*sha512)(void *, const void *, size_t);
    void (*md5_out)(const void *, void *), (*sha1_out)(const void *, void *);
    void (*sha256_out)(const void *, void *), (*sha512_out)(const void *, void *);
    void (*hmac_key)(void *, const void *, const void *, size_t);
    void (*hmac_init)(void *, const void *, size_t);
    void (*hmac)(void *, const void *, size_t);
    size_t (*hmac_out)(const void *, void *);
    const void *sha256_class, *sha384_class, *sha512_class;
    const struct br_ec_impl *c25519, *p256, *prime;
    size_t (*sign)(const struct br_ec_impl *, const void *, const void *, const struct br_ec_key *,
                   void *);
    uint32_t (*verify)(const struct br_ec_impl *, const void *, size_t, const struct br_ec_key *,
                       const void *, size_t);
    uint32_t (*rsa_sign)(const byte *, const byte *, size_t, const struct br_rsa_private *, byte *);
    uint32_t (*rsa_verify)(const byte *, size_t, const byte *, size_t, const struct br_rsa_public *,
                           byte *);
} br;

static bool bearssl_open(void)
{
    static const char *const files[] = {"libbearssl.so.0", "libbearssl.so", NULL};
    static const struct peer_symbol symbols[] = {
        {&br.chacha, "br_chacha20_ct_run"},
        {&br.poly, "br_poly1305_ctmul_run"},
        {&br.ctr_init, "br_aes_ct64_ctr_init"},
        {&br.ctr, "br_aes_ct64_ctr_run"},
        {&br.cbc_init, "br_aes_ct64_cbcdec_init"},
        {&br.cbc, "br_aes_ct64_cbcdec_run"},
        {&br.gcm_init, "br_gcm_init"},
        {&br.gcm_reset, "br_gcm_reset"},
        {&br.gcm_flip, "br_gcm_flip"},
        {&br.gcm_run, "br_gcm_run"},
        {&br.gcm_tag, "br_gcm_get_tag"},
        {&br.ghash, "br_ghash_ctmul64"},
        {&br.md5_init, "br_md5_init"},
        {&br.sha1_init, "br_sha1_init"},
        {&br.sha256_init, "br_sha256_init"},
        {&br.sha512_init, "br_sha512_init"},
        {&br.md5, "br_md5_update"},
        {&br.sha1, "br_sha1_update"},
        {&br.sha256, "br_sha224_update"}, /* both are this */
        {&br.sha512, "br_sha384_update"},
        {&br.md5_out, "br_md5_out"},
        {&br.sha1_out, "br_sha1_out"},
        {&br.sha256_out, "br_sha256_out"},
        {&br.sha512_out, "br_sha512_out"},
        {&br.hmac_key, "br_hmac_key_init"},
        {&br.hmac_init, "br_hmac_init"},
        {&br.hmac, "br_hmac_update"},
        {&br.hmac_out, "br_hmac_out"},
        {&br.sha256_class, "br_sha256_vtable"},
        {&br.sha384_class, "br_sha384_vtable"},
        {&br.sha512_class, "br_sha512_vtable"},
        {&br.c25519, "br_ec_c25519_m31"},
        {&br.p256, "br_ec_p256_m31"},
        {&br.prime, "br_ec_prime_i31"},
        {&br.sign, "br_ecdsa_i31_sign_raw"},
        {&br.verify, "br_ecdsa_i31_vrfy_raw"},
        {&br.rsa_sign, "br_rsa_i62_pkcs1_sign"},
        {&br.rsa_verify, "br_rsa_i62_pkcs1_vrfy"},
    };

    return peer_open(files, symbols, PEER_COUNT(symbols)) != NULL;
}

static uint64_t br_ctx[128], br_key[128];

static void br_chacha(void)
{
    br.chacha(peer_key, peer_key, 1, peer_buf, BENCH_BYTES);
}

static void br_no_cipher(const void *key, const void *iv, uint32_t block, void *data, size_t n)
{
    (void)key, (void)iv, (void)block, (void)data, (void)n; /* Poly1305 alone is measured */
}
/* It has no Poly1305 but within ChaCha20-Poly1305, whose cipher is an argument. */
static void br_poly(void)
{
    void (*cipher)(const void *, const void *, uint32_t, void *, size_t) = br_no_cipher;
    void *p;

    memcpy(&p, &cipher, sizeof p);
    br.poly(peer_key, peer_key, peer_buf, BENCH_BYTES, NULL, 0, peer_out, p, 1);
}
static void br_chapoly(void)
{
    void *p;

    memcpy(&p, &br.chacha, sizeof p);
    br.poly(peer_key, peer_key, peer_buf, BENCH_BYTES, NULL, 0, peer_out, p, 1);
}

static void br_ctr128(void)
{
    br.ctr_init(br_key, peer_key, 16);
    br.ctr(br_key, peer_key, 1, peer_buf, BENCH_BYTES);
}
static void br_ctr256(void)
{
    br.ctr_init(br_key, peer_key, 32);
    br.ctr(br_key, peer_key, 1, peer_buf, BENCH_BYTES);
}
static void br_cbc(void)
{
    br.cbc_init(br_key, peer_key, 16);
    br.cbc(br_key, peer_out, peer_buf, BENCH_BYTES);
}
static void br_gcm(size_t key_len)
{
    br.ctr_init(br_key, peer_key, key_len);
    br.gcm_init(br_ctx, br_key, br.ghash);
    br.gcm_reset(br_ctx, peer_key, 12);
    br.gcm_flip(br_ctx);
    br.gcm_run(br_ctx, 1, peer_buf, BENCH_BYTES);
    br.gcm_tag(br_ctx, peer_out);
}
static void br_gcm128(void)
{
    br_gcm(16);
}
static void br_gcm256(void)
{
    br_gcm(32);
}

#define PEER_BR_HASH(name)                                                                         \
    static void br_##name(void)                                                                    \
    {                                                                                              \
        br.name##_init(br_ctx);                                                                    \
        br.name(br_ctx, peer_buf, BENCH_BYTES);                                                    \
        br.name##_out(br_ctx, peer_out);                                                           \
    }
PEER_BR_HASH(md5)
PEER_BR_HASH(sha1)
PEER_BR_HASH(sha256)
PEER_BR_HASH(sha512)

static void br_hmac(void)
{
    br.hmac_key(br_key, br.sha256_class, peer_key, 32);
    br.hmac_init(br_ctx, br_key, 0);
    br.hmac(br_ctx, peer_buf, BENCH_BYTES);
    br.hmac_out(br_ctx, peer_out);
}

/* Curves by their numbers in TLS. */
enum { BR_P256 = 23, BR_P384, BR_P521, BR_X25519 = 29 };

static void br_x25519(void)
{
    static byte u[32] = {9};

    br.c25519->mul(u, 32, peer_key, 32, BR_X25519);
}
static void br_base(void)
{
    br.c25519->mulgen(peer_out, peer_key, 32, BR_X25519);
}

/* A key pair and a signature of a curve, made once. */
struct br_ec_case {
    const struct br_ec_impl *const *impl;
    const void *const *hash;
    int curve;
    size_t len, hash_len, n_pub, n_sig;
    byte secret[66], pub[133], sig[132];
};
static struct br_ec_case br_ec_cases[3] = {
    {.impl = &br.p256, .hash = &br.sha256_class, .curve = BR_P256, .len = 32, .hash_len = 32},
    {.impl = &br.prime, .hash = &br.sha384_class, .curve = BR_P384, .len = 48, .hash_len = 48},
    {.impl = &br.prime, .hash = &br.sha512_class, .curve = BR_P521, .len = 66, .hash_len = 64},
};

static void br_ec_sign(struct br_ec_case *c)
{
    const struct br_ec_key key = {c->curve, c->secret, c->len};

    c->n_sig = br.sign(*c->impl, *c->hash, peer_key, &key, c->sig);
}
static struct br_ec_case *br_ec(unsigned i)
{
    struct br_ec_case *c = &br_ec_cases[i];

    if (c->n_pub == 0) {
        memset(c->secret + 1, 0x5a, c->len - 1);
        c->n_pub = (*c->impl)->mulgen(c->pub, c->secret, c->len, c->curve);
        br_ec_sign(c);
    }
    return c;
}
static void br_ec_verify(struct br_ec_case *c)
{
    const struct br_ec_key key = {c->curve, c->pub, c->n_pub};

    br.verify(*c->impl, peer_key, c->hash_len, &key, c->sig, c->n_sig);
}
static void br_ec_ecdh(struct br_ec_case *c)
{
    byte point[133];

    memcpy(point, c->pub, c->n_pub);
    (*c->impl)->mul(point, c->n_pub, c->secret, c->len, c->curve);
}
#define PEER_BR_EC(name, i)                                                                        \
    static void br_##name##_sign(void)                                                             \
    {                                                                                              \
        br_ec_sign(br_ec(i));                                                                      \
    }                                                                                              \
    static void br_##name##_verify(void)                                                           \
    {                                                                                              \
        br_ec_verify(br_ec(i));                                                                    \
    }                                                                                              \
    static void br_##name##_ecdh(void)                                                             \
    {                                                                                              \
        br_ec_ecdh(br_ec(i));                                                                      \
    }
PEER_BR_EC(p256, 0)
PEER_BR_EC(p384, 1)
PEER_BR_EC(p521, 2)

/* Numbers of the right size and odd where they must be: what they are costs the same. */
static byte br_rsa_num[512], br_rsa_x[512];

static void br_rsa_sign(size_t n)
{
    const struct br_rsa_private key = {(uint32_t)(8 * n),   {br_rsa_num, n / 2},
                                       {br_rsa_num, n / 2}, {br_rsa_num, n / 2},
                                       {br_rsa_num, n / 2}, {br_rsa_num, n / 2}};

    memset(br_rsa_num, 0xc3, sizeof br_rsa_num);
    br.rsa_sign(NULL, peer_key, 36, &key, br_rsa_x);
}
static void br_rsa_verify(size_t n)
{
    static byte e[3] = {1, 0, 1};
    const struct br_rsa_public key = {br_rsa_num, n, e, sizeof e};

    memset(br_rsa_num, 0xc3, sizeof br_rsa_num);
    memset(br_rsa_x, 0x42, sizeof br_rsa_x);
    br.rsa_verify(br_rsa_x, n, NULL, 36, &key, peer_out);
}
#define PEER_BR_RSA(bits)                                                                          \
    static void br_rsa##bits##_sign(void)                                                          \
    {                                                                                              \
        br_rsa_sign((bits) / 8);                                                                   \
    }                                                                                              \
    static void br_rsa##bits##_verify(void)                                                        \
    {                                                                                              \
        br_rsa_verify((bits) / 8);                                                                 \
    }
PEER_BR_RSA(2048)
PEER_BR_RSA(3072)
PEER_BR_RSA(4096)

/* ---- Monocypher 4 ---- */

struct mc_argon2 {
    uint32_t algorithm, nb_blocks, nb_passes, nb_lanes;
};
struct mc_argon2_inputs {
    const byte *pass, *salt;
    uint32_t pass_len, salt_len;
};
struct mc_argon2_extras {
    const byte *key, *ad;
    uint32_t key_len, ad_len;
};
static struct {
    uint64_t (*chacha)(byte *, const byte *, size_t, const byte *, const byte *, uint64_t);
    void (*poly)(byte *, const byte *, size_t, const byte *);
    void (*blake2b)(byte *, size_t, const byte *, size_t);
    void (*x25519)(byte *, const byte *, const byte *);
    void (*base)(byte *, const byte *);
    void (*argon2)(byte *, uint32_t, void *, struct mc_argon2, struct mc_argon2_inputs,
                   struct mc_argon2_extras);
    void (*sha512)(byte *, const byte *, size_t);
    void (*keypair)(byte *, byte *, byte *);
    void (*sign)(byte *, const byte *, const byte *, size_t);
    int (*verify)(const byte *, const byte *, const byte *, size_t);
} mc;
static byte mc_sk[64], mc_pk[32], mc_sig[64];

static bool monocypher_open(void)
{
    static const char *const files[] = {"libmonocypher.so.4", NULL};
    static const struct peer_symbol symbols[] = {
        {&mc.chacha, "crypto_chacha20_djb"},    {&mc.poly, "crypto_poly1305"},
        {&mc.blake2b, "crypto_blake2b"},        {&mc.x25519, "crypto_x25519"},
        {&mc.base, "crypto_x25519_public_key"}, {&mc.argon2, "crypto_argon2"},
        {&mc.sha512, "crypto_sha512"},          {&mc.keypair, "crypto_ed25519_key_pair"},
        {&mc.sign, "crypto_ed25519_sign"},      {&mc.verify, "crypto_ed25519_check"},
    };
    byte seed[32] = {1};

    if (peer_open(files, symbols, PEER_COUNT(symbols)) == NULL)
        return false;
    mc.keypair(mc_sk, mc_pk, seed);
    mc.sign(mc_sig, mc_sk, peer_buf, 64);
    return true;
}

static void mc_chacha(void)
{
    mc.chacha(peer_buf, peer_buf, BENCH_BYTES, peer_key, peer_key, 1);
}
static void mc_poly(void)
{
    mc.poly(peer_out, peer_buf, BENCH_BYTES, peer_key);
}
static void mc_chapoly(void)
{
    mc_chacha();
    mc_poly();
}
static void mc_sha512(void)
{
    mc.sha512(peer_out, peer_buf, BENCH_BYTES);
}
static void mc_blake2b(void)
{
    mc.blake2b(peer_out, 64, peer_buf, BENCH_BYTES);
}
static void mc_x25519(void)
{
    mc.x25519(peer_out, peer_key, mc_pk);
}
static void mc_base(void)
{
    mc.base(peer_out, peer_key);
}
static void mc_sign(void)
{
    mc.sign(mc_sig, mc_sk, peer_buf, 64);
}
static void mc_verify(void)
{
    (void)!mc.verify(mc_sig, mc_pk, peer_buf, 64);
}
static void mc_argon2(void)
{
    static uint64_t mem[1 << 17];
    const struct mc_argon2 config = {2, 1024, 1, 1}; /* Argon2id, 1 MiB */
    const struct mc_argon2_inputs in = {peer_key, peer_key, 16, 16};
    const struct mc_argon2_extras none = {NULL, NULL, 0, 0};

    mc.argon2(peer_out, 32, mem, config, in, none);
}

/* ---- The table ---- */

static const struct {
    const char *row;
    void (*run[BENCH_LIBRARIES])(void);
} peer_rows[] = {
    {"aes128-gcm", {NULL, br_gcm128, NULL, NULL}},
    {"aes256-gcm", {NULL, br_gcm256, NULL, NULL}},
    {"aes128-ctr", {NULL, br_ctr128, NULL, NULL}},
    {"aes256-ctr", {NULL, br_ctr256, NULL, NULL}},
    {"aes128-cbc decrypt", {NULL, br_cbc, NULL, NULL}},
    {"chacha20", {peer_sodium_chacha, br_chacha, mc_chacha, peer_sodium_ref_chacha}},
    {"poly1305", {peer_sodium_poly, br_poly, mc_poly, peer_sodium_ref_poly}},
    {"chacha20-poly1305", {peer_sodium_chapoly, br_chapoly, mc_chapoly, peer_sodium_ref_chapoly}},
    {"md5", {NULL, br_md5, NULL, NULL}},
    {"sha1", {NULL, br_sha1, NULL, NULL}},
    {"sha256", {peer_sodium_sha256, br_sha256, NULL, peer_sodium_ref_sha256}},
    {"sha512", {peer_sodium_sha512, br_sha512, mc_sha512, peer_sodium_ref_sha512}},
    {"hmac-sha256", {peer_sodium_hmac, br_hmac, NULL, peer_sodium_ref_hmac}},
    {"blake2b", {peer_sodium_blake2b, NULL, mc_blake2b, peer_sodium_ref_blake2b}},
    {"argon2id 1 MiB", {peer_sodium_argon2, NULL, mc_argon2, peer_sodium_ref_argon2}},
    {"deflate, level 6", {zlib_deflate, NULL, NULL, NULL}},
    {"inflate", {zlib_inflate, NULL, NULL, NULL}},
    {"x25519", {peer_sodium_x25519, br_x25519, mc_x25519, peer_sodium_ref_x25519}},
    {"x25519 base point", {peer_sodium_base, br_base, mc_base, peer_sodium_ref_base}},
    {"ed25519 sign", {peer_sodium_sign, NULL, mc_sign, peer_sodium_ref_sign}},
    {"ed25519 verify", {peer_sodium_verify, NULL, mc_verify, peer_sodium_ref_verify}},
    {"ecdsa p256 sign", {NULL, br_p256_sign, NULL, NULL}},
    {"ecdsa p256 verify", {NULL, br_p256_verify, NULL, NULL}},
    {"ecdh p256", {NULL, br_p256_ecdh, NULL, NULL}},
    {"ecdsa p384 sign", {NULL, br_p384_sign, NULL, NULL}},
    {"ecdsa p384 verify", {NULL, br_p384_verify, NULL, NULL}},
    {"ecdh p384", {NULL, br_p384_ecdh, NULL, NULL}},
    {"ecdsa p521 sign", {NULL, br_p521_sign, NULL, NULL}},
    {"ecdsa p521 verify", {NULL, br_p521_verify, NULL, NULL}},
    {"ecdh p521", {NULL, br_p521_ecdh, NULL, NULL}},
    {"rsa2048 sign", {NULL, br_rsa2048_sign, NULL, NULL}},
    {"rsa2048 verify", {NULL, br_rsa2048_verify, NULL, NULL}},
    {"rsa3072 sign", {NULL, br_rsa3072_sign, NULL, NULL}},
    {"rsa3072 verify", {NULL, br_rsa3072_verify, NULL, NULL}},
    {"rsa4096 sign", {NULL, br_rsa4096_sign, NULL, NULL}},
    {"rsa4096 verify", {NULL, br_rsa4096_verify, NULL, NULL}},
};

static bool peer_has[BENCH_LIBRARIES], peer_has_zlib;

void bench_peers_open(void)
{
    memset(peer_key, 0x42, sizeof peer_key);
    peer_has[BENCH_SODIUM_REF] = sodium_open(&peer_sodium_ref, getenv("NACRE_BENCH_SODIUM_REF"));
    peer_has[BENCH_FAST] = sodium_open(&peer_sodium, "libsodium.so.23");
    peer_has[BENCH_BEARSSL] = bearssl_open();
    peer_has[BENCH_MONOCYPHER] = monocypher_open();
    peer_has_zlib = zlib_open();
}

size_t bench_zlib_bytes(unsigned pieces)
{
    size_t n = 0;

    if (!peer_has_zlib || zlib.deflate_init(&z_out, Z_LEVEL, zlib.version(), sizeof z_out) != 0)
        return 0;
    for (; pieces > 0; pieces--)
        n += zlib_piece();
    return n;
}

void (*bench_peer(const char *row, enum bench_library library))(void)
{
    for (size_t i = 0; i < PEER_COUNT(peer_rows); i++) {
        void (*run)(void) = peer_rows[i].run[library];

        if (strcmp(peer_rows[i].row, row) != 0)
            continue;
        if (run == zlib_deflate || run == zlib_inflate)
            return peer_has_zlib ? run : NULL;
        return peer_has[library] ? run : NULL;
    }
    return NULL;
}
