/* SPDX-License-Identifier: ISC
 *
 * Errors: internal helpers over the X-list of nacre.h.
 */
#ifndef NCR_ERR_H
#define NCR_ERR_H

#include "proto/nacre.h"

/* Disconnect reason to send for err (RFC 4253 11.1), 0: send none. */
uint32_t ncr_err_reason(nacre_err err);
/* True for errors that change nothing and do not end a connection. */
bool ncr_err_is_usage(nacre_err err);

#endif
