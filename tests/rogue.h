/* SPDX-License-Identifier: ISC
 *
 * A scripted peer: our own engine up to a chosen point, then whatever the script wants to say,
 * under the right keys. Three layers: messages before sealing (any bytes in any phase from either
 * role), packets (length, padding, tag, counters), the raw stream.
 *
 * A script is a table of steps. What the victim sends is opened and queued, to be compared. Texts
 * of messages are tokens separated by blanks: 94          a byte            u0x7fffffff  a uint32
 * 'exec'   a string with its length x0a0b       bytes             /SSH-2.0-x/  characters      l300
 * a string of 300 'A' z16         zero bytes        $0 $1 $2     a string: the blob of
 * pair_key_blob()
 *
 * Free of Criterion, as pair.h: a step that does not hold prints its number and aborts.
 */
#ifndef NACRE_TESTS_ROGUE_H
#define NACRE_TESTS_ROGUE_H

#include "proto/buf.h"
#include "tests/pair.h"

/* How far the two go honestly. The victim has then taken exactly what leads there. */
enum rogue_stage {
    ROGUE_RAW,     /* nothing was sent to the victim */
    ROGUE_VERSION, /* our version line */
    ROGUE_KEXINIT, /* our first KEXINIT */
    ROGUE_METHOD,  /* our message of the key exchange */
    ROGUE_SERVICE, /* our NEWKEYS */
    ROGUE_AUTH,    /* service agreed */
    ROGUE_CONN,    /* authenticated */
    ROGUE_CHAN     /* a session channel is open, "cat" runs on it */
};

/* What the rogue offers: public values that are made by hand are those of this one. */
#define ROGUE_KEX "curve25519-sha256"

#define ROGUE_PACKETS 512
struct rogue {
    struct pair p;
    struct pair_side *me, *victim;
    struct pair_buf in;   /* from the victim, not opened yet */
    struct pair_buf msgs; /* from the victim: uint32 length in the machine's order, bytes */
    bool version_read;
    bool deaf;            /* the victim switched to keys that we do not have */
    unsigned sent, taken; /* packets sealed by our engine, packets taken by the victim */
    struct ncr_dir tx[ROGUE_PACKETS]; /* before each was sealed */
    struct ncr_dir wrong;             /* of rogue_forge() */
};

void rogue_init(struct rogue *r, enum nacre_role victim);
/* Makes the engines and goes on honestly up to the stage. */
void rogue_until(struct rogue *r, enum rogue_stage stage);
void rogue_free(struct rogue *r);

/* The victim handles what it has; what it sends is queued. */
void rogue_pump(struct rogue *r);
/* Bytes as they are. */
void rogue_raw(struct rogue *r, const uint8_t *p, size_t n);
/* A message, sealed under our keys. */
void rogue_send(struct rogue *r, const uint8_t *p, size_t n);
void rogue_say(struct rogue *r, const char *text);
/* A packet body (padding length, payload, padding) under a packet_length of its own choice, with a
 * right tag; flip is XORed to the byte at flip_at of what goes out (SIZE_MAX: none). */
void rogue_forge(struct rogue *r, const uint8_t *body, size_t n, uint32_t len, size_t flip_at,
                 uint8_t flip);
/* The next message of the victim's; false if there is none. Valid until the next call. */
bool rogue_get(struct rogue *r, struct nacre_bytes *msg);
/* True if the victim's next message begins with that text. Others in the queue stay. */
bool rogue_next_is(struct rogue *r, const char *text);
/* Drops what the victim has said so far. */
void rogue_drop(struct rogue *r);
/* Forgets nothing: the victim ended with err, its last message was DISCONNECT with that reason (0:
 * none was sent), its keys are wiped. */
void rogue_expect_end(struct rogue *r, nacre_err err, uint32_t reason);
/* The victim has no error and has told that many events of the type since the start. */
void rogue_expect_alive(struct rogue *r);

void rogue_text(struct pair_buf *out, const char *text);

enum rogue_op {
    R_DONE = 0,
    R_UNTIL,  /* a: enum rogue_stage; the first step */
    R_SAY,    /* text, sealed; a: how often more */
    R_RAW,    /* text, not sealed */
    R_GET,    /* the victim's next message begins with text */
    R_SKIP,   /* what the victim has said is dropped */
    R_SILENT, /* the victim says nothing more */
    R_EVENTS, /* a: type; b: how many of them the victim has told in all */
    R_ALIVE,  /* no error so far */
    R_TICK,   /* a: time in ms, told to the victim */
    R_CUT,    /* end of the stream */
    R_END     /* a: error, b: reason of the DISCONNECT */
};

struct rogue_step {
    enum rogue_op op;
    const char *text;
    long a, b;
};

/* Runs a script against a victim of that role with the configuration of the pair's defaults. */
void rogue_run(enum nacre_role victim, const struct rogue_step *steps);
/* The same on a rogue that was made with rogue_init() and changed: plan, cfg, hook. */
void rogue_play(struct rogue *r, const struct rogue_step *steps);

#endif
