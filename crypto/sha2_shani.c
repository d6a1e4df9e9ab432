/* SPDX-License-Identifier: ISC
 *
 * SHA-256's compression function with the SHA instructions: the twin of sha256_blocks in sha2.c,
 * which does the padding.
 *
 * SHA256RNDS2 makes two rounds on the working variables, held as (f, e, b, a) and (h, g, d, c) from
 * the lowest lane up, and SHA256MSG1 and MSG2 make four words of the schedule (Intel's Software
 * Developer's Manual, volume 2). All of it stays in registers. CT in the message; lengths leak.
 */
#include "crypto/fast.h"
#include "crypto/ct.h"

#if NCR_X86
#include <immintrin.h>

#define SHA256_SHANI __attribute__((target("sha,ssse3,sse4.1")))

SHA256_SHANI NCR_INLINE __m128i sha256_shani_load(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

/* Four rounds; kw is K[t] + W[t] for four t. After the first two, what were a, b, e, f are c, d, g,
 * h: the roles change, and change back. */
SHA256_SHANI NCR_INLINE void sha256_shani_rounds4(__m128i *abef, __m128i *cdgh, __m128i kw)
{
    *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, kw);
    *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(kw, 0x0e));
}

/* W[t] to W[t + 3] from the 16 words before them, in a, b, c, d in this order. */
SHA256_SHANI NCR_INLINE __m128i sha256_shani_words(__m128i a, __m128i b, __m128i c, __m128i d)
{
    __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4));
    return _mm_sha256msg2_epu32(sum, d);
}

SHA256_SHANI NCR_INLINE void sha256_shani_block(__m128i *abef, __m128i *cdgh, const uint8_t *m)
{
    const __m128i swap = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
    __m128i a = *abef, c = *cdgh, w[4];
#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; i++) {
        w[i] = _mm_shuffle_epi8(sha256_shani_load(m + 16 * i), swap);
        sha256_shani_rounds4(&a, &c, _mm_add_epi32(w[i], sha256_shani_load(ncr_sha256_k + 4 * i)));
    }
#pragma GCC unroll 12
    for (unsigned i = 4; i < 16; i++) {
        w[i % 4] = sha256_shani_words(w[i % 4], w[(i + 1) % 4], w[(i + 2) % 4], w[(i + 3) % 4]);
        sha256_shani_rounds4(&a, &c,
                             _mm_add_epi32(w[i % 4], sha256_shani_load(ncr_sha256_k + 4 * i)));
    }
    *abef = _mm_add_epi32(*abef, a);
    *cdgh = _mm_add_epi32(*cdgh, c);
}

SHA256_SHANI void ncr_sha256_blocks_sha(uint32_t h[8], const uint8_t *m, size_t blocks)
{
    __m128i badc = _mm_shuffle_epi32(sha256_shani_load(h), 0xb1);
    __m128i hgfe = _mm_shuffle_epi32(sha256_shani_load(h + 4), 0x1b);
    __m128i abef = _mm_alignr_epi8(badc, hgfe, 8);
    __m128i cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);
    for (; blocks > 0; blocks--, m += 64) {
        sha256_shani_block(&abef, &cdgh, m);
    }
    __m128i abef_up = _mm_shuffle_epi32(abef, 0x1b), ghcd = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)h, _mm_blend_epi16(abef_up, ghcd, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(h + 4), _mm_alignr_epi8(ghcd, abef_up, 8));
}
#endif
