/* SPDX-License-Identifier: ISC
 *
 * ML-KEM-768 and -1024 against OpenSSL, and over ten thousand exchanges against the hash that Go's
 * tests have of them, in every form that this CPU has; the checks of FIPS 203 sections 7.2 and 7.3
 * at every place; implicit rejection for every bit of a ciphertext.
 */
#include "crypto/cpu.h"
#include "crypto/ct.h"
#include "crypto/nacre_crypto.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

enum { MLKEM_Q = 3329 };

struct mlkem_set {
    unsigned bits; /* of its name */
    size_t ek_len, dk_len, ct_len;
    void (*keygen)(uint8_t *ek, uint8_t *dk, const uint8_t *seed, uint64_t *work);
    bool (*encaps)(uint8_t *ct, uint8_t *k, const uint8_t *ek, const uint8_t *m, uint64_t *work);
    bool (*decaps)(uint8_t *k, const uint8_t *dk, const uint8_t *ct, uint64_t *work);
};

static const struct mlkem_set mlkem_sets[] = {
    {768, NACRE_MLKEM768_EK_LEN, NACRE_MLKEM768_DK_LEN, NACRE_MLKEM768_CT_LEN,
     nacre_mlkem768_keygen, nacre_mlkem768_encaps, nacre_mlkem768_decaps},
    {1024, NACRE_MLKEM1024_EK_LEN, NACRE_MLKEM1024_DK_LEN, NACRE_MLKEM1024_CT_LEN,
     nacre_mlkem1024_keygen, nacre_mlkem1024_encaps, nacre_mlkem1024_decaps},
};

enum { MLKEM_SETS = sizeof mlkem_sets / sizeof mlkem_sets[0] };

static const uint32_t mlkem_cpus[] = {NCR_CPU_ALL, NCR_CPU_AVX2, 0};

enum { MLKEM_CPUS = sizeof mlkem_cpus / sizeof mlkem_cpus[0] };

/* One exchange. */
static struct {
    uint8_t ek[NACRE_MLKEM1024_EK_LEN], dk[NACRE_MLKEM1024_DK_LEN], ct[NACRE_MLKEM1024_CT_LEN];
    uint8_t k[NACRE_MLKEM_K_LEN];
    uint64_t work[NACRE_MLKEM_WORK];
} x;

static const struct mlkem_set *mlkem_set(uint64_t bits)
{
    return &mlkem_sets[bits == 1024];
}

static bool mlkem_zero(const void *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) {
        any |= ((const uint8_t *)p)[i];
    }
    return any == 0;
}

static void mlkem_hashed(const struct vec *v, const char *key, const uint8_t *p, size_t n)
{
    uint8_t hash[NACRE_SHA256_LEN];
    struct nacre_sha256 c;
    nacre_sha256_init(&c);
    nacre_sha256_update(&c, p, n);
    nacre_sha256_final(hash, &c);
    vec_expect(v, key, hash, sizeof hash);
}

static void mlkem_vector(const struct vec *v, const struct mlkem_set *s)
{
    size_t bit = (size_t)vec_uint(v, "flip");
    memset(&x, 0xee, sizeof x);
    s->keygen(x.ek, x.dk, vec_fixed(v, "seed", 64), x.work);
    mlkem_hashed(v, "ek_sha256", x.ek, s->ek_len);
    mlkem_hashed(v, "dk_sha256", x.dk, s->dk_len);
    cr_assert(s->encaps(x.ct, x.k, x.ek, vec_fixed(v, "m", 32), x.work));
    mlkem_hashed(v, "ct_sha256", x.ct, s->ct_len);
    vec_expect(v, "k", x.k, sizeof x.k);
    memset(x.k, 0xee, sizeof x.k);
    cr_assert(s->decaps(x.k, x.dk, x.ct, x.work));
    vec_expect(v, "k", x.k, sizeof x.k);
    x.ct[bit / 8] ^= (uint8_t)(1U << bit % 8);
    cr_assert(s->decaps(x.k, x.dk, x.ct, x.work));
    vec_expect(v, "reject", x.k, sizeof x.k);
}

