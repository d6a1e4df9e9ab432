/* SPDX-License-Identifier: ISC
 *
 * The monitor, asked as a hostile network process would ask (S64), and the rules of a login behind
 * it (S35, S37, S38, S40). The account is the one that runs the test.
 */
#include "server/host_keys_update.h"
#include "server/monitor.h"
#include "tests/certs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the operations work in. */
static uint64_t work[NACRE_WORK];

struct desk {
    struct ncr_monitor m;
    struct ncr_sshd_config cfg;
    struct ncr_host_keys keys;
    struct nacre_privkey host, user, second, other;
    struct nacre_bytes host_blob;
    size_t host_of; /* 0: whose key the blob is about */
    struct ncr_account me;
    char dir[64], key_file[96], users_file[96];
    int far; /* the asking end */
    uint8_t buf[NCR_MON_MAX];
    struct ncr_mon_msg reply;
    char said[8192];
};

static struct desk desk_state;

static void desk_put(void *ctx, enum ncr_log_level level, const char *text)
{
    struct desk *d = ctx;
    size_t n = strlen(d->said);
    (void)level;
    snprintf(d->said + n, sizeof d->said - n, "%s\n", text);
}

static void desk_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    cr_assert_geq(fputs(text, f), 0);
    fclose(f);
}

static void desk_key_line(FILE *f, const struct nacre_privkey *k)
{
    char line[256];
    cr_assert_eq(nacre_pubkey_format(line, sizeof line, nacre_privkey_public_blob(k),
                                     (struct nacre_bytes){NULL, 0}),
                 NACRE_OK);
    fprintf(f, "%s\n", line);
}

static void desk_keys(struct desk *d)
{
    struct nacre_privkey *all[] = {&d->host, &d->user, &d->second, &d->other};
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(nacre_privkey_generate(all[i], "ssh-ed25519", 0, &nacre_rng_os, work),
                     NACRE_OK);
    }
    d->host_blob = nacre_privkey_public_blob(&d->host);
    d->keys = (struct ncr_host_keys){
        .key = &d->host, .n = 1, .blob = &d->host_blob, .n_blobs = 1, .of = &d->host_of};
    FILE *f = fopen(d->key_file, "w");
    cr_assert_not_null(f);
    desk_key_line(f, &d->user);
    desk_key_line(f, &d->second);
    fclose(f);
}

static void desk_config(struct desk *d, const char *const lines[], size_t n)
{
    char error[NCR_SSHD_ERROR_LEN] = "", text[256];
    ncr_sshd_config_init(&d->cfg);
    for (size_t i = 0; i < n; i++) {
        cr_assert(ncr_sshd_config_line(&d->cfg, lines[i], strlen(lines[i]), "test", error), "%s",
                  error);
    }
    snprintf(text, sizeof text, "AuthorizedKeysFile %s", d->key_file);
    cr_assert(ncr_sshd_config_line(&d->cfg, text, strlen(text), "test", error));
    snprintf(text, sizeof text, "UsersFile %s", d->users_file);
    cr_assert(ncr_sshd_config_line(&d->cfg, text, strlen(text), "test", error));
    cr_assert(ncr_sshd_config_line(&d->cfg, "StrictModes no", 14, "test", error));
    cr_assert(ncr_sshd_config_line(&d->cfg, "PermitRootLogin yes", 19, "test", error));
    cr_assert(ncr_sshd_config_finish(&d->cfg, error));
}

static struct desk *desk_open_with(const char *const lines[], size_t n)
{
    struct desk *d = &desk_state;
    char text[512];
    int pair[2];
    memset(d, 0, sizeof *d);
    strcpy(d->dir, "/tmp/nacre-desk-XXXXXX");
    cr_assert_not_null(mkdtemp(d->dir));
    snprintf(d->key_file, sizeof d->key_file, "%s/keys", d->dir);
    snprintf(d->users_file, sizeof d->users_file, "%s/users", d->dir);
    if (!ncr_account_by_uid(&d->me, "/etc/passwd", getuid())) {
        cr_skip_test("no account of this user in /etc/passwd");
    }
    snprintf(text, sizeof text, "%.255s:{plain}secret\nghost:{plain}secret\n", d->me.name);
    desk_file(d->users_file, text);
    desk_keys(d);
    desk_config(d, lines, n);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    d->far = pair[1];
    d->m.sock = pair[0];
    d->m.cfg = &d->cfg;
    d->m.keys = &d->keys;
    d->m.log = (struct ncr_log){.level = NCR_LOG_VERBOSE, .fd = -1, .put = desk_put, .ctx = d};
    ncr_login_init(&d->m.login, &d->cfg, &d->m.log, "192.0.2.1", 4711);
    return d;
}

static struct desk *desk_open(void)
{
    return desk_open_with(NULL, 0);
}

