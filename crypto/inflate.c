/* SPDX-License-Identifier: ISC
 *
 * INFLATE, RFC 1951, raw or in the wrapping of RFC 1950, as a stream: pieces of any size in, pieces
 * of any size out.
 *
 * A machine of small steps. Each step either has all the bits that it needs or takes none, so that
 * a call can stop anywhere. Where input and room are plenty, inf_fast() decodes without looking at
 * either, out of a buffer of 64 bits, with two literals or one match for each refill. Output goes
 * straight to the caller; what a later call may refer to is kept in a ring of 32 KiB. What is
 * malformed is judged as zlib's inflate judges it.
 *
 * Tables: an entry of the first level is found by the next INF_*_ROOT bits; longer codes have a
 * LINK there to a table of the second level. Entries, from the lowest bit: 5 bits to drop, of code
 * and extra bits; 4 bits of the code alone (LINK: index bits of the second level) at bit 8; flags;
 * at bit 16 the literal, base of length or distance, or start of the second level.
 *
 * Memory safety does not rest on the context: every index out of it is masked or compared where it
 * is used, so that one that somebody else could write to (a mapping shared with a less trusted
 * process) decodes nonsense at worst. Not here: gzip, preset dictionaries.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "crypto/huffman.h"
#include "crypto/load.h"

#include <string.h>

enum { INF_LIT_ROOT = 10, INF_DIST_ROOT = 8, INF_LENS_ROOT = 7 };
enum {
    INF_BITS = 31,    /* to drop */
    INF_CODE = 0x101, /* one bit of code: counts in both places */
    INF_LITERAL = 1 << 12,
    INF_LINK = 1 << 13,
    INF_EOB = 1 << 14,  /* end of block */
    INF_NONE = 1 << 15, /* no symbol has this code */
    INF_OTHER = INF_LINK | INF_EOB | INF_NONE
};
/* What inf_fast() wants before each round: two loads of 8 bytes at most 7 apart, and three
 * literals or one match whose copy may run over by 8. */
enum { INF_FAST_IN = 16, INF_FAST_OUT = 258 + 3 + 16 };
enum { INF_MASK = NACRE_INFLATE_WINDOW - 1, INF_ADLER = 65521 };

enum inf_where {
    INF_AT_HEADER,
    INF_AT_BLOCK,
    INF_AT_STORED_LEN,
    INF_AT_STORED,
    INF_AT_DYNAMIC,
    INF_AT_CODE_LENS,
    INF_AT_LENS,
    INF_AT_SYMBOL,
    INF_AT_MATCH,
    INF_AT_CHECK,
    INF_AT_END,
    INF_AT_BAD
};

/* How a step ended: ON to the next one; else the call ends. */
enum inf_step { INF_ON, INF_MORE, INF_FULL, INF_END, INF_BAD };

struct inf_io {
    const uint8_t *in, *in_start, *in_end;
    uint8_t *out, *out_start, *out_end;
    const uint8_t *summed; /* output before this is in the checksum */
};

/* ---- Tables ---- */

enum inf_kind { INF_KIND_LENS, INF_KIND_LIT, INF_KIND_DIST };

/* Section 3.2.5: bases and extra bits. */
#define INF_BASE(base, extra) ((uint32_t)(base) << 16 | (extra))
static const uint32_t inf_len_base[29] = {
    INF_BASE(3, 0),   INF_BASE(4, 0),   INF_BASE(5, 0),   INF_BASE(6, 0),   INF_BASE(7, 0),
    INF_BASE(8, 0),   INF_BASE(9, 0),   INF_BASE(10, 0),  INF_BASE(11, 1),  INF_BASE(13, 1),
    INF_BASE(15, 1),  INF_BASE(17, 1),  INF_BASE(19, 2),  INF_BASE(23, 2),  INF_BASE(27, 2),
    INF_BASE(31, 2),  INF_BASE(35, 3),  INF_BASE(43, 3),  INF_BASE(51, 3),  INF_BASE(59, 3),
    INF_BASE(67, 4),  INF_BASE(83, 4),  INF_BASE(99, 4),  INF_BASE(115, 4), INF_BASE(131, 5),
    INF_BASE(163, 5), INF_BASE(195, 5), INF_BASE(227, 5), INF_BASE(258, 0),
};
static const uint32_t inf_dist_base[30] = {
    INF_BASE(1, 0),      INF_BASE(2, 0),      INF_BASE(3, 0),     INF_BASE(4, 0),
    INF_BASE(5, 1),      INF_BASE(7, 1),      INF_BASE(9, 2),     INF_BASE(13, 2),
    INF_BASE(17, 3),     INF_BASE(25, 3),     INF_BASE(33, 4),    INF_BASE(49, 4),
    INF_BASE(65, 5),     INF_BASE(97, 5),     INF_BASE(129, 6),   INF_BASE(193, 6),
    INF_BASE(257, 7),    INF_BASE(385, 7),    INF_BASE(513, 8),   INF_BASE(769, 8),
    INF_BASE(1025, 9),   INF_BASE(1537, 9),   INF_BASE(2049, 10), INF_BASE(3073, 10),
    INF_BASE(4097, 11),  INF_BASE(6145, 11),  INF_BASE(8193, 12), INF_BASE(12289, 12),
    INF_BASE(16385, 13), INF_BASE(24577, 13),
};

