/* SPDX-License-Identifier: ISC
 *
 * Passwords from a file of our own: one `name:secret` a line, `#` starts a comment. secret is
 *
 *     $pbkdf2-sha256$ROUNDS$SALT$HASH   PBKDF2 (RFC 8018 5.2) with HMAC-SHA-256; SALT and HASH in
 * hex, 16 and 32 bytes; made by `nacre-sshd --hash-password` {plain}TEXT                       for
 * tests
 *
 * Anything else (empty, "*", "!", a format that is not known) matches no password. The system's
 * shadow file is not read.
 *
 * A check costs the same whether the name is known or not: each one spends as many rounds as the
 * dearest line of the file, and the comparison is constant-time (CVE-2016-6210 and its kin).
 */
#ifndef NCR_USERS_FILE_H
#define NCR_USERS_FILE_H

#include "proto/nacre.h"

#define NCR_PASSWORD_ROUNDS 100000
#define NCR_PASSWORD_ROUNDS_MAX 10000000
#define NCR_PASSWORD_TEXT_LEN 160 /* of a secret, with NUL */

/* Whether the users file `text` holds name with that password. */
NACRE_MUST_CHECK bool ncr_users_check(struct nacre_bytes text, struct nacre_bytes name,
                                      struct nacre_bytes password);
/* Writes the secret of a password. False: the random source failed, rounds out of range, or the
 * password is empty or over 1,024 bytes. */
NACRE_MUST_CHECK bool ncr_users_hash(char out[NCR_PASSWORD_TEXT_LEN], struct nacre_bytes password,
                                     uint32_t rounds, const struct nacre_rng *rng);
/* RFC 8018 5.2 with HMAC-SHA-256, one block of output. */
void ncr_pbkdf2_sha256(uint8_t out[NACRE_SHA256_LEN], struct nacre_bytes password,
                       struct nacre_bytes salt, uint32_t rounds);

#endif
