/* SPDX-License-Identifier: ISC
 *
 * Privilege separation. A connection is served by up to three processes, all forks:
 *
 *     monitor   has the host keys and the daemon's rights; sees no byte of the network
 *     network   runs the engine until authentication, confined (sandbox.h), without rights
 *     session   has the logged-in user's identity; takes the engine over, runs programs
 *
 * The engine and its region lie in one mapping that is shared from before the forks. network and
 * session ask the monitor over a socket pair: one request, one reply, each legal in one state
 * (before authentication: sign, judge a credential, log; after it: sign, open a terminal, prove a
 * host key), each counted, at most 64 KiB. An illegal request ends the connection. The user is
 * fixed once; signatures are verified by the monitor, over the first exchange hash that it has
 * signed itself.
 */
#ifndef NCR_MONITOR_H
#define NCR_MONITOR_H

#include "server/groups.h"
#include "server/login.h"

#include <sys/types.h>

#define NCR_MON_FIELDS 4
#define NCR_MON_MAX (64 * 1024) /* bytes of all fields together */

enum ncr_mon_type {
    NCR_MON_NONE = 0,
    NCR_MON_SIGN,  /* alg, host key blob, data; reply: signature */
    NCR_MON_AUTH,  /* value[0] stage, [1] host bound; user, alg, blob, secret; reply: value[0]
                    * verdict, [1] methods */
    NCR_MON_LOG,   /* value[0] level; text; no reply */
    NCR_MON_PTY,   /* reply: two descriptors, and the name of the slave */
    NCR_MON_PROVE, /* alg, host key blob; reply: signature that proves the key in this session */
    NCR_MON_REPLY, /* done as asked */
    NCR_MON_NO     /* could not */
};

struct ncr_mon_msg {
    uint32_t type; /* enum ncr_mon_type, unchecked until the receiver has looked */
    uint32_t value[2];
    struct nacre_bytes field[NCR_MON_FIELDS];
    int fds[2]; /* -1: none */
};

/* Host keys that may sign, in memory that is unmapped where it has no business; and what clients
 * are shown: first the n public keys, then certificates for them. */
struct ncr_host_keys {
    struct nacre_privkey *key;
    size_t n, map_len;
    struct nacre_bytes *blob; /* n_blobs of them */
    size_t n_blobs;
    size_t *of; /* whose key the blob is about */
};

/* All that one connection needs; made by the listener for each. */
struct ncr_monitor {
    const struct ncr_sshd_config *cfg;
    struct ncr_log log;
    struct ncr_host_keys *keys;
    const char *banner;       /* text, or NULL */
    struct ncr_groups groups; /* for group exchange; shared by all */
    int empty_dir;            /* to be the network process's root, or -1 */
    struct ncr_account jail;  /* whose identity it takes, if root */
    int fd;                   /* the client */
    char addr[64], local_addr[64];
    uint32_t port, local_port;
    void (*authenticated)(void *ctx); /* told once; may be NULL */
    void *ctx;
    void *listeners; /* a mapping that is shared with the listener, or NULL: not for the children */
    size_t listeners_len;
    /* private */
    struct nacre_conn *conn; /* in the shared mapping, its region behind it */
    void *mem;
    size_t mem_len, map_len;
    uint32_t channels;
    struct ncr_login login;
    struct nacre_conn_cfg engine;
    uint64_t *work; /* NACRE_WORK words */
    int sock;
    unsigned n_sign, n_auth, n_log, n_prove;
    bool illegal;
};

/* Serves one connection from its first byte to its last; runs in a process of its own. */
enum ncr_gate_end ncr_monitor_serve(struct ncr_monitor *m);

/* ---- Messages; also for tests ---- */

/* One message over a socket of type SOCK_SEQPACKET. False: the other side is gone, or what came is
 * no message. buf (NCR_MON_MAX bytes) holds the fields of one received. */
NACRE_MUST_CHECK bool ncr_mon_send(int sock, const struct ncr_mon_msg *msg);
NACRE_MUST_CHECK bool ncr_mon_recv(int sock, struct ncr_mon_msg *msg, uint8_t *buf);
/* Asks and waits; the reply's type is REPLY or NO. */
NACRE_MUST_CHECK bool ncr_mon_ask(int sock, const struct ncr_mon_msg *ask,
                                  struct ncr_mon_msg *reply, uint8_t *buf);
/* What the monitor makes of one request; false: illegal, the connection must end. authed: whether
 * the session process asks. */
NACRE_MUST_CHECK bool ncr_monitor_request(struct ncr_monitor *m, const struct ncr_mon_msg *ask,
                                          bool authed);

/* ---- network.c, session_posix.c: never return ---- */

void ncr_network_main(struct ncr_monitor *m);
void ncr_session_main(struct ncr_monitor *m);

#endif
