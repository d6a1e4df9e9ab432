/* SPDX-License-Identifier: ISC
 *
 * Gathering host keys: what is printed, blocks of addresses, hundreds of servers at once, and
 * servers that are silent, endless, slow or talk rubbish. Each server is a process on loopback, on
 * a port that the system chooses.
 */
#include "client/keyscan.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/posix/clock.h"
#include "server/nacre_server.h"

#define KEYS 2
#define STEP_MS 300

static struct nacre_privkey keys[KEYS];
static uint64_t work[NACRE_WORK];

/* A scan with its output. */
struct desk {
    struct ncr_keyscan s;
    char *out, *err;
    size_t n_out, n_err;
    pid_t child;
    uint32_t port;
};

static void keys_make(void)
{
    cr_assert_eq(nacre_privkey_generate(&keys[0], "ssh-ed25519", 0, &nacre_rng_os, work), NACRE_OK);
    cr_assert_eq(nacre_privkey_generate(&keys[1], "ecdsa-sha2-nistp256", 0, &nacre_rng_os, work),
                 NACRE_OK);
}

static struct desk *desk_new(void)
{
    struct desk *d = calloc(1, sizeof *d);

    (void)signal(SIGPIPE, SIG_IGN);
    d->s.out = open_memstream(&d->out, &d->n_out);
    d->s.err = open_memstream(&d->err, &d->n_err);
    d->s.family = AF_INET;
    d->s.timeout_ms = STEP_MS;
    return d;
}

static void desk_scan(struct desk *d, const char *item)
{
    cr_assert_eq(ncr_keyscan_start(&d->s), NACRE_OK);
    ncr_keyscan_item(&d->s, item);
    ncr_keyscan_finish(&d->s);
    fflush(d->s.out);
    fflush(d->s.err);
}

static void desk_free(struct desk *d)
{
    if (d->child > 0) {
        kill(d->child, SIGKILL);
        waitpid(d->child, NULL, 0);
    }
    fclose(d->s.out);
    fclose(d->s.err);
    free(d->out);
    free(d->err);
    free(d);
}

