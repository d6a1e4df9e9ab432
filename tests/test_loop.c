/* SPDX-License-Identifier: ISC
 *
 * The event loop with both back ends: readiness, removal while dispatching, timers, deferred calls,
 * signals (s65), descriptors beyond what select(2) can hold (s67).
 */
#include "proto/posix/loop.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proto/posix/socket.h"

/* A pipe that is watched at its reading end. */
struct tap {
    struct ncr_loop *l;
    struct ncr_watch w, ww;
    int fds[2];
    unsigned told;
    unsigned last;
    struct tap *remove; /* when told */
};

static void tap_ready(void *ctx, unsigned ready)
{
    struct tap *t = ctx;

    t->told++;
    t->last = ready;
    if (t->remove != NULL)
        ncr_loop_unwatch(t->l, &t->remove->w);
}

static void tap_open(struct tap *t, struct ncr_loop *l, unsigned want)
{
    memset(t, 0, sizeof *t);
    t->l = l;
    cr_assert(ncr_pipe(t->fds));
    cr_assert_eq(ncr_loop_watch(l, &t->w, t->fds[0], want, tap_ready, t), NACRE_OK);
}

static void tap_close(struct tap *t)
{
    ncr_loop_unwatch(t->l, &t->w);
    close(t->fds[0]);
    if (t->fds[1] >= 0)
        close(t->fds[1]);
}

static void round_now(struct ncr_loop *l)
{
    cr_assert_eq(ncr_loop_once(l, 0), NACRE_OK);
}

static void put(const struct tap *t)
{
    cr_assert_eq(write(t->fds[1], "x", 1), 1);
}

ParameterizedTestParameters(loop, readiness)
{
    static enum ncr_loop_kind kinds[] = {NCR_LOOP_POLL, NCR_LOOP_EPOLL};

    return cr_make_param_array(enum ncr_loop_kind, kinds, 2);
}

ParameterizedTest(enum ncr_loop_kind *kind, loop, readiness)
{
    struct ncr_loop l;
    struct tap t;

    cr_assert_eq(ncr_loop_init(&l, *kind), NACRE_OK);
    tap_open(&t, &l, NCR_LOOP_READ);
    round_now(&l);
    cr_assert_eq(t.told, 0);
    put(&t);
    round_now(&l);
    round_now(&l);
    cr_assert_eq(t.told, 2, "level-triggered");
    cr_assert_eq(t.last, NCR_LOOP_READ);
    ncr_loop_want(&l, &t.w, 0);
    round_now(&l);
    cr_assert_eq(t.told, 2, "not wanted");
    ncr_loop_want(&l, &t.w, NCR_LOOP_READ);
    round_now(&l);
    cr_assert_eq(t.told, 3);
    tap_close(&t);
    round_now(&l);
    ncr_loop_free(&l);
}

ParameterizedTestParameters(loop, hang_up)
{
    static enum ncr_loop_kind kinds[] = {NCR_LOOP_POLL, NCR_LOOP_EPOLL};

    return cr_make_param_array(enum ncr_loop_kind, kinds, 2);
}

/* A hang-up is told to who waits for something, and only to those. */
ParameterizedTest(enum ncr_loop_kind *kind, loop, hang_up)
{
    struct ncr_loop l;
    struct tap t;

    cr_assert_eq(ncr_loop_init(&l, *kind), NACRE_OK);
    tap_open(&t, &l, 0);
    close(t.fds[1]);
    t.fds[1] = -1;
    round_now(&l);
    cr_assert_eq(t.told, 0);
    ncr_loop_want(&l, &t.w, NCR_LOOP_READ);
    round_now(&l);
    cr_assert_eq(t.told, 1);
    cr_assert_eq(t.last, NCR_LOOP_READ);
    tap_close(&t);
    ncr_loop_free(&l);
}

ParameterizedTestParameters(loop, removal_while_dispatching)
{
    static enum ncr_loop_kind kinds[] = {NCR_LOOP_POLL, NCR_LOOP_EPOLL};

    return cr_make_param_array(enum ncr_loop_kind, kinds, 2);
}

/* Both are ready; whichever is told first removes the other, which then must not be told. */
ParameterizedTest(enum ncr_loop_kind *kind, loop, removal_while_dispatching)
{
    struct ncr_loop l;
    struct tap a, b, c;

    cr_assert_eq(ncr_loop_init(&l, *kind), NACRE_OK);
    tap_open(&a, &l, NCR_LOOP_READ);
    tap_open(&b, &l, NCR_LOOP_READ);
    tap_open(&c, &l, NCR_LOOP_READ);
    a.remove = &b;
    b.remove = &a;
    c.remove = &c;
    put(&a);
    put(&b);
    put(&c);
    round_now(&l);
    cr_assert_eq(a.told + b.told, 1);
    cr_assert_eq(c.told, 1);
    round_now(&l);
    cr_assert_eq(c.told, 1, "removed by itself");
    cr_assert_eq(a.told + b.told, 2, "one is left");
    tap_close(&a);
    tap_close(&b);
    tap_close(&c);
    cr_assert_eq(l.n_watches, 0);
    ncr_loop_free(&l);
}

