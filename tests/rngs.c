/* SPDX-License-Identifier: ISC
 *
 * Sources of randomness that tests steer: see rngs.h.
 */
#include "tests/rngs.h"

#include <string.h>

bool rng_count_fill(void *ctx, uint8_t *out, size_t n)
{
    struct rng_count *c = ctx;

    if (++c->calls == c->fail_at)
        return false;
    memset(out, (int)c->calls, n);
    return true;
}

bool rng_fast_fill(void *ctx, uint8_t *out, size_t n)
{
    static uint64_t x = 0x9e3779b97f4a7c15;

    for (size_t i = 0; i < n; i++) { /* xorshift64 */
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        out[i] = (uint8_t)(x >> 32);
    }
    return ctx == NULL || !*(const bool *)ctx;
}

bool rng_given_fill(void *ctx, uint8_t *out, size_t n)
{
    memcpy(out, ctx, n);
    return true;
}

bool rng_broken_fill(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx; /* nothing to remember */
    memset(out, 0x5a, n);
    return false;
}
