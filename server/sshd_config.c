/* SPDX-License-Identifier: ISC
 *
 * Configuration of nacre-sshd: see sshd_config.h. One table says for each keyword how its value is
 * read and where it goes.
 */
#include "server/sshd_config.h"

#include "proto/keys/nacre_keys.h"
#include "proto/posix/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <syslog.h>

#define SSHD_CONFIG_MAX (1024 * 1024) /* bytes of a file */
#define SSHD_LINE_MAX 8192
#define SSHD_HOST_KEY "/etc/ssh/ssh_host_ed25519_key"

/* One line being read: its words, unquoted, NUL-terminated in buf. */
struct sshd_line {
    struct ncr_sshd_config *c;
    const char *where;
    char *error;
    char buf[SSHD_LINE_MAX];
    char *word[NCR_SSHD_LIST_MAX + 1];
    size_t n;
    const char *rest; /* the value as it stands, for keywords that take a command */
};

struct sshd_row {
    const char *name;
    bool (*read)(struct sshd_line *l, const struct sshd_row *row);
    size_t offset; /* of the field in struct ncr_sshd_config */
    const char *arg;
    uint32_t max;
    bool adds; /* every line counts, not the first alone */
};

/* ---- Strings ----------------------------------------------------------------------------- */

struct sshd_pool {
    struct sshd_pool *next;
    char text[];
};

static const char *sshd_keep(struct ncr_sshd_config *c, const char *s)
{
    size_t n = strlen(s) + 1;
    struct sshd_pool *p = malloc(sizeof *p + n);
    if (p == NULL) {
        return NULL;
    }
    memcpy(p->text, s, n);
    p->next = c->pool;
    c->pool = p;
    return p->text;
}

void ncr_sshd_config_free(struct ncr_sshd_config *c)
{
    struct sshd_pool *p = c->pool;
    while (p != NULL) {
        struct sshd_pool *next = p->next;
        free(p);
        p = next;
    }
    c->pool = NULL;
}

static bool sshd_refuse(struct sshd_line *l, const char *what)
{
    snprintf(l->error, NCR_SSHD_ERROR_LEN, "%s: %s: %s", l->where, l->n > 0 ? l->word[0] : "",
             what);
    return false;
}

static void *sshd_field(struct sshd_line *l, const struct sshd_row *row)
{
    return (char *)l->c + row->offset;
}

/* ---- Words ------------------------------------------------------------------------------- */

static bool sshd_blank(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\f';
}

/* One word from *p into *out: quotes group, a backslash takes a quote, blank or backslash as it is.
 */
static bool sshd_word(const char **p, char **out)
{
    char quote = 0;
    for (; **p != '\0' && (quote != 0 || !sshd_blank(**p)); ++*p) {
        char ch = **p;
        if (ch == '\\' && (*p)[1] != '\0' && strchr("\\\"' ", (*p)[1]) != NULL) {
            *(*out)++ = *++*p;
        } else if (quote == 0 && (ch == '"' || ch == '\'')) {
            quote = ch;
        } else if (quote != 0 && ch == quote) {
            quote = 0;
        } else {
            *(*out)++ = ch;
        }
    }
    *(*out)++ = '\0';
    return quote == 0;
}

/* The keyword ends at a blank or '='. */
static const char *sshd_keyword(struct sshd_line *l, const char *p, char **out)
{
    l->word[l->n++] = *out;
    while (*p != '\0' && !sshd_blank(*p) && *p != '=') {
        *(*out)++ = *p++;
    }
    *(*out)++ = '\0';
    while (sshd_blank(*p)) {
        p++;
    }
    if (*p == '=') {
        p++;
    }
    while (sshd_blank(*p)) {
        p++;
    }
    return p;
}

/* text: at most SSHD_LINE_MAX / 2 characters, so that words and their NULs fit the buffer. */
static bool sshd_split(struct sshd_line *l, const char *text)
{
    char *out = l->buf;
    const char *p = text;
    while (sshd_blank(*p)) {
        p++;
    }
    if (*p == '\0' || *p == '#') {
        return true;
    }
    p = sshd_keyword(l, p, &out);
    l->rest = p;
    while (*p != '\0' && *p != '#') {
        if (l->n > NCR_SSHD_LIST_MAX) {
            return sshd_refuse(l, "too many words");
        }
        l->word[l->n++] = out;
        if (!sshd_word(&p, &out)) {
            return sshd_refuse(l, "quote without end");
        }
        while (sshd_blank(*p)) {
            p++;
        }
    }
    return true;
}

/* ---- Kinds of values --------------------------------------------------------------------- */

static bool sshd_one(struct sshd_line *l)
{
    return l->n == 2 && l->word[1][0] != '\0' ? true : sshd_refuse(l, "takes one value");
}

