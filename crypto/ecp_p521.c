/* SPDX-License-Identifier: ISC
 *
 * P-521 (SP 800-186 section 3.2.1.5): its field, p = 2^521 - 1, its order and its base point.
 *
 * Field elements stand as they are, because 2^521 = 1 modulo p makes reduction a shift and a sum;
 * the order is used in Montgomery's form with R = 2^576. Where there is a product of 128 bits,
 * ecp_p521_limbs.c has the points' formulas instead of this file.
 */
#include "crypto/ecp_p521.h"
#include "crypto/ecp_p521_table.h"

#define P521_WORDS NCR_P521_WORDS
#define P521_TOP 0x1ff /* what of the ninth word belongs to 521 bits */
#define P521_ONES UINT64_MAX

static const uint64_t p521_p[P521_WORDS] = {
    P521_ONES, P521_ONES, P521_ONES, P521_ONES, P521_ONES,
    P521_ONES, P521_ONES, P521_ONES, P521_TOP,
};
static const uint64_t p521_one[P521_WORDS] = {1};
/* 4^25 mod p, and b. */
static const uint64_t p521_seed[P521_WORDS] = {
    0x0004000000000000, 0x0000000000000000, 0x0000000000000000,
    0x0000000000000000, 0x0000000000000000, 0x0000000000000000,
    0x0000000000000000, 0x0000000000000000, 0x0000000000000000,
};
static const uint64_t p521_b[P521_WORDS] = {
    0xef451fd46b503f00, 0x3573df883d2c34f1, 0x1652c0bd3bb1bf07,
    0x56193951ec7e937b, 0xb8b489918ef109e1, 0xa2da725b99b315f3,
    0x929a21a0b68540ee, 0x953eb9618e1c9a1f, 0x0000000000000051,
};

/* The order n, R mod n, R^2 mod n, R^2 4^25 mod n, -1/n mod 2^64. */
static const uint64_t p521_n[P521_WORDS] = {
    0xbb6fb71e91386409, 0x3bb5c9b8899c47ae, 0x7fcc0148f709a5d0,
    0x51868783bf2f966b, 0xfffffffffffffffa, P521_ONES,
    P521_ONES,          P521_ONES,          P521_TOP,
};
static const uint64_t p521_n_one[P521_WORDS] = {
    0xfb80000000000000,
    0x28a2482470b763cd,
    0x17e2251b23bb31dc,
    0xca4019ff5b847b2d,
    0x02d73cbc3e206834,
    0,
    0,
    0,
    0,
};
static const uint64_t p521_n_to[P521_WORDS] = {
    0x137cd04dcf15dd04, 0xf707badce5547ea3, 0x12a78d38794573ff,
    0xd3721ef557f75e06, 0xdd6e23d82e49c7db, 0xcff3d142b7756e3e,
    0x5bcc6d61a8e567bc, 0x2d8e03d1492d0d45, 0x000000000000003d,
};
static const uint64_t p521_n_seed[P521_WORDS] = {
    0x04083bfcc64a40de, 0xcb68e012f077c6ec, 0x675ff74dc20b1490,
    0x168080a089820b85, 0x1f7204f403af1512, 0xb8fb75b88f60b927,
    0x9ef33fcf450addd5, 0x35156f31b586a395, 0x00000000000000b4,
};
#define P521_N_NEG_INV UINT64_C(0x1d2f5ccd79a995c7)

/* ---- The field --------------------------------------------------------------------------- */

/* r = s mod p for s <= 2p - 1, in 9 words: floor((s + 1) / 2^521) says whether p is to be taken
 * off, and s - p = s + 1 - 2^521. */
NCR_INLINE void p521_reduce_once(uint64_t *r, const uint64_t *s)
{
    uint64_t c = 1, over = 0;
#pragma GCC unroll 9
    for (int i = 0; i < P521_WORDS; i++) {
        over = ncr_word_add(s[i], 0, &c);
    }
    c = over >> 9;
#pragma GCC unroll 9
    for (int i = 0; i < P521_WORDS; i++) {
        r[i] = ncr_word_add(s[i], 0, &c);
    }
    r[P521_WORDS - 1] &= P521_TOP;
}

