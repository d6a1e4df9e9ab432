/* SPDX-License-Identifier: ISC
 *
 * nacre-sshd: options and their effect on the configuration, after sshd(8). What each option or
 * keyword does is in sshd_config.h and daemon.h. Options that sshd has and this program has not are
 * refused by getopt(3), by name.
 */
#include "server/daemon.h"
#include "server/inherit.h"
#include "server/users_file.h"

#include "proto/posix/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define SSHD_CONFIG_FILE "/etc/nacre/sshd_config"
#define SSHD_PID_FILE "/run/nacre-sshd.pid"

struct sshd_options {
    const char *config;
    const char *log_file;
    unsigned debug;
    bool foreground, to_stderr, quiet, inetd, test, config_given;
};

static const char sshd_usage[] =
    "usage: nacre-sshd [-46DdeiqtV] [-E log_file] [-f config_file] [-h host_key_file]\n"
    "                  [-o option] [-p port]\n"
    "       nacre-sshd --hash-password\n";

static int sshd_fail(const char *text)
{
    fprintf(stderr, "nacre-sshd: %s\n", text);
    return 255;
}

/* One password from standard input, without its line end, becomes the secret of a users file. */
static int sshd_hash_password(void)
{
    struct ncr_file f;
    char out[NCR_PASSWORD_TEXT_LEN];
    if (ncr_file_read_fd(&f, STDIN_FILENO, 4096) != NACRE_OK) {
        return sshd_fail("cannot read a password from standard input");
    }
    size_t n = f.n;
    while (n > 0 && (f.p[n - 1] == '\n' || f.p[n - 1] == '\r')) {
        n--;
    }
    bool ok = ncr_users_hash(out, (struct nacre_bytes){f.p, n}, NCR_PASSWORD_ROUNDS, &nacre_rng_os);
    ncr_file_wipe(&f);
    if (!ok) {
        return sshd_fail("password is empty or longer than 1,024 bytes");
    }
    puts(out);
    return 0;
}

/* ---- Options ----------------------------------------------------------------------------- */

static bool sshd_set(struct ncr_daemon *d, const char *keyword, const char *value)
{
    char line[4096], error[NCR_SSHD_ERROR_LEN];
    int n = snprintf(line, sizeof line, "%s%s%s", keyword, *keyword != '\0' ? " " : "", value);
    if (n < 0 || (size_t)n >= sizeof line) {
        sshd_fail("option too long");
        return false;
    }
    if (!ncr_sshd_config_line(&d->cfg, line, (size_t)n, "command line", error)) {
        sshd_fail(error);
        return false;
    }
    return true;
}

static bool sshd_option(struct ncr_daemon *d, struct sshd_options *o, int opt)
{
    switch (opt) {
    case '4':
    case '6':
        d->cfg.family = opt == '4' ? AF_INET : AF_INET6;
        return true;
    case 'D':
        return o->foreground = true;
    case 'd':
        o->debug++;
        return true;
    case 'e':
        return o->to_stderr = true;
    case 'E':
        o->log_file = optarg;
        return true;
    case 'f':
        o->config = optarg;
        return o->config_given = true;
    case 'h':
        return sshd_set(d, "HostKey", optarg);
    case 'i':
        return o->inetd = true;
    case 'o':
        return sshd_set(d, "", optarg);
    case 'p':
        return sshd_set(d, "Port", optarg);
    case 'q':
        return o->quiet = true;
    case 't':
        return o->test = true;
    default:
        fputs(sshd_usage, stderr);
        return false;
    }
}

static bool sshd_options_read(struct ncr_daemon *d, struct sshd_options *o, int argc, char **argv)
{
    int opt;
    o->config = SSHD_CONFIG_FILE;
    while ((opt = getopt(argc, argv, "46DdeE:f:h:io:p:qt")) != -1) {
        if (!sshd_option(d, o, opt)) {
            return false;
        }
    }
    if (optind < argc) {
        fputs(sshd_usage, stderr);
        return false;
    }
    return true;
}

/* The default file may be missing; one that was named may not. */
static bool sshd_config_read(struct ncr_daemon *d, const struct sshd_options *o)
{
    char error[NCR_SSHD_ERROR_LEN];
    bool wanted = o->config_given ? strcmp(o->config, "none") != 0 : access(o->config, F_OK) == 0;
    if (wanted && !ncr_sshd_config_file(&d->cfg, o->config, error)) {
        sshd_fail(error);
        return false;
    }
    if (!ncr_sshd_config_finish(&d->cfg, error)) {
        sshd_fail(error);
        return false;
    }
    return true;
}

