/* SPDX-License-Identifier: ISC
 *
 * One login at the daemon: see login.h. The order of every check: is the method due, is the account
 * one that may log in, is the credential right; all are made, and the result is one "no".
 */
#include "server/login.h"

#include "proto/posix/file.h"
#include "server/users_file.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOGIN_PASSWD "/etc/passwd"
#define LOGIN_SHADOW "/etc/shadow"
#define LOGIN_DAY 86400 /* seconds */
#define LOGIN_NOLOGIN "/etc/nologin"
#define LOGIN_USERS_MAX (1024 * 1024)
#define LOGIN_SIGNED_MAX 36000 /* session id, names, a key blob of 16 KiB, a host key */

struct login_method {
    unsigned bit;
    const char *name;
};

static const struct login_method login_methods[] = {
    {NACRE_AUTH_NONE, "none"},
    {NACRE_AUTH_PUBLICKEY, "publickey"},
    {NACRE_AUTH_PASSWORD, "password"},
    {NACRE_AUTH_INTERACTIVE, "keyboard-interactive"},
};

static const struct login_method *login_method(enum nacre_auth_stage stage)
{
    switch (stage) {
    case NACRE_STAGE_KEY_QUERY:
    case NACRE_STAGE_KEY_PROVED:
        return &login_methods[1];
    case NACRE_STAGE_PASSWORD:
    case NACRE_STAGE_NEW_PASSWORD:
        return &login_methods[2];
    case NACRE_STAGE_INTERACTIVE:
    case NACRE_STAGE_RESPONSES:
        return &login_methods[3];
    default:
        return &login_methods[0];
    }
}

void ncr_login_init(struct ncr_login *l, const struct ncr_sshd_config *cfg,
                    const struct ncr_log *log, const char *addr, uint32_t port)
{
    memset(l, 0, sizeof *l);
    l->cfg = cfg;
    l->log = log;
    l->addr = addr;
    l->port = port;
    l->as_root = geteuid() == 0;
    l->serve_uid = getuid();
    l->rights.cfg = cfg;
}

void ncr_login_wipe(struct ncr_login *l)
{
    ncr_rights_clear(&l->rights);
    nacre_wipe(l, sizeof *l);
}

/* ---- Accounts ---------------------------------------------------------------------------- */

bool ncr_login_glob(const char *pattern, size_t n, const char *name)
{
    return ncr_sshd_config_glob(pattern, n, name, strlen(name));
}

/* USER or USER@ADDRESS, both patterns. */
static bool login_listed(const struct ncr_login *l, const struct ncr_sshd_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *w = list->word[i];
        const char *at = strrchr(w, '@');
        size_t n = at != NULL ? (size_t)(at - w) : strlen(w);
        if (ncr_login_glob(w, n, l->user) &&
            (at == NULL || nacre_addr_list_match(nacre_bytes_str(at + 1),
                                                 nacre_bytes_str(l->addr)) == NACRE_ADDR_YES)) {
            return true;
        }
    }
    return false;
}

/* Why the account may not log in; NULL: it may. */
static const char *login_barred(const struct ncr_login *l)
{
    if (!l->as_root && l->account.uid != l->serve_uid) {
        return "this server serves another user alone";
    }
    if (l->account.locked) {
        return "account is locked";
    }
    const char *shadow =
        ncr_account_shadow(LOGIN_SHADOW, l->user, (uint64_t)time(NULL) / LOGIN_DAY);
    if (shadow != NULL) {
        return shadow;
    }
    if (login_listed(l, &l->cfg->deny_users)) {
        return "listed in DenyUsers";
    }
    if (l->cfg->allow_users.n > 0 && !login_listed(l, &l->cfg->allow_users)) {
        return "not listed in AllowUsers";
    }
    if (access(l->account.shell, X_OK) != 0) {
        return "its shell does not exist or cannot be run";
    }
    if (l->account.uid != 0 && access(LOGIN_NOLOGIN, F_OK) == 0) {
        return "/etc/nologin exists";
    }
    return NULL;
}

static bool login_fix_user(struct ncr_login *l, struct nacre_bytes user)
{
    if (l->fixed) {
        return nacre_bytes_is(user, l->user);
    }
    if (user.n == 0 || user.n > NCR_LOGIN_USER_MAX || memchr(user.p, '\0', user.n) != NULL) {
        return false;
    }
    memcpy(l->user, user.p, user.n);
    l->user[user.n] = '\0';
    l->fixed = true;
    if (!ncr_account_by_name(&l->account, LOGIN_PASSWD, l->user)) {
        ncr_log(l->log, NCR_LOG_INFO, "Invalid user %s from %s port %u", l->user, l->addr,
                (unsigned)l->port);
        return true;
    }
    ncr_account_load_groups(&l->account, "/etc/group");
    const char *why = login_barred(l);
    if (why != NULL) {
        ncr_log(l->log, NCR_LOG_INFO, "User %s from %s not allowed: %s", l->user, l->addr, why);
    }
    l->valid = why == NULL;
    return true;
}

