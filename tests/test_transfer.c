/* SPDX-License-Identifier: ISC
 *
 * Whole files over the SFTP client (sftp/transfer.c): against a scripted server that answers in any
 * order, short, wrong or never ending (s91), and against our own server. Each failure of either
 * side at its n-th time; interruption at every point.
 */
#include "sftp/nacre_sftp.h"

#include "proto/limits.h"
#include "sftp/sftp_msg.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- A scripted server ---- */

enum order { FIFO, LIFO, ANY };

struct asked {
    struct nacre_sftp_req req;
};

struct rig {
    struct nacre_sftp_client c;
    struct nacre_sftp_xfer t;
    uint64_t mem[NACRE_SFTP_CLIENT_MEM / 8 + 1];
    size_t place; /* size of an output place */
    /* the server's file, and what it says of it */
    uint8_t *file;
    size_t size, cap;
    uint64_t told;
    bool no_stat, endless, stalls, twice_short;
    uint32_t most;  /* bytes in one reply, 0: as asked */
    uint32_t limit; /* limits@openssh.com, 0: the server has it not */
    enum order order;
    uint32_t rand;
    /* requests not answered yet */
    struct asked queue[NACRE_SFTP_REQUESTS_MAX + 1];
    size_t n_queue, peak;
    uint64_t peak_bytes;
    /* what the server has got of the stream, and what it has said */
    uint8_t *rx, *tx;
    size_t n_rx, n_heard, n_tx;
    /* failing at the n-th time, 0: never */
    unsigned fail_reply, replies, fail_io, ios;
    uint32_t fail_status;
    unsigned count[NACRE_SFTP_OP_COUNT];
    unsigned stop_at, abort_at, events;
    void (*on_read)(struct rig *r);
    /* the local file */
    uint8_t *local;
    size_t local_size;
    uint64_t local_written;
};

#define STREAM_MAX (16u << 20)
#define FILE_MAX (4u << 20)

static uint32_t draw(struct rig *r, uint32_t n)
{
    r->rand = r->rand * 1103515245u + 12345u;
    return (r->rand >> 8) % n;
}

static void pattern(uint8_t *p, size_t n)
{
    uint32_t x = 7;
    for (size_t i = 0; i < n; i++) {
        x = x * 1103515245u + 12345u;
        p[i] = (uint8_t)(x >> 16);
    }
}

