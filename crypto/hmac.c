/* SPDX-License-Identifier: ISC
 *
 * HMAC over any hash row: RFC 2104, FIPS 198-1.
 *
 * The two pad blocks are compressed once, when the key is set; a message then starts from a copy of
 * those states, which halves the cost of a short one. CT in key and message; lengths leak.
 */
#include "crypto/nacre_crypto.h"

#include <string.h>

enum { HMAC_BLOCK_MAX = 128, HMAC_IPAD = 0x36, HMAC_OPAD = 0x5c };

/* RFC 2104 section 2: a key longer than a block is hashed first, a shorter one filled with zeros.
 */
static void hmac_key_block(uint8_t block[HMAC_BLOCK_MAX], const struct nacre_hash *hash,
                           const uint8_t *key, size_t n)
{
    memset(block, 0, HMAC_BLOCK_MAX);
    if (n > hash->block) {
        union nacre_hash_ctx c;
        hash->init(&c);
        hash->update(&c, key, n);
        hash->final(block, &c);
    } else if (n > 0) {
        memcpy(block, key, n);
    }
}

/* XORs pad over the block and hashes it. */
static void hmac_pad(union nacre_hash_ctx *c, const struct nacre_hash *hash,
                     uint8_t block[HMAC_BLOCK_MAX], uint8_t pad)
{
    for (size_t i = 0; i < hash->block; i++) {
        block[i] ^= pad;
    }
    hash->init(c);
    hash->update(c, block, hash->block);
}

void nacre_hmac_init(struct nacre_hmac *c, const struct nacre_hash *hash, const uint8_t *key,
                     size_t n)
{
    uint8_t block[HMAC_BLOCK_MAX];
    memset(c, 0, sizeof *c);
    c->hash = hash;
    hmac_key_block(block, hash, key, n);
    hmac_pad(&c->inner, hash, block, HMAC_IPAD);
    hmac_pad(&c->outer, hash, block, HMAC_IPAD ^ HMAC_OPAD);
    c->run = c->inner;
    nacre_wipe(block, sizeof block);
}

void nacre_hmac_update(struct nacre_hmac *c, const uint8_t *m, size_t n)
{
    c->hash->update(&c->run, m, n);
}

void nacre_hmac_final(uint8_t *out, struct nacre_hmac *c)
{
    uint8_t digest[NACRE_HASH_MAX_LEN];
    c->hash->final(digest, &c->run);
    c->run = c->outer;
    c->hash->update(&c->run, digest, c->hash->len);
    c->hash->final(out, &c->run);
    c->run = c->inner;
    nacre_wipe(digest, sizeof digest);
}
