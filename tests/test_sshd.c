/* SPDX-License-Identifier: ISC
 *
 * The daemon run for real: $BUILD/nacre-sshd on a port that the system picks, with keys and files
 * made on the spot, and a client of our own engine. The user is the one that runs the test.
 */
#include "proto/pkt.h"
#include "server/account.h"
#include "tests/sshd_rig.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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

/* ---- Commands ---------------------------------------------------------------------------- */

Test(sshd, commands)
{
    struct daemon *t = daemon_start();
    daemon_login(t);
    cr_assert_eq(driver_exec(&t->d, "echo out; echo err >&2; exit 7", NULL, 0), 7);
    cr_assert(driver_out_is(&t->d, "out\n"));
    cr_assert_eq(t->d.errs.n, 4u);
    cr_assert_eq(driver_exec(&t->d, "cat; exit 1", "in", 2), 1);
    cr_assert(driver_out_is(&t->d, "in"));
    cr_assert_eq(driver_exec(&t->d, "kill -KILL $$", NULL, 0), -1);
    cr_assert_str_eq(t->d.signal, "KILL");
    cr_assert_eq(driver_exec(&t->d, "", NULL, 0), 0, "an empty command");
    cr_assert_eq(driver_exec(&t->d, "sleep 60 >/dev/null 2>&1 </dev/null & echo on", NULL, 0), 0);
    cr_assert(driver_out_is(&t->d, "on\n"), "a background program without our pipes");
    daemon_stop(t);
}

Test(sshd, many_commands_on_one_connection)
{
    struct daemon *t = daemon_start();
    daemon_login(t);
    for (int i = 0; i < 30; i++) {
        char command[32], want[16];
        snprintf(command, sizeof command, "echo %d", i);
        snprintf(want, sizeof want, "%d\n", i);
        cr_assert_eq(driver_exec(&t->d, command, NULL, 0), 0);
        cr_assert(driver_out_is(&t->d, want));
    }
    daemon_stop(t);
}

Test(sshd, megabytes_both_ways_with_key_exchanges)
{
    struct daemon *t = daemon_start_with("RekeyLimit=256K");
    size_t n = 4 * 1000 * 1000;
    uint8_t *p = malloc(n);
    cr_assert_not_null(p);
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(i * 3 + (i >> 10));
    }
    daemon_login(t);
    t->d.deadline_ms = 60000;
    cr_assert_eq(driver_exec(&t->d, "cat", p, n), 0);
    cr_assert_eq(t->d.out.n, n);
    cr_assert_eq(memcmp(t->d.out.p, p, n), 0);
    free(p);
    daemon_stop(t);
}

Test(sshd, shell)
{
    struct daemon *t = daemon_start();
    struct nacre_request r = {.kind = NACRE_REQ_SHELL};
    daemon_login(t);
    cr_assert(driver_session(&t->d));
    cr_assert(driver_request(&t->d, &r));
    cr_assert_not(driver_request(&t->d, &r), "one program a channel");
    cr_assert(driver_send(&t->d, t->d.chan, "echo $0; exit 4\n", 16));
    driver_finish(&t->d);
    cr_assert_eq(t->d.status, 4);
    cr_assert_eq(t->d.out.p[0], '-', "a login shell");
    daemon_stop(t);
}

Test(sshd, sftp_subsystem_and_others)
{
    struct daemon *t = daemon_prepare();
    static const uint8_t init[] = {0, 0, 0, 5, 1, 0, 0, 0, 3};
    struct nacre_request sftp = {.kind = NACRE_REQ_SUBSYSTEM, .data = nacre_bytes_str("sftp")};
    struct nacre_request own = {.kind = NACRE_REQ_SUBSYSTEM, .data = nacre_bytes_str("own")};
    struct nacre_request none = {.kind = NACRE_REQ_SUBSYSTEM, .data = nacre_bytes_str("none")};
    daemon_option(t, "Subsystem=sftp internal-sftp");
    daemon_option(t, "Subsystem=own echo \"a  b\"");
    daemon_run(t);
    daemon_connect(t);
    daemon_login(t);
    cr_assert(driver_session(&t->d));
    cr_assert(driver_request(&t->d, &sftp));
    cr_assert(driver_send(&t->d, t->d.chan, init, sizeof init));
    driver_finish(&t->d);
    cr_assert_eq(t->d.status, 0);
    cr_assert_geq(t->d.out.n, 9u);
    cr_assert_eq(t->d.out.p[4], 2, "VERSION");
    cr_assert(driver_session(&t->d));
    cr_assert_not(driver_request(&t->d, &none));
    cr_assert(driver_request(&t->d, &own));
    driver_finish(&t->d);
    cr_assert(driver_out_is(&t->d, "a  b\n"));
    daemon_stop(t);
}

Test(sshd, max_sessions)
{
    struct daemon *t = daemon_start_with("MaxSessions=2");
    uint32_t first;
    daemon_login(t);
    cr_assert(driver_session(&t->d));
    first = t->d.chan;
    cr_assert(driver_session(&t->d));
    cr_assert_not(driver_session(&t->d));
    cr_assert_eq(t->d.refuse_reason, NACRE_OPEN_PROHIBITED);
    cr_assert_eq(nacre_chan_close(&t->d.conn, first), NACRE_OK);
    t->d.chan = first;
    cr_assert(driver_until(&t->d, &t->d.closed));
    cr_assert(driver_session(&t->d), "a place is free again");
    daemon_stop(t);
}

/* ---- Environment and terminal ------------------------------------------------------------ */

static bool sshd_has_line(const struct driver *d, const char *line)
{
    size_t n = strlen(line);
    const char *at = (const char *)d->out.p;
    for (; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n' ? 1 : 0;
        if (strncmp(at, line, n) == 0 && (at[n] == '\n' || at[n] == '\r')) {
            return true;
        }
    }
    return false;
}

