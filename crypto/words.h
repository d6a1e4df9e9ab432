/* SPDX-License-Identifier: ISC
 *
 * Natural numbers of any size: n words of 64 bits, least significant first. The ground of
 * Montgomery arithmetic, Diffie-Hellman and RSA.
 *
 * Counts of words are public, so are the few bit lengths that a function asks for; all else is
 * constant-time in the words unless the name ends in _vartime. Masks are words of all ones or all
 * zeros (ct.h). Nothing here needs a 128-bit type: without one a product of two words is made of
 * four of their halves, whose products are constant-time where those of 32 x 32 -> 64 bits are.
 */
#ifndef NCR_WORDS_H
#define NCR_WORDS_H

#include "crypto/ct.h"
#include "crypto/nacre_crypto.h"

/* Words that hold so many bits; the even number of them that numbers to be multiplied have. */
#define NCR_WORDS(bits) (((bits) + 63) / 64)
#define NCR_WORDS_EVEN(bits) (((bits) + 127) / 128 * 2)

/* hi * 2^64 + lo = a b + c + d: at most (2^64 - 1)^2 + 2 (2^64 - 1) = 2^128 - 1. */
static inline uint64_t ncr_word_muladd(uint64_t *hi, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
#if NCR_INT128
    ncr_u128 x = (ncr_u128)a * b + c + d;
    *hi = (uint64_t)(x >> 64);
    return (uint64_t)x;
#else
    /* The same bound holds for each partial sum in halves: (2^32 - 1)^2 + 2 (2^32 - 1) < 2^64. */
    const uint64_t low = 0xffffffff;
    uint64_t p0 = (a & low) * (b & low) + (c & low) + (d & low);
    uint64_t p1 = (a >> 32) * (b & low) + (p0 >> 32) + (c >> 32);
    uint64_t p2 = (a & low) * (b >> 32) + (p1 & low) + (d >> 32);
    *hi = (a >> 32) * (b >> 32) + (p1 >> 32) + (p2 >> 32);
    return p2 << 32 | (p0 & low);
#endif
}

/* a + b + *carry, which is 0 or 1 before and after. */
static inline uint64_t ncr_word_add(uint64_t a, uint64_t b, uint64_t *carry)
{
#if NCR_INT128
    ncr_u128 x = (ncr_u128)a + b + *carry;
    *carry = (uint64_t)(x >> 64);
    return (uint64_t)x;
#else
    uint64_t sum = a + b + *carry;
    *carry = ((a & b) | ((a | b) & ~sum)) >> 63;
    return sum;
#endif
}

/* a - b - *borrow, which is 0 or 1 before and after. */
static inline uint64_t ncr_word_sub(uint64_t a, uint64_t b, uint64_t *borrow)
{
#if NCR_INT128
    ncr_u128 x = (ncr_u128)a - b - *borrow;
    *borrow = (uint64_t)(x >> 64) & 1;
    return (uint64_t)x;
#else
    uint64_t difference = a - b - *borrow;
    *borrow = ((~a & b) | ((~a | b) & difference)) >> 63;
    return difference;
#endif
}

/* x without leading zero bytes. */
struct nacre_num ncr_num_trim_vartime(struct nacre_num x);
/* Bits of x without leading zeros; 0 for 0. */
size_t ncr_num_bits_vartime(struct nacre_num x);
/* Below 0, 0, above 0 as a < b, a = b, a > b. */
int ncr_num_compare_vartime(struct nacre_num a, struct nacre_num b);
/* Bits of the n words without leading zeros. */
size_t ncr_words_bits_vartime(const uint64_t *a, size_t n);

/* The number's last 8 n bytes; what stands before them is left out. */
void ncr_words_load(uint64_t *r, size_t n, struct nacre_num x);
/* The last `len` bytes of the number, zeros before if it has fewer. */
void ncr_words_store(uint8_t *out, size_t len, const uint64_t *a, size_t n);

/* r = a + b, returns the carry. r may be a or b; so below. */
uint64_t ncr_words_add(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n);
/* r = a - b, returns the borrow. */
uint64_t ncr_words_sub(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n);
/* r += b where mask is ones. */
void ncr_words_add_masked(uint64_t *r, uint64_t mask, const uint64_t *b, size_t n);
/* r = a where mask is ones, b where it is zeros. */
void ncr_words_select(uint64_t *r, uint64_t mask, const uint64_t *a, const uint64_t *b, size_t n);
/* Mask of a < b, a = b, a = the word b. */
uint64_t ncr_words_lt(const uint64_t *a, const uint64_t *b, size_t n);
uint64_t ncr_words_eq(const uint64_t *a, const uint64_t *b, size_t n);
uint64_t ncr_words_eq_word(const uint64_t *a, uint64_t b, size_t n);
/* r = floor(a / 2^k) for 0 <= k < 64; r may be a. */
void ncr_words_shift_right(uint64_t *r, const uint64_t *a, size_t n, unsigned k);
/* r = a 2^k modulo 2^(64 n) for 0 <= k < 64; r may be a. */
void ncr_words_shift_left(uint64_t *r, const uint64_t *a, size_t n, unsigned k);

/* The number of n words in `limbs` limbs of `bits` bits each (below 64), one to a word, and back;
 * what does not fit is left out. */
void ncr_words_split(uint64_t *limb, size_t limbs, unsigned bits, const uint64_t *a, size_t n);
void ncr_words_join(uint64_t *a, size_t n, const uint64_t *limb, size_t limbs, unsigned bits);

/* r[0..n) += a (b1 2^64 + b0) + c; end gets what then belongs at r[n] and r[n + 1], and may lie
 * there. */
void ncr_words_muladd2(uint64_t end[2], uint64_t *r, const uint64_t *a, size_t n, uint64_t b0,
                       uint64_t b1, uint64_t c);
/* r = a b, of na + nb words, apart from a and b; nb is even. */
void ncr_words_mul(uint64_t *r, const uint64_t *a, size_t na, const uint64_t *b, size_t nb);
/* r = a a, of 2n words, apart from a; n is even. */
void ncr_words_sqr(uint64_t *r, const uint64_t *a, size_t n);
/* r = 2 r + the squares of a's words, for the r that makes it a a. */
void ncr_words_double_add_squares(uint64_t *r, const uint64_t *a, size_t n);

/* r = a mod d: na words of a; d of exactly `bits` bits, at least 1, which are public; r has n
 * words, enough for d's. t is scratch. */
#define NCR_WORDS_MOD_SCRATCH(bits) (2 * NCR_WORDS(bits) + 1)
void ncr_words_mod(uint64_t *r, size_t n, const uint64_t *a, size_t na, const uint64_t *d,
                   size_t bits, uint64_t *t);

/* 1 / x modulo 2^64 for odd x. */
uint64_t ncr_word_inverse(uint64_t x);

#endif
