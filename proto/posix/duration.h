/* SPDX-License-Identifier: ISC
 *
 * Spans of time as options and files have them (sshd_config(5), TIME FORMATS).
 */
#ifndef NCR_DURATION_H
#define NCR_DURATION_H

#include <stdbool.h>
#include <stdint.h>

/* A sum of numbers with units (s, m, h, d, w in either case; none: seconds), as 90 or 1h30m, of at
 * most 2^31 - 1 seconds. False, with *seconds as it was: no such text. */
bool ncr_duration(uint32_t *seconds, const char *text);

#endif
