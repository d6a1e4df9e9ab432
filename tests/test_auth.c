/* SPDX-License-Identifier: ISC
 *
 * Authentication between two engines: every method, several in a row, partial success, banners,
 * answers that come late, a full out-buffer; RFC 4252 and 4256. What a hostile peer may not do is
 * in test_security_auth.c.
 */
#include "proto/limits.h"
#include "tests/rogue.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void auth_session(struct pair *p, const enum pair_try *tries)
{
    pair_init(p);
    p->plan.tries = tries;
    p->plan.send = 10;
}

static bool has(const struct pair_side *s, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; n <= s->log.n && i <= s->log.n - n; i++) {
        if (memcmp(s->log.p + i, text, n) == 0) {
            return true;
        }
    }
    return false;
}

Test(auth, every_method)
{
    static const enum pair_try methods[][3] = {
        {PAIR_TRY_KEY},
        {PAIR_TRY_KEY_PROBE},
        {PAIR_TRY_PASSWORD},
        {PAIR_TRY_EXPIRED_PASSWORD},
        {PAIR_TRY_INTERACTIVE},
        {PAIR_TRY_NONE, PAIR_TRY_PASSWORD},
        {PAIR_TRY_OTHER_KEY, PAIR_TRY_INTERACTIVE},
        {PAIR_TRY_WRONG_PASSWORD, PAIR_TRY_KEY_PROBE},
    };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        for (size_t chunk = 0; chunk < 3; chunk++) {
            struct pair p;
            auth_session(&p, methods[i]);
            p.side[0].out.chunk = p.side[1].out.chunk = chunk * chunk;
            p.plan.move = chunk == 1;
            pair_session(&p);
            cr_assert(pair_complete(&p), "row %zu:\n%.*s", i, (int)p.side[0].log.n,
                      (const char *)p.side[0].log.p);
            cr_assert(has(&p.side[1], "AUTH_SUCCESS data=joe"));
            pair_free(&p);
        }
    }
}

Test(auth, key_query_and_proof_are_two_questions)
{
    static const enum pair_try probe[] = {PAIR_TRY_KEY_PROBE, PAIR_TRY_END};
    static const enum pair_try key[] = {PAIR_TRY_KEY, PAIR_TRY_END};
    struct pair p;
    auth_session(&p, probe);
    pair_session(&p);
    cr_assert(has(&p.side[1], "AUTH_REQUEST stage=1"));
    cr_assert(has(&p.side[1], "AUTH_REQUEST stage=2"));
    cr_assert_eq(p.side[1].proved, 1);
    pair_free(&p);
    auth_session(&p, key);
    pair_session(&p);
    cr_assert(!has(&p.side[1], "AUTH_REQUEST stage=1"));
    cr_assert_eq(p.side[1].proved, 1);
    pair_free(&p);
}

Test(auth, two_factors)
{
    static const enum pair_try right[] = {PAIR_TRY_KEY, PAIR_TRY_PASSWORD, PAIR_TRY_END};
    static const enum pair_try wrong[] = {PAIR_TRY_PASSWORD, PAIR_TRY_INTERACTIVE, PAIR_TRY_END};
    struct pair p;
    auth_session(&p, right);
    p.plan.need_both = true;
    pair_session(&p);
    cr_assert(pair_complete(&p));
    /* partial success lists what can go on (RFC 4252 5.1): flags 4 is partial, methods 4 password
     */
    cr_assert(has(&p.side[0], "AUTH_NEXT methods=4 flags=4 data=password"));
    pair_free(&p);
    auth_session(&p, wrong);
    p.plan.need_both = true;
    p.side[1].cfg.auth_methods = NACRE_AUTH_PUBLICKEY | NACRE_AUTH_PASSWORD;
    pair_session(&p);
    cr_assert(!nacre_conn_authenticated(p.side[0].c) && !nacre_conn_authenticated(p.side[1].c));
    pair_free(&p);
}

Test(auth, interactive_rounds)
{
    static const enum pair_try tries[] = {PAIR_TRY_INTERACTIVE, PAIR_TRY_END};
    struct pair p;
    auth_session(&p, tries);
    pair_session(&p);
    cr_assert(has(&p.side[0], "AUTH_PROMPT"));
    cr_assert_eq(p.side[0].count[NACRE_EV_AUTH_PROMPT], 2, "two prompts, then a round of none");
    cr_assert_eq(p.side[1].count[NACRE_EV_AUTH_REQUEST], 3);
    pair_free(&p);
}

