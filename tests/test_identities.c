/* SPDX-License-Identifier: ISC
 *
 * What a client authenticates with (client/identities.c, auth_plan.c): the order of keys, who signs
 * for them, when a passphrase is asked for; agents and signing hooks. Certificates are
 * test_identities_cert.c's. Traps of Paramiko are named after its issues.
 */
#include "tests/id_bench.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

TestSuite(identities, .init = bench_setup, .fini = bench_teardown);

/* ---- Files ------------------------------------------------------------------------------- */

Test(identities, passphrase_only_for_a_key_that_is_taken)
{
    bench_private("a", 0, "secret", 0);
    bench_private("b", 1, "secret", 0);
    bench_identity("a");
    bench_identity("b");
    bench.answers[0] = "secret";
    bench_take(bench_blob(1));
    bench_expect(NACRE_OK, "?0 ?1 !1 ");
    cr_assert_eq(bench.prompts, 1, "only for the one that the server takes");
    cr_assert_not_null(strstr(bench.prompt, "/b': "));
}

Test(identities, paramiko_signs_blindly_nacre_asks_first)
{
    bench_private("a", 0, "", 0);
    bench_private("b", 1, "", 0);
    bench_identity("a");
    bench_identity("b");
    bench_expect(NACRE_ERR_AUTH_METHODS, "?0 ?1 ");
}

Test(identities, wrong_passphrases_then_the_next_key)
{
    bench_private("a", 0, "secret", 0);
    bench_private("b", 1, "", 0);
    bench_identity("a");
    bench_identity("b");
    bench.answers[0] = bench.answers[1] = bench.answers[2] = "wrong";
    bench_take(bench_blob(0));
    bench_take(bench_blob(1));
    bench_expect(NACRE_OK, "?0 ?1 !1 ");
    cr_assert_eq(bench.prompts, 3);
}

Test(identities, empty_passphrase_gives_up)
{
    bench_private("a", 0, "secret", 0);
    bench_identity("a");
    bench.answers[0] = "";
    bench_take(bench_blob(0));
    bench_expect(NACRE_ERR_AUTH_METHODS, "?0 ");
    cr_assert_eq(bench.prompts, 1);
}

/* A format that hides its public half: the file beside it tells, else it is opened when its turn
 * comes, and the signature goes out at once. */
Test(identities, public_half_beside_the_file)
{
    for (int beside = 0; beside < 2; beside++) {
        cr_assert_eq(nacre_privkey_generate(&bench.key[4], "ecdsa-sha2-nistp256", 0, &nacre_rng_os,
                                            bench_work),
                     NACRE_OK);
        bench_private("a", 4, "secret", NACRE_KEYFILE_PEM_EC);
        if (beside)
            bench_public("a.pub", bench_blob(4));
        bench_identity("a");
        bench.answers[0] = "secret";
        bench_take(bench_blob(4));
        bench_expect(NACRE_OK, beside ? "?4 !4 " : "!4 ");
        cr_assert_eq(bench.prompts, 1);
        bench_again();
    }
}

Test(identities, public_half_of_another_key)
{
    bench_private("a", 0, "", 0);
    bench_public("a.pub", bench_blob(1));
    bench_identity("a");
    bench_take(bench_blob(1));
    bench_expect(NACRE_ERR_AUTH_METHODS, "?1 ");
    cr_assert(bench_logged("contents do not match public"));
}

Test(identities, file_open_to_others)
{
    bench_private("a", 0, "", 0);
    bench_identity("a");
    cr_assert_eq(chmod(bench.file[0], 0644), 0);
    bench_take(bench_blob(0));
    bench_expect(NACRE_ERR_AUTH_METHODS, "?0 ");
    cr_assert(bench_logged("too open"));
}

Test(identities, damaged_and_missing_files)
{
    bench_write("a", (const uint8_t *)"rubbish", 7);
    bench_private("c", 1, "", 0);
    bench_identity("a");
    bench_identity("b");
    bench_identity("c");
    bench_take(bench_blob(1));
    bench_expect(NACRE_OK, "!1 ");
    cr_assert(bench_logged("Load key"));
}

/* ---- Agents ------------------------------------------------------------------------------ */

