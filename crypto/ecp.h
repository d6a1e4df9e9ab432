/* SPDX-License-Identifier: ISC
 *
 * The NIST curves from within: y^2 = x^3 - 3x + b over a prime field, of prime order.
 *
 * A modulus is a row of its own arithmetic (struct ncr_ecp_mod); a field is such a row with the
 * three formulas for points over it; a curve names its field and its order. Field elements and
 * scalars are words, least significant first, always below the modulus, so that there is one form
 * of each value. They are in the row's own form (Montgomery's, for all but P-521's field), between
 * ncr_ecp_to_form() and ncr_ecp_from_form().
 *
 * Points are Jacobian: x, y, z consecutively, standing for (x / z^2, y / z^3), infinity if z is 0.
 * Affine points are x, y. The formulas below are written once and compiled for each field, inline,
 * with calls that its constant row resolves. They are not complete: infinity as an operand and the
 * sum of equal points give garbage, and who calls them sees to that (see ecp.c).
 */
#ifndef NCR_ECP_H
#define NCR_ECP_H

#include "crypto/ecp_words.h"
#include "crypto/nacre_crypto.h"

/* Words of a Jacobian point; base points of a row in a table of multiples; bits of a digit. */
#define NCR_ECP_POINT_MAX (3 * NCR_ECP_WORDS_MAX)
#define NCR_ECP_ROW 16
#define NCR_ECP_DIGIT 5

/* Arithmetic modulo an odd prime. Outputs may be inputs. */
struct ncr_ecp_mod {
    unsigned words;
    const uint64_t *m;
    const uint64_t *one; /* 1 in the row's form */
    const uint64_t *to;  /* mul by this brings a number into the form */
    uint64_t neg_inv;    /* -1/m mod 2^64 */
    unsigned batches; /* of 62 steps in an inversion: (49 bits of m + 57) / 17 / 62, rounded up */
    const uint64_t *seed; /* R^2 4^batches mod m, for R = 1 in the form: see ecp_invert.c */
    void (*mul)(uint64_t *r, const uint64_t *a, const uint64_t *b);
    void (*sqr)(uint64_t *r, const uint64_t *a);
    void (*add)(uint64_t *r, const uint64_t *a, const uint64_t *b);
    /* Fields only: */
    void (*sub)(uint64_t *r, const uint64_t *a, const uint64_t *b);
    void (*half)(uint64_t *r, const uint64_t *a);
};

/* r may be p. */
struct ncr_ecp_field {
    const struct ncr_ecp_mod *mod;
    void (*dbl)(uint64_t *r, const uint64_t *p,
                unsigned times); /* 2^times p, r = p if times is 0 */
    void (*add)(uint64_t *r, const uint64_t *p, const uint64_t *q);
    void (*add_affine)(uint64_t *r, const uint64_t *p, const uint64_t *q);
};

struct nacre_curve {
    unsigned len;    /* bytes of a coordinate and of a scalar */
    unsigned bits;   /* of the order */
    unsigned digits; /* of 5 bits in a scalar, and one carry: passes times rows */
    unsigned passes; /* digits that share a row of the base point's multiples */
    /* The fastest form of the field on this CPU. */
    const struct ncr_ecp_field *(*field)(void);
    const struct ncr_ecp_mod *order;
    const uint64_t *b;    /* in the field's form */
    const uint64_t *base; /* row i: (j + 1) 32^(passes i) G for j from 0 to 15, affine */
};

/* ---- Numbers modulo m: ecp.c ------------------------------------------------------------- */

/* Into the form, for a below m, and out of it. */
static inline void ncr_ecp_to_form(uint64_t *r, const uint64_t *a, const struct ncr_ecp_mod *mod)
{
    mod->mul(r, a, mod->to);
}

