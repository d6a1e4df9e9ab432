/* SPDX-License-Identifier: ISC
 *
 * The client library against the server of rig.h, both in one event loop: trust (s46, s47), the
 * plan of authentication (s41, s93), commands, what a server may not do (s80), errors as people see
 * them (s52), the non-blocking form.
 */
#include "client/client.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/known_hosts_file.h"
#include "client/proxy.h"
#include "tests/rig.h"

/* ---- A client, a server, a loop ---------------------------------------------------------- */

struct desk {
    struct ncr_loop loop;
    struct rig rig;
    struct nacre_client_cfg cfg;
    struct nacre_client *c;
    struct nacre_privkey key; /* the user's */
    char hosts[64];
    const char *hosts_list[1];
    struct pair_buf log;
    /* hooks */
    enum nacre_trust trust;
    unsigned asked_host, asked_secret;
    char fingerprint[NACRE_FINGERPRINT_LEN];
    const char *secrets[8];
    char prompts[1024], banner[256];
};

static void desk_log(void *ctx, enum nacre_log_level level, const char *text)
{
    struct desk *d = ctx;

    pair_buf_print(&d->log, "%d %s\n", (int)level, text);
}

static bool desk_logged(const struct desk *d, const char *text)
{
    return d->log.n > 0 && memmem(d->log.p, d->log.n, text, strlen(text)) != NULL;
}

static enum nacre_trust desk_host_key(void *ctx, const struct nacre_host_question *q)
{
    struct desk *d = ctx;

    d->asked_host++;
    cr_assert_str_eq(q->label, "ED25519");
    strcpy(d->fingerprint, q->fingerprint);
    return d->trust;
}

static bool desk_secret(void *ctx, const struct nacre_secret_question *q,
                        char answer[NACRE_SECRET_CAP])
{
    struct desk *d = ctx;
    const char *s = d->secrets[d->asked_secret++];

    strncat(d->prompts, q->prompt, sizeof d->prompts - strlen(d->prompts) - 2);
    strcat(d->prompts, "|");
    if (s != NULL)
        strcpy(answer, s);
    return s != NULL;
}

static void desk_banner(void *ctx, const char *text)
{
    struct desk *d = ctx;

    snprintf(d->banner, sizeof d->banner, "%s", text);
}

/* Keys of pair.h by number: their seeds are its secret, so the user's key here is one of our own.
 */
static struct nacre_bytes user_blob(struct desk *d)
{
    return nacre_privkey_public_blob(&d->key);
}

static bool hook_user_key(void *ctx, struct rig *r, const struct nacre_event *ev)
{
    struct desk *d = ctx;
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_REFUSE};
    struct nacre_bytes blob = user_blob(d);

    if (ev->type != NACRE_EV_AUTH_REQUEST ||
        (ev->stage != NACRE_STAGE_KEY_QUERY && ev->stage != NACRE_STAGE_KEY_PROVED))
        return false;
    r->tries++;
    r->keys_asked += ev->stage == NACRE_STAGE_KEY_QUERY;
    r->keys_proved += ev->stage == NACRE_STAGE_KEY_PROVED;
    if (r->plan.key >= 0 && ev->blob.n == blob.n && memcmp(ev->blob.p, blob.p, blob.n) == 0)
        a.verdict =
            r->plan.need_both && ev->stage == NACRE_STAGE_KEY_PROVED ? NACRE_PARTIAL : NACRE_ACCEPT;
    if (a.verdict == NACRE_PARTIAL)
        r->key_done = true;
    a.methods = r->plan.offered != 0 ? r->plan.offered
                : r->key_done
                    ? NACRE_AUTH_PASSWORD
                    : NACRE_AUTH_PUBLICKEY | NACRE_AUTH_PASSWORD |
                          (r->plan.prompts != NULL ? (unsigned)NACRE_AUTH_INTERACTIVE : 0u);
    cr_assert_eq(nacre_conn_answer(&r->conn, &a), NACRE_OK);
    ncr_drive_kick(&r->drive);
    return true;
}

static struct desk *desk_new(void)
{
    struct desk *d = calloc(1, sizeof *d);
    uint8_t seed[NACRE_ED25519_SEED_LEN] = {7};
    int fd;

    (void)signal(SIGPIPE, SIG_IGN);
    nacre_privkey_from_seed(&d->key, seed);
    strcpy(d->hosts, "/tmp/nacre-client-XXXXXX");
    fd = mkstemp(d->hosts);
    cr_assert_geq(fd, 0);
    close(fd);
    d->hosts_list[0] = d->hosts;
    rig_init(&d->rig);
    d->rig.hook = hook_user_key;
    d->rig.ctx = d;
    d->cfg.host = "server";
    d->cfg.user = "joe";
    d->cfg.keys = &d->key;
    d->cfg.n_keys = 1;
    d->cfg.buf = 128 * 1024;
    d->cfg.known_hosts = d->hosts_list;
    d->cfg.n_known_hosts = 1;
    d->cfg.ctx = d;
    d->cfg.log = desk_log;
    d->cfg.banner = desk_banner;
    return d;
}

