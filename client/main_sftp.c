/* SPDX-License-Identifier: ISC
 *
 * nacre-sftp: files to, from and on another host, interactively or from a batch. Options, commands
 * and exit status as sftp(1). It speaks SSH itself: payload goes between socket and file without
 * another process or copy between; -D and -S run another program for the connection instead.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/sftp_program.h"
#include "proto/posix/file.h"
#include "proto/posix/tty.h"

#define SFTP_LINE_CAP 16384
#define SFTP_BATCH_MAX ((size_t)16 * 1024 * 1024)
#define SFTP_BUDGET_MAX ((uint64_t)1 << 30)
#define SFTP_ARGS_MAX 64
#define SFTP_REAP_TURNS 200 /* of 10 ms */

struct sftp_main {
    struct ncr_sftp_prog p; /* first: hooks get its front */
    const char *batch_file; /* NULL: interactive */
    const char *server;     /* -D: program to talk to */
    const char *program;    /* -S: does the connection */
    const char *subsystem;  /* -s */
    const char *config;     /* -F */
    bool noisy;             /* -N */
    uint64_t requests, buffer;
    char *path;                      /* after the host */
    const char *local;               /* after that */
    const char *args[SFTP_ARGS_MAX]; /* for -S */
    size_t n_args;
    pid_t child;
    bool eof;
    char line[SFTP_LINE_CAP];
    size_t line_n;
    struct ncr_watch input;
};

/* ---- Options ----------------------------------------------------------------------------- */

static int sftp_usage(void)
{
    fputs(
        "usage: nacre-sftp [-46aCfNpqrv] [-B buffer_size] [-b batchfile] [-c cipher]\n"
        "                  [-D sftp_server_command] [-F configfile] [-i identity_file]\n"
        "                  [-J destination] [-o option] [-P port] [-R num_requests] [-S program]\n"
        "                  [-s subsystem | sftp_server] destination\n",
        stderr);
    return 1;
}

static const struct {
    char letter;
    const char *keyword;
    const char *value; /* NULL: the argument */
} sftp_letters[] = {
    {'4', "AddressFamily", "inet"},
    {'6', "AddressFamily", "inet6"},
    {'C', "Compression", "yes"},
    {'J', "ProxyJump", NULL},
    {'c', "Ciphers", NULL},
    {'i', "IdentityFile", NULL},
    {'P', "Port", NULL},
};

static bool sftp_number(struct ncr_options *o, const char *text, int letter, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && errno == 0 && *end == '\0' && *out > 0 &&
        *out <= SFTP_BUDGET_MAX)
        return true;
    return ncr_opt_fail(o, "bad number for -%c: %s", letter, text);
}

static bool sftp_flag(struct sftp_main *m, int letter, const char *arg)
{
    struct ncr_options *o = &m->p.front.opt;

    switch (letter) {
    case 'a':
        m->p.resume = true;
        return true;
    case 'B':
        return sftp_number(o, arg, letter, &m->buffer);
    case 'b':
        m->batch_file = arg;
        return true;
    case 'D':
        m->server = arg;
        return true;
    case 'F':
        m->config = arg;
        return true;
    case 'f':
        m->p.fsync = true;
        return true;
    case 'N':
        m->noisy = true;
        return true;
    case 'p':
        m->p.preserve = true;
        return true;
    case 'q':
        o->log = NCR_LOG_ERROR;
        ncr_opt_close(o, "LogLevel");
        m->p.quiet = true;
        return true;
    case 'R':
        return sftp_number(o, arg, letter, &m->requests);
    case 'r':
        m->p.recursive = true;
        return true;
    case 'S':
        m->program = arg;
        return true;
    case 's':
        m->subsystem = arg;
        return true;
    case 'v':
        o->log = NCR_LOG_DEBUG1;
        ncr_opt_close(o, "LogLevel");
        return true;
    default:
        return ncr_opt_fail(o, "option -%c is not supported", letter);
    }
}

static bool sftp_pass_on(struct sftp_main *m, const char *a, const char *b)
{
    if (m->n_args + 2 > SFTP_ARGS_MAX)
        return ncr_opt_fail(&m->p.front.opt, "too many options");
    m->args[m->n_args++] = a;
    if (b != NULL)
        m->args[m->n_args++] = b;
    return true;
}

