/* SPDX-License-Identifier: ISC
 *
 * The event loop over Linux's epoll(7), level-triggered: the cost of a round does not grow with the
 * number of idle descriptors. Regular files, which epoll refuses, count as always ready, as poll(2)
 * has it. A watch that wants nothing is taken out of the set: hang-ups are told unasked otherwise.
 */
#include "proto/posix/loop_backend.h"

#ifdef __linux__

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define LOOP_EPOLL_BATCH 64 /* results of one wait */

static nacre_err loop_epoll_init(struct ncr_loop *l)
{
    l->ready = calloc(LOOP_EPOLL_BATCH, sizeof(struct epoll_event));
    if (l->ready == NULL)
        return NACRE_ERR_NO_MEMORY;
    l->epfd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epfd >= 0)
        return NACRE_OK;
    free(l->ready);
    l->ready = NULL;
    return NACRE_ERR_IO;
}

static void loop_epoll_free(struct ncr_loop *l)
{
    (void)close(l->epfd); /* holds no data */
    l->epfd = -1;
    free(l->ready);
    l->ready = NULL;
}

static nacre_err loop_epoll_grow(struct ncr_loop *l, uint32_t cap)
{
    (void)l;
    (void)cap;
    return NACRE_OK;
}

/* Makes the kernel's set agree with w->want; false with errno. */
static bool loop_epoll_sync(struct ncr_loop *l, struct ncr_watch *w)
{
    struct epoll_event e;
    int op = EPOLL_CTL_MOD;

    if (w->always || (w->want == 0 && !w->in_set))
        return true;
    memset(&e, 0, sizeof e);
    e.events = ((w->want & NCR_LOOP_READ) ? (uint32_t)EPOLLIN : 0) |
               ((w->want & NCR_LOOP_WRITE) ? (uint32_t)EPOLLOUT : 0);
    e.data.ptr = w;
    if (w->want == 0)
        op = EPOLL_CTL_DEL;
    else if (!w->in_set)
        op = EPOLL_CTL_ADD;
    if (epoll_ctl(l->epfd, op, w->fd, &e) != 0)
        return false;
    w->in_set = op != EPOLL_CTL_DEL;
    return true;
}

/* Asks the kernel at once, whatever is wanted, whether it can watch this kind of file. */
static nacre_err loop_epoll_add(struct ncr_loop *l, struct ncr_watch *w)
{
    unsigned want = w->want;

    w->in_set = false;
    w->always = false;
    w->want = NCR_LOOP_READ;
    if (!loop_epoll_sync(l, w)) {
        w->want = want;
        if (errno != EPERM)
            return NACRE_ERR_IO;
        w->always = true;
        l->n_always++;
        return NACRE_OK;
    }
    w->want = want;
    return loop_epoll_sync(l, w) ? NACRE_OK : NACRE_ERR_IO;
}

static void loop_epoll_change(struct ncr_loop *l, struct ncr_watch *w)
{
    /* Fails only for a descriptor that was closed before its watch was removed: a bug of the caller
     * whose watch then stays silent. */
    (void)loop_epoll_sync(l, w);
}

static void loop_epoll_remove(struct ncr_loop *l, struct ncr_watch *w)
{
    struct epoll_event *e = l->ready;

    for (uint32_t i = 0; i < l->n_ready; i++) {
        if (e[i].data.ptr == w)
            e[i].data.ptr = NULL;
    }
    if (w->always) {
        l->n_always--;
        return;
    }
    w->want = 0;
    (void)loop_epoll_sync(l, w); /* as above */
}

static void loop_epoll_move(struct ncr_loop *l, uint32_t from, uint32_t to)
{
    (void)l;
    (void)from;
    (void)to;
}

/* True if a file that is always ready is waited for. */
static bool loop_epoll_pending(const struct ncr_loop *l)
{
    for (uint32_t i = 0; l->n_always > 0 && i < l->n_watches; i++) {
        const struct ncr_watch *w = l->watches[i];

        if (w != NULL && w->always && w->want != 0)
            return true;
    }
    return false;
}

static void loop_epoll_tell_always(struct ncr_loop *l, uint32_t n)
{
    for (uint32_t i = 0; l->n_always > 0 && i < n; i++) {
        if (l->watches[i] != NULL && l->watches[i]->always)
            ncr_loop_tell(l->watches[i], NCR_LOOP_READ | NCR_LOOP_WRITE, false);
    }
}

static nacre_err loop_epoll_wait(struct ncr_loop *l, int timeout)
{
    struct epoll_event *e = l->ready;
    uint32_t n = l->n_watches;
    int got = epoll_pwait(l->epfd, e, LOOP_EPOLL_BATCH, loop_epoll_pending(l) ? 0 : timeout,
                          l->mask_changed ? &l->wait_mask : NULL);

    l->now = ncr_clock_ms();
    if (got < 0)
        return errno == EINTR ? NACRE_OK : NACRE_ERR_IO;
    l->n_ready = (uint32_t)got;
    for (uint32_t i = 0; i < l->n_ready; i++) {
        uint32_t r = e[i].events;

        if (e[i].data.ptr != NULL)
            ncr_loop_tell(e[i].data.ptr,
                          ((r & EPOLLIN) ? NCR_LOOP_READ : 0u) |
                              ((r & EPOLLOUT) ? NCR_LOOP_WRITE : 0u),
                          (r & ((uint32_t)EPOLLERR | (uint32_t)EPOLLHUP)) != 0);
    }
    l->n_ready = 0;
    loop_epoll_tell_always(l, n);
    return NACRE_OK;
}

static const struct ncr_loop_ops loop_epoll_table = {
    .init = loop_epoll_init,
    .free = loop_epoll_free,
    .grow = loop_epoll_grow,
    .add = loop_epoll_add,
    .change = loop_epoll_change,
    .remove = loop_epoll_remove,
    .move = loop_epoll_move,
    .wait = loop_epoll_wait,
};

const struct ncr_loop_ops *const ncr_loop_epoll_ops = &loop_epoll_table;

#else

const struct ncr_loop_ops *const ncr_loop_epoll_ops = NULL;

#endif