static void desk_close(struct desk *d)
{
    char cmd[96];
    close(d->far);
    close(d->m.sock);
    ncr_login_wipe(&d->m.login);
    ncr_sshd_config_free(&d->cfg);
    snprintf(cmd, sizeof cmd, "rm -rf %s", d->dir);
    cr_assert_eq(system(cmd), 0);
}

/* ---- Asking ------------------------------------------------------------------------------ */

static bool desk_reply(struct desk *d)
{
    return ncr_mon_recv(d->far, &d->reply, d->buf);
}

static bool desk_sign_with(struct desk *d, struct nacre_bytes blob, size_t n, bool authed)
{
    static const uint8_t hash[256] = {1, 2, 3};
    struct ncr_mon_msg ask = {.type = NCR_MON_SIGN,
                              .field = {nacre_bytes_str("ssh-ed25519"), blob, {hash, n}},
                              .fds = {-1, -1}};
    return ncr_monitor_request(&d->m, &ask, authed);
}

static void desk_sign(struct desk *d)
{
    cr_assert(desk_sign_with(d, d->host_blob, 32, false));
    cr_assert(desk_reply(d));
    cr_assert_eq(d->reply.type, (uint32_t)NCR_MON_REPLY);
}

static bool desk_auth(struct desk *d, uint32_t stage, const char *user, struct nacre_bytes blob,
                      struct nacre_bytes secret)
{
    struct ncr_mon_msg ask = {
        .type = NCR_MON_AUTH,
        .value = {stage},
        .field = {nacre_bytes_str(user), nacre_bytes_str("ssh-ed25519"), blob, secret},
        .fds = {-1, -1}};
    return ncr_monitor_request(&d->m, &ask, false);
}

/* The verdict on a request that is legal. */
static enum nacre_verdict desk_verdict(struct desk *d, uint32_t stage, const char *user,
                                       struct nacre_bytes blob, struct nacre_bytes secret)
{
    cr_assert(desk_auth(d, stage, user, blob, secret));
    cr_assert(desk_reply(d));
    cr_assert_eq(d->reply.type, (uint32_t)NCR_MON_REPLY);
    return (enum nacre_verdict)d->reply.value[0];
}

static enum nacre_verdict desk_password(struct desk *d, const char *user, const char *password)
{
    return desk_verdict(d, NACRE_STAGE_PASSWORD, user, (struct nacre_bytes){NULL, 0},
                        nacre_bytes_str(password));
}

static size_t desk_string(uint8_t *m, size_t n, struct nacre_bytes b)
{
    m[n] = m[n + 1] = 0;
    m[n + 2] = (uint8_t)(b.n >> 8);
    m[n + 3] = (uint8_t)b.n;
    memcpy(m + n + 4, b.p, b.n);
    return n + 4 + b.n;
}

/* A signature by key over what RFC 4252 section 7 has, for the blob named and the user. */
static enum nacre_verdict desk_signed(struct desk *d, const char *user, struct nacre_bytes blob,
                                      const char *alg_name, const struct nacre_privkey *key,
                                      bool spoil, uint32_t bound)
{
    uint8_t m[8192], sig[256];
    struct nacre_bytes alg = nacre_bytes_str(alg_name);
    size_t k = 0;
    size_t n =
        desk_string(m, 0, (struct nacre_bytes){d->m.login.session_id, d->m.login.session_id_len});
    m[n++] = 50;
    n = desk_string(m, n, nacre_bytes_str(user));
    n = desk_string(m, n, nacre_bytes_str("ssh-connection"));
    n = desk_string(m, n, nacre_bytes_str("publickey"));
    m[n++] = 1;
    n = desk_string(m, n, alg);
    n = desk_string(m, n, blob);
    m[4] = (uint8_t)(m[4] ^ (spoil ? 1 : 0));
    cr_assert_eq(nacre_privkey_sign(key, alg, (struct nacre_bytes){m, n}, sig, sizeof sig, &k,
                                    &nacre_rng_os, work),
                 NACRE_OK);
    struct ncr_mon_msg ask = {.type = NCR_MON_AUTH,
                              .value = {NACRE_STAGE_KEY_PROVED, bound},
                              .field = {nacre_bytes_str(user), alg, blob, {sig, k}},
                              .fds = {-1, -1}};
    cr_assert(ncr_monitor_request(&d->m, &ask, false));
    cr_assert(desk_reply(d));
    cr_assert_eq(d->reply.type, (uint32_t)NCR_MON_REPLY);
    return (enum nacre_verdict)d->reply.value[0];
}

static enum nacre_verdict desk_key(struct desk *d, const char *user,
                                   const struct nacre_privkey *named,
                                   const struct nacre_privkey *key, bool spoil)
{
    return desk_signed(d, user, nacre_privkey_public_blob(named), "ssh-ed25519", key, spoil, 0);
}

