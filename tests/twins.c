/* SPDX-License-Identifier: ISC
 *
 * The ciphers and hashes as this build of the library has them, on four kinds of CPU: see twins.h.
 */
#include "tests/twins.h"

#include "crypto/cpu.h"

/* Allows these features to the calls that follow, of those allowed when the first twin was called.
 * Asking the CPU is slow, hence only if something changes. */
static void twins_use(uint32_t features)
{
    static uint32_t allowed, now;
    if (allowed == 0) {
        allowed = ncr_cpu() | NCR_CPU_KNOWN;
        now = allowed;
    }
    features = (features | NCR_CPU_KNOWN) & allowed;
    if (features != now) {
        ncr_cpu_restrict(features);
        now = features;
    }
}

/* The public functions, with these features in use. */
#define TWINS_FORM(form, features)                                                                 \
    static void form##_chacha20_xor(uint8_t *out, const uint8_t *in, size_t n, const uint8_t *key, \
                                    const uint8_t *nonce, uint64_t counter)                        \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_chacha20_xor(out, in, n, key, nonce, counter);                                       \
    }                                                                                              \
    static void form##_poly1305_init(struct nacre_poly1305 *c, const uint8_t *key)                 \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_poly1305_init(c, key);                                                               \
    }                                                                                              \
    static void form##_poly1305_update(struct nacre_poly1305 *c, const uint8_t *m, size_t n)       \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_poly1305_update(c, m, n);                                                            \
    }                                                                                              \
    static void form##_poly1305_final(uint8_t *tag, struct nacre_poly1305 *c)                      \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_poly1305_final(tag, c);                                                              \
    }                                                                                              \
    static bool form##_aes_init(struct nacre_aes *c, const uint8_t *key, size_t n)                 \
    {                                                                                              \
        twins_use(features);                                                                       \
        return nacre_aes_init(c, key, n);                                                          \
    }                                                                                              \
    static void form##_aes_encrypt_block(uint8_t *out, const struct nacre_aes *c,                  \
                                         const uint8_t *in)                                        \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_aes_encrypt_block(out, c, in);                                                       \
    }                                                                                              \
    static void form##_aes_decrypt_block(uint8_t *out, const struct nacre_aes *c,                  \
                                         const uint8_t *in)                                        \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_aes_decrypt_block(out, c, in);                                                       \
    }                                                                                              \
    static bool form##_aes_ctr_init(struct nacre_aes_ctr *c, const uint8_t *key, size_t n,         \
                                    const uint8_t *iv)                                             \
    {                                                                                              \
        twins_use(features);                                                                       \
        return nacre_aes_ctr_init(c, key, n, iv);                                                  \
    }                                                                                              \
    static void form##_aes_ctr_xor(uint8_t *out, struct nacre_aes_ctr *c, const uint8_t *in,       \
                                   size_t n)                                                       \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_aes_ctr_xor(out, c, in, n);                                                          \
    }                                                                                              \
    static bool form##_aes_cbc_init(struct nacre_aes_cbc *c, const uint8_t *key, size_t n,         \
                                    const uint8_t *iv)                                             \
    {                                                                                              \
        twins_use(features);                                                                       \
        return nacre_aes_cbc_init(c, key, n, iv);                                                  \
    }                                                                                              \
    static void form##_aes_cbc_encrypt(uint8_t *out, struct nacre_aes_cbc *c, const uint8_t *in,   \
                                       size_t n)                                                   \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_aes_cbc_encrypt(out, c, in, n);                                                      \
    }                                                                                              \
    static void form##_aes_cbc_decrypt(uint8_t *out, struct nacre_aes_cbc *c, const uint8_t *in,   \
                                       size_t n)                                                   \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_aes_cbc_decrypt(out, c, in, n);                                                      \
    }                                                                                              \
    static bool form##_gcm_init(struct nacre_gcm *c, const uint8_t *key, size_t n)                 \
    {                                                                                              \
        twins_use(features);                                                                       \
        return nacre_gcm_init(c, key, n);                                                          \
    }                                                                                              \
    static void form##_gcm_seal(uint8_t *out, uint8_t *tag, const struct nacre_gcm *c,             \
                                const uint8_t *iv, const uint8_t *aad, size_t aad_len,             \
                                const uint8_t *in, size_t n)                                       \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_gcm_seal(out, tag, c, iv, aad, aad_len, in, n);                                      \
    }                                                                                              \
    static bool form##_gcm_open(uint8_t *out, const struct nacre_gcm *c, const uint8_t *iv,        \
                                const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t n,   \
                                const uint8_t *tag)                                                \
    {                                                                                              \
        twins_use(features);                                                                       \
        return nacre_gcm_open(out, c, iv, aad, aad_len, in, n, tag);                               \
    }                                                                                              \
    static void form##_umac_init(struct nacre_umac *c, size_t tag_len, const uint8_t *key)         \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_umac_init(c, tag_len, key);                                                          \
    }                                                                                              \
    static void form##_umac_update(struct nacre_umac *c, const uint8_t *m, size_t n)               \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_umac_update(c, m, n);                                                                \
    }                                                                                              \
    static void form##_umac_final(uint8_t *tag, struct nacre_umac *c, const uint8_t *nonce)        \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_umac_final(tag, c, nonce);                                                           \
    }                                                                                              \
    static void form##_sha1_init(struct nacre_sha1 *c)                                             \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_sha1_init(c);                                                                        \
    }                                                                                              \
    static void form##_sha1_update(struct nacre_sha1 *c, const uint8_t *m, size_t n)               \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_sha1_update(c, m, n);                                                                \
    }                                                                                              \
    static void form##_sha1_final(uint8_t *out, struct nacre_sha1 *c)                              \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_sha1_final(out, c);                                                                  \
    }                                                                                              \
    static void form##_sha256_init(struct nacre_sha256 *c)                                         \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_sha256_init(c);                                                                      \
    }                                                                                              \
    static void form##_sha256_update(struct nacre_sha256 *c, const uint8_t *m, size_t n)           \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_sha256_update(c, m, n);                                                              \
    }                                                                                              \
    static void form##_sha256_final(uint8_t *out, struct nacre_sha256 *c)                          \
    {                                                                                              \
        twins_use(features);                                                                       \
        nacre_sha256_final(out, c);                                                                \
    }                                                                                              \
    const struct twin twin_##form = {                                                              \
        .name = #form,                                                                             \
        .chacha20_xor = form##_chacha20_xor,                                                       \
        .poly1305_init = form##_poly1305_init,                                                     \
        .poly1305_update = form##_poly1305_update,                                                 \
        .poly1305_final = form##_poly1305_final,                                                   \
        .aes_init = form##_aes_init,                                                               \
        .aes_encrypt_block = form##_aes_encrypt_block,                                             \
        .aes_decrypt_block = form##_aes_decrypt_block,                                             \
        .aes_ctr_init = form##_aes_ctr_init,                                                       \
        .aes_ctr_xor = form##_aes_ctr_xor,                                                         \
        .aes_cbc_init = form##_aes_cbc_init,                                                       \
        .aes_cbc_encrypt = form##_aes_cbc_encrypt,                                                 \
        .aes_cbc_decrypt = form##_aes_cbc_decrypt,                                                 \
        .gcm_init = form##_gcm_init,                                                               \
        .gcm_seal = form##_gcm_seal,                                                               \
        .gcm_open = form##_gcm_open,                                                               \
        .umac_init = form##_umac_init,                                                             \
        .umac_update = form##_umac_update,                                                         \
        .umac_final = form##_umac_final,                                                           \
        .sha1_init = form##_sha1_init,                                                             \
        .sha1_update = form##_sha1_update,                                                         \
        .sha1_final = form##_sha1_final,                                                           \
        .sha256_init = form##_sha256_init,                                                         \
        .sha256_update = form##_sha256_update,                                                     \
        .sha256_final = form##_sha256_final,                                                       \
    }

TWINS_FORM(default, NCR_CPU_ALL);
TWINS_FORM(vaes256, NCR_CPU_AVX2 | NCR_CPU_AES | NCR_CPU_SHA | NCR_CPU_VAES256);
TWINS_FORM(avx2, NCR_CPU_AVX2 | NCR_CPU_AES | NCR_CPU_SHA);
TWINS_FORM(baseline, 0);
