/* SPDX-License-Identifier: ISC
 *
 * The session process: takes the engine over when the monitor has accepted the user, becomes that
 * user for good, and serves channels with the server library: shells, commands, terminals, SFTP;
 * forwarding is in session_forward.c. RFC 4254 section 6.
 *
 * A forced command takes the place of whatever the client asks for, and then neither signals nor
 * other requests reach anything else.
 */
#include "server/session_posix.h"

#include "proto/posix/file.h"
#include "server/host_keys_update.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#define SESSION_MOTD "/etc/motd"
#define SESSION_MOTD_MAX 4096 /* what a terminal takes without being read */
#define SESSION_INTERNAL_SFTP "internal-sftp"

static struct ncr_session session_state; /* zero: one process serves one connection */

/* ---- Channels ---------------------------------------------------------------------------- */

static struct ncr_session_chan *session_chan(struct nacre_peer *p, const struct nacre_event *ev)
{
    struct ncr_session_chan *c = nacre_peer_chan_data(p, ev->chan);
    return c != NULL && c->session ? c : NULL;
}

static enum nacre_when session_open(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                    struct nacre_answer *ans)
{
    struct ncr_session *s = ctx;
    if (s->no_more || s->n_sessions >= s->m->cfg->max_sessions) {
        ncr_log(&s->log, NCR_LOG_INFO, "no more sessions");
        ans->text = "open failed";
        return NACRE_NOW;
    }
    struct ncr_session_chan *c = calloc(1, sizeof *c);
    if (c == NULL) {
        ans->reason = NACRE_OPEN_RESOURCE_SHORTAGE;
        return NACRE_NOW;
    }
    c->session = true;
    c->forward_fd = c->master = c->slave = -1;
    nacre_peer_set_chan_data(p, ev->chan, c);
    s->n_sessions++;
    ans->verdict = NACRE_ACCEPT;
    return NACRE_NOW;
}

static void session_close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

static void session_closed(void *ctx, struct nacre_peer *p, uint32_t chan)
{
    struct ncr_session *s = ctx;
    struct ncr_session_chan *c = nacre_peer_chan_data(p, chan);
    if (c == NULL) {
        return;
    }
    s->n_sessions -= c->session ? 1 : 0;
    session_close_fd(&c->master);
    session_close_fd(&c->slave);
    session_close_fd(&c->forward_fd);
    for (size_t i = 0; i < c->n_env; i++) {
        free(c->env[i]);
    }
    if (c->has_fs) {
        nacre_fs_posix_close(&c->posix);
    }
    nacre_peer_set_chan_data(p, chan, NULL);
    free(c);
}

/* ---- Terminal and environment ------------------------------------------------------------ */

static bool session_text(char *out, size_t cap, struct nacre_bytes b)
{
    for (size_t i = 0; i < b.n; i++) {
        if (b.p[i] < 0x21 || b.p[i] > 0x7e) {
            return false;
        }
    }
    if (b.n >= cap) {
        return false;
    }
    memcpy(out, b.p, b.n);
    out[b.n] = '\0';
    return true;
}

/* Root lets the monitor open it: only root can give it to the group tty. */
static bool session_pty_open(struct ncr_session *s, struct ncr_session_chan *c)
{
    struct ncr_mon_msg reply, ask = {.type = NCR_MON_PTY, .fds = {-1, -1}};
    if (!ncr_mon_ask(s->m->sock, &ask, &reply, s->buf)) {
        return false;
    }
    c->master = reply.fds[0];
    c->slave = reply.fds[1];
    return reply.type == NCR_MON_REPLY && c->master >= 0 && c->slave >= 0 &&
           session_text(c->tty, sizeof c->tty, reply.field[0]);
}

static void session_pty_modes(const struct ncr_session_chan *c, struct nacre_bytes modes)
{
    struct termios t;
    if (tcgetattr(c->slave, &t) == 0) {
        (void)ncr_tty_modes_decode(&t, modes);  /* what is malformed changes nothing */
        (void)tcsetattr(c->slave, TCSANOW, &t); /* a mode that does not exist here is left out */
    }
    (void)ncr_tty_set_size(c->slave, &c->size);
}

