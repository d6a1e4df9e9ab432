/* SPDX-License-Identifier: ISC
 *
 * The order of messages: the whole table, 256 numbers x 2 senders x phases x strict x method,
 * compared with tests/transcripts/phase_matrix.txt. A change of a rule is a change of that file,
 * which a person reads: `NACRE_WRITE_GOLDEN=1 build/tests/test_phase` writes it.
 *
 * One line for each number that is not treated like an unknown one, one column for each phase, a
 * character for the client and one for the server as sender:
 *     .  out of order    ?  unknown, answered with UNIMPLEMENTED    +  allowed
 *     s  allowed, but not in a strict first key exchange
 */
#include "proto/phase.h"
#include "tests/pair.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const methods[NCR_AUTH_METHODS] = {"none under way", "publickey", "password",
                                                      "keyboard-interactive", "group exchange"};

static char cell(uint8_t number, enum nacre_role sender, enum ncr_phase phase,
                 enum ncr_auth_method method)
{
    enum ncr_allow loose = ncr_phase_allows(number, sender, phase, false, method);
    enum ncr_allow strict = ncr_phase_allows(number, sender, phase, true, method);
    if (loose != strict) {
        cr_assert(loose == NCR_ALLOW && strict == NCR_DENY_STRICT);
        return 's';
    }
    cr_assert_neq(loose, NCR_DENY_STRICT);
    return loose == NCR_ALLOW ? '+' : loose == NCR_UNKNOWN ? '?' : '.';
}

static void row(char text[4 * NCR_PHASES + 1], uint8_t number, enum ncr_auth_method method)
{
    char *t = text;
    for (int phase = 0; phase < NCR_PHASES; phase++) {
        *t++ = ' ';
        *t++ = cell(number, NACRE_CLIENT, (enum ncr_phase)phase, method);
        *t++ = cell(number, NACRE_SERVER, (enum ncr_phase)phase, method);
        *t++ = ' ';
    }
    *t = 0;
}

static const char *name_of(int number, enum ncr_auth_method method)
{
    const struct ncr_rule *rule = ncr_rule_find((uint8_t)number, method);
    return rule != NULL ? rule->name : "-";
}

/* Numbers in a row that are treated alike share a line. */
static void print_method(struct pair_buf *out, enum ncr_auth_method method)
{
    char now[4 * NCR_PHASES + 1], next[4 * NCR_PHASES + 1];
    int from = 0;
    for (int number = 0; number < 256; number++) {
        row(now, (uint8_t)number, method);
        next[0] = 0;
        if (number < 255) {
            row(next, (uint8_t)(number + 1), method);
        }
        if (number < 255 && strcmp(now, next) == 0 &&
            strcmp(name_of(number, method), name_of(number + 1, method)) == 0) {
            continue;
        }
        pair_buf_print(out, "%3d-%3d %s %s\n", from, number, now, name_of(number, method));
        from = number + 1;
    }
}

static void print_matrix(struct pair_buf *out)
{
    char base[4 * NCR_PHASES + 1], text[4 * NCR_PHASES + 1];
    pair_buf_print(out,
                   "# Which message may come when: see tests/test_phase.c. Two characters a phase, "
                   "client then server:\n# . out of order, ? unknown, + allowed, s allowed but not "
                   "in a strict first key exchange.\n# Phases of the sender:");
    for (int phase = 0; phase < NCR_PHASES; phase++) {
        pair_buf_print(out, " %s", ncr_phase_name((enum ncr_phase)phase));
    }
    pair_buf_print(out, "\n\nmethod %s:\n", methods[0]);
    print_method(out, NCR_METHOD_NO_METHOD);
    for (int m = 1; m < NCR_AUTH_METHODS; m++) {
        pair_buf_print(out, "\nmethod %s, where it differs:\n", methods[m]);
        for (int number = 0; number < 256; number++) {
            row(base, (uint8_t)number, NCR_METHOD_NO_METHOD);
            row(text, (uint8_t)number, (enum ncr_auth_method)m);
            if (strcmp(base, text) != 0) {
                pair_buf_print(out, "%3d-%3d %s %s\n", number, number, text,
                               name_of(number, (enum ncr_auth_method)m));
            }
        }
    }
}

Test(phase, golden_matrix)
{
    struct pair_buf now = {0};
    print_matrix(&now);
    cr_assert(pair_golden("tests/transcripts/phase_matrix.txt", &now),
              "the rules changed; now they are:\n%.*s", (int)now.n, (const char *)now.p);
    pair_buf_free(&now);
}

