/* SPDX-License-Identifier: ISC
 *
 * What an agent answers: requests to replies, without sockets, clocks or questions to anybody. The
 * server (agent_server.h) brings the messages, the time, and a person's consent.
 */
#ifndef NCR_AGENT_REQUESTS_H
#define NCR_AGENT_REQUESTS_H

#include "client/agent_keyring.h"

#define NCR_AGENTD_SALT_LEN 16
#define NCR_AGENTD_DIGEST_LEN 32
/* S74: a failed unlock costs that much more than the one before, up to the most. */
#define NCR_AGENTD_DELAY_MS 100
#define NCR_AGENTD_DELAY_MAX_MS 10000
#define NCR_AGENTD_QUESTION_LEN 8192

/* An agent; zeroed but for the first fields it is empty and open. */
struct ncr_agentd {
    const struct nacre_rng *rng;
    uint64_t *work;          /* NACRE_WORK words */
    uint32_t lifetime;       /* seconds of keys that come without one; 0: they stay */
    enum nacre_fp_hash hash; /* of fingerprints in questions and in the log */
    const char *providers;   /* patterns of libraries for security keys that may be named; none is
                              * ever loaded */
    /* Told what is done, one line of escaped text; may be NULL. */
    void (*log)(void *ctx, const char *line);
    void *log_ctx;
    /* private */
    struct ncr_keyring keys;
    bool locked;
    unsigned failures;  /* to unlock, since it was locked */
    uint64_t unlock_at; /* no sooner is another passphrase looked at */
    uint8_t salt[NCR_AGENTD_SALT_LEN], digest[NCR_AGENTD_DIGEST_LEN];
};

/* A connection and what it said of the way to it; zeroed: local. */
struct ncr_agentd_peer {
    struct nacre_agent_bind binds[NACRE_AGENT_BINDS_MAX];
    uint8_t *held[NACRE_AGENT_BINDS_MAX]; /* bytes of each */
    size_t n_binds;
    bool attempted; /* to bind it */
    bool remote;    /* forwarded, or it could not say where to */
};

struct ncr_agentd_now {
    uint64_t ms;   /* of a clock that does not stop while the machine sleeps */
    uint64_t unix; /* seconds, for certificates */
};

enum ncr_agentd_next {
    NCR_AGENTD_REPLY = 0, /* send it, at `when` if that is later than now */
    NCR_AGENTD_AGAIN,     /* come with the same message at `when` */
    NCR_AGENTD_ASK        /* ask `question`, then ncr_agentd_confirmed() */
};

struct ncr_agentd_reply {
    uint8_t *p; /* cap bytes, the caller's */
    size_t cap, n;
    uint64_t when;
    char question[NCR_AGENTD_QUESTION_LEN];
};

/* Answers a message (type and contents, not empty). cap: NACRE_AGENT_LEN + NACRE_AGENT_MSG_MAX. */
enum ncr_agentd_next ncr_agentd_handle(struct ncr_agentd *d, struct ncr_agentd_peer *peer,
                                       struct nacre_bytes msg, const struct ncr_agentd_now *now,
                                       struct ncr_agentd_reply *out);
/* The reply to a message that was asked about; all is checked again, for time has passed. */
void ncr_agentd_confirmed(struct ncr_agentd *d, struct ncr_agentd_peer *peer,
                          struct nacre_bytes msg, const struct ncr_agentd_now *now, bool yes,
                          struct ncr_agentd_reply *out);
/* Wipes keys and state; what the caller set stays. */
void ncr_agentd_wipe(struct ncr_agentd *d);
void ncr_agentd_peer_free(struct ncr_agentd_peer *peer);

#endif
