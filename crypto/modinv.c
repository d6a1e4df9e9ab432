/* SPDX-License-Identifier: ISC
 *
 * Inverses modulo an odd number by division steps: Bernstein and Yang, "Fast constant-time gcd
 * computation and modular inversion" (2019), sections 8 to 11.
 *
 * A division step looks at the lowest bits of f and g and at a counter, so NCR_MODINV_LIMB of them
 * run on one word and yield a matrix of small numbers, which is then applied to the whole of f and
 * g, and modulo m to d and e; throughout, f = d a and g = e a (mod m). The number of steps depends
 * on the bit length alone (theorem 11.2), and then g = 0 and f = +-gcd(a, m).
 *
 * Numbers have limbs of NCR_MODINV_LIMB bits, one to a word, least significant first; the topmost
 * is signed, the others are not negative. Negative numbers are words of two's complement. CT.
 */
#include "crypto/mont.h"

#include <string.h>

#define MODINV_MASK (((uint64_t)1 << NCR_MODINV_LIMB) - 1)

/* Signed sums of products: each is below 2^MODINV_WIDE_MAX. A matrix row (x, y) has |x| + |y| <=
 * 2^LIMB, so its product with two limbs is at most 2^(2 LIMB), the multiple of m that comes with it
 * at most twice that, and what is carried is less than 2^(LIMB + 2). */
#if NCR_INT128
typedef ncr_u128 modinv_wide;
#define MODINV_WIDE_MAX 126
#else
typedef uint64_t modinv_wide;
#define MODINV_WIDE_MAX 62
#endif

/* 2^LIMB times (f, g) after the steps is (u f + v g, q f + r g). */
struct modinv_matrix {
    uint64_t u, v, q, r;
};

/* sum + x y, signed. */
static inline modinv_wide modinv_muladd(modinv_wide sum, uint64_t x, uint64_t y)
{
    return sum + (modinv_wide)(int64_t)x * (modinv_wide)(int64_t)y;
}

/* floor(sum / 2^LIMB) of a signed sum. */
static inline modinv_wide modinv_carry(modinv_wide sum)
{
    const modinv_wide bias = (modinv_wide)1 << MODINV_WIDE_MAX;
    return ((sum + bias) >> NCR_MODINV_LIMB) - (bias >> NCR_MODINV_LIMB);
}

/* The same of a signed word. */
static inline uint64_t modinv_carry_word(uint64_t x)
{
    const uint64_t bias = (uint64_t)1 << 63;
    return ((x + bias) >> NCR_MODINV_LIMB) - (bias >> NCR_MODINV_LIMB);
}

static inline uint64_t modinv_negate_if(uint64_t mask, uint64_t x)
{
    return (x ^ mask) - mask;
}

static inline void modinv_swap_negate_if(uint64_t mask, uint64_t *x, uint64_t *y)
{
    uint64_t differ = (*x ^ *y) & mask;
    *x ^= differ;
    *y = modinv_negate_if(mask, *y ^ differ);
}

/* LIMB division steps (section 8.1) on the lowest limbs of f and g. */
static uint64_t modinv_steps(struct modinv_matrix *t, uint64_t delta, uint64_t f, uint64_t g)
{
    uint64_t u = 1, v = 0, q = 0, r = 1;
    for (int i = 0; i < NCR_MODINV_LIMB; i++) {
        uint64_t odd = ncr_ct_mask_bit64(g);
        uint64_t swap = odd & ncr_ct_mask_bit64((0 - delta) >> 63); /* delta > 0 */
        modinv_swap_negate_if(swap, &f, &g);
        modinv_swap_negate_if(swap, &u, &q);
        modinv_swap_negate_if(swap, &v, &r);
        delta = modinv_negate_if(swap, delta) + 1;
        g = (g + (f & odd)) >> 1;
        q += u & odd;
        r += v & odd;
        u <<= 1;
        v <<= 1;
    }
    t->u = u, t->v = v, t->q = q, t->r = r;
    return delta;
}

/* (f, g) = t (f, g) / 2^LIMB, which is exact. */
static void modinv_apply(uint64_t *f, uint64_t *g, size_t n, const struct modinv_matrix *t)
{
    modinv_wide cf = 0, cg = 0;
    for (size_t i = 0; i < n; i++) {
        cf = modinv_muladd(modinv_muladd(cf, t->u, f[i]), t->v, g[i]);
        cg = modinv_muladd(modinv_muladd(cg, t->q, f[i]), t->r, g[i]);
        if (i > 0) {
            f[i - 1] = (uint64_t)cf & MODINV_MASK;
            g[i - 1] = (uint64_t)cg & MODINV_MASK;
        }
        cf = modinv_carry(cf);
        cg = modinv_carry(cg);
    }
    f[n - 1] = (uint64_t)cf;
    g[n - 1] = (uint64_t)cg;
}

