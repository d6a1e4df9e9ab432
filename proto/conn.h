/* SPDX-License-Identifier: ISC
 *
 * What the files of the connection itself share: conn.c, conn_init.c, conn_dispatch.c, conn_time.c.
 */
#ifndef NCR_CONN_H
#define NCR_CONN_H

#include "proto/buf.h"

/* Fills in the standard limits of a configuration and judges it: USAGE, UNKNOWN_ALG. */
NACRE_MUST_CHECK nacre_err ncr_conn_settle(struct nacre_conn *c);
/* Largest packet_length that the in-buffer and the profile take. */
uint32_t ncr_conn_packet_max(const struct nacre_conn *c);
/* One payload, number first, of at least one octet: its event, if it has one, in ev. ORDER,
 * STRICT_KEX, FORMAT, and what its handler says. */
NACRE_MUST_CHECK nacre_err ncr_conn_dispatch(struct nacre_conn *c, struct nacre_bytes payload,
                                             struct nacre_event *ev);
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
