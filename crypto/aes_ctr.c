/* SPDX-License-Identifier: ISC
 *
 * AES in counter mode: SP 800-38A section 6.5, with RFC 4344's counter, the whole block as one
 * 128-bit big-endian number modulo 2^128. CT in key, counter and message; the length leaks.
 */
#include "crypto/aes.h"
#include "crypto/fast.h"
#include "crypto/load.h"

#include <string.h>

bool nacre_aes_ctr_init(struct nacre_aes_ctr *c, const uint8_t *key, size_t n,
                        const uint8_t iv[NACRE_AES_BLOCK])
{
    memset(c, 0, sizeof *c);
    if (!nacre_aes_init(&c->aes, key, n)) {
        return false;
    }
    memcpy(c->ctr, iv, NACRE_AES_BLOCK);
    return true;
}

/* The counter block `blocks` after ctr, blocks < 2^63: the lower half carries if its top bit falls.
 * The barrier is against gcc -O3, which first branches on whether any of a batch of sums carries.
 */
static void aes_ctr_after(uint8_t out[NACRE_AES_BLOCK], const uint8_t ctr[NACRE_AES_BLOCK],
                          uint64_t blocks)
{
    uint64_t hi = ncr_load64be(ctr), lo = ncr_load64be(ctr + 8);
    uint64_t sum = ncr_ct_barrier64(lo + blocks);
    ncr_store64be(out, hi + ((lo & ~sum) >> 63));
    ncr_store64be(out + 8, sum);
}

/* True if a twin has done it all, but for moving the counter on. */
#if NCR_X86
static bool aes_ctr_fast(uint8_t *out, const struct nacre_aes_ctr *c, const uint8_t *in, size_t n)
{
    uint32_t cpu = ncr_cpu();
    ncr_aes_ctr_twin *twin = (cpu & NCR_CPU_AES) != 0 ? ncr_aes_ctr_xor_aes : NULL;
    twin = (cpu & NCR_CPU_VAES256) != 0 ? ncr_aes_ctr_xor_vaes256 : twin;
    twin = (cpu & NCR_CPU_VAES) != 0 ? ncr_aes_ctr_xor_vaes : twin;
    if (twin != NULL) {
        twin(out, c, in, n);
    }
    return twin != NULL;
}
#elif NCR_ARM
static bool aes_ctr_fast(uint8_t *out, const struct nacre_aes_ctr *c, const uint8_t *in, size_t n)
{
    bool have = (ncr_cpu() & NCR_CPU_AES) != 0;
    if (have) {
        ncr_aes_ctr_xor_armv8(out, c, in, n);
    }
    return have;
}
#else
static bool aes_ctr_fast(uint8_t *out, const struct nacre_aes_ctr *c, const uint8_t *in, size_t n)
{
    (void)out, (void)c, (void)in, (void)n;
    return false;
}
#endif

void nacre_aes_ctr_xor(uint8_t *out, struct nacre_aes_ctr *c, const uint8_t *in, size_t n)
{
    uint8_t ks[NCR_AES_BATCH_LEN];
    if (aes_ctr_fast(out, c, in, n)) {
        aes_ctr_after(c->ctr, c->ctr, n / NACRE_AES_BLOCK + (n % NACRE_AES_BLOCK != 0));
        return;
    }
    while (n > 0) {
        size_t take = n < sizeof ks ? n : sizeof ks;
        for (size_t i = 0; i < NCR_AES_BATCH; i++) {
            aes_ctr_after(ks + NACRE_AES_BLOCK * i, c->ctr, i);
        }
        ncr_aes_encrypt_batch(ks, &c->aes);
        ncr_xor(out, in, ks, take);
        aes_ctr_after(c->ctr, c->ctr, (take + NACRE_AES_BLOCK - 1) / NACRE_AES_BLOCK);
        out += take;
        in += take;
        n -= take;
    }
    nacre_wipe(ks, sizeof ks);
}
