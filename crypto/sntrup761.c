/* SPDX-License-Identifier: ISC
 *
 * Streamlined NTRU Prime, parameters sntrup761 (NTRU Prime submission to NIST, round 3: p = 761,
 * q = 4591, w = 286), as SSH uses it: same bytes and same order of random draws as the submission's
 * reference code. Polynomials are modulo x^p - x - 1; "short" ones have w coefficients that are 1
 * or -1, the rest 0.
 *
 * Constant-time in all that is secret, on the understanding that products of 16- and 32-bit
 * integers are; public are the number of tries for an invertible g, and what is sent. There is no
 * division but of public constants, and random words are sorted by a network. Decryption cannot
 * fail visibly: a ciphertext that does not encrypt again to itself gives another key (implicit
 * rejection).
 *
 * A coefficient modulo q is kept as an int16_t from -2295 to 2295 unless it says otherwise, modulo
 * 3 as -1, 0 or 1. Right shifts of negative numbers are arithmetic, as every compiler has them.
 * Everything secret lies in the caller's work area, and is wiped.
 */
#include "crypto/ct.h"
#include "crypto/fast.h"
#include "crypto/load.h"
#include "crypto/nacre_crypto.h"
#include "crypto/sntrup761.h"

#include <string.h>

enum {
    SNTRUP_P = NCR_SNTRUP_P,
    SNTRUP_Q = NCR_SNTRUP_Q,
    SNTRUP_W = 286,
    SNTRUP_SMALL_LEN = 191,    /* an encoded polynomial modulo 3 */
    SNTRUP_ROUNDED_LEN = 1007, /* an encoded polynomial of multiples of 3 modulo q */
    SNTRUP_HASH_LEN = 32,
    SNTRUP_DRAW_LEN = 4 * SNTRUP_P
};

/* Where things stand in a private key: f, 1/g modulo 3, public key, rho, hash of the public key. */
enum {
    SNTRUP_SK_GINV = SNTRUP_SMALL_LEN,
    SNTRUP_SK_PK = SNTRUP_SK_GINV + SNTRUP_SMALL_LEN,
    SNTRUP_SK_RHO = SNTRUP_SK_PK + NACRE_SNTRUP761_PK_LEN,
    SNTRUP_SK_CACHE = SNTRUP_SK_RHO + SNTRUP_SMALL_LEN
};

/* What the digest that follows is for, hashed before it. */
enum {
    SNTRUP_HASH_REJECTED = 0,
    SNTRUP_HASH_SESSION = 1,
    SNTRUP_HASH_CONFIRM = 2,
    SNTRUP_HASH_INPUT = 3,
    SNTRUP_HASH_PK = 4
};

/* A polynomial modulo 3, coefficient i in bit i % 64 of word i / 64: set in plus if it is 1, in
 * minus if it is -1. */
enum { SNTRUP_TRIT_WORDS = NCR_SNTRUP_ROOM / 64 };
struct sntrup_trits {
    uint64_t plus[SNTRUP_TRIT_WORDS], minus[SNTRUP_TRIT_WORDS];
};

struct sntrup_work {
    int16_t a[NCR_SNTRUP_ROOM], b[NCR_SNTRUP_ROOM], c[NCR_SNTRUP_ROOM];
    union {
        uint32_t words[SNTRUP_P];
        uint16_t list[SNTRUP_P];
        struct sntrup_trits trits[4];
        struct ncr_sntrup_product product;
        struct ncr_sntrup_fgvr fgvr;
    } u;
    uint8_t small[SNTRUP_SMALL_LEN];
    uint8_t ct[NACRE_SNTRUP761_CT_LEN];
};
typedef char sntrup_work_fits[sizeof(struct sntrup_work) <= 8 * NACRE_SNTRUP761_WORK ? 1 : -1];

/* ---- Integers ---------------------------------------------------------------------------- */

/* Something below 2q that is x / 2^16 modulo q, for x < 2^28: x + mq is a multiple of 2^16 below
 * 2^28 + 2^16 q, and (2^28 + 2^16 q) / 2^16 = 4096 + q. */
static uint32_t sntrup_montgomery(uint32_t x)
{
    return (x + (x * NCR_SNTRUP_MINUS_QINV & 0xffff) * SNTRUP_Q) >> 16;
}

/* x modulo q, for x < 2q. */
static uint32_t sntrup_below_q(uint32_t x)
{
    return x - (~ncr_ct_mask_lt32(x, SNTRUP_Q) & SNTRUP_Q);
}

/* 2^16 / a modulo q, below 2q, for a < 4q that is no multiple of q: a^(q - 2), with a factor of
 * 2^16 on all. */
static uint32_t sntrup_reciprocal(uint32_t a)
{
    const uint32_t two32 = 4158; /* 2^32 modulo q */
    const uint32_t base = sntrup_montgomery(a * two32);
    uint32_t r = base;
    for (int i = 11; i >= 0; i--) { /* q - 2 has 13 bits */
        r = sntrup_montgomery(r * r);
        if (((SNTRUP_Q - 2) >> i & 1) != 0) {
            r = sntrup_montgomery(r * base);
        }
    }
    return r;
}

