/* SPDX-License-Identifier: ISC
 *
 * Numbers of many words, Montgomery's form, inverses and powers against Python's integers, in all
 * forms that this CPU has; test_mont_32.c runs all of it without 128-bit integers.
 */
#include "crypto/cpu.h"
#include "crypto/mont.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { MONT_TEST_FORMS = 4 };

/* Every twin, each alone, and none. */
static const uint32_t mont_test_forms[MONT_TEST_FORMS] = {NCR_CPU_ALL, NCR_CPU_IFMA, NCR_CPU_ADX,
                                                          0};

/* Memory of exactly so many words, so that a sanitizer sees the next one being touched. */
static uint64_t *mont_test_words(size_t n)
{
    uint64_t *p = malloc(n * sizeof *p);
    cr_assert_not_null(p);
    memset(p, 0xa5, n * sizeof *p);
    return p;
}

static uint64_t mont_test_random(void)
{
    static uint64_t x = 0x9e3779b97f4a7c15;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

/* Words that are often all ones or all zeros. */
static void mont_test_fill(uint64_t *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t kind = mont_test_random() >> 60;
        a[i] = kind < 5 ? 0 : kind < 10 ? UINT64_MAX : mont_test_random();
    }
}

static struct nacre_num mont_test_num(const struct vec *v, const char *key)
{
    struct nacre_num x;
    x.p = vec_get(v, key, &x.n);
    return x;
}

/* ---- Words ------------------------------------------------------------------------------- */

Test(words, trimmed_and_counted)
{
    static const uint8_t p[] = {0, 0, 0x01, 0xff};
    struct nacre_num x = {p, sizeof p}, none = {NULL, 0}, zero = {p, 2};
    uint64_t w[3] = {0, 0, 0};
    cr_assert_eq(ncr_num_trim_vartime(x).n, 2);
    cr_assert_eq(ncr_num_bits_vartime(x), 9);
    cr_assert_eq(ncr_num_bits_vartime(none), 0);
    cr_assert_eq(ncr_num_bits_vartime(zero), 0);
    cr_assert_eq(ncr_words_bits_vartime(w, 3), 0);
    w[1] = 1;
    cr_assert_eq(ncr_words_bits_vartime(w, 3), 65);
    w[1] = UINT64_MAX;
    cr_assert_eq(ncr_words_bits_vartime(w, 3), 128);
}

/* Every length, with words to spare and too few. */
Test(words, bytes_in_and_out)
{
    uint8_t in[40], out[48];
    for (size_t i = 0; i < sizeof in; i++) {
        in[i] = (uint8_t)(i + 1);
    }
    for (size_t n = 0; n <= sizeof in; n++) {
        struct nacre_num x = {in, n};
        uint64_t w[6];
        ncr_words_load(w, 6, x);
        memset(out, 0xa5, sizeof out);
        ncr_words_store(out, 48, w, 6);
        for (size_t i = 0; i < 48; i++) {
            cr_assert_eq(out[47 - i], i < n ? in[n - 1 - i] : 0);
        }
        ncr_words_load(w, 2, x);
        ncr_words_store(out, 24, w, 2);
        for (size_t i = 0; i < 24; i++) {
            cr_assert_eq(out[23 - i], i < n && i < 16 ? in[n - 1 - i] : 0);
        }
    }
}

Test(words, limbs_in_and_out)
{
    for (unsigned bits = 29; bits < 64; bits++) {
        uint64_t a[7], b[7], limb[16];
        size_t limbs = (7 * 64 + bits - 1) / bits;
        mont_test_fill(a, 7);
        ncr_words_split(limb, limbs, bits, a, 7);
        for (size_t i = 0; i < limbs; i++) {
            cr_assert_eq(limb[i] >> bits, 0);
        }
        ncr_words_join(b, 7, limb, limbs, bits);
        cr_assert_arr_eq(a, b, sizeof a, "%u bits", bits);
    }
}

