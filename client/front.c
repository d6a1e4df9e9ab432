/* SPDX-License-Identifier: ISC
 *
 * The client programs' face: see front.h.
 */
#include "client/front.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "client/ask.h"
#include "client/client.h"
#include "client/options_values.h"
#include "client/ssh_config.h"
#include "proto/posix/file.h"

#define FRONT_LINE_CAP 9216 /* an error line of the library and what stands before it */
#define FRONT_REPORT_CAP 32768
#define FRONT_PATH_CAP 4096
#define FRONT_PORT 22
#define FRONT_JUMPS                                                                                \
    16 /* of programs, each started by the one before; a way to anywhere has fewer */
#define FRONT_DEPTH "NACRE_JUMP_DEPTH" /* how many there are already */

bool ncr_front_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR | O_NOCTTY);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        return false;
    (void)close(fd); /* the first that was not needed */
    return true;
}

/* ---- Messages ---------------------------------------------------------------------------- */

static void front_put(struct ncr_front *f, const char *before, const char *format, va_list args)
{
    char line[FRONT_LINE_CAP];
    size_t n = (size_t)snprintf(line, sizeof line - 2, "%s", before);
    int got = vsnprintf(line + n, sizeof line - 2 - n, format, args);

    if (got > 0)
        n += (size_t)got < sizeof line - 2 - n ? (size_t)got : sizeof line - 3 - n;
    if (f->crlf)
        line[n++] = '\r';
    line[n++] = '\n';
    if (!ncr_file_write_all(f->fd, (const uint8_t *)line, n))
        return; /* nobody to tell */
}

void ncr_front_say(struct ncr_front *f, unsigned level, const char *format, ...)
{
    va_list args;

    if (level > (f->reading ? f->log : f->opt.log))
        return;
    va_start(args, format);
    front_put(f, level >= NCR_LOG_DEBUG1 ? "debug1: " : "", format, args);
    va_end(args);
}

int ncr_front_fatal(struct ncr_front *f, const char *format, ...)
{
    char before[64];
    va_list args;

    (void)snprintf(before, sizeof before, "%s: ", f->opt.program);
    va_start(args, format);
    if (f->opt.log >= NCR_LOG_FATAL)
        front_put(f, before, format, args);
    va_end(args);
    return 255;
}

bool ncr_front_log_to(struct ncr_front *f, const char *file)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);

    if (fd < 0)
        return false;
    f->fd = fd;
    return true;
}

static void front_log(void *ctx, enum nacre_log_level level, const char *line)
{
    static const unsigned levels[] = {
        [NACRE_LOG_ERROR] = NCR_LOG_ERROR,
        [NACRE_LOG_INFO] = NCR_LOG_INFO,
        [NACRE_LOG_DEBUG] = NCR_LOG_DEBUG1,
    };

    ncr_front_say(ctx, levels[level], "%s", line);
}

static void front_banner(void *ctx, const char *text)
{
    struct ncr_front *f = ctx;
    size_t n = strlen(text);

    if (f->opt.log < NCR_LOG_INFO || n == 0)
        return;
    if (!ncr_file_write_all(f->fd, (const uint8_t *)text, n) ||
        (text[n - 1] != '\n' && !ncr_file_write_all(f->fd, (const uint8_t *)"\n", 1)))
        return; /* nobody to tell */
}

/* ---- Questions --------------------------------------------------------------------------- */

static enum nacre_trust front_host_key(void *ctx, const struct nacre_host_question *q)
{
    static const char again[] = "Please type 'yes', 'no' or the fingerprint: ";
    struct ncr_front *f = ctx;
    char prompt[FRONT_LINE_CAP];
    char answer[256];
    const char *ask = prompt;

    (void)snprintf(prompt, sizeof prompt,
                   "The authenticity of host '%s (%s)' can't be established.\n"
                   "%s key fingerprint is %s.\n"
                   "%.6000s"
                   "Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
                   q->host, q->addr[0] != '\0' ? q->addr : "<no hostip for proxy command>",
                   q->label, q->fingerprint, q->other_names);
    while (!f->no_prompts && ncr_ask(ask, true, answer, sizeof answer)) {
        if (answer[0] == '\0' || strcasecmp(answer, "no") == 0)
            return NACRE_TRUST_REJECT;
        if (strcasecmp(answer, "yes") == 0 || strcmp(answer, q->fingerprint) == 0)
            return NACRE_TRUST_SAVE;
        ask = again;
    }
    return NACRE_TRUST_REJECT;
}

