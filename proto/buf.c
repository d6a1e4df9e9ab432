/* SPDX-License-Identifier: ISC
 *
 * The region of a connection and the way out: see buf.h.
 *
 * Region, in this order: compression if it may be negotiated, channels (these first, for their
 * alignment), scratch, held, in, out. It is found by its distance from the struct, so that both can
 * be moved together.
 *
 * The last ncr_out_reserve() bytes of the out-buffer belong to what the engine owes: no packet is
 * taken from the in-buffer unless they are free, so that a reply always has room, and a peer that
 * asks without reading stops being heard (RFC 4254 4: replies in order, none dropped).
 */
#include "proto/buf.h"

#include <string.h>

uint8_t *ncr_region(const struct nacre_conn *c)
{
    return (uint8_t *)((uintptr_t)c + (uintptr_t)c->mem_off);
}

struct ncr_comp_mem *ncr_comp(const struct nacre_conn *c)
{
    return c->comp_len > 0 ? (struct ncr_comp_mem *)(void *)ncr_region(c) : NULL;
}

struct ncr_chan *ncr_chans(const struct nacre_conn *c)
{
    return (struct ncr_chan *)(void *)(ncr_region(c) + c->comp_len);
}

static size_t buf_chans_len(const struct nacre_conn *c)
{
    return c->n_chans * sizeof(struct ncr_chan);
}

uint8_t *ncr_scratch(const struct nacre_conn *c, size_t at)
{
    return ncr_region(c) + c->comp_len + buf_chans_len(c) + at;
}

uint8_t *ncr_held(const struct nacre_conn *c)
{
    return ncr_scratch(c, NCR_SCRATCH_LEN);
}

uint8_t *ncr_inbuf(const struct nacre_conn *c)
{
    return ncr_held(c) + NCR_HELD_LEN;
}

uint8_t *ncr_outbuf(const struct nacre_conn *c)
{
    return ncr_inbuf(c) + c->in_cap;
}

nacre_err ncr_fail(struct nacre_conn *c, nacre_err err, const char *what)
{
    c->fail_what = what;
    return err;
}

void ncr_put_ident(struct ncr_wr *w, const struct nacre_conn *c)
{
    const char *ident = c->cfg.ident != NULL ? c->cfg.ident : "nacre_" NACRE_VERSION;

    ncr_wr_bytes(w, (const uint8_t *)"SSH-2.0-", 8);
    ncr_wr_bytes(w, (const uint8_t *)ident, strlen(ident));
}

const uint8_t *ncr_pad(struct nacre_conn *c)
{
    static const uint8_t nonce[NACRE_CHACHA20_NONCE_LEN] = {0};

    if (c->pad_left < NCR_PKT_PAD_MAX) {
        memset(c->pad, 0, sizeof c->pad);
        nacre_chacha20_xor(c->pad, c->pad, sizeof c->pad, c->pad_key, nonce, c->pad_counter++);
        c->pad_left = sizeof c->pad;
    }
    c->pad_left = (uint8_t)(c->pad_left - NCR_PKT_PAD_MAX);
    return c->pad + c->pad_left;
}

/* ---- Out ---- */

size_t ncr_out_room(struct nacre_conn *c, size_t want)
{
    uint8_t *out = ncr_outbuf(c);

    if (c->out_start == c->out_end)
        c->out_start = c->out_end = 0;
    if (c->out_start > 0 && c->out_cap - c->out_end < want) {
        memmove(out, out + c->out_start, c->out_end - c->out_start);
        c->out_end -= c->out_start;
        c->out_start = 0;
    }
    return c->out_cap - c->out_end;
}

size_t ncr_out_reserve(const struct nacre_conn *c)
{
    return c->out_cap < NACRE_BUF_STANDARD ? NCR_OUT_RESERVE_SMALL : NCR_OUT_RESERVE;
}

bool ncr_out_ready(struct nacre_conn *c)
{
    return ncr_out_room(c, ncr_out_reserve(c)) >= ncr_out_reserve(c);
}

size_t ncr_out_payload(const struct nacre_conn *c, size_t room)
{
    size_t over = ncr_pkt_sealed_len(&c->tx, 0) + NCR_PKT_PAD_MAX;

    if (c->tx.comp_on)
        over += NCR_COMP_GROWTH(room);
    room = room > over ? room - over : 0;
    return c->tx.comp_on && room > NACRE_DEFLATE_IN_MAX ? NACRE_DEFLATE_IN_MAX : room;
}

/* Compresses the payload in place, if the direction does. */
static nacre_err buf_compress(struct nacre_conn *c, uint8_t *payload, size_t *n)
{
    const size_t cap = c->out_cap - c->out_end - NCR_PKT_HEAD;

    if (!c->tx.comp_on)
        return NACRE_OK;
    if (cap < NACRE_DEFLATE_OUT_MAX(*n))
        return NACRE_ERR_INTERNAL;
    return c->tx.comp->seal(ncr_comp(c), payload, cap, n);
}

void ncr_buf_success(struct nacre_conn *c)
{
    c->success = true;
    c->comp_early = c->role == NACRE_SERVER && !c->rx.comp_on;
    ncr_comp_authed(&c->rx, ncr_comp(c), true);
    ncr_comp_authed(&c->tx, ncr_comp(c), false);
}

