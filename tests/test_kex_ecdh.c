/* SPDX-License-Identifier: ISC
 *
 * ecdh-sha2-nistp*: both ends agree on what OpenSSL computes, and s25: points off the curve, of
 * other curves and in other forms are refused on both sides, outputs zeroed. Randomness that fails
 * is an error.
 */
#include "crypto/ct.h"
#include "proto/alg.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct ncr_kex *const kexec_rows[] = {&ncr_kex_ecdh_nistp256, &ncr_kex_ecdh_nistp384,
                                                   &ncr_kex_ecdh_nistp521};

static uint64_t kexec_work[NACRE_WORK];

static const struct ncr_kex *kexec_row(const struct vec *v)
{
    return kexec_rows[vec_uint(v, "curve") == 256 ? 0 : vec_uint(v, "curve") == 384 ? 1 : 2];
}

/* A source that gives the scalar it is made with. */
static bool kexec_fill(void *ctx, uint8_t *out, size_t n)
{
    memcpy(out, ctx, n);
    return true;
}

static bool kexec_zero(const uint8_t *p, size_t n)
{
    while (n > 0 && *p == 0) {
        p++;
        n--;
    }
    return n == 0;
}

Test(kex_ecdh, rows_say_what_rfc5656_says)
{
    static const struct {
        const char *name;
        const struct nacre_hash *hash;
        size_t len;
    } want[3] = {{"ecdh-sha2-nistp256", &nacre_hash_sha256, 32},
                 {"ecdh-sha2-nistp384", &nacre_hash_sha384, 48},
                 {"ecdh-sha2-nistp521", &nacre_hash_sha512, 66}};
    for (size_t i = 0; i < 3; i++) {
        const struct ncr_kex *row = kexec_rows[i];
        cr_assert_str_eq(row->name, want[i].name);
        cr_assert_eq(row->hash, want[i].hash);
        cr_assert(row->init_len == 1 + 2 * want[i].len && row->reply_len == row->init_len);
        cr_assert(row->secret_len == want[i].len && row->k_len == want[i].len);
        cr_assert(!row->k_is_string && !row->pub_is_mpint && !row->post_quantum);
        cr_assert_eq(row->grade, NCR_GRADE_MODERN);
        cr_assert_eq(ncr_alg_kex(&nacre_algs_default, nacre_bytes_str(row->name)), row);
    }
}

/* A peer's point with a scalar of ours, on either side; the reply is our scalar's point. */
static void kexec_both_sides(const struct vec *v, nacre_err want)
{
    const struct ncr_kex *row = kexec_row(v);
    const size_t len = row->k_len;
    uint8_t *scalar = vec_fixed(v, "scalar", len);
    const struct nacre_rng rng = {kexec_fill, scalar};
    struct nacre_bytes peer;
    uint8_t reply[NACRE_EC_POINT_MAX], k[NACRE_EC_LEN_MAX];
    peer.p = vec_get(v, "point", &peer.n);
    memset(k, 0xee, sizeof k);
    cr_assert_eq(row->finish(k, peer, scalar, kexec_work), want, "line %u", v->line);
    cr_assert(want == NACRE_OK || kexec_zero(k, len), "line %u", v->line);
    if (want == NACRE_OK) {
        vec_expect(v, "shared", k, len);
    }
    memset(k, 0xee, sizeof k);
    memset(reply, 0xee, sizeof reply);
    cr_assert_eq(row->respond(reply, k, peer, &rng, kexec_work), want, "line %u", v->line);
    if (want == NACRE_OK) {
        vec_expect(v, "shared", k, len);
        cr_assert_eq(reply[0], 4);
    } else {
        cr_assert(kexec_zero(k, len) && kexec_zero(reply, row->reply_len), "line %u", v->line);
    }
}

