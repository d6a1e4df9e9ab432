/* SPDX-License-Identifier: ISC
 *
 * known_hosts: lines, patterns, verdicts, preference; s48 (revoked keys in every form of a line),
 * s51 (order of algorithms), s54 (names), s57 (long lines, linear matcher), s46 (a search that saw
 * nothing).
 */
#include "proto/keys/nacre_keys.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct nacre_bytes nothing;

/* ---- Keys ---- */

struct key {
    struct nacre_privkey k;
    char text[128]; /* type and base64 */
};

static struct key make_key(uint8_t fill)
{
    struct key key;
    uint8_t seed[NACRE_ED25519_SEED_LEN];

    memset(seed, fill, sizeof seed);
    nacre_privkey_from_seed(&key.k, seed);
    cr_assert_eq(
        nacre_pubkey_format(key.text, sizeof key.text, nacre_privkey_public_blob(&key.k), nothing),
        NACRE_OK);
    return key;
}

/* "h" and "[h]:2222" with a salt of blanks: by Python's hmac and base64. */
#define HASHED_H "|1|ICAgICAgICAgICAgICAgICAgICA=|v7X/a0SEipRkRsqx6GIrG+BGCxU="
#define HASHED_H_2222 "|1|ICAgICAgICAgICAgICAgICAgICA=|JPSOHCMyVKE1s94TlDZESmFydm4="
#define OTHER_TYPE "ssh-x AAAABXNzaC14AAAAAQE="
#define WEAK_KEY /* the point of order 1 */                                                        \
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* Runs a text over a search line by line; the number of bad lines. */
static unsigned run(struct nacre_known_hosts *s, const char *text)
{
    struct nacre_lines lines;
    struct nacre_bytes chunk = nacre_bytes_str(text);
    struct nacre_bytes line;
    enum nacre_line kind;
    unsigned bad = 0;

    nacre_lines_init(&lines);
    do {
        kind = nacre_lines_next(&lines, &chunk, &line);
        if (kind == NACRE_LINE_NONE)
            kind = nacre_lines_end(&lines, &line);
        if (kind == NACRE_LINE_OK) {
            const char *what;
            nacre_err err = nacre_known_hosts_line(s, line, 1, lines.number, &what);

            cr_assert_eq(err == NACRE_OK, what[0] == '\0');
            bad += err != NACRE_OK;
        }
    } while (kind != NACRE_LINE_NONE);
    return bad;
}

static struct nacre_known_hosts search(const char *text, const char *host, uint32_t port,
                                       const struct key *key)
{
    struct nacre_known_hosts s;

    cr_assert_eq(nacre_known_hosts_init(&s, nacre_bytes_str(host), port,
                                        key == NULL ? nothing : nacre_privkey_public_blob(&key->k)),
                 NACRE_OK);
    run(&s, text);
    return s;
}

/* "HOSTS type base64\n" with a marker or "" before. */
static const char *line_of(char out[512], const char *before, const char *hosts, const char *key)
{
    cr_assert_lt(snprintf(out, 512, "%s%s %s\n", before, hosts, key), 512);
    return out;
}

static enum nacre_host_verdict verdict(const char *before, const char *hosts, const char *key,
                                       const char *host, uint32_t port, const struct key *shown)
{
    char text[512];

    return search(line_of(text, before, hosts, key), host, port, shown).verdict;
}

/* ---- Lines ---- */

Test(known_hosts, parse)
{
    struct nacre_host_entry e;

    cr_assert_eq(nacre_known_hosts_parse(&e, nacre_bytes_str(" a,b  t k  c d ")), NACRE_OK);
    cr_assert(nacre_bytes_is(e.names, "a,b"));
    cr_assert(nacre_bytes_is(e.type, "t"));
    cr_assert(nacre_bytes_is(e.key, "k"));
    cr_assert(nacre_bytes_is(e.comment, "c d"));
    cr_assert(!e.blank && !e.hashed && e.marker == NACRE_HOST_PLAIN);
    cr_assert_eq(nacre_known_hosts_parse(&e, nacre_bytes_str("@revoked\ta\tt\tk")), NACRE_OK);
    cr_assert_eq(e.marker, NACRE_HOST_REVOKED_KEY);
    cr_assert_eq(nacre_known_hosts_parse(&e, nacre_bytes_str("@cert-authority a t k")), NACRE_OK);
    cr_assert_eq(e.marker, NACRE_HOST_CERT_AUTHORITY);
    for (size_t i = 0; i < 4; i++) {
        static const char *const blank[] = {"", "#", "  # x y z", " \t "};

        cr_assert_eq(nacre_known_hosts_parse(&e, nacre_bytes_str(blank[i])), NACRE_OK);
        cr_assert(e.blank);
    }
}

Test(known_hosts, bad_lines)
{
    static const char *const bad[] = {
        "a",
        "a t",
        "@revoked a t",
        "@revoke a t k",
        "@ a t k",
        "@cert-authority,a t k k",
        "a 1024,x k",
        "|1|short|short t k",
        "|2|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|AAAAAAAAAAAAAAAAAAAAAAAAAAA= t k",
        "|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|AAAAAAAAAAAAAAAAAAAAAAAAAAA=,a t k",
        "|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=,AAAAAAAAAAAAAAAAAAAAAAAAAAA= t k"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct nacre_host_entry e;

        cr_assert_eq(nacre_known_hosts_parse(&e, nacre_bytes_str(bad[i])), NACRE_ERR_FILE_FORMAT,
                     "%s", bad[i]);
        cr_assert(e.what != NULL && e.what[0] != '\0');
        cr_assert_eq(e.names.n, 0);
    }
}

