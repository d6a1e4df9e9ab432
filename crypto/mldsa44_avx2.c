/* SPDX-License-Identifier: ISC
 *
 * The transforms and products of ML-DSA-44 with AVX2, eight coefficients to a register: the twin of
 * those in mldsa44.c, which says what they do and why nothing overflows; each gives the same
 * numbers.
 *
 * Blocks of 16 coefficients and more are whole registers. For the smaller ones two registers
 * exchange halves, quarters or eighths, so that one holds the lower and one the upper coefficients
 * of all blocks; each exchange undoes itself. CT in all polynomials.
 */
#include "crypto/ct.h"
#include "crypto/fast.h"
#include "crypto/mldsa44.h"

#if NCR_X86
#include <immintrin.h>

#define MLDSA_AVX2 __attribute__((target("avx2")))
#define MLDSA_AVX2_Q 8380417
#define MLDSA_AVX2_MINUS_Q_INV (-58728449) /* -1/q mod 2^32 */
#define MLDSA_AVX2_SCALE 41978             /* R^2 / 256 mod q */

MLDSA_AVX2 NCR_INLINE __m256i mldsa_avx2_all(uint32_t x)
{
    return _mm256_set1_epi32((int)x);
}

/* The sums of products of the even and of the odd lanes, each divided by R modulo q. */
MLDSA_AVX2 NCR_INLINE __m256i mldsa_avx2_mont(__m256i even, __m256i odd)
{
    const __m256i q = _mm256_set1_epi32(MLDSA_AVX2_Q);
    const __m256i inv = _mm256_set1_epi32(MLDSA_AVX2_MINUS_Q_INV);
    __m256i m0 = _mm256_mul_epu32(even, inv), m1 = _mm256_mul_epu32(odd, inv);
    even = _mm256_add_epi64(even, _mm256_mul_epu32(m0, q));
    odd = _mm256_add_epi64(odd, _mm256_mul_epu32(m1, q));
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
}

/* a b / R, lane by lane. */
MLDSA_AVX2 NCR_INLINE __m256i mldsa_avx2_times(__m256i a, __m256i b)
{
    __m256i a1 = _mm256_srli_epi64(a, 32), b1 = _mm256_srli_epi64(b, 32);
    return mldsa_avx2_mont(_mm256_mul_epu32(a, b), _mm256_mul_epu32(a1, b1));
}

/* x < 2q reduced: x - q is larger than x, without a sign, exactly if x < q. */
MLDSA_AVX2 NCR_INLINE __m256i mldsa_avx2_reduce(__m256i x)
{
    return _mm256_min_epu32(x, _mm256_sub_epi32(x, _mm256_set1_epi32(MLDSA_AVX2_Q)));
}

MLDSA_AVX2 NCR_INLINE __m256i mldsa_avx2_load(const uint32_t *p)
{
    return _mm256_loadu_si256((const void *)p);
}

MLDSA_AVX2 NCR_INLINE void mldsa_avx2_store(uint32_t *p, __m256i x)
{
    _mm256_storeu_si256((void *)p, x);
}

/* A butterfly of mldsa_layer(). */
MLDSA_AVX2 NCR_INLINE void mldsa_avx2_step(__m256i *a, __m256i *b, __m256i zeta)
{
    __m256i t = mldsa_avx2_times(*b, zeta);
    *b = _mm256_sub_epi32(_mm256_add_epi32(*a, _mm256_set1_epi32(2 * MLDSA_AVX2_Q)), t);
    *a = _mm256_add_epi32(*a, t);
}

/* One of mldsa_inverse_layer() for blocks of 2 len coefficients. */
MLDSA_AVX2 NCR_INLINE void mldsa_avx2_back(__m256i *a, __m256i *b, __m256i zeta, uint32_t len)
{
    __m256i bound = mldsa_avx2_all(2 * len * MLDSA_AVX2_Q);
    __m256i t = _mm256_add_epi32(*b, _mm256_sub_epi32(bound, *a));
    *a = _mm256_add_epi32(*a, *b);
    *b = mldsa_avx2_times(t, zeta);
}

/* Sixteen coefficients in two registers: halves, quarters, eighths change places. */
MLDSA_AVX2 NCR_INLINE void mldsa_avx2_swap4(__m256i *a, __m256i *b)
{
    __m256i x = *a;
    *a = _mm256_permute2x128_si256(x, *b, 0x20);
    *b = _mm256_permute2x128_si256(x, *b, 0x31);
}

