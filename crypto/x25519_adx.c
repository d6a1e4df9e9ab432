/* SPDX-License-Identifier: ISC
 *
 * X25519's ladder with MULX, ADCX and ADOX (BMI2 and ADX): the twin of x25519_ladder in x25519.c
 * for CPUs without AVX-512 IFMA.
 *
 * Numbers are four words of 64 bits, any value below 2^256 standing for itself modulo p = 2^255 -
 * 19; 2^256 = 38 modulo p. A product is 16 multiplications where limbs of 51 bits need 25, and its
 * carries run in two chains at once. Every function may be given its output as an input. CT in
 * scalar and point: conditional moves alone depend on them.
 */
#include "crypto/adx.h"
#include "crypto/ct.h"
#include "crypto/fast.h"
#include "crypto/load.h"

#if NCR_X86

/* (486662 - 2) / 4 */
#define X25519_ADX_A24 121665

#define X25519_ADX_IN(a) "m"(*(const uint64_t(*)[4])(a))

/* w4..w0 plus a times b[i]; w4 is new. The sum is below 2^320, so that the last carry is none. */
#define X25519_ADX_ROW(i, w0, w1, w2, w3, w4)                                                      \
    "xorl %k[" #w4 "], %k[" #w4 "]\n\t"                                                            \
    "movq 8*" #i "(%[b]), %%rdx\n\t" NCR_ADX_MAC(0, w0, w1) NCR_ADX_MAC(1, w1, w2)                 \
        NCR_ADX_MAC(2, w2, w3) NCR_ADX_MAC(3, w3, w4) "adcq $0, %[" #w4 "]\n\t"

/* t3..t0 plus 38 t4, t4 below 2^18, which carries at most once: what is left is then so small that
 * the second 38 does not carry. */
#define X25519_ADX_TOP                                                                             \
    "imulq $38, %[t4], %[t4]\n\t"                                                                  \
    "addq %[t4], %[t0]\n\t"                                                                        \
    "adcq $0, %[t1]\n\t"                                                                           \
    "adcq $0, %[t2]\n\t"                                                                           \
    "adcq $0, %[t3]\n\t"                                                                           \
    "sbbq %[x], %[x]\n\t"                                                                          \
    "andl $38, %k[x]\n\t"                                                                          \
    "addq %[x], %[t0]\n\t"

/* t3..t0 from t7..t0: the upper half times 38. */
#define X25519_ADX_REDUCE                                                                          \
    "movl $38, %%edx\n\t"                                                                          \
    "xorl %k[x], %k[x]\n\t"                                                                        \
    "mulxq %[t4], %[x], %[y]\n\t"                                                                  \
    "adcxq %[x], %[t0]\n\t"                                                                        \
    "adoxq %[y], %[t1]\n\t"                                                                        \
    "mulxq %[t5], %[x], %[y]\n\t"                                                                  \
    "adcxq %[x], %[t1]\n\t"                                                                        \
    "adoxq %[y], %[t2]\n\t"                                                                        \
    "mulxq %[t6], %[x], %[y]\n\t"                                                                  \
    "adcxq %[x], %[t2]\n\t"                                                                        \
    "adoxq %[y], %[t3]\n\t"                                                                        \
    "mulxq %[t7], %[x], %[t4]\n\t"                                                                 \
    "movl $0, %k[y]\n\t"                                                                           \
    "adcxq %[x], %[t3]\n\t"                                                                        \
    "adoxq %[y], %[t4]\n\t"                                                                        \
    "adcxq %[y], %[t4]\n\t" X25519_ADX_TOP

/* The numbers are named to the compiler by a memory clobber: without optimisation it would take a
 * register more for each, and there is none left. */
