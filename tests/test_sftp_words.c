/* SPDX-License-Identifier: ISC
 *
 * The command language of nacre-sftp: words and quotes, patterns, paths; its progress meter.
 */
#include "client/sftp_words.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "client/sftp_program.h"

static void split(const char *line, const char *texts, const char *patterns)
{
    struct ncr_words w;
    char t[512] = "";
    char p[512] = "";

    cr_assert(ncr_sftp_split(&w, line), "%s: %s", line, w.error);
    for (size_t i = 0; i < w.n; i++) {
        strcat(strcat(t, w.w[i].text), "|");
        strcat(strcat(p, w.w[i].pattern), "|");
    }
    cr_assert_null(w.w[w.n].text);
    cr_assert_str_eq(t, texts);
    cr_assert_str_eq(p, patterns);
    ncr_words_free(&w);
}

Test(sftp_words, words)
{
    split("", "", "");
    split("  get  a\tb ", "get|a|b|", "get|a|b|");
    split("get \"a b\" 'c d'", "get|a b|c d|", "get|a b|c d|");
    split("get a\\ b", "get|a b|", "get|a b|");
    split("get *.c \"*.c\" '*.c' \\*.c", "get|*.c|*.c|*.c|*.c|", "get|*.c|\\*.c|\\*.c|\\*.c|");
    split("x \"a\\\"b\" 'a\\b'", "x|a\"b|a\\b|", "x|a\"b|a\\\\b|");
    split("x \"a\\nb\"", "x|a\\nb|", "x|a\\\\nb|");
    split("x ''", "x||", "x||");
    split("a\"b c\"d", "ab cd|", "ab cd|");
}

Test(sftp_words, refused)
{
    struct ncr_words w;
    char many[2 * NCR_WORDS_MAX + 8] = "";

    cr_assert_not(ncr_sftp_split(&w, "get \"a"));
    cr_assert_str_eq(w.error, "unterminated quote");
    ncr_words_free(&w);
    for (unsigned i = 0; i <= NCR_WORDS_MAX; i++)
        strcat(many, "x ");
    cr_assert_not(ncr_sftp_split(&w, many));
    cr_assert_str_eq(w.error, "too many words");
    ncr_words_free(&w);
}

Test(sftp_words, patterns)
{
    static const struct {
        const char *pattern, *name;
        bool match;
    } cases[] = {
        {"", "", true},          {"*", "", true},         {"*", "abc", true},
        {"a*c", "abbc", true},   {"a*c", "abcd", false},  {"a?c", "abc", true},
        {"a?c", "ac", false},    {"[a-c]x", "bx", true},  {"[!a-c]x", "bx", false},
        {"[^a-c]x", "dx", true}, {"[]x]", "]", true},     {"[a", "[a", true},
        {"\\*", "*", true},      {"\\*", "a", false},     {"[\\]]", "]", true},
        {"*", ".hidden", false}, {".*", ".hidden", true}, {"?x", ".x", false},
        {"*.c", "a.c.c", true},  {"a**b", "ab", true},    {"[a-]", "-", true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(ncr_glob_match(cases[i].pattern, cases[i].name), cases[i].match, "%s %s",
                     cases[i].pattern, cases[i].name);
    cr_assert(ncr_glob_magic("a*"));
    cr_assert(ncr_glob_magic("[a]"));
    cr_assert_not(ncr_glob_magic("a\\*"));
    cr_assert_not(ncr_glob_magic("plain"));
}

/* Time is bounded by the product of the lengths: s57. */
Test(sftp_words, s57_linear_matcher, .timeout = 120)
{
    char name[256];
    char pattern[512] = "";

    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (unsigned i = 0; i < 120; i++)
        strcat(pattern, "*a");
    strcat(pattern, "b");
    for (unsigned i = 0; i < 2000; i++)
        cr_assert_not(ncr_glob_match(pattern, name));
}

static void joined(const char *a, const char *b, const char *want)
{
    char *s = ncr_path_join(a, b);

    cr_assert_str_eq(s, want);
    free(s);
}

Test(sftp_words, paths)
{
    char *s;

    joined("/a", "b", "/a/b");
    joined("/a/", "b", "/a/b");
    joined("/", "b", "/b");
    joined("", "b", "b");
    joined("/a", "/b", "/b");
    cr_assert_str_eq(ncr_path_base("/a/b"), "b");
    cr_assert_str_eq(ncr_path_base("b"), "b");
    cr_assert_str_eq(ncr_path_base("/a/"), "");
    s = ncr_path_trim("/a//");
    cr_assert_str_eq(s, "/a");
    free(s);
    s = ncr_path_trim("///");
    cr_assert_str_eq(s, "/");
    free(s);
    s = ncr_glob_plain("a\\*b\\\\");
    cr_assert_str_eq(s, "a*b\\");
    free(s);
}

Test(sftp_words, meter)
{
    char line[256];

    ncr_meter_line(line, sizeof line, "file.bin", 80, 45 * 1048576u, 100 * 1048576u, 10.0 * 1048576,
                   5, true);
    cr_assert_str_eq(line,
                     "file.bin                                      45%   45MB  10.0MB/s   "
                     "00:05 ETA",
                     "%s", line);
    ncr_meter_line(line, sizeof line, "x", 80, 0, 0, 0, -1, true);
    cr_assert_not_null(strstr(line, "  0%    0 B   0.0 B/s   --:-- ETA"), "%s", line);
    ncr_meter_line(line, sizeof line, "x", 80, 5, 10, 1, 3725, false);
    cr_assert_not_null(strstr(line, " 1:02:05    "), "%s", line);
    for (unsigned width = 0; width < 200; width++) {
        ncr_meter_line(line, sizeof line, "a name that is rather long for a narrow terminal", width,
                       UINT64_MAX, UINT64_MAX, 1e30, INT64_MAX, true);
        if (width > 60)
            cr_assert_leq(strlen(line), width, "%u: %s", width, line);
    }
}
