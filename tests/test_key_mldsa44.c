/* SPDX-License-Identifier: ISC
 *
 * The key type ssh-mldsa44-ed25519: files, blobs, fingerprints and pictures of OpenSSH's
 * ssh-keygen; keys made, written, read and signed with; s20 and s92 (damage, halves that do not
 * belong together), s34 (each random number failing).
 */
#include "crypto/ct.h"
#include "crypto/load.h"
#include "proto/alg.h"
#include "proto/keys/nacre_keys.h"
#include "proto/keys/pem.h"
#include "proto/limits.h"
#include "tests/rngs.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define LABEL "OPENSSH PRIVATE KEY"
enum { FILE_MAX = 6000, BLOB_LEN = 4 + 19 + 4 + 1344, SIG_LEN = 4 + 19 + 4 + 2484 };
/* Places in the binary form of a file without a passphrase. */
enum { OUTSIDE_AT = 43, CHECK_AT = OUTSIDE_AT + BLOB_LEN + 4, INSIDE_AT = CHECK_AT + 8 };
enum { SEED_AT = INSIDE_AT + BLOB_LEN + 4, COMMENT_AT = SEED_AT + 64 };

static uint64_t work[NACRE_WORK];
static const char alg_name[] = "ssh-mldsa44-ed25519";
static const struct nacre_bytes none;

/* Reads a copy of exactly that size. */
static nacre_err read_exact(struct nacre_privkey *k, char *comment, const uint8_t *file, size_t n)
{
    uint8_t *copy = malloc(n + 1);
    uint8_t *scratch = malloc(n + 1);
    nacre_err err;

    cr_assert(copy != NULL && scratch != NULL);
    memcpy(copy, file, n);
    err = nacre_keyfile_read(k, comment, 64, (struct nacre_bytes){copy, n}, none, scratch, n, NULL,
                             work);
    cr_assert(err == NACRE_OK || all_zero(k, sizeof *k));
    free(copy);
    free(scratch);
    return err;
}

static nacre_err read_binary(const uint8_t *bin, size_t n)
{
    uint8_t text[2 * FILE_MAX];
    struct nacre_privkey k;
    char comment[64];

    cr_assert_eq(ncr_pem_encode(memcpy(text, bin, n), sizeof text, &n, LABEL, 70), NACRE_OK);
    return read_exact(&k, comment, text, n);
}

/* ---- OpenSSH's ---- */

Test(key_mldsa44, files_of_openssh)
{
    struct vec v;

    for (vec_open(&v, "ssh_mldsa44_openssh.txt"); vec_next(&v);) {
        size_t n;
        const uint8_t *file = vec_get(&v, "file", &n);
        struct nacre_privkey k;
        char comment[64];
        uint8_t bin[FILE_MAX], out[NACRE_KEYFILE_TEXT_MAX];
        size_t n_bin;
        const char *what;
        struct nacre_rng rng = {rng_given_fill, bin + CHECK_AT};

        cr_assert_eq(read_exact(&k, comment, file, n), NACRE_OK);
        vec_expect(&v, "comment", (uint8_t *)comment, strlen(comment));
        vec_expect(&v, "blob", k.blob, k.blob_len);
        vec_expect(&v, "seed", k.secret.mldsa44_ed25519.seed, 64);
        /* and written again, with the same check value */
        cr_assert_eq(
            ncr_pem_decode(bin, sizeof bin, &n_bin, (struct nacre_bytes){file, n}, LABEL, &what),
            NACRE_OK);
        cr_assert_eq(nacre_keyfile_write(out, sizeof out, &n, &k, nacre_bytes_str(comment), NULL,
                                         &rng, work),
                     NACRE_OK);
        vec_expect(&v, "file", out, n);
    }
    vec_close(&v);
}

