/* SPDX-License-Identifier: ISC
 *
 * Words from bytes and back, in either byte order, at any alignment.
 *
 * Bytes move by memcpy, which becomes one load or store, and the words are swapped where the
 * machine's order is the other one, which the compiler works out. (Stores written as shifts of
 * single bytes are what gcc 12 makes vectors of, at ten times the cost.) Rotations, whose public
 * count n has 0 < n < width, and XOR of strings stand here too.
 */
#ifndef NCR_LOAD_H
#define NCR_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool ncr_little_endian(void)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 1;
}

static inline uint32_t ncr_swap32(uint32_t x)
{
    return x << 24 | (x & 0xff00) << 8 | (x >> 8 & 0xff00) | x >> 24;
}

static inline uint64_t ncr_swap64(uint64_t x)
{
    return (uint64_t)ncr_swap32((uint32_t)x) << 32 | ncr_swap32((uint32_t)(x >> 32));
}

static inline uint32_t ncr_load32le(const uint8_t *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return ncr_little_endian() ? x : ncr_swap32(x);
}

static inline uint32_t ncr_load32be(const uint8_t *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return ncr_little_endian() ? ncr_swap32(x) : x;
}

static inline uint64_t ncr_load64le(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return ncr_little_endian() ? x : ncr_swap64(x);
}

static inline uint64_t ncr_load64be(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return ncr_little_endian() ? ncr_swap64(x) : x;
}

static inline void ncr_store32le(uint8_t *p, uint32_t x)
{
    x = ncr_little_endian() ? x : ncr_swap32(x);
    memcpy(p, &x, sizeof x);
}

static inline void ncr_store32be(uint8_t *p, uint32_t x)
{
    x = ncr_little_endian() ? ncr_swap32(x) : x;
    memcpy(p, &x, sizeof x);
}

static inline void ncr_store64le(uint8_t *p, uint64_t x)
{
    x = ncr_little_endian() ? x : ncr_swap64(x);
    memcpy(p, &x, sizeof x);
}

static inline void ncr_store64be(uint8_t *p, uint64_t x)
{
    x = ncr_little_endian() ? ncr_swap64(x) : x;
    memcpy(p, &x, sizeof x);
}

static inline uint32_t ncr_rotl32(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

static inline uint32_t ncr_rotr32(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static inline uint64_t ncr_rotl64(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static inline uint64_t ncr_rotr64(uint64_t x, unsigned n)
{
    return x >> n | x << (64 - n);
}

/* out = a XOR b, n bytes; out may be a or b, but no other overlap. */
static inline void ncr_xor(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n)
{
    for (; n >= 8; n -= 8, out += 8, a += 8, b += 8) {
        ncr_store64le(out, ncr_load64le(a) ^ ncr_load64le(b));
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint8_t)(a[i] ^ b[i]);
    }
}

#endif
