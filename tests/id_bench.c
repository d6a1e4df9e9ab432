/* SPDX-License-Identifier: ISC
 *
 * A client with keys and a server that judges them: see id_bench.h.
 */
#include "tests/id_bench.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/known_hosts_file.h"

struct bench bench;
uint64_t bench_work[NACRE_WORK];

struct nacre_bytes bench_blob(int i)
{
    return nacre_privkey_public_blob(&bench.key[i]);
}

struct nacre_bytes bench_cert(void)
{
    return (struct nacre_bytes){bench.cert, bench.cert_len};
}

static bool bench_same(struct nacre_bytes a, struct nacre_bytes b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static const char *bench_name(struct nacre_bytes blob)
{
    static const char *const names[] = {"0", "1", "2", "3", "4", "5"};

    for (int i = 0; i < BENCH_KEYS; i++) {
        if (bench.key[i].type != NULL && bench_same(blob, bench_blob(i)))
            return names[i];
    }
    return bench_same(blob, bench_cert()) ? "cert" : "other";
}

static bool bench_server(void *ctx, struct rig *r, const struct nacre_event *ev)
{
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_REFUSE};

    (void)ctx; /* there is one bench */
    if (ev->type != NACRE_EV_AUTH_REQUEST ||
        (ev->stage != NACRE_STAGE_KEY_QUERY && ev->stage != NACRE_STAGE_KEY_PROVED))
        return false;
    pair_buf_print(&bench.asked, "%c%s ", ev->stage == NACRE_STAGE_KEY_QUERY ? '?' : '!',
                   bench_name(ev->blob));
    for (size_t i = 0; i < bench.n_takes; i++) {
        if (bench_same(ev->blob, bench.takes[i]))
            a.verdict = NACRE_ACCEPT;
    }
    a.methods = NACRE_AUTH_PUBLICKEY;
    cr_assert_eq(nacre_conn_answer(&r->conn, &a), NACRE_OK);
    ncr_drive_kick(&r->drive);
    return true;
}

static void bench_log(void *ctx, enum nacre_log_level level, const char *text)
{
    (void)ctx; /* there is one bench */
    pair_buf_print(&bench.log, "%d %s\n", (int)level, text);
}

bool bench_logged(const char *text)
{
    return bench.log.n > 0 && memmem(bench.log.p, bench.log.n, text, strlen(text)) != NULL;
}

static bool bench_secret(void *ctx, const struct nacre_secret_question *q,
                         char answer[NACRE_SECRET_CAP])
{
    const char *s = bench.answers[bench.prompts++];

    (void)ctx; /* there is one bench */
    snprintf(bench.prompt, sizeof bench.prompt, "%s", q->prompt);
    if (s != NULL)
        strcpy(answer, s);
    return s != NULL;
}

bool bench_sign(void *ctx, const struct nacre_sign_question *q, uint8_t *sig, size_t cap, size_t *n)
{
    (void)ctx; /* there is one bench */
    bench.signs++;
    if (bench.rekey_in_hook)
        cr_assert_eq(nacre_conn_rekey(&bench.c->conn), NACRE_OK);
    for (int i = 0; i < BENCH_KEYS; i++) {
        struct nacre_bytes data = q->data;
        if (!bench_same(q->key, bench_blob(i)))
            continue;
        if (bench.bad_hook)
            data.n--;
        return nacre_privkey_sign(&bench.key[i], q->alg, data, sig, cap, n, &nacre_rng_os,
                                  bench_work) == NACRE_OK;
    }
    return false;
}

void bench_setup(void)
{
    memset(&bench, 0, sizeof bench);
    (void)signal(SIGPIPE, SIG_IGN);
    unsetenv("SSH_AUTH_SOCK");
    for (int i = 0; i < 4; i++) {
        uint8_t seed[NACRE_ED25519_SEED_LEN] = {(uint8_t)(40 + i)};
        nacre_privkey_from_seed(&bench.key[i], seed);
    }
    strcpy(bench.dir, "/tmp/nacre-ids-XXXXXX");
    cr_assert_not_null(mkdtemp(bench.dir));
    snprintf(bench.hosts, sizeof bench.hosts, "%s/known_hosts", bench.dir);
    bench.hosts_list[0] = bench.hosts;
    cr_assert_eq(ncr_hosts_add(bench.hosts, nacre_bytes_str("server"), 22, pair_key_blob(0)),
                 NACRE_OK);
    cr_assert_eq(ncr_loop_init(&bench.loop, NCR_LOOP_POLL), NACRE_OK);
    rig_init(&bench.rig);
    bench.rig.hook = bench_server;
    bench.rig.cfg.auth_tries = 50;
    bench.cfg.host = "server";
    bench.cfg.user = "joe";
    bench.cfg.buf = 128 * 1024;
    bench.cfg.known_hosts = bench.hosts_list;
    bench.cfg.n_known_hosts = 1;
    bench.cfg.log = bench_log;
    bench.cfg.secret = bench_secret;
    bench.cfg.identities = bench.files;
    bench.cfg.agent = "none";
}

