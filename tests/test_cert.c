/* SPDX-License-Identifier: ISC
 *
 * Certificates: those of ssh-keygen for every type of key and authority are read as they were asked
 * for, cut and damaged ones are refused; ours are read back; forty that are wrong, each in one way,
 * are refused for what they are (S45).
 */
#include "proto/keys/cert.h"
#include "proto/wire.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static uint64_t ct_work[NACRE_WORK]; /* certificate tests' */

/* Bytes that count up, so that runs are equal; fails at its n-th call. */
struct cert_rng {
    unsigned calls, fail_at;
};

static bool cert_fill(void *ctx, uint8_t *out, size_t n)
{
    struct cert_rng *r = ctx;

    if (++r->calls == r->fail_at)
        return false;
    memset(out, (int)r->calls, n);
    return true;
}

static struct nacre_bytes of_str(const char *s)
{
    return nacre_bytes_str(s);
}

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
        cr_assert_eq(nacre_cert_verify(&c, ct_work), NACRE_OK, "line %u", v.line);
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
            cr_assert_neq(nacre_cert_verify(&c, ct_work), NACRE_OK, "bit %zu", bit);
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

/* ---- Made here, checked or not ---- */

/* All that a certificate says, as bytes that nobody looked at. */
struct spec {
    struct nacre_bytes name, plain; /* empty: of the subject */
    uint32_t kind;
    uint64_t after, before;
    struct nacre_bytes key_id, principals, critical, extensions, reserved;
    struct nacre_bytes ca;  /* empty: of the authority */
    const char *sig_name;   /* NULL: as it was signed */
    bool flip;              /* spoils the signature */
    uint8_t list[4][20000]; /* for principals, critical, extensions, key_id */
};

static struct nacre_privkey subject, authority;
static struct spec spec;

static void make_keys(void)
{
    static const uint8_t a[NACRE_ED25519_SEED_LEN] = {1};
    static const uint8_t b[NACRE_ED25519_SEED_LEN] = {2};

    nacre_privkey_from_seed(&subject, a);
    nacre_privkey_from_seed(&authority, b);
}

/* Packs strings, ended by a NULL, into a list of the spec. */
static struct nacre_bytes pack(unsigned which, const char *const *strings)
{
    struct ncr_wr w = ncr_wr(spec.list[which], sizeof spec.list[which]);

    for (; *strings != NULL; strings++)
        ncr_wr_cstring(&w, *strings);
    cr_assert_not(w.bad);
    return ncr_wr_done(&w);
}

/* Appends an option; value NULL: a flag. */
static void option(struct nacre_bytes *list, unsigned which, const char *name, const char *value)
{
    struct ncr_wr w = ncr_wr(spec.list[which], sizeof spec.list[which]);
    size_t mark;

    w.n = list->n;
    ncr_wr_cstring(&w, name);
    mark = ncr_wr_string_begin(&w);
    if (value != NULL)
        ncr_wr_cstring(&w, value);
    ncr_wr_string_end(&w, mark);
    cr_assert_not(w.bad);
    *list = ncr_wr_done(&w);
}

static void critical(const char *name, const char *value)
{
    option(&spec.critical, 1, name, value);
}

static void extension(const char *name, const char *value)
{
    option(&spec.extensions, 2, name, value);
}

#define NOW 1000000
#define USER "alice"
#define HOST "host.example"

static void good_spec(enum nacre_cert_kind kind)
{
    static const char *const users[] = {"bob", USER, NULL};
    static const char *const hosts[] = {"other.example", HOST, NULL};

    memset(&spec, 0, sizeof spec);
    spec.kind = (uint32_t)kind;
    spec.after = NOW - 10;
    spec.before = NOW + 10;
    spec.key_id = of_str("id");
    spec.principals = pack(0, kind == NACRE_CERT_USER ? users : hosts);
}

static struct nacre_bytes without_name(struct nacre_bytes blob)
{
    struct ncr_rd r = ncr_rd(blob);

    (void)ncr_rd_string(&r);
    return ncr_rd_rest(&r);
}

static struct nacre_bytes write_spec(uint8_t *out, size_t cap)
{
    struct ncr_wr w = ncr_wr(out, cap);
    struct nacre_bytes fields =
        without_name(spec.plain.n > 0 ? spec.plain : nacre_privkey_public_blob(&subject));
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    struct nacre_bytes s = {sig, 0};

