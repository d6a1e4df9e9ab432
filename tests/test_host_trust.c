/* SPDX-License-Identifier: ISC
 *
 * Trust in hosts: certificates and revoked keys (s45, s47, s48 of hosts), and learning a host's
 * further keys (s49), against a server that announces and proves as the test says.
 */
#include "client/client.h"
#include "client/known_hosts_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/rig.h"

#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)
#define MEMORY_COUNTED 0
#else
#define MEMORY_COUNTED 1
#endif

/* ---- An allocator that can be told to fail ----------------------------------------------- */

#if MEMORY_COUNTED
static bool memory_armed;
static unsigned long memory_calls, memory_fail_at;

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t k, size_t n);
void *__libc_realloc(void *p, size_t n);

static bool memory_fails(void)
{
    if (!memory_armed || ++memory_calls != memory_fail_at)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t n)
{
    return memory_fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t k, size_t n)
{
    return memory_fails() ? NULL : __libc_calloc(k, n);
}

void *realloc(void *p, size_t n)
{
    return memory_fails() ? NULL : __libc_realloc(p, n);
}
#endif

#define CERT_CAP 2048
#define KEYS 4

static struct nacre_privkey keys[KEYS]; /* our own: 0 a user's, 1 to 3 hosts' and authorities' */
static uint64_t work[NACRE_WORK];

/* What a server of the tests does with hostkeys-00 and hostkeys-prove-00. */
struct announcer {
    struct nacre_bytes offered[KEYS + 2];
    size_t n;
    struct nacre_bytes raw; /* sent instead of those */
    unsigned times;         /* announcements; 0: one */
    bool refuse, short_reply;
    struct nacre_bytes id; /* proofs of that session instead */
    int liar;              /* that key proves for all; 0: each for itself */
    unsigned asked;
};

struct desk {
    struct ncr_loop loop;
    struct rig rig;
    struct nacre_client_cfg cfg;
    struct nacre_client *c;
    char hosts[64], revoked[64], global[64];
    const char *hosts_list[3], *revoked_list[1];
    struct pair_buf log;
    struct announcer announce;
    unsigned asked;
    bool yes;
};

static struct nacre_bytes blob(int key)
{
    return nacre_privkey_public_blob(&keys[key]);
}

static void desk_log(void *ctx, enum nacre_log_level level, const char *text)
{
    struct desk *d = ctx;

    pair_buf_print(&d->log, "%d %s\n", (int)level, text);
}

static bool desk_logged(const struct desk *d, const char *text)
{
    return d->log.n > 0 && memmem(d->log.p, d->log.n, text, strlen(text)) != NULL;
}

static void temp_name(char name[64], const char *text)
{
    FILE *f;
    int fd;

    strcpy(name, "/tmp/nacre-trust-XXXXXX");
    fd = mkstemp(name);
    cr_assert_geq(fd, 0);
    f = fdopen(fd, "w");
    cr_assert_geq(fputs(text, f), 0);
    cr_assert_eq(fclose(f), 0);
}

static void save(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");

    cr_assert_not_null(f);
    cr_assert_geq(fputs(text, f), 0);
    cr_assert_eq(fclose(f), 0);
}

