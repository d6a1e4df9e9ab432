/* SPDX-License-Identifier: ISC
 *
 * Points of edwards25519: the table of multiples of the base point, recomputed here entry by entry
 * with the affine addition law, and multiples and sums computed with Python integers, with fast
 * twins and without.
 */
#include "crypto/ge25519.h"
#include "crypto/cpu.h"
#include "crypto/ct.h"
#include "crypto/ge25519_table.h"
#include "crypto/nacre_crypto.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct ge25519_test_point {
    struct ncr_fe25519 x, y;
};

/* d, and the base point as section 5.1 of RFC 8032 gives it, all little-endian. */
static const uint8_t ge25519_test_d[32] = {
    0xa3, 0x78, 0x59, 0x13, 0xca, 0x4d, 0xeb, 0x75, 0xab, 0xd8, 0x41, 0x41, 0x4d, 0x0a, 0x70, 0x00,
    0x98, 0xe8, 0x79, 0x77, 0x79, 0x40, 0xc7, 0x8c, 0x73, 0xfe, 0x6f, 0x2b, 0xee, 0x6c, 0x03, 0x52,
};
static const uint8_t ge25519_test_base_x[32] = {
    0x1a, 0xd5, 0x25, 0x8f, 0x60, 0x2d, 0x56, 0xc9, 0xb2, 0xa7, 0x25, 0x95, 0x60, 0xc7, 0x2c, 0x69,
    0x5c, 0xdc, 0xd6, 0xfd, 0x31, 0xe2, 0xa4, 0xc0, 0xfe, 0x53, 0x6e, 0xcd, 0xd3, 0x36, 0x69, 0x21,
};
static const uint8_t ge25519_test_base_y[32] = {
    0x58, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
    0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
};

/* r = num / den */
static void ge25519_test_divide(struct ncr_fe25519 *r, const struct ncr_fe25519 *num,
                                const struct ncr_fe25519 *den)
{
    struct ncr_fe25519 inverse;
    ncr_fe25519_invert(&inverse, den);
    ncr_fe25519_mul(r, num, &inverse);
}

/* x = (x1 y2 + x2 y1) / (1 + d x1 x2 y1 y2), y = (y1 y2 + x1 x2) / (1 - d x1 x2 y1 y2) */
static void ge25519_test_add(struct ge25519_test_point *r, const struct ge25519_test_point *p,
                             const struct ge25519_test_point *q)
{
    struct ncr_fe25519 xy, yx, xx, yy, k, d, one, num, den;
    ncr_fe25519_decode(&d, ge25519_test_d);
    ncr_fe25519_set(&one, 1);
    ncr_fe25519_mul(&xy, &p->x, &q->y);
    ncr_fe25519_mul(&yx, &p->y, &q->x);
    ncr_fe25519_mul(&xx, &p->x, &q->x);
    ncr_fe25519_mul(&yy, &p->y, &q->y);
    ncr_fe25519_mul(&k, &xx, &yy);
    ncr_fe25519_mul(&k, &k, &d);
    ncr_fe25519_add(&num, &xy, &yx);
    ncr_fe25519_add(&den, &one, &k);
    ge25519_test_divide(&r->x, &num, &den);
    ncr_fe25519_add(&num, &yy, &xx);
    ncr_fe25519_sub(&den, &one, &k);
    ge25519_test_divide(&r->y, &num, &den);
}

static void ge25519_test_words(const uint64_t w[4], const struct ncr_fe25519 *want, int i, int j)
{
    uint64_t x[4];
    ncr_fe25519_to_words(x, want);
    cr_assert_arr_eq(w, x, sizeof x, "entry [%d][%d]", i, j);
}

static void ge25519_test_entry(int i, int j, const struct ge25519_test_point *p)
{
    const uint64_t *w = ge25519_base[i][j];
    struct ncr_fe25519 v, d;
    ncr_fe25519_add(&v, &p->y, &p->x);
    ge25519_test_words(w, &v, i, j);
    ncr_fe25519_sub(&v, &p->y, &p->x);
    ge25519_test_words(w + 4, &v, i, j);
    ncr_fe25519_decode(&d, ge25519_test_d);
    ncr_fe25519_mul(&v, &p->x, &p->y);
    ncr_fe25519_mul(&v, &v, &d);
    ncr_fe25519_add(&v, &v, &v);
    ge25519_test_words(w + 8, &v, i, j);
}

Test(ge25519, table)
{
    struct ge25519_test_point row, p;
    ncr_fe25519_decode(&row.x, ge25519_test_base_x);
    ncr_fe25519_decode(&row.y, ge25519_test_base_y);
    for (int i = 0; i < 32; i++) {
        p = row;
        for (int j = 0; j < 8; j++) {
            ge25519_test_entry(i, j, &p);
            ge25519_test_add(&p, &p, &row);
        }
        for (int k = 0; k < 8; k++) {
            ge25519_test_add(&row, &row, &row);
        }
    }
}

