/* SPDX-License-Identifier: ISC
 *
 * The daemon run for real: its processes and what is left of them, load and deadlines, the command
 * line.
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
    daemon_expect_end(t);
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
    daemon_expect_end(t);
    daemon_still_serves(t);
    monitor = sshd_child(t->pid);
    cr_assert_eq(kill(monitor, SIGKILL), 0);
    daemon_expect_end(t);
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

/* Mappings of a process that others share; -1: they are not for us to see. */
static int sshd_shared(pid_t pid)
{
    char path[64], line[512];
    int n = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        n += strstr(line, " rw-s ") != NULL;
    }
    if (f == NULL) {
        return -1;
    }
    fclose(f);
    return n;
}

/* Neither child can write to anything of the listener's. */
Test(sshd, S64_children_share_the_engine_alone)
{
    struct daemon *t = daemon_start();
    cr_assert_not(driver_none(&t->d, t->me.name));
    int network = sshd_shared(sshd_child(sshd_child(t->pid)));
    daemon_login(t);
    cr_assert_eq(driver_exec(&t->d, "true", NULL, 0), 0);
    int session = sshd_shared(sshd_child(sshd_child(t->pid)));
    daemon_stop(t);
    if (network < 0 || session < 0) {
        cr_skip_test("the maps of confined processes are not for this user");
    }
    cr_assert_eq(network, 1);
    cr_assert_eq(session, 1);
}

/* S67: standard descriptors, the client, the monitor; the loop's pipe for signals. */
Test(sshd, S67_descriptors_of_a_session)
{
    struct daemon *t = daemon_start();
    daemon_login(t);
    cr_assert_eq(driver_exec(&t->d, "true", NULL, 0), 0);
    pid_t session = sshd_child(sshd_child(t->pid));
    for (int fd = 3; fd < 64; fd++) {
        char path[64], target[256] = "";
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)session, fd);
        ssize_t n = readlink(path, target, sizeof target - 1);
        cr_assert(n < 0 || strncmp(target, "socket:", 7) == 0 || strncmp(target, "pipe:", 5) == 0 ||
                      strncmp(target, "anon_inode:", 11) == 0,
                  "%d is %s", fd, target);
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
