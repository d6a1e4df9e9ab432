/* SPDX-License-Identifier: ISC
 *
 * The key type ssh-rsa: files, blobs, fingerprints and pictures of OpenSSH's ssh-keygen; keys made,
 * written, read and signed with; s20 and s92 (damage, parts that do not belong together), s34
 * (randomness failing), s33 (keys too small to be trusted).
 */
#include "crypto/ct.h"
#include "crypto/load.h"
#include "proto/alg.h"
#include "proto/keys/nacre_keys.h"
#include "proto/keys/pem.h"
#include "proto/limits.h"
#include "proto/wire.h"
#include "tests/rngs.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define LABEL "OPENSSH PRIVATE KEY"
enum { FILE_MAX = 12000 };

static uint64_t work[NACRE_WORK];
static const struct nacre_bytes none;

/* splitmix64, which fails at call number fail_at (from 1; 0: never). */
struct counting_rng {
    uint64_t x;
    unsigned calls, fail_at;
};

static bool counting_fill(void *ctx, uint8_t *out, size_t n)
{
    struct counting_rng *c = ctx;

    if (++c->calls == c->fail_at)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint64_t z = c->x += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        out[i] = (uint8_t)(z ^ z >> 31);
    }
    return true;
}

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

static nacre_err read_binary(struct nacre_privkey *k, const uint8_t *bin, size_t n)
{
    static uint8_t text[2 * FILE_MAX];
    char comment[64];

    cr_assert_eq(ncr_pem_encode(memcpy(text, bin, n), sizeof text, &n, LABEL, 70), NACRE_OK);
    return read_exact(k, comment, text, n);
}

/* The first key of the file; v stays open at it. */
static void open_first(struct vec *v, struct nacre_privkey *k)
{
    char comment[64];
    size_t n;
    const uint8_t *file;

    vec_open(v, "ssh_rsa_openssh.txt");
    cr_assert(vec_next(v));
    file = vec_get(v, "file", &n);
    cr_assert_eq(read_exact(k, comment, file, n), NACRE_OK);
}

static void mark_public(struct nacre_privkey *k)
{
    NCR_CT_PUBLIC(&k->secret, sizeof k->secret);
}

/* ---- OpenSSH's ---- */

Test(key_rsa, ct_files_of_openssh)
{
    struct vec v;

    for (vec_open(&v, "ssh_rsa_openssh.txt"); vec_next(&v);) {
        struct nacre_bytes data;
        size_t n, n_bin;
        const uint8_t *file = vec_get(&v, "file", &n);
        static uint8_t bin[FILE_MAX], out[NACRE_KEYFILE_TEXT_MAX];
        struct nacre_privkey k;
        char comment[64];
        const char *what;
        bool small = vec_uint(&v, "bits") < 2048;

        cr_assert_eq(read_exact(&k, comment, file, n), NACRE_OK);
        vec_expect(&v, "comment", (uint8_t *)comment, strlen(comment));
        vec_expect(&v, "blob", k.blob, k.blob_len);
        data.p = vec_get(&v, "data", &data.n);
        for (size_t i = 0; i < 3; i++) {
            static const char *const algs[] = {"rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"};
            static const char *const sigs[] = {"sig512", "sig256", "sig1"};
            uint8_t sig[NACRE_SIG_BLOB_MAX];
            nacre_err err = nacre_privkey_sign(&k, nacre_bytes_str(algs[i]), data, sig, sizeof sig,
                                               &n, &nacre_rng_os, work);
            cr_assert_eq(err, small ? NACRE_ERR_SIGNER : NACRE_OK);
            cr_assert(n == 0 || !small);
            if (!small)
                vec_expect(&v, sigs[i], sig, n);
        }
        mark_public(&k);
        /* and written again, with the same check value */
        file = vec_get(&v, "file", &n);
        cr_assert_eq(
            ncr_pem_decode(bin, sizeof bin, &n_bin, (struct nacre_bytes){file, n}, LABEL, &what),
            NACRE_OK);
        struct nacre_rng rng = {rng_given_fill, bin + 39 + 4 + k.blob_len + 4};
        cr_assert_eq(nacre_keyfile_write(out, sizeof out, &n, &k, nacre_bytes_str(comment), NULL,
                                         &rng, work),
                     NACRE_OK);
        vec_expect(&v, "file", out, n);
    }
    vec_close(&v);
}

