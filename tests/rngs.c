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
