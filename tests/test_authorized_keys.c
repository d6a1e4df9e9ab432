/* SPDX-License-Identifier: ISC
 *
 * authorized_keys: every option, what is refused, decisions; numeric addresses; s20 (lines cut at
 * every length, bits flipped), s21 (lists that are too long), s35 (from= by address), s46 (default
 * deny), s58 (restrict and forwards).
 */
#include "proto/keys/authorized_keys.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PERMIT_ALL                                                                                 \
    (NACRE_PERMIT_PORT | NACRE_PERMIT_AGENT | NACRE_PERMIT_X11 | NACRE_PERMIT_PTY |                \
     NACRE_PERMIT_USER_RC)
#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZBZLP6I7LZ6uKtzYmp4Fl4TlXQsvT7vXinTtDjVMGL"
#define OPAQUE "ssh-x AAAABXNzaC14AAAAAQE="
#define WEAK "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static uint8_t buf[NACRE_LINE_MAX];

/* Parses a copy of exactly n bytes with a buffer of exactly n: enough, the header says. */
static nacre_err parse_exact(struct nacre_authkey *a, const char *line, size_t n)
{
    char *copy = malloc(n + (n == 0));
    uint8_t *room = malloc(n + (n == 0));
    nacre_err err;

    memcpy(copy, line, n);
    err = nacre_authkey_parse(a, (struct nacre_bytes){(uint8_t *)copy, n}, room, n);
    cr_assert_eq(err == NACRE_OK, a->what == NULL);
    if (err != NACRE_OK)
        cr_assert(a->permits == 0 && a->key.blob.n == 0 && a->n_environment == 0);
    free(room);
    free(copy);
    return err;
}

static struct nacre_authkey parse(const char *line)
{
    struct nacre_authkey a;
    nacre_err err = nacre_authkey_parse(&a, nacre_bytes_str(line), buf, sizeof buf);

    cr_assert_eq(err, NACRE_OK, "%s: %s", line, a.what);
    cr_assert_eq(parse_exact(&a, line, strlen(line)), NACRE_OK);
    err = nacre_authkey_parse(&a, nacre_bytes_str(line), buf, sizeof buf);
    return a;
}

static void refused(const char *line, const char *what, const char *word)
{
    struct nacre_authkey a;

    cr_assert_neq(nacre_authkey_parse(&a, nacre_bytes_str(line), buf, sizeof buf), NACRE_OK, "%s",
                  line);
    cr_assert_not_null(strstr(a.what, what), "%s: %s", line, a.what);
    cr_assert(nacre_bytes_is(a.what_word, word), "%s: %.*s", line, (int)a.what_word.n,
              (const char *)a.what_word.p);
    cr_assert_neq(parse_exact(&a, line, strlen(line)), NACRE_OK);
}

/* ---- Lines ---- */

Test(authorized_keys, plain)
{
    struct nacre_authkey a = parse(KEY " me@host with words ");

    cr_assert_eq(a.permits, PERMIT_ALL);
    cr_assert(nacre_bytes_is(a.comment, "me@host with words"));
    cr_assert_eq(a.key.bits, 256);
    cr_assert(!a.has_command && !a.has_from && !a.cert_authority && !a.restricted);
    a = parse("\t " KEY);
    cr_assert_eq(a.comment.n, 0);
    for (size_t i = 0; i < 4; i++) {
        static const char *const blank[] = {"", "   ", "# x", "\t# restrict x"};

        cr_assert(parse(blank[i]).blank);
    }
}

Test(authorized_keys, unknown_key_type_is_no_error)
{
    struct nacre_authkey a = parse("restrict " OPAQUE " c");

    cr_assert_null(a.key.type);
    cr_assert(nacre_bytes_is(a.key.name, "ssh-x"));
    cr_assert_eq(nacre_authkey_check(&a, a.key.blob, nacre_bytes_str("127.0.0.1"), 0, 0),
                 NACRE_AUTHKEY_DENY);
}

