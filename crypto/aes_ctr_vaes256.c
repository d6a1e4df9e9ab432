/* SPDX-License-Identifier: ISC
 *
 * AES in counter mode with VAES in AVX2 registers, 16 blocks side by side: the twin of aes_ctr.c
 * for CPUs that have it without AVX-512, in the shape of aes_ctr_aesni.c, which explains the
 * counters. CT in key, counter and message; the length leaks.
 */
#include "crypto/aes_x86.h"

#if NCR_X86

#define AES_CTR_VAES256 __attribute__((target("avx2,vaes,aes,ssse3")))

/* Of vectors of two blocks. */
enum { AES_CTR_VAES256_VECTORS = 8, AES_CTR_VAES256_VECTOR = 32, AES_CTR_VAES256_BATCH = 8 * 32 };

AES_CTR_VAES256 NCR_INLINE __m256i aes_ctr_vaes256_reverse(__m256i x)
{
    return _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(ncr_x86_order()));
}

AES_CTR_VAES256 NCR_INLINE __m256i aes_ctr_vaes256_key(const struct nacre_aes *c, unsigned round)
{
    return _mm256_broadcastsi128_si256(ncr_aes_x86_key(c, round));
}

/* The two counter blocks from n on after the reversed ctr; n < 2^62. */
AES_CTR_VAES256 NCR_INLINE __m256i aes_ctr_vaes256_after(__m256i ctr, uint64_t n)
{
    __m256i more = _mm256_setr_epi64x((long long)n, 0, (long long)(n + 1), 0);
    __m256i sum = _mm256_add_epi64(ctr, more);
    __m256i carry = _mm256_srli_epi64(_mm256_andnot_si256(sum, ctr), 63);
    return aes_ctr_vaes256_reverse(_mm256_add_epi64(sum, _mm256_slli_si256(carry, 8)));
}

/* Key stream of the 16 blocks from n on. */
AES_CTR_VAES256 NCR_INLINE void aes_ctr_vaes256_batch(__m256i x[8], const struct nacre_aes *c,
                                                      __m256i ctr, uint64_t n)
{
    __m256i k = aes_ctr_vaes256_key(c, 0);
#pragma GCC unroll 8
    for (unsigned i = 0; i < AES_CTR_VAES256_VECTORS; i++) {
        x[i] = _mm256_xor_si256(aes_ctr_vaes256_after(ctr, n + 2 * i), k);
    }
    for (unsigned round = 1; round < c->rounds; round++) {
        k = aes_ctr_vaes256_key(c, round);
#pragma GCC unroll 8
        for (unsigned i = 0; i < AES_CTR_VAES256_VECTORS; i++) {
            x[i] = _mm256_aesenc_epi128(x[i], k);
        }
    }
    k = aes_ctr_vaes256_key(c, c->rounds);
#pragma GCC unroll 8
    for (unsigned i = 0; i < AES_CTR_VAES256_VECTORS; i++) {
        x[i] = _mm256_aesenclast_epi128(x[i], k);
    }
}

AES_CTR_VAES256 NCR_INLINE void aes_ctr_vaes256_xor(uint8_t *out, const uint8_t *in,
                                                    const __m256i x[8])
{
#pragma GCC unroll 8
    for (size_t i = 0; i < AES_CTR_VAES256_VECTORS; i++) {
        const uint8_t *from = in + AES_CTR_VAES256_VECTOR * i;
        __m256i m = _mm256_loadu_si256((const __m256i *)(const void *)from);
        _mm256_storeu_si256((__m256i *)(void *)(out + AES_CTR_VAES256_VECTOR * i),
                            _mm256_xor_si256(m, x[i]));
    }
}

AES_CTR_VAES256 void ncr_aes_ctr_xor_vaes256(uint8_t *out, const struct nacre_aes_ctr *c,
                                             const uint8_t *in, size_t n)
{
    __m256i x[AES_CTR_VAES256_VECTORS];
    __m256i ctr = _mm256_broadcastsi128_si256(ncr_x86_counter(c->ctr));
    uint64_t block = 0;
    for (; n >= AES_CTR_VAES256_BATCH; n -= AES_CTR_VAES256_BATCH) {
        aes_ctr_vaes256_batch(x, &c->aes, ctr, block);
        aes_ctr_vaes256_xor(out, in, x);
        block += 2 * AES_CTR_VAES256_VECTORS;
        in += AES_CTR_VAES256_BATCH;
        out += AES_CTR_VAES256_BATCH;
    }
    if (n > 0) {
        uint8_t ks[AES_CTR_VAES256_BATCH];
        aes_ctr_vaes256_batch(x, &c->aes, ctr, block);
        memcpy(ks, x, sizeof ks);
        ncr_xor(out, in, ks, n);
        nacre_wipe(ks, sizeof ks);
    }
}
#endif