Test(key_mldsa44, fingerprints_and_pictures_of_openssh)
{
    struct vec v;

    for (vec_open(&v, "ssh_mldsa44_openssh.txt"); vec_next(&v);) {
        struct nacre_bytes blob;
        struct nacre_pubkey k;
        char fp[NACRE_FINGERPRINT_LEN], art[NACRE_RANDOMART_LEN];

        blob.p = vec_get(&v, "blob", &blob.n);
        cr_assert_eq(nacre_pubkey_decode(&k, blob), NACRE_OK);
        cr_assert_eq(k.bits, 512);
        cr_assert(nacre_bytes_is(k.name, alg_name));
        cr_assert_str_eq(nacre_pubkey_label(&k), "MLDSA44-ED25519");
        cr_assert(nacre_pubkey_trustworthy(&k));
        nacre_fingerprint(fp, NACRE_FP_SHA256, blob);
        vec_expect(&v, "sha256", (uint8_t *)fp, strlen(fp));
        nacre_randomart(art, NACRE_FP_SHA256, &k);
        vec_expect(&v, "art", (uint8_t *)art, strlen(art));
    }
    vec_close(&v);
}

/* ---- Public blobs ---- */

static void generate(struct nacre_privkey *k)
{
    struct rng_count c = {0, 0};
    struct nacre_rng rng = {rng_count_fill, &c};

    cr_assert_eq(nacre_privkey_generate(k, alg_name, 0, &rng, work), NACRE_OK);
    cr_assert_eq(c.calls, 1);
    cr_assert_eq(k->blob_len, BLOB_LEN);
}

Test(key_mldsa44, s20_blobs)
{
    struct nacre_privkey k;
    struct nacre_pubkey pub;
    uint8_t blob[BLOB_LEN + 1];

    generate(&k);
    memcpy(blob, k.blob, BLOB_LEN);
    blob[BLOB_LEN] = 0;
    for (size_t n = 0; n < BLOB_LEN; n++) {
        uint8_t *copy = malloc(n + (n == 0));

        cr_assert_not_null(copy);
        memcpy(copy, blob, n);
        cr_assert_eq(nacre_pubkey_decode(&pub, (struct nacre_bytes){copy, n}),
                     NACRE_ERR_KEY_FORMAT);
        free(copy);
    }
    cr_assert_eq(nacre_pubkey_decode(&pub, (struct nacre_bytes){blob, BLOB_LEN + 1}),
                 NACRE_ERR_KEY_FORMAT);
    for (uint32_t n = 1340; n < 1350; n++) {
        ncr_store32be(blob + 23, n);
        cr_assert_eq(nacre_pubkey_decode(&pub, (struct nacre_bytes){blob, 27 + n - (n > 1344)}),
                     n == 1344 ? NACRE_OK : NACRE_ERR_KEY_FORMAT);
    }
}

/* S32: an Ed25519 half of small order. */
Test(key_mldsa44, s32_weak_half)
{
    struct nacre_privkey k;
    struct nacre_pubkey pub;

    generate(&k);
    memset(k.blob + BLOB_LEN - 32, 0, 32);
    cr_assert_eq(nacre_pubkey_decode(&pub, (struct nacre_bytes){k.blob, BLOB_LEN}), NACRE_OK);
    cr_assert_not(nacre_pubkey_trustworthy(&pub));
    k.blob[BLOB_LEN - 32] = 2; /* no point at all */
    cr_assert_not(nacre_pubkey_trustworthy(&pub));
    k.blob[BLOB_LEN - 32] = 3;
    cr_assert(nacre_pubkey_trustworthy(&pub));
}

/* ---- Private keys ---- */