/* Entry of a symbol but for its code's length. */
static uint32_t inf_symbol_entry(enum inf_kind kind, uint32_t sym)
{
    if (kind == INF_KIND_LENS)
        return sym << 16;
    if (kind == INF_KIND_DIST)
        return sym < 30 ? inf_dist_base[sym] : INF_NONE;
    if (sym < 256)
        return INF_LITERAL | sym << 16;
    if (sym == 256)
        return INF_EOB;
    return sym < 286 ? inf_len_base[sym - 257] : INF_NONE;
}

static void inf_fill(uint32_t *table, uint32_t n, uint32_t entry)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        table[i] = entry;
}

/* A code under construction. */
struct inf_code {
    uint16_t count[16]; /* codes of each length that are not placed yet */
    uint16_t sorted[NCR_HUFF_LIT];
    unsigned used, max;  /* symbols with a code; longest code */
    unsigned root, sub;  /* index bits of the first level and of the open table of the second */
    unsigned width;      /* index bits of the first level so far */
    uint32_t start, end; /* of that table */
    uint32_t open;       /* index of its LINK */
};

/* Counts and sorts by length; false if over-subscribed. *complete: every bit string has a code. */
static bool inf_code_sort(struct inf_code *k, const uint8_t *lens, unsigned n, bool *complete)
{
    uint16_t at[16];
    int32_t left = 1;
    unsigned i;

    memset(k->count, 0, sizeof k->count);
    for (i = 0; i < n; i++)
        k->count[lens[i] & 15]++;
    k->used = n - k->count[0];
    k->count[0] = 0;
    k->max = 0;
    at[0] = at[1] = 0;
    for (i = 1; i < 16; i++) {
        left = 2 * left - k->count[i];
        if (left < 0)
            return false;
        if (k->count[i] > 0)
            k->max = i;
        if (i < 15)
            at[i + 1] = (uint16_t)(at[i] + k->count[i]);
    }
    for (i = 0; i < n; i++)
        if ((lens[i] & 15) != 0)
            k->sorted[at[lens[i] & 15]++] = (uint16_t)i;
    *complete = left == 0;
    return true;
}

/* Opens the table of the second level for the codes that start with the root bits `low`: as large
 * as the longest of them wants, which are the next ones in order until the table is full. */
static bool inf_open_sub(struct inf_code *k, uint32_t *table, uint32_t size, uint32_t low,
                         unsigned len)
{
    int32_t left;

    k->sub = len - k->root;
    left = 1 << k->sub;
    while (k->sub + k->root < k->max) {
        left -= k->count[k->sub + k->root];
        if (left <= 0)
            break;
        k->sub++;
        left *= 2;
    }
    k->start = k->end;
    k->end += 1u << k->sub;
    k->open = low;
    if (k->end > size)
        return false;
    table[low] = k->start << 16 | INF_LINK | k->sub << 8 | k->root;
    return true;
}

/* Makes the first level as wide as codes of that length want: what an index gives, it also gives
 * with a bit more. */
static void inf_widen(struct inf_code *k, uint32_t *table, unsigned len)
{
    for (; k->width < len && k->width < k->root; k->width++)
        memcpy(table + (1u << k->width), table, sizeof *table << k->width);
}

/* Places one code, `rev` its bits as they come, in every entry that starts with it. Codes come in
 * order of length. */
static bool inf_place(struct inf_code *k, uint32_t *table, uint32_t size, uint32_t rev,
                      unsigned len, uint32_t entry)
{
    const uint32_t low = rev & ((1u << k->root) - 1);
    uint32_t i;

    inf_widen(k, table, len);
    if (len <= k->root) {
        table[rev] = entry + len * INF_CODE;
        return true;
    }
    if (low != k->open && !inf_open_sub(k, table, size, low, len))
        return false;
    len -= k->root;
    for (i = rev >> k->root; i < 1u << k->sub; i += 1u << len)
        table[k->start + i] = entry + len * INF_CODE;
    return true;
}

