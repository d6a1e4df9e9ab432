/* SPDX-License-Identifier: ISC
 *
 * The ciphers that OpenSSH's key files are encrypted with: those of its packets, each over one
 * section with a key and an IV out of the key derivation. AES-GCM has no associated data;
 * chacha20-poly1305 has sequence number 0, no length field, and a second half of its key that
 * nothing uses; both have a tag behind the section.
 */
#include "proto/keys/keyfile_cipher.h"

#include <string.h>

static void keyfile_ctr(uint8_t *p, size_t n, const uint8_t *key, size_t key_len, const uint8_t *iv)
{
    struct nacre_aes_ctr c;

    if (nacre_aes_ctr_init(&c, key, key_len, iv))
        nacre_aes_ctr_xor(p, &c, p, n);
    nacre_wipe(&c, sizeof c);
}

static bool keyfile_ctr_open(uint8_t *p, size_t n, const uint8_t *key, size_t key_len,
                             const uint8_t *iv)
{
    keyfile_ctr(p, n, key, key_len, iv);
    return true;
}

static void keyfile_cbc(uint8_t *p, size_t n, const uint8_t *key, size_t key_len, const uint8_t *iv)
{
    struct nacre_aes_cbc c;

    if (nacre_aes_cbc_init(&c, key, key_len, iv))
        nacre_aes_cbc_encrypt(p, &c, p, n);
    nacre_wipe(&c, sizeof c);
}

static bool keyfile_cbc_open(uint8_t *p, size_t n, const uint8_t *key, size_t key_len,
                             const uint8_t *iv)
{
    struct nacre_aes_cbc c;

    if (nacre_aes_cbc_init(&c, key, key_len, iv))
        nacre_aes_cbc_decrypt(p, &c, p, n);
    nacre_wipe(&c, sizeof c);
    return true;
}

static void keyfile_gcm(uint8_t *p, size_t n, const uint8_t *key, size_t key_len, const uint8_t *iv)
{
    struct nacre_gcm c;

    if (nacre_gcm_init(&c, key, key_len))
        nacre_gcm_seal(p, p + n, &c, iv, NULL, 0, p, n);
    nacre_wipe(&c, sizeof c);
}

static bool keyfile_gcm_open(uint8_t *p, size_t n, const uint8_t *key, size_t key_len,
                             const uint8_t *iv)
{
    struct nacre_gcm c;
    bool good = nacre_gcm_init(&c, key, key_len) && nacre_gcm_open(p, &c, iv, NULL, 0, p, n, p + n);

    nacre_wipe(&c, sizeof c);
    return good;
}

static void keyfile_chapoly_tag(uint8_t tag[NACRE_POLY1305_LEN], const uint8_t *p, size_t n,
                                const uint8_t *key)
{
    static const uint8_t nonce[NACRE_CHACHA20_NONCE_LEN];
    uint8_t once[NACRE_POLY1305_KEY_LEN] = {0};
    struct nacre_poly1305 poly;

    nacre_chacha20_xor(once, once, sizeof once, key, nonce, 0);
    nacre_poly1305_init(&poly, once);
    nacre_poly1305_update(&poly, p, n);
    nacre_poly1305_final(tag, &poly);
    nacre_wipe(once, sizeof once);
}

static void keyfile_chapoly(uint8_t *p, size_t n, const uint8_t *key, size_t key_len,
                            const uint8_t *iv)
{
    static const uint8_t nonce[NACRE_CHACHA20_NONCE_LEN];

    (void)key_len; /* one length, no IV */
    (void)iv;
    nacre_chacha20_xor(p, p, n, key, nonce, 1);
    keyfile_chapoly_tag(p + n, p, n, key);
}

static bool keyfile_chapoly_open(uint8_t *p, size_t n, const uint8_t *key, size_t key_len,
                                 const uint8_t *iv)
{
    static const uint8_t nonce[NACRE_CHACHA20_NONCE_LEN];
    uint8_t tag[NACRE_POLY1305_LEN];
    bool good;

    (void)key_len;
    (void)iv;
    keyfile_chapoly_tag(tag, p, n, key);
    good = nacre_ct_eq(tag, p + n, sizeof tag);
    nacre_wipe(tag, sizeof tag);
    if (good)
        nacre_chacha20_xor(p, p, n, key, nonce, 1);
    else
        nacre_wipe(p, n);
    return good;
}

static const struct ncr_keyfile_cipher keyfile_ciphers[] = {
    {"aes256-ctr", 32, 16, 16, 0, keyfile_ctr, keyfile_ctr_open},
    {"aes192-ctr", 24, 16, 16, 0, keyfile_ctr, keyfile_ctr_open},
    {"aes128-ctr", 16, 16, 16, 0, keyfile_ctr, keyfile_ctr_open},
    {"aes256-cbc", 32, 16, 16, 0, keyfile_cbc, keyfile_cbc_open},
    {"aes192-cbc", 24, 16, 16, 0, keyfile_cbc, keyfile_cbc_open},
    {"aes128-cbc", 16, 16, 16, 0, keyfile_cbc, keyfile_cbc_open},
    {"aes256-gcm@openssh.com", 32, 12, 16, NACRE_GCM_TAG_LEN, keyfile_gcm, keyfile_gcm_open},
    {"aes128-gcm@openssh.com", 16, 12, 16, NACRE_GCM_TAG_LEN, keyfile_gcm, keyfile_gcm_open},
    {"chacha20-poly1305@openssh.com", 64, 0, 8, NACRE_POLY1305_LEN, keyfile_chapoly,
     keyfile_chapoly_open},
};

const struct ncr_keyfile_cipher *ncr_keyfile_cipher(struct nacre_bytes name)
{
    size_t i;

    for (i = 0; i < sizeof keyfile_ciphers / sizeof keyfile_ciphers[0]; i++)
        if (nacre_bytes_is(name, keyfile_ciphers[i].name))
            return &keyfile_ciphers[i];
    return NULL;
}