/* (d, e) = t (d, e) / 2^LIMB modulo m. d and e are in (-2m, m) before and after: m is added to the
 * negative ones, which leaves (-m, m); the row's sum is then in (-2^LIMB m, 2^LIMB m); and md times
 * m, -2^LIMB < md <= 0 beside that, makes it divisible. inverse is 1 / m modulo 2^LIMB. */
static void modinv_apply_mod(uint64_t *d, uint64_t *e, size_t n, const struct modinv_matrix *t,
                             const uint64_t *m, uint64_t inverse)
{
    uint64_t sd = ncr_ct_mask_bit64(d[n - 1] >> 63), se = ncr_ct_mask_bit64(e[n - 1] >> 63);
    uint64_t md = (t->u & sd) + (t->v & se), me = (t->q & sd) + (t->r & se);
    modinv_wide cd = 0, ce = 0;
    md -= (inverse * (t->u * d[0] + t->v * e[0]) + md) & MODINV_MASK;
    me -= (inverse * (t->q * d[0] + t->r * e[0]) + me) & MODINV_MASK;
    for (size_t i = 0; i < n; i++) {
        cd = modinv_muladd(modinv_muladd(cd, t->u, d[i]), t->v, e[i]);
        ce = modinv_muladd(modinv_muladd(ce, t->q, d[i]), t->r, e[i]);
        cd = modinv_muladd(cd, md, m[i]);
        ce = modinv_muladd(ce, me, m[i]);
        if (i > 0) {
            d[i - 1] = (uint64_t)cd & MODINV_MASK;
            e[i - 1] = (uint64_t)ce & MODINV_MASK;
        }
        cd = modinv_carry(cd);
        ce = modinv_carry(ce);
    }
    d[n - 1] = (uint64_t)cd;
    e[n - 1] = (uint64_t)ce;
}

/* x = -x where negate is ones, plus m where add is ones. */
static void modinv_adjust(uint64_t *x, uint64_t negate, uint64_t add, const uint64_t *m, size_t n)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t word = modinv_negate_if(negate, x[i]) + (m[i] & add) + carry;
        x[i] = i + 1 < n ? word & MODINV_MASK : word;
        carry = modinv_carry_word(word);
    }
}

uint64_t ncr_modinv(uint64_t *r, const uint64_t *a, const uint64_t *m, size_t n, size_t bits,
                    uint64_t *work)
{
    const size_t limbs = NCR_MODINV_LIMBS(bits), steps = (49 * bits + 80) / 17;
    uint64_t *f = work, *g = f + limbs, *d = g + limbs, *e = d + limbs, *mm = e + limbs;
    uint64_t delta = 1, inverse = ncr_word_inverse(m[0]), negative;
    struct modinv_matrix t;
    ncr_words_split(mm, limbs, NCR_MODINV_LIMB, m, n);
    ncr_words_split(g, limbs, NCR_MODINV_LIMB, a, n);
    memcpy(f, mm, limbs * sizeof *f);
    memset(d, 0, limbs * sizeof *d);
    memset(e, 0, limbs * sizeof *e);
    e[0] = 1;
    for (size_t i = 0; i < steps; i += NCR_MODINV_LIMB) {
        delta = modinv_steps(&t, delta, f[0], g[0]);
        modinv_apply(f, g, limbs, &t);
        modinv_apply_mod(d, e, limbs, &t, mm, inverse);
    }
    negative = ncr_ct_mask_bit64(f[limbs - 1] >> 63);
    modinv_adjust(f, negative, 0, mm, limbs);
    modinv_adjust(d, 0, ncr_ct_mask_bit64(d[limbs - 1] >> 63), mm, limbs);
    modinv_adjust(d, negative, 0, mm, limbs);
    modinv_adjust(d, 0, ncr_ct_mask_bit64(d[limbs - 1] >> 63), mm, limbs);
    ncr_words_join(r, n, d, limbs, NCR_MODINV_LIMB);
    nacre_wipe(&t, sizeof t);
    return ncr_words_eq_word(f, 1, limbs);
}