static void sshd_env(struct daemon *t, const char *name, const char *value, bool ok)
{
    struct nacre_request r = {
        .kind = NACRE_REQ_ENV, .text = nacre_bytes_str(name), .data = nacre_bytes_str(value)};
    cr_assert_eq(driver_request(&t->d, &r), ok, "%s", name);
}

Test(sshd, S61_environment)
{
    struct daemon *t = daemon_prepare();
    struct nacre_request env = {.kind = NACRE_REQ_EXEC, .data = nacre_bytes_str("env")};
    static const char *const denied[] = {"LD_PRELOAD",
                                         "LD_LIBRARY_PATH",
                                         "BASH_ENV",
                                         "ENV",
                                         "IFS",
                                         "GLIBC_TUNABLES",
                                         "PATH",
                                         "HOME",
                                         "SHELL",
                                         "USER",
                                         "SSH_CONNECTION",
                                         "PYTHONPATH",
                                         "BASH_FUNC_x",
                                         "PS4"};
    char want[300];
    cr_assert_eq(setenv("NACRE_TEST_LEAK", "1", 1), 0);
    daemon_option(t,
                  "AcceptEnv=LANG LC_* LD_* BASH_ENV ENV IFS GLIBC_* PATH HOME SHELL USER SSH_* *");
    daemon_option(t, "SetEnv=FOO=bar LANG=fixed");
    daemon_run(t);
    daemon_connect(t);
    daemon_login(t);
    cr_assert(driver_session(&t->d));
    for (size_t i = 0; i < sizeof denied / sizeof *denied; i++) {
        sshd_env(t, denied[i], "evil", false);
    }
    sshd_env(t, "A-B", "x", false);
    sshd_env(t, "BASH_FUNC_x%%", "() { :;}", false);
    sshd_env(t, "", "x", false);
    sshd_env(t, "LC_ALL", "C", true);
    sshd_env(t, "LANG", "mine", true);
    sshd_env(t, "MINE", "a b", true);
    cr_assert(driver_request(&t->d, &env));
    driver_finish(&t->d);
    cr_assert(sshd_has_line(&t->d, "LC_ALL=C"));
    cr_assert(sshd_has_line(&t->d, "MINE=a b"));
    cr_assert(sshd_has_line(&t->d, "FOO=bar"));
    cr_assert(sshd_has_line(&t->d, "LANG=fixed"), "SetEnv wins");
    snprintf(want, sizeof want, "USER=%.255s", t->me.name);
    cr_assert(sshd_has_line(&t->d, want));
    cr_assert_null(strstr((const char *)t->d.out.p, "NACRE_TEST_LEAK"));
    cr_assert_null(strstr((const char *)t->d.out.p, "evil"));
    daemon_stop(t);
}

Test(sshd, S61_nothing_is_accepted_by_default_and_the_amount_is_capped)
{
    struct daemon *t = daemon_start();
    daemon_login(t);
    cr_assert(driver_session(&t->d));
    sshd_env(t, "LC_ALL", "C", false);
    daemon_stop(t);
    t = daemon_start_with("AcceptEnv=*");
    daemon_login(t);
    cr_assert(driver_session(&t->d));
    for (int i = 0; i < 140; i++) {
        char name[16];
        snprintf(name, sizeof name, "V%d", i);
        sshd_env(t, name, "x", i < 128);
    }
    daemon_stop(t);
}

static bool sshd_pty(struct daemon *t)
{
    static const uint8_t modes[] = {53, 0, 0, 0, 0, 0}; /* ECHO off */
    struct nacre_request r = {.kind = NACRE_REQ_PTY,
                              .text = nacre_bytes_str("vt220"),
                              .data = {modes, sizeof modes},
                              .cols = 132,
                              .rows = 43};
    return driver_request(&t->d, &r);
}

static void sshd_need_pty(struct daemon *t)
{
    if (!sshd_pty(t)) {
        daemon_stop(t);
        cr_skip_test("no terminals here");
    }
}

Test(sshd, S63_terminal)
{
    struct daemon *t = daemon_start();
    static const char command[] =
        "tty; stty size; stty -a | tr ' ;' '\\n\\n' | grep '^-*echo$'; echo $TERM; echo $SSH_TTY; "
        "ls -ln $(tty) | cut -c1-10; read x; stty size; exit 5";
    struct nacre_request exec = {.kind = NACRE_REQ_EXEC, .data = nacre_bytes_str(command)};
    struct nacre_request win = {.kind = NACRE_REQ_WINDOW_CHANGE, .cols = 70, .rows = 20};
    daemon_login(t);
    cr_assert(driver_session(&t->d));
    sshd_need_pty(t);
    cr_assert(driver_request(&t->d, &exec));
    while (t->d.out.n == 0 || strstr((char *)t->d.out.p, "crw-") == NULL) {
        driver_step(&t->d, 50);
        cr_assert_eq(t->d.err, NACRE_OK);
    }
    cr_assert_eq(nacre_chan_request(&t->d.conn, t->d.chan, &win, false), NACRE_OK);
    driver_step(&t->d, 10);
    cr_assert(driver_send(&t->d, t->d.chan, "go\n", 3));
    cr_assert(driver_until(&t->d, &t->d.closed));
    cr_assert_eq(t->d.status, 5);
    cr_assert(sshd_has_line(&t->d, "43 132"));
    cr_assert(sshd_has_line(&t->d, "20 70"));
    cr_assert(sshd_has_line(&t->d, "-echo"), "modes are applied");
    cr_assert(sshd_has_line(&t->d, "vt220"));
    if (getuid() == 0) {
        cr_assert(sshd_has_line(&t->d, "crw--w----"), "%s", t->d.out.p);
    }
    daemon_stop(t);
}

