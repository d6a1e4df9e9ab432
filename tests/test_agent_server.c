/* SPDX-License-Identifier: ISC
 *
 * nacre-agent's server over socket pairs and its socket: truncation, floods, slow clients, limits
 * (s74); memory runs out at each allocation once (s94). Questions are test_agent_consent.c's.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/agent_rig.h"
#include "tests/oom.h"

TestSuite(agent_server, .init = net_setup, .fini = net_teardown);

Test(agent_server, byte_by_byte_and_all_at_once)
{
    const int a = net_client(), b = net_client();
    size_t first;

    agt_put_add(1, "c", NULL);
    for (size_t i = 0; i < agt_n; i++) {
        cr_assert(net_idle(a));
        net_write(a, agt_msg + i, 1);
        net_round(0);
        net_round(0);
    }
    cr_assert(net_read(a) && agt.r.type == NACRE_AGENT_SUCCESS);
    cr_assert_eq(net_list(b), 1);
    /* many requests in one write: answered in their order */
    agt_put_list();
    first = agt_n;
    agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
    uint8_t three[1024];
    const size_t n = first + agt_n + first;
    memcpy(three + first, agt_msg, agt_n);
    agt_put_list();
    memcpy(three, agt_msg, first);
    memcpy(three + n - first, agt_msg, first);
    net_write(a, three, n);
    cr_assert(net_read(a) && agt.r.type == NACRE_AGENT_IDENTITIES_ANSWER);
    agt_msg[NACRE_AGENT_LEN] = NACRE_AGENT_SIGN_REQUEST;
    cr_assert(net_read(a) && agt.r.type == NACRE_AGENT_SIGN_RESPONSE);
    agt_msg[NACRE_AGENT_LEN] = NACRE_AGENT_REQUEST_IDENTITIES;
    cr_assert(net_read(a) && agt.r.type == NACRE_AGENT_IDENTITIES_ANSWER);
    cr_assert(net_idle(a));
    close(a);
    close(b);
    net_round(0);
    net_round(0);
    cr_assert_eq(net.s.n_clients, 0);
}

Test(agent_server, s74_lengths_out_of_range_end_it)
{
    static const uint8_t lens[][4] = {{0, 0, 0, 0}, {0, 4, 0, 1}, {0xff, 0xff, 0xff, 0xff}};
    const int good = net_client();

    for (size_t i = 0; i < 3; i++) {
        const int fd = net_client();
        net_write(fd, lens[i], 4);
        cr_assert(!net_read(fd));
        close(fd);
    }
    cr_assert_eq(net_list(good), 0);
    close(good);
}

Test(agent_server, s74_malformed_requests_fail_and_the_next_is_served)
{
    static const uint8_t bad[] = {0, 0, 0, 2, 13, 0, 0, 0, 0, 1, 99};
    const int fd = net_client();

    net_write(fd, bad, sizeof bad);
    agt_put_list();
    cr_assert(net_read(fd) && agt.r.type == NACRE_AGENT_FAILURE);
    cr_assert(net_read(fd) && agt.r.type == NACRE_AGENT_FAILURE);
    cr_assert_eq(net_list(fd), 0);
    close(fd);
}

/* The largest message, and the largest reply to one who reads late. */
Test(agent_server, largest)
{
    static uint8_t data[NACRE_AGENT_MSG_MAX - 1 - 4 - 51 - 4 - 4];
    const int fd = net_client();

    agt_put_add(1, "c", NULL);
    cr_assert_eq(net_ask(fd), NACRE_AGENT_SUCCESS);
    agt_put_sign(agt_blob(1), (struct nacre_bytes){data, sizeof data}, 0);
    cr_assert_eq(agt_n, NACRE_AGENT_LEN + NACRE_AGENT_MSG_MAX);
    cr_assert_eq(net_ask(fd), NACRE_AGENT_SIGN_RESPONSE);
    close(fd);
}

/* Who sends without reading is not read from; who stops in the middle is not waited for. Others do
 * not notice. */
