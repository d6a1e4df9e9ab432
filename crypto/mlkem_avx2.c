/* SPDX-License-Identifier: ISC
 *
 * The transform of ML-KEM with AVX2, sixteen coefficients to a register: the twin of mlkem_ntt.c,
 * which says what the functions do and why nothing overflows; each gives the same numbers.
 *
 * Blocks of 32 coefficients and more are whole registers. For the smaller ones two registers
 * exchange halves, quarters or eighths, so that one holds the lower and one the upper coefficients
 * of all blocks; each exchange undoes itself. CT in all polynomials.
 */
#include "crypto/ct.h"
#include "crypto/fast.h"
#include "crypto/mlkem.h"

#if NCR_X86
#include <immintrin.h>
#include <string.h>

#define MLKEM_AVX2 __attribute__((target("avx2")))

/* ncr_mlkem_zeta[i] / q mod 2^16. */
static const int16_t mlkem_avx2_zeta_q[128] = {
    -20,    31498,  14745,  787,    13525,  -12402, 28191,  -16694, -20907, 27758,  -3799,  -15690,
    10690,  1358,   -11202, 31164,  -5827,  17363,  -26360, -29057, 5571,   -1102,  21438,  -26242,
    -28073, 24313,  -10532, 8800,   18426,  8859,   26675,  -16163, -5689,  -6516,  1496,   30967,
    -23565, 20179,  20710,  25080,  -12796, 26616,  16064,  -12442, 9134,   -650,   -25986, 27837,
    19883,  -28250, -15887, -8898,  -28309, 9075,   -30199, 18249,  13426,  14017,  -29156, -12757,
    16832,  4311,   -24155, -17915, -335,   11182,  -11477, 13387,  -32227, -14233, 20494,  -21655,
    -27738, 13131,  945,    -4587,  -14883, 23092,  6182,   5493,   32010,  -32502, 10631,  30317,
    29175,  -18741, -28762, 12639,  -18486, 20100,  17560,  18525,  -14430, 19529,  -5276,  -12619,
    -31183, 20297,  25435,  2146,   -7382,  15355,  24391,  -32384, -20927, -6280,  10946,  -14903,
    24214,  -11044, 16989,  14469,  10335,  -21498, -7934,  -20198, -22502, 23210,  10906,  -17442,
    31636,  -23860, 28644,  -20257, 23998,  7756,   -17422, 23132,
};

/* The zetas in the order in which the inverse takes them: each layer's backwards. */
static const int16_t mlkem_avx2_back[128] = {
    -1044, -758,  -1517, -359,  202,   287,  1422,  1493,  1468,  -1474, -1202, 962,   182,
    1577,  622,   -171,  -1571, -205,  411,  -1542, 608,   732,   1017,  -681,  -130,  -1602,
    1458,  -829,  383,   264,   -1325, 573,  -1275, 677,   -1065, 448,   -725,  -1508, 961,
    -398,  -951,  -247,  -1421, 107,   830,  -271,  -90,   -853,  1469,  126,   -1162, -1618,
    -666,  -320,  -8,    516,   -1544, -282, 1491,  -1293, 1015,  -552,  652,   1223,  1628,
    1522,  -1460, 958,   991,   996,   -308, -108,  478,   -870,  -854,  -1510, 794,   -1278,
    -1530, -1185, -1659, -1187, 220,   -874, -1335, 1218,  -136,  -1215, 384,   -1465, -1285,
    1322,  610,   603,   1097,  817,   -75,  -156,  329,   418,   349,   -872,  644,   -1590,
    1119,  -602,  1483,  -777,  -147,  1159, 778,   -246,  1653,  1574,  -460,  -291,  -235,
    177,   587,   422,   105,   1550,  871,  -1251, 843,   555,   430,   -1103,
};