static bool sshd_flag(struct sshd_line *l, const struct sshd_row *row)
{
    unsigned *v = sshd_field(l, row);
    if (!sshd_one(l)) {
        return false;
    }
    if (strcasecmp(l->word[1], "yes") == 0 || strcasecmp(l->word[1], "no") == 0) {
        *v = strcasecmp(l->word[1], "yes") == 0;
        return true;
    }
    return sshd_refuse(l, "takes yes or no");
}

/* A keyword with one value that can be had. */
static bool sshd_only(struct sshd_line *l, const struct sshd_row *row)
{
    char why[64];
    if (!sshd_one(l)) {
        return false;
    }
    if (strcasecmp(l->word[1], row->arg) == 0) {
        return true;
    }
    snprintf(why, sizeof why, "only \"%s\" is supported", row->arg);
    return sshd_refuse(l, why);
}

static bool sshd_digits(uint64_t *v, const char **p, uint64_t max)
{
    const char *from = *p;
    *v = 0;
    for (; **p >= '0' && **p <= '9'; ++*p) {
        uint64_t digit = (uint64_t)(**p - '0');
        if (*v > (max - digit) / 10) {
            return false;
        }
        *v = *v * 10 + digit;
    }
    return *p != from;
}

static bool sshd_number(struct sshd_line *l, const struct sshd_row *row)
{
    uint32_t *out = sshd_field(l, row);
    uint64_t v;
    if (!sshd_one(l)) {
        return false;
    }
    const char *p = l->word[1];
    if (row->arg != NULL && strcasecmp(p, row->arg) == 0) {
        *out = 0; /* "none" */
        return true;
    }
    if (!sshd_digits(&v, &p, row->max) || *p != '\0') {
        return sshd_refuse(l, "not a number in range");
    }
    *out = (uint32_t)v;
    return true;
}

