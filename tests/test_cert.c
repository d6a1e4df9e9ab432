/* SPDX-License-Identifier: ISC
 *
 * Certificates read and issued: those of ssh-keygen for every type of key and authority are read as
 * they were asked for, cut and damaged ones are refused; ours are read back, with an authority here
 * or elsewhere (s47); lists of options and addresses. Which ones are refused for what they say:
 * test_cert_rules.c.
 */
#include "tests/odd_cert.h"

#include "proto/keys/cert.h"
#include "tests/rngs.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static struct nacre_bytes vec_bytes(const struct vec *v, const char *key)
{
    struct nacre_bytes b;

    b.p = vec_get(v, key, &b.n);
    return b;
}

/* ---- Of ssh-keygen ---- */

Test(cert, of_openssh_as_asked_for)
{
    struct vec v;
    unsigned n = 0;

    for (vec_open(&v, "cert_openssh.txt"); vec_next(&v); n++) {
        static uint8_t plain[NACRE_KEY_BLOB_MAX];
        struct nacre_bytes blob = vec_bytes(&v, "cert");
        struct nacre_cert c;
        struct nacre_bytes alg;

        cr_assert(nacre_cert_is(blob));
        cr_assert_eq(nacre_cert_decode(&c, blob, plain, sizeof plain), NACRE_OK, "line %u", v.line);
        vec_expect(&v, "plain", c.plain.p, c.plain.n);
        vec_expect(&v, "ca", c.ca.p, c.ca.n);
        vec_expect(&v, "id", c.key_id.p, c.key_id.n);
        vec_expect(&v, "principals", c.principals.p, c.principals.n);
        vec_expect(&v, "critical", c.critical.p, c.critical.n);
        vec_expect(&v, "extensions", c.extensions.p, c.extensions.n);
        cr_assert_eq(c.kind, vec_uint(&v, "kind"));
        cr_assert_eq(c.serial, vec_uint(&v, "serial"));
        cr_assert_eq(c.valid_after, vec_uint(&v, "after"));
        cr_assert_eq(c.valid_before, vec_uint(&v, "before"));
        cr_assert_eq(c.reserved.n, 0);
        alg = nacre_cert_signature_alg(&c);
        vec_expect(&v, "alg", alg.p, alg.n);
        cr_assert_eq(nacre_cert_verify(&c, odd_work), NACRE_OK, "line %u", v.line);
        cr_assert_eq(nacre_cert_check(&c, c.kind, NULL, 1600000000, NULL), NACRE_OK);
    }
    vec_close(&v);
    cr_assert_eq(n, 15);
}

Test(cert, of_openssh_labels)
{
    static const char *const labels[] = {"ED25519-CERT",    "RSA-CERT",     "ECDSA-CERT",
                                         "ECDSA-CERT",      "ECDSA-CERT",   "MLDSA44-ED25519-CERT",
                                         "ED25519-SK-CERT", "ECDSA-SK-CERT"};
    struct vec v;

    vec_open(&v, "cert_openssh.txt");
    for (size_t i = 0; i < sizeof labels / sizeof labels[0] && vec_next(&v); i++) {
        struct nacre_pubkey k;

        cr_assert_eq(nacre_pubkey_decode(&k, vec_bytes(&v, "cert")), NACRE_ERR_UNKNOWN_ALG);
        cr_assert_str_eq(nacre_pubkey_label(&k), labels[i]);
    }
    while (vec_next(&v)) {
    }
    vec_close(&v);
}

Test(cert, cut_at_every_byte_and_extended)
{
    struct vec v;

    for (vec_open(&v, "cert_openssh.txt"); vec_next(&v);) {
        static uint8_t longer[NACRE_KEY_BLOB_MAX];
        struct nacre_bytes blob = vec_bytes(&v, "cert");
        struct nacre_cert c;
        struct nacre_cert zero;

        memset(&zero, 0, sizeof zero);
        for (size_t n = 0; n < blob.n; n++) {
            struct nacre_bytes cut = {blob.p, n};

            memset(&c, 1, sizeof c);
            cr_assert_neq(nacre_cert_decode(&c, cut, longer, sizeof longer), NACRE_OK, "%zu", n);
            cr_assert_arr_eq(&c, &zero, sizeof c);
        }
        memcpy(longer, blob.p, blob.n);
        longer[blob.n] = 0;
        blob.p = longer;
        blob.n++;
        cr_assert_eq(nacre_cert_decode(&c, blob, NULL, 0), NACRE_ERR_KEY_FORMAT);
    }
    vec_close(&v);
}

