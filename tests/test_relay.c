/* SPDX-License-Identifier: ISC
 *
 * Relays: a client's channel joined to pipes and sockets, against the server of rig.h in one loop.
 */
#include "proto/posix/relay.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/posix/socket.h"
#include "tests/rig.h"

/* What the operations work in. */
static uint64_t work[NACRE_WORK];

#define BUF 65536
#define ROUNDS 200000

struct bench {
    struct ncr_loop loop;
    struct rig rig;
    struct nacre_conn conn;
    struct nacre_conn_cfg cfg;
    uint64_t *mem;
    struct ncr_drive drive;
    struct ncr_relay relay;
    uint32_t chan;
    const char *command;
    bool ready, done, over;
    uint32_t status;
};

static void bench_event(void *ctx, const struct nacre_event *ev)
{
    struct bench *b = ctx;
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_ACCEPT};
    struct nacre_bytes none = {NULL, 0};
    struct nacre_request q = {.kind = NACRE_REQ_EXEC};

    if (ev->type == NACRE_EV_HOST_KEY)
        cr_assert_eq(nacre_conn_answer(&b->conn, &a), NACRE_OK);
    if (ev->type == NACRE_EV_AUTH_NEXT)
        cr_assert_eq(nacre_auth_none(&b->conn, "joe"), NACRE_OK);
    if (ev->type == NACRE_EV_AUTH_SUCCESS)
        cr_assert_eq(nacre_chan_open(&b->conn, "session", none, &b->chan), NACRE_OK);
    if (ev->type == NACRE_EV_CHAN_OPENED) {
        q.data = nacre_bytes_str(b->command);
        cr_assert_eq(nacre_chan_request(&b->conn, b->chan, &q, true), NACRE_OK);
        b->ready = true;
    }
    if (ev->type == NACRE_EV_CHAN_REQUEST && ev->request.kind == NACRE_REQ_EXIT_STATUS)
        b->status = ev->request.value;
}

static void bench_over(void *ctx, nacre_err err)
{
    struct bench *b = ctx;

    (void)err;
    b->over = true;
}

static void bench_done(void *ctx, struct ncr_relay *r)
{
    struct bench *b = ctx;

    (void)r;
    b->done = true;
}

static void bench_round(struct bench *b)
{
    cr_assert_eq(ncr_loop_once(&b->loop, ncr_clock_ms() + 20), NACRE_OK);
}

static void bench_until(struct bench *b, const bool *flag)
{
    for (unsigned i = 0; i < ROUNDS && !*flag && !b->over; i++)
        bench_round(b);
    cr_assert(*flag, "stuck");
}

/* Connected, logged in, the command under way; the relay is prepared. */
static void bench_start(struct bench *b, const char *command, enum ncr_loop_kind kind,
                        unsigned flags)
{
    size_t len = NACRE_CONN_MEM(4, BUF, BUF);
    int fds[2];

    (void)signal(SIGPIPE, SIG_IGN);
    b->command = command;
    b->status = 99;
    cr_assert_eq(ncr_loop_init(&b->loop, kind), NACRE_OK);
    rig_sockets(fds);
    rig_init(&b->rig);
    b->rig.plan.accept_none = true;
    rig_start(&b->rig, &b->loop, fds[1]);
    b->mem = malloc(len);
    cr_assert_not_null(b->mem);
    b->cfg.work = work;
    cr_assert_eq(nacre_conn_init(&b->conn, NACRE_CLIENT, &b->cfg, &nacre_rng_os, b->mem, len, 4),
                 NACRE_OK);
    ncr_drive_init(&b->drive, &b->conn, fds[0], fds[0]);
    b->drive.event = bench_event;
    b->drive.over = bench_over;
    b->drive.ctx = b;
    cr_assert_eq(ncr_drive_start(&b->drive, &b->loop), NACRE_OK);
    bench_until(b, &b->ready);
    ncr_relay_init(&b->relay, &b->conn, &b->loop, &b->drive.step, b->chan, flags);
    b->relay.done = bench_done;
    b->relay.ctx = b;
    ncr_drive_add(&b->drive, &b->relay);
}

static void bench_free(struct bench *b)
{
    int fd = b->drive.rfd;

    ncr_drive_remove(&b->drive, &b->relay);
    ncr_relay_free(&b->relay);
    ncr_drive_stop(&b->drive);
    close(fd);
    rig_free(&b->rig);
    ncr_loop_free(&b->loop);
    free(b->mem);
}