/* The primitive steps at their limits. */
Test(words, steps)
{
    const uint64_t most = UINT64_MAX;
    uint64_t hi, c = 1;
    cr_assert_eq(ncr_word_muladd(&hi, most, most, most, most), most);
    cr_assert_eq(hi, most);
    cr_assert_eq(ncr_word_muladd(&hi, 0x100000001, 0xffffffff, 1, 0), 0);
    cr_assert_eq(hi, 1);
    cr_assert_eq(ncr_word_add(most, most, &c), most);
    cr_assert_eq(c, 1);
    cr_assert_eq(ncr_word_add(most, 0, &c), 0);
    cr_assert_eq(c, 1);
    cr_assert_eq(ncr_word_add(1, 1, &c), 3);
    cr_assert_eq(c, 0);
    cr_assert_eq(ncr_word_sub(0, 0, &c), 0);
    cr_assert_eq(c, 0);
    cr_assert_eq(ncr_word_sub(0, 1, &c), most);
    cr_assert_eq(c, 1);
    cr_assert_eq(ncr_word_sub(most, most, &c), most);
    cr_assert_eq(c, 1);
    cr_assert_eq(ncr_word_sub(0, most, &c), 0);
    cr_assert_eq(c, 1);
    for (uint64_t x = 1; x < 2000; x += 2) {
        cr_assert_eq(ncr_word_inverse(x) * x, 1);
        cr_assert_eq(ncr_word_inverse(0 - x) * (0 - x), 1);
    }
}

Test(words, sums_and_comparisons)
{
    for (int round = 0; round < 2000; round++) {
        size_t n = 1 + (size_t)round % 9;
        uint64_t a[9], b[9], s[9], d[9];
        mont_test_fill(a, n);
        mont_test_fill(b, n);
        if (round % 3 == 0) {
            memcpy(b, a, n * sizeof *a);
            b[(size_t)round / 3 % n] ^= (uint64_t)(round % 2) << round % 64;
        }
        bool same = memcmp(a, b, n * sizeof *a) == 0;
        uint64_t carry = ncr_words_add(s, a, b, n), lt = ncr_words_lt(s, a, n);
        cr_assert_eq(carry == 1, lt == UINT64_MAX || (carry == 1 && ncr_words_eq(s, a, n) != 0));
        cr_assert_eq(ncr_words_sub(d, s, b, n), carry);
        cr_assert_arr_eq(d, a, n * sizeof *a);
        cr_assert_eq(ncr_words_eq(a, b, n), same ? UINT64_MAX : 0);
        cr_assert_eq(ncr_words_lt(a, b, n) == 0 && ncr_words_lt(b, a, n) == 0, same);
        ncr_words_add_masked(d, 0, b, n);
        cr_assert_arr_eq(d, a, n * sizeof *a);
        ncr_words_add_masked(d, UINT64_MAX, b, n);
        cr_assert_arr_eq(d, s, n * sizeof *a);
        ncr_words_select(d, UINT64_MAX, a, b, n);
        cr_assert_arr_eq(d, a, n * sizeof *a);
        ncr_words_select(d, 0, a, b, n);
        cr_assert_arr_eq(d, b, n * sizeof *a);
    }
}

Test(words, equal_to_a_word)
{
    uint64_t a[4] = {7, 0, 0, 0};
    cr_assert_eq(ncr_words_eq_word(a, 7, 4), UINT64_MAX);
    for (size_t bit = 0; bit < 256; bit++) {
        a[bit / 64] ^= (uint64_t)1 << bit % 64;
        cr_assert_eq(ncr_words_eq_word(a, 7, 4), 0, "bit %zu", bit);
        a[bit / 64] ^= (uint64_t)1 << bit % 64;
    }
}

Test(words, shifts)
{
    for (unsigned k = 0; k < 64; k++) {
        uint64_t a[5], l[5], r[5];
        mont_test_fill(a, 5);
        a[4] = 0;
        ncr_words_shift_left(l, a, 5, k);
        cr_assert_eq(l[0], a[0] << k);
        ncr_words_shift_right(r, l, 5, k);
        cr_assert_arr_eq(r, a, sizeof a);
        ncr_words_shift_left(a, a, 5, k);
        cr_assert_arr_eq(l, a, sizeof a);
    }
}

/* Row by row, as it is taught. */
static void mont_test_product(uint64_t *r, const uint64_t *a, size_t na, const uint64_t *b,
                              size_t nb)
{
    memset(r, 0, (na + nb) * sizeof *r);
    for (size_t i = 0; i < nb; i++) {
        uint64_t c = 0;
        for (size_t j = 0; j < na; j++) {
            r[i + j] = ncr_word_muladd(&c, a[j], b[i], r[i + j], c);
        }
        r[i + na] = c;
    }
}

