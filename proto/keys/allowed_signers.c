/* SPDX-License-Identifier: ISC
 *
 * Lines of allowed-signers files: see nacre_signers.h.
 *
 * The order of the questions is that of ssh-keygen: principal, key, certificate, namespace, time.
 * What follows the key is a comment.
 */
#include "proto/keys/nacre_signers.h"

#include <string.h>

#include "proto/glob.h"
#include "proto/keys/authorized_keys.h"
#include "proto/keys/text.h"
#include "proto/wire.h"

/* A line on its way in. */
struct signer_in {
    struct nacre_bytes rest;
    uint8_t *buf; /* values without escapes go here, then the key's blob */
    size_t used, cap;
};

static nacre_err signer_bad(struct nacre_signer *s, nacre_err err, const char *what)
{
    struct nacre_bytes principals = s->principals;

    memset(s, 0, sizeof *s);
    s->principals = principals;
    s->what = what;
    return err;
}

static void signer_skip(struct nacre_bytes *b, size_t n)
{
    if (n > 0)
        b->p += n;
    b->n -= n;
}

/* ---- Options ---- */

/* A value in quotes, `\"` for a quote in it; false if it is none or does not fit. */
static bool signer_quoted(struct signer_in *in, struct nacre_bytes *value)
{
    size_t n = 0;

    if (in->rest.n == 0 || in->rest.p[0] != '"')
        return false;
    signer_skip(&in->rest, 1);
    value->p = in->buf + in->used;
    while (in->rest.n > 0 && in->rest.p[0] != '"') {
        bool escaped = in->rest.n > 1 && in->rest.p[0] == '\\' && in->rest.p[1] == '"';

        if (in->used == in->cap)
            return false;
        signer_skip(&in->rest, escaped ? 1 : 0);
        in->buf[in->used++] = in->rest.p[0];
        n++;
        signer_skip(&in->rest, 1);
    }
    value->n = n;
    if (in->rest.n == 0)
        return false;
    signer_skip(&in->rest, 1);
    return true;
}

static const char *signer_namespaces(struct nacre_signer *s, struct nacre_bytes value)
{
    if (s->has_namespaces)
        return "multiple \"namespaces\" clauses";
    s->has_namespaces = true;
    s->namespaces = value;
    return NULL;
}

static bool signer_time(struct nacre_signer_time *t, struct nacre_bytes value)
{
    t->given = true;
    return ncr_authkey_time(&t->t, &t->local, value);
}

static const char *signer_after(struct nacre_signer *s, struct nacre_bytes value)
{
    if (s->after.given)
        return "multiple \"valid-after\" clauses";
    return signer_time(&s->after, value) ? NULL : "invalid \"valid-after\" time";
}

static const char *signer_before(struct nacre_signer *s, struct nacre_bytes value)
{
    if (s->before.given)
        return "multiple \"valid-before\" clauses";
    return signer_time(&s->before, value) ? NULL : "invalid \"valid-before\" time";
}

static const char *signer_authority(struct nacre_signer *s, struct nacre_bytes value)
{
    (void)value; /* it has none */
    s->cert_authority = true;
    return NULL;
}

static const struct {
    const char *name; /* with a `=` at its end if a value follows */
    const char *(*take)(struct nacre_signer *s, struct nacre_bytes value);
} signer_options[] = {
    {"cert-authority", signer_authority},
    {"namespaces=", signer_namespaces},
    {"valid-after=", signer_after},
    {"valid-before=", signer_before},
};

/* One option; NULL, or what is wrong. */
static const char *signer_option(struct nacre_signer *s, struct signer_in *in)
{
    size_t i;

    for (i = 0; i < sizeof signer_options / sizeof signer_options[0]; i++) {
        struct nacre_bytes name = {in->rest.p, strlen(signer_options[i].name)};
        struct nacre_bytes value = {NULL, 0};

        if (name.n > in->rest.n || !ncr_text_same(name, signer_options[i].name))
            continue;
        signer_skip(&in->rest, name.n);
        if (name.p[name.n - 1] == '=' && !signer_quoted(in, &value))
            return "value without quotes around it";
        return signer_options[i].take(s, value);
    }
    return "unknown key option";
}

/* All options, up to the blank behind them; NULL, or what is wrong. */
static const char *signer_read_options(struct nacre_signer *s, struct signer_in *in)
{
    const char *what = signer_option(s, in);

    while (what == NULL && in->rest.n > 0 && in->rest.p[0] == ',') {
        signer_skip(&in->rest, 1);
        what = signer_option(s, in);
    }
    if (what != NULL)
        return what;
    if (in->rest.n == 0)
        return "missing key";
    if (in->rest.p[0] != ' ' && in->rest.p[0] != '\t')
        return "unknown key option";
    if (s->after.given && s->before.given && s->after.local == s->before.local &&
        s->before.t <= s->after.t)
        return "\"valid-before\" time is before \"valid-after\"";
    return NULL;
}

/* ---- The line ---- */