/* The session ends with its program even if another one still holds the terminal. */
Test(sshd, a_terminal_held_by_a_background_program)
{
    struct daemon *t = daemon_start();
    struct nacre_request exec = {.kind = NACRE_REQ_EXEC,
                                 .data = nacre_bytes_str("trap '' HUP; sleep 30 & echo on")};
    uint64_t from = daemon_ms();
    daemon_login(t);
    cr_assert(driver_session(&t->d));
    sshd_need_pty(t);
    cr_assert(driver_request(&t->d, &exec));
    cr_assert(driver_until(&t->d, &t->d.closed));
    cr_assert_lt(daemon_ms() - from, 15000u);
    cr_assert_eq(t->d.status, 0);
    cr_assert(driver_out_is(&t->d, "on\r\n"));
    daemon_stop(t);
}

Test(sshd, signals_reach_the_program)
{
    struct daemon *t = daemon_start();
    struct nacre_request exec = {
        .kind = NACRE_REQ_EXEC,
        .data =
            nacre_bytes_str("trap 'echo got; exit 9' USR1; echo up; while :; do sleep 0.05; done")};
    struct nacre_request sig = {.kind = NACRE_REQ_SIGNAL, .text = nacre_bytes_str("USR1")};
    daemon_login(t);
    cr_assert(driver_session(&t->d));
    cr_assert(driver_request(&t->d, &exec));
    while (t->d.out.n < 3 && t->d.err == NACRE_OK) {
        driver_step(&t->d, 20);
    }
    cr_assert_eq(nacre_chan_request(&t->d.conn, t->d.chan, &sig, false), NACRE_OK);
    cr_assert(driver_until(&t->d, &t->d.closed));
    cr_assert_eq(t->d.status, 9);
    daemon_stop(t);
}

/* ---- Authentication ---------------------------------------------------------------------- */

Test(sshd, passwords_and_keys)
{
    struct daemon *t = daemon_start();
    cr_assert_not(driver_none(&t->d, t->me.name));
    cr_assert_eq(t->d.methods,
                 (unsigned)(NACRE_AUTH_PUBLICKEY | NACRE_AUTH_PASSWORD | NACRE_AUTH_INTERACTIVE));
    cr_assert_not(driver_password(&t->d, t->me.name, "wrong"));
    cr_assert_not(driver_interactive(&t->d, t->me.name, "wrong"));
    cr_assert_not(driver_key(&t->d, t->me.name, &t->other, true));
    cr_assert_eq(t->d.pk_asked, 0u, "a key that will not do is not asked to sign");
    cr_assert_not(driver_key(&t->d, t->me.name, &t->other, false));
    cr_assert(driver_password(&t->d, t->me.name, "secret"));
    cr_assert_eq(driver_exec(&t->d, "exit 1", NULL, 0), 1);
    daemon_connect(t);
    cr_assert(driver_interactive(&t->d, t->me.name, "secret"));
    cr_assert_eq(t->d.prompts, 1u);
    daemon_connect(t);
    cr_assert(driver_key(&t->d, t->me.name, &t->user, false));
    cr_assert_not_null(daemon_says(t, "Accepted publickey for "));
    cr_assert_not_null(daemon_says(t, "Failed password for "));
    daemon_stop(t);
}

Test(sshd, S40_tries_end)
{
    struct daemon *t = daemon_start_with("MaxAuthTries=3");
    for (int i = 0; i < 10 && t->d.err == NACRE_OK; i++) {
        cr_assert_not(driver_password(&t->d, t->me.name, "wrong"));
        cr_assert_leq(i, 3);
    }
    cr_assert_eq(t->d.err, NACRE_ERR_PEER_DISCONNECT);
    daemon_still_serves(t);
    daemon_stop(t);
}

Test(sshd, several_methods_in_a_row)
{
    struct daemon *t = daemon_start_with("AuthenticationMethods=publickey,password");
    cr_assert_not(driver_password(&t->d, t->me.name, "secret"));
    cr_assert_not(driver_key(&t->d, t->me.name, &t->user, true));
    cr_assert(t->d.partial);
    cr_assert_eq(t->d.methods, (unsigned)NACRE_AUTH_PASSWORD);
    cr_assert(driver_password(&t->d, t->me.name, "secret"));
    cr_assert_eq(driver_exec(&t->d, "exit 2", NULL, 0), 2);
    daemon_stop(t);
}

Test(sshd, banner)
{
    struct daemon *t = daemon_prepare();
    char option[128];
    snprintf(option, sizeof option, "%s/banner", t->dir);
    daemon_write(option, "Keep out\n", 0644);
    snprintf(option, sizeof option, "Banner=%s/banner", t->dir);
    daemon_option(t, option);
    daemon_run(t);
    daemon_connect(t);
    cr_assert_not(driver_none(&t->d, "x"));
    cr_assert_str_eq(t->d.banner, "Keep out\n");
    daemon_stop(t);
}

/* The key that was asked about gives no rights, whatever its options; from= holds for passwords'
 * peers as for keys: by address. */
Test(sshd, S35_from)
{
    struct daemon *t = daemon_start();
    daemon_authorize(t, "from=\"192.0.2.0/24\"");
    cr_assert_not(driver_key(&t->d, t->me.name, &t->user, true));
    cr_assert_not(driver_key(&t->d, t->me.name, &t->user, false));
    daemon_authorize(t, "from=\"127.0.0.0/8\"");
    cr_assert(driver_key(&t->d, t->me.name, &t->user, true));
    daemon_stop(t);
}

static int sshd_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

#define SSHD_TRIES 15

