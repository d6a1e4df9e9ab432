/* SPDX-License-Identifier: ISC
 *
 * Pieces of inline assembly for numbers of four 64-bit words with MULX, ADCX and ADOX (BMI2 and
 * ADX), which x25519_adx.c and ecp_p256_adx.c share: strings to be put into an __asm__ whose
 * operands are named a (pointer), t0 to t7, x and y (registers). All of them change rdx and flags.
 * Numbers may be secret: no branch, no address depends on them.
 */
#ifndef NCR_ADX_H
#define NCR_ADX_H

/* One product of a[i] and rdx, added to two words: carries of the lower in CF, of the upper in OF.
 */
#define NCR_ADX_MAC(i, low, high)                                                                  \
    "mulxq 8*" #i "(%[a]), %[x], %[y]\n\t"                                                         \
    "adcxq %[x], %[" #low "]\n\t"                                                                  \
    "adoxq %[y], %[" #high "]\n\t"

/* t7..t0 = a^2: products of different words, then twice these (CF) and the squares of words (OF) in
 * one go. */
/* clang-format off */
#define NCR_ADX_SQUARE \
    "movq (%[a]), %%rdx\n\t" \
    "mulxq 8(%[a]), %[t1], %[t2]\n\t" \
    "mulxq 16(%[a]), %[x], %[t3]\n\t" \
    "addq %[x], %[t2]\n\t" \
    "mulxq 24(%[a]), %[x], %[t4]\n\t" \
    "adcq %[x], %[t3]\n\t" \
    "adcq $0, %[t4]\n\t" \
    "movq 8(%[a]), %%rdx\n\t" \
    "xorl %k[t5], %k[t5]\n\t" \
    NCR_ADX_MAC(2, t3, t4) \
    NCR_ADX_MAC(3, t4, t5) \
    "movq 16(%[a]), %%rdx\n\t" \
    "mulxq 24(%[a]), %[x], %[t6]\n\t" \
    "movl $0, %k[t7]\n\t" \
    "adcxq %[x], %[t5]\n\t" \
    "adoxq %[t7], %[t6]\n\t" \
    "adcxq %[t7], %[t6]\n\t" \
    "xorl %k[t7], %k[t7]\n\t" /* both carries are 0 */ \
    "movq (%[a]), %%rdx\n\t" \
    "mulxq %%rdx, %[t0], %[y]\n\t" \
    "adcxq %[t1], %[t1]\n\t" \
    "adoxq %[y], %[t1]\n\t" \
    "movq 8(%[a]), %%rdx\n\t" \
    "mulxq %%rdx, %[x], %[y]\n\t" \
    "adcxq %[t2], %[t2]\n\t" \
    "adoxq %[x], %[t2]\n\t" \
    "adcxq %[t3], %[t3]\n\t" \
    "adoxq %[y], %[t3]\n\t" \
    "movq 16(%[a]), %%rdx\n\t" \
    "mulxq %%rdx, %[x], %[y]\n\t" \
    "adcxq %[t4], %[t4]\n\t" \
    "adoxq %[x], %[t4]\n\t" \
    "adcxq %[t5], %[t5]\n\t" \
    "adoxq %[y], %[t5]\n\t" \
    "movq 24(%[a]), %%rdx\n\t" \
    "mulxq %%rdx, %[x], %[y]\n\t" \
    "adcxq %[t6], %[t6]\n\t" \
    "adoxq %[x], %[t6]\n\t" \
    "adcxq %[t7], %[t7]\n\t" \
    "adoxq %[y], %[t7]\n\t"
/* clang-format on */

#endif
