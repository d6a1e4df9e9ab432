/* SPDX-License-Identifier: ISC
 *
 * Whole files over the SFTP client (sftp/transfer.c) against a scripted server that answers in any
 * order, short, wrong or never ending (s91). Each failure of either side at its n-th time;
 * interruption at every point. Against our own server: test_transfer_pair.c.
 */
#include "tests/sftp_rig.h"
#include "tests/xfer_rig.h"

#include <criterion/criterion.h>
#include <string.h>

/* ---- get ---- */

Test(transfer, get_in_any_order)
{
    XFER_EACH_SIZE(i)
    {
        for (int order = XFER_FIFO; order <= XFER_ANY; order++) {
            for (int limit = 0; limit < 3; limit++) {
                struct xfer_rig *r = xfer_start(xfer_sizes[i]);
                r->order = (enum xfer_order)order;
                r->limit = limit == 0 ? 0 : limit == 1 ? 1000 : 261120;
                xfer_get(r, NULL);
                xfer_expect_got(r, xfer_sizes[i]);
                xfer_stop(r);
            }
        }
    }
}

Test(transfer, get_short_reads_are_no_end)
{
    static const uint32_t most[] = {0, 1, 100, 4096, 16384, 32767};
    XFER_EACH_SIZE(i)
    {
        for (size_t j = 0; j < sizeof most / sizeof *most; j++) {
            if (most[j] == 1 && xfer_sizes[i] > 40000) {
                continue;
            }
            for (int order = XFER_FIFO; order <= XFER_ANY; order++) {
                struct xfer_rig *r = xfer_start(xfer_sizes[i]);
                r->order = (enum xfer_order)order;
                r->most = most[j];
                r->twice_short = true;
                xfer_get(r, NULL);
                xfer_expect_got(r, xfer_sizes[i]);
                xfer_stop(r);
            }
        }
    }
}

/* The server tells no size (none, 0, failure) or a wrong one: the end is where reads say. */
Test(transfer, get_size_unknown_or_wrong)
{
    XFER_EACH_SIZE(i)
    {
        for (int how = 0; how < 6; how++) {
            struct xfer_rig *r = xfer_start(xfer_sizes[i]);
            struct nacre_sftp_xfer_cfg cfg = {.size_hint = how == 5 ? 12345 : 0};
            r->order = XFER_ANY;
            r->no_stat = how == 0;
            r->told = how == 1   ? 0
                      : how == 2 ? xfer_sizes[i] / 2
                      : how == 3 ? xfer_sizes[i] * 2 + 5
                                 : xfer_sizes[i];
            if (how == 4) {
                r->told = UINT64_MAX;
            }
            xfer_get(r, &cfg);
            if (how == 2 && r->t.end < xfer_sizes[i]) { /* a read that ended there was believed */
                cr_assert_eq(r->t.end, r->told);
                cr_assert_lt(r->told, 65536);
            } else {
                xfer_expect_got(r, xfer_sizes[i]);
            }
            xfer_stop(r);
        }
    }
}

Test(transfer, get_uses_the_hint_at_once)
{
    struct xfer_rig *r = xfer_start(3000000);
    struct nacre_sftp_xfer_cfg cfg = {.size_hint = 3000000};
    r->no_stat = true;
    xfer_get(r, &cfg);
    xfer_expect_got(r, 3000000);
    cr_assert_gt(r->peak, 10);
    xfer_stop(r);
}

/* A small file costs its reads in one round trip: the end is found along with the data. */
Test(transfer, get_small_file_in_few_requests)
{
    struct xfer_rig *r = xfer_start(1000);
    xfer_get(r, NULL);
    xfer_expect_got(r, 1000);
    cr_assert_leq(r->count[NACRE_SFTP_OP_READ], 2);
    xfer_stop(r);
    r = xfer_start(1000);
    struct nacre_sftp_xfer_cfg cfg = {.size_hint = 1000};
    xfer_get(r, &cfg);
    xfer_expect_got(r, 1000);
    cr_assert_leq(r->count[NACRE_SFTP_OP_READ], 2);
    xfer_stop(r);
}

