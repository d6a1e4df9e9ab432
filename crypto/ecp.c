/* SPDX-License-Identifier: ISC
 *
 * Multiples of points on the NIST curves, for any of them: see ecp.h.
 *
 * Scalars are read as signed digits of 5 bits (Booth's recoding: from -16 to 16), and every step
 * does the same, whatever the digit: table rows are read whole, infinity is kept out by masks. The
 * formulas for sums are not complete, so it has to be shown that no sum of equal points occurs:
 *
 * (1) k q from the top: the accumulator is 32 A q with A = floor(k / 32^(i+1)) + 0 or 1 before
 * digit d of place i is added. Both points are finite and equal only if 32 A = d modulo n, both not
 * 0. As |d| <= 16 it cannot hold in integers, and 32 A < n - 16 as long as i > 0. So i = 0 and 32 A
 * = d + n, that is, k = n + 2d.
 *
 * (2) k G in passes t from the highest down: the accumulator A G has digits in the places above t
 * of its rows, and the digit d of place t is added row by row from the highest, as T = d 32^(passes
 * row). No place has digits of both, so A - T is a number of digits between -16 and 16 that are not
 * all 0, and the lowest of these shows that it is not 0. For t > 0 it is smaller than n, because
 * its places end one below those of k: below 16/31 32^(digits - 1) < n. For t = 0, A - T = k - 2T -
 * L with L the sum of what is still to come in the lower rows; it lies between -1.04 32^(digits -
 * 1) > -n and n + 1.04 32^(digits - 1) < 2n, and so it is n or no multiple of n. Modulo 32, k = L +
 * d0 and 2T = 0 as long as row 0 is still to come (L holds its digit d0): n would be 0 modulo 32,
 * but it is odd. So it is the last addition, and k = n + 2d.
 *
 * In both cases the last addition alone can be a doubling, for at most one k (for P-521, k = n -
 * 18); it is then replaced by one. The sum of opposite points needs no care: the formulas give z =
 * 0. Infinity is known without looking: the accumulator is infinite exactly as long as all digits
 * were 0, because A is never a multiple of n for the same reasons.
 */
#include "crypto/ecp.h"

#include <string.h>

/* ---- Points ------------------------------------------------------------------------------ */

/* r = (x / z^2, y / z^3), not in form, for finite p, which is overwritten. r is not p. */
static void ecp_to_affine(uint64_t *r, const struct ncr_ecp_mod *f, uint64_t *p, uint64_t *work)
{
    const unsigned n = f->words;
    uint64_t *z = p + 2 * n;
    ncr_ecp_invert(z, z, f, work);
    f->mul(p + n, p + n, z);
    f->sqr(z, z);
    f->mul(p, p, z);
    f->mul(p + n, p + n, z);
    ncr_ecp_from_form(r, p, f);
    ncr_ecp_from_form(r + n, p + n, f);
}

bool ncr_ecp_decode_vartime(uint64_t *r, const struct nacre_curve *c, const uint8_t *s, size_t n)
{
    const struct ncr_ecp_mod *f = c->field()->mod;
    uint64_t left[NCR_ECP_WORDS_MAX], right[NCR_ECP_WORDS_MAX];
    if (n != 1 + 2 * (size_t)c->len || s[0] != 4) {
        return false;
    }
    const struct nacre_num x = {s + 1, c->len}, y = {s + 1 + c->len, c->len};
    ncr_words_load(r, f->words, x);
    ncr_words_load(r + f->words, f->words, y);
    if (ncr_words_lt(r, f->m, f->words) == 0 || ncr_words_lt(r + f->words, f->m, f->words) == 0) {
        return false;
    }
    ncr_ecp_to_form(r, r, f);
    ncr_ecp_to_form(r + f->words, r + f->words, f);
    /* y^2 = (x^2 - 3) x + b */
    f->sqr(right, r);
    for (int i = 0; i < 3; i++) {
        f->sub(right, right, f->one);
    }
    f->mul(right, right, r);
    f->add(right, right, c->b);
    f->sqr(left, r + f->words);
    return ncr_words_eq(left, right, f->words) != 0;
}

/* ---- Digits and tables, constant-time ---------------------------------------------------- */

/* The digit of place i, (bits 5i-1 to 5i+3) - 32 bit 5i+4, the lowest counted twice: its magnitude,
 * and a mask of its sign. */
