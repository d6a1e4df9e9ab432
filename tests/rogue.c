/* SPDX-License-Identifier: ISC
 *
 * The scripted peer: see rogue.h.
 *
 * Our engine seals ahead of what the victim has taken. The state of its sending direction before
 * each packet is kept, so that at the end of the honest part the packets that the victim has not
 * taken can be unsaid, and the script goes on with the right keys and sequence number.
 */
#include "tests/rogue.h"

#include "crypto/load.h"
#include "proto/kex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The honest part ---- */

static void rogue_trace_me(void *ctx, char dir, uint32_t seq, const uint8_t *payload, size_t n)
{
    struct rogue *r = ctx;
    (void)seq; /* of the direction that is kept whole */
    (void)payload;
    (void)n;
    if (dir == 't') {
        PAIR_CHECK(r->sent < ROGUE_PACKETS);
        r->tx[r->sent++] = r->me->c->tx;
    }
}

static void rogue_trace_victim(void *ctx, char dir, uint32_t seq, const uint8_t *payload, size_t n)
{
    struct rogue *r = ctx;
    (void)seq; /* only counted */
    (void)payload;
    (void)n;
    r->taken += dir == 'r';
}

void rogue_init(struct rogue *r, enum nacre_role victim)
{
    memset(r, 0, sizeof *r);
    pair_init(&r->p);
    r->victim = &r->p.side[victim];
    r->me = pair_other(&r->p, r->victim);
    r->p.plan.stay = true;
    r->p.plan.send = 0;
    r->p.plan.any_data = true;
    r->me->cfg.kex = ROGUE_KEX;
    r->me->cfg.trace = rogue_trace_me;
    r->me->cfg.trace_ctx = r;
    r->victim->cfg.trace = rogue_trace_victim;
    r->victim->cfg.trace_ctx = r;
}

void rogue_free(struct rogue *r)
{
    pair_free(&r->p);
    pair_buf_free(&r->in);
    pair_buf_free(&r->msgs);
}

static bool rogue_at(const struct rogue *r, enum rogue_stage stage)
{
    static const uint8_t phase[] = {NCR_PH_VERSION,      NCR_PH_KEX1_INIT, NCR_PH_KEX1_METHOD,
                                    NCR_PH_KEX1_NEWKEYS, NCR_PH_SERVICE,   NCR_PH_AUTH,
                                    NCR_PH_CONN};
    if (stage == ROGUE_CHAN) {
        return r->p.side[0].state == PAIR_SEND && r->p.side[1].state == PAIR_SEND;
    }
    return r->victim->c->rx.phase == phase[stage];
}

/* What our engine has said beyond what the victim took is unsaid. */
static void rogue_unsay(struct rogue *r)
{
    struct nacre_conn *c = r->me->c;
    if (r->taken < r->sent) {
        PAIR_CHECK(r->taken < ROGUE_PACKETS);
        r->tx[r->taken].all_bytes = c->tx.all_bytes;
        c->tx = r->tx[r->taken];
    }
    nacre_conn_sent(c, nacre_conn_out(c).n);
    r->me->out.b.n = 0;
    c->held_len = 0;
    /* what it has not read is for the script to read */
    size_t from = c->in_next > c->in_start ? c->in_next : c->in_start;
    pair_buf_add(&r->in, ncr_inbuf(c) + from, c->in_end - from);
    pair_buf_add(&r->in, r->victim->out.b.p, r->victim->out.b.n);
    r->victim->out.b.n = 0;
    r->version_read = c->rx.phase != NCR_PH_VERSION;
}

void rogue_until(struct rogue *r, enum rogue_stage stage)
{
    pair_start(&r->p);
    r->me->out.chunk = 1;
    if (stage != ROGUE_RAW) {
        unsigned rounds = 0;
        while (!rogue_at(r, stage)) {
            PAIR_CHECK(pair_round(&r->p) && ++rounds < 100000);
            pair_events(&r->p, r->victim);
        }
        pair_events(&r->p, r->victim);
    }
    if (stage == ROGUE_KEXINIT || stage == ROGUE_METHOD) { /* our engine learns the keys */
        pair_deliver(&r->p, r->victim);
        pair_events(&r->p, r->me);
    }
    rogue_unsay(r);
    rogue_pump(r);
}

