/* SPDX-License-Identifier: ISC
 *
 * DEFLATE, RFC 1951, in the wrapping of RFC 1950, for packets: each call's input can be inflated
 * from that call's output and what went before. The stream never ends, so there is no checksum.
 *
 * Input is copied behind the history in win[] piece by piece. Matches are looked for in chains of
 * the positions whose next three bytes have the same hash, and put off by one while the next
 * position has a longer one. What is found becomes a list of literal runs and matches, seq[]; the
 * literals stay in win[]. When the list is full or the input ends, a block is written in the
 * shortest of the three forms. A call ends with what zlib calls a partial flush: an empty block of
 * ten bits, so that all bits of the data are in whole bytes.
 *
 * Positions in head[] and prev[] are those of the stream modulo 2^16, and not cleared as the window
 * moves on: an old one is a distance that is out of reach, or a match that does not match. So
 * nothing that the context holds can be wrong; its few indices are brought into range at each call,
 * which makes it as safe as inflate.c's in a mapping that somebody else could write to.
 *
 * Memory: 158 KiB. Not here: raw streams, preset dictionaries, the end of a stream.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/huffman.h"
#include "crypto/load.h"

#include <string.h>

enum {
    DEF_REACH = 32768, /* largest distance */
    DEF_MATCH_MIN = 3,
    DEF_MATCH_MAX = 258,
    DEF_AHEAD = DEF_MATCH_MAX + 4, /* bytes wanted behind a position, for its matches */
    DEF_FAR = 4096,   /* a match of three bytes from further away costs more than it saves */
    DEF_RUN_MAX = 511 /* literals of one entry of seq[] */
};
enum { DEF_BITS_MAX = 15, DEF_LENS_BITS_MAX = 7 };

/* What the levels try: a search looks at `chain` positions, a quarter of that once it has `good`
 * bytes, and stops with `nice`; a match of `lazy` bytes is taken without looking at the next
 * position. Levels without lazy looks index nothing inside of longer matches than `skip`. */
static const struct def_level {
    uint16_t chain, good, nice, lazy, skip;
} def_levels[10] = {
    {0, 0, 0, 0, 0},           {4, 258, 16, 0, 8},      {8, 258, 32, 0, 16},
    {24, 258, 64, 0, 32},      {16, 6, 32, 6, 258},     {32, 8, 64, 16, 258},
    {112, 8, 128, 16, 258},    {256, 16, 160, 32, 258}, {1024, 32, 258, 128, 258},
    {4096, 32, 258, 258, 258},
};

struct def_out {
    uint8_t *p;
    uint64_t bits;
    unsigned n;
};

struct def_match {
    uint32_t len, dist;
};

/* A call under way. */
struct def_run {
    const uint8_t *in; /* what is not in win[] yet */
    size_t left;
    uint32_t at;     /* next byte to compress */
    uint32_t start;  /* first byte of the block */
    uint32_t n_seq;  /* entries of the block */
    uint32_t run;    /* literals since the last entry */
    uint32_t search; /* positions a search looks at */
    const struct def_level *level;
    struct def_out o;
};

/* ---- Bits out ---- */

/* Whole bytes leave; writes up to 8 bytes, less than 8 bits stay. */
static inline void def_flush(struct def_out *o)
{
    ncr_store64le(o->p, o->bits);
    o->p += o->n / 8;
    o->bits >>= o->n & 56; /* n is below 64 */
    o->n &= 7;
}

/* n <= 48 bits at a time between two flushes. */
static inline void def_put(struct def_out *o, uint32_t v, unsigned n)
{
    o->bits |= (uint64_t)v << o->n;
    o->n += n;
}

/* ---- Symbols of lengths and distances: section 3.2.5 ---- */

