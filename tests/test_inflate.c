/* SPDX-License-Identifier: ISC
 *
 * INFLATE against streams that zlib made and streams that zlib judged: whole, byte by byte, in
 * every two-way split, into every size of output, cut at every byte, flipped at every bit;
 * checksum, leftover input, and contexts that somebody has overwritten.
 */
#include "crypto/nacre_crypto.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { INFLATE_OUT = 400000 };

/* A stream, and how it is to be fed. */
struct inflate_run {
    const uint8_t *in;
    size_t n;
    bool zlib;
    size_t first, piece, cap; /* input of the first call, of the others, output of each */
};

struct inflate_got {
    enum nacre_inflate_state state;
    uint8_t *out; /* one of two that the caller names */
    size_t n, used;
};

static struct nacre_inflate inflate_ctx;
static uint8_t inflate_out[2][INFLATE_OUT];

/* Runs the stream through; every piece is a block of its own size, for the sanitizers. */
static struct inflate_got inflate_all(const struct inflate_run *r, unsigned to)
{
    struct inflate_got g = {NACRE_INFLATE_MORE, inflate_out[to], 0, 0};
    size_t piece = r->first;

    nacre_inflate_init(&inflate_ctx, r->zlib);
    do {
        size_t cap = r->cap < INFLATE_OUT - g.n ? r->cap : INFLATE_OUT - g.n;
        size_t n, used;
        uint8_t *in, *out = malloc(cap + 1);

        piece = piece < r->n - g.used ? piece : r->n - g.used;
        in = malloc(piece + 1);
        cr_assert(in != NULL && out != NULL);
        memcpy(in + 1, r->in + g.used, piece);
        g.state = nacre_inflate(&inflate_ctx, out + 1, cap, &n, in + 1, piece, &used);
        cr_assert(n <= cap && used <= piece);
        cr_assert(g.state != NACRE_INFLATE_MORE || used == piece);
        cr_assert(g.state != NACRE_INFLATE_FULL || n == cap);
        memcpy(g.out + g.n, out + 1, n);
        g.n += n;
        g.used += used;
        piece = g.state == NACRE_INFLATE_FULL ? piece - used : r->piece;
        free(in);
        free(out);
    } while ((g.state == NACRE_INFLATE_MORE && g.used < r->n) ||
             (g.state == NACRE_INFLATE_FULL && g.n < INFLATE_OUT));
    return g;
}

static bool inflate_same(const struct inflate_got *a, const struct inflate_got *b)
{
    if (a->state != b->state)
        return false;
    return a->state == NACRE_INFLATE_BAD ||
           (a->n == b->n && a->used == b->used && memcmp(a->out, b->out, a->n) == 0);
}

static void inflate_same_as(const struct vec *v, const struct inflate_got *want,
                            const struct inflate_run *r)
{
    struct inflate_got g = inflate_all(r, 1);

    cr_assert(inflate_same(&g, want), "%s:%u: pieces of %zu, %zu, output of %zu: %d, not %d",
              v->name, v->line, r->first, r->piece, r->cap, g.state, want->state);
}

/* The stream of a record, fed whole. */
static struct inflate_run inflate_record(const struct vec *v)
{
    struct inflate_run r = {.zlib = vec_has(v, "zlib"), .cap = INFLATE_OUT};

    r.in = vec_get(v, r.zlib ? "zlib" : "raw", &r.n);
    r.first = r.piece = r.n;
    return r;
}

static void inflate_expect(const struct vec *v, const struct inflate_got *g)
{
    uint8_t digest[NACRE_SHA256_LEN];
    struct nacre_sha256 c;

    if (vec_has(v, "out")) {
        vec_expect(v, "out", g->out, g->n);
        return;
    }
    nacre_sha256_init(&c);
    nacre_sha256_update(&c, g->out, g->n);
    nacre_sha256_final(digest, &c);
    vec_expect(v, "sha256", digest, sizeof digest);
    cr_assert_eq(g->n, vec_uint(v, "len"));
}

/* Whatever the pieces, the same comes out. */
static void inflate_pieces(const struct vec *v, struct inflate_run r,
                           const struct inflate_got *want)
{
    static const size_t sizes[] = {1, 2, 3, 7, 8, 15, 16, 17, 64, 300, 1000};
    static const size_t caps[] = {1, 2, 5, 257, 258, 277, 278, 290, 1000, 40000};
    size_t i, j;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (j = 0; j < sizeof caps / sizeof caps[0]; j++) {
            r.first = r.piece = sizes[i];
            r.cap = caps[j];
            if (want->n / r.cap <= 2000)
                inflate_same_as(v, want, &r);
        }
    }
}

static void inflate_splits(const struct vec *v, struct inflate_run r,
                           const struct inflate_got *want)
{
    r.piece = r.n;
    for (r.first = 0; r.first <= r.n && r.n < 800; r.first++)
        inflate_same_as(v, want, &r);
}

