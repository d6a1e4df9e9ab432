/* SPDX-License-Identifier: ISC
 *
 * Forwarded TCP connections of a client: see forward_client.h.
 */
#include "client/forward_client.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/client.h"

#define FWD_ACCEPT_BURST 16 /* connections taken from one listener before others get their turn */
#define FWD_CONNECT_MS 60000
#define FWD_PORT_MAX 65535

struct fwd_rule {
    struct ncr_forward_rule r;
    bool asked, granted;
    uint32_t port; /* remote: the one that the server listens on */
};

struct fwd_listener {
    struct ncr_forwards *f;
    const struct fwd_rule *rule;
    struct ncr_watch watch;
    int fd;
};

enum fwd_state { FWD_OPENING, FWD_CONNECTING, FWD_RELAYING };

/* One connection: accepted here and opening its channel, or opened by the server and connecting. */
struct fwd_conn {
    struct ncr_forwards *f;
    struct fwd_conn *next;
    enum fwd_state state;
    int fd;
    struct ncr_chan_user user;
    struct ncr_relay relay;
    const struct fwd_rule *rule;
    char origin[NCR_SOCK_NAME]; /* opening: who connected */
    uint32_t origin_port;
    struct nacre_answer answer; /* connecting: to the server's question */
    char why[96];               /* it says */
    struct ncr_connect connect;
    struct ncr_watch watch;
    struct ncr_timer timer;
};

struct ncr_forwards {
    struct nacre_client *c;
    struct ncr_loop *loop;
    struct fwd_rule rules[NCR_FORWARD_RULES];
    size_t n_rules, n_failed, n_open;
    size_t first_waiting, next_ask; /* remote rules in order: whose reply is next, who asks next */
    struct fwd_listener listeners[NCR_FORWARD_RULES * 2];
    size_t n_listeners;
    struct fwd_conn *conns;
};

/* ---- Rules ------------------------------------------------------------------------------- */

/* Cuts the next field off *s: up to a colon, brackets holding colons together. */
static char *fwd_field(char **s)
{
    char *p = *s;
    char *end;

    if (p == NULL)
        return NULL;
    if (*p == '[') {
        end = strchr(++p, ']');
        if (end == NULL || (end[1] != ':' && end[1] != '\0'))
            return NULL;
        *end++ = '\0';
    } else {
        end = p + strcspn(p, ":");
    }
    *s = *end == ':' ? end + 1 : NULL;
    *end = '\0';
    return p;
}

static bool fwd_port(const char *s, uint32_t least, uint32_t *port)
{
    char *end;
    unsigned long v;

    if (s == NULL || s[0] < '0' || s[0] > '9')
        return false;
    v = strtoul(s, &end, 10);
    *port = (uint32_t)v;
    return *end == '\0' && v >= least && v <= FWD_PORT_MAX;
}

bool ncr_forward_parse(struct ncr_forward_rule *r, const char *text, bool remote)
{
    char *copy = strdup(text);
    char *rest = copy;
    char *f[4] = {NULL, NULL, NULL, NULL};
    size_t n = 0;

    memset(r, 0, sizeof *r);
    r->remote = remote;
    while (n < 4 && rest != NULL && (f[n] = fwd_field(&rest)) != NULL)
        n++;
    if (copy == NULL || rest != NULL || n < 3 || f[n - 2][0] == '\0' ||
        !fwd_port(f[n - 3], remote ? 0 : 1, &r->bind_port) || !fwd_port(f[n - 1], 1, &r->port)) {
        free(copy);
        return false;
    }
    r->text = copy;
    r->host = f[n - 2];
    if (n == 4)
        r->bind_addr = strcmp(f[0], "*") == 0 ? "" : f[0];
    return true;
}

void ncr_forward_rule_free(struct ncr_forward_rule *r)
{
    free(r->text);
    memset(r, 0, sizeof *r);
}

static const char *fwd_bind_text(const struct fwd_rule *r)
{
    return r->r.bind_addr == NULL ? "localhost" : r->r.bind_addr[0] == '\0' ? "*" : r->r.bind_addr;
}

/* ---- Connections ------------------------------------------------------------------------- */