Test(key_rsa, fingerprints_and_pictures_of_openssh)
{
    struct vec v;

    for (vec_open(&v, "ssh_rsa_openssh.txt"); vec_next(&v);) {
        struct nacre_bytes blob;
        struct nacre_pubkey k;
        char fp[NACRE_FINGERPRINT_LEN], art[NACRE_RANDOMART_LEN];

        blob.p = vec_get(&v, "blob", &blob.n);
        cr_assert_eq(nacre_pubkey_decode(&k, blob), NACRE_OK);
        cr_assert_eq(k.bits, vec_uint(&v, "bits"));
        cr_assert(nacre_bytes_is(k.name, "ssh-rsa"));
        cr_assert_str_eq(nacre_pubkey_label(&k), "RSA");
        cr_assert_eq(nacre_pubkey_trustworthy(&k), k.bits >= NCR_RSA_BITS_MIN);
        nacre_fingerprint(fp, NACRE_FP_SHA256, blob);
        vec_expect(&v, "sha256", (uint8_t *)fp, strlen(fp));
        nacre_randomart(art, NACRE_FP_SHA256, &k);
        vec_expect(&v, "art", (uint8_t *)art, strlen(art));
    }
    vec_close(&v);
}

/* ---- Public blobs ---- */

Test(key_rsa, s20_blobs)
{
    struct nacre_privkey k;
    struct nacre_pubkey pub;
    struct vec v;

    open_first(&v, &k);
    for (size_t n = 0; n <= k.blob_len; n++) {
        uint8_t *copy = malloc(n + (n == 0));
        nacre_err want = n == k.blob_len ? NACRE_OK : NACRE_ERR_KEY_FORMAT;

        cr_assert_not_null(copy);
        memcpy(copy, k.blob, n);
        cr_assert_eq(nacre_pubkey_decode(&pub, (struct nacre_bytes){copy, n}), want, "%zu", n);
        free(copy);
    }
    k.blob[k.blob_len] = 0;
    cr_assert_eq(nacre_pubkey_decode(&pub, (struct nacre_bytes){k.blob, k.blob_len + 1}),
                 NACRE_ERR_KEY_FORMAT);
    k.blob[k.blob_len - 1] ^= 1; /* even */
    cr_assert_eq(nacre_pubkey_decode(&pub, (struct nacre_bytes){k.blob, k.blob_len}),
                 NACRE_ERR_KEY_REFUSED);
    vec_close(&v);
}

Test(key_rsa, algorithms)
{
    struct nacre_privkey k;
    struct vec v;

    open_first(&v, &k);
    cr_assert_str_eq(nacre_privkey_alg(&k, 0), "rsa-sha2-512");
    cr_assert_str_eq(nacre_privkey_alg(&k, 1), "rsa-sha2-256");
    cr_assert_str_eq(nacre_privkey_alg(&k, 2), "ssh-rsa");
    cr_assert_null(nacre_privkey_alg(&k, 3));
    vec_close(&v);
}

/* ---- Private keys ---- */