static nacre_err local_read(void *ctx, uint64_t offset, uint8_t *p, size_t n, size_t *got)
{
    struct rig *r = ctx;
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

static nacre_err local_write(void *ctx, uint64_t offset, const uint8_t *p, size_t n)
{
    struct rig *r = ctx;
    cr_assert_gt(n, 0);
    if (++r->ios == r->fail_io) {
        return NACRE_ERR_IO;
    }
    cr_assert(offset <= FILE_MAX && n <= FILE_MAX - offset);
    memcpy(r->local + offset, p, n);
    r->local_written += n;
    if (offset + n > r->local_size) {
        r->local_size = (size_t)offset + n;
    }
    return NACRE_OK;
}

static struct rig *rig(size_t size)
{
    struct rig *r = calloc(1, sizeof *r);
    cr_assert_not_null(r);
    r->file = calloc(1, FILE_MAX);
    r->local = calloc(1, FILE_MAX);
    r->rx = malloc(STREAM_MAX);
    r->tx = malloc(STREAM_MAX);
    cr_assert(r->file != NULL && r->local != NULL && r->rx != NULL && r->tx != NULL);
    pattern(r->file, size);
    r->size = size;
    r->told = size;
    r->place = 32768;
    r->rand = 1;
    cr_assert_eq(nacre_sftp_client_init(&r->c, r->mem, sizeof r->mem), NACRE_OK);
    return r;
}

static void done(struct rig *r)
{
    free(r->file);
    free(r->local);
    free(r->rx);
    free(r->tx);
    free(r);
}

static struct ncr_wr tx_begin(struct rig *r)
{
    return ncr_wr(r->tx + r->n_tx, STREAM_MAX - r->n_tx);
}

static void tx_status(struct rig *r, uint32_t id, uint32_t status)
{
    struct ncr_wr w = tx_begin(r);
    ncr_sftp_status_put(&w, id, status, nacre_sftp_status_text(status));
    r->n_tx += w.n;
}

static void answer_read(struct rig *r, const struct nacre_sftp_req *q)
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

static void answer_stat(struct rig *r, uint32_t id)
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

static void answer_write(struct rig *r, const struct nacre_sftp_req *q)
{
    cr_assert(q->offset <= FILE_MAX && q->data.n <= FILE_MAX - q->offset);
    cr_assert_gt(q->data.n, 0);
    memcpy(r->file + q->offset, q->data.p, q->data.n);
    if (q->offset + q->data.n > r->size) {
        r->size = (size_t)q->offset + q->data.n;
    }
    tx_status(r, q->id, NACRE_FX_OK);
}

static void answer(struct rig *r, const struct nacre_sftp_req *q)
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
static void hear(struct rig *r)
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
static void forget(struct rig *r)
{
    memmove(r->rx, r->rx + r->n_heard, r->n_rx - r->n_heard);
    r->n_rx -= r->n_heard;
    r->n_heard = 0;
}

static void answer_one(struct rig *r)
{
    if (r->n_queue == 0) {
        return;
    }
    size_t i = r->order == FIFO   ? 0
               : r->order == LIFO ? r->n_queue - 1
                                  : draw(r, (uint32_t)r->n_queue);
    struct nacre_sftp_req q = r->queue[i].req;
    memmove(&r->queue[i], &r->queue[i + 1], (r->n_queue - i - 1) * sizeof r->queue[0]);
    r->n_queue--;
    answer(r, &q);
    if (r->n_queue == 0) {
        forget(r);
    }
}

static void feed_some(struct rig *r)
{
    size_t n = r->order == FIFO ? r->n_tx : 1 + draw(r, 50000), at = 0;
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

static void run(struct rig *r)
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
        if (r->order != ANY || draw(r, 4) == 0 || r->n_queue == 0) {
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

static void begin(struct rig *r, const struct nacre_sftp_xfer_cfg *with, bool put)
{
    struct nacre_sftp_xfer_cfg cfg = {0};
    if (with != NULL) {
        cfg = *with;
    }
    cfg.put = put;
    cfg.path = nacre_bytes_str("/file");
    cfg.io = (struct nacre_sftp_io){r, local_read, local_write};
    cr_assert_eq(nacre_sftp_xfer_init(&r->t, &cfg), NACRE_OK);
}

static void get(struct rig *r, const struct nacre_sftp_xfer_cfg *with)
{
    begin(r, with, false);
    run(r);
}

static void expect_got(struct rig *r, size_t size)
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

static const size_t sizes[] = {0, 1, 511, 32767, 32768, 32769, 65536, 65537, 1000000, 3000000};
#define EACH_SIZE(i) for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)

/* ---- get ---- */

Test(transfer, get_in_any_order)
{
    EACH_SIZE(i)
    {
        for (int order = FIFO; order <= ANY; order++) {
            for (int limit = 0; limit < 3; limit++) {
                struct rig *r = rig(sizes[i]);
                r->order = (enum order)order;
                r->limit = limit == 0 ? 0 : limit == 1 ? 1000 : 261120;
                get(r, NULL);
                expect_got(r, sizes[i]);
                done(r);
            }
        }
    }
}

Test(transfer, get_short_reads_are_no_end)
{
    static const uint32_t most[] = {0, 1, 100, 4096, 16384, 32767};
    EACH_SIZE(i)
    {
        for (size_t j = 0; j < sizeof most / sizeof *most; j++) {
            if (most[j] == 1 && sizes[i] > 40000) {
                continue;
            }
            for (int order = FIFO; order <= ANY; order++) {
                struct rig *r = rig(sizes[i]);
                r->order = (enum order)order;
                r->most = most[j];
                r->twice_short = true;
                get(r, NULL);
                expect_got(r, sizes[i]);
                done(r);
            }
        }
    }
}

/* The server tells no size (none, 0, failure) or a wrong one: the end is where reads say. */
Test(transfer, get_size_unknown_or_wrong)
{
    EACH_SIZE(i)
    {
        for (int how = 0; how < 6; how++) {
            struct rig *r = rig(sizes[i]);
            struct nacre_sftp_xfer_cfg cfg = {.size_hint = how == 5 ? 12345 : 0};
            r->order = ANY;
            r->no_stat = how == 0;
            r->told = how == 1   ? 0
                      : how == 2 ? sizes[i] / 2
                      : how == 3 ? sizes[i] * 2 + 5
                                 : sizes[i];
            if (how == 4) {
                r->told = UINT64_MAX;
            }
            get(r, &cfg);
            if (how == 2 && r->t.end < sizes[i]) { /* a read that ended there was believed */
                cr_assert_eq(r->t.end, r->told);
                cr_assert_lt(r->told, 65536);
            } else {
                expect_got(r, sizes[i]);
            }
            done(r);
        }
    }
}

Test(transfer, get_uses_the_hint_at_once)
{
    struct rig *r = rig(3000000);
    struct nacre_sftp_xfer_cfg cfg = {.size_hint = 3000000};
    r->no_stat = true;
    get(r, &cfg);
    expect_got(r, 3000000);
    cr_assert_gt(r->peak, 10);
    done(r);
}

/* A small file costs its reads in one round trip: the end is found along with the data. */
Test(transfer, get_small_file_in_few_requests)
{
    struct rig *r = rig(1000);
    get(r, NULL);
    expect_got(r, 1000);
    cr_assert_leq(r->count[NACRE_SFTP_OP_READ], 2);
    done(r);
    r = rig(1000);
    struct nacre_sftp_xfer_cfg cfg = {.size_hint = 1000};
    get(r, &cfg);
    expect_got(r, 1000);
    cr_assert_leq(r->count[NACRE_SFTP_OP_READ], 2);
    done(r);
}

static void grow(struct rig *r)
{
    if (r->count[NACRE_SFTP_OP_READ] > 5 && r->size < 2000000) {
        pattern(r->file, 2000000);
        r->size = 2000000;
    }
}

static void shrink(struct rig *r)
{
    if (r->count[NACRE_SFTP_OP_READ] > 5) {
        r->size = 100000;
    }
}

Test(transfer, get_file_that_grows)
{
    for (int order = FIFO; order <= ANY; order++) {
        struct rig *r = rig(1000000);
        r->order = (enum order)order;
        r->on_read = grow;
        get(r, NULL);
        expect_got(r, 2000000);
        done(r);
    }
}

Test(transfer, get_file_that_shrinks)
{
    for (int order = FIFO; order <= ANY; order++) {
        struct rig *r = rig(1000000);
        r->order = (enum order)order;
        r->on_read = shrink;
        get(r, NULL);
        cr_assert_eq(r->t.state, NACRE_XFER_DONE);
        cr_assert_geq(r->t.end, 100000);
        cr_assert_lt(r->t.end, 1000000);
        cr_assert_eq(memcmp(r->local, r->file, (size_t)r->t.end), 0); /* no hole below the end */
        cr_assert_eq(nacre_sftp_xfer_prefix(&r->t), r->t.end);
        done(r);
    }
}

Test(transfer, get_resumes)
{
    static const size_t offsets[] = {0, 1, 32768, 999999, 1000000, 1500000};
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        struct rig *r = rig(1000000);
        struct nacre_sftp_xfer_cfg cfg = {.offset = offsets[i]};
        r->order = ANY;
        size_t have = offsets[i] < 1000000 ? offsets[i] : 1000000;
        memcpy(r->local, r->file, have);
        r->local_size = have;
        get(r, &cfg);
        cr_assert_eq(r->t.state, NACRE_XFER_DONE);
        cr_assert_eq(r->t.end, offsets[i] > 1000000 ? offsets[i] : 1000000);
        cr_assert_eq(r->local_written, 1000000 - have);
        cr_assert_eq(memcmp(r->local, r->file, 1000000), 0);
        cr_assert_eq(r->t.attrs.size, 1000000); /* tells a caller that resumed beyond the end */
        done(r);
    }
}

Test(transfer, depth_grows_within_the_budget)
{
    static const uint64_t budgets[] = {1, 40000, 200000, 1 << 20, 0};
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        struct rig *r = rig(3000000);
        struct nacre_sftp_xfer_cfg cfg = {.budget = budgets[i]};
        r->limit = 261120;
        get(r, &cfg);
        expect_got(r, 3000000);
        uint64_t budget = budgets[i] == 0 ? NACRE_SFTP_BUDGET : budgets[i];
        cr_assert_leq(r->peak_bytes, budget + 261120);
        cr_assert_gt(r->peak_bytes, budget < 500000 ? budget / 2 : 400000);
        done(r);
    }
}

/* ---- s91: servers without end ---- */

Test(transfer, s91_endless_file, .timeout = 20)
{
    for (int told = 0; told < 2; told++) {
        struct rig *r = rig(0);
        struct nacre_sftp_xfer_cfg cfg = {.max_size = 2000000};
        r->endless = true;
        r->told = told == 0 ? 0 : 1000;
        get(r, &cfg);
        cr_assert_eq(r->t.state, NACRE_XFER_FAILED);
        cr_assert_eq(r->t.failure.err, NACRE_ERR_LIMIT);
        cr_assert_leq(r->local_size, 2000000);
        cr_assert_eq(r->count[NACRE_SFTP_OP_CLOSE], 1);
        done(r);
    }
}

Test(transfer, s91_no_progress, .timeout = 20)
{
    struct rig *r = rig(1000000);
    r->stalls = true;
    get(r, NULL);
    cr_assert_eq(r->t.state, NACRE_XFER_FAILED);
    cr_assert_eq(r->t.failure.err, NACRE_ERR_FORMAT);
    cr_assert_eq(nacre_sftp_xfer_prefix(&r->t), 0);
    done(r);
}

Test(transfer, s88_offsets)
{
    static const uint64_t offsets[] = {(uint64_t)INT64_MAX, (uint64_t)INT64_MAX - 10,
                                       (uint64_t)INT64_MAX - 32768};
    struct nacre_sftp_xfer t;
    struct nacre_sftp_xfer_cfg cfg = {.io = {NULL, local_read, local_write}};
    cfg.offset = (uint64_t)INT64_MAX + 1;
    cr_assert_eq(nacre_sftp_xfer_init(&t, &cfg), NACRE_ERR_USAGE);
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        struct rig *r = rig(0);
        cfg.offset = offsets[i];
        r->endless = true;
        r->told = 0;
        r->fail_io = 1; /* nothing fits such an offset here */
        get(r, &cfg);
        cr_assert_eq(r->t.state, NACRE_XFER_FAILED);
        cr_assert(r->t.failure.err == NACRE_ERR_LIMIT || r->t.failure.err == NACRE_ERR_IO);
        done(r);
    }
}