/* A damaged line is told and takes nothing else with it. */
Test(known_hosts, bad_lines_are_told_and_skipped)
{
    struct key a = make_key(1);
    char text[1024];
    struct nacre_known_hosts s;

    snprintf(text, sizeof text,
             "@what h %s\nh ssh-ed25519 AAAA!\nh ssh-ed25519 AAAA\nh ssh-x %s\nh %s\nh x\n%s %s\n",
             a.text, a.text + 12, WEAK_KEY, "h", a.text);
    cr_assert_eq(
        nacre_known_hosts_init(&s, nacre_bytes_str("h"), 22, nacre_privkey_public_blob(&a.k)),
        NACRE_OK);
    cr_assert_eq(run(&s, text), 6);
    cr_assert_eq(s.verdict, NACRE_HOST_MATCH);
    cr_assert_eq(s.line, 7);
}

Test(known_hosts, s20_line_cut_at_every_length)
{
    struct key a = make_key(1);
    char text[512];
    size_t n = strlen(line_of(text, "", "h", a.text)) - 1;

    for (size_t cut = 0; cut <= n; cut++) {
        char *copy = malloc(cut + 1);
        struct nacre_known_hosts *s = malloc(sizeof *s);
        nacre_err err;

        memcpy(copy, text, cut);
        cr_assert_eq(
            nacre_known_hosts_init(s, nacre_bytes_str("h"), 22, nacre_privkey_public_blob(&a.k)),
            NACRE_OK);
        err = nacre_known_hosts_line(s, (struct nacre_bytes){(uint8_t *)copy, cut}, 0, 1, NULL);
        cr_assert_eq(err == NACRE_OK, cut == n || cut == 0, "%zu", cut);
        cr_assert_eq(s->verdict, cut == n ? NACRE_HOST_MATCH : NACRE_HOST_NOT_FOUND);
        free(copy);
        free(s);
    }
}

/* One flipped bit of a line never gives a match but where the name still says the host. */
Test(known_hosts, s20_bit_flips)
{
    struct key a = make_key(1);
    char text[512];
    size_t n = strlen(line_of(text, "", "h", a.text)) - 1;

    for (size_t bit = 0; bit < 8 * n; bit++) {
        struct nacre_known_hosts s;
        nacre_err err;

        text[bit / 8] ^= (char)(1u << bit % 8);
        cr_assert_eq(
            nacre_known_hosts_init(&s, nacre_bytes_str("h"), 22, nacre_privkey_public_blob(&a.k)),
            NACRE_OK);
        err = nacre_known_hosts_line(&s, (struct nacre_bytes){(uint8_t *)text, n}, 0, 1, NULL);
        cr_assert(err == NACRE_OK || s.verdict == NACRE_HOST_NOT_FOUND);
        cr_assert_eq(s.verdict == NACRE_HOST_MATCH, text[0] == 'H', "bit %zu", bit);
        text[bit / 8] ^= (char)(1u << bit % 8);
    }
}

/* ---- Names ---- */

Test(known_hosts, host_text)
{
    static const struct {
        const char *host;
        uint32_t port;
        const char *text;
    } cases[] = {{"Host", 22, "host"},
                 {"host", 0, "host"},
                 {"HOST.Example", 2222, "[host.example]:2222"},
                 {"::1", 22, "::1"},
                 {"::1", 1, "[::1]:1"},
                 {"fe80::1%eth0", 65535, "[fe80::1%eth0]:65535"}};
    char out[NACRE_HOST_TEXT_LEN];
    char big[NACRE_HOST_NAME_MAX + 2];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(nacre_host_text(out, nacre_bytes_str(cases[i].host), cases[i].port), NACRE_OK);
        cr_assert_str_eq(out, cases[i].text);
    }
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    cr_assert_eq(nacre_host_text(out, nacre_bytes_str(big), 65535), NACRE_ERR_USAGE);
    cr_assert_eq(nacre_host_text(out, nacre_bytes_str(big + 1), 65535), NACRE_OK);
    cr_assert_eq(strlen(out), sizeof out - 1);
    cr_assert_eq(nacre_host_text(out, nacre_bytes_str("h"), 65536), NACRE_ERR_USAGE);
}

Test(known_hosts, s54_names_that_are_none)
{
    char out[NACRE_HOST_TEXT_LEN];

    cr_assert_eq(nacre_host_text(out, nothing, 22), NACRE_ERR_USAGE);
    for (unsigned c = 0; c < 256; c++) {
        uint8_t first[2] = {(uint8_t)c, 'a'};
        uint8_t second[2] = {'a', (uint8_t)c};
        bool inside = c > 0x20 && c < 0x7f && strchr(",*?|[]", (int)c) == NULL;
        bool at_front = inside && strchr("@#!", (int)c) == NULL;

        cr_assert_eq(nacre_host_text(out, (struct nacre_bytes){first, 2}, 22),
                     at_front ? NACRE_OK : NACRE_ERR_USAGE, "%u", c);
        cr_assert_eq(nacre_host_text(out, (struct nacre_bytes){second, 2}, 22),
                     inside ? NACRE_OK : NACRE_ERR_USAGE, "%u", c);
    }
}

