/* SPDX-License-Identifier: ISC
 *
 * Powers modulo an odd number with AVX-512 IFMA, which multiplies 52-bit limbs eight at a time: the
 * twin of ncr_mont_exp() in modexp.c, for moduli from 512 bits on.
 *
 * Montgomery's reduction waits, at every limb, for the quotient digit q = x * (-1/m) mod 2^52. Here
 * all is reduced modulo m' = k m instead, k = -1/m mod 2^52, one limb longer: m' = -1 (mod 2^52),
 * so that q is x's lowest limb itself, and with m' + 1 = M 2^52 (M <= m) a step is x = (x + q m') /
 * 2^52 = (x - q) / 2^52 + q M: shift the limbs down by one, add q M. With l limbs, 4 m < 2^(52 (l -
 * 1)), so R' = 2^(52 l) > 4 m', and for a, b < 2 m' the result, < a b / R' + m', is below 2 m'
 * again: no subtraction is needed. What comes out at the end is below 2^54 m; the portable
 * reduction brings it under m.
 *
 * Limbs of a vector's lanes add up without carries: a lane takes in four halves of products, each
 * below 2^52, per step while it moves down, at most 317 steps: below 1268 * 2^52 < 2^63. They are
 * carried once per product. No address and no branch depends on a number; the products' time does
 * not (Intel's list of instructions with data-independent timing has them). The window's power is
 * picked by going through the whole table.
 */
#include "crypto/fast.h"
#include "crypto/mont.h"

#if NCR_X86
#include <immintrin.h>
#include <string.h>

#define MONT_IFMA __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")))
#define MONT_IFMA_LIMB 52
#define MONT_IFMA_MASK (((uint64_t)1 << MONT_IFMA_LIMB) - 1)

enum { MONT_IFMA_BITS_MIN = 512, MONT_IFMA_EXP_MIN = 16 };
/* Vectors of a sum that stays in registers. */
enum { MONT_IFMA_VECTORS = 10 };

MONT_IFMA NCR_INLINE __m512i mont_ifma_load(const uint64_t *p)
{
    return _mm512_loadu_si512(p);
}

MONT_IFMA NCR_INLINE __m512i mont_ifma_word(uint64_t x)
{
    return _mm512_set1_epi64((long long)x);
}

/* Lanes that carry a bit into the next: where `made` has one; and where `passed` has one and a
 * carry comes in. Bits are lanes, least significant first; no lane is in both. *carry is the carry
 * into the first lane, then that out of the last. Returns the lanes that a carry comes into. */
MONT_IFMA NCR_INLINE uint64_t mont_ifma_ripple(uint64_t made, uint64_t passed, uint64_t *carry)
{
    uint64_t in = made << 1 | *carry;
    uint64_t sum = passed + in;
    *carry = made >> 63 | ((passed & in) | ((passed | in) & ~sum)) >> 63;
    return sum ^ passed;
}

/* A product under way, in v vectors: v is a constant wherever this is used, and what is below is
 * inlined, so that all of it stays in registers. */
struct mont_ifma_sum {
    __m512i x[MONT_IFMA_VECTORS]; /* lower halves */
    __m512i now, next;            /* limb of b of this step, and of the next one */
    __m512i q, last;              /* quotient digit of this step, and of the one before */
    __m512i up;                   /* what comes into the first lane of the next vector */
    const uint64_t *a, *m;
};

/* Loops over the vectors: fn(s, j, v) for all j < v <= MONT_IFMA_VECTORS. */
typedef void mont_ifma_step(struct mont_ifma_sum *s, unsigned j, unsigned v);

MONT_IFMA NCR_INLINE void mont_ifma_some(struct mont_ifma_sum *s, unsigned j, unsigned v,
                                         mont_ifma_step *fn)
{
    if (j < v) {
        fn(s, j, v);
    }
    if (j + 1 < v) {
        fn(s, j + 1, v);
    }
    if (j + 2 < v) {
        fn(s, j + 2, v);
    }
    if (j + 3 < v) {
        fn(s, j + 3, v);
    }
}

MONT_IFMA NCR_INLINE void mont_ifma_each(struct mont_ifma_sum *s, unsigned v, mont_ifma_step *fn)
{
    mont_ifma_some(s, 0, v, fn);
    mont_ifma_some(s, 4, v, fn);
    mont_ifma_some(s, 8, v, fn);
}

