/* SPDX-License-Identifier: ISC
 *
 * The server library, part three: what channels are joined to. A channel's data goes to the hook,
 * to an SFTP server, or to descriptors by a relay (which then handles all of it). What the first
 * two do not take is held, at most the window that was granted, and offered again; only what was
 * taken is credited, so that a slow consumer slows its peer and nothing grows.
 */
#include "server/peer.h"

#include "sftp/nacre_sftp.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ATTACH_WINDOW (2u * 1024 * 1024) /* the engine's default: nacre_conn_cfg.window */

struct ncr_sftp_attach {
    struct nacre_sftp_server sftp;
    bool over;
    uint64_t mem[NACRE_SFTP_SERVER_MEM / sizeof(uint64_t)];
};

struct ncr_peer_chan *ncr_peer_chan(struct nacre_peer *p, uint32_t chan)
{
    if (chan >= p->n_chans) {
        return NULL;
    }
    p->top = chan < p->top ? p->top : chan + 1;
    return &p->chans[chan];
}

/* ---- What is owed ------------------------------------------------------------------------ */

static nacre_err attach_send_owed(struct nacre_peer *p, uint32_t chan, struct ncr_peer_chan *c,
                                  unsigned what)
{
    struct nacre_request r = {.kind = NACRE_REQ_EXIT_STATUS, .value = c->owed_status};
    switch (what) {
    case NCR_CHAN_OWES_STATUS:
        return nacre_chan_request(p->conn, chan, &r, false);
    case NCR_CHAN_OWES_SIGNAL:
        r.kind = NACRE_REQ_EXIT_SIGNAL;
        r.text = nacre_bytes_str(c->owed_signal);
        r.value = c->owed_core ? 1 : 0;
        return nacre_chan_request(p->conn, chan, &r, false);
    case NCR_CHAN_OWES_EOF:
        return c->relay != NULL ? ncr_relay_let_eof(c->relay) : nacre_chan_eof(p->conn, chan);
    default:
        return nacre_chan_close(p->conn, chan);
    }
}

/* Sends what is owed, in order, until there is no room. CLOSE waits for the relay's last byte. */
static void attach_owed(struct nacre_peer *p, uint32_t chan, struct ncr_peer_chan *c)
{
    static const unsigned order[] = {NCR_CHAN_OWES_STATUS, NCR_CHAN_OWES_SIGNAL, NCR_CHAN_OWES_EOF,
                                     NCR_CHAN_OWES_CLOSE};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (!(c->owed & order[i])) {
            continue;
        }
        bool early = order[i] == NCR_CHAN_OWES_CLOSE && c->relay != NULL && !c->relay->eof_sent;
        if (early || attach_send_owed(p, chan, c, order[i]) == NACRE_ERR_NO_ROOM) {
            return;
        }
        c->owed = (uint8_t)(c->owed & ~order[i]); /* other errors: the channel is closed already */
    }
}

static void attach_owe(struct nacre_peer *p, uint32_t chan, unsigned what)
{
    struct ncr_peer_chan *c = ncr_peer_chan(p, chan);
    if (c != NULL) {
        c->owed = (uint8_t)(c->owed | what);
        attach_owed(p, chan, c);
        ncr_drive_kick(&p->drive);
    }
}

void nacre_peer_exit(struct nacre_peer *p, uint32_t chan, int status)
{
    struct ncr_peer_chan *c = ncr_peer_chan(p, chan);
    if (c != NULL && status >= 0) {
        c->owed_status = (uint32_t)status;
        c->owed = (uint8_t)(c->owed | NCR_CHAN_OWES_STATUS);
    }
    attach_owe(p, chan, NCR_CHAN_OWES_EOF | NCR_CHAN_OWES_CLOSE);
}

void nacre_peer_exit_signal(struct nacre_peer *p, uint32_t chan, const char *name, bool core)
{
    struct ncr_peer_chan *c = ncr_peer_chan(p, chan);
    if (c != NULL) {
        size_t n = strlen(name);
        n = n < sizeof c->owed_signal ? n : sizeof c->owed_signal - 1;
        memcpy(c->owed_signal, name, n);
        c->owed_signal[n] = '\0';
        c->owed_core = core;
    }
    attach_owe(p, chan, NCR_CHAN_OWES_SIGNAL | NCR_CHAN_OWES_EOF | NCR_CHAN_OWES_CLOSE);
}

