/* SPDX-License-Identifier: ISC
 *
 * Forwarded connections of a client against the server of rig.h: both directions, half-close, and
 * that nothing is accepted that was not asked for (s75, s80).
 */
#include "client/forward_client.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/client.h"
#include "client/known_hosts_file.h"
#include "tests/rig.h"

struct gate {
    struct ncr_loop loop;
    struct rig rig;
    struct nacre_client_cfg cfg;
    struct nacre_client *c;
    struct ncr_forwards *f;
    char hosts[64];
    const char *hosts_list[1];
    unsigned opened, failed; /* channels that the server opened */
    uint32_t reason;
    uint32_t chan;
};

static bool gate_event(void *ctx, struct nacre_client *c, const struct nacre_event *ev)
{
    struct gate *g = ctx;

    (void)c;
    return g->f != NULL && ncr_forwards_event(g->f, ev);
}

static bool gate_hook(void *ctx, struct rig *r, const struct nacre_event *ev)
{
    struct gate *g = ctx;

    if (ev->type == NACRE_EV_CHAN_OPENED) {
        g->opened++;
        r->chan[ev->chan].open = true;
        r->chan[ev->chan].mode = RIG_CAT;
    }
    g->failed += ev->type == NACRE_EV_CHAN_FAILED;
    if (ev->type == NACRE_EV_CHAN_FAILED)
        g->reason = ev->reason;
    return false;
}

static void gate_round(struct gate *g)
{
    nacre_err err = ncr_client_wait(g->c, ncr_clock_ms() + 10);

    cr_assert(err == NACRE_OK || err == NACRE_ERR_TIMEOUT, "%s", nacre_client_error(g->c));
}

static struct gate *gate_open(bool distrusted, const struct ncr_forward_rule *rules, size_t n)
{
    struct gate *g = calloc(1, sizeof *g);
    int fds[2];

    (void)signal(SIGPIPE, SIG_IGN);
    strcpy(g->hosts, "/tmp/nacre-forward-XXXXXX");
    close(mkstemp(g->hosts));
    g->hosts_list[0] = g->hosts;
    cr_assert_eq(
        ncr_hosts_add(g->hosts, nacre_bytes_str("server"), 22, pair_key_blob(distrusted ? 1 : 0)),
        NACRE_OK);
    cr_assert_eq(ncr_loop_init(&g->loop, NCR_LOOP_POLL), NACRE_OK);
    rig_init(&g->rig);
    g->rig.plan.key = -1;
    g->rig.plan.accept_none = true;
    g->rig.plan.forward_port = 4321;
    g->rig.hook = gate_hook;
    g->rig.ctx = g;
    g->cfg.host = "server";
    g->cfg.user = "joe";
    g->cfg.host_policy = distrusted ? NACRE_HOSTS_OFF : NACRE_HOSTS_STRICT;
    g->cfg.known_hosts = g->hosts_list;
    g->cfg.n_known_hosts = 1;
    g->cfg.identities = g->hosts_list;
    g->cfg.ctx = g;
    g->cfg.event = gate_event;
    rig_sockets(fds);
    rig_start(&g->rig, &g->loop, fds[1]);
    cr_assert_eq(nacre_client_start(&g->c, &g->cfg, fds[0], fds[0]), NACRE_OK);
    cr_assert_eq(ncr_client_use_loop(g->c, &g->loop), NACRE_OK);
    cr_assert_eq(nacre_client_wait_ready(g->c), NACRE_OK, "%s", nacre_client_error(g->c));
    g->f = ncr_forwards_start(g->c, &g->loop, rules, n);
    cr_assert_not_null(g->f);
    for (unsigned i = 0; i < 100 && ncr_forwards_pending(g->f) > 0; i++)
        gate_round(g);
    return g;
}

static void gate_free(struct gate *g)
{
    ncr_forwards_free(g->f);
    nacre_client_close(g->c);
    rig_free(&g->rig);
    ncr_loop_free(&g->loop);
    unlink(g->hosts);
    free(g);
}

/* A port of the loopback that nobody listens on just now. */
static uint32_t free_port(void)
{
    int fds[NCR_SOCK_LISTEN];
    uint32_t port = 0;
    size_t n;

    cr_assert_eq(ncr_listen("127.0.0.1", &port, AF_INET, fds, &n), NACRE_OK);
    close(fds[0]);
    return port;
}

