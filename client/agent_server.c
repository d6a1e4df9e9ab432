/* SPDX-License-Identifier: ISC
 *
 * An agent on its socket: see agent_server.h. A client is in one of few states: its message is
 * being read, waits for something, or its reply is being written; only then the next one is read.
 * What a client sent is wiped as soon as it is answered: it may hold a key or a passphrase.
 */
#include "client/agent_server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/posix/socket.h"

#define AGSERV_FIRST 512     /* bytes that a message gets at first */
#define AGSERV_ACCEPTS 16    /* connections taken at once */
#define AGSERV_RETRY_MS 1000 /* after an accept(2) that failed for want of something */
#define AGSERV_LOOK_MS 250   /* between looks whether who asks is still there */

enum agserv_state {
    AGSERV_READING = 0,
    AGSERV_AGAIN,   /* the message is handled again when the timer fires */
    AGSERV_DELAYED, /* the reply is sent when the timer fires */
    AGSERV_QUEUED,  /* another client's question is being asked */
    AGSERV_ASKING,
    AGSERV_WRITING
};

struct ncr_agent_conn {
    struct ncr_agent_server *s;
    struct ncr_agent_conn *next;
    struct ncr_watch watch;
    struct ncr_timer timer;
    struct ncr_agentd_peer peer;
    enum agserv_state state;
    int fd;
    uint8_t *in; /* one message with its length, no more */
    size_t in_n, in_cap, in_want;
    uint8_t *out;
    size_t out_n, out_at;
    char *question; /* QUEUED */
};

/* ---- Time ---- */

/* Lifetimes go on while the machine sleeps. */
static uint64_t agserv_ms(void)
{
#if defined(CLOCK_BOOTTIME)
    struct timespec t;

    if (clock_gettime(CLOCK_BOOTTIME, &t) == 0)
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
#endif
    return ncr_clock_ms();
}

static struct ncr_agentd_now agserv_now(void)
{
    const time_t t = time(NULL);
    const struct ncr_agentd_now now = {agserv_ms(), t < 0 ? 0 : (uint64_t)t};

    return now;
}

/* An instant of agserv_ms() as one of the loop. */
static uint64_t agserv_loop_time(const struct ncr_agent_server *s, uint64_t when, uint64_t now)
{
    return when <= now ? ncr_loop_now(s->loop) : ncr_loop_now(s->loop) + (when - now);
}

static void agserv_expire(void *ctx)
{
    struct ncr_agent_server *s = ctx;
    const uint64_t now = agserv_ms();
    const uint64_t next = ncr_keyring_expire(&s->agent.keys, now);

    ncr_loop_timer_set(s->loop, &s->expiry,
                       next == UINT64_MAX ? NCR_NEVER : agserv_loop_time(s, next, now));
}

/* ---- Clients ---- */

/* Memory for what comes and goes, as much as there may be of it; NULL: no more. */
static uint8_t *agserv_take(struct ncr_agent_server *s, size_t n)
{
    uint8_t *p = n <= s->held_max - s->held ? malloc(n) : NULL;

    if (p != NULL)
        s->held += n;
    return p;
}

static void agserv_give_back(struct ncr_agent_server *s, uint8_t *p, size_t n)
{
    if (p == NULL)
        return;
    nacre_wipe(p, n);
    free(p);
    s->held -= n;
}

static void agserv_wipe_in(struct ncr_agent_conn *c)
{
    agserv_give_back(c->s, c->in, c->in_cap);
    c->in = NULL;
    c->in_n = c->in_cap = 0;
    c->in_want = NACRE_AGENT_LEN;
}

static void agserv_drop_out(struct ncr_agent_conn *c)
{
    agserv_give_back(c->s, c->out, c->out_n);
    c->out = NULL;
    c->out_n = c->out_at = 0;
}

static void agserv_accepting(struct ncr_agent_server *s)
{
    if (s->fd >= 0)
        ncr_loop_want(s->loop, &s->watch, s->n_clients < s->clients_max ? NCR_LOOP_READ : 0);
}

static void agserv_close(struct ncr_agent_conn *c)
{
    struct ncr_agent_server *s = c->s;
    struct ncr_agent_conn **at = &s->first;

    while (*at != NULL && *at != c)
        at = &(*at)->next;
    if (*at == c) {
        *at = c->next;
        s->n_clients--;
    }
    if (s->asking == c) {
        ncr_confirm_stop(&s->confirm);
        s->asking = NULL;
    }
    ncr_loop_unwatch(s->loop, &c->watch);
    ncr_loop_timer_remove(s->loop, &c->timer);
    agserv_wipe_in(c);
    agserv_drop_out(c);
    free(c->question);
    ncr_agentd_peer_free(&c->peer);
    (void)close(c->fd); /* what was not sent is lost with its client */
    free(c);
    agserv_accepting(s);
}