static void ge25519_test_multiple(const struct vec *v)
{
    struct ncr_ge25519 p;
    uint8_t s[32], got[32];
    memcpy(s, vec_fixed(v, "scalar", 32), 32);
    NCR_CT_SECRET(s, sizeof s);
    ncr_ge25519_mul_base(&p, s);
    ncr_ge25519_encode(got, &p);
    NCR_CT_PUBLIC(got, sizeof got);
    vec_expect(v, "multiple", got, 32);
}

static void ge25519_test_sum(const struct vec *v)
{
    struct ncr_ge25519 p, r;
    uint8_t got[32];
    cr_assert(ncr_ge25519_decode_vartime(&p, vec_fixed(v, "point", 32)), "line %u", v->line);
    ncr_ge25519_encode(got, &p);
    vec_expect(v, "point", got, 32);
    ncr_ge25519_mul2_vartime(&r, vec_fixed(v, "a", 32), &p, vec_fixed(v, "b", 32));
    ncr_ge25519_encode(got, &r);
    vec_expect(v, "sum", got, 32);
    /* twice negated, and in the place of the result */
    ncr_ge25519_negate(&p, &p);
    ncr_ge25519_negate(&p, &p);
    ncr_ge25519_mul2_vartime(&p, vec_fixed(v, "a", 32), &p, vec_fixed(v, "b", 32));
    ncr_ge25519_encode(got, &p);
    vec_expect(v, "sum", got, 32);
}

static void ge25519_test_file(uint32_t features)
{
    struct vec v;
    ncr_cpu_restrict(features);
    for (vec_open(&v, "ge25519_edge.txt"); vec_next(&v);) {
        if (vec_has(&v, "scalar")) {
            ge25519_test_multiple(&v);
        } else {
            ge25519_test_sum(&v);
        }
    }
    vec_close(&v);
}

Test(ge25519, multiples_and_sums)
{
    const uint32_t features = ncr_cpu();
    ge25519_test_file(features);
    ge25519_test_file(0);
}

Test(ge25519, ct_multiple_of_the_base_point)
{
    uint8_t s[32], got[32];
    struct ncr_ge25519 p;
    memset(s, 0x5a, sizeof s);
    NCR_CT_SECRET(s, sizeof s);
    ncr_ge25519_mul_base(&p, s);
    ncr_ge25519_encode(got, &p);
    NCR_CT_PUBLIC(got, sizeof got);
    cr_assert(got[0] != 0 || got[1] != 0);
}

/* The next number of a sequence: a hash of it, often with a run of equal bits in it; below 2^bits.
 */
static void ge25519_test_next(uint8_t s[32], unsigned round, unsigned bits)
{
    struct nacre_sha256 h;
    nacre_sha256_init(&h);
    nacre_sha256_update(&h, s, 32);
    nacre_sha256_final(s, &h);
    if (round % 3 == 0) {
        memset(s + s[0] % 32, round % 2 == 0 ? 0xff : 0, (31 - s[0] % 32u) * (s[1] & 1));
    }
    s[31] &= (uint8_t)((1 << (bits - 248)) - 1);
}

/* Sums with and without the twin: random scalars and points, among these some of small order. */
Test(ge25519, twin_ifma)
{
    static const uint8_t small[2][32] = {{1}, {0}}; /* orders 1 and 4 */
    const char *calls = getenv("NACRE_TWIN_CALLS");
    const unsigned n = calls != NULL ? (unsigned)strtoul(calls, NULL, 10) : 5000;
    const uint32_t features = ncr_cpu();
    uint8_t a[32] = {0}, b[32] = {1}, fast[32], slow[32];
    struct ncr_ge25519 p, r;
    if ((features & NCR_CPU_IFMA) == 0) {
        cr_skip_test("no AVX-512 IFMA here");
    }
    for (unsigned i = 0; i < n; i++) {
        ncr_cpu_restrict(features);
        ncr_ge25519_mul_base(&p, a);
        ncr_ge25519_encode(fast, &p);
        ncr_cpu_restrict(0);
        ncr_ge25519_mul_base(&p, a);
        ncr_ge25519_encode(slow, &p);
        cr_assert_arr_eq(fast, slow, 32, "round %u", i);
        if (i % 8 == 0) {
            cr_assert(ncr_ge25519_decode_vartime(&p, small[i / 8 % 2]));
        }
        ge25519_test_next(a, i, 253);
        ge25519_test_next(b, i / 2, 253);
        ncr_ge25519_mul2_vartime(&r, a, &p, b);
        ncr_ge25519_encode(slow, &r);
        ncr_cpu_restrict(features);
        ncr_ge25519_mul2_vartime(&r, a, &p, b);
        ncr_ge25519_encode(fast, &r);
        cr_assert_arr_eq(fast, slow, 32, "round %u", i);
        ge25519_test_next(a, i, 255);
    }
}
