/* SPDX-License-Identifier: ISC
 *
 * The daemon run for real, with certificates: users' and hosts', what they and their lines permit
 * (S58, S59), revocation (S48), unknown users (S38), security keys (S43).
 */
#include "proto/keys/nacre_krl.h"
#include "proto/wire.h"
#include "tests/certs.h"
#include "tests/sshd_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static uint64_t cert_work[NACRE_WORK];

/* ---- A daemon with an authority ---------------------------------------------------------- */

struct chancery {
    struct daemon *t;
    struct nacre_privkey *ca;
    char cas[128], revoked[128], line[4096];
    uint8_t blob[CERT_MAX];
    struct nacre_bytes cert;
};

static struct chancery chancery_state;

static const char *key_line(struct chancery *c, struct nacre_bytes blob)
{
    cr_assert_eq(nacre_pubkey_format(c->line, sizeof c->line, blob, (struct nacre_bytes){NULL, 0}),
                 NACRE_OK);
    return c->line;
}

/* An option whose value is a path. */
static void chancery_option(struct chancery *c, const char *keyword, const char *path)
{
    daemon_arg(c->t, "-o");
    daemon_arg(c->t, "%s=%s", keyword, path);
}

static void chancery_file(const char *path, const char *text)
{
    daemon_write(path, text, 0600);
}

/* The daemon's authorized_keys has nothing; the authority is trusted by the configuration. */
static struct chancery *chancery_prepare(const char *ca_type)
{
    struct chancery *c = &chancery_state;
    memset(c, 0, sizeof *c);
    c->t = daemon_prepare();
    snprintf(c->cas, sizeof c->cas, "%s/cas", c->t->dir);
    snprintf(c->revoked, sizeof c->revoked, "%s/revoked", c->t->dir);
    c->ca = cert_key(ca_type, NULL);
    chancery_file(c->cas, key_line(c, nacre_privkey_public_blob(c->ca)));
    daemon_write(c->t->keys, "", 0600);
    chancery_option(c, "TrustedUserCAKeys", c->cas);
    return c;
}

static struct chancery *chancery_open(void)
{
    struct chancery *c = chancery_prepare("ssh-ed25519");
    daemon_run(c->t);
    daemon_connect(c->t);
    return c;
}

static void chancery_close(struct chancery *c)
{
    daemon_stop(c->t);
    free(c->ca);
}

/* A certificate for the daemon's user, unless the spec names others. */
static void certify(struct chancery *c, const struct cert_spec *spec, const struct nacre_privkey *k)
{
    struct cert_spec s = *spec;
    s.before = s.before != 0 ? s.before : NACRE_CERT_FOREVER;
    if (s.principals[0] == NULL) {
        s.principals[0] = c->t->me.name;
    }
    c->cert = cert_make(c->blob, &s, nacre_privkey_public_blob(k), c->ca);
}

/* A login on a connection of its own. */
static bool enter(struct chancery *c, const char *alg, const struct nacre_privkey *k)
{
    daemon_connect(c->t);
    return driver_key_as(&c->t->d, c->t->me.name, alg, c->cert, k, true);
}

static bool enter_with(struct chancery *c, const struct cert_spec *spec)
{
    certify(c, spec, &c->t->user);
    return enter(c, "ssh-ed25519-cert-v01@openssh.com", &c->t->user);
}

/* ---- Types of keys and authorities ------------------------------------------------------- */

static const struct {
    const char *type, *alg, *label;
} chancery_types[] = {
    {"ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", "ED25519-CERT"},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256-cert-v01@openssh.com", "ECDSA-CERT"},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384-cert-v01@openssh.com", "ECDSA-CERT"},
    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521-cert-v01@openssh.com", "ECDSA-CERT"},
    {"ssh-rsa", "rsa-sha2-512-cert-v01@openssh.com", "RSA-CERT"},
    {"ssh-rsa", "rsa-sha2-256-cert-v01@openssh.com", "RSA-CERT"},
    {"ssh-mldsa44-ed25519", "ssh-mldsa44-ed25519-cert", "MLDSA44-ED25519-CERT"},
};
#define CHANCERY_TYPES (sizeof chancery_types / sizeof *chancery_types)