/* x modulo 3 from -1 to 1, for |x| <= 2295: 10923 / 2^15 = 1/3 + 1/98304, so that x / 3 is rounded
 * to the nearest integer. */
static int16_t sntrup_mod3(int16_t x)
{
    return (int16_t)(x - 3 * ((10923 * x + 16384) >> 15));
}

/* ---- Products ---------------------------------------------------------------------------- */

static inline ncr_lanes16 sntrup_load(const int16_t *p)
{
    ncr_lanes16 x;
    memcpy(&x, p, sizeof x);
    return x;
}

static inline void sntrup_store(int16_t *p, ncr_lanes16 x)
{
    memcpy(p, &x, sizeof x);
}

/* x modulo q, from -2542 to 2542: 57 * 256 / 2^18 is 1/q less one part in 600, and dropping the low
 * byte of x moves the quotient by 256 / q at most. (Tried for all x by a test.) */
static inline ncr_lanes16 sntrup_reduce(ncr_lanes16 x)
{
    ncr_lanes16 t = (ncr_lanes16)(((x >> 8) * 57 + 512) >> 10);
    return (ncr_lanes16)(x - t * SNTRUP_Q);
}

/* acc += f g for the part of g, NCR_SNTRUP_GROUP coefficients from -1 to 1, where f[-12] to f[-1]
 * are 0. Sums are at most 2542 + 13 * 2295 = 32377. */
static void sntrup_mul_group(int16_t *acc, const int16_t *f, const int16_t *g)
{
    ncr_lanes16 c[NCR_SNTRUP_GROUP];
    for (size_t t = 0; t < NCR_SNTRUP_GROUP; t++) {
        int16_t same[NCR_LANES16];
        for (size_t i = 0; i < NCR_LANES16; i++) {
            same[i] = g[t];
        }
        c[t] = sntrup_load(same);
    }
    for (size_t i = 0; i < NCR_SNTRUP_SPAN; i += NCR_LANES16, f += NCR_LANES16) {
        ncr_lanes16 s = sntrup_load(acc + i);
        s = (ncr_lanes16)(s + sntrup_load(f) * c[0] + sntrup_load(f - 1) * c[1] +
                          sntrup_load(f - 2) * c[2] + sntrup_load(f - 3) * c[3] +
                          sntrup_load(f - 4) * c[4] + sntrup_load(f - 5) * c[5] +
                          sntrup_load(f - 6) * c[6] + sntrup_load(f - 7) * c[7] +
                          sntrup_load(f - 8) * c[8] + sntrup_load(f - 9) * c[9] +
                          sntrup_load(f - 10) * c[10] + sntrup_load(f - 11) * c[11] +
                          sntrup_load(f - 12) * c[12]);
        sntrup_store(acc + i, sntrup_reduce(s));
    }
}

static void sntrup_mul_groups(struct ncr_sntrup_product *p, const int16_t *g)
{
#if NCR_X86
    if ((ncr_cpu() & NCR_CPU_AVX2) != 0) {
        ncr_sntrup_mul_groups_avx2(p, g);
        return;
    }
#endif
    for (size_t i = 0; i < SNTRUP_P; i += NCR_SNTRUP_GROUP) {
        sntrup_mul_group(p->acc + i, p->f + NCR_SNTRUP_PAD, g + i);
    }
}

/* From -2295 to 2295, for what is at most q away from that. */
static inline ncr_lanes16 sntrup_center(ncr_lanes16 x)
{
    x = (ncr_lanes16)(x - (((SNTRUP_Q / 2 - x) >> 15) & SNTRUP_Q));
    return (ncr_lanes16)(x + (((x + SNTRUP_Q / 2) >> 15) & SNTRUP_Q));
}

/* r = f g, f modulo q and g modulo 3; r may be f or g. The product of two that are modulo 3 comes
 * out as over the integers, for its coefficients are at most 3 * 761 = 2283.
 *
 * By x^p = x + 1, coefficient i of the result is the sum of three: i, i + p, and, but for i = 0,
 * i + p - 1; all at most 2932 (which is what a twin leaves). */
static void sntrup_mul(int16_t *r, const int16_t *f, const int16_t *g, struct ncr_sntrup_product *p)
{
    memset(p, 0, sizeof *p);
    memcpy(p->f + NCR_SNTRUP_PAD, f, SNTRUP_P * sizeof *f);
    sntrup_mul_groups(p, g);
    p->acc[0] = (int16_t)(p->acc[0] - p->acc[SNTRUP_P - 1]);
    for (size_t i = 0; i < NCR_SNTRUP_ROOM; i += NCR_LANES16) {
        const int16_t *c = p->acc + i;
        ncr_lanes16 s = (ncr_lanes16)(sntrup_load(c) + sntrup_load(c + SNTRUP_P) +
                                      sntrup_load(c + SNTRUP_P - 1));
        sntrup_store(r + i, sntrup_center(sntrup_reduce(s)));
    }
    memset(r + SNTRUP_P, 0, (NCR_SNTRUP_ROOM - SNTRUP_P) * sizeof *r);
}

