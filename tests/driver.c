/* SPDX-License-Identifier: ISC
 *
 * A client for tests of servers: see driver.h.
 */
#include "tests/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* What the operations work in. */
static uint64_t driver_work[NACRE_WORK];

#define DRIVER_BUF (64 * 1024)
#define DRIVER_CHANNELS 8

static uint64_t driver_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void driver_add(struct driver_buf *b, struct nacre_bytes d)
{
    uint8_t *p = realloc(b->p, b->n + d.n + 1);
    if (p == NULL) {
        abort();
    }
    if (d.n > 0) {
        memcpy(p + b->n, d.p, d.n);
    }
    b->p = p;
    b->n += d.n;
    b->p[b->n] = 0;
}

static void driver_clear(struct driver_buf *b)
{
    free(b->p);
    b->p = NULL;
    b->n = 0;
}

void driver_init(struct driver *d, int fd)
{
    struct nacre_conn_cfg cfg = d->cfg;
    size_t len = NACRE_CONN_MEM(DRIVER_CHANNELS, DRIVER_BUF, DRIVER_BUF);
    memset(d, 0, sizeof *d);
    d->cfg = cfg;
    d->cfg.work = driver_work;
    d->fd = fd;
    d->deadline_ms = 60000;
    d->status = -1;
    d->mem = calloc(1, len);
    d->err = d->mem == NULL ? NACRE_ERR_NO_MEMORY
                            : nacre_conn_init(&d->conn, NACRE_CLIENT, &d->cfg, &nacre_rng_os,
                                              d->mem, len, DRIVER_CHANNELS);
    if (fd >= 0) {
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
}

void driver_free(struct driver *d)
{
    if (d->fd >= 0) {
        close(d->fd);
    }
    if (d->mem != NULL) {
        nacre_conn_wipe(&d->conn);
    }
    free(d->mem);
    driver_clear(&d->out);
    driver_clear(&d->errs);
    driver_clear(&d->incoming_data);
    d->mem = NULL;
    d->fd = -1;
}

int driver_connect(uint32_t port)
{
    struct sockaddr_in in;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset(&in, 0, sizeof in);
    in.sin_family = AF_INET;
    in.sin_port = htons((uint16_t)port);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&in, sizeof in) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* ---- Events ------------------------------------------------------------------------------ */

static void driver_answer(struct driver *d, const struct nacre_answer *a)
{
    nacre_err err = nacre_conn_answer(&d->conn, a);
    if (err != NACRE_OK && d->err == NACRE_OK) {
        d->err = err;
    }
}

static void driver_sign(struct driver *d, const struct nacre_event *ev)
{
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    struct nacre_answer a = {.id = ev->id};
    size_t n = 0;
    d->pk_asked++;
    if (d->sign != NULL) {
        a.verdict = NACRE_ACCEPT;
        a.data = (struct nacre_bytes){sig, d->sign(d->sign_ctx, ev, sig)};
    } else if (d->key != NULL && nacre_privkey_sign(d->key, ev->alg, ev->data, sig, sizeof sig, &n,
                                                    &nacre_rng_os, driver_work) == NACRE_OK) {
        a.verdict = NACRE_ACCEPT;
        a.data = (struct nacre_bytes){sig, n};
    }
    driver_answer(d, &a);
}

static void driver_prompt(struct driver *d, const struct nacre_event *ev)
{
    struct nacre_bytes r[NACRE_PROMPTS_MAX];
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_ACCEPT, .responses = r};
    d->prompts++;
    for (size_t i = 0; i < ev->n_prompts; i++) {
        r[i] = nacre_bytes_str(i < d->n_responses ? d->responses[i] : "");
    }
    a.n_responses = ev->n_prompts;
    driver_answer(d, &a);
}

static void driver_request_seen(struct driver *d, const struct nacre_event *ev)
{
    const struct nacre_request *r = &ev->request;
    if (r->kind == NACRE_REQ_EXIT_STATUS) {
        d->status = (int)r->value;
    } else if (r->kind == NACRE_REQ_EXIT_SIGNAL && r->text.n < sizeof d->signal) {
        memcpy(d->signal, r->text.p, r->text.n);
        d->signal[r->text.n] = '\0';
    }
    if (ev->id != 0) {
        struct nacre_answer a = {.id = ev->id};
        driver_answer(d, &a);
    }
}

static void driver_data(struct driver *d, const struct nacre_event *ev)
{
    size_t n = ev->data.n;
    if (d->has_incoming && ev->chan == d->incoming) {
        driver_add(&d->incoming_data, ev->data);
    } else {
        driver_add(ev->ext == 0 ? &d->out : &d->errs, ev->data);
    }
    if (nacre_chan_consumed(&d->conn, ev->chan, (uint32_t)n) != NACRE_OK) {
        abort();
    }
}