static void fwd_conn_free(struct fwd_conn *k)
{
    struct ncr_forwards *f = k->f;
    struct fwd_conn **at = &f->conns;

    while (*at != NULL && *at != k)
        at = &(*at)->next;
    if (*at != NULL)
        *at = k->next;
    ncr_client_remove_user(f->c, &k->user);
    ncr_loop_unwatch(f->loop, &k->watch);
    ncr_loop_timer_remove(f->loop, &k->timer);
    ncr_connect_free(&k->connect);
    if (k->state == FWD_RELAYING) {
        ncr_drive_remove(&f->c->drive, &k->relay);
        ncr_relay_free(&k->relay);
    } else if (k->fd >= 0) {
        (void)close(k->fd); /* nothing was written to it */
    }
    f->n_open--;
    free(k);
}

static void fwd_done(void *ctx, struct ncr_relay *r)
{
    (void)r;
    fwd_conn_free(ctx);
}

static struct fwd_conn *fwd_conn_new(struct ncr_forwards *f, enum fwd_state state)
{
    struct fwd_conn *k = calloc(1, sizeof *k);

    if (k == NULL)
        return NULL;
    k->f = f;
    k->state = state;
    k->fd = -1;
    k->connect.fd = -1;
    k->next = f->conns;
    f->conns = k;
    f->n_open++;
    return k;
}

static bool fwd_relay(struct fwd_conn *k)
{
    struct nacre_client *c = k->f->c;
    int fd = k->fd;

    ncr_loop_unwatch(k->f->loop, &k->watch);
    ncr_relay_init(&k->relay, &c->conn, k->f->loop, &c->drive.step, k->user.chan, NCR_RELAY_CLOSE);
    k->relay.done = fwd_done;
    k->relay.ctx = k;
    k->state = FWD_RELAYING;
    k->fd = -1;
    ncr_drive_add(&c->drive, &k->relay);
    if (ncr_relay_set_sink(&k->relay, 0, fd, NCR_FD_SOCKET, c->cfg.conn.window) == NACRE_OK &&
        ncr_relay_set_source(&k->relay, 0, fd, NCR_FD_SOCKET) == NACRE_OK)
        return true;
    ncr_client_log(c, NACRE_LOG_ERROR, "channel %u: out of memory", (unsigned)k->user.chan);
    return false;
}

static void fwd_chan_event(void *ctx, const struct nacre_event *ev)
{
    struct fwd_conn *k = ctx;
    struct nacre_client *c = k->f->c;
    struct ncr_text t;

    if (ev->type == NACRE_EV_CHAN_FAILED) {
        ncr_client_log(c, NACRE_LOG_INFO, "channel %u: open failed: %s", (unsigned)ev->chan,
                       ncr_text(&t, ev->data));
        fwd_conn_free(k);
    } else if (ev->type == NACRE_EV_CHAN_OPENED) {
        if (!fwd_relay(k) && nacre_chan_close(&c->conn, k->user.chan) != NACRE_OK)
            fwd_conn_free(k);
    } else if (ev->type == NACRE_EV_CHAN_CLOSED && k->state != FWD_RELAYING) {
        fwd_conn_free(k);
    } else if (ev->id != 0) {
        ncr_client_refuse(c, ev->id); /* requests on such a channel mean nothing */
    }
}

static void fwd_set_user(struct fwd_conn *k, uint32_t chan)
{
    k->user.chan = chan;
    k->user.event = fwd_chan_event;
    k->user.ctx = k;
    ncr_client_add_user(k->f->c, &k->user);
}

/* ---- Local: we listen -------------------------------------------------------------------- */

/* Asks for the channel; again when output has drained, if bulk data leaves no room now. */
static void fwd_open(void *ctx)
{
    struct fwd_conn *k = ctx;
    struct nacre_client *c = k->f->c;
    const struct ncr_forward_rule *r = &k->rule->r;
    struct nacre_tcpip t = {.port = r->port, .origin_port = k->origin_port};
    nacre_err err;

    t.host = nacre_bytes_str(r->host);
    t.origin = nacre_bytes_str(k->origin);
    err = nacre_chan_open_tcpip(&c->conn, "direct-tcpip", &t, &k->user.chan);
    k->user.room = err == NACRE_ERR_NO_ROOM ? fwd_open : NULL;
    if (err == NACRE_OK) {
        ncr_client_log(c, NACRE_LOG_DEBUG, "Connection to port %u forwarding to %s port %u.",
                       (unsigned)r->bind_port, r->host, (unsigned)r->port);
    } else if (err != NACRE_ERR_NO_ROOM) {
        ncr_client_log(c, NACRE_LOG_ERROR, "forward to %s port %u: %s", r->host, (unsigned)r->port,
                       nacre_err_text(err));
        fwd_conn_free(k);
    }
    ncr_client_kick(c);
}

