/* SPDX-License-Identifier: ISC
 *
 * Points of P-521 for machines with a 64 x 64 -> 128 bit product: the formulas of ecp.h on
 * coordinates in 9 limbs of 58 bits, which need no carries between two products. Points come and go
 * in the words of ecp_p521.c; what is computed is the same, to the bit.
 *
 * Bounds. Weight w is: every limb < w 2^58. Words unpacked have weight 1, a product less than 3.1;
 * sums add weights, a difference adds 4, 8 or 16 for a subtrahend of at most that weight less a
 * little (see p521l_sub). The weights of two factors may have a product of 240, and none may be 32
 * or more. Comments give weights where they are not of a product.
 *
 * A product takes 45 multiplications instead of 81, as proposed by Granger and Scott (Faster ECC
 * over F_{2^521-1}, PKC 2015).
 */
#include "crypto/ecp_p521.h"

#if NCR_INT128

#define P521L_LIMBS 9
#define P521L_MASK ((UINT64_C(1) << 58) - 1)
#define P521L_TOP ((UINT64_C(1) << 57) - 1) /* of the last limb, below 2^521 */

struct p521l_fe {
    uint64_t v[P521L_LIMBS];
};

/* ---- Words and limbs --------------------------------------------------------------------- */

/* Limb i are the bits from 58 i = 64 i - 6 i on. */
static void p521l_unpack(struct p521l_fe *r, const uint64_t w[NCR_P521_WORDS])
{
    r->v[0] = w[0] & P521L_MASK;
#pragma GCC unroll 8
    for (unsigned i = 1; i < P521L_LIMBS; i++) {
        r->v[i] = (w[i - 1] >> (64 - 6 * i) | w[i] << 6 * i) & P521L_MASK;
    }
}

/* The number below p. Carries of weights up to 32 are < 2^6; what is carried out of bit 521, where
 * 2^521 = 1, is < 2^7. x is then < 2^521 + 2^7 < 2p, so x mod p is x - qp with q = floor((x + 1) /
 * 2^521), and x - qp = x + q - 2^521 q, whose last term a mask drops. */
static void p521l_pack(uint64_t w[NCR_P521_WORDS], const struct p521l_fe *a)
{
    uint64_t x[P521L_LIMBS], c = 0, q = 1;
#pragma GCC unroll 9
    for (unsigned i = 0; i < P521L_LIMBS; i++) {
        const unsigned bits = i + 1 < P521L_LIMBS ? 58 : 57;
        c += a->v[i];
        x[i] = c & (i + 1 < P521L_LIMBS ? P521L_MASK : P521L_TOP);
        c >>= bits;
    }
    x[0] += c;
#pragma GCC unroll 9
    for (unsigned i = 0; i < P521L_LIMBS; i++) {
        q = (x[i] + q) >> (i + 1 < P521L_LIMBS ? 58 : 57);
    }
#pragma GCC unroll 9
    for (unsigned i = 0; i < P521L_LIMBS; i++) {
        q += x[i];
        x[i] = q & (i + 1 < P521L_LIMBS ? P521L_MASK : P521L_TOP);
        q >>= 58;
    }
#pragma GCC unroll 8
    for (unsigned i = 0; i + 1 < P521L_LIMBS; i++) {
        w[i] = x[i] >> 6 * i | x[i + 1] << (58 - 6 * i);
    }
    w[P521L_LIMBS - 1] = x[P521L_LIMBS - 1] >> 48;
}

/* ---- Arithmetic: outputs may be inputs --------------------------------------------------- */

/* Limbs of columns below 2^128, where 2^522 = 2: each is its own low 58 bits, the middle 58 bits of
 * the column below it, the upper 12 of the one below that; the last ones come around doubled. Limb
 * 0 is then < 3 2^58 + 2^13, the others less. */
NCR_INLINE void p521l_reduce(struct p521l_fe *r, const ncr_u128 c[P521L_LIMBS])
{
    uint64_t low[P521L_LIMBS], middle[P521L_LIMBS], high[P521L_LIMBS];
#pragma GCC unroll 9
    for (unsigned i = 0; i < P521L_LIMBS; i++) {
        low[i] = (uint64_t)c[i] & P521L_MASK;
        middle[i] = (uint64_t)(c[i] >> 58) & P521L_MASK;
        high[i] = (uint64_t)(c[i] >> 64) >> 52;
    }
    r->v[0] = low[0] + 2 * (middle[8] + high[7]);
    r->v[1] = low[1] + middle[0] + 2 * high[8];
#pragma GCC unroll 7
    for (unsigned i = 2; i < P521L_LIMBS; i++) {
        r->v[i] = low[i] + middle[i - 1] + high[i - 2];
    }
}

/* (a_i - a_j)(b_i - b_j), signed. */
NCR_INLINE ncr_u128 p521l_cross(const struct p521l_fe *a, const struct p521l_fe *b, unsigned i,
                                unsigned j)
{
    return (ncr_u128)(int64_t)(a->v[i] - a->v[j]) * (ncr_u128)(int64_t)(b->v[i] - b->v[j]);
}