MLDSA_AVX2 NCR_INLINE void mldsa_avx2_swap2(__m256i *a, __m256i *b)
{
    __m256i x = *a;
    *a = _mm256_unpacklo_epi64(x, *b);
    *b = _mm256_unpackhi_epi64(x, *b);
}

MLDSA_AVX2 NCR_INLINE void mldsa_avx2_swap1(__m256i *a, __m256i *b)
{
    __m256i x = *a;
    *a = _mm256_blend_epi32(x, _mm256_slli_epi64(*b, 32), 0xaa);
    *b = _mm256_blend_epi32(_mm256_srli_epi64(x, 32), *b, 0xaa);
}

/* Constants from p on, in the order of the lanes. */
MLDSA_AVX2 NCR_INLINE __m256i mldsa_avx2_spread(const uint32_t *p, __m256i order)
{
    return _mm256_permutevar8x32_epi32(mldsa_avx2_load(p), order);
}

/* The layers of 4, 2 and 1 on 16 coefficients, block n of 16. */
MLDSA_AVX2 NCR_INLINE void mldsa_avx2_small(__m256i *a, __m256i *b, size_t n)
{
    const uint32_t *zetas = ncr_mldsa44_zetas;
    mldsa_avx2_swap4(a, b);
    mldsa_avx2_step(
        a, b, mldsa_avx2_spread(zetas + 32 + 2 * n, _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1)));
    mldsa_avx2_swap2(a, b);
    mldsa_avx2_step(
        a, b, mldsa_avx2_spread(zetas + 64 + 4 * n, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3)));
    mldsa_avx2_swap1(a, b);
    mldsa_avx2_step(a, b, mldsa_avx2_load(zetas + 128 + 8 * n));
    mldsa_avx2_swap1(a, b);
    mldsa_avx2_swap2(a, b);
    mldsa_avx2_swap4(a, b);
}

/* Back through the layers of 1, 2 and 4. Constants are taken from their ends backwards: loads end
 * with the one that comes first. */
MLDSA_AVX2 NCR_INLINE void mldsa_avx2_small_back(__m256i *a, __m256i *b, size_t n)
{
    const uint32_t *zetas = ncr_mldsa44_zetas;
    mldsa_avx2_swap4(a, b);
    mldsa_avx2_swap2(a, b);
    mldsa_avx2_swap1(a, b);
    mldsa_avx2_back(
        a, b, mldsa_avx2_spread(zetas + 248 - 8 * n, _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0)), 1);
    mldsa_avx2_swap1(a, b);
    mldsa_avx2_back(
        a, b, mldsa_avx2_spread(zetas + 120 - 4 * n, _mm256_setr_epi32(7, 7, 6, 6, 5, 5, 4, 4)), 2);
    mldsa_avx2_swap2(a, b);
    mldsa_avx2_back(
        a, b, mldsa_avx2_spread(zetas + 56 - 2 * n, _mm256_setr_epi32(7, 7, 7, 7, 6, 6, 6, 6)), 4);
    mldsa_avx2_swap4(a, b);
}

/* The layers of 128, 64 and 32: eight coefficients from a on, and those at each 32nd place. */
MLDSA_AVX2 static void mldsa_avx2_outer(uint32_t *a)
{
    __m256i v[8];
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; i++) {
        v[i] = mldsa_avx2_load(a + 32 * i);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        mldsa_avx2_step(&v[i], &v[i + 4], mldsa_avx2_all(ncr_mldsa44_zetas[1]));
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        mldsa_avx2_step(&v[i + i / 2 * 2], &v[i + i / 2 * 2 + 2],
                        mldsa_avx2_all(ncr_mldsa44_zetas[2 + i / 2]));
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        mldsa_avx2_step(&v[2 * i], &v[2 * i + 1], mldsa_avx2_all(ncr_mldsa44_zetas[4 + i]));
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; i++) {
        mldsa_avx2_store(a + 32 * i, v[i]);
    }
}

/* Back through the layers of 32, 64 and 128, and the end of the inverse. */
MLDSA_AVX2 static void mldsa_avx2_outer_back(uint32_t *a)
{
    __m256i v[8];
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; i++) {
        v[i] = mldsa_avx2_load(a + 32 * i);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        mldsa_avx2_back(&v[2 * i], &v[2 * i + 1], mldsa_avx2_all(ncr_mldsa44_zetas[7 - i]), 32);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        mldsa_avx2_back(&v[i + i / 2 * 2], &v[i + i / 2 * 2 + 2],
                        mldsa_avx2_all(ncr_mldsa44_zetas[3 - i / 2]), 64);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        mldsa_avx2_back(&v[i], &v[i + 4], mldsa_avx2_all(ncr_mldsa44_zetas[1]), 128);
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; i++) {
        v[i] = mldsa_avx2_times(v[i], _mm256_set1_epi32(MLDSA_AVX2_SCALE));
        mldsa_avx2_store(a + 32 * i, mldsa_avx2_reduce(v[i]));
    }
}