/* Makes the table of a code out of its lengths; false if they are none. zlib's rules:
 * over-subscribed never; incomplete only with a single code of one bit, or none at all, and not for
 * the code of the code lengths. That one without any code reads each bit as a length of 0. Tables
 * have room for every complete code of as many symbols as there can be (what a search over all of
 * them gives). */
static bool inf_build(uint32_t *table, uint32_t size, unsigned root, enum inf_kind kind,
                      const uint8_t *lens, unsigned n)
{
    struct inf_code k;
    uint32_t code = 0;
    unsigned i, len, last = 0;
    bool complete;

    if (!inf_code_sort(&k, lens, n, &complete))
        return false;
    if (!complete && k.max > 0 && (kind == INF_KIND_LENS || k.max != 1))
        return false;
    if (!complete)
        inf_fill(table, 1u << root, (kind == INF_KIND_LENS ? 0 : INF_NONE) + INF_CODE);
    k.root = root;
    k.sub = 0;
    k.width = 0;
    k.start = k.end = 1u << root;
    k.open = UINT32_MAX;
    for (i = 0; i < k.used; i++) {
        len = lens[k.sorted[i]] & 15u;
        code <<= len - last;
        last = len;
        if (!inf_place(&k, table, size, ncr_huff_reverse(code, len), len,
                       inf_symbol_entry(kind, k.sorted[i])))
            return false;
        k.count[len]--;
        code++;
    }
    if (k.used > 0)
        inf_widen(&k, table, root);
    return true;
}

static bool inf_build_both(struct nacre_inflate *c, unsigned n_lit, unsigned n_dist)
{
    c->fixed = 0;
    return inf_build(c->lit, NACRE_INFLATE_LIT, INF_LIT_ROOT, INF_KIND_LIT, c->lens, n_lit) &&
           inf_build(c->dist, NACRE_INFLATE_DIST, INF_DIST_ROOT, INF_KIND_DIST, c->lens + n_lit,
                     n_dist);
}

/* Section 3.2.6. The tables stay until a block has others: small packets are fixed blocks mostly.
 */
static void inf_build_fixed(struct nacre_inflate *c)
{
    if (c->fixed == 1)
        return;
    ncr_huff_fixed(c->lens);
    c->fixed = inf_build_both(c, NCR_HUFF_LIT, NCR_HUFF_DIST) ? 1 : 0;
}

/* ---- Bits ---- */

/* Takes whole bytes in, 56 to 63 bits if the input has them. */
static void inf_refill(struct nacre_inflate *c, struct inf_io *io)
{
    c->n_bits &= 63;
    if (io->in_end - io->in >= 8) {
        const uint32_t n = (63 - c->n_bits) / 8;

        c->bits |= (ncr_load64le(io->in) & (((uint64_t)1 << 8 * n) - 1)) << c->n_bits;
        io->in += n;
        c->n_bits += 8 * n;
        return;
    }
    while (c->n_bits < 56 && io->in < io->in_end) {
        c->bits |= (uint64_t)*io->in++ << c->n_bits;
        c->n_bits += 8;
    }
}

static void inf_drop(struct nacre_inflate *c, uint32_t n)
{
    c->bits >>= n;
    c->n_bits -= n;
}

/* Takes n <= 32 bits if they are there. */
static bool inf_take(struct nacre_inflate *c, struct inf_io *io, uint32_t n, uint32_t *v)
{
    inf_refill(c, io);
    if (c->n_bits < n)
        return false;
    *v = (uint32_t)(c->bits & (((uint64_t)1 << n) - 1));
    inf_drop(c, n);
    return true;
}

/* To the next byte's edge. */
static void inf_align(struct nacre_inflate *c)
{
    inf_drop(c, c->n_bits & 7);
}

/* Gives back whole bytes that this call has taken and not used. What an earlier call left is part
 * of what a step is waiting for, so that it can never be too much. */
static void inf_give_back(struct nacre_inflate *c, struct inf_io *io)
{
    size_t n = (c->n_bits & 63) / 8;

    if (n > (size_t)(io->in - io->in_start))
        n = (size_t)(io->in - io->in_start);
    io->in -= n;
    c->n_bits = (c->n_bits & 63) - 8 * (uint32_t)n;
    c->bits &= ((uint64_t)1 << c->n_bits) - 1;
}

/* ---- Output behind the last byte ---- */

/* Sums of a block of 8 * words bytes, words <= INF_SUM_WORDS: eight sums side by side in lanes of
 * 16 bits. sum holds those of each of the eight places in a word, at most 22 * 255 = 5,610, and
 * over the sums of sum before each word, at most 22 * 21 / 2 * 255 = 58,905. */
enum { INF_SUM_WORDS = 22 };
#define INF_LANES UINT64_C(0x00ff00ff00ff00ff)

