/* SPDX-License-Identifier: ISC
 *
 * authorized_keys, internal parts: the options as rows, for the parser and its tests.
 */
#ifndef NCR_AUTHORIZED_KEYS_H
#define NCR_AUTHORIZED_KEYS_H

#include "proto/keys/nacre_keys.h"

struct ncr_authkey_option {
    const char *name;
    bool has_no;   /* "no-NAME" is the opposite */
    unsigned flag; /* flags: of enum nacre_permit, or 0 */
    /* Options with a value. Returns NULL, or what is wrong (static text). */
    const char *(*value)(struct nacre_authkey *a, struct nacre_bytes value);
    /* Other flags: what to set. */
    void (*set)(struct nacre_authkey *a, bool on);
};

/* Ends with a row without name. */
extern const struct ncr_authkey_option ncr_authkey_options[];

/* YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with Z or UTC behind it: seconds since 1970; *local if
 * it has neither. */
NACRE_MUST_CHECK bool ncr_authkey_time(uint64_t *t, bool *local, struct nacre_bytes text);

#endif