/* ---- put ---- */

Test(transfer, put_in_any_order)
{
    static const size_t places[] = {300, 1024, 32768, 100000, 262144};
    EACH_SIZE(i)
    {
        for (size_t j = 0; j < sizeof places / sizeof *places; j++) {
            for (int order = FIFO; order <= ANY; order++) {
                struct rig *r = rig(0);
                if (places[j] == 300 && sizes[i] > 100000) {
                    done(r);
                    continue;
                }
                r->order = (enum order)order;
                r->place = places[j];
                r->limit = j % 2 == 0 ? 261120 : 0;
                r->twice_short = order == ANY;
                pattern(r->local, sizes[i]);
                r->local_size = sizes[i];
                begin(r, NULL, true);
                run(r);
                cr_assert_eq(r->t.state, NACRE_XFER_DONE);
                cr_assert_eq(r->size, sizes[i]);
                cr_assert_eq(r->t.moved, sizes[i]);
                cr_assert_eq(memcmp(r->local, r->file, sizes[i]), 0);
                cr_assert_eq(nacre_sftp_xfer_prefix(&r->t), sizes[i]);
                cr_assert_eq(r->count[NACRE_SFTP_OP_FSETSTAT] + r->count[NACRE_SFTP_OP_FSYNC], 0);
                done(r);
            }
        }
    }
}

