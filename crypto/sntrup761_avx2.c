/* SPDX-License-Identifier: ISC
 *
 * The two longest loops of sntrup761 with AVX2, 16 coefficients side by side: twins of
 * sntrup_mul_groups and sntrup_steps in sntrup761.c, which explains them. CT in all polynomials, on
 * the understanding that vector multiplications are.
 *
 * Coefficients are signed here. A Montgomery product of a, whose -a/q modulo 2^16 is at hand, and b
 * is (ab - mq) / 2^16 with m = ab/q modulo 2^16: the low halves of ab and mq are the same, and it
 * is the difference of the high ones, at most |ab| / 2^16 + q/2.
 */
#include "crypto/sntrup761.h"

#if NCR_X86
#include <immintrin.h>
#include <stddef.h>

#define SNTRUP_AVX2 __attribute__((target("avx2")))
enum { SNTRUP_AVX2_LANES = 16, SNTRUP_AVX2_QINV = 0x3d0f /* 1/q modulo 2^16 */ };

SNTRUP_AVX2 NCR_INLINE __m256i sntrup_avx2_load(const void *p)
{
    return _mm256_loadu_si256(p);
}

/* acc + f c for 13 coefficients of c, where f comes one place lower for each. At most
 * 2932 + 13 * 2295 = 32767. */
SNTRUP_AVX2 NCR_INLINE __m256i sntrup_avx2_sum(__m256i acc, const int16_t *f,
                                               const __m256i c[NCR_SNTRUP_GROUP])
{
#pragma GCC unroll 13
    for (size_t t = 0; t < NCR_SNTRUP_GROUP; t++) {
        acc = _mm256_add_epi16(acc, _mm256_mullo_epi16(sntrup_avx2_load(f - t), c[t]));
    }
    return acc;
}

SNTRUP_AVX2 void ncr_sntrup_mul_groups_avx2(struct ncr_sntrup_product *p,
                                            const int16_t g[NCR_SNTRUP_ROOM])
{
    /* x - q round(7x / 2^15), which for 16 bits is at most 2932 away from 0. */
    const __m256i seven = _mm256_set1_epi16(7), q = _mm256_set1_epi16(NCR_SNTRUP_Q);
    for (size_t i = 0; i < NCR_SNTRUP_P; i += NCR_SNTRUP_GROUP) {
        __m256i c[NCR_SNTRUP_GROUP];
#pragma GCC unroll 13
        for (size_t t = 0; t < NCR_SNTRUP_GROUP; t++) {
            c[t] = _mm256_set1_epi16(g[i + t]);
        }
        for (size_t j = 0; j < NCR_SNTRUP_SPAN; j += SNTRUP_AVX2_LANES) {
            int16_t *acc = p->acc + i + j;
            __m256i s = sntrup_avx2_sum(sntrup_avx2_load(acc), p->f + NCR_SNTRUP_PAD + j, c);
            s = _mm256_sub_epi16(s, _mm256_mullo_epi16(_mm256_mulhrs_epi16(s, seven), q));
            _mm256_storeu_si256((void *)acc, s);
        }
    }
}

/* What a step multiplies by: f(0) and g(0), each also times 1/q, and the exchange. */
struct sntrup_avx2_step {
    __m256i f0, f0_q, g0, g0_q, q, swap;
};

/* f(0) g - g(0) f modulo q into g_to, and g into f_to where an exchange is due. Operands of 5600 at
 * most give 2 (5600^2 / 2^16 + q/2) < 5600. */
SNTRUP_AVX2 NCR_INLINE void sntrup_avx2_step(uint16_t *g_to, uint16_t *f_to, const uint16_t *f_at,
                                             const uint16_t *g_at, const struct sntrup_avx2_step *s)
{
    const __m256i f = sntrup_avx2_load(f_at), g = sntrup_avx2_load(g_at);
    const __m256i a = _mm256_mulhi_epi16(_mm256_mullo_epi16(g, s->f0_q), s->q);
    const __m256i b = _mm256_mulhi_epi16(_mm256_mullo_epi16(f, s->g0_q), s->q);
    const __m256i c = _mm256_sub_epi16(_mm256_mulhi_epi16(g, s->f0), a);
    const __m256i d = _mm256_sub_epi16(_mm256_mulhi_epi16(f, s->g0), b);
    _mm256_storeu_si256((void *)g_to, _mm256_sub_epi16(c, d));
    _mm256_storeu_si256((void *)f_to, _mm256_blendv_epi8(f, g, s->swap));
}

/* The step's constants; moves delta on. */
SNTRUP_AVX2 NCR_INLINE void sntrup_avx2_step_init(struct sntrup_avx2_step *s, uint16_t f0,
                                                  uint16_t g0, uint32_t *delta)
{
    /* g(0), here -5600 to 5600, is 0 modulo q if it is 0, q or -q. */
    const uint32_t nonzero = ncr_ct_mask_nonzero32(g0) &
                             ncr_ct_mask_nonzero32((uint32_t)g0 ^ NCR_SNTRUP_Q) &
                             ncr_ct_mask_nonzero32((uint32_t)g0 ^ (0x10000 - NCR_SNTRUP_Q));
    s->f0 = _mm256_set1_epi16((short)f0);
    s->g0 = _mm256_set1_epi16((short)g0);
    s->q = _mm256_set1_epi16(NCR_SNTRUP_Q);
    s->f0_q = _mm256_mullo_epi16(s->f0, _mm256_set1_epi16(SNTRUP_AVX2_QINV));
    s->g0_q = _mm256_mullo_epi16(s->g0, _mm256_set1_epi16(SNTRUP_AVX2_QINV));
    s->swap = _mm256_set1_epi32((int)ncr_sntrup_swap(delta, nonzero));
}

/* f and g upwards, g moving down by one; r and v downwards, v moving up. */
SNTRUP_AVX2 void ncr_sntrup_steps_avx2(struct ncr_sntrup_fgvr *state)
{
    uint16_t *f = state->f + NCR_SNTRUP_PAD, *g = state->g + NCR_SNTRUP_PAD;
    uint16_t *v = state->v + NCR_SNTRUP_PAD, *r = state->r + NCR_SNTRUP_PAD;
    uint32_t delta = 1;
    for (size_t i = 0; i < NCR_SNTRUP_STEPS; i++) {
        const size_t low = i < NCR_SNTRUP_P ? i + 2 : NCR_SNTRUP_P + 1;
        const size_t left = NCR_SNTRUP_STEPS - i;
        struct sntrup_avx2_step s;
        sntrup_avx2_step_init(&s, f[0], g[0], &delta);
        for (size_t j = 0; j < left && j <= NCR_SNTRUP_P; j += SNTRUP_AVX2_LANES) {
            sntrup_avx2_step(g + j - 1, f + j, f + j, g + j, &s);
        }
        for (size_t j = (low - 1) / SNTRUP_AVX2_LANES + 1; j-- > 0;) {
            const size_t at = j * SNTRUP_AVX2_LANES;
            sntrup_avx2_step(r + at, v + at, v + at - 1, r + at, &s);
        }
    }
    /* Unsigned again. */
    f[0] = (uint16_t)(f[0] + 2 * NCR_SNTRUP_Q);
    for (size_t j = 0; j < NCR_SNTRUP_P; j++) {
        v[j] = (uint16_t)(v[j] + 2 * NCR_SNTRUP_Q);
    }
}
#endif
