/* SPDX-License-Identifier: ISC
 *
 * AES-GCM: SP 800-38D with 12-byte nonces and 16-byte tags. No tables: AES is bitsliced, and the
 * products of GHASH are made of integer multiplications. CT in key, message and associated data;
 * lengths leak, and the nonce and whether a tag is right are public.
 *
 * A block is read as a 128-bit big-endian number, so that bit 127 - k is the coefficient of x^k
 * (section 6.3 counts bits from the left). The carry-less product of two such numbers has the
 * coefficient of x^k in bit 254 - k. One factor of each product is a power of the hash key H, kept
 * divided by x: that moves the coefficient to bit 255 - k, and the upper half of the 256 bits is a
 * block again. The context holds H^16 to H^1 in this form, each the lower and the upper half: up to
 * 16 blocks C1.. Cn are hashed at once as C1 H^n + .. + Cn H, with one reduction for all.
 *
 * A carry-less product of words is made of integer products of words that have holes: of every four
 * bits only the lowest may be set. Then a bit of the integer product has at most 15 terms, whose
 * sum stays in the four bits up to the next one, so that the lowest bit of each four is the sum
 * without carries. Sums of many products are added by XOR first; the bits between are removed last.
 * Assumes that the machine multiplies in a time that does not depend on the values.
 */
#include "crypto/aes.h"
#include "crypto/fast.h"
#include "crypto/load.h"

#include <string.h>

enum { GCM_POWERS = 16 };

/* ---- Products ---------------------------------------------------------------------------- */

#if NCR_INT128
typedef uint64_t gcm_word;
typedef ncr_u128 gcm_wide;
enum { GCM_WORD_BITS = 64, GCM_PRODUCTS = 3 };
#else
typedef uint32_t gcm_word;
typedef uint64_t gcm_wide;
enum { GCM_WORD_BITS = 32, GCM_PRODUCTS = 9 };
#endif

/* Ones at every fourth bit. */
static const gcm_wide gcm_holes = (gcm_wide)-1 / 15;

/* A sum of products of words, apart by what was multiplied: z[0] to z[8] in the order of gcm_parts,
 * z[9] what the holes had no room for. */
struct gcm_product {
    gcm_wide z[10];
};

/* A sum of products of 128-bit numbers. Of halves there are three products: lower, upper, and the
 * sum of both (Karatsuba); each is one, or again three, products of words. */
struct gcm_sum {
    struct gcm_product p[GCM_PRODUCTS];
};

/* The bits at k modulo 4, moved down by k, as part k of a polynomial in x, and the sums of parts
 * that Karatsuba's method, twice, multiplies. */
NCR_INLINE void gcm_parts(gcm_word a[9], gcm_word x)
{
    const gcm_word holes = (gcm_word)gcm_holes;
    a[0] = x & holes;
    a[1] = x >> 1 & holes;
    a[2] = x >> 2 & holes;
    a[3] = x >> 3 & holes;
    a[4] = a[0] ^ a[1];
    a[5] = a[2] ^ a[3];
    a[6] = a[0] ^ a[2];
    a[7] = a[1] ^ a[3];
    a[8] = a[4] ^ a[5];
}

/* p += x y. In 64 bits a part has 16 bits, one too many in one of the factors: the upper four bits
 * of y are multiplied apart. They fill the holes of a part of x without meeting. */
NCR_INLINE void gcm_add_product(struct gcm_product *p, gcm_word x, gcm_word y)
{
    gcm_word a[9], b[9], top = 0;
#if NCR_INT128
    top = y >> 60;
    y &= UINT64_MAX >> 4;
#endif
    gcm_parts(a, x);
    gcm_parts(b, y);
    p->z[0] ^= (gcm_wide)a[0] * b[0];
    p->z[1] ^= (gcm_wide)a[1] * b[1];
    p->z[2] ^= (gcm_wide)a[2] * b[2];
    p->z[3] ^= (gcm_wide)a[3] * b[3];
    p->z[4] ^= (gcm_wide)a[4] * b[4];
    p->z[5] ^= (gcm_wide)a[5] * b[5];
    p->z[6] ^= (gcm_wide)a[6] * b[6];
    p->z[7] ^= (gcm_wide)a[7] * b[7];
    p->z[8] ^= (gcm_wide)a[8] * b[8];
#if NCR_INT128
    p->z[9] ^= (gcm_wide)a[0] * top ^ (gcm_wide)a[1] * (top << 1) ^ (gcm_wide)a[2] * (top << 2) ^
               (gcm_wide)a[3] * (top << 3);
#endif
    (void)top; /* unused in 32 bits */
}