static void grow(struct xfer_rig *r)
{
    if (r->count[NACRE_SFTP_OP_READ] > 5 && r->size < 2000000) {
        sftp_fill(r->file, 2000000);
        r->size = 2000000;
    }
}

static void shrink(struct xfer_rig *r)
{
    if (r->count[NACRE_SFTP_OP_READ] > 5) {
        r->size = 100000;
    }
}

Test(transfer, get_file_that_grows)
{
    for (int order = XFER_FIFO; order <= XFER_ANY; order++) {
        struct xfer_rig *r = xfer_start(1000000);
        r->order = (enum xfer_order)order;
        r->on_read = grow;
        xfer_get(r, NULL);
        xfer_expect_got(r, 2000000);
        xfer_stop(r);
    }
}

Test(transfer, get_file_that_shrinks)
{
    for (int order = XFER_FIFO; order <= XFER_ANY; order++) {
        struct xfer_rig *r = xfer_start(1000000);
        r->order = (enum xfer_order)order;
        r->on_read = shrink;
        xfer_get(r, NULL);
        cr_assert_eq(r->t.state, NACRE_XFER_DONE);
        cr_assert_geq(r->t.end, 100000);
        cr_assert_lt(r->t.end, 1000000);
        cr_assert_eq(memcmp(r->local, r->file, (size_t)r->t.end), 0); /* no hole below the end */
        cr_assert_eq(nacre_sftp_xfer_prefix(&r->t), r->t.end);
        xfer_stop(r);
    }
}

Test(transfer, get_resumes)
{
    static const size_t offsets[] = {0, 1, 32768, 999999, 1000000, 1500000};
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        struct xfer_rig *r = xfer_start(1000000);
        struct nacre_sftp_xfer_cfg cfg = {.offset = offsets[i]};
        r->order = XFER_ANY;
        size_t have = offsets[i] < 1000000 ? offsets[i] : 1000000;
        memcpy(r->local, r->file, have);
        r->local_size = have;
        xfer_get(r, &cfg);
        cr_assert_eq(r->t.state, NACRE_XFER_DONE);
        cr_assert_eq(r->t.end, offsets[i] > 1000000 ? offsets[i] : 1000000);
        cr_assert_eq(r->local_written, 1000000 - have);
        cr_assert_eq(memcmp(r->local, r->file, 1000000), 0);
        cr_assert_eq(r->t.attrs.size, 1000000); /* tells a caller that resumed beyond the end */
        xfer_stop(r);
    }
}

Test(transfer, depth_grows_within_the_budget)
{
    static const uint64_t budgets[] = {1, 40000, 200000, 1 << 20, 0};
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        struct xfer_rig *r = xfer_start(3000000);
        struct nacre_sftp_xfer_cfg cfg = {.budget = budgets[i]};
        r->limit = 261120;
        xfer_get(r, &cfg);
        xfer_expect_got(r, 3000000);
        uint64_t budget = budgets[i] == 0 ? NACRE_SFTP_BUDGET : budgets[i];
        cr_assert_leq(r->peak_bytes, budget + 261120);
        cr_assert_gt(r->peak_bytes, budget < 500000 ? budget / 2 : 400000);
        xfer_stop(r);
    }
}

/* ---- s91: servers without end ---- */

Test(transfer, s91_endless_file, .timeout = 120)
{
    for (int told = 0; told < 2; told++) {
        struct xfer_rig *r = xfer_start(0);
        struct nacre_sftp_xfer_cfg cfg = {.max_size = 2000000};
        r->endless = true;
        r->told = told == 0 ? 0 : 1000;
        xfer_get(r, &cfg);
        cr_assert_eq(r->t.state, NACRE_XFER_FAILED);
        cr_assert_eq(r->t.failure.err, NACRE_ERR_LIMIT);
        cr_assert_leq(r->local_size, 2000000);
        cr_assert_eq(r->count[NACRE_SFTP_OP_CLOSE], 1);
        xfer_stop(r);
    }
}

