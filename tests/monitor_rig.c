/* SPDX-License-Identifier: ISC
 *
 * A monitor to put requests to: see monitor_rig.h.
 */
#include "tests/monitor_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the operations work in. */
static uint64_t work[NACRE_WORK];

static struct office office_state;

static void office_put(void *ctx, enum ncr_log_level level, const char *text)
{
    struct office *d = ctx;
    size_t n = strlen(d->said);
    (void)level;
    snprintf(d->said + n, sizeof d->said - n, "%s\n", text);
}

static void office_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    cr_assert_geq(fputs(text, f), 0);
    fclose(f);
}

void office_key_line(FILE *f, const struct nacre_privkey *k)
{
    char line[256];
    cr_assert_eq(nacre_pubkey_format(line, sizeof line, nacre_privkey_public_blob(k),
                                     (struct nacre_bytes){NULL, 0}),
                 NACRE_OK);
    fprintf(f, "%s\n", line);
}

static void office_keys(struct office *d)
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
    office_key_line(f, &d->user);
    office_key_line(f, &d->second);
    fclose(f);
}

static void office_config(struct office *d, const char *const lines[], size_t n)
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

struct office *office_open_with(const char *const lines[], size_t n)
{
    struct office *d = &office_state;
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
    office_file(d->users_file, text);
    office_keys(d);
    office_config(d, lines, n);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    d->far = pair[1];
    d->m.sock = pair[0];
    d->m.cfg = &d->cfg;
    d->m.keys = &d->keys;
    d->m.log = (struct ncr_log){.level = NCR_LOG_VERBOSE, .fd = -1, .put = office_put, .ctx = d};
    ncr_login_init(&d->m.login, &d->cfg, &d->m.log, "192.0.2.1", 4711);
    return d;
}

struct office *office_open(void)
{
    return office_open_with(NULL, 0);
}

void office_close(struct office *d)
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

bool office_reply(struct office *d)
{
    return ncr_mon_recv(d->far, &d->reply, d->buf);
}

bool office_sign_with(struct office *d, struct nacre_bytes blob, size_t n, bool authed)
{
    static const uint8_t hash[256] = {1, 2, 3};
    struct ncr_mon_msg ask = {.type = NCR_MON_SIGN,
                              .field = {nacre_bytes_str("ssh-ed25519"), blob, {hash, n}},
                              .fds = {-1, -1}};
    return ncr_monitor_request(&d->m, &ask, authed);
}

void office_sign(struct office *d)
{
    cr_assert(office_sign_with(d, d->host_blob, 32, false));
    cr_assert(office_reply(d));
    cr_assert_eq(d->reply.type, (uint32_t)NCR_MON_REPLY);
}

bool office_auth(struct office *d, uint32_t stage, const char *user, struct nacre_bytes blob,
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
enum nacre_verdict office_verdict(struct office *d, uint32_t stage, const char *user,
                                  struct nacre_bytes blob, struct nacre_bytes secret)
{
    cr_assert(office_auth(d, stage, user, blob, secret));
    cr_assert(office_reply(d));
    cr_assert_eq(d->reply.type, (uint32_t)NCR_MON_REPLY);
    return (enum nacre_verdict)d->reply.value[0];
}

enum nacre_verdict office_password(struct office *d, const char *user, const char *password)
{
    return office_verdict(d, NACRE_STAGE_PASSWORD, user, (struct nacre_bytes){NULL, 0},
                          nacre_bytes_str(password));
}

static size_t office_string(uint8_t *m, size_t n, struct nacre_bytes b)
{
    m[n] = m[n + 1] = 0;
    m[n + 2] = (uint8_t)(b.n >> 8);
    m[n + 3] = (uint8_t)b.n;
    memcpy(m + n + 4, b.p, b.n);
    return n + 4 + b.n;
}

/* A signature by key over what RFC 4252 section 7 has, for the blob named and the user. */
enum nacre_verdict office_signed(struct office *d, const char *user, struct nacre_bytes blob,
                                 const char *alg_name, const struct nacre_privkey *key, bool spoil,
                                 uint32_t bound)
{
    uint8_t m[8192], sig[256];
    struct nacre_bytes alg = nacre_bytes_str(alg_name);
    size_t k = 0;
    size_t n =
        office_string(m, 0, (struct nacre_bytes){d->m.login.session_id, d->m.login.session_id_len});
    m[n++] = 50;
    n = office_string(m, n, nacre_bytes_str(user));
    n = office_string(m, n, nacre_bytes_str("ssh-connection"));
    n = office_string(m, n, nacre_bytes_str("publickey"));
    m[n++] = 1;
    n = office_string(m, n, alg);
    n = office_string(m, n, blob);
    m[4] = (uint8_t)(m[4] ^ (spoil ? 1 : 0));
    cr_assert_eq(nacre_privkey_sign(key, alg, (struct nacre_bytes){m, n}, sig, sizeof sig, &k,
                                    &nacre_rng_os, work),
                 NACRE_OK);
    struct ncr_mon_msg ask = {.type = NCR_MON_AUTH,
                              .value = {NACRE_STAGE_KEY_PROVED, bound},
                              .field = {nacre_bytes_str(user), alg, blob, {sig, k}},
                              .fds = {-1, -1}};
    cr_assert(ncr_monitor_request(&d->m, &ask, false));
    cr_assert(office_reply(d));
    cr_assert_eq(d->reply.type, (uint32_t)NCR_MON_REPLY);
    return (enum nacre_verdict)d->reply.value[0];
}

enum nacre_verdict office_key(struct office *d, const char *user, const struct nacre_privkey *named,
                              const struct nacre_privkey *key, bool spoil)
{
    return office_signed(d, user, nacre_privkey_public_blob(named), "ssh-ed25519", key, spoil, 0);
}
