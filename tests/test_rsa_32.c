/* SPDX-License-Identifier: ISC
 *
 * The tests of test_rsa.c without 128-bit integers, on machines that have them: sources and tests
 * again, as one translation unit. What is defined here is not taken from the library.
 */
#ifndef NCR_NO_INT128
#define NCR_NO_INT128 1
#endif

#include "crypto/words.c"
#include "crypto/mont.c"
#include "crypto/modinv.c"
#include "crypto/modexp.c"
#include "crypto/rsa_keygen.c"

#include "tests/test_rsa.c"
