/* SPDX-License-Identifier: ISC
 *
 * What a peer may not do with channels; each test bears the number of the class of vulnerability
 * that it is about: s22 sizes truncated, s76 windows, s77 packet size zero, s78 ids and closing,
 * s79 floods of opens, s80 unsolicited opens, s81 extended data, s82 order of replies.
 *
 * At ROGUE_CHAN the session's number is 0 at the client and 1 at the server.
 */
#include "proto/limits.h"
#include "tests/rogue.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT NACRE_CLIENT
#define SERVER NACRE_SERVER

/* One message to the open channel; %u is its number at the victim. */
static void on_channel(enum nacre_role victim, const char *format, nacre_err err)
{
    char say[256];
    struct rogue r;
    rogue_init(&r, victim);
    rogue_until(&r, ROGUE_CHAN);
    rogue_drop(&r);
    snprintf(say, sizeof say, format, r.victim->chan);
    rogue_say(&r, say);
    if (err == NACRE_OK) {
        rogue_expect_alive(&r);
    } else {
        rogue_expect_end(&r, err, 2);
    }
    rogue_free(&r);
}

/* ---- S22, S76, S77 ---- */

Test(security, s76_adjust_beyond_2_32)
{
    for (int victim = 0; victim < 2; victim++) {
        struct rogue r;
        char say[64];
        rogue_init(&r, (enum nacre_role)victim);
        rogue_until(&r, ROGUE_CHAN);
        size_t left = UINT32_MAX - nacre_chan_window(r.victim->c, r.victim->chan);
        snprintf(say, sizeof say, "93 u%u u%zu", r.victim->chan, left);
        rogue_say(&r, say);
        rogue_expect_alive(&r);
        cr_assert_eq(nacre_chan_window(r.victim->c, r.victim->chan), UINT32_MAX);
        snprintf(say, sizeof say, "93 u%u u1", r.victim->chan);
        rogue_say(&r, say);
        rogue_expect_end(&r, NACRE_ERR_WINDOW, 2);
        rogue_free(&r);
    }
}

Test(security, s76_adjusts_of_zero)
{
    struct rogue r;
    rogue_init(&r, SERVER);
    rogue_until(&r, ROGUE_CHAN);
    rogue_drop(&r);
    for (int i = 0; i < 100000; i++) {
        rogue_say(&r, "93 u1 u0");
    }
    rogue_expect_alive(&r);
    cr_assert_eq(r.victim->count[NACRE_EV_CHAN_WRITABLE], 0);
    cr_assert_eq(r.msgs.n, 0);
    rogue_free(&r);
}

static bool take_nothing(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    (void)p; /* data is not given back */
    (void)s;
    return ev->type == NACRE_EV_CHAN_DATA;
}

static void data_up_to(enum nacre_role victim, uint32_t window, const char *last, nacre_err err)
{
    struct rogue r;
    char say[64];
    rogue_init(&r, victim);
    r.victim->cfg.window = window;
    r.p.hook = take_nothing;
    rogue_until(&r, ROGUE_CHAN);
    rogue_drop(&r);
    while (window > 0) {
        uint32_t n = window < 30000 ? window : 30000;
        snprintf(say, sizeof say, "94 u%u l%u", r.victim->chan, n);
        rogue_say(&r, say);
        rogue_expect_alive(&r);
        window -= n;
    }
    snprintf(say, sizeof say, last, r.victim->chan);
    rogue_say(&r, say);
    if (err == NACRE_OK) {
        rogue_expect_alive(&r);
        cr_assert_eq(r.msgs.n, 0);
    } else {
        rogue_expect_end(&r, err, 2);
    }
    rogue_free(&r);
}

Test(security, s76_data_over_the_window)
{
    for (int victim = 0; victim < 2; victim++) {
        data_up_to((enum nacre_role)victim, 70000, "94 u%u l1", NACRE_ERR_WINDOW);
        data_up_to((enum nacre_role)victim, 70000, "95 u%u u1 l1", NACRE_ERR_WINDOW);
        data_up_to((enum nacre_role)victim, 1, "94 u%u l1", NACRE_ERR_WINDOW);
        data_up_to((enum nacre_role)victim, 70000, "94 u%u l0", NACRE_OK);
        data_up_to((enum nacre_role)victim, 70000, "95 u%u u1 l0", NACRE_OK);
    }
}

