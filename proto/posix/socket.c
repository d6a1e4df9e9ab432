/* SPDX-License-Identifier: ISC
 *
 * TCP sockets: see socket.h.
 */
#include "proto/posix/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCK_ATTEMPT_MIN_MS 1000 /* least share of the deadline that an address gets */
#define SOCK_PORT_MAX 65535
#define SOCK_SERVICE_LEN 6 /* digits of a port and NUL */

/* ---- Small things ------------------------------------------------------------------------ */

static void sock_close(int fd)
{
    int e = errno;

    if (fd >= 0)
        (void)close(fd); /* a socket without data of ours: nothing to lose */
    errno = e;
}

bool ncr_fd_nonblock(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return false;
    return fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == 0;
}

bool ncr_fd_cloexec(int fd)
{
    return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

bool ncr_pipe(int fds[2])
{
    return pipe2(fds, O_CLOEXEC) == 0;
}

void ncr_sock_nodelay(int fd)
{
    int one = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* not TCP: not needed */
}

void ncr_sock_keepalive(int fd)
{
    int one = 1;

    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one); /* a help, not a need */
}

static void sock_name_of(const struct sockaddr *sa, socklen_t len, char addr[NCR_SOCK_NAME],
                         uint32_t *port)
{
    char service[SOCK_SERVICE_LEN];

    *port = 0;
    (void)snprintf(addr, NCR_SOCK_NAME, "UNKNOWN");
    if (sa->sa_family != AF_INET && sa->sa_family != AF_INET6)
        return;
    if (getnameinfo(sa, len, addr, NCR_SOCK_NAME, service, sizeof service,
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        *port = (uint32_t)strtoul(service, NULL, 10);
}

bool ncr_sock_name(int fd, bool far, char addr[NCR_SOCK_NAME], uint32_t *port)
{
    struct sockaddr_storage ss;
    struct sockaddr *sa = (struct sockaddr *)&ss;
    socklen_t len = sizeof ss;

    memset(&ss, 0, sizeof ss);
    if ((far ? getpeername(fd, sa, &len) : getsockname(fd, sa, &len)) != 0)
        ss.ss_family = AF_UNSPEC;
    sock_name_of(sa, len, addr, port);
    return *port != 0;
}

static int sock_lookup(struct addrinfo **list, const char *host, uint32_t port, int family,
                       int flags)
{
    struct addrinfo hints;
    char service[16];

    *list = NULL;
    if (port > SOCK_PORT_MAX)
        return EAI_SERVICE;
    (void)snprintf(service, sizeof service, "%u", (unsigned)port); /* fits: 10 digits at most */
    memset(&hints, 0, sizeof hints);
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    return getaddrinfo(host, service, &hints, list);
}

static int sock_new(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);

    if (fd >= 0)
        ncr_sock_nodelay(fd);
    return fd;
}

/* ---- Connecting -------------------------------------------------------------------------- */

/* Writes down why the address under way failed. */
static void sock_failed(struct ncr_connect *c, int errnum)
{
    sock_close(c->fd);
    c->fd = -1;
    if (c->n_tries > 0)
        c->tries[c->n_tries - 1].errnum = errnum;
}

static bool sock_bind(int fd, int family, const char *bind_addr)
{
    struct addrinfo *list;
    bool good = false;

    if (bind_addr == NULL)
        return true;
    errno = EADDRNOTAVAIL;
    if (sock_lookup(&list, bind_addr, 0, family, AI_PASSIVE) != 0)
        return false;
    good = bind(fd, list->ai_addr, list->ai_addrlen) == 0;
    freeaddrinfo(list);
    return good;
}

/* Each address gets an equal share of the time that is left. */
static uint64_t sock_share(const struct ncr_connect *c, uint64_t now)
{
    uint64_t left = c->deadline > now ? c->deadline - now : 0;
    uint64_t n = 1;

    if (c->deadline == NCR_NEVER)
        return NCR_NEVER;
    for (const struct addrinfo *a = c->next; a != NULL; a = a->ai_next)
        n++;
    if (n > 1 && left / n >= SOCK_ATTEMPT_MIN_MS)
        left /= n;
    return now + left;
}

/* Starts the next address, and the one after it if that fails at once. */
static enum ncr_connect_state sock_try_next(struct ncr_connect *c)
{
    while (c->next != NULL && c->n_tries < NCR_SOCK_TRIES) {
        struct addrinfo *a = c->next;
        uint64_t now = ncr_clock_ms();
        uint32_t port;

        c->next = a->ai_next;
        if (now >= c->deadline && c->n_tries > 0)
            return NCR_CONNECT_FAILED;
        sock_name_of(a->ai_addr, a->ai_addrlen, c->tries[c->n_tries++].addr, &port);
        c->attempt = sock_share(c, now);
        c->fd = sock_new(a);
        if (c->fd < 0 || !sock_bind(c->fd, a->ai_family, c->bind_addr)) {
            sock_failed(c, errno);
            continue;
        }
        if (connect(c->fd, a->ai_addr, a->ai_addrlen) == 0) {
            c->done = true;
            return NCR_CONNECT_DONE;
        }
        if (errno == EINPROGRESS || errno == EINTR)
            return NCR_CONNECT_WAIT;
        sock_failed(c, errno);
    }
    return NCR_CONNECT_FAILED;
}

enum ncr_connect_state ncr_connect_start(struct ncr_connect *c, const char *host, uint32_t port,
                                         int family, const char *bind_addr, uint64_t deadline)
{
    memset(c, 0, sizeof *c);
    c->fd = -1;
    c->deadline = deadline;
    c->bind_addr = bind_addr;
    c->gai = sock_lookup(&c->list, host, port, family, 0);
    if (c->gai != 0)
        return NCR_CONNECT_FAILED;
    c->next = c->list;
    return sock_try_next(c);
}

enum ncr_connect_state ncr_connect_step(struct ncr_connect *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLOUT};
    int errnum = 0;
    socklen_t len = sizeof errnum;

    if (c->fd < 0)
        return NCR_CONNECT_FAILED;
    if (poll(&p, 1, 0) <= 0) {
        if (ncr_clock_ms() < c->attempt)
            return NCR_CONNECT_WAIT;
        errnum = ETIMEDOUT;
    } else if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &errnum, &len) != 0) {
        errnum = errno;
    }
    if (errnum == 0) {
        c->done = true;
        return NCR_CONNECT_DONE;
    }
    sock_failed(c, errnum);
    return sock_try_next(c);
}

