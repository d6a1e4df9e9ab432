/* SPDX-License-Identifier: ISC
 *
 * The session process of the daemon: what the parts of it share. It has the user's identity; every
 * right is asked of rights.h at the moment of use.
 */
#ifndef NCR_SESSION_POSIX_H
#define NCR_SESSION_POSIX_H

#include "proto/posix/tty.h"
#include "server/monitor.h"
#include "server/peer.h"

#include "sftp/nacre_sftp.h"

#define NCR_SESSION_ENV_MAX 128           /* variables of the client */
#define NCR_SESSION_ENV_BYTES (32 * 1024) /* and their size together */
#define NCR_SESSION_LISTENERS_MAX 64

struct ncr_session_forward;
struct ncr_session_agent;

struct ncr_session {
    struct ncr_monitor *m;
    struct nacre_server *server;
    struct nacre_peer *peer;
    struct ncr_log log;
    const struct ncr_account *account;
    const struct ncr_rights *rights;
    uint32_t n_sessions, n_listeners;
    struct ncr_session_forward *forwards;
    struct ncr_session_agent *agent; /* the client's; NULL: not lent */
    bool no_more;                    /* no-more-sessions@openssh.com */
    uint8_t buf[NCR_MON_MAX];
};

/* One channel: a session, or a connection that is forwarded to us. */
struct ncr_session_chan {
    bool session, started;
    int forward_fd;    /* accepted here, until the peer has opened its end; -1 */
    int master, slave; /* until the program is started; -1 */
    char tty[64];
    char term[64];
    struct ncr_tty_size size;
    char *env[NCR_SESSION_ENV_MAX];
    size_t n_env, env_bytes;
    bool has_fs;
    struct nacre_fs fs;
    struct nacre_fs_posix posix;
};

/* ---- session_env.c ---- */

/* A NULL-terminated environment in one allocation, for free(3); NULL: out of memory. command: what
 * the client asked for, if another one is run instead. */
char **ncr_session_env(const struct ncr_session *s, const struct ncr_session_chan *c,
                       struct nacre_bytes command);
/* Whether a client's variable is taken. */
bool ncr_session_env_allowed(const struct ncr_sshd_config *cfg, struct nacre_bytes name);
bool ncr_session_env_add(const struct ncr_sshd_config *cfg, struct ncr_session_chan *c,
                         struct nacre_bytes name, struct nacre_bytes value);

/* ---- session_agent.c ---- */

/* True if it was a request for the client's agent, and granted. */
bool ncr_session_agent_request(struct ncr_session *s, const struct nacre_event *ev);
/* What SSH_AUTH_SOCK is to say; NULL: nothing. */
const char *ncr_session_agent_path(const struct ncr_session *s);
/* Removes the socket. */
void ncr_session_agent_end(struct ncr_session *s);

/* ---- session_forward.c: hooks ---- */

enum nacre_when ncr_session_open_tcpip(void *ctx, struct nacre_peer *p,
                                       const struct nacre_event *ev, struct nacre_answer *ans);
enum nacre_when ncr_session_forward(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                    struct nacre_answer *ans);
enum nacre_when ncr_session_cancel(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                   struct nacre_answer *ans);
void ncr_session_opened(void *ctx, struct nacre_peer *p, uint32_t chan);
void ncr_session_open_failed(void *ctx, struct nacre_peer *p, uint32_t chan, uint32_t reason);

#endif
