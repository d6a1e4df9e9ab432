/* SPDX-License-Identifier: ISC
 *
 * Asking a person: see ask.h.
 */
#include "client/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "crypto/nacre_crypto.h"
#include "proto/posix/file.h"
#include "proto/posix/socket.h"

#define ASK_TERMINAL "/dev/tty"
#define ASK_PROGRAM "ssh-askpass" /* if SSH_ASKPASS is not set */

static const int ask_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};

#define ASK_SIGNALS (sizeof ask_signals / sizeof ask_signals[0])
#define ASK_ENDING 4 /* the first of them end a question, the others stop us */

/* What was before the question. */
struct ask_before {
    struct sigaction action[ASK_SIGNALS];
    sigset_t mask;
};

/* A handler has no argument of its own. */
static volatile sig_atomic_t ask_caught;

static void ask_handler(int signo)
{
    ask_caught = signo;
}

/* Without SA_RESTART, so that the read ends. An event loop blocks what it handles, and would not
 * get to it while we wait. One that stops us stays blocked if it is: raised again it would only be
 * caught again. */
static void ask_take_signals(struct ask_before *old)
{
    struct sigaction sa;
    sigset_t ending;

    memset(&sa, 0, sizeof sa);
    sa.sa_handler = ask_handler;
    ask_caught = 0;
    for (size_t i = 0; i < ASK_SIGNALS; i++)
        (void)sigaction(ask_signals[i], &sa, &old->action[i]); /* known signals: cannot fail */
    (void)sigemptyset(&ending);
    for (size_t i = 0; i < ASK_ENDING; i++)
        (void)sigaddset(&ending, ask_signals[i]);
    (void)sigprocmask(SIG_UNBLOCK, &ending, &old->mask); /* nor can these */
}

static void ask_give_signals_back(const struct ask_before *old)
{
    (void)sigprocmask(SIG_SETMASK, &old->mask, NULL); /* first, so that what comes now is kept */
    for (size_t i = 0; i < ASK_SIGNALS; i++)
        (void)sigaction(ask_signals[i], &old->action[i], NULL); /* as above */
}

enum ask_read { ASK_FAILED = 0, ASK_END, ASK_LINE };

/* Reads a line, or what there is of it before the end of file; a longer one is cut. Byte by byte,
 * so that what follows the line is left for others. */
static enum ask_read ask_read_line(int fd, char *answer, size_t cap)
{
    size_t n = 0;
    ssize_t got;
    char c = '\0';

    do {
        got = read(fd, &c, 1);
        if (got > 0 && c != '\n' && c != '\r' && n < cap - 1)
            answer[n++] = c;
    } while ((got > 0 && c != '\n' && c != '\r') || (got < 0 && errno == EINTR && ask_caught == 0));
    answer[n] = '\0';
    if (got > 0)
        return ASK_LINE;
    if (got == 0)
        return ASK_END;
    nacre_wipe(answer, cap);
    return ASK_FAILED;
}

/* Somebody who says nothing and hangs up has not answered. */
static bool ask_read_answer(int fd, char *answer, size_t cap)
{
    const enum ask_read how = ask_read_line(fd, answer, cap);

    return how == ASK_LINE || (how == ASK_END && answer[0] != '\0');
}

static void ask_say(int fd, const char *text)
{
    if (!ncr_file_write_all(fd, (const uint8_t *)text, strlen(text)))
        return; /* the terminal has gone: the read will tell */
}

/* Whoever drains what is written may be interrupted; setting it at once fails so only in the
 * background. */
static bool ask_set_terminal(int fd, int when, const struct termios *t)
{
    int got;

    do {
        got = tcsetattr(fd, when, t);
    } while (got != 0 && errno == EINTR && ask_caught != SIGTTOU &&
             (ask_caught == 0 || when == TCSANOW));
    return got == 0;
}

/* One attempt at the terminal. *signo is the signal that ended it, or 0. */
static bool ask_once(int fd, const char *prompt, bool echo, char *answer, size_t cap, int *signo)
{
    struct ask_before old;
    struct termios saved, quiet;
    bool silent = false;
    bool good;

    ask_take_signals(&old);
    if (!echo && tcgetattr(fd, &saved) == 0) {
        quiet = saved;
        quiet.c_lflag &= (tcflag_t) ~(ECHO | ECHONL);
        silent = ask_set_terminal(fd, TCSAFLUSH, &quiet);
    }
    if (ask_caught == 0)
        ask_say(fd, prompt);
    good = ask_caught == 0 && ask_read_answer(fd, answer, cap);
    if (silent) {
        ask_say(fd, "\n");
        (void)ask_set_terminal(fd, TCSANOW, &saved); /* it could be changed just now */
    }
    ask_give_signals_back(&old);
    *signo = ask_caught; /* nothing sets it any more */
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
    sigset_t none;

    (void)signal(SIGPIPE, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL); /* what a loop of ours blocks ends the program */
    if (dup2(out, STDOUT_FILENO) >= 0)
        (void)execlp(program, program, prompt, (char *)NULL);
    fprintf(stderr, "ssh_askpass: exec(%s): %s\n", program, strerror(errno));
    (void)fflush(stderr); /* nobody else says it */
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

/* The first line of its output, which may lack its end, or be empty. */
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
    good = pid > 0 && ask_read_line(fds[0], answer, cap) != ASK_FAILED; /* its status counts */
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

static bool ask_is_set(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0';
}

const char *ncr_ask_program(bool *first)
{
    const char *require = getenv("SSH_ASKPASS_REQUIRE");
    bool allowed = ask_is_set("DISPLAY") || ask_is_set("WAYLAND_DISPLAY");

    if (require != NULL && strcasecmp(require, "force") == 0)
        allowed = true;
    if (require != NULL && strcasecmp(require, "never") == 0)
        allowed = false;
    *first = allowed && require != NULL &&
             (strcasecmp(require, "force") == 0 || strcasecmp(require, "prefer") == 0);
    if (!allowed)
        return NULL;
    return ask_is_set("SSH_ASKPASS") ? getenv("SSH_ASKPASS") : ASK_PROGRAM;
}

/* At /dev/tty, which is fd and is closed. */
static bool ask_opened(int fd, const char *prompt, bool echo, char *answer, size_t cap)
{
    const bool good = ask_terminal(fd, prompt, echo, answer, cap);

    (void)close(fd); /* nothing is buffered */
    return good;
}

bool ncr_ask(const char *prompt, bool echo, char *answer, size_t cap)
{
    bool first;
    const char *program = ncr_ask_program(&first);
    const int fd = first ? -1 : open(ASK_TERMINAL, O_RDWR | O_CLOEXEC | O_NOCTTY);

    answer[0] = '\0';
    if (fd < 0)
        return program != NULL && ask_program(program, prompt, answer, cap);
    return ask_opened(fd, prompt, echo, answer, cap);
}

bool ncr_ask_piped(const char *prompt, char *answer, size_t cap)
{
    bool first;
    const char *program = ncr_ask_program(&first);
    int fd;

    answer[0] = '\0';
    if (program != NULL && (first || !isatty(STDIN_FILENO)))
        return ask_program(program, prompt, answer, cap);
    fd = open(ASK_TERMINAL, O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0)
        return ask_opened(fd, prompt, false, answer, cap);
    ask_caught = 0;
    ask_say(STDERR_FILENO, prompt);
    return ask_read_answer(STDIN_FILENO, answer, cap);
}
