/* SPDX-License-Identifier: ISC
 *
 * AES-GCM with VAES and VPCLMULQDQ in AVX2 registers, 16 blocks in eight vectors side by side: the
 * twin of gcm.c for CPUs that have them without AVX-512, in the shape of gcm_aesni.c.
 *
 * A vector of two blocks meets two powers of the hash key that stand side by side in the context.
 * What is less than a batch at the end goes block by block. CT in key and message; lengths leak.
 */
#include "crypto/gcm_x86.h"

#if NCR_X86

#define GCM_VAES256 __attribute__((target("avx2,vaes,vpclmulqdq,aes,pclmul,ssse3")))

/* Of vectors of two blocks. */
enum { GCM_VAES256_VECTORS = 8, GCM_VAES256_VECTOR = 32, GCM_VAES256_BATCH = 8 * 32 };

/* As struct ncr_gcm_x86_sum, for two blocks at a time. */
struct gcm_vaes256_sum {
    __m256i low, middle, high;
};

GCM_VAES256 NCR_INLINE __m256i gcm_vaes256_load(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

GCM_VAES256 NCR_INLINE __m256i gcm_vaes256_reverse(__m256i x)
{
    return _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(ncr_x86_order()));
}

GCM_VAES256 NCR_INLINE __m256i gcm_vaes256_key(const struct nacre_aes *c, unsigned round)
{
    return _mm256_broadcastsi128_si256(ncr_aes_x86_key(c, round));
}

/* s += x h, twice. */
GCM_VAES256 NCR_INLINE void gcm_vaes256_add(struct gcm_vaes256_sum *s, __m256i x, __m256i h)
{
    s->low = _mm256_xor_si256(s->low, _mm256_clmulepi64_epi128(x, h, 0x00));
    s->high = _mm256_xor_si256(s->high, _mm256_clmulepi64_epi128(x, h, 0x11));
    x = _mm256_xor_si256(x, _mm256_shuffle_epi32(x, 0x4e));
    h = _mm256_xor_si256(h, _mm256_shuffle_epi32(h, 0x4e));
    s->middle = _mm256_xor_si256(s->middle, _mm256_clmulepi64_epi128(x, h, 0x00));
}