Test(mlkem, openssl)
{
    for (size_t f = 0; f < MLKEM_CPUS; f++) {
        struct vec v;
        ncr_cpu_restrict(mlkem_cpus[f]);
        for (vec_open(&v, "mlkem_openssl.txt"); vec_next(&v);) {
            mlkem_vector(&v, mlkem_set(vec_uint(&v, "set")));
        }
        cr_assert_eq(v.records, 64);
        vec_close(&v);
    }
}

/* Seeds, messages and wrong ciphertexts are SHAKE128's output without input; what comes of them
 * is hashed by SHAKE128. */
static void mlkem_accumulate(const struct vec *v, const struct mlkem_set *s)
{
    struct nacre_keccak in, out;
    uint8_t seed[64], m[32], hash[32];
    nacre_shake128_init(&in);
    nacre_shake128_init(&out);
    for (uint64_t n = vec_uint(v, "exchanges"); n > 0; n--) {
        uint8_t k[32];
        nacre_shake_squeeze(seed, &in, sizeof seed);
        s->keygen(x.ek, x.dk, seed, x.work);
        nacre_shake_absorb(&out, x.ek, s->ek_len);
        nacre_shake_squeeze(m, &in, sizeof m);
        cr_assert(s->encaps(x.ct, x.k, x.ek, m, x.work));
        nacre_shake_absorb(&out, x.ct, s->ct_len);
        nacre_shake_absorb(&out, x.k, sizeof x.k);
        cr_assert(s->decaps(k, x.dk, x.ct, x.work));
        cr_assert_arr_eq(k, x.k, sizeof k);
        nacre_shake_squeeze(x.ct, &in, s->ct_len);
        cr_assert(s->decaps(k, x.dk, x.ct, x.work));
        nacre_shake_absorb(&out, k, sizeof k);
    }
    nacre_shake_squeeze(hash, &out, sizeof hash);
    vec_expect(v, "hash", hash, sizeof hash);
}

Test(mlkem, ten_thousand_exchanges)
{
    for (size_t f = 0; f < MLKEM_CPUS; f++) {
        struct vec v;
        ncr_cpu_restrict(mlkem_cpus[f]);
        for (vec_open(&v, "mlkem_accumulated.txt"); vec_next(&v);) {
            mlkem_accumulate(&v, mlkem_set(vec_uint(&v, "set")));
        }
        vec_close(&v);
    }
}

/* ---- Bad keys ---------------------------------------------------------------------------- */

/* Puts c at place i of the key's coefficients; the one that was there. */
static unsigned mlkem_put(uint8_t *ek, size_t i, unsigned c)
{
    uint8_t *p = ek + i / 2 * 3;
    uint32_t pair = (uint32_t)(p[0] | p[1] << 8 | p[2] << 16), shift = i % 2 * 12;
    unsigned old = pair >> shift & 0xfff;
    pair = (pair & ~((uint32_t)0xfff << shift)) | (uint32_t)c << shift;
    p[0] = (uint8_t)pair, p[1] = (uint8_t)(pair >> 8), p[2] = (uint8_t)(pair >> 16);
    return old;
}

static const uint8_t mlkem_seed[64] = {1, 2, 3}, mlkem_m[32] = {4, 5, 6};

static void mlkem_pair(const struct mlkem_set *s)
{
    s->keygen(x.ek, x.dk, mlkem_seed, x.work);
    cr_assert(s->encaps(x.ct, x.k, x.ek, mlkem_m, x.work));
}

