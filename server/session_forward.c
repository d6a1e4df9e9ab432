/* SPDX-License-Identifier: ISC
 *
 * Forwarding in the session process, RFC 4254 section 7: connections to where the client wants
 * (direct-tcpip), and listening for it (tcpip-forward, cancel). Both are made with the user's
 * identity.
 */
#include "server/session_posix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORWARD_DIAL_MS 60000
#define FORWARD_ACCEPTS 8  /* per wake-up */
#define FORWARD_AGAIN_MS 5 /* until a channel that found no room is opened again */

/* ---- direct-tcpip ------------------------------------------------------------------------ */

struct session_dial {
    struct ncr_session *s;
    struct nacre_ticket ticket;
    uint32_t chan;
    struct ncr_connect c;
    struct ncr_watch watch;
    struct ncr_timer timer;
};

static void session_dial_go(struct session_dial *d, enum ncr_connect_state state);

static void session_dial_free(struct session_dial *d)
{
    struct ncr_loop *l = &d->s->server->loop;
    ncr_loop_unwatch(l, &d->watch);
    ncr_loop_timer_remove(l, &d->timer);
    ncr_connect_free(&d->c);
    free(d);
}

static void session_dial_step(struct session_dial *d)
{
    ncr_loop_unwatch(&d->s->server->loop, &d->watch);
    session_dial_go(d, ncr_connect_step(&d->c));
}

static void session_dial_ready(void *ctx, unsigned ready)
{
    (void)ready; /* there is only writing */
    session_dial_step(ctx);
}

static void session_dial_late(void *ctx)
{
    session_dial_step(ctx);
}

static void session_dial_done(struct session_dial *d, bool connected)
{
    struct nacre_answer a = {.verdict = connected ? NACRE_ACCEPT : NACRE_REFUSE,
                             .reason = NACRE_OPEN_CONNECT_FAILED,
                             .text = "Connection failed"};
    int fd = d->c.fd;
    uint32_t chan = d->chan;
    struct nacre_peer *p = d->s->peer;
    nacre_err err = nacre_server_answer(d->s->server, d->ticket, &a);
    session_dial_free(d);
    if (!connected) {
        return;
    }
    err = err == NACRE_OK ? nacre_peer_attach(p, chan, fd, fd, -1) : (close(fd), err);
    if (err != NACRE_OK) {
        nacre_peer_exit(p, chan, -1);
    }
}

static void session_dial_go(struct session_dial *d, enum ncr_connect_state state)
{
    struct ncr_loop *l = &d->s->server->loop;
    if (state == NCR_CONNECT_WAIT &&
        ncr_loop_watch(l, &d->watch, d->c.fd, NCR_LOOP_WRITE, session_dial_ready, d) == NACRE_OK) {
        ncr_loop_timer_set(l, &d->timer, d->c.attempt);
        return;
    }
    session_dial_done(d, state == NCR_CONNECT_DONE);
}

/* A name of a host as a C string; false if it is none. */
static bool session_host(char out[256], struct nacre_bytes host)
{
    if (host.n == 0 || host.n > 255 || memchr(host.p, '\0', host.n) != NULL) {
        return false;
    }
    memcpy(out, host.p, host.n);
    out[host.n] = '\0';
    return true;
}

enum nacre_when ncr_session_open_tcpip(void *ctx, struct nacre_peer *p,
                                       const struct nacre_event *ev, struct nacre_answer *ans)
{
    struct ncr_session *s = ctx;
    char host[256];
    ans->reason = NACRE_OPEN_PROHIBITED;
    ans->text = "open failed";
    if (!ev->is_tcpip || !session_host(host, ev->tcpip.host) || ev->tcpip.port > 65535 ||
        !ncr_rights_forward(s->rights, NACRE_AUTHKEY_OPEN, ev->tcpip.host, ev->tcpip.port)) {
        ncr_log(&s->log, NCR_LOG_INFO, "refused local port forward from user %s", s->account->name);
        return NACRE_NOW;
    }
    struct session_dial *d = calloc(1, sizeof *d);
    if (d == NULL ||
        ncr_loop_timer(&s->server->loop, &d->timer, session_dial_late, d) != NACRE_OK) {
        free(d);
        ans->reason = NACRE_OPEN_RESOURCE_SHORTAGE;
        return NACRE_NOW;
    }
    d->s = s;
    d->ticket = nacre_peer_ticket(p, ev);
    d->chan = ev->chan;
    session_dial_go(d, ncr_connect_start(&d->c, host, ev->tcpip.port, AF_UNSPEC, NULL,
                                         ncr_clock_deadline(FORWARD_DIAL_MS)));
    return NACRE_LATER;
}

