/* SPDX-License-Identifier: ISC
 *
 * Sockets: connecting with deadlines and every failure kept, listening, what is set from the start.
 */
#include "proto/posix/socket.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static int listen_one(const char *addr, uint32_t *port)
{
    int fds[NCR_SOCK_LISTEN];
    size_t n = 0;

    *port = 0;
    cr_assert_eq(ncr_listen(addr, port, AF_INET, fds, &n), NACRE_OK);
    cr_assert_eq(n, 1);
    cr_assert_neq(*port, 0);
    return fds[0];
}

static int accept_one(int fd, char *peer, uint32_t *port)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    cr_assert_eq(poll(&p, 1, 60000), 1);
    return ncr_accept(fd, peer, port);
}

static void check_fresh(int fd)
{
    int on = 0;
    socklen_t len = sizeof on;

    cr_assert_geq(fd, 0);
    cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC, "s67: close-on-exec");
    cr_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    cr_assert_neq(on, 0, "TCP_NODELAY");
}

Test(socket, dial_and_accept)
{
    struct ncr_connect c;
    char peer[NCR_SOCK_NAME], name[NCR_SOCK_NAME];
    uint32_t port, peer_port, own_port;
    int l = listen_one("127.0.0.1", &port);
    int fd = ncr_dial(&c, "127.0.0.1", port, AF_UNSPEC, NULL, ncr_clock_deadline(60000));
    int got = accept_one(l, peer, &peer_port);

    check_fresh(fd);
    check_fresh(got);
    ncr_connect_free(&c);
    cr_assert_geq(fcntl(fd, F_GETFD), 0, "freeing leaves the connected socket alone");
    cr_assert_str_eq(peer, "127.0.0.1");
    cr_assert(ncr_sock_name(fd, false, name, &own_port));
    cr_assert_eq(own_port, peer_port);
    cr_assert(ncr_sock_name(fd, true, name, &own_port));
    cr_assert_eq(own_port, port);
    cr_assert_eq(ncr_accept(l, peer, &peer_port), -1);
    cr_assert_eq(errno, EAGAIN);
    ncr_sock_keepalive(fd);
    close(fd);
    close(got);
    close(l);
}

Test(socket, bind_address)
{
    struct ncr_connect c;
    char peer[NCR_SOCK_NAME];
    uint32_t port, peer_port;
    int l = listen_one("127.0.0.1", &port);
    int fd = ncr_dial(&c, "127.0.0.1", port, AF_INET, "127.0.0.2", ncr_clock_deadline(60000));

    if (fd < 0)
        cr_skip("127.0.0.2 is no address of this machine");
    ncr_connect_free(&c);
    close(accept_one(l, peer, &peer_port));
    cr_assert_str_eq(peer, "127.0.0.2");
    close(fd);
    close(l);
}

Test(socket, refused)
{
    struct ncr_connect c;
    uint32_t port;
    int l = listen_one("127.0.0.1", &port);

    close(l);
    cr_assert_eq(ncr_dial(&c, "127.0.0.1", port, AF_UNSPEC, NULL, ncr_clock_deadline(60000)), -1);
    cr_assert_eq(c.gai, 0);
    cr_assert_eq(c.n_tries, 1);
    cr_assert_str_eq(c.tries[0].addr, "127.0.0.1");
    cr_assert_eq(c.tries[0].errnum, ECONNREFUSED);
    cr_assert_eq(ncr_connect_errno(&c), ECONNREFUSED);
    ncr_connect_free(&c);
}

/* Every address is tried and told of; a refusal says more than what came after. */
Test(socket, all_addresses)
{
    struct ncr_connect c;
    uint32_t port;
    int l = listen_one("127.0.0.1", &port);

    close(l);
    cr_assert_eq(ncr_dial(&c, "localhost", port, AF_UNSPEC, NULL, ncr_clock_deadline(60000)), -1);
    cr_assert_geq(c.n_tries, 1);
    for (size_t i = 0; i < c.n_tries; i++) {
        cr_assert_neq(c.tries[i].errnum, 0);
        cr_assert_neq(c.tries[i].addr[0], '\0');
    }
    c.n_tries = 2;
    c.tries[0].errnum = ECONNREFUSED;
    c.tries[1].errnum = ENETUNREACH;
    cr_assert_eq(ncr_connect_errno(&c), ECONNREFUSED);
    ncr_connect_free(&c);
}