static void mont_test_products(void)
{
    for (size_t na = 0; na <= 20; na++) {
        for (size_t nb = 0; nb <= 20; nb += 2) {
            uint64_t a[20], b[20], want[40];
            uint64_t *got = mont_test_words(na + nb + 1);
            mont_test_fill(a, na);
            mont_test_fill(b, nb);
            mont_test_product(want, a, na, b, nb);
            ncr_words_mul(got, a, na, b, nb);
            cr_assert_arr_eq(got, want, (na + nb) * sizeof *got, "%zu, %zu", na, nb);
            cr_assert_eq(got[na + nb], 0xa5a5a5a5a5a5a5a5);
            free(got);
        }
    }
    for (size_t n = 2; n <= 40; n += 2) {
        for (int round = 0; round < 50; round++) {
            uint64_t a[40], want[80];
            uint64_t *got = mont_test_words(2 * n + 1);
            mont_test_fill(a, n);
            if (round == 0) {
                memset(a, 0xff, sizeof a);
            }
            mont_test_product(want, a, n, a, n);
            ncr_words_sqr(got, a, n);
            cr_assert_arr_eq(got, want, 2 * n * sizeof *got, "%zu", n);
            cr_assert_eq(got[2 * n], 0xa5a5a5a5a5a5a5a5);
            free(got);
        }
    }
}

Test(words, products_and_squares)
{
    for (size_t f = 0; f < MONT_TEST_FORMS; f++) {
        ncr_cpu_restrict(mont_test_forms[f]);
        mont_test_products();
    }
    ncr_cpu_restrict(NCR_CPU_ALL);
}

/* Products and squares of random lengths with the twin and without. */
Test(words, twin_adx)
{
    const char *calls = getenv("NACRE_TWIN_CALLS");
    if ((ncr_cpu() & NCR_CPU_ADX) == 0) {
        cr_skip_test("no ADX here");
    }
    for (unsigned long i = calls != NULL ? strtoul(calls, NULL, 10) : 20000; i > 0; i--) {
        const size_t na = mont_test_random() % 33, nb = mont_test_random() % 17 * 2;
        uint64_t a[32], b[32], fast[65], slow[65];
        mont_test_fill(a, 32);
        mont_test_fill(b, 32);
        memset(fast, 0xa5, sizeof fast);
        memset(slow, 0xa5, sizeof slow);
        ncr_cpu_restrict(NCR_CPU_ADX);
        ncr_words_mul(fast, a, na, b, nb);
        ncr_cpu_restrict(0);
        ncr_words_mul(slow, a, na, b, nb);
        cr_assert_arr_eq(fast, slow, sizeof fast, "%zu times %zu words", na, nb);
        ncr_cpu_restrict(NCR_CPU_ADX);
        ncr_words_sqr(fast, b, nb);
        ncr_cpu_restrict(0);
        ncr_words_sqr(slow, b, nb);
        cr_assert_arr_eq(fast, slow, sizeof fast, "%zu words", nb);
    }
}

static void mont_test_rest(const struct vec *v)
{
    struct nacre_num a = mont_test_num(v, "a"), d = mont_test_num(v, "d");
    size_t bits = ncr_num_bits_vartime(d), na = (a.n + 7) / 8, n = NCR_WORDS_EVEN(bits);
    uint64_t *wa = mont_test_words(na), *wd = mont_test_words(n), *r = mont_test_words(n);
    uint64_t *t = mont_test_words(NCR_WORDS_MOD_SCRATCH(bits));
    uint8_t out[200];
    ncr_words_load(wa, na, a);
    ncr_words_load(wd, n, d);
    NCR_CT_SECRET(wa, na * sizeof *wa);
    NCR_CT_SECRET(wd, n * sizeof *wd);
    ncr_words_mod(r, n, wa, na, wd, bits, t);
    ncr_words_store(out, d.n, r, n);
    NCR_CT_PUBLIC(out, sizeof out);
    NCR_CT_PUBLIC(r, n * sizeof *r);
    vec_expect(v, "rest", out, d.n);
    cr_assert_eq(ncr_words_bits_vartime(r, n) <= bits, true);
    free(wa), free(wd), free(r), free(t);
}

