/* SPDX-License-Identifier: ISC
 *
 * The connection: init, bytes in and out, the receive path, questions, time, errors. This file
 * alone sees all the others.
 *
 * The receive path is always the same: open and verify the packet (pkt.c), look up its number, may
 * this role send it in this phase (phase.c), decode it whole (msg.c), hand it to its handler, move
 * the phase. At most one packet and one event for each nacre_conn_next(). The first error ends the
 * connection: DISCONNECT is sent if the error has a reason, secrets are wiped, and every later call
 * gives the error again.
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

/* ---- Init ---- */

/* Largest packet_length that the in-buffer and the profile take. */
static uint32_t conn_packet_max(const struct nacre_conn *c)
{
    uint32_t max = c->in_cap > NACRE_BUF_STANDARD ? NCR_PACKET_MAX_BULK : NCR_PACKET_MAX;
    const uint32_t fits = c->in_cap - NCR_IN_SPARE;

    return max < fits ? max : fits;
}

static void conn_defaults(struct nacre_conn *c)
{
    const uint32_t fits = conn_packet_max(c) - NCR_CHAN_PACKET_SPARE;

    if (c->cfg.window == 0)
        c->cfg.window = NCR_WINDOW;
    if (c->cfg.max_packet == 0)
        c->cfg.max_packet = NCR_CHAN_PACKET;
    if (c->cfg.max_packet > fits)
        c->cfg.max_packet = fits;
    if (c->comp_len > 0 && c->cfg.max_packet > NCR_COMP_PAYLOAD_MAX - NCR_CHAN_PACKET_SPARE)
        c->cfg.max_packet = NCR_COMP_PAYLOAD_MAX - NCR_CHAN_PACKET_SPARE;
}

/* One of the list's rows compresses. */
static bool conn_list_compresses(const struct ncr_alg_list *l)
{
    const struct ncr_comp *row;
    size_t i;

    for (i = 0; (row = ncr_alg_comp_at(l->algs, i)) != NULL; i++)
        if (row->start != NULL && ncr_alg_list_has(l, nacre_bytes_str(row->name)))
            return true;
    return false;
}

size_t nacre_conn_comp_mem(const struct nacre_conn_cfg *cfg)
{
    struct ncr_alg_list l = {cfg->algs != NULL ? cfg->algs : &nacre_algs_default, NACRE_ALG_COMP,
                             cfg->profile, NULL};
    int dir;

    for (dir = 0; dir < 2; dir++) {
        l.spec = cfg->comps_dir[dir] != NULL ? cfg->comps_dir[dir] : cfg->comps;
        if (conn_list_compresses(&l))
            return NACRE_COMP_MEM;
    }
    return 0;
}

static nacre_err conn_layout(struct nacre_conn *c, void *mem, size_t len, uint32_t channels)
{
    const size_t comp = nacre_conn_comp_mem(&c->cfg);
    const size_t fixed =
        comp + NCR_SCRATCH_LEN + NCR_HELD_LEN + (size_t)channels * sizeof(struct ncr_chan);
    size_t half;

    if (channels > NCR_CHANNELS_MAX || (uintptr_t)mem % sizeof(uint64_t) != 0)
        return NACRE_ERR_REGION;
    if (len < fixed || len - fixed < 2 * (size_t)NACRE_BUF_SMALL)
        return NACRE_ERR_REGION;
    half = (len - fixed) / 2;
    if (half > (size_t)1 << 28)
        half = (size_t)1 << 28;
    c->mem_off = (intptr_t)((uintptr_t)mem - (uintptr_t)c);
    c->mem_len = len;
    c->comp_len = (uint32_t)comp;
    c->n_chans = channels;
    c->in_cap = (uint32_t)half;
    c->out_cap = (uint32_t)half;
    memset(ncr_chans(c), 0, channels * sizeof(struct ncr_chan));
    return NACRE_OK;
}

_Static_assert(NCR_HOST_KEY_MAX == NACRE_HOST_KEY_MAX, "one limit, two names");

static nacre_err conn_check_cfg(const struct nacre_conn *c)
{
    size_t i;

    if (c->cfg.work == NULL)
        return NACRE_ERR_USAGE;
    if (c->cfg.banner != NULL && strlen(c->cfg.banner) > NCR_BANNER_MAX)
        return NACRE_ERR_USAGE;
    if (c->cfg.banner != NULL && strlen(c->cfg.banner) > c->out_cap - ncr_out_reserve(c) - 256)
        return NACRE_ERR_USAGE;
    for (i = 0; i < c->cfg.n_host_keys; i++)
        if (c->cfg.host_keys[i].n >
            (ncr_out_reserve(c) < NCR_OUT_RESERVE ? NCR_HOST_KEY_MAX_SMALL : NCR_HOST_KEY_MAX))
            return NACRE_ERR_USAGE;
    return ncr_kexinit_check_cfg(c);
}

