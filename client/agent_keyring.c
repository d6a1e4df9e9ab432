/* SPDX-License-Identifier: ISC
 *
 * The keys of an agent: see agent_keyring.h. One piece of memory holds a key with all that belongs
 * to it, so that one wipe leaves nothing. Memory is locked but never unlocked: pages are shared
 * with what else is allocated, other keys among it.
 */
#include "client/agent_keyring.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What a key takes in an answer: two lengths, blob, comment. */
#define KEYRING_LISTED(blob_n, comment_n) (8 + (blob_n) + (comment_n))
#define KEYRING_LISTED_MAX (NACRE_AGENT_MSG_MAX - 5) /* type, number of keys */

static size_t keyring_listed(const struct ncr_keyring_key *k)
{
    return KEYRING_LISTED(k->blob.n, k->comment.n);
}

static struct nacre_bytes keyring_copy(uint8_t **at, struct nacre_bytes b)
{
    const struct nacre_bytes copy = {*at, b.n};

    if (b.n > 0)
        memcpy(*at, b.p, b.n);
    *at += b.n;
    return copy;
}

static struct ncr_keyring_key *keyring_make(const struct nacre_privkey *key,
                                            const struct nacre_agent_add *a,
                                            struct nacre_bytes blob)
{
    /* each part is at most a message */
    const size_t size = sizeof(struct ncr_keyring_key) + blob.n + a->comment.n + a->limits.dests.n;
    struct ncr_keyring_key *k = calloc(1, size);
    uint8_t *at;

    if (k == NULL)
        return NULL;
    (void)mlock(k, size); /* a limit may forbid it: the key is used all the same */
    k->size = size;
    k->key = *key;
    at = k->bytes;
    k->blob = keyring_copy(&at, blob);
    k->comment = keyring_copy(&at, a->comment);
    k->dests = keyring_copy(&at, a->limits.dests);
    k->confirm = a->limits.confirm;
    return k;
}

static void keyring_free(struct ncr_keyring_key *k)
{
    nacre_wipe(k, k->size);
    free(k);
}

static bool keyring_same(struct nacre_bytes a, struct nacre_bytes b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* Where the key hangs; the end of the list if it is not there. */
static struct ncr_keyring_key **keyring_place(struct ncr_keyring *ring, struct nacre_bytes blob)
{
    struct ncr_keyring_key **at = &ring->first;

    while (*at != NULL && !keyring_same((*at)->blob, blob))
        at = &(*at)->next;
    return at;
}

nacre_err ncr_keyring_add(struct ncr_keyring *ring, const struct nacre_privkey *key,
                          const struct nacre_agent_add *a, uint64_t death)
{
    const struct nacre_bytes blob = a->cert.n > 0 ? a->cert : nacre_privkey_public_blob(key);
    struct ncr_keyring_key **at = keyring_place(ring, blob);
    struct ncr_keyring_key *old = *at, *k;
    const size_t before = old != NULL ? keyring_listed(old) : 0;
    const size_t dests = ring->dests - (old != NULL ? old->dests.n : 0);

    if ((old == NULL && ring->n >= NACRE_AGENT_KEYS_MAX) ||
        KEYRING_LISTED(blob.n, a->comment.n) > KEYRING_LISTED_MAX - (ring->listed - before) ||
        a->limits.dests.n > NCR_KEYRING_DESTS_MAX - dests)
        return NACRE_ERR_LIMIT;
    k = keyring_make(key, a, blob);
    if (k == NULL)
        return NACRE_ERR_NO_MEMORY;
    k->death = death;
    *at = k;
    ring->listed += keyring_listed(k) - before;
    ring->dests = dests + k->dests.n;
    if (old == NULL) {
        ring->n++;
    } else {
        k->next = old->next;
        keyring_free(old);
    }
    return NACRE_OK;
}

struct ncr_keyring_key *ncr_keyring_find(const struct ncr_keyring *ring, struct nacre_bytes blob)
{
    struct ncr_keyring_key *k = ring->first;

    while (k != NULL && !keyring_same(k->blob, blob))
        k = k->next;
    return k;
}

static void keyring_unlink(struct ncr_keyring *ring, struct ncr_keyring_key **at)
{
    struct ncr_keyring_key *k = *at;

    *at = k->next;
    ring->n--;
    ring->listed -= keyring_listed(k);
    ring->dests -= k->dests.n;
    keyring_free(k);
}

void ncr_keyring_remove(struct ncr_keyring *ring, struct ncr_keyring_key *k)
{
    keyring_unlink(ring, keyring_place(ring, k->blob));
}

void ncr_keyring_clear(struct ncr_keyring *ring)
{
    while (ring->first != NULL)
        keyring_unlink(ring, &ring->first);
}

uint64_t ncr_keyring_expire(struct ncr_keyring *ring, uint64_t now)
{
    struct ncr_keyring_key **at = &ring->first;
    uint64_t next = UINT64_MAX;

    while (*at != NULL) {
        if ((*at)->death != UINT64_MAX && now >= (*at)->death) {
            keyring_unlink(ring, at);
            continue;
        }
        if ((*at)->death < next)
            next = (*at)->death;
        at = &(*at)->next;
    }
    return next;
}
