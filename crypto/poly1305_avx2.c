/* SPDX-License-Identifier: ISC
 *
 * Poly1305 with AVX2: four blocks side by side, one per 64-bit lane; the twin of poly1305_blocks in
 * poly1305.c, for many blocks.
 *
 * A number is five limbs of 26 bits, so that products of 32-bit halves of lanes can be added up.
 * Lane j takes blocks j, j + 4, ... and is multiplied by r^4 between them; at the end it is
 * multiplied by r^(4-j), and the lanes are added up. What is at 2^130 comes back multiplied by 5.
 * CT in key and message; lengths leak.
 */
#include "crypto/fast.h"
#include "crypto/ct.h"
#include "crypto/load.h"

#if NCR_X86
#include <immintrin.h>

#define POLY1305_AVX2 __attribute__((target("avx2")))
#define POLY1305_AVX2_M26 0x3ffffff

/* What to multiply by: limbs r, and s[i] = 5 * r[i]; s[0] is not used. */
struct poly1305_avx2_factor {
    __m256i r[5], s[5];
};

POLY1305_AVX2 NCR_INLINE __m256i poly1305_avx2_word(uint64_t x)
{
    return _mm256_set1_epi64x((long long)x);
}

POLY1305_AVX2 NCR_INLINE __m256i poly1305_avx2_times5(__m256i x)
{
    return _mm256_add_epi64(x, _mm256_slli_epi64(x, 2));
}

/* Moves what limb d[from] has above 26 bits to d[to]. */
POLY1305_AVX2 NCR_INLINE void poly1305_avx2_move(__m256i d[5], unsigned from, unsigned to)
{
    __m256i c = _mm256_srli_epi64(d[from], 26);
    d[from] = _mm256_and_si256(d[from], poly1305_avx2_word(POLY1305_AVX2_M26));
    d[to] = _mm256_add_epi64(d[to], to == 0 ? poly1305_avx2_times5(c) : c);
}

/* All d < 2^58. What goes from 3 to 4, 0 to 1 and 1 to 2 is then less than 2^33, to 0 less than 5 *
 * 2^33, so that the second 0 to 1 is less than 2^10, as is the second 3 to 4. Afterwards all are
 * less than 2^26 + 2^10. */
POLY1305_AVX2 NCR_INLINE void poly1305_avx2_carry(__m256i d[5])
{
    poly1305_avx2_move(d, 3, 4);
    poly1305_avx2_move(d, 0, 1);
    poly1305_avx2_move(d, 4, 0);
    poly1305_avx2_move(d, 1, 2);
    poly1305_avx2_move(d, 2, 3);
    poly1305_avx2_move(d, 0, 1);
    poly1305_avx2_move(d, 3, 4);
}

/* A sum of five products, h[i] with the factor at f[i]. */
POLY1305_AVX2 NCR_INLINE __m256i poly1305_avx2_dot(const __m256i h[5], __m256i f0, __m256i f1,
                                                   __m256i f2, __m256i f3, __m256i f4)
{
    __m256i a = _mm256_add_epi64(_mm256_mul_epu32(h[0], f0), _mm256_mul_epu32(h[1], f1));
    __m256i b = _mm256_add_epi64(_mm256_mul_epu32(h[2], f2), _mm256_mul_epu32(h[3], f3));
    return _mm256_add_epi64(_mm256_add_epi64(a, b), _mm256_mul_epu32(h[4], f4));
}

/* h = h * f, h a carried number plus a block (< 2^27 + 2^10), f a carried number (s < 5 * (2^26 +
 * 2^10) < 2^28.4): sums < 5 * 2^55.5 < 2^58. */
POLY1305_AVX2 NCR_INLINE void poly1305_avx2_multiply(__m256i h[5],
                                                     const struct poly1305_avx2_factor *f)
{
    const __m256i *r = f->r, *s = f->s;
    __m256i d[5];
    d[0] = poly1305_avx2_dot(h, r[0], s[4], s[3], s[2], s[1]);
    d[1] = poly1305_avx2_dot(h, r[1], r[0], s[4], s[3], s[2]);
    d[2] = poly1305_avx2_dot(h, r[2], r[1], r[0], s[4], s[3]);
    d[3] = poly1305_avx2_dot(h, r[3], r[2], r[1], r[0], s[4]);
    d[4] = poly1305_avx2_dot(h, r[4], r[3], r[2], r[1], r[0]);
    poly1305_avx2_carry(d);
    h[0] = d[0], h[1] = d[1], h[2] = d[2], h[3] = d[3], h[4] = d[4];
}

POLY1305_AVX2 NCR_INLINE void poly1305_avx2_factor(struct poly1305_avx2_factor *f,
                                                   const __m256i r[5])
{
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        f->r[i] = r[i];
        f->s[i] = poly1305_avx2_times5(r[i]);
    }
}

/* x = x * p in the lanes of the mask. */
POLY1305_AVX2 static void poly1305_avx2_multiply_some(__m256i x[5], __m256i some,
                                                      const __m256i p[5])
{
    struct poly1305_avx2_factor f;
    __m256i q[5];
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        q[i] = _mm256_blendv_epi8(poly1305_avx2_word(i == 0 ? 1 : 0), p[i], some);
    }
    poly1305_avx2_factor(&f, q);
    poly1305_avx2_multiply(x, &f);
}

