/* SPDX-License-Identifier: ISC
 *
 * A server for tests of clients: see rig.h.
 */
#include "tests/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/posix/socket.h"

/* What the operations work in. */
static uint64_t rig_work[NACRE_WORK];

#define RIG_BUF (256 * 1024)

uint8_t rig_byte(uint64_t i)
{
    return (uint8_t)(i * 2654435761u >> 13 ^ i);
}

void rig_sockets(int fds[2])
{
    PAIR_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    PAIR_CHECK(ncr_fd_nonblock(fds[0], true) && ncr_fd_nonblock(fds[1], true));
}

static void rig_answer(struct rig *r, struct nacre_answer *a)
{
    PAIR_CHECK(nacre_conn_answer(&r->conn, a) == NACRE_OK);
    ncr_drive_kick(&r->drive);
}

/* ---- Authentication ---------------------------------------------------------------------- */

static unsigned rig_methods(const struct rig *r)
{
    unsigned set = r->plan.offered;

    if (set != 0)
        return set;
    if (r->plan.key >= 0 && !r->key_done)
        set |= NACRE_AUTH_PUBLICKEY;
    if (r->plan.need_both && !r->key_done)
        return set;
    if (r->plan.password != NULL || r->plan.expired != NULL)
        set |= NACRE_AUTH_PASSWORD;
    if (r->plan.prompts != NULL)
        set |= NACRE_AUTH_INTERACTIVE;
    return set;
}

static enum nacre_verdict rig_key(struct rig *r, const struct nacre_event *ev)
{
    bool known = r->plan.key >= 0 && ev->blob.n == pair_key_blob(r->plan.key).n &&
                 memcmp(ev->blob.p, pair_key_blob(r->plan.key).p, ev->blob.n) == 0;

    if (ev->stage == NACRE_STAGE_KEY_QUERY)
        r->keys_asked++;
    else
        r->keys_proved++;
    if (!known)
        return NACRE_REFUSE;
    if (ev->stage == NACRE_STAGE_KEY_PROVED && r->plan.need_both) {
        r->key_done = true;
        return NACRE_PARTIAL;
    }
    return NACRE_ACCEPT;
}

/* Each prompt is a round of its own. */
static enum nacre_verdict rig_interactive(struct rig *r, const struct nacre_event *ev,
                                          struct nacre_answer *a, struct nacre_prompt *prompt)
{
    if (r->plan.prompts == NULL || (r->plan.need_both && !r->key_done))
        return NACRE_REFUSE;
    if (ev->stage == NACRE_STAGE_INTERACTIVE)
        r->next_prompt = 0;
    else if (ev->n_prompts != 1 || !nacre_bytes_is(ev->responses[0], r->plan.response))
        return NACRE_REFUSE;
    if (r->plan.prompts[r->next_prompt] == NULL)
        return NACRE_ACCEPT;
    r->rounds++;
    prompt->text = nacre_bytes_str(r->plan.prompts[r->next_prompt++]);
    prompt->echo = false;
    a->prompts = prompt;
    a->n_prompts = 1;
    return NACRE_CHALLENGE;
}

static enum nacre_verdict rig_password(struct rig *r, const struct nacre_event *ev)
{
    r->passwords++;
    if (r->plan.need_both && !r->key_done)
        return NACRE_REFUSE;
    if (r->plan.expired != NULL && nacre_bytes_is(ev->data, r->plan.expired))
        return ev->stage == NACRE_STAGE_NEW_PASSWORD ? NACRE_ACCEPT : NACRE_CHANGE_PASSWORD;
    return r->plan.password != NULL && nacre_bytes_is(ev->data, r->plan.password) ? NACRE_ACCEPT
                                                                                  : NACRE_REFUSE;
}

