/* SPDX-License-Identifier: ISC
 *
 * known_hosts: lines, patterns, verdicts, hashed names; s48 (revoked keys in every form of a line),
 * s54 (names), s57 (linear matcher), s46 (a search that saw nothing). More:
 * test_known_hosts_keys.c.
 */
#include "tests/hosts_rig.h"

#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    struct hosts_key a = hosts_key(1);
    char text[1024];
    struct nacre_known_hosts s;

    snprintf(text, sizeof text,
             "@what h %s\nh ssh-ed25519 AAAA!\nh ssh-ed25519 AAAA\nh ssh-x %s\nh %s\nh x\n%s %s\n",
             a.text, a.text + 12, HOSTS_WEAK_KEY, "h", a.text);
    cr_assert_eq(
        nacre_known_hosts_init(&s, nacre_bytes_str("h"), 22, nacre_privkey_public_blob(&a.k)),
        NACRE_OK);
    cr_assert_eq(hosts_run(&s, text), 6);
    cr_assert_eq(s.verdict, NACRE_HOST_MATCH);
    cr_assert_eq(s.line, 7);
}

Test(known_hosts, s20_line_cut_at_every_length)
{
    struct hosts_key a = hosts_key(1);
    char text[512];
    size_t n = strlen(hosts_line(text, "", "h", a.text)) - 1;

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
    struct hosts_key a = hosts_key(1);
    char text[512];
    size_t n = strlen(hosts_line(text, "", "h", a.text)) - 1;

    for (size_t bit = 0; bit < 8 * n; bit++) {
        struct nacre_known_hosts s;
        nacre_err err;

        text[bit / 8] ^= (char)(1u << bit % 8);
        cr_assert_eq(
            nacre_known_hosts_init(&s, nacre_bytes_str("h"), 22, nacre_privkey_public_blob(&a.k)),
            NACRE_OK);
        err = nacre_known_hosts_line(&s, (struct nacre_bytes){(uint8_t *)text, n}, 0, 1, NULL);
        cr_assert(err == NACRE_OK || s.verdict == NACRE_HOST_NOT_FOUND ||
                  (err == NACRE_ERR_KEY_REFUSED && s.verdict == NACRE_HOST_CHANGED));
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

    cr_assert_eq(nacre_host_text(out, hosts_nothing, 22), NACRE_ERR_USAGE);
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
    struct hosts_key a = hosts_key(1);
    struct hosts_key b = hosts_key(2);

    cr_assert_eq(hosts_verdict("", "h", a.text, "h", 22, &a), NACRE_HOST_MATCH);
    cr_assert_eq(hosts_verdict("", "h", a.text, "H", 22, &a), NACRE_HOST_MATCH);
    cr_assert_eq(hosts_verdict("", "h", a.text, "h", 22, &b), NACRE_HOST_CHANGED);
    cr_assert_eq(hosts_verdict("", "h", a.text, "g", 22, &a), NACRE_HOST_NOT_FOUND);
    cr_assert_eq(hosts_verdict("", "h", HOSTS_OTHER_TYPE, "h", 22, &a), NACRE_HOST_OTHER_TYPE);
    cr_assert_eq(hosts_verdict("", "g,h", a.text, "h", 22, &a), NACRE_HOST_MATCH);
    cr_assert_eq(hosts_verdict("", "*,!h", a.text, "h", 22, &a), NACRE_HOST_NOT_FOUND);
    cr_assert_eq(hosts_verdict("", "h", a.text, "h", 2222, &a), NACRE_HOST_NOT_FOUND);
    cr_assert_eq(hosts_verdict("", "[h]:2222", a.text, "h", 2222, &a), NACRE_HOST_MATCH);
    cr_assert_eq(hosts_verdict("", "[h]:2222", a.text, "h", 22, &a), NACRE_HOST_NOT_FOUND);
    cr_assert_eq(hosts_verdict("", "[h]:2222", a.text, "h", 2222, &b), NACRE_HOST_CHANGED);
    cr_assert_eq(hosts_verdict("@cert-authority ", "h", a.text, "h", 22, &a), NACRE_HOST_NOT_FOUND);
    cr_assert_eq(hosts_verdict("@cert-authority ", "h", b.text, "h", 22, &a), NACRE_HOST_NOT_FOUND);
    cr_assert_eq(hosts_verdict("#", "h", a.text, "h", 22, &a), NACRE_HOST_NOT_FOUND);
}

/* The strongest line decides, whatever the order; the first of equals is told. */
Test(known_hosts, order_does_not_matter)
{
    struct hosts_key a = hosts_key(1);
    struct hosts_key b = hosts_key(2);
    struct hosts_key c = hosts_key(3);
    char lines[4][512];
    static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}};

    hosts_line(lines[0], "", "h", HOSTS_OTHER_TYPE);
    hosts_line(lines[1], "", "h", b.text);
    hosts_line(lines[2], "", "h", a.text);
    hosts_line(lines[3], "", "h", c.text);
    for (size_t i = 0; i < 4; i++) {
        char text[2048] = "";
        char fp[NACRE_FINGERPRINT_LEN];
        struct nacre_known_hosts s;

        for (size_t j = 0; j < 4; j++)
            strcat(text, lines[orders[i][j]]);
        s = hosts_search(text, "h", 22, &a);
        cr_assert_eq(s.verdict, NACRE_HOST_MATCH);
        nacre_fingerprint(fp, NACRE_FP_SHA256, nacre_privkey_public_blob(&a.k));
        cr_assert_str_eq(s.known_fp, fp);
        cr_assert_str_eq(s.known_label, "ED25519");
        cr_assert_eq(orders[i][s.line - 1], 2);
        cr_assert_eq(s.file, 1);
    }
    snprintf(lines[0], 512, "\nh %s\nh %s\n", b.text, c.text);
    cr_assert_eq(hosts_search(lines[0], "h", 22, &a).line, 2);
}

