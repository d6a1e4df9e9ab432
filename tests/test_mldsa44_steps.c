/* SPDX-License-Identifier: ISC
 *
 * The steps of ML-DSA-44 one by one, which the outside does not reach: the source is part of this
 * test, and what it defines is not taken from the library. Rounding for every residue, transforms
 * against multiplication as in school, each reason for a rejection, and signatures that are right
 * but for the norm of z.
 */
#include "crypto/mldsa44.c"

#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static uint64_t steps_work[NACRE_MLDSA44_WORK];
static uint64_t steps_seed = 0x9e3779b97f4a7c15;

/* Marsaglia's xorshift64. */
static uint64_t steps_random(void)
{
    steps_seed ^= steps_seed << 13;
    steps_seed ^= steps_seed >> 7;
    steps_seed ^= steps_seed << 17;
    return steps_seed;
}

/* ---- Section 7.4, as it is written ---- */

Test(mldsa44_steps, rounding_of_every_residue)
{
    unsigned top = mldsa_top();
    for (int32_t r = 0; r < (int32_t)MLDSA_Q; r++) {
        int32_t low = r % 190464, high;
        low -= low > 95232 ? 190464 : 0;
        if (r - low == (int32_t)MLDSA_Q - 1) {
            high = 0;
            low--;
        } else {
            high = (r - low) / 190464;
        }
        low += low < 0 ? (int32_t)MLDSA_Q : 0;
        if (mldsa_high((uint32_t)r, top) != (uint32_t)high ||
            mldsa_low((uint32_t)r, top) != (uint32_t)low) {
            cr_assert_fail("%d", (int)r);
        }
    }
}

/* UseHint, next to what MakeHint says of the sum that it stands for: lemma 1 of section 7.4. */
Test(mldsa44_steps, hints_give_the_high_bits_of_the_sum)
{
    unsigned top = mldsa_top();
    for (unsigned i = 0; i < 1000000; i++) {
        uint32_t r = (uint32_t)(steps_random() >> 20) % MLDSA_Q;
        uint32_t z = (uint32_t)(steps_random() >> 20) % (2 * MLDSA_GAMMA2 + 1);
        uint32_t sum, got;
        r = i % 8 == 0 ? r / 95232 * 95232 + (i / 8 % 3) - 1 : r;
        r %= MLDSA_Q;
        z = (z + MLDSA_Q - MLDSA_GAMMA2) % MLDSA_Q;
        sum = (r + z) % MLDSA_Q;
        got = mldsa_high(r, top) != mldsa_high(sum, top) ? mldsa_use_hint(r) : r;
        cr_assert_eq(mldsa_high(got, top), mldsa_high(sum, top), "%u %u", (unsigned)r, (unsigned)z);
    }
}

Test(mldsa44_steps, norms_at_their_bounds)
{
    static const uint32_t bounds[] = {1, MLDSA_GAMMA2, MLDSA_GAMMA2 - MLDSA_BETA,
                                      MLDSA_GAMMA1 - MLDSA_BETA};
    static struct ncr_mldsa_poly a;
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        uint32_t b = bounds[i];
        for (size_t at = 0; at < MLDSA_N; at += 51) {
            memset(&a, 0, sizeof a);
            a.c[at] = b - 1;
            cr_assert_eq(mldsa_exceeds(&a, b), 0);
            a.c[at] = b;
            cr_assert_eq(mldsa_exceeds(&a, b), 1);
            a.c[at] = MLDSA_Q - b;
            cr_assert_eq(mldsa_exceeds(&a, b), 1);
            a.c[at] = (MLDSA_Q - b + 1) % MLDSA_Q;
            cr_assert_eq(mldsa_exceeds(&a, b), 0);
            a.c[at] = MLDSA_Q / 2;
            cr_assert_eq(mldsa_exceeds(&a, b), 1);
        }
    }
}

/* ---- Section 7.5 ---- */

/* r = a b in Z_q[X] / (X^256 + 1). */
static void steps_school(struct ncr_mldsa_poly *r, const struct ncr_mldsa_poly *a,
                         const struct ncr_mldsa_poly *b)
{
    uint64_t acc[MLDSA_N] = {0};
    for (size_t i = 0; i < MLDSA_N; i++) {
        for (size_t j = 0; j < MLDSA_N; j++) {
            uint64_t x = (uint64_t)a->c[i] % MLDSA_Q * (b->c[j] % MLDSA_Q) % MLDSA_Q;
            acc[(i + j) % MLDSA_N] += i + j < MLDSA_N ? x : MLDSA_Q - x;
        }
    }
    for (size_t i = 0; i < MLDSA_N; i++) {
        r->c[i] = (uint32_t)(acc[i] % MLDSA_Q);
    }
}