Test(auth, none_is_never_listed)
{
    struct pair p;
    pair_init(&p);
    p.side[1].cfg.auth_methods |= NACRE_AUTH_NONE;
    pair_session(&p);
    cr_assert(pair_complete(&p));
    cr_assert(!has(&p.side[0], "none"));
    cr_assert(has(&p.side[0], "AUTH_NEXT methods=14 data=publickey,password,keybo"));
    pair_free(&p);
}

Test(auth, banner_before_the_first_verdict)
{
    static char banner[NCR_BANNER_MAX + 2];
    struct pair p;
    memset(banner, 'b', NCR_BANNER_MAX);
    pair_init(&p);
    p.side[1].cfg.banner = banner;
    pair_session(&p);
    cr_assert(pair_complete(&p));
    cr_assert_eq(p.side[0].count[NACRE_EV_BANNER], 1);
    pair_free(&p);
    banner[NCR_BANNER_MAX] = 'b';
    pair_init(&p);
    p.side[1].cfg.banner = banner;
    pair_start(&p);
    cr_assert_eq(p.side[1].init_err, NACRE_ERR_USAGE);
    pair_free(&p);
}

/* The client asks on and on without reading: the banner waits for room, nothing breaks. */
Test(auth, banner_without_room)
{
    static char banner[NCR_BANNER_MAX + 1];
    struct pair_buf ping = {0};
    struct rogue r;
    size_t total, used = 1;
    uint8_t packet[512];
    static const uint8_t pad[NCR_PKT_PAD_MAX] = {0};
    memset(banner, 'b', NCR_BANNER_MAX);
    rogue_init(&r, NACRE_SERVER);
    r.victim->cfg.banner = banner;
    rogue_until(&r, ROGUE_AUTH);
    rogue_text(&ping, "192 l200");
    while (ncr_out_room(r.victim->c, NCR_OUT_RESERVE) > NCR_OUT_RESERVE + 500 && used > 0) {
        memcpy(packet + NCR_PKT_HEAD, ping.p, ping.n);
        cr_assert_eq(ncr_pkt_seal(&r.me->c->tx, packet, ping.n, pad, &total), NACRE_OK);
        cr_assert_eq(nacre_conn_recv(r.victim->c, packet, total, &used), NACRE_OK);
        pair_events(&r.p, r.victim);
    }
    ping.n = 0;
    rogue_text(&ping, "50 'joe' 'ssh-connection' 'none'");
    memcpy(packet + NCR_PKT_HEAD, ping.p, ping.n);
    cr_assert_eq(ncr_pkt_seal(&r.me->c->tx, packet, ping.n, pad, &total), NACRE_OK);
    cr_assert_eq(nacre_conn_recv(r.victim->c, packet, total, &used), NACRE_OK);
    pair_events(&r.p, r.victim);
    rogue_pump(&r);
    rogue_expect_alive(&r);
    rogue_drop(&r);
    rogue_say(&r, "50 'joe' 'ssh-connection' 'password' 0 'x'");
    cr_assert(rogue_next_is(&r, "53"));
    cr_assert(rogue_next_is(&r, "51"));
    pair_buf_free(&ping);
    rogue_free(&r);
}

/* ---- The client's side of the contract ---- */

static bool hold_next(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    (void)p; /* the test answers */
    return s->role == NACRE_CLIENT && (ev->type == NACRE_EV_AUTH_NEXT || ev->type == NACRE_EV_SIGN);
}

Test(auth, calls_in_the_wrong_state)
{
    static char longest[257];
    static const uint8_t password[1025] = {0};
    const struct nacre_bytes ok = {password, 1024}, too_long = {password, 1025};
    const struct nacre_bytes blob = pair_key_blob(1), huge = {password, 30000};
    struct pair p;
    pair_init(&p);
    p.hook = hold_next;
    pair_session(&p);
    struct nacre_conn *c = p.side[0].c;
    memset(longest, 'u', 256);
    cr_assert_eq(nacre_auth_none(c, ""), NACRE_ERR_USAGE);
    cr_assert_eq(nacre_auth_none(c, longest), NACRE_ERR_USAGE);
    cr_assert_eq(nacre_auth_password(c, "joe", too_long), NACRE_ERR_USAGE);
    cr_assert_eq(nacre_auth_publickey(c, "joe", "ssh-ed25519", huge, true), NACRE_ERR_USAGE);
    cr_assert_eq(nacre_auth_none(p.side[1].c, "joe"), NACRE_ERR_USAGE);
    cr_assert((nacre_conn_wants(c) & NACRE_WANT_ANSWER) != 0);
    longest[255] = 0;
    cr_assert_eq(nacre_auth_password(c, longest, ok), NACRE_OK);
    cr_assert_eq(nacre_auth_password(c, "joe", ok), NACRE_ERR_USAGE, "one at a time");
    cr_assert_eq(nacre_auth_publickey(c, "joe", "ssh-ed25519", blob, true), NACRE_ERR_USAGE);
    cr_assert(pair_run(&p, 100));
    cr_assert_eq(p.side[0].count[NACRE_EV_AUTH_NEXT], 2);
    pair_free(&p);
}

