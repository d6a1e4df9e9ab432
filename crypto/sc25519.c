/* SPDX-License-Identifier: ISC
 *
 * Integers modulo L, the order of the base point of edwards25519. See sc25519.h.
 *
 * A signature costs one product and three reductions, 1% of its time, so this is written for
 * the eye: 32-bit words, loops of fixed length, Barrett reduction (Handbook of Applied
 * Cryptography, algorithm 14.42, with b = 2^32 and k = 8). Constant-time where 32 x 32 -> 64 bit
 * products are.
 */
#include "crypto/sc25519.h"
#include "crypto/ct.h"
#include "crypto/load.h"
#include "crypto/nacre_crypto.h"

#include <stddef.h>
#include <string.h>

/* L and floor(2^512 / L), least significant word first. */
static const uint32_t sc25519_l[9] = {
    0x5cf5d3ed, 0x5812631a, 0xa2f79cd6, 0x14def9de, 0, 0, 0, 0x10000000, 0,
};
static const uint32_t sc25519_mu[9] = {
    0x0a2c131b, 0xed9ce5a3, 0x086329a7, 0x2106215d, 0xffffffeb,
    0xffffffff, 0xffffffff, 0xffffffff, 0x0000000f,
};

static void sc25519_load(uint32_t *w, const uint8_t *s, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        w[i] = ncr_load32le(s + 4 * i);
    }
}

/* r = a b, of 2n words; a and b have n. (2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1: c does not
 * overflow. */
static void sc25519_mul(uint32_t *r, const uint32_t *a, const uint32_t *b, size_t n)
{
    memset(r, 0, 2 * n * sizeof *r);
    for (size_t i = 0; i < n; i++) {
        uint64_t c = 0;
        for (size_t j = 0; j < n; j++) {
            c += (uint64_t)a[i] * b[j] + r[i + j];
            r[i + j] = (uint32_t)c;
            c >>= 32;
        }
        r[i + n] = (uint32_t)c;
    }
}

/* r = a - b modulo 2^288; returns the borrow, 0 or 1. */
static uint32_t sc25519_sub(uint32_t r[9], const uint32_t a[9], const uint32_t b[9])
{
    uint32_t borrow = 0;
    for (int i = 0; i < 9; i++) {
        uint64_t x = (uint64_t)a[i] - b[i] - borrow;
        r[i] = (uint32_t)x;
        borrow = (uint32_t)(x >> 32) & 1;
    }
    return borrow;
}

/* r = x mod L, for x < b^16 = 2^512. The quotient is taken as q = floor(floor(x / b^7) mu / b^9).
 *
 * Before the last floor it falls short of x / L by less than 1: by (x mod b^7) mu / b^16 < 2^-28
 * for the words of x that are left out, and by at most 0.23, the fraction of 2^512 / L that mu
 * lacks. So q is floor(x / L) or one less, and x - qL is in [0, 2L): nine words hold it, and one
 * subtraction is left. */
static void sc25519_mod(uint8_t r[32], const uint32_t x[16])
{
    uint32_t q[18], ql[18], y[9], t[9];
    sc25519_mul(q, x + 7, sc25519_mu, 9);
    sc25519_mul(ql, q + 9, sc25519_l, 9);
    sc25519_sub(y, x, ql);
    uint32_t keep = ncr_ct_mask_bit32(sc25519_sub(t, y, sc25519_l));
    for (int i = 0; i < 9; i++) {
        y[i] = ncr_ct_select32(keep, y[i], t[i]);
    }
    for (size_t i = 0; i < 8; i++) {
        ncr_store32le(r + 4 * i, y[i]);
    }
    nacre_wipe(q, sizeof q);
    nacre_wipe(ql, sizeof ql);
    nacre_wipe(y, sizeof y);
    nacre_wipe(t, sizeof t);
}

void ncr_sc25519_reduce(uint8_t r[32], const uint8_t x[64])
{
    uint32_t w[16];
    sc25519_load(w, x, 16);
    sc25519_mod(r, w);
    nacre_wipe(w, sizeof w);
}

/* a b + c <= (2^256 - 1)^2 + 2^256 - 1 < 2^512. */
void ncr_sc25519_muladd(uint8_t r[32], const uint8_t a[32], const uint8_t b[32],
                        const uint8_t c[32])
{
    uint32_t x[16], u[8], v[8];
    sc25519_load(u, a, 8);
    sc25519_load(v, b, 8);
    sc25519_mul(x, u, v, 8);
    uint64_t carry = 0;
    sc25519_load(u, c, 8);
    for (int i = 0; i < 16; i++) {
        carry += (uint64_t)x[i] + (i < 8 ? u[i] : 0);
        x[i] = (uint32_t)carry;
        carry >>= 32;
    }
    sc25519_mod(r, x);
    nacre_wipe(x, sizeof x);
    nacre_wipe(u, sizeof u);
    nacre_wipe(v, sizeof v);
}

bool ncr_sc25519_canonical_vartime(const uint8_t s[32])
{
    uint32_t w[9] = {0}, t[9];
    sc25519_load(w, s, 8);
    return sc25519_sub(t, w, sc25519_l) == 1;
}
