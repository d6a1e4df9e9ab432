/* SPDX-License-Identifier: ISC
 *
 * What a peer may not do in authentication; each test bears the number of the class of
 * vulnerability that it is about: s35 key asked taken for proved, s36 late verdicts, s37 state
 * across users or factors, s40 endless tries, s41 trivial authentication, s42 signature algorithms,
 * s46 unset callbacks, s93 endless plans; and the points of RFC 4252 and 4256 that are often
 * missed.
 */
#include "proto/limits.h"
#include "tests/rogue.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT NACRE_CLIENT
#define SERVER NACRE_SERVER

#define ALL_METHODS "51 'publickey,password,keyboard-interactive' 0"

/* Sends a signed request: the text of it, and of what was signed behind the session id. */
static void signed_texts(struct rogue *r, const char *request, const char *signs, int signer)
{
    struct pair_buf req = {0}, data = {0};
    uint8_t sig[PAIR_SIG_LEN];
    struct nacre_bytes sid = nacre_conn_session_id(r->victim->c);
    uint8_t len[4] = {0, 0, 0, (uint8_t)sid.n};
    pair_buf_add(&data, len, 4);
    pair_buf_add(&data, sid.p, sid.n);
    rogue_text(&data, signs);
    struct nacre_bytes s = pair_sign(sig, signer, (struct nacre_bytes){data.p, data.n});
    rogue_text(&req, request);
    len[3] = (uint8_t)s.n;
    pair_buf_add(&req, len, 4);
    pair_buf_add(&req, s.p, s.n);
    rogue_send(r, req.p, req.n);
    pair_buf_free(&req);
    pair_buf_free(&data);
}

/* A signed request of that user for key `named`, signed by key `signer` over `user_signed`. */
static void signed_request(struct rogue *r, const char *user, const char *alg, int named,
                           int signer, const char *user_signed)
{
    char request[256], signs[256];
    snprintf(signs, sizeof signs, "50 '%s' 'ssh-connection' 'publickey' 1 '%s' $%d", user_signed,
             alg, named);
    snprintf(request, sizeof request, "50 '%s' 'ssh-connection' 'publickey' 1 '%s' $%d", user, alg,
             named);
    signed_texts(r, request, signs, signer);
}

static void server_at_auth(struct rogue *r)
{
    rogue_init(r, SERVER);
    rogue_until(r, ROGUE_AUTH);
    rogue_drop(r);
}

/* ---- S35, S36, S42 ---- */

Test(security, s35_asked_is_not_proved)
{
    struct rogue r;
    server_at_auth(&r);
    rogue_say(&r, "50 'joe' 'ssh-connection' 'publickey' 0 'ssh-ed25519' $1");
    cr_assert(rogue_next_is(&r, "60 'ssh-ed25519' $1"));
    cr_assert_eq(r.victim->proved, 0);
    /* asked about key 1, proves key 2: no rights of key 1 */
    signed_request(&r, "joe", "ssh-ed25519", 2, 2, "joe");
    cr_assert(rogue_next_is(&r, ALL_METHODS));
    cr_assert_eq(r.victim->proved, 1);
    /* names key 1, signs with key 2 */
    signed_request(&r, "joe", "ssh-ed25519", 1, 2, "joe");
    cr_assert(rogue_next_is(&r, ALL_METHODS));
    cr_assert_eq(r.victim->proved, 1, "a bad signature reached the application");
    /* signs for another user */
    signed_request(&r, "joe", "ssh-ed25519", 1, 1, "bob");
    cr_assert(rogue_next_is(&r, ALL_METHODS));
    cr_assert_eq(r.victim->proved, 1);
    cr_assert(!nacre_conn_authenticated(r.victim->c));
    signed_request(&r, "joe", "ssh-ed25519", 1, 1, "joe");
    cr_assert(rogue_next_is(&r, "52"));
    cr_assert_eq(r.victim->proved, 2);
    cr_assert(nacre_conn_authenticated(r.victim->c));
    rogue_free(&r);
}