Test(key_mldsa44, generate_and_sign)
{
    struct rng_count c = {0, 0};
    struct nacre_rng rng = {rng_count_fill, &c};
    struct nacre_bytes data = nacre_bytes_str("data");
    struct nacre_privkey k;
    uint8_t sig[NACRE_SIG_BLOB_MAX], again[NACRE_SIG_BLOB_MAX];
    size_t n;

    generate(&k);
    cr_assert_str_eq(nacre_privkey_alg(&k, 0), alg_name);
    cr_assert_null(nacre_privkey_alg(&k, 1));
    for (size_t cap = 0; cap < SIG_LEN; cap += 27) {
        cr_assert_eq(
            nacre_privkey_sign(&k, nacre_bytes_str(alg_name), data, sig, cap, &n, &rng, work),
            NACRE_ERR_NO_ROOM);
        cr_assert_eq(n, 0);
    }
    for (int i = 0; i < 2; i++) {
        memcpy(again, sig, sizeof sig);
        cr_assert_eq(
            nacre_privkey_sign(&k, nacre_bytes_str(alg_name), data, sig, SIG_LEN, &n, &rng, work),
            NACRE_OK);
        cr_assert_eq(n, SIG_LEN);
        cr_assert_eq(ncr_sig_mldsa44_ed25519.verify(nacre_privkey_public_blob(&k), data,
                                                    (struct nacre_bytes){sig, n}, work),
                     NACRE_OK);
    }
    cr_assert(memcmp(again, sig, SIG_LEN) != 0, "hedged: other randomness, another signature");
    cr_assert_eq(
        nacre_privkey_sign(&k, nacre_bytes_str("ssh-ed25519"), data, sig, SIG_LEN, &n, &rng, work),
        NACRE_ERR_UNKNOWN_ALG);
    nacre_privkey_wipe(&k);
    cr_assert(all_zero(&k, sizeof k));
}

Test(key_mldsa44, s34_failing_randomness)
{
    struct rng_count c = {0, 1};
    struct nacre_rng rng = {rng_count_fill, &c};
    struct nacre_privkey k;
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    size_t n;

    memset(&k, 0xa5, sizeof k);
    cr_assert_eq(nacre_privkey_generate(&k, alg_name, 0, &rng, work), NACRE_ERR_RNG);
    cr_assert(all_zero(&k, sizeof k));
    generate(&k);
    c.calls = 0;
    cr_assert_eq(
        nacre_privkey_sign(&k, nacre_bytes_str(alg_name), none, sig, sizeof sig, &n, &rng, work),
        NACRE_ERR_RNG);
    cr_assert_eq(n, 0);
    cr_assert_eq(
        nacre_privkey_sign(&k, nacre_bytes_str(alg_name), none, sig, sizeof sig, &n, NULL, work),
        NACRE_ERR_RNG);
    cr_assert_eq(n, 0);
}

Test(key_mldsa44, generate_refuses_bits)
{
    static const unsigned bad[] = {1, 44, 255, 256, 511, 513, 1344, 2048};
    struct nacre_privkey k;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(nacre_privkey_generate(&k, alg_name, bad[i], &nacre_rng_os, work),
                     NACRE_ERR_USAGE);
        cr_assert(all_zero(&k, sizeof k));
    }
    cr_assert_eq(nacre_privkey_generate(&k, alg_name, 512, &nacre_rng_os, work), NACRE_OK);
}

/* ---- Files ---- */

/* The binary form of a file with an empty comment. */
static size_t make_binary(uint8_t bin[FILE_MAX])
{
    struct nacre_privkey k;
    uint8_t text[NACRE_KEYFILE_TEXT_MAX];
    size_t n;
    const char *what;

    generate(&k);
    cr_assert_eq(nacre_keyfile_write(text, sizeof text, &n, &k, none, NULL, &nacre_rng_os, work),
                 NACRE_OK);
    cr_assert_eq(ncr_pem_decode(bin, FILE_MAX, &n, (struct nacre_bytes){text, n}, LABEL, &what),
                 NACRE_OK);
    cr_assert_eq(read_binary(bin, n), NACRE_OK);
    return n;
}

Test(key_mldsa44, s92_halves)
{
    static const size_t places[] = {OUTSIDE_AT + 27,
                                    OUTSIDE_AT + BLOB_LEN - 33,
                                    OUTSIDE_AT + BLOB_LEN - 1,
                                    INSIDE_AT + 27,
                                    INSIDE_AT + BLOB_LEN - 33,
                                    INSIDE_AT + BLOB_LEN - 1,
                                    SEED_AT,
                                    SEED_AT + 31,
                                    SEED_AT + 32,
                                    SEED_AT + 63};
    uint8_t bin[FILE_MAX];
    size_t n = make_binary(bin);

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        bin[places[i]] ^= 0x10;
        cr_assert_eq(read_binary(bin, n), NACRE_ERR_KEY_REFUSED, "%zu", i);
        bin[places[i]] ^= 0x10;
    }
    /* both public halves, but not the private one */
    bin[OUTSIDE_AT + 27] ^= 1;
    bin[INSIDE_AT + 27] ^= 1;
    cr_assert_eq(read_binary(bin, n), NACRE_ERR_KEY_REFUSED);
}

