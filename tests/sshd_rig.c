/* SPDX-License-Identifier: ISC
 *
 * The daemon run for real: see sshd_rig.h.
 */
#include "tests/sshd_rig.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the operations work in. */
static uint64_t work[NACRE_WORK];

static struct daemon daemon_state;

const char *daemon_program(void)
{
    static char path[512];
    const char *build = getenv("BUILD");
    snprintf(path, sizeof path, "%s/nacre-sshd", build != NULL ? build : "build");
    return path;
}

void daemon_arg(struct daemon *t, const char *format, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    cr_assert_lt(t->n, (size_t)DAEMON_ARGS - 1);
    t->argv[t->n] = strdup(text);
    cr_assert_not_null(t->argv[t->n++]);
}

void daemon_write(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
    cr_assert_eq(chmod(path, mode), 0);
}

static void daemon_host_key(struct daemon *t)
{
    uint8_t text[NACRE_KEYFILE_TEXT_MAX];
    struct nacre_keyfile_opts opts;
    size_t n;
    memset(&opts, 0, sizeof opts);
    cr_assert_eq(nacre_privkey_generate(&t->host_key, "ssh-ed25519", 0, &nacre_rng_os, work),
                 NACRE_OK);
    cr_assert_eq(nacre_keyfile_write(text, sizeof text - 1, &n, &t->host_key,
                                     (struct nacre_bytes){NULL, 0}, &opts, &nacre_rng_os, work),
                 NACRE_OK);
    text[n] = 0;
    daemon_write(t->host, (const char *)text, 0600);
}

/* The one line of authorized_keys, with options in front. */
void daemon_authorize(struct daemon *t, const char *options)
{
    char line[256], text[1024];
    cr_assert_eq(nacre_pubkey_format(line, sizeof line, nacre_privkey_public_blob(&t->user),
                                     (struct nacre_bytes){NULL, 0}),
                 NACRE_OK);
    snprintf(text, sizeof text, "%s%s%s\n", options, *options != '\0' ? " " : "", line);
    daemon_write(t->keys, text, 0600);
}

struct daemon *daemon_prepare(void)
{
    struct daemon *t = &daemon_state;
    char text[600];
    memset(t, 0, sizeof *t);
    t->d.fd = -1;
    strcpy(t->dir, "/tmp/nacre-sshd-XXXXXX");
    cr_assert_not_null(mkdtemp(t->dir));
    snprintf(t->keys, sizeof t->keys, "%s/authorized_keys", t->dir);
    snprintf(t->users, sizeof t->users, "%s/users", t->dir);
    snprintf(t->log, sizeof t->log, "%s/log", t->dir);
    snprintf(t->host, sizeof t->host, "%s/host_key", t->dir);
    if (access(daemon_program(), X_OK) != 0) {
        cr_skip_test("%s is not built", daemon_program());
    }
    if (getenv("LD_PRELOAD") != NULL && strstr(getenv("LD_PRELOAD"), "vgpreload") != NULL) {
        cr_skip_test("valgrind cannot follow the confined process");
    }
    if (!ncr_account_by_uid(&t->me, "/etc/passwd", getuid())) {
        cr_skip_test("no account of this user in /etc/passwd");
    }
    if (t->me.locked || ncr_account_shadow("/etc/shadow", t->me.name, 0) != NULL) {
        cr_skip_test("the account of this user is locked");
    }
    daemon_host_key(t);
    cr_assert_eq(nacre_privkey_generate(&t->user, "ssh-ed25519", 0, &nacre_rng_os, work), NACRE_OK);
    cr_assert_eq(nacre_privkey_generate(&t->other, "ssh-ed25519", 0, &nacre_rng_os, work),
                 NACRE_OK);
    daemon_authorize(t, "");
    snprintf(text, sizeof text, "%.255s:{plain}secret\nghost:{plain}secret\n", t->me.name);
    daemon_write(t->users, text, 0600);
    daemon_arg(t, "%s", daemon_program());
    daemon_arg(t, "-f");
    daemon_arg(t, "none");
    daemon_arg(t, "-h");
    daemon_arg(t, "%s", t->host);
    static const char *const options[] = {"ListenAddress=127.0.0.1", "StrictModes=no",
                                          "PermitRootLogin=yes", "PerSourcePenalties=no",
                                          "LogLevel=VERBOSE"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        daemon_arg(t, "-o");
        daemon_arg(t, "%s", options[i]);
    }
    daemon_arg(t, "-o");
    daemon_arg(t, "AuthorizedKeysFile=%s", t->keys);
    daemon_arg(t, "-o");
    daemon_arg(t, "UsersFile=%s", t->users);
    return t;
}