static void inf_sum_words(uint64_t *a, uint64_t *b, const uint8_t *p, unsigned words)
{
    uint64_t sum[2] = {0, 0};
    uint64_t over[2] = {0, 0};
    unsigned i;

    *b += 8 * words * *a;
    for (i = 0; i < words; i++, p += 8) {
        const uint64_t w = ncr_load64le(p);

        over[0] += sum[0];
        over[1] += sum[1];
        sum[0] += w & INF_LANES;
        sum[1] += w >> 8 & INF_LANES;
    }
    for (i = 0; i < 8; i++) { /* place i in the word: lane i / 2 of half i % 2 */
        const uint64_t s = sum[i % 2] >> 16 * (i / 2) & 0xffff;

        *a += s;
        *b += 8 * (over[i % 2] >> 16 * (i / 2) & 0xffff) + (8 - i) * s;
    }
}

/* Adler-32 of RFC 1950, section 9. Up to 2^16 bytes between two reductions: a stays below 2^25, b
 * below 2^42. */
static void inf_sum(struct nacre_inflate *c, struct inf_io *io)
{
    const uint8_t *p = io->summed;
    uint64_t a = c->sum_a;
    uint64_t b = c->sum_b;

    while (c->zlib != 0 && p < io->out) {
        size_t left = (size_t)(io->out - p);
        size_t n = left < 65536 ? left : 65536;

        for (; n >= 8; p += left, n -= left) {
            left = n / 8 < INF_SUM_WORDS ? n / 8 * 8 : INF_SUM_WORDS * 8;
            inf_sum_words(&a, &b, p, (unsigned)(left / 8));
        }
        for (; n > 0; n--) {
            a += *p++;
            b += a;
        }
        a %= INF_ADLER;
        b %= INF_ADLER;
    }
    io->summed = io->out;
    c->sum_a = (uint32_t)a;
    c->sum_b = (uint32_t)b;
}

/* Keeps the end of this call's output in the ring. */
static void inf_keep(struct nacre_inflate *c, const uint8_t *p, size_t n)
{
    size_t first;

    c->have = n < NACRE_INFLATE_WINDOW - c->have ? c->have + (uint32_t)n : NACRE_INFLATE_WINDOW;
    if (n > NACRE_INFLATE_WINDOW) {
        p += n - NACRE_INFLATE_WINDOW;
        n = NACRE_INFLATE_WINDOW;
    }
    if (n == 0)
        return;
    first = NACRE_INFLATE_WINDOW - c->at < n ? NACRE_INFLATE_WINDOW - c->at : n;
    memcpy(c->window + c->at, p, first);
    memcpy(c->window, p + first, n - first);
    c->at = (c->at + (uint32_t)n) & INF_MASK;
}

/* ---- Matches ---- */

/* False if the distance leads behind the start of the stream or the window. */
static bool inf_reaches(const struct nacre_inflate *c, const struct inf_io *io, const uint8_t *out,
                        uint32_t dist)
{
    return (size_t)dist - 1 < (size_t)(out - io->out_start) + c->have;
}

/* Copies a match within this call's output. */
static void inf_copy_bytes(uint8_t *out, uint32_t dist, uint32_t len)
{
    for (; len > 0; len--, out++)
        *out = out[-(ptrdiff_t)dist];
}

/* Copies a match that starts in the ring; it may go on in this call's output. */
static void inf_copy_ring(const struct nacre_inflate *c, uint8_t *start, uint8_t *out,
                          uint32_t dist, uint32_t len)
{
    const uint32_t back = dist - (uint32_t)(out - start); /* from the ring's end, 1..32768 */
    const uint32_t at = (c->at - back) & INF_MASK;
    const uint32_t n = len < back ? len : back;
    const uint32_t first = n < NACRE_INFLATE_WINDOW - at ? n : NACRE_INFLATE_WINDOW - at;

    memcpy(out, c->window + at, first);
    memcpy(out + first, c->window, n - first);
    inf_copy_bytes(out + n, dist, len - n);
}

/* The same, 8 bytes at a time; writes up to 7 bytes over. Distances below 8 repeat a
 * pattern: after its first 8 bytes, a multiple of the distance serves as well. */
static inline void inf_copy_wide(uint8_t *out, uint32_t dist, uint32_t len)
{
    static const uint8_t multiple[8] = {8, 8, 8, 9, 8, 10, 12, 14};
    uint8_t *const end = out + len;
    const uint8_t *from = out - dist;
    unsigned i;

    if (dist < 8) {
        for (i = 0; i < 8; i++)
            out[i] = from[i];
        out += 8;
        from = out - multiple[dist];
    }
    for (; out < end; out += 8, from += 8)
        memcpy(out, from, 8);
}

