/* SPDX-License-Identifier: ISC
 *
 * AES: FIPS 197, bitsliced: no table and no index depends on a secret. CT in key and blocks.
 *
 * Sixteen blocks per 64-bit lane are held as 32 words x[8 * row + bit]; in each, bit 16 * column +
 * block is that bit of the state's byte (row, column) of that block. So the S-box is a circuit of
 * logic operations on 8 words, one row at a time; ShiftRows rotates a word by 16 bits per column;
 * MixColumns only combines words; and a round key byte is 16 equal bits. The context holds round
 * keys as FIPS 197 has them, word by word in little-endian order, which is what the instructions of
 * the fast twins take.
 *
 * The S-box circuit is the straight-line program of 115 gates of Boyar and Peralta, "A new
 * combinational logic minimization technique with applications to cryptology" (2010), in their
 * names y, t, z, s, without the four NOTs of the constant 63: ShiftRows and MixColumns leave a
 * state of 63s as it is, so the constant goes into the round keys instead. S' means the S-box
 * without it: S'(x) = A(1/x), with A the bit matrix of section 5.1.1.
 */
#include "crypto/aes.h"
#include "crypto/load.h"

#include <string.h>

/* ---- The S-box --------------------------------------------------------------------------- */

/* The linear layer before: y[1] to y[21] from the bits of x, x[7] being the highest (their x0). */
NCR_INLINE void aes_sbox_top(ncr_lanes64 y[22], const ncr_lanes64 x[8])
{
    ncr_lanes64 t0 = x[6] ^ x[5];
    y[14] = x[4] ^ x[2];
    y[13] = x[7] ^ x[1];
    y[12] = y[13] ^ y[14];
    y[9] = x[7] ^ x[4];
    y[8] = x[7] ^ x[2];
    y[1] = t0 ^ x[0];
    y[4] = y[1] ^ x[4];
    y[2] = y[1] ^ x[7];
    y[5] = y[1] ^ x[1];
    y[3] = y[5] ^ y[8];
    ncr_lanes64 t1 = x[3] ^ y[12];
    y[15] = t1 ^ x[2];
    y[20] = t1 ^ x[6];
    y[6] = y[15] ^ x[0];
    y[10] = y[15] ^ t0;
    y[11] = y[20] ^ y[9];
    y[7] = x[0] ^ y[11];
    y[17] = y[10] ^ y[11];
    y[19] = y[10] ^ y[8];
    y[16] = t0 ^ y[11];
    y[21] = y[13] ^ y[16];
    y[18] = x[7] ^ y[16];
    y[0] = x[0];
}

/* Inversion in GF(2^8) over GF(2^4), by way of 18 products z. */
NCR_INLINE void aes_sbox_middle(ncr_lanes64 z[18], const ncr_lanes64 y[22])
{
    ncr_lanes64 t2 = y[12] & y[15], t7 = y[13] & y[16], t12 = y[9] & y[11];
    ncr_lanes64 t4 = (y[3] & y[6]) ^ t2, t6 = (y[4] & y[0]) ^ t2;
    ncr_lanes64 t9 = (y[5] & y[1]) ^ t7, t11 = (y[2] & y[7]) ^ t7;
    ncr_lanes64 t14 = (y[14] & y[17]) ^ t12, t16 = (y[8] & y[10]) ^ t12;
    ncr_lanes64 t21 = t4 ^ t14 ^ y[20], t22 = t6 ^ t16 ^ y[19];
    ncr_lanes64 t23 = t9 ^ t14 ^ y[21], t24 = t11 ^ t16 ^ y[18];

    ncr_lanes64 t25 = t21 ^ t22, t26 = t21 & t23, t27 = t24 ^ t26;
    ncr_lanes64 t29 = (t25 & t27) ^ t22, t30 = t23 ^ t24, t31 = t22 ^ t26;
    ncr_lanes64 t33 = (t31 & t30) ^ t24, t34 = t23 ^ t33, t35 = t27 ^ t33;
    ncr_lanes64 t36 = t24 & t35, t37 = t36 ^ t34, t38 = t27 ^ t36;
    ncr_lanes64 t40 = t25 ^ (t29 & t38), t41 = t40 ^ t37, t42 = t29 ^ t33;
    ncr_lanes64 t43 = t29 ^ t40, t44 = t33 ^ t37, t45 = t42 ^ t41;

    z[0] = t44 & y[15];
    z[1] = t37 & y[6];
    z[2] = t33 & y[0];
    z[3] = t43 & y[16];
    z[4] = t40 & y[1];
    z[5] = t29 & y[7];
    z[6] = t42 & y[11];
    z[7] = t45 & y[17];
    z[8] = t41 & y[10];
    z[9] = t44 & y[12];
    z[10] = t37 & y[3];
    z[11] = t33 & y[4];
    z[12] = t43 & y[13];
    z[13] = t40 & y[5];
    z[14] = t29 & y[2];
    z[15] = t42 & y[9];
    z[16] = t45 & y[14];
    z[17] = t41 & y[8];
}