void bench_take(struct nacre_bytes blob)
{
    bench.takes[bench.n_takes++] = blob;
}

void bench_write(const char *name, const uint8_t *p, size_t n)
{
    char path[160];
    int fd;

    snprintf(path, sizeof path, "%s/%s", bench.dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert(fd >= 0 && write(fd, p, n) == (ssize_t)n);
    close(fd);
}

void bench_identity(const char *name)
{
    size_t i = bench.cfg.n_identities++;

    snprintf(bench.file[i], sizeof bench.file[i], "%s/%s", bench.dir, name);
    bench.files[i] = bench.file[i];
}

void bench_private(const char *name, int key, const char *pass, enum nacre_keyfile_format format)
{
    struct nacre_keyfile_opts o = {.format = format, .rounds = 1};
    uint8_t text[NACRE_KEYFILE_TEXT_MAX];
    size_t n;

    o.passphrase = nacre_bytes_str(pass);
    cr_assert_eq(nacre_keyfile_write(text, sizeof text, &n, &bench.key[key],
                                     nacre_bytes_str("comment"), &o, &nacre_rng_os, bench_work),
                 NACRE_OK);
    bench_write(name, text, n);
}

void bench_public(const char *name, struct nacre_bytes blob)
{
    char text[8192];

    cr_assert_eq(nacre_pubkey_format(text, sizeof text, blob, nacre_bytes_str("c")), NACRE_OK);
    strcat(text, "\n");
    bench_write(name, (const uint8_t *)text, strlen(text));
}

void bench_certify(int key, enum nacre_cert_kind kind)
{
    static const uint8_t joe[] = {0, 0, 0, 3, 'j', 'o', 'e'};
    struct nacre_cert c;

    cr_assert_eq(nacre_cert_begin(&c, bench_blob(key)), NACRE_OK);
    c.kind = kind;
    c.key_id = nacre_bytes_str("id");
    c.principals = (struct nacre_bytes){joe, sizeof joe};
    c.valid_before = NACRE_CERT_FOREVER;
    cr_assert_eq(nacre_cert_issue(bench.cert, sizeof bench.cert, &bench.cert_len, &c, &bench.key[3],
                                  NULL, &nacre_rng_os, bench_work),
                 NACRE_OK);
}

void bench_name_cert(void)
{
    bench_public("named", bench_cert());
    snprintf(bench.named, sizeof bench.named, "%s/named", bench.dir);
    bench.named_list[0] = bench.named;
    bench.cfg.certificates = bench.named_list;
    bench.cfg.n_certificates = 1;
}

void bench_agent(void)
{
    toy_agent_start(&bench.agent);
    bench.cfg.agent = bench.agent.path;
}

static nacre_err bench_open(void)
{
    int fds[2];

    rig_sockets(fds);
    rig_start(&bench.rig, &bench.loop, fds[1]);
    cr_assert_eq(nacre_client_start(&bench.c, &bench.cfg, fds[0], fds[0]), NACRE_OK, "%s",
                 nacre_client_error(bench.c));
    cr_assert_eq(ncr_client_use_loop(bench.c, &bench.loop), NACRE_OK);
    return nacre_client_wait_ready(bench.c);
}

void bench_expect(nacre_err err, const char *asked)
{
    nacre_err got = bench_open();

    pair_buf_add(&bench.asked, "", 1);
    cr_assert_eq(got, err, "%s: %s (%s)", nacre_err_name(got), nacre_client_error(bench.c),
                 (char *)bench.asked.p);
    cr_assert_str_eq((char *)bench.asked.p, asked);
}

void bench_teardown(void)
{
    char command[128];

    nacre_client_close(bench.c);
    rig_free(&bench.rig);
    ncr_loop_free(&bench.loop);
    if (bench.agent.pid > 0)
        toy_agent_stop(&bench.agent);
    pair_buf_free(&bench.asked);
    pair_buf_free(&bench.log);
    snprintf(command, sizeof command, "rm -r %s", bench.dir);
    cr_assert_eq(system(command), 0);
}

void bench_again(void)
{
    bench_teardown();
    bench_setup();
}