MONT_IFMA NCR_INLINE void mont_ifma_first(struct mont_ifma_sum *s, unsigned j, unsigned v)
{
    (void)v;
    s->x[j] = _mm512_madd52lo_epu64(_mm512_setzero_si512(), mont_ifma_load(s->a + 8 * j), s->now);
}

/* Upper halves of a step's products belong one lane higher, that is, in the lane where they are
 * after the next step's shift, and are added then. What q and x's first lane tell, which the next
 * step waits for, is added last. */
MONT_IFMA NCR_INLINE void mont_ifma_next(struct mont_ifma_sum *s, unsigned j, unsigned v)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i a = mont_ifma_load(s->a + 8 * j), m = mont_ifma_load(s->m + 8 * j), y = zero;
    y = _mm512_madd52lo_epu64(y, a, s->next);
    y = _mm512_madd52hi_epu64(y, a, s->now);
    y = _mm512_madd52hi_epu64(y, m, s->last);
    y = j == 0 ? _mm512_add_epi64(y, s->up) : y;
    y = _mm512_add_epi64(y, _mm512_alignr_epi64(j + 1 < v ? s->x[j + 1] : zero, s->x[j], 1));
    s->x[j] = _mm512_madd52lo_epu64(y, m, s->q);
}

/* The upper halves of the last step. */
MONT_IFMA NCR_INLINE void mont_ifma_last(struct mont_ifma_sum *s, unsigned j, unsigned v)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i y = _mm512_madd52hi_epu64(zero, mont_ifma_load(s->m + 8 * j), s->q);
    (void)v;
    s->x[j] = _mm512_add_epi64(s->x[j], _mm512_alignr_epi64(y, s->up, 7));
    s->up = y;
}

/* Lanes below 2^63 become limbs and the carries that run up one lane, which leave at most 1 more to
 * carry from each. */
MONT_IFMA NCR_INLINE void mont_ifma_lower(struct mont_ifma_sum *s, unsigned j, unsigned v)
{
    __m512i up = _mm512_srli_epi64(s->x[j], MONT_IFMA_LIMB);
    __m512i low = _mm512_and_si512(s->x[j], mont_ifma_word(MONT_IFMA_MASK));
    (void)v;
    s->x[j] = _mm512_add_epi64(low, _mm512_alignr_epi64(up, s->up, 7));
    s->up = up;
}

/* Which of vector j's lanes make a carry, and which pass one on. */
MONT_IFMA NCR_INLINE void mont_ifma_ask(uint64_t *made, uint64_t *passed,
                                        const struct mont_ifma_sum *s, unsigned j, unsigned v)
{
    const __m512i mask = mont_ifma_word(MONT_IFMA_MASK);
    if (j < v) {
        *made |= (uint64_t)_mm512_cmpgt_epu64_mask(s->x[j], mask) << 8 * (j % 8);
        *passed |= (uint64_t)_mm512_cmpeq_epu64_mask(s->x[j], mask) << 8 * (j % 8);
    }
}

/* Adds the carries that come into vector j's lanes, and stores it. */
MONT_IFMA NCR_INLINE void mont_ifma_store(uint64_t *r, uint64_t in, const struct mont_ifma_sum *s,
                                          unsigned j, unsigned v)
{
    if (j < v) {
        __mmask8 here = (__mmask8)(in >> 8 * (j % 8));
        __m512i x = _mm512_mask_add_epi64(s->x[j], here, s->x[j], mont_ifma_word(1));
        _mm512_storeu_si512(r + 8 * j, _mm512_and_si512(x, mont_ifma_word(MONT_IFMA_MASK)));
    }
}

/* Lets the last carries run through vectors j to j + 7. */
MONT_IFMA NCR_INLINE void mont_ifma_finish(uint64_t *r, uint64_t *carry,
                                           const struct mont_ifma_sum *s, unsigned j, unsigned v)
{
    uint64_t made = 0, passed = 0;
    if (j >= v) {
        return;
    }
    mont_ifma_ask(&made, &passed, s, j, v);
    mont_ifma_ask(&made, &passed, s, j + 1, v);
    mont_ifma_ask(&made, &passed, s, j + 2, v);
    mont_ifma_ask(&made, &passed, s, j + 3, v);
    mont_ifma_ask(&made, &passed, s, j + 4, v);
    mont_ifma_ask(&made, &passed, s, j + 5, v);
    mont_ifma_ask(&made, &passed, s, j + 6, v);
    mont_ifma_ask(&made, &passed, s, j + 7, v);
    made = mont_ifma_ripple(made, passed, carry);
    mont_ifma_store(r, made, s, j, v);
    mont_ifma_store(r, made, s, j + 1, v);
    mont_ifma_store(r, made, s, j + 2, v);
    mont_ifma_store(r, made, s, j + 3, v);
    mont_ifma_store(r, made, s, j + 4, v);
    mont_ifma_store(r, made, s, j + 5, v);
    mont_ifma_store(r, made, s, j + 6, v);
    mont_ifma_store(r, made, s, j + 7, v);
}