Test(transfer, put_resumes_and_ends_with_attributes)
{
    struct rig *r = rig(0);
    struct nacre_sftp_xfer_cfg cfg = {
        .offset = 70000, .fsync = true, .final = {.flags = NACRE_SFTP_ATTR_TIMES, .mtime = 5}};
    pattern(r->local, 200000);
    r->local_size = 200000;
    memcpy(r->file, r->local, 70000);
    r->size = 70000;
    begin(r, &cfg, true);
    cr_assert_eq(r->t.cfg.pflags, NACRE_FXF_WRITE | NACRE_FXF_CREAT); /* not cut */
    run(r);
    cr_assert_eq(r->t.state, NACRE_XFER_DONE);
    cr_assert_eq(r->t.moved, 130000);
    cr_assert_eq(memcmp(r->local, r->file, 200000), 0);
    cr_assert_eq(r->count[NACRE_SFTP_OP_FSETSTAT], 1);
    cr_assert_eq(r->count[NACRE_SFTP_OP_FSYNC], 1);
    cr_assert_eq(r->t.failure.op, NACRE_SFTP_OP_NONE);
    done(r);
}

Test(transfer, put_fills_whole_places)
{
    struct rig *r = rig(0);
    pattern(r->local, 3000000);
    r->local_size = 3000000;
    begin(r, NULL, true);
    run(r);
    /* head of 25 octets and a handle of 6 in each place of 32,768 */
    cr_assert_eq(r->count[NACRE_SFTP_OP_WRITE], 3000000 / (32768 - 31) + 1);
    cr_assert_gt(r->peak, NACRE_SFTP_REQUESTS_MAX / 2);
    done(r);
}

/* ---- Failures: each at its n-th time ---- */

static void expect_failed(struct rig *r, nacre_err err, uint32_t status)
{
    cr_assert_eq(r->t.state, NACRE_XFER_FAILED);
    cr_assert_eq(r->t.failure.err, err);
    cr_assert_eq(r->t.failure.status, status);
    cr_assert_neq(r->t.failure.op, NACRE_SFTP_OP_NONE);
    if (status != 0) {
        cr_assert_str_eq(r->t.failure.text, nacre_sftp_status_text(status));
    }
}

/* Everything below the prefix has arrived, wherever the transfer ended. */
static void expect_prefix(struct rig *r, bool put)
{
    uint64_t n = nacre_sftp_xfer_prefix(&r->t);
    cr_assert_leq(n, 400000);
    cr_assert_eq(memcmp(r->local, r->file, (size_t)n), 0, "prefix %llu", (unsigned long long)n);
    if (put) {
        cr_assert_leq(n, r->size);
    } else {
        cr_assert_leq(n, r->local_size);
    }
}

static struct rig *small(bool put, int order)
{
    struct rig *r = rig(put ? 0 : 400000);
    r->order = (enum order)order;
    if (put) {
        pattern(r->local, 400000);
        r->local_size = 400000;
    }
    begin(r, NULL, put);
    return r;
}

Test(transfer, s94_every_reply_is_a_failure_once)
{
    for (int put = 0; put < 2; put++) {
        for (int order = FIFO; order <= ANY; order++) {
            for (unsigned n = 1; n < 30; n++) {
                struct rig *r = small(put, order);
                r->fail_reply = n;
                r->fail_status = NACRE_FX_FAILURE;
                run(r);
                if (r->replies < n || (!put && r->t.state == NACRE_XFER_DONE)) {
                    cr_assert_eq(r->t.state, NACRE_XFER_DONE); /* FSTAT may fail */
                } else {
                    expect_failed(r, NACRE_OK, NACRE_FX_FAILURE);
                    cr_assert_eq(r->count[NACRE_SFTP_OP_CLOSE], n > 1);
                }
                expect_prefix(r, put);
                done(r);
            }
        }
    }
}