Test(authorized_keys, flags)
{
    static const struct {
        const char *options;
        unsigned permits;
    } cases[] = {
        {"no-pty", PERMIT_ALL & ~NACRE_PERMIT_PTY},
        {"no-port-forwarding", PERMIT_ALL & ~NACRE_PERMIT_PORT},
        {"no-agent-forwarding", PERMIT_ALL & ~NACRE_PERMIT_AGENT},
        {"no-X11-forwarding", PERMIT_ALL & ~NACRE_PERMIT_X11},
        {"no-x11-forwarding", PERMIT_ALL & ~NACRE_PERMIT_X11},
        {"no-user-rc", PERMIT_ALL & ~NACRE_PERMIT_USER_RC},
        {"NO-PTY,No-User-RC", PERMIT_ALL & ~(unsigned)(NACRE_PERMIT_PTY | NACRE_PERMIT_USER_RC)},
        {"restrict", 0},
        {"restrict,pty", NACRE_PERMIT_PTY},
        {"pty,restrict", 0},
        {"restrict,port-forwarding,agent-forwarding,X11-forwarding,user-rc,pty", PERMIT_ALL},
        {"no-pty,pty", PERMIT_ALL},
        {"pty", PERMIT_ALL}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[256];

        snprintf(line, sizeof line, "%s " KEY, cases[i].options);
        cr_assert_eq(parse(line).permits, cases[i].permits, "%s", line);
    }
    cr_assert(parse("restrict " KEY).restricted);
    cr_assert(parse("cert-authority " KEY).cert_authority);
    cr_assert(parse("no-touch-required " KEY).no_touch_required);
    cr_assert_not(parse("no-touch-required,touch-required " KEY).no_touch_required);
    cr_assert(parse("verify-required " KEY).verify_required);
    cr_assert_not(parse("verify-required,no-verify-required " KEY).verify_required);
}

Test(authorized_keys, values)
{
    struct nacre_authkey a =
        parse("command=\"echo \\\"a b\\\" \\n 'c,d'\",from=\"192.0.2.0/24,!192.0.2.9\","
              "environment=\"A=1\",environment=\"B_2=x=y z\",environment=\"A=2\","
              "permitopen=\"h:22\",permitopen=\"[::1]:*\",permitopen=\"*:80\","
              "permitlisten=\"8080\",permitlisten=\"localhost:*\","
              "expiry-time=\"20300102\",expiry-time=\"20300101Z\",principals=\"a,b\" \t" KEY " c");

    cr_assert(a.has_command && a.has_from && a.has_principals);
    cr_assert(nacre_bytes_is(a.command, "echo \"a b\" \\n 'c,d'"));
    cr_assert(nacre_bytes_is(a.from, "192.0.2.0/24,!192.0.2.9"));
    cr_assert(nacre_bytes_is(a.principals, "a,b"));
    cr_assert_eq(a.n_environment, 2);
    cr_assert(nacre_bytes_is(a.environment[0], "A=1"));
    cr_assert(nacre_bytes_is(a.environment[1], "B_2=x=y z"));
    cr_assert_eq(a.n_permitopen, 3);
    cr_assert(nacre_bytes_is(a.permitopen[0].host, "h") && a.permitopen[0].port == 22);
    cr_assert(nacre_bytes_is(a.permitopen[1].host, "::1"));
    cr_assert_eq(a.permitopen[1].port, NACRE_PORT_ANY);
    cr_assert(nacre_bytes_is(a.permitopen[2].host, "*") && a.permitopen[2].port == 80);
    cr_assert_eq(a.n_permitlisten, 2);
    cr_assert(nacre_bytes_is(a.permitlisten[0].host, "*") && a.permitlisten[0].port == 8080);
    cr_assert(nacre_bytes_is(a.permitlisten[1].host, "localhost"));
    cr_assert(a.has_expiry && a.has_expiry_local);
    cr_assert_eq(a.expiry, 1893456000);
    cr_assert_eq(a.expiry_local, 1893456000 + 86400);
    cr_assert(nacre_bytes_is(a.comment, "c"));
    a = parse("command=\"\" " KEY);
    cr_assert(a.has_command && a.command.n == 0);
}

