/* SPDX-License-Identifier: ISC
 *
 * DEFLATE: what it makes of packets inflates to them, each at once, at every level, in place and
 * not, for many sizes and kinds of data; it keeps to its room, gets as short as zlib does, and
 * reaches back over packets; contexts that somebody has overwritten do no harm.
 *
 * INFLATE, which judges here, is proven by zlib's streams in test_inflate.c; zlib inflates what
 * DEFLATE makes in the interop tests.
 */
#include "crypto/nacre_crypto.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { DEFLATE_ROOM = NACRE_DEFLATE_OUT_MAX(NACRE_DEFLATE_IN_MAX), DEFLATE_GUARD = 16 };

static struct nacre_deflate deflate_tx;
static struct nacre_inflate deflate_rx;

static uint64_t deflate_seed;

static uint32_t deflate_random(uint32_t below)
{
    deflate_seed ^= deflate_seed << 13;
    deflate_seed ^= deflate_seed >> 7;
    deflate_seed ^= deflate_seed << 17;
    return (uint32_t)(deflate_seed >> 33) % below;
}

static void deflate_start(int level)
{
    nacre_deflate_init(&deflate_tx, level);
    nacre_inflate_init(&deflate_rx, true);
    deflate_seed = 0x2545f4914f6cdd1d;
}

/* One packet there and back; bytes it took. Blocks of exactly their sizes, for the sanitizers. */
static size_t deflate_packet(const uint8_t *p, size_t n, bool in_place)
{
    const size_t cap = NACRE_DEFLATE_OUT_MAX(n);
    uint8_t *out = malloc(cap), *back = malloc(n + 1), *in = malloc(n + 1);
    size_t len, got, used;

    cr_assert(out != NULL && back != NULL && in != NULL);
    memcpy(in, p, n);
    memcpy(out, p, n);
    len = nacre_deflate(&deflate_tx, out, cap, in_place ? out : in, n);
    cr_assert(len > 0 && len <= cap, "%zu of %zu", len, cap);
    cr_assert_eq(nacre_inflate(&deflate_rx, back, n + 1, &got, out, len, &used),
                 NACRE_INFLATE_MORE);
    cr_assert_eq(used, len);
    cr_assert_eq(got, n);
    cr_assert(memcmp(back, p, n) == 0);
    free(out);
    free(back);
    free(in);
    return len;
}

/* ---- Data of several kinds ---- */

static void deflate_noise(uint8_t *p, size_t n)
{
    while (n > 0)
        p[--n] = (uint8_t)deflate_random(256);
}

static void deflate_zeros(uint8_t *p, size_t n)
{
    memset(p, 0, n);
}

static void deflate_words(uint8_t *p, size_t n)
{
    static const char *const words[] = {
        "the ",    "channel ", "window",  "of ", "a ",  "packet ", "exchange ", "SSH_MSG_DATA",
        "length ", "\n",       "0123456", "=",   "key", ", ",      "bytes "};
    size_t at = 0;

    while (at < n) {
        const char *w = words[deflate_random(sizeof words / sizeof words[0])];

        for (; *w != '\0' && at < n; w++)
            p[at++] = (uint8_t)*w;
        if (at < n && deflate_random(20) == 0)
            p[at++] = (uint8_t)deflate_random(256);
    }
}

/* Few symbols of very different frequency: long codes. */
static void deflate_skewed(uint8_t *p, size_t n)
{
    while (n > 0) {
        uint8_t v = 0;

        while (v < 40 && deflate_random(3) != 0)
            v++;
        p[--n] = v;
    }
}

/* What stood far before comes again, in pieces. */
static void deflate_echo(uint8_t *p, size_t n)
{
    size_t i;

    deflate_noise(p, n);
    for (i = 300; i + 300 < n; i += deflate_random(400) + 1)
        memcpy(p + i, p + deflate_random((uint32_t)i - 299), deflate_random(299));
}

static void deflate_pairs(uint8_t *p, size_t n)
{
    while (n > 0)
        p[--n] = (uint8_t)(deflate_random(2) * 128);
}

