/* SPDX-License-Identifier: ISC
 *
 * The server library over socket pairs, a client in the same thread: answers later, limits, what an
 * idle connection costs, descriptors, programs, SFTP.
 */
#include "server/peer.h"
#include "tests/certs.h"
#include "tests/server_rig.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- Later ------------------------------------------------------------------------------- */

static enum nacre_when shop_later(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                  struct nacre_answer *ans)
{
    struct shop *r = ctx;
    (void)ans;
    r->asked++;
    r->ticket = nacre_peer_ticket(p, ev);
    r->has_ticket = true;
    return NACRE_LATER;
}

static const struct nacre_server_hooks shop_later_hooks = {.connected = shop_connected,
                                                           .gone = shop_gone,
                                                           .password = shop_later,
                                                           .open_session = shop_later};

static void shop_ask_password(struct shop *r)
{
    cr_assert(driver_until(&r->d, &r->d.next));
    r->d.next = r->has_ticket = false;
    cr_assert_eq(nacre_auth_password(&r->d.conn, "joe", nacre_bytes_str("x")), NACRE_OK);
    cr_assert(driver_until(&r->d, &r->has_ticket));
}

Test(server, answers_may_come_later)
{
    struct shop *r = shop_start(&shop_later_hooks, NULL);
    struct nacre_answer yes = {.verdict = NACRE_ACCEPT};
    shop_ask_password(r);
    driver_step(&r->d, 20);
    cr_assert_not(r->d.next, "nothing is said before the answer");
    cr_assert_eq(nacre_server_answer(r->server, r->ticket, &yes), NACRE_OK);
    cr_assert(driver_until(&r->d, &r->d.authed));
    r->has_ticket = false;
    struct nacre_bytes none = {NULL, 0};
    cr_assert_eq(nacre_chan_open(&r->d.conn, "session", none, &r->d.chan), NACRE_OK);
    cr_assert(driver_until(&r->d, &r->has_ticket));
    cr_assert_eq(nacre_server_answer(r->server, r->ticket, &yes), NACRE_OK);
    cr_assert(driver_until(&r->d, &r->d.opened));
    shop_end(r);
}

Test(server, S36_an_answer_is_used_once)
{
    struct shop *r = shop_start(&shop_later_hooks, NULL);
    struct nacre_answer yes = {.verdict = NACRE_ACCEPT};
    shop_ask_password(r);
    cr_assert_eq(nacre_server_answer(r->server, r->ticket, &yes), NACRE_OK);
    cr_assert_eq(nacre_server_answer(r->server, r->ticket, &yes), NACRE_ERR_USAGE);
    cr_assert(driver_until(&r->d, &r->d.authed));
    cr_assert_eq(nacre_server_answer(r->server, r->ticket, &yes), NACRE_ERR_USAGE);
    shop_end(r);
}

/* The verdict on one connection's request is not taken by the next connection. */
Test(server, S36_an_answer_is_bound_to_its_connection)
{
    struct nacre_server_cfg cfg = {.conn.auth_ms = 1500, .fail_delay_ms = 1};
    struct shop *r = shop_start(&shop_later_hooks, &cfg);
    struct nacre_answer yes = {.verdict = NACRE_ACCEPT};
    shop_ask_password(r);
    struct nacre_ticket old = r->ticket;
    driver_free(&r->d);
    for (uint64_t until = shop_ms() + 60000; r->gone == 0 && shop_ms() < until;) {
        shop_turn(r);
    }
    cr_assert_eq(r->gone, 1u);
    cr_assert(shop_connect(r));
    shop_ask_password(r);
    cr_assert_eq(old.id, r->ticket.id, "same number of question");
    cr_assert_eq(nacre_server_answer(r->server, old, &yes), NACRE_ERR_USAGE);
    driver_step(&r->d, 10);
    cr_assert_not(r->d.authed);
    yes.verdict = NACRE_REFUSE;
    cr_assert_eq(nacre_server_answer(r->server, r->ticket, &yes), NACRE_OK);
    shop_end(r);
}

