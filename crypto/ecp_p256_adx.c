/* SPDX-License-Identifier: ISC
 *
 * The field of P-256 with MULX, ADCX and ADOX (BMI2 and ADX), which multiply without touching the
 * flags and add in two chains of carries at once: twice as fast as what compilers make of
 * ecp_p256.c. Same values, same form (R = 2^256), same bounds; nothing depends on values but
 * through conditional moves.
 */
#include "crypto/adx.h"
#include "crypto/ecp_p256.h"

#if NCR_X86

/* Words 1 and 3 of p; word 0 is -1, word 2 is 0. */
static const uint64_t p256_adx_p1 = 0x00000000ffffffff;
static const uint64_t p256_adx_p3 = 0xffffffff00000001;

#define P256_ADX_IN(a) "m"(*(const uint64_t(*)[NCR_P256_WORDS])(a))
#define P256_ADX_PRIME [p1] "m"(p256_adx_p1), [p3] "m"(p256_adx_p3)

/* w4..w0, of which w5 is the new top, plus a times b[i]. */
#define P256_ADX_ROW(i, w0, w1, w2, w3, w4, w5)                                                    \
    "xorl %k[" #w5 "], %k[" #w5 "]\n\t"                                                            \
    "movq 8*" #i "(%[b]), %%rdx\n\t" NCR_ADX_MAC(0, w0, w1) NCR_ADX_MAC(1, w1, w2)                 \
        NCR_ADX_MAC(2, w2, w3) NCR_ADX_MAC(3, w3, w4) "adcxq %[" #w5 "], %[" #w4 "]\n\t"           \
                                                      "adoxq %[" #w5 "], %[" #w5 "]\n\t"           \
                                                      "adcq $0, %[" #w5 "]\n\t"

/* Adds w0 p to w5..w0, which makes w0 0: see ecp_p256.c. Afterwards w0 is free. */
#define P256_ADX_STEP(w0, w1, w2, w3, w4, w5)                                                      \
    "movq %[" #w0 "], %%rdx\n\t"                                                                   \
    "mulxq %[p3], %[x], %[y]\n\t"                                                                  \
    "shlq $32, %[" #w0 "]\n\t"                                                                     \
    "shrq $32, %%rdx\n\t"                                                                          \
    "addq %[" #w0 "], %[" #w1 "]\n\t"                                                              \
    "adcq %%rdx, %[" #w2 "]\n\t"                                                                   \
    "adcq %[x], %[" #w3 "]\n\t"                                                                    \
    "adcq %[y], %[" #w4 "]\n\t"                                                                    \
    "adcq $0, %[" #w5 "]\n\t"

/* The same where w4 and w5 are known to be 0; w0 takes the place of w4. */
#define P256_ADX_SHORT_STEP(w0, w1, w2, w3)                                                        \
    "movq %[" #w0 "], %%rdx\n\t"                                                                   \
    "mulxq %[p3], %[x], %[y]\n\t"                                                                  \
    "shlq $32, %[" #w0 "]\n\t"                                                                     \
    "shrq $32, %%rdx\n\t"                                                                          \
    "addq %[" #w0 "], %[" #w1 "]\n\t"                                                              \
    "adcq %%rdx, %[" #w2 "]\n\t"                                                                   \
    "adcq %[x], %[" #w3 "]\n\t"                                                                    \
    "adcq $0, %[y]\n\t"                                                                            \
    "movq %[y], %[" #w0 "]\n\t"

/* w3..w0 minus p if w4..w0, which is below 2p, is not below p. z is scratch, w4 is lost. */
#define P256_ADX_REDUCE_ONCE(w0, w1, w2, w3, w4, z)                                                \
    "movq %[" #w0 "], %%rdx\n\t"                                                                   \
    "movq %[" #w1 "], %[x]\n\t"                                                                    \
    "movq %[" #w2 "], %[y]\n\t"                                                                    \
    "movq %[" #w3 "], %[" #z "]\n\t"                                                               \
    "subq $-1, %%rdx\n\t"                                                                          \
    "sbbq %[p1], %[x]\n\t"                                                                         \
    "sbbq $0, %[y]\n\t"                                                                            \
    "sbbq %[p3], %[" #z "]\n\t"                                                                    \
    "sbbq $0, %[" #w4 "]\n\t"                                                                      \
    "cmovncq %%rdx, %[" #w0 "]\n\t"                                                                \
    "cmovncq %[x], %[" #w1 "]\n\t"                                                                 \
    "cmovncq %[y], %[" #w2 "]\n\t"                                                                 \
    "cmovncq %[" #z "], %[" #w3 "]\n\t"

