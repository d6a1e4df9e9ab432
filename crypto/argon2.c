/* SPDX-License-Identifier: ISC
 *
 * Argon2d, Argon2i and Argon2id, version 0x13: RFC 9106.
 *
 * Names are those of section 3. The matrix B of blocks of 1,024 bytes lies in the caller's memory,
 * lane after lane, its 64-bit words in little-endian bytes; lanes are filled one after another in
 * every slice, which gives what threads would. No secret but Argon2d's, and Argon2id's after the
 * first half of the first pass, decides which block is read: that is what these are. Else CT in
 * pass, salt, secret and data; lengths and costs leak.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "crypto/load.h"

#include <string.h>

enum {
    ARGON2_BLOCK = 1024, /* bytes */
    ARGON2_WORDS = ARGON2_BLOCK / 8,
    ARGON2_SLICES = 4,
    ARGON2_VERSION = 0x13,
    ARGON2_HASH = NACRE_BLAKE2B_LEN_MAX
};

/* One computation: what all of it needs, and where it stands. */
struct argon2 {
    const struct nacre_argon2 *par;
    uint8_t *mem;
    uint32_t blocks, columns, segment; /* m', q, and a slice's part of a lane */
    uint32_t pass, slice, lane;
    uint64_t *r, *z;           /* of G */
    uint64_t *input, *address; /* of section 3.4.1.2 */
};

_Static_assert(NACRE_ARGON2_WORK >= 4 * ARGON2_WORDS, "room for four blocks");

/* ---- Hashes ------------------------------------------------------------------------------ */

static void argon2_hash32(struct nacre_blake2b *c, uint32_t x)
{
    uint8_t b[4];
    ncr_store32le(b, x);
    nacre_blake2b_update(c, b, sizeof b);
}

static void argon2_hash_string(struct nacre_blake2b *c, const uint8_t *p, size_t n)
{
    argon2_hash32(c, (uint32_t)n);
    nacre_blake2b_update(c, p, n);
}

/* Section 3.3: H'^n(a); out is not a. */
static void argon2_long_hash(uint8_t *out, uint32_t n, const uint8_t *a, size_t a_len)
{
    struct nacre_blake2b c;
    uint8_t v[ARGON2_HASH];
    bool fits = nacre_blake2b_init(&c, n < ARGON2_HASH ? n : ARGON2_HASH, NULL, 0);
    argon2_hash32(&c, n);
    nacre_blake2b_update(&c, a, a_len);
    nacre_blake2b_final(v, &c);
    while (fits && n > ARGON2_HASH) {
        memcpy(out, v, ARGON2_HASH / 2);
        out += ARGON2_HASH / 2;
        n -= ARGON2_HASH / 2;
        fits = nacre_blake2b_init(&c, n < ARGON2_HASH ? n : ARGON2_HASH, NULL, 0);
        nacre_blake2b_update(&c, v, ARGON2_HASH);
        nacre_blake2b_final(v, &c);
    }
    memcpy(out, v, n);
    nacre_wipe(v, sizeof v);
}

/* Section 3.2 step 1: H_0 for a tag of n bytes. */
static void argon2_first_hash(uint8_t h0[ARGON2_HASH], const struct nacre_argon2 *a, size_t n)
{
    struct nacre_blake2b c;
    bool fits = nacre_blake2b_init(&c, ARGON2_HASH, NULL, 0);
    (void)fits; /* the longest digest */
    argon2_hash32(&c, a->lanes);
    argon2_hash32(&c, (uint32_t)n);
    argon2_hash32(&c, a->kib);
    argon2_hash32(&c, a->passes);
    argon2_hash32(&c, ARGON2_VERSION);
    argon2_hash32(&c, (uint32_t)a->type);
    argon2_hash_string(&c, a->pass, a->pass_len);
    argon2_hash_string(&c, a->salt, a->salt_len);
    argon2_hash_string(&c, a->secret, a->secret_len);
    argon2_hash_string(&c, a->data, a->data_len);
    nacre_blake2b_final(h0, &c);
}

/* ---- The compression function G (section 3.5) -------------------------------------------- */

/* a + b + 2 (a mod 2^32) (b mod 2^32) */
NCR_INLINE uint64_t argon2_mix(uint64_t a, uint64_t b)
{
    return a + b + 2 * ((a & 0xffffffff) * (b & 0xffffffff));
}