Test(sshd_cert, every_type_of_key)
{
    struct chancery *c = chancery_open();
    for (size_t i = 0; i < CHANCERY_TYPES; i++) {
        struct nacre_privkey *k = cert_key(chancery_types[i].type, NULL);
        char fp[NACRE_FINGERPRINT_LEN], ca_fp[NACRE_FINGERPRINT_LEN], want[1024];
        struct cert_spec spec = {.serial = 40 + i, .id = "badge"};
        certify(c, &spec, k);
        cr_assert(enter(c, chancery_types[i].alg, k), "%s: %s", chancery_types[i].alg,
                  daemon_log(c->t));
        nacre_fingerprint(fp, NACRE_FP_SHA256, nacre_privkey_public_blob(k));
        nacre_fingerprint(ca_fp, NACRE_FP_SHA256, nacre_privkey_public_blob(c->ca));
        snprintf(want, sizeof want, " ssh2: %s %s ID badge (serial %u) CA ED25519 %s\n",
                 chancery_types[i].label, fp, (unsigned)(40 + i), ca_fp);
        cr_assert_not_null(daemon_says(c->t, want), "%s in %s", want, daemon_log(c->t));
        free(k);
    }
    chancery_close(c);
}

Test(sshd_cert, every_type_of_authority)
{
    for (size_t i = 0; i < CHANCERY_TYPES; i++) {
        struct chancery *c = chancery_prepare(chancery_types[i].type);
        struct cert_spec spec = {.ca_alg = i == 5 ? "rsa-sha2-256" : NULL};
        daemon_run(c->t);
        cr_assert(enter_with(c, &spec), "%s: %s", chancery_types[i].type, daemon_log(c->t));
        cr_assert_eq(driver_exec(&c->t->d, "exit 4", NULL, 0), 4);
        chancery_close(c);
    }
}

/* ---- Who does not get in ----------------------------------------------------------------- */

Test(sshd_cert, s45_refused)
{
    static const struct {
        struct cert_spec spec;
        const char *why;
    } cases[] = {
        {{.kind = NACRE_CERT_HOST}, "not a user certificate"},
        {{.before = 1}, "expired"},
        {{.after = UINT64_MAX - 1, .before = UINT64_MAX}, "not yet valid"},
        {{.principals = {"somebody"}}, "is for another user"},
        {{.critical = {"no-such@example.com", ""}}, "critical option is not supported"},
        {{.critical = {"source-address", "192.0.2.0/24"}}, "may not be used from this address"},
    };
    struct chancery *c = chancery_open();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_not(enter_with(c, &cases[i].spec), "case %zu", i);
        cr_assert_not_null(daemon_says(c->t, cases[i].why), "%s", daemon_log(c->t));
    }
    cr_assert(enter_with(c, &(struct cert_spec){.critical = {"source-address", "127.0.0.0/8"}}));
    chancery_close(c);
}

/* Certificates that no issuer makes. */
Test(sshd_cert, s45_rogue_authorities)
{
    struct chancery *c = chancery_prepare("ssh-ed25519");
    static uint8_t chain[CERT_MAX];
    struct nacre_privkey *middle = cert_key("ssh-ed25519", NULL);
    struct nacre_privkey *rsa = cert_key("ssh-rsa", NULL);
    const char *alg = "ssh-ed25519-cert-v01@openssh.com";
    char both[8192];
    struct cert_spec spec = {.before = NACRE_CERT_FOREVER, .principals = {c->t->me.name}};
    snprintf(both, sizeof both, "%s\n", key_line(c, nacre_privkey_public_blob(c->ca)));
    strcat(both, key_line(c, nacre_privkey_public_blob(rsa)));
    chancery_file(c->cas, both);
    daemon_run(c->t);
    /* The authority has certified another key, which certifies the user's. */
    spec.ca_blob = cert_make(chain, &spec, nacre_privkey_public_blob(middle), c->ca);
    c->cert = cert_make(c->blob, &spec, nacre_privkey_public_blob(&c->t->user), middle);
    cr_assert_not(enter(c, alg, &c->t->user));
    /* Signed by somebody else in the authority's name. */
    spec.ca_blob = nacre_privkey_public_blob(c->ca);
    c->cert = cert_make(c->blob, &spec, nacre_privkey_public_blob(&c->t->user), middle);
    cr_assert_not(enter(c, alg, &c->t->user));
    /* Another user's certificate. */
    spec.ca_blob.n = 0;
    c->cert = cert_make(c->blob, &spec, nacre_privkey_public_blob(middle), c->ca);
    cr_assert_not(enter(c, alg, &c->t->user));
#if !defined(NACRE_NO_LEGACY)
    /* SHA-1. */
    spec.ca_alg = "ssh-rsa";
    c->cert = cert_make(c->blob, &spec, nacre_privkey_public_blob(&c->t->user), rsa);
    cr_assert_not(enter(c, alg, &c->t->user));
#endif
    spec.ca_alg = NULL;
    c->cert = cert_make(c->blob, &spec, nacre_privkey_public_blob(&c->t->user), rsa);
    cr_assert(enter(c, alg, &c->t->user), "%s", daemon_log(c->t));
    free(middle);
    free(rsa);
    chancery_close(c);
}