static uint64_t ecp_digit(uint64_t *negative, const uint64_t *k, unsigned words, unsigned i)
{
    const unsigned at = i == 0 ? 0 : NCR_ECP_DIGIT * i - 1;
    uint64_t x = k[at / 64] >> at % 64;
    if (at % 64 > 58 && at / 64 + 1 < words) {
        x |= k[at / 64 + 1] << (64 - at % 64);
    }
    x = (i == 0 ? x << 1 : x) & 63;
    *negative = ncr_ct_mask_bit64(x >> 5);
    x = (x + 1) >> 1;
    return ncr_ct_select64(*negative, 32 - x, x);
}

/* r = entry magnitude - 1 of a row of 16 entries of n words, 0 for magnitude 0: as many words at a
 * time as a vector holds, then what is left. */
static void ecp_select(uint64_t *r, const uint64_t *row, unsigned n, uint64_t magnitude)
{
    uint64_t here[NCR_ECP_ROW][NCR_LANES64];
    unsigned i = 0;
    for (uint64_t j = 0; j < NCR_ECP_ROW; j++) {
        for (size_t lane = 0; lane < NCR_LANES64; lane++) {
            here[j][lane] = ncr_ct_mask_eq64(magnitude, j + 1);
        }
    }
    for (; i + NCR_LANES64 <= n; i += NCR_LANES64) {
        ncr_lanes64 sum, mask, x;
        memset(&sum, 0, sizeof sum);
        for (unsigned j = 0; j < NCR_ECP_ROW; j++) {
            memcpy(&mask, here[j], sizeof mask);
            memcpy(&x, row + j * n + i, sizeof x);
            sum |= mask & x;
        }
        memcpy(r + i, &sum, sizeof sum);
    }
    for (; i < n; i++) {
        r[i] = 0;
        for (unsigned j = 0; j < NCR_ECP_ROW; j++) {
            r[i] |= here[j][0] & row[j * n + i];
        }
    }
}

/* y = -y where mask is ones. */
static void ecp_negate(uint64_t *y, const struct ncr_ecp_mod *f, uint64_t mask)
{
    static const uint64_t zero[NCR_ECP_WORDS_MAX] = {0};
    uint64_t t[NCR_ECP_WORDS_MAX];
    f->sub(t, zero, y);
    ncr_words_select(y, mask, t, y, f->words);
}

/* A multiplication under way; the points lie in work. */
struct ecp_chain {
    const struct ncr_ecp_field *field;
    unsigned n;       /* words of a coordinate */
    uint64_t *p;      /* the accumulator */
    uint64_t *q;      /* what is to be added next, with z */
    uint64_t *sum;    /* p + q */
    uint64_t nothing; /* mask: p is infinite */
};

/* Starts one in 3 NCR_ECP_POINT_MAX words. */
static void ecp_chain_start(struct ecp_chain *s, const struct nacre_curve *c, uint64_t *work)
{
    s->field = c->field();
    s->n = s->field->mod->words;
    s->p = work;
    s->q = work + NCR_ECP_POINT_MAX;
    s->sum = work + 2 * NCR_ECP_POINT_MAX;
    s->nothing = UINT64_MAX;
    memset(s->p, 0, 3 * s->n * sizeof *s->p);
}

static void ecp_chain_double(struct ecp_chain *s, unsigned times)
{
    s->field->dbl(s->p, s->p, times);
}

/* p = sum, which is of p and q, unless p is infinite or q is (skip). */
static void ecp_chain_take(struct ecp_chain *s, uint64_t skip)
{
    ncr_words_select(s->sum, s->nothing, s->q, s->sum, 3 * s->n);
    ncr_words_select(s->p, skip, s->p, s->sum, 3 * s->n);
    s->nothing &= skip;
}

/* The same for the last sum, which may be of equal points: its z is 0 then, and only then. */
static void ecp_chain_take_last(struct ecp_chain *s, uint64_t skip)
{
    const uint64_t equal = ncr_words_eq_word(s->sum + 2 * s->n, 0, s->n) & ~s->nothing & ~skip;
    ncr_words_select(s->sum, s->nothing, s->q, s->sum, 3 * s->n);
    s->field->dbl(s->q, s->p, 1);
    ncr_words_select(s->sum, equal, s->q, s->sum, 3 * s->n);
    ncr_words_select(s->p, skip, s->p, s->sum, 3 * s->n);
}

