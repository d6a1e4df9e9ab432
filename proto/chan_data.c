/* SPDX-License-Identifier: ISC
 *
 * Channel data and windows, RFC 4254 section 5.2.
 *
 * Received data is never stored: the event is a slice of the in-buffer, and the application gives
 * the window back when it is done. Data to send is written where it will be encrypted: reserve
 * hands out the payload's place in the out-buffer, commit frames and seals it there.
 */
#include "proto/chan.h"

#include <string.h>

/* Payload bytes before the data: number, recipient, length; for stderr also the type. */
#define CHAN_DATA_HEAD 9
#define CHAN_EXT_DATA_HEAD 13
/* A packet shorter than this is not begun while output waits: the rest of the buffer is worth more
 * as one large packet after the next write. */
#define CHAN_WORTHWHILE 4096

static bool chan_may_write(const struct ncr_chan *ch)
{
    return (ch->flags &
            (NCR_CHAN_TX_EOF | NCR_CHAN_OWE_EOF | NCR_CHAN_TX_CLOSE | NCR_CHAN_OWE_CLOSE)) == 0;
}

/* ---- Receiving ---- */

nacre_err ncr_chan_on_adjust(struct nacre_conn *c, const union ncr_msg *m, struct nacre_event *ev)
{
    struct ncr_chan *ch = ncr_chan_find(c, m->chan.chan);

    if (ch == NULL)
        return ncr_fail(c, NACRE_ERR_CHANNEL_STATE, "window of no open channel");
    if (m->chan.n > UINT32_MAX - ch->tx_window)
        return ncr_fail(c, NACRE_ERR_WINDOW, "window beyond 2^32 - 1");
    ch->tx_window += m->chan.n;
    if (m->chan.n == 0 || !chan_may_write(ch))
        return NACRE_OK;
    ev->type = NACRE_EV_CHAN_WRITABLE;
    ev->chan = m->chan.chan;
    return NACRE_OK;
}

nacre_err ncr_chan_on_data(struct nacre_conn *c, const union ncr_msg *m, bool extended,
                           struct nacre_event *ev)
{
    const struct ncr_msg_chan *q = &m->chan;
    struct ncr_chan *ch = ncr_chan_find(c, q->chan);

    if (ch == NULL || (ch->flags & NCR_CHAN_RX_EOF) != 0)
        return ncr_fail(c, NACRE_ERR_CHANNEL_STATE, "data on no open channel, or after EOF");
    if (q->data.n > ch->rx_max)
        return ncr_fail(c, NACRE_ERR_WINDOW, "data over our packet size");
    if (q->data.n > ch->rx_window)
        return ncr_fail(c, NACRE_ERR_WINDOW, "data over our window");
    ch->rx_window -= (uint32_t)q->data.n;
    if ((ch->flags & (NCR_CHAN_TX_CLOSE | NCR_CHAN_OWE_CLOSE)) != 0 || q->data.n == 0)
        return NACRE_OK;
    if (extended && q->n == 0) /* no such type: dropped, and the window given back */
        return nacre_chan_consumed(c, q->chan, (uint32_t)q->data.n);
    ev->type = NACRE_EV_CHAN_DATA;
    ev->chan = q->chan;
    ev->ext = extended ? q->n : 0;
    ev->data = q->data;
    return NACRE_OK;
}

nacre_err nacre_chan_consumed(struct nacre_conn *c, uint32_t chan, uint32_t n)
{
    struct ncr_chan *ch = ncr_chan_find(c, chan);

    if (c->err != NACRE_OK)
        return c->err;
    if (ch == NULL)
        return NACRE_ERR_NO_CHANNEL;
    if (n > ch->rx_initial - ch->rx_window - ch->rx_credit)
        return NACRE_ERR_USAGE;
    ch->rx_credit += n;
    return ncr_chan_flush_one(c, ch);
}

/* ---- Sending ---- */

size_t nacre_chan_window(const struct nacre_conn *c, uint32_t chan)
{
    const struct ncr_chan *ch = ncr_chan_find(c, chan);

    return ch != NULL && chan_may_write(ch) ? ch->tx_window : 0;
}

size_t nacre_chan_max_packet(const struct nacre_conn *c, uint32_t chan)
{
    const struct ncr_chan *ch = ncr_chan_find(c, chan);

    return ch != NULL ? ch->tx_max : 0;
}