static void rig_auth(struct rig *r, const struct nacre_event *ev)
{
    struct nacre_answer a = {.id = ev->id, .text = "Password expired"};
    struct nacre_prompt prompt;

    r->tries++;
    switch (ev->stage) {
    case NACRE_STAGE_NONE:
        a.verdict = r->plan.accept_none ? NACRE_ACCEPT : NACRE_REFUSE;
        break;
    case NACRE_STAGE_KEY_QUERY:
    case NACRE_STAGE_KEY_PROVED:
        a.verdict = rig_key(r, ev);
        break;
    case NACRE_STAGE_PASSWORD:
    case NACRE_STAGE_NEW_PASSWORD:
        a.verdict = rig_password(r, ev);
        break;
    default:
        a.verdict = rig_interactive(r, ev, &a, &prompt);
        break;
    }
    a.methods = rig_methods(r);
    rig_answer(r, &a);
}

/* ---- Commands ---------------------------------------------------------------------------- */

/* Room for such short messages is always there in a test. */
static void rig_end(struct rig *r, uint32_t chan, const struct nacre_request *how)
{
    struct rig_chan *k = &r->chan[chan];

    if (k->ended)
        return;
    k->ended = true;
    PAIR_CHECK(nacre_chan_request(&r->conn, chan, how, false) == NACRE_OK);
    PAIR_CHECK(nacre_chan_eof(&r->conn, chan) == NACRE_OK);
    PAIR_CHECK(nacre_chan_close(&r->conn, chan) == NACRE_OK);
}

static void rig_exit(struct rig *r, uint32_t chan, uint32_t status)
{
    struct nacre_request q = {.kind = NACRE_REQ_EXIT_STATUS, .value = status};

    rig_end(r, chan, &q);
}

static void rig_kill(struct rig *r, uint32_t chan)
{
    struct nacre_request q = {.kind = NACRE_REQ_EXIT_SIGNAL};

    q.text = nacre_bytes_str("TERM");
    q.data = nacre_bytes_str("killed");
    rig_end(r, chan, &q);
}

static bool rig_exec(struct rig *r, uint32_t chan, struct nacre_bytes command)
{
    static const struct {
        const char *name;
        enum rig_mode mode;
    } modes[] = {{"cat", RIG_CAT},   {"take", RIG_TAKE},   {"deaf", RIG_DEAF}, {"hang", RIG_HANG},
                 {"both", RIG_BOTH}, {"status", RIG_IDLE}, {"kill", RIG_IDLE}};
    struct rig_chan *k = &r->chan[chan];
    char text[64] = "";
    size_t n = command.n < sizeof text - 1 ? command.n : sizeof text - 1;
    char *arg;
    bool known = false;

    memcpy(text, command.p, n);
    arg = strchr(text, ' ');
    if (arg != NULL)
        *arg++ = '\0';
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i].name, text) == 0) {
            k->mode = modes[i].mode;
            known = true;
        }
    }
    if (k->mode == RIG_BOTH && arg != NULL)
        k->left[0] = k->left[1] = strtoul(arg, NULL, 10);
    return known;
}

static void rig_started(struct rig *r, uint32_t chan, struct nacre_bytes command)
{
    if (command.n >= 6 && memcmp(command.p, "status", 6) == 0)
        rig_exit(r, chan, (uint32_t)strtoul((const char *)command.p + 7, NULL, 10));
    if (nacre_bytes_is(command, "kill"))
        rig_kill(r, chan);
}

static void rig_log_request(struct rig *r, const struct nacre_request *q)
{
    pair_buf_print(
        &r->log, "%.*s %.*s %.*s %u %u\n", (int)q->name.n, (const char *)q->name.p, (int)q->text.n,
        q->text.n > 0 ? (const char *)q->text.p : "", q->kind == NACRE_REQ_PTY ? 0 : (int)q->data.n,
        q->data.n > 0 ? (const char *)q->data.p : "", (unsigned)q->cols, (unsigned)q->rows);
}

