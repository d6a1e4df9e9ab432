/* SPDX-License-Identifier: ISC
 *
 * The scripted server behind the transfers' tests. It reads what the client's engine writes, keeps
 * the requests in a queue and answers them in the order that the test wants.
 */
#include "tests/xfer_rig.h"

#include "tests/sftp_rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

const size_t xfer_sizes[XFER_SIZES] = {0,     1,     511,   32767,   32768,
                                       32769, 65536, 65537, 1000000, 3000000};

#define STREAM_MAX (16u << 20)

static uint32_t draw(struct xfer_rig *r, uint32_t n)
{
    r->rand = r->rand * 1103515245u + 12345u;
    return (r->rand >> 8) % n;
}

nacre_err xfer_local_read(void *ctx, uint64_t offset, uint8_t *p, size_t n, size_t *got)
{
    struct xfer_rig *r = ctx;
    if (++r->ios == r->fail_io) {
        return NACRE_ERR_IO;
    }
    if (offset >= r->local_size) {
        *got = 0;
        return NACRE_OK;
    }
    *got = r->local_size - offset < n ? (size_t)(r->local_size - offset) : n;
    if (r->twice_short && *got > 1 && draw(r, 2) == 0) {
        *got /= 2;
    }
    memcpy(p, r->local + offset, *got);
    return NACRE_OK;
}

nacre_err xfer_local_write(void *ctx, uint64_t offset, const uint8_t *p, size_t n)
{
    struct xfer_rig *r = ctx;
    cr_assert_gt(n, 0);
    if (++r->ios == r->fail_io) {
        return NACRE_ERR_IO;
    }
    cr_assert(offset <= XFER_FILE_MAX && n <= XFER_FILE_MAX - offset);
    memcpy(r->local + offset, p, n);
    r->local_written += n;
    if (offset + n > r->local_size) {
        r->local_size = (size_t)offset + n;
    }
    return NACRE_OK;
}

struct xfer_rig *xfer_start(size_t size)
{
    struct xfer_rig *r = calloc(1, sizeof *r);
    cr_assert_not_null(r);
    r->file = calloc(1, XFER_FILE_MAX);
    r->local = calloc(1, XFER_FILE_MAX);
    r->rx = malloc(STREAM_MAX);
    r->tx = malloc(STREAM_MAX);
    cr_assert(r->file != NULL && r->local != NULL && r->rx != NULL && r->tx != NULL);
    sftp_fill(r->file, size);
    r->size = size;
    r->told = size;
    r->place = 32768;
    r->rand = 1;
    cr_assert_eq(nacre_sftp_client_init(&r->c, r->mem, sizeof r->mem), NACRE_OK);
    return r;
}

void xfer_stop(struct xfer_rig *r)
{
    free(r->file);
    free(r->local);
    free(r->rx);
    free(r->tx);
    free(r);
}

static struct ncr_wr tx_begin(struct xfer_rig *r)
{
    return ncr_wr(r->tx + r->n_tx, STREAM_MAX - r->n_tx);
}

static void tx_status(struct xfer_rig *r, uint32_t id, uint32_t status)
{
    struct ncr_wr w = tx_begin(r);
    ncr_sftp_status_put(&w, id, status, nacre_sftp_status_text(status));
    r->n_tx += w.n;
}

static void answer_read(struct xfer_rig *r, const struct nacre_sftp_req *q)
{
    struct ncr_wr w = tx_begin(r);
    uint64_t n = q->len;
    if (r->on_read != NULL) {
        r->on_read(r);
    }
    if (r->stalls) {
        n = 0;
    } else if (!r->endless) {
        n = q->offset >= r->size ? 0 : r->size - q->offset < n ? r->size - q->offset : n;
        if (n == 0) {
            tx_status(r, q->id, NACRE_FX_EOF);
            return;
        }
    }
    if (r->most > 0 && n > r->most) {
        n = r->most;
    }
    if (r->twice_short && n > 1 && draw(r, 3) == 0) {
        n = 1 + draw(r, (uint32_t)n);
    }
    ncr_sftp_data_head_put(&w, q->id, (uint32_t)n);
    if (r->endless) {
        memset(w.p + w.n, 'e', (size_t)n);
    } else {
        memcpy(w.p + w.n, r->file + q->offset, (size_t)n);
    }
    r->n_tx += w.n + (size_t)n;
}