static void desk_know(struct desk *d, int key)
{
    cr_assert_eq(ncr_hosts_add(d->hosts, nacre_bytes_str("server"), 22, pair_key_blob(key)),
                 NACRE_OK);
}

static nacre_err desk_open(struct desk *d)
{
    int fds[2];
    nacre_err err;

    cr_assert_eq(ncr_loop_init(&d->loop, NCR_LOOP_POLL), NACRE_OK);
    rig_sockets(fds);
    rig_start(&d->rig, &d->loop, fds[1]);
    err = nacre_client_start(&d->c, &d->cfg, fds[0], fds[0]);
    cr_assert_eq(err, NACRE_OK, "%s", nacre_client_error(d->c));
    cr_assert_eq(ncr_client_use_loop(d->c, &d->loop), NACRE_OK);
    return nacre_client_wait_ready(d->c);
}

/* Known host, right key. */
static struct desk *desk_ready(void)
{
    struct desk *d = desk_new();

    desk_know(d, 0);
    cr_assert_eq(desk_open(d), NACRE_OK, "%s", nacre_client_error(d->c));
    return d;
}

static void desk_free(struct desk *d)
{
    nacre_client_close(d->c);
    rig_free(&d->rig);
    ncr_loop_free(&d->loop);
    pair_buf_free(&d->log);
    unlink(d->hosts);
    free(d);
}

static size_t hosts_size(const struct desk *d)
{
    FILE *f = fopen(d->hosts, "r");
    size_t n = 0;

    while (fgetc(f) != EOF)
        n++;
    fclose(f);
    return n;
}

/* ---- Trust ------------------------------------------------------------------------------- */

Test(client, known_host_and_key)
{
    struct desk *d = desk_ready();

    cr_assert_eq(nacre_client_state(d->c), NACRE_CLIENT_READY);
    cr_assert_eq(d->rig.tries, 1, "one key: signed at once, nothing else asked");
    cr_assert_eq(d->rig.keys_proved, 1);
    cr_assert(desk_logged(d, "kex: algorithm: mlkem768x25519-sha256\n"));
    cr_assert(desk_logged(d, "using \"publickey\""));
    desk_free(d);
}

Test(client, s46_zeroed_policy_refuses)
{
    struct desk *d = desk_new();

    d->trust = NACRE_TRUST_SAVE;
    d->cfg.host_key = desk_host_key;
    cr_assert_eq(desk_open(d), NACRE_ERR_HOST_KEY);
    cr_assert_eq(d->asked_host, 0, "strict: not asked");
    cr_assert_eq(d->rig.tries, 0, "no credential was offered");
    cr_assert_not_null(strstr(nacre_client_error(d->c), "No ED25519 host key is known for server"));
    cr_assert_eq(hosts_size(d), 0);
    desk_free(d);
}

Test(client, s46_no_hook_refuses)
{
    struct desk *d = desk_new();

    d->cfg.host_policy = NACRE_HOSTS_ASK;
    cr_assert_eq(desk_open(d), NACRE_ERR_HOST_KEY);
    desk_free(d);
}

static void ask(enum nacre_trust trust, nacre_err want, bool saved)
{
    struct desk *d = desk_new();

    d->cfg.host_policy = NACRE_HOSTS_ASK;
    d->cfg.host_key = desk_host_key;
    d->trust = trust;
    cr_assert_eq(desk_open(d), want);
    cr_assert_eq(d->asked_host, 1);
    cr_assert_eq(strncmp(d->fingerprint, "SHA256:", 7), 0);
    cr_assert_eq(hosts_size(d) > 0, saved);
    desk_free(d);
}

Test(client, asked_no)
{
    ask(NACRE_TRUST_REJECT, NACRE_ERR_HOST_KEY, false);
}

Test(client, asked_once)
{
    ask(NACRE_TRUST_ONCE, NACRE_OK, false);
}

Test(client, asked_yes)
{
    ask(NACRE_TRUST_SAVE, NACRE_OK, true);
}

Test(client, accept_new)
{
    struct desk *d = desk_new();

    d->cfg.host_policy = NACRE_HOSTS_ACCEPT_NEW;
    cr_assert_eq(desk_open(d), NACRE_OK);
    cr_assert_gt(hosts_size(d), 0);
    cr_assert(desk_logged(d, "1 Warning: Permanently added 'server' (ED25519)"));
    desk_free(d);
}

