/* SPDX-License-Identifier: ISC
 *
 * X25519's ladder with AVX-512 IFMA: four products side by side, one per 64-bit lane; the twin of
 * x25519_ladder in x25519.c.
 *
 * A number modulo p = 2^255 - 19 is five limbs of 51 bits, and a vector holds one limb each of four
 * numbers. A step (names of RFC 7748 section 5) is three products of vectors and, before the first
 * two, a sum or difference of neighbours:
 *
 *     x2, z2, x3, z3  ->  A, B, C, D           times A, B, B, A          = AA, BB, CB, DA
 *                     ->  AA, E, S, T          times BB, a24, S, T       = x2, a24 E, x3, TT
 *                     ->  x2, AA + a24 E, x3, TT   times 1, E, 1, x1     = x2, z2, x3, z3
 *
 * with S = CB + DA and T = CB - DA. The multiplications take the low 52 bits of their operands and
 * add the lower or the upper 52 bits of the product. CT in scalar and point.
 *
 * Bounds. An operand of a product has limbs < 2^51 + 2^16 ("carried"). Then a column is the sum of
 * at most five lower parts < 2^52 and twice five upper parts < 2^50 + 2^17, together < 2^54.91, with
 * an addend < 2^55.01; and, for what is over 2^255 comes back 19 times, 20 of them are < 2^59.34
 * ("wide").
 */
#include "crypto/fast.h"
#include "crypto/ct.h"

#if NCR_X86 && NCR_INT128
#include <immintrin.h>

#define X25519_IFMA __attribute__((target("avx512f,avx512dq,avx512vl,avx512ifma,avx2")))
#define X25519_IFMA_A24 121665
#define X25519_IFMA_MASK ((UINT64_C(1) << 51) - 1)

/* Four numbers, limb by limb. */
struct x25519_ifma {
    __m256i v[5];
};

X25519_IFMA NCR_INLINE __m256i x25519_ifma_word(uint64_t x)
{
    return _mm256_set1_epi64x((long long)x);
}

/* Carries limbs < 2^62, all at once: they become < 2^51 + 2^11, but for the lowest, < 2^51 +
 * 19 * 2^11 < 2^51 + 2^16. From wide limbs it is < 2^51 + 19 * 2^8.34 < 2^51 + 2^13. */
X25519_IFMA NCR_INLINE void x25519_ifma_carry(struct x25519_ifma *r)
{
    const __m256i mask = x25519_ifma_word(X25519_IFMA_MASK);
    __m256i c[5];
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        c[i] = _mm256_srli_epi64(r->v[i], 51);
        r->v[i] = _mm256_and_si256(r->v[i], mask);
    }
    r->v[0] = _mm256_madd52lo_epu64(r->v[0], c[4], x25519_ifma_word(19));
#pragma GCC unroll 4
    for (unsigned i = 1; i < 5; i++) {
        r->v[i] = _mm256_add_epi64(r->v[i], c[i - 1]);
    }
}

/* lo + 2 hi, the sum of a column. */
X25519_IFMA NCR_INLINE __m256i x25519_ifma_column(__m256i lo, __m256i hi)
{
    return _mm256_add_epi64(_mm256_add_epi64(lo, hi), hi);
}

/* lo + 19 hi */
X25519_IFMA NCR_INLINE __m256i x25519_ifma_fold(__m256i lo, __m256i hi)
{
    const __m256i a = _mm256_add_epi64(_mm256_slli_epi64(hi, 1), _mm256_slli_epi64(hi, 4));
    return _mm256_add_epi64(_mm256_add_epi64(lo, hi), a);
}

/* r = a b + c, wide, for carried a, b, c. */
X25519_IFMA NCR_INLINE void x25519_ifma_mul(struct x25519_ifma *r, const struct x25519_ifma *a,
                                            const struct x25519_ifma *b,
                                            const struct x25519_ifma *c)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i lo[10], hi[10];
#pragma GCC unroll 10
    for (unsigned i = 0; i < 10; i++) {
        lo[i] = i < 5 ? c->v[i] : zero;
        hi[i] = zero;
    }
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
#pragma GCC unroll 5
        for (unsigned j = 0; j < 5; j++) {
            lo[i + j] = _mm256_madd52lo_epu64(lo[i + j], a->v[i], b->v[j]);
            hi[i + j + 1] = _mm256_madd52hi_epu64(hi[i + j + 1], a->v[i], b->v[j]);
        }
    }
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        r->v[i] = x25519_ifma_fold(x25519_ifma_column(lo[i], hi[i]),
                                   x25519_ifma_column(lo[i + 5], hi[i + 5]));
    }
}

/* In each lane a + b or, where minus has a bit, a - b + 2^9 p, for limb i of wide numbers: less
 * than 2^59.34 + 2^60, and not below 0. */
