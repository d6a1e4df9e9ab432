/* SPDX-License-Identifier: ISC
 *
 * What the event loop asks of its back end: loop_poll.c, loop_epoll.c. Only the loop includes this.
 */
#ifndef NCR_POSIX_LOOP_BACKEND_H
#define NCR_POSIX_LOOP_BACKEND_H

#include "proto/posix/loop.h"

/* Slots in loop->watches are kept by loop.c; a back end is told after a slot was given and before
 * it is taken away. */
struct ncr_loop_ops {
    nacre_err (*init)(struct ncr_loop *l);
    void (*free)(struct ncr_loop *l);
    nacre_err (*grow)(struct ncr_loop *l, uint32_t cap);
    nacre_err (*add)(struct ncr_loop *l, struct ncr_watch *w);
    void (*change)(struct ncr_loop *l, struct ncr_watch *w);
    void (*remove)(struct ncr_loop *l, struct ncr_watch *w);
    /* The last slot moved to `to`. */
    void (*move)(struct ncr_loop *l, uint32_t from, uint32_t to);
    /* Waits with l->wait_mask and tells what is ready. Interrupted is no error. */
    nacre_err (*wait)(struct ncr_loop *l, int timeout);
};

extern const struct ncr_loop_ops ncr_loop_poll_ops;
/* NULL where there is no epoll. */
extern const struct ncr_loop_ops *const ncr_loop_epoll_ops;

/* Tells w what is ready of what it wants; gone: error or hang-up. */
void ncr_loop_tell(struct ncr_watch *w, unsigned ready, bool gone);

#endif
