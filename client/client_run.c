/* SPDX-License-Identifier: ISC
 *
 * One command over a connection: its input sent, both output streams drained at once, under a
 * deadline.
 */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"

#define RUN_MAX_OUTPUT ((size_t)16 * 1024 * 1024)
#define RUN_FIRST_ROOM ((size_t)4096)

struct run_state {
    struct nacre_client *c;
    struct nacre_run *r;
    struct ncr_chan_user user;
    size_t sent;
    size_t cap[2];
    bool started, eof_sent, closed;
    nacre_err err; /* why it stopped early */
};

/* ---- Output ------------------------------------------------------------------------------ */

static bool run_gather(struct run_state *s, unsigned i, struct nacre_bytes data)
{
    uint8_t **p = i == 0 ? &s->r->out.p : &s->r->err.p;
    size_t *n = i == 0 ? &s->r->out.n : &s->r->err.n;
    size_t max = s->r->max_output != 0 ? s->r->max_output : RUN_MAX_OUTPUT;
    size_t used = s->r->out.n + s->r->err.n;
    uint8_t *grown;

    if (data.n > max - used) {
        s->err = NACRE_ERR_LIMIT;
        return false;
    }
    if (*p == NULL || data.n + 1 > s->cap[i] - *n) {
        size_t cap = (s->cap[i] + data.n) * 2 + RUN_FIRST_ROOM;

        grown = realloc(*p, cap);
        if (grown == NULL) {
            s->err = NACRE_ERR_NO_MEMORY;
            return false;
        }
        *p = grown;
        s->cap[i] = cap;
    }
    memcpy(*p + *n, data.p, data.n);
    *n += data.n;
    (*p)[*n] = '\0';
    return true;
}

static void run_data(struct run_state *s, const struct nacre_event *ev)
{
    unsigned i = ev->ext == 1 ? 1 : 0;
    bool go = s->err == NACRE_OK;
    nacre_err err;

    if (go && ev->ext <= 1 && s->r->output != NULL) {
        go = s->r->output(s->r->ctx, (int)i + 1, ev->data.p, ev->data.n);
        if (!go)
            s->err = NACRE_ERR_CLOSED;
    } else if (go && ev->ext <= 1) {
        go = run_gather(s, i, ev->data);
    }
    err = nacre_chan_consumed(&s->c->conn, ev->chan, (uint32_t)ev->data.n);
    if (err != NACRE_OK && s->err == NACRE_OK)
        s->err = err;
}

/* ---- Input ------------------------------------------------------------------------------- */

static void run_room(void *ctx)
{
    struct run_state *s = ctx;
    nacre_err err = NACRE_OK;
    size_t taken = 1;

    while (s->started && err == NACRE_OK && taken > 0 && s->sent < s->r->input.n) {
        err = nacre_chan_write(&s->c->conn, s->user.chan, 0, s->r->input.p + s->sent,
                               s->r->input.n - s->sent, &taken);
        s->sent += err == NACRE_OK ? taken : 0;
    }
    if (s->started && !s->eof_sent && s->sent == s->r->input.n)
        s->eof_sent = nacre_chan_eof(&s->c->conn, s->user.chan) != NACRE_ERR_NO_ROOM;
}

/* ---- Events ------------------------------------------------------------------------------ */

static void run_start(struct run_state *s)
{
    struct nacre_request req = {.kind = NACRE_REQ_EXEC};

    req.data = nacre_bytes_str(s->r->command);
    if (nacre_chan_request(&s->c->conn, s->user.chan, &req, true) != NACRE_OK)
        s->err = NACRE_ERR_CHANNEL_STATE;
}

static void run_request(struct run_state *s, const struct nacre_event *ev)
{
    const struct nacre_request *q = &ev->request;

    if (q->kind == NACRE_REQ_EXIT_STATUS)
        s->r->status = (int)(q->value & 0x7fffffff);
    if (q->kind == NACRE_REQ_EXIT_SIGNAL)
        (void)ncr_escape(s->r->signal, sizeof s->r->signal, q->text, NCR_ESCAPE_LINE);
    if (ev->id != 0)
        ncr_client_refuse(s->c, ev->id);
}

static void run_event(void *ctx, const struct nacre_event *ev)
{
    struct run_state *s = ctx;
    struct ncr_text t;

    switch (ev->type) {
    case NACRE_EV_CHAN_OPENED:
        run_start(s);
        break;
    case NACRE_EV_CHAN_FAILED:
        ncr_client_error(s->c, "%s: channel refused: %s", s->c->host_text, ncr_text(&t, ev->data));
        s->err = NACRE_ERR_CHANNEL_STATE;
        s->closed = true;
        break;
    case NACRE_EV_CHAN_REPLY:
        s->started = ev->accepted;
        if (!ev->accepted) {
            ncr_client_error(s->c, "%s: command refused", s->c->host_text);
            s->err = NACRE_ERR_CHANNEL_STATE;
        }
        break;
    case NACRE_EV_CHAN_DATA:
        run_data(s, ev);
        break;
    case NACRE_EV_CHAN_REQUEST:
        run_request(s, ev);
        break;
    case NACRE_EV_CHAN_CLOSED:
        s->closed = true;
        break;
    default:
        break;
    }
}

/* ---- Running ----------------------------------------------------------------------------- */

/* Gives the channel up: what still comes for it is dropped. */
static void run_abandon(struct run_state *s)
{
    if (s->c->state != NACRE_CLIENT_READY || s->closed)
        return;
    if (nacre_chan_close(&s->c->conn, s->user.chan) == NACRE_OK)
        ncr_client_kick(s->c);
}

static void run_explain(struct run_state *s, nacre_err err)
{
    if (s->c->error[0] == '\0')
        ncr_client_error(s->c, "%s: command: %s", s->c->host_text, nacre_err_text(err));
}

nacre_err nacre_client_run(struct nacre_client *c, struct nacre_run *r)
{
    struct run_state s = {.c = c, .r = r};
    uint64_t until = ncr_clock_deadline(r->timeout_ms);
    struct nacre_bytes none = {NULL, 0};
    nacre_err err;

    r->status = -1;
    r->signal[0] = '\0';
    memset(&r->out, 0, sizeof r->out);
    memset(&r->err, 0, sizeof r->err);
    if (c->state != NACRE_CLIENT_READY)
        return c->err != NACRE_OK ? c->err : NACRE_ERR_USAGE;
    c->error[0] = '\0';
    err = nacre_chan_open(&c->conn, "session", none, &s.user.chan);
    if (err != NACRE_OK) {
        run_explain(&s, err);
        return err;
    }
    s.user.event = run_event;
    s.user.room = run_room;
    s.user.ctx = &s;
    ncr_client_add_user(c, &s.user);
    ncr_client_kick(c);
    while (err == NACRE_OK && s.err == NACRE_OK && !s.closed)
        err = ncr_client_wait(c, until);
    if (err == NACRE_OK)
        err = s.err;
    ncr_client_remove_user(c, &s.user);
    if (err != NACRE_OK) {
        run_abandon(&s);
        run_explain(&s, err);
    }
    return s.closed && s.err == NACRE_OK ? NACRE_OK : err;
}

void nacre_run_free(struct nacre_run *r)
{
    free(r->out.p);
    free(r->err.p);
    memset(&r->out, 0, sizeof r->out);
    memset(&r->err, 0, sizeof r->err);
}