Test(client, new_keys_under_hashed_names)
{
    struct desk *d = desk_new();
    char text[1024] = "";
    FILE *f;

    d->cfg.host_policy = NACRE_HOSTS_ACCEPT_NEW;
    d->cfg.hash_known_hosts = true;
    cr_assert_eq(desk_open(d), NACRE_OK);
    f = fopen(d->hosts, "r");
    cr_assert_gt(fread(text, 1, sizeof text - 1, f), 0);
    fclose(f);
    cr_assert_eq(strncmp(text, "|1|", 3), 0);
    cr_assert_null(strstr(text, "server"));
    cr_assert_eq(text[NACRE_HOST_HASH_LEN - 1], ' ');
    desk_free(d);
}

static void changed(enum nacre_host_policy policy, nacre_err want)
{
    struct desk *d = desk_new();
    char now[NACRE_FINGERPRINT_LEN], then[NACRE_FINGERPRINT_LEN];

    desk_know(d, 1);
    d->cfg.host_policy = policy;
    d->cfg.host_key = desk_host_key;
    d->trust = NACRE_TRUST_SAVE;
    cr_assert_eq(desk_open(d), want);
    cr_assert_eq(d->asked_host, 0, "a changed key is not a question");
    nacre_fingerprint(now, NACRE_FP_SHA256, pair_key_blob(0));
    nacre_fingerprint(then, NACRE_FP_SHA256, pair_key_blob(1));
    cr_assert(desk_logged(d, now) && desk_logged(d, then), "both fingerprints");
    cr_assert(desk_logged(d, d->hosts), "and the line");
    if (want != NACRE_OK)
        cr_assert_eq(d->rig.tries, 0);
    desk_free(d);
}

Test(client, changed_key_strict)
{
    changed(NACRE_HOSTS_STRICT, NACRE_ERR_HOST_KEY);
}

Test(client, changed_key_ask)
{
    changed(NACRE_HOSTS_ASK, NACRE_ERR_HOST_KEY);
}

Test(client, changed_key_accept_new)
{
    changed(NACRE_HOSTS_ACCEPT_NEW, NACRE_ERR_HOST_KEY);
}

Test(client, changed_key_off)
{
    changed(NACRE_HOSTS_OFF, NACRE_OK);
}

/* With checking off a host whose key changed gets no password. */
Test(client, s75_changed_key_gets_no_password)
{
    struct desk *d = desk_new();

    desk_know(d, 1);
    d->cfg.host_policy = NACRE_HOSTS_OFF;
    d->rig.plan.key = -1;
    d->rig.plan.password = "secret";
    d->cfg.password = "secret";
    cr_assert_eq(desk_open(d), NACRE_ERR_AUTH_METHODS);
    cr_assert_eq(d->rig.passwords, 0);
    desk_free(d);
}

Test(client, s47_unreadable_known_hosts)
{
    struct desk *d = desk_new();

    d->hosts_list[0] = "/tmp";
    d->cfg.host_policy = NACRE_HOSTS_ACCEPT_NEW;
    cr_assert_eq(desk_open(d), NACRE_ERR_HOST_KEY);
    cr_assert_not_null(strstr(nacre_client_error(d->c), "/tmp: "));
    desk_free(d);
}

Test(client, s48_revoked)
{
    struct desk *d = desk_new();
    char line[1024];
    FILE *f = fopen(d->hosts, "w");

    cr_assert_eq(nacre_known_hosts_format(line, sizeof line, nacre_bytes_str("server"), 22,
                                          pair_key_blob(0)),
                 NACRE_OK);
    fprintf(f, "%s@revoked %s", line, line);
    fclose(f);
    d->cfg.host_policy = NACRE_HOSTS_OFF;
    cr_assert_eq(desk_open(d), NACRE_ERR_HOST_KEY);
    cr_assert_not_null(strstr(nacre_client_error(d->c), "is revoked by"));
    desk_free(d);
}

Test(client, alias_names_the_key)
{
    struct desk *d = desk_new();

    cr_assert_eq(ncr_hosts_add(d->hosts, nacre_bytes_str("alias"), 22, pair_key_blob(0)), NACRE_OK);
    d->cfg.host_key_alias = "alias";
    d->cfg.port = 2222;
    cr_assert_eq(desk_open(d), NACRE_OK);
    desk_free(d);
}

/* ---- Authentication ---------------------------------------------------------------------- */

static struct desk *desk_auth(void)
{
    struct desk *d = desk_new();

    desk_know(d, 0);
    d->rig.plan.key = -1;
    return d;
}

