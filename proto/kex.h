/* SPDX-License-Identifier: ISC
 *
 * Key exchange for both roles: see kex.c. Handlers take a decoded message that the phase allows.
 */
#ifndef NCR_KEX_H
#define NCR_KEX_H

#include "proto/kexinit.h"

/* Peer's KEXINIT; payload is the whole message, it enters H. */
NACRE_MUST_CHECK nacre_err ncr_kex_on_kexinit(struct nacre_conn *c, const union ncr_msg *m,
                                              struct nacre_bytes payload);
/* Sends our public value, which lies in the scratch area. */
NACRE_MUST_CHECK nacre_err ncr_kex_send_init(struct nacre_conn *c, uint8_t number);
/* Server: client's public value. Leaves a SIGN question. */
NACRE_MUST_CHECK nacre_err ncr_kex_on_init(struct nacre_conn *c, const union ncr_msg *m);
/* Client: server's reply. In the first exchange it leaves a HOST_KEY question. */
NACRE_MUST_CHECK nacre_err ncr_kex_on_reply(struct nacre_conn *c, const union ncr_msg *m,
                                            struct nacre_event *ev);
NACRE_MUST_CHECK nacre_err ncr_kex_on_newkeys(struct nacre_conn *c);
NACRE_MUST_CHECK nacre_err ncr_kex_on_ext_info(struct nacre_conn *c, const union ncr_msg *m);

/* Answers to the two questions. */
NACRE_MUST_CHECK nacre_err ncr_kex_answer_host_key(struct nacre_conn *c,
                                                   const struct nacre_answer *a);
NACRE_MUST_CHECK nacre_err ncr_kex_answer_sign(struct nacre_conn *c, const struct nacre_answer *a);

/* Fills the SIGN event of a server's host key. */
void ncr_kex_sign_event(const struct nacre_conn *c, struct nacre_event *ev);

/* True if packets, bytes, time or a request call for new keys. */
bool ncr_kex_due(const struct nacre_conn *c);
/* True if a key exchange is under way in either direction. */
bool ncr_kex_running(const struct nacre_conn *c);
/* Wipes what a key exchange holds. */
void ncr_kex_wipe(struct nacre_conn *c);

#endif
