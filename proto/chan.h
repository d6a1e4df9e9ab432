/* SPDX-License-Identifier: ISC
 *
 * Channels and global requests, RFC 4254: chan.c, chan_request.c, forward.c. Handlers take a
 * decoded message that the phase allows.
 */
#ifndef NCR_CHAN_H
#define NCR_CHAN_H

#include "proto/buf.h"

enum ncr_chan_state {
    NCR_CHAN_FREE = 0,
    NCR_CHAN_OPENING, /* our OPEN waits for the peer's reply */
    NCR_CHAN_ASKED,   /* the peer's OPEN waits for the application's answer */
    NCR_CHAN_OPEN,
    NCR_CHAN_CLOSING /* the peer has closed; our CLOSE is owed */
};

/* Bits of ncr_chan.flags. */
enum ncr_chan_flag {
    NCR_CHAN_RX_EOF = 1,
    NCR_CHAN_TX_EOF = 2,     /* sent */
    NCR_CHAN_OWE_EOF = 4,    /* asked for, not sent yet */
    NCR_CHAN_TX_CLOSE = 8,   /* sent */
    NCR_CHAN_OWE_CLOSE = 16, /* asked for, not sent yet */
    NCR_CHAN_STARTED = 32,   /* server: shell, exec or subsystem was accepted or asked */
    NCR_CHAN_REFUSED = 64    /* answer to the peer's OPEN is owed: a failure */
};

/* Handlers. */
NACRE_MUST_CHECK nacre_err ncr_chan_on_open(struct nacre_conn *c, const union ncr_msg *m,
                                            struct nacre_event *ev);
NACRE_MUST_CHECK nacre_err ncr_chan_on_confirm(struct nacre_conn *c, const union ncr_msg *m,
                                               struct nacre_event *ev);
NACRE_MUST_CHECK nacre_err ncr_chan_on_fail(struct nacre_conn *c, const union ncr_msg *m,
                                            struct nacre_event *ev);
NACRE_MUST_CHECK nacre_err ncr_chan_on_adjust(struct nacre_conn *c, const union ncr_msg *m,
                                              struct nacre_event *ev);
/* DATA: ext 0; EXTENDED_DATA: m->chan.n. */
NACRE_MUST_CHECK nacre_err ncr_chan_on_data(struct nacre_conn *c, const union ncr_msg *m,
                                            bool extended, struct nacre_event *ev);
NACRE_MUST_CHECK nacre_err ncr_chan_on_eof(struct nacre_conn *c, const union ncr_msg *m,
                                           struct nacre_event *ev);
NACRE_MUST_CHECK nacre_err ncr_chan_on_close(struct nacre_conn *c, const union ncr_msg *m,
                                             struct nacre_event *ev);
NACRE_MUST_CHECK nacre_err ncr_chan_on_request(struct nacre_conn *c, const union ncr_msg *m,
                                               struct nacre_event *ev);
NACRE_MUST_CHECK nacre_err ncr_chan_on_reply(struct nacre_conn *c, const union ncr_msg *m,
                                             bool success, struct nacre_event *ev);
NACRE_MUST_CHECK nacre_err ncr_global_on_request(struct nacre_conn *c, const union ncr_msg *m,
                                                 struct nacre_event *ev);
NACRE_MUST_CHECK nacre_err ncr_global_on_reply(struct nacre_conn *c, struct nacre_bytes data,
                                               bool success, struct nacre_event *ev);

/* Answers to questions by id; USAGE if no such question is open. */
NACRE_MUST_CHECK nacre_err ncr_chan_answer(struct nacre_conn *c, const struct nacre_answer *a);

/* Sends what channels and the request queues owe, as far as there is room. */
NACRE_MUST_CHECK nacre_err ncr_chan_flush(struct nacre_conn *c);
NACRE_MUST_CHECK nacre_err ncr_chan_flush_one(struct nacre_conn *c, struct ncr_chan *ch);
/* Room that the largest message of a flush takes: header, window adjust or failure, padding,
 * tag. */
#define NCR_CHAN_FLUSH_ROOM 256
/* True if a packet that asks something more must wait: a queue of owed replies is full. */
bool ncr_chan_queues_full(const struct nacre_conn *c);

/* An open channel with that local number, or NULL. */
struct ncr_chan *ncr_chan_find(const struct nacre_conn *c, uint32_t chan);

/* Ids of questions: a running number and where the question belongs, so that an answer finds it
 * without a search. */
#define NCR_ID_CONN 0u   /* host key, signature, authentication */
#define NCR_ID_GLOBAL 1u /* global requests */
#define NCR_ID_CHAN 2u   /* and up: channels */
#define NCR_ID_BITS 11
#define NCR_ID_WHERE(id) ((id) & ((1u << NCR_ID_BITS) - 1))
uint32_t ncr_question_id(struct nacre_conn *c, uint32_t where);

/* States of an owed reply. */
enum ncr_owed_state { NCR_OWED_ASKED, NCR_OWED_FAILURE, NCR_OWED_SUCCESS };
/* Queues of owed replies, oldest first. add: NULL if the queue is full, which only a peer that asks
 * on during a key exchange reaches (HELD_FULL). */
struct ncr_owed *ncr_owed_add(struct nacre_conn *c, struct ncr_owed *q, uint8_t *n, uint8_t cap);
struct ncr_owed *ncr_owed_find(struct ncr_owed *q, uint8_t n, uint32_t id);
void ncr_owed_pop(struct nacre_conn *c, struct ncr_owed *q, uint8_t *n, uint8_t cap);
/* May a reply or an adjust be sent now? */
bool ncr_chan_may_send(struct nacre_conn *c);
NACRE_MUST_CHECK nacre_err ncr_global_flush(struct nacre_conn *c);
NACRE_MUST_CHECK nacre_err ncr_global_answer(struct nacre_conn *c, const struct nacre_answer *a);
/* A reply that answers nothing: dropped, counted, the end at a cap. */
NACRE_MUST_CHECK nacre_err ncr_unsolicited(struct nacre_conn *c);

/* ---- chan_request.c: type-specific parts of requests ---- */

/* Fills r from the wire; an unknown name is OTHER. False: malformed. */
bool ncr_request_get(struct nacre_request *r, struct nacre_bytes name, struct nacre_bytes data);
/* True if its fields keep to their limits. */
bool ncr_request_within(const struct nacre_request *r);
/* The name of its kind, or r->name. */
struct nacre_bytes ncr_request_name(const struct nacre_request *r);
void ncr_request_put(struct ncr_wr *w, const struct nacre_request *r);
/* True for shell, exec and subsystem, of which a channel has one. */
bool ncr_request_starts(enum nacre_req kind);

bool ncr_global_get(struct nacre_global *g, struct nacre_bytes name, struct nacre_bytes data);
struct nacre_bytes ncr_global_name(const struct nacre_global *g);
void ncr_global_put(struct ncr_wr *w, const struct nacre_global *g);

/* Sends keepalive@openssh.com with a reply that is counted inside. */
NACRE_MUST_CHECK nacre_err ncr_global_keepalive(struct nacre_conn *c);

#endif
