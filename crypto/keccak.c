/* SPDX-License-Identifier: ISC
 *
 * SHA-3 and SHAKE: FIPS 202, and four SHAKE streams side by side (crypto/keccak.h).
 *
 * The state is 25 lanes of 64 bits, A[x, y] at a[x + 5 y], bytes little-endian. One round is
 * theta, rho, pi, chi and iota of section 3.2 in one pass from one array to another, so two of them
 * bring the state back to its place; all indices and rotations are constants. Padding and the
 * domain's suffix (sections 5.1, 6.1, 6.2) are one byte XORed behind the message and one bit at
 * the block's end. CT in messages and outputs; lengths leak.
 */
#include "crypto/keccak.h"
#include "crypto/ct.h"
#include "crypto/fast.h"
#include "crypto/load.h"

#include <string.h>

enum {
    KECCAK_SHA3 = 0x06,  /* suffix 01, then the first bit of the padding */
    KECCAK_SHAKE = 0x1f, /* suffix 1111, likewise */
    KECCAK_SHA3_256_RATE = 200 - 2 * NACRE_SHA3_256_LEN,
    KECCAK_SHA3_512_RATE = 200 - 2 * NACRE_SHA3_512_LEN
};

const uint64_t ncr_keccak_rc[NCR_KECCAK_ROUNDS] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

/* ---- The permutation --------------------------------------------------------------------- */

/* chi on one row, section 3.2.4. */
NCR_INLINE void keccak_chi(uint64_t row[5], uint64_t b0, uint64_t b1, uint64_t b2, uint64_t b3,
                           uint64_t b4)
{
    row[0] = b0 ^ (~b1 & b2);
    row[1] = b1 ^ (~b2 & b3);
    row[2] = b2 ^ (~b3 & b4);
    row[3] = b3 ^ (~b4 & b0);
    row[4] = b4 ^ (~b0 & b1);
}

/* out = one round of a. The d are theta's, section 3.2.1; the lanes that pi (3.2.3) brings into
 * a row are rotated as rho has it (3.2.2) on their way into chi. */
NCR_INLINE void keccak_round(uint64_t out[25], const uint64_t a[25], uint64_t rc)
{
    uint64_t c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20];
    uint64_t c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21];
    uint64_t c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22];
    uint64_t c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23];
    uint64_t c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24];
    uint64_t d0 = c4 ^ ncr_rotl64(c1, 1), d1 = c0 ^ ncr_rotl64(c2, 1);
    uint64_t d2 = c1 ^ ncr_rotl64(c3, 1), d3 = c2 ^ ncr_rotl64(c4, 1);
    uint64_t d4 = c3 ^ ncr_rotl64(c0, 1);
    keccak_chi(out, a[0] ^ d0, ncr_rotl64(a[6] ^ d1, 44), ncr_rotl64(a[12] ^ d2, 43),
               ncr_rotl64(a[18] ^ d3, 21), ncr_rotl64(a[24] ^ d4, 14));
    out[0] ^= rc;
    keccak_chi(out + 5, ncr_rotl64(a[3] ^ d3, 28), ncr_rotl64(a[9] ^ d4, 20),
               ncr_rotl64(a[10] ^ d0, 3), ncr_rotl64(a[16] ^ d1, 45), ncr_rotl64(a[22] ^ d2, 61));
    keccak_chi(out + 10, ncr_rotl64(a[1] ^ d1, 1), ncr_rotl64(a[7] ^ d2, 6),
               ncr_rotl64(a[13] ^ d3, 25), ncr_rotl64(a[19] ^ d4, 8), ncr_rotl64(a[20] ^ d0, 18));
    keccak_chi(out + 15, ncr_rotl64(a[4] ^ d4, 27), ncr_rotl64(a[5] ^ d0, 36),
               ncr_rotl64(a[11] ^ d1, 10), ncr_rotl64(a[17] ^ d2, 15), ncr_rotl64(a[23] ^ d3, 56));
    keccak_chi(out + 20, ncr_rotl64(a[2] ^ d2, 62), ncr_rotl64(a[8] ^ d3, 55),
               ncr_rotl64(a[14] ^ d4, 39), ncr_rotl64(a[15] ^ d0, 41), ncr_rotl64(a[21] ^ d1, 2));
}

/* Keccak-f[1600], section 3.4. */
static void keccak_f(uint64_t a[25])
{
    uint64_t b[25];
    for (unsigned i = 0; i < NCR_KECCAK_ROUNDS; i += 2) {
        keccak_round(b, a, ncr_keccak_rc[i]);
        keccak_round(a, b, ncr_keccak_rc[i + 1]);
    }
    nacre_wipe(b, sizeof b);
}

/* ---- The sponge -------------------------------------------------------------------------- */

static void keccak_init(struct nacre_keccak *c, uint8_t rate, uint8_t domain)
{
    memset(c, 0, sizeof *c);
    c->rate = rate;
    c->domain = domain;
}

static void keccak_xor_byte(struct nacre_keccak *c, uint8_t x)
{
    c->a[c->at / 8] ^= (uint64_t)x << 8 * (c->at % 8);
    c->at++;
}

/* XORs n bytes into the block; they fit. */
static void keccak_xor(struct nacre_keccak *c, const uint8_t *m, size_t n)
{
    for (; n > 0 && c->at % 8 != 0; n--) {
        keccak_xor_byte(c, *m++);
    }
    for (; n >= 8; n -= 8, m += 8, c->at = (uint8_t)(c->at + 8)) {
        c->a[c->at / 8] ^= ncr_load64le(m);
    }
    for (; n > 0; n--) {
        keccak_xor_byte(c, *m++);
    }
}

