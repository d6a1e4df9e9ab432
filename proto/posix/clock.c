/* SPDX-License-Identifier: ISC
 *
 * The monotonic clock: see clock.h.
 */
#include "proto/posix/clock.h"

#include <limits.h>
#include <time.h>

uint64_t ncr_clock_ms(void)
{
    struct timespec t;

    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
        return 0; /* a system without the clock: deadlines never pass */
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t ncr_clock_deadline(uint64_t ms)
{
    uint64_t now = ncr_clock_ms();

    return ms == 0 || ms >= NCR_NEVER - now ? NCR_NEVER : now + ms;
}

int ncr_clock_timeout(uint64_t deadline, uint64_t now)
{
    if (deadline == NCR_NEVER)
        return -1;
    if (deadline <= now)
        return 0;
    return deadline - now > INT_MAX ? INT_MAX : (int)(deadline - now);
}
