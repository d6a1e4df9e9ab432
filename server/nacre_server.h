/* SPDX-License-Identifier: ISC
 *
 * nacre's server library: one thread, one event loop, thousands of connections, callbacks. A thin
 * layer over the engine (proto/nacre.h): it accepts, reads, writes, keeps time and limits, and asks
 * the application through a table of hooks.
 *
 * Default deny: a hook that is NULL refuses, an answer that is not filled in refuses, so that a
 * zeroed table refuses everything. That a key was asked about (key_query) and that a key has signed
 * (key_proved) are different hooks; only the second one logs anybody in.
 *
 * A hook that asks gets the question as the engine's event and an answer to fill in. It returns
 * NACRE_NOW, or NACRE_LATER and calls nacre_server_answer() with the ticket when it knows. An
 * answer for a connection or question that is gone meanwhile is refused with USAGE, never
 * misapplied.
 *
 * Memory: one mapping for each connection, made at accept and touched as used; an idle
 * authenticated connection with the standard buffers touches less than 64 KiB. Nothing is allocated
 * per packet.
 */
#ifndef NACRE_SERVER_H
#define NACRE_SERVER_H

#include "proto/keys/nacre_certauth.h"
#include "proto/keys/nacre_keys.h"
#include "proto/nacre.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nacre_server;
/* One connected client. Valid from the hook `connected` to the end of the hook `gone`. */
struct nacre_peer;
struct nacre_fs;

enum nacre_when { NACRE_NOW = 0, NACRE_LATER };

/* Names a question across time: never reused. */
struct nacre_ticket {
    uint64_t peer;
    uint32_t id;
};

/* ev is borrowed for the call; ans is zeroed but for its id. */
typedef enum nacre_when (*nacre_ask_fn)(void *ctx, struct nacre_peer *peer,
                                        const struct nacre_event *ev, struct nacre_answer *ans);

struct nacre_server_hooks {
    /* Connections. NULL: every one that the limits admit is served. False closes it. */
    bool (*connected)(void *ctx, struct nacre_peer *peer);
    /* The peer is gone; why as nacre_err, more in nacre_conn_errinfo(). */
    void (*gone)(void *ctx, struct nacre_peer *peer, nacre_err err);

    /* Authentication: NACRE_EV_AUTH_REQUEST, one hook for each stage. */
    nacre_ask_fn none;
    nacre_ask_fn key_query;  /* may this key try? Gives no rights. NULL, or no answer: no */
    nacre_ask_fn key_proved; /* this key has signed */
    nacre_ask_fn password;
    nacre_ask_fn new_password;
    nacre_ask_fn interactive; /* CHALLENGE with prompts, or a verdict */
    nacre_ask_fn responses;
    void (*authenticated)(void *ctx, struct nacre_peer *peer, struct nacre_bytes user);
    /* Host key operations, where cfg.keys do not hold the key: NACRE_EV_SIGN. */
    nacre_ask_fn sign;

    /* Channels that the peer opens: NACRE_EV_CHAN_OPEN by type. */
    nacre_ask_fn open_session;
    nacre_ask_fn open_tcpip; /* direct-tcpip */
    nacre_ask_fn open_other;
    /* Requests on session channels: NACRE_EV_CHAN_REQUEST by kind. */
    nacre_ask_fn pty;
    nacre_ask_fn env;
    nacre_ask_fn shell;
    nacre_ask_fn exec;
    nacre_ask_fn subsystem;
    nacre_ask_fn request; /* every other kind */
    /* Global requests: NACRE_EV_GLOBAL by kind. */
    nacre_ask_fn forward;
    nacre_ask_fn cancel_forward;
    nacre_ask_fn global;