Test(known_hosts, patterns)
{
    static const struct {
        const char *list, *name;
        bool match;
    } cases[] = {{"a", "a", true},
                 {"a", "A", true},
                 {"A", "a", true},
                 {"a", "ab", false},
                 {"ab", "a", false},
                 {"", "", true},
                 {"", "a", false},
                 {"*", "", true},
                 {"*", "abc", true},
                 {"?", "", false},
                 {"?", "a", true},
                 {"?", "ab", false},
                 {"a*c", "abbbc", true},
                 {"a*c", "abbbcd", false},
                 {"*.example.com", "x.example.com", true},
                 {"*.example.com", "example.com", false},
                 {"*.example.com", "x.example.com.evil", false},
                 {"a*b*c", "axxbyybzzc", true},
                 {"*a*a*a", "aXaXa", true},
                 {"*a*a*a", "aXaX", false},
                 {"**", "x", true},
                 {"x,y", "y", true},
                 {"x,y", "x,y", false},
                 {"x,!y", "y", false},
                 {"*,!y", "y", false},
                 {"!y,*", "y", false},
                 {"*,!y", "x", true},
                 {"!y", "x", false},
                 {"*,!*.bad", "a.bad", false},
                 {"192.0.2.?", "192.0.2.5", true},
                 {"[h]:22", "[h]:22", true},
                 {"[*.x]:2222", "[a.x]:2222", true},
                 {"[*.x]:2222", "a.x", false},
                 {",,a", "a", true},
                 {"!", "a", false}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(nacre_pattern_list_match(nacre_bytes_str(cases[i].list),
                                              nacre_bytes_str(cases[i].name)),
                     cases[i].match, "%s: %s", cases[i].list, cases[i].name);
}

/* Patterns that take a backtracking matcher for ever; the test's own time limit is the measure. */
Test(known_hosts, s57_linear_matcher)
{
    char pattern[NACRE_LINE_MAX];
    char name[NACRE_HOST_NAME_MAX];

    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    memset(name, 'a', sizeof name);
    cr_assert_not(nacre_pattern_list_match((struct nacre_bytes){(uint8_t *)pattern, sizeof pattern},
                                           (struct nacre_bytes){(uint8_t *)name, sizeof name}));
    for (size_t stars = 1; stars < 200; stars++) { /* *a*a*a...b: fails at the very end */
        pattern[2 * stars] = 'b';
        cr_assert_not(
            nacre_pattern_list_match((struct nacre_bytes){(uint8_t *)pattern, 2 * stars + 1},
                                     (struct nacre_bytes){(uint8_t *)name, sizeof name}));
        pattern[2 * stars] = '*';
    }
}

/* ---- Verdicts ---- */

Test(known_hosts, verdicts)
{
    struct key a = make_key(1);
    struct key b = make_key(2);

    cr_assert_eq(verdict("", "h", a.text, "h", 22, &a), NACRE_HOST_MATCH);
    cr_assert_eq(verdict("", "h", a.text, "H", 22, &a), NACRE_HOST_MATCH);
    cr_assert_eq(verdict("", "h", a.text, "h", 22, &b), NACRE_HOST_CHANGED);
    cr_assert_eq(verdict("", "h", a.text, "g", 22, &a), NACRE_HOST_NOT_FOUND);
    cr_assert_eq(verdict("", "h", OTHER_TYPE, "h", 22, &a), NACRE_HOST_OTHER_TYPE);
    cr_assert_eq(verdict("", "g,h", a.text, "h", 22, &a), NACRE_HOST_MATCH);
    cr_assert_eq(verdict("", "*,!h", a.text, "h", 22, &a), NACRE_HOST_NOT_FOUND);
    cr_assert_eq(verdict("", "h", a.text, "h", 2222, &a), NACRE_HOST_NOT_FOUND);
    cr_assert_eq(verdict("", "[h]:2222", a.text, "h", 2222, &a), NACRE_HOST_MATCH);
    cr_assert_eq(verdict("", "[h]:2222", a.text, "h", 22, &a), NACRE_HOST_NOT_FOUND);
    cr_assert_eq(verdict("", "[h]:2222", a.text, "h", 2222, &b), NACRE_HOST_CHANGED);
    cr_assert_eq(verdict("@cert-authority ", "h", a.text, "h", 22, &a), NACRE_HOST_NOT_FOUND);
    cr_assert_eq(verdict("@cert-authority ", "h", b.text, "h", 22, &a), NACRE_HOST_NOT_FOUND);
    cr_assert_eq(verdict("#", "h", a.text, "h", 22, &a), NACRE_HOST_NOT_FOUND);
}

/* The strongest line decides, whatever the order; the first of equals is told. */
Test(known_hosts, order_does_not_matter)
{
    struct key a = make_key(1);
    struct key b = make_key(2);
    struct key c = make_key(3);
    char lines[4][512];
    static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}};

    line_of(lines[0], "", "h", OTHER_TYPE);
    line_of(lines[1], "", "h", b.text);
    line_of(lines[2], "", "h", a.text);
    line_of(lines[3], "", "h", c.text);
    for (size_t i = 0; i < 4; i++) {
        char text[2048] = "";
        char fp[NACRE_FINGERPRINT_LEN];
        struct nacre_known_hosts s;

        for (size_t j = 0; j < 4; j++)
            strcat(text, lines[orders[i][j]]);
        s = search(text, "h", 22, &a);
        cr_assert_eq(s.verdict, NACRE_HOST_MATCH);
        nacre_fingerprint(fp, NACRE_FP_SHA256, nacre_privkey_public_blob(&a.k));
        cr_assert_str_eq(s.known_fp, fp);
        cr_assert_str_eq(s.known_label, "ED25519");
        cr_assert_eq(orders[i][s.line - 1], 2);
        cr_assert_eq(s.file, 1);
    }
    snprintf(lines[0], 512, "\nh %s\nh %s\n", b.text, c.text);
    cr_assert_eq(search(lines[0], "h", 22, &a).line, 2);
}