Test(security, s76_data_over_our_packet_size)
{
    for (int victim = 0; victim < 2; victim++) {
        enum nacre_role v = (enum nacre_role)victim;
        on_channel(v, "94 u%u l32768", NACRE_OK);
        on_channel(v, "94 u%u l32769", NACRE_ERR_WINDOW);
        on_channel(v, "95 u%u u1 l32768", NACRE_OK);
        on_channel(v, "95 u%u u1 l32769", NACRE_ERR_WINDOW);
    }
}

/* A peer that takes packets of any size does not make ours larger than others accept. */
Test(security, s22_peers_sizes_are_capped)
{
    struct rogue r;
    static uint8_t data[600000];
    size_t taken;
    rogue_init(&r, CLIENT);
    r.victim->mem_len = NACRE_CONN_MEM(8, 1 << 20, 1 << 20);
    rogue_until(&r, ROGUE_CONN);
    rogue_drop(&r);
    rogue_say(&r, "91 u0 u7 u0xffffffff u0xffffffff");
    rogue_drop(&r);
    cr_assert_eq(nacre_chan_write(r.victim->c, 0, 0, data, sizeof data, &taken), NACRE_OK);
    cr_assert_eq(taken, sizeof data);
    rogue_pump(&r);
    size_t sum = 0;
    for (struct nacre_bytes msg; rogue_get(&r, &msg);) {
        cr_assert(msg.n <= NCR_PACKET_MAX_BULK - 1024);
        sum += msg.n - 9;
    }
    cr_assert_eq(sum, sizeof data);
    rogue_free(&r);
}

/* More than 32 bits: no more is taken than window and buffer hold, and no more of it is read. */
Test(security, s22_write_of_five_gigabytes)
{
    struct rogue r;
    size_t taken = 0, sum = 0;
    const uint64_t n = UINT64_C(5) << 30;
    uint8_t *data = calloc(1, 1 << 16);
    rogue_init(&r, CLIENT);
    rogue_until(&r, ROGUE_CHAN);
    rogue_drop(&r);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(nacre_chan_write(r.victim->c, 0, 0, data, (size_t)n, &taken), NACRE_OK);
        cr_assert(taken > 0 && taken < 1 << 16);
        sum += taken;
        cr_assert_eq(nacre_chan_write(r.victim->c, 0, 0, data, (size_t)n, &taken), NACRE_OK);
        cr_assert(taken < 1 << 15, "what the buffer still takes");
        sum += taken;
        rogue_pump(&r);
    }
    for (struct nacre_bytes msg; rogue_get(&r, &msg);) {
        cr_assert_eq(msg.p[0], 94);
        sum -= msg.n - 9;
    }
    cr_assert_eq(sum, 0);
    free(data);
    rogue_free(&r);
}

/* RFC 4254 5.2: windows of 0 and 2^32 - 1 are legal. */
Test(security, s76_initial_windows)
{
    static const struct rogue_step steps[] = {{R_UNTIL, NULL, ROGUE_CONN, 0},
                                              {R_SKIP, NULL, 0, 0},
                                              {R_SAY, "90 'a' u5 u0 u1", 0, 0},
                                              {R_GET, "91 u5", 0, 0},
                                              {R_SAY, "90 'b' u5 u0xffffffff u0xffffffff", 0, 0},
                                              {R_GET, "91 u5", 0, 0},
                                              {R_ALIVE, NULL, 0, 0},
                                              {0}};
    rogue_run(SERVER, steps);
}