/* ---- Requests and states ----------------------------------------------------------------- */

Test(monitor, S64_signs_hashes_with_host_keys_only)
{
    struct desk *d = desk_open();
    struct nacre_bytes user = nacre_privkey_public_blob(&d->user);
    cr_assert_not(desk_sign_with(d, user, 32, false), "not a host key");
    cr_assert_not(desk_sign_with(d, (struct nacre_bytes){NULL, 0}, 32, false));
    for (size_t n = 0; n < 200; n++) {
        if (n != 32 && n != 48 && n != 64) {
            cr_assert_not(desk_sign_with(d, d->host_blob, n, false), "%zu bytes", n);
            cr_assert_not(desk_sign_with(d, d->host_blob, n, true), "%zu bytes", n);
        }
    }
    cr_assert_eq(d->m.login.session_id_len, 0u);
    desk_sign(d);
    desk_close(d);
}

Test(monitor, S64_the_first_hash_is_the_session_id_for_ever)
{
    struct desk *d = desk_open();
    desk_sign(d);
    cr_assert_eq(d->m.login.session_id_len, 32u);
    cr_assert(desk_sign_with(d, d->host_blob, 64, false));
    cr_assert(desk_reply(d));
    cr_assert_eq(d->m.login.session_id_len, 32u);
    cr_assert(desk_sign_with(d, d->host_blob, 48, true));
    cr_assert_eq(d->m.login.session_id_len, 32u);
    desk_close(d);
}

Test(monitor, S64_signatures_before_authentication_are_counted)
{
    struct desk *d = desk_open();
    int n = 0;
    while (n < 1000 && desk_sign_with(d, d->host_blob, 32, false)) {
        cr_assert(desk_reply(d));
        n++;
    }
    cr_assert_leq(n, 32);
    cr_assert(desk_sign_with(d, d->host_blob, 32, true), "a long session may go on");
    desk_close(d);
}

Test(monitor, S64_each_request_has_its_state)
{
    struct desk *d = desk_open();
    struct nacre_bytes none = {NULL, 0};
    struct ncr_mon_msg log = {.type = NCR_MON_LOG,
                              .value = {NCR_LOG_INFO},
                              .field = {nacre_bytes_str("x")},
                              .fds = {-1, -1}};
    struct ncr_mon_msg pty = {.type = NCR_MON_PTY, .fds = {-1, -1}};
    cr_assert_not(desk_auth(d, NACRE_STAGE_PASSWORD, d->me.name, none, nacre_bytes_str("secret")),
                  "no session id yet");
    cr_assert_not(ncr_monitor_request(&d->m, &pty, false), "no terminal before the login");
    cr_assert(ncr_monitor_request(&d->m, &log, false));
    cr_assert_not(ncr_monitor_request(&d->m, &log, true));
    desk_sign(d);
    for (uint32_t stage = NACRE_STAGE_RESPONSES + 1; stage < 300; stage++) {
        cr_assert_not(desk_auth(d, stage, d->me.name, none, none));
    }
    cr_assert_not(desk_auth(d, UINT32_MAX, d->me.name, none, none));
    cr_assert_eq(desk_password(d, d->me.name, "secret"), NACRE_ACCEPT);
    cr_assert_not(desk_auth(d, NACRE_STAGE_PASSWORD, d->me.name, none, nacre_bytes_str("secret")),
                  "decided is decided");
    struct ncr_mon_msg again = {.type = NCR_MON_AUTH, .fds = {-1, -1}};
    cr_assert_not(ncr_monitor_request(&d->m, &again, true));
    desk_close(d);
}

static bool desk_prove(struct desk *d, struct nacre_bytes blob, const char *alg, bool authed)
{
    struct ncr_mon_msg ask = {
        .type = NCR_MON_PROVE, .field = {nacre_bytes_str(alg), blob}, .fds = {-1, -1}};
    return ncr_monitor_request(&d->m, &ask, authed);
}

/* Host keys are proved over the session id that the monitor knows, after the login only. */
Test(monitor, S64_S49_proofs_of_host_keys)
{
    static uint8_t buf[NACRE_HOSTKEYS_PROOF_MAX];
    static uint64_t verify_work[NACRE_WORK];
    struct desk *d = desk_open();
    struct nacre_bytes user = nacre_privkey_public_blob(&d->user);
    unsigned n = 1;
    cr_assert_not(desk_prove(d, d->host_blob, "ssh-ed25519", true), "no session id yet");
    desk_sign(d);
    struct nacre_bytes id = {d->m.login.session_id, d->m.login.session_id_len};
    cr_assert_not(desk_prove(d, d->host_blob, "ssh-ed25519", false), "before the login");
    cr_assert_not(desk_prove(d, user, "ssh-ed25519", true), "not a host key");
    cr_assert_not(desk_prove(d, d->host_blob, "ssh-rsa", true));
    cr_assert_not(desk_prove(d, d->host_blob, "", true));
    cr_assert(desk_prove(d, d->host_blob, "ssh-ed25519", true));
    cr_assert(desk_reply(d));
    cr_assert_eq(d->reply.type, (uint32_t)NCR_MON_REPLY);
    cr_assert_eq(nacre_hostkeys_verify(d->host_blob, d->reply.field[0], id, "ssh-ed25519", buf,
                                       sizeof buf, verify_work),
                 NACRE_OK);
    while (n < 1000 && desk_prove(d, d->host_blob, "ssh-ed25519", true)) {
        cr_assert(desk_reply(d));
        n++;
    }
    cr_assert_eq(n, NCR_PROOFS_MAX);
    desk_close(d);
}