/* ---- tcpip-forward ----------------------------------------------------------------------- */

struct ncr_session_forward {
    struct ncr_session *s;
    struct ncr_session_forward *next;
    uint32_t port; /* in use */
    size_t n;
    struct ncr_watch watch[NCR_SOCK_LISTEN];
    struct ncr_session_chan *waiting; /* accepted, but there was no room to open its channel */
    char origin[NCR_SOCK_NAME];       /* of it */
    uint32_t origin_port;
    struct ncr_timer again;
    size_t addr_len;
    uint8_t addr[256]; /* as requested: a cancel must name it, and opens repeat it */
};

/* Connections are taken while none waits. */
static void session_forward_listen(struct ncr_session_forward *f, bool on)
{
    for (size_t i = 0; i < f->n; i++) {
        ncr_loop_want(&f->s->server->loop, &f->watch[i], on ? NCR_LOOP_READ : 0);
    }
}

/* Opens the channel of the connection that waits; a moment later if bulk data leaves no room. */
static void session_forward_open(void *ctx)
{
    struct ncr_session_forward *f = ctx;
    struct nacre_peer *p = f->s->peer;
    struct nacre_tcpip t = {.host = {f->addr, f->addr_len},
                            .port = f->port,
                            .origin = nacre_bytes_str(f->origin),
                            .origin_port = f->origin_port};
    uint32_t chan = 0;
    nacre_err err = nacre_chan_open_tcpip(nacre_peer_conn(p), "forwarded-tcpip", &t, &chan);
    session_forward_listen(f, err != NACRE_ERR_NO_ROOM);
    if (err == NACRE_ERR_NO_ROOM) {
        ncr_loop_timer_set(&f->s->server->loop, &f->again, ncr_clock_ms() + FORWARD_AGAIN_MS);
        return;
    }
    if (err == NACRE_OK) {
        nacre_peer_set_chan_data(p, chan, f->waiting);
    } else {
        close(f->waiting->forward_fd);
        free(f->waiting);
    }
    f->waiting = NULL;
    nacre_peer_kick(p);
}

static void session_forward_accepted(struct ncr_session_forward *f, int fd)
{
    f->waiting = calloc(1, sizeof *f->waiting);
    if (f->waiting == NULL) {
        close(fd);
        return;
    }
    f->waiting->forward_fd = fd;
    f->waiting->master = f->waiting->slave = -1;
    session_forward_open(f);
}

static void session_forward_ready(struct ncr_session_forward *f, int fd)
{
    for (int i = 0; i < FORWARD_ACCEPTS && f->waiting == NULL; i++) {
        int got = ncr_accept(fd, f->origin, &f->origin_port);
        if (got < 0) {
            return;
        }
        session_forward_accepted(f, got);
    }
}

/* The watch tells no descriptor: each one that may be ready is tried, accept(2) does not block. */
static void session_forward_any(void *ctx, unsigned ready)
{
    struct ncr_session_forward *f = ctx;
    (void)ready; /* there is only reading */
    for (size_t i = 0; i < f->n; i++) {
        session_forward_ready(f, f->watch[i].fd);
    }
}

static void session_forward_free(struct ncr_session_forward *f)
{
    for (size_t i = 0; i < f->n; i++) {
        int fd = f->watch[i].fd;
        ncr_loop_unwatch(&f->s->server->loop, &f->watch[i]);
        close(fd);
    }
    ncr_loop_timer_remove(&f->s->server->loop, &f->again);
    if (f->waiting != NULL) {
        close(f->waiting->forward_fd);
        free(f->waiting);
    }
    free(f);
}