static const char *load(const char *name)
{
    static char text[65536];
    FILE *f = fopen(name, "r");
    size_t n;

    cr_assert_not_null(f);
    n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

static bool hook(void *ctx, struct rig *r, const struct nacre_event *ev);

static struct desk *desk_new(void)
{
    struct desk *d = calloc(1, sizeof *d);

    (void)signal(SIGPIPE, SIG_IGN);
    for (uint8_t i = 0; i < KEYS; i++) {
        uint8_t seed[NACRE_ED25519_SEED_LEN] = {7, i};

        nacre_privkey_from_seed(&keys[i], seed);
    }
    temp_name(d->hosts, "");
    temp_name(d->revoked, "");
    temp_name(d->global, "");
    d->hosts_list[0] = d->hosts;
    d->revoked_list[0] = d->revoked;
    rig_init(&d->rig);
    d->rig.hook = hook;
    d->rig.ctx = d;
    d->cfg.host = "server";
    d->cfg.user = "joe";
    d->cfg.keys = &keys[0];
    d->cfg.n_keys = 1;
    d->cfg.buf = 128 * 1024;
    d->cfg.known_hosts = d->hosts_list;
    d->cfg.n_known_hosts = 1;
    d->cfg.update_hosts = NACRE_UPDATE_YES;
    d->cfg.ctx = d;
    d->cfg.log = desk_log;
    return d;
}

static void desk_free(struct desk *d)
{
    nacre_client_close(d->c);
    rig_free(&d->rig);
    if (d->loop.ops != NULL)
        ncr_loop_free(&d->loop);
    pair_buf_free(&d->log);
    unlink(d->hosts);
    unlink(d->revoked);
    unlink(d->global);
    free(d);
}

/* ---- Certificates ------------------------------------------------------------------------ */

/* Principals "server" and "*.example.com". */
static const uint8_t names[] = "\0\0\0\6server\0\0\0\x0d*.example.com";
static const uint8_t critical[] = "\0\0\0\15force-command\0\0\0\6\0\0\0\2ls";

/* A certificate of key 1 by key 2 that is good. */
static struct nacre_cert cert_begin(void)
{
    struct nacre_cert c;

    cr_assert_eq(nacre_cert_begin(&c, blob(1)), NACRE_OK);
    c.kind = NACRE_CERT_HOST;
    c.principals = (struct nacre_bytes){names, sizeof names - 1};
    c.valid_before = NACRE_CERT_FOREVER;
    return c;
}

static struct nacre_bytes cert_end(const struct nacre_cert *c, int ca)
{
    static uint8_t out[CERT_CAP];
    size_t n;

    cr_assert_eq(nacre_cert_issue(out, sizeof out, &n, c, &keys[ca], NULL, &nacre_rng_os, work),
                 NACRE_OK);
    return (struct nacre_bytes){out, n};
}

/* "MARKERHOSTS type base64\n" */
static void known(struct desk *d, const char *marker, const char *hosts, int key)
{
    static const struct nacre_bytes none;
    char text[512];
    FILE *f = fopen(d->hosts, "a");

    cr_assert_eq(
        nacre_pubkey_format(text, sizeof text, key < 0 ? pair_key_blob(0) : blob(key), none),
        NACRE_OK);
    fprintf(f, "%s%s %s\n", marker, hosts, text);
    cr_assert_eq(fclose(f), 0);
}

#define CA "@cert-authority "
#define REVOKED "@revoked "

static enum nacre_verdict trust(struct desk *d, struct nacre_bytes shown)
{
    struct nacre_event ev;

    memset(&ev, 0, sizeof ev);
    ev.type = NACRE_EV_HOST_KEY;
    ev.blob = shown;
    nacre_client_close(d->c);
    cr_assert_eq(ncr_client_new(&d->c, &d->cfg), NACRE_OK);
    return ncr_client_trust(d->c, &ev);
}

Test(host_trust, certificate_of_a_known_authority)
{
    struct desk *d = desk_new();
    struct nacre_cert c = cert_begin();

    known(d, CA, "server", 2);
    cr_assert_eq(trust(d, cert_end(&c, 2)), NACRE_ACCEPT);
    cr_assert_not(d->c->host_own, "nothing is learned by way of a certificate");
    cr_assert_eq(trust(d, cert_end(&c, 3)), NACRE_REFUSE);
    d->cfg.host = "a.example.com";
    cr_assert_eq(trust(d, cert_end(&c, 2)), NACRE_REFUSE);
    known(d, CA, "*.example.com", 2);
    cr_assert_eq(trust(d, cert_end(&c, 2)), NACRE_ACCEPT, "a pattern among the principals");
    d->cfg.port = 2222;
    cr_assert_eq(trust(d, cert_end(&c, 2)), NACRE_ACCEPT, "the name without its port");
    desk_free(d);
}

Test(host_trust, alias_is_the_principal)
{
    struct desk *d = desk_new();
    struct nacre_cert c = cert_begin();

    known(d, CA, "*", 2);
    d->cfg.host = "other";
    cr_assert_eq(trust(d, cert_end(&c, 2)), NACRE_REFUSE);
    d->cfg.host_key_alias = "server";
    cr_assert_eq(trust(d, cert_end(&c, 2)), NACRE_ACCEPT);
    d->cfg.host = "server";
    d->cfg.host_key_alias = "other";
    cr_assert_eq(trust(d, cert_end(&c, 2)), NACRE_REFUSE);
    desk_free(d);
}

/* What is wrong with a certificate, and how it is told. */
Test(host_trust, s45_s47_certificates_that_are_not_good)
{
    uint64_t now = (uint64_t)time(NULL);
    struct nacre_cert c;

    for (int i = 0; i < 9; i++) {
        struct desk *d = desk_new();
        struct nacre_bytes shown;
        int ca = 2;

        known(d, CA, "server", 2);
        c = cert_begin();
        switch (i) {
        case 0:
            c.kind = NACRE_CERT_USER;
            break;
        case 1:
            c.valid_before = now - 60;
            break;
        case 2:
            c.valid_after = now + 3600;
            break;
        case 3:
            c.principals.n = 0;
            break;
        case 4: /* the form with the port is no principal */
            c.principals = (struct nacre_bytes){(const uint8_t *)"\0\0\0\x0b[server]:22", 15};
            break;
        case 5:
            c.critical = (struct nacre_bytes){critical, sizeof critical - 1};
            break;
        case 6:
            d->cfg.ca_sig_algs = "rsa-sha2-512,rsa-sha2-256";
            break;
        case 7:
            d->cfg.ca_sig_algs = "no-such-algorithm"; /* an error never trusts */
            break;
        default:
            ca = 3;
            break;
        }
        shown = cert_end(&c, ca);
        cr_assert_eq(trust(d, shown), NACRE_REFUSE, "case %d", i);
        cr_assert_eq(desk_logged(d, "Certificate invalid: "), i < 8, "case %d", i);
        cr_assert(desk_logged(d, "No matching CA found. Retry with plain key"));
        /* as ssh: its plain key may still be known */
        known(d, "", "server", 1);
        cr_assert_eq(trust(d, shown), NACRE_ACCEPT, "case %d", i);
        desk_free(d);
    }
}

Test(host_trust, s47_damaged_certificates)
{
    struct desk *d = desk_new();
    struct nacre_cert c = cert_begin();
    uint8_t copy[CERT_CAP];
    struct nacre_bytes good = cert_end(&c, 2);

    known(d, CA, "*", 2);
    for (size_t bit = 0; bit < 8 * good.n; bit += 3) {
        memcpy(copy, good.p, good.n);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(trust(d, (struct nacre_bytes){copy, good.n}), NACRE_REFUSE, "bit %zu", bit);
    }
    for (size_t cut = 0; cut < good.n; cut++)
        cr_assert_eq(trust(d, (struct nacre_bytes){good.p, cut}), NACRE_REFUSE);
    cr_assert_eq(trust(d, good), NACRE_ACCEPT);
    desk_free(d);
}

/* The key or its authority, in a line or a file: refused whatever else is known. */
Test(host_trust, s48_revoked)
{
    struct nacre_cert c;

    for (int i = 0; i < 6; i++) {
        struct desk *d = desk_new();
        char text[512];
        const int key = i & 1 ? 2 : 1;
        static const struct nacre_bytes none;

        c = cert_begin();
        known(d, CA, "*", 2);
        known(d, "", "server", 1);
        d->cfg.host_policy = NACRE_HOSTS_OFF;
        d->cfg.revoked_host_keys = d->revoked_list;
        save(d->revoked, "# nothing\n");
        cr_assert_eq(trust(d, cert_end(&c, 2)), NACRE_ACCEPT);
        d->cfg.n_revoked_host_keys = 1;
        cr_assert_eq(trust(d, cert_end(&c, 2)), NACRE_ACCEPT);
        cr_assert_eq(trust(d, blob(1)), NACRE_ACCEPT);
        cr_assert_eq(nacre_pubkey_format(text, sizeof text, blob(key), none), NACRE_OK);
        if (i < 2)
            known(d, REVOKED, "*", key);
        else if (i < 4)
            save(d->revoked, text);
        else if (i == 4)
            save(d->revoked, "what is this\n");
        else
            unlink(d->revoked);
        cr_assert_eq(trust(d, cert_end(&c, 2)), NACRE_REFUSE, "case %d", i);
        cr_assert_not_null(strstr(nacre_client_error(d->c), "evoked"), "case %d: %s", i,
                           nacre_client_error(d->c));
        cr_assert_eq(trust(d, blob(1)), key == 2 && i < 4 ? NACRE_ACCEPT : NACRE_REFUSE, "case %d",
                     i);
        desk_free(d);
    }
}

/* Known by a key of another type: what shows a new one is as suspicious as a changed one. */
Test(host_trust, s47_another_type_is_no_new_host)
{
    static const enum nacre_host_policy policies[] = {NACRE_HOSTS_STRICT, NACRE_HOSTS_ASK,
                                                      NACRE_HOSTS_ACCEPT_NEW};
    static struct nacre_privkey k;
    struct desk *d = desk_new();

    cr_assert_eq(nacre_privkey_generate(&k, "ecdsa-sha2-nistp256", 0, &nacre_rng_os, work),
                 NACRE_OK);
    known(d, "", "server", 1);
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        d->cfg.host_policy = policies[i];
        cr_assert_eq(trust(d, nacre_privkey_public_blob(&k)), NACRE_REFUSE);
        cr_assert(desk_logged(d, "REMOTE HOST IDENTIFICATION HAS CHANGED!"));
        cr_assert_not_null(strstr(nacre_client_error(d->c), "Host key verification failed."));
    }
    d->cfg.host_policy = NACRE_HOSTS_ACCEPT_NEW;
    save(d->hosts, "server ssh-x AAAABXNzaC14AAAAAQE=\n"); /* not understood: nothing is known */
    cr_assert_eq(trust(d, nacre_privkey_public_blob(&k)), NACRE_ACCEPT);
    desk_free(d);
}

