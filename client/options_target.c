/* SPDX-License-Identifier: ISC
 *
 * Destinations of the client programs: "[user@]host" and URIs; which names of hosts and users are
 * fit to stand on a command line (S54, S55).
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "client/options.h"
#include "client/options_values.h"

static bool opt_fit(const char *s, const char *bad)
{
    if (s[0] == '\0' || s[0] == '-')
        return false;
    for (; *s != '\0'; s++) {
        unsigned char b = (unsigned char)*s;

        if (b <= ' ' || b == 0x7f || strchr(bad, b) != NULL)
            return false;
    }
    return true;
}

bool ncr_host_fit(const char *host)
{
    return strlen(host) <= NACRE_HOST_NAME_MAX && opt_fit(host, "'`\"$\\;&<>|(){}*?,!#@/");
}

bool ncr_user_fit(const char *user)
{
    size_t n = strlen(user);

    return n <= 255 && opt_fit(user, "'`\";&<>|(){}*?$") && user[n - 1] != '\\';
}

bool ncr_opt_login(struct ncr_options *o, const char *name)
{
    if (!ncr_user_fit(name))
        return ncr_opt_fail(o, "invalid user name");
    if (o->user == NULL && o->user_text == NULL)
        o->user = ncr_opt_copy(o, name);
    return o->user != NULL || o->user_text != NULL;
}

/* Undoes %xx in place; %00 and controls are refused by the checks that follow. */
static bool opt_unescape(char *s)
{
    char *out = s;

    for (; *s != '\0'; s++) {
        if (*s == '%') {
            char hex[3] = {s[1], s[1] != '\0' ? s[2] : '\0', '\0'};

            if (!isxdigit((unsigned char)hex[0]) || !isxdigit((unsigned char)hex[1]) ||
                strcmp(hex, "00") == 0)
                return false;
            *out++ = (char)strtoul(hex, NULL, 16);
            s += 2;
        } else {
            *out++ = *s;
        }
    }
    *out = '\0';
    return true;
}

/* Splits "[addr]" or "name" off s; what follows is left in *rest. NULL: brackets do not match. */
static char *opt_split_host(char *s, const char *ends, char **rest)
{
    char *host = s;

    if (*s == '[') {
        host = s + 1;
        s = strchr(host, ']');
        if (s == NULL || (s[1] != '\0' && strchr(ends, s[1]) == NULL))
            return NULL;
        *s++ = '\0';
    } else {
        s += strcspn(s, ends);
    }
    *rest = s;
    return host;
}

static bool opt_take_user(struct ncr_options *o, char **s, bool escaped)
{
    char *slash = strchr(*s, '/');
    char *at = NULL;

    /* The last '@' before a path: a user name may hold one. */
    for (char *p = *s; *p != '\0' && (!escaped || p != slash); p++) {
        if (*p == '@')
            at = p;
    }
    if (at == NULL)
        return true;
    *at = '\0';
    if ((escaped && !opt_unescape(*s)) || !ncr_user_fit(*s))
        return ncr_opt_fail(o, "invalid user name in the destination");
    if (o->user == NULL && o->user_text == NULL)
        o->user = *s;
    *s = at + 1;
    return true;
}

static bool opt_target_host(struct ncr_options *o, char *host)
{
    if (host == NULL || !ncr_host_fit(host))
        return ncr_opt_fail(o, "invalid host name in the destination");
    o->host = host;
    return true;
}

static bool opt_target_uri(struct ncr_options *o, char *s, char **path)
{
    char *rest;
    char *host;

    if (!opt_take_user(o, &s, true))
        return false;
    host = opt_split_host(s, ":/", &rest);
    if (host != NULL && *rest == ':') {
        char *port = rest + 1;

        *rest = '\0';
        rest = port + strcspn(port, "/");
        if (*rest == '/') {
            *rest++ = '\0';
            *path = rest;
        }
        if (*port != '\0' && !ncr_opt_set(o, "Port", port))
            return ncr_opt_fail(o, "bad port in the destination");
    } else if (host != NULL && *rest == '/') {
        *rest++ = '\0';
        *path = rest;
    }
    if (*path != NULL && (**path == '\0' || !opt_unescape(*path)))
        *path = NULL;
    return opt_target_host(o, host);
}

bool ncr_opt_target(struct ncr_options *o, const char *text, const char *scheme, char **path)
{
    char *copy = ncr_opt_copy(o, text); /* stays: host and user are in it */
    size_t n = strlen(scheme);
    char *ignored = NULL;
    char *rest;
    char *host;

    if (copy == NULL)
        return false;
    if (strncmp(copy, scheme, n) == 0 && strncmp(copy + n, "://", 3) == 0)
        return opt_target_uri(o, copy + n + 3, path != NULL ? path : &ignored);
    if (!opt_take_user(o, &copy, false))
        return false;
    if (path == NULL)
        return opt_target_host(o, copy);
    host = opt_split_host(copy, ":", &rest);
    if (host != NULL && *rest == ':') {
        *rest++ = '\0';
        *path = rest;
    }
    return opt_target_host(o, host);
}
