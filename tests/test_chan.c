/* SPDX-License-Identifier: ISC
 *
 * Channels between two engines, RFC 4254 sections 5 and 6: opening, data under windows, requests of
 * every kind, EOF and CLOSE, in both directions, with numbers that differ at the two ends. What a
 * hostile peer may not do is in test_security_channels.c.
 */
#include "proto/chan.h"
#include "tests/rogue.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void chan_session(struct pair *p)
{
    pair_init(p);
    p->plan.stay = true;
    p->plan.send = 0;
    p->plan.any_data = true;
    pair_session(p);
    cr_assert_eq(p->side[0].chan, 0);
    cr_assert_eq(p->side[1].chan, 1);
}

Test(chan, every_window_and_packet_size)
{
    static const uint32_t windows[] = {1, 2, 100, 4096, 70000, 0xffffffff};
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        for (size_t j = 0; j < sizeof windows / sizeof windows[0]; j++) {
            struct pair p;
            pair_init(&p);
            p.side[0].cfg.window = windows[i];
            p.side[1].cfg.window = windows[j];
            p.side[0].cfg.max_packet = windows[(i + j) % 5];
            p.side[1].cfg.max_packet = windows[(i * 2 + j) % 5];
            p.plan.send = 20 + 300 * i * j;
            pair_session(&p);
            cr_assert(pair_complete(&p), "%zu %zu", i, j);
            pair_free(&p);
        }
    }
}

/* Each kind goes over as it is given and is answered both ways. */
struct seen {
    struct nacre_request r;
    char name[64], data[64], text[64];
    bool accept;
};

static void copy_text(char out[64], struct nacre_bytes b)
{
    cr_assert(b.n < 64);
    if (b.n > 0) {
        memcpy(out, b.p, b.n);
    }
    out[b.n] = 0;
}

static bool see_request(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    struct seen *seen = p->ctx;
    struct nacre_answer a = {.id = ev->id};
    if (ev->type != NACRE_EV_CHAN_REQUEST) {
        return false;
    }
    seen->r = ev->request;
    copy_text(seen->name, ev->request.name);
    copy_text(seen->data, ev->request.data);
    copy_text(seen->text, ev->request.text);
    cr_assert_eq(ev->want_reply, ev->id != 0);
    a.verdict = seen->accept ? NACRE_ACCEPT : NACRE_REFUSE;
    cr_assert(ev->id == 0 || nacre_conn_answer(s->c, &a) == NACRE_OK);
    return true;
}

static bool see_reply(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    if (ev->type == NACRE_EV_CHAN_REPLY) {
        p->ctx = NULL;
        cr_assert_eq(ev->accepted, s->exit_status == 1); /* set to what is expected */
        return true;
    }
    return false;
}

static bool see_both(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    return ev->type == NACRE_EV_CHAN_REPLY ? see_reply(p, s, ev) : see_request(p, s, ev);
}

#define B(text)                                                                                    \
    {                                                                                              \
        (const uint8_t *)text, sizeof text - 1                                                     \
    }

static const struct {
    struct nacre_request r;
    const char *name;
    bool server_sends;
} kinds[] = {
    {{.kind = NACRE_REQ_PTY,
      .text = B("xterm"),
      .cols = 80,
      .rows = 24,
      .width_px = 5,
      .height_px = 6,
      .data = B("\x01\x02")},
     "pty-req",
     false},
    {{.kind = NACRE_REQ_ENV, .text = B("LANG"), .data = B("C")}, "env", false},
    {{.kind = NACRE_REQ_WINDOW_CHANGE, .cols = 1, .rows = 2, .width_px = 3, .height_px = 4},
     "window-change",
     false},
    {{.kind = NACRE_REQ_SIGNAL, .text = B("TERM")}, "signal", false},
    {{.kind = NACRE_REQ_BREAK, .value = 500}, "break", false},
    {{.kind = NACRE_REQ_EXIT_STATUS, .value = 0xfffffffe}, "exit-status", true},
    {{.kind = NACRE_REQ_EXIT_SIGNAL, .text = B("KILL"), .value = 1, .data = B("killed")},
     "exit-signal",
     true},
    {{.kind = NACRE_REQ_XON_XOFF, .value = 1}, "xon-xoff", true},
    {{.kind = NACRE_REQ_EOW}, "eow@openssh.com", true},
    {{.kind = NACRE_REQ_OTHER, .name = B("what@example.com"), .data = B("abc")},
     "what@example.com",
     true},
    {{.kind = NACRE_REQ_OTHER, .name = B("what@example.com")}, "what@example.com", false},
};

