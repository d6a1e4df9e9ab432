/* SPDX-License-Identifier: ISC
 *
 * SSHFP records: text as OpenSSH's ssh-keygen -r prints it, and s50 (only validated records count;
 * a record of the key's type that differs refuses).
 */
#include "proto/keys/nacre_sshfp.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static char text[NACRE_SSHFP_NAME_MAX + NACRE_SSHFP_TEXT_LEN];

Test(sshfp, openssh)
{
    struct vec v;

    for (vec_open(&v, "sshfp_openssh.txt"); vec_next(&v);) {
        struct nacre_bytes blob;
        nacre_err want = vec_has(&v, "sha1") ? NACRE_OK : NACRE_ERR_UNKNOWN_ALG;

        blob.p = vec_get(&v, "blob", &blob.n);
        cr_assert_eq(
            nacre_sshfp_format(text, sizeof text, "h.example", blob, NACRE_SSHFP_SHA1, false),
            want);
        if (want != NACRE_OK) {
            cr_assert_str_eq(text, "");
            continue;
        }
        vec_expect(&v, "sha1", (uint8_t *)text, strlen(text));
        cr_assert_eq(
            nacre_sshfp_format(text, sizeof text, "h.example", blob, NACRE_SSHFP_SHA256, false),
            NACRE_OK);
        vec_expect(&v, "sha256", (uint8_t *)text, strlen(text));
        cr_assert_eq(
            nacre_sshfp_format(text, sizeof text, "h.example", blob, NACRE_SSHFP_SHA256, true),
            NACRE_OK);
        vec_expect(&v, "generic", (uint8_t *)text, strlen(text));
    }
    vec_close(&v);
}

#define BLOB 51

static void make_blob(uint8_t blob[BLOB], uint8_t fill)
{
    memcpy(blob, "\0\0\0\013ssh-ed25519\0\0\0\040", 19);
    memset(blob + 19, fill, 32);
}

