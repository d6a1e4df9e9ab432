/* SPDX-License-Identifier: ISC
 *
 * X25519 against RFC 7748, against values computed with Python integers (points of small order,
 * values from p on, scalars that clamping changes), its two ways to multiples of the base point
 * against each other, and each fast twin against the portable code on random calls.
 */
#include "crypto/cpu.h"
#include "crypto/ct.h"
#include "crypto/fe25519.h"
#include "crypto/nacre_crypto.h"
/* its arithmetic is seen by this file alone */
#include "crypto/x25519_adx.c"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t x25519_test_nine[32] = {9};

/* The forms below the best: MULX and ADX, and none. */
static const uint32_t x25519_test_forms[2] = {NCR_CPU_ADX, 0};

/* The shared secret by all ways of giving the place for it, and without fast twins, with the scalar
 * marked as secret. Returns what nacre_x25519 does. */
static bool x25519_test_shared(uint8_t shared[32], const uint8_t scalar[32],
                               const uint8_t point[32])
{
    uint8_t k[32], in_scalar[32], in_point[32], slow[32];
    memcpy(k, scalar, 32);
    memcpy(in_scalar, scalar, 32);
    memcpy(in_point, point, 32);
    NCR_CT_SECRET(k, sizeof k);
    NCR_CT_SECRET(in_scalar, sizeof in_scalar);
    bool ok = nacre_x25519(shared, k, point);
    cr_assert_eq(nacre_x25519(in_scalar, in_scalar, point), ok);
    cr_assert_eq(nacre_x25519(in_point, k, in_point), ok);
    const uint32_t features = ncr_cpu();
    for (size_t i = 0; i < 2; i++) {
        ncr_cpu_restrict(features & x25519_test_forms[i]);
        cr_assert_eq(nacre_x25519(slow, k, point), ok);
        NCR_CT_PUBLIC(shared, 32);
        NCR_CT_PUBLIC(slow, 32);
        cr_assert_arr_eq(slow, shared, 32);
    }
    ncr_cpu_restrict(features);
    NCR_CT_PUBLIC(in_scalar, 32);
    NCR_CT_PUBLIC(in_point, 32);
    cr_assert_arr_eq(in_scalar, shared, 32);
    cr_assert_arr_eq(in_point, shared, 32);
    return ok;
}

static void x25519_test_public(uint8_t pub[32], const uint8_t scalar[32])
{
    uint8_t k[32];
    memcpy(k, scalar, 32);
    NCR_CT_SECRET(k, sizeof k);
    nacre_x25519_base(pub, k);
    nacre_x25519_base(k, k);
    cr_assert_arr_eq(k, pub, 32);
}

static void x25519_test_iterate(const struct vec *v, uint64_t n)
{
    uint8_t k[32] = {9}, u[32] = {9}, r[32];
    for (uint64_t i = 0; i < n; i++) {
        cr_assert(nacre_x25519(r, k, u));
        memcpy(u, k, 32);
        memcpy(k, r, 32);
    }
    vec_expect(v, "iterated", k, 32);
}

static void x25519_test_exchange(const struct vec *v)
{
    const uint8_t *a = vec_fixed(v, "alice_private", 32);
    const uint8_t *b = vec_fixed(v, "bob_private", 32);
    uint8_t pub[32], shared[32];
    x25519_test_public(pub, a);
    vec_expect(v, "alice_public", pub, 32);
    cr_assert(x25519_test_shared(shared, b, pub));
    vec_expect(v, "secret", shared, 32);
    x25519_test_public(pub, b);
    vec_expect(v, "bob_public", pub, 32);
    cr_assert(x25519_test_shared(shared, a, pub));
    vec_expect(v, "secret", shared, 32);
}