Test(socket, bad_name_and_port)
{
    struct ncr_connect c;

    cr_assert_eq(ncr_dial(&c, "no.such.name.invalid", 22, AF_INET6, NULL, NCR_NEVER), -1);
    cr_assert_neq(c.gai, 0);
    cr_assert_eq(ncr_connect_errno(&c), 0);
    ncr_connect_free(&c);
    cr_assert_eq(ncr_dial(&c, "127.0.0.1", 65536, AF_UNSPEC, NULL, NCR_NEVER), -1);
    cr_assert_neq(c.gai, 0);
    ncr_connect_free(&c);
}

/* A listener whose queue is full answers nothing: the deadline ends the attempt. */
Test(socket, deadline)
{
    struct sockaddr_in sa;
    socklen_t len = sizeof sa;
    struct ncr_connect c;
    int fds[16];
    int l = socket(AF_INET, SOCK_STREAM, 0);
    uint64_t start;
    int fd = -1;

    memset(&sa, 0, sizeof sa);
    sa.sin_family = AF_INET;
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(l, (struct sockaddr *)&sa, sizeof sa), 0);
    cr_assert_eq(listen(l, 0), 0);
    cr_assert_eq(getsockname(l, (struct sockaddr *)&sa, &len), 0);
    for (unsigned i = 0; i < 16; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fds[i], (struct sockaddr *)&sa, sizeof sa);
    }
    start = ncr_clock_ms();
    fd = ncr_dial(&c, "127.0.0.1", ntohs(sa.sin_port), AF_UNSPEC, NULL, start + 100);
    if (fd >= 0)
        cr_skip("this system queues more connections than were asked for");
    cr_assert_geq(ncr_clock_ms(), start + 100);
    cr_assert_eq(c.n_tries, 1);
    cr_assert_eq(c.tries[0].errnum, ETIMEDOUT);
    ncr_connect_free(&c);
    cr_assert_eq(c.fd, -1);
    for (unsigned i = 0; i < 16; i++)
        close(fds[i]);
    close(l);
}

Test(socket, listen_everywhere_on_one_port)
{
    int fds[NCR_SOCK_LISTEN], again[NCR_SOCK_LISTEN];
    size_t n = 0;
    size_t m = 0;
    uint32_t port = 0;
    char name[NCR_SOCK_NAME];
    uint32_t p;

    cr_assert_eq(ncr_listen(NULL, &port, AF_UNSPEC, fds, &n), NACRE_OK);
    for (size_t i = 0; i < n; i++) {
        cr_assert(ncr_sock_name(fds[i], false, name, &p));
        cr_assert_eq(p, port);
        cr_assert(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
    }
    cr_assert_eq(ncr_listen("*", &port, AF_INET, again, &m), NACRE_ERR_IO);
    cr_assert_eq(errno, EADDRINUSE);
    cr_assert_eq(m, 0);
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
    cr_assert_eq(ncr_listen("no.such.name.invalid", &port, AF_INET6, again, &m), NACRE_ERR_IO);
    cr_assert_eq(errno, EADDRNOTAVAIL);
}

Test(socket, names_of_what_has_none)
{
    int fds[2];
    char name[NCR_SOCK_NAME];
    uint32_t port = 7;

    cr_assert(ncr_pipe(fds));
    cr_assert_not(ncr_sock_name(fds[0], true, name, &port));
    cr_assert_str_eq(name, "UNKNOWN");
    cr_assert_eq(port, 0);
    cr_assert(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    cr_assert(ncr_fd_nonblock(fds[0], true));
    cr_assert(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    cr_assert(ncr_fd_nonblock(fds[0], false));
    cr_assert_not(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    close(fds[0]);
    close(fds[1]);
    cr_assert_not(ncr_fd_nonblock(-1, true));
    cr_assert_not(ncr_fd_cloexec(-1));
}
