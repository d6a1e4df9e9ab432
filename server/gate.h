/* SPDX-License-Identifier: ISC
 *
 * Who may start a connection: the limits that stand before any key exchange. Start-ups are
 * connections that are not authenticated yet; above `begin` of them new ones are dropped at random
 * with a probability that grows from `rate` per cent to all at `full`. Each source (an IPv4
 * address, or the first 64 bits of an IPv6 address, which is what one site holds) has its own
 * limit, and collects penalties, in seconds, for connections that ended badly; once the penalty due
 * reaches `act_s` the source is refused until it has run out. Numbers as in OpenSSH's
 * sshd_config(5).
 *
 * Memory is bounded: NCR_GATE_SETS x NCR_GATE_WAYS sources, chosen by a keyed hash; in a full set
 * the one with the least to remember is forgotten. Time comes from the caller.
 */
#ifndef NCR_GATE_H
#define NCR_GATE_H

#include "crypto/nacre_crypto.h"

#define NCR_GATE_SETS 8192
#define NCR_GATE_WAYS 8
#define NCR_GATE_ADDR_LEN 16

struct ncr_gate_cfg {
    unsigned begin, rate, full; /* rate in per cent; full 0: no limit */
    unsigned per_source;        /* 0: no limit */
    bool penalties;
    unsigned auth_failed_s, no_auth_s, grace_s, crash_s;
    unsigned act_s, cap_s;
};

/* 10:30:100, 8 per source, penalties on: the values of the table of limits. */
extern const struct ncr_gate_cfg ncr_gate_default;

enum ncr_gate_verdict {
    NCR_GATE_DROP_STARTUPS = 0,
    NCR_GATE_DROP_SOURCE,
    NCR_GATE_DROP_PENALTY,
    NCR_GATE_ADMIT
};

/* How a connection ended, or that it was authenticated. */
enum ncr_gate_end {
    NCR_GATE_AUTHENTICATED,
    NCR_GATE_AUTH_FAILED, /* tried and failed */
    NCR_GATE_NO_AUTH,     /* left without trying */
    NCR_GATE_GRACE,       /* was too slow */
    NCR_GATE_CRASH,       /* the process that served it died */
    NCR_GATE_QUIET        /* no penalty */
};

struct ncr_gate_source {
    uint8_t addr[NCR_GATE_ADDR_LEN];
    uint32_t starting;
    uint64_t until; /* ms: when the penalty has run out; 0 none */
    bool refused;   /* the penalty has reached act_s: refused until it has run out */
};

struct ncr_gate {
    struct ncr_gate_cfg cfg;
    struct nacre_rng rng;
    uint8_t key[16];
    uint32_t starting;
    struct ncr_gate_source *table;
};

/* False if memory or randomness is missing. */
NACRE_MUST_CHECK bool ncr_gate_init(struct ncr_gate *g, const struct ncr_gate_cfg *cfg,
                                    const struct nacre_rng *rng);
void ncr_gate_free(struct ncr_gate *g);
/* ADMIT counts the connection as starting, until ncr_gate_leave() with the same address. */
NACRE_MUST_CHECK enum ncr_gate_verdict
ncr_gate_enter(struct ncr_gate *g, const uint8_t addr[NCR_GATE_ADDR_LEN], uint64_t now_ms);
void ncr_gate_leave(struct ncr_gate *g, const uint8_t addr[NCR_GATE_ADDR_LEN],
                    enum ncr_gate_end end, uint64_t now_ms);
/* The address of a source: sa is a struct sockaddr of the family AF_INET or AF_INET6, anything else
 * is one common source. IPv4-mapped addresses count as IPv4. */
void ncr_gate_addr(uint8_t addr[NCR_GATE_ADDR_LEN], const void *sa);

#endif