Test(monitor, S64_unknown_requests)
{
    struct desk *d = desk_open();
    for (uint32_t type = 0; type < 300; type++) {
        struct ncr_mon_msg ask = {.type = type, .fds = {-1, -1}};
        if (type < NCR_MON_SIGN || type > NCR_MON_PTY) {
            cr_assert_not(ncr_monitor_request(&d->m, &ask, false));
            cr_assert_not(ncr_monitor_request(&d->m, &ask, true));
        }
    }
    desk_close(d);
}

Test(monitor, S64_log_lines_are_counted_and_levels_checked)
{
    struct desk *d = desk_open();
    struct ncr_mon_msg log = {.type = NCR_MON_LOG,
                              .value = {NCR_LOG_DEBUG3 + 1},
                              .field = {nacre_bytes_str("x")},
                              .fds = {-1, -1}};
    cr_assert_not(ncr_monitor_request(&d->m, &log, false));
    log.value[0] = UINT32_MAX;
    cr_assert_not(ncr_monitor_request(&d->m, &log, false));
    log.value[0] = NCR_LOG_INFO;
    int n = 0;
    while (n < 1000 && ncr_monitor_request(&d->m, &log, false)) {
        n++;
    }
    cr_assert_lt(n, 1000);
    desk_close(d);
}

/* ---- Messages ---------------------------------------------------------------------------- */

Test(monitor, S64_lengths_of_a_message)
{
    static const uint32_t lengths[] = {0,           1,          3,          4,          5,
                                       NCR_MON_MAX, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff};
    struct desk *d = desk_open();
    struct {
        uint32_t type, value[2], len[NCR_MON_FIELDS];
        uint8_t body[4];
    } raw;
    struct ncr_mon_msg msg;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (size_t k = 0; k < NCR_MON_FIELDS; k++) {
            memset(&raw, 0, sizeof raw);
            raw.len[k] = lengths[i];
            cr_assert_eq(send(d->far, &raw, sizeof raw, 0), (ssize_t)sizeof raw);
            cr_assert_eq(ncr_mon_recv(d->m.sock, &msg, d->buf), lengths[i] == 4,
                         "field %zu of %u bytes, 4 are there", k, (unsigned)lengths[i]);
        }
    }
    for (size_t n = 1; n < sizeof raw - sizeof raw.body; n++) {
        cr_assert_eq(send(d->far, &raw, n, 0), (ssize_t)n);
        cr_assert_not(ncr_mon_recv(d->m.sock, &msg, d->buf), "header cut at %zu", n);
    }
    desk_close(d);
}

Test(monitor, S64_a_message_has_a_limit)
{
    struct desk *d = desk_open();
    static uint8_t big[NCR_MON_MAX + 128];
    struct ncr_mon_msg msg = {.type = NCR_MON_LOG, .field = {{big, NCR_MON_MAX}}, .fds = {-1, -1}};
    cr_assert(ncr_mon_send(d->far, &msg));
    cr_assert(ncr_mon_recv(d->m.sock, &msg, d->buf));
    cr_assert_eq(msg.field[0].n, (size_t)NCR_MON_MAX);
    msg.field[0] = (struct nacre_bytes){big, NCR_MON_MAX};
    msg.field[1] = (struct nacre_bytes){big, 1};
    cr_assert_not(ncr_mon_send(d->far, &msg));
    memset(big, 0, 64);
    cr_assert_eq(send(d->far, big, sizeof big, 0), (ssize_t)sizeof big);
    cr_assert_not(ncr_mon_recv(d->m.sock, &msg, d->buf), "cut by the receiver");
    desk_close(d);
}