static unsigned lines_of(const char *text)
{
    unsigned n = 0;

    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

/* ---- A good server ----------------------------------------------------------------------- */

/* Its process; the port on the pipe. */
static void serve(int tell)
{
    static const struct nacre_server_hooks hooks;
    struct nacre_server_cfg cfg = {
        .hooks = &hooks,
        .keys = keys,
        .n_keys = KEYS,
        .startups_begin = 5000,
        .startups_rate = 1,
        .startups_full = 5000,
        .startups_per_source = 5000,
        .no_penalties = true,
    };
    struct nacre_server *s;
    uint32_t port = 0;

    if (nacre_server_new(&s, &cfg) != NACRE_OK || nacre_server_listen(s, "0.0.0.0", &port) != 0 ||
        write(tell, &port, sizeof port) != sizeof port || nacre_server_run(s) != NACRE_OK)
        _exit(1);
    _exit(0);
}

static void desk_serve(struct desk *d)
{
    int tell[2];

    keys_make();
    cr_assert_eq(pipe(tell), 0);
    d->child = fork();
    if (d->child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
        serve(tell[1]);
    }
    close(tell[1]);
    cr_assert_eq(read(tell[0], &d->port, sizeof d->port), sizeof d->port);
    close(tell[0]);
    d->s.port = d->port;
    d->s.timeout_ms = 60000; /* the machine may be busy */
}

static const char *want_line(const struct desk *d, const char *host, int key)
{
    static char text[1024];

    cr_assert_eq(nacre_known_hosts_format(text, sizeof text, nacre_bytes_str(host), d->port,
                                          nacre_privkey_public_blob(&keys[key])),
                 NACRE_OK);
    return text;
}

Test(keyscan, keys_of_a_server)
{
    struct desk *d = desk_new();
    char want[128];

    desk_serve(d);
    desk_scan(d, "127.0.0.1");
    cr_assert_eq(d->s.found, KEYS);
    cr_assert_eq(lines_of(d->out), KEYS);
    cr_assert_not_null(strstr(d->out, want_line(d, "127.0.0.1", 0)));
    cr_assert_not_null(strstr(d->out, want_line(d, "127.0.0.1", 1)));
    snprintf(want, sizeof want, "# 127.0.0.1:%u SSH-2.0-nacre", (unsigned)d->port);
    cr_assert_eq(strncmp(d->err, want, strlen(want)), 0, "%s", d->err);
    desk_free(d);
}

Test(keyscan, types_names_and_quiet)
{
    struct nacre_bytes bad;
    struct desk *d = desk_new();

    desk_serve(d);
    d->s.quiet = true;
    cr_assert(ncr_keyscan_types(&d->s.types, "rsa,ed25519", &bad));
    desk_scan(d, "127.0.0.1 One.example,two");
    cr_assert_eq(d->n_err, 0, "%s", d->err);
    cr_assert_eq(lines_of(d->out), 2);
    cr_assert_not_null(strstr(d->out, want_line(d, "one.example", 0)));
    cr_assert_not_null(strstr(d->out, want_line(d, "two", 0)));
    cr_assert(ncr_keyscan_types(&d->s.types, "RSA,ssh-ed25519,ecdsa-sha2-nistp384", &bad));
    cr_assert_eq(d->s.types, 7);
    cr_assert_not(ncr_keyscan_types(&d->s.types, "SSH-RSA", &bad));
    cr_assert_not(ncr_keyscan_types(&d->s.types, "rs", &bad));
    cr_assert_not(ncr_keyscan_types(&d->s.types, "rsa,foo", &bad));
    cr_assert(nacre_bytes_is(bad, "foo"));
    desk_free(d);
}

Test(keyscan, hashed)
{
    struct desk *d = desk_new();
    struct nacre_known_hosts *s = malloc(sizeof *s);
    struct nacre_bytes line;

    desk_serve(d);
    d->s.hash = true;
    d->s.types = 1u << 2;
    desk_scan(d, "127.0.0.1 name");
    cr_assert_eq(strncmp(d->out, "|1|", 3), 0);
    line = (struct nacre_bytes){(const uint8_t *)d->out, d->n_out - 1};
    cr_assert_eq(nacre_known_hosts_init(s, nacre_bytes_str("name"), d->port,
                                        nacre_privkey_public_blob(&keys[0])),
                 NACRE_OK);
    cr_assert_eq(nacre_known_hosts_line(s, line, 0, 1, NULL), NACRE_OK);
    cr_assert_eq(s->verdict, NACRE_HOST_MATCH);
    free(s);
    desk_free(d);
}

Test(keyscan, records)
{
    struct desk *d = desk_new();

    desk_serve(d);
    d->s.sshfp = true;
    d->s.sshfp_hash = 2;
    desk_scan(d, "127.0.0.1 Name");
    cr_assert_eq(lines_of(d->out), 2);
    cr_assert_not_null(strstr(d->out, "name IN SSHFP 4 2 "));
    cr_assert_not_null(strstr(d->out, "name IN SSHFP 3 2 "));
    cr_assert_eq(d->err[0], ';');
    desk_free(d);
}

/* No certificate there, and no key of that type: nothing printed, nothing complained of. */
Test(keyscan, what_the_server_has_not)
{
    struct desk *d = desk_new();

    desk_serve(d);
    d->s.quiet = true;
    d->s.certs = true;
    desk_scan(d, "127.0.0.1");
    cr_assert_eq(d->s.found, 0);
    cr_assert_eq(d->n_out + d->n_err, 0, "%s", d->err);
    desk_free(d);
}

Test(keyscan, hundreds_at_once)
{
    struct desk *d = desk_new();

    desk_serve(d);
    d->s.quiet = true;
    d->s.types = 1u << 2;
    desk_scan(d, "127.0.1.0/24");
    cr_assert_eq(d->s.found, 256, "%s", d->err);
    cr_assert_eq(lines_of(d->out), 256);
    cr_assert_not_null(strstr(d->out, want_line(d, "127.0.1.0", 0)));
    cr_assert_not_null(strstr(d->out, want_line(d, "127.0.1.255", 0)));
    desk_free(d);
}

Test(keyscan, few_at_once)
{
    struct desk *d = desk_new();

    desk_serve(d);
    d->s.quiet = true;
    d->s.at_once = 3;
    d->s.types = 1u << 2;
    desk_scan(d, "127.0.1.16/28");
    cr_assert_eq(d->s.found, 16, "%s", d->err);
    desk_free(d);
}

/* Addresses of a list are tried until one answers. */
Test(keyscan, address_list)
{
    struct desk *d = desk_new();

    desk_serve(d);
    d->s.types = 1u << 2;
    desk_scan(d, ",,no such host,127.0.0.2,127.0.0.1 name"); /* words: the names are the rest */
    desk_free(d);
    d = desk_new();
    desk_serve(d);
    d->s.types = 1u << 2;
    desk_scan(d, ",[,127.0.0.2,127.0.0.1 name");
    cr_assert_eq(d->s.found, 1, "%s", d->err);
    cr_assert_eq(lines_of(d->out), 1);
    desk_free(d);
}

/* Blocks that are none are names, which are not found. */
Test(keyscan, malformed_blocks)
{
    static const char *const items[] = {"127.0.0.1/24", "127.0.0.0/33", "127.0.0.0/",
                                        "127.0.0.0/x",  "/8",           "127.0.0/24",
                                        "::1/127",      "127.0.0.0/-1"};

    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        struct desk *d = desk_new();

        d->s.port = 1;
        d->s.types = 1;
        desk_scan(d, items[i]);
        cr_assert_eq(d->s.found, 0);
        cr_assert_leq(lines_of(d->err), 1, "%s: %s", items[i], d->err);
        desk_free(d);
    }
}

