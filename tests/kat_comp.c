/* SPDX-License-Identifier: ISC
 *
 * Verbs of the kat oracle over compression: RFC 1951, 1950.
 */
#include "tests/kat.h"

#include <string.h>

/* Room for the first output; it grows with what there is, not with what a request allows. */
enum { KAT_ROOM = 65536 };

/* Inflates all of in into one output of at most max bytes. */
static enum nacre_inflate_state comp_inflate(struct kat_req *r, struct nacre_inflate *c,
                                             struct nacre_bytes in, uint64_t max, size_t *used)
{
    size_t cap = max < KAT_ROOM ? (size_t)max : KAT_ROOM, n, more, took;
    uint8_t *out = kat_alloc(r, cap);
    enum nacre_inflate_state state = nacre_inflate(c, out, cap, &n, in.p, in.n, used);

    while (state == NACRE_INFLATE_FULL && cap < max) {
        out = memcpy(kat_alloc(r, cap * 2), out, cap);
        cap = max - cap < cap ? (size_t)max : cap * 2;
        state = nacre_inflate(c, out + n, cap - n, &more, in.p + *used, in.n - *used, &took);
        n += more;
        *used += took;
    }
    kat_put(r, out, n);
    return state;
}

/* inflate MAX DATA: one raw stream, whole */
static enum kat_result verb_inflate(struct kat_req *r)
{
    struct nacre_inflate *c = kat_alloc(r, sizeof *c);
    size_t used;

    nacre_inflate_init(c, false);
    if (comp_inflate(r, c, r->arg[1].b, r->arg[0].num, &used) != NACRE_INFLATE_END)
        return KAT_REJECT;
    return used == r->arg[1].b.n ? KAT_OK : KAT_REJECT;
}

/* zlib-inflate MAX CHUNK...: one zlib stream; it may end, but only in the last chunk, as its last
 * byte */
static enum kat_result verb_zlib_inflate(struct kat_req *r)
{
    struct nacre_inflate *c = kat_alloc(r, sizeof *c);
    size_t i, used;

    nacre_inflate_init(c, true);
    for (i = 1; i < r->n; i++) {
        enum nacre_inflate_state state = comp_inflate(r, c, r->arg[i].b, r->arg[0].num, &used);

        if (state == NACRE_INFLATE_BAD || state == NACRE_INFLATE_FULL || used != r->arg[i].b.n)
            return KAT_REJECT;
    }
    return KAT_OK;
}

/* zlib-deflate DATA...: one zlib stream, cut at its flushes */
static enum kat_result verb_zlib_deflate(struct kat_req *r)
{
    struct nacre_deflate *c = kat_alloc(r, sizeof *c);

    nacre_deflate_init(c, 6);
    for (size_t i = 0; i < r->n; i++) {
        struct nacre_bytes in = r->arg[i].b;
        const size_t calls = in.n / NACRE_DEFLATE_IN_MAX + 1;
        uint8_t *out = kat_alloc(r, NACRE_DEFLATE_OUT_MAX(in.n) + calls * NACRE_DEFLATE_OUT_MAX(0));
        size_t len = 0;

        do {
            const size_t n = in.n < NACRE_DEFLATE_IN_MAX ? in.n : NACRE_DEFLATE_IN_MAX;

            len += nacre_deflate(c, out + len, NACRE_DEFLATE_OUT_MAX(n), in.p, n);
            in.p += n;
            in.n -= n;
        } while (in.n > 0);
        kat_put(r, out, len);
    }
    return KAT_OK;
}

const struct kat_verb kat_comp_verbs[] = {
    {"inflate", "int bytes", verb_inflate},
    {"zlib-inflate", "int bytes+", verb_zlib_inflate},
    {"zlib-deflate", "bytes+", verb_zlib_deflate},
    {NULL, NULL, NULL},
};