Test(client, password_given)
{
    struct desk *d = desk_auth();

    d->rig.plan.password = "secret";
    d->cfg.password = "secret";
    cr_assert_eq(desk_open(d), NACRE_OK);
    cr_assert_eq(d->rig.passwords, 1);
    desk_free(d);
}

Test(client, password_asked)
{
    struct desk *d = desk_auth();

    d->rig.plan.password = "secret";
    d->cfg.secret = desk_secret;
    d->secrets[0] = "wrong";
    d->secrets[1] = "secret";
    cr_assert_eq(desk_open(d), NACRE_OK);
    cr_assert_str_eq(d->prompts, "joe@server's password: |joe@server's password: |");
    cr_assert(desk_logged(d, "1 Permission denied, please try again."));
    desk_free(d);
}

Test(client, s93_each_credential_once)
{
    struct desk *d = desk_auth();
    struct nacre_privkey keys[3];
    uint8_t seed[NACRE_ED25519_SEED_LEN] = {9};

    for (unsigned i = 0; i < 3; i++) {
        seed[1] = (uint8_t)i;
        nacre_privkey_from_seed(&keys[i], seed);
    }
    d->cfg.keys = keys;
    d->cfg.n_keys = 3;
    d->cfg.password = "wrong";
    d->cfg.secret = desk_secret;
    d->secrets[0] = d->secrets[1] = d->secrets[2] = d->secrets[3] = "no";
    d->rig.plan.offered = NACRE_AUTH_PUBLICKEY | NACRE_AUTH_PASSWORD | NACRE_AUTH_INTERACTIVE;
    d->rig.cfg.auth_tries = 100;
    cr_assert_eq(desk_open(d), NACRE_ERR_AUTH_METHODS);
    cr_assert_eq(d->rig.keys_asked, 3, "several keys: asked first");
    cr_assert_eq(d->rig.keys_proved, 0);
    cr_assert_eq(d->rig.passwords, 4, "the one given, and three asked for");
    cr_assert_str_eq(nacre_client_error(d->c),
                     "joe@server: Permission denied (publickey,password,keyboard-interactive).");
    desk_free(d);
}

Test(client, several_keys)
{
    struct desk *d = desk_new();
    struct nacre_privkey keys[2];
    uint8_t seed[NACRE_ED25519_SEED_LEN] = {9};

    desk_know(d, 0);
    nacre_privkey_from_seed(&keys[0], seed);
    keys[1] = d->key;
    d->cfg.keys = keys;
    d->cfg.n_keys = 2;
    cr_assert_eq(desk_open(d), NACRE_OK);
    cr_assert_eq(d->rig.keys_asked, 2);
    cr_assert_eq(d->rig.keys_proved, 1);
    desk_free(d);
}

Test(client, key_then_password)
{
    struct desk *d = desk_new();

    desk_know(d, 0);
    d->rig.plan.need_both = true;
    d->rig.plan.password = "secret";
    d->cfg.password = "secret";
    cr_assert_eq(desk_open(d), NACRE_OK, "%s", nacre_client_error(d->c));
    cr_assert_eq(d->rig.keys_proved, 1);
    cr_assert_eq(d->rig.passwords, 1);
    cr_assert(desk_logged(d, "partial success"));
    desk_free(d);
}

Test(client, keyboard_interactive_rounds)
{
    static const char *const prompts[] = {"First: ", "Second\x1b[2J: ", NULL};
    struct desk *d = desk_auth();

    d->rig.plan.prompts = prompts;
    d->rig.plan.response = "yes";
    d->cfg.secret = desk_secret;
    d->secrets[0] = d->secrets[1] = "yes";
    cr_assert_eq(desk_open(d), NACRE_OK);
    cr_assert_eq(d->rig.rounds, 2);
    /* Who asks is said, and what it says is escaped: s41, s52. */
    cr_assert_str_eq(d->prompts, "(joe@server) First: |(joe@server) Second\\033[2J: |");
    desk_free(d);
}

Test(client, keyboard_interactive_stored_password)
{
    static const char *const prompts[] = {"Password: ", NULL};
    struct desk *d = desk_auth();

    d->rig.plan.prompts = prompts;
    d->rig.plan.response = "secret";
    d->cfg.password = "secret";
    cr_assert_eq(desk_open(d), NACRE_OK);
    cr_assert_eq(d->rig.rounds, 1);
    desk_free(d);
}

Test(client, expired_password)
{
    struct desk *d = desk_auth();

    d->rig.plan.expired = "old";
    d->cfg.password = "old";
    d->cfg.secret = desk_secret;
    d->secrets[0] = "new";
    cr_assert_eq(desk_open(d), NACRE_OK, "%s", nacre_client_error(d->c));
    cr_assert_eq(d->rig.passwords, 2);
    cr_assert(desk_logged(d, "1 Password expired"));
    desk_free(d);
}

