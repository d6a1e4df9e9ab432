/* SPDX-License-Identifier: ISC
 *
 * SHA-256, SHA-384 and SHA-512: FIPS 180-4.
 *
 * Names of functions and variables are those of sections 4.1 and 6. Two families of the same
 * shape stand side by side, with words of 32 and 64 bits. Sixteen rounds are written out, so that
 * the working variables keep their registers and only their names move. The message schedule lives
 * in a ring of 16 words, each made just before its round; it is wiped, since messages may be keys.
 * CT in the message; lengths leak.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "crypto/fast.h"
#include "crypto/load.h"

#include <string.h>

enum { SHA256_BLOCK = 64, SHA512_BLOCK = 128 };

/* Section 4.2.2: the first 32 bits of the fractions of the cube roots of the first 64 primes. */
const uint32_t ncr_sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* Section 4.2.3: 64 bits of the same, 80 primes. */
static const uint64_t sha512_k[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

/* Section 5.3: fractions of the square roots of the first 8 primes, and of the next 8. */
static const uint32_t sha256_h0[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint64_t sha512_h0[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static const uint64_t sha384_h0[8] = {
    0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
    0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
};

/* ---- SHA-256 ----------------------------------------------------------------------------- */

/* One round, section 6.2.2 step 3, with the shift of the variables left to the caller: d and h
 * become the new e and a. kw is K[t] + W[t]. */
NCR_INLINE void sha256_round(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e,
                             uint32_t f, uint32_t g, uint32_t *h, uint32_t kw)
{
    uint32_t sigma1 = ncr_rotr32(e, 6) ^ ncr_rotr32(e, 11) ^ ncr_rotr32(e, 25);
    uint32_t sigma0 = ncr_rotr32(a, 2) ^ ncr_rotr32(a, 13) ^ ncr_rotr32(a, 22);
    uint32_t ch = g ^ (e & (f ^ g));
    uint32_t maj = b ^ ((a ^ b) & (b ^ c)); /* b ^ c is a ^ b of the round before */
    uint32_t t1 = sigma1 + (ch + (*h + kw));
    *d += t1;
    *h = t1 + sigma0 + maj;
}

/* W[t] for t = i mod 16: in the first 16 rounds a word of the message; later computed in the place
 * of W[t - 16], as the ring holds W[t - 16] to W[t - 1]. */
NCR_INLINE uint32_t sha256_word(uint32_t w[16], unsigned i, bool first)
{
    if (first) {
        return w[i];
    }
    uint32_t w2 = w[(i + 14) % 16], w15 = w[(i + 1) % 16];
    uint32_t sigma1 = ncr_rotr32(w2, 17) ^ ncr_rotr32(w2, 19) ^ w2 >> 10;
    uint32_t sigma0 = ncr_rotr32(w15, 7) ^ ncr_rotr32(w15, 18) ^ w15 >> 3;
    w[i] += sigma1 + w[(i + 9) % 16] + sigma0;
    return w[i];
}

/* Sixteen rounds, after which every variable is in its place again. */
NCR_INLINE void sha256_rounds16(uint32_t s[8], const uint32_t k[16], uint32_t w[16], bool first)
{
    uint32_t a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
    sha256_round(a, b, c, &d, e, f, g, &h, k[0] + sha256_word(w, 0, first));
    sha256_round(h, a, b, &c, d, e, f, &g, k[1] + sha256_word(w, 1, first));
    sha256_round(g, h, a, &b, c, d, e, &f, k[2] + sha256_word(w, 2, first));
    sha256_round(f, g, h, &a, b, c, d, &e, k[3] + sha256_word(w, 3, first));
    sha256_round(e, f, g, &h, a, b, c, &d, k[4] + sha256_word(w, 4, first));
    sha256_round(d, e, f, &g, h, a, b, &c, k[5] + sha256_word(w, 5, first));
    sha256_round(c, d, e, &f, g, h, a, &b, k[6] + sha256_word(w, 6, first));
    sha256_round(b, c, d, &e, f, g, h, &a, k[7] + sha256_word(w, 7, first));
    sha256_round(a, b, c, &d, e, f, g, &h, k[8] + sha256_word(w, 8, first));
    sha256_round(h, a, b, &c, d, e, f, &g, k[9] + sha256_word(w, 9, first));
    sha256_round(g, h, a, &b, c, d, e, &f, k[10] + sha256_word(w, 10, first));
    sha256_round(f, g, h, &a, b, c, d, &e, k[11] + sha256_word(w, 11, first));
    sha256_round(e, f, g, &h, a, b, c, &d, k[12] + sha256_word(w, 12, first));
    sha256_round(d, e, f, &g, h, a, b, &c, k[13] + sha256_word(w, 13, first));
    sha256_round(c, d, e, &f, g, h, a, &b, k[14] + sha256_word(w, 14, first));
    sha256_round(b, c, d, &e, f, g, h, &a, k[15] + sha256_word(w, 15, first));
    s[0] = a, s[1] = b, s[2] = c, s[3] = d, s[4] = e, s[5] = f, s[6] = g, s[7] = h;
}

static void sha256_blocks_portable(uint32_t h[8], const uint8_t *m, size_t blocks)
{
    uint32_t w[16];
    for (; blocks > 0; blocks--, m += SHA256_BLOCK) {
        uint32_t s[8];
        memcpy(s, h, sizeof s);
        for (unsigned i = 0; i < 16; i++) {
            w[i] = ncr_load32be(m + 4 * i);
        }
        sha256_rounds16(s, ncr_sha256_k, w, true);
        for (unsigned t = 16; t < 64; t += 16) {
            sha256_rounds16(s, ncr_sha256_k + t, w, false);
        }
        for (unsigned i = 0; i < 8; i++) {
            h[i] += s[i];
        }
    }
    nacre_wipe(w, sizeof w);
}

#if NCR_X86
static void sha256_blocks(uint32_t h[8], const uint8_t *m, size_t blocks)
{
    if ((ncr_cpu() & NCR_CPU_SHA) != 0) {
        ncr_sha256_blocks_sha(h, m, blocks);
    } else {
        sha256_blocks_portable(h, m, blocks);
    }
}
#elif NCR_ARM
static void sha256_blocks(uint32_t h[8], const uint8_t *m, size_t blocks)
{
    if ((ncr_cpu() & NCR_CPU_SHA) != 0) {
        ncr_sha256_blocks_armv8(h, m, blocks);
    } else {
        sha256_blocks_portable(h, m, blocks);
    }
}
#else
static void sha256_blocks(uint32_t h[8], const uint8_t *m, size_t blocks)
{
    sha256_blocks_portable(h, m, blocks);
}
#endif

void nacre_sha256_init(struct nacre_sha256 *c)
{
    memset(c, 0, sizeof *c);
    memcpy(c->h, sha256_h0, sizeof c->h);
}

void nacre_sha256_update(struct nacre_sha256 *c, const uint8_t *m, size_t n)
{
    size_t have = (size_t)(c->len % SHA256_BLOCK);
    if (n == 0) {
        return; /* m may be NULL */
    }
    c->len += n;
    if (have > 0) {
        size_t take = n < SHA256_BLOCK - have ? n : SHA256_BLOCK - have;
        memcpy(c->buf + have, m, take);
        if (have + take < SHA256_BLOCK) {
            return;
        }
        sha256_blocks(c->h, c->buf, 1);
        m += take;
        n -= take;
    }
    if (n >= SHA256_BLOCK) {
        sha256_blocks(c->h, m, n / SHA256_BLOCK);
    }
    if (n % SHA256_BLOCK > 0) {
        memcpy(c->buf, m + (n - n % SHA256_BLOCK), n % SHA256_BLOCK);
    }
}

/* Section 5.1.1: a one bit, zeros, the length in bits as the last 8 bytes of a block. */
void nacre_sha256_final(uint8_t out[NACRE_SHA256_LEN], struct nacre_sha256 *c)
{
    size_t have = (size_t)(c->len % SHA256_BLOCK);
    c->buf[have++] = 0x80;
    memset(c->buf + have, 0, SHA256_BLOCK - have);
    if (have > SHA256_BLOCK - 8) {
        sha256_blocks(c->h, c->buf, 1);
        memset(c->buf, 0, SHA256_BLOCK);
    }
    ncr_store64be(c->buf + SHA256_BLOCK - 8, c->len << 3);
    sha256_blocks(c->h, c->buf, 1);
    for (unsigned i = 0; i < 8; i++) {
        ncr_store32be(out + 4 * i, c->h[i]);
    }
    nacre_wipe(c, sizeof *c);
}

/* ---- SHA-512 and SHA-384 ----------------------------------------------------------------- */

/* As sha256_round, section 6.4.2. */
NCR_INLINE void sha512_round(uint64_t a, uint64_t b, uint64_t c, uint64_t *d, uint64_t e,
                             uint64_t f, uint64_t g, uint64_t *h, uint64_t kw)
{
    uint64_t sigma1 = ncr_rotr64(e, 14) ^ ncr_rotr64(e, 18) ^ ncr_rotr64(e, 41);
    uint64_t sigma0 = ncr_rotr64(a, 28) ^ ncr_rotr64(a, 34) ^ ncr_rotr64(a, 39);
    uint64_t ch = g ^ (e & (f ^ g));
    uint64_t maj = b ^ ((a ^ b) & (b ^ c));
    uint64_t t1 = sigma1 + (ch + (*h + kw));
    *d += t1;
    *h = t1 + sigma0 + maj;
}

NCR_INLINE uint64_t sha512_word(uint64_t w[16], unsigned i, bool first)
{
    if (first) {
        return w[i];
    }
    uint64_t w2 = w[(i + 14) % 16], w15 = w[(i + 1) % 16];
    uint64_t sigma1 = ncr_rotr64(w2, 19) ^ ncr_rotr64(w2, 61) ^ w2 >> 6;
    uint64_t sigma0 = ncr_rotr64(w15, 1) ^ ncr_rotr64(w15, 8) ^ w15 >> 7;
    w[i] += sigma1 + w[(i + 9) % 16] + sigma0;
    return w[i];
}

NCR_INLINE void sha512_rounds16(uint64_t s[8], const uint64_t k[16], uint64_t w[16], bool first)
{
    uint64_t a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
    sha512_round(a, b, c, &d, e, f, g, &h, k[0] + sha512_word(w, 0, first));
    sha512_round(h, a, b, &c, d, e, f, &g, k[1] + sha512_word(w, 1, first));
    sha512_round(g, h, a, &b, c, d, e, &f, k[2] + sha512_word(w, 2, first));
    sha512_round(f, g, h, &a, b, c, d, &e, k[3] + sha512_word(w, 3, first));
    sha512_round(e, f, g, &h, a, b, c, &d, k[4] + sha512_word(w, 4, first));
    sha512_round(d, e, f, &g, h, a, b, &c, k[5] + sha512_word(w, 5, first));
    sha512_round(c, d, e, &f, g, h, a, &b, k[6] + sha512_word(w, 6, first));
    sha512_round(b, c, d, &e, f, g, h, &a, k[7] + sha512_word(w, 7, first));
    sha512_round(a, b, c, &d, e, f, g, &h, k[8] + sha512_word(w, 8, first));
    sha512_round(h, a, b, &c, d, e, f, &g, k[9] + sha512_word(w, 9, first));
    sha512_round(g, h, a, &b, c, d, e, &f, k[10] + sha512_word(w, 10, first));
    sha512_round(f, g, h, &a, b, c, d, &e, k[11] + sha512_word(w, 11, first));
    sha512_round(e, f, g, &h, a, b, c, &d, k[12] + sha512_word(w, 12, first));
    sha512_round(d, e, f, &g, h, a, b, &c, k[13] + sha512_word(w, 13, first));
    sha512_round(c, d, e, &f, g, h, a, &b, k[14] + sha512_word(w, 14, first));
    sha512_round(b, c, d, &e, f, g, h, &a, k[15] + sha512_word(w, 15, first));
    s[0] = a, s[1] = b, s[2] = c, s[3] = d, s[4] = e, s[5] = f, s[6] = g, s[7] = h;
}

static void sha512_blocks(uint64_t h[8], const uint8_t *m, size_t blocks)
{
    uint64_t w[16];
    for (; blocks > 0; blocks--, m += SHA512_BLOCK) {
        uint64_t s[8];
        memcpy(s, h, sizeof s);
        for (unsigned i = 0; i < 16; i++) {
            w[i] = ncr_load64be(m + 8 * i);
        }
        sha512_rounds16(s, sha512_k, w, true);
        for (unsigned t = 16; t < 80; t += 16) {
            sha512_rounds16(s, sha512_k + t, w, false);
        }
        for (unsigned i = 0; i < 8; i++) {
            h[i] += s[i];
        }
    }
    nacre_wipe(w, sizeof w);
}

void nacre_sha512_init(struct nacre_sha512 *c)
{
    memset(c, 0, sizeof *c);
    memcpy(c->h, sha512_h0, sizeof c->h);
}

void nacre_sha384_init(struct nacre_sha512 *c)
{
    memset(c, 0, sizeof *c);
    memcpy(c->h, sha384_h0, sizeof c->h);
}

void nacre_sha512_update(struct nacre_sha512 *c, const uint8_t *m, size_t n)
{
    size_t have = (size_t)(c->len % SHA512_BLOCK);
    if (n == 0) {
        return; /* m may be NULL */
    }
    c->len += n;
    if (have > 0) {
        size_t take = n < SHA512_BLOCK - have ? n : SHA512_BLOCK - have;
        memcpy(c->buf + have, m, take);
        if (have + take < SHA512_BLOCK) {
            return;
        }
        sha512_blocks(c->h, c->buf, 1);
        m += take;
        n -= take;
    }
    if (n >= SHA512_BLOCK) {
        sha512_blocks(c->h, m, n / SHA512_BLOCK);
    }
    if (n % SHA512_BLOCK > 0) {
        memcpy(c->buf, m + (n - n % SHA512_BLOCK), n % SHA512_BLOCK);
    }
}

/* Section 5.1.2: as for SHA-256, with a length of 16 bytes. Writes the first `words` of the hash
 * value and wipes the context. */
static void sha512_finish(uint8_t *out, size_t words, struct nacre_sha512 *c)
{
    size_t have = (size_t)(c->len % SHA512_BLOCK);
    c->buf[have++] = 0x80;
    memset(c->buf + have, 0, SHA512_BLOCK - have);
    if (have > SHA512_BLOCK - 16) {
        sha512_blocks(c->h, c->buf, 1);
        memset(c->buf, 0, SHA512_BLOCK);
    }
    ncr_store64be(c->buf + SHA512_BLOCK - 16, c->len >> 61);
    ncr_store64be(c->buf + SHA512_BLOCK - 8, c->len << 3);
    sha512_blocks(c->h, c->buf, 1);
    for (size_t i = 0; i < words; i++) {
        ncr_store64be(out + 8 * i, c->h[i]);
    }
    nacre_wipe(c, sizeof *c);
}

void nacre_sha512_final(uint8_t out[NACRE_SHA512_LEN], struct nacre_sha512 *c)
{
    sha512_finish(out, NACRE_SHA512_LEN / 8, c);
}

void nacre_sha384_final(uint8_t out[NACRE_SHA384_LEN], struct nacre_sha512 *c)
{
    sha512_finish(out, NACRE_SHA384_LEN / 8, c);
}

/* ---- Rows -------------------------------------------------------------------------------- */

static void sha2_row_init256(union nacre_hash_ctx *c)
{
    nacre_sha256_init(&c->sha256);
}

static void sha2_row_update256(union nacre_hash_ctx *c, const uint8_t *m, size_t n)
{
    nacre_sha256_update(&c->sha256, m, n);
}

static void sha2_row_final256(uint8_t *out, union nacre_hash_ctx *c)
{
    nacre_sha256_final(out, &c->sha256);
}

static void sha2_row_init384(union nacre_hash_ctx *c)
{
    nacre_sha384_init(&c->sha512);
}

static void sha2_row_init512(union nacre_hash_ctx *c)
{
    nacre_sha512_init(&c->sha512);
}

static void sha2_row_update512(union nacre_hash_ctx *c, const uint8_t *m, size_t n)
{
    nacre_sha512_update(&c->sha512, m, n);
}

static void sha2_row_final384(uint8_t *out, union nacre_hash_ctx *c)
{
    nacre_sha384_final(out, &c->sha512);
}

static void sha2_row_final512(uint8_t *out, union nacre_hash_ctx *c)
{
    nacre_sha512_final(out, &c->sha512);
}

const struct nacre_hash nacre_hash_sha256 = {
    .name = "sha256",
    .len = NACRE_SHA256_LEN,
    .block = SHA256_BLOCK,
    .init = sha2_row_init256,
    .update = sha2_row_update256,
    .final = sha2_row_final256,
};

const struct nacre_hash nacre_hash_sha384 = {
    .name = "sha384",
    .len = NACRE_SHA384_LEN,
    .block = SHA512_BLOCK,
    .init = sha2_row_init384,
    .update = sha2_row_update512,
    .final = sha2_row_final384,
};

const struct nacre_hash nacre_hash_sha512 = {
    .name = "sha512",
    .len = NACRE_SHA512_LEN,
    .block = SHA512_BLOCK,
    .init = sha2_row_init512,
    .update = sha2_row_update512,
    .final = sha2_row_final512,
};
