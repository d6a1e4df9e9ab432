/* SPDX-License-Identifier: ISC
 *
 * A server of the library and its client: see server_rig.h.
 */
#include "tests/server_rig.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* What the operations work in. */
static uint64_t work[NACRE_WORK];

static struct shop shop_state;

bool shop_connected(void *ctx, struct nacre_peer *p)
{
    struct shop *r = ctx;
    r->peer = p;
    return true;
}

void shop_gone(void *ctx, struct nacre_peer *p, nacre_err err)
{
    struct shop *r = ctx;
    r->peer = r->peer == p ? NULL : r->peer;
    r->gone++;
    r->gone_err = err;
}

enum nacre_when shop_yes(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                         struct nacre_answer *ans)
{
    (void)ctx;
    (void)p;
    (void)ev;
    ans->verdict = NACRE_ACCEPT;
    return NACRE_NOW;
}

enum nacre_when shop_password(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                              struct nacre_answer *ans)
{
    struct shop *r = ctx;
    (void)p;
    r->asked++;
    if (nacre_bytes_is(ev->user, "joe") && nacre_bytes_is(ev->data, "secret")) {
        ans->verdict = NACRE_ACCEPT;
    }
    return NACRE_NOW;
}

void shop_turn(void *ctx)
{
    struct shop *r = ctx;
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(nacre_server_once(r->server, i == 0 ? 1 : 0), NACRE_OK);
    }
}

bool shop_connect(struct shop *r)
{
    int pair[2];
    struct nacre_peer *p;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    nacre_err err = nacre_server_serve(r->server, pair[0], &p);
    driver_init(&r->d, pair[1]);
    r->d.idle = shop_turn;
    r->d.ctx = r;
    return err == NACRE_OK;
}

struct shop *shop_start(const struct nacre_server_hooks *hooks, struct nacre_server_cfg *cfg)
{
    struct shop *r = &shop_state;
    static struct nacre_server_cfg none;
    cfg = cfg != NULL ? cfg : &none;
    memset(r, 0, sizeof *r);
    cr_assert_eq(nacre_privkey_generate(&r->host, "ssh-ed25519", 0, &nacre_rng_os, work), NACRE_OK);
    cr_assert_eq(nacre_privkey_generate(&r->user, "ssh-ed25519", 0, &nacre_rng_os, work), NACRE_OK);
    cr_assert_eq(nacre_privkey_generate(&r->other, "ssh-ed25519", 0, &nacre_rng_os, work),
                 NACRE_OK);
    cfg->hooks = hooks;
    cfg->ctx = r;
    cfg->keys = &r->host;
    cfg->n_keys = 1;
    cr_assert_eq(nacre_server_new(&r->server, cfg), NACRE_OK);
    cr_assert(shop_connect(r));
    return r;
}

void shop_end(struct shop *r)
{
    driver_free(&r->d);
    for (int i = 0; i < 20 && nacre_server_peers(r->server) > 0; i++) {
        cr_assert_eq(nacre_server_once(r->server, 10), NACRE_OK);
    }
    cr_assert_eq(nacre_server_peers(r->server), 0u);
    nacre_server_free(r->server);
}

/* Rounds in which what is under way arrives. */
void shop_settle(struct shop *r)
{
    for (int i = 0; i < 20; i++) {
        driver_step(&r->d, 0);
    }
}

uint64_t shop_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static size_t shop_echo(void *ctx, struct nacre_peer *p, uint32_t chan, uint32_t ext,
                        struct nacre_bytes b)
{
    (void)ctx;
    return nacre_peer_write(p, chan, ext, b);
}

static void shop_echo_eof(void *ctx, struct nacre_peer *p, uint32_t chan)
{
    struct shop *r = ctx;
    r->eofs++;
    nacre_peer_exit(p, chan, 42);
}

void shop_closed(void *ctx, struct nacre_peer *p, uint32_t chan)
{
    struct shop *r = ctx;
    (void)p;
    (void)chan;
    r->closes++;
}

const struct nacre_server_hooks shop_echo_hooks = {
    .connected = shop_connected,
    .gone = shop_gone,
    .password = shop_password,
    .open_session = shop_yes,
    .exec = shop_yes,
    .data = shop_echo,
    .eof = shop_echo_eof,
    .closed = shop_closed,
};

unsigned shop_count_fds(void)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");
    cr_assert_not_null(dir);
    while (readdir(dir) != NULL) {
        n++;
    }
    closedir(dir);
    return n;
}
