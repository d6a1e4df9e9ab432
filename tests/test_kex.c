/* SPDX-License-Identifier: ISC
 *
 * The messages of a key exchange, RFC 4253 section 8, 5656 section 4, 8731, 8308: values and
 * signatures that a peer gets wrong. Tests named s26 and s32 are the cases of that number.
 */
#include "proto/alg.h"
#include "proto/limits.h"
#include "tests/rogue.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT NACRE_CLIENT
#define SERVER NACRE_SERVER

/* ---- The client's value ---- */

static void client_value(const uint8_t *p, size_t n, nacre_err err)
{
    struct rogue r;
    struct pair_buf b = {0};
    uint8_t head[5] = {30, 0, 0, 0, (uint8_t)n};
    rogue_init(&r, SERVER);
    rogue_until(&r, ROGUE_KEXINIT);
    pair_buf_add(&b, head, 5);
    pair_buf_add(&b, p, n);
    rogue_drop(&r);
    rogue_send(&r, b.p, b.n);
    if (err == NACRE_OK) {
        rogue_expect_alive(&r);
    } else {
        rogue_expect_end(&r, err, 3);
        cr_assert_eq(r.victim->count[NACRE_EV_SIGN], 0, "nothing is signed for it");
    }
    pair_buf_free(&b);
    rogue_free(&r);
}