static bool keep_request(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    if (s->role != NACRE_SERVER || ev->type != NACRE_EV_AUTH_REQUEST) {
        return false;
    }
    *(struct nacre_event *)p->ctx = *ev;
    return true;
}

static nacre_err answer(struct rogue *r, uint32_t id, enum nacre_verdict verdict)
{
    struct nacre_answer a = {.id = id, .verdict = verdict};
    nacre_err err = nacre_conn_answer(r->victim->c, &a);
    rogue_pump(r);
    return err;
}

/* While a verdict is due nothing else is heard; the verdict belongs to its request alone. */
Test(security, s36_a_verdict_belongs_to_its_request)
{
    struct nacre_event ev;
    struct rogue r;
    server_at_auth(&r);
    r.p.hook = keep_request;
    r.p.ctx = &ev;
    rogue_say(&r, "50 'joe' 'ssh-connection' 'publickey' 0 'ssh-ed25519' $1");
    uint32_t first = ev.id;
    cr_assert_eq(ev.stage, NACRE_STAGE_KEY_QUERY);
    rogue_say(&r, "50 'joe' 'ssh-connection' 'password' 0 'guess'");
    cr_assert(r.msgs.n == 0 && ev.id == first);
    cr_assert_eq(answer(&r, first, NACRE_PARTIAL), NACRE_ERR_USAGE);
    cr_assert_eq(answer(&r, first, NACRE_CHALLENGE), NACRE_ERR_USAGE);
    cr_assert_eq(answer(&r, first, NACRE_CHANGE_PASSWORD), NACRE_ERR_USAGE);
    cr_assert_eq(answer(&r, first, NACRE_ACCEPT), NACRE_OK); /* "may try" is not success */
    cr_assert(rogue_next_is(&r, "60 'ssh-ed25519' $1"));
    cr_assert(!nacre_conn_authenticated(r.victim->c));
    cr_assert(ev.id != first && ev.stage == NACRE_STAGE_PASSWORD);
    cr_assert_eq(answer(&r, first, NACRE_ACCEPT), NACRE_ERR_USAGE, "the first verdict again");
    cr_assert_eq(answer(&r, ev.id + 1, NACRE_ACCEPT), NACRE_ERR_USAGE);
    cr_assert_eq(answer(&r, ev.id, (enum nacre_verdict)77), NACRE_OK);
    cr_assert(rogue_next_is(&r, ALL_METHODS), "an unknown verdict refuses");
    cr_assert_eq(answer(&r, ev.id, NACRE_ACCEPT), NACRE_ERR_USAGE, "after its verdict");
    cr_assert(!nacre_conn_authenticated(r.victim->c));
    rogue_free(&r);
}

Test(security, s42_names_of_algorithm_key_and_signature_agree)
{
    static const char *const algs[] = {
        "ssh-rsa", "rsa-sha2-512",        "ssh-ed25519-cert-v01@openssh.com",
        "",        "ssh-ed25519,ssh-rsa", "SSH-ED25519"};
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        struct rogue r;
        server_at_auth(&r);
        signed_request(&r, "joe", algs[i], 1, 1, "joe");
        cr_assert(rogue_next_is(&r, ALL_METHODS));
        cr_assert_eq(r.victim->proved, 0);
        rogue_free(&r);
    }
}

Test(security, s42_only_listed_algorithms)
{
    struct rogue r;
    rogue_init(&r, SERVER);
    r.victim->cfg.user_sig_algs = ""; /* none */
    rogue_until(&r, ROGUE_AUTH);
    rogue_drop(&r);
    signed_request(&r, "joe", "ssh-ed25519", 1, 1, "joe");
    cr_assert(rogue_next_is(&r, ALL_METHODS));
    cr_assert_eq(r.victim->proved, 0);
    rogue_free(&r);
}

