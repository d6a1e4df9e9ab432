/* SPDX-License-Identifier: ISC
 *
 * Asking a person for consent by the program that SSH_ASKPASS names, without waiting for it: an
 * agent serves others meanwhile. One question at a time.
 */
#ifndef NCR_AGENT_CONFIRM_H
#define NCR_AGENT_CONFIRM_H

#include <sys/types.h>

#include "proto/posix/loop.h"

struct ncr_confirm {
    struct ncr_loop *loop;
    void (*done)(void *ctx, bool yes);
    void *ctx;
    /* private */
    struct ncr_watch watch;
    struct ncr_timer timer;
    int fd;
    pid_t pid;
    char answer[16];
    size_t n;
    bool busy;
    bool group; /* the program leads a process group */
};

/* loop, done and ctx are set, the rest is zero. NO_MEMORY. */
NACRE_MUST_CHECK nacre_err ncr_confirm_init(struct ncr_confirm *c);
/* Starts asking; done is told once, from the loop. False: there is nobody to ask, which is no
 * consent. Not while busy. */
NACRE_MUST_CHECK bool ncr_confirm_start(struct ncr_confirm *c, const char *question);
/* Gives up what is asked, and ends the program; done is not told. */
void ncr_confirm_stop(struct ncr_confirm *c);

#endif
