/* SPDX-License-Identifier: ISC
 *
 * Public keys: blobs, their text, fingerprints and pictures against OpenSSH's; s20 (each blob cut
 * at every length, extended, each length field wrong, each bit flipped), s32 (lengths, weak keys).
 */
#include "crypto/load.h"
#include "proto/keys/nacre_keys.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 19 /* string "ssh-ed25519", length of the key */
#define BLOB (HEAD + NACRE_ED25519_PUB_LEN)

static const struct nacre_bytes nothing;

static void make_blob(uint8_t blob[BLOB], uint8_t fill)
{
    ncr_store32be(blob, 11);
    memcpy(blob + 4, "ssh-ed25519", 11);
    ncr_store32be(blob + 15, NACRE_ED25519_PUB_LEN);
    memset(blob + HEAD, fill, NACRE_ED25519_PUB_LEN);
}

/* Decodes a copy of exactly n bytes. */
static nacre_err decode_exact(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n + (n == 0));
    struct nacre_pubkey k;
    nacre_err err;

    cr_assert_not_null(copy);
    if (n > 0)
        memcpy(copy, p, n);
    err = nacre_pubkey_decode(&k, (struct nacre_bytes){copy, n});
    cr_assert_eq(k.blob.n == 0, err != NACRE_OK && err != NACRE_ERR_UNKNOWN_ALG);
    free(copy);
    return err;
}

Test(pubkey, openssh)
{
    struct vec v;

    for (vec_open(&v, "keyfile_openssh.txt"); vec_next(&v);) {
        size_t n;
        struct nacre_bytes blob = {vec_get(&v, "blob", &n), 0};
        struct nacre_pubkey k;
        char fp[NACRE_FINGERPRINT_LEN];
        char art[NACRE_RANDOMART_LEN];

        blob.n = n;
        cr_assert_eq(nacre_pubkey_decode(&k, blob), NACRE_OK);
        cr_assert_eq(k.bits, 256);
        cr_assert(nacre_bytes_is(k.name, "ssh-ed25519"));
        cr_assert_str_eq(nacre_pubkey_label(&k), "ED25519");
        cr_assert(nacre_pubkey_trustworthy(&k));
        nacre_fingerprint(fp, NACRE_FP_SHA256, blob);
        vec_expect(&v, "sha256", (uint8_t *)fp, strlen(fp));
        nacre_fingerprint(fp, NACRE_FP_SHA512, blob);
        vec_expect(&v, "sha512", (uint8_t *)fp, strlen(fp));
        nacre_randomart(art, NACRE_FP_SHA256, &k);
        vec_expect(&v, "art256", (uint8_t *)art, strlen(art));
        nacre_randomart(art, NACRE_FP_SHA512, &k);
        vec_expect(&v, "art512", (uint8_t *)art, strlen(art));
    }
    vec_close(&v);
}

/* Every hash, the words of -B and the pictures, of keys of several types. */
Test(pubkey, fingerprints_of_openssh)
{
    static const struct {
        enum nacre_fp_hash hash;
        const char *name, *art;
    } rows[] = {
        {NACRE_FP_MD5, "md5", "art_md5"},          {NACRE_FP_SHA1, "sha1", "art_sha1"},
        {NACRE_FP_SHA256, "sha256", "art_sha256"}, {NACRE_FP_SHA384, "sha384", "art_sha384"},
        {NACRE_FP_SHA512, "sha512", "art_sha512"},
    };
    struct vec v;

    for (vec_open(&v, "fingerprint_openssh.txt"); vec_next(&v);) {
        struct nacre_bytes blob;
        struct nacre_pubkey k;
        char babble[NACRE_BUBBLEBABBLE_LEN];
        char fp[NACRE_FINGERPRINT_LEN];
        char art[NACRE_RANDOMART_LEN];

        blob.p = vec_get(&v, "blob", &blob.n);
        cr_assert_eq(nacre_pubkey_decode(&k, blob), NACRE_OK);
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            nacre_fingerprint(fp, rows[i].hash, blob);
            vec_expect(&v, rows[i].name, (uint8_t *)fp, strlen(fp));
            nacre_randomart(art, rows[i].hash, &k);
            vec_expect(&v, rows[i].art, (uint8_t *)art, strlen(art));
        }
        nacre_bubblebabble(babble, blob);
        cr_assert_eq(strlen(babble), NACRE_BUBBLEBABBLE_LEN - 1);
        vec_expect(&v, "babble", (uint8_t *)babble, strlen(babble));
    }
    vec_close(&v);
}

