/* SPDX-License-Identifier: ISC
 *
 * Arithmetic modulo p = 2^255 - 19 in 10 limbs of 26 and 25 bits in turn (limb i stands at bit
 * ceil(25.5 i)); for machines whose largest product is 32 x 32 -> 64 bit. See fe25519.h for the
 * interface, fe25519_64.c for the other representation.
 *
 * Bounds. Weight 1 is: even limbs < 2^26 + 2^18, odd limbs < 2^25 + 2^18. A limb of weight w <= 3
 * is then < 3 (2^26 + 2^18) < 3.02 * 2^26, or < 3 (2^25 + 2^18) < 3.03 * 2^25. Differences are
 * carried at once, so that "wide" is weight 1 here.
 */
#include "crypto/fe25519.h"

#if !NCR_INT128

#define FE25519_32_MASK26 ((UINT32_C(1) << 26) - 1)
#define FE25519_32_MASK25 ((UINT32_C(1) << 25) - 1)

/* The width of limb i, and the limbs of 4p. */
static const uint8_t fe25519_32_bits[10] = {26, 25, 26, 25, 26, 25, 26, 25, 26, 25};
static const uint32_t fe25519_32_4p[10] = {
    0xfffffb4, 0x7fffffc, 0xffffffc, 0x7fffffc, 0xffffffc,
    0x7fffffc, 0xffffffc, 0x7fffffc, 0xffffffc, 0x7fffffc,
};

/* Limbs of weight 1 from the columns of a product, each < 2^63.
 *
 * With limbs of weight 3, a product of two even limbs is < 9.13 * 2^52, of two odd ones < 9.19 *
 * 2^50, of an odd and an even one < 9.16 * 2^51. Two odd limbs meet half a bit above their column,
 * so their product counts twice; what lies beyond 2^255 counts 19 times. Column 0 is the largest:
 * one plain even product, 4 folded even ones, 5 folded odd ones: t[0] < (1 + 76) 9.13 * 2^52 + 190
 * * 9.19 * 2^50 < 1140 * 2^52 < 2^62.2. The carry into the next is < 2^38, and so on: all stay <
 * 2^63. The carry out of t[9] is < 2^38, 19 times it < 2^42.3; with that limb 0 has a carry < 2^17
 * into limb 1. */
NCR_INLINE void fe25519_32_reduce(struct ncr_fe25519 *r, uint64_t t[10])
{
    for (int i = 0; i < 9; i++) {
        r->v[i] = (uint32_t)t[i] & (i % 2 == 0 ? FE25519_32_MASK26 : FE25519_32_MASK25);
        t[i + 1] += t[i] >> fe25519_32_bits[i];
    }
    r->v[9] = (uint32_t)t[9] & FE25519_32_MASK25;
    t[0] = r->v[0] + 19 * (t[9] >> 25);
    r->v[0] = (uint32_t)t[0] & FE25519_32_MASK26;
    r->v[1] += (uint32_t)(t[0] >> 26);
}