static enum nacre_when session_pty(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                   struct nacre_answer *ans)
{
    struct ncr_session *s = ctx;
    struct ncr_session_chan *c = session_chan(p, ev);
    const struct nacre_request *r = &ev->request;
    struct ncr_tty_size size = {r->cols, r->rows, r->width_px, r->height_px};
    uint8_t modes[1024]; /* asking the monitor takes a while, but no call of the engine */
    size_t n = r->data.n < sizeof modes ? r->data.n : sizeof modes;
    if (c == NULL || c->started || c->master >= 0 || !ncr_rights_pty(s->rights) ||
        !session_text(c->term, sizeof c->term, r->text)) {
        return NACRE_NOW;
    }
    if (n > 0) {
        memcpy(modes, r->data.p, n);
    }
    c->size = size;
    if (!session_pty_open(s, c)) {
        session_close_fd(&c->master);
        session_close_fd(&c->slave);
        c->tty[0] = '\0';
        ncr_log(&s->log, NCR_LOG_ERROR, "no terminal for user %s", s->account->name);
        return NACRE_NOW;
    }
    session_pty_modes(c, (struct nacre_bytes){modes, n});
    ans->verdict = NACRE_ACCEPT;
    return NACRE_NOW;
}

static enum nacre_when session_env(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                   struct nacre_answer *ans)
{
    struct ncr_session *s = ctx;
    struct ncr_session_chan *c = session_chan(p, ev);
    if (c != NULL && !c->started &&
        ncr_session_env_add(s->m->cfg, c, ev->request.text, ev->request.data)) {
        ans->verdict = NACRE_ACCEPT;
    }
    return NACRE_NOW;
}

/* ---- Programs ---------------------------------------------------------------------------- */

static const char *session_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static void session_motd(const struct ncr_session *s, const struct ncr_session_chan *c)
{
    char hush[NCR_ACCOUNT_PATH_MAX + 16];
    struct ncr_file f;
    snprintf(hush, sizeof hush, "%s/.hushlogin", s->account->home);
    if (!s->m->cfg->print_motd || access(hush, F_OK) == 0 ||
        ncr_file_read(&f, SESSION_MOTD, SESSION_MOTD_MAX) != NACRE_OK) {
        return;
    }
    ssize_t n = f.n > 0 ? write(c->slave, f.p, f.n) : 0;
    (void)n; /* a greeting: what does not fit is left out */
    ncr_file_wipe(&f);
}

/* Runs the user's shell: a login shell if command is NULL. */
static bool session_run(struct ncr_session *s, struct nacre_peer *p, uint32_t chan,
                        struct ncr_session_chan *c, char *command, struct nacre_bytes original)
{
    char name[NCR_ACCOUNT_PATH_MAX + 1];
    snprintf(name, sizeof name, "%s%s", command == NULL ? "-" : "",
             session_base(s->account->shell));
    char dash_c[] = "-c";
    char *argv[] = {name, command != NULL ? dash_c : NULL, command, NULL};
    char **envp = ncr_session_env(s, c, original);
    struct ncr_spawn_how how = {.file = s->account->shell,
                                .argv = argv,
                                .envp = envp,
                                .dir = s->account->home,
                                .tty = c->slave,
                                .tty_master = c->master};
    if (envp == NULL) {
        return false;
    }
    if (command == NULL && c->slave >= 0) {
        session_motd(s, c);
    }
    c->master = -1; /* the library's from here on */
    nacre_err err = ncr_spawn(p, chan, &how, NULL);
    session_close_fd(&c->slave);
    free(envp);
    if (err != NACRE_OK) {
        ncr_log(&s->log, NCR_LOG_ERROR, "could not start a program for user %s: %s",
                s->account->name, strerror(errno));
    }
    return err == NACRE_OK;
}

static bool session_sftp(struct nacre_peer *p, uint32_t chan, struct ncr_session_chan *c)
{
    static const struct nacre_fs_posix_cfg cfg; /* no root: as the user, from the home */
    if (nacre_fs_posix_init(&c->fs, &c->posix, &cfg) != NACRE_OK) {
        return false;
    }
    c->has_fs = true;
    return nacre_peer_sftp(p, chan, &c->fs) == NACRE_OK;
}

