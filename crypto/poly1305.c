/* SPDX-License-Identifier: ISC
 *
 * Poly1305, RFC 8439 section 2.5.
 *
 * The accumulator h and the clamped key r are numbers in radix 2^64; h has a third word for what is
 * above 2^128. Clamping keeps r's words small (r0, r1 < 2^60, and r1 a multiple of 4), so that
 * products are added up without carries, and what overflows 2^128 comes back multiplied by 5/4
 * exactly: r1 * 2^128 = r1/4 * 2^130 = 5*r1/4 mod 2^130-5. With a 128-bit type a block takes five
 * multiplications of 64 bits; without, the same scheme runs in radix 2^32. Between blocks h < 2^130
 * + 2^128 (so h2 <= 4), and is brought under 2^130 - 5 only at the end. CT in key and message;
 * lengths leak.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "crypto/fast.h"
#include "crypto/load.h"

#include <string.h>

enum { POLY1305_BLOCK = 16 };

/* Both forms of poly1305_blocks: h = (h + m + top * 2^128) * r for each block m. top is 1 except
 * for a short last block, which brings its own end mark. */
#if NCR_INT128
static void poly1305_blocks(struct nacre_poly1305 *c, const uint8_t *m, size_t blocks, uint64_t top)
{
    uint64_t r0 = c->r[0], r1 = c->r[1], s1 = r1 + (r1 >> 2);
    uint64_t h0 = c->h[0], h1 = c->h[1], h2 = c->h[2];
    for (; blocks > 0; blocks--, m += POLY1305_BLOCK) {
        ncr_u128 a = (ncr_u128)h0 + ncr_load64le(m);
        ncr_u128 b = (ncr_u128)h1 + ncr_load64le(m + 8) + (uint64_t)(a >> 64);
        h0 = (uint64_t)a;
        h1 = (uint64_t)b;
        h2 += (uint64_t)(b >> 64) + top; /* <= 4 + 1 + 1 = 6 */

        /* r0, r1 < 2^60, s1 < 1.25 * 2^60: a < 2.25 * 2^124, b < 2.01 * 2^124, h2 < 8.02 * 2^60 */
        a = (ncr_u128)h0 * r0 + (ncr_u128)h1 * s1;
        b = (ncr_u128)h0 * r1 + (ncr_u128)h1 * r0 + h2 * s1;
        b += (uint64_t)(a >> 64);
        h2 = h2 * r0 + (uint64_t)(b >> 64);

        /* 2^130 = 5: 4 * (h2 >> 2) + (h2 >> 2) < 10.03 * 2^60, and what carries leaves h2 <= 4 */
        a = (ncr_u128)(uint64_t)a + ((h2 & ~(uint64_t)3) + (h2 >> 2));
        b = (ncr_u128)(uint64_t)b + (uint64_t)(a >> 64);
        h0 = (uint64_t)a;
        h1 = (uint64_t)b;
        h2 = (h2 & 3) + (uint64_t)(b >> 64);
    }
    c->h[0] = h0;
    c->h[1] = h1;
    c->h[2] = h2;
}
#else
static void poly1305_blocks(struct nacre_poly1305 *c, const uint8_t *m, size_t blocks, uint64_t top)
{
    uint64_t r0 = (uint32_t)c->r[0], r1 = c->r[0] >> 32, r2 = (uint32_t)c->r[1], r3 = c->r[1] >> 32;
    uint64_t s1 = r1 + (r1 >> 2), s2 = r2 + (r2 >> 2), s3 = r3 + (r3 >> 2);
    uint64_t h0 = (uint32_t)c->h[0], h1 = c->h[0] >> 32, h2 = (uint32_t)c->h[1], h3 = c->h[1] >> 32;
    uint64_t h4 = c->h[2];
    for (; blocks > 0; blocks--, m += POLY1305_BLOCK) {
        uint64_t d0 = h0 + ncr_load32le(m);
        uint64_t d1 = h1 + ncr_load32le(m + 4) + (d0 >> 32);
        uint64_t d2 = h2 + ncr_load32le(m + 8) + (d1 >> 32);
        uint64_t d3 = h3 + ncr_load32le(m + 12) + (d2 >> 32);
        h4 += (d3 >> 32) + top; /* <= 4 + 1 + 1 = 6 */
        h0 = (uint32_t)d0, h1 = (uint32_t)d1, h2 = (uint32_t)d2, h3 = (uint32_t)d3;

        /* h0..h3 < 2^32, r < 2^28, s < 1.25 * 2^28: sums < 4.76 * 2^60, h4 < 10.8 * 2^28 */
        d0 = h0 * r0 + h1 * s3 + h2 * s2 + h3 * s1;
        d1 = h0 * r1 + h1 * r0 + h2 * s3 + h3 * s2 + h4 * s1 + (d0 >> 32);
        d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s3 + h4 * s2 + (d1 >> 32);
        d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s3 + (d2 >> 32);
        h4 = h4 * r0 + (d3 >> 32);

        /* 2^130 = 5; what carries leaves h4 <= 4 */
        d0 = (uint32_t)d0 + (h4 & ~(uint64_t)3) + (h4 >> 2);
        d1 = (uint32_t)d1 + (d0 >> 32);
        d2 = (uint32_t)d2 + (d1 >> 32);
        d3 = (uint32_t)d3 + (d2 >> 32);
        h0 = (uint32_t)d0, h1 = (uint32_t)d1, h2 = (uint32_t)d2, h3 = (uint32_t)d3;
        h4 = (h4 & 3) + (d3 >> 32);
    }
    c->h[0] = h1 << 32 | h0;
    c->h[1] = h3 << 32 | h2;
    c->h[2] = h4;
}
#endif