/* The value of a sum of products of words. */
static gcm_wide gcm_product_value(const struct gcm_product *p)
{
    const gcm_wide *z = p->z;
    gcm_wide low = z[0] ^ z[1], high = z[2] ^ z[3], part[7];
    part[0] = z[0];
    part[1] = z[4] ^ low;
    part[2] = z[6] ^ low ^ z[2];
    part[3] = z[8] ^ z[4] ^ z[5] ^ z[6] ^ z[7] ^ low ^ high;
    part[4] = z[7] ^ high ^ z[1];
    part[5] = z[5] ^ high;
    part[6] = z[3];
    gcm_wide v = 0;
    for (unsigned k = 0; k < 7; k++) {
        v ^= (part[k] & gcm_holes) << k;
    }
    return v ^ (GCM_WORD_BITS == 64 ? z[9] << (GCM_WORD_BITS - 4) : 0);
}

#if NCR_INT128
NCR_INLINE void gcm_add_half(struct gcm_product p[1], uint64_t x, uint64_t y)
{
    gcm_add_product(p, x, y);
}

static void gcm_half_value(uint64_t v[2], const struct gcm_product p[1])
{
    gcm_wide w = gcm_product_value(p);
    v[0] = (uint64_t)w;
    v[1] = (uint64_t)(w >> 64);
}
#else
static void gcm_add_half(struct gcm_product p[3], uint64_t x, uint64_t y)
{
    uint32_t x0 = (uint32_t)x, x1 = (uint32_t)(x >> 32);
    uint32_t y0 = (uint32_t)y, y1 = (uint32_t)(y >> 32);
    gcm_add_product(&p[0], x0, y0);
    gcm_add_product(&p[1], x1, y1);
    gcm_add_product(&p[2], x0 ^ x1, y0 ^ y1);
}

static void gcm_half_value(uint64_t v[2], const struct gcm_product p[3])
{
    uint64_t low = gcm_product_value(&p[0]), high = gcm_product_value(&p[1]);
    uint64_t middle = gcm_product_value(&p[2]) ^ low ^ high;
    v[0] = low ^ middle << 32;
    v[1] = high ^ middle >> 32;
}
#endif

enum { GCM_HALF = GCM_PRODUCTS / 3 }; /* products of words in one of halves */

/* s += x y. */
static void gcm_add(struct gcm_sum *s, const uint64_t x[2], const uint64_t y[2])
{
    gcm_add_half(s->p, x[0], y[0]);
    gcm_add_half(s->p + GCM_HALF, x[1], y[1]);
    gcm_add_half(s->p + (size_t)2 * GCM_HALF, x[0] ^ x[1], y[0] ^ y[1]);
}

/* y = the sum modulo x^128 + x^7 + x^2 + x + 1. The words v[0] and v[1] stand for x^255 to x^128;
 * times 1, x, x^2 and x^7 they are added 128 bits further up, v[0] first for it reaches into v[1].
 */
static void gcm_reduce(uint64_t y[2], const struct gcm_sum *s)
{
    uint64_t p[3][2], v[4];
    for (size_t i = 0; i < 3; i++) {
        gcm_half_value(p[i], s->p + GCM_HALF * i);
    }
    v[0] = p[0][0];
    v[1] = p[0][1] ^ p[2][0] ^ p[0][0] ^ p[1][0];
    v[2] = p[1][0] ^ p[2][1] ^ p[0][1] ^ p[1][1];
    v[3] = p[1][1];
    for (unsigned i = 0; i < 2; i++) {
        v[i + 1] ^= v[i] << 63 ^ v[i] << 62 ^ v[i] << 57;
        v[i + 2] ^= v[i] ^ v[i] >> 1 ^ v[i] >> 2 ^ v[i] >> 7;
    }
    y[0] = v[2];
    y[1] = v[3];
}

/* ---- GHASH: section 6.4 ------------------------------------------------------------------ */

/* A hash in progress, and the sum that it works with: to be wiped together. */
struct gcm_hash {
    const struct nacre_gcm *c;
    uint64_t y[2];
    struct gcm_sum sum;
};

static const uint64_t *gcm_power(const struct nacre_gcm *c, size_t n)
{
    return c->h + 2 * (GCM_POWERS - n);
}

/* Hashes whole blocks, at most GCM_POWERS, at least one. */
static void gcm_hash_group(struct gcm_hash *g, const uint8_t *m, size_t blocks)
{
    memset(&g->sum, 0, sizeof g->sum);
    for (size_t left = blocks; left > 0; left--, m += NACRE_AES_BLOCK) {
        uint64_t x[2] = {ncr_load64be(m + 8) ^ g->y[0], ncr_load64be(m) ^ g->y[1]};
        gcm_add(&g->sum, x, gcm_power(g->c, left));
        g->y[0] = g->y[1] = 0; /* goes with the first block alone */
    }
    gcm_reduce(g->y, &g->sum);
}