/* ---- S44 ---- */

#define BOUND "'publickey-hostbound-v00@openssh.com'"

/* A signature that names a host key is good at the host with that key alone, and only under the
 * method that says so. $0 is the host's key. */
Test(security, s44_the_host_key_that_is_named)
{
    static const struct {
        const char *request, *signs;
        bool good;
    } cases[] = {
        {"50 'joe' 'ssh-connection' " BOUND " 1 'ssh-ed25519' $1 $0",
         "50 'joe' 'ssh-connection' " BOUND " 1 'ssh-ed25519' $1 $0", true},
        {"50 'joe' 'ssh-connection' " BOUND " 1 'ssh-ed25519' $1 $2",
         "50 'joe' 'ssh-connection' " BOUND " 1 'ssh-ed25519' $1 $2", false},
        {"50 'joe' 'ssh-connection' " BOUND " 1 'ssh-ed25519' $1 ''",
         "50 'joe' 'ssh-connection' " BOUND " 1 'ssh-ed25519' $1 ''", false},
        {"50 'joe' 'ssh-connection' " BOUND " 1 'ssh-ed25519' $1 $0",
         "50 'joe' 'ssh-connection' " BOUND " 1 'ssh-ed25519' $1 $2", false},
        {"50 'joe' 'ssh-connection' " BOUND " 1 'ssh-ed25519' $1 $0",
         "50 'joe' 'ssh-connection' 'publickey' 1 'ssh-ed25519' $1", false},
        {"50 'joe' 'ssh-connection' 'publickey' 1 'ssh-ed25519' $1",
         "50 'joe' 'ssh-connection' " BOUND " 1 'ssh-ed25519' $1 $0", false},
        {"50 'joe' 'ssh-connection' 'publickey' 1 'ssh-ed25519' $1",
         "50 'joe' 'ssh-connection' 'publickey' 1 'ssh-ed25519' $1", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rogue r;
        server_at_auth(&r);
        signed_texts(&r, cases[i].request, cases[i].signs, 1);
        cr_assert(rogue_next_is(&r, cases[i].good ? "52" : ALL_METHODS), "case %zu", i);
        cr_assert_eq(r.victim->proved, cases[i].good ? 1u : 0u, "case %zu", i);
        rogue_free(&r);
    }
}

/* A question about a key tells nothing when another host is named; PK_OK is the usual one. */
Test(security, s44_queries)
{
    struct rogue r;
    server_at_auth(&r);
    rogue_say(&r, "50 'joe' 'ssh-connection' " BOUND " 0 'ssh-ed25519' $1 $2");
    cr_assert(rogue_next_is(&r, ALL_METHODS));
    rogue_say(&r, "50 'joe' 'ssh-connection' " BOUND " 0 'ssh-ed25519' $1 $0");
    cr_assert(rogue_next_is(&r, "60 'ssh-ed25519' $1"));
    cr_assert_eq(r.victim->proved, 0);
    rogue_free(&r);
}

/* ---- S37 ---- */

Test(security, s37_factors_of_another_user_do_not_count)
{
    struct rogue r;
    rogue_init(&r, SERVER);
    r.p.plan.need_both = true;
    rogue_until(&r, ROGUE_AUTH);
    rogue_drop(&r);
    signed_request(&r, "joe", "ssh-ed25519", 1, 1, "joe");
    cr_assert(rogue_next_is(&r, "51 'password' 1"));
    /* bob has not shown a key: the methods start again, and the application is told the user */
    rogue_say(&r, "50 'bob' 'ssh-connection' 'none'");
    cr_assert(rogue_next_is(&r, ALL_METHODS));
    rogue_free(&r);
}

Test(security, s37_only_listed_methods_after_partial_success)
{
    struct rogue r;
    rogue_init(&r, SERVER);
    r.p.plan.need_both = true;
    rogue_until(&r, ROGUE_AUTH);
    rogue_drop(&r);
    signed_request(&r, "joe", "ssh-ed25519", 1, 1, "joe");
    cr_assert(rogue_next_is(&r, "51 'password' 1"));
    unsigned asked = r.victim->count[NACRE_EV_AUTH_REQUEST];
    rogue_say(&r, "50 'joe' 'ssh-connection' 'keyboard-interactive' '' ''");
    cr_assert(rogue_next_is(&r, "51 'password' 0"));
    cr_assert_eq(r.victim->count[NACRE_EV_AUTH_REQUEST], asked);
    rogue_say(&r, "50 'joe' 'ssh-connection' 'password' 0 'secret'");
    cr_assert(rogue_next_is(&r, "52"));
    rogue_free(&r);
}

/* ---- S40 ---- */

/* Whatever is tried, again and again: the end comes soon, and few questions reach anybody. */
static void endless(const char *const *say, size_t n, unsigned questions, unsigned most)
{
    struct rogue r;
    unsigned i = 0;
    server_at_auth(&r);
    while (i < 10000 && r.victim->err == NACRE_OK) {
        rogue_say(&r, say[i % n]);
        i++;
    }
    rogue_expect_end(&r, NACRE_ERR_AUTH_TRIES, 14);
    cr_assert(i <= most, "%s: %u tries", say[0], i);
    cr_assert(r.victim->count[NACRE_EV_AUTH_REQUEST] <= questions, "%s: %u questions", say[0],
              r.victim->count[NACRE_EV_AUTH_REQUEST]);
    rogue_free(&r);
}

Test(security, s40_every_attempt_counts)
{
    static const char *const wrong[] = {"50 'joe' 'ssh-connection' 'password' 0 'guess'"};
    static const char *const none[] = {"50 'joe' 'ssh-connection' 'none'"};
    static const char *const other[] = {"50 'joe' 'ssh-connection' 'hostbased' /x/"};
    static const char *const users[] = {"50 'joe' 'ssh-connection' 'password' 0 'guess'",
                                        "50 'bob' 'ssh-connection' 'password' 0 'guess'"};
    static const char *const nones[] = {"50 'joe' 'ssh-connection' 'none'",
                                        "50 'bob' 'ssh-connection' 'none'"};
    static const char *const rounds[] = {
        "50 'joe' 'ssh-connection' 'keyboard-interactive' '' 'a,b'"};
    static const char *const query[] = {"50 'joe' 'ssh-connection' 'publickey' 0 'ssh-ed25519' $1"};
    static const char *const bad[] = {"50 'joe' 'ssh-connection' 'publickey' 0 'ssh-rsa' $1"};
    static const char *const answers[] = {"50 'joe' 'ssh-connection' 'keyboard-interactive' '' ''",
                                          "61 u2 'no' 'no'"};
    static const char *const count[] = {"50 'joe' 'ssh-connection' 'keyboard-interactive' '' ''",
                                        "61 u1 'one'"};
    endless(wrong, 1, 6, 6);
    endless(none, 1, 7, 7);
    endless(other, 1, 0, 6);
    endless(users, 2, 6, 6);
    endless(nones, 2, 7, 7);
    endless(rounds, 1, 7, 7);
    endless(query, 1, NCR_AUTH_QUERIES_MAX, NCR_AUTH_QUERIES_MAX + 6);
    endless(bad, 1, 0, 6);
    endless(answers, 2, 12, 12);
    endless(count, 2, 6, 12);
}

Test(security, s40_tries_as_configured)
{
    static const unsigned tries[] = {1, 3, 255, 256, 300, 1000};
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        struct rogue r;
        unsigned n = 0;
        rogue_init(&r, SERVER);
        r.victim->cfg.auth_tries = tries[i];
        rogue_until(&r, ROGUE_AUTH);
        rogue_drop(&r);
        while (n < 2000 && r.victim->err == NACRE_OK) {
            rogue_say(&r, "50 'joe' 'ssh-connection' 'password' 0 'guess'");
            n++;
        }
        rogue_expect_end(&r, NACRE_ERR_AUTH_TRIES, 14);
        cr_assert(n <= tries[i], "%u of %u", n, tries[i]);
        rogue_free(&r);
    }
}