static void send_kind(size_t i, bool want_reply, bool accept)
{
    struct pair p;
    struct seen seen = {.accept = accept};
    const struct nacre_request *r = &kinds[i].r;
    chan_session(&p);
    p.hook = see_both;
    p.ctx = &seen;
    struct pair_side *from = &p.side[kinds[i].server_sends];
    from->exit_status = accept;
    unsigned replies = from->count[NACRE_EV_CHAN_REPLY];
    cr_assert_eq(nacre_chan_request(from->c, from->chan, r, want_reply), NACRE_OK);
    cr_assert(pair_run(&p, 100));
    cr_assert_str_eq(seen.name, kinds[i].name);
    cr_assert(seen.r.kind == r->kind && seen.r.value == r->value && seen.r.cols == r->cols,
              "%s: %d %u", kinds[i].name, (int)seen.r.kind, seen.r.value);
    cr_assert(seen.r.rows == r->rows && seen.r.width_px == r->width_px);
    cr_assert_eq(seen.r.height_px, r->height_px);
    cr_assert(nacre_bytes_is(r->data, seen.data));
    cr_assert(nacre_bytes_is(r->text, seen.text));
    cr_assert_eq(from->count[NACRE_EV_CHAN_REPLY] - replies, want_reply);
    pair_free(&p);
}

Test(chan, requests_of_every_kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        send_kind(i, false, true);
        send_kind(i, true, true);
        send_kind(i, true, false);
    }
}

/* RFC 4254 6.5: a program that could not start leaves the channel to another. */
static bool refuse_first(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    struct nacre_answer a = {.id = ev->id};
    if (ev->type != NACRE_EV_CHAN_REQUEST || s->role != NACRE_SERVER) {
        return false;
    }
    a.verdict = (*(int *)p->ctx)++ == 0 ? NACRE_REFUSE : NACRE_ACCEPT;
    cr_assert_eq(nacre_conn_answer(s->c, &a), NACRE_OK);
    return true;
}

Test(chan, refused_program_may_be_followed_by_another)
{
    static const struct rogue_step steps[] = {{R_UNTIL, NULL, ROGUE_CONN, 0},
                                              {R_SKIP, NULL, 0, 0},
                                              {R_SAY, "90 'session' u7 u9 u9", 0, 0},
                                              {R_GET, "91 u7 u1", 0, 0},
                                              {R_SAY, "98 u1 'exec' 1 'a'", 0, 0},
                                              {R_GET, "100 u7", 0, 0},
                                              {R_SAY, "98 u1 'shell' 1", 0, 0},
                                              {R_GET, "99 u7", 0, 0},
                                              {R_SAY, "98 u1 'exec' 1 'c'", 0, 0},
                                              {R_GET, "100 u7", 0, 0},
                                              {R_ALIVE, NULL, 0, 0},
                                              {0}};
    struct rogue r;
    int n = 0;
    rogue_init(&r, NACRE_SERVER);
    r.p.hook = refuse_first;
    r.p.ctx = &n;
    rogue_play(&r, steps);
    rogue_free(&r);
}

/* Data in both directions at once, and on stderr; EOF is one way; CLOSE without EOF. */
static bool collect(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    struct pair_buf *got = p->ctx;
    if (ev->type != NACRE_EV_CHAN_DATA) {
        return ev->type == NACRE_EV_CHAN_EOF || ev->type == NACRE_EV_CHAN_CLOSED;
    }
    pair_buf_print(&got[s->role], "%u:", ev->ext);
    pair_buf_add(&got[s->role], ev->data.p, ev->data.n);
    cr_assert_eq(nacre_chan_consumed(s->c, ev->chan, (uint32_t)ev->data.n), NACRE_OK);
    return true;
}