/* A signer that says no: the next method is asked for, nothing was sent. */
Test(auth, signer_refuses)
{
    struct pair p;
    pair_init(&p);
    p.hook = hold_next;
    pair_session(&p);
    struct nacre_conn *c = p.side[0].c;
    cr_assert_eq(nacre_auth_publickey(c, "joe", "ssh-ed25519", pair_key_blob(1), false), NACRE_OK);
    struct nacre_event ev;
    cr_assert_eq(nacre_conn_next(c, &ev), NACRE_OK);
    cr_assert(ev.type == NACRE_EV_SIGN && ev.id != 0 && !ev.for_host);
    struct nacre_answer no = {.id = ev.id};
    cr_assert_eq(nacre_conn_answer(c, &no), NACRE_OK);
    cr_assert_eq(nacre_conn_next(c, &ev), NACRE_OK);
    cr_assert_eq(ev.type, NACRE_EV_AUTH_NEXT);
    cr_assert_eq(nacre_conn_answer(c, &no), NACRE_ERR_USAGE);
    cr_assert_eq(nacre_conn_out(c).n, 0);
    cr_assert_eq(nacre_auth_password(c, "joe", nacre_bytes_str("secret")), NACRE_OK);
    p.hook = NULL;
    cr_assert(pair_run(&p, 1000));
    cr_assert(pair_complete(&p));
    pair_free(&p);
}

/* Prompts and a new password are refused by the user: the next method is asked for. */
static bool give_up(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    static const struct nacre_bytes one[1];
    struct nacre_answer bad = {
        .id = ev->id, .verdict = NACRE_ACCEPT, .responses = one, .n_responses = 33};
    struct nacre_answer no = {.id = ev->id};
    (void)p; /* any plan */
    if (ev->type != NACRE_EV_AUTH_PROMPT && ev->type != NACRE_EV_AUTH_CHANGE) {
        return false;
    }
    cr_assert_eq(nacre_conn_answer(s->c, &bad), NACRE_ERR_USAGE);
    cr_assert_eq(nacre_conn_answer(s->c, &no), NACRE_OK);
    return true;
}

Test(auth, user_gives_up_a_method)
{
    static const enum pair_try tries[] = {PAIR_TRY_INTERACTIVE, PAIR_TRY_EXPIRED_PASSWORD,
                                          PAIR_TRY_KEY, PAIR_TRY_END};
    struct pair p;
    auth_session(&p, tries);
    p.hook = give_up;
    pair_session(&p);
    cr_assert(pair_complete(&p));
    cr_assert_eq(p.side[0].count[NACRE_EV_AUTH_PROMPT], 1);
    cr_assert_eq(p.side[0].count[NACRE_EV_AUTH_CHANGE], 1);
    pair_free(&p);
}

/* A server that asks on and on: too many prompts are its mistake, too many rounds an attempt. */
static bool ask_on(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    static const struct nacre_prompt prompts[NACRE_PROMPTS_MAX + 1];
    struct nacre_answer a = {.id = ev->id,
                             .verdict = NACRE_CHALLENGE,
                             .prompts = prompts,
                             .n_prompts = NACRE_PROMPTS_MAX + 1};
    if (ev->type == NACRE_EV_AUTH_PROMPT) {
        struct nacre_answer none = {.id = ev->id, .verdict = NACRE_ACCEPT};
        (*(unsigned *)p->ctx)++;
        cr_assert_eq(nacre_conn_answer(s->c, &none), NACRE_OK);
        return true;
    }
    if (ev->type != NACRE_EV_AUTH_REQUEST || ev->stage < NACRE_STAGE_INTERACTIVE) {
        return false;
    }
    cr_assert_eq(nacre_conn_answer(s->c, &a), NACRE_ERR_USAGE);
    a.n_prompts = 0;
    cr_assert_eq(nacre_conn_answer(s->c, &a), NACRE_OK);
    return true;
}