/* The name of the algorithm and the certificate's type have to fit. */
Test(sshd_cert, s42_algorithm_and_type)
{
    static const char *const wrong[] = {"ssh-ed25519", "ecdsa-sha2-nistp256-cert-v01@openssh.com",
                                        "rsa-sha2-512-cert-v01@openssh.com"};
    struct chancery *c = chancery_open();
    certify(c, &(struct cert_spec){.id = "x"}, &c->t->user);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_assert_not(enter(c, wrong[i], &c->t->user));
    }
    cr_assert(enter(c, "ssh-ed25519-cert-v01@openssh.com", &c->t->user));
    chancery_close(c);
}

Test(sshd_cert, accepted_algorithms)
{
    struct chancery *c = chancery_prepare("ssh-ed25519");
    daemon_option(c->t, "PubkeyAcceptedAlgorithms=-*-cert-v01@openssh.com");
    daemon_run(c->t);
    cr_assert_not(enter_with(c, &(struct cert_spec){.id = "x"}));
    chancery_close(c);
}

Test(sshd_cert, s48_revoked)
{
    struct chancery *c = chancery_prepare("ssh-ed25519");
    const struct cert_spec spec = {.serial = 9, .id = "lost"};
    uint8_t krl[1024];
    size_t n;
    static const struct nacre_krl head = {.version = 1};
    struct nacre_krl_entry e = {.kind = NACRE_KRL_SERIALS, .lo = 9, .hi = 9};
    chancery_option(c, "RevokedKeys", c->revoked);
    daemon_run(c->t);
    cr_assert_not(enter_with(c, &spec), "the list is not there");
    daemon_write(c->revoked, "", 0600);
    cr_assert(enter_with(c, &spec), "%s", daemon_log(c->t));
    chancery_file(c->revoked, key_line(c, nacre_privkey_public_blob(c->ca)));
    cr_assert_not(enter_with(c, &spec));
    e.ca = nacre_privkey_public_blob(c->ca);
    cr_assert_eq(nacre_krl_write(krl, sizeof krl, &n, &e, 1, &head), NACRE_OK);
    FILE *f = fopen(c->revoked, "w");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(krl, 1, n, f), n);
    fclose(f);
    cr_assert_not(enter_with(c, &spec));
    cr_assert(enter_with(c, &(struct cert_spec){.serial = 10}), "another one");
    cr_assert_not_null(daemon_says(c->t, "revoked by file"));
    chancery_close(c);
}

static uint64_t chancery_time(struct chancery *c, const char *user)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 5; i++) {
        daemon_connect(c->t);
        cr_assert_not(driver_none(&c->t->d, user));
        uint64_t from = daemon_ms();
        cr_assert_not(driver_key_as(&c->t->d, user, "ssh-ed25519-cert-v01@openssh.com", c->cert,
                                    &c->t->user, true));
        cr_assert_eq(c->t->d.pk_asked, 0u, "the question is answered with no");
        best = daemon_ms() - from < best ? daemon_ms() - from : best;
    }
    return best;
}