Test(cert, no_room_for_the_plain_key)
{
    uint8_t plain[64];
    struct nacre_cert c;
    struct vec v;
    struct nacre_bytes blob;
    size_t room = 0;

    vec_open(&v, "cert_openssh.txt");
    cr_assert(vec_next(&v));
    blob = vec_bytes(&v, "cert");
    while (nacre_cert_decode(&c, blob, plain, room) == NACRE_ERR_NO_ROOM)
        cr_assert_lt(++room, sizeof plain);
    cr_assert_eq(room, 4 + 11 + 4 + 32);
    cr_assert_eq(c.plain.n, room);
    while (vec_next(&v)) {
    }
    vec_close(&v);
}

/* No bit of a certificate may change: it does not decode, or its authority did not sign it. */
static void flip_bits(struct nacre_bytes blob, size_t step)
{
    static uint8_t bad[NACRE_KEY_BLOB_MAX];
    struct nacre_bytes b = {bad, blob.n};
    struct nacre_cert c;

    memcpy(bad, blob.p, blob.n);
    for (size_t bit = 0; bit < 8 * blob.n; bit += step) {
        bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (nacre_cert_decode(&c, b, NULL, 0) == NACRE_OK)
            cr_assert_neq(nacre_cert_verify(&c, odd_work), NACRE_OK, "bit %zu", bit);
        bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

Test(cert, flipped_bits)
{
    struct vec v;
    unsigned n = 0;

    for (vec_open(&v, "cert_openssh.txt"); vec_next(&v); n++)
        flip_bits(vec_bytes(&v, "cert"), n == 0 ? 1 : 37);
    vec_close(&v);
}

/* ---- Issuing ---- */

static void good_cert(struct nacre_cert *c, const struct nacre_privkey *key)
{
    static const char *const users[] = {ODD_USER, NULL};

    cr_assert_eq(nacre_cert_begin(c, nacre_privkey_public_blob(key)), NACRE_OK);
    memset(&odd, 0, sizeof odd);
    odd_critical("force-command", "/bin/true");
    odd_critical("source-address", "192.0.2.0/24");
    odd_extension("permit-pty", NULL);
    odd_extension("x@example", "value");
    c->kind = NACRE_CERT_USER;
    c->serial = 42;
    c->key_id = nacre_bytes_str("key id");
    c->principals = odd_pack(0, users);
    c->valid_after = 1;
    c->valid_before = NACRE_CERT_FOREVER;
    c->critical = odd.critical;
    c->extensions = odd.extensions;
}

static bool same(struct nacre_bytes a, struct nacre_bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* What is issued comes back as it was given, and is the authority's. */
static void issue_and_read(const struct nacre_privkey *key, const struct nacre_privkey *ca,
                           const char *alg)
{
    static uint8_t blob[NACRE_KEY_BLOB_MAX];
    static uint8_t plain[NACRE_KEY_BLOB_MAX];
    struct nacre_bytes b = {blob, 0};
    struct nacre_bytes user = nacre_bytes_str(ODD_USER);
    struct nacre_cert c;
    struct nacre_cert d;

    good_cert(&c, key);
    cr_assert_eq(nacre_cert_issue(blob, sizeof blob, &b.n, &c, ca, alg, &nacre_rng_os, odd_work),
                 NACRE_OK);
    cr_assert_eq(nacre_cert_decode(&d, b, plain, sizeof plain), NACRE_OK);
    cr_assert_eq(nacre_cert_verify(&d, odd_work), NACRE_OK);
    cr_assert_eq(nacre_cert_check(&d, NACRE_CERT_USER, &user, 1, NULL), NACRE_OK);
    cr_assert(same(d.plain, c.plain) && same(d.name, c.name) && same(d.key_id, c.key_id));
    cr_assert(same(d.critical, c.critical) && same(d.extensions, c.extensions));
    cr_assert(same(d.principals, c.principals) && same(d.ca, nacre_privkey_public_blob(ca)));
    cr_assert(d.serial == 42 && d.valid_after == 1 && d.valid_before == NACRE_CERT_FOREVER);
    cr_assert_eq(d.nonce.n, NACRE_CERT_NONCE_LEN);
    cr_assert(
        nacre_bytes_is(nacre_cert_signature_alg(&d), alg != NULL ? alg : nacre_privkey_alg(ca, 0)));
}

static const char *const types[] = {"ssh-ed25519",         "ecdsa-sha2-nistp256",
                                    "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
                                    "ssh-mldsa44-ed25519", "ssh-rsa"};
#define TYPES (sizeof types / sizeof types[0])

Test(cert, issue_every_type_by_every_type)
{
    static struct nacre_privkey keys[TYPES];

    for (size_t i = 0; i < TYPES; i++)
        cr_assert_eq(nacre_privkey_generate(&keys[i], types[i], 0, &nacre_rng_os, odd_work),
                     NACRE_OK);
    for (size_t i = 0; i < TYPES; i++)
        for (size_t j = 0; j < TYPES; j++)
            issue_and_read(&keys[i], &keys[j], NULL);
    issue_and_read(&keys[0], &keys[TYPES - 1], "rsa-sha2-256");
    issue_and_read(&keys[0], &keys[TYPES - 1], "rsa-sha2-512");
}

/* A security key's public half, of which the authority needs no more. */
Test(cert, issue_for_security_keys, .init = odd_keys)
{
    struct vec v;
    unsigned n = 0;

    for (vec_open(&v, "cert_openssh.txt"); vec_next(&v);) {
        static uint8_t blob[NACRE_KEY_BLOB_MAX];
        struct nacre_bytes b = {blob, 0};
        struct nacre_bytes plain = vec_bytes(&v, "plain");
        struct nacre_cert c;
        struct nacre_cert d;

        if (plain.p[4] != 's' || plain.p[5] != 'k')
            continue;
        good_cert(&c, &odd_subject);
        c.plain = plain;
        cr_assert_eq(nacre_cert_issue(blob, sizeof blob, &b.n, &c, &odd_authority, NULL,
                                      &nacre_rng_os, odd_work),
                     NACRE_ERR_USAGE); /* the name says Ed25519 */
        cr_assert_eq(nacre_cert_begin(&d, plain), NACRE_OK);
        c.type = d.type;
        c.name = d.name;
        cr_assert_eq(nacre_cert_issue(blob, sizeof blob, &b.n, &c, &odd_authority, NULL,
                                      &nacre_rng_os, odd_work),
                     NACRE_OK);
        cr_assert_eq(nacre_cert_decode(&d, b, NULL, 0), NACRE_OK);
        cr_assert_eq(nacre_cert_verify(&d, odd_work), NACRE_OK);
        n++;
    }
    vec_close(&v);
    cr_assert_eq(n, 2);
}

static nacre_err issue(const struct nacre_cert *c, const char *alg)
{
    static uint8_t blob[NACRE_KEY_BLOB_MAX];
    size_t n = 1;
    nacre_err err =
        nacre_cert_issue(blob, sizeof blob, &n, c, &odd_authority, alg, &nacre_rng_os, odd_work);

    cr_assert((err == NACRE_OK) == (n > 0));
    return err;
}

Test(cert, issue_refuses_what_is_malformed, .init = odd_keys)
{
    static const char long_id[NACRE_CERT_KEY_ID_MAX + 2];
    struct nacre_cert good;
    struct nacre_cert c;

    good_cert(&good, &odd_subject);
    cr_assert_eq(issue(&good, NULL), NACRE_OK);
    c = good;
    c.kind = (enum nacre_cert_kind)3;
    cr_assert_eq(issue(&c, NULL), NACRE_ERR_USAGE);
    c = good;
    c.valid_after = c.valid_before;
    cr_assert_eq(issue(&c, NULL), NACRE_ERR_USAGE);
    c = good;
    c.key_id = (struct nacre_bytes){(const uint8_t *)"a\0b", 3};
    cr_assert_eq(issue(&c, NULL), NACRE_ERR_USAGE);
    c.key_id = (struct nacre_bytes){(const uint8_t *)long_id, NACRE_CERT_KEY_ID_MAX + 1};
    cr_assert_eq(issue(&c, NULL), NACRE_ERR_USAGE);
    c = good;
    c.principals.n--;
    cr_assert_eq(issue(&c, NULL), NACRE_ERR_USAGE);
    c = good;
    c.critical.n--;
    cr_assert_eq(issue(&c, NULL), NACRE_ERR_USAGE);
    c = good;
    c.plain.n--;
    cr_assert_eq(issue(&c, NULL), NACRE_ERR_USAGE);
    c = good;
    c.type = NULL;
    cr_assert_eq(issue(&c, NULL), NACRE_ERR_USAGE);
    cr_assert_eq(issue(&good, "rsa-sha2-256"), NACRE_ERR_UNKNOWN_ALG);
    cr_assert_eq(issue(&good, "ssh-rsa"), NACRE_ERR_UNKNOWN_ALG);
    cr_assert_eq(issue(&good, "ssh-ed25519-cert-v01@openssh.com"), NACRE_ERR_UNKNOWN_ALG);
    cr_assert_eq(issue(&good, ""), NACRE_ERR_UNKNOWN_ALG);
}

Test(cert, certkeys_issue_options_in_order, .init = odd_keys)
{
    struct nacre_cert c;

    good_cert(&c, &odd_subject);
    odd_extension("a@example", NULL); /* behind x@example */
    c.extensions = odd.extensions;
    cr_assert_eq(issue(&c, NULL), NACRE_ERR_USAGE);
    good_cert(&c, &odd_subject);
    odd_extension("x@example", NULL);
    c.extensions = odd.extensions;
    cr_assert_eq(issue(&c, NULL), NACRE_ERR_USAGE);
    good_cert(&c, &odd_subject);
    odd_extension("x@example.org", NULL);
    c.extensions = odd.extensions;
    cr_assert_eq(issue(&c, NULL), NACRE_OK);
}

/* SHA-1 of an RSA authority: no reader would take it. */
Test(cert, issue_without_sha1)
{
    static struct nacre_privkey rsa;
    static uint8_t blob[NACRE_KEY_BLOB_MAX];
    struct nacre_cert c;
    size_t n;

    odd_keys();
    cr_assert_eq(nacre_privkey_generate(&rsa, "ssh-rsa", 2048, &nacre_rng_os, odd_work), NACRE_OK);
    good_cert(&c, &odd_subject);
    cr_assert_eq(
        nacre_cert_issue(blob, sizeof blob, &n, &c, &rsa, "ssh-rsa", &nacre_rng_os, odd_work),
        NACRE_ERR_UNKNOWN_ALG);
}

Test(cert, issue_with_every_room, .init = odd_keys)
{
    static uint8_t blob[1024];
    struct nacre_cert c;
    size_t cap = 0;
    size_t n;

    good_cert(&c, &odd_subject);
    while (nacre_cert_issue(blob, cap, &n, &c, &odd_authority, NULL, &nacre_rng_os, odd_work) ==
           NACRE_ERR_NO_ROOM) {
        cr_assert_eq(n, 0);
        cr_assert_lt(++cap, sizeof blob);
    }
    cr_assert_eq(n, cap);
}

Test(cert, issue_when_randomness_fails, .init = odd_keys)
{
    static uint8_t blob[1024];
    struct rng_count state = {0, 1};
    struct nacre_rng rng = {rng_count_fill, &state};
    struct nacre_cert c;
    size_t n;

    good_cert(&c, &odd_subject);
    cr_assert_eq(nacre_cert_issue(blob, sizeof blob, &n, &c, &odd_authority, NULL, &rng, odd_work),
                 NACRE_ERR_RNG);
    cr_assert_eq(n, 0);
    cr_assert_eq(nacre_cert_message(blob, sizeof blob, &n, &c,
                                    nacre_privkey_public_blob(&odd_authority), &rng),
                 NACRE_OK);
}

/* ---- An authority elsewhere ---- */

Test(cert, two_steps_are_one, .init = odd_keys)
{
    static uint8_t one[1024];
    static uint8_t two[1024];
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    struct rng_count states[2] = {{0, 0}, {0, 0}};
    struct nacre_rng rngs[2] = {{rng_count_fill, &states[0]}, {rng_count_fill, &states[1]}};
    struct nacre_bytes message = {two, 0};
    struct nacre_bytes s = {sig, 0};
    struct nacre_cert c;
    size_t n;

    good_cert(&c, &odd_subject);
    cr_assert_eq(
        nacre_cert_issue(one, sizeof one, &n, &c, &odd_authority, NULL, &rngs[0], odd_work),
        NACRE_OK);
    cr_assert_eq(nacre_cert_message(two, sizeof two, &message.n, &c,
                                    nacre_privkey_public_blob(&odd_authority), &rngs[1]),
                 NACRE_OK);
    cr_assert_eq(nacre_privkey_sign(&odd_authority, nacre_bytes_str("ssh-ed25519"), message, sig,
                                    sizeof sig, &s.n, &nacre_rng_os, odd_work),
                 NACRE_OK);
    for (size_t cap = message.n; cap < n; cap++) {
        size_t m = message.n;

        cr_assert_eq(nacre_cert_seal(two, cap, &m, s, odd_work), NACRE_ERR_NO_ROOM);
        cr_assert_eq(m, 0);
    }
    cr_assert_eq(nacre_cert_seal(two, n, &message.n, s, odd_work), NACRE_OK);
    cr_assert_eq(message.n, n);
    cr_assert_arr_eq(one, two, n);
}

/* What an agent gives back is not taken on trust. */
Test(cert, s47_seal_checks_the_signature, .init = odd_keys)
{
    static uint8_t out[1024];
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    struct nacre_bytes message = {out, 0};
    struct nacre_bytes s = {sig, 0};
    struct nacre_cert c;
    size_t n;

    good_cert(&c, &odd_subject);
    cr_assert_eq(nacre_cert_message(out, sizeof out, &message.n, &c,
                                    nacre_privkey_public_blob(&odd_authority), &nacre_rng_os),
                 NACRE_OK);
    n = message.n;
    cr_assert_eq(nacre_privkey_sign(&odd_subject, nacre_bytes_str("ssh-ed25519"), message, sig,
                                    sizeof sig, &s.n, &nacre_rng_os, odd_work),
                 NACRE_OK); /* by another key */
    cr_assert_eq(nacre_cert_seal(out, sizeof out, &n, s, odd_work), NACRE_ERR_SIG);
    cr_assert_eq(n, 0);
    n = message.n;
    cr_assert_neq(nacre_cert_seal(out, sizeof out, &n, (struct nacre_bytes){sig, 0}, odd_work),
                  NACRE_OK);
    for (size_t cut = 1; cut < s.n; cut++) {
        n = message.n;
        cr_assert_neq(nacre_cert_seal(out, sizeof out, &n, ncr_bytes_part(s, 0, cut), odd_work),
                      NACRE_OK);
        cr_assert_eq(n, 0);
    }
    cr_assert_eq(
        nacre_cert_message(out, sizeof out, &n, &c, (struct nacre_bytes){NULL, 0}, &nacre_rng_os),
        NACRE_ERR_USAGE);
}

/* ---- Lists ---- */

Test(cert, options_are_found, .init = odd_keys)
{
    struct nacre_bytes value = {NULL, 0};
    struct nacre_bytes list;
    struct nacre_bytes item;

    odd_good(NACRE_CERT_USER);
    odd_extension("a", NULL);
    odd_extension("b", "value");
    cr_assert(nacre_cert_option(odd.extensions, "a", &value));
    cr_assert_eq(value.n, 0);
    cr_assert(nacre_cert_option(odd.extensions, "b", &value));
    cr_assert(nacre_bytes_is(value, "value"));
    cr_assert_not(nacre_cert_option(odd.extensions, "c", &value));
    list = odd.principals;
    cr_assert(nacre_cert_next_string(&list, &item) && nacre_bytes_is(item, "bob"));
    cr_assert(nacre_cert_next_string(&list, &item) && nacre_bytes_is(item, ODD_USER));
    cr_assert_not(nacre_cert_next_string(&list, &item));
}

Test(cert, address_blocks)
{
    static const char *const good[] = {
        "192.0.2.1",        "192.0.2.0/24", "::/0",          "::1,10.0.0.0/8",
        "::ffff:192.0.2.1", "0.0.0.0/0",    "2001:db8::/32", NULL};
    static const char *const bad[] = {"",
                                      ",",
                                      "192.0.2.1,",
                                      ",192.0.2.1",
                                      "192.0.2.1/24",
                                      "192.0.2",
                                      "192.0.2.0/33",
                                      "192.0.2.0/",
                                      "192.0.2.0/-1",
                                      "::/129",
                                      "192.0.2.*",
                                      "!192.0.2.1",
                                      "host",
                                      " 192.0.2.1",
                                      "192.0.2.1 ",
                                      "fe80::1%lo",
                                      "192.0.2.0/24/24",
                                      NULL};
    struct nacre_bytes none = {NULL, 0};

    for (size_t i = 0; good[i] != NULL; i++)
        cr_assert(nacre_addr_blocks_valid(nacre_bytes_str(good[i])), "%s", good[i]);
    for (size_t i = 0; bad[i] != NULL; i++)
        cr_assert_not(nacre_addr_blocks_valid(nacre_bytes_str(bad[i])), "%s", bad[i]);
    cr_assert_not(nacre_addr_blocks_valid(none));
}