/* The linear layer after, on the 18 products z. */
NCR_INLINE void aes_sbox_bottom(ncr_lanes64 s[8], const ncr_lanes64 z[18])
{
    ncr_lanes64 t46 = z[15] ^ z[16], t47 = z[10] ^ z[11], t48 = z[5] ^ z[13], t49 = z[9] ^ z[10];
    ncr_lanes64 t50 = z[2] ^ z[12], t51 = z[2] ^ z[5], t52 = z[7] ^ z[8], t53 = z[0] ^ z[3];
    ncr_lanes64 t54 = z[6] ^ z[7], t55 = z[16] ^ z[17], t56 = z[12] ^ t48, t57 = t50 ^ t53;
    ncr_lanes64 t58 = z[4] ^ t46, t59 = z[3] ^ t54, t60 = t46 ^ t57, t61 = z[14] ^ t57;
    ncr_lanes64 t62 = t52 ^ t58, t63 = t49 ^ t58, t64 = z[4] ^ t59, t65 = t61 ^ t62;
    ncr_lanes64 t66 = z[1] ^ t63, t67 = t64 ^ t65;
    s[7] = t59 ^ t63;
    s[1] = t56 ^ t62;
    s[0] = t48 ^ t60;
    s[4] = t53 ^ t66;
    s[3] = t51 ^ t66;
    s[2] = t47 ^ t65;
    s[6] = t64 ^ s[4];
    s[5] = t55 ^ t67;
}

/* x = S'(x) on every bit position of 8 words, x[7] the highest bits. */
static void aes_sbox(ncr_lanes64 x[8])
{
    ncr_lanes64 y[22], z[18];
    aes_sbox_top(y, x);
    aes_sbox_middle(z, y);
    aes_sbox_bottom(x, z);
}

/* y = inverse of A: bit i is the sum of bits i + 2, i + 5, i + 7. */
static void aes_affine_inverse(ncr_lanes64 x[8])
{
    ncr_lanes64 y[8];
    for (unsigned i = 0; i < 8; i++) {
        y[i] = x[(i + 2) % 8] ^ x[(i + 5) % 8] ^ x[(i + 7) % 8];
    }
    memcpy(x, y, sizeof y);
}

/* As S'(x) = A(1/x), its inverse is x = 1/B(y) = B(S'(B(y))), with B the inverse of A. */
static void aes_sbox_inverse(ncr_lanes64 x[8])
{
    aes_affine_inverse(x);
    aes_sbox(x);
    aes_affine_inverse(x);
}

/* ---- The other steps of a round ---------------------------------------------------------- */

static void aes_sub_bytes(ncr_lanes64 x[32])
{
    for (unsigned row = 0; row < 4; row++) {
        aes_sbox(x + 8 * row);
    }
}

static void aes_sub_bytes_inverse(ncr_lanes64 x[32])
{
    for (unsigned row = 0; row < 4; row++) {
        aes_sbox_inverse(x + 8 * row);
    }
}

/* Column c of the result is column c + by of the operand, 0 < by < 4. */
NCR_INLINE ncr_lanes64 aes_rotate(ncr_lanes64 x, unsigned by)
{
    return x >> 16 * by | x << (64 - 16 * by);
}

static void aes_shift_rows(ncr_lanes64 x[32])
{
    for (unsigned i = 0; i < 8; i++) {
        x[8 + i] = aes_rotate(x[8 + i], 1);
        x[16 + i] = aes_rotate(x[16 + i], 2);
        x[24 + i] = aes_rotate(x[24 + i], 3);
    }
}

static void aes_shift_rows_inverse(ncr_lanes64 x[32])
{
    for (unsigned i = 0; i < 8; i++) {
        x[8 + i] = aes_rotate(x[8 + i], 3);
        x[16 + i] = aes_rotate(x[16 + i], 2);
        x[24 + i] = aes_rotate(x[24 + i], 1);
    }
}