/* No factor was used: it is said, and can be refused. */
Test(client, s41_no_credential)
{
    struct desk *d = desk_auth();

    d->rig.plan.accept_none = true;
    d->cfg.keys = NULL;
    d->cfg.n_keys = 0;
    d->cfg.identities = d->hosts_list;
    d->cfg.n_identities = 0;
    cr_assert_eq(desk_open(d), NACRE_OK);
    cr_assert(desk_logged(d, "1 Note: server asked for no credential"));
    desk_free(d);

    d = desk_auth();
    d->rig.plan.accept_none = true;
    d->cfg.keys = NULL;
    d->cfg.n_keys = 0;
    d->cfg.identities = d->hosts_list;
    d->cfg.n_identities = 0;
    d->cfg.need_credential = true;
    cr_assert_eq(desk_open(d), NACRE_ERR_AUTH_METHODS);
    cr_assert_not_null(strstr(nacre_client_error(d->c), "without any credential"));
    desk_free(d);
}

/* A server that takes a key only after "none" got nothing of it: the last resort. */
Test(client, none_is_the_last_resort)
{
    struct desk *d = desk_auth();

    d->rig.plan.accept_none = true;
    d->rig.plan.offered = NACRE_AUTH_INTERACTIVE;
    cr_assert_eq(desk_open(d), NACRE_ERR_AUTH_METHODS, "a signature was given: no way back");
    desk_free(d);
}

Test(client, s52_banner)
{
    struct desk *d = desk_new();

    desk_know(d, 0);
    d->rig.cfg.banner = "Hello\r\n\x1b]52;c;eA==\x07 there";
    cr_assert_eq(desk_open(d), NACRE_OK);
    cr_assert_str_eq(d->banner, "Hello\n\\033]52;c;eA==\\007 there");
    desk_free(d);
}

/* ---- Commands ---------------------------------------------------------------------------- */

static struct nacre_run run(struct desk *d, const char *command, nacre_err want)
{
    struct nacre_run r = {.command = command};

    cr_assert_eq(nacre_client_run(d->c, &r), want, "%s", nacre_client_error(d->c));
    return r;
}

Test(client, run_status_and_signal)
{
    struct desk *d = desk_ready();
    struct nacre_run r = run(d, "status 7", NACRE_OK);

    cr_assert_eq(r.status, 7);
    nacre_run_free(&r);
    r = run(d, "kill", NACRE_OK);
    cr_assert_eq(r.status, -1);
    cr_assert_str_eq(r.signal, "TERM");
    nacre_run_free(&r);
    desk_free(d);
}

Test(client, run_both_streams)
{
    struct desk *d = desk_ready();
    struct nacre_run r = run(d, "both 3000000", NACRE_OK);

    cr_assert_eq(r.out.n, 3000000);
    cr_assert_eq(r.err.n, 3000000);
    cr_assert_eq(r.out.p[r.out.n], '\0');
    nacre_run_free(&r);
    cr_assert_null(r.out.p);
    desk_free(d);
}

/* Many payloads are in few bytes then: what one read brings is more than the engine inflates at
 * once, and the peer, whose window is used up, sends no more until it has been taken. */
Test(client, run_compressed)
{
    struct desk *d = desk_new();

    d->cfg.conn.comps = d->rig.cfg.comps = "zlib@openssh.com";
    desk_know(d, 0);
    cr_assert_eq(desk_open(d), NACRE_OK, "%s", nacre_client_error(d->c));
    struct nacre_run r = {.command = "both 4000000", .timeout_ms = 60000};
    cr_assert_eq(nacre_client_run(d->c, &r), NACRE_OK, "%s", nacre_client_error(d->c));
    cr_assert_eq(r.out.n, 4000000);
    cr_assert_eq(r.err.n, 4000000);
    nacre_run_free(&r);
    desk_free(d);
}

Test(client, run_input)
{
    struct desk *d = desk_ready();
    struct nacre_run r = {.command = "cat"};
    size_t n = 1000000;
    uint8_t *p = malloc(n);

    for (size_t i = 0; i < n; i++)
        p[i] = rig_byte(i);
    r.input.p = p;
    r.input.n = n;
    cr_assert_eq(nacre_client_run(d->c, &r), NACRE_OK);
    cr_assert_eq(r.out.n, n);
    cr_assert_arr_eq(r.out.p, p, n);
    nacre_run_free(&r);
    free(p);
    desk_free(d);
}

