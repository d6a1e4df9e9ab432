/* SPDX-License-Identifier: ISC
 *
 * The daemon run for real, for tests: $BUILD/nacre-sshd on a port that the system picks, with keys
 * and files made on the spot, and a client of our own engine. The user is the one that runs the
 * test.
 */
#ifndef NACRE_TESTS_SSHD_RIG_H
#define NACRE_TESTS_SSHD_RIG_H

#include "server/account.h"
#include "tests/driver.h"

#include <stdint.h>
#include <sys/types.h>

#define DAEMON_ARGS 64

struct daemon {
    char dir[64], keys[96], users[96], log[96], host[96];
    struct ncr_account me;
    struct nacre_privkey host_key, user, other;
    pid_t pid;
    uint32_t port;
    struct driver d;
    char *argv[DAEMON_ARGS];
    size_t n;
    char said[65536];
};

/* Directory, keys, files and the usual options; the test is skipped if the daemon cannot run here.
 */
struct daemon *daemon_prepare(void);
void daemon_option(struct daemon *t, const char *option);
void daemon_arg(struct daemon *t, const char *format, ...);
void daemon_write(const char *path, const char *text, mode_t mode);
/* The one line of authorized_keys, with options in front. */
void daemon_authorize(struct daemon *t, const char *options);
/* Starts it on a port of 127.0.0.1, and connects. */
void daemon_run(struct daemon *t);
void daemon_connect(struct daemon *t);
/* All of that, with no further option or with one. */
struct daemon *daemon_start(void);
struct daemon *daemon_start_with(const char *option);
/* With the key that authorized_keys has; it must succeed. */
void daemon_login(struct daemon *t);
/* Ends it and removes its files. */
void daemon_stop(struct daemon *t);
/* An honest login must work after whatever was done to the daemon. */
void daemon_still_serves(struct daemon *t);
/* The daemon must end the connection; what the test wrote before is the reason. */
void daemon_expect_end(struct daemon *t);
/* Runs it to its end and returns its exit status. */
int daemon_once(struct daemon *t);
pid_t daemon_spawn(struct daemon *t, int in_fd);
const char *daemon_program(void);

/* A port of 127.0.0.1 that somebody listens on; the descriptor to close. */
int daemon_listener(uint32_t *port);
/* Opens a channel to that port. */
bool daemon_open_to(struct daemon *t, uint32_t port);
/* What the login may do, tried and undone, but for what is listened at. */
bool daemon_may_open(struct daemon *t, uint32_t port);
bool daemon_may_listen(struct daemon *t, uint32_t port);
bool daemon_may_pty(struct daemon *t);
bool daemon_may_lend_agent(struct daemon *t);

/* The log so far; where it has that text, waited for, or NULL. */
const char *daemon_log(struct daemon *t);
const char *daemon_says(struct daemon *t, const char *text);
uint64_t daemon_ms(void);
void daemon_nap(void);

#endif