/* What the file says in many places, once in words: S02, S03. */
Test(phase, s02_s03_no_role_speaks_for_the_other)
{
    static const uint8_t server_only[] = {6, 31, 51, 52, 53};
    static const uint8_t client_only[] = {5, 30, 50};
    for (int phase = 0; phase < NCR_PHASES; phase++) {
        enum ncr_phase ph = (enum ncr_phase)phase;
        for (int m = 0; m < NCR_AUTH_METHODS; m++) {
            enum ncr_auth_method method = (enum ncr_auth_method)m;
            for (size_t i = 0; i < sizeof server_only; i++) {
                cr_assert_eq(ncr_phase_allows(server_only[i], NACRE_CLIENT, ph, false, method),
                             NCR_DENY_ORDER);
            }
            for (size_t i = 0; i < sizeof client_only; i++) {
                cr_assert_eq(ncr_phase_allows(client_only[i], NACRE_SERVER, ph, false, method),
                             NCR_DENY_ORDER);
            }
            for (int n = 80; n < 128 && ph != NCR_PH_CONN; n++) {
                cr_assert_eq(ncr_phase_allows((uint8_t)n, NACRE_CLIENT, ph, false, method),
                             NCR_DENY_ORDER);
            }
        }
    }
}

Test(phase, every_row_is_complete)
{
    for (int n = 0; n < 256; n++) {
        for (int m = 0; m < NCR_AUTH_METHODS; m++) {
            const struct ncr_rule *r = ncr_rule_find((uint8_t)n, (enum ncr_auth_method)m);
            if (r != NULL) {
                cr_assert(r->number == n && r->name[0] != 0 && r->section[0] != 0);
                cr_assert_not_null(r->decode);
                cr_assert((r->client | r->server) != 0);
                cr_assert_eq((r->client | r->server) >> NCR_PHASES, 0);
            }
        }
        cr_assert_not_null(ncr_msg_name((uint8_t)n));
    }
    for (int ph = 0; ph < NCR_PHASES; ph++) {
        cr_assert_str_neq(ncr_phase_name((enum ncr_phase)ph), "?");
    }
    cr_assert_str_eq(ncr_phase_name(NCR_PHASES), "?");
    cr_assert_str_eq(ncr_role_name(NACRE_CLIENT), "client");
    cr_assert_str_eq(ncr_role_name(NACRE_SERVER), "server");
}

/* ---- What moves the phases ---- */

static struct nacre_conn conn_at(enum ncr_phase rx, enum ncr_phase tx, enum nacre_role role)
{
    struct nacre_conn c;
    memset(&c, 0, sizeof c);
    c.role = role;
    c.rx.phase = (uint8_t)rx;
    c.tx.phase = (uint8_t)tx;
    return c;
}

Test(phase, steps_of_the_first_exchange)
{
    struct nacre_conn c = conn_at(NCR_PH_KEX1_INIT, NCR_PH_KEX1_INIT, NACRE_SERVER);
    ncr_phase_step(&c, NACRE_CLIENT, NCR_MSG_KEXINIT);
    cr_assert(c.rx.phase == NCR_PH_KEX1_METHOD && c.tx.phase == NCR_PH_KEX1_INIT);
    ncr_phase_step(&c, NACRE_SERVER, NCR_MSG_KEXINIT);
    ncr_phase_step(&c, NACRE_CLIENT, NCR_MSG_KEX_INIT);
    cr_assert(c.rx.phase == NCR_PH_KEX1_NEWKEYS && c.tx.phase == NCR_PH_KEX1_METHOD);
    ncr_phase_step(&c, NACRE_SERVER, NCR_MSG_KEX_REPLY);
    ncr_phase_step(&c, NACRE_SERVER, NCR_MSG_NEWKEYS);
    cr_assert(c.rx.phase == NCR_PH_KEX1_NEWKEYS && c.tx.phase == NCR_PH_SERVICE);
    ncr_phase_step(&c, NACRE_CLIENT, NCR_MSG_NEWKEYS);
    cr_assert_eq(c.rx.phase, NCR_PH_SERVICE);
    ncr_phase_step(&c, NACRE_CLIENT, NCR_MSG_IGNORE);
    cr_assert_eq(c.rx.phase, NCR_PH_SERVICE);
    ncr_phase_step(&c, NACRE_SERVER, NCR_MSG_SERVICE_ACCEPT);
    cr_assert(c.rx.phase == NCR_PH_AUTH && c.tx.phase == NCR_PH_AUTH);
    ncr_phase_step(&c, NACRE_SERVER, NCR_MSG_USERAUTH_SUCCESS);
    cr_assert(c.rx.phase == NCR_PH_CONN && c.tx.phase == NCR_PH_CONN);
    ncr_phase_step(&c, NACRE_CLIENT, NCR_MSG_DISCONNECT);
    cr_assert(c.rx.phase == NCR_PH_CLOSED && c.tx.phase == NCR_PH_CONN);
}

