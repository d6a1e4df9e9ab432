/* SPDX-License-Identifier: ISC
 *
 * ChaCha20 with AVX-512: sixteen blocks side by side, one per 32-bit lane, in sixteen of the 32
 * registers; the twin of chacha20.c, which says what the layout of the state is.
 *
 * Key stream is never in memory as such: it is turned from lanes into blocks in registers, and the
 * last bytes of a message are loaded and stored under a mask. What the compiler spills is beyond
 * reach. CT in key, nonce and message; the length and the counter leak.
 */
#include "crypto/chacha20.h"
#include "crypto/fast.h"

#if NCR_X86
#include <immintrin.h>

#define CHACHA20_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

enum { CHACHA20_AVX512_BATCH = 16 * 64 };

/* RFC 8439 section 2.1. */
CHACHA20_AVX512 NCR_INLINE void chacha20_avx512_quarter(__m512i *a, __m512i *b, __m512i *c,
                                                        __m512i *d)
{
    *a = _mm512_add_epi32(*a, *b), *d = _mm512_rol_epi32(_mm512_xor_si512(*d, *a), 16);
    *c = _mm512_add_epi32(*c, *d), *b = _mm512_rol_epi32(_mm512_xor_si512(*b, *c), 12);
    *a = _mm512_add_epi32(*a, *b), *d = _mm512_rol_epi32(_mm512_xor_si512(*d, *a), 8);
    *c = _mm512_add_epi32(*c, *d), *b = _mm512_rol_epi32(_mm512_xor_si512(*b, *c), 7);
}

CHACHA20_AVX512 NCR_INLINE void chacha20_avx512_rounds(__m512i x[16])
{
    for (unsigned i = 0; i < 10; i++) {
        chacha20_avx512_quarter(&x[0], &x[4], &x[8], &x[12]);
        chacha20_avx512_quarter(&x[1], &x[5], &x[9], &x[13]);
        chacha20_avx512_quarter(&x[2], &x[6], &x[10], &x[14]);
        chacha20_avx512_quarter(&x[3], &x[7], &x[11], &x[15]);
        chacha20_avx512_quarter(&x[0], &x[5], &x[10], &x[15]);
        chacha20_avx512_quarter(&x[1], &x[6], &x[11], &x[12]);
        chacha20_avx512_quarter(&x[2], &x[7], &x[8], &x[13]);
        chacha20_avx512_quarter(&x[3], &x[4], &x[9], &x[14]);
    }
}

/* Words 4g to 4g + 3 of all blocks, in x[0] to x[3], by block: in 128-bit lane l of x[e] then stand
 * those of block 4l + e. */
CHACHA20_AVX512 NCR_INLINE void chacha20_avx512_words(__m512i x[4])
{
    __m512i t0 = _mm512_unpacklo_epi32(x[0], x[1]), t1 = _mm512_unpackhi_epi32(x[0], x[1]);
    __m512i t2 = _mm512_unpacklo_epi32(x[2], x[3]), t3 = _mm512_unpackhi_epi32(x[2], x[3]);
    x[0] = _mm512_unpacklo_epi64(t0, t2);
    x[1] = _mm512_unpackhi_epi64(t0, t2);
    x[2] = _mm512_unpacklo_epi64(t1, t3);
    x[3] = _mm512_unpackhi_epi64(t1, t3);
}

/* The quarters of blocks e, 4 + e, 8 + e, 12 + e from x[e], x[4 + e], x[8 + e], x[12 + e] into
 * whole blocks. */
