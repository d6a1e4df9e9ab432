/* SPDX-License-Identifier: ISC
 *
 * Two engines in memory: see pair.h.
 *
 * All that decides what happens next is in the plan and in the deterministic sources of randomness,
 * so a session is the same each time, whatever the pipe does to the timing.
 */
#include "tests/pair.h"

#include "proto/buf.h"
#include "proto/chan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the operations work in. */
static uint64_t pair_work[NACRE_WORK];

_Noreturn void pair_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

/* ---- Buffers, randomness, keys ---- */

void pair_buf_add(struct pair_buf *b, const void *p, size_t n)
{
    if (n > b->cap - b->n) {
        b->cap = 2 * (b->n + n) + 64;
        b->p = realloc(b->p, b->cap);
        PAIR_CHECK(b->p != NULL);
    }
    if (n > 0) {
        memcpy(b->p + b->n, p, n);
    }
    b->n += n;
}

void pair_buf_drop(struct pair_buf *b, size_t n)
{
    PAIR_CHECK(n <= b->n);
    b->n -= n;
    if (b->n > 0) {
        memmove(b->p, b->p + n, b->n);
    }
}

void pair_buf_free(struct pair_buf *b)
{
    free(b->p);
    memset(b, 0, sizeof *b);
}

void pair_buf_print(struct pair_buf *b, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    PAIR_CHECK(n >= 0 && (size_t)n < sizeof text);
    pair_buf_add(b, text, (size_t)n);
}

static uint64_t pair_rng_word(struct pair_rng *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static bool pair_rng_fill(void *ctx, uint8_t *out, size_t n)
{
    struct pair_rng *r = ctx;
    if (++r->calls == r->fail_at) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint8_t)pair_rng_word(r);
    }
    return true;
}

struct nacre_rng pair_rng_of(struct pair_rng *r)
{
    struct nacre_rng rng = {pair_rng_fill, r};
    return rng;
}

static const struct nacre_ed25519_key *pair_key(int key)
{
    static struct nacre_ed25519_key keys[3];
    static bool made;
    if (!made) {
        for (uint8_t i = 0; i < 3; i++) {
            uint8_t seed[NACRE_ED25519_SEED_LEN];
            memset(seed, 0x41 + i, sizeof seed);
            nacre_ed25519_key_init(&keys[i], seed);
        }
        made = true;
    }
    return &keys[key];
}

#define PAIR_BLOB_HEAD "\0\0\0\x0bssh-ed25519\0\0\0"
#define PAIR_BLOB_HEAD_LEN 18

struct nacre_bytes pair_key_blob(int key)
{
    static uint8_t blobs[3][PAIR_BLOB_HEAD_LEN + 1 + NACRE_ED25519_PUB_LEN];
    struct nacre_bytes b = {blobs[key], sizeof blobs[key]};
    memcpy(blobs[key], PAIR_BLOB_HEAD, PAIR_BLOB_HEAD_LEN);
    blobs[key][PAIR_BLOB_HEAD_LEN] = NACRE_ED25519_PUB_LEN;
    memcpy(blobs[key] + PAIR_BLOB_HEAD_LEN + 1, pair_key(key)->pub, NACRE_ED25519_PUB_LEN);
    return b;
}

struct nacre_bytes pair_sign(uint8_t sig[PAIR_SIG_LEN], int key, struct nacre_bytes data)
{
    struct nacre_bytes b = {sig, PAIR_SIG_LEN};
    memcpy(sig, PAIR_BLOB_HEAD, PAIR_BLOB_HEAD_LEN);
    sig[PAIR_BLOB_HEAD_LEN] = NACRE_ED25519_SIG_LEN;
    nacre_ed25519_sign(sig + PAIR_BLOB_HEAD_LEN + 1, pair_key(key), data.p, data.n);
    return b;
}

/* ---- Log ---- */

static const char *const pair_event_names[] = {
    "NONE",          "AGAIN",    "VERSION",     "PRE_LINE",     "KEX_DONE",    "HOST_KEY",
    "SIGN",          "BANNER",   "AUTH_NEXT",   "AUTH_PROMPT",  "AUTH_CHANGE", "AUTH_REQUEST",
    "AUTH_SUCCESS",  "EXT_INFO", "CHAN_OPEN",   "CHAN_OPENED",  "CHAN_FAILED", "CHAN_DATA",
    "CHAN_WRITABLE", "CHAN_EOF", "CHAN_CLOSED", "CHAN_REQUEST", "CHAN_REPLY",  "GLOBAL",
    "GLOBAL_REPLY",  "PONG",     "DEBUG",       "DISCONNECT"};