Test(identities, order_of_agent_and_files)
{
    bench.agent.keys[0] = &bench.key[2];
    bench.agent.keys[1] = &bench.key[1];
    bench_agent();
    bench_private("a", 0, "", 0);
    bench_private("b", 1, "secret", 0);
    bench_identity("a");
    bench_identity("b");
    bench_expect(NACRE_ERR_AUTH_METHODS, "?1 ?2 ?0 ");
    cr_assert_eq(bench.prompts, 0);
}

Test(identities, agent_signs_for_a_file_it_has)
{
    char log[256];

    bench.agent.keys[0] = &bench.key[1];
    bench_agent();
    bench_private("b", 1, "secret", 0);
    bench_identity("b");
    bench_take(bench_blob(1));
    bench_expect(NACRE_OK, "?1 !1 ");
    cr_assert_eq(bench.prompts, 0, "no passphrase");
    toy_agent_log(&bench.agent, log, sizeof log);
    cr_assert_str_eq(log, "bind 0\nlist\nsign 0 ssh-ed25519\n", "bound to the session first");
}

Test(identities, identities_only)
{
    bench.agent.keys[0] = &bench.key[2];
    bench.agent.keys[1] = &bench.key[1];
    bench_agent();
    bench.cfg.identities_only = true;
    bench_public("b", bench_blob(1)); /* a public half names a key of the agent */
    bench_identity("b");
    bench_take(bench_blob(1));
    bench_expect(NACRE_OK, "?1 !1 ");
}

Test(identities, agent_by_environment)
{
    bench.agent.keys[0] = &bench.key[2];
    bench_agent();
    setenv("SSH_AUTH_SOCK", bench.agent.path, 1);
    bench.cfg.agent = NULL;
    bench_take(bench_blob(2));
    bench_expect(NACRE_OK, "?2 !2 ");
}

Test(identities, rsa_keys_of_an_agent_sign_by_sha2)
{
    char log[256];

    cr_assert_eq(nacre_privkey_generate(&bench.key[4], "ssh-rsa", 2048, &nacre_rng_os, bench_work),
                 NACRE_OK);
    bench.agent.keys[0] = &bench.key[4];
    bench_agent();
    bench_take(bench_blob(4));
    bench.cfg.pubkey_algs = "rsa-sha2-256";
    bench_expect(NACRE_OK, "?4 !4 ");
    toy_agent_log(&bench.agent, log, sizeof log);
    cr_assert_not_null(strstr(log, "sign 2 ssh-rsa"));
}

/* What the wire carried of a request: the trace sees it whether or not the server knows the type.
 */
static void bench_trace(void *ctx, char dir, uint32_t seq, const uint8_t *p, size_t n)
{
    (void)ctx; /* there is one bench */
    (void)seq;
    if (dir == 't' && n > 0 && p[0] == 50 && memmem(p, n, "ssh-new@example.com", 19) != NULL)
        bench.signs++;
}

Test(identities, paramiko_2299_unknown_types_pass_through)
{
    static const uint8_t opaque[] = "\0\0\0\23ssh-new@example.com\0\0\0\4abcd";

    bench.agent.opaque = (struct nacre_bytes){opaque, sizeof opaque - 1};
    bench.agent.keys[0] = &bench.key[2];
    bench_agent();
    bench.cfg.conn.trace = bench_trace;
    bench_take(bench_blob(2));
    bench_expect(NACRE_OK, "?2 !2 ");
    cr_assert_eq(bench.signs, 0, "the good one came first");

    bench_again();
    bench.agent.opaque = (struct nacre_bytes){opaque, sizeof opaque - 1};
    bench_agent();
    bench.cfg.conn.trace = bench_trace;
    bench_expect(NACRE_ERR_AUTH_METHODS, "");
    cr_assert_eq(bench.signs, 1, "offered, for the server to judge");
}

/* A security key without the hardware: key 1 signs what a token would (PROTOCOL.u2f). */
static size_t token_blob(uint8_t out[128])
{
    struct nacre_bytes plain = bench_blob(1);
    static const uint8_t head[] = "\0\0\0\32sk-ssh-ed25519@openssh.com\0\0\0\40";
    static const uint8_t tail[] = "\0\0\0\4ssh:";

    memcpy(out, head, sizeof head - 1);
    memcpy(out + sizeof head - 1, plain.p + plain.n - 32, 32);
    memcpy(out + sizeof head - 1 + 32, tail, sizeof tail - 1);
    return sizeof head - 1 + 32 + sizeof tail - 1;
}

