/* SPDX-License-Identifier: ISC
 *
 * Key revocation lists: sorting entries and writing them (PROTOCOL.krl); krl.c reads.
 *
 * Each authority's serials are cut into pieces, each written as what is shortest: eight bytes a
 * serial in a list, sixteen a range, one bit a serial in a bitmap. Piece by piece from the lowest
 * on, without looking back: within a few bytes of the shortest list there is.
 */
#include <string.h>

#include "proto/keys/krl.h"
#include "proto/keys/text.h"

/* ---- Sorting ---- */

static int krl_bytes_order(struct nacre_bytes a, struct nacre_bytes b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

/* Certificates first, by authority. */
static bool krl_of_cert(const struct nacre_krl_entry *e)
{
    return e->kind == NACRE_KRL_SERIALS || e->kind == NACRE_KRL_KEY_ID;
}

static int krl_order(const struct nacre_krl_entry *a, const struct nacre_krl_entry *b)
{
    int order = 0;

    if (krl_of_cert(a) && krl_of_cert(b))
        order = krl_bytes_order(a->ca, b->ca);
    if (order == 0)
        order = (int)a->kind - (int)b->kind;
    if (order == 0)
        order = (a->lo > b->lo) - (a->lo < b->lo);
    if (order == 0)
        order = (a->hi > b->hi) - (a->hi < b->hi);
    return order != 0 ? order : krl_bytes_order(a->value, b->value);
}

/* Moves the entry at i down to where both entries below it are no larger. */
static void krl_sift(struct nacre_krl_entry *e, size_t i, size_t n)
{
    struct nacre_krl_entry moved = e[i];

    while (i < n / 2) {
        size_t child = 2 * i + 1;

        if (child + 1 < n && krl_order(&e[child], &e[child + 1]) < 0)
            child++;
        if (krl_order(&moved, &e[child]) >= 0)
            break;
        e[i] = e[child];
        i = child;
    }
    e[i] = moved;
}

/* Heapsort: in place, without recursion, n log n for every order. */
static void krl_heap_sort(struct nacre_krl_entry *e, size_t n)
{
    size_t i;

    for (i = n / 2; i > 0; i--)
        krl_sift(e, i - 1, n);
    for (i = n; i > 1; i--) {
        struct nacre_krl_entry largest = e[0];

        e[0] = e[i - 1];
        e[i - 1] = largest;
        krl_sift(e, 0, i - 1);
    }
}

/* Takes the entry b, which sorts behind a, into a if they overlap, abut or are the same. */
static bool krl_merge(struct nacre_krl_entry *a, const struct nacre_krl_entry *b)
{
    if (a->kind != b->kind || krl_bytes_order(a->ca, b->ca) != 0)
        return false;
    if (a->kind != NACRE_KRL_SERIALS)
        return krl_bytes_order(a->value, b->value) == 0;
    if (b->lo > a->hi && b->lo - a->hi > 1)
        return false;
    a->hi = b->hi > a->hi ? b->hi : a->hi;
    return true;
}

size_t nacre_krl_sort(struct nacre_krl_entry *e, size_t n)
{
    size_t kept = 0;
    size_t i;

    krl_heap_sort(e, n);
    for (i = 0; i < n; i++)
        if (kept == 0 || !krl_merge(&e[kept - 1], &e[i]))
            e[kept++] = e[i];
    return kept;
}

/* ---- Writing ---- */

#define KRL_SERIAL 8 /* bytes of a serial */
/* Bytes of a type and a length, and what a range and a bitmap take beside its bits. */
#define KRL_SUB 5
#define KRL_RANGE (KRL_SUB + 2 * KRL_SERIAL)
#define KRL_BITMAP (KRL_SUB + KRL_SERIAL + 5)
/* From here on a range is shorter than a part of a list, though it ends the list. */
#define KRL_RANGE_FROM 4
/* Two serials so far apart are a list's matter. */
#define KRL_GAP (8 * KRL_SERIAL)
/* An entry alone in its section takes at most: two sections, two lengths, a range. */
#define KRL_ENTRY_ROOM (2 * KRL_SUB + 8 + 4 * KRL_SERIAL)

size_t nacre_krl_room(const struct nacre_krl_entry *e, size_t n, size_t comment_len)
{
    size_t room = KRL_MAGIC_LEN + 4 + 3 * 8 + 4 + 4 + comment_len;
    size_t i;

    for (i = 0; i < n; i++) {
        room += KRL_ENTRY_ROOM + e[i].value.n;
        if (i == 0 || krl_bytes_order(e[i].ca, e[i - 1].ca) != 0)
            room += e[i].ca.n;
    }
    return room;
}

/* Serials of an entry less one, which fits where their number may not. */
static uint64_t krl_span(const struct nacre_krl_entry *e)
{
    return e->hi - e->lo;
}

/* Bytes that an entry takes outside of a bitmap. */
static size_t krl_cost(const struct nacre_krl_entry *e)
{
    return krl_span(e) < KRL_RANGE_FROM - 1 ? ((size_t)krl_span(e) + 1) * KRL_SERIAL : KRL_RANGE;
}

/* How many entries from the first on are best written as one bitmap; 0: better not. n entries are
 * serials of one authority. */
static size_t krl_bitmap_of(const struct nacre_krl_entry *e, size_t n)
{
    size_t other = 0;
    size_t best = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        if (e[i].hi - e[0].lo >= NACRE_KRL_BITMAP_MAX || (i > 0 && e[i].lo - e[i - 1].hi > KRL_GAP))
            break;
        other += krl_cost(&e[i]);
        if (KRL_BITMAP + (size_t)(e[i].hi - e[0].lo) / 8 < other)
            best = i + 1;
    }
    return best;
}

