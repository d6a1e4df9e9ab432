/* SPDX-License-Identifier: ISC
 *
 * A piece of no bytes may be at NULL: what nacre_crypto.h promises for every function that takes
 * pieces. The answers are those of an empty piece at a place, and make asan finds none that is
 * copied, compared or counted from.
 */
#include "crypto/nacre_crypto.h"

#include <criterion/criterion.h>
#include <string.h>

static uint64_t empty_work[NACRE_RSA_WORK(NACRE_RSA_BITS_MAX)];
static const uint8_t empty_place[1] = {0x5a}, empty_key[64] = {1, 2, 3};
static const uint8_t *const empty_at[2] = {empty_place, NULL};

Test(empty, hashes)
{
    static const struct nacre_hash *const rows[] = {&nacre_hash_md5, &nacre_hash_sha1,
                                                    &nacre_hash_sha256, &nacre_hash_sha384,
                                                    &nacre_hash_sha512};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t out[2][3][NACRE_HASH_MAX_LEN] = {{{0}}};
        for (size_t k = 0; k < 2; k++) {
            union nacre_hash_ctx c;
            struct nacre_hmac m;
            rows[i]->init(&c);
            rows[i]->update(&c, empty_at[k], 0);
            rows[i]->final(out[k][0], &c);
            nacre_hmac_init(&m, rows[i], empty_at[k], 0);
            nacre_hmac_update(&m, empty_at[k], 0);
            nacre_hmac_final(out[k][1], &m);
            cr_assert(nacre_pbkdf2(out[k][2], 20, rows[i], empty_at[k], 0, empty_at[k], 0, 1));
        }
        cr_assert_arr_eq(out[0], out[1], sizeof out[0], "%s", rows[i]->name);
    }
}

Test(empty, other_hashes)
{
    uint8_t out[2][4][32] = {{{0}}};
    for (size_t k = 0; k < 2; k++) {
        static struct nacre_umac u;
        struct nacre_keccak c;
        struct nacre_blake2b b;
        nacre_sha3_256_init(&c);
        nacre_sha3_update(&c, empty_at[k], 0);
        nacre_sha3_final(out[k][0], &c);
        nacre_shake128_init(&c);
        nacre_shake_absorb(&c, empty_at[k], 0);
        nacre_shake_squeeze(NULL, &c, 0);
        nacre_shake_squeeze(out[k][1], &c, 32);
        cr_assert(nacre_blake2b_init(&b, 32, empty_at[k], 0));
        nacre_blake2b_update(&b, empty_at[k], 0);
        nacre_blake2b_final(out[k][2], &b);
        nacre_umac_init(&u, 8, empty_key);
        nacre_umac_update(&u, empty_at[k], 0);
        nacre_umac_final(out[k][3], &u, empty_key);
    }
    cr_assert_arr_eq(out[0], out[1], sizeof out[0]);
}

Test(empty, ciphers)
{
    uint8_t tag[2][2][16];
    for (size_t k = 0; k < 2; k++) {
        struct nacre_aes_ctr ctr;
        struct nacre_aes_cbc cbc;
        struct nacre_gcm gcm;
        struct nacre_poly1305 p;
        nacre_chacha20_xor(NULL, empty_at[k], 0, empty_key, empty_key, 1);
        cr_assert(nacre_aes_ctr_init(&ctr, empty_key, 16, empty_key));
        nacre_aes_ctr_xor(NULL, &ctr, empty_at[k], 0);
        cr_assert(nacre_aes_cbc_init(&cbc, empty_key, 16, empty_key));
        nacre_aes_cbc_encrypt(NULL, &cbc, empty_at[k], 0);
        nacre_aes_cbc_decrypt(NULL, &cbc, empty_at[k], 0);
        cr_assert(nacre_gcm_init(&gcm, empty_key, 32));
        nacre_gcm_seal(NULL, tag[k][0], &gcm, empty_key, empty_at[k], 0, empty_at[k], 0);
        cr_assert(nacre_gcm_open(NULL, &gcm, empty_key, empty_at[k], 0, empty_at[k], 0, tag[k][0]));
        nacre_poly1305_init(&p, empty_key);
        nacre_poly1305_update(&p, empty_at[k], 0);
        nacre_poly1305_final(tag[k][1], &p);
    }
    cr_assert_arr_eq(tag[0], tag[1], sizeof tag[0]);
}

