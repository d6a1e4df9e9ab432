/* SPDX-License-Identifier: ISC
 *
 * Compression, RFC 4253 section 6.2: both methods between two engines, over any pipe and through
 * key exchanges; when it starts; what a peer may not send; the memory it needs; taking over a
 * connection that compresses. Tests named s<number> are the cases of that number: s09 what a rekey
 * may change, s19 decompression bombs, s64 memory that somebody else could write to.
 */
#include "proto/limits.h"
#include "tests/rogue.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char *const compress_methods[] = {"zlib@openssh.com", "zlib"};
static const char delayed[] = "zlib@openssh.com", at_once[] = "zlib";

static void compress_both(struct pair *p, const char *comps)
{
    for (int i = 0; i < 2; i++) {
        p->side[i].cfg.comps = comps;
        p->side[i].mem_len += nacre_conn_comp_mem(&p->side[i].cfg);
    }
}

static void compress_init(struct pair *p, const char *comps)
{
    pair_init(p);
    compress_both(p, comps);
}

static void compress_expect(const struct pair *p, const char *what, size_t a, size_t b)
{
    cr_assert(pair_complete(p), "%s %zu %zu: %s %s", what, a, b, nacre_err_name(p->side[0].err),
              nacre_err_name(p->side[1].err));
}

/* ---- What is offered --------------------------------------------------------------------- */

Test(compress, s19_off_unless_named)
{
    struct nacre_conn_cfg cfg = {0};
    char list[64];

    cr_assert_eq(nacre_conn_comp_mem(&cfg), 0);
    for (int profile = 0; profile < 3; profile++) {
        cfg.profile = (enum nacre_profile)profile;
        cr_assert_eq(nacre_conn_comp_mem(&cfg), 0);
        cr_assert_eq(nacre_algs_expand(list, sizeof list, &nacre_algs_default, NACRE_ALG_COMP,
                                       cfg.profile, NULL),
                     NACRE_OK);
        cr_assert_str_eq(list, "none");
    }
    cfg.comps = "none";
    cr_assert_eq(nacre_conn_comp_mem(&cfg), 0);
    cfg.comps = "none,zlib";
    cr_assert_eq(nacre_conn_comp_mem(&cfg), NACRE_COMP_MEM);
    cfg.comps = "+zlib@openssh.com";
    cr_assert_eq(nacre_conn_comp_mem(&cfg), NACRE_COMP_MEM);
    cfg.comps = NULL;
    cfg.comps_dir[1] = "zlib";
    cr_assert_eq(nacre_conn_comp_mem(&cfg), NACRE_COMP_MEM);
}

Test(compress, one_side_alone_has_none)
{
    for (int i = 0; i < 2; i++) {
        struct pair p;

        pair_init(&p);
        p.side[i].cfg.comps = "zlib@openssh.com,zlib,none";
        p.side[i].mem_len += NACRE_COMP_MEM;
        pair_session(&p);
        compress_expect(&p, "alone", (size_t)i, 0);
        cr_assert_str_eq(nacre_conn_negotiated(p.side[0].c)->comp[0], "none");
        cr_assert(!p.side[0].c->rx.comp_on && !p.side[1].c->rx.comp_on);
        pair_free(&p);
    }
}

/* The memory comes on top of the rest, and is asked for by an error. */
Test(compress, needs_its_memory)
{
    struct pair p;
    size_t small = NACRE_CONN_MEM(8, NACRE_BUF_SMALL, NACRE_BUF_SMALL);

    pair_init(&p);
    p.side[0].cfg.comps = delayed;
    p.side[0].mem_len = small + NACRE_COMP_MEM - 2;
    p.side[1].mem_len = small;
    pair_start(&p);
    cr_assert_eq(p.side[0].init_err, NACRE_ERR_REGION);
    cr_assert_eq(p.side[1].init_err, NACRE_OK);
    pair_free(&p);
    cr_assert_leq(NACRE_COMP_MEM, 256u * 1024);
    cr_assert_eq(NACRE_COMP_MEM % sizeof(uint64_t), 0);
}

