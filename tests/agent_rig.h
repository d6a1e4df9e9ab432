/* SPDX-License-Identifier: ISC
 *
 * For tests of nacre-agent: agt, an agent without a socket, asked by agt_*(); and net, the server
 * around one, asked over socket pairs or its own socket by net_*(). There is one of each: the
 * _setup and _teardown functions are a suite's .init and .fini. Keys are numbers.
 */
#ifndef NACRE_TESTS_AGENT_RIG_H
#define NACRE_TESTS_AGENT_RIG_H

#include "client/agent_server.h"

/* ---- An agent without a socket ---- */

struct agt {
    struct ncr_agentd d;
    struct ncr_agentd_peer peer;
    struct ncr_agentd_now now;
    struct ncr_agentd_reply reply;
    enum ncr_agentd_next next;
    struct nacre_agent_reply r; /* the reply read */
    nacre_err err;
};

enum { AGT_H1 = 101, AGT_H2, AGT_H3 }; /* keys of hosts */

extern struct agt agt;
extern uint64_t agt_work[NACRE_WORK];
extern const struct nacre_bytes agt_none;
extern const struct nacre_rng agt_rng;
extern bool agt_rng_fails;
/* The request, with its length; and the last reply. */
extern uint8_t agt_msg[NACRE_AGENT_LEN + NACRE_AGENT_MSG_MAX];
extern size_t agt_n;
extern uint8_t agt_out[NACRE_AGENT_LEN + NACRE_AGENT_MSG_MAX];

void agt_setup(void);
void agt_teardown(void);

void agt_key(struct nacre_privkey *k, int which);
/* Good for three calls more. */
struct nacre_bytes agt_blob(int which);

/* The request without its length. */
struct nacre_bytes agt_message(void);
void agt_put_add(int which, const char *comment, const struct nacre_agent_limits *limits);
void agt_put_list(void);
void agt_put_sign(struct nacre_bytes key, struct nacre_bytes data, uint32_t flags);
/* Reads agt.reply into agt.r. */
void agt_read_reply(void);

/* Sends the request; the type of the reply, 0 if there is none yet. */
int agt_send(void);
int agt_send_as(struct ncr_agentd_peer *peer);
int agt_add(int which, const char *comment, const struct nacre_agent_limits *limits);
int agt_remove(int which);
int agt_remove_all(void);
int agt_lock(enum nacre_agent_type type, const char *passphrase);
/* How many keys a connection sees. */
size_t agt_list(void);
size_t agt_list_as(struct ncr_agentd_peer *peer);
/* Whether a signature came; it verifies. */
bool agt_signs(int which);
int agt_sign_as(struct ncr_agentd_peer *peer, struct nacre_bytes key, struct nacre_bytes data);

/* Binds a connection to a host's session. */
int agt_bind(struct ncr_agentd_peer *peer, int host, const char *session, bool forwarded,
             int signer);
/* Destinations: from here to h1 as u*, from there to h2. */
struct nacre_bytes agt_dests(uint8_t *list, size_t cap);
/* What is signed to log in. */
struct nacre_bytes agt_auth(const char *session, const char *user, struct nacre_bytes key,
                            int host);

/* ---- The server ---- */

struct agt_net {
    struct ncr_loop loop;
    struct ncr_agent_server s;
};

extern struct agt_net net;

void net_setup(void);
void net_teardown(void);
/* A client's end. */
int net_client(void);
/* Its socket, which everybody may connect to. */
int net_listen(char path[64]);
int net_connect(const char *path);

/* One round of the loop. */
void net_round(uint64_t ms);
void net_write(int fd, const uint8_t *p, size_t n);
/* Runs the server until a whole reply has come; false: the server hung up. */
bool net_read(int fd);
/* Nothing is there to be read, and nobody hung up. */
bool net_idle(int fd);
/* Asks with what is in agt_msg; the type of the reply, 0: hung up. */
int net_ask(int fd);
size_t net_list(int fd);
int net_lock(int fd, enum nacre_agent_type type, const char *passphrase);

/* ---- Consent ---- */

extern char net_script[64];

/* Makes SSH_ASKPASS a script, net_script, of that body. */
void net_askpass(const char *body);
void net_add_confirmed(int fd, int which);

#endif