/* Writes the bitmap of n entries: a string with uint64 offset and mpint. */
static void krl_put_bitmap(struct ncr_wr *w, const struct nacre_krl_entry *e, size_t n)
{
    uint8_t map[NACRE_KRL_BITMAP_MAX / 8];
    size_t len = (size_t)(e[n - 1].hi - e[0].lo) / 8 + 1;
    size_t i;
    size_t mark;

    memset(map, 0, len);
    for (i = 0; i < n; i++) {
        uint64_t bit;

        for (bit = e[i].lo - e[0].lo; bit <= e[i].hi - e[0].lo; bit++)
            map[len - 1 - (size_t)bit / 8] |= (uint8_t)(1u << (bit % 8));
    }
    ncr_wr_u8(w, KRL_CERT_SERIAL_BITMAP);
    mark = ncr_wr_string_begin(w);
    ncr_wr_u64(w, e[0].lo);
    ncr_wr_mpint(w, map, len);
    ncr_wr_string_end(w, mark);
}

/* Writes entries from the first on as one list; returns how many. */
static size_t krl_put_list(struct ncr_wr *w, const struct nacre_krl_entry *e, size_t n)
{
    size_t i;
    size_t mark;

    ncr_wr_u8(w, KRL_CERT_SERIAL_LIST);
    mark = ncr_wr_string_begin(w);
    for (i = 0; i < n && krl_span(&e[i]) < KRL_RANGE_FROM - 1; i++) {
        uint64_t v;

        if (krl_bitmap_of(e + i, n - i) > 0)
            break;
        for (v = 0; v <= krl_span(&e[i]); v++)
            ncr_wr_u64(w, e[i].lo + v);
    }
    ncr_wr_string_end(w, mark);
    return i;
}

static size_t krl_put_range(struct ncr_wr *w, const struct nacre_krl_entry *e)
{
    ncr_wr_u8(w, KRL_CERT_SERIAL_RANGE);
    ncr_wr_u32(w, 2 * KRL_SERIAL);
    ncr_wr_u64(w, e->lo);
    ncr_wr_u64(w, e->hi);
    return 1;
}

static void krl_put_serials(struct ncr_wr *w, const struct nacre_krl_entry *e, size_t n)
{
    while (n > 0) {
        size_t took = krl_bitmap_of(e, n);

        if (took > 0)
            krl_put_bitmap(w, e, took);
        else if (krl_span(e) < KRL_RANGE_FROM - 1)
            took = krl_put_list(w, e, n);
        else
            took = krl_put_range(w, e);
        e += took;
        n -= took;
    }
}

