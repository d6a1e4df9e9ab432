/* SPDX-License-Identifier: ISC
 *
 * Comma-separated lists of names, as options and configurations have them.
 */
#ifndef NCR_CLIENT_NAMES_H
#define NCR_CLIENT_NAMES_H

#include "proto/nacre.h"

/* Walks the names of *rest; false at its end. Empty names are passed over. */
bool ncr_names_next(const char **rest, struct nacre_bytes *name);
bool ncr_names_has(const char *list, const char *name);

/* Whether a pattern of `*` and `?` matches all of name; letters differ by case. */
bool ncr_names_match(struct nacre_bytes pattern, const char *name);

#endif
