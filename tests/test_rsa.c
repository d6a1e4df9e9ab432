/* SPDX-License-Identifier: ISC
 *
 * RSA: signatures of OpenSSL under keys of many sizes, the encoded message changed in every bit and
 * in every way that verifiers have overlooked, forgeries, numbers at their borders, faults during
 * signing, private parts that do not fit, and key generation. test_rsa_32.c runs all of it without
 * 128-bit integers.
 */
#include "crypto/cpu.h"
#include "crypto/mont.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A second copy of signing, whose powers a test can spoil. */
static int rsa_test_fault; /* the power to spoil, from 1 on */
static size_t rsa_test_fault_bit;

static void rsa_test_mont_exp(uint64_t *r, const uint64_t *x, struct nacre_num e,
                              const struct ncr_mont *c, uint64_t *work, size_t cap)
{
    ncr_mont_exp(r, x, e, c, work, cap);
    if (rsa_test_fault > 0 && --rsa_test_fault == 0) {
        r[rsa_test_fault_bit / 64] ^= (uint64_t)1 << rsa_test_fault_bit % 64;
    }
}

#define ncr_mont_exp rsa_test_mont_exp
#define nacre_rsa_public_ok_vartime rsa_test_public_ok
#define nacre_rsa_verify_vartime rsa_test_verify
#define nacre_rsa_sign rsa_test_sign
#define nacre_rsa_key_ok rsa_test_key_ok
bool rsa_test_public_ok(struct nacre_num n, struct nacre_num e);
bool rsa_test_verify(const struct nacre_hash *hash, struct nacre_num n, struct nacre_num e,
                     const uint8_t *m, size_t len, struct nacre_num sig, uint64_t *work);
bool rsa_test_sign(uint8_t *sig, const struct nacre_hash *hash, const struct nacre_rsa_key *key,
                   const uint8_t *m, size_t len, const struct nacre_rng *rng, uint64_t *work);
bool rsa_test_key_ok(const struct nacre_rsa_key *key, uint64_t *work);
#include "crypto/rsa.c"
#undef ncr_mont_exp
#undef nacre_rsa_public_ok_vartime
#undef nacre_rsa_verify_vartime
#undef nacre_rsa_sign
#undef nacre_rsa_key_ok

static uint64_t rsa_test_work[NACRE_RSA_WORK(NACRE_RSA_BITS_MAX)];

static struct nacre_num rsa_test_num(const struct vec *v, const char *key)
{
    struct nacre_num x;
    x.p = vec_get(v, key, &x.n);
    return x;
}

static const struct nacre_hash *rsa_test_hash(const struct vec *v)
{
    static const struct nacre_hash *const rows[] = {&nacre_hash_sha1, &nacre_hash_sha256,
                                                    &nacre_hash_sha384, &nacre_hash_sha512};
    for (size_t i = 0; i < 4; i++) {
        if (rows[i]->len == vec_uint(v, "hash")) {
            return rows[i];
        }
    }
    cr_assert_fail("no such hash");
    return NULL;
}

/* A deterministic source; fails after so many calls (never: a negative number). */
struct rsa_test_rng {
    uint64_t x;
    long left;
    long calls;
};

static bool rsa_test_rng_fill(void *ctx, uint8_t *out, size_t n)
{
    struct rsa_test_rng *r = ctx;
    r->calls++;
    if (r->left == 0) {
        return false;
    }
    r->left -= r->left > 0;
    for (size_t i = 0; i < n; i++) {
        r->x ^= r->x << 13;
        r->x ^= r->x >> 7;
        r->x ^= r->x << 17;
        out[i] = (uint8_t)(r->x >> 32);
    }
    return true;
}

static struct nacre_rng rsa_test_random(struct rsa_test_rng *r, uint64_t seed, long left)
{
    struct nacre_rng rng = {rsa_test_rng_fill, r};
    r->x = 0x9e3779b97f4a7c15 * (seed + 1);
    r->left = left;
    r->calls = 0;
    return rng;
}

static struct nacre_rsa_key rsa_test_key(const struct vec *v)
{
    struct nacre_rsa_key key = {.n = rsa_test_num(v, "n"),
                                .e = rsa_test_num(v, "e"),
                                .d = rsa_test_num(v, "d"),
                                .p = rsa_test_num(v, "p"),
                                .q = rsa_test_num(v, "q"),
                                .iqmp = rsa_test_num(v, "iqmp")};
    return key;
}

/* The first key of exactly so many bits whose private half is there; v stays open at it. */
static struct nacre_rsa_key rsa_test_open(struct vec *v, size_t bits)
{
    for (vec_open(v, "rsa_openssl.txt"); vec_next(v);) {
        if (vec_has(v, "d") && ncr_num_bits_vartime(rsa_test_num(v, "n")) == bits) {
            return rsa_test_key(v);
        }
    }
    cr_assert_fail("no key of %zu bits", bits);
    return rsa_test_key(v);
}

/* ---- Vectors ----------------------------------------------------------------------------- */

