/* SPDX-License-Identifier: ISC
 *
 * Keys, Diffie-Hellman and signatures on the NIST curves: RFC 6979, OpenSSL's values, and
 * constructed ones at the borders of every range; flipped bits; broken sources of randomness. Each
 * in every form of the field that this CPU has.
 */
#include "crypto/cpu.h"
#include "crypto/ct.h"
#include "crypto/nacre_crypto.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static uint64_t ecdsa_test_work[NACRE_EC_WORK];

/* Chooses a form of the field: 0 with the fast twins that may be used, 1 without if there are any;
 * false: no such form. */
static bool ecdsa_test_form(int form)
{
    static uint32_t allowed;
    allowed |= ncr_cpu() | NCR_CPU_KNOWN;
    ncr_cpu_restrict(form == 0 ? allowed & NCR_CPU_ALL : 0);
    return form == 0 || (form == 1 && (allowed & NCR_CPU_ADX) != 0);
}

/* Nothing is left in work. */
static void ecdsa_test_wiped(void)
{
    for (size_t i = 0; i < NACRE_EC_WORK; i++) {
        cr_assert_eq(ecdsa_test_work[i], 0, "word %zu", i);
    }
}

static const struct nacre_curve *ecdsa_test_curve(const struct vec *v)
{
    switch (vec_uint(v, "curve")) {
    case 256:
        return &nacre_p256;
    case 384:
        return &nacre_p384;
    default:
        return &nacre_p521;
    }
}

static const struct nacre_hash *ecdsa_test_hash(const struct vec *v)
{
    switch (vec_uint(v, "hash")) {
    case 256:
        return &nacre_hash_sha256;
    case 384:
        return &nacre_hash_sha384;
    default:
        return &nacre_hash_sha512;
    }
}

static bool ecdsa_test_zero(const uint8_t *p, size_t n)
{
    while (n > 0 && *p == 0) {
        p++;
        n--;
    }
    return n == 0;
}

/* ---- Keys and shared secrets --------------------------------------------------------------- */

static unsigned ecdsa_test_public(void)
{
    struct vec v;
    unsigned n_records = 0;
    for (vec_open(&v, "ecp_openssl.txt"); vec_next(&v); n_records++) {
        const struct nacre_curve *c = ecdsa_test_curve(&v);
        const size_t len = nacre_ec_len(c);
        uint8_t point[NACRE_EC_POINT_MAX];
        memset(point, 0xa5, sizeof point);
        const bool ok = nacre_ec_public(point, c, vec_fixed(&v, "scalar", len), ecdsa_test_work);
        cr_assert_eq(ok, vec_has(&v, "point"), "line %u", v.line);
        if (ok) {
            vec_expect(&v, "point", point, 1 + 2 * len);
            cr_assert(nacre_ec_check_vartime(c, point, 1 + 2 * len), "line %u", v.line);
        } else {
            cr_assert(ecdsa_test_zero(point, 1 + 2 * len), "line %u", v.line);
        }
        ecdsa_test_wiped();
    }
    vec_close(&v);
    return n_records;
}

Test(ecdsa, multiples_of_the_base_points)
{
    for (int form = 0; ecdsa_test_form(form); form++) {
        cr_assert_gt(ecdsa_test_public(), 180);
    }
}

/* RFC 5656 section 4: points off the curve, compressed, hybrid, of other curves, over p. */
static unsigned ecdsa_test_ecdh(void)
{
    struct vec v;
    unsigned n_records = 0;
    for (vec_open(&v, "ecdh_openssl.txt"); vec_next(&v); n_records++) {
        const struct nacre_curve *c = ecdsa_test_curve(&v);
        const size_t len = nacre_ec_len(c);
        uint8_t shared[NACRE_EC_LEN_MAX];
        size_t n;
        const uint8_t *point = vec_get(&v, "point", &n);
        memset(shared, 0xa5, sizeof shared);
        const bool ok =
            nacre_ecdh(shared, c, vec_fixed(&v, "scalar", len), point, n, ecdsa_test_work);
        cr_assert_eq(ok, vec_has(&v, "shared"), "line %u", v.line);
        if (ok) {
            vec_expect(&v, "shared", shared, len);
            cr_assert(nacre_ec_check_vartime(c, point, n), "line %u", v.line);
        } else {
            cr_assert(ecdsa_test_zero(shared, len), "line %u", v.line);
        }
        ecdsa_test_wiped();
    }
    vec_close(&v);
    return n_records;
}

