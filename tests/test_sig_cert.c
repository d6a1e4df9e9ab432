/* SPDX-License-Identifier: ISC
 *
 * Signature algorithms of certificates: each type of key under each type of authority, names on the
 * wire against names in the signature, what no signature makes good (another key's certificate, an
 * authority that is a certificate or signs with SHA-1), cut and flipped blobs.
 */
#include "proto/alg.h"
#include "proto/keys/nacre_keys.h"
#include "proto/limits.h"
#include "proto/sig_sk.h"
#include "proto/wire.h"
#include "tests/certs.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint64_t cert_work[NACRE_WORK];

/* Keys are made by a fixed sequence: the tests say nothing about randomness. */
static bool counting(void *ctx, uint8_t *out, size_t n)
{
    uint32_t *state = ctx;
    for (size_t i = 0; i < n; i++) {
        *state = *state * 1664525u + 1013904223u;
        out[i] = (uint8_t)(*state >> 24);
    }
    return true;
}

static uint32_t cert_seed = 1;
static const struct nacre_rng cert_rng = {.fill = counting, .ctx = &cert_seed};

static const struct cert_kind {
    const char *type;
    const char *algs[4];
} cert_kinds[] = {
    {"ssh-ed25519", {"ssh-ed25519-cert-v01@openssh.com"}},
    {"ecdsa-sha2-nistp256", {"ecdsa-sha2-nistp256-cert-v01@openssh.com"}},
    {"ecdsa-sha2-nistp384", {"ecdsa-sha2-nistp384-cert-v01@openssh.com"}},
    {"ecdsa-sha2-nistp521", {"ecdsa-sha2-nistp521-cert-v01@openssh.com"}},
    {"ssh-rsa", {"rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-256-cert-v01@openssh.com"}},
    {"ssh-mldsa44-ed25519", {"ssh-mldsa44-ed25519-cert"}},
};
#define CERT_KINDS (sizeof cert_kinds / sizeof cert_kinds[0])

static struct nacre_privkey *make_key(const char *type)
{
    return cert_key(type, &cert_rng);
}

/* A user certificate of a public key by an authority. */
static struct nacre_bytes issue(uint8_t out[CERT_MAX], struct nacre_bytes plain,
                                const struct nacre_privkey *ca, const char *ca_alg)
{
    const struct cert_spec spec = {
        .principals = {"joe"}, .before = NACRE_CERT_FOREVER, .ca_alg = ca_alg, .rng = &cert_rng};
    return cert_make(out, &spec, plain, ca);
}

static struct nacre_bytes sign(uint8_t *out, size_t cap, const struct nacre_privkey *k,
                               const char *alg, struct nacre_bytes data)
{
    struct nacre_bytes b = {out, 0};
    cr_assert_eq(
        nacre_privkey_sign(k, nacre_bytes_str(alg), data, out, cap, &b.n, &cert_rng, cert_work),
        NACRE_OK, "%s", alg);
    return b;
}

static nacre_err verify(const char *alg, struct nacre_bytes key, struct nacre_bytes data,
                        struct nacre_bytes sig)
{
    return nacre_sig_verify(NACRE_ALGS_ALL, nacre_bytes_str(alg), key, data, sig, cert_work);
}