Test(rsa, verify_vectors)
{
    struct vec v;
    for (vec_open(&v, "rsa_openssl.txt"); vec_next(&v);) {
        struct nacre_num n = rsa_test_num(&v, "n"), e = rsa_test_num(&v, "e");
        struct nacre_num m = rsa_test_num(&v, "m"), sig = rsa_test_num(&v, "sig");
        const struct nacre_hash *hash = rsa_test_hash(&v);
        size_t work = NACRE_RSA_VERIFY_WORK(ncr_num_bits_vartime(n));
        uint64_t *exact = malloc(work * sizeof *exact);
        cr_assert_not_null(exact);
        cr_assert(nacre_rsa_public_ok_vartime(n, e), "line %u", v.line);
        cr_assert(nacre_rsa_verify_vartime(hash, n, e, m.p, m.n, sig, exact), "line %u", v.line);
        /* another message, another hash, a changed signature */
        cr_assert_not(nacre_rsa_verify_vartime(hash, n, e, sig.p, sig.n, sig, exact));
        cr_assert_not(nacre_rsa_verify_vartime(hash == &nacre_hash_sha256 ? &nacre_hash_sha512
                                                                          : &nacre_hash_sha256,
                                               n, e, m.p, m.n, sig, exact));
        *(vec_get(&v, "sig", &sig.n) + sig.n / 2) ^= 0x10;
        cr_assert_not(nacre_rsa_verify_vartime(hash, n, e, m.p, m.n, sig, exact));
        free(exact);
    }
    vec_close(&v);
}

static void rsa_test_mark(const struct nacre_rsa_key *key, bool secret)
{
    const struct nacre_num *part[] = {&key->d, &key->p, &key->q, &key->iqmp};
    for (size_t i = 0; i < 4; i++) {
        if (secret) {
            NCR_CT_SECRET(part[i]->p, part[i]->n);
        } else {
            NCR_CT_PUBLIC(part[i]->p, part[i]->n);
        }
    }
}

Test(rsa, ct_sign_vectors)
{
    static const uint32_t forms[] = {NCR_CPU_ALL, NCR_CPU_ADX, 0};
    struct vec v;
    for (vec_open(&v, "rsa_openssl.txt"); vec_next(&v);) {
        struct rsa_test_rng r;
        struct nacre_rng rng = rsa_test_random(&r, v.line, -1);
        if (!vec_has(&v, "d") || ncr_num_bits_vartime(rsa_test_num(&v, "n")) < 2048) {
            continue;
        }
        struct nacre_rsa_key key = rsa_test_key(&v);
        struct nacre_num m = rsa_test_num(&v, "m");
        size_t work = NACRE_RSA_WORK(ncr_num_bits_vartime(key.n));
        for (size_t f = 0; f < 3; f++) {
            uint64_t *exact = malloc(work * sizeof *exact);
            uint8_t *sig = malloc(key.n.n);
            cr_assert(exact != NULL && sig != NULL);
            ncr_cpu_restrict(forms[f]);
            rsa_test_mark(&key, true);
            cr_assert(nacre_rsa_sign(sig, rsa_test_hash(&v), &key, m.p, m.n, &rng, exact));
            cr_assert(nacre_rsa_key_ok(&key, exact));
            rsa_test_mark(&key, false);
            NCR_CT_PUBLIC(sig, key.n.n);
            vec_expect(&v, "sig", sig, key.n.n);
            for (size_t i = 0; i < work; i++) {
                cr_assert_eq(exact[i], 0, "not wiped");
            }
            free(exact), free(sig);
        }
    }
    vec_close(&v);
    ncr_cpu_restrict(NCR_CPU_ALL);
}

/* ---- The encoded message ----------------------------------------------------------------- */

/* Signs the block as it is (em^d) and asks for it as a signature of m under SHA-256. */
static bool rsa_test_block(const struct nacre_rsa_key *key, const uint8_t *em, size_t n,
                           const uint8_t *m, size_t len)
{
    static uint8_t sig[NACRE_RSA_LEN_MAX];
    struct nacre_num block = {em, n}, nsig = {sig, key->n.n};
    cr_assert(nacre_modexp(sig, block, key->d, key->n, rsa_test_work));
    return nacre_rsa_verify_vartime(&nacre_hash_sha256, key->n, key->e, m, len, nsig,
                                    rsa_test_work);
}

static const uint8_t rsa_test_message[] = "a message";
enum { RSA_TEST_LEN = sizeof rsa_test_message };

static bool rsa_test_takes(const struct nacre_rsa_key *key, const uint8_t *em, size_t n)
{
    return rsa_test_block(key, em, n, rsa_test_message, RSA_TEST_LEN);
}

/* 00 01 ff.. 00 and then the tail and the digest of the message, in n bytes. */
static void rsa_test_encode(uint8_t *em, size_t n, const uint8_t *info, size_t info_len)
{
    union nacre_hash_ctx c;
    memset(em, 0xff, n);
    em[0] = 0;
    em[1] = 1;
    em[n - 33 - info_len] = 0;
    memcpy(em + n - 32 - info_len, info, info_len);
    nacre_hash_sha256.init(&c);
    nacre_hash_sha256.update(&c, rsa_test_message, RSA_TEST_LEN);
    nacre_hash_sha256.final(em + n - 32, &c);
}

static const uint8_t rsa_test_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                        0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