Test(key_mldsa44, s20_cut_extended_flipped)
{
    uint8_t bin[FILE_MAX];
    size_t n = make_binary(bin);

    for (size_t cut = 0; cut < n; cut++)
        cr_assert_neq(read_binary(bin, cut), NACRE_OK, "%zu", cut);
    bin[n] = bin[n - 1] + 1;
    cr_assert_neq(read_binary(bin, n + 1), NACRE_OK);
    for (size_t bit = 0; bit < 8 * n; bit += 5) {
        bin[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_neq(read_binary(bin, n), NACRE_OK, "bit %zu", bit);
        bin[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

Test(key_mldsa44, s20_length_fields)
{
    static const size_t fields[] = {OUTSIDE_AT - 4, OUTSIDE_AT,     OUTSIDE_AT + 23, CHECK_AT - 4,
                                    INSIDE_AT,      INSIDE_AT + 23, SEED_AT - 4,     COMMENT_AT};
    uint8_t bin[FILE_MAX];
    size_t n = make_binary(bin);

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        uint32_t len = ncr_load32be(bin + fields[i]);
        uint32_t left = (uint32_t)(n - fields[i] - 4);
        uint32_t bad[] = {len - 1, len + 1, left - 1, left + 1, 1u << 31, UINT32_MAX};

        for (size_t j = 0; j < sizeof bad / sizeof bad[0]; j++) {
            ncr_store32be(bin + fields[i], bad[j]);
            cr_assert(bad[j] == len || read_binary(bin, n) != NACRE_OK, "%zu: %u", fields[i],
                      bad[j]);
        }
        ncr_store32be(bin + fields[i], len);
    }
    cr_assert_eq(read_binary(bin, n), NACRE_OK);
}

/* The key as one line of text, and back. */
Test(key_mldsa44, one_line)
{
    struct nacre_privkey k;
    struct nacre_pubkey pub;
    char line[NACRE_PUBKEY_TEXT_LEN(BLOB_LEN, 2)];
    uint8_t buf[BLOB_LEN + 3];
    struct nacre_bytes comment;

    generate(&k);
    cr_assert_eq(nacre_pubkey_format(line, sizeof line, nacre_privkey_public_blob(&k),
                                     nacre_bytes_str("me")),
                 NACRE_OK);
    cr_assert_lt(strlen(line), NCR_TEXT_LINE_MAX);
    cr_assert_eq(nacre_pubkey_parse(&pub, &comment, nacre_bytes_str(line), buf, sizeof buf),
                 NACRE_OK);
    cr_assert(nacre_bytes_is(comment, "me"));
    cr_assert_eq(pub.blob.n, BLOB_LEN);
    cr_assert_arr_eq(pub.blob.p, k.blob, BLOB_LEN);
}

/* For make ct: a key is marked secret where it is made and where it is read, and only signatures
 * and the written file are let out. */
Test(key_mldsa44, ct_from_making_to_reading)
{
    struct rng_count c = {0, 0};
    struct nacre_rng rng = {rng_count_fill, &c};
    struct nacre_privkey k, again;
    uint8_t file[NACRE_KEYFILE_TEXT_MAX], sig[NACRE_SIG_BLOB_MAX];
    char comment[64];
    size_t n;

    generate(&k);
    cr_assert_eq(nacre_privkey_sign(&k, nacre_bytes_str(alg_name), nacre_bytes_str("m"), sig,
                                    sizeof sig, &n, &rng, work),
                 NACRE_OK);
    cr_assert_eq(nacre_keyfile_write(file, sizeof file, &n, &k, none, NULL, &rng, work), NACRE_OK);
    NCR_CT_PUBLIC(file, sizeof file);
    cr_assert_eq(read_exact(&again, comment, file, n), NACRE_OK);
    cr_assert_arr_eq(again.blob, k.blob, k.blob_len);
    nacre_privkey_wipe(&k);
    nacre_privkey_wipe(&again);
}