/* Index of the highest bit of v, 0 < v < 2^16. */
static inline uint32_t def_top_bit(uint32_t v)
{
    uint32_t b = (uint32_t)(v > 0xff) << 3;

    v >>= b;
    b |= (uint32_t)(v > 0xf) << 2;
    v = v > 0xf ? v >> 4 : v;
    return b + (v > 7 ? 3 : v > 3 ? 2 : v > 1 ? 1 : 0);
}

/* Symbol less 257 of a length; its extra bits are the low ones of length - 3. */
static inline uint32_t def_len_code(uint32_t len, unsigned *extra)
{
    const uint32_t v = len - DEF_MATCH_MIN;
    uint32_t top;

    *extra = 0;
    if (v < 8)
        return v;
    if (len == DEF_MATCH_MAX)
        return 28;
    top = def_top_bit(v);
    *extra = top - 2;
    return 4 * (top - 1) + (v >> (top - 2) & 3);
}

/* Symbol of a distance; its extra bits are the low ones of distance - 1. */
static inline uint32_t def_dist_code(uint32_t dist, unsigned *extra)
{
    const uint32_t v = dist - 1;
    uint32_t top;

    *extra = 0;
    if (v < 4)
        return v;
    top = def_top_bit(v);
    *extra = top - 1;
    return 2 * top + (v >> (top - 1) & 1);
}

/* Extra bits of a symbol. */
static unsigned def_len_extra(unsigned code)
{
    return code < 8 || code == 28 ? 0 : code / 4 - 1;
}

static unsigned def_dist_extra(unsigned code)
{
    return code < 4 ? 0 : code / 2 - 1;
}

/* ---- Codes ---- */

static void def_sort(uint32_t *key, unsigned n)
{
    static const uint8_t gaps[] = {132, 57, 23, 10, 4, 1};
    unsigned g, i, j;

    for (g = 0; g < sizeof gaps; g++) {
        for (i = gaps[g]; i < n; i++) {
            const uint32_t k = key[i];

            for (j = i; j >= gaps[g] && key[j - gaps[g]] > k; j -= gaps[g])
                key[j] = key[j - gaps[g]];
            key[j] = k;
        }
    }
}

/* Huffman's algorithm with two queues: leaves in order of weight, inner nodes in order of their
 * making. weight[0..n) holds the leaves' weights, in order, and gets their depths. n >= 2. */
static void def_tree(struct nacre_deflate *c, unsigned n)
{
    unsigned leaf = 0, inner = n, made, i, k, pick;

    for (made = n; made < 2 * n - 1; made++) {
        c->weight[made] = 0;
        for (k = 0; k < 2; k++) {
            if (leaf < n && (inner >= made || c->weight[leaf] <= c->weight[inner]))
                pick = leaf++;
            else
                pick = inner++;
            c->weight[made] = (uint16_t)(c->weight[made] + c->weight[pick]);
            c->up[pick] = (uint16_t)made;
        }
    }
    c->weight[2 * n - 2] = 0;
    for (i = 2 * n - 2; i-- > 0;)
        c->weight[i] = (uint16_t)(c->weight[c->up[i]] + 1);
}

/* How many codes of each length the depths make, none longer than limit: what is longer is cut, and
 * for each code too many one of the longest shorter ones is split. */
static void def_counts(const struct nacre_deflate *c, unsigned n, unsigned limit, unsigned *count)
{
    uint32_t total = 0;
    unsigned i;

    memset(count, 0, (DEF_BITS_MAX + 1) * sizeof *count);
    for (i = 0; i < n; i++)
        count[c->weight[i] < limit ? c->weight[i] : limit]++;
    for (i = 1; i <= limit; i++)
        total += (uint32_t)count[i] << (limit - i);
    for (; total > 1u << limit; total--) {
        for (i = limit - 1; count[i] == 0; i--)
            ; /* some code is shorter, or they would not be too many */
        count[i]--;
        count[i + 1] += 2;
        count[limit]--;
    }
}

/* Code lengths, into zeroed memory, for n symbols of those frequencies, whose sum is below 2^16.
 * There are always two codes, as some decoders want it (and zlib does it). */