Test(inflate, zlib_streams)
{
    struct vec v;

    for (vec_open(&v, "inflate_zlib.txt"); vec_next(&v);) {
        struct inflate_run r = inflate_record(&v);
        struct inflate_got g = inflate_all(&r, 0);

        cr_assert_eq(g.state, NACRE_INFLATE_END, "%s:%u: %d", v.name, v.line, g.state);
        cr_assert_eq(g.used, r.n);
        inflate_expect(&v, &g);
    }
    cr_assert_geq(v.records, 30);
    vec_close(&v);
}

Test(inflate, zlib_streams_in_pieces)
{
    struct vec v;

    for (vec_open(&v, "inflate_zlib.txt"); vec_next(&v);) {
        struct inflate_run r = inflate_record(&v);
        struct inflate_got g = inflate_all(&r, 0);

        inflate_pieces(&v, r, &g);
        inflate_splits(&v, r, &g);
    }
    vec_close(&v);
}

/* Good and malformed, judged by zlib. */
Test(inflate, s19_edges_and_bad_streams)
{
    struct vec v;

    for (vec_open(&v, "inflate_edge.txt"); vec_next(&v);) {
        struct inflate_run r = inflate_record(&v);
        struct inflate_got g = inflate_all(&r, 0);
        const uint64_t state = vec_uint(&v, "state");

        cr_assert_eq(g.state,
                     state == 0   ? NACRE_INFLATE_MORE
                     : state == 1 ? NACRE_INFLATE_END
                                  : NACRE_INFLATE_BAD,
                     "%s:%u: %d", v.name, v.line, g.state);
        if (state != 2) {
            cr_assert_eq(g.used, vec_uint(&v, "used"), "%s:%u: %zu", v.name, v.line, g.used);
            inflate_expect(&v, &g);
        }
        inflate_pieces(&v, r, &g);
        inflate_splits(&v, r, &g);
    }
    cr_assert_geq(v.records, 60);
    vec_close(&v);
}

/* A prefix of a stream gives a prefix of its output and wants more. */
Test(inflate, cut_at_every_byte)
{
    struct vec v;

    for (vec_open(&v, "inflate_zlib.txt"); vec_next(&v);) {
        struct inflate_run r = inflate_record(&v);
        struct inflate_got g = inflate_all(&r, 0), part;

        r.cap = 3000;
        for (r.n--; r.n > 0; r.n--) {
            r.first = r.piece = r.n;
            part = inflate_all(&r, 1);
            cr_assert_eq(part.state, NACRE_INFLATE_MORE);
            cr_assert(part.n <= g.n && memcmp(part.out, g.out, part.n) == 0);
        }
    }
    vec_close(&v);
}

