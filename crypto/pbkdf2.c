/* SPDX-License-Identifier: ISC
 *
 * PBKDF2 with HMAC: RFC 8018 section 5.2, whose names are used here.
 *
 * The passphrase is hashed into the HMAC's pads once; an iteration is then two compressions for
 * hashes of one block. CT in passphrase and salt; lengths and iterations leak.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/load.h"

#include <string.h>

/* T_i = F(P, S, c, i), in prf's hash length. */
static void pbkdf2_block(uint8_t t[NACRE_HASH_MAX_LEN], struct nacre_hmac *prf, const uint8_t *salt,
                         size_t salt_len, uint32_t iterations, uint32_t i)
{
    uint8_t u[NACRE_HASH_MAX_LEN], number[4];
    size_t len = prf->hash->len;
    ncr_store32be(number, i);
    nacre_hmac_update(prf, salt, salt_len);
    nacre_hmac_update(prf, number, sizeof number);
    nacre_hmac_final(u, prf);
    memcpy(t, u, len);
    for (uint32_t c = 1; c < iterations; c++) {
        nacre_hmac_update(prf, u, len);
        nacre_hmac_final(u, prf);
        ncr_xor(t, t, u, len);
    }
    nacre_wipe(u, sizeof u);
}

bool nacre_pbkdf2(uint8_t *out, size_t n, const struct nacre_hash *hash, const uint8_t *pass,
                  size_t pass_len, const uint8_t *salt, size_t salt_len, uint32_t iterations)
{
    struct nacre_hmac prf;
    uint8_t t[NACRE_HASH_MAX_LEN];
    /* Step 1: blocks are counted with 32 bits. */
    if (n == 0 || iterations == 0 || (n - 1) / hash->len >= UINT32_MAX) {
        nacre_wipe(out, n);
        return false;
    }
    nacre_hmac_init(&prf, hash, pass, pass_len);
    for (uint32_t i = 1; n > 0; i++) {
        size_t take = n < hash->len ? n : hash->len;
        pbkdf2_block(t, &prf, salt, salt_len, iterations, i);
        memcpy(out, t, take);
        out += take;
        n -= take;
    }
    nacre_wipe(&prf, sizeof prf);
    nacre_wipe(t, sizeof t);
    return true;
}