/* r = a b / 2^(52 limbs) modulo m', all below 2 m', in v vectors. m is M. r may be a or b. */
MONT_IFMA NCR_INLINE void mont_ifma_mul(uint64_t *r, const uint64_t *a, const uint64_t *b,
                                        const uint64_t *m, size_t limbs, unsigned v)
{
    struct mont_ifma_sum s;
    uint64_t carry = 0;
    s.a = a;
    s.m = m;
    s.now = mont_ifma_word(b[0]);
    s.q = _mm512_setzero_si512();
    mont_ifma_each(&s, v, mont_ifma_first);
    for (size_t i = 1; i <= limbs; i++) {
        s.next = i < limbs ? mont_ifma_word(b[i]) : _mm512_setzero_si512();
        s.last = s.q;
        s.q = _mm512_broadcastq_epi64(_mm512_castsi512_si128(s.x[0]));
        s.up = _mm512_maskz_srli_epi64(1, s.x[0], MONT_IFMA_LIMB);
        mont_ifma_each(&s, v, mont_ifma_next);
        s.now = s.next;
    }
    s.up = _mm512_setzero_si512();
    mont_ifma_each(&s, v, mont_ifma_last);
    s.up = _mm512_setzero_si512();
    mont_ifma_each(&s, v, mont_ifma_lower);
    mont_ifma_finish(r, &carry, &s, 0, v);
    mont_ifma_finish(r, &carry, &s, 8, v);
}

/* The same for any number of vectors, the sum being in memory: t, which is apart from all others.
 */
MONT_IFMA static void mont_ifma_mul_any(uint64_t *r, const uint64_t *a, const uint64_t *b,
                                        const uint64_t *m, size_t limbs, uint64_t *t)
{
    const __m512i zero = _mm512_setzero_si512(), mask = mont_ifma_word(MONT_IFMA_MASK);
    __m512i now = mont_ifma_word(b[0]), q = zero, up = zero;
    uint64_t carry = 0;
    for (size_t j = 0; j < limbs; j += 8) {
        _mm512_storeu_si512(t + j, _mm512_madd52lo_epu64(zero, mont_ifma_load(a + j), now));
    }
    for (size_t i = 1; i <= limbs; i++) {
        __m512i next = i < limbs ? mont_ifma_word(b[i]) : zero, last = q, x = mont_ifma_load(t);
        q = _mm512_broadcastq_epi64(_mm512_castsi512_si128(x));
        up = _mm512_maskz_srli_epi64(1, x, MONT_IFMA_LIMB);
        for (size_t j = 0; j < limbs; j += 8) {
            __m512i aj = mont_ifma_load(a + j), mj = mont_ifma_load(m + j);
            __m512i above = j + 8 < limbs ? mont_ifma_load(t + j + 8) : zero;
            __m512i y = _mm512_madd52lo_epu64(zero, aj, next);
            y = _mm512_madd52hi_epu64(y, aj, now);
            y = _mm512_madd52hi_epu64(y, mj, last);
            y = _mm512_add_epi64(_mm512_add_epi64(y, up), _mm512_alignr_epi64(above, x, 1));
            _mm512_storeu_si512(t + j, _mm512_madd52lo_epu64(y, mj, q));
            x = above;
            up = zero;
        }
        now = next;
    }
    __m512i over = zero, before = zero;
    for (size_t j = 0; j < limbs; j += 8) {
        __m512i y = _mm512_madd52hi_epu64(zero, mont_ifma_load(m + j), q);
        __m512i x = _mm512_add_epi64(mont_ifma_load(t + j), _mm512_alignr_epi64(y, before, 7));
        up = _mm512_srli_epi64(x, MONT_IFMA_LIMB);
        x = _mm512_and_si512(x, mask);
        x = _mm512_add_epi64(x, _mm512_alignr_epi64(up, over, 7));
        uint64_t made = _mm512_cmpgt_epu64_mask(x, mask), passed = _mm512_cmpeq_epu64_mask(x, mask);
        /* eight lanes at a time: the carry out of the eighth is bit 8 */
        uint64_t in = made << 1 | carry, sum = passed + in;
        carry = (made >> 7 | sum >> 8) & 1;
        x = _mm512_mask_add_epi64(x, (__mmask8)(sum ^ passed), x, mont_ifma_word(1));
        _mm512_storeu_si512(r + j, _mm512_and_si512(x, mask));
        over = up;
        before = y;
    }
}