const char *pair_event_name(enum nacre_event_type type)
{
    PAIR_CHECK((size_t)type < sizeof pair_event_names / sizeof pair_event_names[0]);
    return pair_event_names[type];
}

static void pair_log_bytes(struct pair_buf *log, const char *name, struct nacre_bytes b)
{
    if (b.n == 0) {
        return;
    }
    pair_buf_print(log, " %s=", name);
    for (size_t i = 0; i < b.n && i < 24; i++) {
        bool plain = b.p[i] > 0x20 && b.p[i] < 0x7f && b.p[i] != '\\';
        pair_buf_print(log, plain ? "%c" : "\\%02x", b.p[i]);
    }
    if (b.n > 24) {
        pair_buf_print(log, "...%zu", b.n);
    }
}

static void pair_log_number(struct pair_buf *log, const char *name, unsigned long v)
{
    if (v != 0) {
        pair_buf_print(log, " %s=%lu", name, v);
    }
}

/* Every field that a later call does not change by itself; window adjusts depend on timing. */
static void pair_log(struct pair_side *s, const struct nacre_event *ev)
{
    struct pair_buf *log = &s->log;
    if (ev->type == NACRE_EV_AGAIN || ev->type == NACRE_EV_CHAN_WRITABLE) {
        return;
    }
    pair_buf_print(log, "%s", pair_event_name(ev->type));
    pair_log_number(log, "stage", (unsigned long)ev->stage);
    pair_log_number(log, "id", ev->id);
    pair_log_number(log, "chan", ev->chan);
    pair_log_number(log, "ext", ev->ext);
    pair_log_number(log, "reason", ev->reason);
    pair_log_number(log, "port", ev->port);
    pair_log_number(log, "methods", ev->methods);
    pair_log_number(log, "flags",
                    (unsigned long)(ev->want_reply + 2 * ev->accepted + 4 * ev->partial +
                                    8 * ev->for_host + 16 * ev->is_tcpip));
    pair_log_bytes(log, "data", ev->data);
    pair_log_bytes(log, "name", ev->name);
    pair_log_bytes(log, "user", ev->user);
    pair_log_bytes(log, "alg", ev->alg);
    pair_log_bytes(log, "new", ev->new_password);
    pair_log_bytes(log, "request", ev->request.name);
    pair_log_bytes(log, "text", ev->request.text);
    pair_log_bytes(log, "what", ev->request.data);
    pair_log_bytes(log, "global", ev->global.name);
    pair_log_number(log, "prompts", ev->n_prompts);
    pair_buf_print(log, "\n");
}

/* ---- Answers ---- */

static void pair_answer(struct pair_side *s, const struct nacre_answer *a)
{
    nacre_err err = nacre_conn_answer(s->c, a);
    if (err == NACRE_ERR_NO_ROOM) {
        PAIR_CHECK(s->lenient || s->n_late < PAIR_LATE_MAX);
        if (s->n_late < PAIR_LATE_MAX) {
            s->late[s->n_late++] = *a; /* points to static data only */
        }
        return;
    }
    PAIR_CHECK(s->lenient || err != NACRE_ERR_USAGE || s->c->err != NACRE_OK);
}

static void pair_answer_late(struct pair_side *s)
{
    struct nacre_answer all[PAIR_LATE_MAX];
    size_t n = s->n_late;
    memcpy(all, s->late, sizeof all);
    s->n_late = 0;
    for (size_t i = 0; i < n; i++) {
        pair_answer(s, &all[i]);
    }
}

static void pair_answer_sign(struct pair_side *s, const struct nacre_event *ev)
{
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_ACCEPT};
    static uint8_t sig[2][PAIR_SIG_LEN]; /* one a role: a late answer still points to it */
    int key = -1;
    for (int i = 0; i < 3; i++) {
        struct nacre_bytes b = pair_key_blob(i);
        if (b.n == ev->blob.n && memcmp(b.p, ev->blob.p, b.n) == 0) {
            key = i;
        }
    }
    PAIR_CHECK(key >= 0 && nacre_bytes_is(ev->alg, "ssh-ed25519"));
    PAIR_CHECK(ev->for_host == (s->role == NACRE_SERVER));
    a.data = pair_sign(sig[s->role], key, ev->data);
    pair_answer(s, &a);
}