void ncr_ecp_mul_base(uint64_t *r, const struct nacre_curve *c, const uint64_t *k, uint64_t *work)
{
    struct ecp_chain s;
    ecp_chain_start(&s, c, work);
    const unsigned rows = c->digits / c->passes;
    for (unsigned pass = c->passes; pass-- > 0;) {
        ecp_chain_double(&s, pass + 1 == c->passes ? 0 : NCR_ECP_DIGIT);
        for (unsigned row = rows; row-- > 0;) {
            uint64_t negative;
            const uint64_t digit = ecp_digit(&negative, k, s.n, row * c->passes + pass);
            ecp_select(s.q, c->base + (size_t)row * NCR_ECP_ROW * 2 * s.n, 2 * s.n, digit);
            ecp_negate(s.q + s.n, s.field->mod, negative);
            memcpy(s.q + 2 * s.n, s.field->mod->one, s.n * sizeof *s.q);
            s.field->add_affine(s.sum, s.p, s.q);
            if (pass + row > 0) {
                ecp_chain_take(&s, ncr_ct_mask_zero64(digit));
            } else {
                ecp_chain_take_last(&s, ncr_ct_mask_zero64(digit));
            }
        }
    }
    ecp_to_affine(r, s.field->mod, s.p, work + NCR_ECP_POINT_MAX);
}

/* Entry j of table is (j + 1) q: no sum of equal or opposite points, for n > 32. */
static void ecp_multiples(uint64_t *table, const struct ncr_ecp_field *field, const uint64_t *q)
{
    const unsigned n = field->mod->words;
    memcpy(table, q, 2 * n * sizeof *table);
    memcpy(table + 2 * n, field->mod->one, n * sizeof *table);
    for (unsigned j = 2; j <= NCR_ECP_ROW; j += 2) {
        uint64_t *even = table + (j - 1) * 3 * n;
        field->dbl(even, table + (j / 2 - 1) * 3 * n, 1);
        if (j < NCR_ECP_ROW) {
            field->add_affine(even + 3 * n, even, q);
        }
    }
}

void ncr_ecp_mul(uint64_t *r, const struct nacre_curve *c, const uint64_t *k, const uint64_t *q,
                 uint64_t *work)
{
    uint64_t *table = work + 3 * NCR_ECP_POINT_MAX;
    struct ecp_chain s;
    ecp_chain_start(&s, c, work);
    ecp_multiples(table, s.field, q);
    for (unsigned i = c->digits; i-- > 0;) {
        uint64_t negative;
        const uint64_t digit = ecp_digit(&negative, k, s.n, i);
        ecp_chain_double(&s, i + 1 == c->digits ? 0 : NCR_ECP_DIGIT);
        ecp_select(s.q, table, 3 * s.n, digit);
        ecp_negate(s.q + s.n, s.field->mod, negative);
        s.field->add(s.sum, s.p, s.q);
        if (i > 0) {
            ecp_chain_take(&s, ncr_ct_mask_zero64(digit));
        } else {
            ecp_chain_take_last(&s, ncr_ct_mask_zero64(digit));
        }
    }
    ecp_to_affine(r, s.field->mod, s.p, work + NCR_ECP_POINT_MAX);
}

/* ---- What is not constant-time ----------------------------------------------------------- */

/* k = sum of naf[i] 2^i for i from 0 to bits, each digit 0 or odd and from -15 to 15, and four
 * zeros after one that is not 0. */
static void ecp_naf_vartime(int8_t *naf, const uint64_t *k, unsigned words, unsigned bits)
{
    int carry = 0;
    memset(naf, 0, bits + 1);
    for (unsigned i = 0; i <= bits;) {
        uint64_t w = i / 64 < words ? k[i / 64] >> i % 64 : 0;
        if (i % 64 > 59 && i / 64 + 1 < words) {
            w |= k[i / 64 + 1] << (64 - i % 64);
        }
        const int x = (int)(w & 31) + carry;
        if (x % 2 == 0) { /* a zero digit; 1 plus a carry of 1 is one too, and carries on */
            i++;
            continue;
        }
        carry = x > 16;
        naf[i] = (int8_t)(x - 32 * carry);
        i += 5;
    }
}

