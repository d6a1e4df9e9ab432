/* SPDX-License-Identifier: ISC
 *
 * A peer's text made fit for a terminal or a log (S52): C0 and C1 controls, DEL, bytes that are no
 * UTF-8, and the bidirectional and other invisible format controls come out as \ooo octal escapes
 * of their bytes, a backslash as two. The result is cut after escaping, never within an escape or a
 * character, and always ends with NUL.
 */
#ifndef NCR_POSIX_ESCAPE_H
#define NCR_POSIX_ESCAPE_H

#include "proto/nacre.h"

enum ncr_escape_mode {
    NCR_ESCAPE_LINE = 0, /* one line: no control at all */
    NCR_ESCAPE_TEXT      /* several lines: LF and TAB stay, CR before LF goes */
};

/* Enough room for the escaped form of n bytes with its NUL. */
#define NCR_ESCAPE_ROOM(n) (4 * (size_t)(n) + 1)

/* Returns the length written; cap >= 1. */
size_t ncr_escape(char *out, size_t cap, struct nacre_bytes in, enum ncr_escape_mode mode);
/* True if nothing in it would be escaped. */
bool ncr_escape_clean(struct nacre_bytes in);

#endif