MLDSA_AVX2 void ncr_mldsa44_ntt_avx2(struct ncr_mldsa_poly *a)
{
    for (size_t i = 0; i < 32; i += 8) {
        mldsa_avx2_outer(a->c + i);
    }
    for (size_t n = 0; n < 8; n++) {
        uint32_t *p = a->c + 32 * n;
        __m256i v[4];
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++) {
            v[i] = mldsa_avx2_load(p + 8 * i);
        }
        mldsa_avx2_step(&v[0], &v[2], mldsa_avx2_all(ncr_mldsa44_zetas[8 + n]));
        mldsa_avx2_step(&v[1], &v[3], mldsa_avx2_all(ncr_mldsa44_zetas[8 + n]));
        mldsa_avx2_step(&v[0], &v[1], mldsa_avx2_all(ncr_mldsa44_zetas[16 + 2 * n]));
        mldsa_avx2_step(&v[2], &v[3], mldsa_avx2_all(ncr_mldsa44_zetas[17 + 2 * n]));
        mldsa_avx2_small(&v[0], &v[1], 2 * n);
        mldsa_avx2_small(&v[2], &v[3], 2 * n + 1);
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++) {
            mldsa_avx2_store(p + 8 * i, v[i]);
        }
    }
}

MLDSA_AVX2 void ncr_mldsa44_inverse_avx2(struct ncr_mldsa_poly *a)
{
    for (size_t n = 0; n < 8; n++) {
        uint32_t *p = a->c + 32 * n;
        __m256i v[4];
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++) {
            v[i] = mldsa_avx2_load(p + 8 * i);
        }
        mldsa_avx2_small_back(&v[0], &v[1], 2 * n);
        mldsa_avx2_small_back(&v[2], &v[3], 2 * n + 1);
        mldsa_avx2_back(&v[0], &v[1], mldsa_avx2_all(ncr_mldsa44_zetas[31 - 2 * n]), 8);
        mldsa_avx2_back(&v[2], &v[3], mldsa_avx2_all(ncr_mldsa44_zetas[30 - 2 * n]), 8);
        mldsa_avx2_back(&v[0], &v[2], mldsa_avx2_all(ncr_mldsa44_zetas[15 - n]), 16);
        mldsa_avx2_back(&v[1], &v[3], mldsa_avx2_all(ncr_mldsa44_zetas[15 - n]), 16);
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++) {
            mldsa_avx2_store(p + 8 * i, v[i]);
        }
    }
    for (size_t i = 0; i < 32; i += 8) {
        mldsa_avx2_outer_back(a->c + i);
    }
}

MLDSA_AVX2 void ncr_mldsa44_mul_avx2(struct ncr_mldsa_poly *r, const struct ncr_mldsa_poly *a,
                                     const struct ncr_mldsa_poly *b)
{
    for (size_t i = 0; i < NCR_MLDSA_N; i += 8) {
        __m256i x = mldsa_avx2_load(a->c + i), y = mldsa_avx2_load(b->c + i);
        mldsa_avx2_store(r->c + i, mldsa_avx2_times(x, y));
    }
}

MLDSA_AVX2 void ncr_mldsa44_dot_avx2(struct ncr_mldsa_poly *r, const struct ncr_mldsa_poly *row,
                                     const struct ncr_mldsa_poly *v)
{
    for (size_t i = 0; i < NCR_MLDSA_N; i += 8) {
        __m256i even = _mm256_setzero_si256(), odd = even;
        for (size_t j = 0; j < 4; j++) {
            __m256i x = mldsa_avx2_load(row[j].c + i), y = mldsa_avx2_load(v[j].c + i);
            __m256i x1 = _mm256_srli_epi64(x, 32), y1 = _mm256_srli_epi64(y, 32);
            even = _mm256_add_epi64(even, _mm256_mul_epu32(x, y));
            odd = _mm256_add_epi64(odd, _mm256_mul_epu32(x1, y1));
        }
        mldsa_avx2_store(r->c + i, mldsa_avx2_mont(even, odd));
    }
}
#endif
