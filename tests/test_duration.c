/* SPDX-License-Identifier: ISC
 *
 * Spans of time: what ssh's convtime() takes and refuses.
 */
#include "proto/posix/duration.h"

#include <criterion/criterion.h>

Test(duration, sums)
{
    static const struct {
        const char *text;
        uint32_t seconds;
    } rows[] = {{"0", 0},
                {"90", 90},
                {"1s", 1},
                {"1S", 1},
                {"2m", 120},
                {"2M", 120},
                {"3h", 10800},
                {"3H", 10800},
                {"4d", 345600},
                {"4D", 345600},
                {"5w", 3024000},
                {"5W", 3024000},
                {"1h30m", 5400},
                {"1w2d3h4m5s", 788645},
                {"1d1", 86401},
                {"2m2m", 240},
                {"010", 10},
                {"2147483647", INT32_MAX},
                {"3550w", 2147040000}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t got = 77;

        cr_assert(ncr_duration(&got, rows[i].text), "%s", rows[i].text);
        cr_assert_eq(got, rows[i].seconds, "%s: %u", rows[i].text, (unsigned)got);
    }
}

Test(duration, no_spans)
{
    static const char *const texts[] = {"",
                                        "s",
                                        "-1",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1x",
                                        "1ss",
                                        "1.5h",
                                        "0x10",
                                        "h1",
                                        "2147483648",
                                        "2147483647s1",
                                        "3551w",
                                        "18446744073709551617",
                                        "99999999999999999999999999999w",
                                        "1\n"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint32_t got = 77;

        cr_assert_not(ncr_duration(&got, texts[i]), "%s", texts[i]);
        cr_assert_eq(got, 77, "%s", texts[i]);
    }
}
