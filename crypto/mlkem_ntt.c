/* SPDX-License-Identifier: ISC
 *
 * The number-theoretic transform of ML-KEM: FIPS 203 section 4.3, algorithms 9 to 12.
 *
 * Products are reduced as Montgomery has it, with R = 2^16: redc(x) is x/R mod q and at most
 * |x|/R + q/2, if |x| < 2^15 q. A constant c of the text is kept as c R mod q, of at most q/2 in
 * magnitude, so that multiplying by it takes x to at most |x| q/2R + q/2, which is x/39 + 1,665.
 * CT in all polynomials. The twins give the same numbers, not only the same residues.
 */
#include "crypto/mlkem.h"
#include "crypto/ct.h"
#include "crypto/fast.h"

const int16_t ncr_mlkem_zeta[128] = {
    -1044, -758,  -359,  -1517, 1493,  1422,  287,   202,   -171,  622,   1577,  182,   962,
    -1202, -1474, 1468,  573,   -1325, 264,   383,   -829,  1458,  -1602, -130,  -681,  1017,
    732,   608,   -1542, 411,   -205,  -1571, 1223,  652,   -552,  1015,  -1293, 1491,  -282,
    -1544, 516,   -8,    -320,  -666,  -1618, -1162, 126,   1469,  -853,  -90,   -271,  830,
    107,   -1421, -247,  -951,  -398,  961,   -1508, -725,  448,   -1065, 677,   -1275, -1103,
    430,   555,   843,   -1251, 871,   1550,  105,   422,   587,   177,   -235,  -291,  -460,
    1574,  1653,  -246,  778,   1159,  -147,  -777,  1483,  -602,  1119,  -1590, 644,   -872,
    349,   418,   329,   -156,  -75,   817,   1097,  603,   610,   1322,  -1285, -1465, 384,
    -1215, -136,  1218,  -1335, -874,  220,   -1187, -1659, -1185, -1530, -1278, 794,   -1510,
    -854,  -870,  478,   -108,  -308,  996,   991,   958,   -1460, 1522,  1628,
};

/* x/R mod q. The low halves of x and m q agree, so their difference is a multiple of R. */
NCR_INLINE int16_t mlkem_redc(int32_t x)
{
    int16_t m = (int16_t)(uint16_t)((uint32_t)x * NCR_MLKEM_QINV);
    return (int16_t)((x - (int32_t)m * NCR_MLKEM_Q) >> 16);
}

NCR_INLINE int16_t mlkem_mul(int16_t x, int16_t y)
{
    return mlkem_redc((int32_t)x * y);
}

/* x mod q, at most q/2: Barrett, 20159 = 2^26/q rounded, which is near enough for the quotient of
 * any 16-bit x to be the nearest one. */
NCR_INLINE int16_t mlkem_reduce(int16_t x)
{
    int32_t quotient = (20159 * (int32_t)x + (1 << 25)) >> 26;
    return (int16_t)(x - quotient * NCR_MLKEM_Q);
}

/* Algorithm 9. A layer adds at most x/39 + 1,665 to x: from 4q = 13,316, seven layers reach 28,456
 * at most. */
static void mlkem_ntt_portable(int16_t p[NCR_MLKEM_N])
{
    const int16_t *zeta = ncr_mlkem_zeta + 1;
    for (size_t len = 128; len >= 2; len /= 2) {
        for (size_t start = 0; start < NCR_MLKEM_N; start += 2 * len, zeta++) {
            for (size_t j = start; j < start + len; j++) {
                int16_t t = mlkem_mul(p[j + len], *zeta);
                p[j + len] = (int16_t)(p[j] - t);
                p[j] = (int16_t)(p[j] + t);
            }
        }
    }
    for (size_t j = 0; j < NCR_MLKEM_N; j++) {
        p[j] = mlkem_reduce(p[j]);
    }
}

/* One layer of algorithm 10 with blocks of 2 len; the zetas are taken downwards from *zeta. */
NCR_INLINE void mlkem_back_layer(int16_t p[NCR_MLKEM_N], size_t len, const int16_t *zeta,
                                 bool reduce)
{
    for (size_t start = 0; start < NCR_MLKEM_N; start += 2 * len, zeta--) {
        for (size_t j = start; j < start + len; j++) {
            int16_t sum = (int16_t)(p[j] + p[j + len]);
            int16_t difference = (int16_t)(p[j + len] - p[j]);
            p[j] = reduce ? mlkem_reduce(sum) : sum;
            p[j + len] = mlkem_mul(difference, *zeta);
        }
    }
}

/* Algorithm 10. Sums double: from 3,017 to 6,034, 12,068 and 24,136, where they are reduced; what
 * was multiplied is at most 24,136/39 + 1,665 = 2,279 there, so 4,558, 9,116 and 18,232 follow, and
 * after the second reduction at most 2,134; the last layer adds two of these. The factor at the
 * end goes into that layer. */