/* ---- What the victim says ---- */

static void rogue_read_version(struct rogue *r)
{
    const uint8_t *end = r->in.n > 0 ? memchr(r->in.p, '\n', r->in.n) : NULL;
    if (end != NULL) {
        pair_buf_drop(&r->in, (size_t)(end - r->in.p) + 1);
        r->version_read = true;
    }
}

/* NEWKEYS: the keys that our engine has derived, or nothing can be read from here on. */
static void rogue_new_keys(struct rogue *r)
{
    struct nacre_conn *c = r->me->c;
    struct ncr_keyset *next = &c->kex.next[r->me->role == NACRE_CLIENT];
    r->deaf = next->cipher == NULL || c->kex.h_len == 0;
    if (!r->deaf) {
        ncr_pkt_install(&c->rx, next, c->neg.strict);
    }
}

static void rogue_read(struct rogue *r)
{
    struct nacre_bytes payload;
    size_t used = 0;
    if (!r->version_read) {
        rogue_read_version(r);
    }
    while (r->version_read && r->in.n > 0 && !r->deaf) {
        nacre_err err = ncr_pkt_open(&r->me->c->rx, r->in.p, r->in.n, 300000, &used, &payload);
        PAIR_CHECK(err == NACRE_OK);
        if (used == 0) {
            return;
        }
        if (r->me->c->rx.comp_on) {
            PAIR_CHECK(r->me->c->rx.comp->open(ncr_comp(r->me->c), 0, &payload) == NACRE_OK);
        }
        uint32_t n = (uint32_t)payload.n;
        pair_buf_add(&r->msgs, &n, sizeof n);
        pair_buf_add(&r->msgs, payload.p, payload.n);
        if (payload.p[0] == NCR_MSG_NEWKEYS) {
            rogue_new_keys(r);
        }
        if (payload.p[0] == NCR_MSG_USERAUTH_SUCCESS) {
            ncr_buf_success(r->me->c);
        }
        pair_buf_drop(&r->in, used);
    }
}

void rogue_pump(struct rogue *r)
{
    struct pair_side *v = r->victim;
    struct nacre_bytes out;
    do {
        pair_events(&r->p, v);
        out = nacre_conn_out(v->c);
        pair_buf_add(&r->in, out.p, out.n);
        nacre_conn_sent(v->c, out.n);
    } while (out.n > 0);
    rogue_read(r);
}

bool rogue_get(struct rogue *r, struct nacre_bytes *msg)
{
    static uint8_t last[1 << 18];
    uint32_t n;
    if (r->msgs.n == 0) {
        return false;
    }
    memcpy(&n, r->msgs.p, sizeof n);
    PAIR_CHECK(n <= sizeof last);
    memcpy(last, r->msgs.p + sizeof n, n);
    pair_buf_drop(&r->msgs, sizeof n + n);
    msg->p = last;
    msg->n = n;
    return true;
}

void rogue_drop(struct rogue *r)
{
    r->msgs.n = 0;
}

bool rogue_next_is(struct rogue *r, const char *text)
{
    struct pair_buf want = {0};
    struct nacre_bytes msg;
    rogue_text(&want, text);
    bool is = rogue_get(r, &msg) && msg.n >= want.n && memcmp(msg.p, want.p, want.n) == 0;
    pair_buf_free(&want);
    return is;
}

/* ---- What we say ---- */

void rogue_raw(struct rogue *r, const uint8_t *p, size_t n)
{
    unsigned idle = 0;
    while (n > 0 && idle < 3) {
        size_t used = 0;
        if (nacre_conn_recv(r->victim->c, p, n, &used) != NACRE_OK) {
            break; /* it is over: nobody listens */
        }
        p += used;
        n -= used;
        idle = used > 0 ? 0 : idle + 1;
        rogue_pump(r);
    }
    rogue_pump(r);
}

