/* SPDX-License-Identifier: ISC
 *
 * Inside of the client library: the connection object and what its files share. The programs use it
 * too, to hang a connection into their event loop.
 */
#ifndef NCR_CLIENT_H
#define NCR_CLIENT_H

#include "client/auth_plan.h"
#include "client/host_update.h"
#include "client/nacre_client.h"
#include "proto/posix/drive.h"
#include "proto/posix/escape.h"
#include "proto/posix/socket.h"

#define NCR_CLIENT_ERROR_CAP 8192 /* two proposals of a failed negotiation, escaped */
#define NCR_CLIENT_TEXT_CAP 512   /* one piece of a peer's text in a line */
#define NCR_CLIENT_CHANNELS 16
#define NCR_CLIENT_LATE 32 /* answers that wait for room */
#define NCR_CLIENT_CONNECT_MS 120000
#define NCR_CLIENT_ALGS_CAP 2048 /* a list of algorithms */

/* Who takes the events of a channel: registered when it is opened. */
struct ncr_chan_user {
    uint32_t chan;
    void (*event)(void *ctx, const struct nacre_event *ev);
    void (*room)(void *ctx);                /* output was drained; may be NULL */
    void (*over)(void *ctx, nacre_err err); /* the connection is gone; may be NULL */
    void *ctx;
    struct ncr_chan_user *next;
};

struct nacre_client {
    struct nacre_client_cfg cfg;
    struct nacre_conn conn;
    uint64_t work[NACRE_WORK];
    void *mem;
    size_t mem_len;
    bool conn_made;
    struct ncr_drive drive;
    struct ncr_loop *loop; /* NULL: waits poll by themselves */
    enum nacre_client_state state;
    nacre_err err; /* of the end */
    unsigned wants;
    bool stepped;        /* wants is up to date */
    bool distrusted;     /* the host key had changed and was let pass */
    bool host_own;       /* the plain host key stands in a file of the user's own */
    uint64_t version_by; /* deadline of connecting, until the peer's version is there */
    char user[256];
    const char *key_host; /* host or its alias, as known_hosts names it */
    uint32_t key_port;
    char host_text[NACRE_HOST_TEXT_LEN]; /* as in known_hosts */
    char prefer[2048];                   /* host key algorithms in the order of what is known */
    char pubkey_algs[2048];              /* signature algorithms that may be used */
    char peer[NCR_SOCK_NAME];
    uint32_t peer_port;
    uint8_t *host_proof;                    /* what the next two lie in */
    struct nacre_bytes host_blob, host_sig; /* the host's key and its word for the session */
    struct ncr_auth_plan plan;
    struct ncr_host_update update;
    struct ncr_chan_user *users;
    struct {
        uint32_t id;
        enum nacre_verdict verdict;
    } late[NCR_CLIENT_LATE];
    unsigned n_late;
    char error[NCR_CLIENT_ERROR_CAP];
};

/* A peer's bytes as text, for one line. */
struct ncr_text {
    char s[NCR_CLIENT_TEXT_CAP];
};
const char *ncr_text(struct ncr_text *t, struct nacre_bytes b);

/* ---- client.c ---- */

/* Makes the object, without a connection. */
NACRE_MUST_CHECK nacre_err ncr_client_new(struct nacre_client **c,
                                          const struct nacre_client_cfg *cfg);
/* Looks the host up, connects and makes the engine. Blocks. */
NACRE_MUST_CHECK nacre_err ncr_client_connect(struct nacre_client *c);
/* The same over a connection that is there, which is taken over and must not block. */
NACRE_MUST_CHECK nacre_err ncr_client_connect_fd(struct nacre_client *c, int fd);
/* Waits through this loop from now on. */
NACRE_MUST_CHECK nacre_err ncr_client_use_loop(struct nacre_client *c, struct ncr_loop *l);
/* One wait and what comes of it: until `until` at most. TIMEOUT when it has passed. */
NACRE_MUST_CHECK nacre_err ncr_client_wait(struct nacre_client *c, uint64_t until);
/* Something was handed to the engine outside of an event: it goes out with the next wait. */
void ncr_client_kick(struct nacre_client *c);
/* Ends the connection for a reason of our own; err becomes its error unless one is there. */
void ncr_client_fail(struct nacre_client *c, nacre_err err, uint32_t reason, const char *text);
/* Time that a person took does not count. */
uint64_t ncr_client_pause(const struct nacre_client *c);
void ncr_client_resume(struct nacre_client *c, uint64_t since);
void ncr_client_add_user(struct nacre_client *c, struct ncr_chan_user *u);
void ncr_client_remove_user(struct nacre_client *c, struct ncr_chan_user *u);
/* Answers with a verdict alone, now or when there is room. */
void ncr_client_answer(struct nacre_client *c, uint32_t id, enum nacre_verdict verdict);
void ncr_client_refuse(struct nacre_client *c, uint32_t id);

/* ---- client_text.c: lines for people ---- */

void ncr_client_log(struct nacre_client *c, enum nacre_log_level level, const char *format, ...);
/* Sets the error line. */
void ncr_client_error(struct nacre_client *c, const char *format, ...);
/* Sets the error line from how the connection ended, unless one is there. */
void ncr_client_explain(struct nacre_client *c, nacre_err err);
/* "debug" lines about a key exchange that is done. */
void ncr_client_tell_kex(struct nacre_client *c);

/* ---- dial.c ---- */

/* Connected socket, or -1 with the error line set. */
int ncr_client_dial(struct nacre_client *c);

/* ---- host_trust.c ---- */

/* Decides on a host key that was proved. */
enum nacre_verdict ncr_client_trust(struct nacre_client *c, const struct nacre_event *ev);
/* host_names.c: lines on the other names that a key is known by; free(3) it. NULL: no memory. */
char *ncr_client_other_names(const struct nacre_client *c, struct nacre_bytes blob);
/* The host key algorithms of list into out, with those of known keys first if the files tell. */
nacre_err ncr_client_prefer_hosts(struct nacre_client *c, char *out, size_t cap, const char *list);

#endif
