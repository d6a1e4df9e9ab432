/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: INFLATE (crypto/inflate.c).
 *
 * Input: byte 0 bit 0: wrapped as zlib's; bit 1: the context is overwritten first, with what
 * follows, repeated; bytes 1 and 2: sizes of the pieces in and out. The rest is the stream. Pieces
 * must give what the whole gives; an overwritten context must do no harm.
 */
#include "crypto/nacre_crypto.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { FUZZ_INFLATE_MAX = 1 << 17 };

static struct nacre_inflate fuzz_inflate_ctx;
static uint8_t fuzz_inflate_out[2][FUZZ_INFLATE_MAX];

static void fuzz_inflate_check(bool good)
{
    if (!good)
        abort();
}

/* The state at the end, of the input or of the room in to. */
static enum nacre_inflate_state fuzz_inflate_run(uint8_t *to, size_t *made, const uint8_t *p,
                                                 size_t n, size_t piece, size_t cap)
{
    enum nacre_inflate_state state = NACRE_INFLATE_MORE;
    size_t used, got;

    *made = 0;
    do {
        size_t in = piece < n ? piece : n;
        size_t room = cap < FUZZ_INFLATE_MAX - *made ? cap : FUZZ_INFLATE_MAX - *made;

        state = nacre_inflate(&fuzz_inflate_ctx, to + *made, room, &got, p, in, &used);
        fuzz_inflate_check(used <= in && got <= room);
        fuzz_inflate_check(state != NACRE_INFLATE_MORE || used == in);
        p += used;
        n -= used;
        *made += got;
    } while ((state == NACRE_INFLATE_MORE && n > 0) ||
             (state == NACRE_INFLATE_FULL && *made < FUZZ_INFLATE_MAX));
    return state;
}

static void fuzz_inflate_overwritten(const uint8_t *p, size_t n, size_t piece, size_t cap)
{
    uint8_t *ctx = (uint8_t *)&fuzz_inflate_ctx;
    uint8_t out[300];
    size_t i, got, used;

    for (i = 0; i < sizeof fuzz_inflate_ctx; i++)
        ctx[i] = p[i % n];
    fuzz_inflate_ctx.where %= 16;
    for (i = 0; i < 8 && n > 0; i++, p += used, n -= used) {
        (void)nacre_inflate(&fuzz_inflate_ctx, out, cap % sizeof out, &got, p,
                            piece < n ? piece : n, &used); /* any verdict will do */
        fuzz_inflate_check(used <= n && got <= cap % sizeof out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    enum nacre_inflate_state whole, pieces;
    size_t made[2];

    if (n < 4)
        return 0;
    if ((data[0] & 2) != 0) {
        fuzz_inflate_overwritten(data + 3, n - 3, data[1] + 1u, data[2] * 2u);
        return 0;
    }
    nacre_inflate_init(&fuzz_inflate_ctx, data[0] & 1);
    whole = fuzz_inflate_run(fuzz_inflate_out[0], &made[0], data + 3, n - 3, n, FUZZ_INFLATE_MAX);
    nacre_inflate_init(&fuzz_inflate_ctx, data[0] & 1);
    pieces = fuzz_inflate_run(fuzz_inflate_out[1], &made[1], data + 3, n - 3, data[1] + 1u,
                              data[2] * 4u + 1);
    fuzz_inflate_check(whole == pieces);
    fuzz_inflate_check(whole == NACRE_INFLATE_BAD || made[0] == made[1]);
    if (whole != NACRE_INFLATE_BAD)
        fuzz_inflate_check(memcmp(fuzz_inflate_out[0], fuzz_inflate_out[1], made[0]) == 0);
    return 0;
}
