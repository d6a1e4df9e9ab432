/* SPDX-License-Identifier: ISC
 *
 * AES on many blocks at a time: what the modes are built on. A batch costs the same however much of
 * it is used.
 */
#ifndef NCR_AES_H
#define NCR_AES_H

#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"

/* Blocks in a batch, and its bytes. */
enum { NCR_AES_BATCH = 16 * NCR_LANES64, NCR_AES_BATCH_LEN = NCR_AES_BATCH * NACRE_AES_BLOCK };

/* Encrypts or decrypts each block of the batch in its place; CT in key and blocks. */
void ncr_aes_encrypt_batch(uint8_t io[NCR_AES_BATCH_LEN], const struct nacre_aes *c);
void ncr_aes_decrypt_batch(uint8_t io[NCR_AES_BATCH_LEN], const struct nacre_aes *c);

#endif
