/* SPDX-License-Identifier: ISC
 *
 * What a client authenticates with (client/identities.c, auth_plan.c): the order of keys, who signs
 * for them, when a passphrase is asked for; agents, certificates and signing hooks, against the
 * server of rig.h and the agent of toy_agent.h. Traps of Paramiko are named after its issues.
 */
#include "client/client.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/known_hosts_file.h"
#include "tests/rig.h"
#include "tests/toy_agent.h"

static uint64_t test_work[NACRE_WORK];

#define BENCH_FILES 8
#define BENCH_KEYS 6

/* A client, a server, files. The server takes the blobs in `takes`. */
struct bench {
    struct ncr_loop loop;
    struct rig rig;
    struct nacre_client_cfg cfg;
    struct nacre_client *c;
    struct nacre_privkey key[BENCH_KEYS];
    struct nacre_bytes takes[4];
    size_t n_takes;
    struct toy_agent agent;
    char dir[64], hosts[96];
    const char *hosts_list[1];
    char file[BENCH_FILES][128];
    const char *files[BENCH_FILES];
    struct pair_buf asked; /* names of what the server was asked about: "? 0", "! cert" */
    struct pair_buf log;
    unsigned prompts, signs;
    const char *answers[8];
    char prompt[512];
    uint8_t cert[4096]; /* for key 0 */
    size_t cert_len;
    bool bad_hook, rekey_in_hook;
};

static struct nacre_bytes bench_blob(const struct bench *b, int i)
{
    return nacre_privkey_public_blob(&b->key[i]);
}

static struct nacre_bytes bench_cert(const struct bench *b)
{
    return (struct nacre_bytes){b->cert, b->cert_len};
}

static bool same(struct nacre_bytes a, struct nacre_bytes b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static const char *bench_name(const struct bench *b, struct nacre_bytes blob)
{
    static const char *const names[] = {"0", "1", "2", "3", "4", "5"};

    for (int i = 0; i < BENCH_KEYS; i++) {
        if (b->key[i].type != NULL && same(blob, bench_blob(b, i)))
            return names[i];
    }
    return same(blob, bench_cert(b)) ? "cert" : "other";
}

static bool bench_server(void *ctx, struct rig *r, const struct nacre_event *ev)
{
    struct bench *b = ctx;
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_REFUSE};

    if (ev->type != NACRE_EV_AUTH_REQUEST ||
        (ev->stage != NACRE_STAGE_KEY_QUERY && ev->stage != NACRE_STAGE_KEY_PROVED))
        return false;
    pair_buf_print(&b->asked, "%c%s ", ev->stage == NACRE_STAGE_KEY_QUERY ? '?' : '!',
                   bench_name(b, ev->blob));
    for (size_t i = 0; i < b->n_takes; i++) {
        if (same(ev->blob, b->takes[i]))
            a.verdict = NACRE_ACCEPT;
    }
    a.methods = NACRE_AUTH_PUBLICKEY;
    cr_assert_eq(nacre_conn_answer(&r->conn, &a), NACRE_OK);
    ncr_drive_kick(&r->drive);
    return true;
}

static void bench_log(void *ctx, enum nacre_log_level level, const char *text)
{
    struct bench *b = ctx;

    pair_buf_print(&b->log, "%d %s\n", (int)level, text);
}

static bool bench_logged(const struct bench *b, const char *text)
{
    return b->log.n > 0 && memmem(b->log.p, b->log.n, text, strlen(text)) != NULL;
}

static bool bench_secret(void *ctx, const struct nacre_secret_question *q,
                         char answer[NACRE_SECRET_CAP])
{
    struct bench *b = ctx;
    const char *s = b->answers[b->prompts++];

    snprintf(b->prompt, sizeof b->prompt, "%s", q->prompt);
    if (s != NULL)
        strcpy(answer, s);
    return s != NULL;
}

