/* SPDX-License-Identifier: ISC
 *
 * Key derivation, RFC 4253 section 7.2.
 */
#ifndef NCR_KEYS_H
#define NCR_KEYS_H

#include "proto/alg.h"

/* Writes len bytes of key `letter` ('A'..'F'): K1 = HASH(K || H || letter || session_id), K2 =
 * HASH(K || H || K1), ... k is K in its encoding (mpint or string, with length field). CT in k. */
void ncr_keys_derive(uint8_t *out, size_t len, const struct nacre_hash *hash, struct nacre_bytes k,
                     struct nacre_bytes h, char letter, struct nacre_bytes session_id);

/* Fills iv, key and mac of the set for its rows: dir 0 client to server (A, C, E), 1 server to
 * client (B, D, F). start is a context of the hash that K in its encoding and H have gone into. */
void ncr_keys_fill(struct ncr_keyset *set, int dir, const struct nacre_hash *hash,
                   const union nacre_hash_ctx *start, struct nacre_bytes session_id);

#endif