Test(key_rsa, generate_write_read_sign)
{
    static const unsigned sizes[] = {2048, 0};
    struct counting_rng c = {1, 0, 0};
    struct nacre_rng rng = {counting_fill, &c};
    struct nacre_bytes data = nacre_bytes_str("data");

    for (size_t i = 0; i < 2; i++) {
        struct nacre_privkey k, again;
        struct nacre_pubkey pub;
        static uint8_t file[NACRE_KEYFILE_TEXT_MAX], sig[NACRE_SIG_BLOB_MAX];
        char comment[64];
        size_t n, len;

        cr_assert_eq(nacre_privkey_generate(&k, "ssh-rsa", sizes[i], &rng, work), NACRE_OK);
        cr_assert_eq(nacre_pubkey_decode(&pub, nacre_privkey_public_blob(&k)), NACRE_OK);
        cr_assert_eq(pub.bits, i == 0 ? 2048 : 3072);
        cr_assert(nacre_pubkey_trustworthy(&pub));
        cr_assert_eq(nacre_keyfile_write(file, sizeof file, &n, &k, nacre_bytes_str("mine"), NULL,
                                         &rng, work),
                     NACRE_OK);
        cr_assert_eq(read_exact(&again, comment, file, n), NACRE_OK);
        cr_assert_str_eq(comment, "mine");
        cr_assert_eq(again.blob_len, k.blob_len);
        cr_assert_arr_eq(again.blob, k.blob, k.blob_len);
        len = 4 + 12 + 4 + pub.bits / 8;
        for (size_t cap = 0; cap < len; cap += 13) {
            cr_assert_eq(nacre_privkey_sign(&again, nacre_bytes_str("rsa-sha2-256"), data, sig, cap,
                                            &n, &rng, work),
                         NACRE_ERR_NO_ROOM);
            cr_assert_eq(n, 0);
        }
        cr_assert_eq(nacre_privkey_sign(&again, nacre_bytes_str("rsa-sha2-256"), data, sig, len, &n,
                                        &rng, work),
                     NACRE_OK);
        cr_assert_eq(n, len);
        cr_assert_eq(nacre_sig_verify(&nacre_algs_default, nacre_bytes_str("rsa-sha2-256"),
                                      nacre_privkey_public_blob(&k), data,
                                      (struct nacre_bytes){sig, n}, work),
                     NACRE_OK);
        cr_assert_eq(nacre_privkey_sign(&again, nacre_bytes_str("ssh-ed25519"), data, sig, len, &n,
                                        &rng, work),
                     NACRE_ERR_UNKNOWN_ALG);
        nacre_privkey_wipe(&k);
        cr_assert(all_zero(&k, sizeof k));
    }
}

Test(key_rsa, s34_failing_randomness)
{
    struct counting_rng c = {9, 0, 1};
    struct nacre_rng rng = {counting_fill, &c};
    struct nacre_privkey k;
    struct vec v;
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    size_t n;

    memset(&k, 0xa5, sizeof k);
    cr_assert_eq(nacre_privkey_generate(&k, "ssh-rsa", 2048, &rng, work), NACRE_ERR_RNG);
    cr_assert(all_zero(&k, sizeof k));
    open_first(&v, &k);
    c.calls = 0;
    cr_assert_eq(nacre_privkey_sign(&k, nacre_bytes_str("rsa-sha2-512"), none, sig, sizeof sig, &n,
                                    &rng, work),
                 NACRE_ERR_SIGNER);
    cr_assert_eq(n, 0);
    cr_assert_eq(nacre_privkey_sign(&k, nacre_bytes_str("rsa-sha2-512"), none, sig, sizeof sig, &n,
                                    NULL, work),
                 NACRE_ERR_RNG);
    cr_assert_eq(n, 0);
    vec_close(&v);
}

Test(key_rsa, generate_refuses_bits)
{
    static const unsigned bad[] = {1, 768, 1024, 2032, 2047, 2049, 2056, 16385, 16400, 100000};
    struct nacre_privkey k;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(nacre_privkey_generate(&k, "ssh-rsa", bad[i], &nacre_rng_os, work),
                     NACRE_ERR_USAGE);
        cr_assert(all_zero(&k, sizeof k));
    }
}

/* ---- Files ---- */

/* The binary form of the first file of the vectors, and where its private section begins. */
static size_t first_binary(uint8_t bin[FILE_MAX], size_t *section)
{
    struct vec v;
    struct nacre_privkey k;
    size_t n;
    const uint8_t *file;
    const char *what;

    open_first(&v, &k);
    file = vec_get(&v, "file", &n);
    cr_assert_eq(ncr_pem_decode(bin, FILE_MAX, &n, (struct nacre_bytes){file, n}, LABEL, &what),
                 NACRE_OK);
    *section = 39 + 4 + k.blob_len + 4;
    vec_close(&v);
    return n;
}

