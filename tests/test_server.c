/* SPDX-License-Identifier: ISC
 *
 * The server library over socket pairs, a client in the same thread: hooks and their defaults,
 * answers now and later, data and its limits, descriptors, programs, SFTP, and what an idle
 * connection costs.
 */
#include "server/nacre_server.h"
#include "server/peer.h"
#include "sftp/nacre_sftp.h"
#include "tests/certs.h"
#include "tests/driver.h"

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

/* What the operations work in. */
static uint64_t work[NACRE_WORK];

/* ---- A server and its client ------------------------------------------------------------- */

struct rig {
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

static struct rig rig_state;

static bool rig_connected(void *ctx, struct nacre_peer *p)
{
    struct rig *r = ctx;
    r->peer = p;
    return true;
}

static void rig_gone(void *ctx, struct nacre_peer *p, nacre_err err)
{
    struct rig *r = ctx;
    r->peer = r->peer == p ? NULL : r->peer;
    r->gone++;
    r->gone_err = err;
}

static enum nacre_when rig_yes(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                               struct nacre_answer *ans)
{
    (void)ctx;
    (void)p;
    (void)ev;
    ans->verdict = NACRE_ACCEPT;
    return NACRE_NOW;
}

static enum nacre_when rig_password(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                    struct nacre_answer *ans)
{
    struct rig *r = ctx;
    (void)p;
    r->asked++;
    if (nacre_bytes_is(ev->user, "joe") && nacre_bytes_is(ev->data, "secret")) {
        ans->verdict = NACRE_ACCEPT;
    }
    return NACRE_NOW;
}

static void rig_turn(void *ctx)
{
    struct rig *r = ctx;
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(nacre_server_once(r->server, i == 0 ? 1 : 0), NACRE_OK);
    }
}

static bool rig_connect(struct rig *r)
{
    int pair[2];
    struct nacre_peer *p;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    nacre_err err = nacre_server_serve(r->server, pair[0], &p);
    driver_init(&r->d, pair[1]);
    r->d.idle = rig_turn;
    r->d.ctx = r;
    return err == NACRE_OK;
}

static struct rig *rig_start(const struct nacre_server_hooks *hooks, struct nacre_server_cfg *cfg)
{
    struct rig *r = &rig_state;
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
    cr_assert(rig_connect(r));
    return r;
}

static void rig_end(struct rig *r)
{
    driver_free(&r->d);
    for (int i = 0; i < 20 && nacre_server_peers(r->server) > 0; i++) {
        cr_assert_eq(nacre_server_once(r->server, 10), NACRE_OK);
    }
    cr_assert_eq(nacre_server_peers(r->server), 0u);
    nacre_server_free(r->server);
}

/* Rounds in which what is under way arrives. */
static void rig_settle(struct rig *r)
{
    for (int i = 0; i < 20; i++) {
        driver_step(&r->d, 0);
    }
}

static uint64_t rig_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- Echo -------------------------------------------------------------------------------- */

static size_t rig_echo(void *ctx, struct nacre_peer *p, uint32_t chan, uint32_t ext,
                       struct nacre_bytes b)
{
    (void)ctx;
    return nacre_peer_write(p, chan, ext, b);
}

static void rig_echo_eof(void *ctx, struct nacre_peer *p, uint32_t chan)
{
    struct rig *r = ctx;
    r->eofs++;
    nacre_peer_exit(p, chan, 42);
}

static void rig_closed(void *ctx, struct nacre_peer *p, uint32_t chan)
{
    struct rig *r = ctx;
    (void)p;
    (void)chan;
    r->closes++;
}

static const struct nacre_server_hooks rig_echo_hooks = {
    .connected = rig_connected,
    .gone = rig_gone,
    .password = rig_password,
    .open_session = rig_yes,
    .exec = rig_yes,
    .data = rig_echo,
    .eof = rig_echo_eof,
    .closed = rig_closed,
};

Test(server, echo_of_three_megabytes)
{
    struct rig *r = rig_start(&rig_echo_hooks, NULL);
    size_t n = 3 * 1000 * 1000;
    uint8_t *p = malloc(n);
    cr_assert_not_null(p);
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(i * 7 + (i >> 8));
    }
    cr_assert(driver_password(&r->d, "joe", "secret"));
    cr_assert_str_eq(nacre_peer_user(r->peer), "joe");
    cr_assert_eq(driver_exec(&r->d, "cat", p, n), 42);
    cr_assert_eq(r->d.out.n, n);
    cr_assert_eq(memcmp(r->d.out.p, p, n), 0);
    rig_settle(r);
    cr_assert_eq(r->eofs, 1u);
    cr_assert_eq(r->closes, 1u);
    free(p);
    rig_end(r);
    cr_assert_eq(r->gone, 1u);
}

