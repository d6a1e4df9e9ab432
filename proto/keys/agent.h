/* SPDX-License-Identifier: ISC
 *
 * What the files of the agent protocol share: see nacre_agent.h.
 */
#ifndef NCR_AGENT_H
#define NCR_AGENT_H

#include "proto/keys/nacre_agent.h"
#include "proto/wire.h"

/* Starts a message; ncr_agent_end() fills in its length. */
struct ncr_wr ncr_agent_begin(uint8_t *out, size_t cap, enum nacre_agent_type type);
/* NO_ROOM, LIMIT: *n is 0. */
NACRE_MUST_CHECK nacre_err ncr_agent_end(struct ncr_wr *w, size_t *n);

/* True if the list is whole, has at least one destination and at most NACRE_AGENT_DESTS_MAX, and
 * each of them says where from and where to. */
NACRE_MUST_CHECK bool ncr_agent_dests_whole(struct nacre_bytes dests);

#endif
