/* SPDX-License-Identifier: ISC
 *
 * Lists of algorithms in the syntax of ssh_config(5):
 *
 *     a,b,c      exactly these, in this order
 *     +a,b       the default ones, then these
 *     -a,b       the default ones without these
 *     ^a,b       these, then the default ones
 *
 * A name may be a pattern with `*` and `?`, which stands for all rows that it matches in the order
 * of the table. What is default, and what may be asked for at all, is the profile's matter. A name
 * that no row has is an error, never left out in silence; a pattern may match nothing.
 *
 * Lists are walked, never stored: whoever needs the text writes it out name by name.
 */
#include "proto/alg_list.h"

#include "proto/glob.h"
#include "proto/limits.h"

/* May the profile use that row when it is named? */
static bool alg_list_allowed(const struct ncr_alg_list *l, size_t i)
{
    if (l->profile == NACRE_PROFILE_PQ_REQUIRED && l->kind == NACRE_ALG_KEX)
        return ncr_alg_kex_at(l->algs, i)->post_quantum;
    return true;
}

/* Does the profile offer that row unasked? */
static bool alg_list_default(const struct ncr_alg_list *l, size_t i)
{
    switch (ncr_alg_grade(l->algs, l->kind, i)) {
    case NCR_GRADE_MODERN:
        return alg_list_allowed(l, i);
    case NCR_GRADE_LEGACY:
        return l->profile == NACRE_PROFILE_LEGACY_DEVICE;
    case NCR_GRADE_NAMED:
    default:
        return false;
    }
}

/* '+', '-' or '^', else 0; *names are those behind it. */
static char alg_list_split(const char *spec, struct nacre_bytes *names)
{
    const char first = spec != NULL ? spec[0] : '\0';
    const char op = first == '+' || first == '-' || first == '^' ? first : 0;

    *names = nacre_bytes_str(spec == NULL ? "" : spec + (op != 0));
    return op;
}

static bool alg_list_matches(struct nacre_bytes item, const char *row)
{
    return ncr_glob_is_pattern(item) ? ncr_glob(item, nacre_bytes_str(row))
                                     : nacre_bytes_is(item, row);
}

/* True if one of the names or patterns is that row. */
static bool alg_list_names(struct nacre_bytes names, const char *row)
{
    struct nacre_bytes item;

    while (ncr_list_next(&names, &item))
        if (alg_list_matches(item, row))
            return true;
    return false;
}

static bool alg_list_known(const struct ncr_alg_list *l, struct nacre_bytes item)
{
    const char *row;
    size_t i;

    for (i = 0; (row = ncr_alg_name(l->algs, l->kind, i)) != NULL; i++)
        if (alg_list_allowed(l, i) && alg_list_matches(item, row))
            return true;
    return ncr_glob_is_pattern(item);
}

nacre_err ncr_alg_list_check(const struct ncr_alg_list *l)
{
    struct nacre_bytes names, item;
    const char op = alg_list_split(l->spec, &names);

    if (l->spec == NULL)
        return NACRE_OK;
    if (!ncr_list_valid(names, NCR_LIST_NAMES_MAX) || (op != 0 && names.n == 0))
        return NACRE_ERR_UNKNOWN_ALG;
    while (ncr_list_next(&names, &item))
        if (!alg_list_known(l, item))
            return NACRE_ERR_UNKNOWN_ALG;
    return NACRE_OK;
}

static bool alg_list_row_on(const struct ncr_alg_list *l, size_t i, const char *row)
{
    struct nacre_bytes names;
    const char op = alg_list_split(l->spec, &names);
    const bool named = alg_list_names(names, row);

    if (!alg_list_allowed(l, i))
        return false;
    if (l->spec == NULL)
        return alg_list_default(l, i);
    if (op == 0)
        return named;
    return op == '-' ? alg_list_default(l, i) && !named : alg_list_default(l, i) || named;
}

bool ncr_alg_list_has(const struct ncr_alg_list *l, struct nacre_bytes name)
{
    const char *row;
    size_t i;

    for (i = 0; (row = ncr_alg_name(l->algs, l->kind, i)) != NULL; i++)
        if (nacre_bytes_is(name, row))
            return alg_list_row_on(l, i, row);
    return false;
}

/* The default rows, but for those that `without` names. */
static void alg_list_put_defaults(const struct ncr_alg_list *l, struct nacre_bytes without,
                                  void (*put)(void *ctx, const char *name), void *ctx)
{
    const char *row;
    size_t i;

    for (i = 0; (row = ncr_alg_name(l->algs, l->kind, i)) != NULL; i++)
        if (alg_list_default(l, i) && !alg_list_names(without, row))
            put(ctx, row);
}

static void alg_list_put_named(const struct ncr_alg_list *l, struct nacre_bytes names,
                               void (*put)(void *ctx, const char *name), void *ctx)
{
    struct nacre_bytes item;
    const char *row;
    size_t i;

    while (ncr_list_next(&names, &item))
        for (i = 0; (row = ncr_alg_name(l->algs, l->kind, i)) != NULL; i++)
            if (alg_list_allowed(l, i) && alg_list_matches(item, row))
                put(ctx, row);
}

void ncr_alg_list_each(const struct ncr_alg_list *l, void (*put)(void *ctx, const char *name),
                       void *ctx)
{
    const struct nacre_bytes none = {NULL, 0};
    struct nacre_bytes names;
    const char op = alg_list_split(l->spec, &names);

    if (op == '^' || (op == 0 && l->spec != NULL))
        alg_list_put_named(l, names, put, ctx);
    if (op != 0 || l->spec == NULL)
        alg_list_put_defaults(l, op == '-' ? names : none, put, ctx);
    if (op == '+')
        alg_list_put_named(l, names, put, ctx);
}

struct ncr_alg_list ncr_alg_list_user_sigs(const struct nacre_conn *c)
{
    const struct ncr_alg_list l = {c->cfg.algs != NULL ? c->cfg.algs : &nacre_algs_default,
                                   NACRE_ALG_SIG, c->cfg.profile, c->cfg.user_sig_algs};

    return l;
}

void ncr_alg_list_add(struct ncr_wr *w, size_t from, const char *name)
{
    const struct nacre_bytes b = nacre_bytes_str(name);
    struct nacre_bytes so_far;

    if (w->bad)
        return;
    so_far.p = w->p + from;
    so_far.n = w->n - from;
    if (ncr_list_has(so_far, b))
        return;
    if (so_far.n > 0)
        ncr_wr_u8(w, ',');
    ncr_wr_bytes(w, b.p, b.n);
}

static void alg_list_write(void *ctx, const char *name)
{
    ncr_alg_list_add(ctx, 0, name);
}

nacre_err nacre_algs_expand(char *out, size_t cap, const struct nacre_algs *algs,
                            enum nacre_alg_kind kind, enum nacre_profile profile, const char *spec)
{
    const struct ncr_alg_list l = {algs, kind, profile, spec};
    struct ncr_wr w = ncr_wr((uint8_t *)out, cap > 0 ? cap - 1 : 0);
    nacre_err err = ncr_alg_list_check(&l);

    if (cap == 0)
        return NACRE_ERR_NO_ROOM;
    out[0] = '\0';
    if (err != NACRE_OK)
        return err;
    ncr_alg_list_each(&l, alg_list_write, &w);
    out[w.bad ? 0 : w.n] = '\0';
    return w.bad ? NACRE_ERR_NO_ROOM : NACRE_OK;
}
