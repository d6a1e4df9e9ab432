/* SPDX-License-Identifier: ISC
 *
 * Hybrid key exchange against OpenSSL and Python's hashlib; S27: lengths are exact, ML-KEM keys and
 * classical values are checked, a wrong ciphertext is rejected implicitly; randomness that fails at
 * any draw is an error; outputs of failures are zeros; both halves enter K.
 */
#include "proto/kex_hybrid.h"

#include "crypto/ct.h"
#include "tests/pair.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

/* What the rows promise, draft-ietf-sshm-mlkem-hybrid-kex section 2. */
static const struct hybrid_case {
    const struct ncr_kex *row;
    const struct nacre_hash *hash;
    size_t init_len, reply_len, k_len;
    size_t kem_pub, kem_ct; /* of these, the KEM's */
} hybrid_cases[] = {
    {&ncr_kex_mlkem768_x25519, &nacre_hash_sha256, 1216, 1120, 32, 1184, 1088},
    {&ncr_kex_mlkem768_nistp256, &nacre_hash_sha256, 1249, 1153, 32, 1184, 1088},
    {&ncr_kex_mlkem1024_nistp384, &nacre_hash_sha384, 1665, 1665, 48, 1568, 1568},
};

enum { HYBRID_CASES = sizeof hybrid_cases / sizeof hybrid_cases[0] };

static uint64_t hybrid_work[NACRE_WORK];

/* One exchange. */
static struct {
    uint8_t init[NCR_KEX_PUB_MAX], reply[NCR_KEX_PUB_MAX], secret[NCR_KEX_SECRET_MAX];
    uint8_t k[2][NCR_KEX_K_MAX];
} x;

static const struct nacre_bytes none = {NULL, 0};

static bool zeros(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    while (n-- > 0) {
        any |= *p++;
    }
    return any == 0;
}

static nacre_err start(const struct hybrid_case *c, const struct nacre_rng *rng)
{
    memset(x.init, 0xee, sizeof x.init);
    memset(x.secret, 0xee, sizeof x.secret);
    return c->row->start(x.init, x.secret, rng, hybrid_work);
}

static nacre_err respond(const struct hybrid_case *c, const uint8_t *init, size_t n,
                         const struct nacre_rng *rng)
{
    memset(x.reply, 0xee, sizeof x.reply);
    memset(x.k[0], 0xee, sizeof x.k[0]);
    return c->row->respond(x.reply, x.k[0], (struct nacre_bytes){init, n}, rng, hybrid_work);
}

static nacre_err finish(const struct hybrid_case *c, const uint8_t *reply, size_t n)
{
    memset(x.k[1], 0xee, sizeof x.k[1]);
    return c->row->finish(x.k[1], (struct nacre_bytes){reply, n}, x.secret, hybrid_work);
}

static void exchange(const struct hybrid_case *c)
{
    cr_assert_eq(start(c, &nacre_rng_os), NACRE_OK);
    cr_assert_eq(respond(c, x.init, c->init_len, &nacre_rng_os), NACRE_OK);
    cr_assert_eq(finish(c, x.reply, c->reply_len), NACRE_OK);
    cr_assert_arr_eq(x.k[0], x.k[1], c->k_len);
}

static void respond_refused(const struct hybrid_case *c, const uint8_t *init, size_t n)
{
    cr_assert_eq(respond(c, init, n, &nacre_rng_os), NACRE_ERR_KEX);
    cr_assert(zeros(x.reply, c->reply_len) && zeros(x.k[0], c->k_len));
}

static void finish_refused(const struct hybrid_case *c, const uint8_t *reply, size_t n)
{
    cr_assert_eq(finish(c, reply, n), NACRE_ERR_KEX);
    cr_assert(zeros(x.k[1], c->k_len));
}

/* ---- What is right ----------------------------------------------------------------------- */

/* A source that gives one piece of bytes and then another, and fails after `left` draws. */
struct script {
    struct nacre_bytes piece[2];
    unsigned draws, left;
};

static bool script_fill(void *ctx, uint8_t *out, size_t n)
{
    struct script *s = ctx;
    const struct nacre_bytes *b = &s->piece[s->draws < 2 ? s->draws : 1];
    if (s->draws >= s->left || b->n < n) {
        return false;
    }
    memcpy(out, b->p, n);
    s->draws++;
    return true;
}

