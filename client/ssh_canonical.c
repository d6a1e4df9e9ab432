/* SPDX-License-Identifier: ISC
 *
 * Canonical host names: CanonicalizeHostname and what belongs to it in ssh_config(5). A name that
 * is short enough gets each of the domains behind it until one of the results is there; a name that
 * leads to another is followed where a rule permits it. Addresses are put into their usual form.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/options_values.h"
#include "client/ssh_match.h"

/* The address in its usual text. False: it is none. */
static bool canonical_addr(const char *name, char out[INET6_ADDRSTRLEN])
{
    uint8_t addr[16];

    for (int i = 0; i < 2; i++) {
        int family = i == 0 ? AF_INET : AF_INET6;

        if (inet_pton(family, name, addr) == 1)
            return inet_ntop(family, addr, out, INET6_ADDRSTRLEN) != NULL;
    }
    return false;
}

/* Whether rule "names:names" lets name be taken for other. */
static bool canonical_permits(const char *rule, const char *name, const char *other)
{
    const char *colon = strchr(rule, ':');
    struct nacre_bytes from = {(const uint8_t *)rule, (size_t)(colon - rule)};

    return nacre_pattern_list_match(from, nacre_bytes_str(name)) &&
           nacre_pattern_list_match(nacre_bytes_str(colon + 1), nacre_bytes_str(other));
}

static bool canonical_set(struct ncr_conf *r, const char *name)
{
    if (!ncr_host_fit(name))
        return ncr_opt_fail(r->opt, "invalid canonical host name");
    if (strcmp(r->opt->host_name, name) != 0)
        ncr_conf_log(r, NACRE_LOG_DEBUG, "Canonicalized hostname \"%s\" => \"%s\"",
                     r->opt->host_name, name);
    r->opt->host_name = ncr_opt_copy(r->opt, name);
    return r->opt->host_name != NULL;
}

/* The name was found, and leads to other ("": not known). */
static bool canonical_found(struct ncr_conf *r, const char *name, char *other)
{
    const struct ncr_opt_list *rules = &r->opt->permitted_cnames;
    size_t n = strlen(other);

    if (n > 0 && other[n - 1] == '.')
        other[n - 1] = '\0';
    for (uint32_t i = 0; i < rules->n && other[0] != '\0' && strcasecmp(name, other) != 0; i++) {
        if (canonical_permits(rules->text[i], name, other))
            return canonical_set(r, other);
    }
    return canonical_set(r, name);
}

/* name with '.' behind it, as it is given. *found says whether it is there. */
static bool canonical_try(struct ncr_conf *r, const char *name, bool *found)
{
    char other[NCR_SSH_CONFIG_NAME] = "";
    char copy[NCR_SSH_CONFIG_NAME];
    size_t n = strlen(name);

    *found = n > 1 && n < sizeof copy && r->env->resolve(r->env->ctx, name, other);
    if (!*found)
        return true;
    memcpy(copy, name, n);
    copy[n - (name[n - 1] == '.')] = '\0';
    return canonical_found(r, copy, other);
}

static unsigned canonical_dots(const char *name)
{
    unsigned n = 0;

    for (; *name != '\0'; name++)
        n += *name == '.';
    return n;
}

/* No domain has it: as it is, unless that is not wanted. */
static bool canonical_fallback(struct ncr_conf *r)
{
    struct ncr_options *o = r->opt;
    bool found;

    if (o->canonical_fallback == 1)
        return ncr_opt_fail(o, "Could not resolve host \"%s\"", o->host_name);
    if (o->permitted_cnames.n == 0)
        return true;
    if (!canonical_try(r, o->host_name, &found))
        return false;
    return found || ncr_opt_fail(o, "Could not resolve hostname %s", o->host_name);
}

bool ncr_conf_canonical(struct ncr_conf *r)
{
    struct ncr_options *o = r->opt;
    const char *name = o->host_name;
    size_t n = strlen(name);
    char text[INET6_ADDRSTRLEN];
    bool found = false;

    if (canonical_addr(name, text))
        return canonical_set(r, text);
    if (o->canonical < NCR_CANONICAL_YES ||
        (o->canonical == NCR_CANONICAL_YES && (o->proxy_command != NULL || o->jump.host != NULL)))
        return true; /* a proxy's names are its own */
    if (name[n - 1] == '.')
        return canonical_try(r, name, &found) && (found || canonical_fallback(r));
    if (strchr(name, ':') != NULL || canonical_dots(name) > o->canonical_dots)
        return true;
    for (uint32_t i = 0; i < o->canonical_domains.n && !found; i++) {
        char full[2 * NCR_SSH_CONFIG_NAME + 3];

        (void)snprintf(full, sizeof full, "%s.%s.", name, o->canonical_domains.text[i]);
        if (!canonical_try(r, full, &found))
            return false;
    }
    return found || canonical_fallback(r);
}