static void mont_test_inverse(const struct vec *v)
{
    struct nacre_num a = mont_test_num(v, "a"), m = mont_test_num(v, "m");
    size_t bits = ncr_num_bits_vartime(m), n = NCR_WORDS_EVEN(bits);
    uint64_t *wa = mont_test_words(n), *wm = mont_test_words(n);
    uint64_t *work = mont_test_words(NCR_MODINV_WORK(bits));
    uint8_t out[400] = {0};
    ncr_words_load(wa, n, a);
    ncr_words_load(wm, n, m);
    NCR_CT_SECRET(wa, n * sizeof *wa);
    NCR_CT_SECRET(wm, n * sizeof *wm);
    uint64_t ok = ncr_modinv(wa, wa, wm, n, bits, work);
    NCR_CT_PUBLIC(&ok, sizeof ok);
    cr_assert(ok == 0 || ok == UINT64_MAX);
    if (ok != 0) {
        ncr_words_store(out, m.n, wa, n);
        NCR_CT_PUBLIC(out, sizeof out);
    }
    vec_expect(v, "inv", out, m.n);
    free(wa), free(wm), free(work);
}

Test(words, ct_remainders_and_inverses)
{
    struct vec v;
    for (vec_open(&v, "words_python.txt"); vec_next(&v);) {
        if (vec_has(&v, "rest")) {
            mont_test_rest(&v);
        } else {
            mont_test_inverse(&v);
        }
    }
    vec_close(&v);
}

/* ---- Montgomery's form ------------------------------------------------------------------- */

/* Laws that hold whatever the numbers are, for moduli with all kinds of words. */
/* The short way into the form against the long one; moduli with words at their limits are those
 * whose quotients are estimated too large. */
Test(mont, short_way_in)
{
    enum { MOST = 18 };
    for (int round = 0; round < 20000; round++) {
        const size_t n = 2 + mont_test_random() % (MOST / 2) * 2, bits = 64 * n;
        uint64_t m[MOST], r2[MOST], a[MOST], want[MOST], got[MOST + 1], t[2 * MOST];
        struct ncr_mont c, s;
        mont_test_fill(m, n);
        m[0] |= 1;
        m[n - 1] |= (uint64_t)1 << 63;
        m[n - 1] = round % 5 == 0 ? (uint64_t)1 << 63 : m[n - 1];
        mont_test_fill(a, n);
        if (round % 3 == 0) { /* the top words alike, so that the quotient is as large as can be */
            memcpy(a, m, sizeof a);
            a[mont_test_random() % n] -= round % 7 == 0 ? 1 : mont_test_random();
        }
        if (ncr_words_lt(a, m, n) == 0) {
            (void)ncr_words_sub(a, a, m, n); /* no borrow, and below m then: its top bit is set */
        }
        ncr_mont_init(&c, m, bits, r2, t);
        ncr_mont_enter(want, a, n, &c, t);
        got[n] = 0xa5;
        if (!ncr_mont_enter_short_vartime(got, a, &s, m, bits)) {
            cr_skip_test("not without 128-bit integers");
        }
        cr_assert_arr_eq(got, want, n * sizeof *want, "round %d, %zu words", round, n);
        cr_assert_eq(got[n], 0xa5);
        cr_assert(s.n == c.n && s.k[0] == c.k[0] && s.k[1] == c.k[1] && s.m == m);
        cr_assert_not(ncr_mont_enter_short_vartime(got, a, &s, m, bits - 1));
        cr_assert_not(ncr_mont_enter_short_vartime(got, a, &s, m, bits - 64));
    }
}