/* A certificate for a user that does not exist: the same answers, in the same time. */
Test(sshd_cert, S38_unknown_users)
{
    struct chancery *c = chancery_open();
    certify(c, &(struct cert_spec){.principals = {"ghost"}}, &c->t->user);
    uint64_t known = chancery_time(c, c->t->me.name);
    unsigned methods = c->t->d.methods;
    uint64_t unknown = chancery_time(c, "ghost");
    cr_assert_eq(c->t->d.methods, methods);
    cr_assert(known + 1 >= 10 && unknown + 1 >= 10, "both wait");
    cr_assert_leq(known > unknown ? known - unknown : unknown - known, 10u);
    chancery_close(c);
}

/* ---- Rights ------------------------------------------------------------------------------ */

/* A certificate permits what its extensions say and nothing else (S58). */
Test(sshd_cert, s58_permits_by_extension)
{
    struct chancery *c = chancery_open();
    uint32_t port;
    int l = daemon_listener(&port);
    cr_assert(enter_with(c, &(struct cert_spec){.id = "bare"}));
    cr_assert_not(daemon_may_pty(c->t));
    cr_assert_not(daemon_may_open(c->t, port));
    cr_assert_not(daemon_may_listen(c->t, 0));
    cr_assert_not(daemon_may_lend_agent(c->t));
    cr_assert_eq(driver_exec(&c->t->d, "exit 3", NULL, 0), 3, "a command is no extension's matter");
    cr_assert(enter_with(c, &(struct cert_spec){.extensions = {"permit-port-forwarding", ""}}));
    cr_assert_not(daemon_may_pty(c->t));
    cr_assert(daemon_may_open(c->t, port));
    cr_assert(daemon_may_listen(c->t, 0));
    cr_assert_not(daemon_may_lend_agent(c->t));
    cr_assert(enter_with(c, &(struct cert_spec){.extensions = {"permit-agent-forwarding", ""}}));
    cr_assert(daemon_may_lend_agent(c->t));
    cr_assert_not(daemon_may_open(c->t, port));
    cr_assert(enter_with(c, &(struct cert_spec){.extensions = {"permit-pty", ""}}));
    cr_assert_not(daemon_may_lend_agent(c->t));
    cr_assert_not(daemon_may_open(c->t, port));
    (void)daemon_may_pty(
        c->t); /* there may be no terminals here; what was refused above is what counts */
    close(l);
    chancery_close(c);
}

Test(sshd_cert, S59_force_command)
{
    struct chancery *c = chancery_open();
    cr_assert(enter_with(
        c,
        &(struct cert_spec){.critical = {"force-command", "echo forced $SSH_ORIGINAL_COMMAND"}}));
    (void)driver_exec(&c->t->d, "id", NULL, 0);
    cr_assert(driver_out_is(&c->t->d, "forced id\n"));
    chancery_close(c);
}

/* A line that lets the authority in, and the certificate's command: they agree, or nobody logs in.
 */
Test(sshd_cert, S58_two_commands)
{
    struct chancery *c = chancery_open();
    char text[4096];
    daemon_write(c->cas, "", 0600);
    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof text, "cert-authority,command=\"echo %s\" %s\n", i == 0 ? "a" : "b",
                 key_line(c, nacre_privkey_public_blob(c->ca)));
        daemon_write(c->t->keys, text, 0600);
        cr_assert_eq(enter_with(c, &(struct cert_spec){.critical = {"force-command", "echo a"}}),
                     i == 0);
    }
    cr_assert(enter_with(c, &(struct cert_spec){.id = "no command"}));
    (void)driver_exec(&c->t->d, "id", NULL, 0);
    cr_assert(driver_out_is(&c->t->d, "b\n"));
    chancery_close(c);
}

Test(sshd_cert, forced_commands_only)
{
    struct chancery *c = chancery_prepare("ssh-ed25519");
    if (getuid() != 0) {
        daemon_stop(c->t);
        cr_skip_test("not root");
    }
    for (size_t i = 0; i < c->t->n; i++) {
        if (strcmp(c->t->argv[i], "PermitRootLogin=yes") == 0) {
            strcpy(c->t->argv[i] + strlen("PermitRootLogin="), "no");
        }
    }
    daemon_run(c->t);
    cr_assert_not(enter_with(c, &(struct cert_spec){.critical = {"force-command", "true"}}));
    chancery_close(c);
}

