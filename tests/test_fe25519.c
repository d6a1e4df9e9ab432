/* SPDX-License-Identifier: ISC
 *
 * Arithmetic modulo 2^255 - 19 against values computed with Python integers: edges of the field, of
 * each limb in both representations, and of the slack that a limb may have.
 */
#include "crypto/fe25519.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

typedef void fe25519_test_unary(struct ncr_fe25519 *r, const struct ncr_fe25519 *a);
typedef void fe25519_test_binary(struct ncr_fe25519 *r, const struct ncr_fe25519 *a,
                                 const struct ncr_fe25519 *b);

static void fe25519_test_small(struct ncr_fe25519 *r, const struct ncr_fe25519 *a)
{
    ncr_fe25519_mul_small(r, a, 121665);
}

static void fe25519_test_sq(struct ncr_fe25519 *r, const struct ncr_fe25519 *a)
{
    ncr_fe25519_sq(r, a);
}

static void fe25519_test_add(struct ncr_fe25519 *r, const struct ncr_fe25519 *a,
                             const struct ncr_fe25519 *b)
{
    ncr_fe25519_add(r, a, b);
}

static const struct {
    const char *key;
    fe25519_test_unary *f;
} fe25519_test_unaries[] = {
    {"canonical", ncr_fe25519_carry}, {"square", fe25519_test_sq},
    {"inverse", ncr_fe25519_invert},  {"power", ncr_fe25519_pow_p58},
    {"small", fe25519_test_small},
};

static const struct {
    const char *key;
    fe25519_test_binary *f;
} fe25519_test_binaries[] = {
    {"sum", fe25519_test_add},
    {"difference", ncr_fe25519_sub},
    {"product", ncr_fe25519_mul},
};

static void fe25519_test_expect(const struct vec *v, const char *key, const struct ncr_fe25519 *a)
{
    uint8_t s[32];
    ncr_fe25519_encode(s, a);
    vec_expect(v, key, s, sizeof s);
}

static void fe25519_test_record_unary(const struct vec *v, const struct ncr_fe25519 *a)
{
    for (size_t i = 0; i < sizeof fe25519_test_unaries / sizeof *fe25519_test_unaries; i++) {
        struct ncr_fe25519 r, in_place = *a;
        fe25519_test_unaries[i].f(&r, a);
        fe25519_test_expect(v, fe25519_test_unaries[i].key, &r);
        fe25519_test_unaries[i].f(&in_place, &in_place);
        fe25519_test_expect(v, fe25519_test_unaries[i].key, &in_place);
    }
}

static void fe25519_test_record_binary(const struct vec *v, const struct ncr_fe25519 *a)
{
    struct ncr_fe25519 b;
    ncr_fe25519_decode(&b, vec_fixed(v, "b", 32));
    for (size_t i = 0; i < sizeof fe25519_test_binaries / sizeof *fe25519_test_binaries; i++) {
        const char *key = fe25519_test_binaries[i].key;
        struct ncr_fe25519 r, in_a = *a, in_b = b;
        fe25519_test_binaries[i].f(&r, a, &b);
        fe25519_test_expect(v, key, &r);
        fe25519_test_binaries[i].f(&in_a, &in_a, &b);
        fe25519_test_expect(v, key, &in_a);
        fe25519_test_binaries[i].f(&in_b, a, &in_b);
        fe25519_test_expect(v, key, &in_b);
    }
}

/* Limbs as large as they may be: what they stand for, and products of them. */
static void fe25519_test_record_limbs(const struct vec *v, const char *key)
{
    enum { WIDTH = sizeof(ncr_fe25519_limb) };
    struct ncr_fe25519 a, r;
    const uint8_t *s = vec_fixed(v, key, (size_t)WIDTH * NCR_FE25519_LIMBS);
    for (int i = 0; i < NCR_FE25519_LIMBS; i++) {
        a.v[i] = 0;
        for (int k = 0; k < WIDTH; k++) {
            a.v[i] = a.v[i] << 8 | s[WIDTH * i + k];
        }
    }
    fe25519_test_expect(v, "value", &a);
    ncr_fe25519_carry(&r, &a);
    fe25519_test_expect(v, "value", &r);
    ncr_fe25519_mul(&r, &a, &a);
    fe25519_test_expect(v, "square", &r);
    ncr_fe25519_sq(&r, &a);
    fe25519_test_expect(v, "square", &r);
}

Test(fe25519, edges)
{
    struct vec v;
    const char *limbs = NCR_INT128 ? "limbs51" : "limbs26";
    for (vec_open(&v, "fe25519_edge.txt"); vec_next(&v);) {
        struct ncr_fe25519 a;
        if (vec_has(&v, limbs)) {
            fe25519_test_record_limbs(&v, limbs);
        } else if (vec_has(&v, "a")) {
            ncr_fe25519_decode(&a, vec_fixed(&v, "a", 32));
            if (vec_has(&v, "b")) {
                fe25519_test_record_binary(&v, &a);
            } else {
                fe25519_test_record_unary(&v, &a);
            }
        }
    }
    vec_close(&v);
}

