/* SPDX-License-Identifier: ISC
 *
 * Points of the twisted Edwards curve edwards25519, -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032
 * section 5.1).
 *
 * Scalars are 32 little-endian bytes. Functions that do not end in _vartime are constant-time in
 * points and scalars.
 */
#ifndef NCR_GE25519_H
#define NCR_GE25519_H

#include <stdbool.h>
#include <stdint.h>
#include "crypto/fe25519.h"

/* Extended coordinates: the affine point is (x/z, y/z), and xy = zt. All of weight 1. */
struct ncr_ge25519 {
    struct ncr_fe25519 x, y, z, t;
};

/* Section 5.1.3. False, with r unspecified, if s is no point: y not below p, no x, or the x that is
 * zero called negative. */
bool ncr_ge25519_decode_vartime(struct ncr_ge25519 *r, const uint8_t s[32]);
/* Section 5.1.2. */
void ncr_ge25519_encode(uint8_t s[32], const struct ncr_ge25519 *p);
/* The coordinate u = (1 + y) / (1 - y) on curve25519 (RFC 7748 section 4.1) of a point that is not
 * the neutral one. */
void ncr_ge25519_encode_u(uint8_t u[32], const struct ncr_ge25519 *p);
/* r = -p; r may be p. */
void ncr_ge25519_negate(struct ncr_ge25519 *r, const struct ncr_ge25519 *p);
/* r = s B for the base point B and s < 2^255. r is as secret as s: its z tells of s what x and y do
 * not, so wipe it. */
void ncr_ge25519_mul_base(struct ncr_ge25519 *r, const uint8_t s[32]);
/* r = a p + b B for a, b < 2^253. The t of r is unspecified: for encoding only. */
void ncr_ge25519_mul2_vartime(struct ncr_ge25519 *r, const uint8_t a[32],
                              const struct ncr_ge25519 *p, const uint8_t b[32]);
/* What it is made of where there is no twin; on the stack of a call of its own. */
void ncr_ge25519_mul2_portable_vartime(struct ncr_ge25519 *r, const uint8_t a[32],
                                       const struct ncr_ge25519 *p, const uint8_t b[32]);
/* s = sum of naf[i] 2^i where each digit is 0 or odd and from -7 to 7, and three zeros follow one
 * that is not 0. s < 2^253, so that no carry is left. */
void ncr_ge25519_naf_vartime(int8_t naf[256], const uint8_t s[32]);
/* True if 8 p is neutral. */
bool ncr_ge25519_small_order_vartime(const struct ncr_ge25519 *p);

#endif