void daemon_option(struct daemon *t, const char *option)
{
    daemon_arg(t, "-o");
    daemon_arg(t, "%s", option);
}

/* The log so far. */
const char *daemon_log(struct daemon *t)
{
    FILE *f = fopen(t->log, "r");
    size_t n = f != NULL ? fread(t->said, 1, sizeof t->said - 1, f) : 0;
    t->said[n] = '\0';
    if (f != NULL) {
        fclose(f);
    }
    return t->said;
}

void daemon_nap(void)
{
    struct timespec ms = {0, 2000000};
    nanosleep(&ms, NULL);
}

uint64_t daemon_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Waits for a text in the log. */
const char *daemon_says(struct daemon *t, const char *text)
{
    const char *at = NULL;
    for (uint64_t until = daemon_ms() + 60000; at == NULL && daemon_ms() < until;) {
        at = strstr(daemon_log(t), text);
        if (at == NULL) {
            daemon_nap();
        }
    }
    return at;
}

pid_t daemon_spawn(struct daemon *t, int in_fd)
{
    pid_t pid = fork();
    if (pid == 0) {
        int log = open(t->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        int null = open("/dev/null", O_RDWR);
        dup2(in_fd >= 0 ? in_fd : null, 0);
        dup2(in_fd >= 0 ? in_fd : log, 1);
        dup2(log, 2);
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that fails leaves no daemon behind */
        execv(t->argv[0], t->argv);
        _exit(126);
    }
    cr_assert_gt(pid, 0);
    return pid;
}

void daemon_run(struct daemon *t)
{
    daemon_arg(t, "-D");
    daemon_arg(t, "-e");
    daemon_arg(t, "-p");
    daemon_arg(t, "0");
    t->pid = daemon_spawn(t, -1);
    const char *at = daemon_says(t, "Server listening on 127.0.0.1 port ");
    cr_assert_not_null(at, "%s", daemon_log(t));
    t->port = (uint32_t)strtoul(at + strlen("Server listening on 127.0.0.1 port "), NULL, 10);
}

void daemon_connect(struct daemon *t)
{
    if (t->d.fd >= 0) {
        driver_free(&t->d);
    }
    int fd = driver_connect(t->port);
    cr_assert_geq(fd, 0);
    driver_init(&t->d, fd);
}

struct daemon *daemon_start(void)
{
    struct daemon *t = daemon_prepare();
    daemon_run(t);
    daemon_connect(t);
    return t;
}

struct daemon *daemon_start_with(const char *option)
{
    struct daemon *t = daemon_prepare();
    daemon_option(t, option);
    daemon_run(t);
    daemon_connect(t);
    return t;
}

void daemon_login(struct daemon *t)
{
    cr_assert(driver_key(&t->d, t->me.name, &t->user, true), "%s", daemon_log(t));
}

void daemon_stop(struct daemon *t)
{
    char cmd[96];
    int status = -1;
    if (t->d.fd >= 0) {
        driver_free(&t->d);
    }
    if (t->pid > 0) {
        cr_assert_eq(kill(t->pid, SIGTERM), 0);
        cr_assert_eq(waitpid(t->pid, &status, 0), t->pid);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x: %s", (unsigned)status,
                  daemon_log(t));
    }
    for (size_t i = 0; i < t->n; i++) {
        free(t->argv[i]);
    }
    snprintf(cmd, sizeof cmd, "rm -rf %s", t->dir);
    cr_assert_eq(system(cmd), 0);
}