Test(transfer, s94_local_side_fails_once)
{
    for (int put = 0; put < 2; put++) {
        for (int order = FIFO; order <= ANY; order++) {
            for (unsigned n = 1; n < 20; n++) {
                struct rig *r = small(put, order);
                r->fail_io = n;
                run(r);
                if (r->ios < n) {
                    cr_assert_eq(r->t.state, NACRE_XFER_DONE);
                } else {
                    expect_failed(r, NACRE_ERR_IO, 0);
                    cr_assert_eq(r->count[NACRE_SFTP_OP_CLOSE], 1);
                }
                expect_prefix(r, put);
                done(r);
            }
        }
    }
}

Test(transfer, interrupted_at_every_event)
{
    for (int put = 0; put < 2; put++) {
        for (int order = FIFO; order <= ANY; order++) {
            for (unsigned n = 1; n < 40; n++) {
                struct rig *r = small(put, order);
                r->stop_at = n;
                run(r);
                if (r->events >= n && r->t.state != NACRE_XFER_DONE) {
                    expect_failed(r, NACRE_ERR_TIMEOUT, 0);
                }
                expect_prefix(r, put);
                done(r);
            }
        }
    }
}

/* The connection goes: what is in flight or must be asked for again does not count as there. */
Test(transfer, cut_off_at_every_event)
{
    for (int put = 0; put < 2; put++) {
        for (int order = FIFO; order <= ANY; order++) {
            for (unsigned n = 1; n < 40; n++) {
                struct rig *r = small(put, order);
                r->abort_at = n;
                r->twice_short = true;
                run(r);
                if (r->events >= n && r->t.state != NACRE_XFER_DONE) {
                    expect_failed(r, NACRE_ERR_PEER_CLOSED, 0);
                }
                expect_prefix(r, put);
                done(r);
            }
        }
    }
}

Test(transfer, stopped_before_it_began)
{
    struct rig *r = small(false, FIFO);
    nacre_sftp_xfer_stop(&r->t, NACRE_ERR_TIMEOUT);
    expect_failed(r, NACRE_ERR_TIMEOUT, 0);
    nacre_sftp_xfer_stop(&r->t, NACRE_ERR_IO); /* over already */
    nacre_sftp_xfer_abort(&r->t, NACRE_ERR_IO);
    cr_assert_eq(r->t.failure.err, NACRE_ERR_TIMEOUT);
    done(r);
}

/* Attributes that cannot be set do not undo the data. */
Test(transfer, put_without_its_attributes_is_done)
{
    struct rig *r = small(true, FIFO);
    r->t.cfg.final.flags = NACRE_SFTP_ATTR_TIMES;
    unsigned writes = 400000 / (32768 - 31) + 1;
    r->fail_reply = 1 + writes + 1; /* OPEN, WRITEs, FSETSTAT */
    r->fail_status = NACRE_FX_PERMISSION_DENIED;
    run(r);
    cr_assert_eq(r->t.state, NACRE_XFER_DONE);
    cr_assert_eq(r->t.failure.op, NACRE_SFTP_OP_FSETSTAT);
    cr_assert_eq(r->t.failure.status, NACRE_FX_PERMISSION_DENIED);
    done(r);
}

Test(transfer, s07_engine_that_is_over_ends_it)
{
    struct rig *r = small(false, FIFO);
    uint8_t bad[9] = {0, 0, 0, 0, 0}, out[300];
    struct nacre_sftp_event ev;
    size_t used;
    cr_assert_eq(nacre_sftp_client_recv(&r->c, bad, sizeof bad, &used, &ev), NACRE_ERR_PACKET_LEN);
    cr_assert_eq(nacre_sftp_xfer_output(&r->t, &r->c, out, sizeof out), 0);
    expect_failed(r, NACRE_ERR_PACKET_LEN, 0);
    done(r);
}

Test(transfer, s88_path_too_long)
{
    static uint8_t path[NCR_SFTP_PATH_MAX + 1];
    struct rig *r = small(false, FIFO);
    uint8_t out[300];
    r->t.cfg.path = (struct nacre_bytes){path, sizeof path};
    (void)nacre_sftp_xfer_output(&r->t, &r->c, out, sizeof out);
    expect_failed(r, NACRE_ERR_USAGE, 0);
    done(r);
}

Test(transfer, hooks_that_are_missing)
{
    struct nacre_sftp_xfer t;
    struct nacre_sftp_xfer_cfg cfg = {.io = {NULL, local_read, NULL}};
    cr_assert_eq(nacre_sftp_xfer_init(&t, &cfg), NACRE_ERR_USAGE);
    cfg.put = true;
    cr_assert_eq(nacre_sftp_xfer_init(&t, &cfg), NACRE_OK);
    cfg.io = (struct nacre_sftp_io){NULL, NULL, local_write};
    cr_assert_eq(nacre_sftp_xfer_init(&t, &cfg), NACRE_ERR_USAGE);
}

/* ---- Against our own server ---- */