Test(authorized_keys, refused)
{
    refused("tunnel=\"0\" " KEY, "not supported", "tunnel");
    refused("pty,frobnicate " KEY, "unknown option", "frobnicate");
    refused("pty,", "no key", "");
    refused(",,", "no key", "");
    refused("no-restrict " KEY, "unknown option", "no-restrict");
    refused("no-cert-authority " KEY, "unknown option", "no-cert-authority");
    refused("no-command=\"x\" " KEY, "unknown option", "no-command");
    refused("no-no-pty " KEY, "unknown option", "no-no-pty");
    refused("ptyx " KEY, "unknown option", "ptyx");
    refused("pty=\"1\" " KEY, "behind an option", "pty");
    refused("command " KEY, "without a value", "command");
    refused("command=x " KEY, "without quotes", "command");
    refused("command=\"x " KEY, "no quote", "command");
    refused("command=\"x\\\" " KEY, "no quote", "command");
    refused("command=\"a\"b " KEY, "behind an option", "command");
    refused("command=\"a\",command=\"b\" " KEY, "twice", "command");
    refused("from=\"1.2.3.4\",from=\"1.2.3.5\" " KEY, "twice", "from");
    refused("principals=\"a\",principals=\"a\" " KEY, "twice", "principals");
    refused("from=\"\" " KEY, "address list", "from");
    refused("from=\"1.2.3.4,,1.2.3.5\" " KEY, "address list", "from");
    refused("from=\"192.0.2.1/24\" " KEY, "address list", "from");
    refused("expiry-time=\"2030\" " KEY, "bad time", "expiry-time");
    refused("environment=\"A\" " KEY, "NAME=value", "environment");
    refused("environment=\"=x\" " KEY, "NAME=value", "environment");
    refused("environment=\"A B=x\" " KEY, "NAME=value", "environment");
    refused("permitopen=\"22\" " KEY, "host:port", "permitopen");
    refused("permitopen=\":22\" " KEY, "host name", "permitopen");
    refused("permitopen=\"h:\" " KEY, "port", "permitopen");
    refused("permitopen=\"h:0\" " KEY, "port", "permitopen");
    refused("permitopen=\"h:65536\" " KEY, "port", "permitopen");
    refused("permitopen=\"h:22x\" " KEY, "port", "permitopen");
    refused("permitopen=\"::1:22\" " KEY, "brackets", "permitopen");
    refused("permitopen=\"[h:22\" " KEY, "host name", "permitopen");
    refused("permitopen=\"h]:22\" " KEY, "host name", "permitopen");
    refused("permitlisten=\"[h:22\" " KEY, "host name", "permitlisten");
    refused("permitlisten=\"x\" " KEY, "port", "permitlisten");
    refused("restrict", "no key", "");
    refused("restrict ", "no key", "");
    refused("restrict ssh-ed25519", "damaged", "ssh-ed25519");
    refused("restrict # " KEY, "no key", "#");
    refused("restrict pty " KEY, "no key", "pty");
    refused("ssh-ed25519 AAAA", "damaged", "ssh-ed25519");
    refused("ssh-ed25519", "damaged", "ssh-ed25519");
    refused("ssh-ed25519-x AAAAC3NzaC1lZDI1NTE5AAAAIGZBZLP6I7LZ6uKtzYmp4Fl4TlXQsvT7vXinTtDjVMGL",
            "damaged", "ssh-ed25519-x");
}

/* As sshd has it: between commas there may be nothing. */
Test(authorized_keys, empty_options)
{
    static const char *const lines[] = {"restrict,,pty " KEY, ",restrict,pty " KEY,
                                        "restrict,pty, " KEY, ",,restrict,pty,,\t" KEY};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        cr_assert_eq(parse(lines[i]).permits, NACRE_PERMIT_PTY, "%s", lines[i]);
    }
    refused("pty, pty " KEY, "no key", "pty");
    refused("pty,\"\" " KEY, "unknown option", "");
    refused("pty,=\"x\" " KEY, "unknown option", "");
}

