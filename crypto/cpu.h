/* SPDX-License-Identifier: ISC
 *
 * What this CPU can do beyond its architecture's minimum, for the choice between a portable routine
 * and its faster twins (crypto/fast.h).
 *
 * NCR_X86 says whether the twins for x86-64 are compiled in. They are left out by NACRE_PORTABLE
 * (make PORTABLE=1), and without GNU C, whose target attribute lets one file hold code for several
 * CPUs. Where no twin is compiled in, ncr_cpu() is the constant 0 and the compiler drops the
 * choice.
 */
#ifndef NCR_CPU_H
#define NCR_CPU_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(NACRE_PORTABLE)
#define NCR_X86 1
#else
#define NCR_X86 0
#endif

/* The same for 64-bit Arm under Linux, little-endian. */
#if defined(__aarch64__) && defined(__AARCH64EL__) && defined(__linux__) && defined(__GNUC__) &&   \
    !defined(__clang__) && !defined(NACRE_PORTABLE)
#define NCR_ARM 1
#else
#define NCR_ARM 0
#endif

/* Features are bits. Each stands for all that the twins named after it need, the operating system's
 * care for the registers included. */
enum {
    NCR_CPU_KNOWN = 1, /* no feature: the word has been computed */
    NCR_CPU_AVX2 = 2,
    NCR_CPU_AVX512 = 4,    /* F, BW, DQ, VL */
    NCR_CPU_SHA = 8,       /* SHA-NI, SSSE3, SSE4.1; on Arm SHA-256 */
    NCR_CPU_AES = 16,      /* AES-NI, PCLMULQDQ, SSSE3, SSE4.1; on Arm AES, PMULL */
    NCR_CPU_VAES = 32,     /* VAES and VPCLMULQDQ with AVX-512, NCR_CPU_AES */
    NCR_CPU_IFMA = 64,     /* AVX-512 with IFMA: 52-bit multiplications */
    NCR_CPU_VAES256 = 128, /* VAES and VPCLMULQDQ with AVX2, NCR_CPU_AES */
    NCR_CPU_ADX = 256,     /* BMI2, ADX: multiplications that leave carries alone */
    NCR_CPU_NEON = 512,    /* Arm's vectors */
    NCR_CPU_ALL = 1022
};

#if NCR_X86 || NCR_ARM
/* The features of this CPU that may be used. Cheap enough for every call. */
uint32_t ncr_cpu(void);
#else
static inline uint32_t ncr_cpu(void)
{
    return 0;
}
#endif

/* From now on, only these features are used, of those that the CPU has; NCR_CPU_ALL undoes it.
 * For test programs, which so reach every twin; nothing else calls it. */
void ncr_cpu_restrict(uint32_t features);

#endif
