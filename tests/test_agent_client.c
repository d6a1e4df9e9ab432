/* SPDX-License-Identifier: ISC
 *
 * Requests to agents (client/agent_client.c): one that keeps to the protocol, and many that do not
 * (s74): each is told apart, none makes the client wait for ever or believe anything.
 */
#include "client/agent_client.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/posix/clock.h"
#include "tests/rig.h"
#include "tests/toy_agent.h"

static struct nacre_privkey test_key(uint8_t number)
{
    struct nacre_privkey k;
    uint8_t seed[NACRE_ED25519_SEED_LEN] = {number};
    nacre_privkey_from_seed(&k, seed);
    return k;
}

/* ---- An agent that behaves --------------------------------------------------------------- */

Test(agent_client, requests)
{
    static uint64_t work[NACRE_WORK];
    struct nacre_privkey a = test_key(1);
    struct nacre_privkey b = test_key(2);
    struct toy_agent t = {.keys = {&a}};
    struct nacre_agent_limits limits = {.has_lifetime = true, .lifetime = 7, .confirm = true};
    struct nacre_bytes blob = nacre_privkey_public_blob(&a);
    struct nacre_bytes alg = nacre_bytes_str("ssh-ed25519");
    struct nacre_bytes data = nacre_bytes_str("to be signed");
    struct nacre_bytes none = {NULL, 0};
    struct nacre_agent_identity id;
    struct nacre_bytes keys;
    struct nacre_agent *agent;
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    char log[512];
    size_t n;

    toy_agent_start(&t);
    cr_assert_eq(nacre_agent_open(&agent, t.path), NACRE_OK);
    cr_assert_eq(nacre_agent_list(agent, &keys), NACRE_OK);
    cr_assert(nacre_agent_identity_next(&keys, &id));
    cr_assert(nacre_bytes_is(id.comment, "key 0"));
    cr_assert_arr_eq(id.blob.p, blob.p, blob.n);
    cr_assert_not(nacre_agent_identity_next(&keys, &id));
    cr_assert_eq(nacre_agent_sign(agent, blob, alg, data, sig, sizeof sig, &n), NACRE_OK);
    cr_assert_eq(
        nacre_sig_verify(&nacre_algs_default, alg, blob, data, (struct nacre_bytes){sig, n}, work),
        NACRE_OK);
    cr_assert_eq(nacre_agent_sign(agent, blob, alg, data, sig, n - 1, &n), NACRE_ERR_NO_ROOM);
    cr_assert_eq(n, 0);
    cr_assert_eq(
        nacre_agent_sign(agent, nacre_privkey_public_blob(&b), alg, data, sig, sizeof sig, &n),
        NACRE_ERR_KEY_REFUSED, "a refusal does not end the connection");
    cr_assert_eq(nacre_agent_store(agent, &b, none, nacre_bytes_str("b"), &limits), NACRE_OK);
    cr_assert_eq(nacre_agent_remove(agent, blob), NACRE_OK);
    cr_assert_eq(nacre_agent_remove_all(agent), NACRE_OK);
    cr_assert_eq(nacre_agent_lock(agent, "secret"), NACRE_OK);
    cr_assert_eq(nacre_agent_unlock(agent, "secret"), NACRE_OK);
    toy_agent_log(&t, log, sizeof log);
    cr_assert_str_eq(log, "list\nsign 0 ssh-ed25519\nsign 0 ssh-ed25519\nsign 0 ssh-ed25519\n"
                          "add life 7 confirm 1 cert 0 dests 0 b\n"
                          "other\nother\nlock\nunlock\n");
    nacre_agent_close(agent);
    toy_agent_stop(&t);
}