/* ---- The client's application ---- */

static enum pair_try pair_next_try(struct pair *p, struct pair_side *s)
{
    static const enum pair_try standard[] = {PAIR_TRY_NONE, PAIR_TRY_KEY_PROBE, PAIR_TRY_END};
    const enum pair_try *tries = p->plan.tries != NULL ? p->plan.tries : standard;
    return tries[s->next_try];
}

static nacre_err pair_try(struct pair *p, struct pair_side *s)
{
    const char *user = p->plan.user != NULL ? p->plan.user : "joe";
    struct nacre_bytes secret = nacre_bytes_str("secret");
    switch (pair_next_try(p, s)) {
    case PAIR_TRY_NONE:
        return nacre_auth_none(s->c, user);
    case PAIR_TRY_KEY:
        return nacre_auth_publickey(s->c, user, "ssh-ed25519", pair_key_blob(1), false);
    case PAIR_TRY_KEY_PROBE:
        return nacre_auth_publickey(s->c, user, "ssh-ed25519", pair_key_blob(1), true);
    case PAIR_TRY_OTHER_KEY:
        return nacre_auth_publickey(s->c, user, "ssh-ed25519", pair_key_blob(2), false);
    case PAIR_TRY_PASSWORD:
        return nacre_auth_password(s->c, user, secret);
    case PAIR_TRY_WRONG_PASSWORD:
        return nacre_auth_password(s->c, user, nacre_bytes_str("Secret"));
    case PAIR_TRY_EXPIRED_PASSWORD:
        return nacre_auth_password(s->c, user, nacre_bytes_str("expired"));
    case PAIR_TRY_INTERACTIVE:
        return nacre_auth_interactive(s->c, user, "");
    case PAIR_TRY_END:
    default:
        return NACRE_OK; /* nothing left: the connection stays as it is */
    }
}

/* AUTH_NEXT is open: done now, or at the next round if there is no room. */
static void pair_auth_next(struct pair *p, struct pair_side *s)
{
    nacre_err err = pair_try(p, s);
    PAIR_CHECK(s->lenient || err == NACRE_OK || err == NACRE_ERR_NO_ROOM || s->c->err != NACRE_OK);
    s->accepted = err == NACRE_ERR_NO_ROOM; /* reused until authenticated: a try is due */
    if (err == NACRE_OK && pair_next_try(p, s) != PAIR_TRY_END) {
        s->next_try++;
    }
}

static void pair_answer_prompts(struct pair_side *s, const struct nacre_event *ev)
{
    static const struct nacre_bytes said[2] = {{(const uint8_t *)"one", 3},
                                               {(const uint8_t *)"two", 3}};
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_ACCEPT, .responses = said};
    a.n_responses = ev->n_prompts;
    PAIR_CHECK(s->lenient || ev->n_prompts <= 2);
    if (ev->n_prompts <= 2) {
        pair_answer(s, &a);
    }
}

static void pair_answer_change(struct pair_side *s, const struct nacre_event *ev)
{
    static const struct nacre_bytes old = {(const uint8_t *)"expired", 7};
    struct nacre_answer a = {.id = ev->id,
                             .verdict = NACRE_ACCEPT,
                             .responses = &old,
                             .n_responses = 1,
                             .data = nacre_bytes_str("secret")};
    pair_answer(s, &a);
}

static uint8_t pair_pattern(uint64_t at)
{
    return (uint8_t)(at * 167 + (at >> 8) * 13 + (at >> 16));
}

static void pair_client_send(struct pair *p, struct pair_side *s)
{
    uint8_t data[4096];
    size_t taken = 1;
    while (s->chan_sent < p->plan.send && taken > 0) {
        const uint64_t left = p->plan.send - s->chan_sent;
        const size_t n = left < sizeof data ? (size_t)left : sizeof data;
        for (size_t i = 0; i < n; i++) {
            data[i] = pair_pattern(s->chan_sent + i);
        }
        if (nacre_chan_write(s->c, s->chan, 0, data, n, &taken) != NACRE_OK) {
            return;
        }
        s->chan_sent += taken;
    }
    if (s->chan_sent == p->plan.send && !p->plan.stay &&
        nacre_chan_eof(s->c, s->chan) == NACRE_OK) {
        s->state = PAIR_ENDING;
    }
}