Test(server, several_channels_at_once_and_again)
{
    struct rig *r = rig_start(&rig_echo_hooks, NULL);
    cr_assert(driver_password(&r->d, "joe", "secret"));
    for (int i = 0; i < 30; i++) {
        cr_assert_eq(driver_exec(&r->d, "x", "hello", 5), 42, "channel %d", i);
        cr_assert(driver_out_is(&r->d, "hello"));
    }
    rig_settle(r);
    cr_assert_eq(r->closes, 30u);
    rig_end(r);
}

static size_t rig_slow(void *ctx, struct nacre_peer *p, uint32_t chan, uint32_t ext,
                       struct nacre_bytes b)
{
    struct rig *r = ctx;
    (void)p;
    (void)chan;
    (void)ext;
    size_t n = b.n < r->take ? b.n : r->take;
    r->taken += n;
    return n;
}

/* What a hook does not take is kept, offered again, and not credited: no more than the window. */
Test(server, data_that_is_not_taken_is_held)
{
    struct nacre_server_hooks hooks = rig_echo_hooks;
    struct nacre_server_cfg cfg = {.conn.window = 100000};
    hooks.data = rig_slow;
    struct rig *r = rig_start(&hooks, &cfg);
    static uint8_t big[300000];
    struct nacre_request exec = {.kind = NACRE_REQ_EXEC, .data = nacre_bytes_str("x")};
    cr_assert(driver_password(&r->d, "joe", "secret"));
    cr_assert(driver_session(&r->d));
    cr_assert(driver_request(&r->d, &exec));
    r->d.deadline_ms = 300;
    cr_assert_not(driver_send(&r->d, r->d.chan, big, sizeof big), "the window ends it");
    cr_assert_eq(r->taken, 0u);
    cr_assert_leq(r->peer->chans[0].held_len, 100000u);
    r->take = 1000;
    r->d.deadline_ms = 60000;
    for (int i = 0; i < 1000 && r->taken < 100000; i++) {
        nacre_peer_kick(r->peer);
        driver_step(&r->d, 0);
    }
    cr_assert_geq(r->taken, 100000u);
    rig_end(r);
}

/* ---- Default deny ------------------------------------------------------------------------ */

Test(server, S46_zeroed_hooks_let_nobody_in)
{
    static const struct nacre_server_hooks none;
    struct nacre_server_cfg cfg = {.fail_delay_ms = 1};
    struct rig *r = rig_start(&none, &cfg);
    cr_assert_not(driver_none(&r->d, "joe"));
    cr_assert_eq(r->d.methods, 0u);
    rig_end(r);
}

/* Even with every method offered, a method without a hook fails. */
Test(server, S46_methods_without_hooks_refuse)
{
    static const struct nacre_server_hooks none;
    struct nacre_server_cfg cfg = {.fail_delay_ms = 1,
                                   .conn.auth_methods = NACRE_AUTH_NONE | NACRE_AUTH_PUBLICKEY |
                                                        NACRE_AUTH_PASSWORD |
                                                        NACRE_AUTH_INTERACTIVE};
    struct rig *r = rig_start(&none, &cfg);
    cr_assert_not(driver_none(&r->d, "root"));
    cr_assert_not(driver_password(&r->d, "root", ""));
    cr_assert_not(driver_key(&r->d, "root", &r->user, true));
    cr_assert_not(driver_key(&r->d, "root", &r->user, false));
    cr_assert_not(driver_interactive(&r->d, "root", ""));
    rig_end(r);
}

Test(server, S46_channels_without_hooks_are_refused)
{
    static const struct nacre_server_hooks hooks = {.none = rig_yes};
    struct rig *r = rig_start(&hooks, NULL);
    struct nacre_tcpip t = {.host = nacre_bytes_str("localhost"),
                            .port = 1,
                            .origin = nacre_bytes_str("localhost"),
                            .origin_port = 1};
    struct nacre_global g = {.kind = NACRE_GLOBAL_TCPIP_FORWARD, .addr = nacre_bytes_str("")};
    cr_assert(driver_none(&r->d, "joe"));
    cr_assert_not(driver_session(&r->d));
    cr_assert_eq(r->d.refuse_reason, NACRE_OPEN_PROHIBITED);
    driver_reset(&r->d);
    cr_assert_eq(nacre_chan_open_tcpip(&r->d.conn, "direct-tcpip", &t, &r->d.chan), NACRE_OK);
    cr_assert(driver_until(&r->d, &r->d.refused));
    cr_assert_eq(nacre_global_request(&r->d.conn, &g, true), NACRE_OK);
    for (int i = 0; i < 100 && r->d.global_no == 0; i++) {
        driver_step(&r->d, 1);
    }
    cr_assert_eq(r->d.global_no, 1u);
    rig_end(r);
}