struct pair {
    struct nacre_sftp_client c;
    uint64_t c_mem[NACRE_SFTP_CLIENT_MEM / 8 + 1];
    struct nacre_sftp_server s;
    uint64_t s_mem[NACRE_SFTP_SERVER_MEM / 8];
    struct nacre_fs fs;
    struct nacre_fs_memory m;
    uint64_t disk[NACRE_FS_MEMORY_MEM(300, 4 << 20) / 8];
    uint8_t up[1 << 18], down[1 << 18];
    size_t n_up, n_down;
};

static struct pair *pair(const struct nacre_fs *fs)
{
    struct pair *p = calloc(1, sizeof *p);
    struct nacre_sftp_server_cfg cfg = {.fs = fs};
    cr_assert_not_null(p);
    cr_assert_eq(nacre_fs_memory_init(&p->fs, &p->m, p->disk, sizeof p->disk, 300), NACRE_OK);
    if (fs == NULL) {
        cfg.fs = &p->fs;
    }
    cr_assert_eq(nacre_sftp_client_init(&p->c, p->c_mem, sizeof p->c_mem), NACRE_OK);
    cr_assert_eq(nacre_sftp_server_init(&p->s, p->s_mem, sizeof p->s_mem, &cfg), NACRE_OK);
    return p;
}

/* One round: requests up, replies down, in places of that size. take() gets the events. */
static bool round_trip(struct pair *p, size_t room, size_t (*out)(void *, uint8_t *, size_t),
                       void (*take)(void *, const struct nacre_sftp_event *), void *ctx)
{
    size_t used, n, before = p->n_up;
    while (sizeof p->up - p->n_up >= room && (n = out(ctx, p->up + p->n_up, room)) > 0) {
        p->n_up += n;
    }
    cr_assert_eq(nacre_sftp_server_recv(&p->s, p->up, p->n_up, &used), NACRE_OK, "%s",
                 nacre_sftp_server_errinfo(&p->s).what);
    bool moved = used > 0 || p->n_up > before;
    memmove(p->up, p->up + used, p->n_up - used);
    p->n_up -= used;
    while (sizeof p->down - p->n_down >= room &&
           (n = nacre_sftp_server_output(&p->s, p->down + p->n_down, room)) > 0) {
        p->n_down += n;
        moved = true;
    }
    for (size_t at = 0; at < p->n_down; at += used) {
        struct nacre_sftp_event ev;
        cr_assert_eq(nacre_sftp_client_recv(&p->c, p->down + at, p->n_down - at, &used, &ev),
                     NACRE_OK, "%s", nacre_sftp_client_errinfo(&p->c).what);
        if (ev.type != NACRE_SFTP_EV_NONE && ev.type != NACRE_SFTP_EV_VERSION) {
            take(ctx, &ev);
        }
    }
    p->n_down = 0;
    return moved;
}

/* Several transfers at once. */
struct several {
    struct pair *p;
    struct nacre_sftp_xfer t[4];
    size_t n;
};

static size_t several_out(void *ctx, uint8_t *p, size_t room)
{
    struct several *s = ctx;
    size_t n = 0;
    for (size_t i = 0; i < s->n && n == 0; i++) {
        n = nacre_sftp_xfer_output(&s->t[i], &s->p->c, p, room);
    }
    return n;
}

static void several_take(void *ctx, const struct nacre_sftp_event *ev)
{
    struct several *s = ctx;
    size_t taken = 0;
    for (size_t i = 0; i < s->n; i++) {
        taken += nacre_sftp_xfer_event(&s->t[i], ev);
    }
    cr_assert_eq(taken, 1, "an event belongs to one transfer");
}

static bool several_over(const struct several *s)
{
    bool over = true;
    for (size_t i = 0; i < s->n; i++) {
        over = over && nacre_sftp_xfer_over(&s->t[i]);
    }
    return over;
}

static void several_run(struct several *s, size_t room)
{
    unsigned idle = 0;
    while (!several_over(s)) {
        idle = round_trip(s->p, room, several_out, several_take, s) ? 0 : idle + 1;
        cr_assert_lt(idle, 5, "stuck");
    }
    cr_assert_eq(nacre_sftp_client_flight(&s->p->c), 0);
}

static void several_add(struct several *s, struct rig *r, bool put, const char *path)
{
    struct nacre_sftp_xfer_cfg cfg = {
        .put = put, .path = nacre_bytes_str(path), .io = {r, local_read, local_write}};
    cr_assert_eq(nacre_sftp_xfer_init(&s->t[s->n++], &cfg), NACRE_OK);
}

