/* SPDX-License-Identifier: ISC
 *
 * Keys and certificates at a login of the daemon, before and beside the user's own files:
 * RevokedKeys, and TrustedUserCAKeys with AuthorizedPrincipalsFile. A file that cannot be read, or
 * that others can write to (StrictModes), lets nobody in.
 */
#ifndef NCR_CERT_AUTH_H
#define NCR_CERT_AUTH_H

#include "server/authorized.h"

/* What a proved key brings along: its certificate's rights, the line that let it in; each
 * restricts.
 */
struct ncr_grant {
    struct ncr_factor f[2];
    size_t n;
};
void ncr_grant_free(struct ncr_grant *g);

/* True if the key or certificate of the query may log in as q->user; *out then holds what for.
 * known: whether that is an account that may; what it takes is the same if not. The query's offer
 * is set here. */
NACRE_MUST_CHECK bool ncr_cert_auth(const struct ncr_authorized_query *query, bool known,
                                    struct ncr_grant *out);
/* The flags (enum nacre_sk_flag) that a security key's signature must show. */
uint8_t ncr_grant_demand(const struct ncr_sshd_config *cfg, const struct ncr_grant *g);

#endif
