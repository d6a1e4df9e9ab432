/* SPDX-License-Identifier: ISC
 *
 * Descriptors that a process of ours must not have, whoever left them to it.
 */
#ifndef NCR_DESCRIPTORS_H
#define NCR_DESCRIPTORS_H

/* Closes every descriptor from that number on; safe between fork(2) and execve(2). */
void ncr_close_from(int first);

#endif
