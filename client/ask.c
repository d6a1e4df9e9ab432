/* SPDX-License-Identifier: ISC
 *
 * Asking a person: see ask.h.
 */
#include "client/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "crypto/nacre_crypto.h"
#include "proto/posix/file.h"
#include "proto/posix/socket.h"

static const int ask_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};

#define ASK_SIGNALS (sizeof ask_signals / sizeof ask_signals[0])

/* A handler has no argument of its own. */
static volatile sig_atomic_t ask_caught;

static void ask_handler(int signo)
{
    ask_caught = signo;
}

/* Without SA_RESTART, so that the read ends. */
static void ask_take_signals(struct sigaction old[ASK_SIGNALS])
{
    struct sigaction sa;

    memset(&sa, 0, sizeof sa);
    sa.sa_handler = ask_handler;
    ask_caught = 0;
    for (size_t i = 0; i < ASK_SIGNALS; i++)
        (void)sigaction(ask_signals[i], &sa, &old[i]); /* known signals: cannot fail */
}

static void ask_give_signals_back(const struct sigaction old[ASK_SIGNALS])
{
    for (size_t i = 0; i < ASK_SIGNALS; i++)
        (void)sigaction(ask_signals[i], &old[i], NULL); /* as above */
}

/* Reads a line; a longer one is cut. False at end of file or by a signal. Byte by byte, so that
 * what follows the line is left for others. */
static bool ask_read_line(int fd, char *answer, size_t cap)
{
    size_t n = 0;
    char c;

    for (;;) {
        ssize_t got = read(fd, &c, 1);

        if (got < 0 && errno == EINTR && ask_caught == 0)
            continue;
        if (got <= 0)
            break;
        if (c == '\n' || c == '\r') {
            answer[n] = '\0';
            return true;
        }
        if (n < cap - 1)
            answer[n++] = c;
    }
    nacre_wipe(answer, cap);
    return false;
}

static void ask_say(int fd, const char *text)
{
    if (!ncr_file_write_all(fd, (const uint8_t *)text, strlen(text)))
        return; /* the terminal has gone: the read will tell */
}

/* One attempt at the terminal. *signo is the signal that ended it, or 0. */
static bool ask_once(int fd, const char *prompt, bool echo, char *answer, size_t cap, int *signo)
{
    struct sigaction old[ASK_SIGNALS];
    struct termios saved, quiet;
    bool silent = false;
    bool good;

    ask_take_signals(old);
    if (!echo && tcgetattr(fd, &saved) == 0) {
        quiet = saved;
        quiet.c_lflag &= (tcflag_t) ~(ECHO | ECHONL);
        silent = tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
    }
    ask_say(fd, prompt);
    good = ask_read_line(fd, answer, cap);
    if (silent) {
        ask_say(fd, "\n");
        (void)tcsetattr(fd, TCSANOW, &saved); /* it could be changed just now */
    }
    *signo = ask_caught;
    ask_give_signals_back(old);
    return good;
}

static bool ask_terminal(int fd, const char *prompt, bool echo, char *answer, size_t cap)
{
    int signo = 0;
    bool good;

    for (;;) {
        good = ask_once(fd, prompt, echo, answer, cap, &signo);
        if (signo == 0)
            return good;
        (void)raise(signo); /* what it would have done, with the terminal as it was */
        if (signo != SIGTSTP && signo != SIGTTIN && signo != SIGTTOU)
            return false; /* it is ignored or handled elsewhere: the question is given up */
    }
}

/* ---- SSH_ASKPASS ------------------------------------------------------------------------- */

static void ask_exec(const char *program, const char *prompt, int out)
{
    (void)signal(SIGPIPE, SIG_DFL);
    if (dup2(out, STDOUT_FILENO) >= 0)
        (void)execlp(program, program, prompt, (char *)NULL);
    _exit(127);
}

/* Whatever follows the line, so that its writer does not die of a closed pipe. */
static void ask_drain(int fd)
{
    char rest[64];
    ssize_t got;

    do {
        got = read(fd, rest, sizeof rest);
    } while (got > 0 || (got < 0 && errno == EINTR));
    nacre_wipe(rest, sizeof rest);
}

static bool ask_program(const char *program, const char *prompt, char *answer, size_t cap)
{
    int fds[2];
    int status = -1;
    pid_t pid;
    bool good;

    if (!ncr_pipe(fds))
        return false;
    pid = fork();
    if (pid == 0)
        ask_exec(program, prompt, fds[1]);
    (void)close(fds[1]); /* the child's end */
    ask_caught = 0;
    good = pid > 0 && ask_read_line(fds[0], answer, cap);
    if (good)
        ask_drain(fds[0]);
    (void)close(fds[0]); /* only read from */
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (good && status == 0)
        return true;
    nacre_wipe(answer, cap);
    return false;
}

/* ---- Choice ------------------------------------------------------------------------------ */

bool ncr_ask(const char *prompt, bool echo, char *answer, size_t cap)
{
    const char *program = getenv("SSH_ASKPASS");
    const char *require = getenv("SSH_ASKPASS_REQUIRE");
    bool display = getenv("DISPLAY") != NULL || getenv("WAYLAND_DISPLAY") != NULL;
    bool force = require != NULL && strcmp(require, "force") == 0;
    bool prefer = require != NULL && strcmp(require, "prefer") == 0;
    bool never = require != NULL && strcmp(require, "never") == 0;
    bool have = program != NULL && program[0] != '\0' && !never;
    bool good;
    int fd;

    answer[0] = '\0';
    if (have && (force || prefer))
        return ask_program(program, prompt, answer, cap);
    fd = force ? -1 : open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return have && display && ask_program(program, prompt, answer, cap);
    good = ask_terminal(fd, prompt, echo, answer, cap);
    (void)close(fd); /* nothing is buffered */
    return good;
}
