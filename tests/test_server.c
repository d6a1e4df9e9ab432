/* SPDX-License-Identifier: ISC
 *
 * The server library over socket pairs, a client in the same thread: data both ways, hooks and
 * their defaults, keys asked about and proved, certificates.
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

/* What the operations work in. */
static uint64_t work[NACRE_WORK];

/* ---- Echo -------------------------------------------------------------------------------- */

Test(server, echo_of_three_megabytes)
{
    struct shop *r = shop_start(&shop_echo_hooks, NULL);
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
    shop_settle(r);
    cr_assert_eq(r->eofs, 1u);
    cr_assert_eq(r->closes, 1u);
    free(p);
    shop_end(r);
    cr_assert_eq(r->gone, 1u);
}

Test(server, several_channels_at_once_and_again)
{
    struct shop *r = shop_start(&shop_echo_hooks, NULL);
    cr_assert(driver_password(&r->d, "joe", "secret"));
    for (int i = 0; i < 30; i++) {
        cr_assert_eq(driver_exec(&r->d, "x", "hello", 5), 42, "channel %d", i);
        cr_assert(driver_out_is(&r->d, "hello"));
    }
    shop_settle(r);
    cr_assert_eq(r->closes, 30u);
    shop_end(r);
}

static size_t shop_slow(void *ctx, struct nacre_peer *p, uint32_t chan, uint32_t ext,
                        struct nacre_bytes b)
{
    struct shop *r = ctx;
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
    struct nacre_server_hooks hooks = shop_echo_hooks;
    struct nacre_server_cfg cfg = {.conn.window = 100000};
    hooks.data = shop_slow;
    struct shop *r = shop_start(&hooks, &cfg);
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
    shop_end(r);
}

/* ---- Default deny ------------------------------------------------------------------------ */

Test(server, S46_zeroed_hooks_let_nobody_in)
{
    static const struct nacre_server_hooks none;
    struct nacre_server_cfg cfg = {.fail_delay_ms = 1};
    struct shop *r = shop_start(&none, &cfg);
    cr_assert_not(driver_none(&r->d, "joe"));
    cr_assert_eq(r->d.methods, 0u);
    shop_end(r);
}

/* Even with every method offered, a method without a hook fails. */
Test(server, S46_methods_without_hooks_refuse)
{
    static const struct nacre_server_hooks none;
    struct nacre_server_cfg cfg = {.fail_delay_ms = 1,
                                   .conn.auth_methods = NACRE_AUTH_NONE | NACRE_AUTH_PUBLICKEY |
                                                        NACRE_AUTH_PASSWORD |
                                                        NACRE_AUTH_INTERACTIVE};
    struct shop *r = shop_start(&none, &cfg);
    cr_assert_not(driver_none(&r->d, "root"));
    cr_assert_not(driver_password(&r->d, "root", ""));
    cr_assert_not(driver_key(&r->d, "root", &r->user, true));
    cr_assert_not(driver_key(&r->d, "root", &r->user, false));
    cr_assert_not(driver_interactive(&r->d, "root", ""));
    shop_end(r);
}

Test(server, S46_channels_without_hooks_are_refused)
{
    static const struct nacre_server_hooks hooks = {.none = shop_yes};
    struct shop *r = shop_start(&hooks, NULL);
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
    shop_end(r);
}

Test(server, S46_requests_without_hooks_are_refused)
{
    static const struct nacre_server_hooks hooks = {.none = shop_yes, .open_session = shop_yes};
    static const enum nacre_req kinds[] = {NACRE_REQ_PTY,  NACRE_REQ_ENV,       NACRE_REQ_SHELL,
                                           NACRE_REQ_EXEC, NACRE_REQ_SUBSYSTEM, NACRE_REQ_BREAK};
    struct shop *r = shop_start(&hooks, NULL);
    cr_assert(driver_none(&r->d, "joe"));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct nacre_request q = {
            .kind = kinds[i], .data = nacre_bytes_str("x"), .text = nacre_bytes_str("x")};
        cr_assert(driver_session(&r->d));
        cr_assert_not(driver_request(&r->d, &q), "request %d", (int)kinds[i]);
        cr_assert_eq(nacre_chan_close(&r->d.conn, r->d.chan), NACRE_OK);
        driver_until(&r->d, &r->d.closed);
    }
    shop_end(r);
}