Test(server, S38_refusals_wait)
{
    struct nacre_server_cfg cfg = {.fail_delay_ms = 120};
    struct shop *r = shop_start(&shop_echo_hooks, &cfg);
    cr_assert_not(driver_none(&r->d, "joe"));
    uint64_t from = shop_ms();
    cr_assert_not(driver_password(&r->d, "joe", "wrong"));
    cr_assert_geq(shop_ms() - from, 119u);
    from = shop_ms();
    cr_assert_not(driver_password(&r->d, "nobody", "wrong"));
    cr_assert_geq(shop_ms() - from, 119u);
    cr_assert(driver_password(&r->d, "joe", "secret"));
    shop_end(r);
}

Test(server, a_peer_that_leaves_while_its_refusal_waits)
{
    struct nacre_server_cfg cfg = {.fail_delay_ms = 50};
    struct shop *r = shop_start(&shop_echo_hooks, &cfg);
    cr_assert(driver_until(&r->d, &r->d.next));
    cr_assert_eq(nacre_auth_password(&r->d.conn, "joe", nacre_bytes_str("x")), NACRE_OK);
    for (int i = 0; i < 200 && r->asked == 0; i++) {
        driver_step(&r->d, 0);
    }
    cr_assert_eq(r->asked, 1u);
    shop_end(r);
    cr_assert_eq(r->gone, 1u);
}

/* ---- Limits ------------------------------------------------------------------------------ */

Test(server, S71_startups_are_limited)
{
    struct nacre_server_cfg cfg = {
        .startups_begin = 3, .startups_rate = 100, .startups_full = 3, .startups_per_source = 100};
    struct shop *r = shop_start(&shop_echo_hooks, &cfg);
    int pair[4][2];
    struct nacre_peer *p;
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair[i]), 0);
    }
    cr_assert_eq(nacre_server_serve(r->server, pair[0][0], &p), NACRE_OK);
    cr_assert_eq(nacre_server_serve(r->server, pair[1][0], &p), NACRE_OK);
    cr_assert_eq(nacre_server_serve(r->server, pair[2][0], &p), NACRE_ERR_LIMIT);
    cr_assert(driver_password(&r->d, "joe", "secret"), "those inside are served");
    cr_assert_eq(nacre_server_serve(r->server, pair[3][0], &p), NACRE_OK,
                 "one that is authenticated does not count");
    for (int i = 0; i < 4; i++) {
        close(pair[i][1]);
    }
    shop_end(r);
}

Test(server, S71_login_grace)
{
    struct nacre_server_cfg cfg = {.conn.auth_ms = 80};
    struct shop *r = shop_start(&shop_echo_hooks, &cfg);
    uint64_t from = shop_ms();
    while (r->gone == 0 && shop_ms() - from < 60000) {
        driver_step(&r->d, 5); /* traffic does not extend it */
        (void)!nacre_conn_ignore(&r->d.conn, (const uint8_t *)"x", 1);
    }
    cr_assert_eq(r->gone, 1u);
    cr_assert_eq(r->gone_err, NACRE_ERR_TIMEOUT_AUTH);
    shop_end(r);
}

/* Connections cut off in every state leave nothing behind. */
Test(server, S67_descriptors_after_many_cut_connections)
{
    struct nacre_server_cfg cfg = {.no_penalties = true};
    struct shop *r = shop_start(&shop_echo_hooks, &cfg);
    cr_assert(driver_password(&r->d, "joe", "secret"));
    driver_free(&r->d);
    shop_turn(r);
    unsigned before = shop_count_fds();
    for (int i = 0; i < 200; i++) {
        cr_assert(shop_connect(r));
        for (int k = 0; k < i % 12; k++) {
            driver_step(&r->d, 0);
        }
        if (i % 3 == 0 && driver_password(&r->d, "joe", "secret") && driver_session(&r->d)) {
            struct nacre_request exec = {.kind = NACRE_REQ_EXEC, .data = nacre_bytes_str("x")};
            cr_assert(driver_request(&r->d, &exec));
        }
        driver_free(&r->d);
        for (int k = 0; k < 20 && nacre_server_peers(r->server) > 0; k++) {
            shop_turn(r);
        }
    }
    cr_assert_eq(shop_count_fds(), before);
    shop_end(r);
}

struct shop_rng {
    unsigned calls, fail_at;
};