Test(x25519_rfc7748, vectors)
{
    struct vec v;
    for (vec_open(&v, "x25519_rfc7748.txt"); vec_next(&v);) {
        uint8_t shared[32];
        if (vec_has(&v, "iterated")) {
            uint64_t n = vec_uint(&v, "iterations");
            if (n <= 1000) {
                x25519_test_iterate(&v, n);
            }
        } else if (vec_has(&v, "secret")) {
            x25519_test_exchange(&v);
        } else {
            cr_assert(x25519_test_shared(shared, vec_fixed(&v, "scalar", 32),
                                         vec_fixed(&v, "point", 32)));
            vec_expect(&v, "shared", shared, 32);
        }
    }
    vec_close(&v);
}

Test(x25519_rfc7748, million_iterations)
{
    struct vec v;
    const char *slow = getenv("NACRE_SLOW");
    if (slow == NULL || strcmp(slow, "1") != 0) {
        cr_skip_test("half a minute and more: set NACRE_SLOW=1");
    }
    for (vec_open(&v, "x25519_rfc7748.txt"); vec_next(&v);) {
        if (vec_has(&v, "iterated") && vec_uint(&v, "iterations") > 1000) {
            x25519_test_iterate(&v, vec_uint(&v, "iterations"));
        }
    }
    vec_close(&v);
}

/* Points of small order are refused, values from p on reduced. */
Test(s26, small_orders_and_noncanonical_points)
{
    static const uint8_t zero[32];
    struct vec v;
    for (vec_open(&v, "x25519_edge.txt"); vec_next(&v);) {
        uint8_t shared[32];
        bool refused = memcmp(vec_fixed(&v, "shared", 32), zero, 32) == 0;
        bool ok =
            x25519_test_shared(shared, vec_fixed(&v, "scalar", 32), vec_fixed(&v, "point", 32));
        vec_expect(&v, "shared", shared, 32);
        cr_assert_eq(ok, !refused, "line %u", v.line);
    }
    vec_close(&v);
}