/* ---- Asked and proved -------------------------------------------------------------------- */

static bool shop_is_key(const struct nacre_privkey *k, struct nacre_bytes blob)
{
    struct nacre_bytes b = nacre_privkey_public_blob(k);
    return b.n == blob.n && memcmp(b.p, blob.p, b.n) == 0;
}

static enum nacre_when shop_query(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                  struct nacre_answer *ans)
{
    struct shop *r = ctx;
    (void)p;
    (void)ev;
    r->asked++;
    ans->verdict = NACRE_ACCEPT; /* anybody may try */
    return NACRE_NOW;
}

static enum nacre_when shop_proved(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                   struct nacre_answer *ans)
{
    struct shop *r = ctx;
    (void)p;
    r->proved++;
    cr_assert_gt(ev->data.n, 0u, "the signature comes along");
    cr_assert_eq(nacre_sig_verify(&nacre_algs_default, ev->alg, ev->blob, ev->data, ev->data, work),
                 NACRE_ERR_SIG);
    ans->verdict = shop_is_key(&r->user, ev->blob) ? NACRE_ACCEPT : NACRE_REFUSE;
    return NACRE_NOW;
}

Test(server, S35_a_key_that_was_asked_about_is_not_proved)
{
    static const struct nacre_server_hooks hooks = {.key_query = shop_query,
                                                    .key_proved = shop_proved};
    struct nacre_server_cfg cfg = {.fail_delay_ms = 1};
    struct shop *r = shop_start(&hooks, &cfg);
    cr_assert_not(driver_key(&r->d, "joe", &r->other, true), "asked about, signed, but not ours");
    cr_assert_eq(r->asked, 1u);
    cr_assert_eq(r->proved, 1u);
    cr_assert(driver_key(&r->d, "joe", &r->user, false));
    cr_assert_eq(r->asked, 1u);
    cr_assert_eq(r->proved, 2u);
    shop_end(r);
}

/* The client asks about the good key and signs with another one. */
Test(server, S35_ask_A_prove_B)
{
    static const struct nacre_server_hooks hooks = {.key_query = shop_query,
                                                    .key_proved = shop_proved};
    struct nacre_server_cfg cfg = {.fail_delay_ms = 1};
    struct shop *r = shop_start(&hooks, &cfg);
    r->d.key = &r->other;
    cr_assert(driver_until(&r->d, &r->d.next));
    r->d.next = false;
    cr_assert_eq(nacre_auth_publickey(&r->d.conn, "joe", "ssh-ed25519",
                                      nacre_privkey_public_blob(&r->user), true),
                 NACRE_OK);
    cr_assert(driver_until(&r->d, &r->d.next));
    cr_assert_not(r->d.authed, "B's signature under A's name verifies nowhere");
    cr_assert_eq(r->proved, 0u);
    shop_end(r);
}

Test(server, S35_without_a_hook_for_the_proof_nobody_gets_in)
{
    static const struct nacre_server_hooks hooks = {.key_query = shop_query};
    struct nacre_server_cfg cfg = {.fail_delay_ms = 1, .conn.auth_methods = NACRE_AUTH_PUBLICKEY};
    struct shop *r = shop_start(&hooks, &cfg);
    cr_assert_not(driver_key(&r->d, "joe", &r->user, true));
    cr_assert_eq(r->asked, 1u);
    shop_end(r);
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
        .connected = shop_connected, .key_query = cert_hook, .key_proved = cert_hook};
    const char *alg = "ssh-ed25519-cert-v01@openssh.com";
    static uint8_t blob[CERT_MAX];
    struct cert_rig *c = &cert_state;
    struct nacre_server_cfg cfg = {.no_penalties = true, .fail_delay_ms = 1};
    struct shop *r = shop_start(&hooks, &cfg);
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
        cr_assert(shop_connect(r));
        const char *user = i == 2 || i == 4 ? "jim" : "joe";
        bool in = i == 3 ? driver_key(&r->d, user, &r->user, true) /* no certificate */
                         : driver_key_as(&r->d, user, alg, cert, &r->user, i != 5);
        cr_assert_eq(in, i == 1 || i == 4 || i == 5, "case %d: %s", i, c->what);
        cr_assert_eq(c->forced, in);
        cr_assert(!in || c->rights.permits == NACRE_PERMIT_PTY);
    }
    shop_end(r);
}

