/* SPDX-License-Identifier: ISC
 *
 * Ed25519 against RFC 8032, against constructed signatures that must or must not verify (S from L
 * on, small and mixed orders, encodings that are not canonical), and under every flipped bit.
 */
#include "crypto/cpu.h"
#include "crypto/ct.h"
#include "crypto/nacre_crypto.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static void ed25519_test_key(struct nacre_ed25519_key *k, const uint8_t seed[32])
{
    uint8_t secret[32];
    memcpy(secret, seed, 32);
    NCR_CT_SECRET(secret, sizeof secret);
    nacre_ed25519_key_init(k, secret);
}

Test(ed25519_rfc8032, vectors)
{
    struct vec v;
    unsigned n_records = 0;
    for (vec_open(&v, "ed25519_rfc8032.txt"); vec_next(&v); n_records++) {
        struct nacre_ed25519_key k;
        uint8_t sig[64];
        size_t n;
        const uint8_t *m = vec_get(&v, "message", &n);
        ed25519_test_key(&k, vec_fixed(&v, "seed", 32));
        vec_expect(&v, "public", k.pub, 32);
        nacre_ed25519_sign(sig, &k, m, n);
        vec_expect(&v, "signature", sig, 64);
        cr_assert(nacre_ed25519_verify_vartime(k.pub, m, n, sig), "line %u", v.line);
        cr_assert(nacre_ed25519_trustworthy_vartime(k.pub), "line %u", v.line);
    }
    vec_close(&v);
    cr_assert_eq(n_records, 5);
}

/* S from L on, small and mixed orders, encodings that are not canonical. */
Test(s32, strict_verification_and_trust)
{
    struct vec v;
    for (vec_open(&v, "ed25519_edge.txt"); vec_next(&v);) {
        const uint8_t *pub = vec_fixed(&v, "public", 32);
        size_t n;
        if (vec_has(&v, "trustworthy")) {
            bool want = vec_uint(&v, "trustworthy") != 0;
            cr_assert_eq(nacre_ed25519_trustworthy_vartime(pub), want, "line %u", v.line);
        } else {
            bool want = vec_uint(&v, "valid") != 0;
            const uint8_t *m = vec_get(&v, "message", &n);
            const uint8_t *sig = vec_fixed(&v, "signature", 64);
            const uint32_t features = ncr_cpu();
            cr_assert_eq(nacre_ed25519_verify_vartime(pub, m, n, sig), want, "line %u", v.line);
            ncr_cpu_restrict(0);
            cr_assert_eq(nacre_ed25519_verify_vartime(pub, m, n, sig), want, "line %u", v.line);
            ncr_cpu_restrict(features);
        }
    }
    vec_close(&v);
}

struct ed25519_test_signed {
    struct nacre_ed25519_key k;
    uint8_t m[100];
    uint8_t sig[64];
};

static void ed25519_test_sign(struct ed25519_test_signed *s)
{
    static const uint8_t seed[32] = {1, 2, 3, 4, 5, 6, 7, 8};
    ed25519_test_key(&s->k, seed);
    for (size_t i = 0; i < sizeof s->m; i++) {
        s->m[i] = (uint8_t)(i * 11);
    }
    nacre_ed25519_sign(s->sig, &s->k, s->m, sizeof s->m);
    cr_assert(nacre_ed25519_verify_vartime(s->k.pub, s->m, sizeof s->m, s->sig));
}

/* Every bit of the n bytes at p, which are part of s. */
static void ed25519_test_flip(const struct ed25519_test_signed *s, uint8_t *p, size_t n)
{
    for (size_t bit = 0; bit < 8 * n; bit++) {
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_not(nacre_ed25519_verify_vartime(s->k.pub, s->m, sizeof s->m, s->sig),
                      "bit %zu of %zu bytes", bit, n);
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

Test(ed25519, flipped_bits)
{
    struct ed25519_test_signed s;
    ed25519_test_sign(&s);
    ed25519_test_flip(&s, s.sig, sizeof s.sig);
    ed25519_test_flip(&s, s.k.pub, sizeof s.k.pub);
    ed25519_test_flip(&s, s.m, sizeof s.m);
}

Test(s32, other_lengths_of_message)
{
    struct ed25519_test_signed s;
    ed25519_test_sign(&s);
    for (size_t n = 0; n < sizeof s.m; n++) {
        cr_assert_not(nacre_ed25519_verify_vartime(s.k.pub, s.m, n, s.sig), "%zu", n);
    }
    /* one byte less, so that there is one more to take in */
    nacre_ed25519_sign(s.sig, &s.k, s.m, sizeof s.m - 1);
    cr_assert_not(nacre_ed25519_verify_vartime(s.k.pub, s.m, sizeof s.m, s.sig));
}

/* A message of every length from 0 on, each signature for its own message and key alone. */
Test(ed25519, signed_messages_verify)
{
    uint8_t seed[32] = {0}, m[300] = {0}, sig[64], other[64] = {0};
    for (size_t n = 0; n < sizeof m; n += 1 + n / 8) {
        struct nacre_ed25519_key k;
        ed25519_test_key(&k, seed);
        nacre_ed25519_sign(sig, &k, m, n);
        cr_assert(nacre_ed25519_verify_vartime(k.pub, m, n, sig), "%zu", n);
        cr_assert_not(nacre_ed25519_verify_vartime(k.pub, m, n, other), "%zu", n);
        memcpy(other, sig, 64);
        memcpy(seed, sig, 32);
        memcpy(m + n / 2, sig, n - n / 2 < 64 ? n - n / 2 : 64);
    }
}

Test(ed25519, places_may_overlap)
{
    struct ed25519_test_signed s;
    struct nacre_ed25519_key k;
    ed25519_test_sign(&s);
    /* the signature over the start, or the middle, of its message */
    for (size_t at = 0; at <= 36; at += 12) {
        uint8_t m[100];
        memcpy(m, s.m, sizeof m);
        nacre_ed25519_sign(m + at, &s.k, m, sizeof m);
        cr_assert_arr_eq(m + at, s.sig, 64, "at %zu", at);
    }
    /* the seed in each part of the key */
    uint8_t *const place[3] = {k.scalar, k.prefix, k.pub};
    for (int i = 0; i < 3; i++) {
        memcpy(place[i], s.m, 32);
        nacre_ed25519_key_init(&k, place[i]);
        ed25519_test_key(&s.k, s.m);
        cr_assert(nacre_ct_eq(&k, &s.k, sizeof k), "place %d", i);
    }
}

Test(ed25519, ct_in_seed_and_message)
{
    struct nacre_ed25519_key k;
    uint8_t seed[32] = {1}, m[100] = {2}, sig[64];
    NCR_CT_SECRET(m, sizeof m);
    ed25519_test_key(&k, seed);
    nacre_ed25519_sign(sig, &k, m, sizeof m);
    NCR_CT_PUBLIC(m, sizeof m);
    cr_assert(nacre_ed25519_verify_vartime(k.pub, m, sizeof m, sig));
}