/* ---- Which methods ----------------------------------------------------------------------- */

static unsigned login_enabled(const struct ncr_login *l)
{
    return (l->cfg->pubkey ? (unsigned)NACRE_AUTH_PUBLICKEY : 0) |
           (l->cfg->password ? (unsigned)NACRE_AUTH_PASSWORD : 0) |
           (l->cfg->kbdint ? (unsigned)NACRE_AUTH_INTERACTIVE : 0);
}

/* The method at place i of a comma-separated list; 0 past its end. */
static unsigned login_list_at(const char *list, size_t i)
{
    for (;; i--) {
        size_t n = strcspn(list, ",");
        if (i == 0) {
            return n == 0 ? 0 : ncr_sshd_config_method(list, n);
        }
        if (list[n] == '\0') {
            return 0;
        }
        list += n + 1;
    }
}

unsigned ncr_login_methods(const struct ncr_login *l)
{
    const struct ncr_sshd_list *lists = &l->cfg->auth_lists;
    unsigned set = lists->n == 0 ? ~0u : 0;
    for (size_t i = 0; i < lists->n; i++) {
        if (l->step[i] != UINT8_MAX) {
            set |= login_list_at(lists->word[i], l->step[i]);
        }
    }
    return set & login_enabled(l);
}

/* A method succeeded: lists that it leads advance, others drop out. True if one is complete. */
static bool login_advance(struct ncr_login *l, unsigned bit)
{
    const struct ncr_sshd_list *lists = &l->cfg->auth_lists;
    bool complete = lists->n == 0;
    for (size_t i = 0; i < lists->n; i++) {
        if (l->step[i] == UINT8_MAX) {
            continue;
        }
        if ((login_list_at(lists->word[i], l->step[i]) & bit) == 0) {
            l->step[i] = UINT8_MAX;
            continue;
        }
        l->step[i]++;
        complete = complete || login_list_at(lists->word[i], l->step[i]) == 0;
    }
    return complete;
}

/* ---- Keys -------------------------------------------------------------------------------- */

/* g is to be freed, whatever the result. */
static bool login_key_known(struct ncr_login *l, struct nacre_bytes blob, struct ncr_grant *g)
{
    memset(g, 0, sizeof *g);
    struct ncr_authorized_query q = {.cfg = l->cfg,
                                     .log = l->log,
                                     .account = &l->account,
                                     .blob = blob,
                                     .addr = l->addr,
                                     .connection = l->connection,
                                     .deadline = l->deadline,
                                     .user = l->user};
    return blob.n > 0 && ncr_cert_auth(&q, l->valid, g);
}

static bool login_key_query(struct ncr_login *l, struct nacre_bytes blob)
{
    struct ncr_grant g;
    bool ok = login_key_known(l, blob, &g);
    ncr_grant_free(&g);
    return ok;
}

static size_t login_put(uint8_t *out, size_t n, struct nacre_bytes b)
{
    out[n] = (uint8_t)(b.n >> 24);
    out[n + 1] = (uint8_t)(b.n >> 16);
    out[n + 2] = (uint8_t)(b.n >> 8);
    out[n + 3] = (uint8_t)b.n;
    if (b.n > 0) {
        memcpy(out + n + 4, b.p, b.n);
    }
    return n + 4 + b.n;
}

/* RFC 4252 7, and OpenSSH's PROTOCOL for the host key: what the client has signed, put together
 * from what the monitor knows. */