static int dial(uint32_t port)
{
    struct ncr_connect c;
    int fd = ncr_dial(&c, "127.0.0.1", port, AF_INET, NULL, ncr_clock_deadline(60000));

    ncr_connect_free(&c);
    return fd;
}

/* Reads to the end while the loop turns; what came, at most cap. */
static size_t drain(struct gate *g, int fd, char *out, size_t cap)
{
    size_t n = 0;

    for (unsigned i = 0; i < 1000; i++) {
        ssize_t got = read(fd, out + n, cap - n);

        if (got == 0)
            return n;
        if (got < 0 && errno != EAGAIN)
            return n;
        n += got > 0 ? (size_t)got : 0;
        gate_round(g);
    }
    cr_assert_fail("no end");
    return 0;
}

/* ---- Local ------------------------------------------------------------------------------- */

Test(forward_client, local_half_close)
{
    struct ncr_forward_rule r = {.bind_addr = "127.0.0.1", .host = "target", .port = 80};
    struct gate *g;
    char out[64] = "";
    int fd;

    r.bind_port = free_port();
    g = gate_open(false, &r, 1);
    cr_assert_eq(ncr_forwards_failed(g->f), 0);
    fd = dial(r.bind_port);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "through", 7), 7);
    cr_assert_eq(shutdown(fd, SHUT_WR), 0);
    cr_assert_eq(drain(g, fd, out, sizeof out - 1), 7);
    cr_assert_str_eq(out, "through");
    cr_assert_eq(g->rig.opens, 1);
    for (unsigned i = 0; i < 100 && ncr_forwards_open(g->f) > 0; i++)
        gate_round(g);
    cr_assert_eq(ncr_forwards_open(g->f), 0, "s67: the connection is forgotten");
    close(fd);
    gate_free(g);
}

Test(forward_client, local_refused_by_server)
{
    struct ncr_forward_rule r = {.bind_addr = "127.0.0.1", .host = "target", .port = 80};
    struct gate *g;
    char out[64];
    int fd;

    r.bind_port = free_port();
    g = gate_open(false, &r, 1);
    g->rig.plan.refuse_channels = true;
    fd = dial(r.bind_port);
    cr_assert_eq(drain(g, fd, out, sizeof out), 0);
    cr_assert_eq(ncr_forwards_open(g->f), 0);
    close(fd);
    gate_free(g);
}

Test(forward_client, local_port_in_use)
{
    struct ncr_forward_rule r = {.bind_addr = "127.0.0.1", .host = "target", .port = 80};
    int fds[NCR_SOCK_LISTEN];
    size_t n;
    struct gate *g;

    cr_assert_eq(ncr_listen("127.0.0.1", &r.bind_port, AF_INET, fds, &n), NACRE_OK);
    g = gate_open(false, &r, 1);
    cr_assert_eq(ncr_forwards_failed(g->f), 1);
    close(fds[0]);
    gate_free(g);
}

/* ---- Remote ------------------------------------------------------------------------------ */

/* The server opens a connection as if somebody had come to addr and port. */
static void incoming(struct gate *g, const char *addr, uint32_t port)
{
    struct nacre_tcpip t = {.port = port, .origin_port = 5};
    unsigned before = g->opened + g->failed;

    t.host = nacre_bytes_str(addr);
    t.origin = nacre_bytes_str("192.0.2.1");
    cr_assert_eq(nacre_chan_open_tcpip(&g->rig.conn, "forwarded-tcpip", &t, &g->chan), NACRE_OK);
    ncr_drive_kick(&g->rig.drive);
    for (unsigned i = 0; i < 500 && g->opened + g->failed == before; i++)
        gate_round(g);
    cr_assert_eq(g->opened + g->failed, before + 1);
}

