/* SPDX-License-Identifier: ISC
 *
 * Poly1305 with AVX-512 IFMA: eight blocks side by side, one per 64-bit lane; the twin of
 * poly1305_blocks in poly1305.c, for many blocks.
 *
 * A number is three limbs of 44, 44 and 42 bits. Lane j takes blocks j, j + 8, ... and is
 * multiplied by r^8 between them; at the end it is multiplied by r^(8-j), and the lanes are added
 * up. Limbs at 2^132 = 4 * 2^130 come back multiplied by 20. The instructions multiply the low 52
 * bits of their operands and add the lower or the upper 52 bits of the product, of which the upper
 * weigh 2^52 = 2^8 * 2^44. CT in key and message; lengths leak.
 */
#include "crypto/fast.h"
#include "crypto/ct.h"
#include "crypto/load.h"

#if NCR_X86
#include <immintrin.h>

#define POLY1305_IFMA __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")))
#define POLY1305_IFMA_M44 (((uint64_t)1 << 44) - 1)
#define POLY1305_IFMA_M42 (((uint64_t)1 << 42) - 1)

/* What to multiply by: limbs r, and s1 = 20 * r[1], s2 = 20 * r[2]. */
struct poly1305_ifma_factor {
    __m512i r[3], s1, s2;
};

POLY1305_IFMA NCR_INLINE __m512i poly1305_ifma_word(uint64_t x)
{
    return _mm512_set1_epi64((long long)x);
}

POLY1305_IFMA NCR_INLINE __m512i poly1305_ifma_times20(__m512i x)
{
    return _mm512_add_epi64(_mm512_slli_epi64(x, 4), _mm512_slli_epi64(x, 2));
}

POLY1305_IFMA NCR_INLINE void poly1305_ifma_factor(struct poly1305_ifma_factor *f,
                                                   const __m512i r[3])
{
    f->r[0] = r[0], f->r[1] = r[1], f->r[2] = r[2];
    f->s1 = poly1305_ifma_times20(r[1]);
    f->s2 = poly1305_ifma_times20(r[2]);
}

/* h = lo + 2^52 * hi, carried. lo < 3 * 2^52, hi[0], hi[1] < 2^44, hi[2] < 2^39: so the carry out
 * of limb 2 is less than 2^49 + 2^13, five times that is less than 2^52, and what it makes limb 0
 * carry into limb 1 is less than 2^8. Afterwards h[0] < 2^44, h[1] < 2^44 + 2^8, h[2] < 2^42. */
POLY1305_IFMA NCR_INLINE void poly1305_ifma_carry(__m512i h[3], const __m512i lo[3],
                                                  const __m512i hi[3])
{
    const __m512i m44 = poly1305_ifma_word(POLY1305_IFMA_M44);
    const __m512i m42 = poly1305_ifma_word(POLY1305_IFMA_M42);
    __m512i d1 = _mm512_add_epi64(lo[1], _mm512_slli_epi64(hi[0], 8));
    __m512i d2 = _mm512_add_epi64(lo[2], _mm512_slli_epi64(hi[1], 8));
    d1 = _mm512_add_epi64(d1, _mm512_srli_epi64(lo[0], 44));
    d2 = _mm512_add_epi64(d2, _mm512_srli_epi64(d1, 44));
    __m512i c = _mm512_add_epi64(_mm512_srli_epi64(d2, 42), _mm512_slli_epi64(hi[2], 10));
    __m512i d0 = _mm512_add_epi64(_mm512_and_si512(lo[0], m44),
                                  _mm512_add_epi64(c, _mm512_slli_epi64(c, 2)));
    h[0] = _mm512_and_si512(d0, m44);
    h[1] = _mm512_add_epi64(_mm512_and_si512(d1, m44), _mm512_srli_epi64(d0, 44));
    h[2] = _mm512_and_si512(d2, m42);
}

/* h[0] * x + h[1] * y + h[2] * z, lower and upper parts of the products apart. */
POLY1305_IFMA NCR_INLINE void poly1305_ifma_dot(__m512i *lo, __m512i *hi, const __m512i h[3],
                                                __m512i x, __m512i y, __m512i z)
{
    const __m512i zero = _mm512_setzero_si512();
    *lo = _mm512_madd52lo_epu64(zero, h[0], x);
    *hi = _mm512_madd52hi_epu64(zero, h[0], x);
    *lo = _mm512_madd52lo_epu64(*lo, h[1], y);
    *hi = _mm512_madd52hi_epu64(*hi, h[1], y);
    *lo = _mm512_madd52lo_epu64(*lo, h[2], z);
    *hi = _mm512_madd52hi_epu64(*hi, h[2], z);
}

/* h = h * f, h a carried number plus a block (h[0], h[1] < 2^45 + 2^8, h[2] < 2^43), f a carried
 * number (s1 < 2^48.4, s2 < 2^46.4). Products with s are less than 2^91.5, others less than 2^89.1,
 * and those of limb 2 less than 2^87.1, 2^89.1, 2^87.1: so hi[0], hi[1] < 2^41 and hi[2] < 2^39. */
POLY1305_IFMA NCR_INLINE void poly1305_ifma_multiply(__m512i h[3],
                                                     const struct poly1305_ifma_factor *f)
{
    __m512i lo[3], hi[3];
    poly1305_ifma_dot(&lo[0], &hi[0], h, f->r[0], f->s2, f->s1);
    poly1305_ifma_dot(&lo[1], &hi[1], h, f->r[1], f->r[0], f->s2);
    poly1305_ifma_dot(&lo[2], &hi[2], h, f->r[2], f->r[1], f->r[0]);
    poly1305_ifma_carry(h, lo, hi);
}

