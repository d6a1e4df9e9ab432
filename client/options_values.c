/* SPDX-License-Identifier: ISC
 *
 * Values of the keywords that are no plain text, number or word: see options_values.h.
 */
#include "client/options_values.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/names.h"
#include "proto/posix/duration.h"

#define OPT_FORWARD_CAP 4096
#define OPT_RSA_BITS 2048 /* fewer are refused always */

const struct ncr_opt_word ncr_opt_yes_no[] = {
    {"no", 1}, {"yes", 2}, {"false", 1}, {"true", 2}, {NULL, 0}};

/* ---- Parts ------------------------------------------------------------------------------- */

bool ncr_opt_word(const struct ncr_opt_word *words, const char *v, uint32_t *out)
{
    for (; words->name != NULL; words++) {
        if (strcasecmp(words->name, v) == 0) {
            *out = words->value;
            return true;
        }
    }
    return false;
}

bool ncr_opt_number(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;
    unsigned long long v;

    if (!isdigit((unsigned char)s[0]))
        return false;
    errno = 0;
    v = strtoull(s, &end, 10);
    *out = v;
    return errno == 0 && *end == '\0' && v >= min && v <= max;
}

bool ncr_opt_time(const char *v, uint64_t *ms)
{
    uint32_t seconds = 0;

    if (strcmp(v, "none") != 0 && !ncr_duration(&seconds, v))
        return false;
    *ms = (uint64_t)seconds * 1000;
    return true;
}

static bool opt_size(const char *v, uint64_t *out)
{
    char *end;
    unsigned long long n;
    unsigned shift = 0;

    if (!isdigit((unsigned char)v[0]))
        return false;
    errno = 0;
    n = strtoull(v, &end, 10);
    shift = *end == 'K' || *end == 'k'   ? 10
            : *end == 'M' || *end == 'm' ? 20
            : *end == 'G' || *end == 'g' ? 30
                                         : 0;
    end += shift != 0;
    if (errno != 0 || *end != '\0' || n > (UINT64_MAX >> 1 >> shift))
        return false;
    *out = (uint64_t)n << shift;
    return true;
}

/* ---- Hosts and users --------------------------------------------------------------------- */

bool ncr_opt_user(struct ncr_options *o, const struct ncr_opt_args *a)
{
    /* What is in a variable is looked at when it is expanded. */
    if (strstr(a->word[0], "${") == NULL && !ncr_user_fit(a->word[0]))
        return ncr_opt_fail(o, "invalid user name");
    o->user_text = ncr_opt_copy(o, a->word[0]);
    return o->user_text != NULL;
}

bool ncr_opt_host_name(struct ncr_options *o, const struct ncr_opt_args *a)
{
    if (!ncr_host_fit(a->word[0]))
        return ncr_opt_fail(o, "invalid host name in HostName");
    o->host_name = ncr_opt_copy(o, a->word[0]);
    return o->host_name != NULL;
}

/* Names of domains are put behind others and looked up. */
bool ncr_opt_canonical_domains(struct ncr_options *o, const struct ncr_opt_args *a)
{
    struct ncr_opt_list *l = &o->canonical_domains;

    for (size_t i = 0; i < a->n; i++) {
        const char *name = a->word[i];

        if (strcasecmp(name, "none") == 0 && a->n == 1)
            return true;
        if (l->n == NCR_OPT_DOMAINS)
            return ncr_opt_fail(o, "more than %d domains", NCR_OPT_DOMAINS);
        if (!ncr_host_fit(name) || strcasecmp(name, "none") == 0 || name[0] == '.' ||
            strpbrk(name, ":%[]") != NULL)
            return ncr_opt_fail(o, "bad domain \"%.100s\" in CanonicalDomains", name);
        l->text[l->n] = ncr_opt_copy(o, name);
        if (l->text[l->n++] == NULL)
            return false;
    }
    return true;
}

