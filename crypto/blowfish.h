/* SPDX-License-Identifier: ISC
 *
 * Blowfish (B. Schneier, 1993), as far as bcrypt_pbkdf needs it. No cipher for packets: blocks of
 * 64 bits, and it reads tables at places that the key and the data choose. Not CT.
 */
#ifndef NCR_BLOWFISH_H
#define NCR_BLOWFISH_H

#include "crypto/nacre_crypto.h"

enum { NCR_BLOWFISH_P = 18, NCR_BLOWFISH_SALT = 16, NCR_BLOWFISH_WORDS = NCR_BLOWFISH_P + 4 * 256 };

/* The P-array, then the four S-boxes. */
struct ncr_blowfish {
    uint32_t w[NCR_BLOWFISH_WORDS];
};

/* The state before any key. */
void ncr_blowfish_init(struct ncr_blowfish *c);
/* Encrypts the block of two words in its place. */
void ncr_blowfish_encrypt_vartime(const struct ncr_blowfish *c, uint32_t *l, uint32_t *r);
/* Expands a key, given as the words that are XORed to the P-array. */
void ncr_blowfish_expand_vartime(struct ncr_blowfish *c, const uint32_t key[NCR_BLOWFISH_P]);

/* The same for two states side by side, which takes hardly longer than for one: within one, every
 * step waits for a table. */
void ncr_blowfish_expand2_vartime(struct ncr_blowfish c[2], const uint32_t key0[NCR_BLOWFISH_P],
                                  const uint32_t key1[NCR_BLOWFISH_P]);
/* And with a salt for each (bcrypt): what is encrypted next is XORed with the next two of its
 * words, over and over. */
void ncr_blowfish_expand2_salted_vartime(struct ncr_blowfish c[2],
                                         const uint32_t key0[NCR_BLOWFISH_P],
                                         const uint32_t key1[NCR_BLOWFISH_P],
                                         const uint32_t salt0[NCR_BLOWFISH_SALT],
                                         const uint32_t salt1[NCR_BLOWFISH_SALT]);

#endif