/* "internal-sftp", alone or with arguments, of which none is supported. */
static bool session_is_internal(struct nacre_bytes command)
{
    return nacre_bytes_is(command, SESSION_INTERNAL_SFTP);
}

/* One of shell, exec, subsystem: what runs is decided here. asked.p NULL: a shell. */
static bool session_start(struct ncr_session *s, struct nacre_peer *p, const struct nacre_event *ev,
                          struct nacre_bytes asked)
{
    struct ncr_session_chan *c = session_chan(p, ev);
    struct nacre_bytes forced = ncr_rights_command(s->rights), none = {NULL, 0};
    struct nacre_bytes run = forced.p != NULL ? forced : asked;
    if (c == NULL || c->started || (run.n > 0 && memchr(run.p, '\0', run.n) != NULL)) {
        return false;
    }
    c->started = true;
    ncr_log(&s->log, NCR_LOG_VERBOSE, "Starting session: %s for %s from %s port %u id %u",
            forced.p != NULL  ? "forced-command"
            : asked.p != NULL ? "command"
                              : "shell",
            s->account->name, s->m->addr, (unsigned)s->m->port, (unsigned)ev->chan);
    if (run.p != NULL && session_is_internal(run)) {
        return session_sftp(p, ev->chan, c);
    }
    char *command = run.p != NULL ? malloc(run.n + 1) : NULL;
    if (run.p != NULL && command == NULL) {
        return false;
    }
    if (command != NULL) {
        memcpy(command, run.p, run.n);
        command[run.n] = '\0';
    }
    bool ok = session_run(s, p, ev->chan, c, command, forced.p != NULL ? asked : none);
    free(command);
    return ok;
}

static enum nacre_when session_shell(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                     struct nacre_answer *ans)
{
    struct nacre_bytes none = {NULL, 0};
    ans->verdict = session_start(ctx, p, ev, none) ? NACRE_ACCEPT : NACRE_REFUSE;
    return NACRE_NOW;
}

static enum nacre_when session_exec(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                    struct nacre_answer *ans)
{
    struct nacre_bytes command = ev->request.data;
    if (command.p == NULL) {
        command = nacre_bytes_str(""); /* an empty command is not a shell */
    }
    ans->verdict = session_start(ctx, p, ev, command) ? NACRE_ACCEPT : NACRE_REFUSE;
    return NACRE_NOW;
}

static enum nacre_when session_subsystem(void *ctx, struct nacre_peer *p,
                                         const struct nacre_event *ev, struct nacre_answer *ans)
{
    struct ncr_session *s = ctx;
    const char *command = ncr_sshd_config_subsystem(s->m->cfg, ev->request.data);
    if (command == NULL) {
        ncr_log(&s->log, NCR_LOG_INFO, "subsystem request failed, subsystem not found");
        return NACRE_NOW;
    }
    ans->verdict = session_start(s, p, ev, nacre_bytes_str(command)) ? NACRE_ACCEPT : NACRE_REFUSE;
    return NACRE_NOW;
}

/* ---- Requests while a program runs ------------------------------------------------------- */