Test(s27, mlkem_coefficients_of_q_and_more)
{
    static const unsigned over[] = {MLKEM_Q, MLKEM_Q + 1, 0x0fff, 0x0d80, 0x0e00};
    for (size_t j = 0; j < MLKEM_SETS; j++) {
        const struct mlkem_set *s = &mlkem_sets[j];
        mlkem_pair(s);
        for (size_t i = 0; i < (s->ek_len - 32) / 3 * 2; i++) {
            unsigned old = mlkem_put(x.ek, i, MLKEM_Q - 1);
            cr_assert(s->encaps(x.ct, x.k, x.ek, mlkem_m, x.work), "place %zu", i);
            for (size_t o = 0; o < sizeof over / sizeof over[0]; o++) {
                mlkem_put(x.ek, i, over[o]);
                memset(x.ct, 0xee, sizeof x.ct);
                memset(x.k, 0xee, sizeof x.k);
                cr_assert_not(s->encaps(x.ct, x.k, x.ek, mlkem_m, x.work), "place %zu", i);
                cr_assert(mlkem_zero(x.ct, s->ct_len) && mlkem_zero(x.k, sizeof x.k));
            }
            mlkem_put(x.ek, i, old);
        }
        cr_assert(s->encaps(x.ct, x.k, x.ek, mlkem_m, x.work));
    }
}

/* Whatever is changed of the public key inside of the private one, or of its hash. */
Test(mlkem, private_key_with_a_wrong_hash)
{
    for (size_t j = 0; j < MLKEM_SETS; j++) {
        const struct mlkem_set *s = &mlkem_sets[j];
        size_t start = s->dk_len - 64 - s->ek_len;
        mlkem_pair(s);
        for (size_t i = start; i < s->dk_len - 32; i++) {
            uint8_t bit = (uint8_t)(1U << i % 8);
            x.dk[i] ^= bit;
            memset(x.k, 0xee, sizeof x.k);
            cr_assert_not(s->decaps(x.k, x.dk, x.ct, x.work), "byte %zu", i);
            cr_assert(mlkem_zero(x.k, sizeof x.k));
            x.dk[i] ^= bit;
        }
    }
}

/* The secret vector as large as its encoding allows, which no key pair has, overflows nothing (the
 * sanitizers would say so) and differs from the right one. */
Test(mlkem, private_key_out_of_range)
{
    for (size_t f = 0; f < MLKEM_CPUS; f++) {
        ncr_cpu_restrict(mlkem_cpus[f]);
        for (size_t j = 0; j < MLKEM_SETS; j++) {
            const struct mlkem_set *s = &mlkem_sets[j];
            uint8_t k[2][32];
            mlkem_pair(s);
            for (size_t i = 0; i < 2; i++) { /* 4,095 is 766 mod q */
                for (size_t n = 0; n < (s->ek_len - 32) / 3 * 2; n++) {
                    mlkem_put(x.dk, n, i == 0 ? 4095 : 766);
                }
                cr_assert(s->decaps(k[i], x.dk, x.ct, x.work));
            }
            cr_assert_arr_eq(k[0], k[1], 32);
            cr_assert_neq(memcmp(k[0], x.k, 32), 0);
        }
    }
}

/* ---- Bad ciphertexts --------------------------------------------------------------------- */

/* J(z || ct), FIPS 203 section 4.1. */
static void mlkem_rejection(uint8_t k[32], const struct mlkem_set *s)
{
    struct nacre_keccak c;
    nacre_shake256_init(&c);
    nacre_shake_absorb(&c, x.dk + s->dk_len - 32, 32);
    nacre_shake_absorb(&c, x.ct, s->ct_len);
    nacre_shake_squeeze(k, &c, 32);
}

