/* SPDX-License-Identifier: ISC
 *
 * The forms in which the ciphers and hashes exist, so that each is put through the same tests: with
 * all fast twins that this CPU has, with those that need no AVX-512, with those that need no VAES
 * either, with none, and compiled without vectors and 128-bit integers, as other machines get it. A
 * form that the CPU lacks is the next one down: test_twins.c reports those.
 */
#ifndef NACRE_TESTS_TWINS_H
#define NACRE_TESTS_TWINS_H

#include "crypto/nacre_crypto.h"

struct twin {
    const char *name;
    void (*chacha20_xor)(uint8_t *out, const uint8_t *in, size_t n, const uint8_t *key,
                         const uint8_t *nonce, uint64_t counter);
    void (*poly1305_init)(struct nacre_poly1305 *c, const uint8_t *key);
    void (*poly1305_update)(struct nacre_poly1305 *c, const uint8_t *m, size_t n);
    void (*poly1305_final)(uint8_t *tag, struct nacre_poly1305 *c);
    bool (*aes_init)(struct nacre_aes *c, const uint8_t *key, size_t n);
    void (*aes_encrypt_block)(uint8_t *out, const struct nacre_aes *c, const uint8_t *in);
    void (*aes_decrypt_block)(uint8_t *out, const struct nacre_aes *c, const uint8_t *in);
    bool (*aes_ctr_init)(struct nacre_aes_ctr *c, const uint8_t *key, size_t n, const uint8_t *iv);
    void (*aes_ctr_xor)(uint8_t *out, struct nacre_aes_ctr *c, const uint8_t *in, size_t n);
    bool (*aes_cbc_init)(struct nacre_aes_cbc *c, const uint8_t *key, size_t n, const uint8_t *iv);
    void (*aes_cbc_encrypt)(uint8_t *out, struct nacre_aes_cbc *c, const uint8_t *in, size_t n);
    void (*aes_cbc_decrypt)(uint8_t *out, struct nacre_aes_cbc *c, const uint8_t *in, size_t n);
    bool (*gcm_init)(struct nacre_gcm *c, const uint8_t *key, size_t n);
    void (*gcm_seal)(uint8_t *out, uint8_t *tag, const struct nacre_gcm *c, const uint8_t *iv,
                     const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t n);
    bool (*gcm_open)(uint8_t *out, const struct nacre_gcm *c, const uint8_t *iv, const uint8_t *aad,
                     size_t aad_len, const uint8_t *in, size_t n, const uint8_t *tag);
    void (*umac_init)(struct nacre_umac *c, size_t tag_len, const uint8_t *key);
    void (*umac_update)(struct nacre_umac *c, const uint8_t *m, size_t n);
    void (*umac_final)(uint8_t *tag, struct nacre_umac *c, const uint8_t *nonce);
    void (*sha1_init)(struct nacre_sha1 *c);
    void (*sha1_update)(struct nacre_sha1 *c, const uint8_t *m, size_t n);
    void (*sha1_final)(uint8_t *out, struct nacre_sha1 *c);
    void (*sha256_init)(struct nacre_sha256 *c);
    void (*sha256_update)(struct nacre_sha256 *c, const uint8_t *m, size_t n);
    void (*sha256_final)(uint8_t *out, struct nacre_sha256 *c);
};

extern const struct twin twin_default;  /* all that this build and CPU have */
extern const struct twin twin_vaes256;  /* without AVX-512 */
extern const struct twin twin_avx2;     /* nor VAES */
extern const struct twin twin_baseline; /* what every CPU of this build has */
extern const struct twin twin_portable; /* twins_portable.c */

enum { TWINS = 5 };
static const struct twin *const twins[TWINS] = {&twin_default, &twin_vaes256, &twin_avx2,
                                                &twin_baseline, &twin_portable};

#endif