static void steps_product_is(const struct ncr_mldsa_poly *a, const struct ncr_mldsa_poly *b)
{
    static struct ncr_mldsa_poly x, y, r, want;
    steps_school(&want, a, b);
    x = *a;
    y = *b;
    mldsa_ntt(&x);
    mldsa_ntt(&y);
    for (size_t i = 0; i < MLDSA_N; i++) {
        cr_assert(x.c[i] < 18 * MLDSA_Q && y.c[i] < 18 * MLDSA_Q);
    }
    mldsa_mul(&r, &x, &y);
    mldsa_inverse(&r);
    cr_assert_arr_eq(r.c, want.c, sizeof r.c);
}

static void steps_products(void)
{
    static const uint32_t ends[] = {0, 1, MLDSA_Q - 1, MLDSA_Q, 2 * MLDSA_Q - 1};
    static struct ncr_mldsa_poly a, b;
    for (size_t i = 0; i < 25; i++) {
        for (size_t j = 0; j < MLDSA_N; j++) {
            a.c[j] = ends[i % 5];
            b.c[j] = ends[i / 5];
        }
        steps_product_is(&a, &b);
    }
    for (size_t i = 0; i < 100; i++) {
        for (size_t j = 0; j < MLDSA_N; j++) {
            a.c[j] = i < 50 ? (uint32_t)(steps_random() >> 20) % (2 * MLDSA_Q)
                            : ends[(steps_random() >> 30) % 5];
            b.c[j] = (uint32_t)(steps_random() >> 20) % MLDSA_Q;
        }
        steps_product_is(&a, &b);
    }
}

Test(mldsa44_steps, products_as_in_school)
{
    steps_products();
    ncr_cpu_restrict(0);
    steps_products();
}

/* The largest values that a row and a transformed vector can have. */
static void steps_bounds(void)
{
    static struct ncr_mldsa_poly row[4], v[4], r;
    for (size_t n = 0; n < 4 * MLDSA_N; n++) {
        row[n / MLDSA_N].c[n % MLDSA_N] = MLDSA_Q - 1;
        v[n / MLDSA_N].c[n % MLDSA_N] = 18 * MLDSA_Q - 1;
    }
    mldsa_dot(&r, row, v);
    mldsa_inverse(&r);
    /* each transformed coefficient is 4 (-1) (-1) / R, so the polynomial is the constant 4 */
    cr_assert_eq(r.c[0], 4);
    for (size_t i = 1; i < MLDSA_N; i++) {
        cr_assert_eq(r.c[i], 0);
    }
}

Test(mldsa44_steps, dot_products_at_their_bounds)
{
    steps_bounds();
    ncr_cpu_restrict(0);
    steps_bounds();
}

#if NCR_X86
/* Values below bound, some of them at the ends. */
static void steps_fill(struct ncr_mldsa_poly *a, size_t n, uint32_t bound)
{
    for (size_t i = 0; i < n * MLDSA_N; i++) {
        uint64_t x = steps_random();
        a[i / MLDSA_N].c[i % MLDSA_N] = x >> 60 == 0   ? bound - 1
                                        : x >> 60 == 1 ? 0
                                                       : (uint32_t)(x >> 20) % bound;
    }
}

/* Each operation in the form that is chosen with AVX2 and in the portable one gives the same
 * numbers, reduced or not. NACRE_TWIN_CALLS says how many calls. */