static void rig_request(struct rig *r, const struct nacre_event *ev)
{
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_ACCEPT};
    const struct nacre_request *q = &ev->request;
    struct nacre_bytes command = {NULL, 0};
    char text[64] = "";

    rig_log_request(r, q);
    r->eows += q->kind == NACRE_REQ_EOW;
    if (q->kind == NACRE_REQ_SUBSYSTEM)
        a.verdict = r->subsystem != NULL && r->subsystem(r->ctx, r, ev->chan, q->data)
                        ? NACRE_ACCEPT
                        : NACRE_REFUSE;
    else if (q->kind == NACRE_REQ_EXEC)
        a.verdict = rig_exec(r, ev->chan, q->data) ? NACRE_ACCEPT : NACRE_REFUSE;
    else if (q->kind == NACRE_REQ_SHELL)
        r->chan[ev->chan].mode = RIG_CAT;
    if (q->kind == NACRE_REQ_SUBSYSTEM && a.verdict == NACRE_ACCEPT)
        r->chan[ev->chan].mode = RIG_CUSTOM;
    if (q->kind == NACRE_REQ_EXEC && q->data.n < sizeof text) {
        memcpy(text, q->data.p, q->data.n);
        command = nacre_bytes_str(text);
    }
    if (ev->id != 0)
        rig_answer(r, &a);
    if (a.verdict == NACRE_ACCEPT && command.n > 0)
        rig_started(r, ev->chan, command);
}

/* ---- Data -------------------------------------------------------------------------------- */

static void rig_data(struct rig *r, const struct nacre_event *ev)
{
    struct rig_chan *k = &r->chan[ev->chan];

    k->got += ev->data.n;
    if (k->mode == RIG_CUSTOM) {
        r->data(r->ctx, r, ev->chan, ev->data);
        return;
    }
    if (k->mode == RIG_CAT)
        pair_buf_add(&k->pending, ev->data.p, ev->data.n);
    if (k->mode != RIG_DEAF)
        PAIR_CHECK(nacre_chan_consumed(&r->conn, ev->chan, (uint32_t)ev->data.n) == NACRE_OK);
}

static void rig_room_cat(struct rig *r, uint32_t chan, struct rig_chan *k)
{
    size_t taken = 1;

    while (k->pending.n > 0 && taken > 0) {
        PAIR_CHECK(nacre_chan_write(&r->conn, chan, 0, k->pending.p, k->pending.n, &taken) ==
                   NACRE_OK);
        pair_buf_drop(&k->pending, taken);
    }
    if (k->pending.n == 0 && k->eof)
        rig_exit(r, chan, 0);
}

static void rig_room_both(struct rig *r, uint32_t chan, struct rig_chan *k)
{
    uint8_t block[1000];
    size_t taken = 1;

    memset(block, 'x', sizeof block);
    for (unsigned i = 0; taken > 0 && k->left[0] + k->left[1] > 0; i ^= 1) {
        size_t n = k->left[i] < sizeof block ? k->left[i] : sizeof block;

        if (n == 0)
            continue;
        PAIR_CHECK(nacre_chan_write(&r->conn, chan, i, block, n, &taken) == NACRE_OK);
        k->left[i] -= taken;
    }
    if (k->left[0] + k->left[1] == 0)
        rig_exit(r, chan, 0);
}

static void rig_rooms(struct rig *r)
{

    for (uint32_t i = 0; i < RIG_CHANNELS; i++) {
        struct rig_chan *k = &r->chan[i];

        if (!k->open || k->ended)
            continue;
        if (k->mode == RIG_CAT)
            rig_room_cat(r, i, k);
        if (k->mode == RIG_BOTH)
            rig_room_both(r, i, k);
        if (k->mode == RIG_TAKE && k->eof)
            rig_exit(r, i, 0);
    }
    if (r->room != NULL)
        r->room(r->ctx, r);
}

static void rig_room(void *ctx)
{
    struct rig *r = ctx;

    if (r->work != NULL)
        r->work(true);
    rig_rooms(r);
    if (r->work != NULL)
        r->work(false);
}

/* ---- Events ------------------------------------------------------------------------------ */

static void rig_open(struct rig *r, const struct nacre_event *ev)
{
    struct nacre_answer a = {.id = ev->id, .text = "not \x1b]52;here"};

    r->opens++;
    PAIR_CHECK(ev->chan < RIG_CHANNELS);
    if (!r->plan.refuse_channels) {
        a.verdict = NACRE_ACCEPT;
        pair_buf_free(&r->chan[ev->chan].pending);
        memset(&r->chan[ev->chan], 0, sizeof r->chan[0]);
        r->chan[ev->chan].open = true;
        r->chan[ev->chan].mode = nacre_bytes_is(ev->name, "direct-tcpip") ? RIG_CAT : RIG_IDLE;
    }
    rig_answer(r, &a);
}

