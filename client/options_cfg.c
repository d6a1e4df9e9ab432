/* SPDX-License-Identifier: ISC
 *
 * From options to a configuration of the library: tokens and "~" are expanded, then everything is
 * put where nacre_client.h has it.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/names.h"
#include "client/options.h"
#include "client/options_values.h"

#define OPT_PORT 22

/* ---- Tokens ------------------------------------------------------------------------------ */

static const struct ncr_tokens_how opt_in_paths = {NCR_TOKENS_ALL, true, true};
static const struct ncr_tokens_how opt_in_users = {NCR_TOKENS_USER, true, false};
static const struct ncr_tokens_how opt_in_hosts = {NCR_TOKENS_HOST, false, false};
static const struct ncr_tokens_how opt_in_commands = {NCR_TOKENS_ALL, false, false};
static const struct ncr_tokens_how opt_in_proxies = {NCR_TOKENS_PROXY, false, false};

struct ncr_tokens ncr_opt_tokens(const struct ncr_options *o)
{
    struct ncr_tokens t = {
        .host = o->host_name != NULL ? o->host_name : o->host,
        .original = o->host,
        .alias = o->host_key_alias,
        .jump = o->jump.host,
        .user = o->user != NULL        ? o->user
                : o->user_text != NULL ? o->user_text
                                       : ncr_tokens_local_user(),
        .port = o->port != 0 ? o->port : OPT_PORT,
    };

    if (t.host == NULL)
        t.host = t.original = "";
    return t;
}

/* The text in place, or a copy that is expanded. */
static bool opt_expand(struct ncr_options *o, const char **text, const struct ncr_tokens_how *how,
                       const char *keyword)
{
    const struct ncr_tokens t = ncr_opt_tokens(o);
    char why[NCR_TOKENS_ERROR_CAP];
    char out[NCR_TOKENS_CAP];

    if (*text == NULL)
        return true;
    if (!ncr_tokens_expand(out, *text, &t, how, why))
        return ncr_opt_fail(o, "%s: %s", keyword, why);
    if (strcmp(out, *text) != 0)
        *text = ncr_opt_copy(o, out);
    return *text != NULL;
}

static bool opt_expand_files(struct ncr_options *o, struct ncr_opt_files *f, const char *keyword)
{
    for (uint32_t i = 0; i < f->n; i++) {
        if (!opt_expand(o, &f->path[i], &opt_in_paths, keyword))
            return false;
    }
    return true;
}

/* Addresses are written as they are given. */
static bool opt_is_address(const char *host)
{
    return strchr(host, ':') != NULL || host[strspn(host, "0123456789.")] == '\0';
}

bool ncr_opt_settle_host(struct ncr_options *o)
{
    const char *name = o->host;
    char *copy;

    if (o->host_name != NULL) {
        name = o->host_name;
        o->host_name = NULL; /* %h is the host as it was given */
        if (!opt_expand(o, &name, &opt_in_hosts, "HostName"))
            return false;
    }
    if (!ncr_host_fit(name))
        return ncr_opt_fail(o, "invalid host name in HostName");
    copy = ncr_opt_copy(o, name);
    if (copy == NULL)
        return false;
    for (char *p = copy; *p != '\0' && !opt_is_address(name); p++)
        *p = (char)tolower((unsigned char)*p);
    o->host_name = copy;
    return true;
}

static bool opt_settle_user(struct ncr_options *o)
{
    const char *text = o->user_text;

    if (o->user != NULL || text == NULL)
        return true;
    o->user_text = NULL; /* no %r in it */
    if (!opt_expand(o, &text, &opt_in_users, "User"))
        return false;
    if (!ncr_user_fit(text))
        return ncr_opt_fail(o, "invalid user name");
    o->user = text;
    return true;
}

static bool opt_is_variable(const char *v)
{
    return v != NULL && v[0] == '$' && v[1] != '{';
}

bool ncr_opt_settle(struct ncr_options *o)
{
    return opt_settle_user(o) && opt_expand_files(o, &o->hosts, "UserKnownHostsFile") &&
           opt_expand_files(o, &o->global_hosts, "GlobalKnownHostsFile") &&
           opt_expand_files(o, &o->revoked_hosts, "RevokedHostKeys") &&
           (opt_is_variable(o->agent) ||
            opt_expand(o, &o->agent, &opt_in_paths, "IdentityAgent")) &&
           (opt_is_variable(o->forward_which) ||
            opt_expand(o, &o->forward_which, &opt_in_paths, "ForwardAgent")) &&
           opt_expand(o, &o->remote_command, &opt_in_commands, "RemoteCommand");
}