Test(sshfp, what_is_not_written)
{
    static const char *const names[] = {"", "a b", "a\nb IN A 1.2.3.4", "a\t"};
    static char long_name[NACRE_SSHFP_NAME_MAX + 2];
    uint8_t bytes[BLOB];
    struct nacre_bytes blob = {bytes, BLOB};
    struct nacre_bytes cut = {bytes, BLOB - 1};

    make_blob(bytes, 7);
    memset(long_name, 'a', sizeof long_name - 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        cr_assert_eq(nacre_sshfp_format(text, sizeof text, names[i], blob, NACRE_SSHFP_SHA1, false),
                     NACRE_ERR_USAGE);
    cr_assert_eq(nacre_sshfp_format(text, sizeof text, long_name, blob, NACRE_SSHFP_SHA1, false),
                 NACRE_ERR_USAGE);
    long_name[NACRE_SSHFP_NAME_MAX] = '\0';
    cr_assert_eq(nacre_sshfp_format(text, sizeof text, long_name, blob, NACRE_SSHFP_SHA256, true),
                 NACRE_OK);
    cr_assert_leq(strlen(text), sizeof text - 1);
    cr_assert_eq(nacre_sshfp_format(text, sizeof text - 1, long_name, blob, NACRE_SSHFP_SHA1, true),
                 NACRE_ERR_NO_ROOM);
    cr_assert_eq(nacre_sshfp_format(text, sizeof text, "h", cut, NACRE_SSHFP_SHA1, false),
                 NACRE_ERR_KEY_FORMAT);
    cr_assert_eq(nacre_sshfp_format(text, sizeof text, "h", blob, (enum nacre_sshfp_hash)3, false),
                 NACRE_ERR_UNKNOWN_ALG);
}

/* A record for the key (good), or for another. */
static size_t make_record(uint8_t out[34], unsigned number, unsigned hash, bool good)
{
    const struct nacre_hash *h = hash == 1 ? &nacre_hash_sha1 : &nacre_hash_sha256;
    union nacre_hash_ctx ctx;
    uint8_t blob[BLOB];

    make_blob(blob, good ? 7 : 8);
    out[0] = (uint8_t)number;
    out[1] = (uint8_t)hash;
    h->init(&ctx);
    h->update(&ctx, blob, sizeof blob);
    h->final(out + 2, &ctx);
    return 2 + h->len;
}

/* S50. Ed25519 is number 4. */
Test(sshfp, s50_records)
{
    static const struct {
        struct {
            unsigned number, hash;
            bool good;
        } r[3];
        size_t n;
        enum nacre_sshfp_verdict verdict;
    } rows[] = {
        {{{0}}, 0, NACRE_SSHFP_NONE},
        {{{4, 2, true}}, 1, NACRE_SSHFP_MATCH},
        {{{4, 1, true}}, 1, NACRE_SSHFP_MATCH},
        {{{4, 2, false}}, 1, NACRE_SSHFP_REFUSED},
        {{{4, 1, false}}, 1, NACRE_SSHFP_REFUSED},
        {{{4, 1, true}, {4, 2, false}}, 2, NACRE_SSHFP_REFUSED},
        {{{4, 2, false}, {4, 1, true}}, 2, NACRE_SSHFP_REFUSED},
        {{{4, 2, true}, {4, 1, true}}, 2, NACRE_SSHFP_MATCH},
        {{{1, 2, false}, {4, 2, true}, {3, 1, false}}, 3, NACRE_SSHFP_MATCH},
        {{{1, 2, true}}, 1, NACRE_SSHFP_NONE}, /* right hash, but said of an RSA key */
        {{{0, 2, true}}, 1, NACRE_SSHFP_NONE},
        {{{4, 3, true}}, 1, NACRE_SSHFP_NONE}, /* no such hash */
        {{{4, 0, true}, {4, 2, true}}, 2, NACRE_SSHFP_MATCH},
    };
    uint8_t bytes[BLOB];
    struct nacre_bytes blob = {bytes, BLOB};

    make_blob(bytes, 7);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nacre_sshfp q = {.validated = true};
        struct nacre_sshfp plain = {.validated = false};

        for (size_t j = 0; j < rows[i].n; j++) {
            uint8_t data[34];
            struct nacre_bytes rdata = {
                data, make_record(data, rows[i].r[j].number, rows[i].r[j].hash, rows[i].r[j].good)};

            nacre_sshfp_record(&q, blob, rdata);
            nacre_sshfp_record(&plain, blob, rdata);
        }
        cr_assert_eq(q.verdict, rows[i].verdict, "row %zu", i);
        cr_assert_eq(plain.verdict, NACRE_SSHFP_NONE, "not validated: row %zu", i);
    }
}

/* A record that is cut, extended or flipped never matches. */
Test(sshfp, s50_damaged_records)
{
    uint8_t bytes[BLOB], data[35];
    struct nacre_bytes blob = {bytes, BLOB};
    size_t len = make_record(data, 4, 2, true);

    make_blob(bytes, 7);
    data[len] = 0;
    for (size_t n = 0; n <= len + 1; n++) {
        struct nacre_sshfp q = {.validated = true};

        nacre_sshfp_record(&q, blob, (struct nacre_bytes){data, n});
        cr_assert_eq(q.verdict, n == len ? NACRE_SSHFP_MATCH
                                : n < 2  ? NACRE_SSHFP_NONE
                                         : NACRE_SSHFP_REFUSED);
    }
    for (size_t i = 0; i < 8 * len; i++) {
        struct nacre_sshfp q = {.validated = true};

        data[i / 8] ^= (uint8_t)(1u << i % 8);
        nacre_sshfp_record(&q, blob, (struct nacre_bytes){data, len});
        cr_assert_neq(q.verdict, NACRE_SSHFP_MATCH);
        data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    struct nacre_sshfp q = {.validated = true};

    nacre_sshfp_record(&q, (struct nacre_bytes){NULL, 0}, (struct nacre_bytes){data, len});
    cr_assert_eq(q.verdict, NACRE_SSHFP_NONE);
}
