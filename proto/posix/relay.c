/* SPDX-License-Identifier: ISC
 *
 * Relays between a channel and descriptors: see relay.h.
 *
 * Invariant: what a ring holds is part of the window that was granted and not given back, so that a
 * ring of the window's size never overflows; the engine refuses a peer that sends more.
 */
#include "proto/posix/relay.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define RELAY_WINDOW_DEFAULT (2u * 1024 * 1024) /* as nacre_conn_cfg.window has it */
#define RELAY_READ_WANT ((size_t)256 * 1024)    /* the engine gives what a packet takes */

/* ---- Set-up ------------------------------------------------------------------------------ */

void ncr_relay_init(struct ncr_relay *r, struct nacre_conn *conn, struct ncr_loop *loop,
                    struct ncr_defer *step, uint32_t chan, unsigned flags)
{
    memset(r, 0, sizeof *r);
    r->conn = conn;
    r->loop = loop;
    r->step = step;
    r->chan = chan;
    r->flags = flags;
    r->open = true;
    for (unsigned i = 0; i < 4; i++) {
        r->port[i].r = r;
        r->port[i].i = i & 1;
    }
    for (unsigned i = 0; i < 2; i++) {
        r->sink[i].fd = -1;
        r->source[i].fd = -1;
        r->source[i].ended = true;
    }
}

enum ncr_fd_kind ncr_fd_kind(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return NCR_FD_POLLED;
    if (S_ISSOCK(st.st_mode))
        return NCR_FD_SOCKET;
    return S_ISREG(st.st_mode) ? NCR_FD_PLAIN : NCR_FD_POLLED;
}

static bool relay_shared(const struct ncr_relay *r, unsigned i)
{
    return r->source[i].fd >= 0 && r->source[i].fd == r->sink[i].fd;
}

static void relay_close(const struct ncr_relay *r, int fd)
{
    if (fd >= 0 && !(r->flags & NCR_RELAY_KEEP_FDS))
        (void)close(fd); /* a failed write was seen when it was made */
}

/* ---- Interest ---------------------------------------------------------------------------- */

static unsigned relay_sink_want(const struct ncr_relay_sink *k)
{
    return k->len > 0 && !k->shut ? NCR_LOOP_WRITE : 0;
}

static unsigned relay_source_want(const struct ncr_relay *r, const struct ncr_relay_source *s)
{
    return r->open && !s->ended && !s->held && !s->ready ? NCR_LOOP_READ : 0;
}

static void relay_interest(struct ncr_relay *r)
{
    for (unsigned i = 0; i < 2; i++) {
        unsigned sink = relay_sink_want(&r->sink[i]);
        unsigned source = relay_source_want(r, &r->source[i]);

        if (relay_shared(r, i)) {
            ncr_loop_want(r->loop, &r->port[i].watch, sink | source);
        } else {
            ncr_loop_want(r->loop, &r->port[i].watch, sink);
            ncr_loop_want(r->loop, &r->port[2 + i].watch, source);
        }
    }
}

static void relay_kick(struct ncr_relay *r)
{
    if (r->step != NULL)
        ncr_loop_defer(r->loop, r->step);
}

/* What a call of the engine says about the connection: that the channel cannot do it now, or any
 * more, is no error of the connection. */
static nacre_err relay_verdict(nacre_err err)
{
    return err == NACRE_ERR_CHANNEL_STATE || err > NACRE_ERR_FORMAT ? NACRE_OK : err;
}

/* Gives n bytes of window back. */
static nacre_err relay_credit(struct ncr_relay *r, size_t n)
{
    r->bytes_in += n;
    if (n == 0 || !r->open)
        return NACRE_OK;
    relay_kick(r);
    return relay_verdict(nacre_chan_consumed(r->conn, r->chan, (uint32_t)n));
}

/* ---- Ending ------------------------------------------------------------------------------ */