    ncr_wr_string(&w, spec.name.n > 0 ? spec.name : of_str("ssh-ed25519-cert-v01@openssh.com"));
    ncr_wr_cstring(&w, "nonce");
    ncr_wr_bytes(&w, fields.p, fields.n);
    ncr_wr_u64(&w, 7);
    ncr_wr_u32(&w, spec.kind);
    ncr_wr_string(&w, spec.key_id);
    ncr_wr_string(&w, spec.principals);
    ncr_wr_u64(&w, spec.after);
    ncr_wr_u64(&w, spec.before);
    ncr_wr_string(&w, spec.critical);
    ncr_wr_string(&w, spec.extensions);
    ncr_wr_string(&w, spec.reserved);
    ncr_wr_string(&w, spec.ca.n > 0 ? spec.ca : nacre_privkey_public_blob(&authority));
    cr_assert_eq(nacre_privkey_sign(&authority, of_str("ssh-ed25519"), ncr_wr_done(&w), sig,
                                    sizeof sig, &s.n, &nacre_rng_os, ct_work),
                 NACRE_OK);
    if (spec.flip)
        sig[s.n - 40] ^= 1;
    if (spec.sig_name != NULL) {
        size_t mark = ncr_wr_string_begin(&w);
        struct nacre_bytes rest = without_name(s);

        ncr_wr_cstring(&w, spec.sig_name);
        ncr_wr_bytes(&w, rest.p, rest.n);
        ncr_wr_string_end(&w, mark);
    } else {
        ncr_wr_string(&w, s);
    }
    cr_assert_not(w.bad);
    return ncr_wr_done(&w);
}

/* What becomes of it: decode, verify, check in this order; *what is check's. */
static nacre_err judge_as(enum nacre_cert_kind kind, const char *principal, uint64_t now,
                          const char **what)
{
    static uint8_t blob[40000];
    struct nacre_bytes name = of_str(principal != NULL ? principal : "");
    struct nacre_cert c;
    nacre_err err = nacre_cert_decode(&c, write_spec(blob, sizeof blob), NULL, 0);

    *what = "";
    if (err == NACRE_OK)
        err = nacre_cert_verify(&c, ct_work);
    if (err == NACRE_OK)
        err = nacre_cert_check(&c, kind, principal != NULL ? &name : NULL, now, what);
    return err;
}

static void expect_user(nacre_err want, const char *why)
{
    const char *what;
    nacre_err got = judge_as(NACRE_CERT_USER, USER, NOW, &what);

    cr_assert_eq(got, want, "%s: %d %s", why, (int)got, what);
    cr_assert_str_eq(what, want == NACRE_ERR_KEY_REFUSED ? why : "");
}

Test(cert, s45_kind_by_use, .init = make_keys)
{
    const char *what;

    good_spec(NACRE_CERT_USER);
    expect_user(NACRE_OK, "");
    cr_assert_eq(judge_as(NACRE_CERT_HOST, USER, NOW, &what), NACRE_ERR_KEY_REFUSED);
    cr_assert_str_eq(what, "not a host certificate");
    good_spec(NACRE_CERT_HOST);
    cr_assert_eq(judge_as(NACRE_CERT_HOST, HOST, NOW, &what), NACRE_OK);
    cr_assert_eq(judge_as(NACRE_CERT_USER, HOST, NOW, &what), NACRE_ERR_KEY_REFUSED);
    cr_assert_str_eq(what, "not a user certificate");
    for (uint32_t kind = 0; kind < 6; kind++) {
        if (kind == NACRE_CERT_USER || kind == NACRE_CERT_HOST)
            continue;
        spec.kind = kind == 5 ? UINT32_MAX : kind;
        expect_user(NACRE_ERR_KEY_FORMAT, "kind");
    }
}

Test(cert, s45_principals, .init = make_keys)
{
    static const char *const comma[] = {"bob,alice", "alice,", ",alice",  "alic", "alicee",
                                        "ALICE",     "*",      "alice\n", "",     NULL};
    static const char *const hosts[] = {"*.example", NULL};
    const char *what;

    good_spec(NACRE_CERT_USER);
    spec.principals = (struct nacre_bytes){NULL, 0};
    expect_user(NACRE_ERR_KEY_REFUSED, "names no principal");
    cr_assert_eq(judge_as(NACRE_CERT_USER, NULL, NOW, &what), NACRE_ERR_KEY_REFUSED);
    for (size_t i = 0; comma[i] != NULL; i++) { /* 2026-35414: names are compared whole */
        const char *const one[] = {comma[i], NULL};

        spec.principals = pack(0, one);
        expect_user(NACRE_ERR_KEY_REFUSED, "is for another user");
    }
    spec.principals = (struct nacre_bytes){(const uint8_t *)"\0\0\0\6ali\0ce", 10};
    expect_user(NACRE_ERR_KEY_FORMAT, "NUL");
    spec.principals.n = 9;
    expect_user(NACRE_ERR_KEY_FORMAT, "list cut");
    good_spec(NACRE_CERT_HOST);
    spec.principals = pack(0, hosts); /* hosts' may be patterns */
    cr_assert_eq(judge_as(NACRE_CERT_HOST, HOST, NOW, &what), NACRE_OK);
    cr_assert_eq(judge_as(NACRE_CERT_HOST, "host.example.org", NOW, &what), NACRE_ERR_KEY_REFUSED);
    cr_assert_str_eq(what, "is for another host");
    spec.principals = (struct nacre_bytes){NULL, 0};
    cr_assert_eq(judge_as(NACRE_CERT_HOST, HOST, NOW, &what), NACRE_ERR_KEY_REFUSED);
}

