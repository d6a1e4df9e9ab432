/* SPDX-License-Identifier: ISC
 *
 * sntrup761x25519-sha512 against a model in Python, OpenSSL's X25519 and hashlib. S27: lengths are
 * exact, the classical value is checked, a wrong ciphertext is rejected implicitly; randomness that
 * fails at any draw is an error; outputs of failures are zeros; both halves enter K.
 */
#include "proto/kex_hybrid.h"

#include "crypto/ct.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
    KEM_PUB = NACRE_SNTRUP761_PK_LEN,
    KEM_CT = NACRE_SNTRUP761_CT_LEN,
    INIT = KEM_PUB + NACRE_X25519_LEN,
    REPLY = KEM_CT + NACRE_X25519_LEN,
    SECRET = NACRE_SNTRUP761_SK_LEN + NACRE_X25519_LEN,
    K = NACRE_SHA512_LEN,
    DRAW = 3044,
    KEYGEN_RND = 2 * DRAW + 191
};

static const struct ncr_kex *const rows[2] = {&ncr_kex_sntrup761_x25519,
                                              &ncr_kex_sntrup761_x25519_openssh};

static uint64_t kexs_work[NACRE_WORK];

/* One exchange, with a byte behind each. */
static struct {
    uint8_t init[INIT + 1], reply[REPLY + 1], secret[SECRET + 1], k[2][K + 1];
} x;

static bool zeros(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    while (n-- > 0) {
        any |= *p++;
    }
    return any == 0;
}

static nacre_err start(const struct ncr_kex *row, const struct nacre_rng *rng)
{
    memset(x.init, 0xee, sizeof x.init);
    memset(x.secret, 0xee, sizeof x.secret);
    return row->start(x.init, x.secret, rng, kexs_work);
}

static nacre_err respond(const struct ncr_kex *row, const uint8_t *init, size_t n,
                         const struct nacre_rng *rng)
{
    memset(x.reply, 0xee, sizeof x.reply);
    memset(x.k[0], 0xee, sizeof x.k[0]);
    return row->respond(x.reply, x.k[0], (struct nacre_bytes){init, n}, rng, kexs_work);
}

static nacre_err finish(const struct ncr_kex *row, const uint8_t *reply, size_t n)
{
    memset(x.k[1], 0xee, sizeof x.k[1]);
    return row->finish(x.k[1], (struct nacre_bytes){reply, n}, x.secret, kexs_work);
}

static void exchange(const struct ncr_kex *row)
{
    cr_assert_eq(start(row, &nacre_rng_os), NACRE_OK);
    cr_assert_eq(respond(row, x.init, INIT, &nacre_rng_os), NACRE_OK);
    cr_assert_eq(finish(row, x.reply, REPLY), NACRE_OK);
    cr_assert_arr_eq(x.k[0], x.k[1], K);
}

/* ---- What is right ----------------------------------------------------------------------- */

/* Bytes, one after the other; fails when they are used up. */
struct tape {
    uint8_t bytes[KEYGEN_RND + NACRE_X25519_LEN];
    size_t n, at;
};

static bool tape_fill(void *ctx, uint8_t *out, size_t n)
{
    struct tape *t = ctx;
    if (t->n - t->at < n) {
        return false;
    }
    memcpy(out, t->bytes + t->at, n);
    t->at += n;
    return true;
}

/* n bytes of SHAKE256(seed), then a scalar. */
static void tape_open(struct tape *t, const struct vec *v, const char *seed, size_t n,
                      const char *scalar)
{
    struct nacre_keccak c;
    size_t len;
    const uint8_t *s = vec_get(v, seed, &len);
    nacre_shake256_init(&c);
    nacre_shake_absorb(&c, s, len);
    nacre_shake_squeeze(t->bytes, &c, n);
    memcpy(t->bytes + n, vec_fixed(v, scalar, NACRE_X25519_LEN), NACRE_X25519_LEN);
    t->n = n + NACRE_X25519_LEN;
    t->at = 0;
}