/* Times from request to refusal, sorted. */
static void sshd_times(struct daemon *t, const char *user, int method, uint64_t out[SSHD_TRIES])
{
    for (int i = 0; i < SSHD_TRIES; i++) {
        if (i % 3 == 0) {
            daemon_connect(t);
            cr_assert_not(driver_none(&t->d, user));
        }
        uint64_t from = daemon_ms();
        bool in = method == 0   ? driver_password(&t->d, user, "wrong")
                  : method == 1 ? driver_interactive(&t->d, user, "wrong")
                                : driver_key(&t->d, user, &t->other, method == 2);
        cr_assert_not(in);
        out[i] = daemon_ms() - from;
    }
    qsort(out, SSHD_TRIES, sizeof *out, sshd_compare);
}

/* Known and unknown users: same replies, and times whose medians differ by less than the delay. */
Test(sshd, S38_user_enumeration)
{
    struct daemon *t = daemon_start();
    for (int method = 0; method < 4; method++) {
        uint64_t known[SSHD_TRIES], unknown[SSHD_TRIES];
        sshd_times(t, t->me.name, method, known);
        unsigned methods = t->d.methods;
        sshd_times(t, "ghost", method, unknown);
        cr_assert_eq(t->d.methods, methods, "same list of methods");
        uint64_t a = known[SSHD_TRIES / 2], b = unknown[SSHD_TRIES / 2];
        uint64_t quantum = method < 2 ? 100 : 10;
        cr_assert_geq(known[0] + 1, quantum);
        cr_assert_geq(unknown[0] + 1, quantum);
        cr_assert_leq(a > b ? a - b : b - a, quantum, "method %d: %u and %u ms", method,
                      (unsigned)a, (unsigned)b);
    }
    daemon_stop(t);
}

Test(sshd, S53_a_name_makes_one_record)
{
    struct daemon *t = daemon_start();
    cr_assert_not(driver_password(&t->d, "a\nAccepted password for root\r\n%n%s\033[2J", "x"));
    cr_assert_not_null(daemon_says(t, "Failed password for invalid user"));
    const char *log = daemon_log(t);
    cr_assert_null(strstr(log, "\nAccepted"));
    cr_assert_null(strchr(log, '\033'));
    cr_assert_null(strchr(log, '\r'));
    cr_assert_not_null(strstr(log, "%n%s"));
    daemon_stop(t);
}

/* ---- Order ------------------------------------------------------------------------------- */

/* A message sealed under the right keys, whatever our own engine thinks of it. */
static void sshd_raw(struct driver *d, const uint8_t *p, size_t n)
{
    static const uint8_t pad[NCR_PKT_PAD_MAX] = {1, 2, 3, 4};
    struct ncr_dir *tx = &d->conn.tx;
    uint8_t packet[1024];
    size_t total = 0;
    memcpy(packet + NCR_PKT_HEAD, p, n);
    cr_assert_eq(ncr_pkt_seal(tx, packet, n, pad, &total), NACRE_OK);
    cr_assert_eq(send(d->fd, packet, total, MSG_NOSIGNAL), (ssize_t)total);
}

static void sshd_expect_end(struct daemon *t)
{
    for (uint64_t until = daemon_ms() + 60000; t->d.err == NACRE_OK && daemon_ms() < until;) {
        driver_step(&t->d, 20);
    }
    cr_assert_neq(t->d.err, NACRE_OK, "the connection must end");
}

/* Messages of the connection protocol before authentication: nothing runs, the connection ends. */
Test(sshd, S03_service_before_authentication)
{
    static const uint8_t open[] = {90, 0, 0, 0, 7, 's', 'e', 's', 's', 'i', 'o', 'n', 0,
                                   0,  0, 0, 0, 0, 1,   0,   0,   0,   0,   4,   0,   0};
    static const uint8_t global[] = {80, 0, 0, 0, 1, 'x', 1};
    struct daemon *t = daemon_start();
    char mark[128], exec[256];
    snprintf(mark, sizeof mark, "%s/mark", t->dir);
    int n = snprintf(exec, sizeof exec, "%c%c%c%c%c%c%c%c%cexec%c%c%c%c%ctouch %s", 98, 0, 0, 0, 0,
                     0, 0, 0, 4, 1, 0, 0, 0, (int)strlen(mark) + 6, mark);
    for (int stage = 0; stage < 3; stage++) {
        daemon_connect(t);
        cr_assert_not(driver_none(&t->d, t->me.name));
        if (stage > 0) {
            cr_assert_not(driver_password(&t->d, t->me.name, "wrong"));
        }
        sshd_raw(&t->d, stage == 2 ? global : open, stage == 2 ? sizeof global : sizeof open);
        if (stage < 2) {
            sshd_raw(&t->d, (const uint8_t *)exec, (size_t)n);
        }
        sshd_expect_end(t);
    }
    cr_assert_neq(access(mark, F_OK), 0, "nothing has run");
    cr_assert_not_null(daemon_says(t, "Disconnecting 127.0.0.1"));
    daemon_still_serves(t);
    daemon_stop(t);
}

Test(sshd, garbage_of_every_kind)
{
    static const char *const lines[] = {"GET / HTTP/1.0\r\n\r\n", "\n", "SSH-1.5-x\r\n", "",
                                        "SSH-2.0-x\r\nxxxxxxxxxxxxxxxxxxxxxxxx"};
    struct daemon *t = daemon_start();
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        int fd = driver_connect(t->port);
        char buf[256];
        cr_assert_geq(fd, 0);
        cr_assert_eq(send(fd, lines[i], strlen(lines[i]), MSG_NOSIGNAL), (ssize_t)strlen(lines[i]));
        shutdown(fd, SHUT_WR);
        while (recv(fd, buf, sizeof buf, 0) > 0) {
        }
        close(fd);
    }
    daemon_still_serves(t);
    daemon_stop(t);
}

/* ---- Forced commands, restrictions ------------------------------------------------------- */