Test(cert, s45_validity, .init = make_keys)
{
    static const struct {
        uint64_t after, before;
        const char *what; /* NULL: good */
    } cases[] = {
        {NOW, NOW + 1, NULL},
        {0, UINT64_MAX, NULL},
        {0, NOW, "expired"},
        {0, NOW - 1, "expired"},
        {NOW + 1, UINT64_MAX, "not yet valid"},
        {NOW, NOW, "expired"},
        {UINT64_MAX, 0, "not yet valid"},
        {0, 0, "expired"},
        {UINT64_MAX, UINT64_MAX, "not yet valid"},
    };

    good_spec(NACRE_CERT_USER);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        spec.after = cases[i].after;
        spec.before = cases[i].before;
        expect_user(cases[i].what == NULL ? NACRE_OK : NACRE_ERR_KEY_REFUSED,
                    cases[i].what == NULL ? "" : cases[i].what);
    }
}

Test(cert, s45_critical_options, .init = make_keys)
{
    static const char unknown[] = "has a critical option that is not understood";
    static const struct {
        const char *name, *value;
        bool good;
    } cases[] = {
        {"force-command", "/bin/true", true},
        {"force-command", "", true},
        {"force-command", NULL, false},
        {"source-address", "192.0.2.0/24,2001:db8::/32,198.51.100.7", true},
        {"source-address", NULL, false},
        {"source-address", "", false},
        {"source-address", "192.0.2.0/24,", false},
        {"source-address", "192.0.2.1/24", false},
        {"source-address", "192.0.2.*", false},
        {"source-address", "!192.0.2.0/24", false},
        {"source-address", "host.example", false},
        {"source-address", "192.0.2.0/33", false},
        {"verify-required", NULL, true},
        {"verify-required", "", false},
        {"verify-required", "yes", false},
        {"no-touch-required", NULL, false},
        {"permit-pty", NULL, false},
        {"Force-Command", "/bin/true", false},
        {"force-command ", "/bin/true", false},
        {"", NULL, false},
        {"new@example", NULL, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        good_spec(NACRE_CERT_USER);
        critical(cases[i].name, cases[i].value);
        expect_user(cases[i].good ? NACRE_OK : NACRE_ERR_KEY_REFUSED, cases[i].good ? "" : unknown);
    }
    good_spec(NACRE_CERT_USER); /* a value with a byte behind its string, and one that is cut */
    spec.critical =
        (struct nacre_bytes){(const uint8_t *)"\0\0\0\15force-command\0\0\0\6\0\0\0\1xy", 27};
    expect_user(NACRE_ERR_KEY_REFUSED, unknown);
    spec.critical =
        (struct nacre_bytes){(const uint8_t *)"\0\0\0\15force-command\0\0\0\6\0\0\0\3xy", 27};
    expect_user(NACRE_ERR_KEY_REFUSED, unknown);
    spec.critical =
        (struct nacre_bytes){(const uint8_t *)"\0\0\0\15force-command\0\0\0\6\0\0\0\2x\0", 27};
    expect_user(NACRE_ERR_KEY_REFUSED, unknown);
    spec.critical.n = 20;
    expect_user(NACRE_ERR_KEY_FORMAT, "pair cut");
}

/* Hosts have no critical options. */
Test(cert, s45_critical_options_of_hosts, .init = make_keys)
{
    const char *what;

    good_spec(NACRE_CERT_HOST);
    critical("force-command", "/bin/true");
    cr_assert_eq(judge_as(NACRE_CERT_HOST, HOST, NOW, &what), NACRE_ERR_KEY_REFUSED);
    cr_assert_str_eq(what, "has a critical option that is not understood");
}

/* The format has them in order and once each; two of a name could be read as either. Out of order
 * they say the same, and older ssh-keygen wrote them so. */
Test(cert, certkeys_options_once, .init = make_keys)
{
    good_spec(NACRE_CERT_USER);
    critical("force-command", "/bin/true");
    critical("force-command", "/bin/sh");
    expect_user(NACRE_ERR_KEY_REFUSED, "has an option twice");
    good_spec(NACRE_CERT_USER);
    extension("permit-pty", NULL);
    extension("x@example", NULL);
    extension("permit-pty", NULL);
    expect_user(NACRE_ERR_KEY_REFUSED, "has an option twice");
    good_spec(NACRE_CERT_USER);
    extension("permit-pty", NULL);
    extension("login@example", "alice");
    critical("verify-required", NULL);
    critical("force-command", "/bin/true");
    expect_user(NACRE_OK, "");
}

Test(cert, certkeys_unknown_extension_ignored, .init = make_keys)
{
    good_spec(NACRE_CERT_USER);
    extension("force-command", "/bin/true"); /* as an extension it is none that is known */
    extension("zzz@example", "value");
    expect_user(NACRE_OK, "");
    spec.reserved = of_str("for later");
    expect_user(NACRE_OK, "");
}

Test(cert, s45_nested, .init = make_keys)
{
    static uint8_t inner[4096];
    static uint8_t plain[4096];
    struct nacre_bytes cert;
    struct nacre_cert c;
    struct ncr_wr w = ncr_wr(plain, sizeof plain);

    good_spec(NACRE_CERT_USER);
    cert = write_spec(inner, sizeof inner);
    spec.ca = cert; /* a certificate as authority */
    expect_user(NACRE_ERR_KEY_FORMAT, "authority");
    spec.ca = (struct nacre_bytes){NULL, 0};
    ncr_wr_cstring(&w, "ssh-ed25519"); /* a certificate's fields as the key */
    ncr_wr_bytes(&w, without_name(cert).p, without_name(cert).n);
    spec.plain = ncr_wr_done(&w);
    expect_user(NACRE_ERR_KEY_FORMAT, "plain key");
    cr_assert_eq(nacre_cert_begin(&c, cert), NACRE_ERR_UNKNOWN_ALG);
}

Test(cert, s45_authority, .init = make_keys)
{
    static const uint8_t unknown[] = "\0\0\0\7unknown\0\0\0\1x";

    good_spec(NACRE_CERT_USER);
    spec.ca = nacre_privkey_public_blob(&subject); /* another one than signed */
    expect_user(NACRE_ERR_SIG, "authority");
    spec.ca = (struct nacre_bytes){unknown, sizeof unknown - 1};
    expect_user(NACRE_ERR_KEY_FORMAT, "type");
    spec.ca = ncr_bytes_part(nacre_privkey_public_blob(&authority), 0, 50);
    expect_user(NACRE_ERR_KEY_FORMAT, "cut");
}

/* S42: the name in the signature is of the authority's type. */
Test(cert, s45_signature_algorithm, .init = make_keys)
{
    static const char *const names[] = {"ssh-rsa",
                                        "rsa-sha2-512",
                                        "ecdsa-sha2-nistp256",
                                        "ssh-ed25519-cert-v01@openssh.com",
                                        "none",
                                        ""};

    good_spec(NACRE_CERT_USER);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *what;

        spec.sig_name = names[i];
        cr_assert_neq(judge_as(NACRE_CERT_USER, USER, NOW, &what), NACRE_OK, "%s", names[i]);
    }
    spec.sig_name = NULL;
    spec.flip = true;
    expect_user(NACRE_ERR_SIG, "signature");
}

