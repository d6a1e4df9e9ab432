/* SPDX-License-Identifier: ISC
 *
 * The environment of a user's program. It starts empty; nothing of the daemon's own goes in but TZ.
 * A client's variables are taken only if AcceptEnv names them, if their names are plain, and if
 * they are not among those that change what programs run or load: that list wins over any pattern
 * (CVE-2014-2532 and its kin). What the user's key or ~/.ssh/environment sets is taken only if
 * PermitUserEnvironment allows its name, and that list wins there too: it is for users who may not
 * run whatever they like.
 */
#include "server/session_posix.h"

#include "proto/posix/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENV_PATH_USER "/usr/local/bin:/usr/bin:/bin:/usr/games"
#define ENV_PATH_ROOT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ENV_OWN_MAX 32
#define ENV_TEXT_MAX (16 * 1024)
#define ENV_USER_FILE ".ssh/environment"
#define ENV_USER_MAX 256 /* variables of keys and of that file */
#define ENV_USER_BYTES (32 * 1024)

static const char *const env_denied[] = {
    "LD_*",        "DYLD_*",      "GLIBC_TUNABLES",
    "MALLOC_*",    "BASH_ENV",    "BASH_FUNC_*",
    "ENV",         "IFS",         "PATH",
    "SHELL",       "SHELLOPTS",   "BASHOPTS",
    "PS4",         "HOME",        "USER",
    "LOGNAME",     "CDPATH",      "GLOBIGNORE",
    "PERL*",       "PYTHON*",     "RUBY*",
    "NODE_*",      "GCONV_PATH",  "NLSPATH",
    "LOCPATH",     "TERMCAP",     "TERMINFO*",
    "SSH_*",       "HOSTALIASES", "LOCALDOMAIN",
    "RES_OPTIONS", "TMPDIR",      "JAVA_TOOL_OPTIONS",
};

/* ---- A client's variables ---------------------------------------------------------------- */

static bool env_name_plain(struct nacre_bytes name)
{
    for (size_t i = 0; i < name.n; i++) {
        uint8_t ch = name.p[i];
        bool letter = (ch | 0x20) >= 'a' && (ch | 0x20) <= 'z';
        bool digit = ch >= '0' && ch <= '9';
        if (!letter && !digit && ch != '_') {
            return false;
        }
    }
    return name.n > 0 && name.n < 128;
}

/* Neither malformed nor one that nobody but the daemon may set. */
static bool env_name_harmless(struct nacre_bytes name)
{
    bool ok = env_name_plain(name);
    for (size_t i = 0; ok && i < sizeof env_denied / sizeof *env_denied; i++) {
        ok = !ncr_sshd_config_glob(env_denied[i], strlen(env_denied[i]), (const char *)name.p,
                                   name.n);
    }
    return ok;
}

bool ncr_session_env_allowed(const struct ncr_sshd_config *cfg, struct nacre_bytes name)
{
    bool ok = false;
    for (size_t i = 0; i < cfg->accept_env.n && name.n > 0; i++) {
        const char *w = cfg->accept_env.word[i];
        ok = ok || ncr_sshd_config_glob(w, strlen(w), (const char *)name.p, name.n);
    }
    return ok && env_name_harmless(name);
}

bool ncr_session_env_add(const struct ncr_sshd_config *cfg, struct ncr_session_chan *c,
                         struct nacre_bytes name, struct nacre_bytes value)
{
    size_t n = name.n + value.n + 2;
    if (!ncr_session_env_allowed(cfg, name) || c->n_env == NCR_SESSION_ENV_MAX ||
        value.n > NCR_SESSION_ENV_BYTES || n > NCR_SESSION_ENV_BYTES - c->env_bytes ||
        (value.n > 0 && memchr(value.p, '\0', value.n) != NULL)) {
        return false;
    }
    char *text = malloc(n);
    if (text == NULL) {
        return false;
    }
    memcpy(text, name.p, name.n);
    text[name.n] = '=';
    if (value.n > 0) {
        memcpy(text + name.n + 1, value.p, value.n);
    }
    text[n - 1] = '\0';
    c->env[c->n_env++] = text;
    c->env_bytes += n;
    return true;
}

/* ---- The whole --------------------------------------------------------------------------- */

/* Pointers first, then the text that our own ones point to. */
struct env_list {
    char **at;
    size_t n, max;
    char *text;
    size_t room;
    bool full;
};

static void env_put(struct env_list *e, const char *name, const char *value, size_t value_len)
{
    size_t name_len = strlen(name), len = name_len + value_len + 2;
    if (e->n == e->max || len > e->room) {
        e->full = true;
        return;
    }
    memcpy(e->text, name, name_len);
    e->text[name_len] = '=';
    memcpy(e->text + name_len + 1, value, value_len);
    e->text[len - 1] = '\0';
    e->at[e->n++] = e->text;
    e->text += len;
    e->room -= len;
}

static void env_set(struct env_list *e, const char *name, const char *value)
{
    env_put(e, name, value, strlen(value));
}

/* A finished NAME=value, unless the name is there already: the first one wins. */
static void env_take(struct env_list *e, char *pair)
{
    size_t n = strcspn(pair, "=");
    for (size_t i = 0; i < e->n; i++) {
        if (strncmp(e->at[i], pair, n) == 0 && e->at[i][n] == '=') {
            return;
        }
    }
    if (e->n < e->max && pair[n] == '=') {
        e->at[e->n++] = pair;
    }
}

