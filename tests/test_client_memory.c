/* SPDX-License-Identifier: ISC
 *
 * Memory that runs out in the client library: each allocation of a whole session fails once (s94).
 * The call says so, nothing crashes, no host is trusted, no half file stays under its name.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/client.h"
#include "client/files.h"
#include "client/known_hosts_file.h"
#include "tests/oom.h"
#include "tests/rig.h"
#include "tests/toy_agent.h"

/* The server's own allocations are not counted. */
static void memory_server_works(bool begins)
{
    oom_armed = !begins;
}

/* ---- A session --------------------------------------------------------------------------- */

struct scene {
    struct ncr_loop loop;
    struct rig rig;
    struct nacre_client_cfg cfg;
    struct nacre_client *c;
    char hosts[64];
    const char *hosts_list[1];
    struct nacre_privkey key;
    bool trusted;
};

static bool scene_hook(void *ctx, struct rig *r, const struct nacre_event *ev)
{
    struct scene *s = ctx;
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_ACCEPT};

    if (ev->type != NACRE_EV_AUTH_REQUEST)
        return false;
    s->trusted = true; /* the client went on after the host key */
    cr_assert_eq(nacre_conn_answer(&r->conn, &a), NACRE_OK);
    ncr_drive_kick(&r->drive);
    return true;
}

static void scene_set(struct scene *s, int known_key)
{
    uint8_t seed[NACRE_ED25519_SEED_LEN] = {3};

    memset(s, 0, sizeof *s);
    (void)signal(SIGPIPE, SIG_IGN);
    strcpy(s->hosts, "/tmp/nacre-memory-XXXXXX");
    close(mkstemp(s->hosts));
    s->hosts_list[0] = s->hosts;
    cr_assert_eq(ncr_hosts_add(s->hosts, nacre_bytes_str("server"), 22, pair_key_blob(known_key)),
                 NACRE_OK);
    nacre_privkey_from_seed(&s->key, seed);
    cr_assert_eq(ncr_loop_init(&s->loop, NCR_LOOP_POLL), NACRE_OK);
    rig_init(&s->rig);
    s->rig.hook = scene_hook;
    s->rig.work = memory_server_works;
    s->rig.ctx = s;
    s->cfg.host = "server";
    s->cfg.user = "joe";
    s->cfg.keys = &s->key;
    s->cfg.n_keys = 1;
    s->cfg.known_hosts = s->hosts_list;
    s->cfg.n_known_hosts = 1;
}

/* Everything from opening to the end of a command; the error of the first call that failed. */
static nacre_err scene_play(struct scene *s)
{
    struct nacre_run r = {.command = "both 20000"};
    nacre_err err;
    int fds[2];

    rig_sockets(fds);
    rig_start(&s->rig, &s->loop, fds[1]);
    oom_armed = true;
    err = nacre_client_start(&s->c, &s->cfg, fds[0], fds[0]);
    if (err == NACRE_OK)
        err = ncr_client_use_loop(s->c, &s->loop);
    if (err == NACRE_OK)
        err = nacre_client_wait_ready(s->c);
    if (err == NACRE_OK)
        err = nacre_client_run(s->c, &r);
    if (err == NACRE_OK && (r.out.n != 20000 || r.err.n != 20000 || r.status != 0))
        err = NACRE_ERR_INTERNAL;
    nacre_run_free(&r);
    oom_armed = false;
    return err;
}

static void scene_clear(struct scene *s)
{
    nacre_client_close(s->c);
    rig_free(&s->rig);
    ncr_loop_free(&s->loop);
    unlink(s->hosts);
}

Test(client_memory, s94_every_allocation_fails_once, .timeout = 120)
{
    static struct scene s;
    nacre_err err = NACRE_ERR_NO_MEMORY;
    unsigned long n = 0;

    oom_need();
    while (err != NACRE_OK) {
        scene_set(&s, 0);
        oom_calls = 0;
        oom_fail_at = ++n;
        err = scene_play(&s);
        cr_assert(err != NACRE_OK || oom_calls < n, "allocation %lu failed unseen", n);
        cr_assert_neq(err, NACRE_ERR_INTERNAL, "wrong results after allocation %lu", n);
        if (err != NACRE_OK)
            cr_assert_neq(nacre_client_error(s.c)[0], '\0', "no message for allocation %lu", n);
        scene_clear(&s);
        cr_assert_lt(n, 200);
    }
    cr_assert_gt(n, 8, "%lu allocations", n);
}

/* A host whose key is another one is not trusted, whichever step fails: s47. */
Test(client_memory, s47_failure_is_not_trust, .timeout = 120)
{
    static struct scene s;
    unsigned long n = 0;

    oom_need();
    do {
        scene_set(&s, 1);
        oom_calls = 0;
        oom_fail_at = ++n;
        cr_assert_neq(scene_play(&s), NACRE_OK);
        cr_assert_not(s.trusted, "allocation %lu", n);
        scene_clear(&s);
    } while (oom_calls >= n);
    cr_assert_gt(n, 4, "%lu allocations", n);
}

/* ---- Keys of files and of an agent ------------------------------------------------------- */

/* Whatever fails, the client either says so or goes on with the keys that it has; a key that could
 * not be gathered is no other key, and a server that takes none gets nothing signed. */
Test(client_memory, s94_keys_and_agents, .timeout = 120)
{
    static struct scene s;
    static uint64_t work[NACRE_WORK];
    struct toy_agent agent;
    const struct nacre_keyfile_opts plain = {0};
    uint8_t text[NACRE_KEYFILE_TEXT_MAX];
    char file[] = "/tmp/nacre-memory-key-XXXXXX";
    const char *files[1] = {file};
    nacre_err err = NACRE_ERR_NO_MEMORY;
    unsigned long n = 0;
    size_t len;
    int fd;

    oom_need();
    fd = mkstemp(file);
    memset(&agent, 0, sizeof agent);
    scene_set(&s, 0);
    agent.keys[0] = &s.key;
    toy_agent_start(&agent);
    cr_assert_eq(nacre_keyfile_write(text, sizeof text, &len, &s.key, nacre_bytes_str("c"), &plain,
                                     &nacre_rng_os, work),
                 NACRE_OK);
    cr_assert_eq(write(fd, text, len), (ssize_t)len);
    scene_clear(&s);
    do {
        scene_set(&s, 0);
        s.cfg.keys = NULL;
        s.cfg.n_keys = 0;
        s.cfg.identities = files;
        s.cfg.n_identities = 1;
        s.cfg.agent = agent.path;
        oom_calls = 0;
        oom_fail_at = ++n;
        err = scene_play(&s);
        cr_assert_neq(err, NACRE_ERR_INTERNAL, "wrong results after allocation %lu", n);
        if (err != NACRE_OK)
            cr_assert_neq(nacre_client_error(s.c)[0], '\0', "no message for allocation %lu", n);
        scene_clear(&s);
        cr_assert_lt(n, 200);
    } while (oom_calls >= n);
    cr_assert_eq(err, NACRE_OK);
    cr_assert_gt(n, 15, "%lu allocations", n);
    toy_agent_stop(&agent);
    close(fd);
    unlink(file);
}