void rogue_send(struct rogue *r, const uint8_t *p, size_t n)
{
    static const uint8_t pad[NCR_PKT_PAD_MAX] = {1, 2, 3, 4};
    struct ncr_dir *tx = &r->me->c->tx;
    size_t total = 0;
    uint8_t *packet = malloc(ncr_pkt_sealed_len(tx, n));
    PAIR_CHECK(packet != NULL);
    memcpy(packet + NCR_PKT_HEAD, p, n);
    nacre_err err = ncr_pkt_seal(tx, packet, n, pad, &total);
    PAIR_CHECK(err == NACRE_OK);
    rogue_raw(r, packet, total);
    free(packet);
}

void rogue_forge(struct rogue *r, const uint8_t *body, size_t n, uint32_t len, size_t flip_at,
                 uint8_t flip)
{
    struct ncr_dir *tx = &r->me->c->tx;
    size_t total = 4 + n + ncr_pkt_tag_len(tx);
    uint8_t *p = calloc(1, total);
    PAIR_CHECK(p != NULL && n <= UINT32_MAX);
    ncr_store32be(p, len);
    if (n > 0) {
        memcpy(p + 4, body, n);
    }
    ncr_pkt_mode(tx)->seal(tx, p, (uint32_t)n);
    tx->seq++;
    if (flip_at < total) {
        p[flip_at] ^= flip;
    }
    rogue_raw(r, p, total);
    free(p);
}

static void rogue_add_u32(struct pair_buf *out, unsigned long v)
{
    uint8_t b[4];
    ncr_store32be(b, (uint32_t)v);
    pair_buf_add(out, b, sizeof b);
}

static void rogue_add_fill(struct pair_buf *out, unsigned long n, char fill)
{
    while (n-- > 0) {
        pair_buf_add(out, &fill, 1);
    }
}

static const char *rogue_add_hex(struct pair_buf *out, const char *t)
{
    unsigned v;
    while (sscanf(t, "%2x", &v) == 1 && *t != ' ') {
        uint8_t b = (uint8_t)v;
        pair_buf_add(out, &b, 1);
        t += 2;
    }
    return t;
}

/* One token at t; the character behind it. */
static const char *rogue_token(struct pair_buf *out, const char *t)
{
    char *end;
    if (*t == '\'' || *t == '/') {
        const char *close = strchr(t + 1, *t);
        PAIR_CHECK(close != NULL);
        if (*t == '\'') {
            rogue_add_u32(out, (unsigned long)(close - t - 1));
        }
        pair_buf_add(out, t + 1, (size_t)(close - t - 1));
        return close + 1;
    }
    if (*t == 'x') {
        return rogue_add_hex(out, t + 1);
    }
    if (*t >= '0' && *t <= '9') {
        uint8_t b = (uint8_t)strtoul(t, &end, 10);
        pair_buf_add(out, &b, 1);
        return end;
    }
    unsigned long v = strtoul(t + 1, &end, 0);
    PAIR_CHECK(end > t + 1);
    if (*t == 'u') {
        rogue_add_u32(out, v);
    } else if (*t == 'z') {
        rogue_add_fill(out, v, 0);
    } else if (*t == 'l') {
        rogue_add_u32(out, v);
        rogue_add_fill(out, v, 'A');
    } else {
        PAIR_CHECK(*t == '$' && v < 3);
        struct nacre_bytes blob = pair_key_blob((int)v);
        rogue_add_u32(out, (unsigned long)blob.n);
        pair_buf_add(out, blob.p, blob.n);
    }
    return end;
}

void rogue_text(struct pair_buf *out, const char *text)
{
    while (*text != 0) {
        text = rogue_token(out, text);
        PAIR_CHECK(*text == 0 || *text == ' ');
        while (*text == ' ') {
            text++;
        }
    }
}

void rogue_say(struct rogue *r, const char *text)
{
    struct pair_buf b = {0};
    rogue_text(&b, text);
    rogue_send(r, b.p, b.n);
    pair_buf_free(&b);
}

/* ---- What must have happened ---- */

static bool rogue_zero(const void *p, size_t n)
{
    const uint8_t *b = p;
    size_t i = 0;
    while (i < n && b[i] == 0) {
        i++;
    }
    return i == n;
}

