/* SPDX-License-Identifier: ISC
 *
 * An agent on its socket: many clients in one event loop. No client makes another one wait: reads
 * and writes do not block, a message is read no further than its end, one reply is on its way at a
 * time, penalties and questions are waited for by timers.
 */
#ifndef NCR_AGENT_SERVER_H
#define NCR_AGENT_SERVER_H

#include "client/agent_confirm.h"
#include "client/agent_requests.h"
#include "proto/posix/loop.h"

#define NCR_AGENT_CLIENTS_MAX 4096 /* of 2 KiB while they are idle; more wait to be accepted */
#define NCR_AGENT_STALL_MS 60000   /* for half a message, and for a reply that is not taken */

/* Bytes of half messages and of replies that are not taken, of all clients together: as much as 128
 * of the largest. Who would have more is hung up on. */
#define NCR_AGENT_HELD_MAX (128u * (NACRE_AGENT_LEN + NACRE_AGENT_MSG_MAX))

struct ncr_agent_conn;

struct ncr_agent_server {
    struct ncr_agentd agent;
    struct ncr_loop *loop;
    unsigned clients_max; /* 0: NCR_AGENT_CLIENTS_MAX */
    uint64_t stall_ms;    /* 0: NCR_AGENT_STALL_MS */
    size_t held_max;      /* 0: NCR_AGENT_HELD_MAX */
    /* private */
    int fd;
    struct ncr_watch watch;
    struct ncr_timer expiry, retry;
    struct ncr_confirm confirm;
    struct ncr_agent_conn *asking; /* whose question is asked */
    struct ncr_agent_conn *first;
    unsigned n_clients;
    size_t held;
    struct ncr_agentd_reply reply; /* under way from agent to a client's socket */
};

/* agent's and loop's fields are set, the rest is zero. NO_MEMORY. */
NACRE_MUST_CHECK nacre_err ncr_agent_server_init(struct ncr_agent_server *s);
/* Takes over a listening socket; clients must be of this process's user, or root. NO_MEMORY, IO. */
NACRE_MUST_CHECK nacre_err ncr_agent_server_listen(struct ncr_agent_server *s, int fd);
/* Takes over a connected socket. On failure it is closed. */
NACRE_MUST_CHECK nacre_err ncr_agent_server_add(struct ncr_agent_server *s, int fd);
/* Closes all, wipes keys. */
void ncr_agent_server_free(struct ncr_agent_server *s);

/* Forgets all keys, locked or not. */
void ncr_agent_server_drop_keys(struct ncr_agent_server *s);

#endif