/* Forgets the descriptors of stream i whose both directions are over. */
static void relay_release(struct ncr_relay *r, unsigned i)
{
    struct ncr_relay_sink *k = &r->sink[i];
    struct ncr_relay_source *s = &r->source[i];

    if (relay_shared(r, i)) {
        if (!k->shut || !s->ended)
            return;
        ncr_loop_unwatch(r->loop, &r->port[i].watch);
        relay_close(r, k->fd);
        k->fd = -1;
        s->fd = -1;
        return;
    }
    if (k->shut && k->fd >= 0) {
        ncr_loop_unwatch(r->loop, &r->port[i].watch);
        relay_close(r, k->fd);
        k->fd = -1;
    }
    if (s->ended && s->fd >= 0) {
        ncr_loop_unwatch(r->loop, &r->port[2 + i].watch);
        relay_close(r, s->fd);
        s->fd = -1;
    }
}

static void relay_shut_sink(struct ncr_relay *r, unsigned i)
{
    struct ncr_relay_sink *k = &r->sink[i];

    if (k->shut)
        return;
    k->shut = true;
    if (k->kind == NCR_FD_SOCKET && k->fd >= 0 && !(r->flags & NCR_RELAY_KEEP_FDS))
        (void)shutdown(k->fd, SHUT_WR); /* the other side may have gone already */
    relay_release(r, i);
}

/* Bytes gathered. */
static size_t relay_slices(const struct ncr_relay_sink *k)
{
    size_t n = 0;

    for (unsigned i = 0; i < k->n_slices; i++)
        n += k->slice[i].iov_len;
    return n;
}

/* The other side of sink i takes no more: what it was owed is dropped. */
static nacre_err relay_sink_broke(struct ncr_relay *r, unsigned i)
{
    struct ncr_relay_sink *k = &r->sink[i];
    struct nacre_request eow = {.kind = NACRE_REQ_EOW};
    size_t lost = k->len + relay_slices(k);
    nacre_err err;

    k->broken = true;
    k->len = 0;
    k->n_slices = 0;
    relay_shut_sink(r, i);
    err = relay_credit(r, lost);
    if (err != NACRE_OK || i != 0 || !(r->flags & NCR_RELAY_EOW) || r->eow_sent || !r->open ||
        r->peer_eof)
        return err;
    r->eow_sent = true; /* a courtesy: left out if there is no room */
    return relay_verdict(nacre_chan_request(r->conn, r->chan, &eow, false));
}

bool ncr_relay_drained(const struct ncr_relay *r)
{
    return r->sink[0].len == 0 && r->sink[1].len == 0 && r->sink[0].n_slices == 0 &&
           r->sink[1].n_slices == 0;
}

static bool relay_sources_ended(const struct ncr_relay *r)
{
    return r->source[0].ended && r->source[1].ended;
}

static nacre_err relay_send_end(struct ncr_relay *r, bool *sent,
                                nacre_err (*send)(struct nacre_conn *, uint32_t))
{
    nacre_err err = send(r->conn, r->chan);

    if (err == NACRE_ERR_NO_ROOM)
        return NACRE_OK; /* again after output was drained */
    *sent = true;
    relay_kick(r);
    return relay_verdict(err);
}

static nacre_err relay_send_eof(struct ncr_relay *r)
{
    if (!r->open || r->eof_sent || !relay_sources_ended(r))
        return NACRE_OK;
    if (!r->hold_eof)
        return relay_send_end(r, &r->eof_sent, nacre_chan_eof);
    if (!r->ended_told && r->ended != NULL)
        r->ended(r->ctx, r);
    r->ended_told = true;
    return NACRE_OK;
}

/* Sends EOF and CLOSE when they are due. */
static nacre_err relay_half_close(struct ncr_relay *r)
{
    bool deaf = r->peer_eof || r->sink[0].broken;
    nacre_err err = relay_send_eof(r);

    if (err != NACRE_OK || !r->open || !r->eof_sent || !deaf || r->close_sent ||
        !(r->flags & NCR_RELAY_CLOSE) || !ncr_relay_drained(r))
        return err;
    return relay_send_end(r, &r->close_sent, nacre_chan_close);
}