/* Points of small order, RFC 7748 7 and the twist's. */
static const uint8_t small_order[][32] = {
    {0},
    {1},
    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
     0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
     0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

Test(security, s26_value_of_a_client)
{
    uint8_t good[33] = {9};
    for (size_t n = 0; n <= 33; n++) {
        client_value(good, n, n == 32 ? NACRE_OK : NACRE_ERR_KEX);
    }
    for (size_t i = 0; i < sizeof small_order / sizeof small_order[0]; i++) {
        client_value(small_order[i], 32, NACRE_ERR_KEX);
    }
}

/* ---- The server's reply ---- */

/* The honest reply, found in our engine's stream, taken apart and changed. */
struct reply {
    struct pair_buf key, pub, sig;
};

static void reply_of(struct rogue *r, struct reply *p)
{
    /* the bytes of the reply are what our engine would have sent next: do its work by hand */
    struct nacre_conn *c = r->me->c;
    uint8_t sig[PAIR_SIG_LEN];
    struct nacre_bytes h = {c->kex.h, c->kex.h_len};
    memset(p, 0, sizeof *p);
    pair_buf_add(&p->key, pair_key_blob(0).p, pair_key_blob(0).n);
    pair_buf_add(&p->pub, ncr_scratch(c, NCR_SCRATCH_PUB), 32);
    pair_sign(sig, 0, h);
    pair_buf_add(&p->sig, sig, sizeof sig);
}

static void reply_string(struct pair_buf *b, const struct pair_buf *s)
{
    uint8_t len[4] = {0, 0, (uint8_t)(s->n >> 8), (uint8_t)s->n};
    pair_buf_add(b, len, 4);
    pair_buf_add(b, s->p, s->n);
}

static void reply_send(struct rogue *r, struct reply *p)
{
    struct pair_buf b = {0};
    rogue_text(&b, "31");
    reply_string(&b, &p->key);
    reply_string(&b, &p->pub);
    reply_string(&b, &p->sig);
    rogue_drop(r);
    rogue_send(r, b.p, b.n);
    pair_buf_free(&b);
    pair_buf_free(&p->key);
    pair_buf_free(&p->pub);
    pair_buf_free(&p->sig);
}

static void expect_refused(struct rogue *r, nacre_err err, uint32_t reason)
{
    cr_assert_eq(r->victim->count[NACRE_EV_HOST_KEY], 0, "nobody is asked about it");
    rogue_expect_end(r, err, reason);
    rogue_free(r);
}

static void reply_start(struct rogue *r, struct reply *p)
{
    rogue_init(r, CLIENT);
    rogue_until(r, ROGUE_KEXINIT);
    reply_of(r, p);
}

Test(kex, reply_by_hand_is_taken)
{
    struct rogue r;
    struct reply p;
    reply_start(&r, &p);
    reply_send(&r, &p);
    rogue_expect_alive(&r);
    cr_assert_eq(r.victim->count[NACRE_EV_HOST_KEY], 1);
    rogue_free(&r);
}

Test(security, s26_value_of_a_server)
{
    for (size_t i = 0; i < sizeof small_order / sizeof small_order[0]; i++) {
        struct rogue r;
        struct reply p;
        reply_start(&r, &p);
        memcpy(p.pub.p, small_order[i], 32);
        reply_send(&r, &p);
        expect_refused(&r, NACRE_ERR_KEX, 3);
    }
    for (int more = -32; more < 3; more++) {
        if (more != 0) {
            struct rogue r;
            struct reply p;
            reply_start(&r, &p);
            pair_buf_add(&p.pub, "zz", 2);
            p.pub.n = (size_t)(32 + more);
            reply_send(&r, &p);
            expect_refused(&r, NACRE_ERR_KEX, 3);
        }
    }
}

Test(security, s32_every_bit_of_the_signature)
{
    for (size_t bit = 0; bit < 8 * PAIR_SIG_LEN; bit++) {
        struct rogue r;
        struct reply p;
        reply_start(&r, &p);
        p.sig.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        reply_send(&r, &p);
        expect_refused(&r, bit < 8 * 19 ? NACRE_ERR_SIG_FORMAT : NACRE_ERR_HOST_SIG,
                       bit < 8 * 19 ? 2 : 9);
    }
}

Test(security, s32_lengths_of_key_and_signature)
{
    for (size_t n = 0; n < 90; n++) {
        struct rogue r;
        struct reply p;
        if (n != PAIR_SIG_LEN) {
            reply_start(&r, &p);
            pair_buf_add(&p.sig, "0123456789", 10);
            p.sig.n = n;
            reply_send(&r, &p);
            expect_refused(&r, NACRE_ERR_SIG_FORMAT, 2);
        }
        if (n != 51 && n < 60) {
            reply_start(&r, &p);
            pair_buf_add(&p.key, "0123456789", 10);
            p.key.n = n;
            reply_send(&r, &p);
            expect_refused(&r, NACRE_ERR_KEY_FORMAT, 2);
        }
    }
}

/* A signature of another key, over another hash, and a key of small order. */
Test(security, s32_signatures_of_others)
{
    struct rogue r;
    struct reply p;
    uint8_t sig[PAIR_SIG_LEN];
    reply_start(&r, &p);
    struct nacre_bytes h = {r.me->c->kex.h, r.me->c->kex.h_len};
    pair_sign(sig, 2, h);
    memcpy(p.sig.p, sig, sizeof sig);
    reply_send(&r, &p);
    expect_refused(&r, NACRE_ERR_HOST_SIG, 9);

    reply_start(&r, &p);
    p.key.p[20] ^= 1; /* another point, or none; it is in H as well */
    reply_send(&r, &p);
    expect_refused(&r, NACRE_ERR_HOST_SIG, 9);

    reply_start(&r, &p);
    memset(p.key.p + 19, 0, 32); /* order 4 */
    reply_send(&r, &p);
    expect_refused(&r, NACRE_ERR_HOST_SIG, 9);

    reply_start(&r, &p);
    p.pub.p[0] ^= 1; /* not the value that was signed */
    reply_send(&r, &p);
    expect_refused(&r, NACRE_ERR_HOST_SIG, 9);
}

Test(kex, reply_damaged)
{
    static const char *const bad[] = {
        "31",        "31 u5",           "31 u0xffffffff",    "31 $0",
        "31 $0 'x'", "31 $0 'x' 'y' 0", "31 l16385 'x' 'y'", "31 $0 'x' l16385"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct rogue r;
        rogue_init(&r, CLIENT);
        rogue_until(&r, ROGUE_KEXINIT);
        rogue_drop(&r);
        rogue_say(&r, bad[i]);
        expect_refused(&r, NACRE_ERR_FORMAT, 2);
    }
}

/* ---- Questions ---- */

static bool refuse_to(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_ACCEPT}; /* but no signature */
    if (ev->type != *(enum nacre_event_type *)p->ctx) {
        return false;
    }
    a.verdict = ev->type == NACRE_EV_SIGN ? NACRE_ACCEPT : NACRE_REFUSE;
    nacre_err err = nacre_conn_answer(s->c, &a);
    cr_assert(err == NACRE_ERR_SIGNER || err == NACRE_ERR_HOST_KEY);
    return true;
}