Test(empty, signed_messages)
{
    static uint8_t pk[NACRE_MLDSA44_ED25519_PK_LEN], sig[2][NACRE_MLDSA44_ED25519_SIG_LEN];
    struct nacre_ed25519_key e;
    uint8_t point[65], r[32], s[32];
    nacre_ed25519_key_init(&e, empty_key);
    cr_assert(nacre_ec_public(point, &nacre_p256, empty_key, empty_work));
    nacre_mldsa44_ed25519_keygen(pk, empty_key, empty_work);
    for (size_t k = 0; k < 2; k++) {
        const struct nacre_num nr = {r, sizeof r}, ns = {s, sizeof s};
        const uint8_t *const none = empty_at[k];
        nacre_ed25519_sign(sig[k], &e, none, 0);
        cr_assert(nacre_ed25519_verify_vartime(e.pub, none, 0, sig[k]));
        cr_assert(nacre_ecdsa_sign(r, s, &nacre_p256, &nacre_hash_sha256, empty_key, none, 0,
                                   empty_work));
        cr_assert(nacre_ecdsa_verify_vartime(&nacre_p256, &nacre_hash_sha256, point, sizeof point,
                                             none, 0, nr, ns, empty_work));
        cr_assert(
            nacre_mldsa44_ed25519_sign(sig[k], empty_key, none, 0, empty_key, none, 0, empty_work));
        cr_assert(nacre_mldsa44_ed25519_verify_vartime(pk, none, 0, none, 0, sig[k], empty_work));
    }
    cr_assert_arr_eq(sig[0], sig[1], sizeof sig[0]);
}

Test(empty, numbers)
{
    static const uint8_t five = 5;
    const struct nacre_num m = {&five, 1}, none = {NULL, 0};
    const struct nacre_rsa_key key = {none, none, none, none, none, none};
    uint8_t out[NACRE_RSA_LEN_MAX];
    cr_assert(nacre_modexp(out, none, none, m, empty_work));
    cr_assert_eq(out[0], 1);
    cr_assert_not(nacre_modexp(out, m, m, none, empty_work));
    cr_assert_not(nacre_ec_check_vartime(&nacre_p256, NULL, 0));
    cr_assert_not(nacre_ecdsa_verify_vartime(&nacre_p256, &nacre_hash_sha256, NULL, 0, NULL, 0,
                                             none, none, empty_work));
    cr_assert_not(
        nacre_rsa_verify_vartime(&nacre_hash_sha256, none, none, NULL, 0, none, empty_work));
    cr_assert_not(nacre_rsa_key_ok(&key, empty_work));
    cr_assert_not(
        nacre_rsa_sign(out, &nacre_hash_sha256, &key, NULL, 0, &nacre_rng_os, empty_work));
}

Test(empty, the_rest)
{
    static struct nacre_inflate in;
    static struct nacre_deflate de;
    uint8_t out[64];
    size_t n, used;
    nacre_wipe(NULL, 0);
    cr_assert(nacre_ct_eq(NULL, NULL, 0));
    cr_assert(nacre_rng_fill(&nacre_rng_os, NULL, 0));
    nacre_pem_kdf(NULL, 0, NULL, 0, empty_key);
    nacre_pem_kdf(out, sizeof out, NULL, 0, empty_key);
    cr_assert_not(nacre_bcrypt_pbkdf(out, 32, NULL, 0, NULL, 0, 1, empty_work));
    nacre_inflate_init(&in, false);
    cr_assert_eq(nacre_inflate(&in, NULL, 0, &n, NULL, 0, &used), NACRE_INFLATE_MORE);
    nacre_deflate_init(&de, 6);
    cr_assert_gt(nacre_deflate(&de, out, sizeof out, NULL, 0), 0);
}