/* S03: a rekey returns to the phase that it left, or to the one reached meanwhile. */
Test(phase, s03_rekey_returns)
{
    static const enum ncr_phase phases[] = {NCR_PH_SERVICE, NCR_PH_AUTH, NCR_PH_CONN};
    for (size_t i = 0; i < 3; i++) {
        struct nacre_conn c = conn_at(phases[i], phases[i], NACRE_CLIENT);
        ncr_phase_step(&c, NACRE_SERVER, NCR_MSG_KEXINIT);
        cr_assert_eq(c.rx.phase, NCR_PH_REKEY_METHOD);
        cr_assert(ncr_phase_in_kex(&c.rx) && !ncr_phase_in_kex(&c.tx));
        ncr_phase_step(&c, NACRE_SERVER, NCR_MSG_KEX_REPLY);
        cr_assert_eq(c.rx.phase, NCR_PH_REKEY_NEWKEYS);
        ncr_phase_step(&c, NACRE_SERVER, NCR_MSG_NEWKEYS);
        cr_assert_eq(c.rx.phase, phases[i]);
    }
    /* SUCCESS was on its way when we sent our KEXINIT */
    struct nacre_conn c = conn_at(NCR_PH_AUTH, NCR_PH_AUTH, NACRE_CLIENT);
    ncr_phase_step(&c, NACRE_CLIENT, NCR_MSG_KEXINIT);
    ncr_phase_step(&c, NACRE_SERVER, NCR_MSG_USERAUTH_SUCCESS);
    cr_assert(c.rx.phase == NCR_PH_CONN && c.tx.phase == NCR_PH_REKEY_METHOD);
    cr_assert_eq(c.tx.ret, NCR_PH_CONN);
    cr_assert(ncr_phase_later(&c.tx, NCR_MSG_CHANNEL_OPEN, NACRE_CLIENT, NCR_METHOD_NO_METHOD));
    cr_assert(!ncr_phase_later(&c.tx, NCR_MSG_USERAUTH_BANNER, NACRE_CLIENT, NCR_METHOD_NO_METHOD));
    ncr_phase_step(&c, NACRE_CLIENT, NCR_MSG_KEX_INIT);
    ncr_phase_step(&c, NACRE_CLIENT, NCR_MSG_NEWKEYS);
    cr_assert_eq(c.tx.phase, NCR_PH_CONN);
}

/* ---- What no mask can say ---- */

Test(phase, s01_strict_kexinit_is_packet_zero)
{
    struct nacre_conn c = conn_at(NCR_PH_KEX1_INIT, NCR_PH_KEX1_METHOD, NACRE_SERVER);
    for (int strict = 0; strict < 2; strict++) {
        for (int done = 0; done < 2; done++) {
            for (uint32_t seq = 1; seq < 4; seq++) {
                c.neg.strict = strict;
                c.first_kex_done = done;
                c.rx.seq = seq;
                cr_assert_eq(ncr_phase_rx_extra(&c, NCR_MSG_KEXINIT), !strict || done || seq == 1);
            }
        }
    }
}

Test(phase, s04_ext_info_in_its_two_places)
{
    struct nacre_conn c = conn_at(NCR_PH_SERVICE, NCR_PH_SERVICE, NACRE_CLIENT);
    c.first_kex_done = true;
    c.rx.packets = 1;
    cr_assert(ncr_phase_rx_extra(&c, NCR_MSG_EXT_INFO));
    c.rx.packets = 2;
    cr_assert(!ncr_phase_rx_extra(&c, NCR_MSG_EXT_INFO));
    cr_assert(ncr_phase_rx_extra(&c, NCR_MSG_SERVICE_ACCEPT));
    c = conn_at(NCR_PH_AUTH, NCR_PH_AUTH, NACRE_CLIENT);
    c.first_kex_done = true;
    cr_assert(!ncr_phase_rx_extra(&c, NCR_MSG_EXT_INFO), "no request: SUCCESS cannot follow");
    c.auth.waiting = true;
    cr_assert(ncr_phase_rx_extra(&c, NCR_MSG_EXT_INFO));
    c.ext_info_last = true;
    for (int n = 0; n < 256; n++) {
        cr_assert_eq(ncr_phase_rx_extra(&c, (uint8_t)n),
                     n == NCR_MSG_USERAUTH_SUCCESS || n == NCR_MSG_DISCONNECT, "number %d", n);
    }
}
