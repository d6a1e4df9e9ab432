/* SPDX-License-Identifier: ISC
 *
 * The connection: bytes in and out, next, questions, errors and the end. The files of its name
 * alone see all the others: conn_init.c, conn_dispatch.c, conn_time.c.
 *
 * The receive path is always the same: open and verify the packet (pkt.c), then what
 * conn_dispatch.c does with its payload. At most one packet and one event for each
 * nacre_conn_next(). The first error ends the connection: DISCONNECT is sent if the error has a
 * reason, secrets are wiped, and every later call gives the error again.
 */
#include <string.h>

#include "proto/auth.h"
#include "proto/chan.h"
#include "proto/conn.h"
#include "proto/err.h"
#include "proto/kex.h"
#include "proto/version.h"

/* ---- Errors and the end ---- */

/* The packet that was told, as it came and as it was inflated. */
static void conn_wipe_packet(struct nacre_conn *c)
{
    if (c->in_next > c->in_start)
        nacre_wipe(ncr_inbuf(c) + c->in_start, c->in_next - c->in_start);
    if (c->rx.comp_on)
        nacre_wipe(ncr_comp(c)->buf + c->comp_at, NCR_COMP_BUF_LEN - c->comp_at);
}

static void conn_wipe_secrets(struct nacre_conn *c)
{
    ncr_kex_wipe(c);
    nacre_wipe(&c->tx.key, sizeof c->tx.key);
    nacre_wipe(&c->tx.mac, sizeof c->tx.mac);
    nacre_wipe(&c->rx.key, sizeof c->rx.key);
    nacre_wipe(&c->rx.mac, sizeof c->rx.mac);
    /* The packet that was told, if it holds a password; data may still be in use. */
    if (c->wipe_packet)
        conn_wipe_packet(c);
}

static nacre_err conn_put_disconnect(struct nacre_conn *c, uint32_t reason, const char *text)
{
    struct ncr_out o = ncr_out_begin(c, NCR_MSG_DISCONNECT, true);

    ncr_wr_u32(&o.w, reason);
    ncr_wr_cstring(&o.w, text);
    ncr_wr_cstring(&o.w, "");
    return ncr_out_end(c, &o);
}

/* The first error sticks. What waits in the out-buffer can still be sent, DISCONNECT is its last
 * message; if that finds no room the peer learns it from the closed socket. */
nacre_err ncr_conn_end(struct nacre_conn *c, nacre_err err)
{
    const uint32_t reason = ncr_err_reason(err);
    const char *what = c->fail_what;

    if (c->err != NACRE_OK)
        return c->err;
    c->fail_phase = c->rx.phase;
    c->fail_seq = c->rx.seq - (c->msg != 0 ? 1 : 0);
    if (reason != 0 && c->tx.phase != NCR_PH_VERSION && c->tx.phase != NCR_PH_CLOSED)
        (void)conn_put_disconnect(c, reason, nacre_err_text(err)); /* the end comes either way */
    c->fail_what = what;
    c->err = err;
    c->question = NACRE_EV_NONE;
    c->rx.phase = NCR_PH_CLOSED;
    c->tx.phase = NCR_PH_CLOSED;
    conn_wipe_secrets(c);
    return err;
}

struct nacre_errinfo nacre_conn_errinfo(const struct nacre_conn *c)
{
    struct nacre_errinfo info;

    memset(&info, 0, sizeof info);
    info.err = c->err;
    info.msg = c->msg;
    info.msg_name = c->msg != 0 ? ncr_msg_name(c->msg) : "";
    info.phase = ncr_phase_name((enum ncr_phase)c->fail_phase);
    info.seq = c->fail_seq;
    info.what = c->fail_what != NULL ? c->fail_what : "";
    info.category = "";
    info.would_help = "";
    info.peer_reason = c->peer_reason;
    if (c->err == NACRE_ERR_NO_COMMON_ALG) {
        info.category = ncr_kexinit_list_name((enum ncr_kexinit_list)c->fail_list);
        info.ours = ncr_kexinit_list(c, true, (enum ncr_kexinit_list)c->fail_list);
        info.theirs = ncr_kexinit_list(c, false, (enum ncr_kexinit_list)c->fail_list);
        info.would_help = ncr_kexinit_would_help(c);
    }
    if (c->err == NACRE_ERR_PEER_DISCONNECT) {
        info.peer_text.p = ncr_scratch(c, NCR_SCRATCH_AUTH);
        info.peer_text.n = c->peer_text_len;
    }
    return info;
}