static void token_hash(uint8_t out[NACRE_SHA256_LEN], const void *p, size_t n)
{
    struct nacre_sha256 ctx;

    nacre_sha256_init(&ctx);
    nacre_sha256_update(&ctx, p, n);
    nacre_sha256_final(out, &ctx);
}

static bool token_sign(void *ctx, const struct nacre_sign_question *q, uint8_t *sig, size_t cap,
                       size_t *n)
{
    static const uint8_t head[] = "\0\0\0\32sk-ssh-ed25519@openssh.com\0\0\0\100";
    static const uint8_t tail[] = {1, 0, 0, 0, 7}; /* touched; counter */
    uint8_t what[2 * NACRE_SHA256_LEN + sizeof tail];
    uint8_t inner[128];
    size_t len;

    (void)ctx; /* there is one bench */
    bench.signs++;
    cr_assert(nacre_bytes_is(q->alg, "sk-ssh-ed25519@openssh.com"));
    token_hash(what, "ssh:", 4);
    memcpy(what + NACRE_SHA256_LEN, tail, sizeof tail);
    token_hash(what + NACRE_SHA256_LEN + sizeof tail, q->data.p, q->data.n);
    cr_assert_eq(nacre_privkey_sign(&bench.key[1], nacre_bytes_str("ssh-ed25519"),
                                    (struct nacre_bytes){what, sizeof what}, inner, sizeof inner,
                                    &len, &nacre_rng_os, bench_work),
                 NACRE_OK);
    *n = sizeof head - 1 + 64 + sizeof tail;
    cr_assert_geq(cap, *n);
    memcpy(sig, head, sizeof head - 1);
    memcpy(sig + sizeof head - 1, inner + len - 64, 64);
    memcpy(sig + sizeof head - 1 + 64, tail, sizeof tail);
    return true;
}

Test(identities, paramiko_2462_security_keys_authenticate)
{
    uint8_t blob[128];
    struct nacre_bytes keys[1] = {{blob, token_blob(blob)}};

    bench.cfg.sign_keys = keys;
    bench.cfg.n_sign_keys = 1;
    bench.cfg.sign = token_sign;
    bench_take(keys[0]);
    bench_expect(NACRE_OK, "?other !other ");
    cr_assert_eq(bench.signs, 1);
}

Test(identities, paramiko_2299_security_keys_of_an_agent_are_offered)
{
    uint8_t blob[128];

    bench.agent.opaque = (struct nacre_bytes){blob, token_blob(blob)};
    bench_agent();
    bench_expect(NACRE_ERR_AUTH_METHODS, "?other ");
}

Test(identities, s74_agents_that_sign_badly)
{
    static const enum toy_fault faults[] = {TOY_REFUSES, TOY_SIGNS_OTHER, TOY_SIGNS_RUBBISH,
                                            TOY_OTHER_KEY};

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        bench.agent.keys[0] = &bench.key[1];
        bench.agent.keys[1] = &bench.key[2];
        bench.agent.fault = faults[i];
        bench_agent();
        bench_private("a", 0, "", 0);
        bench_identity("a");
        bench_take(bench_blob(0));
        bench_take(bench_blob(1));
        bench_expect(NACRE_OK, "?1 ?2 ?0 !0 ");
        cr_assert(bench_logged("signing failed"));
        bench_again();
    }
}

Test(identities, s74_agents_that_do_not_list)
{
    static const enum toy_fault faults[] = {TOY_RUBBISH_LIST, TOY_HANGS_UP};

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        bench.agent.keys[0] = &bench.key[1];
        bench.agent.fault = faults[i];
        bench_agent();
        bench_private("a", 0, "", 0);
        bench_identity("a");
        bench_take(bench_blob(0));
        bench_expect(NACRE_OK, "!0 ");
        bench_again();
    }
}

