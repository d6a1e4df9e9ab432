/* SPDX-License-Identifier: ISC
 *
 * ML-DSA-44 against OpenSSL's keys and signatures, in all forms that the CPU has; then what must be
 * refused: flipped bits, each broken encoding of hints, contexts that differ.
 */
#include "crypto/cpu.h"
#include "crypto/ct.h"
#include "crypto/nacre_crypto.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

enum { HINTS_AT = 32 + 4 * 576, HINTS_MAX = 80 };

static uint64_t mldsa_work[NACRE_MLDSA44_WORK];
static const uint8_t mldsa_zeros[NACRE_MLDSA44_RND_LEN];

static void mldsa_hash_is(const struct vec *v, const char *key, const uint8_t *p, size_t n)
{
    struct nacre_sha256 c;
    uint8_t digest[NACRE_SHA256_LEN];
    nacre_sha256_init(&c);
    nacre_sha256_update(&c, p, n);
    nacre_sha256_final(digest, &c);
    vec_expect(v, key, digest, sizeof digest);
}

static void mldsa_openssl(void)
{
    struct vec v;
    for (vec_open(&v, "mldsa44_openssl.txt"); vec_next(&v);) {
        uint8_t pk[NACRE_MLDSA44_PK_LEN], sk[NACRE_MLDSA44_SK_LEN], sig[NACRE_MLDSA44_SIG_LEN];
        size_t ctx_len, n;
        const uint8_t *seed = vec_fixed(&v, "seed", 32), *rnd = vec_fixed(&v, "rnd", 32);
        const uint8_t *ctx = vec_get(&v, "context", &ctx_len), *m = vec_get(&v, "message", &n);
        nacre_mldsa44_keygen(pk, sk, seed, mldsa_work);
        mldsa_hash_is(&v, "public_hash", pk, sizeof pk);
        mldsa_hash_is(&v, "secret_hash", sk, sizeof sk);
        cr_assert(nacre_mldsa44_sign(sig, seed, ctx, ctx_len, rnd, m, n, mldsa_work));
        mldsa_hash_is(&v, "signature_hash", sig, sizeof sig);
        cr_assert(nacre_mldsa44_verify_vartime(pk, ctx, ctx_len, m, n, sig, mldsa_work));
        memset(sig, 0, sizeof sig);
        cr_assert(nacre_mldsa44_sign_expanded(sig, sk, ctx, ctx_len, rnd, m, n, mldsa_work));
        mldsa_hash_is(&v, "signature_hash", sig, sizeof sig);
        memset(pk, 0, sizeof pk);
        nacre_mldsa44_keygen(pk, NULL, seed, mldsa_work);
        mldsa_hash_is(&v, "public_hash", pk, sizeof pk);
    }
    vec_close(&v);
}

Test(mldsa44, openssl_in_each_form)
{
    uint32_t all = ncr_cpu();
    mldsa_openssl();
    ncr_cpu_restrict(all & NCR_CPU_AVX2);
    mldsa_openssl();
    ncr_cpu_restrict(0);
    mldsa_openssl();
}

Test(mldsa44, signatures_of_others)
{
    struct vec v;
    for (vec_open(&v, "mldsa44_python.txt"); vec_next(&v);) {
        uint8_t pk[NACRE_MLDSA44_PK_LEN];
        size_t ctx_len, n;
        const uint8_t *ctx = vec_get(&v, "context", &ctx_len), *m = vec_get(&v, "message", &n);
        const uint8_t *sig = vec_fixed(&v, "signature", NACRE_MLDSA44_SIG_LEN);
        nacre_mldsa44_keygen(pk, NULL, vec_fixed(&v, "seed", 32), mldsa_work);
        vec_expect(&v, "public", pk, sizeof pk);
        cr_assert(nacre_mldsa44_verify_vartime(pk, ctx, ctx_len, m, n, sig, mldsa_work), "line %u",
                  v.line);
    }
    vec_close(&v);
}

/* A key, a message and a signature, by the first seed from `first` on whose signature suits. */
struct mldsa_signed {
    uint8_t seed[32];
    uint8_t pk[NACRE_MLDSA44_PK_LEN];
    uint8_t m[40];
    uint8_t sig[NACRE_MLDSA44_SIG_LEN];
    uint8_t *hints, *ends; /* in sig */
};

