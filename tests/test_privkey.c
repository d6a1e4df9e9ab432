/* SPDX-License-Identifier: ISC
 *
 * Private keys: seeds of others give their public halves, signatures verify under the row that
 * peers use, every failure leaves an empty key.
 */
#include "crypto/ct.h"
#include "proto/alg.h"
#include "proto/keys/nacre_keys.h"
#include "tests/rngs.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

/* What the operations work in. */
static uint64_t work[NACRE_WORK];

static const char alg_name[] = "ssh-ed25519";

Test(privkey, openssh_seeds)
{
    struct vec v;

    for (vec_open(&v, "keyfile_openssh.txt"); vec_next(&v);) {
        struct nacre_privkey k;
        struct nacre_bytes blob;

        nacre_privkey_from_seed(&k, vec_fixed(&v, "seed", NACRE_ED25519_SEED_LEN));
        blob = nacre_privkey_public_blob(&k);
        vec_expect(&v, "blob", blob.p, blob.n);
        nacre_privkey_wipe(&k);
    }
    vec_close(&v);
}

/* A signature blob is string name, string signature, and the signature RFC 8032's. */
Test(privkey, rfc8032_signatures)
{
    struct vec v;

    for (vec_open(&v, "ed25519_rfc8032.txt"); vec_next(&v);) {
        struct nacre_privkey k;
        uint8_t sig[NACRE_SIG_BLOB_MAX];
        size_t n;
        size_t n_data;
        struct nacre_bytes data = {vec_get(&v, "message", &n_data), 0};

        data.n = n_data;
        nacre_privkey_from_seed(&k, vec_fixed(&v, "seed", NACRE_ED25519_SEED_LEN));
        cr_assert_eq(nacre_privkey_sign(&k, nacre_bytes_str(alg_name), data, sig, sizeof sig, &n,
                                        NULL, work),
                     NACRE_OK);
        cr_assert_eq(n, 4 + 11 + 4 + NACRE_ED25519_SIG_LEN);
        cr_assert_arr_eq(sig, "\0\0\0\13ssh-ed25519\0\0\0\100", 19);
        vec_expect(&v, "signature", sig + 19, NACRE_ED25519_SIG_LEN);
        cr_assert_eq(ncr_sig_ed25519.verify(nacre_privkey_public_blob(&k), data,
                                            (struct nacre_bytes){sig, n}, work),
                     NACRE_OK);
    }
    vec_close(&v);
}

Test(privkey, generate)
{
    struct rng_count c = {0, 0};
    struct nacre_rng rng = {rng_count_fill, &c};
    struct nacre_privkey k;
    struct nacre_pubkey pub;

    cr_assert_eq(nacre_privkey_generate(&k, alg_name, 0, &rng, work), NACRE_OK);
    cr_assert_eq(nacre_pubkey_decode(&pub, nacre_privkey_public_blob(&k)), NACRE_OK);
    cr_assert(nacre_pubkey_trustworthy(&pub));
    cr_assert_str_eq(nacre_privkey_alg(&k, 0), alg_name);
    cr_assert_null(nacre_privkey_alg(&k, 1));
    cr_assert_eq(nacre_privkey_generate(&k, alg_name, 256, &rng, work), NACRE_OK);
    nacre_privkey_wipe(&k);
    cr_assert(all_zero(&k, sizeof k));
}

Test(privkey, s34_failing_randomness)
{
    struct rng_count c = {0, 1};
    struct nacre_rng rng = {rng_count_fill, &c};
    static const struct nacre_rng zeroed;
    struct nacre_privkey k;

    memset(&k, 0xa5, sizeof k);
    cr_assert_eq(nacre_privkey_generate(&k, alg_name, 0, &rng, work), NACRE_ERR_RNG);
    cr_assert(all_zero(&k, sizeof k));
    cr_assert_eq(nacre_privkey_generate(&k, alg_name, 0, &zeroed, work), NACRE_ERR_RNG);
    cr_assert(all_zero(&k, sizeof k));
}