/* One key with two certificates is one key (S37). */
Test(sshd_cert, two_certificates_are_not_two_keys)
{
    struct chancery *c = chancery_prepare("ssh-ed25519");
    daemon_option(c->t, "AuthenticationMethods=publickey,publickey");
    daemon_run(c->t);
    cr_assert_not(enter_with(c, &(struct cert_spec){.serial = 1}));
    cr_assert(c->t->d.partial);
    certify(c, &(struct cert_spec){.serial = 2}, &c->t->user);
    cr_assert_not(driver_key_as(&c->t->d, c->t->me.name, "ssh-ed25519-cert-v01@openssh.com",
                                c->cert, &c->t->user, true));
    certify(c, &(struct cert_spec){.serial = 3}, &c->t->other);
    cr_assert(driver_key_as(&c->t->d, c->t->me.name, "ssh-ed25519-cert-v01@openssh.com", c->cert,
                            &c->t->other, true),
              "%s", daemon_log(c->t));
    chancery_close(c);
}

/* ---- Host certificates ------------------------------------------------------------------- */

static void host_cert(struct chancery *c, const char *path, const struct cert_spec *spec,
                      const struct nacre_privkey *k)
{
    struct cert_spec s = *spec;
    s.before = NACRE_CERT_FOREVER;
    s.principals[0] = "localhost";
    c->cert = cert_make(c->blob, &s, nacre_privkey_public_blob(k), c->ca);
    chancery_file(path, key_line(c, c->cert));
}

Test(sshd_cert, host_certificate)
{
    struct chancery *c = chancery_prepare("ssh-ed25519");
    char path[128];
    snprintf(path, sizeof path, "%s/host-cert", c->t->dir);
    chancery_option(c, "HostCertificate", path);
    host_cert(c, path, &(struct cert_spec){.kind = NACRE_CERT_HOST}, &c->t->host_key);
    daemon_run(c->t);
    daemon_connect(c->t);
    cr_assert_not(driver_none(&c->t->d, c->t->me.name));
    cr_assert_str_eq(nacre_conn_negotiated(&c->t->d.conn)->host_key,
                     "ssh-ed25519-cert-v01@openssh.com");
    cr_assert(c->t->d.host_len == c->cert.n &&
              memcmp(c->t->d.host_blob, c->cert.p, c->cert.n) == 0);
    c->t->d.cfg.host_key_algs = "ssh-ed25519";
    daemon_connect(c->t);
    cr_assert_not(driver_none(&c->t->d, c->t->me.name));
    cr_assert_str_eq(nacre_conn_negotiated(&c->t->d.conn)->host_key, "ssh-ed25519");
    c->t->d.cfg.host_key_algs = NULL;
    cr_assert(enter_with(c, &(struct cert_spec){.id = "user"}));
    cr_assert_eq(nacre_conn_rekey(&c->t->d.conn), NACRE_OK);
    cr_assert_eq(driver_exec(&c->t->d, "exit 6", NULL, 0), 6, "signed for in the session too");
    chancery_close(c);
}

/* A certificate that is none, of another key, or for users: told, and the plain key serves. */
Test(sshd_cert, host_certificates_that_are_none)
{
    for (int i = 0; i < 4; i++) {
        static const char *const why[] = {"not a host certificate", "no matching private key",
                                          "no certificate", "No such file"};
        struct chancery *c = chancery_prepare("ssh-ed25519");
        char path[128];
        snprintf(path, sizeof path, "%s/host-cert", c->t->dir);
        chancery_option(c, "HostCertificate", path);
        if (i < 2) {
            host_cert(c, path,
                      &(struct cert_spec){.kind = i == 0 ? (uint32_t)NACRE_CERT_USER
                                                         : (uint32_t)NACRE_CERT_HOST},
                      i == 0 ? &c->t->host_key : &c->t->other);
        } else if (i == 2) {
            chancery_file(path, key_line(c, nacre_privkey_public_blob(&c->t->host_key)));
        }
        daemon_run(c->t);
        cr_assert_not_null(daemon_says(c->t, why[i]), "%s", daemon_log(c->t));
        cr_assert(enter_with(c, &(struct cert_spec){.id = "user"}));
        cr_assert_str_eq(nacre_conn_negotiated(&c->t->d.conn)->host_key, "ssh-ed25519");
        chancery_close(c);
    }
}

/* ---- Security keys ----------------------------------------------------------------------- */