Test(kex, signer_or_user_says_no)
{
    static const struct {
        enum nacre_event_type type;
        int who;
        nacre_err err;
    } cases[] = {{NACRE_EV_SIGN, 1, NACRE_ERR_SIGNER}, {NACRE_EV_HOST_KEY, 0, NACRE_ERR_HOST_KEY}};
    for (int i = 0; i < 2; i++) {
        struct pair p;
        enum nacre_event_type type = cases[i].type;
        pair_init(&p);
        p.hook = refuse_to;
        p.ctx = &type;
        pair_session(&p);
        cr_assert_eq(p.side[cases[i].who].err, cases[i].err);
        cr_assert_eq(p.side[1 - cases[i].who].err, NACRE_ERR_PEER_DISCONNECT);
        pair_free(&p);
    }
}

/* Until the host key is accepted nothing goes out under new keys, and nothing that came is read. */
static bool leave_it(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    (void)p; /* never answered */
    (void)s;
    return ev->type == NACRE_EV_HOST_KEY;
}

Test(security, s46_nothing_before_the_host_is_trusted)
{
    struct pair p;
    struct nacre_answer guess = {.id = 1, .verdict = NACRE_ACCEPT};
    pair_init(&p);
    p.hook = leave_it;
    pair_session(&p);
    struct nacre_conn *c = p.side[0].c;
    cr_assert_eq(c->tx.cipher, NULL);
    cr_assert_eq(c->rx.cipher, NULL);
    cr_assert_eq(nacre_auth_none(c, "joe"), NACRE_ERR_USAGE);
    cr_assert_eq(nacre_auth_password(c, "joe", nacre_bytes_str("secret")), NACRE_ERR_USAGE);
    cr_assert_eq(nacre_conn_answer(c, &guess), NACRE_ERR_USAGE);
    cr_assert_eq(nacre_conn_rekey(c), NACRE_ERR_USAGE);
    cr_assert_eq(nacre_conn_wants(c) & NACRE_WANT_ANSWER, NACRE_WANT_ANSWER);
    pair_free(&p);
}

/* An agent takes the host's word for the session: key, signature and what was signed. */
static bool check_host_signature(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    static uint64_t work[NACRE_WORK];
    struct nacre_bytes sid = nacre_conn_session_id(s->c);
    if (ev->type != NACRE_EV_HOST_KEY) {
        return false;
    }
    cr_assert_gt(sid.n, 0);
    cr_assert_eq(nacre_sig_verify(&nacre_algs_default, ev->alg, ev->blob, sid, ev->data, work),
                 NACRE_OK);
    *(bool *)p->ctx = true;
    return false;
}

Test(kex, host_signature_is_told)
{
    struct pair p;
    bool seen = false;
    pair_init(&p);
    p.hook = check_host_signature;
    p.ctx = &seen;
    pair_session(&p);
    cr_assert(seen);
    pair_free(&p);
}

/* ---- EXT_INFO ---- */

