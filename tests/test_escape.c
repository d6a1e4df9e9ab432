/* SPDX-License-Identifier: ISC
 *
 * A peer's text made fit for a terminal: s52.
 */
#include "proto/posix/escape.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *escape(const char *p, size_t n, enum ncr_escape_mode mode)
{
    static char out[NCR_ESCAPE_ROOM(1024)];
    struct nacre_bytes in = {(const uint8_t *)p, n};
    size_t len = ncr_escape(out, sizeof out, in, mode);

    cr_assert_eq(len, strlen(out));
    return out;
}

#define LINE(text) escape(text, sizeof(text) - 1, NCR_ESCAPE_LINE)
#define TEXT(text) escape(text, sizeof(text) - 1, NCR_ESCAPE_TEXT)

Test(escape, s52_every_byte)
{
    for (unsigned b = 0; b < 256; b++) {
        char in[1] = {(char)b};
        char want[8];

        if (b == '\\')
            strcpy(want, "\\\\");
        else if (b >= 0x20 && b < 0x7f)
            snprintf(want, sizeof want, "%c", (int)b);
        else
            snprintf(want, sizeof want, "\\%03o", b);
        cr_assert_str_eq(escape(in, 1, NCR_ESCAPE_LINE), want, "byte %u", b);
    }
}

Test(escape, s52_terminal_sequences)
{
    cr_assert_str_eq(LINE("\x1b]52;c;aGk=\x07"), "\\033]52;c;aGk=\\007");
    cr_assert_str_eq(LINE("a\r\nb\tc"), "a\\015\\012b\\011c");
    cr_assert_str_eq(LINE("\xc2\x9b"
                          "31m"),
                     "\\302\\23331m"); /* CSI as one character */
    cr_assert_str_eq(LINE("x\x7fy"), "x\\177y");
    cr_assert_str_eq(LINE("a\0b"), "a\\000b");
}

Test(escape, s52_utf8)
{
    cr_assert_str_eq(LINE("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
                     "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    cr_assert_str_eq(LINE("\xc3"), "\\303");                   /* cut */
    cr_assert_str_eq(LINE("\xe2\x82"), "\\342\\202");          /* cut */
    cr_assert_str_eq(LINE("\xc0\xaf"), "\\300\\257");          /* overlong */
    cr_assert_str_eq(LINE("\xe0\x80\xaf"), "\\340\\200\\257"); /* overlong */
    cr_assert_str_eq(LINE("\xed\xa0\x80"), "\\355\\240\\200"); /* surrogate */
    cr_assert_str_eq(LINE("\xf4\x90\x80\x80"), "\\364\\220\\200\\200");
    cr_assert_str_eq(LINE("\xf8\x88\x80\x80\x80"), "\\370\\210\\200\\200\\200");
    cr_assert_str_eq(LINE("a\x80z"), "a\\200z");
}

Test(escape, s52_hidden_characters)
{
    cr_assert_str_eq(LINE("\xe2\x80\xae"
                          "txt.exe"),
                     "\\342\\200\\256txt.exe");                /* override */
    cr_assert_str_eq(LINE("\xe2\x81\xa6"), "\\342\\201\\246"); /* isolate */
    cr_assert_str_eq(LINE("\xe2\x80\x8b"), "\\342\\200\\213"); /* zero width */
    cr_assert_str_eq(LINE("\xe2\x80\xa8"), "\\342\\200\\250"); /* line separator */
    cr_assert_str_eq(LINE("\xd8\x9c"), "\\330\\234");
    cr_assert_str_eq(LINE("\xef\xbb\xbf"), "\\357\\273\\277");
    cr_assert_str_eq(LINE("\xf3\xa0\x81\x81"), "\\363\\240\\201\\201"); /* tag */
}

Test(escape, text_keeps_lines)
{
    cr_assert_str_eq(TEXT("one\r\ntwo\n\tthree\r"), "one\ntwo\n\tthree\\015");
    cr_assert_str_eq(TEXT("\x1b[2J\r\r\n"), "\\033[2J\\015\n");
}

/* Cut after escaping: never within an escape or a character, always ended, never too far. */
Test(escape, s52_cut)
{
    static const char text[] = "ab\x1b\xc3\xa9\\z\xff";
    static const char whole[] = "ab\\033\xc3\xa9\\\\z\\377";
    static const size_t ends[] = {0, 1, 2, 6, 8, 10, 11, 15};
    struct nacre_bytes in = {(const uint8_t *)text, sizeof text - 1};

    for (size_t cap = 1; cap <= sizeof whole; cap++) {
        char out[32];
        size_t n;
        bool known = false;

        memset(out, '#', sizeof out);
        n = ncr_escape(out, cap, in, NCR_ESCAPE_LINE);
        cr_assert_lt(n, cap);
        cr_assert_eq(out[n], '\0');
        cr_assert_eq(out[cap], '#', "wrote too far");
        cr_assert_eq(memcmp(out, whole, n), 0);
        for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
            known |= ends[i] == n;
        cr_assert(known, "cut within something at %zu", n);
    }
}

Test(escape, room_is_enough)
{
    uint8_t worst[300];
    struct nacre_bytes in = {worst, sizeof worst};
    char *out = malloc(NCR_ESCAPE_ROOM(sizeof worst));

    memset(worst, 0xff, sizeof worst);
    cr_assert_eq(ncr_escape(out, NCR_ESCAPE_ROOM(sizeof worst), in, NCR_ESCAPE_LINE),
                 4 * sizeof worst);
    free(out);
}

Test(escape, clean)
{
    struct nacre_bytes good = nacre_bytes_str("plain caf\xc3\xa9");
    struct nacre_bytes bad = nacre_bytes_str("with\nline");
    struct nacre_bytes none = {NULL, 0};

    cr_assert(ncr_escape_clean(good));
    cr_assert(ncr_escape_clean(none));
    cr_assert_not(ncr_escape_clean(bad));
}
