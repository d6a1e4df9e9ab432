/* SPDX-License-Identifier: ISC
 *
 * Forwarded TCP connections of a client: listening here and connecting there (-L, direct-tcpip),
 * and the reverse (-R, tcpip-forward and forwarded-tcpip; RFC 4254 7). What a server opens is
 * accepted only if this client asked for that very address and port (S75, S80).
 */
#ifndef NCR_FORWARD_CLIENT_H
#define NCR_FORWARD_CLIENT_H

#include "client/nacre_client.h"
#include "proto/posix/loop.h"
#include "proto/posix/socket.h"

#define NCR_FORWARD_RULES 64

struct ncr_forward_rule {
    bool remote;           /* the server listens */
    const char *bind_addr; /* NULL: the loopback; "": every address */
    uint32_t bind_port;    /* 0 (remote only): the server picks */
    const char *host;
    uint32_t port;
    char *text; /* the copy that the addresses are in */
};

/* Reads "[bind_address:]port:host:hostport", addresses of IPv6 in brackets; makes copies. False:
 * not of that form. */
bool ncr_forward_parse(struct ncr_forward_rule *r, const char *text, bool remote);
void ncr_forward_rule_free(struct ncr_forward_rule *r);

struct ncr_forwards;
struct nacre_client;

/* Starts all rules: listens, asks. The client must be ready and attached to the loop. Failures are
 * logged; ncr_forwards_failed() counts them. NULL: out of memory. */
struct ncr_forwards *ncr_forwards_start(struct nacre_client *c, struct ncr_loop *l,
                                        const struct ncr_forward_rule *rules, size_t n);
void ncr_forwards_free(struct ncr_forwards *f);
/* The client's event hook gives these away: true if it was ours. */
bool ncr_forwards_event(struct ncr_forwards *f, const struct nacre_event *ev);
/* Rules that could not be set up. */
size_t ncr_forwards_failed(const struct ncr_forwards *f);
/* Requests that the server has not answered. */
size_t ncr_forwards_pending(const struct ncr_forwards *f);
/* Connections that are open. */
size_t ncr_forwards_open(const struct ncr_forwards *f);
/* Lists them on the log. */
void ncr_forwards_list(struct ncr_forwards *f);

#endif
