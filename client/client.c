/* SPDX-License-Identifier: ISC
 *
 * The client library's connection: opening, stepping, waiting, the way of events. See
 * nacre_client.h.
 */
#include "client/client.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/names.h"

#define CLIENT_PORT 22
#define CLIENT_PATH_CAP 1024
#define CLIENT_IDENTITIES 6
/* With buffers from here on a channel takes larger packets than the usual 32 KiB: each costs a
 * write(2) to the sink. Peers send what they like up to it. */
#define CLIENT_BULK_FROM (256u * 1024)
#define CLIENT_BULK_PACKET (128u * 1024)

/* ---- Making ------------------------------------------------------------------------------ */

/* Files that are used where the configuration names none. */
struct client_defaults {
    struct nacre_client c; /* first: the two are one object */
    char hosts[CLIENT_PATH_CAP], identity[CLIENT_IDENTITIES][CLIENT_PATH_CAP];
    const char *hosts_list[1], *identity_list[CLIENT_IDENTITIES];
};

/* ssh's, in its order. */
static const char *const client_identities[CLIENT_IDENTITIES] = {
    "id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_mldsa44_ed25519"};

static const char *client_home(void)
{
    const char *home = getenv("HOME");
    const struct passwd *pw;

    if (home != NULL && home[0] != '\0')
        return home;
    pw = getpwuid(getuid());
    return pw != NULL ? pw->pw_dir : "";
}

static void client_default_files(struct client_defaults *d)
{
    struct nacre_client_cfg *cfg = &d->c.cfg;
    const char *home = client_home();

    (void)snprintf(d->hosts, sizeof d->hosts, "%s/.ssh/known_hosts", home);
    d->hosts_list[0] = d->hosts;
    for (size_t i = 0; i < CLIENT_IDENTITIES; i++) {
        (void)snprintf(d->identity[i], sizeof d->identity[i], "%s/.ssh/%s", home,
                       client_identities[i]);
        d->identity_list[i] = d->identity[i];
    }
    if (cfg->known_hosts == NULL) {
        cfg->known_hosts = d->hosts_list;
        cfg->n_known_hosts = 1;
    }
    if (cfg->identities == NULL && cfg->n_keys == 0 && cfg->n_sign_keys == 0) {
        cfg->identities = d->identity_list;
        cfg->n_identities = CLIENT_IDENTITIES;
    }
}

static bool client_set_user(struct nacre_client *c)
{
    const struct passwd *pw;
    const char *user = c->cfg.user;
    size_t n;

    if (user == NULL) {
        pw = getpwuid(getuid());
        user = pw != NULL ? pw->pw_name : getenv("LOGNAME");
    }
    n = user != NULL ? strlen(user) : 0;
    if (n == 0 || n >= sizeof c->user)
        return false;
    memcpy(c->user, user, n + 1);
    return true;
}

/* No failure is without a word. */
static nacre_err client_named(struct nacre_client *c, nacre_err err)
{
    if (err != NACRE_OK && c->error[0] == '\0')
        ncr_client_error(c, "%s", nacre_err_text(err));
    return err;
}

static nacre_err client_check(struct nacre_client *c)
{
    c->key_host = c->cfg.host_key_alias != NULL ? c->cfg.host_key_alias : c->cfg.host;
    c->key_port = c->cfg.host_key_alias != NULL ? CLIENT_PORT : c->cfg.port;
    if (c->cfg.host == NULL ||
        nacre_host_text(c->host_text, nacre_bytes_str(c->key_host), c->key_port) != NACRE_OK) {
        ncr_client_error(c, "not a host name");
        return NACRE_ERR_USAGE;
    }
    if (!client_set_user(c)) {
        ncr_client_error(c, "no user name");
        return NACRE_ERR_USAGE;
    }
    return ncr_plan_init(c);
}