static size_t opt_commas(const char *s)
{
    size_t n = 0;

    for (; *s != '\0'; s++)
        n += *s == ',';
    return n;
}

/* The hosts on the way to the jump host: as many as before, and each one fit. */
static bool opt_settle_before(struct ncr_options *o)
{
    const char *given = o->jump.before;
    struct ncr_options *way;
    bool good;

    if (given == NULL || strchr(given, '%') == NULL)
        return true;
    if (!opt_expand(o, &o->jump.before, &opt_in_proxies, "ProxyJump"))
        return false;
    way = malloc(sizeof *way);
    if (way == NULL)
        return ncr_opt_fail(o, "out of memory");
    ncr_opt_init(way, o->program);
    good = ncr_opt_set(way, "ProxyJump", o->jump.before) && way->jump.host != NULL &&
           opt_commas(given) == opt_commas(o->jump.before);
    ncr_opt_free(way);
    free(way);
    return good || ncr_opt_fail(o, "invalid ProxyJump \"%.200s\"", o->jump.before);
}

/* What tokens stand for may be unfit where the text with them was fit (S54). */
static bool opt_settle_jump(struct ncr_options *o)
{
    struct ncr_opt_jump *j = &o->jump;

    if (j->host == NULL)
        return true;
    if (!opt_expand(o, &j->user, &opt_in_proxies, "ProxyJump") ||
        !opt_expand(o, &j->host, &opt_in_proxies, "ProxyJump") || !opt_settle_before(o))
        return false;
    if (j->user != NULL && !ncr_user_fit(j->user))
        return ncr_opt_fail(o, "invalid user name in ProxyJump");
    return ncr_host_fit(j->host) || ncr_opt_fail(o, "invalid host name in ProxyJump");
}

/* %j of key files is the jump host as it was given, as ssh has it: that one is last. */
bool ncr_opt_settle_last(struct ncr_options *o)
{
    return opt_expand_files(o, &o->identities, "IdentityFile") &&
           opt_expand_files(o, &o->certificates, "CertificateFile") &&
           opt_expand(o, &o->proxy_command, &opt_in_proxies, "ProxyCommand") && opt_settle_jump(o);
}

/* One of our own paths: "~" alone is expanded, which fails for want of memory and where the home
 * directory's name is too long. */
static const char *opt_own_path(struct ncr_options *o, const char *path)
{
    return opt_expand(o, &path, &opt_in_paths, path) ? path : NULL;
}

void ncr_opt_connection_only(struct ncr_options *o)
{
    static const char *const closed[] = {"DynamicForward",     "ForwardAgent",  "ForwardX11",
                                         "PermitLocalCommand", "RemoteCommand", "RequestTTY",
                                         "SessionType",        "StdinNull"};

    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++)
        ncr_opt_close(o, closed[i]);
    o->clear_forwards = 2;
    ncr_opt_close(o, "ClearAllForwardings");
}

/* ---- The library's configuration --------------------------------------------------------- */

static bool opt_is_zero(const struct ncr_options *o, const char *keyword, uint32_t value)
{
    return value == 0 && ncr_opt_has(o, keyword); /* else it is the default's zero */
}

static unsigned opt_methods(const struct ncr_options *o)
{
    const bool ask = o->batch != 2 && !opt_is_zero(o, "NumberOfPasswordPrompts", o->prompts);
    unsigned set = 0;

    if (o->pubkey != 1)
        set |= NACRE_AUTH_PUBLICKEY;
    if (o->password != 1 && ask)
        set |= NACRE_AUTH_PASSWORD;
    if (o->interactive != 1 && ask)
        set |= NACRE_AUTH_INTERACTIVE;
    return set;
}