Test(sshd, S59_forced_command)
{
    struct daemon *t = daemon_start();
    struct nacre_request shell = {.kind = NACRE_REQ_SHELL};
    struct nacre_request sftp = {.kind = NACRE_REQ_SUBSYSTEM, .data = nacre_bytes_str("sftp")};
    daemon_authorize(t, "restrict,command=\"echo forced: $SSH_ORIGINAL_COMMAND\"");
    daemon_login(t);
    cr_assert_eq(driver_exec(&t->d, "echo mine; id", NULL, 0), 0);
    cr_assert(driver_out_is(&t->d, "forced: echo mine; id\n"));
    cr_assert(driver_session(&t->d));
    cr_assert_not(sshd_pty(t), "restrict");
    sshd_env(t, "LC_ALL", "C", false);
    cr_assert(driver_request(&t->d, &shell));
    driver_finish(&t->d);
    cr_assert(driver_out_is(&t->d, "forced:\n"));
    cr_assert(driver_session(&t->d));
    cr_assert(driver_request(&t->d, &sftp));
    driver_finish(&t->d);
    cr_assert(driver_out_is(&t->d, "forced: internal-sftp\n"));
    daemon_stop(t);
}

Test(sshd, S59_a_forced_command_gets_no_signals)
{
    struct daemon *t = daemon_start();
    struct nacre_request shell = {.kind = NACRE_REQ_SHELL};
    struct nacre_request sig = {.kind = NACRE_REQ_SIGNAL, .text = nacre_bytes_str("KILL")};
    daemon_authorize(t, "command=\"echo up; cat; exit 8\"");
    daemon_login(t);
    cr_assert(driver_session(&t->d));
    cr_assert(driver_request(&t->d, &shell));
    while (t->d.out.n < 3 && t->d.err == NACRE_OK) {
        driver_step(&t->d, 20);
    }
    cr_assert_eq(nacre_chan_request(&t->d.conn, t->d.chan, &sig, false), NACRE_OK);
    driver_finish(&t->d);
    cr_assert_eq(t->d.status, 8);
    daemon_stop(t);
}

/* sshd once told each client the rules of its key line in DEBUG messages (CVE-2012-0814). */
static void sshd_count_debug(void *ctx, char dir, uint32_t seq, const uint8_t *payload, size_t n)
{
    unsigned *count = ctx;
    (void)seq;
    count[0] += dir == 'r';
    count[1] += dir == 'r' && n > 0 && payload[0] == 4;
}

Test(sshd, S69_rules_are_not_told)
{
    unsigned count[2] = {0, 0};
    struct daemon *t = daemon_start();
    t->d.cfg.trace = sshd_count_debug;
    t->d.cfg.trace_ctx = count;
    daemon_authorize(t, "restrict,environment=\"SECRET=1\",command=\"exit 5\"");
    daemon_connect(t); /* again, with the hook */
    daemon_login(t);
    cr_assert_eq(driver_exec(&t->d, "id", NULL, 0), 5);
    cr_assert(count[0] > 5);
    cr_assert_eq(count[1], 0);
    daemon_stop(t);
}

Test(sshd, S59_force_command_of_the_configuration)
{
    struct daemon *t = daemon_start_with("ForceCommand=echo \"no\"; exit 6");
    daemon_login(t);
    cr_assert_eq(driver_exec(&t->d, "id", NULL, 0), 6);
    cr_assert(driver_out_is(&t->d, "no\n"));
    daemon_stop(t);
}

/* ---- Forwarding -------------------------------------------------------------------------- */

static int sshd_listener(uint32_t *port)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    int fd = socket(2, SOCK_STREAM | SOCK_CLOEXEC, 0); /* AF_INET */
    cr_assert_geq(fd, 0);
    cr_assert_eq(listen(fd, 4), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    const uint8_t *p = (const uint8_t *)&sa + 2;
    *port = (uint32_t)(p[0] << 8 | p[1]);
    return fd;
}

static bool sshd_open_to(struct daemon *t, uint32_t port)
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

Test(sshd, direct_tcpip)
{
    struct daemon *t = daemon_start();
    uint32_t port;
    char buf[16];
    int l = sshd_listener(&port);
    daemon_login(t);
    cr_assert(sshd_open_to(t, port));
    int fd = accept(l, NULL, NULL);
    cr_assert_geq(fd, 0);
    cr_assert(driver_send(&t->d, t->d.chan, "ping", 4));
    cr_assert_eq(recv(fd, buf, sizeof buf, 0), 4);
    cr_assert_eq(send(fd, "pong", 4, MSG_NOSIGNAL), 4);
    cr_assert_eq(nacre_chan_eof(&t->d.conn, t->d.chan), NACRE_OK);
    driver_step(&t->d, 20);
    cr_assert_eq(recv(fd, buf, sizeof buf, 0), 0, "end of file goes through");
    close(fd);
    cr_assert(driver_until(&t->d, &t->d.closed));
    cr_assert(driver_out_is(&t->d, "pong"));
    close(l);
    cr_assert_not(sshd_open_to(t, port), "nobody listens");
    cr_assert_eq(t->d.refuse_reason, NACRE_OPEN_CONNECT_FAILED);
    daemon_stop(t);
}

Test(sshd, S58_forwards_that_are_not_allowed)
{
    static const char *const options[] = {"AllowTcpForwarding=no", "DisableForwarding=yes",
                                          "PermitOpen=none", "PermitOpen=127.0.0.1:1",
                                          "AllowTcpForwarding=remote"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        struct daemon *t = daemon_start_with(options[i]);
        uint32_t port;
        int l = sshd_listener(&port);
        daemon_login(t);
        cr_assert_not(sshd_open_to(t, port), "%s", options[i]);
        cr_assert_eq(t->d.refuse_reason, NACRE_OPEN_PROHIBITED);
        close(l);
        daemon_stop(t);
    }
}

