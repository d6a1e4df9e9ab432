/* SPDX-License-Identifier: ISC
 *
 * The server library's insides: the server, its connections and their channels, as server.c
 * (accept, limits, time), peer.c (events to hooks, answers) and attach.c (what channels are joined
 * to) share them. One mapping holds a peer, its engine, the engine's region and the table of
 * channels.
 */
#ifndef NCR_PEER_H
#define NCR_PEER_H

#include "proto/posix/drive.h"
#include "proto/posix/loop.h"
#include "proto/posix/socket.h"
#include "server/gate.h"
#include "server/nacre_server.h"

#include <sys/types.h>

struct ncr_sftp_attach;
struct ncr_spawn;

/* What is owed to a channel until there is room; sent in this order. */
enum ncr_chan_owed {
    NCR_CHAN_OWES_STATUS = 1,
    NCR_CHAN_OWES_SIGNAL = 2,
    NCR_CHAN_OWES_EOF = 4,
    NCR_CHAN_OWES_CLOSE = 8
};

struct ncr_peer_chan {
    bool used;
    bool cut;      /* a write was cut short: the hook `writable` is due */
    bool peer_eof; /* seen, but told only when nothing is held */
    uint8_t owed;  /* set of enum ncr_chan_owed */
    bool owed_core;
    uint32_t owed_status;
    char owed_signal[16];
    void *data;
    /* Data that the application did not take; at most the window granted. */
    uint8_t *held;
    size_t held_cap, held_start, held_len;
    uint32_t held_ext;
    struct ncr_relay *relay;
    struct ncr_sftp_attach *sftp;
    struct ncr_spawn *spawn;
};

/* An answer that found no room: a verdict, without its texts. */
struct ncr_peer_late {
    struct ncr_peer_late *next;
    struct nacre_answer ans;
};

struct nacre_peer {
    struct nacre_server *server;
    struct nacre_peer *next, *prev;
    uint64_t serial;
    size_t map_len;
    struct nacre_conn *conn;
    bool owns_conn; /* false: an adopted engine, in a mapping of somebody else's */
    struct ncr_drive drive;
    struct ncr_timer delay; /* of the answer below */
    struct nacre_answer delayed;
    bool has_delayed;
    uint64_t asked_at; /* of the authentication request under way */
    enum nacre_auth_stage asked_stage;
    struct ncr_peer_late *late;
    uint8_t gate_addr[NCR_GATE_ADDR_LEN];
    bool starting, tried, told;
    unsigned proofs; /* of host keys, given: host_keys_update.c */
    uint32_t port;
    char addr[NCR_SOCK_NAME];
    char user[256];
    void *data;
    uint32_t n_chans, top; /* top: over every channel that was ever in use */
    struct ncr_peer_chan *chans;
};

struct ncr_server_listener {
    struct nacre_server *server;
    struct ncr_watch watch;
    struct ncr_server_listener *next;
};

struct nacre_server {
    struct nacre_server_cfg cfg;
    struct nacre_rng rng;
    uint64_t work[NACRE_WORK];
    struct ncr_loop loop;
    struct ncr_gate gate;
    struct ncr_server_listener *listeners;
    struct ncr_timer accept_again; /* out of descriptors: listeners rest */
    struct nacre_peer *peers;
    size_t n_peers;
    uint64_t serial;
    struct nacre_bytes *blobs; /* of cfg.keys */
    struct ncr_spawn *children;
    bool child_signal;
};

/* ---- server.c ---------------------------------------------------------------------------- */

/* A server with a loop of that kind; with gate false it has no limits and cannot admit: for adopted
 * connections only. */
NACRE_MUST_CHECK nacre_err ncr_server_new(struct nacre_server **out,
                                          const struct nacre_server_cfg *cfg,
                                          enum ncr_loop_kind kind, bool gate);
/* Serves the connection of an engine that is under way, whose memory stays the caller's. */
NACRE_MUST_CHECK nacre_err ncr_server_adopt(struct nacre_server *s, int fd, struct nacre_conn *conn,
                                            uint32_t channels, struct nacre_peer **out);
/* Leaves the loop and frees. */
void ncr_server_drop(struct nacre_peer *p);
/* The peer is authenticated or gone: it does not count as starting any more. */
void ncr_server_started(struct nacre_peer *p, enum ncr_gate_end end);

/* ---- peer.c ------------------------------------------------------------------------------ */

void ncr_peer_event(void *ctx, const struct nacre_event *ev);
void ncr_peer_room(void *ctx);
void ncr_peer_over(void *ctx, nacre_err err);
void ncr_peer_delay(void *ctx);
/* Gives an answer to the engine, late or delayed where that is due. */
NACRE_MUST_CHECK nacre_err ncr_peer_answer(struct nacre_peer *p, const struct nacre_answer *a);

/* ---- attach.c ---------------------------------------------------------------------------- */

struct ncr_peer_chan *ncr_peer_chan(struct nacre_peer *p, uint32_t chan);
void ncr_chan_data(struct nacre_peer *p, const struct nacre_event *ev);
void ncr_chan_eof(struct nacre_peer *p, uint32_t chan);
/* Whatever waits for room in the output or window. */
void ncr_chan_room(struct nacre_peer *p, uint32_t chan);
/* Frees what a channel holds. */
void ncr_chan_drop(struct nacre_peer *p, uint32_t chan);
/* The connection is gone: relays with it, whatever their sinks still lack. */
void ncr_peer_drop_relays(struct nacre_peer *p);
/* Joins descriptors; a session's stdin breaking is told to the peer. */
NACRE_MUST_CHECK nacre_err ncr_chan_attach(struct nacre_peer *p, uint32_t chan, int in_fd,
                                           int out_fd, int err_fd, unsigned flags);

/* ---- spawn.c ----------------------------------------------------------------------------- */

/* How to start a program on a channel. Strings are borrowed for the call. */
struct ncr_spawn_how {
    const char *file; /* path of the program */
    char *const *argv;
    char *const *envp;
    const char *dir;
    int tty;        /* slave of a terminal for all three descriptors, or -1: pipes */
    int tty_master; /* with tty: joined to the channel, then belongs to the library */
};
/* Starts it and joins it to the channel. *pid (may be NULL) is also its process group. */
NACRE_MUST_CHECK nacre_err ncr_spawn(struct nacre_peer *p, uint32_t chan,
                                     const struct ncr_spawn_how *how, pid_t *pid);
/* Sends a signal to the process group of the channel's program; false if it has none. */
bool ncr_spawn_kill(struct nacre_peer *p, uint32_t chan, int signo);
/* The channel is gone, or its output went on. */
void ncr_spawn_forget(struct nacre_peer *p, struct ncr_peer_chan *c);
void ncr_spawn_settle(struct nacre_peer *p, uint32_t chan);
/* Forgets the children that are left; they run on. */
void ncr_spawn_free(struct nacre_server *s);

#endif