ParameterizedTestParameters(loop, regular_file)
{
    static enum ncr_loop_kind kinds[] = {NCR_LOOP_POLL, NCR_LOOP_EPOLL};

    return cr_make_param_array(enum ncr_loop_kind, kinds, 2);
}

ParameterizedTest(enum ncr_loop_kind *kind, loop, regular_file)
{
    char name[] = "/tmp/nacre-loop-XXXXXX";
    struct ncr_loop l;
    struct tap t;

    cr_assert_eq(ncr_loop_init(&l, *kind), NACRE_OK);
    memset(&t, 0, sizeof t);
    t.l = &l;
    t.fds[0] = mkstemp(name);
    t.fds[1] = -1;
    unlink(name);
    cr_assert_eq(ncr_loop_watch(&l, &t.w, t.fds[0], NCR_LOOP_READ | NCR_LOOP_WRITE, tap_ready, &t),
                 NACRE_OK);
    cr_assert_eq(ncr_loop_once(&l, NCR_NEVER), NACRE_OK);
    cr_assert_eq(t.told, 1);
    cr_assert_eq(t.last, NCR_LOOP_READ | NCR_LOOP_WRITE);
    ncr_loop_want(&l, &t.w, 0);
    round_now(&l);
    cr_assert_eq(t.told, 1);
    tap_close(&t);
    ncr_loop_free(&l);
}

#define MANY 700 /* pipes: descriptors go well beyond 1,024 */

ParameterizedTestParameters(loop, s67_many_descriptors)
{
    static enum ncr_loop_kind kinds[] = {NCR_LOOP_POLL, NCR_LOOP_EPOLL};

    return cr_make_param_array(enum ncr_loop_kind, kinds, 2);
}

ParameterizedTest(enum ncr_loop_kind *kind, loop, s67_many_descriptors)
{
    struct rlimit lim;
    struct ncr_loop l;
    struct tap *t = calloc(MANY, sizeof *t);
    unsigned told = 0;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &lim), 0);
    lim.rlim_cur = lim.rlim_max < 4096 ? lim.rlim_max : 4096;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &lim), 0);
    if (lim.rlim_cur < 2 * MANY + 50)
        cr_skip("needs %d descriptors", 2 * MANY + 50);
    cr_assert_eq(ncr_loop_init(&l, *kind), NACRE_OK);
    for (unsigned i = 0; i < MANY; i++) {
        tap_open(&t[i], &l, NCR_LOOP_READ);
        put(&t[i]);
    }
    cr_assert_gt(t[MANY - 1].fds[0], 1024);
    for (unsigned i = 0; i < 2 * MANY / 64 + 2; i++)
        round_now(&l);
    for (unsigned i = 0; i < MANY; i++)
        told += t[i].told > 0;
    cr_assert_eq(told, MANY);
    for (unsigned i = 0; i < MANY; i++)
        tap_close(&t[i * 9 % MANY]);
    cr_assert_eq(l.n_watches, 0);
    ncr_loop_free(&l);
    free(t);
}

/* ---- Timers ------------------------------------------------------------------------------ */

struct bell {
    struct ncr_timer t;
    struct ncr_loop *l;
    unsigned rung;
    unsigned order;
    uint64_t again; /* armed anew for that instant when it rings */
};

static unsigned bell_order;

static void bell_ring(void *ctx)
{
    struct bell *b = ctx;

    b->rung++;
    b->order = ++bell_order;
    if (b->again != 0)
        ncr_loop_timer_set(b->l, &b->t, b->again);
}

Test(loop, timers_in_order)
{
    struct ncr_loop l;
    struct bell b[50];
    uint64_t now;

    cr_assert_eq(ncr_loop_init(&l, NCR_LOOP_POLL), NACRE_OK);
    memset(b, 0, sizeof b);
    now = ncr_clock_ms();
    cr_assert_gt(now, 1000);
    for (unsigned i = 0; i < 50; i++) {
        b[i].l = &l;
        cr_assert_eq(ncr_loop_timer(&l, &b[i].t, bell_ring, &b[i]), NACRE_OK);
        ncr_loop_timer_set(&l, &b[i].t, now - 1000 + i * 37 % 50);
    }
    ncr_loop_timer_set(&l, &b[7].t, NCR_NEVER);
    ncr_loop_timer_remove(&l, &b[8].t);
    ncr_loop_timer_set(&l, &b[9].t, now + 100000);
    b[10].again = now - 5000; /* in the past: the next round, not this one */
    round_now(&l);
    cr_assert_eq(b[7].rung + b[8].rung + b[9].rung, 0);
    cr_assert_eq(b[10].rung, 1);
    for (unsigned i = 0; i < 50; i++) {
        for (unsigned j = 0; j < 50; j++) {
            if (b[i].rung && b[j].rung && i * 37 % 50 < j * 37 % 50)
                cr_assert_lt(b[i].order, b[j].order);
        }
    }
    b[10].again = 0;
    while (b[10].rung == 1)
        cr_assert_eq(ncr_loop_once(&l, NCR_NEVER), NACRE_OK);
    cr_assert_eq(b[10].rung, 2);
    cr_assert_eq(bell_order, 48);
    ncr_loop_free(&l);
}