static bool bench_sign(void *ctx, const struct nacre_sign_question *q, uint8_t *sig, size_t cap,
                       size_t *n)
{
    struct bench *b = ctx;

    b->signs++;
    if (b->rekey_in_hook)
        cr_assert_eq(nacre_conn_rekey(&b->c->conn), NACRE_OK);
    for (int i = 0; i < BENCH_KEYS; i++) {
        struct nacre_bytes data = q->data;
        if (!same(q->key, bench_blob(b, i)))
            continue;
        if (b->bad_hook)
            data.n--;
        return nacre_privkey_sign(&b->key[i], q->alg, data, sig, cap, n, &nacre_rng_os,
                                  test_work) == NACRE_OK;
    }
    return false;
}

static struct bench *bench_new(void)
{
    struct bench *b = calloc(1, sizeof *b);

    (void)signal(SIGPIPE, SIG_IGN);
    unsetenv("SSH_AUTH_SOCK");
    for (int i = 0; i < 4; i++) {
        uint8_t seed[NACRE_ED25519_SEED_LEN] = {(uint8_t)(40 + i)};
        nacre_privkey_from_seed(&b->key[i], seed);
    }
    strcpy(b->dir, "/tmp/nacre-ids-XXXXXX");
    cr_assert_not_null(mkdtemp(b->dir));
    snprintf(b->hosts, sizeof b->hosts, "%s/known_hosts", b->dir);
    b->hosts_list[0] = b->hosts;
    cr_assert_eq(ncr_hosts_add(b->hosts, nacre_bytes_str("server"), 22, pair_key_blob(0)),
                 NACRE_OK);
    rig_init(&b->rig);
    b->rig.hook = bench_server;
    b->rig.ctx = b;
    b->rig.cfg.auth_tries = 50;
    b->cfg.host = "server";
    b->cfg.user = "joe";
    b->cfg.buf = 128 * 1024;
    b->cfg.known_hosts = b->hosts_list;
    b->cfg.n_known_hosts = 1;
    b->cfg.ctx = b;
    b->cfg.log = bench_log;
    b->cfg.secret = bench_secret;
    b->cfg.identities = b->files;
    b->cfg.agent = "none";
    return b;
}

static void bench_take(struct bench *b, struct nacre_bytes blob)
{
    b->takes[b->n_takes++] = blob;
}

