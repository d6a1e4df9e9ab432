/* SPDX-License-Identifier: ISC
 *
 * The key derivation of old encrypted PEM files (`Proc-Type: 4,ENCRYPTED`, `DEK-Info`): PBKDF1 of
 * RFC 8018 section 5.1 with MD5 and one iteration, drawn out beyond a digest as OpenSSL does it:
 * D1 = MD5(pass || salt), Di = MD5(D(i-1) || pass || salt).
 *
 * Legacy: one MD5 is all that stands between a guess and the key. CT in pass; lengths leak.
 */
#include "crypto/nacre_crypto.h"

#include <string.h>

void nacre_pem_kdf(uint8_t *out, size_t n, const uint8_t *pass, size_t pass_len,
                   const uint8_t salt[8])
{
    uint8_t d[NACRE_MD5_LEN];
    size_t len = 0; /* of d: nothing before the first */
    while (n > 0) {
        struct nacre_md5 c;
        size_t take = n < sizeof d ? n : sizeof d;
        nacre_md5_init(&c);
        nacre_md5_update(&c, d, len);
        nacre_md5_update(&c, pass, pass_len);
        nacre_md5_update(&c, salt, 8);
        nacre_md5_final(d, &c);
        len = sizeof d;
        memcpy(out, d, take);
        out += take;
        n -= take;
    }
    nacre_wipe(d, sizeof d);
}