Test(sig_cert, every_key_under_every_authority)
{
    static uint8_t cert[CERT_MAX];
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    struct nacre_privkey *k[CERT_KINDS];
    const struct nacre_bytes data = nacre_bytes_str("what is signed");
    size_t longest = 0;
    for (size_t i = 0; i < CERT_KINDS; i++) {
        k[i] = make_key(cert_kinds[i].type);
    }
    for (size_t i = 0; i < CERT_KINDS; i++) {
        for (size_t ca = 0; ca < CERT_KINDS; ca++) {
            struct nacre_bytes b = issue(cert, nacre_privkey_public_blob(k[i]), k[ca], NULL);
            longest = b.n > longest ? b.n : longest;
            for (size_t a = 0; cert_kinds[i].algs[a] != NULL; a++) {
                const char *alg = cert_kinds[i].algs[a];
                struct nacre_bytes s = sign(sig, sizeof sig, k[i], alg, data);
                struct ncr_rd r = ncr_rd(s);
                cr_assert_eq(verify(alg, b, data, s), NACRE_OK, "%s by %s", alg,
                             cert_kinds[ca].type);
                cr_assert_str_eq(nacre_alg_plain(nacre_bytes_str(alg)),
                                 nacre_key_type_alg(nacre_bytes_str(cert_kinds[i].type), a));
                cr_assert(nacre_bytes_is(ncr_rd_string(&r), nacre_alg_plain(nacre_bytes_str(alg))));
                cr_assert_eq(verify(alg, b, nacre_bytes_str("something else"), s), NACRE_ERR_SIG);
                cr_assert_neq(verify(alg, nacre_privkey_public_blob(k[i]), data, s), NACRE_OK);
                cr_assert_neq(verify(nacre_alg_plain(nacre_bytes_str(alg)), b, data, s), NACRE_OK);
            }
        }
    }
    cr_assert_leq(longest, NCR_HOST_KEY_MAX);
    for (size_t i = 0; i < CERT_KINDS; i++) {
        free(k[i]);
    }
}

/* S42: the algorithm that was asked for, the name of the blob and the one inside of the signature
 * agree. */
Test(sig_cert, s42_names_agree)
{
    static uint8_t cert[CERT_KINDS][CERT_MAX];
    struct nacre_privkey *k[CERT_KINDS];
    struct nacre_bytes blob[CERT_KINDS];
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    const struct nacre_bytes data = nacre_bytes_str("d");
    for (size_t i = 0; i < CERT_KINDS; i++) {
        k[i] = make_key(cert_kinds[i].type);
        blob[i] = issue(cert[i], nacre_privkey_public_blob(k[i]), k[0], NULL);
    }
    for (size_t i = 0; i < CERT_KINDS; i++) {
        for (size_t a = 0; cert_kinds[i].algs[a] != NULL; a++) {
            struct nacre_bytes s = sign(sig, sizeof sig, k[i], cert_kinds[i].algs[a], data);
            for (size_t j = 0; j < CERT_KINDS; j++) {
                for (size_t b = 0; cert_kinds[j].algs[b] != NULL; b++) {
                    cr_assert_eq(verify(cert_kinds[j].algs[b], blob[i], data, s) == NACRE_OK,
                                 i == j && a == b, "%s, %s", cert_kinds[i].algs[a],
                                 cert_kinds[j].algs[b]);
                }
            }
        }
    }
    for (size_t i = 0; i < CERT_KINDS; i++) {
        free(k[i]);
    }
}

Test(sig_cert, algorithms_of_types)
{
    const struct nacre_bytes rsa = nacre_bytes_str("ssh-rsa-cert-v01@openssh.com");
    const char *alg;
    cr_assert_str_eq(nacre_key_type_alg(rsa, 0), "rsa-sha2-512-cert-v01@openssh.com");
    cr_assert_str_eq(nacre_key_type_alg(rsa, 1), "rsa-sha2-256-cert-v01@openssh.com");
    cr_assert_null(nacre_key_type_alg(rsa, 9));
    cr_assert_null(nacre_alg_plain(nacre_bytes_str("ssh-ed25519")));
    cr_assert_null(nacre_alg_plain(nacre_bytes_str("")));
    /* Each row of a certificate names the plain row that the key types name. */
    for (size_t i = 0; (alg = ncr_alg_name(NACRE_ALGS_ALL, NACRE_ALG_SIG, i)) != NULL; i++) {
        const struct ncr_sig *row = ncr_alg_sig(NACRE_ALGS_ALL, nacre_bytes_str(alg));
        const char *plain = nacre_alg_plain(nacre_bytes_str(alg));
        cr_assert_eq(row->plain == NULL, plain == NULL, "%s", alg);
        if (plain != NULL) {
            cr_assert_str_eq(row->plain->name, plain);
            cr_assert_eq(row->verify_sk == NULL, row->plain->verify_sk == NULL);
            cr_assert_eq(row->grade, row->plain->grade);
        }
    }
}

