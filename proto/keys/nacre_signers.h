/* SPDX-License-Identifier: ISC
 *
 * nacre's allowed-signers files (ssh-keygen(1), ALLOWED SIGNERS): who may sign what, with which key
 * and when. nacre_sshsig_verify() says that a key made a signature; this says whose key it is.
 *
 *     principals [options] keytype base64-key
 *
 * principals are patterns between commas, `!` denies, quoted if they hold blanks. Options, between
 * commas: cert-authority, namespaces="patterns", valid-after="time", valid-before="time".
 *
 * A zeroed line or question allows nothing. Slices borrow from the line, or from the buffer given
 * with it.
 */
#ifndef NACRE_SIGNERS_H
#define NACRE_SIGNERS_H

#include "proto/keys/nacre_keys.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nacre_signer_time {
    bool given;
    bool local; /* without Z: civil local time, counted as if it were UTC */
    uint64_t t; /* seconds since 1970 */
};

/* One line. */
struct nacre_signer {
    bool blank;          /* empty or a comment: the rest is zero */
    bool cert_authority; /* the key signs certificates of users */
    bool has_namespaces;
    struct nacre_bytes principals, namespaces; /* pattern lists */
    struct nacre_signer_time after, before;    /* from, up to and with */
    struct nacre_pubkey key;                   /* type NULL: not understood, so never matches */
    const char *what;                          /* on failure: what is wrong, static text */
};

/* Reads a line without its end. buf: cap at least line.n is enough. FILE_FORMAT (unknown option,
 * bad value, no key), KEY_FORMAT, NO_ROOM: the line allows nothing; s is zeroed but for what and,
 * if they could be read, principals: a search ends at a damaged line for the principal in question.
 * A key of an unknown type is no error. */
NACRE_MUST_CHECK nacre_err nacre_signer_parse(struct nacre_signer *s, struct nacre_bytes line,
                                              uint8_t *buf, size_t cap);

enum nacre_signer_verdict {
    NACRE_SIGNER_OTHER = 0, /* the line is about another key or principal */
    NACRE_SIGNER_CERT,      /* its authority's, but the certificate is no good: *what says why */
    NACRE_SIGNER_NAMESPACE, /* not in that namespace */
    NACRE_SIGNER_NOT_YET,
    NACRE_SIGNER_EXPIRED,
    NACRE_SIGNER_ALLOWED
};

struct nacre_signer_question {
    struct nacre_bytes principal;  /* never empty */
    struct nacre_bytes name_space; /* empty: whatever it was */
    struct nacre_bytes key;        /* blob of the key or certificate that made the signature */
    uint64_t now, now_local; /* of the signature: seconds since 1970; local civil time so counted */
};

/* True if the line is for that principal. */
bool nacre_signer_is_for(const struct nacre_signer *s, struct nacre_bytes principal);
/* Whether a line allows it. A plain key must be the line's, a certificate the line's (by itself,
 * signed by whomever) or its authority's: then one for users, signed by it, valid at that time,
 * with the principal in it and no critical option that is not understood. *what may be NULL. */
enum nacre_signer_verdict nacre_signer_check(const struct nacre_signer *s,
                                             const struct nacre_signer_question *q,
                                             const char **what, uint64_t *work);
/* The same of a line without cert-authority, whoever the principal: for those who want to know whom
 * a key may stand for, not to be taken for a verdict on a signature. */
enum nacre_signer_verdict nacre_signer_check_any(const struct nacre_signer *s,
                                                 const struct nacre_signer_question *q);

#ifdef __cplusplus
}
#endif
#endif
