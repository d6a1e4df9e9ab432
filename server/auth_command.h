/* SPDX-License-Identifier: ISC
 *
 * AuthorizedKeysCommand and AuthorizedPrincipalsCommand (sshd_config(5)): a program of the
 * administrator's that prints lines of authorized_keys, or of principals. The monitor runs it,
 * never the process that reads the network.
 *
 * The program and every directory above it belong to root and can be written to by nobody else. It
 * runs without a shell, as the user that the configuration names, with an environment of its own,
 * nothing to read, its errors dropped, no descriptor of ours, and for a limited time. What it
 * prints counts only if it is not too long and the program ends with status 0. An unprivileged
 * daemon runs it as itself, if that is the user named.
 */
#ifndef NCR_AUTH_COMMAND_H
#define NCR_AUTH_COMMAND_H

#include "server/authorized.h"

/* What a command has printed. */
struct ncr_auth_output {
    uint8_t *p;
    size_t n;
};

/* True if the command ran well: *out is what it has printed, for ncr_auth_output_free(). Why not is
 * logged. Words after the first may hold tokens; if there are none, the user's name is the only
 * argument. known: the account of q is that of a user. Else the command is asked about the user
 * that it runs as, so that the time taken tells nobody which users there are, and what it prints
 * must not be used. */
NACRE_MUST_CHECK bool ncr_auth_command(const struct ncr_authorized_query *q,
                                       const struct ncr_sshd_command *command, bool known,
                                       struct ncr_auth_output *out);
void ncr_auth_output_free(struct ncr_auth_output *out);

#endif
