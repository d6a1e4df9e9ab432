/* SPDX-License-Identifier: ISC
 *
 * SHA-256's compression with the SHA-256 instructions of Armv8 (SHA256H, SHA256H2, SHA256SU0,
 * SHA256SU1), four rounds each.
 */
#include "crypto/aes_armv8.h"

#if NCR_ARM
NCR_ARMV8 void ncr_sha256_blocks_armv8(uint32_t h[8], const uint8_t *m, size_t blocks)
{
    uint32x4_t abcd = vld1q_u32(h), efgh = vld1q_u32(h + 4);
    uint32x4_t w[4], k, saved_abcd, saved_efgh, before;
    for (; blocks > 0; blocks--, m += 64) {
        saved_abcd = abcd;
        saved_efgh = efgh;
        for (size_t i = 0; i < 4; i++) {
            w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(m + 16 * i)));
        }
        for (size_t i = 0; i < 16; i++) {
            k = vaddq_u32(w[i % 4], vld1q_u32(ncr_sha256_k + 4 * i));
            if (i < 12) {
                w[i % 4] = vsha256su1q_u32(vsha256su0q_u32(w[i % 4], w[(i + 1) % 4]),
                                           w[(i + 2) % 4], w[(i + 3) % 4]);
            }
            before = abcd;
            abcd = vsha256hq_u32(abcd, efgh, k);
            efgh = vsha256h2q_u32(efgh, before, k);
        }
        abcd = vaddq_u32(abcd, saved_abcd);
        efgh = vaddq_u32(efgh, saved_efgh);
    }
    vst1q_u32(h, abcd);
    vst1q_u32(h + 4, efgh);
}
#endif
