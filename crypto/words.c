/* SPDX-License-Identifier: ISC
 *
 * Natural numbers of any size: see words.h.
 *
 * Products run two rows at a time: each row is a chain of carries, and two of them fill the time
 * in which a machine would wait for one. That is why counts of words are even where numbers are
 * multiplied.
 */
#include "crypto/words.h"
#include "crypto/fast.h"
#include "crypto/load.h"

#include <string.h>

struct nacre_num ncr_num_trim_vartime(struct nacre_num x)
{
    while (x.n > 0 && x.p[0] == 0) {
        x.p++;
        x.n--;
    }
    return x;
}

size_t ncr_num_bits_vartime(struct nacre_num x)
{
    x = ncr_num_trim_vartime(x);
    size_t bits = 8 * x.n;
    for (unsigned top = x.n > 0 ? x.p[0] : 0x80; top < 0x80; top <<= 1) {
        bits--;
    }
    return bits;
}

int ncr_num_compare_vartime(struct nacre_num a, struct nacre_num b)
{
    a = ncr_num_trim_vartime(a);
    b = ncr_num_trim_vartime(b);
    if (a.n != b.n) {
        return a.n < b.n ? -1 : 1;
    }
    return a.n > 0 ? memcmp(a.p, b.p, a.n) : 0;
}

size_t ncr_words_bits_vartime(const uint64_t *a, size_t n)
{
    while (n > 0 && a[n - 1] == 0) {
        n--;
    }
    size_t bits = 64 * n;
    for (uint64_t top = n > 0 ? a[n - 1] : UINT64_MAX; top >> 63 == 0; top <<= 1) {
        bits--;
    }
    return bits;
}

void ncr_words_load(uint64_t *r, size_t n, struct nacre_num x)
{
    size_t i = 0;
    for (; i < n && x.n >= 8; i++) {
        x.n -= 8;
        r[i] = ncr_load64be(x.p + x.n);
    }
    for (; i < n; i++) {
        uint64_t word = 0;
        for (size_t j = 0; j < x.n; j++) {
            word = word << 8 | x.p[j];
        }
        r[i] = word;
        x.n = 0;
    }
}

void ncr_words_store(uint8_t *out, size_t len, const uint64_t *a, size_t n)
{
    for (size_t i = 0; i < len; i++) {
        out[len - 1 - i] = i / 8 < n ? (uint8_t)(a[i / 8] >> 8 * (i % 8)) : 0;
    }
}

uint64_t ncr_words_add(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < n; i++) {
        r[i] = ncr_word_add(a[i], b[i], &carry);
    }
    return carry;
}

uint64_t ncr_words_sub(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n)
{
    uint64_t borrow = 0;
    for (size_t i = 0; i < n; i++) {
        r[i] = ncr_word_sub(a[i], b[i], &borrow);
    }
    return borrow;
}

void ncr_words_add_masked(uint64_t *r, uint64_t mask, const uint64_t *b, size_t n)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < n; i++) {
        r[i] = ncr_word_add(r[i], b[i] & mask, &carry);
    }
}

void ncr_words_select(uint64_t *r, uint64_t mask, const uint64_t *a, const uint64_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        r[i] = ncr_ct_select64(mask, a[i], b[i]);
    }
}

uint64_t ncr_words_lt(const uint64_t *a, const uint64_t *b, size_t n)
{
    uint64_t borrow = 0;
    for (size_t i = 0; i < n; i++) {
        (void)ncr_word_sub(a[i], b[i], &borrow); /* only the borrow counts */
    }
    return ncr_ct_mask_bit64(borrow);
}

uint64_t ncr_words_eq(const uint64_t *a, const uint64_t *b, size_t n)
{
    uint64_t differ = 0;
    for (size_t i = 0; i < n; i++) {
        differ |= a[i] ^ b[i];
    }
    return ncr_ct_mask_zero64(differ);
}

uint64_t ncr_words_eq_word(const uint64_t *a, uint64_t b, size_t n)
{
    uint64_t differ = a[0] ^ b;
    for (size_t i = 1; i < n; i++) {
        differ |= a[i];
    }
    return ncr_ct_mask_zero64(differ);
}