Test(security, s77_packet_size_zero)
{
    static const struct rogue_step open[] = {{R_UNTIL, NULL, ROGUE_CONN, 0},
                                             {R_SKIP, NULL, 0, 0},
                                             {R_SAY, "90 'session' u5 u1000 u0", 0, 0},
                                             {R_GET, "92 u5 u1", 0, 0},
                                             {R_EVENTS, NULL, NACRE_EV_CHAN_OPEN, 0},
                                             {R_ALIVE, NULL, 0, 0},
                                             {0}};
    static const struct rogue_step confirm[] = {
        {R_UNTIL, NULL, ROGUE_CONN, 0},     {R_GET, "90 'session' u0", 0, 0},
        {R_SAY, "91 u0 u9 u1000 u0", 0, 0}, {R_EVENTS, NULL, NACRE_EV_CHAN_OPENED, 0},
        {R_END, NULL, NACRE_ERR_WINDOW, 2}, {0}};
    rogue_run(SERVER, open);
    rogue_run(CLIENT, open);
    rogue_run(CLIENT, confirm);
}

/* ---- S78 ---- */

/* Each message to a channel in each state; + allowed, . ends the connection. */
enum chan_case { NOT_THERE, OPENING, OPEN, AFTER_EOF, WE_CLOSED, GONE, CHAN_CASES };
static const struct {
    const char *say; /* behind the number of the channel */
    uint8_t number;
    const char *allowed;
} chan_cases[] = {
    {"u9 u1000 u1000", 91, ".+...."},    /* OPEN_CONFIRMATION */
    {"u2 '' ''", 92, ".+...."},          /* OPEN_FAILURE */
    {"u10", 93, "..+++."},               /* WINDOW_ADJUST */
    {"'x'", 94, "..+.+."},               /* DATA */
    {"u1 'x'", 95, "..+.+."},            /* EXTENDED_DATA */
    {"", 96, "..+.+."},                  /* EOF */
    {"", 97, "..+++."},                  /* CLOSE */
    {"'x@example.com' 1", 98, "..+++."}, /* REQUEST */
    {"", 99, "..+++."},                  /* SUCCESS, to nothing: counted */
    {"", 100, "..+++."},                 /* FAILURE */
};

static void chan_reach(struct rogue *r, enum chan_case state)
{
    rogue_until(r, state == NOT_THERE || state == OPENING ? ROGUE_CONN : ROGUE_CHAN);
    if (state == AFTER_EOF) {
        rogue_say(r, "96 u0");
    }
    if (state == WE_CLOSED || state == GONE) {
        cr_assert_eq(nacre_chan_close(r->victim->c, 0), NACRE_OK);
        rogue_pump(r);
    }
    if (state == GONE) {
        rogue_say(r, "97 u0");
        cr_assert_eq(r->victim->count[NACRE_EV_CHAN_CLOSED], 1);
    }
    rogue_expect_alive(r);
    rogue_drop(r);
}

Test(security, s78_each_message_in_each_state_of_a_channel)
{
    for (size_t i = 0; i < sizeof chan_cases / sizeof chan_cases[0]; i++) {
        for (int state = 0; state < CHAN_CASES; state++) {
            struct rogue r;
            char say[64];
            rogue_init(&r, CLIENT); /* it opens channel 0 */
            chan_reach(&r, (enum chan_case)state);
            unsigned data = r.victim->count[NACRE_EV_CHAN_DATA];
            snprintf(say, sizeof say, "%u u%d %s", chan_cases[i].number, state == NOT_THERE ? 5 : 0,
                     chan_cases[i].say);
            rogue_say(&r, say);
            if (chan_cases[i].allowed[state] == '+') {
                rogue_expect_alive(&r);
                cr_assert(state != WE_CLOSED || r.victim->count[NACRE_EV_CHAN_DATA] == data);
            } else {
                rogue_expect_end(&r, NACRE_ERR_CHANNEL_STATE, 2);
            }
            rogue_free(&r);
        }
    }
}

