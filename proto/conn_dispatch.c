/* SPDX-License-Identifier: ISC
 *
 * One payload on its way through the receive path: look up its number, may this role send it in
 * this phase (phase.c), decode it whole (msg.c), hand it to its handler, move the phase. The table
 * of handlers is all that ties message numbers to the layers; handlers never look at the phase.
 */
#include <string.h>

#include "proto/auth.h"
#include "proto/chan.h"
#include "proto/conn.h"
#include "proto/err.h"
#include "proto/kex.h"

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

nacre_err ncr_conn_dispatch(struct nacre_conn *c, struct nacre_bytes payload,
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