/* "none", or "names:names" each, patterns between commas. */
bool ncr_opt_permitted_cnames(struct ncr_options *o, const struct ncr_opt_args *a)
{
    struct ncr_opt_list *l = &o->permitted_cnames;

    for (size_t i = 0; i < a->n; i++) {
        const char *rule = a->word[i];
        const char *colon = strchr(rule, ':');

        if (strcasecmp(rule, "none") == 0 && a->n == 1)
            return true;
        if (l->n == NCR_OPT_DOMAINS)
            return ncr_opt_fail(o, "more than %d rules", NCR_OPT_DOMAINS);
        if (colon == NULL || colon == rule || colon[1] == '\0')
            return ncr_opt_fail(o, "bad rule \"%.100s\" in CanonicalizePermittedCNAMEs", rule);
        l->text[l->n] = ncr_opt_copy(o, rule);
        if (l->text[l->n++] == NULL)
            return false;
    }
    return true;
}

/* ---- Keys and agents --------------------------------------------------------------------- */

bool ncr_opt_file_add(struct ncr_options *o, struct ncr_opt_files *f, const char *v)
{
    if (strcmp(v, "none") == 0) {
        f->none = true;
        return true;
    }
    for (uint32_t i = 0; i < f->n; i++) {
        if (strcmp(f->path[i], v) == 0)
            return true; /* configuration may be read twice */
    }
    if (f->n == NCR_OPT_FILES)
        return ncr_opt_fail(o, "more than %d files", NCR_OPT_FILES);
    f->path[f->n] = ncr_opt_copy(o, v);
    return f->path[f->n] != NULL && ++f->n > 0;
}

/* A setting as nacre_client_cfg has it: a path, "none", "SSH_AUTH_SOCK" or "$NAME". */
bool ncr_opt_agent(struct ncr_options *o, const struct ncr_opt_args *a)
{
    o->agent = ncr_opt_copy(o, a->word[0]);
    return o->agent != NULL;
}

/* "yes", "no", or the agent to forward. */
bool ncr_opt_forward_agent(struct ncr_options *o, const struct ncr_opt_args *a)
{
    uint32_t v;

    if (ncr_opt_word(ncr_opt_yes_no, a->word[0], &v)) {
        o->forward_agent = v == 2;
        return true;
    }
    o->forward_agent = true;
    o->forward_which = ncr_opt_copy(o, a->word[0]);
    return o->forward_which != NULL;
}

/* "yes", "no", "ask", "confirm [time]" or "time". */
bool ncr_opt_keep(struct ncr_options *o, const struct ncr_opt_args *a)
{
    static const struct ncr_opt_word keeps[] = {{"no", NACRE_KEEP_NO},
                                                {"false", NACRE_KEEP_NO},
                                                {"yes", NACRE_KEEP_YES},
                                                {"true", NACRE_KEEP_YES},
                                                {"ask", NACRE_KEEP_ASK},
                                                {"confirm", NACRE_KEEP_CONFIRM},
                                                {NULL, 0}};
    const char *time = a->n > 1 ? a->word[1] : NULL;
    bool good;

    if (ncr_opt_word(keeps, a->word[0], &o->keep)) {
        good = time == NULL || (o->keep == NACRE_KEEP_CONFIRM && ncr_opt_time(time, &o->keep_ms));
    } else {
        o->keep = NACRE_KEEP_YES;
        good = time == NULL && isdigit((unsigned char)a->word[0][0]) &&
               ncr_opt_time(a->word[0], &o->keep_ms);
    }
    return (good && a->n <= 2) || ncr_opt_fail(o, "bad value of AddKeysToAgent: \"%s\"", a->rest);
}

/* The library takes no RSA key of fewer bits than that anyway. */
bool ncr_opt_rsa_size(struct ncr_options *o, const struct ncr_opt_args *a)
{
    uint64_t bits;

    if (!ncr_opt_number(a->word[0], 0, 1000000, &bits))
        return ncr_opt_fail(o, "bad value of RequiredRSASize: \"%s\"", a->rest);
    o->unsupported = bits > OPT_RSA_BITS;
    return !o->unsupported ||
           ncr_opt_fail(o, "RequiredRSASize over %d is not supported", OPT_RSA_BITS);
}

