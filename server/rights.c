/* SPDX-License-Identifier: ISC
 *
 * What a login may do: see rights.h.
 */
#include "server/rights.h"

#include <stdlib.h>
#include <string.h>

bool ncr_rights_key_command(const struct ncr_rights *r)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->factors[i]->key.has_command) {
            return true;
        }
    }
    return false;
}

bool ncr_rights_add(struct ncr_rights *r, struct ncr_factor *f)
{
    bool ok = r->n < NCR_RIGHTS_FACTORS_MAX;
    for (size_t i = 0; ok && f->key.has_command && i < r->n; i++) {
        const struct nacre_authkey *k = &r->factors[i]->key;
        ok = !k->has_command || (k->command.n == f->key.command.n &&
                                 memcmp(k->command.p, f->key.command.p, k->command.n) == 0);
    }
    struct ncr_factor *own = ok ? malloc(sizeof *own) : NULL;
    if (own == NULL) {
        ncr_factor_free(f);
        return false;
    }
    *own = *f;
    r->factors[r->n++] = own;
    memset(f, 0, sizeof *f);
    return true;
}

bool ncr_rights_grant(struct ncr_rights *r, struct ncr_grant *g)
{
    size_t before = r->n;
    for (size_t i = 0; i < g->n; i++) {
        if (!ncr_rights_add(r, &g->f[i])) { /* which freed it: the others too */
            while (r->n > before) {
                ncr_factor_free(r->factors[--r->n]);
                free(r->factors[r->n]);
            }
            ncr_grant_free(g);
            return false;
        }
    }
    g->n = 0;
    return true;
}

struct nacre_bytes ncr_rights_env(const struct ncr_rights *r, size_t *at)
{
    struct nacre_bytes none = {NULL, 0};
    size_t skip = *at;
    for (size_t i = 0; i < r->n; i++) {
        const struct nacre_authkey *k = &r->factors[i]->key;
        for (; skip < k->n_environment; skip++) {
            const uint8_t *eq = memchr(k->environment[skip].p, '=', k->environment[skip].n);
            struct nacre_bytes name = {k->environment[skip].p, 0};
            name.n = eq != NULL ? (size_t)(eq - name.p) : 0;
            ++*at;
            if (ncr_sshd_config_user_env(r->cfg, name)) {
                return k->environment[skip];
            }
        }
        skip -= k->n_environment;
    }
    return none;
}

void ncr_rights_clear(struct ncr_rights *r)
{
    while (r->n > 0) {
        struct ncr_factor *f = r->factors[--r->n];
        ncr_factor_free(f);
        free(f);
    }
}

bool ncr_rights_pty(const struct ncr_rights *r)
{
    bool ok = r->cfg->permit_tty != 0;
    for (size_t i = 0; i < r->n; i++) {
        ok = ok && (r->factors[i]->key.permits & NACRE_PERMIT_PTY) != 0;
    }
    return ok;
}

bool ncr_rights_agent(const struct ncr_rights *r)
{
    bool ok = r->cfg->agent_forwarding != 0 && !r->cfg->disable_forwarding;
    for (size_t i = 0; i < r->n; i++) {
        ok = ok && (r->factors[i]->key.permits & NACRE_PERMIT_AGENT) != 0;
    }
    return ok;
}

/* The port behind the last colon; "*" is every port. */
static bool rights_port(const char *s, uint32_t port)
{
    if (strcmp(s, "*") == 0) {
        return true;
    }
    char *end;
    unsigned long v = strtoul(s, &end, 10);
    return *s >= '0' && *s <= '9' && *end == '\0' && v == port;
}

static bool rights_host(const char *s, size_t n, enum nacre_authkey_forward kind,
                        struct nacre_bytes host)
{
    if (n >= 2 && s[0] == '[' && s[n - 1] == ']') {
        s++;
        n -= 2;
    }
    if (n == 1 && *s == '*') {
        return true;
    }
    if (kind == NACRE_AUTHKEY_LISTEN) {
        return ncr_sshd_config_glob(s, n, (const char *)host.p, host.n);
    }
    return n == host.n && memcmp(s, host.p, n) == 0;
}

bool ncr_rights_list(const struct ncr_sshd_list *list, enum nacre_authkey_forward kind,
                     struct nacre_bytes host, uint32_t port)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *w = list->word[i];
        const char *colon = strrchr(w, ':');
        if (strcmp(w, "any") == 0) {
            return true;
        }
        if (colon == NULL) { /* PermitListen: a port alone */
            if (strcmp(w, "none") != 0 && rights_port(w, port)) {
                return true;
            }
        } else if (rights_port(colon + 1, port) &&
                   rights_host(w, (size_t)(colon - w), kind, host)) {
            return true;
        }
    }
    return list->n == 0;
}

bool ncr_rights_forward(const struct ncr_rights *r, enum nacre_authkey_forward kind,
                        struct nacre_bytes host, uint32_t port)
{
    bool listen = kind == NACRE_AUTHKEY_LISTEN;
    unsigned bit = listen ? NCR_FORWARD_REMOTE : NCR_FORWARD_LOCAL;
    bool ok =
        !r->cfg->disable_forwarding && (r->cfg->forward & bit) != 0 &&
        ncr_rights_list(listen ? &r->cfg->permit_listen : &r->cfg->permit_open, kind, host, port);
    for (size_t i = 0; i < r->n; i++) {
        ok = ok && nacre_authkey_permits_forward(&r->factors[i]->key, kind, host, port);
    }
    return ok;
}

struct nacre_bytes ncr_rights_command(const struct ncr_rights *r)
{
    struct nacre_bytes none = {NULL, 0};
    if (r->cfg->force_command != NULL) {
        return nacre_bytes_str(r->cfg->force_command);
    }
    for (size_t i = 0; i < r->n; i++) {
        if (r->factors[i]->key.has_command) {
            struct nacre_bytes b = r->factors[i]->key.command;
            return b.p != NULL ? b : nacre_bytes_str(""); /* empty, but there */
        }
    }
    return none;
}