/* ---- SFTP -------------------------------------------------------------------------------- */

/* Moves output into packets while there is room. True if something moved. */
static bool attach_sftp_pump(struct nacre_peer *p, uint32_t chan, struct ncr_sftp_attach *a)
{
    bool moved = false;
    while (nacre_sftp_server_wants(&a->sftp) & NACRE_WANT_WRITE) {
        uint8_t *at;
        size_t room = 0;
        if (nacre_chan_reserve(p->conn, chan, 0, SIZE_MAX, &at, &room) != NACRE_OK || room == 0) {
            return moved;
        }
        size_t n = nacre_sftp_server_output(&a->sftp, at, room);
        nacre_err err = nacre_chan_commit(p->conn, chan, n);
        ncr_drive_kick(&p->drive); /* also for n 0: a long copy goes on in the next round */
        if (err != NACRE_OK || n == 0) {
            return moved;
        }
        moved = true;
    }
    return moved;
}

/* The dialogue has ended: as a program would, with a status. */
static void attach_sftp_end(struct nacre_peer *p, uint32_t chan, struct ncr_sftp_attach *a,
                            int status)
{
    if (!a->over) {
        a->over = true;
        nacre_sftp_server_close(&a->sftp);
        nacre_peer_exit(p, chan, status);
    }
}

static size_t attach_sftp_take(struct nacre_peer *p, uint32_t chan, struct ncr_sftp_attach *a,
                               struct nacre_bytes b)
{
    size_t done = 0;
    while (done < b.n && !a->over) {
        size_t used = 0;
        nacre_err err = nacre_sftp_server_recv(&a->sftp, b.p + done, b.n - done, &used);
        done += used;
        if (err != NACRE_OK) {
            attach_sftp_end(p, chan, a, 255);
        } else if (done < b.n && !attach_sftp_pump(p, chan, a)) {
            return done;
        }
    }
    return b.n;
}

nacre_err nacre_peer_sftp(struct nacre_peer *p, uint32_t chan, const struct nacre_fs *fs)
{
    struct ncr_peer_chan *c = ncr_peer_chan(p, chan);
    struct nacre_sftp_server_cfg cfg = {.fs = fs};
    if (c == NULL || c->sftp != NULL || c->relay != NULL) {
        return NACRE_ERR_USAGE;
    }
    struct ncr_sftp_attach *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return NACRE_ERR_NO_MEMORY;
    }
    nacre_err err = nacre_sftp_server_init(&a->sftp, a->mem, sizeof a->mem, &cfg);
    if (err != NACRE_OK) {
        free(a);
        return err;
    }
    c->sftp = a;
    return NACRE_OK;
}

/* ---- Data -------------------------------------------------------------------------------- */

/* Offers data to whoever takes it; how much was taken. */
static size_t attach_offer(struct nacre_peer *p, uint32_t chan, uint32_t ext, struct nacre_bytes b)
{
    struct ncr_peer_chan *c = ncr_peer_chan(p, chan);
    const struct nacre_server_cfg *cfg = &p->server->cfg;
    if (c == NULL || (c->sftp != NULL && ext != 0)) {
        return b.n; /* nobody takes it: dropped, credited */
    }
    if (c->sftp != NULL) {
        return attach_sftp_take(p, chan, c->sftp, b);
    }
    if (cfg->hooks->data == NULL) {
        return b.n;
    }
    size_t n = cfg->hooks->data(cfg->ctx, p, chan, ext, b);
    return n < b.n ? n : b.n;
}

static void attach_credit(struct nacre_peer *p, uint32_t chan, size_t n)
{
    nacre_err err = n > 0 ? nacre_chan_consumed(p->conn, chan, (uint32_t)n) : NACRE_OK;
    (void)err; /* closed meanwhile: nothing to credit */
}

/* Makes room for n more bytes behind those that are held, from the front or with more memory. */
static bool attach_held_room(struct nacre_peer *p, struct ncr_peer_chan *c, size_t n)
{
    size_t cap = p->server->cfg.conn.window != 0 ? p->server->cfg.conn.window : ATTACH_WINDOW;
    if (c->held == NULL) {
        c->held = malloc(cap);
        c->held_cap = c->held != NULL ? cap : 0;
    }
    if (c->held_cap - c->held_len < n) {
        return false;
    }
    if (c->held_cap - c->held_len - c->held_start < n) {
        memmove(c->held, c->held + c->held_start, c->held_len);
        c->held_start = 0;
    }
    return true;
}