/* ---- Reciprocals ------------------------------------------------------------------------- */
/* Division steps (Bernstein, Yang, "Fast constant-time gcd computation and modular inversion",
 * TCHES 2019, section 7), on polynomials with their coefficients in reverse:
 *
 *   (f, g) starts as (x^p - x - 1, a) reversed, (v, r) as (0, 1), delta as 1; 2p - 1 times
 *   v = x v; if delta > 0 and g(0) != 0, exchange f and g, v and r, and negate delta; delta += 1;
 *   g = (f(0) g - g(0) f) / x, r = f(0) r - g(0) v.
 *
 * If delta is 0 then, the reciprocal of a is v / f(0), reversed; else there is none. Multiplying g
 * and r by the same unit changes neither, so that signs and Montgomery's factor are let go. Of f
 * and g, only what can still move down to g(0) is computed; v and r grow by one a step. */

enum { SNTRUP_BLOCK = 32 };

/* One block of f and g, or of r and v (in this order): to = f0 g - g0 f, and f = g if swap is all
 * ones; all below 2q, and h0 = 2q - g0. The sum of products is at most 2 (2q)^2 < 2^28. */
static void sntrup_step_block(uint16_t *restrict to, uint16_t *restrict f_to,
                              const uint16_t *restrict f, const uint16_t *restrict g, uint32_t f0,
                              uint32_t h0, uint32_t swap)
{
    for (size_t i = 0; i < SNTRUP_BLOCK; i++) {
        const uint32_t x = f0 * g[i] + h0 * f[i];
        to[i] = (uint16_t)sntrup_montgomery(x);
        f_to[i] = (uint16_t)(f[i] ^ (swap & (uint32_t)(f[i] ^ g[i])));
    }
}

/* f, g and v, r from step i on to the next, of blocks of coefficients that matter. */
static void sntrup_step(struct ncr_sntrup_fgvr *s, size_t i, uint32_t swap)
{
    uint16_t *f = s->f + NCR_SNTRUP_PAD, *g = s->g + NCR_SNTRUP_PAD;
    uint16_t *v = s->v + NCR_SNTRUP_PAD, *r = s->r + NCR_SNTRUP_PAD;
    const size_t low = i < SNTRUP_P ? i + 2 : SNTRUP_P + 1;
    const size_t high = NCR_SNTRUP_STEPS - i < SNTRUP_P ? NCR_SNTRUP_STEPS - i : SNTRUP_P + 1;
    const uint32_t f0 = f[0], h0 = 2 * SNTRUP_Q - g[0];
    uint16_t a[SNTRUP_BLOCK], b[SNTRUP_BLOCK];
    for (size_t j = 0; j < high; j += SNTRUP_BLOCK) {
        sntrup_step_block(a, b, f + j, g + j, f0, h0, swap);
        memcpy(g + j - 1, a, sizeof a);
        memcpy(f + j, b, sizeof b);
    }
    for (size_t j = (low - 1) / SNTRUP_BLOCK * SNTRUP_BLOCK;; j -= SNTRUP_BLOCK) {
        sntrup_step_block(a, b, v + j - 1, r + j, f0, h0, swap);
        memcpy(r + j, a, sizeof a);
        memcpy(v + j, b, sizeof b);
        if (j == 0) {
            break;
        }
    }
}

/* All steps; f(0) and v come out below 4q. */
static void sntrup_steps(struct ncr_sntrup_fgvr *s)
{
    uint32_t delta = 1;
#if NCR_X86
    if ((ncr_cpu() & NCR_CPU_AVX2) != 0) {
        ncr_sntrup_steps_avx2(s);
        return;
    }
#endif
    for (size_t i = 0; i < NCR_SNTRUP_STEPS; i++) {
        uint32_t g0 = sntrup_below_q(s->g[NCR_SNTRUP_PAD]);
        sntrup_step(s, i, ncr_sntrup_swap(&delta, ncr_ct_mask_nonzero32(g0)));
    }
}

/* The state before the first step, with 1/3 for r. */
static void sntrup_reciprocal_start(struct ncr_sntrup_fgvr *s, const int16_t *a)
{
    const uint16_t third = 3061; /* modulo q */
    memset(s, 0, sizeof *s);
    s->f[NCR_SNTRUP_PAD] = 1;
    s->f[NCR_SNTRUP_PAD + SNTRUP_P - 1] = SNTRUP_Q - 1;
    s->f[NCR_SNTRUP_PAD + SNTRUP_P] = SNTRUP_Q - 1;
    for (size_t i = 0; i < SNTRUP_P; i++) {
        s->g[NCR_SNTRUP_PAD + SNTRUP_P - 1 - i] = (uint16_t)(SNTRUP_Q + a[i]);
    }
    s->r[NCR_SNTRUP_PAD] = third;
}

/* r = 1/(3a) modulo q, for a modulo 3 and not 0, which has one: x^p - x - 1 has no factor. r may be
 * a. */