static void driver_channel(struct driver *d, const struct nacre_event *ev)
{
    bool mine = ev->chan == d->chan;
    switch (ev->type) {
    case NACRE_EV_CHAN_OPENED:
        d->opened = d->opened || mine;
        break;
    case NACRE_EV_CHAN_FAILED:
        d->refused = d->refused || mine;
        d->refuse_reason = ev->reason;
        break;
    case NACRE_EV_CHAN_DATA:
        driver_data(d, ev);
        break;
    case NACRE_EV_CHAN_EOF:
        d->eof = d->eof || mine;
        break;
    case NACRE_EV_CHAN_CLOSED:
        d->closed = d->closed || mine;
        break;
    case NACRE_EV_CHAN_REPLY:
        d->replies_ok += ev->accepted;
        d->replies_no += !ev->accepted;
        break;
    default:
        break;
    }
}

static void driver_other(struct driver *d, const struct nacre_event *ev)
{
    struct nacre_answer yes = {.id = ev->id, .verdict = NACRE_ACCEPT};
    switch (ev->type) {
    case NACRE_EV_HOST_KEY:
        d->host_len = ev->blob.n < sizeof d->host_blob ? ev->blob.n : 0;
        memcpy(d->host_blob, ev->blob.p, d->host_len);
        driver_answer(d, &yes);
        break;
    case NACRE_EV_CHAN_OPEN: /* forwarded-tcpip */
        d->incoming = ev->chan;
        d->has_incoming = true;
        driver_answer(d, &yes);
        break;
    case NACRE_EV_GLOBAL_REPLY:
        d->global_ok += ev->accepted;
        d->global_no += !ev->accepted;
        d->global_port = ev->port;
        break;
    case NACRE_EV_BANNER:
        if (ev->data.n < sizeof d->banner) {
            memcpy(d->banner, ev->data.p, ev->data.n);
        }
        break;
    default:
        break;
    }
}

static void driver_event(struct driver *d, const struct nacre_event *ev)
{
    switch (ev->type) {
    case NACRE_EV_SIGN:
        driver_sign(d, ev);
        break;
    case NACRE_EV_AUTH_PROMPT:
        driver_prompt(d, ev);
        break;
    case NACRE_EV_AUTH_NEXT:
        d->next = true;
        d->methods = ev->methods;
        d->partial = ev->partial;
        break;
    case NACRE_EV_AUTH_SUCCESS:
        d->authed = d->next = true;
        break;
    case NACRE_EV_CHAN_REQUEST:
        driver_request_seen(d, ev);
        break;
    case NACRE_EV_CHAN_OPENED:
    case NACRE_EV_CHAN_FAILED:
    case NACRE_EV_CHAN_DATA:
    case NACRE_EV_CHAN_EOF:
    case NACRE_EV_CHAN_CLOSED:
    case NACRE_EV_CHAN_REPLY:
        driver_channel(d, ev);
        break;
    default:
        driver_other(d, ev);
        break;
    }
}

/* ---- Rounds ------------------------------------------------------------------------------ */

static void driver_output(struct driver *d)
{
    struct nacre_bytes out = nacre_conn_out(&d->conn);
    while (out.n > 0) {
        ssize_t n = send(d->fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0) {
            return;
        }
        nacre_conn_sent(&d->conn, (size_t)n);
        out = nacre_conn_out(&d->conn);
    }
}

static void driver_input(struct driver *d)
{
    size_t room = 0;
    uint8_t *p = nacre_conn_inbuf(&d->conn, &room);
    ssize_t n = room > 0 ? recv(d->fd, p, room, MSG_DONTWAIT) : -1;
    if (n > 0) {
        nacre_conn_inack(&d->conn, (size_t)n);
    } else if (room > 0 && (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))) {
        nacre_conn_eof(&d->conn);
    }
}

static void driver_events(struct driver *d)
{
    struct nacre_event ev;
    nacre_err err;
    do {
        err = nacre_conn_next(&d->conn, &ev);
        if (err == NACRE_OK) {
            driver_event(d, &ev);
        }
    } while (err == NACRE_OK && ev.type != NACRE_EV_NONE);
    if (err != NACRE_OK && d->err == NACRE_OK) {
        d->err = err;
    }
}

void driver_step(struct driver *d, int ms)
{
    struct pollfd p = {.fd = d->fd, .events = POLLIN};
    nacre_err err = nacre_conn_tick(&d->conn, driver_now());
    if (err == NACRE_OK) {
        driver_events(d);
    } else if (d->err == NACRE_OK) {
        d->err = err;
    }
    driver_output(d);
    if (d->idle != NULL) {
        d->idle(d->ctx);
        ms = 0;
    }
    if (nacre_conn_out(&d->conn).n > 0) {
        p.events |= POLLOUT;
    }
    if (poll(&p, 1, ms) > 0) {
        driver_input(d);
        driver_events(d);
        driver_output(d);
    }
}

