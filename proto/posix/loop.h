/* SPDX-License-Identifier: ISC
 *
 * Event loop: descriptors, timers, signals and work put off to the end of a round, one thread.
 *
 * Two back ends behind one interface: poll(2) everywhere, epoll(7) on Linux for those who watch
 * thousands of descriptors. No select(2): a descriptor's number has no bound (S67). Storage of a
 * watch, timer or deferred call is the caller's, embedded in its object, and must stay in place
 * while registered; the loop's own arrays grow at registration only. Any callback may register and
 * remove anything, its own watch included.
 *
 * Signals: handlers only set a flag (S65). Signals registered here stay blocked but for the time of
 * the wait, so that none is lost and no other code is interrupted.
 */
#ifndef NCR_POSIX_LOOP_H
#define NCR_POSIX_LOOP_H

#include <poll.h>
#include <signal.h>

#include "proto/nacre.h"
#include "proto/posix/clock.h"

enum ncr_loop_kind {
    NCR_LOOP_POLL = 0, /* a change of interest costs no system call: best for few descriptors */
    NCR_LOOP_EPOLL     /* falls back to poll where there is none */
};

/* What a watch waits for, and what it is told. An error or hang-up is told as all that the watch
 * waits for: the read(2) or write(2) that follows says what it is. */
enum ncr_loop_ready { NCR_LOOP_READ = 1, NCR_LOOP_WRITE = 2 };

struct ncr_watch {
    void (*fn)(void *ctx, unsigned ready);
    void *ctx;
    int fd;
    unsigned want;
    uint32_t slot; /* index in the loop's arrays plus one; 0: not registered */
    bool in_set;   /* epoll: the kernel knows it */
    bool always;   /* epoll: a file of a kind that is always ready */
};

struct ncr_timer {
    void (*fn)(void *ctx);
    void *ctx;
    uint64_t when; /* NCR_NEVER: disarmed */
    uint64_t key;  /* when as the heap has it: may be earlier */
    uint32_t slot; /* as above; 0: not in the heap */
    bool known;    /* registered */
};

/* A call at the end of the round, after all descriptors that were ready have been told: the place
 * to write once what many events produced. */
struct ncr_defer {
    void (*fn)(void *ctx);
    void *ctx;
    struct ncr_defer *next, *prev;
    uint32_t round; /* of the loop when it was queued */
    bool queued;
};

struct ncr_loop_ops;

#define NCR_LOOP_SIGNALS 8

struct ncr_loop {
    const struct ncr_loop_ops *ops;
    int epfd;
    uint64_t now;
    struct ncr_watch **watches; /* NULL: removed in this round */
    struct pollfd *fds;         /* poll: beside watches */
    uint32_t n_watches, cap_watches, n_dead, n_always;
    void *ready; /* epoll: results of the wait in progress */
    uint32_t n_ready;
    struct ncr_timer **timers;              /* binary heap by key */
    uint32_t n_timers, cap_timers, n_known; /* armed, room, registered */
    struct ncr_defer *first, *last;
    uint32_t round;
    struct {
        int signo;
        void (*fn)(void *ctx, int signo);
        void *ctx;
        struct sigaction old;
    } signals[NCR_LOOP_SIGNALS];
    uint32_t n_signals;
    sigset_t wait_mask; /* the mask that the process had before */
    bool mask_changed, dispatching, firing, stopped;
};

/* Errors: IO (errno says), NO_MEMORY. The loop must not be moved while in use. */
NACRE_MUST_CHECK nacre_err ncr_loop_init(struct ncr_loop *l, enum ncr_loop_kind kind);
/* Frees arrays and restores signals; descriptors that were watched stay open. */
void ncr_loop_free(struct ncr_loop *l);

/* Watches fd, which may be watched once at a time, for want (a set, may be 0). Errors: NO_MEMORY,
 * IO. */
NACRE_MUST_CHECK nacre_err ncr_loop_watch(struct ncr_loop *l, struct ncr_watch *w, int fd,
                                          unsigned want, void (*fn)(void *ctx, unsigned ready),
                                          void *ctx);
void ncr_loop_want(struct ncr_loop *l, struct ncr_watch *w, unsigned want);
/* Before close(2) of the descriptor. Does nothing for a watch that is not registered (zeroed). */
void ncr_loop_unwatch(struct ncr_loop *l, struct ncr_watch *w);

/* Makes a timer known, disarmed; afterwards setting it cannot fail. */
NACRE_MUST_CHECK nacre_err ncr_loop_timer(struct ncr_loop *l, struct ncr_timer *t,
                                          void (*fn)(void *ctx), void *ctx);
/* Fires once at `when` (NCR_NEVER disarms). Moving it later costs nothing. */
void ncr_loop_timer_set(struct ncr_loop *l, struct ncr_timer *t, uint64_t when);
void ncr_loop_timer_remove(struct ncr_loop *l, struct ncr_timer *t);

/* Queues d, whose fn and ctx are set, unless it is queued already. */
void ncr_loop_defer(struct ncr_loop *l, struct ncr_defer *d);
void ncr_loop_undefer(struct ncr_loop *l, struct ncr_defer *d);

/* Takes a signal: fn is called from the loop, never from the handler. One loop of a process may
 * take signals. Errors: USAGE (too many, or taken), IO. */
NACRE_MUST_CHECK nacre_err ncr_loop_signal(struct ncr_loop *l, int signo,
                                           void (*fn)(void *ctx, int signo), void *ctx);
/* In a child after fork(2), before exec: restores what signals were before. */
void ncr_loop_child(struct ncr_loop *l);

/* Waits, at most until `until`, and tells what is ready: one round. IO if the wait fails. */
NACRE_MUST_CHECK nacre_err ncr_loop_once(struct ncr_loop *l, uint64_t until);
/* Rounds until ncr_loop_stop(). */
NACRE_MUST_CHECK nacre_err ncr_loop_run(struct ncr_loop *l);
void ncr_loop_stop(struct ncr_loop *l);
/* The clock at the start of this round. */
uint64_t ncr_loop_now(const struct ncr_loop *l);

#endif