static void sntrup_reciprocal_of_3(int16_t *r, const int16_t *a, struct ncr_sntrup_fgvr *s)
{
    sntrup_reciprocal_start(s, a);
    sntrup_steps(s);
    const uint32_t scale = sntrup_reciprocal(s->f[NCR_SNTRUP_PAD]);
    for (size_t i = 0; i < SNTRUP_P; i++) {
        uint32_t x = sntrup_montgomery(scale * s->v[NCR_SNTRUP_PAD + SNTRUP_P - 1 - i]);
        x = sntrup_below_q(x);
        r[i] = (int16_t)((int32_t)x - (int32_t)(~ncr_ct_mask_lt32(x, SNTRUP_Q / 2 + 1) & SNTRUP_Q));
    }
}

/* f and g, or v and r, of one step: g = g + c f, where c is 1 if plus is all ones, -1 if minus is,
 * else 0; and f = g as it was if swap is all ones. */
static void sntrup_trits_step(struct sntrup_trits *restrict f, struct sntrup_trits *restrict g,
                              uint64_t plus, uint64_t minus, uint64_t swap)
{
    for (size_t i = 0; i < SNTRUP_TRIT_WORDS; i++) {
        const uint64_t fp = f->plus[i], fm = f->minus[i], gp = g->plus[i], gm = g->minus[i];
        const uint64_t cp = (fp & plus) | (fm & minus), cm = (fm & plus) | (fp & minus);
        const uint64_t t = (gp | cm) ^ (gm | cp);
        g->plus[i] = (gm | cm) ^ t;
        g->minus[i] = (gp | cp) ^ t;
        f->plus[i] = fp ^ (swap & (fp ^ gp));
        f->minus[i] = fm ^ (swap & (fm ^ gm));
    }
}

/* A polynomial times x, or divided by x. */
static void sntrup_bits_up(uint64_t w[SNTRUP_TRIT_WORDS])
{
    for (size_t i = SNTRUP_TRIT_WORDS - 1; i > 0; i--) {
        w[i] = w[i] << 1 | w[i - 1] >> 63;
    }
    w[0] <<= 1;
}

static void sntrup_bits_down(uint64_t w[SNTRUP_TRIT_WORDS])
{
    for (size_t i = 0; i < SNTRUP_TRIT_WORDS - 1; i++) {
        w[i] = w[i] >> 1 | w[i + 1] << 63;
    }
    w[SNTRUP_TRIT_WORDS - 1] >>= 1;
}

/* All steps modulo 3; f(0) is 1 or -1, and so is its own reciprocal: g - f(0) g(0) f is what the
 * step makes of g but for the sign. Returns the last delta. */
static uint32_t sntrup_trits_steps(struct sntrup_trits *f, struct sntrup_trits *g,
                                   struct sntrup_trits *v, struct sntrup_trits *r)
{
    uint32_t delta = 1;
    for (size_t i = 0; i < NCR_SNTRUP_STEPS; i++) {
        const uint64_t fp = f->plus[0], fm = f->minus[0], gp = g->plus[0], gm = g->minus[0];
        const uint64_t plus = ncr_ct_mask_bit64((fp & gm) | (fm & gp));
        const uint64_t minus = ncr_ct_mask_bit64((fp & gp) | (fm & gm));
        const uint32_t swap = ncr_sntrup_swap(&delta, (uint32_t)(plus | minus));
        const uint64_t swap64 = ncr_ct_mask_bit64(swap);
        sntrup_trits_step(f, g, plus, minus, swap64);
        sntrup_bits_down(g->plus);
        sntrup_bits_down(g->minus);
        sntrup_bits_up(v->plus);
        sntrup_bits_up(v->minus);
        sntrup_trits_step(v, r, plus, minus, swap64);
    }
    return delta;
}

/* Coefficient i of t is a, which is -1, 0 or 1. */
static void sntrup_trits_set(struct sntrup_trits *t, size_t i, int a)
{
    t->plus[i / 64] |= (uint64_t)(a & 1 & ~(a >> 1)) << i % 64;
    t->minus[i / 64] |= (uint64_t)(a >> 1 & 1) << i % 64;
}

static int sntrup_trits_get(const struct sntrup_trits *t, size_t i)
{
    return (int)(t->plus[i / 64] >> i % 64 & 1) - (int)(t->minus[i / 64] >> i % 64 & 1);
}

/* r = 1/a modulo 3; false if there is none, which is public: a is then thrown away. */
static bool sntrup_reciprocal_mod3(int16_t *r, const int16_t *a, struct sntrup_trits t[4])
{
    memset(t, 0, 4 * sizeof *t);
    sntrup_trits_set(&t[0], 0, 1);
    sntrup_trits_set(&t[0], SNTRUP_P - 1, -1);
    sntrup_trits_set(&t[0], SNTRUP_P, -1);
    for (size_t i = 0; i < SNTRUP_P; i++) {
        sntrup_trits_set(&t[1], SNTRUP_P - 1 - i, a[i]);
    }
    sntrup_trits_set(&t[3], 0, 1);
    uint32_t delta = sntrup_trits_steps(&t[0], &t[1], &t[2], &t[3]);
    /* Whether g has a reciprocal: the number of tries is no secret, for the next g is another. */
    NCR_CT_PUBLIC(&delta, sizeof delta);
    const int scale = sntrup_trits_get(&t[0], 0);
    for (size_t i = 0; i < SNTRUP_P; i++) {
        r[i] = (int16_t)(scale * sntrup_trits_get(&t[2], SNTRUP_P - 1 - i));
    }
    return delta == 0;
}