static void def_lengths(struct nacre_deflate *c, uint8_t *lens, const uint16_t *freq, unsigned n,
                        unsigned limit)
{
    unsigned count[DEF_BITS_MAX + 1];
    unsigned used = 0, i, len;

    for (i = 0; i < n; i++)
        if (freq[i] > 0)
            c->key[used++] = (uint32_t)freq[i] << 9 | i;
    for (i = 0; used < 2; i++)
        if (freq[i] == 0)
            c->key[used++] = 1u << 9 | i;
    def_sort(c->key, used);
    for (i = 0; i < used; i++)
        c->weight[i] = (uint16_t)(c->key[i] >> 9);
    def_tree(c, used);
    def_counts(c, used, limit, count);
    for (i = 0, len = limit; i < used; i++) { /* the rarest first */
        while (count[len] == 0)
            len--;
        count[len]--;
        lens[c->key[i] & 511] = (uint8_t)len;
    }
}

/* Section 3.2.2, the bits in the order in which they are sent; those that are not in use stay out.
 */
static void def_codes(uint16_t *codes, const uint8_t *lens, const uint16_t *freq, unsigned n)
{
    uint32_t next[DEF_BITS_MAX + 2] = {0};
    uint32_t code = 0;
    unsigned i;

    for (i = 0; i < n; i++)
        next[lens[i] + 1]++;
    next[1] = 0;
    for (i = 1; i <= DEF_BITS_MAX; i++) {
        const uint32_t shorter = next[i];

        code = (code + shorter) << 1;
        next[i] = code;
    }
    for (i = 0; i < n; i++) {
        code = next[lens[i]]++;
        if (freq[i] > 0)
            codes[i] = (uint16_t)ncr_huff_reverse(code, lens[i]);
    }
}

/* ---- Blocks ---- */

/* The header of a dynamic block: section 3.2.7. */
struct def_header {
    unsigned n_lit, n_dist, n_lens; /* lengths sent of each code */
    unsigned n_tok;                 /* symbols that send the first two */
    uint16_t freq[NCR_HUFF_LENS];
    uint8_t lens[NCR_HUFF_LENS];
    uint16_t codes[NCR_HUFF_LENS];
};

static unsigned def_len_at(const struct nacre_deflate *c, const struct def_header *h, unsigned i)
{
    return i < h->n_lit ? c->lens[i] : c->lens[NCR_HUFF_LIT + i - h->n_lit];
}

static void def_token(struct nacre_deflate *c, struct def_header *h, unsigned sym, unsigned extra)
{
    c->tok[h->n_tok++] = (uint16_t)(sym | extra << 8);
    h->freq[sym]++;
}

/* A run of n times that length. */
static void def_tokens(struct nacre_deflate *c, struct def_header *h, unsigned len, unsigned n)
{
    unsigned k;

    if (len != 0) {
        def_token(c, h, len, 0);
        n--;
    }
    for (; n >= 3; n -= k) {
        if (len != 0) {
            k = n < 6 ? n : 6;
            def_token(c, h, 16, k - 3);
        } else if (n < 11) {
            k = n;
            def_token(c, h, 17, k - 3);
        } else {
            k = n < 138 ? n : 138;
            def_token(c, h, 18, k - 11);
        }
    }
    for (; n > 0; n--)
        def_token(c, h, len, 0);
}

static unsigned def_token_extra(unsigned sym)
{
    return sym < 16 ? 0 : sym == 16 ? 2 : sym == 17 ? 3 : 7;
}