nacre_err ncr_client_new(struct nacre_client **out, const struct nacre_client_cfg *cfg)
{
    struct client_defaults *d = calloc(1, sizeof *d);
    struct nacre_client *c;

    *out = NULL;
    if (d == NULL)
        return NACRE_ERR_NO_MEMORY;
    c = &d->c;
    c->cfg = *cfg;
    if (c->cfg.port == 0)
        c->cfg.port = CLIENT_PORT;
    if (c->cfg.rng == NULL)
        c->cfg.rng = &nacre_rng_os;
    if (c->cfg.channels == 0)
        c->cfg.channels = NCR_CLIENT_CHANNELS;
    if (c->cfg.buf == 0)
        c->cfg.buf = NACRE_BUF_BULK;
    if (c->cfg.conn.max_packet == 0 && c->cfg.buf >= CLIENT_BULK_FROM)
        c->cfg.conn.max_packet = CLIENT_BULK_PACKET;
    client_default_files(d);
    if (c->cfg.n_own_hosts == 0 && c->cfg.n_known_hosts > 0)
        c->cfg.n_own_hosts = 1;
    *out = c;
    return client_named(c, client_check(c));
}

static void client_event(void *ctx, const struct nacre_event *ev);
static void client_room(void *ctx);
static void client_over(void *ctx, nacre_err err);

static const struct nacre_algs *client_algs(const struct nacre_client *c)
{
    return c->cfg.conn.algs != NULL ? c->cfg.conn.algs : &nacre_algs_default;
}

/* The list that a specification means, into out. */
static nacre_err client_expand(const struct nacre_client *c, char *out, size_t cap,
                               enum nacre_alg_kind kind, const char *spec)
{
    return nacre_algs_expand(out, cap, client_algs(c), kind, c->cfg.conn.profile, spec);
}

/* Which of the names configured it is that is not known. */
static void client_blame_alg(struct nacre_client *c)
{
    const struct nacre_conn_cfg *f = &c->cfg.conn;
    const struct {
        const char *what;
        enum nacre_alg_kind kind;
        const char *list;
    } lists[] = {
        {"key exchange method", NACRE_ALG_KEX, f->kex},
        {"host key algorithm", NACRE_ALG_SIG, f->host_key_algs},
        {"public key algorithm", NACRE_ALG_SIG, c->cfg.pubkey_algs},
        {"certificate signature algorithm", NACRE_ALG_SIG, c->cfg.ca_sig_algs},
        {"cipher", NACRE_ALG_CIPHER, f->ciphers},
        {"MAC", NACRE_ALG_MAC, f->macs},
        {"compression", NACRE_ALG_COMP, f->comps},
    };
    char out[NCR_CLIENT_ALGS_CAP];
    struct nacre_bytes name;
    struct ncr_text t;

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const char *list = lists[i].list;

        if (list != NULL)
            list += strspn(list, "+-^");
        while (list != NULL && ncr_names_next(&list, &name)) {
            if (client_expand(c, out, sizeof out, lists[i].kind, ncr_text(&t, name)) != NACRE_OK) {
                ncr_client_error(c, "unknown or unavailable %s: %s", lists[i].what, t.s);
                return;
            }
        }
    }
    ncr_client_error(c, "malformed list of algorithms");
}

/* Lists that are walked here: host keys, known types first, and signatures of users. */
static nacre_err client_expand_lists(struct nacre_client *c)
{
    struct nacre_conn_cfg *cfg = &c->cfg.conn;
    char all[NCR_CLIENT_ALGS_CAP];
    nacre_err err = client_expand(c, all, sizeof all, NACRE_ALG_SIG, cfg->host_key_algs);

    if (err == NACRE_OK && c->cfg.ca_sig_algs != NULL)
        err = client_expand(c, c->prefer, sizeof c->prefer, NACRE_ALG_SIG, c->cfg.ca_sig_algs);
    if (err == NACRE_OK)
        err = client_expand(c, c->pubkey_algs, sizeof c->pubkey_algs, NACRE_ALG_SIG,
                            c->cfg.pubkey_algs);
    if (err == NACRE_OK)
        err = ncr_client_prefer_hosts(c, c->prefer, sizeof c->prefer, all);
    if (err == NACRE_OK)
        cfg->host_key_algs = c->prefer;
    return err;
}