/* Methods that PreferredAuthentications does not name are not used at all. */
static void opt_auth(const struct ncr_options *o, struct nacre_client_cfg *cfg)
{
    cfg->auth_methods = opt_methods(o);
    if (cfg->auth_methods == 0 || (o->auth_order != NULL && ncr_names_has(o->auth_order, "none")))
        cfg->auth_methods |= NACRE_AUTH_NONE;
    cfg->auth_order = o->auth_order;
    cfg->prompts = o->prompts;
    cfg->pubkey_algs = o->pubkey_algs;
    if (o->identities.n > 0 || o->identities.none) {
        cfg->identities = o->identities.path;
        cfg->n_identities = o->identities.n;
    }
    cfg->certificates = o->certificates.path;
    cfg->n_certificates = o->certificates.n;
    cfg->identities_only = o->identities_only == 2;
    cfg->agent = o->agent;
    cfg->keep = (enum nacre_keep)o->keep;
    cfg->keep_lifetime = (uint32_t)(o->keep_ms / 1000); /* opt_time() sees to the range */
}

/* New keys go to the first file, so that one of the user's stands there, or /dev/null where that is
 * asked for: a user's file that has no name is an error, or keys would be checked without it. */
static bool opt_hosts(struct ncr_options *o, struct nacre_client_cfg *cfg)
{
    static const char *const own[] = {"~/.ssh/known_hosts", "~/.ssh/known_hosts2"};
    static const char *const global[] = {"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"};
    struct ncr_opt_files *f = &o->hosts;
    const struct ncr_opt_files *g = &o->global_hosts;
    bool own_given = f->n > 0;

    for (size_t i = 0; i < 2 && !own_given && !f->none; i++) {
        const char *path = opt_own_path(o, own[i]);

        if (path == NULL)
            return false;
        f->path[f->n++] = path;
    }
    if (f->n == 0)
        f->path[f->n++] = "/dev/null";
    cfg->n_own_hosts = f->n;
    for (size_t i = 0; i < 2 && g->n == 0 && !g->none && f->n < NCR_OPT_FILES; i++)
        f->path[f->n++] = global[i];
    for (uint32_t i = 0; i < g->n && f->n < NCR_OPT_FILES; i++)
        f->path[f->n++] = g->path[i];
    cfg->known_hosts = f->path;
    cfg->n_known_hosts = f->n;
    cfg->hash_known_hosts = o->hash_hosts == 2;
    cfg->revoked_host_keys = o->revoked_hosts.path;
    cfg->n_revoked_host_keys = o->revoked_hosts.n;
    cfg->ca_sig_algs = o->ca_sig_algs;
    /* as ssh: by itself only where the files are the usual ones */
    cfg->update_hosts = o->update_hosts != 0 ? (enum nacre_update)(o->update_hosts - 1)
                        : own_given          ? NACRE_UPDATE_NO
                                             : NACRE_UPDATE_YES;
    return true;
}

bool ncr_opt_client_cfg(struct ncr_options *o, struct nacre_client_cfg *cfg)
{
    o->error[0] = '\0'; /* of values that were passed over */
    cfg->host = o->host_name != NULL ? o->host_name : o->host;
    cfg->host_key_alias = o->host_key_alias;
    cfg->port = o->port;
    cfg->user = o->user;
    cfg->family = (int)o->family;
    cfg->bind_addr = o->bind_addr;
    cfg->connect_ms = o->connect_ms;
    cfg->conn.algs = NACRE_ALGS_ALL;
    if (o->profile != 0)
        cfg->conn.profile = (enum nacre_profile)(o->profile - 1);
    cfg->conn.kex = o->kex;
    cfg->conn.host_key_algs = o->host_key_algs;
    cfg->conn.ciphers = o->ciphers;
    cfg->conn.allow_not_strict = true; /* as ssh; a note is logged */
    cfg->conn.macs = o->macs;
    cfg->conn.comps = o->compress == 2 ? "zlib@openssh.com,none" : NULL;
    cfg->conn.rekey_bytes = o->rekey_bytes;
    cfg->conn.rekey_ms = o->rekey_ms;
    cfg->conn.keepalive_ms = o->alive_ms;
    /* ssh ends a connection without an answer at 0; the least that we can count to is 1 */
    cfg->conn.keepalive_max =
        opt_is_zero(o, "ServerAliveCountMax", o->alive_max) ? 1 : o->alive_max;
    cfg->host_policy = (enum nacre_host_policy)o->policy;
    if (o->batch == 2 && cfg->host_policy == NACRE_HOSTS_ASK)
        cfg->host_policy = NACRE_HOSTS_STRICT;
    opt_auth(o, cfg);
    return opt_hosts(o, cfg);
}