static void pair_client_poll(struct pair *p, struct pair_side *s)
{
    static const struct nacre_bytes none = {NULL, 0};
    struct nacre_request r = {.kind = NACRE_REQ_EXEC, .data = nacre_bytes_str("cat")};
    if (!nacre_conn_authenticated(s->c)) {
        if (s->accepted) {
            pair_auth_next(p, s);
        }
        return;
    }
    if (s->state == PAIR_OPEN && nacre_chan_open(s->c, "session", none, &s->chan) == NACRE_OK) {
        s->state = PAIR_WAIT;
    }
    if (s->state == PAIR_EXEC && nacre_chan_request(s->c, s->chan, &r, true) == NACRE_OK) {
        s->state = PAIR_WAIT;
    }
    if (s->state == PAIR_SEND) {
        pair_client_send(p, s);
    }
}

static void pair_client_data(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    for (size_t i = 0; i < ev->data.n; i++) {
        PAIR_CHECK(p->plan.any_data || ev->data.p[i] == pair_pattern(s->chan_got + i));
    }
    s->chan_got += ev->data.n;
    nacre_err err = nacre_chan_consumed(s->c, ev->chan, (uint32_t)ev->data.n);
    PAIR_CHECK(s->lenient || err == NACRE_OK);
}

static void pair_client_event(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    struct nacre_answer yes = {.id = ev->id, .verdict = NACRE_ACCEPT};
    nacre_err err;
    switch (ev->type) {
    case NACRE_EV_HOST_KEY:
        PAIR_CHECK(ev->blob.n == pair_key_blob(0).n);
        pair_answer(s, &yes);
        break;
    case NACRE_EV_SIGN:
        pair_answer_sign(s, ev);
        break;
    case NACRE_EV_AUTH_NEXT:
        pair_auth_next(p, s);
        break;
    case NACRE_EV_AUTH_PROMPT:
        pair_answer_prompts(s, ev);
        break;
    case NACRE_EV_AUTH_CHANGE:
        pair_answer_change(s, ev);
        break;
    case NACRE_EV_AUTH_SUCCESS: /* at once, so that the server's own open crosses it */
        s->state = p->plan.no_channel ? PAIR_IDLE : PAIR_OPEN;
        pair_client_poll(p, s);
        break;
    case NACRE_EV_CHAN_OPENED:
        s->state = PAIR_EXEC;
        break;
    case NACRE_EV_CHAN_REPLY:
        s->state = ev->accepted ? PAIR_SEND : PAIR_ENDING;
        break;
    case NACRE_EV_CHAN_DATA:
        pair_client_data(p, s, ev);
        break;
    case NACRE_EV_CHAN_REQUEST:
        if (ev->request.kind == NACRE_REQ_EXIT_STATUS) {
            s->exit_status = ev->request.value;
        }
        break;
    case NACRE_EV_CHAN_CLOSED:
        s->state = PAIR_DONE;
        err = p->plan.stay ? NACRE_OK
                           : nacre_conn_close(s->c, NACRE_REASON_BY_APPLICATION, "goodbye");
        PAIR_CHECK(s->lenient || err == NACRE_OK);
        break;
    default:
        if (ev->id != 0) { /* a channel or request that the test did not take: refused */
            struct nacre_answer no = {.id = ev->id};
            pair_answer(s, &no);
        }
        break;
    }
}

/* ---- The server's application ---- */

static bool pair_is_user_key(struct nacre_bytes blob)
{
    struct nacre_bytes b = pair_key_blob(1);
    return b.n == blob.n && memcmp(b.p, blob.p, b.n) == 0;
}

static enum nacre_verdict pair_server_full(struct pair *p, struct pair_side *s,
                                           struct nacre_answer *a, bool key)
{
    if (!p->plan.need_both) {
        return NACRE_ACCEPT;
    }
    if (key) {
        s->key_done = true;
        a->methods = NACRE_AUTH_PASSWORD;
        return NACRE_PARTIAL;
    }
    return s->key_done ? NACRE_ACCEPT : NACRE_REFUSE;
}