static const struct {
    const char *name;
    int signo;
} session_signals[] = {
    {"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"FPE", SIGFPE},   {"HUP", SIGHUP},   {"ILL", SIGILL},
    {"INT", SIGINT},   {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV},
    {"TERM", SIGTERM}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
};

static bool session_signal(struct ncr_session *s, struct nacre_peer *p,
                           const struct nacre_event *ev)
{
    struct ncr_session_chan *c = session_chan(p, ev);
    if (c == NULL || !c->started || ncr_rights_command(s->rights).p != NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof session_signals / sizeof *session_signals; i++) {
        if (nacre_bytes_is(ev->request.text, session_signals[i].name)) {
            return ncr_spawn_kill(p, ev->chan, session_signals[i].signo);
        }
    }
    return false;
}

/* The master end of the channel's terminal; -1: none, or closed already. */
static int session_master(struct nacre_peer *p, const struct nacre_event *ev)
{
    struct ncr_session_chan *c = session_chan(p, ev);
    struct ncr_peer_chan *pc = ncr_peer_chan(p, ev->chan);
    if (c == NULL || c->tty[0] == '\0' || pc == NULL) {
        return -1;
    }
    return c->started && pc->relay != NULL ? pc->relay->source[0].fd : c->master;
}

static bool session_window(struct nacre_peer *p, const struct nacre_event *ev)
{
    const struct nacre_request *r = &ev->request;
    struct ncr_tty_size size = {r->cols, r->rows, r->width_px, r->height_px};
    int fd = session_master(p, ev);
    return fd >= 0 && ncr_tty_set_size(fd, &size);
}

static bool session_break(struct nacre_peer *p, const struct nacre_event *ev)
{
    int fd = session_master(p, ev);
    return fd >= 0 && tcsendbreak(fd, 0) == 0;
}

static enum nacre_when session_request(void *ctx, struct nacre_peer *p,
                                       const struct nacre_event *ev, struct nacre_answer *ans)
{
    bool ok = false;
    switch (ev->request.kind) {
    case NACRE_REQ_SIGNAL:
        ok = session_signal(ctx, p, ev);
        break;
    case NACRE_REQ_WINDOW_CHANGE:
        ok = session_window(p, ev);
        break;
    case NACRE_REQ_BREAK:
        ok = session_break(p, ev);
        break;
    case NACRE_REQ_OTHER:
        ok = session_chan(p, ev) != NULL && ncr_session_agent_request(ctx, ev);
        break;
    default:
        break;
    }
    ans->verdict = ok ? NACRE_ACCEPT : NACRE_REFUSE;
    return NACRE_NOW;
}

/* By the monitor: no host key is here. */
static bool session_sign_proof(void *ctx, struct nacre_bytes alg, struct nacre_bytes blob,
                               uint8_t *sig, size_t cap, size_t *n)
{
    struct ncr_session *s = ctx;
    struct ncr_mon_msg reply, ask = {.type = NCR_MON_PROVE, .field = {alg, blob}, .fds = {-1, -1}};
    if (!ncr_mon_ask(s->m->sock, &ask, &reply, s->buf) || reply.type != NCR_MON_REPLY ||
        reply.field[0].n > cap) {
        return false;
    }
    *n = reply.field[0].n;
    memcpy(sig, reply.field[0].p, *n);
    return true;
}

static enum nacre_when session_prove(struct ncr_session *s, struct nacre_peer *p,
                                     const struct nacre_event *ev)
{
    struct ncr_prover prover = {.sign = session_sign_proof,
                                .ctx = s,
                                .blobs = s->m->engine.host_keys,
                                .n_blobs = s->m->engine.n_host_keys};
    return ncr_host_keys_prove(p, ev, &prover);
}

static enum nacre_when session_global(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                      struct nacre_answer *ans)
{
    struct ncr_session *s = ctx;
    if (ev->global.kind == NACRE_GLOBAL_HOSTKEYS_PROVE) {
        return session_prove(s, p, ev);
    }
    if (ev->global.kind == NACRE_GLOBAL_NO_MORE_SESSIONS) {
        s->no_more = true;
        ans->verdict = NACRE_ACCEPT;
    }
    return NACRE_NOW;
}

/* ---- Keys and the end -------------------------------------------------------------------- */

static enum nacre_when session_sign(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                    struct nacre_answer *ans)
{
    struct ncr_session *s = ctx;
    struct ncr_mon_msg reply,
        ask = {.type = NCR_MON_SIGN, .field = {ev->alg, ev->blob, ev->data}, .fds = {-1, -1}};
    (void)p; /* there is one */
    if (ncr_mon_ask(s->m->sock, &ask, &reply, s->buf) && reply.type == NCR_MON_REPLY) {
        ans->verdict = NACRE_ACCEPT;
        ans->data = reply.field[0];
    }
    return NACRE_NOW;
}

static void session_gone(void *ctx, struct nacre_peer *p, nacre_err err)
{
    struct ncr_session *s = ctx;
    struct nacre_errinfo info = nacre_conn_errinfo(nacre_peer_conn(p));
    const struct ncr_monitor *m = s->m;
    if (err == NACRE_ERR_PEER_DISCONNECT) {
        ncr_log(&s->log, NCR_LOG_INFO, "Received disconnect from %s port %u:%u: %.*s", m->addr,
                (unsigned)m->port, (unsigned)info.peer_reason,
                (int)(info.peer_text.n < 256 ? info.peer_text.n : 256),
                info.peer_text.p != NULL ? (const char *)info.peer_text.p : "");
        ncr_log(&s->log, NCR_LOG_INFO, "Disconnected from user %s %s port %u", s->account->name,
                m->addr, (unsigned)m->port);
    } else if (err == NACRE_ERR_PEER_CLOSED || err == NACRE_ERR_CLOSED) {
        ncr_log(&s->log, NCR_LOG_INFO, "Connection closed by user %s %s port %u", s->account->name,
                m->addr, (unsigned)m->port);
    } else {
        ncr_log(&s->log, NCR_LOG_INFO, "Disconnecting user %s %s port %u: %s%s%s (%s in %s)",
                s->account->name, m->addr, (unsigned)m->port, nacre_err_text(err),
                info.what[0] != '\0' ? ": " : "", info.what, info.msg_name, info.phase);
    }
    nacre_server_stop(s->server);
}

static const struct nacre_server_hooks session_hooks = {
    .gone = session_gone,
    .sign = session_sign,
    .open_session = session_open,
    .open_tcpip = ncr_session_open_tcpip,
    .pty = session_pty,
    .env = session_env,
    .shell = session_shell,
    .exec = session_exec,
    .subsystem = session_subsystem,
    .request = session_request,
    .forward = ncr_session_forward,
    .cancel_forward = ncr_session_cancel,
    .global = session_global,
    .closed = session_closed,
    .opened = ncr_session_opened,
    .open_failed = ncr_session_open_failed,
};

/* ---- The process ------------------------------------------------------------------------- */

static bool session_become(struct ncr_session *s)
{
    if (geteuid() == 0 && !ncr_account_become(s->account)) {
        ncr_log(&s->log, NCR_LOG_FATAL, "cannot become user %s: %s", s->account->name,
                strerror(errno));
        return false;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* the change of identity has cleared it */
    prctl(PR_SET_DUMPABLE, 0);        /* the user's other programs may not look into this one */
    if (chdir(s->account->home) != 0) {
        ncr_log(&s->log, NCR_LOG_INFO, "Could not chdir to home directory %s: %s", s->account->home,
                strerror(errno));
        if (chdir("/") != 0) {
            return false;
        }
    }
    signal(SIGPIPE, SIG_IGN);
    return true;
}

static nacre_err session_serve(struct ncr_session *s)
{
    struct ncr_monitor *m = s->m;
    struct nacre_server_cfg cfg = {.hooks = &session_hooks, .ctx = s, .conn = m->engine};
    nacre_err err =
        nacre_conn_adopt(m->conn, NACRE_SERVER, &m->engine, &nacre_rng_os, m->mem, m->mem_len);
    if (err == NACRE_OK) {
        err = ncr_server_new(&s->server, &cfg, NCR_LOOP_POLL, false);
    }
    if (err == NACRE_OK) {
        err = ncr_server_adopt(s->server, m->fd, m->conn, m->channels, &s->peer);
    }
    if (err == NACRE_OK &&
        !ncr_host_keys_announce(m->conn, m->engine.host_keys, m->engine.n_host_keys)) {
        ncr_log(&s->log, NCR_LOG_DEBUG1, "host keys were not announced");
    }
    if (err == NACRE_OK) {
        err = nacre_server_run(s->server);
        ncr_session_agent_end(s);
    }
    return err;
}

void ncr_session_main(struct ncr_monitor *m)
{
    struct ncr_session *s = &session_state;
    s->m = m;
    s->log = m->log;
    s->account = &m->login.account;
    s->rights = &m->login.rights;
    if (m->empty_dir >= 0) {
        close(m->empty_dir);
    }
    if (!session_become(s)) {
        _exit(255);
    }
    nacre_err err = session_serve(s);
    if (err != NACRE_OK) {
        ncr_log(&s->log, NCR_LOG_ERROR, "session of user %s: %s", s->account->name,
                nacre_err_text(err));
    }
    nacre_wipe(m->conn, sizeof *m->conn); /* its region goes with the mapping */
    _exit(err == NACRE_OK ? 0 : 255);
}