/* Every signature verifies under a key of small order: nobody's authority. */
Test(cert, s32_authority_of_small_order, .init = make_keys)
{
    uint8_t ca[51] = "\0\0\0\13ssh-ed25519\0\0\0 \1"; /* the neutral element */
    const char *what;

    good_spec(NACRE_CERT_USER);
    spec.ca = (struct nacre_bytes){ca, sizeof ca};
    cr_assert_neq(judge_as(NACRE_CERT_USER, USER, NOW, &what), NACRE_OK);
}

/* S33: too small for anybody to trust, however good the signature. */
Test(cert, s33_small_rsa, .init = make_keys)
{
    static uint8_t blob[4 + 7 + 4 + 3 + 4 + 129];
    struct ncr_wr w = ncr_wr(blob, sizeof blob);
    static uint8_t n[128];
    static uint8_t cert[4096];
    const char *what;

    memset(n, 0xff, sizeof n);
    ncr_wr_cstring(&w, "ssh-rsa");
    ncr_wr_mpint(&w, (const uint8_t *)"\1\0\1", 3);
    ncr_wr_mpint(&w, n, sizeof n);
    cr_assert_not(w.bad);
    good_spec(NACRE_CERT_USER);
    spec.ca = ncr_wr_done(&w);
    cr_assert_neq(judge_as(NACRE_CERT_USER, USER, NOW, &what), NACRE_OK);
    spec.sig_name = "rsa-sha2-512";
    cr_assert_neq(judge_as(NACRE_CERT_USER, USER, NOW, &what), NACRE_OK);
    good_spec(NACRE_CERT_USER); /* the key that it is about: where a signature by it is looked at */
    spec.name = of_str("ssh-rsa-cert-v01@openssh.com");
    spec.plain = ncr_wr_done(&w);
    cr_assert_eq(nacre_sig_verify(&nacre_algs_default, of_str("rsa-sha2-512-cert-v01@openssh.com"),
                                  write_spec(cert, sizeof cert), of_str("data"),
                                  (struct nacre_bytes){cert, 100}, ct_work),
                 NACRE_ERR_KEY_REFUSED);
}

