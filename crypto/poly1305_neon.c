/* SPDX-License-Identifier: ISC
 *
 * Poly1305 with NEON: four blocks side by side, one per 32-bit lane; the twin of poly1305_blocks in
 * poly1305.c, for many blocks.
 *
 * A number is five limbs of 26 bits, so that products of limbs can be added up in 64-bit lanes.
 * Lane j takes blocks j, j + 4, ... and is multiplied by r^4 between them; at the end it is
 * multiplied by r^(4-j), and the lanes are added up. Two groups of four go into one sum, the first
 * times r^8, the second times r^4, and share its carries. What is at 2^130 comes back multiplied
 * by 5.
 *
 * Why not 64-bit limbs: those take 10 multiplications of 64 bits a block, which many Arm cores
 * start every third or fourth cycle only, against 12.5 of these, which they start every cycle.
 * LLVM's models (llvm-mca of both loops) say 1.07 and 1.63 cycles per byte for Cortex-A57 and
 * A72, 1.95 and 3.0 for A55, 1.44 and 1.88 for TSV110, 0.39 and 1.38 for Exynos M5, and only for
 * ThunderX2 more, 1.72 and 1.50. CT in key and message; lengths leak.
 */
#include "crypto/fast.h"
#include "crypto/ct.h"
#include "crypto/load.h"

#if NCR_ARM
#include <arm_neon.h>

#define POLY1305_NEON_M26 0x3ffffff

/* What to multiply by: limbs r, and s[i] = 5 * r[i]; s[0] is not used. */
struct poly1305_neon_factor {
    uint32x4_t r[5], s[5];
};

/* Columns of a product: lanes 0 and 1, lanes 2 and 3. */
struct poly1305_neon_sum {
    uint64x2_t low[5], high[5];
};

/* Moves what column d[from] has above 26 bits to d[to]. */
NCR_INLINE void poly1305_neon_move(uint64x2_t d[5], unsigned from, unsigned to)
{
    uint64x2_t c = vshrq_n_u64(d[from], 26);
    d[from] = vandq_u64(d[from], vdupq_n_u64(POLY1305_NEON_M26));
    d[to] = vaddq_u64(d[to], c);
    if (to == 0) {
        d[to] = vaddq_u64(d[to], vshlq_n_u64(c, 2));
    }
}

/* All d < 2^59. What goes from 3 to 4, 0 to 1 and 1 to 2 is then less than 2^34, to 0 less than 5 *
 * 2^34, so that the second 0 to 1 is less than 2^11, as is the second 3 to 4. Afterwards all are
 * less than 2^26 + 2^11. */
NCR_INLINE void poly1305_neon_carry(uint64x2_t d[5])
{
    poly1305_neon_move(d, 3, 4);
    poly1305_neon_move(d, 0, 1);
    poly1305_neon_move(d, 4, 0);
    poly1305_neon_move(d, 1, 2);
    poly1305_neon_move(d, 2, 3);
    poly1305_neon_move(d, 0, 1);
    poly1305_neon_move(d, 3, 4);
}

/* d[i] += h * f[i]: limb j of h goes with limb i - j of r, or of s from the next round. */
NCR_INLINE void poly1305_neon_add_products(struct poly1305_neon_sum *d, const uint32x4_t h[5],
                                           const struct poly1305_neon_factor *f)
{
#pragma GCC unroll 5
    for (unsigned j = 0; j < 5; j++) {
#pragma GCC unroll 5
        for (unsigned i = 0; i < 5; i++) {
            uint32x4_t x = i >= j ? f->r[i - j] : f->s[i + 5 - j];
            d->low[i] = vmlal_u32(d->low[i], vget_low_u32(h[j]), vget_low_u32(x));
            d->high[i] = vmlal_high_u32(d->high[i], h[j], x);
        }
    }
}

NCR_INLINE void poly1305_neon_zero(struct poly1305_neon_sum *d)
{
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        d->low[i] = d->high[i] = vdupq_n_u64(0);
    }
}

NCR_INLINE void poly1305_neon_reduce(uint32x4_t h[5], struct poly1305_neon_sum *d)
{
    poly1305_neon_carry(d->low);
    poly1305_neon_carry(d->high);
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        h[i] = vcombine_u32(vmovn_u64(d->low[i]), vmovn_u64(d->high[i]));
    }
}