/* r = t mod p for a product t <= (p - 1)^2: the low 521 bits plus the rest, which is at most 2^521
 * - 4, make at most 2p - 3. */
NCR_INLINE void p521_reduce(uint64_t *r, uint64_t t[2 * P521_WORDS])
{
    uint64_t s[P521_WORDS], c = 0;
    const uint64_t top = t[P521_WORDS - 1] & P521_TOP;
#pragma GCC unroll 9
    for (int i = 0; i < P521_WORDS; i++) {
        const uint64_t low = i == P521_WORDS - 1 ? top : t[i];
        const uint64_t high = t[i + P521_WORDS - 1] >> 9 | t[i + P521_WORDS] << 55;
        s[i] = ncr_word_add(low, high, &c);
    }
    p521_reduce_once(r, s);
}

static void p521_mul(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    uint64_t t[2 * P521_WORDS];
    ncr_ecpw_mul(t, a, b, P521_WORDS);
    p521_reduce(r, t);
}

static void p521_sqr(uint64_t *r, const uint64_t *a)
{
    uint64_t t[2 * P521_WORDS];
    ncr_ecpw_sqr(t, a, P521_WORDS);
    p521_reduce(r, t);
}

static void p521_add(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    uint64_t s[P521_WORDS];
    (void)ncr_ecpw_add(s, a, b, P521_WORDS); /* 522 bits: no carry */
    p521_reduce_once(r, s);
}

/* In 521 bits a borrow is 2^521 too much, which is p and 1 more. */
static void p521_sub(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    uint64_t d[P521_WORDS];
    uint64_t c = ncr_ecpw_sub(d, a, b, P521_WORDS);
#pragma GCC unroll 9
    for (int i = 0; i < P521_WORDS; i++) {
        r[i] = ncr_word_sub(d[i], 0, &c);
    }
    r[P521_WORDS - 1] &= P521_TOP;
}

static void p521_half(uint64_t *r, const uint64_t *a)
{
    ncr_ecpw_half_mod(r, a, p521_p, P521_WORDS);
}

const struct ncr_ecp_mod ncr_p521_mod = {
    .words = P521_WORDS,
    .m = p521_p,
    .one = p521_one,
    .to = p521_one,
    .neg_inv = 1,
    .batches = 25,
    .seed = p521_seed,
    .mul = p521_mul,
    .sqr = p521_sqr,
    .add = p521_add,
    .sub = p521_sub,
    .half = p521_half,
};

#if NCR_INT128
static const struct ncr_ecp_field *p521_fastest(void)
{
    return &ncr_p521_field_limbs;
}
#else
NCR_ECP_POINTS(p521, ncr_p521_mod)
static const struct ncr_ecp_field p521_field = NCR_ECP_FIELD(p521, ncr_p521_mod);

static const struct ncr_ecp_field *p521_fastest(void)
{
    return &p521_field;
}
#endif

/* ---- The order --------------------------------------------------------------------------- */

static void p521_order_mul(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    ncr_ecpw_mont_mul(r, a, b, p521_n, P521_N_NEG_INV, P521_WORDS);
}

static void p521_order_sqr(uint64_t *r, const uint64_t *a)
{
    p521_order_mul(r, a, a);
}

static void p521_order_add(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    ncr_ecpw_add_mod(r, a, b, p521_n, P521_WORDS);
}

static const struct ncr_ecp_mod p521_order = {
    .words = P521_WORDS,
    .m = p521_n,
    .one = p521_n_one,
    .to = p521_n_to,
    .neg_inv = P521_N_NEG_INV,
    .batches = 25,
    .seed = p521_n_seed,
    .mul = p521_order_mul,
    .sqr = p521_order_sqr,
    .add = p521_order_add,
};

/* 105 digits: 7 rows, each for fifteen of them. */
const struct nacre_curve nacre_p521 = {
    .len = NACRE_P521_LEN,
    .bits = 521,
    .digits = 105,
    .passes = 15,
    .field = p521_fastest,
    .order = &p521_order,
    .b = p521_b,
    .base = p521_base,
};