/* sshd_config(5), "TIME FORMATS": 90, 1h30m. */
static bool sshd_seconds(uint64_t *out, const char *p)
{
    static const struct {
        char unit;
        uint64_t s;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    uint64_t sum = 0;
    if (*p == '\0') {
        return false;
    }
    while (*p != '\0') {
        uint64_t v, scale = 1;
        if (!sshd_digits(&v, &p, 1000000)) {
            return false;
        }
        for (size_t i = 0; *p != '\0' && i < sizeof units / sizeof *units; i++) {
            scale = (*p | 0x20) == units[i].unit ? units[i].s : scale;
        }
        if (*p != '\0' && strchr("sSmMhHdDwW", *p++) == NULL) {
            return false;
        }
        sum += v * scale;
    }
    *out = sum;
    return sum <= UINT32_MAX;
}

static bool sshd_time(struct sshd_line *l, const struct sshd_row *row)
{
    uint32_t *out = sshd_field(l, row);
    uint64_t s;
    if (!sshd_one(l)) {
        return false;
    }
    if (!sshd_seconds(&s, l->word[1])) {
        return sshd_refuse(l, "not a time");
    }
    *out = (uint32_t)s;
    return true;
}

static bool sshd_string(struct sshd_line *l, const struct sshd_row *row)
{
    const char **out = sshd_field(l, row);
    if (!sshd_one(l)) {
        return false;
    }
    if (strcasecmp(l->word[1], "none") == 0) {
        *out = NULL;
        return true;
    }
    *out = sshd_keep(l->c, l->word[1]);
    return *out != NULL || sshd_refuse(l, "out of memory");
}

/* The rest of the line, a command. */
static bool sshd_command(struct sshd_line *l, const struct sshd_row *row)
{
    const char **out = sshd_field(l, row);
    if (l->n < 2) {
        return sshd_refuse(l, "takes a command");
    }
    bool none = l->n == 2 && strcasecmp(l->word[1], "none") == 0;
    *out = none ? NULL : sshd_keep(l->c, l->rest);
    return none || *out != NULL || sshd_refuse(l, "out of memory");
}

static bool sshd_add(struct sshd_line *l, struct ncr_sshd_list *list, const char *word)
{
    if (list->n == NCR_SSHD_LIST_MAX) {
        return sshd_refuse(l, "too many values");
    }
    list->word[list->n] = sshd_keep(l->c, word);
    if (list->word[list->n] == NULL) {
        return sshd_refuse(l, "out of memory");
    }
    list->n++;
    return true;
}

static bool sshd_words(struct sshd_line *l, const struct sshd_row *row)
{
    struct ncr_sshd_list *list = sshd_field(l, row);
    if (l->n < 2) {
        return sshd_refuse(l, "takes a value");
    }
    for (size_t i = 1; i < l->n; i++) {
        if (!sshd_add(l, list, l->word[i])) {
            return false;
        }
    }
    return true;
}

#define SSHD_ALGS_CAP 2048

/* An algorithm that this build does not have would silently be missing: each is looked up. */
static bool sshd_algs(struct sshd_line *l, const struct sshd_row *row)
{
    const char **out = sshd_field(l, row);
    static const enum nacre_alg_kind kinds[] = {NACRE_ALG_CIPHER, NACRE_ALG_MAC, NACRE_ALG_KEX,
                                                NACRE_ALG_SIG};
    char name[80], why[128], all[SSHD_ALGS_CAP];
    if (!sshd_one(l)) {
        return false;
    }
    const char *list = l->word[1];
    if (list[strspn(list, "+-^")] == '\0') {
        return sshd_refuse(l, "empty list of algorithms");
    }
    for (const char *p = list + strspn(list, "+-^"); *p != '\0';) {
        size_t n = strcspn(p, ",");
        snprintf(name, sizeof name, "%.*s", (int)(n < 64 ? n : 64), p);
        if (nacre_algs_expand(all, sizeof all, NACRE_ALGS_ALL, kinds[row->max],
                              NACRE_PROFILE_MODERN, name) != NACRE_OK) {
            snprintf(why, sizeof why, "algorithm \"%s\" is not supported", name);
            return sshd_refuse(l, why);
        }
        p += n + (p[n] == ',' ? 1 : 0);
    }
    *out = sshd_keep(l->c, l->word[1]);
    return *out != NULL || sshd_refuse(l, "out of memory");
}

/* ---- Keywords of their own kind ---------------------------------------------------------- */

static bool sshd_port(struct sshd_line *l, const struct sshd_row *row)
{
    uint64_t v;
    (void)row; /* one field */
    if (!sshd_one(l)) {
        return false;
    }
    const char *p = l->word[1];
    if (!sshd_digits(&v, &p, 65535) || *p != '\0') {
        return sshd_refuse(l, "not a port");
    }
    if (l->c->n_ports == NCR_SSHD_PORTS_MAX) {
        return sshd_refuse(l, "too many ports");
    }
    l->c->ports[l->c->n_ports++] = (uint32_t)v;
    return true;
}

/* host, host:port, [host], [host]:port; an IPv6 address without brackets has no port. */
static bool sshd_listen_parse(struct sshd_line *l, struct ncr_sshd_address *a)
{
    char *host = l->word[1], *port = NULL;
    uint64_t v = 0;
    if (*host == '[') {
        char *end = strchr(++host, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':')) {
            return sshd_refuse(l, "not an address");
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
    if (port != NULL && (!sshd_digits(&v, &p, 65535) || *p != '\0')) {
        return sshd_refuse(l, "not a port");
    }
    a->port = (uint32_t)v;
    a->has_port = port != NULL;
    a->host = strcmp(host, "*") == 0 ? NULL : sshd_keep(l->c, host);
    return true;
}

static bool sshd_listen(struct sshd_line *l, const struct sshd_row *row)
{
    (void)row; /* one field */
    if (!sshd_one(l)) {
        return false;
    }
    if (l->c->n_listen == NCR_SSHD_PORTS_MAX) {
        return sshd_refuse(l, "too many addresses");
    }
    if (!sshd_listen_parse(l, &l->c->listen[l->c->n_listen])) {
        return false;
    }
    l->c->n_listen++;
    return true;
}

struct sshd_name {
    const char *name;
    unsigned value;
};

static bool sshd_choose(struct sshd_line *l, unsigned *out, const struct sshd_name *names, size_t n)
{
    for (size_t i = 0; sshd_one(l) && i < n; i++) {
        if (strcasecmp(l->word[1], names[i].name) == 0) {
            *out = names[i].value;
            return true;
        }
    }
    return l->n == 2 ? sshd_refuse(l, "unknown value") : false;
}

static bool sshd_root(struct sshd_line *l, const struct sshd_row *row)
{
    static const struct sshd_name names[] = {{"no", NCR_ROOT_NO},
                                             {"yes", NCR_ROOT_YES},
                                             {"prohibit-password", NCR_ROOT_KEYS},
                                             {"without-password", NCR_ROOT_KEYS},
                                             {"forced-commands-only", NCR_ROOT_FORCED}};
    unsigned v;
    (void)row; /* one field */
    if (!sshd_choose(l, &v, names, sizeof names / sizeof *names)) {
        return false;
    }
    l->c->root = (enum ncr_sshd_root)v;
    return true;
}

static bool sshd_forwarding(struct sshd_line *l, const struct sshd_row *row)
{
    static const struct sshd_name names[] = {{"no", NCR_FORWARD_NONE},
                                             {"yes", NCR_FORWARD_LOCAL | NCR_FORWARD_REMOTE},
                                             {"all", NCR_FORWARD_LOCAL | NCR_FORWARD_REMOTE},
                                             {"local", NCR_FORWARD_LOCAL},
                                             {"remote", NCR_FORWARD_REMOTE}};
    (void)row; /* one field */
    return sshd_choose(l, &l->c->forward, names, sizeof names / sizeof *names);
}

static bool sshd_profile(struct sshd_line *l, const struct sshd_row *row)
{
    static const char *const names[] = {"modern", "pq-required", "legacy-device"};
    (void)row; /* one field */
    if (!sshd_one(l)) {
        return false;
    }
    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(l->word[1], names[i]) == 0) {
            l->c->profile = i;
            return true;
        }
    }
    return sshd_refuse(l, "neither modern, pq-required nor legacy-device");
}

