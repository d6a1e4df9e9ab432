/* SPDX-License-Identifier: ISC
 *
 * What mldsa44.c shares with its fast twin: polynomials and the constants of the transform.
 */
#ifndef NCR_MLDSA44_H
#define NCR_MLDSA44_H

#include <stdint.h>

#define NCR_MLDSA_N 256

/* Coefficients modulo q without sign, not always below q. */
struct ncr_mldsa_poly {
    uint32_t c[NCR_MLDSA_N];
};

/* zeta^brv(k) 2^32 mod q, zeta = 1753, brv reverses eight bits: FIPS 204, appendix B. */
extern const uint32_t ncr_mldsa44_zetas[NCR_MLDSA_N];

#endif
