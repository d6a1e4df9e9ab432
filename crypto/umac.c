/* SPDX-License-Identifier: ISC
 *
 * UMAC-64 and UMAC-128: RFC 4418, whose names are used here.
 *
 * A tag is made of two or four words of 32 bits, each by a hash of its own ("stream") and all XORed
 * with AES of the nonce. A stream hashes blocks of 1,024 bytes with NH (L1-HASH), whose keys are
 * one string shifted by 16 bytes from stream to stream; then a polynomial over the blocks, if there
 * are several (L2-HASH); then an inner product (L3-HASH).
 *
 * L2-HASH's second polynomial, for messages of 2^24 bytes and more, is left out: packets are
 * shorter by far. CT in key and message; lengths and nonces leak.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "crypto/fast.h"
#include "crypto/load.h"

#include <string.h>

enum {
    UMAC_BLOCK = 1024, /* of NH */
    UMAC_GROUP = 32,   /* bytes that NH takes at a time */
    UMAC_GROUP_WORDS = UMAC_GROUP / 4,
    UMAC_SHIFT = 4, /* words from the NH key of a stream to that of the next */
    UMAC_L2_KEY = 24,
    UMAC_L3_KEY = 64,
    UMAC_STREAMS = 4,
    UMAC_L3_WORDS = 4 /* words of an L3 key that meet more than zeros */
};

/* The primes of section 1.3. */
#define UMAC_P64 0xffffffffffffffc5 /* 2^64 - 59 */
#define UMAC_P36 0xffffffffb        /* 2^36 - 5 */

/* ---- Keys -------------------------------------------------------------------------------- */

/* KDF(K, index, n), section 3.2.1, is AES of (index, 1), (index, 2), ...: counter mode. */
static void umac_kdf_start(struct nacre_aes_ctr *kdf, uint8_t index)
{
    memset(kdf->ctr, 0, sizeof kdf->ctr);
    kdf->ctr[7] = index;
    kdf->ctr[15] = 1;
}

/* The next n bytes, n a multiple of 16 but in the last call. */
static void umac_kdf_take(uint8_t *out, struct nacre_aes_ctr *kdf, size_t n)
{
    memset(out, 0, n);
    nacre_aes_ctr_xor(out, kdf, out, n);
}

/* x mod 2^36 - 5, in full; x below 2^64. The upper 28 bits come back five times: the sum is below
 * 2^36 + 5 * 2^28, that is, below twice the prime. */
static uint64_t umac_mod_p36(uint64_t x)
{
    x = (x & 0xfffffffff) + 5 * (x >> 36);
    return ncr_ct_select64(ncr_ct_mask_lt64(x, UMAC_P36), x, x - UMAC_P36);
}

/* The NH key of UMAC_BLOCK bytes, and UMAC_SHIFT words more for each further stream. */
static void umac_l1_keys(struct nacre_umac *c, struct nacre_aes_ctr *kdf)
{
    unsigned words = UMAC_BLOCK / 4;
    umac_kdf_start(kdf, 1);
    umac_kdf_take(c->buf, kdf, UMAC_BLOCK);
    for (unsigned i = 0; i < words; i++) {
        c->l1[i] = ncr_load32be(c->buf + 4 * i);
    }
    umac_kdf_take(c->buf, kdf, 4 * UMAC_SHIFT * (UMAC_STREAMS - 1));
    for (unsigned i = 0; i < UMAC_SHIFT * (UMAC_STREAMS - 1); i++) {
        c->l1[words + i] = ncr_load32be(c->buf + 4 * i);
    }
}

/* Of L2's keys the first third is used, see above; of L3's the second half. */
static void umac_l2_l3_keys(struct nacre_umac *c, struct nacre_aes_ctr *kdf)
{
    umac_kdf_start(kdf, 2);
    umac_kdf_take(c->buf, kdf, UMAC_STREAMS * UMAC_L2_KEY);
    for (unsigned s = 0; s < UMAC_STREAMS; s++) {
        c->l2[s] = ncr_load64be(c->buf + UMAC_L2_KEY * s) & 0x01ffffff01ffffff;
    }
    umac_kdf_start(kdf, 3);
    umac_kdf_take(c->buf, kdf, UMAC_STREAMS * UMAC_L3_KEY);
    for (unsigned s = 0; s < UMAC_STREAMS; s++) {
        const uint8_t *half = c->buf + UMAC_L3_KEY * s + UMAC_L3_KEY / 2;
        for (unsigned i = 0; i < UMAC_L3_WORDS; i++) {
            c->l3[s][i] = umac_mod_p36(ncr_load64be(half + 8 * i));
        }
    }
    umac_kdf_start(kdf, 4);
    umac_kdf_take(c->buf, kdf, 4 * UMAC_STREAMS);
    for (unsigned s = 0; s < UMAC_STREAMS; s++) {
        c->l4[s] = ncr_load32be(c->buf + 4 * s);
    }
}

static void umac_restart(struct nacre_umac *c)
{
    c->len = 0;
    for (unsigned s = 0; s < UMAC_STREAMS; s++) {
        c->poly[s] = 1;
    }
}

