/* SPDX-License-Identifier: ISC
 *
 * The keys that an agent holds: a list in the order in which they came. Memory of keys is locked
 * where the system allows, and wiped before it is given back.
 */
#ifndef NCR_AGENT_KEYRING_H
#define NCR_AGENT_KEYRING_H

#include "proto/keys/nacre_agent.h"

/* Bytes of destinations that all keys have together: a message may bring 256 KiB of them with each
 * of 2,048 keys, people write a few hundred bytes. */
#define NCR_KEYRING_DESTS_MAX (4 * 1024 * 1024)

struct ncr_keyring_key {
    struct ncr_keyring_key *next;
    struct nacre_privkey key;
    struct nacre_bytes blob; /* what it is listed and asked for as: public key or certificate */
    struct nacre_bytes comment;
    struct nacre_bytes dests; /* packed destinations; empty: anywhere */
    uint64_t death;           /* milliseconds of the caller's clock; UINT64_MAX: never */
    bool confirm;
    size_t size;     /* of this struct with what follows it */
    uint8_t bytes[]; /* what the slices point to */
};

struct ncr_keyring {
    struct ncr_keyring_key *first;
    size_t n;
    size_t listed; /* bytes that the keys take in an answer */
    size_t dests;  /* bytes of their destinations */
};

/* Adds a key, replacing the one of the same blob in its place. LIMIT: the answer with all keys
 * would not fit a message, or NACRE_AGENT_KEYS_MAX; NO_MEMORY. The ring is then as it was. */
NACRE_MUST_CHECK nacre_err ncr_keyring_add(struct ncr_keyring *ring, const struct nacre_privkey *k,
                                           const struct nacre_agent_add *a, uint64_t death);
/* NULL: not there. */
struct ncr_keyring_key *ncr_keyring_find(const struct ncr_keyring *ring, struct nacre_bytes blob);
void ncr_keyring_remove(struct ncr_keyring *ring, struct ncr_keyring_key *k);
void ncr_keyring_clear(struct ncr_keyring *ring);
/* Removes the keys whose time is over; returns when the next one's is, UINT64_MAX: none's. */
uint64_t ncr_keyring_expire(struct ncr_keyring *ring, uint64_t now);

#endif