/* p = p + q for any two points; sum is scratch. */
static void ecp_add_vartime(struct ecp_chain *s, const uint64_t *q, bool affine)
{
    const struct ncr_ecp_mod *f = s->field->mod;
    const unsigned n = s->n;
    if (ncr_words_eq_word(s->p + 2 * n, 0, n) != 0) {
        memcpy(s->p, q, 3 * n * sizeof *s->p);
        return;
    }
    (affine ? s->field->add_affine : s->field->add)(s->sum, s->p, q);
    if (ncr_words_eq_word(s->sum + 2 * n, 0, n) == 0) {
        memcpy(s->p, s->sum, 3 * n * sizeof *s->p);
        return;
    }
    /* The same x: twice the point if y is the same too, y1 z2^3 = y2 z1^3, else infinity. */
    uint64_t *a = s->sum, *b = s->sum + n, *t = s->sum + 2 * n;
    f->sqr(t, q + 2 * n);
    f->mul(t, t, q + 2 * n);
    f->mul(a, s->p + n, t);
    f->sqr(t, s->p + 2 * n);
    f->mul(t, t, s->p + 2 * n);
    f->mul(b, q + n, t);
    if (ncr_words_eq(a, b, n) != 0) {
        s->field->dbl(s->p, s->p, 1);
    } else {
        memset(s->p, 0, 3 * n * sizeof *s->p);
    }
}

/* p = p + entry, or minus entry if digit is below 0. */
static void ecp_add_digit_vartime(struct ecp_chain *s, const uint64_t *entry, int digit,
                                  bool affine)
{
    memcpy(s->q, entry, (affine ? 2 : 3) * s->n * sizeof *s->q);
    if (affine) {
        memcpy(s->q + 2 * s->n, s->field->mod->one, s->n * sizeof *s->q);
    }
    if (digit < 0) {
        ecp_negate(s->q + s->n, s->field->mod, UINT64_MAX);
    }
    ecp_add_vartime(s, s->q, affine);
}

/* Adds the digits of a for that pass, each to its row of the base point's multiples. */
static void ecp_add_pass_vartime(struct ecp_chain *s, const struct nacre_curve *c,
                                 const uint64_t *a, unsigned pass)
{
    for (unsigned row = 0; row < c->digits / c->passes; row++) {
        const uint64_t *entries = c->base + (size_t)row * NCR_ECP_ROW * 2 * s->n;
        uint64_t negative;
        const uint64_t digit = ecp_digit(&negative, a, s->n, row * c->passes + pass);
        if (digit != 0) {
            ecp_add_digit_vartime(s, entries + (digit - 1) * 2 * s->n, negative != 0 ? -1 : 1,
                                  true);
        }
    }
}

/* q, 3q, ..., 15q, Jacobian; twice is scratch for 2q. */
static void ecp_odd_multiples(uint64_t *table, const struct ncr_ecp_field *field, const uint64_t *q,
                              uint64_t *twice)
{
    const unsigned n = field->mod->words;
    memcpy(table, q, 2 * n * sizeof *table);
    memcpy(table + 2 * n, field->mod->one, n * sizeof *table);
    field->dbl(twice, table, 1);
    for (unsigned j = 1; j < 8; j++) {
        field->add(table + j * 3 * n, table + (j - 1) * 3 * n, twice);
    }
}

/* One chain of doublings for both scalars: digits of b come at their places, the passes of a, which
 * are 5 places apart, at its end. */
void ncr_ecp_mul2_vartime(uint64_t *r, const struct nacre_curve *c, const uint64_t *a,
                          const uint64_t *b, const uint64_t *q, uint64_t *work)
{
    uint64_t *odd = work + 3 * NCR_ECP_POINT_MAX;
    int8_t *naf = (int8_t *)(odd + 8 * NCR_ECP_POINT_MAX);
    struct ecp_chain s;
    ecp_chain_start(&s, c, work);
    ecp_odd_multiples(odd, s.field, q, s.sum);
    ecp_naf_vartime(naf, b, s.n, c->bits);
    unsigned doublings = 0; /* still to be done; there is a pass at the end, which wants them */
    for (unsigned i = c->bits + 1; i-- > 0;) {
        const bool pass = i % NCR_ECP_DIGIT == 0 && i / NCR_ECP_DIGIT < c->passes;
        doublings++;
        if (naf[i] == 0 && !pass) {
            continue;
        }
        ecp_chain_double(&s, doublings);
        doublings = 0;
        if (naf[i] != 0) {
            const unsigned j = (unsigned)(naf[i] < 0 ? -naf[i] : naf[i]) / 2;
            ecp_add_digit_vartime(&s, odd + j * 3 * s.n, naf[i], false);
        }
        if (pass) {
            ecp_add_pass_vartime(&s, c, a, i / NCR_ECP_DIGIT);
        }
    }
    memcpy(r, s.p, 3 * s.n * sizeof *r);
}