static bool sshd_gateway(struct sshd_line *l, const struct sshd_row *row)
{
    static const struct sshd_name names[] = {
        {"no", NCR_GATEWAY_NO}, {"yes", NCR_GATEWAY_YES}, {"clientspecified", NCR_GATEWAY_CLIENT}};
    unsigned v;
    (void)row; /* one field */
    if (!sshd_choose(l, &v, names, sizeof names / sizeof *names)) {
        return false;
    }
    l->c->gateway = (enum ncr_sshd_gateway)v;
    return true;
}

/* As in sshd, "yes" is the same as "delayed". */
static bool sshd_compression(struct sshd_line *l, const struct sshd_row *row)
{
    static const struct sshd_name names[] = {{"no", 0}, {"yes", 1}, {"delayed", 1}};
    (void)row; /* one field */
    return sshd_choose(l, &l->c->compress, names, sizeof names / sizeof *names);
}

static bool sshd_level(struct sshd_line *l, const struct sshd_row *row)
{
    (void)row; /* one field */
    return sshd_one(l) &&
           (ncr_log_level_parse(&l->c->log_level, l->word[1]) || sshd_refuse(l, "unknown level"));
}

static bool sshd_facility(struct sshd_line *l, const struct sshd_row *row)
{
    (void)row; /* one field */
    return sshd_one(l) && (ncr_log_facility_parse(&l->c->facility, l->word[1]) ||
                           sshd_refuse(l, "unknown facility"));
}