static bool shop_rng_fill(void *ctx, uint8_t *out, size_t n)
{
    struct shop_rng *f = ctx;
    return ++f->calls != f->fail_at && nacre_rng_fill(&nacre_rng_os, out, n);
}

/* Each use of the random source fails once: the connection ends, the next one works. */
Test(server, S34_random_source_fails_at_every_use)
{
    static struct shop_rng f;
    static const struct nacre_rng rng = {shop_rng_fill, &f};
    struct nacre_server_cfg cfg = {.rng = &rng, .no_penalties = true};
    struct shop *r = shop_start(&shop_echo_hooks, &cfg);
    cr_assert(driver_password(&r->d, "joe", "secret"));
    unsigned uses = f.calls;
    driver_free(&r->d);
    for (unsigned i = 1; i <= uses; i++) {
        f.calls = 0;
        f.fail_at = i;
        if (shop_connect(r)) {
            (void)driver_password(&r->d, "joe", "secret");
        }
        driver_free(&r->d);
        shop_turn(r);
    }
    f.fail_at = 0;
    cr_assert(shop_connect(r));
    cr_assert(driver_password(&r->d, "joe", "secret"));
    shop_end(r);
}

/* ---- Memory ------------------------------------------------------------------------------ */

/* Pages that the mapping of an idle authenticated connection has touched. */
Test(server, an_idle_connection_touches_less_than_64_KiB)
{
    struct shop *r = shop_start(&shop_echo_hooks, NULL);
    cr_assert(driver_password(&r->d, "joe", "secret"));
    for (int i = 0; i < 20; i++) {
        driver_step(&r->d, 1);
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (r->peer->map_len + page - 1) / page;
    unsigned char *in = calloc(1, pages);
    size_t touched = 0;
    cr_assert_not_null(in);
    cr_assert_eq(mincore(r->peer, r->peer->map_len, in), 0);
    for (size_t i = 0; i < pages; i++) {
        touched += in[i] & 1;
    }
    free(in);
    cr_log_info("%zu of %zu KiB touched", touched * page / 1024, r->peer->map_len / 1024);
    cr_assert_lt(touched * page, 64u * 1024);
    shop_end(r);
}

/* ---- Descriptors, programs, SFTP --------------------------------------------------------- */

static enum nacre_when shop_spawn(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                  struct nacre_answer *ans)
{
    char command[512], sh[] = "/bin/sh", dash_c[] = "-c", path[] = "PATH=/usr/bin:/bin";
    char *argv[] = {sh, dash_c, command, NULL}, *envp[] = {path, NULL};
    (void)ctx;
    cr_assert_lt(ev->request.data.n, sizeof command);
    memcpy(command, ev->request.data.p, ev->request.data.n);
    command[ev->request.data.n] = '\0';
    if (nacre_peer_spawn(p, ev->chan, argv, envp, "/") == NACRE_OK) {
        ans->verdict = NACRE_ACCEPT;
    }
    return NACRE_NOW;
}

static const struct nacre_server_hooks shop_spawn_hooks = {.connected = shop_connected,
                                                           .gone = shop_gone,
                                                           .none = shop_yes,
                                                           .open_session = shop_yes,
                                                           .exec = shop_spawn,
                                                           .closed = shop_closed};

Test(server, programs_end_with_their_status)
{
    struct shop *r = shop_start(&shop_spawn_hooks, NULL);
    cr_assert(driver_none(&r->d, "joe"));
    cr_assert_eq(driver_exec(&r->d, "echo out; echo err >&2; pwd; exit 7", NULL, 0), 7);
    cr_assert(driver_out_is(&r->d, "out\n/\n"));
    cr_assert_eq(r->d.errs.n, 4u);
    cr_assert_eq(driver_exec(&r->d, "kill -TERM $$", NULL, 0), -1);
    cr_assert_str_eq(r->d.signal, "TERM");
    cr_assert_eq(driver_exec(&r->d, "cat >/dev/null; exit 0", "data", 4), 0);
    cr_assert_eq(driver_exec(&r->d, "exec true", NULL, 0), 0);
    shop_end(r);
}

/* Starts a command and waits for EOF, which we do not send. */
static void shop_command_to_eof(struct shop *r, const char *command)
{
    struct nacre_request req = {.kind = NACRE_REQ_EXEC, .data = nacre_bytes_str(command)};
    driver_reset(&r->d);
    cr_assert(driver_session(&r->d));
    cr_assert(driver_request(&r->d, &req));
    cr_assert(driver_until(&r->d, &r->d.eof));
}

/* A client may answer EOF with CLOSE, and hears nothing more then (PuTTY and dbclient do). */
Test(server, status_comes_before_eof)
{
    struct shop *r = shop_start(&shop_spawn_hooks, NULL);
    cr_assert(driver_none(&r->d, "joe"));
    shop_command_to_eof(r,
                        "exec >&- 2>&-; i=0; while [ $i -lt 1000 ]; do i=$((i + 1)); done; exit 7");
    cr_assert_eq(r->d.status, 7);
    driver_finish(&r->d);
    shop_end(r);
}

Test(server, eof_comes_while_a_program_waits_for_ours)
{
    struct shop *r = shop_start(&shop_spawn_hooks, NULL);
    cr_assert(driver_none(&r->d, "joe"));
    shop_command_to_eof(r, "exec >&- 2>&-; cat > /dev/null; exit 7");
    cr_assert_eq(r->d.status, -1);
    driver_finish(&r->d);
    cr_assert_eq(r->d.status, 7);
    shop_end(r);
}

Test(server, programs_get_and_give_megabytes)
{
    struct shop *r = shop_start(&shop_spawn_hooks, NULL);
    size_t n = 5 * 1000 * 1000;
    uint8_t *p = malloc(n);
    cr_assert_not_null(p);
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(i ^ (i >> 9));
    }
    cr_assert(driver_none(&r->d, "joe"));
    cr_assert_eq(driver_exec(&r->d, "cat", p, n), 0);
    cr_assert_eq(r->d.out.n, n);
    cr_assert_eq(memcmp(r->d.out.p, p, n), 0);
    cr_assert_eq(driver_exec(&r->d, "head -c 100 >/dev/null; echo done", p, n), 0,
                 "a program that stops reading");
    cr_assert(driver_out_is(&r->d, "done\n"));
    free(p);
    shop_end(r);
}

