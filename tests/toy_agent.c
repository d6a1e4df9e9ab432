/* SPDX-License-Identifier: ISC
 *
 * The agent of toy_agent.h.
 */
#include "tests/toy_agent.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/pair.h"

#define TOY_CONNS 16
#define TOY_BUF (NACRE_AGENT_LEN + NACRE_AGENT_MSG_MAX)

struct toy_conn {
    int fd;
    bool bound; /* to a session: takes no keys any more, as agents do */
    size_t n;
    uint8_t *buf; /* NULL: no connection */
};

static uint64_t toy_work[NACRE_WORK];
static uint8_t toy_out[TOY_BUF];

static void toy_note(const struct toy_agent *t, const char *line)
{
    int fd = open(t->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    PAIR_CHECK(fd >= 0 && write(fd, line, strlen(line)) == (ssize_t)strlen(line));
    close(fd);
}

static struct nacre_bytes toy_blob(const struct toy_agent *t, int i)
{
    return t->certs[i].n > 0 ? t->certs[i] : nacre_privkey_public_blob(t->keys[i]);
}

static void toy_list(const struct toy_agent *t, size_t *n)
{
    char comment[16];
    PAIR_CHECK(nacre_agent_list_begin(toy_out, sizeof toy_out, n) == NACRE_OK);
    for (int i = 0; i < TOY_KEYS && t->keys[i] != NULL; i++) {
        snprintf(comment, sizeof comment, "key %d", i);
        PAIR_CHECK(nacre_agent_list_append(toy_out, sizeof toy_out, n, toy_blob(t, i),
                                           nacre_bytes_str(comment)) == NACRE_OK);
    }
    if (t->opaque.n > 0)
        PAIR_CHECK(nacre_agent_list_append(toy_out, sizeof toy_out, n, t->opaque,
                                           nacre_bytes_str("opaque")) == NACRE_OK);
    if (t->fault == TOY_RUBBISH_LIST)
        toy_out[8] ^= 0x40; /* the count */
}

static void toy_sign(const struct toy_agent *t, const struct nacre_agent_request *r, size_t *n)
{
    struct nacre_pubkey pub;
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    const struct nacre_privkey *key = NULL;
    char line[128];
    size_t len = 0;
    nacre_err err = nacre_pubkey_decode(&pub, r->key);

    (void)err; /* for the name alone */
    snprintf(line, sizeof line, "sign %u %.*s\n", (unsigned)r->flags, (int)pub.name.n,
             (const char *)pub.name.p);
    toy_note(t, line);
    for (int i = 0; i < TOY_KEYS && t->keys[i] != NULL; i++) {
        struct nacre_bytes blob = toy_blob(t, i);
        if (blob.n == r->key.n && memcmp(blob.p, r->key.p, blob.n) == 0)
            key = t->keys[t->fault == TOY_OTHER_KEY ? 1 - i : i];
    }
    if (key != NULL && t->fault != TOY_REFUSES) {
        const char *alg = r->flags == NACRE_AGENT_RSA_SHA2_256   ? "rsa-sha2-256"
                          : r->flags == NACRE_AGENT_RSA_SHA2_512 ? "rsa-sha2-512"
                                                                 : nacre_privkey_alg(key, 0);
        struct nacre_bytes data = r->data;
        if (t->fault == TOY_SIGNS_OTHER)
            data.n--;
        PAIR_CHECK(nacre_privkey_sign(key, nacre_bytes_str(alg), data, sig, sizeof sig, &len,
                                      &nacre_rng_os, toy_work) == NACRE_OK);
    } else if (r->key.n == t->opaque.n && t->fault != TOY_REFUSES) {
        static const uint8_t any[] = {0, 0, 0, 1, 'x', 0, 0, 0, 1, 'y'};
        memcpy(sig, any, len = sizeof any);
    }
    if (t->fault == TOY_SIGNS_RUBBISH)
        memset(sig, 7, len);
    PAIR_CHECK((len > 0 ? nacre_agent_put_signature(toy_out, sizeof toy_out, n,
                                                    (struct nacre_bytes){sig, len})
                        : nacre_agent_put_status(toy_out, sizeof toy_out, n,
                                                 NACRE_AGENT_FAILURE)) == NACRE_OK);
}

static void toy_add(const struct toy_agent *t, const struct nacre_agent_request *r)
{
    static struct nacre_privkey key;
    struct nacre_agent_add add;
    char line[256];

    PAIR_CHECK(nacre_agent_add_decode(&add, &key, r, toy_work) == NACRE_OK);
    snprintf(line, sizeof line, "add life %u confirm %d cert %d dests %d %.*s\n",
             (unsigned)add.limits.lifetime, add.limits.confirm, add.cert.n > 0,
             add.limits.dests.n > 0, (int)add.comment.n, (const char *)add.comment.p);
    toy_note(t, line);
}

static void toy_extension(const struct toy_agent *t, const struct nacre_agent_request *r)
{
    struct nacre_agent_bind b;
    char line[64];

    PAIR_CHECK(nacre_bytes_is(r->name, NACRE_AGENT_EXT_BIND));
    PAIR_CHECK(nacre_agent_bind_decode(&b, r->data, toy_work) == NACRE_OK);
    snprintf(line, sizeof line, "bind %d\n", b.forwarded);
    toy_note(t, line);
}

/* The reply is in toy_out; its length, 0 for none. */
static size_t toy_request(const struct toy_agent *t, struct toy_conn *c, struct nacre_bytes msg)
{
    struct nacre_agent_request r;
    enum nacre_agent_type status = NACRE_AGENT_SUCCESS;
    size_t n = 0;

    PAIR_CHECK(nacre_agent_request_decode(&r, msg) == NACRE_OK);
    if (t->fault == TOY_SILENT)
        return 0;
    switch (r.type) {
    case NACRE_AGENT_REQUEST_IDENTITIES:
        toy_note(t, "list\n");
        toy_list(t, &n);
        return n;
    case NACRE_AGENT_SIGN_REQUEST:
        toy_sign(t, &r, &n);
        return n;
    case NACRE_AGENT_ADD_IDENTITY:
    case NACRE_AGENT_ADD_ID_CONSTRAINED:
        if (c->bound)
            status = NACRE_AGENT_FAILURE;
        else
            toy_add(t, &r);
        break;
    case NACRE_AGENT_EXTENSION:
        toy_extension(t, &r);
        c->bound = true;
        break;
    default:
        toy_note(t, r.type == NACRE_AGENT_LOCK     ? "lock\n"
                    : r.type == NACRE_AGENT_UNLOCK ? "unlock\n"
                                                   : "other\n");
        break;
    }
    PAIR_CHECK(nacre_agent_put_status(toy_out, sizeof toy_out, &n, status) == NACRE_OK);
    return n;
}

/* False: the connection is over. */
static bool toy_serve(const struct toy_agent *t, struct toy_conn *c)
{
    struct nacre_bytes msg, stream;
    size_t used = 1, next, n;
    ssize_t got = read(c->fd, c->buf + c->n, TOY_BUF - c->n);

    if (got <= 0)
        return false;
    c->n += (size_t)got;
    while (used > 0) {
        stream = (struct nacre_bytes){c->buf, c->n};
        PAIR_CHECK(nacre_agent_frame(&msg, &used, &next, stream) == NACRE_OK);
        if (used == 0)
            break;
        if (t->fault == TOY_HANGS_UP && msg.p[0] == NACRE_AGENT_REQUEST_IDENTITIES)
            return false;
        n = toy_request(t, c, msg);
        if (n > 0 && write(c->fd, toy_out, n) != (ssize_t)n)
            return false;
        memmove(c->buf, c->buf + used, c->n - used);
        c->n -= used;
    }
    return true;
}

static void toy_accept(struct toy_conn *conns, int fd)
{
    for (int i = 0; i < TOY_CONNS; i++) {
        if (conns[i].buf == NULL) {
            conns[i].fd = fd;
            conns[i].n = 0;
            conns[i].bound = false;
            conns[i].buf = malloc(TOY_BUF);
            return;
        }
    }
    close(fd);
}

static void toy_run(const struct toy_agent *t, int lfd)
{
    static struct toy_conn conns[TOY_CONNS];
    struct pollfd p[TOY_CONNS + 1];

    for (;;) {
        p[TOY_CONNS] = (struct pollfd){.fd = lfd, .events = POLLIN};
        for (int i = 0; i < TOY_CONNS; i++)
            p[i] = (struct pollfd){.fd = conns[i].buf ? conns[i].fd : -1, .events = POLLIN};
        if (poll(p, TOY_CONNS + 1, -1) < 0)
            continue;
        for (int i = 0; i < TOY_CONNS; i++) {
            if (p[i].revents != 0 && !toy_serve(t, &conns[i])) {
                close(conns[i].fd);
                free(conns[i].buf);
                conns[i].buf = NULL;
            }
        }
        if (p[TOY_CONNS].revents != 0)
            toy_accept(conns, accept(lfd, NULL, NULL));
    }
}

void toy_agent_start(struct toy_agent *t)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd;

    strcpy(t->dir, "/tmp/nacre-agent-XXXXXX");
    PAIR_CHECK(mkdtemp(t->dir) != NULL);
    snprintf(t->path, sizeof t->path, "%s/agent", t->dir);
    snprintf(t->log, sizeof t->log, "%s/log", t->dir);
    memcpy(sa.sun_path, t->path, strlen(t->path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    PAIR_CHECK(fd >= 0 && bind(fd, (const struct sockaddr *)&sa, sizeof sa) == 0);
    PAIR_CHECK(listen(fd, 8) == 0);
    t->pid = fork();
    PAIR_CHECK(t->pid >= 0);
    if (t->pid == 0) {
        signal(SIGPIPE, SIG_IGN);
        alarm(120); /* should the test die */
        toy_run(t, fd);
    }
    close(fd);
}

void toy_agent_stop(struct toy_agent *t)
{
    kill(t->pid, SIGKILL);
    waitpid(t->pid, NULL, 0);
    unlink(t->path);
    unlink(t->log);
    rmdir(t->dir);
}

void toy_agent_log(const struct toy_agent *t, char *out, size_t cap)
{
    int fd = open(t->log, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, out, cap - 1) : 0;

    out[got > 0 ? got : 0] = '\0';
    if (fd >= 0)
        close(fd);
}
