/* SPDX-License-Identifier: ISC
 *
 * Programs on channels. A program runs in a session of its own, with a terminal or with three
 * pipes, whose near ends do not block; every other descriptor is close-on-exec. Its end is told at
 * once; the channel is closed when the pipes have ended too (a background process may still write
 * to them), or, with a terminal, when what the terminal holds has been read: as sshd does.
 *
 * The end of a program comes to us in two ways, its pipes' end first. EOF waits for its status,
 * since clients (PuTTY, dbclient) answer EOF with CLOSE, after which no status can be told; but not
 * for long: a program may close its output and go on.
 *
 * Children are reaped one by one, by number, when SIGCHLD came: other children of the process are
 * somebody else's.
 */
#include "server/inherit.h"
#include "server/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPAWN_EOF_MS 1000            /* from the end of all output to EOF, while the program runs */
#define SPAWN_PIPE_SIZE (256 * 1024) /* four times the default: fewer turns at bulk */

struct ncr_spawn {
    struct nacre_server *server;
    struct nacre_peer *peer; /* NULL: the channel is gone */
    uint32_t chan;
    pid_t pid;
    bool exited, told, tty;
    int status;
    struct ncr_timer patience; /* EOF is held until then */
    struct ncr_spawn *next;
};

/* ---- The child --------------------------------------------------------------------------- */

static void spawn_complain(const char *what, const char *of)
{
    dprintf(STDERR_FILENO, "%s: %s: %s\n", of, what, strerror(errno));
}

/* Runs in the child; fds are stdin, stdout, stderr, all over 2. */
static void spawn_child(struct ncr_loop *l, const struct ncr_spawn_how *how, const int fds[3])
{
    ncr_loop_child(l);
    ncr_inherit_signals();
    if (setsid() < 0) {
        _exit(255);
    }
    if (how->tty >= 0 && ioctl(how->tty, TIOCSCTTY, 0) != 0) {
        _exit(255);
    }
    for (int i = 0; i < 3; i++) {
        if (dup2(fds[i], i) < 0) {
            _exit(255);
        }
    }
    if (how->dir != NULL && chdir(how->dir) != 0) {
        spawn_complain("Could not change directory", how->dir);
    }
    execve(how->file, how->argv, how->envp);
    spawn_complain("Could not start", how->file);
    _exit(127);
}

/* ---- Pipes ------------------------------------------------------------------------------- */

/* near: stdin to write, stdout and stderr to read; far: the program's ends. */
struct spawn_pipes {
    int near[3], far[3];
};

static void spawn_close3(int fds[3])
{
    for (int i = 0; i < 3; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
        fds[i] = -1;
    }
}

static bool spawn_pipe(struct spawn_pipes *s, int i)
{
    int p[2];
    if (!ncr_pipe(p)) {
        return false;
    }
    s->near[i] = i == 0 ? p[1] : p[0];
    s->far[i] = i == 0 ? p[0] : p[1];
    if (i < 2) {
        (void)fcntl(s->near[i], F_SETPIPE_SZ, SPAWN_PIPE_SIZE); /* the default does, only slower */
    }
    return ncr_fd_nonblock(s->near[i], true);
}

static bool spawn_pipes_make(struct spawn_pipes *s)
{
    for (int i = 0; i < 3; i++) {
        s->near[i] = s->far[i] = -1;
    }
    if (spawn_pipe(s, 0) && spawn_pipe(s, 1) && spawn_pipe(s, 2)) {
        return true;
    }
    spawn_close3(s->near);
    spawn_close3(s->far);
    return false;
}

/* ---- The end of a child ------------------------------------------------------------------ */

