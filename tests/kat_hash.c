/* SPDX-License-Identifier: ISC
 *
 * Verbs of the kat oracle: key derivation from passphrases, hashed host names.
 */
#include "tests/kat.h"

#include "proto/keys/nacre_keys.h"

#include <string.h>

/* known-hosts-hash SALT HOST */
static enum kat_result verb_known_hosts_hash(struct kat_req *r)
{
    char text[NACRE_HOST_HASH_LEN];

    if (nacre_known_hosts_hash(text, sizeof text, r->arg[0].b.p, r->arg[1].b) != NACRE_OK)
        return KAT_REJECT;
    kat_put(r, (const uint8_t *)text, strlen(text));
    return KAT_OK;
}

const struct kat_verb kat_hash_verbs[] = {
    {"known-hosts-hash", "bytes20 bytes", verb_known_hosts_hash},
    {NULL, NULL, NULL},
};
