/* SPDX-License-Identifier: ISC
 *
 * What a peer may not do out of order; each test bears the number of the class of vulnerability
 * that it is about: s01 prefix truncation, s02 messages of the other role, s03 services before
 * authentication, s04 rogue extensions, s05 key exchange out of order, s06 guessed packets, s08
 * floods during key exchange, s10 empty key exchanges, s11 version lines, s12 what nobody asked
 * for.
 */
#include "proto/limits.h"
#include "tests/rogue.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT NACRE_CLIENT
#define SERVER NACRE_SERVER

/* A script for both roles as victim. */
static void both(const struct rogue_step *steps)
{
    rogue_run(CLIENT, steps);
    rogue_run(SERVER, steps);
}

/* One message at a stage, sent after honest ones: must end that way. */
static void end_after(enum nacre_role victim, enum rogue_stage stage, const char *say,
                      nacre_err err, uint32_t reason)
{
    const struct rogue_step steps[] = {
        {R_UNTIL, NULL, (long)stage, 0}, {R_SAY, say, 0, 0}, {R_END, NULL, err, reason}, {0}};
    rogue_run(victim, steps);
}

/* ---- S01 ---- */

static const char *const harmless[] = {"2 'x'", "4 1 'x' ''", "3 u0"};

Test(security, s01_terrapin_nothing_between_the_messages_of_a_strict_exchange)
{
    for (int victim = 0; victim < 2; victim++) {
        enum nacre_role v = (enum nacre_role)victim;
        for (size_t i = 0; i < 3; i++) {
            end_after(v, ROGUE_KEXINIT, harmless[i], NACRE_ERR_STRICT_KEX, 3);
            end_after(v, ROGUE_METHOD, harmless[i], NACRE_ERR_STRICT_KEX, 3);
        }
        for (int stage = ROGUE_KEXINIT; stage <= ROGUE_METHOD; stage++) {
            end_after(v, (enum rogue_stage)stage, "7 u0", NACRE_ERR_ORDER, 2);
            end_after(v, (enum rogue_stage)stage, "200", NACRE_ERR_ORDER, 2);
            end_after(v, (enum rogue_stage)stage, "192 'x'", NACRE_ERR_ORDER, 2);
        }
    }
}

/* What precedes KEXINIT is found out when KEXINIT says that the exchange is strict. */
Test(security, s01_terrapin_kexinit_is_the_first_packet)
{
    for (int victim = 0; victim < 2; victim++) {
        for (size_t i = 0; i < 3; i++) {
            struct rogue r;
            struct pair_buf b = {0};
            rogue_init(&r, (enum nacre_role)victim);
            rogue_until(&r, ROGUE_VERSION);
            rogue_say(&r, harmless[i]);
            rogue_expect_alive(&r);
            pair_buf_add(&b, ncr_scratch(r.me->c, NCR_SCRATCH_OURS), r.me->c->kex.ours_len);
            rogue_send(&r, b.p, b.n);
            rogue_expect_end(&r, NACRE_ERR_STRICT_KEX, 3);
            pair_buf_free(&b);
            rogue_free(&r);
        }
    }
}

/* Without strict mode the same is allowed, RFC 4253 7.1. */
Test(security, s01_not_strict_lets_ignore_in)
{
    for (int victim = 0; victim < 2; victim++) {
        for (int stage = ROGUE_VERSION; stage <= ROGUE_METHOD; stage++) {
            for (size_t i = 0; i < 3; i++) {
                struct rogue r;
                rogue_init(&r, (enum nacre_role)victim);
                r.me->cfg.no_strict = true;
                rogue_until(&r, (enum rogue_stage)stage);
                rogue_say(&r, harmless[i]);
                rogue_expect_alive(&r);
                cr_assert(!nacre_conn_negotiated(r.victim->c)->strict);
                rogue_free(&r);
            }
        }
    }
}

