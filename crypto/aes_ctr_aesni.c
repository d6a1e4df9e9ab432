/* SPDX-License-Identifier: ISC
 *
 * AES in counter mode with AES-NI, eight blocks side by side: the twin of aes_ctr.c.
 *
 * A round key of aes.c is two words with the lower and the upper 16 bits of each column, and from
 * round 1 on it has 63 added to each byte. Interleaving the words' 16-bit parts makes it a round
 * key as FIPS 197 has it. Counters are made with the bytes reversed, as two 64-bit halves whose
 * lower is in the lower lane. CT in key, counter and message; the length leaks.
 */
#include "crypto/fast.h"
#include "crypto/ct.h"
#include "crypto/load.h"

#if NCR_X86
#include <immintrin.h>

#define AES_CTR_AESNI __attribute__((target("aes,ssse3")))

enum { AES_CTR_AESNI_BLOCKS = 8, AES_CTR_AESNI_BATCH = 8 * NACRE_AES_BLOCK };

AES_CTR_AESNI NCR_INLINE __m128i aes_ctr_aesni_load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

AES_CTR_AESNI NCR_INLINE __m128i aes_ctr_aesni_reverse(__m128i x)
{
    return _mm_shuffle_epi8(x, _mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
}

AES_CTR_AESNI static void aes_ctr_aesni_keys(__m128i k[15], const struct nacre_aes *c)
{
    for (unsigned round = 0; round <= c->rounds; round++) {
        __m128i lower = _mm_cvtsi64_si128((long long)c->rk[2 * round]);
        __m128i upper = _mm_cvtsi64_si128((long long)c->rk[2 * round + 1]);
        __m128i constant = _mm_set1_epi8(round > 0 ? 0x63 : 0);
        k[round] = _mm_xor_si128(_mm_unpacklo_epi16(lower, upper), constant);
    }
}

/* The counter block n after the reversed ctr, n < 2^63: the lower half carries if its top bit
 * falls. */
AES_CTR_AESNI NCR_INLINE __m128i aes_ctr_aesni_after(__m128i ctr, uint64_t n)
{
    __m128i sum = _mm_add_epi64(ctr, _mm_cvtsi64_si128((long long)n));
    __m128i carry = _mm_srli_epi64(_mm_andnot_si128(sum, ctr), 63); /* upper lane: 0, as is n's */
    return aes_ctr_aesni_reverse(_mm_add_epi64(sum, _mm_slli_si128(carry, 8)));
}

/* Key stream of the eight blocks from n on. */
AES_CTR_AESNI NCR_INLINE void aes_ctr_aesni_batch(__m128i x[8], const __m128i k[15],
                                                  unsigned rounds, __m128i ctr, uint64_t n)
{
#pragma GCC unroll 8
    for (unsigned i = 0; i < AES_CTR_AESNI_BLOCKS; i++) {
        x[i] = _mm_xor_si128(aes_ctr_aesni_after(ctr, n + i), k[0]);
    }
    for (unsigned round = 1; round < rounds; round++) {
#pragma GCC unroll 8
        for (unsigned i = 0; i < AES_CTR_AESNI_BLOCKS; i++) {
            x[i] = _mm_aesenc_si128(x[i], k[round]);
        }
    }
#pragma GCC unroll 8
    for (unsigned i = 0; i < AES_CTR_AESNI_BLOCKS; i++) {
        x[i] = _mm_aesenclast_si128(x[i], k[rounds]);
    }
}

AES_CTR_AESNI NCR_INLINE void aes_ctr_aesni_xor(uint8_t *out, const uint8_t *in, const __m128i x[8])
{
#pragma GCC unroll 8
    for (unsigned i = 0; i < AES_CTR_AESNI_BLOCKS; i++) {
        __m128i m = _mm_xor_si128(aes_ctr_aesni_load(in + NACRE_AES_BLOCK * i), x[i]);
        _mm_storeu_si128((__m128i *)(void *)(out + NACRE_AES_BLOCK * i), m);
    }
}

AES_CTR_AESNI void ncr_aes_ctr_xor_aes(uint8_t *out, const struct nacre_aes_ctr *c,
                                       const uint8_t *in, size_t n)
{
    __m128i k[15], ctr = aes_ctr_aesni_reverse(aes_ctr_aesni_load(c->ctr));
    uint64_t block = 0;
    aes_ctr_aesni_keys(k, &c->aes);
    for (; n >= AES_CTR_AESNI_BATCH; n -= AES_CTR_AESNI_BATCH) {
        __m128i x[AES_CTR_AESNI_BLOCKS];
        aes_ctr_aesni_batch(x, k, c->aes.rounds, ctr, block);
        aes_ctr_aesni_xor(out, in, x);
        block += AES_CTR_AESNI_BLOCKS;
        in += AES_CTR_AESNI_BATCH;
        out += AES_CTR_AESNI_BATCH;
    }
    if (n > 0) {
        uint8_t ks[AES_CTR_AESNI_BATCH] = {0};
        __m128i x[AES_CTR_AESNI_BLOCKS];
        aes_ctr_aesni_batch(x, k, c->aes.rounds, ctr, block);
        aes_ctr_aesni_xor(ks, ks, x);
        ncr_xor(out, in, ks, n);
        nacre_wipe(ks, sizeof ks);
    }
    nacre_wipe(k, sizeof k);
}
#endif