static void inflate_flip(const struct vec *v, struct inflate_run r, uint8_t *copy, size_t bit,
                         const struct inflate_got *want)
{
    struct inflate_got whole, pieces;

    copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
    r.cap = 3000;
    whole = inflate_all(&r, 0);
    cr_assert(!r.zlib || whole.state != NACRE_INFLATE_END || bit < 16 ||
              (whole.n == want->n && memcmp(whole.out, want->out, want->n) == 0));
    r.first = r.piece = 21;
    pieces = inflate_all(&r, 1);
    cr_assert(inflate_same(&whole, &pieces), "%s:%u: bit %zu", v->name, v->line, bit);
    copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

/* With any bit flipped a wrapped stream does not end well, but for bits that mean nothing; in
 * pieces or whole, the same is refused. */
Test(inflate, flipped_at_every_bit)
{
    static uint8_t copy[1500], out[INFLATE_OUT];
    struct vec v;

    for (vec_open(&v, "inflate_zlib.txt"); vec_next(&v);) {
        struct inflate_run r = inflate_record(&v);
        struct inflate_got want = inflate_all(&r, 0);

        if (r.n > sizeof copy || want.n > 20000)
            continue;
        memcpy(copy, r.in, r.n);
        memcpy(out, want.out, want.n);
        r.in = copy;
        want.out = out;
        for (size_t bit = 0; bit < 8 * r.n; bit++)
            inflate_flip(&v, r, copy, bit, &want);
    }
    vec_close(&v);
}

Test(inflate, what_is_bad_stays_bad)
{
    static const uint8_t bad[] = {7}, good[] = {3, 0};
    uint8_t out[8];
    size_t n, used;

    nacre_inflate_init(&inflate_ctx, false);
    cr_assert_eq(nacre_inflate(&inflate_ctx, out, sizeof out, &n, bad, 1, &used),
                 NACRE_INFLATE_BAD);
    cr_assert_eq(nacre_inflate(&inflate_ctx, out, sizeof out, &n, good, 2, &used),
                 NACRE_INFLATE_BAD);
    nacre_inflate_init(&inflate_ctx, false);
    cr_assert_eq(nacre_inflate(&inflate_ctx, out, sizeof out, &n, good, 2, &used),
                 NACRE_INFLATE_END);
    cr_assert_eq(nacre_inflate(&inflate_ctx, out, sizeof out, &n, bad, 1, &used),
                 NACRE_INFLATE_END);
    cr_assert(n == 0 && used == 0);
}

/* FULL is said only if there is more to come: room for exactly the output is enough, and a call
 * without room tells. */
Test(inflate, full_means_more)
{
    static const uint8_t in[] = {0x4b, 0x4c, 0x4a, 0x06, 0x00}; /* "abc", fixed, last */
    uint8_t out[3];
    size_t n, used;

    nacre_inflate_init(&inflate_ctx, false);
    cr_assert_eq(nacre_inflate(&inflate_ctx, out, 3, &n, in, 4, &used), NACRE_INFLATE_MORE);
    cr_assert(n == 3 && used == 4 && memcmp(out, "abc", 3) == 0);
    cr_assert_eq(nacre_inflate(&inflate_ctx, NULL, 0, &n, in + 4, 1, &used), NACRE_INFLATE_END);
    nacre_inflate_init(&inflate_ctx, false);
    cr_assert_eq(nacre_inflate(&inflate_ctx, out, 2, &n, in, 5, &used), NACRE_INFLATE_FULL);
    cr_assert_eq(n, 2);
    cr_assert_eq(nacre_inflate(&inflate_ctx, NULL, 0, &n, in + used, 5 - used, &used),
                 NACRE_INFLATE_FULL);
    cr_assert(n == 0);
    nacre_inflate_init(&inflate_ctx, false);
    cr_assert_eq(nacre_inflate(&inflate_ctx, NULL, 0, &n, NULL, 0, &used), NACRE_INFLATE_MORE);
}

/* 300,003 bytes out of 327: a call never gives more than it has room for, so that who counts the
 * calls bounds what a stream may become. */
Test(inflate, s19_bomb_comes_in_pieces)
{
    struct vec v;

    for (vec_open(&v, "inflate_zlib.txt"); vec_next(&v);) {
        struct inflate_run r = inflate_record(&v);
        uint8_t out[1000];
        size_t n, used, calls, at = 0;

        if (!vec_has(&v, "len") || vec_uint(&v, "len") != 300000)
            continue;
        nacre_inflate_init(&inflate_ctx, true);
        for (calls = 0; calls < 299; calls++, at += used) {
            cr_assert_eq(
                nacre_inflate(&inflate_ctx, out, sizeof out, &n, r.in + at, r.n - at, &used),
                NACRE_INFLATE_FULL);
            cr_assert_eq(n, sizeof out);
        }
        cr_assert_eq(nacre_inflate(&inflate_ctx, out, sizeof out, &n, r.in + at, r.n - at, &used),
                     NACRE_INFLATE_END);
        cr_assert(n == sizeof out && at + used == r.n);
        vec_close(&v);
        return;
    }
    cr_assert_fail("no such record");
}

static uint64_t inflate_random(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

/* A context of any content, as a mapping that somebody else can write to may hold: every call ends
 * and keeps to its buffers (which the sanitizers watch). */
Test(inflate, overwritten_context)
{
    uint64_t s = 0x9e3779b97f4a7c15;
    struct nacre_inflate *c = malloc(sizeof *c);

    cr_assert_not_null(c);
    for (unsigned i = 0; i < 4000; i++) {
        size_t in_len = inflate_random(&s) % 600, cap = inflate_random(&s) % 2000, n, used;
        uint8_t *in = malloc(in_len + 1), *out = malloc(cap + 1);

        cr_assert(in != NULL && out != NULL);
        for (size_t k = 0; k + 8 <= sizeof *c; k += 8) {
            const uint64_t v = inflate_random(&s);
            memcpy((uint8_t *)c + k, &v, 8);
        }
        c->where = (uint32_t)(i % 13);
        if (i % 2 == 0)
            c->have = (uint32_t)inflate_random(&s) % 40000;
        if (i % 3 == 0)
            c->n_bits %= 64;
        if (i % 5 == 0) {
            c->n_lit = 257 + (uint32_t)inflate_random(&s) % 30;
            c->n_dist %= 31;
            c->n_len %= 320;
        }
        for (size_t k = 0; k < in_len; k++)
            in[k] = (uint8_t)inflate_random(&s);
        for (unsigned calls = 0; calls < 3; calls++) {
            (void)nacre_inflate(c, out, cap, &n, in, in_len, &used); /* any verdict will do */
            cr_assert(n <= cap && used <= in_len);
        }
        free(in);
        free(out);
    }
    free(c);
}