/* The signature is right, but the certificate is another key's. */
Test(sig_cert, another_keys_certificate)
{
    static uint8_t cert[CERT_MAX];
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    struct nacre_privkey *a = make_key("ssh-ed25519");
    struct nacre_privkey *b = make_key("ssh-ed25519");
    const char *alg = cert_kinds[0].algs[0];
    struct nacre_bytes c = issue(cert, nacre_privkey_public_blob(a), b, NULL);
    struct nacre_bytes s = sign(sig, sizeof sig, b, alg, nacre_bytes_str("d"));
    cr_assert_eq(verify(alg, c, nacre_bytes_str("d"), s), NACRE_ERR_SIG);
    free(a);
    free(b);
}

#if !defined(NACRE_NO_LEGACY)
/* An authority that signs with SHA-1 signs nothing (S45), whatever the key's own algorithm. */
Test(sig_cert, s45_authority_with_sha1)
{
    static uint8_t cert[CERT_MAX];
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    struct nacre_privkey *ca = make_key("ssh-rsa");
    struct nacre_privkey *k = make_key("ssh-ed25519");
    const char *alg = cert_kinds[0].algs[0];
    struct nacre_bytes c = issue(cert, nacre_privkey_public_blob(k), ca, "ssh-rsa");
    struct nacre_bytes s = sign(sig, sizeof sig, k, alg, nacre_bytes_str("d"));
    cr_assert_eq(verify(alg, c, nacre_bytes_str("d"), s), NACRE_ERR_UNKNOWN_ALG);
    c = issue(cert, nacre_privkey_public_blob(k), ca, "rsa-sha2-256");
    cr_assert_eq(verify(alg, c, nacre_bytes_str("d"), s), NACRE_OK);
    free(ca);
    free(k);
}

/* The key's own SHA-1 is in the table of old devices alone. */
Test(sig_cert, sha1_of_the_key_is_legacy)
{
    static uint8_t cert[CERT_MAX];
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    struct nacre_privkey *ca = make_key("ssh-ed25519");
    struct nacre_privkey *k = make_key("ssh-rsa");
    const char *alg = "ssh-rsa-cert-v01@openssh.com";
    struct nacre_bytes c = issue(cert, nacre_privkey_public_blob(k), ca, NULL);
    struct nacre_bytes s = sign(sig, sizeof sig, k, alg, nacre_bytes_str("d"));
    cr_assert_eq(verify(alg, c, nacre_bytes_str("d"), s), NACRE_OK);
    cr_assert_eq(nacre_sig_verify(&nacre_algs_default, nacre_bytes_str(alg), c,
                                  nacre_bytes_str("d"), s, cert_work),
                 NACRE_ERR_UNKNOWN_ALG);
    cr_assert_eq(verify("rsa-sha2-512-cert-v01@openssh.com", c, nacre_bytes_str("d"), s),
                 NACRE_ERR_SIG_FORMAT);
    free(ca);
    free(k);
}
#endif

/* A certificate whose authority's key is itself a certificate: not even whole (S45). */
Test(sig_cert, s45_authority_that_is_a_certificate)
{
    static uint8_t cert[CERT_MAX];
    static uint8_t nested[CERT_MAX];
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    struct nacre_privkey *ca = make_key("ssh-ed25519");
    struct nacre_privkey *k = make_key("ssh-ed25519");
    const char *alg = cert_kinds[0].algs[0];
    struct cert_spec spec = {.principals = {"joe"}, .before = NACRE_CERT_FOREVER, .ca_alg = alg};
    struct nacre_bytes s = sign(sig, sizeof sig, k, alg, nacre_bytes_str("d"));
    spec.ca_blob = issue(cert, nacre_privkey_public_blob(ca), ca, NULL);
    cr_assert_eq(verify(alg, cert_make(nested, &spec, nacre_privkey_public_blob(k), ca),
                        nacre_bytes_str("d"), s),
                 NACRE_ERR_KEY_FORMAT);
    free(ca);
    free(k);
}

