/* SPDX-License-Identifier: ISC
 *
 * SHA-256, SHA-384 and SHA-512 against FIPS 180-4's published examples, and their streaming: every
 * split of a message gives the same digest, around every edge of the padding.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "tests/twins.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct nacre_hash *const sha2_rows[] = {&nacre_hash_sha256, &nacre_hash_sha384,
                                                     &nacre_hash_sha512};

enum { SHA2_ROWS = sizeof sha2_rows / sizeof sha2_rows[0] };

static void sha2_digest(uint8_t *out, const struct nacre_hash *hash, const uint8_t *m, size_t n)
{
    union nacre_hash_ctx c;
    hash->init(&c);
    hash->update(&c, m, n);
    hash->final(out, &c);
}

static void sha2_fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(i * 131 + (i >> 8) * 7 + 5);
    }
}

/* "m" is the message once, "repeat" how often it stands there. */
static void sha2_vector(const struct vec *v, const struct nacre_hash *hash)
{
    size_t n;
    const uint8_t *m = vec_get(v, "m", &n);
    uint64_t repeat = vec_has(v, "repeat") ? vec_uint(v, "repeat") : 1;
    uint8_t out[NACRE_HASH_MAX_LEN];
    union nacre_hash_ctx c;
    hash->init(&c);
    while (repeat-- > 0) {
        hash->update(&c, m, n);
    }
    hash->final(out, &c);
    vec_expect(v, hash->name, out, hash->len);
}

/* The same by each twin of SHA-256. */
static void sha2_twins256(const struct vec *v)
{
    size_t n;
    const uint8_t *m = vec_get(v, "m", &n);
    for (size_t i = 0; i < TWINS; i++) {
        uint64_t repeat = vec_has(v, "repeat") ? vec_uint(v, "repeat") : 1;
        uint8_t out[NACRE_SHA256_LEN];
        struct nacre_sha256 c;
        twins[i]->sha256_init(&c);
        while (repeat-- > 0) {
            twins[i]->sha256_update(&c, m, n);
        }
        twins[i]->sha256_final(out, &c);
        vec_expect(v, "sha256", out, sizeof out);
    }
}

Test(sha2, fips180_examples)
{
    struct vec v;
    unsigned done = 0;
    for (vec_open(&v, "sha2_fips180.txt"); vec_next(&v);) {
        for (size_t i = 0; i < SHA2_ROWS; i++) {
            if (vec_has(&v, sha2_rows[i]->name)) {
                sha2_vector(&v, sha2_rows[i]);
                done++;
            }
        }
        if (vec_has(&v, "sha256")) {
            sha2_twins256(&v);
        }
    }
    vec_close(&v);
    cr_assert_geq(done, 9);
}

/* The streams differ by implementation only: a public wrapper and its row must agree. */
Test(sha2, rows_name_their_functions)
{
    static const uint8_t m[] = "abc";
    uint8_t row[NACRE_HASH_MAX_LEN], own[NACRE_HASH_MAX_LEN];
    struct nacre_sha256 c256;
    struct nacre_sha512 c512;

    nacre_sha256_init(&c256);
    nacre_sha256_update(&c256, m, 3);
    nacre_sha256_final(own, &c256);
    sha2_digest(row, &nacre_hash_sha256, m, 3);
    cr_assert_arr_eq(row, own, NACRE_SHA256_LEN);

    nacre_sha384_init(&c512);
    nacre_sha512_update(&c512, m, 3);
    nacre_sha384_final(own, &c512);
    sha2_digest(row, &nacre_hash_sha384, m, 3);
    cr_assert_arr_eq(row, own, NACRE_SHA384_LEN);

    nacre_sha512_init(&c512);
    nacre_sha512_update(&c512, m, 3);
    nacre_sha512_final(own, &c512);
    sha2_digest(row, &nacre_hash_sha512, m, 3);
    cr_assert_arr_eq(row, own, NACRE_SHA512_LEN);

    cr_assert_eq(nacre_hash_sha256.block, 64);
    cr_assert_eq(nacre_hash_sha384.block, 128);
    cr_assert_eq(nacre_hash_sha512.block, 128);
}

/* Every message length over three blocks, in two parts at every place. */
Test(sha2, every_split)
{
    static uint8_t m[3 * 128 + 2];
    sha2_fill(m, sizeof m);
    for (size_t row = 0; row < SHA2_ROWS; row++) {
        const struct nacre_hash *hash = sha2_rows[row];
        for (size_t n = 0; n <= sizeof m; n += n < 260 ? 1 : 9) {
            uint8_t whole[NACRE_HASH_MAX_LEN], parts[NACRE_HASH_MAX_LEN];
            sha2_digest(whole, hash, m, n);
            for (size_t cut = 0; cut <= n; cut++) {
                union nacre_hash_ctx c;
                hash->init(&c);
                hash->update(&c, m, cut);
                hash->update(&c, m + cut, n - cut);
                hash->final(parts, &c);
                cr_assert_arr_eq(whole, parts, hash->len, "%s: %zu bytes cut at %zu", hash->name, n,
                                 cut);
            }
        }
    }
}

