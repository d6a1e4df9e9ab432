/* SPDX-License-Identifier: ISC
 *
 * What the vector forms of ChaCha20 (chacha20_<isa>.c) have in common: the state of RFC 8439
 * section 2.3 with a counter of 64 bits, as words in memory, and the walk over whole batches of
 * blocks. For little-endian machines, as those forms are.
 */
#ifndef NCR_CHACHA20_H
#define NCR_CHACHA20_H

#include "crypto/ct.h"
#include "crypto/nacre_crypto.h"

#include <string.h>

/* The state but for its counter, words 12 and 13. CT in key and nonce; the caller wipes. */
static inline void ncr_chacha20_state(uint32_t s[16], const uint8_t key[NACRE_CHACHA20_KEY_LEN],
                                      const uint8_t nonce[NACRE_CHACHA20_NONCE_LEN])
{
    static const uint32_t sigma[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    memcpy(s, sigma, sizeof sigma);
    memcpy(s + 4, key, NACRE_CHACHA20_KEY_LEN);
    memcpy(s + 14, nonce, NACRE_CHACHA20_NONCE_LEN);
}

static inline void ncr_chacha20_count(uint32_t s[16], uint64_t counter)
{
    memcpy(s + 12, &counter, sizeof counter);
}

/* XORs the blocks from the state s on, whose counter is that of the first. */
typedef void ncr_chacha20_batch(uint8_t *out, const uint8_t *in, const uint32_t s[16]);

/* All whole batches of so many blocks each that n bytes have; returns the bytes done. */
NCR_INLINE size_t ncr_chacha20_batches(uint8_t *out, const uint8_t *in, size_t n,
                                       const uint8_t key[NACRE_CHACHA20_KEY_LEN],
                                       const uint8_t nonce[NACRE_CHACHA20_NONCE_LEN],
                                       uint64_t counter, ncr_chacha20_batch *batch, size_t blocks)
{
    uint32_t s[16];
    size_t done;
    ncr_chacha20_state(s, key, nonce);
    for (done = 0; n - done >= 64 * blocks; done += 64 * blocks) {
        ncr_chacha20_count(s, counter);
        batch(out + done, in + done, s);
        counter += blocks;
    }
    nacre_wipe(s, sizeof s);
    return done;
}

#endif