/* Descriptors come only where the session process waits for them. */
Test(monitor, S64_the_monitor_takes_no_descriptors)
{
    struct desk *d = desk_open();
    int pipe_fds[2], probe = dup(0);
    cr_assert_eq(pipe(pipe_fds), 0);
    close(probe);
    struct ncr_mon_msg msg = {.type = NCR_MON_LOG, .fds = {pipe_fds[0], pipe_fds[1]}};
    cr_assert(ncr_mon_send(d->far, &msg));
    struct ncr_mon_msg got;
    cr_assert(ncr_mon_recv(d->m.sock, &got, d->buf));
    cr_assert_eq(got.fds[0], -1);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    int after = dup(0);
    cr_assert_eq(after, probe, "nothing was installed");
    close(after);
    desk_close(d);
}

/* ---- Logins ------------------------------------------------------------------------------ */

Test(monitor, S64_the_monitor_verifies_signatures_itself)
{
    struct desk *d = desk_open();
    struct nacre_bytes blob = nacre_privkey_public_blob(&d->user);
    desk_sign(d);
    cr_assert_eq(
        desk_verdict(d, NACRE_STAGE_KEY_QUERY, d->me.name, blob, (struct nacre_bytes){NULL, 0}),
        NACRE_ACCEPT);
    cr_assert_eq(
        desk_verdict(d, NACRE_STAGE_KEY_PROVED, d->me.name, blob, (struct nacre_bytes){NULL, 0}),
        NACRE_REFUSE, "no signature");
    cr_assert_eq(desk_key(d, d->me.name, &d->user, &d->other, false), NACRE_REFUSE, "another's");
    cr_assert_eq(desk_key(d, d->me.name, &d->user, &d->user, true), NACRE_REFUSE,
                 "of another session");
    cr_assert_eq(desk_key(d, d->me.name, &d->other, &d->other, false), NACRE_REFUSE,
                 "not authorized");
    cr_assert_not(d->m.login.done);
    cr_assert_eq(desk_key(d, d->me.name, &d->user, &d->user, false), NACRE_ACCEPT);
    cr_assert(d->m.login.done);
    cr_assert_not_null(strstr(d->said, "Accepted publickey for "));
    cr_assert_not_null(strstr(d->said, "ED25519 SHA256:"));
    desk_close(d);
}

/* A signature that names no host key is none that does, whatever the network process says (S44). */
Test(monitor, S44_what_is_bound_is_part_of_the_signature)
{
    struct desk *d = desk_open();
    struct nacre_bytes blob = nacre_privkey_public_blob(&d->user);
    desk_sign(d);
    cr_assert_eq(desk_signed(d, d->me.name, blob, "ssh-ed25519", &d->user, false, 1), NACRE_REFUSE);
    cr_assert_eq(desk_signed(d, d->me.name, blob, "ssh-ed25519", &d->user, false, 0), NACRE_ACCEPT);
    desk_close(d);
}

/* The same of a certificate: the network process says that it verified, and the monitor looks
 * itself, at the authority's signature and at the user's. */
Test(monitor, S64_the_monitor_verifies_certificates_itself)
{
    static uint8_t blob[CERT_MAX];
    char option[256], ca_file[128];
    snprintf(ca_file, sizeof ca_file, "/tmp/nacre-monitor-ca-%d", (int)getpid());
    snprintf(option, sizeof option, "TrustedUserCAKeys %s", ca_file);
    const char *const lines[] = {option};
    struct desk *d = desk_open_with(lines, 1);
    struct cert_spec spec = {.before = NACRE_CERT_FOREVER, .principals = {d->me.name}};
    FILE *f = fopen(ca_file, "w");
    cr_assert_not_null(f);
    desk_key_line(f, &d->second);
    fclose(f);
    cr_assert_eq(chmod(ca_file, 0600), 0);
    desk_sign(d);
    for (int i = 0; i < 5; i++) {
        /* 0: another authority; 1: its name, another's signature; 2: another key signs; 3: as a
         * plain key's algorithm; 4: good */
        spec.ca_blob =
            i == 1 ? nacre_privkey_public_blob(&d->second) : (struct nacre_bytes){NULL, 0};
        struct nacre_bytes c = cert_make(blob, &spec, nacre_privkey_public_blob(&d->other),
                                         i < 2 ? &d->host : &d->second);
        enum nacre_verdict want = i == 4 ? NACRE_ACCEPT : NACRE_REFUSE;
        cr_assert_eq(desk_signed(d, d->me.name, c,
                                 i == 3 ? "ssh-ed25519" : "ssh-ed25519-cert-v01@openssh.com",
                                 i == 2 ? &d->user : &d->other, false, 0),
                     want, "case %d: %s", i, d->said);
    }
    cr_assert_eq(unlink(ca_file), 0);
    desk_close(d);
}

Test(monitor, S64_the_user_is_fixed_once)
{
    struct desk *d = desk_open();
    desk_sign(d);
    cr_assert_eq(desk_password(d, "ghost", "secret"), NACRE_REFUSE);
    cr_assert_eq(desk_password(d, d->me.name, "secret"), NACRE_REFUSE, "another user now");
    cr_assert_eq(desk_key(d, d->me.name, &d->user, &d->user, false), NACRE_REFUSE);
    desk_close(d);
}

