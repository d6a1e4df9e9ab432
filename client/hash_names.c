/* SPDX-License-Identifier: ISC
 *
 * Names of fingerprints' hashes: see hash_names.h.
 */
#include "client/hash_names.h"

#include <stdio.h>
#include <strings.h>

bool ncr_hash_option(enum nacre_fp_hash *out, const char *name)
{
    static const struct {
        const char *name;
        enum nacre_fp_hash hash;
    } hashes[] = {{"md5", NACRE_FP_MD5},
                  {"sha1", NACRE_FP_SHA1},
                  {"sha256", NACRE_FP_SHA256},
                  {"sha384", NACRE_FP_SHA384},
                  {"sha512", NACRE_FP_SHA512}};

    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        if (strcasecmp(name, hashes[i].name) == 0) {
            *out = hashes[i].hash;
            return true;
        }
    }
    fprintf(stderr, "Invalid hash algorithm \"%s\"\n", name);
    return false;
}
