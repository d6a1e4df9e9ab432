/* SPDX-License-Identifier: ISC
 *
 * Channels, RFC 4254 section 5, and requests on them, section 6: the handlers of what arrives, the
 * application's opens, requests, EOF and CLOSE, and what is owed. Data and windows: chan_data.c.
 *
 * A channel's number is its place in a fixed table; it is free again when both sides have closed.
 * What a channel owes (replies in order, window, EOF, CLOSE) is state, not a queue of messages:
 * ncr_chan_flush() sends it when there is room and no key exchange is under way.
 */
#include "proto/chan.h"

#include <string.h>

struct ncr_chan *ncr_chan_find(const struct nacre_conn *c, uint32_t chan)
{
    struct ncr_chan *ch;

    if (chan >= c->n_chans)
        return NULL;
    ch = &ncr_chans(c)[chan];
    return ch->state == NCR_CHAN_OPEN ? ch : NULL;
}

static uint32_t chan_number(const struct nacre_conn *c, const struct ncr_chan *ch)
{
    return (uint32_t)(ch - ncr_chans(c));
}

uint32_t ncr_question_id(struct nacre_conn *c, uint32_t where)
{
    c->next_id += 1u << NCR_ID_BITS;
    if (c->next_id == 0) /* wrapped: 0 means no question */
        c->next_id = 1u << NCR_ID_BITS;
    return c->next_id | where;
}

nacre_err ncr_unsolicited(struct nacre_conn *c)
{
    c->unsolicited++;
    if (c->unsolicited > NCR_UNSOLICITED_MAX)
        return ncr_fail(c, NACRE_ERR_UNSOLICITED, "reply to no request");
    return NACRE_OK;
}

/* ---- Queues of owed replies ---- */

struct ncr_owed *ncr_owed_add(struct nacre_conn *c, struct ncr_owed *q, uint8_t *n, uint8_t cap)
{
    struct ncr_owed *o;

    if (*n >= cap)
        return NULL;
    o = &q[(*n)++];
    memset(o, 0, sizeof *o);
    if (*n == cap)
        c->full_queues++;
    return o;
}

struct ncr_owed *ncr_owed_find(struct ncr_owed *q, uint8_t n, uint32_t id)
{
    uint8_t i;

    for (i = 0; i < n; i++)
        if (q[i].id == id && q[i].state == NCR_OWED_ASKED)
            return &q[i];
    return NULL;
}

void ncr_owed_pop(struct nacre_conn *c, struct ncr_owed *q, uint8_t *n, uint8_t cap)
{
    if (*n == cap)
        c->full_queues--;
    (*n)--;
    memmove(q, q + 1, *n * sizeof *q);
}

bool ncr_chan_queues_full(const struct nacre_conn *c)
{
    return c->full_queues > 0 && !ncr_phase_in_kex(&c->tx);
}

bool ncr_chan_may_send(struct nacre_conn *c)
{
    return !ncr_phase_in_kex(&c->tx) && c->held_len == 0 &&
           ncr_out_room(c, NCR_CHAN_FLUSH_ROOM) >= NCR_CHAN_FLUSH_ROOM;
}

/* ---- Flush ---- */

static nacre_err chan_flush_replies(struct nacre_conn *c, struct ncr_chan *ch)
{
    nacre_err err = NACRE_OK;

    while (err == NACRE_OK && ch->n_owed > 0 && ch->owed[0].state != NCR_OWED_ASKED &&
           ncr_chan_may_send(c)) {
        err = ncr_out_u32(c,
                          ch->owed[0].state == NCR_OWED_SUCCESS ? NCR_MSG_CHANNEL_SUCCESS
                                                                : NCR_MSG_CHANNEL_FAILURE,
                          true, ch->peer);
        ncr_owed_pop(c, ch->owed, &ch->n_owed, NCR_OWED_CHAN);
    }
    return err;
}

/* The window is given back when a quarter of it is due, or all that is left: few messages, and the
 * peer never waits for one. */
static bool chan_adjust_due(const struct ncr_chan *ch)
{
    return ch->rx_credit > 0 && (ch->flags & NCR_CHAN_RX_EOF) == 0 &&
           (ch->rx_credit >= ch->rx_initial / 4 || ch->rx_window == 0);
}