Test(monitor, S38_an_unknown_user_is_refused_everything)
{
    struct desk *d = desk_open();
    struct nacre_bytes blob = nacre_privkey_public_blob(&d->user);
    desk_sign(d);
    cr_assert_eq(
        desk_verdict(d, NACRE_STAGE_KEY_QUERY, "ghost", blob, (struct nacre_bytes){NULL, 0}),
        NACRE_REFUSE);
    cr_assert_eq(desk_key(d, "ghost", &d->user, &d->user, false), NACRE_REFUSE);
    cr_assert_eq(desk_password(d, "ghost", "secret"), NACRE_REFUSE, "right, but no account");
    cr_assert_eq(desk_verdict(d, NACRE_STAGE_INTERACTIVE, "ghost", (struct nacre_bytes){NULL, 0},
                              (struct nacre_bytes){NULL, 0}),
                 NACRE_CHALLENGE, "asked as anybody is");
    cr_assert_eq(desk_verdict(d, NACRE_STAGE_RESPONSES, "ghost", (struct nacre_bytes){NULL, 0},
                              nacre_bytes_str("secret")),
                 NACRE_REFUSE);
    cr_assert_not_null(strstr(d->said, "Invalid user ghost from 192.0.2.1 port 4711"));
    cr_assert_not_null(strstr(d->said, "Failed password for invalid user ghost from 192.0.2.1"));
    desk_close(d);
}

Test(monitor, S70_a_users_file_that_others_can_write_to)
{
    struct desk *d = desk_open();
    desk_sign(d);
    cr_assert_eq(chmod(d->users_file, 0620), 0);
    cr_assert_eq(desk_password(d, d->me.name, "secret"), NACRE_REFUSE);
    cr_assert_eq(chmod(d->users_file, 0602), 0);
    cr_assert_eq(desk_password(d, d->me.name, "secret"), NACRE_REFUSE);
    cr_assert_eq(chmod(d->users_file, 0600), 0);
    cr_assert_eq(desk_password(d, d->me.name, "secret"), NACRE_ACCEPT);
    desk_close(d);
}

Test(monitor, names_that_are_none)
{
    static const uint8_t nul[] = {'r', 'o', 'o', 't', 0};
    struct desk *d = desk_open();
    static uint8_t longer[300];
    struct nacre_bytes names[] = {{NULL, 0}, {nul, sizeof nul}, {longer, sizeof longer}};
    memset(longer, 'a', sizeof longer);
    desk_sign(d);
    for (size_t i = 0; i < 3; i++) {
        struct ncr_mon_msg ask = {
            .type = NCR_MON_AUTH,
            .value = {NACRE_STAGE_PASSWORD},
            .field = {names[i], {NULL, 0}, {NULL, 0}, nacre_bytes_str("secret")},
            .fds = {-1, -1}};
        cr_assert(ncr_monitor_request(&d->m, &ask, false));
        cr_assert(desk_reply(d));
        cr_assert_eq(d->reply.value[0], (uint32_t)NACRE_REFUSE);
    }
    cr_assert_not(d->m.login.fixed);
    desk_close(d);
}

Test(monitor, S36_responses_need_a_challenge)
{
    struct desk *d = desk_open();
    struct nacre_bytes none = {NULL, 0};
    desk_sign(d);
    cr_assert_eq(
        desk_verdict(d, NACRE_STAGE_RESPONSES, d->me.name, none, nacre_bytes_str("secret")),
        NACRE_REFUSE);
    cr_assert_eq(desk_verdict(d, NACRE_STAGE_INTERACTIVE, d->me.name, none, none), NACRE_CHALLENGE);
    cr_assert_eq(desk_verdict(d, NACRE_STAGE_RESPONSES, d->me.name, none, nacre_bytes_str("wrong")),
                 NACRE_REFUSE);
    cr_assert_eq(
        desk_verdict(d, NACRE_STAGE_RESPONSES, d->me.name, none, nacre_bytes_str("secret")),
        NACRE_REFUSE, "one challenge, one response");
    cr_assert_eq(desk_verdict(d, NACRE_STAGE_INTERACTIVE, d->me.name, none, none), NACRE_CHALLENGE);
    cr_assert_eq(
        desk_verdict(d, NACRE_STAGE_RESPONSES, d->me.name, none, nacre_bytes_str("secret")),
        NACRE_ACCEPT);
    desk_close(d);
}

Test(monitor, S40_requests_are_counted)
{
    struct desk *d = desk_open();
    struct nacre_bytes none = {NULL, 0};
    int n = 0;
    desk_sign(d);
    while (n < 1000 && desk_auth(d, NACRE_STAGE_PASSWORD, "ghost", none, nacre_bytes_str("x"))) {
        cr_assert(desk_reply(d));
        n++;
    }
    cr_assert_leq(n, 64);
    desk_close(d);
}

