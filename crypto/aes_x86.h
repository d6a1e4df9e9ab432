/* SPDX-License-Identifier: ISC
 *
 * What the AES twins for x86-64 share: round keys, byte order, loads and stores of a block.
 *
 * Round keys are read from the context where they are needed: nothing of a key is copied, so
 * nothing of it is to be wiped. Each function may be inlined into code for any CPU with AES-NI and
 * SSSE3.
 */
#ifndef NCR_AES_X86_H
#define NCR_AES_X86_H

#include "crypto/fast.h"
#include "crypto/ct.h"
#include "crypto/load.h"

#if NCR_X86
#include <immintrin.h>

#define NCR_AES_X86 __attribute__((target("aes,ssse3")))

NCR_AES_X86 NCR_INLINE __m128i ncr_x86_load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

NCR_AES_X86 NCR_INLINE void ncr_x86_store(uint8_t *p, __m128i x)
{
    _mm_storeu_si128((__m128i *)(void *)p, x);
}

NCR_AES_X86 NCR_INLINE __m128i ncr_aes_x86_key(const struct nacre_aes *c, unsigned round)
{
    return _mm_loadu_si128((const __m128i *)(const void *)(c->rk + (size_t)2 * round));
}

NCR_AES_X86 NCR_INLINE __m128i ncr_x86_order(void)
{
    return _mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}

NCR_AES_X86 NCR_INLINE __m128i ncr_x86_reverse(__m128i x)
{
    return _mm_shuffle_epi8(x, ncr_x86_order());
}

/* A counter block, reversed; read as words because words were written there a moment ago. */
NCR_AES_X86 NCR_INLINE __m128i ncr_x86_counter(const uint8_t ctr[NACRE_AES_BLOCK])
{
    return _mm_set_epi64x((long long)ncr_load64be(ctr), (long long)ncr_load64be(ctr + 8));
}

#endif
#endif