Test(pubkey, fingerprint_read_again)
{
    static const char *const bad[] = {"",
                                      "SHA256:",
                                      "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                      "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                      "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                      "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
                                      "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
                                      "SHA256:AAAAAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAA",
                                      "MD5:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00"};
    static const uint8_t zero[NACRE_SHA256_LEN];
    uint8_t blob[BLOB];
    uint8_t digest[NACRE_SHA256_LEN];
    uint8_t want[NACRE_SHA256_LEN];
    union nacre_hash_ctx ctx;
    char fp[NACRE_FINGERPRINT_LEN];

    make_blob(blob, 7);
    nacre_hash_sha256.init(&ctx);
    nacre_hash_sha256.update(&ctx, blob, sizeof blob);
    nacre_hash_sha256.final(want, &ctx);
    nacre_fingerprint(fp, NACRE_FP_SHA256, (struct nacre_bytes){blob, sizeof blob});
    cr_assert(nacre_fingerprint_parse(digest, nacre_bytes_str(fp)));
    cr_assert_arr_eq(digest, want, sizeof want);
    (void)strcat(fp, "=");
    cr_assert(nacre_fingerprint_parse(digest, nacre_bytes_str(fp)));
    cr_assert_arr_eq(digest, want, sizeof want);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(!nacre_fingerprint_parse(digest, nacre_bytes_str(bad[i])), "%s", bad[i]);
        cr_assert_arr_eq(digest, zero, sizeof zero);
    }
}

Test(pubkey, s20_cut_and_extended)
{
    uint8_t blob[BLOB + 1];

    make_blob(blob, 7);
    blob[BLOB] = 0;
    for (size_t n = 0; n < BLOB; n++)
        cr_assert_eq(decode_exact(blob, n), NACRE_ERR_KEY_FORMAT);
    cr_assert_eq(decode_exact(blob, BLOB), NACRE_OK);
    cr_assert_eq(decode_exact(blob, BLOB + 1), NACRE_ERR_KEY_FORMAT);
}

Test(pubkey, s20_length_fields)
{
    static const uint32_t bad[] = {0, 1, 10, 12, 31, 33, 47, 0x7fffffff, 0x80000000, 0xffffffff};

    for (size_t at = 0; at <= 15; at += 15) {
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            uint8_t blob[BLOB];

            make_blob(blob, 7);
            ncr_store32be(blob + at, bad[i]);
            cr_assert_neq(decode_exact(blob, BLOB), NACRE_OK, "%u at %zu", bad[i], at);
        }
    }
}

/* A flipped bit of the key gives another key, of the name another type, of a length no key. */
Test(pubkey, s20_bit_flips)
{
    for (size_t bit = 0; bit < 8 * BLOB; bit++) {
        uint8_t blob[BLOB];
        nacre_err err;

        make_blob(blob, 7);
        blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
        err = decode_exact(blob, BLOB);
        if (bit / 8 >= HEAD)
            cr_assert_eq(err, NACRE_OK);
        else
            cr_assert_neq(err, NACRE_OK, "bit %zu", bit);
    }
}

Test(pubkey, s32_lengths_0_to_70)
{
    for (uint32_t n = 0; n <= 70; n++) {
        uint8_t blob[HEAD + 70] = {0};

        make_blob(blob, 7);
        ncr_store32be(blob + 15, n);
        cr_assert_eq(decode_exact(blob, HEAD + n), n == 32 ? NACRE_OK : NACRE_ERR_KEY_FORMAT);
    }
}

/* The point of order 1, one of order 4 (0), one that is no point: whole blobs, never to be trusted.
 */
