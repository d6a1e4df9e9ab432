/* SPDX-License-Identifier: ISC
 *
 * Public key files: RFC 4716 and PEM, those of ssh-keygen, puttygen and OpenSSL read and written
 * alike; headers in every shape; s20.
 */
#include "proto/keys/keyfile.h"
#include "proto/keys/pem.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint64_t work[NACRE_WORK];
static const struct nacre_bytes none;

struct got {
    nacre_err err;
    uint8_t blob[4096];
    size_t blob_len;
    char comment[2048];
    struct nacre_keyfile_info info;
};

/* Reads from copies of exactly the sizes. */
static struct got read_exact(const void *file, size_t n)
{
    uint8_t *copy = malloc(n + (n == 0)), *scratch = malloc(n + (n == 0));
    struct nacre_bytes comment;
    struct nacre_pubkey k;
    struct got g;

    cr_assert(copy != NULL && scratch != NULL);
    if (n > 0)
        memcpy(copy, file, n);
    memset(&g, 0, sizeof g);
    g.err =
        nacre_keyfile_read_public(&k, &comment, (struct nacre_bytes){copy, n}, scratch, n, &g.info);
    cr_assert_eq(g.err == NACRE_OK, g.info.what[0] == '\0');
    if (g.err == NACRE_OK || g.err == NACRE_ERR_UNKNOWN_ALG) {
        cr_assert_lt(comment.n, sizeof g.comment);
        if (comment.n > 0)
            memcpy(g.comment, comment.p, comment.n);
        if (k.blob.n > 0)
            memcpy(g.blob, k.blob.p, g.blob_len = k.blob.n);
    }
    free(copy);
    free(scratch);
    return g;
}

static struct got read_text(const char *text)
{
    return read_exact(text, strlen(text));
}

Test(rfc4716, files_of_others)
{
    struct vec v;
    unsigned alike = 0;

    for (vec_open(&v, "pubkey_files_openssh.txt"); vec_next(&v);) {
        static uint8_t out[8192];
        size_t n, m;
        const uint8_t *file = vec_get(&v, "file", &n);
        enum nacre_keyfile_format format = (enum nacre_keyfile_format)vec_uint(&v, "format");
        bool known = vec_uint(&v, "known") != 0;
        struct got g = read_exact(file, n);

        cr_assert_eq(g.err, known ? NACRE_OK : NACRE_ERR_UNKNOWN_ALG, "record %u: %s", v.records,
                     g.info.what);
        cr_assert_eq(g.info.format, format);
        vec_expect(&v, "blob", g.blob, g.blob_len);
        vec_expect(&v, "comment", (const uint8_t *)g.comment, strlen(g.comment));
        cr_assert_eq(nacre_pubkey_write(out, sizeof out, &m, format,
                                        (struct nacre_bytes){g.blob, g.blob_len},
                                        nacre_bytes_str(g.comment)),
                     NACRE_OK);
        alike += m == n && memcmp(out, file, n) == 0;
        g = read_exact(out, m);
        vec_expect(&v, "blob", g.blob, g.blob_len);
        vec_expect(&v, "comment", (const uint8_t *)g.comment, strlen(g.comment));
    }
    cr_assert_geq(v.records, 18);
    cr_assert_geq(alike, 11); /* not the RFC's, not those with lines of puttygen's length */
    vec_close(&v);
}

#define BEGIN "---- BEGIN SSH2 PUBLIC KEY ----\n"
#define BODY "AAAAC3NzaC1lZDI1NTE5AAAAIGZBZLP6I7LZ6uKtzYmp4Fl4TlXQsvT7vXin\nTtDjVMGL\n"
#define END "---- END SSH2 PUBLIC KEY ----\n"

