/* SPDX-License-Identifier: ISC
 *
 * MD5: RFC 1321. Legacy.
 *
 * MD5 is broken: collisions cost nothing. It stays for fingerprints as they were once printed, for
 * the key derivation of old PEM files and for HMAC with peers that know nothing newer.
 *
 * Names of functions and variables are those of section 3.4, whose words are little-endian. Four
 * rounds of 16 steps; step i takes the message word and the rotation that its round's rule gives.
 * CT in the message; lengths leak.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "crypto/load.h"

#include <string.h>

enum { MD5_BLOCK = 64 };

/* The table T of section 3.4: the integer part of 2^32 abs(sin(i + 1)), i in radians. */
static const uint32_t md5_t[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static const uint32_t md5_h0[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

static inline uint32_t md5_f(uint32_t x, uint32_t y, uint32_t z)
{
    return z ^ (x & (y ^ z));
}

/* No bit is in both terms: a sum, of which the one without x, a step's newest, is ready early. */
static inline uint32_t md5_g(uint32_t x, uint32_t y, uint32_t z)
{
    return (y & ~z) + (x & z);
}

static inline uint32_t md5_h(uint32_t x, uint32_t y, uint32_t z)
{
    return x ^ y ^ z;
}

static inline uint32_t md5_i(uint32_t x, uint32_t y, uint32_t z)
{
    return y ^ (x | ~z);
}

/* One round: 16 steps, four at a time, after which every variable is in its place again. Step i
 * uses word (mul * i + add) mod 16 and rotates by rot[i mod 4]. */
NCR_INLINE void md5_round(uint32_t s[4], const uint32_t x[16], const uint32_t t[16],
                          uint32_t (*f)(uint32_t x, uint32_t y, uint32_t z), unsigned mul,
                          unsigned add, const unsigned rot[4])
{
    uint32_t a = s[0], b = s[1], c = s[2], d = s[3];
#pragma GCC unroll 4
    for (unsigned i = 0; i < 16; i += 4) {
        unsigned k = mul * i + add;
        a = b + ncr_rotl32(a + x[k % 16] + t[i] + f(b, c, d), rot[0]);
        d = a + ncr_rotl32(d + x[(k + mul) % 16] + t[i + 1] + f(a, b, c), rot[1]);
        c = d + ncr_rotl32(c + x[(k + 2 * mul) % 16] + t[i + 2] + f(d, a, b), rot[2]);
        b = c + ncr_rotl32(b + x[(k + 3 * mul) % 16] + t[i + 3] + f(c, d, a), rot[3]);
    }
    s[0] = a, s[1] = b, s[2] = c, s[3] = d;
}

static void md5_blocks(uint32_t h[4], const uint8_t *m, size_t blocks)
{
    static const unsigned rot[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t x[16];
    for (; blocks > 0; blocks--, m += MD5_BLOCK) {
        uint32_t s[4];
        memcpy(s, h, sizeof s);
        for (unsigned i = 0; i < 16; i++) {
            x[i] = ncr_load32le(m + 4 * i);
        }
        md5_round(s, x, md5_t, md5_f, 1, 0, rot[0]);
        md5_round(s, x, md5_t + 16, md5_g, 5, 1, rot[1]);
        md5_round(s, x, md5_t + 32, md5_h, 3, 5, rot[2]);
        md5_round(s, x, md5_t + 48, md5_i, 7, 0, rot[3]);
        for (unsigned i = 0; i < 4; i++) {
            h[i] += s[i];
        }
    }
    nacre_wipe(x, sizeof x);
}

void nacre_md5_init(struct nacre_md5 *c)
{
    memset(c, 0, sizeof *c);
    memcpy(c->h, md5_h0, sizeof c->h);
}

void nacre_md5_update(struct nacre_md5 *c, const uint8_t *m, size_t n)
{
    size_t have = (size_t)(c->len % MD5_BLOCK);
    if (n == 0) {
        return; /* m may be NULL */
    }
    c->len += n;
    if (have > 0) {
        size_t take = n < MD5_BLOCK - have ? n : MD5_BLOCK - have;
        memcpy(c->buf + have, m, take);
        if (have + take < MD5_BLOCK) {
            return;
        }
        md5_blocks(c->h, c->buf, 1);
        m += take;
        n -= take;
    }
    if (n >= MD5_BLOCK) {
        md5_blocks(c->h, m, n / MD5_BLOCK);
    }
    if (n % MD5_BLOCK > 0) {
        memcpy(c->buf, m + (n - n % MD5_BLOCK), n % MD5_BLOCK);
    }
}

/* Sections 3.1 and 3.2: a one bit, zeros, the length in bits as the last 8 bytes, low first. */
void nacre_md5_final(uint8_t out[NACRE_MD5_LEN], struct nacre_md5 *c)
{
    size_t have = (size_t)(c->len % MD5_BLOCK);
    c->buf[have++] = 0x80;
    memset(c->buf + have, 0, MD5_BLOCK - have);
    if (have > MD5_BLOCK - 8) {
        md5_blocks(c->h, c->buf, 1);
        memset(c->buf, 0, MD5_BLOCK);
    }
    ncr_store64le(c->buf + MD5_BLOCK - 8, c->len << 3);
    md5_blocks(c->h, c->buf, 1);
    for (unsigned i = 0; i < 4; i++) {
        ncr_store32le(out + 4 * i, c->h[i]);
    }
    nacre_wipe(c, sizeof *c);
}

/* ---- Row --------------------------------------------------------------------------------- */

static void md5_row_init(union nacre_hash_ctx *c)
{
    nacre_md5_init(&c->md5);
}

static void md5_row_update(union nacre_hash_ctx *c, const uint8_t *m, size_t n)
{
    nacre_md5_update(&c->md5, m, n);
}

static void md5_row_final(uint8_t *out, union nacre_hash_ctx *c)
{
    nacre_md5_final(out, &c->md5);
}

const struct nacre_hash nacre_hash_md5 = {
    .name = "md5",
    .len = NACRE_MD5_LEN,
    .block = MD5_BLOCK,
    .init = md5_row_init,
    .update = md5_row_update,
    .final = md5_row_final,
};