/* Data bytes that the out-buffer takes in one packet. The gap at the buffer's start is closed only
 * when little has to be moved for it. */
static size_t chan_out_room(struct nacre_conn *c, size_t head, size_t want)
{
    const size_t unsent = c->out_end - c->out_start;
    size_t room = unsent <= c->out_cap / 8 ? ncr_out_room(c, c->out_cap) : c->out_cap - c->out_end;

    room = room > ncr_out_reserve(c) ? ncr_out_payload(c, room - ncr_out_reserve(c)) : 0;
    room = room > head ? room - head : 0;
    if (room < want && room < CHAN_WORTHWHILE && unsent > 0)
        return 0;
    return room < want ? room : want;
}

nacre_err nacre_chan_reserve(struct nacre_conn *c, uint32_t chan, uint32_t ext, size_t want,
                             uint8_t **p, size_t *room)
{
    struct ncr_chan *ch = ncr_chan_find(c, chan);
    const size_t head = ext != 0 ? CHAN_EXT_DATA_HEAD : CHAN_DATA_HEAD;

    *p = NULL;
    *room = 0;
    if (c->err != NACRE_OK)
        return c->err;
    if (ch == NULL)
        return NACRE_ERR_NO_CHANNEL;
    if (!chan_may_write(ch))
        return NACRE_ERR_USAGE;
    c->reserve_room = 0;
    if (ncr_phase_in_kex(&c->tx) || c->held_len > 0)
        return NACRE_OK;
    if (want > ch->tx_window)
        want = ch->tx_window;
    if (want > ch->tx_max)
        want = ch->tx_max;
    if (want > NCR_CHAN_SEND_MAX)
        want = NCR_CHAN_SEND_MAX;
    if (c->tx.comp_on && want > NCR_CHAN_PACKET) /* what one call of the compressor takes */
        want = NCR_CHAN_PACKET;
    if (want == 0)
        return NACRE_OK;
    *room = chan_out_room(c, head, want);
    *p = ncr_outbuf(c) + c->out_end + NCR_PKT_HEAD + head;
    c->reserve_chan = chan;
    c->reserve_ext = ext;
    c->reserve_room = (uint32_t)*room;
    c->out_open = c->out_end;
    return NACRE_OK;
}

nacre_err nacre_chan_commit(struct nacre_conn *c, uint32_t chan, size_t n)
{
    struct ncr_chan *ch = ncr_chan_find(c, chan);
    const uint32_t ext = c->reserve_ext;
    const size_t head = ext != 0 ? CHAN_EXT_DATA_HEAD : CHAN_DATA_HEAD;
    struct ncr_wr w = ncr_wr(ncr_outbuf(c) + c->out_end + NCR_PKT_HEAD, head);

    if (c->err != NACRE_OK)
        return c->err;
    if (ch == NULL || chan != c->reserve_chan || n > c->reserve_room ||
        c->out_open != c->out_end) /* another call came between */
        return NACRE_ERR_USAGE;
    c->reserve_room = 0;
    if (n == 0)
        return NACRE_OK;
    ncr_wr_u8(&w, ext != 0 ? NCR_MSG_CHANNEL_EXTENDED_DATA : NCR_MSG_CHANNEL_DATA);
    ncr_wr_u32(&w, ch->peer);
    if (ext != 0)
        ncr_wr_u32(&w, ext);
    ncr_wr_u32(&w, (uint32_t)n);
    ch->tx_window -= (uint32_t)n;
    return ncr_out_seal(c, head + n);
}

nacre_err nacre_chan_write(struct nacre_conn *c, uint32_t chan, uint32_t ext, const uint8_t *p,
                           size_t n, size_t *taken)
{
    *taken = 0;
    while (n > 0) {
        uint8_t *place;
        size_t room;
        nacre_err err = nacre_chan_reserve(c, chan, ext, n, &place, &room);

        if (err != NACRE_OK || room == 0)
            return err;
        memcpy(place, p, room);
        err = nacre_chan_commit(c, chan, room);
        if (err != NACRE_OK)
            return err;
        p += room;
        n -= room;
        *taken += room;
    }
    return NACRE_OK;
}
