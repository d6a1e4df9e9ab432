/* SPDX-License-Identifier: ISC
 *
 * What the AES-GCM twins for x86-64 share: GHASH on single blocks, counters, first and last steps.
 *
 * Blocks are byte-reversed into the numbers of gcm.c, whose form of the powers of the hash key
 * makes a carry-less product of PCLMULQDQ a product in the field up to the reduction.
 */
#ifndef NCR_GCM_X86_H
#define NCR_GCM_X86_H

#include "crypto/aes_x86.h"

#if NCR_X86

#define NCR_GCM_X86 __attribute__((target("aes,pclmul,ssse3")))

/* Powers of the hash key in a context, as in gcm.c. */
enum { NCR_GCM_POWERS = 16 };

/* A sum of products, as three products of halves (Karatsuba): lower, upper, and of their sums. */
struct ncr_gcm_x86_sum {
    __m128i low, middle, high;
};

/* A message in progress. */
struct ncr_gcm_x86 {
    const struct nacre_gcm *c;
    __m128i counter; /* byte-reversed, its number (the lowest 32 bits) 0 */
    __m128i mask;    /* what hides the hash */
    __m128i y;       /* the hash so far */
    uint32_t block;  /* number of the next counter block */
};

/* H^n and those that follow, down to H. */
static inline const uint64_t *ncr_gcm_x86_powers(const struct nacre_gcm *c, size_t n)
{
    return c->h + 2 * (NCR_GCM_POWERS - n);
}

NCR_GCM_X86 NCR_INLINE __m128i ncr_gcm_x86_power(const struct nacre_gcm *c, size_t n)
{
    return _mm_loadu_si128((const __m128i *)(const void *)ncr_gcm_x86_powers(c, n));
}

/* s += x h. */
NCR_GCM_X86 NCR_INLINE void ncr_gcm_x86_add(struct ncr_gcm_x86_sum *s, __m128i x, __m128i h)
{
    s->low = _mm_xor_si128(s->low, _mm_clmulepi64_si128(x, h, 0x00));
    s->high = _mm_xor_si128(s->high, _mm_clmulepi64_si128(x, h, 0x11));
    x = _mm_xor_si128(x, _mm_shuffle_epi32(x, 0x4e));
    h = _mm_xor_si128(h, _mm_shuffle_epi32(h, 0x4e));
    s->middle = _mm_xor_si128(s->middle, _mm_clmulepi64_si128(x, h, 0x00));
}

/* The sum modulo x^128 + x^7 + x^2 + x + 1: a word of the lower half times c2 << 56, which is x,
 * x^2 and x^7 in this order of bits, is added 64 and 128 bits further up; the 1 is the word itself,
 * brought there by the exchange of halves. Twice, for the two words. */
NCR_GCM_X86 NCR_INLINE __m128i ncr_gcm_x86_reduce(const struct ncr_gcm_x86_sum *s)
{
    const __m128i poly = _mm_set1_epi64x((long long)0xc200000000000000);
    __m128i middle = _mm_xor_si128(s->middle, _mm_xor_si128(s->low, s->high));
    __m128i low = _mm_xor_si128(s->low, _mm_slli_si128(middle, 8));
    __m128i high = _mm_xor_si128(s->high, _mm_srli_si128(middle, 8));
    low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, poly, 0x00));
    low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, poly, 0x00));
    return _mm_xor_si128(low, high);
}

/* One block by itself. */
NCR_GCM_X86 NCR_INLINE __m128i ncr_gcm_x86_hash_block(const struct nacre_gcm *c, __m128i y,
                                                      __m128i block)
{
    struct ncr_gcm_x86_sum s = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    ncr_gcm_x86_add(&s, _mm_xor_si128(y, ncr_x86_reverse(block)), ncr_gcm_x86_power(c, 1));
    return ncr_gcm_x86_reduce(&s);
}

/* n bytes, 0 < n <= 16, with zeros after them; 4 is what SSH authenticates beside its packets. */
NCR_GCM_X86 NCR_INLINE __m128i ncr_gcm_x86_load_part(const uint8_t *p, size_t n)
{
    uint8_t block[NACRE_AES_BLOCK] = {0};
    if (n == sizeof block) {
        return ncr_x86_load(p);
    }
    if (n == 4) {
        return _mm_cvtsi32_si128((int)ncr_load32le(p));
    }
    memcpy(block, p, n);
    return ncr_x86_load(block);
}

