/* SPDX-License-Identifier: ISC
 *
 * X25519's ladder with AVX-512 IFMA, four products side by side: the twin of x25519_ladder in
 * x25519.c.
 *
 * A step (names of RFC 7748 section 5) is three products of vectors and, before the first two, a
 * sum or difference of neighbours:
 *
 *     x2, z2, x3, z3  ->  A, B, C, D               times A, B, B, A     = AA, BB, CB, DA
 *                     ->  AA, E, S, T              times BB, a24, S, T  = x2, a24 E, x3, TT
 *                     ->  x2, AA + a24 E, x3, TT   times 1, E, 1, x1    = x2, z2, x3, z3
 *
 * with S = CB + DA and T = CB - DA. CT in scalar and point.
 */
#include "crypto/fast.h"
#include "crypto/fe25519_ifma.h"

#if NCR_X86 && NCR_INT128

#define X25519_IFMA_A24 121665

/* w = AA, BB, CB, DA (wide) from x2, z2, x3, z3 (wide), which are exchanged in pairs first if flip
 * is 2, and not if it is 0. */
NCR_IFMA NCR_INLINE void x25519_ifma_squares(struct ncr_fe25519x4 *w, const struct ncr_fe25519x4 *s,
                                             __m256i flip)
{
    const __m256i first = _mm256_xor_si256(_mm256_set_epi64x(2, 2, 0, 0), flip);
    const __m256i second = _mm256_xor_si256(_mm256_set_epi64x(3, 3, 1, 1), flip);
    struct ncr_fe25519x4 t = ncr_fe25519x4_places(s, first), u = ncr_fe25519x4_places(s, second);
    ncr_fe25519x4_add_sub(&t, &u, 0x5, 0xa);
    ncr_fe25519x4_carry(&t);
    u = ncr_fe25519x4_places(&t, _mm256_set_epi64x(0, 1, 1, 0));
    ncr_fe25519x4_mul(w, &t, &u);
}

/* One step, wide to wide; f is 1, any, 1, x1. */
NCR_IFMA NCR_INLINE void x25519_ifma_step(struct ncr_fe25519x4 *s, const struct ncr_fe25519x4 *f,
                                          __m256i flip)
{
    const __m256i zero = _mm256_setzero_si256(), a24 = ncr_ifma_word(X25519_IFMA_A24);
    const struct ncr_fe25519x4 none = {{zero, zero, zero, zero, zero}};
    const struct ncr_fe25519x4 small = {{a24, zero, zero, zero, zero}};
    struct ncr_fe25519x4 t, u, w, aa;
    x25519_ifma_squares(&w, s, flip);
    t = ncr_fe25519x4_places(&w, _mm256_set_epi64x(2, 2, 0, 0));
    u = ncr_fe25519x4_places(&w, _mm256_set_epi64x(3, 3, 1, 1));
    ncr_fe25519x4_add_sub(&t, &u, 0x4, 0xa); /* AA, E, S, T */
    u = ncr_fe25519x4_blend(&t, &u, 0x1);    /* BB, E, S, T */
    ncr_fe25519x4_carry(&t);
    ncr_fe25519x4_carry(&u);
    u = ncr_fe25519x4_blend(&u, &small, 0x2);
    aa = ncr_fe25519x4_places(&t, zero);
    aa = ncr_fe25519x4_blend(&none, &aa, 0x2);
    ncr_fe25519x4_mul_add(&w, &t, &u, &aa);
    ncr_fe25519x4_carry(&w);
    u = ncr_fe25519x4_blend(f, &t, 0x2);
    ncr_fe25519x4_mul(s, &w, &u);
}

NCR_IFMA void ncr_x25519_ladder_ifma(uint64_t x2[5], uint64_t z2[5], const uint8_t k[32],
                                     const uint64_t x1[5])
{
    struct ncr_fe25519x4 s, f;
    unsigned swapped = 0;
    for (unsigned i = 0; i < 5; i++) {
        s.v[i] = _mm256_set_epi64x(i == 0, (long long)x1[i], 0, i == 0);
        f.v[i] = _mm256_set_epi64x((long long)x1[i], i == 0, 0, i == 0);
    }
    for (int i = 254; i >= 0; i--) {
        const unsigned bit = k[i / 8] >> (i % 8) & 1;
        x25519_ifma_step(&s, &f, ncr_ifma_word((uint64_t)(bit ^ swapped) << 1));
        swapped = bit;
    }
    ncr_fe25519x4_carry(&s);
    for (unsigned i = 0; i < 5; i++) {
        uint64_t lanes[4];
        _mm256_storeu_si256((void *)lanes, s.v[i]);
        x2[i] = lanes[0];
        z2[i] = lanes[1];
    }
}
#endif