static void pipe_nonblocking(int fds[2])
{
    cr_assert(ncr_pipe(fds));
    cr_assert(ncr_fd_nonblock(fds[0], true) && ncr_fd_nonblock(fds[1], true));
}

/* ---- Data -------------------------------------------------------------------------------- */

/* Writes and reads the far ends of two pipes while the loop turns; the reader takes at most step
 * bytes every skip-th round. */
static void echo(size_t total, enum ncr_loop_kind kind, uint32_t window, size_t step, unsigned skip,
                 enum ncr_fd_kind fd_kind)
{
    struct bench *b = calloc(1, sizeof *b);
    uint8_t *block = malloc(step);
    uint64_t sent = 0;
    uint64_t got = 0;
    int in[2], out[2];

    b->cfg.window = window;
    bench_start(b, "cat", kind, 0);
    pipe_nonblocking(in);
    pipe_nonblocking(out);
    cr_assert_eq(ncr_relay_set_sink(&b->relay, 0, out[1], fd_kind, window), NACRE_OK);
    cr_assert_eq(ncr_relay_set_source(&b->relay, 0, in[0], fd_kind), NACRE_OK);
    for (unsigned i = 0; i < ROUNDS && (!b->done || got < total); i++) {
        ssize_t n = 1;

        for (; in[1] >= 0 && sent < total && n > 0; sent += n > 0 ? (uint64_t)n : 0) {
            size_t k = total - sent < step ? (size_t)(total - sent) : step;

            for (size_t j = 0; j < k; j++)
                block[j] = rig_byte(sent + j);
            n = write(in[1], block, k);
        }
        if (in[1] >= 0 && sent == total) {
            close(in[1]);
            in[1] = -1;
        }
        n = i % skip == 0 ? read(out[0], block, step) : 0;
        for (ssize_t j = 0; j < n; j++)
            cr_assert_eq(block[j], rig_byte(got + (uint64_t)j), "byte %llu differs",
                         (unsigned long long)(got + (uint64_t)j));
        got += n > 0 ? (uint64_t)n : 0;
        bench_round(b);
    }
    cr_assert(b->done);
    cr_assert_eq(got, total);
    cr_assert_eq(read(out[0], block, 1), 0, "the sink is not shut");
    cr_assert_eq(b->status, 0);
    cr_assert_eq(b->relay.bytes_in, total);
    cr_assert_eq(b->relay.bytes_out, total);
    close(out[0]);
    bench_free(b);
    free(block);
    free(b);
}

Test(relay, echo)
{
    echo(3000000, NCR_LOOP_POLL, 0, 65536, 1, NCR_FD_PLAIN);
}

Test(relay, echo_epoll)
{
    echo(3000000, NCR_LOOP_EPOLL, 0, 65536, 1, NCR_FD_PLAIN);
}

Test(relay, nothing)
{
    echo(0, NCR_LOOP_POLL, 0, 1024, 1, NCR_FD_PLAIN);
}

Test(relay, slow_sink_with_small_window)
{
    echo(200000, NCR_LOOP_POLL, 5000, 3000, 3, NCR_FD_PLAIN);
}

Test(relay, tiny_window)
{
    echo(3000, NCR_LOOP_POLL, 7, 100, 1, NCR_FD_PLAIN);
}

Test(relay, shared_blocking_descriptors)
{
    echo(300000, NCR_LOOP_POLL, 100000, 4000, 2, NCR_FD_POLLED);
}

/* ---- Both streams ------------------------------------------------------------------------ */

Test(relay, two_sinks)
{
    struct bench *b = calloc(1, sizeof *b);
    uint8_t block[4096];
    size_t got[2] = {0, 0};
    int out[2][2];

    bench_start(b, "both 500000", NCR_LOOP_POLL, 0);
    for (unsigned i = 0; i < 2; i++) {
        pipe_nonblocking(out[i]);
        cr_assert_eq(ncr_relay_set_sink(&b->relay, i, out[i][1], NCR_FD_PLAIN, 0), NACRE_OK);
    }
    for (unsigned i = 0; i < ROUNDS && !b->done; i++) {
        for (unsigned k = 0; k < 2; k++) {
            ssize_t n = read(out[k][0], block, sizeof block);

            got[k] += n > 0 ? (size_t)n : 0;
        }
        bench_round(b);
    }
    cr_assert(b->done);
    for (unsigned k = 0; k < 2; k++) {
        ssize_t n;

        while ((n = read(out[k][0], block, sizeof block)) > 0)
            got[k] += (size_t)n;
        cr_assert_eq(got[k], 500000);
        close(out[k][0]);
    }
    bench_free(b);
    free(b);
}