/* An application that knows keys by their blobs. */
static enum nacre_when cert_plain_hook(void *ctx, struct nacre_peer *p,
                                       const struct nacre_event *ev, struct nacre_answer *ans)
{
    const struct shop *r = ctx;
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
        .connected = shop_connected, .key_query = cert_plain_hook, .key_proved = cert_plain_hook};
    static const struct nacre_server_hooks judged = {
        .connected = shop_connected, .key_query = cert_hook, .key_proved = cert_hook};
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
        struct shop *r = shop_start(i % 2 == 0 ? &plain : &judged, &cfg);
        struct nacre_bytes cert =
            cert_make(blob, &cases[i / 2].spec, nacre_privkey_public_blob(&r->user),
                      cases[i / 2].by_user ? &r->user : &r->other);
        memset(c, 0, sizeof *c);
        c->authority = nacre_privkey_public_blob(&r->other);
        c->policy.authorities = &c->authority;
        c->policy.n_authorities = 1;
        cr_assert_eq(driver_key_as(&r->d, "joe", alg, cert, &r->user, false),
                     i % 2 != 0 && cases[i / 2].in, "case %zu: %s", i, c->what);
        shop_end(r);
    }
}

/* Address: a socket pair has none, so that a certificate bound to one is of no use. */
Test(server, S35_source_address_of_a_certificate)
{
    static const struct nacre_server_hooks hooks = {
        .connected = shop_connected, .key_query = cert_hook, .key_proved = cert_hook};
    static uint8_t blob[CERT_MAX];
    struct cert_rig *c = &cert_state;
    struct shop *r = shop_start(&hooks, NULL);
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
    shop_end(r);
}

/* A host certificate among the blobs: the key that the library holds signs for it. */
Test(server, host_certificate)
{
    static const struct nacre_server_hooks hooks = {.connected = shop_connected, .none = shop_yes};
    static uint8_t blob[CERT_MAX];
    static struct nacre_privkey host;
    struct nacre_privkey *ca = cert_key("ssh-mldsa44-ed25519", NULL);
    const struct cert_spec spec = {
        .kind = NACRE_CERT_HOST, .before = NACRE_CERT_FOREVER, .principals = {"h"}};
    struct shop *r = shop_start(&hooks, NULL);
    shop_end(r);
    host = r->host;
    struct nacre_bytes shown[2] = {nacre_privkey_public_blob(&host)};
    shown[1] = cert_make(blob, &spec, shown[0], ca);
    struct nacre_server_cfg cfg = {.hooks = &hooks, .ctx = r, .keys = &host, .n_keys = 1};
    cfg.conn.host_keys = shown;
    cfg.conn.n_host_keys = 2;
    cr_assert_eq(nacre_server_new(&r->server, &cfg), NACRE_OK);
    cr_assert(shop_connect(r));
    cr_assert(driver_none(&r->d, "joe"));
    cr_assert(r->d.host_len == shown[1].n && memcmp(r->d.host_blob, blob, shown[1].n) == 0);
    cr_assert_str_eq(nacre_conn_negotiated(&r->d.conn)->host_key,
                     "ssh-ed25519-cert-v01@openssh.com");
    shop_end(r);
    free(ca);
}