static void fwd_accepted(struct ncr_forwards *f, const struct fwd_rule *rule, int fd,
                         const char *peer, uint32_t peer_port)
{
    struct fwd_conn *k = fwd_conn_new(f, FWD_OPENING);

    if (k == NULL) {
        ncr_client_log(f->c, NACRE_LOG_ERROR, "forward to %s port %u: out of memory", rule->r.host,
                       (unsigned)rule->r.port);
        (void)close(fd); /* refused: nothing was written */
        return;
    }
    k->fd = fd;
    k->rule = rule;
    (void)snprintf(k->origin, sizeof k->origin, "%s", peer); /* of that size */
    k->origin_port = peer_port;
    fwd_set_user(k, UINT32_MAX); /* no channel yet */
    fwd_open(k);
}

static void fwd_listener_ready(void *ctx, unsigned ready)
{
    struct fwd_listener *l = ctx;
    char peer[NCR_SOCK_NAME];
    uint32_t port = 0;

    (void)ready;
    for (unsigned i = 0; i < FWD_ACCEPT_BURST; i++) {
        int fd = ncr_accept(l->fd, peer, &port);

        if (fd >= 0) {
            fwd_accepted(l->f, l->rule, fd, peer, port);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                ncr_client_log(l->f->c, NACRE_LOG_ERROR, "accept: %s", strerror(errno));
            return;
        }
    }
}

static bool fwd_listen(struct ncr_forwards *f, struct fwd_rule *rule)
{
    const char *addr = rule->r.bind_addr == NULL ? "localhost" : rule->r.bind_addr;
    int family = f->c->cfg.family == 4 ? AF_INET : f->c->cfg.family == 6 ? AF_INET6 : AF_UNSPEC;
    int fds[NCR_SOCK_LISTEN];
    size_t n = 0;

    if (ncr_listen(addr, &rule->r.bind_port, family, fds, &n) != NACRE_OK) {
        ncr_client_log(f->c, NACRE_LOG_ERROR, "cannot listen on %s port %u: %s",
                       fwd_bind_text(rule), (unsigned)rule->r.bind_port, strerror(errno));
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct fwd_listener *l = &f->listeners[f->n_listeners];

        if (f->n_listeners == sizeof f->listeners / sizeof f->listeners[0] ||
            ncr_loop_watch(f->loop, &l->watch, fds[i], NCR_LOOP_READ, fwd_listener_ready, l) !=
                NACRE_OK) {
            (void)close(fds[i]); /* not used */
            continue;
        }
        l->f = f;
        l->rule = rule;
        l->fd = fds[i];
        f->n_listeners++;
    }
    ncr_client_log(f->c, NACRE_LOG_DEBUG, "Local forwarding listening on %s port %u.",
                   fwd_bind_text(rule), (unsigned)rule->r.bind_port);
    return true;
}

/* ---- Remote: the server listens ---------------------------------------------------------- */

/* As many requests as the engine takes; the rest follow when replies come. */
static void fwd_ask(struct ncr_forwards *f)
{
    for (; f->next_ask < f->n_rules; f->next_ask++) {
        struct fwd_rule *rule = &f->rules[f->next_ask];
        struct nacre_global g = {.kind = NACRE_GLOBAL_TCPIP_FORWARD, .port = rule->r.bind_port};
        nacre_err err;

        if (!rule->r.remote)
            continue;
        g.addr = nacre_bytes_str(rule->r.bind_addr == NULL ? "localhost" : rule->r.bind_addr);
        err = nacre_global_request(&f->c->conn, &g, true);
        if (err == NACRE_ERR_NO_ROOM)
            break;
        rule->asked = err == NACRE_OK;
        if (err != NACRE_OK)
            f->n_failed++;
    }
    ncr_client_kick(f->c);
}

