/* SPDX-License-Identifier: ISC
 *
 * Version exchange, RFC 4253 section 4.2; tests named s11 are the cases of that number.
 */
#include "proto/limits.h"
#include "tests/rogue.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT NACRE_CLIENT
#define SERVER NACRE_SERVER

/* Those bytes, and what comes of them: an error, or the line that is told. */
static void expect_line(enum nacre_role victim, const char *bytes, size_t n, nacre_err err,
                        const char *line)
{
    for (size_t step = 1; step <= n; step += n > 1 ? n - 1 : 1) { /* a byte at a time, at once */
        struct rogue r;
        rogue_init(&r, victim);
        rogue_until(&r, ROGUE_RAW);
        for (size_t at = 0; at < n; at += step) {
            rogue_raw(&r, (const uint8_t *)bytes + at, step < n - at ? step : n - at);
        }
        if (err != NACRE_OK) {
            rogue_expect_end(&r, err, err == NACRE_ERR_PACKET_LEN ? 2 : 8);
        } else {
            rogue_expect_alive(&r);
            cr_assert(nacre_bytes_is(nacre_conn_peer_version(r.victim->c), line), "%.*s", (int)n,
                      bytes);
            cr_assert_eq(r.victim->count[NACRE_EV_VERSION], line[0] != 0);
        }
        rogue_free(&r);
    }
}

#define LINE(role, bytes, line) expect_line(role, bytes, sizeof bytes - 1, NACRE_OK, line)
#define BAD(role, bytes, err) expect_line(role, bytes, sizeof bytes - 1, err, "")

Test(version, lines_that_are_good)
{
    for (int role = 0; role < 2; role++) {
        enum nacre_role v = (enum nacre_role)role;
        LINE(v, "SSH-2.0-x\r\n", "SSH-2.0-x");
        LINE(v, "SSH-2.0-x\n", "SSH-2.0-x"); /* old peers */
        LINE(v, "SSH-2.0-x  two  blanks \r\n", "SSH-2.0-x  two  blanks ");
        LINE(v, "SSH-2.0-\r\n", "SSH-2.0-");
        LINE(v, "SSH-2.0-caf\xc3\xa9\r\n", "SSH-2.0-caf\xc3\xa9");
        LINE(v, "SSH-2.0-x", "");
        LINE(v, "SSH-2.0-x\r", "");
    }
    LINE(CLIENT, "SSH-1.99-x\r\n", "SSH-1.99-x"); /* section 5.1 */
    LINE(CLIENT, "hello\r\n\r\nworld\nSSH-2.0-x\r\n", "SSH-2.0-x");
}

Test(version, s11_lines_that_are_bad)
{
    for (int role = 0; role < 2; role++) {
        enum nacre_role v = (enum nacre_role)role;
        BAD(v, "SSH-2.0-a\0b\r\n", NACRE_ERR_VERSION_LINE);
        BAD(v, "\0", NACRE_ERR_VERSION_LINE);
        BAD(v, "SSH-2.0-a\tb\r\n", NACRE_ERR_VERSION_LINE);
        BAD(v, "SSH-2.0-a\x1b[2J\r\n", NACRE_ERR_VERSION_LINE);
        BAD(v, "SSH-2.0-a\x7f\r\n", NACRE_ERR_VERSION_LINE);
        BAD(v, "SSH-2.0-a\rb\r\n", NACRE_ERR_VERSION_LINE);
        BAD(v, "SSH-1.5-x\r\n", NACRE_ERR_VERSION_UNSUPPORTED);
        BAD(v, "SSH-3.0-x\r\n", NACRE_ERR_VERSION_UNSUPPORTED);
        BAD(v, "SSH-2.00-x\r\n", NACRE_ERR_VERSION_UNSUPPORTED);
        BAD(v, "SSH-2.0\r\n", NACRE_ERR_VERSION_UNSUPPORTED);
        BAD(v, "SSH-\r\n", NACRE_ERR_VERSION_UNSUPPORTED);
    }
    BAD(SERVER, "SSH-1.99-x\r\n", NACRE_ERR_VERSION_UNSUPPORTED);
    BAD(SERVER, "hello\r\n", NACRE_ERR_VERSION_LINE); /* no line before a client's */
    BAD(SERVER, "\r\n", NACRE_ERR_VERSION_LINE);
    BAD(SERVER, "GET / HTTP/1.1\r\n", NACRE_ERR_VERSION_LINE);
}