static const struct {
    int signo;
    const char *name;
} spawn_signames[] = {
    {SIGABRT, "ABRT"}, {SIGALRM, "ALRM"}, {SIGFPE, "FPE"},   {SIGHUP, "HUP"},   {SIGILL, "ILL"},
    {SIGINT, "INT"},   {SIGKILL, "KILL"}, {SIGPIPE, "PIPE"}, {SIGQUIT, "QUIT"}, {SIGSEGV, "SEGV"},
    {SIGTERM, "TERM"}, {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"},
};

/* Names of RFC 4254 6.9; others by number, with a domain as 6.10 wants it. */
static const char *spawn_signame(int signo, char buf[16])
{
    for (size_t i = 0; i < sizeof spawn_signames / sizeof *spawn_signames; i++) {
        if (spawn_signames[i].signo == signo) {
            return spawn_signames[i].name;
        }
    }
    (void)snprintf(buf, 16, "SIG%d@nacre", signo); /* cut: a name all the same */
    return buf;
}

static void spawn_tell(struct ncr_spawn *w)
{
    struct ncr_peer_chan *c = ncr_peer_chan(w->peer, w->chan);
    char buf[16];
    if (WIFSIGNALED(w->status)) {
        const char *name = spawn_signame(WTERMSIG(w->status), buf);
        c->owed_core = WCOREDUMP(w->status);
        (void)snprintf(c->owed_signal, sizeof c->owed_signal, "%s", name); /* fits */
        c->owed = (uint8_t)(c->owed | NCR_CHAN_OWES_SIGNAL);
    } else {
        c->owed_status = (uint32_t)WEXITSTATUS(w->status);
        c->owed = (uint8_t)(c->owed | NCR_CHAN_OWES_STATUS);
    }
    c->owed = (uint8_t)(c->owed | NCR_CHAN_OWES_EOF | NCR_CHAN_OWES_CLOSE);
    w->told = true;
}

/* Others may hold a terminal open for ever; what was written to it before is all that is read. */
static void spawn_end_tty(struct ncr_relay *r)
{
    struct pollfd pfd = {.fd = r->source[0].fd, .events = POLLIN};
    if (!r->source[0].ended && poll(&pfd, 1, 0) == 0) {
        nacre_err err = ncr_relay_end_source(r, 0);
        (void)err; /* the connection's, and sticks there */
    }
}

void ncr_spawn_settle(struct nacre_peer *p, uint32_t chan)
{
    struct ncr_peer_chan *c = ncr_peer_chan(p, chan);
    struct ncr_spawn *w = c->spawn;
    if (!w->exited) {
        return;
    }
    if (!w->told) {
        spawn_tell(w);
    }
    if (w->tty && c->relay != NULL) {
        spawn_end_tty(c->relay);
    }
}

/* The program runs on without output. */
static void spawn_impatient(void *ctx)
{
    struct ncr_spawn *w = ctx;
    struct ncr_peer_chan *c = ncr_peer_chan(w->peer, w->chan);
    if (c->relay != NULL) {
        nacre_err err = ncr_relay_let_eof(c->relay);
        (void)err; /* the connection's, and sticks there */
        ncr_drive_kick(&w->peer->drive);
    }
}

static void spawn_ended(void *ctx, struct ncr_relay *r)
{
    struct nacre_peer *p = ctx;
    struct ncr_peer_chan *c = ncr_peer_chan(p, r->chan);
    if (c != NULL && c->spawn != NULL) {
        ncr_loop_timer_set(&p->server->loop, &c->spawn->patience, ncr_clock_ms() + SPAWN_EOF_MS);
    }
}

/* Keeps EOF back until the program has ended. */
static nacre_err spawn_hold_eof(struct nacre_peer *p, uint32_t chan)
{
    struct ncr_peer_chan *c = ncr_peer_chan(p, chan);
    nacre_err err =
        ncr_loop_timer(&p->server->loop, &c->spawn->patience, spawn_impatient, c->spawn);
    if (err == NACRE_OK) {
        c->relay->ended = spawn_ended;
        c->relay->hold_eof = true;
    }
    return err;
}

static void spawn_unlink(struct ncr_spawn *w)
{
    struct ncr_spawn **at = &w->server->children;
    while (*at != w) {
        at = &(*at)->next;
    }
    *at = w->next;
}

static void spawn_reap(void *ctx, int signo)
{
    struct nacre_server *s = ctx;
    (void)signo; /* there is one */
    for (struct ncr_spawn *w = s->children, *next; w != NULL; w = next) {
        next = w->next;
        if (w->exited || waitpid(w->pid, &w->status, WNOHANG) != w->pid) {
            continue;
        }
        w->exited = true;
        if (w->peer != NULL) {
            ncr_chan_room(w->peer, w->chan);
            ncr_drive_kick(&w->peer->drive);
        } else {
            spawn_unlink(w);
            free(w);
        }
    }
}

void ncr_spawn_forget(struct nacre_peer *p, struct ncr_peer_chan *c)
{
    struct ncr_spawn *w = c->spawn;
    (void)p;
    ncr_loop_timer_remove(&w->server->loop, &w->patience);
    c->spawn = NULL;
    w->peer = NULL;
    if (w->exited) {
        spawn_unlink(w);
        free(w);
    }
}

void ncr_spawn_free(struct nacre_server *s)
{
    while (s->children != NULL) {
        struct ncr_spawn *w = s->children;
        s->children = w->next;
        free(w);
    }
}

bool ncr_spawn_kill(struct nacre_peer *p, uint32_t chan, int signo)
{
    struct ncr_peer_chan *c = ncr_peer_chan(p, chan);
    if (c == NULL || c->spawn == NULL || c->spawn->exited || c->spawn->pid <= 1) {
        return false;
    }
    return kill(-c->spawn->pid, signo) == 0;
}

/* ---- Starting ---------------------------------------------------------------------------- */

static nacre_err spawn_signal(struct nacre_server *s)
{
    if (s->child_signal) {
        return NACRE_OK;
    }
    nacre_err err = ncr_loop_signal(&s->loop, SIGCHLD, spawn_reap, s);
    s->child_signal = err == NACRE_OK;
    return err;
}

/* Forks; the parent has the child in its list. */
static nacre_err spawn_fork(struct nacre_peer *p, uint32_t chan, const struct ncr_spawn_how *how,
                            const int fds[3])
{
    struct nacre_server *s = p->server;
    struct ncr_spawn *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return NACRE_ERR_NO_MEMORY;
    }
    w->pid = fork();
    if (w->pid == 0) {
        spawn_child(&s->loop, how, fds);
    }
    if (w->pid < 0) {
        free(w);
        return NACRE_ERR_IO;
    }
    w->server = s;
    w->peer = p;
    w->chan = chan;
    w->tty = how->tty >= 0;
    w->next = s->children;
    s->children = w;
    ncr_peer_chan(p, chan)->spawn = w;
    return NACRE_OK;
}

