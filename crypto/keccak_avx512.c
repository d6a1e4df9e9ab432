/* SPDX-License-Identifier: ISC
 *
 * Keccak-f[1600] on four states with AVX-512VL: one state per 64-bit lane of a 256-bit register;
 * the twin of keccak.c, which says what a round is. All 25 lanes of the states and what a round
 * needs beside them fit the 32 registers; rotations and three-way logic are one instruction each.
 *
 * What the compiler spills of the states is beyond reach. CT in all of it.
 */
#include "crypto/ct.h"
#include "crypto/fast.h"
#include "crypto/keccak.h"

#if NCR_X86
#include <immintrin.h>

#define KECCAK_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

/* Truth tables of vpternlog: a ^ b ^ c, and a ^ (~b & c). */
enum { KECCAK_AVX512_XOR3 = 0x96, KECCAK_AVX512_CHI = 0xd2 };

KECCAK_AVX512 NCR_INLINE __m256i keccak_avx512_xor3(__m256i a, __m256i b, __m256i c)
{
    return _mm256_ternarylogic_epi64(a, b, c, KECCAK_AVX512_XOR3);
}

KECCAK_AVX512 NCR_INLINE __m256i keccak_avx512_column(const __m256i a[25], unsigned x)
{
    return keccak_avx512_xor3(keccak_avx512_xor3(a[x], a[x + 5], a[x + 10]), a[x + 15], a[x + 20]);
}

/* chi on one row, FIPS 202 section 3.2.4. */
KECCAK_AVX512 NCR_INLINE void keccak_avx512_chi(__m256i row[5], __m256i b0, __m256i b1, __m256i b2,
                                                __m256i b3, __m256i b4)
{
    row[0] = _mm256_ternarylogic_epi64(b0, b1, b2, KECCAK_AVX512_CHI);
    row[1] = _mm256_ternarylogic_epi64(b1, b2, b3, KECCAK_AVX512_CHI);
    row[2] = _mm256_ternarylogic_epi64(b2, b3, b4, KECCAK_AVX512_CHI);
    row[3] = _mm256_ternarylogic_epi64(b3, b4, b0, KECCAK_AVX512_CHI);
    row[4] = _mm256_ternarylogic_epi64(b4, b0, b1, KECCAK_AVX512_CHI);
}

/* a[x + 5 y] becomes a ^ d for all y: theta's second half. */
KECCAK_AVX512 NCR_INLINE void keccak_avx512_theta(__m256i a[25], unsigned x, __m256i left,
                                                  __m256i right)
{
    __m256i turned = _mm256_rol_epi64(right, 1);
#pragma GCC unroll 5
    for (unsigned y = 0; y < 25; y += 5) {
        a[x + y] = keccak_avx512_xor3(a[x + y], left, turned);
    }
}

KECCAK_AVX512 NCR_INLINE void keccak_avx512_round(__m256i out[25], __m256i a[25], uint64_t rc)
{
    __m256i c0 = keccak_avx512_column(a, 0), c1 = keccak_avx512_column(a, 1);
    __m256i c2 = keccak_avx512_column(a, 2), c3 = keccak_avx512_column(a, 3);
    __m256i c4 = keccak_avx512_column(a, 4);
    keccak_avx512_theta(a, 0, c4, c1);
    keccak_avx512_theta(a, 1, c0, c2);
    keccak_avx512_theta(a, 2, c1, c3);
    keccak_avx512_theta(a, 3, c2, c4);
    keccak_avx512_theta(a, 4, c3, c0);
    keccak_avx512_chi(out, a[0], _mm256_rol_epi64(a[6], 44), _mm256_rol_epi64(a[12], 43),
                      _mm256_rol_epi64(a[18], 21), _mm256_rol_epi64(a[24], 14));
    out[0] = _mm256_xor_si256(out[0], _mm256_set1_epi64x((long long)rc));
    keccak_avx512_chi(out + 5, _mm256_rol_epi64(a[3], 28), _mm256_rol_epi64(a[9], 20),
                      _mm256_rol_epi64(a[10], 3), _mm256_rol_epi64(a[16], 45),
                      _mm256_rol_epi64(a[22], 61));
    keccak_avx512_chi(out + 10, _mm256_rol_epi64(a[1], 1), _mm256_rol_epi64(a[7], 6),
                      _mm256_rol_epi64(a[13], 25), _mm256_rol_epi64(a[19], 8),
                      _mm256_rol_epi64(a[20], 18));
    keccak_avx512_chi(out + 15, _mm256_rol_epi64(a[4], 27), _mm256_rol_epi64(a[5], 36),
                      _mm256_rol_epi64(a[11], 10), _mm256_rol_epi64(a[17], 15),
                      _mm256_rol_epi64(a[23], 56));
    keccak_avx512_chi(out + 20, _mm256_rol_epi64(a[2], 62), _mm256_rol_epi64(a[8], 55),
                      _mm256_rol_epi64(a[14], 39), _mm256_rol_epi64(a[15], 41),
                      _mm256_rol_epi64(a[21], 2));
}

KECCAK_AVX512 void ncr_keccak_f_x4_avx512(uint64_t a[25][4])
{
    __m256i s[25], t[25];
#pragma GCC unroll 25
    for (unsigned i = 0; i < 25; i++) {
        s[i] = _mm256_loadu_si256((const __m256i *)(const void *)a[i]);
    }
    for (unsigned i = 0; i < NCR_KECCAK_ROUNDS; i += 2) {
        keccak_avx512_round(t, s, ncr_keccak_rc[i]);
        keccak_avx512_round(s, t, ncr_keccak_rc[i + 1]);
    }
#pragma GCC unroll 25
    for (unsigned i = 0; i < 25; i++) {
        _mm256_storeu_si256((__m256i *)(void *)a[i], s[i]);
    }
}
#endif
