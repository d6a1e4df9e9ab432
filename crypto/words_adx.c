/* SPDX-License-Identifier: ISC
 *
 * Products, squares and Montgomery's reduction with MULX, ADCX and ADOX (BMI2 and ADX): the twins
 * of those in words.c and mont.c, twice as fast as what compilers make of them.
 *
 * MULX leaves the flags alone, ADCX and ADOX add with one flag each, so that a row of products has
 * its two chains of carries in flags, and LEA, MOV and JRCXZ count without touching them. No branch
 * and no address depends on a number.
 */
#include "crypto/fast.h"
#include "crypto/mont.h"

#if NCR_X86
#include <string.h>

/* One product: its upper half goes to `up`, the carry word `in` and r[i] are added to the lower. */
#define WORDS_ADX_MAC(i, in, up)                                                                   \
    "mulxq 8*" #i "(%[a]), %[low], %[" #up "]\n\t"                                                 \
    "adcxq %[" #in "], %[low]\n\t"                                                                 \
    "adoxq 8*" #i "(%[r]), %[low]\n\t"                                                             \
    "movq %[low], 8*" #i "(%[r])\n\t"
#define WORDS_ADX_TWO(i, j) WORDS_ADX_MAC(i, carry, other) WORDS_ADX_MAC(j, other, carry)

/* r[0..n) += a b + carry for even n; returns what belongs at r[n]. */
static uint64_t words_adx_row(uint64_t *r, const uint64_t *a, size_t n, uint64_t b, uint64_t carry)
{
    uint64_t other, low, eights = n / 8, rest = n % 8 / 2;
    /* clang-format off */
    __asm__ volatile(
        "xorl %k[low], %k[low]\n\t" /* CF = OF = 0 */
        "jrcxz 1f\n\t"              /* a short jump, so over two more */
        "jmp 2f\n\t"
        "1: jmp 3f\n\t"
        "2:\n\t" WORDS_ADX_TWO(0, 1) WORDS_ADX_TWO(2, 3) WORDS_ADX_TWO(4, 5) WORDS_ADX_TWO(6, 7)
        "leaq 64(%[a]), %[a]\n\t"
        "leaq 64(%[r]), %[r]\n\t"
        "leaq -1(%[count]), %[count]\n\t"
        "jrcxz 3f\n\t"
        "jmp 2b\n\t"
        "3: movq %[rest], %[count]\n\t"
        "jrcxz 5f\n\t"
        "4:\n\t" WORDS_ADX_TWO(0, 1)
        "leaq 16(%[a]), %[a]\n\t"
        "leaq 16(%[r]), %[r]\n\t"
        "leaq -1(%[count]), %[count]\n\t"
        "jrcxz 5f\n\t"
        "jmp 4b\n\t"
        "5: movl $0, %k[low]\n\t"
        "adcxq %[low], %[carry]\n\t"
        "adoxq %[low], %[carry]\n\t"
        : [r] "+r"(r), [a] "+r"(a), [count] "+c"(eights), [carry] "+r"(carry), [other] "=&r"(other),
          [low] "=&r"(low)
        : [rest] "r"(rest), "d"(b)
        : "memory", "cc");
    /* clang-format on */
    return carry;
}

void ncr_words_mul_adx(uint64_t *r, const uint64_t *a, size_t na, const uint64_t *b, size_t nb)
{
    memset(r, 0, nb * sizeof *r);
    for (size_t i = 0; i < na; i++) {
        r[nb + i] = words_adx_row(r + i, b, nb, a[i], 0);
    }
}

/* Rows of an odd length have their first product apart. */
void ncr_words_sqr_adx(uint64_t *r, const uint64_t *a, size_t n)
{
    memset(r, 0, n * sizeof *r);
    for (size_t i = 0; i < n; i++) {
        uint64_t carry = 0, *row = r + 2 * i + 1;
        size_t from = i + 1;
        if (i % 2 == 0) {
            *row = ncr_word_muladd(&carry, a[i], a[from], *row, 0);
            row++;
            from++;
        }
        r[n + i] = words_adx_row(row, a + from, n - from, a[i], carry);
    }
    ncr_words_double_add_squares(r, a, n);
}

uint64_t ncr_mont_rows_adx(uint64_t *t, const uint64_t *m, size_t n, uint64_t k)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t end = words_adx_row(t + i, m, n, t[i] * k, 0);
        t[n + i] = ncr_word_add(t[n + i], end, &carry);
    }
    return carry;
}
#endif
