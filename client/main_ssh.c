/* SPDX-License-Identifier: ISC
 *
 * nacre-ssh: a command, a shell or a subsystem on another host; forwarded connections. Options and
 * exit status as ssh(1); what is not supported is refused by name.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "client/client.h"
#include "client/forward_agent.h"
#include "client/forward_client.h"
#include "client/front.h"
#include "client/ssh_session.h"

#define SSH_CHANNELS_FEW 8
#define SSH_CHANNELS_FORWARDS 512

struct ssh_main {
    struct ncr_front front;
    struct ncr_ssh_session_cfg session_cfg;
    struct ncr_forward_rule to; /* -W */
    char *command;
    bool no_session; /* -N */
    unsigned ttys;   /* how often -t stood there */
    bool no_tty;     /* -T */
    bool show_version, show_options;
    int lend; /* 'A' or 'a', the last one: it goes before ForwardAgent */
    const char *log_file, *config;
    struct ncr_loop loop;
    struct nacre_client *client;
    struct ncr_forwards *forwards;
    struct ncr_agent_forward *agent;
    struct ncr_ssh_session *session;
    int signo; /* that asked us to leave */
};

/* ---- Options ----------------------------------------------------------------------------- */

static int ssh_usage(void)
{
    fputs("usage: nacre-ssh [-246ACGNTVanqstvx] [-b bind_address] [-E log_file] [-e escape_char]\n"
          "                 [-F configfile] [-i identity_file] [-J destination] [-L address]\n"
          "                 [-l login_name] [-o option] [-P tag] [-p port] [-R address]\n"
          "                 [-W host:port] [-c cipher_spec] [-m mac_spec]\n"
          "                 destination [command [argument ...]]\n",
          stderr);
    return 255;
}

/* Letters that stand for keywords. */
static const struct {
    char letter;
    const char *keyword;
    const char *value; /* NULL: the argument */
} ssh_letters[] = {
    {'2', "Protocol", "2"}, /* sshfs says so */
    {'4', "AddressFamily", "inet"},
    {'6', "AddressFamily", "inet6"},
    {'b', "BindAddress", NULL},
    {'C', "Compression", "yes"},
    {'c', "Ciphers", NULL},
    {'e', "EscapeChar", NULL},
    {'i', "IdentityFile", NULL},
    {'J', "ProxyJump", NULL},
    {'L', "LocalForward", NULL},
    {'m', "MACs", NULL},
    {'P', "Tag", NULL},
    {'p', "Port", NULL},
    {'R', "RemoteForward", NULL},
    {'x', "ForwardX11", "no"},
};

/* -W host:port: the standard descriptors go there. */
static bool ssh_stdio_forward(struct ssh_main *m, const char *arg)
{
    struct ncr_options *o = &m->front.opt;
    struct ncr_forward_rule *r = &m->to;
    char text[1024];
    int n = snprintf(text, sizeof text, "1:%s", arg); /* as a rule of -L */

    if (r->text != NULL)
        return ncr_opt_fail(o, "stdio forward already specified");
    if (n < 0 || (size_t)n >= sizeof text || !ncr_forward_parse(r, text, false) ||
        r->bind_addr != NULL)
        return ncr_opt_fail(o, "Bad stdio forwarding specification '%.200s'", arg);
    m->session_cfg.to_host = r->host;
    m->session_cfg.to_port = r->port;
    return ncr_opt_set(o, "ClearAllForwardings", "yes") &&
           ncr_opt_set(o, "ExitOnForwardFailure", "yes");
}

/* Letters that set something of this program. */
static bool ssh_flag(struct ssh_main *m, int letter, const char *arg)
{
    struct ncr_options *o = &m->front.opt;

    switch (letter) {
    case 'A':
    case 'a':
        m->lend = letter;
        return true;
    case 'I':
        return ncr_opt_fail(o, "option -I is not supported: keys are not used through PKCS#11");
    case 'E':
        m->log_file = arg;
        return true;
    case 'F':
        m->config = arg;
        return true;
    case 'G':
        m->show_options = true;
        return true;
    case 'l':
        return ncr_opt_login(o, arg);
    case 'N':
        m->no_session = true;
        return true;
    case 'n':
        m->session_cfg.no_input = true;
        return true;
    case 'q':
        o->log = NCR_LOG_QUIET;
        ncr_opt_close(o, "LogLevel");
        return true;
    case 's':
        m->session_cfg.subsystem = true;
        return true;
    case 'T':
        m->no_tty = true;
        return true;
    case 't':
        m->ttys++;
        return true;
    case 'W':
        return ssh_stdio_forward(m, arg);
    case 'V':
        m->show_version = true;
        return true;
    case 'v':
        o->log = NCR_LOG_DEBUG1;
        ncr_opt_close(o, "LogLevel");
        return true;
    default:
        return ncr_opt_fail(o, "option -%c is not supported", letter);
    }
}