/* Hashes n bytes, the last block filled up with zeros. */
static void gcm_hash_bytes(struct gcm_hash *g, const uint8_t *m, size_t n)
{
    uint8_t last[NACRE_AES_BLOCK] = {0};
    while (n >= NACRE_AES_BLOCK) {
        size_t blocks = n / NACRE_AES_BLOCK < GCM_POWERS ? n / NACRE_AES_BLOCK : GCM_POWERS;
        gcm_hash_group(g, m, blocks);
        m += NACRE_AES_BLOCK * blocks;
        n -= NACRE_AES_BLOCK * blocks;
    }
    if (n > 0) {
        memcpy(last, m, n);
        gcm_hash_group(g, last, 1);
    }
}

/* The tag: the hash over associated data, ciphertext and their lengths in bits, hidden by mask;
 * section 7.1, steps 5 and 6. */
static void gcm_tag(uint8_t tag[NACRE_GCM_TAG_LEN], const struct nacre_gcm *c, const uint8_t *aad,
                    size_t aad_len, const uint8_t *m, size_t n, const uint8_t *mask)
{
    struct gcm_hash g = {.c = c};
    uint8_t block[NACRE_AES_BLOCK];
    ncr_store64be(block, (uint64_t)aad_len * 8);
    ncr_store64be(block + 8, (uint64_t)n * 8);
    gcm_hash_bytes(&g, aad, aad_len);
    gcm_hash_bytes(&g, m, n);
    gcm_hash_bytes(&g, block, sizeof block);
    ncr_store64be(block, g.y[1]);
    ncr_store64be(block + 8, g.y[0]);
    ncr_xor(tag, block, mask, NACRE_GCM_TAG_LEN);
    nacre_wipe(&g, sizeof g);
    nacre_wipe(block, sizeof block);
}

bool nacre_gcm_init(struct nacre_gcm *c, const uint8_t *key, size_t n)
{
    uint8_t block[NACRE_AES_BLOCK] = {0};
    memset(c, 0, sizeof *c);
    if (!nacre_aes_init(&c->aes, key, n)) {
        return false;
    }
    nacre_aes_encrypt_block(block, &c->aes, block);
    uint64_t *h = c->h + 2 * (GCM_POWERS - 1);
    uint64_t low = ncr_load64be(block + 8), high = ncr_load64be(block);
    uint64_t carry = ncr_ct_mask_bit64(high >> 63); /* 1/x = x^127 + x^6 + x + 1 */
    h[0] = low << 1 ^ (carry & 1);
    h[1] = (high << 1 | low >> 63) ^ (carry & 0xc200000000000000);
    for (size_t i = 2; i <= GCM_POWERS; i++) {
        struct gcm_sum sum = {0};
        gcm_add(&sum, gcm_power(c, i - 1), h);
        gcm_reduce(c->h + 2 * (GCM_POWERS - i), &sum);
        nacre_wipe(&sum, sizeof sum);
    }
    nacre_wipe(block, sizeof block);
    return true;
}

/* ---- Counter mode: section 6.5 ----------------------------------------------------------- */

/* The key stream, a batch at a time. Its first block is the one that hides the hash. */
struct gcm_stream {
    const struct nacre_gcm *c;
    const uint8_t *iv;
    uint32_t counter; /* of the next batch's first block */
    uint8_t ks[NCR_AES_BATCH_LEN];
};

static void gcm_stream_next(struct gcm_stream *s)
{
    for (size_t i = 0; i < NCR_AES_BATCH; i++) {
        memcpy(s->ks + NACRE_AES_BLOCK * i, s->iv, NACRE_GCM_IV_LEN);
        ncr_store32be(s->ks + NACRE_AES_BLOCK * i + NACRE_GCM_IV_LEN, s->counter++);
    }
    ncr_aes_encrypt_batch(s->ks, &s->c->aes);
}

static void gcm_stream_start(struct gcm_stream *s, const struct nacre_gcm *c, const uint8_t *iv)
{
    s->c = c;
    s->iv = iv;
    s->counter = 1;
    gcm_stream_next(s);
}

static void gcm_stream_xor(uint8_t *out, struct gcm_stream *s, const uint8_t *in, size_t n)
{
    size_t at = NACRE_AES_BLOCK; /* past the block for the tag */
    while (n > 0) {
        size_t room = sizeof s->ks - at, take = n < room ? n : room;
        ncr_xor(out, in, s->ks + at, take);
        out += take;
        in += take;
        n -= take;
        at = 0;
        if (n > 0) {
            gcm_stream_next(s);
        }
    }
}

/* ---- Both: section 7 --------------------------------------------------------------------- */