/* One stream that nobody reads must not hold up the other while the window lasts. */
Test(relay, stuck_stderr)
{
    struct bench *b = calloc(1, sizeof *b);
    uint8_t block[4096];
    size_t got = 0;
    int out[2], err[2];

    bench_start(b, "both 400000", NCR_LOOP_POLL, 0);
    pipe_nonblocking(out);
    pipe_nonblocking(err);
    cr_assert_eq(ncr_relay_set_sink(&b->relay, 0, out[1], NCR_FD_PLAIN, 0), NACRE_OK);
    cr_assert_eq(ncr_relay_set_sink(&b->relay, 1, err[1], NCR_FD_PLAIN, 0), NACRE_OK);
    for (unsigned i = 0; i < ROUNDS && got < 400000; i++) {
        ssize_t n = read(out[0], block, sizeof block);

        got += n > 0 ? (size_t)n : 0;
        bench_round(b);
    }
    cr_assert_eq(got, 400000);
    cr_assert_not(b->done, "stderr has not been drained");
    while (!b->done) {
        (void)!read(err[0], block, sizeof block);
        bench_round(b);
    }
    close(out[0]);
    close(err[0]);
    bench_free(b);
    free(b);
}

/* ---- Ends -------------------------------------------------------------------------------- */

/* A sink that broke swallows the rest; the peer is told once, and the command ends well. */
Test(relay, broken_sink)
{
    struct bench *b = calloc(1, sizeof *b);
    int out[2];

    bench_start(b, "both 3000000", NCR_LOOP_POLL, NCR_RELAY_EOW);
    pipe_nonblocking(out);
    cr_assert_eq(ncr_relay_set_sink(&b->relay, 0, out[1], NCR_FD_PLAIN, 0), NACRE_OK);
    close(out[0]);
    bench_until(b, &b->done);
    cr_assert(b->relay.sink[0].broken);
    cr_assert_eq(b->rig.eows, 1);
    cr_assert_eq(b->status, 0);
    bench_free(b);
    free(b);
}

/* What lies in the ring when the channel closes is still written. */
Test(relay, drains_after_close)
{
    struct bench *b = calloc(1, sizeof *b);
    uint8_t block[4096];
    size_t got = 0;
    int out[2];

    bench_start(b, "both 300000", NCR_LOOP_POLL, 0);
    pipe_nonblocking(out);
    cr_assert_eq(ncr_relay_set_sink(&b->relay, 0, out[1], NCR_FD_PLAIN, 0), NACRE_OK);
    for (unsigned i = 0; i < ROUNDS && b->relay.open; i++)
        bench_round(b);
    cr_assert_not(b->done);
    while (!b->done) {
        ssize_t n = read(out[0], block, sizeof block);

        got += n > 0 ? (size_t)n : 0;
        bench_round(b);
    }
    for (ssize_t n; (n = read(out[0], block, sizeof block)) > 0;)
        got += (size_t)n;
    cr_assert_eq(got, 300000);
    close(out[0]);
    bench_free(b);
    free(b);
}

/* A socket is source and sink in one: each direction ends by itself. */
static void half_close(enum ncr_loop_kind kind)
{
    struct bench *b = calloc(1, sizeof *b);
    uint8_t block[4096];
    size_t got = 0;
    ssize_t n = 1;
    int fds[2];

    bench_start(b, "cat", kind, NCR_RELAY_CLOSE);
    rig_sockets(fds);
    cr_assert_eq(ncr_relay_set_sink(&b->relay, 0, fds[1], NCR_FD_SOCKET, 0), NACRE_OK);
    cr_assert_eq(ncr_relay_set_source(&b->relay, 0, fds[1], NCR_FD_SOCKET), NACRE_OK);
    cr_assert_eq(write(fds[0], "half a conversation", 19), 19);
    cr_assert_eq(shutdown(fds[0], SHUT_WR), 0);
    for (unsigned i = 0; i < ROUNDS && n != 0; i++) {
        bench_round(b);
        n = read(fds[0], block, sizeof block);
        got += n > 0 ? (size_t)n : 0;
    }
    cr_assert_eq(got, 19);
    bench_until(b, &b->done);
    cr_assert_eq(b->relay.sink[0].fd, -1, "the socket is not released");
    close(fds[0]);
    bench_free(b);
    free(b);
}

Test(relay, half_close)
{
    half_close(NCR_LOOP_POLL);
}

Test(relay, half_close_epoll)
{
    half_close(NCR_LOOP_EPOLL);
}

