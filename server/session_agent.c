/* SPDX-License-Identifier: ISC
 *
 * The client's agent in the session process (auth-agent-req@openssh.com): a socket that the user's
 * programs find in SSH_AUTH_SOCK, each connection to which is a channel to the client
 * (auth-agent@openssh.com).
 *
 * The socket lies in a new directory that the user alone can enter, made with the user's identity;
 * only that user's programs, and root's, are served (S63). What is removed at the end is what was
 * made here: a path that has become something else stays.
 */
#include "server/session_posix.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SAGENT_TYPE "auth-agent@openssh.com"
#define SAGENT_REQUEST "auth-agent-req@openssh.com"
#define SAGENT_DIR "/tmp/nacre-XXXXXX"
#define SAGENT_BACKLOG 16
#define SAGENT_ACCEPTS 8  /* per wake-up */
#define SAGENT_AGAIN_MS 5 /* until a channel that found no room is opened again */

struct ncr_session_agent {
    struct ncr_session *s;
    char dir[sizeof SAGENT_DIR];
    char path[sizeof SAGENT_DIR + 32];
    dev_t dev; /* of the socket, as it was made */
    ino_t ino;
    struct ncr_watch watch;           /* fd -1: not listening */
    struct ncr_session_chan *waiting; /* accepted, but there was no room to open its channel */
    struct ncr_timer again;
};

const char *ncr_session_agent_path(const struct ncr_session *s)
{
    return s->agent != NULL ? s->agent->path : NULL;
}

/* ---- Connections ------------------------------------------------------------------------- */

static void sagent_drop(struct ncr_session_agent *a)
{
    if (a->waiting != NULL) {
        close(a->waiting->forward_fd);
        free(a->waiting);
    }
    a->waiting = NULL;
}

/* Opens the channel of the connection that waits; a moment later if bulk data leaves no room. */
static void sagent_open(void *ctx)
{
    struct ncr_session_agent *a = ctx;
    struct nacre_peer *p = a->s->peer;
    struct ncr_loop *l = &a->s->server->loop;
    struct nacre_bytes none = {NULL, 0};
    uint32_t chan = 0;
    nacre_err err = nacre_chan_open(nacre_peer_conn(p), SAGENT_TYPE, none, &chan);
    ncr_loop_want(l, &a->watch, err != NACRE_ERR_NO_ROOM ? NCR_LOOP_READ : 0);
    if (err == NACRE_ERR_NO_ROOM) {
        ncr_loop_timer_set(l, &a->again, ncr_clock_ms() + SAGENT_AGAIN_MS);
        return;
    }
    if (err == NACRE_OK) {
        nacre_peer_set_chan_data(p, chan, a->waiting);
        a->waiting = NULL;
    }
    sagent_drop(a);
    nacre_peer_kick(p);
}

/* The directory keeps others out; should it have been opened up, the peer's identity still does. */
static bool sagent_known(int fd)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && n == sizeof peer &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static void sagent_accepted(struct ncr_session_agent *a, int fd)
{
    a->waiting = sagent_known(fd) ? calloc(1, sizeof *a->waiting) : NULL;
    if (a->waiting == NULL) {
        close(fd);
        return;
    }
    a->waiting->forward_fd = fd;
    a->waiting->master = a->waiting->slave = -1;
    sagent_open(a);
}

static void sagent_ready(void *ctx, unsigned ready)
{
    struct ncr_session_agent *a = ctx;
    (void)ready; /* there is only reading */
    for (int i = 0; i < SAGENT_ACCEPTS && a->waiting == NULL; i++) {
        int fd = ncr_accept(a->watch.fd, NULL, NULL);
        if (fd < 0) {
            return;
        }
        sagent_accepted(a, fd);
    }
}

/* ---- The socket -------------------------------------------------------------------------- */