static bool sftp_letter(struct sftp_main *m, int letter, const char *arg)
{
    static const char *const passed[] = {
        ['F'] = "-F", ['J'] = "-J", ['o'] = "-o", ['i'] = "-i", ['P'] = "-p", ['c'] = "-c",
        ['v'] = "-v", ['C'] = "-C", ['4'] = "-4", ['6'] = "-6", ['q'] = "-q"};
    struct ncr_options *o = &m->p.front.opt;

    if ((size_t)letter < sizeof passed / sizeof passed[0] && passed[letter] != NULL &&
        !sftp_pass_on(m, passed[letter], arg))
        return false;
    if (letter == 'o')
        return ncr_opt_parse(o, arg);
    for (size_t i = 0; i < sizeof sftp_letters / sizeof sftp_letters[0]; i++) {
        if (sftp_letters[i].letter == letter)
            return ncr_opt_set(o, sftp_letters[i].keyword,
                               sftp_letters[i].value != NULL ? sftp_letters[i].value : arg);
    }
    return sftp_flag(m, letter, arg);
}

static bool sftp_options(struct sftp_main *m, int argc, char **argv)
{
    struct ncr_options *o = &m->p.front.opt;
    int letter;

    opterr = 0;
    while ((letter = getopt(argc, argv, ":1246AafhCNpqrvB:b:c:D:F:i:J:l:o:P:R:S:s:X:")) != -1) {
        if (letter == ':')
            return ncr_opt_fail(o, "option -%c needs an argument", optopt);
        if (letter == '?')
            return ncr_opt_fail(o, "option -%c is not supported", optopt);
        if (!sftp_letter(m, letter, optarg))
            return false;
    }
    if (m->server != NULL)
        return optind == argc;
    if (optind >= argc || argc - optind > 2)
        return false;
    if (optind + 1 < argc)
        m->local = argv[optind + 1];
    return ncr_opt_target(o, argv[optind], "sftp", &m->path);
}

/* The program that makes the connection in our place reads the configuration itself. */
static bool sftp_configure(struct sftp_main *m)
{
    struct ncr_options *o = &m->p.front.opt;

    if (m->server != NULL || m->program != NULL)
        return true;
    if (m->batch_file != NULL && !ncr_opt_set(o, "BatchMode", "yes"))
        return false;
    ncr_opt_connection_only(o);
    return ncr_front_configure(&m->p.front, m->config, m->subsystem != NULL ? m->subsystem : "sftp",
                               "subsystem") &&
           ncr_opt_settle_last(o);
}

static void sftp_settle(struct sftp_main *m)
{
    struct ncr_tty_size size;

    m->p.batch = m->batch_file != NULL;
    m->p.quiet |= m->p.batch && !m->noisy;
    m->p.progress = isatty(STDOUT_FILENO) && !m->p.quiet && !m->p.batch;
    if (m->requests != 0 || m->buffer != 0)
        m->p.budget = (m->requests != 0 ? m->requests : 64) * (m->buffer != 0 ? m->buffer : 32768);
    if (m->p.budget > SFTP_BUDGET_MAX)
        m->p.budget = SFTP_BUDGET_MAX;
    m->p.width = ncr_tty_size(STDOUT_FILENO, &size) && size.cols > 0 ? size.cols : 80;
}

/* ---- Signals ----------------------------------------------------------------------------- */

static void sftp_on_interrupt(void *ctx, int signo)
{
    struct sftp_main *m = ctx;

    (void)signo;
    m->p.interrupted = true;
}

static void sftp_on_resize(void *ctx, int signo)
{
    struct sftp_main *m = ctx;
    struct ncr_tty_size size;

    (void)signo;
    if (ncr_tty_size(STDOUT_FILENO, &size) && size.cols > 0)
        m->p.width = size.cols;
}

/* Transfers ask the meter; this is for everything else that waits. */
static bool sftp_stopped(void *ctx)
{
    struct sftp_main *m = ctx;
    bool now = m->p.interrupted && m->p.files != NULL && m->p.files->xfer == NULL;

    if (now)
        m->p.interrupted = false;
    return now;
}

/* ---- Connecting -------------------------------------------------------------------------- */

static bool sftp_event(void *ctx, struct nacre_client *c, const struct nacre_event *ev)
{
    (void)ctx;
    (void)c;
    (void)ev;
    return false; /* nothing that a server opens or asks is wanted */
}