    /* Data: returns how many of the n bytes were taken. What was not is kept (at most the window of
     * the channel) and offered again when the channel can be written to. NULL takes all. */
    size_t (*data)(void *ctx, struct nacre_peer *peer, uint32_t chan, uint32_t ext,
                   struct nacre_bytes b);
    void (*eof)(void *ctx, struct nacre_peer *peer, uint32_t chan);
    /* After a write that was cut short: there is room again. */
    void (*writable)(void *ctx, struct nacre_peer *peer, uint32_t chan);
    /* The channel's number is free after this hook. */
    void (*closed)(void *ctx, struct nacre_peer *peer, uint32_t chan);
    /* Channels that we opened: confirmed, or refused (the number is then free). */
    void (*opened)(void *ctx, struct nacre_peer *peer, uint32_t chan);
    void (*open_failed)(void *ctx, struct nacre_peer *peer, uint32_t chan, uint32_t reason);
};

/* A zeroed configuration: no hooks (nobody gets in), no host key (nobody gets that far), the
 * standard limits. Everything it points to is borrowed until nacre_server_free(). */
struct nacre_server_cfg {
    const struct nacre_server_hooks *hooks;
    void *ctx;                        /* first argument of each hook */
    const struct nacre_privkey *keys; /* host keys, most preferred first */
    size_t n_keys;
    /* Template for each connection. host_keys: from keys, if there are none; certificates of keys
     * may be among them. auth_methods: those that have hooks, if 0. */
    struct nacre_conn_cfg conn;
    const struct nacre_rng *rng; /* NULL: nacre_rng_os */
    uint32_t channels;           /* per connection; 0: 10 */
    uint32_t buf;                /* bytes of in-buffer and out-buffer each; 0: NACRE_BUF_STANDARD */
    uint32_t max_peers;          /* 0: 10,000 */
    /* Connections not authenticated yet: from `begin` on dropped at random, `rate` per cent and
     * rising, to all at `full`. All 0: 10, 30, 100. */
    unsigned startups_begin, startups_rate, startups_full;
    unsigned startups_per_source; /* 0: 8 */
    bool no_penalties;      /* sources whose connections end badly are not refused for a time */
    unsigned fail_delay_ms; /* least time from a credential to its refusal; 0: 100 */
};

/* Makes a server. SIGPIPE is ignored from then on, if its action was the default one. */
NACRE_MUST_CHECK nacre_err nacre_server_new(struct nacre_server **out,
                                            const struct nacre_server_cfg *cfg);
/* Closes listeners and connections at once. */
void nacre_server_free(struct nacre_server *s);
/* Listens on addr (NULL: every address) and *port, which 0 leaves to the system and gets the port
 * in use. May be called several times. IO with errno. */
NACRE_MUST_CHECK nacre_err nacre_server_listen(struct nacre_server *s, const char *addr,
                                               uint32_t *port);
/* Serves a connected stream socket, which then belongs to the server, also on failure. */
NACRE_MUST_CHECK nacre_err nacre_server_serve(struct nacre_server *s, int fd,
                                              struct nacre_peer **peer);
/* Serves until nacre_server_stop(). */
NACRE_MUST_CHECK nacre_err nacre_server_run(struct nacre_server *s);
/* Waits at most ms milliseconds, and serves what is ready. */
NACRE_MUST_CHECK nacre_err nacre_server_once(struct nacre_server *s, uint64_t ms);
void nacre_server_stop(struct nacre_server *s);
size_t nacre_server_peers(const struct nacre_server *s);

/* Answers a question of which the hook said NACRE_LATER; a->id is ignored. */
NACRE_MUST_CHECK nacre_err nacre_server_answer(struct nacre_server *s, struct nacre_ticket t,
                                               const struct nacre_answer *a);