nacre_err ncr_out_seal(struct nacre_conn *c, size_t n)
{
    uint8_t *p = ncr_outbuf(c) + c->out_end;
    uint8_t number = p[NCR_PKT_HEAD];
    size_t total;
    nacre_err err;

    if (c->cfg.trace != NULL)
        c->cfg.trace(c->cfg.trace_ctx, 't', c->tx.seq, p + NCR_PKT_HEAD, n);
    err = buf_compress(c, p + NCR_PKT_HEAD, &n);
    if (err == NACRE_OK)
        err = ncr_pkt_seal(&c->tx, p, n, ncr_pad(c), &total);
    if (err != NACRE_OK) {
        c->broken = err;
        return ncr_fail(c, err, "no more packets may be sent under these keys");
    }
    c->out_end += (uint32_t)total;
    c->tx.all_bytes += total;
    ncr_phase_step(c, c->role, number);
    if (number == NCR_MSG_USERAUTH_SUCCESS)
        ncr_buf_success(c);
    return NACRE_OK;
}

struct ncr_out ncr_out_begin(struct nacre_conn *c, uint8_t number, bool owed)
{
    struct ncr_out o;
    size_t room;
    enum ncr_auth_method method = ncr_method_active(c, number);

    memset(&o, 0, sizeof o);
    o.number = number;
    o.owed = owed;
    if (ncr_phase_allows(number, c->role, (enum ncr_phase)c->tx.phase, false, method) !=
        NCR_ALLOW) {
        o.held = ncr_phase_later(&c->tx, number, c->role, method);
        o.refused = !o.held;
    } else if (c->held_len > 0 && number >= NCR_MSG_USERAUTH_REQUEST) {
        o.held = true; /* not past what is held already */
    }
    if (o.held) {
        room = NCR_HELD_LEN - c->held_len;
        room = room > 2 ? room - 2 : 0;
        o.w = ncr_wr(ncr_held(c) + c->held_len + 2,
                     room < NCR_HELD_MSG_MAX ? room : NCR_HELD_MSG_MAX);
    } else {
        room = ncr_out_room(c, owed ? ncr_out_reserve(c) : c->out_cap);
        if (!owed)
            room = room > ncr_out_reserve(c) ? room - ncr_out_reserve(c) : 0;
        o.w = ncr_wr(ncr_outbuf(c) + c->out_end + NCR_PKT_HEAD, ncr_out_payload(c, room));
    }
    ncr_wr_u8(&o.w, number);
    return o;
}

static nacre_err buf_hold(struct nacre_conn *c, const struct ncr_out *o)
{
    uint8_t *len = ncr_held(c) + c->held_len;

    if (o->w.bad)
        return o->owed ? ncr_fail(c, NACRE_ERR_HELD_FULL, "peer asks on during a key exchange")
                       : NACRE_ERR_NO_ROOM;
    len[0] = (uint8_t)(o->w.n >> 8); /* at most NCR_HELD_LEN: two bytes hold it */
    len[1] = (uint8_t)(o->w.n & 0xff);
    c->held_len += (uint32_t)o->w.n + 2;
    return NACRE_OK;
}

nacre_err ncr_out_end(struct nacre_conn *c, struct ncr_out *o)
{
    if (o->refused || o->w.bad)
        nacre_wipe(o->w.p, o->w.n);
    if (o->refused)
        return o->owed ? ncr_fail(c, NACRE_ERR_INTERNAL, "message out of phase") : NACRE_ERR_USAGE;
    if (o->held)
        return buf_hold(c, o);
    if (o->w.bad && !o->owed && c->out_start == c->out_end)
        return NACRE_ERR_USAGE; /* no draining would make room for it */
    if (o->w.bad)
        return o->owed ? ncr_fail(c, NACRE_ERR_INTERNAL, "reserve too small") : NACRE_ERR_NO_ROOM;
    return ncr_out_seal(c, o->w.n);
}

nacre_err ncr_out_u32(struct nacre_conn *c, uint8_t number, bool owed, uint32_t v)
{
    struct ncr_out o = ncr_out_begin(c, number, owed);

    ncr_wr_u32(&o.w, v);
    return ncr_out_end(c, &o);
}

nacre_err ncr_out_flush_held(struct nacre_conn *c, bool *empty)
{
    uint8_t *held = ncr_held(c);
    size_t at = 0;
    nacre_err err = NACRE_OK;

    while (at < c->held_len && !ncr_phase_in_kex(&c->tx) && ncr_out_ready(c)) {
        size_t n = (size_t)held[at] << 8 | held[at + 1];
        uint8_t *p = ncr_outbuf(c) + c->out_end + NCR_PKT_HEAD;

        memcpy(p, held + at + 2, n);
        at += n + 2;
        err = ncr_out_seal(c, n);
        if (err != NACRE_OK)
            break;
    }
    if (at > 0) {
        memmove(held, held + at, c->held_len - at);
        c->held_len -= (uint32_t)at;
        nacre_wipe(held + c->held_len, at); /* passwords and answers are held too */
    }
    *empty = c->held_len == 0;
    return err;
}