void ncr_words_shift_right(uint64_t *r, const uint64_t *a, size_t n, unsigned k)
{
    for (size_t i = 0; i < n; i++) {
        r[i] = a[i] >> k | (i + 1 < n && k > 0 ? a[i + 1] << (64 - k) : 0);
    }
}

void ncr_words_shift_left(uint64_t *r, const uint64_t *a, size_t n, unsigned k)
{
    for (size_t i = n; i-- > 0;) {
        r[i] = a[i] << k | (i > 0 && k > 0 ? a[i - 1] >> (64 - k) : 0);
    }
}

void ncr_words_split(uint64_t *limb, size_t limbs, unsigned bits, const uint64_t *a, size_t n)
{
    for (size_t i = 0; i < limbs; i++) {
        size_t at = i * bits / 64, off = i * bits % 64;
        uint64_t x = at < n ? a[at] >> off : 0;
        x |= off > 0 && at + 1 < n ? a[at + 1] << (64 - off) : 0;
        limb[i] = x & (((uint64_t)1 << bits) - 1);
    }
}

void ncr_words_join(uint64_t *a, size_t n, const uint64_t *limb, size_t limbs, unsigned bits)
{
    memset(a, 0, n * sizeof *a);
    for (size_t i = 0; i < limbs && i * bits / 64 < n; i++) {
        size_t at = i * bits / 64, off = i * bits % 64;
        a[at] |= limb[i] << off;
        if (off + bits > 64 && at + 1 < n) {
            a[at + 1] = limb[i] >> (64 - off);
        }
    }
}

/* Chain 0 adds a b0, chain 1, one word behind it, a b1 to what chain 0 has left there. Every step
 * is a product and two words more, which fit (ncr_word_muladd). */
void ncr_words_muladd2(uint64_t end[2], uint64_t *r, const uint64_t *a, size_t n, uint64_t b0,
                       uint64_t b1, uint64_t c)
{
    uint64_t c0 = c, c1 = 0, before = 0;
    if (n > 0) {
        before = a[0];
        r[0] = ncr_word_muladd(&c0, before, b0, r[0], c0);
    }
    for (size_t i = 1; i < n; i++) {
        uint64_t word = a[i];
        uint64_t x = ncr_word_muladd(&c0, word, b0, r[i], c0);
        r[i] = ncr_word_muladd(&c1, before, b1, x, c1);
        before = word;
    }
    end[0] = ncr_word_muladd(&end[1], before, b1, c0, c1);
}

void ncr_words_mul(uint64_t *r, const uint64_t *a, size_t na, const uint64_t *b, size_t nb)
{
#if NCR_X86
    if ((ncr_cpu() & NCR_CPU_ADX) != 0) {
        ncr_words_mul_adx(r, a, na, b, nb);
        return;
    }
#endif
    memset(r, 0, na * sizeof *r);
    for (size_t i = 0; i < nb; i += 2) {
        ncr_words_muladd2(r + na + i, r + i, a, na, b[i], b[i + 1], 0);
    }
}

void ncr_words_double_add_squares(uint64_t *r, const uint64_t *a, size_t n)
{
    uint64_t carry = 0, top = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t hi, lo = ncr_word_muladd(&hi, a[i], a[i], 0, 0);
        uint64_t r0 = r[2 * i], r1 = r[2 * i + 1];
        r[2 * i] = ncr_word_add(r0 << 1 | top, lo, &carry);
        r[2 * i + 1] = ncr_word_add(r1 << 1 | r0 >> 63, hi, &carry);
        top = r1 >> 63;
    }
}

/* Products of different words once, then doubled. Rows i and i + 1 begin with a[i] a[i + 1] at
 * r[2i + 1] and end below r[n + i], where the rows before have ended two words earlier. */
void ncr_words_sqr(uint64_t *r, const uint64_t *a, size_t n)
{
#if NCR_X86
    if ((ncr_cpu() & NCR_CPU_ADX) != 0) {
        ncr_words_sqr_adx(r, a, n);
        return;
    }
#endif
    memset(r, 0, n * sizeof *r);
    for (size_t i = 0; i < n; i += 2) {
        uint64_t hi, *row = r + 2 * i + 1;
        row[0] = ncr_word_muladd(&hi, a[i], a[i + 1], row[0], 0);
        ncr_words_muladd2(r + n + i, row + 1, a + i + 2, n - i - 2, a[i], a[i + 1], hi);
    }
    ncr_words_double_add_squares(r, a, n);
}