/* As many of the whole blocks as a twin does; with fewer than these, powers of r do not pay. */
#if NCR_X86
enum { POLY1305_IFMA_WORTH = 16, POLY1305_AVX2_WORTH = 64 };

static size_t poly1305_wide(struct nacre_poly1305 *c, const uint8_t *m, size_t blocks)
{
    uint32_t cpu = blocks >= POLY1305_IFMA_WORTH ? ncr_cpu() : 0;
    if ((cpu & NCR_CPU_IFMA) != 0) {
        blocks -= blocks % 8;
        ncr_poly1305_blocks_ifma(c->h, c->r, m, blocks);
        return blocks;
    }
    if ((cpu & NCR_CPU_AVX2) != 0 && blocks >= POLY1305_AVX2_WORTH) {
        blocks -= blocks % 4;
        ncr_poly1305_blocks_avx2(c->h, c->r, m, blocks);
        return blocks;
    }
    return 0;
}
#elif NCR_ARM
enum { POLY1305_NEON_WORTH = 64 };

static size_t poly1305_wide(struct nacre_poly1305 *c, const uint8_t *m, size_t blocks)
{
    if (blocks < POLY1305_NEON_WORTH || (ncr_cpu() & NCR_CPU_NEON) == 0) {
        return 0;
    }
    blocks -= blocks % 4;
    ncr_poly1305_blocks_neon(c->h, c->r, m, blocks);
    return blocks;
}
#else
static size_t poly1305_wide(struct nacre_poly1305 *c, const uint8_t *m, size_t blocks)
{
    (void)c, (void)m, (void)blocks;
    return 0;
}
#endif

/* The clamp of section 2.5: bytes 3, 7, 11, 15 < 16 and bytes 4, 8, 12 multiples of 4. */
void nacre_poly1305_init(struct nacre_poly1305 *c, const uint8_t key[NACRE_POLY1305_KEY_LEN])
{
    memset(c, 0, sizeof *c);
    c->r[0] = ncr_load64le(key) & 0x0ffffffc0fffffff;
    c->r[1] = ncr_load64le(key + 8) & 0x0ffffffc0ffffffc;
    c->s[0] = ncr_load64le(key + 16);
    c->s[1] = ncr_load64le(key + 24);
}

void nacre_poly1305_update(struct nacre_poly1305 *c, const uint8_t *m, size_t n)
{
    if (n == 0) {
        return; /* m may be NULL */
    }
    if (c->n > 0) {
        size_t take = n < POLY1305_BLOCK - c->n ? n : POLY1305_BLOCK - c->n;
        memcpy(c->buf + c->n, m, take);
        c->n += take;
        if (c->n < POLY1305_BLOCK) {
            return;
        }
        poly1305_blocks(c, c->buf, 1, 1);
        m += take;
        n -= take;
    }
    size_t done = poly1305_wide(c, m, n / POLY1305_BLOCK);
    poly1305_blocks(c, m + done * POLY1305_BLOCK, n / POLY1305_BLOCK - done, 1);
    c->n = n % POLY1305_BLOCK;
    if (c->n > 0) {
        memcpy(c->buf, m + (n - c->n), c->n);
    }
}

/* h mod 2^130-5, of which only the lower 128 bits matter. As h < 2 * (2^130-5), it is h, or h - p =
 * h + 5 - 2^130 if h + 5 >= 2^130. */
static void poly1305_reduce(uint64_t h[3])
{
    uint64_t g0 = h[0] + 5;
    uint64_t carry0 = ncr_ct_mask_lt64(g0, 5) & 1;
    uint64_t g1 = h[1] + carry0;
    uint64_t carry1 = ncr_ct_mask_lt64(g1, carry0) & 1;
    uint64_t over = ncr_ct_mask_nonzero64((h[2] + carry1) >> 2);
    h[0] = ncr_ct_select64(over, g0, h[0]);
    h[1] = ncr_ct_select64(over, g1, h[1]);
}

void nacre_poly1305_final(uint8_t tag[NACRE_POLY1305_LEN], struct nacre_poly1305 *c)
{
    if (c->n > 0) {
        c->buf[c->n] = 1;
        memset(c->buf + c->n + 1, 0, POLY1305_BLOCK - c->n - 1);
        poly1305_blocks(c, c->buf, 1, 0);
    }
    poly1305_reduce(c->h);
    uint64_t t0 = c->h[0] + c->s[0];
    uint64_t t1 = c->h[1] + c->s[1] + (ncr_ct_mask_lt64(t0, c->s[0]) & 1);
    ncr_store64le(tag, t0);
    ncr_store64le(tag + 8, t1);
    nacre_wipe(c, sizeof *c);
}