/* x = x * p in the lanes of the mask. */
POLY1305_IFMA static void poly1305_ifma_multiply_some(__m512i x[3], __mmask8 some,
                                                      const __m512i p[3])
{
    struct poly1305_ifma_factor f;
    __m512i q[3];
    q[0] = _mm512_mask_mov_epi64(poly1305_ifma_word(1), some, p[0]);
    q[1] = _mm512_maskz_mov_epi64(some, p[1]);
    q[2] = _mm512_maskz_mov_epi64(some, p[2]);
    poly1305_ifma_factor(&f, q);
    poly1305_ifma_multiply(x, &f);
}

/* step = r^8 in each lane; last = r^(8-j) in the lane of block j, which blocks see to be in the
 * order 0 4 1 5 2 6 3 7: after the first factor r, 7 - j are 7 3 6 2 5 1 4 0. */
POLY1305_IFMA static void poly1305_ifma_powers(struct poly1305_ifma_factor *step,
                                               struct poly1305_ifma_factor *last,
                                               const uint64_t r[2])
{
    static const __mmask8 bits[3] = {0x33, 0x0f, 0x55};
    __m512i p[3], x[3];
    p[0] = x[0] = poly1305_ifma_word(r[0] & POLY1305_IFMA_M44);
    p[1] = x[1] = poly1305_ifma_word((r[0] >> 44 | r[1] << 20) & POLY1305_IFMA_M44);
    p[2] = x[2] = poly1305_ifma_word(r[1] >> 24);
    for (unsigned i = 0; i < 3; i++) {
        poly1305_ifma_multiply_some(x, bits[i], p);
        poly1305_ifma_multiply_some(p, 0xff, p);
    }
    poly1305_ifma_factor(step, p);
    poly1305_ifma_factor(last, x);
    nacre_wipe(p, sizeof p);
    nacre_wipe(x, sizeof x);
}

/* h = h + eight blocks, each with 2^128 added. */
POLY1305_IFMA NCR_INLINE void poly1305_ifma_add(__m512i h[3], const uint8_t *m)
{
    const __m512i m44 = poly1305_ifma_word(POLY1305_IFMA_M44);
    __m512i a = _mm512_loadu_si512(m), b = _mm512_loadu_si512(m + 64);
    __m512i low = _mm512_unpacklo_epi64(a, b), high = _mm512_unpackhi_epi64(a, b);
    __m512i middle = _mm512_or_si512(_mm512_srli_epi64(low, 44), _mm512_slli_epi64(high, 20));
    __m512i top =
        _mm512_or_si512(_mm512_srli_epi64(high, 24), poly1305_ifma_word((uint64_t)1 << 40));
    h[0] = _mm512_add_epi64(h[0], _mm512_and_si512(low, m44));
    h[1] = _mm512_add_epi64(h[1], _mm512_and_si512(middle, m44));
    h[2] = _mm512_add_epi64(h[2], top);
}

/* The sum of the lanes, as poly1305.c has it: h[2] <= 4. */
POLY1305_IFMA NCR_INLINE void poly1305_ifma_sum(uint64_t out[3], const __m512i h[3])
{
    uint64_t t0 = (uint64_t)_mm512_reduce_add_epi64(h[0]); /* each < 2^48 */
    uint64_t t1 = (uint64_t)_mm512_reduce_add_epi64(h[1]);
    uint64_t t2 = (uint64_t)_mm512_reduce_add_epi64(h[2]);
    t1 += t0 >> 44;
    t2 += t1 >> 44;
    t0 = (t0 & POLY1305_IFMA_M44) + 5 * (t2 >> 42);
    t1 = (t1 & POLY1305_IFMA_M44) + (t0 >> 44);
    t2 = (t2 & POLY1305_IFMA_M42) + (t1 >> 44); /* <= 2^42 */
    t0 &= POLY1305_IFMA_M44;
    t1 &= POLY1305_IFMA_M44;
    out[0] = t0 | t1 << 44;
    out[1] = t1 >> 20 | t2 << 24;
    out[2] = t2 >> 40;
}

POLY1305_IFMA void ncr_poly1305_blocks_ifma(uint64_t h[3], const uint64_t r[2], const uint8_t *m,
                                            size_t blocks)
{
    struct poly1305_ifma_factor f[2];
    __m512i x[3];
    poly1305_ifma_powers(&f[0], &f[1], r);
    x[0] = _mm512_maskz_set1_epi64(1, (long long)(h[0] & POLY1305_IFMA_M44));
    x[1] = _mm512_maskz_set1_epi64(1, (long long)((h[0] >> 44 | h[1] << 20) & POLY1305_IFMA_M44));
    x[2] = _mm512_maskz_set1_epi64(1, (long long)(h[1] >> 24 | h[2] << 40));
    poly1305_ifma_add(x, m);
    for (blocks -= 8, m += 128; blocks > 0; blocks -= 8, m += 128) {
        poly1305_ifma_multiply(x, &f[0]);
        poly1305_ifma_add(x, m);
    }
    poly1305_ifma_multiply(x, &f[1]);
    poly1305_ifma_sum(h, x);
    nacre_wipe(f, sizeof f);
}
#endif
