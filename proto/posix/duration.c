/* SPDX-License-Identifier: ISC
 *
 * Spans of time: see duration.h.
 */
#include "proto/posix/duration.h"

#include <stddef.h>
#include <string.h>

/* One number with its unit off *text; at most 2^31 * 604800, which the sum is checked for. */
static bool duration_next(uint64_t *seconds, const char **text)
{
    static const char units[] = "sSmMhHdDwW";
    static const uint32_t factors[] = {1, 60, 3600, 86400, 604800};
    const char *at = *text;
    const char *unit;

    if (*at < '0' || *at > '9')
        return false;
    for (*seconds = 0; *at >= '0' && *at <= '9'; at++) {
        if (*seconds > INT32_MAX)
            return false;
        *seconds = *seconds * 10 + (uint64_t)(*at - '0');
    }
    unit = *at == '\0' ? NULL : strchr(units, *at);
    if (unit != NULL) {
        *seconds *= factors[(unit - units) / 2];
        at++;
    }
    *text = at;
    return true;
}

bool ncr_duration(uint32_t *seconds, const char *text)
{
    uint64_t sum = 0;

    if (*text == '\0')
        return false;
    while (*text != '\0') {
        uint64_t one;

        if (!duration_next(&one, &text))
            return false;
        sum += one;
        if (sum > INT32_MAX)
            return false;
    }
    *seconds = (uint32_t)sum;
    return true;
}