static void rig_global(struct rig *r, const struct nacre_event *ev)
{
    struct nacre_answer a = {.id = ev->id, .port = r->plan.forward_port};

    pair_buf_print(&r->log, "%.*s %.*s %u\n", (int)ev->global.name.n,
                   (const char *)ev->global.name.p, (int)ev->global.addr.n,
                   ev->global.addr.n > 0 ? (const char *)ev->global.addr.p : "",
                   (unsigned)ev->global.port);
    if (!r->plan.refuse_forward)
        a.verdict = NACRE_ACCEPT;
    if (ev->id != 0)
        rig_answer(r, &a);
}

static void rig_sign(struct rig *r, const struct nacre_event *ev)
{
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_ACCEPT};
    uint8_t sig[PAIR_SIG_LEN];

    a.data = pair_sign(sig, r->plan.host_key, ev->data);
    rig_answer(r, &a);
}

static void rig_act(struct rig *r, const struct nacre_event *ev)
{
    if (r->hook != NULL && r->hook(r->ctx, r, ev))
        return;
    switch (ev->type) {
    case NACRE_EV_SIGN:
        rig_sign(r, ev);
        break;
    case NACRE_EV_AUTH_REQUEST:
        rig_auth(r, ev);
        break;
    case NACRE_EV_CHAN_OPEN:
        rig_open(r, ev);
        break;
    case NACRE_EV_CHAN_REQUEST:
        rig_request(r, ev);
        break;
    case NACRE_EV_CHAN_DATA:
        rig_data(r, ev);
        break;
    case NACRE_EV_CHAN_EOF:
        r->chan[ev->chan].eof = true;
        break;
    case NACRE_EV_CHAN_CLOSED:
        r->chan[ev->chan].open = false;
        break;
    case NACRE_EV_GLOBAL:
        rig_global(r, ev);
        break;
    default:
        break;
    }
}

static void rig_event(void *ctx, const struct nacre_event *ev)
{
    struct rig *r = ctx;

    if (r->work != NULL)
        r->work(true);
    rig_act(r, ev);
    if (r->work != NULL)
        r->work(false);
}

static void rig_over(void *ctx, nacre_err err)
{
    struct rig *r = ctx;

    r->over = true;
    r->err = err;
    ncr_drive_stop(&r->drive);
    (void)close(r->drive.rfd); /* the client sees the end */
}

/* ---- Life -------------------------------------------------------------------------------- */

void rig_init(struct rig *r)
{
    memset(r, 0, sizeof *r);
    r->plan.key = 1;
    r->drive.rfd = -1;
}

void rig_start(struct rig *r, struct ncr_loop *l, int fd)
{
    size_t len = NACRE_CONN_MEM(RIG_CHANNELS, RIG_BUF, RIG_BUF) + nacre_conn_comp_mem(&r->cfg);

    r->loop = l;
    r->mem = malloc(len);
    PAIR_CHECK(r->mem != NULL);
    r->host_keys[0] = pair_key_blob(r->plan.host_key);
    r->cfg.host_keys = r->host_keys;
    r->cfg.n_host_keys = 1;
    r->cfg.auth_methods = rig_methods(r);
    r->cfg.work = rig_work;
    PAIR_CHECK(nacre_conn_init(&r->conn, NACRE_SERVER, &r->cfg, &nacre_rng_os, r->mem, len,
                               RIG_CHANNELS) == NACRE_OK);
    ncr_drive_init(&r->drive, &r->conn, fd, fd);
    r->drive.event = rig_event;
    r->drive.room = rig_room;
    r->drive.over = rig_over;
    r->drive.ctx = r;
    PAIR_CHECK(ncr_drive_start(&r->drive, l) == NACRE_OK);
}

void rig_free(struct rig *r)
{
    if (r->mem != NULL && !r->over) {
        ncr_drive_stop(&r->drive);
        (void)close(r->drive.rfd); /* the test is over */
    }
    for (unsigned i = 0; i < RIG_CHANNELS; i++)
        pair_buf_free(&r->chan[i].pending);
    pair_buf_free(&r->log);
    free(r->mem);
}