Test(transfer, there_and_back)
{
    static const size_t rooms[] = {1024, 4096, 32768, 100000};
    EACH_SIZE(i)
    {
        for (size_t j = 0; j < sizeof rooms / sizeof *rooms; j++) {
            struct several s = {.p = pair(NULL)};
            struct rig *up = rig(0), *down = rig(0);
            pattern(up->local, sizes[i]);
            up->local_size = sizes[i];
            several_add(&s, up, true, "/f");
            several_run(&s, rooms[j]);
            cr_assert_eq(s.t[0].state, NACRE_XFER_DONE);
            s.n = 0;
            several_add(&s, down, false, "/f");
            several_run(&s, rooms[j]);
            cr_assert_eq(s.t[0].state, NACRE_XFER_DONE);
            cr_assert_eq(s.t[0].end, sizes[i]);
            cr_assert_eq(down->local_size, sizes[i]);
            cr_assert_eq(memcmp(down->local, up->local, sizes[i]), 0);
            done(up);
            done(down);
            free(s.p);
        }
    }
}

Test(transfer, several_at_once)
{
    struct several s = {.p = pair(NULL)};
    struct rig *up[4], *down[4];
    static const char *const paths[] = {"/a", "/b", "/c", "/d"};
    for (size_t i = 0; i < 4; i++) {
        up[i] = rig(0);
        pattern(up[i]->local, 100000 * i + i);
        up[i]->local_size = 100000 * i + i;
        several_add(&s, up[i], true, paths[i]);
    }
    several_run(&s, 32768);
    s.n = 0;
    for (size_t i = 0; i < 4; i++) {
        down[i] = rig(0);
        several_add(&s, down[i], false, paths[i]);
    }
    several_run(&s, 32768);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(s.t[i].state, NACRE_XFER_DONE);
        cr_assert_eq(down[i]->local_size, up[i]->local_size);
        cr_assert_eq(memcmp(down[i]->local, up[i]->local, up[i]->local_size), 0);
        done(up[i]);
        done(down[i]);
    }
    free(s.p);
}

/* 5 GiB, counted and not stored: no size is cut to 32 bits on the way. */
#define HUGE_SIZE ((uint64_t)5 << 30)
static uint64_t huge_next;

static enum nacre_fs_result huge_open(void *ctx, struct nacre_bytes path, uint32_t pflags,
                                      const struct nacre_sftp_attrs *a, uint64_t *file)
{
    (void)ctx, (void)path, (void)pflags, (void)a;
    *file = 0;
    return NACRE_FS_OK;
}

static enum nacre_fs_result huge_write(void *ctx, uint64_t file, uint64_t offset, const uint8_t *p,
                                       size_t n)
{
    (void)ctx, (void)file, (void)p;
    cr_assert_eq(offset, huge_next);
    huge_next += n;
    return NACRE_FS_OK;
}

static enum nacre_fs_result huge_read(void *ctx, uint64_t file, uint64_t offset, uint8_t *p,
                                      size_t n, size_t *got)
{
    (void)ctx, (void)file, (void)p;
    *got = offset >= HUGE_SIZE ? 0 : HUGE_SIZE - offset < n ? (size_t)(HUGE_SIZE - offset) : n;
    return NACRE_FS_OK;
}

static enum nacre_fs_result huge_fstat(void *ctx, uint64_t file, struct nacre_sftp_attrs *a)
{
    (void)ctx, (void)file;
    a->flags = NACRE_SFTP_ATTR_SIZE;
    a->size = HUGE_SIZE;
    return NACRE_FS_OK;
}

static nacre_err huge_source(void *ctx, uint64_t offset, uint8_t *p, size_t n, size_t *got)
{
    (void)ctx;
    return huge_read(NULL, 0, offset, p, n, got) == NACRE_FS_OK ? NACRE_OK : NACRE_ERR_IO;
}

static nacre_err huge_sink(void *ctx, uint64_t offset, const uint8_t *p, size_t n)
{
    (void)ctx;
    return huge_write(NULL, 0, offset, p, n) == NACRE_FS_OK ? NACRE_OK : NACRE_ERR_IO;
}

Test(transfer, s22_five_gigabytes, .timeout = 50)
{
    static const struct nacre_fs fs = {
        .open = huge_open, .write = huge_write, .read = huge_read, .fstat = huge_fstat};
    for (int put = 0; put < 2; put++) {
        struct several s = {.p = pair(&fs), .n = 1};
        struct nacre_sftp_xfer_cfg cfg = {
            .put = put, .path = nacre_bytes_str("/huge"), .io = {NULL, huge_source, huge_sink}};
        huge_next = 0;
        cr_assert_eq(nacre_sftp_xfer_init(&s.t[0], &cfg), NACRE_OK);
        several_run(&s, 1 << 17);
        cr_assert_eq(s.t[0].state, NACRE_XFER_DONE);
        cr_assert_eq(s.t[0].moved, HUGE_SIZE);
        cr_assert_eq(huge_next, HUGE_SIZE);
        cr_assert_eq(nacre_sftp_xfer_prefix(&s.t[0]), HUGE_SIZE);
        free(s.p);
    }
}

/* ---- Listings ---- */

struct listing {
    struct pair *p;
    struct nacre_sftp_list l;
    size_t names;
};

static size_t list_out(void *ctx, uint8_t *p, size_t room)
{
    struct listing *s = ctx;
    nacre_sftp_list_step(&s->l, &s->p->c);
    return nacre_sftp_client_output(&s->p->c, p, room);
}