/* Goes on with a match, as far as there is room. */
static enum inf_step inf_at_match(struct nacre_inflate *c, struct inf_io *io)
{
    size_t n = (size_t)(io->out_end - io->out);

    n = n < c->left ? n : c->left;
    if (!inf_reaches(c, io, io->out, c->back))
        return INF_BAD;
    if (c->back > (size_t)(io->out - io->out_start))
        inf_copy_ring(c, io->out_start, io->out, c->back, (uint32_t)n);
    else if ((size_t)(io->out_end - io->out) - n >= 8)
        inf_copy_wide(io->out, c->back, (uint32_t)n);
    else
        inf_copy_bytes(io->out, c->back, (uint32_t)n);
    io->out += n;
    c->left -= (uint32_t)n;
    if (c->left > 0)
        return INF_FULL;
    c->where = INF_AT_SYMBOL;
    return INF_ON;
}

/* ---- Symbols ---- */

static enum inf_step inf_block_end(struct nacre_inflate *c)
{
    c->where = c->last != 0 ? INF_AT_CHECK : INF_AT_BLOCK;
    return INF_ON;
}

/* The entry behind a LINK; NONE if that leads out of the table. */
static uint32_t inf_linked(const uint32_t *table, uint32_t size, uint32_t link, uint64_t bits)
{
    const uint32_t i = (link >> 16) + (uint32_t)(bits & ((1u << (link >> 8 & 15)) - 1));

    return i < size ? table[i] : (uint32_t)INF_NONE;
}

/* Length or distance of an entry: base and extra bits, which follow the code. */
static inline uint32_t inf_value(uint32_t e, uint64_t bits)
{
    return (e >> 16) + ((uint32_t)(bits & (((uint64_t)1 << (e & INF_BITS)) - 1)) >> (e >> 8 & 15));
}

/* Bits, input and output of inf_fast() in registers. */
struct inf_run {
    uint64_t bits;
    uint32_t n;
    const uint8_t *in;
    uint8_t *out;
};

NCR_INLINE void inf_run_refill(struct inf_run *r)
{
    r->n &= 63;
    r->bits |= ncr_load64le(r->in) << r->n; /* bits over the 64th come again with the next load */
    r->in += (63 - r->n) >> 3;
    r->n |= 56;
}

NCR_INLINE void inf_run_drop(struct inf_run *r, uint32_t e)
{
    r->bits >>= e & INF_BITS;
    r->n -= e & INF_BITS;
}

NCR_INLINE void inf_run_literal(struct inf_run *r, uint32_t e)
{
    inf_run_drop(r, e);
    *r->out++ = (uint8_t)(e >> 16);
}

/* A length was e; the distance follows. At most 15 + 13 bits. */
NCR_INLINE bool inf_run_match(const struct nacre_inflate *c, const struct inf_io *io,
                              struct inf_run *r, uint32_t len)
{
    uint32_t e, dist;

    inf_run_refill(r);
    e = c->dist[r->bits & ((1 << INF_DIST_ROOT) - 1)];
    if ((e & INF_LINK) != 0) {
        inf_run_drop(r, e);
        e = inf_linked(c->dist, NACRE_INFLATE_DIST, e, r->bits);
    }
    dist = inf_value(e, r->bits);
    inf_run_drop(r, e);
    if ((e & INF_OTHER) != 0 || len - 3 > 255) /* lengths are 3..258 by table */
        return false;
    if ((size_t)dist - 1 < (size_t)(r->out - io->out_start))
        inf_copy_wide(r->out, dist, len);
    else if (inf_reaches(c, io, r->out, dist))
        inf_copy_ring(c, io->out_start, r->out, dist, len);
    else
        return false;
    r->out += len;
    return true;
}

/* Symbols while there are INF_FAST_IN bytes of input and INF_FAST_OUT of room. 56 bits are two
 * literals of INF_LIT_ROOT bits each and a length, or a literal, of at most 20. */
static enum inf_step inf_fast(struct nacre_inflate *c, struct inf_io *io)
{
    const uint8_t *const in_last = io->in_end - INF_FAST_IN;
    uint8_t *const out_last = io->out_end - INF_FAST_OUT;
    struct inf_run r = {c->bits, c->n_bits, io->in, io->out};
    enum inf_step step = INF_ON;
    uint32_t e, len;

