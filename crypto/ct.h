/* SPDX-License-Identifier: ISC
 *
 * Constant-time helpers, the marks of secrets, and the only compiler extensions of portable code.
 *
 * A mask is a word of all ones (yes) or all zeros (no). Every mask passes through a value barrier,
 * so that the compiler cannot see that it has two values only and turn the select that follows
 * into a branch (clang does that to `x & -bit`). The marks tell valgrind's memcheck to treat
 * memory as undefined, which makes every branch and address that depends on it an error; they
 * are nothing unless NACRE_CT_VALGRIND is defined. Without GNU C, barriers go through a volatile
 * and the 128-bit and vector types are absent.
 *
 * Not here: modular arithmetic, sorting, anything with a length but ncr_ct_diff.
 */
#ifndef NCR_CT_H
#define NCR_CT_H

#include <stddef.h>
#include <stdint.h>

#if defined(NACRE_CT_VALGRIND)
#include <valgrind/memcheck.h>
#define NCR_CT_SECRET(p, n) ((void)VALGRIND_MAKE_MEM_UNDEFINED(p, n))
#define NCR_CT_PUBLIC(p, n) ((void)VALGRIND_MAKE_MEM_DEFINED(p, n))
#else
#define NCR_CT_SECRET(p, n) ((void)(p), (void)(n))
#define NCR_CT_PUBLIC(p, n) ((void)(p), (void)(n))
#endif

/* NCR_INT128 says whether ncr_u128 exists; code that uses it has a twin that does not. */
#if defined(__SIZEOF_INT128__) && !defined(NCR_NO_INT128)
#define NCR_INT128 1
__extension__ typedef unsigned __int128 ncr_u128;
#else
#define NCR_INT128 0
#endif

/* Words that hold as many lanes as the machine's basic vectors have, or one lane where it has none.
 * Code on them uses the operators + ^ & | ~ << >> alone, which work on vectors lane by lane and on
 * plain integers alike; lanes go in and out through memcpy. The 16-bit lanes are signed and also
 * take *, within their range. NCR_NO_VECTORS makes the twin with one lane. */
#if defined(__GNUC__) && (defined(__SSE2__) || defined(__ARM_NEON) || defined(__VSX__)) &&         \
    !defined(NCR_NO_VECTORS)
typedef int16_t ncr_lanes16 __attribute__((vector_size(16)));
typedef uint32_t ncr_lanes32 __attribute__((vector_size(16)));
typedef uint64_t ncr_lanes64 __attribute__((vector_size(16)));
#else
typedef int16_t ncr_lanes16;
typedef uint32_t ncr_lanes32;
typedef uint64_t ncr_lanes64;
#endif
#define NCR_LANES16 (sizeof(ncr_lanes16) / sizeof(int16_t))
#define NCR_LANES32 (sizeof(ncr_lanes32) / sizeof(uint32_t))
#define NCR_LANES64 (sizeof(ncr_lanes64) / sizeof(uint64_t))

/* ncr_ct_barrier: x, about which the compiler now knows nothing. */
#if defined(__GNUC__)
#define NCR_INLINE static inline __attribute__((always_inline))

static inline uint32_t ncr_ct_barrier32(uint32_t x)
{
    __asm__("" : "+r"(x));
    return x;
}

static inline uint64_t ncr_ct_barrier64(uint64_t x)
{
    __asm__("" : "+r"(x));
    return x;
}
#else
#define NCR_INLINE static inline

static inline uint32_t ncr_ct_barrier32(uint32_t x)
{
    volatile uint32_t v = x;
    return v;
}

static inline uint64_t ncr_ct_barrier64(uint64_t x)
{
    volatile uint64_t v = x;
    return v;
}
#endif

/* Mask of bit 0 of x; the other bits are ignored. */
static inline uint32_t ncr_ct_mask_bit32(uint32_t x)
{
    return ncr_ct_barrier32(0 - (x & 1));
}

static inline uint64_t ncr_ct_mask_bit64(uint64_t x)
{
    return ncr_ct_barrier64(0 - (x & 1));
}

/* x or its negation has the top bit set exactly when x is not 0. */
static inline uint32_t ncr_ct_mask_nonzero32(uint32_t x)
{
    return ncr_ct_mask_bit32((x | (0 - x)) >> 31);
}

static inline uint64_t ncr_ct_mask_nonzero64(uint64_t x)
{
    return ncr_ct_mask_bit64((x | (0 - x)) >> 63);
}

static inline uint32_t ncr_ct_mask_zero32(uint32_t x)
{
    return ~ncr_ct_mask_nonzero32(x);
}

static inline uint64_t ncr_ct_mask_zero64(uint64_t x)
{
    return ~ncr_ct_mask_nonzero64(x);
}

static inline uint32_t ncr_ct_mask_eq32(uint32_t a, uint32_t b)
{
    return ncr_ct_mask_zero32(a ^ b);
}

static inline uint64_t ncr_ct_mask_eq64(uint64_t a, uint64_t b)
{
    return ncr_ct_mask_zero64(a ^ b);
}

/* Mask of a < b, unsigned: the borrow out of a - b. */
static inline uint32_t ncr_ct_mask_lt32(uint32_t a, uint32_t b)
{
    return ncr_ct_mask_bit32(((~a & b) | ((~a | b) & (a - b))) >> 31);
}

static inline uint64_t ncr_ct_mask_lt64(uint64_t a, uint64_t b)
{
    return ncr_ct_mask_bit64(((~a & b) | ((~a | b) & (a - b))) >> 63);
}

/* a where mask is ones, b where it is zeros. */
static inline uint32_t ncr_ct_select32(uint32_t mask, uint32_t a, uint32_t b)
{
    return b ^ (mask & (a ^ b));
}

static inline uint64_t ncr_ct_select64(uint64_t mask, uint64_t a, uint64_t b)
{
    return b ^ (mask & (a ^ b));
}

/* 0 if the n bytes at a and b are equal, else some other value; CT in both, n leaks. The result is
 * as secret as the inputs: nacre_ct_eq is the form that releases it. */
static inline uint32_t ncr_ct_diff(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint32_t acc = 0;
    for (size_t i = 0; i < n; i++) {
        acc = ncr_ct_barrier32(acc | (uint32_t)(a[i] ^ b[i]));
    }
    return acc;
}

#endif
