/* SPDX-License-Identifier: ISC
 *
 * AES-GCM with the AES instructions and the polynomial multiplication of Armv8 (PMULL), four blocks
 * at a time, each four hashed with one reduction.
 *
 * GHASH's blocks have their bits in the reverse order within each byte (SP 800-38D section 6.3).
 * With the bits of each byte turned round (RBIT), the 16 bytes are a little-endian polynomial,
 * whose products PMULL makes as they stand, and x^128 = x^7 + x^2 + x + 1.
 */
#include "crypto/aes_armv8.h"
#include "crypto/load.h"

#include <string.h>

#if NCR_ARM
struct arm_gcm {
    struct ncr_arm_key key;
    ncr_arm_block h[4]; /* H to H^4 */
    ncr_arm_block y;    /* hash so far, in the turned order as h is */
    uint8_t ctr[16];    /* next counter block */
};

NCR_ARMV8 static ncr_arm_block arm_gcm_turn(ncr_arm_block b)
{
    return vrbitq_u8(b);
}

NCR_ARMV8 static uint64x2_t arm_gcm_mul(uint64_t a, uint64_t b)
{
    return vreinterpretq_u64_p128(vmull_p64((poly64_t)a, (poly64_t)b));
}

NCR_ARMV8 static uint64_t arm_gcm_lo(ncr_arm_block b)
{
    return vgetq_lane_u64(vreinterpretq_u64_u8(b), 0);
}

NCR_ARMV8 static uint64_t arm_gcm_hi(ncr_arm_block b)
{
    return vgetq_lane_u64(vreinterpretq_u64_u8(b), 1);
}

/* A product of 256 bits: low, middle (64 bits up), high. */
struct arm_gcm_product {
    uint64x2_t lo, mid, hi;
};

NCR_ARMV8 static void arm_gcm_add(struct arm_gcm_product *p, ncr_arm_block a, ncr_arm_block b)
{
    p->lo = veorq_u64(p->lo, arm_gcm_mul(arm_gcm_lo(a), arm_gcm_lo(b)));
    p->hi = veorq_u64(p->hi, arm_gcm_mul(arm_gcm_hi(a), arm_gcm_hi(b)));
    p->mid = veorq_u64(p->mid, arm_gcm_mul(arm_gcm_lo(a), arm_gcm_hi(b)));
    p->mid = veorq_u64(p->mid, arm_gcm_mul(arm_gcm_hi(a), arm_gcm_lo(b)));
}

/* The product modulo x^128 + x^7 + x^2 + x + 1: the upper words fold down by 0x87, from the top. */
NCR_ARMV8 static ncr_arm_block arm_gcm_reduce(const struct arm_gcm_product *p)
{
    uint64_t w[4] = {vgetq_lane_u64(p->lo, 0), vgetq_lane_u64(p->lo, 1), vgetq_lane_u64(p->hi, 0),
                     vgetq_lane_u64(p->hi, 1)};
    uint64x2_t fold;
    w[1] ^= vgetq_lane_u64(p->mid, 0);
    w[2] ^= vgetq_lane_u64(p->mid, 1);
    fold = arm_gcm_mul(w[3], 0x87);
    w[1] ^= vgetq_lane_u64(fold, 0);
    w[2] ^= vgetq_lane_u64(fold, 1);
    fold = arm_gcm_mul(w[2], 0x87);
    w[0] ^= vgetq_lane_u64(fold, 0);
    w[1] ^= vgetq_lane_u64(fold, 1);
    return vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(w[0]), vcreate_u64(w[1])));
}

NCR_ARMV8 static ncr_arm_block arm_gcm_times(ncr_arm_block a, ncr_arm_block b)
{
    struct arm_gcm_product p = {vdupq_n_u64(0), vdupq_n_u64(0), vdupq_n_u64(0)};
    arm_gcm_add(&p, a, b);
    return arm_gcm_reduce(&p);
}

NCR_ARMV8 static void arm_gcm_block(struct arm_gcm *g, ncr_arm_block b)
{
    g->y = arm_gcm_times(veorq_u8(g->y, arm_gcm_turn(b)), g->h[0]);
}

