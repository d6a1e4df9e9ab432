/* SPDX-License-Identifier: ISC
 *
 * Version exchange: see version.c.
 */
#ifndef NCR_VERSION_H
#define NCR_VERSION_H

#include "proto/buf.h"

/* What one look at the in-buffer gave. */
enum ncr_version_result { NCR_VERSION_MORE, NCR_VERSION_PRE_LINE, NCR_VERSION_DONE };

/* Writes our version line. */
NACRE_MUST_CHECK nacre_err ncr_version_send(struct nacre_conn *c);
/* Takes at most one line from the in-buffer: *used bytes. On PRE_LINE, *line is it without its end;
 * on DONE, c->ident is set. Errors: VERSION_LINE, VERSION_UNSUPPORTED, VERSION_LIMIT. */
NACRE_MUST_CHECK nacre_err ncr_version_read(struct nacre_conn *c, enum ncr_version_result *result,
                                            size_t *used, struct nacre_bytes *line);

#endif
