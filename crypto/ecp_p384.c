/* SPDX-License-Identifier: ISC
 *
 * P-384 (SP 800-186 section 3.2.1.4): its field, p = 2^384 - 2^128 - 2^96 + 2^32 - 1, its order and
 * its base point. Both moduli are used in Montgomery's form with R = 2^384.
 */
#include "crypto/ecp.h"
#include "crypto/ecp_p384_table.h"

#define P384_WORDS 6

static const uint64_t p384_p[P384_WORDS] = {
    0x00000000ffffffff, 0xffffffff00000000, 0xfffffffffffffffe,
    0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff,
};
static const uint64_t p384_one[P384_WORDS] = {
    0xffffffff00000001, 0x00000000ffffffff, 0x0000000000000001, 0, 0, 0,
};
/* R^2 mod p. */
static const uint64_t p384_to[P384_WORDS] = {
    0xfffffffe00000001, 0x0000000200000000, 0xfffffffe00000000,
    0x0000000200000000, 0x0000000000000001, 0,
};
/* R^2 4^18 mod p, and b R mod p. */
static const uint64_t p384_seed[P384_WORDS] = {
    0x0000001000000000, 0x0000000fffffffe0, 0x0000000000000020,
    0x0000000fffffffe0, 0x0000001000000020, 0x0000000000000000,
};
static const uint64_t p384_b[P384_WORDS] = {
    0x081188719d412dcc, 0xf729add87a4c32ec, 0x77f2209b1920022e,
    0xe3374bee94938ae2, 0xb62b21f41f022094, 0xcd08114b604fbff9,
};

/* The order n, R mod n, R^2 mod n, R^2 4^18 mod n, -1/n mod 2^64. */
static const uint64_t p384_n[P384_WORDS] = {
    0xecec196accc52973, 0x581a0db248b0a77a, 0xc7634d81f4372ddf,
    0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff,
};
static const uint64_t p384_n_one[P384_WORDS] = {
    0x1313e695333ad68d, 0xa7e5f24db74f5885, 0x389cb27e0bc8d220, 0, 0, 0,
};
static const uint64_t p384_n_to[P384_WORDS] = {
    0x2d319b2419b409a9, 0xff3d81e5df1aa419, 0xbc3e483afcb82947,
    0xd40d49174aab1cc5, 0x3fb05b7a28266895, 0x0c84ee012b39bf21,
};
static const uint64_t p384_n_seed[P384_WORDS] = {
    0x2de4f16c9cd475ea, 0x7ebd22c41395b883, 0xbe51e70608f244ef,
    0xaab1cc5bf030606d, 0x8266895d40d49174, 0xb39bf213fb05b7a2,
};
#define P384_N_NEG_INV UINT64_C(0x6ed46089e88fdc45)

/* ---- The field --------------------------------------------------------------------------- */

/* r = t / 2^384 mod p for t < 2^384 p. A step adds q p with q = t0 (2^32 + 1) mod 2^64, since -1/p
 * = 2^32 + 1, and drops the lowest word, now 0. q p = 2^384 q - q c with c = 2^128 + 2^96 - 2^32 +
 * 1, whose words are p384_one: the product q c, of three words and a lowest one that is t0, is
 * taken from the low half, and q comes on its top. Six steps on the low half alone keep it from 0
 * to 2^384 - 1 (a step gives at most ((2^384 - 1) + (2^64 - 1) p) / 2^64 < p + 2^320, and 0 at
 * least); with the high half, below p, the sum is below 2p as in ecp_p256.c. */
NCR_INLINE void p384_reduce(uint64_t *r, uint64_t t[2 * P384_WORDS])
{
    uint64_t c;
#pragma GCC unroll 6
    for (int i = 0; i < P384_WORDS; i++) {
        const uint64_t q = t[0] + (t[0] << 32);
        uint64_t w1 = 0, w2 = 0, w3 = 0;
        (void)ncr_word_muladd(&w1, q, p384_one[0], 0, 0); /* the lowest word is t0 */
        w1 = ncr_word_muladd(&w2, q, p384_one[1], w1, 0);
        w2 = ncr_word_add(w2, q, &w3);
        c = 0;
        t[0] = ncr_word_sub(t[1], w1, &c);
        t[1] = ncr_word_sub(t[2], w2, &c);
        t[2] = ncr_word_sub(t[3], w3, &c);
        t[3] = ncr_word_sub(t[4], 0, &c);
        t[4] = ncr_word_sub(t[5], 0, &c);
        t[5] = q - c;
    }
    c = ncr_ecpw_add(t, t, t + P384_WORDS, P384_WORDS);
    ncr_ecpw_reduce_once(r, t, c, p384_p, P384_WORDS);
}

static void p384_mul(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    uint64_t t[2 * P384_WORDS];
    ncr_ecpw_mul(t, a, b, P384_WORDS);
    p384_reduce(r, t);
}

static void p384_sqr(uint64_t *r, const uint64_t *a)
{
    uint64_t t[2 * P384_WORDS];
    ncr_ecpw_sqr(t, a, P384_WORDS);
    p384_reduce(r, t);
}

static void p384_add(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    ncr_ecpw_add_mod(r, a, b, p384_p, P384_WORDS);
}

static void p384_sub(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    ncr_ecpw_sub_mod(r, a, b, p384_p, P384_WORDS);
}

static void p384_half(uint64_t *r, const uint64_t *a)
{
    ncr_ecpw_half_mod(r, a, p384_p, P384_WORDS);
}

static const struct ncr_ecp_mod p384_mod = {
    .words = P384_WORDS,
    .m = p384_p,
    .one = p384_one,
    .to = p384_to,
    .neg_inv = UINT64_C(0x100000001),
    .batches = 18,
    .seed = p384_seed,
    .mul = p384_mul,
    .sqr = p384_sqr,
    .add = p384_add,
    .sub = p384_sub,
    .half = p384_half,
};

NCR_ECP_POINTS(p384, p384_mod)
static const struct ncr_ecp_field p384_field = NCR_ECP_FIELD(p384, p384_mod);

static const struct ncr_ecp_field *p384_fastest(void)
{
    return &p384_field;
}

/* ---- The order --------------------------------------------------------------------------- */

static void p384_order_mul(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    ncr_ecpw_mont_mul(r, a, b, p384_n, P384_N_NEG_INV, P384_WORDS);
}

static void p384_order_sqr(uint64_t *r, const uint64_t *a)
{
    p384_order_mul(r, a, a);
}

static void p384_order_add(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    ncr_ecpw_add_mod(r, a, b, p384_n, P384_WORDS);
}

static const struct ncr_ecp_mod p384_order = {
    .words = P384_WORDS,
    .m = p384_n,
    .one = p384_n_one,
    .to = p384_n_to,
    .neg_inv = P384_N_NEG_INV,
    .batches = 18,
    .seed = p384_n_seed,
    .mul = p384_order_mul,
    .sqr = p384_order_sqr,
    .add = p384_order_add,
};

/* 77 digits: 11 rows, each for seven of them. */
const struct nacre_curve nacre_p384 = {
    .len = NACRE_P384_LEN,
    .bits = 384,
    .digits = 77,
    .passes = 7,
    .field = p384_fastest,
    .order = &p384_order,
    .b = p384_b,
    .base = p384_base,
};
