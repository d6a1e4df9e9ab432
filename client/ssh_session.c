/* SPDX-License-Identifier: ISC
 *
 * The session of nacre-ssh: see ssh_session.h.
 *
 * Standard descriptors are shared with other processes: making them non-blocking would change them
 * for the shell that started us. A pipe or terminal is therefore opened anew through /proc, which
 * gives a description of our own; where that fails it is used one call per readiness.
 */
#include "client/ssh_session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/client.h"
#include "client/forward_client.h"
#include "client/names.h"
#include "client/ssh_escape.h"
#include "proto/posix/tty.h"

struct ncr_ssh_session {
    struct ncr_front *f;
    struct nacre_client *c;
    struct ncr_loop *loop;
    struct ncr_ssh_session_cfg cfg;
    struct ncr_chan_user user;
    struct ncr_relay relay;
    struct ncr_escape_keys keys;
    struct ncr_forwards *forwards; /* for the list of them; may be NULL */
    bool relaying, raw, over, left;
    bool resize_owed; /* found no room */
    bool raw_wanted;  /* keys are looked at for escapes */
    int status;       /* -1: none was told */
};

extern char **environ;

/* ---- Standard descriptors ---------------------------------------------------------------- */

struct sess_fd {
    int fd;
    enum ncr_fd_kind kind;
};

static struct sess_fd sess_open_std(int fd)
{
    struct sess_fd s = {.fd = fd, .kind = ncr_fd_kind(fd)};
    int flags = fd == STDIN_FILENO ? O_RDONLY : O_WRONLY;
    char path[32];

