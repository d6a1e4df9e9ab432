/* SPDX-License-Identifier: ISC
 *
 * Arithmetic modulo p = 2^255 - 19 in 5 limbs of 51 bits; for machines with a 64 x 64 -> 128 bit
 * product. See fe25519.h for the interface, fe25519_32.c for the other representation.
 *
 * Bounds. Weight 1 is: every limb < 2^51 + 2^13. A limb of weight w <= 3 is then < 3 (2^51 + 2^13)
 * < 2^53. Wide is: every limb < 2^54. Operands of a product are therefore < 2^54 in each limb.
 */
#include "crypto/fe25519.h"

#if NCR_INT128

#define FE25519_64_MASK ((UINT64_C(1) << 51) - 1)

/* Limbs of weight 1 from the columns of a product.
 *
 * A column is a sum of products of limbs, those beyond 2^255 times 19. Column 0 is the largest: 1
 * plain and 4 folded products, t[0] < (1 + 4*19) 2^108 = 77 * 2^108, so its carry is < 77 * 2^57 <
 * 2^63.3 and fits a word. The next ones are < (2 + 3*19) 2^108 + 2^64 and less, so their carries do
 * too. The last column has no folded product: t[4] < 5 * 2^108 + 2^64, its carry is < 2^59.4, and
 * 19 times it is < 2^63.6. Added to limb 0, now < 2^51, that is < 2^64, and its carry into limb 1
 * is < 2^13. */
NCR_INLINE void fe25519_64_reduce(struct ncr_fe25519 *r, ncr_u128 t0, ncr_u128 t1, ncr_u128 t2,
                                  ncr_u128 t3, ncr_u128 t4)
{
    t1 += (uint64_t)(t0 >> 51);
    t2 += (uint64_t)(t1 >> 51);
    t3 += (uint64_t)(t2 >> 51);
    t4 += (uint64_t)(t3 >> 51);
    uint64_t r0 = ((uint64_t)t0 & FE25519_64_MASK) + 19 * (uint64_t)(t4 >> 51);
    r->v[0] = r0 & FE25519_64_MASK;
    r->v[1] = ((uint64_t)t1 & FE25519_64_MASK) + (r0 >> 51);
    r->v[2] = (uint64_t)t2 & FE25519_64_MASK;
    r->v[3] = (uint64_t)t3 & FE25519_64_MASK;
    r->v[4] = (uint64_t)t4 & FE25519_64_MASK;
}

/* 19 b < 19 * 2^54 < 2^58.3. */
void ncr_fe25519_mul(struct ncr_fe25519 *r, const struct ncr_fe25519 *a,
                     const struct ncr_fe25519 *b)
{
    const ncr_u128 a0 = a->v[0], a1 = a->v[1], a2 = a->v[2], a3 = a->v[3], a4 = a->v[4];
    const uint64_t b0 = b->v[0], b1 = b->v[1], b2 = b->v[2], b3 = b->v[3], b4 = b->v[4];
    const uint64_t c1 = 19 * b1, c2 = 19 * b2, c3 = 19 * b3, c4 = 19 * b4;
    ncr_u128 t0 = a0 * b0 + a1 * c4 + a2 * c3 + a3 * c2 + a4 * c1;
    ncr_u128 t1 = a0 * b1 + a1 * b0 + a2 * c4 + a3 * c3 + a4 * c2;
    ncr_u128 t2 = a0 * b2 + a1 * b1 + a2 * b0 + a3 * c4 + a4 * c3;
    ncr_u128 t3 = a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 + a4 * c4;
    ncr_u128 t4 = a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0;
    fe25519_64_reduce(r, t0, t1, t2, t3, t4);
}

/* The columns are those of mul with equal products taken together: 38 a < 38 * 2^54 < 2^59.3. */
void ncr_fe25519_sqn(struct ncr_fe25519 *r, const struct ncr_fe25519 *a, unsigned n)
{
    struct ncr_fe25519 x = *a;
    do {
        const ncr_u128 a0 = x.v[0], a1 = x.v[1], a2 = x.v[2], a3 = x.v[3], a4 = x.v[4];
        const uint64_t d0 = 2 * x.v[0], d1 = 2 * x.v[1], d2 = 38 * x.v[2];
        const uint64_t c3 = 19 * x.v[3], d4 = 38 * x.v[4], c4 = 19 * x.v[4];
        ncr_u128 t0 = a0 * x.v[0] + a1 * d4 + a3 * d2;
        ncr_u128 t1 = a1 * d0 + a2 * d4 + a3 * c3;
        ncr_u128 t2 = a2 * d0 + a1 * x.v[1] + a3 * d4;
        ncr_u128 t3 = a3 * d0 + a2 * d1 + a4 * c4;
        ncr_u128 t4 = a4 * d0 + a3 * d1 + a2 * x.v[2];
        fe25519_64_reduce(&x, t0, t1, t2, t3, t4);
    } while (--n > 0);
    *r = x;
}

/* Columns < 2^54 * 2^17 + 2^20. */
void ncr_fe25519_mul_small(struct ncr_fe25519 *r, const struct ncr_fe25519 *a, uint32_t c)
{
    const ncr_u128 k = c;
    fe25519_64_reduce(r, k * a->v[0], k * a->v[1], k * a->v[2], k * a->v[3], k * a->v[4]);
}

/* Carries out of limbs < 2^54 are at most 8, and 19 * 8 goes to limb 0: weight 1. */
void ncr_fe25519_carry(struct ncr_fe25519 *r, const struct ncr_fe25519 *a)
{
    uint64_t c = 0;
    for (int i = 0; i < 5; i++) {
        c += a->v[i];
        r->v[i] = c & FE25519_64_MASK;
        c >>= 51;
    }
    r->v[0] += 19 * c;
}

void ncr_fe25519_from_words(struct ncr_fe25519 *r, const uint64_t w[4])
{
    r->v[0] = w[0] & FE25519_64_MASK;
    r->v[1] = (w[0] >> 51 | w[1] << 13) & FE25519_64_MASK;
    r->v[2] = (w[1] >> 38 | w[2] << 26) & FE25519_64_MASK;
    r->v[3] = (w[2] >> 25 | w[3] << 39) & FE25519_64_MASK;
    r->v[4] = w[3] >> 12 & FE25519_64_MASK;
}

/* After the carry the value x is < 2^255 + 2^13 < 2p, so x mod p is x - qp with q = 1 if x >= p and
 * 0 otherwise, that is, q = floor((x + 19) / 2^255); and x - qp = x + 19q - 2^255 q, whose last
 * term the mask of the top limb drops. */
void ncr_fe25519_to_words(uint64_t w[4], const struct ncr_fe25519 *a)
{
    struct ncr_fe25519 x;
    ncr_fe25519_carry(&x, a);
    uint64_t q = 19;
    for (int i = 0; i < 5; i++) {
        q = (x.v[i] + q) >> 51;
    }
    uint64_t c = 19 * q;
    for (int i = 0; i < 5; i++) {
        c += x.v[i];
        x.v[i] = c & FE25519_64_MASK;
        c >>= 51;
    }
    w[0] = x.v[0] | x.v[1] << 51;
    w[1] = x.v[1] >> 13 | x.v[2] << 38;
    w[2] = x.v[2] >> 26 | x.v[3] << 25;
    w[3] = x.v[3] >> 39 | x.v[4] << 12;
}

#endif
