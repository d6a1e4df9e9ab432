/* SPDX-License-Identifier: ISC
 *
 * An agent lent to the other host (auth-agent-req@openssh.com, auth-agent@openssh.com): each
 * connection that the server opens is joined to the local agent, which is told first over which
 * session it is used (session-bind@openssh.com), so that it can keep keys to their destinations.
 *
 * What a server opens is accepted only if the session asked for it, and never after a warning about
 * the host's key (S75). Bytes are passed on unread.
 */
#ifndef NCR_FORWARD_AGENT_H
#define NCR_FORWARD_AGENT_H

#include "client/nacre_client.h"
#include "proto/posix/loop.h"

struct ncr_agent_forward;

/* agent: a setting as nacre_agent_open() has it. NULL: there is no agent, the host is not to be
 * trusted with one (both told), or out of memory. */
struct ncr_agent_forward *ncr_agent_forward_start(struct nacre_client *c, struct ncr_loop *l,
                                                  const char *agent);
void ncr_agent_forward_free(struct ncr_agent_forward *f);
/* Asks for it on a session channel, before its command starts. */
NACRE_MUST_CHECK nacre_err ncr_agent_forward_ask(struct ncr_agent_forward *f, uint32_t chan);
/* The client's event hook gives these away: true if it was ours. */
bool ncr_agent_forward_event(struct ncr_agent_forward *f, const struct nacre_event *ev);
/* Connections that are open. */
size_t ncr_agent_forward_open(const struct ncr_agent_forward *f);

#endif
