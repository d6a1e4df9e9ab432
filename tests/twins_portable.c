/* SPDX-License-Identifier: ISC
 *
 * The ciphers and hashes compiled a second time, as for a machine without fast twins, vectors and
 * 128-bit integers, under names of their own: see twins.h.
 */
#ifndef NACRE_PORTABLE
#define NACRE_PORTABLE
#endif
#define NCR_NO_INT128
#define NCR_NO_VECTORS
#define nacre_chacha20_xor portable_chacha20_xor
#define nacre_poly1305_init portable_poly1305_init
#define nacre_poly1305_update portable_poly1305_update
#define nacre_poly1305_final portable_poly1305_final
#define nacre_aes_init portable_aes_init
#define nacre_aes_encrypt_block portable_aes_encrypt_block
#define nacre_aes_decrypt_block portable_aes_decrypt_block
#define nacre_aes_ctr_init portable_aes_ctr_init
#define nacre_aes_ctr_xor portable_aes_ctr_xor
#define nacre_aes_cbc_init portable_aes_cbc_init
#define nacre_aes_cbc_encrypt portable_aes_cbc_encrypt
#define nacre_aes_cbc_decrypt portable_aes_cbc_decrypt
#define nacre_gcm_init portable_gcm_init
#define nacre_gcm_seal portable_gcm_seal
#define nacre_gcm_open portable_gcm_open
#define nacre_umac_init portable_umac_init
#define nacre_umac_update portable_umac_update
#define nacre_umac_final portable_umac_final
#define nacre_sha1_init portable_sha1_init
#define nacre_sha1_update portable_sha1_update
#define nacre_sha1_final portable_sha1_final
#define nacre_hash_sha1 portable_hash_sha1
#define nacre_sha256_init portable_sha256_init
#define nacre_sha256_update portable_sha256_update
#define nacre_sha256_final portable_sha256_final
#define nacre_sha384_init portable_sha384_init
#define nacre_sha384_final portable_sha384_final
#define nacre_sha512_init portable_sha512_init
#define nacre_sha512_update portable_sha512_update
#define nacre_sha512_final portable_sha512_final
#define nacre_hash_sha256 portable_hash_sha256
#define nacre_hash_sha384 portable_hash_sha384
#define nacre_hash_sha512 portable_hash_sha512
#define ncr_sha256_k portable_sha256_k
#define ncr_aes_encrypt_batch portable_aes_encrypt_batch
#define ncr_aes_decrypt_batch portable_aes_decrypt_batch

#include "crypto/aes.c"
#include "crypto/aes_cbc.c"
#include "crypto/aes_ctr.c"
#include "crypto/chacha20.c"
#include "crypto/gcm.c"
#include "crypto/poly1305.c"
#include "crypto/sha1.c"
#include "crypto/sha2.c"
#include "crypto/umac.c"
#include "tests/twins.h"

const struct twin twin_portable = {
    .name = "portable",
    .chacha20_xor = nacre_chacha20_xor,
    .poly1305_init = nacre_poly1305_init,
    .poly1305_update = nacre_poly1305_update,
    .poly1305_final = nacre_poly1305_final,
    .aes_init = nacre_aes_init,
    .aes_encrypt_block = nacre_aes_encrypt_block,
    .aes_decrypt_block = nacre_aes_decrypt_block,
    .aes_ctr_init = nacre_aes_ctr_init,
    .aes_ctr_xor = nacre_aes_ctr_xor,
    .aes_cbc_init = nacre_aes_cbc_init,
    .aes_cbc_encrypt = nacre_aes_cbc_encrypt,
    .aes_cbc_decrypt = nacre_aes_cbc_decrypt,
    .gcm_init = nacre_gcm_init,
    .gcm_seal = nacre_gcm_seal,
    .gcm_open = nacre_gcm_open,
    .umac_init = nacre_umac_init,
    .umac_update = nacre_umac_update,
    .umac_final = nacre_umac_final,
    .sha1_init = nacre_sha1_init,
    .sha1_update = nacre_sha1_update,
    .sha1_final = nacre_sha1_final,
    .sha256_init = nacre_sha256_init,
    .sha256_update = nacre_sha256_update,
    .sha256_final = nacre_sha256_final,
};
