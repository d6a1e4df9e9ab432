/* SPDX-License-Identifier: ISC
 *
 * AES in cipher block chaining mode: SP 800-38A section 6.2, for key files and old peers. No
 * padding is added or checked. CT in key, chain and message; the length leaks.
 *
 * Encryption has one block in flight, decryption a whole batch: without AES instructions, a block
 * costs the one what a batch costs the other.
 */
#include "crypto/aes.h"
#include "crypto/fast.h"
#include "crypto/load.h"

#include <string.h>

bool nacre_aes_cbc_init(struct nacre_aes_cbc *c, const uint8_t *key, size_t n,
                        const uint8_t iv[NACRE_AES_BLOCK])
{
    memset(c, 0, sizeof *c);
    if (!nacre_aes_init(&c->aes, key, n)) {
        return false;
    }
    memcpy(c->iv, iv, NACRE_AES_BLOCK);
    return true;
}

/* True if a twin has done it all. */
#if NCR_X86
static bool aes_cbc_fast(uint8_t *out, struct nacre_aes_cbc *c, const uint8_t *in, size_t n,
                         bool encrypt)
{
    bool have = (ncr_cpu() & NCR_CPU_AES) != 0;
    if (have && encrypt) {
        ncr_aes_cbc_encrypt_aes(out, c, in, n);
    } else if (have) {
        ncr_aes_cbc_decrypt_aes(out, c, in, n);
    }
    return have;
}
#else
static bool aes_cbc_fast(uint8_t *out, struct nacre_aes_cbc *c, const uint8_t *in, size_t n,
                         bool encrypt)
{
    (void)out, (void)c, (void)in, (void)n, (void)encrypt;
    return false;
}
#endif

void nacre_aes_cbc_encrypt(uint8_t *out, struct nacre_aes_cbc *c, const uint8_t *in, size_t n)
{
    n -= n % NACRE_AES_BLOCK;
    if (aes_cbc_fast(out, c, in, n, true)) {
        return;
    }
    for (; n > 0; n -= NACRE_AES_BLOCK) {
        ncr_xor(c->iv, c->iv, in, NACRE_AES_BLOCK);
        nacre_aes_encrypt_block(c->iv, &c->aes, c->iv);
        memcpy(out, c->iv, NACRE_AES_BLOCK);
        in += NACRE_AES_BLOCK;
        out += NACRE_AES_BLOCK;
    }
}

/* n is whole blocks, at most a batch. Works from the end to the start, so that out may be in. */
static void aes_cbc_decrypt_batch(uint8_t *out, struct nacre_aes_cbc *c, const uint8_t *in,
                                  size_t n)
{
    uint8_t io[NCR_AES_BATCH_LEN] = {0}, last[NACRE_AES_BLOCK];
    memcpy(io, in, n);
    memcpy(last, in + n - sizeof last, sizeof last);
    ncr_aes_decrypt_batch(io, &c->aes);
    for (size_t at = n - NACRE_AES_BLOCK; at > 0; at -= NACRE_AES_BLOCK) {
        ncr_xor(out + at, io + at, in + at - NACRE_AES_BLOCK, NACRE_AES_BLOCK);
    }
    ncr_xor(out, io, c->iv, NACRE_AES_BLOCK);
    memcpy(c->iv, last, sizeof last);
    nacre_wipe(io, sizeof io);
}

void nacre_aes_cbc_decrypt(uint8_t *out, struct nacre_aes_cbc *c, const uint8_t *in, size_t n)
{
    n -= n % NACRE_AES_BLOCK;
    if (aes_cbc_fast(out, c, in, n, false)) {
        return;
    }
    while (n > 0) {
        size_t take = n < NCR_AES_BATCH_LEN ? n : NCR_AES_BATCH_LEN;
        aes_cbc_decrypt_batch(out, c, in, take);
        in += take;
        out += take;
        n -= take;
    }
}
