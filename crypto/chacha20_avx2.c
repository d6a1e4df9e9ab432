/* SPDX-License-Identifier: ISC
 *
 * ChaCha20 with AVX2: eight blocks side by side, one per 32-bit lane; the twin of chacha20.c, which
 * says what the layout of the state is. Whole batches only: the rest is chacha20.c's.
 *
 * Key stream is turned from lanes into blocks in registers. What the compiler spills of it is
 * beyond reach. CT in key, nonce and message; the length and the counter leak.
 */
#include "crypto/chacha20.h"
#include "crypto/fast.h"

#if NCR_X86
#include <immintrin.h>

#define CHACHA20_AVX2 __attribute__((target("avx2")))

enum { CHACHA20_AVX2_BLOCKS = 8 };

/* Rotations by whole bytes are shuffles. */
CHACHA20_AVX2 NCR_INLINE __m256i chacha20_avx2_rotl16(__m256i x)
{
    return _mm256_shuffle_epi8(x, _mm256_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12,
                                                   13, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15,
                                                   12, 13));
}

CHACHA20_AVX2 NCR_INLINE __m256i chacha20_avx2_rotl8(__m256i x)
{
    return _mm256_shuffle_epi8(x, _mm256_setr_epi8(3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13,
                                                   14, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12,
                                                   13, 14));
}

CHACHA20_AVX2 NCR_INLINE __m256i chacha20_avx2_rotl12(__m256i x)
{
    return _mm256_or_si256(_mm256_slli_epi32(x, 12), _mm256_srli_epi32(x, 20));
}

CHACHA20_AVX2 NCR_INLINE __m256i chacha20_avx2_rotl7(__m256i x)
{
    return _mm256_or_si256(_mm256_slli_epi32(x, 7), _mm256_srli_epi32(x, 25));
}

/* RFC 8439 section 2.1. */
CHACHA20_AVX2 NCR_INLINE void chacha20_avx2_quarter(__m256i *a, __m256i *b, __m256i *c, __m256i *d)
{
    *a = _mm256_add_epi32(*a, *b), *d = chacha20_avx2_rotl16(_mm256_xor_si256(*d, *a));
    *c = _mm256_add_epi32(*c, *d), *b = chacha20_avx2_rotl12(_mm256_xor_si256(*b, *c));
    *a = _mm256_add_epi32(*a, *b), *d = chacha20_avx2_rotl8(_mm256_xor_si256(*d, *a));
    *c = _mm256_add_epi32(*c, *d), *b = chacha20_avx2_rotl7(_mm256_xor_si256(*b, *c));
}

CHACHA20_AVX2 NCR_INLINE void chacha20_avx2_rounds(__m256i x[16])
{
    for (unsigned i = 0; i < 10; i++) {
        chacha20_avx2_quarter(&x[0], &x[4], &x[8], &x[12]);
        chacha20_avx2_quarter(&x[1], &x[5], &x[9], &x[13]);
        chacha20_avx2_quarter(&x[2], &x[6], &x[10], &x[14]);
        chacha20_avx2_quarter(&x[3], &x[7], &x[11], &x[15]);
        chacha20_avx2_quarter(&x[0], &x[5], &x[10], &x[15]);
        chacha20_avx2_quarter(&x[1], &x[6], &x[11], &x[12]);
        chacha20_avx2_quarter(&x[2], &x[7], &x[8], &x[13]);
        chacha20_avx2_quarter(&x[3], &x[4], &x[9], &x[14]);
    }
}

/* Words 4g to 4g + 3 of all blocks, in x[0] to x[3], by block: in the lower half of x[e] then stand
 * those of block e, in the upper half those of block 4 + e. */
CHACHA20_AVX2 NCR_INLINE void chacha20_avx2_words(__m256i x[4])
{
    __m256i t0 = _mm256_unpacklo_epi32(x[0], x[1]), t1 = _mm256_unpackhi_epi32(x[0], x[1]);
    __m256i t2 = _mm256_unpacklo_epi32(x[2], x[3]), t3 = _mm256_unpackhi_epi32(x[2], x[3]);
    x[0] = _mm256_unpacklo_epi64(t0, t2);
    x[1] = _mm256_unpackhi_epi64(t0, t2);
    x[2] = _mm256_unpacklo_epi64(t1, t3);
    x[3] = _mm256_unpackhi_epi64(t1, t3);
}

CHACHA20_AVX2 NCR_INLINE void chacha20_avx2_xor32(uint8_t *out, const uint8_t *in, __m256i ks)
{
    __m256i m = _mm256_loadu_si256((const __m256i *)(const void *)in);
    _mm256_storeu_si256((__m256i *)(void *)out, _mm256_xor_si256(m, ks));
}

/* Half a block, words 8h to 8h + 7, of blocks e and 4 + e. */
CHACHA20_AVX2 NCR_INLINE void chacha20_avx2_put(uint8_t *out, const uint8_t *in, size_t at,
                                                __m256i a, __m256i b)
{
    chacha20_avx2_xor32(out + at, in + at, _mm256_permute2x128_si256(a, b, 0x20));
    chacha20_avx2_xor32(out + at + 256, in + at + 256, _mm256_permute2x128_si256(a, b, 0x31));
}

/* XORs the eight blocks from the state s on, whose counter is that of the first. */
CHACHA20_AVX2 static void chacha20_avx2_batch(uint8_t *out, const uint8_t *in, const uint32_t s[16])
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i top = _mm256_set1_epi32((int)0x80000000);
    __m256i x[16];
    __m256i low = _mm256_add_epi32(_mm256_set1_epi32((int)s[12]), lane);
    /* all ones, that is -1, where low < lane: comparisons are signed, hence the top bit */
    __m256i carry = _mm256_cmpgt_epi32(_mm256_xor_si256(lane, top), _mm256_xor_si256(low, top));
    __m256i high = _mm256_sub_epi32(_mm256_set1_epi32((int)s[13]), carry);
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; i++) {
        x[i] = _mm256_set1_epi32((int)s[i]);
    }
    x[12] = low, x[13] = high;
    chacha20_avx2_rounds(x);
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; i++) {
        __m256i start = i == 12 ? low : i == 13 ? high : _mm256_set1_epi32((int)s[i]);
        x[i] = _mm256_add_epi32(x[i], start);
    }
#pragma GCC unroll 4
    for (unsigned g = 0; g < 4; g++) {
        chacha20_avx2_words(x + 4 * g);
    }
#pragma GCC unroll 4
    for (unsigned e = 0; e < 4; e++) {
        chacha20_avx2_put(out, in, (size_t)64 * e, x[e], x[4 + e]);
        chacha20_avx2_put(out, in, (size_t)64 * e + 32, x[8 + e], x[12 + e]);
    }
}

size_t ncr_chacha20_avx2(uint8_t *out, const uint8_t *in, size_t n,
                         const uint8_t key[NACRE_CHACHA20_KEY_LEN],
                         const uint8_t nonce[NACRE_CHACHA20_NONCE_LEN], uint64_t counter)
{
    return ncr_chacha20_batches(out, in, n, key, nonce, counter, chacha20_avx2_batch,
                                CHACHA20_AVX2_BLOCKS);
}
#endif