Test(s29, every_bit_of_the_block)
{
    struct vec v;
    struct nacre_rsa_key key = rsa_test_open(&v, 1024);
    uint8_t em[128];
    rsa_test_encode(em, 128, rsa_test_info, sizeof rsa_test_info);
    cr_assert(rsa_test_takes(&key, em, 128));
    for (size_t bit = 0; bit < 1024; bit++) {
        em[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (bit != 7) { /* over n */
            cr_assert_not(rsa_test_takes(&key, em, 128), "bit %zu", bit);
        }
        em[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    vec_close(&v);
}

/* Other encodings of the same digest: each is right for some lenient parser. */
Test(s29, other_digest_infos)
{
    static const struct {
        const char *what;
        uint8_t n;
        uint8_t der[40];
    } infos[] = {
        {"no parameters",
         17,
         {0x30, 0x2f, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
          0x04, 0x20}},
        {"outer length in two bytes", 20, {0x30, 0x81, 0x31, 0x30, 0x0d, 0x06, 0x09,
                                           0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
                                           0x02, 0x01, 0x05, 0x00, 0x04, 0x20}},
        {"inner length in two bytes", 20, {0x30, 0x32, 0x30, 0x81, 0x0d, 0x06, 0x09,
                                           0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
                                           0x02, 0x01, 0x05, 0x00, 0x04, 0x20}},
        {"digest's length in two bytes", 20, {0x30, 0x32, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                              0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                              0x01, 0x05, 0x00, 0x04, 0x81, 0x20}},
        {"NULL's length in two bytes", 20, {0x30, 0x32, 0x30, 0x0e, 0x06, 0x09, 0x60,
                                            0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                            0x01, 0x05, 0x81, 0x00, 0x04, 0x20}},
        {"indefinite length",
         19,
         {0x30, 0x80, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
          0x05, 0x00, 0x04, 0x20}},
        {"NULL that is not empty", 20, {0x30, 0x32, 0x30, 0x0e, 0x06, 0x09, 0x60,
                                        0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                        0x01, 0x05, 0x01, 0x00, 0x04, 0x20}},
        {"garbage as parameters", 23, {0x30, 0x35, 0x30, 0x11, 0x06, 0x09, 0x60, 0x86,
                                       0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x04,
                                       0x04, 0xde, 0xad, 0xbe, 0xef, 0x04, 0x20}},
        {"SHA-384's name",
         19,
         {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02,
          0x05, 0x00, 0x04, 0x20}},
        {"SHA-1's name",
         15,
         {0x30, 0x2d, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04,
          0x20}},
        {"digest alone", 0, {0}},
        {"digest as an octet string", 2, {0x04, 0x20}},
        {"two of it", 38, {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                           0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20, 0x30,
                           0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
                           0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}},
    };
    struct vec v;
    struct nacre_rsa_key key = rsa_test_open(&v, 1024);
    uint8_t em[128];
    for (size_t i = 0; i < sizeof infos / sizeof *infos; i++) {
        rsa_test_encode(em, 128, infos[i].der, infos[i].n);
        cr_assert_not(rsa_test_takes(&key, em, 128), "%s", infos[i].what);
    }
    vec_close(&v);
}

/* A block whose padding ends early, with what is left before, between or behind. */
Test(s29, other_paddings)
{
    enum { T = 19 + 32 };
    struct vec v;
    struct nacre_rsa_key key = rsa_test_open(&v, 1024);
    uint8_t right[128], em[128];
    rsa_test_encode(right, 128, rsa_test_info, sizeof rsa_test_info);
    for (size_t ff = 0; ff < 128 - 3 - T; ff++) {
        /* garbage, then zeros, behind the digest */
        memset(em, 0xff, 128);
        em[0] = 0;
        em[1] = 1;
        em[2 + ff] = 0;
        memcpy(em + 3 + ff, right + 128 - T, T);
        cr_assert_not(rsa_test_takes(&key, em, 128), "%zu", ff);
        memset(em + 3 + ff + T, 0, 128 - T - 3 - ff);
        cr_assert_not(rsa_test_takes(&key, em, 128), "%zu", ff);
        /* garbage between the separator and DigestInfo; a second separator */
        memcpy(em, right, 128);
        em[2 + ff] = 0;
        cr_assert_not(rsa_test_takes(&key, em, 128), "%zu", ff);
        em[2 + ff] = 0xfe;
        cr_assert_not(rsa_test_takes(&key, em, 128), "%zu", ff);
    }
    memcpy(em, right, 128);
    em[1] = 2; /* the block type of encryption */
    cr_assert_not(rsa_test_takes(&key, em, 128));
    em[1] = 0; /* type 0: padded with zeros */
    memset(em + 2, 0, 128 - T - 2);
    cr_assert_not(rsa_test_takes(&key, em, 128));
    memcpy(em, right, 128);
    em[128 - T - 1] = 0xff; /* no separator */
    cr_assert_not(rsa_test_takes(&key, em, 128));
    /* moved down by a byte, and up: that is, without the first zero */
    memcpy(em, right + 1, 127);
    em[127] = 0;
    cr_assert_not(rsa_test_takes(&key, em, 128));
    memcpy(em + 1, right, 127);
    em[0] = 0;
    cr_assert_not(rsa_test_takes(&key, em, 128));
    vec_close(&v);
}

Test(s29, forgeries_with_exponent_3)
{
    static const uint8_t three[] = {3};
    struct nacre_num e = {three, 1};
    struct vec v;
    for (vec_open(&v, "rsa_forgeries.txt"); vec_next(&v);) {
        struct nacre_num n = rsa_test_num(&v, "n"), m = rsa_test_num(&v, "m");
        cr_assert(nacre_rsa_public_ok_vartime(n, e));
        cr_assert_not(nacre_rsa_verify_vartime(rsa_test_hash(&v), n, e, m.p, m.n,
                                               rsa_test_num(&v, "sig"), rsa_test_work),
                      "line %u", v.line);
    }
    vec_close(&v);
}

/* ---- Numbers at their borders ------------------------------------------------------------ */

/* s = 0, 1, n - 1, n, s + n, too short and too long. */
Test(rsa, signatures_at_the_borders)
{
    struct vec v;
    for (vec_open(&v, "rsa_openssl.txt"); vec_next(&v);) {
        struct nacre_num n = rsa_test_num(&v, "n"), e = rsa_test_num(&v, "e");
        struct nacre_num m = rsa_test_num(&v, "m"), sig = rsa_test_num(&v, "sig");
        const struct nacre_hash *hash = rsa_test_hash(&v);
        static uint8_t s[NACRE_RSA_LEN_MAX + 2];
        struct nacre_num x = {s + 1, n.n};
        uint64_t carry = 0;
        memset(s, 0, sizeof s);
        cr_assert_not(nacre_rsa_verify_vartime(hash, n, e, m.p, m.n, x, rsa_test_work));
        s[n.n] = 1;
        cr_assert_not(nacre_rsa_verify_vartime(hash, n, e, m.p, m.n, x, rsa_test_work));
        memcpy(s + 1, n.p, n.n);
        cr_assert_not(nacre_rsa_verify_vartime(hash, n, e, m.p, m.n, x, rsa_test_work));
        s[n.n] ^= 1;
        cr_assert_not(nacre_rsa_verify_vartime(hash, n, e, m.p, m.n, x, rsa_test_work));
        for (size_t i = n.n; i-- > 0;) {
            carry += (uint64_t)n.p[i] + sig.p[i];
            s[1 + i] = (uint8_t)carry;
            carry >>= 8;
        }
        s[0] = (uint8_t)carry;
        if (carry == 0) {
            cr_assert_not(nacre_rsa_verify_vartime(hash, n, e, m.p, m.n, x, rsa_test_work));
        }
        x.p = s;
        x.n = n.n + 1;
        cr_assert_not(nacre_rsa_verify_vartime(hash, n, e, m.p, m.n, x, rsa_test_work));
        /* the right number, with a zero more before or behind it, and without its last byte */
        s[0] = 0;
        memcpy(s + 1, sig.p, sig.n);
        s[1 + sig.n] = 0;
        cr_assert_not(nacre_rsa_verify_vartime(hash, n, e, m.p, m.n, x, rsa_test_work));
        x.p = s + 1;
        cr_assert_not(nacre_rsa_verify_vartime(hash, n, e, m.p, m.n, x, rsa_test_work));
        x.n = n.n - 1;
        cr_assert_not(nacre_rsa_verify_vartime(hash, n, e, m.p, m.n, x, rsa_test_work));
        x.n = 0;
        cr_assert_not(nacre_rsa_verify_vartime(hash, n, e, m.p, m.n, x, rsa_test_work));
        x.n = n.n;
        cr_assert(nacre_rsa_verify_vartime(hash, n, e, m.p, m.n, x, rsa_test_work));
    }
    vec_close(&v);
}

static struct nacre_num rsa_test_ones(uint8_t *p, size_t size, size_t bits)
{
    struct nacre_num x = {p, size};
    memset(p, 0, size);
    for (size_t i = 0; i < bits; i++) {
        p[size - 1 - i / 8] |= (uint8_t)(1 << i % 8);
    }
    return x;
}

/* S33: sizes, parity and the work that an exponent makes are bounded before any arithmetic. */
Test(s33, public_keys)
{
    static uint8_t np[2100], ep[2100];
    struct nacre_num n, e, none = {NULL, 0};
    e = rsa_test_ones(ep, 4, 17);
    for (size_t bits = 8; bits <= 8 * 2060; bits += bits < 1000 || bits > 1050 ? 13 : 1) {
        n = rsa_test_ones(np, 2100, bits);
        cr_assert_eq(nacre_rsa_public_ok_vartime(n, e), bits >= 1024 && bits <= 16384, "%zu", bits);
    }
    for (size_t bits = 16380; bits <= 16390; bits++) {
        n = rsa_test_ones(np, 2100, bits);
        cr_assert_eq(nacre_rsa_public_ok_vartime(n, e), bits <= 16384, "%zu", bits);
    }
    cr_assert_not(nacre_rsa_public_ok_vartime(none, e));
    n = rsa_test_ones(np, 256, 2048);
    cr_assert_not(nacre_rsa_public_ok_vartime(n, none));
    for (unsigned low = 0; low < 20; low++) {
        ep[0] = ep[1] = ep[2] = 0;
        ep[3] = (uint8_t)low;
        cr_assert_eq(nacre_rsa_public_ok_vartime(n, e), low >= 3 && low % 2 == 1, "e = %u", low);
    }
    np[255] ^= 1;
    cr_assert_not(nacre_rsa_public_ok_vartime(n, e), "even");
    for (size_t n_bits = 3071; n_bits <= 3073; n_bits++) {
        n = rsa_test_ones(np, 500, n_bits);
        for (size_t bits = 60; bits <= 3074; bits += bits < 70 ? 1 : 7) {
            e = rsa_test_ones(ep, 500, bits);
            cr_assert_eq(nacre_rsa_public_ok_vartime(n, e),
                         n_bits <= 3072 ? bits < n_bits : bits <= 64, "%zu, %zu", n_bits, bits);
        }
        memcpy(ep, np, 500);
        e.n = 500;
        cr_assert_not(nacre_rsa_public_ok_vartime(n, e), "e = n");
        ep[499] ^= 2;
        cr_assert_eq(nacre_rsa_public_ok_vartime(n, e), n_bits <= 3072, "e = n - 2");
    }
}

/* The same signature is refused under keys that are. */
/* The costliest keys that are taken: an exponent as long as a modulus of 3,072 bits, one of 64 bits
 * with 16,384. */
#if defined(__OPTIMIZE__) && NCR_INT128 && !defined(__SANITIZE_ADDRESS__) &&                       \
    !defined(NACRE_CT_VALGRIND)
#define RSA_TEST_TIMED 1
#else
#define RSA_TEST_TIMED 0
#endif

static double rsa_test_ms(size_t n_bits, size_t e_bits)
{
    static uint8_t np[2048], ep[2048], s[2048], m[32];
    const struct nacre_num n = rsa_test_ones(np, n_bits / 8, n_bits);
    struct nacre_num e = rsa_test_ones(ep, e_bits / 8, e_bits), sig = {s, n_bits / 8};
    double best = 1e9;
    ep[0] = 0x7f;
    memset(s, 0x5a, sizeof s);
    cr_assert(nacre_rsa_public_ok_vartime(n, e));
    for (int i = 0; i < 5; i++) {
        const clock_t from = clock();
        cr_assert_not(
            nacre_rsa_verify_vartime(&nacre_hash_sha256, n, e, m, sizeof m, sig, rsa_test_work));
        const double ms = (double)(clock() - from) * 1000 / CLOCKS_PER_SEC;
        best = ms < best ? ms : best;
    }
    return best;
}

Test(s33, worst_accepted_key_costs_less_than_50_ms)
{
    if (!RSA_TEST_TIMED) {
        cr_skip_test("times of this build say nothing");
    }
    cr_assert_lt(rsa_test_ms(3072, 3072), 50.0);
    cr_assert_lt(rsa_test_ms(16384, 64), 50.0);
    ncr_cpu_restrict(0);
    cr_assert_lt(rsa_test_ms(3072, 3072), 50.0);
    cr_assert_lt(rsa_test_ms(16384, 64), 50.0);
}

Test(s33, verify_asks_for_the_key)
{
    static const uint8_t bad_e[][3] = {{1, 0, 0}, {0, 0, 1}, {0, 0, 0}, {0, 0, 2}};
    struct vec v;
    struct nacre_rsa_key key = rsa_test_open(&v, 2048);
    struct nacre_num m = rsa_test_num(&v, "m"), sig = rsa_test_num(&v, "sig");
    const struct nacre_hash *hash = rsa_test_hash(&v);
    cr_assert(nacre_rsa_verify_vartime(hash, key.n, key.e, m.p, m.n, sig, rsa_test_work));
    for (size_t i = 0; i < 4; i++) {
        struct nacre_num e = {bad_e[i], 3};
        cr_assert_not(nacre_rsa_verify_vartime(hash, key.n, e, m.p, m.n, sig, rsa_test_work));
    }
    cr_assert_not(
        nacre_rsa_verify_vartime(&nacre_hash_md5, key.n, key.e, m.p, m.n, sig, rsa_test_work));
    vec_get(&v, "n", &key.n.n)[255] ^= 1;
    cr_assert_not(nacre_rsa_verify_vartime(hash, key.n, key.e, m.p, m.n, sig, rsa_test_work));
    vec_close(&v);
}

/* ---- Signing that goes wrong ------------------------------------------------------------- */

static bool rsa_test_signs(const struct nacre_rsa_key *key, const struct nacre_rng *rng)
{
    static const uint8_t zero[NACRE_RSA_LEN_MAX];
    static uint8_t sig[NACRE_RSA_LEN_MAX];
    memset(sig, 0xa5, sizeof sig);
    bool ok = rsa_test_sign(sig, &nacre_hash_sha512, key, rsa_test_message, RSA_TEST_LEN, rng,
                            rsa_test_work);
    cr_assert_eq(memcmp(sig, zero, key->n.n) == 0, !ok, "zeros exactly on failure");
    cr_assert_eq(sig[key->n.n], 0xa5);
    return ok;
}

/* S30: one bit wrong in either half's power: nothing leaves. */
Test(s30, faults)
{
    struct vec v;
    struct nacre_rsa_key key = rsa_test_open(&v, 2048);
    struct rsa_test_rng r;
    struct nacre_rng rng = rsa_test_random(&r, 1, -1);
    cr_assert(rsa_test_signs(&key, &rng));
    for (int half = 1; half <= 2; half++) {
        for (size_t bit = 0; bit < 1024; bit += 31) {
            rsa_test_fault = half;
            rsa_test_fault_bit = bit;
            cr_assert_not(rsa_test_signs(&key, &rng), "half %d, bit %zu", half, bit);
            cr_assert_eq(rsa_test_fault, 0);
        }
    }
    cr_assert(rsa_test_signs(&key, &rng));
    vec_close(&v);
}

/* A bit wrong in a part of the key is seen by key_ok, and no signature leaves. */
Test(s30, parts_that_do_not_fit)
{
    static const char *const parts[] = {"d", "p", "q", "iqmp", "n", "e"};
    struct vec v;
    struct nacre_rsa_key key = rsa_test_open(&v, 2048);
    struct rsa_test_rng r;
    struct nacre_rng rng = rsa_test_random(&r, 2, -1);
    cr_assert(nacre_rsa_key_ok(&key, rsa_test_work));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t n;
        uint8_t *p = vec_get(&v, parts[i], &n);
        for (size_t bit = 0; bit < 8 * n; bit += i < 5 ? 97 : 1) {
            p[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
            cr_assert_not(nacre_rsa_key_ok(&key, rsa_test_work), "%s, bit %zu", parts[i], bit);
            cr_assert_not(rsa_test_signs(&key, &rng), "%s, bit %zu", parts[i], bit);
            p[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        }
        p[n - 1] ^= 1;
        cr_assert_not(nacre_rsa_key_ok(&key, rsa_test_work), "%s", parts[i]);
        cr_assert_not(rsa_test_signs(&key, &rng), "%s", parts[i]);
        p[n - 1] ^= 1;
    }
    cr_assert(rsa_test_signs(&key, &rng));
    vec_close(&v);
}

/* Parts exchanged, empty, one of the primes 1, and d and iqmp that are right but not the least. */
Test(rsa, odd_keys)
{
    static const uint8_t one[] = {1}, two[] = {2};
    struct vec v;
    struct nacre_rsa_key right = rsa_test_open(&v, 2048), key = right;
    struct nacre_num none = {NULL, 0}, n1 = {one, 1}, n2 = {two, 1};
    struct rsa_test_rng r;
    struct nacre_rng rng = rsa_test_random(&r, 3, -1);
    key.p = right.q;
    key.q = right.p;
    cr_assert_not(nacre_rsa_key_ok(&key, rsa_test_work), "iqmp is for the other prime");
    cr_assert_not(rsa_test_signs(&key, &rng));
    key = right;
    key.p = right.n;
    key.q = n1;
    cr_assert_not(nacre_rsa_key_ok(&key, rsa_test_work));
    cr_assert_not(rsa_test_signs(&key, &rng));
    key.q = n2;
    cr_assert_not(nacre_rsa_key_ok(&key, rsa_test_work));
    struct nacre_num *part[] = {&key.p, &key.q, &key.d, &key.iqmp};
    for (size_t i = 0; i < 4; i++) {
        key = right;
        *part[i] = none;
        cr_assert_not(nacre_rsa_key_ok(&key, rsa_test_work), "%zu", i);
        cr_assert_not(rsa_test_signs(&key, &rng), "%zu", i);
    }
    /* leading zeros mean nothing */
    static uint8_t longer[5][300];
    key = right;
    for (size_t i = 0; i < 4; i++) {
        memcpy(longer[i] + 300 - part[i]->n, part[i]->p, part[i]->n);
        part[i]->p = longer[i];
        part[i]->n = 300;
    }
    cr_assert(nacre_rsa_key_ok(&key, rsa_test_work));
    cr_assert(rsa_test_signs(&key, &rng));
    longer[2][0] = 1; /* d with a bit far above n */
    cr_assert_not(nacre_rsa_key_ok(&key, rsa_test_work));
    cr_assert_not(rsa_test_signs(&key, &rng));
    vec_close(&v);
}

/* d of a multiple of lcm(p - 1, q - 1) more is as good: d + (p - 1)(q - 1) < 2^2048. */
Test(rsa, d_modulo_phi)
{
    struct vec v;
    struct nacre_rsa_key key = rsa_test_open(&v, 2048);
    struct rsa_test_rng r;
    struct nacre_rng rng = rsa_test_random(&r, 4, -1);
    uint64_t p[16], q[16], d[34], phi[34];
    static uint8_t out[272];
    ncr_words_load(p, 16, key.p);
    ncr_words_load(q, 16, key.q);
    ncr_words_load(d, 34, key.d);
    p[0] ^= 1;
    q[0] ^= 1;
    ncr_words_mul(phi, p, 16, q, 16);
    phi[32] = phi[33] = 0;
    ncr_words_add(d, d, phi, 34);
    ncr_words_store(out, sizeof out, d, 34);
    key.d.p = out;
    key.d.n = sizeof out;
    if (d[32] == 0) {
        cr_assert(nacre_rsa_key_ok(&key, rsa_test_work));
        cr_assert(rsa_test_signs(&key, &rng));
    } else { /* more words than n: refused, not cut */
        cr_assert_not(nacre_rsa_key_ok(&key, rsa_test_work));
        cr_assert_not(rsa_test_signs(&key, &rng));
    }
    vec_close(&v);
}

Test(rsa, signing_refused)
{
    struct vec v;
    struct rsa_test_rng r;
    struct nacre_rng rng = rsa_test_random(&r, 5, 0), none = {NULL, NULL};
    uint8_t sig[256];
    struct nacre_rsa_key key = rsa_test_open(&v, 2048);
    cr_assert_not(rsa_test_signs(&key, &rng), "no randomness");
    cr_assert_not(rsa_test_signs(&key, &none));
    rng = rsa_test_random(&r, 5, -1);
    r.x = 0; /* a source stuck at zero */
    cr_assert_not(rsa_test_signs(&key, &rng));
    rng = rsa_test_random(&r, 6, -1);
    cr_assert(rsa_test_signs(&key, &rng));
    cr_assert_not(nacre_rsa_sign(sig, &nacre_hash_md5, &key, rsa_test_message, RSA_TEST_LEN, &rng,
                                 rsa_test_work));
    vec_close(&v);
    key = rsa_test_open(&v, 2047);
    cr_assert(nacre_rsa_key_ok(&key, rsa_test_work), "fit to verify with");
    cr_assert_not(rsa_test_signs(&key, &rng), "too small to sign with");
    vec_close(&v);
}

/* Two signatures of a message are equal, whatever blinds them. */
Test(rsa, blinding_does_not_show)
{
    struct vec v;
    struct nacre_rsa_key key = rsa_test_open(&v, 2048);
    struct rsa_test_rng r;
    uint8_t first[256], sig[256];
    for (uint64_t i = 0; i < 20; i++) {
        struct nacre_rng rng = rsa_test_random(&r, i, -1);
        cr_assert(nacre_rsa_sign(i == 0 ? first : sig, &nacre_hash_sha256, &key, rsa_test_message,
                                 RSA_TEST_LEN, &rng, rsa_test_work));
        cr_assert(i == 0 || memcmp(first, sig, 256) == 0);
    }
    vec_close(&v);
}

/* ---- Generation -------------------------------------------------------------------------- */

/* A seed that leads to primes at once. */
enum { RSA_TEST_QUICK_SEED = 9 };

struct rsa_test_made {
    uint8_t n[512], d[512], p[256], q[256], iqmp[256];
};

static bool rsa_test_generate(struct rsa_test_made *k, unsigned bits, const struct nacre_rng *rng)
{
    memset(k, 0xa5, sizeof *k);
    return nacre_rsa_generate(k->n, k->d, k->p, k->q, k->iqmp, bits, rng, rsa_test_work);
}

static struct nacre_rsa_key rsa_test_made_key(const struct rsa_test_made *k, unsigned bits)
{
    static const uint8_t e[] = {1, 0, 1};
    struct nacre_rsa_key key = {.n = {k->n, bits / 8},
                                .e = {e, 3},
                                .d = {k->d, bits / 8},
                                .p = {k->p, bits / 16},
                                .q = {k->q, bits / 16},
                                .iqmp = {k->iqmp, bits / 16}};
    return key;
}

/* x^(p - 1) = 1 for some x: prime, but for one number in ever so many. */
static void rsa_test_is_prime(struct nacre_num p)
{
    static uint8_t e[256], r[256];
    memcpy(e, p.p, p.n);
    e[p.n - 1] ^= 1;
    for (uint8_t x = 2; x < 12; x++) {
        struct nacre_num base = {&x, 1}, exp = {e, p.n};
        cr_assert(nacre_modexp(r, base, exp, p, rsa_test_work));
        cr_assert_eq(ncr_num_bits_vartime((struct nacre_num){r, p.n}), 1);
    }
}

static void rsa_test_is_good(const struct rsa_test_made *k, unsigned bits)
{
    struct nacre_rsa_key key = rsa_test_made_key(k, bits);
    uint8_t other[256];
    size_t same = 0;
    cr_assert(nacre_rsa_key_ok(&key, rsa_test_work));
    cr_assert_eq(ncr_num_bits_vartime(key.n), bits);
    cr_assert_eq(k->p[0] >> 7, 1);
    cr_assert_eq(k->q[0] >> 7, 1);
    cr_assert_gt(memcmp(k->p, k->q, bits / 16), 0, "p > q");
    cr_assert_gt(ncr_num_bits_vartime(key.d), bits / 2);
    rsa_test_is_prime(key.p);
    rsa_test_is_prime(key.q);
    /* the first 100 bits differ */
    for (size_t i = 0; i < bits / 16; i++) {
        other[i] = k->p[i] ^ k->q[i];
    }
    while (same < bits / 16 && other[same] == 0) {
        same++;
    }
    cr_assert_lt(same, 12);
}

Test(rsa, generate)
{
    static const unsigned sizes[] = {2048, 2064, 2176, 2304, 3072};
    struct rsa_test_made k, again;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct rsa_test_rng r;
        struct nacre_rng rng = rsa_test_random(&r, i, -1);
        cr_assert(rsa_test_generate(&k, sizes[i], &rng), "%u", sizes[i]);
        rsa_test_is_good(&k, sizes[i]);
        struct nacre_rsa_key key = rsa_test_made_key(&k, sizes[i]);
        cr_assert(rsa_test_signs(&key, &rng));
        for (size_t w = 0; w < NACRE_RSA_WORK(sizes[i]); w++) {
            cr_assert_eq(rsa_test_work[w], 0, "not wiped");
        }
        rng = rsa_test_random(&r, i, -1);
        if (i == 0) {
            ncr_cpu_restrict(0);
            cr_assert(rsa_test_generate(&again, sizes[i], &rng));
            cr_assert_arr_eq(&again, &k, sizeof k, "the same from the same bytes, in all forms");
            ncr_cpu_restrict(NCR_CPU_ALL);
        }
    }
}

/* Where the memory ends: under a sanitizer a word too much is seen. */
Test(rsa, generate_with_just_its_memory)
{
    struct rsa_test_rng r;
    struct nacre_rng rng = rsa_test_random(&r, 77, -1);
    uint64_t *work = malloc(NACRE_RSA_WORK(2048) * sizeof *work);
    uint8_t *n = malloc(256), *d = malloc(256), *p = malloc(128), *q = malloc(128),
            *iqmp = malloc(128);
    cr_assert(work && n && d && p && q && iqmp);
    cr_assert(nacre_rsa_generate(n, d, p, q, iqmp, 2048, &rng, work));
    free(work), free(n), free(d), free(p), free(q), free(iqmp);
}

Test(rsa, ct_generate)
{
    struct rsa_test_made k;
    struct rsa_test_rng r;
    struct nacre_rng rng = rsa_test_random(&r, RSA_TEST_QUICK_SEED, -1);
    cr_assert(rsa_test_generate(&k, 2048, &rng));
    struct nacre_rsa_key key = rsa_test_made_key(&k, 2048);
    rsa_test_mark(&key, false);
    cr_assert(nacre_rsa_key_ok(&key, rsa_test_work));
}

static bool rsa_test_ones_fill(void *ctx, uint8_t *out, size_t n)
{
    memset(out, *(const int *)ctx, n);
    return true;
}

Test(rsa, generate_refused)
{
    static const unsigned sizes[] = {0, 16, 1024, 2032, 2040, 2047, 2049, 2056, 16392, 16400};
    struct rsa_test_made k, zero = {{0}, {0}, {0}, {0}, {0}};
    struct rsa_test_rng r;
    struct nacre_rng rng = rsa_test_random(&r, RSA_TEST_QUICK_SEED, -1);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        cr_assert_not(rsa_test_generate(&k, sizes[i], &rng), "%u", sizes[i]);
        cr_assert_eq(r.calls, 0);
    }
    cr_assert(rsa_test_generate(&k, 2048, &rng));
    long calls = r.calls;
    for (long left = 0; left < calls; left += left < 5 || calls - left < 20 ? 1 : calls / 16) {
        rng = rsa_test_random(&r, RSA_TEST_QUICK_SEED, left);
        cr_assert_not(rsa_test_generate(&k, 2048, &rng), "call %ld of %ld fails", left, calls);
        cr_assert_arr_eq(k.n, zero.n, 256);
        cr_assert_arr_eq(k.d, zero.d, 256);
        cr_assert_arr_eq(k.p, zero.p, 128);
        cr_assert_arr_eq(k.q, zero.q, 128);
        cr_assert_arr_eq(k.iqmp, zero.iqmp, 128);
    }
    /* a source that gives the same byte for ever: an end is found */
    for (int byte = 0; byte < 256; byte += 51) {
        rng.fill = rsa_test_ones_fill;
        rng.ctx = &byte;
        cr_assert_not(rsa_test_generate(&k, 2048, &rng), "%d", byte);
    }
}

/* The slow sizes. */
Test(rsa, generate_long, .timeout = 600)
{
    struct rsa_test_made k;
    const char *slow = getenv("NACRE_SLOW");
    if (slow == NULL || strcmp(slow, "1") != 0) {
        cr_skip_test("up to a minute: set NACRE_SLOW=1");
    }
    cr_assert(rsa_test_generate(&k, 4096, &nacre_rng_os));
    rsa_test_is_good(&k, 4096);
    static uint8_t n[2048], d[2048], p[1024], q[1024], iqmp[1024], sig[2048];
    static const uint8_t e[] = {1, 0, 1};
    cr_assert(nacre_rsa_generate(n, d, p, q, iqmp, 16384, &nacre_rng_os, rsa_test_work));
    struct nacre_rsa_key key = {.n = {n, 2048},
                                .e = {e, 3},
                                .d = {d, 2048},
                                .p = {p, 1024},
                                .q = {q, 1024},
                                .iqmp = {iqmp, 1024}};
    cr_assert(nacre_rsa_key_ok(&key, rsa_test_work));
    cr_assert(nacre_rsa_sign(sig, &nacre_hash_sha512, &key, rsa_test_message, RSA_TEST_LEN,
                             &nacre_rng_os, rsa_test_work));
}