/* Brings everything up to date after any change; the relay may be gone after it. */
static nacre_err relay_settle(struct ncr_relay *r)
{
    nacre_err err;

    for (unsigned i = 0; i < 2; i++) {
        if (r->sink[i].end && r->sink[i].len == 0 && r->sink[i].n_slices == 0)
            relay_shut_sink(r, i);
    }
    err = relay_half_close(r);
    relay_interest(r);
    if (!r->open && ncr_relay_drained(r) && !r->finished) {
        r->finished = true;
        if (r->done != NULL)
            r->done(r->ctx, r);
    }
    return err;
}

/* ---- Sinks ------------------------------------------------------------------------------- */

/* Bytes written, 0 if the sink takes none now, -1 if it is broken. */
static ssize_t relay_put(const struct ncr_relay_sink *k, struct iovec *v, int n)
{
    struct msghdr m;
    ssize_t put;

    memset(&m, 0, sizeof m);
    m.msg_iov = v;
    m.msg_iovlen = (unsigned)n;
    do {
        put = k->kind == NCR_FD_SOCKET ? sendmsg(k->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL)
                                       : writev(k->fd, v, n);
    } while (put < 0 && errno == EINTR);
    if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    return put;
}

/* Writes the ring out as far as the sink takes it. */
static nacre_err relay_flush(struct ncr_relay *r, unsigned i)
{
    struct ncr_relay_sink *k = &r->sink[i];
    size_t limit = k->kind == NCR_FD_POLLED && k->len > PIPE_BUF ? PIPE_BUF : k->len;
    size_t first = k->cap - k->start < limit ? k->cap - k->start : limit;
    struct iovec v[2] = {{k->ring + k->start, first}, {k->ring, limit - first}};
    ssize_t put;

    if (k->len == 0 || k->shut)
        return NACRE_OK;
    put = relay_put(k, v, v[1].iov_len > 0 ? 2 : 1);
    if (put < 0)
        return relay_sink_broke(r, i);
    k->len -= (size_t)put;
    k->start = k->len == 0 ? 0 : (k->start + (size_t)put) % k->cap;
    return relay_credit(r, (size_t)put);
}

/* Appends to the ring. */
static nacre_err relay_store(struct ncr_relay_sink *k, const uint8_t *p, size_t n)
{
    size_t at = k->cap == 0 ? 0 : (k->start + k->len) % k->cap;
    size_t first = k->cap - at < n ? k->cap - at : n;

    if (n > k->cap - k->len)
        return NACRE_ERR_INTERNAL; /* more than the window: the engine lets nothing such through */
    memcpy(k->ring + at, p, first);
    memcpy(k->ring, p + first, n - first);
    k->len += n;
    return NACRE_OK;
}

/* Puts into the ring what is left of the slices after the first n bytes. */
static nacre_err relay_store_rest(struct ncr_relay_sink *k, size_t n)
{
    nacre_err err = NACRE_OK;

    for (unsigned i = 0; i < k->n_slices && err == NACRE_OK; i++) {
        const struct iovec *v = &k->slice[i];
        size_t skip = n < v->iov_len ? n : v->iov_len;

        n -= skip;
        err = relay_store(k, (const uint8_t *)v->iov_base + skip, v->iov_len - skip);
    }
    k->n_slices = 0;
    return err;
}

/* Writes what was gathered; what the sink does not take goes into the ring. */
static nacre_err relay_push(struct ncr_relay *r, unsigned i)
{
    struct ncr_relay_sink *k = &r->sink[i];
    ssize_t put = 0;
    nacre_err err;

    if (k->n_slices == 0)
        return NACRE_OK;
    if (k->len == 0 && k->kind != NCR_FD_POLLED)
        put = relay_put(k, k->slice, (int)k->n_slices);
    if (put < 0)
        return relay_sink_broke(r, i);
    err = relay_store_rest(k, (size_t)put);
    return err != NACRE_OK ? err : relay_credit(r, (size_t)put);
}