Test(pubkey, s32_weak_keys)
{
    static const uint8_t first[] = {1, 0, 2};

    for (size_t i = 0; i < sizeof first; i++) {
        uint8_t blob[BLOB];
        struct nacre_pubkey k;

        make_blob(blob, 0);
        blob[HEAD] = first[i];
        cr_assert_eq(nacre_pubkey_decode(&k, (struct nacre_bytes){blob, BLOB}), NACRE_OK);
        cr_assert_not(nacre_pubkey_trustworthy(&k), "first byte %u", first[i]);
    }
}

Test(pubkey, unknown_type_passes_through)
{
    static const uint8_t blob[] = "\0\0\0\5ssh-x\0\0\0\1\1";
    struct nacre_pubkey k;
    char text[NACRE_PUBKEY_TEXT_LEN(sizeof blob, 8)];
    uint8_t buf[64];

    cr_assert_eq(nacre_pubkey_decode(&k, (struct nacre_bytes){blob, 14}), NACRE_ERR_UNKNOWN_ALG);
    cr_assert_null(k.type);
    cr_assert(nacre_bytes_is(k.name, "ssh-x"));
    cr_assert_eq(k.blob.n, 14);
    cr_assert_eq(k.bits, 0);
    cr_assert_not(nacre_pubkey_trustworthy(&k));
    cr_assert_str_eq(nacre_pubkey_label(&k), "UNKNOWN");
    cr_assert_null(nacre_key_type_alg(k.name, 0));
    cr_assert_eq(nacre_pubkey_format(text, sizeof text, k.blob, nacre_bytes_str("c")), NACRE_OK);
    cr_assert_str_eq(text, "ssh-x AAAABXNzaC14AAAAAQE= c");
    cr_assert_eq(nacre_pubkey_parse(&k, NULL, nacre_bytes_str(text), buf, sizeof buf),
                 NACRE_ERR_UNKNOWN_ALG);
    cr_assert_eq(k.blob.n, 14);
}

Test(pubkey, names_that_are_none)
{
    static const struct {
        const char *p;
        size_t n;
    } cases[] = {{"\0\0\0\0", 4},    {"\0\0\0\3a\0b", 7}, {"\0\0\0\3a b", 7},
                 {"\0\0\0\3a,b", 7}, {"\0\0\0\3a\nb", 7}, {"\0\0\0\5a@b@c", 9}};
    uint8_t lng[4 + 65];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(decode_exact((const uint8_t *)cases[i].p, cases[i].n), NACRE_ERR_KEY_FORMAT);
    memset(lng, 'a', sizeof lng);
    ncr_store32be(lng, 64);
    cr_assert_eq(decode_exact(lng, 68), NACRE_ERR_UNKNOWN_ALG);
    ncr_store32be(lng, 65);
    cr_assert_eq(decode_exact(lng, 69), NACRE_ERR_KEY_FORMAT);
}

Test(pubkey, largest_blob)
{
    uint8_t *blob = calloc(1, NACRE_KEY_BLOB_MAX + 1);

    cr_assert_not_null(blob);
    ncr_store32be(blob, 1);
    blob[4] = 'x';
    cr_assert_eq(decode_exact(blob, NACRE_KEY_BLOB_MAX), NACRE_ERR_UNKNOWN_ALG);
    cr_assert_eq(decode_exact(blob, NACRE_KEY_BLOB_MAX + 1), NACRE_ERR_KEY_FORMAT);
    free(blob);
}