static struct nacre_rng script_rng(struct script *s, struct nacre_bytes first,
                                   struct nacre_bytes second)
{
    *s = (struct script){{first, second}, 0, 2};
    return (struct nacre_rng){script_fill, s};
}

static const struct hybrid_case *case_of(const uint8_t *name, size_t n)
{
    for (size_t i = 0; i < HYBRID_CASES; i++) {
        const char *have = hybrid_cases[i].row->name;
        if (strlen(have) == n && memcmp(have, name, n) == 0) {
            return &hybrid_cases[i];
        }
    }
    return NULL;
}

static struct nacre_bytes field(const struct vec *v, const char *key)
{
    struct nacre_bytes b;
    b.p = vec_get(v, key, &b.n);
    return b;
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

Test(kex_hybrid, openssl)
{
    struct vec v;
    for (vec_open(&v, "kex_hybrid_openssl.txt"); vec_next(&v);) {
        struct nacre_bytes name = field(&v, "name");
        const struct hybrid_case *c = case_of(name.p, name.n);
        struct script s;
        struct nacre_rng rng = script_rng(&s, field(&v, "seed"), field(&v, "client"));
        cr_assert_not_null(c);
        cr_assert_eq(start(c, &rng), NACRE_OK);
        hashed(&v, "init_sha256", x.init, c->init_len);
        rng = script_rng(&s, field(&v, "m"), field(&v, "server"));
        cr_assert_eq(respond(c, x.init, c->init_len, &rng), NACRE_OK);
        hashed(&v, "reply_sha256", x.reply, c->reply_len);
        vec_expect(&v, "k", x.k[0], c->k_len);
        cr_assert_eq(finish(c, x.reply, c->reply_len), NACRE_OK);
        vec_expect(&v, "k", x.k[1], c->k_len);
    }
    cr_assert_eq(v.records, 6 * HYBRID_CASES);
    vec_close(&v);
}

Test(kex_hybrid, rows_say_what_the_draft_says)
{
    for (size_t i = 0; i < HYBRID_CASES; i++) {
        const struct hybrid_case *c = &hybrid_cases[i];
        cr_assert(c->row->post_quantum && c->row->k_is_string && !c->row->pub_is_mpint);
        cr_assert_eq(c->row->hash, c->hash);
        cr_assert(c->row->init_len == c->init_len && c->row->reply_len == c->reply_len);
        cr_assert(c->row->k_len == c->k_len && c->row->k_len == c->hash->len);
        cr_assert(c->init_len <= NCR_KEX_PUB_MAX && c->reply_len <= NCR_KEX_PUB_MAX);
        cr_assert(c->row->secret_len <= NCR_KEX_SECRET_MAX && c->k_len <= NCR_KEX_K_MAX);
    }
}

/* Nothing is written beyond the lengths that a row names. */
Test(kex_hybrid, fresh_values_each_time_and_no_more)
{
    for (size_t i = 0; i < HYBRID_CASES; i++) {
        const struct hybrid_case *c = &hybrid_cases[i];
        uint8_t init[NCR_KEX_PUB_MAX], reply[NCR_KEX_PUB_MAX], k[NACRE_HASH_MAX_LEN];
        exchange(c);
        memcpy(init, x.init, sizeof init);
        memcpy(reply, x.reply, sizeof reply);
        memcpy(k, x.k[0], sizeof k);
        exchange(c);
        cr_assert_neq(memcmp(init, x.init, 32), 0);
        cr_assert_neq(memcmp(init + c->kem_pub + 1, x.init + c->kem_pub + 1, 31), 0);
        cr_assert_neq(memcmp(reply, x.reply, 32), 0);
        cr_assert_neq(memcmp(reply + c->kem_ct + 1, x.reply + c->kem_ct + 1, 31), 0);
        cr_assert_neq(memcmp(k, x.k[0], c->k_len), 0);
        cr_assert(x.init[c->init_len] == 0xee && x.reply[c->reply_len] == 0xee);
        cr_assert(x.secret[c->row->secret_len] == 0xee);
        cr_assert(x.k[0][c->k_len] == 0xee && x.k[1][c->k_len] == 0xee);
    }
}

/* ---- What is wrong ----------------------------------------------------------------------- */

Test(s27, lengths_are_exact)
{
    for (size_t i = 0; i < HYBRID_CASES; i++) {
        const struct hybrid_case *c = &hybrid_cases[i];
        uint8_t value[NCR_KEX_PUB_MAX] = {0};
        exchange(c);
        memcpy(value, x.init, c->init_len);
        for (size_t n = 0; n <= sizeof value; n++) {
            if (n != c->init_len) {
                respond_refused(c, value, n);
            }
        }
        respond_refused(c, none.p, none.n);
        exchange(c);
        memcpy(value, x.reply, c->reply_len);
        for (size_t n = 0; n <= sizeof value; n++) {
            if (n != c->reply_len) {
                finish_refused(c, value, n);
            }
        }
        finish_refused(c, none.p, none.n);
    }
}

/* A KEM part longer by a byte and the other shorter, and the other way around: the parts of another
 * row. */
Test(s27, lengths_of_other_rows)
{
    for (size_t i = 0; i < HYBRID_CASES; i++) {
        for (size_t j = 0; j < HYBRID_CASES; j++) {
            const struct hybrid_case *c = &hybrid_cases[i], *other = &hybrid_cases[j];
            if (c->init_len != other->init_len) {
                uint8_t init[NCR_KEX_PUB_MAX];
                cr_assert_eq(start(other, &nacre_rng_os), NACRE_OK);
                memcpy(init, x.init, sizeof init);
                respond_refused(c, init, other->init_len);
            }
        }
    }
}

/* Every place of a coefficient of the KEM's key, with q, q + 1 and the largest. */
Test(s27, mlkem_key_with_a_coefficient_too_large)
{
    static const unsigned over[] = {3329, 3330, 4095};
    for (size_t i = 0; i < HYBRID_CASES; i++) {
        const struct hybrid_case *c = &hybrid_cases[i];
        exchange(c);
        for (size_t n = 0; n < (c->kem_pub - 32) / 3 * 2; n++) {
            uint8_t *p = x.init + n / 2 * 3, old[3];
            uint32_t shift = n % 2 * 12;
            memcpy(old, p, 3);
            for (size_t o = 0; o < sizeof over / sizeof over[0]; o++) {
                uint32_t pair = (uint32_t)(old[0] | old[1] << 8 | old[2] << 16);
                pair = (pair & ~((uint32_t)0xfff << shift)) | over[o] << shift;
                p[0] = (uint8_t)pair, p[1] = (uint8_t)(pair >> 8), p[2] = (uint8_t)(pair >> 16);
                respond_refused(c, x.init, c->init_len);
            }
            memcpy(p, old, 3);
        }
        cr_assert_eq(respond(c, x.init, c->init_len, &nacre_rng_os), NACRE_OK);
    }
}

/* The classical part: 0, which has small order and is no encoded point, and all ones, which is no
 * coordinate (X25519 takes it as 18). */
Test(s27, classical_half_is_checked)
{
    for (size_t i = 0; i < HYBRID_CASES; i++) {
        const struct hybrid_case *c = &hybrid_cases[i];
        uint8_t value[NCR_KEX_PUB_MAX];
        size_t len = c->init_len - c->kem_pub;
        exchange(c);
        memcpy(value, x.init, c->init_len);
        memset(value + c->kem_pub, 0, len);
        respond_refused(c, value, c->init_len);
        exchange(c);
        memcpy(value, x.reply, c->reply_len);
        memset(value + c->kem_ct, 0, len);
        finish_refused(c, value, c->reply_len);
        if (len > NACRE_X25519_LEN) {
            value[c->kem_ct] = 4;
            finish_refused(c, value, c->reply_len);
            memset(value + c->kem_ct + 1, 0xff, len - 1);
            finish_refused(c, value, c->reply_len);
        }
    }
}

/* A wrong ciphertext gives another K, as does another public value; no bit is without influence. */
Test(s27, both_halves_enter_k)
{
    for (size_t i = 0; i < HYBRID_CASES; i++) {
        const struct hybrid_case *c = &hybrid_cases[i];
        size_t x_at = c->kem_ct;
        exchange(c);
        for (size_t bit = 0; bit < 8 * c->kem_ct; bit += 3) {
            x.reply[bit / 8] ^= (uint8_t)(1U << bit % 8);
            cr_assert_eq(finish(c, x.reply, c->reply_len), NACRE_OK);
            cr_assert_neq(memcmp(x.k[0], x.k[1], c->k_len), 0, "bit %zu", bit);
            x.reply[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        if (c->reply_len - c->kem_ct == NACRE_X25519_LEN) {
            x.reply[x_at] ^= 2;
            cr_assert_eq(finish(c, x.reply, c->reply_len), NACRE_OK);
            cr_assert_neq(memcmp(x.k[0], x.k[1], c->k_len), 0);
            x.reply[x_at] ^= 2;
        }
        x.secret[c->row->secret_len - 2] ^= 1;
        cr_assert_eq(finish(c, x.reply, c->reply_len), NACRE_OK);
        cr_assert_neq(memcmp(x.k[0], x.k[1], c->k_len), 0);
    }
}

/* A private key that was damaged in memory is noticed by its hash. */
Test(kex_hybrid, damaged_private_key)
{
    for (size_t i = 0; i < HYBRID_CASES; i++) {
        const struct hybrid_case *c = &hybrid_cases[i];
        exchange(c);
        x.secret[c->kem_pub] ^= 1; /* inside of the public key's copy */
        finish_refused(c, x.reply, c->reply_len);
    }
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

Test(kex_hybrid, randomness_fails_at_any_draw)
{
    for (size_t i = 0; i < HYBRID_CASES; i++) {
        const struct hybrid_case *c = &hybrid_cases[i];
        for (unsigned n = 0; n < 2; n++) {
            unsigned left = n;
            struct nacre_rng rng = {failing_fill, &left};
            cr_assert_eq(start(c, &rng), NACRE_ERR_RNG);
            cr_assert(zeros(x.init, c->init_len) && zeros(x.secret, c->row->secret_len));
            exchange(c);
            left = n;
            cr_assert_eq(respond(c, x.init, c->init_len, &rng), NACRE_ERR_RNG);
            cr_assert(zeros(x.reply, c->reply_len) && zeros(x.k[0], c->k_len));
        }
    }
}

Test(kex_hybrid, work_is_wiped)
{
    for (size_t i = 0; i < HYBRID_CASES; i++) {
        exchange(&hybrid_cases[i]);
        cr_assert(zeros((const uint8_t *)hybrid_work, sizeof hybrid_work));
    }
}

/* ---- On the wire ------------------------------------------------------------------------- */

/* A session with several exchanges by each post-quantum row, both ends with buffers of that size.
 */
static void sessions(size_t buf)
{
    for (size_t i = 0; nacre_algs_default.kex[i] != NULL; i++) {
        const struct ncr_kex *row = nacre_algs_default.kex[i];
        struct pair p;
        if (!row->post_quantum) {
            continue;
        }
        pair_init(&p);
        p.plan.send = 50000;
        p.plan.rekey_every = 3;
        for (int j = 0; j < 2; j++) {
            p.side[j].cfg.kex = row->name;
            p.side[j].mem_len = NACRE_CONN_MEM(8, buf, buf);
        }
        pair_session(&p);
        cr_assert(pair_complete(&p), "%s: %s, %s", row->name, nacre_err_name(p.side[0].err),
                  nacre_err_name(p.side[1].err));
        cr_assert_str_eq(nacre_conn_negotiated(p.side[0].c)->kex, row->name);
        cr_assert_gt(p.side[0].count[NACRE_EV_KEX_DONE], 1);
        pair_free(&p);
    }
}

Test(kex_hybrid, sessions, .timeout = 120)
{
    sessions(NACRE_BUF_STANDARD);
}

Test(kex_hybrid, sessions_with_small_buffers, .timeout = 120)
{
    sessions(NACRE_BUF_SMALL);
}

/* ---- Constant time ----------------------------------------------------------------------- */

/* The rows mark what they draw; K is released here. */
Test(kex_hybrid, ct_in_both_secrets)
{
    for (size_t i = 0; i < HYBRID_CASES; i++) {
        const struct hybrid_case *c = &hybrid_cases[i];
        cr_assert_eq(start(c, &nacre_rng_os), NACRE_OK);
        NCR_CT_SECRET(x.secret, c->row->secret_len);
        cr_assert_eq(respond(c, x.init, c->init_len, &nacre_rng_os), NACRE_OK);
        cr_assert_eq(finish(c, x.reply, c->reply_len), NACRE_OK);
        NCR_CT_PUBLIC(x.k, sizeof x.k);
        NCR_CT_PUBLIC(x.secret, sizeof x.secret);
        cr_assert_arr_eq(x.k[0], x.k[1], c->k_len);
    }
}