NCR_INLINE void x25519_adx_mul(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
    uint64_t t0, t1, t2, t3, t4, t5, t6, t7, x, y;
    __asm__("movq (%[b]), %%rdx\n\t"
            "mulxq (%[a]), %[t0], %[t1]\n\t"
            "mulxq 8(%[a]), %[x], %[t2]\n\t"
            "addq %[x], %[t1]\n\t"
            "mulxq 16(%[a]), %[x], %[t3]\n\t"
            "adcq %[x], %[t2]\n\t"
            "mulxq 24(%[a]), %[x], %[t4]\n\t"
            "adcq %[x], %[t3]\n\t"
            "adcq $0, %[t4]\n\t" /* clang-format off */
            X25519_ADX_ROW(1, t1, t2, t3, t4, t5)
            X25519_ADX_ROW(2, t2, t3, t4, t5, t6)
            X25519_ADX_ROW(3, t3, t4, t5, t6, t7)
            X25519_ADX_REDUCE
            /* clang-format on */
            : [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [t4] "=&r"(t4),
              [t5] "=&r"(t5), [t6] "=&r"(t6), [t7] "=&r"(t7), [x] "=&r"(x), [y] "=&r"(y)
            : [a] "r"(a), [b] "r"(b)
            : "rdx", "cc", "memory");
    r[0] = t0;
    r[1] = t1;
    r[2] = t2;
    r[3] = t3;
}

NCR_INLINE void x25519_adx_sqr(uint64_t r[4], const uint64_t a[4])
{
    uint64_t t0, t1, t2, t3, t4, t5, t6, t7, x, y;
    __asm__(NCR_ADX_SQUARE X25519_ADX_REDUCE
            : [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [t4] "=&r"(t4),
              [t5] "=&r"(t5), [t6] "=&r"(t6), [t7] "=&r"(t7), [x] "=&r"(x), [y] "=&r"(y)
            : [a] "r"(a)
            : "rdx", "cc", "memory");
    r[0] = t0;
    r[1] = t1;
    r[2] = t2;
    r[3] = t3;
}

/* r = a24 a + b. */
NCR_INLINE void x25519_adx_mul_a24_add(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
    uint64_t t0, t1, t2, t3, t4, x;
    __asm__("mulxq (%[a]), %[t0], %[t1]\n\t"
            "mulxq 8(%[a]), %[x], %[t2]\n\t"
            "addq %[x], %[t1]\n\t"
            "mulxq 16(%[a]), %[x], %[t3]\n\t"
            "adcq %[x], %[t2]\n\t"
            "mulxq 24(%[a]), %[x], %[t4]\n\t"
            "adcq %[x], %[t3]\n\t"
            "adcq $0, %[t4]\n\t"
            "addq (%[b]), %[t0]\n\t"
            "adcq 8(%[b]), %[t1]\n\t"
            "adcq 16(%[b]), %[t2]\n\t"
            "adcq 24(%[b]), %[t3]\n\t"
            "adcq $0, %[t4]\n\t" X25519_ADX_TOP
            : [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [t4] "=&r"(t4),
              [x] "=&r"(x)
            : [a] "r"(a), [b] "r"(b), "d"((uint64_t)X25519_ADX_A24), X25519_ADX_IN(a),
              X25519_ADX_IN(b)
            : "cc");
    r[0] = t0;
    r[1] = t1;
    r[2] = t2;
    r[3] = t3;
}

/* A carry is 38; if that carries again, what is left is below 38, and the second does not. */
NCR_INLINE void x25519_adx_add(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
    uint64_t t0 = a[0], t1 = a[1], t2 = a[2], t3 = a[3], x;
    __asm__("addq (%[b]), %[t0]\n\t"
            "adcq 8(%[b]), %[t1]\n\t"
            "adcq 16(%[b]), %[t2]\n\t"
            "adcq 24(%[b]), %[t3]\n\t"
            "sbbq %[x], %[x]\n\t"
            "andl $38, %k[x]\n\t"
            "addq %[x], %[t0]\n\t"
            "adcq $0, %[t1]\n\t"
            "adcq $0, %[t2]\n\t"
            "adcq $0, %[t3]\n\t"
            "sbbq %[x], %[x]\n\t"
            "andl $38, %k[x]\n\t"
            "addq %[x], %[t0]\n\t"
            : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [x] "=&r"(x)
            : [b] "r"(b), X25519_ADX_IN(b)
            : "cc");
    r[0] = t0;
    r[1] = t1;
    r[2] = t2;
    r[3] = t3;
}

/* The same with borrows. */
NCR_INLINE void x25519_adx_sub(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
    uint64_t t0 = a[0], t1 = a[1], t2 = a[2], t3 = a[3], x;
    __asm__("subq (%[b]), %[t0]\n\t"
            "sbbq 8(%[b]), %[t1]\n\t"
            "sbbq 16(%[b]), %[t2]\n\t"
            "sbbq 24(%[b]), %[t3]\n\t"
            "sbbq %[x], %[x]\n\t"
            "andl $38, %k[x]\n\t"
            "subq %[x], %[t0]\n\t"
            "sbbq $0, %[t1]\n\t"
            "sbbq $0, %[t2]\n\t"
            "sbbq $0, %[t3]\n\t"
            "sbbq %[x], %[x]\n\t"
            "andl $38, %k[x]\n\t"
            "subq %[x], %[t0]\n\t"
            : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [x] "=&r"(x)
            : [b] "r"(b), X25519_ADX_IN(b)
            : "cc");
    r[0] = t0;
    r[1] = t1;
    r[2] = t2;
    r[3] = t3;
}

/* r = mask is zeros ? a : b. */
NCR_INLINE void x25519_adx_select(uint64_t r[4], const uint64_t a[4], const uint64_t b[4],
                                  uint64_t mask)
{
    uint64_t t0 = a[0], t1 = a[1], t2 = a[2], t3 = a[3];
    __asm__("testq %[mask], %[mask]\n\t"
            "cmovnzq (%[b]), %[t0]\n\t"
            "cmovnzq 8(%[b]), %[t1]\n\t"
            "cmovnzq 16(%[b]), %[t2]\n\t"
            "cmovnzq 24(%[b]), %[t3]\n\t"
            : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3)
            : [b] "r"(b), [mask] "r"(mask), X25519_ADX_IN(b)
            : "cc");
    r[0] = t0;
    r[1] = t1;
    r[2] = t2;
    r[3] = t3;
}

struct x25519_adx_pair {
    uint64_t x2[4], z2[4], x3[4], z3[4];
};

/* x25519_step of x25519.c, after an exchange of the points where mask is ones. */
static void x25519_adx_step(struct x25519_adx_pair *s, const uint64_t x1[4], uint64_t mask)
{
    uint64_t a[4], b[4], c[4], d[4], e[4];
    x25519_adx_add(a, s->x2, s->z2);
    x25519_adx_sub(b, s->x2, s->z2);
    x25519_adx_add(c, s->x3, s->z3);
    x25519_adx_sub(d, s->x3, s->z3);
    x25519_adx_mul(s->z3, d, a); /* DA */
    x25519_adx_mul(s->x3, c, b); /* CB */
    x25519_adx_select(a, a, c, mask);
    x25519_adx_select(b, b, d, mask);
    x25519_adx_sqr(a, a); /* AA */
    x25519_adx_sqr(b, b); /* BB */
    x25519_adx_add(c, s->z3, s->x3);
    x25519_adx_sub(d, s->z3, s->x3);
    x25519_adx_sub(e, a, b);
    x25519_adx_mul(s->x2, a, b);
    x25519_adx_mul_a24_add(b, e, a);
    x25519_adx_sqr(s->x3, c);
    x25519_adx_sqr(d, d);
    x25519_adx_mul(s->z2, b, e);
    x25519_adx_mul(s->z3, d, x1);
}

void ncr_x25519_ladder_adx(uint64_t x2[4], uint64_t z2[4], const uint8_t k[32],
                           const uint64_t x1[4])
{
    struct x25519_adx_pair s = {.x2 = {1}, .z3 = {1}};
    unsigned swapped = 0;
    memcpy(s.x3, x1, sizeof s.x3);
    for (int i = 254; i >= 0; i--) {
        const unsigned bit = k[i / 8] >> (i % 8) & 1;
        x25519_adx_step(&s, x1, ncr_ct_mask_bit64(swapped ^ bit));
        swapped = bit;
    }
    memcpy(x2, s.x2, sizeof s.x2);
    memcpy(z2, s.z2, sizeof s.z2);
    nacre_wipe(&s, sizeof s);
}
#endif
