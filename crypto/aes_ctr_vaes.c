/* SPDX-License-Identifier: ISC
 *
 * AES in counter mode with VAES in AVX-512 registers, 32 blocks side by side: the twin of
 * aes_ctr.c, in the shape of aes_ctr_aesni.c, which explains the counters.
 *
 * The last bytes of a message are loaded and stored under a mask. CT in key, counter and message;
 * the length leaks.
 */
#include "crypto/aes_x86.h"

#if NCR_X86

#define AES_CTR_VAES __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,ssse3")))

/* Of vectors of four blocks. */
enum { AES_CTR_VAES_VECTORS = 8, AES_CTR_VAES_BATCH = 8 * 64 };

AES_CTR_VAES NCR_INLINE __m512i aes_ctr_vaes_reverse(__m512i x)
{
    return _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(ncr_x86_order()));
}

AES_CTR_VAES NCR_INLINE __m512i aes_ctr_vaes_key(const struct nacre_aes *c, unsigned round)
{
    return _mm512_broadcast_i32x4(ncr_aes_x86_key(c, round));
}

/* The four counter blocks from n on after the reversed ctr; n < 2^62. */
AES_CTR_VAES NCR_INLINE __m512i aes_ctr_vaes_after(__m512i ctr, uint64_t n)
{
    const __m512i lane = _mm512_setr_epi64(0, 0, 1, 0, 2, 0, 3, 0);
    __m512i more = _mm512_add_epi64(lane, _mm512_maskz_set1_epi64(0x55, (long long)n));
    __m512i sum = _mm512_add_epi64(ctr, more);
    __m512i carry = _mm512_srli_epi64(_mm512_andnot_si512(sum, ctr), 63);
    return aes_ctr_vaes_reverse(_mm512_add_epi64(sum, _mm512_bslli_epi128(carry, 8)));
}

/* Key stream of the 32 blocks from n on. */
AES_CTR_VAES NCR_INLINE void aes_ctr_vaes_batch(__m512i x[8], const struct nacre_aes *c,
                                                __m512i ctr, uint64_t n)
{
    __m512i k = aes_ctr_vaes_key(c, 0);
#pragma GCC unroll 8
    for (unsigned i = 0; i < AES_CTR_VAES_VECTORS; i++) {
        x[i] = _mm512_xor_si512(aes_ctr_vaes_after(ctr, n + 4 * i), k);
    }
    for (unsigned round = 1; round < c->rounds; round++) {
        k = aes_ctr_vaes_key(c, round);
#pragma GCC unroll 8
        for (unsigned i = 0; i < AES_CTR_VAES_VECTORS; i++) {
            x[i] = _mm512_aesenc_epi128(x[i], k);
        }
    }
    k = aes_ctr_vaes_key(c, c->rounds);
#pragma GCC unroll 8
    for (unsigned i = 0; i < AES_CTR_VAES_VECTORS; i++) {
        x[i] = _mm512_aesenclast_epi128(x[i], k);
    }
}

/* The last n bytes, n < 512: the part of a vector that is there selects the bytes to touch. */
AES_CTR_VAES NCR_INLINE void aes_ctr_vaes_tail(uint8_t *out, const uint8_t *in, size_t n,
                                               const __m512i x[8])
{
    for (unsigned i = 0; n > 0; i++) {
        size_t take = n < 64 ? n : 64;
        __mmask64 there = UINT64_MAX >> (64 - take);
        __m512i m = _mm512_maskz_loadu_epi8(there, in);
        _mm512_mask_storeu_epi8(out, there, _mm512_xor_si512(m, x[i]));
        in += take, out += take, n -= take;
    }
}

AES_CTR_VAES void ncr_aes_ctr_xor_vaes(uint8_t *out, const struct nacre_aes_ctr *c,
                                       const uint8_t *in, size_t n)
{
    __m512i ctr = _mm512_broadcast_i32x4(ncr_x86_counter(c->ctr));
    uint64_t block = 0;
    for (; n >= AES_CTR_VAES_BATCH; n -= AES_CTR_VAES_BATCH) {
        __m512i x[AES_CTR_VAES_VECTORS];
        aes_ctr_vaes_batch(x, &c->aes, ctr, block);
#pragma GCC unroll 8
        for (unsigned i = 0; i < AES_CTR_VAES_VECTORS; i++) {
            x[i] = _mm512_xor_si512(x[i], _mm512_loadu_si512(in + 64 * i));
            _mm512_storeu_si512(out + 64 * i, x[i]);
        }
        block += 4 * AES_CTR_VAES_VECTORS;
        in += AES_CTR_VAES_BATCH;
        out += AES_CTR_VAES_BATCH;
    }
    if (n > 0) {
        __m512i x[AES_CTR_VAES_VECTORS];
        aes_ctr_vaes_batch(x, &c->aes, ctr, block);
        aes_ctr_vaes_tail(out, in, n, x);
        nacre_wipe(x, sizeof x);
    }
}
#endif