/* A security key in software: signs with the flags that it is told to. */
struct token {
    struct nacre_privkey *key;
    uint8_t flags;
    uint8_t blob[128];
    struct nacre_bytes b;
};

static void token_make(struct token *k)
{
    struct ncr_wr w = ncr_wr(k->blob, sizeof k->blob);
    k->key = cert_key("ssh-ed25519", NULL);
    struct nacre_bytes plain = nacre_privkey_public_blob(k->key);
    ncr_wr_cstring(&w, "sk-ssh-ed25519@openssh.com");
    ncr_wr_string(&w, (struct nacre_bytes){plain.p + plain.n - 32, 32});
    ncr_wr_cstring(&w, "ssh:");
    k->b = ncr_wr_done(&w);
}

static void token_hash(struct ncr_wr *w, const void *p, size_t n)
{
    uint8_t d[NACRE_SHA256_LEN];
    struct nacre_sha256 h;
    nacre_sha256_init(&h);
    nacre_sha256_update(&h, p, n);
    nacre_sha256_final(d, &h);
    ncr_wr_bytes(w, d, sizeof d);
}

static size_t token_sign(void *ctx, const struct nacre_event *ev, uint8_t *out)
{
    const struct token *k = ctx;
    uint8_t m[128], sig[256];
    struct ncr_wr w = ncr_wr(m, sizeof m);
    size_t n;
    token_hash(&w, "ssh:", 4);
    ncr_wr_u8(&w, k->flags);
    ncr_wr_u32(&w, 1);
    token_hash(&w, ev->data.p, ev->data.n);
    cr_assert_eq(nacre_privkey_sign(k->key, nacre_bytes_str("ssh-ed25519"), ncr_wr_done(&w), sig,
                                    sizeof sig, &n, &nacre_rng_os, cert_work),
                 NACRE_OK);
    w = ncr_wr(out, NACRE_SIG_BLOB_MAX);
    ncr_wr_cstring(&w, "sk-ssh-ed25519@openssh.com");
    ncr_wr_string(&w, (struct nacre_bytes){sig + n - 64, 64});
    ncr_wr_u8(&w, k->flags);
    ncr_wr_u32(&w, 1);
    return ncr_wr_done(&w).n;
}

static bool token_enter(struct daemon *t, struct token *k, const char *alg, struct nacre_bytes blob)
{
    daemon_connect(t);
    t->d.sign = token_sign;
    t->d.sign_ctx = k;
    return driver_key_as(&t->d, t->me.name, alg, blob, NULL, true);
}

/* Touch by default, none with no-touch-required, a PIN with verify-required; the configuration may
 * want more (S43). */
Test(sshd_cert, s43_security_keys)
{
    static const struct {
        const char *options, *config;
        unsigned good; /* set of flags & 5 as bits 0 (none), 1 (touch), 4, 5 */
    } cases[] = {
        {"", "none", 1u << 1 | 1u << 5},
        {"no-touch-required ", "none", 1u << 0 | 1u << 1 | 1u << 4 | 1u << 5},
        {"verify-required ", "none", 1u << 5},
        {"no-touch-required,verify-required ", "none", 1u << 4 | 1u << 5},
        {"touch-required ", "none", 1u << 1 | 1u << 5},
        {"no-touch-required ", "touch-required", 1u << 1 | 1u << 5},
        {"", "verify-required", 1u << 5},
    };
    struct token k;
    token_make(&k);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct daemon *t = daemon_prepare();
        char line[256], text[512], option[64];
        snprintf(option, sizeof option, "PubkeyAuthOptions=%s", cases[i].config);
        daemon_option(t, option);
        cr_assert_eq(nacre_pubkey_format(line, sizeof line, k.b, (struct nacre_bytes){NULL, 0}),
                     NACRE_OK);
        snprintf(text, sizeof text, "%s%s\n", cases[i].options, line);
        daemon_write(t->keys, text, 0600);
        daemon_run(t);
        for (k.flags = 0; k.flags < 8; k.flags++) {
            bool good = (cases[i].good >> (k.flags & 5) & 1) != 0;
            cr_assert_eq(token_enter(t, &k, "sk-ssh-ed25519@openssh.com", k.b), good,
                         "case %zu, flags %u: %s", i, k.flags, daemon_log(t));
        }
        daemon_stop(t);
    }
    free(k.key);
}

