/* SPDX-License-Identifier: ISC
 *
 * CPU detection: CPUID and XGETBV as in Intel's Software Developer's Manual, volume 1, sections
 * 14.3 and 15.2 to 15.4, and volume 2, CPUID.
 *
 * The word of features is the one variable that the core keeps outside of a context. It is no
 * state: every thread computes the same value from the CPU alone, so it does not matter who writes
 * it first or how often, and a relaxed load and store suffice. It is kept because CPUID takes
 * hundreds of cycles, thousands in a virtual machine, and a packet is sealed in less.
 */
#include "crypto/cpu.h"

#if NCR_X86 || NCR_ARM
#include <stdatomic.h>

static _Atomic uint32_t cpu_word;
#endif

#if NCR_X86
#include <cpuid.h>

/* CPUID leaf 1, ECX and leaf 7, EBX and ECX; XCR0. */
enum {
    CPU_1C_PCLMUL = 1 << 1,
    CPU_1C_SSSE3 = 1 << 9,
    CPU_1C_SSE41 = 1 << 19,
    CPU_1C_AES = 1 << 25,
    CPU_1C_OSXSAVE = 1 << 27,
    CPU_1C_AVX = 1 << 28,
    CPU_7B_AVX2 = 1 << 5,
#if defined(NACRE_CT_VALGRIND)
    CPU_7B_BMI2_ADX = 1 << 8, /* valgrind has ADX too, but does not say so */
#else
    CPU_7B_BMI2_ADX = 1 << 8 | 1 << 19,
#endif
    CPU_7B_AVX512F_DQ = 1 << 16 | 1 << 17,
    CPU_7B_IFMA = 1 << 21,
    CPU_7B_SHA = 1 << 29,
    CPU_7B_AVX512BW = 1 << 30,
    CPU_7C_VAES_VPCLMUL = 1 << 9 | 1 << 10,
    CPU_XCR0_AVX = 0x6,    /* XMM and upper halves of YMM */
    CPU_XCR0_AVX512 = 0xe6 /* and mask registers, upper halves of ZMM, ZMM16 to ZMM31 */
};
#define CPU_7B_AVX512VL (1U << 31)

/* Which registers the operating system saves. Only where OSXSAVE is set. */
static uint32_t cpu_xcr0(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool cpu_all(uint32_t word, uint32_t bits)
{
    return (word & bits) == bits;
}

static uint32_t cpu_features_avx512(uint32_t b, bool vaes)
{
    uint32_t f = NCR_CPU_AVX512;
    if (!cpu_all(b, (uint32_t)CPU_7B_AVX512F_DQ | CPU_7B_AVX512BW | CPU_7B_AVX512VL)) {
        return 0;
    }
    f |= cpu_all(b, CPU_7B_IFMA) ? NCR_CPU_IFMA : 0;
    f |= vaes ? NCR_CPU_VAES : 0;
    return f;
}

static uint32_t cpu_detect(void)
{
    unsigned a, b1, c1, d, b7 = 0, c7 = 0;
    uint32_t f = NCR_CPU_KNOWN, saved = 0;
    if (__get_cpuid(1, &a, &b1, &c1, &d) == 0) {
        return f;
    }
    if (__get_cpuid_count(7, 0, &a, &b7, &c7, &d) == 0) {
        b7 = c7 = 0;
    }
    if (cpu_all(c1, CPU_1C_OSXSAVE | CPU_1C_AVX)) {
        saved = cpu_xcr0();
    }
    if (cpu_all(c1, CPU_1C_SSSE3 | CPU_1C_SSE41)) {
        f |= cpu_all(c1, CPU_1C_AES | CPU_1C_PCLMUL) ? NCR_CPU_AES : 0;
        f |= cpu_all(b7, CPU_7B_SHA) ? NCR_CPU_SHA : 0;
    }
    f |= cpu_all(b7, CPU_7B_BMI2_ADX) ? NCR_CPU_ADX : 0;
    if (cpu_all(saved, CPU_XCR0_AVX) && cpu_all(b7, CPU_7B_AVX2)) {
        bool vaes = cpu_all(c7, CPU_7C_VAES_VPCLMUL) && (f & NCR_CPU_AES) != 0;
        f |= NCR_CPU_AVX2;
        f |= vaes ? NCR_CPU_VAES256 : 0;
        f |= cpu_all(saved, CPU_XCR0_AVX512) ? cpu_features_avx512(b7, vaes) : 0;
    }
    return f;
}

#elif NCR_ARM
#include <sys/auxv.h>

/* Bits of AT_HWCAP (Linux, arch/arm64/include/uapi/asm/hwcap.h, an ABI). */
enum { CPU_HWCAP_ASIMD = 1 << 1, CPU_HWCAP_AES_PMULL = 1 << 3 | 1 << 4, CPU_HWCAP_SHA2 = 1 << 6 };

static uint32_t cpu_detect(void)
{
    unsigned long have = getauxval(AT_HWCAP);
    uint32_t f = NCR_CPU_KNOWN;
    f |= (have & CPU_HWCAP_ASIMD) != 0 ? NCR_CPU_NEON : 0;
    f |= (have & CPU_HWCAP_AES_PMULL) == CPU_HWCAP_AES_PMULL ? NCR_CPU_AES : 0;
    f |= (have & CPU_HWCAP_SHA2) != 0 ? NCR_CPU_SHA : 0;
    return f;
}
#endif

#if NCR_X86 || NCR_ARM
uint32_t ncr_cpu(void)
{
    uint32_t f = atomic_load_explicit(&cpu_word, memory_order_relaxed);
    if (f == 0) {
        f = cpu_detect();
        atomic_store_explicit(&cpu_word, f, memory_order_relaxed);
    }
    return f;
}

void ncr_cpu_restrict(uint32_t features)
{
    atomic_store_explicit(&cpu_word, cpu_detect() & (features | NCR_CPU_KNOWN),
                          memory_order_relaxed);
}
#else
void ncr_cpu_restrict(uint32_t features)
{
    (void)features; /* there are none */
}
#endif
