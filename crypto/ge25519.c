/* SPDX-License-Identifier: ISC
 *
 * Points of edwards25519. See ge25519.h.
 *
 * Addition and doubling are the complete formulas of RFC 8032 section 5.1.4 (Hisil, Wong, Carter,
 * Dawson, "Twisted Edwards Curves Revisited", 2008), cut in two: the first half yields the values
 * E, F, G, H of that section, the second those products of them that the next step needs. The
 * second operand of an addition is kept in the sums and differences that the formula takes.
 *
 * Weights (fe25519.h) stand beside what is not weight 1.
 */
#include "crypto/ge25519.h"
#include "crypto/ct.h"
#include "crypto/fast.h"
#include "crypto/ge25519_table.h"
#include "crypto/nacre_crypto.h"

#include <string.h>

static const uint64_t ge25519_d[4] = {
    0x75eb4dca135978a3,
    0x00700a4d4141d8ab,
    0x8cc740797779e898,
    0x52036cee2b6ffe73,
};
static const uint64_t ge25519_sqrt_minus_one[4] = {
    0xc4ee1b274a0ea0b0,
    0x2f431806ad2fe478,
    0x2b4d00993dfbd7a7,
    0x2b8324804fc1df0b,
};

/* x = EF, y = GH, z = FG, t = EH. Any weight that mul takes. */
struct ge25519_efgh {
    struct ncr_fe25519 e, f, g, h;
};

/* A second operand with z = 1: y + x, y - x, 2dxy. */
struct ge25519_affine {
    struct ncr_fe25519 ypx, ymx, t2d;
};

/* The same for any z: y + x, y - x, 2dt, and z. */
struct ge25519_cached {
    struct ge25519_affine a;
    struct ncr_fe25519 z;
};

static void ge25519_neutral(struct ncr_ge25519 *r)
{
    ncr_fe25519_set(&r->x, 0);
    ncr_fe25519_set(&r->y, 1);
    ncr_fe25519_set(&r->z, 1);
    ncr_fe25519_set(&r->t, 0);
}

/* All but t, which is left as it was. */
static void ge25519_join_xyz(struct ncr_ge25519 *r, const struct ge25519_efgh *p)
{
    ncr_fe25519_mul(&r->x, &p->e, &p->f);
    ncr_fe25519_mul(&r->y, &p->g, &p->h);
    ncr_fe25519_mul(&r->z, &p->f, &p->g);
}

static void ge25519_join(struct ncr_ge25519 *r, const struct ge25519_efgh *p)
{
    ge25519_join_xyz(r, p);
    ncr_fe25519_mul(&r->t, &p->e, &p->h);
}

/* r = 2p, without use of p's t. F = C + G is taken as (C + A) - B, because G is wide. */
static void ge25519_double(struct ge25519_efgh *r, const struct ncr_ge25519 *p)
{
    struct ncr_fe25519 a, b, c, s;
    ncr_fe25519_sq(&a, &p->x);
    ncr_fe25519_sq(&b, &p->y);
    ncr_fe25519_sq(&c, &p->z);
    ncr_fe25519_add(&s, &p->x, &p->y); /* 2 */
    ncr_fe25519_sq(&s, &s);
    ncr_fe25519_add(&r->h, &a, &b); /* 2 */
    ncr_fe25519_sub(&r->e, &r->h, &s);
    ncr_fe25519_sub(&r->g, &a, &b);
    ncr_fe25519_add(&c, &c, &c); /* 2 */
    ncr_fe25519_add(&c, &c, &a); /* 3 */
    ncr_fe25519_sub(&r->f, &c, &b);
}

/* r = p + q, given the product of the two z. */
static void ge25519_add_zz(struct ge25519_efgh *r, const struct ncr_ge25519 *p,
                           const struct ge25519_affine *q, const struct ncr_fe25519 *zz)
{
    struct ncr_fe25519 a, b, c, d;
    ncr_fe25519_sub(&a, &p->y, &p->x);
    ncr_fe25519_mul(&a, &a, &q->ymx);
    ncr_fe25519_add(&b, &p->y, &p->x); /* 2 */
    ncr_fe25519_mul(&b, &b, &q->ypx);
    ncr_fe25519_mul(&c, &p->t, &q->t2d);
    ncr_fe25519_add(&d, zz, zz); /* 2 */
    ncr_fe25519_sub(&r->e, &b, &a);
    ncr_fe25519_sub(&r->f, &d, &c);
    ncr_fe25519_add(&r->g, &d, &c); /* 3 */
    ncr_fe25519_add(&r->h, &b, &a); /* 2 */
}

static void ge25519_add_affine(struct ge25519_efgh *r, const struct ncr_ge25519 *p,
                               const struct ge25519_affine *q)
{
    ge25519_add_zz(r, p, q, &p->z);
}