static void put(struct pair_side *s, uint32_t ext, const char *text)
{
    size_t taken;
    cr_assert_eq(nacre_chan_write(s->c, s->chan, ext, (const uint8_t *)text, strlen(text), &taken),
                 NACRE_OK);
    cr_assert_eq(taken, strlen(text));
}

static void expect_buf(const struct pair_buf *b, const char *text)
{
    cr_assert(b->n == strlen(text) && memcmp(b->p, text, b->n) == 0, "%.*s", (int)b->n,
              (const char *)b->p);
}

Test(chan, eof_is_one_way_and_close_is_both)
{
    struct pair p;
    struct pair_buf got[2] = {{0}};
    size_t taken;
    chan_session(&p);
    p.hook = collect;
    p.ctx = got;
    put(&p.side[0], 0, "in");
    put(&p.side[1], 0, "out");
    put(&p.side[1], 1, "err");
    cr_assert_eq(nacre_chan_eof(p.side[0].c, 0), NACRE_OK);
    cr_assert_eq(nacre_chan_eof(p.side[0].c, 0), NACRE_OK, "again is harmless");
    cr_assert_eq(nacre_chan_write(p.side[0].c, 0, 0, (const uint8_t *)"x", 1, &taken),
                 NACRE_ERR_USAGE);
    cr_assert_eq(nacre_chan_window(p.side[0].c, 0), 0);
    cr_assert(pair_run(&p, 100));
    put(&p.side[1], 0, "more");
    cr_assert(pair_run(&p, 100));
    expect_buf(&got[1], "0:in");
    expect_buf(&got[0], "0:out1:err0:more");
    cr_assert_eq(p.side[1].count[NACRE_EV_CHAN_EOF], 1);
    cr_assert_eq(nacre_chan_close(p.side[1].c, 1), NACRE_OK); /* without EOF */
    cr_assert_eq(nacre_chan_close(p.side[1].c, 1), NACRE_OK);
    cr_assert(pair_run(&p, 100));
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(p.side[i].count[NACRE_EV_CHAN_CLOSED], 1);
        cr_assert_eq(nacre_chan_close(p.side[i].c, p.side[i].chan), NACRE_ERR_NO_CHANNEL);
        cr_assert_eq(nacre_chan_max_packet(p.side[i].c, p.side[i].chan), 0);
        cr_assert_eq(ncr_chans(p.side[i].c)[p.side[i].chan].state, NCR_CHAN_FREE);
        pair_buf_free(&got[i]);
    }
    pair_free(&p);
}

Test(chan, both_close_at_once)
{
    struct pair p;
    chan_session(&p);
    cr_assert_eq(nacre_chan_close(p.side[0].c, 0), NACRE_OK);
    cr_assert_eq(nacre_chan_close(p.side[1].c, 1), NACRE_OK);
    p.side[0].state = PAIR_DONE;
    cr_assert(pair_run(&p, 100));
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(p.side[i].count[NACRE_EV_CHAN_CLOSED], 1);
        cr_assert_eq(p.side[i].err, NACRE_OK);
        cr_assert_eq(ncr_chans(p.side[i].c)[p.side[i].chan].state, NCR_CHAN_FREE);
    }
    pair_free(&p);
}

Test(chan, closed_before_it_was_open)
{
    struct pair p;
    uint32_t chan;
    const struct nacre_bytes none = {NULL, 0};
    chan_session(&p);
    unsigned opened = p.side[0].count[NACRE_EV_CHAN_OPENED];
    cr_assert_eq(nacre_chan_open(p.side[0].c, "session", none, &chan), NACRE_OK);
    cr_assert_eq(nacre_chan_close(p.side[0].c, chan), NACRE_OK);
    cr_assert(pair_run(&p, 100));
    cr_assert_eq(p.side[0].count[NACRE_EV_CHAN_OPENED], opened + 1);
    cr_assert_eq(p.side[0].count[NACRE_EV_CHAN_CLOSED], 1);
    cr_assert_eq(p.side[1].count[NACRE_EV_CHAN_CLOSED], 1);
    cr_assert_eq(ncr_chans(p.side[0].c)[chan].state, NCR_CHAN_FREE);
    pair_free(&p);
}

