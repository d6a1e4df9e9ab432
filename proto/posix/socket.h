/* SPDX-License-Identifier: ISC
 *
 * TCP sockets: connecting to every address of a name in turn under one deadline, listening,
 * accepting.
 *
 * Every descriptor made here is non-blocking, close-on-exec and, if TCP, has TCP_NODELAY from its
 * first moment: a login otherwise waits for two delayed acknowledgements. Failures are kept for
 * each address, so that the message names them all.
 */
#ifndef NCR_POSIX_SOCKET_H
#define NCR_POSIX_SOCKET_H

#include <sys/socket.h>
#include <sys/types.h>

#include "proto/nacre.h"
#include "proto/posix/clock.h"

#define NCR_SOCK_TRIES 16 /* addresses of one name that are tried and reported */
#define NCR_SOCK_LISTEN 8 /* sockets of one listening address */
#define NCR_SOCK_NAME 64  /* numeric address with scope and NUL */

struct ncr_sock_try {
    char addr[NCR_SOCK_NAME];
    int errnum; /* ETIMEDOUT: deadline or the system's own */
};

struct addrinfo;

/* Connecting to a name without blocking (but for its look-up). */
struct ncr_connect {
    struct addrinfo *list, *next;
    int fd;    /* the attempt under way, then the connected socket; -1: none */
    bool done; /* fd is connected, and the caller's */
    int gai;   /* getaddrinfo's error, or 0 */
    uint64_t deadline;
    uint64_t attempt; /* end of the attempt under way: its share of what is left */
    const char *bind_addr;
    size_t n_tries;
    struct ncr_sock_try tries[NCR_SOCK_TRIES];
};

enum ncr_connect_state { NCR_CONNECT_FAILED = 0, NCR_CONNECT_WAIT, NCR_CONNECT_DONE };

/* Looks host up and starts. family AF_UNSPEC, AF_INET or AF_INET6; bind_addr numeric or NULL,
 * borrowed. WAIT: call step when c->fd is writable, or at c->attempt. */
enum ncr_connect_state ncr_connect_start(struct ncr_connect *c, const char *host, uint32_t port,
                                         int family, const char *bind_addr, uint64_t deadline);
/* Goes on: the fd may be another one after it. DONE: c->fd is the caller's. */
enum ncr_connect_state ncr_connect_step(struct ncr_connect *c);
/* Gives up: closes what is open, frees. After DONE it leaves the socket alone. */
void ncr_connect_free(struct ncr_connect *c);
/* errno of the failure that says most, or 0 if the name was not found (c->gai). */
int ncr_connect_errno(const struct ncr_connect *c);

/* Blocking form: the socket, or -1 with the story in *c (free it with ncr_connect_free). */
int ncr_dial(struct ncr_connect *c, const char *host, uint32_t port, int family,
             const char *bind_addr, uint64_t deadline);

/* Listens on addr: NULL or "" or "*" is every address of every family, "localhost" the loopbacks,
 * else a name or number (RFC 4254 7.1). Port 0: the system picks one, the same for all sockets.
 * Writes at most NCR_SOCK_LISTEN sockets to fds and their number to *n, the port to *port. Errors:
 * IO with errno; a name that is not found gives errno EADDRNOTAVAIL. One socket suffices. */
NACRE_MUST_CHECK nacre_err ncr_listen(const char *addr, uint32_t *port, int family,
                                      int fds[NCR_SOCK_LISTEN], size_t *n);
/* Accepts one: the socket, or -1 with errno (EAGAIN: none waits). peer may be NULL; its port goes
 * to *peer_port. */
int ncr_accept(int fd, char peer[NCR_SOCK_NAME], uint32_t *peer_port);

/* Numeric address and port of the near or the far end. False with "UNKNOWN" and 0 if it is none of
 * the internet. */
bool ncr_sock_name(int fd, bool far, char addr[NCR_SOCK_NAME], uint32_t *port);
/* TCP_NODELAY; nothing on other sockets. */
void ncr_sock_nodelay(int fd);
/* SO_KEEPALIVE. */
void ncr_sock_keepalive(int fd);
bool ncr_fd_nonblock(int fd, bool on);
bool ncr_fd_cloexec(int fd);
/* Both ends close-on-exec; false with errno. */
bool ncr_pipe(int fds[2]);

#endif
