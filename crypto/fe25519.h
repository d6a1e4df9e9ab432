/* SPDX-License-Identifier: ISC
 *
 * Arithmetic modulo p = 2^255 - 19, constant-time.
 *
 * One interface, two representations, chosen by NCR_INT128: fe25519_64.c has 5 limbs of 51 bits and
 * needs a 64 x 64 -> 128 bit product, fe25519_32.c has 10 limbs of 26 and 25 bits and needs 32 x 32
 * ->
 * 64. What does not depend on the representation is in fe25519.c.
 *
 * Limbs are unsigned and carry slack, so that sums need no carry. How much is counted in weights:
 * a product, a square, or what was just decoded or carried has weight 1, a sum has the sum of the
 * weights of its terms, at most 3, and a difference is "wide". Each function says what it takes;
 * both files prove that nothing overflows as long as that is kept. Every function may be given
 * its output as an input.
 */
#ifndef NCR_FE25519_H
#define NCR_FE25519_H

#include <stdint.h>
#include "crypto/ct.h"

#if NCR_INT128
#define NCR_FE25519_LIMBS 5
typedef uint64_t ncr_fe25519_limb;
#else
#define NCR_FE25519_LIMBS 10
typedef uint32_t ncr_fe25519_limb;
#endif

struct ncr_fe25519 {
    ncr_fe25519_limb v[NCR_FE25519_LIMBS]; /* little-endian */
};

/* ---- By representation: fe25519_64.c, fe25519_32.c --------------------------------------- */

/* r = a b. Any weight up to 3 or wide, both. Result of weight 1, as in all that follow. */
void ncr_fe25519_mul(struct ncr_fe25519 *r, const struct ncr_fe25519 *a,
                     const struct ncr_fe25519 *b);
/* r = a^(2^n), n >= 1 public. a as for mul. */
void ncr_fe25519_sqn(struct ncr_fe25519 *r, const struct ncr_fe25519 *a, unsigned n);
/* r = c a for c < 2^17. a as for mul. */
void ncr_fe25519_mul_small(struct ncr_fe25519 *r, const struct ncr_fe25519 *a, uint32_t c);
/* r = a with weight 1. a as for mul. */
void ncr_fe25519_carry(struct ncr_fe25519 *r, const struct ncr_fe25519 *a);
/* The number w[0] + 2^64 w[1] + 2^128 w[2] + 2^192 w[3] without its bit 255; may be p and over. */
void ncr_fe25519_from_words(struct ncr_fe25519 *r, const uint64_t w[4]);
/* The number below p that is congruent to a, in words as above. a as for mul. */
void ncr_fe25519_to_words(uint64_t w[4], const struct ncr_fe25519 *a);

/* ---- For both: fe25519.c ----------------------------------------------------------------- */

/* 32 little-endian bytes of which bit 255 is ignored; 2^255 - 19 and over are reduced. */
void ncr_fe25519_decode(struct ncr_fe25519 *r, const uint8_t s[32]);
/* The canonical encoding: below p, bit 255 clear. */
void ncr_fe25519_encode(uint8_t s[32], const struct ncr_fe25519 *a);
/* r = 1/a, and 0 for 0. a as for mul. */
void ncr_fe25519_invert(struct ncr_fe25519 *r, const struct ncr_fe25519 *a);
/* r = a^((p - 5) / 8), for square roots. a as for mul. */
void ncr_fe25519_pow_p58(struct ncr_fe25519 *r, const struct ncr_fe25519 *a);
/* Mask of a = 0 modulo p. a as for mul. */
uint64_t ncr_fe25519_mask_zero(const struct ncr_fe25519 *a);
/* The lowest bit of the canonical encoding, "negative" in RFC 8032. a as for mul. */
uint64_t ncr_fe25519_low_bit(const struct ncr_fe25519 *a);

static inline void ncr_fe25519_sq(struct ncr_fe25519 *r, const struct ncr_fe25519 *a)
{
    ncr_fe25519_sqn(r, a, 1);
}

/* r = c, below 2^25. */
static inline void ncr_fe25519_set(struct ncr_fe25519 *r, uint32_t c)
{
    const struct ncr_fe25519 zero = {{0}};
    *r = zero;
    r->v[0] = c;
}

/* r = a + b; the weights add up, to at most 3. */
static inline void ncr_fe25519_add(struct ncr_fe25519 *r, const struct ncr_fe25519 *a,
                                   const struct ncr_fe25519 *b)
{
    for (int i = 0; i < NCR_FE25519_LIMBS; i++) {
        r->v[i] = a->v[i] + b->v[i];
    }
}

/* The wide r = a - b; a of weight up to 3, b up to 2. */
#if NCR_INT128
/* It is a + 4p - b: the limbs of 4p are 2^53 - 76 and 2^53 - 4, those of b at most 2 (2^51 + 2^13),
 * so that nothing goes below 0; and 3 (2^51 + 2^13) + 2^53 < 2^54. */
static inline void ncr_fe25519_sub(struct ncr_fe25519 *r, const struct ncr_fe25519 *a,
                                   const struct ncr_fe25519 *b)
{
    r->v[0] = a->v[0] + ((UINT64_C(1) << 53) - 76) - b->v[0];
    for (int i = 1; i < NCR_FE25519_LIMBS; i++) {
        r->v[i] = a->v[i] + ((UINT64_C(1) << 53) - 4) - b->v[i];
    }
}
#else
void ncr_fe25519_32_sub(struct ncr_fe25519 *r, const struct ncr_fe25519 *a,
                        const struct ncr_fe25519 *b);
static inline void ncr_fe25519_sub(struct ncr_fe25519 *r, const struct ncr_fe25519 *a,
                                   const struct ncr_fe25519 *b)
{
    ncr_fe25519_32_sub(r, a, b);
}
#endif

/* r = a where mask is ones, unchanged where it is zeros. CT in mask, which has passed a barrier. */
static inline void ncr_fe25519_cmov(struct ncr_fe25519 *r, const struct ncr_fe25519 *a,
                                    uint64_t mask)
{
    for (int i = 0; i < NCR_FE25519_LIMBS; i++) {
        r->v[i] ^= (ncr_fe25519_limb)mask & (r->v[i] ^ a->v[i]);
    }
}

/* Exchanges a and b where mask is ones. CT in mask, which has passed a barrier. */
static inline void ncr_fe25519_cswap(struct ncr_fe25519 *a, struct ncr_fe25519 *b, uint64_t mask)
{
    for (int i = 0; i < NCR_FE25519_LIMBS; i++) {
        ncr_fe25519_limb x = (ncr_fe25519_limb)mask & (a->v[i] ^ b->v[i]);
        a->v[i] ^= x;
        b->v[i] ^= x;
    }
}

#endif
