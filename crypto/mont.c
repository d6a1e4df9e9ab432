/* SPDX-License-Identifier: ISC
 *
 * Montgomery arithmetic: see mont.h.
 *
 * Reduction takes two words at a time, as products do (words.c): the quotient digit is the lower
 * two words times -1/m modulo 2^128. For t < m R the sum of t and the multiple of m is below 2 m R,
 * so that its upper half is below 2m and one subtraction is left.
 */
#include "crypto/mont.h"
#include "crypto/fast.h"

#include <string.h>

/* r = a modulo m for a < 2m, where carry is a's bit 64 n; r apart from a. */
static void mont_once(uint64_t *r, const uint64_t *a, uint64_t carry, const struct ncr_mont *c)
{
    uint64_t borrow = ncr_words_sub(r, a, c->m, c->n);
    ncr_words_select(r, ncr_ct_mask_bit64(borrow & ~carry), a, r, c->n);
}

/* t += the multiple of m that makes its lower half 0; returns the carry out of t. */
static uint64_t mont_rows(uint64_t *t, const struct ncr_mont *c)
{
    size_t n = c->n;
    uint64_t carry = 0;
    for (size_t i = 0; i < n; i += 2) {
        uint64_t end[2], q1, q0 = ncr_word_muladd(&q1, t[i], c->k[0], 0, 0);
        q1 += t[i] * c->k[1] + t[i + 1] * c->k[0];
        ncr_words_muladd2(end, t + i, c->m, n, q0, q1, 0);
        t[n + i] = ncr_word_add(t[n + i], end[0], &carry);
        t[n + i + 1] = ncr_word_add(t[n + i + 1], end[1], &carry);
    }
    return carry;
}

void ncr_mont_redc(uint64_t *r, uint64_t *t, const struct ncr_mont *c)
{
#if NCR_X86
    if ((ncr_cpu() & NCR_CPU_ADX) != 0) {
        uint64_t carry = ncr_mont_rows_adx(t, c->m, c->n, c->k[0]);
        mont_once(r, t + c->n, carry, c);
        return;
    }
#endif
    uint64_t carry = mont_rows(t, c);
    mont_once(r, t + c->n, carry, c);
}

void ncr_mont_mul(uint64_t *r, const uint64_t *a, const uint64_t *b, const struct ncr_mont *c,
                  uint64_t *t)
{
    ncr_words_mul(t, a, c->n, b, c->n);
    ncr_mont_redc(r, t, c);
}

void ncr_mont_sqr(uint64_t *r, const uint64_t *a, const struct ncr_mont *c, uint64_t *t)
{
    ncr_words_sqr(t, a, c->n);
    ncr_mont_redc(r, t, c);
}

void ncr_mont_add(uint64_t *r, const uint64_t *a, const uint64_t *b, const struct ncr_mont *c,
                  uint64_t *t)
{
    uint64_t carry = ncr_words_add(t, a, b, c->n);
    mont_once(r, t, carry, c);
}

void ncr_mont_sub(uint64_t *r, const uint64_t *a, const uint64_t *b, const struct ncr_mont *c)
{
    uint64_t borrow = ncr_words_sub(r, a, b, c->n);
    ncr_words_add_masked(r, ncr_ct_mask_bit64(borrow), c->m, c->n);
}

void ncr_mont_leave(uint64_t *r, const uint64_t *a, const struct ncr_mont *c, uint64_t *t)
{
    memcpy(t, a, c->n * sizeof *t);
    memset(t + c->n, 0, c->n * sizeof *t);
    ncr_mont_redc(r, t, c);
}

/* R mod m is R^2 / R mod m. */
void ncr_mont_one(uint64_t *r, const struct ncr_mont *c, uint64_t *t)
{
    ncr_mont_leave(r, c->r2, c, t);
}

static void mont_double(uint64_t *r, size_t times, const struct ncr_mont *c, uint64_t *t)
{
    for (size_t i = 0; i < times; i++) {
        ncr_mont_add(r, r, r, c, t);
    }
}

/* r = the form of 2^k from that of 1: k's upper bits by doubling, as often as it takes the time of
 * one squaring, the others by squaring. */
static void mont_pow2_from_one(uint64_t *r, size_t k, const struct ncr_mont *c, uint64_t *t)
{
    unsigned low = 0;
    while (k >> low > c->n) {
        low++;
    }
    mont_double(r, k >> low, c, t);
    while (low-- > 0) {
        ncr_mont_sqr(r, r, c, t);
        mont_double(r, k >> low & 1, c, t);
    }
}

