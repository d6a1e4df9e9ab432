/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: DEFLATE and back (crypto/deflate.c, crypto/inflate.c).
 *
 * Input: byte 0: level, and with bit 4 the context is overwritten first with the input, repeated;
 * then packets, each with two bytes of length before it. Each must inflate to itself at once; an
 * overwritten context must do no harm.
 */
#include "crypto/nacre_crypto.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct nacre_deflate fuzz_deflate_tx;
static struct nacre_inflate fuzz_deflate_rx;

static void fuzz_deflate_check(bool good)
{
    if (!good)
        abort();
}

static void fuzz_deflate_packet(const uint8_t *p, size_t n, bool judge)
{
    const size_t cap = NACRE_DEFLATE_OUT_MAX(n);
    uint8_t *out = malloc(cap), *back = malloc(n + 1);
    size_t len, got, used;

    if (out == NULL || back == NULL)
        abort();
    memcpy(out, p, n);
    len = nacre_deflate(&fuzz_deflate_tx, out, cap, out, n);
    fuzz_deflate_check(len > 0 && len <= cap);
    if (judge) {
        fuzz_deflate_check(nacre_inflate(&fuzz_deflate_rx, back, n + 1, &got, out, len, &used) ==
                           NACRE_INFLATE_MORE);
        fuzz_deflate_check(used == len && got == n && memcmp(back, p, n) == 0);
    }
    free(out);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    bool judge;
    size_t i;

    if (n < 3)
        return 0;
    judge = (data[0] & 16) == 0;
    nacre_deflate_init(&fuzz_deflate_tx, data[0] & 15);
    nacre_inflate_init(&fuzz_deflate_rx, true);
    for (i = 0; !judge && i < sizeof fuzz_deflate_tx; i++)
        ((uint8_t *)&fuzz_deflate_tx)[i] = data[i % n];
    for (data++, n--; n >= 2; data += i, n -= i) {
        i = (size_t)data[0] << 8 | data[1];
        data += 2;
        n -= 2;
        i = i < n ? i : n;
        fuzz_deflate_packet(data, i < NACRE_DEFLATE_IN_MAX ? i : NACRE_DEFLATE_IN_MAX, judge);
    }
    return 0;
}
