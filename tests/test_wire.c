/* SPDX-License-Identifier: ISC
 *
 * The data types of RFC 4251 section 5: every reader at every length around what it needs, writers
 * at every capacity, name-lists; s20 lengths beyond what is left, s28 mpints.
 */
#include "proto/wire.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct nacre_bytes bytes(const void *p, size_t n)
{
    struct nacre_bytes b = {p, n};
    return b;
}

#define LIT(text) bytes(text, sizeof text - 1)

/* ---- Reader ---- */

Test(wire, numbers)
{
    static const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct ncr_rd r = ncr_rd(bytes(in, sizeof in));
    cr_assert_eq(ncr_rd_u8(&r), 1);
    cr_assert_eq(ncr_rd_u64(&r), 0x0203040506070809u);
    cr_assert(ncr_rd_end(&r));
    for (size_t n = 0; n < 8; n++) {
        r = ncr_rd(bytes(in, n));
        cr_assert_eq(ncr_rd_u64(&r), 0);
        cr_assert(r.bad && !ncr_rd_end(&r) && r.n == 0);
        cr_assert_eq(ncr_rd_u8(&r), 0, "a failure sticks");
        r = ncr_rd(bytes(in, n));
        cr_assert_eq(ncr_rd_u32(&r), n < 4 ? 0 : 0x01020304);
        cr_assert_eq(r.bad, n < 4);
        cr_assert_eq(ncr_rd_end(&r), n == 4);
    }
}

Test(wire, any_byte_but_zero_is_true)
{
    for (int v = 0; v < 256; v++) {
        uint8_t b = (uint8_t)v;
        struct ncr_rd r = ncr_rd(bytes(&b, 1));
        cr_assert_eq(ncr_rd_bool(&r), v != 0);
    }
}

/* In memory of exactly its size, so that the sanitizers see a byte too far. */
Test(wire, s20_strings_at_every_length)
{
    for (size_t n = 0; n < 20; n++) {
        for (uint32_t claim = 0; claim < 24; claim++) {
            uint8_t *in = malloc(n + 1);
            uint8_t head[4] = {0, 0, 0, (uint8_t)claim};
            memset(in, 'x', n + 1);
            memcpy(in, head, n < 4 ? n : 4);
            struct ncr_rd r = ncr_rd(bytes(in, n));
            struct nacre_bytes s = ncr_rd_string(&r);
            bool good = n >= 4 && claim <= n - 4;
            cr_assert_eq(r.bad, !good);
            cr_assert(good ? s.n == claim && (s.n == 0 || s.p == in + 4) : s.n == 0);
            cr_assert_eq(ncr_rd_end(&r), good && claim == n - 4);
            free(in);
        }
    }
}

Test(wire, s20_lengths_far_out)
{
    static const uint8_t far[][4] = {{0x7f, 0xff, 0xff, 0xff},
                                     {0x80, 0, 0, 0},
                                     {0xff, 0xff, 0xff, 0xfc},
                                     {0xff, 0xff, 0xff, 0xff}};
    for (size_t i = 0; i < 4; i++) {
        uint8_t in[8] = {0};
        memcpy(in, far[i], 4);
        struct ncr_rd r = ncr_rd(bytes(in, sizeof in));
        struct nacre_bytes s = ncr_rd_string(&r);
        cr_assert(r.bad && s.n == 0);
        r = ncr_rd(bytes(in, sizeof in));
        s = ncr_rd_bytes(&r, SIZE_MAX - i);
        cr_assert(r.bad && s.n == 0);
        r = ncr_rd(bytes(in, sizeof in));
        s = ncr_rd_mpint(&r, 16384);
        cr_assert(r.bad && s.n == 0);
    }
}

Test(wire, strings_with_a_limit)
{
    struct ncr_rd r = ncr_rd(LIT("\0\0\0\5hello!"));
    cr_assert(nacre_bytes_is(ncr_rd_string_max(&r, 5), "hello"));
    cr_assert(nacre_bytes_is(ncr_rd_rest(&r), "!") && ncr_rd_end(&r));
    r = ncr_rd(LIT("\0\0\0\5hello!"));
    cr_assert_eq(ncr_rd_string_max(&r, 4).n, 0);
    cr_assert(r.bad);
    cr_assert_eq(ncr_rd_rest(&r).n, 0);
    r = ncr_rd(bytes(NULL, 0));
    cr_assert_eq(ncr_rd_rest(&r).n, 0);
    cr_assert(ncr_rd_end(&r));
}