    while (r.in <= in_last && r.out <= out_last) {
        inf_run_refill(&r);
        e = c->lit[r.bits & ((1 << INF_LIT_ROOT) - 1)];
        if ((e & INF_LITERAL) != 0) {
            inf_run_literal(&r, e);
            e = c->lit[r.bits & ((1 << INF_LIT_ROOT) - 1)];
            if ((e & INF_LITERAL) != 0) {
                inf_run_literal(&r, e);
                e = c->lit[r.bits & ((1 << INF_LIT_ROOT) - 1)];
            }
        }
        if ((e & INF_LINK) != 0) {
            inf_run_drop(&r, e);
            e = inf_linked(c->lit, NACRE_INFLATE_LIT, e, r.bits);
        }
        if ((e & INF_LITERAL) != 0) {
            inf_run_literal(&r, e);
            continue;
        }
        len = inf_value(e, r.bits);
        inf_run_drop(&r, e);
        if ((e & INF_EOB) != 0) {
            step = inf_block_end(c);
            break;
        }
        if ((e & INF_OTHER) != 0 || !inf_run_match(c, io, &r, len)) {
            step = INF_BAD;
            break;
        }
    }
    c->bits = r.bits;
    c->n_bits = r.n;
    io->in = r.in;
    io->out = r.out;
    inf_give_back(c, io);
    return step;
}

/* Decodes one code out of n bits; false if they do not hold it and its extra bits whole. What is
 * above the n bits is zero. */
static bool inf_decode(const uint32_t *table, uint32_t size, unsigned root, uint64_t *bits,
                       uint32_t *n, uint32_t *entry)
{
    uint32_t e = table[*bits & ((1u << root) - 1)];

    if ((e & INF_LINK) != 0) {
        if (*n <= root)
            return false;
        *bits >>= root;
        *n -= root;
        e = inf_linked(table, size, e, *bits);
    }
    *entry = e;
    return (e & INF_BITS) <= *n;
}

static void inf_spend(uint64_t *bits, uint32_t *n, uint32_t e)
{
    *bits >>= e & INF_BITS;
    *n -= e & INF_BITS;
}

/* The rest of a match behind its length. */
static enum inf_step inf_slow_match(struct nacre_inflate *c, struct inf_io *io, uint64_t bits,
                                    uint32_t n, uint32_t len)
{
    uint32_t e, dist;

    if (!inf_decode(c->dist, NACRE_INFLATE_DIST, INF_DIST_ROOT, &bits, &n, &e))
        return INF_MORE;
    dist = inf_value(e, bits);
    if ((e & INF_OTHER) != 0 || len - 3 > 255 || !inf_reaches(c, io, io->out, dist))
        return INF_BAD;
    inf_spend(&bits, &n, e);
    c->bits = bits;
    c->n_bits = n;
    c->left = len;
    c->back = dist;
    c->where = INF_AT_MATCH;
    return INF_ON;
}

/* One symbol with its length and distance, or nothing. */
static enum inf_step inf_slow(struct nacre_inflate *c, struct inf_io *io)
{
    uint64_t bits;
    uint32_t n, e, len;

    inf_refill(c, io);
    bits = c->bits;
    n = c->n_bits;
    if (!inf_decode(c->lit, NACRE_INFLATE_LIT, INF_LIT_ROOT, &bits, &n, &e))
        return INF_MORE;
    if ((e & INF_LITERAL) != 0 && io->out == io->out_end)
        return INF_FULL;
    len = inf_value(e, bits);
    inf_spend(&bits, &n, e);
    if ((e & (INF_LITERAL | INF_OTHER)) == 0)
        return inf_slow_match(c, io, bits, n, len);
    c->bits = bits;
    c->n_bits = n;
    if ((e & INF_EOB) != 0)
        return inf_block_end(c);
    if ((e & INF_OTHER) != 0)
        return INF_BAD;
    *io->out++ = (uint8_t)(e >> 16);
    return INF_ON;
}

static enum inf_step inf_at_symbol(struct nacre_inflate *c, struct inf_io *io)
{
    if (io->in_end - io->in >= INF_FAST_IN && io->out_end - io->out >= INF_FAST_OUT)
        return inf_fast(c, io);
    return inf_slow(c, io);
}

/* ---- Headers ---- */

/* RFC 1950, section 2.2: CM 8, a window of at most 32 KiB, FCHECK right, no preset dictionary. As
 * with zlib, a smaller window is not held against distances. */
static enum inf_step inf_at_header(struct nacre_inflate *c, struct inf_io *io)
{
    uint32_t v;

    if (!inf_take(c, io, 16, &v))
        return INF_MORE;
    if ((v & 15) != 8 || (v >> 4 & 15) > 7 || ((v & 255) << 8 | v >> 8) % 31 != 0 ||
        (v >> 13 & 1) != 0)
        return INF_BAD;
    c->where = INF_AT_BLOCK;
    return INF_ON;
}

/* Whether the fixed block that begins here is empty: seven zeros, the code of its end, which then
 * are taken. Each packet ends with one, for which the tables of the data are kept. */
