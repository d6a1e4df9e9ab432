/* SPDX-License-Identifier: ISC
 *
 * What the forms of P-256's field share: its constants (ecp_p256.c) and the twin's row.
 */
#ifndef NCR_ECP_P256_H
#define NCR_ECP_P256_H

#include "crypto/cpu.h"
#include "crypto/ecp.h"

#define NCR_P256_WORDS 4

/* p; with R = 2^256, R mod p and R^2 mod p. */
extern const uint64_t ncr_p256_p[NCR_P256_WORDS];
extern const uint64_t ncr_p256_one[NCR_P256_WORDS];
extern const uint64_t ncr_p256_to[NCR_P256_WORDS];
extern const uint64_t ncr_p256_seed[NCR_P256_WORDS]; /* R^2 4^12 mod p */

#if NCR_X86
/* With MULX, ADCX and ADOX: only if ncr_cpu() has NCR_CPU_ADX. */
extern const struct ncr_ecp_field ncr_p256_field_adx;
#endif

#endif