static bool login_signature(const struct ncr_login *l, const struct ncr_login_ask *a,
                            uint8_t demand)
{
    static uint8_t m[LOGIN_SIGNED_MAX];
    static uint64_t work[NACRE_WORK];
    struct nacre_bytes id = {l->session_id, l->session_id_len};
    if (id.n == 0 || a->alg.n > 64 || a->blob.n > NACRE_KEY_BLOB_MAX ||
        !ncr_sshd_config_takes_sig(l->cfg, a->alg)) {
        return false;
    }
    size_t n = login_put(m, 0, id);
    m[n++] = 50; /* SSH_MSG_USERAUTH_REQUEST */
    n = login_put(m, n, nacre_bytes_str(l->user));
    n = login_put(m, n, nacre_bytes_str("ssh-connection"));
    n = login_put(
        m, n, nacre_bytes_str(a->host_bound ? "publickey-hostbound-v00@openssh.com" : "publickey"));
    m[n++] = 1;
    n = login_put(m, n, a->alg);
    n = login_put(m, n, a->blob);
    if (a->host_bound) {
        n = login_put(m, n, l->host_key);
    }
    return nacre_sig_verify_sk(NACRE_ALGS_ALL, a->alg, a->blob, (struct nacre_bytes){m, n},
                               a->secret, demand, work) == NACRE_OK;
}

/* A key counts once: "publickey,publickey" wants two different ones, and another certificate for a
 * key is no other key. */
static bool login_key_fresh(struct ncr_login *l, struct nacre_bytes blob)
{
    static uint8_t plain[NACRE_KEY_BLOB_MAX];
    struct nacre_cert c;
    struct nacre_sha256 h;
    uint8_t d[NACRE_SHA256_LEN];
    if (nacre_cert_is(blob)) {
        if (nacre_cert_decode(&c, blob, plain, sizeof plain) != NACRE_OK) {
            return false;
        }
        blob = c.plain;
    }
    nacre_sha256_init(&h);
    nacre_sha256_update(&h, blob.p, blob.n);
    nacre_sha256_final(d, &h);
    for (size_t i = 0; i < l->n_used; i++) {
        if (memcmp(l->used[i], d, sizeof d) == 0) {
            return false;
        }
    }
    if (l->n_used == NCR_LOGIN_KEYS_MAX) {
        return false;
    }
    memcpy(l->used[l->n_used++], d, sizeof d);
    return true;
}

static bool login_key_proved(struct ncr_login *l, const struct ncr_login_ask *a)
{
    struct ncr_grant g;
    if (!login_key_known(l, a->blob, &g)) {
        return false;
    }
    if (!login_signature(l, a, ncr_grant_demand(l->cfg, &g)) || !login_key_fresh(l, a->blob)) {
        ncr_grant_free(&g);
        return false;
    }
    return ncr_rights_grant(&l->rights, &g);
}

/* ---- Passwords --------------------------------------------------------------------------- */

/* The work is the same for every name; whether the account may log in is asked last. */
static bool login_password(const struct ncr_login *l, struct nacre_bytes password)
{
    struct ncr_file f;
    if (l->cfg->users_file == NULL) {
        return false;
    }
    nacre_err err = ncr_file_read(&f, l->cfg->users_file, LOGIN_USERS_MAX);
    if (err != NACRE_OK) {
        ncr_log(l->log, NCR_LOG_ERROR, "UsersFile %s: %s", l->cfg->users_file, ncr_file_error(err));
        return false;
    }
    bool ours = (f.st.st_mode & 022) == 0;
    if (!ours) {
        ncr_log(l->log, NCR_LOG_ERROR, "UsersFile %s: can be written to by others",
                l->cfg->users_file);
    }
    bool ok =
        ncr_users_check((struct nacre_bytes){f.p, f.n}, nacre_bytes_str(l->user), password) && ours;
    ncr_file_wipe(&f);
    return ok && l->valid;
}

/* ---- The verdict ------------------------------------------------------------------------- */

static bool login_root_allowed(const struct ncr_login *l, unsigned bit)
{
    if (!l->account.found || l->account.uid != 0 || l->cfg->root == NCR_ROOT_YES) {
        return true;
    }
    if (bit != NACRE_AUTH_PUBLICKEY) {
        return false;
    }
    return l->cfg->root == NCR_ROOT_KEYS ||
           (l->cfg->root == NCR_ROOT_FORCED && ncr_rights_key_command(&l->rights));
}

/* ": ED25519 SHA256:...", of a certificate with its id, serial number and authority, as sshd has
 * it. */