Test(rfc4716, headers)
{
    static const struct {
        const char *text, *comment;
    } cases[] = {
        {BEGIN BODY END, ""},
        {BEGIN "Comment: a b\n" BODY END, "a b"},
        {BEGIN "COMMENT:a b\n" BODY END, "a b"},
        {BEGIN "comment: \"a \\\nb\"\n" BODY END, "a b"},
        {BEGIN "Comment: a\\\nb\\\nc\n" BODY END, "abc"},
        {BEGIN "Comment: \"\"\n" BODY END, ""},
        {BEGIN "Comment: \"\n" BODY END, "\""},
        {BEGIN "Comment: \"a\"b\"\n" BODY END, "a\"b"},
        {BEGIN "Comment: 'a'\n" BODY END, "'a'"},
        {BEGIN "x-a: b\nSubject: me\nComment: c\nx-d: \\\nComment: e\n" BODY END, "c"},
        {BEGIN "Comment: \\\n\\\n\n" BODY END, ""},
        {BEGIN "Comment: c\n" BODY END "\n \n", "c"},
        {BEGIN "Comment: a \"b\n" BODY END, "a \"b"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct got g = read_text(cases[i].text);

        cr_assert_eq(g.err, NACRE_OK, "%s: %s", cases[i].text, g.info.what);
        cr_assert_str_eq(g.comment, cases[i].comment);
    }
}

Test(rfc4716, line_ends)
{
    static const char text[] = BEGIN "Comment: \"a \\\nb\"\n" BODY END;
    static const char *const ends[] = {"\r\n", "\r", "\n"};
    char out[512];

    for (size_t i = 0; i < 3; i++) {
        size_t n = 0;

        for (const char *p = text; *p != '\0'; p++) {
            if (*p != '\n') {
                out[n++] = *p;
                continue;
            }
            memcpy(out + n, ends[i], strlen(ends[i]));
            n += strlen(ends[i]);
        }
        struct got g = read_exact(out, n);
        cr_assert_eq(g.err, NACRE_OK, "%s", g.info.what);
        cr_assert_str_eq(g.comment, "a b");
        g = read_exact(out, n - strlen(ends[i])); /* the last one may be missing */
        cr_assert_eq(g.err, NACRE_OK, "%s", g.info.what);
    }
}

Test(rfc4716, refused)
{
    static const char *const cases[] = {
        BEGIN,
        BEGIN END,
        BEGIN BODY,
        BEGIN BODY "---- END SSH2 PUBLIC KEY ---\n",
        BEGIN BODY END "x",
        BEGIN BODY END BEGIN BODY END,
        BEGIN "\n" BODY "=\n" END,
        BEGIN BODY "AAAA\n" END,
        BEGIN "Comment: a\\",
        BEGIN "Comment: a\\\n",
        "---- BEGIN SSH2 PUBLIC KEY ---- \n" BODY END,
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
        "-----BEGIN RSA PUBLIC KEY-----\nMAA=\n-----END RSA PUBLIC KEY-----\n",
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_neq(read_text(cases[i]).err, NACRE_OK, "%s", cases[i]);
}

/* No line over 72 bytes (section 3.1), whatever the comment. */
Test(rfc4716, long_comments)
{
    static uint8_t out[8192];
    char comment[NACRE_KEY_COMMENT_MAX + 1];
    struct got key = read_text(BEGIN BODY END);
    const struct nacre_bytes blob = {key.blob, key.blob_len};

    for (size_t len = 0; len <= NACRE_KEY_COMMENT_MAX; len += len < 300 ? 1 : 31) {
        struct got g;
        size_t n, column = 0;

        for (size_t i = 0; i < len; i++)
            comment[i] = "ab\\\" "[i % 5];
        if (len > 0)
            comment[len - 1] = 'x';
        comment[len] = '\0';
        cr_assert_eq(nacre_pubkey_write(out, NACRE_PUBKEY_FILE_LEN(blob.n, len), &n,
                                        NACRE_KEYFILE_PUBLIC_4716, blob, nacre_bytes_str(comment)),
                     NACRE_OK);
        for (size_t i = 0; i < n; i++) {
            column = out[i] == '\n' ? 0 : column + 1;
            cr_assert_leq(column, 72);
        }
        g = read_exact(out, n);
        cr_assert_eq(g.err, NACRE_OK);
        cr_assert_str_eq(g.comment, comment);
    }
}

Test(rfc4716, write_refuses)
{
    static uint8_t out[8192];
    static const enum nacre_keyfile_format formats[] = {
        NACRE_KEYFILE_PUBLIC, NACRE_KEYFILE_PUBLIC_4716, NACRE_KEYFILE_PUBLIC_PEM};
    struct got key = read_text(BEGIN BODY END);
    struct nacre_bytes blob = {key.blob, key.blob_len}, comment = nacre_bytes_str("c");
    struct nacre_privkey k;
    size_t n = 1, full;

    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(nacre_pubkey_write(out, sizeof out, &full, formats[i], blob, comment),
                     NACRE_OK);
        for (size_t cap = 0; cap < full; cap++)
            cr_assert_eq(nacre_pubkey_write(out, cap, &n, formats[i], blob, comment),
                         NACRE_ERR_NO_ROOM);
        cr_assert_eq(n, 0);
    }
    cr_assert_eq(
        nacre_pubkey_write(out, sizeof out, &n, NACRE_KEYFILE_PUBLIC_PEM_RSA, blob, comment),
        NACRE_ERR_UNKNOWN_ALG);
    cr_assert_eq(nacre_pubkey_write(out, sizeof out, &n, NACRE_KEYFILE_PPK, blob, comment),
                 NACRE_ERR_UNKNOWN_ALG);
    cr_assert_eq(nacre_pubkey_write(out, sizeof out, &n, NACRE_KEYFILE_PUBLIC_4716, blob,
                                    nacre_bytes_str("a\nb")),
                 NACRE_ERR_USAGE);
    blob.n--;
    cr_assert_eq(nacre_pubkey_write(out, sizeof out, &n, NACRE_KEYFILE_PUBLIC_4716, blob, comment),
                 NACRE_ERR_KEY_FORMAT);
    cr_assert_eq(nacre_privkey_generate(&k, "ssh-mldsa44-ed25519", 0, &nacre_rng_os, work),
                 NACRE_OK);
    cr_assert_eq(nacre_pubkey_write(out, sizeof out, &n, NACRE_KEYFILE_PUBLIC_PEM,
                                    nacre_privkey_public_blob(&k), comment),
                 NACRE_ERR_UNKNOWN_ALG);
    cr_assert_eq(nacre_pubkey_write(out, sizeof out, &n, NACRE_KEYFILE_PUBLIC_4716,
                                    nacre_privkey_public_blob(&k), comment),
                 NACRE_OK);
}

/* ---- s20: cut and flipped, as text and, for PEM, decoded ---- */

Test(rfc4716, s20_text_damaged)
{
    struct vec v;

    for (vec_open(&v, "pubkey_files_openssh.txt"); vec_next(&v);) {
        static uint8_t copy[4096];
        size_t n;
        const uint8_t *file = vec_get(&v, "file", &n);

        /* the last line end, where the END mark needs none */
        for (size_t cut = 0; cut < n - 1; cut++)
            cr_assert_neq(read_exact(file, cut).err, NACRE_OK);
        for (size_t bit = 0; bit < 8 * n; bit++) {
            memcpy(copy, file, n);
            copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
            (void)read_exact(copy, n);
        }
    }
    vec_close(&v);
}

Test(rfc4716, s20_der_damaged)
{
    struct vec v;

    for (vec_open(&v, "pubkey_files_openssh.txt"); vec_next(&v);) {
        static uint8_t der[4096], out[8192];
        size_t n, len, m;
        const uint8_t *file = vec_get(&v, "file", &n);
        const char *label = file[11] == 'R' ? "RSA PUBLIC KEY" : "PUBLIC KEY", *what;

        if (file[4] != '-')
            continue;
        cr_assert_eq(
            ncr_pem_decode(der, sizeof der, &len, (struct nacre_bytes){file, n}, label, &what),
            NACRE_OK);
        for (size_t cut = 0; cut < len; cut++) {
            memcpy(out, der, m = cut);
            cr_assert_eq(ncr_pem_encode(out, sizeof out, &m, label, 64), NACRE_OK);
            cr_assert_neq(read_exact(out, m).err, NACRE_OK);
        }
        for (size_t bit = 0; bit < 8 * len; bit++) {
            memcpy(out, der, m = len);
            out[bit / 8] ^= (uint8_t)(1u << bit % 8);
            cr_assert_eq(ncr_pem_encode(out, sizeof out, &m, label, 64), NACRE_OK);
            (void)read_exact(out, m);
        }
        out[m = len] = 0;
        memcpy(out, der, len);
        m++;
        cr_assert_eq(ncr_pem_encode(out, sizeof out, &m, label, 64), NACRE_OK);
        cr_assert_neq(read_exact(out, m).err, NACRE_OK, "a byte too many");
    }
    vec_close(&v);
}

/* What is public reads as no private key, and says so. */
Test(rfc4716, no_private_key)
{
    struct nacre_keyfile_info info;
    static uint8_t scratch[4096];
    struct nacre_privkey k;
    struct vec v;

    for (vec_open(&v, "pubkey_files_openssh.txt"); vec_next(&v);) {
        struct nacre_bytes file;

        file.p = vec_get(&v, "file", &file.n);
        cr_assert_eq(
            nacre_keyfile_read(&k, NULL, 0, file, none, scratch, sizeof scratch, &info, work),
            NACRE_ERR_FILE_FORMAT);
        cr_assert_str_eq(info.what, "holds no private key");
    }
    vec_close(&v);
}
