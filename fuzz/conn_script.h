/* SPDX-License-Identifier: ISC
 *
 * What the two fuzz targets of the connection share: one victim, one rogue, and an input that says
 * what the rogue sends.
 *
 * Input: byte 0 is the stage up to which both are honest (0: raw bytes instead of a script), and
 * with 8 more both compress from NEWKEYS on; byte 1 how many bytes arrive at a time in raw mode.
 * Raw: the rest are the bytes of the stream, from the version line on. Script: steps of a byte
 * each,
 *     0-199    a message of that many bytes + 1 follows, compressed if both do, sealed under the
 *              right keys
 *     200-239  the message before, as it was sealed, again, changed in one byte (position and value
 *              follow)
 *     240-247  the victim's application acts: opens, writes, asks, closes, rekeys
 *     248-251  time passes
 *     252-255  the peer is told nothing more is read or the stream ends
 * Whatever happens: no crash, an error that sticks, output that can be read.
 */
#ifndef NACRE_FUZZ_CONN_SCRIPT_H
#define NACRE_FUZZ_CONN_SCRIPT_H

#include "tests/rogue.h"

#include <stdlib.h>
#include <string.h>

struct conn_script {
    struct rogue r;
    const uint8_t *p;
    size_t n;
    uint8_t msg[NACRE_DEFLATE_OUT_MAX(256)];
    size_t msg_n;
    uint64_t now;
};

static inline uint8_t conn_script_byte(struct conn_script *s)
{
    if (s->n == 0) {
        return 0;
    }
    s->n--;
    return *s->p++;
}

static inline void conn_script_act(struct conn_script *s, uint8_t what)
{
    const struct nacre_bytes none = {NULL, 0};
    const struct nacre_request env = {
        .kind = NACRE_REQ_ENV, .text = nacre_bytes_str("A"), .data = nacre_bytes_str("B")};
    const struct nacre_global g = {.name = nacre_bytes_str("x@example.com")};
    struct nacre_conn *c = s->r.victim->c;
    uint32_t chan = conn_script_byte(s) % 10;
    static const uint8_t data[300] = {'d'};
    size_t taken;
    nacre_err err = NACRE_OK;
    switch (what % 8) {
    case 0:
        err = nacre_chan_open(c, "session", none, &chan);
        break;
    case 1:
        err = nacre_chan_write(c, chan, chan % 3, data, sizeof data, &taken);
        break;
    case 2:
        err = nacre_chan_request(c, chan, &env, true);
        break;
    case 3:
        err = nacre_chan_close(c, chan);
        break;
    case 4:
        err = nacre_conn_rekey(c);
        break;
    case 5:
        err = nacre_global_request(c, &g, true);
        break;
    case 6:
        err = nacre_chan_consumed(c, chan, conn_script_byte(s));
        break;
    default:
        err = nacre_chan_eof(c, chan);
        break;
    }
    PAIR_CHECK(err != NACRE_ERR_INTERNAL);
}

static inline void conn_script_send(struct conn_script *s, uint8_t op)
{
    if (op < 200) {
        s->msg_n = (size_t)op + 1 < s->n ? (size_t)op + 1 : s->n;
        memcpy(s->msg, s->p, s->msg_n);
        s->p += s->msg_n;
        s->n -= s->msg_n;
        if (s->msg_n > 0 && s->r.me->c->tx.comp_on) {
            s->msg_n =
                nacre_deflate(&ncr_comp(s->r.me->c)->tx, s->msg, sizeof s->msg, s->msg, s->msg_n);
        }
    } else if (s->msg_n > 0) {
        size_t at = conn_script_byte(s) % s->msg_n;
        s->msg[at] = conn_script_byte(s);
    }
    if (s->msg_n > 0 && !s->r.deaf) {
        rogue_send(&s->r, s->msg, s->msg_n);
    }
}

static inline void conn_script_step(struct conn_script *s)
{
    uint8_t op = conn_script_byte(s);
    if (op < 240) {
        conn_script_send(s, op);
    } else if (op < 248) {
        conn_script_act(s, op);
    } else if (op < 252) {
        s->now += 1000u * conn_script_byte(s) + 1;
        nacre_err err = nacre_conn_tick(s->r.victim->c, s->now);
        PAIR_CHECK(err != NACRE_ERR_INTERNAL);
    } else {
        nacre_conn_eof(s->r.victim->c);
    }
    rogue_pump(&s->r);
    rogue_drop(&s->r);
}

static inline void conn_script_raw(struct conn_script *s, uint8_t step)
{
    s->r.deaf = true;
    while (s->n > 0 && s->r.victim->err == NACRE_OK) {
        size_t n = step == 0 || step > s->n ? s->n : step;
        rogue_raw(&s->r, s->p, n);
        s->p += n;
        s->n -= n;
    }
}

/* The honest part is done once for each stage; then struct and regions are copied. All pointers in
 * the script's struct point into it, so it must stay where it is. */
static inline void conn_script_begin(struct conn_script *s, enum nacre_role victim,
                                     enum rogue_stage stage, bool compressed)
{
    static struct rogue saved[2][ROGUE_CHAN + 1];
    struct rogue *from = &saved[compressed][stage];
    if (from->me == NULL) {
        rogue_init(&s->r, victim);
        for (int i = 0; i < 2; i++) {
            s->r.p.side[i].lenient = true;
            s->r.p.side[i].cfg.comps = compressed ? "zlib" : NULL;
            s->r.p.side[i].mem_len += nacre_conn_comp_mem(&s->r.p.side[i].cfg);
        }
        rogue_until(&s->r, stage);
        rogue_drop(&s->r);
        *from = s->r;
    }
    s->r = *from;
    memset(&s->r.in, 0, sizeof s->r.in);
    memset(&s->r.msgs, 0, sizeof s->r.msgs);
    pair_buf_add(&s->r.in, from->in.p, from->in.n);
    for (int i = 0; i < 2; i++) {
        struct pair_side *side = &s->r.p.side[i];
        side->c = pair_block_copy(&from->p.side[i]);
        memset(&side->log, 0, sizeof side->log);
        memset(&side->pending, 0, sizeof side->pending);
        memset(&side->out.b, 0, sizeof side->out.b);
    }
}

static inline int conn_script_run(enum nacre_role victim, const uint8_t *p, size_t n)
{
    static struct conn_script s;
    if (n < 2 || n > 4096) {
        return 0;
    }
    memset(&s, 0, sizeof s);
    s.p = p;
    s.n = n;
    uint8_t first = conn_script_byte(&s), step = conn_script_byte(&s);
    uint8_t stage = first % (ROGUE_CHAN + 1);
    conn_script_begin(&s, victim, (enum rogue_stage)stage, first / (ROGUE_CHAN + 1) % 2 != 0);
    if (stage == ROGUE_RAW) {
        conn_script_raw(&s, step);
    } else {
        while (s.n > 0 && s.r.victim->err == NACRE_OK) {
            conn_script_step(&s);
        }
    }
    nacre_conn_eof(s.r.victim->c);
    rogue_pump(&s.r);
    PAIR_CHECK(s.r.victim->err != NACRE_ERR_INTERNAL);
    rogue_free(&s.r);
    return 0;
}

#endif
