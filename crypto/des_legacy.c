/* SPDX-License-Identifier: ISC
 *
 * Triple DES in CBC mode: FIPS 46-3, SP 800-67, SP 800-38A section 6.2, for old devices that have
 * nothing else. CT in key, chain and message; the length leaks. Not here: padding, single DES,
 * checks for weak keys or of parity.
 *
 * The eight S-boxes of a round are read side by side: a word has a nibble for each, the first
 * uppermost. Its value is chosen among the 64 of des_sboxes by six masks, one for each input bit,
 * which spread that bit of each S-box over its nibble: a tree of selections that reads all of the
 * table. Decryption does it for several blocks at a time.
 *
 * Bit numbers of the standard start with 1 at the left.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "crypto/load.h"

#include <string.h>

enum { DES_LANES = NCR_LANES32, DES_ROUNDS = 48 }; /* blocks at a time; rounds of three passes */

#define DES_ONES 0x11111111U /* the lowest bit of each nibble */

/* Row i: the outputs of the eight S-boxes for the input 2 i, and what differs for 2 i + 1. */
/* clang-format off */
static const uint32_t des_sboxes[32][2] = {
    {0xefa72c4d, 0xec7ac69c}, {0x410dc1b2, 0xbc757ebd}, {0xd89e4a28, 0xac956e95},
    {0x1ee31fe4, 0x5976dd9c}, {0x266079f6, 0xc9563ebc}, {0xfb36a20f, 0xd979de9c},
    {0xb3f9b68b, 0x6b996f9c}, {0x845a68d1, 0x9af97d75}, {0x3911803a, 0x9535d6d6},
    {0xa7d25dc9, 0xc7555cfc}, {0x62c83393, 0xa39acec5}, {0xcd75f47e, 0x77995ab5},
    {0x5cbbde55, 0xca7aee75}, {0x904c07a0, 0xc9f69c5e}, {0x0524e56c, 0x3eda66e5},
    {0x7a8f9b17, 0xff96f375}, {0x40da4917, 0xbdc9fd75}, {0x1e662e4b, 0xd6c9adfa},
    {0xe7491fb4, 0x6d99dd6a}, {0x8b90b5d1, 0xaa96c956}, {0xda8ca2c9, 0x99e6bbdd},
    {0x64fbd83c, 0xfb6a3d76}, {0x2d377c7e, 0x39ba53d6}, {0xb10d83e2, 0xc375599f},
    {0xf5bff7a0, 0xaef69c3f}, {0xc81190f6, 0x7ee56eaa}, {0x9c23c46a, 0xabc6c563},
    {0x76ce5a8d, 0x9af5cd7d}, {0x3955610f, 0x99e9c7ec}, {0xa3a23d53, 0xa6f57d76},
    {0x52e80b95, 0x3cca53a3}, {0x0f74e628, 0xd6badbe3},
};

/* Permuted choices 1 and 2. */
static const uint8_t des_pc1[56] = {
    57, 49, 41, 33, 25, 17,  9,  1, 58, 50, 42, 34, 26, 18, 10,  2, 59, 51, 43, 35, 27, 19, 11,  3,
    60, 52, 44, 36, 63, 55, 47, 39, 31, 23, 15,  7, 62, 54, 46, 38, 30, 22, 14,  6, 61, 53, 45, 37,
    29, 21, 13,  5, 28, 20, 12,  4,
};
static const uint8_t des_pc2[48] = {
    14, 17, 11, 24,  1,  5,  3, 28, 15,  6, 21, 10, 23, 19, 12,  4, 26,  8, 16,  7, 27, 20, 13,  2,
    41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
};
/* clang-format on */

/* ---- The round function ------------------------------------------------------------------ */

NCR_INLINE ncr_lanes32 des_rotl(ncr_lanes32 x, unsigned n)
{
    return x << n | x >> (32 - n);
}

/* The lowest bit of each nibble in all four. */
NCR_INLINE ncr_lanes32 des_spread(ncr_lanes32 x)
{
    x &= DES_ONES;
    x |= x << 1;
    return x | x << 2;
}

/* The permutation P: the bits that move equally far are moved together. */
static ncr_lanes32 des_permute(ncr_lanes32 x)
{
    return des_rotl(x & 0x00000004U, 3) | des_rotl(x & 0x00004000U, 4) |
           des_rotl(x & 0x12020120U, 5) | des_rotl(x & 0x00100000U, 6) |
           des_rotl(x & 0x00008000U, 9) | des_rotl(x & 0x04000000U, 10) |
           des_rotl(x & 0x00000001U, 11) | des_rotl(x & 0x20000200U, 12) |
           des_rotl(x & 0x00200000U, 13) | des_rotl(x & 0x00000040U, 14) |
           des_rotl(x & 0x00010000U, 15) | des_rotl(x & 0x00000002U, 16) |
           des_rotl(x & 0x40801800U, 17) | des_rotl(x & 0x00080000U, 19) |
           des_rotl(x & 0x00000010U, 21) | des_rotl(x & 0x01000000U, 22) |
           des_rotl(x & 0x88000008U, 24) | des_rotl(x & 0x00000480U, 25) |
           des_rotl(x & 0x00442000U, 26);
}

