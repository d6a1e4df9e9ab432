/* SPDX-License-Identifier: ISC
 *
 * Keywords of nacre-sshd's configuration whose values are of their own kind: see sshd_line.h.
 */
#include "server/sshd_line.h"

#include "proto/keys/nacre_keys.h"
#include "proto/posix/duration.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- Keywords of their own kind ---------------------------------------------------------- */

bool ncr_sshd_read_port(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    uint64_t v;
    (void)row; /* one field */
    if (!ncr_sshd_one(l)) {
        return false;
    }
    const char *p = l->word[1];
    if (!ncr_sshd_digits(&v, &p, 65535) || *p != '\0') {
        return ncr_sshd_refuse(l, "not a port");
    }
    if (l->c->n_ports == NCR_SSHD_PORTS_MAX) {
        return ncr_sshd_refuse(l, "too many ports");
    }
    l->c->ports[l->c->n_ports++] = (uint32_t)v;
    return true;
}

/* host, host:port, [host], [host]:port; an IPv6 address without brackets has no port. */
static bool sshd_listen_parse(struct ncr_sshd_line *l, struct ncr_sshd_address *a)
{
    char *host = l->word[1], *port = NULL;
    uint64_t v = 0;
    if (*host == '[') {
        char *end = strchr(++host, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':')) {
            return ncr_sshd_refuse(l, "not an address");
        }
        port = end[1] == ':' ? end + 2 : NULL;
        *end = '\0';
    } else if ((port = strchr(host, ':')) != NULL) {
        bool one = strchr(port + 1, ':') == NULL;
        if (one) {
            *port = '\0';
        }
        port = one ? port + 1 : NULL;
    }
    const char *p = port;
    if (port != NULL && (!ncr_sshd_digits(&v, &p, 65535) || *p != '\0')) {
        return ncr_sshd_refuse(l, "not a port");
    }
    a->port = (uint32_t)v;
    a->has_port = port != NULL;
    a->host = strcmp(host, "*") == 0 ? NULL : ncr_sshd_keep(l->c, host);
    return true;
}

bool ncr_sshd_read_listen(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    (void)row; /* one field */
    if (!ncr_sshd_one(l)) {
        return false;
    }
    if (l->c->n_listen == NCR_SSHD_PORTS_MAX) {
        return ncr_sshd_refuse(l, "too many addresses");
    }
    if (!sshd_listen_parse(l, &l->c->listen[l->c->n_listen])) {
        return false;
    }
    l->c->n_listen++;
    return true;
}

static bool sshd_choose(struct ncr_sshd_line *l, unsigned *out, const struct ncr_sshd_name *names,
                        size_t n)
{
    for (size_t i = 0; ncr_sshd_one(l) && i < n; i++) {
        if (strcasecmp(l->word[1], names[i].name) == 0) {
            *out = names[i].value;
            return true;
        }
    }
    return l->n == 2 ? ncr_sshd_refuse(l, "unknown value") : false;
}

bool ncr_sshd_read_root(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    static const struct ncr_sshd_name names[] = {{"no", NCR_ROOT_NO},
                                                 {"yes", NCR_ROOT_YES},
                                                 {"prohibit-password", NCR_ROOT_KEYS},
                                                 {"without-password", NCR_ROOT_KEYS},
                                                 {"forced-commands-only", NCR_ROOT_FORCED}};
    unsigned v = 0;
    (void)row; /* one field */
    if (!sshd_choose(l, &v, names, sizeof names / sizeof *names)) {
        return false;
    }
    l->c->root = (enum ncr_sshd_root)v;
    return true;
}

bool ncr_sshd_read_forwarding(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    static const struct ncr_sshd_name names[] = {{"no", NCR_FORWARD_NONE},
                                                 {"yes", NCR_FORWARD_LOCAL | NCR_FORWARD_REMOTE},
                                                 {"all", NCR_FORWARD_LOCAL | NCR_FORWARD_REMOTE},
                                                 {"local", NCR_FORWARD_LOCAL},
                                                 {"remote", NCR_FORWARD_REMOTE}};
    (void)row; /* one field */
    return sshd_choose(l, &l->c->forward, names, sizeof names / sizeof *names);
}

bool ncr_sshd_read_profile(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    static const char *const names[] = {"modern", "pq-required", "legacy-device"};
    (void)row; /* one field */
    if (!ncr_sshd_one(l)) {
        return false;
    }
    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(l->word[1], names[i]) == 0) {
            l->c->profile = i;
            return true;
        }
    }
    return ncr_sshd_refuse(l, "neither modern, pq-required nor legacy-device");
}

