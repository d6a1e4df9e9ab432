/* SPDX-License-Identifier: ISC
 *
 * What a process has from whoever started it, and must not have: descriptors, and signals that are
 * blocked, ignored or handled. Both are safe between fork(2) and execve(2).
 */
#ifndef NCR_INHERIT_H
#define NCR_INHERIT_H

/* Closes every descriptor from that number on. */
void ncr_inherit_close(int first);
/* The default action for every signal that we or others use, and none blocked. */
void ncr_inherit_signals(void);

#endif
