/* SPDX-License-Identifier: ISC
 *
 * Talking to an agent, the inside of what nacre_client.h has as nacre_agent_*(): one request, one
 * reply, each within a deadline and NACRE_AGENT_MSG_MAX bytes.
 *
 * The agent is not trusted with more than its answers: a reply that does not answer the request, is
 * damaged, or comes without a request ends the connection (S74).
 */
#ifndef NCR_AGENT_CLIENT_H
#define NCR_AGENT_CLIENT_H

#include "client/nacre_client.h"

#define NCR_AGENT_MS 10000       /* to answer what needs no person */
#define NCR_AGENT_SLOW_MS 120000 /* to sign or add: somebody may have to confirm or to touch */

/* The socket that a setting means: NULL or "SSH_AUTH_SOCK" is that variable, "$NAME" another one,
 * anything else a path. False if there is none: "none", "", an empty variable, or a name over cap.
 */
bool ncr_agent_path(char *out, size_t cap, const char *setting);
/* The same for a socket that is connected already; it is taken over. */
NACRE_MUST_CHECK nacre_err ncr_agent_attach(struct nacre_agent **a, int fd);
/* Deadlines of requests from now on, milliseconds. */
void ncr_agent_deadlines(struct nacre_agent *a, uint64_t ms, uint64_t slow_ms);
/* Gives the socket away, non-blocking, and frees the rest. -1: it is of no more use. */
int ncr_agent_release(struct nacre_agent *a);

#endif
