/* SPDX-License-Identifier: ISC
 *
 * Multiples of points of edwards25519 with AVX-512 IFMA, four products side by side: the twins of
 * what ge25519.c does one after the other, on the same digits.
 *
 * A point is the vector X, Y, Z, T (lanes from the first on), wide. Addition and doubling are the
 * formulas of RFC 8032 section 5.1.4, two products of vectors each. A second operand is kept as
 * Y - X, Y + X, 2Z, 2dT.
 */
#include "crypto/fast.h"
#include "crypto/fe25519_ifma.h"
#include "crypto/ge25519.h"

#if NCR_X86 && NCR_INT128

/* The lanes a to d of a vector, the first first. */
NCR_IFMA NCR_INLINE __m256i ge25519_ifma_lanes(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return _mm256_set_epi64x((long long)d, (long long)c, (long long)b, (long long)a);
}

/* Small numbers. */
NCR_IFMA NCR_INLINE struct ncr_fe25519x4 ge25519_ifma_small(uint64_t a, uint64_t b, uint64_t c,
                                                            uint64_t d)
{
    const __m256i zero = _mm256_setzero_si256();
    const struct ncr_fe25519x4 r = {{ge25519_ifma_lanes(a, b, c, d), zero, zero, zero, zero}};
    return r;
}

/* v = Y - X, Y + X, Z, T, carried. */
NCR_IFMA NCR_INLINE void ge25519_ifma_sums(struct ncr_fe25519x4 *v, const struct ncr_fe25519x4 *p)
{
    const struct ncr_fe25519x4 x = ncr_fe25519x4_places(p, _mm256_setzero_si256());
    *v = ncr_fe25519x4_places(p, ge25519_ifma_lanes(1, 1, 2, 3));
    ncr_fe25519x4_add_sub(v, &x, 0x2, 0x1);
    ncr_fe25519x4_carry(v);
}

/* p = p + q. E = B - A, H = B + A, F = D - C, G = D + C. */
NCR_IFMA NCR_INLINE void ge25519_ifma_add(struct ncr_fe25519x4 *p, const struct ncr_fe25519x4 *q)
{
    struct ncr_fe25519x4 v, w, left, right;
    ge25519_ifma_sums(&v, p);
    ncr_fe25519x4_mul(&w, &v, q); /* A, B, D, C */
    v = ncr_fe25519x4_places(&w, ge25519_ifma_lanes(1, 1, 2, 2));
    w = ncr_fe25519x4_places(&w, ge25519_ifma_lanes(0, 0, 3, 3));
    ncr_fe25519x4_add_sub(&v, &w, 0xa, 0x5); /* E, H, F, G */
    ncr_fe25519x4_carry(&v);
    left = ncr_fe25519x4_places(&v, ge25519_ifma_lanes(0, 3, 2, 0));
    right = ncr_fe25519x4_places(&v, ge25519_ifma_lanes(2, 1, 3, 1));
    ncr_fe25519x4_mul(p, &left, &right);
}

/* p = 2p. With A, B, C/2, S the squares of X, Y, Z, X + Y: -E = (A + B) - S, -H = A + B, -G = A -
 * B, -F = (A - B) + C. */
NCR_IFMA NCR_INLINE void ge25519_ifma_double(struct ncr_fe25519x4 *p)
{
    struct ncr_fe25519x4 v, w, left, right;
    v = ncr_fe25519x4_places(p, ge25519_ifma_lanes(0, 1, 2, 0));
    w = ncr_fe25519x4_places(p, ge25519_ifma_lanes(1, 1, 1, 1));
    ncr_fe25519x4_add_sub(&v, &w, 0x8, 0);
    ncr_fe25519x4_carry(&v);
    ncr_fe25519x4_mul(&w, &v, &v); /* A, B, C/2, S */
    right = ncr_fe25519x4_places(&w, ge25519_ifma_lanes(0, 0, 0, 0));
    v = ncr_fe25519x4_places(&w, ge25519_ifma_lanes(1, 1, 1, 1));
    ncr_fe25519x4_add_sub(&right, &v, 0x9, 0x6); /* -H, -G, -G, -H */
    left = right;
    v = ncr_fe25519x4_places(&w, ge25519_ifma_lanes(3, 3, 2, 3));
    ncr_fe25519x4_add_sub(&left, &v, 0x4, 0x9);
    ncr_fe25519x4_add_sub(&left, &v, 0x4, 0); /* -E, -G, -F, -E */
    ncr_fe25519x4_carry(&left);
    ncr_fe25519x4_carry(&right);
    v = ncr_fe25519x4_places(&left, ge25519_ifma_lanes(2, 2, 2, 2));
    right = ncr_fe25519x4_places(&right, ge25519_ifma_lanes(0, 0, 1, 0));
    right = ncr_fe25519x4_blend(&right, &v, 0x1); /* -F, -H, -G, -H */
    ncr_fe25519x4_mul(p, &left, &right);
}