Test(server, S46_requests_without_hooks_are_refused)
{
    static const struct nacre_server_hooks hooks = {.none = rig_yes, .open_session = rig_yes};
    static const enum nacre_req kinds[] = {NACRE_REQ_PTY,  NACRE_REQ_ENV,       NACRE_REQ_SHELL,
                                           NACRE_REQ_EXEC, NACRE_REQ_SUBSYSTEM, NACRE_REQ_BREAK};
    struct rig *r = rig_start(&hooks, NULL);
    cr_assert(driver_none(&r->d, "joe"));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct nacre_request q = {
            .kind = kinds[i], .data = nacre_bytes_str("x"), .text = nacre_bytes_str("x")};
        cr_assert(driver_session(&r->d));
        cr_assert_not(driver_request(&r->d, &q), "request %d", (int)kinds[i]);
        cr_assert_eq(nacre_chan_close(&r->d.conn, r->d.chan), NACRE_OK);
        driver_until(&r->d, &r->d.closed);
    }
    rig_end(r);
}

/* ---- Asked and proved -------------------------------------------------------------------- */

static bool rig_is_key(const struct nacre_privkey *k, struct nacre_bytes blob)
{
    struct nacre_bytes b = nacre_privkey_public_blob(k);
    return b.n == blob.n && memcmp(b.p, blob.p, b.n) == 0;
}

static enum nacre_when rig_query(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                 struct nacre_answer *ans)
{
    struct rig *r = ctx;
    (void)p;
    (void)ev;
    r->asked++;
    ans->verdict = NACRE_ACCEPT; /* anybody may try */
    return NACRE_NOW;
}

static enum nacre_when rig_proved(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                  struct nacre_answer *ans)
{
    struct rig *r = ctx;
    (void)p;
    r->proved++;
    cr_assert_gt(ev->data.n, 0u, "the signature comes along");
    cr_assert_eq(nacre_sig_verify(&nacre_algs_default, ev->alg, ev->blob, ev->data, ev->data, work),
                 NACRE_ERR_SIG);
    ans->verdict = rig_is_key(&r->user, ev->blob) ? NACRE_ACCEPT : NACRE_REFUSE;
    return NACRE_NOW;
}

Test(server, S35_a_key_that_was_asked_about_is_not_proved)
{
    static const struct nacre_server_hooks hooks = {.key_query = rig_query,
                                                    .key_proved = rig_proved};
    struct nacre_server_cfg cfg = {.fail_delay_ms = 1};
    struct rig *r = rig_start(&hooks, &cfg);
    cr_assert_not(driver_key(&r->d, "joe", &r->other, true), "asked about, signed, but not ours");
    cr_assert_eq(r->asked, 1u);
    cr_assert_eq(r->proved, 1u);
    cr_assert(driver_key(&r->d, "joe", &r->user, false));
    cr_assert_eq(r->asked, 1u);
    cr_assert_eq(r->proved, 2u);
    rig_end(r);
}

/* The client asks about the good key and signs with another one. */
Test(server, S35_ask_A_prove_B)
{
    static const struct nacre_server_hooks hooks = {.key_query = rig_query,
                                                    .key_proved = rig_proved};
    struct nacre_server_cfg cfg = {.fail_delay_ms = 1};
    struct rig *r = rig_start(&hooks, &cfg);
    r->d.key = &r->other;
    cr_assert(driver_until(&r->d, &r->d.next));
    r->d.next = false;
    cr_assert_eq(nacre_auth_publickey(&r->d.conn, "joe", "ssh-ed25519",
                                      nacre_privkey_public_blob(&r->user), true),
                 NACRE_OK);
    cr_assert(driver_until(&r->d, &r->d.next));
    cr_assert_not(r->d.authed, "B's signature under A's name verifies nowhere");
    cr_assert_eq(r->proved, 0u);
    rig_end(r);
}