/* ---- Log --------------------------------------------------------------------------------- */

static bool sshd_log(struct ncr_daemon *d, const struct sshd_options *o)
{
    d->log.level = o->quiet ? NCR_LOG_QUIET : d->cfg.log_level;
    if (o->debug > 0) {
        unsigned level = NCR_LOG_DEBUG1 + (o->debug < 3 ? o->debug : 3) - 1;
        d->log.level = (enum ncr_log_level)level;
    }
    d->log.fd = -1;
    if (o->log_file != NULL) {
        d->log.fd = open(o->log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (d->log.fd < 0) {
            fprintf(stderr, "nacre-sshd: %s: %s\n", o->log_file, strerror(errno));
            return false;
        }
    } else if (o->to_stderr || o->debug > 0 || o->test) {
        d->log.fd = STDERR_FILENO;
    } else {
        openlog("nacre-sshd", LOG_PID | LOG_NDELAY, d->cfg.facility);
    }
    return true;
}

/* ---- The process ------------------------------------------------------------------------- */

/* Descriptors 0 to 2 exist, so that no other file gets their numbers; whatever else was inherited
 * is nothing of ours, nor of any user's program. */
static bool sshd_standard_fds(void)
{
    int fd;
    ncr_inherit_close(STDERR_FILENO + 1);
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    return fd >= 0 && close(fd) == 0;
}

static bool sshd_to_null(int fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    bool ok = null >= 0 && dup2(null, fd) == fd;
    if (null >= 0) {
        close(null);
    }
    return ok;
}

/* The parent of the daemon ends; the daemon leaves terminal and directory. */
static bool sshd_background(const struct ncr_daemon *d)
{
    pid_t pid = fork();
    if (pid > 0) {
        _exit(0);
    }
    if (pid < 0 || setsid() < 0 || chdir("/") != 0) {
        return false;
    }
    return sshd_to_null(STDIN_FILENO) && sshd_to_null(STDOUT_FILENO) &&
           (d->log.fd == STDERR_FILENO || sshd_to_null(STDERR_FILENO));
}

/* The connection moves off the standard descriptors: they are everybody's. */
static int sshd_inetd(struct ncr_daemon *d)
{
    int in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3),
        out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (in < 0 || out < 0 || !sshd_to_null(STDIN_FILENO) || !sshd_to_null(STDOUT_FILENO)) {
        return sshd_fail("no connection on standard input");
    }
    return ncr_daemon_inetd(d, in, out);
}

static int sshd_serve(struct ncr_daemon *d, const struct sshd_options *o)
{
    bool foreground = o->foreground || o->debug > 0;
    d->debug = o->debug > 0;
    d->tell = foreground;
    if (o->inetd) {
        return sshd_inetd(d);
    }
    if (!foreground && !sshd_background(d)) {
        return sshd_fail("cannot become a daemon");
    }
    const char *pid_file = d->cfg.pid_file;
    if (pid_file == NULL && !foreground && geteuid() == 0) {
        pid_file = SSHD_PID_FILE;
    }
    return ncr_daemon_run(d, pid_file);
}

int main(int argc, char **argv)
{
    static struct ncr_daemon d;
    struct sshd_options o;
    memset(&o, 0, sizeof o);
    if (argc == 2 && strcmp(argv[1], "--hash-password") == 0) {
        return sshd_hash_password();
    }
    if (argc == 2 && (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0)) {
        fprintf(stderr, "nacre_%s\n", NACRE_VERSION);
        return 0;
    }
    ncr_inherit_signals();
    (void)umask(umask(077) | 022); /* sessions have it too; sshd does the same */
    ncr_sshd_config_init(&d.cfg);
    d.empty_dir = -1;
    if (!sshd_standard_fds() || !sshd_options_read(&d, &o, argc, argv) ||
        !sshd_config_read(&d, &o) || !sshd_log(&d, &o)) {
        return 255;
    }
    if (!ncr_daemon_prepare(&d)) {
        return 255;
    }
    int status = o.test ? 0 : sshd_serve(&d, &o);
    bool again = d.restart;
    ncr_daemon_free(&d);
    if (again) {
        execv("/proc/self/exe", argv);
        return sshd_fail("cannot restart");
    }
    return status;
}