static void mont_test_laws(size_t bits)
{
    size_t n = NCR_WORDS_EVEN(bits);
    uint64_t m[8], r2[8], a[8], b[8], x[8], y[8], z[8], plain[16], t[16];
    struct ncr_mont c;
    mont_test_fill(m, n);
    memset(m + NCR_WORDS(bits), 0, (n - NCR_WORDS(bits)) * sizeof *m);
    m[(bits - 1) / 64] &= UINT64_MAX >> (63 - (bits - 1) % 64);
    m[(bits - 1) / 64] |= (uint64_t)1 << (bits - 1) % 64;
    m[0] |= bits > 1 ? 1 : 3;
    ncr_mont_init(&c, m, bits, r2, t);
    mont_test_fill(plain, 16);
    ncr_mont_enter(a, plain, 16, &c, t);
    mont_test_fill(plain, 16);
    ncr_mont_enter(b, plain, 3, &c, t);
    cr_assert_neq(ncr_words_lt(a, m, n), 0);
    cr_assert_neq(ncr_words_lt(b, m, n), 0);
    /* (a + b)^2 = a^2 + 2 a b + b^2, and b - (b - a) = a */
    ncr_mont_add(x, a, b, &c, t);
    ncr_mont_sqr(x, x, &c, t);
    ncr_mont_mul(y, a, b, &c, t);
    ncr_mont_add(y, y, y, &c, t);
    ncr_mont_sqr(z, a, &c, t);
    ncr_mont_add(y, y, z, &c, t);
    ncr_mont_mul(z, b, b, &c, t);
    ncr_mont_add(y, y, z, &c, t);
    cr_assert_arr_eq(x, y, n * sizeof *x, "%zu bits", bits);
    ncr_mont_sub(x, b, a, &c);
    ncr_mont_sub(x, b, x, &c);
    cr_assert_arr_eq(x, a, n * sizeof *x);
    /* 1 a = a; 2^k = 2 2^(k - 1); a form left and entered is itself */
    ncr_mont_one(x, &c, t);
    ncr_mont_mul(x, x, a, &c, t);
    cr_assert_arr_eq(x, a, n * sizeof *x);
    for (size_t k = 1; k < 300; k += 23) {
        ncr_mont_pow2(x, k - 1, &c, t);
        ncr_mont_add(x, x, x, &c, t);
        ncr_mont_pow2(y, k, &c, t);
        cr_assert_arr_eq(x, y, n * sizeof *x);
    }
    ncr_mont_leave(x, a, &c, t);
    ncr_mont_enter(y, x, n, &c, t);
    cr_assert_arr_eq(y, a, n * sizeof *y);
}

Test(mont, laws)
{
    for (size_t bits = 2; bits <= 512; bits++) {
        for (size_t f = 0; f < MONT_TEST_FORMS; f++) {
            ncr_cpu_restrict(mont_test_forms[f]);
            mont_test_laws(bits);
        }
    }
    ncr_cpu_restrict(NCR_CPU_ALL);
}

/* ---- Powers ------------------------------------------------------------------------------ */

static void mont_test_power(const struct vec *v, uint32_t features)
{
    struct nacre_num base = mont_test_num(v, "base"), exp = mont_test_num(v, "exp");
    struct nacre_num m = mont_test_num(v, "mod");
    uint64_t *work = mont_test_words(NACRE_MODEXP_WORK(8 * m.n));
    uint8_t *out = malloc(m.n), *secret_base = malloc(base.n + 1), *secret_exp = malloc(exp.n + 1);
    cr_assert(out != NULL && secret_base != NULL && secret_exp != NULL);
    memcpy(secret_base, base.p, base.n);
    memcpy(secret_exp, exp.p, exp.n);
    base.p = secret_base;
    exp.p = secret_exp;
    NCR_CT_SECRET(secret_base, base.n);
    NCR_CT_SECRET(secret_exp, exp.n);
    ncr_cpu_restrict(features);
    cr_assert(nacre_modexp(out, base, exp, m, work));
    NCR_CT_PUBLIC(out, m.n);
    vec_expect(v, "result", out, m.n);
    for (size_t i = 0; i < NACRE_MODEXP_WORK(ncr_num_bits_vartime(m)); i++) {
        cr_assert_eq(work[i], 0, "not wiped");
    }
    free(work), free(out), free(secret_base), free(secret_exp);
}

Test(modexp, ct_vectors)
{
    struct vec v;
    for (vec_open(&v, "modexp_python.txt"); vec_next(&v);) {
        for (size_t f = 0; f < MONT_TEST_FORMS; f++) {
            mont_test_power(&v, mont_test_forms[f]);
        }
    }
    vec_close(&v);
    ncr_cpu_restrict(NCR_CPU_ALL);
}

/* Exponentiation with the least memory it asks for, with more and with all. */
Test(modexp, any_memory)
{
    enum { N = 16 };
    uint64_t m[N], r2[N], x[N], want[N], got[N], t[2 * N];
    uint8_t e[128];
    struct nacre_num exp = {e, sizeof e};
    struct ncr_mont c;
    mont_test_fill(m, N);
    memset(e, 0x5a, sizeof e);
    m[0] |= 1;
    m[N - 1] |= (uint64_t)1 << 63;
    ncr_mont_init(&c, m, 64 * N, r2, t);
    mont_test_fill(x, N - 1);
    x[N - 1] = 0;
    for (size_t cap = NCR_MONT_EXP_MIN(N); cap < 80 * N; cap += 29) {
        for (size_t f = 0; f < MONT_TEST_FORMS; f++) {
            uint64_t *work = mont_test_words(cap);
            ncr_cpu_restrict(mont_test_forms[f]);
            ncr_mont_exp(got, x, exp, &c, work, cap);
            if (cap == NCR_MONT_EXP_MIN(N) && f == 0) {
                memcpy(want, got, sizeof want);
            }
            cr_assert_arr_eq(got, want, sizeof want, "%zu words, form %zu", cap, f);
            free(work);
        }
    }
    ncr_cpu_restrict(NCR_CPU_ALL);
    ncr_mont_exp_public(got, x, exp, &c, t);
    ncr_mont_leave(got, got, &c, t);
    cr_assert_arr_eq(got, want, sizeof want);
}