/* Two columns a word becomes four half columns a word: rows 0 and 1, rows 2 and 3. The constant of
 * the S-box (see above) is in the round keys from round 1 on. */
NCR_INLINE void aes_round_key(uint64_t k[2], const struct nacre_aes *c, unsigned round)
{
    const uint64_t halves = 0x0000ffff0000ffff, constant = round > 0 ? 0x6363636363636363 : 0;
    uint64_t low[2], high[2];
    for (unsigned i = 0; i < 2; i++) {
        low[i] = c->rk[2 * round + i] & halves;
        high[i] = c->rk[2 * round + i] >> 16 & halves;
        low[i] = (low[i] | low[i] >> 16) & 0xffffffff;
        high[i] = (high[i] | high[i] >> 16) & 0xffffffff;
    }
    k[0] = (low[0] | low[1] << 32) ^ constant;
    k[1] = (high[0] | high[1] << 32) ^ constant;
}

/* Word i of a round key for one lane, k as above. One bit of each column is spread over the 16
 * blocks by a multiplication with ffff. */
NCR_INLINE uint64_t aes_key_word(const uint64_t k[2], unsigned i)
{
    uint64_t bits = k[i / 16] >> i % 16 & 0x0001000100010001;
    return (bits << 16) - bits;
}

static void aes_add_round_key(ncr_lanes64 x[32], const uint64_t k[2])
{
    for (unsigned i = 0; i < 32; i++) {
        x[i] ^= aes_key_word(k, i);
    }
}

/* Bit i of aes_mix. Row r becomes 2 * u[r] + a[r+1] + u[r+2], where u[r] = a[r] + a[r+1]. Doubling
 * moves bit i - 1 up (in `below`, replaced by bit i), and adds bit 7 (in `top`) where 1b has a one.
 */
NCR_INLINE void aes_mix_bit(ncr_lanes64 x[32], unsigned i, const uint64_t k[2],
                            ncr_lanes64 below[4], const ncr_lanes64 top[4])
{
    ncr_lanes64 a0 = x[i], a1 = aes_rotate(x[8 + i], 1);
    ncr_lanes64 a2 = aes_rotate(x[16 + i], 2), a3 = aes_rotate(x[24 + i], 3);
    ncr_lanes64 u0 = a0 ^ a1, u1 = a1 ^ a2, u2 = a2 ^ a3, u3 = a3 ^ a0;
    x[i] = below[0] ^ a1 ^ u2 ^ aes_key_word(k, i);
    x[8 + i] = below[1] ^ a2 ^ u3 ^ aes_key_word(k, 8 + i);
    x[16 + i] = below[2] ^ a3 ^ u0 ^ aes_key_word(k, 16 + i);
    x[24 + i] = below[3] ^ a0 ^ u1 ^ aes_key_word(k, 24 + i);
    for (unsigned row = 0; row < 4 && (0x1a >> i & 1) != 0; row++) {
        x[8 * row + i] ^= top[row];
    }
    below[0] = u0, below[1] = u1, below[2] = u2, below[3] = u3;
}

/* ShiftRows, MixColumns and AddRoundKey in one pass. Bit 0 of the double is bit 7 alone. */
static void aes_mix(ncr_lanes64 x[32], const uint64_t k[2])
{
    ncr_lanes64 a0 = x[7], a1 = aes_rotate(x[15], 1);
    ncr_lanes64 a2 = aes_rotate(x[23], 2), a3 = aes_rotate(x[31], 3);
    const ncr_lanes64 top[4] = {a0 ^ a1, a1 ^ a2, a2 ^ a3, a3 ^ a0};
    ncr_lanes64 below[4] = {top[0], top[1], top[2], top[3]};
    aes_mix_bit(x, 0, k, below, top);
    aes_mix_bit(x, 1, k, below, top);
    aes_mix_bit(x, 2, k, below, top);
    aes_mix_bit(x, 3, k, below, top);
    aes_mix_bit(x, 4, k, below, top);
    aes_mix_bit(x, 5, k, below, top);
    aes_mix_bit(x, 6, k, below, top);
    aes_mix_bit(x, 7, k, below, top);
}

/* InvMixColumns is MixColumns after (5 0 4 0): each row first gets 4 times the sum of itself and
 * the row two below. Four times, in bits: up by two, with bits 6 and 7 reduced. The ShiftRows of
 * aes_mix is undone beforehand. */