static bool ssh_letter(struct ssh_main *m, int letter, const char *arg)
{
    struct ncr_options *o = &m->front.opt;

    if (letter == 'o')
        return ncr_opt_parse(o, arg);
    for (size_t i = 0; i < sizeof ssh_letters / sizeof ssh_letters[0]; i++) {
        if (ssh_letters[i].letter == letter)
            return ncr_opt_set(o, ssh_letters[i].keyword,
                               ssh_letters[i].value != NULL ? ssh_letters[i].value : arg);
    }
    return ssh_flag(m, letter, arg);
}

/* Letters up to the first word that is none. False with the error set, or, without one, for usage.
 */
static bool ssh_letters_read(struct ssh_main *m, int argc, char **argv)
{
    int letter;

    opterr = 0;
    while ((letter = getopt(
                argc, argv,
                "+:1246AB:CD:E:F:GI:J:KL:MNO:P:Q:R:S:TVW:XYab:c:e:fghi:kl:m:no:p:qstvw:xy")) !=
           -1) {
        if (letter == ':')
            return ncr_opt_fail(&m->front.opt, "option -%c needs an argument", optopt);
        if (letter == '?')
            return ncr_opt_fail(&m->front.opt, "option -%c is not supported", optopt);
        if (!ssh_letter(m, letter, optarg))
            return false;
    }
    return true;
}

/* The command's words with blanks between, as ssh joins them. */
static bool ssh_join(struct ssh_main *m, char **words)
{
    size_t n = 1;
    char *p;

    for (char **w = words; *w != NULL; w++)
        n += strlen(*w) + 1;
    p = m->command = malloc(n);
    if (p == NULL)
        return ncr_opt_fail(&m->front.opt, "out of memory");
    *p = '\0';
    for (char **w = words; *w != NULL; w++)
        p += sprintf(p, "%s%s", w == words ? "" : " ", *w); /* counted above */
    m->session_cfg.command = m->command;
    return true;
}

/* Options may follow the destination too, before the command. */
static bool ssh_options(struct ssh_main *m, int argc, char **argv)
{
    struct ncr_options *o = &m->front.opt;

    if (!ssh_letters_read(m, argc, argv))
        return false;
    if (m->show_version || optind >= argc)
        return m->show_version;
    if (!ncr_opt_target(o, argv[optind], "ssh", NULL))
        return false;
    if (optind + 1 < argc && argv[optind + 1][0] == '-' && argv[optind + 1][1] != '\0') {
        optind++;
        if (!ssh_letters_read(m, argc, argv))
            return false;
        optind--;
    }
    return ssh_join(m, argv + optind + 1);
}

/* What kind of session the letters and words ask for. */
static const char *ssh_session_type(const struct ssh_main *m)
{
    return m->session_cfg.subsystem                          ? "subsystem"
           : m->no_session || m->session_cfg.to_host != NULL ? "none"
           : m->session_cfg.command[0]                       ? "exec"
                                                             : "shell";
}

/* Letters go before what files say of the same thing. */
static void ssh_close_options(struct ssh_main *m)
{
    struct ncr_options *o = &m->front.opt;

    if (m->ttys > 0 || m->no_tty)
        ncr_opt_close(o, "RequestTTY");
    if (m->session_cfg.to_host != NULL) {
        m->no_session = false;
        m->no_tty = true;
        ncr_opt_close(o, "RemoteCommand");
        ncr_opt_close(o, "RequestTTY");
        ncr_opt_close(o, "SessionType");
    }
    if (!m->session_cfg.subsystem && !m->no_session)
        return;
    o->session = m->session_cfg.subsystem ? NCR_SESSION_SUBSYSTEM : NCR_SESSION_NONE;
    if (m->no_session && m->ttys == 0 && !ncr_opt_has(o, "RequestTTY")) {
        o->tty = NCR_TTY_NO;
        ncr_opt_close(o, "RequestTTY");
    }
    ncr_opt_close(o, "SessionType");
}

/* Reads the configuration and takes from it what the session is to be. */
static bool ssh_configure(struct ssh_main *m)
{
    struct ncr_options *o = &m->front.opt;

    ssh_close_options(m);
    if (!ncr_front_configure(&m->front, m->config, m->command, ssh_session_type(m)))
        return false;
    m->no_session = o->session == NCR_SESSION_NONE;
    m->session_cfg.subsystem = o->session == NCR_SESSION_SUBSYSTEM;
    m->session_cfg.no_input |= o->stdin_null == 2;
    if (o->remote_command == NULL || strcasecmp(o->remote_command, "none") == 0 || m->no_session)
        return true;
    if (m->command[0] != '\0')
        return ncr_opt_fail(o, "Cannot execute command-line and remote command.");
    m->session_cfg.command = o->remote_command;
    return true;
}