Test(s27, mlkem_rejects_implicitly)
{
    for (size_t j = 0; j < MLKEM_SETS; j++) {
        const struct mlkem_set *s = &mlkem_sets[j];
        uint8_t k[32], want[32];
        mlkem_pair(s);
        for (size_t bit = 0; bit < 8 * s->ct_len; bit++) {
            x.ct[bit / 8] ^= (uint8_t)(1U << bit % 8);
            mlkem_rejection(want, s);
            cr_assert(s->decaps(k, x.dk, x.ct, x.work));
            cr_assert_arr_eq(k, want, 32, "bit %zu", bit);
            x.ct[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        cr_assert(s->decaps(k, x.dk, x.ct, x.work));
        cr_assert_arr_eq(k, x.k, 32);
    }
}

/* z is used for nothing else. */
Test(mlkem, z_is_for_rejection_alone)
{
    for (size_t j = 0; j < MLKEM_SETS; j++) {
        const struct mlkem_set *s = &mlkem_sets[j];
        uint8_t k[2][32];
        mlkem_pair(s);
        x.dk[s->dk_len - 1] ^= 0x80;
        cr_assert(s->decaps(k[0], x.dk, x.ct, x.work));
        cr_assert_arr_eq(k[0], x.k, 32);
        x.ct[5] ^= 1;
        cr_assert(s->decaps(k[0], x.dk, x.ct, x.work));
        x.dk[s->dk_len - 1] ^= 0x80;
        cr_assert(s->decaps(k[1], x.dk, x.ct, x.work));
        cr_assert_neq(memcmp(k[0], k[1], 32), 0);
    }
}

Test(mlkem, work_is_wiped)
{
    for (size_t j = 0; j < MLKEM_SETS; j++) {
        const struct mlkem_set *s = &mlkem_sets[j];
        mlkem_pair(s);
        cr_assert(mlkem_zero(x.work, sizeof x.work));
        s->keygen(x.ek, x.dk, mlkem_seed, x.work);
        cr_assert(mlkem_zero(x.work, sizeof x.work));
        cr_assert(s->decaps(x.k, x.dk, x.ct, x.work));
        cr_assert(mlkem_zero(x.work, sizeof x.work));
        x.dk[s->dk_len - 33] ^= 1;
        cr_assert_not(s->decaps(x.k, x.dk, x.ct, x.work));
        cr_assert(mlkem_zero(x.work, sizeof x.work));
    }
}

/* ---- Constant time ----------------------------------------------------------------------- */

/* Key pair, encapsulation, decapsulation of a good and of a bad ciphertext; want: the keys. */
static void mlkem_secretly(const struct mlkem_set *s, const uint8_t want[32],
                           const uint8_t reject[32])
{
    uint8_t seed[64], m[32], k[3][32];
    memcpy(seed, mlkem_seed, sizeof seed);
    memcpy(m, mlkem_m, sizeof m);
    NCR_CT_SECRET(seed, sizeof seed);
    NCR_CT_SECRET(m, sizeof m);
    s->keygen(x.ek, x.dk, seed, x.work);
    NCR_CT_SECRET(x.dk, sizeof x.dk);
    cr_assert(s->encaps(x.ct, k[0], x.ek, m, x.work));
    cr_assert(s->decaps(k[1], x.dk, x.ct, x.work));
    x.ct[9] ^= 1;
    cr_assert(s->decaps(k[2], x.dk, x.ct, x.work));
    NCR_CT_PUBLIC(k, sizeof k);
    cr_assert_arr_eq(k[0], want, 32);
    cr_assert_arr_eq(k[1], want, 32);
    cr_assert_arr_eq(k[2], reject, 32);
    NCR_CT_PUBLIC(&x, sizeof x);
}

Test(mlkem, ct_in_seed_message_and_private_key)
{
    for (size_t f = 0; f < MLKEM_CPUS; f++) {
        ncr_cpu_restrict(mlkem_cpus[f]);
        for (size_t j = 0; j < MLKEM_SETS; j++) {
            uint8_t want[32], reject[32];
            mlkem_pair(&mlkem_sets[j]);
            memcpy(want, x.k, 32);
            x.ct[9] ^= 1;
            mlkem_rejection(reject, &mlkem_sets[j]);
            mlkem_secretly(&mlkem_sets[j], want, reject);
        }
    }
}