/* All keys are made for four streams: those of two are their beginnings. */
void nacre_umac_init(struct nacre_umac *c, size_t tag_len, const uint8_t key[NACRE_UMAC_KEY_LEN])
{
    static const uint8_t zero[NACRE_AES_BLOCK];
    struct nacre_aes_ctr kdf;
    bool ok = nacre_aes_ctr_init(&kdf, key, NACRE_UMAC_KEY_LEN, zero);
    memset(c, 0, sizeof *c);
    c->streams = tag_len == 8 ? 2 : 4;
    umac_kdf_start(&kdf, 0);
    umac_kdf_take(c->buf, &kdf, NACRE_UMAC_KEY_LEN);
    ok = nacre_aes_ctr_init(&c->pad, c->buf, NACRE_UMAC_KEY_LEN, zero) && ok;
    (void)ok; /* 16 bytes are a length of AES */
    umac_l1_keys(c, &kdf);
    umac_l2_l3_keys(c, &kdf);
    umac_restart(c);
    nacre_wipe(&kdf, sizeof kdf);
    nacre_wipe(c->buf, sizeof c->buf);
}

/* ---- L1: NH ------------------------------------------------------------------------------ */

/* NH, section 5.2.2, of a number of whole groups, for each stream; words of the message are
 * little-endian (section 5.2.1 swaps them). */
NCR_INLINE void umac_nh_groups(uint64_t nh[UMAC_STREAMS], const uint32_t *key, unsigned streams,
                               const uint8_t *m, size_t n)
{
    uint64_t sum[UMAC_STREAMS] = {0};
    for (; n > 0; n -= UMAC_GROUP, m += UMAC_GROUP, key += UMAC_GROUP_WORDS) {
        uint32_t w[UMAC_GROUP_WORDS];
        for (unsigned j = 0; j < UMAC_GROUP_WORDS; j++) {
            w[j] = ncr_load32le(m + 4 * j);
        }
        for (unsigned s = 0; s < streams; s++) {
            const uint32_t *k = key + UMAC_SHIFT * s;
            sum[s] += (uint64_t)(w[0] + k[0]) * (uint32_t)(w[4] + k[4]);
            sum[s] += (uint64_t)(w[1] + k[1]) * (uint32_t)(w[5] + k[5]);
            sum[s] += (uint64_t)(w[2] + k[2]) * (uint32_t)(w[6] + k[6]);
            sum[s] += (uint64_t)(w[3] + k[3]) * (uint32_t)(w[7] + k[7]);
        }
    }
    memcpy(nh, sum, sizeof sum);
}

static void umac_nh_portable(uint64_t nh[UMAC_STREAMS], const uint32_t *key, unsigned streams,
                             const uint8_t *m, size_t n)
{
    if (streams == 2) {
        umac_nh_groups(nh, key, 2, m, n);
    } else {
        umac_nh_groups(nh, key, 4, m, n);
    }
}

#if NCR_X86
static void umac_nh(uint64_t nh[UMAC_STREAMS], const uint32_t *key, unsigned streams,
                    const uint8_t *m, size_t n)
{
    if ((ncr_cpu() & NCR_CPU_AVX2) != 0) {
        ncr_umac_nh_avx2(nh, key, streams, m, n);
    } else {
        umac_nh_portable(nh, key, streams, m, n);
    }
}
#else
static void umac_nh(uint64_t nh[UMAC_STREAMS], const uint32_t *key, unsigned streams,
                    const uint8_t *m, size_t n)
{
    umac_nh_portable(nh, key, streams, m, n);
}
#endif

/* ---- L2: a polynomial modulo 2^64 - 59 --------------------------------------------------- */

#if NCR_INT128
static void umac_mul64(uint64_t *high, uint64_t *low, uint64_t a, uint64_t b)
{
    ncr_u128 x = (ncr_u128)a * b;
    *high = (uint64_t)(x >> 64);
    *low = (uint64_t)x;
}
#else
static void umac_mul64(uint64_t *high, uint64_t *low, uint64_t a, uint64_t b)
{
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t mid = a1 * b0 + (a0 * b0 >> 32); /* at most (2^32 - 1)^2 + 2^32 - 1 < 2^64 */
    uint64_t low_mid = a0 * b1 + (uint32_t)mid;
    *high = a1 * b1 + (mid >> 32) + (low_mid >> 32);
    *low = low_mid << 32 | (uint32_t)(a0 * b0);
}
#endif

/* a + b modulo 2^64 - 59, not in full, for b <= 2^64 - 60: where the sum exceeds 2^64, what is left
 * is below 2^64 - 60, and 59 more, which the 2^64 are worth, do not exceed it again. */
static uint64_t umac_add_p64(uint64_t a, uint64_t b)
{
    uint64_t sum = a + b;
    return sum + (59 & ncr_ct_mask_lt64(sum, b));
}

/* y * k + m modulo 2^64 - 59, not in full; k < 2^57, m <= 2^64 - 60. The product's upper half is
 * below 2^57 and comes back 59 times: below 2^63. */