static void sha256_of(uint8_t out[NACRE_SHA256_LEN], struct nacre_bytes m)
{
    struct nacre_sha256 c;

    nacre_sha256_init(&c);
    nacre_sha256_update(&c, m.p, m.n);
    nacre_sha256_final(out, &c);
}

/* An authority in a security key: its signature is over hashes, flags and a counter. */
static struct nacre_bytes write_sk(uint8_t *out, size_t cap, const char *application, uint8_t flags)
{
    static uint8_t ca[256];
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    uint8_t message[32 + 1 + 4 + 32];
    struct nacre_bytes plain = nacre_privkey_public_blob(&authority);
    struct nacre_bytes whole;
    struct ncr_wr w = ncr_wr(ca, sizeof ca);
    struct ncr_wr m = ncr_wr(message, sizeof message);
    struct ncr_rd r;
    uint8_t hash[32];
    size_t n;

    ncr_wr_cstring(&w, "sk-ssh-ed25519@openssh.com");
    ncr_wr_bytes(&w, without_name(plain).p, without_name(plain).n);
    ncr_wr_cstring(&w, "ssh:");
    spec.ca = ncr_wr_done(&w);
    whole = write_spec(out, cap); /* with a signature of the wrong kind behind it */
    whole.n -= 4 + 4 + 11 + 4 + 64;
    sha256_of(hash, of_str(application));
    ncr_wr_bytes(&m, hash, sizeof hash);
    ncr_wr_u8(&m, flags);
    ncr_wr_u32(&m, 5);
    sha256_of(hash, whole);
    ncr_wr_bytes(&m, hash, sizeof hash);
    cr_assert_eq(nacre_privkey_sign(&authority, of_str("ssh-ed25519"), ncr_wr_done(&m), sig,
                                    sizeof sig, &n, &nacre_rng_os, ct_work),
                 NACRE_OK);
    w = ncr_wr(out, cap);
    w.n = whole.n;
    n = ncr_wr_string_begin(&w);
    ncr_wr_cstring(&w, "sk-ssh-ed25519@openssh.com");
    r = ncr_rd((struct nacre_bytes){sig, 4 + 11 + 4 + 64});
    (void)ncr_rd_string(&r); /* the plain algorithm's name */
    ncr_wr_string(&w, ncr_rd_string(&r));
    ncr_wr_u8(&w, flags);
    ncr_wr_u32(&w, 5);
    ncr_wr_string_end(&w, n);
    cr_assert_not(w.bad);
    return ncr_wr_done(&w);
}

Test(cert, s43_authority_in_a_security_key, .init = make_keys)
{
    static uint8_t blob[4096];
    struct nacre_cert c;
    struct nacre_bytes b;

    good_spec(NACRE_CERT_USER);
    b = write_sk(blob, sizeof blob, "ssh:", 1);
    cr_assert_eq(nacre_cert_decode(&c, b, NULL, 0), NACRE_OK);
    cr_assert_eq(nacre_cert_verify(&c, ct_work), NACRE_OK);
    blob[b.n - 5] ^= 4; /* flags are signed */
    cr_assert_eq(nacre_cert_decode(&c, b, NULL, 0), NACRE_OK);
    cr_assert_neq(nacre_cert_verify(&c, ct_work), NACRE_OK);
    good_spec(NACRE_CERT_USER);
    b = write_sk(blob, sizeof blob, "ssh:other", 1);
    cr_assert_eq(nacre_cert_decode(&c, b, NULL, 0), NACRE_OK);
    cr_assert_neq(nacre_cert_verify(&c, ct_work), NACRE_OK);
}