Test(forward_client, remote)
{
    struct ncr_forward_rule r = {.remote = true, .host = "127.0.0.1"};
    int fds[NCR_SOCK_LISTEN];
    struct gate *g;
    char out[64] = "";
    size_t n;
    int fd = -1;

    cr_assert_eq(ncr_listen("127.0.0.1", &r.port, AF_INET, fds, &n), NACRE_OK);
    g = gate_open(false, &r, 1);
    cr_assert_not_null(memmem(g->rig.log.p, g->rig.log.n, "tcpip-forward localhost 0\n", 26));
    incoming(g, "localhost", 4321);
    cr_assert_eq(g->opened, 1);
    for (unsigned i = 0; i < 100 && fd < 0; i++) {
        gate_round(g);
        fd = ncr_accept(fds[0], NULL, NULL);
    }
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "back", 4), 4);
    cr_assert_eq(shutdown(fd, SHUT_WR), 0);
    cr_assert_eq(drain(g, fd, out, sizeof out - 1), 4);
    cr_assert_str_eq(out, "back");
    close(fd);
    close(fds[0]);
    gate_free(g);
}

Test(forward_client, s75_only_what_was_asked_for)
{
    struct ncr_forward_rule r[2] = {
        {.remote = true, .host = "127.0.0.1", .port = 1},
        {.remote = true, .bind_addr = "", .bind_port = 8080, .host = "127.0.0.1", .port = 1}};
    struct gate *g = gate_open(false, r, 2);

    incoming(g, "localhost", 4322); /* another port */
    incoming(g, "127.0.0.1", 4321); /* another address */
    incoming(g, "localhost", 8080); /* the address of one, the port of the other */
    incoming(g, "", 4321);
    cr_assert_eq(g->failed, 4);
    cr_assert_eq(g->reason, NACRE_OPEN_PROHIBITED);
    incoming(g, "", 8080); /* asked for; nobody listens here */
    cr_assert_eq(g->failed, 5);
    cr_assert_eq(g->reason, NACRE_OPEN_CONNECT_FAILED);
    cr_assert_eq(ncr_forwards_open(g->f), 0);
    gate_free(g);
}

Test(forward_client, s80_refused_forward_gives_no_right)
{
    struct ncr_forward_rule r = {.remote = true, .bind_port = 8080, .host = "127.0.0.1", .port = 1};
    struct gate *g;

    g = gate_open(false, NULL, 0);
    incoming(g, "localhost", 8080);
    cr_assert_eq(g->failed, 1);
    g->rig.plan.refuse_forward = true;
    ncr_forwards_free(g->f);
    g->f = ncr_forwards_start(g->c, &g->loop, &r, 1);
    for (unsigned i = 0; i < 100 && ncr_forwards_pending(g->f) > 0; i++)
        gate_round(g);
    cr_assert_eq(ncr_forwards_failed(g->f), 1);
    incoming(g, "localhost", 8080);
    cr_assert_eq(g->failed, 2);
    gate_free(g);
}

/* A host whose key had changed gets no forwards, whatever was asked. */
Test(forward_client, s75_off_after_a_host_key_warning)
{
    struct ncr_forward_rule r[2] = {
        {.bind_addr = "127.0.0.1", .host = "target", .port = 80},
        {.remote = true, .bind_port = 8080, .host = "127.0.0.1", .port = 1}};
    struct gate *g;

    r[0].bind_port = free_port();
    g = gate_open(true, r, 2);
    cr_assert_eq(ncr_forwards_failed(g->f), 2);
    cr_assert_lt(dial(r[0].bind_port), 0);
    cr_assert_null(g->rig.log.p);
    incoming(g, "localhost", 8080);
    cr_assert_eq(g->failed, 1);
    gate_free(g);
}

/* Many at once, more than the engine lets ask at a time. */
Test(forward_client, many_rules)
{
    struct ncr_forward_rule r[40];
    struct gate *g;

    for (uint32_t i = 0; i < 40; i++)
        r[i] = (struct ncr_forward_rule){
            .remote = true, .bind_port = 9000 + i, .host = "127.0.0.1", .port = 1};
    g = gate_open(false, r, 40);
    cr_assert_eq(ncr_forwards_pending(g->f), 0);
    cr_assert_eq(ncr_forwards_failed(g->f), 0);
    incoming(g, "localhost", 9039);
    cr_assert_eq(g->reason, NACRE_OPEN_CONNECT_FAILED);
    gate_free(g);
}