Test(kex, ext_info_damaged_and_unknown)
{
    static const struct {
        const char *say;
        nacre_err err;
    } cases[] = {
        {"7 u0", NACRE_OK},
        {"7 u2 'no-flow-control' 's' 'x@y' ''", NACRE_OK},
        {"7 u1 '' xff00", NACRE_ERR_FORMAT},
        {"7 u1 'x' u2 xff00", NACRE_OK}, /* values are binary, RFC 8308 2.5 */
        {"7", NACRE_ERR_FORMAT},
        {"7 u1", NACRE_ERR_FORMAT},
        {"7 u1 'x'", NACRE_ERR_FORMAT},
        {"7 u1 'x' 'y' 0", NACRE_ERR_FORMAT},
        {"7 u2 'x' 'y'", NACRE_ERR_FORMAT},
        {"7 u65", NACRE_ERR_FORMAT},
        {"7 u0xffffffff", NACRE_ERR_FORMAT}, /* S21 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int victim = 0; victim < 2; victim++) {
            struct rogue r;
            rogue_init(&r, (enum nacre_role)victim);
            rogue_until(&r, ROGUE_SERVICE);
            rogue_say(&r, cases[i].say);
            if (cases[i].err == NACRE_OK) {
                rogue_expect_alive(&r);
                cr_assert_eq(r.victim->count[NACRE_EV_EXT_INFO], 1);
            } else {
                rogue_expect_end(&r, cases[i].err, 2);
            }
            rogue_free(&r);
        }
    }
}

#ifndef NACRE_NO_LEGACY
/* CBC needs it with encrypt-then-MAC alone. */
Test(kex, s01_cbc_that_needs_strict_mode)
{
    static const char *const macs[2] = {"hmac-sha2-256", "hmac-sha2-256-etm@openssh.com"};
    for (int i = 0; i < 16; i++) {
        bool strict = i % 2 != 0, allow = i / 2 % 2 != 0, etm = i / 4 % 2 != 0;
        struct pair p;
        pair_init(&p);
        for (int side = 0; side < 2; side++) {
            p.side[side].cfg.algs = &nacre_algs_legacy;
            p.side[side].cfg.ciphers = i / 8 == 0 ? "aes128-cbc" : "3des-cbc";
            p.side[side].cfg.macs = macs[etm];
            p.side[side].cfg.no_strict = !strict;
            p.side[side].cfg.allow_not_strict = allow;
            p.side[side].lenient = true;
        }
        pair_session(&p);
        bool refused = p.side[0].err == NACRE_ERR_KEX || p.side[1].err == NACRE_ERR_KEX;
        cr_assert_eq(refused, etm && !strict && !allow, "%d", p.side[0].err);
        cr_assert_eq(pair_complete(&p), !refused);
        pair_free(&p);
    }
}
#endif

/* A zeroed policy does not take the cipher that Terrapin is about without the cure for it. */
Test(kex, s01_cipher_that_needs_strict_mode)
{
    for (int strict = 0; strict < 2; strict++) {
        for (int side = 0; side < 2; side++) {
            struct pair p;
            pair_init(&p);
            p.side[side].cfg.allow_not_strict = false;
            p.side[1 - side].cfg.no_strict = strict == 0;
            p.side[0].lenient = p.side[1].lenient = true;
            pair_session(&p);
            cr_assert_eq(p.side[side].err == NACRE_ERR_KEX, strict == 0, "%d", p.side[side].err);
            pair_free(&p);
        }
    }
}

/* ---- K in the exchange hash ---- */

/* A key exchange whose K is what the test wants. */
static uint8_t fixed_k[32];

static nacre_err fixed_start(uint8_t *pub, uint8_t *secret, const struct nacre_rng *rng,
                             uint64_t *work)
{
    (void)rng, (void)work;
    memset(pub, 0xc1, 32);
    secret[0] = 1;
    return NACRE_OK;
}

static nacre_err fixed_respond(uint8_t *reply, uint8_t *k, struct nacre_bytes init,
                               const struct nacre_rng *rng, uint64_t *work)
{
    (void)rng, (void)work;
    cr_assert_eq(init.n, 32);
    memset(reply, 0x5e, 32);
    memcpy(k, fixed_k, sizeof fixed_k);
    return NACRE_OK;
}

static nacre_err fixed_finish(uint8_t *k, struct nacre_bytes reply, const uint8_t *secret,
                              uint64_t *work)
{
    (void)secret, (void)work;
    cr_assert_eq(reply.n, 32);
    memcpy(k, fixed_k, sizeof fixed_k);
    return NACRE_OK;
}

static void hash_string(struct nacre_sha256 *h, const void *p, size_t n)
{
    const uint8_t len[4] = {0, 0, (uint8_t)(n >> 8), (uint8_t)n};
    nacre_sha256_update(h, len, 4);
    nacre_sha256_update(h, p, n);
}

/* The same as RFC 4251 5 has it: without leading zeros, with one where the top bit is set. */
static void hash_mpint(struct nacre_sha256 *h, const uint8_t *p, size_t n)
{
    uint8_t b[33] = {0};
    for (; n > 0 && *p == 0; p++) {
        n--;
    }
    memcpy(b + 1, p, n);
    const bool sign = n > 0 && (*p & 0x80) != 0;
    hash_string(h, sign ? b : b + 1, n + sign);
}

static const char *const fixed_ident[2] = {"x_1 a  comment ", "y-2 "};

static void fixed_expect(const struct pair *p, bool string)
{
    struct nacre_sha256 h;
    char line[64];
    uint8_t want[32], pub[32];
    nacre_sha256_init(&h);
    for (int i = 0; i < 2; i++) { /* RFC 4253 4.2: all of the line but its end */
        const int n = snprintf(line, sizeof line, "SSH-2.0-%s", fixed_ident[i]);
        hash_string(&h, line, (size_t)n);
    }
    for (int i = 0; i < 2; i++) {
        const struct nacre_conn *c = p->side[i].c;
        hash_string(&h, ncr_scratch(c, NCR_SCRATCH_OURS), c->kex.ours_len);
    }
    hash_string(&h, pair_key_blob(0).p, pair_key_blob(0).n);
    hash_string(&h, memset(pub, 0xc1, sizeof pub), sizeof pub);
    hash_string(&h, memset(pub, 0x5e, sizeof pub), sizeof pub);
    if (string) {
        hash_string(&h, fixed_k, sizeof fixed_k);
    } else {
        hash_mpint(&h, fixed_k, sizeof fixed_k);
    }
    nacre_sha256_final(want, &h);
    for (int i = 0; i < 2; i++) {
        cr_assert_arr_eq(p->side[i].c->session_id, want, sizeof want);
    }
}

/* S28: as mpint without leading zeros and with a zero before the top bit; as string whole. */
Test(security, s28_k_with_leading_zeros_and_top_bit)
{
    static struct ncr_kex row = {.name = "curve25519-sha256",
                                 .hash = &nacre_hash_sha256,
                                 .init_len = 32,
                                 .reply_len = 32,
                                 .secret_len = 32,
                                 .k_len = 32,
                                 .start = fixed_start,
                                 .respond = fixed_respond,
                                 .finish = fixed_finish};
    static const struct ncr_kex *const rows[] = {&row, NULL};
    for (size_t zeros = 0; zeros <= 5; zeros++) {
        for (int i = 0; i < 4; i++) {
            struct nacre_algs algs = nacre_algs_default;
            struct pair p;
            algs.kex = rows;
            row.k_is_string = i >= 2;
            memset(fixed_k, 0x77, sizeof fixed_k);
            memset(fixed_k, 0, zeros);
            fixed_k[zeros] = i % 2 == 0 ? 0x80 : 0x7f;
            pair_init(&p);
            p.plan.no_channel = true;
            for (int side = 0; side < 2; side++) {
                p.side[side].cfg.algs = &algs;
                p.side[side].cfg.ident = fixed_ident[side];
            }
            pair_session(&p);
            cr_assert_eq(p.side[0].count[NACRE_EV_AUTH_SUCCESS], 1);
            fixed_expect(&p, row.k_is_string);
            pair_free(&p);
        }
    }
}
