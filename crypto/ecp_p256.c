/* SPDX-License-Identifier: ISC
 *
 * P-256 (SP 800-186 section 3.2.1.3): its field, p = 2^256 - 2^224 + 2^192 + 2^96 - 1, its order
 * and its base point.
 *
 * Both moduli are used in Montgomery's form with R = 2^256. Because p is -1 modulo 2^96, a step of
 * the reduction takes one product. Where the CPU has the instructions for it, ecp_p256_adx.c has
 * the field instead of this file.
 */
#include "crypto/ecp_p256.h"
#include "crypto/ecp_p256_table.h"

const uint64_t ncr_p256_p[NCR_P256_WORDS] = {
    0xffffffffffffffff,
    0x00000000ffffffff,
    0x0000000000000000,
    0xffffffff00000001,
};
const uint64_t ncr_p256_one[NCR_P256_WORDS] = {
    0x0000000000000001,
    0xffffffff00000000,
    0xffffffffffffffff,
    0x00000000fffffffe,
};
/* R^2 mod p. */
const uint64_t ncr_p256_to[NCR_P256_WORDS] = {
    0x0000000000000003,
    0xfffffffbffffffff,
    0xfffffffffffffffe,
    0x00000004fffffffd,
};
/* R^2 4^12 mod p. */
const uint64_t ncr_p256_seed[NCR_P256_WORDS] = {
    0x0000000003000000,
    0xfbffffffff000000,
    0xfffffffffeffffff,
    0x04fffffffdffffff,
};
/* b R mod p. */
static const uint64_t p256_b[NCR_P256_WORDS] = {
    0xd89cdf6229c4bddf,
    0xacf005cd78843090,
    0xe5a220abf7212ed6,
    0xdc30061d04874834,
};

/* The order n, R mod n, R^2 mod n, R^2 4^12 mod n, -1/n mod 2^64. */
static const uint64_t p256_n[NCR_P256_WORDS] = {
    0xf3b9cac2fc632551,
    0xbce6faada7179e84,
    0xffffffffffffffff,
    0xffffffff00000000,
};
static const uint64_t p256_n_one[NCR_P256_WORDS] = {
    0x0c46353d039cdaaf,
    0x4319055258e8617b,
    0x0000000000000000,
    0x00000000ffffffff,
};
static const uint64_t p256_n_to[NCR_P256_WORDS] = {
    0x83244c95be79eea2,
    0x4699799c49bd6fa6,
    0x2845b2392b6bec59,
    0x66e12d94f3d95620,
};
static const uint64_t p256_n_seed[NCR_P256_WORDS] = {
    0xa92fe65442803fc3,
    0x842c79a45c1050b0,
    0x392b6bec59619076,
    0x955aba831fc16485,
};
#define P256_N_NEG_INV UINT64_C(0xccd1c8aaee00bc4f)

/* ---- The field --------------------------------------------------------------------------- */

/* r = t / 2^256 mod p for t < 2^256 p. A step adds q p, q the lowest word, and drops that word: q p
 * = q (2^256 - 2^224 + 2^192) + 2^96 q - q. Four steps are done on the low half alone, which stays
 * below 2^256 (it is at most ((2^256 - 1) + (2^64 - 1) p) / 2^64 < p + 2^192), then the high half,
 * below p, is added: the sum is below 2p + 2^192, and below 2p as (t + Q p) / 2^256 with Q < 2^256
 * must be. */
NCR_INLINE void p256_reduce(uint64_t *r, uint64_t t[2 * NCR_P256_WORDS])
{
    uint64_t c;
#pragma GCC unroll 4
    for (int i = 0; i < NCR_P256_WORDS; i++) {
        const uint64_t q = t[0];
        uint64_t high, low = ncr_word_muladd(&high, q, ncr_p256_p[3], 0, 0);
        c = 0;
        t[0] = ncr_word_add(t[1], q << 32, &c);
        t[1] = ncr_word_add(t[2], q >> 32, &c);
        t[2] = ncr_word_add(t[3], low, &c);
        t[3] = high + c;
    }
    c = ncr_ecpw_add(t, t, t + NCR_P256_WORDS, NCR_P256_WORDS);
    ncr_ecpw_reduce_once(r, t, c, ncr_p256_p, NCR_P256_WORDS);
}

static void p256_mul(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    uint64_t t[2 * NCR_P256_WORDS];
    ncr_ecpw_mul(t, a, b, NCR_P256_WORDS);
    p256_reduce(r, t);
}

static void p256_sqr(uint64_t *r, const uint64_t *a)
{
    uint64_t t[2 * NCR_P256_WORDS];
    ncr_ecpw_sqr(t, a, NCR_P256_WORDS);
    p256_reduce(r, t);
}

static void p256_add(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    ncr_ecpw_add_mod(r, a, b, ncr_p256_p, NCR_P256_WORDS);
}

static void p256_sub(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    ncr_ecpw_sub_mod(r, a, b, ncr_p256_p, NCR_P256_WORDS);
}

static void p256_half(uint64_t *r, const uint64_t *a)
{
    ncr_ecpw_half_mod(r, a, ncr_p256_p, NCR_P256_WORDS);
}

static const struct ncr_ecp_mod p256_mod = {
    .words = NCR_P256_WORDS,
    .m = ncr_p256_p,
    .one = ncr_p256_one,
    .to = ncr_p256_to,
    .neg_inv = 1,
    .batches = 12,
    .seed = ncr_p256_seed,
    .mul = p256_mul,
    .sqr = p256_sqr,
    .add = p256_add,
    .sub = p256_sub,
    .half = p256_half,
};

NCR_ECP_POINTS(p256, p256_mod)
static const struct ncr_ecp_field p256_field = NCR_ECP_FIELD(p256, p256_mod);

static const struct ncr_ecp_field *p256_fastest(void)
{
#if NCR_X86
    if ((ncr_cpu() & NCR_CPU_ADX) != 0) {
        return &ncr_p256_field_adx;
    }
#endif
    return &p256_field;
}

/* ---- The order --------------------------------------------------------------------------- */

static void p256_order_mul(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    ncr_ecpw_mont_mul(r, a, b, p256_n, P256_N_NEG_INV, NCR_P256_WORDS);
}

static void p256_order_sqr(uint64_t *r, const uint64_t *a)
{
    p256_order_mul(r, a, a);
}

static void p256_order_add(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    ncr_ecpw_add_mod(r, a, b, p256_n, NCR_P256_WORDS);
}

static const struct ncr_ecp_mod p256_order = {
    .words = NCR_P256_WORDS,
    .m = p256_n,
    .one = p256_n_one,
    .to = p256_n_to,
    .neg_inv = P256_N_NEG_INV,
    .batches = 12,
    .seed = p256_n_seed,
    .mul = p256_order_mul,
    .sqr = p256_order_sqr,
    .add = p256_order_add,
};

/* 52 digits: 26 rows, each for two of them. */
const struct nacre_curve nacre_p256 = {
    .len = NACRE_P256_LEN,
    .bits = 256,
    .digits = 52,
    .passes = 2,
    .field = p256_fastest,
    .order = &p256_order,
    .b = p256_b,
    .base = p256_base,
};