static void pair_server_rounds(const struct nacre_event *ev, struct nacre_answer *a)
{
    static const struct nacre_prompt prompts[2] = {{{(const uint8_t *)"First: ", 7}, true},
                                                   {{(const uint8_t *)"Second: ", 8}, false}};
    a->prompts = prompts;
    a->name = "Quiz";
    a->instruction = "Say both.";
    if (ev->stage == NACRE_STAGE_INTERACTIVE) {
        a->verdict = NACRE_CHALLENGE;
        a->n_prompts = 2;
    } else if (ev->n_prompts == 2) { /* then a round without prompts, RFC 4256 3.2 */
        bool right =
            nacre_bytes_is(ev->responses[0], "one") && nacre_bytes_is(ev->responses[1], "two");
        a->verdict = right ? NACRE_CHALLENGE : NACRE_REFUSE;
        a->n_prompts = 0;
    } else {
        a->verdict = NACRE_ACCEPT;
    }
}

static void pair_server_auth(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    struct nacre_answer a = {.id = ev->id};
    switch (ev->stage) {
    case NACRE_STAGE_KEY_QUERY:
        a.verdict = pair_is_user_key(ev->blob) ? NACRE_ACCEPT : NACRE_REFUSE;
        break;
    case NACRE_STAGE_KEY_PROVED:
        s->proved++;
        if (pair_is_user_key(ev->blob)) {
            a.verdict = pair_server_full(p, s, &a, true);
        }
        break;
    case NACRE_STAGE_PASSWORD:
        if (nacre_bytes_is(ev->data, "secret")) {
            a.verdict = pair_server_full(p, s, &a, false);
        } else if (nacre_bytes_is(ev->data, "expired")) {
            a.verdict = NACRE_CHANGE_PASSWORD;
            a.text = "Password expired.";
        }
        break;
    case NACRE_STAGE_NEW_PASSWORD:
        if (nacre_bytes_is(ev->data, "expired") && nacre_bytes_is(ev->new_password, "secret")) {
            a.verdict = NACRE_ACCEPT;
        }
        break;
    case NACRE_STAGE_INTERACTIVE:
    case NACRE_STAGE_RESPONSES:
        pair_server_rounds(ev, &a);
        break;
    case NACRE_STAGE_NONE:
    default:
        break;
    }
    pair_answer(s, &a);
}

/* Echoes what waits, then the end: EOF, status, CLOSE. */
static void pair_server_poll(struct pair *p, struct pair_side *s)
{
    struct nacre_request status = {.kind = NACRE_REQ_EXIT_STATUS, .value = 7};
    size_t taken = 0;
    (void)p; /* same shape as the client's */
    if (s->state != PAIR_SEND) {
        return;
    }
    if (s->pending.n > 0) {
        if (nacre_chan_write(s->c, s->chan, 0, s->pending.p, s->pending.n, &taken) != NACRE_OK) {
            return;
        }
        pair_buf_drop(&s->pending, taken);
        nacre_err err = nacre_chan_consumed(s->c, s->chan, (uint32_t)taken);
        PAIR_CHECK(s->lenient || err == NACRE_OK || s->c->err != NACRE_OK);
    }
    if (!s->eof_seen || s->pending.n > 0) {
        return;
    }
    if (!s->status_sent) {
        s->status_sent = nacre_chan_request(s->c, s->chan, &status, false) == NACRE_OK;
    }
    if (s->status_sent && nacre_chan_eof(s->c, s->chan) == NACRE_OK &&
        nacre_chan_close(s->c, s->chan) == NACRE_OK) {
        s->state = PAIR_ENDING;
    }
}

/* An open that the client refuses and that crosses its own: the session's number is 0 at the client
 * and 1 at the server, so that nobody can take one for the other. */
static void pair_server_odd(struct pair *p, struct pair_side *s)
{
    const struct nacre_bytes none = {NULL, 0};
    uint32_t chan;
    if (!p->plan.no_channel) {
        nacre_err err = nacre_chan_open(s->c, "odd@example.com", none, &chan);
        PAIR_CHECK(s->lenient || err != NACRE_OK || chan == 0); /* without room it is left out */
    }
}

