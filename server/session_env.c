/* SPDX-License-Identifier: ISC
 *
 * The environment of a user's program. It starts empty; nothing of the daemon's own goes in but TZ.
 * A client's variables are taken only if AcceptEnv names them, if their names are plain, and if
 * they are not among those that change what programs run or load: that list wins over any pattern
 * (CVE-2014-2532 and its kin).
 */
#include "server/session_posix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENV_PATH_USER "/usr/local/bin:/usr/bin:/bin:/usr/games"
#define ENV_PATH_ROOT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ENV_OWN_MAX 32
#define ENV_TEXT_MAX (16 * 1024)

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

bool ncr_session_env_allowed(const struct ncr_sshd_config *cfg, struct nacre_bytes name)
{
    char text[128];
    bool ok = false;
    if (!env_name_plain(name)) {
        return false;
    }
    memcpy(text, name.p, name.n);
    text[name.n] = '\0';
    for (size_t i = 0; i < cfg->accept_env.n; i++) {
        const char *w = cfg->accept_env.word[i];
        ok = ok || ncr_login_glob(w, strlen(w), text);
    }
    for (size_t i = 0; i < sizeof env_denied / sizeof *env_denied; i++) {
        ok = ok && !ncr_login_glob(env_denied[i], strlen(env_denied[i]), text);
    }
    return ok;
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
    size_t max = ENV_OWN_MAX + c->n_env + set->n, text = ENV_TEXT_MAX + command.n;
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
    if (command.p != NULL) {
        env_put(&e, "SSH_ORIGINAL_COMMAND", (const char *)command.p, command.n);
    }
    for (size_t i = 0; i < set->n; i++) {
        env_take(&e, (char *)(uintptr_t)set->word[i]);
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