NCR_ARMV8 static void arm_gcm_blocks4(struct arm_gcm *g, const ncr_arm_block b[4])
{
    struct arm_gcm_product p = {vdupq_n_u64(0), vdupq_n_u64(0), vdupq_n_u64(0)};
    arm_gcm_add(&p, veorq_u8(g->y, arm_gcm_turn(b[0])), g->h[3]);
    for (int i = 1; i < 4; i++) {
        arm_gcm_add(&p, arm_gcm_turn(b[i]), g->h[3 - i]);
    }
    g->y = arm_gcm_reduce(&p);
}

NCR_ARMV8 static void arm_gcm_bytes(struct arm_gcm *g, const uint8_t *p, size_t n)
{
    uint8_t last[16] = {0};
    for (; n >= 16; n -= 16, p += 16) {
        arm_gcm_block(g, ncr_arm_load(p));
    }
    if (n > 0) {
        memcpy(last, p, n);
        arm_gcm_block(g, ncr_arm_load(last));
    }
}

/* Key stream of the next four counter blocks. */
NCR_ARMV8 static void arm_gcm_stream4(struct arm_gcm *g, ncr_arm_block b[4])
{
    uint32_t count = ncr_load32be(g->ctr + 12);
    for (uint32_t i = 0; i < 4; i++) {
        ncr_store32be(g->ctr + 12, count + i);
        b[i] = ncr_arm_load(g->ctr);
    }
    ncr_store32be(g->ctr + 12, count + 4);
    ncr_arm_encrypt4(b, &g->key);
}

/* Starts; pad gets E(K, J0). */
NCR_ARMV8 static void arm_gcm_start(struct arm_gcm *g, const struct nacre_gcm *c,
                                    const uint8_t iv[NACRE_GCM_IV_LEN], ncr_arm_block *pad)
{
    ncr_arm_block b[4];
    ncr_arm_key(&g->key, &c->aes);
    memcpy(g->ctr, iv, NACRE_GCM_IV_LEN);
    ncr_store32be(g->ctr + 12, 1);
    for (int i = 0; i < 4; i++) {
        b[i] = vdupq_n_u8(0);
    }
    b[1] = ncr_arm_load(g->ctr);
    ncr_arm_encrypt4(b, &g->key);
    *pad = b[1];
    g->h[0] = arm_gcm_turn(b[0]);
    for (int i = 1; i < 4; i++) {
        g->h[i] = arm_gcm_times(g->h[i - 1], g->h[0]);
    }
    g->y = vdupq_n_u8(0);
    ncr_store32be(g->ctr + 12, 2);
}

/* The last piece, below 64 bytes. */
NCR_ARMV8 static void arm_gcm_tail(struct arm_gcm *g, uint8_t *out, const uint8_t *in, size_t n,
                                   bool seal)
{
    ncr_arm_block b[4];
    uint8_t ks[64];
    arm_gcm_stream4(g, b);
    for (size_t i = 0; i < 4; i++) {
        vst1q_u8(ks + 16 * i, b[i]);
    }
    if (!seal) {
        arm_gcm_bytes(g, in, n);
    }
    ncr_xor(out, in, ks, n);
    if (seal) {
        arm_gcm_bytes(g, out, n);
    }
    nacre_wipe(ks, sizeof ks);
}

NCR_ARMV8 void ncr_gcm_armv8(uint8_t *out, uint8_t tag[NACRE_GCM_TAG_LEN],
                             const struct nacre_gcm *c, const uint8_t iv[NACRE_GCM_IV_LEN],
                             const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t n,
                             bool seal)
{
    struct arm_gcm g;
    ncr_arm_block b[4], x[4], pad;
    uint8_t lens[16];
    ncr_store64be(lens, (uint64_t)aad_len * 8);
    ncr_store64be(lens + 8, (uint64_t)n * 8);
    arm_gcm_start(&g, c, iv, &pad);
    arm_gcm_bytes(&g, aad, aad_len);
    for (; n >= 64; n -= 64, in += 64, out += 64) {
        arm_gcm_stream4(&g, b);
        for (size_t i = 0; i < 4; i++) {
            x[i] = ncr_arm_load(in + 16 * i);
            b[i] = veorq_u8(b[i], x[i]);
            vst1q_u8(out + 16 * i, b[i]);
        }
        arm_gcm_blocks4(&g, seal ? b : x);
    }
    if (n > 0) {
        arm_gcm_tail(&g, out, in, n, seal);
    }
    arm_gcm_block(&g, ncr_arm_load(lens));
    vst1q_u8(tag, veorq_u8(arm_gcm_turn(g.y), pad));
    nacre_wipe(&g, sizeof g);
}
#endif