/* c = 19 b < 57 * 1.004 * 2^26 < 2^32. Names: d = 2a, c = 19b. */
void ncr_fe25519_mul(struct ncr_fe25519 *r, const struct ncr_fe25519 *a,
                     const struct ncr_fe25519 *b)
{
    const uint64_t a0 = a->v[0], a1 = a->v[1], a2 = a->v[2], a3 = a->v[3], a4 = a->v[4];
    const uint64_t a5 = a->v[5], a6 = a->v[6], a7 = a->v[7], a8 = a->v[8], a9 = a->v[9];
    const uint64_t d1 = 2 * a->v[1], d3 = 2 * a->v[3], d5 = 2 * a->v[5], d7 = 2 * a->v[7];
    const uint64_t d9 = 2 * a->v[9];
    const uint32_t b0 = b->v[0], b1 = b->v[1], b2 = b->v[2], b3 = b->v[3], b4 = b->v[4];
    const uint32_t b5 = b->v[5], b6 = b->v[6], b7 = b->v[7], b8 = b->v[8], b9 = b->v[9];
    const uint32_t c1 = 19 * b1, c2 = 19 * b2, c3 = 19 * b3, c4 = 19 * b4, c5 = 19 * b5;
    const uint32_t c6 = 19 * b6, c7 = 19 * b7, c8 = 19 * b8, c9 = 19 * b9;
    uint64_t t[10];
    t[0] = a0 * b0 + d1 * c9 + a2 * c8 + d3 * c7 + a4 * c6 + d5 * c5 + a6 * c4 + d7 * c3 + a8 * c2 +
           d9 * c1;
    t[1] = a0 * b1 + a1 * b0 + a2 * c9 + a3 * c8 + a4 * c7 + a5 * c6 + a6 * c5 + a7 * c4 + a8 * c3 +
           a9 * c2;
    t[2] = a0 * b2 + d1 * b1 + a2 * b0 + d3 * c9 + a4 * c8 + d5 * c7 + a6 * c6 + d7 * c5 + a8 * c4 +
           d9 * c3;
    t[3] = a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 + a4 * c9 + a5 * c8 + a6 * c7 + a7 * c6 + a8 * c5 +
           a9 * c4;
    t[4] = a0 * b4 + d1 * b3 + a2 * b2 + d3 * b1 + a4 * b0 + d5 * c9 + a6 * c8 + d7 * c7 + a8 * c6 +
           d9 * c5;
    t[5] = a0 * b5 + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1 + a5 * b0 + a6 * c9 + a7 * c8 + a8 * c7 +
           a9 * c6;
    t[6] = a0 * b6 + d1 * b5 + a2 * b4 + d3 * b3 + a4 * b2 + d5 * b1 + a6 * b0 + d7 * c9 + a8 * c8 +
           d9 * c7;
    t[7] = a0 * b7 + a1 * b6 + a2 * b5 + a3 * b4 + a4 * b3 + a5 * b2 + a6 * b1 + a7 * b0 + a8 * c9 +
           a9 * c8;
    t[8] = a0 * b8 + d1 * b7 + a2 * b6 + d3 * b5 + a4 * b4 + d5 * b3 + a6 * b2 + d7 * b1 + a8 * b0 +
           d9 * c9;
    t[9] = a0 * b9 + a1 * b8 + a2 * b7 + a3 * b6 + a4 * b5 + a5 * b4 + a6 * b3 + a7 * b2 + a8 * b1 +
           a9 * b0;
    fe25519_32_reduce(r, t);
}

/* The columns of mul with equal products taken together. Names: b = a, c = 19a, d = 2a, q = 4a,
 * where q, of odd limbs alone, is < 12.2 * 2^25 < 2^29. */
NCR_INLINE void fe25519_32_sq(struct ncr_fe25519 *r, const struct ncr_fe25519 *a)
{
    const uint32_t b0 = a->v[0], b1 = a->v[1], b2 = a->v[2], b3 = a->v[3], b4 = a->v[4];
    const uint32_t b5 = a->v[5], b6 = a->v[6], b7 = a->v[7], b8 = a->v[8], b9 = a->v[9];
    const uint32_t c5 = 19 * b5, c6 = 19 * b6, c7 = 19 * b7, c8 = 19 * b8, c9 = 19 * b9;
    const uint64_t a0 = b0, a2 = b2, a4 = b4, a6 = b6, a8 = b8;
    const uint64_t d0 = 2 * b0, d1 = 2 * b1, d2 = 2 * b2, d3 = 2 * b3, d4 = 2 * b4;
    const uint64_t d5 = 2 * b5, d6 = 2 * b6, d7 = 2 * b7, d8 = 2 * b8, d9 = 2 * b9;
    const uint64_t q1 = 4 * b1, q3 = 4 * b3, q5 = 4 * b5, q7 = 4 * b7;
    uint64_t t[10];
    t[0] = a0 * b0 + q1 * c9 + d2 * c8 + q3 * c7 + d4 * c6 + d5 * c5;
    t[1] = d0 * b1 + d2 * c9 + d3 * c8 + d4 * c7 + d5 * c6;
    t[2] = d0 * b2 + d1 * b1 + q3 * c9 + d4 * c8 + q5 * c7 + a6 * c6;
    t[3] = d0 * b3 + d1 * b2 + d4 * c9 + d5 * c8 + d6 * c7;
    t[4] = d0 * b4 + q1 * b3 + a2 * b2 + q5 * c9 + d6 * c8 + d7 * c7;
    t[5] = d0 * b5 + d1 * b4 + d2 * b3 + d6 * c9 + d7 * c8;
    t[6] = d0 * b6 + q1 * b5 + d2 * b4 + d3 * b3 + q7 * c9 + a8 * c8;
    t[7] = d0 * b7 + d1 * b6 + d2 * b5 + d3 * b4 + d8 * c9;
    t[8] = d0 * b8 + q1 * b7 + d2 * b6 + q3 * b5 + a4 * b4 + d9 * c9;
    t[9] = d0 * b9 + d1 * b8 + d2 * b7 + d3 * b6 + d4 * b5;
    fe25519_32_reduce(r, t);
}

