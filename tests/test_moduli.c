/* SPDX-License-Identifier: ISC
 *
 * Moduli files: lines of OpenSSH's, lines cut and extended, and s24, groups that must not be used.
 */
#include "proto/keys/nacre_keys.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t buf[NACRE_MODULI_BUF];

static bool is_zeroed(const struct nacre_dh_group *g)
{
    return g->p.p == NULL && g->p.n == 0 && g->g.p == NULL && g->g.n == 0 && g->bits == 0;
}

/* Parses a copy of exactly that size. */
static nacre_err parse(struct nacre_dh_group *g, const char *line, size_t n)
{
    uint8_t *copy = malloc(n + (n == 0));
    nacre_err err;

    cr_assert_not_null(copy);
    memcpy(copy, line, n);
    memset(g, 0xa5, sizeof *g);
    err = nacre_moduli_parse(g, (struct nacre_bytes){copy, n}, buf, sizeof buf);
    cr_assert(err == NACRE_OK || is_zeroed(g));
    free(copy);
    return err;
}

static nacre_err parse_text(const char *line)
{
    struct nacre_dh_group g;

    return parse(&g, line, strlen(line));
}

Test(moduli, openssh)
{
    struct vec v;

    for (vec_open(&v, "moduli_openssh.txt"); vec_next(&v);) {
        struct nacre_dh_group g;
        size_t n;
        const char *line = (const char *)vec_get(&v, "line", &n);

        cr_assert_eq(parse(&g, line, n), NACRE_OK);
        cr_assert_eq(g.bits, vec_uint(&v, "bits"));
        vec_expect(&v, "p", g.p.p, g.p.n);
        vec_expect(&v, "g", g.g.p, g.g.n);
    }
    vec_close(&v);
}

Test(moduli, blank_lines_and_comments)
{
    static const char *const lines[] = {"", " ", "\t ", "# Time Type", "  # x", "#"};
    struct nacre_dh_group g;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        cr_assert_eq(parse(&g, lines[i], strlen(lines[i])), NACRE_OK);
        cr_assert(is_zeroed(&g));
    }
}

/* A line of these fields; the modulus is the first one's of the vectors. */
static char line[6000];
static const char *with(const char *head, const char *generator, const char *before,
                        const char *after)
{
    struct vec v;
    size_t n;
    const char *from;
    char modulus[600];

    vec_open(&v, "moduli_openssh.txt");
    cr_assert(vec_next(&v));
    from = (const char *)vec_get(&v, "line", &n);
    cr_assert_lt(n, sizeof line);
    memcpy(line, from, n);
    line[n] = '\0';
    memcpy(modulus, strrchr(line, ' ') + 1, strlen(strrchr(line, ' ') + 1) + 1);
    cr_assert_eq(strlen(modulus), 512);
    snprintf(line, sizeof line, "%s %s %s%s%s", head, generator, before, modulus, after);
    vec_close(&v);
    return line;
}

Test(moduli, ways_to_write_a_line)
{
    cr_assert_eq(parse_text(with("20220714110357 2 6 100 2047", "2", "", "")), NACRE_OK);
    cr_assert_eq(parse_text(with("  0 2 2 0 2047", "02", "", " \t")), NACRE_OK);
    cr_assert_eq(parse_text(with("1\t2 4 1\t\t2047", "000005", "0000", "")), NACRE_OK);
    for (char *p = line; *p != '\0'; p++)
        *p = (char)(*p >= 'A' && *p <= 'F' ? *p + 32 : *p);
    cr_assert_eq(parse_text(line), NACRE_OK);
    cr_assert_eq(parse_text(with("1 2 4 1 2047", "5", "000", "")), NACRE_OK, "odd count of digits");
}