static enum nacre_trust desk_question(void *ctx, const struct nacre_host_question *q)
{
    struct desk *d = ctx;

    pair_buf_print(&d->log, "names: %s", q->other_names);
    return NACRE_TRUST_REJECT;
}

Test(host_trust, other_names_of_the_key)
{
    struct desk *d = desk_new();

    d->cfg.host_policy = NACRE_HOSTS_ASK;
    d->cfg.host_key = desk_question;
    cr_assert_eq(trust(d, blob(1)), NACRE_REFUSE);
    cr_assert(desk_logged(d, "names: This key is not known by any other names.\n"));
    known(d, "", "other.example.com,192.0.2.1", 1);
    known(d, "", "|1|ICAgICAgICAgICAgICAgICAgICA=|v7X/a0SEipRkRsqx6GIrG+BGCxU=", 1);
    known(d, REVOKED, "elsewhere", 1);
    known(d, "", "third", 2);
    for (int i = 0; i < 10; i++)
        known(d, "", "again", 1);
    cr_assert_eq(trust(d, blob(1)), NACRE_REFUSE);
    cr_assert(desk_logged(d, "names: This host key is known by the following other "
                             "names/addresses:\n    /tmp/"));
    cr_assert(desk_logged(d, ":1: other.example.com,192.0.2.1\n"));
    cr_assert(desk_logged(d, ":2: [hashed name]\n"));
    cr_assert(desk_logged(d, "    (4 additional names omitted)\n"));
    cr_assert_not(desk_logged(d, "elsewhere"));
    cr_assert_not(desk_logged(d, "third"));
    desk_free(d);
}

