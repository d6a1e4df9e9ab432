/* SPDX-License-Identifier: ISC
 *
 * The report on a negotiation: valid JSON in all cases, the choices that were made, and the
 * reasons, also with names that a peer made up.
 */
#include "proto/kexinit.h"
#include "tests/pair.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static char report[16384];

static const char *report_of(struct pair *p, int side)
{
    cr_assert_eq(nacre_conn_report(p->side[side].c, report, sizeof report), NACRE_OK);
    return report;
}

/* Enough of JSON to see that strings end and brackets close. */
static bool is_json(const char *s)
{
    char open[32];
    int depth = 0;
    for (; *s != '\0'; s++) {
        if (*s == '"') {
            for (s++; *s != '"'; s++) {
                if (*s == '\0' || (unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e) {
                    return false;
                }
                s += *s == '\\';
            }
        } else if (*s == '{' || *s == '[') {
            open[depth++] = *s == '{' ? '}' : ']';
        } else if (*s == '}' || *s == ']') {
            if (depth == 0 || open[--depth] != *s) {
                return false;
            }
        }
    }
    return depth == 0;
}

Test(report, says_what_and_why)
{
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    p.side[0].cfg.kex = "curve25519-sha256@libssh.org,curve25519-sha256";
    p.side[1].cfg.kex = "curve25519-sha256";
    p.side[0].cfg.ciphers = "aes192-ctr,aes256-ctr,aes128-ctr";
    p.side[1].cfg.ciphers = "aes128-ctr,aes256-ctr,chacha20-poly1305@openssh.com";
    pair_session(&p);
    for (int i = 0; i < 2; i++) {
        const char *r = report_of(&p, i);
        cr_assert(is_json(r), "%s", r);
        cr_assert_not_null(strstr(r, i == 0 ? "{\"role\":\"client\"" : "{\"role\":\"server\""));
        cr_assert_not_null(strstr(r, "\"profile\":\"modern\""));
        cr_assert_not_null(strstr(r, "\"strict_kex\":true,\"post_quantum\":false"));
        cr_assert_not_null(strstr(r, "\"kex\":{\"name\":\"curve25519-sha256\","
                                     "\"why\":\"first of the client's that the server has\","
                                     "\"passed_over\":[\"curve25519-sha256@libssh.org\"]"));
        cr_assert_not_null(strstr(r, "\"cipher\":{\"name\":\"aes256-ctr\","
                                     "\"why\":\"first of the client's that the server has\","
                                     "\"passed_over\":[\"aes192-ctr\"],\"ours\":["),
                           "%s", r);
    }
    pair_free(&p);
}

Test(report, an_aead_needs_no_mac)
{
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    p.side[0].cfg.ciphers = "chacha20-poly1305@openssh.com";
    pair_session(&p);
    cr_assert_not_null(strstr(report_of(&p, 0), "\"mac\":{\"name\":\"\",\"why\":\"the cipher "
                                                "authenticates by itself\",\"ours\":["));
    pair_free(&p);
}

Test(report, escapes_what_a_peer_calls_itself)
{
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    p.side[1].cfg.ident = "quo\"te_back\\slash";
    pair_session(&p);
    const char *r = report_of(&p, 0);
    cr_assert(is_json(r), "%s", r);
    cr_assert_not_null(strstr(r, "\"peer\":\"SSH-2.0-quo\\u0022te_back\\u005cslash\""), "%s", r);
    pair_free(&p);
}

Test(report, only_when_there_is_one_and_it_fits)
{
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    pair_start(&p);
    cr_assert_eq(nacre_conn_report(p.side[0].c, report, sizeof report), NACRE_ERR_USAGE);
    cr_assert_str_eq(report, "");
    pair_free(&p);
    pair_init(&p);
    p.plan.stay = true;
    pair_session(&p);
    size_t need = strlen(report_of(&p, 0)) + 1;
    for (size_t cap = 0; cap < need; cap++) {
        cr_assert_eq(nacre_conn_report(p.side[0].c, report, cap), NACRE_ERR_NO_ROOM);
        cr_assert(cap == 0 || report[0] == '\0');
    }
    cr_assert_eq(nacre_conn_report(p.side[0].c, report, need), NACRE_OK);
    pair_free(&p);
}