static const int16_t mlkem_avx2_back_q[128] = {
    -20,    31498,  787,    14745,  -16694, 28191,  -12402, 13525,  31164,  -11202, 1358,   10690,
    -15690, -3799,  27758,  -20907, -16163, 26675,  8859,   18426,  8800,   -10532, 24313,  -28073,
    -26242, 21438,  -1102,  5571,   -29057, -26360, 17363,  -5827,  -17915, -24155, 4311,   16832,
    -12757, -29156, 14017,  13426,  18249,  -30199, 9075,   -28309, -8898,  -15887, -28250, 19883,
    27837,  -25986, -650,   9134,   -12442, 16064,  26616,  -12796, 25080,  20710,  20179,  -23565,
    30967,  1496,   -6516,  -5689,  23132,  -17422, 7756,   23998,  -20257, 28644,  -23860, 31636,
    -17442, 10906,  23210,  -22502, -20198, -7934,  -21498, 10335,  14469,  16989,  -11044, 24214,
    -14903, 10946,  -6280,  -20927, -32384, 24391,  15355,  -7382,  2146,   25435,  20297,  -31183,
    -12619, -5276,  19529,  -14430, 18525,  17560,  20100,  -18486, 12639,  -28762, -18741, 29175,
    30317,  10631,  -32502, 32010,  5493,   6182,   23092,  -14883, -4587,  945,    13131,  -27738,
    -21655, 20494,  -14233, -32227, 13387,  -11477, 11182,  -335,
};

/* A constant factor in each lane, and itself divided by q mod 2^16. */
struct mlkem_avx2_factor {
    __m256i z, zq;
};

MLKEM_AVX2 NCR_INLINE __m256i mlkem_avx2_load(const int16_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

MLKEM_AVX2 NCR_INLINE void mlkem_avx2_store(int16_t *p, __m256i x)
{
    _mm256_storeu_si256((__m256i *)(void *)p, x);
}

/* ---- Factors ----------------------------------------------------------------------------- */

/* The same in all lanes. */
MLKEM_AVX2 NCR_INLINE struct mlkem_avx2_factor mlkem_avx2_one(const int16_t *z, const int16_t *zq)
{
    return (struct mlkem_avx2_factor){_mm256_set1_epi16(*z), _mm256_set1_epi16(*zq)};
}

/* z[0] in the lower half, z[1] in the upper. */
MLKEM_AVX2 NCR_INLINE __m256i mlkem_avx2_halves(const int16_t *z)
{
    return _mm256_setr_m128i(_mm_set1_epi16(z[0]), _mm_set1_epi16(z[1]));
}

/* z[0] to z[3] in four lanes each. */
MLKEM_AVX2 NCR_INLINE __m256i mlkem_avx2_quarters(const int16_t *z)
{
    const __m256i place = _mm256_setr_epi8(0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3, 4, 5, 4,
                                           5, 4, 5, 4, 5, 6, 7, 6, 7, 6, 7, 6, 7);
    long long four;
    memcpy(&four, z, sizeof four);
    return _mm256_shuffle_epi8(_mm256_set1_epi64x(four), place);
}

/* z[0] to z[7] in two lanes each. */
MLKEM_AVX2 NCR_INLINE __m256i mlkem_avx2_eighths(const int16_t *z)
{
    const __m256i place = _mm256_setr_epi8(0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 8, 9, 8,
                                           9, 10, 11, 10, 11, 12, 13, 12, 13, 14, 15, 14, 15);
    __m128i eight = _mm_loadu_si128((const __m128i *)(const void *)z);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(eight), place);
}

/* ---- Arithmetic -------------------------------------------------------------------------- */

/* x times the factor / R: the low halves of both products agree, so the high ones are subtracted.
 */
MLKEM_AVX2 NCR_INLINE __m256i mlkem_avx2_mul(__m256i x, struct mlkem_avx2_factor f)
{
    const __m256i q = _mm256_set1_epi16(NCR_MLKEM_Q);
    __m256i m = _mm256_mullo_epi16(x, f.zq);
    return _mm256_sub_epi16(_mm256_mulhi_epi16(x, f.z), _mm256_mulhi_epi16(m, q));
}

/* The quotient is (20159 x + 2^25) >> 26, taken from the high half of the product. */
MLKEM_AVX2 NCR_INLINE __m256i mlkem_avx2_reduce(__m256i x)
{
    const __m256i q = _mm256_set1_epi16(NCR_MLKEM_Q);
    __m256i high = _mm256_mulhi_epi16(x, _mm256_set1_epi16(20159));
    __m256i quotient = _mm256_mulhrs_epi16(high, _mm256_set1_epi16(1 << 5));
    return _mm256_sub_epi16(x, _mm256_mullo_epi16(quotient, q));
}