Test(server, S35_without_a_hook_for_the_proof_nobody_gets_in)
{
    static const struct nacre_server_hooks hooks = {.key_query = rig_query};
    struct nacre_server_cfg cfg = {.fail_delay_ms = 1, .conn.auth_methods = NACRE_AUTH_PUBLICKEY};
    struct rig *r = rig_start(&hooks, &cfg);
    cr_assert_not(driver_key(&r->d, "joe", &r->user, true));
    cr_assert_eq(r->asked, 1u);
    rig_end(r);
}

/* ---- Certificates ------------------------------------------------------------------------ */

/* What a login with a certificate met. */
struct cert_rig {
    struct nacre_bytes authority;
    struct nacre_cert_policy policy;
    struct nacre_authkey rights;
    const char *what;
    bool forced;
};

static struct cert_rig cert_state;

static enum nacre_when cert_hook(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                 struct nacre_answer *ans)
{
    struct cert_rig *c = &cert_state;
    (void)ctx;
    if (nacre_peer_judge_cert(p, ev, &c->policy, &c->rights, &c->what)) {
        ans->verdict = NACRE_ACCEPT;
        c->forced = c->rights.has_command && nacre_bytes_is(c->rights.command, "date");
    } else {
        cr_assert_eq(c->rights.permits, 0u);
    }
    return NACRE_NOW;
}

/* The user of the request for the principal, the peer's address and the time are filled in; without
 * authorities nobody is let in, whatever verifies (S46). */
Test(server, S46_certificates_are_judged)
{
    static const struct nacre_server_hooks hooks = {
        .connected = rig_connected, .key_query = cert_hook, .key_proved = cert_hook};
    const char *alg = "ssh-ed25519-cert-v01@openssh.com";
    static uint8_t blob[CERT_MAX];
    struct cert_rig *c = &cert_state;
    struct nacre_server_cfg cfg = {.no_penalties = true, .fail_delay_ms = 1};
    struct rig *r = rig_start(&hooks, &cfg);
    struct nacre_bytes joe = nacre_bytes_str("staff");
    const struct cert_spec spec = {.before = NACRE_CERT_FOREVER,
                                   .principals = {"joe", "staff"},
                                   .critical = {"force-command", "date"},
                                   .extensions = {"permit-pty", ""}};
    struct nacre_bytes cert =
        cert_make(blob, &spec, nacre_privkey_public_blob(&r->user), &r->other);
    for (int i = 0; i < 6; i++) {
        memset(c, 0, sizeof *c);
        c->authority = nacre_privkey_public_blob(&r->other);
        if (i > 0) {
            c->policy.authorities = &c->authority;
            c->policy.n_authorities = 1;
        }
        if (i == 4) {
            c->policy.principals = &joe; /* the server's own name for who may */
            c->policy.n_principals = 1;
        }
        driver_free(&r->d);
        cr_assert(rig_connect(r));
        const char *user = i == 2 || i == 4 ? "jim" : "joe";
        bool in = i == 3 ? driver_key(&r->d, user, &r->user, true) /* no certificate */
                         : driver_key_as(&r->d, user, alg, cert, &r->user, i != 5);
        cr_assert_eq(in, i == 1 || i == 4 || i == 5, "case %d: %s", i, c->what);
        cr_assert_eq(c->forced, in);
        cr_assert(!in || c->rights.permits == NACRE_PERMIT_PTY);
    }
    rig_end(r);
}

/* An application that knows keys by their blobs. */
static enum nacre_when cert_plain_hook(void *ctx, struct nacre_peer *p,
                                       const struct nacre_event *ev, struct nacre_answer *ans)
{
    const struct rig *r = ctx;
    struct nacre_bytes known = nacre_privkey_public_blob(&r->user);
    (void)p;
    if (ev->blob.n == known.n && memcmp(ev->blob.p, known.p, known.n) == 0) {
        ans->verdict = NACRE_ACCEPT;
    }
    return NACRE_NOW;
}

/* Paramiko's server hands an application the key of a certificate as if it were the plain key, and
 * looks at neither authority, validity nor principals. Here a certificate is not its key, and the
 * call that judges one looks at all three. */
