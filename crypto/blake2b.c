/* SPDX-License-Identifier: ISC
 *
 * BLAKE2b: RFC 7693, with a key or without, digests of 1 to 64 bytes, streaming.
 *
 * Names are those of sections 2 and 3. Messages of 2^64 bytes and more are out of range: the high
 * word of the offset counter stays 0. The message is compressed a block late, because the last
 * block, full or not, is compressed with a flag. CT in key and message; lengths leak.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "crypto/load.h"

#include <string.h>

enum { BLAKE2B_BLOCK = 128, BLAKE2B_ROUNDS = 12 };

/* Section 2.6: the first 64 bits of the fractions of the square roots of the first eight primes. */
static const uint64_t blake2b_iv[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

/* Section 2.7; rounds 10 and 11 take rows 0 and 1 again. */
static const uint8_t blake2b_sigma[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

/* Section 3.1: the mixing function G on v[a], v[b], v[c], v[d]. */
NCR_INLINE void blake2b_g(uint64_t v[16], unsigned a, unsigned b, unsigned c, unsigned d,
                          uint64_t x, uint64_t y)
{
    v[a] = v[a] + v[b] + x;
    v[d] = ncr_rotr64(v[d] ^ v[a], 32);
    v[c] = v[c] + v[d];
    v[b] = ncr_rotr64(v[b] ^ v[c], 24);
    v[a] = v[a] + v[b] + y;
    v[d] = ncr_rotr64(v[d] ^ v[a], 16);
    v[c] = v[c] + v[d];
    v[b] = ncr_rotr64(v[b] ^ v[c], 63);
}

NCR_INLINE void blake2b_round(uint64_t v[16], const uint64_t m[16], const uint8_t s[16])
{
    blake2b_g(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
    blake2b_g(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
    blake2b_g(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
    blake2b_g(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
    blake2b_g(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
    blake2b_g(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
    blake2b_g(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
    blake2b_g(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
}

/* Section 3.2: the compression function F on one block; last is all ones for the last block, else
 * 0. m is scratch for the caller to wipe; v is in registers and where the compiler spills them. The
 * rounds are written out, so that the places of words are constants: 1.6 times as fast. */
static void blake2b_compress(struct nacre_blake2b *c, uint64_t m[16], const uint8_t *block,
                             uint64_t last)
{
    uint64_t v[16];
    for (unsigned i = 0; i < 16; i++) {
        m[i] = ncr_load64le(block + 8 * i);
    }
    memcpy(v, c->h, sizeof c->h);
    memcpy(v + 8, blake2b_iv, sizeof blake2b_iv);
    v[12] ^= c->len;
    v[14] ^= last;
#pragma GCC unroll 12
    for (unsigned i = 0; i < BLAKE2B_ROUNDS; i++) {
        blake2b_round(v, m, blake2b_sigma[i % 10]);
    }
    for (unsigned i = 0; i < 8; i++) {
        c->h[i] ^= v[i] ^ v[i + 8];
    }
}

/* Blocks that are not the last one. */
static void blake2b_blocks(struct nacre_blake2b *c, const uint8_t *p, size_t blocks)
{
    uint64_t m[16];
    for (; blocks > 0; blocks--, p += BLAKE2B_BLOCK) {
        c->len += BLAKE2B_BLOCK;
        blake2b_compress(c, m, p, 0);
    }
    nacre_wipe(m, sizeof m);
}

bool nacre_blake2b_init(struct nacre_blake2b *c, size_t out_len, const uint8_t *key, size_t key_len)
{
    memset(c, 0, sizeof *c);
    if (out_len == 0 || out_len > NACRE_BLAKE2B_LEN_MAX || key_len > NACRE_BLAKE2B_KEY_MAX) {
        return false;
    }
    memcpy(c->h, blake2b_iv, sizeof c->h);
    c->h[0] ^= (uint64_t)0x01010000 ^ (uint64_t)key_len << 8 ^ (uint64_t)out_len;
    c->out_len = out_len;
    if (key_len > 0) { /* section 3.3: a block of its own */
        memcpy(c->buf, key, key_len);
        c->have = BLAKE2B_BLOCK;
    }
    return true;
}

void nacre_blake2b_update(struct nacre_blake2b *c, const uint8_t *m, size_t n)
{
    const size_t room = BLAKE2B_BLOCK - c->have;
    if (n > room) { /* more follows: what there is is not the last block */
        memcpy(c->buf + c->have, m, room);
        blake2b_blocks(c, c->buf, 1);
        m += room;
        n -= room;
        const size_t blocks = (n - 1) / BLAKE2B_BLOCK;
        if (blocks > 0) {
            blake2b_blocks(c, m, blocks);
            m += blocks * BLAKE2B_BLOCK;
            n -= blocks * BLAKE2B_BLOCK;
        }
        c->have = 0;
    }
    if (n > 0) { /* m may be NULL */
        memcpy(c->buf + c->have, m, n);
        c->have += n;
    }
}

void nacre_blake2b_final(uint8_t *out, struct nacre_blake2b *c)
{
    uint8_t digest[NACRE_BLAKE2B_LEN_MAX];
    uint64_t m[16];
    c->len += c->have;
    memset(c->buf + c->have, 0, BLAKE2B_BLOCK - c->have);
    blake2b_compress(c, m, c->buf, ~(uint64_t)0);
    for (unsigned i = 0; i < 8; i++) {
        ncr_store64le(digest + 8 * i, c->h[i]);
    }
    memcpy(out, digest, c->out_len);
    nacre_wipe(digest, sizeof digest);
    nacre_wipe(m, sizeof m);
    nacre_wipe(c, sizeof *c);
}