NCR_GCM_X86 NCR_INLINE void ncr_gcm_x86_store_part(uint8_t *p, __m128i x, size_t n)
{
    uint8_t block[NACRE_AES_BLOCK];
    if (n == sizeof block) {
        ncr_x86_store(p, x);
    } else {
        ncr_x86_store(block, x);
        memcpy(p, block, n);
        nacre_wipe(block, sizeof block);
    }
}

/* Counter block number n. */
NCR_GCM_X86 NCR_INLINE __m128i ncr_gcm_x86_counter(__m128i counter, uint32_t n)
{
    return ncr_x86_reverse(_mm_add_epi32(counter, _mm_cvtsi32_si128((int)n)));
}

NCR_GCM_X86 NCR_INLINE __m128i ncr_gcm_x86_encrypt(const struct nacre_aes *c, __m128i x)
{
    x = _mm_xor_si128(x, ncr_aes_x86_key(c, 0));
    for (unsigned round = 1; round < c->rounds; round++) {
        x = _mm_aesenc_si128(x, ncr_aes_x86_key(c, round));
    }
    return _mm_aesenclast_si128(x, ncr_aes_x86_key(c, c->rounds));
}

/* Counters, the mask, and the hash over the associated data. */
NCR_GCM_X86 NCR_INLINE void ncr_gcm_x86_start(struct ncr_gcm_x86 *g, const struct nacre_gcm *c,
                                              const uint8_t iv[NACRE_GCM_IV_LEN],
                                              const uint8_t *aad, size_t aad_len)
{
    long long head = (long long)ncr_load64le(iv), rest = (long long)ncr_load32le(iv + 8);
    g->c = c;
    g->counter = ncr_x86_reverse(_mm_set_epi64x(rest, head));
    g->mask = ncr_gcm_x86_encrypt(&c->aes, ncr_gcm_x86_counter(g->counter, 1));
    g->block = 2;
    g->y = _mm_setzero_si128();
    while (aad_len > 0) {
        size_t take = aad_len < NACRE_AES_BLOCK ? aad_len : NACRE_AES_BLOCK;
        g->y = ncr_gcm_x86_hash_block(c, g->y, ncr_gcm_x86_load_part(aad, take));
        aad += take;
        aad_len -= take;
    }
}

/* The block of lengths in bits, as the number that GHASH reads it as. */
NCR_GCM_X86 NCR_INLINE __m128i ncr_gcm_x86_lengths(size_t aad_len, size_t n)
{
    return _mm_set_epi64x((long long)((uint64_t)aad_len * 8), (long long)((uint64_t)n * 8));
}

/* The last n bytes, at most 15 blocks, and the lengths, hashed together; the tag. x is key stream.
 */
NCR_GCM_X86 NCR_INLINE void ncr_gcm_x86_finish(uint8_t *out, uint8_t tag[NACRE_GCM_TAG_LEN],
                                               const struct ncr_gcm_x86 *g, const __m128i *x,
                                               const uint8_t *in, size_t n, __m128i lengths,
                                               bool seal)
{
    struct ncr_gcm_x86_sum s = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    size_t blocks = n / NACRE_AES_BLOCK + (n % NACRE_AES_BLOCK != 0);
    size_t more = blocks < NCR_GCM_POWERS;
    __m128i y = g->y;
    for (size_t i = 0; i < blocks; i++) {
        size_t take = n < NACRE_AES_BLOCK ? n : NACRE_AES_BLOCK;
        __m128i from = ncr_gcm_x86_load_part(in, take), to = _mm_xor_si128(from, x[i]);
        ncr_gcm_x86_store_part(out, to, take);
        __m128i sealed = seal ? to : from;
        if (seal && take < NACRE_AES_BLOCK) {
            sealed = ncr_gcm_x86_load_part(out, take);
        }
        ncr_gcm_x86_add(&s, _mm_xor_si128(y, ncr_x86_reverse(sealed)),
                        ncr_gcm_x86_power(g->c, blocks + more - i));
        y = _mm_setzero_si128();
        in += take, out += take, n -= take;
    }
    if (more == 0) {
        y = ncr_gcm_x86_reduce(&s);
        s.low = s.middle = s.high = _mm_setzero_si128();
    }
    ncr_gcm_x86_add(&s, _mm_xor_si128(y, lengths), ncr_gcm_x86_power(g->c, 1));
    ncr_x86_store(tag, _mm_xor_si128(ncr_x86_reverse(ncr_gcm_x86_reduce(&s)), g->mask));
}

#endif
#endif