static void hashed(const struct vec *v, const char *key, const uint8_t *p, size_t n)
{
    uint8_t hash[NACRE_SHA256_LEN];
    struct nacre_sha256 c;
    nacre_sha256_init(&c);
    nacre_sha256_update(&c, p, n);
    nacre_sha256_final(hash, &c);
    vec_expect(v, key, hash, sizeof hash);
}

Test(kex_sntrup, python)
{
    struct vec v;
    for (vec_open(&v, "kex_sntrup_python.txt"); vec_next(&v);) {
        for (size_t i = 0; i < 2; i++) {
            static struct tape t;
            const struct nacre_rng rng = {tape_fill, &t};
            tape_open(&t, &v, "keygen_seed", KEYGEN_RND, "client");
            cr_assert_eq(start(rows[i], &rng), NACRE_OK);
            cr_assert_eq(t.at, t.n);
            hashed(&v, "init_sha256", x.init, INIT);
            tape_open(&t, &v, "encaps_seed", DRAW, "server");
            cr_assert_eq(respond(rows[i], x.init, INIT, &rng), NACRE_OK);
            cr_assert_eq(t.at, t.n);
            hashed(&v, "reply_sha256", x.reply, REPLY);
            vec_expect(&v, "k", x.k[0], K);
            cr_assert_eq(finish(rows[i], x.reply, REPLY), NACRE_OK);
            vec_expect(&v, "k", x.k[1], K);
        }
    }
    cr_assert_eq(v.records, 4);
    vec_close(&v);
}

Test(kex_sntrup, rows_say_what_the_draft_says)
{
    static const char *const names[2] = {"sntrup761x25519-sha512",
                                         "sntrup761x25519-sha512@openssh.com"};
    for (size_t i = 0; i < 2; i++) {
        cr_assert_str_eq(rows[i]->name, names[i]);
        cr_assert(rows[i]->post_quantum && rows[i]->k_is_string && !rows[i]->pub_is_mpint);
        cr_assert_eq(rows[i]->grade, NCR_GRADE_MODERN);
        cr_assert_eq(rows[i]->hash, &nacre_hash_sha512);
        cr_assert(rows[i]->init_len == 1190 && rows[i]->reply_len == 1071);
        cr_assert(rows[i]->secret_len == SECRET && rows[i]->k_len == 64);
    }
}

/* Nothing is written beyond the lengths that the row names, and nothing stays in the work area. */
Test(kex_sntrup, fresh_values_each_time_and_no_more)
{
    uint8_t init[INIT], reply[REPLY], k[K];
    exchange(rows[0]);
    memcpy(init, x.init, sizeof init);
    memcpy(reply, x.reply, sizeof reply);
    memcpy(k, x.k[0], sizeof k);
    exchange(rows[0]);
    cr_assert_neq(memcmp(init, x.init, 32), 0);
    cr_assert_neq(memcmp(init + KEM_PUB, x.init + KEM_PUB, 32), 0);
    cr_assert_neq(memcmp(reply, x.reply, 32), 0);
    cr_assert_neq(memcmp(reply + KEM_CT, x.reply + KEM_CT, 32), 0);
    cr_assert_neq(memcmp(k, x.k[0], K), 0);
    cr_assert(x.init[INIT] == 0xee && x.reply[REPLY] == 0xee && x.secret[SECRET] == 0xee);
    cr_assert(x.k[0][K] == 0xee && x.k[1][K] == 0xee);
    cr_assert(zeros((const uint8_t *)kexs_work, sizeof kexs_work));
}

/* ---- What is wrong ----------------------------------------------------------------------- */

static void respond_refused(const uint8_t *init, size_t n)
{
    cr_assert_eq(respond(rows[0], init, n, &nacre_rng_os), NACRE_ERR_KEX);
    cr_assert(zeros(x.reply, REPLY) && zeros(x.k[0], K));
}

static void finish_refused(const uint8_t *reply, size_t n)
{
    cr_assert_eq(finish(rows[0], reply, n), NACRE_ERR_KEX);
    cr_assert(zeros(x.k[1], K));
}