static const char line[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZBZLP6I7LZ6uKtzYmp4Fl4TlXQsvT7vXinTtDjVMGL";

Test(pubkey, text)
{
    static const char *const comments[] = {"", " c", "  two words \t", "\tx"};
    static const char *const trimmed[] = {"", "c", "two words", "x"};

    for (size_t i = 0; i < 4; i++) {
        char text[256];
        uint8_t buf[64];
        struct nacre_pubkey k;
        struct nacre_bytes comment;

        strcpy(text, line);
        strcat(text, comments[i]);
        cr_assert_eq(nacre_pubkey_parse(&k, &comment, nacre_bytes_str(text), buf, sizeof buf),
                     NACRE_OK);
        cr_assert(nacre_bytes_is(comment, trimmed[i]));
        cr_assert_eq(nacre_pubkey_format(text, sizeof text, k.blob, nothing), NACRE_OK);
        cr_assert_str_eq(text, line);
    }
}

Test(pubkey, s20_text_cut_and_flipped)
{
    uint8_t buf[64];
    struct nacre_pubkey k;

    for (size_t n = 0; n < sizeof line - 1; n++) {
        char *cut = malloc(n + 1);

        memcpy(cut, line, n);
        cr_assert_neq(
            nacre_pubkey_parse(&k, NULL, (struct nacre_bytes){(uint8_t *)cut, n}, buf, sizeof buf),
            NACRE_OK);
        free(cut);
    }
    for (size_t bit = 0; bit < 8 * 31; bit++) { /* type name and the blob's head */
        char text[sizeof line];

        memcpy(text, line, sizeof line);
        text[bit / 8] ^= (char)(1u << bit % 8);
        cr_assert_neq(nacre_pubkey_parse(&k, NULL,
                                         (struct nacre_bytes){(uint8_t *)text, sizeof text - 1},
                                         buf, sizeof buf),
                      NACRE_OK, "bit %zu", bit);
    }
}

Test(pubkey, text_of_another_type)
{
    char text[sizeof line];
    uint8_t buf[64];
    struct nacre_pubkey k;

    memcpy(text, line, sizeof line);
    memcpy(text, "ssh-rsa xxx", 7);
    text[7] = ' ';
    memmove(text + 8, text + 12, sizeof line - 12);
    cr_assert_eq(nacre_pubkey_parse(&k, NULL, nacre_bytes_str(text), buf, sizeof buf),
                 NACRE_ERR_FILE_FORMAT);
    cr_assert_eq(k.blob.n, 0);
}

Test(pubkey, text_room)
{
    uint8_t buf[64];
    char out[128];
    struct nacre_pubkey k;

    for (size_t cap = 0; cap < 60; cap++)
        cr_assert_eq(nacre_pubkey_parse(&k, NULL, nacre_bytes_str(line), buf, cap),
                     cap >= BLOB ? NACRE_OK : NACRE_ERR_NO_ROOM);
    cr_assert_eq(nacre_pubkey_parse(&k, NULL, nacre_bytes_str(line), buf, sizeof buf), NACRE_OK);
    for (size_t cap = 0; cap <= sizeof line + 4; cap++) {
        nacre_err err = nacre_pubkey_format(out, cap, k.blob, nacre_bytes_str("ab"));

        cr_assert_eq(err, cap < sizeof line + 3 ? NACRE_ERR_NO_ROOM : NACRE_OK, "%zu", cap);
        cr_assert(cap == 0 || err == NACRE_OK || out[0] == '\0');
    }
}

Test(pubkey, s53_comment_with_a_line_end)
{
    uint8_t blob[BLOB];
    char out[256];

    make_blob(blob, 7);
    cr_assert_eq(nacre_pubkey_format(out, sizeof out, (struct nacre_bytes){blob, BLOB},
                                     nacre_bytes_str("a\nssh-ed25519 AAAA")),
                 NACRE_ERR_USAGE);
    cr_assert_eq(out[0], '\0');
}

Test(pubkey, types)
{
    cr_assert_str_eq(nacre_key_type_name(0), "ssh-ed25519");
    cr_assert_null(nacre_key_type_name(32), "a set of types is 32 bits");
    cr_assert_null(nacre_key_type_name(SIZE_MAX));
    cr_assert_str_eq(nacre_key_type_alg(nacre_bytes_str("ssh-ed25519"), 0), "ssh-ed25519");
    cr_assert_null(nacre_key_type_alg(nacre_bytes_str("ssh-ed25519"), 1));
    cr_assert_null(nacre_key_type_alg(nacre_bytes_str("ssh-ed25519"), SIZE_MAX));
}