Test(host_trust, known_without_its_port)
{
    struct desk *d = desk_new();

    known(d, "", "server", 1);
    d->cfg.port = 2222;
    cr_assert_eq(trust(d, blob(1)), NACRE_ACCEPT);
    cr_assert(desk_logged(d, "found matching key w/out port in "));
    cr_assert_not(d->c->host_own);
    cr_assert_eq(trust(d, blob(3)), NACRE_REFUSE);
    known(d, "", "[server]:2222", 3);
    cr_assert_eq(trust(d, blob(1)), NACRE_REFUSE, "the line for the port decides");
    desk_free(d);
}

#if MEMORY_COUNTED
/* Each allocation of a judgement fails once: a key that is not to be trusted never is. */
static void never_trusted(struct desk *d, struct nacre_bytes shown)
{
    struct nacre_event ev;
    unsigned long calls = 0;

    memset(&ev, 0, sizeof ev);
    ev.type = NACRE_EV_HOST_KEY;
    ev.blob = shown;
    for (unsigned long i = 0; i == 0 || i <= calls; i++) {
        enum nacre_verdict verdict;

        nacre_client_close(d->c);
        cr_assert_eq(ncr_client_new(&d->c, &d->cfg), NACRE_OK);
        memory_calls = 0;
        memory_fail_at = i; /* 0: none, to count */
        memory_armed = true;
        verdict = ncr_client_trust(d->c, &ev);
        memory_armed = false;
        calls = i == 0 ? memory_calls : calls;
        cr_assert_eq(verdict, NACRE_REFUSE, "allocation %lu", i);
    }
    cr_assert_gt(calls, 1);
}

Test(host_trust, s47_memory_runs_out_while_a_key_is_judged)
{
    struct desk *d = desk_new();
    struct nacre_cert c = cert_begin();
    static const struct nacre_bytes none;
    char text[512];

    d->cfg.revoked_host_keys = d->revoked_list;
    d->cfg.n_revoked_host_keys = 1;
    d->cfg.log = NULL; /* it would allocate */
    never_trusted(d, cert_end(&c, 2));
    never_trusted(d, blob(1));
    known(d, CA, "*", 2);
    known(d, "", "server", 1);
    cr_assert_eq(trust(d, cert_end(&c, 2)), NACRE_ACCEPT);
    known(d, REVOKED, "server", 2);
    never_trusted(d, cert_end(&c, 2)); /* its authority is revoked by a line */
    cr_assert_eq(nacre_pubkey_format(text, sizeof text, blob(1), none), NACRE_OK);
    save(d->revoked, text);
    never_trusted(d, blob(1));
    never_trusted(d, cert_end(&c, 2));
    desk_free(d);
}
#endif

