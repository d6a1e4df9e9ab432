/* SPDX-License-Identifier: ISC
 *
 * A program that makes the connection in our place: ProxyCommand, run by the user's shell, or for
 * ProxyJump another nacre-ssh with -W, run without any (S54). It talks over one end of a socket
 * pair, and is ended with the connection.
 */
#ifndef NCR_PROXY_H
#define NCR_PROXY_H

#include <sys/types.h>

#include "proto/nacre.h"

struct ncr_proxy {
    pid_t pid;         /* 0: none */
    int fd;            /* our end, does not block; the caller's from then on */
    bool no_interrupt; /* set by the caller: the terminal's interrupts are not for the program */
};

/* False with errno. */
NACRE_MUST_CHECK bool ncr_proxy_command(struct ncr_proxy *p, const char *command);
/* argv[0] is looked up in PATH unless it has a '/'. */
NACRE_MUST_CHECK bool ncr_proxy_program(struct ncr_proxy *p, char *const *argv);
/* Ends the program, once its descriptor is closed, and waits for that. */
void ncr_proxy_stop(struct ncr_proxy *p);

#endif
