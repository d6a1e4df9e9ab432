/* SPDX-License-Identifier: ISC
 *
 * The network process: runs the engine until authentication, confined, and asks the monitor
 * whatever takes rights. When the engine tells of success it stops at once, with everything that
 * came after still in the shared buffers, for the session process.
 *
 * A refusal goes out at a multiple of a fixed delay after the request came, so that what the
 * monitor did meanwhile does not show.
 */
#include "server/monitor.h"

#include "proto/posix/clock.h"
#include "server/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NETWORK_KEY_DELAY_MS 10
#define NETWORK_PASSWORD_DELAY_MS 100
#define NETWORK_FLUSH_MS 1000 /* for the last words of a connection that failed */

struct network {
    struct ncr_monitor *m;
    struct nacre_conn *conn;
    struct ncr_log log;
    bool authenticated, broken;
    bool waiting; /* for the time to say no */
    uint64_t due;
    struct nacre_answer no;
    uint8_t buf[NCR_MON_MAX];
};

static struct network network_state; /* zero: one process serves one connection */

/* Log lines go through the monitor: this process can open nothing. */
static void network_log(void *ctx, enum ncr_log_level level, const char *text)
{
    const struct network *n = ctx;
    struct ncr_mon_msg msg = {.type = NCR_MON_LOG,
                              .value = {(uint32_t)level},
                              .field = {nacre_bytes_str(text)},
                              .fds = {-1, -1}};
    if (!ncr_mon_send(n->m->sock, &msg)) {
        _exit(255); /* the monitor is gone */
    }
}

static void network_ask(struct network *n, const struct ncr_mon_msg *ask, struct ncr_mon_msg *reply)
{
    if (!ncr_mon_ask(n->m->sock, ask, reply, n->buf)) {
        _exit(255);
    }
}

/* ---- Questions --------------------------------------------------------------------------- */

static void network_sign(struct network *n, const struct nacre_event *ev)
{
    struct ncr_mon_msg reply,
        ask = {.type = NCR_MON_SIGN, .field = {ev->alg, ev->blob, ev->data}, .fds = {-1, -1}};
    struct nacre_answer a = {.id = ev->id};
    network_ask(n, &ask, &reply);
    if (reply.type == NCR_MON_REPLY) {
        a.verdict = NACRE_ACCEPT;
        a.data = reply.field[0];
    }
    nacre_err err = nacre_conn_answer(n->conn, &a);
    (void)err; /* sticks: the next call tells it */
}

/* The next multiple of the delay, counted from when the request was taken up. */
static uint64_t network_due(enum nacre_auth_stage stage, uint64_t from)
{
    bool key = stage == NACRE_STAGE_KEY_QUERY || stage == NACRE_STAGE_KEY_PROVED;
    uint64_t quantum = key ? NETWORK_KEY_DELAY_MS : NETWORK_PASSWORD_DELAY_MS;
    return from + ((ncr_clock_ms() - from) / quantum + 1) * quantum;
}

static struct nacre_bytes network_secret(const struct nacre_event *ev)
{
    struct nacre_bytes none = {NULL, 0};
    if (ev->stage == NACRE_STAGE_RESPONSES) {
        return ev->n_prompts == 1 ? ev->responses[0] : none;
    }
    return ev->data;
}

static void network_answer(struct network *n, const struct nacre_answer *a)
{
    nacre_err err = nacre_conn_answer(n->conn, a);
    (void)err; /* sticks: the next call tells it */
}

static void network_auth(struct network *n, const struct nacre_event *ev)
{
    static const struct nacre_prompt prompt = {{(const uint8_t *)"Password: ", 10}, false};
    uint64_t from = ncr_clock_ms();
    struct ncr_mon_msg reply, ask = {.type = NCR_MON_AUTH,
                                     .value = {(uint32_t)ev->stage, ev->host_bound ? 1 : 0},
                                     .field = {ev->user, ev->alg, ev->blob, network_secret(ev)},
                                     .fds = {-1, -1}};
    struct nacre_answer a = {.id = ev->id};
    enum nacre_auth_stage stage = ev->stage;
    if (stage == NACRE_STAGE_NONE) { /* asks for the list of methods: nobody gets in with it */
        network_answer(n, &a);
        return;
    }
    network_ask(n, &ask, &reply);
    a.verdict = (enum nacre_verdict)reply.value[0];
    a.methods = reply.value[1];
    a.prompts = &prompt;
    a.n_prompts = a.verdict == NACRE_CHALLENGE ? 1 : 0;
    if (a.verdict == NACRE_REFUSE) {
        n->waiting = true;
        n->no = a;
        n->due = network_due(stage, from);
        return;
    }
    network_answer(n, &a);
}

static void network_event(struct network *n, const struct nacre_event *ev)
{
    switch (ev->type) {
    case NACRE_EV_SIGN:
        network_sign(n, ev);
        break;
    case NACRE_EV_AUTH_REQUEST:
        network_auth(n, ev);
        break;
    case NACRE_EV_AUTH_SUCCESS:
        n->authenticated = true;
        break;
    default:
        break;
    }
}

/* ---- Bytes ------------------------------------------------------------------------------- */