/* Room for in_want bytes, or as many as have been sent so far, twice: a length alone takes none. */
static bool agserv_room(struct ncr_agent_conn *c)
{
    size_t cap = c->in_cap == 0 ? AGSERV_FIRST : 2 * c->in_cap;
    uint8_t *p;

    if (c->in_n < c->in_cap)
        return true;
    if (cap > c->in_want)
        cap = c->in_want < AGSERV_FIRST ? AGSERV_FIRST : c->in_want;
    p = agserv_take(c->s, cap);
    if (p == NULL)
        return false;
    if (c->in_n > 0)
        memcpy(p, c->in, c->in_n);
    agserv_give_back(c->s, c->in, c->in_cap);
    c->in = p;
    c->in_cap = cap;
    return true;
}

/* ---- Replies ---- */

static void agserv_read_on(struct ncr_agent_conn *c)
{
    agserv_drop_out(c);
    c->state = AGSERV_READING;
    ncr_loop_timer_set(c->s->loop, &c->timer, NCR_NEVER);
    ncr_loop_want(c->s->loop, &c->watch, NCR_LOOP_READ);
}

/* Writes what there is of the reply; false: the client has gone, c with it. */
static bool agserv_write(struct ncr_agent_conn *c)
{
    while (c->out_at < c->out_n) {
        const ssize_t n =
            send(c->fd, c->out + c->out_at, c->out_n - c->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            c->state = AGSERV_WRITING;
            ncr_loop_want(c->s->loop, &c->watch, NCR_LOOP_WRITE);
            ncr_loop_timer_set(c->s->loop, &c->timer, ncr_loop_now(c->s->loop) + c->s->stall_ms);
            return true;
        }
        if (n < 0) {
            agserv_close(c);
            return false;
        }
        c->out_at += (size_t)n;
    }
    agserv_read_on(c);
    return true;
}

/* Takes the server's reply over for a client, and sends it now or later. The request is wiped
 * before: who has the reply may rely on that. */
static void agserv_reply(struct ncr_agent_conn *c, uint64_t now)
{
    struct ncr_agentd_reply *r = &c->s->reply;

    agserv_wipe_in(c);
    c->out = r->n > 0 ? agserv_take(c->s, r->n) : NULL;
    if (c->out == NULL) {
        agserv_close(c);
        return;
    }
    c->out_n = r->n;
    c->out_at = 0;
    memcpy(c->out, r->p, r->n);
    if (r->when > now) {
        c->state = AGSERV_DELAYED;
        ncr_loop_timer_set(c->s->loop, &c->timer, agserv_loop_time(c->s, r->when, now));
        return;
    }
    (void)agserv_write(c); /* if the client has gone, all of it has */
}

/* ---- Questions ---- */

static struct nacre_bytes agserv_message(const struct ncr_agent_conn *c)
{
    const struct nacre_bytes msg = {c->in + NACRE_AGENT_LEN, c->in_n - NACRE_AGENT_LEN};

    return msg;
}

static void agserv_answered(struct ncr_agent_conn *c, bool yes)
{
    const struct ncr_agentd_now now = agserv_now();

    free(c->question);
    c->question = NULL;
    ncr_loop_timer_set(c->s->loop, &c->timer, NCR_NEVER);
    ncr_agentd_confirmed(&c->s->agent, &c->peer, agserv_message(c), &now, yes, &c->s->reply);
    agserv_reply(c, now.ms);
}

/* Asks the next question that waits. */
static void agserv_ask_next(struct ncr_agent_server *s)
{
    struct ncr_agent_conn *c = s->first;

    while (s->asking == NULL && c != NULL) {
        struct ncr_agent_conn *next = c->next;

        if (c->state == AGSERV_QUEUED) {
            c->state = AGSERV_ASKING;
            if (ncr_confirm_start(&s->confirm, c->question))
                s->asking = c;
            else
                agserv_answered(c, false);
        }
        c = next;
    }
}