/* ---- Encodings --------------------------------------------------------------------------- */

/* Four coefficients a byte, each plus 1, the first in the lowest bits. */
static void sntrup_encode_small(uint8_t s[SNTRUP_SMALL_LEN], const int16_t *a)
{
    for (size_t i = 0; i < SNTRUP_SMALL_LEN; i++) { /* the places from p on hold 0, but no 1 */
        unsigned x = 0;
        for (size_t j = 0; j < 4 && 4 * i + j < SNTRUP_P; j++) {
            x |= (unsigned)(a[4 * i + j] + 1) << 2 * j;
        }
        s[i] = (uint8_t)x;
    }
}

/* What stands for 2, and is in no key, becomes -1. */
static void sntrup_decode_small(int16_t *a, const uint8_t s[SNTRUP_SMALL_LEN])
{
    memset(a + SNTRUP_P, 0, (NCR_SNTRUP_ROOM - SNTRUP_P) * sizeof *a);
    for (size_t i = 0; i < SNTRUP_P; i++) {
        const int x = s[i / 4] >> 2 * (i % 4) & 3;
        a[i] = (int16_t)(x - 1 - 3 * (x & x >> 1));
    }
}

/* Numbers below given bounds in nearly as few bytes as their product needs: two neighbours become
 * one, r0 + m0 r1 below m0 m1, of which low bytes are written while the bound is at least 2^14; so
 * on until one is left, which is written whole. An odd one at the end is carried along. All have
 * one bound but the last, which has its own. */
struct sntrup_level {
    uint32_t n;          /* numbers */
    uint32_t m, last;    /* bound of all but the last, and of the last */
    uint32_t at;         /* first byte of this level */
    uint32_t bytes, end; /* written for each pair, and for a last pair */
};
enum { SNTRUP_LEVELS = 11, SNTRUP_LIMIT = 16384 };

/* Bytes that go before the bound m is below limit; leaves what is left of m. */
static uint32_t sntrup_bytes(uint32_t *m, uint32_t limit)
{
    uint32_t n = 0;
    for (; *m >= limit; n++) {
        *m = (*m + 255) >> 8;
    }
    return n;
}

/* The levels for p numbers below m: all of it is public. */
static void sntrup_levels(struct sntrup_level level[SNTRUP_LEVELS], uint32_t m)
{
    struct sntrup_level l = {.n = SNTRUP_P, .m = m, .last = m};
    for (size_t i = 0; i < SNTRUP_LEVELS; i++) {
        uint32_t pair = l.m * l.m, last = l.m * l.last;
        l.bytes = sntrup_bytes(&pair, SNTRUP_LIMIT);
        l.end = l.n % 2 != 0 ? l.bytes : sntrup_bytes(&last, SNTRUP_LIMIT);
        level[i] = l;
        l.at += l.n < 2 ? 0 : (l.n / 2 - 1) * l.bytes + l.end;
        l.m = pair;
        l.last = l.n % 2 != 0 ? l.last : last;
        l.n = (l.n + 1) / 2;
    }
}

/* Writes the p numbers of list, which it uses up. */
static void sntrup_encode(uint8_t *s, uint16_t *list, uint32_t m)
{
    struct sntrup_level level[SNTRUP_LEVELS];
    sntrup_levels(level, m);
    for (const struct sntrup_level *l = level; l->n > 1; l++) {
        uint8_t *to = s + l->at;
        for (size_t i = 0; i < l->n / 2; i++) {
            const uint32_t bytes = 2 * i + 2 < l->n ? l->bytes : l->end;
            uint32_t r = list[2 * i] + list[2 * i + 1] * l->m;
            for (uint32_t j = 0; j < bytes; j++, r >>= 8) {
                *to++ = (uint8_t)r;
            }
            list[i] = (uint16_t)r;
        }
        list[l->n / 2] = list[l->n - 1]; /* of an odd n; else it is not used again */
    }
    const struct sntrup_level *top = &level[SNTRUP_LEVELS - 1];
    uint32_t left = top->last, r = list[0];
    for (uint32_t j = sntrup_bytes(&left, 2), at = top->at; j > 0; j--, r >>= 8) {
        s[at++] = (uint8_t)r;
    }
}

/* *r = r / m, returning the remainder, for inverse = floor((2^32 - 1) / m) and m > 1: the
 * quotient by the inverse is right or 1 too small. */
static uint32_t sntrup_divide(uint32_t *r, uint32_t m, uint32_t inverse)
{
    uint32_t quotient = (uint32_t)((uint64_t)*r * inverse >> 32);
    uint32_t rest = *r - quotient * m;
    const uint32_t more = ~ncr_ct_mask_lt32(rest, m);
    rest -= more & m;
    *r = quotient - more;
    return rest;
}

