/* SPDX-License-Identifier: ISC
 *
 * The constant-time helpers against plain comparisons at all edges, byte order, wiping, comparing.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "crypto/load.h"

#include <criterion/criterion.h>
#include <string.h>

static const uint64_t ct_edges[] = {0,
                                    1,
                                    2,
                                    0x7f,
                                    0x80,
                                    0xff,
                                    0x7fffffff,
                                    0x80000000,
                                    0x80000001,
                                    0xfffffffe,
                                    0xffffffff,
                                    0x100000000,
                                    0x7fffffffffffffff,
                                    0x8000000000000000,
                                    0x8000000000000001,
                                    0xfffffffffffffffe,
                                    0xffffffffffffffff};

enum { CT_EDGES = sizeof ct_edges / sizeof ct_edges[0] };

static uint32_t ct_all32(bool yes)
{
    return yes ? UINT32_MAX : 0;
}

static uint64_t ct_all64(bool yes)
{
    return yes ? UINT64_MAX : 0;
}

Test(ct, masks_of_one_word)
{
    for (size_t i = 0; i < CT_EDGES; i++) {
        uint64_t a = ct_edges[i];
        uint32_t b = (uint32_t)a;
        cr_assert_eq(ncr_ct_barrier64(a), a);
        cr_assert_eq(ncr_ct_barrier32(b), b);
        cr_assert_eq(ncr_ct_mask_bit64(a), ct_all64(a % 2 == 1));
        cr_assert_eq(ncr_ct_mask_bit32(b), ct_all32(b % 2 == 1));
        cr_assert_eq(ncr_ct_mask_nonzero64(a), ct_all64(a != 0));
        cr_assert_eq(ncr_ct_mask_nonzero32(b), ct_all32(b != 0));
        cr_assert_eq(ncr_ct_mask_zero64(a), ct_all64(a == 0));
        cr_assert_eq(ncr_ct_mask_zero32(b), ct_all32(b == 0));
    }
}

Test(ct, masks_of_two_words)
{
    for (size_t i = 0; i < CT_EDGES * CT_EDGES; i++) {
        uint64_t a = ct_edges[i / CT_EDGES], b = ct_edges[i % CT_EDGES];
        uint32_t c = (uint32_t)a, d = (uint32_t)b;
        cr_assert_eq(ncr_ct_mask_eq64(a, b), ct_all64(a == b));
        cr_assert_eq(ncr_ct_mask_eq32(c, d), ct_all32(c == d));
        cr_assert_eq(ncr_ct_mask_lt64(a, b), ct_all64(a < b));
        cr_assert_eq(ncr_ct_mask_lt32(c, d), ct_all32(c < d));
        cr_assert_eq(ncr_ct_select64(UINT64_MAX, a, b), a);
        cr_assert_eq(ncr_ct_select64(0, a, b), b);
        cr_assert_eq(ncr_ct_select32(UINT32_MAX, c, d), c);
        cr_assert_eq(ncr_ct_select32(0, c, d), d);
    }
}

/* Each byte of 33, each bit of it. */
Test(ct, eq_sees_every_bit)
{
    uint8_t a[33], b[33];
    memset(a, 0xa5, sizeof a);
    memcpy(b, a, sizeof b);
    cr_assert(nacre_ct_eq(a, b, sizeof a));
    cr_assert(nacre_ct_eq(a, b, 0));
    for (size_t i = 0; i < 8 * sizeof a; i++) {
        b[i / 8] ^= (uint8_t)(1U << i % 8);
        cr_assert_not(nacre_ct_eq(a, b, sizeof a), "bit %zu", i);
        cr_assert_neq(ncr_ct_diff(a, b, sizeof a), 0, "bit %zu", i);
        cr_assert(nacre_ct_eq(a, b, i / 8));
        b[i / 8] = a[i / 8];
    }
    cr_assert_eq(ncr_ct_diff(a, b, sizeof a), 0);
}

Test(ct, eq_and_select_are_ct)
{
    uint8_t a[32] = {1}, b[32] = {1};
    uint64_t x = 5, y = 7;
    NCR_CT_SECRET(a, sizeof a);
    NCR_CT_SECRET(&x, sizeof x);
    bool same = nacre_ct_eq(a, b, sizeof a);
    uint64_t less = ncr_ct_select64(ncr_ct_mask_lt64(x, y), x, y);
    NCR_CT_PUBLIC(&less, sizeof less);
    cr_assert(same);
    cr_assert_eq(less, 5);
}

/* At every alignment. */
Test(load, byte_order)
{
    static const uint8_t bytes[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    for (size_t at = 0; at < 8; at++) {
        uint8_t p[16] = {0};
        memcpy(p + at, bytes, 8);
        cr_assert_eq(ncr_load32be(p + at), 0x01234567);
        cr_assert_eq(ncr_load32le(p + at), 0x67452301);
        cr_assert_eq(ncr_load64be(p + at), 0x0123456789abcdef);
        cr_assert_eq(ncr_load64le(p + at), 0xefcdab8967452301);
        memset(p, 0, sizeof p);
        ncr_store32be(p + at, 0x01234567);
        cr_assert_arr_eq(p + at, bytes, 4);
        ncr_store32le(p + at, 0x67452301);
        cr_assert_arr_eq(p + at, bytes, 4);
        cr_assert_eq(p[at + 4], 0);
        ncr_store64be(p + at, 0x0123456789abcdef);
        cr_assert_arr_eq(p + at, bytes, 8);
        ncr_store64le(p + at, 0xefcdab8967452301);
        cr_assert_arr_eq(p + at, bytes, 8);
        cr_assert_eq(p[at + 8], 0);
    }
}

Test(load, rotations)
{
    cr_assert_eq(ncr_rotl32(0x80000001, 4), 0x18);
    cr_assert_eq(ncr_rotr32(0x80000001, 4), 0x18000000);
    cr_assert_eq(ncr_rotl64(0x8000000000000001, 4), 0x18);
    cr_assert_eq(ncr_rotr64(0x8000000000000001, 4), 0x1800000000000000);
}

Test(wipe, zeroes_exactly_that_much)
{
    uint8_t p[40];
    for (size_t n = 0; n <= 32; n++) {
        memset(p, 0xff, sizeof p);
        nacre_wipe(p + 4, n);
        for (size_t i = 0; i < sizeof p; i++) {
            cr_assert_eq(p[i], i >= 4 && i - 4 < n ? 0 : 0xff);
        }
    }
    nacre_wipe(NULL, 0);
}
