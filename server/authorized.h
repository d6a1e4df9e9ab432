/* SPDX-License-Identifier: ISC
 *
 * authorized_keys files, and files of principals: whether an account lets a key in, and what the
 * key may be used for then.
 *
 * Files are opened with the account's identity, never block, must be regular, and with strict modes
 * they and every directory up to the home must belong to the account or root and be writable by
 * nobody else, as sshd(8) has it. A line that cannot be read gives no rights and is logged.
 */
#ifndef NCR_AUTHORIZED_H
#define NCR_AUTHORIZED_H

#include "proto/keys/nacre_certauth.h"
#include "server/account.h"
#include "server/logline.h"
#include "server/sshd_config.h"

/* What one proved key brought along. */
struct ncr_factor {
    struct nacre_authkey key; /* its slices lie in text */
    uint8_t *text;
};

/* What the client has shown is a certificate: its copy, for rights to point into. */
struct ncr_cert_offer {
    struct nacre_cert cert;
    struct ncr_factor factor; /* filled in by the judge */
};

struct ncr_authorized_query {
    const struct ncr_sshd_config *cfg;
    const struct ncr_log *log;
    const struct ncr_account *account;
    struct nacre_bytes blob;
    const char *addr;             /* of the peer, numeric */
    const char *connection;       /* addresses and ports of both ends, for commands */
    struct ncr_cert_offer *offer; /* NULL: a plain key */
    const char *user;             /* the name asked for, for certificates */
    uint64_t deadline;            /* of the authentication as a whole, for commands; 0: none */
};

/* True if a line of the account's files allows the key, or, as a cert-authority, the certificate
 * that is offered; *out (may be NULL) then holds the line: free it with ncr_factor_free(). */
NACRE_MUST_CHECK bool ncr_authorized_check(const struct ncr_authorized_query *q,
                                           struct ncr_factor *out);
/* The same of the account's file of principals, for a certificate of an authority that is trusted.
 */
NACRE_MUST_CHECK bool ncr_authorized_principals(const struct ncr_authorized_query *q,
                                                struct ncr_factor *out);
/* What AuthorizedKeysCommand and AuthorizedPrincipalsCommand print, in the same way. With known
 * false they run for nothing (auth_command.h), and nobody is let in. */
NACRE_MUST_CHECK bool ncr_authorized_keys_command(const struct ncr_authorized_query *q, bool known,
                                                  struct ncr_factor *out);
NACRE_MUST_CHECK bool ncr_authorized_principals_command(const struct ncr_authorized_query *q,
                                                        bool known, struct ncr_factor *out);
/* True if the certificate that is offered is good for one of the names, its authority being trusted
 * because of what `where` names; the offer's factor then holds its rights. Logs why not. */
NACRE_MUST_CHECK bool ncr_authorized_judge(const struct ncr_authorized_query *q,
                                           const struct nacre_bytes *names, size_t n,
                                           const char *where);
void ncr_factor_free(struct ncr_factor *f);
/* The path of a file, tokens %h, %u, %U and %% replaced, relative ones under the home. False if it
 * does not fit or holds an unknown token. */
NACRE_MUST_CHECK bool ncr_authorized_path(char out[NCR_ACCOUNT_PATH_MAX], const char *pattern,
                                          const struct ncr_account *a);
/* Strict modes of a file that is open as fd under that path; false with the reason in why. */
NACRE_MUST_CHECK bool ncr_authorized_strict(int fd, const char *path, const struct ncr_account *a,
                                            char *why, size_t cap);

#endif