/* ---- Several methods --------------------------------------------------------------------- */

Test(monitor, methods_in_a_row)
{
    static const char *const lines[] = {
        "AuthenticationMethods publickey,password publickey,keyboard-interactive"};
    struct desk *d = desk_open_with(lines, 1);
    struct nacre_bytes none = {NULL, 0};
    desk_sign(d);
    cr_assert_eq(ncr_login_methods(&d->m.login), (unsigned)NACRE_AUTH_PUBLICKEY);
    cr_assert_eq(desk_password(d, d->me.name, "secret"), NACRE_REFUSE, "not its turn");
    cr_assert_eq(desk_key(d, d->me.name, &d->user, &d->user, false), NACRE_PARTIAL);
    cr_assert_eq(d->reply.value[1], (unsigned)(NACRE_AUTH_PASSWORD | NACRE_AUTH_INTERACTIVE));
    cr_assert_not(d->m.login.done);
    cr_assert_eq(desk_key(d, d->me.name, &d->user, &d->user, false), NACRE_REFUSE, "was used");
    cr_assert_eq(desk_password(d, d->me.name, "wrong"), NACRE_REFUSE);
    cr_assert_eq(desk_verdict(d, NACRE_STAGE_INTERACTIVE, d->me.name, none, none), NACRE_CHALLENGE);
    cr_assert_eq(
        desk_verdict(d, NACRE_STAGE_RESPONSES, d->me.name, none, nacre_bytes_str("secret")),
        NACRE_ACCEPT);
    desk_close(d);
}

Test(monitor, S37_the_second_factor_of_another_user_does_not_count)
{
    static const char *const lines[] = {"AuthenticationMethods publickey,password"};
    struct desk *d = desk_open_with(lines, 1);
    desk_sign(d);
    cr_assert_eq(desk_key(d, d->me.name, &d->user, &d->user, false), NACRE_PARTIAL);
    cr_assert_eq(desk_password(d, "ghost", "secret"), NACRE_REFUSE);
    cr_assert_not(d->m.login.done);
    cr_assert_eq(desk_password(d, d->me.name, "secret"), NACRE_ACCEPT);
    desk_close(d);
}

Test(monitor, two_keys_are_two_different_keys)
{
    static const char *const lines[] = {"AuthenticationMethods publickey,publickey"};
    struct desk *d = desk_open_with(lines, 1);
    desk_sign(d);
    cr_assert_eq(desk_key(d, d->me.name, &d->user, &d->user, false), NACRE_PARTIAL);
    cr_assert_eq(desk_key(d, d->me.name, &d->user, &d->user, false), NACRE_REFUSE);
    cr_assert_eq(desk_key(d, d->me.name, &d->second, &d->second, false), NACRE_ACCEPT);
    desk_close(d);
}

Test(monitor, S58_methods_that_are_off_stay_off)
{
    static const char *const lines[] = {"PasswordAuthentication no", "PubkeyAuthentication no"};
    struct desk *d = desk_open_with(lines, 2);
    struct nacre_bytes none = {NULL, 0};
    desk_sign(d);
    cr_assert_eq(desk_password(d, d->me.name, "secret"), NACRE_REFUSE);
    cr_assert_eq(desk_verdict(d, NACRE_STAGE_KEY_QUERY, d->me.name,
                              nacre_privkey_public_blob(&d->user), none),
                 NACRE_REFUSE);
    cr_assert_eq(desk_key(d, d->me.name, &d->user, &d->user, false), NACRE_REFUSE);
    cr_assert_eq(desk_verdict(d, NACRE_STAGE_NONE, d->me.name, none, none), NACRE_REFUSE);
    desk_close(d);
}