bool ncr_sshd_read_gateway(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    static const struct ncr_sshd_name names[] = {
        {"no", NCR_GATEWAY_NO}, {"yes", NCR_GATEWAY_YES}, {"clientspecified", NCR_GATEWAY_CLIENT}};
    unsigned v = 0;
    (void)row; /* one field */
    if (!sshd_choose(l, &v, names, sizeof names / sizeof *names)) {
        return false;
    }
    l->c->gateway = (enum ncr_sshd_gateway)v;
    return true;
}

/* As in sshd, "yes" is the same as "delayed". */
bool ncr_sshd_read_compression(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    static const struct ncr_sshd_name names[] = {{"no", 0}, {"yes", 1}, {"delayed", 1}};
    (void)row; /* one field */
    return sshd_choose(l, &l->c->compress, names, sizeof names / sizeof *names);
}

bool ncr_sshd_read_level(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    (void)row; /* one field */
    return ncr_sshd_one(l) && (ncr_log_level_parse(&l->c->log_level, l->word[1]) ||
                               ncr_sshd_refuse(l, "unknown level"));
}

bool ncr_sshd_read_facility(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    (void)row; /* one field */
    return ncr_sshd_one(l) && (ncr_log_facility_parse(&l->c->facility, l->word[1]) ||
                               ncr_sshd_refuse(l, "unknown facility"));
}

/* N, or begin:rate:full. */
bool ncr_sshd_read_startups(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    uint64_t v[3];
    size_t n = 0;
    (void)row; /* one field */
    if (!ncr_sshd_one(l)) {
        return false;
    }
    for (const char *p = l->word[1]; n < 3; p++) {
        if (!ncr_sshd_digits(&v[n++], &p, 100000)) {
            return ncr_sshd_refuse(l, "not start:rate:full");
        }
        if (*p != ':') {
            n = *p == '\0' ? n : 0;
            break;
        }
    }
    if (n == 1) {
        v[1] = 100;
        v[2] = v[0];
    }
    if ((n != 1 && n != 3) || v[0] > v[2] || v[2] == 0 || v[1] < 1 || v[1] > 100) {
        return ncr_sshd_refuse(l, "not start:rate:full");
    }
    for (int i = 0; i < 3; i++) {
        l->c->startups[i] = (uint32_t)v[i];
    }
    return true;
}

/* bytes [time]; either may be "default" or "none". */
bool ncr_sshd_read_rekey(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    uint64_t v = 0;
    uint32_t s = 0;
    (void)row; /* two fields */
    if (l->n < 2 || l->n > 3) {
        return ncr_sshd_refuse(l, "takes an amount and a time");
    }
    const char *p = l->word[1];
    if (strcasecmp(p, "default") != 0 && strcasecmp(p, "none") != 0) {
        const char *unit = "kmg";
        if (!ncr_sshd_digits(&v, &p, UINT64_MAX >> 31)) {
            return ncr_sshd_refuse(l, "not an amount");
        }
        const char *u = *p != '\0' ? strchr(unit, *p | 0x20) : NULL;
        v <<= u != NULL ? 10 * (u - unit + 1) : 0;
        if ((*p != '\0' && (u == NULL || p[1] != '\0')) || v < 16) {
            return ncr_sshd_refuse(l, "not an amount");
        }
    }
    bool timed =
        l->n == 3 && strcasecmp(l->word[2], "none") != 0 && strcasecmp(l->word[2], "default") != 0;
    if (timed && !ncr_duration(&s, l->word[2])) {
        return ncr_sshd_refuse(l, "not a time");
    }
    l->c->rekey_bytes = v;
    l->c->rekey_s = s;
    return true;
}

bool ncr_sshd_read_subsystem(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    struct ncr_sshd_list *list = &l->c->subsystems;
    (void)row; /* one field */
    if (l->n < 3) {
        return ncr_sshd_refuse(l, "takes a name and a command");
    }
    if (ncr_sshd_config_subsystem(l->c, nacre_bytes_str(l->word[1])) != NULL) {
        return ncr_sshd_refuse(l, "subsystem defined twice");
    }
    const char *command = l->rest + strcspn(l->rest, " \t");
    while (ncr_sshd_blank(*command)) {
        command++;
    }
    return ncr_sshd_add(l, list, l->word[1]) && ncr_sshd_add(l, list, command);
}

/* True if every '%' of a word starts one of the tokens. */
static bool sshd_tokens(const char *word, const char *tokens)
{
    for (const char *p = strchr(word, '%'); p != NULL; p = strchr(p + 1, '%')) {
        if (*++p == '\0' || strchr(tokens, *p) == NULL) {
            return false;
        }
    }
    return true;
}