/* Writes a file and names it an identity if it is to be one. */
static void bench_write(struct bench *b, const char *name, const uint8_t *p, size_t n)
{
    char path[160];
    int fd;

    snprintf(path, sizeof path, "%s/%s", b->dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert(fd >= 0 && write(fd, p, n) == (ssize_t)n);
    close(fd);
}

static void bench_identity(struct bench *b, const char *name)
{
    size_t i = b->cfg.n_identities++;

    snprintf(b->file[i], sizeof b->file[i], "%s/%s", b->dir, name);
    b->files[i] = b->file[i];
}

static void bench_private(struct bench *b, const char *name, int key, const char *pass,
                          enum nacre_keyfile_format format)
{
    struct nacre_keyfile_opts o = {.format = format, .rounds = 1};
    uint8_t text[NACRE_KEYFILE_TEXT_MAX];
    size_t n;

    o.passphrase = nacre_bytes_str(pass);
    cr_assert_eq(nacre_keyfile_write(text, sizeof text, &n, &b->key[key],
                                     nacre_bytes_str("comment"), &o, &nacre_rng_os, test_work),
                 NACRE_OK);
    bench_write(b, name, text, n);
}

static void bench_public(struct bench *b, const char *name, struct nacre_bytes blob)
{
    char text[8192];

    cr_assert_eq(nacre_pubkey_format(text, sizeof text, blob, nacre_bytes_str("c")), NACRE_OK);
    strcat(text, "\n");
    bench_write(b, name, (const uint8_t *)text, strlen(text));
}

/* A certificate for a key, by key 3. */
static void bench_certify(struct bench *b, int key, enum nacre_cert_kind kind)
{
    static const uint8_t joe[] = {0, 0, 0, 3, 'j', 'o', 'e'};
    struct nacre_cert c;

    cr_assert_eq(nacre_cert_begin(&c, bench_blob(b, key)), NACRE_OK);
    c.kind = kind;
    c.key_id = nacre_bytes_str("id");
    c.principals = (struct nacre_bytes){joe, sizeof joe};
    c.valid_before = NACRE_CERT_FOREVER;
    cr_assert_eq(nacre_cert_issue(b->cert, sizeof b->cert, &b->cert_len, &c, &b->key[3], NULL,
                                  &nacre_rng_os, test_work),
                 NACRE_OK);
}

static void bench_agent(struct bench *b)
{
    toy_agent_start(&b->agent);
    b->cfg.agent = b->agent.path;
}

static nacre_err bench_open(struct bench *b)
{
    int fds[2];

    cr_assert_eq(ncr_loop_init(&b->loop, NCR_LOOP_POLL), NACRE_OK);
    rig_sockets(fds);
    rig_start(&b->rig, &b->loop, fds[1]);
    cr_assert_eq(nacre_client_start(&b->c, &b->cfg, fds[0], fds[0]), NACRE_OK, "%s",
                 nacre_client_error(b->c));
    cr_assert_eq(ncr_client_use_loop(b->c, &b->loop), NACRE_OK);
    return nacre_client_wait_ready(b->c);
}

/* Opens, and what the server was asked must be this. */
static void bench_expect(struct bench *b, nacre_err err, const char *asked)
{
    nacre_err got = bench_open(b);

    pair_buf_add(&b->asked, "", 1);
    cr_assert_eq(got, err, "%s: %s (%s)", nacre_err_name(got), nacre_client_error(b->c),
                 (char *)b->asked.p);
    cr_assert_str_eq((char *)b->asked.p, asked);
}

static void bench_free(struct bench *b)
{
    char command[128];

    nacre_client_close(b->c);
    rig_free(&b->rig);
    ncr_loop_free(&b->loop);
    if (b->agent.pid > 0)
        toy_agent_stop(&b->agent);
    pair_buf_free(&b->asked);
    pair_buf_free(&b->log);
    snprintf(command, sizeof command, "rm -r %s", b->dir);
    cr_assert_eq(system(command), 0);
    free(b);
}

/* ---- Files ------------------------------------------------------------------------------- */

Test(identities, passphrase_only_for_a_key_that_is_taken)
{
    struct bench *b = bench_new();

    bench_private(b, "a", 0, "secret", 0);
    bench_private(b, "b", 1, "secret", 0);
    bench_identity(b, "a");
    bench_identity(b, "b");
    b->answers[0] = "secret";
    bench_take(b, bench_blob(b, 1));
    bench_expect(b, NACRE_OK, "?0 ?1 !1 ");
    cr_assert_eq(b->prompts, 1, "only for the one that the server takes");
    cr_assert_not_null(strstr(b->prompt, "/b': "));
    bench_free(b);
}

Test(identities, paramiko_signs_blindly_nacre_asks_first)
{
    struct bench *b = bench_new();

    bench_private(b, "a", 0, "", 0);
    bench_private(b, "b", 1, "", 0);
    bench_identity(b, "a");
    bench_identity(b, "b");
    bench_expect(b, NACRE_ERR_AUTH_METHODS, "?0 ?1 ");
    bench_free(b);
}

Test(identities, wrong_passphrases_then_the_next_key)
{
    struct bench *b = bench_new();

    bench_private(b, "a", 0, "secret", 0);
    bench_private(b, "b", 1, "", 0);
    bench_identity(b, "a");
    bench_identity(b, "b");
    b->answers[0] = b->answers[1] = b->answers[2] = "wrong";
    bench_take(b, bench_blob(b, 0));
    bench_take(b, bench_blob(b, 1));
    bench_expect(b, NACRE_OK, "?0 ?1 !1 ");
    cr_assert_eq(b->prompts, 3);
    bench_free(b);
}

Test(identities, empty_passphrase_gives_up)
{
    struct bench *b = bench_new();

    bench_private(b, "a", 0, "secret", 0);
    bench_identity(b, "a");
    b->answers[0] = "";
    bench_take(b, bench_blob(b, 0));
    bench_expect(b, NACRE_ERR_AUTH_METHODS, "?0 ");
    cr_assert_eq(b->prompts, 1);
    bench_free(b);
}

/* A format that hides its public half: the file beside it tells, else it is opened when its turn
 * comes, and the signature goes out at once. */
Test(identities, public_half_beside_the_file)
{
    for (int beside = 0; beside < 2; beside++) {
        struct bench *b = bench_new();

        cr_assert_eq(
            nacre_privkey_generate(&b->key[4], "ecdsa-sha2-nistp256", 0, &nacre_rng_os, test_work),
            NACRE_OK);
        bench_private(b, "a", 4, "secret", NACRE_KEYFILE_PEM_EC);
        if (beside)
            bench_public(b, "a.pub", bench_blob(b, 4));
        bench_identity(b, "a");
        b->answers[0] = "secret";
        bench_take(b, bench_blob(b, 4));
        bench_expect(b, NACRE_OK, beside ? "?4 !4 " : "!4 ");
        cr_assert_eq(b->prompts, 1);
        bench_free(b);
    }
}

Test(identities, public_half_of_another_key)
{
    struct bench *b = bench_new();

    bench_private(b, "a", 0, "", 0);
    bench_public(b, "a.pub", bench_blob(b, 1));
    bench_identity(b, "a");
    bench_take(b, bench_blob(b, 1));
    bench_expect(b, NACRE_ERR_AUTH_METHODS, "?1 ");
    cr_assert(bench_logged(b, "contents do not match public"));
    bench_free(b);
}

Test(identities, file_open_to_others)
{
    struct bench *b = bench_new();

    bench_private(b, "a", 0, "", 0);
    bench_identity(b, "a");
    cr_assert_eq(chmod(b->file[0], 0644), 0);
    bench_take(b, bench_blob(b, 0));
    bench_expect(b, NACRE_ERR_AUTH_METHODS, "?0 ");
    cr_assert(bench_logged(b, "too open"));
    bench_free(b);
}

Test(identities, damaged_and_missing_files)
{
    struct bench *b = bench_new();

    bench_write(b, "a", (const uint8_t *)"rubbish", 7);
    bench_private(b, "c", 1, "", 0);
    bench_identity(b, "a");
    bench_identity(b, "b");
    bench_identity(b, "c");
    bench_take(b, bench_blob(b, 1));
    bench_expect(b, NACRE_OK, "!1 ");
    cr_assert(bench_logged(b, "Load key"));
    bench_free(b);
}

/* ---- Agents ------------------------------------------------------------------------------ */

Test(identities, order_of_agent_and_files)
{
    struct bench *b = bench_new();

    b->agent.keys[0] = &b->key[2];
    b->agent.keys[1] = &b->key[1];
    bench_agent(b);
    bench_private(b, "a", 0, "", 0);
    bench_private(b, "b", 1, "secret", 0);
    bench_identity(b, "a");
    bench_identity(b, "b");
    bench_expect(b, NACRE_ERR_AUTH_METHODS, "?1 ?2 ?0 ");
    cr_assert_eq(b->prompts, 0);
    bench_free(b);
}

Test(identities, agent_signs_for_a_file_it_has)
{
    struct bench *b = bench_new();
    char log[256];

    b->agent.keys[0] = &b->key[1];
    bench_agent(b);
    bench_private(b, "b", 1, "secret", 0);
    bench_identity(b, "b");
    bench_take(b, bench_blob(b, 1));
    bench_expect(b, NACRE_OK, "?1 !1 ");
    cr_assert_eq(b->prompts, 0, "no passphrase");
    toy_agent_log(&b->agent, log, sizeof log);
    cr_assert_str_eq(log, "bind 0\nlist\nsign 0 ssh-ed25519\n", "bound to the session first");
    bench_free(b);
}

Test(identities, identities_only)
{
    struct bench *b = bench_new();

    b->agent.keys[0] = &b->key[2];
    b->agent.keys[1] = &b->key[1];
    bench_agent(b);
    b->cfg.identities_only = true;
    bench_public(b, "b", bench_blob(b, 1)); /* a public half names a key of the agent */
    bench_identity(b, "b");
    bench_take(b, bench_blob(b, 1));
    bench_expect(b, NACRE_OK, "?1 !1 ");
    bench_free(b);
}

Test(identities, agent_by_environment)
{
    struct bench *b = bench_new();

    b->agent.keys[0] = &b->key[2];
    bench_agent(b);
    setenv("SSH_AUTH_SOCK", b->agent.path, 1);
    b->cfg.agent = NULL;
    bench_take(b, bench_blob(b, 2));
    bench_expect(b, NACRE_OK, "?2 !2 ");
    bench_free(b);
}

Test(identities, rsa_keys_of_an_agent_sign_by_sha2)
{
    struct bench *b = bench_new();
    char log[256];

    cr_assert_eq(nacre_privkey_generate(&b->key[4], "ssh-rsa", 2048, &nacre_rng_os, test_work),
                 NACRE_OK);
    b->agent.keys[0] = &b->key[4];
    bench_agent(b);
    bench_take(b, bench_blob(b, 4));
    b->cfg.pubkey_algs = "rsa-sha2-256";
    bench_expect(b, NACRE_OK, "?4 !4 ");
    toy_agent_log(&b->agent, log, sizeof log);
    cr_assert_not_null(strstr(log, "sign 2 ssh-rsa"));
    bench_free(b);
}

/* What the wire carried of a request: the trace sees it whether or not the server knows the type.
 */
static void bench_trace(void *ctx, char dir, uint32_t seq, const uint8_t *p, size_t n)
{
    struct bench *b = ctx;

    (void)seq;
    if (dir == 't' && n > 0 && p[0] == 50 && memmem(p, n, "ssh-new@example.com", 19) != NULL)
        b->signs++;
}

Test(identities, paramiko_2299_unknown_types_pass_through)
{
    static const uint8_t opaque[] = "\0\0\0\23ssh-new@example.com\0\0\0\4abcd";
    struct bench *b = bench_new();

    b->agent.opaque = (struct nacre_bytes){opaque, sizeof opaque - 1};
    b->agent.keys[0] = &b->key[2];
    bench_agent(b);
    b->cfg.conn.trace = bench_trace;
    b->cfg.conn.trace_ctx = b;
    bench_take(b, bench_blob(b, 2));
    bench_expect(b, NACRE_OK, "?2 !2 ");
    cr_assert_eq(b->signs, 0, "the good one came first");
    bench_free(b);

    b = bench_new();
    b->agent.opaque = (struct nacre_bytes){opaque, sizeof opaque - 1};
    bench_agent(b);
    b->cfg.conn.trace = bench_trace;
    b->cfg.conn.trace_ctx = b;
    bench_expect(b, NACRE_ERR_AUTH_METHODS, "");
    cr_assert_eq(b->signs, 1, "offered, for the server to judge");
    bench_free(b);
}

/* A security key without the hardware: key 1 signs what a token would (PROTOCOL.u2f). */
static size_t token_blob(const struct bench *b, uint8_t out[128])
{
    struct nacre_bytes plain = bench_blob(b, 1);
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
    struct bench *b = ctx;
    uint8_t what[2 * NACRE_SHA256_LEN + sizeof tail];
    uint8_t inner[128];
    size_t len;

    b->signs++;
    cr_assert(nacre_bytes_is(q->alg, "sk-ssh-ed25519@openssh.com"));
    token_hash(what, "ssh:", 4);
    memcpy(what + NACRE_SHA256_LEN, tail, sizeof tail);
    token_hash(what + NACRE_SHA256_LEN + sizeof tail, q->data.p, q->data.n);
    cr_assert_eq(nacre_privkey_sign(&b->key[1], nacre_bytes_str("ssh-ed25519"),
                                    (struct nacre_bytes){what, sizeof what}, inner, sizeof inner,
                                    &len, &nacre_rng_os, test_work),
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
    struct bench *b = bench_new();
    uint8_t blob[128];
    struct nacre_bytes keys[1] = {{blob, token_blob(b, blob)}};

    b->cfg.sign_keys = keys;
    b->cfg.n_sign_keys = 1;
    b->cfg.sign = token_sign;
    bench_take(b, keys[0]);
    bench_expect(b, NACRE_OK, "?other !other ");
    cr_assert_eq(b->signs, 1);
    bench_free(b);
}

Test(identities, paramiko_2299_security_keys_of_an_agent_are_offered)
{
    struct bench *b = bench_new();
    uint8_t blob[128];

    b->agent.opaque = (struct nacre_bytes){blob, token_blob(b, blob)};
    bench_agent(b);
    bench_expect(b, NACRE_ERR_AUTH_METHODS, "?other ");
    bench_free(b);
}

Test(identities, s74_agents_that_sign_badly)
{
    static const enum toy_fault faults[] = {TOY_REFUSES, TOY_SIGNS_OTHER, TOY_SIGNS_RUBBISH,
                                            TOY_OTHER_KEY};

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct bench *b = bench_new();

        b->agent.keys[0] = &b->key[1];
        b->agent.keys[1] = &b->key[2];
        b->agent.fault = faults[i];
        bench_agent(b);
        bench_private(b, "a", 0, "", 0);
        bench_identity(b, "a");
        bench_take(b, bench_blob(b, 0));
        bench_take(b, bench_blob(b, 1));
        bench_expect(b, NACRE_OK, "?1 ?2 ?0 !0 ");
        cr_assert(bench_logged(b, "signing failed"));
        bench_free(b);
    }
}

Test(identities, s74_agents_that_do_not_list)
{
    static const enum toy_fault faults[] = {TOY_RUBBISH_LIST, TOY_HANGS_UP};

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct bench *b = bench_new();

        b->agent.keys[0] = &b->key[1];
        b->agent.fault = faults[i];
        bench_agent(b);
        bench_private(b, "a", 0, "", 0);
        bench_identity(b, "a");
        bench_take(b, bench_blob(b, 0));
        bench_expect(b, NACRE_OK, "!0 ");
        bench_free(b);
    }
}

