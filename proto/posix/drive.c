/* SPDX-License-Identifier: ISC
 *
 * Drives a connection over a descriptor: see drive.h.
 */
#include "proto/posix/drive.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Turns of read, events, write in one step: enough to use what one write(2) freed, few enough that
 * one connection does not hold up the others. */
#define DRIVE_TURNS 4
/* Rounds of events in one turn, where the engine stops for what it has told to be taken: inflated
 * payloads, of which its memory holds one or a few (16 of 36 KiB). */
#define DRIVE_ROUNDS 16
/* How long a DISCONNECT may wait for a peer that does not read. */
#define DRIVE_LINGER_MS 3000

void ncr_drive_init(struct ncr_drive *d, struct nacre_conn *conn, int rfd, int wfd)
{
    memset(d, 0, sizeof *d);
    d->conn = conn;
    d->rfd = rfd;
    d->wfd = wfd;
    d->socket = rfd == wfd && ncr_fd_kind(rfd) == NCR_FD_SOCKET;
    d->can_write = true;
}

/* ---- Relays ------------------------------------------------------------------------------ */

void ncr_drive_add(struct ncr_drive *d, struct ncr_relay *r)
{
    r->next = d->relays;
    r->gather = true;
    d->relays = r;
}

void ncr_drive_remove(struct ncr_drive *d, struct ncr_relay *r)
{
    struct ncr_relay **at = &d->relays;

    while (*at != NULL && *at != r)
        at = &(*at)->next;
    if (*at != NULL)
        *at = r->next;
}

/* Found ones move to the front: traffic comes in runs. */
struct ncr_relay *ncr_drive_relay(struct ncr_drive *d, uint32_t chan)
{
    struct ncr_relay **at = &d->relays;
    struct ncr_relay *r;

    while (*at != NULL && ((*at)->chan != chan || !(*at)->open))
        at = &(*at)->next;
    r = *at;
    if (r != NULL && at != &d->relays) {
        *at = r->next;
        ncr_drive_add(d, r);
    }
    return r;
}

/* Every relay once, the front one last the next time: none starves behind a busy one. */
static void drive_fill(struct ncr_drive *d)
{
    struct ncr_relay *r = d->relays;
    struct ncr_relay *last = r;

    if (r == NULL)
        return;
    while (last->next != NULL)
        last = last->next;
    if (last != r) {
        d->relays = r->next;
        r->next = NULL;
        last->next = r;
    }
    for (r = d->relays; r != NULL;) {
        struct ncr_relay *next = r->next;

        /* An error is the connection's and sticks: next() tells it. */
        if (ncr_relay_fill(r) != NACRE_OK)
            return;
        r = next;
    }
}

/* ---- Bytes ------------------------------------------------------------------------------- */

/* One read(2) of all the room. */
static void drive_read(struct ncr_drive *d)
{
    size_t room = 0;
    uint8_t *p = nacre_conn_inbuf(d->conn, &room);
    ssize_t got;

    if (room == 0 || d->eof)
        return;
    got = d->socket ? recv(d->rfd, p, room, MSG_DONTWAIT) : read(d->rfd, p, room);
    if (got > 0) {
        nacre_conn_inack(d->conn, (size_t)got);
        d->can_read = (size_t)got == room;
    } else if (got < 0 && errno == EINTR) {
        return;
    } else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        d->can_read = false;
    } else {
        d->io_errno = got < 0 ? errno : 0;
        d->can_read = false;
        d->eof = true;
        nacre_conn_eof(d->conn);
    }
}

/* Writes what there is; true if something went. */
static bool drive_write(struct ncr_drive *d)
{
    struct nacre_bytes out = nacre_conn_out(d->conn);
    ssize_t put;

    if (out.n == 0 || d->broken || !d->can_write)
        return false;
    do {
        put = d->socket ? send(d->wfd, out.p, out.n, MSG_DONTWAIT | MSG_NOSIGNAL)
                        : write(d->wfd, out.p, out.n);
    } while (put < 0 && errno == EINTR);
    if (put >= 0) {
        nacre_conn_sent(d->conn, (size_t)put);
        d->can_write = (size_t)put == out.n;
        return put > 0;
    }
    d->can_write = false;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
        /* The peer may have said why before it went: what it sent is still read. */
        d->broken = true;
        d->io_errno = errno;
        d->can_read = true;
    }
    return false;
}

