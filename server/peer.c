/* SPDX-License-Identifier: ISC
 *
 * The server library, part two: the engine's events become calls of hooks, their answers go back. A
 * table maps each kind of question to its hook; what has no hook is refused. A credential that is
 * refused is refused no earlier than the configured delay after it came, whatever the reason, so
 * that the time tells nothing (CVE-2016-6210 and its kin) and guessing is slow.
 */
#include "server/peer.h"

#include <stdlib.h>
#include <string.h>

/* ---- Which hook -------------------------------------------------------------------------- */

static nacre_ask_fn peer_auth_hook(const struct nacre_server_hooks *h, enum nacre_auth_stage stage)
{
    switch (stage) {
    case NACRE_STAGE_NONE:
        return h->none;
    case NACRE_STAGE_KEY_QUERY:
        return h->key_query;
    case NACRE_STAGE_KEY_PROVED:
        return h->key_proved;
    case NACRE_STAGE_PASSWORD:
        return h->password;
    case NACRE_STAGE_NEW_PASSWORD:
        return h->new_password;
    case NACRE_STAGE_INTERACTIVE:
        return h->interactive;
    case NACRE_STAGE_RESPONSES:
        return h->responses;
    default:
        return NULL;
    }
}

static nacre_ask_fn peer_open_hook(const struct nacre_server_hooks *h, const struct nacre_event *ev)
{
    if (nacre_bytes_is(ev->name, "session")) {
        return h->open_session;
    }
    return nacre_bytes_is(ev->name, "direct-tcpip") ? h->open_tcpip : h->open_other;
}

static nacre_ask_fn peer_request_hook(const struct nacre_server_hooks *h, enum nacre_req kind)
{
    switch (kind) {
    case NACRE_REQ_PTY:
        return h->pty;
    case NACRE_REQ_ENV:
        return h->env;
    case NACRE_REQ_SHELL:
        return h->shell;
    case NACRE_REQ_EXEC:
        return h->exec;
    case NACRE_REQ_SUBSYSTEM:
        return h->subsystem;
    default:
        return h->request;
    }
}

static nacre_ask_fn peer_global_hook(const struct nacre_server_hooks *h,
                                     enum nacre_global_kind kind)
{
    if (kind == NACRE_GLOBAL_TCPIP_FORWARD) {
        return h->forward;
    }
    return kind == NACRE_GLOBAL_CANCEL_TCPIP_FORWARD ? h->cancel_forward : h->global;
}

/* ---- Answers ----------------------------------------------------------------------------- */

/* True if the answer is the refusal of a credential. Asking about a key is no credential: a client
 * with five keys is not to wait. */
static bool peer_refuses(const struct nacre_peer *p, const struct nacre_answer *a)
{
    return a->verdict == NACRE_REFUSE && p->asked_at != 0 && p->asked_stage != NACRE_STAGE_NONE &&
           p->asked_stage != NACRE_STAGE_KEY_QUERY;
}

static struct nacre_answer peer_bare(const struct nacre_answer *a)
{
    struct nacre_answer b = {.id = a->id,
                             .verdict = a->verdict,
                             .methods = a->methods,
                             .reason = a->reason,
                             .window = a->window,
                             .port = a->port};
    return b;
}

/* Keeps an answer until output was drained. Its texts are dropped, and what cannot do without them
 * is refused. */
static nacre_err peer_keep(struct nacre_peer *p, const struct nacre_answer *a)
{
    struct ncr_peer_late *late = calloc(1, sizeof *late), **at = &p->late;
    if (late == NULL) {
        return NACRE_ERR_NO_MEMORY;
    }
    late->ans = peer_bare(a);
    if (a->verdict == NACRE_CHALLENGE || a->verdict == NACRE_CHANGE_PASSWORD || a->data.n > 0) {
        late->ans.verdict = NACRE_REFUSE;
    }
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = late;
    return NACRE_OK;
}

nacre_err ncr_peer_answer(struct nacre_peer *p, const struct nacre_answer *a)
{
    if (peer_refuses(p, a) && !p->has_delayed) {
        uint64_t due = p->asked_at + p->server->cfg.fail_delay_ms;
        if (due > ncr_clock_ms()) {
            p->delayed = peer_bare(a);
            p->has_delayed = true;
            ncr_loop_timer_set(&p->server->loop, &p->delay, due);
            return NACRE_OK;
        }
    }
    nacre_err err = nacre_conn_answer(p->conn, a);
    return err == NACRE_ERR_NO_ROOM ? peer_keep(p, a) : err;
}

void ncr_peer_delay(void *ctx)
{
    struct nacre_peer *p = ctx;
    p->has_delayed = false;
    nacre_err err = nacre_conn_answer(p->conn, &p->delayed);
    if (err == NACRE_ERR_NO_ROOM) {
        err = peer_keep(p, &p->delayed);
    }
    (void)err; /* a question that was cancelled meanwhile needs no answer; the rest sticks */
    ncr_drive_kick(&p->drive);
}

