/* SPDX-License-Identifier: ISC
 *
 * MD5 against RFC 1321's test suite and OpenSSL's values around the edges of the padding, and its
 * streaming: every split of a message gives the same digest.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static void md5_digest(uint8_t out[NACRE_MD5_LEN], const uint8_t *m, size_t n, size_t cut)
{
    struct nacre_md5 c;
    nacre_md5_init(&c);
    nacre_md5_update(&c, m, cut);
    nacre_md5_update(&c, m + cut, n - cut);
    nacre_md5_final(out, &c);
}

static void md5_fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(i * 131 + (i >> 8) * 7 + 5);
    }
}

static void md5_vectors(const char *file, unsigned at_least)
{
    struct vec v;
    for (vec_open(&v, file); vec_next(&v);) {
        size_t n;
        const uint8_t *m = vec_get(&v, "m", &n);
        uint8_t out[NACRE_MD5_LEN];
        md5_digest(out, m, n, 0);
        vec_expect(&v, "md5", out, sizeof out);
    }
    cr_assert_geq(v.records, at_least);
    vec_close(&v);
}

Test(md5, rfc1321)
{
    md5_vectors("md5_rfc1321.txt", 7);
}

Test(md5, edges_of_the_padding)
{
    md5_vectors("md5_openssl.txt", 17);
}

Test(md5, row)
{
    static const uint8_t m[] = "abc";
    uint8_t row[NACRE_MD5_LEN], own[NACRE_MD5_LEN];
    union nacre_hash_ctx c;
    nacre_hash_md5.init(&c);
    nacre_hash_md5.update(&c, m, 3);
    nacre_hash_md5.final(row, &c);
    md5_digest(own, m, 3, 1);
    cr_assert_arr_eq(row, own, sizeof own);
    cr_assert_str_eq(nacre_hash_md5.name, "md5");
    cr_assert(nacre_hash_md5.len == 16 && nacre_hash_md5.block == 64);
}

/* Every length over three blocks, in two parts at every place. */
Test(md5, every_split)
{
    static uint8_t m[3 * 64 + 2];
    md5_fill(m, sizeof m);
    for (size_t n = 0; n <= sizeof m; n++) {
        uint8_t whole[NACRE_MD5_LEN], parts[NACRE_MD5_LEN];
        md5_digest(whole, m, n, 0);
        for (size_t cut = 0; cut <= n; cut++) {
            md5_digest(parts, m, n, cut);
            cr_assert_arr_eq(whole, parts, sizeof parts, "%zu bytes cut at %zu", n, cut);
        }
    }
}

Test(md5, chunks_of_every_size)
{
    static uint8_t m[1031];
    uint8_t whole[NACRE_MD5_LEN], parts[NACRE_MD5_LEN];
    md5_fill(m, sizeof m);
    md5_digest(whole, m, sizeof m, 0);
    for (size_t chunk = 1; chunk < 150; chunk++) {
        struct nacre_md5 c;
        nacre_md5_init(&c);
        for (size_t at = 0; at < sizeof m; at += chunk) {
            nacre_md5_update(&c, m + at, chunk < sizeof m - at ? chunk : sizeof m - at);
        }
        nacre_md5_update(&c, NULL, 0);
        nacre_md5_final(parts, &c);
        cr_assert_arr_eq(whole, parts, sizeof parts, "in chunks of %zu", chunk);
    }
}

/* The count of bits past 2^32 reaches the padding. */
Test(md5, high_words_of_the_length)
{
    uint8_t a[NACRE_MD5_LEN], b[NACRE_MD5_LEN];
    md5_digest(a, NULL, 0, 0);
    for (unsigned bit = 6; bit < 61; bit++) {
        struct nacre_md5 c;
        nacre_md5_init(&c);
        c.len = (uint64_t)1 << bit;
        nacre_md5_final(b, &c);
        cr_assert_arr_neq(a, b, sizeof a, "bit %u", bit);
    }
}

Test(md5, final_wipes)
{
    static const uint8_t m[200] = {1, 2, 3};
    static const struct nacre_md5 zero;
    uint8_t out[NACRE_MD5_LEN];
    struct nacre_md5 c;
    nacre_md5_init(&c);
    nacre_md5_update(&c, m, sizeof m);
    nacre_md5_final(out, &c);
    cr_assert_arr_eq(&c, &zero, sizeof c);
}

/* Only the length of a message may decide what is executed. */
Test(md5, ct_in_message)
{
    uint8_t m[300], out[NACRE_MD5_LEN], again[NACRE_MD5_LEN];
    md5_fill(m, sizeof m);
    md5_digest(again, m, sizeof m, 0);
    NCR_CT_SECRET(m, sizeof m);
    md5_digest(out, m, sizeof m, 5);
    NCR_CT_PUBLIC(out, sizeof out);
    cr_assert_arr_eq(out, again, sizeof out);
}