static bool ssh_check(struct ssh_main *m)
{
    struct ncr_options *o = &m->front.opt;
    bool shell = m->session_cfg.command[0] == '\0';
    bool terminal = isatty(STDIN_FILENO) != 0;

    if (m->session_cfg.subsystem && shell)
        return ncr_opt_fail(o, "-s needs the name of a subsystem");
    if (o->clear_forwards == 2)
        o->n_forwards = 0;
    if (m->lend != 0)
        o->forward_agent = m->lend == 'A';
    m->session_cfg.tty = shell && terminal && o->tty == NCR_TTY_AUTO;
    if (m->ttys > 0 || o->tty >= NCR_TTY_YES)
        m->session_cfg.tty = true;
    if (m->session_cfg.tty && !terminal && m->ttys < 2 && o->tty != NCR_TTY_FORCE) {
        ncr_front_say(&m->front, NCR_LOG_INFO,
                      "Pseudo-terminal will not be allocated because stdin is not a terminal.");
        m->session_cfg.tty = false;
    }
    if (m->no_tty || o->tty == NCR_TTY_NO)
        m->session_cfg.tty = false;
    return true;
}

/* ---- Signals ----------------------------------------------------------------------------- */

static void ssh_on_leave(void *ctx, int signo)
{
    struct ssh_main *m = ctx;

    m->signo = signo;
}

static void ssh_on_resize(void *ctx, int signo)
{
    struct ssh_main *m = ctx;

    (void)signo;
    if (m->session != NULL)
        ncr_ssh_session_resized(m->session);
}