nacre_err ncr_relay_push(struct ncr_relay *r)
{
    nacre_err err = NACRE_OK;

    for (unsigned i = 0; i < 2 && err == NACRE_OK; i++)
        err = relay_push(r, i);
    return err != NACRE_OK ? err : relay_settle(r);
}

/* A slice of the in-buffer: it stays there until more is read. */
static nacre_err relay_take(struct ncr_relay *r, unsigned i, struct nacre_bytes data)
{
    struct ncr_relay_sink *k = &r->sink[i];
    nacre_err err = NACRE_OK;

    if (k->fd < 0 || k->shut)
        return relay_credit(r, data.n);
    if (k->n_slices == NCR_RELAY_GATHER)
        err = relay_push(r, i);
    if (err != NACRE_OK || k->shut)
        return err != NACRE_OK ? err : relay_credit(r, data.n);
    k->slice[k->n_slices].iov_base = (void *)(uintptr_t)data.p;
    k->slice[k->n_slices++].iov_len = data.n;
    return r->gather ? NACRE_OK : relay_push(r, i);
}

/* ---- Sources ----------------------------------------------------------------------------- */

enum { RELAY_GET_NONE = -1, RELAY_GET_FAILED = -2 };

/* Bytes read, 0 at the end, or one of the above. */
static ssize_t relay_get(const struct ncr_relay_source *s, uint8_t *p, size_t n)
{
    ssize_t got;

    do {
        got = s->kind == NCR_FD_SOCKET ? recv(s->fd, p, n, MSG_DONTWAIT) : read(s->fd, p, n);
    } while (got < 0 && errno == EINTR);
    if (got >= 0)
        return got;
    return errno == EAGAIN || errno == EWOULDBLOCK ? RELAY_GET_NONE : RELAY_GET_FAILED;
}

/* The end of source i. A failure counts as one (EIO of a pseudo-terminal is how it ends); a socket
 * that failed takes nothing any more either. */
static nacre_err relay_source_end(struct ncr_relay *r, unsigned i, bool failed)
{
    bool both = relay_shared(r, i);

    r->source[i].ended = true;
    r->source[i].ready = false;
    if (failed && both && !r->sink[i].shut)
        return relay_sink_broke(r, i);
    relay_release(r, i);
    return NACRE_OK;
}

/* One packet's worth from source i, if the channel has room for one. */
static nacre_err relay_read(struct ncr_relay *r, unsigned i, bool *more)
{
    struct ncr_relay_source *s = &r->source[i];
    size_t spare = r->filter != NULL ? 1 : 0;
    uint8_t *p;
    size_t room = 0;
    ssize_t got;
    size_t n;
    nacre_err err = nacre_chan_reserve(r->conn, r->chan, i, RELAY_READ_WANT, &p, &room);

    *more = false;
    if (err != NACRE_OK || room == 0)
        return relay_verdict(err);
    got = room > spare ? relay_get(s, p, room - spare) : RELAY_GET_NONE;
    n = got > 0 ? (size_t)got : 0;
    s->ready = n > 0 && s->kind != NCR_FD_POLLED && n == room - spare;
    *more = s->ready;
    if (n > 0 && r->filter != NULL)
        n = r->filter(r->ctx, p, n);
    err = nacre_chan_commit(r->conn, r->chan, n);
    r->bytes_out += n;
    if (n > 0)
        relay_kick(r);
    if (err == NACRE_OK && (got == 0 || got == RELAY_GET_FAILED))
        err = relay_source_end(r, i, got != 0);
    return relay_verdict(err);
}

nacre_err ncr_relay_fill(struct ncr_relay *r)
{
    nacre_err err = NACRE_OK;

    for (unsigned i = 0; i < 2; i++) {
        bool more = r->source[i].ready && !r->source[i].ended && !r->source[i].held && r->open;

        while (more && err == NACRE_OK)
            err = relay_read(r, i, &more);
    }
    return err != NACRE_OK ? err : relay_settle(r);
}