/* An honest login must work after whatever was done to the daemon. */
void daemon_still_serves(struct daemon *t)
{
    daemon_connect(t);
    daemon_login(t);
    cr_assert_eq(driver_exec(&t->d, "exit 3", NULL, 0), 3);
}

/* Runs the daemon to its end and returns its exit status. */
int daemon_once(struct daemon *t)
{
    int status = -1;
    pid_t pid = daemon_spawn(t, -1);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void daemon_expect_end(struct daemon *t)
{
    for (uint64_t until = daemon_ms() + 60000; t->d.err == NACRE_OK && daemon_ms() < until;) {
        driver_step(&t->d, 20);
    }
    cr_assert_neq(t->d.err, NACRE_OK, "the connection must end");
}

/* A port that somebody listens on; the descriptor to close. */
int daemon_listener(uint32_t *port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *any = (struct sockaddr *)&sa;
    socklen_t len = sizeof sa;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, any, len), 0);
    cr_assert_eq(listen(fd, 64), 0);
    cr_assert_eq(getsockname(fd, any, &len), 0);
    *port = ntohs(sa.sin_port);
    return fd;
}

bool daemon_open_to(struct daemon *t, uint32_t port)
{
    struct nacre_tcpip to = {.host = nacre_bytes_str("127.0.0.1"),
                             .port = port,
                             .origin = nacre_bytes_str("127.0.0.1"),
                             .origin_port = 1};
    driver_reset(&t->d);
    cr_assert_eq(nacre_chan_open_tcpip(&t->d.conn, "direct-tcpip", &to, &t->d.chan), NACRE_OK);
    for (uint64_t until = daemon_ms() + 60000; daemon_ms() < until;) {
        if (t->d.opened || t->d.refused) {
            break;
        }
        driver_step(&t->d, 20);
    }
    return t->d.opened;
}

bool daemon_may_open(struct daemon *t, uint32_t port)
{
    bool ok = daemon_open_to(t, port);
    if (ok) {
        cr_assert_eq(nacre_chan_close(&t->d.conn, t->d.chan), NACRE_OK);
        cr_assert(driver_until(&t->d, &t->d.closed));
    }
    return ok;
}

bool daemon_may_listen(struct daemon *t, uint32_t port)
{
    const struct nacre_global g = {
        .kind = NACRE_GLOBAL_TCPIP_FORWARD, .addr = nacre_bytes_str("localhost"), .port = port};
    unsigned ok = t->d.global_ok, no = t->d.global_no;
    cr_assert_eq(nacre_global_request(&t->d.conn, &g, true), NACRE_OK);
    for (uint64_t until = daemon_ms() + 60000; daemon_ms() < until;) {
        if (t->d.global_ok + t->d.global_no > ok + no) {
            break;
        }
        driver_step(&t->d, 20);
    }
    return t->d.global_ok > ok;
}

bool daemon_may_pty(struct daemon *t)
{
    const struct nacre_request r = {
        .kind = NACRE_REQ_PTY, .text = nacre_bytes_str("xterm"), .cols = 80, .rows = 24};
    cr_assert(driver_session(&t->d));
    bool ok = driver_request(&t->d, &r);
    cr_assert_eq(nacre_chan_close(&t->d.conn, t->d.chan), NACRE_OK);
    cr_assert(driver_until(&t->d, &t->d.closed));
    return ok;
}

bool daemon_may_lend_agent(struct daemon *t)
{
    const struct nacre_request r = {.kind = NACRE_REQ_OTHER,
                                    .name = nacre_bytes_str("auth-agent-req@openssh.com")};
    cr_assert(driver_session(&t->d));
    bool ok = driver_request(&t->d, &r);
    cr_assert_eq(nacre_chan_close(&t->d.conn, t->d.chan), NACRE_OK);
    cr_assert(driver_until(&t->d, &t->d.closed));
    return ok;
}