/* The p numbers of list, each below m whatever the bytes are. */
static void sntrup_decode(uint16_t *list, const uint8_t *s, uint32_t m)
{
    struct sntrup_level level[SNTRUP_LEVELS];
    sntrup_levels(level, m);
    const struct sntrup_level *l = &level[SNTRUP_LEVELS - 1];
    uint32_t left = l->last, r = 0;
    for (uint32_t j = sntrup_bytes(&left, 2); j > 0; j--) {
        r = r << 8 | s[l->at + j - 1];
    }
    list[0] = (uint16_t)sntrup_divide(&r, l->last, UINT32_MAX / l->last);
    for (size_t k = SNTRUP_LEVELS - 1; k > 0; k--) {
        const uint8_t *from = s + l->at;
        l--;
        const uint32_t inverse = UINT32_MAX / l->m, inverse_last = UINT32_MAX / l->last;
        list[l->n - 1] = list[l->n / 2];
        for (size_t i = l->n / 2; i-- > 0;) {
            const bool end = 2 * i + 2 == l->n;
            r = list[i];
            for (uint32_t j = end ? l->end : l->bytes; j > 0; j--) {
                r = r << 8 | *--from;
            }
            list[2 * i] = (uint16_t)sntrup_divide(&r, l->m, inverse);
            list[2 * i + 1] = (uint16_t)(end ? sntrup_divide(&r, l->last, inverse_last)
                                             : sntrup_divide(&r, l->m, inverse));
        }
    }
}

/* Public key: coefficients from -2295 to 2295. */
static void sntrup_encode_rq(uint8_t s[NACRE_SNTRUP761_PK_LEN], const int16_t *a, uint16_t *list)
{
    for (size_t i = 0; i < SNTRUP_P; i++) {
        list[i] = (uint16_t)(a[i] + SNTRUP_Q / 2);
    }
    sntrup_encode(s, list, SNTRUP_Q);
}

static void sntrup_decode_rq(int16_t *a, const uint8_t s[NACRE_SNTRUP761_PK_LEN], uint16_t *list)
{
    sntrup_decode(list, s, SNTRUP_Q);
    for (size_t i = 0; i < SNTRUP_P; i++) {
        a[i] = (int16_t)(list[i] - SNTRUP_Q / 2);
    }
}

/* Ciphertext: coefficients rounded to multiples of 3. 10923 / 2^15 is 1/3 plus less than 1/98000,
 * so the product rounded down is x / 3 where that is an integer, 2 * 2295 / 3 at most. */
static void sntrup_encode_rounded(uint8_t s[SNTRUP_ROUNDED_LEN], const int16_t *a, uint16_t *list)
{
    for (size_t i = 0; i < SNTRUP_P; i++) {
        const int32_t x = a[i] - sntrup_mod3(a[i]) + SNTRUP_Q / 2;
        list[i] = (uint16_t)(x * 10923 >> 15);
    }
    sntrup_encode(s, list, (SNTRUP_Q + 2) / 3);
}

static void sntrup_decode_rounded(int16_t *a, const uint8_t s[SNTRUP_ROUNDED_LEN], uint16_t *list)
{
    sntrup_decode(list, s, (SNTRUP_Q + 2) / 3);
    for (size_t i = 0; i < SNTRUP_P; i++) {
        a[i] = (int16_t)(3 * list[i] - SNTRUP_Q / 2);
    }
}

/* ---- Random polynomials ------------------------------------------------------------------ */