Test(authorized_keys, nul_in_the_line)
{
    struct nacre_authkey a;
    char line[] = "command=\"a_b\" " KEY;

    line[10] = '\0';
    cr_assert_eq(parse_exact(&a, line, sizeof line - 1), NACRE_ERR_FILE_FORMAT);
    cr_assert_not_null(strstr(a.what, "NUL"));
}

Test(authorized_keys, s20_cut_at_every_length)
{
    static const char line[] = "restrict,command=\"a \\\"b\",from=\"10.0.0.0/8\" " KEY;
    struct nacre_authkey a;

    for (size_t n = 1; n < sizeof line - 1; n++)
        cr_assert_neq(parse_exact(&a, line, n), NACRE_OK, "%zu", n);
    cr_assert_eq(parse_exact(&a, line, sizeof line - 1), NACRE_OK);
}

/* No flipped bit in the options may widen rights: the flags stay clear unless the line is refused,
 * is made a comment, or gains an option by a legal spelling of a value. */
Test(authorized_keys, s20_bit_flips)
{
    char line[] = "restrict,command=\"a\" " KEY;
    const size_t options = strlen("restrict,command=\"a\"");

    for (size_t bit = 0; bit < 8 * (sizeof line - 1); bit++) {
        struct nacre_authkey a;

        line[bit / 8] ^= (char)(1u << bit % 8);
        if (parse_exact(&a, line, sizeof line - 1) == NACRE_OK && !a.blank) {
            cr_assert_eq(a.permits, 0, "bit %zu", bit);
            cr_assert(a.has_command && a.restricted, "bit %zu", bit);
        }
        cr_assert(bit / 8 >= options || !a.blank || bit / 8 == 0, "bit %zu", bit);
        line[bit / 8] ^= (char)(1u << bit % 8);
    }
}

Test(authorized_keys, s21_lists)
{
    static const char *const words[] = {"environment", "permitopen", "permitlisten"};

    for (size_t i = 0; i < 3; i++) {
        char line[8192];
        size_t at = 0;

        for (unsigned n = 1; n <= NACRE_AUTHKEY_LIST_MAX + 1; n++) {
            struct nacre_authkey a;
            nacre_err err;

            if (n > 1)
                line[at++] = ',';
            if (i == 0)
                at += (size_t)sprintf(line + at, "environment=\"A%u=1\"", n);
            else if (i == 1)
                at += (size_t)sprintf(line + at, "permitopen=\"h:%u\"", n);
            else
                at += (size_t)sprintf(line + at, "permitlisten=\"%u\"", n);
            sprintf(line + at, " " KEY);
            err = nacre_authkey_parse(&a, nacre_bytes_str(line), buf, sizeof buf);
            cr_assert_eq(err == NACRE_OK, n <= NACRE_AUTHKEY_LIST_MAX, "%s %u", words[i], n);
            if (err != NACRE_OK)
                cr_assert(nacre_bytes_is(a.what_word, words[i]));
        }
    }
}

Test(authorized_keys, room)
{
    static const char line[] = "command=\"0123456789\" " KEY;

    for (size_t cap = 0; cap < sizeof line; cap++) {
        uint8_t *room = malloc(cap + 1);
        struct nacre_authkey a;
        nacre_err err = nacre_authkey_parse(&a, nacre_bytes_str(line), room, cap);

        cr_assert_eq(err == NACRE_OK, cap >= 10 + 51, "%zu", cap);
        free(room);
    }
}

/* ---- Time ---- */

