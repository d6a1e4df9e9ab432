/* SPDX-License-Identifier: ISC
 *
 * Who is asked: the terminal, the program that SSH_ASKPASS names, or standard input, for every
 * setting; and how an answer ends. The one who asks is a process of its own, with a terminal or
 * without.
 */
#include "client/ask.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define ASKED_CAP 64
#define NOBODY "(nobody)"

struct scene {
    bool terminal;
    const char *input; /* standard input; NULL: the terminal, or nothing */
    const char *display, *require;
    const char *program; /* body of the script; NULL: SSH_ASKPASS is not set */
    const char *ask;     /* what ncr_ask() gets */
    const char *piped;   /* what ncr_ask_piped() gets */
};

static char script[64];

static void set_up(void)
{
    snprintf(script, sizeof script, "/tmp/nacre-ask.%ld", (long)getpid());
}

static void tear_down(void)
{
    unlink(script);
}

TestSuite(ask, .init = set_up, .fini = tear_down);

static void write_script(const char *body)
{
    FILE *f = fopen(script, "w");

    cr_assert_not_null(f);
    fprintf(f, "#!/bin/sh\n%s\n", body);
    cr_assert_eq(fclose(f), 0);
    cr_assert_eq(chmod(script, 0700), 0);
}

static void set_env(const char *name, const char *value)
{
    if (value != NULL)
        (void)setenv(name, value, 1);
    else
        (void)unsetenv(name);
}

/* In the child: answers go to out. */
static void ask_and_end(const struct scene *s, bool piped, const char *terminal, int out)
{
    char answer[ASKED_CAP];
    int fds[2];
    bool good;

    (void)setsid();
    set_env("DISPLAY", s->display);
    set_env("WAYLAND_DISPLAY", NULL);
    set_env("SSH_ASKPASS_REQUIRE", s->require);
    set_env("SSH_ASKPASS", s->program != NULL ? script : NULL);
    set_env("PATH", "/nowhere:/bin:/usr/bin");
    fds[0] = open(terminal != NULL ? terminal : "/dev/null", O_RDWR); /* it becomes ours */
    if (s->input != NULL && pipe(fds) == 0) {
        if (write(fds[1], s->input, strlen(s->input)) < 0)
            _exit(2);
        (void)close(fds[1]);
    }
    (void)dup2(fds[0], STDIN_FILENO);
    (void)dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    good = piped ? ncr_ask_piped("Well? ", answer, sizeof answer)
                 : ncr_ask("Well? ", false, answer, sizeof answer);
    if (!good)
        strcpy(answer, NOBODY);
    _exit(write(out, answer, strlen(answer)) < 0);
}

static void ask_one(const struct scene *s, bool piped, size_t row)
{
    const char *want = piped ? s->piped : s->ask;
    char got[ASKED_CAP] = "", said[64] = "";
    size_t n = 0;
    ssize_t more;
    int fds[2], master = -1, status;
    pid_t pid;

    if (s->terminal) {
        master = posix_openpt(O_RDWR | O_NOCTTY);
        if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
            cr_skip_test("no pseudo-terminals here");
    }
    cr_assert_eq(pipe(fds), 0);
    pid = fork();
    if (pid == 0)
        ask_and_end(s, piped, s->terminal ? ptsname(master) : NULL, fds[1]);
    cr_assert_gt(pid, 0);
    close(fds[1]);
    /* answers when asked: what is typed before the question is thrown away */
    if (strcmp(want, "terminal") == 0 && s->terminal) {
        while (strstr(said, "Well? ") == NULL && strlen(said) < sizeof said - 1)
            cr_assert_eq(read(master, said + strlen(said), 1), 1);
        cr_assert_eq(write(master, "terminal\n", 9), 9);
    }
    while ((more = read(fds[0], got + n, sizeof got - 1 - n)) > 0)
        n += (size_t)more;
    cr_assert(waitpid(pid, &status, 0) == pid && status == 0);
    cr_assert_str_eq(got, want, "row %zu, %s", row, piped ? "piped" : "not piped");
    close(fds[0]);
    if (master >= 0)
        close(master);
}

static void ask_all(const struct scene *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i].program != NULL)
            write_script(s[i].program);
        ask_one(&s[i], false, i);
        ask_one(&s[i], true, i);
    }
}

/* As OpenSSH's readpass.c has it. */
Test(ask, who_is_asked)
{
    static const char p[] = "echo program";
    static const struct scene scenes[] = {
        /* no terminal */
        {false, NULL, NULL, NULL, p, NOBODY, NOBODY},
        {false, "input\n", NULL, NULL, p, NOBODY, "input"},
        {false, "input\n", ":0", NULL, p, "program", "program"},
        {false, "input\n", "", NULL, p, NOBODY, "input"},
        {false, "input\n", NULL, "force", p, "program", "program"},
        {false, "input\n", NULL, "FORCE", p, "program", "program"},
        {false, "input\n", NULL, "prefer", p, NOBODY, "input"},
        {false, "input\n", ":0", "prefer", p, "program", "program"},
        {false, "input\n", ":0", "never", p, NOBODY, "input"},
        {false, "input\n", ":0", "other", p, "program", "program"},
        {false, "input\n", ":0", NULL, NULL, NOBODY, NOBODY}, /* ssh-askpass is not there */
        /* a terminal */
        {true, NULL, NULL, NULL, p, "terminal", "terminal"},
        {true, NULL, ":0", NULL, p, "terminal", "terminal"},
        {true, NULL, ":0", "prefer", p, "program", "program"},
        {true, NULL, NULL, "prefer", p, "terminal", "terminal"},
        {true, NULL, NULL, "force", p, "program", "program"},
        {true, NULL, ":0", "never", p, "terminal", "terminal"},
        /* a terminal, and standard input from elsewhere: ssh-add < /dev/null wants a program */
        {true, "", ":0", NULL, p, "terminal", "program"},
        {true, "", NULL, NULL, p, "terminal", "terminal"},
        {true, "input\n", ":0", "never", p, "terminal", "terminal"},
    };

    ask_all(scenes, sizeof scenes / sizeof scenes[0]);
}

