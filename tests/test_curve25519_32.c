/* SPDX-License-Identifier: ISC
 *
 * The tests of Curve25519 for the 32-bit representation of the field, on machines that would choose
 * the 64-bit one: sources and tests again, as one translation unit without 128-bit products. What
 * is defined here is not taken from the library.
 */
#ifndef NCR_NO_INT128
#define NCR_NO_INT128 1
#endif

#include "crypto/fe25519_32.c"
#include "crypto/fe25519.c"
#include "crypto/sc25519.c"
#include "crypto/ge25519.c"
#include "crypto/x25519.c"
#include "crypto/ed25519.c"

#include "tests/test_fe25519.c"
#include "tests/test_ge25519.c"
#include "tests/test_sc25519.c"
#include "tests/test_x25519.c"
#include "tests/test_ed25519.c"