static uint64_t umac_step(uint64_t y, uint64_t k, uint64_t m)
{
    uint64_t high, low;
    umac_mul64(&high, &low, y, k);
    return umac_add_p64(umac_add_p64(low, 59 * high), m);
}

/* POLY, section 5.3.2, one word further. A word of 2^64 - 2^32 and more is entered as a marker and
 * itself less 59, so that no two messages meet; both ways are gone, since m is secret. */
static uint64_t umac_poly(uint64_t y, uint64_t k, uint64_t m)
{
    uint64_t plain = umac_step(y, k, m);
    uint64_t marked = umac_step(umac_step(y, k, UMAC_P64 - 1), k, m - 59);
    return ncr_ct_select64(ncr_ct_mask_eq64(m >> 32, 0xffffffff), marked, plain);
}

/* ---- Messages ---------------------------------------------------------------------------- */

/* A whole block that is not the last one. */
static void umac_block(struct nacre_umac *c, const uint8_t *m)
{
    uint64_t nh[UMAC_STREAMS];
    umac_nh(nh, c->l1, c->streams, m, UMAC_BLOCK);
    for (unsigned s = 0; s < c->streams; s++) {
        c->poly[s] = umac_poly(c->poly[s], c->l2[s], nh[s] + 8 * UMAC_BLOCK);
    }
}

/* The last 1 to 1,024 bytes stay in buf: what is done with them depends on there being more. */
void nacre_umac_update(struct nacre_umac *c, const uint8_t *m, size_t n)
{
    size_t have = c->len == 0 ? 0 : (size_t)((c->len - 1) % UMAC_BLOCK) + 1;
    if (n == 0) {
        return; /* m may be NULL */
    }
    c->len += n;
    if (have > 0) {
        size_t take = n < UMAC_BLOCK - have ? n : UMAC_BLOCK - have;
        memcpy(c->buf + have, m, take);
        m += take;
        n -= take;
        if (n == 0) {
            return;
        }
        umac_block(c, c->buf);
    }
    for (; n > UMAC_BLOCK; n -= UMAC_BLOCK, m += UMAC_BLOCK) {
        umac_block(c, m);
    }
    memcpy(c->buf, m, n);
}

/* L3-HASH, section 5.4, of a value whose upper 64 bits are zero. Products are below 2^52. */
static uint32_t umac_l3(const uint64_t key[UMAC_L3_WORDS], uint64_t x)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < UMAC_L3_WORDS; i++) {
        sum += key[i] * (x >> (48 - 16 * i) & 0xffff);
    }
    return (uint32_t)umac_mod_p36(sum);
}

/* PDF, section 3.3: UMAC-64 makes two pads of one block of AES, and the nonce's last bit chooses.
 * The block is the first of a key stream, since counter mode has the fastest forms. */
static void umac_pad(uint8_t pad[NACRE_AES_BLOCK], struct nacre_umac *c,
                     const uint8_t nonce[NACRE_UMAC_NONCE_LEN])
{
    unsigned second = c->streams == 2 ? nonce[NACRE_UMAC_NONCE_LEN - 1] & 1 : 0;
    memset(c->pad.ctr, 0, sizeof c->pad.ctr);
    memcpy(c->pad.ctr, nonce, NACRE_UMAC_NONCE_LEN);
    c->pad.ctr[NACRE_UMAC_NONCE_LEN - 1] ^= (uint8_t)second;
    memset(pad, 0, NACRE_AES_BLOCK);
    nacre_aes_ctr_xor(pad, &c->pad, pad, NACRE_AES_BLOCK);
    if (second != 0) {
        memcpy(pad, pad + 8, 8);
    }
}

void nacre_umac_final(uint8_t *tag, struct nacre_umac *c, const uint8_t nonce[NACRE_UMAC_NONCE_LEN])
{
    uint64_t nh[UMAC_STREAMS];
    uint8_t pad[NACRE_AES_BLOCK];
    size_t have = c->len == 0 ? 0 : (size_t)((c->len - 1) % UMAC_BLOCK) + 1;
    size_t padded = have == 0 ? UMAC_GROUP : (have + UMAC_GROUP - 1) / UMAC_GROUP * UMAC_GROUP;
    memset(c->buf + have, 0, padded - have);
    umac_nh(nh, c->l1, c->streams, c->buf, padded);
    umac_pad(pad, c, nonce);
    for (unsigned s = 0; s < c->streams; s++) {
        uint64_t x = nh[s] + 8 * have;
        if (c->len > UMAC_BLOCK) {
            x = umac_poly(c->poly[s], c->l2[s], x);
            x = ncr_ct_select64(ncr_ct_mask_lt64(x, UMAC_P64), x, x - UMAC_P64);
        }
        ncr_store32be(tag + 4 * s, umac_l3(c->l3[s], x) ^ c->l4[s] ^ ncr_load32be(pad + 4 * s));
    }
    umac_restart(c);
    nacre_wipe(nh, sizeof nh);
    nacre_wipe(pad, sizeof pad);
    nacre_wipe(c->buf, sizeof c->buf);
}
