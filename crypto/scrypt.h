/* SPDX-License-Identifier: ISC
 *
 * scrypt (RFC 7914): the key derivation of some PKCS #8 files.
 */
#ifndef NCR_SCRYPT_H
#define NCR_SCRYPT_H

#include "crypto/nacre_crypto.h"

struct ncr_scrypt {
    uint32_t n, r, p; /* N a power of 2 above 1, r and p at least 1, r p below 2^30 */
    const uint8_t *pass, *salt;
    size_t pass_len, salt_len;
};
/* Bytes of memory; 0 if the parameters are out of range, or it would be over `max`. */
size_t ncr_scrypt_memory(const struct ncr_scrypt *s, size_t max);
/* Derives len bytes; mem: as many bytes as ncr_scrypt_memory() says, of any alignment, wiped. False
 * (zeros): parameters out of range, or mem too small. What is read of the memory depends on pass
 * and salt: that is what scrypt is. Else CT in both; lengths and costs leak. */
NACRE_MUST_CHECK bool ncr_scrypt(uint8_t *out, size_t len, const struct ncr_scrypt *s, uint8_t *mem,
                                 size_t mem_len);

#endif