/* floor(2^127 / (d + 1)) for d >= 2^63, bit by bit: the remainder starts with 2^63, the dividend's
 * upper word, which is less than the divisor, and takes in 64 zeros. */
static uint64_t words_reciprocal(uint64_t d)
{
    uint64_t quotient = 0, rest = (uint64_t)1 << 63;
    for (int i = 0; i < 64; i++) {
        uint64_t over = ncr_ct_mask_bit64(rest >> 63);
        rest <<= 1;
        over |= ncr_ct_mask_lt64(d, rest);
        rest -= over & (d + 1);
        quotient = quotient << 1 | (over & 1);
    }
    return quotient;
}

/* x = x 2^32 + digit, n + 1 words, then less its multiple of d: x < d before and after.
 *
 * d's top bit is set. v is words_reciprocal() of its top word, h the upper 64 of the n words and 32
 * bits of x; the quotient is taken as q = floor(h v / 2^95). h and v and the top word of d are each
 * less than 2^-62 off, relatively, and never upwards in the sum: q is floor(x / d) or one less. */
static void words_mod_step(uint64_t *x, uint32_t digit, const uint64_t *d, size_t n, uint64_t v)
{
    uint64_t in = digit, q, hi, c = 0, borrow = 0;
    for (size_t i = 0; i <= n; i++) {
        uint64_t word = x[i];
        x[i] = word << 32 | in;
        in = word >> 32;
    }
    (void)ncr_word_muladd(&hi, x[n] << 32 | x[n - 1] >> 32, v, 0, 0); /* bits under 2^64 */
    q = hi >> 31;
    for (size_t i = 0; i < n; i++) {
        x[i] = ncr_word_sub(x[i], ncr_word_muladd(&c, d[i], q, c, 0), &borrow);
    }
    x[n] -= c + borrow;
    borrow = 0;
    for (size_t i = 0; i < n; i++) {
        (void)ncr_word_sub(x[i], d[i], &borrow); /* only the borrow counts */
    }
    uint64_t take = ncr_ct_mask_nonzero64(x[n]) | ~ncr_ct_mask_bit64(borrow);
    borrow = 0;
    for (size_t i = 0; i < n; i++) {
        x[i] = ncr_word_sub(x[i], d[i] & take, &borrow);
    }
    x[n] -= borrow;
}

/* Long division with digits of 32 bits, of a 2^s by d 2^s, where s brings d's top bit to the top of
 * its word; the remainder is shifted back. */
void ncr_words_mod(uint64_t *r, size_t n, const uint64_t *a, size_t na, const uint64_t *d,
                   size_t bits, uint64_t *t)
{
    size_t nd = NCR_WORDS(bits);
    unsigned s = (unsigned)(64 * nd - bits);
    uint64_t *divisor = t, *x = t + nd;
    ncr_words_shift_left(divisor, d, nd, s);
    uint64_t v = words_reciprocal(divisor[nd - 1]);
    memset(x, 0, (nd + 1) * sizeof *x);
    for (size_t i = na + 1; i-- > 0;) {
        uint64_t word = i < na ? a[i] << s : 0;
        word |= i > 0 && s > 0 ? a[i - 1] >> (64 - s) : 0;
        words_mod_step(x, (uint32_t)(word >> 32), divisor, nd, v);
        words_mod_step(x, (uint32_t)word, divisor, nd, v);
    }
    ncr_words_shift_right(x, x, nd, s);
    memcpy(r, x, nd * sizeof *r);
    memset(r + nd, 0, (n - nd) * sizeof *r);
}

/* 3 x ^ 2 is right in 5 bits, and each step doubles them: 10, 20, 40, 80. */
uint64_t ncr_word_inverse(uint64_t x)
{
    uint64_t y = (3 * x) ^ 2;
    for (int i = 0; i < 4; i++) {
        y *= 2 - x * y;
    }
    return y;
}