/* ---- Bytes in and out ---- */

uint8_t *nacre_conn_inbuf(struct nacre_conn *c, size_t *room)
{
    uint8_t *in = ncr_inbuf(c);

    *room = 0;
    if (c->err != NACRE_OK || c->in_next > c->in_start)
        return in + c->in_end; /* the packet that was told is still borrowed */
    if (c->in_start == c->in_end)
        c->in_start = c->in_end = c->in_next = 0;
    if (c->in_start > 0 && c->in_cap - c->in_end < c->in_cap / 2) {
        memmove(in, in + c->in_start, c->in_end - c->in_start);
        c->in_end -= c->in_start;
        c->in_start = c->in_next = 0;
    }
    *room = c->in_cap - c->in_end;
    return in + c->in_end;
}

void nacre_conn_inack(struct nacre_conn *c, size_t n)
{
    if (n == 0 || n > c->in_cap - c->in_end)
        return;
    c->in_end += (uint32_t)n;
    c->rx.all_bytes += n;
    c->last_rx = c->now;
    c->alive_unanswered = 0;
}

nacre_err nacre_conn_recv(struct nacre_conn *c, const uint8_t *in, size_t n, size_t *used)
{
    size_t room;
    uint8_t *p = nacre_conn_inbuf(c, &room);

    *used = n < room ? n : room;
    if (*used > 0) {
        memcpy(p, in, *used);
        nacre_conn_inack(c, *used);
    }
    return c->err;
}

void nacre_conn_eof(struct nacre_conn *c)
{
    c->peer_closed = true;
}

struct nacre_bytes nacre_conn_out(const struct nacre_conn *c)
{
    struct nacre_bytes b = {ncr_outbuf(c) + c->out_start, c->out_end - c->out_start};

    return b;
}

void nacre_conn_sent(struct nacre_conn *c, size_t n)
{
    if (n > c->out_end - c->out_start)
        n = c->out_end - c->out_start;
    c->out_start += (uint32_t)n;
    if (c->out_start == c->out_end)
        c->out_start = c->out_end = 0;
}

/* Questions that stop the receive path until they are answered. The others, which a person may take
 * long to answer, leave room for banners, keepalives and a goodbye. */
bool ncr_conn_blocked(const struct nacre_conn *c)
{
    return c->question == NACRE_EV_HOST_KEY || c->question == NACRE_EV_AUTH_REQUEST ||
           (c->question == NACRE_EV_SIGN && c->role == NACRE_SERVER);
}

/* A message that waited for the end of a key exchange now waits for room alone: no packet is taken
 * before it has left. */
static bool conn_late_due(const struct nacre_conn *c)
{
    return c->auth.late != NCR_LATE_NONE && !ncr_phase_in_kex(&c->tx);
}

/* Pending events that may be told: SUCCESS only when it has left (it may be held during a key
 * exchange), for only then may channels be opened. */
static bool conn_may_tell(const struct nacre_conn *c)
{
    if (c->pending == NCR_PENDING_SUCCESS)
        return c->held_len == 0 && !ncr_phase_in_kex(&c->tx);
    return c->pending != 0;
}

/* What is owed and can be sent. */
static bool conn_owes(const struct nacre_conn *c, size_t room)
{
    if (ncr_kex_due(c) && c->full_queues == 0 && room >= ncr_out_reserve(c))
        return true;
    if (ncr_phase_in_kex(&c->tx))
        return false;
    if (c->held_len > 0)
        return room >= ncr_out_reserve(c);
    if (c->auth.late != NCR_LATE_NONE)
        return room >= ncr_auth_late_room(c);
    return room >= NCR_CHAN_FLUSH_ROOM &&
           (c->chans_owe || (c->n_owed > 0 && c->owed[0].state != NCR_OWED_ASKED));
}