Test(identities, s93_a_key_in_three_places_is_tried_once)
{
    struct bench *b = bench_new();

    b->agent.keys[0] = &b->key[0];
    bench_agent(b);
    b->cfg.keys = &b->key[0];
    b->cfg.n_keys = 1;
    bench_private(b, "a", 0, "", 0);
    bench_private(b, "b", 0, "x", 0);
    bench_identity(b, "a");
    bench_identity(b, "b");
    bench_expect(b, NACRE_ERR_AUTH_METHODS, "!0 ");
    bench_free(b);
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
        struct bench *b = bench_new();
        char log[256];
        const char *added;

        bench_agent(b);
        bench_private(b, "a", 0, "secret", 0);
        bench_identity(b, "a");
        b->answers[0] = "secret";
        b->answers[1] = cases[i].answer;
        b->cfg.keep = cases[i].keep;
        b->cfg.keep_lifetime = cases[i].life;
        bench_take(b, bench_blob(b, 0));
        bench_expect(b, NACRE_OK, "?0 !0 ");
        toy_agent_log(&b->agent, log, sizeof log);
        added = strstr(log, "add");
        cr_assert_eq(added != NULL, cases[i].added != NULL, "%zu", i);
        if (added != NULL)
            cr_assert_str_eq(added, cases[i].added);
        cr_assert_eq(b->prompts, cases[i].keep == NACRE_KEEP_ASK ? 2 : 1);
        if (cases[i].keep == NACRE_KEEP_ASK)
            cr_assert_not_null(strstr(b->prompt, "(comment) to agent?"), "%s", b->prompt);
        bench_free(b);
    }
}

