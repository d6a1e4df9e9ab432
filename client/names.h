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

#endif