Test(server, paramiko_trap_certificates_are_never_checked)
{
    static const struct nacre_server_hooks plain = {
        .connected = rig_connected, .key_query = cert_plain_hook, .key_proved = cert_plain_hook};
    static const struct nacre_server_hooks judged = {
        .connected = rig_connected, .key_query = cert_hook, .key_proved = cert_hook};
    static const struct {
        struct cert_spec spec;
        bool by_user, in; /* signed by the user's own key, not the authority's */
    } cases[] = {
        {{.before = NACRE_CERT_FOREVER, .principals = {"joe"}}, false, true},
        {{.before = NACRE_CERT_FOREVER, .principals = {"joe"}}, true, false},
        {{.before = 1, .principals = {"joe"}}, false, false},
        {{.before = NACRE_CERT_FOREVER, .principals = {"jim"}}, false, false},
        {{.before = NACRE_CERT_FOREVER}, false, false},
        {{.kind = NACRE_CERT_HOST, .before = NACRE_CERT_FOREVER, .principals = {"joe"}},
         false,
         false},
    };
    const char *alg = "ssh-ed25519-cert-v01@openssh.com";
    static uint8_t blob[CERT_MAX];
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        struct cert_rig *c = &cert_state;
        struct nacre_server_cfg cfg = {.no_penalties = true, .fail_delay_ms = 1};
        struct rig *r = rig_start(i % 2 == 0 ? &plain : &judged, &cfg);
        struct nacre_bytes cert =
            cert_make(blob, &cases[i / 2].spec, nacre_privkey_public_blob(&r->user),
                      cases[i / 2].by_user ? &r->user : &r->other);
        memset(c, 0, sizeof *c);
        c->authority = nacre_privkey_public_blob(&r->other);
        c->policy.authorities = &c->authority;
        c->policy.n_authorities = 1;
        cr_assert_eq(driver_key_as(&r->d, "joe", alg, cert, &r->user, false),
                     i % 2 != 0 && cases[i / 2].in, "case %zu: %s", i, c->what);
        rig_end(r);
    }
}

/* Address: a socket pair has none, so that a certificate bound to one is of no use. */
Test(server, S35_source_address_of_a_certificate)
{
    static const struct nacre_server_hooks hooks = {
        .connected = rig_connected, .key_query = cert_hook, .key_proved = cert_hook};
    static uint8_t blob[CERT_MAX];
    struct cert_rig *c = &cert_state;
    struct rig *r = rig_start(&hooks, NULL);
    const struct cert_spec spec = {.before = NACRE_CERT_FOREVER,
                                   .principals = {"joe"},
                                   .critical = {"source-address", "0.0.0.0/0"}};
    memset(c, 0, sizeof *c);
    c->authority = nacre_privkey_public_blob(&r->other);
    c->policy.authorities = &c->authority;
    c->policy.n_authorities = 1;
    cr_assert_not(driver_key_as(
        &r->d, "joe", "ssh-ed25519-cert-v01@openssh.com",
        cert_make(blob, &spec, nacre_privkey_public_blob(&r->user), &r->other), &r->user, true));
    rig_end(r);
}

/* A host certificate among the blobs: the key that the library holds signs for it. */
Test(server, host_certificate)
{
    static const struct nacre_server_hooks hooks = {.connected = rig_connected, .none = rig_yes};
    static uint8_t blob[CERT_MAX];
    static struct nacre_privkey host;
    struct nacre_privkey *ca = cert_key("ssh-mldsa44-ed25519", NULL);
    const struct cert_spec spec = {
        .kind = NACRE_CERT_HOST, .before = NACRE_CERT_FOREVER, .principals = {"h"}};
    struct rig *r = rig_start(&hooks, NULL);
    rig_end(r);
    host = r->host;
    struct nacre_bytes shown[2] = {nacre_privkey_public_blob(&host)};
    shown[1] = cert_make(blob, &spec, shown[0], ca);
    struct nacre_server_cfg cfg = {.hooks = &hooks, .ctx = r, .keys = &host, .n_keys = 1};
    cfg.conn.host_keys = shown;
    cfg.conn.n_host_keys = 2;
    cr_assert_eq(nacre_server_new(&r->server, &cfg), NACRE_OK);
    cr_assert(rig_connect(r));
    cr_assert(driver_none(&r->d, "joe"));
    cr_assert(r->d.host_len == shown[1].n && memcmp(r->d.host_blob, blob, shown[1].n) == 0);
    cr_assert_str_eq(nacre_conn_negotiated(&r->d.conn)->host_key,
                     "ssh-ed25519-cert-v01@openssh.com");
    rig_end(r);
    free(ca);
}

/* ---- Later ------------------------------------------------------------------------------- */

static enum nacre_when rig_later(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                 struct nacre_answer *ans)
{
    struct rig *r = ctx;
    (void)ans;
    r->asked++;
    r->ticket = nacre_peer_ticket(p, ev);
    r->has_ticket = true;
    return NACRE_LATER;
}

static const struct nacre_server_hooks rig_later_hooks = {
    .connected = rig_connected, .gone = rig_gone, .password = rig_later, .open_session = rig_later};