/* Certificates' algorithms first where an authority is known; in clear for those who look. */
Test(host_trust, s51_offer)
{
    struct desk *d = desk_new();
    char out[512];

    known(d, CA, "*", 2);
    cr_assert_eq(ncr_client_new(&d->c, &d->cfg), NACRE_OK);
    cr_assert_eq(ncr_client_prefer_hosts(d->c, out, sizeof out,
                                         "ssh-ed25519,ssh-ed25519-cert-v01@openssh.com"),
                 NACRE_OK);
    cr_assert_str_eq(out, "ssh-ed25519-cert-v01@openssh.com,ssh-ed25519");
    desk_free(d);
}

/* ---- Learning ---------------------------------------------------------------------------- */

static void announce(struct desk *d, struct rig *r)
{
    struct announcer *a = &d->announce;
    static uint8_t data[NACRE_HOSTKEYS_BYTES_MAX];
    struct nacre_global g = {.kind = NACRE_GLOBAL_HOSTKEYS, .data = a->raw};

    if (a->raw.n == 0) {
        cr_assert_eq(nacre_hostkeys_encode(data, sizeof data, &g.data.n, a->offered, a->n),
                     NACRE_OK);
        g.data.p = data;
    }
    for (unsigned i = 0; i < (a->times == 0 ? 1 : a->times); i++)
        cr_assert_eq(nacre_global_request(&r->conn, &g, false), NACRE_OK);
}

static const struct nacre_privkey *owner(struct nacre_bytes b)
{
    for (int i = 0; i < KEYS; i++) {
        if (b.n == blob(i).n && memcmp(b.p, blob(i).p, b.n) == 0)
            return &keys[i];
    }
    return &keys[0];
}

static void prove(struct desk *d, struct rig *r, const struct nacre_event *ev)
{
    struct announcer *a = &d->announce;
    static uint8_t sig[KEYS][256], data[KEYS * 256], message[NACRE_HOSTKEYS_PROOF_MAX];
    struct nacre_bytes sigs[KEYS];
    struct nacre_hostkeys h;
    struct nacre_answer ans = {.id = ev->id, .verdict = NACRE_ACCEPT};
    struct nacre_bytes id = a->id.n > 0 ? a->id : nacre_conn_session_id(&r->conn);

    a->asked++;
    cr_assert_eq(nacre_hostkeys_decode(&h, ev->global.data), NACRE_OK);
    cr_assert_leq(h.n, KEYS);
    for (size_t i = 0; i < h.n; i++) {
        struct nacre_bytes m = {message, 0};

        cr_assert_eq(nacre_hostkeys_message(message, sizeof message, &m.n, id, h.blob[i]),
                     NACRE_OK);
        sigs[i].p = sig[i];
        cr_assert_eq(nacre_privkey_sign(a->liar != 0 ? &keys[a->liar] : owner(h.blob[i]),
                                        nacre_bytes_str("ssh-ed25519"), m, sig[i], sizeof sig[i],
                                        &sigs[i].n, &nacre_rng_os, work),
                     NACRE_OK);
    }
    cr_assert_eq(nacre_hostkeys_encode(data, sizeof data, &ans.data.n, sigs, h.n - a->short_reply),
                 NACRE_OK);
    ans.data.p = data;
    if (a->refuse)
        ans.verdict = NACRE_REFUSE;
    cr_assert_eq(nacre_conn_answer(&r->conn, &ans), NACRE_OK);
}

static bool hook(void *ctx, struct rig *r, const struct nacre_event *ev)
{
    struct desk *d = ctx;
    struct nacre_answer yes = {.id = ev->id, .verdict = NACRE_ACCEPT};

    if (ev->type == NACRE_EV_AUTH_REQUEST &&
        (ev->stage == NACRE_STAGE_KEY_QUERY || ev->stage == NACRE_STAGE_KEY_PROVED)) {
        cr_assert_eq(nacre_conn_answer(&r->conn, &yes), NACRE_OK);
        ncr_drive_kick(&r->drive);
        return true;
    }
    if (ev->type == NACRE_EV_AUTH_SUCCESS && (d->announce.n > 0 || d->announce.raw.n > 0))
        announce(d, r);
    if (ev->type == NACRE_EV_GLOBAL && ev->global.kind == NACRE_GLOBAL_HOSTKEYS_PROVE) {
        prove(d, r, ev);
        return true;
    }
    return false;
}