/* The same of a security key's certificate. */
Test(sshd_cert, s43_certificates_of_security_keys)
{
    struct chancery *c = chancery_open();
    const char *alg = "sk-ssh-ed25519-cert-v01@openssh.com";
    struct cert_spec spec = {.before = NACRE_CERT_FOREVER, .principals = {c->t->me.name}};
    struct token k;
    token_make(&k);
    c->cert = cert_make(c->blob, &spec, k.b, c->ca);
    k.flags = 0;
    cr_assert_not(token_enter(c->t, &k, alg, c->cert));
    k.flags = NACRE_SK_PRESENT;
    cr_assert(token_enter(c->t, &k, alg, c->cert), "%s", daemon_log(c->t));
    cr_assert_not_null(daemon_says(c->t, ": ED25519-SK-CERT SHA256:"));
    spec.extensions[0] = "no-touch-required";
    spec.extensions[1] = "";
    c->cert = cert_make(c->blob, &spec, k.b, c->ca);
    k.flags = 0;
    cr_assert(token_enter(c->t, &k, alg, c->cert), "%s", daemon_log(c->t));
    spec.critical[0] = "verify-required";
    spec.critical[1] = "";
    c->cert = cert_make(c->blob, &spec, k.b, c->ca);
    cr_assert_not(token_enter(c->t, &k, alg, c->cert));
    k.flags = NACRE_SK_VERIFIED;
    cr_assert(token_enter(c->t, &k, alg, c->cert));
    free(k.key);
    chancery_close(c);
}

/* ---- Signatures that name the host ------------------------------------------------------- */

static bool enter_bound(struct daemon *t, struct nacre_bytes host, bool probe)
{
    struct driver *d = &t->d;
    struct nacre_bytes blob = nacre_privkey_public_blob(&t->user);
    d->key = &t->user;
    d->next = false;
    cr_assert(nacre_conn_negotiated(&d->conn)->peer_hostbound);
    nacre_err err =
        nacre_auth_publickey_bound(&d->conn, t->me.name, "ssh-ed25519", blob, host, probe);
    if (err != NACRE_OK) {
        cr_assert_eq(err, NACRE_ERR_USAGE);
        return false;
    }
    (void)driver_until(d, &d->next);
    return d->authed;
}

/* The monitor puts together what was signed, with the host key that it has signed with itself;
 * after a key re-exchange it is still the first one's (S44). */
Test(sshd_cert, s44_host_bound)
{
    for (int i = 0; i < 4; i++) {
        struct daemon *t = daemon_start();
        struct nacre_bytes host = nacre_privkey_public_blob(&t->host_key);
        cr_assert_not(driver_none(&t->d, t->me.name));
        if (i == 2) {
            cr_assert_eq(nacre_conn_rekey(&t->d.conn), NACRE_OK);
            for (int turn = 0; turn < 20; turn++) {
                driver_step(&t->d, 10);
            }
        }
        if (i == 3) {
            cr_assert_not(enter_bound(t, nacre_privkey_public_blob(&t->other), true),
                          "not the host that we speak with");
        }
        cr_assert(enter_bound(t, host, i != 1), "case %d: %s", i, daemon_log(t));
        cr_assert_eq(driver_exec(&t->d, "exit 5", NULL, 0), 5);
        daemon_stop(t);
    }
}

/* With a host certificate it is the certificate that is named. */
Test(sshd_cert, s44_host_bound_to_a_certificate)
{
    struct chancery *c = chancery_prepare("ssh-ed25519");
    char path[128];
    snprintf(path, sizeof path, "%s/host-cert", c->t->dir);
    chancery_option(c, "HostCertificate", path);
    host_cert(c, path, &(struct cert_spec){.kind = NACRE_CERT_HOST}, &c->t->host_key);
    daemon_authorize(c->t, "");
    daemon_run(c->t);
    daemon_connect(c->t);
    cr_assert_not(driver_none(&c->t->d, c->t->me.name));
    cr_assert_not(enter_bound(c->t, nacre_privkey_public_blob(&c->t->host_key), true));
    cr_assert(enter_bound(c->t, (struct nacre_bytes){c->t->d.host_blob, c->t->d.host_len}, true),
              "%s", daemon_log(c->t));
    chancery_close(c);
}