/* ---- Sessions ---------------------------------------------------------------------------- */

Test(compress, session)
{
    uint64_t rx, plain, packed;

    for (int m = 0; m < 2; m++) {
        struct pair p;

        pair_init(&p);
        p.plan.send = 400000;
        pair_session(&p);
        nacre_conn_traffic(p.side[0].c, &rx, &plain);
        pair_free(&p);
        compress_init(&p, compress_methods[m]);
        p.plan.send = 400000;
        pair_session(&p);
        compress_expect(&p, compress_methods[m], 0, 0);
        for (int dir = 0; dir < 2; dir++)
            cr_assert_str_eq(nacre_conn_negotiated(p.side[dir].c)->comp[dir], compress_methods[m]);
        nacre_conn_traffic(p.side[0].c, &rx, &packed);
        cr_assert_lt(packed, plain);
        pair_free(&p);
    }
}

Test(compress, any_chunk_any_delay)
{
    for (unsigned delay = 0; delay < 3; delay++) {
        for (size_t chunk = 1; chunk < 60000; chunk = chunk * 7 + 10) {
            struct pair p;

            compress_init(&p, compress_methods[delay % 2]);
            p.plan.rekey_every = 30;
            p.plan.send = chunk < 1000 ? 3000 : 200000;
            p.side[0].out.delay = delay;
            p.side[1].out.delay = 2 - delay;
            p.side[0].out.chunk = p.side[1].out.chunk = chunk;
            pair_session(&p);
            compress_expect(&p, "delay, chunk", delay, chunk);
            pair_free(&p);
        }
    }
}

Test(compress, every_packet_mode)
{
    static const char *const ciphers[] = {"chacha20-poly1305@openssh.com", "aes256-ctr",
                                          "aes128-gcm@openssh.com"};
    static const char *const macs[] = {"hmac-sha2-256", "hmac-sha2-512-etm@openssh.com"};

    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 2; j++) {
            struct pair p;

            compress_init(&p, at_once);
            p.side[0].cfg.ciphers = ciphers[i];
            p.side[0].cfg.macs = macs[j];
            p.plan.send = 100000;
            pair_session(&p);
            compress_expect(&p, ciphers[i], (size_t)j, 0);
            pair_free(&p);
        }
    }
}

/* RFC 4253 6.3: each direction has a method of its own. */
Test(compress, differs_per_direction)
{
    for (int mix = 0; mix < 9; mix++) {
        static const char *const names[] = {"none", "zlib", "zlib@openssh.com"};
        struct pair p;

        pair_init(&p);
        p.side[1].cfg.comps = "none,zlib,zlib@openssh.com";
        p.side[0].cfg.comps_dir[0] = names[mix % 3];
        p.side[0].cfg.comps_dir[1] = names[mix / 3];
        for (int i = 0; i < 2; i++)
            p.side[i].mem_len += nacre_conn_comp_mem(&p.side[i].cfg);
        p.plan.send = 100000;
        p.plan.rekey_every = 5;
        pair_session(&p);
        compress_expect(&p, "mix", (size_t)mix, 0);
        cr_assert_str_eq(nacre_conn_negotiated(p.side[1].c)->comp[0], names[mix % 3]);
        cr_assert_str_eq(nacre_conn_negotiated(p.side[1].c)->comp[1], names[mix / 3]);
        pair_free(&p);
    }
}

/* Small buffers, with replies that the reserve must hold, and large ones, with packets that the
 * compressor could not take. */
Test(compress, every_profile)
{
    static const size_t sizes[] = {NACRE_BUF_SMALL, NACRE_BUF_STANDARD, NACRE_BUF_BULK, 2 << 20};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct pair p;

        pair_init(&p);
        p.side[0].mem_len = p.side[1].mem_len = NACRE_CONN_MEM(8, sizes[i], sizes[i]);
        compress_both(&p, compress_methods[i % 2]);
        p.side[0].cfg.max_packet = p.side[1].cfg.max_packet = 1 << 18;
        p.plan.send = sizes[i] * 5;
        p.plan.rekey_every = 11;
        pair_session(&p);
        compress_expect(&p, "size", sizes[i], 0);
        cr_assert_leq(nacre_chan_max_packet(p.side[0].c, 0), NCR_COMP_PAYLOAD_MAX);
        pair_free(&p);
    }
}

