/* SPDX-License-Identifier: ISC
 *
 * Confinement of the process that talks to a peer before authentication: an empty root and the
 * identity of an unprivileged account (if root), no new privileges, no dumps or tracing, resource
 * limits, and a filter of system calls. What the system does not offer (containers, old kernels) is
 * left out, each with a log line; identity and root directory are not optional for root.
 */
#ifndef NCR_SANDBOX_H
#define NCR_SANDBOX_H

#include "server/account.h"
#include "server/logline.h"

/* Confines this process. empty_dir: descriptor of a directory without entries, or -1. False: the
 * identity could not be given up, do not go on. */
bool ncr_sandbox_enter(const struct ncr_account *jail, int empty_dir, const struct ncr_log *log);
/* An empty directory that has no name any more; -1 with errno. */
int ncr_sandbox_empty_dir(void);

#endif
