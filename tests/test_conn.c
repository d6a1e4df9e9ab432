/* SPDX-License-Identifier: ISC
 *
 * The connection as a whole: two engines talk to each other in memory. However the bytes arrive,
 * wherever the connections lie in memory and whatever is negotiated, the session is the same;
 * whatever fails, both ends say so by name and keep nothing secret.
 */
#include "proto/buf.h"
#include "tests/pair.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* What the operations work in. */
static uint64_t work[NACRE_WORK];

static void expect_same(const struct pair_buf *a, const struct pair_buf *b)
{
    cr_assert(a->n == b->n && memcmp(a->p, b->p, a->n) == 0, "logs differ:\n%.*s\n---\n%.*s",
              (int)a->n, (const char *)a->p, (int)b->n, (const char *)b->p);
}

static bool log_has(const struct pair_side *s, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; n <= s->log.n && i <= s->log.n - n; i++) {
        if (memcmp(s->log.p + i, text, n) == 0) {
            return true;
        }
    }
    return false;
}

Test(conn, whole_session)
{
    struct pair p;
    pair_init(&p);
    p.plan.send = 100000;
    pair_session(&p);
    cr_assert(pair_complete(&p), "client:\n%.*s\nserver:\n%.*s", (int)p.side[0].log.n,
              (const char *)p.side[0].log.p, (int)p.side[1].log.n, (const char *)p.side[1].log.p);
    cr_assert(log_has(&p.side[0], "VERSION data=SSH-2.0-nacre_"));
    cr_assert(log_has(&p.side[1], "DISCONNECT reason=11 data=goodbye"));
    cr_assert(nacre_conn_negotiated(p.side[0].c)->strict);
    cr_assert_str_eq(nacre_conn_negotiated(p.side[0].c)->cipher[0],
                     "chacha20-poly1305@openssh.com");
    cr_assert_str_eq(nacre_conn_negotiated(p.side[0].c)->mac[0], "");
    pair_free(&p);
}

Test(conn, every_cipher_and_mac)
{
    static const char *const ciphers[] = {"chacha20-poly1305@openssh.com",
                                          "aes128-gcm@openssh.com",
                                          "aes256-gcm@openssh.com",
                                          "aes128-ctr",
                                          "aes192-ctr",
                                          "aes256-ctr"};
    enum { N = 6, AEADS = 3, MACS = 8 };
    static const char *const macs[] = {"hmac-sha2-256-etm@openssh.com",
                                       "hmac-sha2-512-etm@openssh.com",
                                       "umac-64-etm@openssh.com",
                                       "umac-128-etm@openssh.com",
                                       "hmac-sha2-256",
                                       "hmac-sha2-512",
                                       "umac-64@openssh.com",
                                       "umac-128@openssh.com"};
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < MACS; j++) {
            struct pair p;
            pair_init(&p);
            p.side[0].cfg.ciphers_dir[0] = ciphers[i];
            p.side[0].cfg.ciphers_dir[1] = ciphers[(i + j) % N];
            p.side[1].cfg.macs_dir[0] = macs[j];
            p.side[1].cfg.macs_dir[1] = macs[(i + 3 * j) % MACS];
            p.plan.send = 5000;
            pair_session(&p);
            cr_assert(pair_complete(&p));
            for (int k = 0; k < 2; k++) {
                const struct nacre_negotiated *n = nacre_conn_negotiated(p.side[k].c);
                cr_assert_str_eq(n->cipher[0], ciphers[i]);
                cr_assert_str_eq(n->cipher[1], ciphers[(i + j) % N]);
                cr_assert_str_eq(n->mac[0], i < AEADS ? "" : macs[j]);
                cr_assert_str_eq(n->mac[1], (i + j) % N < AEADS ? "" : macs[(i + 3 * j) % MACS]);
            }
            pair_free(&p);
        }
    }
}

/* ---- However the bytes arrive ---- */

