/* SPDX-License-Identifier: ISC
 *
 * X25519 (RFC 7748 section 5): the Montgomery ladder on curve25519, and multiples of the base point
 * by way of the birationally equivalent edwards25519, which has a table of them.
 *
 * The top bit of a point is ignored and values from p on are reduced, as the RFC asks; points of
 * small order, and only they, give an all-zero result, which is refused (section 6.1).
 */
#include "crypto/ct.h"
#include "crypto/fast.h"
#include "crypto/fe25519.h"
#include "crypto/ge25519.h"
#include "crypto/nacre_crypto.h"

#include <string.h>

/* (486662 - 2) / 4 */
#define X25519_A24 121665

/* A multiple of 8 from 2^254 to 2^255 - 8. */
static void x25519_clamp(uint8_t k[32], const uint8_t scalar[32])
{
    memcpy(k, scalar, 32);
    k[0] &= 0xf8;
    k[31] = (uint8_t)((k[31] & 0x7f) | 0x40);
}

/* Two points P and Q, whose difference is known, as u = x/z. */
struct x25519_pair {
    struct ncr_fe25519 x2, z2, x3, z3;
};

/* (P, Q) = (2P, P + Q), where x1 is the u of Q - P, after an exchange of P and Q where swap is
 * ones. Only the doubling sees that exchange: it makes DA and CB change places, of which x3 and z3
 * take the sum and the square of the difference. Names as in RFC 7748; weights beside what is not
 * weight 1. */
static void x25519_step(struct x25519_pair *s, const struct ncr_fe25519 *x1, uint64_t swap)
{
    struct ncr_fe25519 a, aa, b, bb, e, c, d, da, cb;
    ncr_fe25519_add(&a, &s->x2, &s->z2); /* 2 */
    ncr_fe25519_sub(&b, &s->x2, &s->z2); /* wide */
    ncr_fe25519_add(&c, &s->x3, &s->z3); /* 2 */
    ncr_fe25519_sub(&d, &s->x3, &s->z3); /* wide */
    ncr_fe25519_mul(&da, &d, &a);
    ncr_fe25519_mul(&cb, &c, &b);
    ncr_fe25519_cmov(&a, &c, swap);
    ncr_fe25519_cmov(&b, &d, swap);
    ncr_fe25519_sq(&aa, &a);
    ncr_fe25519_sq(&bb, &b);
    ncr_fe25519_add(&s->x3, &da, &cb); /* 2 */
    ncr_fe25519_sq(&s->x3, &s->x3);
    ncr_fe25519_sub(&s->z3, &da, &cb); /* wide */
    ncr_fe25519_sq(&s->z3, &s->z3);
    ncr_fe25519_mul(&s->z3, &s->z3, x1);
    ncr_fe25519_mul(&s->x2, &aa, &bb);
    ncr_fe25519_sub(&e, &aa, &bb); /* wide */
    ncr_fe25519_mul_small(&s->z2, &e, X25519_A24);
    ncr_fe25519_add(&s->z2, &s->z2, &aa); /* 2 */
    ncr_fe25519_mul(&s->z2, &s->z2, &e);
}

/* The x2 and z2 of k times the point with u = x1, z2 = 0 for the point at infinity; bit 255 of k is
 * 0, and so is bit 0, after which P is in its place. */
static void x25519_ladder(struct x25519_pair *s, const uint8_t k[32], const struct ncr_fe25519 *x1)
{
    unsigned swapped = 0;
    ncr_fe25519_set(&s->x2, 1);
    ncr_fe25519_set(&s->z2, 0);
    s->x3 = *x1;
    ncr_fe25519_set(&s->z3, 1);
    for (int i = 254; i >= 0; i--) {
        unsigned bit = k[i / 8] >> (i % 8) & 1;
        x25519_step(s, x1, ncr_ct_mask_bit64(swapped ^ bit));
        swapped = bit;
    }
}

#if NCR_X86 && NCR_INT128
/* Any number below 2^256: what bit 255 stands for is 19. */
static void x25519_from_words(struct ncr_fe25519 *r, const uint64_t w[4])
{
    ncr_fe25519_from_words(r, w);
    r->v[0] += 19 * (w[3] >> 63);
}

/* x25519_ladder by the twin for this CPU; false if there is none. */
static bool x25519_ladder_fast(struct x25519_pair *s, const uint8_t k[32],
                               const struct ncr_fe25519 *x1)
{
    const uint32_t cpu = ncr_cpu();
    uint64_t w[3][4];
    if ((cpu & NCR_CPU_IFMA) != 0) {
        ncr_x25519_ladder_ifma(s->x2.v, s->z2.v, k, x1->v);
        return true;
    }
    if ((cpu & NCR_CPU_ADX) == 0) {
        return false;
    }
    ncr_fe25519_to_words(w[0], x1);
    ncr_x25519_ladder_adx(w[1], w[2], k, w[0]);
    x25519_from_words(&s->x2, w[1]);
    x25519_from_words(&s->z2, w[2]);
    nacre_wipe(w, sizeof w);
    return true;
}
#else
static bool x25519_ladder_fast(struct x25519_pair *s, const uint8_t k[32],
                               const struct ncr_fe25519 *x1)
{
    (void)s, (void)k, (void)x1;
    return false;
}
#endif

/* The u of k times the point with u = x1, or 0 for the point at infinity; k is clamped. */
static void x25519_mul(uint8_t u[32], const uint8_t k[32], const struct ncr_fe25519 *x1)
{
    struct x25519_pair s;
    if (!x25519_ladder_fast(&s, k, x1)) {
        x25519_ladder(&s, k, x1);
    }
    ncr_fe25519_invert(&s.z2, &s.z2);
    ncr_fe25519_mul(&s.x2, &s.x2, &s.z2);
    ncr_fe25519_encode(u, &s.x2);
    nacre_wipe(&s, sizeof s);
}

bool nacre_x25519(uint8_t shared[NACRE_X25519_LEN], const uint8_t scalar[NACRE_X25519_LEN],
                  const uint8_t point[NACRE_X25519_LEN])
{
    static const uint8_t zero[NACRE_X25519_LEN];
    struct ncr_fe25519 x1;
    uint8_t k[32];
    x25519_clamp(k, scalar);
    ncr_fe25519_decode(&x1, point);
    x25519_mul(shared, k, &x1);
    nacre_wipe(k, sizeof k);
    return !nacre_ct_eq(shared, zero, sizeof zero);
}

/* The scalar is no multiple of L, so the product is not the neutral point: the multiples of L from
 * 2^254 to 2^255 are 4L to 7L, none of which is a multiple of 8. */
void nacre_x25519_base(uint8_t pub[NACRE_X25519_LEN], const uint8_t scalar[NACRE_X25519_LEN])
{
    struct ncr_ge25519 p;
    uint8_t k[32];
    x25519_clamp(k, scalar);
    ncr_ge25519_mul_base(&p, k);
    ncr_ge25519_encode_u(pub, &p);
    nacre_wipe(&p, sizeof p);
    nacre_wipe(k, sizeof k);
    /* What is sent to the peer: released here. */
    NCR_CT_PUBLIC(pub, NACRE_X25519_LEN);
}