GCM_VAES256 NCR_INLINE __m128i gcm_vaes256_lanes(__m256i x)
{
    return _mm_xor_si128(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
}

GCM_VAES256 NCR_INLINE __m128i gcm_vaes256_reduce(const struct gcm_vaes256_sum *s)
{
    struct ncr_gcm_x86_sum sum = {gcm_vaes256_lanes(s->low), gcm_vaes256_lanes(s->middle),
                                  gcm_vaes256_lanes(s->high)};
    return ncr_gcm_x86_reduce(&sum);
}

/* The two counter blocks from number n on. */
GCM_VAES256 NCR_INLINE __m256i gcm_vaes256_counter(__m256i counter, uint32_t n)
{
    __m256i more = _mm256_setr_epi32((int)n, 0, 0, 0, (int)(n + 1), 0, 0, 0);
    return gcm_vaes256_reverse(_mm256_add_epi32(counter, more));
}

/* Two of the 16 blocks at m, the vector at that place. */
GCM_VAES256 NCR_INLINE void gcm_vaes256_hash(struct gcm_vaes256_sum *s, const struct ncr_gcm_x86 *g,
                                             const uint8_t *m, unsigned at)
{
    const uint64_t *h = ncr_gcm_x86_powers(g->c, 16 - (size_t)2 * at);
    __m256i block = gcm_vaes256_reverse(gcm_vaes256_load(m + GCM_VAES256_VECTOR * at));
    if (at == 0) {
        block = _mm256_xor_si256(block, _mm256_zextsi128_si256(g->y));
    }
    gcm_vaes256_add(s, block, _mm256_loadu_si256((const __m256i *)(const void *)h));
}

/* Key stream of the next 16 blocks. Meanwhile the 16 blocks at m, if there, are hashed. */
GCM_VAES256 NCR_INLINE void gcm_vaes256_batch(__m256i x[8], struct ncr_gcm_x86 *g, const uint8_t *m)
{
    const struct nacre_aes *c = &g->c->aes;
    __m256i counter = _mm256_broadcastsi128_si256(g->counter), k = gcm_vaes256_key(c, 0);
    struct gcm_vaes256_sum s = {_mm256_setzero_si256(), _mm256_setzero_si256(),
                                _mm256_setzero_si256()};
#pragma GCC unroll 8
    for (unsigned i = 0; i < GCM_VAES256_VECTORS; i++) {
        x[i] = _mm256_xor_si256(gcm_vaes256_counter(counter, g->block + 2 * i), k);
    }
    g->block += 2 * GCM_VAES256_VECTORS;
#pragma GCC unroll 8
    for (unsigned round = 1; round <= GCM_VAES256_VECTORS; round++) {
        k = gcm_vaes256_key(c, round);
#pragma GCC unroll 8
        for (unsigned i = 0; i < GCM_VAES256_VECTORS; i++) {
            x[i] = _mm256_aesenc_epi128(x[i], k);
        }
        if (m != NULL) {
            gcm_vaes256_hash(&s, g, m, GCM_VAES256_VECTORS - round);
        }
    }
    for (unsigned round = GCM_VAES256_VECTORS + 1; round < c->rounds; round++) {
        k = gcm_vaes256_key(c, round);
#pragma GCC unroll 8
        for (unsigned i = 0; i < GCM_VAES256_VECTORS; i++) {
            x[i] = _mm256_aesenc_epi128(x[i], k);
        }
    }
    k = gcm_vaes256_key(c, c->rounds);
#pragma GCC unroll 8
    for (unsigned i = 0; i < GCM_VAES256_VECTORS; i++) {
        x[i] = _mm256_aesenclast_epi128(x[i], k);
    }
    g->y = m != NULL ? gcm_vaes256_reduce(&s) : g->y;
}

GCM_VAES256 NCR_INLINE void gcm_vaes256_xor(uint8_t *out, const uint8_t *in, const __m256i x[8])
{
#pragma GCC unroll 8
    for (unsigned i = 0; i < GCM_VAES256_VECTORS; i++) {
        size_t at = (size_t)GCM_VAES256_VECTOR * i;
        __m256i m = _mm256_xor_si256(gcm_vaes256_load(in + at), x[i]);
        _mm256_storeu_si256((__m256i *)(void *)(out + at), m);
    }
}

/* Each batch is hashed while its key stream is made, or the next one's where it has to be encrypted
 * first. */
GCM_VAES256 void ncr_gcm_vaes256(uint8_t *out, uint8_t tag[NACRE_GCM_TAG_LEN],
                                 const struct nacre_gcm *c, const uint8_t iv[NACRE_GCM_IV_LEN],
                                 const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t n,
                                 bool seal)
{
    struct ncr_gcm_x86 g;
    __m256i x[GCM_VAES256_VECTORS];
    __m128i last[2 * GCM_VAES256_VECTORS], lengths = ncr_gcm_x86_lengths(aad_len, n);
    const uint8_t *sealed = NULL;
    ncr_gcm_x86_start(&g, c, iv, aad, aad_len);
    for (; n >= GCM_VAES256_BATCH; n -= GCM_VAES256_BATCH) {
        gcm_vaes256_batch(x, &g, seal ? sealed : in);
        gcm_vaes256_xor(out, in, x);
        sealed = out;
        in += GCM_VAES256_BATCH, out += GCM_VAES256_BATCH;
    }
    gcm_vaes256_batch(x, &g, seal ? sealed : NULL);
    memcpy(last, x, sizeof last);
    ncr_gcm_x86_finish(out, tag, &g, last, in, n, lengths, seal);
    nacre_wipe(last, sizeof last);
    nacre_wipe(&g, sizeof g);
}
#endif