static bool front_new_host_keys(void *ctx, const char *host, const char *text)
{
    struct ncr_front *f = ctx;
    char answer[16];

    (void)host; /* the one that we are on */
    if (f->no_prompts)
        return false;
    ncr_front_say(f, NCR_LOG_FATAL, "The server has updated its host keys.");
    ncr_front_say(f, NCR_LOG_FATAL,
                  "These changes were verified by the server's existing trusted key.");
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");

        ncr_front_say(f, NCR_LOG_FATAL, "%.*s", (int)n, text);
        text += n + (text[n] != '\0');
    }
    while (ncr_ask("Accept updated hostkeys? (yes/no): ", true, answer, sizeof answer)) {
        if (strcasecmp(answer, "yes") == 0)
            return true;
        if (strcasecmp(answer, "no") == 0 || answer[0] == '\0')
            break;
        ncr_front_say(f, NCR_LOG_FATAL, "Please enter \"yes\" or \"no\"");
    }
    return false;
}

/* A new password is typed twice. */
static bool front_new_password(const char *prompt, char answer[NACRE_SECRET_CAP])
{
    char second[NACRE_SECRET_CAP];
    bool same;

    if (!ncr_ask(prompt, false, answer, NACRE_SECRET_CAP) ||
        !ncr_ask("Retype new password: ", false, second, sizeof second))
        return false;
    same = strcmp(answer, second) == 0;
    nacre_wipe(second, sizeof second);
    return same;
}

static bool front_secret(void *ctx, const struct nacre_secret_question *q,
                         char answer[NACRE_SECRET_CAP])
{
    struct ncr_front *f = ctx;
    bool never = f->opt.prompts == 0 && ncr_opt_has(&f->opt, "NumberOfPasswordPrompts");

    if (f->no_prompts || never)
        return false;
    if (q->kind == NACRE_SECRET_NEW_PASSWORD)
        return front_new_password(q->prompt, answer);
    return ncr_ask(q->prompt, q->echo, answer, NACRE_SECRET_CAP);
}

void ncr_front_hooks(struct ncr_front *f, struct nacre_client_cfg *cfg)
{
    f->no_prompts = f->opt.batch == 2;
    cfg->ctx = f;
    cfg->host_key = front_host_key;
    cfg->new_host_keys = front_new_host_keys;
    cfg->secret = front_secret;
    cfg->banner = front_banner;
    cfg->log = front_log;
}

bool ncr_front_configure(struct ncr_front *f, const char *file, const char *command,
                         const char *session)
{
    const struct ncr_ssh_config cfg = {.opt = &f->opt,
                                       .file = file,
                                       .command = command,
                                       .session = session,
                                       .log = front_log,
                                       .ctx = f};
    bool good;

    f->file = file;
    f->named = f->opt.identities.n;
    f->port_given = f->opt.port != 0;
    f->opt.error[0] = '\0';
    f->log = f->opt.log;
    f->reading = true;
    good = ncr_ssh_config_load(&cfg);
    f->reading = false;
    if (!good) {
        f->opt.error[0] = '\0'; /* the log has had it */
        return false;
    }
    return ncr_opt_settle(&f->opt);
}

/* Whether the jump host is the host itself, as ssh has it, or has its name: what a file says of it
 * holds for the next program too, so that it would start one more, without end. */
static bool front_jump_loops(const struct ncr_front *f)
{
    const struct ncr_opt_jump *j = &f->opt.jump;
    const struct ncr_tokens t = ncr_opt_tokens(&f->opt);
    const bool same_port = (j->port != 0 ? j->port : FRONT_PORT) == t.port;

    if (j->user != NULL && strcmp(j->user, t.user) != 0)
        return false;
    if (strcasecmp(j->host, t.original) == 0 && (same_port || (j->port == 0 && !f->port_given)))
        return true;
    return strcasecmp(j->host, t.host) == 0 && same_port;
}

/* False with the client's error. *depth: nacre-ssh programs that led to this one. */
static bool front_jump_check(const struct ncr_front *f, struct nacre_client *c, uint64_t *depth)
{
    const char *text = getenv(FRONT_DEPTH);

    *depth = 0;
    if (front_jump_loops(f)) {
        ncr_client_error(c, "jumphost loop via %s", f->opt.jump.host);
        return false;
    }
    if (text != NULL && !ncr_opt_number(text, 0, FRONT_JUMPS - 1, depth)) {
        ncr_client_error(c, "ProxyJump: %d jump hosts, each through the next: a loop via %s",
                         FRONT_JUMPS, f->opt.jump.host);
        return false;
    }
    return true;
}

/* The program with its depth in the environment, which is ours no longer than that. */
static bool front_jump_start(struct ncr_front *f, const char *const *argv, uint64_t depth)
{
    char text[16];
    bool good;

    (void)snprintf(text, sizeof text, "%u", (unsigned)depth + 1); /* two digits */
    if (setenv(FRONT_DEPTH, text, 1) != 0)
        return false;
    good = ncr_proxy_program(&f->proxy, (char *const *)(void *)(uintptr_t)argv);
    (void)snprintf(text, sizeof text, "%u", (unsigned)depth);
    return setenv(FRONT_DEPTH, text, 1) == 0 && good;
}

