/* SPDX-License-Identifier: ISC
 *
 * Poly1305 against RFC 8439, which has a vector for each carry that implementations got wrong, and
 * against OpenSSL at the limits of the limbs; with and without 128-bit integers.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "tests/twins.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static void poly1305_mac(uint8_t tag[16], const struct twin *t, const uint8_t *key,
                         const uint8_t *m, size_t n, size_t chunk)
{
    struct nacre_poly1305 c;
    t->poly1305_init(&c, key);
    for (size_t at = 0; at < n; at += chunk) {
        t->poly1305_update(&c, m + at, chunk < n - at ? chunk : n - at);
    }
    t->poly1305_update(&c, NULL, 0);
    t->poly1305_final(tag, &c);
}

/* Each record whole and in chunks of every size. */
static void poly1305_vectors(const char *file, unsigned at_least)
{
    struct vec v;
    for (vec_open(&v, file); vec_next(&v);) {
        size_t n;
        const uint8_t *key = vec_fixed(&v, "key", 32), *m = vec_get(&v, "m", &n);
        for (size_t i = 0; i < TWINS; i++) {
            for (size_t chunk = 1; chunk <= n + 1; chunk++) {
                uint8_t tag[NACRE_POLY1305_LEN];
                poly1305_mac(tag, twins[i], key, m, n, chunk);
                vec_expect(&v, "tag", tag, sizeof tag);
            }
        }
    }
    cr_assert_geq(v.records, at_least);
    vec_close(&v);
}

Test(poly1305, rfc8439)
{
    poly1305_vectors("poly1305_rfc8439.txt", 12);
}

Test(poly1305, limits_of_the_limbs)
{
    poly1305_vectors("poly1305_openssl.txt", 50);
}

/* The bits that the clamp clears have no influence, all others have. */
Test(poly1305, clamp)
{
    static const uint8_t kept[16] = {0xff, 0xff, 0xff, 0x0f, 0xfc, 0xff, 0xff, 0x0f,
                                     0xfc, 0xff, 0xff, 0x0f, 0xfc, 0xff, 0xff, 0x0f};
    static const uint8_t m[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    for (size_t i = 0; i < TWINS; i++) {
        for (unsigned bit = 0; bit < 128; bit++) {
            uint8_t key[32] = {0}, none[16], tag[16];
            poly1305_mac(none, twins[i], key, m, sizeof m, sizeof m);
            key[bit / 8] = (uint8_t)(1U << bit % 8);
            poly1305_mac(tag, twins[i], key, m, sizeof m, sizeof m);
            cr_assert_eq(memcmp(tag, none, 16) != 0, (kept[bit / 8] >> bit % 8 & 1) != 0);
        }
    }
}

/* The twins agree on a long message, in every two-way split of its last blocks. */
Test(poly1305, twins_agree)
{
    static uint8_t m[4000];
    uint8_t key[32], want[16], got[16];
    for (size_t i = 0; i < sizeof m; i++) {
        m[i] = (uint8_t)(i % 7 == 0 ? 0xff : i * i >> 3);
    }
    memcpy(key, m + 100, sizeof key);
    poly1305_mac(want, twins[0], key, m, sizeof m, sizeof m);
    for (size_t i = 0; i < TWINS; i++) {
        for (size_t tail = 0; tail < 70; tail++) {
            struct nacre_poly1305 c;
            twins[i]->poly1305_init(&c, key);
            twins[i]->poly1305_update(&c, m, sizeof m - tail);
            twins[i]->poly1305_update(&c, m + sizeof m - tail, tail);
            twins[i]->poly1305_final(got, &c);
            cr_assert_arr_eq(got, want, 16, "%s, last %zu apart", twins[i]->name, tail);
        }
    }
}

Test(poly1305, final_wipes)
{
    static const struct nacre_poly1305 zero;
    static const uint8_t key[32] = {9, 9, 9}, m[20] = {1};
    for (size_t i = 0; i < TWINS; i++) {
        struct nacre_poly1305 c;
        uint8_t tag[16];
        twins[i]->poly1305_init(&c, key);
        twins[i]->poly1305_update(&c, m, sizeof m);
        twins[i]->poly1305_final(tag, &c);
        cr_assert_arr_eq(&c, &zero, sizeof c);
    }
}

Test(poly1305, ct_in_key_and_message)
{
    static const size_t chunks[2] = {33, 1500};
    uint8_t key[32], m[1500], tag[16], again[16];
    memset(key, 0x77, sizeof key);
    memset(m, 0xff, sizeof m);
    for (size_t i = 0; i < 2 * TWINS; i++) {
        const struct twin *t = twins[i / 2];
        poly1305_mac(again, t, key, m, sizeof m, chunks[i % 2]);
        NCR_CT_SECRET(key, sizeof key);
        NCR_CT_SECRET(m, sizeof m);
        poly1305_mac(tag, t, key, m, sizeof m, chunks[i % 2]);
        NCR_CT_PUBLIC(tag, sizeof tag);
        NCR_CT_PUBLIC(key, sizeof key);
        NCR_CT_PUBLIC(m, sizeof m);
        cr_assert_arr_eq(tag, again, sizeof tag);
    }
}