/* none, or a program and its arguments, which may hold the tokens that row->arg names. */
bool ncr_sshd_read_run(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    struct ncr_sshd_command *c = (void *)((char *)l->c + row->offset);
    if (l->n < 2) {
        return ncr_sshd_refuse(l, "takes a command");
    }
    c->keyword = row->name;
    if (l->n == 2 && strcasecmp(l->word[1], "none") == 0) {
        return true;
    }
    if (l->word[1][0] != '/') {
        return ncr_sshd_refuse(l, "must be an absolute path");
    }
    for (size_t i = 1; i < l->n; i++) {
        if (i > 1 && !sshd_tokens(l->word[i], row->arg)) {
            return ncr_sshd_refuse(l, "unknown token");
        }
        if (!ncr_sshd_add(l, &c->words, l->word[i])) {
            return false;
        }
    }
    return true;
}

/* host:port, [address]:port, and where bare is true port alone; a port may be "*". */
static bool sshd_is_permit(const char *word, bool bare)
{
    const char *colon = strrchr(word, ':'), *p = colon != NULL ? colon + 1 : word;
    size_t n = colon != NULL ? (size_t)(colon - word) : 0;
    bool bracket = n > 2 && word[0] == '[' && word[n - 1] == ']';
    uint64_t port = 1;
    if (colon == NULL ? !bare : n == 0 || (!bracket && memchr(word, ':', n) != NULL)) {
        return false;
    }
    return strcmp(p, "*") == 0 || (ncr_sshd_digits(&port, &p, 65535) && *p == '\0' && port > 0);
}

/* "any" or "none" alone, or places. */
bool ncr_sshd_read_permit(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    for (size_t i = 1; i < l->n; i++) {
        bool all = strcmp(l->word[i], "any") == 0 || strcmp(l->word[i], "none") == 0;
        if (all ? l->n != 2 : !sshd_is_permit(l->word[i], row->arg != NULL)) {
            return ncr_sshd_refuse(l, "not any, none or host:port");
        }
    }
    return ncr_sshd_read_words(l, row);
}

/* "yes" is every name, "no" none; else a list of patterns. */
bool ncr_sshd_read_user_env(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    (void)row; /* one field */
    if (!ncr_sshd_one(l)) {
        return false;
    }
    const char *w = l->word[1];
    if (strcasecmp(w, "no") == 0) {
        l->c->user_env = NULL;
        return true;
    }
    l->c->user_env = ncr_sshd_keep(l->c, strcasecmp(w, "yes") == 0 ? "*" : w);
    return l->c->user_env != NULL || ncr_sshd_refuse(l, "out of memory");
}

/* none, or what every security key must show. */
bool ncr_sshd_read_pubkey_options(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    static const struct ncr_sshd_name names[] = {
        {"none", 0}, {"touch-required", NACRE_SK_PRESENT}, {"verify-required", NACRE_SK_VERIFIED}};
    (void)row; /* one field */
    if (l->n < 2) {
        return ncr_sshd_refuse(l, "takes a value");
    }
    for (size_t w = 1; w < l->n; w++) {
        for (const char *p = l->word[w]; *p != '\0';) {
            size_t n = strcspn(p, ","), i = 0;
            while (i < 3 && (strlen(names[i].name) != n || strncasecmp(names[i].name, p, n) != 0)) {
                i++;
            }
            if (i == 3) {
                return ncr_sshd_refuse(l, "unknown option");
            }
            l->c->sk_demand |= names[i].value;
            p += n + (p[n] == ',' ? 1 : 0);
        }
    }
    return true;
}

/* Algorithms of plain keys, without SHA-1: an authority signs with no other. */
bool ncr_sshd_read_ca_algs(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    const char *p = l->n == 2 ? l->word[1] + strspn(l->word[1], "+-^") : "";
    char why[128];
    while (*p != '\0') {
        size_t n = strcspn(p, ",");
        struct nacre_bytes name = {(const uint8_t *)p, n};
        if (nacre_alg_plain(name) != NULL || nacre_bytes_is(name, "ssh-rsa")) {
            snprintf(why, sizeof why, "algorithm \"%.*s\" is not supported for authorities",
                     (int)(n < 64 ? n : 64), p);
            return ncr_sshd_refuse(l, why);
        }
        p += n + (p[n] == ',' ? 1 : 0);
    }
    return ncr_sshd_read_algs(l, row);
}

bool ncr_sshd_read_auth_methods(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    for (size_t i = 1; i < l->n; i++) {
        for (const char *p = l->word[i]; *p != '\0';) {
            size_t n = strcspn(p, ",");
            unsigned m = ncr_sshd_config_method(p, n);
            bool any = n == 3 && strncasecmp(p, "any", 3) == 0;
            if (m == 0 || (any && (l->n != 2 || l->word[i][n] != '\0'))) {
                return ncr_sshd_refuse(l, "unknown method");
            }
            p += n + (p[n] == ',' ? 1 : 0);
        }
    }
    return ncr_sshd_read_words(l, row);
}