Test(sha2, chunks_of_every_size)
{
    static uint8_t m[1031];
    sha2_fill(m, sizeof m);
    for (size_t row = 0; row < SHA2_ROWS; row++) {
        const struct nacre_hash *hash = sha2_rows[row];
        uint8_t whole[NACRE_HASH_MAX_LEN], parts[NACRE_HASH_MAX_LEN];
        sha2_digest(whole, hash, m, sizeof m);
        for (size_t chunk = 1; chunk < 300; chunk++) {
            union nacre_hash_ctx c;
            hash->init(&c);
            for (size_t at = 0; at < sizeof m; at += chunk) {
                hash->update(&c, m + at, chunk < sizeof m - at ? chunk : sizeof m - at);
            }
            hash->update(&c, NULL, 0);
            hash->final(parts, &c);
            cr_assert_arr_eq(whole, parts, hash->len, "%s in chunks of %zu", hash->name, chunk);
        }
    }
}

/* One byte more or less than fits beside the padding must not give the digest of a neighbour. */
Test(sha2, lengths_differ)
{
    static const uint8_t zeros[260];
    for (size_t row = 0; row < SHA2_ROWS; row++) {
        const struct nacre_hash *hash = sha2_rows[row];
        uint8_t last[NACRE_HASH_MAX_LEN] = {0}, now[NACRE_HASH_MAX_LEN];
        for (size_t n = 0; n <= sizeof zeros; n++) {
            sha2_digest(now, hash, zeros, n);
            cr_assert_arr_neq(last, now, hash->len);
            memcpy(last, now, hash->len);
        }
    }
}

/* The count of bits past 2^32 and past 2^61 bytes reaches the padding: the state is set up as if
 * that much had been hashed, and only the length may then make a difference. */
Test(sha2, high_words_of_the_length)
{
    uint8_t a[NACRE_HASH_MAX_LEN], b[NACRE_HASH_MAX_LEN];
    for (unsigned bit = 7; bit < 64; bit++) {
        struct nacre_sha512 c;
        nacre_sha512_init(&c);
        nacre_sha512_final(a, &c);
        nacre_sha512_init(&c);
        c.len = (uint64_t)1 << bit;
        nacre_sha512_final(b, &c);
        cr_assert_arr_neq(a, b, NACRE_SHA512_LEN, "bit %u", bit);
    }
    for (unsigned bit = 6; bit < 61; bit++) {
        struct nacre_sha256 c;
        nacre_sha256_init(&c);
        nacre_sha256_final(a, &c);
        nacre_sha256_init(&c);
        c.len = (uint64_t)1 << bit;
        nacre_sha256_final(b, &c);
        cr_assert_arr_neq(a, b, NACRE_SHA256_LEN, "bit %u", bit);
    }
}

Test(sha2, final_wipes)
{
    static const uint8_t m[200] = {1, 2, 3};
    static const union nacre_hash_ctx zero;
    uint8_t out[NACRE_HASH_MAX_LEN];
    struct nacre_sha256 c256;
    struct nacre_sha512 c512;

    nacre_sha256_init(&c256);
    nacre_sha256_update(&c256, m, sizeof m);
    nacre_sha256_final(out, &c256);
    cr_assert_arr_eq(&c256, &zero, sizeof c256);
    nacre_sha384_init(&c512);
    nacre_sha512_update(&c512, m, sizeof m);
    nacre_sha384_final(out, &c512);
    cr_assert_arr_eq(&c512, &zero, sizeof c512);
    nacre_sha512_init(&c512);
    nacre_sha512_update(&c512, m, sizeof m);
    nacre_sha512_final(out, &c512);
    cr_assert_arr_eq(&c512, &zero, sizeof c512);
}

/* Only the length of a message may decide what is executed. */
Test(sha2, ct_in_message)
{
    uint8_t m[300], out[NACRE_HASH_MAX_LEN], again[NACRE_HASH_MAX_LEN];
    for (size_t row = 0; row < SHA2_ROWS; row++) {
        sha2_fill(m, sizeof m);
        sha2_digest(again, sha2_rows[row], m, sizeof m);
        NCR_CT_SECRET(m, sizeof m);
        sha2_digest(out, sha2_rows[row], m, sizeof m);
        NCR_CT_PUBLIC(out, sizeof out);
        NCR_CT_PUBLIC(m, sizeof m);
        cr_assert_arr_eq(out, again, sha2_rows[row]->len);
    }
}