Test(transfer, s91_no_progress, .timeout = 120)
{
    struct xfer_rig *r = xfer_start(1000000);
    r->stalls = true;
    xfer_get(r, NULL);
    cr_assert_eq(r->t.state, NACRE_XFER_FAILED);
    cr_assert_eq(r->t.failure.err, NACRE_ERR_FORMAT);
    cr_assert_eq(nacre_sftp_xfer_prefix(&r->t), 0);
    xfer_stop(r);
}

Test(transfer, s88_offsets)
{
    static const uint64_t offsets[] = {(uint64_t)INT64_MAX, (uint64_t)INT64_MAX - 10,
                                       (uint64_t)INT64_MAX - 32768};
    struct nacre_sftp_xfer t;
    struct nacre_sftp_xfer_cfg cfg = {.io = {NULL, xfer_local_read, xfer_local_write}};
    cfg.offset = (uint64_t)INT64_MAX + 1;
    cr_assert_eq(nacre_sftp_xfer_init(&t, &cfg), NACRE_ERR_USAGE);
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        struct xfer_rig *r = xfer_start(0);
        cfg.offset = offsets[i];
        r->endless = true;
        r->told = 0;
        r->fail_io = 1; /* nothing fits such an offset here */
        xfer_get(r, &cfg);
        cr_assert_eq(r->t.state, NACRE_XFER_FAILED);
        cr_assert(r->t.failure.err == NACRE_ERR_LIMIT || r->t.failure.err == NACRE_ERR_IO);
        xfer_stop(r);
    }
}

/* ---- put ---- */

Test(transfer, put_in_any_order)
{
    static const size_t places[] = {300, 1024, 32768, 100000, 262144};
    XFER_EACH_SIZE(i)
    {
        for (size_t j = 0; j < sizeof places / sizeof *places; j++) {
            for (int order = XFER_FIFO; order <= XFER_ANY; order++) {
                struct xfer_rig *r = xfer_start(0);
                if (places[j] == 300 && xfer_sizes[i] > 100000) {
                    xfer_stop(r);
                    continue;
                }
                r->order = (enum xfer_order)order;
                r->place = places[j];
                r->limit = j % 2 == 0 ? 261120 : 0;
                r->twice_short = order == XFER_ANY;
                sftp_fill(r->local, xfer_sizes[i]);
                r->local_size = xfer_sizes[i];
                xfer_begin(r, NULL, true);
                xfer_run(r);
                cr_assert_eq(r->t.state, NACRE_XFER_DONE);
                cr_assert_eq(r->size, xfer_sizes[i]);
                cr_assert_eq(r->t.moved, xfer_sizes[i]);
                cr_assert_eq(memcmp(r->local, r->file, xfer_sizes[i]), 0);
                cr_assert_eq(nacre_sftp_xfer_prefix(&r->t), xfer_sizes[i]);
                cr_assert_eq(r->count[NACRE_SFTP_OP_FSETSTAT] + r->count[NACRE_SFTP_OP_FSYNC], 0);
                xfer_stop(r);
            }
        }
    }
}

Test(transfer, put_resumes_and_ends_with_attributes)
{
    struct xfer_rig *r = xfer_start(0);
    struct nacre_sftp_xfer_cfg cfg = {
        .offset = 70000, .fsync = true, .final = {.flags = NACRE_SFTP_ATTR_TIMES, .mtime = 5}};
    sftp_fill(r->local, 200000);
    r->local_size = 200000;
    memcpy(r->file, r->local, 70000);
    r->size = 70000;
    xfer_begin(r, &cfg, true);
    cr_assert_eq(r->t.cfg.pflags, NACRE_FXF_WRITE | NACRE_FXF_CREAT); /* not cut */
    xfer_run(r);
    cr_assert_eq(r->t.state, NACRE_XFER_DONE);
    cr_assert_eq(r->t.moved, 130000);
    cr_assert_eq(memcmp(r->local, r->file, 200000), 0);
    cr_assert_eq(r->count[NACRE_SFTP_OP_FSETSTAT], 1);
    cr_assert_eq(r->count[NACRE_SFTP_OP_FSYNC], 1);
    cr_assert_eq(r->t.failure.op, NACRE_SFTP_OP_NONE);
    xfer_stop(r);
}