static nacre_err chan_flush_adjust(struct nacre_conn *c, struct ncr_chan *ch)
{
    struct ncr_out o;

    if (!chan_adjust_due(ch) || !ncr_chan_may_send(c))
        return NACRE_OK;
    o = ncr_out_begin(c, NCR_MSG_CHANNEL_WINDOW_ADJUST, true);
    ncr_wr_u32(&o.w, ch->peer);
    ncr_wr_u32(&o.w, ch->rx_credit);
    ch->rx_window += ch->rx_credit;
    ch->rx_credit = 0;
    return ncr_out_end(c, &o);
}

/* Nothing is owed on a channel that the peer has closed: CLOSE is the reply to all. */
static void chan_drop_owed(struct nacre_conn *c, struct ncr_chan *ch)
{
    if (ch->n_owed == NCR_OWED_CHAN)
        c->full_queues--;
    ch->n_owed = 0;
}

static void chan_free(struct nacre_conn *c, struct ncr_chan *ch)
{
    chan_drop_owed(c, ch);
    memset(ch, 0, sizeof *ch);
}

static nacre_err chan_flush_end(struct nacre_conn *c, struct ncr_chan *ch)
{
    nacre_err err = NACRE_OK;

    if ((ch->flags & NCR_CHAN_OWE_EOF) != 0 && ncr_chan_may_send(c)) {
        ch->flags = (uint8_t)((ch->flags & ~NCR_CHAN_OWE_EOF) | NCR_CHAN_TX_EOF);
        err = ncr_out_u32(c, NCR_MSG_CHANNEL_EOF, true, ch->peer);
    }
    if (err != NACRE_OK || (ch->flags & NCR_CHAN_OWE_CLOSE) == 0 ||
        (ch->flags & NCR_CHAN_OWE_EOF) != 0 || !ncr_chan_may_send(c))
        return err;
    ch->flags = (uint8_t)((ch->flags & ~NCR_CHAN_OWE_CLOSE) | NCR_CHAN_TX_CLOSE);
    err = ncr_out_u32(c, NCR_MSG_CHANNEL_CLOSE, true, ch->peer);
    if (ch->state == NCR_CHAN_CLOSING)
        chan_free(c, ch);
    return err;
}

static bool chan_owes(const struct ncr_chan *ch)
{
    return (ch->n_owed > 0 && ch->owed[0].state != NCR_OWED_ASKED) || chan_adjust_due(ch) ||
           (ch->flags & (NCR_CHAN_OWE_EOF | NCR_CHAN_OWE_CLOSE)) != 0;
}

/* Replies first, the end last: nothing may follow CLOSE. */
nacre_err ncr_chan_flush_one(struct nacre_conn *c, struct ncr_chan *ch)
{
    nacre_err err = NACRE_OK;

    if (ch->state == NCR_CHAN_OPEN && (ch->flags & NCR_CHAN_TX_CLOSE) == 0) {
        err = chan_flush_replies(c, ch);
        if (err == NACRE_OK)
            err = chan_flush_adjust(c, ch);
    }
    if (err == NACRE_OK && ch->state >= NCR_CHAN_OPEN)
        err = chan_flush_end(c, ch);
    if (ch->state >= NCR_CHAN_OPEN && chan_owes(ch))
        c->chans_owe = true;
    return err;
}

nacre_err ncr_chan_flush(struct nacre_conn *c)
{
    nacre_err err = ncr_global_flush(c);
    uint32_t i;

    if (err != NACRE_OK || !c->chans_owe || !ncr_chan_may_send(c))
        return err;
    c->chans_owe = false;
    for (i = 0; i < c->n_chans && err == NACRE_OK; i++)
        err = ncr_chan_flush_one(c, &ncr_chans(c)[i]);
    return err;
}

/* ---- Opening ---- */

static struct ncr_chan *chan_new(struct nacre_conn *c)
{
    struct ncr_chan *ch = ncr_chans(c);
    uint32_t i;

    for (i = 0; i < c->n_chans; i++)
        if (ch[i].state == NCR_CHAN_FREE) {
            memset(&ch[i], 0, sizeof ch[i]);
            ch[i].rx_initial = c->cfg.window;
            ch[i].rx_max = c->cfg.max_packet;
            return &ch[i];
        }
    return NULL;
}