/* ---- Events ------------------------------------------------------------------------------ */

static bool drive_relayed(const struct nacre_event *ev)
{
    return ev->type == NACRE_EV_CHAN_DATA || ev->type == NACRE_EV_CHAN_WRITABLE ||
           ev->type == NACRE_EV_CHAN_EOF || ev->type == NACRE_EV_CHAN_CLOSED;
}

static nacre_err drive_tell(struct ncr_drive *d, const struct nacre_event *ev)
{
    struct ncr_relay *r = drive_relayed(ev) ? ncr_drive_relay(d, ev->chan) : NULL;

    if (r != NULL && ev->type == NACRE_EV_CHAN_CLOSED) {
        d->event(d->ctx, ev);
        r = ncr_drive_relay(d, ev->chan); /* the event may have removed it */
    }
    if (r == NULL) {
        d->event(d->ctx, ev);
        return NACRE_OK;
    }
    d->gathered |= ev->type == NACRE_EV_CHAN_DATA;
    return ncr_relay_event(r, ev);
}

/* What all packets of this read brought goes to its sinks. */
static nacre_err drive_push(struct ncr_drive *d)
{
    nacre_err err = NACRE_OK;

    if (!d->gathered)
        return NACRE_OK;
    d->gathered = false;
    for (struct ncr_relay *r = d->relays, *next; r != NULL && err == NACRE_OK; r = next) {
        next = r->next;
        err = ncr_relay_push(r);
    }
    return err;
}

static bool drive_more(const struct ncr_drive *d)
{
    return (nacre_conn_wants(d->conn) & NACRE_WANT_NEXT) != 0;
}

/* Events until there is none; the connection's error when it ended. */
static nacre_err drive_round(struct ncr_drive *d)
{
    struct nacre_event ev;
    nacre_err err, pushed;

    do {
        err = nacre_conn_next(d->conn, &ev);
        if (err == NACRE_OK && ev.type > NACRE_EV_AGAIN)
            err = drive_tell(d, &ev);
    } while (err == NACRE_OK && ev.type != NACRE_EV_NONE);
    pushed = drive_push(d); /* what came before an error is good */
    return err != NACRE_OK ? err : pushed;
}

static nacre_err drive_events(struct ncr_drive *d)
{
    nacre_err err = drive_round(d);

    for (unsigned i = 1; i < DRIVE_ROUNDS && err == NACRE_OK && drive_more(d); i++) {
        if (d->room != NULL)
            d->room(d->ctx); /* data that was told is good until the next round: it is used here */
        err = drive_round(d);
    }
    return err;
}

/* ---- Steps ------------------------------------------------------------------------------- */

/* The connection has ended with err: what is left is written, then it is told. */
static unsigned drive_end(struct ncr_drive *d, nacre_err err, uint64_t now)
{
    if (!d->ending)
        d->end_by = now + DRIVE_LINGER_MS;
    d->ending = true;
    while (drive_write(d))
        ;
    if (nacre_conn_out(d->conn).n > 0 && !d->broken && now < d->end_by)
        return NCR_LOOP_WRITE;
    if (d->over != NULL)
        d->over(d->ctx, err);
    return NCR_DRIVE_OVER;
}

uint64_t ncr_drive_deadline(const struct ncr_drive *d)
{
    uint64_t due = nacre_conn_deadline(d->conn);

    if (d->ending)
        return d->end_by;
    if (drive_more(d))
        return 0;
    return due >= NCR_NEVER - d->skew ? NCR_NEVER : due + d->skew;
}