static void ge25519_add_cached(struct ge25519_efgh *r, const struct ncr_ge25519 *p,
                               const struct ge25519_cached *q)
{
    struct ncr_fe25519 zz;
    ncr_fe25519_mul(&zz, &p->z, &q->z);
    ge25519_add_zz(r, p, &q->a, &zz);
}

static void ge25519_cache(struct ge25519_cached *r, const struct ncr_ge25519 *p)
{
    struct ncr_fe25519 d;
    ncr_fe25519_from_words(&d, ge25519_d);
    ncr_fe25519_add(&d, &d, &d);              /* 2 */
    ncr_fe25519_add(&r->a.ypx, &p->y, &p->x); /* 2 */
    ncr_fe25519_sub(&r->a.ymx, &p->y, &p->x); /* wide */
    ncr_fe25519_mul(&r->a.t2d, &p->t, &d);
    r->z = p->z;
}

/* q = -q where mask is ones: y + x and y - x change places. */
static void ge25519_cneg_affine(struct ge25519_affine *q, uint64_t mask)
{
    struct ncr_fe25519 t;
    ncr_fe25519_cswap(&q->ypx, &q->ymx, mask);
    ncr_fe25519_set(&t, 0);
    ncr_fe25519_sub(&t, &t, &q->t2d); /* wide */
    ncr_fe25519_cmov(&q->t2d, &t, mask);
}

void ncr_ge25519_negate(struct ncr_ge25519 *r, const struct ncr_ge25519 *p)
{
    struct ncr_fe25519 zero;
    ncr_fe25519_set(&zero, 0);
    *r = *p;
    ncr_fe25519_sub(&r->x, &zero, &p->x);
    ncr_fe25519_carry(&r->x, &r->x);
    ncr_fe25519_sub(&r->t, &zero, &p->t);
    ncr_fe25519_carry(&r->t, &r->t);
}

/* ---- Encoding ---------------------------------------------------------------------------- */

/* x = sqrt(u/v) as u v^3 (u v^7)^((p - 5) / 8), or that times sqrt(-1); false if there is none.
 * u of weight 1. */
static bool ge25519_sqrt_ratio_vartime(struct ncr_fe25519 *x, const struct ncr_fe25519 *u,
                                       const struct ncr_fe25519 *v)
{
    struct ncr_fe25519 uv3, t;
    ncr_fe25519_sq(&t, v);
    ncr_fe25519_mul(&t, &t, v);
    ncr_fe25519_mul(&uv3, &t, u);
    ncr_fe25519_sq(&t, &t);
    ncr_fe25519_mul(&t, &t, v);
    ncr_fe25519_mul(&t, &t, u);
    ncr_fe25519_pow_p58(&t, &t);
    ncr_fe25519_mul(x, &t, &uv3);

    struct ncr_fe25519 vxx, check;
    ncr_fe25519_sq(&vxx, x);
    ncr_fe25519_mul(&vxx, &vxx, v);
    ncr_fe25519_sub(&check, &vxx, u);
    if (ncr_fe25519_mask_zero(&check) != 0) {
        return true;
    }
    ncr_fe25519_from_words(&t, ge25519_sqrt_minus_one);
    ncr_fe25519_mul(x, x, &t);
    ncr_fe25519_add(&check, &vxx, u);
    return ncr_fe25519_mask_zero(&check) != 0;
}

/* y into r->y; false if it is not below p. */
static bool ge25519_decode_y_vartime(struct ncr_ge25519 *r, const uint8_t s[32])
{
    uint8_t canonical[32];
    ncr_fe25519_decode(&r->y, s);
    ncr_fe25519_encode(canonical, &r->y);
    canonical[31] |= s[31] & 0x80;
    return memcmp(canonical, s, 32) == 0;
}

bool ncr_ge25519_decode_vartime(struct ncr_ge25519 *r, const uint8_t s[32])
{
    const uint64_t sign = s[31] >> 7;
    struct ncr_fe25519 u, v, d, yy;
    if (!ge25519_decode_y_vartime(r, s)) {
        return false;
    }
    /* x^2 = u/v = (y^2 - 1) / (d y^2 + 1) */
    ncr_fe25519_sq(&yy, &r->y);
    ncr_fe25519_from_words(&d, ge25519_d);
    ncr_fe25519_set(&r->z, 1);
    ncr_fe25519_sub(&u, &yy, &r->z);
    ncr_fe25519_carry(&u, &u);
    ncr_fe25519_mul(&v, &yy, &d);
    ncr_fe25519_add(&v, &v, &r->z); /* 2 */
    if (!ge25519_sqrt_ratio_vartime(&r->x, &u, &v)) {
        return false;
    }
    if (sign != 0 && ncr_fe25519_mask_zero(&r->x) != 0) {
        return false;
    }
    ncr_fe25519_mul(&r->t, &r->x, &r->y);
    if (ncr_fe25519_low_bit(&r->x) != sign) {
        ncr_ge25519_negate(r, r);
    }
    return true;
}