void rogue_expect_end(struct rogue *r, nacre_err err, uint32_t reason)
{
    struct nacre_conn *c = r->victim->c;
    struct nacre_bytes msg = {NULL, 0};
    bool any = false;
    if (r->victim->err != err) {
        fprintf(stderr, "the victim ended with %s (%s, %s), not with %s\n",
                nacre_err_name(r->victim->err), nacre_conn_errinfo(c).what,
                nacre_conn_errinfo(c).msg_name, nacre_err_name(err));
    }
    PAIR_CHECK(r->victim->err == err);
    while (rogue_get(r, &msg)) {
        any = msg.p[0] == NCR_MSG_DISCONNECT;
    }
    PAIR_CHECK(any == (reason != 0));
    PAIR_CHECK(!any || (msg.n > 5 && ncr_load32be(msg.p + 1) == reason));
    PAIR_CHECK(rogue_zero(&c->rx.key, sizeof c->rx.key) &&
               rogue_zero(&c->tx.key, sizeof c->tx.key));
    PAIR_CHECK(rogue_zero(&c->rx.mac, sizeof c->rx.mac) &&
               rogue_zero(&c->tx.mac, sizeof c->tx.mac));
    PAIR_CHECK(rogue_zero(c->kex.next, sizeof c->kex.next));
    PAIR_CHECK(rogue_zero(ncr_scratch(c, NCR_SCRATCH_SECRET), NCR_KEX_SECRET_MAX));
    PAIR_CHECK(c->err == err && nacre_conn_errinfo(c).err == err);
}

void rogue_expect_alive(struct rogue *r)
{
    if (r->victim->err != NACRE_OK) {
        fprintf(stderr, "the victim ended with %s (%s)\n", nacre_err_name(r->victim->err),
                nacre_conn_errinfo(r->victim->c).what);
    }
    PAIR_CHECK(r->victim->err == NACRE_OK);
}

/* ---- Scripts ---- */

static void rogue_cut(struct rogue *r)
{
    nacre_conn_eof(r->victim->c);
    rogue_pump(r);
}

static void rogue_tick(struct rogue *r, long ms)
{
    nacre_err err = nacre_conn_tick(r->victim->c, (uint64_t)ms);
    PAIR_CHECK(err == NACRE_OK || err == r->victim->c->err);
    rogue_pump(r);
}

static bool rogue_do(struct rogue *r, const struct rogue_step *s)
{
    struct pair_buf b = {0};
    switch (s->op) {
    case R_UNTIL:
        rogue_until(r, (enum rogue_stage)s->a);
        return true;
    case R_SAY:
        for (long i = 0; i <= s->a; i++) {
            rogue_say(r, s->text);
        }
        return true;
    case R_RAW:
        rogue_text(&b, s->text);
        rogue_raw(r, b.p, b.n);
        pair_buf_free(&b);
        return true;
    case R_GET:
        return rogue_next_is(r, s->text);
    case R_SKIP:
        rogue_drop(r);
        return true;
    case R_SILENT:
        return r->msgs.n == 0;
    case R_EVENTS:
        return r->victim->count[s->a] == (unsigned)s->b;
    case R_ALIVE:
        rogue_expect_alive(r);
        return true;
    case R_TICK:
        rogue_tick(r, s->a);
        return true;
    case R_CUT:
        rogue_cut(r);
        return true;
    case R_END:
        rogue_expect_end(r, (nacre_err)s->a, (uint32_t)s->b);
        return true;
    case R_DONE:
    default:
        return false;
    }
}

void rogue_play(struct rogue *r, const struct rogue_step *steps)
{
    for (size_t i = 0; steps[i].op != R_DONE; i++) {
        if (!rogue_do(r, &steps[i])) {
            fprintf(stderr, "step %zu of the script: \"%s\" %ld %ld; the victim's log:\n%.*s", i,
                    steps[i].text != NULL ? steps[i].text : "", steps[i].a, steps[i].b,
                    (int)r->victim->log.n, (const char *)r->victim->log.p);
            pair_fail(__FILE__, __LINE__, "the step holds");
        }
    }
}

void rogue_run(enum nacre_role victim, const struct rogue_step *steps)
{
    struct rogue *r = malloc(sizeof *r);
    PAIR_CHECK(r != NULL);
    rogue_init(r, victim);
    rogue_play(r, steps);
    rogue_free(r);
    free(r);
}