static void fwd_replied(struct ncr_forwards *f, const struct nacre_event *ev)
{
    struct fwd_rule *rule;

    while (f->first_waiting < f->next_ask && !f->rules[f->first_waiting].asked)
        f->first_waiting++;
    if (f->first_waiting == f->next_ask)
        return;
    rule = &f->rules[f->first_waiting++];
    rule->granted = ev->accepted;
    rule->port = rule->r.bind_port != 0 ? rule->r.bind_port : ev->port;
    if (!ev->accepted) {
        f->n_failed++;
        ncr_client_log(f->c, NACRE_LOG_ERROR, "remote port forwarding failed for listen port %u",
                       (unsigned)rule->r.bind_port);
    } else if (rule->r.bind_port == 0) {
        ncr_client_log(f->c, NACRE_LOG_INFO, "Allocated port %u for remote forward to %s:%u",
                       (unsigned)rule->port, rule->r.host, (unsigned)rule->r.port);
    } else {
        ncr_client_log(
            f->c, NACRE_LOG_DEBUG, "remote forward success for: listen %s:%u, connect %s:%u",
            fwd_bind_text(rule), (unsigned)rule->port, rule->r.host, (unsigned)rule->r.port);
    }
    fwd_ask(f);
}

/* Only what was asked for and granted: that address and that port. */
static const struct fwd_rule *fwd_rule_of(const struct ncr_forwards *f, const struct nacre_tcpip *t)
{
    for (size_t i = 0; i < f->n_rules; i++) {
        const struct fwd_rule *r = &f->rules[i];
        const char *addr = r->r.bind_addr == NULL ? "localhost" : r->r.bind_addr;

        if (r->granted && r->port == t->port && nacre_bytes_is(t->host, addr))
            return r;
    }
    return NULL;
}

/* Answers the server; again when output has drained, if bulk data leaves no room now. */
static void fwd_answer(void *ctx)
{
    struct fwd_conn *k = ctx;
    struct nacre_client *c = k->f->c;
    nacre_err err = nacre_conn_answer(&c->conn, &k->answer);

    k->user.room = err == NACRE_ERR_NO_ROOM ? fwd_answer : NULL;
    ncr_client_kick(c);
    if (err == NACRE_ERR_NO_ROOM)
        return;
    if (err != NACRE_OK || k->answer.verdict != NACRE_ACCEPT ||
        (!fwd_relay(k) && nacre_chan_close(&c->conn, k->user.chan) != NACRE_OK))
        fwd_conn_free(k);
}

static void fwd_connect_ended(struct fwd_conn *k, enum ncr_connect_state s)
{
    ncr_loop_unwatch(k->f->loop, &k->watch);
    ncr_loop_timer_set(k->f->loop, &k->timer, NCR_NEVER);
    if (s == NCR_CONNECT_DONE) {
        k->fd = k->connect.fd;
        k->connect.fd = -1;
        k->answer.verdict = NACRE_ACCEPT;
    } else {
        (void)snprintf(k->why, sizeof k->why, "%s", /* cut: a reason all the same */
                       k->connect.gai != 0 ? gai_strerror(k->connect.gai)
                                           : strerror(ncr_connect_errno(&k->connect)));
        k->answer.verdict = NACRE_REFUSE;
        k->answer.reason = NACRE_OPEN_CONNECT_FAILED;
        k->answer.text = k->why;
        ncr_client_log(k->f->c, NACRE_LOG_DEBUG, "forwarded connection: connect failed: %s",
                       k->why);
    }
    fwd_answer(k);
}

static void fwd_connecting(void *ctx, unsigned ready);

static void fwd_connect_wait(struct fwd_conn *k, enum ncr_connect_state s)
{
    if (s == NCR_CONNECT_WAIT && ncr_loop_watch(k->f->loop, &k->watch, k->connect.fd,
                                                NCR_LOOP_WRITE, fwd_connecting, k) == NACRE_OK) {
        ncr_loop_timer_set(k->f->loop, &k->timer, k->connect.attempt);
        return;
    }
    fwd_connect_ended(k, s == NCR_CONNECT_WAIT ? NCR_CONNECT_FAILED : s);
}

static void fwd_connecting(void *ctx, unsigned ready)
{
    struct fwd_conn *k = ctx;

    (void)ready;
    ncr_loop_unwatch(k->f->loop, &k->watch);
    fwd_connect_wait(k, ncr_connect_step(&k->connect));
}

