/* SPDX-License-Identifier: ISC
 *
 * Host key rotation from end to end: the server library, in a process of its own, announces and
 * proves its keys (ed25519, ecdsa, rsa), the client library learns them. s49: what the server does
 * not do.
 */
#include "client/client.h"
#include "client/known_hosts_file.h"
#include "server/host_keys_update.h"
#include "server/nacre_server.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEYS 3

static struct nacre_privkey host[KEYS];
static uint64_t work[NACRE_WORK];

struct place {
    pid_t child;
    int fd;
    struct nacre_client *c;
    struct nacre_client_cfg cfg;
    char hosts[64];
    const char *hosts_list[1];
    unsigned yes, no;
    struct nacre_bytes last; /* reply, malloc'd */
};

/* ---- The server -------------------------------------------------------------------------- */

static enum nacre_when place_yes(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                 struct nacre_answer *ans)
{
    (void)ctx;
    (void)p;
    (void)ev;
    ans->verdict = NACRE_ACCEPT;
    return NACRE_NOW;
}

static enum nacre_when place_exec(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                  struct nacre_answer *ans)
{
    static char sh[] = "/bin/sh", c[] = "-c", exit_3[] = "exit 3";
    char *const argv[] = {sh, c, exit_3, NULL};
    char *const envp[] = {NULL};

    (void)ctx;
    if (nacre_peer_spawn(p, ev->chan, argv, envp, NULL) == NACRE_OK)
        ans->verdict = NACRE_ACCEPT;
    return NACRE_NOW;
}

static void place_authenticated(void *ctx, struct nacre_peer *p, struct nacre_bytes user)
{
    (void)ctx;
    (void)user;
    if (!nacre_peer_announce_keys(p))
        _exit(9);
}

static void place_serve(int fd, bool prove)
{
    struct nacre_server_hooks hooks = {
        .password = place_yes,
        .open_session = place_yes,
        .exec = place_exec,
        .authenticated = place_authenticated,
        .global = prove ? nacre_peer_prove_keys : NULL,
    };
    struct nacre_server_cfg cfg = {.hooks = &hooks, .keys = host, .n_keys = KEYS};
    struct nacre_server *s;
    struct nacre_peer *p;

    if (nacre_server_new(&s, &cfg) != NACRE_OK || nacre_server_serve(s, fd, &p) != NACRE_OK)
        _exit(8);
    while (nacre_server_peers(s) > 0) {
        if (nacre_server_once(s, 1000) != NACRE_OK)
            _exit(7);
    }
    nacre_server_free(s);
    _exit(0);
}

/* ---- The client -------------------------------------------------------------------------- */

static bool place_event(void *ctx, struct nacre_client *c, const struct nacre_event *ev)
{
    struct place *p = ctx;

    (void)c;
    if (ev->type != NACRE_EV_GLOBAL_REPLY)
        return false;
    p->yes += ev->accepted;
    p->no += !ev->accepted;
    return true;
}

static struct place *place_open(bool prove)
{
    static const char *const types[KEYS] = {"ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"};
    struct place *p = calloc(1, sizeof *p);
    int pair[2];
    int fd;

    (void)signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < KEYS; i++)
        cr_assert_eq(
            nacre_privkey_generate(&host[i], types[i], i == 2 ? 2048 : 0, &nacre_rng_os, work),
            NACRE_OK);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    p->child = fork();
    cr_assert_geq(p->child, 0);
    if (p->child == 0) {
        close(pair[0]);
        place_serve(pair[1], prove);
    }
    close(pair[1]);
    p->fd = pair[0];
    strcpy(p->hosts, "/tmp/nacre-update-XXXXXX");
    fd = mkstemp(p->hosts);
    cr_assert_geq(fd, 0);
    close(fd);
    p->hosts_list[0] = p->hosts;
    p->cfg.host = "server";
    p->cfg.user = "joe";
    p->cfg.password = "any";
    p->cfg.agent = "none";
    p->cfg.auth_methods = NACRE_AUTH_PASSWORD;
    p->cfg.known_hosts = p->hosts_list;
    p->cfg.n_known_hosts = 1;
    p->cfg.host_policy = NACRE_HOSTS_ACCEPT_NEW;
    p->cfg.update_hosts = NACRE_UPDATE_YES;
    p->cfg.event = place_event;
    p->cfg.ctx = p;
    return p;
}

static void place_run(struct place *p)
{
    struct nacre_run run = {.command = "x"};

    cr_assert_eq(nacre_client_run(p->c, &run), NACRE_OK, "%s", nacre_client_error(p->c));
    cr_assert_eq(run.status, 3);
    nacre_run_free(&run);
}

/* The user knows this key of the host: one that is new vouches for no others. */
static void place_trust(struct place *p, int key)
{
    cr_assert_eq(ncr_hosts_add(p->hosts, nacre_bytes_str("server"), 22,
                               nacre_privkey_public_blob(&host[key])),
                 NACRE_OK);
}

static void place_visit(struct place *p)
{
    cr_assert_eq(nacre_client_start(&p->c, &p->cfg, p->fd, p->fd), NACRE_OK);
    cr_assert_eq(nacre_client_wait_ready(p->c), NACRE_OK, "%s", nacre_client_error(p->c));
    place_run(p);
    place_run(p); /* behind the answer to what was asked in the course of the first */
}

