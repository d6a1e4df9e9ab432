/* SPDX-License-Identifier: ISC
 *
 * UMAC's NH with AVX2: the twin of umac_nh_portable in umac.c.
 *
 * The halves of a vector work for two neighbouring streams: their keys are 16 bytes apart in one
 * string, so that a load of 32 bytes brings both, and the same message words stand in both halves.
 * VPMULUDQ multiplies the even words, then, shifted down, the odd ones. CT in key and message; the
 * length leaks.
 */
#include "crypto/fast.h"
#include "crypto/ct.h"

#if NCR_X86
#include <immintrin.h>

#define UMAC_AVX2 __attribute__((target("avx2")))

UMAC_AVX2 NCR_INLINE __m256i umac_avx2_load(const uint32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* 16 bytes of the message in both halves. */
UMAC_AVX2 NCR_INLINE __m256i umac_avx2_twice(const uint8_t *m)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)m));
}

/* sum plus the products of the words of x + k and y + k', where y's keys follow x's. */
UMAC_AVX2 NCR_INLINE __m256i umac_avx2_group(__m256i sum, __m256i x, __m256i y, const uint32_t *key)
{
    __m256i a = _mm256_add_epi32(x, umac_avx2_load(key));
    __m256i b = _mm256_add_epi32(y, umac_avx2_load(key + 4));
    __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
    return _mm256_add_epi64(sum, _mm256_add_epi64(_mm256_mul_epu32(a, b), odd));
}

/* The two words of each half added up. */
UMAC_AVX2 NCR_INLINE void umac_avx2_store(uint64_t nh[2], __m256i sum)
{
    __m256i both = _mm256_add_epi64(sum, _mm256_unpackhi_epi64(sum, sum));
    nh[0] = (uint64_t)_mm256_extract_epi64(both, 0);
    nh[1] = (uint64_t)_mm256_extract_epi64(both, 2);
}

UMAC_AVX2 void ncr_umac_nh_avx2(uint64_t nh[4], const uint32_t *key, unsigned streams,
                                const uint8_t *m, size_t n)
{
    __m256i low = _mm256_setzero_si256(), high = low;
    if (streams == 2) {
        for (; n > 0; n -= 32, m += 32, key += 8) {
            low = umac_avx2_group(low, umac_avx2_twice(m), umac_avx2_twice(m + 16), key);
        }
    } else {
        for (; n > 0; n -= 32, m += 32, key += 8) {
            __m256i x = umac_avx2_twice(m), y = umac_avx2_twice(m + 16);
            low = umac_avx2_group(low, x, y, key);
            high = umac_avx2_group(high, x, y, key + 8);
        }
    }
    umac_avx2_store(nh, low);
    umac_avx2_store(nh + 2, high);
}
#endif