Test(conn, any_chunk_gives_the_same_events)
{
    static const size_t chunks[] = {1, 2, 3, 5, 13, 100, 1000};
    struct pair whole;
    pair_init(&whole);
    pair_session(&whole);
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        struct pair p;
        pair_init(&p);
        p.side[0].out.chunk = p.side[1].out.chunk = chunks[i];
        p.plan.move = i % 2 == 0;
        pair_session(&p);
        cr_assert(pair_complete(&p));
        expect_same(&whole.side[0].log, &p.side[0].log);
        expect_same(&whole.side[1].log, &p.side[1].log);
        pair_free(&p);
    }
    pair_free(&whole);
}

static void split_everywhere(enum nacre_role from)
{
    struct pair whole;
    pair_init(&whole);
    whole.plan.send = 40;
    pair_session(&whole);
    for (uint64_t at = 1; at < whole.side[from].out.passed; at++) {
        struct pair p;
        pair_init(&p);
        p.plan.send = 40;
        p.side[from].out.split_at = at;
        pair_session(&p);
        cr_assert(pair_complete(&p), "split at %lu", (unsigned long)at);
        expect_same(&whole.side[0].log, &p.side[0].log);
        expect_same(&whole.side[1].log, &p.side[1].log);
        pair_free(&p);
    }
    pair_free(&whole);
}

Test(conn, every_split_from_the_client)
{
    split_everywhere(NACRE_CLIENT);
}

Test(conn, every_split_from_the_server)
{
    split_everywhere(NACRE_SERVER);
}

Test(conn, moved_every_round)
{
    struct pair p;
    pair_init(&p);
    p.plan.send = 300000;
    p.plan.move = true;
    p.plan.rekey_every = 5;
    pair_session(&p);
    cr_assert(pair_complete(&p));
    pair_free(&p);
}

Test(conn, small_region_and_slow_pipe)
{
    for (unsigned delay = 0; delay < 6; delay++) {
        struct pair p;
        pair_init(&p);
        for (int i = 0; i < 2; i++) {
            p.side[i].channels = 2;
            p.side[i].mem_len = NACRE_CONN_MEM(2, NACRE_BUF_SMALL, NACRE_BUF_SMALL);
            p.side[i].out.chunk = 97 + 500 * delay;
            p.side[i].out.delay = delay;
        }
        p.plan.send = 50000;
        p.plan.rekey_every = delay == 3 ? 40 : 0;
        pair_session(&p);
        cr_assert(pair_complete(&p), "delay %u", delay);
        pair_free(&p);
    }
}

/* The socket takes a little at a time: what is left stays in the buffer and is moved up for room.
 */
Test(conn, output_taken_in_pieces)
{
    static const size_t takes[] = {1, 7, 300, 3000, 8000};
    for (size_t i = 0; i < sizeof takes / sizeof takes[0]; i++) {
        for (int small = 0; small < 2; small++) {
            struct pair p;
            pair_init(&p);
            for (int j = 0; j < 2; j++) {
                p.side[j].out.take = takes[(i + (size_t)j) % 5];
                p.side[j].mem_len = small != 0 ? NACRE_CONN_MEM(8, NACRE_BUF_SMALL, NACRE_BUF_SMALL)
                                               : p.side[j].mem_len;
            }
            p.plan.send = i < 2 || i == 4 ? 10000 : 200000;
            p.plan.rekey_every = i < 2 || i == 4 ? 3000 : 50;
            pair_session(&p);
            cr_assert(pair_complete(&p), "take %zu: %s %s", takes[i], nacre_err_name(p.side[0].err),
                      nacre_err_name(p.side[1].err));
            pair_free(&p);
        }
    }
}

Test(conn, bulk_region)
{
    struct pair p;
    pair_init(&p);
    for (int i = 0; i < 2; i++) {
        p.side[i].mem_len = NACRE_CONN_MEM(8, NACRE_BUF_BULK, NACRE_BUF_BULK);
        p.side[i].cfg.max_packet = 200000;
    }
    p.plan.send = 4000000;
    pair_session(&p);
    cr_assert(pair_complete(&p));
    pair_free(&p);
}

/* ---- What is given at init ---- */

static nacre_err init_with(const struct nacre_conn_cfg *cfg, size_t len, size_t shift,
                           uint32_t channels)
{
    static struct nacre_conn c;
    static _Alignas(8) uint8_t mem[1 << 17];
    struct pair_rng state = {.state = 1};
    struct nacre_rng rng = pair_rng_of(&state);
    struct nacre_conn_cfg with = *cfg;
    with.work = work;
    return nacre_conn_init(&c, NACRE_CLIENT, &with, &rng, mem + shift, len, channels);
}

