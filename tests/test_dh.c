/* SPDX-License-Identifier: ISC
 *
 * Diffie-Hellman: the groups against their formula, exchanges against OpenSSL, and what is refused
 * of a peer.
 */
#include "crypto/ct.h"
#include "crypto/nacre_crypto.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
    unsigned number;
    const struct nacre_dh_group *group;
} dh_test_groups[] = {
    {1, &nacre_dh_group1},   {14, &nacre_dh_group14}, {15, &nacre_dh_group15},
    {16, &nacre_dh_group16}, {17, &nacre_dh_group17}, {18, &nacre_dh_group18},
};
enum { DH_TEST_GROUPS = sizeof dh_test_groups / sizeof *dh_test_groups };

static uint64_t dh_test_work[NACRE_DH_WORK];

static const struct nacre_dh_group *dh_test_group(uint64_t number)
{
    for (size_t i = 0; i < DH_TEST_GROUPS; i++) {
        if (dh_test_groups[i].number == number) {
            return dh_test_groups[i].group;
        }
    }
    cr_assert_fail("group %llu", (unsigned long long)number);
    return NULL;
}

static struct nacre_num dh_test_num(const struct vec *v, const char *key)
{
    struct nacre_num x;
    x.p = vec_get(v, key, &x.n);
    return x;
}

Test(dh, groups_are_those_of_the_formula)
{
    struct vec v;
    for (vec_open(&v, "dh_openssl.txt"); vec_next(&v);) {
        const struct nacre_dh_group *group = dh_test_group(vec_uint(&v, "group"));
        vec_expect(&v, "p", group->p.p, group->p.n);
        cr_assert_eq(group->bits, vec_uint(&v, "bits"));
        cr_assert_eq(group->bits, 8 * group->p.n);
        cr_assert_eq(group->g.n, 1);
        cr_assert_eq(group->g.p[0], 2);
        cr_assert(nacre_dh_group_ok_vartime(group->p, group->g, 1024));
        cr_assert(nacre_dh_group_ok_vartime(group->p, group->g, group->bits));
        cr_assert_not(nacre_dh_group_ok_vartime(group->p, group->g, group->bits + 1));
    }
    vec_close(&v);
}

Test(dh, ct_exchanges)
{
    struct vec v;
    for (vec_open(&v, "dh_openssl.txt"); vec_next(&v);) {
        const struct nacre_dh_group *group = dh_test_group(vec_uint(&v, "group"));
        struct nacre_num x = dh_test_num(&v, "x"), peer = dh_test_num(&v, "peer");
        static uint8_t secret[NACRE_DH_LEN_MAX], out[NACRE_DH_LEN_MAX];
        memcpy(secret, x.p, x.n);
        x.p = secret;
        NCR_CT_SECRET(secret, x.n);
        cr_assert(nacre_dh_public(out, group, x, dh_test_work));
        NCR_CT_PUBLIC(out, group->p.n);
        vec_expect(&v, "public", out, group->p.n);
        cr_assert(nacre_dh_shared(out, group, x, peer, dh_test_work));
        NCR_CT_PUBLIC(out, group->p.n);
        vec_expect(&v, "shared", out, group->p.n);
        NCR_CT_PUBLIC(secret, sizeof secret);
    }
    vec_close(&v);
}

/* Two sides that have exchanged public values, with exponents of all bits and of few. */
Test(dh, both_sides_agree)
{
    for (size_t i = 0; i < DH_TEST_GROUPS; i++) {
        const struct nacre_dh_group *group = dh_test_groups[i].group;
        static uint8_t a[64], b[64], pub_a[1024], pub_b[1024], k_a[1024], k_b[1024];
        struct nacre_num xa = {a, 64}, xb = {b, 64}, pa = {pub_a, group->p.n},
                         pb = {pub_b, group->p.n};
        memset(a, 0xff, sizeof a);
        memset(b, (int)i, sizeof b);
        b[63] = 5;
        cr_assert(nacre_dh_public(pub_a, group, xa, dh_test_work));
        cr_assert(nacre_dh_public(pub_b, group, xb, dh_test_work));
        cr_assert(nacre_dh_shared(k_a, group, xa, pb, dh_test_work));
        cr_assert(nacre_dh_shared(k_b, group, xb, pa, dh_test_work));
        cr_assert_arr_eq(k_a, k_b, group->p.n);
    }
}