Test(authorized_keys, times)
{
    static const struct {
        const char *text;
        uint64_t t;
        bool local;
    } good[] = {{"19700101Z", 0, false},
                {"19700101", 0, true},
                {"19700101z", 0, false},
                {"197001010001Z", 60, false},
                {"19700101000001Z", 1, false},
                {"19700201Z", 31 * 86400, false},
                {"19720229Z", 68169600, false},
                {"19720301Z", 68256000, false},
                {"20000229Z", 951782400, false},
                {"20000301Z", 951868800, false},
                {"20380119031408Z", 2147483648, false},
                {"21000301Z", 4107542400, false},
                {"20261121", 1795219200, true},
                {"99991231235959Z", 253402300799, false}};
    static const char *const bad[] = {"",
                                      "Z",
                                      "2030",
                                      "2030010",
                                      "203001011",
                                      "20300101 ",
                                      "20300001Z",
                                      "20301301Z",
                                      "20300100Z",
                                      "20300132Z",
                                      "20300229Z",
                                      "21000229Z",
                                      "20300431Z",
                                      "203001012400Z",
                                      "203001010060Z",
                                      "20300101000061Z",
                                      "19691231Z",
                                      "-0300101Z",
                                      "2030010aZ",
                                      "20300101ZZ",
                                      "203001010000000Z"};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t t;
        bool local;

        cr_assert(ncr_authkey_time(&t, &local, nacre_bytes_str(good[i].text)), "%s", good[i].text);
        cr_assert_eq(t, good[i].t, "%s: %llu", good[i].text, (unsigned long long)t);
        cr_assert_eq(local, good[i].local);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t t;
        bool local;

        cr_assert_not(ncr_authkey_time(&t, &local, nacre_bytes_str(bad[i])), "%s", bad[i]);
    }
}

/* ---- Decisions ---- */

static enum nacre_authkey_verdict check(const char *line, const char *addr, uint64_t now)
{
    struct nacre_authkey a = parse(line);
    uint8_t room[64];
    struct nacre_pubkey k;

    cr_assert_eq(nacre_pubkey_parse(&k, NULL, nacre_bytes_str(KEY), room, sizeof room), NACRE_OK);
    return nacre_authkey_check(&a, k.blob, nacre_bytes_str(addr), now, now + 3600);
}

Test(authorized_keys, decisions)
{
    cr_assert_eq(check(KEY, "192.0.2.1", 0), NACRE_AUTHKEY_ALLOW);
    cr_assert_eq(check("restrict " KEY, "192.0.2.1", 0), NACRE_AUTHKEY_ALLOW);
    cr_assert_eq(check("# " KEY, "192.0.2.1", 0), NACRE_AUTHKEY_DENY);
    cr_assert_eq(check("", "192.0.2.1", 0), NACRE_AUTHKEY_DENY);
    cr_assert_eq(check("cert-authority " KEY, "192.0.2.1", 0), NACRE_AUTHKEY_DENY);
    cr_assert_eq(check(OPAQUE, "192.0.2.1", 0), NACRE_AUTHKEY_DENY);
    cr_assert_eq(check("expiry-time=\"19700102Z\" " KEY, "", 86399), NACRE_AUTHKEY_ALLOW);
    cr_assert_eq(check("expiry-time=\"19700102Z\" " KEY, "", 86400), NACRE_AUTHKEY_DENY_EXPIRED);
    cr_assert_eq(check("expiry-time=\"19700102\" " KEY, "", 86399 - 3600), NACRE_AUTHKEY_ALLOW);
    cr_assert_eq(check("expiry-time=\"19700102\" " KEY, "", 86400 - 3600),
                 NACRE_AUTHKEY_DENY_EXPIRED);
    cr_assert_eq(check("expiry-time=\"20300101Z\",expiry-time=\"19700102Z\" " KEY, "", 86400),
                 NACRE_AUTHKEY_DENY_EXPIRED);
}

Test(authorized_keys, s46_zeroed_line_denies)
{
    static const struct nacre_authkey zero;
    struct nacre_bytes none = {NULL, 0};

    cr_assert_eq(nacre_authkey_check(&zero, none, nacre_bytes_str("127.0.0.1"), 0, 0),
                 NACRE_AUTHKEY_DENY);
    cr_assert_not(
        nacre_authkey_permits_forward(&zero, NACRE_AUTHKEY_OPEN, nacre_bytes_str("h"), 1));
}