X25519_IFMA NCR_INLINE __m256i x25519_ifma_add_sub(__m256i a, __m256i b, __mmask8 minus, unsigned i)
{
    const uint64_t p = i == 0 ? X25519_IFMA_MASK - 18 : X25519_IFMA_MASK;
    return _mm256_add_epi64(a, _mm256_mask_sub_epi64(b, minus, x25519_ifma_word(p << 9), b));
}

/* Places of the first and of the second term of x2 + z2, x2 - z2, x3 + z3, x3 - z3. */
struct x25519_ifma_places {
    __m256i first, second;
};

/* w = AA, BB, CB, DA (wide) from x2, z2, x3, z3 in these places. */
X25519_IFMA NCR_INLINE void x25519_ifma_squares(struct x25519_ifma *w, const struct x25519_ifma *s,
                                                const struct x25519_ifma_places *at)
{
    const __m256i zero = _mm256_setzero_si256();
    const struct x25519_ifma none = {{zero, zero, zero, zero, zero}};
    struct x25519_ifma t, u;
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        t.v[i] = x25519_ifma_add_sub(_mm256_permutexvar_epi64(at->first, s->v[i]),
                                     _mm256_permutexvar_epi64(at->second, s->v[i]), 0xa, i);
    }
    x25519_ifma_carry(&t);
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        u.v[i] = _mm256_permute4x64_epi64(t.v[i], _MM_SHUFFLE(0, 1, 1, 0));
    }
    x25519_ifma_mul(w, &t, &u, &none);
}

/* One step, wide to wide; f is 1, any, 1, x1. */
X25519_IFMA NCR_INLINE void x25519_ifma_step(struct x25519_ifma *s, const struct x25519_ifma *f,
                                             const struct x25519_ifma_places *at)
{
    const __m256i zero = _mm256_setzero_si256(), a24 = x25519_ifma_word(X25519_IFMA_A24);
    const struct x25519_ifma none = {{zero, zero, zero, zero, zero}};
    struct x25519_ifma t, u, w, aa;
    x25519_ifma_squares(&w, s, at);
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) { /* t = AA + 0, AA - BB, CB + DA, CB - DA; u = BB, -, S, T */
        __m256i first = _mm256_permute4x64_epi64(w.v[i], _MM_SHUFFLE(2, 2, 0, 0));
        __m256i second = _mm256_maskz_permutex_epi64(0xe, w.v[i], _MM_SHUFFLE(3, 3, 1, 0));
        t.v[i] = x25519_ifma_add_sub(first, second, 0xa, i);
        u.v[i] = _mm256_mask_permutex_epi64(t.v[i], 1, w.v[i], _MM_SHUFFLE(0, 0, 0, 1));
    }
    x25519_ifma_carry(&t);
    x25519_ifma_carry(&u);
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) { /* the product of lane 1 is a24 E + AA */
        u.v[i] = _mm256_mask_mov_epi64(u.v[i], 2, i == 0 ? a24 : zero);
        aa.v[i] = _mm256_maskz_permutex_epi64(2, t.v[i], _MM_SHUFFLE(0, 0, 0, 0));
    }
    x25519_ifma_mul(&w, &t, &u, &aa);
    x25519_ifma_carry(&w);
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        u.v[i] = _mm256_mask_mov_epi64(f->v[i], 2, t.v[i]);
    }
    x25519_ifma_mul(s, &w, &u, &none);
}

X25519_IFMA void ncr_x25519_ladder_ifma(uint64_t x2[5], uint64_t z2[5], const uint8_t k[32],
                                        const uint64_t x1[5])
{
    const __m256i first = _mm256_set_epi64x(2, 2, 0, 0), second = _mm256_set_epi64x(3, 3, 1, 1);
    struct x25519_ifma s, f;
    unsigned swapped = 0;
    for (unsigned i = 0; i < 5; i++) {
        s.v[i] = _mm256_set_epi64x(i == 0, (long long)x1[i], 0, i == 0);
        f.v[i] = _mm256_set_epi64x((long long)x1[i], i == 0, 0, i == 0);
    }
    for (int i = 254; i >= 0; i--) {
        const unsigned bit = k[i / 8] >> (i % 8) & 1;
        const __m256i flip = x25519_ifma_word((uint64_t)(bit ^ swapped) << 1);
        const struct x25519_ifma_places at = {_mm256_xor_si256(first, flip),
                                              _mm256_xor_si256(second, flip)};
        x25519_ifma_step(&s, &f, &at);
        swapped = bit;
    }
    x25519_ifma_carry(&s);
    for (unsigned i = 0; i < 5; i++) {
        uint64_t lanes[4];
        _mm256_storeu_si256((void *)lanes, s.v[i]);
        x2[i] = lanes[0];
        z2[i] = lanes[1];
    }
}
#endif
