/* SPDX-License-Identifier: ISC
 *
 * Inverses modulo the primes of the NIST curves, constant-time: the divisions steps of Bernstein
 * and Yang, "Fast constant-time gcd computation and modular inversion" (2019), 62 at a time. Three
 * to ten times as fast as a power by Fermat's theorem.
 *
 * Start with f = m, g = a, delta = 1. A step is
 *
 *     delta > 0 and g odd:  delta = 1 - delta, f = g, g = (g - f) / 2    (f the old one)
 *     else:                 delta = 1 + delta,        g = (g + (g mod 2) f) / 2
 *
 * Theorem 11.2 there: for 0 <= a < m < 2^b, b >= 46, after floor((49 b + 57) / 17) steps g = 0 and
 * |f| = gcd(a, m); steps after that leave f. The lowest 62 bits of f and g determine 62 steps and
 * their matrix, (u v; q r) / 2^62 with integers of |u| + |v| <= 2^62, |q| + |r| <= 2^62; then it is
 * applied to f and g at once, and to d and e, for which
 *
 *     d a = c f,  e a = c g  (mod m)
 *
 * holds for a number c that depends on the number of batches alone: d and e are divided by 2^64 (in
 * Montgomery's way) where f and g are by 2^62, so that a batch makes c a quarter of itself. At the
 * end f is 1 or -1, and d or -d is c/a. c starts as the row's `seed`, R^2 4^batches modulo m, for
 * which c/a is in the row's form if a was: R^2 / (a R) = R (1/a). For a = 0, d stays 0.
 */
#include "crypto/ecp.h"

#include <string.h>

/* Words of f and g: two's complement, at least one bit more than m has; products by 62 bits and
 * sums of two of them fit, 2^62 m < 2^(64 (n + 1) - 1). */
#define ECPI_WORDS (NCR_ECP_WORDS_MAX + 1)
#define ECPI_STEPS 62

/* Two's complement each. */
struct ecpi_matrix {
    uint64_t u, v, q, r;
};

/* -x where mask is ones. */
NCR_INLINE uint64_t ecpi_negate_if(uint64_t mask, uint64_t x)
{
    return (x ^ mask) - mask;
}

/* 62 steps on the lowest words of f and g; minus_delta is two's complement, and returned as it is
 * after them. A swap is done as g -= f, f += g. */
static uint64_t ecpi_steps(struct ecpi_matrix *t, uint64_t minus_delta, uint64_t f, uint64_t g)
{
    uint64_t u = 1, v = 0, q = 0, r = 1;
    for (int i = 0; i < ECPI_STEPS; i++) {
        const uint64_t positive = ncr_ct_mask_bit64(minus_delta >> 63);
        const uint64_t odd = ncr_ct_mask_bit64(g);
        const uint64_t swap = positive & odd;
        g += ecpi_negate_if(positive, f) & odd;
        q += ecpi_negate_if(positive, u) & odd;
        r += ecpi_negate_if(positive, v) & odd;
        f += g & swap;
        u += q & swap;
        v += r & swap;
        g >>= 1; /* bits that come in at the top do not reach bit 0 */
        u <<= 1;
        v <<= 1;
        /* delta + 1 or 1 - delta: the complement of x is -x - 1 */
        minus_delta = (minus_delta ^ swap) + ~swap;
    }
    t->u = u;
    t->v = v;
    t->q = q;
    t->r = r;
    return minus_delta;
}

/* t = x a + y b modulo 2^(64 n), all two's complement. x, taken as unsigned, is 2^64 too much if it
 * is negative. */
static void ecpi_combine(uint64_t *t, uint64_t x, const uint64_t *a, uint64_t y, const uint64_t *b,
                         unsigned n)
{
    const uint64_t x_negative = ncr_ct_mask_bit64(x >> 63);
    const uint64_t y_negative = ncr_ct_mask_bit64(y >> 63);
    uint64_t cx = 0, cy = 0, bx = 0, by = 0, a_before = 0, b_before = 0;
    for (unsigned i = 0; i < n; i++) {
        uint64_t w = ncr_word_muladd(&cx, x, a[i], 0, cx);
        w = ncr_word_muladd(&cy, y, b[i], w, cy);
        w = ncr_word_sub(w, a_before & x_negative, &bx);
        t[i] = ncr_word_sub(w, b_before & y_negative, &by);
        a_before = a[i];
        b_before = b[i];
    }
}

/* r = t / 2^62, which is exact, for two's complement of n words. */
static void ecpi_shift(uint64_t *r, const uint64_t *t, unsigned n)
{
    for (unsigned i = 0; i + 1 < n; i++) {
        r[i] = t[i] >> ECPI_STEPS | t[i + 1] << (64 - ECPI_STEPS);
    }
    r[n - 1] = t[n - 1] >> ECPI_STEPS | (0 - (t[n - 1] >> 63)) << (64 - ECPI_STEPS);
}

/* r = t / 2^64 mod m, for n + 1 words of two's complement with |t| <= 2^62 m. With q from 0 to 2^64
 * - 1, (t + q m) / 2^64 is above -m/4 and below 5m/4: n words and a top of -1, 0 or 1. */
static void ecpi_divide(uint64_t *r, const uint64_t *t, const struct ncr_ecp_mod *mod)
{
    const unsigned n = mod->words;
    const uint64_t q = t[0] * mod->neg_inv;
    uint64_t c = 0, carry = 0, back = 0;
    (void)ncr_word_muladd(&c, q, mod->m[0], t[0], c); /* 0 by the choice of q */
    for (unsigned i = 1; i < n; i++) {
        r[i - 1] = ncr_word_muladd(&c, q, mod->m[i], t[i], c);
    }
    r[n - 1] = ncr_word_add(t[n], c, &carry);
    uint64_t top = carry - (t[n] >> 63);
    const uint64_t negative = ncr_ct_mask_bit64(top >> 63);
    for (unsigned i = 0; i < n; i++) {
        r[i] = ncr_word_add(r[i], mod->m[i] & negative, &back);
    }
    top += back;
    ncr_ecpw_reduce_once(r, r, top, mod->m, n);
}

void ncr_ecp_invert(uint64_t *r, const uint64_t *a, const struct ncr_ecp_mod *mod, uint64_t *work)
{
    const unsigned n = mod->words;
    uint64_t *f = work, *g = f + ECPI_WORDS, *d = g + ECPI_WORDS, *e = d + ECPI_WORDS;
    uint64_t *s = e + ECPI_WORDS, *t = s + ECPI_WORDS, minus_delta = UINT64_MAX;
    memset(work, 0, 4 * ECPI_WORDS * sizeof *work);
    memcpy(f, mod->m, n * sizeof *f);
    memcpy(g, a, n * sizeof *g);
    memcpy(e, mod->seed, n * sizeof *e);
    for (unsigned i = 0; i < mod->batches; i++) {
        struct ecpi_matrix x;
        minus_delta = ecpi_steps(&x, minus_delta, f[0], g[0]);
        ecpi_combine(s, x.u, f, x.v, g, n + 1);
        ecpi_combine(t, x.q, f, x.r, g, n + 1);
        ecpi_shift(f, s, n + 1);
        ecpi_shift(g, t, n + 1);
        ecpi_combine(s, x.u, d, x.v, e, n + 1);
        ecpi_combine(t, x.q, d, x.r, e, n + 1);
        ecpi_divide(d, s, mod);
        ecpi_divide(e, t, mod);
    }
    (void)ncr_ecpw_sub(s, mod->m, d, n);
    ncr_ecpw_select(r, ncr_ct_mask_bit64(f[n] >> 63), s, d, n);
}