/* Selections among 2, 4, .. 64 inputs, the i-th such group; in[0] is the last bit of the input. */
NCR_INLINE ncr_lanes32 des_of_2(const ncr_lanes32 in[6], unsigned i)
{
    return (in[0] & des_sboxes[i][1]) ^ des_sboxes[i][0];
}

NCR_INLINE ncr_lanes32 des_of_4(const ncr_lanes32 in[6], unsigned i)
{
    ncr_lanes32 a = des_of_2(in, 2 * i), b = des_of_2(in, 2 * i + 1);
    return a ^ (in[1] & (a ^ b));
}

NCR_INLINE ncr_lanes32 des_of_8(const ncr_lanes32 in[6], unsigned i)
{
    ncr_lanes32 a = des_of_4(in, 2 * i), b = des_of_4(in, 2 * i + 1);
    return a ^ (in[2] & (a ^ b));
}

NCR_INLINE ncr_lanes32 des_of_16(const ncr_lanes32 in[6], unsigned i)
{
    ncr_lanes32 a = des_of_8(in, 2 * i), b = des_of_8(in, 2 * i + 1);
    return a ^ (in[3] & (a ^ b));
}

NCR_INLINE ncr_lanes32 des_of_32(const ncr_lanes32 in[6], unsigned i)
{
    ncr_lanes32 a = des_of_16(in, 2 * i), b = des_of_16(in, 2 * i + 1);
    return a ^ (in[4] & (a ^ b));
}

NCR_INLINE ncr_lanes32 des_of_64(const ncr_lanes32 in[6])
{
    ncr_lanes32 a = des_of_32(in, 0), b = des_of_32(in, 1);
    return a ^ (in[5] & (a ^ b));
}

/* f(r, k). An S-box reads its own nibble of r and the bits beside it (E). The lower half of k is
 * for the nibbles, the two lowest bits of each nibble of the upper half for the bit before and the
 * bit after. */
static ncr_lanes32 des_f(ncr_lanes32 r, uint64_t k)
{
    ncr_lanes32 x = r ^ (uint32_t)k;
    ncr_lanes32 beside = (des_rotl(r, 28) & DES_ONES) | (des_rotl(r, 1) & DES_ONES) << 1;
    beside ^= (uint32_t)(k >> 32);
    const ncr_lanes32 in[6] = {des_spread(beside >> 1), des_spread(x),      des_spread(x >> 1),
                               des_spread(x >> 2),      des_spread(x >> 3), des_spread(beside)};
    return des_permute(des_of_64(in));
}

/* ---- Blocks ------------------------------------------------------------------------------ */

/* Exchanges the bits of a at mask << shift with those of b at mask. */
NCR_INLINE void des_exchange(ncr_lanes32 *a, ncr_lanes32 *b, unsigned shift, uint32_t mask)
{
    ncr_lanes32 t = (*a >> shift ^ *b) & mask;
    *b ^= t;
    *a ^= t << shift;
}

/* Three passes over the blocks, whose halves are in left and right. Between two passes the final
 * and the initial permutation cancel out. */
static void des3_blocks(uint32_t left[DES_LANES], uint32_t right[DES_LANES],
                        const uint64_t rk[DES_ROUNDS], bool encrypt)
{
    ncr_lanes32 l, r;
    memcpy(&l, left, sizeof l);
    memcpy(&r, right, sizeof r);
    des_exchange(&l, &r, 4, 0x0f0f0f0f);
    des_exchange(&l, &r, 16, 0x0000ffff);
    des_exchange(&r, &l, 2, 0x33333333);
    des_exchange(&r, &l, 8, 0x00ff00ff);
    des_exchange(&l, &r, 1, 0x55555555);
    for (unsigned round = 0; round < DES_ROUNDS; round++) {
        ncr_lanes32 next = l ^ des_f(r, rk[encrypt ? round : DES_ROUNDS - 1 - round]);
        bool last = round % 16 == 15; /* of a pass: the halves stay where they are */
        l = last ? next : r;
        r = last ? r : next;
    }
    des_exchange(&l, &r, 1, 0x55555555);
    des_exchange(&r, &l, 8, 0x00ff00ff);
    des_exchange(&r, &l, 2, 0x33333333);
    des_exchange(&l, &r, 16, 0x0000ffff);
    des_exchange(&l, &r, 4, 0x0f0f0f0f);
    memcpy(left, &l, sizeof l);
    memcpy(right, &r, sizeof r);
}

/* ---- Keys -------------------------------------------------------------------------------- */