/* ---- Certificates ------------------------------------------------------------------------ */

Test(identities, own_certificate_before_the_key)
{
    struct bench *b = bench_new();

    bench_certify(b, 0, NACRE_CERT_USER);
    bench_private(b, "a", 0, "secret", 0);
    bench_public(b, "a-cert.pub", bench_cert(b));
    bench_identity(b, "a");
    b->answers[0] = "secret";
    bench_take(b, bench_cert(b));
    bench_expect(b, NACRE_OK, "?cert !cert ");
    cr_assert_eq(b->prompts, 1);
    bench_free(b);
}

Test(identities, certificate_refused_then_the_key)
{
    struct bench *b = bench_new();

    bench_certify(b, 0, NACRE_CERT_USER);
    bench_private(b, "a", 0, "", 0);
    bench_public(b, "a-cert.pub", bench_cert(b));
    bench_identity(b, "a");
    bench_take(b, bench_blob(b, 0));
    bench_expect(b, NACRE_OK, "?cert ?0 !0 ");
    bench_free(b);
}

Test(identities, certificate_named_and_signed_for_by_the_agent)
{
    struct bench *b = bench_new();
    char cert[160];
    const char *list[1] = {cert};
    char log[256];

    bench_certify(b, 0, NACRE_CERT_USER);
    bench_public(b, "named", bench_cert(b));
    snprintf(cert, sizeof cert, "%s/named", b->dir);
    b->cfg.certificates = list;
    b->cfg.n_certificates = 1;
    b->cfg.identities_only = true; /* the certificate names its key */
    b->agent.keys[0] = &b->key[0];
    b->agent.keys[1] = &b->key[1];
    bench_agent(b);
    bench_take(b, bench_cert(b));
    bench_expect(b, NACRE_OK, "?cert !cert ");
    toy_agent_log(&b->agent, log, sizeof log);
    cr_assert_not_null(strstr(log, "sign 0 ssh-ed25519\n"), "by the plain key: %s", log);
    bench_free(b);
}

