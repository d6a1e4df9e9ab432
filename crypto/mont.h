/* SPDX-License-Identifier: ISC
 *
 * Integers modulo an odd number m in Montgomery's form (Modular multiplication without trial
 * division, 1985): x stands as x R mod m, R = 2^(64 n), n even. "Plain" is a number that stands for
 * itself. Numbers are below m and n words long unless said.
 *
 * The modulus may be a secret (a prime of an RSA key); its bit length is public. All is CT but for
 * _vartime.
 */
#ifndef NCR_MONT_H
#define NCR_MONT_H

#include "crypto/words.h"

struct ncr_mont {
    const uint64_t *m;
    uint64_t *r2;  /* R^2 mod m: the form of R */
    size_t n;      /* words, NCR_WORDS_EVEN(bits) */
    size_t bits;   /* of m, exactly */
    uint64_t k[2]; /* -1 / m modulo 2^128 */
};

/* Scratch t has 2n words in all of these. */

/* m is odd, above 1 and borrowed; r2 is memory for n words, to live as long. */
void ncr_mont_init(struct ncr_mont *c, const uint64_t *m, size_t bits, uint64_t *r2, uint64_t *t);
/* r = t / R mod m for t of 2n words, t < m R, which is destroyed. r may be t. */
void ncr_mont_redc(uint64_t *r, uint64_t *t, const struct ncr_mont *c);
/* r = a b / R mod m, for a b < m R. r may be a or b. */
void ncr_mont_mul(uint64_t *r, const uint64_t *a, const uint64_t *b, const struct ncr_mont *c,
                  uint64_t *t);
void ncr_mont_sqr(uint64_t *r, const uint64_t *a, const struct ncr_mont *c, uint64_t *t);
/* r = a + b, r = a - b modulo m; r may be a or b. */
void ncr_mont_add(uint64_t *r, const uint64_t *a, const uint64_t *b, const struct ncr_mont *c,
                  uint64_t *t);
void ncr_mont_sub(uint64_t *r, const uint64_t *a, const uint64_t *b, const struct ncr_mont *c);

/* For one number, all public, a < m: an init that leaves c without R^2 (ncr_mont_pow2(), _one() and
 * _enter() do not work with it), and r the form of a, by long division; it takes a third of the
 * time that R^2 takes. False if it is not for that size or machine, with nothing done. */
bool ncr_mont_enter_short_vartime(uint64_t *r, const uint64_t *a, struct ncr_mont *c,
                                  const uint64_t *m, size_t bits);
/* r = the form of the plain number a, of na words, any. r is apart from a. */
void ncr_mont_enter(uint64_t *r, const uint64_t *a, size_t na, const struct ncr_mont *c,
                    uint64_t *t);
/* r = plain number of the form a; r may be a. */
void ncr_mont_leave(uint64_t *r, const uint64_t *a, const struct ncr_mont *c, uint64_t *t);
/* r = the form of 1, and of 2^k for a public k. */
void ncr_mont_one(uint64_t *r, const struct ncr_mont *c, uint64_t *t);
void ncr_mont_pow2(uint64_t *r, size_t k, const struct ncr_mont *c, uint64_t *t);

/* r = x^e, x in the form, r plain; x^0 is 1. e's length leaks. work has cap words, of which at
 * least NCR_MONT_EXP_MIN(n); more make it faster. r may be x. Leaves secrets in work. */
#define NCR_MONT_EXP_MIN(n) (19 * (n))
void ncr_mont_exp(uint64_t *r, const uint64_t *x, struct nacre_num e, const struct ncr_mont *c,
                  uint64_t *work, size_t cap);
/* r = x^e for a public e above 0, x and r in the form, x apart from r. */
void ncr_mont_exp_public(uint64_t *r, const uint64_t *x, struct nacre_num e,
                         const struct ncr_mont *c, uint64_t *t);

/* Mask of gcd(a, m) = 1, and then r = 1 / a mod m, all plain, a < m; else r is of no use. m is odd
 * and has `bits` bits, which are public; r, a, m have n words. Leaves secrets in work. */
#if NCR_INT128
#define NCR_MODINV_LIMB 62
#else
#define NCR_MODINV_LIMB 30
#endif
#define NCR_MODINV_LIMBS(bits) ((bits) / NCR_MODINV_LIMB + 2)
#define NCR_MODINV_WORK(bits) (5 * NCR_MODINV_LIMBS(bits))
uint64_t ncr_modinv(uint64_t *r, const uint64_t *a, const uint64_t *m, size_t n, size_t bits,
                    uint64_t *work);

/* The w bits of e (at most 8) from bit `at` on, which lies in e. */
unsigned ncr_exp_window(struct nacre_num e, size_t at, unsigned w);
/* Width of windows for an exponent of e's length whose table, of 2^width entries of `entry` words,
 * may take up `words`; 0 if not even that of one bit fits. */
unsigned ncr_exp_window_bits(struct nacre_num e, size_t words, size_t entry);

#endif
