/* SPDX-License-Identifier: ISC
 *
 * AES in cipher block chaining mode with AES-NI: the twin of aes_cbc.c. One block at a time is
 * encrypted, eight side by side are decrypted. CT in key, chain and message; the length leaks.
 */
#include "crypto/aes_x86.h"

#if NCR_X86

enum { AES_CBC_AESNI_BLOCKS = 8, AES_CBC_AESNI_BATCH = 8 * NACRE_AES_BLOCK };

NCR_AES_X86 void ncr_aes_cbc_encrypt_aes(uint8_t *out, struct nacre_aes_cbc *c, const uint8_t *in,
                                         size_t n)
{
    __m128i x = ncr_x86_load(c->iv);
    for (size_t at = 0; at < n; at += NACRE_AES_BLOCK) {
        x = _mm_xor_si128(x, ncr_x86_load(in + at));
        x = _mm_xor_si128(x, ncr_aes_x86_key(&c->aes, 0));
        for (unsigned round = 1; round < c->aes.rounds; round++) {
            x = _mm_aesenc_si128(x, ncr_aes_x86_key(&c->aes, round));
        }
        x = _mm_aesenclast_si128(x, ncr_aes_x86_key(&c->aes, c->aes.rounds));
        ncr_x86_store(out + at, x);
    }
    ncr_x86_store(c->iv, x);
}

/* FIPS 197 section 5.3.5: the round keys in reverse order, InvMixColumns on all but the outer two.
 */
NCR_AES_X86 static void aes_cbc_aesni_keys(__m128i k[15], const struct nacre_aes *c)
{
    k[0] = ncr_aes_x86_key(c, c->rounds);
    for (unsigned round = 1; round < c->rounds; round++) {
        k[round] = _mm_aesimc_si128(ncr_aes_x86_key(c, c->rounds - round));
    }
    k[c->rounds] = ncr_aes_x86_key(c, 0);
}

NCR_AES_X86 NCR_INLINE void aes_cbc_aesni_blocks(__m128i x[8], const __m128i k[15], unsigned rounds)
{
#pragma GCC unroll 8
    for (unsigned i = 0; i < AES_CBC_AESNI_BLOCKS; i++) {
        x[i] = _mm_xor_si128(x[i], k[0]);
    }
    for (unsigned round = 1; round < rounds; round++) {
#pragma GCC unroll 8
        for (unsigned i = 0; i < AES_CBC_AESNI_BLOCKS; i++) {
            x[i] = _mm_aesdec_si128(x[i], k[round]);
        }
    }
#pragma GCC unroll 8
    for (unsigned i = 0; i < AES_CBC_AESNI_BLOCKS; i++) {
        x[i] = _mm_aesdeclast_si128(x[i], k[rounds]);
    }
}

/* Reads each block before it writes to its place, for out may be in. */
NCR_AES_X86 void ncr_aes_cbc_decrypt_aes(uint8_t *out, struct nacre_aes_cbc *c, const uint8_t *in,
                                         size_t n)
{
    __m128i k[15], x[AES_CBC_AESNI_BLOCKS], chain = ncr_x86_load(c->iv);
    aes_cbc_aesni_keys(k, &c->aes);
    while (n > 0) {
        size_t take = n < AES_CBC_AESNI_BATCH ? n : AES_CBC_AESNI_BATCH;
        for (size_t i = 0; i < AES_CBC_AESNI_BLOCKS; i++) {
            size_t at = NACRE_AES_BLOCK * i;
            x[i] = at < take ? ncr_x86_load(in + at) : _mm_setzero_si128();
        }
        aes_cbc_aesni_blocks(x, k, c->aes.rounds);
        for (size_t at = 0; at < take; at += NACRE_AES_BLOCK) {
            __m128i sealed = ncr_x86_load(in + at);
            ncr_x86_store(out + at, _mm_xor_si128(x[at / NACRE_AES_BLOCK], chain));
            chain = sealed;
        }
        in += take, out += take, n -= take;
    }
    ncr_x86_store(c->iv, chain);
    nacre_wipe(k, sizeof k);
    nacre_wipe(x, sizeof x);
}
#endif