/* A first word, in quotes or not. */
static bool signer_principals(struct nacre_signer *s, struct signer_in *in)
{
    bool good = true;

    if (in->rest.p[0] != '"')
        s->principals = ncr_text_word(&in->rest);
    else
        good = signer_quoted(in, &s->principals) &&
               (in->rest.n == 0 || in->rest.p[0] == ' ' || in->rest.p[0] == '\t');
    return good && s->principals.n > 0;
}

static nacre_err signer_key(struct nacre_signer *s, struct signer_in *in)
{
    nacre_err err =
        nacre_pubkey_parse(&s->key, NULL, in->rest, in->buf + in->used, in->cap - in->used);

    return err == NACRE_ERR_UNKNOWN_ALG ? NACRE_OK : err;
}

nacre_err nacre_signer_parse(struct nacre_signer *s, struct nacre_bytes line, uint8_t *buf,
                             size_t cap)
{
    struct signer_in in = {ncr_text_trim(line), buf, 0, cap};
    const char *what;
    nacre_err err;

    memset(s, 0, sizeof *s);
    if (in.rest.n == 0 || in.rest.p[0] == '#') {
        s->blank = true;
        return NACRE_OK;
    }
    if (!signer_principals(s, &in)) {
        memset(s, 0, sizeof *s);
        return signer_bad(s, NACRE_ERR_FILE_FORMAT, "invalid line");
    }
    in.rest = ncr_text_trim(in.rest);
    err = signer_key(s, &in);
    if (err == NACRE_OK)
        return NACRE_OK;
    what = in.rest.n > 0 ? signer_read_options(s, &in) : "missing key";
    if (what != NULL && err != NACRE_ERR_FILE_FORMAT) /* there was a key, only damaged */
        return signer_bad(s, err, "invalid key");
    if (what != NULL)
        return signer_bad(s, NACRE_ERR_FILE_FORMAT, what);
    err = signer_key(s, &in);
    return err == NACRE_OK ? err : signer_bad(s, err, "invalid key");
}

/* ---- Questions ---- */

bool nacre_signer_is_for(const struct nacre_signer *s, struct nacre_bytes principal)
{
    return principal.n > 0 && s->principals.n > 0 &&
           ncr_pattern_list_exact(s->principals, principal);
}

/* What the options say. */
static enum nacre_signer_verdict signer_limits(const struct nacre_signer *s,
                                               const struct nacre_signer_question *q)
{
    uint64_t from = s->after.local ? q->now_local : q->now;
    uint64_t to = s->before.local ? q->now_local : q->now;

    if (s->has_namespaces && q->name_space.n > 0 &&
        !ncr_pattern_list_exact(s->namespaces, q->name_space))
        return NACRE_SIGNER_NAMESPACE;
    if (s->after.given && from < s->after.t)
        return NACRE_SIGNER_NOT_YET;
    if (s->before.given && to > s->before.t)
        return NACRE_SIGNER_EXPIRED;
    return NACRE_SIGNER_ALLOWED;
}

/* The very key or certificate of the line; a plain one must be fit for trust. */
static bool signer_same(const struct nacre_signer *s, struct nacre_bytes key)
{
    if (s->blank || s->cert_authority || key.n == 0 || !ncr_bytes_eq(s->key.blob, key))
        return false;
    return s->key.type == NULL ? nacre_cert_is(key) : nacre_pubkey_trustworthy(&s->key);
}

/* A certificate under the authority of the line. */
static enum nacre_signer_verdict signer_certificate(const struct nacre_signer *s,
                                                    const struct nacre_signer_question *q,
                                                    const char **what, uint64_t *work)
{
    struct nacre_cert c;

    if (!s->cert_authority || !nacre_cert_is(q->key) ||
        nacre_cert_decode(&c, q->key, NULL, 0) != NACRE_OK || !ncr_bytes_eq(c.ca, s->key.blob))
        return NACRE_SIGNER_OTHER;
    *what = "its authority did not sign it";
    if (!nacre_pubkey_trustworthy(&s->key) || nacre_cert_verify(&c, work) != NACRE_OK)
        return NACRE_SIGNER_CERT;
    if (nacre_cert_check(&c, NACRE_CERT_USER, &q->principal, q->now, what) != NACRE_OK)
        return NACRE_SIGNER_CERT;
    *what = "";
    return NACRE_SIGNER_ALLOWED;
}

enum nacre_signer_verdict nacre_signer_check(const struct nacre_signer *s,
                                             const struct nacre_signer_question *q,
                                             const char **what, uint64_t *work)
{
    const char *why = "";
    enum nacre_signer_verdict verdict = NACRE_SIGNER_OTHER;

    if (what == NULL)
        what = &why;
    *what = "";
    if (!nacre_signer_is_for(s, q->principal))
        return NACRE_SIGNER_OTHER;
    if (signer_same(s, q->key))
        verdict = NACRE_SIGNER_ALLOWED;
    else
        verdict = signer_certificate(s, q, what, work);
    return verdict == NACRE_SIGNER_ALLOWED ? signer_limits(s, q) : verdict;
}

enum nacre_signer_verdict nacre_signer_check_any(const struct nacre_signer *s,
                                                 const struct nacre_signer_question *q)
{
    return signer_same(s, q->key) ? signer_limits(s, q) : NACRE_SIGNER_OTHER;
}
