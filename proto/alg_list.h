/* SPDX-License-Identifier: ISC
 *
 * Which algorithms a configuration asks for: lists in OpenSSH's syntax over the rows of a table.
 * See alg_list.c.
 */
#ifndef NCR_ALG_LIST_H
#define NCR_ALG_LIST_H

#include "proto/alg.h"
#include "proto/wire.h"

/* What a list is read against. */
struct ncr_alg_list {
    const struct nacre_algs *algs;
    enum nacre_alg_kind kind;
    enum nacre_profile profile;
    const char *spec; /* NULL: what the profile offers */
};

/* NACRE_OK if the list is well formed and knows every name; else UNKNOWN_ALG. */
NACRE_MUST_CHECK nacre_err ncr_alg_list_check(const struct ncr_alg_list *l);
/* True if that row is on the list. */
bool ncr_alg_list_has(const struct ncr_alg_list *l, struct nacre_bytes name);
/* Calls put for each name on the list, most preferred first; a name may come more than once. */
void ncr_alg_list_each(const struct ncr_alg_list *l, void (*put)(void *ctx, const char *name),
                       void *ctx);
/* Signature algorithms that a server takes from users. */
struct ncr_alg_list ncr_alg_list_user_sigs(const struct nacre_conn *c);
/* Appends a name to a list that starts at w's byte `from`, unless it is there already. */
void ncr_alg_list_add(struct ncr_wr *w, size_t from, const char *name);

#endif