static nacre_err chan_put_failure(struct nacre_conn *c, bool owed, uint32_t peer, uint32_t reason,
                                  const char *text)
{
    struct ncr_out o = ncr_out_begin(c, NCR_MSG_CHANNEL_OPEN_FAILURE, owed);

    ncr_wr_u32(&o.w, peer);
    ncr_wr_u32(&o.w, reason);
    ncr_wr_cstring(&o.w, text);
    ncr_wr_cstring(&o.w, "");
    return ncr_out_end(c, &o);
}

nacre_err ncr_chan_on_open(struct nacre_conn *c, const union ncr_msg *m, struct nacre_event *ev)
{
    const struct ncr_msg_chan_open *q = &m->chan_open;
    struct ncr_chan *ch;

    if (q->max_packet == 0)
        return chan_put_failure(c, true, q->sender, NACRE_OPEN_PROHIBITED, "packet size is zero");
    if (c->no_more_sessions && nacre_bytes_is(q->type, "session"))
        return chan_put_failure(c, true, q->sender, NACRE_OPEN_PROHIBITED, "no more sessions");
    ev->is_tcpip =
        nacre_bytes_is(q->type, "direct-tcpip") || nacre_bytes_is(q->type, "forwarded-tcpip");
    if (ev->is_tcpip && !ncr_msg_get_tcpip(&ev->tcpip, q->data))
        return ncr_fail(c, NACRE_ERR_FORMAT, "malformed addresses of a forwarded channel");
    ch = chan_new(c);
    if (ch == NULL)
        return chan_put_failure(c, true, q->sender, NACRE_OPEN_RESOURCE_SHORTAGE,
                                "too many channels");
    ch->state = NCR_CHAN_ASKED;
    ch->peer = q->sender;
    ch->tx_window = q->window;
    ch->tx_max = q->max_packet;
    ch->id = ncr_question_id(c, NCR_ID_CHAN + chan_number(c, ch));
    ev->type = NACRE_EV_CHAN_OPEN;
    ev->id = ch->id;
    ev->chan = chan_number(c, ch);
    ev->name = q->type;
    ev->data = q->data;
    return NACRE_OK;
}

static nacre_err chan_accept(struct nacre_conn *c, struct ncr_chan *ch,
                             const struct nacre_answer *a)
{
    struct ncr_out o = ncr_out_begin(c, NCR_MSG_CHANNEL_OPEN_CONFIRMATION, false);
    nacre_err err;

    if (a->window != 0)
        ch->rx_initial = a->window;
    ncr_wr_u32(&o.w, ch->peer);
    ncr_wr_u32(&o.w, chan_number(c, ch));
    ncr_wr_u32(&o.w, ch->rx_initial);
    ncr_wr_u32(&o.w, ch->rx_max);
    err = ncr_out_end(c, &o);
    if (err != NACRE_OK)
        return err;
    ch->rx_window = ch->rx_initial;
    ch->state = NCR_CHAN_OPEN;
    ch->id = 0;
    return NACRE_OK;
}

static nacre_err chan_answer_open(struct nacre_conn *c, struct ncr_chan *ch,
                                  const struct nacre_answer *a)
{
    nacre_err err;

    if (a->verdict == NACRE_ACCEPT)
        return chan_accept(c, ch, a);
    if (a->verdict != NACRE_REFUSE)
        return NACRE_ERR_USAGE;
    err = chan_put_failure(c, false, ch->peer, a->reason != 0 ? a->reason : NACRE_OPEN_PROHIBITED,
                           a->text != NULL ? a->text : "");
    if (err == NACRE_OK)
        chan_free(c, ch);
    return err;
}

static nacre_err chan_answer_request(struct nacre_conn *c, struct ncr_chan *ch,
                                     const struct nacre_answer *a)
{
    struct ncr_owed *o = ncr_owed_find(ch->owed, ch->n_owed, a->id);

    if (o == NULL || (a->verdict != NACRE_ACCEPT && a->verdict != NACRE_REFUSE))
        return NACRE_ERR_USAGE;
    o->state = a->verdict == NACRE_ACCEPT ? NCR_OWED_SUCCESS : NCR_OWED_FAILURE;
    if (a->verdict == NACRE_REFUSE && ncr_request_starts((enum nacre_req)o->kind))
        ch->flags = (uint8_t)(ch->flags & ~NCR_CHAN_STARTED);
    return ncr_chan_flush_one(c, ch);
}