static bool sshd_global(struct daemon *t, enum nacre_global_kind kind, const char *addr,
                        uint32_t port)
{
    struct nacre_global g = {.kind = kind, .addr = nacre_bytes_str(addr), .port = port};
    unsigned ok = t->d.global_ok, no = t->d.global_no;
    cr_assert_eq(nacre_global_request(&t->d.conn, &g, true), NACRE_OK);
    for (uint64_t until = daemon_ms() + 60000; daemon_ms() < until;) {
        if (t->d.global_ok != ok || t->d.global_no != no) {
            break;
        }
        driver_step(&t->d, 20);
    }
    return t->d.global_ok != ok;
}

Test(sshd, tcpip_forward)
{
    struct daemon *t = daemon_start();
    char buf[16];
    daemon_login(t);
    cr_assert(sshd_global(t, NACRE_GLOBAL_TCPIP_FORWARD, "localhost", 0));
    uint32_t port = t->d.global_port;
    cr_assert_gt(port, 0u);
    int fd = driver_connect(port);
    cr_assert_geq(fd, 0);
    cr_assert_eq(send(fd, "hello", 5, MSG_NOSIGNAL), 5);
    while (t->d.incoming_data.n < 5 && t->d.err == NACRE_OK) {
        driver_step(&t->d, 20);
    }
    cr_assert(driver_send(&t->d, t->d.incoming, "back", 4));
    cr_assert_eq(recv(fd, buf, sizeof buf, 0), 4);
    close(fd);
    cr_assert_not(sshd_global(t, NACRE_GLOBAL_CANCEL_TCPIP_FORWARD, "127.0.0.1", port),
                  "a cancel names what was asked for");
    cr_assert_not(sshd_global(t, NACRE_GLOBAL_CANCEL_TCPIP_FORWARD, "localhost", port ^ 1));
    cr_assert(sshd_global(t, NACRE_GLOBAL_CANCEL_TCPIP_FORWARD, "localhost", port));
    cr_assert_lt(driver_connect(port), 0);
    cr_assert_not(sshd_global(t, NACRE_GLOBAL_CANCEL_TCPIP_FORWARD, "localhost", port));
    daemon_stop(t);
}

/* ---- Processes --------------------------------------------------------------------------- */

static unsigned sshd_children(pid_t of)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc");
    struct dirent *e;
    while (dir != NULL && (e = readdir(dir)) != NULL) {
        char path[300];
        int parent = 0;
        snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
        FILE *f = e->d_name[0] >= '0' && e->d_name[0] <= '9' ? fopen(path, "r") : NULL;
        if (f != NULL) {
            n += fscanf(f, "%*d (%*[^)]) %*c %d", &parent) == 1 && parent == of;
            fclose(f);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return n;
}

static pid_t sshd_child(pid_t of)
{
    DIR *dir = opendir("/proc");
    struct dirent *e;
    pid_t found = 0;
    while (dir != NULL && (e = readdir(dir)) != NULL) {
        char path[300];
        int parent = 0;
        snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
        FILE *f = e->d_name[0] >= '0' && e->d_name[0] <= '9' ? fopen(path, "r") : NULL;
        if (f != NULL) {
            if (fscanf(f, "%*d (%*[^)]) %*c %d", &parent) == 1 && parent == of) {
                found = (pid_t)atoi(e->d_name);
            }
            fclose(f);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return found;
}

static unsigned sshd_fds(pid_t of)
{
    char path[64];
    unsigned n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)of);
    DIR *dir = opendir(path);
    while (dir != NULL && readdir(dir) != NULL) {
        n++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return n;
}

static void sshd_wait_childless(struct daemon *t)
{
    for (uint64_t until = daemon_ms() + 60000; sshd_children(t->pid) > 0 && daemon_ms() < until;) {
        daemon_nap();
    }
    cr_assert_eq(sshd_children(t->pid), 0u, "all children reaped");
}

Test(sshd, S67_sessions_that_are_cut_leave_nothing)
{
    struct daemon *t = daemon_start();
    daemon_still_serves(t);
    driver_free(&t->d);
    sshd_wait_childless(t);
    unsigned fds = sshd_fds(t->pid);
    for (int i = 0; i < 40; i++) {
        daemon_connect(t);
        for (int k = 0; k < i % 8; k++) {
            driver_step(&t->d, 1);
        }
        if (i % 2 == 0 && driver_key(&t->d, t->me.name, &t->user, false) && driver_session(&t->d)) {
            struct nacre_request exec = {.kind = NACRE_REQ_EXEC, .data = nacre_bytes_str("cat")};
            (void)driver_request(&t->d, &exec);
        }
        driver_free(&t->d);
    }
    sshd_wait_childless(t);
    cr_assert_eq(sshd_fds(t->pid), fds);
    daemon_still_serves(t);
    daemon_stop(t);
}

/* The process that talks to the network dies: its connection ends, the daemon goes on. */
Test(sshd, S64_the_network_process_is_killed)
{
    struct daemon *t = daemon_start();
    cr_assert_not(driver_none(&t->d, t->me.name));
    pid_t monitor = sshd_child(t->pid), network = sshd_child(monitor);
    cr_assert_gt(monitor, 1);
    cr_assert_gt(network, 1);
    cr_assert_eq(kill(network, SIGKILL), 0);
    sshd_expect_end(t);
    cr_assert_not_null(daemon_says(t, "ended by signal 9"));
    sshd_wait_childless(t);
    daemon_still_serves(t);
    daemon_stop(t);
}

Test(sshd, S64_the_monitor_is_killed)
{
    struct daemon *t = daemon_start();
    cr_assert_not(driver_none(&t->d, t->me.name));
    pid_t monitor = sshd_child(t->pid);
    cr_assert_eq(kill(monitor, SIGKILL), 0);
    sshd_expect_end(t);
    daemon_still_serves(t);
    monitor = sshd_child(t->pid);
    cr_assert_eq(kill(monitor, SIGKILL), 0);
    sshd_expect_end(t);
    daemon_still_serves(t);
    daemon_stop(t);
}

static bool sshd_status_has(pid_t pid, const char *line)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    size_t n = f != NULL ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = '\0';
    if (f != NULL) {
        fclose(f);
    }
    return strstr(text, line) != NULL;
}

/* What the network process is allowed before authentication. */
Test(sshd, S64_the_network_process_is_confined)
{
    struct daemon *t = daemon_start();
    cr_assert_not(driver_none(&t->d, t->me.name));
    pid_t network = sshd_child(sshd_child(t->pid));
    cr_assert(sshd_status_has(network, "NoNewPrivs:\t1"));
    if (strstr(daemon_log(t), "no system call filter") == NULL) {
        cr_assert(sshd_status_has(network, "Seccomp:\t2"));
    }
    if (getuid() == 0) {
        cr_assert_not(sshd_status_has(network, "Uid:\t0"));
        cr_assert_not(sshd_status_has(network, "Gid:\t0"));
        cr_assert(sshd_status_has(network, "CapEff:\t0000000000000000"));
    }
    daemon_stop(t);
}

Test(sshd, S65_a_storm_of_signals)
{
    struct daemon *t = daemon_start();
    for (int i = 0; i < 200; i++) {
        cr_assert_eq(kill(t->pid, SIGCHLD), 0);
    }
    daemon_login(t);
    for (int i = 0; i < 200; i++) {
        cr_assert_eq(kill(t->pid, SIGCHLD), 0);
        cr_assert_eq(kill(sshd_child(sshd_child(t->pid)), SIGCHLD), 0);
    }
    cr_assert_eq(driver_exec(&t->d, "exit 5", NULL, 0), 5);
    daemon_stop(t);
}

Test(sshd, sighup_restarts)
{
    struct daemon *t = daemon_start();
    cr_assert_eq(kill(t->pid, SIGHUP), 0);
    cr_assert_not_null(daemon_says(t, "Received signal 1; restarting."));
    const char *at = NULL;
    for (uint64_t until = daemon_ms() + 60000; at == NULL && daemon_ms() < until;) {
        at = strstr(strstr(daemon_log(t), "restarting"), "Server listening on 127.0.0.1 port ");
        daemon_nap();
    }
    cr_assert_not_null(at);
    t->port = (uint32_t)strtoul(at + strlen("Server listening on 127.0.0.1 port "), NULL, 10);
    daemon_still_serves(t);
    daemon_stop(t);
}

/* ---- Load and deadlines ------------------------------------------------------------------ */

Test(sshd, S71_half_open_connections_do_not_keep_users_out)
{
    struct daemon *t = daemon_start_with("MaxStartups=200:30:300");
    int held[80];
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
        held[i] = driver_connect(t->port);
        cr_assert_geq(held[i], 0);
    }
    uint64_t from = daemon_ms();
    daemon_still_serves(t);
    cr_assert_lt(daemon_ms() - from, 60000u);
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
        close(held[i]);
    }
    daemon_stop(t);
}