static void peer_late(struct nacre_peer *p)
{
    while (p->late != NULL) {
        struct ncr_peer_late *late = p->late;
        if (nacre_conn_answer(p->conn, &late->ans) == NACRE_ERR_NO_ROOM) {
            return;
        }
        p->late = late->next;
        free(late);
    }
}

/* ---- Questions --------------------------------------------------------------------------- */

static void peer_ask(struct nacre_peer *p, nacre_ask_fn hook, const struct nacre_event *ev)
{
    struct nacre_answer ans;
    memset(&ans, 0, sizeof ans);
    if (hook != NULL && hook(p->server->cfg.ctx, p, ev, &ans) == NACRE_LATER) {
        return;
    }
    if (ev->id == 0) {
        return; /* the peer wants no reply */
    }
    ans.id = ev->id;
    nacre_err err = ncr_peer_answer(p, &ans);
    (void)err; /* sticks in the engine; USAGE: the hook has ended the connection */
}

static const struct nacre_privkey *peer_key(const struct nacre_peer *p, struct nacre_bytes blob)
{
    const struct nacre_server_cfg *cfg = &p->server->cfg;
    uint8_t *plain = (uint8_t *)p->server->work; /* free until something is signed */
    struct nacre_cert c;
    if (nacre_cert_is(blob) &&
        nacre_cert_decode(&c, blob, plain, NACRE_PRIVKEY_BLOB_MAX) == NACRE_OK) {
        blob = c.plain;
    }
    for (size_t i = 0; i < cfg->n_keys; i++) {
        struct nacre_bytes b = nacre_privkey_public_blob(&cfg->keys[i]);
        if (b.n == blob.n && memcmp(b.p, blob.p, b.n) == 0) {
            return &cfg->keys[i];
        }
    }
    return NULL;
}

static void peer_sign(struct nacre_peer *p, const struct nacre_event *ev)
{
    const struct nacre_privkey *k = peer_key(p, ev->blob);
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    struct nacre_answer ans = {.id = ev->id};
    size_t n = 0;
    if (k == NULL) {
        peer_ask(p, p->server->cfg.hooks->sign, ev);
        return;
    }
    if (nacre_privkey_sign(k, ev->alg, ev->data, sig, sizeof sig, &n, &p->server->rng,
                           p->server->work) == NACRE_OK) {
        ans.verdict = NACRE_ACCEPT;
        ans.data = (struct nacre_bytes){sig, n};
    }
    nacre_err err = nacre_conn_answer(p->conn, &ans);
    (void)err; /* sticks in the engine */
}

static void peer_auth(struct nacre_peer *p, const struct nacre_event *ev)
{
    if (p->has_delayed) { /* a new request cancels the one whose refusal is under way */
        p->has_delayed = false;
        ncr_loop_timer_set(&p->server->loop, &p->delay, NCR_NEVER);
    }
    p->asked_at = ncr_clock_ms();
    p->asked_stage = ev->stage;
    p->tried = p->tried || ev->stage != NACRE_STAGE_NONE;
    peer_ask(p, peer_auth_hook(p->server->cfg.hooks, ev->stage), ev);
}

static void peer_authenticated(struct nacre_peer *p, const struct nacre_event *ev)
{
    size_t n = ev->data.n < sizeof p->user ? ev->data.n : sizeof p->user - 1;
    memcpy(p->user, ev->data.p, n);
    p->user[n] = '\0';
    p->asked_at = 0;
    ncr_server_started(p, NCR_GATE_AUTHENTICATED);
    if (p->server->cfg.hooks->authenticated != NULL) {
        p->server->cfg.hooks->authenticated(p->server->cfg.ctx, p, ev->data);
    }
}

/* ---- Channels ---------------------------------------------------------------------------- */

static void peer_opening(struct nacre_peer *p, const struct nacre_event *ev)
{
    struct nacre_answer full = {.id = ev->id, .reason = NACRE_OPEN_RESOURCE_SHORTAGE};
    if (ncr_peer_chan(p, ev->chan) == NULL) {
        nacre_err err = ncr_peer_answer(p, &full);
        (void)err; /* sticks in the engine */
        return;
    }
    peer_ask(p, peer_open_hook(p->server->cfg.hooks, ev), ev);
}

static void peer_opened(struct nacre_peer *p, const struct nacre_event *ev)
{
    const struct nacre_server_hooks *h = p->server->cfg.hooks;
    if (ev->type == NACRE_EV_CHAN_OPENED) {
        if (h->opened != NULL) {
            h->opened(p->server->cfg.ctx, p, ev->chan);
        }
        return;
    }
    if (h->open_failed != NULL) {
        h->open_failed(p->server->cfg.ctx, p, ev->chan, ev->reason);
    }
    ncr_chan_drop(p, ev->chan);
}