/* The wait ends for a timer, also for one that was moved. */
Test(loop, timer_ends_the_wait)
{
    struct ncr_loop l;
    struct bell b = {.l = &l};
    uint64_t start = ncr_clock_ms();

    cr_assert_eq(ncr_loop_init(&l, NCR_LOOP_EPOLL), NACRE_OK);
    cr_assert_eq(ncr_loop_timer(&l, &b.t, bell_ring, &b), NACRE_OK);
    ncr_loop_timer_set(&l, &b.t, start + 10);
    ncr_loop_timer_set(&l, &b.t, start + 40);
    while (b.rung == 0)
        cr_assert_eq(ncr_loop_once(&l, NCR_NEVER), NACRE_OK);
    cr_assert_geq(ncr_clock_ms(), start + 40);
    ncr_loop_free(&l);
}

/* ---- Deferred calls ---------------------------------------------------------------------- */

struct later {
    struct ncr_defer d;
    struct ncr_loop *l;
    unsigned ran;
    bool again;
    struct later *cancel;
};

static void later_run(void *ctx)
{
    struct later *d = ctx;

    d->ran++;
    if (d->again)
        ncr_loop_defer(d->l, &d->d);
    if (d->cancel != NULL)
        ncr_loop_undefer(d->l, &d->cancel->d);
}

static void later_queue(struct later *d, struct ncr_loop *l)
{
    d->l = l;
    d->d.fn = later_run;
    d->d.ctx = d;
    ncr_loop_defer(l, &d->d);
    ncr_loop_defer(l, &d->d); /* once is enough */
}

Test(loop, deferred)
{
    struct ncr_loop l;
    struct later a = {.again = true}, b = {.ran = 0}, c = {.ran = 0};

    cr_assert_eq(ncr_loop_init(&l, NCR_LOOP_POLL), NACRE_OK);
    later_queue(&a, &l);
    later_queue(&b, &l);
    later_queue(&c, &l);
    a.cancel = &b;
    cr_assert_eq(ncr_loop_once(&l, NCR_NEVER), NACRE_OK);
    cr_assert_eq(a.ran, 1, "queued again: in the next round");
    cr_assert_eq(b.ran, 0, "cancelled");
    cr_assert_eq(c.ran, 1);
    cr_assert_eq(ncr_loop_once(&l, NCR_NEVER), NACRE_OK);
    cr_assert_eq(a.ran, 2);
    ncr_loop_undefer(&l, &a.d);
    round_now(&l);
    cr_assert_eq(a.ran, 2);
    ncr_loop_free(&l);
}

/* ---- Signals ----------------------------------------------------------------------------- */

static unsigned signals_seen;

static void on_signal(void *ctx, int signo)
{
    (void)ctx;
    cr_assert_eq(signo, SIGUSR1);
    signals_seen++;
}

/* Not before the loop asks, not lost, and as it was before afterwards. */
static void signals(enum ncr_loop_kind kind)
{
    struct ncr_loop l;
    struct sigaction now;
    sigset_t mask;

    cr_assert_eq(ncr_loop_init(&l, kind), NACRE_OK);
    cr_assert_eq(ncr_loop_signal(&l, SIGUSR1, on_signal, NULL), NACRE_OK);
    cr_assert_eq(ncr_loop_signal(&l, 0, on_signal, NULL), NACRE_ERR_USAGE);
    cr_assert_eq(ncr_loop_signal(&l, 1000, on_signal, NULL), NACRE_ERR_USAGE);
    raise(SIGUSR1);
    cr_assert_eq(signals_seen, 0);
    cr_assert_eq(ncr_loop_once(&l, NCR_NEVER), NACRE_OK);
    cr_assert_eq(signals_seen, 1);
    round_now(&l);
    cr_assert_eq(signals_seen, 1);
    ncr_loop_free(&l);
    cr_assert_eq(sigaction(SIGUSR1, NULL, &now), 0);
    cr_assert(now.sa_handler == SIG_DFL);
    cr_assert_eq(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
    cr_assert_eq(sigismember(&mask, SIGUSR1), 0);
}

Test(loop, s65_signals_poll)
{
    signals(NCR_LOOP_POLL);
}

Test(loop, s65_signals_epoll)
{
    signals(NCR_LOOP_EPOLL);
}

Test(loop, clock)
{
    uint64_t now = ncr_clock_ms();

    cr_assert_eq(ncr_clock_deadline(0), NCR_NEVER);
    cr_assert_eq(ncr_clock_deadline(UINT64_MAX), NCR_NEVER);
    cr_assert_geq(ncr_clock_deadline(1000), now + 1000);
    cr_assert_eq(ncr_clock_timeout(NCR_NEVER, now), -1);
    cr_assert_eq(ncr_clock_timeout(now, now), 0);
    cr_assert_eq(ncr_clock_timeout(now - 1, now), 0);
    cr_assert_eq(ncr_clock_timeout(now + 5, now), 5);
    cr_assert_eq(ncr_clock_timeout(now + UINT32_MAX, now), 2147483647);
}