Test(cert, s46_zeroed_refuses)
{
    static const struct nacre_cert zero;
    static const struct nacre_privkey no_key;
    uint8_t out[64];
    struct nacre_bytes b = {NULL, 0};
    const char *what = "";
    size_t n = 1;

    cr_assert_eq(nacre_cert_verify(&zero, ct_work), NACRE_ERR_SIG_FORMAT);
    cr_assert_eq(nacre_cert_check(&zero, NACRE_CERT_USER, NULL, 0, &what), NACRE_ERR_KEY_REFUSED);
    cr_assert_str_eq(what, "no certificate");
    cr_assert_eq(nacre_cert_check(&zero, (enum nacre_cert_kind)0, NULL, 0, NULL),
                 NACRE_ERR_KEY_REFUSED);
    cr_assert_not(nacre_cert_is(b));
    cr_assert_eq(nacre_cert_signature_alg(&zero).n, 0);
    cr_assert_eq(
        nacre_cert_issue(out, sizeof out, &n, &zero, &no_key, NULL, &nacre_rng_os, ct_work),
        NACRE_ERR_USAGE);
    cr_assert_eq(n, 0);
}

/* ---- Limits ---- */

Test(cert, limits, .init = make_keys)
{
    struct ncr_wr w = ncr_wr(spec.list[0], sizeof spec.list[0]);
    char name[8];

    good_spec(NACRE_CERT_USER);
    for (int i = 0; i < NACRE_CERT_PRINCIPALS_MAX - 1; i++)
        ncr_wr_cstring(&w, "u");
    ncr_wr_cstring(&w, USER);
    spec.principals = ncr_wr_done(&w);
    expect_user(NACRE_OK, "");
    ncr_wr_cstring(&w, "u");
    spec.principals = ncr_wr_done(&w);
    expect_user(NACRE_ERR_KEY_FORMAT, "257 principals");
    good_spec(NACRE_CERT_USER);
    for (int i = 0; i <= NACRE_CERT_OPTIONS_MAX; i++) {
        expect_user(NACRE_OK, "");
        name[0] = 'n';
        name[1] = (char)('0' + i / 10);
        name[2] = (char)('0' + i % 10);
        name[3] = '\0';
        extension(name, NULL);
    }
    expect_user(NACRE_ERR_KEY_FORMAT, "65 options");
    good_spec(NACRE_CERT_USER);
    memset(spec.list[3], 'i', sizeof spec.list[3]);
    spec.key_id = (struct nacre_bytes){spec.list[3], NACRE_CERT_KEY_ID_MAX};
    expect_user(NACRE_OK, "");
    spec.key_id.n++;
    expect_user(NACRE_ERR_KEY_FORMAT, "key id");
    spec.key_id = (struct nacre_bytes){(const uint8_t *)"i\0d", 3};
    expect_user(NACRE_ERR_KEY_FORMAT, "NUL in the key id");
    good_spec(NACRE_CERT_USER);
    spec.reserved = (struct nacre_bytes){spec.list[3], NACRE_KEY_BLOB_MAX};
    expect_user(NACRE_ERR_KEY_FORMAT, "octets");
}

/* ---- Issuing ---- */

static void good_cert(struct nacre_cert *c, const struct nacre_privkey *key)
{
    static const char *const users[] = {USER, NULL};

    cr_assert_eq(nacre_cert_begin(c, nacre_privkey_public_blob(key)), NACRE_OK);
    memset(&spec, 0, sizeof spec);
    critical("force-command", "/bin/true");
    critical("source-address", "192.0.2.0/24");
    extension("permit-pty", NULL);
    extension("x@example", "value");
    c->kind = NACRE_CERT_USER;
    c->serial = 42;
    c->key_id = of_str("key id");
    c->principals = pack(0, users);
    c->valid_after = 1;
    c->valid_before = NACRE_CERT_FOREVER;
    c->critical = spec.critical;
    c->extensions = spec.extensions;
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
    struct nacre_bytes user = of_str(USER);
    struct nacre_cert c;
    struct nacre_cert d;

    good_cert(&c, key);
    cr_assert_eq(nacre_cert_issue(blob, sizeof blob, &b.n, &c, ca, alg, &nacre_rng_os, ct_work),
                 NACRE_OK);
    cr_assert_eq(nacre_cert_decode(&d, b, plain, sizeof plain), NACRE_OK);
    cr_assert_eq(nacre_cert_verify(&d, ct_work), NACRE_OK);
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
        cr_assert_eq(nacre_privkey_generate(&keys[i], types[i], 0, &nacre_rng_os, ct_work),
                     NACRE_OK);
    for (size_t i = 0; i < TYPES; i++)
        for (size_t j = 0; j < TYPES; j++)
            issue_and_read(&keys[i], &keys[j], NULL);
    issue_and_read(&keys[0], &keys[TYPES - 1], "rsa-sha2-256");
    issue_and_read(&keys[0], &keys[TYPES - 1], "rsa-sha2-512");
}

