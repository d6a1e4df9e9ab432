/* SPDX-License-Identifier: ISC
 *
 * Integers modulo L = 2^252 + 27742317777372353535851937790883648493, the order of the base point
 * of edwards25519 (RFC 8032 section 5.1): the scalars of Ed25519. All in little-endian bytes.
 */
#ifndef NCR_SC25519_H
#define NCR_SC25519_H

#include <stdbool.h>
#include <stdint.h>

/* r = x mod L, for any 64 bytes. r may be in x. CT in x. */
void ncr_sc25519_reduce(uint8_t r[32], const uint8_t x[64]);
/* r = (a b + c) mod L, for any values; r may be any of them. CT in all. */
void ncr_sc25519_muladd(uint8_t r[32], const uint8_t a[32], const uint8_t b[32],
                        const uint8_t c[32]);
/* True if s < L. */
bool ncr_sc25519_canonical_vartime(const uint8_t s[32]);

#endif