Test(conn, init_refuses_bad_regions_and_names)
{
    const struct nacre_conn_cfg none = {0};
    size_t least = NACRE_CONN_MEM(4, NACRE_BUF_SMALL, NACRE_BUF_SMALL);
    cr_assert_eq(init_with(&none, least, 0, 4), NACRE_OK);
    cr_assert_eq(init_with(&none, least, 8, 4), NACRE_OK);
    cr_assert_eq(init_with(&none, least - 1, 0, 4), NACRE_ERR_REGION);
    cr_assert_eq(init_with(&none, 0, 0, 0), NACRE_ERR_REGION);
    cr_assert_eq(init_with(&none, least, 0, 5), NACRE_ERR_REGION);
    cr_assert_eq(init_with(&none, least, 0, UINT32_MAX), NACRE_ERR_REGION);
    cr_assert_eq(init_with(&none, least, 4, 4), NACRE_ERR_REGION);
    static const struct nacre_conn_cfg bad[] = {
        {.kex = "curve25519-sha256,none"},    {.ciphers = "aes128-cbc"},
        {.macs = "hmac-sha2-256,,hmac-sha1"}, {.comps = "zlib2"},
        {.host_key_algs = "ssh-dss"},         {.macs_dir = {NULL, "hmac-md5"}},
        {.ciphers_dir = {"none", NULL}},      {.user_sig_algs = "ssh-rsa"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(init_with(&bad[i], least, 0, 4), NACRE_ERR_UNKNOWN_ALG, "row %zu", i);
    }
    static char ident[400];
    struct nacre_conn_cfg longest = {.ident = ident};
    memset(ident, 'x', 245);
    cr_assert_eq(init_with(&longest, least, 0, 4), NACRE_OK);
    ident[245] = 'x';
    cr_assert_eq(init_with(&longest, least, 0, 4), NACRE_ERR_USAGE);
}

/* ---- What fails ---- */

/* Whatever was broken, nobody is left believing: an error is told, or the peer fell silent. */
static void expect_over(const struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        nacre_err err = p->side[i].err;
        cr_assert_neq(err, NACRE_ERR_INTERNAL);
        cr_assert(err == NACRE_OK || err < NACRE_ERR_REGION);
    }
}

Test(conn, randomness_fails_at_every_call)
{
    for (int who = 0; who < 2; who++) {
        bool passed = false;
        unsigned long n = 0;
        while (!passed && ++n < 1000) {
            struct pair p;
            pair_init(&p);
            p.side[who].rng.fail_at = n;
            p.plan.rekey_every = 7;
            p.plan.send = 20000;
            pair_start(&p);
            if (p.side[who].init_err != NACRE_OK) {
                cr_assert_eq(p.side[who].init_err, NACRE_ERR_RNG);
                pair_free(&p);
                continue;
            }
            cr_assert(pair_run(&p, 100000));
            passed = pair_complete(&p);
            cr_assert(passed || p.side[who].err == NACRE_ERR_RNG);
            cr_assert(passed || p.side[1 - who].err == NACRE_ERR_PEER_DISCONNECT);
            pair_free(&p);
        }
        cr_assert(n > 4, "only %lu calls", n);
    }
}

Test(conn, cut_at_every_byte)
{
    for (int from = 0; from < 2; from++) {
        struct pair whole;
        pair_init(&whole);
        whole.plan.send = 40;
        pair_session(&whole);
        for (uint64_t at = 0; at < whole.side[from].out.passed; at++) {
            struct pair p;
            pair_init(&p);
            p.plan.send = 40;
            p.side[from].out.cut_at = at;
            pair_session(&p);
            nacre_err err = p.side[1 - from].err;
            cr_assert(err == NACRE_ERR_PEER_CLOSED || err == NACRE_ERR_CLOSED, "cut at %lu: %s",
                      (unsigned long)at, nacre_err_name(err));
            cr_assert(!pair_complete(&p));
            expect_over(&p);
            pair_free(&p);
        }
        pair_free(&whole);
    }
}

