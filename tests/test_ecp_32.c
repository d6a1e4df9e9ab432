/* SPDX-License-Identifier: ISC
 *
 * The tests of the NIST curves for machines without a type of 128 bits and without fast twins, on
 * machines that have them: sources and tests again, as one translation unit. What is defined here
 * is not taken from the library.
 */
#ifndef NCR_NO_INT128
#define NCR_NO_INT128 1
#endif
#ifndef NACRE_PORTABLE
#define NACRE_PORTABLE 1
#endif
#define NCR_NO_VECTORS 1

#include "crypto/words.c"
#include "crypto/ecp.c"
#include "crypto/ecp_invert.c"
#include "crypto/ecp_p256.c"
#include "crypto/ecp_p384.c"
#include "crypto/ecp_p521.c"
#include "crypto/ecdsa.c"

#include "tests/test_ecp.c"
#include "tests/test_ecdsa.c"
