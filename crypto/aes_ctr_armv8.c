/* SPDX-License-Identifier: ISC
 *
 * AES-CTR with the AES instructions of Armv8 (Arm ARM, AESE and AESMC), four blocks side by side.
 * Same rules on what may leak as aes_ctr.c: the instructions take the same time for all data.
 */
#include "crypto/aes_armv8.h"
#include "crypto/load.h"

#if NCR_ARM
/* Four counter blocks from hi:lo on, which move on. */
NCR_ARMV8 static void arm_ctr_blocks(ncr_arm_block b[4], uint64_t *hi, uint64_t *lo)
{
    uint8_t p[16];
    for (int i = 0; i < 4; i++) {
        uint64_t next = *lo + 1;
        ncr_store64be(p, *hi);
        ncr_store64be(p + 8, *lo);
        b[i] = ncr_arm_load(p);
        *hi += (*lo & ~next) >> 63; /* the top bit falls: a carry */
        *lo = next;
    }
}

NCR_ARMV8 void ncr_aes_ctr_xor_armv8(uint8_t *out, const struct nacre_aes_ctr *c, const uint8_t *in,
                                     size_t n)
{
    struct ncr_arm_key k;
    ncr_arm_block b[4];
    uint8_t ks[64];
    uint64_t hi = ncr_load64be(c->ctr), lo = ncr_load64be(c->ctr + 8);
    ncr_arm_key(&k, &c->aes);
    while (n >= 64) {
        arm_ctr_blocks(b, &hi, &lo);
        ncr_arm_encrypt4(b, &k);
        for (size_t i = 0; i < 4; i++) {
            vst1q_u8(out + 16 * i, veorq_u8(b[i], ncr_arm_load(in + 16 * i)));
        }
        out += 64;
        in += 64;
        n -= 64;
    }
    if (n > 0) {
        arm_ctr_blocks(b, &hi, &lo);
        ncr_arm_encrypt4(b, &k);
        for (size_t i = 0; i < 4; i++) {
            vst1q_u8(ks + 16 * i, b[i]);
        }
        ncr_xor(out, in, ks, n);
        nacre_wipe(ks, sizeof ks);
    }
    nacre_wipe(&k, sizeof k);
}
#endif