/* Section 3.6: GB. */
NCR_INLINE void argon2_gb(uint64_t *a, uint64_t *b, uint64_t *c, uint64_t *d)
{
    *a = argon2_mix(*a, *b);
    *d = ncr_rotr64(*d ^ *a, 32);
    *c = argon2_mix(*c, *d);
    *b = ncr_rotr64(*b ^ *c, 24);
    *a = argon2_mix(*a, *b);
    *d = ncr_rotr64(*d ^ *a, 16);
    *c = argon2_mix(*c, *d);
    *b = ncr_rotr64(*b ^ *c, 63);
}

/* The permutation P of eight registers of two words; register i starts at w[i * step]. */
NCR_INLINE void argon2_p(uint64_t *w, unsigned step)
{
    uint64_t v[16];
    for (unsigned i = 0; i < 8; i++) {
        v[2 * i] = w[i * step];
        v[2 * i + 1] = w[i * step + 1];
    }
    for (unsigned i = 0; i < 4; i++) {
        argon2_gb(v + i, v + 4 + i, v + 8 + i, v + 12 + i);
    }
    for (unsigned i = 0; i < 4; i++) {
        argon2_gb(v + i, v + 4 + (i + 1) % 4, v + 8 + (i + 2) % 4, v + 12 + (i + 3) % 4);
    }
    for (unsigned i = 0; i < 8; i++) {
        w[i * step] = v[2 * i];
        w[i * step + 1] = v[2 * i + 1];
    }
}

/* z = P on the columns of (P on the rows of r), XOR r. */
static void argon2_g(uint64_t *z, const uint64_t *r)
{
    memcpy(z, r, ARGON2_BLOCK);
    for (unsigned i = 0; i < 8; i++) {
        argon2_p(z + 16 * i, 2);
    }
    for (unsigned i = 0; i < 8; i++) {
        argon2_p(z + 2 * i, 16);
    }
    for (unsigned i = 0; i < ARGON2_WORDS; i++) {
        z[i] ^= r[i];
    }
}

/* ---- Filling the memory ------------------------------------------------------------------ */

static uint8_t *argon2_block(const struct argon2 *s, uint32_t lane, uint32_t column)
{
    return s->mem + ((size_t)lane * s->columns + column) * ARGON2_BLOCK;
}

/* Section 3.2 steps 3 and 4. */
static void argon2_first_blocks(const struct argon2 *s, const uint8_t h0[ARGON2_HASH])
{
    uint8_t in[ARGON2_HASH + 8];
    memcpy(in, h0, ARGON2_HASH);
    for (uint32_t lane = 0; lane < s->par->lanes; lane++) {
        for (uint32_t column = 0; column < 2; column++) {
            ncr_store32le(in + ARGON2_HASH, column);
            ncr_store32le(in + ARGON2_HASH + 4, lane);
            argon2_long_hash(argon2_block(s, lane, column), ARGON2_BLOCK, in, sizeof in);
        }
    }
    nacre_wipe(in, sizeof in);
}

/* Whether the segment's references come from a counter (section 3.4.1.2, 3.4.1.3). */
static bool argon2_independent(const struct argon2 *s)
{
    return s->par->type == NACRE_ARGON2_I ||
           (s->par->type == NACRE_ARGON2_ID && s->pass == 0 && s->slice < ARGON2_SLICES / 2);
}

/* The counter's first value for a segment, and the next 128 references: G(0, G(0, Z)). */
static void argon2_start_addresses(struct argon2 *s)
{
    const uint64_t z[] = {s->pass,   s->lane,        s->slice,
                          s->blocks, s->par->passes, (uint64_t)s->par->type};
    memset(s->input, 0, ARGON2_BLOCK);
    memcpy(s->input, z, sizeof z);
}

static void argon2_next_addresses(struct argon2 *s)
{
    s->input[6]++;
    argon2_g(s->z, s->input);
    argon2_g(s->address, s->z);
}

/* Section 3.4.2: which block J_1 and J_2 mean for the block at `index` of the segment. */
static const uint8_t *argon2_reference(const struct argon2 *s, uint32_t index, uint64_t j)
{
    const bool first = s->pass == 0;
    const uint32_t j1 = (uint32_t)(j & 0xffffffff), j2 = (uint32_t)(j >> 32);
    const uint32_t lane = first && s->slice == 0 ? s->lane : j2 % s->par->lanes;
    const uint32_t start = first || s->slice == ARGON2_SLICES - 1 ? 0 : (s->slice + 1) * s->segment;
    uint32_t size = first ? s->slice * s->segment : s->columns - s->segment;
    uint64_t x;
    if (lane == s->lane) {
        size += index - 1;
    } else if (index == 0) {
        size--;
    }
    x = (uint64_t)j1 * j1 >> 32;
    x = (uint64_t)size - 1 - (size * x >> 32);
    return argon2_block(s, lane, (uint32_t)((start + x) % s->columns));
}