/* Each descriptor that starting a program takes is refused once: the request fails, nothing is
 * left. */
Test(server, S66_descriptors_run_out_at_every_step)
{
    struct shop *r = shop_start(&shop_spawn_hooks, NULL);
    struct rlimit was, low;
    unsigned refused = 0;
    cr_assert(driver_none(&r->d, "joe"));
    cr_assert_eq(driver_exec(&r->d, "true", NULL, 0), 0);
    shop_settle(r);
    unsigned before = shop_count_fds();
    int next = dup(0);
    close(next);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
    for (unsigned more = 0; more < 12; more++) {
        low = was;
        low.rlim_cur = (rlim_t)next + more;
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
        int status = driver_exec(&r->d, "exit 4", NULL, 0);
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
        cr_assert(status == 4 || status == -1);
        refused += status == -1;
        if (status == -1 && !r->d.closed) {
            cr_assert_eq(nacre_chan_close(&r->d.conn, r->d.chan), NACRE_OK);
            cr_assert(driver_until(&r->d, &r->d.closed));
        }
        shop_settle(r);
        cr_assert_eq(shop_count_fds(), before, "with %u descriptors", more);
    }
    cr_assert_geq(refused, 6u, "three pipes");
    cr_assert_eq(driver_exec(&r->d, "exit 4", NULL, 0), 4);
    shop_end(r);
}

/* fork(2) fails: root is not limited, so another user is made of a child. */
Test(server, S66_fork_fails)
{
    struct rlimit none = {0, 0};
    if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
        cr_skip_test("cannot become an ordinary user");
    }
    struct shop *r = shop_start(&shop_spawn_hooks, NULL);
    cr_assert(driver_none(&r->d, "joe"));
    unsigned before = shop_count_fds();
    cr_assert_eq(setrlimit(RLIMIT_NPROC, &none), 0);
    cr_assert_eq(driver_exec(&r->d, "exit 4", NULL, 0), -1);
    cr_assert_eq(shop_count_fds(), before);
    cr_assert_eq(r->d.err, NACRE_OK, "the connection lives");
    driver_free(&r->d);
    shop_turn(r);
    nacre_server_free(r->server);
}

