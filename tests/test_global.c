/* SPDX-License-Identifier: ISC
 *
 * Global requests between two engines, RFC 4254 sections 4 and 7.1; keepalive and no-more-sessions
 * of OpenSSH; ping@openssh.com, IGNORE, DEBUG and DISCONNECT of RFC 4253 section 11.
 */
#include "proto/limits.h"
#include "tests/rogue.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define B(text)                                                                                    \
    {                                                                                              \
        (const uint8_t *)text, sizeof text - 1                                                     \
    }

struct talk {
    enum nacre_verdict verdict;
    uint32_t port;           /* to tell */
    struct nacre_bytes data; /* to tell */
    struct nacre_event asked, replied;
    char addr[64], got[64];
};

static void keep(char text[64], struct nacre_bytes b)
{
    cr_assert(b.n < 64);
    if (b.n > 0) {
        memcpy(text, b.p, b.n);
    }
}

static bool talk_hook(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    struct talk *t = p->ctx;
    if (ev->type == NACRE_EV_GLOBAL) {
        struct nacre_answer a = {
            .id = ev->id, .verdict = t->verdict, .port = t->port, .data = t->data};
        t->asked = *ev;
        keep(t->addr, ev->global.addr);
        cr_assert(ev->id == 0 || nacre_conn_answer(s->c, &a) == NACRE_OK);
        return true;
    }
    if (ev->type == NACRE_EV_GLOBAL_REPLY) {
        t->replied = *ev;
        keep(t->got, ev->data);
        return true;
    }
    return false;
}

static void talk_start(struct pair *p, struct talk *t)
{
    memset(t, 0, sizeof *t);
    t->verdict = NACRE_ACCEPT;
    pair_init(p);
    p->plan.stay = true;
    p->plan.send = 0;
    p->hook = talk_hook;
    p->ctx = t;
    pair_session(p);
}

Test(global, forwards_and_their_ports)
{
    static const struct nacre_bytes addrs[] = {B(""), B("localhost"), B("0.0.0.0"), B("::")};
    for (size_t i = 0; i < 4; i++) {
        for (uint32_t port = 0; port < 2; port++) {
            struct pair p;
            struct talk t;
            struct nacre_global g = {
                .kind = NACRE_GLOBAL_TCPIP_FORWARD, .addr = addrs[i], .port = port * 8080};
            talk_start(&p, &t);
            t.port = 40000;
            cr_assert_eq(nacre_global_request(p.side[0].c, &g, true), NACRE_OK);
            cr_assert(pair_run(&p, 100));
            cr_assert_eq(t.asked.global.kind, NACRE_GLOBAL_TCPIP_FORWARD);
            cr_assert_eq(t.asked.global.port, port * 8080);
            cr_assert(strlen(t.addr) == addrs[i].n && memcmp(t.addr, addrs[i].p, addrs[i].n) == 0);
            cr_assert(t.replied.accepted);
            /* RFC 4254 7.1: the port is told only if 0 was asked for */
            cr_assert_eq(t.replied.port, port == 0 ? 40000 : 0);
            cr_assert_eq(t.replied.data.n, port == 0 ? 4 : 0);
            g.kind = NACRE_GLOBAL_CANCEL_TCPIP_FORWARD;
            t.verdict = NACRE_REFUSE;
            cr_assert_eq(nacre_global_request(p.side[0].c, &g, true), NACRE_OK);
            cr_assert(pair_run(&p, 100));
            cr_assert_eq(t.asked.global.kind, NACRE_GLOBAL_CANCEL_TCPIP_FORWARD);
            cr_assert(!t.replied.accepted);
            pair_free(&p);
        }
    }
}

Test(global, replies_with_data)
{
    struct pair p;
    struct talk t;
    const struct nacre_global g = {.name = B("x@example.com"), .data = B("question")};
    talk_start(&p, &t);
    t.data = nacre_bytes_str("answer");
    for (int i = 0; i < 2; i++) { /* either role asks */
        cr_assert_eq(nacre_global_request(p.side[i].c, &g, true), NACRE_OK);
        cr_assert(pair_run(&p, 100));
        cr_assert_str_eq(t.got, "answer");
        cr_assert_eq(t.asked.global.kind, NACRE_GLOBAL_OTHER);
        memset(t.got, 0, sizeof t.got);
        cr_assert_eq(nacre_global_request(p.side[i].c, &g, false), NACRE_OK);
        cr_assert(pair_run(&p, 100));
        cr_assert(t.asked.id == 0 && t.got[0] == 0);
    }
    pair_free(&p);
}

Test(global, own_requests_in_flight)
{
    struct pair p;
    struct talk t;
    const struct nacre_global g = {.name = B("x@example.com")};
    talk_start(&p, &t);
    for (int i = 0; i < NCR_SENT_GLOBAL; i++) {
        cr_assert_eq(nacre_global_request(p.side[0].c, &g, true), NACRE_OK);
    }
    cr_assert_eq(nacre_global_request(p.side[0].c, &g, true), NACRE_ERR_NO_ROOM);
    cr_assert_eq(nacre_global_request(p.side[0].c, &g, false), NACRE_OK);
    cr_assert(pair_run(&p, 100));
    cr_assert_eq(p.side[0].count[NACRE_EV_GLOBAL_REPLY], NCR_SENT_GLOBAL);
    pair_free(&p);
}