Test(agent_server, floods_and_slow_clients)
{
    const int flood = net_client(), half = net_client(), good = net_client();
    size_t sent = 0;
    const uint8_t start[] = {0, 4, 0, 0, 13, 1, 2, 3};

    for (int i = 0; i < 60; i++) {
        char comment[1000];
        snprintf(comment, sizeof comment, "%0999d", i);
        agt_put_add(i, comment, NULL);
        cr_assert_eq(net_ask(good), NACRE_AGENT_SUCCESS);
    }
    net_write(half, start, sizeof start);
    agt_put_list();
    for (int idle = 0; idle < 20;) {
        const ssize_t n = send(flood, agt_msg, agt_n, MSG_NOSIGNAL | MSG_DONTWAIT);
        idle = n > 0 ? 0 : idle + 1;
        sent += n > 0 ? (size_t)n : 0;
        net_round(0);
    }
    cr_assert_lt(sent, 4 * 1024 * 1024); /* what sockets hold; nothing piles up here */
    cr_assert_eq(net_list(good), 60);
    cr_assert(net_idle(half));
    close(flood);
    close(half);
    close(good);
}

/* What a late reader did not take at first comes whole, in order. */
Test(agent_server, late_readers_get_all)
{
    const int fd = net_client();
    size_t sent = 0, left, n = 0;

    for (int i = 0; i < 60; i++) {
        char comment[1000];
        snprintf(comment, sizeof comment, "%0999d", i);
        agt_put_add(i, comment, NULL);
        cr_assert_eq(net_ask(fd), NACRE_AGENT_SUCCESS);
    }
    agt_put_list();
    for (int i = 0; i < 40; i++) {
        net_write(fd, agt_msg, agt_n);
        sent++;
        for (int k = 0; k < 4; k++)
            net_round(0);
    }
    for (left = sent; left > 0; left--) {
        cr_assert(net_read(fd) && agt.r.n_keys == 60);
        n++;
    }
    cr_assert_eq(n, 40);
    cr_assert(net_idle(fd));
    close(fd);
}

Test(agent_server, stalled_clients_are_left)
{
    const int half = net_client(), idle = net_client(), deaf = net_client();
    const uint8_t start[] = {0, 4, 0, 0, 13};
    const uint64_t before = ncr_clock_ms();

    net.s.stall_ms = 200;
    net_write(half, start, sizeof start);
    agt_put_add(1, "c", NULL);
    cr_assert_eq(net_ask(idle), NACRE_AGENT_SUCCESS);
    agt_put_list();
    while (net.s.n_clients > 1) { /* deaf sends on and reads nothing */
        (void)!send(deaf, agt_msg, agt_n, MSG_NOSIGNAL | MSG_DONTWAIT);
        net_round(5);
        cr_assert_lt(ncr_clock_ms(), before + 60000);
    }
    cr_assert(ncr_clock_ms() >= before + 200);
    cr_assert(!net_read(half));
    cr_assert_eq(net_list(idle), 1); /* waiting between requests is no stalling */
    close(half);
    close(idle);
    close(deaf);
}

Test(agent_server, s74_guesses_delay_nobody_else)
{
    const int guesser = net_client(), second = net_client(), good = net_client();
    const uint64_t before = ncr_clock_ms();

    cr_assert_eq(net_lock(good, NACRE_AGENT_LOCK, "p"), NACRE_AGENT_SUCCESS);
    cr_assert_eq(nacre_agent_put_lock(agt_msg, sizeof agt_msg, &agt_n, NACRE_AGENT_UNLOCK,
                                      nacre_bytes_str("q")),
                 NACRE_OK);
    net.s.agent.failures = 4; /* the next costs 500 ms, the one after it 600 */
    net_write(guesser, agt_msg, agt_n);
    while (net.s.agent.failures == 4)
        net_round(10);
    net_write(second, agt_msg, agt_n); /* must wait for the first one's penalty */
    cr_assert_eq(net_list(good), 0);
    const bool idle = net_idle(guesser) && net_idle(second);
    cr_assert(idle || ncr_clock_ms() >= before + 500); /* a slow machine is no failure */
    agt_msg[NACRE_AGENT_LEN] = NACRE_AGENT_UNLOCK;
    cr_assert(net_read(guesser) && agt.r.type == NACRE_AGENT_FAILURE);
    cr_assert(ncr_clock_ms() >= before + 500);
    cr_assert(net_read(second) && agt.r.type == NACRE_AGENT_FAILURE);
    cr_assert(ncr_clock_ms() >= before + 1100);
    cr_assert_eq(net_lock(good, NACRE_AGENT_UNLOCK, "p"), NACRE_AGENT_SUCCESS);
    close(guesser);
    close(second);
    close(good);
}