static void attach_hold(struct nacre_peer *p, uint32_t chan, struct nacre_bytes b)
{
    struct ncr_peer_chan *c = ncr_peer_chan(p, chan);
    if (!attach_held_room(p, c, b.n)) {
        nacre_peer_disconnect(p, NACRE_REASON_BY_APPLICATION, "out of memory");
        return;
    }
    memcpy(c->held + c->held_start + c->held_len, b.p, b.n);
    c->held_len += b.n;
}

void ncr_chan_data(struct nacre_peer *p, const struct nacre_event *ev)
{
    struct ncr_peer_chan *c = ncr_peer_chan(p, ev->chan);
    struct nacre_bytes b = ev->data;
    if (c == NULL || ev->ext != 0) {
        (void)attach_offer(p, ev->chan, ev->ext, b); /* what is not taken of it is dropped */
        attach_credit(p, ev->chan, b.n);
        return;
    }
    size_t n = c->held_len == 0 ? attach_offer(p, ev->chan, 0, b) : 0;
    if (n < b.n) {
        attach_hold(p, ev->chan, (struct nacre_bytes){b.p + n, b.n - n});
    }
    attach_credit(p, ev->chan, n);
}

static void attach_offer_held(struct nacre_peer *p, uint32_t chan, struct ncr_peer_chan *c)
{
    struct nacre_bytes b = {c->held + c->held_start, c->held_len};
    size_t n = attach_offer(p, chan, 0, b);
    c->held_start = n < c->held_len ? c->held_start + n : 0;
    c->held_len -= n;
    attach_credit(p, chan, n);
}

/* The peer's EOF is told when everything before it was taken. */
static void attach_eof(struct nacre_peer *p, uint32_t chan, struct ncr_peer_chan *c)
{
    const struct nacre_server_cfg *cfg = &p->server->cfg;
    c->peer_eof = false;
    if (c->sftp != NULL) {
        (void)attach_sftp_pump(p, chan, c->sftp); /* replies to what came before */
        attach_sftp_end(p, chan, c->sftp, 0);
    } else if (cfg->hooks->eof != NULL) {
        cfg->hooks->eof(cfg->ctx, p, chan);
    }
}

void ncr_chan_eof(struct nacre_peer *p, uint32_t chan)
{
    struct ncr_peer_chan *c = ncr_peer_chan(p, chan);
    if (c != NULL) {
        c->peer_eof = true;
        ncr_chan_room(p, chan);
    }
}

void ncr_chan_room(struct nacre_peer *p, uint32_t chan)
{
    struct ncr_peer_chan *c = ncr_peer_chan(p, chan);
    if (c == NULL) {
        return;
    }
    if (c->sftp != NULL) {
        (void)attach_sftp_pump(p, chan, c->sftp);
    }
    if (c->held_len > 0) {
        attach_offer_held(p, chan, c);
    }
    bool replied = c->sftp == NULL || c->sftp->over ||
                   !(nacre_sftp_server_wants(&c->sftp->sftp) & NACRE_WANT_WRITE);
    if (c->peer_eof && c->held_len == 0 && replied) {
        attach_eof(p, chan, c);
    }
    if (c->cut && nacre_chan_window(p->conn, chan) > 0) {
        c->cut = false;
        if (p->server->cfg.hooks->writable != NULL) {
            p->server->cfg.hooks->writable(p->server->cfg.ctx, p, chan);
        }
    }
    if (c->spawn != NULL) {
        ncr_spawn_settle(p, chan);
    }
    if (c->owed != 0) {
        attach_owed(p, chan, c);
    }
}

size_t nacre_peer_write(struct nacre_peer *p, uint32_t chan, uint32_t ext, struct nacre_bytes b)
{
    struct ncr_peer_chan *c = ncr_peer_chan(p, chan);
    size_t done = 0, taken = 1;
    while (c != NULL && done < b.n && taken > 0) {
        taken = 0;
        if (nacre_chan_write(p->conn, chan, ext, b.p + done, b.n - done, &taken) != NACRE_OK) {
            break;
        }
        done += taken;
    }
    if (c != NULL && done < b.n) {
        c->cut = true;
    }
    if (done > 0) {
        ncr_drive_kick(&p->drive);
    }
    return done;
}