/* The server's own open has failed by then; the session that is open stays. */
static const struct rogue_step no_more[] = {
    {R_UNTIL, NULL, ROGUE_CHAN, 0},
    {R_SKIP, NULL, 0, 0},
    {R_SAY, "80 'no-more-sessions@openssh.com' 0", 0, 0},
    {R_SAY, "90 'session' u7 u9 u9", 0, 0},
    {R_GET, "92 u7 u1", 0, 0},
    {R_SAY, "94 u1 'still'", 0, 0},
    {R_GET, "94 u0 'still'", 0, 0},
    {R_SAY, "90 'direct-tcpip' u7 u9 u9 'h' u1 'o' u2", 0, 0},
    {R_GET, "91 u7 u0", 0, 0},
    {R_ALIVE, NULL, 0, 0},
    {0}};
static const struct rogue_step no_more_to_client[] = {
    {R_UNTIL, NULL, ROGUE_CHAN, 0},
    {R_SKIP, NULL, 0, 0},
    {R_SAY, "80 'no-more-sessions@openssh.com' 1", 0, 0},
    {R_SAY, "90 'forwarded-tcpip' u7 u9 u9 'h' u1 'o' u2", 0, 0},
    {R_EVENTS, NULL, NACRE_EV_CHAN_OPEN, 2},
    {R_ALIVE, NULL, 0, 0},
    {0}};

Test(global, no_more_sessions)
{
    rogue_run(NACRE_SERVER, no_more);
    rogue_run(NACRE_CLIENT, no_more_to_client);
}

Test(global, ping_and_pong)
{
    struct pair p;
    uint8_t data[257];
    pair_init(&p);
    p.plan.stay = true;
    pair_session(&p);
    memset(data, 'p', sizeof data);
    for (int i = 0; i < 2; i++) {
        cr_assert(nacre_conn_negotiated(p.side[i].c)->peer_ping);
        cr_assert_eq(nacre_conn_ping(p.side[i].c, data, 256), NACRE_OK);
        cr_assert_eq(nacre_conn_ping(p.side[i].c, data, 0), NACRE_OK);
        cr_assert_eq(nacre_conn_ping(p.side[i].c, data, 257), NACRE_ERR_USAGE);
        cr_assert(pair_run(&p, 100));
        cr_assert_eq(p.side[i].count[NACRE_EV_PONG], 2);
    }
    pair_free(&p);
    pair_init(&p); /* not announced: not sent */
    p.plan.stay = true;
    p.side[1].cfg.no_ext_info = true;
    pair_session(&p);
    for (int i = 0; i < 2; i++) {
        cr_assert(!nacre_conn_negotiated(p.side[i].c)->peer_ping);
        cr_assert_eq(nacre_conn_ping(p.side[i].c, data, 1), NACRE_ERR_USAGE);
    }
    pair_free(&p);
}

Test(global, ping_too_long)
{
    static const struct rogue_step steps[] = {{R_UNTIL, NULL, ROGUE_SERVICE, 0},
                                              {R_SKIP, NULL, 0, 0},
                                              {R_SAY, "192 l256", 0, 0},
                                              {R_GET, "193 l256", 0, 0},
                                              {R_SAY, "192 l257", 0, 0},
                                              {R_END, NULL, NACRE_ERR_LIMIT, 2},
                                              {0}};
    rogue_run(NACRE_CLIENT, steps);
    rogue_run(NACRE_SERVER, steps);
}

Test(global, debug_ignore_disconnect)
{
    struct pair p;
    static uint8_t data[1025];
    struct nacre_event ev;
    pair_init(&p);
    p.plan.stay = true;
    pair_session(&p);
    cr_assert_eq(nacre_conn_debug(p.side[0].c, true, "text"), NACRE_OK);
    cr_assert_eq(nacre_conn_ignore(p.side[0].c, data, 1024), NACRE_OK);
    cr_assert_eq(nacre_conn_ignore(p.side[0].c, data, 1025), NACRE_ERR_USAGE);
    cr_assert(pair_run(&p, 100));
    cr_assert_eq(p.side[1].count[NACRE_EV_DEBUG], 1);
    cr_assert_eq(nacre_conn_close(p.side[0].c, 12, "too many"), NACRE_OK);
    cr_assert_eq(nacre_conn_next(p.side[0].c, &ev), NACRE_ERR_CLOSED);
    cr_assert((nacre_conn_wants(p.side[0].c) & NACRE_WANT_WRITE) != 0);
    cr_assert(pair_run(&p, 100));
    struct nacre_errinfo info = nacre_conn_errinfo(p.side[1].c);
    cr_assert(info.err == NACRE_ERR_PEER_DISCONNECT && info.peer_reason == 12);
    cr_assert(nacre_bytes_is(info.peer_text, "too many"));
    cr_assert_eq(nacre_conn_out(p.side[1].c).n, 0, "nothing is sent after DISCONNECT");
    pair_free(&p);
}

/* RFC 4253 11.1: nothing after DISCONNECT is handled; with or without a language tag. */
Test(global, nothing_after_disconnect)
{
    static const char *const texts[] = {"1 u11 'bye' ''", "1 u11 'bye'"};
    for (int victim = 0; victim < 2; victim++) {
        for (int stage = ROGUE_VERSION; stage <= ROGUE_CHAN; stage++) {
            for (size_t i = 0; i < 2; i++) {
                struct rogue r;
                rogue_init(&r, (enum nacre_role)victim);
                rogue_until(&r, (enum rogue_stage)stage);
                rogue_drop(&r);
                rogue_say(&r, texts[i]);
                rogue_say(&r, "192 'x'");
                cr_assert_eq(r.victim->count[NACRE_EV_DISCONNECT], 1);
                rogue_expect_end(&r, NACRE_ERR_PEER_DISCONNECT, 0);
                cr_assert(nacre_bytes_is(nacre_conn_errinfo(r.victim->c).peer_text, "bye"));
                rogue_free(&r);
            }
        }
    }
}
