/* SPDX-License-Identifier: ISC
 *
 * The data types of RFC 4251 section 5: see wire.h.
 *
 * Every bounds check of a reader is in wire_take(), every one of a writer in wire_put(): both
 * compare with what is left, and never add to a length that came from a peer.
 */
#include "proto/wire.h"

#include <string.h>

#define WIRE_NAME_MAX 64 /* RFC 4251 6 */

struct nacre_bytes nacre_bytes_str(const char *s)
{
    struct nacre_bytes b = {(const uint8_t *)s, strlen(s)};

    return b;
}

bool ncr_bytes_eq(struct nacre_bytes a, struct nacre_bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool nacre_bytes_is(struct nacre_bytes b, const char *s)
{
    return ncr_bytes_eq(b, nacre_bytes_str(s));
}

/* ---- Reader ---- */

/* The next n bytes, or NULL and bad. */
static const uint8_t *wire_take(struct ncr_rd *r, size_t n)
{
    const uint8_t *p = r->p;

    if (r->bad || n > r->n) {
        r->bad = true;
        r->n = 0;
        return NULL;
    }
    if (n > 0)
        r->p += n;
    r->n -= n;
    return p;
}

struct ncr_rd ncr_rd(struct nacre_bytes b)
{
    struct ncr_rd r = {b.p, b.n, false};

    return r;
}

uint8_t ncr_rd_u8(struct ncr_rd *r)
{
    const uint8_t *p = wire_take(r, 1);

    return p == NULL ? 0 : p[0];
}

bool ncr_rd_bool(struct ncr_rd *r)
{
    return ncr_rd_u8(r) != 0;
}

uint32_t ncr_rd_u32(struct ncr_rd *r)
{
    const uint8_t *p = wire_take(r, 4);

    if (p == NULL)
        return 0;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint64_t ncr_rd_u64(struct ncr_rd *r)
{
    uint64_t hi = ncr_rd_u32(r);
    uint64_t lo = ncr_rd_u32(r);

    return r->bad ? 0 : hi << 32 | lo;
}

struct nacre_bytes ncr_rd_bytes(struct ncr_rd *r, size_t n)
{
    struct nacre_bytes b = {NULL, 0};
    const uint8_t *p = wire_take(r, n);

    if (!r->bad) {
        b.p = p;
        b.n = n;
    }
    return b;
}

struct nacre_bytes ncr_rd_string(struct ncr_rd *r)
{
    return ncr_rd_bytes(r, ncr_rd_u32(r));
}

struct nacre_bytes ncr_rd_string_max(struct ncr_rd *r, size_t max)
{
    struct nacre_bytes b = ncr_rd_string(r);

    if (b.n > max) {
        r->bad = true;
        r->n = 0;
        b.n = 0;
    }
    return b;
}

struct nacre_bytes ncr_rd_mpint(struct ncr_rd *r, size_t max_bits)
{
    struct nacre_bytes b = ncr_rd_string(r);
    struct nacre_bytes none = {NULL, 0};

    if (b.n > 0 && (b.p[0] & 0x80) != 0)
        r->bad = true;
    while (b.n > 0 && b.p[0] == 0) {
        b.p++;
        b.n--;
    }
    if (b.n > max_bits / 8 + (max_bits % 8 != 0))
        r->bad = true;
    if (!r->bad && b.n > 0 && max_bits % 8 != 0 && b.n == max_bits / 8 + 1 &&
        b.p[0] >> (max_bits % 8) != 0)
        r->bad = true;
    if (r->bad)
        r->n = 0;
    return r->bad ? none : b;
}

struct nacre_bytes ncr_rd_rest(struct ncr_rd *r)
{
    return ncr_rd_bytes(r, r->n);
}

bool ncr_rd_end(const struct ncr_rd *r)
{
    return !r->bad && r->n == 0;
}

/* ---- Writer ---- */

/* Room for n more bytes, or NULL and bad. Not for hash writers. */
static uint8_t *wire_put(struct ncr_wr *w, size_t n)
{
    uint8_t *p;

    if (w->bad || n > w->cap - w->n) {
        w->bad = true;
        return NULL;
    }
    p = w->p + w->n;
    w->n += n;
    return p;
}

struct ncr_wr ncr_wr(uint8_t *p, size_t cap)
{
    struct ncr_wr w = {p, 0, cap, false, NULL, NULL};

    return w;
}

struct ncr_wr ncr_wr_hash(const struct nacre_hash *hash, union nacre_hash_ctx *ctx)
{
    struct ncr_wr w = {NULL, 0, 0, false, hash, ctx};

    return w;
}

void ncr_wr_bytes(struct ncr_wr *w, const uint8_t *p, size_t n)
{
    uint8_t *q;

    if (n == 0)
        return;
    if (w->hash != NULL) {
        w->hash->update(w->hash_ctx, p, n);
        return;
    }
    q = wire_put(w, n);
    if (q != NULL)
        memcpy(q, p, n);
}

void ncr_wr_u8(struct ncr_wr *w, uint8_t v)
{
    ncr_wr_bytes(w, &v, 1);
}

void ncr_wr_bool(struct ncr_wr *w, bool v)
{
    ncr_wr_u8(w, v ? 1 : 0);
}

void ncr_wr_u32(struct ncr_wr *w, uint32_t v)
{
    uint8_t b[4];

    b[0] = (uint8_t)(v >> 24);
    b[1] = (uint8_t)(v >> 16 & 0xff);
    b[2] = (uint8_t)(v >> 8 & 0xff);
    b[3] = (uint8_t)(v & 0xff);
    ncr_wr_bytes(w, b, sizeof b);
}

void ncr_wr_u64(struct ncr_wr *w, uint64_t v)
{
    ncr_wr_u32(w, (uint32_t)(v >> 32));
    ncr_wr_u32(w, (uint32_t)(v & 0xffffffffu));
}

void ncr_wr_string(struct ncr_wr *w, struct nacre_bytes b)
{
    if (b.n > UINT32_MAX) {
        w->bad = true;
        return;
    }
    ncr_wr_u32(w, (uint32_t)b.n);
    ncr_wr_bytes(w, b.p, b.n);
}

void ncr_wr_cstring(struct ncr_wr *w, const char *s)
{
    ncr_wr_string(w, nacre_bytes_str(s));
}

void ncr_wr_mpint(struct ncr_wr *w, const uint8_t *p, size_t n)
{
    bool pad;

    while (n > 0 && p[0] == 0) {
        p++;
        n--;
    }
    pad = n > 0 && (p[0] & 0x80) != 0;
    ncr_wr_u32(w, (uint32_t)n + (pad ? 1 : 0));
    if (pad)
        ncr_wr_u8(w, 0);
    ncr_wr_bytes(w, p, n);
}

size_t ncr_wr_string_begin(struct ncr_wr *w)
{
    size_t mark = w->n;

    ncr_wr_u32(w, 0);
    return mark;
}

void ncr_wr_string_end(struct ncr_wr *w, size_t mark)
{
    size_t end = w->n;

    if (w->bad)
        return;
    w->n = mark;
    ncr_wr_u32(w, (uint32_t)(end - mark - 4));
    w->n = end;
}

struct nacre_bytes ncr_wr_done(const struct ncr_wr *w)
{
    struct nacre_bytes b = {w->p, w->n};

    if (w->bad)
        b.n = 0;
    return b;
}

/* ---- Name-lists ---- */

bool ncr_list_next(struct nacre_bytes *rest, struct nacre_bytes *name)
{
    size_t i = 0;

    if (rest->n == 0)
        return false;
    while (i < rest->n && rest->p[i] != ',')
        i++;
    name->p = rest->p;
    name->n = i;
    if (i < rest->n)
        i++;
    rest->p += i;
    rest->n -= i;
    return true;
}

bool ncr_list_has(struct nacre_bytes list, struct nacre_bytes name)
{
    struct nacre_bytes each;

    while (ncr_list_next(&list, &each))
        if (ncr_bytes_eq(each, name))
            return true;
    return false;
}

static bool wire_name_valid(struct nacre_bytes name)
{
    size_t i;
    size_t ats = 0;

    if (name.n == 0 || name.n > WIRE_NAME_MAX)
        return false;
    for (i = 0; i < name.n; i++) {
        if (name.p[i] <= 0x20 || name.p[i] >= 0x7f)
            return false;
        if (name.p[i] == '@')
            ats++;
    }
    return ats <= 1;
}

bool ncr_list_valid(struct nacre_bytes list, size_t max_names)
{
    struct nacre_bytes name;
    size_t names = 0;

    if (list.n > 0 && list.p[list.n - 1] == ',')
        return false;
    while (ncr_list_next(&list, &name)) {
        names++;
        if (names > max_names || !wire_name_valid(name))
            return false;
    }
    return true;
}