void ncr_ge25519_encode(uint8_t s[32], const struct ncr_ge25519 *p)
{
    struct ncr_fe25519 zi, t;
    ncr_fe25519_invert(&zi, &p->z);
    ncr_fe25519_mul(&t, &p->y, &zi);
    ncr_fe25519_encode(s, &t);
    ncr_fe25519_mul(&t, &p->x, &zi);
    s[31] |= (uint8_t)(ncr_fe25519_low_bit(&t) << 7);
    nacre_wipe(&zi, sizeof zi);
}

void ncr_ge25519_encode_u(uint8_t u[32], const struct ncr_ge25519 *p)
{
    struct ncr_fe25519 n, d;
    ncr_fe25519_sub(&d, &p->z, &p->y);
    ncr_fe25519_invert(&d, &d);
    ncr_fe25519_add(&n, &p->z, &p->y); /* 2 */
    ncr_fe25519_mul(&n, &n, &d);
    ncr_fe25519_encode(u, &n);
    nacre_wipe(&d, sizeof d);
}

/* ---- Multiples of the base point, constant-time ------------------------------------------- */

/* s = sum of digit[i] 16^i with digits from -8 to 8; s < 2^255. */
static void ge25519_digits(int8_t digit[64], const uint8_t s[32])
{
    int carry = 0;
    for (int i = 0; i < 63; i++) {
        int x = (s[i / 2] >> (4 * (i % 2)) & 15) + carry;
        carry = (x + 8) >> 4;
        digit[i] = (int8_t)(x - 16 * carry);
    }
    digit[63] = (int8_t)((s[31] >> 4) + carry);
}

/* r = digit row[0], for a row of the table; reads all of the row whatever the digit. */
static void ge25519_select(struct ge25519_affine *r, const uint64_t row[8][12], int8_t digit)
{
    const uint64_t x = (uint64_t)(int64_t)digit;
    const uint64_t negative = ncr_ct_mask_bit64(x >> 63);
    const uint64_t magnitude = (x ^ negative) - negative;
    uint64_t w[12] = {0};
    for (uint64_t j = 0; j < 8; j++) {
        const uint64_t here = ncr_ct_mask_eq64(magnitude, j + 1);
        for (int k = 0; k < 12; k++) {
            w[k] |= here & row[j][k];
        }
    }
    /* The neutral point is not in the row: y + x = y - x = 1, 2dxy = 0. */
    const uint64_t one = ncr_ct_mask_zero64(magnitude) & 1;
    w[0] |= one;
    w[4] |= one;
    ncr_fe25519_from_words(&r->ypx, w);
    ncr_fe25519_from_words(&r->ymx, w + 4);
    ncr_fe25519_from_words(&r->t2d, w + 8);
    ge25519_cneg_affine(r, negative);
    nacre_wipe(w, sizeof w);
}

/* The table has the powers 16^(2i) only: the digits of odd place are summed first, that sum is
 * multiplied by 16, and those of even place are added. */
static void ge25519_sum_base(struct ncr_ge25519 *r, const int8_t digit[64])
{
    struct ge25519_affine q;
    struct ge25519_efgh t;
    ge25519_neutral(r);
    for (int i = 1; i < 64; i += 2) {
        ge25519_select(&q, ge25519_base[i / 2], digit[i]);
        ge25519_add_affine(&t, r, &q);
        ge25519_join(r, &t);
    }
    for (int k = 0; k < 4; k++) {
        ge25519_double(&t, r);
        ge25519_join(r, &t);
    }
    for (int i = 0; i < 64; i += 2) {
        ge25519_select(&q, ge25519_base[i / 2], digit[i]);
        ge25519_add_affine(&t, r, &q);
        ge25519_join(r, &t);
    }
    nacre_wipe(&q, sizeof q);
    nacre_wipe(&t, sizeof t);
}

void ncr_ge25519_mul_base(struct ncr_ge25519 *r, const uint8_t s[32])
{
    int8_t digit[64];
    ge25519_digits(digit, s);
#if NCR_X86 && NCR_INT128
    if ((ncr_cpu() & NCR_CPU_IFMA) != 0) {
        ncr_ge25519_sum_base_ifma(r, ge25519_base, digit);
    } else
#endif
    {
        ge25519_sum_base(r, digit);
    }
    nacre_wipe(digit, sizeof digit);
}

/* ---- What is not constant-time ------------------------------------------------------------ */