static void list_take(void *ctx, const struct nacre_sftp_event *ev)
{
    struct listing *s = ctx;
    struct nacre_sftp_names names = ev->names;
    struct nacre_sftp_name name;
    cr_assert(nacre_sftp_list_event(&s->l, ev));
    while (s->l.failure.op == NACRE_SFTP_OP_NONE && nacre_sftp_names_next(&names, &name)) {
        s->names++;
    }
}

static void list_run(struct listing *s)
{
    unsigned idle = 0;
    while (!nacre_sftp_list_over(&s->l)) {
        idle = round_trip(s->p, 4096, list_out, list_take, s) ? 0 : idle + 1;
        cr_assert_lt(idle, 5, "stuck");
    }
    cr_assert_eq(nacre_sftp_client_flight(&s->p->c), s->p->c.limits_asked ? 1 : 0);
}

static struct pair *pair_with_files(int n)
{
    struct pair *p = pair(NULL);
    for (int i = 0; i < n; i++) {
        char path[16];
        uint64_t file;
        struct nacre_sftp_attrs a = {0};
        (void)snprintf(path, sizeof path, "/f%d", i);
        cr_assert_eq(p->fs.open(p->fs.ctx, nacre_bytes_str(path), NACRE_FXF_WRITE | NACRE_FXF_CREAT,
                                &a, &file),
                     NACRE_FS_OK);
        cr_assert_eq(p->fs.close(p->fs.ctx, file), NACRE_FS_OK);
    }
    return p;
}

Test(transfer, list)
{
    static const int counts[] = {0, 1, 127, 128, 129, 290};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct listing s = {.p = pair_with_files(counts[i])};
        nacre_sftp_list_init(&s.l, nacre_bytes_str("/"), 0);
        list_run(&s);
        cr_assert_eq(s.l.state, NACRE_XFER_DONE);
        cr_assert_eq(s.names, (size_t)counts[i]);
        cr_assert_eq(s.l.entries, (uint64_t)counts[i]);
        cr_assert_eq(s.p->s.n_handles, 0);
        free(s.p);
    }
}

Test(transfer, s91_list_is_capped)
{
    struct listing s = {.p = pair_with_files(290)};
    nacre_sftp_list_init(&s.l, nacre_bytes_str("/"), 200);
    list_run(&s);
    cr_assert_eq(s.l.state, NACRE_XFER_FAILED);
    cr_assert_eq(s.l.failure.err, NACRE_ERR_LIMIT);
    cr_assert_leq(s.names, 200);
    cr_assert_eq(s.p->s.n_handles, 0);
    free(s.p);
}

Test(transfer, s94_list_fails_at_every_step)
{
    for (uint32_t n = 1; n < 8; n++) {
        struct listing s = {.p = pair_with_files(3)};
        nacre_sftp_list_init(&s.l, nacre_bytes_str("/"), 0);
        s.p->m.fail_in = n;
        list_run(&s);
        cr_assert_eq(s.p->s.n_handles, 0);
        cr_assert(s.p->m.fail_in > 0 || s.l.state == NACRE_XFER_FAILED || n > 1);
        free(s.p);
    }
    struct listing s = {.p = pair_with_files(0)};
    nacre_sftp_list_init(&s.l, nacre_bytes_str("/nothing"), 0);
    list_run(&s);
    cr_assert_eq(s.l.state, NACRE_XFER_FAILED);
    cr_assert_eq(s.l.failure.status, NACRE_FX_NO_SUCH_FILE);
    nacre_sftp_list_abort(&s.l, NACRE_ERR_IO);
    cr_assert_eq(s.l.failure.err, NACRE_OK);
    free(s.p);
}

Test(transfer, s07_list_ends_with_the_engine)
{
    struct listing s = {.p = pair_with_files(1)};
    uint8_t bad[5] = {0};
    struct nacre_sftp_event ev;
    size_t used;
    nacre_sftp_list_init(&s.l, nacre_bytes_str("/"), 0);
    cr_assert_eq(nacre_sftp_client_recv(&s.p->c, bad, sizeof bad, &used, &ev),
                 NACRE_ERR_PACKET_LEN);
    nacre_sftp_list_step(&s.l, &s.p->c);
    cr_assert_eq(s.l.state, NACRE_XFER_FAILED);
    cr_assert_eq(s.l.failure.err, NACRE_ERR_PACKET_LEN);
    free(s.p);
}

/* A server that says "here are no names" instead of "end". */
Test(transfer, s91_empty_names_end_a_listing)
{
    struct nacre_sftp_list l;
    struct nacre_sftp_event ev = {.type = NACRE_SFTP_EV_NAMES, .op = NACRE_SFTP_OP_READDIR};
    nacre_sftp_list_init(&l, nacre_bytes_str("/"), 0);
    l.state = NACRE_XFER_MOVING;
    l.pending = true;
    cr_assert(nacre_sftp_list_event(&l, &ev));
    cr_assert_eq(l.state, NACRE_XFER_ENDING);
    cr_assert_not(nacre_sftp_list_event(&l, &ev)); /* none is asked for */
}
