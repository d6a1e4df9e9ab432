/* SPDX-License-Identifier: ISC
 *
 * The daemon run for real: $BUILD/nacre-sshd on a port that the system picks, with keys and files
 * made on the spot, and a client of our own engine. The user is the one that runs the test. Here:
 * commands, environment, terminals, forced commands, forwarding.
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

/* As sshd: what others may not write to is at least what 022 says. */
Test(sshd, umask_of_commands)
{
    static const struct {
        mode_t before;
        const char *after;
    } cases[] = {{0, "0022\n"}, {077, "0077\n"}, {02, "0022\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mode_t own = umask(cases[i].before);
        struct daemon *t = daemon_start();
        umask(own);
        daemon_login(t);
        cr_assert_eq(driver_exec(&t->d, "umask", NULL, 0), 0);
        cr_assert(driver_out_is(&t->d, cases[i].after), "umask %o", (unsigned)cases[i].before);
        daemon_stop(t);
    }
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

Test(sshd, direct_tcpip)
{
    struct daemon *t = daemon_start();
    uint32_t port;
    char buf[16];
    int l = daemon_listener(&port);
    daemon_login(t);
    cr_assert(daemon_open_to(t, port));
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
    cr_assert_not(daemon_open_to(t, port), "nobody listens");
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
        int l = daemon_listener(&port);
        daemon_login(t);
        cr_assert_not(daemon_open_to(t, port), "%s", options[i]);
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