/* ---- The connection ---------------------------------------------------------------------- */

/* "default|none|size [none|time]". */
bool ncr_opt_rekey(struct ncr_options *o, const struct ncr_opt_args *a)
{
    const char *size = a->word[0];
    bool good = a->n <= 2;

    if (good && strcasecmp(size, "default") != 0 && strcasecmp(size, "none") != 0)
        good = opt_size(size, &o->rekey_bytes);
    if (good && a->n > 1 && strcasecmp(a->word[1], "none") != 0)
        good = ncr_opt_time(a->word[1], &o->rekey_ms);
    return good || ncr_opt_fail(o, "bad value of RekeyLimit: \"%s\"", a->rest);
}

static bool opt_env_add(struct ncr_options *o, const char **list, uint32_t *n, const char *v)
{
    for (uint32_t i = 0; i < *n; i++) {
        if (strcmp(list[i], v) == 0)
            return true; /* configuration may be read twice */
    }
    if (*n == NCR_OPT_ENV)
        return ncr_opt_fail(o, "more than %d variables", NCR_OPT_ENV);
    list[*n] = ncr_opt_copy(o, v);
    return list[*n] != NULL && ++*n > 0;
}

/* "-pattern" takes back what stands there already. */
static void opt_send_env_less(struct ncr_options *o, const char *pattern)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < o->n_send_env; i++) {
        if (!ncr_names_match(nacre_bytes_str(pattern), o->send_env[i]))
            o->send_env[n++] = o->send_env[i];
    }
    o->n_send_env = n;
}

bool ncr_opt_send_env(struct ncr_options *o, const struct ncr_opt_args *a)
{
    for (size_t i = 0; i < a->n; i++) {
        if (strchr(a->word[i], '=') != NULL)
            return ncr_opt_fail(o, "invalid environment name \"%.100s\"", a->word[i]);
        if (a->word[i][0] == '-')
            opt_send_env_less(o, a->word[i] + 1);
        else if (!opt_env_add(o, o->send_env, &o->n_send_env, a->word[i]))
            return false;
    }
    return true;
}

/* As ssh has it, the first line with variables counts. */
bool ncr_opt_set_env(struct ncr_options *o, const struct ncr_opt_args *a)
{
    for (size_t i = 0; i < a->n; i++) {
        if (strchr(a->word[i], '=') == NULL)
            return ncr_opt_fail(o, "SetEnv without '=': \"%s\"", a->word[i]);
        if (!opt_env_add(o, o->set_env, &o->n_set_env, a->word[i]))
            return false;
    }
    return true;
}

