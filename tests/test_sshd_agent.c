/* SPDX-License-Identifier: ISC
 *
 * The client's agent at the daemon (server/session_agent.c): the socket that the user's programs
 * find (S63), who may have it (S58, S59, S75), what stays of it.
 */
#include "tests/sshd_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool lent_ask(struct daemon *t)
{
    struct nacre_request r = {.kind = NACRE_REQ_OTHER};
    r.name = nacre_bytes_str("auth-agent-req@openssh.com");
    return driver_request(&t->d, &r);
}

/* A session that was lent the agent, with a program that waits; path gets SSH_AUTH_SOCK. */
static void lent_open(struct daemon *t, char path[108])
{
    struct nacre_request run = {.kind = NACRE_REQ_EXEC};
    run.data = nacre_bytes_str("echo \"$SSH_AUTH_SOCK\"; exec cat");
    cr_assert(driver_session(&t->d));
    cr_assert(lent_ask(t));
    cr_assert(driver_request(&t->d, &run));
    while (t->d.err == NACRE_OK && (t->d.out.n == 0 || t->d.out.p[t->d.out.n - 1] != '\n')) {
        driver_step(&t->d, 20);
    }
    cr_assert(t->d.out.n > 1 && t->d.out.n < 108);
    memcpy(path, t->d.out.p, t->d.out.n - 1);
    path[t->d.out.n - 1] = '\0';
}

static int lent_dial(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memcpy(sa.sun_path, path, strlen(path) + 1);
    cr_assert_geq(fd, 0);
    if (connect(fd, (const struct sockaddr *)&sa, sizeof sa) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void lent_gone(const char *path, bool gone)
{
    struct stat st;
    for (unsigned i = 0; i < 500 && lstat(path, &st) == 0 && gone; i++) {
        daemon_nap();
    }
    cr_assert_eq(lstat(path, &st) != 0, gone, "%s", path);
}

static void lent_dir(char dir[108], const char *path)
{
    strcpy(dir, path);
    *strrchr(dir, '/') = '\0';
}

Test(sshd_agent, bytes_go_both_ways)
{
    struct daemon *t = daemon_start();
    char path[108], dir[108], buf[16];
    daemon_login(t);
    lent_open(t, path);
    lent_dir(dir, path);
    for (unsigned turn = 0; turn < 3; turn++) {
        int fd = lent_dial(path);
        cr_assert_geq(fd, 0);
        t->d.incoming_data.n = 0;
        cr_assert_eq(send(fd, "hello", 5, MSG_NOSIGNAL), 5);
        while (t->d.incoming_data.n < 5 && t->d.err == NACRE_OK) {
            driver_step(&t->d, 20);
        }
        cr_assert_arr_eq(t->d.incoming_data.p, "hello", 5);
        cr_assert(driver_send(&t->d, t->d.incoming, "back", 4));
        cr_assert_eq(recv(fd, buf, sizeof buf, 0), 4);
        cr_assert_arr_eq(buf, "back", 4);
        close(fd);
    }
    driver_finish(&t->d);
    lent_gone(path, false); /* as long as the connection lives: other sessions use it */
    driver_free(&t->d);
    lent_gone(path, true);
    lent_gone(dir, true);
    driver_init(&t->d, -1);
    daemon_stop(t);
}

Test(sshd_agent, S63_only_the_user_can_reach_it)
{
    struct daemon *t = daemon_start();
    char path[108], dir[108];
    struct stat st;
    daemon_login(t);
    lent_open(t, path);
    lent_dir(dir, path);
    cr_assert_eq(lstat(dir, &st), 0);
    cr_assert_eq(st.st_mode, S_IFDIR | 0700);
    cr_assert_eq(st.st_uid, geteuid());
    cr_assert_eq(lstat(path, &st), 0);
    cr_assert_eq(st.st_mode, S_IFSOCK | 0600);
    daemon_stop(t);
    lent_gone(path, true);
}

/* What has taken the socket's place in the meantime is not ours to remove. */
Test(sshd_agent, S63_another_file_in_its_place_stays)
{
    struct daemon *t = daemon_start();
    char path[108], dir[108];
    daemon_login(t);
    lent_open(t, path);
    lent_dir(dir, path);
    cr_assert_eq(unlink(path), 0);
    daemon_write(path, "somebody's", 0600);
    uint32_t port = t->port;
    driver_free(&t->d);
    driver_init(&t->d, -1);
    (void)daemon_says(t, "Connection closed by user");
    lent_gone(path, false);
    cr_assert_gt(port, 0u);
    unlink(path);
    rmdir(dir);
    daemon_stop(t);
}

Test(sshd_agent, S75_not_there_unless_asked_for)
{
    struct daemon *t = daemon_start();
    char path[108];
    daemon_login(t);
    cr_assert_eq(driver_exec(&t->d, "echo \"none:$SSH_AUTH_SOCK\"", NULL, 0), 0);
    cr_assert(driver_out_is(&t->d, "none:\n"));
    driver_reset(&t->d);
    lent_open(t, path);
    driver_finish(&t->d);
    driver_reset(&t->d);
    cr_assert(driver_session(&t->d));
    cr_assert_not(lent_ask(t), "one of a connection");
    driver_finish(&t->d);
    driver_reset(&t->d);
    cr_assert_eq(driver_exec(&t->d, "echo \"$SSH_AUTH_SOCK\"", NULL, 0), 0);
    cr_assert(strncmp((char *)t->d.out.p, path, strlen(path)) == 0, "later sessions have it too");
    daemon_stop(t);
}

Test(sshd_agent, S58_refused_by_the_configuration)
{
    static const char *const options[] = {"AllowAgentForwarding=no", "DisableForwarding=yes"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        struct daemon *t = daemon_start_with(options[i]);
        daemon_login(t);
        cr_assert(driver_session(&t->d));
        cr_assert_not(lent_ask(t), "%s", options[i]);
        daemon_stop(t);
    }
}

Test(sshd_agent, S59_refused_by_the_key)
{
    static const struct {
        const char *options;
        bool granted;
    } cases[] = {{"no-agent-forwarding", false},
                 {"restrict", false},
                 {"restrict,agent-forwarding", true},
                 {"no-port-forwarding,no-pty", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct daemon *t = daemon_prepare();
        daemon_authorize(t, cases[i].options);
        daemon_run(t);
        daemon_connect(t);
        daemon_login(t);
        cr_assert(driver_session(&t->d));
        cr_assert_eq(lent_ask(t), cases[i].granted, "%s", cases[i].options);
        daemon_stop(t);
    }
}
