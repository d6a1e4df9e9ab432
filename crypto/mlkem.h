/* SPDX-License-Identifier: ISC
 *
 * Polynomials of ML-KEM: FIPS 203 sections 4.2 and 4.3, integers modulo q = 3329 as signed 16-bit
 * numbers that need not be reduced; the bounds of each function are in magnitudes.
 *
 * All CT. A function that has a fast twin chooses it itself.
 */
#ifndef NCR_MLKEM_H
#define NCR_MLKEM_H

#include <stddef.h>
#include <stdint.h>

#define NCR_MLKEM_N 256
#define NCR_MLKEM_Q 3329
#define NCR_MLKEM_QINV 62209 /* 1/q mod 2^16 */

/* R^2/128, which a product and the inverse transform leave to divide by, and that times zeta[1];
 * R = 2^16. */
#define NCR_MLKEM_BACK 1441
#define NCR_MLKEM_BACK_ZETA 1397

/* 17^BitRev7(i) R mod q. */
extern const int16_t ncr_mlkem_zeta[128];

/* The transform, in place: from at most 4q to at most q/2. */
void ncr_mlkem_ntt(int16_t p[NCR_MLKEM_N]);
/* R/128 times what the inverse's butterflies give, that is, R times the inverse: from at most
 * 3,017 to below 3q/4. */
void ncr_mlkem_ntt_back(int16_t p[NCR_MLKEM_N]);
/* What a factor p of a product needs beside itself: p with its odd coefficients times the gammas
 * of section 4.3.1. From at most q/2 to at most 1,707. */
void ncr_mlkem_gamma(int16_t g[NCR_MLKEM_N], const int16_t p[NCR_MLKEM_N]);
/* out = sum of a[j] p[j] / R over j < k, k at most 4, the polynomials one after the other;
 * g[j] = gamma(p[j]). a is at most 4,095, p at most q/2, out at most 2,518. */
void ncr_mlkem_dot(int16_t out[NCR_MLKEM_N], const int16_t *a, const int16_t *p, const int16_t *g,
                   size_t k);
/* p times c / R; c at most q/2. */
void ncr_mlkem_scale(int16_t p[NCR_MLKEM_N], int16_t c);

#endif
