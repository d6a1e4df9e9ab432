/* SPDX-License-Identifier: ISC
 *
 * Reading and writing DER: see der.h. Every failure sets `bad`, which sticks.
 */
#include "proto/keys/der.h"

#include <string.h>

#include "crypto/ct.h"
#include "crypto/load.h"

static size_t der_length(struct ncr_rd *r)
{
    size_t n = ncr_rd_u8(r);
    size_t bytes = n & 0x7f;
    size_t i;

    if (n < 0x80)
        return n;
    n = 0;
    if (bytes == 0 || bytes > 3)
        r->bad = true;
    for (i = 0; i < bytes && !r->bad; i++)
        n = n << 8 | ncr_rd_u8(r);
    if (n < 0x80 || (bytes > 1 && n >> (8 * (bytes - 1)) == 0))
        r->bad = true; /* not the shortest form */
    return n;
}

struct nacre_bytes ncr_der_take(struct ncr_rd *r, uint8_t tag)
{
    size_t n;

    if (ncr_rd_u8(r) != tag)
        r->bad = true;
    n = der_length(r);
    return ncr_rd_bytes(r, n);
}

struct ncr_rd ncr_der_enter(struct ncr_rd *r, uint8_t tag)
{
    struct ncr_rd in = ncr_rd(ncr_der_take(r, tag));

    in.bad = r->bad;
    return in;
}

struct nacre_bytes ncr_der_number(struct ncr_rd *r)
{
    struct nacre_bytes b = ncr_der_take(r, NCR_DER_INTEGER);

    if (b.n == 0 || (b.p[0] & 0x80) != 0 || (b.n > 1 && b.p[0] == 0 && (b.p[1] & 0x80) == 0)) {
        r->bad = true;
        b.n = 0;
    }
    while (b.n > 0 && b.p[0] == 0) {
        b.p++;
        b.n--;
    }
    return b;
}

uint32_t ncr_der_small(struct ncr_rd *r)
{
    struct nacre_bytes b = ncr_der_number(r);
    uint32_t v = 0;
    size_t i;

    if (b.n > 4)
        r->bad = true;
    for (i = 0; i < b.n && i < 4; i++)
        v = v << 8 | b.p[i];
    return r->bad ? 0 : v;
}

bool ncr_der_is(const struct ncr_rd *r, uint8_t tag)
{
    return !r->bad && r->n > 0 && r->p[0] == tag;
}

/* ---- Writing ---- */

struct ncr_der_wr ncr_der_wr(uint8_t *p, size_t cap)
{
    struct ncr_der_wr w = {p, cap, cap, false};

    return w;
}

void ncr_der_put_bytes(struct ncr_der_wr *w, const uint8_t *p, size_t n)
{
    if (w->bad || n > w->at) {
        w->bad = true;
        return;
    }
    w->at -= n;
    if (n > 0)
        memcpy(w->p + w->at, p, n);
}

static void der_put_u8(struct ncr_der_wr *w, uint8_t v)
{
    ncr_der_put_bytes(w, &v, 1);
}

void ncr_der_put_head(struct ncr_der_wr *w, uint8_t tag, size_t end)
{
    size_t n = w->bad ? 0 : end - w->at;
    uint8_t bytes = 0;

    if (n >= 0x80) {
        for (; n > 0; n >>= 8, bytes++)
            der_put_u8(w, (uint8_t)(n & 0xff));
        der_put_u8(w, 0x80 | bytes);
    } else {
        der_put_u8(w, (uint8_t)n);
    }
    der_put_u8(w, tag);
}

void ncr_der_put(struct ncr_der_wr *w, uint8_t tag, const uint8_t *p, size_t n)
{
    const size_t end = w->at;

    ncr_der_put_bytes(w, p, n);
    ncr_der_put_head(w, tag, end);
}

void ncr_der_put_number(struct ncr_der_wr *w, const uint8_t *p, size_t n)
{
    const size_t end = w->at;
    uint32_t zero, high;

    for (; n > 0; p++, n--) {
        zero = ncr_ct_mask_zero32(p[0]);
        NCR_CT_PUBLIC(&zero, sizeof zero); /* how many zero bytes lead, the encoding shows */
        if (zero == 0)
            break;
    }
    high = n > 0 ? p[0] & 0x80u : 1;
    NCR_CT_PUBLIC(&high, sizeof high); /* the encoding shows it */
    ncr_der_put_bytes(w, p, n);
    if (high != 0)
        der_put_u8(w, 0);
    ncr_der_put_head(w, NCR_DER_INTEGER, end);
}

void ncr_der_put_small(struct ncr_der_wr *w, uint32_t v)
{
    uint8_t b[4];

    ncr_store32be(b, v);
    ncr_der_put_number(w, b, sizeof b);
}

struct nacre_bytes ncr_der_done(const struct ncr_der_wr *w)
{
    struct nacre_bytes b = {w->p + w->at, w->bad ? 0 : w->cap - w->at};

    return b;
}