/* The next program expands tokens once more, so each '%' is written twice. False with errno: too
 * long. */
static bool front_jump_before(char out[NCR_TOKENS_CAP], const char *before)
{
    size_t n = 0;

    for (; *before != '\0'; before++) {
        if (n + 2 >= NCR_TOKENS_CAP) {
            errno = E2BIG;
            return false;
        }
        if (*before == '%')
            out[n++] = '%';
        out[n++] = *before;
    }
    out[n] = '\0';
    return true;
}

/* nacre-ssh to the last of the jump hosts, which connects to ours. */
static bool front_jump(struct ncr_front *f, uint64_t depth)
{
    const struct ncr_opt_jump *j = &f->opt.jump;
    const struct ncr_tokens t = ncr_opt_tokens(&f->opt);
    const char *argv[16];
    char port[16], to[NCR_TOKENS_CAP], before[NCR_TOKENS_CAP];
    size_t n = 0;

    argv[n++] = f->ssh;
    if (f->opt.log >= NCR_LOG_DEBUG1)
        argv[n++] = "-v";
    if (f->file != NULL) {
        argv[n++] = "-F";
        argv[n++] = f->file;
    }
    if (j->user != NULL) {
        argv[n++] = "-l";
        argv[n++] = j->user;
    }
    if (j->port != 0) {
        (void)snprintf(port, sizeof port, "%u", (unsigned)j->port); /* five digits */
        argv[n++] = "-p";
        argv[n++] = port;
    }
    if (j->before != NULL) {
        if (!front_jump_before(before, j->before))
            return false;
        argv[n++] = "-J";
        argv[n++] = before;
    }
    (void)snprintf(to, sizeof to, "[%s]:%u", t.host, (unsigned)t.port); /* a host name */
    argv[n++] = "-W";
    argv[n++] = to;
    argv[n++] = "--";
    argv[n++] = j->host;
    argv[n] = NULL;
    return front_jump_start(f, argv, depth);
}

nacre_err ncr_front_connect(struct ncr_front *f, struct nacre_client *c)
{
    const struct ncr_options *o = &f->opt;
    uint64_t depth = 0;

    if (o->proxy_command == NULL && o->jump.host == NULL)
        return ncr_client_connect(c);
    if (o->proxy_command != NULL)
        ncr_front_say(f, NCR_LOG_DEBUG1, "Executing proxy command: %s", o->proxy_command);
    if (o->jump.host != NULL && !front_jump_check(f, c, &depth))
        return NACRE_ERR_USAGE;
    if (o->jump.host != NULL ? !front_jump(f, depth)
                             : !ncr_proxy_command(&f->proxy, o->proxy_command)) {
        ncr_client_error(c, "cannot run the proxy: %s", strerror(errno));
        return NACRE_ERR_IO;
    }
    return ncr_client_connect_fd(c, f->proxy.fd);
}

void ncr_front_leave(struct ncr_front *f)
{
    ncr_proxy_stop(&f->proxy);
}

void ncr_front_check_identities(struct ncr_front *f)
{
    for (uint32_t i = 0; i < f->named; i++) {
        const char *path = f->opt.identities.path[i];
        char public[FRONT_PATH_CAP];

        if (access(path, R_OK) == 0)
            continue;
        /* The public half is enough where an agent has the other. */
        (void)snprintf(public, sizeof public, "%s.pub", path); /* a longer one is not there */
        if (access(public, R_OK) != 0)
            ncr_front_say(f, NCR_LOG_INFO, "Warning: Identity file %s not accessible: %s.", path,
                          strerror(errno));
    }
}

bool ncr_front_report(struct ncr_front *f, struct nacre_client *c)
{
    char text[FRONT_REPORT_CAP];
    const char *file = f->opt.report;
    bool to_stderr = file != NULL && strcmp(file, "-") == 0;
    FILE *out = to_stderr ? stderr : NULL;
    bool good;

    if (file == NULL)
        return true;
    if (nacre_conn_report(nacre_client_conn(c), text, sizeof text) != NACRE_OK)
        (void)snprintf(text, sizeof text, "{}");
    if (out == NULL)
        out = fopen(file, "we");
    good = out != NULL && fprintf(out, "%s\n", text) > 0;
    if (out != NULL && !to_stderr)
        good = fclose(out) == 0 && good;
    if (!good)
        ncr_front_say(f, NCR_LOG_ERROR, "cannot write the report to %s: %s", file, strerror(errno));
    return good;
}
