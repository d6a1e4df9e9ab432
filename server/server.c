/* SPDX-License-Identifier: ISC
 *
 * The server library, part one: listeners, limits before authentication, connections from accept to
 * the end. Events and answers are in peer.c, channels in attach.c and spawn.c.
 *
 * Each connection lies in one mapping, from which pages are taken as they are touched: the kernel's
 * zero page stands for what a connection never used.
 */
#include "server/nacre_server.h"

#include "server/peer.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SERVER_CHANNELS 10
#define SERVER_PEERS_MAX 10000
#define SERVER_FAIL_DELAY_MS 100
#define SERVER_ACCEPTS 16         /* per wake-up: others get their turn */
#define SERVER_ACCEPT_REST_MS 500 /* when descriptors or memory are used up */

static void server_accept_again(void *ctx);

/* ---- Set-up ------------------------------------------------------------------------------ */

static struct nacre_server_cfg server_defaults(const struct nacre_server_cfg *cfg)
{
    static const struct nacre_server_hooks deny;
    struct nacre_server_cfg c = *cfg;
    c.hooks = c.hooks != NULL ? c.hooks : &deny;
    c.rng = c.rng != NULL ? c.rng : &nacre_rng_os;
    c.channels = c.channels != 0 ? c.channels : SERVER_CHANNELS;
    c.buf = c.buf != 0 ? c.buf : NACRE_BUF_STANDARD;
    c.max_peers = c.max_peers != 0 ? c.max_peers : SERVER_PEERS_MAX;
    c.fail_delay_ms = c.fail_delay_ms != 0 ? c.fail_delay_ms : SERVER_FAIL_DELAY_MS;
    return c;
}

static unsigned server_methods(const struct nacre_server_hooks *h)
{
    return (h->none != NULL ? (unsigned)NACRE_AUTH_NONE : 0) |
           (h->key_proved != NULL ? (unsigned)NACRE_AUTH_PUBLICKEY : 0) |
           (h->password != NULL ? (unsigned)NACRE_AUTH_PASSWORD : 0) |
           (h->interactive != NULL ? (unsigned)NACRE_AUTH_INTERACTIVE : 0);
}

static struct ncr_gate_cfg server_gate_cfg(const struct nacre_server_cfg *cfg)
{
    struct ncr_gate_cfg g = ncr_gate_default;
    if (cfg->startups_full != 0) {
        g.begin = cfg->startups_begin;
        g.rate = cfg->startups_rate;
        g.full = cfg->startups_full;
    }
    g.per_source = cfg->startups_per_source != 0 ? cfg->startups_per_source : g.per_source;
    g.penalties = !cfg->no_penalties;
    return g;
}

static nacre_err server_host_keys(struct nacre_server *s)
{
    struct nacre_conn_cfg *c = &s->cfg.conn;
    if (c->n_host_keys != 0 || s->cfg.n_keys == 0) {
        return NACRE_OK;
    }
    s->blobs = calloc(s->cfg.n_keys, sizeof *s->blobs);
    if (s->blobs == NULL) {
        return NACRE_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < s->cfg.n_keys; i++) {
        s->blobs[i] = nacre_privkey_public_blob(&s->cfg.keys[i]);
    }
    c->host_keys = s->blobs;
    c->n_host_keys = s->cfg.n_keys;
    return NACRE_OK;
}

static nacre_err server_init(struct nacre_server *s, const struct nacre_server_cfg *cfg, bool gate)
{
    s->cfg = server_defaults(cfg);
    s->rng = *s->cfg.rng;
    s->cfg.conn.work = s->work;
    if (s->cfg.conn.auth_methods == 0) {
        s->cfg.conn.auth_methods = server_methods(s->cfg.hooks);
    }
    struct ncr_gate_cfg limits = server_gate_cfg(&s->cfg);
    nacre_err err = server_host_keys(s);
    if (err == NACRE_OK && gate && !ncr_gate_init(&s->gate, &limits, &s->rng)) {
        err = NACRE_ERR_NO_MEMORY;
    }
    return err;
}