nacre_err ncr_chan_answer(struct nacre_conn *c, const struct nacre_answer *a)
{
    const uint32_t where = NCR_ID_WHERE(a->id);
    struct ncr_chan *ch;

    if (where == NCR_ID_GLOBAL)
        return ncr_global_answer(c, a);
    if (where < NCR_ID_CHAN || where - NCR_ID_CHAN >= c->n_chans)
        return NACRE_ERR_USAGE;
    ch = &ncr_chans(c)[where - NCR_ID_CHAN];
    if (ch->state == NCR_CHAN_ASKED && ch->id == a->id)
        return chan_answer_open(c, ch, a);
    return ch->state == NCR_CHAN_OPEN ? chan_answer_request(c, ch, a) : NACRE_ERR_USAGE;
}

/* Our open that waits for a reply. */
static struct ncr_chan *chan_opening(const struct nacre_conn *c, uint32_t chan)
{
    if (chan >= c->n_chans || ncr_chans(c)[chan].state != NCR_CHAN_OPENING)
        return NULL;
    return &ncr_chans(c)[chan];
}

nacre_err ncr_chan_on_confirm(struct nacre_conn *c, const union ncr_msg *m, struct nacre_event *ev)
{
    const struct ncr_msg_chan_confirm *q = &m->chan_confirm;
    struct ncr_chan *ch = chan_opening(c, q->chan);

    if (ch == NULL)
        return ncr_fail(c, NACRE_ERR_CHANNEL_STATE, "confirmation of no open");
    if (q->max_packet == 0)
        return ncr_fail(c, NACRE_ERR_WINDOW, "packet size is zero");
    ch->state = NCR_CHAN_OPEN;
    ch->peer = q->sender;
    ch->tx_window = q->window;
    ch->tx_max = q->max_packet;
    ev->type = NACRE_EV_CHAN_OPENED;
    ev->chan = q->chan;
    if ((ch->flags & NCR_CHAN_OWE_CLOSE) != 0)
        c->chans_owe = true;
    return NACRE_OK;
}

nacre_err ncr_chan_on_fail(struct nacre_conn *c, const union ncr_msg *m, struct nacre_event *ev)
{
    const struct ncr_msg_chan_fail *q = &m->chan_fail;
    struct ncr_chan *ch = chan_opening(c, q->chan);

    if (ch == NULL)
        return ncr_fail(c, NACRE_ERR_CHANNEL_STATE, "failure of no open");
    chan_free(c, ch);
    ev->type = NACRE_EV_CHAN_FAILED;
    ev->chan = q->chan;
    ev->reason = q->reason;
    ev->data = q->text;
    return NACRE_OK;
}

nacre_err nacre_chan_open(struct nacre_conn *c, const char *type, struct nacre_bytes extra,
                          uint32_t *chan)
{
    struct ncr_chan *ch;
    struct ncr_out o;
    nacre_err err;

    if (c->err != NACRE_OK)
        return c->err;
    if (!c->auth.done)
        return NACRE_ERR_USAGE;
    ch = chan_new(c);
    if (ch == NULL)
        return NACRE_ERR_CHANNELS_FULL;
    o = ncr_out_begin(c, NCR_MSG_CHANNEL_OPEN, false);
    ncr_wr_cstring(&o.w, type);
    ncr_wr_u32(&o.w, chan_number(c, ch));
    ncr_wr_u32(&o.w, ch->rx_initial);
    ncr_wr_u32(&o.w, ch->rx_max);
    ncr_wr_bytes(&o.w, extra.p, extra.n);
    err = ncr_out_end(c, &o);
    if (err != NACRE_OK)
        return err;
    ch->state = NCR_CHAN_OPENING;
    ch->rx_window = ch->rx_initial;
    *chan = chan_number(c, ch);
    return NACRE_OK;
}

nacre_err nacre_chan_open_tcpip(struct nacre_conn *c, const char *type, const struct nacre_tcpip *t,
                                uint32_t *chan)
{
    uint8_t extra[2 * (4 + NCR_HOST_MAX) + 8];
    struct ncr_wr w = ncr_wr(extra, sizeof extra);

    ncr_msg_put_tcpip(&w, t);
    return w.bad ? NACRE_ERR_USAGE : nacre_chan_open(c, type, ncr_wr_done(&w), chan);
}

/* ---- Requests ---- */

