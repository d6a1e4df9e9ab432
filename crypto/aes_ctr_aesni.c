/* SPDX-License-Identifier: ISC
 *
 * AES in counter mode with AES-NI, eight blocks side by side: the twin of aes_ctr.c.
 *
 * Counters are made with the bytes reversed, as two 64-bit halves whose lower is in the lower lane.
 * CT in key, counter and message; the length leaks.
 */
#include "crypto/aes_x86.h"

#if NCR_X86

enum { AES_CTR_AESNI_BLOCKS = 8, AES_CTR_AESNI_BATCH = 8 * NACRE_AES_BLOCK };

/* The counter block n after the reversed ctr, n < 2^63: the lower half carries if its top bit
 * falls. */
NCR_AES_X86 NCR_INLINE __m128i aes_ctr_aesni_after(__m128i ctr, uint64_t n)
{
    __m128i sum = _mm_add_epi64(ctr, _mm_cvtsi64_si128((long long)n));
    __m128i carry = _mm_srli_epi64(_mm_andnot_si128(sum, ctr), 63); /* upper lane: 0, as is n's */
    return ncr_x86_reverse(_mm_add_epi64(sum, _mm_slli_si128(carry, 8)));
}

/* Key stream of the eight blocks from n on. */
NCR_AES_X86 NCR_INLINE void aes_ctr_aesni_batch(__m128i x[8], const struct nacre_aes *c,
                                                __m128i ctr, uint64_t n)
{
    __m128i k = ncr_aes_x86_key(c, 0);
#pragma GCC unroll 8
    for (unsigned i = 0; i < AES_CTR_AESNI_BLOCKS; i++) {
        x[i] = _mm_xor_si128(aes_ctr_aesni_after(ctr, n + i), k);
    }
    for (unsigned round = 1; round < c->rounds; round++) {
        k = ncr_aes_x86_key(c, round);
#pragma GCC unroll 8
        for (unsigned i = 0; i < AES_CTR_AESNI_BLOCKS; i++) {
            x[i] = _mm_aesenc_si128(x[i], k);
        }
    }
    k = ncr_aes_x86_key(c, c->rounds);
#pragma GCC unroll 8
    for (unsigned i = 0; i < AES_CTR_AESNI_BLOCKS; i++) {
        x[i] = _mm_aesenclast_si128(x[i], k);
    }
}

NCR_AES_X86 NCR_INLINE void aes_ctr_aesni_xor(uint8_t *out, const uint8_t *in, const __m128i x[8])
{
#pragma GCC unroll 8
    for (unsigned i = 0; i < AES_CTR_AESNI_BLOCKS; i++) {
        __m128i m = _mm_xor_si128(ncr_x86_load(in + NACRE_AES_BLOCK * i), x[i]);
        ncr_x86_store(out + NACRE_AES_BLOCK * i, m);
    }
}

NCR_AES_X86 void ncr_aes_ctr_xor_aes(uint8_t *out, const struct nacre_aes_ctr *c, const uint8_t *in,
                                     size_t n)
{
    __m128i ctr = ncr_x86_counter(c->ctr);
    uint64_t block = 0;
    for (; n >= AES_CTR_AESNI_BATCH; n -= AES_CTR_AESNI_BATCH) {
        __m128i x[AES_CTR_AESNI_BLOCKS];
        aes_ctr_aesni_batch(x, &c->aes, ctr, block);
        aes_ctr_aesni_xor(out, in, x);
        block += AES_CTR_AESNI_BLOCKS;
        in += AES_CTR_AESNI_BATCH;
        out += AES_CTR_AESNI_BATCH;
    }
    if (n > 0) {
        uint8_t ks[AES_CTR_AESNI_BATCH] = {0};
        __m128i x[AES_CTR_AESNI_BLOCKS];
        aes_ctr_aesni_batch(x, &c->aes, ctr, block);
        aes_ctr_aesni_xor(ks, ks, x);
        ncr_xor(out, in, ks, n);
        nacre_wipe(ks, sizeof ks);
    }
}
#endif
