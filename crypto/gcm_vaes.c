/* SPDX-License-Identifier: ISC
 *
 * AES-GCM with VAES and VPCLMULQDQ in AVX-512 registers, 16 blocks in four vectors side by side:
 * the twin of gcm.c, in the shape of gcm_aesni.c.
 *
 * A vector of four blocks meets the four powers of the hash key that stand side by side in the
 * context; the four sums are added before the one reduction of a batch. The last bytes are loaded
 * and stored under a mask. CT in key and message; lengths leak.
 */
#include "crypto/gcm_x86.h"

#if NCR_X86

#define GCM_VAES                                                                                   \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,aes,pclmul,ssse3")))

/* Of vectors of four blocks. */
enum { GCM_VAES_VECTORS = 4, GCM_VAES_VECTOR = 64, GCM_VAES_BATCH = 4 * 64 };

/* Sums of products, lower half, middle and upper half, overlapping by 64 bits: one product more
 * than in the form of gcm_x86.h, but a result that is there earlier, which is what counts here. */
struct gcm_vaes_sum {
    __m512i low, middle, high;
};

GCM_VAES NCR_INLINE __m512i gcm_vaes_reverse(__m512i x)
{
    return _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(ncr_x86_order()));
}

GCM_VAES NCR_INLINE __m512i gcm_vaes_key(const struct nacre_aes *c, unsigned round)
{
    return _mm512_broadcast_i32x4(ncr_aes_x86_key(c, round));
}

GCM_VAES NCR_INLINE void gcm_vaes_clear(struct gcm_vaes_sum *s)
{
    s->low = s->middle = s->high = _mm512_setzero_si512();
}

/* s += x h, four times. */
GCM_VAES NCR_INLINE void gcm_vaes_add(struct gcm_vaes_sum *s, __m512i x, __m512i h)
{
    s->low = _mm512_xor_si512(s->low, _mm512_clmulepi64_epi128(x, h, 0x00));
    s->high = _mm512_xor_si512(s->high, _mm512_clmulepi64_epi128(x, h, 0x11));
    s->middle = _mm512_xor_si512(s->middle, _mm512_xor_si512(_mm512_clmulepi64_epi128(x, h, 0x01),
                                                             _mm512_clmulepi64_epi128(x, h, 0x10)));
}

