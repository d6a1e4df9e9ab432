/* SPDX-License-Identifier: ISC
 *
 * Authentication, RFC 4252 and 4256, both roles: auth_client.c, auth_server.c, and in auth.c what
 * they share. Handlers take a decoded message that the phase allows.
 */
#ifndef NCR_AUTH_H
#define NCR_AUTH_H

#include "proto/buf.h"

/* ---- Shared (auth.c) ---- */

/* One method: its name, its bit in sets, what 60-79 mean while it is under way. */
struct ncr_auth_row {
    const char *name;
    unsigned bit;
    enum ncr_auth_method method;
};
/* Rows in the order of our lists, "none" last; NULL past the end. */
const struct ncr_auth_row *ncr_auth_row(size_t i);
const struct ncr_auth_row *ncr_auth_row_by_name(struct nacre_bytes name);
/* The set's names as a name-list; "none" is never listed (RFC 4252 5.2). */
void ncr_auth_put_methods(struct ncr_wr *w, unsigned set);
unsigned ncr_auth_set(struct nacre_bytes list);

/* Keeps alg and key blob in the scratch area, within what a user key signs for them (RFC 4252 7),
 * of the session and user at that time; and gives them back. host: the host key that is named too,
 * NULL: none is. USAGE: they are too long. */
NACRE_MUST_CHECK nacre_err ncr_auth_save_key(struct nacre_conn *c, struct nacre_bytes alg,
                                             struct nacre_bytes blob,
                                             const struct nacre_bytes *host);
struct nacre_bytes ncr_auth_saved_host(const struct nacre_conn *c);
struct nacre_bytes ncr_auth_saved_alg(const struct nacre_conn *c);
struct nacre_bytes ncr_auth_saved_blob(const struct nacre_conn *c);
struct nacre_bytes ncr_auth_signed_data(const struct nacre_conn *c);

/* A message with a user key that was due in a key exchange and is too long to be held: its parts
 * wait in the scratch area for the end of the exchange. */
enum ncr_auth_late {
    NCR_LATE_NONE,
    NCR_LATE_PROBE,  /* client: may this key try? */
    NCR_LATE_SIGNED, /* client: the request with its signature */
    NCR_LATE_PK_OK   /* server: it may */
};
/* Keeps sig, if there is one, in the place of the data that it signs, beside the saved algorithm
 * and key. False, with nothing changed: they take more room than there is here, or in an empty
 * out-buffer. */
bool ncr_auth_keep(struct nacre_conn *c, enum ncr_auth_late late, struct nacre_bytes sig);
struct nacre_bytes ncr_auth_kept_sig(const struct nacre_conn *c);
/* Room in the out-buffer that the message needs, the reserve included. */
size_t ncr_auth_late_room(const struct nacre_conn *c);
/* Sends it: auth_client.c, auth_server.c. */
NACRE_MUST_CHECK nacre_err ncr_auth_client_late(struct nacre_conn *c);
NACRE_MUST_CHECK nacre_err ncr_auth_server_late(struct nacre_conn *c);

/* True if that is the blob of the host key of the first key exchange. */
bool ncr_auth_is_host(const struct nacre_conn *c, struct nacre_bytes host_key);
/* Sets the user of the attempt; false if it is another one than before. */
bool ncr_auth_set_user(struct nacre_conn *c, struct nacre_bytes user);
struct nacre_bytes ncr_auth_user(const struct nacre_conn *c);

/* ---- Client ---- */

NACRE_MUST_CHECK nacre_err ncr_auth_on_service_accept(struct nacre_conn *c, const union ncr_msg *m,
                                                      struct nacre_event *ev);
NACRE_MUST_CHECK nacre_err ncr_auth_on_failure(struct nacre_conn *c, const union ncr_msg *m,
                                               struct nacre_event *ev);
NACRE_MUST_CHECK nacre_err ncr_auth_on_success(struct nacre_conn *c, struct nacre_event *ev);
NACRE_MUST_CHECK nacre_err ncr_auth_on_banner(struct nacre_conn *c, const union ncr_msg *m,
                                              struct nacre_event *ev);
/* 60: PK_OK, PASSWD_CHANGEREQ or INFO_REQUEST as the method under way says. */
NACRE_MUST_CHECK nacre_err ncr_auth_on_60(struct nacre_conn *c, const union ncr_msg *m,
                                          struct nacre_event *ev);
void ncr_auth_sign_event(const struct nacre_conn *c, struct nacre_event *ev);
NACRE_MUST_CHECK nacre_err ncr_auth_answer_sign(struct nacre_conn *c, const struct nacre_answer *a);
NACRE_MUST_CHECK nacre_err ncr_auth_answer_change(struct nacre_conn *c,
                                                  const struct nacre_answer *a);
NACRE_MUST_CHECK nacre_err ncr_auth_answer_prompt(struct nacre_conn *c,
                                                  const struct nacre_answer *a);

/* ---- Server ---- */

NACRE_MUST_CHECK nacre_err ncr_auth_on_service_request(struct nacre_conn *c,
                                                       const union ncr_msg *m);
NACRE_MUST_CHECK nacre_err ncr_auth_on_request(struct nacre_conn *c, const union ncr_msg *m,
                                               struct nacre_event *ev);
NACRE_MUST_CHECK nacre_err ncr_auth_on_info_response(struct nacre_conn *c, const union ncr_msg *m,
                                                     struct nacre_event *ev);
NACRE_MUST_CHECK nacre_err ncr_auth_answer_request(struct nacre_conn *c,
                                                   const struct nacre_answer *a);

#endif
