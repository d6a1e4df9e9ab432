/* SPDX-License-Identifier: ISC
 *
 * The daemon run for real: methods of authentication, tries, user enumeration, and requests in the
 * wrong order.
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
        daemon_expect_end(t);
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