static void pair_server_event(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    struct nacre_answer yes = {.id = ev->id, .verdict = NACRE_ACCEPT};
    switch (ev->type) {
    case NACRE_EV_SIGN:
        pair_answer_sign(s, ev);
        break;
    case NACRE_EV_AUTH_REQUEST:
        pair_server_auth(p, s, ev);
        break;
    case NACRE_EV_AUTH_SUCCESS:
        pair_server_odd(p, s);
        break;
    case NACRE_EV_CHAN_OPEN:
        s->chan = ev->chan;
        pair_answer(s, &yes);
        break;
    case NACRE_EV_CHAN_REQUEST:
        if (ev->request.kind == NACRE_REQ_EXEC) {
            s->state = PAIR_SEND;
        }
        if (ev->id != 0) {
            pair_answer(s, &yes);
        }
        break;
    case NACRE_EV_CHAN_DATA:
        pair_buf_add(&s->pending, ev->data.p, ev->data.n);
        s->chan_got += ev->data.n;
        break;
    case NACRE_EV_CHAN_EOF:
        s->eof_seen = true;
        break;
    case NACRE_EV_CHAN_CLOSED:
        s->state = PAIR_DONE;
        break;
    default:
        if (ev->id != 0) {
            pair_answer(s, &yes);
        }
        break;
    }
}

/* ---- Rounds ---- */

struct pair_side *pair_other(struct pair *p, const struct pair_side *s)
{
    return &p->side[1 - (int)s->role];
}

static void pair_note_error(struct pair_side *s, nacre_err err)
{
    struct nacre_event ev;
    s->err = err;
    PAIR_CHECK(nacre_conn_next(s->c, &ev) == err && ev.type == NACRE_EV_NONE); /* it sticks */
    PAIR_CHECK((nacre_conn_wants(s->c) & NACRE_WANT_CLOSED) != 0);
    PAIR_CHECK((nacre_conn_wants(s->c) & NACRE_WANT_READ) == 0);
    if (!s->told_error) {
        pair_buf_print(&s->log, "error %s\n", nacre_err_name(err));
    }
    s->told_error = true;
}

bool pair_event(struct pair *p, struct pair_side *s)
{
    struct nacre_event ev;
    nacre_err err = nacre_conn_next(s->c, &ev);
    if (err != NACRE_OK) {
        bool first = !s->told_error;
        pair_note_error(s, err);
        return first;
    }
    if (ev.type == NACRE_EV_NONE) {
        return false;
    }
    s->events++;
    s->count[ev.type]++;
    pair_log(s, &ev);
    if (p->hook != NULL && p->hook(p, s, &ev)) {
        return true;
    }
    if (s->role == NACRE_CLIENT) {
        pair_client_event(p, s, &ev);
    } else {
        pair_server_event(p, s, &ev);
    }
    return true;
}

bool pair_events(struct pair *p, struct pair_side *s)
{
    bool any = false;
    while (pair_event(p, s)) {
        any = true;
    }
    if (s->err != NACRE_OK || s->c->err != NACRE_OK) {
        return any;
    }
    pair_answer_late(s);
    if (s->role == NACRE_CLIENT) {
        pair_client_poll(p, s);
    } else {
        pair_server_poll(p, s);
    }
    return any;
}

/* How much of the n waiting bytes goes in one delivery. */
static size_t pair_portion(const struct pair_pipe *o, size_t n)
{
    if (o->chunk != 0 && n > o->chunk) {
        n = o->chunk;
    }
    if (o->split_at > o->passed && n > o->split_at - o->passed) {
        n = (size_t)(o->split_at - o->passed);
    }
    if (o->cut_at - o->passed < n) {
        n = (size_t)(o->cut_at - o->passed);
    }
    return n;
}