static nacre_err spawn_piped(struct nacre_peer *p, uint32_t chan, const struct ncr_spawn_how *how)
{
    struct spawn_pipes pipes;
    if (!spawn_pipes_make(&pipes)) {
        return NACRE_ERR_IO;
    }
    nacre_err err = spawn_fork(p, chan, how, pipes.far);
    spawn_close3(pipes.far);
    if (err != NACRE_OK) {
        spawn_close3(pipes.near);
        return err;
    }
    return ncr_chan_attach(p, chan, pipes.near[0], pipes.near[1], pipes.near[2], NCR_RELAY_EOW);
}

static nacre_err spawn_on_tty(struct nacre_peer *p, uint32_t chan, const struct ncr_spawn_how *how)
{
    int fds[3] = {how->tty, how->tty, how->tty};
    nacre_err err = ncr_fd_nonblock(how->tty_master, true) ? NACRE_OK : NACRE_ERR_IO;
    if (err == NACRE_OK) {
        err = spawn_fork(p, chan, how, fds);
    }
    if (err != NACRE_OK) {
        close(how->tty_master);
        return err;
    }
    return ncr_chan_attach(p, chan, how->tty_master, how->tty_master, -1, 0);
}

nacre_err ncr_spawn(struct nacre_peer *p, uint32_t chan, const struct ncr_spawn_how *how,
                    pid_t *pid)
{
    struct ncr_peer_chan *c = ncr_peer_chan(p, chan);
    if (c == NULL || c->spawn != NULL || c->relay != NULL || c->sftp != NULL) {
        return NACRE_ERR_USAGE;
    }
    nacre_err err = spawn_signal(p->server);
    if (err == NACRE_OK) {
        err = how->tty >= 0 ? spawn_on_tty(p, chan, how) : spawn_piped(p, chan, how);
    }
    if (err == NACRE_OK) {
        err = spawn_hold_eof(p, chan);
    }
    if (err != NACRE_OK && c->spawn != NULL) {
        (void)ncr_spawn_kill(p, chan, SIGKILL); /* started, but could not be joined */
    } else if (err == NACRE_OK && pid != NULL) {
        *pid = c->spawn->pid;
    }
    return err;
}

nacre_err nacre_peer_spawn(struct nacre_peer *p, uint32_t chan, char *const argv[],
                           char *const envp[], const char *dir)
{
    struct ncr_spawn_how how = {
        .file = argv[0], .argv = argv, .envp = envp, .dir = dir, .tty = -1, .tty_master = -1};
    return ncr_spawn(p, chan, &how, NULL);
}