Test(compress, moved_in_memory)
{
    struct pair p;

    compress_init(&p, at_once);
    p.plan.move = true;
    p.plan.send = 100000;
    p.plan.rekey_every = 7;
    pair_session(&p);
    compress_expect(&p, "move", 0, 0);
    pair_free(&p);
}

/* ---- When it starts ---------------------------------------------------------------------- */

/* Compression of both directions as it must be, by what has been negotiated and passed. */
static bool compress_watch(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    const struct nacre_conn *c = s->c;
    const bool wait = s->cfg.comps == delayed;
    unsigned *seen = p->ctx;

    if (ev->type == NACRE_EV_AUTH_NEXT || ev->type == NACRE_EV_AUTH_REQUEST) {
        cr_assert(c->rx.comp_on == !wait && c->tx.comp_on == !wait);
        (*seen)++;
    }
    if (ev->type == NACRE_EV_AUTH_SUCCESS) {
        cr_assert(c->rx.comp_on && c->tx.comp_on);
        (*seen)++;
    }
    return false;
}

Test(compress, starts_at_newkeys_or_after_authentication)
{
    for (int m = 0; m < 2; m++) {
        unsigned seen = 0;
        struct pair p;

        compress_init(&p, m == 0 ? delayed : at_once);
        p.hook = compress_watch;
        p.ctx = &seen;
        pair_session(&p);
        compress_expect(&p, "start", (size_t)m, 0);
        cr_assert_geq(seen, 6);
        pair_free(&p);
    }
}

/* A key exchange while authentication goes on does not start what waits for its end, wherever it
 * falls. */
Test(compress, rekey_during_authentication)
{
    for (unsigned every = 1; every < 8; every++) {
        static const enum pair_try tries[] = {PAIR_TRY_NONE, PAIR_TRY_WRONG_PASSWORD,
                                              PAIR_TRY_INTERACTIVE, PAIR_TRY_END};
        struct pair p;

        compress_init(&p, delayed);
        p.plan.tries = tries;
        p.plan.rekey_every = every;
        p.plan.send = 20000;
        p.side[0].lenient = p.side[1].lenient = true;
        pair_session(&p);
        compress_expect(&p, "every", every, 0);
        pair_free(&p);
    }
}

/* Section 6.2: a new stream with each NEWKEYS; s09: and it may come and go. */
Test(compress, s09_rekey_begins_anew_and_may_change)
{
    static const char *const then[] = {"zlib@openssh.com", "none", "zlib", "none",
                                       "zlib@openssh.com"};
    struct pair p;

    compress_init(&p, delayed);
    p.plan.stay = true;
    p.plan.send = 30000;
    pair_session(&p);
    for (size_t i = 0; i < sizeof then / sizeof then[0]; i++) {
        const bool on = strcmp(then[i], "none") != 0;

        p.side[0].c->cfg.comps = p.side[1].c->cfg.comps = then[i];
        cr_assert_eq(nacre_conn_rekey(p.side[i % 2].c), NACRE_OK);
        cr_assert(pair_run(&p, 100));
        for (int j = 0; j < 2; j++) {
            struct nacre_conn *c = p.side[j].c;

            cr_assert(c->rx.comp_on == on && c->tx.comp_on == on);
            cr_assert_str_eq(nacre_conn_negotiated(c)->comp[j], then[i]);
            cr_assert(!on || (ncr_comp(c)->tx.end < 200 && ncr_comp(c)->rx.have < 200));
        }
        p.plan.send += 30000;
        cr_assert(pair_run(&p, 1000));
        cr_assert(p.side[0].err == NACRE_OK && p.side[1].err == NACRE_OK);
        cr_assert_eq(p.side[0].chan_got, p.plan.send);
    }
    pair_free(&p);
}