static void mlkem_ntt_back_portable(int16_t p[NCR_MLKEM_N])
{
    mlkem_back_layer(p, 2, ncr_mlkem_zeta + 127, false);
    mlkem_back_layer(p, 4, ncr_mlkem_zeta + 63, false);
    mlkem_back_layer(p, 8, ncr_mlkem_zeta + 31, true);
    mlkem_back_layer(p, 16, ncr_mlkem_zeta + 15, false);
    mlkem_back_layer(p, 32, ncr_mlkem_zeta + 7, false);
    mlkem_back_layer(p, 64, ncr_mlkem_zeta + 3, true);
    for (size_t j = 0; j < 128; j++) {
        int16_t sum = (int16_t)(p[j] + p[j + 128]), difference = (int16_t)(p[j + 128] - p[j]);
        p[j] = mlkem_mul(sum, NCR_MLKEM_BACK);
        p[j + 128] = mlkem_mul(difference, NCR_MLKEM_BACK_ZETA);
    }
}

/* Gamma of pair 2i is zeta[64 + i], that of pair 2i + 1 its negative. */
static void mlkem_gamma_portable(int16_t g[NCR_MLKEM_N], const int16_t p[NCR_MLKEM_N])
{
    for (size_t i = 0; i < 64; i++) {
        int16_t zeta = ncr_mlkem_zeta[64 + i];
        g[4 * i] = p[4 * i];
        g[4 * i + 1] = mlkem_mul(p[4 * i + 1], zeta);
        g[4 * i + 2] = p[4 * i + 2];
        g[4 * i + 3] = mlkem_mul(p[4 * i + 3], (int16_t)-zeta);
    }
}

/* Algorithms 11 and 12, summed before the reduction: at most 8 * 4,095 * 1,707 = 0.51 * 2^15 q, so
 * the result is at most 0.51 q/2 + q/2. */
static void mlkem_dot_portable(int16_t out[NCR_MLKEM_N], const int16_t *a, const int16_t *p,
                               const int16_t *g, size_t k)
{
    for (size_t i = 0; i < NCR_MLKEM_N; i += 2) {
        int32_t even = 0, odd = 0;
        for (size_t j = i; j < k * NCR_MLKEM_N; j += NCR_MLKEM_N) {
            even += (int32_t)a[j] * g[j] + (int32_t)a[j + 1] * g[j + 1];
            odd += (int32_t)a[j] * p[j + 1] + (int32_t)a[j + 1] * p[j];
        }
        out[i] = mlkem_redc(even);
        out[i + 1] = mlkem_redc(odd);
    }
}

void ncr_mlkem_scale(int16_t p[NCR_MLKEM_N], int16_t c)
{
    for (size_t i = 0; i < NCR_MLKEM_N; i++) {
        p[i] = mlkem_mul(p[i], c);
    }
}

/* ---- With the twins ---------------------------------------------------------------------- */

struct mlkem_ops {
    void (*ntt)(int16_t *p);
    void (*ntt_back)(int16_t *p);
    void (*gamma)(int16_t *g, const int16_t *p);
    void (*dot)(int16_t *out, const int16_t *a, const int16_t *p, const int16_t *g, size_t k);
};

static const struct mlkem_ops mlkem_ops_portable = {
    .ntt = mlkem_ntt_portable,
    .ntt_back = mlkem_ntt_back_portable,
    .gamma = mlkem_gamma_portable,
    .dot = mlkem_dot_portable,
};

#if NCR_X86
static const struct mlkem_ops mlkem_ops_avx2 = {
    .ntt = ncr_mlkem_ntt_avx2,
    .ntt_back = ncr_mlkem_ntt_back_avx2,
    .gamma = ncr_mlkem_gamma_avx2,
    .dot = ncr_mlkem_dot_avx2,
};

static const struct mlkem_ops *mlkem_ops(void)
{
    return (ncr_cpu() & NCR_CPU_AVX2) != 0 ? &mlkem_ops_avx2 : &mlkem_ops_portable;
}
#else
static const struct mlkem_ops *mlkem_ops(void)
{
    return &mlkem_ops_portable;
}
#endif

void ncr_mlkem_ntt(int16_t p[NCR_MLKEM_N])
{
    mlkem_ops()->ntt(p);
}

void ncr_mlkem_ntt_back(int16_t p[NCR_MLKEM_N])
{
    mlkem_ops()->ntt_back(p);
}

void ncr_mlkem_gamma(int16_t g[NCR_MLKEM_N], const int16_t p[NCR_MLKEM_N])
{
    mlkem_ops()->gamma(g, p);
}

void ncr_mlkem_dot(int16_t out[NCR_MLKEM_N], const int16_t *a, const int16_t *p, const int16_t *g,
                   size_t k)
{
    mlkem_ops()->dot(out, a, p, g, k);
}