static bool rekey_once(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    (void)s; /* either side starts it */
    if (ev->type == NACRE_EV_CHAN_REPLY) {
        cr_assert_eq(nacre_conn_rekey(p->side[*(int *)p->ctx].c), NACRE_OK);
    }
    return false;
}

/* The names count in the first KEXINIT only: strict is what it was, sequence numbers run on. */
Test(security, s01_strict_is_decided_once)
{
    for (int strict = 0; strict < 2; strict++) {
        for (int who = 0; who < 2; who++) {
            struct pair p;
            int starter = who;
            pair_init(&p);
            p.side[0].cfg.no_strict = strict == 0;
            p.hook = rekey_once;
            p.ctx = &starter;
            p.plan.stay = true;
            pair_session(&p);
            for (int i = 0; i < 2; i++) {
                cr_assert_eq(p.side[i].count[NACRE_EV_KEX_DONE], 2);
                cr_assert_eq(nacre_conn_negotiated(p.side[i].c)->strict, strict == 1);
                cr_assert_eq(p.side[i].c->tx.seq == p.side[i].c->tx.packets, strict == 1);
                cr_assert_eq(p.side[i].c->tx.seq, p.side[1 - i].c->rx.seq);
            }
            pair_free(&p);
        }
    }
}

/* A man in the middle puts an IGNORE before KEXINIT and takes the first encrypted packet (EXT_INFO)
 * away: strict mode sees the IGNORE; without it the tag of the next packet is wrong by one. */