Test(transfer, put_fills_whole_places)
{
    struct xfer_rig *r = xfer_start(0);
    sftp_fill(r->local, 3000000);
    r->local_size = 3000000;
    xfer_begin(r, NULL, true);
    xfer_run(r);
    /* head of 25 octets and a handle of 6 in each place of 32,768 */
    cr_assert_eq(r->count[NACRE_SFTP_OP_WRITE], 3000000 / (32768 - 31) + 1);
    cr_assert_gt(r->peak, NACRE_SFTP_REQUESTS_MAX / 2);
    xfer_stop(r);
}

/* ---- Failures: each at its n-th time ---- */

static void expect_failed(struct xfer_rig *r, nacre_err err, uint32_t status)
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
static void expect_prefix(struct xfer_rig *r, bool put)
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

static struct xfer_rig *small(bool put, int order)
{
    struct xfer_rig *r = xfer_start(put ? 0 : 400000);
    r->order = (enum xfer_order)order;
    if (put) {
        sftp_fill(r->local, 400000);
        r->local_size = 400000;
    }
    xfer_begin(r, NULL, put);
    return r;
}

Test(transfer, s94_every_reply_is_a_failure_once)
{
    for (int put = 0; put < 2; put++) {
        for (int order = XFER_FIFO; order <= XFER_ANY; order++) {
            for (unsigned n = 1; n < 30; n++) {
                struct xfer_rig *r = small(put, order);
                r->fail_reply = n;
                r->fail_status = NACRE_FX_FAILURE;
                xfer_run(r);
                if (r->replies < n || (!put && r->t.state == NACRE_XFER_DONE)) {
                    cr_assert_eq(r->t.state, NACRE_XFER_DONE); /* FSTAT may fail */
                } else {
                    expect_failed(r, NACRE_OK, NACRE_FX_FAILURE);
                    cr_assert_eq(r->count[NACRE_SFTP_OP_CLOSE], n > 1);
                }
                expect_prefix(r, put);
                xfer_stop(r);
            }
        }
    }
}

Test(transfer, s94_local_side_fails_once)
{
    for (int put = 0; put < 2; put++) {
        for (int order = XFER_FIFO; order <= XFER_ANY; order++) {
            for (unsigned n = 1; n < 20; n++) {
                struct xfer_rig *r = small(put, order);
                r->fail_io = n;
                xfer_run(r);
                if (r->ios < n) {
                    cr_assert_eq(r->t.state, NACRE_XFER_DONE);
                } else {
                    expect_failed(r, NACRE_ERR_IO, 0);
                    cr_assert_eq(r->count[NACRE_SFTP_OP_CLOSE], 1);
                }
                expect_prefix(r, put);
                xfer_stop(r);
            }
        }
    }
}

Test(transfer, interrupted_at_every_event)
{
    for (int put = 0; put < 2; put++) {
        for (int order = XFER_FIFO; order <= XFER_ANY; order++) {
            for (unsigned n = 1; n < 40; n++) {
                struct xfer_rig *r = small(put, order);
                r->stop_at = n;
                xfer_run(r);
                if (r->events >= n && r->t.state != NACRE_XFER_DONE) {
                    expect_failed(r, NACRE_ERR_TIMEOUT, 0);
                }
                expect_prefix(r, put);
                xfer_stop(r);
            }
        }
    }
}

