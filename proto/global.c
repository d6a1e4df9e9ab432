/* SPDX-License-Identifier: ISC
 *
 * Global requests, RFC 4254 section 4: replies in the order of the requests, both ways; the port of
 * a tcpip-forward (7.1); keepalives, received and sent; no-more-sessions@openssh.com.
 */
#include "proto/chan.h"

#include <string.h>

/* Kind of our own keepalive in the queue of sent requests: its reply is not told. */
#define GLOBAL_OWN_KEEPALIVE 0xff

nacre_err ncr_global_flush(struct nacre_conn *c)
{
    nacre_err err = NACRE_OK;

    while (err == NACRE_OK && c->n_owed > 0 && c->owed[0].state != NCR_OWED_ASKED &&
           ncr_chan_may_send(c)) {
        const bool success = c->owed[0].state == NCR_OWED_SUCCESS;
        struct ncr_out o =
            ncr_out_begin(c, success ? NCR_MSG_REQUEST_SUCCESS : NCR_MSG_REQUEST_FAILURE, true);

        if (success && c->owed[0].give_port)
            ncr_wr_u32(&o.w, c->owed[0].port);
        err = ncr_out_end(c, &o);
        ncr_owed_pop(c, c->owed, &c->n_owed, NCR_OWED_GLOBAL);
    }
    return err;
}

/* A reply with data has no place in the queue: it is sent at once, if it is the oldest. */
static nacre_err global_answer_data(struct nacre_conn *c, const struct ncr_owed *q,
                                    const struct nacre_answer *a)
{
    struct ncr_out o;
    nacre_err err;

    if (q != &c->owed[0])
        return NACRE_ERR_NO_ROOM; /* again when the older ones are answered */
    o = ncr_out_begin(c, NCR_MSG_REQUEST_SUCCESS, false);
    ncr_wr_bytes(&o.w, a->data.p, a->data.n);
    err = ncr_out_end(c, &o);
    if (err == NACRE_OK)
        ncr_owed_pop(c, c->owed, &c->n_owed, NCR_OWED_GLOBAL);
    return err == NACRE_OK ? ncr_global_flush(c) : err;
}

nacre_err ncr_global_answer(struct nacre_conn *c, const struct nacre_answer *a)
{
    struct ncr_owed *q = ncr_owed_find(c->owed, c->n_owed, a->id);

    if (q == NULL || (a->verdict != NACRE_ACCEPT && a->verdict != NACRE_REFUSE))
        return NACRE_ERR_USAGE;
    if (a->verdict == NACRE_ACCEPT && a->data.n > 0)
        return global_answer_data(c, q, a);
    q->state = a->verdict == NACRE_ACCEPT ? NCR_OWED_SUCCESS : NCR_OWED_FAILURE;
    q->port = a->port;
    return ncr_global_flush(c);
}

/* Requests that the engine answers by itself; false: the application decides. */
static bool global_settled(struct nacre_conn *c, const struct nacre_global *g, uint8_t *state)
{
    if (g->kind == NACRE_GLOBAL_KEEPALIVE) {
        *state = NCR_OWED_FAILURE; /* any reply shows life */
        return true;
    }
    if (g->kind == NACRE_GLOBAL_NO_MORE_SESSIONS) {
        c->no_more_sessions = c->role == NACRE_SERVER;
        *state = NCR_OWED_SUCCESS;
        return true;
    }
    return false;
}

nacre_err ncr_global_on_request(struct nacre_conn *c, const union ncr_msg *m,
                                struct nacre_event *ev)
{
    const struct ncr_msg_global *q = &m->global;
    struct ncr_owed *o;
    uint8_t state = NCR_OWED_ASKED;
    const bool valid = ncr_global_get(&ev->global, q->name, q->data);
    bool settled;

    if (!valid)
        return ncr_fail(c, NACRE_ERR_FORMAT, "malformed global request");
    settled = global_settled(c, &ev->global, &state);
    if (q->want_reply) {
        o = ncr_owed_add(c, c->owed, &c->n_owed, NCR_OWED_GLOBAL);
        if (o == NULL)
            return ncr_fail(c, NACRE_ERR_HELD_FULL, "peer asks on during a key exchange");
        o->state = state;
        /* RFC 4254 7.1: the port is told only if 0 was asked for */
        o->give_port = ev->global.kind == NACRE_GLOBAL_TCPIP_FORWARD && ev->global.port == 0;
        o->id = settled ? 0 : ncr_question_id(c, NCR_ID_GLOBAL);
        ev->id = o->id;
    }
    if (settled)
        return ncr_global_flush(c);
    ev->type = NACRE_EV_GLOBAL;
    ev->want_reply = q->want_reply;
    return NACRE_OK;
}

nacre_err ncr_global_on_reply(struct nacre_conn *c, struct nacre_bytes data, bool success,
                              struct nacre_event *ev)
{
    struct ncr_rd r = ncr_rd(data);
    uint8_t kind;

    if (c->n_sent == 0)
        return ncr_unsolicited(c);
    kind = c->sent[0];
    c->n_sent--;
    memmove(c->sent, c->sent + 1, c->n_sent);
    if (kind == GLOBAL_OWN_KEEPALIVE)
        return NACRE_OK;
    ev->type = NACRE_EV_GLOBAL_REPLY;
    ev->accepted = success;
    ev->global.kind = (enum nacre_global_kind)kind;
    ev->data = data;
    if (success && kind == NACRE_GLOBAL_TCPIP_FORWARD && data.n >= 4)
        ev->port = ncr_rd_u32(&r);
    return NACRE_OK;
}

static nacre_err global_send(struct nacre_conn *c, const struct nacre_global *g, bool want_reply,
                             uint8_t kind)
{
    struct ncr_out o;
    nacre_err err;

    if (want_reply && c->n_sent >= NCR_SENT_GLOBAL)
        return NACRE_ERR_NO_ROOM;
    o = ncr_out_begin(c, NCR_MSG_GLOBAL_REQUEST, false);
    ncr_wr_string(&o.w, ncr_global_name(g));
    ncr_wr_bool(&o.w, want_reply);
    ncr_global_put(&o.w, g);
    err = ncr_out_end(c, &o);
    if (err == NACRE_OK && want_reply)
        c->sent[c->n_sent++] = kind;
    return err;
}

nacre_err nacre_global_request(struct nacre_conn *c, const struct nacre_global *g, bool want_reply)
{
    if (c->err != NACRE_OK)
        return c->err;
    return global_send(c, g, want_reply, (uint8_t)g->kind);
}

nacre_err ncr_global_keepalive(struct nacre_conn *c)
{
    struct nacre_global g;

    memset(&g, 0, sizeof g);
    g.kind = NACRE_GLOBAL_KEEPALIVE;
    return global_send(c, &g, true, GLOBAL_OWN_KEEPALIVE);
}
