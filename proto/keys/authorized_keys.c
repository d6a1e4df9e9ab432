/* SPDX-License-Identifier: ISC
 *
 * authorized_keys (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"): a line is `[options] type base64
 * [comment]`, options are separated by commas, without blanks but inside double quotes.
 *
 * A line gives rights only when all of it was understood: an unknown or damaged option, `tunnel`
 * included, takes the whole line away. Whether a read line lets somebody in is decided in one
 * place, nacre_authkey_check().
 */
#include "proto/keys/authorized_keys.h"

#include <string.h>

#include "proto/glob.h"
#include "proto/keys/key_type.h"
#include "proto/keys/text.h"

#define AUTHKEY_PERMIT_ALL                                                                         \
    (NACRE_PERMIT_PORT | NACRE_PERMIT_AGENT | NACRE_PERMIT_X11 | NACRE_PERMIT_PTY |                \
     NACRE_PERMIT_USER_RC)
#define AUTHKEY_HOST_MAX 255
#define AUTHKEY_PORT_MAX 65535

/* ---- Time ---- */

static bool authkey_leap(uint64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01; year 1970 to 9999. */
static uint64_t authkey_days(uint64_t year, uint64_t month, uint64_t day)
{
    static const uint16_t before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    uint64_t y = year - 1;
    uint64_t leap_days = y / 4 - y / 100 + y / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);

    return (year - 1970) * 365 + leap_days + before[month - 1] +
           (month > 2 && authkey_leap(year) ? 1 : 0) + day - 1;
}

static uint64_t authkey_month_days(uint64_t year, uint64_t month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (uint64_t)(month == 2 && authkey_leap(year) ? 1 : 0);
}

/* Takes n digits off text, or 0 if there are none left. */
static bool authkey_digits(uint64_t *v, struct nacre_bytes *text, size_t n, uint64_t max)
{
    *v = 0;
    if (text->n == 0)
        return true;
    if (text->n < n || !ncr_text_number(v, ncr_bytes_part(*text, 0, n), n, max))
        return false;
    text->p += n;
    text->n -= n;
    return true;
}

/* Takes "Z" or "UTC" off the end of text. */
static bool authkey_utc(struct nacre_bytes *text)
{
    static const char *const ends[] = {"Z", "UTC"};
    size_t i;

    for (i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t n = strlen(ends[i]);

        if (text->n > n && ncr_text_same(ncr_bytes_part(*text, text->n - n, n), ends[i])) {
            text->n -= n;
            return true;
        }
    }
    return false;
}