/* The connection goes on after each. */
Test(client, run_deadline_limit_refusal)
{
    struct desk *d = desk_ready();
    struct nacre_run r = {.command = "hang", .timeout_ms = 30};

    cr_assert_eq(nacre_client_run(d->c, &r), NACRE_ERR_TIMEOUT);
    nacre_run_free(&r);
    memset(&r, 0, sizeof r);
    r.command = "both 100000";
    r.max_output = 50000;
    cr_assert_eq(nacre_client_run(d->c, &r), NACRE_ERR_LIMIT);
    nacre_run_free(&r);
    r = run(d, "refuse", NACRE_ERR_CHANNEL_STATE);
    cr_assert_str_eq(nacre_client_error(d->c), "server: command refused");
    nacre_run_free(&r);
    r = run(d, "status 0", NACRE_OK);
    cr_assert_eq(r.status, 0);
    nacre_run_free(&r);
    desk_free(d);
}

static bool stop_at_once(void *ctx, int stream, const uint8_t *p, size_t n)
{
    size_t *sum = ctx;

    (void)stream;
    (void)p;
    *sum += n;
    return false;
}

Test(client, run_output_hook)
{
    struct desk *d = desk_ready();
    size_t sum = 0;
    struct nacre_run r = {.command = "both 100000", .output = stop_at_once, .ctx = &sum};

    cr_assert_eq(nacre_client_run(d->c, &r), NACRE_ERR_CLOSED);
    cr_assert_gt(sum, 0);
    cr_assert_leq(sum, 1000, "told after it stopped");
    nacre_run_free(&r);
    r = run(d, "status 3", NACRE_OK);
    cr_assert_eq(r.status, 3);
    desk_free(d);
}

Test(client, s52_refused_channel)
{
    struct desk *d = desk_ready();
    struct nacre_run r;

    d->rig.plan.refuse_channels = true;
    r = run(d, "status 0", NACRE_ERR_CHANNEL_STATE);
    cr_assert_str_eq(nacre_client_error(d->c), "server: channel refused: not \\033]52;here");
    nacre_run_free(&r);
    desk_free(d);
}

/* ---- What a server may not do ------------------------------------------------------------ */

static unsigned refused_opens;

static bool hook_count_refusals(void *ctx, struct rig *r, const struct nacre_event *ev)
{
    refused_opens += ev->type == NACRE_EV_CHAN_FAILED;
    return hook_user_key(ctx, r, ev);
}

Test(client, s80_opens_not_asked_for)
{
    static const char *const types[] = {"session", "x11", "auth-agent@openssh.com",
                                        "forwarded-streamlocal@openssh.com", "whatever"};
    struct desk *d = desk_ready();
    struct nacre_bytes none = {NULL, 0};
    struct nacre_tcpip t = {.port = 80, .origin_port = 1};
    struct nacre_run r;
    uint32_t chan;

    d->rig.hook = hook_count_refusals;
    t.host = t.origin = nacre_bytes_str("127.0.0.1");
    refused_opens = 0;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        cr_assert_eq(nacre_chan_open(&d->rig.conn, types[i], none, &chan), NACRE_OK);
    cr_assert_eq(nacre_chan_open_tcpip(&d->rig.conn, "forwarded-tcpip", &t, &chan), NACRE_OK);
    ncr_drive_kick(&d->rig.drive);
    r = run(d, "status 0", NACRE_OK);
    nacre_run_free(&r);
    r = run(d, "status 0", NACRE_OK);
    nacre_run_free(&r);
    cr_assert_eq(refused_opens, 6);
    desk_free(d);
}

static unsigned global_no;

static bool hook_count_global(void *ctx, struct rig *r, const struct nacre_event *ev)
{
    global_no += ev->type == NACRE_EV_GLOBAL_REPLY && !ev->accepted;
    return hook_user_key(ctx, r, ev);
}

Test(client, unknown_global_requests)
{
    struct desk *d = desk_ready();
    struct nacre_global g = {.kind = NACRE_GLOBAL_OTHER};
    struct nacre_run r;

    d->rig.hook = hook_count_global;
    global_no = 0;
    g.name = nacre_bytes_str("hostkeys-00@openssh.com");
    cr_assert_eq(nacre_global_request(&d->rig.conn, &g, false), NACRE_OK);
    g.name = nacre_bytes_str("never-heard-of@example.com");
    cr_assert_eq(nacre_global_request(&d->rig.conn, &g, true), NACRE_OK);
    ncr_drive_kick(&d->rig.drive);
    r = run(d, "status 0", NACRE_OK);
    nacre_run_free(&r);
    cr_assert_eq(global_no, 1);
    desk_free(d);
}

/* ---- Errors ------------------------------------------------------------------------------ */

