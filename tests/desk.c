/* SPDX-License-Identifier: ISC
 *
 * A client that judges hosts, with its files, and the server that announces and proves keys to it.
 */
#include "tests/desk.h"

#include "client/known_hosts_file.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct nacre_privkey desk_keys[DESK_KEYS];
uint64_t desk_work[NACRE_WORK];

struct nacre_bytes desk_blob(int key)
{
    return nacre_privkey_public_blob(&desk_keys[key]);
}

/* ---- The server that announces and proves ---- */

static void announce(struct desk *d, struct rig *r)
{
    struct announcer *a = &d->announce;
    static uint8_t data[NACRE_HOSTKEYS_BYTES_MAX];
    struct nacre_global g = {.kind = NACRE_GLOBAL_HOSTKEYS, .data = a->raw};

    if (a->raw.n == 0) {
        cr_assert_eq(nacre_hostkeys_encode(data, sizeof data, &g.data.n, a->offered, a->n),
                     NACRE_OK);
        g.data.p = data;
    }
    for (unsigned i = 0; i < (a->times == 0 ? 1 : a->times); i++)
        cr_assert_eq(nacre_global_request(&r->conn, &g, false), NACRE_OK);
}

static const struct nacre_privkey *owner(struct nacre_bytes b)
{
    for (int i = 0; i < DESK_KEYS; i++) {
        if (b.n == desk_blob(i).n && memcmp(b.p, desk_blob(i).p, b.n) == 0)
            return &desk_keys[i];
    }
    return &desk_keys[0];
}

static void prove(struct desk *d, struct rig *r, const struct nacre_event *ev)
{
    struct announcer *a = &d->announce;
    static uint8_t sig[DESK_KEYS][256], data[DESK_KEYS * 256], message[NACRE_HOSTKEYS_PROOF_MAX];
    struct nacre_bytes sigs[DESK_KEYS];
    struct nacre_hostkeys h;
    struct nacre_answer ans = {.id = ev->id, .verdict = NACRE_ACCEPT};
    struct nacre_bytes id = a->id.n > 0 ? a->id : nacre_conn_session_id(&r->conn);

    a->asked++;
    cr_assert_eq(nacre_hostkeys_decode(&h, ev->global.data), NACRE_OK);
    cr_assert_leq(h.n, DESK_KEYS);
    for (size_t i = 0; i < h.n; i++) {
        struct nacre_bytes m = {message, 0};

        cr_assert_eq(nacre_hostkeys_message(message, sizeof message, &m.n, id, h.blob[i]),
                     NACRE_OK);
        sigs[i].p = sig[i];
        cr_assert_eq(nacre_privkey_sign(a->liar != 0 ? &desk_keys[a->liar] : owner(h.blob[i]),
                                        nacre_bytes_str("ssh-ed25519"), m, sig[i], sizeof sig[i],
                                        &sigs[i].n, &nacre_rng_os, desk_work),
                     NACRE_OK);
    }
    cr_assert_eq(nacre_hostkeys_encode(data, sizeof data, &ans.data.n, sigs, h.n - a->short_reply),
                 NACRE_OK);
    ans.data.p = data;
    if (a->refuse)
        ans.verdict = NACRE_REFUSE;
    cr_assert_eq(nacre_conn_answer(&r->conn, &ans), NACRE_OK);
}

static bool hook(void *ctx, struct rig *r, const struct nacre_event *ev)
{
    struct desk *d = ctx;
    struct nacre_answer yes = {.id = ev->id, .verdict = NACRE_ACCEPT};

    if (ev->type == NACRE_EV_AUTH_REQUEST &&
        (ev->stage == NACRE_STAGE_KEY_QUERY || ev->stage == NACRE_STAGE_KEY_PROVED)) {
        cr_assert_eq(nacre_conn_answer(&r->conn, &yes), NACRE_OK);
        ncr_drive_kick(&r->drive);
        return true;
    }
    if (ev->type == NACRE_EV_AUTH_SUCCESS && (d->announce.n > 0 || d->announce.raw.n > 0))
        announce(d, r);
    if (ev->type == NACRE_EV_GLOBAL && ev->global.kind == NACRE_GLOBAL_HOSTKEYS_PROVE) {
        prove(d, r, ev);
        return true;
    }
    return false;
}

/* ---- The client ---- */

static void desk_log(void *ctx, enum nacre_log_level level, const char *text)
{
    struct desk *d = ctx;

    pair_buf_print(&d->log, "%d %s\n", (int)level, text);
}

bool desk_logged(const struct desk *d, const char *text)
{
    return d->log.n > 0 && memmem(d->log.p, d->log.n, text, strlen(text)) != NULL;
}

static void temp_name(char name[64], const char *text)
{
    FILE *f;
    int fd;

    strcpy(name, "/tmp/nacre-trust-XXXXXX");
    fd = mkstemp(name);
    cr_assert_geq(fd, 0);
    f = fdopen(fd, "w");
    cr_assert_geq(fputs(text, f), 0);
    cr_assert_eq(fclose(f), 0);
}

void desk_save(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");

    cr_assert_not_null(f);
    cr_assert_geq(fputs(text, f), 0);
    cr_assert_eq(fclose(f), 0);
}