static void rig_ask_password(struct rig *r)
{
    cr_assert(driver_until(&r->d, &r->d.next));
    r->d.next = r->has_ticket = false;
    cr_assert_eq(nacre_auth_password(&r->d.conn, "joe", nacre_bytes_str("x")), NACRE_OK);
    cr_assert(driver_until(&r->d, &r->has_ticket));
}

Test(server, answers_may_come_later)
{
    struct rig *r = rig_start(&rig_later_hooks, NULL);
    struct nacre_answer yes = {.verdict = NACRE_ACCEPT};
    rig_ask_password(r);
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
    rig_end(r);
}

Test(server, S36_an_answer_is_used_once)
{
    struct rig *r = rig_start(&rig_later_hooks, NULL);
    struct nacre_answer yes = {.verdict = NACRE_ACCEPT};
    rig_ask_password(r);
    cr_assert_eq(nacre_server_answer(r->server, r->ticket, &yes), NACRE_OK);
    cr_assert_eq(nacre_server_answer(r->server, r->ticket, &yes), NACRE_ERR_USAGE);
    cr_assert(driver_until(&r->d, &r->d.authed));
    cr_assert_eq(nacre_server_answer(r->server, r->ticket, &yes), NACRE_ERR_USAGE);
    rig_end(r);
}

/* The verdict on one connection's request is not taken by the next connection. */
Test(server, S36_an_answer_is_bound_to_its_connection)
{
    struct nacre_server_cfg cfg = {.conn.auth_ms = 1500, .fail_delay_ms = 1};
    struct rig *r = rig_start(&rig_later_hooks, &cfg);
    struct nacre_answer yes = {.verdict = NACRE_ACCEPT};
    rig_ask_password(r);
    struct nacre_ticket old = r->ticket;
    driver_free(&r->d);
    for (uint64_t until = rig_ms() + 60000; r->gone == 0 && rig_ms() < until;) {
        rig_turn(r);
    }
    cr_assert_eq(r->gone, 1u);
    cr_assert(rig_connect(r));
    rig_ask_password(r);
    cr_assert_eq(old.id, r->ticket.id, "same number of question");
    cr_assert_eq(nacre_server_answer(r->server, old, &yes), NACRE_ERR_USAGE);
    driver_step(&r->d, 10);
    cr_assert_not(r->d.authed);
    yes.verdict = NACRE_REFUSE;
    cr_assert_eq(nacre_server_answer(r->server, r->ticket, &yes), NACRE_OK);
    rig_end(r);
}

Test(server, S38_refusals_wait)
{
    struct nacre_server_cfg cfg = {.fail_delay_ms = 120};
    struct rig *r = rig_start(&rig_echo_hooks, &cfg);
    cr_assert_not(driver_none(&r->d, "joe"));
    uint64_t from = rig_ms();
    cr_assert_not(driver_password(&r->d, "joe", "wrong"));
    cr_assert_geq(rig_ms() - from, 119u);
    from = rig_ms();
    cr_assert_not(driver_password(&r->d, "nobody", "wrong"));
    cr_assert_geq(rig_ms() - from, 119u);
    cr_assert(driver_password(&r->d, "joe", "secret"));
    rig_end(r);
}

Test(server, a_peer_that_leaves_while_its_refusal_waits)
{
    struct nacre_server_cfg cfg = {.fail_delay_ms = 50};
    struct rig *r = rig_start(&rig_echo_hooks, &cfg);
    cr_assert(driver_until(&r->d, &r->d.next));
    cr_assert_eq(nacre_auth_password(&r->d.conn, "joe", nacre_bytes_str("x")), NACRE_OK);
    for (int i = 0; i < 200 && r->asked == 0; i++) {
        driver_step(&r->d, 0);
    }
    cr_assert_eq(r->asked, 1u);
    rig_end(r);
    cr_assert_eq(r->gone, 1u);
}

/* ---- Limits ------------------------------------------------------------------------------ */

Test(server, S71_startups_are_limited)
{
    struct nacre_server_cfg cfg = {
        .startups_begin = 3, .startups_rate = 100, .startups_full = 3, .startups_per_source = 100};
    struct rig *r = rig_start(&rig_echo_hooks, &cfg);
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
    rig_end(r);
}