/* The server's end is ours: text, then silence or the end. */
static nacre_err talk(struct desk *d, const char *text, bool end)
{
    int fds[2];
    nacre_err err;

    cr_assert_eq(ncr_loop_init(&d->loop, NCR_LOOP_POLL), NACRE_OK);
    rig_sockets(fds);
    cr_assert_eq(write(fds[1], text, strlen(text)), (ssize_t)strlen(text));
    if (end)
        cr_assert_eq(shutdown(fds[1], SHUT_WR), 0);
    cr_assert_eq(nacre_client_start(&d->c, &d->cfg, fds[0], fds[0]), NACRE_OK);
    if (!end)
        d->c->version_by = ncr_clock_ms() + 30;
    err = nacre_client_wait_ready(d->c);
    close(fds[1]);
    return err;
}

Test(client, server_closes_at_once)
{
    struct desk *d = desk_new();

    cr_assert_eq(talk(d, "", true), NACRE_ERR_PEER_CLOSED);
    cr_assert_str_eq(nacre_client_error(d->c),
                     "Connection closed by server before it sent a version");
    desk_free(d);
}

Test(client, silent_server_meets_a_deadline)
{
    struct desk *d = desk_new();

    cr_assert_eq(talk(d, "", false), NACRE_ERR_TIMEOUT);
    cr_assert_str_eq(nacre_client_error(d->c),
                     "Connection to server timed out while waiting for its version");
    desk_free(d);
}

Test(client, old_version)
{
    struct desk *d = desk_new();

    cr_assert_eq(talk(d, "SSH-1.5-old\r\n", true), NACRE_ERR_VERSION_UNSUPPORTED);
    cr_assert_not_null(strstr(nacre_client_error(d->c), "does not speak SSH version 2"));
    desk_free(d);
}

Test(client, rubbish_after_the_version)
{
    struct desk *d = desk_new();

    cr_assert_eq(
        talk(d, "SSH-2.0-x\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
             true),
        NACRE_ERR_PACKET_LEN);
    cr_assert_not_null(strstr(nacre_client_error(d->c), "packet length out of range"));
    cr_assert_not_null(strstr(nacre_client_error(d->c), "KEX1_INIT"));
    desk_free(d);
}

Test(client, no_common_cipher)
{
    struct desk *d = desk_new();

    desk_know(d, 0);
    d->rig.cfg.ciphers = "aes128-ctr";
    d->cfg.conn.ciphers = "aes256-ctr,chacha20-poly1305@openssh.com";
    cr_assert_eq(desk_open(d), NACRE_ERR_NO_COMMON_ALG);
    cr_assert_not_null(strstr(nacre_client_error(d->c), "no matching cipher"));
    cr_assert_not_null(strstr(nacre_client_error(d->c), "Their offer: aes128-ctr."));
    cr_assert_not_null(
        strstr(nacre_client_error(d->c), "Our offer: aes256-ctr,chacha20-poly1305@openssh.com"));
    desk_free(d);
}

Test(client, s52_disconnect)
{
    struct desk *d = desk_ready();
    struct nacre_run r = {.command = "hang"};

    cr_assert_eq(nacre_conn_close(&d->rig.conn, NACRE_REASON_BY_APPLICATION, "bye\x1b[m"),
                 NACRE_OK);
    ncr_drive_kick(&d->rig.drive);
    cr_assert_eq(nacre_client_run(d->c, &r), NACRE_ERR_PEER_DISCONNECT);
    nacre_run_free(&r);
    cr_assert_str_eq(nacre_client_error(d->c), "Received disconnect from server: 11: bye\\033[m");
    cr_assert_eq(nacre_client_run(d->c, &r), NACRE_ERR_PEER_DISCONNECT, "it sticks");
    desk_free(d);
}

Test(client, bad_configuration)
{
    struct nacre_client_cfg cfg;
    struct nacre_client *c;

    memset(&cfg, 0, sizeof cfg);
    cr_assert_eq(nacre_client_open(&c, &cfg), NACRE_ERR_USAGE);
    cr_assert_str_eq(nacre_client_error(c), "not a host name");
    nacre_client_close(c);
    cfg.host = "bad host";
    cr_assert_eq(nacre_client_open(&c, &cfg), NACRE_ERR_USAGE);
    nacre_client_close(c);
    cfg.host = "127.0.0.1";
    cfg.conn.macs = "hmac-sha2-256,rot13";
    cr_assert_eq(nacre_client_open(&c, &cfg), NACRE_ERR_UNKNOWN_ALG);
    cr_assert_str_eq(nacre_client_error(c), "unknown or unavailable MAC: rot13");
    nacre_client_close(c);
    nacre_client_close(NULL);
    cr_assert_str_eq(nacre_client_error(NULL), "out of memory");
}