static void p256_adx_mul(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    uint64_t t0, t1, t2, t3, t4, t5, x, y;
    __asm__("movq (%[b]), %%rdx\n\t"
            "mulxq (%[a]), %[t0], %[t1]\n\t"
            "mulxq 8(%[a]), %[x], %[t2]\n\t"
            "addq %[x], %[t1]\n\t"
            "mulxq 16(%[a]), %[x], %[t3]\n\t"
            "adcq %[x], %[t2]\n\t"
            "mulxq 24(%[a]), %[x], %[t4]\n\t"
            "adcq %[x], %[t3]\n\t"
            "adcq $0, %[t4]\n\t"
            "xorl %k[t5], %k[t5]\n\t" /* clang-format off */
            P256_ADX_STEP(t0, t1, t2, t3, t4, t5)
            P256_ADX_ROW(1, t1, t2, t3, t4, t5, t0)
            P256_ADX_STEP(t1, t2, t3, t4, t5, t0)
            P256_ADX_ROW(2, t2, t3, t4, t5, t0, t1)
            P256_ADX_STEP(t2, t3, t4, t5, t0, t1)
            P256_ADX_ROW(3, t3, t4, t5, t0, t1, t2)
            P256_ADX_STEP(t3, t4, t5, t0, t1, t2)
            P256_ADX_REDUCE_ONCE(t4, t5, t0, t1, t2, t3)
            /* clang-format on */
            : [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [t4] "=&r"(t4),
              [t5] "=&r"(t5), [x] "=&r"(x), [y] "=&r"(y)
            : [a] "r"(a), [b] "r"(b), P256_ADX_PRIME, P256_ADX_IN(a), P256_ADX_IN(b)
            : "rdx", "cc");
    r[0] = t4;
    r[1] = t5;
    r[2] = t0;
    r[3] = t1;
}

static void p256_adx_sqr(uint64_t *r, const uint64_t *a)
{
    uint64_t t0, t1, t2, t3, t4, t5, t6, t7, x, y;
    __asm__(NCR_ADX_SQUARE /* clang-format off */
            P256_ADX_SHORT_STEP(t0, t1, t2, t3)
            P256_ADX_SHORT_STEP(t1, t2, t3, t0)
            P256_ADX_SHORT_STEP(t2, t3, t0, t1)
            P256_ADX_SHORT_STEP(t3, t0, t1, t2) /* clang-format on */
            "addq %[t4], %[t0]\n\t"
            "adcq %[t5], %[t1]\n\t"
            "adcq %[t6], %[t2]\n\t"
            "adcq %[t7], %[t3]\n\t"
            "movl $0, %k[t4]\n\t"
            "adcq $0, %[t4]\n\t" /* clang-format off */
            P256_ADX_REDUCE_ONCE(t0, t1, t2, t3, t4, t5)
            /* clang-format on */
            : [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [t4] "=&r"(t4),
              [t5] "=&r"(t5), [t6] "=&r"(t6), [t7] "=&r"(t7), [x] "=&r"(x), [y] "=&r"(y)
            : [a] "r"(a), P256_ADX_PRIME, P256_ADX_IN(a)
            : "rdx", "cc");
    r[0] = t0;
    r[1] = t1;
    r[2] = t2;
    r[3] = t3;
}

static inline void p256_adx_add(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    uint64_t t0 = a[0], t1 = a[1], t2 = a[2], t3 = a[3], t4 = 0, z, x, y;
    __asm__("addq (%[b]), %[t0]\n\t"
            "adcq 8(%[b]), %[t1]\n\t"
            "adcq 16(%[b]), %[t2]\n\t"
            "adcq 24(%[b]), %[t3]\n\t"
            "adcq $0, %[t4]\n\t" /* clang-format off */
            P256_ADX_REDUCE_ONCE(t0, t1, t2, t3, t4, z)
            /* clang-format on */
            : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [t4] "+&r"(t4),
              [z] "=&r"(z), [x] "=&r"(x), [y] "=&r"(y)
            : [b] "r"(b), P256_ADX_PRIME, P256_ADX_IN(b)
            : "rdx", "cc");
    r[0] = t0;
    r[1] = t1;
    r[2] = t2;
    r[3] = t3;
}

/* Where there is a borrow, x is -1, and p comes back. */
static inline void p256_adx_sub(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
    uint64_t t0 = a[0], t1 = a[1], t2 = a[2], t3 = a[3], x, y;
    __asm__(
        "subq (%[b]), %[t0]\n\t"
        "sbbq 8(%[b]), %[t1]\n\t"
        "sbbq 16(%[b]), %[t2]\n\t"
        "sbbq 24(%[b]), %[t3]\n\t"
        "sbbq %[x], %[x]\n\t"
        "movq %[p3], %[y]\n\t"
        "andq %[x], %[y]\n\t"
        "addq %[x], %[t0]\n\t"
        "movl %k[x], %k[x]\n\t"
        "adcq %[x], %[t1]\n\t"
        "adcq $0, %[t2]\n\t"
        "adcq %[y], %[t3]\n\t"
        : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [x] "=&r"(x), [y] "=&r"(y)
        : [b] "r"(b), P256_ADX_PRIME, P256_ADX_IN(b)
        : "cc");
    r[0] = t0;
    r[1] = t1;
    r[2] = t2;
    r[3] = t3;
}

static void p256_adx_half(uint64_t *r, const uint64_t *a)
{
    ncr_ecpw_half_mod(r, a, ncr_p256_p, NCR_P256_WORDS);
}

static const struct ncr_ecp_mod p256_adx_mod = {
    .words = NCR_P256_WORDS,
    .m = ncr_p256_p,
    .one = ncr_p256_one,
    .to = ncr_p256_to,
    .neg_inv = 1,
    .batches = 12,
    .seed = ncr_p256_seed,
    .mul = p256_adx_mul,
    .sqr = p256_adx_sqr,
    .add = p256_adx_add,
    .sub = p256_adx_sub,
    .half = p256_adx_half,
};

NCR_ECP_POINTS(p256_adx, p256_adx_mod)
const struct ncr_ecp_field ncr_p256_field_adx = NCR_ECP_FIELD(p256_adx, p256_adx_mod);

#endif
