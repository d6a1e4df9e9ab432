/* SPDX-License-Identifier: ISC
 *
 * The event loop over poll(2): loop->fds stands beside loop->watches, slot by slot. A watch that
 * wants nothing has the descriptor -1 there, so that a hang-up does not make the loop spin.
 */
#include "proto/posix/loop_backend.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

static nacre_err loop_poll_init(struct ncr_loop *l)
{
    l->fds = NULL;
    return NACRE_OK;
}

static void loop_poll_free(struct ncr_loop *l)
{
    free(l->fds);
    l->fds = NULL;
}

static nacre_err loop_poll_grow(struct ncr_loop *l, uint32_t cap)
{
    struct pollfd *fds = realloc(l->fds, cap * sizeof *fds);

    if (fds == NULL)
        return NACRE_ERR_NO_MEMORY;
    l->fds = fds;
    return NACRE_OK;
}

static void loop_poll_change(struct ncr_loop *l, struct ncr_watch *w)
{
    struct pollfd *p = &l->fds[w->slot - 1];

    p->fd = w->want == 0 ? -1 : w->fd;
    p->events = (short)(((w->want & NCR_LOOP_READ) ? POLLIN : 0) |
                        ((w->want & NCR_LOOP_WRITE) ? POLLOUT : 0));
}

static nacre_err loop_poll_add(struct ncr_loop *l, struct ncr_watch *w)
{
    l->fds[w->slot - 1].revents = 0;
    loop_poll_change(l, w);
    return NACRE_OK;
}

static void loop_poll_remove(struct ncr_loop *l, struct ncr_watch *w)
{
    l->fds[w->slot - 1].fd = -1;
    l->fds[w->slot - 1].revents = 0;
}

static void loop_poll_move(struct ncr_loop *l, uint32_t from, uint32_t to)
{
    l->fds[to] = l->fds[from];
}

static void loop_poll_dispatch(struct ncr_loop *l, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        short r = l->fds[i].revents;

        l->fds[i].revents = 0;
        if (r == 0 || l->watches[i] == NULL)
            continue;
        ncr_loop_tell(l->watches[i],
                      ((r & POLLIN) ? NCR_LOOP_READ : 0u) | ((r & POLLOUT) ? NCR_LOOP_WRITE : 0u),
                      (r & (POLLERR | POLLHUP | POLLNVAL)) != 0);
    }
}

static nacre_err loop_poll_wait(struct ncr_loop *l, int timeout)
{
    struct timespec t = {.tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000L};
    uint32_t n = l->n_watches;
    int got = ppoll(l->fds, n, timeout < 0 ? NULL : &t, l->mask_changed ? &l->wait_mask : NULL);

    l->now = ncr_clock_ms();
    if (got < 0)
        return errno == EINTR ? NACRE_OK : NACRE_ERR_IO;
    if (got > 0)
        loop_poll_dispatch(l, n);
    return NACRE_OK;
}

const struct ncr_loop_ops ncr_loop_poll_ops = {
    .init = loop_poll_init,
    .free = loop_poll_free,
    .grow = loop_poll_grow,
    .add = loop_poll_add,
    .change = loop_poll_change,
    .remove = loop_poll_remove,
    .move = loop_poll_move,
    .wait = loop_poll_wait,
};
