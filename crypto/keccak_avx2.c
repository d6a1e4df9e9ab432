/* SPDX-License-Identifier: ISC
 *
 * Keccak-f[1600] on four states with AVX2: one state per 64-bit lane of a register; the twin of
 * keccak.c, which says what a round is.
 *
 * 25 lanes do not fit 16 registers: a round reads one array of lanes and writes another. Of what
 * the compiler spills beside them nothing can be said. CT in all of it.
 */
#include "crypto/ct.h"
#include "crypto/fast.h"
#include "crypto/keccak.h"

#if NCR_X86
#include <immintrin.h>

#define KECCAK_AVX2 __attribute__((target("avx2")))

KECCAK_AVX2 NCR_INLINE __m256i keccak_avx2_xor(__m256i a, __m256i b)
{
    return _mm256_xor_si256(a, b);
}

/* Rotated to the left by n, a constant; a multiple of 8 is a shuffle of bytes. */
KECCAK_AVX2 NCR_INLINE __m256i keccak_avx2_rotl(__m256i x, int n)
{
    if (n == 8) {
        return _mm256_shuffle_epi8(x, _mm256_setr_epi8(7, 0, 1, 2, 3, 4, 5, 6, 15, 8, 9, 10, 11, 12,
                                                       13, 14, 7, 0, 1, 2, 3, 4, 5, 6, 15, 8, 9, 10,
                                                       11, 12, 13, 14));
    }
    if (n == 56) {
        return _mm256_shuffle_epi8(x, _mm256_setr_epi8(1, 2, 3, 4, 5, 6, 7, 0, 9, 10, 11, 12, 13,
                                                       14, 15, 8, 1, 2, 3, 4, 5, 6, 7, 0, 9, 10, 11,
                                                       12, 13, 14, 15, 8));
    }
    return _mm256_or_si256(_mm256_slli_epi64(x, n), _mm256_srli_epi64(x, 64 - n));
}

KECCAK_AVX2 NCR_INLINE __m256i keccak_avx2_load(const uint64_t lane[4])
{
    return _mm256_loadu_si256((const __m256i *)(const void *)lane);
}

KECCAK_AVX2 NCR_INLINE __m256i keccak_avx2_column(uint64_t a[25][4], unsigned x)
{
    __m256i low = keccak_avx2_xor(keccak_avx2_load(a[x]), keccak_avx2_load(a[x + 5]));
    __m256i high = keccak_avx2_xor(keccak_avx2_load(a[x + 15]), keccak_avx2_load(a[x + 20]));
    return keccak_avx2_xor(keccak_avx2_xor(low, keccak_avx2_load(a[x + 10])), high);
}

/* chi on one lane of a row, FIPS 202 section 3.2.4. */
KECCAK_AVX2 NCR_INLINE void keccak_avx2_chi1(uint64_t lane[4], __m256i b0, __m256i b1, __m256i b2)
{
    __m256i x = keccak_avx2_xor(b0, _mm256_andnot_si256(b1, b2));
    _mm256_storeu_si256((__m256i *)(void *)lane, x);
}

KECCAK_AVX2 NCR_INLINE void keccak_avx2_chi(uint64_t row[5][4], __m256i b0, __m256i b1, __m256i b2,
                                            __m256i b3, __m256i b4)
{
    keccak_avx2_chi1(row[0], b0, b1, b2);
    keccak_avx2_chi1(row[1], b1, b2, b3);
    keccak_avx2_chi1(row[2], b2, b3, b4);
    keccak_avx2_chi1(row[3], b3, b4, b0);
    keccak_avx2_chi1(row[4], b4, b0, b1);
}

/* theta and rho on one lane: pi is in the choice of the lane. */
KECCAK_AVX2 NCR_INLINE __m256i keccak_avx2_lane(const uint64_t a[4], __m256i d, int n)
{
    __m256i x = keccak_avx2_xor(keccak_avx2_load(a), d);
    return n == 0 ? x : keccak_avx2_rotl(x, n);
}

/* out = one round of a. */
KECCAK_AVX2 static void keccak_avx2_round(uint64_t out[25][4], uint64_t a[25][4], uint64_t rc)
{
    __m256i c0 = keccak_avx2_column(a, 0), c1 = keccak_avx2_column(a, 1);
    __m256i c2 = keccak_avx2_column(a, 2), c3 = keccak_avx2_column(a, 3);
    __m256i c4 = keccak_avx2_column(a, 4);
    __m256i d0 = keccak_avx2_xor(c4, keccak_avx2_rotl(c1, 1));
    __m256i d1 = keccak_avx2_xor(c0, keccak_avx2_rotl(c2, 1));
    __m256i d2 = keccak_avx2_xor(c1, keccak_avx2_rotl(c3, 1));
    __m256i d3 = keccak_avx2_xor(c2, keccak_avx2_rotl(c4, 1));
    __m256i d4 = keccak_avx2_xor(c3, keccak_avx2_rotl(c0, 1));
    __m256i b0 = keccak_avx2_lane(a[0], d0, 0), b1 = keccak_avx2_lane(a[6], d1, 44);
    __m256i b2 = keccak_avx2_lane(a[12], d2, 43), b3 = keccak_avx2_lane(a[18], d3, 21);
    __m256i b4 = keccak_avx2_lane(a[24], d4, 14);
    keccak_avx2_chi(out, b0, b1, b2, b3, b4);
    keccak_avx2_chi1(out[0], keccak_avx2_xor(b0, _mm256_set1_epi64x((long long)rc)), b1, b2);
    keccak_avx2_chi(out + 5, keccak_avx2_lane(a[3], d3, 28), keccak_avx2_lane(a[9], d4, 20),
                    keccak_avx2_lane(a[10], d0, 3), keccak_avx2_lane(a[16], d1, 45),
                    keccak_avx2_lane(a[22], d2, 61));
    keccak_avx2_chi(out + 10, keccak_avx2_lane(a[1], d1, 1), keccak_avx2_lane(a[7], d2, 6),
                    keccak_avx2_lane(a[13], d3, 25), keccak_avx2_lane(a[19], d4, 8),
                    keccak_avx2_lane(a[20], d0, 18));
    keccak_avx2_chi(out + 15, keccak_avx2_lane(a[4], d4, 27), keccak_avx2_lane(a[5], d0, 36),
                    keccak_avx2_lane(a[11], d1, 10), keccak_avx2_lane(a[17], d2, 15),
                    keccak_avx2_lane(a[23], d3, 56));
    keccak_avx2_chi(out + 20, keccak_avx2_lane(a[2], d2, 62), keccak_avx2_lane(a[8], d3, 55),
                    keccak_avx2_lane(a[14], d4, 39), keccak_avx2_lane(a[15], d0, 41),
                    keccak_avx2_lane(a[21], d1, 2));
}

KECCAK_AVX2 void ncr_keccak_f_x4_avx2(uint64_t a[25][4])
{
    uint64_t b[25][4];
    for (unsigned i = 0; i < NCR_KECCAK_ROUNDS; i += 2) {
        keccak_avx2_round(b, a, ncr_keccak_rc[i]);
        keccak_avx2_round(a, b, ncr_keccak_rc[i + 1]);
    }
    nacre_wipe(b, sizeof b);
}
#endif