void ncr_connect_free(struct ncr_connect *c)
{
    if (c->list != NULL)
        freeaddrinfo(c->list);
    if (!c->done) {
        sock_close(c->fd);
        c->fd = -1;
    }
    c->list = NULL;
    c->next = NULL;
}

/* A host that answered and refused says more than one that cannot be reached. */
int ncr_connect_errno(const struct ncr_connect *c)
{
    int e = c->n_tries == 0 ? 0 : c->tries[c->n_tries - 1].errnum;

    for (size_t i = 0; i < c->n_tries; i++) {
        if (c->tries[i].errnum == ECONNREFUSED)
            e = ECONNREFUSED;
    }
    return e;
}

int ncr_dial(struct ncr_connect *c, const char *host, uint32_t port, int family,
             const char *bind_addr, uint64_t deadline)
{
    enum ncr_connect_state s = ncr_connect_start(c, host, port, family, bind_addr, deadline);

    while (s == NCR_CONNECT_WAIT) {
        struct pollfd p = {.fd = c->fd, .events = POLLOUT};

        /* An error of poll shows as no readiness in the step. */
        (void)poll(&p, 1, ncr_clock_timeout(c->attempt, ncr_clock_ms()));
        s = ncr_connect_step(c);
    }
    return s == NCR_CONNECT_DONE ? c->fd : -1;
}

/* ---- Listening --------------------------------------------------------------------------- */

static int sock_listen_one(const struct addrinfo *a, uint32_t port)
{
    struct sockaddr_storage ss;
    int one = 1;
    int fd = sock_new(a);

    if (fd < 0)
        return -1;
    memset(&ss, 0, sizeof ss);
    memcpy(&ss, a->ai_addr, a->ai_addrlen);
    if (a->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)&ss)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)&ss)->sin_port = htons((uint16_t)port);
    /* A server that restarts must get its port back; one family's socket must not take the other's
     * port: both are conveniences whose failure shows at bind. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (a->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&ss, a->ai_addrlen) == 0 && listen(fd, 128) == 0)
        return fd;
    sock_close(fd);
    return -1;
}

/* The name to look up, and NULL for every address. */
static const char *sock_listen_host(const char *addr)
{
    return addr == NULL || addr[0] == '\0' || strcmp(addr, "*") == 0 ? NULL : addr;
}

nacre_err ncr_listen(const char *addr, uint32_t *port, int family, int fds[NCR_SOCK_LISTEN],
                     size_t *n)
{
    struct addrinfo *list;
    char name[NCR_SOCK_NAME];
    int e = EADDRNOTAVAIL;

    *n = 0;
    if (sock_lookup(&list, sock_listen_host(addr), *port, family, AI_PASSIVE) != 0) {
        errno = e;
        return NACRE_ERR_IO;
    }
    for (const struct addrinfo *a = list; a != NULL && *n < NCR_SOCK_LISTEN; a = a->ai_next) {
        if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
            continue;
        fds[*n] = sock_listen_one(a, *port);
        if (fds[*n] < 0) {
            e = errno;
            continue;
        }
        if (*port == 0)
            (void)ncr_sock_name(fds[*n], false, name, port); /* bound: it has a name */
        (*n)++;
    }
    freeaddrinfo(list);
    errno = e;
    return *n > 0 ? NACRE_OK : NACRE_ERR_IO;
}

int ncr_accept(int fd, char peer[NCR_SOCK_NAME], uint32_t *peer_port)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    uint32_t port;
    int got;

    memset(&ss, 0, sizeof ss);
    got = accept4(fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (got < 0)
        return -1;
    ncr_sock_nodelay(got);
    if (peer != NULL)
        sock_name_of((struct sockaddr *)&ss, len, peer, peer_port != NULL ? peer_port : &port);
    return got;
}