void ncr_relay_hold(struct ncr_relay *r, unsigned i, bool held)
{
    r->source[i].held = held;
    relay_interest(r);
}

nacre_err ncr_relay_end_source(struct ncr_relay *r, unsigned i)
{
    nacre_err err = relay_source_end(r, i, false);

    return err != NACRE_OK ? err : relay_settle(r);
}

nacre_err ncr_relay_let_eof(struct ncr_relay *r)
{
    r->hold_eof = false;
    return relay_settle(r);
}

/* ---- Descriptors that are ready ---------------------------------------------------------- */

/* An error of the connection shows again at the drive's next step: it sticks. */
static void relay_ready(void *ctx, unsigned ready)
{
    struct ncr_relay_port *port = ctx;
    struct ncr_relay *r = port->r;
    nacre_err err = NACRE_OK;

    if (ready & NCR_LOOP_WRITE)
        err = relay_flush(r, port->i);
    if (ready & NCR_LOOP_READ)
        r->source[port->i].ready = true;
    if (err == NACRE_OK)
        err = ncr_relay_fill(r); /* may free the relay: nothing after it */
    (void)err;
}

nacre_err ncr_relay_set_sink(struct ncr_relay *r, unsigned i, int fd, enum ncr_fd_kind kind,
                             uint32_t window)
{
    struct ncr_relay_sink *k = &r->sink[i];

    k->fd = fd;
    k->kind = kind;
    k->cap = window == 0 ? RELAY_WINDOW_DEFAULT : window;
    k->ring = malloc(k->cap);
    if (k->ring == NULL)
        return NACRE_ERR_NO_MEMORY;
    return ncr_loop_watch(r->loop, &r->port[i].watch, fd, 0, relay_ready, &r->port[i]);
}

nacre_err ncr_relay_set_source(struct ncr_relay *r, unsigned i, int fd, enum ncr_fd_kind kind)
{
    struct ncr_relay_source *s = &r->source[i];
    nacre_err err = NACRE_OK;

    s->fd = fd;
    s->kind = kind;
    s->ended = false;
    if (!relay_shared(r, i))
        err = ncr_loop_watch(r->loop, &r->port[2 + i].watch, fd, 0, relay_ready, &r->port[2 + i]);
    if (err == NACRE_OK)
        relay_interest(r);
    return err;
}

/* ---- Events ------------------------------------------------------------------------------ */

static nacre_err relay_peer_ended(struct ncr_relay *r, bool closed)
{
    nacre_err err = NACRE_OK;

    /* After CLOSE no credit is given: what is gathered is written first. */
    for (unsigned i = 0; i < 2 && err == NACRE_OK; i++)
        err = relay_push(r, i);
    if (err != NACRE_OK)
        return err;
    r->peer_eof = true;
    r->sink[0].end = true;
    r->sink[1].end = true;
    for (unsigned i = 0; closed && i < 2; i++) {
        r->open = false;
        r->source[i].ended = true;
        r->source[i].ready = false;
        relay_release(r, i);
    }
    return relay_settle(r);
}

nacre_err ncr_relay_event(struct ncr_relay *r, const struct nacre_event *ev)
{
    nacre_err err;

    switch (ev->type) {
    case NACRE_EV_CHAN_DATA:
        err = ev->ext > 1 ? relay_credit(r, ev->data.n) : relay_take(r, ev->ext, ev->data);
        return err != NACRE_OK || r->gather ? err : relay_settle(r);
    case NACRE_EV_CHAN_WRITABLE:
        return ncr_relay_fill(r);
    case NACRE_EV_CHAN_EOF:
        return relay_peer_ended(r, false);
    case NACRE_EV_CHAN_CLOSED:
        return relay_peer_ended(r, true);
    default:
        return NACRE_OK;
    }
}

void ncr_relay_free(struct ncr_relay *r)
{
    for (unsigned i = 0; i < 2; i++) {
        r->sink[i].shut = true;
        r->source[i].ended = true;
        relay_release(r, i);
        free(r->sink[i].ring);
        r->sink[i].ring = NULL;
    }
}