/* Bytes before the first NEWKEYS are not authenticated one by one: a changed padding byte is never
 * noticed, all else changes H. */
static void flip_everywhere(enum nacre_role from, uint8_t mask)
{
    struct pair whole;
    unsigned complete = 0;
    pair_init(&whole);
    whole.plan.send = 40;
    pair_session(&whole);
    for (uint64_t at = 0; at < whole.side[from].out.passed; at++) {
        struct pair p;
        pair_init(&p);
        p.plan.send = 40;
        p.side[from].out.flip_at = at;
        p.side[from].out.flip = mask;
        pair_session(&p);
        complete += pair_complete(&p);
        p.now = 1;
        pair_events(&p, &p.side[0]);
        for (int i = 0; i < 2; i++) { /* whoever still waits meets a deadline */
            nacre_err err = nacre_conn_tick(p.side[i].c, 1);
            err = nacre_conn_tick(p.side[i].c, 500000);
            cr_assert(err != NACRE_OK || nacre_conn_authenticated(p.side[i].c), "flip at %lu",
                      (unsigned long)at);
        }
        expect_over(&p);
        pair_free(&p);
    }
    /* at most 11 bytes of padding in each of three clear packets */
    cr_assert(complete <= 33, "%u sessions survived", complete);
    pair_free(&whole);
}

Test(conn, every_byte_from_the_client_flipped)
{
    flip_everywhere(NACRE_CLIENT, 1);
    flip_everywhere(NACRE_CLIENT, 0x80);
}

Test(conn, every_byte_from_the_server_flipped)
{
    flip_everywhere(NACRE_SERVER, 1);
    flip_everywhere(NACRE_SERVER, 0x80);
}

/* A server whose output nobody takes stops reading; when it is taken, all goes on. */
Test(conn, stalled_output_at_every_round)
{
    for (unsigned at = 1; at < 14; at++) {
        for (int who = 0; who < 2; who++) {
            struct pair p;
            pair_init(&p);
            p.plan.send = 200000;
            pair_start(&p);
            while (p.round < at && pair_round(&p)) {
            }
            p.side[who].out.stalled = true;
            cr_assert(pair_run(&p, 10000));
            cr_assert(!pair_complete(&p));
            cr_assert_eq(p.side[0].err, NACRE_OK);
            cr_assert_eq(p.side[1].err, NACRE_OK);
            p.side[who].out.stalled = false;
            cr_assert(pair_run(&p, 10000));
            cr_assert(pair_complete(&p), "stalled at %u", at);
            pair_free(&p);
        }
    }
}