/* s32: a key of small order opens nothing, though it is the one on the line. */
Test(authorized_keys, s32_weak_key)
{
    struct nacre_authkey a = parse(WEAK);

    cr_assert_eq(nacre_authkey_check(&a, a.key.blob, nacre_bytes_str("127.0.0.1"), 0, 0),
                 NACRE_AUTHKEY_DENY);
}

Test(authorized_keys, s35_from_is_by_address)
{
    static const struct {
        const char *from, *addr;
        enum nacre_authkey_verdict verdict;
    } cases[] = {{"192.0.2.1", "192.0.2.1", NACRE_AUTHKEY_ALLOW},
                 {"192.0.2.1", "192.0.2.2", NACRE_AUTHKEY_DENY_FROM},
                 {"host.example", "192.0.2.1", NACRE_AUTHKEY_DENY_FROM},
                 {"*.example", "192.0.2.1", NACRE_AUTHKEY_DENY_FROM},
                 {"*", "192.0.2.1", NACRE_AUTHKEY_ALLOW},
                 {"*", "host.example", NACRE_AUTHKEY_DENY_FROM}, /* no address: nothing known */
                 {"*", "", NACRE_AUTHKEY_DENY_FROM},
                 {"*,!192.0.2.0/24", "192.0.2.1", NACRE_AUTHKEY_DENY_FROM},
                 {"!192.0.2.1", "192.0.2.2", NACRE_AUTHKEY_DENY_FROM}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[256];

        snprintf(line, sizeof line, "from=\"%s\" " KEY, cases[i].from);
        cr_assert_eq(check(line, cases[i].addr, 0), cases[i].verdict, "%s: %s", line,
                     cases[i].addr);
    }
}

/* s58: one function decides about forwards, and no-port-forwarding wins over every list. */
Test(authorized_keys, s58_forwards)
{
    static const struct {
        const char *options, *host;
        uint32_t port;
        bool open, listen;
    } cases[] = {
        {"pty", "h", 80, true, true},
        {"restrict", "h", 80, false, false},
        {"no-port-forwarding", "h", 80, false, false},
        {"restrict,permitopen=\"h:80\"", "h", 80, false, false},
        {"no-port-forwarding,permitopen=\"*:*\",permitlisten=\"*:*\"", "h", 80, false, false},
        {"restrict,port-forwarding,permitopen=\"h:80\"", "h", 80, true, true},
        {"permitopen=\"h:80\"", "H", 80, false, true}, /* as sshd compares them */
        {"permitlisten=\"h:80\"", "H", 80, true, false},
        {"permitlisten=\"h*:80\"", "hh", 80, true, true}, /* sshd(8): patterns here */
        {"permitlisten=\"h*:80\"", "gh", 80, true, false},
        {"permitlisten=\"h?:80\"", "h", 80, true, false},
        {"permitlisten=\"*:80\"", "", 80, true, true},
        {"permitlisten=\"[*]:80\"", "", 80, true, true},
        {"permitopen=\"h:80\"", "h", 81, false, true},
        {"permitopen=\"h:80\"", "g", 80, false, true},
        {"permitopen=\"h:*\"", "h", 1, true, true},
        {"permitopen=\"*:80\"", "x", 80, true, true},
        {"permitopen=\"*:80\"", "x", 81, false, true},
        {"permitopen=\"h*:80\"", "hh", 80, false, true}, /* names, not patterns */
        {"permitlisten=\"80\"", "h", 80, true, true},
        {"permitlisten=\"80\"", "h", 81, true, false},
        {"permitlisten=\"h:80\"", "g", 80, true, false},
        {"permitopen=\"[::1]:80\"", "::1", 80, true, true}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[256];
        struct nacre_authkey a;

        snprintf(line, sizeof line, "%s " KEY, cases[i].options);
        a = parse(line);
        cr_assert_eq(nacre_authkey_permits_forward(&a, NACRE_AUTHKEY_OPEN,
                                                   nacre_bytes_str(cases[i].host), cases[i].port),
                     cases[i].open, "%s", line);
        cr_assert_eq(nacre_authkey_permits_forward(&a, NACRE_AUTHKEY_LISTEN,
                                                   nacre_bytes_str(cases[i].host), cases[i].port),
                     cases[i].listen, "%s", line);
    }
}