static void answer_stat(struct xfer_rig *r, uint32_t id)
{
    struct nacre_sftp_attrs a = {.flags = NACRE_SFTP_ATTR_SIZE, .size = r->told};
    struct ncr_wr w = tx_begin(r);
    if (r->no_stat) {
        tx_status(r, id, NACRE_FX_FAILURE);
        return;
    }
    ncr_sftp_attrs_put(&w, id, &a);
    r->n_tx += w.n;
}

static void answer_write(struct xfer_rig *r, const struct nacre_sftp_req *q)
{
    cr_assert(q->offset <= XFER_FILE_MAX && q->data.n <= XFER_FILE_MAX - q->offset);
    cr_assert_gt(q->data.n, 0);
    memcpy(r->file + q->offset, q->data.p, q->data.n);
    if (q->offset + q->data.n > r->size) {
        r->size = (size_t)q->offset + q->data.n;
    }
    tx_status(r, q->id, NACRE_FX_OK);
}

static void answer(struct xfer_rig *r, const struct nacre_sftp_req *q)
{
    struct nacre_sftp_limits l = {0, r->limit, r->limit, 0};
    struct ncr_wr w = tx_begin(r);
    if (q->op != NACRE_SFTP_OP_LIMITS && ++r->replies == r->fail_reply) {
        tx_status(r, q->id, r->fail_status);
        return;
    }
    switch (q->op) {
    case NACRE_SFTP_OP_OPEN:
        if (q->pflags & NACRE_FXF_TRUNC) {
            r->size = 0;
        }
        ncr_sftp_handle_put(&w, q->id, nacre_bytes_str("handle"));
        r->n_tx += w.n;
        break;
    case NACRE_SFTP_OP_READ:
        answer_read(r, q);
        break;
    case NACRE_SFTP_OP_WRITE:
        answer_write(r, q);
        break;
    case NACRE_SFTP_OP_FSTAT:
        answer_stat(r, q->id);
        break;
    case NACRE_SFTP_OP_LIMITS:
        ncr_sftp_limits_put(&w, q->id, &l);
        r->n_tx += w.n;
        break;
    default:
        tx_status(r, q->id, NACRE_FX_OK);
        break;
    }
}

/* Takes the requests out of the stream; WRITE data stays where it is until it is answered. */
static void hear(struct xfer_rig *r)
{
    struct nacre_bytes all = {r->rx + r->n_heard, r->n_rx - r->n_heard};
    struct ncr_rd in = ncr_rd(all);
    uint64_t bytes = 0;
    for (;;) {
        struct ncr_rd before = in;
        struct nacre_bytes body = ncr_rd_string(&in);
        if (in.bad) {
            in = before;
            break;
        }
        if (body.p[0] == NCR_FXP_INIT) {
            struct ncr_wr w = tx_begin(r);
            ncr_sftp_version_put(&w, (r->limit > 0 ? (uint64_t)1 << NACRE_SFTP_OP_LIMITS : 0) |
                                         (uint64_t)1 << NACRE_SFTP_OP_FSYNC);
            r->n_tx += w.n;
            continue;
        }
        struct nacre_sftp_req *q = &r->queue[r->n_queue++].req;
        cr_assert_leq(r->n_queue, NACRE_SFTP_REQUESTS_MAX);
        cr_assert(ncr_sftp_req_get(q, body));
        r->count[q->op]++;
        if (q->op != NACRE_SFTP_OP_OPEN && q->op != NACRE_SFTP_OP_LIMITS) {
            cr_assert(nacre_bytes_is(q->handle, "handle"));
        }
    }
    for (size_t i = 0; i < r->n_queue; i++) {
        bytes += r->queue[i].req.len + r->queue[i].req.data.n;
    }
    r->peak_bytes = bytes > r->peak_bytes ? bytes : r->peak_bytes;
    r->peak = r->n_queue > r->peak ? r->n_queue : r->peak;
    r->n_heard = r->n_rx - in.n;
}

/* No slice of the stream is in use any more. */
static void forget(struct xfer_rig *r)
{
    memmove(r->rx, r->rx + r->n_heard, r->n_rx - r->n_heard);
    r->n_rx -= r->n_heard;
    r->n_heard = 0;
}