static void network_read(struct network *n)
{
    size_t room = 0;
    uint8_t *p = nacre_conn_inbuf(n->conn, &room);
    if (room == 0) {
        return;
    }
    ssize_t got = recv(n->m->fd, p, room, MSG_DONTWAIT);
    if (got > 0) {
        nacre_conn_inack(n->conn, (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        nacre_conn_eof(n->conn);
    }
}

static void network_write(struct network *n)
{
    struct nacre_bytes out = nacre_conn_out(n->conn);
    if (out.n == 0 || n->broken) {
        return;
    }
    ssize_t put = send(n->m->fd, out.p, out.n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put > 0) {
        nacre_conn_sent(n->conn, (size_t)put);
    } else if (put < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        n->broken = true;
    }
}

static void network_poll(struct network *n, uint64_t until)
{
    unsigned wants = nacre_conn_wants(n->conn);
    struct pollfd p = {.fd = n->m->fd};
    bool in = (wants & NACRE_WANT_READ) != 0, out = nacre_conn_out(n->conn).n > 0 && !n->broken;
    p.events = (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0));
    p.fd = p.events != 0 ? p.fd : -1; /* a hang-up is no reason to spin while an answer is due */
    int r = poll(&p, 1, ncr_clock_timeout(until, ncr_clock_ms()));
    if (r > 0 && (p.revents & (POLLIN | POLLHUP | POLLERR)) != 0 && in) {
        network_read(n);
    }
}

/* ---- The run ----------------------------------------------------------------------------- */

/* All events there are, up to success. */
static nacre_err network_events(struct network *n)
{
    struct nacre_event ev;
    nacre_err err;
    do {
        err = nacre_conn_next(n->conn, &ev);
        if (err == NACRE_OK) {
            network_event(n, &ev);
        }
    } while (err == NACRE_OK && ev.type != NACRE_EV_NONE && !n->authenticated);
    return err;
}

static nacre_err network_round(struct network *n)
{
    uint64_t now = ncr_clock_ms();
    nacre_err err = nacre_conn_tick(n->conn, now);
    if (err == NACRE_OK && n->waiting && now >= n->due) {
        n->waiting = false;
        network_answer(n, &n->no);
    }
    if (err == NACRE_OK) {
        err = network_events(n);
    }
    if (err != NACRE_OK || n->authenticated) {
        return err;
    }
    network_write(n);
    uint64_t until = nacre_conn_deadline(n->conn);
    until = n->waiting && n->due < until ? n->due : until;
    network_poll(n, until);
    return NACRE_OK;
}

/* The DISCONNECT of a connection that failed gets a moment to leave. */
static void network_flush(struct network *n)
{
    uint64_t until = ncr_clock_deadline(NETWORK_FLUSH_MS);
    while (nacre_conn_out(n->conn).n > 0 && !n->broken && ncr_clock_ms() < until) {
        struct pollfd p = {.fd = n->m->fd, .events = POLLOUT};
        (void)poll(&p, 1, ncr_clock_timeout(until, ncr_clock_ms()));
        network_write(n);
    }
}

static void network_last_words(struct network *n, nacre_err err)
{
    struct nacre_errinfo info = nacre_conn_errinfo(n->conn);
    struct ncr_monitor *m = n->m;
    if (err == NACRE_ERR_PEER_CLOSED || err == NACRE_ERR_CLOSED) {
        ncr_log(&n->log, NCR_LOG_INFO, "Connection closed by %s port %u [preauth]", m->addr,
                (unsigned)m->port);
    } else if (err == NACRE_ERR_PEER_DISCONNECT) {
        ncr_log(&n->log, NCR_LOG_INFO, "Received disconnect from %s port %u:%u: %.*s [preauth]",
                m->addr, (unsigned)m->port, (unsigned)info.peer_reason,
                (int)(info.peer_text.n < 256 ? info.peer_text.n : 256),
                info.peer_text.p != NULL ? (const char *)info.peer_text.p : "");
    } else if (err == NACRE_ERR_NO_COMMON_ALG) {
        ncr_log(&n->log, NCR_LOG_INFO,
                "Unable to negotiate with %s port %u: no matching %s found. Their offer: %.*s "
                "[preauth]",
                m->addr, (unsigned)m->port, info.category,
                (int)(info.theirs.n < 512 ? info.theirs.n : 512), (const char *)info.theirs.p);
    } else {
        ncr_log(&n->log, NCR_LOG_INFO, "Disconnecting %s port %u: %s%s%s (%s in %s) [preauth]",
                m->addr, (unsigned)m->port, nacre_err_text(err), info.what[0] != '\0' ? ": " : "",
                info.what, info.msg_name, info.phase);
    }
}

static nacre_err network_start(struct network *n)
{
    struct ncr_monitor *m = n->m;
    nacre_err err = nacre_conn_init(n->conn, NACRE_SERVER, &m->engine, &nacre_rng_os, m->mem,
                                    m->mem_len, m->channels);
    return err == NACRE_OK ? nacre_conn_tick(n->conn, ncr_clock_ms()) : err;
}

void ncr_network_main(struct ncr_monitor *m)
{
    struct network *n = &network_state;
    n->m = m;
    n->conn = m->conn;
    n->log = m->log;
    n->log.put = network_log;
    n->log.ctx = n;
    if (!ncr_sandbox_enter(&m->jail, m->empty_dir, &n->log)) {
        ncr_log(&n->log, NCR_LOG_FATAL, "cannot give up privileges: %s", strerror(errno));
        _exit(255);
    }
    nacre_err err = network_start(n);
    while (err == NACRE_OK && !n->authenticated) {
        err = network_round(n);
    }
    if (n->authenticated) {
        _exit(0);
    }
    network_flush(n);
    network_last_words(n, err);
    _exit(err == NACRE_ERR_TIMEOUT_AUTH || err == NACRE_ERR_TIMEOUT_KEX ? NCR_GATE_GRACE : 255);
}
