/* SPDX-License-Identifier: ISC
 *
 * The server library over a socket pair and a client of our own engine in the same thread, for
 * tests: a server with three keys made on the spot, hooks that count, and one that echoes.
 */
#ifndef NACRE_TESTS_SERVER_RIG_H
#define NACRE_TESTS_SERVER_RIG_H

#include "server/nacre_server.h"
#include "sftp/nacre_sftp.h"
#include "tests/driver.h"

struct shop {
    struct nacre_server *server;
    struct nacre_privkey host, user, other;
    struct driver d;
    struct nacre_peer *peer; /* of the hook connected; NULL when gone */
    unsigned asked, proved, gone, opens, execs, closes, eofs;
    nacre_err gone_err;
    struct nacre_ticket ticket;
    bool has_ticket;
    size_t take; /* bytes that the data hook takes at a time */
    size_t taken;
    struct nacre_fs fs;
    struct nacre_fs_memory memory;
    uint64_t fs_mem[NACRE_FS_MEMORY_MEM(16, 65536) / 8 + 1];
};

/* A server with these hooks, whose ctx is the shop; cfg may be NULL. A client is connected. */
struct shop *shop_start(const struct nacre_server_hooks *hooks, struct nacre_server_cfg *cfg);
void shop_end(struct shop *r);
/* Another client; false: it is not admitted. */
bool shop_connect(struct shop *r);
/* A turn of the server; and rounds in which what is under way arrives. */
void shop_turn(void *ctx);
void shop_settle(struct shop *r);
uint64_t shop_ms(void);
unsigned shop_count_fds(void);

/* Hooks: those that count, joe's password is "secret", and whatever is asked is granted. */
bool shop_connected(void *ctx, struct nacre_peer *p);
void shop_gone(void *ctx, struct nacre_peer *p, nacre_err err);
void shop_closed(void *ctx, struct nacre_peer *p, uint32_t chan);
enum nacre_when shop_password(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                              struct nacre_answer *ans);
enum nacre_when shop_yes(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                         struct nacre_answer *ans);
/* Gives back what comes, and exits with 42 at its end. */
extern const struct nacre_server_hooks shop_echo_hooks;

#endif