/* N, or begin:rate:full. */
static bool sshd_startups(struct sshd_line *l, const struct sshd_row *row)
{
    uint64_t v[3];
    size_t n = 0;
    (void)row; /* one field */
    if (!sshd_one(l)) {
        return false;
    }
    for (const char *p = l->word[1]; n < 3; p++) {
        if (!sshd_digits(&v[n++], &p, 100000)) {
            return sshd_refuse(l, "not start:rate:full");
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
        return sshd_refuse(l, "not start:rate:full");
    }
    for (int i = 0; i < 3; i++) {
        l->c->startups[i] = (uint32_t)v[i];
    }
    return true;
}

/* bytes [time]; either may be "default" or "none". */
static bool sshd_rekey(struct sshd_line *l, const struct sshd_row *row)
{
    uint64_t v = 0, s = 0;
    (void)row; /* two fields */
    if (l->n < 2 || l->n > 3) {
        return sshd_refuse(l, "takes an amount and a time");
    }
    const char *p = l->word[1];
    if (strcasecmp(p, "default") != 0 && strcasecmp(p, "none") != 0) {
        const char *unit = "kmg";
        if (!sshd_digits(&v, &p, UINT64_MAX >> 31)) {
            return sshd_refuse(l, "not an amount");
        }
        const char *u = *p != '\0' ? strchr(unit, *p | 0x20) : NULL;
        v <<= u != NULL ? 10 * (u - unit + 1) : 0;
        if ((*p != '\0' && (u == NULL || p[1] != '\0')) || v < 16) {
            return sshd_refuse(l, "not an amount");
        }
    }
    bool timed =
        l->n == 3 && strcasecmp(l->word[2], "none") != 0 && strcasecmp(l->word[2], "default") != 0;
    if (timed && !sshd_seconds(&s, l->word[2])) {
        return sshd_refuse(l, "not a time");
    }
    l->c->rekey_bytes = v;
    l->c->rekey_s = (uint32_t)s;
    return true;
}

static bool sshd_subsystem(struct sshd_line *l, const struct sshd_row *row)
{
    struct ncr_sshd_list *list = &l->c->subsystems;
    (void)row; /* one field */
    if (l->n < 3) {
        return sshd_refuse(l, "takes a name and a command");
    }
    if (ncr_sshd_config_subsystem(l->c, nacre_bytes_str(l->word[1])) != NULL) {
        return sshd_refuse(l, "subsystem defined twice");
    }
    const char *command = l->rest + strcspn(l->rest, " \t");
    while (sshd_blank(*command)) {
        command++;
    }
    return sshd_add(l, list, l->word[1]) && sshd_add(l, list, command);
}

/* "yes" is every name, "no" none; else a list of patterns. */
static bool sshd_user_env(struct sshd_line *l, const struct sshd_row *row)
{
    (void)row; /* one field */
    if (!sshd_one(l)) {
        return false;
    }
    const char *w = l->word[1];
    if (strcasecmp(w, "no") == 0) {
        l->c->user_env = NULL;
        return true;
    }
    l->c->user_env = sshd_keep(l->c, strcasecmp(w, "yes") == 0 ? "*" : w);
    return l->c->user_env != NULL || sshd_refuse(l, "out of memory");
}

/* none, or what every security key must show. */
static bool sshd_pubkey_options(struct sshd_line *l, const struct sshd_row *row)
{
    static const struct sshd_name names[] = {
        {"none", 0}, {"touch-required", NACRE_SK_PRESENT}, {"verify-required", NACRE_SK_VERIFIED}};
    (void)row; /* one field */
    if (l->n < 2) {
        return sshd_refuse(l, "takes a value");
    }
    for (size_t w = 1; w < l->n; w++) {
        for (const char *p = l->word[w]; *p != '\0';) {
            size_t n = strcspn(p, ","), i = 0;
            while (i < 3 && (strlen(names[i].name) != n || strncasecmp(names[i].name, p, n) != 0)) {
                i++;
            }
            if (i == 3) {
                return sshd_refuse(l, "unknown option");
            }
            l->c->sk_demand |= names[i].value;
            p += n + (p[n] == ',' ? 1 : 0);
        }
    }
    return true;
}

/* Algorithms of plain keys, without SHA-1: an authority signs with no other. */
static bool sshd_ca_algs(struct sshd_line *l, const struct sshd_row *row)
{
    const char *p = l->n == 2 ? l->word[1] + strspn(l->word[1], "+-^") : "";
    char why[128];
    while (*p != '\0') {
        size_t n = strcspn(p, ",");
        struct nacre_bytes name = {(const uint8_t *)p, n};
        if (nacre_alg_plain(name) != NULL || nacre_bytes_is(name, "ssh-rsa")) {
            snprintf(why, sizeof why, "algorithm \"%.*s\" is not supported for authorities",
                     (int)(n < 64 ? n : 64), p);
            return sshd_refuse(l, why);
        }
        p += n + (p[n] == ',' ? 1 : 0);
    }
    return sshd_algs(l, row);
}

static bool sshd_auth_methods(struct sshd_line *l, const struct sshd_row *row)
{
    for (size_t i = 1; i < l->n; i++) {
        for (const char *p = l->word[i]; *p != '\0';) {
            size_t n = strcspn(p, ",");
            unsigned m = ncr_sshd_config_method(p, n);
            bool any = n == 3 && strncasecmp(p, "any", 3) == 0;
            if (m == 0 || (any && (l->n != 2 || l->word[i][n] != '\0'))) {
                return sshd_refuse(l, "unknown method");
            }
            p += n + (p[n] == ',' ? 1 : 0);
        }
    }
    return sshd_words(l, row);
}

/* ---- The table --------------------------------------------------------------------------- */

#define SSHD_AT(field) offsetof(struct ncr_sshd_config, field)

/* clang-format off */
static const struct sshd_row sshd_rows[] = {
    {"Port", sshd_port, 0, NULL, 0, true},
    {"ListenAddress", sshd_listen, 0, NULL, 0, true},
    {"HostKey", sshd_words, SSHD_AT(host_keys), NULL, 0, true},
    {"HostCertificate", sshd_words, SSHD_AT(host_certs), NULL, 0, true},
    {"AuthorizedKeysFile", sshd_words, SSHD_AT(key_files), NULL, 0, false},
    {"AuthorizedKeysCommand", sshd_only, 0, "none", 0, false},
    {"AuthorizedKeysCommandUser", sshd_only, 0, "none", 0, false},
    {"TrustedUserCAKeys", sshd_string, SSHD_AT(ca_keys), NULL, 0, false},
    {"AuthorizedPrincipalsFile", sshd_string, SSHD_AT(principals_file), NULL, 0, false},
    {"AuthorizedPrincipalsCommand", sshd_only, 0, "none", 0, false},
    {"AuthorizedPrincipalsCommandUser", sshd_only, 0, "none", 0, false},
    {"RevokedKeys", sshd_string, SSHD_AT(revoked_keys), NULL, 0, false},
    {"CASignatureAlgorithms", sshd_ca_algs, SSHD_AT(ca_sig_algs), NULL, 3, false},
    {"PubkeyAuthOptions", sshd_pubkey_options, 0, NULL, 0, false},
    {"PasswordAuthentication", sshd_flag, SSHD_AT(password), NULL, 0, false},
    {"PubkeyAuthentication", sshd_flag, SSHD_AT(pubkey), NULL, 0, false},
    {"KbdInteractiveAuthentication", sshd_flag, SSHD_AT(kbdint), NULL, 0, false},
    {"ChallengeResponseAuthentication", sshd_flag, SSHD_AT(kbdint), NULL, 0, false},
    {"AuthenticationMethods", sshd_auth_methods, SSHD_AT(auth_lists), NULL, 0, false},
    {"PermitRootLogin", sshd_root, 0, NULL, 0, false},
    {"AllowUsers", sshd_words, SSHD_AT(allow_users), NULL, 0, true},
    {"DenyUsers", sshd_words, SSHD_AT(deny_users), NULL, 0, true},
    {"Banner", sshd_string, SSHD_AT(banner), NULL, 0, false},
    {"LoginGraceTime", sshd_time, SSHD_AT(grace_s), NULL, 0, false},
    {"MaxAuthTries", sshd_number, SSHD_AT(auth_tries), NULL, 100, false},
    {"MaxSessions", sshd_number, SSHD_AT(max_sessions), NULL, 1000, false},
    {"MaxStartups", sshd_startups, 0, NULL, 0, false},
    {"PerSourceMaxStartups", sshd_number, SSHD_AT(per_source), "none", 100000, false},
    {"PerSourcePenalties", sshd_flag, SSHD_AT(penalties), NULL, 0, false},
    {"ClientAliveInterval", sshd_time, SSHD_AT(alive_s), NULL, 0, false},
    {"ClientAliveCountMax", sshd_number, SSHD_AT(alive_max), NULL, 1000000, false},
    {"RekeyLimit", sshd_rekey, 0, NULL, 0, false},
    {"Ciphers", sshd_algs, SSHD_AT(ciphers), NULL, 0, false},
    {"MACs", sshd_algs, SSHD_AT(macs), NULL, 1, false},
    {"KexAlgorithms", sshd_algs, SSHD_AT(kex), NULL, 2, false},
    {"HostKeyAlgorithms", sshd_algs, SSHD_AT(host_key_algs), NULL, 3, false},
    {"PubkeyAcceptedAlgorithms", sshd_algs, SSHD_AT(user_sig_algs), NULL, 3, false},
    {"AlgorithmProfile", sshd_profile, 0, NULL, 0, false},
    {"AcceptEnv", sshd_words, SSHD_AT(accept_env), NULL, 0, true},
    {"SetEnv", sshd_words, SSHD_AT(set_env), NULL, 0, true},
    {"PermitTTY", sshd_flag, SSHD_AT(permit_tty), NULL, 0, false},
    {"PermitUserEnvironment", sshd_user_env, 0, NULL, 0, false},
    {"PermitUserRC", sshd_only, 0, "no", 0, false},
    {"PermitTunnel", sshd_only, 0, "no", 0, false},
    {"AllowTcpForwarding", sshd_forwarding, 0, NULL, 0, false},
    {"AllowStreamLocalForwarding", sshd_only, 0, "no", 0, false},
    {"AllowAgentForwarding", sshd_flag, SSHD_AT(agent_forwarding), NULL, 0, false},
    {"X11Forwarding", sshd_only, 0, "no", 0, false},
    {"PermitOpen", sshd_words, SSHD_AT(permit_open), NULL, 0, false},
    {"PermitListen", sshd_words, SSHD_AT(permit_listen), NULL, 0, false},
    {"GatewayPorts", sshd_gateway, 0, NULL, 0, false},
    {"DisableForwarding", sshd_flag, SSHD_AT(disable_forwarding), NULL, 0, false},
    {"ForceCommand", sshd_command, SSHD_AT(force_command), NULL, 0, false},
    {"Subsystem", sshd_subsystem, 0, NULL, 0, true},
    {"ModuliFile", sshd_string, SSHD_AT(moduli_file), NULL, 0, false},
    {"PidFile", sshd_string, SSHD_AT(pid_file), NULL, 0, false},
    {"LogLevel", sshd_level, 0, NULL, 0, false},
    {"SyslogFacility", sshd_facility, 0, NULL, 0, false},
    {"StrictModes", sshd_flag, SSHD_AT(strict_modes), NULL, 0, false},
    {"PrintMotd", sshd_flag, SSHD_AT(print_motd), NULL, 0, false},
    {"PrintLastLog", sshd_only, 0, "no", 0, false},
    {"UsePAM", sshd_only, 0, "no", 0, false},
    {"TCPKeepAlive", sshd_flag, SSHD_AT(tcp_keepalive), NULL, 0, false},
    {"UseDNS", sshd_only, 0, "no", 0, false},
    {"Compression", sshd_compression, SSHD_AT(compress), NULL, 0, false},
    {"ChrootDirectory", sshd_only, 0, "none", 0, false},
    {"UsersFile", sshd_string, SSHD_AT(users_file), NULL, 0, false},
};
/* clang-format on */

#define SSHD_ROWS (sizeof sshd_rows / sizeof *sshd_rows)
_Static_assert(SSHD_ROWS <= NCR_SSHD_KEYWORDS_MAX, "a flag for each row");

void ncr_sshd_config_init(struct ncr_sshd_config *c)
{
    memset(c, 0, sizeof *c);
    c->family = AF_UNSPEC;
    c->password = c->pubkey = c->kbdint = 1;
    c->strict_modes = c->permit_tty = c->tcp_keepalive = c->print_motd = c->penalties = 1;
    c->agent_forwarding = 1;
    c->root = NCR_ROOT_KEYS;
    c->forward = NCR_FORWARD_LOCAL | NCR_FORWARD_REMOTE;
    c->grace_s = 120;
    c->auth_tries = 6;
    c->max_sessions = 10;
    c->alive_max = 3;
    c->startups[0] = ncr_gate_default.begin;
    c->startups[1] = ncr_gate_default.rate;
    c->startups[2] = ncr_gate_default.full;
    c->log_level = NCR_LOG_INFO;
    c->facility = LOG_AUTH;
}

static bool sshd_apply(struct sshd_line *l)
{
    for (size_t i = 0; i < SSHD_ROWS; i++) {
        if (strcasecmp(l->word[0], sshd_rows[i].name) != 0) {
            continue;
        }
        struct ncr_sshd_config scratch;
        bool late = l->c->seen[i] && !sshd_rows[i].adds;
        if (late) { /* checked all the same, then dropped */
            ncr_sshd_config_init(&scratch);
            l->c = &scratch;
        }
        bool ok = sshd_rows[i].read(l, &sshd_rows[i]);
        if (late) {
            ncr_sshd_config_free(&scratch);
        } else {
            l->c->seen[i] = true;
        }
        return ok;
    }
    return sshd_refuse(l, "keyword not supported");
}

bool ncr_sshd_config_line(struct ncr_sshd_config *c, const char *line, size_t n, const char *where,
                          char error[NCR_SSHD_ERROR_LEN])
{
    struct sshd_line l;
    char text[SSHD_LINE_MAX / 2];
    l.c = c;
    l.where = where;
    l.error = error;
    l.n = 0;
    if (n >= sizeof text || memchr(line, '\0', n) != NULL) {
        return sshd_refuse(&l, "line too long, or with a NUL");
    }
    memcpy(text, line, n);
    text[n] = '\0';
    if (!sshd_split(&l, text)) {
        return false;
    }
    return l.n == 0 || sshd_apply(&l);
}

bool ncr_sshd_config_file(struct ncr_sshd_config *c, const char *path,
                          char error[NCR_SSHD_ERROR_LEN])
{
    struct ncr_file f;
    char where[256];
    bool ok = true;
    nacre_err err = ncr_file_read(&f, path, SSHD_CONFIG_MAX);
    if (err != NACRE_OK) {
        snprintf(error, NCR_SSHD_ERROR_LEN, "%s: %s", path, ncr_file_error(err));
        return false;
    }
    unsigned number = 0;
    for (size_t at = 0; ok && at < f.n;) {
        const uint8_t *end = memchr(f.p + at, '\n', f.n - at);
        size_t n = end != NULL ? (size_t)(end - (f.p + at)) : f.n - at;
        snprintf(where, sizeof where, "%s line %u", path, ++number);
        ok = ncr_sshd_config_line(c, (const char *)f.p + at, n, where, error);
        at += n + 1;
    }
    ncr_file_wipe(&f);
    return ok;
}

static void sshd_default_word(struct ncr_sshd_config *c, struct ncr_sshd_list *list,
                              const char *word)
{
    (void)c; /* static strings need no keeping */
    if (list->n < NCR_SSHD_LIST_MAX) {
        list->word[list->n++] = word;
    }
}

/* The list that CASignatureAlgorithms means: of the default ones those of plain keys. */
static bool sshd_finish_ca_algs(struct ncr_sshd_config *c)
{
    char all[SSHD_ALGS_CAP], list[SSHD_ALGS_CAP];
    size_t at = 0;
    if (nacre_algs_expand(all, sizeof all, &nacre_algs_default, NACRE_ALG_SIG, NACRE_PROFILE_MODERN,
                          c->ca_sig_algs) != NACRE_OK) {
        return false;
    }
    for (const char *p = all; *p != '\0';) {
        size_t n = strcspn(p, ",");
        if (nacre_alg_plain((struct nacre_bytes){(const uint8_t *)p, n}) == NULL) {
            memcpy(list + at, p, n);
            at += n;
            list[at++] = ',';
        }
        p += n + (p[n] == ',' ? 1 : 0);
    }
    list[at > 0 ? at - 1 : 0] = '\0';
    c->ca_sig_algs = sshd_keep(c, list);
    return c->ca_sig_algs != NULL;
}

bool ncr_sshd_config_finish(struct ncr_sshd_config *c, char error[NCR_SSHD_ERROR_LEN])
{
    if (!sshd_finish_ca_algs(c)) {
        snprintf(error, NCR_SSHD_ERROR_LEN, "CASignatureAlgorithms: cannot be used");
        return false;
    }
    if (c->n_ports == 0) {
        c->ports[c->n_ports++] = 22;
    }
    if (c->n_listen == 0) {
        c->n_listen = 1; /* zeroed: every address */
    }
    if (c->host_keys.n == 0) {
        sshd_default_word(c, &c->host_keys, SSHD_HOST_KEY);
    }
    if (c->key_files.n == 0) {
        sshd_default_word(c, &c->key_files, ".ssh/authorized_keys");
        sshd_default_word(c, &c->key_files, ".ssh/authorized_keys2");
    }
    if (c->subsystems.n == 0) {
        sshd_default_word(c, &c->subsystems, "sftp");
        sshd_default_word(c, &c->subsystems, "internal-sftp");
    }
    if (c->users_file == NULL) { /* there is nothing to check a password against */
        c->password = c->kbdint = 0;
    }
    if (!c->password && !c->kbdint && !c->pubkey) {
        snprintf(error, NCR_SSHD_ERROR_LEN, "no authentication method is left: %s",
                 "passwords need UsersFile");
        return false;
    }
    return true;
}

/* ---- What others take from it ------------------------------------------------------------ */

unsigned ncr_sshd_config_method(const char *name, size_t n)
{
    static const struct sshd_name names[] = {{"publickey", NACRE_AUTH_PUBLICKEY},
                                             {"password", NACRE_AUTH_PASSWORD},
                                             {"keyboard-interactive", NACRE_AUTH_INTERACTIVE},
                                             {"any", ~0u}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i].name) == n && strncasecmp(names[i].name, name, n) == 0) {
            return names[i].value;
        }
    }
    return 0;
}