/* ---- Addresses ---- */

Test(authorized_keys, addresses)
{
    static const struct {
        const char *list, *addr;
        enum nacre_addr_match match;
    } cases[] = {{"10.1.2.3", "10.1.2.3", NACRE_ADDR_YES},
                 {"10.0.0.0/8", "10.255.0.1", NACRE_ADDR_YES},
                 {"10.0.0.0/8", "11.0.0.1", NACRE_ADDR_NO},
                 {"0.0.0.0/0", "255.255.255.255", NACRE_ADDR_YES},
                 {"10.128.0.0/9", "10.127.255.255", NACRE_ADDR_NO},
                 {"10.128.0.0/9", "10.128.0.0", NACRE_ADDR_YES},
                 {"10.0.0.1/32", "10.0.0.1", NACRE_ADDR_YES},
                 {"10.0.0.1/32", "10.0.0.2", NACRE_ADDR_NO},
                 {"10.0.0.1/31", "10.0.0.1", NACRE_ADDR_BAD},
                 {"10.0.0.0/33", "10.0.0.1", NACRE_ADDR_BAD},
                 {"10.0.0.0/", "10.0.0.1", NACRE_ADDR_BAD},
                 {"10.0.0.0/8/8", "10.0.0.1", NACRE_ADDR_BAD},
                 {"x/8", "10.0.0.1", NACRE_ADDR_BAD},
                 {"10.0.*", "10.0.3.4", NACRE_ADDR_YES},
                 {"10.0.?.4", "10.0.3.4", NACRE_ADDR_YES},
                 {"10.0.0.0/8,!10.1.0.0/16", "10.1.2.3", NACRE_ADDR_DENIED},
                 {"!10.1.0.0/16,10.0.0.0/8", "10.1.2.3", NACRE_ADDR_DENIED},
                 {"!10.1.0.0/16,10.0.0.0/8", "10.2.2.3", NACRE_ADDR_YES},
                 {"!10.1.0.0/16", "10.2.2.3", NACRE_ADDR_NO},
                 {"!!10.1.0.0", "10.1.0.0", NACRE_ADDR_BAD},
                 {"10.0.0.1,bad/x", "10.0.0.1", NACRE_ADDR_BAD},
                 {"10.0.0.1,", "10.0.0.1", NACRE_ADDR_BAD},
                 {"", "10.0.0.1", NACRE_ADDR_BAD},
                 {"*", "10.0.0.256", NACRE_ADDR_BAD},
                 {"*", "10.0.0", NACRE_ADDR_BAD},
                 {"*", "10.0.0.1.", NACRE_ADDR_BAD},
                 {"*", "10.0.0.01", NACRE_ADDR_BAD},
                 {"*", "10..0.1", NACRE_ADDR_BAD},
                 {"2001:db8::/32", "2001:db8:1::1", NACRE_ADDR_YES},
                 {"2001:db8::/32", "2001:db9::1", NACRE_ADDR_NO},
                 {"2001:DB8:0:0:0:0:0:1", "2001:db8::1", NACRE_ADDR_YES},
                 {"::1", "0:0:0:0:0:0:0:1", NACRE_ADDR_YES},
                 {"::/0", "::1", NACRE_ADDR_YES},
                 {"::/0", "1.2.3.4", NACRE_ADDR_NO},
                 {"0.0.0.0/0", "::1", NACRE_ADDR_NO},
                 {"::1/127", "::1", NACRE_ADDR_BAD},
                 {"::/129", "::1", NACRE_ADDR_BAD},
                 {"10.0.0.0/8", "::ffff:10.1.1.1", NACRE_ADDR_YES},
                 {"10.1.*", "::ffff:10.1.1.1", NACRE_ADDR_YES},
                 {"::ffff:10.1.1.1", "10.1.1.1", NACRE_ADDR_YES},
                 {"10.1.1.1", "::ffff:a01:101", NACRE_ADDR_YES},
                 {"2001:db8:*", "2001:db8::5", NACRE_ADDR_YES},
                 {"*", "1:2:3:4:5:6:7:8", NACRE_ADDR_YES},
                 {"*", "1:2:3:4:5:6:7::", NACRE_ADDR_YES},
                 {"*", "::2:3:4:5:6:7:8", NACRE_ADDR_YES},
                 {"*", "1:2:3:4:5:6:7", NACRE_ADDR_BAD},
                 {"*", "1:2:3:4:5:6:7:8:9", NACRE_ADDR_BAD},
                 {"*", "1:2:3:4:5:6:7:8::", NACRE_ADDR_BAD},
                 {"*", "1::2::3", NACRE_ADDR_BAD},
                 {"*", ":::", NACRE_ADDR_BAD},
                 {"*", ":", NACRE_ADDR_BAD},
                 {"*", ":1", NACRE_ADDR_BAD},
                 {"*", "1:", NACRE_ADDR_BAD},
                 {"*", "12345::", NACRE_ADDR_BAD},
                 {"*", "g::", NACRE_ADDR_BAD},
                 {"*", "::1.2.3", NACRE_ADDR_BAD},
                 {"*", "::1.2.3.4:5", NACRE_ADDR_BAD},
                 {"*", "1.2.3.4::", NACRE_ADDR_BAD},
                 {"*", "1:2:3:4:5:6:7:1.2.3.4", NACRE_ADDR_BAD},
                 {"*", "1:2:3:4:5:6:1.2.3.4", NACRE_ADDR_YES},
                 {"*", "fe80::1%eth0", NACRE_ADDR_BAD}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t n = strlen(cases[i].addr);
        char *addr = malloc(n + 1);

        memcpy(addr, cases[i].addr, n);
        cr_assert_eq(nacre_addr_list_match(nacre_bytes_str(cases[i].list),
                                           (struct nacre_bytes){(uint8_t *)addr, n}),
                     cases[i].match, "%s: %s", cases[i].list, cases[i].addr);
        free(addr);
    }
}

