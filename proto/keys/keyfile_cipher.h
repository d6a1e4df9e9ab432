/* SPDX-License-Identifier: ISC
 *
 * Ciphers of encrypted key files as rows: see keyfile_cipher.c.
 */
#ifndef NCR_KEYFILE_CIPHER_H
#define NCR_KEYFILE_CIPHER_H

#include "proto/nacre.h"

#define NCR_KEYFILE_KEY_MAX 64
#define NCR_KEYFILE_IV_MAX 16
#define NCR_KEYFILE_TAG_LEN 16

struct ncr_keyfile_cipher {
    const char *name; /* as on the wire */
    size_t key_len, iv_len;
    size_t block;   /* the section is a multiple of it */
    size_t tag_len; /* behind the section; 0: nothing authenticates */
    /* In place, n a multiple of block. decrypt is false, and p wiped, if the tag behind is
     * wrong. */
    void (*encrypt)(uint8_t *p, size_t n, const uint8_t *key, size_t key_len, const uint8_t *iv);
    bool (*decrypt)(uint8_t *p, size_t n, const uint8_t *key, size_t key_len, const uint8_t *iv);
};

/* NULL: not there. */
const struct ncr_keyfile_cipher *ncr_keyfile_cipher(struct nacre_bytes name);

#endif