void ncr_fe25519_sqn(struct ncr_fe25519 *r, const struct ncr_fe25519 *a, unsigned n)
{
    fe25519_32_sq(r, a);
    while (--n > 0) {
        fe25519_32_sq(r, r);
    }
}

/* Columns < 2^28 * 2^17. */
void ncr_fe25519_mul_small(struct ncr_fe25519 *r, const struct ncr_fe25519 *a, uint32_t c)
{
    uint64_t t[10];
    for (int i = 0; i < 10; i++) {
        t[i] = (uint64_t)c * a->v[i];
    }
    fe25519_32_reduce(r, t);
}

/* Carries out of limbs < 8 * 2^26 (even) or < 8 * 2^25 (odd) are at most 8, and 19 * 8 goes to limb
 * 0. */
void ncr_fe25519_carry(struct ncr_fe25519 *r, const struct ncr_fe25519 *a)
{
    uint32_t c = 0;
    for (int i = 0; i < 10; i += 2) {
        c += a->v[i];
        r->v[i] = c & FE25519_32_MASK26;
        c = (c >> 26) + a->v[i + 1];
        r->v[i + 1] = c & FE25519_32_MASK25;
        c >>= 25;
    }
    r->v[0] += 19 * c;
}

/* a + 4p - b: limbs of 4p are at least 3.99 * 2^26 and 3.99 * 2^25, those of b at most 2.02 times
 * 2^26 and 2^25, so that nothing goes below 0; and the sum is < 7.03 times 2^26 or 2^25, for carry.
 */
void ncr_fe25519_32_sub(struct ncr_fe25519 *r, const struct ncr_fe25519 *a,
                        const struct ncr_fe25519 *b)
{
    for (int i = 0; i < 10; i++) {
        r->v[i] = a->v[i] + fe25519_32_4p[i] - b->v[i];
    }
    ncr_fe25519_carry(r, r);
}

/* The width bits from bit at on of a number in 32-bit words; w has one word more than that needs.
 */
static uint32_t fe25519_32_bits_at(const uint32_t *w, unsigned at, unsigned width)
{
    uint64_t x = w[at / 32] | (uint64_t)w[at / 32 + 1] << 32;
    return (uint32_t)(x >> at % 32) & ((UINT32_C(1) << width) - 1);
}

void ncr_fe25519_from_words(struct ncr_fe25519 *r, const uint64_t w[4])
{
    uint32_t u[9] = {0};
    unsigned at = 0;
    for (int i = 0; i < 4; i++) {
        u[2 * i] = (uint32_t)w[i];
        u[2 * i + 1] = (uint32_t)(w[i] >> 32);
    }
    for (int i = 0; i < 10; i++) {
        r->v[i] = fe25519_32_bits_at(u, at, fe25519_32_bits[i]);
        at += fe25519_32_bits[i];
    }
}

/* As in fe25519_64.c: after the carry x < 2^255 + 2^18 < 2p, q = floor((x + 19) / 2^255) is 1
 * exactly if x >= p, and x - qp = x + 19q - 2^255 q, whose last term the mask of the top limb
 * drops. */
void ncr_fe25519_to_words(uint64_t w[4], const struct ncr_fe25519 *a)
{
    struct ncr_fe25519 x;
    ncr_fe25519_carry(&x, a);
    uint32_t q = 19;
    for (int i = 0; i < 10; i++) {
        q = (x.v[i] + q) >> fe25519_32_bits[i];
    }
    uint32_t c = 19 * q;
    for (int i = 0; i < 10; i++) {
        c += x.v[i];
        x.v[i] = c & ((UINT32_C(1) << fe25519_32_bits[i]) - 1);
        c >>= fe25519_32_bits[i];
    }
    uint64_t y[5];
    for (int i = 0; i < 5; i++) {
        y[i] = x.v[2 * i] | (uint64_t)x.v[2 * i + 1] << 26;
    }
    w[0] = y[0] | y[1] << 51;
    w[1] = y[1] >> 13 | y[2] << 38;
    w[2] = y[2] >> 26 | y[3] << 25;
    w[3] = y[3] >> 39 | y[4] << 12;
}

#endif
