/* SPDX-License-Identifier: ISC
 *
 * SHA-1's compression function with the SHA instructions: the twin of sha1_blocks in sha1.c, which
 * does the padding.
 *
 * SHA1RNDS4 makes four rounds on (a, b, c, d), a in the highest lane, with e + W[t] and W[t + 1] to
 * W[t + 3] as its other operand; SHA1NEXTE makes that operand from the (a, b, c, d) of four rounds
 * ago, since e is that a, rotated; SHA1MSG1 and MSG2 make four words of the schedule (Intel's
 * Software Developer's Manual, volume 2). CT in the message; lengths leak.
 */
#include "crypto/fast.h"
#include "crypto/ct.h"

#if NCR_X86
#include <immintrin.h>

#define SHA1_SHANI __attribute__((target("sha,ssse3,sse4.1")))

/* The phase is an immediate of the instruction. */
SHA1_SHANI NCR_INLINE __m128i sha1_shani_rounds4(__m128i abcd, __m128i ew, unsigned phase)
{
    switch (phase) {
    case 0:
        return _mm_sha1rnds4_epu32(abcd, ew, 0);
    case 1:
        return _mm_sha1rnds4_epu32(abcd, ew, 1);
    case 2:
        return _mm_sha1rnds4_epu32(abcd, ew, 2);
    default:
        return _mm_sha1rnds4_epu32(abcd, ew, 3);
    }
}

/* W[t] to W[t + 3] from the 16 words before them, in a, b, c, d in this order. */
SHA1_SHANI NCR_INLINE __m128i sha1_shani_words(__m128i a, __m128i b, __m128i c, __m128i d)
{
    return _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(a, b), c), d);
}

/* e is in the highest lane, the others are 0. */
SHA1_SHANI NCR_INLINE void sha1_shani_block(__m128i *abcd, __m128i *e, const uint8_t *m)
{
    const __m128i swap = _mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m128i s = *abcd, before = s, w[4];
#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; i++) {
        w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(m + 16 * i)), swap);
        __m128i ew = i == 0 ? _mm_add_epi32(*e, w[0]) : _mm_sha1nexte_epu32(before, w[i]);
        before = s;
        s = sha1_shani_rounds4(s, ew, 0);
    }
#pragma GCC unroll 16
    for (unsigned i = 4; i < 20; i++) {
        w[i % 4] = sha1_shani_words(w[i % 4], w[(i + 1) % 4], w[(i + 2) % 4], w[(i + 3) % 4]);
        __m128i ew = _mm_sha1nexte_epu32(before, w[i % 4]);
        before = s;
        s = sha1_shani_rounds4(s, ew, i / 5);
    }
    *e = _mm_sha1nexte_epu32(before, *e);
    *abcd = _mm_add_epi32(*abcd, s);
}

SHA1_SHANI void ncr_sha1_blocks_sha(uint32_t h[5], const uint8_t *m, size_t blocks)
{
    __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)h), 0x1b);
    __m128i e = _mm_insert_epi32(_mm_setzero_si128(), (int)h[4], 3);
    for (; blocks > 0; blocks--, m += 64) {
        sha1_shani_block(&abcd, &e, m);
    }
    _mm_storeu_si128((__m128i *)(void *)h, _mm_shuffle_epi32(abcd, 0x1b));
    h[4] = (uint32_t)_mm_extract_epi32(e, 3);
}
#endif