/* A file that hides its public half is opened when the server has taken the certificate. */
Test(identities, certificate_named_for_a_closed_file)
{
    struct bench *b = bench_new();
    char cert[160];
    const char *list[1] = {cert};

    cr_assert_eq(
        nacre_privkey_generate(&b->key[4], "ecdsa-sha2-nistp256", 0, &nacre_rng_os, test_work),
        NACRE_OK);
    bench_certify(b, 4, NACRE_CERT_USER);
    bench_private(b, "a", 4, "secret", NACRE_KEYFILE_PEM_EC);
    bench_identity(b, "a");
    bench_public(b, "named", bench_cert(b));
    snprintf(cert, sizeof cert, "%s/named", b->dir);
    b->cfg.certificates = list;
    b->cfg.n_certificates = 1;
    b->answers[0] = "secret";
    bench_take(b, bench_cert(b));
    bench_expect(b, NACRE_OK, "?cert !cert ");
    cr_assert_eq(b->prompts, 1);
    bench_free(b);
}

Test(identities, certificate_that_nobody_can_sign_for)
{
    struct bench *b = bench_new();
    char cert[160];
    const char *list[1] = {cert};

    bench_certify(b, 0, NACRE_CERT_USER);
    bench_public(b, "named", bench_cert(b));
    bench_private(b, "a", 1, "", 0);
    bench_identity(b, "a");
    snprintf(cert, sizeof cert, "%s/named", b->dir);
    b->cfg.certificates = list;
    b->cfg.n_certificates = 1;
    bench_take(b, bench_cert(b));
    bench_take(b, bench_blob(b, 1));
    bench_expect(b, NACRE_OK, "?1 !1 ");
    bench_free(b);
}