const char *desk_load(const char *name)
{
    static char text[65536];
    FILE *f = fopen(name, "r");
    size_t n;

    cr_assert_not_null(f);
    n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

struct desk *desk_new(void)
{
    struct desk *d = calloc(1, sizeof *d);

    (void)signal(SIGPIPE, SIG_IGN);
    for (uint8_t i = 0; i < DESK_KEYS; i++) {
        uint8_t seed[NACRE_ED25519_SEED_LEN] = {7, i};

        nacre_privkey_from_seed(&desk_keys[i], seed);
    }
    temp_name(d->hosts, "");
    temp_name(d->revoked, "");
    temp_name(d->global, "");
    d->hosts_list[0] = d->hosts;
    d->revoked_list[0] = d->revoked;
    rig_init(&d->rig);
    d->rig.hook = hook;
    d->rig.ctx = d;
    d->cfg.host = "server";
    d->cfg.user = "joe";
    d->cfg.keys = &desk_keys[0];
    d->cfg.n_keys = 1;
    d->cfg.buf = 128 * 1024;
    d->cfg.known_hosts = d->hosts_list;
    d->cfg.n_known_hosts = 1;
    d->cfg.update_hosts = NACRE_UPDATE_YES;
    d->cfg.ctx = d;
    d->cfg.log = desk_log;
    return d;
}

void desk_free(struct desk *d)
{
    nacre_client_close(d->c);
    rig_free(&d->rig);
    if (d->loop.ops != NULL)
        ncr_loop_free(&d->loop);
    pair_buf_free(&d->log);
    unlink(d->hosts);
    unlink(d->revoked);
    unlink(d->global);
    free(d);
}

/* ---- Certificates ---- */

/* Principals "server" and "*.example.com". */
static const uint8_t desk_names[] = "\0\0\0\6server\0\0\0\x0d*.example.com";

struct nacre_cert desk_cert(void)
{
    struct nacre_cert c;

    cr_assert_eq(nacre_cert_begin(&c, desk_blob(1)), NACRE_OK);
    c.kind = NACRE_CERT_HOST;
    c.principals = (struct nacre_bytes){desk_names, sizeof desk_names - 1};
    c.valid_before = NACRE_CERT_FOREVER;
    return c;
}

struct nacre_bytes desk_sign(const struct nacre_cert *c, int ca)
{
    static uint8_t out[DESK_CERT_CAP];
    size_t n;

    cr_assert_eq(
        nacre_cert_issue(out, sizeof out, &n, c, &desk_keys[ca], NULL, &nacre_rng_os, desk_work),
        NACRE_OK);
    return (struct nacre_bytes){out, n};
}

void desk_line(struct desk *d, const char *marker, const char *hosts, int key)
{
    static const struct nacre_bytes none;
    char text[512];
    FILE *f = fopen(d->hosts, "a");

    cr_assert_eq(
        nacre_pubkey_format(text, sizeof text, key < 0 ? pair_key_blob(0) : desk_blob(key), none),
        NACRE_OK);
    fprintf(f, "%s%s %s\n", marker, hosts, text);
    cr_assert_eq(fclose(f), 0);
}

enum nacre_verdict desk_trust(struct desk *d, struct nacre_bytes shown)
{
    struct nacre_event ev;

    memset(&ev, 0, sizeof ev);
    ev.type = NACRE_EV_HOST_KEY;
    ev.blob = shown;
    nacre_client_close(d->c);
    cr_assert_eq(ncr_client_new(&d->c, &d->cfg), NACRE_OK);
    return ncr_client_trust(d->c, &ev);
}

/* ---- Visits ---- */

void desk_visit(struct desk *d)
{
    struct nacre_run run = {.command = "status 3"};
    int fds[2];

    cr_assert_eq(ncr_loop_init(&d->loop, NCR_LOOP_POLL), NACRE_OK);
    rig_sockets(fds);
    rig_start(&d->rig, &d->loop, fds[1]);
    cr_assert_eq(nacre_client_start(&d->c, &d->cfg, fds[0], fds[0]), NACRE_OK);
    cr_assert_eq(ncr_client_use_loop(d->c, &d->loop), NACRE_OK);
    cr_assert_eq(nacre_client_wait_ready(d->c), NACRE_OK, "%s", nacre_client_error(d->c));
    cr_assert_eq(nacre_client_run(d->c, &run), NACRE_OK);
    cr_assert_eq(run.status, 3);
    nacre_run_free(&run);
}

struct desk *desk_announcing(void)
{
    struct desk *d = desk_new();

    d->announce.offered[0] = pair_key_blob(0);
    d->announce.offered[1] = desk_blob(1);
    d->announce.offered[2] = desk_blob(2);
    d->announce.n = 3;
    return d;
}

bool desk_has(const struct desk *d, const char *host, struct nacre_bytes b)
{
    char line[512];

    cr_assert_eq(nacre_known_hosts_format(line, sizeof line, nacre_bytes_str(host), 22, b),
                 NACRE_OK);
    return strstr(desk_load(d->hosts), line) != NULL;
}