/* A peer that never succeeds nor fails meets the limit on bytes. */
Test(security, s40_bytes_before_authentication)
{
    struct rogue r;
    unsigned n = 0;
    server_at_auth(&r);
    while (n < 100000 && r.victim->err == NACRE_OK) {
        rogue_say(&r, "2 l30000");
        n++;
    }
    rogue_expect_end(&r, NACRE_ERR_PREAUTH_BYTES, 2);
    cr_assert(n > 25 && n < 40, "%u", n);
    rogue_free(&r);
}

/* ---- S41, S93: the client ---- */

static const struct rogue_step success_at_once[] = {
    {R_UNTIL, NULL, ROGUE_AUTH, 0},
    {R_GET, "50 'joe' 'ssh-connection' 'none'", 0, 0},
    {R_SAY, "52", 0, 0},
    {R_EVENTS, NULL, NACRE_EV_AUTH_SUCCESS, 1},
    {R_SAY, "60 'Password:' ''", 0, 0}, /* a prompt after SUCCESS */
    {R_EVENTS, NULL, NACRE_EV_AUTH_PROMPT, 0},
    {R_END, NULL, NACRE_ERR_ORDER, 2},
    {0}};
static const struct rogue_step reply_to_nothing[] = {{R_UNTIL, NULL, ROGUE_AUTH, 0},
                                                     {R_SAY, "51 'password' 0", 0, 0},
                                                     {R_ALIVE, NULL, 0, 0},
                                                     {R_SAY, "51 'password' 0", 0, 0},
                                                     {R_ALIVE, NULL, 0, 0},
                                                     {R_SAY, "51 'password' 0", 0, 0},
                                                     {R_END, NULL, NACRE_ERR_ORDER, 2},
                                                     {0}};
