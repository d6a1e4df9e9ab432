/* SPDX-License-Identifier: ISC
 *
 * Whether a user's certificate logs somebody in, and with which rights: for servers. Bytes to a
 * verdict: no files, no clock, no allocation. The daemon asks the same function.
 *
 * A certificate that verifies says only that its authority signed it. A server trusts it because it
 * trusts that authority, for the user that it lets log in: both are in the policy, and a zeroed
 * policy trusts nothing. That the holder has signed is the engine's matter
 * (NACRE_STAGE_KEY_PROVED).
 *
 * Sources: OpenSSH's PROTOCOL.certkeys; sshd(8), sshd_config(5).
 */
#ifndef NACRE_CERTAUTH_H
#define NACRE_CERTAUTH_H

#include "proto/keys/nacre_krl.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Borrowed for the call. */
struct nacre_cert_policy {
    const struct nacre_bytes
        *authorities; /* public key blobs: who may sign for users; none: nobody */
    size_t n_authorities;
    const struct nacre_bytes
        *principals;         /* the certificate must name one of them: the user's name, */
    size_t n_principals;     /* unless the server has other names for users; none: nobody */
    struct nacre_bytes addr; /* the peer's numeric address, for source-address */
    uint64_t now;            /* seconds since 1970 */
    /* Signature algorithms that an authority may use, comma-separated names; NULL: all but those
     * with SHA-1, which is never taken. */
    const char *ca_sig_algs;
    const struct nacre_krl *revoked; /* NULL: there is no list. One that could not be read must not
                                      * be left out but given zeroed: it refuses everything */
};

/* Decides all of it: NACRE_OK if the certificate is a user's, by one of the authorities, with a
 * signature of theirs that verifies and an algorithm that is allowed, valid now, for one of the
 * principals, from this address, with no critical option that is not understood, and neither it nor
 * its key nor its authority is revoked. rights then says what the login may do, as
 * nacre_cert_rights() has it. Any error refuses and zeroes it; *what (may be NULL) says why, for a
 * log and not for the peer. KEY_REFUSED, or what nacre_cert_verify() gives. work: NACRE_WORK words.
 */
NACRE_MUST_CHECK nacre_err nacre_cert_judge(const struct nacre_cert *c,
                                            const struct nacre_cert_policy *policy,
                                            struct nacre_authkey *rights, const char **what,
                                            uint64_t *work);
/* The rights that a user's certificate gives, in the form of a line of authorized_keys: every
 * permit only by its extension; force-command, source-address, verify-required, no-touch-required.
 * Slices lie in the certificate. KEY_REFUSED (a zeroed; *what says why): an option that is
 * malformed, given twice, or critical and not understood. Unknown extensions are ignored. */
NACRE_MUST_CHECK nacre_err nacre_cert_rights(struct nacre_authkey *a, const struct nacre_cert *c,
                                             const char **what);
/* True if one of the comma-separated names is a principal of the certificate, compared whole. */
bool nacre_cert_names(const struct nacre_cert *c, struct nacre_bytes names);

#ifdef __cplusplus
}
#endif
#endif