Test(security, s78_numbers_far_out)
{
    static const char *const ids[] = {"8", "1024", "0x7fffffff", "0x80000000", "0xffffffff"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        for (size_t j = 0; j < sizeof chan_cases / sizeof chan_cases[0]; j++) {
            struct rogue r;
            char say[64];
            rogue_init(&r, SERVER);
            rogue_until(&r, ROGUE_CHAN);
            rogue_drop(&r);
            snprintf(say, sizeof say, "%u u%s %s", chan_cases[j].number, ids[i], chan_cases[j].say);
            rogue_say(&r, say);
            rogue_expect_end(&r, NACRE_ERR_CHANNEL_STATE, 2);
            rogue_free(&r);
        }
    }
}

static const struct rogue_step closing[] = {
    {R_UNTIL, NULL, ROGUE_CHAN, 0},
    {R_SKIP, NULL, 0, 0},
    {R_SAY, "97 u1", 0, 0}, /* without EOF */
    {R_GET, "97 u0", 0, 0}, /* always answered */
    {R_EVENTS, NULL, NACRE_EV_CHAN_CLOSED, 1},
    {R_SILENT, NULL, 0, 0},
    {R_SAY, "90 'session' u44 u1000 u1000", 0, 0}, /* its number is free again */
    {R_GET, "91 u44 u0", 0, 0},
    {R_SAY, "97 u1", 0, 0}, /* a second one ends */
    {R_END, NULL, NACRE_ERR_CHANNEL_STATE, 2},
    {0}};

Test(security, s78_close_is_answered_and_frees)
{
    rogue_run(SERVER, closing);
}

/* Sixteen requests wait for the application when it closes the channel: they are refused, and
 * the peer's CLOSE is still read. */
static bool leave_requests(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    (void)p; /* the last id is kept */
    if (ev->type != NACRE_EV_CHAN_REQUEST || s->role != NACRE_SERVER ||
        ev->request.kind == NACRE_REQ_EXEC) {
        return false;
    }
    *(uint32_t *)p->ctx = ev->id;
    return true;
}

Test(security, s78_close_with_replies_owed)
{
    for (int more = 0; more < 2; more++) {
        uint32_t id = 0;
        struct rogue r;
        rogue_init(&r, SERVER);
        r.p.hook = leave_requests;
        r.p.ctx = &id;
        rogue_until(&r, ROGUE_CHAN);
        rogue_drop(&r);
        for (int i = 0; i < NCR_OWED_CHAN + more; i++) { /* the last one is not read any more */
            rogue_say(&r, "98 u1 'env' 1 'A' 'B'");
        }
        cr_assert_neq(id, 0);
        cr_assert_eq(nacre_chan_close(r.victim->c, 1), NACRE_OK);
        rogue_pump(&r);
        for (int i = 0; i < NCR_OWED_CHAN; i++) {
            cr_assert(rogue_next_is(&r, "100 u0"));
        }
        cr_assert(rogue_next_is(&r, "97 u0"));
        rogue_say(&r, "97 u1");
        cr_assert_eq(r.victim->count[NACRE_EV_CHAN_CLOSED], 1);
        struct nacre_answer late = {.id = id, .verdict = NACRE_ACCEPT};
        cr_assert_eq(nacre_conn_answer(r.victim->c, &late), NACRE_ERR_USAGE);
        rogue_expect_alive(&r);
        cr_assert_eq(r.msgs.n, 0);
        rogue_free(&r);
    }
}

/* An answer to a request of a channel that is gone finds nothing, even if its number lives again.
 */
Test(security, s78_late_answers_find_nothing)
{
    uint32_t id = 0;
    struct rogue r;
    rogue_init(&r, SERVER);
    r.p.hook = leave_requests;
    r.p.ctx = &id;
    rogue_until(&r, ROGUE_CHAN);
    rogue_drop(&r);
    rogue_say(&r, "98 u1 'env' 1 'A' 'B'");
    rogue_say(&r, "97 u1");
    rogue_say(&r, "90 'session' u44 u1000 u1000");
    rogue_say(&r, "90 'session' u45 u1000 u1000");
    rogue_drop(&r);
    struct nacre_answer late = {.id = id, .verdict = NACRE_ACCEPT};
    cr_assert_eq(nacre_conn_answer(r.victim->c, &late), NACRE_ERR_USAGE);
    rogue_pump(&r);
    cr_assert_eq(r.msgs.n, 0);
    rogue_free(&r);
}

