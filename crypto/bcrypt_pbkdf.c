/* SPDX-License-Identifier: ISC
 *
 * bcrypt_pbkdf: the key derivation of OpenSSH's key files (openssh-key-v1, kdf "bcrypt").
 *
 * PBKDF2's shape (RFC 8018 section 5.2) with two changes: the inner function is bcrypt's over
 * SHA-512 digests, 32 bytes of output from Blowfish states that 129 expansions have made; and the
 * bytes of the blocks are dealt out in turn, so that no part of the key comes cheaper than the
 * whole. Blocks do not depend on each other: two are computed side by side.
 *
 * Not CT in the passphrase, see blowfish.c.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/blowfish.h"
#include "crypto/ct.h"
#include "crypto/load.h"

#include <string.h>

enum {
    BCRYPT_HASH_LEN = 32,
    BCRYPT_COST = 64, /* pairs of expansions, and encryptions of the text */
    BCRYPT_DIGEST_WORDS = 16
};

struct bcrypt_work {
    struct ncr_blowfish state[2];
    uint32_t pass[NCR_BLOWFISH_P];    /* SHA-512 of the passphrase, in the form of a key */
    uint32_t salt[2][NCR_BLOWFISH_P]; /* SHA-512 of each block's salt of the round */
    uint8_t digest[NACRE_SHA512_LEN];
    uint8_t hash[2][BCRYPT_HASH_LEN];
    uint8_t sum[2][BCRYPT_HASH_LEN];
    struct nacre_sha512 sha;
};

_Static_assert(sizeof(struct bcrypt_work) <= 8 * NACRE_BCRYPT_WORK, "fits the caller's work");

/* SHA-512 of a and b, as the words of a key: over and over, most significant byte first. */
static void bcrypt_digest(uint32_t key[NCR_BLOWFISH_P], struct bcrypt_work *w, const uint8_t *a,
                          size_t a_len, const uint8_t *b, size_t b_len)
{
    nacre_sha512_init(&w->sha);
    nacre_sha512_update(&w->sha, a, a_len);
    nacre_sha512_update(&w->sha, b, b_len);
    nacre_sha512_final(w->digest, &w->sha);
    for (unsigned i = 0; i < NCR_BLOWFISH_P; i++) {
        key[i] = ncr_load32be(w->digest + 4 * (i % BCRYPT_DIGEST_WORDS));
    }
}

/* Encrypts the text 64 times over; words go out least significant byte first. */
static void bcrypt_encrypt_text(uint8_t out[BCRYPT_HASH_LEN], const struct ncr_blowfish *state)
{
    static const uint8_t text[BCRYPT_HASH_LEN + 1] = "OxychromaticBlowfishSwatDynamite";
    for (unsigned i = 0; i < BCRYPT_HASH_LEN; i += 8) {
        uint32_t l = ncr_load32be(text + i), r = ncr_load32be(text + i + 4);
        for (unsigned n = 0; n < BCRYPT_COST; n++) {
            ncr_blowfish_encrypt_vartime(state, &l, &r);
        }
        ncr_store32le(out + i, l);
        ncr_store32le(out + i + 4, r);
    }
}

/* w->hash of w->pass and w->salt, for both blocks. */
static void bcrypt_hash2(struct bcrypt_work *w)
{
    ncr_blowfish_init(w->state);
    ncr_blowfish_init(w->state + 1);
    ncr_blowfish_expand2_salted_vartime(w->state, w->pass, w->pass, w->salt[0], w->salt[1]);
    for (unsigned i = 0; i < BCRYPT_COST; i++) {
        ncr_blowfish_expand2_vartime(w->state, w->salt[0], w->salt[1]);
        ncr_blowfish_expand2_vartime(w->state, w->pass, w->pass);
    }
    bcrypt_encrypt_text(w->hash[0], w->state);
    bcrypt_encrypt_text(w->hash[1], w->state + 1);
}

/* w->sum: the blocks with numbers `block` and block + 1. */
static void bcrypt_blocks2(struct bcrypt_work *w, uint32_t block, const uint8_t *salt,
                           size_t salt_len, uint32_t rounds)
{
    for (unsigned k = 0; k < 2; k++) {
        uint8_t number[4];
        ncr_store32be(number, block + k);
        bcrypt_digest(w->salt[k], w, salt, salt_len, number, sizeof number);
    }
    bcrypt_hash2(w);
    memcpy(w->sum, w->hash, sizeof w->sum);
    for (uint32_t i = 1; i < rounds; i++) {
        for (unsigned k = 0; k < 2; k++) {
            bcrypt_digest(w->salt[k], w, w->hash[k], BCRYPT_HASH_LEN, NULL, 0);
        }
        bcrypt_hash2(w);
        ncr_xor(w->sum[0], w->sum[0], w->hash[0], BCRYPT_HASH_LEN);
        ncr_xor(w->sum[1], w->sum[1], w->hash[1], BCRYPT_HASH_LEN);
    }
}

bool nacre_bcrypt_pbkdf(uint8_t *out, size_t n, const uint8_t *pass, size_t pass_len,
                        const uint8_t *salt, size_t salt_len, uint32_t rounds, uint64_t *work)
{
    struct bcrypt_work *w = (void *)work;
    size_t blocks = (n + BCRYPT_HASH_LEN - 1) / BCRYPT_HASH_LEN;
    if (n == 0 || n > NACRE_BCRYPT_OUT_MAX || pass_len == 0 || salt_len == 0 || rounds == 0) {
        nacre_wipe(out, n);
        return false;
    }
    bcrypt_digest(w->pass, w, pass, pass_len, NULL, 0);
    /* Byte i of block b, from 0, is byte i * blocks + b of the key; where the number of blocks is
     * odd, the last one's companion is thrown away. */
    for (size_t b = 0; b < blocks; b += 2) {
        bcrypt_blocks2(w, (uint32_t)b + 1, salt, salt_len, rounds);
        for (size_t k = 0; k < 2 && b + k < blocks; k++) {
            for (size_t i = 0; i * blocks + b + k < n; i++) {
                out[i * blocks + b + k] = w->sum[k][i];
            }
        }
    }
    nacre_wipe(w, sizeof *w);
    return true;
}
