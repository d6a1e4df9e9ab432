/* SPDX-License-Identifier: ISC
 *
 * UMAC-64 and UMAC-128 in each of its forms: RFC 4418's values, Nettle's for every kind of length
 * and at the edges of the moduli, streaming, reuse of a keyed context.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "tests/twins.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct umac_kind {
    const char *name;
    size_t tag_len;
} umac_kinds[] = {{"umac64", 8}, {"umac128", 16}};

enum { UMAC_KINDS = 2 };

static uint8_t umac_pattern(size_t i)
{
    return (uint8_t)(7 * i + i / 256 + 1);
}

static void umac_mac(uint8_t *tag, const struct twin *t, const struct umac_kind *kind,
                     const uint8_t *key, const uint8_t *nonce, const uint8_t *m, size_t n)
{
    struct nacre_umac c;
    t->umac_init(&c, kind->tag_len, key);
    t->umac_update(&c, m, n);
    t->umac_final(tag, &c, nonce);
}

/* The message: "m" as often as "repeat" says, or "len" bytes of the pattern. The caller frees. */
static uint8_t *umac_message(const struct vec *v, size_t *n)
{
    const uint8_t *m = NULL;
    uint8_t *all;
    size_t repeat = vec_has(v, "repeat") ? (size_t)vec_uint(v, "repeat") : 1, len;
    if (vec_has(v, "len")) {
        len = (size_t)vec_uint(v, "len");
    } else {
        m = vec_get(v, "m", &len);
    }
    all = malloc(len * repeat + 1);
    cr_assert_not_null(all);
    for (size_t i = 0; i < len * repeat; i++) {
        all[i] = m == NULL ? umac_pattern(i) : m[i % len];
    }
    *n = len * repeat;
    return all;
}

static void umac_vectors(const char *file, unsigned at_least)
{
    struct vec v;
    for (vec_open(&v, file); vec_next(&v);) {
        size_t n;
        uint8_t *m = umac_message(&v, &n), tag[NACRE_UMAC_MAX_LEN];
        for (size_t i = 0; i < TWINS * UMAC_KINDS; i++) {
            const struct umac_kind *kind = umac_kinds + i % UMAC_KINDS;
            umac_mac(tag, twins[i / UMAC_KINDS], kind, vec_fixed(&v, "key", NACRE_UMAC_KEY_LEN),
                     vec_fixed(&v, "nonce", NACRE_UMAC_NONCE_LEN), m, n);
            vec_expect(&v, kind->name, tag, kind->tag_len);
        }
        free(m);
    }
    cr_assert_geq(v.records, at_least);
    vec_close(&v);
}

Test(umac, rfc4418)
{
    umac_vectors("umac_rfc4418.txt", 7);
}

Test(umac, lengths_and_edges)
{
    umac_vectors("umac_nettle.txt", 71);
}

/* Every length over two blocks and a bit, in two parts; the context serves them all. */
Test(umac, splits_and_reuse)
{
    static const uint8_t key[NACRE_UMAC_KEY_LEN] = {1, 2, 3}, nonce[NACRE_UMAC_NONCE_LEN] = {7};
    static uint8_t m[2 * 1024 + 70];
    uint8_t whole[NACRE_UMAC_MAX_LEN], parts[NACRE_UMAC_MAX_LEN];
    for (size_t i = 0; i < sizeof m; i++) {
        m[i] = umac_pattern(i);
    }
    for (size_t k = 0; k < UMAC_KINDS; k++) {
        struct nacre_umac c;
        nacre_umac_init(&c, umac_kinds[k].tag_len, key);
        for (size_t n = 0; n <= sizeof m; n += n < 70 || n % 1024 > 1000 ? 1 : 31) {
            umac_mac(whole, &twin_portable, umac_kinds + k, key, nonce, m, n);
            for (size_t cut = 0; cut <= n; cut += cut < 40 || cut % 1024 > 1000 ? 1 : 61) {
                nacre_umac_update(&c, m, cut);
                nacre_umac_update(&c, m + cut, n - cut);
                nacre_umac_final(parts, &c, nonce);
                cr_assert_arr_eq(whole, parts, umac_kinds[k].tag_len, "%s: %zu bytes cut at %zu",
                                 umac_kinds[k].name, n, cut);
            }
        }
    }
}