/* Makes the header for c->lens; its bits. */
static uint32_t def_header_make(struct nacre_deflate *c, struct def_header *h)
{
    uint32_t bits;
    unsigned i, j, n;

    memset(h, 0, sizeof *h);
    h->n_lit = NCR_HUFF_LIT_USED;
    while (h->n_lit > 257 && c->lens[h->n_lit - 1] == 0)
        h->n_lit--;
    h->n_dist = NCR_HUFF_DIST_USED;
    while (h->n_dist > 1 && c->lens[NCR_HUFF_LIT + h->n_dist - 1] == 0)
        h->n_dist--;
    n = h->n_lit + h->n_dist;
    for (i = 0; i < n; i = j) {
        for (j = i + 1; j < n && def_len_at(c, h, j) == def_len_at(c, h, i); j++)
            ; /* to the end of the run */
        def_tokens(c, h, def_len_at(c, h, i), j - i);
    }
    def_lengths(c, h->lens, h->freq, NCR_HUFF_LENS, DEF_LENS_BITS_MAX);
    h->n_lens = NCR_HUFF_LENS;
    while (h->n_lens > 4 && h->lens[ncr_huff_order[h->n_lens - 1]] == 0)
        h->n_lens--;
    bits = 3 + 5 + 5 + 4 + 3 * h->n_lens;
    for (i = 0; i < NCR_HUFF_LENS; i++)
        bits += h->freq[i] * (h->lens[i] + def_token_extra(i));
    return bits;
}

static void def_header_put(struct nacre_deflate *c, struct def_out *o, struct def_header *h)
{
    unsigned i, sym;

    def_codes(h->codes, h->lens, h->freq, NCR_HUFF_LENS);
    def_put(o, 2u << 1 | (h->n_lit - 257) << 3 | (h->n_dist - 1) << 8 | (h->n_lens - 4) << 13, 17);
    def_flush(o);
    for (i = 0; i < h->n_lens; i++) {
        def_put(o, h->lens[ncr_huff_order[i]], 3);
        def_flush(o);
    }
    for (i = 0; i < h->n_tok; i++) {
        sym = c->tok[i] & 255;
        def_put(o, h->codes[sym], h->lens[sym]);
        def_put(o, (uint32_t)c->tok[i] >> 8, def_token_extra(sym));
        def_flush(o);
    }
}

/* Bits of the block's symbols in the codes of c->lens. */
static uint32_t def_body_bits(const struct nacre_deflate *c)
{
    uint32_t bits = 0;
    unsigned i;

    for (i = 0; i < 257; i++)
        bits += (uint32_t)c->lit_freq[i] * c->lens[i];
    for (; i < NCR_HUFF_LIT_USED; i++)
        bits += (uint32_t)c->lit_freq[i] * (c->lens[i] + def_len_extra(i - 257));
    for (i = 0; i < NCR_HUFF_DIST_USED; i++)
        bits += (uint32_t)c->dist_freq[i] * (c->lens[NCR_HUFF_LIT + i] + def_dist_extra(i));
    return bits;
}

static void def_put_literals(const struct nacre_deflate *c, struct def_out *o, const uint8_t *p,
                             uint32_t n)
{
    for (; n > 0; n--, p++) {
        def_put(o, c->codes[*p], c->lens[*p]);
        if (o->n >= 32)
            def_flush(o);
    }
}

/* At most 15 + 5 + 15 + 13 bits. */
static void def_put_match(const struct nacre_deflate *c, struct def_out *o, uint32_t len,
                          uint32_t dist)
{
    unsigned extra;
    uint32_t code = 257 + def_len_code(len, &extra);

    def_flush(o);
    def_put(o, c->codes[code], c->lens[code]);
    def_put(o, (len - DEF_MATCH_MIN) & ((1u << extra) - 1), extra);
    code = NCR_HUFF_LIT + def_dist_code(dist, &extra);
    def_put(o, c->codes[code], c->lens[code]);
    def_put(o, (dist - 1) & ((1u << extra) - 1), extra);
    def_flush(o);
}