Test(version, s11_lengths)
{
    static char line[9000];
    memset(line, 'x', sizeof line);
    memcpy(line, "SSH-2.0-", 8);
    for (int role = 0; role < 2; role++) {
        enum nacre_role v = (enum nacre_role)role;
        memcpy(line + 253, "\r\n", 2); /* 255 octets in all */
        char want[254] = {0};
        memcpy(want, line, 253);
        expect_line(v, line, 255, NACRE_OK, want);
        memcpy(line + 253, "x\r\n", 3);
        expect_line(v, line, 256, NACRE_ERR_VERSION_LIMIT, "");
        memcpy(line + 253, "xxx", 3);
        /* an endless line is not waited for */
        expect_line(v, line, v == CLIENT ? 8192 : 255, NACRE_ERR_VERSION_LIMIT, "");
        expect_line(v, line, 254, NACRE_OK, "");
    }
}

Test(version, s11_lines_before_the_version)
{
    for (int more = 0; more < 2; more++) {
        struct rogue r;
        rogue_init(&r, CLIENT);
        rogue_until(&r, ROGUE_RAW);
        for (int i = 0; i < NCR_PRE_LINES_MAX + more; i++) {
            rogue_raw(&r, (const uint8_t *)"line\r\n", 6);
        }
        cr_assert_eq(r.victim->count[NACRE_EV_PRE_LINE], NCR_PRE_LINES_MAX);
        if (more == 0) {
            rogue_raw(&r, (const uint8_t *)"SSH-2.0-x\r\n", 11);
            rogue_expect_alive(&r);
        } else {
            rogue_expect_end(&r, NACRE_ERR_VERSION_LIMIT, 8);
        }
        rogue_free(&r);
    }
}

/* A byte a second does not extend the deadline. */
Test(version, s11_slow_line)
{
    for (int role = 0; role < 2; role++) {
        struct rogue r;
        uint64_t t = 1000;
        rogue_init(&r, (enum nacre_role)role);
        rogue_until(&r, ROGUE_RAW);
        cr_assert_eq(nacre_conn_tick(r.victim->c, t), NACRE_OK);
        rogue_raw(&r, (const uint8_t *)"SSH-2.0-", 8);
        while (t < 100000 && nacre_conn_tick(r.victim->c, t) == NACRE_OK) {
            rogue_raw(&r, (const uint8_t *)"x", 1);
            t += 1000;
        }
        cr_assert_eq(t, 21000);
        rogue_pump(&r);
        rogue_expect_end(&r, NACRE_ERR_TIMEOUT_KEX, 3);
        rogue_free(&r);
    }
}

/* V_C and V_S enter the hash without CR LF and with comments: both ends agree on odd ones. */
Test(version, idents_enter_the_hash)
{
    static const char *const idents[] = {"a", "a b", "a  b ", "x y z   "};
    static char longest[246];
    memset(longest, 'y', 245);
    for (size_t i = 0; i < 5; i++) {
        struct pair p;
        pair_init(&p);
        p.side[0].cfg.ident = i < 4 ? idents[i] : longest;
        p.side[1].cfg.ident = idents[(i + 1) % 4];
        pair_session(&p);
        cr_assert(pair_complete(&p));
        pair_free(&p);
    }
}

Test(version, ours_is_sent_first_and_once)
{
    struct pair p;
    pair_init(&p);
    pair_start(&p);
    for (int i = 0; i < 2; i++) {
        struct nacre_bytes out = nacre_conn_out(p.side[i].c);
        const char want[] = "SSH-2.0-nacre_" NACRE_VERSION "\r\n";
        cr_assert(out.n > sizeof want + 100, "KEXINIT goes with it");
        cr_assert_eq(memcmp(out.p, want, sizeof want - 1), 0);
        cr_assert_eq(out.p[sizeof want - 1 + 5], 20);
    }
    pair_free(&p);
}