bool ncr_authkey_time(uint64_t *t, bool *local, struct nacre_bytes text)
{
    uint64_t year, month, day, hour, minute, second;

    *local = !authkey_utc(&text);
    if (text.n != 8 && text.n != 12 && text.n != 14)
        return false;
    if (!authkey_digits(&year, &text, 4, 9999) || !authkey_digits(&month, &text, 2, 12) ||
        !authkey_digits(&day, &text, 2, 31) || !authkey_digits(&hour, &text, 2, 23) ||
        !authkey_digits(&minute, &text, 2, 59) || !authkey_digits(&second, &text, 2, 60))
        return false;
    if (year < 1970 || month == 0 || day == 0 || day > authkey_month_days(year, month))
        return false;
    *t = ((authkey_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    return true;
}

/* ---- Values ---- */

static const char *authkey_once(bool *has, struct nacre_bytes *slot, struct nacre_bytes value)
{
    if (*has)
        return "option given twice";
    *has = true;
    *slot = value;
    return NULL;
}

static const char *authkey_command(struct nacre_authkey *a, struct nacre_bytes value)
{
    return authkey_once(&a->has_command, &a->command, value);
}

static const char *authkey_from(struct nacre_authkey *a, struct nacre_bytes value)
{
    /* Any address does: it is the list that is tried. */
    if (nacre_addr_list_match(value, nacre_bytes_str("0.0.0.0")) == NACRE_ADDR_BAD)
        return "bad address list";
    return authkey_once(&a->has_from, &a->from, value);
}

static const char *authkey_principals(struct nacre_authkey *a, struct nacre_bytes value)
{
    return authkey_once(&a->has_principals, &a->principals, value);
}

static const char *authkey_expiry(struct nacre_authkey *a, struct nacre_bytes value)
{
    uint64_t t;
    bool local;
    bool *has;
    uint64_t *slot;

    if (!ncr_authkey_time(&t, &local, value))
        return "bad time";
    has = local ? &a->has_expiry_local : &a->has_expiry;
    slot = local ? &a->expiry_local : &a->expiry;
    if (!*has || t < *slot)
        *slot = t;
    *has = true;
    return NULL;
}

/* Length of the name of NAME=value; 0 if it is not of that form. */
static size_t authkey_env_name(struct nacre_bytes value)
{
    size_t n;

    for (n = 0; n < value.n && value.p[n] != '='; n++) {
        uint8_t c = ncr_text_lower(value.p[n]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return 0;
    }
    return n < value.n ? n : 0;
}

static const char *authkey_environment(struct nacre_authkey *a, struct nacre_bytes value)
{
    size_t n = authkey_env_name(value);
    size_t i;

    if (n == 0)
        return "not of the form NAME=value";
    for (i = 0; i < a->n_environment; i++) {
        if (authkey_env_name(a->environment[i]) == n &&
            memcmp(a->environment[i].p, value.p, n) == 0)
            return NULL; /* the first one wins */
    }
    if (a->n_environment == NACRE_AUTHKEY_LIST_MAX)
        return "given too often";
    a->environment[a->n_environment++] = value;
    return NULL;
}

/* host:port, [address]:port, "*" for either; with bare_port also port alone. */
static const char *authkey_permit(struct nacre_permit_addr *list, size_t *n,
                                  struct nacre_bytes value, bool bare_port)
{
    struct nacre_bytes host = nacre_bytes_str("*");
    struct nacre_bytes port = value;
    uint64_t v = NACRE_PORT_ANY;
    size_t colon = value.n;

    while (colon > 0 && value.p[colon - 1] != ':')
        colon--;
    if (colon > 0) {
        host = ncr_bytes_part(value, 0, colon - 1);
        port = ncr_bytes_part(value, colon, value.n - colon);
    } else if (!bare_port) {
        return "not of the form host:port";
    }
    if (host.n > 1 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = ncr_bytes_part(host, 1, host.n - 2);
    else if (ncr_text_has(host, ':'))
        return "an IPv6 address needs brackets";
    if (host.n == 0 || host.n > AUTHKEY_HOST_MAX || ncr_text_has_control(host) ||
        ncr_text_has(host, '[') || ncr_text_has(host, ']'))
        return "bad host name";
    if (!nacre_bytes_is(port, "*") && (!ncr_text_number(&v, port, 5, AUTHKEY_PORT_MAX) || v == 0))
        return "bad port";
    if (*n == NACRE_AUTHKEY_LIST_MAX)
        return "given too often";
    list[*n].host = host;
    list[(*n)++].port = (uint32_t)v;
    return NULL;
}

static const char *authkey_permitopen(struct nacre_authkey *a, struct nacre_bytes value)
{
    return authkey_permit(a->permitopen, &a->n_permitopen, value, false);
}

static const char *authkey_permitlisten(struct nacre_authkey *a, struct nacre_bytes value)
{
    return authkey_permit(a->permitlisten, &a->n_permitlisten, value, true);
}

static const char *authkey_tunnel(struct nacre_authkey *a, struct nacre_bytes value)
{
    (void)a;     /* tunnels are not built: a line that counts on one */
    (void)value; /* is refused by name, whatever device it asks for */
    return "option not supported";
}

/* ---- Flags ---- */

static void authkey_set_restrict(struct nacre_authkey *a, bool on)
{
    (void)on; /* has no opposite */
    a->restricted = true;
    a->permits = 0;
}

static void authkey_set_ca(struct nacre_authkey *a, bool on)
{
    a->cert_authority = on;
}

static void authkey_set_touch(struct nacre_authkey *a, bool on)
{
    a->no_touch_required = !on;
}

static void authkey_set_verify(struct nacre_authkey *a, bool on)
{
    a->verify_required = on;
}

const struct ncr_authkey_option ncr_authkey_options[] = {
    {"agent-forwarding", true, NACRE_PERMIT_AGENT, NULL, NULL},
    {"cert-authority", false, 0, NULL, authkey_set_ca},
    {"command", false, 0, authkey_command, NULL},
    {"environment", false, 0, authkey_environment, NULL},
    {"expiry-time", false, 0, authkey_expiry, NULL},
    {"from", false, 0, authkey_from, NULL},
    {"permitlisten", false, 0, authkey_permitlisten, NULL},
    {"permitopen", false, 0, authkey_permitopen, NULL},
    {"port-forwarding", true, NACRE_PERMIT_PORT, NULL, NULL},
    {"principals", false, 0, authkey_principals, NULL},
    {"pty", true, NACRE_PERMIT_PTY, NULL, NULL},
    {"restrict", false, 0, NULL, authkey_set_restrict},
    {"touch-required", true, 0, NULL, authkey_set_touch},
    {"tunnel", false, 0, authkey_tunnel, NULL},
    {"user-rc", true, NACRE_PERMIT_USER_RC, NULL, NULL},
    {"verify-required", true, 0, NULL, authkey_set_verify},
    {"X11-forwarding", true, NACRE_PERMIT_X11, NULL, NULL},
    {NULL, false, 0, NULL, NULL},
};

/* ---- The line ---- */

/* A line on its way in. */
struct authkey_in {
    struct nacre_bytes rest;
    uint8_t *buf; /* values without escapes go here, then the key's blob */
    size_t used, cap;
};

static nacre_err authkey_bad(struct nacre_authkey *a, nacre_err err, const char *what,
                             struct nacre_bytes word)
{
    memset(a, 0, sizeof *a);
    a->what = what;
    a->what_word = word;
    return err;
}

/* Takes a quoted value off the line; \" inside is a quote, any other backslash is itself. */
static const char *authkey_quoted(struct authkey_in *in, struct nacre_bytes *value)
{
    size_t i = 1;

    if (in->rest.n == 0 || in->rest.p[0] != '"')
        return "value without quotes";
    value->p = in->buf + in->used;
    value->n = 0;
    while (i < in->rest.n && in->rest.p[i] != '"') {
        if (in->rest.p[i] == '\\' && i + 1 < in->rest.n && in->rest.p[i + 1] == '"')
            i++;
        if (in->used == in->cap)
            return "line too long for its buffer";
        in->buf[in->used++] = in->rest.p[i++];
        value->n++;
    }
    if (i == in->rest.n)
        return "no quote at the end of the value";
    in->rest = ncr_bytes_part(in->rest, i + 1, in->rest.n - i - 1);
    return NULL;
}

/* The row of an option by name; *on false if it was named with "no-". */
static const struct ncr_authkey_option *authkey_find(struct nacre_bytes name, bool *on)
{
    const struct ncr_authkey_option *o;

    for (o = ncr_authkey_options; o->name != NULL; o++) {
        *on = true;
        if (ncr_text_same(name, o->name))
            return o;
        *on = false;
        if (o->has_no && name.n > 3 && ncr_text_same(ncr_bytes_part(name, 0, 3), "no-") &&
            ncr_text_same(ncr_bytes_part(name, 3, name.n - 3), o->name))
            return o;
    }
    return NULL;
}

static void authkey_flag(struct nacre_authkey *a, const struct ncr_authkey_option *o, bool on)
{
    if (o->set != NULL)
        o->set(a, on);
    else if (on)
        a->permits |= o->flag;
    else
        a->permits &= ~o->flag;
}

/* Takes one option off the line; what is wrong, or NULL. */
static const char *authkey_option(struct nacre_authkey *a, struct authkey_in *in,
                                  struct nacre_bytes *name)
{
    const struct ncr_authkey_option *o;
    struct nacre_bytes value = {NULL, 0};
    const char *what;
    bool on;

    name->p = in->rest.p;
    name->n = 0;
    while (name->n < in->rest.n && !ncr_text_has(nacre_bytes_str("=,\" \t"), name->p[name->n]))
        name->n++;
    in->rest = ncr_bytes_part(in->rest, name->n, in->rest.n - name->n);
    o = authkey_find(*name, &on);
    if (o == NULL)
        return "unknown option";
    if (o->value == NULL) {
        authkey_flag(a, o, on);
        return NULL;
    }
    if (in->rest.n == 0 || in->rest.p[0] != '=')
        return "option without a value";
    in->rest = ncr_bytes_part(in->rest, 1, in->rest.n - 1);
    what = authkey_quoted(in, &value);
    return what != NULL ? what : o->value(a, value);
}

/* Takes all options off the line, up to the blank behind them; between commas there may be none, as
 * sshd has it. */
static nacre_err authkey_options_read(struct nacre_authkey *a, struct authkey_in *in)
{
    for (;;) {
        struct nacre_bytes name = {in->rest.p, 0};
        const char *what = NULL;

        if (in->rest.n > 0 && !ncr_text_has(nacre_bytes_str(", \t"), in->rest.p[0]))
            what = authkey_option(a, in, &name);
        if (what != NULL)
            return authkey_bad(a, NACRE_ERR_FILE_FORMAT, what, name);
        if (in->rest.n == 0)
            return authkey_bad(a, NACRE_ERR_FILE_FORMAT, "no key", in->rest);
        if (in->rest.p[0] == ' ' || in->rest.p[0] == '\t')
            return NACRE_OK;
        if (in->rest.p[0] != ',')
            return authkey_bad(a, NACRE_ERR_FILE_FORMAT, "text behind an option", name);
        in->rest = ncr_bytes_part(in->rest, 1, in->rest.n - 1);
    }
}

/* Whether a key starts here, good or damaged, rather than options. */
static bool authkey_is_key(struct nacre_bytes line)
{
    struct nacre_bytes name = ncr_text_word(&line);
    struct nacre_bytes text = ncr_text_word(&line);

    if (ncr_key_type(name) != NULL)
        return true;
    return ncr_list_valid(name, 1) && !ncr_text_has(name, '"') && text.n >= 4 &&
           memcmp(text.p, "AAAA", 4) == 0;
}

nacre_err nacre_authkey_parse(struct nacre_authkey *a, struct nacre_bytes line, uint8_t *buf,
                              size_t cap)
{
    struct authkey_in in = {ncr_text_trim(line), buf, 0, cap};
    nacre_err err;

    memset(a, 0, sizeof *a);
    if (in.rest.n == 0 || in.rest.p[0] == '#') {
        a->blank = true;
        return NACRE_OK;
    }
    if (ncr_text_has(in.rest, 0))
        return authkey_bad(a, NACRE_ERR_FILE_FORMAT, "NUL in the line", ncr_bytes_part(line, 0, 0));
    a->permits = AUTHKEY_PERMIT_ALL;
    if (!authkey_is_key(in.rest)) {
        err = authkey_options_read(a, &in);
        if (err != NACRE_OK)
            return err;
        in.rest = ncr_text_trim(in.rest);
    }
    if (!authkey_is_key(in.rest))
        return authkey_bad(a, NACRE_ERR_FILE_FORMAT, "no key", ncr_text_word(&in.rest));
    err = nacre_pubkey_parse(&a->key, &a->comment, in.rest, in.buf + in.used, in.cap - in.used);
    if (err != NACRE_OK && err != NACRE_ERR_UNKNOWN_ALG)
        return authkey_bad(a, err, "damaged key", ncr_text_word(&in.rest));
    return NACRE_OK;
}

/* ---- Lines of principals ---- */

/* The part before a '#', which starts a comment wherever it stands. */
static struct nacre_bytes authkey_uncommented(struct nacre_bytes line)
{
    size_t n = 0;

    while (n < line.n && line.p[n] != '#')
        n++;
    return ncr_text_trim(ncr_bytes_part(line, 0, n));
}

nacre_err nacre_authkey_parse_principal(struct nacre_authkey *a, struct nacre_bytes line,
                                        uint8_t *buf, size_t cap)
{
    struct authkey_in in = {authkey_uncommented(line), buf, 0, cap};
    struct nacre_bytes rest = in.rest;
    nacre_err err;

    memset(a, 0, sizeof *a);
    a->blank = in.rest.n == 0;
    if (a->blank)
        return NACRE_OK;
    if (ncr_text_has(in.rest, 0))
        return authkey_bad(a, NACRE_ERR_FILE_FORMAT, "NUL in the line", ncr_bytes_part(line, 0, 0));
    a->permits = AUTHKEY_PERMIT_ALL;
    (void)ncr_text_word(&rest); /* more than one word: options come first */
    if (ncr_text_trim(rest).n > 0) {
        err = authkey_options_read(a, &in);
        if (err != NACRE_OK)
            return err;
        in.rest = ncr_text_trim(in.rest);
    }
    a->principal = ncr_text_word(&in.rest);
    if (a->principal.n == 0 || ncr_text_trim(in.rest).n > 0 || ncr_text_has(a->principal, '"'))
        return authkey_bad(a, NACRE_ERR_FILE_FORMAT, "not one name behind the options",
                           ncr_text_trim(in.rest));
    return NACRE_OK;
}

/* ---- Decisions ---- */

/* When and from where. */
static enum nacre_authkey_verdict authkey_limits(const struct nacre_authkey *a,
                                                 struct nacre_bytes addr, uint64_t now,
                                                 uint64_t now_local)
{
    if ((a->has_expiry && now >= a->expiry) ||
        (a->has_expiry_local && now_local >= a->expiry_local))
        return NACRE_AUTHKEY_DENY_EXPIRED;
    if (a->has_from && nacre_addr_list_match(a->from, addr) != NACRE_ADDR_YES)
        return NACRE_AUTHKEY_DENY_FROM;
    return NACRE_AUTHKEY_ALLOW;
}

/* What holds for a key and for an authority. */
static enum nacre_authkey_verdict authkey_check(const struct nacre_authkey *a,
                                                struct nacre_bytes blob, struct nacre_bytes addr,
                                                uint64_t now, uint64_t now_local)
{
    if (a->blank || a->key.type == NULL || blob.n == 0 || !ncr_bytes_eq(a->key.blob, blob) ||
        !nacre_pubkey_trustworthy(&a->key))
        return NACRE_AUTHKEY_DENY;
    return authkey_limits(a, addr, now, now_local);
}

enum nacre_authkey_verdict nacre_authkey_check(const struct nacre_authkey *a,
                                               struct nacre_bytes blob, struct nacre_bytes addr,
                                               uint64_t now, uint64_t now_local)
{
    if (a->cert_authority || a->has_principals)
        return NACRE_AUTHKEY_DENY;
    return authkey_check(a, blob, addr, now, now_local);
}

enum nacre_authkey_verdict nacre_authkey_check_ca(const struct nacre_authkey *a,
                                                  struct nacre_bytes ca, struct nacre_bytes addr,
                                                  uint64_t now, uint64_t now_local)
{
    return a->cert_authority ? authkey_check(a, ca, addr, now, now_local) : NACRE_AUTHKEY_DENY;
}

enum nacre_authkey_verdict nacre_authkey_check_principal(const struct nacre_authkey *a,
                                                         struct nacre_bytes addr, uint64_t now,
                                                         uint64_t now_local)
{
    if (a->blank || a->cert_authority || a->has_principals || a->principal.n == 0)
        return NACRE_AUTHKEY_DENY;
    return authkey_limits(a, addr, now, now_local);
}

/* As sshd compares them: hosts to connect to are names, those to listen at may be patterns. */
static bool authkey_host(struct nacre_bytes permitted, enum nacre_authkey_forward kind,
                         struct nacre_bytes host)
{
    if (nacre_bytes_is(permitted, "*"))
        return true;
    return kind == NACRE_AUTHKEY_LISTEN ? ncr_glob_exact(permitted, host)
                                        : ncr_bytes_eq(permitted, host);
}

bool nacre_authkey_permits_forward(const struct nacre_authkey *a, enum nacre_authkey_forward kind,
                                   struct nacre_bytes host, uint32_t port)
{
    const struct nacre_permit_addr *list = a->permitopen;
    size_t n = a->n_permitopen;
    size_t i;

    if (kind == NACRE_AUTHKEY_LISTEN) {
        list = a->permitlisten;
        n = a->n_permitlisten;
    }
    if ((a->permits & NACRE_PERMIT_PORT) == 0)
        return false;
    for (i = 0; i < n; i++) {
        if ((list[i].port == NACRE_PORT_ANY || list[i].port == port) &&
            authkey_host(list[i].host, kind, host))
            return true;
    }
    return n == 0;
}
