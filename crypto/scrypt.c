/* SPDX-License-Identifier: ISC
 *
 * scrypt: RFC 7914, whose names are used. The memory holds, in this order, the p blocks B of 128 r
 * bytes, the N blocks V, and a block that is worked in; words lie there in little-endian
 * bytes, as sections 3 to 5 have them.
 */
#include "crypto/scrypt.h"
#include "crypto/load.h"

#include <string.h>

enum { SCRYPT_SALSA = 64, SCRYPT_WORDS = 16 };

static void scrypt_quarter(uint32_t x[SCRYPT_WORDS], unsigned a, unsigned b, unsigned c, unsigned d)
{
    x[b] ^= ncr_rotl32(x[a] + x[d], 7);
    x[c] ^= ncr_rotl32(x[b] + x[a], 9);
    x[d] ^= ncr_rotl32(x[c] + x[b], 13);
    x[a] ^= ncr_rotl32(x[d] + x[c], 18);
}

/* Section 3: the Salsa20/8 core. */
static void scrypt_salsa(uint32_t b[SCRYPT_WORDS])
{
    uint32_t x[SCRYPT_WORDS];
    memcpy(x, b, sizeof x);
    for (unsigned i = 0; i < 8; i += 2) {
        scrypt_quarter(x, 0, 4, 8, 12);
        scrypt_quarter(x, 5, 9, 13, 1);
        scrypt_quarter(x, 10, 14, 2, 6);
        scrypt_quarter(x, 15, 3, 7, 11);
        scrypt_quarter(x, 0, 1, 2, 3);
        scrypt_quarter(x, 5, 6, 7, 4);
        scrypt_quarter(x, 10, 11, 8, 9);
        scrypt_quarter(x, 15, 12, 13, 14);
    }
    for (unsigned i = 0; i < SCRYPT_WORDS; i++) {
        b[i] += x[i];
    }
}

/* Section 4: scryptBlockMix of the 2r chunks at b to out, which is apart from it. */
static void scrypt_block_mix(uint8_t *out, const uint8_t *b, uint32_t r)
{
    uint32_t x[SCRYPT_WORDS];
    for (unsigned k = 0; k < SCRYPT_WORDS; k++) {
        x[k] = ncr_load32le(b + (size_t)(2 * r - 1) * SCRYPT_SALSA + 4 * k);
    }
    for (uint32_t i = 0; i < 2 * r; i++) {
        uint8_t *to = out + (size_t)(i / 2 + (i & 1) * r) * SCRYPT_SALSA; /* even ones first */
        for (unsigned k = 0; k < SCRYPT_WORDS; k++) {
            x[k] ^= ncr_load32le(b + (size_t)i * SCRYPT_SALSA + 4 * k);
        }
        scrypt_salsa(x);
        for (unsigned k = 0; k < SCRYPT_WORDS; k++) {
            ncr_store32le(to + 4 * k, x[k]);
        }
    }
    nacre_wipe(x, sizeof x);
}

/* Section 5: scryptROMix of the block at b, in place. */
static void scrypt_ro_mix(uint8_t *b, const struct ncr_scrypt *s, uint8_t *v)
{
    const size_t len = (size_t)128 * s->r;
    uint8_t *y = v + len * s->n;
    memcpy(v, b, len);
    for (uint32_t i = 1; i < s->n; i++) {
        scrypt_block_mix(v + len * i, v + len * (i - 1), s->r);
    }
    scrypt_block_mix(b, v + len * (s->n - 1), s->r);
    for (uint32_t i = 0; i < s->n; i++) {
        /* Integerify: the last chunk as a number, modulo N, a power of 2 below 2^32 */
        uint32_t j = ncr_load32le(b + len - SCRYPT_SALSA) & (s->n - 1);
        ncr_xor(y, b, v + len * j, len);
        scrypt_block_mix(b, y, s->r);
    }
}

size_t ncr_scrypt_memory(const struct ncr_scrypt *s, size_t max)
{
    uint64_t blocks;
    if (s->n < 2 || (s->n & (s->n - 1)) != 0 || s->r == 0 || s->p == 0 ||
        s->p > ((uint32_t)1 << 30) / s->r) {
        return 0;
    }
    blocks = (uint64_t)s->n + s->p + 1;
    return blocks > max / 128 / s->r ? 0 : (size_t)(blocks * 128 * s->r);
}

bool ncr_scrypt(uint8_t *out, size_t len, const struct ncr_scrypt *s, uint8_t *mem, size_t mem_len)
{
    const size_t block = (size_t)128 * s->r, need = ncr_scrypt_memory(s, mem_len);
    bool good = need > 0 && nacre_pbkdf2(mem, block * s->p, &nacre_hash_sha256, s->pass,
                                         s->pass_len, s->salt, s->salt_len, 1);
    if (!good) {
        nacre_wipe(out, len);
        return false;
    }
    for (uint32_t i = 0; i < s->p; i++) {
        scrypt_ro_mix(mem + block * i, s, mem + block * s->p);
    }
    good = nacre_pbkdf2(out, len, &nacre_hash_sha256, s->pass, s->pass_len, mem, block * s->p, 1);
    nacre_wipe(mem, need);
    return good;
}