static void aes_mix_columns_inverse(ncr_lanes64 x[32])
{
    static const uint64_t no_key[2] = {0, 0};
    for (unsigned row = 0; row < 2; row++) {
        ncr_lanes64 v[8], *a = x + 8 * row, *b = x + 8 * (row + 2);
        for (unsigned i = 0; i < 8; i++) {
            v[i] = a[i] ^ b[i];
        }
        ncr_lanes64 v67 = v[6] ^ v[7];
        ncr_lanes64 w[8] = {v[6],       v67,         v[0] ^ v[7], v[1] ^ v[6],
                            v[2] ^ v67, v[3] ^ v[7], v[4],        v[5]};
        for (unsigned i = 0; i < 8; i++) {
            a[i] ^= w[i];
            b[i] ^= w[i];
        }
    }
    aes_shift_rows_inverse(x);
    aes_mix(x, no_key);
}

/* ---- Blocks to slices and back ----------------------------------------------------------- */

/* Swaps bit log2(step) of the words' index with bit log2(shift) of the position in a word; mask has
 * the positions in which the latter is 0. */
NCR_INLINE void aes_swap_bits(ncr_lanes64 x[32], unsigned step, unsigned shift, uint64_t mask)
{
    for (unsigned i = 0; i < 32; i += 2 * step) {
        for (unsigned j = i; j < i + step; j++) {
            ncr_lanes64 t = (x[j] >> shift ^ x[j + step]) & mask;
            x[j + step] ^= t;
            x[j] ^= t << shift;
        }
    }
}

/* A bit has index (c0 b3 b2 b1 b0) and position (c1 r1 r0 i2 i1 i0), where c, r, b, i are column,
 * row, block, and bit of the byte; its index becomes (r1 r0 i2 i1 i0), its position (c1 c0 b3 b2 b1
 * b0). And back again. */
static void aes_transpose(ncr_lanes64 x[32])
{
    aes_swap_bits(x, 1, 1, 0x5555555555555555);
    aes_swap_bits(x, 2, 2, 0x3333333333333333);
    aes_swap_bits(x, 4, 4, 0x0f0f0f0f0f0f0f0f);
    aes_swap_bits(x, 8, 8, 0x00ff00ff00ff00ff);
    aes_swap_bits(x, 16, 16, 0x0000ffff0000ffff);
}

/* In memory a block is two words of two columns: index (c1 b3 b2 b1 b0), position (c0 r1 r0 i2 i1
 * i0). */
static void aes_swap_columns(ncr_lanes64 x[32])
{
    aes_swap_bits(x, 16, 32, 0x00000000ffffffff);
}

static void aes_load(ncr_lanes64 x[32], const uint8_t in[NCR_AES_BATCH_LEN])
{
    uint64_t w[32][NCR_LANES64];
    for (size_t b = 0; b < NCR_AES_BATCH; b++, in += NACRE_AES_BLOCK) {
        w[b / NCR_LANES64][b % NCR_LANES64] = ncr_load64le(in);
        w[16 + b / NCR_LANES64][b % NCR_LANES64] = ncr_load64le(in + 8);
    }
    memcpy(x, w, sizeof w);
    nacre_wipe(w, sizeof w);
    aes_swap_columns(x);
    aes_transpose(x);
}

static void aes_store(uint8_t out[NCR_AES_BATCH_LEN], ncr_lanes64 x[32])
{
    uint64_t w[32][NCR_LANES64];
    aes_transpose(x);
    aes_swap_columns(x);
    memcpy(w, x, sizeof w);
    for (size_t b = 0; b < NCR_AES_BATCH; b++, out += NACRE_AES_BLOCK) {
        ncr_store64le(out, w[b / NCR_LANES64][b % NCR_LANES64]);
        ncr_store64le(out + 8, w[16 + b / NCR_LANES64][b % NCR_LANES64]);
    }
    nacre_wipe(w, sizeof w);
}

/* ---- The cipher -------------------------------------------------------------------------- */

/* Section 5.1. */
void ncr_aes_encrypt_batch(uint8_t io[NCR_AES_BATCH_LEN], const struct nacre_aes *c)
{
    ncr_lanes64 x[32];
    uint64_t k[2];
    aes_load(x, io);
    aes_round_key(k, c, 0);
    aes_add_round_key(x, k);
    for (unsigned round = 1; round < c->rounds; round++) {
        aes_sub_bytes(x);
        aes_round_key(k, c, round);
        aes_mix(x, k);
    }
    aes_sub_bytes(x);
    aes_shift_rows(x);
    aes_round_key(k, c, c->rounds);
    aes_add_round_key(x, k);
    aes_store(io, x);
    nacre_wipe(x, sizeof x);
    nacre_wipe(k, sizeof k);
}

