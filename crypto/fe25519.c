/* SPDX-License-Identifier: ISC
 *
 * Arithmetic modulo p = 2^255 - 19: what is the same for both representations of fe25519.h, that
 * is, encoding (RFC 7748 section 5, RFC 8032 section 5.1.2), tests, inversion and the power for
 * square roots. Constant-time: the exponents are fixed. Intermediate powers of the argument are
 * wiped.
 */
#include "crypto/fe25519.h"
#include "crypto/load.h"
#include "crypto/nacre_crypto.h"

void ncr_fe25519_decode(struct ncr_fe25519 *r, const uint8_t s[32])
{
    uint64_t w[4];
    for (int i = 0; i < 4; i++) {
        w[i] = ncr_load64le(s + 8 * i);
    }
    ncr_fe25519_from_words(r, w);
}

void ncr_fe25519_encode(uint8_t s[32], const struct ncr_fe25519 *a)
{
    uint64_t w[4];
    ncr_fe25519_to_words(w, a);
    for (int i = 0; i < 4; i++) {
        ncr_store64le(s + 8 * i, w[i]);
    }
}

uint64_t ncr_fe25519_mask_zero(const struct ncr_fe25519 *a)
{
    uint64_t w[4];
    ncr_fe25519_to_words(w, a);
    return ncr_ct_mask_zero64(w[0] | w[1] | w[2] | w[3]);
}

uint64_t ncr_fe25519_low_bit(const struct ncr_fe25519 *a)
{
    uint64_t w[4];
    ncr_fe25519_to_words(w, a);
    return w[0] & 1;
}

/* r = a^(2^n) b */
static void fe25519_sqn_mul(struct ncr_fe25519 *r, const struct ncr_fe25519 *a, unsigned n,
                            const struct ncr_fe25519 *b)
{
    struct ncr_fe25519 t;
    ncr_fe25519_sqn(&t, a, n);
    ncr_fe25519_mul(r, &t, b);
    nacre_wipe(&t, sizeof t);
}

/* r = a^(2^250 - 1) and a11 = a^11, which both exponents below are made of. The number
 * in x5, x10 and so on is the k of a^(2^k - 1): a run of k one bits in the exponent is lengthened
 * by shifting it and filling up with another run. */
static void fe25519_pow_250_ones(struct ncr_fe25519 *r, struct ncr_fe25519 *a11,
                                 const struct ncr_fe25519 *a)
{
    struct ncr_fe25519 x5, x10, x20, x50, x100, t;
    ncr_fe25519_sq(&t, a);             /* 2 */
    fe25519_sqn_mul(&x5, &t, 2, a);    /* 9 */
    ncr_fe25519_mul(a11, &x5, &t);     /* 11 */
    fe25519_sqn_mul(&x5, a11, 1, &x5); /* 22 + 9 = 2^5 - 1 */
    fe25519_sqn_mul(&x10, &x5, 5, &x5);
    fe25519_sqn_mul(&x20, &x10, 10, &x10);
    fe25519_sqn_mul(&t, &x20, 20, &x20);
    fe25519_sqn_mul(&x50, &t, 10, &x10);
    fe25519_sqn_mul(&x100, &x50, 50, &x50);
    fe25519_sqn_mul(&t, &x100, 100, &x100);
    fe25519_sqn_mul(r, &t, 50, &x50);
    nacre_wipe(&x5, sizeof x5);
    nacre_wipe(&x10, sizeof x10);
    nacre_wipe(&x20, sizeof x20);
    nacre_wipe(&x50, sizeof x50);
    nacre_wipe(&x100, sizeof x100);
    nacre_wipe(&t, sizeof t);
}

/* Fermat: the exponent is p - 2 = 2^255 - 21 = 2^5 (2^250 - 1) + 11. */
void ncr_fe25519_invert(struct ncr_fe25519 *r, const struct ncr_fe25519 *a)
{
    struct ncr_fe25519 t, a11;
    fe25519_pow_250_ones(&t, &a11, a);
    fe25519_sqn_mul(r, &t, 5, &a11);
    nacre_wipe(&t, sizeof t);
    nacre_wipe(&a11, sizeof a11);
}

/* (p - 5) / 8 = 2^252 - 3 = 2^2 (2^250 - 1) + 1. */
void ncr_fe25519_pow_p58(struct ncr_fe25519 *r, const struct ncr_fe25519 *a)
{
    struct ncr_fe25519 t, a1, unused;
    ncr_fe25519_carry(&a1, a); /* a copy, for r may be a */
    fe25519_pow_250_ones(&t, &unused, a);
    fe25519_sqn_mul(r, &t, 2, &a1);
    nacre_wipe(&t, sizeof t);
    nacre_wipe(&a1, sizeof a1);
    nacre_wipe(&unused, sizeof unused);
}