/* Signals that were ignored when we started stay so (nohup). */
static bool ssh_signals(struct ssh_main *m)
{
    static const int leave[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction now;

    for (size_t i = 0; i < sizeof leave / sizeof leave[0]; i++) {
        if (sigaction(leave[i], NULL, &now) == 0 && now.sa_handler == SIG_IGN)
            continue;
        if (ncr_loop_signal(&m->loop, leave[i], ssh_on_leave, m) != NACRE_OK)
            return false;
    }
    return ncr_loop_signal(&m->loop, SIGWINCH, ssh_on_resize, m) == NACRE_OK;
}

/* ---- Running ----------------------------------------------------------------------------- */

static bool ssh_event(void *ctx, struct nacre_client *c, const struct nacre_event *ev)
{
    struct ncr_front *front = ctx;
    struct ssh_main *m = (struct ssh_main *)(void *)front; /* its first member */

    (void)c;
    if (m->agent != NULL && ncr_agent_forward_event(m->agent, ev))
        return true;
    return m->forwards != NULL && ncr_forwards_event(m->forwards, ev);
}

static nacre_err ssh_connect(struct ssh_main *m)
{
    struct nacre_client_cfg cfg;
    nacre_err err;

    memset(&cfg, 0, sizeof cfg);
    if (!ncr_opt_client_cfg(&m->front.opt, &cfg))
        return NACRE_ERR_FILE_FORMAT;
    ncr_front_hooks(&m->front, &cfg);
    cfg.event = ssh_event;
    cfg.channels = m->front.opt.n_forwards > 0 || m->front.opt.forward_agent ? SSH_CHANNELS_FORWARDS
                                                                             : SSH_CHANNELS_FEW;
    err = ncr_client_new(&m->client, &cfg);
    if (err == NACRE_OK)
        err = ncr_front_connect(&m->front, m->client);
    if (err == NACRE_OK)
        err = nacre_client_wait_ready(m->client);
    if (err == NACRE_OK && !ncr_front_report(&m->front, m->client))
        err = NACRE_ERR_IO;
    return err;
}

/* Forwards before the session, so that a failure can stop everything. */
static bool ssh_start(struct ssh_main *m)
{
    struct ncr_options *o = &m->front.opt;

    if (o->gateway == 2) {
        for (uint32_t i = 0; i < o->n_forwards; i++) {
            if (!o->forwards[i].remote && o->forwards[i].bind_addr == NULL)
                o->forwards[i].bind_addr = "";
        }
    }
    if (o->n_forwards > 0) {
        m->forwards = ncr_forwards_start(m->client, &m->loop, o->forwards, o->n_forwards);
        if (m->forwards == NULL)
            return false;
    }
    if (m->no_session)
        return true;
    if (o->forward_agent && m->session_cfg.to_host == NULL) /* it would be lent on the way */
        m->agent = ncr_agent_forward_start(m->client, &m->loop,
                                           o->forward_which != NULL ? o->forward_which : o->agent);
    m->session_cfg.agent = m->agent;
    m->session = ncr_ssh_session_start(&m->front, m->client, &m->loop, &m->session_cfg);
    if (m->session != NULL)
        ncr_ssh_session_forwards(m->session, m->forwards);
    return m->session != NULL;
}

static bool ssh_forwards_broken(const struct ssh_main *m)
{
    return m->forwards != NULL && m->front.opt.exit_on_forward_failure == 2 &&
           ncr_forwards_failed(m->forwards) > 0;
}

/* The session is over, and no forwarded connection is open any more. */
static bool ssh_finished(const struct ssh_main *m)
{
    if (m->session == NULL)
        return false;
    if (ncr_ssh_session_left(m->session))
        return true;
    return ncr_ssh_session_over(m->session) &&
           (m->agent == NULL || ncr_agent_forward_open(m->agent) == 0) &&
           (m->forwards == NULL || ncr_forwards_open(m->forwards) == 0);
}

static int ssh_serve(struct ssh_main *m)
{
    nacre_err err = NACRE_OK;

    while (err == NACRE_OK && m->signo == 0 && !ssh_finished(m)) {
        if (ssh_forwards_broken(m))
            return ncr_front_fatal(&m->front, "a forward could not be set up: giving up");
        err = ncr_client_wait(m->client, NCR_NEVER);
    }
    if (m->signo != 0) {
        ncr_front_say(&m->front, NCR_LOG_VERBOSE, "Killed by signal %d.", m->signo);
        return 255;
    }
    if (m->session != NULL && ncr_ssh_session_over(m->session))
        return ncr_ssh_session_status(m->session);
    if (err != NACRE_OK)
        return -1; /* for the caller to explain */
    return 255;
}

static void ssh_transferred(struct ssh_main *m)
{
    uint64_t rx, tx;

    nacre_conn_traffic(&m->client->conn, &rx, &tx);
    ncr_front_say(&m->front, NCR_LOG_DEBUG1, "Transferred: sent %llu, received %llu bytes",
                  (unsigned long long)tx, (unsigned long long)rx);
}

static int ssh_run(struct ssh_main *m)
{
    bool tty = m->session_cfg.tty && !m->no_session;
    int status;

    if (ssh_connect(m) != NACRE_OK)
        return ncr_front_fatal(&m->front, "%s",
                               m->client == NULL && m->front.opt.error[0] != '\0'
                                   ? m->front.opt.error
                                   : nacre_client_error(m->client));
    if (ncr_loop_init(&m->loop, NCR_LOOP_POLL) != NACRE_OK || !ssh_signals(m) ||
        ncr_client_use_loop(m->client, &m->loop) != NACRE_OK || !ssh_start(m))
        return ncr_front_fatal(&m->front, "cannot start the session: %s", strerror(errno));
    status = ssh_serve(m);
    ncr_ssh_session_free(m->session);
    ncr_agent_forward_free(m->agent);
    ncr_forwards_free(m->forwards);
    if (status < 0)
        status = ncr_front_fatal(&m->front, "%s", nacre_client_error(m->client));
    if (tty)
        ncr_front_say(&m->front, NCR_LOG_INFO, "Connection to %s closed.", m->front.opt.host);
    ssh_transferred(m);
    ncr_front_say(&m->front, NCR_LOG_DEBUG1, "Exit status %d", status);
    return status;
}

/* Everything before the connection. -1: go on; else the exit status. */
static int ssh_prepare(struct ssh_main *m, int argc, char **argv)
{
    struct ncr_options *o = &m->front.opt;
    bool good = ssh_options(m, argc, argv);

    if (!good && o->error[0] == '\0')
        return ssh_usage();
    if (good && m->show_version) {
        fprintf(stderr, "nacre " NACRE_VERSION "\n");
        return 0;
    }
    if (good && m->log_file != NULL && !ncr_front_log_to(&m->front, m->log_file))
        return ncr_front_fatal(&m->front, "%s: %s", m->log_file, strerror(errno));
    good = good && ssh_configure(m) && ssh_check(m);
    if (good && m->show_options)
        return ncr_opt_show(o) ? 0 : 255;
    if (good && ncr_opt_settle_last(o))
        return -1;
    return o->error[0] == '\0' ? 255 : ncr_front_fatal(&m->front, "%s", o->error);
}

int main(int argc, char **argv)
{
    static struct ssh_main m; /* one of a process; large */
    int status;

    m.front.fd = STDERR_FILENO;
    m.front.ssh = argv[0];
    ncr_opt_init(&m.front.opt, "nacre-ssh");
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL); /* ignored by our parent, children could not be waited for */
    if (!ncr_front_descriptors())
        return 255;
    status = ssh_prepare(&m, argc, argv);
    if (status >= 0)
        return status;
    ncr_front_check_identities(&m.front);
    status = ssh_run(&m);
    nacre_client_close(m.client);
    ncr_front_leave(&m.front);
    ncr_loop_free(&m.loop);
    free(m.command);
    return status;
}