static bool inf_empty(struct nacre_inflate *c, struct inf_io *io)
{
    inf_refill(c, io);
    if (c->n_bits < 7 || (c->bits & 0x7f) != 0)
        return false;
    inf_drop(c, 7);
    return true;
}

/* Section 3.2.3. */
static enum inf_step inf_at_block(struct nacre_inflate *c, struct inf_io *io)
{
    static const uint8_t next[4] = {INF_AT_STORED_LEN, INF_AT_SYMBOL, INF_AT_DYNAMIC, INF_AT_BAD};
    uint32_t v;

    if (!inf_take(c, io, 3, &v))
        return INF_MORE;
    c->last = v & 1;
    c->where = next[v >> 1];
    if (c->where == INF_AT_STORED_LEN)
        inf_align(c);
    if (c->where == INF_AT_SYMBOL && inf_empty(c, io))
        return inf_block_end(c);
    if (c->where == INF_AT_SYMBOL)
        inf_build_fixed(c);
    return INF_ON;
}

/* Section 3.2.4: LEN and its complement. */
static enum inf_step inf_at_stored_len(struct nacre_inflate *c, struct inf_io *io)
{
    uint32_t v;

    if (!inf_take(c, io, 32, &v))
        return INF_MORE;
    c->left = v & 0xffff;
    c->where = INF_AT_STORED;
    return (v >> 16 ^ 0xffff) == c->left ? INF_ON : INF_BAD;
}

/* Bytes that an earlier call took in come first. */
static enum inf_step inf_at_stored(struct nacre_inflate *c, struct inf_io *io)
{
    size_t n;

    inf_give_back(c, io);
    for (; c->left > 0 && c->n_bits >= 8 && io->out < io->out_end; c->left--) {
        *io->out++ = (uint8_t)c->bits;
        inf_drop(c, 8);
    }
    n = (size_t)(io->out_end - io->out);
    n = n < c->left ? n : c->left;
    n = n < (size_t)(io->in_end - io->in) ? n : (size_t)(io->in_end - io->in);
    if (n > 0 && c->n_bits < 8) {
        memcpy(io->out, io->in, n);
        io->out += n;
        io->in += n;
        c->left -= (uint32_t)n;
    }
    if (c->left == 0)
        return inf_block_end(c);
    return io->out == io->out_end && (io->in < io->in_end || c->n_bits >= 8) ? INF_FULL : INF_MORE;
}

/* Section 3.2.7: HLIT, HDIST, HCLEN. */
static enum inf_step inf_at_dynamic(struct nacre_inflate *c, struct inf_io *io)
{
    uint32_t v;

    if (!inf_take(c, io, 14, &v))
        return INF_MORE;
    c->n_lit = (v & 31) + 257;
    c->n_dist = (v >> 5 & 31) + 1;
    c->n_code = (v >> 10) + 4;
    c->n_len = 0;
    c->where = INF_AT_CODE_LENS;
    return c->n_lit <= NCR_HUFF_LIT_USED && c->n_dist <= NCR_HUFF_DIST_USED ? INF_ON : INF_BAD;
}

/* The lengths of the code of the code lengths; its table stands where that of the literals will. */
static enum inf_step inf_at_code_lens(struct nacre_inflate *c, struct inf_io *io)
{
    uint32_t v = 0;

    for (; c->n_len < NCR_HUFF_LENS; c->n_len++) {
        if (c->n_len < c->n_code && !inf_take(c, io, 3, &v))
            return INF_MORE;
        c->lens[ncr_huff_order[c->n_len]] = (uint8_t)(c->n_len < c->n_code ? v : 0);
    }
    c->fixed = 0;
    c->n_len = 0;
    c->where = INF_AT_LENS;
    return inf_build(c->lit, NACRE_INFLATE_LIT, INF_LENS_ROOT, INF_KIND_LENS, c->lens,
                     NCR_HUFF_LENS)
               ? INF_ON
               : INF_BAD;
}

/* One code length, or a run of them. */
static enum inf_step inf_one_len(struct nacre_inflate *c, struct inf_io *io, uint32_t total)
{
    static const struct {
        uint8_t extra, base;
    } runs[3] = {{2, 3}, {3, 3}, {7, 11}};
    uint32_t e, sym, bits, n;

    inf_refill(c, io);
    e = c->lit[c->bits & ((1 << INF_LENS_ROOT) - 1)];
    bits = e & INF_BITS;
    sym = e >> 16;
    if (c->n_bits < bits)
        return INF_MORE;
    if (sym < 16) {
        inf_drop(c, bits);
        c->lens[c->n_len++] = (uint8_t)sym;
        return INF_ON;
    }
    if (sym > 18)
        return INF_BAD;
    if (c->n_bits < bits + runs[sym - 16].extra)
        return INF_MORE;
    inf_drop(c, bits);
    n = runs[sym - 16].base + (uint32_t)(c->bits & ((1u << runs[sym - 16].extra) - 1));
    inf_drop(c, runs[sym - 16].extra);
    if (n > total - c->n_len || (sym == 16 && c->n_len == 0))
        return INF_BAD;
    memset(c->lens + c->n_len, sym == 16 ? c->lens[c->n_len - 1] : 0, n);
    c->n_len += n;
    return INF_ON;
}

