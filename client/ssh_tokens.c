/* SPDX-License-Identifier: ISC
 *
 * Tokens of ssh_config(5): see ssh_tokens.h.
 */
#include "client/ssh_tokens.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/nacre_crypto.h"

#define TOKENS_NAME_CAP 256 /* host names, names of variables and users */

struct tokens_out {
    char *p;
    size_t n;
    bool over;
};

static void tokens_put(struct tokens_out *out, const char *s, size_t n)
{
    if (n >= NCR_TOKENS_CAP - out->n) {
        out->over = true;
        return;
    }
    memcpy(out->p + out->n, s, n);
    out->n += n;
    out->p[out->n] = '\0';
}

/* ---- Facts of this machine --------------------------------------------------------------- */

const char *ncr_tokens_home(void)
{
    const char *home = getenv("HOME");
    const struct passwd *pw;

    if (home != NULL && home[0] != '\0')
        return home;
    pw = getpwuid(getuid());
    return pw != NULL ? pw->pw_dir : "";
}

const char *ncr_tokens_local_user(void)
{
    const struct passwd *pw = getpwuid(getuid());

    return pw != NULL ? pw->pw_name : "";
}

static void tokens_this_host(char name[TOKENS_NAME_CAP], bool whole)
{
    if (gethostname(name, TOKENS_NAME_CAP) != 0)
        name[0] = '\0';
    name[TOKENS_NAME_CAP - 1] = '\0';
    if (!whole)
        name[strcspn(name, ".")] = '\0';
}

/* ---- Tokens ------------------------------------------------------------------------------ */

/* %C: SHA-1 over %l, %h, %p, %r and %j, as ssh names the sockets of its connections. */
static void tokens_put_hash(struct tokens_out *out, const struct ncr_tokens *t)
{
    char host[TOKENS_NAME_CAP];
    char port[16];
    const char *parts[5] = {host, t->host, port, t->user, t->jump != NULL ? t->jump : ""};
    uint8_t digest[NACRE_SHA1_LEN];
    struct nacre_sha1 h;

    tokens_this_host(host, true);
    (void)snprintf(port, sizeof port, "%u", (unsigned)t->port); /* five digits */
    nacre_sha1_init(&h);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        nacre_sha1_update(&h, (const uint8_t *)parts[i], strlen(parts[i]));
    nacre_sha1_final(digest, &h);
    for (size_t i = 0; i < sizeof digest; i++) {
        char hex[3];

        (void)snprintf(hex, sizeof hex, "%02x", digest[i]); /* two digits */
        tokens_put(out, hex, 2);
    }
}

static void tokens_put_one(struct tokens_out *out, char letter, const struct ncr_tokens *t)
{
    char text[TOKENS_NAME_CAP];
    const char *s = text;

    switch (letter) {
    case 'C':
        tokens_put_hash(out, t);
        return;
    case 'd':
        s = ncr_tokens_home();
        break;
    case 'h':
        s = t->host;
        break;
    case 'i':
        (void)snprintf(text, sizeof text, "%lu", (unsigned long)getuid()); /* digits */
        break;
    case 'j':
        s = t->jump != NULL ? t->jump : "";
        break;
    case 'k':
        s = t->alias != NULL ? t->alias : t->original;
        break;
    case 'L':
    case 'l':
        tokens_this_host(text, letter == 'l');
        break;
    case 'n':
        s = t->original;
        break;
    case 'p':
        (void)snprintf(text, sizeof text, "%u", (unsigned)t->port); /* digits */
        break;
    case 'r':
        s = t->user;
        break;
    default: /* u */
        s = ncr_tokens_local_user();
    }
    tokens_put(out, s, strlen(s));
}

/* ${NAME} at *p, which is moved behind it. */
static bool tokens_put_env(struct tokens_out *out, const char **p, char *error)
{
    const char *name = *p + 2;
    size_t n = strcspn(name, "}");
    char copy[TOKENS_NAME_CAP];
    const char *value;

    if (name[n] == '\0' || n == 0 || n >= sizeof copy) {
        (void)snprintf(error, NCR_TOKENS_ERROR_CAP, "environment variable without a name or end");
        return false;
    }
    memcpy(copy, name, n);
    copy[n] = '\0';
    value = getenv(copy);
    if (value == NULL) {
        (void)snprintf(error, NCR_TOKENS_ERROR_CAP, "environment variable ${%.100s} is not set",
                       copy);
        return false;
    }
    tokens_put(out, value, strlen(value));
    *p = name + n + 1;
    return true;
}

/* "~" or "~user" at *p, which is moved behind it. */
static bool tokens_put_home(struct tokens_out *out, const char **p, char *error)
{
    size_t n = strcspn(*p, "/");
    char name[TOKENS_NAME_CAP];
    const struct passwd *pw = NULL;
    const char *home = n == 1 ? ncr_tokens_home() : NULL;

    if (home == NULL && n < sizeof name) {
        memcpy(name, *p + 1, n - 1);
        name[n - 1] = '\0';
        pw = getpwnam(name);
        home = pw != NULL ? pw->pw_dir : NULL;
    }
    if (home == NULL) {
        (void)snprintf(error, NCR_TOKENS_ERROR_CAP, "no such user: %.100s", *p);
        return false;
    }
    tokens_put(out, home, strlen(home));
    *p += n;
    return true;
}

bool ncr_tokens_expand(char *out, const char *text, const struct ncr_tokens *t,
                       const struct ncr_tokens_how *how, char *error)
{
    struct tokens_out o = {out, 0, false};
    const char *p = text;

    out[0] = '\0';
    if (how->tilde && *p == '~' && !tokens_put_home(&o, &p, error))
        return false;
    while (*p != '\0' && !o.over) {
        if (how->env && p[0] == '$' && p[1] == '{') {
            if (!tokens_put_env(&o, &p, error))
                return false;
        } else if (*p != '%') {
            tokens_put(&o, p++, 1);
        } else if (p[1] == '%') {
            tokens_put(&o, p, 1);
            p += 2;
        } else if (p[1] != '\0' && strchr(how->letters, p[1]) != NULL) {
            tokens_put_one(&o, p[1], t);
            p += 2;
        } else {
            (void)snprintf(error, NCR_TOKENS_ERROR_CAP, "unknown token %%%c in \"%.100s\"",
                           p[1] >= ' ' && p[1] < 0x7f ? p[1] : '?', text);
            return false;
        }
    }
    if (o.over)
        (void)snprintf(error, NCR_TOKENS_ERROR_CAP, "result is too long");
    return !o.over;
}