/* The far side of a forwarded socket goes away: nothing is left behind. */
Test(relay, s67_socket_gone)
{
    struct bench *b = calloc(1, sizeof *b);
    int fds[2];

    bench_start(b, "both 3000000", NCR_LOOP_POLL, NCR_RELAY_CLOSE);
    rig_sockets(fds);
    cr_assert_eq(ncr_relay_set_sink(&b->relay, 0, fds[1], NCR_FD_SOCKET, 0), NACRE_OK);
    cr_assert_eq(ncr_relay_set_source(&b->relay, 0, fds[1], NCR_FD_SOCKET), NACRE_OK);
    close(fds[0]);
    bench_until(b, &b->done);
    cr_assert_lt(fcntl(fds[1], F_GETFD), 0, "the socket is still open");
    bench_free(b);
    free(b);
}

/* ---- Sources ----------------------------------------------------------------------------- */

/* A peer that grants no more window stops the source, not the loop. */
Test(relay, deaf_peer)
{
    struct bench *b = calloc(1, sizeof *b);
    uint8_t block[65536];
    uint64_t sent = 0;
    unsigned quiet = 0;
    int in[2];

    memset(block, 'x', sizeof block);
    bench_start(b, "deaf", NCR_LOOP_POLL, 0);
    pipe_nonblocking(in);
    cr_assert_eq(ncr_relay_set_source(&b->relay, 0, in[0], NCR_FD_PLAIN), NACRE_OK);
    while (quiet < 5) {
        ssize_t n = write(in[1], block, sizeof block);

        sent += n > 0 ? (uint64_t)n : 0;
        quiet = n > 0 ? 0 : quiet + 1;
        bench_round(b);
    }
    cr_assert_eq(b->rig.chan[b->chan].got, 2097152, "one window and no more");
    cr_assert_lt(sent, 2097152 + 200000);
    close(in[1]);
    bench_free(b);
    free(b);
}

Test(relay, held_source)
{
    struct bench *b = calloc(1, sizeof *b);
    int in[2];

    bench_start(b, "take", NCR_LOOP_POLL, 0);
    pipe_nonblocking(in);
    cr_assert_eq(ncr_relay_set_source(&b->relay, 0, in[0], NCR_FD_PLAIN), NACRE_OK);
    ncr_relay_hold(&b->relay, 0, true);
    cr_assert_eq(write(in[1], "abc", 3), 3);
    for (unsigned i = 0; i < 5; i++)
        bench_round(b);
    cr_assert_eq(b->rig.chan[b->chan].got, 0);
    ncr_relay_hold(&b->relay, 0, false);
    close(in[1]);
    bench_until(b, &b->done);
    cr_assert_eq(b->rig.chan[b->chan].got, 3);
    bench_free(b);
    free(b);
}

static size_t double_a(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    if (n > 0 && p[0] == 'a') {
        memmove(p + 1, p, n);
        n++;
    }
    return n;
}

Test(relay, filter_may_grow_by_one)
{
    struct bench *b = calloc(1, sizeof *b);
    char block[16] = "";
    int in[2], out[2];

    bench_start(b, "cat", NCR_LOOP_POLL, 0);
    pipe_nonblocking(in);
    pipe_nonblocking(out);
    b->relay.filter = double_a;
    cr_assert_eq(ncr_relay_set_sink(&b->relay, 0, out[1], NCR_FD_PLAIN, 0), NACRE_OK);
    cr_assert_eq(ncr_relay_set_source(&b->relay, 0, in[0], NCR_FD_PLAIN), NACRE_OK);
    cr_assert_eq(write(in[1], "abc", 3), 3);
    close(in[1]);
    bench_until(b, &b->done);
    cr_assert_eq(read(out[0], block, sizeof block - 1), 4);
    cr_assert_str_eq(block, "aabc");
    close(out[0]);
    bench_free(b);
    free(b);
}

Test(relay, kinds)
{
    int pipes[2], socks[2];
    char name[] = "/tmp/nacre-relay-XXXXXX";
    int file = mkstemp(name);

    cr_assert(ncr_pipe(pipes));
    rig_sockets(socks);
    cr_assert_eq(ncr_fd_kind(pipes[0]), NCR_FD_POLLED);
    cr_assert_eq(ncr_fd_kind(socks[0]), NCR_FD_SOCKET);
    cr_assert_eq(ncr_fd_kind(file), NCR_FD_PLAIN);
    cr_assert_eq(ncr_fd_kind(-1), NCR_FD_POLLED);
    unlink(name);
}