Test(privkey, generate_refuses)
{
    struct nacre_privkey k;

    memset(&k, 0xa5, sizeof k);
    cr_assert_eq(nacre_privkey_generate(&k, "ssh-foo", 0, &nacre_rng_os, work),
                 NACRE_ERR_UNKNOWN_ALG);
    cr_assert(all_zero(&k, sizeof k));
    cr_assert_eq(nacre_privkey_generate(&k, alg_name, 2048, &nacre_rng_os, work), NACRE_ERR_USAGE);
    cr_assert(all_zero(&k, sizeof k));
}

Test(privkey, sign_refuses)
{
    static const char *const others[] = {"", "ssh-ed2551", "ssh-ed255199", "ssh-rsa",
                                         "rsa-sha2-256"};
    struct nacre_privkey k;
    uint8_t sig[128];
    size_t n = 5;

    cr_assert_eq(nacre_privkey_generate(&k, alg_name, 0, &nacre_rng_os, work), NACRE_OK);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        cr_assert_eq(nacre_privkey_sign(&k, nacre_bytes_str(others[i]), nacre_bytes_str("m"), sig,
                                        sizeof sig, &n, NULL, work),
                     NACRE_ERR_UNKNOWN_ALG);
        cr_assert_eq(n, 0);
    }
    for (size_t cap = 0; cap < 83; cap++) {
        cr_assert_eq(nacre_privkey_sign(&k, nacre_bytes_str(alg_name), nacre_bytes_str("m"), sig,
                                        cap, &n, NULL, work),
                     NACRE_ERR_NO_ROOM);
        cr_assert_eq(n, 0);
    }
    cr_assert_eq(nacre_privkey_sign(&k, nacre_bytes_str(alg_name), nacre_bytes_str("m"), sig, 83,
                                    &n, NULL, work),
                 NACRE_OK);
}

/* S46: a zeroed key is no key. */
Test(privkey, s46_empty_key)
{
    struct nacre_privkey k;
    uint8_t sig[128];
    size_t n;

    memset(&k, 0, sizeof k);
    cr_assert_eq(nacre_privkey_public_blob(&k).n, 0);
    cr_assert_null(nacre_privkey_alg(&k, 0));
    cr_assert_eq(nacre_privkey_sign(&k, nacre_bytes_str(alg_name), nacre_bytes_str("m"), sig,
                                    sizeof sig, &n, NULL, work),
                 NACRE_ERR_UNKNOWN_ALG);
}

/* For make ct: a key is marked secret where it is made and where it is read, and only signatures
 * and the written file are let out. */
Test(privkey, ct_from_making_to_reading)
{
    struct rng_count c = {0, 0};
    struct nacre_rng rng = {rng_count_fill, &c};
    struct nacre_bytes none = {NULL, 0};
    struct nacre_privkey k;
    struct nacre_privkey again;
    uint8_t file[NACRE_KEYFILE_TEXT_MAX];
    uint8_t scratch[NACRE_KEYFILE_TEXT_MAX];
    uint8_t sig[128];
    size_t n;

    cr_assert_eq(nacre_privkey_generate(&k, alg_name, 0, &rng, work), NACRE_OK);
    cr_assert_eq(nacre_privkey_sign(&k, nacre_bytes_str(alg_name), nacre_bytes_str("m"), sig,
                                    sizeof sig, &n, NULL, work),
                 NACRE_OK);
    cr_assert_eq(nacre_keyfile_write(file, sizeof file, &n, &k, none, NULL, &rng, work), NACRE_OK);
    NCR_CT_PUBLIC(file, sizeof file);
    cr_assert_eq(nacre_keyfile_read(&again, NULL, 0, (struct nacre_bytes){file, n}, none, scratch,
                                    sizeof scratch, NULL, work),
                 NACRE_OK);
    cr_assert_arr_eq(again.blob, k.blob, k.blob_len);
    nacre_privkey_wipe(&k);
    nacre_privkey_wipe(&again);
}