/* S92: a bit in the middle of each part, of the outer and of both copies of the public half. */
Test(key_rsa, s92_parts)
{
    static uint8_t bin[FILE_MAX];
    struct nacre_privkey k;
    size_t section, n = first_binary(bin, &section);
    size_t at = section + 8 + 4 + 7; /* check values, the name */

    cr_assert_eq(read_binary(&k, bin, n), NACRE_OK);
    bin[section - 100] ^= 0x10;
    cr_assert_eq(read_binary(&k, bin, n), NACRE_ERR_KEY_REFUSED, "the public blob");
    bin[section - 100] ^= 0x10;
    for (int part = 0; part < 6; part++) {
        size_t len = ncr_load32be(bin + at);
        uint8_t *middle = bin + at + 4 + len / 2;

        *middle ^= 0x10;
        cr_assert_eq(read_binary(&k, bin, n), NACRE_ERR_KEY_REFUSED, "part %d", part);
        *middle ^= 0x10;
        at += 4 + len;
    }
    cr_assert_eq(read_binary(&k, bin, n), NACRE_OK);
}

Test(key_rsa, s20_cut_extended_flipped, .timeout = 120)
{
    static uint8_t bin[FILE_MAX];
    struct nacre_privkey k;
    size_t section, n = first_binary(bin, &section);

    for (size_t cut = 0; cut < n; cut += cut < 60 || cut > n - 60 ? 1 : 7)
        cr_assert_neq(read_binary(&k, bin, cut), NACRE_OK, "%zu", cut);
    bin[n] = bin[n - 1] + 1;
    cr_assert_neq(read_binary(&k, bin, n + 1), NACRE_OK);
    for (size_t bit = 0; bit < 8 * n; bit += 13) {
        size_t comment = n - 30; /* a bit there makes another comment */
        if (bit / 8 > comment)
            break;
        bin[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_neq(read_binary(&k, bin, n), NACRE_OK, "bit %zu", bit);
        bin[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* Numbers that are negative, zero, or with zeros before them, and parts that are huge. */
Test(key_rsa, numbers_of_files)
{
    static uint8_t bin[FILE_MAX], other[FILE_MAX];
    struct nacre_privkey k;
    size_t section, n = first_binary(bin, &section);
    size_t at = section + 8 + 4 + 7;
    struct nacre_bytes head = {bin, section - 4};

    for (int part = 0; part < 6; part++) {
        size_t len = ncr_load32be(bin + at);
        for (int change = 0; change < 4; change++) {
            struct ncr_wr w = ncr_wr(other, sizeof other);
            size_t mark;
            static const uint8_t zero[2100] = {0};
            ncr_wr_bytes(&w, head.p, head.n);
            mark = ncr_wr_string_begin(&w);
            ncr_wr_bytes(&w, bin + section, at - section);
            if (change == 0) { /* 0 */
                ncr_wr_u32(&w, 0);
            } else if (change == 1) { /* the same without its sign's byte, or negative */
                ncr_wr_u32(&w, 1);
                ncr_wr_u8(&w, 0x81);
            } else if (change == 2) { /* two zeros more before it: as good */
                ncr_wr_u32(&w, (uint32_t)len + 2);
                ncr_wr_bytes(&w, zero, 2);
                ncr_wr_bytes(&w, bin + at + 4, len);
            } else { /* over 16,384 bits */
                ncr_wr_u32(&w, 2100);
                ncr_wr_u8(&w, 1);
                ncr_wr_bytes(&w, zero, 2099);
            }
            ncr_wr_bytes(&w, bin + at + 4 + len, n - (at + 4 + len));
            /* padding 1, 2, 3 .. to a multiple of 8 anew */
            while (w.n > 0 && w.p[w.n - 1] != 'e') /* the comment is two@example */
                w.n--;
            for (uint8_t pad = 1; (w.n - mark - 4) % 8 != 0; pad++)
                ncr_wr_u8(&w, pad);
            ncr_wr_string_end(&w, mark);
            cr_assert_not(w.bad);
            nacre_err err = read_binary(&k, other, w.n);
            cr_assert_eq(err == NACRE_OK, change == 2, "part %d, change %d: %d", part, change, err);
        }
        at += 4 + len;
    }
}