static bool sshd_is_served(int fd)
{
    char buf[8] = "";
    return recv(fd, buf, 4, MSG_WAITALL) == 4 && memcmp(buf, "SSH-", 4) == 0;
}

Test(sshd, S71_startups_are_limited)
{
    struct daemon *t = daemon_start_with("MaxStartups=4:100:4");
    int held[6];
    driver_step(&t->d, 500);
    for (size_t i = 0; i < 3; i++) {
        held[i] = driver_connect(t->port);
        cr_assert(sshd_is_served(held[i]));
    }
    for (size_t i = 3; i < 6; i++) {
        held[i] = driver_connect(t->port);
        cr_assert_not(sshd_is_served(held[i]));
    }
    cr_assert_not_null(daemon_says(t, "past MaxStartups"));
    daemon_login(t);
    close(held[3]);
    held[3] = driver_connect(t->port);
    cr_assert(sshd_is_served(held[3]), "who is logged in does not count");
    for (size_t i = 0; i < 6; i++) {
        close(held[i]);
    }
    daemon_stop(t);
}

Test(sshd, S71_penalties)
{
    struct daemon *t = daemon_prepare();
    bool refused = false;
    for (size_t i = 0; i < t->n; i++) { /* the one test that wants them */
        if (strcmp(t->argv[i], "PerSourcePenalties=no") == 0) {
            strcpy(t->argv[i], "PerSourcePenalties=1");
            t->argv[i][19] = '\0';
            free(t->argv[i]);
            t->argv[i] = strdup("PerSourcePenalties=yes");
        }
    }
    daemon_run(t);
    for (int i = 0; i < 5 && !refused; i++) {
        daemon_connect(t);
        (void)driver_password(&t->d, t->me.name, "wrong");
        driver_free(&t->d);
        sshd_wait_childless(t);
        int fd = driver_connect(t->port);
        refused = !sshd_is_served(fd);
        close(fd);
        sshd_wait_childless(t);
    }
    cr_assert(refused);
    cr_assert_not_null(daemon_says(t, ": penalty"));
    daemon_stop(t);
}

Test(sshd, S71_the_grace_time_is_not_extended_by_traffic)
{
    uint64_t from = daemon_ms();
    struct daemon *t = daemon_start_with("LoginGraceTime=1");
    while (t->d.err == NACRE_OK && daemon_ms() - from < 60000) {
        driver_step(&t->d, 20);
        if (nacre_conn_ignore(&t->d.conn, (const uint8_t *)"x", 1) != NACRE_OK) {
            continue; /* not yet, or not any more */
        }
    }
    cr_assert_neq(t->d.err, NACRE_OK);
    cr_assert_geq(daemon_ms() - from, 900u);
    cr_assert_lt(daemon_ms() - from, 60000u);
    daemon_still_serves(t);
    daemon_stop(t);
}

