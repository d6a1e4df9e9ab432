/* SPDX-License-Identifier: ISC
 *
 * Memory of an idle authenticated connection of the library server in the standard profile: a
 * server process, N clients in another, and the growth of the server's private memory divided by N.
 *
 *   idle N
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/nacre_client.h"
#include "server/nacre_server.h"

/* What the operations work in. */
static uint64_t work[NACRE_WORK];

static enum nacre_when idle_let_in(void *ctx, struct nacre_peer *peer, const struct nacre_event *ev,
                                   struct nacre_answer *ans)
{
    (void)ctx; /* everybody is welcome here */
    (void)peer;
    (void)ev;
    ans->verdict = NACRE_ACCEPT;
    return NACRE_NOW;
}

static enum nacre_trust idle_trust(void *ctx, const struct nacre_host_question *q)
{
    (void)ctx;
    (void)q;
    return NACRE_TRUST_ONCE;
}

/* Serves until it is killed; the port goes into the pipe. */
static int idle_serve(int pipe_fd, unsigned n)
{
    static struct nacre_privkey key;
    static const struct nacre_server_hooks hooks = {.none = idle_let_in};
    struct nacre_server_cfg cfg = {
        .hooks = &hooks, .keys = &key, .n_keys = 1, .no_penalties = true};
    struct nacre_server *s;
    uint32_t port = 0;

    cfg.startups_begin = cfg.startups_full = n + 10;
    cfg.startups_rate = 100;
    cfg.startups_per_source = n + 10;
    cfg.conn.auth_methods = NACRE_AUTH_NONE;
    if (nacre_privkey_generate(&key, "ssh-ed25519", 0, &nacre_rng_os, work) != NACRE_OK ||
        nacre_server_new(&s, &cfg) != NACRE_OK ||
        nacre_server_listen(s, "127.0.0.1", &port) != NACRE_OK)
        return 1;
    if (write(pipe_fd, &port, sizeof port) != (ssize_t)sizeof port)
        return 1;
    return nacre_server_run(s) != NACRE_OK;
}

static long idle_private(pid_t pid)
{
    char path[64], line[256];
    long kib, sum = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", (long)pid);
    f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "Private_Dirty: %ld kB", &kib) == 1)
            sum += kib;
    if (f != NULL)
        fclose(f);
    return sum;
}

static struct nacre_client *idle_connect(uint32_t port)
{
    struct nacre_client_cfg cfg;
    struct nacre_client *c;

    memset(&cfg, 0, sizeof cfg);
    cfg.host = "127.0.0.1";
    cfg.port = port;
    cfg.user = "idle";
    cfg.host_policy = NACRE_HOSTS_ASK;
    cfg.host_key = idle_trust;
    cfg.auth_methods = NACRE_AUTH_NONE;
    if (nacre_client_open(&c, &cfg) == NACRE_OK)
        return c;
    fprintf(stderr, "idle: %s\n", nacre_client_error(c));
    return NULL;
}

int main(int argc, char **argv)
{
    const unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 200;
    struct nacre_client **clients = calloc(n + 1, sizeof(struct nacre_client *));
    int fds[2];
    uint32_t port;
    pid_t pid;
    long before, after;
    unsigned i;
    int failed = 0;

    if (clients == NULL || pipe(fds) != 0)
        return 1;
    pid = fork();
    if (pid == 0)
        _exit(idle_serve(fds[1], n));
    if (pid < 0 || read(fds[0], &port, sizeof port) != (ssize_t)sizeof port)
        return 1;
    clients[n] = idle_connect(port); /* the first costs what all share */
    before = idle_private(pid);
    for (i = 0; i < n && !failed; i++) {
        clients[i] = idle_connect(port);
        failed = clients[i] == NULL;
    }
    after = idle_private(pid);
    if (!failed)
        printf("library server: %.1f KiB private per idle authenticated connection, %u of them\n",
               (double)(after - before) / n, n);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    free(clients);
    return failed;
}