/* ---- S79, S80 ---- */

static bool refuse_opens(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    struct nacre_answer no = {.id = ev->id, .reason = NACRE_OPEN_CONNECT_FAILED, .text = "no"};
    (void)p; /* all are refused */
    if (ev->type != NACRE_EV_CHAN_OPEN) {
        return false;
    }
    cr_assert_eq(nacre_conn_answer(s->c, &no), NACRE_OK);
    return true;
}

static bool leave_opens(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    (void)p; /* none is answered */
    (void)s;
    return ev->type == NACRE_EV_CHAN_OPEN;
}

static void flood_of_opens(pair_hook hook, const char *answer, unsigned events)
{
    struct rogue r;
    rogue_init(&r, SERVER);
    rogue_until(&r, ROGUE_CONN);
    r.p.hook = hook;
    rogue_drop(&r);
    unsigned before = r.victim->count[NACRE_EV_CHAN_OPEN];
    for (int i = 0; i < 20000; i++) {
        rogue_say(&r, "90 'direct-tcpip' u5 u1000 u1000 'h' u22 'o' u1");
        if (r.msgs.n > 0) {
            cr_assert(rogue_next_is(&r, answer));
        }
    }
    rogue_expect_alive(&r);
    if (events != 0) {
        cr_assert_eq(r.victim->count[NACRE_EV_CHAN_OPEN] - before, events);
    }
    rogue_free(&r);
}

Test(security, s79_floods_of_opens)
{
    flood_of_opens(refuse_opens, "92 u5 u2 'no' ''", 20000);
    flood_of_opens(leave_opens, "92 u5 u4", 7); /* the server's own open has the eighth place */
}

/* A zeroed answer refuses; what the application does not take is refused. */
Test(security, s80_unsolicited_opens)
{
    static const char *const types[] = {"session",
                                        "x11",
                                        "auth-agent@openssh.com",
                                        "forwarded-streamlocal@openssh.com",
                                        "direct-streamlocal@openssh.com",
                                        "tun@openssh.com"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct rogue r;
        char say[128];
        rogue_init(&r, CLIENT);
        rogue_until(&r, ROGUE_CONN);
        rogue_drop(&r);
        snprintf(say, sizeof say, "90 '%s' u77 u1000 u1000", types[i]);
        rogue_say(&r, say);
        cr_assert(rogue_next_is(&r, "92 u77 u1 '' ''"));
        rogue_expect_alive(&r);
        rogue_free(&r);
    }
}

Test(security, s80_malformed_addresses_of_forwards)
{
    static const char *const bad[] = {"90 'direct-tcpip' u5 u1000 u1000",
                                      "90 'direct-tcpip' u5 u1000 u1000 'h' u22 'o'",
                                      "90 'direct-tcpip' u5 u1000 u1000 'h' u22 'o' u1 0",
                                      "90 'forwarded-tcpip' u5 u1000 u1000 l256 u22 'o' u1",
                                      "90 'forwarded-tcpip' u5 u1000 u1000 'h' u22 u0xffffffff u1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct rogue_step steps[] = {{R_UNTIL, NULL, ROGUE_CONN, 0},
                                           {R_SAY, bad[i], 0, 0},
                                           {R_END, NULL, NACRE_ERR_FORMAT, 2},
                                           {0}};
        rogue_run(SERVER, steps);
    }
}

/* ---- S81 ---- */

