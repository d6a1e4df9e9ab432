/* SPDX-License-Identifier: ISC
 *
 * AES-GCM with AES-NI and PCLMULQDQ, eight blocks side by side: the twin of gcm.c.
 *
 * The rounds of eight counter blocks alternate with the products of eight blocks of ciphertext:
 * those just to be decrypted, or those that the step before has encrypted. CT in key and message;
 * lengths leak. Opening gives plaintext and the right tag: whoever calls compares it, and wipes.
 */
#include "crypto/gcm_x86.h"

#if NCR_X86

enum { GCM_AESNI_BLOCKS = 8, GCM_AESNI_BATCH = 8 * NACRE_AES_BLOCK };

/* Key stream of the next eight blocks. Meanwhile the eight blocks at m, if there, are hashed. */
NCR_GCM_X86 NCR_INLINE void gcm_aesni_batch(__m128i x[8], struct ncr_gcm_x86 *g, const uint8_t *m)
{
    const struct nacre_aes *c = &g->c->aes;
    struct ncr_gcm_x86_sum s = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    __m128i k = ncr_aes_x86_key(c, 0);
#pragma GCC unroll 8
    for (unsigned i = 0; i < GCM_AESNI_BLOCKS; i++) {
        x[i] = _mm_xor_si128(ncr_gcm_x86_counter(g->counter, g->block + i), k);
    }
    g->block += GCM_AESNI_BLOCKS;
#pragma GCC unroll 8
    for (unsigned round = 1; round <= GCM_AESNI_BLOCKS; round++) {
        k = ncr_aes_x86_key(c, round);
#pragma GCC unroll 8
        for (unsigned i = 0; i < GCM_AESNI_BLOCKS; i++) {
            x[i] = _mm_aesenc_si128(x[i], k);
        }
        if (m != NULL) {
            __m128i block = ncr_x86_reverse(ncr_x86_load(m + NACRE_AES_BLOCK * (round - 1)));
            block = round == 1 ? _mm_xor_si128(block, g->y) : block;
            ncr_gcm_x86_add(&s, block, ncr_gcm_x86_power(g->c, GCM_AESNI_BLOCKS + 1 - round));
        }
    }
    for (unsigned round = GCM_AESNI_BLOCKS + 1; round < c->rounds; round++) {
        k = ncr_aes_x86_key(c, round);
#pragma GCC unroll 8
        for (unsigned i = 0; i < GCM_AESNI_BLOCKS; i++) {
            x[i] = _mm_aesenc_si128(x[i], k);
        }
    }
    k = ncr_aes_x86_key(c, c->rounds);
#pragma GCC unroll 8
    for (unsigned i = 0; i < GCM_AESNI_BLOCKS; i++) {
        x[i] = _mm_aesenclast_si128(x[i], k);
    }
    g->y = m != NULL ? ncr_gcm_x86_reduce(&s) : g->y;
}

NCR_GCM_X86 NCR_INLINE void gcm_aesni_xor(uint8_t *out, const uint8_t *in, const __m128i x[8])
{
#pragma GCC unroll 8
    for (unsigned i = 0; i < GCM_AESNI_BLOCKS; i++) {
        size_t at = (size_t)NACRE_AES_BLOCK * i;
        ncr_x86_store(out + at, _mm_xor_si128(ncr_x86_load(in + at), x[i]));
    }
}

/* Each batch is hashed while its key stream is made, or the next one's where it has to be encrypted
 * first. */
NCR_GCM_X86 void ncr_gcm_aes(uint8_t *out, uint8_t tag[NACRE_GCM_TAG_LEN],
                             const struct nacre_gcm *c, const uint8_t iv[NACRE_GCM_IV_LEN],
                             const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t n,
                             bool seal)
{
    struct ncr_gcm_x86 g;
    __m128i x[GCM_AESNI_BLOCKS], lengths = ncr_gcm_x86_lengths(aad_len, n);
    const uint8_t *sealed = NULL;
    ncr_gcm_x86_start(&g, c, iv, aad, aad_len);
    for (; n >= GCM_AESNI_BATCH; n -= GCM_AESNI_BATCH) {
        gcm_aesni_batch(x, &g, seal ? sealed : in);
        gcm_aesni_xor(out, in, x);
        sealed = out;
        in += GCM_AESNI_BATCH, out += GCM_AESNI_BATCH;
    }
    gcm_aesni_batch(x, &g, seal ? sealed : NULL);
    ncr_gcm_x86_finish(out, tag, &g, x, in, n, lengths, seal);
    nacre_wipe(x, sizeof x);
    nacre_wipe(&g, sizeof g);
}
#endif