/* B[lane][column] = G(the block before it, ref), XOR what was there in the first passes. */
static void argon2_fill_block(const struct argon2 *s, uint8_t *to, const uint8_t *before,
                              const uint8_t *ref)
{
    for (unsigned i = 0; i < ARGON2_WORDS; i++) {
        s->r[i] = ncr_load64le(before + 8 * i) ^ ncr_load64le(ref + 8 * i);
    }
    argon2_g(s->z, s->r);
    for (unsigned i = 0; i < ARGON2_WORDS; i++) {
        uint64_t old = s->pass == 0 ? 0 : ncr_load64le(to + 8 * i);
        ncr_store64le(to + 8 * i, s->z[i] ^ old);
    }
}

static void argon2_fill_segment(struct argon2 *s)
{
    const bool independent = argon2_independent(s);
    const uint32_t from = s->pass == 0 && s->slice == 0 ? 2 : 0;
    if (independent) {
        argon2_start_addresses(s);
        argon2_next_addresses(s);
    }
    for (uint32_t i = from; i < s->segment; i++) {
        uint32_t column = s->slice * s->segment + i;
        const uint8_t *before = argon2_block(s, s->lane, column == 0 ? s->columns - 1 : column - 1);
        uint64_t j;
        if (independent && i > 0 && i % ARGON2_WORDS == 0) {
            argon2_next_addresses(s);
        }
        j = independent ? s->address[i % ARGON2_WORDS] : ncr_load64le(before);
        argon2_fill_block(s, argon2_block(s, s->lane, column), before, argon2_reference(s, i, j));
    }
}

/* Section 3.2 step 7: the XOR of the last column, hashed to the tag. */
static void argon2_finish(uint8_t *out, size_t n, const struct argon2 *s)
{
    uint8_t *c = argon2_block(s, 0, s->columns - 1);
    for (uint32_t lane = 1; lane < s->par->lanes; lane++) {
        ncr_xor(c, c, argon2_block(s, lane, s->columns - 1), ARGON2_BLOCK);
    }
    argon2_long_hash(out, (uint32_t)n, c, ARGON2_BLOCK);
}

/* The ranges of section 3.1, and room for the memory asked for. */
static bool argon2_in_range(const struct nacre_argon2 *a, size_t n, size_t mem_len)
{
    const uint64_t most = UINT32_MAX;
    return n >= 4 && n <= most && a->lanes >= 1 && a->lanes < 1u << 24 && a->passes >= 1 &&
           a->kib / 8 >= a->lanes && (unsigned)a->type <= NACRE_ARGON2_ID && a->salt_len >= 8 &&
           a->pass_len <= most && a->salt_len <= most && a->secret_len <= most &&
           a->data_len <= most && mem_len / ARGON2_BLOCK >= a->kib;
}

bool nacre_argon2(uint8_t *out, size_t n, const struct nacre_argon2 *a, uint8_t *mem,
                  size_t mem_len, uint64_t *work)
{
    struct argon2 s = {.par = a, .mem = mem};
    uint8_t h0[ARGON2_HASH];
    if (!argon2_in_range(a, n, mem_len)) {
        nacre_wipe(out, n);
        return false;
    }
    s.segment = a->kib / (ARGON2_SLICES * a->lanes);
    s.columns = s.segment * ARGON2_SLICES;
    s.blocks = s.columns * a->lanes;
    s.r = work;
    s.z = s.r + ARGON2_WORDS;
    s.input = s.z + ARGON2_WORDS;
    s.address = s.input + ARGON2_WORDS;
    argon2_first_hash(h0, a, n);
    argon2_first_blocks(&s, h0);
    for (s.pass = 0; s.pass < a->passes; s.pass++) {
        for (s.slice = 0; s.slice < ARGON2_SLICES; s.slice++) {
            for (s.lane = 0; s.lane < a->lanes; s.lane++) {
                argon2_fill_segment(&s);
            }
        }
    }
    argon2_finish(out, n, &s);
    nacre_wipe(mem, (size_t)s.blocks * ARGON2_BLOCK);
    nacre_wipe(work, 4 * ARGON2_BLOCK);
    nacre_wipe(h0, sizeof h0);
    return true;
}
