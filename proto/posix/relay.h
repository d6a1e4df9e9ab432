/* SPDX-License-Identifier: ISC
 *
 * A relay joins one channel to descriptors: data of the channel goes to sinks, bytes of sources go
 * to the channel. Index 0 is the data stream, 1 extended data of type 1 (stderr).
 *
 * Payload is not copied in user space while the sink keeps up: DATA slices of all packets that one
 * read(2) brought are written straight to it with one writev(2), and read(2) of a source puts its
 * bytes where they will be sealed. What a sink does not take goes into its ring, which is as large
 * as the window granted: the engine never waits for a sink, no channel blocks another, and memory
 * is bounded. The window is given back as the sink takes the data.
 *
 * End of file goes both ways on its own: when all sources ended, the channel gets EOF; when the
 * peer sent EOF or CLOSE and a ring has drained, its sink is shut. A sink that fails (EPIPE)
 * swallows the rest, so that the channel lives on.
 */
#ifndef NCR_POSIX_RELAY_H
#define NCR_POSIX_RELAY_H

#include <sys/uio.h>

#include "proto/nacre.h"
#include "proto/posix/loop.h"

/* How a descriptor is read and written without blocking. */
enum ncr_fd_kind {
    NCR_FD_PLAIN = 0, /* made non-blocking by its owner, or always ready (a file) */
    NCR_FD_SOCKET,    /* MSG_DONTWAIT, MSG_NOSIGNAL; shut down in one direction */
    NCR_FD_POLLED     /* blocking, shared with other processes: one call per readiness */
};

enum ncr_relay_flags {
    NCR_RELAY_KEEP_FDS = 1, /* never closes or shuts a descriptor */
    NCR_RELAY_EOW = 2,      /* session: tells the peer eow@openssh.com when a sink broke */
    NCR_RELAY_CLOSE = 4     /* closes the channel once EOF went both ways (forwarded connections) */
};

#define NCR_RELAY_GATHER 32 /* slices written at once */

struct ncr_relay_sink {
    int fd; /* -1: none; data is dropped and credited */
    enum ncr_fd_kind kind;
    bool end;    /* the peer sends no more: shut when drained */
    bool broken; /* a write failed: swallow */
    bool shut;   /* nothing will be written any more */
    uint8_t *ring;
    size_t cap, start, len;
    struct iovec slice[NCR_RELAY_GATHER]; /* of the in-buffer, not written yet */
    unsigned n_slices;
};

struct ncr_relay_source {
    int fd; /* -1: none */
    enum ncr_fd_kind kind;
    bool held;  /* paused: stdin of a client before the command runs */
    bool ready; /* readable as far as we know: the channel lacked room */
    bool ended;
};

/* A watched descriptor: of a sink, of a source, or of a socket that is both. */
struct ncr_relay_port {
    struct ncr_relay *r;
    unsigned i; /* stream */
    struct ncr_watch watch;
};

struct ncr_relay {
    struct nacre_conn *conn;
    struct ncr_loop *loop;
    struct ncr_defer *step; /* queued when the connection has something to write */
    uint32_t chan;
    unsigned flags;
    bool open;   /* the channel exists */
    bool gather; /* set by who calls ncr_relay_push() before every nacre_conn_inbuf() */
    bool peer_eof, eof_sent, eow_sent, close_sent, finished;
    bool hold_eof, ended_told; /* hold_eof: EOF waits for ncr_relay_let_eof() */
    struct ncr_relay_sink sink[2];
    struct ncr_relay_source source[2];
    struct ncr_relay_port
        port[4]; /* sinks 0, 1, sources 0, 1; a socket that is both uses the sink's */
    /* Rewrites what was read in place, may make it one byte longer; NULL: none. Returns the length.
     */
    size_t (*filter)(void *ctx, uint8_t *p, size_t n);
    /* Told once when nothing is left to do: channel closed, sinks drained. May free the relay. */
    void (*done)(void *ctx, struct ncr_relay *r);
    /* Told once when all sources have ended while EOF is held; NULL: nobody. Frees nothing. */
    void (*ended)(void *ctx, struct ncr_relay *r);
    void *ctx;
    uint64_t bytes_in, bytes_out; /* to sinks, from sources */
    struct ncr_relay *next;       /* for who keeps a list */
};

/* Prepares a relay over an open (or opening) channel: zeroes, no descriptors. step is queued on
 * loop whenever output may wait. */
void ncr_relay_init(struct ncr_relay *r, struct nacre_conn *conn, struct ncr_loop *loop,
                    struct ncr_defer *step, uint32_t chan, unsigned flags);
/* Frees rings, removes watches, closes descriptors (unless KEEP_FDS). */
void ncr_relay_free(struct ncr_relay *r);

/* Gives the relay a descriptor to write stream i (0 or 1) to, its own from now on (unless
 * KEEP_FDS), on failure too; for a socket that is also the source, set the sink first. window is
 * what the channel granted (0: the configuration's default). Errors: NO_MEMORY, IO. */
NACRE_MUST_CHECK nacre_err ncr_relay_set_sink(struct ncr_relay *r, unsigned i, int fd,
                                              enum ncr_fd_kind kind, uint32_t window);
NACRE_MUST_CHECK nacre_err ncr_relay_set_source(struct ncr_relay *r, unsigned i, int fd,
                                                enum ncr_fd_kind kind);
/* What kind fd is: socket; file; a pipe or terminal that others share is POLLED. */
enum ncr_fd_kind ncr_fd_kind(int fd);

/* CHAN_DATA, CHAN_WRITABLE, CHAN_EOF, CHAN_CLOSED of this channel. Others are ignored. An error is
 * the connection's. */
NACRE_MUST_CHECK nacre_err ncr_relay_event(struct ncr_relay *r, const struct nacre_event *ev);
/* Writes the slices that were gathered. */
NACRE_MUST_CHECK nacre_err ncr_relay_push(struct ncr_relay *r);
/* Reads sources while they have bytes and the channel has room. Call after output was drained. */
NACRE_MUST_CHECK nacre_err ncr_relay_fill(struct ncr_relay *r);
/* Sources start or pause. */
void ncr_relay_hold(struct ncr_relay *r, unsigned i, bool held);
/* Sources are given up, as if they had ended. */
NACRE_MUST_CHECK nacre_err ncr_relay_end_source(struct ncr_relay *r, unsigned i);
/* EOF, if it was held, is sent when the sources have ended. */
NACRE_MUST_CHECK nacre_err ncr_relay_let_eof(struct ncr_relay *r);
/* True when all that was received has reached its sinks. */
bool ncr_relay_drained(const struct ncr_relay *r);

#endif