/* Bits of x, of which there are n, in the order of the table. */
static uint64_t des_choose(uint64_t x, unsigned n, const uint8_t *table, unsigned len)
{
    uint64_t y = 0;
    for (unsigned i = 0; i < len; i++) {
        y = y << 1 | (x >> (n - table[i]) & 1);
    }
    return y;
}

/* The 48 bits of a round key, six for each S-box, in the form that des_f wants. */
static uint64_t des_round_key(uint64_t k)
{
    uint64_t low = 0, high = 0;
    for (unsigned i = 0; i < 8; i++) {
        uint64_t six = k >> (42 - 6 * i) & 63;
        low = low << 4 | (six >> 1 & 15);
        high = high << 4 | (six & 1) << 1 | six >> 5;
    }
    return high << 32 | low;
}

/* The 16 round keys of one pass, in reverse order if the pass decrypts. */
static void des_schedule(uint64_t rk[16], const uint8_t key[8], bool reverse)
{
    uint64_t cd = des_choose(ncr_load64be(key), 64, des_pc1, sizeof des_pc1);
    uint32_t c = (uint32_t)(cd >> 28), d = (uint32_t)cd & 0xfffffff;
    for (unsigned round = 0; round < 16; round++) {
        unsigned by = round == 0 || round == 1 || round == 8 || round == 15 ? 1 : 2;
        c = (c << by | c >> (28 - by)) & 0xfffffff;
        d = (d << by | d >> (28 - by)) & 0xfffffff;
        uint64_t k = des_choose((uint64_t)c << 28 | d, 56, des_pc2, sizeof des_pc2);
        rk[reverse ? 15 - round : round] = des_round_key(k);
    }
}

void nacre_des3_cbc_init(struct nacre_des3_cbc *c, const uint8_t key[NACRE_DES3_KEY_LEN],
                         const uint8_t iv[NACRE_DES3_BLOCK])
{
    des_schedule(c->rk, key, false);
    des_schedule(c->rk + 16, key + 8, true);
    des_schedule(c->rk + 32, key + 16, false);
    memcpy(c->iv, iv, NACRE_DES3_BLOCK);
}

/* ---- Chaining ---------------------------------------------------------------------------- */

void nacre_des3_cbc_encrypt(uint8_t *out, struct nacre_des3_cbc *c, const uint8_t *in, size_t n)
{
    uint32_t left[DES_LANES] = {0}, right[DES_LANES] = {0};
    for (; n >= NACRE_DES3_BLOCK; n -= NACRE_DES3_BLOCK) {
        left[0] = ncr_load32be(c->iv) ^ ncr_load32be(in);
        right[0] = ncr_load32be(c->iv + 4) ^ ncr_load32be(in + 4);
        des3_blocks(left, right, c->rk, true);
        ncr_store32be(c->iv, left[0]);
        ncr_store32be(c->iv + 4, right[0]);
        memcpy(out, c->iv, NACRE_DES3_BLOCK);
        in += NACRE_DES3_BLOCK;
        out += NACRE_DES3_BLOCK;
    }
    nacre_wipe(left, sizeof left);
    nacre_wipe(right, sizeof right);
}

/* n is whole blocks, at most DES_LANES. A block is read before its place is written to: out may be
 * in. */
static void des3_cbc_decrypt_batch(uint8_t *out, struct nacre_des3_cbc *c, const uint8_t *in,
                                   size_t n)
{
    uint32_t left[DES_LANES] = {0}, right[DES_LANES] = {0};
    for (size_t at = 0; at < n; at += NACRE_DES3_BLOCK) {
        left[at / NACRE_DES3_BLOCK] = ncr_load32be(in + at);
        right[at / NACRE_DES3_BLOCK] = ncr_load32be(in + at + 4);
    }
    des3_blocks(left, right, c->rk, false);
    for (size_t at = 0; at < n; at += NACRE_DES3_BLOCK) {
        uint8_t plain[NACRE_DES3_BLOCK], sealed[NACRE_DES3_BLOCK];
        ncr_store32be(plain, left[at / NACRE_DES3_BLOCK]);
        ncr_store32be(plain + 4, right[at / NACRE_DES3_BLOCK]);
        memcpy(sealed, in + at, sizeof sealed);
        ncr_xor(out + at, plain, c->iv, NACRE_DES3_BLOCK);
        memcpy(c->iv, sealed, sizeof sealed);
    }
    nacre_wipe(left, sizeof left);
    nacre_wipe(right, sizeof right);
}

void nacre_des3_cbc_decrypt(uint8_t *out, struct nacre_des3_cbc *c, const uint8_t *in, size_t n)
{
    for (n -= n % NACRE_DES3_BLOCK; n > 0;) {
        size_t batch = (size_t)DES_LANES * NACRE_DES3_BLOCK, take = n < batch ? n : batch;
        des3_cbc_decrypt_batch(out, c, in, take);
        in += take;
        out += take;
        n -= take;
    }
}
