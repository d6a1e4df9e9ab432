/* SPDX-License-Identifier: ISC
 *
 * KEXINIT: our proposal, and what two proposals agree upon. See kexinit.c.
 */
#ifndef NCR_KEXINIT_H
#define NCR_KEXINIT_H

#include "proto/alg_list.h"
#include "proto/buf.h"

/* NACRE_OK if every name of every list in the configuration is a row of its table. */
NACRE_MUST_CHECK nacre_err ncr_kexinit_check_cfg(const struct nacre_conn *c);
/* Builds our KEXINIT in the scratch area and sends it. */
NACRE_MUST_CHECK nacre_err ncr_kexinit_send(struct nacre_conn *c);
/* Agrees on algorithms between our KEXINIT in the scratch area and theirs, into c->kex: row,
 * host_sig, names, next[]; notes a wrong guess, and, in the first exchange, strict mode and the
 * wish for EXT_INFO. Errors: NO_COMMON_ALG (c->fail_list says which list), FORMAT. */
NACRE_MUST_CHECK nacre_err ncr_kexinit_negotiate(struct nacre_conn *c,
                                                 const struct ncr_msg_kexinit *theirs);
/* One of the lists of our or of the peer's KEXINIT in the scratch area. */
struct nacre_bytes ncr_kexinit_list(const struct nacre_conn *c, bool ours, enum ncr_kexinit_list i);
/* After NO_COMMON_ALG: a name that the peer offers and our table has, but our list does not; or
 * "". */
const char *ncr_kexinit_would_help(const struct nacre_conn *c);
/* "key exchange", "host key", ... */
const char *ncr_kexinit_list_name(enum ncr_kexinit_list i);

#endif