/* A pipe whose reader is gone is an error of one channel, not the end of the process. */
static void server_ignore_sigpipe(void)
{
    struct sigaction now;
    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL) {
        signal(SIGPIPE, SIG_IGN);
    }
}

nacre_err nacre_server_new(struct nacre_server **out, const struct nacre_server_cfg *cfg)
{
    return ncr_server_new(out, cfg, NCR_LOOP_EPOLL, true);
}

nacre_err ncr_server_new(struct nacre_server **out, const struct nacre_server_cfg *cfg,
                         enum ncr_loop_kind kind, bool gate)
{
    *out = NULL;
    server_ignore_sigpipe();
    struct nacre_server *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NACRE_ERR_NO_MEMORY;
    }
    nacre_err err = ncr_loop_init(&s->loop, kind);
    if (err != NACRE_OK) {
        free(s);
        return err;
    }
    err = server_init(s, cfg, gate);
    if (err == NACRE_OK) {
        err = ncr_loop_timer(&s->loop, &s->accept_again, server_accept_again, s);
    }
    if (err != NACRE_OK) {
        nacre_server_free(s);
        return err;
    }
    *out = s;
    return NACRE_OK;
}

static void server_listener_free(struct ncr_server_listener *l)
{
    int fd = l->watch.fd;
    ncr_loop_unwatch(&l->server->loop, &l->watch);
    close(fd);
    free(l);
}

void nacre_server_free(struct nacre_server *s)
{
    if (s == NULL) {
        return;
    }
    while (s->peers != NULL) {
        ncr_peer_over(s->peers, NACRE_ERR_CLOSED);
    }
    while (s->listeners != NULL) {
        struct ncr_server_listener *l = s->listeners;
        s->listeners = l->next;
        server_listener_free(l);
    }
    ncr_spawn_free(s);
    ncr_loop_timer_remove(&s->loop, &s->accept_again);
    ncr_loop_free(&s->loop);
    ncr_gate_free(&s->gate);
    free(s->blobs);
    free(s);
}

/* ---- Listening --------------------------------------------------------------------------- */

/* True if accept(2) failed for want of something that comes back with time. */
static bool server_exhausted(int errnum)
{
    return errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM;
}

static void server_listeners_want(struct nacre_server *s, unsigned want)
{
    for (struct ncr_server_listener *l = s->listeners; l != NULL; l = l->next) {
        ncr_loop_want(&s->loop, &l->watch, want);
    }
}

static void server_accept_again(void *ctx)
{
    server_listeners_want(ctx, NCR_LOOP_READ);
}

static void server_accept(void *ctx, unsigned ready)
{
    struct ncr_server_listener *l = ctx;
    struct nacre_server *s = l->server;
    (void)ready; /* there is only reading */
    for (int i = 0; i < SERVER_ACCEPTS; i++) {
        struct nacre_peer *p;
        int fd = ncr_accept(l->watch.fd, NULL, NULL);
        if (fd < 0) {
            if (server_exhausted(errno)) {
                server_listeners_want(s, 0);
                ncr_loop_timer_set(&s->loop, &s->accept_again,
                                   ncr_clock_ms() + SERVER_ACCEPT_REST_MS);
            }
            return;
        }
        nacre_err err = nacre_server_serve(s, fd, &p);
        (void)err; /* that client was not admitted; the next one may be */
    }
}

static nacre_err server_listen_one(struct nacre_server *s, int fd)
{
    struct ncr_server_listener *l = calloc(1, sizeof *l);
    if (l == NULL) {
        close(fd);
        return NACRE_ERR_NO_MEMORY;
    }
    l->server = s;
    nacre_err err = ncr_loop_watch(&s->loop, &l->watch, fd, NCR_LOOP_READ, server_accept, l);
    if (err != NACRE_OK) {
        close(fd);
        free(l);
        return err;
    }
    l->next = s->listeners;
    s->listeners = l;
    return NACRE_OK;
}

nacre_err nacre_server_listen(struct nacre_server *s, const char *addr, uint32_t *port)
{
    int fds[NCR_SOCK_LISTEN];
    size_t n = 0;
    nacre_err err = ncr_listen(addr, port, AF_UNSPEC, fds, &n);
    for (size_t i = 0; err == NACRE_OK && i < n; i++) {
        err = server_listen_one(s, fds[i]);
        for (size_t k = i + 1; err != NACRE_OK && k < n; k++) {
            close(fds[k]);
        }
    }
    return err;
}