Test(s25, points_of_a_peer_in_a_key_exchange)
{
    struct vec v;
    for (vec_open(&v, "ecdh_openssl.txt"); vec_next(&v);) {
        size_t n;
        const size_t len = kexec_row(&v)->k_len;
        const uint8_t *scalar = vec_get(&v, "scalar", &n);
        cr_assert_eq(n, len);
        if (vec_has(&v, "shared")) {
            kexec_both_sides(&v, NACRE_OK);
        } else if (!kexec_zero(scalar, len - 1) && memcmp(scalar, "\xff\xff\xff\xff", 4) != 0 &&
                   memcmp(scalar, "\x01\xff\xff\xff", 4) != 0) {
            kexec_both_sides(&v, NACRE_ERR_KEX); /* the scalar is good: it is the point */
        }
    }
    vec_close(&v);
}

Test(kex_ecdh, both_ends_agree_on_fresh_values)
{
    for (size_t i = 0; i < 3; i++) {
        const struct ncr_kex *row = kexec_rows[i];
        uint8_t pub[2][NACRE_EC_POINT_MAX], secret[NACRE_EC_LEN_MAX], reply[NACRE_EC_POINT_MAX];
        uint8_t k[2][NACRE_EC_LEN_MAX], k2[NACRE_EC_LEN_MAX];
        for (size_t round = 0; round < 2; round++) {
            const struct nacre_bytes init = {pub[round], row->init_len};
            const struct nacre_bytes answer = {reply, row->reply_len};
            cr_assert_eq(row->start(pub[round], secret, &nacre_rng_os, kexec_work), NACRE_OK);
            cr_assert_eq(row->respond(reply, k[round], init, &nacre_rng_os, kexec_work), NACRE_OK);
            cr_assert_eq(row->finish(k2, answer, secret, kexec_work), NACRE_OK);
            cr_assert_arr_eq(k[round], k2, row->k_len);
        }
        cr_assert_neq(memcmp(pub[0], pub[1], row->init_len), 0);
        cr_assert_neq(memcmp(k[0], k[1], row->k_len), 0);
    }
}

Test(kex_ecdh, randomness_fails)
{
    static const struct nacre_rng none;
    for (size_t i = 0; i < 3; i++) {
        const struct ncr_kex *row = kexec_rows[i];
        uint8_t pub[NACRE_EC_POINT_MAX], secret[NACRE_EC_LEN_MAX], k[NACRE_EC_LEN_MAX];
        memset(pub, 0xee, sizeof pub);
        memset(secret, 0xee, sizeof secret);
        cr_assert_eq(row->start(pub, secret, &none, kexec_work), NACRE_ERR_RNG);
        cr_assert(kexec_zero(pub, row->init_len) && kexec_zero(secret, row->secret_len));
        cr_assert_eq(row->start(pub, secret, &nacre_rng_os, kexec_work), NACRE_OK);
        memset(k, 0xee, sizeof k);
        const struct nacre_bytes init = {pub, row->init_len};
        uint8_t reply[NACRE_EC_POINT_MAX];
        memset(reply, 0xee, sizeof reply);
        cr_assert_eq(row->respond(reply, k, init, &none, kexec_work), NACRE_ERR_RNG);
        cr_assert(kexec_zero(reply, row->reply_len) && kexec_zero(k, row->k_len));
    }
}

/* Both ends in constant time but for the public values. */
Test(kex_ecdh, ct_exchange)
{
    const struct ncr_kex *row = &ncr_kex_ecdh_nistp256;
    uint8_t pub[65], secret[32], reply[65], k[32], k2[32];
    const struct nacre_bytes init = {pub, sizeof pub}, answer = {reply, sizeof reply};
    cr_assert_eq(row->start(pub, secret, &nacre_rng_os, kexec_work), NACRE_OK);
    cr_assert_eq(row->respond(reply, k, init, &nacre_rng_os, kexec_work), NACRE_OK);
    cr_assert_eq(row->finish(k2, answer, secret, kexec_work), NACRE_OK);
    NCR_CT_PUBLIC(k, sizeof k);
    NCR_CT_PUBLIC(k2, sizeof k2);
    cr_assert_arr_eq(k, k2, sizeof k);
}