static nacre_err sftp_connect(struct sftp_main *m)
{
    struct nacre_client_cfg cfg;
    bool command = m->subsystem != NULL && strchr(m->subsystem, '/') != NULL;
    nacre_err err;

    memset(&cfg, 0, sizeof cfg);
    if (!ncr_opt_client_cfg(&m->p.front.opt, &cfg))
        return NACRE_ERR_FILE_FORMAT;
    ncr_front_hooks(&m->p.front, &cfg);
    cfg.event = sftp_event;
    cfg.channels = 4;
    err = ncr_client_new(&m->p.client, &cfg);
    if (err == NACRE_OK)
        err = ncr_front_connect(&m->p.front, m->p.client);
    if (err == NACRE_OK)
        err = nacre_client_wait_ready(m->p.client);
    if (err == NACRE_OK && !ncr_front_report(&m->p.front, m->p.client))
        err = NACRE_ERR_IO;
    if (err == NACRE_OK)
        err = ncr_client_use_loop(m->p.client, &m->p.loop);
    if (err != NACRE_OK)
        return err;
    return ncr_files_open_as(&m->p.files, m->p.client, m->subsystem != NULL ? m->subsystem : "sftp",
                             command);
}

static void sftp_exec(struct sftp_main *m, char *const *argv, int in, int out)
{
    ncr_loop_child(&m->p.loop);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGINT, SIG_IGN); /* an interrupt ends a transfer, not the connection */
    if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
        (void)execvp(argv[0], argv);
    fprintf(stderr, "nacre-sftp: %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* Runs a program that speaks SFTP on its standard descriptors. */
static nacre_err sftp_spawn(struct sftp_main *m, char *const *argv)
{
    int to[2], from[2];
    nacre_err err;

    if (!ncr_pipe(to))
        return NACRE_ERR_IO;
    if (!ncr_pipe(from)) {
        (void)close(to[0]); /* nothing is in it */
        (void)close(to[1]);
        return NACRE_ERR_IO;
    }
    m->child = fork();
    if (m->child == 0)
        sftp_exec(m, argv, to[0], from[1]);
    (void)close(to[0]); /* the child's ends */
    (void)close(from[1]);
    if (m->child < 0) {
        (void)close(to[1]); /* nothing is in them */
        (void)close(from[0]);
        return NACRE_ERR_IO;
    }
    err = nacre_files_open_fds(&m->p.files, from[0], to[1]);
    return err != NACRE_OK ? err : ncr_files_use_loop(m->p.files, &m->p.loop);
}

static nacre_err sftp_run_server(struct sftp_main *m)
{
    char *argv[NCR_WORDS_MAX + 1];
    struct ncr_words w;
    nacre_err err = NACRE_ERR_USAGE;

    if (ncr_sftp_split(&w, m->server) && w.n > 0) {
        for (size_t i = 0; i <= w.n; i++)
            argv[i] = i < w.n ? w.w[i].text : NULL;
        err = sftp_spawn(m, argv);
    }
    ncr_words_free(&w);
    return err;
}

/* The options that sftp(1) gives its ssh. */
static nacre_err sftp_run_program(struct sftp_main *m)
{
    static const char *const fixed[] = {"-x", "-oForwardX11 no", "-oForwardAgent no",
                                        "-oPermitLocalCommand no", "-oClearAllForwardings yes"};
    struct ncr_options *o = &m->p.front.opt;
    const char *argv[SFTP_ARGS_MAX + 16];
    bool command = m->subsystem != NULL && strchr(m->subsystem, '/') != NULL;
    size_t n = 0;

    argv[n++] = m->program;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        argv[n++] = fixed[i];
    for (size_t i = 0; i < m->n_args; i++)
        argv[n++] = m->args[i];
    if (o->user != NULL) {
        argv[n++] = "-l";
        argv[n++] = o->user;
    }
    if (!command)
        argv[n++] = "-s";
    argv[n++] = "--";
    argv[n++] = o->host;
    argv[n++] = m->subsystem != NULL ? m->subsystem : "sftp";
    argv[n] = NULL;
    return sftp_spawn(m, (char *const *)(void *)argv);
}

static bool sftp_open(struct sftp_main *m)
{
    const char *why;
    nacre_err err;

    if (m->server != NULL)
        err = sftp_run_server(m);
    else if (m->program != NULL)
        err = sftp_run_program(m);
    else
        err = sftp_connect(m);
    if (err == NACRE_OK) {
        ncr_files_on_stop(m->p.files, sftp_stopped, m);
        m->p.cwd = nacre_files_realpath(m->p.files, ".");
        if (m->p.cwd != NULL)
            return true;
    }
    why = m->p.files != NULL    ? nacre_files_error(m->p.files)
          : m->p.client != NULL ? nacre_client_error(m->p.client)
                                : m->p.front.opt.error;
    (void)ncr_front_fatal(&m->p.front, "%s", why[0] != '\0' ? why : nacre_err_text(err));
    return false;
}

/* ---- Lines ------------------------------------------------------------------------------- */

static void sftp_input_ready(void *ctx, unsigned ready)
{
    struct sftp_main *m = ctx;
    ssize_t got = read(STDIN_FILENO, m->line + m->line_n, sizeof m->line - 1 - m->line_n);

    (void)ready;
    if (got > 0)
        m->line_n += (size_t)got;
    else if (got == 0 || (errno != EINTR && errno != EAGAIN))
        m->eof = true;
}

/* The next line of standard input into out; the connection is served meanwhile. False at the end.
 */
static bool sftp_read_line(struct sftp_main *m, char *out)
{
    for (;;) {
        char *end = memchr(m->line, '\n', m->line_n);
        size_t n = end != NULL ? (size_t)(end - m->line) : m->line_n;

        if (end != NULL || (m->eof && n > 0) || n == sizeof m->line - 1) {
            memcpy(out, m->line, n);
            out[n] = '\0';
            n += end != NULL;
            memmove(m->line, m->line + n, m->line_n - n);
            m->line_n -= n;
            return true;
        }
        if (m->eof || m->p.files->over)
            return false;
        ncr_loop_want(&m->p.loop, &m->input, NCR_LOOP_READ);
        if (ncr_loop_once(&m->p.loop, NCR_NEVER) != NACRE_OK)
            return false;
        ncr_loop_want(&m->p.loop, &m->input, 0);
        if (m->p.interrupted) {
            m->p.interrupted = false;
            m->line_n = 0;
            out[0] = '\0';
            ncr_sftp_print("\n");
            return true;
        }
    }
}

static int sftp_interactive(struct sftp_main *m)
{
    static char line[SFTP_LINE_CAP];
    bool tty = isatty(STDIN_FILENO) != 0;

    if (ncr_loop_watch(&m->p.loop, &m->input, STDIN_FILENO, 0, sftp_input_ready, m) != NACRE_OK)
        return ncr_front_fatal(&m->p.front, "standard input: %s", strerror(errno));
    while (!m->p.quit && !m->p.files->over) {
        ncr_sftp_print("sftp> ");
        (void)fflush(stdout); /* a terminal that has gone ends the input too */
        if (!sftp_read_line(m, line))
            break;
        if (!tty)
            ncr_sftp_print("%s\n", line);
        m->p.interrupted = false;
        (void)ncr_sftp_line(&m->p, line); /* said where it failed; the next line is another try */
    }
    if (m->p.files->over)
        return ncr_front_fatal(&m->p.front, "%s",
                               m->p.client != NULL && nacre_client_error(m->p.client)[0] != '\0'
                                   ? nacre_client_error(m->p.client)
                                   : "Connection closed");
    if (!m->p.quit)
        ncr_sftp_print("\n");
    return 0;
}

/* One line of a batch: '-' before it forgives a failure, '@' keeps it from being shown. */
static bool sftp_batch_line(struct sftp_main *m, char *line)
{
    bool forgive = false;
    bool hush = false;

    line += strspn(line, " \t");
    for (; *line == '-' || *line == '@'; line++) {
        forgive |= *line == '-';
        hush |= *line == '@';
    }
    if (!hush)
        ncr_sftp_print("sftp> %s\n", line);
    return ncr_sftp_line(&m->p, line) || (forgive && !m->p.files->over);
}

static int sftp_batch(struct sftp_main *m)
{
    struct ncr_file f;
    char *save = NULL;
    nacre_err err = strcmp(m->batch_file, "-") == 0
                        ? ncr_file_read_fd(&f, STDIN_FILENO, SFTP_BATCH_MAX)
                        : ncr_file_read(&f, m->batch_file, SFTP_BATCH_MAX);
    int status = 0;

    if (err != NACRE_OK) {
        (void)ncr_front_fatal(&m->p.front, "%s: %s", m->batch_file, ncr_file_error(err));
        return 1;
    }
    for (char *line = strtok_r((char *)f.p, "\n", &save); line != NULL && status == 0 && !m->p.quit;
         line = strtok_r(NULL, "\n", &save)) {
        if (!sftp_batch_line(m, line) || m->p.interrupted)
            status = 1;
    }
    ncr_file_wipe(&f);
    return status;
}

/* "host:path" as destination: a directory to start in, or a file to fetch. True: it was the latter.
 */
static bool sftp_fetch_path(struct sftp_main *m, int *status)
{
    struct nacre_sftp_attrs a;
    char *path = ncr_remote_path(&m->p, m->path);
    struct ncr_words w;

    memset(&w, 0, sizeof w);
    if (path == NULL || nacre_files_stat(m->p.files, path, true, &a) != NACRE_OK ||
        (a.mode & NACRE_SFTP_S_IFMT) != NACRE_SFTP_S_IFDIR) {
        struct ncr_move_flags flags = {m->p.preserve, m->p.recursive, m->p.resume, m->p.fsync};

        free(path);
        w.w[1].text = w.w[1].pattern = m->path;
        w.w[2].text = (char *)(uintptr_t)m->local;
        w.n = m->local != NULL ? 3 : 2;
        *status = ncr_sftp_get(&m->p, &w, flags) ? 0 : 1;
        return true;
    }
    free(m->p.cwd);
    m->p.cwd = nacre_files_realpath(m->p.files, path);
    if (m->p.cwd == NULL)
        m->p.cwd = path;
    else
        free(path);
    return false;
}

static int sftp_serve(struct sftp_main *m)
{
    int status = 0;

    if (m->path != NULL && sftp_fetch_path(m, &status))
        return status;
    return m->p.batch ? sftp_batch(m) : sftp_interactive(m);
}

/* The program that we ran gets the end of its input; one that does not end by itself is ended. */
static void sftp_reap(struct sftp_main *m)
{
    const struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};
    pid_t got = 0;

    if (m->child <= 0)
        return;
    for (unsigned i = 0; i < SFTP_REAP_TURNS && got == 0; i++) {
        got = waitpid(m->child, NULL, WNOHANG);
        if (got == 0)
            (void)nanosleep(&moment, NULL); /* a shorter one does no harm */
    }
    if (got != 0)
        return;
    (void)kill(m->child, SIGTERM); /* ours, and not waited for yet: the number is right */
    while (waitpid(m->child, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void sftp_finish(struct sftp_main *m)
{
    ncr_loop_unwatch(&m->p.loop, &m->input);
    nacre_files_close(m->p.files);
    nacre_client_close(m->p.client);
    ncr_front_leave(&m->p.front);
    sftp_reap(m);
    ncr_loop_free(&m->p.loop);
    free(m->p.cwd);
}

/* nacre-ssh, for jump hosts: where this program is, or in PATH. */
static const char *sftp_find_ssh(const char *self)
{
    static char path[4096];
    const char *slash = strrchr(self, '/');
    int dir = slash != NULL ? (int)(slash - self + 1) : 0;
    int n = snprintf(path, sizeof path, "%.*snacre-ssh", dir, self);

    return n > 0 && (size_t)n < sizeof path ? path : "nacre-ssh";
}

int main(int argc, char **argv)
{
    static struct sftp_main m; /* one of a process; large */
    int status = 255;

    m.p.front.fd = STDERR_FILENO;
    m.p.front.ssh = sftp_find_ssh(argv[0]);
    m.p.front.proxy.no_interrupt = true; /* an interrupt ends a transfer, not the connection */
    ncr_opt_init(&m.p.front.opt, "nacre-sftp");
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL); /* ignored by our parent, children could not be waited for */
    if (!ncr_front_descriptors())
        return 255;
    if (!sftp_options(&m, argc, argv)) {
        if (m.p.front.opt.error[0] == '\0')
            return sftp_usage();
        return ncr_front_fatal(&m.p.front, "%s", m.p.front.opt.error);
    }
    if (!sftp_configure(&m))
        return m.p.front.opt.error[0] == '\0'
                   ? 255
                   : ncr_front_fatal(&m.p.front, "%s", m.p.front.opt.error);
    sftp_settle(&m);
    ncr_front_check_identities(&m.p.front);
    if (ncr_loop_init(&m.p.loop, NCR_LOOP_POLL) != NACRE_OK)
        return ncr_front_fatal(&m.p.front, "event loop: %s", strerror(errno));
    if (sftp_open(&m)) {
        if (ncr_loop_signal(&m.p.loop, SIGINT, sftp_on_interrupt, &m) != NACRE_OK ||
            ncr_loop_signal(&m.p.loop, SIGWINCH, sftp_on_resize, &m) != NACRE_OK)
            (void)ncr_front_fatal(&m.p.front, "signals: %s", strerror(errno));
        else
            status = sftp_serve(&m);
    }
    if (fflush(stdout) != 0 && status == 0)
        status = 1;
    sftp_finish(&m);
    return status;
}