/* Clamping: three bits below and two above do not count. */
Test(x25519, clamped_bits)
{
    uint8_t k[32], want[32], got[32];
    memset(k, 0x5a, 32);
    x25519_test_public(want, k);
    for (int bit = 0; bit < 256; bit++) {
        bool ignored = bit < 3 || bit >= 254;
        k[bit / 8] ^= (uint8_t)(1 << bit % 8);
        x25519_test_public(got, k);
        cr_assert_eq(memcmp(got, want, 32) == 0, ignored, "bit %d", bit);
        k[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* The ladder and the table agree; scalars follow from one another. */
Test(x25519, base_is_ladder_from_nine)
{
    uint8_t k[32] = {0}, shared[32], pub[32];
    for (int i = 0; i < 200; i++) {
        x25519_test_public(pub, k);
        cr_assert(x25519_test_shared(shared, k, x25519_test_nine));
        cr_assert_arr_eq(pub, shared, 32, "round %d", i);
        for (int j = 0; j < 32; j++) {
            k[j] = (uint8_t)(i == 0 ? 0xff : k[j] * 5 + pub[j]);
        }
    }
}

/* Scalar and point are secret, in each form. */
static void x25519_test_secrets(uint32_t features)
{
    uint8_t k[32], u[32], shared[32], pub[32];
    ncr_cpu_restrict(features);
    memset(k, 0x5a, sizeof k);
    memset(u, 0xa5, sizeof u);
    NCR_CT_SECRET(k, sizeof k);
    NCR_CT_SECRET(u, sizeof u);
    cr_assert(nacre_x25519(shared, k, u));
    nacre_x25519_base(pub, k);
    NCR_CT_PUBLIC(shared, sizeof shared);
    cr_assert(memcmp(shared, pub, sizeof shared) != 0);
}

Test(x25519, ct_in_scalar_and_point)
{
    const uint32_t features = ncr_cpu();
    x25519_test_secrets(features);
    x25519_test_secrets(features & NCR_CPU_ADX);
    x25519_test_secrets(0);
}

/* The number of calls on random input: NACRE_TWIN_CALLS, or so many. */
static unsigned long x25519_test_calls(unsigned long unless_told)
{
    const char *calls = getenv("NACRE_TWIN_CALLS");
    return calls != NULL ? strtoul(calls, NULL, 10) : unless_told;
}

/* The ladder with the fast twin and without on random calls, some with long runs of equal bits. */
static void x25519_test_twin(uint32_t feature, const char *name)
{
    uint8_t k[32] = {1}, u[32] = {9}, shared[32], slow[32];
    if ((ncr_cpu() & feature) == 0) {
        cr_skip_test("no %s here", name);
    }
    for (unsigned long i = 0, n = x25519_test_calls(5000); i < n; i++) {
        ncr_cpu_restrict(feature);
        bool ok = nacre_x25519(shared, k, u);
        ncr_cpu_restrict(0);
        cr_assert_eq(nacre_x25519(slow, k, u), ok);
        cr_assert_arr_eq(shared, slow, 32, "call %lu", i);
        memcpy(i % 2 == 0 ? u : k, shared, 32);
        memset(i % 3 == 0 ? u : k, i % 4 < 2 ? 0xff : 0, i % 32);
    }
}

Test(x25519, twin_ifma)
{
    x25519_test_twin(NCR_CPU_IFMA, "AVX-512 IFMA");
}

Test(x25519, twin_adx)
{
    x25519_test_twin(NCR_CPU_ADX, "ADX");
}

#if NCR_X86 && NCR_INT128
/* Words that are random or at a border: of carries, and of 38 times what is above 2^256. */
static void x25519_test_words(uint64_t w[4])
{
    static uint64_t seed = 0x9e3779b97f4a7c15;
    for (int i = 0; i < 4; i++) {
        seed ^= seed << 13; /* Marsaglia's xorshift64 */
        seed ^= seed >> 7;
        seed ^= seed << 17;
        const uint64_t kind = seed >> 61, small = seed >> 20 & 0x7f;
        w[i] = kind == 0 ? small : kind < 4 ? 0 - small - (kind == 1) : kind == 4 ? 0 : seed;
    }
}

static void x25519_test_element(struct ncr_fe25519 *r, const uint64_t w[4])
{
    ncr_fe25519_from_words(r, w);
    r->v[0] += 19 * (w[3] >> 63);
}

static void x25519_test_same(const uint64_t got[4], const struct ncr_fe25519 *want)
{
    struct ncr_fe25519 x;
    uint64_t a[4], b[4];
    x25519_test_element(&x, got);
    ncr_fe25519_to_words(a, &x);
    ncr_fe25519_to_words(b, want);
    cr_assert_arr_eq(a, b, sizeof a);
}

/* The twin's arithmetic against that of fe25519_64.c. */
Test(x25519, twin_adx_arithmetic)
{
    if ((ncr_cpu() & NCR_CPU_ADX) == 0) {
        cr_skip_test("no ADX here");
    }
    for (unsigned long i = x25519_test_calls(20000); i > 0; i--) {
        struct ncr_fe25519 x, y, z, want;
        uint64_t a[4], b[4], got[4];
        x25519_test_words(a);
        x25519_test_words(b);
        x25519_test_element(&x, a);
        x25519_test_element(&y, b);
        x25519_adx_mul(got, a, b);
        ncr_fe25519_mul(&want, &x, &y);
        x25519_test_same(got, &want);
        x25519_adx_sqr(got, a);
        ncr_fe25519_sq(&want, &x);
        x25519_test_same(got, &want);
        x25519_adx_add(got, a, b);
        ncr_fe25519_add(&want, &x, &y);
        x25519_test_same(got, &want);
        x25519_adx_sub(got, a, b);
        ncr_fe25519_sub(&want, &x, &y);
        x25519_test_same(got, &want);
        x25519_adx_mul_a24_add(got, a, b);
        ncr_fe25519_mul_small(&z, &x, X25519_ADX_A24);
        ncr_fe25519_add(&want, &z, &y);
        x25519_test_same(got, &want);
        x25519_adx_select(got, a, b, i % 2 == 0 ? 0 : UINT64_MAX);
        cr_assert_arr_eq(got, i % 2 == 0 ? a : b, sizeof got);
    }
}
#endif
