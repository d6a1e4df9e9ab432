/* SPDX-License-Identifier: ISC
 *
 * What the configuration reader asks the system for: files and patterns of them, the commands of
 * `Match exec`, the addresses of interfaces, names.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/ssh_config.h"
#include "proto/posix/clock.h"

#define CONFSYS_RUN_MS 60000       /* for a command */
#define CONFSYS_GLOB_LEVELS 4      /* directories of a pattern that are searched */
#define CONFSYS_PAUSE_MAX 20000000 /* ns between two looks at a command */

/* ---- Files ------------------------------------------------------------------------------- */

static nacre_err confsys_read(void *ctx, struct ncr_file *f, const char *path, bool given)
{
    nacre_err err;
    int fd;

    (void)ctx;
    if (!given)
        return ncr_file_read(f, path, NCR_SSH_CONFIG_FILE_MAX);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return NACRE_ERR_IO;
    err = ncr_file_read_fd(f, fd, NCR_SSH_CONFIG_FILE_MAX);
    (void)close(fd); /* nothing was written */
    return err;
}

static bool confsys_is_pattern(char c)
{
    return c == '*' || c == '?' || c == '[';
}

/* Parts between slashes that are patterns: each of them has directories read. */
static unsigned confsys_levels(const char *pattern)
{
    unsigned n = 0;
    bool counted = false;

    for (; *pattern != '\0'; pattern++) {
        if (*pattern == '/')
            counted = false;
        else if (confsys_is_pattern(*pattern) && !counted) {
            counted = true;
            n++;
        }
    }
    return n;
}

/* A directory that is not ours to read has no files for us; anything else might hide some. */
static int confsys_glob_error(const char *path, int err)
{
    (void)path;
    return err != ENOENT && err != ENOTDIR && err != EACCES && err != EPERM && err != ELOOP;
}

static bool confsys_glob(void *ctx, struct ncr_ssh_config_paths *paths, const char *pattern)
{
    glob_t found;
    bool good;
    int got;

    (void)ctx;
    if (confsys_levels(pattern) > CONFSYS_GLOB_LEVELS)
        return false;
    got = glob(pattern, 0, confsys_glob_error, &found);
    if (got != 0)
        return got == GLOB_NOMATCH; /* nothing is held */
    good = found.gl_pathc <= NCR_SSH_CONFIG_FILES - paths->n;
    for (size_t i = 0; i < found.gl_pathc && good; i++) {
        paths->path[paths->n] = strdup(found.gl_pathv[i]);
        good = paths->path[paths->n] != NULL;
        paths->n += good;
    }
    globfree(&found);
    return good;
}

/* ---- Commands ---------------------------------------------------------------------------- */

static void confsys_exec(const char *command)
{
    const char *shell = getenv("SHELL");
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (shell == NULL || shell[0] == '\0')
        shell = "/bin/sh";
    (void)signal(SIGPIPE, SIG_DFL);
    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0)
        (void)execl(shell, shell, "-c", command, (char *)NULL);
    (void)raise(SIGKILL); /* no exit status: it did not run */
    _exit(127);
}

enum confsys_end { CONFSYS_ENDED, CONFSYS_LATE, CONFSYS_LOST };

/* Waits for the child until then; *status is what waitpid(2) has. Lost: somebody else has waited
 * for it, or the system where SIGCHLD is ignored, and the number may be another's by now. */
static enum confsys_end confsys_wait(pid_t pid, uint64_t until, int *status)
{
    struct timespec pause = {0, 1000000};
    pid_t got;

    for (;;) {
        got = waitpid(pid, status, WNOHANG);
        if (got == pid)
            return CONFSYS_ENDED;
        if (got < 0 && errno != EINTR)
            return CONFSYS_LOST;
        if (ncr_clock_ms() >= until)
            return CONFSYS_LATE;
        (void)nanosleep(&pause, NULL); /* a shorter one does no harm */
        if (pause.tv_nsec < CONFSYS_PAUSE_MAX)
            pause.tv_nsec *= 2;
    }
}

static int confsys_run(void *ctx, const char *command)
{
    pid_t pid = fork();
    int status = 0;
    enum confsys_end end;

    (void)ctx;
    if (pid == 0)
        confsys_exec(command);
    if (pid < 0)
        return -1;
    end = confsys_wait(pid, ncr_clock_deadline(CONFSYS_RUN_MS), &status);
    if (end == CONFSYS_ENDED)
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (end == CONFSYS_LOST)
        return -1;
    (void)kill(pid, SIGKILL); /* ours, and not waited for yet: the number is right */
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return -1;
}

/* ---- The network ------------------------------------------------------------------------- */

static const void *confsys_addr_of(const struct sockaddr *sa)
{
    switch (sa->sa_family) {
    case AF_INET:
        return &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
    case AF_INET6:
        return &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
    default:
        return NULL;
    }
}

static size_t confsys_addrs(void *ctx, char (*addr)[NCR_SSH_CONFIG_ADDR], size_t cap)
{
    struct ifaddrs *list;
    size_t n = 0;

    (void)ctx;
    if (getifaddrs(&list) != 0)
        return 0;
    for (const struct ifaddrs *i = list; i != NULL && n < cap; i = i->ifa_next) {
        const void *a = i->ifa_addr != NULL ? confsys_addr_of(i->ifa_addr) : NULL;

        if (a != NULL && (i->ifa_flags & IFF_UP) != 0 &&
            inet_ntop(i->ifa_addr->sa_family, a, addr[n], NCR_SSH_CONFIG_ADDR) != NULL)
            n++;
    }
    freeifaddrs(list);
    return n;
}

static bool confsys_resolve(void *ctx, const char *name, char canonical[NCR_SSH_CONFIG_NAME])
{
    struct addrinfo hints;
    struct addrinfo *found;
    const char *other;

    (void)ctx;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_CANONNAME;
    canonical[0] = '\0';
    if (getaddrinfo(name, NULL, &hints, &found) != 0)
        return false;
    other = found->ai_canonname;
    if (other != NULL && strlen(other) < NCR_SSH_CONFIG_NAME)
        memcpy(canonical, other, strlen(other) + 1);
    freeaddrinfo(found);
    return true;
}

const struct ncr_ssh_config_env ncr_ssh_config_system = {
    NULL, confsys_read, confsys_glob, confsys_run, confsys_addrs, confsys_resolve};