static int sagent_bind(struct ncr_session_agent *a)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    struct stat st;
    memcpy(sa.sun_path, a->path, strlen(a->path) + 1); /* shorter: see its array */
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    mode_t before = umask(0177);
    bool ok = fd >= 0 && ncr_fd_cloexec(fd) && ncr_fd_nonblock(fd, true) &&
              bind(fd, (const struct sockaddr *)&sa, sizeof sa) == 0;
    umask(before);
    ok = ok && lstat(a->path, &st) == 0 && S_ISSOCK(st.st_mode) && listen(fd, SAGENT_BACKLOG) == 0;
    if (ok) {
        a->dev = st.st_dev;
        a->ino = st.st_ino;
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}
_Static_assert(sizeof((struct ncr_session_agent *)0)->path <=
                   sizeof((struct sockaddr_un *)0)->sun_path,
               "a socket's name");

/* Removes the socket, if it is still the one that was made, and its directory, if it is empty. */
static void sagent_remove(struct ncr_session_agent *a)
{
    struct stat st;
    if (a->ino != 0 && lstat(a->path, &st) == 0 && st.st_dev == a->dev && st.st_ino == a->ino) {
        unlink(a->path);
    }
    if (a->dir[0] != '\0') {
        rmdir(a->dir);
    }
}

static void sagent_free(struct ncr_session_agent *a)
{
    struct ncr_loop *l = &a->s->server->loop;
    int fd = a->watch.fd;
    ncr_loop_unwatch(l, &a->watch);
    ncr_loop_timer_remove(l, &a->again);
    sagent_drop(a);
    if (fd >= 0) {
        close(fd);
    }
    sagent_remove(a);
    free(a);
}

/* The monitor has gone, or wants us gone: what was made is removed on the way out. */
static void sagent_stop(void *ctx, int signo)
{
    struct ncr_session *s = ctx;
    (void)signo; /* one */
    nacre_server_stop(s->server);
}

static bool sagent_listen(struct ncr_session_agent *a)
{
    struct ncr_loop *l = &a->s->server->loop;
    memcpy(a->dir, SAGENT_DIR, sizeof a->dir);
    if (mkdtemp(a->dir) == NULL) { /* 0700 */
        a->dir[0] = '\0';
        return false;
    }
    snprintf(a->path, sizeof a->path, "%s/agent.%ld", a->dir, (long)getpid());
    int fd = sagent_bind(a);
    if (fd < 0) {
        return false;
    }
    if (ncr_loop_timer(l, &a->again, sagent_open, a) == NACRE_OK &&
        ncr_loop_signal(l, SIGTERM, sagent_stop, a->s) == NACRE_OK &&
        ncr_loop_watch(l, &a->watch, fd, NCR_LOOP_READ, sagent_ready, a) == NACRE_OK) {
        return true;
    }
    close(fd);
    a->watch.fd = -1;
    return false;
}

bool ncr_session_agent_request(struct ncr_session *s, const struct nacre_event *ev)
{
    if (!nacre_bytes_is(ev->request.name, SAGENT_REQUEST)) {
        return false;
    }
    if (!ncr_rights_agent(s->rights) || s->agent != NULL) {
        ncr_log(&s->log, NCR_LOG_INFO, "refused agent forwarding of user %s%s", s->account->name,
                s->agent != NULL ? ": requested twice" : "");
        return false;
    }
    struct ncr_session_agent *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return false;
    }
    a->s = s;
    a->watch.fd = -1;
    if (!sagent_listen(a)) {
        ncr_log(&s->log, NCR_LOG_ERROR, "no socket for the agent of user %s: %s", s->account->name,
                strerror(errno));
        sagent_free(a);
        return false;
    }
    s->agent = a;
    ncr_log(&s->log, NCR_LOG_DEBUG1, "agent forwarding to %s", a->path);
    return true;
}

void ncr_session_agent_end(struct ncr_session *s)
{
    if (s->agent != NULL) {
        sagent_free(s->agent);
    }
    s->agent = NULL;
}
