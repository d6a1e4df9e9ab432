/* SPDX-License-Identifier: ISC
 *
 * Opening a private key file's bytes for the programs: tried without a passphrase, then with the
 * one given, or with those that are asked for, and with as much memory as the file's key derivation
 * needs (Argon2 of PuTTY's files).
 *
 * Reading the file and judging its owner and mode are the caller's, see proto/posix/file.h.
 */
#ifndef NCR_KEY_LOAD_H
#define NCR_KEY_LOAD_H

#include "proto/keys/nacre_keys.h"

#define NCR_KEY_PASS_MAX 1024 /* bytes of a passphrase with its NUL */

/* Where the passphrase comes from; zeroed: nowhere. Wipe it, it holds the passphrase used. */
struct ncr_key_pass {
    const char *given; /* not NULL: this one, and nobody is asked */
    /* Asked when the file needs a passphrase; attempt 1, 2, ... counts the calls for this file, so
     * that a prompt can say "try again". False: no (more) answer. */
    bool (*ask)(void *ctx, unsigned attempt, char *pass, size_t cap);
    void *ctx;
    /* Result: the passphrase that opened the file, "" if it is not encrypted or was not opened. */
    char pass[NCR_KEY_PASS_MAX];
};

/* Reads the private key in file, as nacre_keyfile_read() does and with its errors; NO_MEMORY too.
 * info is filled in any case, info->what then says what is wrong ("" if nothing). After a wrong
 * passphrase ask is called again until it returns false. */
NACRE_MUST_CHECK nacre_err ncr_key_load(struct nacre_privkey *k, char *comment, size_t comment_cap,
                                        struct nacre_bytes file, struct ncr_key_pass *pass,
                                        struct nacre_keyfile_info *info, uint64_t *work);

#endif