static void peer_closed(struct nacre_peer *p, const struct nacre_event *ev)
{
    if (p->server->cfg.hooks->closed != NULL) {
        p->server->cfg.hooks->closed(p->server->cfg.ctx, p, ev->chan);
    }
    ncr_chan_drop(p, ev->chan);
}

/* ---- The drive's callbacks --------------------------------------------------------------- */

void ncr_peer_event(void *ctx, const struct nacre_event *ev)
{
    struct nacre_peer *p = ctx;
    const struct nacre_server_hooks *h = p->server->cfg.hooks;
    switch (ev->type) {
    case NACRE_EV_SIGN:
        peer_sign(p, ev);
        break;
    case NACRE_EV_AUTH_REQUEST:
        peer_auth(p, ev);
        break;
    case NACRE_EV_AUTH_SUCCESS:
        peer_authenticated(p, ev);
        break;
    case NACRE_EV_CHAN_OPEN:
        peer_opening(p, ev);
        break;
    case NACRE_EV_CHAN_OPENED:
    case NACRE_EV_CHAN_FAILED:
        peer_opened(p, ev);
        break;
    case NACRE_EV_CHAN_REQUEST:
        peer_ask(p, peer_request_hook(h, ev->request.kind), ev);
        break;
    case NACRE_EV_GLOBAL:
        peer_ask(p, peer_global_hook(h, ev->global.kind), ev);
        break;
    case NACRE_EV_CHAN_DATA:
        ncr_chan_data(p, ev);
        break;
    case NACRE_EV_CHAN_WRITABLE:
        ncr_chan_room(p, ev->chan);
        break;
    case NACRE_EV_CHAN_EOF:
        ncr_chan_eof(p, ev->chan);
        break;
    case NACRE_EV_CHAN_CLOSED:
        peer_closed(p, ev);
        break;
    default:
        break;
    }
}

void ncr_peer_room(void *ctx)
{
    struct nacre_peer *p = ctx;
    peer_late(p);
    for (uint32_t i = 0; i < p->top; i++) {
        ncr_chan_room(p, i);
    }
}

static enum ncr_gate_end peer_end(const struct nacre_peer *p, nacre_err err)
{
    if (err == NACRE_ERR_TIMEOUT_AUTH || err == NACRE_ERR_TIMEOUT_KEX) {
        return NCR_GATE_GRACE;
    }
    return p->tried ? NCR_GATE_AUTH_FAILED : NCR_GATE_NO_AUTH;
}

void ncr_peer_over(void *ctx, nacre_err err)
{
    struct nacre_peer *p = ctx;
    ncr_server_started(p, peer_end(p, err));
    if (p->told && p->server->cfg.hooks->gone != NULL) {
        p->server->cfg.hooks->gone(p->server->cfg.ctx, p, err);
    }
    ncr_server_drop(p);
}

/* ---- Accessors --------------------------------------------------------------------------- */

struct nacre_ticket nacre_peer_ticket(const struct nacre_peer *p, const struct nacre_event *ev)
{
    struct nacre_ticket t = {p->serial, ev->id};
    return t;
}

struct nacre_conn *nacre_peer_conn(struct nacre_peer *p)
{
    return p->conn;
}

void nacre_peer_kick(struct nacre_peer *p)
{
    ncr_drive_kick(&p->drive);
}

struct nacre_server *nacre_peer_server(struct nacre_peer *p)
{
    return p->server;
}

const char *nacre_peer_addr(const struct nacre_peer *p)
{
    return p->addr;
}

uint32_t nacre_peer_port(const struct nacre_peer *p)
{
    return p->port;
}

const char *nacre_peer_user(const struct nacre_peer *p)
{
    return p->user;
}

void nacre_peer_set_data(struct nacre_peer *p, void *data)
{
    p->data = data;
}

void *nacre_peer_data(const struct nacre_peer *p)
{
    return p->data;
}

void nacre_peer_set_chan_data(struct nacre_peer *p, uint32_t chan, void *data)
{
    struct ncr_peer_chan *c = ncr_peer_chan(p, chan);
    if (c != NULL) {
        c->data = data;
    }
}

void *nacre_peer_chan_data(const struct nacre_peer *p, uint32_t chan)
{
    return chan < p->n_chans ? p->chans[chan].data : NULL;
}

void nacre_peer_disconnect(struct nacre_peer *p, uint32_t reason, const char *text)
{
    nacre_err err = nacre_conn_close(p->conn, reason, text);
    (void)err; /* CLOSED: it is over already */
    ncr_drive_kick(&p->drive);
}