/* Connects and runs a command, behind which all else has been answered. */
static void visit(struct desk *d)
{
    struct nacre_run run = {.command = "status 3"};
    int fds[2];

    cr_assert_eq(ncr_loop_init(&d->loop, NCR_LOOP_POLL), NACRE_OK);
    rig_sockets(fds);
    rig_start(&d->rig, &d->loop, fds[1]);
    cr_assert_eq(nacre_client_start(&d->c, &d->cfg, fds[0], fds[0]), NACRE_OK);
    cr_assert_eq(ncr_client_use_loop(d->c, &d->loop), NACRE_OK);
    cr_assert_eq(nacre_client_wait_ready(d->c), NACRE_OK, "%s", nacre_client_error(d->c));
    cr_assert_eq(nacre_client_run(d->c, &run), NACRE_OK);
    cr_assert_eq(run.status, 3);
    nacre_run_free(&run);
}

/* The server's own key, that of the session, and keys 1 and 2. */
static struct desk *desk_announcing(void)
{
    struct desk *d = desk_new();

    d->announce.offered[0] = pair_key_blob(0);
    d->announce.offered[1] = blob(1);
    d->announce.offered[2] = blob(2);
    d->announce.n = 3;
    return d;
}

static bool has(const struct desk *d, const char *host, struct nacre_bytes b)
{
    char line[512];

    cr_assert_eq(nacre_known_hosts_format(line, sizeof line, nacre_bytes_str(host), 22, b),
                 NACRE_OK);
    return strstr(load(d->hosts), line) != NULL;
}

Test(host_update, learns_and_removes)
{
    struct desk *d = desk_announcing();

    save(d->hosts, "# mine\n");
    known(d, "", "server", -1);
    known(d, "", "server", 3);
    known(d, "", "elsewhere", 0);
    visit(d);
    cr_assert_eq(d->announce.asked, 1);
    cr_assert(has(d, "server", pair_key_blob(0)) && has(d, "server", blob(1)) &&
              has(d, "server", blob(2)));
    cr_assert_not(has(d, "server", blob(3)), "which the server has no more");
    cr_assert(has(d, "elsewhere", blob(0)));
    cr_assert_eq(strncmp(load(d->hosts), "# mine\n", 7), 0);
    cr_assert(desk_logged(d, "Learned new hostkey: ED25519 SHA256:"));
    cr_assert(desk_logged(d, "Deprecating obsolete hostkey: ED25519 SHA256:"));
    desk_free(d);
}

Test(host_update, learned_keys_are_trusted_next_time)
{
    struct desk *d = desk_announcing();

    known(d, "", "server", -1);
    visit(d);
    cr_assert_eq(trust(d, blob(2)), NACRE_ACCEPT);
    desk_free(d);
}

Test(host_update, removal_alone_needs_no_proof)
{
    struct desk *d = desk_announcing();

    d->announce.n = 1;
    known(d, "", "server", -1);
    known(d, "", "server", 3);
    visit(d);
    cr_assert_eq(d->announce.asked, 0);
    cr_assert(has(d, "server", pair_key_blob(0)));
    cr_assert_not(has(d, "server", blob(3)));
    desk_free(d);
}

Test(host_update, new_host_that_was_just_saved)
{
    struct desk *d = desk_announcing();

    d->cfg.host_policy = NACRE_HOSTS_ACCEPT_NEW;
    d->cfg.hash_known_hosts = true;
    visit(d);
    cr_assert_eq(trust(d, blob(2)), NACRE_ACCEPT);
    cr_assert_null(strstr(load(d->hosts), "server"));
    desk_free(d);
}

/* Whatever is wrong with the announcement, the proofs or what is known: nothing changes. */
static void unchanged(struct desk *d, unsigned asked, const char *why)
{
    char *before = strdup(load(d->hosts));

    visit(d);
    cr_assert_eq(d->announce.asked, asked);
    cr_assert_str_eq(load(d->hosts), before);
    cr_assert(desk_logged(d, why), "%s not in: %.*s", why, (int)d->log.n, (const char *)d->log.p);
    free(before);
    desk_free(d);
}

static struct desk *desk_known(void)
{
    struct desk *d = desk_announcing();

    known(d, "", "server", -1);
    return d;
}

Test(host_update, s49_bad_proof)
{
    struct desk *d = desk_known();

    d->announce.liar = 1; /* key 2 is not the server's */
    unchanged(d, 1, "did not prove");
}

Test(host_update, s49_proof_of_another_session)
{
    struct desk *d = desk_known();

    d->announce.id = nacre_bytes_str("another session's id");
    unchanged(d, 1, "did not prove");
}