Test(client, refused_connection)
{
    struct nacre_client_cfg cfg;
    struct nacre_client *c;
    int fds[NCR_SOCK_LISTEN];
    size_t n;
    char want[128];

    memset(&cfg, 0, sizeof cfg);
    cfg.host = "127.0.0.1";
    cr_assert_eq(ncr_listen("127.0.0.1", &cfg.port, AF_INET, fds, &n), NACRE_OK);
    close(fds[0]);
    cr_assert_eq(nacre_client_open(&c, &cfg), NACRE_ERR_IO);
    snprintf(want, sizeof want, "connect to host 127.0.0.1 port %u: Connection refused",
             (unsigned)cfg.port);
    cr_assert_str_eq(nacre_client_error(c), want);
    nacre_client_close(c);
}

/* ---- Without blocking -------------------------------------------------------------------- */

struct turns {
    uint32_t chan;
    bool opened, closed;
    uint32_t status;
};

static bool turn_event(void *ctx, struct nacre_client *c, const struct nacre_event *ev)
{
    struct turns *t = ((struct desk *)ctx)->cfg.conn.trace_ctx;
    struct nacre_request q = {.kind = NACRE_REQ_EXEC};

    if (ev->type == NACRE_EV_CHAN_OPENED) {
        q.data = nacre_bytes_str("status 5");
        cr_assert_eq(nacre_chan_request(nacre_client_conn(c), ev->chan, &q, false), NACRE_OK);
    }
    if (ev->type == NACRE_EV_CHAN_REQUEST && ev->request.kind == NACRE_REQ_EXIT_STATUS)
        t->status = ev->request.value;
    t->closed |= ev->type == NACRE_EV_CHAN_CLOSED;
    return ev->type != NACRE_EV_CHAN_REQUEST;
}

Test(client, non_blocking)
{
    struct desk *d = desk_new();
    struct turns t = {.status = 99};
    struct nacre_bytes none = {NULL, 0};
    int fds[2];

    desk_know(d, 0);
    cr_assert_eq(ncr_loop_init(&d->loop, NCR_LOOP_POLL), NACRE_OK);
    rig_sockets(fds);
    rig_start(&d->rig, &d->loop, fds[1]);
    d->cfg.event = turn_event;
    d->cfg.conn.trace_ctx = &t;
    cr_assert_eq(nacre_client_start(&d->c, &d->cfg, fds[0], fds[0]), NACRE_OK);
    cr_assert_eq(nacre_client_fd(d->c, false), fds[0]);
    for (unsigned i = 0; i < 1000 && !t.closed; i++) {
        struct pollfd p = {.fd = fds[0]};
        unsigned want = nacre_client_wants(d->c);

        p.events = (short)((want & NACRE_WANT_READ ? POLLIN : 0) |
                           (want & NACRE_WANT_WRITE ? POLLOUT : 0));
        cr_assert_geq(poll(&p, 1, 0), 0);
        want = (p.revents & POLLIN ? NACRE_WANT_READ : 0u) |
               (p.revents & POLLOUT ? NACRE_WANT_WRITE : 0u);
        if (nacre_client_state(d->c) == NACRE_CLIENT_READY && !t.opened) {
            t.opened = true;
            cr_assert_eq(nacre_chan_open(nacre_client_conn(d->c), "session", none, &t.chan),
                         NACRE_OK);
        }
        cr_assert(i == 0 || nacre_client_due(d->c) > 0);
        cr_assert_eq(nacre_client_step(d->c, want), NACRE_OK);
        cr_assert_eq(ncr_loop_once(&d->loop, 0), NACRE_OK);
    }
    cr_assert(t.closed);
    cr_assert_eq(t.status, 5);
    desk_free(d);
}

/* What a program in our place says once it has sent itself an interrupt. */
static void proxy_interrupted(bool no_interrupt, const char *want)
{
    struct ncr_proxy p = {.no_interrupt = no_interrupt};
    char got[16] = "";
    struct pollfd ready = {.events = POLLIN};

    cr_assert(ncr_proxy_command(&p, "/bin/sh -c 'kill -INT $$; echo alive'"));
    ready.fd = p.fd;
    cr_assert_eq(poll(&ready, 1, 20000), 1);
    cr_assert_eq(read(p.fd, got, sizeof got - 1), (ssize_t)strlen(want));
    cr_assert_str_eq(got, want);
    close(p.fd);
    ncr_proxy_stop(&p);
}

Test(client, proxy_and_interrupts)
{
    (void)signal(SIGINT, SIG_DFL);
    proxy_interrupted(false, "");
    proxy_interrupted(true, "alive\n");
}