Test(s25, points_of_a_peer)
{
    for (int form = 0; ecdsa_test_form(form); form++) {
        cr_assert_gt(ecdsa_test_ecdh(), 130);
    }
}

/* Every bit of a point that is on the curve. */
Test(s25, points_with_a_flipped_bit)
{
    static const struct nacre_curve *const curves[3] = {&nacre_p256, &nacre_p384, &nacre_p521};
    for (int i = 0; i < 3; i++) {
        const size_t len = nacre_ec_len(curves[i]), n = 1 + 2 * len;
        uint8_t priv[NACRE_EC_LEN_MAX] = {0}, point[NACRE_EC_POINT_MAX + 1] = {0};
        priv[len - 1] = 7;
        cr_assert(nacre_ec_public(point, curves[i], priv, ecdsa_test_work));
        for (size_t bit = 0; bit < 8 * n; bit++) {
            point[bit / 8] ^= (uint8_t)(1 << bit % 8);
            cr_assert_not(nacre_ec_check_vartime(curves[i], point, n), "bit %zu", bit);
            point[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        cr_assert_not(nacre_ec_check_vartime(curves[i], NULL, 0));
        for (size_t other = 0; other <= n + 1; other++) {
            cr_assert_eq(nacre_ec_check_vartime(curves[i], point, other), other == n);
        }
    }
}

/* Both sides of an exchange. */
Test(ecdsa, shared_by_both)
{
    static const struct nacre_curve *const curves[3] = {&nacre_p256, &nacre_p384, &nacre_p521};
    for (int i = 0; i < 3; i++) {
        const size_t len = nacre_ec_len(curves[i]), n = 1 + 2 * len;
        uint8_t a[NACRE_EC_LEN_MAX], b[NACRE_EC_LEN_MAX], pa[NACRE_EC_POINT_MAX];
        uint8_t pb[NACRE_EC_POINT_MAX], ka[NACRE_EC_LEN_MAX], kb[NACRE_EC_LEN_MAX];
        for (int round = 0; round < 10; round++) {
            cr_assert(nacre_ec_keygen(a, pa, curves[i], &nacre_rng_os, ecdsa_test_work));
            cr_assert(nacre_ec_keygen(b, pb, curves[i], &nacre_rng_os, ecdsa_test_work));
            cr_assert(nacre_ecdh(ka, curves[i], a, pb, n, ecdsa_test_work));
            cr_assert(nacre_ecdh(kb, curves[i], b, pa, n, ecdsa_test_work));
            cr_assert_arr_eq(ka, kb, len);
            cr_assert_neq(memcmp(pa, pb, n), 0);
        }
    }
}

/* A source that gives the bytes of a list of scalars' tops, and then fails. */
struct ecdsa_test_source {
    const uint8_t *byte; /* each fill is of one byte's value */
    size_t left;
};

static bool ecdsa_test_fill(void *ctx, uint8_t *out, size_t n)
{
    struct ecdsa_test_source *s = ctx;
    if (s->left == 0) {
        return false;
    }
    memset(out, *s->byte++, n);
    s->left--;
    return true;
}

Test(ecdsa, keys_from_broken_sources)
{
    static const struct nacre_curve *const curves[3] = {&nacre_p256, &nacre_p384, &nacre_p521};
    static const uint8_t tries[3] = {0xff, 0x00, 0x01};
    static const uint8_t stuck[200];
    for (int i = 0; i < 3; i++) {
        const size_t len = nacre_ec_len(curves[i]);
        uint8_t priv[NACRE_EC_LEN_MAX], point[NACRE_EC_POINT_MAX], want[NACRE_EC_LEN_MAX];
        memset(want, 1, sizeof want);
        for (size_t n = 0; n <= 3; n++) {
            struct ecdsa_test_source s = {tries, n};
            const struct nacre_rng rng = {ecdsa_test_fill, &s};
            memset(priv, 0xa5, sizeof priv);
            memset(point, 0xa5, sizeof point);
            /* all ones is over the order, 0 is no scalar, the third one is */
            const bool ok = nacre_ec_keygen(priv, point, curves[i], &rng, ecdsa_test_work);
            cr_assert_eq(ok, n == 3);
            if (ok) {
                cr_assert_arr_eq(priv, want, len);
            } else {
                cr_assert(ecdsa_test_zero(priv, len));
                cr_assert(ecdsa_test_zero(point, 1 + 2 * len));
            }
        }
        struct ecdsa_test_source s = {stuck, sizeof stuck};
        const struct nacre_rng rng = {ecdsa_test_fill, &s};
        cr_assert_not(nacre_ec_keygen(priv, point, curves[i], &rng, ecdsa_test_work));
        cr_assert_gt(s.left, 0);
        cr_assert(ecdsa_test_zero(priv, len));
    }
}

/* ---- Signatures ---------------------------------------------------------------------------- */

static unsigned ecdsa_test_rfc6979(void)
{
    struct vec v;
    unsigned n_records = 0;
    for (vec_open(&v, "ecdsa_rfc6979.txt"); vec_next(&v); n_records++) {
        const struct nacre_curve *c = ecdsa_test_curve(&v);
        const struct nacre_hash *hash = ecdsa_test_hash(&v);
        const size_t len = nacre_ec_len(c);
        uint8_t point[NACRE_EC_POINT_MAX], r[NACRE_EC_LEN_MAX], s[NACRE_EC_LEN_MAX];
        const struct nacre_num nr = {r, len}, ns = {s, len};
        size_t n;
        const uint8_t *priv = vec_fixed(&v, "private", len), *m = vec_get(&v, "message", &n);
        cr_assert(nacre_ec_public(point, c, priv, ecdsa_test_work));
        vec_expect(&v, "public", point, 1 + 2 * len);
        cr_assert(nacre_ecdsa_sign(r, s, c, hash, priv, m, n, ecdsa_test_work));
        vec_expect(&v, "r", r, len);
        vec_expect(&v, "s", s, len);
        ecdsa_test_wiped();
        cr_assert(
            nacre_ecdsa_verify_vartime(c, hash, point, 1 + 2 * len, m, n, nr, ns, ecdsa_test_work));
    }
    vec_close(&v);
    return n_records;
}

Test(ecdsa_rfc6979, s31_appendix_a2)
{
    for (int form = 0; ecdsa_test_form(form); form++) {
        cr_assert_eq(ecdsa_test_rfc6979(), 18);
    }
}

static unsigned ecdsa_test_edge(void)
{
    struct vec v;
    unsigned n_records = 0;
    for (vec_open(&v, "ecdsa_edge.txt"); vec_next(&v); n_records++) {
        size_t point_len, n;
        struct nacre_num r, s;
        const uint8_t *point = vec_get(&v, "public", &point_len), *m = vec_get(&v, "message", &n);
        r.p = vec_get(&v, "r", &r.n);
        s.p = vec_get(&v, "s", &s.n);
        const bool ok = nacre_ecdsa_verify_vartime(ecdsa_test_curve(&v), ecdsa_test_hash(&v), point,
                                                   point_len, m, n, r, s, ecdsa_test_work);
        cr_assert_eq(ok, vec_uint(&v, "valid") != 0, "line %u", v.line);
        ecdsa_test_wiped();
    }
    vec_close(&v);
    return n_records;
}

/* r and s of 0, of the order and over, and keys that make sums of equal and opposite points. */
Test(ecdsa, signatures_at_every_border)
{
    for (int form = 0; ecdsa_test_form(form); form++) {
        cr_assert_gt(ecdsa_test_edge(), 120);
    }
}

/* A key, a message and its signature. */
struct ecdsa_test_signed {
    const struct nacre_curve *c;
    const struct nacre_hash *hash;
    size_t len;
    uint8_t priv[NACRE_EC_LEN_MAX], point[NACRE_EC_POINT_MAX];
    uint8_t m[20], r[NACRE_EC_LEN_MAX], s[NACRE_EC_LEN_MAX];
};

static bool ecdsa_test_verify(const struct ecdsa_test_signed *x)
{
    const struct nacre_num r = {x->r, x->len}, s = {x->s, x->len};
    return nacre_ecdsa_verify_vartime(x->c, x->hash, x->point, 1 + 2 * x->len, x->m, sizeof x->m, r,
                                      s, ecdsa_test_work);
}

static void ecdsa_test_sign(struct ecdsa_test_signed *x, int i)
{
    static const struct nacre_curve *const curves[3] = {&nacre_p256, &nacre_p384, &nacre_p521};
    static const struct nacre_hash *const hashes[3] = {&nacre_hash_sha256, &nacre_hash_sha384,
                                                       &nacre_hash_sha512};
    memset(x, 0, sizeof *x);
    x->c = curves[i];
    x->hash = hashes[i];
    x->len = nacre_ec_len(x->c);
    memset(x->priv + 1, 0x17 + i, x->len - 1);
    memset(x->m, 0x33, sizeof x->m);
    cr_assert(nacre_ec_public(x->point, x->c, x->priv, ecdsa_test_work));
    cr_assert(
        nacre_ecdsa_sign(x->r, x->s, x->c, x->hash, x->priv, x->m, sizeof x->m, ecdsa_test_work));
    cr_assert(ecdsa_test_verify(x));
}

static void ecdsa_test_flip(const struct ecdsa_test_signed *x, uint8_t *p, size_t n, size_t step)
{
    for (size_t bit = 0; bit < 8 * n; bit += step) {
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_not(ecdsa_test_verify(x), "bit %zu of %zu bytes", bit, n);
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

Test(ecdsa, flipped_bits)
{
    for (int i = 0; i < 3; i++) {
        struct ecdsa_test_signed x;
        const size_t step = i == 0 ? 1 : 7;
        ecdsa_test_sign(&x, i);
        ecdsa_test_flip(&x, x.r, x.len, step);
        ecdsa_test_flip(&x, x.s, x.len, step);
        ecdsa_test_flip(&x, x.point, 1 + 2 * x.len, step);
        ecdsa_test_flip(&x, x.m, sizeof x.m, step);
    }
}

/* Numbers may be longer or shorter than the field, as a peer writes them. */
Test(ecdsa, numbers_of_any_length)
{
    struct ecdsa_test_signed x;
    uint8_t r[40] = {0}, s[40] = {0};
    ecdsa_test_sign(&x, 0);
    memcpy(r + 8, x.r, 32);
    memcpy(s + 8, x.s, 32);
    for (size_t zeros = 0; zeros <= 8; zeros++) {
        const struct nacre_num nr = {r + 8 - zeros, 32 + zeros}, ns = {s + 8 - zeros, 32 + zeros};
        cr_assert(nacre_ecdsa_verify_vartime(x.c, x.hash, x.point, 65, x.m, sizeof x.m, nr, ns,
                                             ecdsa_test_work));
    }
    r[0] = 1; /* 2^312 more */
    const struct nacre_num nr = {r, 40}, ns = {s, 40}, none = {NULL, 0};
    cr_assert_not(nacre_ecdsa_verify_vartime(x.c, x.hash, x.point, 65, x.m, sizeof x.m, nr, ns,
                                             ecdsa_test_work));
    cr_assert_not(nacre_ecdsa_verify_vartime(x.c, x.hash, x.point, 65, x.m, sizeof x.m, none, ns,
                                             ecdsa_test_work));
    cr_assert_not(nacre_ecdsa_verify_vartime(x.c, x.hash, x.point, 65, x.m, sizeof x.m, ns, none,
                                             ecdsa_test_work));
}

/* Scalars 0, n, n + 1 sign nothing. */
Test(ecdsa, private_keys_out_of_range)
{
    struct vec v;
    for (vec_open(&v, "ecp_openssl.txt"); vec_next(&v);) {
        if (vec_has(&v, "point")) {
            continue;
        }
        const struct nacre_curve *c = ecdsa_test_curve(&v);
        const size_t len = nacre_ec_len(c);
        uint8_t r[NACRE_EC_LEN_MAX], s[NACRE_EC_LEN_MAX];
        memset(r, 0xa5, sizeof r);
        memset(s, 0xa5, sizeof s);
        cr_assert_not(nacre_ecdsa_sign(r, s, c, &nacre_hash_sha256, vec_fixed(&v, "scalar", len),
                                       NULL, 0, ecdsa_test_work));
        cr_assert(ecdsa_test_zero(r, len) && ecdsa_test_zero(s, len));
    }
    vec_close(&v);
}

/* Messages of other lengths and keys, all forms: made by one, accepted by the other. */
Test(ecdsa, signed_messages_verify)
{
    for (int i = 0; i < 3; i++) {
        struct ecdsa_test_signed x;
        ecdsa_test_sign(&x, i);
        for (int round = 0; round < 20; round++) {
            (void)ecdsa_test_form(round % 2);
            memcpy(x.priv + 2, x.s + 1, 30);
            memcpy(x.m, x.r, sizeof x.m);
            cr_assert(nacre_ec_public(x.point, x.c, x.priv, ecdsa_test_work));
            cr_assert(
                nacre_ecdsa_sign(x.r, x.s, x.c, x.hash, x.priv, x.m, sizeof x.m, ecdsa_test_work));
            (void)ecdsa_test_form(round % 3 % 2);
            cr_assert(ecdsa_test_verify(&x));
        }
    }
}

/* ---- Constant time ------------------------------------------------------------------------- */

static void ecdsa_test_secret(int i)
{
    static const struct nacre_curve *const curves[3] = {&nacre_p256, &nacre_p384, &nacre_p521};
    const struct nacre_curve *c = curves[i];
    const size_t len = nacre_ec_len(c);
    uint8_t priv[NACRE_EC_LEN_MAX] = {0}, point[NACRE_EC_POINT_MAX], shared[NACRE_EC_LEN_MAX];
    uint8_t r[NACRE_EC_LEN_MAX], s[NACRE_EC_LEN_MAX];
    memset(priv + 1, 0x5c, len - 1);
    NCR_CT_SECRET(priv, len);
    cr_assert(nacre_ec_public(point, c, priv, ecdsa_test_work));
    cr_assert(nacre_ecdh(shared, c, priv, point, 1 + 2 * len, ecdsa_test_work));
    NCR_CT_PUBLIC(shared, len);
    cr_assert_not(ecdsa_test_zero(shared, len));
    cr_assert(nacre_ecdsa_sign(r, s, c, &nacre_hash_sha256, priv, point, len, ecdsa_test_work));
    cr_assert_not(ecdsa_test_zero(r, len) || ecdsa_test_zero(s, len));
    ecdsa_test_wiped();
}

Test(ecdsa, ct_p256)
{
    for (int form = 0; ecdsa_test_form(form); form++) {
        ecdsa_test_secret(0);
    }
}

Test(ecdsa, ct_p384)
{
    ecdsa_test_secret(1);
}

Test(ecdsa, ct_p521)
{
    ecdsa_test_secret(2);
}

Test(ecdsa, ct_keygen)
{
    uint8_t priv[NACRE_P256_LEN], point[1 + 2 * NACRE_P256_LEN];
    cr_assert(nacre_ec_keygen(priv, point, &nacre_p256, &nacre_rng_os, ecdsa_test_work));
    cr_assert_eq(point[0], 4);
}
