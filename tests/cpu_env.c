/* SPDX-License-Identifier: ISC
 *
 * Lets the environment say what of the CPU the tests, kat and the benchmarks use: linked into them,
 * it acts before main. NACRE_CPU=portable leaves no fast twin (crypto/fast.h), NACRE_CPU=avx2 those
 * without AVX-512 and VAES, NACRE_CPU=vaes256 those without AVX-512, NACRE_CPU=neon those without
 * Armv8's cryptographic instructions; unset, all that the CPU has.
 */
#include "crypto/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    uint32_t features;
} cpu_env_values[] = {
    {"", NCR_CPU_ALL},
    {"avx2", NCR_CPU_AVX2 | NCR_CPU_AES | NCR_CPU_SHA | NCR_CPU_ADX},
    {"neon", NCR_CPU_NEON},
    {"portable", 0},
    {"vaes256", NCR_CPU_AVX2 | NCR_CPU_AES | NCR_CPU_SHA | NCR_CPU_ADX | NCR_CPU_VAES256},
};

__attribute__((constructor)) static void cpu_env_apply(void)
{
    const char *value = getenv("NACRE_CPU");
    if (value == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof cpu_env_values / sizeof cpu_env_values[0]; i++) {
        if (strcmp(value, cpu_env_values[i].name) == 0) {
            ncr_cpu_restrict(cpu_env_values[i].features);
            return;
        }
    }
    fprintf(stderr, "NACRE_CPU=%s: known are portable, avx2, vaes256 and neon\n", value);
    exit(2);
}