static unsigned drive_wants(struct ncr_drive *d)
{
    unsigned wants = nacre_conn_wants(d->conn);
    unsigned want = 0;

    if ((wants & NACRE_WANT_READ) && !d->eof)
        want |= NCR_LOOP_READ;
    if (nacre_conn_out(d->conn).n > 0 && !d->broken)
        want |= NCR_LOOP_WRITE;
    return want;
}

unsigned ncr_drive_step(struct ncr_drive *d, unsigned ready, uint64_t now)
{
    nacre_err err = nacre_conn_tick(d->conn, now > d->skew ? now - d->skew : 0);

    d->can_read |= (ready & NCR_LOOP_READ) != 0;
    d->can_write |= (ready & NCR_LOOP_WRITE) != 0;
    for (unsigned turn = 0; turn < DRIVE_TURNS && err == NACRE_OK; turn++) {
        if (d->can_read)
            drive_read(d);
        err = drive_events(d);
        if (err != NACRE_OK)
            break;
        drive_fill(d);
        if (d->room != NULL)
            d->room(d->ctx);
        if (!drive_write(d) && !drive_more(d))
            break;
    }
    return err != NACRE_OK ? drive_end(d, err, now) : drive_wants(d);
}

/* ---- In a loop --------------------------------------------------------------------------- */

/* Both watches where reading and writing have descriptors of their own. */
static void drive_watch(struct ncr_drive *d, unsigned want)
{
    bool one = d->rfd == d->wfd;

    ncr_loop_want(d->loop, &d->rwatch, one ? want : want & NCR_LOOP_READ);
    ncr_loop_want(d->loop, &d->wwatch, want & NCR_LOOP_WRITE);
}

static void drive_deferred(void *ctx)
{
    struct ncr_drive *d = ctx;
    unsigned want = ncr_drive_step(d, 0, ncr_loop_now(d->loop));

    if (want == NCR_DRIVE_OVER)
        return;
    drive_watch(d, want);
    ncr_loop_timer_set(d->loop, &d->timer, ncr_drive_deadline(d));
    /* More to read than one buffer, more room than one write made, more than one step's rounds: in
     * the next round, after the others. */
    if ((d->can_read && (want & NCR_LOOP_READ)) || drive_more(d))
        ncr_drive_kick(d);
}

static void drive_ready(void *ctx, unsigned ready)
{
    struct ncr_drive *d = ctx;

    d->can_read |= (ready & NCR_LOOP_READ) != 0;
    d->can_write |= (ready & NCR_LOOP_WRITE) != 0;
    ncr_drive_kick(d);
}

static void drive_timer(void *ctx)
{
    ncr_drive_kick(ctx);
}

void ncr_drive_kick(struct ncr_drive *d)
{
    if (d->loop != NULL)
        ncr_loop_defer(d->loop, &d->step);
}

nacre_err ncr_drive_start(struct ncr_drive *d, struct ncr_loop *l)
{
    nacre_err err;

    d->step.fn = drive_deferred;
    d->step.ctx = d;
    err = ncr_loop_timer(l, &d->timer, drive_timer, d);
    if (err == NACRE_OK)
        err = ncr_loop_watch(l, &d->rwatch, d->rfd, 0, drive_ready, d);
    if (err == NACRE_OK && d->rfd != d->wfd)
        err = ncr_loop_watch(l, &d->wwatch, d->wfd, 0, drive_ready, d);
    d->loop = l;
    if (err != NACRE_OK)
        ncr_drive_stop(d);
    else
        ncr_drive_kick(d);
    return err;
}

void ncr_drive_stop(struct ncr_drive *d)
{
    if (d->loop == NULL)
        return;
    ncr_loop_undefer(d->loop, &d->step);
    ncr_loop_timer_remove(d->loop, &d->timer);
    ncr_loop_unwatch(d->loop, &d->rwatch);
    ncr_loop_unwatch(d->loop, &d->wwatch);
    d->loop = NULL;
}