Test(mldsa44_steps, twin_avx2_gives_the_same_numbers)
{
    static struct ncr_mldsa_poly a[4], b[4], fast, slow;
    const char *calls = getenv("NACRE_TWIN_CALLS");
    unsigned long n = calls != NULL ? strtoul(calls, NULL, 10) : 20000;
    if ((ncr_cpu() & NCR_CPU_AVX2) == 0) {
        cr_skip_test("no AVX2 here");
    }
    ncr_cpu_restrict(0);
    for (; n > 0; n--) {
        steps_fill(a, 4, MLDSA_Q);
        steps_fill(b, 4, 18 * MLDSA_Q);
        ncr_mldsa44_dot_avx2(&fast, a, b);
        mldsa_dot(&slow, a, b);
        cr_assert_arr_eq(fast.c, slow.c, sizeof fast.c);
        ncr_mldsa44_mul_avx2(&fast, &b[0], &b[1]);
        mldsa_mul(&slow, &b[0], &b[1]);
        cr_assert_arr_eq(fast.c, slow.c, sizeof fast.c);
        steps_fill(&fast, 1, 2 * MLDSA_Q);
        slow = fast;
        ncr_mldsa44_ntt_avx2(&fast);
        mldsa_ntt(&slow);
        cr_assert_arr_eq(fast.c, slow.c, sizeof fast.c);
        steps_fill(&fast, 1, 2 * MLDSA_Q);
        slow = fast;
        ncr_mldsa44_inverse_avx2(&fast);
        mldsa_inverse(&slow);
        cr_assert_arr_eq(fast.c, slow.c, sizeof fast.c);
    }
}
#endif

/* ---- Sections 7.1, 7.2 ---- */

Test(mldsa44_steps, packing)
{
    static const struct {
        unsigned bits;
        uint32_t top, least; /* values run from -least to top */
    } forms[] = {{3, 2, 2}, {13, 4096, 4095}, {18, 131072, 131071}};
    static struct ncr_mldsa_poly v[4], back[4], t;
    static uint8_t bytes[4 * MLDSA_Z_LEN + 1];
    for (size_t f = 0; f < 3; f++) {
        size_t len = 32 * forms[f].bits;
        uint32_t range = forms[f].top + forms[f].least + 1;
        for (size_t n = 0; n < 4 * MLDSA_N; n++) {
            uint32_t x = n % 3 == 0 ? 0 : n % 3 == 1 ? range - 1 : (uint32_t)steps_random() % range;
            v[n / MLDSA_N].c[n % MLDSA_N] = (forms[f].top + MLDSA_Q - x) % MLDSA_Q;
        }
        bytes[4 * len] = 0xa5;
        mldsa_pack_vector(bytes, len, v, forms[f].bits, forms[f].top, &t);
        cr_assert_eq(bytes[4 * len], 0xa5);
        mldsa_unpack_vector(back, bytes, len, forms[f].bits, forms[f].top);
        cr_assert_arr_eq(back, v, sizeof v);
    }
}

/* ---- Signing ---- */

static void steps_hash_is(const struct vec *v, const char *key, const uint8_t *a, size_t a_len,
                          const uint8_t *b, size_t b_len)
{
    struct nacre_sha256 c;
    uint8_t digest[NACRE_SHA256_LEN];
    nacre_sha256_init(&c);
    nacre_sha256_update(&c, a, a_len);
    nacre_sha256_update(&c, b, b_len);
    nacre_sha256_final(digest, &c);
    vec_expect(v, key, digest, sizeof digest);
}

/* The start of section 6.2 for M' = m. */
static void steps_start(struct mldsa_signer *s, const uint8_t *seed, const uint8_t *m, size_t n)
{
    static const uint8_t rnd[32];
    mldsa_expand_seed(s, seed);
    nacre_shake256_init(&s->h);
    nacre_shake_absorb(&s->h, s->tr, sizeof s->tr);
    nacre_shake_absorb(&s->h, m, n);
    nacre_shake_squeeze(s->mu, &s->h, sizeof s->mu);
    mldsa_start_tries(s, rnd);
}

static bool steps_verifies(const uint8_t *pk, const uint8_t *mu, const uint8_t *sig)
{
    static struct mldsa_verifier v;
    memcpy(v.mu, mu, sizeof v.mu);
    return mldsa_verify(&v, pk, sig);
}

enum { STEPS_Z = 1, STEPS_R0 = 2, STEPS_CT0 = 4, STEPS_COUNT = 8 };

/* The reason for which the try that was just made fails, 0 if there is none. */
static unsigned steps_reason(struct mldsa_signer *s)
{
    static struct ncr_mldsa_poly t;
    uint32_t failed;
    if (mldsa_response(s) != 0) {
        return STEPS_Z;
    }
    if (mldsa_residue(s) != 0) {
        return STEPS_R0;
    }
    failed = mldsa_hints(s);
    for (size_t r = 0; r < MLDSA_K; r++) {
        mldsa_mul(&t, &s->c, &s->t0[r]);
        mldsa_inverse(&t);
        if (mldsa_exceeds(&t, MLDSA_GAMMA2) != 0) {
            cr_assert_neq(failed, 0);
            return STEPS_CT0;
        }
    }
    return failed != 0 ? STEPS_COUNT : 0;
}