static bool place_knows(struct place *p, int key)
{
    struct nacre_known_hosts *s = malloc(sizeof *s);
    bool known;

    cr_assert_eq(nacre_known_hosts_init(s, nacre_bytes_str("server"), 22,
                                        nacre_privkey_public_blob(&host[key])),
                 NACRE_OK);
    cr_assert_eq(ncr_hosts_search(s, p->hosts_list, 1, NULL, NULL, NULL), NACRE_OK);
    known = s->verdict == NACRE_HOST_MATCH;
    free(s);
    return known;
}

static void place_close(struct place *p)
{
    int status;

    nacre_client_close(p->c);
    cr_assert_eq(waitpid(p->child, &status, 0), p->child);
    cr_assert_eq(status, 0);
    unlink(p->hosts);
    free(p);
}

/* ---- Learning ---------------------------------------------------------------------------- */

/* Whatever type was negotiated, the others are learned; RSA proves itself with SHA-2. */
Test(host_keys_update, learned_over_every_type)
{
    static const char *const algs[] = {"ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-256",
                                       "rsa-sha2-512"};

    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        struct place *p = place_open(true);
        char first[128];

        snprintf(first, sizeof first, "^%s", algs[i]);
        p->cfg.conn.host_key_algs = first;
        place_trust(p, i < 2 ? (int)i : 2);
        place_visit(p);
        for (int k = 0; k < KEYS; k++)
            cr_assert(place_knows(p, k), "%s: key %d", algs[i], k);
        place_close(p);
    }
}

Test(host_keys_update, s49_types_that_are_not_allowed_are_not_learned)
{
    struct place *p = place_open(true);

    p->cfg.conn.host_key_algs = "ssh-ed25519,ecdsa-sha2-nistp256";
    place_trust(p, 0);
    place_visit(p);
    cr_assert(place_knows(p, 0) && place_knows(p, 1));
    cr_assert_not(place_knows(p, 2));
    place_close(p);
}

Test(host_keys_update, s49_without_a_hook_nothing_is_proved)
{
    struct place *p = place_open(false);

    place_trust(p, 0);
    place_visit(p);
    cr_assert(place_knows(p, 0));
    cr_assert_not(place_knows(p, 1));
    place_close(p);
}

/* ---- The server's limits ----------------------------------------------------------------- */

static void place_ask(struct place *p, struct nacre_bytes data)
{
    struct nacre_global g = {.kind = NACRE_GLOBAL_OTHER,
                             .name = nacre_bytes_str("hostkeys-prove-00@openssh.com"),
                             .data = data};
    unsigned before = p->yes + p->no;

    cr_assert_eq(nacre_global_request(nacre_client_conn(p->c), &g, true), NACRE_OK);
    ncr_client_kick(p->c);
    while (p->yes + p->no == before)
        cr_assert_eq(ncr_client_wait(p->c, NCR_NEVER), NACRE_OK);
}

Test(host_keys_update, s49_other_keys_and_rubbish_are_refused)
{
    struct place *p = place_open(true);
    struct nacre_bytes none = {NULL, 0};
    struct nacre_bytes blobs[2];
    struct nacre_privkey other;
    uint8_t data[4096];
    size_t n;

    place_visit(p);
    cr_assert_eq(nacre_privkey_generate(&other, "ssh-ed25519", 0, &nacre_rng_os, work), NACRE_OK);
    blobs[0] = nacre_privkey_public_blob(&host[1]);
    blobs[1] = nacre_privkey_public_blob(&other);
    place_ask(p, none);
    place_ask(p, nacre_bytes_str("rubbish"));
    cr_assert_eq(nacre_hostkeys_encode(data, sizeof data, &n, blobs, 2), NACRE_OK);
    place_ask(p, (struct nacre_bytes){data, n});
    place_ask(p, (struct nacre_bytes){data, n - 1});
    cr_assert_eq(p->yes, 0);
    cr_assert_eq(p->no, 4);
    cr_assert_eq(nacre_hostkeys_encode(data, sizeof data, &n, blobs, 1), NACRE_OK);
    place_ask(p, (struct nacre_bytes){data, n});
    cr_assert_eq(p->yes, 1);
    place_close(p);
}

Test(host_keys_update, s49_proofs_of_a_connection_are_counted)
{
    struct place *p = place_open(true);
    struct nacre_bytes blobs[NACRE_HOSTKEYS_MAX];
    static uint8_t data[NACRE_HOSTKEYS_BYTES_MAX];
    size_t n;

    p->cfg.update_hosts = NACRE_UPDATE_NO;
    place_visit(p);
    for (size_t i = 0; i < NACRE_HOSTKEYS_MAX; i++)
        blobs[i] = nacre_privkey_public_blob(&host[0]);
    cr_assert_eq(nacre_hostkeys_encode(data, sizeof data, &n, blobs, NACRE_HOSTKEYS_MAX), NACRE_OK);
    for (unsigned i = 0; i < NCR_PROOFS_MAX / NACRE_HOSTKEYS_MAX + 2; i++)
        place_ask(p, (struct nacre_bytes){data, n});
    cr_assert_eq(p->yes, NCR_PROOFS_MAX / NACRE_HOSTKEYS_MAX);
    cr_assert_eq(p->no, 2);
    place_run(p); /* and the connection goes on */
    place_close(p);
}