Test(agent_client, errors_of_making_leave_the_connection)
{
    static uint8_t big[NACRE_AGENT_MSG_MAX];
    struct nacre_privkey empty;
    struct toy_agent t = {.fault = TOY_GOOD};
    struct nacre_bytes none = {NULL, 0};
    struct nacre_bytes alg = nacre_bytes_str("ssh-ed25519");
    struct nacre_agent *agent;
    struct nacre_bytes keys;
    uint8_t sig[64];
    size_t n;

    memset(&empty, 0, sizeof empty);
    toy_agent_start(&t);
    cr_assert_eq(nacre_agent_open(&agent, t.path), NACRE_OK);
    cr_assert_eq(nacre_agent_store(agent, &empty, none, none, NULL), NACRE_ERR_USAGE);
    cr_assert_eq(nacre_agent_sign(agent, none, alg, (struct nacre_bytes){big, sizeof big}, sig,
                                  sizeof sig, &n),
                 NACRE_ERR_LIMIT);
    cr_assert_eq(nacre_agent_list(agent, &keys), NACRE_OK);
    cr_assert_eq(keys.n, 0);
    nacre_agent_close(agent);
    toy_agent_stop(&t);
}

/* ---- Agents that do not ------------------------------------------------------------------ */

/* A child that reads a request and writes these bytes, `step` at a time; then it waits to be told
 * off, or hangs up. */
static struct nacre_agent *scripted(const uint8_t *p, size_t n, size_t step, bool hang_up,
                                    pid_t *pid)
{
    struct nacre_agent *agent;
    uint8_t request[4096];
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    *pid = fork();
    cr_assert_geq(*pid, 0);
    if (*pid == 0) {
        close(fds[0]);
        alarm(60);
        signal(SIGPIPE, SIG_IGN);
        if (read(fds[1], request, sizeof request) <= 0)
            _exit(1);
        for (size_t at = 0; at < n; at += step) {
            size_t k = n - at < step ? n - at : step;
            if (write(fds[1], p + at, k) != (ssize_t)k)
                _exit(0);
        }
        while (!hang_up && read(fds[1], request, sizeof request) > 0)
            ;
        _exit(0);
    }
    close(fds[1]);
    cr_assert_eq(ncr_agent_attach(&agent, fds[0]), NACRE_OK);
    ncr_agent_deadlines(agent, 5000, 5000);
    return agent;
}