bool ncr_conn_next_due(const struct nacre_conn *c)
{
    const size_t room = c->out_cap - (c->out_end - c->out_start);

    if (c->err != NACRE_OK)
        return false;
    if (c->broken != NACRE_OK || conn_may_tell(c) || conn_owes(c, room))
        return true;
    return c->stalled && !ncr_conn_blocked(c) && room >= ncr_out_reserve(c) && !conn_late_due(c) &&
           !ncr_chan_queues_full(c);
}

unsigned nacre_conn_wants(const struct nacre_conn *c)
{
    unsigned wants = 0;

    if (c->out_end > c->out_start)
        wants |= NACRE_WANT_WRITE;
    if (c->err != NACRE_OK)
        return wants | NACRE_WANT_CLOSED;
    if (c->question != NACRE_EV_NONE)
        wants |= NACRE_WANT_ANSWER;
    if (!c->peer_closed && c->in_next <= c->in_start && c->in_end - c->in_start < c->in_cap)
        wants |= NACRE_WANT_READ;
    if (ncr_conn_next_due(c))
        wants |= NACRE_WANT_NEXT;
    return wants;
}

/* ---- Receive path ---- */

static nacre_err conn_read_version(struct nacre_conn *c, struct nacre_event *ev)
{
    enum ncr_version_result result;
    struct nacre_bytes line = {NULL, 0};
    size_t used = 0;
    nacre_err err = ncr_version_read(c, &result, &used, &line);

    if (err != NACRE_OK)
        return err;
    c->in_next = c->in_start + (uint32_t)used;
    ev->data = line;
    if (result == NCR_VERSION_PRE_LINE)
        ev->type = NACRE_EV_PRE_LINE;
    if (result == NCR_VERSION_DONE)
        ev->type = NACRE_EV_VERSION;
    return NACRE_OK;
}

static nacre_err conn_inflate(struct nacre_conn *c, struct nacre_bytes *payload)
{
    nacre_err err;

    /* The method starts when the client reads SUCCESS, and it may have begun a key exchange
     * before. */
    if (c->comp_early && ncr_comp_is_plain(*payload))
        return NACRE_OK;
    c->comp_early = false;
    err = c->rx.comp->open(ncr_comp(c), c->comp_at, payload);
    if (!c->auth.done)
        c->inflated += payload->n;
    if (err == NACRE_ERR_LIMIT)
        return ncr_fail(c, err, "decompressed packet too long");
    return err == NACRE_OK ? err : ncr_fail(c, err, "packet does not decompress");
}

/* There is no room for the next payload behind those that were told. */
static bool conn_comp_full(const struct nacre_conn *c)
{
    return c->rx.comp_on && c->comp_at > NCR_COMP_BUF_LEN - NCR_COMP_PAYLOAD_MAX;
}

/* *progress false: nothing more can be done with what is there. */
static nacre_err conn_read_packet(struct nacre_conn *c, struct nacre_event *ev, bool *progress)
{
    struct nacre_bytes payload;
    size_t used;
    nacre_err err = ncr_pkt_open(&c->rx, ncr_inbuf(c) + c->in_start, c->in_end - c->in_start,
                                 ncr_conn_packet_max(c), &used, &payload);

    c->msg = 0;
    if (err != NACRE_OK)
        return ncr_fail(c, err, "packet refused");
    *progress = used > 0;
    if (used == 0)
        return NACRE_OK;
    c->in_next = c->in_start + (uint32_t)used;
    if (c->rx.comp_on)
        err = conn_inflate(c, &payload);
    if (err == NACRE_OK)
        err = ncr_conn_dispatch(c, payload, ev);
    if (c->rx.comp_on && ev->type == NACRE_EV_CHAN_DATA)
        c->comp_at += (uint32_t)payload.n; /* told data stays, like that in the in-buffer */
    return err;
}