/* The largest minuend and subtrahend, 3a - 2a = a, and the largest from nothing, (0 - 2a) + 2a = 0.
 */
Test(fe25519, difference_of_heavy)
{
    struct ncr_fe25519 a, a2, a3, r, zero;
    uint8_t want[32], got[32];
    for (int carried = 0; carried < 2; carried++) {
        for (int i = 0; i < NCR_FE25519_LIMBS; i++) {
            unsigned bits = NCR_INT128 ? 51 : i % 2 == 0 ? 26 : 25;
            a.v[i] = ((ncr_fe25519_limb)1 << bits) - 1;
            if (!carried) {
                a.v[i] += (ncr_fe25519_limb)1 << (NCR_INT128 ? 13 : 18);
            }
        }
        ncr_fe25519_encode(want, &a);
        ncr_fe25519_add(&a2, &a, &a);
        ncr_fe25519_add(&a3, &a2, &a);
        ncr_fe25519_sub(&r, &a3, &a2);
        ncr_fe25519_encode(got, &r);
        cr_assert_arr_eq(got, want, 32);
        ncr_fe25519_mul_small(&r, &r, 1);
        ncr_fe25519_encode(got, &r);
        cr_assert_arr_eq(got, want, 32);
        ncr_fe25519_set(&zero, 0);
        ncr_fe25519_sub(&r, &zero, &a2);
        ncr_fe25519_mul_small(&r, &r, 1);
        ncr_fe25519_add(&r, &r, &a2);
        cr_assert(ncr_fe25519_mask_zero(&r) != 0);
    }
}

/* sqn is sq n times. */
Test(fe25519, squares_in_a_row)
{
    const uint8_t two[32] = {2};
    struct ncr_fe25519 a, r, t;
    ncr_fe25519_decode(&a, two);
    t = a;
    for (unsigned n = 1; n < 300; n++) {
        uint8_t want[32], got[32];
        ncr_fe25519_mul(&t, &t, &t);
        ncr_fe25519_sqn(&r, &a, n);
        ncr_fe25519_encode(want, &t);
        ncr_fe25519_encode(got, &r);
        cr_assert_arr_eq(got, want, 32, "n = %u", n);
    }
}

Test(fe25519, zero_and_low_bit)
{
    static const struct {
        uint8_t first, last;
        int zero, low;
    } c[] = {
        {0x00, 0x00, 1, 0},
        {0x01, 0x00, 0, 1},
        {0x02, 0x00, 0, 0},
        {0x00, 0x40, 0, 0},
    };
    uint8_t s[32];
    struct ncr_fe25519 a;
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        memset(s, 0, 32);
        s[0] = c[i].first;
        s[31] = c[i].last;
        ncr_fe25519_decode(&a, s);
        cr_assert_eq(ncr_fe25519_mask_zero(&a), c[i].zero ? UINT64_MAX : 0);
        cr_assert_eq(ncr_fe25519_low_bit(&a), (uint64_t)c[i].low);
    }
    /* p - 1 is even, p is 0, p + 1 is 1 */
    for (unsigned k = 0; k < 3; k++) {
        memset(s, 0xff, 32);
        s[0] = (uint8_t)(0xec + k);
        s[31] = 0x7f;
        ncr_fe25519_decode(&a, s);
        cr_assert_eq(ncr_fe25519_mask_zero(&a), k == 1 ? UINT64_MAX : 0);
        cr_assert_eq(ncr_fe25519_low_bit(&a), k == 2);
    }
}

Test(fe25519, select_and_swap)
{
    struct ncr_fe25519 a, b, x, y;
    ncr_fe25519_set(&a, 5);
    ncr_fe25519_sub(&b, &a, &a);
    x = a;
    y = b;
    ncr_fe25519_cswap(&x, &y, 0);
    cr_assert_arr_eq(x.v, a.v, sizeof a.v);
    cr_assert_arr_eq(y.v, b.v, sizeof b.v);
    ncr_fe25519_cswap(&x, &y, UINT64_MAX);
    cr_assert_arr_eq(x.v, b.v, sizeof b.v);
    cr_assert_arr_eq(y.v, a.v, sizeof a.v);
    ncr_fe25519_cmov(&x, &y, 0);
    cr_assert_arr_eq(x.v, b.v, sizeof b.v);
    ncr_fe25519_cmov(&x, &y, UINT64_MAX);
    cr_assert_arr_eq(x.v, a.v, sizeof a.v);
}