static inline void ncr_ecp_from_form(uint64_t *r, const uint64_t *a, const struct ncr_ecp_mod *mod)
{
    static const uint64_t plain_one[NCR_ECP_WORDS_MAX] = {1};
    mod->mul(r, a, plain_one);
}

/* r = 1/a, both in the form, and 0 for 0; r may be a. CT. Uses NCR_ECP_INVERT_WORK words of work,
 * for the caller to wipe: ecp_invert.c. */
#define NCR_ECP_INVERT_WORK (6 * (NCR_ECP_WORDS_MAX + 1))
void ncr_ecp_invert(uint64_t *r, const uint64_t *a, const struct ncr_ecp_mod *mod, uint64_t *work);

/* ---- Points: ecp.c ----------------------------------------------------------------------- */

/* Words of work that the multiplications below use, from its start, for the caller to wipe; what is
 * left of NACRE_EC_WORK is the caller's. */
#define NCR_ECP_WORK (19 * NCR_ECP_POINT_MAX)

/* r = k G, affine, not in form, for 0 < k < n. CT in k. */
void ncr_ecp_mul_base(uint64_t *r, const struct nacre_curve *c, const uint64_t *k, uint64_t *work);
/* r = k q, likewise, for q affine, in form, on the curve. CT in k and q. */
void ncr_ecp_mul(uint64_t *r, const struct nacre_curve *c, const uint64_t *k, const uint64_t *q,
                 uint64_t *work);
/* r = a G + b q, Jacobian, in form, for a, b < n, also 0. Not CT. */
void ncr_ecp_mul2_vartime(uint64_t *r, const struct nacre_curve *c, const uint64_t *a,
                          const uint64_t *b, const uint64_t *q, uint64_t *work);
/* The affine point, in form, that the n bytes at s stand for; false unless they are 04 || X || Y,
 * both below p, on the curve. */
NACRE_MUST_CHECK bool ncr_ecp_decode_vartime(uint64_t *r, const struct nacre_curve *c,
                                             const uint8_t *s, size_t n);

/* ---- Formulas ---------------------------------------------------------------------------- */

/* r = 2p, for a = -3 (Guide to Elliptic Curve Cryptography, algorithm 3.21): M = 3 (X - Z^2)(X +
 * Z^2), S = 4 X Y^2, X' = M^2 - 2S, Y' = M (S - X') - 8 Y^4, Z' = 2 Y Z. Infinity (z = 0) gives
 * infinity. */
NCR_INLINE void ncr_ecp_formula_double(const struct ncr_ecp_mod *f, uint64_t *r, const uint64_t *p)
{
    const unsigned n = f->words;
    uint64_t m[NCR_ECP_WORDS_MAX], s[NCR_ECP_WORDS_MAX], t[NCR_ECP_WORDS_MAX];
    f->sqr(t, p + 2 * n);
    f->sub(m, p, t);
    f->add(t, p, t);
    f->mul(m, m, t);
    f->add(t, m, m);
    f->add(m, m, t); /* M */
    f->add(t, p + n, p + n);
    f->mul(r + 2 * n, t, p + 2 * n);
    f->sqr(t, t);    /* 4 Y^2 */
    f->mul(s, t, p); /* S */
    f->sqr(t, t);
    f->half(t, t); /* 8 Y^4 */
    f->sqr(r, m);
    f->sub(r, r, s);
    f->sub(r, r, s);
    f->sub(s, s, r);
    f->mul(s, s, m);
    f->sub(r + n, s, t);
}

/* The end of an addition, given U1 = x1 z2^2 in u, S1 = y1 z2^3 in s, H = U2 - U1, R = S2 - S1:
 * X' = R^2 - H^3 - 2 U1 H^2, Y' = R (U1 H^2 - X') - S1 H^3. H is overwritten. */