    if (s.kind != NCR_FD_POLLED)
        return s;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    s.fd = open(path, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (s.fd >= 0)
        s.kind = NCR_FD_PLAIN;
    else
        s.fd = fd;
    return s;
}

static bool sess_is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void sess_done(void *ctx, struct ncr_relay *r)
{
    struct ncr_ssh_session *s = ctx;

    (void)r;
    s->over = true;
}

static size_t sess_filter(void *ctx, uint8_t *p, size_t n);

/* Data goes straight between the channel and these. */
static bool sess_relay(struct ncr_ssh_session *s)
{
    struct sess_fd out = sess_open_std(STDOUT_FILENO);
    struct sess_fd err = sess_open_std(STDERR_FILENO);
    struct sess_fd in = sess_open_std(STDIN_FILENO);
    bool good = true;

    ncr_relay_init(&s->relay, &s->c->conn, s->loop, &s->c->drive.step, s->user.chan,
                   NCR_RELAY_KEEP_FDS | NCR_RELAY_EOW);
    s->relay.done = sess_done;
    s->relay.ctx = s;
    if (s->raw_wanted)
        s->relay.filter = sess_filter;
    s->relaying = true;
    if (sess_is_open(STDOUT_FILENO))
        good =
            ncr_relay_set_sink(&s->relay, 0, out.fd, out.kind, s->c->cfg.conn.window) == NACRE_OK;
    if (good && sess_is_open(STDERR_FILENO))
        good =
            ncr_relay_set_sink(&s->relay, 1, err.fd, err.kind, s->c->cfg.conn.window) == NACRE_OK;
    if (good && !s->cfg.no_input && sess_is_open(STDIN_FILENO))
        good = ncr_relay_set_source(&s->relay, 0, in.fd, in.kind) == NACRE_OK;
    ncr_drive_add(&s->c->drive, &s->relay);
    return good;
}

/* ---- Escapes ----------------------------------------------------------------------------- */

static void sess_suspend(struct ncr_ssh_session *s)
{
    ncr_tty_restore();
    (void)kill(0, SIGTSTP); /* the whole job, as the terminal would; back here after SIGCONT */
    s->raw = ncr_tty_raw(STDIN_FILENO);
    ncr_ssh_session_resized(s);
}

static void sess_rekey(struct ncr_ssh_session *s)
{
    if (nacre_conn_rekey(&s->c->conn) != NACRE_OK)
        ncr_front_say(s->f, NCR_LOG_INFO, "cannot exchange keys now");
}

static void sess_break(struct ncr_ssh_session *s)
{
    struct nacre_request r = {.kind = NACRE_REQ_BREAK, .value = 1000};

    if (nacre_chan_request(&s->c->conn, s->user.chan, &r, true) != NACRE_OK)
        ncr_front_say(s->f, NCR_LOG_INFO, "cannot send a break now");
}

static size_t sess_filter(void *ctx, uint8_t *p, size_t n)
{
    struct ncr_ssh_session *s = ctx;

    return ncr_escape_filter(&s->keys, p, n);
}

/* What an escape asked for, once the engine may be called again. */
static void sess_room(void *ctx)
{
    struct ncr_ssh_session *s = ctx;
    bool want[sizeof s->keys.want];

    memcpy(want, s->keys.want, sizeof want);
    memset(s->keys.want, 0, sizeof s->keys.want);
    s->left |= want[NCR_ESCAPE_QUIT];
    if (want[NCR_ESCAPE_REKEY])
        sess_rekey(s);
    if (want[NCR_ESCAPE_BREAK])
        sess_break(s);
    if (want[NCR_ESCAPE_HELP])
        ncr_escape_help(&s->keys, s->f);
    if (want[NCR_ESCAPE_LIST] && s->forwards != NULL)
        ncr_forwards_list(s->forwards);
    if (want[NCR_ESCAPE_SUSPEND])
        sess_suspend(s);
    if (s->resize_owed)
        ncr_ssh_session_resized(s);
}

/* ---- Requests ---------------------------------------------------------------------------- */

static bool sess_send(struct ncr_ssh_session *s, const struct nacre_request *r, bool want_reply)
{
    return nacre_chan_request(&s->c->conn, s->user.chan, r, want_reply) == NACRE_OK;
}

/* What SetEnv says it is, as ssh has it. */
static const char *sess_term(const struct ncr_options *o)
{
    const char *term = "";

    for (uint32_t i = 0; i < o->n_set_env && term[0] == '\0'; i++) {
        if (strncmp(o->set_env[i], "TERM=", 5) == 0)
            term = o->set_env[i] + 5;
    }
    if (term[0] == '\0')
        term = getenv("TERM");
    return term != NULL ? term : "";
}

static bool sess_send_pty(struct ncr_ssh_session *s)
{
    uint8_t modes[NCR_TTY_MODES_MAX];
    struct nacre_request r = {.kind = NACRE_REQ_PTY};
    struct ncr_tty_size size;
    struct termios t;

    (void)ncr_tty_size(STDIN_FILENO, &size); /* zeros if it is no terminal: -tt */
    r.text = nacre_bytes_str(sess_term(&s->f->opt));
    r.cols = size.cols;
    r.rows = size.rows;
    r.width_px = size.width_px;
    r.height_px = size.height_px;
    modes[0] = 0;
    r.data.p = modes;
    r.data.n = 1;
    if (tcgetattr(STDIN_FILENO, &t) == 0)
        r.data.n = ncr_tty_modes_encode(modes, sizeof modes, &t);
    return sess_send(s, &r, true);
}

static bool sess_send_var(struct ncr_ssh_session *s, const char *name, size_t n, const char *value)
{
    struct nacre_request r = {.kind = NACRE_REQ_ENV};

    r.text.p = (const uint8_t *)name;
    r.text.n = n;
    r.data = nacre_bytes_str(value);
    ncr_front_say(s->f, NCR_LOG_DEBUG1, "channel %u: setting env %.*s = \"%s\"",
                  (unsigned)s->user.chan, (int)n, name, value);
    return sess_send(s, &r, false);
}

static bool sess_env_wanted(const struct ncr_options *o, const char *name)
{
    for (uint32_t i = 0; i < o->n_send_env; i++) {
        if (ncr_names_match(nacre_bytes_str(o->send_env[i]), name))
            return true;
    }
    return false;
}

static bool sess_send_env(struct ncr_ssh_session *s)
{
    const struct ncr_options *o = &s->f->opt;
    bool good = true;

    for (char **e = environ; good && o->n_send_env > 0 && e != NULL && *e != NULL; e++) {
        size_t n = strcspn(*e, "=");
        char *name = strndup(*e, n);

        good = name != NULL;
        if (good && (*e)[n] == '=' && sess_env_wanted(o, name))
            good = sess_send_var(s, name, n, *e + n + 1);
        free(name);
    }
    for (uint32_t i = 0; good && i < o->n_set_env; i++) {
        size_t n = strcspn(o->set_env[i], "=");

        good = sess_send_var(s, o->set_env[i], n, o->set_env[i] + n + 1);
    }
    return good;
}

static bool sess_send_start(struct ncr_ssh_session *s)
{
    struct nacre_request r = {.kind = NACRE_REQ_SHELL};

    if (s->cfg.command != NULL && s->cfg.command[0] != '\0') {
        r.kind = s->cfg.subsystem ? NACRE_REQ_SUBSYSTEM : NACRE_REQ_EXEC;
        r.data = nacre_bytes_str(s->cfg.command);
        ncr_front_say(s->f, NCR_LOG_DEBUG1, "Sending %s: %s",
                      s->cfg.subsystem ? "subsystem" : "command", s->cfg.command);
    }
    return sess_send(s, &r, true);
}

/* ---- Events ------------------------------------------------------------------------------ */

static void sess_fail(struct ncr_ssh_session *s, const char *text)
{
    ncr_front_fatal(s->f, "%s: %s", s->c->host_text, text);
    s->over = true;
}

static bool sess_lend_agent(struct ncr_ssh_session *s)
{
    if (s->cfg.agent == NULL)
        return true;
    ncr_front_say(s->f, NCR_LOG_DEBUG1, "Requesting authentication agent forwarding.");
    return ncr_agent_forward_ask(s->cfg.agent, s->user.chan) == NACRE_OK;
}

static void sess_opened(struct ncr_ssh_session *s)
{
    bool good = true;

    if (s->cfg.to_host != NULL)
        s->status = 0; /* nobody tells one */
    else
        good = sess_lend_agent(s) && (!s->cfg.tty || sess_send_pty(s)) && sess_send_env(s) &&
               sess_send_start(s);
    if (!good)
        sess_fail(s, "the session's requests could not be sent");
    else if (!sess_relay(s))
        sess_fail(s, "out of memory");
}

static void sess_replied(struct ncr_ssh_session *s, const struct nacre_event *ev)
{
    static const struct {
        enum nacre_req kind;
        const char *text;
    } failures[] = {
        {NACRE_REQ_EXEC, "exec request failed"},
        {NACRE_REQ_SHELL, "shell request failed"},
        {NACRE_REQ_SUBSYSTEM, "subsystem request failed"},
    };

    if (ev->request.kind == NACRE_REQ_PTY && !ev->accepted)
        ncr_front_say(s->f, NCR_LOG_INFO, "PTY allocation request failed on channel %u",
                      (unsigned)ev->chan);
    if (ev->request.kind == NACRE_REQ_PTY && ev->accepted && isatty(STDIN_FILENO)) {
        s->raw = ncr_tty_raw(STDIN_FILENO);
        s->f->crlf = s->raw && isatty(s->f->fd);
    }
    for (size_t i = 0; !ev->accepted && i < sizeof failures / sizeof failures[0]; i++) {
        if (failures[i].kind == ev->request.kind)
            sess_fail(s, failures[i].text);
    }
}

static void sess_request(struct ncr_ssh_session *s, const struct nacre_event *ev)
{
    bool alive = ev->request.kind == NACRE_REQ_KEEPALIVE;
    struct ncr_text t;

    if (ev->request.kind == NACRE_REQ_EXIT_STATUS)
        s->status = (int)(ev->request.value & 0xff);
    if (ev->request.kind == NACRE_REQ_EXIT_SIGNAL)
        ncr_front_say(s->f, NCR_LOG_DEBUG1, "remote command ended by signal %s",
                      ncr_text(&t, ev->request.text));
    if (ev->request.kind == NACRE_REQ_EOW && ncr_relay_end_source(&s->relay, 0) != NACRE_OK)
        return; /* the connection has ended */
    if (ev->id != 0)
        ncr_client_answer(s->c, ev->id, alive ? NACRE_ACCEPT : NACRE_REFUSE);
}

static void sess_event(void *ctx, const struct nacre_event *ev)
{
    struct ncr_ssh_session *s = ctx;
    struct ncr_text t;

    switch (ev->type) {
    case NACRE_EV_CHAN_OPENED:
        sess_opened(s);
        break;
    case NACRE_EV_CHAN_FAILED:
        ncr_front_fatal(s->f, "%s: channel refused: %s", s->c->host_text, ncr_text(&t, ev->data));
        s->over = true;
        break;
    case NACRE_EV_CHAN_REPLY:
        sess_replied(s, ev);
        break;
    case NACRE_EV_CHAN_REQUEST:
        sess_request(s, ev);
        break;
    default:
        break;
    }
}

/* The session, or the connection of -W. */
static nacre_err sess_open(struct ncr_ssh_session *s)
{
    struct nacre_bytes none = {NULL, 0};
    struct nacre_tcpip t = {.port = s->cfg.to_port, .origin_port = 65535};

    if (s->cfg.to_host == NULL)
        return nacre_chan_open(&s->c->conn, "session", none, &s->user.chan);
    t.host = nacre_bytes_str(s->cfg.to_host);
    t.origin = nacre_bytes_str("127.0.0.1");
    return nacre_chan_open_tcpip(&s->c->conn, "direct-tcpip", &t, &s->user.chan);
}

/* ---- Life -------------------------------------------------------------------------------- */

struct ncr_ssh_session *ncr_ssh_session_start(struct ncr_front *f, struct nacre_client *c,
                                              struct ncr_loop *l,
                                              const struct ncr_ssh_session_cfg *cfg)
{
    struct ncr_ssh_session *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->f = f;
    s->c = c;
    s->loop = l;
    s->cfg = *cfg;
    s->status = -1;
    s->raw_wanted = cfg->tty && isatty(STDIN_FILENO) && f->opt.escape >= 0;
    ncr_escape_init(&s->keys, f->opt.escape);
    if (sess_open(s) != NACRE_OK) {
        free(s);
        return NULL;
    }
    s->user.event = sess_event;
    s->user.room = sess_room;
    s->user.ctx = s;
    ncr_client_add_user(c, &s->user);
    ncr_client_kick(c);
    return s;
}

bool ncr_ssh_session_over(const struct ncr_ssh_session *s)
{
    return s->over;
}

bool ncr_ssh_session_left(const struct ncr_ssh_session *s)
{
    return s->left;
}

int ncr_ssh_session_status(const struct ncr_ssh_session *s)
{
    return s->status < 0 ? 255 : s->status;
}

void ncr_ssh_session_forwards(struct ncr_ssh_session *s, struct ncr_forwards *forwards)
{
    s->forwards = forwards;
}

void ncr_ssh_session_resized(struct ncr_ssh_session *s)
{
    struct nacre_request r = {.kind = NACRE_REQ_WINDOW_CHANGE};
    struct ncr_tty_size size;

    if (!s->cfg.tty || !s->relaying || !s->relay.open || !ncr_tty_size(STDIN_FILENO, &size))
        return;
    r.cols = size.cols;
    r.rows = size.rows;
    r.width_px = size.width_px;
    r.height_px = size.height_px;
    s->resize_owed = !sess_send(s, &r, false);
    ncr_client_kick(s->c);
}

void ncr_ssh_session_free(struct ncr_ssh_session *s)
{
    if (s == NULL)
        return;
    ncr_tty_restore();
    s->f->crlf = false;
    ncr_client_remove_user(s->c, &s->user);
    if (s->relaying) {
        ncr_drive_remove(&s->c->drive, &s->relay);
        ncr_relay_free(&s->relay);
    }
    free(s);
}