typedef void mont_ifma_fn(uint64_t *r, const uint64_t *a, const uint64_t *b, const uint64_t *m,
                          size_t limbs, uint64_t *t);

#define MONT_IFMA_MUL(v)                                                                           \
    MONT_IFMA static void mont_ifma_mul_##v(uint64_t *r, const uint64_t *a, const uint64_t *b,     \
                                            const uint64_t *m, size_t limbs, uint64_t *t)          \
    {                                                                                              \
        (void)t;                                                                                   \
        mont_ifma_mul(r, a, b, m, limbs, v);                                                       \
    }
MONT_IFMA_MUL(2)
MONT_IFMA_MUL(3)
MONT_IFMA_MUL(4)
MONT_IFMA_MUL(5)
MONT_IFMA_MUL(6)
MONT_IFMA_MUL(8)
MONT_IFMA_MUL(10)

/* The product for numbers of at most so many vectors. */
static const struct {
    unsigned v;
    mont_ifma_fn *mul;
} mont_ifma_sizes[] = {
    {2, mont_ifma_mul_2}, {3, mont_ifma_mul_3}, {4, mont_ifma_mul_4},   {5, mont_ifma_mul_5},
    {6, mont_ifma_mul_6}, {8, mont_ifma_mul_8}, {10, mont_ifma_mul_10},
};
enum { MONT_IFMA_SIZES = sizeof mont_ifma_sizes / sizeof *mont_ifma_sizes };

/* What an exponentiation works with, each number in n words. */
struct mont_ifma {
    size_t limbs, n;
    mont_ifma_fn *mul;
    uint64_t *m;     /* M */
    uint64_t *one;   /* R mod m, plain */
    uint64_t *y, *x; /* power picked; result so far */
    uint64_t *t;     /* scratch of mul */
    uint64_t *table;
};

/* y = entry i of the table's 2^w. */
MONT_IFMA static void mont_ifma_pick(const struct mont_ifma *f, unsigned w, unsigned i)
{
    const __m512i index = mont_ifma_word(i), one = mont_ifma_word(1);
    for (size_t j = 0; j < f->n; j += 8) {
        __m512i sum = _mm512_setzero_si512(), k = sum;
        for (size_t at = j; at < f->n << w; at += f->n) {
            __m512i here = _mm512_movm_epi64(_mm512_cmpeq_epu64_mask(index, k));
            __asm__("" : "+v"(here)); /* a mask of the load would be seen from outside */
            sum = _mm512_or_si512(sum, _mm512_and_si512(here, mont_ifma_load(f->table + at)));
            k = _mm512_add_epi64(k, one);
        }
        _mm512_storeu_si512(f->y + j, sum);
    }
}

/* table[k] = x^k R' for k < 2^w; x is 2^(52 limbs) times the base, y that of 1. */
static void mont_ifma_table(const struct mont_ifma *f, unsigned w)
{
    size_t n = f->n;
    memcpy(f->table, f->y, n * sizeof *f->y);
    memcpy(f->table + n, f->x, n * sizeof *f->x);
    for (size_t k = 2; k >> w == 0; k++) {
        const uint64_t *a = f->table + k / 2 * n, *b = f->table + (k + 1) / 2 * n;
        f->mul(f->table + k * n, a, b, f->m, f->limbs, f->t);
    }
}

static void mont_ifma_run(const struct mont_ifma *f, unsigned w, struct nacre_num e)
{
    size_t left = 8 * e.n;
    unsigned take = left % w > 0 ? (unsigned)(left % w) : w;
    mont_ifma_pick(f, w, ncr_exp_window(e, left - take, take));
    memcpy(f->x, f->y, f->n * sizeof *f->x);
    for (left -= take; left > 0;) {
        left -= w;
        for (unsigned i = 0; i < w; i++) {
            f->mul(f->x, f->x, f->x, f->m, f->limbs, f->t);
        }
        mont_ifma_pick(f, w, ncr_exp_window(e, left, w));
        f->mul(f->x, f->x, f->y, f->m, f->limbs, f->t);
    }
}