/* The 26 bits of low + 2^64 * high from bit 26 * i on, and what is left for i = 4. */
POLY1305_AVX2 NCR_INLINE void poly1305_avx2_split(__m256i h[5], __m256i low, __m256i high)
{
    const __m256i m26 = poly1305_avx2_word(POLY1305_AVX2_M26);
    __m256i middle = _mm256_or_si256(_mm256_srli_epi64(low, 52), _mm256_slli_epi64(high, 12));
    h[0] = _mm256_and_si256(low, m26);
    h[1] = _mm256_and_si256(_mm256_srli_epi64(low, 26), m26);
    h[2] = _mm256_and_si256(middle, m26);
    h[3] = _mm256_and_si256(_mm256_srli_epi64(high, 14), m26);
    h[4] = _mm256_srli_epi64(high, 40);
}

/* step = r^4 in each lane; last = r^(4-j) in the lane of block j, which blocks see to be in the
 * order 0 2 1 3: after the first factor r, 3 - j are 3 1 2 0. */
POLY1305_AVX2 static void poly1305_avx2_powers(struct poly1305_avx2_factor *step,
                                               struct poly1305_avx2_factor *last,
                                               const uint64_t r[2])
{
    const __m256i bit0 = _mm256_setr_epi64x(-1, -1, 0, 0), bit1 = _mm256_setr_epi64x(-1, 0, -1, 0);
    const __m256i all = _mm256_set1_epi64x(-1);
    __m256i p[5], x[5];
    poly1305_avx2_split(p, poly1305_avx2_word(r[0]), poly1305_avx2_word(r[1]));
    memcpy(x, p, sizeof x);
    poly1305_avx2_multiply_some(x, bit0, p);
    poly1305_avx2_multiply_some(p, all, p);
    poly1305_avx2_multiply_some(x, bit1, p);
    poly1305_avx2_multiply_some(p, all, p);
    poly1305_avx2_factor(step, p);
    poly1305_avx2_factor(last, x);
    nacre_wipe(p, sizeof p);
    nacre_wipe(x, sizeof x);
}

/* h = h + four blocks, each with 2^128 added. */
POLY1305_AVX2 NCR_INLINE void poly1305_avx2_add(__m256i h[5], const uint8_t *m)
{
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)m), d[5];
    __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(m + 32));
    poly1305_avx2_split(d, _mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    d[4] = _mm256_or_si256(d[4], poly1305_avx2_word(1 << 24));
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        h[i] = _mm256_add_epi64(h[i], d[i]);
    }
}

/* h in the lane of block 0, zero in the others. */
POLY1305_AVX2 NCR_INLINE void poly1305_avx2_start(__m256i x[5], const uint64_t h[3])
{
    poly1305_avx2_split(x, _mm256_setr_epi64x((long long)h[0], 0, 0, 0),
                        _mm256_setr_epi64x((long long)h[1], 0, 0, 0));
    x[4] = _mm256_add_epi64(x[4], _mm256_setr_epi64x((long long)(h[2] << 24), 0, 0, 0));
}

/* The sum of the lanes, as poly1305.c has it: out[2] <= 4. */
POLY1305_AVX2 NCR_INLINE void poly1305_avx2_sum(uint64_t out[3], const __m256i x[5])
{
    uint64_t w[5][4], t[5]; /* each t < 2^29 */
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        _mm256_storeu_si256((__m256i *)(void *)w[i], x[i]);
    }
    for (unsigned i = 0; i < 5; i++) {
        t[i] = w[i][0] + w[i][1] + w[i][2] + w[i][3];
        if (i > 0) {
            t[i] += t[i - 1] >> 26;
            t[i - 1] &= POLY1305_AVX2_M26;
        }
    }
    t[0] += 5 * (t[4] >> 26);
    t[4] &= POLY1305_AVX2_M26;
    for (unsigned i = 1; i < 5; i++) {
        t[i] += t[i - 1] >> 26;
        t[i - 1] &= POLY1305_AVX2_M26;
    }
    out[0] = t[0] | t[1] << 26 | t[2] << 52;
    out[1] = t[2] >> 12 | t[3] << 14 | t[4] << 40;
    out[2] = t[4] >> 24; /* t[4] <= 2^26 */
    nacre_wipe(w, sizeof w);
}

POLY1305_AVX2 void ncr_poly1305_blocks_avx2(uint64_t h[3], const uint64_t r[2], const uint8_t *m,
                                            size_t blocks)
{
    struct poly1305_avx2_factor f[2];
    __m256i x[5];
    poly1305_avx2_powers(&f[0], &f[1], r);
    poly1305_avx2_start(x, h);
    poly1305_avx2_add(x, m);
    for (blocks -= 4, m += 64; blocks > 0; blocks -= 4, m += 64) {
        poly1305_avx2_multiply(x, &f[0]);
        poly1305_avx2_add(x, m);
    }
    poly1305_avx2_multiply(x, &f[1]);
    poly1305_avx2_sum(h, x);
    nacre_wipe(f, sizeof f);
}
#endif