Test(known_hosts, several_files)
{
    struct key a = make_key(1);
    struct key b = make_key(2);
    struct nacre_known_hosts s = search("", "h", 22, &a);
    char text[512];

    cr_assert_eq(
        nacre_known_hosts_line(&s, nacre_bytes_str(line_of(text, "", "h", b.text)), 1, 9, NULL),
        NACRE_ERR_KEY_FORMAT); /* the line end belongs to no line */
    text[strlen(text) - 1] = '\0';
    cr_assert_eq(nacre_known_hosts_line(&s, nacre_bytes_str(text), 1, 9, NULL), NACRE_OK);
    line_of(text, "", "h", a.text);
    text[strlen(text) - 1] = '\0';
    cr_assert_eq(nacre_known_hosts_line(&s, nacre_bytes_str(text), 2, 3, NULL), NACRE_OK);
    cr_assert(s.verdict == NACRE_HOST_MATCH && s.file == 2 && s.line == 3);
}

Test(known_hosts, s46_nothing_seen)
{
    struct nacre_known_hosts zero;
    struct key a = make_key(1);

    memset(&zero, 0, sizeof zero);
    cr_assert_eq(zero.verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_eq(search("", "h", 22, &a).verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_eq(
        nacre_known_hosts_line(&zero, nacre_bytes_str("* ssh-x AAAABXNzaC14AAAAAQE="), 0, 1, NULL),
        NACRE_OK);
    cr_assert_eq(zero.verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_eq(nacre_known_hosts_init(&zero, nacre_bytes_str("a b"), 22, nothing),
                 NACRE_ERR_USAGE);
    cr_assert_eq(nacre_known_hosts_init(&zero, nacre_bytes_str("h"), 22, nacre_bytes_str("x")),
                 NACRE_ERR_KEY_FORMAT);
}

/* A key that no signature can be trusted under matches nothing, though it stands there. */
Test(known_hosts, s32_weak_and_opaque_keys)
{
    uint8_t blob[64];
    struct nacre_pubkey k;
    struct nacre_known_hosts s;

    cr_assert_eq(nacre_pubkey_parse(&k, NULL, nacre_bytes_str(WEAK_KEY), blob, sizeof blob),
                 NACRE_OK);
    cr_assert_eq(nacre_known_hosts_init(&s, nacre_bytes_str("h"), 22, k.blob), NACRE_OK);
    cr_assert_eq(run(&s, "h " WEAK_KEY "\n"), 1);
    cr_assert_eq(s.verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_eq(nacre_pubkey_parse(&k, NULL, nacre_bytes_str(OTHER_TYPE), blob, sizeof blob),
                 NACRE_ERR_UNKNOWN_ALG);
    cr_assert_eq(nacre_known_hosts_init(&s, nacre_bytes_str("h"), 22, k.blob), NACRE_OK);
    cr_assert_eq(run(&s, "h " OTHER_TYPE "\n"), 0);
    cr_assert_eq(s.verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_eq(run(&s, "@revoked h " OTHER_TYPE "\n@revoked h " WEAK_KEY "\n"), 0);
    cr_assert_eq(s.verdict, NACRE_HOST_REVOKED);
}

/* ---- s48 ---- */

Test(known_hosts, s48_revoked)
{
    struct key a = make_key(1);
    struct key b = make_key(2);
    static const struct {
        const char *hosts, *host;
        uint32_t port;
        bool revoked;
    } cases[] = {{"h", "h", 22, true},
                 {"H", "h", 22, true},
                 {"*", "h", 22, true},
                 {"*", "h", 2222, true},
                 {"*.x", "a.x", 22, true},
                 {"*.x", "a.x", 2222, true},
                 {"[h]:2222", "h", 2222, true},
                 {"h", "h", 2222, true},
                 {"g,h", "h", 22, true},
                 {"[h]:2222", "h", 22, false},
                 {"g", "h", 22, false},
                 {"*,!h", "h", 22, false},
                 {HASHED_H, "h", 22, true},
                 {HASHED_H, "h", 2222, true},
                 {HASHED_H_2222, "h", 2222, true},
                 {HASHED_H_2222, "h", 22, false}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int order = 0; order < 2; order++) {
            char text[1024];
            char revoked[512];
            char plain[512];
            enum nacre_host_verdict got;

            line_of(revoked, "@revoked ", cases[i].hosts, a.text);
            snprintf(plain, sizeof plain, "h,*.x,[h]:2222,[a.x]:2222 %s\n", a.text);
            snprintf(text, sizeof text, "%s%s", order ? revoked : plain, order ? plain : revoked);
            got = search(text, cases[i].host, cases[i].port, &a).verdict;
            cr_assert_eq(got, cases[i].revoked ? NACRE_HOST_REVOKED : NACRE_HOST_MATCH, "%s",
                         cases[i].hosts);
        }
    }
    cr_assert_eq(verdict("@revoked ", "h", a.text, "h", 22, &b), NACRE_HOST_NOT_FOUND);
}

/* A revoked line that cannot be read is told with its number. */
Test(known_hosts, s48_bad_revoked_line_is_told)
{
    struct key a = make_key(1);
    struct nacre_known_hosts s = search("", "h", 22, &a);

    cr_assert_eq(run(&s, "@revoked h ssh-ed25519 AAAA\n@revoked h\n@revoked |1|x ssh-ed25519 A\n"),
                 3);
    cr_assert_eq(s.verdict, NACRE_HOST_NOT_FOUND);
}

/* ---- Hashed names ---- */

Test(known_hosts, hashed_by_openssh)
{
    struct key a = make_key(1);
    struct key b = make_key(2);
    struct vec v;

    for (vec_open(&v, "known_hosts_openssh.txt"); vec_next(&v);) {
        size_t n;
        const uint8_t *p = vec_get(&v, "field", &n);
        char field[NACRE_HOST_HASH_LEN];
        char again[NACRE_HOST_HASH_LEN];
        char text[512];
        char host[64];
        uint32_t port = 22;
        struct nacre_host_entry e;

        cr_assert_eq(n, NACRE_HOST_HASH_LEN - 1);
        snprintf(field, sizeof field, "%.*s", (int)n, (const char *)p);
        p = vec_get(&v, "name", &n);
        snprintf(host, sizeof host, "%.*s", (int)n, (const char *)p);
        cr_assert_eq(nacre_known_hosts_parse(&e, nacre_bytes_str(field)), NACRE_ERR_FILE_FORMAT);
        snprintf(text, sizeof text, "%s %s", field, a.text);
        cr_assert_eq(nacre_known_hosts_parse(&e, nacre_bytes_str(text)), NACRE_OK);
        cr_assert(e.hashed);
        cr_assert_eq(
            nacre_known_hosts_hash(again, sizeof again, e.salt, (struct nacre_bytes){p, n}),
            NACRE_OK);
        cr_assert_str_eq(again, field);
        if (host[0] == '[') {
            port = (uint32_t)strtoul(strrchr(host, ':') + 1, NULL, 10);
            *strrchr(host, ']') = '\0';
            memmove(host, host + 1, strlen(host));
        }
        cr_assert_eq(verdict("", field, a.text, host, port, &a), NACRE_HOST_MATCH);
        cr_assert_eq(verdict("", field, a.text, host, port, &b), NACRE_HOST_CHANGED);
        cr_assert_eq(verdict("@revoked ", field, a.text, host, port, &a), NACRE_HOST_REVOKED);
        cr_assert_eq(verdict("", field, a.text, host, port + 1, &a), NACRE_HOST_NOT_FOUND);
        cr_assert_eq(verdict("", field, a.text, "other", port, &a), NACRE_HOST_NOT_FOUND);
    }
    vec_close(&v);
}

/* A host is asked for in any case, its hash is of the name in lower case. */
Test(known_hosts, hashed_in_lower_case)
{
    struct key a = make_key(1);

    cr_assert_eq(verdict("", HASHED_H, a.text, "H", 22, &a), NACRE_HOST_MATCH);
}

/* Salt 00..13 and "example.com": the value of Python's hmac and base64. */
Test(known_hosts, hash_known_answer)
{
    uint8_t salt[NACRE_HOST_SALT_LEN];
    char out[NACRE_HOST_HASH_LEN];

    for (size_t i = 0; i < sizeof salt; i++)
        salt[i] = (uint8_t)i;
    cr_assert_eq(nacre_known_hosts_hash(out, sizeof out, salt, nacre_bytes_str("example.com")),
                 NACRE_OK);
    cr_assert_str_eq(out, "|1|AAECAwQFBgcICQoLDA0ODxAREhM=|nnUK16ANsXd3hL31YfAkGOluSjU=");
    for (size_t cap = 0; cap < sizeof out; cap++) {
        char *small = malloc(cap + 1);

        cr_assert_eq(nacre_known_hosts_hash(small, cap, salt, nacre_bytes_str("h")),
                     NACRE_ERR_NO_ROOM);
        cr_assert(cap == 0 || small[0] == '\0');
        free(small);
    }
}

/* s48: a hash that cannot be read is no hash of another host: the line is told. */
Test(known_hosts, hashed_names_that_cannot_be_read)
{
    static const char *const bad[] = {
        "|",
        "|1|",
        "|1||",
        "|2|ICAgICAgICAgICAgICAgICAgICA=|v7X/a0SEipRkRsqx6GIrG+BGCxU=",
        "|1|ICAgICAgICAgICAgICAgICAgICA|v7X/a0SEipRkRsqx6GIrG+BGCxU=",
        "|1|ICAgICAgICAgICAgICAgICAgICA= v7X/a0SEipRkRsqx6GIrG+BGCxU=",
        "|1|ICAgICAgICAgICAgICAgICAgICB=|v7X/a0SEipRkRsqx6GIrG+BGCxU=",
        "|1|ICAgICAgICAgICAgICAgICAgICAg|v7X/a0SEipRkRsqx6GIrG+BGCxU=",
        "|1|ICAgICAgICAgICAgICAgICAgIA==|v7X/a0SEipRkRsqx6GIrG+BGCxU=",
        "|1|ICAgICAgICAgICAgICAgICAgICA=|v7X/a0SEipRkRsqx6GIrG+BGCxU",
        "|1|ICAgICAgICAgICAgICAgICAgICA=|v7X/a0SEipRkRsqx6GIrG+BG*xU=",
        "|1|ICAgICAgICAgICAgICAgICAgICA=|v7X/a0SEipRkRsqx6GIrG+BGCxU=,h"};
    struct key a = make_key(1);

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[512];
        struct nacre_known_hosts s = search("", "h", 22, &a);

        cr_assert_eq(run(&s, line_of(text, "@revoked ", bad[i], a.text)), 1, "%s", bad[i]);
        cr_assert_eq(s.verdict, NACRE_HOST_NOT_FOUND);
    }
}

/* As many lines as a large site has, none of which can be told by its look. */
Test(known_hosts, a_hundred_thousand_hashed_lines)
{
    enum { LINES = 100000 };
    struct key a = make_key(1);
    struct nacre_bytes blob = nacre_privkey_public_blob(&a.k);
    struct nacre_known_hosts s = search("", "last.example.com", 22, &a);
    uint8_t salt[NACRE_HOST_SALT_LEN] = {0};

    for (uint32_t i = 1; i <= LINES; i++) {
        char line[512];
        char host[32];

        memcpy(salt, &i, sizeof i);
        snprintf(host, sizeof host, i == LINES ? "last.example.com" : "h%u.example.com",
                 (unsigned)i);
        cr_assert_eq(nacre_known_hosts_format_hashed(line, sizeof line, nacre_bytes_str(host), 22,
                                                     blob, salt),
                     NACRE_OK);
        line[strlen(line) - 1] = '\0';
        cr_assert_eq(nacre_known_hosts_line(&s, nacre_bytes_str(line), 0, i, NULL), NACRE_OK);
        cr_assert_eq(s.verdict, i == LINES ? NACRE_HOST_MATCH : NACRE_HOST_NOT_FOUND);
    }
    cr_assert_eq(s.line, LINES);
}

/* ---- Types and preference ---- */

Test(known_hosts, known_types)
{
    struct key a = make_key(1);
    char text[512];

    cr_assert_eq(search(line_of(text, "", "h", a.text), "h", 22, NULL).types, 1);
    cr_assert_eq(search(text, "h", 22, NULL).verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_eq(search(text, "g", 22, NULL).types, 0);
    cr_assert_eq(search(line_of(text, "", "h", OTHER_TYPE), "h", 22, NULL).types, 0);
    cr_assert_eq(search(line_of(text, "@revoked ", "h", a.text), "h", 22, NULL).types, 0);
    cr_assert_eq(search(line_of(text, "@cert-authority ", "h", a.text), "h", 22, NULL).types, 0);
}

Test(known_hosts, s51_preference)
{
    static const struct {
        uint32_t types;
        const char *list, *want;
    } cases[] = {
        {0, "x,ssh-ed25519,y", "x,ssh-ed25519,y"}, {1, "x,ssh-ed25519,y", "ssh-ed25519,x,y"},
        {1, "ssh-ed25519,x,y", "ssh-ed25519,x,y"}, {1, "x,y", "x,y"},
        {1, "x,y,ssh-ed25519", "ssh-ed25519,x,y"}, {1, "", ""}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nacre_known_hosts s = search("", "h", 22, NULL);
        char out[64];

        s.types = cases[i].types;
        cr_assert_eq(nacre_known_hosts_prefer(out, sizeof out, &s, cases[i].list), NACRE_OK);
        cr_assert_str_eq(out, cases[i].want);
        for (size_t cap = 0; cap <= strlen(cases[i].list); cap++)
            cr_assert_eq(nacre_known_hosts_prefer(out, cap, &s, cases[i].list), NACRE_ERR_NO_ROOM);
    }
}

/* ---- New lines ---- */

/* Certificates' algorithms come first where an authority is known, whatever else is. */
Test(known_hosts, s51_preference_with_an_authority)
{
    static const char list[] = "ssh-ed25519-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,"
                               "ssh-ed25519,rsa-sha2-512,ecdsa-sha2-nistp256";
    static const struct {
        uint32_t types;
        bool authority;
        const char *want;
    } cases[] = {
        {0, false, list},
        {0, true, list},
        {1, true, list}, /* the plain type of the best one is known: nothing is told */
        {1, false, list},
        {1u << 4, true,
         "ssh-ed25519-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-512,"
         "ssh-ed25519,ecdsa-sha2-nistp256"},
        {1u << 4, false,
         "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-512,ssh-ed25519-cert-v01@openssh.com,"
         "ssh-ed25519,ecdsa-sha2-nistp256"},
    };
    struct nacre_known_hosts s;
    char out[512];

    memset(&s, 0, sizeof s);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t rsa = 0;

        while (strcmp(nacre_key_type_name(rsa), "ssh-rsa") != 0)
            rsa++;
        s.types = cases[i].types > 1 ? 1u << rsa : cases[i].types;
        s.authority = cases[i].authority;
        cr_assert_eq(nacre_known_hosts_prefer(out, sizeof out, &s, list), NACRE_OK);
        cr_assert_str_eq(out, cases[i].want, "%zu: %s", i, out);
    }
    s.types = 0;
    s.authority = true;
    cr_assert_eq(nacre_known_hosts_prefer(out, sizeof out, &s,
                                          "ssh-ed25519,ssh-ed25519-cert-v01@openssh.com"),
                 NACRE_OK);
    cr_assert_str_eq(out, "ssh-ed25519-cert-v01@openssh.com,ssh-ed25519");
}

/* ---- Certificates ---- */

#define HOST_CERT_CAP 1024

static uint64_t work[NACRE_WORK];

static struct nacre_cert make_cert(uint8_t blob[HOST_CERT_CAP], uint8_t plain[HOST_CERT_CAP],
                                   const struct key *host, const struct key *ca)
{
    static const uint8_t principals[] = {0, 0, 0, 1, 'h'};
    struct nacre_cert c;
    size_t n;

    cr_assert_eq(nacre_cert_begin(&c, nacre_privkey_public_blob(&host->k)), NACRE_OK);
    c.kind = NACRE_CERT_HOST;
    c.principals = (struct nacre_bytes){principals, sizeof principals};
    c.valid_before = NACRE_CERT_FOREVER;
    cr_assert_eq(nacre_cert_issue(blob, HOST_CERT_CAP, &n, &c, &ca->k, NULL, &nacre_rng_os, work),
                 NACRE_OK);
    cr_assert_eq(nacre_cert_decode(&c, (struct nacre_bytes){blob, n}, plain, HOST_CERT_CAP),
                 NACRE_OK);
    return c;
}

/* Runs a text over a search for a certificate of key 1, signed by key 2. */
static struct nacre_known_hosts cert_search(const char *text, const char *host, uint32_t port)
{
    static uint8_t blob[HOST_CERT_CAP], plain[HOST_CERT_CAP];
    struct key key = make_key(1);
    struct key ca = make_key(2);
    struct nacre_cert c = make_cert(blob, plain, &key, &ca);
    struct nacre_known_hosts s;

    cr_assert_eq(nacre_known_hosts_init_cert(&s, nacre_bytes_str(host), port, &c), NACRE_OK);
    run(&s, text);
    return s;
}

Test(known_hosts, authorities)
{
    struct key key = make_key(1);
    struct key ca = make_key(2);
    struct key other = make_key(3);
    const struct {
        const char *before, *hosts;
        const struct key *key;
        const char *host;
        uint32_t port;
        enum nacre_host_verdict want;
    } cases[] = {
        {"@cert-authority ", "h", &ca, "h", 22, NACRE_HOST_MATCH},
        {"@cert-authority ", "*", &ca, "h", 22, NACRE_HOST_MATCH},
        {"@cert-authority ", "*.x,!b.x", &ca, "a.x", 22, NACRE_HOST_MATCH},
        {"@cert-authority ", "*.x,!b.x", &ca, "b.x", 22, NACRE_HOST_NOT_FOUND},
        {"@cert-authority ", "*.x", &ca, "a.x", 2222, NACRE_HOST_MATCH},
        {"@cert-authority ", "[h]:2222", &ca, "h", 2222, NACRE_HOST_MATCH},
        {"@cert-authority ", "[h]:2222", &ca, "h", 22, NACRE_HOST_NOT_FOUND},
        {"@cert-authority ", HASHED_H, &ca, "h", 22, NACRE_HOST_MATCH},
        {"@cert-authority ", HASHED_H, &ca, "h", 2222, NACRE_HOST_MATCH},
        {"@cert-authority ", "g", &ca, "h", 22, NACRE_HOST_NOT_FOUND},
        {"@cert-authority ", "h", &other, "h", 22, NACRE_HOST_NOT_FOUND},
        {"@cert-authority ", "h", &key, "h", 22, NACRE_HOST_NOT_FOUND},
        {"", "h", &ca, "h", 22, NACRE_HOST_NOT_FOUND}, /* a host's key is no authority */
        {"", "h", &key, "h", 22, NACRE_HOST_NOT_FOUND},
        {"@revoked ", "h", &ca, "h", 22, NACRE_HOST_REVOKED},
        {"@revoked ", "*", &key, "h", 22, NACRE_HOST_REVOKED},
        {"@revoked ", "h", &ca, "h", 2222, NACRE_HOST_REVOKED},
        {"@revoked ", "h", &other, "h", 22, NACRE_HOST_NOT_FOUND},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        struct nacre_known_hosts s =
            cert_search(line_of(text, cases[i].before, cases[i].hosts, cases[i].key->text),
                        cases[i].host, cases[i].port);

        cr_assert_eq(s.verdict, cases[i].want, "case %zu", i);
        cr_assert_eq(s.authority,
                     strncmp(cases[i].before, "@cert", 5) == 0 &&
                         (cases[i].want == NACRE_HOST_MATCH || i == 10 || i == 11),
                     "case %zu", i);
    }
}

/* The plain key of a line is trusted as itself, never as one that signs. */
Test(known_hosts, authority_lines_are_not_for_plain_keys)
{
    struct key a = make_key(1);

    cr_assert_eq(verdict("@cert-authority ", "h", a.text, "h", 22, &a), NACRE_HOST_NOT_FOUND);
}

Test(known_hosts, s48_revoked_authority_wins)
{
    struct key ca = make_key(2);
    char text[1024];

    for (int order = 0; order < 2; order++) {
        snprintf(text, sizeof text, "%sh %s\n%sh %s\n", order ? "@revoked " : "@cert-authority ",
                 ca.text, order ? "@cert-authority " : "@revoked ", ca.text);
        cr_assert_eq(cert_search(text, "h", 22).verdict, NACRE_HOST_REVOKED);
    }
}

Test(known_hosts, s32_weak_authority)
{
    struct nacre_known_hosts s = cert_search("@cert-authority h " WEAK_KEY "\n", "h", 22);

    cr_assert_eq(s.verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_not(s.authority);
}

Test(known_hosts, s46_certificates_that_are_none)
{
    struct nacre_known_hosts s;
    struct nacre_cert c;
    static uint8_t blob[HOST_CERT_CAP], plain[HOST_CERT_CAP];
    struct key key = make_key(1);

    memset(&c, 0, sizeof c);
    cr_assert_eq(nacre_known_hosts_init_cert(&s, nacre_bytes_str("h"), 22, &c), NACRE_ERR_USAGE);
    c = make_cert(blob, plain, &key, &key);
    cr_assert_eq(nacre_known_hosts_init_cert(&s, nacre_bytes_str("b d"), 22, &c), NACRE_ERR_USAGE);
    c.plain.n = 0;
    cr_assert_eq(nacre_known_hosts_init_cert(&s, nacre_bytes_str("h"), 22, &c), NACRE_ERR_USAGE);
    cr_assert_eq(s.name[0], '\0');
}

/* ---- Other ports ---- */

Test(known_hosts, known_without_its_port)
{
    struct key a = make_key(1);
    struct key b = make_key(2);
    char one[512], two[512], text[1024];
    struct nacre_known_hosts s = search(line_of(one, "# \n", "h", a.text), "h", 2222, &a);

    cr_assert_eq(s.verdict, NACRE_HOST_NOT_FOUND);
    cr_assert(s.bare_match);
    cr_assert_eq(s.bare_file, 1);
    cr_assert_eq(s.bare_line, 2);
    cr_assert_eq(s.types, 0);
    s = search(one, "h", 2222, &b);
    cr_assert_eq(s.verdict, NACRE_HOST_NOT_FOUND, "another key there is no change here");
    cr_assert_not(s.bare_match);
    cr_assert_not(search(one, "h", 22, &a).bare_match);
    snprintf(text, sizeof text, "%s%s", one, line_of(two, "", "[h]:2222", b.text));
    cr_assert_eq(search(text, "h", 2222, &a).verdict, NACRE_HOST_CHANGED);
}

/* ---- Paramiko's traps (its HostKeys), without them ---- */

/* One @revoked or @cert-authority line makes its load() raise. */
Test(known_hosts, paramiko_trap_marker_line_breaks_the_file)
{
    struct key a = make_key(1);
    struct key b = make_key(2);
    char text[2048];
    struct nacre_known_hosts s;

    snprintf(text, sizeof text,
             "@revoked * %s\n@cert-authority *.example.com %s\n@unknown-marker h %s\nh %s\n",
             b.text, b.text, b.text, a.text);
    cr_assert_eq(
        nacre_known_hosts_init(&s, nacre_bytes_str("h"), 22, nacre_privkey_public_blob(&a.k)),
        NACRE_OK);
    cr_assert_eq(run(&s, text), 1, "only the unknown marker is told");
    cr_assert_eq(s.verdict, NACRE_HOST_MATCH);
    cr_assert_eq(s.line, 4);
}

/* Its names are compared as they stand: a pattern never matches. */
Test(known_hosts, paramiko_trap_wildcards_never_match)
{
    struct key a = make_key(1);

    cr_assert_eq(verdict("", "*.example.com", a.text, "a.example.com", 22, &a), NACRE_HOST_MATCH);
    cr_assert_eq(verdict("", "h?", a.text, "h1", 22, &a), NACRE_HOST_MATCH);
    cr_assert_eq(verdict("", "*,!h1", a.text, "h1", 22, &a), NACRE_HOST_NOT_FOUND);
    cr_assert_eq(verdict("", "[*.example.com]:2222", a.text, "a.example.com", 2222, &a),
                 NACRE_HOST_MATCH);
}

/* Only the type of the first entry found goes to the front of its offer. */
Test(known_hosts, paramiko_trap_only_the_first_entrys_type_is_preferred)
{
    struct key a = make_key(1);
    char text[1024];
    char out[256];
    struct nacre_known_hosts s;

    snprintf(
        text, sizeof text,
        "h ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBGsX0fLhLEJH"
        "+Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfU=\n"
        "h %s\n",
        a.text); /* the generator of P-256 */
    s = search(text, "h", 22, NULL);
    cr_assert_eq(nacre_known_hosts_prefer(out, sizeof out, &s,
                                          "rsa-sha2-512,ssh-ed25519,rsa-sha2-256,"
                                          "ecdsa-sha2-nistp256"),
                 NACRE_OK);
    cr_assert_str_eq(out, "ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256");
}

/* ---- New lines ---- */

Test(known_hosts, format)
{
    struct key a = make_key(1);
    struct nacre_bytes blob = nacre_privkey_public_blob(&a.k);
    char out[512];
    char want[512];
    size_t n;

    snprintf(want, sizeof want, "[h.x]:2222 %s\n", a.text);
    cr_assert_eq(nacre_known_hosts_format(out, sizeof out, nacre_bytes_str("H.x"), 2222, blob),
                 NACRE_OK);
    cr_assert_str_eq(out, want);
    cr_assert_eq(search(out, "h.X", 2222, &a).verdict, NACRE_HOST_MATCH);
    n = strlen(out) + 1;
    for (size_t cap = 0; cap <= n; cap++) {
        char *small = malloc(cap + 1);
        nacre_err err = nacre_known_hosts_format(small, cap, nacre_bytes_str("h.x"), 2222, blob);

        cr_assert_eq(err, cap < n ? NACRE_ERR_NO_ROOM : NACRE_OK, "%zu", cap);
        free(small);
    }
    cr_assert_eq(nacre_known_hosts_format(out, sizeof out, nacre_bytes_str("a b"), 22, blob),
                 NACRE_ERR_USAGE);
    cr_assert_eq(nacre_known_hosts_format(out, sizeof out, nacre_bytes_str("a"), 22, nothing),
                 NACRE_ERR_KEY_FORMAT);
    cr_assert_eq(out[0], '\0');
}

Test(known_hosts, format_hashed)
{
    struct key a = make_key(1);
    struct nacre_bytes blob = nacre_privkey_public_blob(&a.k);
    uint8_t blanks[NACRE_HOST_SALT_LEN];
    char out[512];
    char want[512];

    memset(blanks, ' ', sizeof blanks);
    snprintf(want, sizeof want, HASHED_H_2222 " %s\n", a.text);
    for (size_t cap = 0; cap <= strlen(want) + 1; cap++) {
        nacre_err err =
            nacre_known_hosts_format_hashed(out, cap, nacre_bytes_str("H"), 2222, blob, blanks);

        cr_assert_eq(err, cap <= strlen(want) ? NACRE_ERR_NO_ROOM : NACRE_OK, "%zu", cap);
    }
    cr_assert_str_eq(out, want);
    cr_assert_eq(
        nacre_known_hosts_format_hashed(out, sizeof out, nacre_bytes_str("a b"), 22, blob, blanks),
        NACRE_ERR_USAGE);
    cr_assert_eq(out[0], '\0');
}

/* ---- Lines out of chunks ---- */

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