static void gcm_seal_portable(uint8_t *out, uint8_t tag[NACRE_GCM_TAG_LEN],
                              const struct nacre_gcm *c, const uint8_t iv[NACRE_GCM_IV_LEN],
                              const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t n)
{
    uint8_t mask[NACRE_AES_BLOCK];
    struct gcm_stream s;
    gcm_stream_start(&s, c, iv);
    memcpy(mask, s.ks, sizeof mask);
    gcm_stream_xor(out, &s, in, n);
    gcm_tag(tag, c, aad, aad_len, out, n, mask);
    nacre_wipe(&s, sizeof s);
    nacre_wipe(mask, sizeof mask);
}

/* Nothing is decrypted unless the tag is right. */
static bool gcm_open_portable(uint8_t *out, const struct nacre_gcm *c,
                              const uint8_t iv[NACRE_GCM_IV_LEN], const uint8_t *aad,
                              size_t aad_len, const uint8_t *in, size_t n,
                              const uint8_t tag[NACRE_GCM_TAG_LEN])
{
    uint8_t right[NACRE_GCM_TAG_LEN];
    struct gcm_stream s;
    gcm_stream_start(&s, c, iv);
    gcm_tag(right, c, aad, aad_len, in, n, s.ks);
    bool ok = nacre_ct_eq(right, tag, sizeof right);
    if (ok) {
        gcm_stream_xor(out, &s, in, n);
    } else {
        nacre_wipe(out, n);
    }
    nacre_wipe(&s, sizeof s);
    nacre_wipe(right, sizeof right); /* of a forgery, it would be the right one */
    return ok;
}

/* True if a twin has done it all but for comparing the tag. */
#if NCR_X86
static bool gcm_fast(uint8_t *out, uint8_t tag[NACRE_GCM_TAG_LEN], const struct nacre_gcm *c,
                     const uint8_t iv[NACRE_GCM_IV_LEN], const uint8_t *aad, size_t aad_len,
                     const uint8_t *in, size_t n, bool seal)
{
    uint32_t cpu = ncr_cpu();
    ncr_gcm_twin *twin = (cpu & NCR_CPU_AES) != 0 ? ncr_gcm_aes : NULL;
    twin = (cpu & NCR_CPU_VAES256) != 0 ? ncr_gcm_vaes256 : twin;
    twin = (cpu & NCR_CPU_VAES) != 0 ? ncr_gcm_vaes : twin;
    if (twin != NULL) {
        twin(out, tag, c, iv, aad, aad_len, in, n, seal);
    }
    return twin != NULL;
}
#elif NCR_ARM
static bool gcm_fast(uint8_t *out, uint8_t tag[NACRE_GCM_TAG_LEN], const struct nacre_gcm *c,
                     const uint8_t iv[NACRE_GCM_IV_LEN], const uint8_t *aad, size_t aad_len,
                     const uint8_t *in, size_t n, bool seal)
{
    bool have = (ncr_cpu() & NCR_CPU_AES) != 0;
    if (have) {
        ncr_gcm_armv8(out, tag, c, iv, aad, aad_len, in, n, seal);
    }
    return have;
}
#else
static bool gcm_fast(uint8_t *out, uint8_t tag[NACRE_GCM_TAG_LEN], const struct nacre_gcm *c,
                     const uint8_t iv[NACRE_GCM_IV_LEN], const uint8_t *aad, size_t aad_len,
                     const uint8_t *in, size_t n, bool seal)
{
    (void)out, (void)tag, (void)c, (void)iv, (void)aad, (void)aad_len, (void)in, (void)n;
    (void)seal;
    return false;
}
#endif

void nacre_gcm_seal(uint8_t *out, uint8_t tag[NACRE_GCM_TAG_LEN], const struct nacre_gcm *c,
                    const uint8_t iv[NACRE_GCM_IV_LEN], const uint8_t *aad, size_t aad_len,
                    const uint8_t *in, size_t n)
{
    if (!gcm_fast(out, tag, c, iv, aad, aad_len, in, n, true)) {
        gcm_seal_portable(out, tag, c, iv, aad, aad_len, in, n);
    }
}

/* The twins pass over the message once: of a forgery they make plaintext, which is wiped here. */
bool nacre_gcm_open(uint8_t *out, const struct nacre_gcm *c, const uint8_t iv[NACRE_GCM_IV_LEN],
                    const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t n,
                    const uint8_t tag[NACRE_GCM_TAG_LEN])
{
    uint8_t right[NACRE_GCM_TAG_LEN];
    if (!gcm_fast(out, right, c, iv, aad, aad_len, in, n, false)) {
        return gcm_open_portable(out, c, iv, aad, aad_len, in, n, tag);
    }
    bool ok = nacre_ct_eq(right, tag, sizeof right);
    if (!ok) {
        nacre_wipe(out, n);
    }
    nacre_wipe(right, sizeof right); /* of a forgery, it would be the right one */
    return ok;
}
