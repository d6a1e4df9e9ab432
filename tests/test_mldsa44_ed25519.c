/* SPDX-License-Identifier: ISC
 *
 * The composite of ML-DSA-44 and Ed25519 against halves that others signed; then that no half can
 * be left out, swapped or used elsewhere.
 */
#include "crypto/ct.h"
#include "crypto/nacre_crypto.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static uint64_t composite_work[NACRE_MLDSA44_WORK];

static void composite_hash_is(const struct vec *v, const char *key, const uint8_t *p, size_t n)
{
    struct nacre_sha256 c;
    uint8_t digest[NACRE_SHA256_LEN];
    nacre_sha256_init(&c);
    nacre_sha256_update(&c, p, n);
    nacre_sha256_final(digest, &c);
    vec_expect(v, key, digest, sizeof digest);
}

Test(mldsa44_ed25519, openssl)
{
    struct vec v;
    for (vec_open(&v, "mldsa44_ed25519_openssl.txt"); vec_next(&v);) {
        uint8_t pk[NACRE_MLDSA44_ED25519_PK_LEN], sig[NACRE_MLDSA44_ED25519_SIG_LEN];
        size_t ctx_len, n;
        const uint8_t *seed = vec_fixed(&v, "seed", 64), *rnd = vec_fixed(&v, "rnd", 32);
        const uint8_t *ctx = vec_get(&v, "context", &ctx_len), *m = vec_get(&v, "message", &n);
        nacre_mldsa44_ed25519_keygen(pk, seed, composite_work);
        composite_hash_is(&v, "public_hash", pk, sizeof pk);
        cr_assert(nacre_mldsa44_ed25519_sign(sig, seed, ctx, ctx_len, rnd, m, n, composite_work));
        composite_hash_is(&v, "signature_hash", sig, sizeof sig);
        cr_assert(
            nacre_mldsa44_ed25519_verify_vartime(pk, ctx, ctx_len, m, n, sig, composite_work));
    }
    vec_close(&v);
}

struct composite_signed {
    uint8_t seed[64], rnd[32], m[20];
    uint8_t pk[NACRE_MLDSA44_ED25519_PK_LEN];
    uint8_t sig[NACRE_MLDSA44_ED25519_SIG_LEN];
};

static void composite_make(struct composite_signed *s, uint8_t fill)
{
    memset(s, fill, sizeof *s);
    nacre_mldsa44_ed25519_keygen(s->pk, s->seed, composite_work);
    cr_assert(nacre_mldsa44_ed25519_sign(s->sig, s->seed, NULL, 0, s->rnd, s->m, sizeof s->m,
                                         composite_work));
}

static bool composite_good(const struct composite_signed *s)
{
    return nacre_mldsa44_ed25519_verify_vartime(s->pk, NULL, 0, s->m, sizeof s->m, s->sig,
                                                composite_work);
}

static void composite_flip(const struct composite_signed *s, uint8_t *p, size_t n, size_t step)
{
    for (size_t bit = 0; bit < 8 * n; bit += step) {
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_not(composite_good(s), "bit %zu of %zu bytes", bit, n);
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

Test(mldsa44_ed25519, flipped_bits)
{
    struct composite_signed s;
    composite_make(&s, 1);
    cr_assert(composite_good(&s));
    composite_flip(&s, s.sig, 2420, 19);
    composite_flip(&s, s.sig + 2420, 64, 1);
    composite_flip(&s, s.pk, 1312, 19);
    composite_flip(&s, s.pk + 1312, 32, 1);
    composite_flip(&s, s.m, sizeof s.m, 3);
    cr_assert(composite_good(&s));
}

/* Each half of another signature by the same key, or of another key for the same message. */
Test(mldsa44_ed25519, halves_do_not_mix)
{
    struct composite_signed a, b, mixed;
    composite_make(&a, 2);
    composite_make(&b, 3);
    memcpy(b.m, a.m, sizeof b.m);
    cr_assert(
        nacre_mldsa44_ed25519_sign(b.sig, b.seed, NULL, 0, b.rnd, b.m, sizeof b.m, composite_work));
    cr_assert(composite_good(&a) && composite_good(&b));
    mixed = a;
    memcpy(mixed.sig + 2420, b.sig + 2420, 64);
    cr_assert_not(composite_good(&mixed));
    memcpy(mixed.pk + 1312, b.pk + 1312, 32);
    cr_assert(composite_good(&mixed), "the key that has both halves");
    mixed = a;
    memcpy(mixed.sig, b.sig, 2420);
    cr_assert_not(composite_good(&mixed));
    memset(mixed.sig, 0, sizeof mixed.sig);
    cr_assert_not(composite_good(&mixed));
}

/* A half that signs the message itself, or what the other half signs but without the label. */
Test(mldsa44_ed25519, halves_sign_nothing_else)
{
    static const uint8_t label[] = "COMPSIG-MLDSA44-Ed25519-SHA512";
    struct composite_signed s, other;
    struct nacre_ed25519_key k;
    composite_make(&s, 4);
    cr_assert_not(
        nacre_mldsa44_verify_vartime(s.pk, NULL, 0, s.m, sizeof s.m, s.sig, composite_work));
    cr_assert_not(
        nacre_mldsa44_verify_vartime(s.pk, label, 30, s.m, sizeof s.m, s.sig, composite_work));
    cr_assert_not(nacre_ed25519_verify_vartime(s.pk + 1312, s.m, sizeof s.m, s.sig + 2420));
    other = s;
    nacre_ed25519_key_init(&k, s.seed + 32);
    nacre_ed25519_sign(other.sig + 2420, &k, s.m, sizeof s.m);
    cr_assert_not(composite_good(&other));
    other = s;
    cr_assert(
        nacre_mldsa44_sign(other.sig, s.seed, label, 30, s.rnd, s.m, sizeof s.m, composite_work));
    cr_assert_not(composite_good(&other));
}

Test(mldsa44_ed25519, contexts)
{
    static const uint8_t zero[NACRE_MLDSA44_ED25519_SIG_LEN];
    struct composite_signed s;
    uint8_t ctx[256];
    memset(ctx, 5, sizeof ctx);
    composite_make(&s, 5);
    for (size_t n = 0; n <= 255; n += n < 2 ? 1 : 253) {
        cr_assert(nacre_mldsa44_ed25519_sign(s.sig, s.seed, ctx, n, s.rnd, s.m, 9, composite_work));
        for (size_t other = 0; other <= 256; other++) {
            cr_assert_eq(nacre_mldsa44_ed25519_verify_vartime(s.pk, ctx, other, s.m, 9, s.sig,
                                                              composite_work),
                         other == n);
        }
    }
    cr_assert_not(
        nacre_mldsa44_ed25519_sign(s.sig, s.seed, ctx, 256, s.rnd, s.m, 9, composite_work));
    cr_assert_arr_eq(s.sig, zero, sizeof s.sig);
}

Test(mldsa44_ed25519, ct_keygen_and_sign)
{
    struct composite_signed s;
    memset(&s, 6, sizeof s);
    NCR_CT_SECRET(s.seed, sizeof s.seed);
    NCR_CT_SECRET(s.rnd, sizeof s.rnd);
    nacre_mldsa44_ed25519_keygen(s.pk, s.seed, composite_work);
    cr_assert(
        nacre_mldsa44_ed25519_sign(s.sig, s.seed, NULL, 0, s.rnd, s.m, sizeof s.m, composite_work));
    cr_assert(composite_good(&s));
    for (size_t i = 0; i < NACRE_MLDSA44_WORK; i++) {
        cr_assert_eq(composite_work[i], 0);
    }
}