/* Writes one section of strings. */
static void krl_put_values(struct ncr_wr *w, uint8_t type, const struct nacre_krl_entry *e,
                           size_t n)
{
    size_t mark;
    size_t i;

    ncr_wr_u8(w, type);
    mark = ncr_wr_string_begin(w);
    for (i = 0; i < n; i++)
        ncr_wr_string(w, e[i].value);
    ncr_wr_string_end(w, mark);
}

/* Entries from the first on that are of its kind (and authority). */
static size_t krl_alike(const struct nacre_krl_entry *e, size_t n)
{
    size_t i = 1;

    while (i < n && e[i].kind == e[0].kind && krl_bytes_order(e[i].ca, e[0].ca) == 0)
        i++;
    return i;
}

/* Writes the section of one authority's certificates; returns the number of its entries. */
static size_t krl_put_certificates(struct ncr_wr *w, const struct nacre_krl_entry *e, size_t n)
{
    struct nacre_bytes ca = e[0].ca;
    size_t done = 0;
    size_t mark;

    ncr_wr_u8(w, KRL_CERTIFICATES);
    mark = ncr_wr_string_begin(w);
    ncr_wr_string(w, ca);
    ncr_wr_u32(w, 0); /* reserved */
    while (done < n && krl_of_cert(&e[done]) && krl_bytes_order(e[done].ca, ca) == 0) {
        size_t some = krl_alike(e + done, n - done);

        if (e[done].kind == NACRE_KRL_SERIALS)
            krl_put_serials(w, e + done, some);
        else
            krl_put_values(w, KRL_CERT_KEY_ID, e + done, some);
        done += some;
    }
    ncr_wr_string_end(w, mark);
    return done;
}

static void krl_put_sections(struct ncr_wr *w, const struct nacre_krl_entry *e, size_t n)
{
    static const uint8_t types[] = {[NACRE_KRL_KEY] = KRL_KEYS,
                                    [NACRE_KRL_SHA1] = KRL_KEYS_SHA1,
                                    [NACRE_KRL_SHA256] = KRL_KEYS_SHA256};

    while (n > 0) {
        size_t some;

        if (krl_of_cert(e)) {
            some = krl_put_certificates(w, e, n);
        } else {
            some = krl_alike(e, n);
            krl_put_values(w, types[e->kind], e, some);
        }
        e += some;
        n -= some;
    }
}

static bool krl_is_blob(struct nacre_bytes blob)
{
    struct ncr_rd r = ncr_rd(blob);

    return ncr_rd_string_max(&r, NACRE_KEY_NAME_MAX).n > 0;
}

static bool krl_entry_whole(const struct nacre_krl_entry *e)
{
    if (e->kind < NACRE_KRL_SERIALS || e->kind > NACRE_KRL_SHA256 || !ncr_krl_value_fits(e))
        return false;
    if (!krl_of_cert(e))
        return e->ca.n == 0 && (e->kind != NACRE_KRL_KEY || krl_is_blob(e->value));
    if (e->ca.n > 0 && !krl_is_blob(e->ca))
        return false;
    return e->kind != NACRE_KRL_SERIALS || (e->value.n == 0 && e->lo > 0 && e->lo <= e->hi);
}

nacre_err nacre_krl_write(uint8_t *out, size_t cap, size_t *n, struct nacre_krl_entry *e,
                          size_t n_entries, const struct nacre_krl *head)
{
    struct ncr_wr w = ncr_wr(out, cap);
    size_t i;

    *n = 0;
    if (head->comment.n > NACRE_KRL_COMMENT_MAX || ncr_text_has(head->comment, 0))
        return NACRE_ERR_USAGE;
    for (i = 0; i < n_entries; i++)
        if (!krl_entry_whole(&e[i]))
            return NACRE_ERR_USAGE;
    n_entries = nacre_krl_sort(e, n_entries);
    ncr_wr_bytes(&w, (const uint8_t *)KRL_MAGIC, KRL_MAGIC_LEN);
    ncr_wr_u32(&w, KRL_FORMAT);
    ncr_wr_u64(&w, head->version);
    ncr_wr_u64(&w, head->generated);
    ncr_wr_u64(&w, 0); /* flags */
    ncr_wr_u32(&w, 0); /* reserved */
    ncr_wr_string(&w, head->comment);
    krl_put_sections(&w, e, n_entries);
    if (w.bad)
        return NACRE_ERR_NO_ROOM;
    *n = w.n;
    return NACRE_OK;
}