static enum nacre_when shop_sftp(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                 struct nacre_answer *ans)
{
    struct shop *r = ctx;
    if (nacre_bytes_is(ev->request.data, "sftp") &&
        nacre_peer_sftp(p, ev->chan, &r->fs) == NACRE_OK) {
        ans->verdict = NACRE_ACCEPT;
    }
    return NACRE_NOW;
}

Test(server, sftp_over_a_table)
{
    static const struct nacre_server_hooks hooks = {
        .none = shop_yes, .open_session = shop_yes, .subsystem = shop_sftp, .closed = shop_closed};
    static const uint8_t init[] = {0, 0, 0, 5, 1, 0, 0, 0, 3};
    static const uint8_t realpath[] = {0, 0, 0, 10, 16, 0, 0, 0, 7, 0, 0, 0, 1, '.'};
    struct shop *r = shop_start(&hooks, NULL);
    struct nacre_request q = {.kind = NACRE_REQ_SUBSYSTEM, .data = nacre_bytes_str("sftp")};
    cr_assert_eq(nacre_fs_memory_init(&r->fs, &r->memory, r->fs_mem, sizeof r->fs_mem, 16),
                 NACRE_OK);
    cr_assert(driver_none(&r->d, "joe"));
    cr_assert(driver_session(&r->d));
    cr_assert(driver_request(&r->d, &q));
    cr_assert(driver_send(&r->d, r->d.chan, init, sizeof init));
    for (size_t i = 0; i < sizeof realpath; i++) { /* byte by byte */
        cr_assert(driver_send(&r->d, r->d.chan, realpath + i, 1));
    }
    driver_finish(&r->d);
    cr_assert(r->d.closed);
    cr_assert_eq(r->d.status, 0);
    cr_assert_geq(r->d.out.n, 9u);
    cr_assert_eq(r->d.out.p[4], 2, "VERSION");
    shop_settle(r);
    cr_assert_eq(r->closes, 1u);
    shop_end(r);
}

Test(server, attach_joins_a_socket)
{
    struct shop *r = shop_start(&shop_echo_hooks, NULL);
    struct nacre_request exec = {.kind = NACRE_REQ_EXEC, .data = nacre_bytes_str("x")};
    char buf[16];
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert(driver_password(&r->d, "joe", "secret"));
    cr_assert(driver_session(&r->d));
    cr_assert(driver_request(&r->d, &exec));
    cr_assert_eq(nacre_peer_attach(r->peer, 0, pair[0], pair[0], -1), NACRE_OK);
    cr_assert_eq(nacre_peer_attach(r->peer, 0, dup(pair[1]), -1, -1), NACRE_ERR_USAGE);
    cr_assert(driver_send(&r->d, r->d.chan, "ping", 4));
    for (int i = 0; i < 10; i++) {
        driver_step(&r->d, 1);
    }
    cr_assert_eq(recv(pair[1], buf, sizeof buf, MSG_DONTWAIT), 4);
    cr_assert_eq(send(pair[1], "pong", 4, 0), 4);
    close(pair[1]);
    driver_finish(&r->d);
    cr_assert(driver_out_is(&r->d, "pong"));
    cr_assert(r->d.closed);
    shop_end(r);
}

/* ---- Listening --------------------------------------------------------------------------- */

Test(server, listens_where_the_system_says)
{
    struct shop *r = shop_start(&shop_echo_hooks, NULL);
    uint32_t port = 0;
    driver_free(&r->d);
    cr_assert_eq(nacre_server_listen(r->server, "127.0.0.1", &port), NACRE_OK);
    cr_assert_gt(port, 0u);
    driver_init(&r->d, driver_connect(port));
    r->d.idle = shop_turn;
    r->d.ctx = r;
    cr_assert(driver_password(&r->d, "joe", "secret"));
    cr_assert_str_eq(nacre_peer_addr(r->peer), "127.0.0.1");
    cr_assert_eq(driver_exec(&r->d, "x", "abc", 3), 42);
    shop_end(r);
}
