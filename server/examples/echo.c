/* SPDX-License-Identifier: ISC
 *
 * A server that echoes what a session sends, for the user demo with the password demo. Its host key
 * is made at start, its port is the system's choice; it prints the command to reach it.
 */
#include <stdio.h>

#include "server/nacre_server.h"

/* What the operations work in. */
static uint64_t work[NACRE_WORK];

static enum nacre_when allow(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                             struct nacre_answer *ans)
{
    bool known = nacre_bytes_is(ev->user, "demo") && nacre_bytes_is(ev->data, "demo");

    (void)ctx, (void)p; /* one rule for all */
    if (known || ev->type != NACRE_EV_AUTH_REQUEST)
        ans->verdict = NACRE_ACCEPT; /* what is not accepted is refused */
    return NACRE_NOW;
}

static size_t echo(void *ctx, struct nacre_peer *p, uint32_t chan, uint32_t ext,
                   struct nacre_bytes b)
{
    (void)ctx;
    return nacre_peer_write(p, chan, ext, b); /* what does not fit now is offered again */
}

static void bye(void *ctx, struct nacre_peer *p, uint32_t chan)
{
    (void)ctx;
    nacre_peer_exit(p, chan, 0);
}

int main(void)
{
    struct nacre_server_hooks hooks = {.password = allow,
                                       .open_session = allow,
                                       .shell = allow,
                                       .exec = allow,
                                       .data = echo,
                                       .eof = bye};
    struct nacre_privkey key;
    struct nacre_server_cfg cfg = {.hooks = &hooks, .keys = &key, .n_keys = 1};
    struct nacre_server *s;
    uint32_t port = 0;

    if (nacre_privkey_generate(&key, "ssh-ed25519", 0, &nacre_rng_os, work) != NACRE_OK ||
        nacre_server_new(&s, &cfg) != NACRE_OK ||
        nacre_server_listen(s, "localhost", &port) != NACRE_OK)
        return 1;
    printf("ssh -T -p %u demo@localhost\n", (unsigned)port);
    fflush(stdout);
    return nacre_server_run(s) == NACRE_OK ? 0 : 1;
}
