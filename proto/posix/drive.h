/* SPDX-License-Identifier: ISC
 *
 * Drives one connection over a descriptor: reads into the engine's in-buffer, tells its events,
 * keeps its deadlines, writes its output. Per wake-up one read(2) of all the room, all events, one
 * write(2).
 *
 * Two forms: ncr_drive_step() alone for a loop of the caller's own; ncr_drive_start() hangs it into
 * a struct ncr_loop, where the step runs at the end of each round, so that what many descriptors
 * produced is written at once. Relays are served here: data of their channels goes to them without
 * passing the event function, and they are filled whenever output was drained.
 */
#ifndef NCR_POSIX_DRIVE_H
#define NCR_POSIX_DRIVE_H

#include "proto/nacre.h"
#include "proto/posix/loop.h"
#include "proto/posix/relay.h"

#define NCR_DRIVE_OVER 4u

struct ncr_drive {
    struct nacre_conn *conn;
    int rfd, wfd; /* equal for a socket */
    bool socket;  /* recv(2) and send(2) instead of read(2) and write(2) */
    /* Told every event but those of relayed channels' data. */
    void (*event)(void *ctx, const struct nacre_event *ev);
    /* Told whenever output has been drained to some extent: producers other than relays go on here.
     * May be NULL. */
    void (*room)(void *ctx);
    /* Told once: the connection is over (its error, CLOSED after an orderly end) and its output is
     * written or cannot be. The connection may be freed in it. */
    void (*over)(void *ctx, nacre_err err);
    void *ctx;
    struct ncr_relay *relays;
    /* private */
    struct ncr_loop *loop;
    struct ncr_defer step;
    struct ncr_timer timer;
    struct ncr_watch rwatch, wwatch;
    bool can_read, can_write, eof, broken, ending;
    bool gathered;   /* relays hold slices of the in-buffer */
    uint64_t skew;   /* milliseconds that do not count: a person was asked */
    uint64_t end_by; /* when a peer that does not take our last words is left alone */
    int io_errno;    /* of the read or write that failed */
};

/* conn, rfd, wfd and the callbacks are set, the rest is zero. */
void ncr_drive_init(struct ncr_drive *d, struct nacre_conn *conn, int rfd, int wfd);
NACRE_MUST_CHECK nacre_err ncr_drive_start(struct ncr_drive *d, struct ncr_loop *l);
/* Leaves the loop; descriptors stay open. */
void ncr_drive_stop(struct ncr_drive *d);

/* One step: ready says which directions may be tried (NCR_LOOP_READ, NCR_LOOP_WRITE). Returns what
 * to wait for, 0 if only an answer or the deadline can bring it on, or NCR_DRIVE_OVER: then all may
 * be gone, freed in `over`. */
unsigned ncr_drive_step(struct ncr_drive *d, unsigned ready, uint64_t now);
/* When the next step is due at the latest. */
uint64_t ncr_drive_deadline(const struct ncr_drive *d);
/* Runs the step at the end of this round: call after answering a question or sending something
 * outside of a callback of this drive. */
void ncr_drive_kick(struct ncr_drive *d);

void ncr_drive_add(struct ncr_drive *d, struct ncr_relay *r);
void ncr_drive_remove(struct ncr_drive *d, struct ncr_relay *r);
struct ncr_relay *ncr_drive_relay(struct ncr_drive *d, uint32_t chan);

#endif
