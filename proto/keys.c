/* SPDX-License-Identifier: ISC
 *
 * Key derivation, RFC 4253 section 7.2.
 *
 * What all hashes of one call begin with, K and H, is hashed once. Longer keys are made from the
 * whole of what is there already: K3 = HASH(K || H || K1 || K2), without letter and session id.
 * Everything intermediate is wiped; the caller wipes K, and nacre_wipe() is what later ends the
 * life of the keys.
 */
#include "proto/keys.h"

#include <string.h>

/* RFC 4253 7.2: start is a hash that has K and H in it. */
static void keys_expand(uint8_t *out, size_t len, const struct nacre_hash *hash,
                        const union nacre_hash_ctx *start, char letter,
                        struct nacre_bytes session_id)
{
    const uint8_t id = (uint8_t)letter;
    union nacre_hash_ctx run;
    uint8_t block[NACRE_HASH_MAX_LEN];
    size_t done = 0, n;

    while (done < len) {
        run = *start;
        if (done == 0) {
            hash->update(&run, &id, 1);
            hash->update(&run, session_id.p, session_id.n);
        } else {
            hash->update(&run, out, done);
        }
        hash->final(block, &run);
        n = len - done < hash->len ? len - done : hash->len;
        memcpy(out + done, block, n);
        done += n;
    }
    nacre_wipe(&run, sizeof run);
    nacre_wipe(block, sizeof block);
}

void ncr_keys_derive(uint8_t *out, size_t len, const struct nacre_hash *hash, struct nacre_bytes k,
                     struct nacre_bytes h, char letter, struct nacre_bytes session_id)
{
    union nacre_hash_ctx start;

    hash->init(&start);
    hash->update(&start, k.p, k.n);
    hash->update(&start, h.p, h.n);
    keys_expand(out, len, hash, &start, letter, session_id);
    nacre_wipe(&start, sizeof start);
}

void ncr_keys_fill(struct ncr_keyset *set, int dir, const struct nacre_hash *hash,
                   const union nacre_hash_ctx *start, struct nacre_bytes session_id)
{
    const struct ncr_cipher *cipher = set->cipher;

    keys_expand(set->iv, cipher->iv_len, hash, start, dir == 0 ? 'A' : 'B', session_id);
    keys_expand(set->key, cipher->key_len, hash, start, dir == 0 ? 'C' : 'D', session_id);
    if (cipher->aead == NULL)
        keys_expand(set->mac, set->macrow->key_len, hash, start, dir == 0 ? 'E' : 'F', session_id);
}