/* The symbols of the block in the codes of c->lens. */
static void def_body_put(struct nacre_deflate *c, struct def_run *r)
{
    const uint8_t *p = c->win + r->start;
    struct def_out o = r->o;
    uint32_t i;

    def_codes(c->codes, c->lens, c->lit_freq, NCR_HUFF_LIT);
    def_codes(c->codes + NCR_HUFF_LIT, c->lens + NCR_HUFF_LIT, c->dist_freq, NCR_HUFF_DIST);
    for (i = 0; i < r->n_seq; i++) {
        const uint32_t run = c->seq[i] & DEF_RUN_MAX;
        const uint32_t len = (c->seq[i] >> 9 & 255) + DEF_MATCH_MIN;

        def_put_literals(c, &o, p, run);
        p += run;
        if (run == DEF_RUN_MAX)
            continue;
        def_put_match(c, &o, len, (c->seq[i] >> 17) + 1);
        p += len;
    }
    def_put_literals(c, &o, p, r->run);
    def_flush(&o);
    def_put(&o, c->codes[256], c->lens[256]);
    def_flush(&o);
    r->o = o;
}

/* Section 3.2.4; n <= 65535. */
static void def_put_stored(struct def_out *o, const uint8_t *p, size_t n)
{
    def_put(o, 0, 3);
    o->n = (o->n + 7) & 56;
    def_flush(o);
    def_put(o, (uint32_t)n | ((uint32_t)n ^ 0xffff) << 16, 32);
    def_flush(o);
    memmove(o->p, p, n);
    o->p += n;
}

/* Ends the block at r->at, in the shortest form, and begins the next one. */
static void def_block(struct nacre_deflate *c, struct def_run *r)
{
    const uint32_t n = r->at - r->start;
    const uint32_t stored = 3 + 7 + 32 + 8 * n;
    struct def_header h;
    uint32_t dynamic, fixed;

    if (n == 0)
        return;
    c->lit_freq[256] = 1;
    ncr_huff_fixed(c->lens);
    fixed = 3 + def_body_bits(c);
    memset(c->lens, 0, sizeof c->lens);
    def_lengths(c, c->lens, c->lit_freq, NCR_HUFF_LIT_USED, DEF_BITS_MAX);
    def_lengths(c, c->lens + NCR_HUFF_LIT, c->dist_freq, NCR_HUFF_DIST_USED, DEF_BITS_MAX);
    dynamic = def_header_make(c, &h) + def_body_bits(c);
    if (stored < fixed && stored < dynamic) {
        def_put_stored(&r->o, c->win + r->start, n);
    } else if (dynamic < fixed) {
        def_header_put(c, &r->o, &h);
        def_body_put(c, r);
    } else {
        ncr_huff_fixed(c->lens);
        def_put(&r->o, 1 << 1, 3);
        def_body_put(c, r);
    }
    r->start = r->at;
    r->n_seq = 0;
    r->run = 0;
    memset(c->lit_freq, 0, sizeof c->lit_freq);
    memset(c->dist_freq, 0, sizeof c->dist_freq);
}

/* ---- Window ---- */

/* Makes room behind the input that is there: what is out of reach goes, unless the block still
 * needs it for its literals. */
static void def_slide(struct nacre_deflate *c, struct def_run *r)
{
    uint32_t shift = r->at > DEF_REACH ? r->at - DEF_REACH : 0;

    if (shift > r->start)
        shift = r->start;
    if (shift > c->ins)
        shift = c->ins;
    memmove(c->win, c->win + shift, c->end - shift);
    c->end -= shift;
    c->ins -= shift;
    c->base += shift;
    r->at -= shift;
    r->start -= shift;
}

/* Takes in as much input as there is room for. A block is at most NACRE_DEFLATE_IN_MAX long and
 * less than DEF_AHEAD is left of what was taken in before, so that there is always room for more.
 */