/* A variable that the user has set in a file: what is not allowed is left out. */
static void env_user(struct env_list *e, struct nacre_bytes pair, size_t *left)
{
    const uint8_t *eq = pair.n > 0 ? memchr(pair.p, '=', pair.n) : NULL;
    struct nacre_bytes name = {pair.p, eq != NULL ? (size_t)(eq - pair.p) : 0};
    if (name.n == 0 || !env_name_harmless(name) || pair.n >= *left || e->n == e->max ||
        memchr(pair.p, '\0', pair.n) != NULL) {
        return;
    }
    *left -= pair.n + 1;
    memcpy(e->text, pair.p, pair.n);
    e->text[pair.n] = '\0';
    env_take(e, e->text);
    e->text += pair.n + 1;
    e->room -= pair.n + 1;
}

/* NAME=value lines; blank ones and comments are skipped, and what is none of them. */
static void env_user_file(struct env_list *e, const struct ncr_session *s, size_t *left)
{
    char path[NCR_ACCOUNT_PATH_MAX + sizeof ENV_USER_FILE + 1];
    struct ncr_file f;
    snprintf(path, sizeof path, "%s/%s", s->account->home, ENV_USER_FILE);
    if (s->m->cfg->user_env == NULL || ncr_file_read(&f, path, ENV_USER_BYTES) != NACRE_OK) {
        return;
    }
    for (size_t at = 0; at < f.n;) {
        const uint8_t *end = memchr(f.p + at, '\n', f.n - at);
        struct nacre_bytes line = {f.p + at, (end != NULL ? (size_t)(end - f.p) : f.n) - at};
        at += line.n + 1;
        while (line.n > 0 && (*line.p == ' ' || *line.p == '\t')) {
            line.p++;
            line.n--;
        }
        const uint8_t *eq = line.n > 0 ? memchr(line.p, '=', line.n) : NULL;
        struct nacre_bytes name = {line.p, eq != NULL ? (size_t)(eq - line.p) : 0};
        if (ncr_sshd_config_user_env(s->m->cfg, name)) {
            env_user(e, line, left);
        }
    }
    ncr_file_wipe(&f);
}

static void env_users(struct env_list *e, const struct ncr_session *s)
{
    size_t left = ENV_USER_BYTES, at = 0;
    struct nacre_bytes pair;
    while ((pair = ncr_rights_env(s->rights, &at)).n > 0) {
        env_user(e, pair, &left);
    }
    env_user_file(e, s, &left);
}

static void env_account(struct env_list *e, const struct ncr_account *a)
{
    char mail[NCR_ACCOUNT_NAME_MAX + 16];
    snprintf(mail, sizeof mail, "/var/mail/%s", a->name);
    env_set(e, "USER", a->name);
    env_set(e, "LOGNAME", a->name);
    env_set(e, "HOME", a->home);
    env_set(e, "PATH", a->uid == 0 ? ENV_PATH_ROOT : ENV_PATH_USER);
    env_set(e, "SHELL", a->shell);
    env_set(e, "MAIL", mail);
    const char *tz = getenv("TZ");
    if (tz != NULL && strlen(tz) < 256) {
        env_set(e, "TZ", tz);
    }
}

static void env_connection(struct env_list *e, const struct ncr_monitor *m)
{
    char text[256];
    snprintf(text, sizeof text, "%s %u %u", m->addr, (unsigned)m->port, (unsigned)m->local_port);
    env_set(e, "SSH_CLIENT", text);
    snprintf(text, sizeof text, "%s %u %s %u", m->addr, (unsigned)m->port, m->local_addr,
             (unsigned)m->local_port);
    env_set(e, "SSH_CONNECTION", text);
}

char **ncr_session_env(const struct ncr_session *s, const struct ncr_session_chan *c,
                       struct nacre_bytes command)
{
    const struct ncr_sshd_list *set = &s->m->cfg->set_env;
    size_t users = s->m->cfg->user_env != NULL ? ENV_USER_BYTES : 0;
    size_t max = ENV_OWN_MAX + ENV_USER_MAX + c->n_env + set->n;
    size_t text = ENV_TEXT_MAX + command.n + users;
    char **at = calloc(1, (max + 1) * sizeof *at + text);
    if (at == NULL) {
        return NULL;
    }
    struct env_list e = {.at = at, .max = max, .text = (char *)(at + max + 1), .room = text};
    env_account(&e, s->account);
    env_connection(&e, s->m);
    if (c->tty[0] != '\0') {
        env_set(&e, "SSH_TTY", c->tty);
        env_set(&e, "TERM", c->term);
    }
    if (ncr_session_agent_path(s) != NULL) {
        env_set(&e, "SSH_AUTH_SOCK", ncr_session_agent_path(s));
    }
    if (command.p != NULL) {
        env_put(&e, "SSH_ORIGINAL_COMMAND", (const char *)command.p, command.n);
    }
    for (size_t i = 0; i < set->n; i++) {
        env_take(&e, (char *)(uintptr_t)set->word[i]);
    }
    if (users > 0 && !e.full) {
        env_users(&e, s);
    }
    for (size_t i = 0; i < c->n_env; i++) {
        env_take(&e, c->env[i]);
    }
    if (e.full) {
        free(at);
        return NULL;
    }
    return at;
}