Test(chan, table_full_is_a_refusal_on_both_sides)
{
    struct pair p;
    uint32_t chan = 0;
    const struct nacre_bytes none = {NULL, 0};
    chan_session(&p);
    for (uint32_t i = 1; i < 8; i++) {
        cr_assert_eq(nacre_chan_open(p.side[0].c, "session", none, &chan), NACRE_OK);
        cr_assert_eq(chan, i);
    }
    cr_assert_eq(nacre_chan_open(p.side[0].c, "session", none, &chan), NACRE_ERR_CHANNELS_FULL);
    cr_assert(pair_run(&p, 100));
    cr_assert_eq(p.side[0].count[NACRE_EV_CHAN_OPENED], 8);
    cr_assert_eq(nacre_chan_close(p.side[1].c, 5), NACRE_OK);
    cr_assert(pair_run(&p, 100));
    cr_assert_eq(nacre_chan_open(p.side[0].c, "session", none, &chan), NACRE_OK);
    pair_free(&p);
}

static bool see_tcpip(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    struct nacre_answer a = {.id = ev->id, .reason = NACRE_OPEN_CONNECT_FAILED, .text = "refused"};
    (void)s; /* either way */
    if (ev->type == NACRE_EV_CHAN_FAILED && ev->reason == NACRE_OPEN_CONNECT_FAILED) {
        cr_assert(nacre_bytes_is(ev->data, "refused"));
        (*(int *)p->ctx)++;
    }
    if (ev->type != NACRE_EV_CHAN_OPEN || !ev->is_tcpip) {
        return false;
    }
    cr_assert(nacre_bytes_is(ev->tcpip.host, "host") && ev->tcpip.port == 80);
    cr_assert(nacre_bytes_is(ev->tcpip.origin, "::1") && ev->tcpip.origin_port == 65535);
    cr_assert_eq(nacre_conn_answer(s->c, &a), NACRE_OK);
    return true;
}

Test(chan, tcpip_opens_both_ways)
{
    struct pair p;
    int failed = 0;
    uint32_t chan;
    const struct nacre_tcpip t = {B("host"), 80, B("::1"), 65535};
    chan_session(&p);
    p.hook = see_tcpip;
    p.ctx = &failed;
    cr_assert_eq(nacre_chan_open_tcpip(p.side[0].c, "direct-tcpip", &t, &chan), NACRE_OK);
    cr_assert_eq(nacre_chan_open_tcpip(p.side[1].c, "forwarded-tcpip", &t, &chan), NACRE_OK);
    cr_assert(pair_run(&p, 100));
    cr_assert_eq(failed, 2);
    pair_free(&p);
}

/* Reserve, then less or nothing; a wrong commit changes nothing. */
Test(chan, reserve_and_commit)
{
    struct pair p;
    struct pair_buf got[2] = {{0}};
    uint8_t *place;
    size_t room;
    chan_session(&p);
    p.hook = collect;
    p.ctx = got;
    struct nacre_conn *c = p.side[0].c;
    cr_assert_eq(nacre_chan_reserve(c, 0, 0, 50, &place, &room), NACRE_OK);
    cr_assert_eq(room, 50);
    memcpy(place, "hello", 5);
    cr_assert_eq(nacre_chan_commit(c, 0, 51), NACRE_ERR_USAGE);
    cr_assert_eq(nacre_chan_commit(c, 1, 5), NACRE_ERR_USAGE);
    cr_assert_eq(nacre_chan_commit(c, 0, 5), NACRE_OK);
    cr_assert_eq(nacre_chan_commit(c, 0, 5), NACRE_ERR_USAGE, "the reservation is used up");
    cr_assert_eq(nacre_chan_reserve(c, 0, 1, 50, &place, &room), NACRE_OK);
    cr_assert_eq(nacre_chan_commit(c, 0, 0), NACRE_OK);
    cr_assert_eq(nacre_chan_reserve(c, 0, 0, SIZE_MAX, &place, &room), NACRE_OK);
    cr_assert(room > 0 && room <= nacre_chan_max_packet(c, 0));
    cr_assert_eq(nacre_chan_commit(c, 0, 0), NACRE_OK);
    cr_assert(pair_run(&p, 100));
    expect_buf(&got[1], "0:hello");
    pair_buf_free(&got[1]);
    pair_free(&p);
}