/* h = h * f, h a carried number plus a block (< 2^27 + 2^11), f a carried number (s < 5 * (2^26 +
 * 2^11) < 2^28.4): sums < 5 * 2^55.5 < 2^58. */
NCR_INLINE void poly1305_neon_multiply(uint32x4_t h[5], const struct poly1305_neon_factor *f)
{
    struct poly1305_neon_sum d;
    poly1305_neon_zero(&d);
    poly1305_neon_add_products(&d, h, f);
    poly1305_neon_reduce(h, &d);
}

static void poly1305_neon_factor(struct poly1305_neon_factor *f, const uint32x4_t r[5])
{
    for (unsigned i = 0; i < 5; i++) {
        f->r[i] = r[i];
        f->s[i] = vaddq_u32(r[i], vshlq_n_u32(r[i], 2));
    }
}

/* x = x * p in the lanes of the mask. */
static void poly1305_neon_multiply_some(uint32x4_t x[5], const uint32_t some[4],
                                        const uint32x4_t p[5])
{
    struct poly1305_neon_factor f;
    uint32x4_t q[5];
    for (unsigned i = 0; i < 5; i++) {
        q[i] = vbslq_u32(vld1q_u32(some), p[i], vdupq_n_u32(i == 0 ? 1 : 0));
    }
    poly1305_neon_factor(&f, q);
    poly1305_neon_multiply(x, &f);
}

/* The limbs of the numbers whose words are w; the top one is what is left. */
NCR_INLINE void poly1305_neon_split(uint32x4_t h[5], uint32x4_t w0, uint32x4_t w1, uint32x4_t w2,
                                    uint32x4_t w3)
{
    const uint32x4_t m26 = vdupq_n_u32(POLY1305_NEON_M26);
    h[0] = vandq_u32(w0, m26);
    h[1] = vandq_u32(vorrq_u32(vshrq_n_u32(w0, 26), vshlq_n_u32(w1, 6)), m26);
    h[2] = vandq_u32(vorrq_u32(vshrq_n_u32(w1, 20), vshlq_n_u32(w2, 12)), m26);
    h[3] = vandq_u32(vorrq_u32(vshrq_n_u32(w2, 14), vshlq_n_u32(w3, 18)), m26);
    h[4] = vshrq_n_u32(w3, 8);
}

/* f[0] = r^4 and f[1] = r^8 in each lane, last = r^(4-j) in lane j. */
static void poly1305_neon_powers(struct poly1305_neon_factor f[2],
                                 struct poly1305_neon_factor *last, const uint64_t r[2])
{
    /* after the first factor r, the exponents 3 - j in binary */
    static const uint32_t bit0[4] = {UINT32_MAX, 0, UINT32_MAX, 0};
    static const uint32_t bit1[4] = {UINT32_MAX, UINT32_MAX, 0, 0};
    static const uint32_t all[4] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    uint32x4_t p[5], x[5];
    poly1305_neon_split(p, vdupq_n_u32((uint32_t)r[0]), vdupq_n_u32((uint32_t)(r[0] >> 32)),
                        vdupq_n_u32((uint32_t)r[1]), vdupq_n_u32((uint32_t)(r[1] >> 32)));
    memcpy(x, p, sizeof x);
    poly1305_neon_multiply_some(x, bit0, p);
    poly1305_neon_multiply_some(p, all, p);
    poly1305_neon_multiply_some(x, bit1, p);
    poly1305_neon_multiply_some(p, all, p);
    poly1305_neon_factor(&f[0], p);
    poly1305_neon_factor(last, x);
    poly1305_neon_multiply_some(p, all, p);
    poly1305_neon_factor(&f[1], p);
    nacre_wipe(p, sizeof p);
    nacre_wipe(x, sizeof x);
}