static bool opt_same_rule(const struct ncr_forward_rule *a, const struct ncr_forward_rule *b)
{
    bool same_addr = a->bind_addr == NULL || b->bind_addr == NULL
                         ? a->bind_addr == b->bind_addr
                         : strcmp(a->bind_addr, b->bind_addr) == 0;

    return same_addr && a->remote == b->remote && a->bind_port == b->bind_port &&
           a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* In a configuration the two halves of a rule stand apart, on a command line a colon joins them. */
static bool opt_forward(struct ncr_options *o, const struct ncr_opt_args *a, bool remote)
{
    const char *kind = remote ? "remote" : "local";
    char text[OPT_FORWARD_CAP];
    int n;

    if (o->n_forwards == NCR_FORWARD_RULES)
        return ncr_opt_fail(o, "more than %d forwards", NCR_FORWARD_RULES);
    n = snprintf(text, sizeof text, "%s%s%s", a->word[0], a->n > 1 ? ":" : "",
                 a->n > 1 ? a->word[1] : "");
    if (a->n > 2 || n < 0 || (size_t)n >= sizeof text)
        return ncr_opt_fail(o, "bad %s forward \"%.200s\"", kind, a->rest);
    if (!ncr_forward_parse(&o->forwards[o->n_forwards], text, remote)) {
        /* What ssh would take: sockets of the file system, a SOCKS server over there. */
        o->unsupported = strchr(text, '/') != NULL || (remote && a->n == 1);
        if (o->unsupported && o->clear_forwards == 2)
            return true;
        return ncr_opt_fail(o, "bad %s forward \"%.200s\"", kind, a->rest);
    }
    for (uint32_t i = 0; i < o->n_forwards; i++) {
        if (opt_same_rule(&o->forwards[i], &o->forwards[o->n_forwards])) {
            ncr_forward_rule_free(&o->forwards[o->n_forwards]);
            return true; /* configuration may be read twice */
        }
    }
    o->n_forwards++;
    return true;
}

bool ncr_opt_local(struct ncr_options *o, const struct ncr_opt_args *a)
{
    return opt_forward(o, a, false);
}

bool ncr_opt_remote(struct ncr_options *o, const struct ncr_opt_args *a)
{
    return opt_forward(o, a, true);
}

/* ---- The session ------------------------------------------------------------------------- */

bool ncr_opt_escape(struct ncr_options *o, const struct ncr_opt_args *a)
{
    const char *v = a->word[0];

    if (strcmp(v, "none") == 0)
        o->escape = -1;
    else if (v[0] == '^' && v[1] >= '@' && v[1] <= '_' && v[2] == '\0')
        o->escape = v[1] & 0x1f;
    else if (v[0] != '\0' && v[1] == '\0')
        o->escape = (unsigned char)v[0];
    else
        return ncr_opt_fail(o, "bad escape character \"%s\"", v);
    return true;
}

/* ---- Proxies ----------------------------------------------------------------------------- */

/* The first of ProxyCommand and ProxyJump counts. */
bool ncr_opt_proxy_command(struct ncr_options *o, const struct ncr_opt_args *a)
{
    ncr_opt_close(o, "ProxyJump");
    if (a->n == 1 && strcasecmp(a->word[0], "none") == 0)
        return true;
    o->proxy_command = ncr_opt_copy(o, a->rest);
    return o->proxy_command != NULL;
}

/* "[user@]host[:port]" or "ssh://..." */
static bool opt_hop(struct ncr_options *o, const char *text, struct ncr_opt_jump *jump)
{
    struct ncr_options *hop = malloc(sizeof *hop);
    char *rest = NULL;
    uint64_t port = 0;
    bool good;

    if (hop == NULL)
        return ncr_opt_fail(o, "out of memory");
    ncr_opt_init(hop, o->program);
    good = ncr_opt_target(hop, text, "ssh", &rest) &&
           (rest == NULL || (hop->port == 0 && ncr_opt_number(rest, 1, 65535, &port)));
    jump->port = hop->port != 0 ? hop->port : (uint32_t)port;
    jump->host = good ? ncr_opt_copy(o, hop->host) : NULL;
    jump->user = good && hop->user != NULL ? ncr_opt_copy(o, hop->user) : NULL;
    good = good && jump->host != NULL && (hop->user == NULL || jump->user != NULL);
    ncr_opt_free(hop);
    free(hop);
    return good || ncr_opt_fail(o, "invalid ProxyJump \"%.200s\"", text);
}

bool ncr_opt_proxy_jump(struct ncr_options *o, const struct ncr_opt_args *a)
{
    struct ncr_opt_jump jump = {NULL, NULL, 0, NULL};
    char *list = ncr_opt_copy(o, a->word[0]);
    char *last = list;

    if (list == NULL || strcasecmp(list, "none") == 0)
        return list != NULL;
    ncr_opt_close(o, "ProxyCommand");
    for (char *comma; (comma = strchr(last, ',')) != NULL; last = comma + 1) {
        *comma = '\0';
        if (!opt_hop(o, last, &jump))
            return false;
        *comma = ',';
    }
    if (!opt_hop(o, last, &jump))
        return false;
    if (last != list)
        last[-1] = '\0';
    jump.before = last != list ? list : NULL;
    o->jump = jump;
    return true;
}