Test(wire, s28_mpints)
{
    static const struct {
        struct nacre_bytes in;
        size_t max_bits;
        bool good;
        struct nacre_bytes out;
    } cases[] = {
        {{(const uint8_t *)"\0\0\0\0", 4}, 8, true, {(const uint8_t *)"", 0}}, /* zero */
        {{(const uint8_t *)"\0\0\0\1\0", 5}, 8, true, {(const uint8_t *)"", 0}},
        {{(const uint8_t *)"\0\0\0\1\x7f", 5}, 8, true, {(const uint8_t *)"\x7f", 1}},
        {{(const uint8_t *)"\0\0\0\1\x80", 5}, 8, false, {NULL, 0}}, /* negative */
        {{(const uint8_t *)"\0\0\0\2\0\x80", 6}, 8, true, {(const uint8_t *)"\x80", 1}},
        {{(const uint8_t *)"\0\0\0\5\0\0\0\0\x80", 9}, 8, true, {(const uint8_t *)"\x80", 1}},
        {{(const uint8_t *)"\0\0\0\2\1\0", 6}, 8, false, {NULL, 0}},
        {{(const uint8_t *)"\0\0\0\2\1\0", 6}, 9, true, {(const uint8_t *)"\1\0", 2}},
        {{(const uint8_t *)"\0\0\0\2\2\0", 6}, 9, false, {NULL, 0}},
        {{(const uint8_t *)"\0\0\0\2\2\0", 6}, 10, true, {(const uint8_t *)"\2\0", 2}},
        {{(const uint8_t *)"\0\0\0\2\1", 5}, 16, false, {NULL, 0}},
        {{(const uint8_t *)"\0\0\0", 3}, 16, false, {NULL, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ncr_rd r = ncr_rd(cases[i].in);
        struct nacre_bytes v = ncr_rd_mpint(&r, cases[i].max_bits);
        cr_assert_eq(!r.bad, cases[i].good, "case %zu", i);
        cr_assert(ncr_bytes_eq(v, cases[i].out), "case %zu", i);
    }
}

/* ---- Writer ---- */

static void write_all(struct ncr_wr *w)
{
    size_t mark;
    ncr_wr_u8(w, 0x11);
    ncr_wr_bool(w, true);
    ncr_wr_bool(w, false);
    ncr_wr_u32(w, 0x22334455);
    ncr_wr_u64(w, 0x66778899aabbccddu);
    ncr_wr_string(w, LIT("abc"));
    ncr_wr_cstring(w, "");
    mark = ncr_wr_string_begin(w);
    ncr_wr_bytes(w, (const uint8_t *)"de", 2);
    ncr_wr_bytes(w, NULL, 0);
    ncr_wr_string_end(w, mark);
    ncr_wr_mpint(w, (const uint8_t *)"\0\0\x80", 3);
}

static const uint8_t written[] = {0x11, 1,    0,    0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
                                  0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0,    0,    0,    3,    'a',
                                  'b',  'c',  0,    0,    0,    0,    0,    0,    0,    2,
                                  'd',  'e',  0,    0,    0,    2,    0,    0x80};

Test(wire, writer_at_every_capacity)
{
    for (size_t cap = 0; cap <= sizeof written + 1; cap++) {
        uint8_t *out = malloc(cap + 1);
        memset(out, 0xee, cap + 1);
        struct ncr_wr w = ncr_wr(out, cap);
        write_all(&w);
        cr_assert_eq(w.bad, cap < sizeof written);
        cr_assert_eq(out[cap], 0xee, "a byte too far");
        cr_assert(w.n <= cap);
        cr_assert_eq(ncr_wr_done(&w).n, cap < sizeof written ? 0 : sizeof written);
        cr_assert(cap < sizeof written || memcmp(out, written, sizeof written) == 0);
        free(out);
    }
}

Test(wire, hash_writer_hashes_the_same_bytes)
{
    uint8_t a[NACRE_SHA256_LEN], b[NACRE_SHA256_LEN];
    union nacre_hash_ctx ctx;
    struct nacre_sha256 h;
    static const uint8_t want[] = {0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 9};
    nacre_hash_sha256.init(&ctx);
    struct ncr_wr w = ncr_wr_hash(&nacre_hash_sha256, &ctx);
    ncr_wr_string(&w, LIT("abc"));
    ncr_wr_u32(&w, 9);
    nacre_hash_sha256.final(a, &ctx);
    nacre_sha256_init(&h);
    nacre_sha256_update(&h, want, sizeof want);
    nacre_sha256_final(b, &h);
    cr_assert_arr_eq(a, b, sizeof a);
}

Test(wire, mpint_written_is_minimal)
{
    for (unsigned v = 0; v < 0x20000; v += v < 0x300 ? 1 : 37) {
        uint8_t in[5] = {0, 0, (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v}, out[16];
        struct ncr_wr w = ncr_wr(out, sizeof out);
        ncr_wr_mpint(&w, in, sizeof in);
        struct nacre_bytes b = ncr_wr_done(&w);
        cr_assert(b.n >= 4 && b.p[3] == b.n - 4);
        cr_assert(b.n == 4 || (b.p[4] & 0x80) == 0);
        cr_assert(b.n < 6 || b.p[4] != 0 || (b.p[5] & 0x80) != 0, "a zero byte too much");
        struct ncr_rd r = ncr_rd(b);
        struct nacre_bytes back = ncr_rd_mpint(&r, 40);
        unsigned got = 0;
        for (size_t i = 0; i < back.n; i++) {
            got = got << 8 | back.p[i];
        }
        cr_assert(ncr_rd_end(&r) && got == v);
    }
}

/* ---- Name-lists ---- */

Test(wire, names_of_a_list)
{
    struct nacre_bytes list = LIT("a,bc,,d"), name;
    static const char *const want[] = {"a", "bc", "", "d"};
    for (int i = 0; i < 4; i++) {
        cr_assert(ncr_list_next(&list, &name));
        cr_assert(nacre_bytes_is(name, want[i]));
    }
    cr_assert(!ncr_list_next(&list, &name));
    cr_assert(ncr_list_has(LIT("a,bc,d"), LIT("bc")));
    cr_assert(!ncr_list_has(LIT("a,bc,d"), LIT("b")));
    cr_assert(!ncr_list_has(LIT("a,bc,d"), LIT("a,bc")));
    cr_assert(!ncr_list_has(LIT("a,bc,d"), LIT("")));
    cr_assert(!ncr_list_has(LIT(""), LIT("a")));
}

Test(wire, lists_that_are_well_formed)
{
    static char name[66];
    memset(name, 'n', 65);
    cr_assert(ncr_list_valid(LIT(""), 0));
    cr_assert(ncr_list_valid(LIT("a"), 1));
    cr_assert(ncr_list_valid(LIT("a,b@c"), 2));
    cr_assert(!ncr_list_valid(LIT("a,b"), 1));
    cr_assert(ncr_list_valid(bytes(name, 64), 1));
    cr_assert(!ncr_list_valid(bytes(name, 65), 1));
    static const char *const bad[] = {",",    "a,",    ",a",    "a,,b",  "a b",
                                      "a\tb", "a@b@c", "a\x7f", "a\x80", "a,b\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(!ncr_list_valid(nacre_bytes_str(bad[i]), 64), "list %zu", i);
    }
    cr_assert(!ncr_list_valid(bytes("a\0b", 3), 64));
}

Test(wire, comparing)
{
    cr_assert(ncr_bytes_eq(bytes(NULL, 0), LIT("")));
    cr_assert(ncr_bytes_eq(LIT("ab"), LIT("ab")));
    cr_assert(!ncr_bytes_eq(LIT("ab"), LIT("abc")));
    cr_assert(!nacre_bytes_is(LIT("ab\0"), "ab"));
}