/* The engine, before there is a connection: what is wrong with the configuration shows here. */
static nacre_err client_make_conn(struct nacre_client *c)
{
    struct nacre_conn_cfg *cfg = &c->cfg.conn;
    nacre_err err = client_expand_lists(c);

    if (err == NACRE_ERR_UNKNOWN_ALG)
        client_blame_alg(c);
    if (err != NACRE_OK)
        return client_named(c, err);
    err = NACRE_ERR_NO_MEMORY;
    cfg->work = c->work;
    c->mem_len = NACRE_CONN_MEM(c->cfg.channels, c->cfg.buf, c->cfg.buf) + nacre_conn_comp_mem(cfg);
    c->mem = malloc(c->mem_len);
    if (c->mem != NULL)
        err = nacre_conn_init(&c->conn, NACRE_CLIENT, cfg, c->cfg.rng, c->mem, c->mem_len,
                              c->cfg.channels);
    if (err == NACRE_ERR_UNKNOWN_ALG)
        client_blame_alg(c);
    return client_named(c, err);
}

static void client_attach(struct nacre_client *c, int rfd, int wfd)
{
    c->conn_made = true;
    (void)ncr_sock_name(rfd, true, c->peer, &c->peer_port); /* a pipe has none: port 0 says so */
    ncr_drive_init(&c->drive, &c->conn, rfd, wfd);
    c->drive.event = client_event;
    c->drive.room = client_room;
    c->drive.over = client_over;
    c->drive.ctx = c;
    c->wants = NACRE_WANT_READ | NACRE_WANT_WRITE;
}

nacre_err ncr_client_connect(struct nacre_client *c)
{
    nacre_err err = client_make_conn(c);
    int fd;

    if (err != NACRE_OK)
        return err;
    fd = ncr_client_dial(c);
    if (fd < 0)
        return NACRE_ERR_IO;
    client_attach(c, fd, fd);
    return NACRE_OK;
}

nacre_err ncr_client_connect_fd(struct nacre_client *c, int fd)
{
    nacre_err err = client_make_conn(c);

    if (err != NACRE_OK) {
        (void)close(fd); /* taken over, never used */
        return err;
    }
    c->version_by =
        ncr_clock_deadline(c->cfg.connect_ms != 0 ? c->cfg.connect_ms : NCR_CLIENT_CONNECT_MS);
    client_attach(c, fd, fd);
    return NACRE_OK;
}

nacre_err nacre_client_start(struct nacre_client **c, const struct nacre_client_cfg *cfg, int rfd,
                             int wfd)
{
    nacre_err err = ncr_client_new(c, cfg);

    if (err == NACRE_OK)
        err = client_make_conn(*c);
    if (err == NACRE_OK) {
        client_attach(*c, rfd, wfd);
        return NACRE_OK;
    }
    (void)close(rfd); /* taken over, never used */
    if (wfd != rfd)
        (void)close(wfd);
    return err;
}

nacre_err nacre_client_open(struct nacre_client **c, const struct nacre_client_cfg *cfg)
{
    nacre_err err = ncr_client_new(c, cfg);

    if (err == NACRE_OK)
        err = ncr_client_connect(*c);
    return err != NACRE_OK ? err : nacre_client_wait_ready(*c);
}

nacre_err ncr_client_use_loop(struct nacre_client *c, struct ncr_loop *l)
{
    c->loop = l;
    return client_named(c, ncr_drive_start(&c->drive, l));
}

void nacre_client_close(struct nacre_client *c)
{
    if (c == NULL)
        return;
    if (c->conn_made && c->state != NACRE_CLIENT_OVER) {
        /* A goodbye, as far as it goes out at once. */
        if (nacre_conn_close(&c->conn, NACRE_REASON_BY_APPLICATION, "disconnected by user") ==
            NACRE_OK)
            (void)ncr_drive_step(&c->drive, NCR_LOOP_WRITE, ncr_clock_ms());
    }
    if (c->conn_made) {
        ncr_drive_stop(&c->drive);
        (void)close(c->drive.rfd); /* all that could be said was said */
        if (c->drive.wfd != c->drive.rfd)
            (void)close(c->drive.wfd);
        nacre_conn_wipe(&c->conn);
    }
    ncr_plan_free(&c->plan);
    ncr_host_update_free(c);
    free(c->host_proof);
    free(c->mem);
    free(c); /* struct client_defaults begins here */
}

/* ---- Small things ------------------------------------------------------------------------ */

const char *nacre_client_error(const struct nacre_client *c)
{
    return c == NULL ? "out of memory" : c->error;
}

struct nacre_conn *nacre_client_conn(struct nacre_client *c)
{
    return &c->conn;
}