/* Column k of a product is the sum of a_i b_j with i + j = k, and twice that with i + j = k + 9: at
 * most 17 products, 17 * 240 * 2^116 < 2^128. With d_i = a_i b_i, two products a_i b_j + a_j b_i
 * are d_i + d_j - (a_i - a_j)(b_i - b_j). Every i is in one pair of column k, or alone: those up to
 * k once, the others twice, so that the d_i of column k are all of them and those above k again,
 * and columns from the last on need one sum each. Sums are modulo 2^128. */
static void p521l_mul(struct p521l_fe *r, const struct p521l_fe *a, const struct p521l_fe *b)
{
    ncr_u128 d[P521L_LIMBS], c[P521L_LIMBS], sum = 0;
#pragma GCC unroll 9
    for (unsigned i = 0; i < P521L_LIMBS; i++) {
        d[i] = (ncr_u128)a->v[i] * b->v[i];
        sum += d[i];
    }
#pragma GCC unroll 9
    for (unsigned k = P521L_LIMBS; k-- > 0;) {
        ncr_u128 once = 0, twice = 0;
#pragma GCC unroll 9
        for (unsigned i = 0; i < P521L_LIMBS; i++) {
            const unsigned j = (k + P521L_LIMBS - i) % P521L_LIMBS;
            if (i < j && i + j == k) {
                once += p521l_cross(a, b, i, j);
            } else if (i < j) {
                twice += p521l_cross(a, b, i, j);
            }
        }
        c[k] = sum - once - 2 * twice;
        sum += d[k];
    }
    p521l_reduce(r, c);
}

/* The same columns, equal products taken together; a of weight up to 15, so that 4 a fits. */
static void p521l_sqr(struct p521l_fe *r, const struct p521l_fe *a)
{
    ncr_u128 c[P521L_LIMBS];
#pragma GCC unroll 9
    for (unsigned k = 0; k < P521L_LIMBS; k++) {
        c[k] = 0;
#pragma GCC unroll 9
        for (unsigned i = 0; i < P521L_LIMBS; i++) {
            const unsigned j = (k + P521L_LIMBS - i) % P521L_LIMBS;
            if (i <= j) {
                const uint64_t times = (i < j ? 2U : 1U) * (i + j == k ? 1U : 2U);
                c[k] += (ncr_u128)a->v[i] * (times * a->v[j]);
            }
        }
    }
    p521l_reduce(r, c);
}

NCR_INLINE void p521l_add(struct p521l_fe *r, const struct p521l_fe *a, const struct p521l_fe *b)
{
#pragma GCC unroll 9
    for (unsigned i = 0; i < P521L_LIMBS; i++) {
        r->v[i] = a->v[i] + b->v[i];
    }
}

/* r = a - b + 2 w p for w of 4, 8, 16: the limbs of 2p are 2^58 - 2 and 2^58 - 1, so that those of
 * b may be up to w (2^58 - 2), which is more than 0.99 w 2^58. Adds w to the weight of a. */
NCR_INLINE void p521l_sub(struct p521l_fe *r, const struct p521l_fe *a, const struct p521l_fe *b,
                          uint64_t w)
{
    r->v[0] = a->v[0] + w * (P521L_MASK - 1) - b->v[0];
#pragma GCC unroll 8
    for (unsigned i = 1; i < P521L_LIMBS; i++) {
        r->v[i] = a->v[i] + w * P521L_MASK - b->v[i];
    }
}

/* r = a / 2: bit 0 comes around as bit 521 - 1. Half the weight and 1/2 more. */
NCR_INLINE void p521l_half(struct p521l_fe *r, const struct p521l_fe *a)
{
    const uint64_t lowest = a->v[0] & 1;
#pragma GCC unroll 8
    for (unsigned i = 0; i + 1 < P521L_LIMBS; i++) {
        r->v[i] = (a->v[i] >> 1) + ((a->v[i + 1] & 1) << 57);
    }
    r->v[P521L_LIMBS - 1] = (a->v[P521L_LIMBS - 1] >> 1) + (lowest << 56);
}

/* ---- Points: the formulas of ecp.h ------------------------------------------------------- */

struct p521l_point {
    struct p521l_fe x, y, z;
};

static void p521l_pack_point(uint64_t *r, const struct p521l_point *p)
{
    p521l_pack(r, &p->x);
    p521l_pack(r + NCR_P521_WORDS, &p->y);
    p521l_pack(r + 2 * NCR_P521_WORDS, &p->z);
}