/* ---- Bad servers ------------------------------------------------------------------------- */

enum manner { SILENT, ENDLESS_LINES, ENDLESS_LINE, SLOW, HALF, RUBBISH, ESCAPES, CLOSES, OTHER };

static void behave(int fd, enum manner how)
{
    static char big[65536];
    static const char version[] = "SSH-2.0-x\r\n";

    memset(big, 'x', sizeof big);
    if (how == ENDLESS_LINES)
        for (size_t i = 9; i < sizeof big; i += 10)
            big[i] = '\n';
    if (how == RUBBISH || how == HALF)
        (void)!write(fd, version, sizeof version - 1);
    if (how == ESCAPES)
        (void)!write(fd, "SSH-2.0-\x1b]52;c;x\x07\x9b\r\n", 20);
    if (how == OTHER)
        (void)!write(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
    if (how == CLOSES || how == ESCAPES || how == OTHER)
        return;
    for (;;) {
        ssize_t put = 1;

        if (how == SLOW) {
            usleep(20000);
            put = write(fd, "x", 1);
        } else if (how == SILENT || how == HALF) {
            put = read(fd, big, sizeof big);
        } else {
            put = write(fd, big, sizeof big);
        }
        if (put <= 0)
            return;
    }
}

static void desk_hostile(struct desk *d, enum manner how)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, n), 0);
    cr_assert_eq(listen(fd, 16), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    d->s.port = ntohs(a.sin_port);
    d->child = fork();
    if (d->child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)signal(SIGCHLD, SIG_IGN);
        for (;;) {
            int got = accept(fd, NULL, NULL);

            if (fork() == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                behave(got, how);
                _exit(0);
            }
            close(got);
        }
    }
    close(fd);
}

/* Whatever it does, it takes a bounded time and a bounded number of lines, all of them clean. */
static void hostile(enum manner how, const char *told)
{
    struct desk *d = desk_new();
    uint64_t begun = ncr_clock_ms();

    desk_hostile(d, how);
    d->s.types = 1u << 2;
    desk_scan(d, "127.0.0.1");
    cr_assert_lt(ncr_clock_ms() - begun, 4 * STEP_MS + 55000);
    cr_assert_eq(d->s.found, 0);
    cr_assert_eq(d->n_out, 0);
    cr_assert_leq(lines_of(d->err), 2, "%s", d->err);
    cr_assert_lt(d->n_err, 4096);
    for (size_t i = 0; i < d->n_err; i++)
        cr_assert((uint8_t)d->err[i] >= 0x20 || d->err[i] == '\n', "%s", d->err);
    cr_assert_not_null(strstr(d->err, told), "%s", d->err);
    desk_free(d);
}

Test(keyscan, s71_silent_server)
{
    hostile(SILENT, "");
}

Test(keyscan, s71_endless_lines)
{
    hostile(ENDLESS_LINES, "lines before the version");
}

Test(keyscan, s71_endless_line)
{
    hostile(ENDLESS_LINE, "lines before the version");
}

Test(keyscan, s71_slow_server)
{
    hostile(SLOW, "");
}

Test(keyscan, s71_silent_behind_its_version)
{
    hostile(HALF, "SSH-2.0-x");
}

Test(keyscan, s71_rubbish_behind_its_version)
{
    hostile(RUBBISH, "packet length");
}

Test(keyscan, s52_version_with_escapes)
{
    hostile(ESCAPES, "malformed version line");
}

Test(keyscan, closes_at_once)
{
    hostile(CLOSES, "Connection closed by remote host");
}

Test(keyscan, no_ssh_at_all)
{
    hostile(OTHER, "Connection closed by remote host");
}
