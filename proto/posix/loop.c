/* SPDX-License-Identifier: ISC
 *
 * The event loop: see loop.h. What back ends share: the table of watches, the heap of timers, the
 * queue of deferred calls, signals.
 *
 * Timers are moved lazily: a later time only changes `when`; the heap keeps the earlier key, and
 * the timer is put back when that comes up. A deadline that traffic pushes out thus costs nothing.
 */
#include "proto/posix/loop.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/posix/loop_backend.h"

#define LOOP_SIGNO_MAX 65 /* one more than the greatest signal number that can be taken */

/* Signal handlers have no argument of their own. */
static volatile sig_atomic_t loop_caught[LOOP_SIGNO_MAX];

/* ---- Set-up ------------------------------------------------------------------------------ */

nacre_err ncr_loop_init(struct ncr_loop *l, enum ncr_loop_kind kind)
{
    memset(l, 0, sizeof *l);
    l->epfd = -1;
    l->now = ncr_clock_ms();
    l->ops = &ncr_loop_poll_ops;
    if (kind == NCR_LOOP_EPOLL && ncr_loop_epoll_ops != NULL)
        l->ops = ncr_loop_epoll_ops;
    return l->ops->init(l);
}

void ncr_loop_free(struct ncr_loop *l)
{
    if (l->ops == NULL)
        return;
    ncr_loop_child(l);
    l->ops->free(l);
    free(l->watches);
    free(l->timers);
    memset(l, 0, sizeof *l);
    l->epfd = -1;
}

/* ---- Watches ----------------------------------------------------------------------------- */

static nacre_err loop_room(struct ncr_loop *l)
{
    uint32_t cap = l->cap_watches == 0 ? 8 : l->cap_watches * 2;
    struct ncr_watch **w;
    nacre_err err;

    if (l->n_watches < l->cap_watches)
        return NACRE_OK;
    err = l->ops->grow(l, cap);
    if (err != NACRE_OK)
        return err;
    w = realloc(l->watches, cap * sizeof(*w));
    if (w == NULL)
        return NACRE_ERR_NO_MEMORY;
    l->watches = w;
    l->cap_watches = cap;
    return NACRE_OK;
}

nacre_err ncr_loop_watch(struct ncr_loop *l, struct ncr_watch *w, int fd, unsigned want,
                         void (*fn)(void *ctx, unsigned ready), void *ctx)
{
    nacre_err err = loop_room(l);

    if (err != NACRE_OK)
        return err;
    w->fn = fn;
    w->ctx = ctx;
    w->fd = fd;
    w->want = want;
    w->slot = l->n_watches + 1;
    l->watches[l->n_watches++] = w;
    err = l->ops->add(l, w);
    if (err != NACRE_OK) {
        l->n_watches--;
        w->slot = 0;
    }
    return err;
}

void ncr_loop_want(struct ncr_loop *l, struct ncr_watch *w, unsigned want)
{
    if (w->slot == 0 || w->want == want)
        return;
    w->want = want;
    l->ops->change(l, w);
}

/* Fills the hole at slot i with the last watch. Not while slots are being walked. */
static void loop_close_hole(struct ncr_loop *l, uint32_t i)
{
    uint32_t last = --l->n_watches;

    if (i == last)
        return;
    l->watches[i] = l->watches[last];
    l->ops->move(l, last, i);
    if (l->watches[i] != NULL)
        l->watches[i]->slot = i + 1;
}

void ncr_loop_unwatch(struct ncr_loop *l, struct ncr_watch *w)
{
    uint32_t i = w->slot;

    if (i == 0)
        return;
    l->ops->remove(l, w);
    w->slot = 0;
    w->want = 0;
    l->watches[i - 1] = NULL;
    if (l->dispatching)
        l->n_dead++;
    else
        loop_close_hole(l, i - 1);
}

static void loop_compact(struct ncr_loop *l)
{
    for (uint32_t i = l->n_watches; l->n_dead > 0 && i > 0; i--) {
        if (l->watches[i - 1] == NULL) {
            loop_close_hole(l, i - 1);
            l->n_dead--;
        }
    }
}

