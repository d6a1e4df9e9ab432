/* SPDX-License-Identifier: ISC
 *
 * ChaCha20, RFC 8439 section 2, in the original layout: words 12 and 13 are one 64-bit block
 * counter, words 14 and 15 the 8-byte nonce. RFC 8439's layout is the same thing with the first
 * four bytes of its nonce as the counter's upper half.
 *
 * As many blocks are computed side by side as a lane word holds (ct.h): four with vectors, else
 * one. Wider vectors are the twins' (fast.h). CT in key, nonce and message; the length and the
 * counter leak.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "crypto/fast.h"
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

/* What has to be wiped: the state of each lane's block, the same after the rounds, and key stream.
 */
struct chacha20_work {
    uint32_t start[16][NCR_LANES32];
    ncr_lanes32 x[16];
    uint8_t ks[CHACHA20_BATCH];
};

/* The initial state, once per lane; the lanes' counters follow each other. */
static void chacha20_start(struct chacha20_work *k, const uint8_t *key, const uint8_t *nonce,
                           uint64_t counter)
{
    static const char sigma[] = "expand 32-byte k";
    uint8_t s[16 * 4];
    memcpy(s, sigma, 16);
    memcpy(s + 16, key, NACRE_CHACHA20_KEY_LEN);
    memset(s + 48, 0, 8);
    memcpy(s + 56, nonce, NACRE_CHACHA20_NONCE_LEN);
    for (size_t lane = 0; lane < NCR_LANES32; lane++) {
        for (size_t i = 0; i < 16; i++) {
            k->start[i][lane] = ncr_load32le(s + 4 * i);
        }
        k->start[12][lane] = (uint32_t)(counter + lane);
        k->start[13][lane] = (uint32_t)((counter + lane) >> 32);
    }
    nacre_wipe(s, sizeof s);
}

/* Key stream of one block a lane; then the counters move on by as many blocks. */
static void chacha20_batch(struct chacha20_work *k)
{
    memcpy(k->x, k->start, sizeof k->x);
    chacha20_rounds(k->x);
    for (size_t i = 0; i < 16; i++) {
        uint32_t w[NCR_LANES32];
        memcpy(w, &k->x[i], sizeof w);
        for (size_t lane = 0; lane < NCR_LANES32; lane++) {
            ncr_store32le(k->ks + CHACHA20_BLOCK * lane + 4 * i, w[lane] + k->start[i][lane]);
        }
    }
    for (size_t lane = 0; lane < NCR_LANES32; lane++) {
        uint32_t low = k->start[12][lane] + (uint32_t)NCR_LANES32;
        k->start[13][lane] += low < NCR_LANES32;
        k->start[12][lane] = low;
    }
}

/* What the widest vectors of this CPU can do of the n bytes: all, or a number of whole blocks. */
#if NCR_X86
static size_t chacha20_wide(uint8_t *out, const uint8_t *in, size_t n, const uint8_t *key,
                            const uint8_t *nonce, uint64_t counter)
{
    uint32_t cpu = ncr_cpu();
    if ((cpu & NCR_CPU_AVX512) != 0) {
        ncr_chacha20_avx512(out, in, n, key, nonce, counter);
        return n;
    }
    return (cpu & NCR_CPU_AVX2) != 0 ? ncr_chacha20_avx2(out, in, n, key, nonce, counter) : 0;
}
#elif NCR_ARM
static size_t chacha20_wide(uint8_t *out, const uint8_t *in, size_t n, const uint8_t *key,
                            const uint8_t *nonce, uint64_t counter)
{
    bool neon = (ncr_cpu() & NCR_CPU_NEON) != 0;
    return neon ? ncr_chacha20_neon(out, in, n, key, nonce, counter) : 0;
}
#else
static size_t chacha20_wide(uint8_t *out, const uint8_t *in, size_t n, const uint8_t *key,
                            const uint8_t *nonce, uint64_t counter)
{
    (void)out, (void)in, (void)n, (void)key, (void)nonce, (void)counter;
    return 0;
}
#endif

void nacre_chacha20_xor(uint8_t *out, const uint8_t *in, size_t n,
                        const uint8_t key[NACRE_CHACHA20_KEY_LEN],
                        const uint8_t nonce[NACRE_CHACHA20_NONCE_LEN], uint64_t counter)
{
    struct chacha20_work k;
    size_t done = chacha20_wide(out, in, n, key, nonce, counter);
    if (done == n) {
        return;
    }
    out += done, in += done, n -= done;
    chacha20_start(&k, key, nonce, counter + done / CHACHA20_BLOCK);
    for (; n >= CHACHA20_BATCH; n -= CHACHA20_BATCH, in += CHACHA20_BATCH, out += CHACHA20_BATCH) {
        chacha20_batch(&k);
        ncr_xor(out, in, k.ks, CHACHA20_BATCH);
    }
    if (n > 0) {
        chacha20_batch(&k);
        ncr_xor(out, in, k.ks, n);
    }
    nacre_wipe(&k, sizeof k);
}
