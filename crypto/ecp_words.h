/* SPDX-License-Identifier: ISC
 *
 * Numbers of a few 64-bit words, least significant first, for the fields and orders of the NIST
 * curves: sums, products, conditional subtraction, all constant-time.
 *
 * Everything is inline and takes the number of words as an argument that is a constant where it
 * is called, so that loops unroll and moduli become constants: on these sizes that is twice as fast
 * as words.h, whose lengths are variables. Its carries are the same, also where there is no type of
 * 128 bits.
 *
 * Not here: anything that knows a modulus (ecp_p*.c).
 */
#ifndef NCR_ECP_WORDS_H
#define NCR_ECP_WORDS_H

#include <stdint.h>
#include "crypto/ct.h"
#include "crypto/words.h"

#define NCR_ECP_WORDS_MAX 9

/* ---- Numbers of n words ------------------------------------------------------------------ */

/* r = a where mask is ones, else b; mask has passed a barrier. */
NCR_INLINE void ncr_ecpw_select(uint64_t *r, uint64_t mask, const uint64_t *a, const uint64_t *b,
                                unsigned n)
{
#pragma GCC unroll 9
    for (unsigned i = 0; i < n; i++) {
        r[i] = ncr_ct_select64(mask, a[i], b[i]);
    }
}

/* r = a + b; returns the carry. */
NCR_INLINE uint64_t ncr_ecpw_add(uint64_t *r, const uint64_t *a, const uint64_t *b, unsigned n)
{
    uint64_t c = 0;
#pragma GCC unroll 9
    for (unsigned i = 0; i < n; i++) {
        r[i] = ncr_word_add(a[i], b[i], &c);
    }
    return c;
}

/* r = a - b; returns the borrow. */
NCR_INLINE uint64_t ncr_ecpw_sub(uint64_t *r, const uint64_t *a, const uint64_t *b, unsigned n)
{
    uint64_t c = 0;
#pragma GCC unroll 9
    for (unsigned i = 0; i < n; i++) {
        r[i] = ncr_word_sub(a[i], b[i], &c);
    }
    return c;
}

/* r = a + top 2^(64 n), minus m if it is not below m. Below m if the number was below 2m. */
NCR_INLINE void ncr_ecpw_reduce_once(uint64_t *r, const uint64_t *a, uint64_t top,
                                     const uint64_t *m, unsigned n)
{
    uint64_t d[NCR_ECP_WORDS_MAX];
    uint64_t borrow = ncr_ecpw_sub(d, a, m, n);
    (void)ncr_word_sub(top, 0, &borrow); /* the difference is known to have no top */
    ncr_ecpw_select(r, ncr_ct_mask_bit64(borrow), a, d, n);
}

/* r = a + b mod m, for a and b below m. */
NCR_INLINE void ncr_ecpw_add_mod(uint64_t *r, const uint64_t *a, const uint64_t *b,
                                 const uint64_t *m, unsigned n)
{
    uint64_t s[NCR_ECP_WORDS_MAX];
    const uint64_t top = ncr_ecpw_add(s, a, b, n);
    ncr_ecpw_reduce_once(r, s, top, m, n);
}

/* r = a - b mod m, for a and b below m. */
NCR_INLINE void ncr_ecpw_sub_mod(uint64_t *r, const uint64_t *a, const uint64_t *b,
                                 const uint64_t *m, unsigned n)
{
    uint64_t d[NCR_ECP_WORDS_MAX], c = 0;
    const uint64_t mask = ncr_ct_mask_bit64(ncr_ecpw_sub(d, a, b, n));
#pragma GCC unroll 9
    for (unsigned i = 0; i < n; i++) {
        r[i] = ncr_word_add(d[i], m[i] & mask, &c);
    }
}

/* r = a / 2 mod m, for a below m, which is odd: (a or a + m) / 2. */
NCR_INLINE void ncr_ecpw_half_mod(uint64_t *r, const uint64_t *a, const uint64_t *m, unsigned n)
{
    uint64_t s[NCR_ECP_WORDS_MAX + 1], c = 0;
    const uint64_t odd = ncr_ct_mask_bit64(a[0]);
#pragma GCC unroll 9
    for (unsigned i = 0; i < n; i++) {
        s[i] = ncr_word_add(a[i], m[i] & odd, &c);
    }
    s[n] = c;
#pragma GCC unroll 9
    for (unsigned i = 0; i < n; i++) {
        r[i] = s[i] >> 1 | s[i + 1] << 63;
    }
}