Test(security, s81_extended_data_of_any_type)
{
    static const char *const codes[] = {"0", "1", "2", "0xffffffff"};
    for (int victim = 0; victim < 2; victim++) {
        for (size_t i = 0; i < 4; i++) {
            struct rogue r;
            char say[64];
            rogue_init(&r, (enum nacre_role)victim);
            r.victim->cfg.window = 4;
            r.p.hook = take_nothing;
            rogue_until(&r, ROGUE_CHAN);
            rogue_drop(&r);
            snprintf(say, sizeof say, "95 u%u u%s 'four'", r.victim->chan, codes[i]);
            rogue_say(&r, say);
            rogue_expect_alive(&r);
            /* type 0 does not exist: dropped and given back; the rest is the application's */
            cr_assert_eq(r.victim->count[NACRE_EV_CHAN_DATA], i == 0 ? 0 : 1);
            snprintf(say, sizeof say, "93 u%u u4", r.me->chan);
            cr_assert_eq(r.msgs.n > 0, i == 0);
            cr_assert(i != 0 || rogue_next_is(&r, say));
            cr_assert_eq(nacre_chan_consumed(r.victim->c, r.victim->chan, 4),
                         i == 0 ? NACRE_ERR_USAGE : NACRE_OK);
            rogue_free(&r);
        }
    }
}

/* ---- S82 ---- */

struct asked {
    uint32_t ids[400];
    size_t n;
};

static bool keep_ids(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    struct asked *a = p->ctx;
    (void)s; /* one side is asked */
    if ((ev->type != NACRE_EV_CHAN_REQUEST && ev->type != NACRE_EV_GLOBAL) || ev->id == 0 ||
        ev->request.kind == NACRE_REQ_EXEC) {
        return false;
    }
    a->ids[a->n++] = ev->id;
    return true;
}

/* Requests answered in any order are replied to in the order in which they came. */
static void late_verdicts(const char *say, unsigned at_once, uint8_t success, unsigned seed)
{
    struct asked a = {.n = 0};
    struct rogue r;
    unsigned done = 0, wanted = 0;
    bool verdict[400];
    rogue_init(&r, SERVER);
    r.p.hook = keep_ids;
    r.p.ctx = &a;
    rogue_until(&r, ROGUE_CHAN);
    rogue_drop(&r);
    for (int round = 0; round < 7; round++) {
        size_t from = a.n;
        for (unsigned i = 0; i < at_once; i++) {
            rogue_say(&r, say);
        }
        cr_assert_eq(a.n, from + at_once);
        for (unsigned i = 0; i < at_once; i++) { /* a permutation: steps of 7 or 11 mod at_once */
            size_t j = from + (i * (seed % 2 == 0 ? 7 : 11) + seed) % at_once;
            struct nacre_answer ans = {.id = a.ids[j]};
            verdict[j] = (j * 5 + seed) % 3 != 0;
            ans.verdict = verdict[j] ? NACRE_ACCEPT : NACRE_REFUSE;
            cr_assert_eq(nacre_conn_answer(r.victim->c, &ans), NACRE_OK);
            cr_assert_eq(nacre_conn_answer(r.victim->c, &ans), NACRE_ERR_USAGE, "answered twice");
            rogue_pump(&r);
        }
        wanted += at_once;
        for (struct nacre_bytes msg; rogue_get(&r, &msg); done++) {
            cr_assert_eq(msg.p[0], verdict[done] ? success : success + 1);
        }
        cr_assert_eq(done, wanted);
    }
    rogue_free(&r);
}

Test(security, s82_replies_in_order)
{
    for (unsigned seed = 0; seed < 10; seed++) {
        late_verdicts("98 u1 'env' 1 'A' 'B'", 15, 99, seed);
        late_verdicts("80 'x@example.com' 1", 50, 81, seed);
    }
}