static void terrapin(enum nacre_role victim, bool strict, nacre_err want)
{
    static const uint8_t ignore[] = {0, 0, 0, 12, 6, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    struct rogue r;
    rogue_init(&r, victim);
    r.me->cfg.no_strict = !strict;
    rogue_until(&r, ROGUE_VERSION);
    rogue_raw(&r, ignore, sizeof ignore);
    r.me->c->tx.seq = 0; /* the sender knows nothing of it */
    rogue_send(&r, ncr_scratch(r.me->c, NCR_SCRATCH_OURS), r.me->c->kex.ours_len);
    if (want == NACRE_ERR_STRICT_KEX) {
        rogue_expect_end(&r, want, 3);
    } else {
        rogue_expect_alive(&r);
        cr_assert_eq(r.victim->c->rx.seq, 2);
        cr_assert_eq(r.me->c->tx.seq, 1);
    }
    rogue_free(&r);
}

Test(security, s01_terrapin_in_the_middle)
{
    for (int victim = 0; victim < 2; victim++) {
        terrapin((enum nacre_role)victim, true, NACRE_ERR_STRICT_KEX);
        terrapin((enum nacre_role)victim, false, NACRE_OK);
    }
}

Test(security, s01_dropped_packet_fails_at_the_tag)
{
    for (int victim = 0; victim < 2; victim++) {
        for (int stage = ROGUE_SERVICE; stage <= ROGUE_CONN; stage++) {
            struct rogue r;
            rogue_init(&r, (enum nacre_role)victim);
            r.me->cfg.ciphers = r.victim->cfg.ciphers = "aes128-ctr";
            rogue_until(&r, (enum rogue_stage)stage);
            r.me->c->tx.seq++; /* the packet of this number was taken away */
            rogue_say(&r, "2 'x'");
            rogue_expect_end(&r, NACRE_ERR_MAC, 5);
            rogue_free(&r);
        }
    }
}

/* ---- S02 ---- */

Test(security, s02_messages_of_the_other_role)
{
    /* valid messages, so that nothing but the role is wrong */
    static const char *const from_server[] = {
        "6 'ssh-userauth'", "31 $0 'x' 'x'",       "51 'none' 0",       "52",
        "53 'hello' ''",    "60 'ssh-ed25519' $1", "60 'Name' '' '' u0"};
    static const char *const from_client[] = {"5 'ssh-userauth'", "30 'x'",
                                              "50 'joe' 'ssh-connection' 'none'", "61 u1 'answer'"};
    for (int stage = ROGUE_VERSION; stage <= ROGUE_CHAN; stage++) {
        for (size_t i = 0; i < sizeof from_server / sizeof from_server[0]; i++) {
            end_after(SERVER, (enum rogue_stage)stage, from_server[i], NACRE_ERR_ORDER, 2);
        }
        for (size_t i = 0; i < sizeof from_client / sizeof from_client[0]; i++) {
            end_after(CLIENT, (enum rogue_stage)stage, from_client[i], NACRE_ERR_ORDER, 2);
        }
    }
}

Test(security, s02_success_is_not_success_from_a_client)
{
    for (int stage = ROGUE_SERVICE; stage <= ROGUE_AUTH; stage++) {
        struct rogue r;
        rogue_init(&r, SERVER);
        rogue_until(&r, (enum rogue_stage)stage);
        rogue_say(&r, "52");
        rogue_expect_end(&r, NACRE_ERR_ORDER, 2);
        cr_assert(!nacre_conn_authenticated(r.victim->c));
        cr_assert_eq(r.victim->count[NACRE_EV_AUTH_SUCCESS], 0);
        rogue_free(&r);
    }
}

/* ---- S03 ---- */

static const char *const of_connection[] = {"80 'x' 1",
                                            "81",
                                            "82",
                                            "90 'session' u0 u1000 u1000",
                                            "91 u0 u0 u1 u1",
                                            "92 u0 u1 '' ''",
                                            "93 u0 u1",
                                            "94 u0 'x'",
                                            "95 u0 u1 'x'",
                                            "96 u0",
                                            "97 u0",
                                            "98 u0 'exec' 1 'id'",
                                            "99 u0",
                                            "100 u0"};

Test(security, s03_no_channel_before_authentication)
{
    for (int victim = 0; victim < 2; victim++) {
        for (int stage = ROGUE_VERSION; stage <= ROGUE_AUTH; stage++) {
            for (size_t i = 0; i < sizeof of_connection / sizeof of_connection[0]; i++) {
                end_after((enum nacre_role)victim, (enum rogue_stage)stage, of_connection[i],
                          NACRE_ERR_ORDER, 2);
            }
        }
    }
}

static const struct rogue_step open_after_failure[] = {
    {R_UNTIL, NULL, ROGUE_AUTH, 0},
    {R_SKIP, NULL, 0, 0},
    {R_SAY, "50 'joe' 'ssh-connection' 'password' 0 'wrong'", 0, 0},
    {R_GET, "51 'publickey,password,keyboard-interactive' 0", 0, 0},
    {R_SAY, "90 'session' u0 u1000 u1000", 0, 0},
    {R_EVENTS, NULL, NACRE_EV_CHAN_OPEN, 0},
    {R_END, NULL, NACRE_ERR_ORDER, 2},
    {0}};

Test(security, s03_no_channel_after_a_failure)
{
    rogue_run(SERVER, open_after_failure);
}

static const struct rogue_step open_after_partial[] = {
    {R_UNTIL, NULL, ROGUE_AUTH, 0},
    {R_SKIP, NULL, 0, 0},
    {R_SAY, "50 'joe' 'ssh-connection' 'password' 0 'secret'", 0, 0},
    {R_GET, "51 'publickey,password,keyboard-interactive' 0", 0, 0},
    {R_SAY, "90 'session' u0 u1000 u1000", 0, 0},
    {R_EVENTS, NULL, NACRE_EV_CHAN_OPEN, 0},
    {R_END, NULL, NACRE_ERR_ORDER, 2},
    {0}};

Test(security, s03_no_channel_after_one_factor_of_two)
{
    struct rogue r;
    rogue_init(&r, SERVER);
    r.p.plan.need_both = true;
    rogue_play(&r, open_after_partial);
    rogue_free(&r);
}

static bool rekey_at_next(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    (void)p; /* the client starts it by itself */
    if (s->role == NACRE_CLIENT && ev->type == NACRE_EV_AUTH_NEXT && !s->accepted) {
        s->accepted = true; /* a try is due after the exchange */
        cr_assert_eq(nacre_conn_rekey(s->c), NACRE_OK);
        return true;
    }
    return false;
}

/* A key exchange before authentication goes back to authentication. */
Test(security, s03_rekey_before_authentication_unlocks_nothing)
{
    static const enum pair_try none[] = {PAIR_TRY_END};
    struct rogue r;
    rogue_init(&r, SERVER);
    r.p.plan.tries = none;
    r.p.hook = rekey_at_next;
    pair_start(&r.p);
    cr_assert(pair_run(&r.p, 10000));
    cr_assert_eq(r.victim->count[NACRE_EV_KEX_DONE], 2);
    cr_assert_eq(r.victim->c->rx.phase, NCR_PH_AUTH);
    r.version_read = true;
    rogue_say(&r, "90 'session' u0 u1000 u1000");
    rogue_expect_end(&r, NACRE_ERR_ORDER, 2);
    cr_assert_eq(r.victim->count[NACRE_EV_CHAN_OPEN], 0);
    rogue_free(&r);
}

/* ---- S04 ---- */

static const struct rogue_step ext_info_first[] = {{R_UNTIL, NULL, ROGUE_SERVICE, 0},
                                                   {R_SAY, "7 u1 'x@example.com' 'y'", 0, 0},
                                                   {R_EVENTS, NULL, NACRE_EV_EXT_INFO, 1},
                                                   {R_ALIVE, NULL, 0, 0},
                                                   {R_SAY, "7 u0", 0, 0},
                                                   {R_END, NULL, NACRE_ERR_ORDER, 2},
                                                   {0}};
static const struct rogue_step ext_info_second[] = {
    {R_UNTIL, NULL, ROGUE_SERVICE, 0},         {R_SAY, "2 'x'", 0, 0},
    {R_SAY, "7 u1 'x@example.com' 'y'", 0, 0}, {R_EVENTS, NULL, NACRE_EV_EXT_INFO, 0},
    {R_END, NULL, NACRE_ERR_ORDER, 2},         {0}};

Test(security, s04_ext_info_only_right_after_newkeys)
{
    both(ext_info_first);
    both(ext_info_second);
    for (int victim = 0; victim < 2; victim++) {
        for (int stage = ROGUE_VERSION; stage <= ROGUE_METHOD; stage++) {
            end_after((enum nacre_role)victim, (enum rogue_stage)stage, "7 u0", NACRE_ERR_ORDER, 2);
        }
        end_after((enum nacre_role)victim, ROGUE_CONN, "7 u0", NACRE_ERR_ORDER, 2);
    }
    end_after(SERVER, ROGUE_AUTH, "7 u0", NACRE_ERR_ORDER, 2);
}

/* RFC 8308 2.4: the second one is followed by SUCCESS, and by nothing else. */
static const struct rogue_step ext_info_before_success[] = {
    {R_UNTIL, NULL, ROGUE_AUTH, 0},
    {R_GET, "50 'joe' 'ssh-connection' 'none'", 0, 0},
    {R_SAY, "7 u1 'server-sig-algs' 'rsa-sha2-512'", 0, 0},
    {R_ALIVE, NULL, 0, 0},
    {R_SAY, "52", 0, 0},
    {R_EVENTS, NULL, NACRE_EV_AUTH_SUCCESS, 1},
    {R_ALIVE, NULL, 0, 0},
    {0}};
static const char *const not_success[] = {"51 'password' 0", "53 'hello' ''", "2 'x'", "7 u0",
                                          "3 u0"};

Test(security, s04_second_ext_info_only_right_before_success)
{
    struct rogue r;
    rogue_init(&r, CLIENT);
    rogue_play(&r, ext_info_before_success);
    cr_assert(!nacre_conn_peer_takes(r.victim->c, "ssh-ed25519"));
    rogue_free(&r);
    for (size_t i = 0; i < sizeof not_success / sizeof not_success[0]; i++) {
        const struct rogue_step steps[] = {
            {R_UNTIL, NULL, ROGUE_AUTH, 0},    {R_SAY, "7 u0", 0, 0},
            {R_SAY, not_success[i], 0, 0},     {R_EVENTS, NULL, NACRE_EV_BANNER, 0},
            {R_END, NULL, NACRE_ERR_ORDER, 2}, {0}};
        rogue_run(CLIENT, steps);
    }
}

Test(security, s04_userauth_request_only_after_the_service)
{
    static const char request[] = "50 'joe' 'ssh-connection' 'password' 0 'secret'";
    for (int stage = ROGUE_VERSION; stage <= ROGUE_SERVICE; stage++) {
        struct rogue r;
        rogue_init(&r, SERVER);
        rogue_until(&r, (enum rogue_stage)stage);
        rogue_say(&r, request);
        rogue_expect_end(&r, NACRE_ERR_ORDER, 2);
        cr_assert_eq(r.victim->count[NACRE_EV_AUTH_REQUEST], 0);
        rogue_free(&r);
    }
}

/* ---- S05 ---- */

/* A body of the number that is right as such, if there is one. */
static void kex_message(struct rogue *r, uint8_t number, struct pair_buf *b)
{
    if (number == NCR_MSG_KEXINIT) {
        pair_buf_add(b, ncr_scratch(r->me->c, NCR_SCRATCH_OURS), r->me->c->kex.ours_len);
    } else if (number == NCR_MSG_NEWKEYS) {
        rogue_text(b, "21");
    } else if (number == NCR_MSG_KEX_REPLY) {
        rogue_text(b, "31 $0 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345' 'signature'");
    } else {
        pair_buf_add(b, &number, 1);
        rogue_text(b, "'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345'");
    }
}

/* All sequences of up to four of these. What an honest peer may send is accepted as far as it goes
 * (a client's whole part is known to everyone, so that the victim may even switch to its keys); all
 * else ends the connection, and nothing but the exchange ever happens. */
static void kex_sequence(enum nacre_role victim, unsigned code)
{
    static const uint8_t numbers[] = {0, 20, 21, 30, 31, 32, 33, 34};
    static const uint8_t honest[2][4] = {{20, 0, 0, 0}, {20, 30, 21, 0}};
    struct rogue r;
    bool right = true;
    rogue_init(&r, victim);
    rogue_until(&r, ROGUE_VERSION);
    for (int i = 0; i < 4 && code != 0; i++, code /= 8) {
        struct pair_buf b = {0};
        uint8_t number = numbers[code % 8];
        if (number == 0) {
            break;
        }
        right = right && number == honest[victim][i];
        kex_message(&r, number, &b);
        rogue_send(&r, b.p, b.n);
        pair_buf_free(&b);
        cr_assert_eq(r.victim->err == NACRE_OK, right, "role %d, message %d is %u", (int)victim, i,
                     number);
    }
    cr_assert_eq(r.victim->count[NACRE_EV_HOST_KEY], 0);
    cr_assert_eq(r.victim->count[NACRE_EV_AUTH_NEXT], 0);
    cr_assert_eq(r.victim->count[NACRE_EV_AUTH_REQUEST], 0);
    cr_assert(victim == SERVER || r.victim->count[NACRE_EV_KEX_DONE] == 0);
    rogue_free(&r);
}

Test(security, s05_every_sequence_of_four_kex_messages)
{
    for (unsigned code = 1; code < 8 * 8 * 8 * 8; code++) {
        kex_sequence(CLIENT, code);
        kex_sequence(SERVER, code);
    }
}

Test(security, s05_second_kexinit_and_early_newkeys)
{
    for (int victim = 0; victim < 2; victim++) {
        enum nacre_role v = (enum nacre_role)victim;
        end_after(v, ROGUE_VERSION, "21", NACRE_ERR_ORDER, 2);
        end_after(v, ROGUE_KEXINIT, "21", NACRE_ERR_ORDER, 2);
        end_after(v, ROGUE_SERVICE, "21", NACRE_ERR_ORDER, 2);
        end_after(v, ROGUE_CONN, "21", NACRE_ERR_ORDER, 2);
        end_after(v, ROGUE_KEXINIT, "20 z16", NACRE_ERR_ORDER, 2);
        end_after(v, ROGUE_METHOD, "20 z16", NACRE_ERR_ORDER, 2);
        end_after(v, ROGUE_METHOD, "30 'x'", NACRE_ERR_ORDER, 2);
    }
}

/* ---- S08, S10 ---- */

/* The victim has asked for new keys and never gets an answer: whatever else comes, what it owes
 * fits the fixed area or ends the connection by name. */
static void flood_in_rekey(const char *say, nacre_err err, uint32_t reason, unsigned most)
{
    struct rogue r;
    rogue_init(&r, SERVER);
    rogue_until(&r, ROGUE_CHAN);
    rogue_drop(&r);
    cr_assert_eq(nacre_conn_rekey(r.victim->c), NACRE_OK);
    unsigned n = 0;
    while (n < most && r.victim->err == NACRE_OK) {
        rogue_say(&r, say);
        n++;
    }
    if (err == NACRE_OK) {
        rogue_expect_alive(&r);
        cr_assert_eq(nacre_conn_tick(r.victim->c, 1000), NACRE_OK);
        cr_assert_eq(nacre_conn_rekey(r.victim->c), NACRE_OK);
    } else {
        rogue_expect_end(&r, err, reason);
        cr_assert(n < 2000);
    }
    rogue_free(&r);
}

Test(security, s08_floods_while_new_keys_are_due)
{
    flood_in_rekey("192 'ping'", NACRE_ERR_HELD_FULL, 12, 100000);
    flood_in_rekey("80 'x@example.com' 1", NACRE_ERR_HELD_FULL, 12, 100000);
    flood_in_rekey("98 u1 'x@example.com' 1", NACRE_ERR_HELD_FULL, 12, 100000);
    flood_in_rekey("90 'x@example.com' u5 u100 u100", NACRE_ERR_HELD_FULL, 12, 100000);
    flood_in_rekey("2 'ignored'", NACRE_OK, 0, 100000);
    flood_in_rekey("94 u1 ''", NACRE_OK, 0, 100000);
    flood_in_rekey("93 u1 u0", NACRE_OK, 0, 100000);
}

/* Once the peer has sent its KEXINIT too, only the exchange may follow. */
Test(security, s08_nothing_else_after_the_peers_kexinit)
{
    for (int victim = 0; victim < 2; victim++) {
        for (size_t i = 0; i < sizeof of_connection / sizeof of_connection[0] + 2; i++) {
            static const char *const more[] = {"192 'ping'", "50 'joe' 'ssh-connection' 'none'"};
            const size_t n = sizeof of_connection / sizeof of_connection[0];
            struct rogue r;
            rogue_init(&r, (enum nacre_role)victim);
            rogue_until(&r, ROGUE_CHAN);
            rogue_drop(&r);
            rogue_send(&r, ncr_scratch(r.me->c, NCR_SCRATCH_OURS), r.me->c->kex.ours_len);
            rogue_expect_alive(&r);
            rogue_say(&r, harmless[i % 3]); /* these may, after the first exchange */
            rogue_expect_alive(&r);
            rogue_say(&r, i < n ? of_connection[i] : more[i - n]);
            rogue_expect_end(&r, NACRE_ERR_ORDER, 2);
            rogue_free(&r);
        }
    }
}

/* An exchange that the peer never finishes meets its deadline, traffic or not. */
Test(security, s08_unfinished_exchange_meets_its_deadline)
{
    struct rogue r;
    rogue_init(&r, SERVER);
    rogue_until(&r, ROGUE_CHAN);
    rogue_drop(&r);
    cr_assert_eq(nacre_conn_tick(r.victim->c, 1000), NACRE_OK);
    cr_assert_eq(nacre_conn_rekey(r.victim->c), NACRE_OK);
    /* A peer that goes on sending may have a slow path: it gets more time, but not for ever. */
    for (uint64_t t = 1000; t < 301000; t += 10000) {
        cr_assert_eq(nacre_conn_tick(r.victim->c, t), NACRE_OK);
        rogue_say(&r, "94 u1 'x'");
        rogue_expect_alive(&r);
    }
    cr_assert_eq(nacre_conn_tick(r.victim->c, 301000), NACRE_ERR_TIMEOUT_KEX);
    rogue_pump(&r);
    rogue_expect_end(&r, NACRE_ERR_TIMEOUT_KEX, 3);
    rogue_free(&r);
}

Test(security, s08_silent_peer_in_an_exchange_ends_soon)
{
    struct rogue r;
    rogue_init(&r, SERVER);
    rogue_until(&r, ROGUE_CHAN);
    rogue_drop(&r);
    cr_assert_eq(nacre_conn_tick(r.victim->c, 1000), NACRE_OK);
    cr_assert_eq(nacre_conn_rekey(r.victim->c), NACRE_OK);
    cr_assert_eq(nacre_conn_tick(r.victim->c, 20999), NACRE_OK);
    cr_assert_eq(nacre_conn_tick(r.victim->c, 21000), NACRE_ERR_TIMEOUT_KEX);
    rogue_pump(&r);
    rogue_expect_end(&r, NACRE_ERR_TIMEOUT_KEX, 3);
    rogue_free(&r);
}

/* One after the other, for nothing. */
Test(security, s10_empty_key_exchanges_end)
{
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    pair_session(&p);
    unsigned n = 0;
    while (n < 1000 && p.side[1].err == NACRE_OK) {
        cr_assert_eq(nacre_conn_rekey(p.side[0].c), NACRE_OK);
        cr_assert(pair_run(&p, 1000));
        n++;
    }
    cr_assert_eq(p.side[1].err, NACRE_ERR_REKEY_FLOOD);
    cr_assert(n > NCR_REKEY_EMPTY_MAX && n < NCR_REKEY_EMPTY_MAX + 3, "%u", n);
    cr_assert_eq(p.side[0].err, NACRE_ERR_PEER_DISCONNECT);
    pair_free(&p);
}

/* PuTTY and others change keys by the hour, with or without traffic. */
Test(security, s10_key_exchanges_by_the_hour_go_on)
{
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    pair_session(&p);
    for (uint64_t hour = 1; hour < 100; hour++) {
        for (int i = 0; i < 2; i++)
            cr_assert_eq(nacre_conn_tick(p.side[i].c, hour * 3000000), NACRE_OK);
        cr_assert_eq(nacre_conn_rekey(p.side[0].c), NACRE_OK);
        cr_assert(pair_run(&p, 1000));
    }
    cr_assert_eq(p.side[1].err, NACRE_OK);
    pair_free(&p);
}

Test(security, s10_key_exchanges_with_traffic_go_on)
{
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    pair_session(&p);
    for (int i = 0; i < 100; i++) {
        size_t taken;
        cr_assert_eq(nacre_conn_rekey(p.side[0].c), NACRE_OK);
        cr_assert(pair_run(&p, 1000));
        p.plan.send++;
        cr_assert(pair_run(&p, 1000));
        taken = p.side[0].chan_sent;
        pair_events(&p, &p.side[0]);
        cr_assert(pair_run(&p, 1000));
        cr_assert(p.side[0].chan_sent == taken + 1 || p.side[0].chan_got == p.plan.send);
        cr_assert_eq(p.side[1].err, NACRE_OK);
    }
    cr_assert_eq(p.side[1].count[NACRE_EV_KEX_DONE], 101);
    pair_free(&p);
}

/* ---- S12 ---- */

static const struct rogue_step unknown_numbers[] = {
    {R_UNTIL, NULL, ROGUE_CHAN, 0},
    {R_SKIP, NULL, 0, 0},
    {R_SAY, "8 /any bytes/", 0, 0},
    {R_GET, "3", 0, 0},
    {R_SAY, "120", 0, 0},
    {R_GET, "3", 0, 0},
    {R_SAY, "255", 0, 0},
    {R_GET, "3", 0, 0},
    {R_SAY, "3 u7", 0, 0}, /* UNIMPLEMENTED itself is never answered */
    {R_SILENT, NULL, 0, 0},
    {R_ALIVE, NULL, 0, 0},
    {0}};

Test(security, s12_unknown_numbers_are_answered)
{
    both(unknown_numbers);
}

Test(security, s12_unimplemented_names_the_refused_number)
{
    struct rogue r;
    rogue_init(&r, SERVER);
    rogue_until(&r, ROGUE_CHAN);
    rogue_drop(&r);
    r.me->c->tx.seq = r.victim->c->rx.seq = UINT32_MAX - 3; /* and after the wrap */
    for (uint32_t i = 0; i < 8; i++) {
        char want[32];
        uint32_t seq = UINT32_MAX - 3 + i;
        rogue_say(&r, "200 /what/");
        snprintf(want, sizeof want, "3 u%lu", (unsigned long)seq);
        cr_assert(rogue_next_is(&r, want));
    }
    rogue_free(&r);
}

/* The victim's output is not taken: it stops reading, its memory is what it was. */
Test(security, s12_floods_are_back_pressure)
{
    static const char *const floods[] = {"200", "192 'ping'", "80 'keepalive@openssh.com' 1",
                                         "98 u1 'keepalive@openssh.com' 1"};
    for (size_t i = 0; i < sizeof floods / sizeof floods[0]; i++) {
        struct pair_buf b = {0};
        struct rogue r;
        uint8_t packet[128] = {0};
        size_t total = 0, used = 1, sent = 0;
        rogue_init(&r, SERVER);
        rogue_until(&r, ROGUE_CHAN);
        rogue_drop(&r);
        rogue_text(&b, floods[i]);
        for (unsigned n = 0; n < 100000 && used > 0; n++) {
            static const uint8_t pad[NCR_PKT_PAD_MAX] = {0};
            memcpy(packet + NCR_PKT_HEAD, b.p, b.n);
            cr_assert_eq(ncr_pkt_seal(&r.me->c->tx, packet, b.n, pad, &total), NACRE_OK);
            cr_assert_eq(nacre_conn_recv(r.victim->c, packet, total, &used), NACRE_OK);
            pair_events(&r.p, r.victim); /* its output stays where it is */
            sent += used == total;
        }
        cr_assert(used < total, "never stopped reading");
        cr_assert(sent < 3000);
        cr_assert_eq(nacre_conn_wants(r.victim->c) & NACRE_WANT_READ, 0);
        size_t n = 0;
        rogue_pump(&r); /* taken at last: every one was answered */
        for (struct nacre_bytes msg; rogue_get(&r, &msg);) {
            n++;
        }
        cr_assert(n == sent || n == sent + 1, "%zu of %zu", n, sent);
        rogue_expect_alive(&r);
        pair_buf_free(&b);
        rogue_free(&r);
    }
}

Test(security, s12_replies_to_nothing_end_at_a_cap)
{
    static const char *const replies[2][5] = {{"81", "82", "99 u0", "100 u0", "193 'x'"},
                                              {"81 u5", "82", "99 u1", "100 u1", "193 'x'"}};
    for (int victim = 0; victim < 2; victim++) {
        for (size_t i = 0; i < 5; i++) {
            struct rogue r;
            rogue_init(&r, (enum nacre_role)victim);
            rogue_until(&r, ROGUE_CHAN);
            rogue_drop(&r);
            for (int n = 0; n < NCR_UNSOLICITED_MAX; n++) {
                rogue_say(&r, replies[victim][i]);
                rogue_expect_alive(&r);
            }
            rogue_say(&r, replies[victim][i]);
            rogue_expect_end(&r, NACRE_ERR_UNSOLICITED, 2);
            rogue_free(&r);
        }
    }
}