static void agserv_confirmed(void *ctx, bool yes)
{
    struct ncr_agent_server *s = ctx;
    struct ncr_agent_conn *c = s->asking;

    s->asking = NULL;
    if (c != NULL)
        agserv_answered(c, yes);
    agserv_ask_next(s);
}

/* Looks whether the client is still there, now and then: nothing is read from it meanwhile. One
 * that only has no more to say is. */
static void agserv_look(struct ncr_agent_conn *c)
{
    struct ncr_agent_server *s = c->s;
    struct pollfd p = {.fd = c->fd};

    if (poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0) {
        agserv_close(c);
        agserv_ask_next(s);
        return;
    }
    ncr_loop_timer_set(s->loop, &c->timer, ncr_loop_now(s->loop) + AGSERV_LOOK_MS);
}

static void agserv_ask(struct ncr_agent_conn *c)
{
    c->question = strdup(c->s->reply.question);
    c->state = AGSERV_QUEUED;
    ncr_loop_timer_set(c->s->loop, &c->timer, ncr_loop_now(c->s->loop) + AGSERV_LOOK_MS);
    if (c->question == NULL)
        agserv_answered(c, false);
    else
        agserv_ask_next(c->s);
}

/* ---- Requests ---- */

static void agserv_handle(struct ncr_agent_conn *c)
{
    struct ncr_agent_server *s = c->s;
    const struct ncr_agentd_now now = agserv_now();

    ncr_loop_want(s->loop, &c->watch, 0);
    ncr_loop_timer_set(s->loop, &c->timer, NCR_NEVER);
    switch (ncr_agentd_handle(&s->agent, &c->peer, agserv_message(c), &now, &s->reply)) {
    case NCR_AGENTD_REPLY:
        agserv_reply(c, now.ms);
        break;
    case NCR_AGENTD_AGAIN:
        c->state = AGSERV_AGAIN;
        ncr_loop_timer_set(s->loop, &c->timer, agserv_loop_time(s, s->reply.when, now.ms));
        break;
    case NCR_AGENTD_ASK:
        agserv_ask(c);
        break;
    }
    agserv_expire(s);
}

static void agserv_timer(void *ctx)
{
    struct ncr_agent_conn *c = ctx;

    if (c->state == AGSERV_AGAIN)
        agserv_handle(c);
    else if (c->state == AGSERV_DELAYED)
        (void)agserv_write(c); /* if the client has gone, all of it has */
    else if (c->state == AGSERV_QUEUED || c->state == AGSERV_ASKING)
        agserv_look(c);
    else
        agserv_close(c); /* half a message, or a reply that nobody takes */
}

/* Reads up to the end of the message; its length first. */
static void agserv_read(struct ncr_agent_conn *c)
{
    struct nacre_bytes msg, stream;
    size_t used, room;
    ssize_t n;

    if (!agserv_room(c)) {
        agserv_close(c);
        return;
    }
    room = (c->in_want < c->in_cap ? c->in_want : c->in_cap) - c->in_n;
    n = recv(c->fd, c->in + c->in_n, room, MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    if (n <= 0) {
        agserv_close(c);
        return;
    }
    c->in_n += (size_t)n;
    stream.p = c->in;
    stream.n = c->in_n;
    if (nacre_agent_frame(&msg, &used, &c->in_want, stream) != NACRE_OK) {
        agserv_close(c);
        return;
    }
    if (used > 0)
        agserv_handle(c);
    else if (c->timer.when == NCR_NEVER)
        ncr_loop_timer_set(c->s->loop, &c->timer, ncr_loop_now(c->s->loop) + c->s->stall_ms);
}

static void agserv_ready(void *ctx, unsigned ready)
{
    struct ncr_agent_conn *c = ctx;

    if (c->state == AGSERV_READING && (ready & NCR_LOOP_READ) != 0)
        agserv_read(c);
    else if (c->state == AGSERV_WRITING && (ready & NCR_LOOP_WRITE) != 0)
        (void)agserv_write(c); /* if the client has gone, all of it has */
}

nacre_err ncr_agent_server_add(struct ncr_agent_server *s, int fd)
{
    struct ncr_agent_conn *c = calloc(1, sizeof *c), **at;
    nacre_err err = c != NULL ? NACRE_OK : NACRE_ERR_NO_MEMORY;

    if (err == NACRE_OK) {
        c->s = s;
        c->fd = fd;
        c->in_want = NACRE_AGENT_LEN;
        err = ncr_loop_timer(s->loop, &c->timer, agserv_timer, c);
    }
    if (err == NACRE_OK) {
        err = ncr_loop_watch(s->loop, &c->watch, fd, NCR_LOOP_READ, agserv_ready, c);
        if (err != NACRE_OK)
            ncr_loop_timer_remove(s->loop, &c->timer);
    }
    if (err != NACRE_OK) {
        free(c);
        (void)close(fd); /* nothing was sent */
        return err;
    }
    for (at = &s->first; *at != NULL; at = &(*at)->next)
        ;
    *at = c; /* questions are asked in this order */
    s->n_clients++;
    agserv_accepting(s);
    return NACRE_OK;
}

/* ---- Listening ---- */

/* Only this user's programs, and root's, which could read the memory as well. */
static bool agserv_peer_allowed(int fd)
{
#if defined(SO_PEERCRED)
    struct ucred cred;
    socklen_t n = sizeof cred;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 && n == sizeof cred &&
           (cred.uid == 0 || cred.uid == getuid());
#else
    uid_t uid;
    gid_t gid;

    return getpeereid(fd, &uid, &gid) == 0 && (uid == 0 || uid == getuid());
#endif
}

static void agserv_accept(void *ctx, unsigned ready)
{
    struct ncr_agent_server *s = ctx;
    int i;

    (void)ready; /* waits to read alone */
    for (i = 0; i < AGSERV_ACCEPTS && s->n_clients < s->clients_max; i++) {
        const int fd = accept(s->fd, NULL, NULL);

        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                ncr_loop_want(s->loop, &s->watch, 0);
                ncr_loop_timer_set(s->loop, &s->retry, ncr_loop_now(s->loop) + AGSERV_RETRY_MS);
            }
            return;
        }
        if (!ncr_fd_cloexec(fd) || !agserv_peer_allowed(fd))
            (void)close(fd); /* nothing was sent */
        else if (ncr_agent_server_add(s, fd) != NACRE_OK)
            return; /* no memory: the client sees the end */
    }
}