static const struct rogue_step success_unasked[] = {{R_UNTIL, NULL, ROGUE_AUTH, 0},
                                                    {R_SAY, "52", 0, 0},
                                                    {R_EVENTS, NULL, NACRE_EV_AUTH_SUCCESS, 0},
                                                    {R_END, NULL, NACRE_ERR_ORDER, 2},
                                                    {0}};

Test(security, s41_no_prompt_after_success)
{
    rogue_run(CLIENT, success_at_once);
}

/* Failures without end: the client's plan is over when its credentials are. */
Test(security, s93_each_credential_once)
{
    struct rogue r;
    rogue_init(&r, CLIENT);
    rogue_play(&r, reply_to_nothing);
    rogue_free(&r);
}

static const enum pair_try no_try[] = {PAIR_TRY_END};

Test(security, s41_success_without_a_request)
{
    struct rogue r;
    rogue_init(&r, CLIENT);
    r.p.plan.tries = no_try;
    rogue_play(&r, success_unasked);
    rogue_free(&r);
}

/* RFC 4252 8: 60 means what the method under way says, nothing with none. */
static void client_with(const enum pair_try *tries, const struct rogue_step *steps)
{
    struct rogue r;
    rogue_init(&r, CLIENT);
    r.p.plan.tries = tries;
    rogue_play(&r, steps);
    rogue_free(&r);
}

static const enum pair_try try_none[] = {PAIR_TRY_NONE, PAIR_TRY_END};
static const enum pair_try try_probe[] = {PAIR_TRY_KEY_PROBE, PAIR_TRY_END};
static const enum pair_try try_key[] = {PAIR_TRY_KEY, PAIR_TRY_END};
static const enum pair_try try_password[] = {PAIR_TRY_PASSWORD, PAIR_TRY_END};
static const enum pair_try try_interactive[] = {PAIR_TRY_INTERACTIVE, PAIR_TRY_END};

