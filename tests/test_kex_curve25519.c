/* SPDX-License-Identifier: ISC
 *
 * curve25519-sha256: the two ends agree (RFC 7748 6.1), and s26: wrong sizes and values of small
 * order are refused on both sides, outputs zeroed. Randomness that fails is an error.
 */
#include "proto/alg.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct ncr_kex *const rows[] = {&ncr_kex_curve25519, &ncr_kex_curve25519_libssh};

/* RFC 7748 section 6.1. */
static const uint8_t alice[32] = {0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1,
                                  0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0,
                                  0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a};
static const uint8_t alice_pub[32] = {
    0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d, 0xdc, 0xb4, 0x3e, 0xf7, 0x5a,
    0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38, 0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a};
static const uint8_t bob[32] = {0x5d, 0xab, 0x08, 0x7e, 0x62, 0x4a, 0x8a, 0x4b, 0x79, 0xe1, 0x7f,
                                0x8b, 0x83, 0x80, 0x0e, 0xe6, 0x6f, 0x3b, 0xb1, 0x29, 0x26, 0x18,
                                0xb6, 0xfd, 0x1c, 0x2f, 0x8b, 0x27, 0xff, 0x88, 0xe0, 0xeb};
static const uint8_t bob_pub[32] = {
    0xde, 0x9e, 0xdb, 0x7d, 0x7b, 0x7d, 0xc1, 0xb4, 0xd3, 0x5b, 0x61, 0xc2, 0xec, 0xe4, 0x35, 0x37,
    0x3f, 0x83, 0x43, 0xc8, 0x5b, 0x78, 0x67, 0x4d, 0xad, 0xfc, 0x7e, 0x14, 0x6f, 0x88, 0x2b, 0x4f};
static const uint8_t shared_k[32] = {
    0x4a, 0x5d, 0x9d, 0x5b, 0xa4, 0xce, 0x2d, 0xe1, 0x72, 0x8e, 0x3b, 0xf4, 0x80, 0x35, 0x0f, 0x25,
    0xe0, 0x7e, 0x21, 0xc9, 0x47, 0xd1, 0x9e, 0x33, 0x76, 0xf0, 0x9b, 0x3c, 0x1e, 0x16, 0x17, 0x42};

/* A source that gives the 32 bytes it is made with. */
static bool fixed_fill(void *ctx, uint8_t *out, size_t n)
{
    if (n != 32) {
        return false;
    }
    memcpy(out, ctx, n);
    return true;
}

static struct nacre_rng fixed(const uint8_t scalar[32], uint8_t copy[32])
{
    memcpy(copy, scalar, 32);
    return (struct nacre_rng){fixed_fill, copy};
}

static bool is_zero(const uint8_t p[32])
{
    static const uint8_t zero[32];
    return memcmp(p, zero, 32) == 0;
}

Test(kex_curve25519, rfc7748_6_1)
{
    for (size_t i = 0; i < 2; i++) {
        uint8_t copy[32], pub[32], secret[32], reply[32], k[32];
        struct nacre_rng rng = fixed(alice, copy);
        cr_assert_eq(rows[i]->start(pub, secret, &rng, NULL), NACRE_OK);
        cr_assert_arr_eq(pub, alice_pub, 32);
        rng = fixed(bob, copy);
        cr_assert_eq(rows[i]->respond(reply, k, (struct nacre_bytes){pub, 32}, &rng, NULL),
                     NACRE_OK);
        cr_assert_arr_eq(reply, bob_pub, 32);
        cr_assert_arr_eq(k, shared_k, 32);
        memset(k, 0xee, sizeof k);
        cr_assert_eq(rows[i]->finish(k, (struct nacre_bytes){reply, 32}, secret, NULL), NACRE_OK);
        cr_assert_arr_eq(k, shared_k, 32);
    }
}

Test(kex_curve25519, row_says_what_rfc8731_says)
{
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(rows[i]->hash, &nacre_hash_sha256);
        cr_assert_not(rows[i]->k_is_string);
        cr_assert(rows[i]->init_len == 32 && rows[i]->reply_len == 32);
        cr_assert(rows[i]->secret_len == 32 && rows[i]->k_len == 32);
    }
}