static void (*const deflate_kinds[])(uint8_t *, size_t) = {
    deflate_noise, deflate_zeros, deflate_words, deflate_skewed, deflate_echo, deflate_pairs,
};
enum { DEFLATE_KINDS = sizeof deflate_kinds / sizeof deflate_kinds[0] };

static uint8_t deflate_data[NACRE_DEFLATE_IN_MAX];

/* ---- Round trips ---- */

static void deflate_round_trip(int level)
{
    static const size_t sizes[] = {0,    1,    2,    3,     4,     5,     8,     9,     31,
                                   100,  257,  258,  259,   300,   511,   512,   1023,  4096,
                                   8191, 8192, 9001, 16384, 32768, 32777, 34815, 34816, 1};
    size_t i, kind;

    deflate_start(level);
    for (i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
        const size_t n = sizes[i % (sizeof sizes / sizeof sizes[0])];

        for (kind = 0; kind < DEFLATE_KINDS; kind++) {
            deflate_kinds[kind](deflate_data, n);
            (void)deflate_packet(deflate_data, n,
                                 (i + kind) % 3 != 0); /* size is judged elsewhere */
        }
    }
}

Test(deflate, every_level)
{
    for (int level = 0; level <= 9; level++)
        deflate_round_trip(level);
}

Test(deflate, every_short_packet)
{
    deflate_start(6);
    for (size_t n = 0; n < 700; n++) {
        deflate_words(deflate_data, n);
        (void)deflate_packet(deflate_data, n, n % 2 == 0); /* size is judged elsewhere */
    }
}

/* Packets of any size, the next one of another kind. */
Test(deflate, mixed)
{
    deflate_start(6);
    for (unsigned i = 0; i < 400; i++) {
        const size_t n = deflate_random(deflate_random(2) == 0 ? 200 : NACRE_DEFLATE_IN_MAX + 1);

        deflate_kinds[deflate_random(DEFLATE_KINDS)](deflate_data, n);
        (void)deflate_packet(deflate_data, n, true); /* size is judged elsewhere */
    }
}

/* ---- Sizes ---- */

/* The same text through zlib 1.2.13 in the same packets, each with a partial flush: level 1
 * 159,618, level 6 124,659, level 9 116,487 bytes. */
static size_t deflate_text(int level)
{
    size_t total = 0;

    deflate_start(level);
    for (unsigned i = 0; i < 20; i++) {
        deflate_words(deflate_data, 32768);
        total += deflate_packet(deflate_data, 32768, true);
    }
    return total;
}

Test(deflate, as_short_as_zlib)
{
    cr_assert_leq(deflate_text(1), 159618u * 101 / 100);
    cr_assert_leq(deflate_text(6), 124659u * 101 / 100);
    cr_assert_leq(deflate_text(9), 116487u * 101 / 100);
}

/* Noise grows by no more than a header and a flush. */
Test(deflate, noise_is_stored)
{
    for (int level = 0; level <= 9; level++) {
        deflate_start(level);
        for (size_t n = 1; n <= NACRE_DEFLATE_IN_MAX; n = n * 2 + 1) {
            deflate_noise(deflate_data, n);
            cr_assert_leq(deflate_packet(deflate_data, n, true), n + 9 + n / 8192);
        }
    }
}

Test(deflate, reaches_32_kib_back)
{
    static uint8_t far[32768];

    deflate_start(6);
    deflate_noise(far, sizeof far);
    cr_assert_gt(deflate_packet(far, sizeof far, true), sizeof far);
    for (unsigned i = 0; i < 20; i++) /* each match has distance 32768 */
        cr_assert_lt(deflate_packet(far, sizeof far, true), sizeof far / 50);
    cr_assert_lt(deflate_packet(far + 1, 1000, true), 50u);
    deflate_noise(deflate_data, 2000);
    (void)deflate_packet(deflate_data, 2000, true); /* moves the start of far out of reach */
    cr_assert_gt(deflate_packet(far + 1100, 900, true), 900u);
}

