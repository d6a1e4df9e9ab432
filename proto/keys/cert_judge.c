/* SPDX-License-Identifier: ISC
 *
 * Certificates of users, judged: see nacre_certauth.h. Critical options that are not understood
 * refuse; each option stands once; names are compared whole. The signature is looked at last: it is
 * what costs.
 */
#include "proto/keys/nacre_certauth.h"

#include <string.h>

#include "proto/keys/key_type.h"
#include "proto/keys/text.h"

static nacre_err judge_refuse(const char **what, const char *why)
{
    if (what != NULL)
        *what = why;
    return NACRE_ERR_KEY_REFUSED;
}

/* ---- Options ---- */

/* An option as a row: a flag sets a bit of the permits or a bool, a value goes where value() puts
 * it. */
struct judge_option {
    const char *name;
    unsigned permit;
    const char *(*set)(struct nacre_authkey *a,
                       struct nacre_bytes value); /* what is wrong, or NULL */
    bool flag;
};

static const char *judge_command(struct nacre_authkey *a, struct nacre_bytes value)
{
    if (ncr_text_has(value, 0))
        return "NUL in force-command";
    a->has_command = true;
    a->command = value;
    return NULL;
}

static const char *judge_source(struct nacre_authkey *a, struct nacre_bytes value)
{
    /* Any address does: it is the list that is tried. */
    if (nacre_addr_list_match(value, nacre_bytes_str("0.0.0.0")) == NACRE_ADDR_BAD)
        return "bad source-address";
    a->has_from = true;
    a->from = value;
    return NULL;
}

static const char *judge_verify(struct nacre_authkey *a, struct nacre_bytes value)
{
    (void)value; /* a flag */
    a->verify_required = true;
    return NULL;
}

static const char *judge_no_touch(struct nacre_authkey *a, struct nacre_bytes value)
{
    (void)value; /* a flag */
    a->no_touch_required = true;
    return NULL;
}

static const struct judge_option judge_critical[] = {
    {"force-command", 0, judge_command, false},
    {"source-address", 0, judge_source, false},
    {"verify-required", 0, judge_verify, true},
    {NULL, 0, NULL, false},
};

static const struct judge_option judge_extensions[] = {
    {"no-touch-required", 0, judge_no_touch, true},
    {"permit-X11-forwarding", NACRE_PERMIT_X11, NULL, true},
    {"permit-agent-forwarding", NACRE_PERMIT_AGENT, NULL, true},
    {"permit-port-forwarding", NACRE_PERMIT_PORT, NULL, true},
    {"permit-pty", NACRE_PERMIT_PTY, NULL, true},
    {"permit-user-rc", NACRE_PERMIT_USER_RC, NULL, true},
    {NULL, 0, NULL, false},
};

/* Sets one option; what is wrong, or NULL. A flag has no data, a value is a string inside of it and
 * nothing else. */
static const char *judge_set(struct nacre_authkey *a, const struct judge_option *o,
                             struct nacre_bytes data)
{
    struct ncr_rd r = ncr_rd(data);
    struct nacre_bytes value = {NULL, 0};

    if (!o->flag)
        value = ncr_rd_string(&r);
    if (!ncr_rd_end(&r))
        return "malformed option";
    if (o->permit == 0)
        return o->set(a, value);
    a->permits |= o->permit;
    return NULL;
}

/* True if the option stood in the list before `rest`. */
static bool judge_twice(struct nacre_bytes list, struct nacre_bytes rest, struct nacre_bytes name)
{
    struct nacre_bytes each, data;
    unsigned n = 0;

    while (list.n > rest.n && nacre_cert_next_option(&list, &each, &data))
        n += ncr_bytes_eq(each, name) ? 1 : 0;
    return n > 1;
}

static const char *judge_options(struct nacre_authkey *a, struct nacre_bytes list,
                                 const struct judge_option *rows, bool critical)
{
    struct nacre_bytes rest = list;
    struct nacre_bytes name, data;

    while (nacre_cert_next_option(&rest, &name, &data)) {
        const struct judge_option *o = rows;
        const char *what = NULL;

        while (o->name != NULL && !nacre_bytes_is(name, o->name))
            o++;
        if (o->name != NULL)
            what = judge_twice(list, rest, name) ? "option given twice" : judge_set(a, o, data);
        else if (critical)
            what = "critical option is not supported";
        if (what != NULL)
            return what;
    }
    return rest.n > 0 ? "malformed options" : NULL;
}