static void login_describe(char *out, size_t cap, struct nacre_bytes blob)
{
    static uint8_t plain[NACRE_KEY_BLOB_MAX];
    char fp[NACRE_FINGERPRINT_LEN], ca_fp[NACRE_FINGERPRINT_LEN];
    struct nacre_pubkey k, ca;
    struct nacre_cert c;
    out[0] = '\0';
    if (blob.n == 0) {
        return;
    }
    if (nacre_pubkey_decode(&k, blob) == NACRE_OK) {
        nacre_fingerprint(fp, NACRE_FP_SHA256, blob);
        snprintf(out, cap, ": %s %s", nacre_pubkey_label(&k), fp);
        return;
    }
    if (nacre_cert_decode(&c, blob, plain, sizeof plain) != NACRE_OK ||
        nacre_pubkey_decode(&k, c.plain) != NACRE_OK ||
        nacre_pubkey_decode(&ca, c.ca) != NACRE_OK) {
        return;
    }
    nacre_fingerprint(fp, NACRE_FP_SHA256, c.plain);
    nacre_fingerprint(ca_fp, NACRE_FP_SHA256, c.ca);
    snprintf(out, cap, ": %s-CERT %s ID %.*s (serial %llu) CA %s %s", nacre_pubkey_label(&k), fp,
             (int)(c.key_id.n < 256 ? c.key_id.n : 256),
             c.key_id.n > 0 ? (const char *)c.key_id.p : "", (unsigned long long)c.serial,
             nacre_pubkey_label(&ca), ca_fp);
}

static void login_log(const struct ncr_login *l, const struct ncr_login_ask *a, const char *what,
                      const char *method)
{
    char key[768];
    bool accepted = strcmp(what, "Accepted") == 0;
    bool loud = accepted || !l->valid || l->failures >= l->cfg->auth_tries / 2 ||
                a->stage == NACRE_STAGE_PASSWORD;
    login_describe(key, sizeof key, a->blob);
    ncr_log(l->log, loud ? NCR_LOG_INFO : NCR_LOG_VERBOSE, "%s %s for %s%s from %s port %u ssh2%s",
            what, method, l->valid ? "" : "invalid user ", l->user, l->addr, (unsigned)l->port,
            key);
}

static struct ncr_login_verdict login_no(struct ncr_login *l)
{
    struct ncr_login_verdict v = {NACRE_REFUSE, ncr_login_methods(l)};
    return v;
}

static struct ncr_login_verdict login_yes(struct ncr_login *l, const struct ncr_login_ask *a,
                                          const struct login_method *m)
{
    struct ncr_login_verdict v = {NACRE_PARTIAL, 0};
    if (!login_root_allowed(l, m->bit)) {
        ncr_log(l->log, NCR_LOG_INFO, "ROOT LOGIN REFUSED FROM %s port %u", l->addr,
                (unsigned)l->port);
        l->failures++;
        return login_no(l);
    }
    l->done = login_advance(l, m->bit);
    v.methods = ncr_login_methods(l);
    v.verdict = l->done ? NACRE_ACCEPT : NACRE_PARTIAL;
    login_log(l, a, l->done ? "Accepted" : "Partial", m->name);
    if (!l->done && v.methods == 0) { /* no list can be completed with what is enabled */
        v.verdict = NACRE_REFUSE;
    }
    return v;
}

/* Whether the credential is right. QUERY and INTERACTIVE are answered before. */
static bool login_right(struct ncr_login *l, const struct ncr_login_ask *a)
{
    switch (a->stage) {
    case NACRE_STAGE_KEY_PROVED:
        return login_key_proved(l, a);
    case NACRE_STAGE_PASSWORD:
        return login_password(l, a->secret);
    case NACRE_STAGE_RESPONSES: {
        bool due = l->challenged;
        l->challenged = false;
        return login_password(l, a->secret) && due;
    }
    default:
        return false;
    }
}

struct ncr_login_verdict ncr_login_ask(struct ncr_login *l, const struct ncr_login_ask *a)
{
    const struct login_method *m = login_method(a->stage);
    struct ncr_login_verdict v = {NACRE_REFUSE, 0};
    if (l->done || !login_fix_user(l, a->user)) {
        return v;
    }
    bool due = (ncr_login_methods(l) & m->bit) != 0;
    if (a->stage == NACRE_STAGE_NONE) {
        return login_no(l);
    }
    l->asked++;
    if (a->stage == NACRE_STAGE_KEY_QUERY) {
        v = login_no(l);
        v.verdict = due && login_key_query(l, a->blob) ? NACRE_ACCEPT : NACRE_REFUSE;
        return v;
    }
    if (a->stage == NACRE_STAGE_INTERACTIVE && due) {
        l->challenged = true;
        v.verdict = NACRE_CHALLENGE;
        return v;
    }
    /* A password costs its work whether or not it is due; a key brings rights along, so only then.
     */
    bool look = due || a->stage != NACRE_STAGE_KEY_PROVED;
    if (look && login_right(l, a) && due) {
        return login_yes(l, a, m);
    }
    l->failures++;
    login_log(l, a, "Failed", m->name);
    return login_no(l);
}