/* Keystrokes: a byte of payload more costs at most some bytes. */
Test(deflate, small_packets_stay_small)
{
    uint8_t data[10] = {94, 0, 0, 0, 0, 0, 0, 0, 1, 'a'};

    deflate_start(6);
    (void)deflate_packet(data, sizeof data, true); /* the first cannot refer to another */
    for (unsigned i = 0; i < 26; i++) {
        data[9] = (uint8_t)('a' + i);
        cr_assert_leq(deflate_packet(data, sizeof data, true), 8u);
    }
}

/* ---- Calls ---- */

Test(deflate, header_comes_once)
{
    uint8_t out[NACRE_DEFLATE_OUT_MAX(10)];

    for (int level = -1; level <= 10; level++) {
        nacre_deflate_init(&deflate_tx, level);
        cr_assert_geq(
            nacre_deflate(&deflate_tx, out, sizeof out, (const uint8_t *)"0123456789", 10), 2);
        cr_assert(out[0] == 0x78 && out[1] == 0x9c);
        cr_assert_geq(
            nacre_deflate(&deflate_tx, out, sizeof out, (const uint8_t *)"0123456789", 10), 1);
        cr_assert(out[0] != 0x78 || out[1] != 0x9c);
    }
}

Test(deflate, out_of_range)
{
    static uint8_t out[DEFLATE_ROOM + 10];

    nacre_deflate_init(&deflate_tx, 6);
    cr_assert_eq(nacre_deflate(&deflate_tx, out, sizeof out, out, NACRE_DEFLATE_IN_MAX + 1), 0);
    cr_assert_eq(nacre_deflate(&deflate_tx, out, NACRE_DEFLATE_OUT_MAX(100) - 1, out, 100), 0);
    cr_assert_eq(nacre_deflate(&deflate_tx, out, 0, out, 0), 0);
    cr_assert_gt(nacre_deflate(&deflate_tx, out, NACRE_DEFLATE_OUT_MAX(0), out, 0), 0);
}

/* Nothing of the output depends on what stood behind the input or in the output. */
Test(deflate, deterministic)
{
    static uint8_t a[DEFLATE_ROOM], b[DEFLATE_ROOM];
    static struct nacre_deflate two;

    deflate_start(6);
    nacre_deflate_init(&two, 6);
    memset(b, 0x55, sizeof b);
    for (unsigned i = 0; i < 50; i++) {
        const size_t n = deflate_random(NACRE_DEFLATE_IN_MAX + 1);
        size_t len;

        deflate_kinds[i % DEFLATE_KINDS](deflate_data, n);
        memcpy(a, deflate_data, n);
        len = nacre_deflate(&deflate_tx, a, sizeof a, a, n);
        cr_assert_eq(nacre_deflate(&two, b, sizeof b, deflate_data, n), len);
        cr_assert(memcmp(a, b, len) == 0);
    }
}

/* A context of any content, as a mapping that somebody else can write to may hold: calls end and
 * keep to their buffers (which the sanitizers watch). */
Test(deflate, overwritten_context)
{
    uint8_t *ctx = malloc(sizeof deflate_tx);

    cr_assert_not_null(ctx);
    deflate_start(6);
    for (unsigned i = 0; i < 200; i++) {
        const size_t n = deflate_random(i % 10 == 0 ? NACRE_DEFLATE_IN_MAX + 1 : 2000);
        uint8_t *out = malloc(NACRE_DEFLATE_OUT_MAX(n));
        struct nacre_deflate *c = (struct nacre_deflate *)(void *)ctx;
        size_t len;

        cr_assert_not_null(out);
        deflate_noise(ctx, sizeof deflate_tx);
        if (i % 2 == 0)
            c->end = deflate_random(NACRE_DEFLATE_WIN + 2);
        if (i % 4 == 0)
            c->ins = c->end - deflate_random(300);
        deflate_kinds[i % DEFLATE_KINDS](out, n);
        len = nacre_deflate(c, out, NACRE_DEFLATE_OUT_MAX(n), out, n);
        cr_assert(len > 0 && len <= NACRE_DEFLATE_OUT_MAX(n));
        free(out);
    }
    free(ctx);
}