static void def_fill(struct nacre_deflate *c, struct def_run *r)
{
    size_t n = NACRE_DEFLATE_WIN - c->end;

    if (n < r->left)
        def_slide(c, r);
    n = NACRE_DEFLATE_WIN - c->end;
    n = n < r->left ? n : r->left;
    if (n == 0) /* the input may be at NULL */
        return;
    memcpy(c->win + c->end, r->in, n);
    c->end += (uint32_t)n;
    r->in += n;
    r->left -= n;
}

/* ---- Matches ---- */

/* Of the three bytes at p; reads four. */
static inline uint32_t def_hash(const uint8_t *p)
{
    return (uint32_t)((ncr_load32le(p) & 0xffffff) * UINT32_C(0x9e3779b1)) >>
           (32 - NACRE_DEFLATE_HASH_BITS);
}

/* Indexes the position i. */
static inline void def_insert(struct nacre_deflate *c, uint32_t i)
{
    const uint32_t h = def_hash(c->win + i);

    c->prev[(c->base + i) & (DEF_REACH - 1)] = c->head[h];
    c->head[h] = (uint16_t)(c->base + i);
}

/* Bytes that are equal, at most max; reads up to 7 more. */
static inline uint32_t def_equal(const uint8_t *a, const uint8_t *b, uint32_t max)
{
    uint32_t n;
    uint64_t x;

    for (n = 0; n < max; n += 8) {
        x = ncr_load64le(a + n) ^ ncr_load64le(b + n);
        if (x == 0)
            continue;
        if ((uint32_t)x == 0) {
            n += 4;
            x >>= 32;
        }
        if ((x & 0xffff) == 0) {
            n += 2;
            x >>= 16;
        }
        n += (x & 0xff) == 0;
        break;
    }
    return n < max ? n : max;
}

/* The longest match at i that is longer than `longer` (2 at least), else one of length 0; indexes i
 * and what before it is not indexed yet. At most `search` positions are looked at. */
static struct def_match def_find(struct nacre_deflate *c, uint32_t i, uint32_t longer,
                                 uint32_t search, uint32_t nice)
{
    const uint8_t *const s = c->win + i;
    const uint32_t max = c->end - i < DEF_MATCH_MAX ? c->end - i : DEF_MATCH_MAX;
    const uint32_t reach = i < DEF_REACH ? i : DEF_REACH;
    struct def_match m = {0, 0};
    const uint8_t *p;
    uint32_t best = longer, dist, last = 0, len;
    uint16_t at, tail, there; /* tail: two bytes that a longer match must have */

    if (c->end - i < DEF_MATCH_MIN)
        return m;
    for (; c->ins < i; c->ins++)
        def_insert(c, c->ins);
    memcpy(&tail, s + best - 1, sizeof tail);
    at = c->head[def_hash(s)];
    if (c->ins == i)
        def_insert(c, c->ins++);
    for (; search > 0 && best < max; search--) {
        dist = (uint16_t)(c->base + i - at);
        if (dist <= last || dist > reach)
            break;
        p = s - dist;
        memcpy(&there, p + best - 1, sizeof there);
        if (there == tail) {
            len = def_equal(p, s, max);
            if (len > best) {
                best = len;
                m.len = len;
                m.dist = dist;
                if (len >= nice)
                    break;
                memcpy(&tail, s + best - 1, sizeof tail);
            }
        }
        last = dist;
        at = c->prev[at & (DEF_REACH - 1)];
    }
    if (m.len == DEF_MATCH_MIN && m.dist > DEF_FAR)
        m.len = 0;
    return m;
}

/* ---- What is found ---- */

/* One entry more; the last one there is room for ends the block. */
static void def_entry(struct nacre_deflate *c, struct def_run *r, uint32_t entry)
{
    c->seq[r->n_seq++] = entry;
    r->run = 0;
    if (r->n_seq == NACRE_DEFLATE_SEQ)
        def_block(c, r);
}

static void def_literal(struct nacre_deflate *c, struct def_run *r)
{
    c->lit_freq[c->win[r->at++]]++;
    r->run++;
    if (r->run == DEF_RUN_MAX)
        def_entry(c, r, DEF_RUN_MAX);
}