MLKEM_AVX2 NCR_INLINE void mlkem_avx2_forth(__m256i *a, __m256i *b, struct mlkem_avx2_factor f)
{
    __m256i t = mlkem_avx2_mul(*b, f);
    *b = _mm256_sub_epi16(*a, t);
    *a = _mm256_add_epi16(*a, t);
}

MLKEM_AVX2 NCR_INLINE void mlkem_avx2_back1(__m256i *a, __m256i *b, struct mlkem_avx2_factor f)
{
    __m256i difference = _mm256_sub_epi16(*b, *a);
    *a = _mm256_add_epi16(*a, *b);
    *b = mlkem_avx2_mul(difference, f);
}

/* ---- Exchanges --------------------------------------------------------------------------- */

/* The upper half of a with the lower of b. */
MLKEM_AVX2 NCR_INLINE void mlkem_avx2_swap8(__m256i *a, __m256i *b)
{
    __m256i low = _mm256_permute2x128_si256(*a, *b, 0x20);
    *b = _mm256_permute2x128_si256(*a, *b, 0x31);
    *a = low;
}

/* In each half, the upper four lanes of a with the lower four of b. */
MLKEM_AVX2 NCR_INLINE void mlkem_avx2_swap4(__m256i *a, __m256i *b)
{
    __m256i low = _mm256_unpacklo_epi64(*a, *b);
    *b = _mm256_unpackhi_epi64(*a, *b);
    *a = low;
}

/* In each quarter, the upper two lanes of a with the lower two of b. */
MLKEM_AVX2 NCR_INLINE void mlkem_avx2_swap2(__m256i *a, __m256i *b)
{
    __m256i low = _mm256_blend_epi32(*a, _mm256_slli_epi64(*b, 32), 0xaa);
    *b = _mm256_blend_epi32(_mm256_srli_epi64(*a, 32), *b, 0xaa);
    *a = low;
}

/* ---- The transform ----------------------------------------------------------------------- */

/* The layers of 16, 8 and 4 on the i-th two registers. */
MLKEM_AVX2 NCR_INLINE void mlkem_avx2_forth_small(__m256i *a, __m256i *b, size_t i)
{
    const int16_t *z = ncr_mlkem_zeta, *zq = mlkem_avx2_zeta_q;
    struct mlkem_avx2_factor f;
    mlkem_avx2_swap8(a, b);
    f.z = mlkem_avx2_halves(z + 16 + 2 * i), f.zq = mlkem_avx2_halves(zq + 16 + 2 * i);
    mlkem_avx2_forth(a, b, f);
    mlkem_avx2_swap4(a, b);
    f.z = mlkem_avx2_quarters(z + 32 + 4 * i), f.zq = mlkem_avx2_quarters(zq + 32 + 4 * i);
    mlkem_avx2_forth(a, b, f);
    mlkem_avx2_swap2(a, b);
    f.z = mlkem_avx2_eighths(z + 64 + 8 * i), f.zq = mlkem_avx2_eighths(zq + 64 + 8 * i);
    mlkem_avx2_forth(a, b, f);
    mlkem_avx2_swap2(a, b);
    mlkem_avx2_swap4(a, b);
    mlkem_avx2_swap8(a, b);
    *a = mlkem_avx2_reduce(*a);
    *b = mlkem_avx2_reduce(*b);
}

/* All layers but the first, on half h. */
MLKEM_AVX2 static void mlkem_avx2_forth_half(int16_t *p, size_t h)
{
    const int16_t *z = ncr_mlkem_zeta, *zq = mlkem_avx2_zeta_q;
    struct mlkem_avx2_factor f = mlkem_avx2_one(z + 2 + h, zq + 2 + h);
    __m256i v[8];
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; i++) {
        v[i] = mlkem_avx2_load(p + 16 * i);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        mlkem_avx2_forth(&v[i], &v[i + 4], f);
    }
