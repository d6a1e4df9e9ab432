/* SPDX-License-Identifier: ISC
 *
 * Requests to an agent: see agent_client.h. The messages are those of proto/keys/nacre_agent.h.
 *
 * One buffer holds the request, then the reply. It is wiped after each request that held a secret.
 */
#include "client/agent_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/posix/clock.h"
#include "proto/posix/socket.h"

#define AGENT_BUF (NACRE_AGENT_LEN + NACRE_AGENT_MSG_MAX)
#define AGENT_RETRY_MS 20 /* between attempts at a socket whose queue is full */

struct nacre_agent {
    int fd;
    nacre_err broken; /* what made the connection useless */
    uint64_t ms, slow_ms;
    size_t n; /* bytes of the message in buf */
    uint8_t buf[AGENT_BUF];
};

/* ---- Opening ----------------------------------------------------------------------------- */

bool ncr_agent_path(char *out, size_t cap, const char *setting)
{
    const char *path = setting;
    int n;

    if (setting == NULL || strcmp(setting, "SSH_AUTH_SOCK") == 0)
        path = getenv("SSH_AUTH_SOCK");
    else if (setting[0] == '$')
        path = getenv(setting + 1);
    else if (strcmp(setting, "none") == 0)
        path = NULL;
    if (path == NULL || path[0] == '\0')
        return false;
    n = snprintf(out, cap, "%s", path);
    return n > 0 && (size_t)n < cap;
}

nacre_err ncr_agent_attach(struct nacre_agent **out, int fd)
{
    struct nacre_agent *a = malloc(sizeof *a);

    *out = a;
    if (a == NULL || !ncr_fd_nonblock(fd, true)) {
        (void)close(fd); /* nothing was written */
        free(a);
        *out = NULL;
        return a == NULL ? NACRE_ERR_NO_MEMORY : NACRE_ERR_IO;
    }
    a->fd = fd;
    a->broken = NACRE_OK;
    a->n = 0;
    ncr_agent_deadlines(a, NCR_AGENT_MS, NCR_AGENT_SLOW_MS);
    return NACRE_OK;
}

/* A listener whose queue is full is tried again until the deadline. */
static bool agent_connect(int fd, const struct sockaddr_un *sa, uint64_t until)
{
    while (connect(fd, (const struct sockaddr *)sa, sizeof *sa) != 0) {
        if (errno != EAGAIN && errno != EINTR)
            return false;
        if (ncr_clock_ms() >= until) {
            errno = ETIMEDOUT;
            return false;
        }
        (void)poll(NULL, 0, AGENT_RETRY_MS); /* a pause: nothing to learn from it */
    }
    return true;
}

nacre_err nacre_agent_open(struct nacre_agent **out, const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd, saved;

    *out = NULL;
    if (!ncr_agent_path(sa.sun_path, sizeof sa.sun_path, path)) {
        errno = ENOENT;
        return NACRE_ERR_IO;
    }
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd >= 0 && ncr_fd_cloexec(fd) && ncr_fd_nonblock(fd, true) &&
        agent_connect(fd, &sa, ncr_clock_deadline(NCR_AGENT_MS)))
        return ncr_agent_attach(out, fd);
    saved = errno;
    if (fd >= 0)
        (void)close(fd); /* never connected */
    errno = saved;
    return NACRE_ERR_IO;
}

void nacre_agent_close(struct nacre_agent *a)
{
    if (a != NULL)
        (void)close(ncr_agent_release(a)); /* all was said; EBADF of a broken one is no news */
}

int ncr_agent_release(struct nacre_agent *a)
{
    int fd = a->fd;

    nacre_wipe(a->buf, a->n);
    free(a);
    return fd;
}

void ncr_agent_deadlines(struct nacre_agent *a, uint64_t ms, uint64_t slow_ms)
{
    a->ms = ms;
    a->slow_ms = slow_ms;
}

/* ---- Bytes ------------------------------------------------------------------------------- */

/* The connection is of no more use: its stream cannot be trusted to be in step. */
static nacre_err agent_break(struct nacre_agent *a, nacre_err err)
{
    int saved = errno;

    if (a->fd >= 0)
        (void)close(a->fd); /* it has failed already */
    a->fd = -1;
    a->broken = err;
    nacre_wipe(a->buf, a->n);
    a->n = 0;
    errno = saved;
    return err;
}