/* The connection goes: what is in flight or must be asked for again does not count as there. */
Test(transfer, cut_off_at_every_event)
{
    for (int put = 0; put < 2; put++) {
        for (int order = XFER_FIFO; order <= XFER_ANY; order++) {
            for (unsigned n = 1; n < 40; n++) {
                struct xfer_rig *r = small(put, order);
                r->abort_at = n;
                r->twice_short = true;
                xfer_run(r);
                if (r->events >= n && r->t.state != NACRE_XFER_DONE) {
                    expect_failed(r, NACRE_ERR_PEER_CLOSED, 0);
                }
                expect_prefix(r, put);
                xfer_stop(r);
            }
        }
    }
}

Test(transfer, stopped_before_it_began)
{
    struct xfer_rig *r = small(false, XFER_FIFO);
    nacre_sftp_xfer_stop(&r->t, NACRE_ERR_TIMEOUT);
    expect_failed(r, NACRE_ERR_TIMEOUT, 0);
    nacre_sftp_xfer_stop(&r->t, NACRE_ERR_IO); /* over already */
    nacre_sftp_xfer_abort(&r->t, NACRE_ERR_IO);
    cr_assert_eq(r->t.failure.err, NACRE_ERR_TIMEOUT);
    xfer_stop(r);
}

/* Attributes that cannot be set do not undo the data. */
Test(transfer, put_without_its_attributes_is_done)
{
    struct xfer_rig *r = small(true, XFER_FIFO);
    r->t.cfg.final.flags = NACRE_SFTP_ATTR_TIMES;
    unsigned writes = 400000 / (32768 - 31) + 1;
    r->fail_reply = 1 + writes + 1; /* OPEN, WRITEs, FSETSTAT */
    r->fail_status = NACRE_FX_PERMISSION_DENIED;
    xfer_run(r);
    cr_assert_eq(r->t.state, NACRE_XFER_DONE);
    cr_assert_eq(r->t.failure.op, NACRE_SFTP_OP_FSETSTAT);
    cr_assert_eq(r->t.failure.status, NACRE_FX_PERMISSION_DENIED);
    xfer_stop(r);
}

Test(transfer, s07_engine_that_is_over_ends_it)
{
    struct xfer_rig *r = small(false, XFER_FIFO);
    uint8_t bad[9] = {0, 0, 0, 0, 0}, out[300];
    struct nacre_sftp_event ev;
    size_t used;
    cr_assert_eq(nacre_sftp_client_recv(&r->c, bad, sizeof bad, &used, &ev), NACRE_ERR_PACKET_LEN);
    cr_assert_eq(nacre_sftp_xfer_output(&r->t, &r->c, out, sizeof out), 0);
    expect_failed(r, NACRE_ERR_PACKET_LEN, 0);
    xfer_stop(r);
}

Test(transfer, s88_path_too_long)
{
    static uint8_t path[NCR_SFTP_PATH_MAX + 1];
    struct xfer_rig *r = small(false, XFER_FIFO);
    uint8_t out[300];
    r->t.cfg.path = (struct nacre_bytes){path, sizeof path};
    (void)nacre_sftp_xfer_output(&r->t, &r->c, out, sizeof out);
    expect_failed(r, NACRE_ERR_USAGE, 0);
    xfer_stop(r);
}

Test(transfer, hooks_that_are_missing)
{
    struct nacre_sftp_xfer t;
    struct nacre_sftp_xfer_cfg cfg = {.io = {NULL, xfer_local_read, NULL}};
    cr_assert_eq(nacre_sftp_xfer_init(&t, &cfg), NACRE_ERR_USAGE);
    cfg.put = true;
    cr_assert_eq(nacre_sftp_xfer_init(&t, &cfg), NACRE_OK);
    cfg.io = (struct nacre_sftp_io){NULL, NULL, xfer_local_write};
    cr_assert_eq(nacre_sftp_xfer_init(&t, &cfg), NACRE_ERR_USAGE);
}
