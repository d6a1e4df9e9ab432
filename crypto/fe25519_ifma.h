/* SPDX-License-Identifier: ISC
 *
 * Arithmetic modulo p = 2^255 - 19 with AVX-512 IFMA, four numbers side by side, one per 64-bit
 * lane: what x25519_ifma.c and ge25519_ifma.c are made of. Constant-time.
 *
 * A number is five limbs of 51 bits as in fe25519_64.c, and a vector holds one limb each of four
 * numbers. The instructions multiply the low 52 bits of their operands and add the lower or the
 * upper 52 bits of the product, of which the upper weigh 2^52 = 2 * 2^51.
 *
 * Bounds. "Carried" is: every limb < 2^51 + 2^16. In a product, one operand is carried and the
 * other has limbs < 2^52. A column is the sum of at most five lower parts < 2^52 and twice five
 * upper parts < 2^51 + 2^16, together < 2^55.33, and of one carried limb of an addend; and, for
 * what is over 2^255 comes back 19 times, 20 of these are < 2^59.73. That is "wide".
 */
#ifndef NCR_FE25519_IFMA_H
#define NCR_FE25519_IFMA_H

#include <stdint.h>
#include "crypto/cpu.h"
#include "crypto/ct.h"

#if NCR_X86 && NCR_INT128
#include <immintrin.h>

#define NCR_IFMA __attribute__((target("avx2,avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")))
#define NCR_FE25519X4_MASK ((UINT64_C(1) << 51) - 1)

/* Four numbers, limb by limb. */
struct ncr_fe25519x4 {
    __m256i v[5];
};

NCR_IFMA NCR_INLINE __m256i ncr_ifma_word(uint64_t x)
{
    return _mm256_set1_epi64x((long long)x);
}

/* The lanes of b at these places, in all limbs. */
NCR_IFMA NCR_INLINE struct ncr_fe25519x4 ncr_fe25519x4_places(const struct ncr_fe25519x4 *b,
                                                              __m256i places)
{
    struct ncr_fe25519x4 r;
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        r.v[i] = _mm256_permutexvar_epi64(places, b->v[i]);
    }
    return r;
}

/* a, but b in the lanes of the mask. */
NCR_IFMA NCR_INLINE struct ncr_fe25519x4
ncr_fe25519x4_blend(const struct ncr_fe25519x4 *a, const struct ncr_fe25519x4 *b, __mmask8 lanes)
{
    struct ncr_fe25519x4 r;
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        r.v[i] = _mm256_mask_mov_epi64(a->v[i], lanes, b->v[i]);
    }
    return r;
}

/* r = r + b in the lanes of plus, r - b + 2^9 p in the lanes of minus, for wide b: adds less than
 * 2^60, and does not go below 0. */
NCR_IFMA NCR_INLINE void ncr_fe25519x4_add_sub(struct ncr_fe25519x4 *r,
                                               const struct ncr_fe25519x4 *b, __mmask8 plus,
                                               __mmask8 minus)
{
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        const uint64_t p = i == 0 ? NCR_FE25519X4_MASK - 18 : NCR_FE25519X4_MASK;
        __m256i x = _mm256_maskz_mov_epi64(plus, b->v[i]);
        x = _mm256_mask_sub_epi64(x, minus, ncr_ifma_word(p << 9), b->v[i]);
        r->v[i] = _mm256_add_epi64(r->v[i], x);
    }
}

/* Carries limbs < 2^62.75, all at once: they become < 2^51 + 2^11.75, but for the lowest, < 2^51 +
 * 19 * 2^11.75 < 2^51 + 2^16. From wide limbs it is < 2^51 + 19 * 2^8.73 < 2^51 + 2^13: weight 1 in
 * the sense of fe25519.h. */
NCR_IFMA NCR_INLINE void ncr_fe25519x4_carry(struct ncr_fe25519x4 *r)
{
    const __m256i mask = ncr_ifma_word(NCR_FE25519X4_MASK);
    __m256i c[5];
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        c[i] = _mm256_srli_epi64(r->v[i], 51);
        r->v[i] = _mm256_and_si256(r->v[i], mask);
    }
    r->v[0] = _mm256_madd52lo_epu64(r->v[0], c[4], ncr_ifma_word(19));
#pragma GCC unroll 4
    for (unsigned i = 1; i < 5; i++) {
        r->v[i] = _mm256_add_epi64(r->v[i], c[i - 1]);
    }
}

/* lo + 2 hi, the sum of a column. */
NCR_IFMA NCR_INLINE __m256i ncr_ifma_column(__m256i lo, __m256i hi)
{
    return _mm256_add_epi64(_mm256_add_epi64(lo, hi), hi);
}

/* lo + 19 hi */
NCR_IFMA NCR_INLINE __m256i ncr_ifma_fold(__m256i lo, __m256i hi)
{
    const __m256i a = _mm256_add_epi64(_mm256_slli_epi64(hi, 1), _mm256_slli_epi64(hi, 4));
    return _mm256_add_epi64(_mm256_add_epi64(lo, hi), a);
}

/* r = a b + c, wide; c is carried. */
NCR_IFMA NCR_INLINE void ncr_fe25519x4_mul_add(struct ncr_fe25519x4 *r,
                                               const struct ncr_fe25519x4 *a,
                                               const struct ncr_fe25519x4 *b,
                                               const struct ncr_fe25519x4 *c)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i lo[10], hi[10];
#pragma GCC unroll 10
    for (unsigned i = 0; i < 10; i++) {
        lo[i] = i < 5 ? c->v[i] : zero;
        hi[i] = zero;
    }
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
#pragma GCC unroll 5
        for (unsigned j = 0; j < 5; j++) {
            lo[i + j] = _mm256_madd52lo_epu64(lo[i + j], a->v[i], b->v[j]);
            hi[i + j + 1] = _mm256_madd52hi_epu64(hi[i + j + 1], a->v[i], b->v[j]);
        }
    }
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        r->v[i] =
            ncr_ifma_fold(ncr_ifma_column(lo[i], hi[i]), ncr_ifma_column(lo[i + 5], hi[i + 5]));
    }
}

/* r = a b, wide. */
NCR_IFMA NCR_INLINE void ncr_fe25519x4_mul(struct ncr_fe25519x4 *r, const struct ncr_fe25519x4 *a,
                                           const struct ncr_fe25519x4 *b)
{
    const __m256i zero = _mm256_setzero_si256();
    const struct ncr_fe25519x4 none = {{zero, zero, zero, zero, zero}};
    ncr_fe25519x4_mul_add(r, a, b, &none);
}

#endif
#endif