Test(kex_curve25519, fresh_values_each_time)
{
    uint8_t pub[2][32], secret[2][32], reply[2][32], k[2][32], k2[32];
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(rows[0]->start(pub[i], secret[i], &nacre_rng_os, NULL), NACRE_OK);
        cr_assert_eq(
            rows[0]->respond(reply[i], k[i], (struct nacre_bytes){pub[i], 32}, &nacre_rng_os, NULL),
            NACRE_OK);
        cr_assert_eq(rows[0]->finish(k2, (struct nacre_bytes){reply[i], 32}, secret[i], NULL),
                     NACRE_OK);
        cr_assert_arr_eq(k[i], k2, 32);
    }
    cr_assert_neq(memcmp(pub[0], pub[1], 32), 0);
    cr_assert_neq(memcmp(reply[0], reply[1], 32), 0);
    cr_assert_neq(memcmp(k[0], k[1], 32), 0);
}

/* Both sides refuse the peer's value and leave nothing. */
static void refused(struct nacre_bytes peer)
{
    uint8_t copy[32], reply[32], k[32];
    struct nacre_rng rng = fixed(bob, copy);
    memset(reply, 0xee, sizeof reply);
    memset(k, 0xee, sizeof k);
    cr_assert_eq(rows[0]->respond(reply, k, peer, &rng, NULL), NACRE_ERR_KEX);
    cr_assert(is_zero(k) && is_zero(reply));
    memset(k, 0xee, sizeof k);
    cr_assert_eq(rows[0]->finish(k, peer, alice, NULL), NACRE_ERR_KEX);
    cr_assert(is_zero(k));
}

Test(s26, wrong_sizes)
{
    uint8_t peer[96];
    memset(peer, 9, sizeof peer);
    for (size_t n = 0; n <= sizeof peer; n++) {
        if (n != 32) {
            refused((struct nacre_bytes){peer, n});
        }
    }
    refused((struct nacre_bytes){NULL, 0});
}

Test(s26, edge_values)
{
    struct vec v;
    for (vec_open(&v, "x25519_edge.txt"); vec_next(&v);) {
        const uint8_t *scalar = vec_fixed(&v, "scalar", 32);
        struct nacre_bytes point = {vec_fixed(&v, "point", 32), 32};
        uint8_t copy[32], reply[32], k[32];
        struct nacre_rng rng = fixed(scalar, copy);
        nacre_err want = is_zero(vec_fixed(&v, "shared", 32)) ? NACRE_ERR_KEX : NACRE_OK;
        cr_assert_eq(rows[0]->finish(k, point, scalar, NULL), want);
        vec_expect(&v, "shared", k, 32);
        memset(k, 0xee, sizeof k);
        cr_assert_eq(rows[0]->respond(reply, k, point, &rng, NULL), want);
        vec_expect(&v, "shared", k, 32);
        if (want != NACRE_OK) {
            refused(point);
        }
    }
    vec_close(&v);
}

Test(s26, small_order_known)
{
    /* 0, 1, p - 1, p, p + 1: the small ones that need no table of others. */
    static const uint8_t low[5] = {0, 1, 0xec, 0xed, 0xee};
    for (size_t i = 0; i < sizeof low; i++) {
        uint8_t point[32];
        memset(point, i < 2 ? 0 : 0xff, sizeof point);
        point[0] = low[i];
        point[31] = i < 2 ? 0 : 0x7f;
        refused((struct nacre_bytes){point, 32});
        point[31] |= 0x80; /* ignored, RFC 7748 5 */
        refused((struct nacre_bytes){point, 32});
    }
}

Test(kex_curve25519, randomness_fails)
{
    static const struct nacre_rng none;
    uint8_t a[32], b[32];
    memset(a, 0xee, sizeof a);
    memset(b, 0xee, sizeof b);
    cr_assert_eq(rows[0]->start(a, b, &none, NULL), NACRE_ERR_RNG);
    cr_assert(is_zero(a) && is_zero(b));
    memset(a, 0xee, sizeof a);
    memset(b, 0xee, sizeof b);
    cr_assert_eq(rows[0]->respond(a, b, (struct nacre_bytes){alice_pub, 32}, &none, NULL),
                 NACRE_ERR_RNG);
    cr_assert(is_zero(a) && is_zero(b));
}