/* p = 2p, for weights of x up to 11.1, of y up to 7.1, of z up to 3.1; so they are again. */
static void p521l_double(struct p521l_point *p)
{
    struct p521l_fe m, s, t;
    p521l_sqr(&t, &p->z);
    p521l_sub(&m, &p->x, &t, 4); /* 15.1 */
    p521l_add(&t, &p->x, &t);    /* 14.2 */
    p521l_mul(&m, &m, &t);
    p521l_add(&t, &m, &m);
    p521l_add(&m, &m, &t);       /* M: 9.3 */
    p521l_add(&t, &p->y, &p->y); /* 14.2 */
    p521l_mul(&p->z, &t, &p->z);
    p521l_sqr(&t, &t);        /* 4 Y^2 */
    p521l_mul(&s, &t, &p->x); /* S */
    p521l_sqr(&t, &t);
    p521l_half(&t, &t); /* 8 Y^4: 2.1 */
    p521l_sqr(&p->x, &m);
    p521l_sub(&p->x, &p->x, &s, 4);
    p521l_sub(&p->x, &p->x, &s, 4); /* 11.1 */
    p521l_sub(&s, &s, &p->x, 16);   /* 19.1 */
    p521l_mul(&s, &s, &m);          /* 19.1 * 9.3 < 178 */
    p521l_sub(&p->y, &s, &t, 4);    /* 7.1 */
}

static void p521l_point_double(uint64_t *r, const uint64_t *p, unsigned times)
{
    struct p521l_point a;
    p521l_unpack(&a.x, p);
    p521l_unpack(&a.y, p + NCR_P521_WORDS);
    p521l_unpack(&a.z, p + 2 * NCR_P521_WORDS);
    for (; times > 0; times--) {
        p521l_double(&a);
    }
    p521l_pack_point(r, &a);
}

/* x and y of the sum, given U1 in u and S1 in s, of weight up to 3.1, H in h and R in rr, of up to
 * 7.1; h is overwritten. */
static void p521l_join(struct p521l_point *r, struct p521l_fe *u, const struct p521l_fe *s,
                       struct p521l_fe *h, const struct p521l_fe *rr)
{
    struct p521l_fe t;
    p521l_sqr(&t, h);
    p521l_mul(u, u, &t);
    p521l_mul(h, h, &t);
    p521l_mul(&t, s, h);
    p521l_sqr(&r->x, rr);
    p521l_sub(&r->x, &r->x, h, 4);
    p521l_sub(&r->x, &r->x, u, 4);
    p521l_sub(&r->x, &r->x, u, 4); /* 15.1 */
    p521l_sub(u, u, &r->x, 16);    /* 19.1 */
    p521l_mul(u, u, rr);           /* 19.1 * 7.1 < 136 */
    p521l_sub(&r->y, u, &t, 4);    /* 7.1 */
}

static void p521l_point_add(uint64_t *r, const uint64_t *p, const uint64_t *q)
{
    struct p521l_point sum;
    struct p521l_fe z1, z2, u, s, h, rr, t;
    p521l_unpack(&z1, p + 2 * NCR_P521_WORDS);
    p521l_unpack(&z2, q + 2 * NCR_P521_WORDS);
    p521l_mul(&sum.z, &z1, &z2);
    p521l_sqr(&t, &z2);
    p521l_unpack(&u, p);
    p521l_mul(&u, &u, &t); /* U1 */
    p521l_mul(&t, &t, &z2);
    p521l_unpack(&s, p + NCR_P521_WORDS);
    p521l_mul(&s, &s, &t); /* S1 */
    p521l_sqr(&t, &z1);
    p521l_unpack(&h, q);
    p521l_mul(&h, &h, &t);
    p521l_sub(&h, &h, &u, 4); /* H: 7.1 */
    p521l_mul(&t, &t, &z1);
    p521l_unpack(&rr, q + NCR_P521_WORDS);
    p521l_mul(&rr, &rr, &t);
    p521l_sub(&rr, &rr, &s, 4); /* R: 7.1 */
    p521l_mul(&sum.z, &sum.z, &h);
    p521l_join(&sum, &u, &s, &h, &rr);
    p521l_pack_point(r, &sum);
}

static void p521l_point_add_affine(uint64_t *r, const uint64_t *p, const uint64_t *q)
{
    struct p521l_point sum;
    struct p521l_fe z1, u, s, h, rr, t;
    p521l_unpack(&u, p);
    p521l_unpack(&s, p + NCR_P521_WORDS);
    p521l_unpack(&z1, p + 2 * NCR_P521_WORDS);
    p521l_sqr(&t, &z1);
    p521l_unpack(&h, q);
    p521l_mul(&h, &h, &t);
    p521l_sub(&h, &h, &u, 4); /* H: 7.1 */
    p521l_mul(&t, &t, &z1);
    p521l_unpack(&rr, q + NCR_P521_WORDS);
    p521l_mul(&rr, &rr, &t);
    p521l_sub(&rr, &rr, &s, 4); /* R: 7.1 */
    p521l_mul(&sum.z, &z1, &h);
    p521l_join(&sum, &u, &s, &h, &rr);
    p521l_pack_point(r, &sum);
}

const struct ncr_ecp_field ncr_p521_field_limbs = NCR_ECP_FIELD(p521l, ncr_p521_mod);

#endif