nacre_err ncr_conn_settle(struct nacre_conn *c)
{
    conn_defaults(c);
    return conn_check_cfg(c);
}

nacre_err nacre_conn_init(struct nacre_conn *c, enum nacre_role role,
                          const struct nacre_conn_cfg *cfg, const struct nacre_rng *rng, void *mem,
                          size_t len, uint32_t channels)
{
    nacre_err err;

    memset(c, 0, sizeof *c);
    c->role = role;
    c->cfg = *cfg;
    c->rng = *rng;
    err = conn_layout(c, mem, len, channels);
    if (err != NACRE_OK)
        return err;
    err = ncr_conn_settle(c);
    if (err != NACRE_OK)
        return err;
    if (!nacre_rng_fill(&c->rng, c->pad_key, sizeof c->pad_key))
        return NACRE_ERR_RNG;
    err = ncr_version_send(c);
    if (err == NACRE_OK)
        err = ncr_kexinit_send(c);
    return err;
}

void nacre_conn_wipe(struct nacre_conn *c)
{
    if (c->mem_len > 0)
        nacre_wipe(ncr_region(c), c->mem_len);
    nacre_wipe(c, sizeof *c);
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

/* ---- Handlers of transport messages ---- */

static nacre_err conn_on_disconnect(struct nacre_conn *c, const union ncr_msg *m,
                                    struct nacre_event *ev)
{
    struct nacre_bytes text = m->disconnect.text;

    if (text.n > NCR_SCRATCH_AUTH_LEN)
        text.n = NCR_SCRATCH_AUTH_LEN;
    if (text.n > 0)
        memcpy(ncr_scratch(c, NCR_SCRATCH_AUTH), text.p, text.n);
    c->peer_text_len = (uint32_t)text.n;
    c->peer_reason = m->disconnect.reason;
    ev->type = NACRE_EV_DISCONNECT;
    ev->reason = m->disconnect.reason;
    ev->data = text;
    (void)ncr_conn_end(c,
                       NACRE_ERR_PEER_DISCONNECT); /* told by the event; the next call gives it */
    return NACRE_OK;
}

static nacre_err conn_on_nothing(struct nacre_conn *c, const union ncr_msg *m,
                                 struct nacre_event *ev)
{
    (void)c; /* IGNORE and UNIMPLEMENTED need no action */
    (void)m;
    (void)ev;
    return NACRE_OK;
}

static nacre_err conn_on_debug(struct nacre_conn *c, const union ncr_msg *m, struct nacre_event *ev)
{
    (void)c; /* nothing to keep */
    ev->type = NACRE_EV_DEBUG;
    ev->accepted = m->debug.display;
    ev->data = m->debug.text;
    return NACRE_OK;
}

static nacre_err conn_on_ping(struct nacre_conn *c, const union ncr_msg *m, struct nacre_event *ev)
{
    struct ncr_out o;

    (void)ev; /* answered inside */
    if (m->bytes.n > NCR_PING_MAX)
        return ncr_fail(c, NACRE_ERR_LIMIT, "ping too long");
    o = ncr_out_begin(c, NCR_MSG_PONG, true);
    ncr_wr_string(&o.w, m->bytes);
    return ncr_out_end(c, &o);
}

static nacre_err conn_on_pong(struct nacre_conn *c, const union ncr_msg *m, struct nacre_event *ev)
{
    if (c->pings == 0)
        return ncr_unsolicited(c);
    c->pings--;
    ev->type = NACRE_EV_PONG;
    ev->data = m->bytes;
    return NACRE_OK;
}

static nacre_err conn_on_newkeys(struct nacre_conn *c, const union ncr_msg *m,
                                 struct nacre_event *ev)
{
    (void)m; /* no fields */
    ev->type = NACRE_EV_KEX_DONE;
    return ncr_kex_on_newkeys(c);
}

static nacre_err conn_on_ext_info(struct nacre_conn *c, const union ncr_msg *m,
                                  struct nacre_event *ev)
{
    ev->type = NACRE_EV_EXT_INFO;
    return ncr_kex_on_ext_info(c, m);
}

static nacre_err conn_on_kex_init(struct nacre_conn *c, const union ncr_msg *m,
                                  struct nacre_event *ev)
{
    (void)ev; /* the SIGN question is told before the next packet */
    return ncr_kex_on_init(c, m);
}

static nacre_err conn_on_kex_reply(struct nacre_conn *c, const union ncr_msg *m,
                                   struct nacre_event *ev)
{
    return c->kex.row->gex != NULL ? c->kex.row->gex->on_group(c, m) : ncr_kex_on_reply(c, m, ev);
}

static nacre_err conn_on_gex_request(struct nacre_conn *c, const union ncr_msg *m,
                                     struct nacre_event *ev)
{
    (void)ev; /* answered inside */
    return c->kex.row->gex->on_request(c, m);
}

/* ---- Handlers with other shapes, brought to one ---- */

static nacre_err conn_on_service_request(struct nacre_conn *c, const union ncr_msg *m,
                                         struct nacre_event *ev)
{
    (void)ev; /* answered inside */
    return ncr_auth_on_service_request(c, m);
}

static nacre_err conn_on_success(struct nacre_conn *c, const union ncr_msg *m,
                                 struct nacre_event *ev)
{
    nacre_err err = ncr_auth_on_success(c, ev);

    (void)m; /* no fields */
    if (err == NACRE_OK)
        ncr_buf_success(c);
    return err;
}

static nacre_err conn_on_data(struct nacre_conn *c, const union ncr_msg *m, struct nacre_event *ev)
{
    return ncr_chan_on_data(c, m, false, ev);
}

static nacre_err conn_on_ext_data(struct nacre_conn *c, const union ncr_msg *m,
                                  struct nacre_event *ev)
{
    return ncr_chan_on_data(c, m, true, ev);
}

static nacre_err conn_on_chan_success(struct nacre_conn *c, const union ncr_msg *m,
                                      struct nacre_event *ev)
{
    return ncr_chan_on_reply(c, m, true, ev);
}

static nacre_err conn_on_chan_failure(struct nacre_conn *c, const union ncr_msg *m,
                                      struct nacre_event *ev)
{
    return ncr_chan_on_reply(c, m, false, ev);
}

static nacre_err conn_on_req_success(struct nacre_conn *c, const union ncr_msg *m,
                                     struct nacre_event *ev)
{
    return ncr_global_on_reply(c, m->bytes, true, ev);
}

static nacre_err conn_on_req_failure(struct nacre_conn *c, const union ncr_msg *m,
                                     struct nacre_event *ev)
{
    const struct nacre_bytes none = {NULL, 0};

    (void)m; /* no fields */
    return ncr_global_on_reply(c, none, false, ev);
}

static const struct {
    uint8_t number;
    nacre_err (*handle)(struct nacre_conn *, const union ncr_msg *, struct nacre_event *);
} conn_handlers[] = {
    {NCR_MSG_DISCONNECT, conn_on_disconnect},
    {NCR_MSG_IGNORE, conn_on_nothing},
    {NCR_MSG_UNIMPLEMENTED, conn_on_nothing},
    {NCR_MSG_DEBUG, conn_on_debug},
    {NCR_MSG_SERVICE_REQUEST, conn_on_service_request},
    {NCR_MSG_SERVICE_ACCEPT, ncr_auth_on_service_accept},
    {NCR_MSG_EXT_INFO, conn_on_ext_info},
    {NCR_MSG_NEWKEYS, conn_on_newkeys},
    {NCR_MSG_KEX_INIT, conn_on_kex_init},
    {NCR_MSG_KEX_REPLY, conn_on_kex_reply},
    {NCR_MSG_GEX_REQUEST, conn_on_gex_request},
    {NCR_MSG_GEX_INIT, conn_on_kex_init},
    {NCR_MSG_GEX_REPLY, ncr_kex_on_reply},
    {NCR_MSG_USERAUTH_REQUEST, ncr_auth_on_request},
    {NCR_MSG_USERAUTH_FAILURE, ncr_auth_on_failure},
    {NCR_MSG_USERAUTH_SUCCESS, conn_on_success},
    {NCR_MSG_USERAUTH_BANNER, ncr_auth_on_banner},
    {NCR_MSG_USERAUTH_60, ncr_auth_on_60},
    {NCR_MSG_USERAUTH_61, ncr_auth_on_info_response},
    {NCR_MSG_GLOBAL_REQUEST, ncr_global_on_request},
    {NCR_MSG_REQUEST_SUCCESS, conn_on_req_success},
    {NCR_MSG_REQUEST_FAILURE, conn_on_req_failure},
    {NCR_MSG_CHANNEL_OPEN, ncr_chan_on_open},
    {NCR_MSG_CHANNEL_OPEN_CONFIRMATION, ncr_chan_on_confirm},
    {NCR_MSG_CHANNEL_OPEN_FAILURE, ncr_chan_on_fail},
    {NCR_MSG_CHANNEL_WINDOW_ADJUST, ncr_chan_on_adjust},
    {NCR_MSG_CHANNEL_DATA, conn_on_data},
    {NCR_MSG_CHANNEL_EXTENDED_DATA, conn_on_ext_data},
    {NCR_MSG_CHANNEL_EOF, ncr_chan_on_eof},
    {NCR_MSG_CHANNEL_CLOSE, ncr_chan_on_close},
    {NCR_MSG_CHANNEL_REQUEST, ncr_chan_on_request},
    {NCR_MSG_CHANNEL_SUCCESS, conn_on_chan_success},
    {NCR_MSG_CHANNEL_FAILURE, conn_on_chan_failure},
    {NCR_MSG_PING, conn_on_ping},
    {NCR_MSG_PONG, conn_on_pong},
};

/* ---- Receive path ---- */

static nacre_err conn_handle(struct nacre_conn *c, uint8_t number, const union ncr_msg *m,
                             struct nacre_bytes payload, struct nacre_event *ev)
{
    size_t i;

    if (number == NCR_MSG_KEXINIT) /* the one message that is hashed whole */
        return ncr_kex_on_kexinit(c, m, payload);
    for (i = 0; i < sizeof conn_handlers / sizeof conn_handlers[0]; i++)
        if (conn_handlers[i].number == number)
            return conn_handlers[i].handle(c, m, ev);
    return ncr_fail(c, NACRE_ERR_INTERNAL, "message without a handler");
}

static enum nacre_role conn_peer(const struct nacre_conn *c)
{
    return c->role == NACRE_CLIENT ? NACRE_SERVER : NACRE_CLIENT;
}

static nacre_err conn_check_order(struct nacre_conn *c, uint8_t number, bool *unknown)
{
    const bool strict = c->neg.strict && !c->first_kex_done;

    *unknown = false;
    switch (ncr_phase_allows(number, conn_peer(c), (enum ncr_phase)c->rx.phase, strict,
                             ncr_method_active(c, number))) {
    case NCR_ALLOW:
        break;
    case NCR_UNKNOWN:
        *unknown = true;
        return NACRE_OK;
    case NCR_DENY_STRICT:
        return ncr_fail(c, NACRE_ERR_STRICT_KEX, "");
    case NCR_DENY_ORDER:
    default:
        return ncr_fail(c, NACRE_ERR_ORDER, "");
    }
    if (!ncr_phase_rx_extra(c, number))
        return ncr_fail(c, number == NCR_MSG_KEXINIT ? NACRE_ERR_STRICT_KEX : NACRE_ERR_ORDER,
                        number == NCR_MSG_KEXINIT ? "KEXINIT was not the first packet"
                                                  : "EXT_INFO in the wrong place");
    return NACRE_OK;
}

/* Strict mode is known only once KEXINIT has been read: the rule that it is the first packet is
 * checked then. */
static nacre_err conn_check_strict(struct nacre_conn *c, uint8_t number)
{
    if (ncr_phase_rx_extra(c, number) || number != NCR_MSG_KEXINIT)
        return NACRE_OK;
    return ncr_fail(c, NACRE_ERR_STRICT_KEX, "KEXINIT was not the first packet");
}

/* A wrong guess is the one packet that is dropped undecoded (RFC 4253 7). */
static bool conn_drop_guess(struct nacre_conn *c, uint8_t number)
{
    if (!c->kex.drop_guess || number < 30 || number > 49)
        return false;
    c->kex.drop_guess = false;
    return true;
}

static nacre_err conn_dispatch(struct nacre_conn *c, struct nacre_bytes payload,
                               struct nacre_event *ev)
{
    const uint8_t number = payload.p[0];
    const struct nacre_bytes body = {payload.p + 1, payload.n - 1};
    const struct ncr_rule *rule;
    union ncr_msg m;
    bool unknown;
    nacre_err err;

    c->msg = number;
    if (c->cfg.trace != NULL)
        c->cfg.trace(c->cfg.trace_ctx, 'r', c->rx.seq - 1, payload.p, payload.n);
    if (conn_drop_guess(c, number))
        return NACRE_OK;
    err = conn_check_order(c, number, &unknown);
    if (err != NACRE_OK)
        return err;
    if (unknown)
        return ncr_out_u32(c, NCR_MSG_UNIMPLEMENTED, true, c->rx.seq - 1);
    if (number >= NCR_MSG_USERAUTH_REQUEST)
        c->app_packets++;
    rule = ncr_rule_find(number, ncr_method_active(c, number));
    if (!rule->decode(&m, body))
        return ncr_fail(c, NACRE_ERR_FORMAT, "message does not decode");
    err = conn_handle(c, number, &m, payload, ev);
    if (err == NACRE_OK)
        err = conn_check_strict(c, number);
    if (err == NACRE_OK && c->err == NACRE_OK)
        ncr_phase_step(c, conn_peer(c), number);
    return err;
}

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
                                 conn_packet_max(c), &used, &payload);

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
        err = conn_dispatch(c, payload, ev);
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
