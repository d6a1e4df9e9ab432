/* SPDX-License-Identifier: ISC
 *
 * What the forms of P-521's points share.
 */
#ifndef NCR_ECP_P521_H
#define NCR_ECP_P521_H

#include "crypto/ecp.h"

#define NCR_P521_WORDS 9

/* The field in words: ecp_p521.c. */
extern const struct ncr_ecp_mod ncr_p521_mod;

#if NCR_INT128
/* Its points by way of limbs: ecp_p521_limbs.c. */
extern const struct ncr_ecp_field ncr_p521_field_limbs;
#endif

#endif