static void keccak_absorb(struct nacre_keccak *c, const uint8_t *m, size_t n)
{
    while (n > 0) {
        size_t room = (size_t)(c->rate - c->at), take = n < room ? n : room;
        keccak_xor(c, m, take);
        if (take == room) {
            keccak_f(c->a);
            c->at = 0;
        }
        m += take;
        n -= take;
    }
}

/* Ends the input: afterwards `at` counts the bytes of output that are used up. */
static void keccak_pad(struct nacre_keccak *c)
{
    c->a[c->at / 8] ^= (uint64_t)c->domain << 8 * (c->at % 8);
    c->a[c->rate / 8 - 1] ^= (uint64_t)1 << 63;
    c->domain = 0;
    c->at = c->rate;
}

static void keccak_squeeze(uint8_t *out, struct nacre_keccak *c, size_t n)
{
    while (n > 0) {
        if (c->at == c->rate) {
            keccak_f(c->a);
            c->at = 0;
        }
        if (c->at % 8 == 0 && n >= 8) {
            ncr_store64le(out, c->a[c->at / 8]);
            c->at = (uint8_t)(c->at + 8);
            out += 8;
            n -= 8;
        } else {
            *out++ = (uint8_t)(c->a[c->at / 8] >> 8 * (c->at % 8));
            c->at++;
            n--;
        }
    }
}

void nacre_sha3_256_init(struct nacre_keccak *c)
{
    keccak_init(c, KECCAK_SHA3_256_RATE, KECCAK_SHA3);
}

void nacre_sha3_512_init(struct nacre_keccak *c)
{
    keccak_init(c, KECCAK_SHA3_512_RATE, KECCAK_SHA3);
}

void nacre_sha3_update(struct nacre_keccak *c, const uint8_t *m, size_t n)
{
    keccak_absorb(c, m, n);
}

/* The capacity, 200 bytes less the rate, is twice the digest: section 6.1. */
void nacre_sha3_final(uint8_t *out, struct nacre_keccak *c)
{
    keccak_pad(c);
    keccak_squeeze(out, c, (size_t)(200 - c->rate) / 2);
    nacre_wipe(c, sizeof *c);
}

void nacre_shake128_init(struct nacre_keccak *c)
{
    keccak_init(c, NACRE_SHAKE128_RATE, KECCAK_SHAKE);
}

void nacre_shake256_init(struct nacre_keccak *c)
{
    keccak_init(c, NACRE_SHAKE256_RATE, KECCAK_SHAKE);
}

void nacre_shake_absorb(struct nacre_keccak *c, const uint8_t *m, size_t n)
{
    keccak_absorb(c, m, n);
}

void nacre_shake_squeeze(uint8_t *out, struct nacre_keccak *c, size_t n)
{
    if (c->domain != 0) {
        keccak_pad(c);
    }
    keccak_squeeze(out, c, n);
}

/* ---- Four streams ------------------------------------------------------------------------ */

static void keccak_f_x4_portable(uint64_t a[25][4])
{
    uint64_t s[25];
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned j = 0; j < 25; j++) {
            s[j] = a[j][i];
        }
        keccak_f(s);
        for (unsigned j = 0; j < 25; j++) {
            a[j][i] = s[j];
        }
    }
    nacre_wipe(s, sizeof s);
}

#if NCR_X86
static void keccak_f_x4(uint64_t a[25][4])
{
    if ((ncr_cpu() & NCR_CPU_AVX512) != 0) {
        ncr_keccak_f_x4_avx512(a);
    } else if ((ncr_cpu() & NCR_CPU_AVX2) != 0) {
        ncr_keccak_f_x4_avx2(a);
    } else {
        keccak_f_x4_portable(a);
    }
}
#else
static void keccak_f_x4(uint64_t a[25][4])
{
    keccak_f_x4_portable(a);
}
#endif

/* One block with the padding, as for one stream: the same in all four but for the tail. */
void ncr_keccak_x4_start(struct ncr_keccak_x4 *c, size_t rate, const uint8_t *seed, size_t n,
                         const uint16_t tail[4], size_t tail_len)
{
    uint8_t block[NACRE_SHAKE128_RATE];
    memset(c, 0, sizeof *c);
    c->rate = rate;
    for (unsigned i = 0; i < 4; i++) {
        memset(block, 0, sizeof block);
        if (n > 0) { /* seed may be NULL */
            memcpy(block, seed, n);
        }
        block[n] = (uint8_t)tail[i];
        block[n + 1] = (uint8_t)(tail_len == 2 ? tail[i] >> 8 : 0);
        block[n + tail_len] = KECCAK_SHAKE;
        block[rate - 1] ^= 0x80;
        for (size_t j = 0; j < rate / 8; j++) {
            c->a[j][i] = ncr_load64le(block + 8 * j);
        }
    }
    nacre_wipe(block, sizeof block);
}

void ncr_keccak_x4_squeeze(uint8_t *out, size_t stride, struct ncr_keccak_x4 *c, size_t blocks)
{
    for (; blocks > 0; blocks--, out += c->rate) {
        keccak_f_x4(c->a);
        for (size_t i = 0; i < 4; i++) {
            for (size_t j = 0; j < c->rate / 8; j++) {
                ncr_store64le(out + i * stride + 8 * j, c->a[j][i]);
            }
        }
    }
}