/* ---- Connections ------------------------------------------------------------------------- */

static size_t server_align(size_t n)
{
    return (n + 63) / 64 * 64;
}

/* The mapping: peer, engine, table of channels, region. */
static struct nacre_peer *server_peer_map(const struct nacre_server *s, struct nacre_conn *conn,
                                          uint32_t channels, void **region, size_t *region_len)
{
    size_t peer = server_align(sizeof(struct nacre_peer));
    size_t engine = conn == NULL ? server_align(sizeof *conn) : 0;
    size_t chans = server_align(channels * sizeof(struct ncr_peer_chan));
    *region_len = conn == NULL ? NACRE_CONN_MEM(channels, s->cfg.buf, s->cfg.buf) +
                                     nacre_conn_comp_mem(&s->cfg.conn)
                               : 0;
    size_t len = peer + engine + chans + *region_len;
    uint8_t *m = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED) {
        return NULL;
    }
    struct nacre_peer *p = (void *)m;
    p->map_len = len;
    p->owns_conn = conn == NULL;
    p->conn = conn != NULL ? conn : (void *)(m + peer);
    p->chans = (void *)(m + peer + engine);
    p->n_chans = channels;
    *region = m + peer + engine + chans;
    return p;
}

static void server_peer_link(struct nacre_server *s, struct nacre_peer *p)
{
    p->server = s;
    p->serial = ++s->serial;
    p->next = s->peers;
    if (s->peers != NULL) {
        s->peers->prev = p;
    }
    s->peers = p;
    s->n_peers++;
}

static void server_peer_unlink(struct nacre_peer *p)
{
    struct nacre_server *s = p->server;
    if (p->prev != NULL) {
        p->prev->next = p->next;
    } else {
        s->peers = p->next;
    }
    if (p->next != NULL) {
        p->next->prev = p->prev;
    }
    s->n_peers--;
}

static nacre_err server_peer_start(struct nacre_peer *p, int fd)
{
    struct nacre_server *s = p->server;
    ncr_drive_init(&p->drive, p->conn, fd, fd);
    p->drive.event = ncr_peer_event;
    p->drive.room = ncr_peer_room;
    p->drive.over = ncr_peer_over;
    p->drive.ctx = p;
    nacre_err err = ncr_loop_timer(&s->loop, &p->delay, ncr_peer_delay, p);
    if (err == NACRE_OK) {
        err = ncr_drive_start(&p->drive, &s->loop);
    }
    if (err == NACRE_OK && s->cfg.hooks->connected != NULL) {
        p->told = s->cfg.hooks->connected(s->cfg.ctx, p);
        err = p->told ? NACRE_OK : NACRE_ERR_CLOSED;
    }
    p->told = err == NACRE_OK;
    return err;
}

static nacre_err server_peer_new(struct nacre_server *s, int fd, struct nacre_conn *conn,
                                 uint32_t channels, struct nacre_peer **out)
{
    void *region;
    size_t region_len;
    struct nacre_peer *p = server_peer_map(s, conn, channels, &region, &region_len);
    if (p == NULL) {
        return NACRE_ERR_NO_MEMORY;
    }
    server_peer_link(s, p);
    ncr_sock_name(fd, true, p->addr, &p->port);
    if (p->owns_conn) {
        nacre_err err = nacre_conn_init(p->conn, NACRE_SERVER, &s->cfg.conn, &s->rng, region,
                                        region_len, channels);
        if (err == NACRE_OK) {
            err = nacre_conn_tick(p->conn, ncr_clock_ms());
        }
        if (err != NACRE_OK) {
            server_peer_unlink(p);
            munmap(p, p->map_len);
            return err;
        }
    }
    *out = p;
    return NACRE_OK;
}

