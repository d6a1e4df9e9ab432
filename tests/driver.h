/* SPDX-License-Identifier: ISC
 *
 * A client over a socket for tests of servers: the engine in the client's role, blocking calls with
 * a deadline, and access to everything in between. While it waits it calls `idle`, so that a server
 * in the same process gets its turn.
 */
#ifndef NACRE_TESTS_DRIVER_H
#define NACRE_TESTS_DRIVER_H

#include "proto/keys/nacre_keys.h"
#include "proto/nacre.h"

struct driver_buf {
    uint8_t *p;
    size_t n;
};

struct driver {
    struct nacre_conn conn;
    void *mem;
    int fd;
    void (*idle)(void *ctx);
    void *ctx;
    unsigned deadline_ms; /* for each call */
    /* Answers. */
    const struct nacre_privkey *key;
    /* Not NULL: signs instead of the key; the signature blob, at most NACRE_SIG_BLOB_MAX bytes. */
    size_t (*sign)(void *ctx, const struct nacre_event *ev, uint8_t *out);
    void *sign_ctx;
    const char *responses[4]; /* keyboard-interactive, in order */
    size_t n_responses;
    /* What was seen. */
    nacre_err err; /* that ended the connection */
    bool authed, partial, next;
    unsigned methods;  /* of the last AUTH_NEXT */
    unsigned prompts;  /* rounds of keyboard-interactive */
    unsigned pk_asked; /* signatures made */
    uint32_t chan;
    bool opened, refused, closed, eof;
    uint32_t refuse_reason;
    unsigned replies_ok, replies_no;
    unsigned global_ok, global_no;
    uint32_t global_port;
    int status;      /* exit-status; -1: none */
    char signal[32]; /* exit-signal */
    struct driver_buf out, errs;
    char banner[256];
    uint8_t host_blob[8192]; /* the host key or certificate that was shown */
    size_t host_len;
    uint32_t incoming; /* forwarded-tcpip that was accepted */
    bool has_incoming;
    struct driver_buf incoming_data;
    struct nacre_conn_cfg cfg;
};

/* Takes fd over. */
void driver_init(struct driver *d, int fd);
void driver_free(struct driver *d);
/* Connects to a port of 127.0.0.1; -1 on failure. */
int driver_connect(uint32_t port);
/* One round: events, output, input; waits at most ms. */
void driver_step(struct driver *d, int ms);
/* Rounds until *flag, or the end of the connection, or the deadline. What *flag is then. */
bool driver_until(struct driver *d, const bool *flag);

/* Each sends a request and waits for the verdict: true if authenticated. */
bool driver_none(struct driver *d, const char *user);
bool driver_key(struct driver *d, const char *user, const struct nacre_privkey *key, bool probe);
/* The same with another algorithm and blob, a certificate's. */
bool driver_key_as(struct driver *d, const char *user, const char *alg, struct nacre_bytes blob,
                   const struct nacre_privkey *key, bool probe);
bool driver_password(struct driver *d, const char *user, const char *password);
bool driver_interactive(struct driver *d, const char *user, const char *response);

/* Opens a session channel. */
bool driver_session(struct driver *d);
/* A request with reply; whether it was granted. */
bool driver_request(struct driver *d, const struct nacre_request *r);
/* Runs a command to the end of its channel: status, or -1; input may be NULL. */
int driver_exec(struct driver *d, const char *command, const void *input, size_t n);
/* Sends EOF and waits for CLOSE, if the channel is open. */
void driver_finish(struct driver *d);
/* Sends all n bytes. */
bool driver_send(struct driver *d, uint32_t chan, const void *p, size_t n);
bool driver_out_is(const struct driver *d, const char *text);
/* Forgets what the last channel said. */
void driver_reset(struct driver *d);

#endif