/* Cut at every length, extended, every bit flipped: never good. */
Test(sig_cert, damaged_blobs)
{
    static uint8_t cert[CERT_MAX];
    uint8_t sig[256];
    struct nacre_privkey *ca = make_key("ssh-ed25519");
    struct nacre_privkey *k = make_key("ssh-ed25519");
    const struct nacre_bytes data = nacre_bytes_str("d");
    const char *alg = cert_kinds[0].algs[0];
    struct nacre_bytes c = issue(cert, nacre_privkey_public_blob(k), ca, NULL);
    struct nacre_bytes s = sign(sig, sizeof sig, k, alg, data);
    for (size_t n = 0; n < c.n; n++) {
        uint8_t *copy = malloc(n + (n == 0));
        cr_assert_not_null(copy);
        memcpy(copy, c.p, n);
        cr_assert_neq(verify(alg, (struct nacre_bytes){copy, n}, data, s), NACRE_OK);
        free(copy);
    }
    cert[c.n] = 0;
    cr_assert_neq(verify(alg, (struct nacre_bytes){cert, c.n + 1}, data, s), NACRE_OK);
    for (size_t bit = 0; bit < 8 * c.n; bit++) {
        cert[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_neq(verify(alg, c, data, s), NACRE_OK, "bit %zu", bit);
        cert[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cr_assert_eq(verify(alg, c, data, s), NACRE_OK);
    free(ca);
    free(k);
}

/* The vectors of plain security keys, with a certificate for the key: flags as demanded. */
Test(sig_cert, s43_security_keys)
{
    static uint8_t cert[CERT_MAX];
    struct vec v;
    struct nacre_privkey *ca = make_key("ssh-ed25519");
    unsigned touched = 0;
    unsigned untouched = 0;
    for (vec_open(&v, "ssh_sk_python.txt"); vec_next(&v);) {
        struct nacre_bytes alg, key, data, sig, c;
        uint8_t flags;
        uint32_t counter;
        char name[80];
        alg.p = vec_get(&v, "alg", &alg.n);
        key.p = vec_get(&v, "key", &key.n);
        data.p = vec_get(&v, "data", &data.n);
        sig.p = vec_get(&v, "sig", &sig.n);
        if (nacre_sig_verify_sk(&nacre_algs_default, alg, key, data, sig, 0, cert_work) != NACRE_OK)
            continue;
        cr_assert(ncr_sk_flags(&flags, &counter, sig));
        cr_assert_lt(alg.n, sizeof name - 20);
        memcpy(name, alg.p, alg.n);
        name[alg.n] = '\0';
        strcpy(strchr(name, '@'), "-cert-v01@openssh.com");
        c = issue(cert, key, ca, NULL);
        for (unsigned demand = 0; demand < 8; demand++) {
            cr_assert_eq(nacre_sig_verify_sk(&nacre_algs_default, nacre_bytes_str(name), c, data,
                                             sig, (uint8_t)demand, cert_work) == NACRE_OK,
                         (flags & demand) == demand, "%s, flags %u, demanded %u", name, flags,
                         demand);
        }
        cr_assert_eq(verify(name, c, data, sig) == NACRE_OK, (flags & NACRE_SK_PRESENT) != 0);
        touched += (flags & NACRE_SK_PRESENT) != 0;
        untouched += (flags & NACRE_SK_PRESENT) == 0;
    }
    cr_assert(touched >= 3 && untouched >= 1, "%u, %u", touched, untouched);
    vec_close(&v);
    free(ca);
}