void ncr_mont_pow2(uint64_t *r, size_t k, const struct ncr_mont *c, uint64_t *t)
{
    ncr_mont_one(r, c, t);
    mont_pow2_from_one(r, k, c, t);
}

/* 1 / m modulo 2^128: with x = 1 / m modulo 2^64, m x = 1 + h 2^64, and x (2 - m x) = x - x h 2^64.
 */
static void mont_negative_inverse(uint64_t k[2], const uint64_t *m)
{
    uint64_t h, borrow = 0, x = ncr_word_inverse(m[0]);
    (void)ncr_word_muladd(&h, m[0], x, 0, 0); /* the lower word is 1 */
    h += m[1] * x;
    k[0] = ncr_word_sub(0, x, &borrow);
    k[1] = ncr_word_sub(0, 0 - x * h, &borrow);
}

/* 2^(bits - 1) < m, and doubling it 64 n - bits + 1 times gives R mod m. */
void ncr_mont_init(struct ncr_mont *c, const uint64_t *m, size_t bits, uint64_t *r2, uint64_t *t)
{
    c->m = m;
    c->r2 = r2;
    c->n = NCR_WORDS_EVEN(bits);
    c->bits = bits;
    mont_negative_inverse(c->k, m);
    memset(r2, 0, c->n * sizeof *r2);
    r2[(bits - 1) / 64] = (uint64_t)1 << (bits - 1) % 64;
    mont_double(r2, 64 * c->n - bits + 1, c, t);
    mont_pow2_from_one(r2, 64 * c->n, c, t);
}

#if NCR_INT128
/* r = r 2^64 modulo m for r < m with m's top bit set: one step of long division (Knuth, The Art of
 * Computer Programming 4.3.1, algorithm D). The quotient of two words by m's top word, at most
 * 2^64 - 1, is then right or too large by 1 or 2, and m comes back as often. */
static void mont_shift_word_vartime(uint64_t *r, const struct ncr_mont *c)
{
    const uint64_t top = c->m[c->n - 1], high = r[c->n - 1];
    const ncr_u128 two = (ncr_u128)high << 64 | r[c->n - 2];
    const uint64_t q = high >= top ? UINT64_MAX : (uint64_t)(two / top);
    uint64_t below = 0, carry = 0, borrow = 0;
    for (size_t i = 0; i < c->n; i++) {
        const uint64_t product = ncr_word_muladd(&carry, q, c->m[i], carry, 0);
        const uint64_t difference = ncr_word_sub(below, product, &borrow);
        below = r[i];
        r[i] = difference;
    }
    for (uint64_t left = high - carry - borrow; left != 0;) { /* 0, or -1 */
        left += ncr_words_add(r, r, c->m, c->n);
    }
}

bool ncr_mont_enter_short_vartime(uint64_t *r, const uint64_t *a, struct ncr_mont *c,
                                  const uint64_t *m, size_t bits)
{
    if (bits % 128 != 0) {
        return false;
    }
    c->m = m;
    c->r2 = NULL;
    c->n = bits / 64;
    c->bits = bits;
    mont_negative_inverse(c->k, m);
    memcpy(r, a, c->n * sizeof *r);
    for (size_t i = 0; i < c->n; i++) {
        mont_shift_word_vartime(r, c);
    }
    return true;
}
#else
bool ncr_mont_enter_short_vartime(uint64_t *r, const uint64_t *a, struct ncr_mont *c,
                                  const uint64_t *m, size_t bits)
{
    (void)r, (void)a, (void)c, (void)m, (void)bits;
    return false;
}
#endif

/* Horner's rule over blocks of n words. A block times R^2 is below m R, whatever it holds. */
void ncr_mont_enter(uint64_t *r, const uint64_t *a, size_t na, const struct ncr_mont *c,
                    uint64_t *t)
{
    size_t n = c->n;
    memset(r, 0, n * sizeof *r);
    for (size_t i = (na + n - 1) / n; i-- > 0;) {
        size_t part = na - i * n < n ? na - i * n : n;
        ncr_mont_mul(r, r, c->r2, c, t);
        ncr_words_mul(t, a + i * n, part, c->r2, n);
        memset(t + part + n, 0, (n - part) * sizeof *t);
        ncr_mont_redc(t, t, c);
        ncr_mont_add(r, r, t, c, t + n);
    }
}