/* ---- Next ---- */

/* The packet or line that was told is over: its bytes are given back, and wiped if they held a
 * password. */
static void conn_release(struct nacre_conn *c)
{
    if (c->wipe_packet)
        conn_wipe_packet(c);
    c->wipe_packet = false;
    if (c->in_next > c->in_start)
        c->in_start = c->in_next;
}

static void conn_ask(struct nacre_conn *c, struct nacre_event *ev)
{
    c->question_id = ncr_question_id(c, NCR_ID_CONN);
    ev->id = c->question_id;
}

/* Events that no packet brings. */
static bool conn_tell_pending(struct nacre_conn *c, struct nacre_event *ev)
{
    if ((c->pending & NCR_PENDING_SIGN) != 0) {
        c->pending = (uint8_t)(c->pending & ~NCR_PENDING_SIGN);
        if (c->role == NACRE_SERVER)
            ncr_kex_sign_event(c, ev);
        else
            ncr_auth_sign_event(c, ev);
        conn_ask(c, ev);
        return true;
    }
    if ((c->pending & NCR_PENDING_SUCCESS) != 0) {
        c->pending = (uint8_t)(c->pending & ~NCR_PENDING_SUCCESS);
        ev->type = NACRE_EV_AUTH_SUCCESS;
        ev->data = ncr_auth_user(c);
        return true;
    }
    if ((c->pending & NCR_PENDING_NEXT) != 0) {
        c->pending = (uint8_t)(c->pending & ~NCR_PENDING_NEXT);
        ev->type = NACRE_EV_AUTH_NEXT;
        ev->methods = c->auth.methods;
        return true;
    }
    return false;
}

static nacre_err conn_send_late(struct nacre_conn *c)
{
    const size_t need = ncr_auth_late_room(c);

    if (c->held_len > 0 || ncr_out_room(c, need) < need)
        return NACRE_OK;
    return c->role == NACRE_CLIENT ? ncr_auth_client_late(c) : ncr_auth_server_late(c);
}

/* What we owe or want to begin ourselves. */
nacre_err ncr_conn_progress(struct nacre_conn *c)
{
    bool empty = true;
    nacre_err err = NACRE_OK;

    /* With a full queue of replies it waits: until the peer's KEXINIT comes, requests go on, and a
     * queue without room would end an honest peer. */
    if (ncr_kex_due(c) && c->full_queues == 0 && ncr_out_ready(c))
        err = ncr_kexinit_send(c);
    if (err == NACRE_OK && c->held_len > 0)
        err = ncr_out_flush_held(c, &empty);
    if (err == NACRE_OK && conn_late_due(c))
        err = conn_send_late(c);
    return err == NACRE_OK ? ncr_chan_flush(c) : err;
}

static nacre_err conn_preauth(struct nacre_conn *c)
{
    const uint64_t taken = c->rx.all_bytes - (c->in_end - c->in_start) + c->inflated;

    if (c->auth.done || taken <= NCR_PREAUTH_BYTES_MAX)
        return NACRE_OK;
    return ncr_fail(c, NACRE_ERR_PREAUTH_BYTES, "too much before authentication");
}

static bool conn_is_question(enum nacre_event_type type)
{
    return type == NACRE_EV_HOST_KEY || type == NACRE_EV_AUTH_REQUEST ||
           type == NACRE_EV_AUTH_PROMPT || type == NACRE_EV_AUTH_CHANGE;
}