Test(identities, certificate_in_the_agent)
{
    struct bench *b = bench_new();

    bench_certify(b, 0, NACRE_CERT_USER);
    b->agent.keys[0] = &b->key[0];
    b->agent.certs[0] = bench_cert(b);
    bench_agent(b);
    bench_take(b, bench_cert(b));
    bench_expect(b, NACRE_OK, "?cert !cert ");
    bench_free(b);
}

Test(identities, host_certificate_is_not_offered)
{
    struct bench *b = bench_new();

    bench_certify(b, 0, NACRE_CERT_HOST);
    bench_private(b, "a", 0, "", 0);
    bench_public(b, "a-cert.pub", bench_cert(b));
    bench_identity(b, "a");
    bench_take(b, bench_blob(b, 0));
    bench_expect(b, NACRE_OK, "!0 ");
    bench_free(b);
}

/* Every type: the name of the algorithm, and what it is signed with. */
Test(identities, certificate_algorithms)
{
    static const char *const types[] = {"ssh-ed25519", "ecdsa-sha2-nistp521", "ssh-rsa",
                                        "ssh-mldsa44-ed25519"};

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct bench *b = bench_new();

        cr_assert_eq(nacre_privkey_generate(&b->key[4], types[i], 0, &nacre_rng_os, test_work),
                     NACRE_OK);
        bench_certify(b, 4, NACRE_CERT_USER);
        bench_private(b, "a", 4, "", 0);
        bench_public(b, "a-cert.pub", bench_cert(b));
        bench_identity(b, "a");
        bench_take(b, bench_cert(b));
        bench_expect(b, NACRE_OK, "?cert !cert ");
        bench_free(b);
    }
}