/* ---- Events ------------------------------------------------------------------------------ */

struct compress_told {
    struct nacre_bytes data[400];
    size_t n, rounds;
};

static void compress_check_told(struct compress_told *t, uint8_t *from)
{
    for (size_t i = 0; i < t->n; i++)
        for (size_t k = 0; k < t->data[i].n; k++)
            cr_assert_eq(t->data[i].p[k], (uint8_t)((*from)++ * 7 + 1));
    t->n = 0;
    t->rounds++;
}

/* Told data stays until NONE, over many packets; where the next might find no room behind it, NONE
 * comes early, and more is there at once. */
static void compress_burst(size_t piece, size_t total)
{
    static struct compress_told t;
    struct pair p;
    struct nacre_event ev;
    uint8_t data[32768], from = 0, to = 0;
    size_t got = 0;

    t.n = t.rounds = 0;
    pair_init(&p);
    p.side[0].mem_len = p.side[1].mem_len = NACRE_CONN_MEM(8, NACRE_BUF_BULK, NACRE_BUF_BULK);
    compress_both(&p, delayed);
    p.plan.stay = true;
    p.plan.send = 0;
    pair_session(&p);
    for (size_t at = 0; at < total; at += piece) {
        size_t taken;

        for (size_t k = 0; k < piece; k++)
            data[k] = (uint8_t)(to++ * 7 + 1);
        cr_assert_eq(nacre_chan_write(p.side[0].c, 0, 0, data, piece, &taken), NACRE_OK);
        cr_assert_eq(taken, piece);
    }
    while (got < total) {
        struct nacre_conn *c = p.side[1].c;
        struct nacre_bytes out = nacre_conn_out(p.side[0].c);
        size_t used;

        cr_assert_eq(nacre_conn_recv(c, out.p, out.n, &used), NACRE_OK);
        nacre_conn_sent(p.side[0].c, used);
        do {
            cr_assert_eq(nacre_conn_next(c, &ev), NACRE_OK);
            if (ev.type == NACRE_EV_CHAN_DATA) {
                cr_assert_lt(t.n, sizeof t.data / sizeof t.data[0]);
                t.data[t.n++] = ev.data;
                got += ev.data.n;
            }
        } while (ev.type != NACRE_EV_NONE);
        compress_check_told(&t, &from);
        cr_assert(got == total || nacre_conn_out(p.side[0].c).n > 0 ||
                  (nacre_conn_wants(c) & NACRE_WANT_NEXT) != 0);
    }
    cr_assert_geq(t.rounds, total / NCR_COMP_BUF_LEN);
    pair_free(&p);
}

Test(compress, told_data_stays)
{
    compress_burst(100, 10000);
    compress_burst(1000, 100000);
    compress_burst(9000, 180000);
    compress_burst(32768, 32768 * 10);
}

/* ---- What a peer may not send ------------------------------------------------------------ */

static struct rogue compress_rogue;

/* An authenticated rogue, or one that is not yet. */
static struct rogue *compress_start(enum nacre_role victim, const char *comps,
                                    enum rogue_stage stage)
{
    struct rogue *r = &compress_rogue;

    rogue_init(r, victim);
    compress_both(&r->p, comps);
    rogue_until(r, stage);
    rogue_drop(r);
    if (!r->me->c->tx.comp_on)
        ncr_buf_success(r->me->c);
    cr_assert(r->me->c->tx.comp_on && r->victim->c->rx.comp_on);
    return r;
}

/* Appends what our compressor makes of n bytes. */
static void compress_add(struct rogue *r, struct pair_buf *b, const uint8_t *p, size_t n)
{
    static uint8_t out[NACRE_DEFLATE_OUT_MAX(NACRE_DEFLATE_IN_MAX)];

    pair_buf_add(b, out, nacre_deflate(&ncr_comp(r->me->c)->tx, out, sizeof out, p, n));
}