/* A security key's public half, of which the authority needs no more. */
Test(cert, issue_for_security_keys, .init = make_keys)
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
        good_cert(&c, &subject);
        c.plain = plain;
        cr_assert_eq(
            nacre_cert_issue(blob, sizeof blob, &b.n, &c, &authority, NULL, &nacre_rng_os, ct_work),
            NACRE_ERR_USAGE); /* the name says Ed25519 */
        cr_assert_eq(nacre_cert_begin(&d, plain), NACRE_OK);
        c.type = d.type;
        c.name = d.name;
        cr_assert_eq(
            nacre_cert_issue(blob, sizeof blob, &b.n, &c, &authority, NULL, &nacre_rng_os, ct_work),
            NACRE_OK);
        cr_assert_eq(nacre_cert_decode(&d, b, NULL, 0), NACRE_OK);
        cr_assert_eq(nacre_cert_verify(&d, ct_work), NACRE_OK);
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
        nacre_cert_issue(blob, sizeof blob, &n, c, &authority, alg, &nacre_rng_os, ct_work);

    cr_assert((err == NACRE_OK) == (n > 0));
    return err;
}

Test(cert, issue_refuses_what_is_malformed, .init = make_keys)
{
    static const char long_id[NACRE_CERT_KEY_ID_MAX + 2];
    struct nacre_cert good;
    struct nacre_cert c;

    good_cert(&good, &subject);
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

Test(cert, certkeys_issue_options_in_order, .init = make_keys)
{
    struct nacre_cert c;

    good_cert(&c, &subject);
    extension("a@example", NULL); /* behind x@example */
    c.extensions = spec.extensions;
    cr_assert_eq(issue(&c, NULL), NACRE_ERR_USAGE);
    good_cert(&c, &subject);
    extension("x@example", NULL);
    c.extensions = spec.extensions;
    cr_assert_eq(issue(&c, NULL), NACRE_ERR_USAGE);
    good_cert(&c, &subject);
    extension("x@example.org", NULL);
    c.extensions = spec.extensions;
    cr_assert_eq(issue(&c, NULL), NACRE_OK);
}

/* SHA-1 of an RSA authority: no reader would take it. */
Test(cert, issue_without_sha1)
{
    static struct nacre_privkey rsa;
    static uint8_t blob[NACRE_KEY_BLOB_MAX];
    struct nacre_cert c;
    size_t n;

    make_keys();
    cr_assert_eq(nacre_privkey_generate(&rsa, "ssh-rsa", 2048, &nacre_rng_os, ct_work), NACRE_OK);
    good_cert(&c, &subject);
    cr_assert_eq(
        nacre_cert_issue(blob, sizeof blob, &n, &c, &rsa, "ssh-rsa", &nacre_rng_os, ct_work),
        NACRE_ERR_UNKNOWN_ALG);
}

Test(cert, issue_with_every_room, .init = make_keys)
{
    static uint8_t blob[1024];
    struct nacre_cert c;
    size_t cap = 0;
    size_t n;

    good_cert(&c, &subject);
    while (nacre_cert_issue(blob, cap, &n, &c, &authority, NULL, &nacre_rng_os, ct_work) ==
           NACRE_ERR_NO_ROOM) {
        cr_assert_eq(n, 0);
        cr_assert_lt(++cap, sizeof blob);
    }
    cr_assert_eq(n, cap);
}

Test(cert, issue_when_randomness_fails, .init = make_keys)
{
    static uint8_t blob[1024];
    struct cert_rng state = {0, 1};
    struct nacre_rng rng = {cert_fill, &state};
    struct nacre_cert c;
    size_t n;

    good_cert(&c, &subject);
    cr_assert_eq(nacre_cert_issue(blob, sizeof blob, &n, &c, &authority, NULL, &rng, ct_work),
                 NACRE_ERR_RNG);
    cr_assert_eq(n, 0);
    cr_assert_eq(
        nacre_cert_message(blob, sizeof blob, &n, &c, nacre_privkey_public_blob(&authority), &rng),
        NACRE_OK);
}

/* ---- An authority elsewhere ---- */

Test(cert, two_steps_are_one, .init = make_keys)
{
    static uint8_t one[1024];
    static uint8_t two[1024];
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    struct cert_rng states[2] = {{0, 0}, {0, 0}};
    struct nacre_rng rngs[2] = {{cert_fill, &states[0]}, {cert_fill, &states[1]}};
    struct nacre_bytes message = {two, 0};
    struct nacre_bytes s = {sig, 0};
    struct nacre_cert c;
    size_t n;

    good_cert(&c, &subject);
    cr_assert_eq(nacre_cert_issue(one, sizeof one, &n, &c, &authority, NULL, &rngs[0], ct_work),
                 NACRE_OK);
    cr_assert_eq(nacre_cert_message(two, sizeof two, &message.n, &c,
                                    nacre_privkey_public_blob(&authority), &rngs[1]),
                 NACRE_OK);
    cr_assert_eq(nacre_privkey_sign(&authority, of_str("ssh-ed25519"), message, sig, sizeof sig,
                                    &s.n, &nacre_rng_os, ct_work),
                 NACRE_OK);
    for (size_t cap = message.n; cap < n; cap++) {
        size_t m = message.n;

        cr_assert_eq(nacre_cert_seal(two, cap, &m, s, ct_work), NACRE_ERR_NO_ROOM);
        cr_assert_eq(m, 0);
    }
    cr_assert_eq(nacre_cert_seal(two, n, &message.n, s, ct_work), NACRE_OK);
    cr_assert_eq(message.n, n);
    cr_assert_arr_eq(one, two, n);
}

/* What an agent gives back is not taken on trust. */
Test(cert, s47_seal_checks_the_signature, .init = make_keys)
{
    static uint8_t out[1024];
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    struct nacre_bytes message = {out, 0};
    struct nacre_bytes s = {sig, 0};
    struct nacre_cert c;
    size_t n;

    good_cert(&c, &subject);
    cr_assert_eq(nacre_cert_message(out, sizeof out, &message.n, &c,
                                    nacre_privkey_public_blob(&authority), &nacre_rng_os),
                 NACRE_OK);
    n = message.n;
    cr_assert_eq(nacre_privkey_sign(&subject, of_str("ssh-ed25519"), message, sig, sizeof sig, &s.n,
                                    &nacre_rng_os, ct_work),
                 NACRE_OK); /* by another key */
    cr_assert_eq(nacre_cert_seal(out, sizeof out, &n, s, ct_work), NACRE_ERR_SIG);
    cr_assert_eq(n, 0);
    n = message.n;
    cr_assert_neq(nacre_cert_seal(out, sizeof out, &n, (struct nacre_bytes){sig, 0}, ct_work),
                  NACRE_OK);
    for (size_t cut = 1; cut < s.n; cut++) {
        n = message.n;
        cr_assert_neq(nacre_cert_seal(out, sizeof out, &n, ncr_bytes_part(s, 0, cut), ct_work),
                      NACRE_OK);
        cr_assert_eq(n, 0);
    }
    cr_assert_eq(
        nacre_cert_message(out, sizeof out, &n, &c, (struct nacre_bytes){NULL, 0}, &nacre_rng_os),
        NACRE_ERR_USAGE);
}

/* ---- Lists ---- */

Test(cert, options_are_found, .init = make_keys)
{
    struct nacre_bytes value = {NULL, 0};
    struct nacre_bytes list;
    struct nacre_bytes item;

    good_spec(NACRE_CERT_USER);
    extension("a", NULL);
    extension("b", "value");
    cr_assert(nacre_cert_option(spec.extensions, "a", &value));
    cr_assert_eq(value.n, 0);
    cr_assert(nacre_cert_option(spec.extensions, "b", &value));
    cr_assert(nacre_bytes_is(value, "value"));
    cr_assert_not(nacre_cert_option(spec.extensions, "c", &value));
    list = spec.principals;
    cr_assert(nacre_cert_next_string(&list, &item) && nacre_bytes_is(item, "bob"));
    cr_assert(nacre_cert_next_string(&list, &item) && nacre_bytes_is(item, USER));
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
        cr_assert(nacre_addr_blocks_valid(of_str(good[i])), "%s", good[i]);
    for (size_t i = 0; bad[i] != NULL; i++)
        cr_assert_not(nacre_addr_blocks_valid(of_str(bad[i])), "%s", bad[i]);
    cr_assert_not(nacre_addr_blocks_valid(none));
}
