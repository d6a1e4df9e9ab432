/* SPDX-License-Identifier: ISC
 *
 * All that decides the order of messages: which number may come from which role in which phase,
 * and what phase follows. See phase.c.
 */
#ifndef NCR_PHASE_H
#define NCR_PHASE_H

#include "proto/msg.h"

/* Phases of a direction, that is, of what one side sends. */
enum ncr_phase {
    NCR_PH_VERSION,       /* version line */
    NCR_PH_KEX1_INIT,     /* its first KEXINIT */
    NCR_PH_KEX1_METHOD,   /* messages of the key exchange method */
    NCR_PH_KEX1_VALUE,    /* group exchange: the second message of the method */
    NCR_PH_KEX1_NEWKEYS,  /* its NEWKEYS */
    NCR_PH_SERVICE,       /* service request and its reply */
    NCR_PH_AUTH,          /* authentication */
    NCR_PH_CONN,          /* channels */
    NCR_PH_REKEY_METHOD,  /* as KEX1_METHOD, later; ncr_dir.ret holds the phase to return to */
    NCR_PH_REKEY_VALUE,   /* as KEX1_VALUE, later */
    NCR_PH_REKEY_NEWKEYS, /* as KEX1_NEWKEYS, later */
    NCR_PH_CLOSED,
    NCR_PHASES
};

enum ncr_allow {
    NCR_DENY_ORDER = 0, /* a known message in the wrong phase or from the wrong role */
    NCR_DENY_STRICT,    /* allowed, but not in a strict first key exchange */
    NCR_UNKNOWN,        /* no such message: answered with UNIMPLEMENTED */
    NCR_ALLOW
};

/* Which rows 60-79 have: the authentication method under way. And which rows 30-49 have: those of
 * group exchange, or those of all other key exchange methods. */
enum ncr_auth_method {
    NCR_METHOD_NO_METHOD,
    NCR_METHOD_PUBLICKEY,
    NCR_METHOD_PASSWORD,
    NCR_METHOD_INTERACTIVE,
    NCR_METHOD_GEX,
    NCR_AUTH_METHODS
};

/* One message number. */
struct ncr_rule {
    uint8_t number;
    const char *name;
    const char *section;     /* RFC and section */
    uint16_t client, server; /* sets of phases (bit = enum ncr_phase) in which each may send it */
    bool not_strict;         /* denied to both in a strict first key exchange */
    ncr_msg_decode_fn decode;
};

/* The method under way that gives a number its meaning: of key exchange for 30-49, else of
 * authentication. */
enum ncr_auth_method ncr_method_active(const struct nacre_conn *c, uint8_t number);
/* The row for a number, NULL for an unknown one. method matters for 30-49 and 60-79. */
const struct ncr_rule *ncr_rule_find(uint8_t number, enum ncr_auth_method method);
/* May that role send that number in that phase? Changes nothing. */
enum ncr_allow ncr_phase_allows(uint8_t number, enum nacre_role sender, enum ncr_phase phase,
                                bool strict, enum ncr_auth_method method);
/* True if the message could be sent after the key exchange that is under way. */
bool ncr_phase_later(const struct ncr_dir *d, uint8_t number, enum nacre_role sender,
                     enum ncr_auth_method method);
/* What a mask cannot say about a message that we receive; false: end with ORDER or STRICT_KEX. */
bool ncr_phase_rx_extra(const struct nacre_conn *c, uint8_t number);
/* Moves the phases after `sender` has sent that number. */
void ncr_phase_step(struct nacre_conn *c, enum nacre_role sender, uint8_t number);
/* True while a direction is between its KEXINIT and its NEWKEYS. */
bool ncr_phase_in_kex(const struct ncr_dir *d);
const char *ncr_phase_name(enum ncr_phase phase);
/* Name of a message number, "unknown". */
const char *ncr_msg_name(uint8_t number);
const char *ncr_role_name(enum nacre_role role);

#endif
