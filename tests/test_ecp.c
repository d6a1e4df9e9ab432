/* SPDX-License-Identifier: ISC
 *
 * The NIST curves from within: fields and orders against a bit-by-bit reference, on values around
 * every word's borders; inverses; tables of the base points; sums of points that are equal,
 * opposite or infinite. Each in every form of the field that this CPU has.
 */
#include "crypto/cpu.h"
#include "crypto/ecp_p256.h"
#include "crypto/ecp_p521.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint64_t ecp_test_work[NACRE_EC_WORK];
static const struct nacre_curve *const ecp_test_curves[3] = {&nacre_p256, &nacre_p384, &nacre_p521};

/* Chooses a form of the field: 0 with the fast twins that may be used, 1 without if there are any;
 * false: no such form. */
static bool ecp_test_form(int form)
{
    static uint32_t allowed;
    allowed |= ncr_cpu() | NCR_CPU_KNOWN;
    ncr_cpu_restrict(form == 0 ? allowed & NCR_CPU_ALL : 0);
    return form == 0 || (form == 1 && (allowed & NCR_CPU_ADX) != 0);
}

/* ---- Reference: numbers of bits ----------------------------------------------------------- */

enum { ECP_TEST_WORDS = 2 * NCR_ECP_WORDS_MAX };

/* r = 2a + bit mod m; a < m, n words, m < 2^(64 n - 1) or the top bit is watched. */
static void ecp_test_shift_in(uint64_t *r, uint64_t bit, const uint64_t *m, unsigned n)
{
    uint64_t top = r[n - 1] >> 63, borrow = 0, d[NCR_ECP_WORDS_MAX];
    for (unsigned i = n; i-- > 0;) {
        r[i] = r[i] << 1 | (i > 0 ? r[i - 1] >> 63 : bit);
    }
    for (unsigned i = 0; i < n; i++) {
        uint64_t x = r[i] - m[i];
        d[i] = x - borrow;
        borrow = (r[i] < m[i]) | (x < borrow);
    }
    if (top >= borrow) {
        memcpy(r, d, n * sizeof *r);
    }
}

/* r = a mod m, for a of na words. */
static void ecp_test_mod(uint64_t *r, const uint64_t *a, unsigned na, const uint64_t *m, unsigned n)
{
    memset(r, 0, n * sizeof *r);
    for (unsigned bit = 64 * na; bit-- > 0;) {
        ecp_test_shift_in(r, a[bit / 64] >> bit % 64 & 1, m, n);
    }
}

/* t = a b in pieces of 32 bits. */
static void ecp_test_product(uint64_t *t, const uint64_t *a, const uint64_t *b, unsigned n)
{
    uint32_t x[2 * ECP_TEST_WORDS] = {0};
    for (unsigned i = 0; i < 2 * n; i++) {
        uint64_t c = 0;
        for (unsigned j = 0; j < 2 * n; j++) {
            c += (a[i / 2] >> 32 * (i % 2) & 0xffffffff) * (b[j / 2] >> 32 * (j % 2) & 0xffffffff) +
                 x[i + j];
            x[i + j] = (uint32_t)c;
            c >>= 32;
        }
        x[i + 2 * n] = (uint32_t)c;
    }
    for (unsigned i = 0; i < 2 * n; i++) {
        t[i] = (uint64_t)x[2 * i + 1] << 32 | x[2 * i];
    }
}

static void ecp_test_mulmod(uint64_t *r, const uint64_t *a, const uint64_t *b, const uint64_t *m,
                            unsigned n)
{
    uint64_t t[ECP_TEST_WORDS];
    ecp_test_product(t, a, b, n);
    ecp_test_mod(r, t, 2 * n, m, n);
}

/* ---- Values: borders of words, and some between ------------------------------------------- */

enum { ECP_TEST_VALUES = 96 };