/* Section 5.3; the 63 in the round keys is the one that the inverse S-box wants removed. */
void ncr_aes_decrypt_batch(uint8_t io[NCR_AES_BATCH_LEN], const struct nacre_aes *c)
{
    ncr_lanes64 x[32];
    uint64_t k[2];
    aes_load(x, io);
    aes_round_key(k, c, c->rounds);
    aes_add_round_key(x, k);
    for (unsigned round = c->rounds - 1; round > 0; round--) {
        aes_shift_rows_inverse(x);
        aes_sub_bytes_inverse(x);
        aes_round_key(k, c, round);
        aes_add_round_key(x, k);
        aes_mix_columns_inverse(x);
    }
    aes_shift_rows_inverse(x);
    aes_sub_bytes_inverse(x);
    aes_round_key(k, c, 0);
    aes_add_round_key(x, k);
    aes_store(io, x);
    nacre_wipe(x, sizeof x);
    nacre_wipe(k, sizeof k);
}

void nacre_aes_encrypt_block(uint8_t out[NACRE_AES_BLOCK], const struct nacre_aes *c,
                             const uint8_t in[NACRE_AES_BLOCK])
{
    uint8_t io[NCR_AES_BATCH_LEN] = {0};
    memcpy(io, in, NACRE_AES_BLOCK);
    ncr_aes_encrypt_batch(io, c);
    memcpy(out, io, NACRE_AES_BLOCK);
    nacre_wipe(io, sizeof io);
}

void nacre_aes_decrypt_block(uint8_t out[NACRE_AES_BLOCK], const struct nacre_aes *c,
                             const uint8_t in[NACRE_AES_BLOCK])
{
    uint8_t io[NCR_AES_BATCH_LEN] = {0};
    memcpy(io, in, NACRE_AES_BLOCK);
    ncr_aes_decrypt_batch(io, c);
    memcpy(out, io, NACRE_AES_BLOCK);
    nacre_wipe(io, sizeof io);
}

/* ---- The key schedule: section 5.2 ------------------------------------------------------- */

/* The S-box on the four bytes of a word, by the same circuit: bit i of each byte is in x[i]. */
static uint32_t aes_sub_word(uint32_t w)
{
    ncr_lanes64 x[8];
    uint64_t lanes[8][NCR_LANES64];
    for (unsigned i = 0; i < 8; i++) {
        x[i] = (ncr_lanes64){0} + (uint64_t)(w >> i & 0x01010101);
    }
    aes_sbox(x);
    memcpy(lanes, x, sizeof lanes);
    w = 0x63636363;
    for (unsigned i = 0; i < 8; i++) {
        w ^= (uint32_t)lanes[i][0] << i;
    }
    nacre_wipe(x, sizeof x);
    nacre_wipe(lanes, sizeof lanes);
    return w;
}

/* w[nk] to w[n - 1] from the key in w[0] to w[nk - 1]; words are little-endian here, so that
 * RotWord goes to the right. */
static void aes_expand(uint32_t w[60], unsigned nk, unsigned n)
{
    uint32_t rcon = 1;
    for (unsigned i = nk; i < n; i++) {
        uint32_t t = w[i - 1];
        if (i % nk == 0) {
            t = aes_sub_word(ncr_rotr32(t, 8)) ^ rcon;
            rcon = rcon << 1 ^ (rcon >> 7) * 0x11b;
        } else if (nk == 8 && i % nk == 4) {
            t = aes_sub_word(t);
        }
        w[i] = w[i - nk] ^ t;
    }
}

bool nacre_aes_init(struct nacre_aes *c, const uint8_t *key, size_t n)
{
    uint32_t w[60];
    memset(c, 0, sizeof *c);
    if (n != 16 && n != 24 && n != 32) {
        return false;
    }
    unsigned nk = (unsigned)n / 4;
    c->rounds = nk + 6;
    for (unsigned i = 0; i < nk; i++) {
        w[i] = ncr_load32le(key + 4 * i);
    }
    aes_expand(w, nk, 4 * (c->rounds + 1));
    for (unsigned i = 0; i < 2 * (c->rounds + 1); i++) {
        c->rk[i] = w[2 * i] | (uint64_t)w[2 * i + 1] << 32;
    }
    nacre_wipe(w, sizeof w);
    return true;
}