/* What was not received cannot be given back. */
Test(chan, consumed_no_more_than_received)
{
    struct pair p;
    chan_session(&p);
    cr_assert_eq(nacre_chan_consumed(p.side[1].c, 1, 1), NACRE_ERR_USAGE);
    put(&p.side[0], 0, "four");
    cr_assert(pair_run(&p, 1000)); /* echoed, so given back */
    cr_assert_eq(nacre_chan_consumed(p.side[1].c, 1, 1), NACRE_ERR_USAGE);
    cr_assert_eq(nacre_chan_consumed(p.side[1].c, 1, UINT32_MAX), NACRE_ERR_USAGE);
    pair_free(&p);
}

/* Sixteen requests may wait for replies; one more waits for room. */
Test(chan, own_requests_in_flight)
{
    struct pair p;
    const struct nacre_request r = {.kind = NACRE_REQ_ENV, .text = B("A"), .data = B("B")};
    chan_session(&p);
    for (int i = 0; i < NCR_OWED_CHAN; i++) {
        cr_assert_eq(nacre_chan_request(p.side[0].c, 0, &r, true), NACRE_OK);
    }
    cr_assert_eq(nacre_chan_request(p.side[0].c, 0, &r, true), NACRE_ERR_NO_ROOM);
    cr_assert_eq(nacre_chan_request(p.side[0].c, 0, &r, false), NACRE_OK);
    cr_assert(pair_run(&p, 100));
    cr_assert_eq(p.side[0].count[NACRE_EV_CHAN_REPLY], 1 + NCR_OWED_CHAN);
    cr_assert_eq(nacre_chan_request(p.side[0].c, 0, &r, true), NACRE_OK);
    pair_free(&p);
}

/* RFC 4254 5.4: a window of zero stops data, not requests. */
Test(chan, requests_need_no_window)
{
    static const struct rogue_step steps[] = {{R_UNTIL, NULL, ROGUE_CONN, 0},
                                              {R_SKIP, NULL, 0, 0},
                                              {R_SAY, "90 'session' u7 u0 u32768", 0, 0},
                                              {R_GET, "91 u7 u1", 0, 0},
                                              {R_SAY, "98 u1 'exec' 1 'cat'", 0, 0},
                                              {R_GET, "99 u7", 0, 0},
                                              {R_SAY, "94 u1 'echo me'", 0, 0},
                                              {R_SAY, "96 u1", 0, 0},
                                              {R_SILENT, NULL, 0, 0},
                                              {R_SAY, "93 u7 u1", 0, 0},
                                              {R_END, NULL, NACRE_ERR_CHANNEL_STATE, 2},
                                              {0}};
    static const struct rogue_step adjust[] = {{R_UNTIL, NULL, ROGUE_CONN, 0},
                                               {R_SKIP, NULL, 0, 0},
                                               {R_SAY, "90 'session' u7 u0 u32768", 0, 0},
                                               {R_GET, "91 u7 u1", 0, 0},
                                               {R_SAY, "98 u1 'exec' 1 'cat'", 0, 0},
                                               {R_GET, "99 u7", 0, 0},
                                               {R_SAY, "94 u1 'echo me'", 0, 0},
                                               {R_SAY, "96 u1", 0, 0},
                                               {R_SILENT, NULL, 0, 0},
                                               {R_SAY, "93 u1 u3", 0, 0},
                                               {R_GET, "94 u7 'ech'", 0, 0},
                                               {R_SAY, "93 u1 u100", 0, 0},
                                               {R_GET, "94 u7 'o me'", 0, 0},
                                               {R_GET, "98 u7 'exit-status' 0 u7", 0, 0},
                                               {R_GET, "96 u7", 0, 0},
                                               {R_GET, "97 u7", 0, 0},
                                               {R_SILENT, NULL, 0, 0},
                                               {0}};
    rogue_run(NACRE_SERVER, steps);
    rogue_run(NACRE_SERVER, adjust);
}
