/* SPDX-License-Identifier: ISC
 *
 * Two engines in memory, a client and a server, over a pipe that can be cut, delayed, split and
 * corrupted; deterministic randomness that can be told to fail; an application for each side that
 * does what its plan says and logs every event.
 *
 * The default session: the client tries the methods of plan.tries, opens a session channel, asks
 * for "cat", sends plan.send bytes of a known pattern and EOF; the server echoes them, reports an
 * exit status and closes; the client compares and says goodbye. A hook sees each event first and
 * may take it over.
 *
 * Free of Criterion, because fuzz targets use it too: what must hold is checked with PAIR_CHECK,
 * which prints and aborts.
 */
#ifndef NACRE_TESTS_PAIR_H
#define NACRE_TESTS_PAIR_H

#include "proto/nacre.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAIR_CHECK(cond) ((cond) ? (void)0 : pair_fail(__FILE__, __LINE__, #cond))
_Noreturn void pair_fail(const char *file, int line, const char *what);

/* Bytes that grow. */
struct pair_buf {
    uint8_t *p;
    size_t n, cap;
};
void pair_buf_add(struct pair_buf *b, const void *p, size_t n);
void pair_buf_drop(struct pair_buf *b, size_t n); /* the first n */
void pair_buf_free(struct pair_buf *b);
void pair_buf_print(struct pair_buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* splitmix64; fails at call number fail_at (from 1), 0: never. */
struct pair_rng {
    uint64_t state;
    unsigned long calls, fail_at;
};
struct nacre_rng pair_rng_of(struct pair_rng *r);

/* One direction between the engines. */
struct pair_pipe {
    struct pair_buf b; /* sent, not yet delivered */
    uint64_t passed;   /* bytes delivered so far */
    size_t take;       /* bytes taken from the sender per round; 0: all that is there */
    size_t chunk;      /* bytes per delivery; 0: all that is there */
    uint64_t split_at; /* a delivery ends at this offset; 0: nowhere */
    uint64_t cut_at;   /* the connection breaks at this offset; UINT64_MAX: never */
    uint64_t flip_at;  /* the byte at this offset is corrupted; UINT64_MAX: none */
    uint8_t flip;      /* with this mask */
    unsigned delay;    /* rounds that every byte waits */
    unsigned waited;
    bool stalled; /* nothing is delivered, nothing is taken from the sender */
    bool discard; /* taken from the sender and thrown away */
};

enum pair_try {
    PAIR_TRY_END = 0,
    PAIR_TRY_NONE,
    PAIR_TRY_KEY,       /* sign at once */
    PAIR_TRY_KEY_PROBE, /* ask first */
    PAIR_TRY_OTHER_KEY, /* a key that the server does not know */
    PAIR_TRY_PASSWORD,  /* "secret" */
    PAIR_TRY_WRONG_PASSWORD,
    PAIR_TRY_EXPIRED_PASSWORD, /* "expired": the server wants another */
    PAIR_TRY_INTERACTIVE
};

struct pair_plan {
    const enum pair_try *tries; /* ends with PAIR_TRY_END; NULL: none, then a probed key */
    const char *user;           /* NULL: "joe" */
    size_t send;                /* bytes to echo */
    unsigned rekey_every;       /* rounds between key exchanges asked for by alternating sides */
    bool stay;                  /* keep the channel and the connection open */
    bool no_channel;            /* stop after authentication */
    bool any_data;              /* what comes back need not be what was sent */
    bool move;                  /* move both connections in memory every round */
    bool need_both;             /* server: key, then password (partial success) */
};

struct pair;
struct pair_side;
/* True if the event was dealt with; an answer may be given here or later. */
typedef bool (*pair_hook)(struct pair *p, struct pair_side *s, const struct nacre_event *ev);

#define PAIR_LATE_MAX 32
enum pair_state { PAIR_IDLE, PAIR_OPEN, PAIR_WAIT, PAIR_EXEC, PAIR_SEND, PAIR_ENDING, PAIR_DONE };

struct pair_side {
    enum nacre_role role;
    struct nacre_conn *c; /* struct and region in one block */
    size_t mem_len;
    uint32_t channels;
    struct nacre_conn_cfg cfg;
    struct pair_rng rng;
    struct pair_pipe out; /* to the other side */
    nacre_err init_err, err;
    bool lenient; /* what the engine refuses is no failure of the test */
    bool told_error;
    unsigned count[NACRE_EV_DISCONNECT + 1]; /* events by type */
    struct pair_buf log;
    struct pair_buf *trace;                  /* of the pair, if any */
    struct nacre_answer late[PAIR_LATE_MAX]; /* answers that found no room */
    size_t n_late;
    /* the application */
    enum pair_state state;
    bool accepted, eof_seen, end_asked, status_sent;
    size_t next_try;
    uint32_t chan;
    uint64_t chan_sent, chan_got;
    struct pair_buf pending; /* server: to echo */
    uint32_t exit_status;
    unsigned proved; /* server: keys proved */
    bool key_done;   /* server: first of two factors is there */
    size_t events;
};

struct pair {
    struct pair_side side[2]; /* by enum nacre_role */
    struct pair_plan plan;
    pair_hook hook;
    void *ctx;
    struct pair_buf *trace; /* if set before pair_start(): one line for each packet sent */
    unsigned round;
    uint64_t now; /* told to the engines if not 0 */
};

/* Sets defaults; then configuration and plan may be changed; then pair_start() makes the engines.
 */
void pair_init(struct pair *p);
void pair_start(struct pair *p);
/* One round: events of both sides, then one delivery each way. False: nothing happened. */
bool pair_round(struct pair *p);
/* Rounds until nothing happens, at most max of them. True: it came to rest. */
bool pair_run(struct pair *p, unsigned max);
void pair_free(struct pair *p);
/* A copy, to be freed too. The engines point to the randomness of *from: they may run again when
 * the copy is copied back to there. */
void pair_copy(struct pair *to, const struct pair *from);
/* pair_init, pair_start, pair_run in one. */
void pair_session(struct pair *p);

/* Parts of a round, for tests that do the rest themselves. */
bool pair_events(struct pair *p, struct pair_side *s);
bool pair_deliver(struct pair *p, struct pair_side *from);
/* At most one event of the side is told and answered. False: there was none. */
bool pair_event(struct pair *p, struct pair_side *s);
struct pair_side *pair_other(struct pair *p, const struct pair_side *s);

/* A copy of the block that holds the connection's struct and region; free(3) it. */
struct nacre_conn *pair_block_copy(const struct pair_side *s);
/* The connection's struct and region as one block at a new place; the old block is overwritten. */
void pair_move(struct pair_side *s);
/* True if the n bytes occur in struct or region. */
bool pair_holds(const struct pair_side *s, const uint8_t *p, size_t n);
/* True if the whole default session worked: all data echoed, status told, no error but the end. */
bool pair_complete(const struct pair *p);

/* True if the file at path, from the root of the tree, holds exactly these bytes. With the variable
 * NACRE_WRITE_GOLDEN set it is written first: the change is then for a person to read. */
bool pair_golden(const char *path, const struct pair_buf *now);

/* The keys of the tests: 0 host, 1 user's, 2 another. Blobs of ssh-ed25519. */
struct nacre_bytes pair_key_blob(int key);
/* Signature blob over data, into sig. */
#define PAIR_SIG_LEN 83
struct nacre_bytes pair_sign(uint8_t sig[PAIR_SIG_LEN], int key, struct nacre_bytes data);
const char *pair_event_name(enum nacre_event_type type);

#endif
