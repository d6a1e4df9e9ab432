/* SPDX-License-Identifier: ISC
 *
 * Powers modulo an odd number: fixed windows over Montgomery's form.
 *
 * Every window costs the same squarings and one product, whatever it holds, and a power is read
 * from the table by going through all of it under a mask: neither branches nor addresses depend on
 * base or exponent. The accelerated twin is mont_ifma.c.
 */
#include "crypto/mont.h"
#include "crypto/fast.h"

#include <string.h>

unsigned ncr_exp_window(struct nacre_num e, size_t at, unsigned w)
{
    size_t i = e.n - 1 - at / 8;
    unsigned word = e.p[i] | (i > 0 ? (unsigned)e.p[i - 1] << 8 : 0);
    return word >> at % 8 & ((1U << w) - 1);
}

unsigned ncr_exp_window_bits(struct nacre_num e, size_t words, size_t entry)
{
    unsigned w = e.n > 64 ? 5 : e.n > 16 ? 4 : e.n > 4 ? 3 : 1;
    while (w > 0 && entry << w > words) {
        w--;
    }
    return w;
}

/* r = entry i of the table's 2^w. */
static void modexp_pick(uint64_t *r, const uint64_t *table, unsigned w, uint64_t i, size_t n)
{
    memset(r, 0, n * sizeof *r);
    for (uint64_t k = 0; k >> w == 0; k++, table += n) {
        uint64_t mask = ncr_ct_mask_eq64(k, i);
        for (size_t j = 0; j < n; j++) {
            r[j] |= table[j] & mask;
        }
    }
}

/* table[k] = x^k for k < 2^w, in the form. */
static void modexp_table(uint64_t *table, const uint64_t *x, unsigned w, const struct ncr_mont *c,
                         uint64_t *t)
{
    size_t n = c->n;
    ncr_mont_one(table, c, t);
    memcpy(table + n, x, n * sizeof *x);
    for (size_t k = 2; k >> w == 0; k++) {
        if (k % 2 == 0) {
            ncr_mont_sqr(table + k * n, table + k / 2 * n, c, t);
        } else {
            ncr_mont_mul(table + k * n, table + (k - 1) * n, x, c, t);
        }
    }
}

/* r, the result so far in the form, takes in the windows from bit `left` downwards. */
static void modexp_run(uint64_t *r, const uint64_t *table, unsigned w, struct nacre_num e,
                       const struct ncr_mont *c, uint64_t *t, uint64_t *y)
{
    size_t left = 8 * e.n;
    ncr_mont_one(r, c, t);
    for (unsigned take = left % w > 0 ? (unsigned)(left % w) : w; left > 0; take = w) {
        left -= take;
        for (unsigned i = 0; i < take; i++) {
            ncr_mont_sqr(r, r, c, t);
        }
        modexp_pick(y, table, w, ncr_exp_window(e, left, take), c->n);
        ncr_mont_mul(r, r, y, c, t);
    }
}

void ncr_mont_exp(uint64_t *r, const uint64_t *x, struct nacre_num e, const struct ncr_mont *c,
                  uint64_t *work, size_t cap)
{
    size_t n = c->n;
    uint64_t *t = work, *y = t + 2 * n, *table = y + n;
#if NCR_X86
    if ((ncr_cpu() & NCR_CPU_IFMA) != 0 && ncr_mont_exp_ifma(r, x, e, c, work, cap)) {
        return;
    }
#endif
    unsigned w = ncr_exp_window_bits(e, cap - 3 * n, n);
    modexp_table(table, x, w, c, t);
    modexp_run(r, table, w, e, c, t, y);
    ncr_mont_leave(r, r, c, t);
}

void ncr_mont_exp_public(uint64_t *r, const uint64_t *x, struct nacre_num e,
                         const struct ncr_mont *c, uint64_t *t)
{
    size_t left = ncr_num_bits_vartime(e) - 1;
    memcpy(r, x, c->n * sizeof *r);
    while (left-- > 0) {
        ncr_mont_sqr(r, r, c, t);
        if (ncr_exp_window(e, left, 1) != 0) {
            ncr_mont_mul(r, r, x, c, t);
        }
    }
}

/* r = the form of the base, whatever its length, by Horner's rule over blocks of n words. */
static void modexp_enter(uint64_t *r, struct nacre_num base, const struct ncr_mont *c, uint64_t *y,
                         uint64_t *t)
{
    size_t n = c->n;
    memset(r, 0, n * sizeof *r);
    while (base.n > 0) {
        size_t part = base.n % (8 * n) > 0 ? base.n % (8 * n) : 8 * n;
        struct nacre_num block = {base.p, part};
        ncr_words_load(y, n, block);
        ncr_mont_mul(y, y, c->r2, c, t);
        ncr_mont_mul(r, r, c->r2, c, t);
        ncr_mont_add(r, r, y, c, t);
        base.p += part;
        base.n -= part;
    }
}

bool nacre_modexp(uint8_t *out, struct nacre_num base, struct nacre_num exp, struct nacre_num m,
                  uint64_t *work)
{
    struct ncr_mont c;
    size_t bits = ncr_num_bits_vartime(m), n = NCR_WORDS_EVEN(bits);
    uint64_t *modulus = work, *r2 = modulus + n, *x = r2 + n, *rest = x + n;
    if (bits < 2 || bits > NACRE_MOD_BITS_MAX || (m.p[m.n - 1] & 1) == 0) {
        memset(out, 0, ncr_num_trim_vartime(m).n);
        return false;
    }
    ncr_words_load(modulus, n, m);
    ncr_mont_init(&c, modulus, bits, r2, rest);
    modexp_enter(x, base, &c, rest, rest + n);
    ncr_mont_exp(x, x, exp, &c, rest, NACRE_MODEXP_WORK(bits) - 3 * n);
    ncr_words_store(out, (bits + 7) / 8, x, n);
    nacre_wipe(work, NACRE_MODEXP_WORK(bits) * sizeof *work);
    return true;
}
