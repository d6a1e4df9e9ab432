/* SPDX-License-Identifier: ISC
 *
 * Files of revoked keys, as RevokedKeys of sshd_config(5), RevokedHostKeys of ssh_config(5) and
 * `ssh-keygen -Y verify -r` name them: a key revocation list, or public keys one a line.
 *
 * Nothing about such a file is ever a reason to trust: one that cannot be read whole refuses every
 * key, and so does a list with a line in it that is none of blank, comment and public key.
 */
#ifndef NCR_REVOKED_FILE_H
#define NCR_REVOKED_FILE_H

#include "proto/keys/nacre_krl.h"
#include "proto/posix/file.h"

/* Bytes of a file of revoked keys that are read. */
#define NCR_REVOKED_FILE_MAX NACRE_KRL_MAX

/* Why a key is refused, for a message: `path:line: what`. */
struct ncr_revoked_why {
    uint32_t line;    /* 0: no line, the file as a whole */
    const char *what; /* static text, or strerror's; "" if nothing */
};

/* A file in memory; a zeroed one refuses every key. The fields are private. */
struct ncr_revoked_file {
    struct ncr_file file;
    struct nacre_krl krl; /* of a key revocation list */
    bool whole;           /* it was read without error */
};

/* Reads a file. Any error but NACRE_OK: it cannot be used, why->what (why may be NULL) says why,
 * and r is zeroed. Free it with ncr_revoked_file_close(), a zeroed one too. */
NACRE_MUST_CHECK nacre_err ncr_revoked_file_open(struct ncr_revoked_file *r, const char *path,
                                                 struct ncr_revoked_why *why);
/* NACRE_OK if the key or certificate with that blob is not revoked in it: see nacre_krl_check(); in
 * a file of public keys a certificate is also revoked by its plain key or its authority's key.
 * KEY_REFUSED: revoked ("revoked"); any other error: cannot say, so refuse it too. */
NACRE_MUST_CHECK nacre_err ncr_revoked_file_check(const struct ncr_revoked_file *r,
                                                  struct nacre_bytes blob,
                                                  struct ncr_revoked_why *why);
void ncr_revoked_file_close(struct ncr_revoked_file *r);

/* Opens, checks, closes. KEY_REFUSED: revoked; any other error: the file cannot be used, or the key
 * is malformed. Only NACRE_OK lets the key pass. */
NACRE_MUST_CHECK nacre_err ncr_revoked(const char *path, struct nacre_bytes blob,
                                       struct ncr_revoked_why *why);

#endif