enum nacre_client_state nacre_client_state(const struct nacre_client *c)
{
    return c->state;
}

int nacre_client_fd(const struct nacre_client *c, bool write)
{
    return write ? c->drive.wfd : c->drive.rfd;
}

unsigned nacre_client_wants(const struct nacre_client *c)
{
    return c->wants;
}

void ncr_client_add_user(struct nacre_client *c, struct ncr_chan_user *u)
{
    u->next = c->users;
    c->users = u;
}

void ncr_client_remove_user(struct nacre_client *c, struct ncr_chan_user *u)
{
    struct ncr_chan_user **at = &c->users;

    while (*at != NULL && *at != u)
        at = &(*at)->next;
    if (*at != NULL)
        *at = u->next;
}

void ncr_client_kick(struct nacre_client *c)
{
    c->stepped = false;
    ncr_drive_kick(&c->drive);
}

void ncr_client_fail(struct nacre_client *c, nacre_err err, uint32_t reason, const char *text)
{
    if (c->err == NACRE_OK)
        c->err = err;
    if (nacre_conn_close(&c->conn, reason, text) == NACRE_OK) /* else it has ended by itself */
        ncr_client_kick(c);
}

/* False: no room now. Other errors are the connection's, or the question was cancelled. */
static bool client_try_answer(struct nacre_client *c, uint32_t id, enum nacre_verdict verdict)
{
    struct nacre_answer a = {.id = id, .verdict = verdict};

    return nacre_conn_answer(&c->conn, &a) != NACRE_ERR_NO_ROOM;
}

void ncr_client_answer(struct nacre_client *c, uint32_t id, enum nacre_verdict verdict)
{
    if (c->n_late == 0 && client_try_answer(c, id, verdict)) {
        ncr_client_kick(c);
        return;
    }
    if (c->n_late == NCR_CLIENT_LATE) {
        ncr_client_fail(c, NACRE_ERR_HELD_FULL, NACRE_REASON_BY_APPLICATION, "too many questions");
        return;
    }
    c->late[c->n_late].id = id;
    c->late[c->n_late++].verdict = verdict;
}

static void client_answer_late(struct nacre_client *c)
{
    unsigned done = 0;

    while (done < c->n_late && client_try_answer(c, c->late[done].id, c->late[done].verdict))
        done++;
    c->n_late -= done;
    memmove(c->late, c->late + done, c->n_late * sizeof c->late[0]);
}

void ncr_client_refuse(struct nacre_client *c, uint32_t id)
{
    ncr_client_answer(c, id, NACRE_REFUSE);
}

uint64_t ncr_client_pause(const struct nacre_client *c)
{
    (void)c;
    return ncr_clock_ms();
}

void ncr_client_resume(struct nacre_client *c, uint64_t since)
{
    c->drive.skew += ncr_clock_ms() - since;
}

/* ---- Events ------------------------------------------------------------------------------ */

/* An agent may be told of it. */
static bool client_keep_host_proof(struct nacre_client *c, const struct nacre_event *ev)
{
    uint8_t *p = malloc(ev->blob.n + ev->data.n + 1);

    if (p == NULL) {
        ncr_client_error(c, "%s", nacre_err_text(NACRE_ERR_NO_MEMORY));
        return false;
    }
    memcpy(p, ev->blob.p, ev->blob.n);
    memcpy(p + ev->blob.n, ev->data.p, ev->data.n);
    free(c->host_proof);
    c->host_proof = p;
    c->host_blob = (struct nacre_bytes){p, ev->blob.n};
    c->host_sig = (struct nacre_bytes){p + ev->blob.n, ev->data.n};
    return true;
}

static void client_on_host_key(struct nacre_client *c, const struct nacre_event *ev)
{
    enum nacre_verdict verdict = ncr_client_trust(c, ev);

    if (verdict == NACRE_ACCEPT && !client_keep_host_proof(c, ev))
        verdict = NACRE_REFUSE;
    if (verdict != NACRE_ACCEPT && c->error[0] == '\0')
        ncr_client_error(c, "Host key verification failed.");
    ncr_client_answer(c, ev->id, verdict);
}