static void def_matched(struct nacre_deflate *c, struct def_run *r, struct def_match m)
{
    unsigned extra;

    c->lit_freq[257 + def_len_code(m.len, &extra)]++;
    c->dist_freq[def_dist_code(m.dist, &extra)]++;
    r->at += m.len;
    if (m.len > r->level->skip)
        c->ins = r->at;
    def_entry(c, r, r->run | (m.len - DEF_MATCH_MIN) << 9 | (m.dist - 1) << 17);
}

/* The next literals and match. */
static void def_step(struct nacre_deflate *c, struct def_run *r)
{
    const struct def_level *lv = r->level;
    struct def_match m = def_find(c, r->at, 2, lv->chain, lv->nice), next;

    if (m.len == 0) {
        def_literal(c, r);
        return;
    }
    while (m.len < lv->lazy && r->at + 1 < c->end) {
        next =
            def_find(c, r->at + 1, m.len, m.len < lv->good ? lv->chain : lv->chain / 4, lv->nice);
        if (next.len == 0)
            break;
        def_literal(c, r);
        m = next;
    }
    def_matched(c, r, m);
}

/* ---- Calls ---- */

void nacre_deflate_init(struct nacre_deflate *c, int level)
{
    memset(c, 0, sizeof *c);
    c->level = level < 0 ? 0 : level > 9 ? 9 : (uint32_t)level;
}

static void def_compress(struct nacre_deflate *c, struct def_run *r)
{
    memset(c->lit_freq, 0, sizeof c->lit_freq);
    memset(c->dist_freq, 0, sizeof c->dist_freq);
    def_fill(c, r);
    while (r->at < c->end) {
        def_step(c, r);
        if (c->end - r->at < DEF_AHEAD && r->left > 0)
            def_fill(c, r);
    }
    def_block(c, r);
}

/* Brings what is kept between calls into range. */
static void def_resume(struct nacre_deflate *c)
{
    if (c->end > NACRE_DEFLATE_WIN)
        c->end = NACRE_DEFLATE_WIN;
    if (c->ins > c->end || c->end - c->ins > DEF_AHEAD)
        c->ins = c->end;
    if (c->level > 9)
        c->level = 9;
    c->n_bits &= 7;
    c->bits &= (1u << c->n_bits) - 1;
}

/* That the output never overtakes the input which it may overwrite: a block is at most 5 bytes
 * longer than its input and there are at most 1 + n / (3 * NACRE_DEFLATE_SEQ) of them; 5 bytes more
 * come from header, flush and the bits left over, and a store writes 7 too many. While input is
 * left, DEF_AHEAD bytes of it have been taken in beyond the block, and nothing is stored before the
 * first was taken in; NACRE_DEFLATE_OUT_MAX has room for all of that. */
size_t nacre_deflate(struct nacre_deflate *c, uint8_t *out, size_t cap, const uint8_t *in, size_t n)
{
    struct def_run r = {.in = in, .left = n, .o = {.p = out}};

    if (n > NACRE_DEFLATE_IN_MAX || cap < NACRE_DEFLATE_OUT_MAX(n))
        return 0;
    def_resume(c);
    r.level = &def_levels[c->level];
    r.at = r.start = c->end;
    r.o.bits = c->bits;
    r.o.n = c->n_bits;
    if (c->begun == 0)
        def_put(&r.o, 0x9c78, 16);
    c->begun = 1;
    if (r.level->chain == 0) {
        memmove(out + 16, in, n); /* where the block's header does not reach */
        def_put_stored(&r.o, out + 16, n);
    } else {
        def_compress(c, &r);
    }
    def_put(&r.o, 1 << 1, 10);
    def_flush(&r.o);
    c->bits = (uint32_t)r.o.bits;
    c->n_bits = r.o.n;
    return (size_t)(r.o.p - out);
}