struct nacre_ticket nacre_peer_ticket(const struct nacre_peer *p, const struct nacre_event *ev);
/* The engine, for what has no call here; nacre_peer_kick() after calls outside of a hook. */
struct nacre_conn *nacre_peer_conn(struct nacre_peer *p);
void nacre_peer_kick(struct nacre_peer *p);
struct nacre_server *nacre_peer_server(struct nacre_peer *p);
/* Numeric address and port of the client; "UNKNOWN" and 0 if it is none of the internet. */
const char *nacre_peer_addr(const struct nacre_peer *p);
uint32_t nacre_peer_port(const struct nacre_peer *p);
/* User name of the authentication that succeeded, "" before. */
const char *nacre_peer_user(const struct nacre_peer *p);
/* In the hooks key_query and key_proved, whose ev->blob may be a certificate (nacre_cert_is()):
 * decides as nacre_cert_judge() does, with the time and the peer's address filled in, and, if the
 * policy names no principals, with the user's name for the only one. A policy with no authorities
 * refuses; so does a blob that is no certificate. In key_proved the flags of a security key are
 * looked at too, if the certificate wants them (verify-required). *rights says what the login may
 * do: the application has to hold it to that. Its slices lie in ev->blob: copy what is kept
 * (force-command). *what (may be NULL) says why not, for a log. */
NACRE_MUST_CHECK bool nacre_peer_judge_cert(struct nacre_peer *p, const struct nacre_event *ev,
                                            const struct nacre_cert_policy *policy,
                                            struct nacre_authkey *rights, const char **what);
/* A pointer of the application's, for the connection and for each channel; NULL at first. */
void nacre_peer_set_data(struct nacre_peer *p, void *data);
void *nacre_peer_data(const struct nacre_peer *p);
void nacre_peer_set_chan_data(struct nacre_peer *p, uint32_t chan, void *data);
void *nacre_peer_chan_data(const struct nacre_peer *p, uint32_t chan);

/* Writes to a channel what fits now and returns that; ext 0 is data, 1 stderr. The hook `writable`
 * tells when to go on. */
NACRE_MUST_CHECK size_t nacre_peer_write(struct nacre_peer *p, uint32_t chan, uint32_t ext,
                                         struct nacre_bytes b);
/* Ends a channel, in order and as soon as there is room: exit-status unless status is negative,
 * EOF, CLOSE. */
void nacre_peer_exit(struct nacre_peer *p, uint32_t chan, int status);
/* As exit, with exit-signal; name without "SIG". */
void nacre_peer_exit_signal(struct nacre_peer *p, uint32_t chan, const char *name, bool core);
/* Ends the connection with DISCONNECT. */
void nacre_peer_disconnect(struct nacre_peer *p, uint32_t reason, const char *text);

/* Host key rotation (hostkeys-00@openssh.com): tells an authenticated client of all cfg.keys; for
 * the hook `authenticated`. False: it could not be sent, which is no loss. */
bool nacre_peer_announce_keys(struct nacre_peer *p);
/* Proves those of cfg.keys that the client asks about, by a signature each, a bounded number of
 * them for a connection. It is a hook: for `global`, or to be called from there for
 * NACRE_GLOBAL_HOSTKEYS_PROVE; it refuses every other kind. */
enum nacre_when nacre_peer_prove_keys(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                      struct nacre_answer *ans);

/* Joins a channel to descriptors, which then belong to the library, also on failure: the channel's
 * data goes to in_fd; out_fd's bytes to the channel, err_fd's to its stderr. -1: none; in_fd and
 * out_fd may be one descriptor. The hooks data, eof and writable stay silent for the channel.
 * Errors: NO_MEMORY, IO, USAGE (no such channel, or joined already). */
NACRE_MUST_CHECK nacre_err nacre_peer_attach(struct nacre_peer *p, uint32_t chan, int in_fd,
                                             int out_fd, int err_fd);
/* Serves SFTP on a channel from a file system table, borrowed until the channel is closed. */
NACRE_MUST_CHECK nacre_err nacre_peer_sftp(struct nacre_peer *p, uint32_t chan,
                                           const struct nacre_fs *fs);
/* Starts argv[0] with the environment envp in directory dir (NULL: the current one), its three
 * standard descriptors joined to the channel, as the current user. The channel ends with the
 * program's exit status. Errors: as attach. */
NACRE_MUST_CHECK nacre_err nacre_peer_spawn(struct nacre_peer *p, uint32_t chan, char *const argv[],
                                            char *const envp[], const char *dir);

#ifdef __cplusplus
}
#endif
#endif