const char *ncr_sshd_config_subsystem(const struct ncr_sshd_config *c, struct nacre_bytes name)
{
    for (size_t i = 0; i + 1 < c->subsystems.n; i += 2) {
        if (nacre_bytes_is(name, c->subsystems.word[i])) {
            return c->subsystems.word[i + 1];
        }
    }
    return NULL;
}

/* Iterative: a star remembers where to go on; time is the product of the lengths at most. */
bool ncr_sshd_config_glob(const char *pattern, size_t n, const char *name, size_t name_len)
{
    size_t p = 0, s = 0, star = n, mark = 0;
    while (s < name_len) {
        if (p < n && pattern[p] == '*') {
            star = p++;
            mark = s;
        } else if (p < n && (pattern[p] == '?' || pattern[p] == name[s])) {
            p++;
            s++;
        } else if (star < n) {
            p = star + 1;
            s = ++mark;
        } else {
            return false;
        }
    }
    while (p < n && pattern[p] == '*') {
        p++;
    }
    return p == n;
}

bool ncr_sshd_config_user_env(const struct ncr_sshd_config *c, struct nacre_bytes name)
{
    bool yes = false;
    for (const char *p = c->user_env != NULL ? c->user_env : ""; *p != '\0';) {
        size_t n = strcspn(p, ",");
        bool no = *p == '!';
        if (ncr_sshd_config_glob(p + no, n - no, (const char *)name.p, name.n)) {
            if (no) {
                return false;
            }
            yes = true;
        }
        p += n + (p[n] == ',' ? 1 : 0);
    }
    return yes;
}