Test(server, S71_login_grace)
{
    struct nacre_server_cfg cfg = {.conn.auth_ms = 80};
    struct rig *r = rig_start(&rig_echo_hooks, &cfg);
    uint64_t from = rig_ms();
    while (r->gone == 0 && rig_ms() - from < 60000) {
        driver_step(&r->d, 5); /* traffic does not extend it */
        (void)!nacre_conn_ignore(&r->d.conn, (const uint8_t *)"x", 1);
    }
    cr_assert_eq(r->gone, 1u);
    cr_assert_eq(r->gone_err, NACRE_ERR_TIMEOUT_AUTH);
    rig_end(r);
}

static unsigned rig_count_fds(void)
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

/* Connections cut off in every state leave nothing behind. */
Test(server, S67_descriptors_after_many_cut_connections)
{
    struct nacre_server_cfg cfg = {.no_penalties = true};
    struct rig *r = rig_start(&rig_echo_hooks, &cfg);
    cr_assert(driver_password(&r->d, "joe", "secret"));
    driver_free(&r->d);
    rig_turn(r);
    unsigned before = rig_count_fds();
    for (int i = 0; i < 200; i++) {
        cr_assert(rig_connect(r));
        for (int k = 0; k < i % 12; k++) {
            driver_step(&r->d, 0);
        }
        if (i % 3 == 0 && driver_password(&r->d, "joe", "secret") && driver_session(&r->d)) {
            struct nacre_request exec = {.kind = NACRE_REQ_EXEC, .data = nacre_bytes_str("x")};
            cr_assert(driver_request(&r->d, &exec));
        }
        driver_free(&r->d);
        for (int k = 0; k < 20 && nacre_server_peers(r->server) > 0; k++) {
            rig_turn(r);
        }
    }
    cr_assert_eq(rig_count_fds(), before);
    rig_end(r);
}

struct rig_rng {
    unsigned calls, fail_at;
};

static bool rig_rng_fill(void *ctx, uint8_t *out, size_t n)
{
    struct rig_rng *f = ctx;
    return ++f->calls != f->fail_at && nacre_rng_fill(&nacre_rng_os, out, n);
}

/* Each use of the random source fails once: the connection ends, the next one works. */
Test(server, S34_random_source_fails_at_every_use)
{
    static struct rig_rng f;
    static const struct nacre_rng rng = {rig_rng_fill, &f};
    struct nacre_server_cfg cfg = {.rng = &rng, .no_penalties = true};
    struct rig *r = rig_start(&rig_echo_hooks, &cfg);
    cr_assert(driver_password(&r->d, "joe", "secret"));
    unsigned uses = f.calls;
    driver_free(&r->d);
    for (unsigned i = 1; i <= uses; i++) {
        f.calls = 0;
        f.fail_at = i;
        if (rig_connect(r)) {
            (void)driver_password(&r->d, "joe", "secret");
        }
        driver_free(&r->d);
        rig_turn(r);
    }
    f.fail_at = 0;
    cr_assert(rig_connect(r));
    cr_assert(driver_password(&r->d, "joe", "secret"));
    rig_end(r);
}

/* ---- Memory ------------------------------------------------------------------------------ */

/* Pages that the mapping of an idle authenticated connection has touched. */
Test(server, an_idle_connection_touches_less_than_64_KiB)
{
    struct rig *r = rig_start(&rig_echo_hooks, NULL);
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
    rig_end(r);
}

/* ---- Descriptors, programs, SFTP --------------------------------------------------------- */

static enum nacre_when rig_spawn(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
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

static const struct nacre_server_hooks rig_spawn_hooks = {.connected = rig_connected,
                                                          .gone = rig_gone,
                                                          .none = rig_yes,
                                                          .open_session = rig_yes,
                                                          .exec = rig_spawn,
                                                          .closed = rig_closed};

Test(server, programs_end_with_their_status)
{
    struct rig *r = rig_start(&rig_spawn_hooks, NULL);
    cr_assert(driver_none(&r->d, "joe"));
    cr_assert_eq(driver_exec(&r->d, "echo out; echo err >&2; pwd; exit 7", NULL, 0), 7);
    cr_assert(driver_out_is(&r->d, "out\n/\n"));
    cr_assert_eq(r->d.errs.n, 4u);
    cr_assert_eq(driver_exec(&r->d, "kill -TERM $$", NULL, 0), -1);
    cr_assert_str_eq(r->d.signal, "TERM");
    cr_assert_eq(driver_exec(&r->d, "cat >/dev/null; exit 0", "data", 4), 0);
    cr_assert_eq(driver_exec(&r->d, "exec true", NULL, 0), 0);
    rig_end(r);
}

/* Starts a command and waits for EOF, which we do not send. */
static void rig_command_to_eof(struct rig *r, const char *command)
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
    struct rig *r = rig_start(&rig_spawn_hooks, NULL);
    cr_assert(driver_none(&r->d, "joe"));
    rig_command_to_eof(r,
                       "exec >&- 2>&-; i=0; while [ $i -lt 1000 ]; do i=$((i + 1)); done; exit 7");
    cr_assert_eq(r->d.status, 7);
    driver_finish(&r->d);
    rig_end(r);
}