static enum inf_step inf_at_lens(struct nacre_inflate *c, struct inf_io *io)
{
    const uint32_t total = c->n_lit + c->n_dist;
    enum inf_step step = INF_ON;

    if (c->n_lit < 257 || c->n_lit > NCR_HUFF_LIT_USED || c->n_dist > NCR_HUFF_DIST_USED)
        return INF_BAD; /* cannot be: checked when they were read */
    while (step == INF_ON && c->n_len < total)
        step = inf_one_len(c, io, total);
    if (step != INF_ON)
        return step;
    c->where = INF_AT_SYMBOL;
    if (c->lens[256] == 0) /* a block that could not end */
        return INF_BAD;
    return inf_build_both(c, c->n_lit, c->n_dist) ? INF_ON : INF_BAD;
}

/* Behind the last block: of a zlib stream, the checksum of all output. */
static enum inf_step inf_at_check(struct nacre_inflate *c, struct inf_io *io)
{
    uint32_t v;

    inf_align(c);
    if (c->zlib != 0) {
        if (!inf_take(c, io, 32, &v))
            return INF_MORE;
        inf_sum(c, io);
        if (ncr_swap32(v) != (c->sum_b << 16 | c->sum_a))
            return INF_BAD;
    }
    c->where = INF_AT_END;
    return INF_ON;
}

static enum inf_step inf_at_end(struct nacre_inflate *c, struct inf_io *io)
{
    (void)c; /* nothing moves on from here */
    (void)io;
    return INF_END;
}

static enum inf_step inf_at_bad(struct nacre_inflate *c, struct inf_io *io)
{
    (void)c; /* nothing moves on from here */
    (void)io;
    return INF_BAD;
}

static enum inf_step (*const inf_steps[])(struct nacre_inflate *, struct inf_io *) = {
    [INF_AT_HEADER] = inf_at_header,
    [INF_AT_BLOCK] = inf_at_block,
    [INF_AT_STORED_LEN] = inf_at_stored_len,
    [INF_AT_STORED] = inf_at_stored,
    [INF_AT_DYNAMIC] = inf_at_dynamic,
    [INF_AT_CODE_LENS] = inf_at_code_lens,
    [INF_AT_LENS] = inf_at_lens,
    [INF_AT_SYMBOL] = inf_at_symbol,
    [INF_AT_MATCH] = inf_at_match,
    [INF_AT_CHECK] = inf_at_check,
    [INF_AT_END] = inf_at_end,
    [INF_AT_BAD] = inf_at_bad,
};

/* ---- Calls ---- */

void nacre_inflate_init(struct nacre_inflate *c, bool zlib)
{
    memset(c, 0, sizeof *c);
    c->zlib = zlib ? 1 : 0;
    c->where = zlib ? INF_AT_HEADER : INF_AT_BLOCK;
    c->sum_a = 1;
}

enum nacre_inflate_state nacre_inflate(struct nacre_inflate *c, uint8_t *out, size_t cap, size_t *n,
                                       const uint8_t *in, size_t in_len, size_t *used)
{
    static const enum nacre_inflate_state states[] = {
        [INF_ON] = NACRE_INFLATE_BAD,    [INF_MORE] = NACRE_INFLATE_MORE,
        [INF_FULL] = NACRE_INFLATE_FULL, [INF_END] = NACRE_INFLATE_END,
        [INF_BAD] = NACRE_INFLATE_BAD,
    };
    struct inf_io io = {in, in, in + in_len, out, out, out + cap, out};
    enum inf_step step;

    c->at &= INF_MASK;
    c->have = c->have < NACRE_INFLATE_WINDOW ? c->have : NACRE_INFLATE_WINDOW;
    c->n_bits &= 63;
    do {
        step = inf_steps[c->where <= INF_AT_BAD ? c->where : INF_AT_BAD](c, &io);
    } while (step == INF_ON);
    if (step == INF_BAD)
        c->where = INF_AT_BAD;
    if (step != INF_MORE) /* then a step is waiting, and all that was taken belongs to it */
        inf_give_back(c, &io);
    inf_sum(c, &io);
    inf_keep(c, io.out_start, (size_t)(io.out - io.out_start));
    *n = (size_t)(io.out - io.out_start);
    *used = (size_t)(io.in - io.in_start);
    return states[step];
}