Test(s27, lengths_are_exact)
{
    uint8_t value[NCR_KEX_PUB_MAX] = {0};
    exchange(rows[0]);
    memcpy(value, x.init, INIT);
    for (size_t n = 0; n <= sizeof value; n++) {
        if (n != INIT) {
            respond_refused(value, n);
        }
    }
    exchange(rows[0]);
    memcpy(value, x.reply, REPLY);
    for (size_t n = 0; n <= sizeof value; n++) {
        if (n != REPLY) {
            finish_refused(value, n);
        }
    }
}

/* X25519 of a value of small order is zero. */
Test(s27, classical_half_is_checked)
{
    uint8_t init[INIT], reply[REPLY];
    exchange(rows[0]);
    memcpy(init, x.init, INIT);
    memcpy(reply, x.reply, REPLY);
    for (uint8_t u = 0; u < 2; u++) {
        memset(init + KEM_PUB, 0, NACRE_X25519_LEN);
        init[KEM_PUB] = u;
        respond_refused(init, INIT);
        memset(reply + KEM_CT, 0, NACRE_X25519_LEN);
        reply[KEM_CT] = u;
        finish_refused(reply, REPLY);
    }
}

/* A wrong ciphertext gives another K, as does another public value: the error is not told. */
Test(s27, both_halves_enter_k)
{
    exchange(rows[0]);
    for (size_t bit = 0; bit < 8 * (KEM_CT + 1); bit += 3) {
        x.reply[bit / 8] ^= (uint8_t)(1U << bit % 8);
        cr_assert_eq(finish(rows[0], x.reply, REPLY), NACRE_OK);
        cr_assert_neq(memcmp(x.k[0], x.k[1], K), 0, "bit %zu", bit);
        x.reply[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    x.secret[SECRET - 2] ^= 1;
    cr_assert_eq(finish(rows[0], x.reply, REPLY), NACRE_OK);
    cr_assert_neq(memcmp(x.k[0], x.k[1], K), 0);
}

/* The operating system's randomness, `left` times. */
static bool failing_fill(void *ctx, uint8_t *out, size_t n)
{
    unsigned *left = ctx;
    if (*left == 0) {
        return false;
    }
    (*left)--;
    return nacre_rng_fill(&nacre_rng_os, out, n);
}

/* g (which has a reciprocal for sure, as good as), f, rho, scalar; r, scalar. */
Test(kex_sntrup, randomness_fails_at_any_draw)
{
    for (unsigned n = 0; n < 4; n++) {
        unsigned left = n;
        struct nacre_rng rng = {failing_fill, &left};
        cr_assert_eq(start(rows[0], &rng), NACRE_ERR_RNG);
        cr_assert(zeros(x.init, INIT) && zeros(x.secret, SECRET));
        cr_assert(zeros((const uint8_t *)kexs_work, sizeof kexs_work));
    }
    exchange(rows[0]);
    for (unsigned n = 0; n < 2; n++) {
        unsigned left = n;
        struct nacre_rng rng = {failing_fill, &left};
        cr_assert_eq(respond(rows[0], x.init, INIT, &rng), NACRE_ERR_RNG);
        cr_assert(zeros(x.reply, REPLY) && zeros(x.k[0], K));
    }
}

/* ---- Constant time ----------------------------------------------------------------------- */

/* The randomness is secret, and so is what was made of it; K is released here. */
static bool secret_fill(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx; /* none */
    if (!nacre_rng_fill(&nacre_rng_os, out, n)) {
        return false;
    }
    NCR_CT_SECRET(out, n);
    return true;
}

Test(kex_sntrup, ct_in_both_secrets)
{
    const struct nacre_rng rng = {secret_fill, NULL};
    cr_assert_eq(start(rows[0], &rng), NACRE_OK);
    NCR_CT_SECRET(x.secret, SECRET);
    cr_assert_eq(respond(rows[0], x.init, INIT, &rng), NACRE_OK);
    cr_assert_eq(finish(rows[0], x.reply, REPLY), NACRE_OK);
    NCR_CT_PUBLIC(&x, sizeof x);
    cr_assert_arr_eq(x.k[0], x.k[1], K);
}