Test(moduli, s24_groups_that_must_not_be_used)
{
    static const char *const heads[] = {
        "1 0 6 100 2047", "1 1 6 100 2047", "1 3 6 100 2047", "1 4 6 100 2047",
        "1 2 0 100 2047", "1 2 1 100 2047", "1 2 7 100 2047", "1 2 32 100 2047",
        "1 2 6 100 2048", "1 2 6 100 2046", "1 2 6 100 0",    "1 2 6 100 3071",
    };
    static const char *const generators[] = {"0", "1", "00"};

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        cr_assert_eq(parse_text(with(heads[i], "2", "", "")), NACRE_ERR_KEY_REFUSED, "%s",
                     heads[i]);
    for (size_t i = 0; i < sizeof generators / sizeof *generators; i++)
        cr_assert_eq(parse_text(with("1 2 6 100 2047", generators[i], "", "")),
                     NACRE_ERR_KEY_REFUSED);
    /* even; p longer; sizes out of range */
    (void)with("1 2 6 100 2047", "2", "", "");
    line[strlen(line) - 1] = '0';
    cr_assert_eq(parse_text(line), NACRE_ERR_KEY_REFUSED);
    cr_assert_eq(parse_text(with("1 2 6 100 2051", "2", "F", "")), NACRE_OK,
                 "2,052 bits that are there");
    cr_assert_eq(parse_text("1 2 6 100 2 2 7"), NACRE_ERR_KEY_REFUSED);
    for (size_t digits = 250; digits <= 2060; digits += 6) {
        struct nacre_dh_group g;
        int n = snprintf(line, sizeof line, "1 2 6 100 %zu 2 ", 4 * digits - 1);
        memset(line + n, 'F', digits);
        nacre_err want = digits < 512 || digits > 2048 ? NACRE_ERR_KEY_REFUSED : NACRE_OK;
        cr_assert_eq(parse(&g, line, (size_t)n + digits), want, "%zu", digits);
    }
    /* g = p - 1 */
    char p[513];
    memset(p, 'F', 512);
    p[512] = '\0';
    snprintf(line, sizeof line, "1 2 6 100 2047 %.511sE %s", p, p);
    cr_assert_eq(parse_text(line), NACRE_ERR_KEY_REFUSED);
    snprintf(line, sizeof line, "1 2 6 100 2047 %.511sD %s", p, p);
    cr_assert_eq(parse_text(line), NACRE_OK);
}

Test(moduli, malformed_lines)
{
    static const char *const heads[] = {
        "x 2 6 100 2047",  "1 2 6 2047",       "1 2 6 100 5 2047", "-1 2 6 100 2047",
        "1 2 6 100 65536", "1 2 256 100 2047", "1 100 6 100 2047", "1 2 6 100 0x7ff",
    };

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        cr_assert_eq(parse_text(with(heads[i], "2", "", "")), NACRE_ERR_FILE_FORMAT, "%s",
                     heads[i]);
    cr_assert_eq(parse_text(with("1 2 6 100 2047", "g", "", "")), NACRE_ERR_FILE_FORMAT);
    cr_assert_eq(parse_text(with("1 2 6 100 2047", "2", "", " x")), NACRE_ERR_FILE_FORMAT);
    cr_assert_eq(parse_text(with("1 2 6 100 2047", "2", "", "G")), NACRE_ERR_FILE_FORMAT);
    cr_assert_eq(parse_text(with("1 2 6 100 2047", "2", "0x", "")), NACRE_ERR_FILE_FORMAT);
    cr_assert_eq(parse_text(with("1 2 6 100 2047", "2", "", "\r")), NACRE_ERR_FILE_FORMAT);
    cr_assert_eq(parse_text("1"), NACRE_ERR_FILE_FORMAT);
    cr_assert_eq(parse_text("1 2 6 100 2047 2"), NACRE_ERR_FILE_FORMAT);
}

Test(moduli, cut_and_without_room)
{
    struct nacre_dh_group g;
    size_t n = strlen(with("20220714110357 2 6 100 2047", "2", "", ""));

    for (size_t cut = 1; cut < n; cut++)
        cr_assert_neq(parse(&g, line, cut), NACRE_OK, "%zu", cut);
    for (size_t cap = 0; cap < 260; cap++) {
        uint8_t *room = malloc(cap + (cap == 0));
        nacre_err err;
        cr_assert_not_null(room);
        err = nacre_moduli_parse(&g, (struct nacre_bytes){(const uint8_t *)line, n}, room, cap);
        cr_assert_eq(err, cap < 257 ? NACRE_ERR_NO_ROOM : NACRE_OK, "%zu", cap);
        cr_assert_eq(is_zeroed(&g), cap < 257);
        free(room);
    }
}