Test(sshd, keepalives_end_a_silent_client)
{
    struct daemon *t = daemon_prepare();
    daemon_option(t, "ClientAliveInterval=1");
    daemon_option(t, "ClientAliveCountMax=3");
    daemon_run(t);
    daemon_connect(t);
    daemon_login(t);
    for (uint64_t until = daemon_ms() + 1500; daemon_ms() < until;) {
        driver_step(&t->d, 50);
    }
    cr_assert_eq(t->d.err, NACRE_OK, "one that answers stays");
    cr_assert_not_null(daemon_says(t, "peer does not answer keepalives"));
    daemon_stop(t);
}

/* ---- The command line -------------------------------------------------------------------- */

Test(sshd, the_configuration_can_be_tested)
{
    struct daemon *t = daemon_prepare();
    daemon_arg(t, "-t");
    cr_assert_eq(daemon_once(t), 0, "%s", daemon_log(t));
    daemon_option(t, "NoSuchKeyword=yes");
    cr_assert_eq(daemon_once(t), 255);
    cr_assert_not_null(strstr(daemon_log(t), "command line: NoSuchKeyword: keyword not supported"));
    daemon_stop(t);
}

Test(sshd, a_missing_or_open_host_key_is_named)
{
    struct daemon *t = daemon_prepare();
    daemon_arg(t, "-t");
    cr_assert_eq(chmod(t->host, 0644), 0);
    cr_assert_eq(daemon_once(t), 255);
    cr_assert_not_null(strstr(daemon_log(t), "are too open"));
    cr_assert_eq(unlink(t->host), 0);
    cr_assert_eq(daemon_once(t), 255);
    cr_assert_not_null(strstr(daemon_log(t), t->host));
    cr_assert_not_null(strstr(daemon_log(t), "no hostkeys available"));
    daemon_stop(t);
}

Test(sshd, options_that_do_not_exist_are_refused)
{
    struct daemon *t = daemon_prepare();
    daemon_arg(t, "-Z");
    cr_assert_eq(daemon_once(t), 255);
    cr_assert_not_null(strstr(daemon_log(t), "usage: nacre-sshd"));
    daemon_stop(t);
}

Test(sshd, inetd_over_a_socket)
{
    struct daemon *t = daemon_prepare();
    int pair[2];
    daemon_arg(t, "-i");
    daemon_arg(t, "-e");
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    pid_t pid = daemon_spawn(t, pair[1]);
    close(pair[1]);
    driver_init(&t->d, pair[0]);
    daemon_login(t);
    cr_assert_eq(driver_exec(&t->d, "exit 9", NULL, 0), 9);
    driver_free(&t->d);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    daemon_stop(t);
}

Test(sshd, debug_serves_one_connection)
{
    struct daemon *t = daemon_prepare();
    int status;
    daemon_arg(t, "-d");
    daemon_run(t);
    daemon_connect(t);
    daemon_login(t);
    cr_assert_eq(driver_exec(&t->d, "exit 9", NULL, 0), 9);
    driver_free(&t->d);
    cr_assert_eq(waitpid(t->pid, &status, 0), t->pid);
    t->pid = 0;
    daemon_stop(t);
}

/* ---- Identity ---------------------------------------------------------------------------- */

Test(account, S62_identity_is_taken_on_for_good)
{
    struct ncr_account a = {.found = true, .uid = 65534, .gid = 65534, .name = "no-such-user"};
    if (getuid() != 0) {
        cr_skip_test("not root");
    }
    pid_t pid = fork();
    if (pid == 0) {
        gid_t gids[8];
        bool ok = ncr_account_become(&a) && getuid() == 65534 && geteuid() == 65534 &&
                  getgid() == 65534 && getgroups(8, gids) == 1 && gids[0] == 65534 &&
                  setuid(0) != 0 && seteuid(0) != 0 && setgid(0) != 0;
        _exit(ok ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    a.found = false;
    cr_assert_not(ncr_account_become(&a), "no account");
}

Test(account, S62_who_is_not_root_becomes_nobody_else)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct ncr_account other = {.found = true, .uid = 12345, .gid = 12345, .name = "x"};
        if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
            _exit(2);
        }
        _exit(ncr_account_become(&other) ? 1 : 0);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Test(account, records)
{
    char path[] = "/tmp/nacre-passwd-XXXXXX";
    static const char text[] = "root:x:0:0:root:/root:/bin/sh\n"
                               "bad:x:-1:0::/:/bin/sh\n"
                               "minus:x:4294967295:0::/:/bin/sh\n"
                               "word:x:0x0:0::/:/bin/sh\n"
                               "short:x:1:1\n"
                               "joe:x:1000:1001:Joe,,,:/home/joe:\n"
                               ":x:5:5::/:/bin/sh\n"
                               "colon:x:6:6::/home:/bin/sh:more\n";
    static const char *const none[] = {"bad", "minus", "word", "short", "", "jo", "joee"};
    struct ncr_account a;
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
    close(fd);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        cr_assert_not(ncr_account_by_name(&a, path, none[i]), "%s", none[i]);
        cr_assert_not(a.found);
    }
    cr_assert(ncr_account_by_name(&a, path, "joe"));
    cr_assert_eq(a.uid, 1000u);
    cr_assert_eq(a.gid, 1001u);
    cr_assert_str_eq(a.home, "/home/joe");
    cr_assert_str_eq(a.shell, "/bin/sh", "the default");
    cr_assert(ncr_account_by_uid(&a, path, 0));
    cr_assert_str_eq(a.name, "root");
    unlink(path);
}
