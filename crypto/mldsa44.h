/* SPDX-License-Identifier: ISC
 *
 * What mldsa44.c shares with its fast twin: polynomials and the constants of the transform; and
 * with the composite, how much of the caller's memory it uses.
 */
#ifndef NCR_MLDSA44_H
#define NCR_MLDSA44_H

#include <stdint.h>

#define NCR_MLDSA_N 256
#define NCR_MLDSA44_USED 7168 /* words of work; the rest up to NACRE_MLDSA44_WORK is left alone */

/* Coefficients modulo q without sign, not always below q. */
struct ncr_mldsa_poly {
    uint32_t c[NCR_MLDSA_N];
};

/* zeta^brv(k) 2^32 mod q, zeta = 1753, brv reverses eight bits: FIPS 204, appendix B. */
extern const uint32_t ncr_mldsa44_zetas[NCR_MLDSA_N];

#endif