Test(monitor, S58_deny_and_allow_lists)
{
    static const struct {
        const char *line[2];
        bool ok;
    } cases[] = {{{"AllowUsers nobody-else", "MaxSessions 1"}, false},
                 {{"AllowUsers *", "MaxSessions 1"}, true},
                 {{"AllowUsers *", "DenyUsers *"}, false},
                 {{"AllowUsers *@192.0.2.0/24", "MaxSessions 1"}, true},
                 {{"AllowUsers *@198.51.100.0/24", "MaxSessions 1"}, false},
                 {{"DenyUsers *@192.0.2.1", "MaxSessions 1"}, false},
                 {{"DenyUsers *@192.0.2.2", "MaxSessions 1"}, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct desk *d = desk_open_with(cases[i].line, 2);
        desk_sign(d);
        cr_assert_eq(desk_password(d, d->me.name, "secret") == NACRE_ACCEPT, cases[i].ok, "%s %s",
                     cases[i].line[0], cases[i].line[1]);
        desk_close(d);
    }
}

Test(monitor, root_logs_in_as_the_configuration_says)
{
    static const struct {
        const char *line;
        bool password, key;
    } cases[] = {{"PermitRootLogin yes", true, true},
                 {"PermitRootLogin prohibit-password", false, true},
                 {"PermitRootLogin forced-commands-only", false, false},
                 {"PermitRootLogin no", false, false}};
    if (getuid() != 0) {
        cr_skip_test("not root");
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct desk *d = desk_open_with(&cases[i].line, 1);
        desk_sign(d);
        cr_assert_eq(desk_password(d, "root", "secret") == NACRE_ACCEPT, cases[i].password, "%s",
                     cases[i].line);
        desk_close(d);
        d = desk_open_with(&cases[i].line, 1);
        desk_sign(d);
        cr_assert_eq(desk_key(d, "root", &d->user, &d->user, false) == NACRE_ACCEPT, cases[i].key,
                     "%s", cases[i].line);
        desk_close(d);
    }
}

/* ---- Terminals, names -------------------------------------------------------------------- */

Test(monitor, S63_the_slave_of_a_terminal_is_the_users)
{
    struct desk *d = desk_open();
    struct ncr_mon_msg ask = {.type = NCR_MON_PTY, .fds = {-1, -1}};
    struct stat st;
    desk_sign(d);
    cr_assert_eq(desk_password(d, d->me.name, "secret"), NACRE_ACCEPT);
    pid_t pid = fork();
    if (pid == 0) { /* the monitor */
        struct ncr_mon_msg got;
        bool ok = ncr_mon_recv(d->m.sock, &got, d->buf) && ncr_monitor_request(&d->m, &got, true);
        _exit(ok ? 0 : 1);
    }
    cr_assert_gt(pid, 0);
    cr_assert(ncr_mon_ask(d->far, &ask, &d->reply, d->buf));
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    if (d->reply.type != NCR_MON_REPLY) {
        desk_close(d);
        cr_skip_test("no terminals here");
    }
    cr_assert_geq(d->reply.fds[1], 0);
    cr_assert_eq(fstat(d->reply.fds[1], &st), 0);
    cr_assert_eq(st.st_uid, getuid());
    cr_assert_eq(st.st_mode & 07, 0u, "others have no access");
    cr_assert_eq(st.st_mode & 0110, 0u);
    close(d->reply.fds[0]);
    close(d->reply.fds[1]);
    desk_close(d);
}

/* Every byte that a name can hold, in three names. */
Test(monitor, S53_names_of_all_bytes_make_one_record_each)
{
    for (unsigned from = 1; from < 256; from += 100) {
        struct desk *d = desk_open();
        char name[128] = "%n%s";
        int pipe_fds[2];
        char text[4096];
        for (unsigned i = 0; i < 100 && from + i < 256; i++) {
            name[4 + i] = (char)(from + i);
        }
        cr_assert_eq(pipe(pipe_fds), 0);
        d->m.log.put = NULL;
        d->m.log.fd = pipe_fds[1];
        desk_sign(d);
        cr_assert_eq(desk_password(d, name, "x"), NACRE_REFUSE);
        close(pipe_fds[1]);
        ssize_t n = read(pipe_fds[0], text, sizeof text - 1);
        cr_assert_gt(n, 0);
        text[n] = '\0';
        unsigned lines = 0;
        for (ssize_t i = 0; i < n; i++) {
            lines += text[i] == '\n';
            cr_assert(text[i] == '\n' || ((unsigned char)text[i] >= 0x20 && text[i] != 0x7f));
        }
        cr_assert_eq(lines, 2u, "from %u: %s", from, text);
        cr_assert_not_null(strstr(text, "%n%s"));
        close(pipe_fds[0]);
        desk_close(d);
    }
}

Test(monitor, patterns_of_names)
{
    static const struct {
        const char *pattern, *name;
        bool ok;
    } cases[] = {{"joe", "joe", true},
                 {"joe", "Joe", false},
                 {"j*", "joe", true},
                 {"*", "", true},
                 {"?", "", false},
                 {"j?e", "joe", true},
                 {"*a*a*a*b", "aaaa", false},
                 {"**e", "joe", true},
                 {"", "x", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(ncr_login_glob(cases[i].pattern, strlen(cases[i].pattern), cases[i].name),
                     cases[i].ok, "%s %s", cases[i].pattern, cases[i].name);
    }
    static char name[256], pattern[256];
    memset(name, 'a', 255);
    for (size_t i = 0; i < 254; i += 2) {
        memcpy(pattern + i, "*a", 2);
    }
    strcpy(pattern + 252, "*b");
    cr_assert_not(ncr_login_glob(pattern, strlen(pattern), name), "and it ends");
}