Test(agent_server, keys_expire_without_a_request)
{
    const struct nacre_agent_limits limits = {.has_lifetime = true, .lifetime = 1};
    const int fd = net_client();
    const uint64_t end = ncr_clock_ms() + 60000;

    agt_put_add(1, "c", &limits);
    cr_assert_eq(net_ask(fd), NACRE_AGENT_SUCCESS);
    cr_assert_eq(net.s.agent.keys.n, 1);
    while (net.s.agent.keys.n > 0) {
        net_round(2000);
        cr_assert_lt(ncr_clock_ms(), end);
    }
    close(fd);
}

/* ---- Consent by a program ---- */

/* ---- Its socket ---- */

Test(agent_server, more_clients_wait)
{
    char path[64];
    int fds[4];

    net.s.clients_max = 2;
    (void)net_listen(path); /* the server's */
    for (int i = 0; i < 4; i++)
        fds[i] = net_connect(path);
    cr_assert_eq(net_list(fds[0]), 0);
    cr_assert_eq(net_list(fds[1]), 0);
    agt_put_list();
    net_write(fds[2], agt_msg, agt_n);
    net_round(0);
    net_round(0);
    cr_assert(net_idle(fds[2]) && net.s.n_clients == 2);
    close(fds[0]);
    cr_assert(net_read(fds[2]));
    cr_assert_eq(net.s.n_clients, 2);
    close(fds[1]);
    cr_assert_eq(net_list(fds[3]), 0);
    close(fds[2]);
    close(fds[3]);
    unlink(path);
}

/* Out of descriptors it waits, without spinning, and goes on when there are some; nobody can be
 * asked for consent meanwhile. */
Test(agent_server, descriptors_run_out)
{
    struct rlimit limit, few;
    char path[64];
    int fds[2], last, rounds = 0;

    if (getenv("MEMCHECK") != NULL)
        cr_skip_test("valgrind's limit accepts and closes what is over it");
    net_askpass("exit 0");
    (void)net_listen(path); /* the server's */
    fds[0] = net_connect(path);
    net_add_confirmed(fds[0], 1);
    fds[1] = net_connect(path);
    last = dup(fds[0]);
    close(last);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    few = limit;
    few.rlim_cur = (rlim_t)last;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (const uint64_t end = ncr_clock_ms() + 200; ncr_clock_ms() < end; rounds++)
        net_round(50);
    cr_assert_lt(rounds, 20);
    cr_assert_eq(net.s.n_clients, 1);
    agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
    cr_assert_eq(net_ask(fds[0]), NACRE_AGENT_FAILURE);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(net_list(fds[1]), 1);
    agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
    cr_assert_eq(net_ask(fds[0]), NACRE_AGENT_SIGN_RESPONSE);
    close(fds[0]);
    close(fds[1]);
    unlink(path);
    unlink(net_script);
}

/* Another user's program gets nothing. Only root can show it: what counts is who connected. */
Test(agent_server, peers_of_other_users)
{
    char path[64];
    int fd;

    if (getuid() != 0)
        cr_skip_test("only root can connect as another user");
    (void)net_listen(path); /* the server's */
    cr_assert_eq(seteuid(65534), 0);
    fd = net_connect(path);
    cr_assert_eq(seteuid(0), 0);
    agt_put_list();
    net_write(fd, agt_msg, agt_n);
    cr_assert(!net_read(fd));
    cr_assert_eq(net.s.n_clients, 0);
    close(fd);
    fd = net_connect(path);
    cr_assert_eq(net_list(fd), 0);
    close(fd);
    unlink(path);
}