static void agserv_retry(void *ctx)
{
    agserv_accepting(ctx);
}

nacre_err ncr_agent_server_init(struct ncr_agent_server *s)
{
    nacre_err err;

    s->fd = -1;
    if (s->clients_max == 0)
        s->clients_max = NCR_AGENT_CLIENTS_MAX;
    if (s->held_max == 0)
        s->held_max = NCR_AGENT_HELD_MAX;
    if (s->stall_ms == 0)
        s->stall_ms = NCR_AGENT_STALL_MS;
    s->reply.cap = NACRE_AGENT_LEN + NACRE_AGENT_MSG_MAX;
    s->reply.p = malloc(s->reply.cap);
    s->confirm.loop = s->loop;
    s->confirm.done = agserv_confirmed;
    s->confirm.ctx = s;
    err = s->reply.p != NULL ? NACRE_OK : NACRE_ERR_NO_MEMORY;
    if (err == NACRE_OK)
        err = ncr_loop_timer(s->loop, &s->expiry, agserv_expire, s);
    if (err == NACRE_OK)
        err = ncr_loop_timer(s->loop, &s->retry, agserv_retry, s);
    return err == NACRE_OK ? ncr_confirm_init(&s->confirm) : err;
}

nacre_err ncr_agent_server_listen(struct ncr_agent_server *s, int fd)
{
    s->fd = fd;
    if (!ncr_fd_nonblock(fd, true))
        return NACRE_ERR_IO;
    return ncr_loop_watch(s->loop, &s->watch, fd, NCR_LOOP_READ, agserv_accept, s);
}

void ncr_agent_server_drop_keys(struct ncr_agent_server *s)
{
    ncr_keyring_clear(&s->agent.keys);
}

void ncr_agent_server_free(struct ncr_agent_server *s)
{
    if (s->fd >= 0) {
        ncr_loop_unwatch(s->loop, &s->watch);
        (void)close(s->fd); /* a listener holds nothing */
    }
    s->fd = -1;
    while (s->first != NULL)
        agserv_close(s->first);
    ncr_confirm_stop(&s->confirm);
    ncr_loop_timer_remove(s->loop, &s->confirm.timer);
    ncr_loop_timer_remove(s->loop, &s->expiry);
    ncr_loop_timer_remove(s->loop, &s->retry);
    ncr_agentd_wipe(&s->agent);
    if (s->reply.p != NULL)
        nacre_wipe(s->reply.p, s->reply.cap);
    free(s->reply.p);
    s->reply.p = NULL;
}