nacre_err nacre_cert_rights(struct nacre_authkey *a, const struct nacre_cert *c, const char **what)
{
    const char *why;

    memset(a, 0, sizeof *a);
    if (c->type == NULL || c->kind != NACRE_CERT_USER)
        return judge_refuse(what, "not a user certificate");
    why = judge_options(a, c->critical, judge_critical, true);
    if (why == NULL)
        why = judge_options(a, c->extensions, judge_extensions, false);
    if (why == NULL)
        return NACRE_OK;
    memset(a, 0, sizeof *a);
    return judge_refuse(what, why);
}

/* ---- Principals ---- */

/* True if a comma-separated list has exactly that name. */
static bool judge_listed(struct nacre_bytes list, struct nacre_bytes name)
{
    struct nacre_bytes each = list;
    size_t i;

    for (i = 0; i <= list.n; i++) {
        if (i < list.n && list.p[i] != ',')
            continue;
        each.n = (size_t)(list.p + i - each.p);
        if (each.n > 0 && ncr_bytes_eq(each, name))
            return true;
        if (i < list.n)
            each.p = list.p + i + 1;
    }
    return false;
}

bool nacre_cert_names(const struct nacre_cert *c, struct nacre_bytes names)
{
    struct nacre_bytes list = c->principals;
    struct nacre_bytes each;

    while (nacre_cert_next_string(&list, &each))
        if (names.n > 0 && judge_listed(names, each))
            return true;
    return false;
}

/* ---- The verdict ---- */

static bool judge_authority(const struct nacre_cert *c, const struct nacre_cert_policy *p)
{
    struct nacre_pubkey k;
    size_t i;

    for (i = 0; i < p->n_authorities; i++)
        if (p->authorities[i].n > 0 && ncr_bytes_eq(p->authorities[i], c->ca))
            return nacre_pubkey_decode(&k, c->ca) == NACRE_OK && nacre_pubkey_trustworthy(&k);
    return false;
}

static bool judge_algorithm(const struct nacre_cert *c, const struct nacre_cert_policy *p)
{
    struct ncr_rd r = ncr_rd(c->signature);
    struct nacre_bytes alg = ncr_rd_string_max(&r, NACRE_KEY_NAME_MAX);

    return !r.bad && (p->ca_sig_algs == NULL || judge_listed(nacre_bytes_str(p->ca_sig_algs), alg));
}

static nacre_err judge_principals(const struct nacre_cert *c, const struct nacre_cert_policy *p,
                                  const char **what)
{
    nacre_err err = NACRE_ERR_KEY_REFUSED;
    const char *why = "no principal is allowed";
    size_t i;

    for (i = 0; i < p->n_principals && err != NACRE_OK; i++) {
        if (p->principals[i].n == 0)
            continue;
        err = nacre_cert_check(c, NACRE_CERT_USER, &p->principals[i], p->now, &why);
    }
    return err == NACRE_OK ? err : judge_refuse(what, why);
}

nacre_err nacre_cert_judge(const struct nacre_cert *c, const struct nacre_cert_policy *policy,
                           struct nacre_authkey *rights, const char **what, uint64_t *work)
{
    nacre_err err = nacre_cert_rights(rights, c, what);

    if (err == NACRE_OK && !judge_authority(c, policy))
        err = judge_refuse(what, "authority is not trusted");
    if (err == NACRE_OK && !judge_algorithm(c, policy))
        err = judge_refuse(what, "signature algorithm of the authority is not allowed");
    if (err == NACRE_OK)
        err = judge_principals(c, policy, what);
    if (err == NACRE_OK && rights->has_from &&
        nacre_addr_list_match(rights->from, policy->addr) != NACRE_ADDR_YES)
        err = judge_refuse(what, "may not be used from this address");
    if (err == NACRE_OK && policy->revoked != NULL &&
        nacre_krl_check(policy->revoked, c->blob) != NACRE_OK)
        err = judge_refuse(what, "revoked");
    if (err == NACRE_OK) {
        err = nacre_cert_verify(c, work);
        if (err != NACRE_OK && what != NULL)
            *what = "signature of the authority does not verify";
    }
    if (err != NACRE_OK)
        memset(rights, 0, sizeof *rights);
    return err;
}
