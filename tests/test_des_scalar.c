/* SPDX-License-Identifier: ISC
 *
 * The tests of triple DES for machines without vectors: source and tests again, as one translation
 * unit with one block at a time. What is defined here is not taken from the library.
 */
#ifndef NCR_NO_VECTORS
#define NCR_NO_VECTORS 1
#endif

#ifndef NACRE_NO_LEGACY
#include "crypto/des_legacy.c"
#endif

#include "tests/test_des.c"
