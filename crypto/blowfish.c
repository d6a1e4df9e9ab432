/* SPDX-License-Identifier: ISC
 *
 * Blowfish: B. Schneier, "Description of a New Variable-Length Key, 64-Bit Block Cipher
 * (Blowfish)", 1993; with the expansion of N. Provos and D. Mazieres' bcrypt (1999).
 *
 * Legacy, and not CT: the S-boxes are as secret as the key and are read at secret places. Only
 * bcrypt_pbkdf uses it, on passphrases of key files, where nobody but the user's own machine can
 * measure it.
 */
#include "crypto/blowfish.h"
#include "crypto/blowfish_table.h"
#include "crypto/ct.h"

#include <string.h>

_Static_assert(sizeof(struct ncr_blowfish) == sizeof blowfish_pi, "P-array and S-boxes");

/* F of the paper. */
NCR_INLINE uint32_t blowfish_f(const uint32_t *w, uint32_t x)
{
    const uint32_t *s = w + NCR_BLOWFISH_P;
    uint32_t y = s[x >> 24] + s[256 + (x >> 16 & 0xff)];
    return (y ^ s[512 + (x >> 8 & 0xff)]) + s[768 + (x & 0xff)];
}

/* Round i without the exchange of the halves: the caller passes them in turn. */
NCR_INLINE void blowfish_round(const uint32_t *w, unsigned i, uint32_t *l, uint32_t *r)
{
    *l ^= w[i];
    *r ^= blowfish_f(w, *l);
}

/* What follows 16 rounds, an even number of exchanges and one that is undone. */
NCR_INLINE void blowfish_finish(const uint32_t *w, uint32_t *l, uint32_t *r)
{
    uint32_t t = *l ^ w[16];
    *l = *r ^ w[17];
    *r = t;
}

NCR_INLINE void blowfish_block(const uint32_t *w, uint32_t *l, uint32_t *r)
{
    for (unsigned i = 0; i < 16; i += 2) {
        blowfish_round(w, i, l, r);
        blowfish_round(w, i + 1, r, l);
    }
    blowfish_finish(w, l, r);
}

/* A block under each of two keys, in turns. */
NCR_INLINE void blowfish_block2(const uint32_t *w0, uint32_t *l0, uint32_t *r0, const uint32_t *w1,
                                uint32_t *l1, uint32_t *r1)
{
    for (unsigned i = 0; i < 16; i += 2) {
        blowfish_round(w0, i, l0, r0);
        blowfish_round(w1, i, l1, r1);
        blowfish_round(w0, i + 1, r0, l0);
        blowfish_round(w1, i + 1, r1, l1);
    }
    blowfish_finish(w0, l0, r0);
    blowfish_finish(w1, l1, r1);
}

static void blowfish_add_key(struct ncr_blowfish *c, const uint32_t key[NCR_BLOWFISH_P])
{
    for (unsigned i = 0; i < NCR_BLOWFISH_P; i++) {
        c->w[i] ^= key[i];
    }
}

void ncr_blowfish_init(struct ncr_blowfish *c)
{
    memcpy(c->w, blowfish_pi, sizeof c->w);
}

void ncr_blowfish_encrypt_vartime(const struct ncr_blowfish *c, uint32_t *l, uint32_t *r)
{
    blowfish_block(c->w, l, r);
}

/* Each pair of words becomes the encryption of the pair before it, the first that of zeros, under
 * what the state is by then. */
void ncr_blowfish_expand_vartime(struct ncr_blowfish *c, const uint32_t key[NCR_BLOWFISH_P])
{
    uint32_t l = 0, r = 0;
    blowfish_add_key(c, key);
    for (unsigned i = 0; i < NCR_BLOWFISH_WORDS; i += 2) {
        blowfish_block(c->w, &l, &r);
        c->w[i] = l;
        c->w[i + 1] = r;
    }
}

void ncr_blowfish_expand2_vartime(struct ncr_blowfish c[2], const uint32_t key0[NCR_BLOWFISH_P],
                                  const uint32_t key1[NCR_BLOWFISH_P])
{
    uint32_t *w0 = c[0].w, *w1 = c[1].w, l0 = 0, r0 = 0, l1 = 0, r1 = 0;
    blowfish_add_key(c, key0);
    blowfish_add_key(c + 1, key1);
    for (unsigned i = 0; i < NCR_BLOWFISH_WORDS; i += 2) {
        blowfish_block2(w0, &l0, &r0, w1, &l1, &r1);
        w0[i] = l0, w0[i + 1] = r0;
        w1[i] = l1, w1[i + 1] = r1;
    }
}

void ncr_blowfish_expand2_salted_vartime(struct ncr_blowfish c[2],
                                         const uint32_t key0[NCR_BLOWFISH_P],
                                         const uint32_t key1[NCR_BLOWFISH_P],
                                         const uint32_t salt0[NCR_BLOWFISH_SALT],
                                         const uint32_t salt1[NCR_BLOWFISH_SALT])
{
    uint32_t *w0 = c[0].w, *w1 = c[1].w, l0 = 0, r0 = 0, l1 = 0, r1 = 0;
    blowfish_add_key(c, key0);
    blowfish_add_key(c + 1, key1);
    for (unsigned i = 0; i < NCR_BLOWFISH_WORDS; i += 2) {
        unsigned at = i % NCR_BLOWFISH_SALT;
        l0 ^= salt0[at], r0 ^= salt0[at + 1];
        l1 ^= salt1[at], r1 ^= salt1[at + 1];
        blowfish_block2(w0, &l0, &r0, w1, &l1, &r1);
        w0[i] = l0, w0[i + 1] = r0;
        w1[i] = l1, w1[i + 1] = r1;
    }
}
