/* SPDX-License-Identifier: ISC
 *
 * Reading DER: see der.h. Every failure sets the reader's `bad`, which sticks.
 */
#include "proto/keys/der.h"

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
