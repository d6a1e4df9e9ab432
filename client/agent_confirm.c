/* SPDX-License-Identifier: ISC
 *
 * Consent by SSH_ASKPASS: see agent_confirm.h. The program gets the question as its argument and
 * SSH_ASKPASS_PROMPT=confirm; it consents by ending with status 0 after writing nothing or "yes".
 * As with ssh-agent it is asked if ask.h says that it may.
 */
#include "client/agent_confirm.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/ask.h"
#include "proto/posix/socket.h"

#define CONFIRM_RETRY_MS 20 /* between looks at a program that has closed its output */

static void confirm_end(struct ncr_confirm *c)
{
    ncr_loop_unwatch(c->loop, &c->watch);
    ncr_loop_timer_set(c->loop, &c->timer, NCR_NEVER);
    if (c->fd >= 0)
        (void)close(c->fd); /* only read from */
    c->fd = -1;
    c->busy = false;
}

/* Whether what was written is consent. */
static bool confirm_says_yes(const struct ncr_confirm *c)
{
    size_t n = 0;

    while (n < c->n && c->answer[n] != '\n' && c->answer[n] != '\r')
        n++;
    return n == 0 || (n == 3 && strncasecmp(c->answer, "yes", 3) == 0);
}

/* After the end of output: tells, when the program has ended, too. */
static void confirm_reap(void *ctx)
{
    struct ncr_confirm *c = ctx;
    int status = 0;
    const pid_t got = waitpid(c->pid, &status, WNOHANG);

    if (got == 0 || (got < 0 && errno == EINTR)) {
        ncr_loop_timer_set(c->loop, &c->timer, ncr_loop_now(c->loop) + CONFIRM_RETRY_MS);
        return;
    }
    confirm_end(c);
    c->done(c->ctx,
            got == c->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0 && confirm_says_yes(c));
}

/* What is over the room is read and forgotten: it is no "yes". */
static void confirm_ready(void *ctx, unsigned ready)
{
    struct ncr_confirm *c = ctx;
    char rest[64];
    ssize_t got;

    (void)ready; /* waits to read alone */
    if (c->n < sizeof c->answer) {
        got = read(c->fd, c->answer + c->n, sizeof c->answer - c->n);
        c->n += got > 0 ? (size_t)got : 0;
    } else {
        got = read(c->fd, rest, sizeof rest);
    }
    if (got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN)))
        return;
    ncr_loop_unwatch(c->loop, &c->watch);
    confirm_reap(c);
}

nacre_err ncr_confirm_init(struct ncr_confirm *c)
{
    c->fd = -1;
    return ncr_loop_timer(c->loop, &c->timer, confirm_reap, c);
}

static void confirm_exec(struct ncr_confirm *c, const char *program, const char *question, int out)
{
    ncr_loop_child(c->loop);
    (void)signal(SIGPIPE, SIG_DFL);
    if (c->group)
        (void)setpgid(0, 0); /* one that may be a script is ended with what it runs */
    if (setenv("SSH_ASKPASS_PROMPT", "confirm", 1) == 0 && dup2(out, STDOUT_FILENO) >= 0)
        (void)execlp(program, program, question, (char *)NULL);
    _exit(127);
}

bool ncr_confirm_start(struct ncr_confirm *c, const char *question)
{
    bool first;
    const char *program = ncr_ask_program(&first); /* the agent has no terminal to prefer */
    int fds[2];

    if (program == NULL || c->busy || !ncr_pipe(fds))
        return false;
    c->group = getsid(0) == getpid(); /* else the program may want to read from the terminal */
    c->pid = fork();
    if (c->pid == 0)
        confirm_exec(c, program, question, fds[1]);
    if (c->pid > 0 && c->group)
        (void)setpgid(c->pid, c->pid); /* whichever of the two is first */
    (void)close(fds[1]);               /* the child's end */
    c->fd = fds[0];
    c->n = 0;
    c->busy = true;
    if (c->pid > 0 && ncr_fd_nonblock(c->fd, true) &&
        ncr_loop_watch(c->loop, &c->watch, c->fd, NCR_LOOP_READ, confirm_ready, c) == NACRE_OK)
        return true;
    ncr_confirm_stop(c);
    return false;
}

void ncr_confirm_stop(struct ncr_confirm *c)
{
    int status;

    if (!c->busy)
        return;
    confirm_end(c);
    if (c->pid > 0 && kill(c->group ? -c->pid : c->pid, SIGKILL) == 0)
        while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
            ;
}