GCM_VAES NCR_INLINE __m128i gcm_vaes_lanes(__m512i x)
{
    __m256i half = _mm256_xor_si256(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
    return _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

/* The four sums in one, in the form of three products. */
GCM_VAES NCR_INLINE struct ncr_gcm_x86_sum gcm_vaes_total(const struct gcm_vaes_sum *s)
{
    __m512i low = _mm512_xor_si512(s->low, _mm512_bslli_epi128(s->middle, 8));
    __m512i high = _mm512_xor_si512(s->high, _mm512_bsrli_epi128(s->middle, 8));
    struct ncr_gcm_x86_sum sum;
    sum.low = gcm_vaes_lanes(low);
    sum.high = gcm_vaes_lanes(high);
    sum.middle = _mm_xor_si128(sum.low, sum.high);
    return sum;
}

/* The counter blocks from number n on. */
GCM_VAES NCR_INLINE __m512i gcm_vaes_counter(__m512i counter, uint32_t n)
{
    const __m512i lane = _mm512_setr_epi32(0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0);
    __m512i more = _mm512_add_epi32(lane, _mm512_maskz_set1_epi32(0x1111, (int)n));
    return gcm_vaes_reverse(_mm512_add_epi32(counter, more));
}

/* Key stream of the next 16 blocks. Meanwhile the 16 blocks m, if there, are hashed. */
GCM_VAES NCR_INLINE void gcm_vaes_batch(__m512i x[4], struct ncr_gcm_x86 *g, const __m512i *m)
{
    const struct nacre_aes *c = &g->c->aes;
    __m512i counter = _mm512_broadcast_i32x4(g->counter), k = gcm_vaes_key(c, 0);
    struct gcm_vaes_sum s;
    gcm_vaes_clear(&s);
#pragma GCC unroll 4
    for (unsigned i = 0; i < GCM_VAES_VECTORS; i++) {
        x[i] = _mm512_xor_si512(gcm_vaes_counter(counter, g->block + 4 * i), k);
    }
    g->block += 4 * GCM_VAES_VECTORS;
#pragma GCC unroll 4
    for (unsigned round = 1; round <= GCM_VAES_VECTORS; round++) {
        unsigned at = GCM_VAES_VECTORS - round;
        k = gcm_vaes_key(c, round);
#pragma GCC unroll 4
        for (unsigned i = 0; i < GCM_VAES_VECTORS; i++) {
            x[i] = _mm512_aesenc_epi128(x[i], k);
        }
        if (m != NULL) {
            __m512i block = gcm_vaes_reverse(m[at]);
            block = at == 0 ? _mm512_xor_si512(block, _mm512_zextsi128_si512(g->y)) : block;
            gcm_vaes_add(&s, block, _mm512_loadu_si512(ncr_gcm_x86_powers(g->c, 16 - 4 * at)));
        }
    }
    for (unsigned round = GCM_VAES_VECTORS + 1; round < c->rounds; round++) {
        k = gcm_vaes_key(c, round);
#pragma GCC unroll 4
        for (unsigned i = 0; i < GCM_VAES_VECTORS; i++) {
            x[i] = _mm512_aesenc_epi128(x[i], k);
        }
    }
    k = gcm_vaes_key(c, c->rounds);
#pragma GCC unroll 4
    for (unsigned i = 0; i < GCM_VAES_VECTORS; i++) {
        x[i] = _mm512_aesenclast_epi128(x[i], k);
    }
    if (m != NULL) {
        struct ncr_gcm_x86_sum sum = gcm_vaes_total(&s);
        g->y = ncr_gcm_x86_reduce(&sum);
    }
}

GCM_VAES NCR_INLINE void gcm_vaes_load(__m512i m[4], const uint8_t *in)
{
#pragma GCC unroll 4
    for (size_t i = 0; i < GCM_VAES_VECTORS; i++) {
        m[i] = _mm512_loadu_si512(in + GCM_VAES_VECTOR * i);
    }
}

/* m becomes m + x, also at out. */
GCM_VAES NCR_INLINE void gcm_vaes_xor(uint8_t *out, __m512i m[4], const __m512i x[4])
{
#pragma GCC unroll 4
    for (size_t i = 0; i < GCM_VAES_VECTORS; i++) {
        m[i] = _mm512_xor_si512(m[i], x[i]);
        _mm512_storeu_si512(out + GCM_VAES_VECTOR * i, m[i]);
    }
}

/* Encrypts whole batches; each is hashed while the next one is encrypted. Leaves key stream for
 * what follows in x. The bytes done. */
GCM_VAES NCR_INLINE size_t gcm_vaes_seal(uint8_t *out, __m512i x[4], struct ncr_gcm_x86 *g,
                                         const uint8_t *in, size_t n)
{
    __m512i m[GCM_VAES_VECTORS];
    size_t done;
    gcm_vaes_batch(x, g, NULL);
    for (done = 0; n - done >= GCM_VAES_BATCH; done += GCM_VAES_BATCH) {
        gcm_vaes_load(m, in + done);
        gcm_vaes_xor(out + done, m, x);
        gcm_vaes_batch(x, g, m);
    }
    return done;
}

/* Decrypts whole batches, and hashes each while its key stream is made. As above. */
GCM_VAES NCR_INLINE size_t gcm_vaes_open(uint8_t *out, __m512i x[4], struct ncr_gcm_x86 *g,
                                         const uint8_t *in, size_t n)
{
    __m512i m[GCM_VAES_VECTORS];
    size_t done;
    for (done = 0; n - done >= GCM_VAES_BATCH; done += GCM_VAES_BATCH) {
        gcm_vaes_load(m, in + done);
        gcm_vaes_batch(x, g, m);
        gcm_vaes_xor(out + done, m, x);
    }
    gcm_vaes_batch(x, g, NULL);
    return done;
}

/* As ncr_gcm_x86_finish(). */
GCM_VAES NCR_INLINE void gcm_vaes_finish(uint8_t *out, uint8_t tag[NACRE_GCM_TAG_LEN],
                                         const struct ncr_gcm_x86 *g, const __m512i x[4],
                                         const uint8_t *in, size_t n, __m128i lengths, bool seal)
{
    struct gcm_vaes_sum s;
    struct ncr_gcm_x86_sum sum;
    size_t blocks = n / NACRE_AES_BLOCK + (n % NACRE_AES_BLOCK != 0);
    size_t more = blocks < NCR_GCM_POWERS;
    __m512i y = _mm512_zextsi128_si512(g->y);
    gcm_vaes_clear(&s);
    for (size_t i = 0; n > 0; i++) {
        size_t take = n < GCM_VAES_VECTOR ? n : GCM_VAES_VECTOR, left = blocks - 4 * i;
        __mmask64 there = UINT64_MAX >> (GCM_VAES_VECTOR - take);
        __mmask8 words = (__mmask8)(left < 4 ? (1 << 2 * left) - 1 : 0xff);
        __m512i from = _mm512_maskz_loadu_epi8(there, in), to = _mm512_xor_si512(from, x[i]);
        __m512i h = _mm512_maskz_loadu_epi64(words, ncr_gcm_x86_powers(g->c, left + more));
        _mm512_mask_storeu_epi8(out, there, to);
        __m512i sealed = gcm_vaes_reverse(seal ? _mm512_maskz_mov_epi8(there, to) : from);
        gcm_vaes_add(&s, _mm512_xor_si512(sealed, y), h);
        y = _mm512_setzero_si512();
        in += take, out += take, n -= take;
    }
    sum = gcm_vaes_total(&s);
    if (more == 0) {
        y = _mm512_zextsi128_si512(ncr_gcm_x86_reduce(&sum));
        sum.low = sum.middle = sum.high = _mm_setzero_si128();
    }
    ncr_gcm_x86_add(&sum, _mm_xor_si128(_mm512_castsi512_si128(y), lengths),
                    ncr_gcm_x86_power(g->c, 1));
    ncr_x86_store(tag, _mm_xor_si128(ncr_x86_reverse(ncr_gcm_x86_reduce(&sum)), g->mask));
}

GCM_VAES void ncr_gcm_vaes(uint8_t *out, uint8_t tag[NACRE_GCM_TAG_LEN], const struct nacre_gcm *c,
                           const uint8_t iv[NACRE_GCM_IV_LEN], const uint8_t *aad, size_t aad_len,
                           const uint8_t *in, size_t n, bool seal)
{
    struct ncr_gcm_x86 g;
    __m512i x[GCM_VAES_VECTORS];
    size_t done;
    ncr_gcm_x86_start(&g, c, iv, aad, aad_len);
    done = seal ? gcm_vaes_seal(out, x, &g, in, n) : gcm_vaes_open(out, x, &g, in, n);
    gcm_vaes_finish(out + done, tag, &g, x, in + done, n - done, ncr_gcm_x86_lengths(aad_len, n),
                    seal);
    nacre_wipe(x, sizeof x);
    nacre_wipe(&g, sizeof g);
}
#endif