Test(server, eof_comes_while_a_program_waits_for_ours)
{
    struct rig *r = rig_start(&rig_spawn_hooks, NULL);
    cr_assert(driver_none(&r->d, "joe"));
    rig_command_to_eof(r, "exec >&- 2>&-; cat > /dev/null; exit 7");
    cr_assert_eq(r->d.status, -1);
    driver_finish(&r->d);
    cr_assert_eq(r->d.status, 7);
    rig_end(r);
}

Test(server, programs_get_and_give_megabytes)
{
    struct rig *r = rig_start(&rig_spawn_hooks, NULL);
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
    rig_end(r);
}

/* Each descriptor that starting a program takes is refused once: the request fails, nothing is
 * left. */
Test(server, S66_descriptors_run_out_at_every_step)
{
    struct rig *r = rig_start(&rig_spawn_hooks, NULL);
    struct rlimit was, low;
    unsigned refused = 0;
    cr_assert(driver_none(&r->d, "joe"));
    cr_assert_eq(driver_exec(&r->d, "true", NULL, 0), 0);
    rig_settle(r);
    unsigned before = rig_count_fds();
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
        rig_settle(r);
        cr_assert_eq(rig_count_fds(), before, "with %u descriptors", more);
    }
    cr_assert_geq(refused, 6u, "three pipes");
    cr_assert_eq(driver_exec(&r->d, "exit 4", NULL, 0), 4);
    rig_end(r);
}

/* fork(2) fails: root is not limited, so another user is made of a child. */
Test(server, S66_fork_fails)
{
    struct rlimit none = {0, 0};
    if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
        cr_skip_test("cannot become an ordinary user");
    }
    struct rig *r = rig_start(&rig_spawn_hooks, NULL);
    cr_assert(driver_none(&r->d, "joe"));
    unsigned before = rig_count_fds();
    cr_assert_eq(setrlimit(RLIMIT_NPROC, &none), 0);
    cr_assert_eq(driver_exec(&r->d, "exit 4", NULL, 0), -1);
    cr_assert_eq(rig_count_fds(), before);
    cr_assert_eq(r->d.err, NACRE_OK, "the connection lives");
    driver_free(&r->d);
    rig_turn(r);
    nacre_server_free(r->server);
}

static enum nacre_when rig_sftp(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                struct nacre_answer *ans)
{
    struct rig *r = ctx;
    if (nacre_bytes_is(ev->request.data, "sftp") &&
        nacre_peer_sftp(p, ev->chan, &r->fs) == NACRE_OK) {
        ans->verdict = NACRE_ACCEPT;
    }
    return NACRE_NOW;
}

Test(server, sftp_over_a_table)
{
    static const struct nacre_server_hooks hooks = {
        .none = rig_yes, .open_session = rig_yes, .subsystem = rig_sftp, .closed = rig_closed};
    static const uint8_t init[] = {0, 0, 0, 5, 1, 0, 0, 0, 3};
    static const uint8_t realpath[] = {0, 0, 0, 10, 16, 0, 0, 0, 7, 0, 0, 0, 1, '.'};
    struct rig *r = rig_start(&hooks, NULL);
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
    rig_settle(r);
    cr_assert_eq(r->closes, 1u);
    rig_end(r);
}

Test(server, attach_joins_a_socket)
{
    struct rig *r = rig_start(&rig_echo_hooks, NULL);
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
    rig_end(r);
}

/* ---- Listening --------------------------------------------------------------------------- */

Test(server, listens_where_the_system_says)
{
    struct rig *r = rig_start(&rig_echo_hooks, NULL);
    uint32_t port = 0;
    driver_free(&r->d);
    cr_assert_eq(nacre_server_listen(r->server, "127.0.0.1", &port), NACRE_OK);
    cr_assert_gt(port, 0u);
    driver_init(&r->d, driver_connect(port));
    r->d.idle = rig_turn;
    r->d.ctx = r;
    cr_assert(driver_password(&r->d, "joe", "secret"));
    cr_assert_str_eq(nacre_peer_addr(r->peer), "127.0.0.1");
    cr_assert_eq(driver_exec(&r->d, "x", "abc", 3), 42);
    rig_end(r);
}