Test(known_hosts, several_files)
{
    struct hosts_key a = hosts_key(1);
    struct hosts_key b = hosts_key(2);
    struct nacre_known_hosts s = hosts_search("", "h", 22, &a);
    char text[512];

    cr_assert_eq(
        nacre_known_hosts_line(&s, nacre_bytes_str(hosts_line(text, "", "h", b.text)), 1, 9, NULL),
        NACRE_ERR_KEY_FORMAT); /* the line end belongs to no line */
    text[strlen(text) - 1] = '\0';
    cr_assert_eq(nacre_known_hosts_line(&s, nacre_bytes_str(text), 1, 9, NULL), NACRE_OK);
    hosts_line(text, "", "h", a.text);
    text[strlen(text) - 1] = '\0';
    cr_assert_eq(nacre_known_hosts_line(&s, nacre_bytes_str(text), 2, 3, NULL), NACRE_OK);
    cr_assert(s.verdict == NACRE_HOST_MATCH && s.file == 2 && s.line == 3);
}

Test(known_hosts, s46_nothing_seen)
{
    struct nacre_known_hosts zero;
    struct hosts_key a = hosts_key(1);

    memset(&zero, 0, sizeof zero);
    cr_assert_eq(zero.verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_eq(hosts_search("", "h", 22, &a).verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_eq(
        nacre_known_hosts_line(&zero, nacre_bytes_str("* ssh-x AAAABXNzaC14AAAAAQE="), 0, 1, NULL),
        NACRE_OK);
    cr_assert_eq(zero.verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_eq(nacre_known_hosts_init(&zero, nacre_bytes_str("a b"), 22, hosts_nothing),
                 NACRE_ERR_USAGE);
    cr_assert_eq(nacre_known_hosts_init(&zero, nacre_bytes_str("h"), 22, nacre_bytes_str("x")),
                 NACRE_ERR_KEY_FORMAT);
}

/* A key that no signature can be trusted under matches nothing, though it stands there. */
/* A weak key that is known for the host is no trust in it, but does contradict another. */
Test(known_hosts, s32_weak_lines_contradict)
{
    struct hosts_key a = hosts_key(1);
    struct nacre_known_hosts s = hosts_search("", "h", 22, &a);
    char text[512];

    cr_assert_eq(hosts_run(&s, "h " HOSTS_WEAK_KEY "\n"), 1);
    cr_assert_eq(s.verdict, NACRE_HOST_CHANGED);
    cr_assert_eq(s.types, 1);
    cr_assert_eq(hosts_run(&s, hosts_line(text, "", "h", a.text)), 0);
    cr_assert_eq(s.verdict, NACRE_HOST_MATCH);
    s = hosts_search("@cert-authority h " HOSTS_WEAK_KEY "\n", "h", 22, &a);
    cr_assert_eq(s.verdict, NACRE_HOST_NOT_FOUND);
    s = hosts_search("h " HOSTS_WEAK_KEY "\n", "h", 2222, &a); /* another port's says nothing */
    cr_assert_eq(s.verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_eq(s.types, 0);
}

Test(known_hosts, s32_weak_and_opaque_keys)
{
    uint8_t blob[64];
    struct nacre_pubkey k;
    struct nacre_known_hosts s;

    cr_assert_eq(nacre_pubkey_parse(&k, NULL, nacre_bytes_str(HOSTS_WEAK_KEY), blob, sizeof blob),
                 NACRE_OK);
    cr_assert_eq(nacre_known_hosts_init(&s, nacre_bytes_str("h"), 22, k.blob), NACRE_OK);
    cr_assert_eq(hosts_run(&s, "h " HOSTS_WEAK_KEY "\n"), 1);
    cr_assert_eq(s.verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_eq(nacre_pubkey_parse(&k, NULL, nacre_bytes_str(HOSTS_OTHER_TYPE), blob, sizeof blob),
                 NACRE_ERR_UNKNOWN_ALG);
    cr_assert_eq(nacre_known_hosts_init(&s, nacre_bytes_str("h"), 22, k.blob), NACRE_OK);
    cr_assert_eq(hosts_run(&s, "h " HOSTS_OTHER_TYPE "\n"), 0);
    cr_assert_eq(s.verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_eq(hosts_run(&s, "@revoked h " HOSTS_OTHER_TYPE "\n@revoked h " HOSTS_WEAK_KEY "\n"),
                 0);
    cr_assert_eq(s.verdict, NACRE_HOST_REVOKED);
}

/* ---- s48 ---- */

Test(known_hosts, s48_revoked)
{
    struct hosts_key a = hosts_key(1);
    struct hosts_key b = hosts_key(2);
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
                 {HOSTS_HASHED, "h", 22, true},
                 {HOSTS_HASHED, "h", 2222, true},
                 {HOSTS_HASHED_2222, "h", 2222, true},
                 {HOSTS_HASHED_2222, "h", 22, false}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int order = 0; order < 2; order++) {
            char text[1024];
            char revoked[512];
            char plain[512];
            enum nacre_host_verdict got;

            hosts_line(revoked, "@revoked ", cases[i].hosts, a.text);
            snprintf(plain, sizeof plain, "h,*.x,[h]:2222,[a.x]:2222 %s\n", a.text);
            snprintf(text, sizeof text, "%s%s", order ? revoked : plain, order ? plain : revoked);
            got = hosts_search(text, cases[i].host, cases[i].port, &a).verdict;
            cr_assert_eq(got, cases[i].revoked ? NACRE_HOST_REVOKED : NACRE_HOST_MATCH, "%s",
                         cases[i].hosts);
        }
    }
    cr_assert_eq(hosts_verdict("@revoked ", "h", a.text, "h", 22, &b), NACRE_HOST_NOT_FOUND);
}

/* A revoked line that cannot be read is told with its number. */
Test(known_hosts, s48_bad_revoked_line_is_told)
{
    struct hosts_key a = hosts_key(1);
    struct nacre_known_hosts s = hosts_search("", "h", 22, &a);

    cr_assert_eq(
        hosts_run(&s, "@revoked h ssh-ed25519 AAAA\n@revoked h\n@revoked |1|x ssh-ed25519 A\n"), 3);
    cr_assert_eq(s.verdict, NACRE_HOST_NOT_FOUND);
}

/* ---- Hashed names ---- */

Test(known_hosts, hashed_by_openssh)
{
    struct hosts_key a = hosts_key(1);
    struct hosts_key b = hosts_key(2);
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
        cr_assert_eq(hosts_verdict("", field, a.text, host, port, &a), NACRE_HOST_MATCH);
        cr_assert_eq(hosts_verdict("", field, a.text, host, port, &b), NACRE_HOST_CHANGED);
        cr_assert_eq(hosts_verdict("@revoked ", field, a.text, host, port, &a), NACRE_HOST_REVOKED);
        cr_assert_eq(hosts_verdict("", field, a.text, host, port + 1, &a), NACRE_HOST_NOT_FOUND);
        cr_assert_eq(hosts_verdict("", field, a.text, "other", port, &a), NACRE_HOST_NOT_FOUND);
    }
    vec_close(&v);
}

/* A host is asked for in any case, its hash is of the name in lower case. */
Test(known_hosts, hashed_in_lower_case)
{
    struct hosts_key a = hosts_key(1);

    cr_assert_eq(hosts_verdict("", HOSTS_HASHED, a.text, "H", 22, &a), NACRE_HOST_MATCH);
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
    struct hosts_key a = hosts_key(1);

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[512];
        struct nacre_known_hosts s = hosts_search("", "h", 22, &a);

        cr_assert_eq(hosts_run(&s, hosts_line(text, "@revoked ", bad[i], a.text)), 1, "%s", bad[i]);
        cr_assert_eq(s.verdict, NACRE_HOST_NOT_FOUND);
    }
}

/* As many lines as a large site has, none of which can be told by its look. */
Test(known_hosts, a_hundred_thousand_hashed_lines)
{
    enum { LINES = 100000 };
    struct hosts_key a = hosts_key(1);
    struct nacre_bytes blob = nacre_privkey_public_blob(&a.k);
    struct nacre_known_hosts s = hosts_search("", "last.example.com", 22, &a);
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
