/* SPDX-License-Identifier: ISC
 *
 * The session of nacre-ssh: one channel with a command, a shell or a subsystem, joined to the
 * standard descriptors; the local terminal in raw mode, its size, the escape character.
 */
#ifndef NCR_SSH_SESSION_H
#define NCR_SSH_SESSION_H

#include "client/forward_agent.h"
#include "client/front.h"
#include "proto/posix/loop.h"
#include "proto/posix/relay.h"

struct nacre_client;

/* What to run and how; strings are borrowed. */
struct ncr_ssh_session_cfg {
    const char *command;             /* NULL or "": a shell */
    bool subsystem;                  /* command is its name */
    bool tty;                        /* ask for a terminal there */
    bool no_input;                   /* -n */
    struct ncr_agent_forward *agent; /* to lend; NULL: none */
    const char *to_host;             /* -W: no session, but a connection to there; or NULL */
    uint32_t to_port;
};

struct ncr_ssh_session;

/* Opens the channel. NULL: out of memory or refused at once. */
struct ncr_ssh_session *ncr_ssh_session_start(struct ncr_front *f, struct nacre_client *c,
                                              struct ncr_loop *l,
                                              const struct ncr_ssh_session_cfg *cfg);
/* The channel is closed and everything has reached its descriptor. */
bool ncr_ssh_session_over(const struct ncr_ssh_session *s);
/* The person asked to leave, by "~.". */
bool ncr_ssh_session_left(const struct ncr_ssh_session *s);
/* Exit status as ssh(1) has it: the command's, 255 if there is none. */
int ncr_ssh_session_status(const struct ncr_ssh_session *s);
/* For "~#". */
void ncr_ssh_session_forwards(struct ncr_ssh_session *s, struct ncr_forwards *forwards);
/* The local terminal changed its size. */
void ncr_ssh_session_resized(struct ncr_ssh_session *s);
/* Restores descriptors and the terminal. */
void ncr_ssh_session_free(struct ncr_ssh_session *s);

#endif