static void client_on_banner(struct nacre_client *c, struct nacre_bytes text)
{
    char *line = malloc(NCR_ESCAPE_ROOM(text.n));

    if (line != NULL && c->cfg.banner != NULL) {
        (void)ncr_escape(line, NCR_ESCAPE_ROOM(text.n), text, NCR_ESCAPE_TEXT);
        c->cfg.banner(c->cfg.ctx, line);
    }
    free(line);
}

static void client_on_version(struct nacre_client *c, const struct nacre_event *ev)
{
    struct ncr_text t;

    c->version_by = NCR_NEVER;
    ncr_client_log(c, NACRE_LOG_DEBUG, "Remote protocol version and software: %s",
                   ncr_text(&t, ev->data));
}

/* What concerns the connection as a whole. False: not ours. */
static bool client_own_event(struct nacre_client *c, const struct nacre_event *ev)
{
    struct ncr_text t;

    switch (ev->type) {
    case NACRE_EV_VERSION:
        client_on_version(c, ev);
        return true;
    case NACRE_EV_PRE_LINE:
        ncr_client_log(c, NACRE_LOG_DEBUG, "line before the version: %s", ncr_text(&t, ev->data));
        return true;
    case NACRE_EV_KEX_DONE:
        ncr_client_tell_kex(c);
        ncr_plan_room(c);
        return true;
    case NACRE_EV_HOST_KEY:
        client_on_host_key(c, ev);
        return true;
    case NACRE_EV_GLOBAL:
    case NACRE_EV_GLOBAL_REPLY:
        return ncr_host_update_event(c, ev);
    case NACRE_EV_BANNER:
        client_on_banner(c, ev->data);
        return true;
    case NACRE_EV_DEBUG:
        ncr_client_log(c, ev->accepted ? NACRE_LOG_INFO : NACRE_LOG_DEBUG, "Remote: %s",
                       ncr_text(&t, ev->data));
        return true;
    case NACRE_EV_SIGN:
    case NACRE_EV_AUTH_NEXT:
    case NACRE_EV_AUTH_PROMPT:
    case NACRE_EV_AUTH_CHANGE:
    case NACRE_EV_AUTH_SUCCESS:
        ncr_plan_event(c, ev);
        return true;
    default:
        return false;
    }
}

static bool client_is_channel_event(const struct nacre_event *ev)
{
    return ev->type >= NACRE_EV_CHAN_OPENED && ev->type <= NACRE_EV_CHAN_REPLY;
}

static struct ncr_chan_user *client_user_of(struct nacre_client *c, const struct nacre_event *ev)
{
    struct ncr_chan_user *u = client_is_channel_event(ev) ? c->users : NULL;

    while (u != NULL && u->chan != ev->chan)
        u = u->next;
    return u;
}

/* Nobody wants it: questions are refused, data is dropped and credited. */
static void client_drop(struct nacre_client *c, const struct nacre_event *ev)
{
    if (ev->id != 0)
        ncr_client_refuse(c, ev->id);
    if (ev->type == NACRE_EV_CHAN_DATA &&
        nacre_chan_consumed(&c->conn, ev->chan, (uint32_t)ev->data.n) != NACRE_OK)
        return; /* it sticks to the connection, or the channel is closing */
}

static void client_event(void *ctx, const struct nacre_event *ev)
{
    struct nacre_client *c = ctx;
    struct ncr_chan_user *u;

    if (client_own_event(c, ev))
        return;
    u = client_user_of(c, ev);
    if (u != NULL)
        u->event(u->ctx, ev);
    else if (c->cfg.event == NULL || !c->cfg.event(c->cfg.ctx, c, ev))
        client_drop(c, ev);
}

static void client_room(void *ctx)
{
    struct nacre_client *c = ctx;

    if (c->n_late > 0)
        client_answer_late(c);
    ncr_host_update_room(c);
    ncr_plan_room(c);
    for (struct ncr_chan_user *u = c->users, *next; u != NULL; u = next) {
        next = u->next;
        if (u->room != NULL)
            u->room(u->ctx);
    }
    if (c->cfg.room != NULL)
        c->cfg.room(c->cfg.ctx, c);
}