bool driver_until(struct driver *d, const bool *flag)
{
    uint64_t until = driver_now() + d->deadline_ms;
    while (!*flag && d->err == NACRE_OK && driver_now() < until) {
        driver_step(d, 50);
    }
    return *flag;
}

/* ---- Authentication ---------------------------------------------------------------------- */

/* Ready for a request: the first AUTH_NEXT has come, or the last verdict. */
static bool driver_ready(struct driver *d)
{
    bool ok = driver_until(d, &d->next) && !d->authed;
    d->next = false;
    return ok;
}

static bool driver_verdict(struct driver *d, nacre_err err)
{
    if (err != NACRE_OK) {
        d->err = err;
        return false;
    }
    (void)driver_until(d, &d->next);
    return d->authed;
}

bool driver_none(struct driver *d, const char *user)
{
    return driver_ready(d) && driver_verdict(d, nacre_auth_none(&d->conn, user));
}

bool driver_key(struct driver *d, const char *user, const struct nacre_privkey *key, bool probe)
{
    return driver_key_as(d, user, "ssh-ed25519", nacre_privkey_public_blob(key), key, probe);
}

bool driver_key_as(struct driver *d, const char *user, const char *alg, struct nacre_bytes blob,
                   const struct nacre_privkey *key, bool probe)
{
    d->key = key;
    return driver_ready(d) &&
           driver_verdict(d, nacre_auth_publickey(&d->conn, user, alg, blob, probe));
}

bool driver_password(struct driver *d, const char *user, const char *password)
{
    return driver_ready(d) &&
           driver_verdict(d, nacre_auth_password(&d->conn, user, nacre_bytes_str(password)));
}

bool driver_interactive(struct driver *d, const char *user, const char *response)
{
    d->responses[0] = response;
    d->n_responses = 1;
    return driver_ready(d) && driver_verdict(d, nacre_auth_interactive(&d->conn, user, ""));
}

/* ---- Channels ---------------------------------------------------------------------------- */

void driver_reset(struct driver *d)
{
    d->opened = d->refused = d->closed = d->eof = false;
    d->replies_ok = d->replies_no = 0;
    d->status = -1;
    d->signal[0] = '\0';
    driver_clear(&d->out);
    driver_clear(&d->errs);
}

bool driver_session(struct driver *d)
{
    driver_reset(d);
    struct nacre_bytes none = {NULL, 0};
    if (nacre_chan_open(&d->conn, "session", none, &d->chan) != NACRE_OK) {
        return false;
    }
    uint64_t until = driver_now() + d->deadline_ms;
    while (!d->opened && !d->refused && d->err == NACRE_OK && driver_now() < until) {
        driver_step(d, 50);
    }
    return d->opened;
}

bool driver_request(struct driver *d, const struct nacre_request *r)
{
    unsigned ok = d->replies_ok, no = d->replies_no;
    uint64_t until = driver_now() + d->deadline_ms;
    if (nacre_chan_request(&d->conn, d->chan, r, true) != NACRE_OK) {
        return false;
    }
    while (d->replies_ok == ok && d->replies_no == no && d->err == NACRE_OK &&
           driver_now() < until) {
        driver_step(d, 50);
    }
    return d->replies_ok > ok;
}

bool driver_send(struct driver *d, uint32_t chan, const void *p, size_t n)
{
    uint64_t until = driver_now() + d->deadline_ms;
    const uint8_t *at = p;
    while (n > 0 && d->err == NACRE_OK && driver_now() < until) {
        size_t taken = 0;
        if (nacre_chan_write(&d->conn, chan, 0, at, n, &taken) != NACRE_OK) {
            return false;
        }
        at += taken;
        n -= taken;
        driver_step(d, taken > 0 ? 0 : 50);
    }
    return n == 0;
}

void driver_finish(struct driver *d)
{
    if (!d->closed && nacre_chan_eof(&d->conn, d->chan) == NACRE_OK) {
        (void)driver_until(d, &d->closed);
    }
}

int driver_exec(struct driver *d, const char *command, const void *input, size_t n)
{
    struct nacre_request r = {.kind = NACRE_REQ_EXEC, .data = nacre_bytes_str(command)};
    if (!driver_session(d) || !driver_request(d, &r)) {
        return -1;
    }
    if (n > 0 && !driver_send(d, d->chan, input, n)) {
        return -1;
    }
    driver_finish(d);
    (void)driver_until(d, &d->closed);
    return d->status;
}

bool driver_out_is(const struct driver *d, const char *text)
{
    size_t n = strlen(text);
    return d->out.n == n && (n == 0 || memcmp(d->out.p, text, n) == 0);
}