static void answer_one(struct xfer_rig *r)
{
    if (r->n_queue == 0) {
        return;
    }
    size_t i = r->order == XFER_FIFO   ? 0
               : r->order == XFER_LIFO ? r->n_queue - 1
                                       : draw(r, (uint32_t)r->n_queue);
    struct nacre_sftp_req q = r->queue[i].req;
    memmove(&r->queue[i], &r->queue[i + 1], (r->n_queue - i - 1) * sizeof r->queue[0]);
    r->n_queue--;
    answer(r, &q);
    if (r->n_queue == 0) {
        forget(r);
    }
}

static void feed_some(struct xfer_rig *r)
{
    size_t n = r->order == XFER_FIFO ? r->n_tx : 1 + draw(r, 50000), at = 0;
    n = n < r->n_tx ? n : r->n_tx;
    while (at < n) {
        struct nacre_sftp_event ev;
        size_t used;
        cr_assert_eq(nacre_sftp_client_recv(&r->c, r->tx + at, n - at, &used, &ev), NACRE_OK, "%s",
                     nacre_sftp_client_errinfo(&r->c).what);
        at += used;
        if (ev.type == NACRE_SFTP_EV_NONE || ev.type == NACRE_SFTP_EV_VERSION) {
            continue;
        }
        cr_assert(nacre_sftp_xfer_event(&r->t, &ev));
        if (++r->events == r->stop_at) {
            nacre_sftp_xfer_stop(&r->t, NACRE_ERR_TIMEOUT);
        }
        if (r->events == r->abort_at) {
            nacre_sftp_xfer_abort(&r->t, NACRE_ERR_PEER_CLOSED);
            return;
        }
    }
    memmove(r->tx, r->tx + n, r->n_tx - n);
    r->n_tx -= n;
}

void xfer_run(struct xfer_rig *r)
{
    unsigned idle = 0;
    while (!nacre_sftp_xfer_over(&r->t)) {
        size_t n;
        do {
            cr_assert_leq(r->place, STREAM_MAX - r->n_rx);
            n = nacre_sftp_xfer_output(&r->t, &r->c, r->rx + r->n_rx, r->place);
            cr_assert_leq(n, r->place);
            r->n_rx += n;
            hear(r);
        } while (n > 0);
        idle = r->n_queue == 0 && r->n_tx == 0 ? idle + 1 : 0;
        cr_assert_lt(idle, 3, "stuck in state %d", r->t.state);
        answer_one(r);
        if (r->order != XFER_ANY || draw(r, 4) == 0 || r->n_queue == 0) {
            feed_some(r);
        }
    }
    if (r->abort_at > 0) {
        return;
    }
    cr_assert_eq(r->t.n_flight, 0);
    cr_assert_eq(r->t.in_flight, 0);
    cr_assert_eq(nacre_sftp_client_flight(&r->c), r->c.limits_asked ? 1 : 0);
}

void xfer_begin(struct xfer_rig *r, const struct nacre_sftp_xfer_cfg *with, bool put)
{
    struct nacre_sftp_xfer_cfg cfg = {0};
    if (with != NULL) {
        cfg = *with;
    }
    cfg.put = put;
    cfg.path = nacre_bytes_str("/file");
    cfg.io = (struct nacre_sftp_io){r, xfer_local_read, xfer_local_write};
    cr_assert_eq(nacre_sftp_xfer_init(&r->t, &cfg), NACRE_OK);
}

void xfer_get(struct xfer_rig *r, const struct nacre_sftp_xfer_cfg *with)
{
    xfer_begin(r, with, false);
    xfer_run(r);
}

void xfer_expect_got(struct xfer_rig *r, size_t size)
{
    cr_assert_eq(r->t.state, NACRE_XFER_DONE, "%s %u", nacre_err_name(r->t.failure.err),
                 r->t.failure.status);
    cr_assert_eq(r->t.end, size);
    cr_assert_eq(r->t.moved, size - r->t.cfg.offset);
    cr_assert_eq(r->local_size, size);
    cr_assert_eq(memcmp(r->local, r->file, size), 0);
    cr_assert_eq(nacre_sftp_xfer_prefix(&r->t), size);
    cr_assert_eq(r->count[NACRE_SFTP_OP_CLOSE], 1);
}