/* Every prefix length of a block. */
Test(authorized_keys, s20_every_prefix)
{
    for (unsigned bits = 0; bits <= 128; bits++) {
        uint8_t net[16] = {0};
        char text[64];
        char inside[48] = "";
        char outside[48] = "";
        uint8_t other[16];

        for (unsigned i = 0; i < bits; i++)
            net[i / 8] |= (uint8_t)(0x80u >> i % 8);
        memcpy(other, net, sizeof net);
        if (bits > 0)
            other[(bits - 1) / 8] ^= (uint8_t)(0x80u >> (bits - 1) % 8);
        for (int i = 0; i < 8; i++) {
            sprintf(inside + strlen(inside), i == 0 ? "%x" : ":%x",
                    net[2 * i] << 8 | net[2 * i + 1]);
            sprintf(outside + strlen(outside), i == 0 ? "%x" : ":%x",
                    other[2 * i] << 8 | other[2 * i + 1]);
        }
        sprintf(text, "%s/%u", inside, bits);
        cr_assert_eq(nacre_addr_list_match(nacre_bytes_str(text), nacre_bytes_str(inside)),
                     NACRE_ADDR_YES, "%s", text);
        cr_assert_eq(nacre_addr_list_match(nacre_bytes_str(text), nacre_bytes_str(outside)),
                     bits == 0 ? NACRE_ADDR_YES : NACRE_ADDR_NO, "%s", text);
        if (bits > 0) { /* one bit outside the prefix */
            sprintf(text, "%s/%u", inside, bits - 1);
            cr_assert_eq(nacre_addr_list_match(nacre_bytes_str(text), nacre_bytes_str(inside)),
                         NACRE_ADDR_BAD, "%s", text);
        }
    }
}
