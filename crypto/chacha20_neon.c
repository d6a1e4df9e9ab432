/* SPDX-License-Identifier: ISC
 *
 * ChaCha20 with NEON: four blocks side by side, one per 32-bit lane; the twin of chacha20.c, which
 * says what the layout of the state is. Whole batches only: the rest is chacha20.c's.
 *
 * chacha20.c has four lanes on Arm too, but NEON can do more than its operators say: one
 * instruction exchanges the halves of words, one turns their bytes, the other rotations are a shift
 * and a shift that inserts, and key stream is turned from lanes into blocks in registers. Four
 * blocks leave registers free for that; eight would spill. CT in key, nonce and message; the length
 * and the counter leak.
 */
#include "crypto/chacha20.h"
#include "crypto/fast.h"

#if NCR_ARM
#include <arm_neon.h>

enum { CHACHA20_NEON_BLOCKS = 4 };

NCR_INLINE uint32x4_t chacha20_neon_rotl16(uint32x4_t x)
{
    return vreinterpretq_u32_u16(vrev32q_u16(vreinterpretq_u16_u32(x)));
}

NCR_INLINE uint32x4_t chacha20_neon_rotl8(uint32x4_t x)
{
    static const uint8_t turn[16] = {3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14};
    return vreinterpretq_u32_u8(vqtbl1q_u8(vreinterpretq_u8_u32(x), vld1q_u8(turn)));
}

/* The four quarter rounds of a round (RFC 8439 section 2.1), in step with each other: columns for
 * turn = 0, diagonals for turn = 1. */
NCR_INLINE void chacha20_neon_round(uint32x4_t x[16], unsigned turn)
{
    uint32x4_t *a = x, *b = x + 4, *c = x + 8, *d = x + 12;
#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; i++) {
        unsigned j = (i + turn) % 4, l = (i + 3 * turn) % 4;
        a[i] = vaddq_u32(a[i], b[j]);
        d[l] = chacha20_neon_rotl16(veorq_u32(d[l], a[i]));
    }
#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; i++) {
        unsigned j = (i + turn) % 4, k = (i + 2 * turn) % 4, l = (i + 3 * turn) % 4;
        c[k] = vaddq_u32(c[k], d[l]);
        uint32x4_t y = veorq_u32(b[j], c[k]);
        b[j] = vsriq_n_u32(vshlq_n_u32(y, 12), y, 20);
    }
#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; i++) {
        unsigned j = (i + turn) % 4, l = (i + 3 * turn) % 4;
        a[i] = vaddq_u32(a[i], b[j]);
        d[l] = chacha20_neon_rotl8(veorq_u32(d[l], a[i]));
    }
#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; i++) {
        unsigned j = (i + turn) % 4, k = (i + 2 * turn) % 4, l = (i + 3 * turn) % 4;
        c[k] = vaddq_u32(c[k], d[l]);
        uint32x4_t y = veorq_u32(b[j], c[k]);
        b[j] = vsriq_n_u32(vshlq_n_u32(y, 7), y, 25);
    }
}

NCR_INLINE uint32x4_t chacha20_neon_low(uint32x4_t a, uint32x4_t b)
{
    return vreinterpretq_u32_u64(vzip1q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
}

NCR_INLINE uint32x4_t chacha20_neon_high(uint32x4_t a, uint32x4_t b)
{
    return vreinterpretq_u32_u64(vzip2q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
}

NCR_INLINE void chacha20_neon_xor16(uint8_t *out, const uint8_t *in, uint32x4_t ks)
{
    vst1q_u8(out, veorq_u8(vld1q_u8(in), vreinterpretq_u8_u32(ks)));
}

/* XORs words 4g to 4g + 3 of all blocks, in x[0] to x[3], to their places in the blocks. */
NCR_INLINE void chacha20_neon_put(uint8_t *out, const uint8_t *in, const uint32x4_t x[4])
{
    uint32x4_t t0 = vzip1q_u32(x[0], x[1]), t1 = vzip2q_u32(x[0], x[1]);
    uint32x4_t t2 = vzip1q_u32(x[2], x[3]), t3 = vzip2q_u32(x[2], x[3]);
    chacha20_neon_xor16(out, in, chacha20_neon_low(t0, t2));
    chacha20_neon_xor16(out + 64, in + 64, chacha20_neon_high(t0, t2));
    chacha20_neon_xor16(out + 128, in + 128, chacha20_neon_low(t1, t3));
    chacha20_neon_xor16(out + 192, in + 192, chacha20_neon_high(t1, t3));
}

/* XORs the four blocks from the state s on, whose counter is that of the first. */
static void chacha20_neon_batch(uint8_t *out, const uint8_t *in, const uint32_t s[16])
{
    static const uint32_t lanes[4] = {0, 1, 2, 3};
    const uint32x4_t lane = vld1q_u32(lanes);
    uint32x4_t x[16];
    uint32x4_t low = vaddq_u32(vdupq_n_u32(s[12]), lane);
    /* all ones, that is -1, where low < lane */
    uint32x4_t high = vsubq_u32(vdupq_n_u32(s[13]), vcltq_u32(low, lane));
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; i++) {
        x[i] = i == 12 ? low : i == 13 ? high : vdupq_n_u32(s[i]);
    }
    for (unsigned i = 0; i < 10; i++) {
        chacha20_neon_round(x, 0);
        chacha20_neon_round(x, 1);
    }
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; i++) {
        x[i] = vaddq_u32(x[i], i == 12 ? low : i == 13 ? high : vdupq_n_u32(s[i]));
    }
#pragma GCC unroll 4
    for (unsigned g = 0; g < 4; g++) {
        chacha20_neon_put(out + (size_t)16 * g, in + (size_t)16 * g, x + (size_t)4 * g);
    }
}

size_t ncr_chacha20_neon(uint8_t *out, const uint8_t *in, size_t n,
                         const uint8_t key[NACRE_CHACHA20_KEY_LEN],
                         const uint8_t nonce[NACRE_CHACHA20_NONCE_LEN], uint64_t counter)
{
    return ncr_chacha20_batches(out, in, n, key, nonce, counter, chacha20_neon_batch,
                                CHACHA20_NEON_BLOCKS);
}
#endif