/* ---- Descriptors ------------------------------------------------------------------------- */

/* Channel closed and everything written: also called long after the channel's number was given to
 * another one. */
static void attach_relay_done(void *ctx, struct ncr_relay *r)
{
    struct nacre_peer *p = ctx;
    struct ncr_peer_chan *c = ncr_peer_chan(p, r->chan);
    if (c != NULL && c->relay == r) {
        c->relay = NULL;
    }
    ncr_drive_remove(&p->drive, r);
    ncr_relay_free(r);
    free(r);
}

void ncr_peer_drop_relays(struct nacre_peer *p)
{
    while (p->drive.relays != NULL) {
        attach_relay_done(p, p->drive.relays);
    }
}

static void attach_close(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

/* A descriptor that does not block needs no care for others that share it. */
static enum ncr_fd_kind attach_kind(int fd)
{
    enum ncr_fd_kind kind = ncr_fd_kind(fd);
    int flags = fcntl(fd, F_GETFL);
    return kind == NCR_FD_POLLED && flags >= 0 && (flags & O_NONBLOCK) != 0 ? NCR_FD_PLAIN : kind;
}

static nacre_err attach_descriptors(struct nacre_peer *p, struct ncr_relay *r, int in_fd,
                                    int out_fd, int err_fd)
{
    uint32_t window = p->server->cfg.conn.window;
    nacre_err err = NACRE_OK;
    if (in_fd >= 0) {
        err = ncr_relay_set_sink(r, 0, in_fd, attach_kind(in_fd), window);
    }
    if (err == NACRE_OK && out_fd >= 0) {
        err = ncr_relay_set_source(r, 0, out_fd, attach_kind(out_fd));
    } else if (out_fd >= 0 && out_fd != in_fd) {
        close(out_fd);
    }
    if (err == NACRE_OK && err_fd >= 0) {
        err = ncr_relay_set_source(r, 1, err_fd, attach_kind(err_fd));
    } else {
        attach_close(err_fd);
    }
    return err;
}

nacre_err ncr_chan_attach(struct nacre_peer *p, uint32_t chan, int in_fd, int out_fd, int err_fd,
                          unsigned flags)
{
    struct ncr_peer_chan *c = ncr_peer_chan(p, chan);
    struct ncr_relay *r =
        c != NULL && c->relay == NULL && c->sftp == NULL ? malloc(sizeof *r) : NULL;
    if (r == NULL) {
        attach_close(in_fd);
        attach_close(out_fd != in_fd ? out_fd : -1);
        attach_close(err_fd);
        return c == NULL || c->relay != NULL ? NACRE_ERR_USAGE : NACRE_ERR_NO_MEMORY;
    }
    ncr_relay_init(r, p->conn, &p->server->loop, &p->drive.step, chan, flags);
    r->done = attach_relay_done;
    r->ctx = p;
    nacre_err err = attach_descriptors(p, r, in_fd, out_fd, err_fd);
    if (err != NACRE_OK) {
        ncr_relay_free(r);
        free(r);
        return err;
    }
    c->relay = r;
    ncr_drive_add(&p->drive, r);
    ncr_drive_kick(&p->drive);
    return NACRE_OK;
}

nacre_err nacre_peer_attach(struct nacre_peer *p, uint32_t chan, int in_fd, int out_fd, int err_fd)
{
    return ncr_chan_attach(p, chan, in_fd, out_fd, err_fd, NCR_RELAY_CLOSE);
}

/* ---- The end ----------------------------------------------------------------------------- */

void ncr_chan_drop(struct nacre_peer *p, uint32_t chan)
{
    struct ncr_peer_chan *c = ncr_peer_chan(p, chan);
    if (c == NULL) {
        return;
    }
    if (c->spawn != NULL) {
        ncr_spawn_forget(p, c);
    }
    if (c->sftp != NULL) {
        nacre_sftp_server_close(&c->sftp->sftp);
        free(c->sftp);
    }
    free(c->held);
    memset(c, 0, sizeof *c); /* a relay lives on in the drive until its sinks have drained */
}