Test(host_update, s49_too_few_proofs)
{
    struct desk *d = desk_known();

    d->announce.short_reply = true;
    unchanged(d, 1, "did not prove");
}

Test(host_update, s49_proof_refused)
{
    struct desk *d = desk_known();

    d->announce.refuse = true;
    unchanged(d, 1, "failed to confirm ownership");
}

Test(host_update, s49_a_thousand_keys)
{
    static uint8_t raw[1000 * 5];
    struct desk *d = desk_known();

    for (size_t i = 0; i < 1000; i++)
        memcpy(raw + 5 * i, "\0\0\0\1x", 5);
    d->announce.raw = (struct nacre_bytes){raw, sizeof raw};
    unchanged(d, 0, "malformed or too long");
}

Test(host_update, s49_malformed)
{
    struct desk *d = desk_known();

    d->announce.raw = nacre_bytes_str("what is this");
    unchanged(d, 0, "malformed or too long");
}

Test(host_update, s49_a_key_twice)
{
    struct desk *d = desk_known();

    d->announce.offered[2] = blob(1);
    unchanged(d, 0, "a key twice");
}

/* Certificates and what is not understood are left out. */
Test(host_update, s49_nothing_of_use)
{
    struct desk *d = desk_known();
    struct nacre_cert c = cert_begin();

    d->announce.offered[0] = cert_end(&c, 2);
    d->announce.offered[1] = (struct nacre_bytes){(const uint8_t *)"\0\0\0\1x", 5};
    d->announce.n = 2;
    unchanged(d, 0, "no key of use");
}

Test(host_update, s49_announced_twice)
{
    struct desk *d = desk_announcing();

    d->announce.times = 3;
    known(d, "", "server", -1);
    visit(d);
    cr_assert_eq(d->announce.asked, 1);
    cr_assert(desk_logged(d, "server already sent hostkeys"));
    desk_free(d);
}

/* The list is not one of keys that were asked about. */
Test(host_update, s49_unsolicited_reply)
{
    struct nacre_event ev;
    struct desk *d = desk_known();
    char *before = strdup(load(d->hosts));

    visit(d);
    free(before);
    before = strdup(load(d->hosts));
    memset(&ev, 0, sizeof ev);
    ev.type = NACRE_EV_GLOBAL_REPLY;
    ev.accepted = true;
    ev.global.kind = NACRE_GLOBAL_HOSTKEYS_PROVE;
    cr_assert(ncr_host_update_event(d->c, &ev));
    cr_assert_str_eq(load(d->hosts), before);
    free(before);
    desk_free(d);
}

Test(host_update, s49_switched_off)
{
    struct desk *d = desk_known();

    d->cfg.update_hosts = NACRE_UPDATE_NO;
    unchanged(d, 0, "UpdateHostKeys: off");
}

Test(host_update, s49_host_trusted_once_only)
{
    struct desk *d = desk_announcing();

    d->cfg.host_policy = NACRE_HOSTS_OFF;
    known(d, "", "server", 3); /* changed, and let pass */
    unchanged(d, 0, "not a plain one");
}

Test(host_update, s49_known_from_the_systems_file_alone)
{
    struct desk *d = desk_announcing();

    known(d, "", "server", -1);
    save(d->global, load(d->hosts));
    save(d->hosts, "");
    d->hosts_list[1] = d->global;
    d->cfg.n_known_hosts = 2;
    unchanged(d, 0, "not a plain one");
}

Test(host_update, s49_wildcard)
{
    struct desk *d = desk_announcing();

    known(d, "", "serv*", -1);
    unchanged(d, 0, "wildcard host pattern");
}

Test(host_update, s49_several_names)
{
    struct desk *d = desk_announcing();

    known(d, "", "server,alias", -1);
    unchanged(d, 0, "manual host list");
}

Test(host_update, s49_marker)
{
    struct desk *d = desk_known();

    known(d, REVOKED, "server", 3);
    unchanged(d, 0, "CA/revocation marker");
}

Test(host_update, s49_revoked_by_the_systems_file)
{
    struct desk *d = desk_announcing();

    known(d, REVOKED, "server", 2);
    save(d->global, load(d->hosts));
    save(d->hosts, "");
    known(d, "", "server", -1);
    d->hosts_list[1] = d->global;
    d->cfg.n_known_hosts = 2;
    unchanged(d, 0, "CA/revocation marker");
}

Test(host_update, s49_key_known_under_another_name)
{
    struct desk *d = desk_known();

    known(d, "", "elsewhere", 2);
    unchanged(d, 0, "different name/address");
}