bool pair_deliver(struct pair *p, struct pair_side *from)
{
    struct pair_side *to = pair_other(p, from);
    struct pair_pipe *o = &from->out;
    if (o->stalled) {
        return false;
    }
    struct nacre_bytes b = nacre_conn_out(from->c);
    b.n = o->take != 0 && o->take < b.n ? o->take : b.n;
    bool any = b.n > 0;
    if (!o->discard) {
        pair_buf_add(&o->b, b.p, b.n);
    }
    nacre_conn_sent(from->c, b.n);
    if (o->b.n == 0) {
        return any;
    }
    if (o->waited < o->delay) {
        o->waited++;
        return true;
    }
    size_t n = pair_portion(o, o->b.n), used = 0;
    if (o->flip_at >= o->passed && o->flip_at - o->passed < n) {
        o->b.p[o->flip_at - o->passed] ^= o->flip;
    }
    if (nacre_conn_recv(to->c, o->b.p, n, &used) != NACRE_OK) {
        used = n; /* its connection is over: a closed socket swallows the rest */
    }
    pair_buf_drop(&o->b, used);
    o->passed += used;
    if (o->b.n == 0) {
        o->waited = 0;
    }
    if (o->passed == o->cut_at) {
        nacre_conn_eof(to->c);
        o->b.n = 0;
        o->discard = true;
        return true;
    }
    return any || used > 0;
}

static void pair_extras(struct pair *p)
{
    nacre_err err;
    p->round++;
    for (int i = 0; i < 2; i++) {
        if (p->plan.move) {
            pair_move(&p->side[i]);
        }
        if (p->now != 0) {
            err = nacre_conn_tick(p->side[i].c, p->now);
            PAIR_CHECK(err == NACRE_OK || p->side[i].c->err != NACRE_OK);
        }
    }
    if (p->plan.rekey_every != 0 && p->round % p->plan.rekey_every == 0) {
        struct pair_side *s = &p->side[p->round / p->plan.rekey_every % 2];
        err = nacre_conn_rekey(s->c);
        PAIR_CHECK(err == NACRE_OK || err == NACRE_ERR_USAGE || err == s->c->err);
    }
}

bool pair_round(struct pair *p)
{
    bool any = false;
    for (int i = 0; i < 2; i++) {
        any |= pair_events(p, &p->side[i]);
    }
    for (int i = 0; i < 2; i++) {
        any |= pair_deliver(p, &p->side[i]);
    }
    if (any) {
        pair_extras(p);
    }
    return any;
}

bool pair_run(struct pair *p, unsigned max)
{
    while (max-- > 0) {
        if (!pair_round(p)) {
            return true;
        }
    }
    return false;
}

/* ---- Begin and end ---- */

static void pair_trace(void *ctx, char dir, uint32_t seq, const uint8_t *payload, size_t n)
{
    struct pair_side *s = ctx;
    struct pair_buf *out = s->trace;
    uint8_t digest[NACRE_SHA256_LEN];
    struct nacre_sha256 h;
    if (dir != 't') {
        return;
    }
    nacre_sha256_init(&h);
    nacre_sha256_update(&h, payload, n);
    nacre_sha256_final(digest, &h);
    pair_buf_print(out, "%s seq %lu: %u %s, %zu bytes, ", s->role == NACRE_CLIENT ? "C" : "S",
                   (unsigned long)seq, payload[0], ncr_msg_name(payload[0]), n);
    for (int i = 0; i < 8; i++) {
        pair_buf_print(out, "%02x", digest[i]);
    }
    pair_buf_print(out, "\n");
}

void pair_init(struct pair *p)
{
    static struct nacre_bytes host_keys[1];
    memset(p, 0, sizeof *p);
    host_keys[0] = pair_key_blob(0);
    for (int i = 0; i < 2; i++) {
        struct pair_side *s = &p->side[i];
        s->role = (enum nacre_role)i;
        s->mem_len = NACRE_CONN_MEM(8, NACRE_BUF_STANDARD, NACRE_BUF_STANDARD);
        s->channels = 8;
        s->rng.state = (uint64_t)i + 1;
        s->out.cut_at = UINT64_MAX;
        s->out.flip_at = UINT64_MAX;
    }
    p->side[0].cfg.allow_not_strict = p->side[1].cfg.allow_not_strict = true;
    p->side[1].cfg.host_keys = host_keys;
    p->side[1].cfg.n_host_keys = 1;
    p->side[1].cfg.auth_methods =
        NACRE_AUTH_PUBLICKEY | NACRE_AUTH_PASSWORD | NACRE_AUTH_INTERACTIVE;
    p->plan.send = 1000;
}

#define PAIR_CONN_ROOM ((sizeof(struct nacre_conn) + 63) / 64 * 64)