static void mldsa_make(struct mldsa_signed *s, uint8_t first)
{
    memset(s->seed, first, sizeof s->seed);
    memset(s->m, 0x5a, sizeof s->m);
    nacre_mldsa44_keygen(s->pk, NULL, s->seed, mldsa_work);
    cr_assert(
        nacre_mldsa44_sign(s->sig, s->seed, NULL, 0, mldsa_zeros, s->m, sizeof s->m, mldsa_work));
    s->hints = s->sig + HINTS_AT;
    s->ends = s->hints + HINTS_MAX;
}

static bool mldsa_good(const struct mldsa_signed *s)
{
    return nacre_mldsa44_verify_vartime(s->pk, NULL, 0, s->m, sizeof s->m, s->sig, mldsa_work);
}

/* Each step-th bit of the n bytes at p, which are part of s. */
static void mldsa_flip_bits(const struct mldsa_signed *s, uint8_t *p, size_t n, size_t step)
{
    for (size_t bit = 0; bit < 8 * n; bit += step) {
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_not(mldsa_good(s), "bit %zu of %zu bytes", bit, n);
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

Test(mldsa44, flipped_bits)
{
    struct mldsa_signed s;
    mldsa_make(&s, 1);
    cr_assert(mldsa_good(&s));
    mldsa_flip_bits(&s, s.sig, 32, 1);
    mldsa_flip_bits(&s, s.sig + 32, HINTS_AT - 32, 5);
    mldsa_flip_bits(&s, s.hints, HINTS_MAX + 4, 1);
    mldsa_flip_bits(&s, s.pk, sizeof s.pk, 5);
    mldsa_flip_bits(&s, s.m, sizeof s.m, 1);
    cr_assert(mldsa_good(&s));
}

/* Two places of a row that stand the other way round, or the same place twice, mean the same hints
 * and would verify. */
Test(mldsa44, places_of_hints_must_rise)
{
    struct mldsa_signed s;
    uint8_t was[84];
    mldsa_make(&s, 2);
    memcpy(was, s.hints, sizeof was);
    for (size_t i = 0, row = 0; i + 1 < s.ends[3]; i++) {
        while (i >= s.ends[row]) {
            row++;
        }
        s.hints[i] = was[i + 1];
        s.hints[i + 1] = was[i];
        cr_assert_not(mldsa_good(&s), "%zu and its successor", i);
        memcpy(s.hints, was, sizeof was);
        if (s.ends[3] < HINTS_MAX) {
            memmove(s.hints + i + 1, was + i, HINTS_MAX - 1 - i);
            for (size_t r = row; r < 4; r++) {
                s.ends[r]++;
            }
            cr_assert_not(mldsa_good(&s), "%zu twice", i);
            memcpy(s.hints, was, sizeof was);
        }
    }
    cr_assert(mldsa_good(&s));
}

Test(mldsa44, unused_places_of_hints_must_be_zero)
{
    struct mldsa_signed s;
    unsigned tried = 0;
    mldsa_make(&s, 3);
    for (size_t i = s.ends[3]; i < HINTS_MAX; i++) {
        s.hints[i] = 1;
        cr_assert_not(mldsa_good(&s), "%zu", i);
        s.hints[i] = 0xff;
        cr_assert_not(mldsa_good(&s), "%zu", i);
        s.hints[i] = 0;
        tried++;
    }
    cr_assert(tried > 0 && mldsa_good(&s));
}

Test(mldsa44, counts_of_hints_must_not_fall_or_pass_80)
{
    struct mldsa_signed s;
    uint8_t was[4];
    mldsa_make(&s, 4);
    memcpy(was, s.ends, sizeof was);
    for (size_t r = 0; r < 4; r++) {
        for (unsigned n = 0; n < 256; n++) {
            s.ends[r] = (uint8_t)n;
            cr_assert_eq(mldsa_good(&s), n == was[r], "row %zu: %u", r, n);
        }
        s.ends[r] = was[r];
    }
    /* all places used, and more than there are: nothing outside the signature is read */
    memset(s.ends, 0xff, 4);
    cr_assert_not(mldsa_good(&s));
    memset(s.hints, 0xff, 84);
    cr_assert_not(mldsa_good(&s));
    for (size_t i = 0; i < HINTS_MAX; i++) {
        s.hints[i] = (uint8_t)i;
    }
    memset(s.ends, HINTS_MAX, 4);
    cr_assert_not(mldsa_good(&s));
    s.ends[3]++;
    cr_assert_not(mldsa_good(&s));
}

/* A coefficient of z at the ends of what its 18 bits can say, and at the bound of its norm. */
Test(mldsa44, z_out_of_range)
{
    static const uint32_t bad[] = {0, 1, 77, 78, 0x3ffff, 0x3fffe, 0x3ffb3, 0x3ffb2, 0x3ffff - 77};
    struct mldsa_signed s;
    mldsa_make(&s, 5);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (size_t at = 32; at < HINTS_AT; at += 576) {
            uint8_t was[3];
            memcpy(was, s.sig + at, 3);
            s.sig[at] = (uint8_t)bad[i];
            s.sig[at + 1] = (uint8_t)(bad[i] >> 8);
            s.sig[at + 2] = (uint8_t)((s.sig[at + 2] & 0xfc) | bad[i] >> 16);
            cr_assert_not(mldsa_good(&s), "%x at %zu", (unsigned)bad[i], at);
            memcpy(s.sig + at, was, 3);
        }
    }
    cr_assert(mldsa_good(&s));
}

Test(mldsa44, contexts)
{
    struct mldsa_signed s;
    uint8_t ctx[256], sig[NACRE_MLDSA44_SIG_LEN], zero[NACRE_MLDSA44_SIG_LEN] = {0};
    mldsa_make(&s, 6);
    memset(ctx, 7, sizeof ctx);
    for (size_t n = 0; n <= 255; n += n < 3 ? 1 : 84) {
        cr_assert(nacre_mldsa44_sign(sig, s.seed, ctx, n, mldsa_zeros, s.m, 5, mldsa_work));
        cr_assert(nacre_mldsa44_verify_vartime(s.pk, ctx, n, s.m, 5, sig, mldsa_work));
        cr_assert_not(nacre_mldsa44_verify_vartime(s.pk, ctx, n ^ 1, s.m, 5, sig, mldsa_work));
    }
    cr_assert_not(nacre_mldsa44_verify_vartime(s.pk, ctx, 256, s.m, 5, sig, mldsa_work));
    cr_assert_not(nacre_mldsa44_sign(sig, s.seed, ctx, 256, mldsa_zeros, s.m, 5, mldsa_work));
    cr_assert_arr_eq(sig, zero, sizeof sig);
    memset(sig, 1, sizeof sig);
    cr_assert_not(nacre_mldsa44_sign(sig, s.seed, ctx, SIZE_MAX, mldsa_zeros, s.m, 5, mldsa_work));
    cr_assert_arr_eq(sig, zero, sizeof sig);
}

/* What moves from the context to the message is another message. */
Test(mldsa44, context_and_message_do_not_merge)
{
    struct mldsa_signed s;
    static const uint8_t text[] = "abcdef";
    mldsa_make(&s, 7);
    cr_assert(nacre_mldsa44_sign(s.sig, s.seed, text, 2, mldsa_zeros, text + 2, 4, mldsa_work));
    for (size_t n = 0; n <= 6; n++) {
        cr_assert_eq(
            nacre_mldsa44_verify_vartime(s.pk, text, n, text + n, 6 - n, s.sig, mldsa_work),
            n == 2);
    }
}

/* Expanded keys that no seed has: coefficients out of range, and a t0 that is as large as can be
 * everywhere, with signs by the bits of a hash: too many hints, time and again, so that the bound
 * on tries ends it. */
Test(mldsa44, malformed_expanded_keys_end)
{
    static const uint8_t zero[NACRE_MLDSA44_SIG_LEN];
    uint8_t sk[NACRE_MLDSA44_SK_LEN], signs[1024], sig[NACRE_MLDSA44_SIG_LEN];
    struct nacre_keccak c;
    unsigned refused = 0;
    nacre_shake256_init(&c);
    nacre_shake_squeeze(signs, &c, sizeof signs);
    memset(sk, 0xff, sizeof sk);
    memset(sk + 896, 0, sizeof sk - 896);
    for (size_t bit = 0; bit < 13 * sizeof signs; bit++) {
        sk[896 + bit / 8] |= (uint8_t)((signs[bit / 13] & 1) << bit % 8);
    }
    for (uint8_t i = 0; i < 8; i++) {
        memset(sig, 1, sizeof sig);
        if (!nacre_mldsa44_sign_expanded(sig, sk, NULL, 0, mldsa_zeros, &i, 1, mldsa_work)) {
            cr_assert_arr_eq(sig, zero, sizeof sig);
            refused++;
        }
    }
    cr_assert(refused > 0);
}

Test(mldsa44, signature_over_the_message)
{
    struct mldsa_signed s;
    uint8_t place[NACRE_MLDSA44_SIG_LEN + 40];
    mldsa_make(&s, 8);
    for (size_t at = 0; at <= sizeof place - sizeof s.m; at += 97) {
        memset(place, 0, sizeof place);
        memcpy(place + at, s.m, sizeof s.m);
        cr_assert(nacre_mldsa44_sign(place, s.seed, NULL, 0, mldsa_zeros, place + at, sizeof s.m,
                                     mldsa_work));
        cr_assert_arr_eq(place, s.sig, sizeof s.sig, "at %zu", at);
    }
}

static void mldsa_work_is_clear(void)
{
    for (size_t i = 0; i < NACRE_MLDSA44_WORK; i++) {
        cr_assert_eq(mldsa_work[i], 0, "word %zu", i);
    }
}

Test(mldsa44, work_is_wiped)
{
    uint8_t sk[NACRE_MLDSA44_SK_LEN];
    struct mldsa_signed s;
    mldsa_make(&s, 9);
    mldsa_work_is_clear();
    cr_assert(mldsa_good(&s));
    mldsa_work_is_clear();
    nacre_mldsa44_keygen(s.pk, sk, s.seed, mldsa_work);
    mldsa_work_is_clear();
    cr_assert(
        nacre_mldsa44_sign_expanded(s.sig, sk, NULL, 0, mldsa_zeros, s.m, sizeof s.m, mldsa_work));
    mldsa_work_is_clear();
    s.sig[0] ^= 1;
    cr_assert_not(mldsa_good(&s));
    mldsa_work_is_clear();
}

/* ---- For make ct ---- */

Test(mldsa44, ct_keygen)
{
    uint8_t seed[32], pk[NACRE_MLDSA44_PK_LEN], sk[NACRE_MLDSA44_SK_LEN];
    for (uint8_t i = 0; i < 4; i++) {
        memset(seed, i, sizeof seed);
        NCR_CT_SECRET(seed, sizeof seed);
        nacre_mldsa44_keygen(pk, sk, seed, mldsa_work);
        NCR_CT_PUBLIC(sk, sizeof sk);
        cr_assert_arr_eq(pk, sk, 32);
    }
}

Test(mldsa44, ct_sign)
{
    uint8_t seed[32], rnd[32], pk[NACRE_MLDSA44_PK_LEN], sig[NACRE_MLDSA44_SIG_LEN];
    for (uint8_t i = 0; i < 4; i++) {
        memset(seed, i, sizeof seed);
        memset(rnd, i + 1, sizeof rnd);
        NCR_CT_SECRET(seed, sizeof seed);
        NCR_CT_SECRET(rnd, sizeof rnd);
        nacre_mldsa44_keygen(pk, NULL, seed, mldsa_work);
        cr_assert(nacre_mldsa44_sign(sig, seed, NULL, 0, rnd, pk, 10, mldsa_work));
        cr_assert(nacre_mldsa44_verify_vartime(pk, NULL, 0, pk, 10, sig, mldsa_work));
    }
}

Test(mldsa44, ct_sign_expanded)
{
    uint8_t seed[32], rnd[32], pk[NACRE_MLDSA44_PK_LEN], sk[NACRE_MLDSA44_SK_LEN];
    uint8_t sig[NACRE_MLDSA44_SIG_LEN];
    for (uint8_t i = 0; i < 4; i++) {
        memset(seed, i, sizeof seed);
        memset(rnd, i + 1, sizeof rnd);
        nacre_mldsa44_keygen(pk, sk, seed, mldsa_work);
        NCR_CT_SECRET(sk, sizeof sk);
        NCR_CT_SECRET(rnd, sizeof rnd);
        cr_assert(nacre_mldsa44_sign_expanded(sig, sk, NULL, 0, rnd, pk, 10, mldsa_work));
        cr_assert(nacre_mldsa44_verify_vartime(pk, NULL, 0, pk, 10, sig, mldsa_work));
    }
}