/* The accelerated twins against the portable code, for sizes of all kinds. A power is dozens to
 * hundreds of products, so only every 20th call is of any size; the others are about as short as
 * the twin with IFMA takes them. */
Test(modexp, twins_agree)
{
    const char *calls = getenv("NACRE_TWIN_CALLS");
    unsigned long rounds = calls != NULL ? strtoul(calls, NULL, 10) : 4000;
    static uint8_t m[1100], base[1100], e[40], got[MONT_TEST_FORMS][1100];
    static uint64_t work[NACRE_MODEXP_WORK(8800)];
    if ((ncr_cpu() & NCR_CPU_IFMA) == 0 || (ncr_cpu() & NCR_CPU_ADX) == 0) {
        cr_skip_test("no IFMA or no ADX here");
    }
    for (unsigned long i = 0; i < rounds; i++) {
        const bool is_short = i % 20 != 0;
        const size_t most = i % 320 == 0 ? sizeof m : 300;
        const size_t len = is_short ? 60 + mont_test_random() % 21 : 1 + mont_test_random() % most;
        const size_t e_len = is_short ? 15 + mont_test_random() % 4 : 1 + mont_test_random() % 40;
        struct nacre_num nm = {m, len}, nb = {base, len}, ne = {e, e_len};
        uint64_t words[(1100 + 7) / 8];
        mont_test_fill(words, sizeof words / sizeof *words);
        memcpy(m, words, sizeof m);
        mont_test_fill(words, sizeof words / sizeof *words);
        memcpy(base, words, sizeof base);
        mont_test_fill(words, 5);
        memcpy(e, words, sizeof e);
        m[0] |= 1;
        m[len - 1] |= 1;
        m[len - 1] |= len == 1 ? 2 : 0;
        for (size_t f = 0; f < MONT_TEST_FORMS; f++) {
            ncr_cpu_restrict(mont_test_forms[f]);
            cr_assert(nacre_modexp(got[f], nb, ne, nm, work));
        }
        for (size_t f = 1; f < MONT_TEST_FORMS; f++) {
            cr_assert_arr_eq(got[0], got[f], len, "call %lu, %zu bytes, form %zu", i, len, f);
        }
    }
    ncr_cpu_restrict(NCR_CPU_ALL);
}

Test(modexp, refused_moduli)
{
    static uint8_t m[2050], out[2050];
    static uint64_t work[NACRE_MODEXP_WORK(16384)];
    static const uint8_t two[] = {2};
    struct nacre_num base = {two, 1}, exp = {two, 1}, none = {NULL, 0};
    memset(m, 0xff, sizeof m);
    cr_assert_not(nacre_modexp(out, base, exp, none, work));
    for (unsigned low = 0; low < 4; low++) {
        uint8_t small[3] = {0, 0, (uint8_t)low};
        struct nacre_num nm = {small, 3};
        out[0] = 0xa5;
        cr_assert_eq(nacre_modexp(out, base, exp, nm, work), low == 3);
        cr_assert_eq(out[0], low == 0 ? 0xa5 : low == 3 ? 1 : 0);
    }
    m[1] = 0x80;
    for (size_t len = 2048; len <= 2050; len++) {
        struct nacre_num nm = {m + 2050 - len, len};
        memset(out, 0xa5, sizeof out);
        cr_assert_eq(nacre_modexp(out, base, exp, nm, work), len == 2048);
        cr_assert_eq(out[0], 0);
        cr_assert_eq(out[len - 1], len == 2048 ? 4 : 0);
    }
    m[2049] = 0xfe; /* even */
    struct nacre_num even = {m + 2, 2048};
    cr_assert_not(nacre_modexp(out, base, exp, even, work));
    cr_assert_eq(out[2047], 0);
}