static inline ncr_lanes32 sntrup_load32(const uint32_t *p)
{
    ncr_lanes32 x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* The smaller of each a[i] and b[i], i < n, into a, the other into b. */
static void sntrup_sort_runs(uint32_t *a, uint32_t *b, size_t n)
{
    for (; n >= NCR_LANES32; n -= NCR_LANES32, a += NCR_LANES32, b += NCR_LANES32) {
        const ncr_lanes32 x = sntrup_load32(a), y = sntrup_load32(b);
        /* The borrow of y - x. */
        const ncr_lanes32 less = ((~y & x) | ((~y | x) & (y - x))) >> 31;
        const ncr_lanes32 change = (x ^ y) & (0 - less);
        const ncr_lanes32 low = x ^ change, high = y ^ change;
        memcpy(a, &low, sizeof low);
        memcpy(b, &high, sizeof high);
    }
    for (; n > 0; n--, a++, b++) {
        const uint32_t change = (*a ^ *b) & ncr_ct_mask_lt32(*b, *a);
        *a ^= change;
        *b ^= change;
    }
}

/* Sorts the p words by Batcher's network (Knuth, The Art of Computer Programming, volume 3,
 * algorithm 5.2.2 M): compares i and i + d for all i that have bit `step` as in `bit`. */
static void sntrup_sort(uint32_t *x)
{
    for (size_t step = 512; step > 0; step /= 2) {
        size_t bit = 0, d = step;
        for (size_t other = 512; d > 0; other /= 2) {
            for (size_t i = bit; i + d < SNTRUP_P; i += 2 * step) {
                const size_t left = SNTRUP_P - d - i;
                sntrup_sort_runs(x + i, x + i + d, left < step ? left : step);
            }
            d = other - step;
            bit = step;
        }
    }
}

/* Little-endian words in place. */
static bool sntrup_draw(uint32_t words[SNTRUP_P], const struct nacre_rng *rng)
{
    uint8_t *bytes = (uint8_t *)words;
    if (!nacre_rng_fill(rng, bytes, SNTRUP_DRAW_LEN)) {
        return false;
    }
    for (size_t i = 0; i < SNTRUP_P; i++) {
        words[i] = ncr_load32le(bytes + 4 * i);
    }
    return true;
}

/* Coefficients modulo 3, near enough uniform. False if rng fails. */
static bool sntrup_random(int16_t *a, uint32_t words[SNTRUP_P], const struct nacre_rng *rng)
{
    if (!sntrup_draw(words, rng)) {
        return false;
    }
    for (size_t i = 0; i < SNTRUP_P; i++) {
        a[i] = (int16_t)((int)((words[i] & 0x3fffffff) * 3 >> 30) - 1);
    }
    return true;
}

/* A short polynomial: each word has its coefficient plus 1 in the two lowest bits, and the upper
 * ones put them in a random order. False if rng fails. */
static bool sntrup_short(int16_t *a, uint32_t words[SNTRUP_P], const struct nacre_rng *rng)
{
    if (!sntrup_draw(words, rng)) {
        return false;
    }
    for (size_t i = 0; i < SNTRUP_P; i++) {
        words[i] = i < SNTRUP_W ? words[i] & ~UINT32_C(1) : (words[i] & ~UINT32_C(2)) | 1;
    }
    sntrup_sort(words);
    for (size_t i = 0; i < SNTRUP_P; i++) {
        a[i] = (int16_t)((int)(words[i] & 3) - 1);
    }
    return true;
}

/* ---- Encryption -------------------------------------------------------------------------- */

/* SHA-512 of what || a || b, cut to 32 bytes; out may be in a or b. */
static void sntrup_hash(uint8_t out[SNTRUP_HASH_LEN], uint8_t what, const uint8_t *a, size_t a_len,
                        const uint8_t *b, size_t b_len)
{
    struct nacre_sha512 h;
    uint8_t digest[NACRE_SHA512_LEN];
    nacre_sha512_init(&h);
    nacre_sha512_update(&h, &what, 1);
    nacre_sha512_update(&h, a, a_len);
    nacre_sha512_update(&h, b, b_len);
    nacre_sha512_final(digest, &h);
    memcpy(out, digest, SNTRUP_HASH_LEN);
    nacre_wipe(digest, sizeof digest);
}

/* The ciphertext of a short r; cache is the hash of pk. Leaves r encoded in w->small, and
 * uses up w->b. */
static void sntrup_encrypt(uint8_t ct[NACRE_SNTRUP761_CT_LEN], const int16_t *r, const uint8_t *pk,
                           const uint8_t cache[SNTRUP_HASH_LEN], struct sntrup_work *w)
{
    uint8_t input[SNTRUP_HASH_LEN];
    sntrup_encode_small(w->small, r);
    sntrup_decode_rq(w->b, pk, w->u.list);
    sntrup_mul(w->b, w->b, r, &w->u.product);
    sntrup_encode_rounded(ct, w->b, w->u.list);
    sntrup_hash(input, SNTRUP_HASH_INPUT, w->small, sizeof w->small, pk, 0);
    sntrup_hash(ct + SNTRUP_ROUNDED_LEN, SNTRUP_HASH_CONFIRM, input, sizeof input, cache,
                SNTRUP_HASH_LEN);
    nacre_wipe(input, sizeof input);
}

/* The session's key, or the one of a rejection: what is SNTRUP_HASH_SESSION or _REJECTED. */
static void sntrup_session(uint8_t k[NACRE_SNTRUP761_K_LEN], uint32_t what,
                           const uint8_t small[SNTRUP_SMALL_LEN],
                           const uint8_t ct[NACRE_SNTRUP761_CT_LEN])
{
    uint8_t input[SNTRUP_HASH_LEN];
    sntrup_hash(input, SNTRUP_HASH_INPUT, small, SNTRUP_SMALL_LEN, ct, 0);
    sntrup_hash(k, (uint8_t)what, input, sizeof input, ct, NACRE_SNTRUP761_CT_LEN);
    nacre_wipe(input, sizeof input);
}

/* r (into w->a) from the ciphertext: with the key f, 3 f c = g r + 3 f e, whose coefficients are
 * all small enough not to be reduced modulo q if the ciphertext is good; modulo 3 that is g r. What
 * has not weight w becomes w ones, then zeros. */
static void sntrup_decrypt(const uint8_t *sk, const uint8_t *ct, struct sntrup_work *w)
{
    int16_t *r = w->a;
    uint32_t weight = 0;
    sntrup_decode_rounded(r, ct, w->u.list);
    sntrup_decode_small(w->b, sk);
    sntrup_mul(r, r, w->b, &w->u.product);
    for (size_t i = 0; i < NCR_SNTRUP_ROOM; i += NCR_LANES16) {
        ncr_lanes16 x = sntrup_load(r + i);
        sntrup_store(r + i, sntrup_center(sntrup_reduce((ncr_lanes16)(3 * x))));
    }
    for (size_t i = 0; i < SNTRUP_P; i++) {
        r[i] = sntrup_mod3(r[i]);
    }
    sntrup_decode_small(w->b, sk + SNTRUP_SK_GINV);
    sntrup_mul(r, r, w->b, &w->u.product);
    for (size_t i = 0; i < SNTRUP_P; i++) {
        r[i] = sntrup_mod3(r[i]);
        weight += (uint32_t)r[i] & 1;
    }
    const uint32_t bad = ncr_ct_mask_nonzero32(weight ^ SNTRUP_W);
    for (size_t i = 0; i < SNTRUP_P; i++) {
        r[i] = (int16_t)ncr_ct_select32(bad, i < SNTRUP_W ? 1 : 0, (uint32_t)r[i]);
    }
}

/* ---- Key encapsulation ------------------------------------------------------------------- */

/* g, f and h = g/(3f); g's reciprocal and f go to sk, h to pk. False if rng fails. */
static bool sntrup_keys(uint8_t *pk, uint8_t *sk, const struct nacre_rng *rng,
                        struct sntrup_work *w)
{
    memset(w, 0, sizeof *w);
    do {
        if (!sntrup_random(w->a, w->u.words, rng)) {
            return false;
        }
    } while (!sntrup_reciprocal_mod3(w->b, w->a, w->u.trits));
    if (!sntrup_short(w->c, w->u.words, rng)) {
        return false;
    }
    sntrup_encode_small(sk, w->c);
    sntrup_encode_small(sk + SNTRUP_SK_GINV, w->b);
    sntrup_reciprocal_of_3(w->c, w->c, &w->u.fgvr);
    sntrup_mul(w->c, w->c, w->a, &w->u.product);
    sntrup_encode_rq(pk, w->c, w->u.list);
    return true;
}

bool nacre_sntrup761_keygen(uint8_t *pk, uint8_t *sk, const struct nacre_rng *rng, uint64_t *work)
{
    struct sntrup_work *w = (void *)work;
    uint8_t *sk_pk = sk + SNTRUP_SK_PK;
    const bool ok =
        sntrup_keys(sk_pk, sk, rng, w) && nacre_rng_fill(rng, sk + SNTRUP_SK_RHO, SNTRUP_SMALL_LEN);
    nacre_wipe(w, sizeof *w);
    if (!ok) {
        nacre_wipe(pk, NACRE_SNTRUP761_PK_LEN);
        nacre_wipe(sk, NACRE_SNTRUP761_SK_LEN);
        return false;
    }
    /* The public key: released here. */
    NCR_CT_PUBLIC(sk_pk, NACRE_SNTRUP761_PK_LEN);
    sntrup_hash(sk + SNTRUP_SK_CACHE, SNTRUP_HASH_PK, sk_pk, NACRE_SNTRUP761_PK_LEN, sk, 0);
    memcpy(pk, sk_pk, NACRE_SNTRUP761_PK_LEN);
    return true;
}

bool nacre_sntrup761_encaps(uint8_t *ct, uint8_t *k, const uint8_t *pk, const struct nacre_rng *rng,
                            uint64_t *work)
{
    struct sntrup_work *w = (void *)work;
    uint8_t cache[SNTRUP_HASH_LEN];
    memset(w, 0, sizeof *w);
    const bool ok = sntrup_short(w->a, w->u.words, rng);
    if (ok) {
        sntrup_hash(cache, SNTRUP_HASH_PK, pk, NACRE_SNTRUP761_PK_LEN, pk, 0);
        sntrup_encrypt(ct, w->a, pk, cache, w);
        /* The ciphertext: released here. */
        NCR_CT_PUBLIC(ct, NACRE_SNTRUP761_CT_LEN);
        sntrup_session(k, SNTRUP_HASH_SESSION, w->small, ct);
    } else {
        nacre_wipe(ct, NACRE_SNTRUP761_CT_LEN);
        nacre_wipe(k, NACRE_SNTRUP761_K_LEN);
    }
    nacre_wipe(w, sizeof *w);
    return ok;
}

void nacre_sntrup761_decaps(uint8_t *k, const uint8_t *sk, const uint8_t *ct, uint64_t *work)
{
    struct sntrup_work *w = (void *)work;
    const uint8_t *rho = sk + SNTRUP_SK_RHO;
    memset(w, 0, sizeof *w);
    sntrup_decrypt(sk, ct, w);
    sntrup_encrypt(w->ct, w->a, sk + SNTRUP_SK_PK, sk + SNTRUP_SK_CACHE, w);
    const uint32_t bad = ncr_ct_mask_nonzero32(ncr_ct_diff(w->ct, ct, sizeof w->ct));
    for (size_t i = 0; i < SNTRUP_SMALL_LEN; i++) {
        w->small[i] = (uint8_t)ncr_ct_select32(bad, rho[i], w->small[i]);
    }
    sntrup_session(k, ncr_ct_select32(bad, SNTRUP_HASH_REJECTED, SNTRUP_HASH_SESSION), w->small,
                   ct);
    nacre_wipe(w, sizeof *w);
}