/* Requests that only a client sends: a server that asks them of us is refused. */
static bool chan_request_wrong_way(const struct nacre_conn *c, enum nacre_req kind)
{
    return c->role == NACRE_CLIENT &&
           (ncr_request_starts(kind) || kind == NACRE_REQ_PTY || kind == NACRE_REQ_ENV ||
            kind == NACRE_REQ_WINDOW_CHANGE || kind == NACRE_REQ_SIGNAL || kind == NACRE_REQ_BREAK);
}

/* Requests that the engine refuses by itself: the wrong way round, a second program on a channel
 * (RFC 4254 6.5), and keepalives, for which any reply will do. */
static bool chan_request_refused(const struct nacre_conn *c, const struct ncr_chan *ch,
                                 enum nacre_req kind)
{
    return chan_request_wrong_way(c, kind) || kind == NACRE_REQ_KEEPALIVE ||
           (ncr_request_starts(kind) && (ch->flags & NCR_CHAN_STARTED) != 0);
}

static nacre_err chan_owe(struct nacre_conn *c, struct ncr_chan *ch, const struct nacre_event *ev,
                          bool refused)
{
    struct ncr_owed *o = ncr_owed_add(c, ch->owed, &ch->n_owed, NCR_OWED_CHAN);

    if (o == NULL)
        return ncr_fail(c, NACRE_ERR_HELD_FULL, "peer asks on during a key exchange");
    o->kind = (uint8_t)ev->request.kind;
    o->id = ev->id;
    o->state = refused ? NCR_OWED_FAILURE : NCR_OWED_ASKED;
    return refused ? ncr_chan_flush_one(c, ch) : NACRE_OK;
}

nacre_err ncr_chan_on_request(struct nacre_conn *c, const union ncr_msg *m, struct nacre_event *ev)
{
    const struct ncr_msg_chan_request *q = &m->chan_request;
    struct ncr_chan *ch = ncr_chan_find(c, q->chan);
    bool refused;

    if (ch == NULL)
        return ncr_fail(c, NACRE_ERR_CHANNEL_STATE, "request on no open channel");
    if (!ncr_request_get(&ev->request, q->name, q->data))
        return ncr_fail(c, NACRE_ERR_FORMAT, "malformed channel request");
    if ((ch->flags & (NCR_CHAN_TX_CLOSE | NCR_CHAN_OWE_CLOSE)) != 0)
        return NACRE_OK; /* our CLOSE is the answer */
    refused = chan_request_refused(c, ch, ev->request.kind) || !ncr_request_within(&ev->request);
    if (!refused && ncr_request_starts(ev->request.kind))
        ch->flags |= NCR_CHAN_STARTED;
    if (q->want_reply) {
        nacre_err err;

        ev->id = refused ? 0 : ncr_question_id(c, NCR_ID_CHAN + q->chan);
        err = chan_owe(c, ch, ev, refused);
        if (err != NACRE_OK)
            return err;
    }
    if (refused)
        return NACRE_OK;
    ev->type = NACRE_EV_CHAN_REQUEST;
    ev->chan = q->chan;
    ev->want_reply = q->want_reply;
    return NACRE_OK;
}

nacre_err ncr_chan_on_reply(struct nacre_conn *c, const union ncr_msg *m, bool success,
                            struct nacre_event *ev)
{
    struct ncr_chan *ch = ncr_chan_find(c, m->chan.chan);

    if (ch == NULL)
        return ncr_fail(c, NACRE_ERR_CHANNEL_STATE, "reply on no open channel");
    if (ch->n_sent == 0)
        return ncr_unsolicited(c);
    ev->type = NACRE_EV_CHAN_REPLY;
    ev->chan = m->chan.chan;
    ev->accepted = success;
    ev->request.kind = (enum nacre_req)ch->sent[0];
    ch->n_sent--;
    memmove(ch->sent, ch->sent + 1, ch->n_sent);
    return NACRE_OK;
}

