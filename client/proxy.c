/* SPDX-License-Identifier: ISC
 *
 * Programs that make the connection: see proxy.h.
 */
#include "client/proxy.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/posix/socket.h"

#define PROXY_PATIENCE 100 /* turns of 10 ms for it to end by itself */

static void proxy_exec(const struct ncr_proxy *p, char *const *argv, int fd)
{
    (void)signal(SIGPIPE, SIG_DFL);
    if (p->no_interrupt)
        (void)signal(SIGINT, SIG_IGN); /* it is in the terminal's foreground group too */
    if (dup2(fd, STDIN_FILENO) >= 0 && dup2(fd, STDOUT_FILENO) >= 0)
        (void)execvp(argv[0], argv);
    fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

bool ncr_proxy_program(struct ncr_proxy *p, char *const *argv)
{
    int fds[2];

    p->pid = 0;
    p->fd = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return false;
    p->pid = fork();
    if (p->pid == 0)
        proxy_exec(p, argv, fds[1]);
    (void)close(fds[1]); /* the child's end */
    if (p->pid > 0 && ncr_fd_nonblock(fds[0], true)) {
        p->fd = fds[0];
        return true;
    }
    (void)close(fds[0]); /* nothing is in it */
    ncr_proxy_stop(p);
    return false;
}

bool ncr_proxy_command(struct ncr_proxy *p, const char *command)
{
    const char *shell = getenv("SHELL");
    size_t n = strlen(command) + sizeof "exec ";
    char *line = malloc(n);
    bool good;

    p->pid = 0;
    if (line == NULL)
        return false;
    (void)snprintf(line, n, "exec %s", command); /* counted above */
    char *argv[] = {(char *)(uintptr_t)(shell != NULL && shell[0] != '\0' ? shell : "/bin/sh"),
                    (char *)(uintptr_t) "-c", line, NULL};
    good = ncr_proxy_program(p, argv);
    free(line);
    return good;
}

void ncr_proxy_stop(struct ncr_proxy *p)
{
    const struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};
    pid_t got = 0;

    if (p->pid <= 0)
        return;
    (void)kill(p->pid, SIGHUP); /* ours, and not waited for yet: the number is right */
    for (unsigned i = 0; i < PROXY_PATIENCE && got == 0; i++) {
        got = waitpid(p->pid, NULL, WNOHANG);
        if (got == 0)
            (void)nanosleep(&moment, NULL); /* a shorter one does no harm */
    }
    if (got == 0)
        (void)kill(p->pid, SIGKILL);
    while (got == 0 && waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    p->pid = 0;
}