Test(auth, rounds_are_capped_at_the_server)
{
    static const enum pair_try tries[] = {PAIR_TRY_INTERACTIVE, PAIR_TRY_KEY, PAIR_TRY_END};
    struct pair p;
    unsigned rounds = 0;
    auth_session(&p, tries);
    p.hook = ask_on;
    p.ctx = &rounds;
    pair_session(&p);
    cr_assert(pair_complete(&p));
    cr_assert_eq(rounds, NCR_AUTH_ROUNDS_MAX);
    pair_free(&p);
}

/* RFC 4252 7: session id as a string, number 50, names, TRUE, algorithm, blob. */
Test(auth, data_that_is_signed)
{
    struct pair p;
    struct nacre_event ev;
    struct pair_buf want = {0};
    pair_init(&p);
    p.hook = hold_next;
    pair_session(&p);
    struct nacre_conn *c = p.side[0].c;
    cr_assert_eq(nacre_auth_publickey(c, "joe", "ssh-ed25519", pair_key_blob(1), false), NACRE_OK);
    cr_assert_eq(nacre_conn_next(c, &ev), NACRE_OK);
    struct nacre_bytes sid = nacre_conn_session_id(p.side[1].c);
    cr_assert_eq(sid.n, 32);
    pair_buf_add(&want, "\0\0\0\x20", 4);
    pair_buf_add(&want, sid.p, sid.n);
    rogue_text(&want, "50 'joe' 'ssh-connection' 'publickey' 1 'ssh-ed25519' $1");
    cr_assert_eq(ev.data.n, want.n);
    cr_assert_arr_eq(ev.data.p, want.p, want.n);
    pair_buf_free(&want);
    pair_free(&p);
}

/* A key exchange that begins while each reply is on its way. */
Test(auth, rekey_during_authentication)
{
    static const enum pair_try tries[] = {PAIR_TRY_NONE, PAIR_TRY_KEY_PROBE, PAIR_TRY_END};
    for (unsigned every = 2; every < 9; every++) {
        for (unsigned delay = 0; delay < 4; delay++) {
            struct pair p;
            auth_session(&p, tries);
            p.plan.rekey_every = every;
            p.side[0].out.delay = delay;
            p.side[1].out.delay = (delay * 3) % 4;
            p.plan.send = 3000;
            pair_session(&p);
            cr_assert(pair_complete(&p), "every %u, delay %u: %s, %s", every, delay,
                      nacre_err_name(p.side[0].err), nacre_err_name(p.side[1].err));
            pair_free(&p);
        }
    }
}

Test(auth, server_sig_algs_are_told)
{
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    pair_session(&p);
    cr_assert(nacre_conn_peer_takes(p.side[0].c, "ssh-ed25519"));
    cr_assert(nacre_conn_peer_takes(p.side[0].c, "rsa-sha2-256"));
    cr_assert(!nacre_conn_peer_takes(p.side[0].c, "ssh-rsa"));
    cr_assert(nacre_conn_peer_takes(p.side[0].c, "rsa-sha2-256-cert-v01@openssh.com"));
    cr_assert(!nacre_conn_peer_takes(p.side[0].c, "ssh-rsa-cert-v01@openssh.com"));
    cr_assert(!nacre_conn_peer_takes(p.side[0].c, "no-such"));
    cr_assert(nacre_conn_peer_takes(p.side[1].c, "anything"), "a client announces nothing");
    pair_free(&p);
    pair_init(&p); /* a list of plain ones, as OpenSSH's, is about certificates too */
    p.plan.stay = true;
    p.side[1].cfg.user_sig_algs = "ssh-ed25519,rsa-sha2-256";
    pair_session(&p);
    cr_assert(nacre_conn_peer_takes(p.side[0].c, "rsa-sha2-256-cert-v01@openssh.com"));
    cr_assert(!nacre_conn_peer_takes(p.side[0].c, "rsa-sha2-512-cert-v01@openssh.com"));
    cr_assert(!nacre_conn_peer_takes(p.side[0].c, "rsa-sha2-512"));
    pair_free(&p);
}