NCR_IFMA NCR_INLINE struct ncr_fe25519x4 ge25519_ifma_neutral(void)
{
    return ge25519_ifma_small(0, 1, 1, 0);
}

/* q = -q where negative is ones in all lanes: Y - X and Y + X change places, and 2dT becomes
 * 2p - 2dT, for limbs below 2^51, in limbs below 2^52. */
NCR_IFMA NCR_INLINE void ge25519_ifma_cneg(struct ncr_fe25519x4 *q, __m256i negative)
{
    const __m256i swap = _mm256_and_si256(negative, ge25519_ifma_lanes(1, 1, 0, 0));
    const __m256i places = _mm256_xor_si256(ge25519_ifma_lanes(0, 1, 2, 3), swap);
    const __mmask8 last = 0x8 & _mm256_movepi64_mask(negative);
#pragma GCC unroll 5
    for (unsigned i = 0; i < 5; i++) {
        const uint64_t p = i == 0 ? NCR_FE25519X4_MASK - 18 : NCR_FE25519X4_MASK;
        const __m256i x = _mm256_permutexvar_epi64(places, q->v[i]);
        q->v[i] = _mm256_mask_sub_epi64(x, last, ncr_ifma_word(2 * p), x);
    }
}

/* Y - X, Y + X, 2, 2dT of words of the table. */
NCR_IFMA NCR_INLINE struct ncr_fe25519x4 ge25519_ifma_from_words(__m256i ypx, __m256i ymx,
                                                                 __m256i t2d)
{
    const __m256i mask = ncr_ifma_word(NCR_FE25519X4_MASK), two = ge25519_ifma_lanes(2, 0, 0, 0);
    const __m256i a = _mm256_unpacklo_epi64(ymx, ypx), b = _mm256_unpackhi_epi64(ymx, ypx);
    const __m256i c = _mm256_unpacklo_epi64(two, t2d), d = _mm256_unpackhi_epi64(two, t2d);
    const __m256i w0 = _mm256_permute2x128_si256(a, c, 0x20);
    const __m256i w1 = _mm256_permute2x128_si256(b, d, 0x20);
    const __m256i w2 = _mm256_permute2x128_si256(a, c, 0x31);
    const __m256i w3 = _mm256_permute2x128_si256(b, d, 0x31);
    struct ncr_fe25519x4 r;
    r.v[0] = _mm256_and_si256(w0, mask);
    r.v[1] = _mm256_or_si256(_mm256_srli_epi64(w0, 51), _mm256_slli_epi64(w1, 13));
    r.v[2] = _mm256_or_si256(_mm256_srli_epi64(w1, 38), _mm256_slli_epi64(w2, 26));
    r.v[3] = _mm256_or_si256(_mm256_srli_epi64(w2, 25), _mm256_slli_epi64(w3, 39));
    r.v[1] = _mm256_and_si256(r.v[1], mask);
    r.v[2] = _mm256_and_si256(r.v[2], mask);
    r.v[3] = _mm256_and_si256(r.v[3], mask);
    r.v[4] = _mm256_srli_epi64(w3, 12);
    return r;
}

/* digit row[0], for a row of the table; reads all of the row whatever the digit. */
NCR_IFMA NCR_INLINE struct ncr_fe25519x4 ge25519_ifma_select(const uint64_t row[8][12],
                                                             int8_t digit)
{
    const __m256i x = _mm256_set1_epi64x(digit), magnitude = _mm256_abs_epi64(x);
    __m256i ypx = ge25519_ifma_lanes(1, 0, 0, 0), ymx = ypx, t2d = _mm256_setzero_si256();
#pragma GCC unroll 8
    for (uint64_t j = 0; j < 8; j++) {
        const __mmask8 here = _mm256_cmpeq_epi64_mask(magnitude, ncr_ifma_word(j + 1));
        const uint64_t *w = row[j];
        ypx = _mm256_mask_mov_epi64(ypx, here, _mm256_loadu_si256((const void *)w));
        ymx = _mm256_mask_mov_epi64(ymx, here, _mm256_loadu_si256((const void *)(w + 4)));
        t2d = _mm256_mask_mov_epi64(t2d, here, _mm256_loadu_si256((const void *)(w + 8)));
    }
    struct ncr_fe25519x4 q = ge25519_ifma_from_words(ypx, ymx, t2d);
    ge25519_ifma_cneg(&q, _mm256_srai_epi64(x, 63));
    return q;
}