static void fwd_connect_timer(void *ctx)
{
    fwd_connecting(ctx, 0);
}

static bool fwd_opened_by_server(struct ncr_forwards *f, const struct nacre_event *ev)
{
    const struct fwd_rule *rule = fwd_rule_of(f, &ev->tcpip);
    struct fwd_conn *k;
    struct ncr_text t;

    if (rule == NULL || f->c->distrusted) {
        ncr_client_log(
            f->c, NACRE_LOG_INFO,
            "The server opened a connection from %s port %u that was not asked for: refused",
            ncr_text(&t, ev->tcpip.host), (unsigned)ev->tcpip.port);
        return false;
    }
    k = fwd_conn_new(f, FWD_CONNECTING);
    if (k == NULL || ncr_loop_timer(f->loop, &k->timer, fwd_connect_timer, k) != NACRE_OK) {
        if (k != NULL)
            fwd_conn_free(k);
        return false;
    }
    k->answer.id = ev->id;
    ncr_client_log(f->c, NACRE_LOG_DEBUG, "forwarded connection from %s port %u to %s port %u",
                   ncr_text(&t, ev->tcpip.origin), (unsigned)ev->tcpip.origin_port, rule->r.host,
                   (unsigned)rule->r.port);
    fwd_set_user(k, ev->chan);
    fwd_connect_wait(k, ncr_connect_start(&k->connect, rule->r.host, rule->r.port, AF_UNSPEC, NULL,
                                          ncr_clock_deadline(FWD_CONNECT_MS)));
    return true;
}

/* ---- All of them ------------------------------------------------------------------------- */

bool ncr_forwards_event(struct ncr_forwards *f, const struct nacre_event *ev)
{
    if (ev->type == NACRE_EV_CHAN_OPEN && nacre_bytes_is(ev->name, "forwarded-tcpip") &&
        ev->is_tcpip)
        return fwd_opened_by_server(f, ev);
    if (ev->type != NACRE_EV_GLOBAL_REPLY || ev->global.kind != NACRE_GLOBAL_TCPIP_FORWARD)
        return false;
    fwd_replied(f, ev);
    return true;
}

struct ncr_forwards *ncr_forwards_start(struct nacre_client *c, struct ncr_loop *l,
                                        const struct ncr_forward_rule *rules, size_t n)
{
    struct ncr_forwards *f = calloc(1, sizeof *f);

    if (f == NULL)
        return NULL;
    f->c = c;
    f->loop = l;
    f->n_rules = n;
    for (size_t i = 0; i < n; i++) {
        f->rules[i].r = rules[i];
        if (c->distrusted || (!rules[i].remote && !fwd_listen(f, &f->rules[i])))
            f->n_failed++;
    }
    if (c->distrusted)
        f->next_ask = n;
    fwd_ask(f);
    return f;
}

void ncr_forwards_free(struct ncr_forwards *f)
{
    if (f == NULL)
        return;
    while (f->conns != NULL)
        fwd_conn_free(f->conns);
    for (size_t i = 0; i < f->n_listeners; i++) {
        ncr_loop_unwatch(f->loop, &f->listeners[i].watch);
        (void)close(f->listeners[i].fd); /* a listener holds no data */
    }
    free(f);
}

size_t ncr_forwards_failed(const struct ncr_forwards *f)
{
    return f->n_failed;
}

size_t ncr_forwards_pending(const struct ncr_forwards *f)
{
    size_t n = f->n_rules - f->next_ask;

    for (size_t i = f->first_waiting; i < f->next_ask; i++)
        n += f->rules[i].asked;
    return n;
}

size_t ncr_forwards_open(const struct ncr_forwards *f)
{
    return f->n_open;
}

void ncr_forwards_list(struct ncr_forwards *f)
{
    ncr_client_log(f->c, NACRE_LOG_INFO, "The following connections are open:");
    for (const struct fwd_conn *k = f->conns; k != NULL; k = k->next)
        ncr_client_log(
            f->c, NACRE_LOG_INFO, "  #%u %s (%llu bytes in, %llu out)", (unsigned)k->user.chan,
            k->state == FWD_RELAYING ? "forwarded connection" : "opening",
            (unsigned long long)k->relay.bytes_out, (unsigned long long)k->relay.bytes_in);
}