/* t = a b, of 2n words; t is neither a nor b. */
NCR_INLINE void ncr_ecpw_mul(uint64_t *t, const uint64_t *a, const uint64_t *b, unsigned n)
{
    uint64_t c = 0;
#pragma GCC unroll 9
    for (unsigned j = 0; j < n; j++) {
        t[j] = ncr_word_muladd(&c, a[0], b[j], 0, c);
    }
    t[n] = c;
#pragma GCC unroll 9
    for (unsigned i = 1; i < n; i++) {
        c = 0;
#pragma GCC unroll 9
        for (unsigned j = 0; j < n; j++) {
            t[i + j] = ncr_word_muladd(&c, a[i], b[j], t[i + j], c);
        }
        t[i + n] = c;
    }
}

/* t = a^2, of 2n words: twice the products of different words, then those of equal ones. */
NCR_INLINE void ncr_ecpw_sqr(uint64_t *t, const uint64_t *a, unsigned n)
{
    uint64_t c = 0, carry = 0, low = 0;
#pragma GCC unroll 9
    for (unsigned j = 1; j < n; j++) {
        t[j] = ncr_word_muladd(&c, a[0], a[j], 0, c);
    }
    t[n] = c;
#pragma GCC unroll 9
    for (unsigned i = 1; i + 1 < n; i++) {
        c = 0;
#pragma GCC unroll 9
        for (unsigned j = i + 1; j < n; j++) {
            t[i + j] = ncr_word_muladd(&c, a[i], a[j], t[i + j], c);
        }
        t[i + n] = c;
    }
    t[0] = 0;
    t[2 * n - 1] = 0;
#pragma GCC unroll 9
    for (unsigned i = 0; i < n; i++) {
        /* low is the top bit of the word before, moved up */
        uint64_t high = 0;
        const uint64_t even = t[2 * i] << 1 | low, odd = t[2 * i + 1] << 1 | t[2 * i] >> 63;
        low = t[2 * i + 1] >> 63;
        const uint64_t square = ncr_word_muladd(&high, a[i], a[i], 0, high);
        t[2 * i] = ncr_word_add(even, square, &carry);
        t[2 * i + 1] = ncr_word_add(odd, high, &carry);
    }
}

/* r = a b / 2^(64 n) mod m (Montgomery's product), for any a, b below m and neg_inv = -1/m mod
 * 2^64. Each step makes the lowest word 0 by adding a multiple of m. The sum stays below 2m + ...:
 * with t < 2m before, (t + a[i] b + q m) / 2^64 < (2m + 2 (2^64 - 1) m) / 2^64 = 2m. */
NCR_INLINE void ncr_ecpw_mont_mul(uint64_t *r, const uint64_t *a, const uint64_t *b,
                                  const uint64_t *m, uint64_t neg_inv, unsigned n)
{
    uint64_t t[NCR_ECP_WORDS_MAX + 1] = {0};
#pragma GCC unroll 9
    for (unsigned i = 0; i < n; i++) {
        uint64_t c = 0, top = 0, carry = 0;
#pragma GCC unroll 9
        for (unsigned j = 0; j < n; j++) {
            t[j] = ncr_word_muladd(&c, a[i], b[j], t[j], c);
        }
        t[n] = ncr_word_add(t[n], c, &top);
        const uint64_t q = t[0] * neg_inv;
        c = 0;
        (void)ncr_word_muladd(&c, q, m[0], t[0], c); /* 0 by the choice of q */
#pragma GCC unroll 9
        for (unsigned j = 1; j < n; j++) {
            t[j - 1] = ncr_word_muladd(&c, q, m[j], t[j], c);
        }
        t[n - 1] = ncr_word_add(t[n], c, &carry);
        t[n] = top + carry;
    }
    ncr_ecpw_reduce_once(r, t, t[n], m, n);
}

#endif