static void client_over(void *ctx, nacre_err err)
{
    struct nacre_client *c = ctx;

    if (c->err == NACRE_OK)
        c->err = err;
    ncr_client_explain(c, c->err);
    c->state = NACRE_CLIENT_OVER;
    c->wants = NACRE_WANT_CLOSED;
    for (struct ncr_chan_user *u = c->users, *next; u != NULL; u = next) {
        next = u->next;
        if (u->over != NULL)
            u->over(u->ctx, c->err);
    }
}

/* ---- Steps and waits --------------------------------------------------------------------- */

nacre_err nacre_client_step(struct nacre_client *c, unsigned ready)
{
    unsigned drive = ((ready & NACRE_WANT_READ) ? NCR_LOOP_READ : 0u) |
                     ((ready & NACRE_WANT_WRITE) ? NCR_LOOP_WRITE : 0u);
    unsigned want;

    if (!c->conn_made)
        return NACRE_ERR_USAGE;
    if (c->state == NACRE_CLIENT_OVER)
        return c->err;
    want = ncr_drive_step(&c->drive, drive, ncr_clock_ms());
    if (want == NCR_DRIVE_OVER)
        return c->err;
    c->wants = ((want & NCR_LOOP_READ) ? NACRE_WANT_READ : 0u) |
               ((want & NCR_LOOP_WRITE) ? NACRE_WANT_WRITE : 0u);
    return NACRE_OK;
}

static uint64_t client_deadline(const struct nacre_client *c)
{
    uint64_t d = ncr_drive_deadline(&c->drive);

    return c->version_by != 0 && c->version_by < d ? c->version_by : d;
}

uint64_t nacre_client_due(const struct nacre_client *c)
{
    uint64_t now = ncr_clock_ms();
    uint64_t d = client_deadline(c);

    return d == NCR_NEVER ? UINT64_MAX : d > now ? d - now : 0;
}

/* Polls the connection's own descriptors. */
static nacre_err client_poll(struct nacre_client *c, uint64_t until)
{
    struct pollfd p[2] = {{.fd = -1}, {.fd = -1}};
    unsigned ready = 0;

    if (c->wants & NACRE_WANT_READ)
        p[0] = (struct pollfd){.fd = c->drive.rfd, .events = POLLIN};
    if (c->wants & NACRE_WANT_WRITE)
        p[1] = (struct pollfd){.fd = c->drive.wfd, .events = POLLOUT};
    if (poll(p, 2, ncr_clock_timeout(until, ncr_clock_ms())) < 0 && errno != EINTR)
        return NACRE_ERR_IO;
    ready |= p[0].revents != 0 ? NACRE_WANT_READ : 0u;
    ready |= p[1].revents != 0 ? NACRE_WANT_WRITE : 0u;
    return nacre_client_step(c, ready);
}

static void client_check_version(struct nacre_client *c, uint64_t now)
{
    if (c->version_by == 0 || now < c->version_by || nacre_conn_peer_version(&c->conn).n > 0)
        return;
    c->err = NACRE_ERR_TIMEOUT;
    ncr_client_explain(c, NACRE_ERR_TIMEOUT);
    ncr_client_fail(c, NACRE_ERR_TIMEOUT, NACRE_REASON_CONNECTION_LOST, "timed out");
}

nacre_err ncr_client_wait(struct nacre_client *c, uint64_t until)
{
    uint64_t due = client_deadline(c);
    nacre_err err;

    if (c->state == NACRE_CLIENT_OVER)
        return c->err;
    due = due < until ? due : until;
    if (c->loop != NULL) {
        err = ncr_loop_once(c->loop, due);
        if (err == NACRE_OK && c->state == NACRE_CLIENT_OVER)
            err = c->err;
    } else {
        if (!c->stepped) {
            c->stepped = true;
            err = nacre_client_step(c, NACRE_WANT_WRITE);
            if (err != NACRE_OK)
                return err;
        }
        err = client_poll(c, due);
    }
    client_check_version(c, ncr_clock_ms());
    if (err == NACRE_OK && until != NCR_NEVER && ncr_clock_ms() >= until)
        return NACRE_ERR_TIMEOUT;
    return err;
}

nacre_err nacre_client_wait_ready(struct nacre_client *c)
{
    nacre_err err = NACRE_OK;

    while (err == NACRE_OK && c->state < NACRE_CLIENT_READY)
        err = ncr_client_wait(c, NCR_NEVER);
    return err;
}