#define SIXTY(text, err)                                                                           \
    {                                                                                              \
        {R_UNTIL, NULL, ROGUE_AUTH, 0}, {R_SKIP, NULL, 0, 0}, {R_SAY, text, 0, 0},                 \
            {R_END, NULL, err, 2},                                                                 \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

Test(security, rfc4252_8_sixty_means_what_the_method_says)
{
    static const struct rogue_step pk_ok[] = SIXTY("60 'ssh-ed25519' $1", NACRE_ERR_ORDER);
    static const struct rogue_step other_key[] = SIXTY("60 'ssh-ed25519' $2", NACRE_ERR_ORDER);
    static const struct rogue_step other_alg[] = SIXTY("60 'ssh-rsa' $1", NACRE_ERR_ORDER);
    static const struct rogue_step prompts[] = SIXTY("60 'n' 'i' '' u1 'p' 1", NACRE_ERR_FORMAT);
    static const struct rogue_step many[] = SIXTY("60 'n' 'i' '' u33", NACRE_ERR_FORMAT);
    static const struct rogue_step huge[] = SIXTY("60 'n' 'i' '' u0xffffffff", NACRE_ERR_FORMAT);
    client_with(try_none, pk_ok);
    client_with(try_key, pk_ok); /* signed already: nothing to be asked */
    client_with(try_probe, other_key);
    client_with(try_probe, other_alg);
    client_with(try_probe, prompts);
    client_with(try_password, prompts);
    client_with(try_interactive, many);
    client_with(try_interactive, huge); /* S21 */
}

static const struct rogue_step rounds_without_end[] = {
    {R_UNTIL, NULL, ROGUE_AUTH, 0},
    {R_SKIP, NULL, 0, 0},
    {R_SAY, "60 'n' 'i' '' u0", NCR_AUTH_ROUNDS_MAX - 1, 0}, /* RFC 4256 3.2: zero prompts */
    {R_GET, "61 u0", 0, 0},
    {R_EVENTS, NULL, NACRE_EV_AUTH_PROMPT, NCR_AUTH_ROUNDS_MAX},
    {R_ALIVE, NULL, 0, 0},
    {R_SAY, "60 'n' 'i' '' u0", 0, 0},
    {R_END, NULL, NACRE_ERR_LIMIT, 2},
    {0}};
static const struct rogue_step banners[] = {{R_UNTIL, NULL, ROGUE_AUTH, 0},
                                            {R_SAY, "53 '' ''", 0, 0},
                                            {R_SAY, "53 'hello' 'en'", NCR_BANNERS_MAX - 2, 0},
                                            {R_EVENTS, NULL, NACRE_EV_BANNER, NCR_BANNERS_MAX},
                                            {R_ALIVE, NULL, 0, 0},
                                            {R_SAY, "53 '' ''", 0, 0},
                                            {R_END, NULL, NACRE_ERR_LIMIT, 2},
                                            {0}};
static const struct rogue_step late_banner[] = {{R_UNTIL, NULL, ROGUE_CONN, 0},
                                                {R_SAY, "53 '' ''", 0, 0},
                                                {R_END, NULL, NACRE_ERR_ORDER, 2},
                                                {0}};
static const struct rogue_step accept_twice[] = {{R_UNTIL, NULL, ROGUE_AUTH, 0},
                                                 {R_SAY, "6 'ssh-userauth'", 0, 0},
                                                 {R_END, NULL, NACRE_ERR_ORDER, 2},
                                                 {0}};
static const struct rogue_step accept_other[] = {{R_UNTIL, NULL, ROGUE_SERVICE, 0},
                                                 {R_SAY, "6 'ssh-connection'", 0, 0},
                                                 {R_END, NULL, NACRE_ERR_ORDER, 2},
                                                 {0}};

Test(security, s21_rounds_and_banners_are_capped)
{
    client_with(try_interactive, rounds_without_end);
    rogue_run(CLIENT, banners);
    rogue_run(CLIENT, late_banner);
}

Test(security, s41_services_that_were_not_asked_for)
{
    rogue_run(CLIENT, accept_twice);
    rogue_run(CLIENT, accept_other);
}

/* ---- The server and the RFCs ---- */

static const struct rogue_step unknown_service[] = {{R_UNTIL, NULL, ROGUE_SERVICE, 0},
                                                    {R_SAY, "5 'ssh-connection'", 0, 0},
                                                    {R_END, NULL, NACRE_ERR_NO_SERVICE, 7},
                                                    {0}};
static const struct rogue_step unknown_next[] = {{R_UNTIL, NULL, ROGUE_AUTH, 0},
                                                 {R_SAY, "50 'joe' 'ssh-userauth' 'none'", 0, 0},
                                                 {R_END, NULL, NACRE_ERR_NO_SERVICE, 7},
                                                 {0}};
static const struct rogue_step service_again[] = {
    {R_UNTIL, NULL, ROGUE_AUTH, 0},    {R_SKIP, NULL, 0, 0},  {R_SAY, "5 'ssh-userauth'", 0, 0},
    {R_GET, "6 'ssh-userauth'", 0, 0}, {R_ALIVE, NULL, 0, 0}, {0}};
static const struct rogue_step after_success[] = {
    {R_UNTIL, NULL, ROGUE_CONN, 0},
    {R_SKIP, NULL, 0, 0},
    {R_SAY, "50 'bob' 'ssh-connection' 'password' 0 'x'", 9, 0},
    {R_SAY, "50 'bob' 'other' 'none'", 0, 0},
    {R_SILENT, NULL, 0, 0},
    {R_SAY, "90 'session' u5 u1000 u1000", 0, 0},
    {R_GET, "91 u5", 0, 0},
    {R_ALIVE, NULL, 0, 0},
    {0}};
static const struct rogue_step round_dropped[] = {
    {R_UNTIL, NULL, ROGUE_AUTH, 0},
    {R_SKIP, NULL, 0, 0},
    {R_SAY, "50 'joe' 'ssh-connection' 'keyboard-interactive' '' ''", 0, 0},
    {R_GET, "60 'Quiz' 'Say both.' '' u2 'First: ' 1 'Second: ' 0", 0, 0},
    {R_SAY, "50 'joe' 'ssh-connection' 'password' 0 'x'", 0, 0}, /* a new request drops the round */
    {R_GET, ALL_METHODS, 0, 0},
    {R_SAY, "61 u2 'one' 'two'", 0, 0},
    {R_END, NULL, NACRE_ERR_ORDER, 2},
    {0}};
static const struct rogue_step response_count[] = {
    {R_UNTIL, NULL, ROGUE_AUTH, 0},
    {R_SKIP, NULL, 0, 0},
    {R_SAY, "50 'joe' 'ssh-connection' 'keyboard-interactive' '' ''", 0, 0},
    {R_SKIP, NULL, 0, 0},
    {R_SAY, "61 u3 'one' 'two' 'three'", 0, 0},
    {R_GET, ALL_METHODS, 0, 0},
    {R_EVENTS, NULL, NACRE_EV_AUTH_REQUEST, 1},
    {R_SAY, "50 'joe' 'ssh-connection' 'keyboard-interactive' '' ''", 0, 0},
    {R_SKIP, NULL, 0, 0},
    {R_SAY, "61 u0xffffffff", 0, 0}, /* S21 */
    {R_END, NULL, NACRE_ERR_FORMAT, 2},
    {0}};
static const struct rogue_step long_fields[] = {
    {R_UNTIL, NULL, ROGUE_AUTH, 0},
    {R_SKIP, NULL, 0, 0},
    {R_SAY, "50 l255 'ssh-connection' 'password' 0 l1024", 0, 0},
    {R_GET, ALL_METHODS, 0, 0},
    {R_SAY, "50 l256 'ssh-connection' 'none'", 0, 0},
    {R_END, NULL, NACRE_ERR_FORMAT, 2},
    {0}};
static const struct rogue_step long_password[] = {
    {R_UNTIL, NULL, ROGUE_AUTH, 0},
    {R_SAY, "50 'joe' 'ssh-connection' 'password' 0 l1025", 0, 0},
    {R_EVENTS, NULL, NACRE_EV_AUTH_REQUEST, 0},
    {R_END, NULL, NACRE_ERR_FORMAT, 2},
    {0}};

Test(security, rfc4253_10_unknown_services)
{
    rogue_run(SERVER, unknown_service);
    rogue_run(SERVER, unknown_next);
    rogue_run(SERVER, service_again);
}

Test(security, rfc4252_5_1_requests_after_success_are_ignored)
{
    rogue_run(SERVER, after_success);
}

Test(security, rfc4256_3_4_rounds)
{
    rogue_run(SERVER, round_dropped);
    rogue_run(SERVER, response_count);
}

Test(security, s39_sizes_of_names_and_passwords)
{
    rogue_run(SERVER, long_fields);
    rogue_run(SERVER, long_password);
}

/* ---- S46 ---- */

static bool answer_zeros(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    struct nacre_answer zero = {.id = ev->id};
    if (ev->id == 0 || (ev->type == NACRE_EV_SIGN && s->role == NACRE_SERVER) ||
        s->role != *(enum nacre_role *)p->ctx) {
        return false;
    }
    cr_assert_neq(nacre_conn_answer(s->c, &zero), NACRE_ERR_USAGE);
    return true;
}

/* An application that fills nothing in trusts no host, lets nobody in, signs nothing. */
Test(security, s46_zeroed_answers_refuse)
{
    static const nacre_err ends[2] = {NACRE_ERR_HOST_KEY, NACRE_ERR_AUTH_TRIES};
    static const enum pair_try all[] = {PAIR_TRY_NONE,     PAIR_TRY_KEY_PROBE,   PAIR_TRY_KEY,
                                        PAIR_TRY_PASSWORD, PAIR_TRY_INTERACTIVE, PAIR_TRY_PASSWORD,
                                        PAIR_TRY_PASSWORD, PAIR_TRY_PASSWORD,    PAIR_TRY_END};
    for (int i = 0; i < 2; i++) {
        enum nacre_role role = (enum nacre_role)i;
        struct pair p;
        pair_init(&p);
        p.plan.tries = all;
        p.hook = answer_zeros;
        p.ctx = &role;
        pair_session(&p);
        cr_assert_eq(p.side[i].err, ends[i]);
        cr_assert_eq(p.side[0].count[NACRE_EV_AUTH_SUCCESS], 0);
        cr_assert_eq(p.side[1].count[NACRE_EV_AUTH_SUCCESS], 0);
        pair_free(&p);
    }
}

Test(security, s46_a_zeroed_server_lets_nobody_in)
{
    static const enum pair_try all[] = {PAIR_TRY_NONE, PAIR_TRY_KEY, PAIR_TRY_PASSWORD,
                                        PAIR_TRY_INTERACTIVE, PAIR_TRY_END};
    struct pair p;
    pair_init(&p);
    p.plan.tries = all;
    p.side[1].cfg.auth_methods = 0;
    pair_session(&p);
    cr_assert_eq(p.side[1].count[NACRE_EV_AUTH_REQUEST], 1, "only none, which the hook refuses");
    cr_assert_eq(p.side[0].count[NACRE_EV_AUTH_SUCCESS], 0);
    pair_free(&p);
    pair_init(&p);
    p.side[1].cfg.host_keys = NULL;
    p.side[1].cfg.n_host_keys = 0;
    pair_session(&p);
    cr_assert_eq(p.side[1].err, NACRE_ERR_NO_COMMON_ALG);
    pair_free(&p);
}
