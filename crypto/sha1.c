/* SPDX-License-Identifier: ISC
 *
 * SHA-1: FIPS 180-4. Legacy.
 *
 * Collisions of SHA-1 can be made, so nothing here may rest on its collision resistance. It stays
 * for what others have written (hashed host names, PBKDF2 in key files) and for peers that know
 * nothing newer (*_legacy.c in proto/); HMAC and PBKDF2 with it are not broken.
 *
 * Names of functions and variables are those of sections 4.1.1 and 6.1.2. The schedule is wiped,
 * since messages may be keys. CT in the message; lengths leak.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "crypto/fast.h"
#include "crypto/load.h"

#include <string.h>

enum { SHA1_BLOCK = 64, SHA1_PHASE = 20, SHA1_WORDS = 80 + 16 /* the last 16 are not used */ };

/* Section 5.3.1. */
static const uint32_t sha1_h0[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};

static inline uint32_t sha1_ch(uint32_t x, uint32_t y, uint32_t z)
{
    return z ^ (x & (y ^ z));
}

static inline uint32_t sha1_parity(uint32_t x, uint32_t y, uint32_t z)
{
    return x ^ y ^ z;
}

/* The two terms have no bit in common, so that the sum is their OR. */
static inline uint32_t sha1_maj(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) + (z & (x ^ y));
}

/* Round t of step 3, with the shift of the variables left to the caller: e becomes the new a, b is
 * rotated. fkw is f_t(b, c, d) + K_t + W_t. */
NCR_INLINE void sha1_round(uint32_t a, uint32_t *b, uint32_t *e, uint32_t fkw)
{
    *e += ncr_rotl32(a, 5) + fkw;
    *b = ncr_rotl32(*b, 30);
}

/* W_t; and makes W_(t + 16), section 6.1.2 step 1. (In a loop of its own, gcc makes vectors of the
 * schedule, which wait for each other at every step.) */
NCR_INLINE uint32_t sha1_word(uint32_t *w, unsigned t)
{
    w[t + 16] = ncr_rotl32(w[t + 13] ^ w[t + 8] ^ w[t + 2] ^ w[t], 1);
    return w[t];
}

/* Twenty rounds of one f and K (sections 4.1.1, 4.2.1), five at a time, after which every variable
 * is in its place again. t is the first round. */
NCR_INLINE void sha1_phase(uint32_t s[5], uint32_t w[SHA1_WORDS], unsigned t, uint32_t k,
                           uint32_t (*f)(uint32_t x, uint32_t y, uint32_t z))
{
    uint32_t a = s[0], b = s[1], c = s[2], d = s[3], e = s[4];
    for (unsigned end = t + SHA1_PHASE; t < end; t += 5) {
        sha1_round(a, &b, &e, f(b, c, d) + k + sha1_word(w, t));
        sha1_round(e, &a, &d, f(a, b, c) + k + sha1_word(w, t + 1));
        sha1_round(d, &e, &c, f(e, a, b) + k + sha1_word(w, t + 2));
        sha1_round(c, &d, &b, f(d, e, a) + k + sha1_word(w, t + 3));
        sha1_round(b, &c, &a, f(c, d, e) + k + sha1_word(w, t + 4));
    }
    s[0] = a, s[1] = b, s[2] = c, s[3] = d, s[4] = e;
}

static void sha1_blocks_portable(uint32_t h[5], const uint8_t *m, size_t blocks)
{
    uint32_t w[SHA1_WORDS];
    for (; blocks > 0; blocks--, m += SHA1_BLOCK) {
        uint32_t s[5];
        memcpy(s, h, sizeof s);
        for (unsigned t = 0; t < 16; t++) {
            w[t] = ncr_load32be(m + 4 * t);
        }
        sha1_phase(s, w, 0, 0x5a827999, sha1_ch);
        sha1_phase(s, w, SHA1_PHASE, 0x6ed9eba1, sha1_parity);
        sha1_phase(s, w, 2 * SHA1_PHASE, 0x8f1bbcdc, sha1_maj);
        sha1_phase(s, w, 3 * SHA1_PHASE, 0xca62c1d6, sha1_parity);
        for (unsigned i = 0; i < 5; i++) {
            h[i] += s[i];
        }
    }
    nacre_wipe(w, sizeof w);
}

#if NCR_X86
static void sha1_blocks(uint32_t h[5], const uint8_t *m, size_t blocks)
{
    if ((ncr_cpu() & NCR_CPU_SHA) != 0) {
        ncr_sha1_blocks_sha(h, m, blocks);
    } else {
        sha1_blocks_portable(h, m, blocks);
    }
}
#else
static void sha1_blocks(uint32_t h[5], const uint8_t *m, size_t blocks)
{
    sha1_blocks_portable(h, m, blocks);
}
#endif

void nacre_sha1_init(struct nacre_sha1 *c)
{
    memset(c, 0, sizeof *c);
    memcpy(c->h, sha1_h0, sizeof c->h);
}

void nacre_sha1_update(struct nacre_sha1 *c, const uint8_t *m, size_t n)
{
    size_t have = (size_t)(c->len % SHA1_BLOCK);
    if (n == 0) {
        return; /* m may be NULL */
    }
    c->len += n;
    if (have > 0) {
        size_t take = n < SHA1_BLOCK - have ? n : SHA1_BLOCK - have;
        memcpy(c->buf + have, m, take);
        if (have + take < SHA1_BLOCK) {
            return;
        }
        sha1_blocks(c->h, c->buf, 1);
        m += take;
        n -= take;
    }
    if (n >= SHA1_BLOCK) {
        sha1_blocks(c->h, m, n / SHA1_BLOCK);
    }
    if (n % SHA1_BLOCK > 0) {
        memcpy(c->buf, m + (n - n % SHA1_BLOCK), n % SHA1_BLOCK);
    }
}

/* Section 5.1.1: a one bit, zeros, the length in bits as the last 8 bytes of a block. */
void nacre_sha1_final(uint8_t out[NACRE_SHA1_LEN], struct nacre_sha1 *c)
{
    size_t have = (size_t)(c->len % SHA1_BLOCK);
    c->buf[have++] = 0x80;
    memset(c->buf + have, 0, SHA1_BLOCK - have);
    if (have > SHA1_BLOCK - 8) {
        sha1_blocks(c->h, c->buf, 1);
        memset(c->buf, 0, SHA1_BLOCK);
    }
    ncr_store64be(c->buf + SHA1_BLOCK - 8, c->len << 3);
    sha1_blocks(c->h, c->buf, 1);
    for (unsigned i = 0; i < 5; i++) {
        ncr_store32be(out + 4 * i, c->h[i]);
    }
    nacre_wipe(c, sizeof *c);
}

/* ---- Row --------------------------------------------------------------------------------- */

static void sha1_row_init(union nacre_hash_ctx *c)
{
    nacre_sha1_init(&c->sha1);
}

static void sha1_row_update(union nacre_hash_ctx *c, const uint8_t *m, size_t n)
{
    nacre_sha1_update(&c->sha1, m, n);
}

static void sha1_row_final(uint8_t *out, union nacre_hash_ctx *c)
{
    nacre_sha1_final(out, &c->sha1);
}

const struct nacre_hash nacre_hash_sha1 = {
    .name = "sha1",
    .len = NACRE_SHA1_LEN,
    .block = SHA1_BLOCK,
    .init = sha1_row_init,
    .update = sha1_row_update,
    .final = sha1_row_final,
};