static nacre_err conn_step(struct nacre_conn *c, struct nacre_event *ev)
{
    bool progress = true;
    nacre_err err = c->broken != NACRE_OK ? c->broken : ncr_conn_progress(c);

    if (err != NACRE_OK)
        return err;
    if (conn_may_tell(c) && conn_tell_pending(c, ev))
        return NACRE_OK;
    if (ncr_conn_blocked(c) && c->peer_closed)
        return ncr_fail(c, NACRE_ERR_PEER_CLOSED, ""); /* nobody waits for the answer */
    c->stalled = ncr_conn_blocked(c) || !ncr_out_ready(c) || ncr_chan_queues_full(c) ||
                 conn_comp_full(c) || conn_late_due(c);
    if (c->stalled)
        return NACRE_OK;
    if (c->rx.phase == NCR_PH_VERSION) {
        err = conn_read_version(c, ev);
        progress = ev->type != NACRE_EV_NONE;
    } else {
        err = conn_read_packet(c, ev, &progress);
    }
    if (err == NACRE_OK)
        err = conn_preauth(c);
    if (err != NACRE_OK)
        return err;
    if (!progress && c->peer_closed)
        return ncr_fail(c, NACRE_ERR_PEER_CLOSED, "");
    if (conn_is_question(ev->type))
        conn_ask(c, ev);
    if (progress && ev->type == NACRE_EV_NONE)
        ev->type = NACRE_EV_AGAIN;
    return NACRE_OK;
}

nacre_err nacre_conn_next(struct nacre_conn *c, struct nacre_event *ev)
{
    nacre_err err;

    memset(ev, 0, offsetof(struct nacre_event, prompts));
    if (c->err != NACRE_OK)
        return c->err;
    conn_release(c);
    err = conn_step(c, ev);
    if (err != NACRE_OK) {
        memset(ev, 0, offsetof(struct nacre_event, prompts));
        return ncr_conn_end(c, err);
    }
    if (ev->type == NACRE_EV_NONE)
        c->comp_at = 0;
    return NACRE_OK;
}

/* ---- Answers ---- */

static nacre_err conn_answer_own(struct nacre_conn *c, const struct nacre_answer *a)
{
    switch ((enum nacre_event_type)c->question) {
    case NACRE_EV_HOST_KEY:
        return ncr_kex_answer_host_key(c, a);
    case NACRE_EV_SIGN:
        return c->role == NACRE_SERVER ? ncr_kex_answer_sign(c, a) : ncr_auth_answer_sign(c, a);
    case NACRE_EV_AUTH_PROMPT:
        return ncr_auth_answer_prompt(c, a);
    case NACRE_EV_AUTH_CHANGE:
        return ncr_auth_answer_change(c, a);
    case NACRE_EV_AUTH_REQUEST:
        return ncr_auth_answer_request(c, a);
    default:
        return NACRE_ERR_USAGE;
    }
}

nacre_err nacre_conn_answer(struct nacre_conn *c, const struct nacre_answer *a)
{
    const uint8_t question = c->question;
    nacre_err err;

    if (c->err != NACRE_OK)
        return c->err;
    if (a->id == 0)
        return NACRE_ERR_USAGE;
    if (NCR_ID_WHERE(a->id) != NCR_ID_CONN) {
        err = ncr_chan_answer(c, a);
        return err == NACRE_OK || ncr_err_is_usage(err) ? err : ncr_conn_end(c, err);
    }
    if (a->id != c->question_id || question == NACRE_EV_NONE)
        return NACRE_ERR_USAGE;
    err = conn_answer_own(c, a);
    if (ncr_err_is_usage(err))
        return err;
    if (err != NACRE_OK)
        return ncr_conn_end(c, err);
    c->question_id = 0;
    c->kex.started = c->now; /* the peer has the whole deadline again */
    if (c->role == NACRE_CLIENT)
        c->born = c->now; /* a person took the time, not the server */
    if (c->question == question)
        c->question = NACRE_EV_NONE;
    return NACRE_OK;
}

/* ---- Small calls ---- */

nacre_err nacre_conn_rekey(struct nacre_conn *c)
{
    nacre_err err;

    if (c->err != NACRE_OK)
        return c->err;
    if (!c->first_kex_done)
        return NACRE_ERR_USAGE;
    c->kex.rekey_wanted = true;
    err = ncr_conn_progress(c);
    return err == NACRE_OK ? err : ncr_conn_end(c, err);
}

static nacre_err conn_send_small(struct nacre_conn *c, struct ncr_out *o)
{
    nacre_err err = ncr_out_end(c, o);

    return err == NACRE_OK || ncr_err_is_usage(err) ? err : ncr_conn_end(c, err);
}