NCR_INLINE void ncr_ecp_formula_join(const struct ncr_ecp_mod *f, uint64_t *r, uint64_t *u,
                                     const uint64_t *s, uint64_t *h, const uint64_t *rr)
{
    const unsigned n = f->words;
    uint64_t t[NCR_ECP_WORDS_MAX];
    f->sqr(t, h);
    f->mul(u, u, t); /* U1 H^2 */
    f->mul(h, h, t); /* H^3 */
    f->mul(t, s, h); /* S1 H^3, before y1, which may be s, is overwritten */
    f->sqr(r, rr);
    f->sub(r, r, h);
    f->sub(r, r, u);
    f->sub(r, r, u);
    f->sub(u, u, r);
    f->mul(u, u, rr);
    f->sub(r + n, u, t);
}

/* r = p + q; z' = z1 z2 H is 0 if they have the same x. */
NCR_INLINE void ncr_ecp_formula_add(const struct ncr_ecp_mod *f, uint64_t *r, const uint64_t *p,
                                    const uint64_t *q)
{
    const unsigned n = f->words;
    uint64_t u[NCR_ECP_WORDS_MAX], s[NCR_ECP_WORDS_MAX], h[NCR_ECP_WORDS_MAX];
    uint64_t rr[NCR_ECP_WORDS_MAX], t[NCR_ECP_WORDS_MAX];
    f->sqr(t, q + 2 * n);
    f->mul(u, p, t); /* U1 */
    f->mul(t, t, q + 2 * n);
    f->mul(s, p + n, t); /* S1 */
    f->sqr(t, p + 2 * n);
    f->mul(h, q, t);
    f->sub(h, h, u); /* H */
    f->mul(t, t, p + 2 * n);
    f->mul(rr, q + n, t);
    f->sub(rr, rr, s); /* R */
    f->mul(t, p + 2 * n, q + 2 * n);
    f->mul(r + 2 * n, t, h);
    ncr_ecp_formula_join(f, r, u, s, h, rr);
}

/* The same for q with z2 = 1, without which it stands: U1 = x1, S1 = y1. */
NCR_INLINE void ncr_ecp_formula_add_affine(const struct ncr_ecp_mod *f, uint64_t *r,
                                           const uint64_t *p, const uint64_t *q)
{
    const unsigned n = f->words;
    uint64_t u[NCR_ECP_WORDS_MAX], h[NCR_ECP_WORDS_MAX], rr[NCR_ECP_WORDS_MAX];
    f->sqr(u, p + 2 * n);
    f->mul(h, q, u);
    f->sub(h, h, p); /* H */
    f->mul(u, u, p + 2 * n);
    f->mul(rr, q + n, u);
    f->sub(rr, rr, p + n); /* R */
    f->mul(r + 2 * n, p + 2 * n, h);
    for (unsigned i = 0; i < n; i++) {
        u[i] = p[i];
    }
    ncr_ecp_formula_join(f, r, u, p + n, h, rr);
}

/* The formulas compiled for the row mod, and the field of them. */
#define NCR_ECP_POINTS(name, mod)                                                                  \
    static void name##_point_double(uint64_t *r, const uint64_t *p, unsigned times)                \
    {                                                                                              \
        for (; times > 0; times--, p = r) {                                                        \
            ncr_ecp_formula_double(&(mod), r, p);                                                  \
        }                                                                                          \
    }                                                                                              \
    static void name##_point_add(uint64_t *r, const uint64_t *p, const uint64_t *q)                \
    {                                                                                              \
        ncr_ecp_formula_add(&(mod), r, p, q);                                                      \
    }                                                                                              \
    static void name##_point_add_affine(uint64_t *r, const uint64_t *p, const uint64_t *q)         \
    {                                                                                              \
        ncr_ecp_formula_add_affine(&(mod), r, p, q);                                               \
    }
#define NCR_ECP_FIELD(name, row)                                                                   \
    {                                                                                              \
        .mod = &(row), .dbl = name##_point_double, .add = name##_point_add,                        \
        .add_affine = name##_point_add_affine,                                                     \
    }

#endif
