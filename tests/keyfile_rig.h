/* SPDX-License-Identifier: ISC
 *
 * One reading of a private key file from memory of exactly the sizes, with what holds of every
 * reading, good or bad: outputs zeroed or scratch wiped, a reason or none. Links with Criterion.
 */
#ifndef NACRE_TESTS_KEYFILE_RIG_H
#define NACRE_TESTS_KEYFILE_RIG_H

#include "proto/keys/nacre_keys.h"

/* What one reading gave. */
struct keyfile_got {
    nacre_err err;
    struct nacre_privkey key;
    char comment[NACRE_KEY_COMMENT_MAX + 1];
    struct nacre_keyfile_info info;
};

#define KEYFILE_COMMENT 1u /* the comment is asked for */
#define KEYFILE_GROW 2u    /* a reading that wants more scratch gets it, as ncr_key_load() does */

extern uint64_t keyfile_work[NACRE_WORK];

struct keyfile_got keyfile_read_exact(const void *file, size_t n, struct nacre_bytes pass,
                                      unsigned how);

#endif