Test(ask, how_an_answer_ends)
{
    static const struct scene scenes[] = {
        {false, NULL, NULL, "force", "printf word", "word", "word"},
        {false, NULL, NULL, "force", "printf 'word\\r\\nmore\\n'", "word", "word"},
        {false, NULL, NULL, "force", "exit 0", "", ""}, /* an empty one is an answer */
        {false, NULL, NULL, "force", "echo", "", ""},
        {false, NULL, NULL, "force", "echo word; exit 1", NOBODY, NOBODY},
        {false, NULL, NULL, "force", "kill -9 $$", NOBODY, NOBODY},
        {false, NULL, NULL, "force", "yes word | head -n 20000", "word", "word"},
        {false, "word", NULL, NULL, NULL, NOBODY, "word"},
        {false, "\n", NULL, NULL, NULL, NOBODY, ""},
        {false, "", NULL, NULL, NULL, NOBODY, NOBODY},
        {false, "a line that is much longer than the room that there is for an answer to it\n",
         NULL, NULL, NULL, NOBODY,
         "a line that is much longer than the room that there is for an a"},
    };

    ask_all(scenes, sizeof scenes / sizeof scenes[0]);
}

/* ---- Signals that an event loop blocks --------------------------------------------------- */

static volatile sig_atomic_t handled;

static void count_signal(int signo)
{
    (void)signo;
    handled++;
}

static void block_signals(sigset_t *set)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof sa);
    sa.sa_handler = count_signal;
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    (void)sigaction(SIGINT, &sa, NULL);
    (void)sigaction(SIGTERM, &sa, NULL);
    (void)sigprocmask(SIG_BLOCK, set, NULL);
}

/* In the child, with the terminal: the letters of what is as it should be go to out. */
static void ask_blocked(const char *terminal, bool before, int out)
{
    char answer[ASKED_CAP];
    struct termios t;
    sigset_t set, now;
    int fd;

    (void)setsid();
    set_env("SSH_ASKPASS_REQUIRE", "never");
    fd = open(terminal, O_RDWR);
    block_signals(&set);
    if (before)
        (void)raise(SIGINT);
    if (!ncr_ask("Well? ", false, answer, sizeof answer))
        (void)!write(out, "n", 1); /* the parent misses it */
    if (tcgetattr(fd, &t) == 0 && (t.c_lflag & ECHO) != 0)
        (void)!write(out, "e", 1);
    if (sigprocmask(SIG_SETMASK, NULL, &now) == 0 && sigismember(&now, SIGINT) == 1 &&
        sigismember(&now, SIGTERM) == 1 && sigismember(&now, SIGHUP) == 0 && handled == 0)
        (void)!write(out, "b", 1);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    if (handled > 0)
        (void)!write(out, "h", 1);
    _exit(0);
}

static void interrupt_one(bool before)
{
    char got[16] = "", said[64] = "";
    size_t n = 0;
    ssize_t more;
    int fds[2], status, master = posix_openpt(O_RDWR | O_NOCTTY);
    struct pollfd ended = {.events = POLLIN};
    pid_t pid;

    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
        cr_skip_test("no pseudo-terminals here");
    cr_assert_eq(pipe(fds), 0);
    pid = fork();
    if (pid == 0)
        ask_blocked(ptsname(master), before, fds[1]);
    cr_assert_gt(pid, 0);
    close(fds[1]);
    ended.fd = fds[0];
    while (!before && strstr(said, "Well? ") == NULL && strlen(said) < sizeof said - 1)
        cr_assert_eq(read(master, said + strlen(said), 1), 1);
    /* again if it came just before the read began, as one would type it */
    while (!before && write(master, "\003", 1) == 1 && poll(&ended, 1, 1000) == 0)
        ;
    while ((more = read(fds[0], got + n, sizeof got - 1 - n)) > 0)
        n += (size_t)more;
    cr_assert(waitpid(pid, &status, 0) == pid && status == 0);
    cr_assert_str_eq(got, "nebh");
    close(fds[0]);
    close(master);
}

Test(ask, blocked_signals_end_a_question, .timeout = 60)
{
    interrupt_one(false);
}

Test(ask, a_signal_that_waits_is_seen_before_the_question, .timeout = 60)
{
    interrupt_one(true);
}

Test(ask, the_program_has_no_signals_blocked)
{
    static const struct scene scenes[] = {
        {false, NULL, NULL, "force", "kill -TERM $$; echo alive", NOBODY, NOBODY}};
    sigset_t set;

    block_signals(&set);
    ask_all(scenes, 1);
}