static nacre_err agent_wait(struct nacre_agent *a, short events, uint64_t until)
{
    struct pollfd p = {.fd = a->fd, .events = events};
    int got = poll(&p, 1, ncr_clock_timeout(until, ncr_clock_ms()));

    if (got < 0 && errno != EINTR)
        return NACRE_ERR_IO;
    return got <= 0 && ncr_clock_ms() >= until ? NACRE_ERR_TIMEOUT : NACRE_OK;
}

static nacre_err agent_send(struct nacre_agent *a, uint64_t until)
{
    size_t at = 0;
    nacre_err err = NACRE_OK;

    while (err == NACRE_OK && at < a->n) {
        ssize_t put = send(a->fd, a->buf + at, a->n - at, MSG_NOSIGNAL);

        if (put > 0)
            at += (size_t)put;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            err = agent_wait(a, POLLOUT, until);
        else if (errno != EINTR)
            err = NACRE_ERR_IO;
    }
    return err;
}

/* Reads until n bytes are there. */
static nacre_err agent_fill(struct nacre_agent *a, size_t n, uint64_t until)
{
    nacre_err err = NACRE_OK;

    while (err == NACRE_OK && a->n < n) {
        ssize_t got = recv(a->fd, a->buf + a->n, n - a->n, 0);

        if (got > 0)
            a->n += (size_t)got;
        else if (got == 0)
            err = NACRE_ERR_PEER_CLOSED;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            err = agent_wait(a, POLLIN, until);
        else if (errno != EINTR)
            err = NACRE_ERR_IO;
    }
    return err;
}

/* The length first, then exactly that many bytes. */
static nacre_err agent_read(struct nacre_agent *a, struct nacre_bytes *msg, uint64_t until)
{
    struct nacre_bytes stream = {a->buf, 0};
    size_t used = 0;
    size_t next = NACRE_AGENT_LEN;
    nacre_err err = NACRE_OK;

    a->n = 0;
    while (err == NACRE_OK && used == 0) {
        err = agent_fill(a, next, until);
        stream.n = a->n;
        if (err == NACRE_OK)
            err = nacre_agent_frame(msg, &used, &next, stream);
    }
    return err;
}

