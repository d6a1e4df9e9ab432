/* SPDX-License-Identifier: ISC
 *
 * SHA-1 against FIPS 180's examples and OpenSSL's values around the edges of the padding, in each
 * of its forms, and its streaming: every split of a message gives the same digest.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "tests/twins.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static void sha1_digest(uint8_t out[NACRE_SHA1_LEN], const uint8_t *m, size_t n)
{
    struct nacre_sha1 c;
    nacre_sha1_init(&c);
    nacre_sha1_update(&c, m, n);
    nacre_sha1_final(out, &c);
}

static void sha1_fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(i * 131 + (i >> 8) * 7 + 5);
    }
}

/* "m" is the message once, "repeat" how often it stands there. */
static void sha1_vectors(const char *file, unsigned at_least)
{
    struct vec v;
    for (vec_open(&v, file); vec_next(&v);) {
        size_t n;
        const uint8_t *m = vec_get(&v, "m", &n);
        for (size_t i = 0; i < TWINS; i++) {
            uint64_t repeat = vec_has(&v, "repeat") ? vec_uint(&v, "repeat") : 1;
            uint8_t out[NACRE_SHA1_LEN];
            struct nacre_sha1 c;
            twins[i]->sha1_init(&c);
            while (repeat-- > 0) {
                twins[i]->sha1_update(&c, m, n);
            }
            twins[i]->sha1_final(out, &c);
            vec_expect(&v, "sha1", out, sizeof out);
        }
    }
    cr_assert_geq(v.records, at_least);
    vec_close(&v);
}

Test(sha1, fips180_examples)
{
    sha1_vectors("sha1_fips180.txt", 4);
}

Test(sha1, edges_of_the_padding)
{
    sha1_vectors("sha1_openssl.txt", 17);
}

Test(sha1, row)
{
    static const uint8_t m[] = "abc";
    uint8_t row[NACRE_SHA1_LEN], own[NACRE_SHA1_LEN];
    union nacre_hash_ctx c;
    nacre_hash_sha1.init(&c);
    nacre_hash_sha1.update(&c, m, 3);
    nacre_hash_sha1.final(row, &c);
    sha1_digest(own, m, 3);
    cr_assert_arr_eq(row, own, sizeof own);
    cr_assert_str_eq(nacre_hash_sha1.name, "sha1");
    cr_assert(nacre_hash_sha1.len == 20 && nacre_hash_sha1.block == 64);
}

/* Every length over three blocks, in two parts at every place, by each form. */
Test(sha1, every_split)
{
    static uint8_t m[3 * 64 + 2];
    sha1_fill(m, sizeof m);
    for (size_t n = 0; n <= sizeof m; n++) {
        uint8_t whole[NACRE_SHA1_LEN], parts[NACRE_SHA1_LEN];
        sha1_digest(whole, m, n);
        for (size_t i = 0; i < TWINS; i++) {
            for (size_t cut = 0; cut <= n; cut += i == 0 ? 1 : 7) {
                struct nacre_sha1 c;
                twins[i]->sha1_init(&c);
                twins[i]->sha1_update(&c, m, cut);
                twins[i]->sha1_update(&c, m + cut, n - cut);
                twins[i]->sha1_final(parts, &c);
                cr_assert_arr_eq(whole, parts, sizeof parts, "%s: %zu bytes cut at %zu",
                                 twins[i]->name, n, cut);
            }
        }
    }
}

Test(sha1, chunks_of_every_size)
{
    static uint8_t m[1031];
    uint8_t whole[NACRE_SHA1_LEN], parts[NACRE_SHA1_LEN];
    sha1_fill(m, sizeof m);
    sha1_digest(whole, m, sizeof m);
    for (size_t chunk = 1; chunk < 150; chunk++) {
        struct nacre_sha1 c;
        nacre_sha1_init(&c);
        for (size_t at = 0; at < sizeof m; at += chunk) {
            nacre_sha1_update(&c, m + at, chunk < sizeof m - at ? chunk : sizeof m - at);
        }
        nacre_sha1_update(&c, NULL, 0);
        nacre_sha1_final(parts, &c);
        cr_assert_arr_eq(whole, parts, sizeof parts, "in chunks of %zu", chunk);
    }
}

/* The count of bits past 2^32 reaches the padding: the state is set up as if that much had been
 * hashed, and only the length may then make a difference. */
Test(sha1, high_words_of_the_length)
{
    uint8_t a[NACRE_SHA1_LEN], b[NACRE_SHA1_LEN];
    sha1_digest(a, NULL, 0);
    for (unsigned bit = 6; bit < 61; bit++) {
        struct nacre_sha1 c;
        nacre_sha1_init(&c);
        c.len = (uint64_t)1 << bit;
        nacre_sha1_final(b, &c);
        cr_assert_arr_neq(a, b, sizeof a, "bit %u", bit);
    }
}

Test(sha1, final_wipes)
{
    static const uint8_t m[200] = {1, 2, 3};
    static const struct nacre_sha1 zero;
    uint8_t out[NACRE_SHA1_LEN];
    struct nacre_sha1 c;
    nacre_sha1_init(&c);
    nacre_sha1_update(&c, m, sizeof m);
    nacre_sha1_final(out, &c);
    cr_assert_arr_eq(&c, &zero, sizeof c);
}

/* Only the length of a message may decide what is executed. */
Test(sha1, ct_in_message)
{
    uint8_t m[300], out[NACRE_SHA1_LEN], again[NACRE_SHA1_LEN];
    for (size_t i = 0; i < TWINS; i++) {
        struct nacre_sha1 c;
        sha1_fill(m, sizeof m);
        sha1_digest(again, m, sizeof m);
        NCR_CT_SECRET(m, sizeof m);
        twins[i]->sha1_init(&c);
        twins[i]->sha1_update(&c, m, sizeof m);
        twins[i]->sha1_final(out, &c);
        NCR_CT_PUBLIC(out, sizeof out);
        NCR_CT_PUBLIC(m, sizeof m);
        cr_assert_arr_eq(out, again, sizeof out);
    }
}
