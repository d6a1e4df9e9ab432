/* SPDX-License-Identifier: ISC
 *
 * One pattern with `*` and `?`: see glob.c.
 */
#ifndef NCR_GLOB_H
#define NCR_GLOB_H

#include "proto/nacre.h"

/* True if the pattern matches all of name; letters compare without case (ASCII). */
bool ncr_glob(struct nacre_bytes pattern, struct nacre_bytes name);
/* The same, letters differ by case: names of users. */
bool ncr_glob_exact(struct nacre_bytes pattern, struct nacre_bytes name);
/* nacre_pattern_list_match(), where letters differ by case: see keys/pattern.c. */
bool ncr_pattern_list_exact(struct nacre_bytes patterns, struct nacre_bytes name);
/* True if b holds a `*` or `?`. */
bool ncr_glob_is_pattern(struct nacre_bytes b);

#endif
