/* SPDX-License-Identifier: ISC
 *
 * What the files of the connection itself share: conn.c, conn_time.c.
 */
#ifndef NCR_CONN_H
#define NCR_CONN_H

#include "proto/buf.h"

/* Fills in the standard limits of a configuration and judges it: USAGE, UNKNOWN_ALG. */
NACRE_MUST_CHECK nacre_err ncr_conn_settle(struct nacre_conn *c);
/* Ends the connection: the first error sticks, DISCONNECT is sent if it has a reason, secrets are
 * wiped. Returns the error that sticks. */
nacre_err ncr_conn_end(struct nacre_conn *c, nacre_err err);
/* Sends what is owed, starts a key exchange that is due. */
NACRE_MUST_CHECK nacre_err ncr_conn_progress(struct nacre_conn *c);
/* A question is open that stops the receive path. */
bool ncr_conn_blocked(const struct nacre_conn *c);
/* next() would get on without more input. */
bool ncr_conn_next_due(const struct nacre_conn *c);

#endif