/* p plus a small number, as many bytes as p and one more. */
static struct nacre_num dh_test_near(uint8_t out[NACRE_DH_LEN_MAX + 1],
                                     const struct nacre_dh_group *group, int add)
{
    struct nacre_num y = {out, group->p.n + 1};
    out[0] = 0;
    memcpy(out + 1, group->p.p, group->p.n);
    for (size_t i = y.n; i-- > 0 && add != 0;) {
        int sum = out[i] + add;
        out[i] = (uint8_t)sum;
        add = sum > 255 ? 1 : sum < 0 ? -1 : 0;
    }
    return y;
}

static bool dh_test_taken(const struct nacre_dh_group *group, struct nacre_num peer)
{
    static const uint8_t x[] = {0x10, 0x01}, zero[NACRE_DH_LEN_MAX];
    static uint8_t k[NACRE_DH_LEN_MAX];
    struct nacre_num nx = {x, sizeof x};
    memset(k, 0xa5, sizeof k);
    bool ok = nacre_dh_shared(k, group, nx, peer, dh_test_work);
    cr_assert_eq(memcmp(k, zero, group->p.n) == 0, !ok, "zeros exactly on failure");
    return ok;
}

/* 0, 1, p - 1, p and more are refused, 2 and p - 2 are not; leading zeros mean nothing. */
Test(s23, peer_values_at_the_borders)
{
    static const uint8_t small[] = {0, 0, 0, 0, 1, 0, 2};
    for (size_t i = 0; i < DH_TEST_GROUPS; i++) {
        const struct nacre_dh_group *group = dh_test_groups[i].group;
        uint8_t near[NACRE_DH_LEN_MAX + 1];
        struct nacre_num none = {NULL, 0}, zero = {small, 4}, one = {small, 5},
                         one_byte = {small + 4, 1}, two = {small + 5, 2}, two_byte = {small + 6, 1};
        cr_assert_not(dh_test_taken(group, none));
        cr_assert_not(dh_test_taken(group, zero));
        cr_assert_not(dh_test_taken(group, one));
        cr_assert_not(dh_test_taken(group, one_byte));
        cr_assert(dh_test_taken(group, two));
        cr_assert(dh_test_taken(group, two_byte));
        for (int add = -3; add <= 4; add++) {
            struct nacre_num y = dh_test_near(near, group, add);
            cr_assert_eq(dh_test_taken(group, y), add < -1, "p %+d", add);
        }
        memset(near, 0xff, sizeof near);
        struct nacre_num longer = {near, group->p.n + 1};
        cr_assert_not(dh_test_taken(group, longer));
    }
}

/* What a peer may bring as a group: RFC 4419, S24 of the list of attacks. */
Test(s24, groups_of_a_peer)
{
    static uint8_t p[NACRE_DH_LEN_MAX + 2];
    static const uint8_t two[] = {0, 2}, one[] = {0, 1};
    struct nacre_num g = {two, 2}, g1 = {one, 2}, none = {NULL, 0};
    const struct nacre_dh_group *group = &nacre_dh_group14;
    cr_assert(nacre_dh_group_ok_vartime(group->p, g, 0));
    cr_assert_not(nacre_dh_group_ok_vartime(group->p, g1, 0));
    cr_assert_not(nacre_dh_group_ok_vartime(group->p, none, 0));
    cr_assert_not(nacre_dh_group_ok_vartime(none, g, 0));
    for (int add = -3; add <= 2; add++) {
        uint8_t near[NACRE_DH_LEN_MAX + 1];
        struct nacre_num y = dh_test_near(near, group, add);
        cr_assert_eq(nacre_dh_group_ok_vartime(group->p, y, 0), add < -1, "g = p %+d", add);
        cr_assert_eq(nacre_dh_group_ok_vartime(y, g, 0), add % 2 == 0, "p %+d", add);
    }
    memset(p, 0xff, sizeof p);
    for (size_t bits = 8; bits <= 8 * sizeof p; bits++) {
        struct nacre_num y = {p + sizeof p - (bits + 7) / 8, (bits + 7) / 8};
        uint8_t *top = p + sizeof p - (bits + 7) / 8;
        *top = (uint8_t)(0xff >> (8 * y.n - bits));
        cr_assert_eq(nacre_dh_group_ok_vartime(y, g, 0), bits >= 1024 && bits <= 8192, "%zu", bits);
        cr_assert_eq(nacre_dh_group_ok_vartime(y, g, 2048), bits >= 2048 && bits <= 8192);
        cr_assert_eq(nacre_dh_group_ok_vartime(y, g, 8192), bits == 8192);
        *top = 0xff;
    }
}
