/* SPDX-License-Identifier: ISC
 *
 * Names of fingerprints' hashes, as -E of the programs takes them: in any case.
 */
#ifndef NCR_HASH_NAMES_H
#define NCR_HASH_NAMES_H

#include "proto/keys/nacre_keys.h"

/* False: no such hash; out is unchanged, and standard error says so in OpenSSH's words. */
bool ncr_hash_option(enum nacre_fp_hash *out, const char *name);

#endif