Test(identities, names_of_algorithms)
{
    static const char *const pairs[][2] = {
        {"ssh-ed25519", "ssh-ed25519"},
        {"rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-512"},
        {"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"},
        {"sk-ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519@openssh.com"},
        {"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"},
        {"webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
         "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"},
        {"ssh-mldsa44-ed25519-cert", "ssh-mldsa44-ed25519"},
        {"-cert", "-cert"},
        {"", ""},
        {"a-name-of-sixty-four-characters-that-no-table-here-has-cert@x.com",
         "a-name-of-sixty-four-characters-that-no-table-here-has-cert@x.com"},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char name[NCR_ID_ALG_CAP];
        cr_assert(nacre_bytes_is(ncr_plain_alg(nacre_bytes_str(pairs[i][0]), name), pairs[i][1]),
                  "%s", pairs[i][0]);
    }
}

/* ---- Keys elsewhere ---------------------------------------------------------------------- */

Test(identities, signing_hook)
{
    struct bench *b = bench_new();
    struct nacre_bytes keys[2] = {bench_blob(b, 1), bench_blob(b, 2)};

    b->cfg.sign_keys = keys;
    b->cfg.n_sign_keys = 2;
    b->cfg.sign = bench_sign;
    b->cfg.keys = &b->key[0];
    b->cfg.n_keys = 1;
    bench_take(b, bench_blob(b, 2));
    bench_expect(b, NACRE_OK, "?0 ?1 ?2 !2 ");
    cr_assert_eq(b->signs, 1);
    bench_free(b);
}

Test(identities, signing_hook_with_a_certificate)
{
    struct bench *b = bench_new();
    struct nacre_bytes keys[2];

    bench_certify(b, 0, NACRE_CERT_USER);
    keys[0] = bench_cert(b);
    keys[1] = bench_blob(b, 0);
    b->cfg.sign_keys = keys;
    b->cfg.n_sign_keys = 2;
    b->cfg.sign = bench_sign;
    bench_take(b, bench_cert(b));
    bench_expect(b, NACRE_OK, "?cert !cert ");
    cr_assert_eq(b->signs, 1, "by the plain key");
    bench_free(b);
}

Test(identities, signing_hook_that_signs_badly)
{
    struct bench *b = bench_new();
    struct nacre_bytes keys[1] = {bench_blob(b, 1)};

    b->cfg.sign_keys = keys;
    b->cfg.n_sign_keys = 1;
    b->cfg.sign = bench_sign;
    b->bad_hook = true;
    bench_take(b, bench_blob(b, 1));
    bench_expect(b, NACRE_ERR_AUTH_METHODS, "?1 ");
    bench_free(b);
}

/* The answer is too large to be held during a key exchange: it waits, the attempt goes on. */
Test(identities, large_signature_during_a_key_exchange)
{
    struct bench *b = bench_new();
    struct nacre_bytes keys[1];

    cr_assert_eq(
        nacre_privkey_generate(&b->key[4], "ssh-mldsa44-ed25519", 0, &nacre_rng_os, test_work),
        NACRE_OK);
    keys[0] = bench_blob(b, 4);
    b->cfg.sign_keys = keys;
    b->cfg.n_sign_keys = 1;
    b->cfg.sign = bench_sign;
    b->rekey_in_hook = true;
    bench_take(b, bench_blob(b, 4));
    bench_expect(b, NACRE_OK, "?4 !4 ");
    cr_assert_eq(b->signs, 1);
    bench_free(b);
}
