/* SPDX-License-Identifier: ISC
 *
 * Key exchange by Diffie-Hellman in fixed groups: the two ends agree on what OpenSSL gets, s23 (a
 * peer's values out of range, on both sides), randomness that fails, and whole sessions over each
 * row, with keys renewed. Rows of old devices are tried with a table of their own.
 */
#include "crypto/ct.h"
#include "proto/alg.h"
#include "tests/pair.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
    const struct ncr_kex *row;
    const char *name;
    unsigned group, bits;
    const struct nacre_dh_group *params;
    const struct nacre_hash *hash;
    enum ncr_grade grade;
} rows[] = {
    {&ncr_kex_dh14_sha256, "diffie-hellman-group14-sha256", 14, 2048, &nacre_dh_group14,
     &nacre_hash_sha256, NCR_GRADE_MODERN},
    {&ncr_kex_dh16_sha512, "diffie-hellman-group16-sha512", 16, 4096, &nacre_dh_group16,
     &nacre_hash_sha512, NCR_GRADE_MODERN},
    {&ncr_kex_dh18_sha512, "diffie-hellman-group18-sha512", 18, 8192, &nacre_dh_group18,
     &nacre_hash_sha512, NCR_GRADE_MODERN},
    {&ncr_kex_dh14_sha1, "diffie-hellman-group14-sha1", 14, 2048, &nacre_dh_group14,
     &nacre_hash_sha1, NCR_GRADE_LEGACY},
    {&ncr_kex_dh1_sha1, "diffie-hellman-group1-sha1", 1, 1024, &nacre_dh_group1, &nacre_hash_sha1,
     NCR_GRADE_LEGACY},
};
enum { ROWS = sizeof rows / sizeof *rows, X_LEN = 64 };

static uint64_t work[NACRE_WORK];

static bool is_zero(const uint8_t *p, size_t n)
{
    while (n > 0 && p[n - 1] == 0) {
        n--;
    }
    return n == 0;
}

/* A source that gives the bytes it is made with, once. */
static bool once_fill(void *ctx, uint8_t *out, size_t n)
{
    struct nacre_bytes *b = ctx;
    if (b->n != n) {
        return false;
    }
    memcpy(out, b->p, n);
    b->n = 0;
    return true;
}

Test(kex_dh, rows_say_what_rfc8268_says)
{
    for (size_t i = 0; i < ROWS; i++) {
        const struct ncr_kex *k = rows[i].row;
        cr_assert_str_eq(k->name, rows[i].name);
        cr_assert_eq(k->hash, rows[i].hash);
        cr_assert_eq(k->grade, rows[i].grade);
        cr_assert(k->pub_is_mpint && !k->k_is_string && k->gex == NULL && !k->post_quantum);
        cr_assert(k->init_len == rows[i].bits / 8 && k->reply_len == k->init_len);
        cr_assert_eq(k->k_len, k->init_len);
        cr_assert_eq(k->secret_len, X_LEN);
    }
}

/* 2^(2^511 + x) as OpenSSL has it: x with its top bit set is taken as it is. */
Test(kex_dh, ct_both_ends_agree)
{
    static uint8_t pub[1024], reply[1024], k[1024], k2[1024], x[X_LEN], y[X_LEN], secret[X_LEN];
    for (size_t i = 0; i < ROWS; i++) {
        const struct ncr_kex *row = rows[i].row;
        struct nacre_bytes from_x = {x, X_LEN}, from_y = {y, X_LEN};
        struct nacre_rng rng_x = {once_fill, &from_x}, rng_y = {once_fill, &from_y};
        struct nacre_num num = {y, X_LEN}, peer = {pub, row->init_len};
        memset(x, (int)(0x41 + i), sizeof x);
        memset(y, (int)(0xc1 + i), sizeof y);
        cr_assert_eq(row->start(pub, secret, &rng_x, work), NACRE_OK);
        cr_assert_eq(row->respond(reply, k, (struct nacre_bytes){pub, row->init_len}, &rng_y, work),
                     NACRE_OK);
        cr_assert_eq(row->finish(k2, (struct nacre_bytes){reply, row->reply_len}, secret, work),
                     NACRE_OK);
        NCR_CT_PUBLIC(k, sizeof k);
        NCR_CT_PUBLIC(k2, sizeof k2);
        NCR_CT_PUBLIC(secret, sizeof secret);
        cr_assert_arr_eq(k, k2, row->k_len);
        cr_assert_eq(secret[0], (0x41 + i) | 0x80, "full length");
        /* and it is that power in that group */
        cr_assert(nacre_dh_shared(k2, rows[i].params, num, peer, work));
        cr_assert_arr_eq(k, k2, row->k_len);
    }
}