void ncr_loop_tell(struct ncr_watch *w, unsigned ready, bool gone)
{
    ready = gone ? w->want : ready & w->want;
    if (ready != 0)
        w->fn(w->ctx, ready);
}

/* ---- Timers ------------------------------------------------------------------------------ */

static void loop_timer_put(struct ncr_loop *l, uint32_t i, struct ncr_timer *t)
{
    l->timers[i] = t;
    t->slot = i + 1;
}

static void loop_timer_up(struct ncr_loop *l, uint32_t i)
{
    struct ncr_timer *t = l->timers[i];

    while (i > 0 && l->timers[(i - 1) / 2]->key > t->key) {
        loop_timer_put(l, i, l->timers[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    loop_timer_put(l, i, t);
}

static void loop_timer_down(struct ncr_loop *l, uint32_t i)
{
    struct ncr_timer *t = l->timers[i];

    for (;;) {
        uint32_t k = 2 * i + 1;

        if (k + 1 < l->n_timers && l->timers[k + 1]->key < l->timers[k]->key)
            k++;
        if (k >= l->n_timers || l->timers[k]->key >= t->key)
            break;
        loop_timer_put(l, i, l->timers[k]);
        i = k;
    }
    loop_timer_put(l, i, t);
}

static void loop_timer_pull(struct ncr_loop *l, struct ncr_timer *t)
{
    uint32_t i = t->slot - 1;
    struct ncr_timer *last = l->timers[--l->n_timers];

    t->slot = 0;
    if (last == t)
        return;
    loop_timer_put(l, i, last);
    loop_timer_up(l, i);
    loop_timer_down(l, last->slot - 1);
}

nacre_err ncr_loop_timer(struct ncr_loop *l, struct ncr_timer *t, void (*fn)(void *ctx), void *ctx)
{
    if (l->n_known == l->cap_timers) {
        uint32_t cap = l->cap_timers == 0 ? 8 : l->cap_timers * 2;
        struct ncr_timer **p = realloc(l->timers, cap * sizeof(*p));

        if (p == NULL)
            return NACRE_ERR_NO_MEMORY;
        l->timers = p;
        l->cap_timers = cap;
    }
    l->n_known++;
    memset(t, 0, sizeof *t);
    t->fn = fn;
    t->ctx = ctx;
    t->when = NCR_NEVER;
    t->known = true;
    return NACRE_OK;
}

void ncr_loop_timer_set(struct ncr_loop *l, struct ncr_timer *t, uint64_t when)
{
    uint64_t key = l->firing && when <= l->now ? l->now + 1 : when;

    if (!t->known)
        return;
    t->when = when;
    if (t->slot == 0) {
        if (when == NCR_NEVER)
            return;
        t->key = key;
        l->timers[l->n_timers] = t;
        loop_timer_up(l, l->n_timers++);
    } else if (key < t->key) {
        t->key = key;
        loop_timer_up(l, t->slot - 1);
    }
}

void ncr_loop_timer_remove(struct ncr_loop *l, struct ncr_timer *t)
{
    if (!t->known)
        return;
    if (t->slot != 0)
        loop_timer_pull(l, t);
    t->known = false;
    l->n_known--;
}

/* Tells the timers that are due. One that is armed for the past meanwhile waits for the next
 * millisecond, so that this ends. */
static void loop_fire(struct ncr_loop *l)
{
    l->firing = true;
    while (l->n_timers > 0 && l->timers[0]->key <= l->now) {
        struct ncr_timer *t = l->timers[0];

        if (t->when > l->now && t->when != NCR_NEVER) {
            t->key = t->when;
            loop_timer_down(l, 0);
            continue;
        }
        loop_timer_pull(l, t);
        if (t->when == NCR_NEVER)
            continue;
        t->when = NCR_NEVER;
        t->fn(t->ctx);
    }
    l->firing = false;
}

/* ---- Deferred calls ---------------------------------------------------------------------- */

void ncr_loop_defer(struct ncr_loop *l, struct ncr_defer *d)
{
    if (d->queued)
        return;
    d->queued = true;
    d->round = l->round;
    d->next = NULL;
    d->prev = l->last;
    if (l->last != NULL)
        l->last->next = d;
    else
        l->first = d;
    l->last = d;
}

void ncr_loop_undefer(struct ncr_loop *l, struct ncr_defer *d)
{
    if (!d->queued)
        return;
    if (d->prev != NULL)
        d->prev->next = d->next;
    else
        l->first = d->next;
    if (d->next != NULL)
        d->next->prev = d->prev;
    else
        l->last = d->prev;
    d->queued = false;
}

/* Runs what was queued before it started; what these queue waits for the next round, which then
 * does not wait. */
static void loop_deferred(struct ncr_loop *l)
{
    l->round++;
    while (l->first != NULL && l->first->round != l->round) {
        struct ncr_defer *d = l->first;

        ncr_loop_undefer(l, d);
        d->fn(d->ctx);
    }
}

/* ---- Signals ----------------------------------------------------------------------------- */

static void loop_signal_handler(int signo)
{
    loop_caught[signo] = 1;
}

nacre_err ncr_loop_signal(struct ncr_loop *l, int signo, void (*fn)(void *ctx, int signo),
                          void *ctx)
{
    struct sigaction sa;
    sigset_t set, old;

    if (l->n_signals == NCR_LOOP_SIGNALS || signo <= 0 || signo >= LOOP_SIGNO_MAX)
        return NACRE_ERR_USAGE;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = loop_signal_handler;
    (void)sigemptyset(&sa.sa_mask); /* cannot fail */
    (void)sigemptyset(&set);
    (void)sigaddset(&set, signo); /* in range, see above */
    if (sigprocmask(SIG_BLOCK, &set, &old) != 0)
        return NACRE_ERR_IO;
    if (!l->mask_changed)
        l->wait_mask = old;
    l->mask_changed = true;
    (void)sigdelset(&l->wait_mask, signo);
    loop_caught[signo] = 0;
    if (sigaction(signo, &sa, &l->signals[l->n_signals].old) != 0)
        return NACRE_ERR_IO;
    l->signals[l->n_signals].signo = signo;
    l->signals[l->n_signals].fn = fn;
    l->signals[l->n_signals].ctx = ctx;
    l->n_signals++;
    return NACRE_OK;
}

void ncr_loop_child(struct ncr_loop *l)
{
    while (l->n_signals > 0) {
        l->n_signals--;
        /* As it was before: cannot fail. */
        (void)sigaction(l->signals[l->n_signals].signo, &l->signals[l->n_signals].old, NULL);
    }
    if (l->mask_changed)
        (void)sigprocmask(SIG_SETMASK, &l->wait_mask, NULL);
    l->mask_changed = false;
}

static void loop_signals(struct ncr_loop *l)
{
    for (uint32_t i = 0; i < l->n_signals; i++) {
        int signo = l->signals[i].signo;

        if (!loop_caught[signo])
            continue;
        loop_caught[signo] = 0;
        l->signals[i].fn(l->signals[i].ctx, signo);
    }
}

/* ---- Rounds ------------------------------------------------------------------------------ */

nacre_err ncr_loop_once(struct ncr_loop *l, uint64_t until)
{
    nacre_err err;

    l->now = ncr_clock_ms();
    if (l->n_timers > 0 && l->timers[0]->key < until)
        until = l->timers[0]->key;
    if (l->first != NULL)
        until = 0;
    l->dispatching = true;
    err = l->ops->wait(l, ncr_clock_timeout(until, l->now));
    l->dispatching = false;
    loop_compact(l);
    if (err != NACRE_OK)
        return err;
    loop_signals(l);
    loop_fire(l);
    loop_deferred(l);
    return NACRE_OK;
}

nacre_err ncr_loop_run(struct ncr_loop *l)
{
    nacre_err err = NACRE_OK;

    l->stopped = false;
    while (!l->stopped && err == NACRE_OK)
        err = ncr_loop_once(l, NCR_NEVER);
    return err;
}

void ncr_loop_stop(struct ncr_loop *l)
{
    l->stopped = true;
}

uint64_t ncr_loop_now(const struct ncr_loop *l)
{
    return l->now;
}