static void scripted_end(struct nacre_agent *agent, pid_t pid)
{
    nacre_agent_close(agent);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static nacre_err list_from(const uint8_t *p, size_t n, bool hang_up)
{
    struct nacre_bytes keys;
    pid_t pid;
    struct nacre_agent *agent = scripted(p, n, n + 1, hang_up, &pid);
    nacre_err err = nacre_agent_list(agent, &keys);

    if (err != NACRE_OK)
        cr_assert_eq(nacre_agent_list(agent, &keys), err, "it stays so");
    scripted_end(agent, pid);
    return err;
}

static size_t good_list(uint8_t *out, size_t cap)
{
    struct nacre_privkey k = test_key(3);
    size_t n = 0;

    cr_assert_eq(nacre_agent_list_begin(out, cap, &n), NACRE_OK);
    cr_assert_eq(
        nacre_agent_list_append(out, cap, &n, nacre_privkey_public_blob(&k), nacre_bytes_str("c")),
        NACRE_OK);
    return n;
}

Test(agent_client, s74_replies_cut_at_every_byte, .timeout = 120)
{
    uint8_t list[256];
    size_t n = good_list(list, sizeof list);

    for (size_t i = 0; i < n; i++)
        cr_assert_eq(list_from(list, i, true), NACRE_ERR_PEER_CLOSED, "%zu", i);
    cr_assert_eq(list_from(list, n, true), NACRE_OK);
    /* Cut, but with a length that says so. */
    for (size_t i = 5; i < n; i++) {
        uint8_t cut[256];
        memcpy(cut, list, n);
        cut[3] = (uint8_t)(i - 4);
        cr_assert_eq(list_from(cut, i, false), NACRE_ERR_FORMAT, "%zu", i);
    }
}

Test(agent_client, s74_replies_with_a_flipped_bit, .timeout = 120)
{
    uint8_t list[256];
    size_t n = good_list(list, sizeof list);

    for (size_t i = 4; i < n; i++) { /* lengths are the next test's */
        list[i] ^= 0x20;
        nacre_err err = list_from(list, n, true);
        cr_assert(err == NACRE_OK || err == NACRE_ERR_FORMAT || err == NACRE_ERR_ORDER ||
                      err == NACRE_ERR_LIMIT,
                  "byte %zu: %s", i, nacre_err_name(err));
        list[i] ^= 0x20;
    }
}

Test(agent_client, s74_lengths_counts_and_types, .timeout = 120)
{
    static const struct {
        const char *what;
        nacre_err err;
        size_t n;
        uint8_t p[16];
    } cases[] = {
        {"length 0", NACRE_ERR_LIMIT, 4, {0, 0, 0, 0}},
        {"length over 256 KiB", NACRE_ERR_LIMIT, 4, {0, 4, 0, 1}},
        {"length 2^32-1", NACRE_ERR_LIMIT, 4, {255, 255, 255, 255}},
        {"2^32-1 keys", NACRE_ERR_LIMIT, 9, {0, 0, 0, 5, 12, 255, 255, 255, 255}},
        {"one key, no bytes", NACRE_ERR_FORMAT, 9, {0, 0, 0, 5, 12, 0, 0, 0, 1}},
        {"a byte too many", NACRE_ERR_FORMAT, 10, {0, 0, 0, 6, 12, 0, 0, 0, 0, 0}},
        {"no count", NACRE_ERR_FORMAT, 5, {0, 0, 0, 1, 12}},
        {"success, but to what", NACRE_ERR_ORDER, 5, {0, 0, 0, 1, 6}},
        {"a signature", NACRE_ERR_ORDER, 9, {0, 0, 0, 5, 14, 0, 0, 0, 0}},
        {"an extension's failure", NACRE_ERR_ORDER, 5, {0, 0, 0, 1, 28}},
        {"a request", NACRE_ERR_ORDER, 5, {0, 0, 0, 1, 11}},
        {"type 0", NACRE_ERR_ORDER, 5, {0, 0, 0, 1, 0}},
        {"failure", NACRE_ERR_KEY_REFUSED, 5, {0, 0, 0, 1, 5}},
        {"no keys", NACRE_OK, 9, {0, 0, 0, 5, 12, 0, 0, 0, 0}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nacre_bytes keys;
        pid_t pid;
        struct nacre_agent *a = scripted(cases[i].p, cases[i].n, 16, false, &pid);
        nacre_err err = nacre_agent_list(a, &keys);

        cr_assert_eq(err, cases[i].err, "%s: %s", cases[i].what, nacre_err_name(err));
        scripted_end(a, pid);
    }
}

Test(agent_client, s74_a_reply_nobody_asked_for)
{
    /* Two replies: the second would be taken for that to the next request. */
    static const uint8_t twice[] = {0, 0, 0, 5, 12, 0, 0, 0, 0, 0, 0, 0, 5, 12, 0, 0, 0, 0};
    struct nacre_bytes keys;
    pid_t pid;
    struct nacre_agent *a = scripted(twice, sizeof twice, sizeof twice, false, &pid);

    cr_assert_eq(nacre_agent_list(a, &keys), NACRE_OK);
    cr_assert_eq(nacre_agent_remove_all(a), NACRE_ERR_ORDER);
    cr_assert_eq(nacre_agent_remove_all(a), NACRE_ERR_ORDER);
    scripted_end(a, pid);
}

Test(agent_client, a_byte_at_a_time)
{
    uint8_t list[256];
    size_t n = good_list(list, sizeof list);
    struct nacre_bytes keys;
    pid_t pid;
    struct nacre_agent *a = scripted(list, n, 1, false, &pid);

    cr_assert_eq(nacre_agent_list(a, &keys), NACRE_OK);
    scripted_end(a, pid);
}

Test(agent_client, s74_one_that_never_answers, .timeout = 120)
{
    static const uint8_t half[] = {0, 0, 0, 5, 12};
    struct nacre_bytes keys;

    for (size_t n = 0; n <= sizeof half; n += sizeof half) {
        pid_t pid;
        struct nacre_agent *a = scripted(half, n, 8, false, &pid);
        uint64_t since = ncr_clock_ms();

        ncr_agent_deadlines(a, 100, 100);
        cr_assert_eq(nacre_agent_list(a, &keys), NACRE_ERR_TIMEOUT);
        cr_assert_lt(ncr_clock_ms() - since, 60000);
        cr_assert_eq(nacre_agent_list(a, &keys), NACRE_ERR_TIMEOUT, "not asked again");
        scripted_end(a, pid);
    }
}

/* It does not even read: the request does not fit what the system holds for it. */
Test(agent_client, s74_one_that_never_reads, .timeout = 120)
{
    static uint8_t data[NACRE_AGENT_MSG_MAX - 4096];
    struct nacre_bytes alg = nacre_bytes_str("ssh-ed25519");
    struct nacre_privkey k = test_key(1);
    struct nacre_agent *a;
    uint8_t sig[64];
    int small = 4096;
    int fds[2];
    size_t n;

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    (void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    cr_assert_eq(ncr_agent_attach(&a, fds[0]), NACRE_OK);
    ncr_agent_deadlines(a, 100, 100);
    cr_assert_eq(nacre_agent_sign(a, nacre_privkey_public_blob(&k), alg,
                                  (struct nacre_bytes){data, sizeof data}, sig, sizeof sig, &n),
                 NACRE_ERR_TIMEOUT);
    nacre_agent_close(a);
    close(fds[1]);
}

/* ---- Where agents are -------------------------------------------------------------------- */

Test(agent_client, settings)
{
    char out[108];
    char longest[128];

    unsetenv("SSH_AUTH_SOCK");
    cr_assert_not(ncr_agent_path(out, sizeof out, NULL));
    setenv("SSH_AUTH_SOCK", "/run/a", 1);
    setenv("OTHER", "/run/b", 1);
    cr_assert(ncr_agent_path(out, sizeof out, NULL));
    cr_assert_str_eq(out, "/run/a");
    cr_assert(ncr_agent_path(out, sizeof out, "SSH_AUTH_SOCK"));
    cr_assert_str_eq(out, "/run/a");
    cr_assert(ncr_agent_path(out, sizeof out, "$OTHER"));
    cr_assert_str_eq(out, "/run/b");
    cr_assert(ncr_agent_path(out, sizeof out, "/run/c"));
    cr_assert_str_eq(out, "/run/c");
    cr_assert_not(ncr_agent_path(out, sizeof out, "none"));
    cr_assert_not(ncr_agent_path(out, sizeof out, ""));
    cr_assert_not(ncr_agent_path(out, sizeof out, "$UNSET_HERE"));
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    cr_assert_not(ncr_agent_path(out, sizeof out, longest), "no socket has such a name");
}

Test(agent_client, no_agent_there)
{
    struct nacre_agent *a;
    char file[] = "/tmp/nacre-no-agent-XXXXXX";
    int fd = mkstemp(file);

    unsetenv("SSH_AUTH_SOCK");
    cr_assert_eq(nacre_agent_open(&a, NULL), NACRE_ERR_IO);
    cr_assert_eq(errno, ENOENT);
    cr_assert_null(a);
    cr_assert_eq(nacre_agent_open(&a, "/nonexistent/agent"), NACRE_ERR_IO);
    cr_assert_eq(errno, ENOENT);
    cr_assert_eq(nacre_agent_open(&a, file), NACRE_ERR_IO, "a file that is none");
    cr_assert_eq(errno, ECONNREFUSED);
    cr_assert_null(a);
    nacre_agent_close(NULL);
    close(fd);
    unlink(file);
}