CHACHA20_AVX512 NCR_INLINE void chacha20_avx512_gather(__m512i blocks[16], const __m512i x[16],
                                                       unsigned e)
{
    __m512i a = _mm512_shuffle_i32x4(x[e], x[4 + e], 0x44);
    __m512i b = _mm512_shuffle_i32x4(x[e], x[4 + e], 0xee);
    __m512i c = _mm512_shuffle_i32x4(x[8 + e], x[12 + e], 0x44);
    __m512i d = _mm512_shuffle_i32x4(x[8 + e], x[12 + e], 0xee);
    blocks[e] = _mm512_shuffle_i32x4(a, c, 0x88);
    blocks[4 + e] = _mm512_shuffle_i32x4(a, c, 0xdd);
    blocks[8 + e] = _mm512_shuffle_i32x4(b, d, 0x88);
    blocks[12 + e] = _mm512_shuffle_i32x4(b, d, 0xdd);
}

/* Sixteen blocks of key stream from the state s, whose counter is that of the first. */
CHACHA20_AVX512 NCR_INLINE void chacha20_avx512_batch(__m512i blocks[16], const uint32_t s[16])
{
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i x[16];
    __m512i low = _mm512_add_epi32(_mm512_set1_epi32((int)s[12]), lane);
    __m512i high = _mm512_set1_epi32((int)s[13]);
    high =
        _mm512_mask_add_epi32(high, _mm512_cmplt_epu32_mask(low, lane), high, _mm512_set1_epi32(1));
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; i++) {
        x[i] = _mm512_set1_epi32((int)s[i]);
    }
    x[12] = low, x[13] = high;
    chacha20_avx512_rounds(x);
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; i++) {
        __m512i start = i == 12 ? low : i == 13 ? high : _mm512_set1_epi32((int)s[i]);
        x[i] = _mm512_add_epi32(x[i], start);
    }
#pragma GCC unroll 4
    for (unsigned g = 0; g < 4; g++) {
        chacha20_avx512_words(x + 4 * g);
    }
#pragma GCC unroll 4
    for (unsigned e = 0; e < 4; e++) {
        chacha20_avx512_gather(blocks, x, e);
    }
}

/* The last n bytes, n < 1024; the part of a block that is there selects the bytes to touch. */
CHACHA20_AVX512 static void chacha20_avx512_tail(uint8_t *out, const uint8_t *in, size_t n,
                                                 const uint32_t s[16])
{
    __m512i blocks[16];
    chacha20_avx512_batch(blocks, s);
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; i++) {
        if (n == 0) {
            return;
        }
        size_t take = n < 64 ? n : 64;
        __mmask64 there = UINT64_MAX >> (64 - take);
        __m512i m = _mm512_maskz_loadu_epi8(there, in);
        _mm512_mask_storeu_epi8(out, there, _mm512_xor_si512(m, blocks[i]));
        in += take, out += take, n -= take;
    }
}

CHACHA20_AVX512 static void chacha20_avx512_whole(uint8_t *out, const uint8_t *in,
                                                  const uint32_t s[16])
{
    __m512i blocks[16];
    chacha20_avx512_batch(blocks, s);
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; i++) {
        __m512i m = _mm512_loadu_si512(in + 64 * i);
        _mm512_storeu_si512(out + 64 * i, _mm512_xor_si512(m, blocks[i]));
    }
}

void ncr_chacha20_avx512(uint8_t *out, const uint8_t *in, size_t n,
                         const uint8_t key[NACRE_CHACHA20_KEY_LEN],
                         const uint8_t nonce[NACRE_CHACHA20_NONCE_LEN], uint64_t counter)
{
    uint32_t s[16];
    ncr_chacha20_state(s, key, nonce);
    ncr_chacha20_count(s, counter);
    for (; n >= CHACHA20_AVX512_BATCH; n -= CHACHA20_AVX512_BATCH) {
        chacha20_avx512_whole(out, in, s);
        counter += 16;
        ncr_chacha20_count(s, counter);
        in += CHACHA20_AVX512_BATCH;
        out += CHACHA20_AVX512_BATCH;
    }
    if (n > 0) {
        chacha20_avx512_tail(out, in, n, s);
    }
    nacre_wipe(s, sizeof s);
}
#endif