#pragma GCC unroll 2
    for (size_t i = 0; i < 2; i++) {
        f = mlkem_avx2_one(z + 4 + 2 * h + i, zq + 4 + 2 * h + i);
        mlkem_avx2_forth(&v[4 * i], &v[4 * i + 2], f);
        mlkem_avx2_forth(&v[4 * i + 1], &v[4 * i + 3], f);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        f = mlkem_avx2_one(z + 8 + 4 * h + i, zq + 8 + 4 * h + i);
        mlkem_avx2_forth(&v[2 * i], &v[2 * i + 1], f);
        mlkem_avx2_forth_small(&v[2 * i], &v[2 * i + 1], 4 * h + i);
        mlkem_avx2_store(p + 32 * i, v[2 * i]);
        mlkem_avx2_store(p + 32 * i + 16, v[2 * i + 1]);
    }
}

MLKEM_AVX2 void ncr_mlkem_ntt_avx2(int16_t p[NCR_MLKEM_N])
{
    struct mlkem_avx2_factor f = mlkem_avx2_one(ncr_mlkem_zeta + 1, mlkem_avx2_zeta_q + 1);
    for (size_t i = 0; i < 128; i += 16) {
        __m256i a = mlkem_avx2_load(p + i), b = mlkem_avx2_load(p + 128 + i);
        mlkem_avx2_forth(&a, &b, f);
        mlkem_avx2_store(p + i, a);
        mlkem_avx2_store(p + 128 + i, b);
    }
    mlkem_avx2_forth_half(p, 0);
    mlkem_avx2_forth_half(p + 128, 1);
}

/* ---- Its inverse ------------------------------------------------------------------------- */

/* The layers of 4, 8 and 16, the last with the reduction. */
MLKEM_AVX2 NCR_INLINE void mlkem_avx2_back_small(__m256i *a, __m256i *b, size_t i)
{
    const int16_t *z = mlkem_avx2_back, *zq = mlkem_avx2_back_q;
    struct mlkem_avx2_factor f;
    mlkem_avx2_swap8(a, b);
    mlkem_avx2_swap4(a, b);
    mlkem_avx2_swap2(a, b);
    f.z = mlkem_avx2_eighths(z + 64 + 8 * i), f.zq = mlkem_avx2_eighths(zq + 64 + 8 * i);
    mlkem_avx2_back1(a, b, f);
    mlkem_avx2_swap2(a, b);
    f.z = mlkem_avx2_quarters(z + 32 + 4 * i), f.zq = mlkem_avx2_quarters(zq + 32 + 4 * i);
    mlkem_avx2_back1(a, b, f);
    mlkem_avx2_swap4(a, b);
    f.z = mlkem_avx2_halves(z + 16 + 2 * i), f.zq = mlkem_avx2_halves(zq + 16 + 2 * i);
    mlkem_avx2_back1(a, b, f);
    *a = mlkem_avx2_reduce(*a);
    mlkem_avx2_swap8(a, b);
}

/* All layers but the last, on half h. */
MLKEM_AVX2 static void mlkem_avx2_back_half(int16_t *p, size_t h)
{
    const int16_t *z = mlkem_avx2_back, *zq = mlkem_avx2_back_q;
    struct mlkem_avx2_factor f;
    __m256i v[8];
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        v[2 * i] = mlkem_avx2_load(p + 32 * i);
        v[2 * i + 1] = mlkem_avx2_load(p + 32 * i + 16);
        mlkem_avx2_back_small(&v[2 * i], &v[2 * i + 1], 4 * h + i);
        f = mlkem_avx2_one(z + 8 + 4 * h + i, zq + 8 + 4 * h + i);
        mlkem_avx2_back1(&v[2 * i], &v[2 * i + 1], f);
    }
#pragma GCC unroll 2
    for (size_t i = 0; i < 2; i++) {
        f = mlkem_avx2_one(z + 4 + 2 * h + i, zq + 4 + 2 * h + i);
        mlkem_avx2_back1(&v[4 * i], &v[4 * i + 2], f);
        mlkem_avx2_back1(&v[4 * i + 1], &v[4 * i + 3], f);
    }
    f = mlkem_avx2_one(z + 2 + h, zq + 2 + h);
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        mlkem_avx2_back1(&v[i], &v[i + 4], f);
        mlkem_avx2_store(p + 16 * i, mlkem_avx2_reduce(v[i]));
        mlkem_avx2_store(p + 64 + 16 * i, v[i + 4]);
    }
}

