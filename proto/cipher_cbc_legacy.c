/* SPDX-License-Identifier: ISC
 *
 * CBC cipher rows for peers that know nothing newer: aes128-cbc, aes192-cbc, aes256-cbc and
 * 3des-cbc (RFC 4253 section 6.3). The chain runs on through all packets: the last block of
 * ciphertext is the next packet's IV. What their use with encrypt-and-MAC could tell is dealt with
 * in pkt.c.
 */
#include "proto/alg.h"

static void cipher_cbc_load_aes(struct ncr_dir *d, const uint8_t *key, const uint8_t *iv)
{
    /* Cannot fail: the rows below have the three key lengths of AES. */
    bool ok = nacre_aes_cbc_init(&d->key.cbc, key, d->cipher->key_len, iv);

    (void)ok;
}

static void cipher_cbc_encrypt_aes(struct ncr_dir *d, uint8_t *p, size_t n)
{
    nacre_aes_cbc_encrypt(p, &d->key.cbc, p, n);
}

static void cipher_cbc_decrypt_aes(struct ncr_dir *d, uint8_t *p, size_t n)
{
    nacre_aes_cbc_decrypt(p, &d->key.cbc, p, n);
}

/* FIPS 197 5: the key length in words, and 6. */
static bool cipher_cbc_sound_aes(const struct ncr_dir *d)
{
    return d->key.cbc.aes.rounds == d->cipher->key_len / 4 + 6;
}

static void cipher_cbc_load_3des(struct ncr_dir *d, const uint8_t *key, const uint8_t *iv)
{
    nacre_des3_cbc_init(&d->key.des3, key, iv);
}

static void cipher_cbc_encrypt_3des(struct ncr_dir *d, uint8_t *p, size_t n)
{
    nacre_des3_cbc_encrypt(p, &d->key.des3, p, n);
}

static void cipher_cbc_decrypt_3des(struct ncr_dir *d, uint8_t *p, size_t n)
{
    nacre_des3_cbc_decrypt(p, &d->key.des3, p, n);
}

#define CIPHER_CBC_AES(bits)                                                                       \
    {                                                                                              \
        .name = "aes" #bits "-cbc", .grade = NCR_GRADE_LEGACY, .key_len = (bits) / 8,              \
        .iv_len = NACRE_AES_BLOCK, .block = NACRE_AES_BLOCK, .load = cipher_cbc_load_aes,          \
        .encrypt = cipher_cbc_encrypt_aes, .decrypt = cipher_cbc_decrypt_aes, .cbc = true,         \
        .sound = cipher_cbc_sound_aes                                                              \
    }

const struct ncr_cipher ncr_cipher_aes128_cbc = CIPHER_CBC_AES(128);
const struct ncr_cipher ncr_cipher_aes192_cbc = CIPHER_CBC_AES(192);
const struct ncr_cipher ncr_cipher_aes256_cbc = CIPHER_CBC_AES(256);
const struct ncr_cipher ncr_cipher_3des_cbc = {
    .name = "3des-cbc",
    .grade = NCR_GRADE_LEGACY,
    .key_len = NACRE_DES3_KEY_LEN,
    .iv_len = NACRE_DES3_BLOCK,
    .block = NACRE_DES3_BLOCK,
    .load = cipher_cbc_load_3des,
    .encrypt = cipher_cbc_encrypt_3des,
    .decrypt = cipher_cbc_decrypt_3des,
    .cbc = true,
};
