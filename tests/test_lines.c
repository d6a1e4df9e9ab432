/* SPDX-License-Identifier: ISC
 *
 * Lines out of chunks (proto/keys/text.c): every split, long ones (s57), the end of the text.
 */
#include "proto/keys/nacre_keys.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a reader tells of a text, as text. */
static size_t collect(char *out, const char *text, size_t n, size_t first, size_t step)
{
    struct nacre_lines lines;
    size_t at = 0;
    size_t done = 0;
    bool started = false;
    bool last;

    nacre_lines_init(&lines);
    do {
        size_t part = started ? step : first;
        struct nacre_bytes line;
        uint8_t *copy;
        struct nacre_bytes chunk;
        enum nacre_line kind;

        if (part > n - done)
            part = n - done;
        copy = malloc(part + 1); /* of its own, so that a line kept too long shows */
        memcpy(copy, text + done, part);
        chunk = (struct nacre_bytes){copy, part};
        done += part;
        started = true;
        last = done == n;
        do {
            kind = nacre_lines_next(&lines, &chunk, &line);
            if (kind == NACRE_LINE_NONE && last)
                kind = nacre_lines_end(&lines, &line);
            if (kind == NACRE_LINE_TOO_LONG)
                at += (size_t)sprintf(out + at, "%u long;", (unsigned)lines.number);
            if (kind == NACRE_LINE_OK)
                at += (size_t)sprintf(out + at, "%u %zu %.*s;", (unsigned)lines.number, line.n,
                                      (int)(line.n < 20 ? line.n : 20), (const char *)line.p);
        } while (kind != NACRE_LINE_NONE);
        free(copy);
    } while (!last);
    return at;
}

Test(lines, every_two_way_split)
{
    static const char text[] = "one\n\ntwo\r\n\r\n#x\nthree \rfour\n\n\nlast";
    static const char want[] = "1 3 one;2 0 ;3 3 two;4 0 ;5 2 #x;6 11 three \rfour;7 0 ;8 0 ;"
                               "9 4 last;";
    char out[512];

    for (size_t first = 0; first <= sizeof text - 1; first++) {
        memset(out, 0, sizeof out);
        collect(out, text, sizeof text - 1, first, sizeof text);
        cr_assert_str_eq(out, want, "split at %zu", first);
    }
    for (size_t step = 1; step < 9; step++) {
        memset(out, 0, sizeof out);
        collect(out, text, sizeof text - 1, step, step);
        cr_assert_str_eq(out, want, "chunks of %zu", step);
    }
}

/* s57: a line over the limit is skipped whole and told, its tail is no line of its own. */
Test(lines, s57_limit)
{
    size_t room = NACRE_LINE_MAX + 64;
    char *text = malloc(room);
    char out[256];

    for (size_t len = NACRE_LINE_MAX - 1; len <= NACRE_LINE_MAX + 1; len++) {
        static const size_t steps[] = {1, 7, 4096, NACRE_LINE_MAX, NACRE_LINE_MAX + 64};
        char want[64];
        size_t n;

        memcpy(text, "a\n", 2);
        memset(text + 2, 'x', len);
        memcpy(text + 2 + len, "\n* tail\nb", 9);
        n = 2 + len + 9;
        if (len <= NACRE_LINE_MAX)
            snprintf(want, sizeof want, "1 1 a;2 %zu xxxxxxxxxxxxxxxxxxxx;3 6 * tail;4 1 b;", len);
        else
            snprintf(want, sizeof want, "1 1 a;2 long;3 6 * tail;4 1 b;");
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            memset(out, 0, sizeof out);
            collect(out, text, n, steps[i], steps[i]);
            cr_assert_str_eq(out, want, "%zu in chunks of %zu", len, steps[i]);
        }
    }
    free(text);
}

Test(lines, s57_long_line_at_the_end)
{
    size_t n = 3 * NACRE_LINE_MAX;
    char *text = malloc(n);
    char out[256] = "";

    memset(text, 'x', n);
    collect(out, text, n, 100, 100);
    cr_assert_str_eq(out, "1 long;");
    memset(out, 0, sizeof out);
    collect(out, text, n, n, n);
    cr_assert_str_eq(out, "1 long;");
    free(text);
}

Test(lines, empty)
{
    char out[16] = "";

    cr_assert_eq(collect(out, "", 0, 0, 1), 0);
    cr_assert_eq(collect(out, "\n", 1, 1, 1), strlen("1 0 ;"));
}