/* want_reply FALSE is never answered, RFC 4254 4 and 5.4. */
static const struct rogue_step no_reply[] = {{R_UNTIL, NULL, ROGUE_CHAN, 0},
                                             {R_SKIP, NULL, 0, 0},
                                             {R_SAY, "98 u1 'env' 0 'A' 'B'", 0, 0},
                                             {R_SAY, "98 u1 'nobody@example.com' 0 /x/", 0, 0},
                                             {R_SAY, "98 u1 'keepalive@openssh.com' 0", 0, 0},
                                             {R_SAY, "80 'nobody@example.com' 0", 0, 0},
                                             {R_SAY, "80 'keepalive@openssh.com' 0", 0, 0},
                                             {R_SAY, "98 u1 'exec' 0 'again'", 0, 0},
                                             {R_SILENT, NULL, 0, 0},
                                             {R_SAY, "98 u1 'keepalive@openssh.com' 1", 0, 0},
                                             {R_GET, "100 u0", 0, 0},
                                             {R_SAY, "80 'keepalive@openssh.com' 1", 0, 0},
                                             {R_GET, "82", 0, 0},
                                             {R_SAY, "98 u1 'exec' 1 'again'", 0, 0},
                                             {R_GET, "100 u0", 0, 0}, /* one of them a channel */
                                             {R_SAY, "98 u1 'shell' 1", 0, 0},
                                             {R_GET, "100 u0", 0, 0},
                                             {R_SAY, "98 u1 'subsystem' 1 'sftp'", 0, 0},
                                             {R_GET, "100 u0", 0, 0},
                                             {R_EVENTS, NULL, NACRE_EV_CHAN_REQUEST, 3},
                                             {R_ALIVE, NULL, 0, 0},
                                             {0}};

Test(security, s82_no_reply_unless_asked)
{
    rogue_run(SERVER, no_reply);
}

/* What only a client asks for is refused by one, whatever the application thinks. */
Test(security, s80_client_refuses_a_servers_requests)
{
    static const char *const requests[] = {"98 u0 'shell' 1",
                                           "98 u0 'exec' 1 'id'",
                                           "98 u0 'subsystem' 1 'sftp'",
                                           "98 u0 'env' 1 'A' 'B'",
                                           "98 u0 'pty-req' 1 'x' u1 u1 u1 u1 ''",
                                           "98 u0 'break' 1 u500",
                                           "98 u0 'signal' 1 'TERM'",
                                           "98 u0 'window-change' 1 u1 u1 u1 u1"};
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        const struct rogue_step steps[] = {{R_UNTIL, NULL, ROGUE_CHAN, 0},
                                           {R_SKIP, NULL, 0, 0},
                                           {R_SAY, requests[i], 0, 0},
                                           {R_GET, "100 u1", 0, 0},
                                           {R_EVENTS, NULL, NACRE_EV_CHAN_REQUEST, 0},
                                           {R_ALIVE, NULL, 0, 0},
                                           {0}};
        rogue_run(CLIENT, steps);
    }
}

/* Well-formed but too much: the request is refused, the connection goes on. */
Test(security, s20_requests_over_a_limit_are_refused)
{
    static const char *const over[] = {"98 u1 'pty-req' 1 l65 u1 u1 u1 u1 ''",
                                       "98 u1 'pty-req' 1 'x' u1 u1 u1 u1 l1025",
                                       "98 u1 'exec' 1 l32769"};
    for (size_t i = 0; i < sizeof over / sizeof over[0]; i++) {
        const struct rogue_step steps[] = {{R_UNTIL, NULL, ROGUE_CHAN, 0}, {R_SKIP, NULL, 0, 0},
                                           {R_SAY, over[i], 0, 0},         {R_GET, "100 u0", 0, 0},
                                           {R_ALIVE, NULL, 0, 0},          {0}};
        rogue_run(SERVER, steps);
    }
}

Test(security, s20_malformed_requests_end)
{
    static const char *const bad[] = {"98 u1 'pty-req' 1 'x' u1 u1 u1 u1",
                                      "98 u1 'shell' 1 0",
                                      "98 u1 'exec' 1",
                                      "98 u1 'exec' 1 'id' 0",
                                      "98 u1 'exec' 1 u0xffffffff",
                                      "98 u1 'signal' 0",
                                      "98 u1 'window-change' 0 u1 u1 u1",
                                      "98 u1 l65 1",
                                      "80 'tcpip-forward' 1 'x'",
                                      "80 'tcpip-forward' 1 'x' u65536",
                                      "80 'cancel-tcpip-forward' 1 'x' u80 0"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct rogue_step steps[] = {{R_UNTIL, NULL, ROGUE_CHAN, 0},
                                           {R_SAY, bad[i], 0, 0},
                                           {R_END, NULL, NACRE_ERR_FORMAT, 2},
                                           {0}};
        rogue_run(SERVER, steps);
    }
}
