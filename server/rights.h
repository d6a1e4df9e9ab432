/* SPDX-License-Identifier: ISC
 *
 * What a login may do: the configuration and every key that was used together. One function decides
 * each kind of right; a denial by any of them wins (S37, S58). The restrictions of all keys of a
 * login with several factors add up.
 */
#ifndef NCR_RIGHTS_H
#define NCR_RIGHTS_H

#include "server/cert_auth.h"

#define NCR_RIGHTS_FACTORS_MAX 8 /* two for a certificate: itself, and the line that let it in */

struct ncr_rights {
    const struct ncr_sshd_config *cfg;
    struct ncr_factor *factors[NCR_RIGHTS_FACTORS_MAX];
    size_t n;
};

/* Takes the factor over. False, and the factor is freed: too many, or two commands that differ. */
NACRE_MUST_CHECK bool ncr_rights_add(struct ncr_rights *r, struct ncr_factor *f);
/* The same for all that one login brings along, or for nothing of it. */
NACRE_MUST_CHECK bool ncr_rights_grant(struct ncr_rights *r, struct ncr_grant *g);
/* The i-th variable (NAME=value) that a key of the login sets and PermitUserEnvironment allows, and
 * into *at where to go on (0 at first); empty: no more. */
struct nacre_bytes ncr_rights_env(const struct ncr_rights *r, size_t *at);
void ncr_rights_clear(struct ncr_rights *r);
bool ncr_rights_pty(const struct ncr_rights *r);
/* The client's agent may be used here. */
bool ncr_rights_agent(const struct ncr_rights *r);
/* kind: direct-tcpip to, or listening at, host and port. */
bool ncr_rights_forward(const struct ncr_rights *r, enum nacre_authkey_forward kind,
                        struct nacre_bytes host, uint32_t port);
/* The command that takes the place of whatever the client asks for; p NULL: none. */
struct nacre_bytes ncr_rights_command(const struct ncr_rights *r);
/* True if a key, not the configuration, forces a command: PermitRootLogin forced-commands-only. */
bool ncr_rights_key_command(const struct ncr_rights *r);
/* host:port of PermitOpen and PermitListen: "any", "none", `*` for a part; hosts to listen at may
 * be patterns. */
bool ncr_rights_list(const struct ncr_sshd_list *list, enum nacre_authkey_forward kind,
                     struct nacre_bytes host, uint32_t port);

#endif