/* Four blocks, each with 2^128 added. */
NCR_INLINE void poly1305_neon_load(uint32x4_t h[5], const uint8_t *m)
{
    /* a load of byte vectors, for m has any alignment, then words of the same place together */
    uint32x4_t b0 = vreinterpretq_u32_u8(vld1q_u8(m)), b1 = vreinterpretq_u32_u8(vld1q_u8(m + 16));
    uint32x4_t b2 = vreinterpretq_u32_u8(vld1q_u8(m + 32));
    uint32x4_t b3 = vreinterpretq_u32_u8(vld1q_u8(m + 48));
    uint32x4_t t0 = vzip1q_u32(b0, b2), t1 = vzip2q_u32(b0, b2);
    uint32x4_t t2 = vzip1q_u32(b1, b3), t3 = vzip2q_u32(b1, b3);
    poly1305_neon_split(h, vzip1q_u32(t0, t2), vzip2q_u32(t0, t2), vzip1q_u32(t1, t3),
                        vzip2q_u32(t1, t3));
    h[4] = vorrq_u32(h[4], vdupq_n_u32(1 << 24));
}

NCR_INLINE void poly1305_neon_add(uint32x4_t h[5], const uint8_t *m)
{
    uint32x4_t d[5];
    poly1305_neon_load(d, m);
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        h[i] = vaddq_u32(h[i], d[i]);
    }
}

/* h = h f[1] + (blocks 0 to 3) f[0] + blocks 4 to 7: sums < 5 * 2^55.5 + 5 * 2^54.4 < 2^59. */
NCR_INLINE void poly1305_neon_two(uint32x4_t h[5], const struct poly1305_neon_factor f[2],
                                  const uint8_t *m)
{
    struct poly1305_neon_sum d;
    uint32x4_t b[5];
    poly1305_neon_zero(&d);
    poly1305_neon_load(b, m);
    poly1305_neon_add_products(&d, b, &f[0]);
    poly1305_neon_add_products(&d, h, &f[1]);
    poly1305_neon_reduce(h, &d);
    poly1305_neon_add(h, m + 64);
}

/* h in lane 0, zero in the others; h[2] <= 4. */
static void poly1305_neon_start(uint32x4_t x[5], const uint64_t h[3])
{
    const uint32x4_t zero = vdupq_n_u32(0);
    poly1305_neon_split(
        x, vsetq_lane_u32((uint32_t)h[0], zero, 0), vsetq_lane_u32((uint32_t)(h[0] >> 32), zero, 0),
        vsetq_lane_u32((uint32_t)h[1], zero, 0), vsetq_lane_u32((uint32_t)(h[1] >> 32), zero, 0));
    x[4] = vaddq_u32(x[4], vsetq_lane_u32((uint32_t)h[2] << 24, zero, 0));
}

/* The sum of the lanes, as poly1305.c has it: out[2] <= 4. */
static void poly1305_neon_sum(uint64_t out[3], const uint32x4_t x[5])
{
    uint64_t t[5]; /* each t < 2^29 */
    for (unsigned i = 0; i < 5; i++) {
        t[i] = vaddlvq_u32(x[i]);
        if (i > 0) {
            t[i] += t[i - 1] >> 26;
            t[i - 1] &= POLY1305_NEON_M26;
        }
    }
    t[0] += 5 * (t[4] >> 26);
    t[4] &= POLY1305_NEON_M26;
    for (unsigned i = 1; i < 5; i++) {
        t[i] += t[i - 1] >> 26;
        t[i - 1] &= POLY1305_NEON_M26;
    }
    out[0] = t[0] | t[1] << 26 | t[2] << 52;
    out[1] = t[2] >> 12 | t[3] << 14 | t[4] << 40;
    out[2] = t[4] >> 24; /* t[4] <= 2^26 */
}

void ncr_poly1305_blocks_neon(uint64_t h[3], const uint64_t r[2], const uint8_t *m, size_t blocks)
{
    struct poly1305_neon_factor f[2], last;
    uint32x4_t x[5];
    poly1305_neon_powers(f, &last, r);
    poly1305_neon_start(x, h);
    poly1305_neon_add(x, m);
    for (blocks -= 4, m += 64; blocks >= 8; blocks -= 8, m += 128) {
        poly1305_neon_two(x, f, m);
    }
    if (blocks > 0) {
        poly1305_neon_multiply(x, &f[0]);
        poly1305_neon_add(x, m);
    }
    poly1305_neon_multiply(x, &last);
    poly1305_neon_sum(h, x);
    nacre_wipe(f, sizeof f);
    nacre_wipe(&last, sizeof last);
}
#endif