Test(host_update, s49_old_key_known_under_another_name)
{
    struct desk *d = desk_known();

    known(d, "", "server", 3);
    known(d, "", "elsewhere", 3);
    unchanged(d, 0, "different name/address");
}

Test(host_update, s48_revoked_keys_are_not_learned)
{
    static const struct nacre_bytes none;
    struct desk *d = desk_announcing();
    char text[512];

    known(d, "", "server", -1);
    cr_assert_eq(nacre_pubkey_format(text, sizeof text, blob(2), none), NACRE_OK);
    save(d->revoked, text);
    d->cfg.revoked_host_keys = d->revoked_list;
    d->cfg.n_revoked_host_keys = 1;
    visit(d);
    cr_assert(has(d, "server", blob(1)));
    cr_assert_not(has(d, "server", blob(2)));
    desk_free(d);
}

/* Keys that the server has and that are not to be used here are neither learned nor removed. */
Test(host_update, keys_that_are_not_used_stay)
{
    struct desk *d = desk_announcing();
    static const char dss[] = "server ssh-x AAAABXNzaC14AAAAAQE=\n";

    save(d->hosts, dss);
    known(d, "", "server", -1);
    visit(d);
    cr_assert_not_null(strstr(load(d->hosts), dss));
    cr_assert(has(d, "server", blob(1)));
    desk_free(d);
}

static bool desk_agree(void *ctx, const char *host, const char *text)
{
    struct desk *d = ctx;

    d->asked++;
    cr_assert_str_eq(host, "server");
    cr_assert_not_null(strstr(text, "Learned new hostkey: ED25519 SHA256:"));
    cr_assert_not_null(strstr(text, "Deprecating obsolete hostkey: ED25519 SHA256:"));
    return d->yes;
}

Test(host_update, asked)
{
    for (int yes = 0; yes < 2; yes++) {
        struct desk *d = desk_known();

        known(d, "", "server", 3);
        d->cfg.update_hosts = NACRE_UPDATE_ASK;
        d->cfg.new_host_keys = desk_agree;
        d->yes = yes;
        visit(d);
        cr_assert_eq(d->asked, 1);
        cr_assert_eq(has(d, "server", blob(1)), yes);
        cr_assert_eq(has(d, "server", blob(3)), !yes);
        desk_free(d);
    }
}

Test(host_update, s46_no_hook_is_no)
{
    struct desk *d = desk_known();

    d->cfg.update_hosts = NACRE_UPDATE_ASK;
    unchanged(d, 1, "Learned new");
}

#if MEMORY_COUNTED
/* Each allocation behind the announcement fails once: a key is learned only with its proof, and
 * what was known stays or is replaced as a whole. */
Test(host_update, s49_memory_runs_out)
{
    unsigned long calls = 0;

    for (unsigned long i = 0; i == 0 || i <= calls; i++) {
        struct desk *d = desk_known();
        struct nacre_event ev;
        uint8_t data[1024];
        bool learned;

        known(d, "", "server", 3);
        d->cfg.update_hosts = NACRE_UPDATE_NO; /* the server's own announcement */
        d->announce.n = 0;
        d->cfg.log = NULL;
        visit(d);
        d->c->cfg.update_hosts = NACRE_UPDATE_YES;
        d->announce.n = 3;
        memset(&ev, 0, sizeof ev);
        ev.type = NACRE_EV_GLOBAL;
        ev.global.kind = NACRE_GLOBAL_HOSTKEYS;
        ev.global.data.p = data;
        cr_assert_eq(
            nacre_hostkeys_encode(data, sizeof data, &ev.global.data.n, d->announce.offered, 3),
            NACRE_OK);
        memory_calls = 0;
        memory_fail_at = i;
        memory_armed = true;
        cr_assert(ncr_host_update_event(d->c, &ev));
        for (int turn = 0; turn < 50 && (d->c->update.waiting || d->c->update.to_ask); turn++)
            cr_assert_eq(ncr_loop_once(&d->loop, ncr_clock_ms() + 1000), NACRE_OK);
        memory_armed = false;
        calls = i == 0 ? memory_calls : calls;
        learned = has(d, "server", blob(1));
        cr_assert(i > 0 || learned);
        cr_assert_eq(has(d, "server", blob(2)), learned, "allocation %lu", i);
        cr_assert_eq(has(d, "server", blob(3)), !learned, "allocation %lu", i);
        cr_assert(has(d, "server", pair_key_blob(0)));
        desk_free(d);
    }
    cr_assert_gt(calls, 4);
}
#endif
