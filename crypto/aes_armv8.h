/* SPDX-License-Identifier: ISC
 *
 * What the Armv8 twins share: NCR_ARMV8, the target that their functions are compiled for, and AES
 * on it. Round keys are those of struct nacre_aes, whose bytes lie in FIPS 197's order.
 */
#ifndef NCR_AES_ARMV8_H
#define NCR_AES_ARMV8_H

#include "crypto/fast.h"

#if NCR_ARM
#include <arm_neon.h>

#define NCR_ARMV8 __attribute__((target("+crypto")))

typedef uint8x16_t ncr_arm_block;

#define NCR_ARM_ROUNDS_MAX 14

NCR_ARMV8 static inline ncr_arm_block ncr_arm_load(const uint8_t *p)
{
    return vld1q_u8(p);
}

struct ncr_arm_key {
    ncr_arm_block rk[NCR_ARM_ROUNDS_MAX + 1];
    unsigned rounds;
};

NCR_ARMV8 static inline void ncr_arm_key(struct ncr_arm_key *k, const struct nacre_aes *c)
{
    k->rounds = c->rounds;
    for (unsigned i = 0; i <= c->rounds; i++) {
        k->rk[i] = vreinterpretq_u8_u64(vld1q_u64(c->rk + (size_t)2 * i));
    }
}

/* Encrypts four blocks in their places, their rounds interleaved. */
NCR_ARMV8 static inline void ncr_arm_encrypt4(ncr_arm_block b[4], const struct ncr_arm_key *k)
{
    for (unsigned r = 0; r + 1 < k->rounds; r++) {
        for (int i = 0; i < 4; i++) {
            b[i] = vaesmcq_u8(vaeseq_u8(b[i], k->rk[r]));
        }
    }
    for (int i = 0; i < 4; i++) {
        b[i] = veorq_u8(vaeseq_u8(b[i], k->rk[k->rounds - 1]), k->rk[k->rounds]);
    }
}
#endif
#endif