/* Nothing may wait to be read before a request: it would be taken for its reply. */
static bool agent_in_step(struct nacre_agent *a)
{
    char byte;

    return recv(a->fd, &byte, 1, MSG_PEEK) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* Sends the request in a->buf, whose making gave err, and reads the reply to it. A refusal is
 * KEY_REFUSED. The reply's slices lie in a->buf. */
static nacre_err agent_ask(struct nacre_agent *a, nacre_err err, enum nacre_agent_type type,
                           struct nacre_agent_reply *r, bool slow)
{
    uint64_t until = ncr_clock_deadline(slow ? a->slow_ms : a->ms);
    const size_t sent = a->n;
    struct nacre_bytes msg;

    memset(r, 0, sizeof *r);
    if (err != NACRE_OK) {
        nacre_wipe(a->buf, sizeof a->buf);
        a->n = 0;
        return err == NACRE_ERR_NO_ROOM ? NACRE_ERR_LIMIT : err; /* buf holds every message */
    }
    if (a->broken == NACRE_OK && !agent_in_step(a))
        return agent_break(a, NACRE_ERR_ORDER);
    if (a->broken == NACRE_OK)
        err = agent_send(a, until);
    nacre_wipe(a->buf, sent); /* of use to nobody any more, and maybe a secret */
    if (a->broken != NACRE_OK)
        return a->broken;
    if (err == NACRE_OK)
        err = agent_read(a, &msg, until);
    if (err == NACRE_OK)
        err = nacre_agent_reply_decode(r, type, msg);
    if (err != NACRE_OK)
        return agent_break(a, err);
    return r->type == NACRE_AGENT_FAILURE || r->type == NACRE_AGENT_EXTENSION_FAILURE
               ? NACRE_ERR_KEY_REFUSED
               : NACRE_OK;
}

/* ---- Requests ---------------------------------------------------------------------------- */

nacre_err nacre_agent_list(struct nacre_agent *a, struct nacre_bytes *keys)
{
    const enum nacre_agent_type type = NACRE_AGENT_REQUEST_IDENTITIES;
    struct nacre_agent_reply r;
    nacre_err err = nacre_agent_put_request(a->buf, sizeof a->buf, &a->n, type);

    err = agent_ask(a, err, type, &r, false);
    *keys = r.keys;
    return err;
}

nacre_err nacre_agent_sign(struct nacre_agent *a, struct nacre_bytes key, struct nacre_bytes alg,
                           struct nacre_bytes data, uint8_t *out, size_t cap, size_t *n)
{
    const enum nacre_agent_type type = NACRE_AGENT_SIGN_REQUEST;
    struct nacre_agent_reply r;
    nacre_err err =
        nacre_agent_put_sign(a->buf, sizeof a->buf, &a->n, key, data, nacre_agent_sign_flags(alg));

    *n = 0;
    err = agent_ask(a, err, type, &r, true);
    if (err == NACRE_OK && r.signature.n > cap)
        err = NACRE_ERR_NO_ROOM;
    if (err != NACRE_OK)
        return err;
    memcpy(out, r.signature.p, r.signature.n);
    *n = r.signature.n;
    return NACRE_OK;
}

nacre_err nacre_agent_store(struct nacre_agent *a, const struct nacre_privkey *k,
                            struct nacre_bytes cert, struct nacre_bytes comment,
                            const struct nacre_agent_limits *limits)
{
    struct nacre_agent_reply r;
    nacre_err err = nacre_agent_put_add(a->buf, sizeof a->buf, &a->n, k, cert, comment, limits);

    return agent_ask(a, err, NACRE_AGENT_ADD_IDENTITY, &r, true);
}

nacre_err nacre_agent_remove(struct nacre_agent *a, struct nacre_bytes key)
{
    struct nacre_agent_reply r;
    nacre_err err = nacre_agent_put_remove(a->buf, sizeof a->buf, &a->n, key);

    return agent_ask(a, err, NACRE_AGENT_REMOVE_IDENTITY, &r, false);
}

nacre_err nacre_agent_remove_all(struct nacre_agent *a)
{
    const enum nacre_agent_type type = NACRE_AGENT_REMOVE_ALL_IDENTITIES;
    struct nacre_agent_reply r;
    nacre_err err = nacre_agent_put_request(a->buf, sizeof a->buf, &a->n, type);

    return agent_ask(a, err, type, &r, false);
}

static nacre_err agent_lock(struct nacre_agent *a, enum nacre_agent_type type, const char *pass)
{
    struct nacre_agent_reply r;
    nacre_err err = nacre_agent_put_lock(a->buf, sizeof a->buf, &a->n, type, nacre_bytes_str(pass));

    return agent_ask(a, err, type, &r, true); /* a wrong guess is answered late on purpose */
}

nacre_err nacre_agent_lock(struct nacre_agent *a, const char *passphrase)
{
    return agent_lock(a, NACRE_AGENT_LOCK, passphrase);
}

nacre_err nacre_agent_unlock(struct nacre_agent *a, const char *passphrase)
{
    return agent_lock(a, NACRE_AGENT_UNLOCK, passphrase);
}

nacre_err nacre_agent_extend(struct nacre_agent *a, const char *name, struct nacre_bytes data,
                             struct nacre_bytes *reply)
{
    struct nacre_agent_reply r;
    nacre_err err = nacre_agent_put_extension(a->buf, sizeof a->buf, &a->n, name, data);

    err = agent_ask(a, err, NACRE_AGENT_EXTENSION, &r, false);
    *reply = r.data;
    return err;
}

nacre_err nacre_agent_bind_session(struct nacre_agent *a, struct nacre_bytes host_key,
                                   struct nacre_bytes session_id, struct nacre_bytes signature,
                                   bool forwarding)
{
    struct nacre_agent_reply r;
    nacre_err err = nacre_agent_put_bind(a->buf, sizeof a->buf, &a->n, host_key, session_id,
                                         signature, forwarding);

    return agent_ask(a, err, NACRE_AGENT_EXTENSION, &r, false);
}