NCR_IFMA NCR_INLINE void ge25519_ifma_store(struct ncr_ge25519 *r, struct ncr_fe25519x4 *p)
{
    ncr_fe25519x4_carry(p);
    for (unsigned i = 0; i < 5; i++) {
        uint64_t lanes[4];
        _mm256_storeu_si256((void *)lanes, p->v[i]);
        r->x.v[i] = lanes[0];
        r->y.v[i] = lanes[1];
        r->z.v[i] = lanes[2];
        r->t.v[i] = lanes[3];
    }
}

NCR_IFMA void ncr_ge25519_sum_base_ifma(struct ncr_ge25519 *r, const uint64_t table[32][8][12],
                                        const int8_t digit[64])
{
    struct ncr_fe25519x4 p = ge25519_ifma_neutral(), q;
    for (int i = 1; i < 64; i += 2) {
        q = ge25519_ifma_select(table[i / 2], digit[i]);
        ge25519_ifma_add(&p, &q);
    }
    for (int k = 0; k < 4; k++) {
        ge25519_ifma_double(&p);
    }
    for (int i = 0; i < 64; i += 2) {
        q = ge25519_ifma_select(table[i / 2], digit[i]);
        ge25519_ifma_add(&p, &q);
    }
    ge25519_ifma_store(r, &p);
}

/* ---- What is not constant-time ------------------------------------------------------------ */

/* 2d */
static const uint64_t ge25519_ifma_2d[5] = {
    0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977, 0x2406d9dc56dff,
};

/* q = Y - X, Y + X, 2Z, 2dT of p, carried. */
NCR_IFMA static void ge25519_ifma_cache(struct ncr_fe25519x4 *q, const struct ncr_fe25519x4 *p)
{
    struct ncr_fe25519x4 factor;
    for (unsigned i = 0; i < 5; i++) {
        const uint64_t first = i == 0;
        factor.v[i] = ge25519_ifma_lanes(first, first, 2 * first, ge25519_ifma_2d[i]);
    }
    ge25519_ifma_sums(q, p);
    ncr_fe25519x4_mul(q, q, &factor);
    ncr_fe25519x4_carry(q);
}

/* p, 3p, 5p, 7p */
NCR_IFMA static void ge25519_ifma_odd_multiples(struct ncr_fe25519x4 odd[4],
                                                const struct ncr_ge25519 *p)
{
    struct ncr_fe25519x4 q, twice;
    for (unsigned i = 0; i < 5; i++) {
        q.v[i] = ge25519_ifma_lanes(p->x.v[i], p->y.v[i], p->z.v[i], p->t.v[i]);
    }
    ge25519_ifma_cache(&odd[0], &q);
    twice = q;
    ge25519_ifma_double(&twice);
    ge25519_ifma_cache(&twice, &twice);
    for (unsigned i = 1; i < 4; i++) {
        ge25519_ifma_add(&q, &twice);
        ge25519_ifma_cache(&odd[i], &q);
    }
}

/* digit times what odd[] has the odd multiples of, for odd digits from -7 to 7. */
NCR_IFMA NCR_INLINE struct ncr_fe25519x4
ge25519_ifma_digit_vartime(const struct ncr_fe25519x4 odd[4], int digit)
{
    struct ncr_fe25519x4 q = odd[(digit < 0 ? -digit : digit) / 2];
    if (digit < 0) {
        ge25519_ifma_cneg(&q, ncr_ifma_word(UINT64_MAX));
    }
    return q;
}

NCR_IFMA void ncr_ge25519_mul2_ifma_vartime(struct ncr_ge25519 *r, const uint8_t a[32],
                                            const struct ncr_ge25519 *p, const uint8_t b[32],
                                            const uint64_t row[8][12])
{
    struct ncr_fe25519x4 odd[4], sum = ge25519_ifma_neutral(), q;
    int8_t naf_a[256], naf_b[256];
    int i = 255;
    ncr_ge25519_naf_vartime(naf_a, a);
    ncr_ge25519_naf_vartime(naf_b, b);
    ge25519_ifma_odd_multiples(odd, p);
    while (i >= 0 && naf_a[i] == 0 && naf_b[i] == 0) {
        i--;
    }
    for (; i >= 0; i--) {
        ge25519_ifma_double(&sum);
        if (naf_a[i] != 0) {
            q = ge25519_ifma_digit_vartime(odd, naf_a[i]);
            ge25519_ifma_add(&sum, &q);
        }
        if (naf_b[i] != 0) {
            q = ge25519_ifma_select(row, naf_b[i]);
            ge25519_ifma_add(&sum, &q);
        }
    }
    ge25519_ifma_store(r, &sum);
}
#endif