Test(kex_dh, openssl)
{
    struct vec v;
    unsigned seen = 0;
    for (vec_open(&v, "dh_openssl.txt"); vec_next(&v);) {
        for (size_t i = 0; i < ROWS; i++) {
            struct nacre_bytes x, peer;
            static uint8_t pub[1024], secret[X_LEN], k[1024];
            struct nacre_rng rng = {once_fill, &x};
            x.p = vec_get(&v, "x", &x.n);
            peer.p = vec_get(&v, "peer", &peer.n);
            if (vec_uint(&v, "group") != rows[i].group || x.n != X_LEN) {
                continue;
            }
            cr_assert_eq(rows[i].row->start(pub, secret, &rng, work), NACRE_OK);
            vec_expect(&v, "public", pub, rows[i].row->init_len);
            cr_assert_eq(rows[i].row->finish(k, peer, secret, work), NACRE_OK);
            vec_expect(&v, "shared", k, rows[i].row->k_len);
            seen++;
        }
    }
    vec_close(&v);
    cr_assert_geq(seen, 2);
}

/* -1, 0, 1, p-1, p, p+1 are refused on both sides and leave zeros. */
Test(kex_dh, s23_values_of_the_peer)
{
    static uint8_t value[1026], reply[1024], k[1024], secret[X_LEN];
    for (size_t i = 0; i < ROWS; i++) {
        const struct ncr_kex *row = rows[i].row;
        const struct nacre_num p = rows[i].params->p;
        memset(secret, 0x77, sizeof secret);
        for (int c = 0; c < 10; c++) {
            struct nacre_bytes b = {value + 1, p.n};
            bool good = c == 2 || c == 5;
            value[0] = 0;
            if (c < 3) { /* 0, 1, 2 */
                value[1] = (uint8_t)c;
                b.n = c > 0;
            } else if (c < 5) { /* 0, 1 with zeros before them */
                memset(value + 1, 0, p.n);
                value[p.n] = (uint8_t)(c - 3);
            } else if (c < 8) { /* p - 2, p - 1, p: p's last byte is ff */
                memcpy(value + 1, p.p, p.n);
                value[p.n] = (uint8_t)(0xfd + (c - 5));
            } else { /* p and more, with a byte before it */
                memcpy(value + 1, p.p, p.n);
                value[0] = (uint8_t)(c - 8);
                b.p = value;
                b.n = p.n + 1;
            }
            memset(k, 0xee, sizeof k);
            memset(reply, 0xee, sizeof reply);
            nacre_err want = good ? NACRE_OK : NACRE_ERR_KEX;
            cr_assert_eq(row->respond(reply, k, b, &nacre_rng_os, work), want, "%d", c);
            cr_assert_eq(is_zero(k, row->k_len), !good);
            cr_assert_eq(is_zero(reply, row->reply_len), !good);
            memset(k, 0xee, sizeof k);
            cr_assert_eq(row->finish(k, b, secret, work), want, "%d", c);
            cr_assert_eq(is_zero(k, row->k_len), !good);
        }
    }
}

Test(kex_dh, s34_randomness_fails)
{
    static const struct nacre_rng none;
    static uint8_t pub[1024], k[1024], secret[X_LEN];
    for (size_t i = 0; i < ROWS; i++) {
        const struct ncr_kex *row = rows[i].row;
        static const uint8_t two = 2;
        memset(pub, 0xee, sizeof pub);
        memset(secret, 0xee, sizeof secret);
        cr_assert_eq(row->start(pub, secret, &none, work), NACRE_ERR_RNG);
        cr_assert(is_zero(pub, row->init_len) && is_zero(secret, X_LEN));
        memset(pub, 0xee, sizeof pub);
        memset(k, 0xee, sizeof k);
        cr_assert_eq(row->respond(pub, k, (struct nacre_bytes){&two, 1}, &none, work),
                     NACRE_ERR_RNG);
        cr_assert(is_zero(pub, row->reply_len) && is_zero(k, row->k_len));
    }
}

/* Sessions of two engines over each row, and a second exchange. */
Test(kex_dh, sessions, .timeout = 120)
{
    for (size_t i = 0; i < ROWS; i++) {
        const struct ncr_kex *const kex[] = {rows[i].row, NULL};
        struct nacre_algs algs = nacre_algs_default;
        struct pair p;
        algs.kex = kex;
        pair_init(&p);
        p.plan.stay = true;
        for (int side = 0; side < 2; side++) {
            p.side[side].cfg.algs = &algs;
            p.side[side].cfg.kex = rows[i].name;
        }
        pair_start(&p);
        cr_assert(pair_run(&p, 300), "%s", rows[i].name);
        cr_assert_eq(nacre_conn_errinfo(p.side[0].c).err, NACRE_OK);
        cr_assert_str_eq(nacre_conn_negotiated(p.side[0].c)->kex, rows[i].name);
        cr_assert_eq(nacre_conn_rekey(p.side[i % 2].c), NACRE_OK);
        cr_assert(pair_run(&p, 300));
        cr_assert_eq(nacre_conn_errinfo(p.side[0].c).err, NACRE_OK);
        cr_assert_eq(nacre_conn_errinfo(p.side[1].c).err, NACRE_OK);
        pair_free(&p);
    }
}