void ncr_ge25519_naf_vartime(int8_t naf[256], const uint8_t s[32])
{
    int carry = 0;
    memset(naf, 0, 256);
    for (int i = 0; i < 256;) {
        int next = i / 8 < 31 ? s[i / 8 + 1] : 0;
        int x = ((s[i / 8] | next << 8) >> (i % 8) & 15) + carry;
        if (x % 2 == 0) { /* a zero digit; 1 plus a carry of 1 is one too, and carries on */
            i++;
            continue;
        }
        carry = x > 8;
        naf[i] = (int8_t)(x - 16 * carry);
        i += 4;
    }
}

/* p, 3p, 5p, 7p */
static void ge25519_odd_multiples(struct ge25519_cached r[4], const struct ncr_ge25519 *p)
{
    struct ge25519_efgh t;
    struct ge25519_cached p2;
    struct ncr_ge25519 q;
    ge25519_double(&t, p);
    ge25519_join(&q, &t);
    ge25519_cache(&p2, &q);
    ge25519_cache(&r[0], p);
    q = *p;
    for (int i = 1; i < 4; i++) {
        ge25519_add_cached(&t, &q, &p2);
        ge25519_join(&q, &t);
        ge25519_cache(&r[i], &q);
    }
}

/* r = p + digit q for an odd digit from -7 to 7, where q[] has the odd multiples of q. */
static void ge25519_add_cached_digit_vartime(struct ge25519_efgh *r, const struct ncr_ge25519 *p,
                                             const struct ge25519_cached q[4], int digit)
{
    struct ge25519_cached x = q[(digit < 0 ? -digit : digit) / 2];
    if (digit < 0) {
        ge25519_cneg_affine(&x.a, UINT64_MAX);
    }
    ge25519_add_cached(r, p, &x);
}

/* r = p + digit B likewise. */
static void ge25519_add_base_digit_vartime(struct ge25519_efgh *r, const struct ncr_ge25519 *p,
                                           int digit)
{
    struct ge25519_affine x;
    const uint64_t *w = ge25519_base[0][(digit < 0 ? -digit : digit) - 1];
    ncr_fe25519_from_words(&x.ypx, w);
    ncr_fe25519_from_words(&x.ymx, w + 4);
    ncr_fe25519_from_words(&x.t2d, w + 8);
    if (digit < 0) {
        ge25519_cneg_affine(&x, UINT64_MAX);
    }
    ge25519_add_affine(r, p, &x);
}

/* Straus: one chain of doublings for both scalars. Digits up to 15 would save 1% of the time and
 * take 640 bytes more of the stack. */
void ncr_ge25519_mul2_portable_vartime(struct ncr_ge25519 *r, const uint8_t a[32],
                                       const struct ncr_ge25519 *p, const uint8_t b[32])
{
    int8_t naf_a[256], naf_b[256];
    struct ge25519_cached odd[4];
    struct ge25519_efgh t;
    int i = 255;
    ncr_ge25519_naf_vartime(naf_a, a);
    ncr_ge25519_naf_vartime(naf_b, b);
    ge25519_odd_multiples(odd, p);
    ge25519_neutral(r);
    while (i >= 0 && naf_a[i] == 0 && naf_b[i] == 0) {
        i--;
    }
    for (; i >= 0; i--) {
        ge25519_double(&t, r);
        if (naf_a[i] != 0) {
            ge25519_join(r, &t);
            ge25519_add_cached_digit_vartime(&t, r, odd, naf_a[i]);
        }
        if (naf_b[i] != 0) {
            ge25519_join(r, &t);
            ge25519_add_base_digit_vartime(&t, r, naf_b[i]);
        }
        ge25519_join_xyz(r, &t);
    }
}

void ncr_ge25519_mul2_vartime(struct ncr_ge25519 *r, const uint8_t a[32],
                              const struct ncr_ge25519 *p, const uint8_t b[32])
{
#if NCR_X86 && NCR_INT128
    if ((ncr_cpu() & NCR_CPU_IFMA) != 0) {
        ncr_ge25519_mul2_ifma_vartime(r, a, p, b, ge25519_base[0]);
        return;
    }
#endif
    ncr_ge25519_mul2_portable_vartime(r, a, p, b);
}

/* The points with x = 0 are (0, 1) and (0, -1), of orders 1 and 2: 8p is neutral if 4p is one of
 * them. */
bool ncr_ge25519_small_order_vartime(const struct ncr_ge25519 *p)
{
    struct ge25519_efgh t;
    struct ncr_ge25519 q = *p;
    for (int i = 0; i < 2; i++) {
        ge25519_double(&t, &q);
        ge25519_join_xyz(&q, &t);
    }
    return ncr_fe25519_mask_zero(&q.x) != 0;
}