Test(identities, s93_a_key_in_three_places_is_tried_once)
{
    bench.agent.keys[0] = &bench.key[0];
    bench_agent();
    bench.cfg.keys = &bench.key[0];
    bench.cfg.n_keys = 1;
    bench_private("a", 0, "", 0);
    bench_private("b", 0, "x", 0);
    bench_identity("a");
    bench_identity("b");
    bench_expect(NACRE_ERR_AUTH_METHODS, "!0 ");
}

/* ---- Keys that are kept ------------------------------------------------------------------ */

Test(identities, opened_files_go_to_the_agent)
{
    static const struct {
        enum nacre_keep keep;
        uint32_t life;
        const char *answer;
        const char *added;
    } cases[] = {
        {NACRE_KEEP_NO, 0, NULL, NULL},
        {NACRE_KEEP_YES, 0, NULL, "add life 0 confirm 0 cert 0 dests 0 comment\n"},
        {NACRE_KEEP_YES, 60, NULL, "add life 60 confirm 0 cert 0 dests 0 comment\n"},
        {NACRE_KEEP_CONFIRM, 5, NULL, "add life 5 confirm 1 cert 0 dests 0 comment\n"},
        {NACRE_KEEP_ASK, 0, "yes", "add life 0 confirm 0 cert 0 dests 0 comment\n"},
        {NACRE_KEEP_ASK, 0, "", "add life 0 confirm 0 cert 0 dests 0 comment\n"},
        {NACRE_KEEP_ASK, 0, "no", NULL},
        {NACRE_KEEP_ASK, 0, NULL, NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char log[256];
        const char *added;

        bench_agent();
        bench_private("a", 0, "secret", 0);
        bench_identity("a");
        bench.answers[0] = "secret";
        bench.answers[1] = cases[i].answer;
        bench.cfg.keep = cases[i].keep;
        bench.cfg.keep_lifetime = cases[i].life;
        bench_take(bench_blob(0));
        bench_expect(NACRE_OK, "?0 !0 ");
        toy_agent_log(&bench.agent, log, sizeof log);
        added = strstr(log, "add");
        cr_assert_eq(added != NULL, cases[i].added != NULL, "%zu", i);
        if (added != NULL)
            cr_assert_str_eq(added, cases[i].added);
        cr_assert_eq(bench.prompts, cases[i].keep == NACRE_KEEP_ASK ? 2 : 1);
        if (cases[i].keep == NACRE_KEEP_ASK)
            cr_assert_not_null(strstr(bench.prompt, "(comment) to agent?"), "%s", bench.prompt);
        bench_again();
    }
}

/* ---- Keys elsewhere ---------------------------------------------------------------------- */

Test(identities, signing_hook)
{
    struct nacre_bytes keys[2] = {bench_blob(1), bench_blob(2)};

    bench.cfg.sign_keys = keys;
    bench.cfg.n_sign_keys = 2;
    bench.cfg.sign = bench_sign;
    bench.cfg.keys = &bench.key[0];
    bench.cfg.n_keys = 1;
    bench_take(bench_blob(2));
    bench_expect(NACRE_OK, "?0 ?1 ?2 !2 ");
    cr_assert_eq(bench.signs, 1);
}

Test(identities, signing_hook_that_signs_badly)
{
    struct nacre_bytes keys[1] = {bench_blob(1)};

    bench.cfg.sign_keys = keys;
    bench.cfg.n_sign_keys = 1;
    bench.cfg.sign = bench_sign;
    bench.bad_hook = true;
    bench_take(bench_blob(1));
    bench_expect(NACRE_ERR_AUTH_METHODS, "?1 ");
}

/* The answer is too large to be held during a key exchange: it waits, the attempt goes on. */
Test(identities, large_signature_during_a_key_exchange)
{
    struct nacre_bytes keys[1];

    cr_assert_eq(
        nacre_privkey_generate(&bench.key[4], "ssh-mldsa44-ed25519", 0, &nacre_rng_os, bench_work),
        NACRE_OK);
    keys[0] = bench_blob(4);
    bench.cfg.sign_keys = keys;
    bench.cfg.n_sign_keys = 1;
    bench.cfg.sign = bench_sign;
    bench.rekey_in_hook = true;
    bench_take(bench_blob(4));
    bench_expect(NACRE_OK, "?4 !4 ");
    cr_assert_eq(bench.signs, 1);
}