static uint64_t ecp_test_random(void)
{
    static uint64_t x = 0x9e3779b97f4a7c15; /* Marsaglia's xorshift64 */
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

/* Adds to the values a number that is first taken modulo m. */
static void ecp_test_value(uint64_t (*v)[NCR_ECP_WORDS_MAX], unsigned *count, const uint64_t *a,
                           const uint64_t *m, unsigned n)
{
    cr_assert_lt(*count, (unsigned)ECP_TEST_VALUES);
    ecp_test_mod(v[(*count)++], a, n, m, n);
}

static unsigned ecp_test_values(uint64_t (*v)[NCR_ECP_WORDS_MAX], const uint64_t *m, unsigned n)
{
    unsigned count = 0;
    uint64_t a[NCR_ECP_WORDS_MAX] = {0};
    ecp_test_value(v, &count, a, m, n);
    for (unsigned i = 0; i < n; i++) {
        memset(a, 0, sizeof a);
        a[i] = 1; /* 2^(64 i) */
        ecp_test_value(v, &count, a, m, n);
        a[i] = UINT64_MAX;
        ecp_test_value(v, &count, a, m, n);
        memcpy(a, m, n * sizeof *a);
        a[i] -= 1; /* m - 2^(64 i), or a border that it makes */
        ecp_test_value(v, &count, a, m, n);
        memset(a, 0, sizeof a);
        memset(a, 0xff, (i + 1) * sizeof *a); /* 2^(64 (i + 1)) - 1 */
        ecp_test_value(v, &count, a, m, n);
        a[i] >>= 32;
        ecp_test_value(v, &count, a, m, n);
        memcpy(a, m, n * sizeof *a);
        a[i] >>= 1;
        ecp_test_value(v, &count, a, m, n);
    }
    for (unsigned k = 2; k < 5; k++) { /* m - 2, m - 3, m - 4 */
        memcpy(a, m, n * sizeof *a);
        a[0] -= k;
        ecp_test_value(v, &count, a, m, n);
    }
    for (unsigned k = 0; k < 6; k++) {
        for (unsigned i = 0; i < n; i++) {
            a[i] = ecp_test_random();
        }
        ecp_test_value(v, &count, a, m, n);
    }
    return count;
}

/* ---- Arithmetic --------------------------------------------------------------------------- */

/* The row's product r of a and b has r R = a b, for R the row's one. */
static void ecp_test_is_product(const struct ncr_ecp_mod *mod, const uint64_t *r, const uint64_t *a,
                                const uint64_t *b)
{
    uint64_t want[NCR_ECP_WORDS_MAX], got[NCR_ECP_WORDS_MAX];
    cr_assert(ncr_words_lt(r, mod->m, mod->words) != 0);
    ecp_test_mulmod(want, a, b, mod->m, mod->words);
    ecp_test_mulmod(got, r, mod->one, mod->m, mod->words);
    cr_assert_arr_eq(got, want, mod->words * sizeof *got);
}

/* sum = a + b mod m; of a difference or a half too: what was taken off is put back. */
static void ecp_test_is_sum(const struct ncr_ecp_mod *mod, const uint64_t *sum, const uint64_t *a,
                            const uint64_t *b)
{
    uint64_t s[NCR_ECP_WORDS_MAX + 1], want[NCR_ECP_WORDS_MAX], carry = 0;
    for (unsigned i = 0; i < mod->words; i++) {
        s[i] = a[i] + b[i];
        uint64_t c = s[i] < a[i];
        s[i] += carry;
        carry = c | (s[i] < carry);
    }
    s[mod->words] = carry;
    ecp_test_mod(want, s, mod->words + 1, mod->m, mod->words);
    cr_assert_arr_eq(sum, want, mod->words * sizeof *want);
}

static void ecp_test_pair(const struct ncr_ecp_mod *mod, const uint64_t *a, const uint64_t *b)
{
    uint64_t r[NCR_ECP_WORDS_MAX], x[NCR_ECP_WORDS_MAX];
    const size_t size = mod->words * sizeof *r;
    mod->mul(r, a, b);
    ecp_test_is_product(mod, r, a, b);
    memcpy(x, a, size); /* in place */
    mod->mul(x, x, b);
    cr_assert_arr_eq(x, r, size);
    memcpy(x, b, size);
    mod->mul(x, a, x);
    cr_assert_arr_eq(x, r, size);
    mod->add(r, a, b);
    ecp_test_is_sum(mod, r, a, b);
    memcpy(x, a, size);
    mod->add(x, x, b);
    cr_assert_arr_eq(x, r, size);
    if (mod->sub != NULL) {
        mod->sub(r, a, b);
        ecp_test_is_sum(mod, a, r, b);
        memcpy(x, b, size);
        mod->sub(x, a, x);
        cr_assert_arr_eq(x, r, size);
    }
}

static void ecp_test_single(const struct ncr_ecp_mod *mod, const uint64_t *a)
{
    uint64_t r[NCR_ECP_WORDS_MAX], x[NCR_ECP_WORDS_MAX], zero[NCR_ECP_WORDS_MAX] = {0};
    const size_t size = mod->words * sizeof *r;
    mod->sqr(r, a);
    ecp_test_is_product(mod, r, a, a);
    memcpy(x, a, size);
    mod->sqr(x, x);
    cr_assert_arr_eq(x, r, size);
    ncr_ecp_to_form(r, a, mod);
    ncr_ecp_from_form(x, r, mod);
    cr_assert_arr_eq(x, a, size);
    memcpy(x, a, size);
    ncr_ecp_invert(x, x, mod, ecp_test_work);
    mod->mul(r, x, a);
    cr_assert_arr_eq(r, memcmp(a, zero, size) == 0 ? zero : mod->one, size);
    if (mod->half != NULL) {
        memcpy(x, a, size);
        mod->half(x, x);
        cr_assert(ncr_words_lt(x, mod->m, mod->words) != 0);
        ecp_test_is_sum(mod, a, x, x);
    }
}

/* What the rows say of themselves. */
static void ecp_test_constants(const struct ncr_ecp_mod *mod)
{
    uint64_t x[NCR_ECP_WORDS_MAX] = {1}, r[NCR_ECP_WORDS_MAX];
    ncr_ecp_to_form(r, x, mod);
    cr_assert_arr_eq(r, mod->one, mod->words * sizeof *r);
    cr_assert_eq(mod->neg_inv * mod->m[0], UINT64_MAX);
}

static void ecp_test_modulus(const struct ncr_ecp_mod *mod)
{
    static uint64_t v[ECP_TEST_VALUES][NCR_ECP_WORDS_MAX];
    const unsigned count = ecp_test_values(v, mod->m, mod->words);
    ecp_test_constants(mod);
    for (unsigned i = 0; i < count; i++) {
        ecp_test_single(mod, v[i]);
        for (unsigned j = i % 3; j < count; j += 3) {
            ecp_test_pair(mod, v[i], v[j]);
        }
    }
}

Test(ecp, fields_at_every_border)
{
    for (int form = 0; ecp_test_form(form); form++) {
        for (int i = 0; i < 3; i++) {
            ecp_test_modulus(ecp_test_curves[i]->field()->mod);
        }
    }
}

Test(ecp, orders_at_every_border)
{
    for (int i = 0; i < 3; i++) {
        ecp_test_modulus(ecp_test_curves[i]->order);
    }
}

/* Montgomery's product takes any first factor (one that has to be reduced, such as a hash). */
Test(ecp, products_of_what_is_not_below_the_order)
{
    for (int i = 0; i < 2; i++) {
        const struct ncr_ecp_mod *mod = ecp_test_curves[i]->order;
        uint64_t a[NCR_ECP_WORDS_MAX], b[NCR_ECP_WORDS_MAX], r[NCR_ECP_WORDS_MAX];
        memset(a, 0xff, sizeof a);
        memcpy(b, mod->m, mod->words * sizeof *b);
        b[0]--;
        mod->mul(r, a, b);
        ecp_test_is_product(mod, r, a, b);
    }
}

#if NCR_X86
/* A field element whose words are random, or at a border. */
static void ecp_test_element(uint64_t *r)
{
    for (unsigned i = 0; i < NCR_P256_WORDS; i++) {
        const uint64_t x = ecp_test_random(), kind = ecp_test_random() >> 61;
        r[i] = kind == 0 ? 0 : kind == 1 ? UINT64_MAX : kind == 2 ? ncr_p256_p[i] - x % 3 : x;
    }
    if (ncr_words_lt(r, ncr_p256_p, NCR_P256_WORDS) == 0) {
        (void)ncr_words_sub(r, r, ncr_p256_p, NCR_P256_WORDS); /* no borrow */
    }
}

/* The twin of P-256's field on random calls; NACRE_TWIN_CALLS says how many. */
Test(ecp, twin_of_p256)
{
    const char *calls = getenv("NACRE_TWIN_CALLS");
    const unsigned long n = calls != NULL ? strtoul(calls, NULL, 10) : 20000;
    if ((ncr_cpu() & NCR_CPU_ADX) == 0) {
        cr_skip_test("no ADX here");
    }
    const struct ncr_ecp_mod *const fast = nacre_p256.field()->mod;
    ncr_cpu_restrict(0);
    const struct ncr_ecp_mod *const slow = nacre_p256.field()->mod;
    cr_assert_neq(fast, slow);
    for (unsigned long i = 0; i < n; i++) {
        uint64_t a[NCR_P256_WORDS], b[NCR_P256_WORDS], x[NCR_P256_WORDS], y[NCR_P256_WORDS];
        ecp_test_element(a);
        ecp_test_element(b);
        fast->mul(x, a, b);
        slow->mul(y, a, b);
        cr_assert_arr_eq(x, y, sizeof x);
        fast->sqr(x, a);
        slow->sqr(y, a);
        cr_assert_arr_eq(x, y, sizeof x);
        fast->add(x, a, b);
        slow->add(y, a, b);
        cr_assert_arr_eq(x, y, sizeof x);
        fast->sub(x, a, b);
        slow->sub(y, a, b);
        cr_assert_arr_eq(x, y, sizeof x);
        fast->half(x, a);
        slow->half(y, a);
        cr_assert_arr_eq(x, y, sizeof x);
    }
}
#endif

/* ---- Points ------------------------------------------------------------------------------- */

/* Whether p is the Jacobian form of the affine point, both in form. */
static bool ecp_test_same(const struct ncr_ecp_mod *f, const uint64_t *p, const uint64_t *affine)
{
    uint64_t t[NCR_ECP_WORDS_MAX], u[NCR_ECP_WORDS_MAX];
    const unsigned n = f->words;
    const size_t size = n * sizeof *t;
    f->sqr(t, p + 2 * n);
    f->mul(u, t, affine);
    if (memcmp(u, p, size) != 0) {
        return false;
    }
    f->mul(t, t, p + 2 * n);
    f->mul(u, t, affine + n);
    return memcmp(u, p + n, size) == 0;
}

#if NCR_INT128
/* A number below p whose words are random, or at a border. */
static void ecp_test_p521_number(uint64_t *r)
{
    const struct ncr_ecp_mod *const f = &ncr_p521_mod;
    for (unsigned i = 0; i < NCR_P521_WORDS; i++) {
        const uint64_t x = ecp_test_random(), kind = ecp_test_random() >> 61;
        r[i] = kind == 0 ? 0 : kind == 1 ? UINT64_MAX : kind == 2 ? f->m[i] - x % 3 : x;
    }
    r[NCR_P521_WORDS - 1] &= 0x1ff;
    if (ncr_words_lt(r, f->m, NCR_P521_WORDS) == 0) {
        (void)ncr_words_sub(r, r, f->m, NCR_P521_WORDS); /* no borrow */
    }
}

/* The points of P-521 by limbs against the formulas in words, which hold for any coordinates. */
Test(ecp, twin_of_p521)
{
    const char *calls = getenv("NACRE_TWIN_CALLS");
    const unsigned long n = calls != NULL ? strtoul(calls, NULL, 10) : 5000;
    const struct ncr_ecp_mod *const f = &ncr_p521_mod;
    const struct ncr_ecp_field *const fast = &ncr_p521_field_limbs;
    uint64_t p[3 * NCR_P521_WORDS], q[3 * NCR_P521_WORDS];
    uint64_t x[3 * NCR_P521_WORDS], y[3 * NCR_P521_WORDS];
    for (unsigned long i = 0; i < n; i++) {
        const unsigned times = (unsigned)(i % 8);
        for (unsigned j = 0; j < 3; j++) {
            ecp_test_p521_number(p + j * NCR_P521_WORDS);
            ecp_test_p521_number(q + j * NCR_P521_WORDS);
        }
        fast->dbl(x, p, times);
        memcpy(y, p, sizeof y);
        for (unsigned j = 0; j < times; j++) {
            ncr_ecp_formula_double(f, y, y);
        }
        cr_assert_arr_eq(x, y, sizeof x, "%lu: 2^%u times", i, times);
        fast->add(x, p, q);
        ncr_ecp_formula_add(f, y, p, q);
        cr_assert_arr_eq(x, y, sizeof x, "%lu: sum", i);
        fast->add_affine(x, p, q);
        ncr_ecp_formula_add_affine(f, y, p, q);
        cr_assert_arr_eq(x, y, sizeof x, "%lu: sum with an affine point", i);
        memcpy(x, p, sizeof x);
        fast->add(x, x, q);
        ncr_ecp_formula_add(f, y, p, q);
        cr_assert_arr_eq(x, y, sizeof x, "%lu: sum in place", i);
    }
}
#endif

/* Row by row: each entry follows from the one before by adding the first, each row from the one
 * before by doublings; the first point is checked by vectors. */
static void ecp_test_table(const struct nacre_curve *c)
{
    const struct ncr_ecp_field *field = c->field();
    const unsigned n = field->mod->words;
    uint64_t first[NCR_ECP_POINT_MAX], p[NCR_ECP_POINT_MAX];
    memcpy(first, c->base, 2 * n * sizeof *first);
    memcpy(first + 2 * n, field->mod->one, n * sizeof *first);
    for (unsigned row = 0; row < c->digits / c->passes; row++) {
        const uint64_t *entry = c->base + (size_t)row * NCR_ECP_ROW * 2 * n;
        cr_assert(ecp_test_same(field->mod, first, entry), "row %u", row);
        field->dbl(p, first, 1);
        for (unsigned j = 1; j < NCR_ECP_ROW; j++) {
            cr_assert(ecp_test_same(field->mod, p, entry + j * 2 * n), "row %u, %u", row, j);
            field->add(p, p, first);
        }
        field->dbl(first, first, NCR_ECP_DIGIT * c->passes);
    }
}

Test(ecp, tables_of_the_base_points)
{
    for (int form = 0; ecp_test_form(form); form++) {
        for (int i = 0; i < 3; i++) {
            const struct nacre_curve *c = ecp_test_curves[i];
            cr_assert_eq(c->digits % c->passes, 0);
            cr_assert_geq(NCR_ECP_DIGIT * c->digits, c->bits + 1);
            ecp_test_table(c);
        }
    }
}

/* a G + b (q G) for small numbers of either sign against their sum: equal and opposite points meet
 * in all places, and infinity comes out where the sum is 0. */
static void ecp_test_small(uint64_t *k, const struct nacre_curve *c, int x)
{
    memset(k, 0, NCR_ECP_WORDS_MAX * sizeof *k);
    if (x >= 0) {
        k[0] = (uint64_t)x;
    } else {
        memcpy(k, c->order->m, c->order->words * sizeof *k);
        k[0] -= (uint64_t)-x; /* the lowest word is large */
    }
}

static void ecp_test_sum(const struct nacre_curve *c, int a, int b, int q)
{
    const struct ncr_ecp_mod *f = c->field()->mod;
    const unsigned n = f->words;
    uint64_t ka[NCR_ECP_WORDS_MAX], kb[NCR_ECP_WORDS_MAX], k[NCR_ECP_WORDS_MAX];
    uint64_t point[2 * NCR_ECP_WORDS_MAX], sum[NCR_ECP_POINT_MAX], want[2 * NCR_ECP_WORDS_MAX];
    ecp_test_small(k, c, q);
    ncr_ecp_mul_base(point, c, k, ecp_test_work);
    ncr_ecp_to_form(point, point, f);
    ncr_ecp_to_form(point + n, point + n, f);
    ecp_test_small(ka, c, a);
    ecp_test_small(kb, c, b);
    ncr_ecp_mul2_vartime(sum, c, ka, kb, point, ecp_test_work);
    if (a + b * q == 0) {
        cr_assert(ncr_words_eq_word(sum + 2 * n, 0, n) != 0, "%d + %d * %d", a, b, q);
        return;
    }
    ecp_test_small(k, c, a + b * q);
    ncr_ecp_mul_base(want, c, k, ecp_test_work);
    ncr_ecp_to_form(want, want, f);
    ncr_ecp_to_form(want + n, want + n, f);
    cr_assert(ecp_test_same(f, sum, want), "%u bits: %d + %d * %d", c->bits, a, b, q);
}

Test(ecp, sums_of_equal_and_opposite_points)
{
    for (int form = 0; ecp_test_form(form); form++) {
        for (int i = 0; i < 3; i++) {
            for (int q = -2; q <= 3; q += q == -1 ? 2 : 1) {
                for (int a = -33; a <= 33; a += 3) {
                    for (int b = -18; b <= 18; b += i == 0 ? 1 : 6) {
                        ecp_test_sum(ecp_test_curves[i], a, b, q);
                    }
                }
            }
        }
    }
}