Test(umac, chunks_of_every_size)
{
    static const uint8_t key[NACRE_UMAC_KEY_LEN] = {9}, nonce[NACRE_UMAC_NONCE_LEN] = {8};
    static uint8_t m[4099];
    uint8_t whole[NACRE_UMAC_MAX_LEN], parts[NACRE_UMAC_MAX_LEN];
    struct nacre_umac c;
    for (size_t i = 0; i < sizeof m; i++) {
        m[i] = umac_pattern(i);
    }
    nacre_umac_init(&c, 16, key);
    umac_mac(whole, &twin_portable, umac_kinds + 1, key, nonce, m, sizeof m);
    for (size_t chunk = 1; chunk < 2100; chunk += chunk < 70 ? 1 : 37) {
        for (size_t at = 0; at < sizeof m; at += chunk) {
            nacre_umac_update(&c, m + at, chunk < sizeof m - at ? chunk : sizeof m - at);
        }
        nacre_umac_update(&c, NULL, 0);
        nacre_umac_final(parts, &c, nonce);
        cr_assert_arr_eq(whole, parts, sizeof parts, "in chunks of %zu", chunk);
    }
}

/* The two pads of UMAC-64 out of one block differ, and so do messages that zeros tell apart. */
Test(umac, nonces_and_zeros)
{
    static const uint8_t key[NACRE_UMAC_KEY_LEN] = {5};
    static const uint8_t zeros[33];
    for (size_t k = 0; k < UMAC_KINDS; k++) {
        uint8_t last[NACRE_UMAC_MAX_LEN] = {0}, tag[NACRE_UMAC_MAX_LEN];
        for (uint8_t i = 0; i < 4; i++) {
            uint8_t nonce[NACRE_UMAC_NONCE_LEN] = {0, 0, 0, 0, 0, 0, 0, i};
            umac_mac(tag, &twin_default, umac_kinds + k, key, nonce, zeros, 3);
            cr_assert_arr_neq(tag, last, umac_kinds[k].tag_len);
            memcpy(last, tag, sizeof last);
        }
        for (size_t n = 0; n <= sizeof zeros; n++) {
            umac_mac(tag, &twin_default, umac_kinds + k, key, zeros, zeros, n);
            cr_assert_arr_neq(tag, last, umac_kinds[k].tag_len);
            memcpy(last, tag, sizeof last);
        }
    }
}

Test(umac, other_tag_lengths_count_as_16)
{
    static const uint8_t key[NACRE_UMAC_KEY_LEN] = {5}, nonce[NACRE_UMAC_NONCE_LEN];
    static const size_t lens[] = {0, 4, 12, 16, 24};
    uint8_t want[NACRE_UMAC_MAX_LEN], tag[NACRE_UMAC_MAX_LEN];
    umac_mac(want, &twin_default, umac_kinds + 1, key, nonce, key, sizeof key);
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct nacre_umac c;
        nacre_umac_init(&c, lens[i], key);
        nacre_umac_update(&c, key, sizeof key);
        nacre_umac_final(tag, &c, nonce);
        cr_assert_arr_eq(tag, want, sizeof want);
    }
}

/* No plaintext stays behind. */
Test(umac, final_wipes_the_buffer)
{
    static const uint8_t key[NACRE_UMAC_KEY_LEN] = {5}, nonce[NACRE_UMAC_NONCE_LEN], m[3000] = {1};
    struct nacre_umac c;
    uint8_t tag[NACRE_UMAC_MAX_LEN];
    nacre_umac_init(&c, 16, key);
    for (size_t n = 0; n <= sizeof m; n += 100) {
        nacre_umac_update(&c, m, n);
        nacre_umac_final(tag, &c, nonce);
        for (size_t i = 0; i < sizeof c.buf; i++) {
            cr_assert_eq(c.buf[i], 0);
        }
    }
}

/* Only lengths and the nonce may decide what is executed. */
Test(umac, ct_in_key_and_message)
{
    static const size_t lens[] = {0, 3, 64, 1024, 1025, 2500};
    static const uint8_t nonce[NACRE_UMAC_NONCE_LEN] = {1, 2, 3, 4, 5, 6, 7, 9};
    for (size_t i = 0; i < TWINS * UMAC_KINDS; i++) {
        const struct umac_kind *kind = umac_kinds + i % UMAC_KINDS;
        for (size_t l = 0; l < sizeof lens / sizeof *lens; l++) {
            uint8_t key[NACRE_UMAC_KEY_LEN] = {4}, m[2500];
            uint8_t tag[NACRE_UMAC_MAX_LEN], again[NACRE_UMAC_MAX_LEN];
            memset(m, 0xff, sizeof m);
            umac_mac(again, twins[i / UMAC_KINDS], kind, key, nonce, m, lens[l]);
            NCR_CT_SECRET(key, sizeof key);
            NCR_CT_SECRET(m, sizeof m);
            umac_mac(tag, twins[i / UMAC_KINDS], kind, key, nonce, m, lens[l]);
            NCR_CT_PUBLIC(tag, sizeof tag);
            cr_assert_arr_eq(tag, again, kind->tag_len);
        }
    }
}