/* A message, honestly compressed. */
static void compress_say(struct rogue *r, const char *text)
{
    struct pair_buf m = {0}, b = {0};

    rogue_text(&m, text);
    compress_add(r, &b, m.p, m.n);
    rogue_send(r, b.p, b.n);
    pair_buf_free(&m);
    pair_buf_free(&b);
}

/* IGNORE of n bytes in all, of which nearly all are zero. */
static void compress_ignore(struct rogue *r, size_t n)
{
    static uint8_t zeros[1 << 20];
    struct pair_buf b = {0};
    const uint32_t len = (uint32_t)n - 5;
    const uint8_t head[5] = {2, (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
                             (uint8_t)len};

    cr_assert(n >= 5 && n <= sizeof zeros);
    compress_add(r, &b, head, 5);
    for (n -= 5; n > 0;) {
        size_t k = n < NACRE_DEFLATE_IN_MAX ? n : NACRE_DEFLATE_IN_MAX;

        compress_add(r, &b, zeros, k);
        n -= k;
    }
    rogue_send(r, b.p, b.n);
    pair_buf_free(&b);
}

Test(compress, s19_bomb)
{
    for (int role = 0; role < 2; role++) {
        struct rogue *r = compress_start((enum nacre_role)role, delayed, ROGUE_CHAN);

        compress_ignore(r, NCR_COMP_PAYLOAD_MAX);
        rogue_expect_alive(r);
        compress_say(r, "192 'x'");
        cr_assert(rogue_next_is(r, "193 'x'"));
        compress_ignore(r, NCR_COMP_PAYLOAD_MAX + 1);
        rogue_expect_end(r, NACRE_ERR_LIMIT, 2);
        rogue_free(r);
        r = compress_start((enum nacre_role)role, delayed, ROGUE_CHAN);
        compress_ignore(r, 1 << 20);
        rogue_expect_end(r, NACRE_ERR_LIMIT, 2);
        rogue_free(r);
    }
}

/* Before authentication, what is inflated counts. */
Test(compress, s19_bombs_before_authentication)
{
    struct rogue *r = compress_start(NACRE_SERVER, at_once, ROGUE_AUTH);
    unsigned n = 0;

    while (r->victim->err == NACRE_OK && n < 40) {
        compress_ignore(r, NCR_COMP_PAYLOAD_MAX);
        n++;
    }
    cr_assert_eq(n, NCR_PREAUTH_BYTES_MAX / NCR_COMP_PAYLOAD_MAX + 1);
    rogue_expect_end(r, NACRE_ERR_PREAUTH_BYTES, 2);
    rogue_free(r);
}

/* Bits behind those that our compressor has pending, and a packet of them. */
struct compress_bits {
    uint8_t p[64];
    size_t n;
};

static void compress_bit(struct compress_bits *b, unsigned v, unsigned n)
{
    for (; n > 0; n--, v >>= 1, b->n++)
        b->p[b->n / 8] |= (uint8_t)((v & 1) << b->n % 8);
}

static struct compress_bits compress_bits_begin(struct rogue *r)
{
    const struct nacre_deflate *tx = &ncr_comp(r->me->c)->tx;
    struct compress_bits b;

    memset(&b, 0, sizeof b);
    compress_bit(&b, tx->bits, tx->n_bits);
    return b;
}

static void compress_bits_send(struct rogue *r, const struct compress_bits *b)
{
    rogue_send(r, b->p, (b->n + 7) / 8);
}

/* A stream may not end: the peer could not go on. */
Test(compress, stream_that_ends)
{
    struct rogue *r = compress_start(NACRE_SERVER, delayed, ROGUE_CHAN);
    struct compress_bits b = compress_bits_begin(r);

    compress_bit(&b, 1, 1); /* the last block, fixed: empty */
    compress_bit(&b, 1, 2);
    compress_bit(&b, 0, 7);
    compress_bits_send(r, &b);
    rogue_expect_end(r, NACRE_ERR_COMPRESSION, 6);
    rogue_free(r);
}

Test(compress, malformed)
{
    static const struct {
        unsigned bits[6][2]; /* value, count */
    } cases[] = {
        {{{0, 1}, {3, 2}}},                                /* reserved block type */
        {{{0, 1}, {0, 2}, {0, 5}, {0, 8}, {0xffff, 16}}},  /* stored length */
        {{{0, 1}, {1, 2}, {0x63, 8}, {0x63, 8}, {0, 15}}}, /* length symbol 286 */
        {{{0, 1}, {2, 2}, {31, 5}, {31, 5}, {0, 15}}},     /* too many codes */
        {{{0, 1}, {1, 2}, {0, 7}}},                        /* nothing comes of it */
        {{{0, 1}}},                                        /* not even a block */
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rogue *r = compress_start((enum nacre_role)(i % 2), delayed, ROGUE_CHAN);
        struct compress_bits b = compress_bits_begin(r);

        for (size_t k = 0; k < 6; k++)
            compress_bit(&b, cases[i].bits[k][0], cases[i].bits[k][1]);
        compress_bits_send(r, &b);
        rogue_expect_end(r, NACRE_ERR_COMPRESSION, 6);
        rogue_free(r);
    }
}

/* A client may have said things before it reads SUCCESS, of the transport or authentication; from
 * the first compressed packet on, and for others, no more. */
Test(compress, plain_packets_before_the_first)
{
    struct rogue *r = compress_start(NACRE_SERVER, delayed, ROGUE_CONN);

    rogue_say(r, "2 'sent early'");
    rogue_say(r, "50 'joe' 'ssh-connection' 'none'");
    compress_say(r, "192 'x'");
    cr_assert(rogue_next_is(r, "193 'x'"));
    rogue_say(r, "2 'sent late'");
    rogue_expect_end(r, NACRE_ERR_COMPRESSION, 6);
    rogue_free(r);
    r = compress_start(NACRE_SERVER, delayed, ROGUE_CONN);
    rogue_say(r, "80 'keepalive@openssh.com' 1");
    rogue_expect_end(r, NACRE_ERR_COMPRESSION, 6);
    rogue_free(r);
    r = compress_start(NACRE_CLIENT, delayed, ROGUE_CONN);
    rogue_say(r, "2 'a server knows'");
    rogue_expect_end(r, NACRE_ERR_COMPRESSION, 6);
    rogue_free(r);
}

/* A packet that is not compressed where it should be. */
Test(compress, plain_packet)
{
    struct rogue *r = compress_start(NACRE_SERVER, delayed, ROGUE_CHAN);

    rogue_say(r, "2 'ignore me, please, for I am not compressed at all'");
    cr_assert_neq(r->victim->err, NACRE_OK);
    rogue_free(r);
}

/* The victim's connection put back to where it was; its block is not moved. */
static void compress_restore(struct rogue *r, const struct nacre_conn *saved, size_t len)
{
    memcpy((void *)r->victim->c, saved, len);
    r->victim->err = NACRE_OK;
    r->victim->told_error = false;
    r->p.side[0].log.n = r->p.side[1].log.n = 0;
}

/* A compressed message cut at each byte, and with each bit flipped: told or refused, no more. */
Test(compress, cut_and_flipped)
{
    struct rogue *r = compress_start(NACRE_SERVER, delayed, ROGUE_CHAN);
    const struct ncr_dir tx = r->me->c->tx;
    struct nacre_conn *saved;
    struct pair_buf m = {0}, b = {0};
    const size_t len = (sizeof(struct nacre_conn) + 63) / 64 * 64 + r->victim->mem_len;
    unsigned refused = 0;

    r->victim->lenient = true;
    rogue_text(&m, "98 u0 'exec' 1 'some command of the day that has a good length'");
    compress_add(r, &b, m.p, m.n);
    saved = pair_block_copy(r->victim);
    r->deaf = true; /* what it answers is not ours to judge */
    for (size_t i = 1; i < b.n; i++) {
        r->me->c->tx = tx;
        rogue_send(r, b.p, i);
        cr_assert(i + 2 >= b.n || r->victim->err != NACRE_OK, "%zu of %zu", i, b.n);
        compress_restore(r, saved, len);
    }
    for (size_t i = 0; i < 8 * b.n; i++) {
        r->me->c->tx = tx;
        b.p[i / 8] ^= (uint8_t)(1 << i % 8);
        rogue_send(r, b.p, b.n);
        b.p[i / 8] ^= (uint8_t)(1 << i % 8);
        refused += r->victim->err != NACRE_OK;
        compress_restore(r, saved, len);
    }
    cr_assert_gt(refused, b.n);
    free(saved);
    pair_buf_free(&m);
    pair_buf_free(&b);
    rogue_free(r);
}

/* ---- Taking over ------------------------------------------------------------------------- */

static void compress_at_work(struct pair *p, const char *comps)
{
    compress_init(p, comps);
    p->plan.stay = true;
    p->plan.send = 100000;
    pair_session(p);
}

static nacre_err compress_adopt(struct pair *p)
{
    struct pair_side *s = &p->side[1];
    struct nacre_rng rng = pair_rng_of(&s->rng);

    return nacre_conn_adopt(s->c, NACRE_SERVER, &s->cfg, &rng, ncr_region(s->c), s->mem_len);
}

Test(compress, adopted_connection_goes_on)
{
    for (int m = 0; m < 2; m++) {
        struct pair p;

        compress_at_work(&p, compress_methods[m]);
        cr_assert_eq(compress_adopt(&p), NACRE_OK);
        p.plan.send += 100000;
        cr_assert(pair_run(&p, 1000));
        cr_assert_eq(nacre_conn_rekey(p.side[0].c), NACRE_OK);
        p.plan.send += 100000;
        cr_assert(pair_run(&p, 1000));
        p.plan.stay = false;
        cr_assert(pair_run(&p, 1000));
        compress_expect(&p, "adopted", (size_t)m, 0);
        pair_free(&p);
    }
}

Test(compress, s64_what_does_not_fit_is_refused)
{
    struct pair p;
    struct nacre_conn *c;

    compress_at_work(&p, delayed);
    c = p.side[1].c;
    c->comp_len = 0;
    cr_assert_eq(compress_adopt(&p), NACRE_ERR_USAGE);
    c->comp_len = NACRE_COMP_MEM - 8;
    cr_assert_eq(compress_adopt(&p), NACRE_ERR_USAGE);
    c->comp_len = NACRE_COMP_MEM;
    p.side[1].cfg.comps = NULL;
    cr_assert_eq(compress_adopt(&p), NACRE_ERR_USAGE);
    p.side[1].cfg.comps = delayed;
    c->rx.comp_on = false;
    cr_assert_eq(compress_adopt(&p), NACRE_ERR_USAGE);
    c->rx.comp_on = true;
    c->success = false;
    cr_assert_eq(compress_adopt(&p), NACRE_ERR_USAGE);
    c->success = true;
    c->comp_at = UINT32_MAX;
    cr_assert_eq(compress_adopt(&p), NACRE_OK);
    cr_assert_eq(c->comp_at, 0);
    pair_free(&p);
}

/* Whatever stands in the streams' state, nothing else is touched: the sanitizers judge. */
Test(compress, s64_overwritten_streams)
{
    uint64_t seed = 7;

    for (int i = 0; i < 60; i++) {
        struct pair p;
        struct ncr_comp_mem *m;

        compress_at_work(&p, compress_methods[i % 2]);
        m = ncr_comp(p.side[1].c);
        for (size_t k = 0; k < sizeof *m; k += i < 10 ? 1 : (size_t)(seed >> 58) + 1) {
            seed = seed * UINT64_C(6364136223846793005) + 1;
            if (i % 3 == 0 || k < sizeof m->rx)
                ((uint8_t *)m)[k] = (uint8_t)(seed >> 56);
        }
        cr_assert_eq(compress_adopt(&p), NACRE_OK);
        p.side[0].lenient = p.side[1].lenient = true;
        p.plan.any_data = true;
        p.plan.send += 100000;
        (void)pair_run(&p, 1000); /* it may end in any way */
        pair_free(&p);
    }
}