Test(conn, s07_error_sticks_and_secrets_are_gone)
{
    static const struct {
        const char *cipher, *mac;
        size_t secret; /* 16 bytes that only the MAC's key makes */
    } cases[] = {
        {"chacha20-poly1305@openssh.com", "hmac-sha2-256", 0},
        {"aes256-ctr", "hmac-sha2-256", offsetof(struct ncr_dir, mac.hmac.inner)},
        {"aes256-ctr", "hmac-sha2-512", offsetof(struct ncr_dir, mac.hmac.outer)},
        {"aes256-ctr", "umac-128@openssh.com", offsetof(struct ncr_dir, mac.umac.l1)},
        {"aes256-ctr", "umac-64@openssh.com", offsetof(struct ncr_dir, mac.umac.pad)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t secret = cases[i].secret;
        for (int victim = 0; victim < 2; victim++) {
            struct pair p;
            struct ncr_dir rx, tx;
            pair_init(&p);
            p.side[0].cfg.ciphers = cases[i].cipher;
            p.side[0].cfg.macs = cases[i].mac;
            p.plan.stay = true;
            pair_session(&p);
            struct pair_side *s = &p.side[victim];
            rx = s->c->rx;
            tx = s->c->tx;
            cr_assert(pair_holds(s, (const uint8_t *)&rx.key, 32));
            cr_assert(secret == 0 || pair_holds(s, (const uint8_t *)&rx + secret, 16));
            cr_assert(nacre_conn_ignore(p.side[1 - victim].c, (const uint8_t *)"12345", 5) == 0);
            p.side[1 - victim].out.flip_at = p.side[1 - victim].out.passed + 20;
            p.side[1 - victim].out.flip = 4;
            cr_assert(pair_run(&p, 1000));
            cr_assert_eq(s->err, NACRE_ERR_MAC);
            cr_assert_eq(p.side[1 - victim].err, NACRE_ERR_PEER_DISCONNECT);
            cr_assert_eq(nacre_conn_errinfo(p.side[1 - victim].c).peer_reason, 5);
            cr_assert(!pair_holds(s, (const uint8_t *)&rx.key, 16));
            cr_assert(!pair_holds(s, (const uint8_t *)&tx.key, 16));
            cr_assert(secret == 0 || !pair_holds(s, (const uint8_t *)&rx + secret, 16));
            cr_assert(secret == 0 || !pair_holds(s, (const uint8_t *)&tx + secret, 16));
            uint32_t chan = 0;
            const struct nacre_bytes none = {NULL, 0};
            cr_assert_eq(nacre_chan_open(s->c, "session", none, &chan), NACRE_ERR_MAC);
            cr_assert_eq(nacre_conn_rekey(s->c), NACRE_ERR_MAC);
            cr_assert_eq(nacre_conn_close(s->c, 11, "x"), NACRE_ERR_MAC);
            cr_assert_eq(nacre_conn_tick(s->c, 5), NACRE_ERR_MAC);
            cr_assert_eq(nacre_conn_out(s->c).n, 0);
            pair_free(&p);
        }
    }
}

Test(conn, wipe_leaves_zeros)
{
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    pair_session(&p);
    for (int i = 0; i < 2; i++) {
        struct nacre_conn *c = p.side[i].c;
        const uint8_t *mem = (const uint8_t *)ncr_chans(c);
        nacre_conn_wipe(c);
        for (size_t j = 0; j < sizeof *c; j++) {
            cr_assert_eq(((const uint8_t *)c)[j], 0);
        }
        for (size_t j = 0; j < p.side[i].mem_len; j++) {
            cr_assert_eq(mem[j], 0);
        }
    }
    pair_free(&p);
}

/* The bytes of a password are in neither engine once the server has decided. */
static bool password_seen(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    struct nacre_answer no = {.id = ev->id};
    if (ev->type != NACRE_EV_AUTH_REQUEST || ev->stage != NACRE_STAGE_PASSWORD) {
        return false;
    }
    (void)p; /* the verdict is always no */
    cr_assert_eq(nacre_conn_answer(s->c, &no), *(nacre_err *)p->ctx);
    return true;
}

Test(conn, passwords_do_not_stay)
{
    static const enum pair_try tries[] = {PAIR_TRY_PASSWORD, PAIR_TRY_END};
    for (unsigned max = 1; max <= 2; max++) { /* with 1 the first failure is the end */
        nacre_err want = max == 1 ? NACRE_ERR_AUTH_TRIES : NACRE_OK;
        struct pair p;
        pair_init(&p);
        p.plan.tries = tries;
        p.hook = password_seen;
        p.ctx = &want;
        p.side[1].cfg.auth_tries = max;
        pair_session(&p);
        cr_assert_eq(p.side[1].err, want);
        for (int i = 0; i < 2; i++) {
            cr_assert(!pair_holds(&p.side[i], (const uint8_t *)"\0\0\0\6secret", 10));
        }
        pair_free(&p);
    }
}

/* ---- Time and counts ---- */

Test(conn, traffic_is_counted_once)
{
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    p.plan.send = 5000;
    pair_session(&p);
    for (int i = 0; i < 2; i++) {
        uint64_t rx, tx;
        nacre_conn_traffic(p.side[i].c, &rx, &tx);
        cr_assert_eq(rx, p.side[1 - i].out.passed);
        cr_assert_eq(tx, p.side[i].out.passed);
    }
    pair_free(&p);
}

static bool leave_host_key(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    (void)s; /* only the type counts */
    if (ev->type == NACRE_EV_HOST_KEY) {
        *(uint32_t *)p->ctx = ev->id;
        return true;
    }
    return false;
}

Test(conn, deadline_of_a_silent_peer)
{
    struct pair p;
    pair_init(&p);
    pair_start(&p);
    for (int i = 0; i < 2; i++) {
        struct nacre_conn *c = p.side[i].c;
        cr_assert_eq(nacre_conn_tick(c, 1000), NACRE_OK);
        cr_assert_eq(nacre_conn_deadline(c), 21000);
        cr_assert_eq(nacre_conn_tick(c, 20999), NACRE_OK);
        cr_assert_eq(nacre_conn_tick(c, 21000), NACRE_ERR_TIMEOUT_KEX);
    }
    pair_free(&p);
}

/* A person takes a minute to compare the fingerprint: no deadline of the exchange runs meanwhile,
 * none is in the past (the driver would spin), and the answer is still good. */
Test(conn, no_kex_deadline_while_a_question_is_open)
{
    uint32_t id = 0;
    struct pair p;
    pair_init(&p);
    p.hook = leave_host_key;
    p.ctx = &id;
    p.plan.stay = true;
    p.now = 1000;
    pair_session(&p);
    cr_assert_neq(id, 0);
    struct nacre_conn *c = p.side[0].c;
    cr_assert_eq(nacre_conn_tick(c, 61000), NACRE_OK);
    cr_assert(nacre_conn_deadline(c) > 61000);
    struct nacre_answer yes = {.id = id, .verdict = NACRE_ACCEPT};
    cr_assert_eq(nacre_conn_answer(c, &yes), NACRE_OK);
    cr_assert_eq(nacre_conn_tick(c, 61001), NACRE_OK);
    p.now = 0;
    cr_assert(pair_run(&p, 1000));
    cr_assert(nacre_conn_authenticated(c));
    pair_free(&p);
}

Test(conn, deadline_of_authentication)
{
    static const enum pair_try none[] = {PAIR_TRY_END};
    struct pair p;
    pair_init(&p);
    p.plan.tries = none;
    p.now = 1000;
    pair_session(&p);
    /* The client's own user has all the time there is. */
    cr_assert_eq(nacre_conn_deadline(p.side[0].c), UINT64_MAX);
    cr_assert_eq(nacre_conn_tick(p.side[0].c, 1000000), NACRE_OK);
    cr_assert_eq(nacre_conn_deadline(p.side[1].c), 121000);
    cr_assert_eq(nacre_conn_tick(p.side[1].c, 120999), NACRE_OK);
    cr_assert_eq(nacre_conn_tick(p.side[1].c, 121000), NACRE_ERR_TIMEOUT_AUTH);
    pair_free(&p);
}

Test(conn, keepalives_answered_or_the_end)
{
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    p.side[0].cfg.keepalive_ms = 100;
    p.now = 1000;
    pair_session(&p);
    struct nacre_conn *c = p.side[0].c;
    for (uint64_t t = 1100; t < 3000; t += 100) { /* answered: may go on for ever */
        cr_assert_eq(nacre_conn_deadline(c), t);
        p.now = t;
        cr_assert_eq(nacre_conn_tick(c, t), NACRE_OK);
        cr_assert(pair_run(&p, 100));
    }
    cr_assert_eq(p.side[0].count[NACRE_EV_GLOBAL_REPLY], 0);
    cr_assert_eq(p.side[1].count[NACRE_EV_GLOBAL], 0);
    for (uint64_t t = 3000; t < 3300; t += 100) {
        cr_assert_eq(nacre_conn_tick(c, t), NACRE_OK);
    }
    cr_assert_eq(nacre_conn_tick(c, 3300), NACRE_ERR_TIMEOUT_ALIVE);
    pair_free(&p);
}

Test(conn, usage_errors_change_nothing)
{
    struct pair p;
    uint32_t chan = 77;
    size_t taken;
    const struct nacre_bytes none = {NULL, 0};
    const struct nacre_answer a = {.id = 12345, .verdict = NACRE_ACCEPT};
    const struct nacre_answer zero = {.verdict = NACRE_ACCEPT};
    const struct nacre_request r = {.kind = NACRE_REQ_SHELL};
    pair_init(&p);
    pair_start(&p);
    for (int i = 0; i < 2; i++) { /* before anything */
        struct nacre_conn *c = p.side[i].c;
        cr_assert_eq(nacre_conn_rekey(c), NACRE_ERR_USAGE);
        cr_assert_eq(nacre_conn_ignore(c, NULL, 0), NACRE_ERR_USAGE);
        cr_assert_eq(nacre_conn_debug(c, true, ""), NACRE_ERR_USAGE);
        cr_assert_eq(nacre_conn_ping(c, NULL, 0), NACRE_ERR_USAGE);
        cr_assert_eq(nacre_conn_answer(c, &a), NACRE_ERR_USAGE);
        cr_assert_eq(nacre_conn_answer(c, &zero), NACRE_ERR_USAGE);
        cr_assert_eq(nacre_auth_none(c, "joe"), NACRE_ERR_USAGE);
        cr_assert_eq(nacre_chan_open(c, "session", none, &chan), NACRE_ERR_USAGE);
        cr_assert_eq(nacre_chan_request(c, 0, &r, true), NACRE_ERR_NO_CHANNEL);
        cr_assert_eq(nacre_chan_write(c, 0, 0, (const uint8_t *)"x", 1, &taken),
                     NACRE_ERR_NO_CHANNEL);
        cr_assert_eq(nacre_chan_eof(c, 3), NACRE_ERR_NO_CHANNEL);
        cr_assert_eq(nacre_chan_close(c, UINT32_MAX), NACRE_ERR_NO_CHANNEL);
        cr_assert_eq(nacre_chan_consumed(c, 0, 1), NACRE_ERR_NO_CHANNEL);
        nacre_conn_inack(c, 0);
        nacre_conn_inack(c, SIZE_MAX);
    }
    cr_assert(pair_run(&p, 1000));
    cr_assert(pair_complete(&p));
    pair_free(&p);
}

/* A packet that waited for room in the out-buffer needs no further input: wants and deadline say
 * so, and after draining all of them are answered. */
Test(conn, goes_on_when_room_has_come)
{
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    p.now = 1000;
    pair_session(&p);
    struct nacre_conn *client = p.side[0].c;
    struct nacre_conn *server = p.side[1].c;
    static const uint8_t ping[256];
    struct nacre_event ev;
    unsigned pings = 0, pongs = 0;
    size_t used;
    while (nacre_conn_ping(client, ping, sizeof ping) == NACRE_OK) {
        pings++;
    }
    struct nacre_bytes out = nacre_conn_out(client);
    cr_assert_eq(nacre_conn_recv(server, out.p, out.n, &used), NACRE_OK);
    cr_assert_eq(used, out.n);
    nacre_conn_sent(client, used);
    do {
        do {
            cr_assert_eq(nacre_conn_next(server, &ev), NACRE_OK);
        } while (ev.type != NACRE_EV_NONE);
        out = nacre_conn_out(server);
        cr_assert_eq(nacre_conn_recv(client, out.p, out.n, &used), NACRE_OK);
        nacre_conn_sent(server, used);
        do {
            cr_assert_eq(nacre_conn_next(client, &ev), NACRE_OK);
            pongs += ev.type == NACRE_EV_PONG ? 1 : 0;
        } while (ev.type != NACRE_EV_NONE);
        if ((nacre_conn_wants(server) & NACRE_WANT_NEXT) != 0) {
            cr_assert(nacre_conn_deadline(server) <= 1000);
        } else {
            cr_assert(nacre_conn_deadline(server) > 1000);
        }
    } while ((nacre_conn_wants(server) & (NACRE_WANT_NEXT | NACRE_WANT_WRITE)) != 0);
    cr_assert(pings > 60);
    cr_assert_eq(pongs, pings);
    pair_free(&p);
}

/* Nothing of a session is in memory after it: keys, passwords, data. */
Test(conn, s68_nothing_is_left_after_wipe)
{
    struct pair p;
    pair_init(&p);
    p.plan.send = 100000;
    pair_session(&p);
    for (int i = 0; i < 2; i++) {
        struct nacre_conn *c = p.side[i].c;
        const uint8_t *mem = (const uint8_t *)c + c->mem_off;
        const size_t n = c->mem_len;
        size_t left = 0;
        nacre_conn_wipe(c);
        for (size_t at = 0; at < n; at++) {
            left += mem[at] != 0;
        }
        for (size_t at = 0; at < sizeof *c; at++) {
            left += ((const uint8_t *)c)[at] != 0;
        }
        cr_assert_eq(left, 0);
    }
    pair_free(&p);
}