/* The bits of all reasons; *rejections of them in all. Ends with the try that passes. */
static unsigned steps_reasons(struct mldsa_signer *s, unsigned *rejections)
{
    unsigned all = 0, reason;
    for (*rejections = 0;; ++*rejections) {
        mldsa_expand_mask(s->y, s->expanded, MLDSA_K * *rejections, &s->streams);
        mldsa_challenge(s);
        reason = steps_reason(s);
        all |= reason;
        if (reason == 0) {
            return all;
        }
    }
}

Test(mldsa44_steps, rejections)
{
    struct mldsa_signer *s = (void *)steps_work;
    unsigned records = 0, all_four = 0;
    struct vec v;
    for (vec_open(&v, "mldsa44_acvp.txt"); vec_next(&v); records++) {
        uint8_t sk[NACRE_MLDSA44_SK_LEN], sig[NACRE_MLDSA44_SIG_LEN], again[sizeof sig];
        unsigned i = 0, rejections, reasons;
        steps_start(s, vec_fixed(&v, "seed", 32), vec_fixed(&v, "formatted", 32), 32);
        while (!mldsa_try(sig, s, MLDSA_K * i)) {
            i++;
        }
        steps_hash_is(&v, "signature_hash", sig, sizeof sig, NULL, 0);
        cr_assert(steps_verifies(s->pk, s->mu, sig));
        reasons = steps_reasons(s, &rejections);
        cr_assert_eq(rejections, i);
        all_four += reasons == 15;
        if (vec_has(&v, "rejections")) {
            cr_assert_eq(i, vec_uint(&v, "rejections"));
        }
        mldsa_encode_signature(again, s);
        cr_assert_arr_eq(again, sig, sizeof sig);
        mldsa_expand_seed(s, vec_fixed(&v, "seed", 32));
        mldsa_encode_secret(sk, s);
        steps_hash_is(&v, "keys_hash", s->pk, sizeof s->pk, sk, sizeof sk);
    }
    vec_close(&v);
    cr_assert(records == 7 && all_four >= 1, "%u", all_four);
}

/* The largest absolute value in z. */
static uint32_t steps_norm(const struct mldsa_signer *s)
{
    uint32_t most = 0;
    for (size_t n = 0; n < 4 * MLDSA_N; n++) {
        uint32_t x = s->z[n / MLDSA_N].c[n % MLDSA_N];
        x = x > MLDSA_Q / 2 ? MLDSA_Q - x : x;
        most = x > most ? x : most;
    }
    return most;
}

/* A signature whose only flaw may be z: false if this try has another. */
static bool steps_try_despite_z(uint8_t *sig, struct mldsa_signer *s, unsigned i, uint32_t *norm)
{
    mldsa_expand_mask(s->y, s->expanded, MLDSA_K * i, &s->streams);
    mldsa_challenge(s);
    (void)mldsa_response(s); /* asked for its z, whatever that is */
    *norm = steps_norm(s);
    if (mldsa_residue(s) != 0 || mldsa_hints(s) != 0) {
        return false;
    }
    mldsa_encode_signature(sig, s);
    return true;
}

/* c~ is right for each of these signatures: the norm decides alone, with the right side of its
 * bound, which is met exactly. */
Test(mldsa44_steps, norm_of_z_decides)
{
    static const uint8_t seed[32] = {1};
    struct mldsa_signer *s = (void *)steps_work;
    uint8_t sig[NACRE_MLDSA44_SIG_LEN];
    const uint32_t bound = MLDSA_GAMMA1 - MLDSA_BETA;
    unsigned inside = 0, outside = 0, last = 0, first = 0;
    steps_start(s, seed, seed, 1);
    for (unsigned i = 0; i < 15000 && (last == 0 || first == 0); i++) {
        uint32_t norm;
        if (!steps_try_despite_z(sig, s, i, &norm) || norm > MLDSA_GAMMA1 - 1) {
            continue;
        }
        cr_assert_eq(steps_verifies(s->pk, s->mu, sig), norm < bound, "%u", (unsigned)norm);
        inside += norm < bound;
        outside += norm >= bound;
        last += norm == bound - 1;
        first += norm == bound;
    }
    cr_assert(inside > 0 && outside > 0 && last > 0 && first > 0, "%u %u %u %u", inside, outside,
              last, first);
}
