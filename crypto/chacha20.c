/* SPDX-License-Identifier: ISC
 *
 * ChaCha20, RFC 8439 section 2, in the original layout: words 12 and 13 are one 64-bit block
 * counter, words 14 and 15 the 8-byte nonce. RFC 8439's layout is the same thing with the first
 * four bytes of its nonce as the counter's upper half.
 *
 * As many blocks are computed side by side as a lane word holds (ct.h): four with vectors, else
 * one. CT in key, nonce, counter and message; the length leaks.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "crypto/load.h"

#include <string.h>

enum { CHACHA20_BLOCK = 64, CHACHA20_BATCH = CHACHA20_BLOCK * NCR_LANES32 };

#define CHACHA20_ROTL(x, n) ((x) << (n) | (x) >> (32 - (n)))

/* Section 2.1. */
NCR_INLINE void chacha20_quarter(ncr_lanes32 *a, ncr_lanes32 *b, ncr_lanes32 *c, ncr_lanes32 *d)
{
    *a += *b, *d ^= *a, *d = CHACHA20_ROTL(*d, 16);
    *c += *d, *b ^= *c, *b = CHACHA20_ROTL(*b, 12);
    *a += *b, *d ^= *a, *d = CHACHA20_ROTL(*d, 8);
    *c += *d, *b ^= *c, *b = CHACHA20_ROTL(*b, 7);
}

/* Section 2.3: ten times a column round and a diagonal round. */
static void chacha20_rounds(ncr_lanes32 x[16])
{
    for (unsigned i = 0; i < 10; i++) {
        chacha20_quarter(&x[0], &x[4], &x[8], &x[12]);
        chacha20_quarter(&x[1], &x[5], &x[9], &x[13]);
        chacha20_quarter(&x[2], &x[6], &x[10], &x[14]);
        chacha20_quarter(&x[3], &x[7], &x[11], &x[15]);
        chacha20_quarter(&x[0], &x[5], &x[10], &x[15]);
        chacha20_quarter(&x[1], &x[6], &x[11], &x[12]);
        chacha20_quarter(&x[2], &x[7], &x[8], &x[13]);
        chacha20_quarter(&x[3], &x[4], &x[9], &x[14]);
    }
}

/* The initial state, once per lane; the lanes' counters follow each other. */
static void chacha20_start(uint32_t s[16][NCR_LANES32], const uint8_t *key, const uint8_t *nonce,
                           uint64_t counter)
{
    static const uint8_t sigma[16] = "expand 32-byte k";
    for (size_t lane = 0; lane < NCR_LANES32; lane++) {
        for (size_t i = 0; i < 4; i++) {
            s[i][lane] = ncr_load32le(sigma + 4 * i);
        }
        for (size_t i = 0; i < 8; i++) {
            s[4 + i][lane] = ncr_load32le(key + 4 * i);
        }
        s[12][lane] = (uint32_t)(counter + lane);
        s[13][lane] = (uint32_t)((counter + lane) >> 32);
        s[14][lane] = ncr_load32le(nonce);
        s[15][lane] = ncr_load32le(nonce + 4);
    }
}

/* Key stream of one block a lane, from the state s, whose counters move on by as many blocks. */
static void chacha20_batch(uint8_t ks[CHACHA20_BATCH], uint32_t s[16][NCR_LANES32])
{
    ncr_lanes32 x[16], start[16];
    uint32_t w[16][NCR_LANES32];
    memcpy(start, s, sizeof start);
    memcpy(x, s, sizeof x);
    chacha20_rounds(x);
    for (size_t i = 0; i < 16; i++) {
        x[i] += start[i];
    }
    memcpy(w, x, sizeof w);
    for (size_t lane = 0; lane < NCR_LANES32; lane++) {
        for (size_t i = 0; i < 16; i++) {
            ncr_store32le(ks + CHACHA20_BLOCK * lane + 4 * i, w[i][lane]);
        }
        s[12][lane] += (uint32_t)NCR_LANES32;
        s[13][lane] += s[12][lane] < NCR_LANES32;
    }
}

void nacre_chacha20_xor(uint8_t *out, const uint8_t *in, size_t n,
                        const uint8_t key[NACRE_CHACHA20_KEY_LEN],
                        const uint8_t nonce[NACRE_CHACHA20_NONCE_LEN], uint64_t counter)
{
    uint32_t s[16][NCR_LANES32];
    uint8_t ks[CHACHA20_BATCH];
    chacha20_start(s, key, nonce, counter);
    for (; n >= sizeof ks; n -= sizeof ks, in += sizeof ks, out += sizeof ks) {
        chacha20_batch(ks, s);
        ncr_xor(out, in, ks, sizeof ks);
    }
    if (n > 0) {
        chacha20_batch(ks, s);
        ncr_xor(out, in, ks, n);
    }
    nacre_wipe(s, sizeof s);
    nacre_wipe(ks, sizeof ks);
}