/* A factor of the code, divided by q by the compiler. */
#define MLKEM_AVX2_FACTOR(c)                                                                       \
    (struct mlkem_avx2_factor)                                                                     \
    {                                                                                              \
        _mm256_set1_epi16(c), _mm256_set1_epi16((int16_t)(uint16_t)((c)*NCR_MLKEM_QINV))           \
    }

MLKEM_AVX2 void ncr_mlkem_ntt_back_avx2(int16_t p[NCR_MLKEM_N])
{
    const struct mlkem_avx2_factor f = MLKEM_AVX2_FACTOR(NCR_MLKEM_BACK);
    const struct mlkem_avx2_factor fz = MLKEM_AVX2_FACTOR(NCR_MLKEM_BACK_ZETA);
    mlkem_avx2_back_half(p, 0);
    mlkem_avx2_back_half(p + 128, 1);
    for (size_t i = 0; i < 128; i += 16) {
        __m256i a = mlkem_avx2_load(p + i), b = mlkem_avx2_load(p + 128 + i);
        mlkem_avx2_store(p + i, mlkem_avx2_mul(_mm256_add_epi16(a, b), f));
        mlkem_avx2_store(p + 128 + i, mlkem_avx2_mul(_mm256_sub_epi16(b, a), fz));
    }
}

/* ---- Products ---------------------------------------------------------------------------- */

/* z[0], -z[0], z[1], -z[1], .. z[3], -z[3] at the odd lanes. */
MLKEM_AVX2 NCR_INLINE __m256i mlkem_avx2_gammas(const int16_t *z)
{
    const __m256i place = _mm256_setr_epi8(-1, -1, 0, 1, -1, -1, 0, 1, -1, -1, 2, 3, -1, -1, 2, 3,
                                           -1, -1, 4, 5, -1, -1, 4, 5, -1, -1, 6, 7, -1, -1, 6, 7);
    long long four;
    memcpy(&four, z, sizeof four);
    return _mm256_sign_epi16(_mm256_shuffle_epi8(_mm256_set1_epi64x(four), place),
                             _mm256_set1_epi64x((long long)0xffffffff00010001));
}

MLKEM_AVX2 void ncr_mlkem_gamma_avx2(int16_t g[NCR_MLKEM_N], const int16_t p[NCR_MLKEM_N])
{
    for (size_t i = 0; i < 16; i++) {
        struct mlkem_avx2_factor f = {mlkem_avx2_gammas(ncr_mlkem_zeta + 64 + 4 * i),
                                      mlkem_avx2_gammas(mlkem_avx2_zeta_q + 64 + 4 * i)};
        __m256i x = mlkem_avx2_load(p + 16 * i);
        mlkem_avx2_store(g + 16 * i, _mm256_blend_epi16(x, mlkem_avx2_mul(x, f), 0xaa));
    }
}

/* x/R, 32-bit lanes, in the upper half of each lane; the lower is 0. */
MLKEM_AVX2 NCR_INLINE __m256i mlkem_avx2_redc(__m256i x)
{
    __m256i m = _mm256_mullo_epi16(x, _mm256_set1_epi32(NCR_MLKEM_QINV));
    return _mm256_sub_epi32(x, _mm256_madd_epi16(m, _mm256_set1_epi32(NCR_MLKEM_Q)));
}

MLKEM_AVX2 void ncr_mlkem_dot_avx2(int16_t out[NCR_MLKEM_N], const int16_t *a, const int16_t *p,
                                   const int16_t *g, size_t k)
{
    const __m256i swap = _mm256_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13, 2,
                                          3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    for (size_t i = 0; i < NCR_MLKEM_N; i += 16) {
        __m256i even = _mm256_setzero_si256(), odd = even;
        for (size_t j = i; j < k * NCR_MLKEM_N; j += NCR_MLKEM_N) {
            __m256i x = mlkem_avx2_load(a + j), y = mlkem_avx2_load(p + j);
            even = _mm256_add_epi32(even, _mm256_madd_epi16(x, mlkem_avx2_load(g + j)));
            odd = _mm256_add_epi32(odd, _mm256_madd_epi16(x, _mm256_shuffle_epi8(y, swap)));
        }
        even = _mm256_srli_epi32(mlkem_avx2_redc(even), 16);
        mlkem_avx2_store(out + i, _mm256_blend_epi16(even, mlkem_avx2_redc(odd), 0xaa));
    }
}
#endif
