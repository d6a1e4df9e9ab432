/* SPDX-License-Identifier: ISC
 *
 * Four SHAKE streams side by side, for the lattice schemes, which expand one seed into many
 * polynomials: FIPS 202 under FIPS 203 and 204. The streams share the rate and all of the input but
 * a counter of one or two bytes behind it, and the input fits one block. Machines with wide
 * registers permute four states for the price of one.
 *
 * CT in input and output. The caller wipes the state.
 */
#ifndef NCR_KECCAK_H
#define NCR_KECCAK_H

#include "crypto/nacre_crypto.h"

#define NCR_KECCAK_ROUNDS 24

/* Constants of the rounds, FIPS 202 section 3.2.5. */
extern const uint64_t ncr_keccak_rc[NCR_KECCAK_ROUNDS];

struct ncr_keccak_x4 {
    uint64_t a[25][4]; /* a lane of all four states, then the next lane */
    size_t rate;
};

/* Words of `work` that hold one. */
#define NCR_KECCAK_X4_WORDS ((sizeof(struct ncr_keccak_x4) + 7) / 8)

/* Starts stream i on the n bytes at seed, then tail_len (1 or 2) bytes of tail[i], the low one
 * first. rate is NACRE_SHAKE128_RATE or NACRE_SHAKE256_RATE; n + tail_len < rate. */
void ncr_keccak_x4_start(struct ncr_keccak_x4 *c, size_t rate, const uint8_t *seed, size_t n,
                         const uint16_t tail[4], size_t tail_len);
/* The next blocks * rate bytes of each: those of stream i from out + i * stride on. */
void ncr_keccak_x4_squeeze(uint8_t *out, size_t stride, struct ncr_keccak_x4 *c, size_t blocks);

#endif