static void pair_make(struct pair_side *s)
{
    struct nacre_rng rng = pair_rng_of(&s->rng);
    uint8_t *block = malloc(PAIR_CONN_ROOM + s->mem_len);
    PAIR_CHECK(block != NULL);
    memset(block, 0xa5, PAIR_CONN_ROOM + s->mem_len);
    s->c = (struct nacre_conn *)(void *)block;
    s->cfg.work = pair_work;
    s->init_err = nacre_conn_init(s->c, s->role, &s->cfg, &rng, block + PAIR_CONN_ROOM, s->mem_len,
                                  s->channels);
}

void pair_start(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        if (p->trace != NULL) {
            p->side[i].trace = p->trace;
            p->side[i].cfg.trace = pair_trace;
            p->side[i].cfg.trace_ctx = &p->side[i];
        }
        pair_make(&p->side[i]);
    }
}

struct nacre_conn *pair_block_copy(const struct pair_side *s)
{
    size_t n = PAIR_CONN_ROOM + s->mem_len;
    uint8_t *block = malloc(n);
    PAIR_CHECK(block != NULL);
    memcpy(block, s->c, n);
    return (struct nacre_conn *)(void *)block;
}

void pair_move(struct pair_side *s)
{
    struct nacre_conn *c = pair_block_copy(s);
    memset((void *)s->c, 0x5a, PAIR_CONN_ROOM + s->mem_len);
    free(s->c);
    s->c = c;
}

static void pair_buf_copy(struct pair_buf *b)
{
    const struct pair_buf from = *b;

    *b = (struct pair_buf){0};
    if (from.n > 0)
        pair_buf_add(b, from.p, from.n);
}

void pair_copy(struct pair *to, const struct pair *from)
{
    *to = *from;
    for (int i = 0; i < 2; i++) {
        to->side[i].c = pair_block_copy(&from->side[i]);
        pair_buf_copy(&to->side[i].log);
        pair_buf_copy(&to->side[i].pending);
        pair_buf_copy(&to->side[i].out.b);
    }
}

void pair_free(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        free(p->side[i].c);
        pair_buf_free(&p->side[i].log);
        pair_buf_free(&p->side[i].pending);
        pair_buf_free(&p->side[i].out.b);
    }
}

void pair_session(struct pair *p)
{
    pair_start(p);
    PAIR_CHECK(p->side[0].init_err == NACRE_OK && p->side[1].init_err == NACRE_OK);
    PAIR_CHECK(pair_run(p, 2000000));
}

bool pair_holds(const struct pair_side *s, const uint8_t *p, size_t n)
{
    const uint8_t *block = (const uint8_t *)s->c;
    size_t len = PAIR_CONN_ROOM + s->mem_len;
    for (size_t i = 0; n <= len && i <= len - n; i++) {
        if (block[i] == p[0] && memcmp(block + i, p, n) == 0) {
            return true;
        }
    }
    return false;
}

bool pair_complete(const struct pair *p)
{
    const struct pair_side *c = &p->side[0], *s = &p->side[1];
    return c->chan_got == p->plan.send && s->chan_got == p->plan.send && c->exit_status == 7 &&
           c->state == PAIR_DONE && s->state >= PAIR_ENDING && c->err == NACRE_ERR_CLOSED &&
           s->err == NACRE_ERR_PEER_DISCONNECT;
}

/* ---- Files that hold what is expected ---- */

static void pair_read_file(struct pair_buf *b, const char *path)
{
    char text[4096];
    size_t n;
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return; /* an empty expectation */
    }
    while ((n = fread(text, 1, sizeof text, f)) > 0) {
        pair_buf_add(b, text, n);
    }
    fclose(f);
}

bool pair_golden(const char *path, const struct pair_buf *now)
{
    struct pair_buf golden = {0};
    if (getenv("NACRE_WRITE_GOLDEN") != NULL) {
        FILE *f = fopen(path, "wb");
        PAIR_CHECK(f != NULL && fwrite(now->p, 1, now->n, f) == now->n);
        fclose(f);
    }
    pair_read_file(&golden, path);
    bool same = now->n == golden.n && memcmp(now->p, golden.p, now->n) == 0;
    pair_buf_free(&golden);
    return same;
}