nacre_err nacre_conn_ping(struct nacre_conn *c, const uint8_t *p, size_t n)
{
    const struct nacre_bytes b = {p, n};
    struct ncr_out o;
    nacre_err err;

    if (c->err != NACRE_OK)
        return c->err;
    if (!c->neg.peer_ping || n > NCR_PING_MAX || c->pings == UINT16_MAX)
        return NACRE_ERR_USAGE;
    o = ncr_out_begin(c, NCR_MSG_PING, false);
    ncr_wr_string(&o.w, b);
    err = conn_send_small(c, &o);
    if (err == NACRE_OK)
        c->pings++;
    return err;
}

nacre_err nacre_conn_ignore(struct nacre_conn *c, const uint8_t *p, size_t n)
{
    const struct nacre_bytes b = {p, n};
    struct ncr_out o;

    if (c->err != NACRE_OK)
        return c->err;
    if (n > NCR_IGNORE_MAX || !c->first_kex_done) /* never in a strict first exchange */
        return NACRE_ERR_USAGE;
    o = ncr_out_begin(c, NCR_MSG_IGNORE, false);
    ncr_wr_string(&o.w, b);
    return conn_send_small(c, &o);
}

nacre_err nacre_conn_debug(struct nacre_conn *c, bool display, const char *text)
{
    struct ncr_out o;

    if (c->err != NACRE_OK)
        return c->err;
    if (!c->first_kex_done)
        return NACRE_ERR_USAGE;
    o = ncr_out_begin(c, NCR_MSG_DEBUG, false);
    ncr_wr_bool(&o.w, display);
    ncr_wr_cstring(&o.w, text);
    ncr_wr_cstring(&o.w, "");
    return conn_send_small(c, &o);
}

nacre_err nacre_conn_close(struct nacre_conn *c, uint32_t reason, const char *text)
{
    nacre_err err;

    if (c->err != NACRE_OK)
        return c->err;
    if (strlen(text) > NCR_IGNORE_MAX)
        return NACRE_ERR_USAGE;
    c->msg = 0;
    err = conn_put_disconnect(c, reason, text);
    c->tx.phase = NCR_PH_CLOSED;             /* no second DISCONNECT */
    (void)ncr_conn_end(c, NACRE_ERR_CLOSED); /* asked for: not this call's error */
    return err;
}

const struct nacre_negotiated *nacre_conn_negotiated(const struct nacre_conn *c)
{
    return &c->neg;
}

struct nacre_bytes nacre_conn_session_id(const struct nacre_conn *c)
{
    struct nacre_bytes b = {c->session_id, c->session_id_len};

    return b;
}

struct nacre_bytes nacre_conn_peer_version(const struct nacre_conn *c)
{
    struct nacre_bytes b = {c->ident, c->ident_len};

    return b;
}

/* A certificate's algorithm is taken if its plain one is: OpenSSH announces plain ones alone. */
bool nacre_conn_peer_takes(const struct nacre_conn *c, const char *sig_alg)
{
    const struct nacre_algs *algs = c->cfg.algs != NULL ? c->cfg.algs : &nacre_algs_default;
    const struct ncr_sig *asked = ncr_alg_sig(algs, nacre_bytes_str(sig_alg));
    const struct ncr_sig *row;
    size_t i;

    if (c->peer_sig_mask == 0)
        return true;
    for (i = 0; i < 31 && asked != NULL && (row = ncr_alg_sig_at(algs, i)) != NULL; i++)
        if ((row == asked || row == asked->plain) && (c->peer_sig_mask >> i & 1) != 0)
            return true;
    return false;
}

bool nacre_conn_authenticated(const struct nacre_conn *c)
{
    return c->auth.done;
}

void nacre_conn_traffic(const struct nacre_conn *c, uint64_t *rx, uint64_t *tx)
{
    *rx = c->rx.all_bytes;
    *tx = c->tx.all_bytes;
}