nacre_err nacre_chan_request(struct nacre_conn *c, uint32_t chan, const struct nacre_request *r,
                             bool want_reply)
{
    struct ncr_chan *ch = ncr_chan_find(c, chan);
    struct ncr_out o;
    nacre_err err;

    if (c->err != NACRE_OK)
        return c->err;
    if (ch == NULL)
        return NACRE_ERR_NO_CHANNEL;
    if ((ch->flags & (NCR_CHAN_TX_CLOSE | NCR_CHAN_OWE_CLOSE)) != 0)
        return NACRE_ERR_USAGE;
    if (want_reply && ch->n_sent >= NCR_OWED_CHAN)
        return NACRE_ERR_NO_ROOM;
    o = ncr_out_begin(c, NCR_MSG_CHANNEL_REQUEST, false);
    ncr_wr_u32(&o.w, ch->peer);
    ncr_wr_string(&o.w, ncr_request_name(r));
    ncr_wr_bool(&o.w, want_reply);
    ncr_request_put(&o.w, r);
    err = ncr_out_end(c, &o);
    if (err == NACRE_OK && want_reply)
        ch->sent[ch->n_sent++] = (uint8_t)r->kind;
    return err;
}

/* ---- End ---- */

nacre_err ncr_chan_on_eof(struct nacre_conn *c, const union ncr_msg *m, struct nacre_event *ev)
{
    struct ncr_chan *ch = ncr_chan_find(c, m->chan.chan);

    if (ch == NULL || (ch->flags & NCR_CHAN_RX_EOF) != 0)
        return ncr_fail(c, NACRE_ERR_CHANNEL_STATE, "EOF on no open channel, or twice");
    ch->flags |= NCR_CHAN_RX_EOF;
    if ((ch->flags & (NCR_CHAN_TX_CLOSE | NCR_CHAN_OWE_CLOSE)) != 0)
        return NACRE_OK;
    ev->type = NACRE_EV_CHAN_EOF;
    ev->chan = m->chan.chan;
    return NACRE_OK;
}

/* CLOSE is always answered (RFC 4254 5.3); with ours on its way already, the channel is free. */
nacre_err ncr_chan_on_close(struct nacre_conn *c, const union ncr_msg *m, struct nacre_event *ev)
{
    struct ncr_chan *ch = ncr_chan_find(c, m->chan.chan);

    if (ch == NULL)
        return ncr_fail(c, NACRE_ERR_CHANNEL_STATE, "CLOSE on no open channel");
    ev->type = NACRE_EV_CHAN_CLOSED;
    ev->chan = m->chan.chan;
    if ((ch->flags & NCR_CHAN_TX_CLOSE) != 0) {
        chan_free(c, ch);
        return NACRE_OK;
    }
    ch->state = NCR_CHAN_CLOSING;
    ch->flags = NCR_CHAN_OWE_CLOSE;
    ch->rx_credit = 0;
    chan_drop_owed(c, ch);
    return ncr_chan_flush_one(c, ch);
}

nacre_err nacre_chan_eof(struct nacre_conn *c, uint32_t chan)
{
    struct ncr_chan *ch = ncr_chan_find(c, chan);

    if (c->err != NACRE_OK)
        return c->err;
    if (ch == NULL)
        return NACRE_ERR_NO_CHANNEL;
    if ((ch->flags &
         (NCR_CHAN_TX_EOF | NCR_CHAN_OWE_EOF | NCR_CHAN_TX_CLOSE | NCR_CHAN_OWE_CLOSE)) == 0)
        ch->flags |= NCR_CHAN_OWE_EOF;
    return ncr_chan_flush_one(c, ch);
}

/* What the application has not answered is refused: its replies go before the CLOSE. */
static void chan_refuse_open(struct ncr_chan *ch)
{
    uint8_t i;

    for (i = 0; i < ch->n_owed; i++)
        if (ch->owed[i].state == NCR_OWED_ASKED)
            ch->owed[i].state = NCR_OWED_FAILURE;
}

nacre_err nacre_chan_close(struct nacre_conn *c, uint32_t chan)
{
    struct ncr_chan *ch;

    if (c->err != NACRE_OK)
        return c->err;
    if (chan >= c->n_chans)
        return NACRE_ERR_NO_CHANNEL;
    ch = &ncr_chans(c)[chan];
    if (ch->state != NCR_CHAN_OPEN && ch->state != NCR_CHAN_OPENING)
        return NACRE_ERR_NO_CHANNEL;
    if ((ch->flags & NCR_CHAN_TX_CLOSE) == 0)
        ch->flags |= NCR_CHAN_OWE_CLOSE;
    chan_refuse_open(ch);
    return ncr_chan_flush_one(c, ch);
}