void ncr_sshd_config_engine(const struct ncr_sshd_config *c, struct nacre_conn_cfg *out)
{
    memset(out, 0, sizeof *out);
    out->algs = NACRE_ALGS_ALL;
    out->profile = (enum nacre_profile)c->profile;
    out->ciphers = c->ciphers;
    out->allow_not_strict = true; /* as sshd: clients of before 2024 prefer this cipher */
    out->macs = c->macs;
    out->comps = c->compress ? "none,zlib@openssh.com" : NULL;
    out->kex = c->kex;
    out->host_key_algs = c->host_key_algs;
    out->user_sig_algs = c->user_sig_algs;
    out->sk_no_touch = true; /* login.c says which keys may do without */
    out->auth_tries = c->auth_tries;
    out->rekey_bytes = c->rekey_bytes;
    out->rekey_ms = (uint64_t)c->rekey_s * 1000;
    out->auth_ms = c->grace_s != 0 ? (uint64_t)c->grace_s * 1000 : UINT64_MAX / 4; /* 0: none */
    out->keepalive_ms = (uint64_t)c->alive_s * 1000;
    out->keepalive_max = c->alive_max;
    out->auth_methods = (c->pubkey ? (unsigned)NACRE_AUTH_PUBLICKEY : 0) |
                        (c->password ? (unsigned)NACRE_AUTH_PASSWORD : 0) |
                        (c->kbdint ? (unsigned)NACRE_AUTH_INTERACTIVE : 0);
}

bool ncr_sshd_config_takes_sig(const struct ncr_sshd_config *c, struct nacre_bytes alg)
{
    char all[SSHD_ALGS_CAP];
    if (nacre_algs_expand(all, sizeof all, NACRE_ALGS_ALL, NACRE_ALG_SIG,
                          (enum nacre_profile)c->profile, c->user_sig_algs) != NACRE_OK) {
        return false;
    }
    for (const char *p = all; *p != '\0';) {
        size_t n = strcspn(p, ",");
        if (n == alg.n && memcmp(p, alg.p, n) == 0) {
            return true;
        }
        p += n + (p[n] == ',' ? 1 : 0);
    }
    return false;
}

void ncr_sshd_config_gate(const struct ncr_sshd_config *c, struct ncr_gate_cfg *out)
{
    *out = ncr_gate_default;
    out->begin = c->startups[0];
    out->rate = c->startups[1];
    out->full = c->startups[2];
    out->per_source = c->per_source;
    out->penalties = c->penalties != 0;
}