/* The address to bind: GatewayPorts decides how far the client's wish counts. */
static const char *session_bind(const struct ncr_session *s, const char *wish)
{
    if (s->m->cfg->gateway == NCR_GATEWAY_NO) {
        return "localhost";
    }
    return s->m->cfg->gateway == NCR_GATEWAY_YES ? "" : wish;
}

static bool session_listen(struct ncr_session_forward *f, const char *wish, uint32_t port)
{
    int fds[NCR_SOCK_LISTEN];
    size_t n = 0;
    f->port = port;
    nacre_err err = ncr_listen(session_bind(f->s, wish), &f->port, AF_UNSPEC, fds, &n);
    if (err != NACRE_OK) {
        return false;
    }
    err = ncr_loop_timer(&f->s->server->loop, &f->again, session_forward_open, f);
    for (size_t i = 0; i < n; i++) {
        if (err == NACRE_OK) {
            err = ncr_loop_watch(&f->s->server->loop, &f->watch[i], fds[i], NCR_LOOP_READ,
                                 session_forward_any, f);
        }
        if (err == NACRE_OK) {
            f->n++;
        } else {
            close(fds[i]);
        }
    }
    return err == NACRE_OK;
}

enum nacre_when ncr_session_forward(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                    struct nacre_answer *ans)
{
    struct ncr_session *s = ctx;
    char wish[256] = "";
    (void)p; /* there is one */
    bool named = ev->global.addr.n == 0 || session_host(wish, ev->global.addr);
    if (!named || ev->global.port > 65535 || s->n_listeners == NCR_SESSION_LISTENERS_MAX ||
        !ncr_rights_forward(s->rights, NACRE_AUTHKEY_LISTEN, ev->global.addr, ev->global.port)) {
        ncr_log(&s->log, NCR_LOG_INFO, "refused remote port forward of user %s", s->account->name);
        return NACRE_NOW;
    }
    struct ncr_session_forward *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return NACRE_NOW;
    }
    f->s = s;
    f->addr_len = ev->global.addr.n;
    memcpy(f->addr, wish, f->addr_len);
    if (!session_listen(f, wish, ev->global.port)) {
        ncr_log(&s->log, NCR_LOG_INFO, "remote port forward to port %u: %s",
                (unsigned)ev->global.port, strerror(errno));
        session_forward_free(f);
        return NACRE_NOW;
    }
    f->next = s->forwards;
    s->forwards = f;
    s->n_listeners++;
    ans->verdict = NACRE_ACCEPT;
    ans->port = f->port;
    return NACRE_NOW;
}

enum nacre_when ncr_session_cancel(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                   struct nacre_answer *ans)
{
    struct ncr_session *s = ctx;
    (void)p; /* there is one */
    for (struct ncr_session_forward **at = &s->forwards; *at != NULL; at = &(*at)->next) {
        struct ncr_session_forward *f = *at;
        if (f->port == ev->global.port && f->addr_len == ev->global.addr.n &&
            (f->addr_len == 0 || memcmp(f->addr, ev->global.addr.p, f->addr_len) == 0)) {
            *at = f->next;
            s->n_listeners--;
            session_forward_free(f);
            ans->verdict = NACRE_ACCEPT;
            return NACRE_NOW;
        }
    }
    return NACRE_NOW;
}

/* ---- The peer's answer to forwarded-tcpip ------------------------------------------------ */

void ncr_session_opened(void *ctx, struct nacre_peer *p, uint32_t chan)
{
    struct ncr_session_chan *c = nacre_peer_chan_data(p, chan);
    (void)ctx; /* the channel knows all */
    if (c == NULL || c->forward_fd < 0) {
        return;
    }
    int fd = c->forward_fd;
    c->forward_fd = -1;
    if (nacre_peer_attach(p, chan, fd, fd, -1) != NACRE_OK) {
        nacre_peer_exit(p, chan, -1);
    }
}

void ncr_session_open_failed(void *ctx, struct nacre_peer *p, uint32_t chan, uint32_t reason)
{
    struct ncr_session_chan *c = nacre_peer_chan_data(p, chan);
    (void)ctx;    /* the channel knows all */
    (void)reason; /* the client's business */
    if (c != NULL && c->forward_fd >= 0) {
        close(c->forward_fd);
    }
    nacre_peer_set_chan_data(p, chan, NULL);
    free(c);
}