/* M = (m k + 1) / 2^52, k = -1 / m mod 2^52. The product's lowest limb is 2^52 - 1. */
static void mont_ifma_modulus(const struct mont_ifma *f, const struct ncr_mont *c, uint64_t *t)
{
    uint64_t k[2] = {c->k[0] & MONT_IFMA_MASK, 0}, carry = 1;
    ncr_words_mul(t, c->m, c->n, k, 2);
    for (size_t i = 0; i < c->n + 2; i++) {
        t[i] = ncr_word_add(t[i], 0, &carry);
    }
    ncr_words_shift_right(t, t, c->n + 2, MONT_IFMA_LIMB);
    ncr_words_split(f->m, f->n, MONT_IFMA_LIMB, t, c->n + 2);
}

/* M, R mod m; y = 2^(52 limbs) mod m' and x = that times the base, by way of its square. */
static void mont_ifma_enter(const struct mont_ifma *f, const uint64_t *base,
                            const struct ncr_mont *c, uint64_t *t)
{
    uint64_t *plain = t + 2 * c->n;
    mont_ifma_modulus(f, c, t);
    ncr_mont_pow2(plain, 2 * MONT_IFMA_LIMB * f->limbs - 64 * c->n, c, t);
    ncr_words_split(f->one, f->n, MONT_IFMA_LIMB, plain, c->n);
    ncr_mont_leave(plain, base, c, t);
    ncr_words_split(f->x, f->n, MONT_IFMA_LIMB, plain, c->n);
    f->mul(f->x, f->x, f->one, f->m, f->limbs, f->t);
    memset(f->y, 0, f->n * sizeof *f->y);
    f->y[0] = 1;
    f->mul(f->y, f->y, f->one, f->m, f->limbs, f->t);
    ncr_mont_one(plain, c, t);
    ncr_words_split(f->one, f->n, MONT_IFMA_LIMB, plain, c->n);
}

/* Lays the numbers out from the first multiple of 64 bytes on; false if not even a window of one
 * bit fits. */
static bool mont_ifma_plan(struct mont_ifma *f, unsigned *w, size_t bits, struct nacre_num e,
                           uint64_t *work, size_t cap)
{
    size_t skip = (64 - (uintptr_t)work % 64) % 64 / sizeof *work, i = 0;
    f->limbs = (bits + 2 + MONT_IFMA_LIMB - 1) / MONT_IFMA_LIMB + 1;
    while (i < MONT_IFMA_SIZES && 8 * mont_ifma_sizes[i].v < f->limbs) {
        i++;
    }
    f->n = i < MONT_IFMA_SIZES ? 8 * (size_t)mont_ifma_sizes[i].v : (f->limbs + 7) / 8 * 8;
    f->mul = i < MONT_IFMA_SIZES ? mont_ifma_sizes[i].mul : mont_ifma_mul_any;
    if (cap < skip + 5 * f->n) {
        return false;
    }
    f->t = work + skip;
    f->m = f->t + f->n;
    f->x = f->m + f->n;
    f->y = f->x + f->n;
    f->one = f->y + f->n;
    f->table = f->one + f->n;
    *w = ncr_exp_window_bits(e, cap - skip - 5 * f->n, f->n);
    return *w > 0;
}

bool ncr_mont_exp_ifma(uint64_t *r, const uint64_t *x, struct nacre_num e, const struct ncr_mont *c,
                       uint64_t *work, size_t cap)
{
    struct mont_ifma f;
    unsigned w;
    size_t n = c->n;
    if (c->bits < MONT_IFMA_BITS_MIN || e.n < MONT_IFMA_EXP_MIN || cap < 3 * n ||
        !mont_ifma_plan(&f, &w, c->bits, e, work + 3 * n, cap - 3 * n)) {
        return false;
    }
    mont_ifma_enter(&f, x, c, work);
    mont_ifma_table(&f, w);
    mont_ifma_run(&f, w, e);
    f.mul(f.x, f.x, f.one, f.m, f.limbs, f.t);
    ncr_words_join(work, 2 * n, f.x, f.limbs, MONT_IFMA_LIMB);
    ncr_mont_redc(r, work, c);
    return true;
}
#endif