/* From here on fd is closed by ncr_server_drop(). */
static nacre_err server_peer_run(struct nacre_peer *p, int fd, struct nacre_peer **out)
{
    nacre_err err = server_peer_start(p, fd);
    if (err != NACRE_OK) {
        ncr_server_started(p, NCR_GATE_QUIET);
        ncr_server_drop(p);
        return err;
    }
    *out = p;
    return NACRE_OK;
}

static bool server_admit(struct nacre_server *s, int fd, uint8_t addr[NCR_GATE_ADDR_LEN])
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    memset(&sa, 0, sizeof sa);
    if (s->n_peers >= s->cfg.max_peers || s->gate.table == NULL) {
        return false;
    }
    if (getpeername(fd, (struct sockaddr *)&sa, &len) != 0) {
        sa.ss_family = AF_UNSPEC;
    }
    ncr_gate_addr(addr, &sa);
    return ncr_gate_enter(&s->gate, addr, ncr_clock_ms()) == NCR_GATE_ADMIT;
}

nacre_err nacre_server_serve(struct nacre_server *s, int fd, struct nacre_peer **peer)
{
    uint8_t addr[NCR_GATE_ADDR_LEN];
    struct nacre_peer *p = NULL;
    *peer = NULL;
    if (!server_admit(s, fd, addr)) {
        close(fd);
        return NACRE_ERR_LIMIT;
    }
    ncr_sock_nodelay(fd);
    nacre_err err = server_peer_new(s, fd, NULL, s->cfg.channels, &p);
    if (err != NACRE_OK) {
        ncr_gate_leave(&s->gate, addr, NCR_GATE_QUIET, ncr_clock_ms());
        close(fd);
        return err;
    }
    memcpy(p->gate_addr, addr, sizeof addr);
    p->starting = true;
    return server_peer_run(p, fd, peer);
}

nacre_err ncr_server_adopt(struct nacre_server *s, int fd, struct nacre_conn *conn,
                           uint32_t channels, struct nacre_peer **out)
{
    struct nacre_peer *p = NULL;
    *out = NULL;
    nacre_err err = server_peer_new(s, fd, conn, channels, &p);
    if (err != NACRE_OK) {
        close(fd);
        return err;
    }
    return server_peer_run(p, fd, out);
}

void ncr_server_started(struct nacre_peer *p, enum ncr_gate_end end)
{
    if (p->starting) {
        p->starting = false;
        ncr_gate_leave(&p->server->gate, p->gate_addr, end, ncr_clock_ms());
    }
}

void ncr_server_drop(struct nacre_peer *p)
{
    struct nacre_server *s = p->server;
    int fd = p->drive.rfd;
    for (uint32_t i = 0; i < p->top; i++) {
        ncr_chan_drop(p, i);
    }
    ncr_peer_drop_relays(p);
    ncr_drive_stop(&p->drive);
    ncr_loop_timer_remove(&s->loop, &p->delay);
    while (p->late != NULL) {
        struct ncr_peer_late *late = p->late;
        p->late = late->next;
        free(late);
    }
    close(fd);
    if (p->owns_conn) {
        nacre_conn_wipe(p->conn);
    }
    server_peer_unlink(p);
    munmap(p, p->map_len);
}

/* ---- Running ----------------------------------------------------------------------------- */

nacre_err nacre_server_run(struct nacre_server *s)
{
    return ncr_loop_run(&s->loop);
}

nacre_err nacre_server_once(struct nacre_server *s, uint64_t ms)
{
    return ncr_loop_once(&s->loop, ncr_clock_ms() + ms);
}

void nacre_server_stop(struct nacre_server *s)
{
    ncr_loop_stop(&s->loop);
}

size_t nacre_server_peers(const struct nacre_server *s)
{
    return s->n_peers;
}

nacre_err nacre_server_answer(struct nacre_server *s, struct nacre_ticket t,
                              const struct nacre_answer *a)
{
    for (struct nacre_peer *p = s->peers; p != NULL; p = p->next) {
        if (p->serial == t.peer) {
            struct nacre_answer ans = *a;
            ans.id = t.id;
            nacre_err err = ncr_peer_answer(p, &ans);
            nacre_peer_kick(p);
            return err;
        }
    }
    return NACRE_ERR_USAGE;
}