/* What clients send and do not read is bounded for all of them together. */
Test(agent_server, memory_of_all_clients_is_limited)
{
    const uint8_t length[NACRE_AGENT_LEN] = {0, 4, 0, 0};
    static uint8_t part[8192];
    const int good = net_client();
    int fds[8];

    net.s.held_max = 40000;
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        fds[i] = net_client();
        net_write(fds[i], length, sizeof length);
        net_write(fds[i], part, sizeof part);
        for (int round = 0; round < 20; round++)
            net_round(0);
        cr_assert_leq(net.s.held, net.s.held_max);
    }
    cr_assert(net.s.n_clients > 1 && net.s.n_clients < 9, "%u left", net.s.n_clients);
    cr_assert_eq(net_list(good), 0);
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        close(fds[i]);
    while (net.s.n_clients > 1)
        net_round(10);
    cr_assert_eq(net_list(good), 0);
    cr_assert_eq(net.s.held, 0);
    close(good);
}

/* ---- Memory ---- */

/* A session: a key that asks is added, lists, signs. False: the server hung up, or said no. */
static bool net_session(int fd)
{
    const struct nacre_agent_limits limits = {.confirm = true};

    for (int step = 0; step < 3; step++) {
        oom_armed = false;
        if (step == 0)
            agt_put_add(1, "c", &limits);
        else if (step == 1)
            agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
        else
            agt_put_list();
        oom_armed = true;
        const int type = net_ask(fd);
        if (type == 0 || type == NACRE_AGENT_FAILURE)
            return false;
    }
    return true;
}

/* Each allocation of a session fails once: a client is turned away, told no, or left, and the next
 * one is served. */
Test(agent_server, s94_memory_runs_out)
{
    unsigned long total = 1;

    oom_need();
    net_askpass("exit 0");
    for (unsigned long at = 0; at <= total; at++) {
        int fds[2];
        bool good;

        net_teardown(); /* so that the loop's own arrays grow, too */
        net_setup();
        oom_fail_at = at;
        oom_calls = 0;
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        oom_armed = true;
        good = ncr_agent_server_add(&net.s, fds[1]) == NACRE_OK && net_session(fds[0]);
        oom_armed = false;
        if (at == 0)
            total = oom_calls;
        cr_assert_eq(good, at == 0, "allocation %lu of %lu", at, total);
        cr_assert_geq(total, 8);
        close(fds[0]);
        net_round(0);
        net_round(0);
        cr_assert_eq(net.s.n_clients, 0);
        oom_fail_at = 0;
        fds[0] = net_client();
        cr_assert(net_session(fds[0]));
        oom_armed = false;
        close(fds[0]);
    }
    unlink(net_script);
}

Test(agent_server, s94_memory_runs_out_at_the_start)
{
    oom_need();
    for (oom_fail_at = 1;; oom_fail_at++) {
        struct ncr_loop loop;
        struct ncr_agent_server s;
        nacre_err err;

        memset(&s, 0, sizeof s);
        cr_assert_eq(ncr_loop_init(&loop, NCR_LOOP_POLL), NACRE_OK);
        s.loop = &loop;
        oom_calls = 0;
        oom_armed = true;
        err = ncr_agent_server_init(&s);
        oom_armed = false;
        ncr_agent_server_free(&s);
        ncr_loop_free(&loop);
        if (err == NACRE_OK)
            break;
        cr_assert_eq(err, NACRE_ERR_NO_MEMORY);
    }
    cr_assert_gt(oom_fail_at, 1);
}

Test(agent_server, s68_what_clients_sent_is_wiped)
{
    const int fd = net_client();
    uint8_t secret[NACRE_ED25519_SEED_LEN];
    size_t keys;

    oom_need();
    memset(secret, 0x51, sizeof secret);
    oom_secret = secret;
    agt_put_add(1, "c", NULL);
    cr_assert_eq(net_ask(fd), NACRE_AGENT_SUCCESS);
    net_write(fd, agt_msg, agt_n / 2); /* half of one, and gone */
    net_round(0);
    net_round(0);
    close(fd);
    net_round(0);
    net_round(0);
    keys = net.s.agent.keys.n;
    ncr_agent_server_free(&net.s);
    oom_secret = NULL;
    cr_assert(keys == 1 && oom_leaks == 0);
}
