/* SPDX-License-Identifier: ISC
 *
 * Allowed-signers lines: every option, what is refused, and who may sign what, when, with plain
 * keys and certificates; s20 (cut at every byte, each bit flipped), s45 (certificates that are no
 * good), s46 (zeroed lines and questions allow nothing).
 */
#include "proto/keys/nacre_signers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t work[NACRE_WORK];

struct key {
    struct nacre_privkey private;
    struct nacre_bytes blob;
    char text[NACRE_PUBKEY_TEXT_LEN(64, 8)];
};

static void make_key(struct key *k, uint8_t seed)
{
    static const struct nacre_bytes none;
    uint8_t bytes[NACRE_ED25519_SEED_LEN];

    memset(bytes, seed, sizeof bytes);
    nacre_privkey_from_seed(&k->private, bytes);
    k->blob = nacre_privkey_public_blob(&k->private);
    cr_assert_eq(nacre_pubkey_format(k->text, sizeof k->text, k->blob, none), NACRE_OK);
}

static struct nacre_bytes text(const char *s)
{
    return nacre_bytes_str(s);
}

static uint8_t room[NACRE_LINE_MAX];

static nacre_err parse(struct nacre_signer *s, const char *format, const char *key)
{
    static char line[NACRE_LINE_MAX];
    int n = snprintf(line, sizeof line, format, key);

    cr_assert(n > 0 && (size_t)n < sizeof line);
    return nacre_signer_parse(s, text(line), room, sizeof room);
}

/* ---- Lines ---- */

Test(allowed_signers, lines)
{
    static struct key k;
    struct nacre_signer s;

    make_key(&k, 1);
    cr_assert_eq(parse(&s, "bob@example.com,*@x.org,!mallory@x.org %s some comment", k.text),
                 NACRE_OK);
    cr_assert(nacre_bytes_is(s.principals, "bob@example.com,*@x.org,!mallory@x.org"));
    cr_assert(s.key.blob.n == k.blob.n && memcmp(s.key.blob.p, k.blob.p, k.blob.n) == 0);
    cr_assert(!s.blank && !s.cert_authority && !s.has_namespaces && !s.after.given &&
              !s.before.given);
    cr_assert(nacre_signer_is_for(&s, text("alice@x.org")));
    cr_assert(!nacre_signer_is_for(&s, text("mallory@x.org")));
    cr_assert(!nacre_signer_is_for(&s, text("")));

    cr_assert_eq(
        parse(&s,
              "\"a b\" CERT-Authority,namespaces=\"git,fi\\\"le\",valid-after=\"20200101Z\","
              "valid-before=\"202101020304\"\t%s",
              k.text),
        NACRE_OK);
    cr_assert(nacre_bytes_is(s.principals, "a b"));
    cr_assert(s.cert_authority && s.has_namespaces);
    cr_assert(nacre_bytes_is(s.namespaces, "git,fi\"le"));
    cr_assert(s.after.given && !s.after.local && s.after.t == 1577836800);
    cr_assert(s.before.given && s.before.local && s.before.t == 1609556640);

    cr_assert_eq(parse(&s, "a valid-after=\"20200101utc\",valid-before=\"20200102UTC\" %s", k.text),
                 NACRE_OK);
    cr_assert(!s.after.local && s.after.t == 1577836800);
    cr_assert(!s.before.local && s.before.t == 1577923200);

    cr_assert_eq(parse(&s, "  \t# %s", k.text), NACRE_OK);
    cr_assert(s.blank && s.principals.n == 0);
    cr_assert_eq(parse(&s, "%s", "\t"), NACRE_OK);
    cr_assert(s.blank);
    cr_assert_eq(parse(&s, "a %s", "new-type@x AAAACm5ldy10eXBlQHg="), NACRE_OK);
    cr_assert(!s.blank && s.key.type == NULL && s.key.blob.n > 0);
}

Test(allowed_signers, damaged_lines)
{
    static const struct {
        const char *line; /* %s is a good key */
        const char *what;
    } rows[] = {
        {"%s", "missing key"}, /* its type is taken for principals, its base64 for options */
        {"only", "missing key"},
        {"only ", "missing key"},
        {"\"open %s", "invalid line"},
        {"\"\" %s", "invalid line"},
        {"\"a\"%s", "invalid line"},
        {"a bogus %s", "unknown key option"},
        {"a cert-authorityx %s", "unknown key option"},
        {"a cert-authority, %s", "unknown key option"},
        {"a cert-authority", "missing key"},
        {"a cert-authority,namespaces=\"x\"", "missing key"},
        {"a namespaces=x %s", "value without quotes around it"},
        {"a namespaces=\"x %s", "value without quotes around it"},
        {"a namespaces=\"x\",namespaces=\"y\" %s", "multiple \"namespaces\" clauses"},
        {"a valid-after=\"UTC\" %s", "invalid \"valid-after\" time"},
        {"a valid-after=\"20200101TC\" %s", "invalid \"valid-after\" time"},
        {"a valid-after=\"2020\" %s", "invalid \"valid-after\" time"},
        {"a valid-before=\"20201301\" %s", "invalid \"valid-before\" time"},
        {"a valid-after=\"20200101\",valid-after=\"20200101\" %s",
         "multiple \"valid-after\" clauses"},
        {"a valid-before=\"20200101\",valid-before=\"20200101\" %s",
         "multiple \"valid-before\" clauses"},
        {"a valid-after=\"20200102\",valid-before=\"20200101\" %s",
         "\"valid-before\" time is before \"valid-after\""},
        {"a valid-after=\"20200101\",valid-before=\"20200101\" %s",
         "\"valid-before\" time is before \"valid-after\""},
        {"a cert-authority ssh-ed25519", "invalid key"},
        {"a cert-authority ssh-ed25519 AAAA", "invalid key"},
        {"a ssh-ed25519 AAAA", "invalid key"},
        {"a ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAAA==", "invalid key"},
    };
    static struct key k;

    make_key(&k, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nacre_signer s;

        cr_assert_neq(parse(&s, rows[i].line, k.text), NACRE_OK, "row %zu", i);
        cr_assert(s.what != NULL, "row %zu", i);
        if (i > 0)
            cr_assert_str_eq(s.what, rows[i].what, "row %zu: %s", i, s.what);
        cr_assert(s.key.blob.n == 0 && !s.cert_authority && !s.has_namespaces && !s.blank);
    }
}

/* A search for "a" must stop at a damaged line for "a", and may pass one for another. */
Test(allowed_signers, principals_of_damaged_lines)
{
    struct nacre_signer s;

    cr_assert_eq(parse(&s, "a bogus %s", "x"), NACRE_ERR_FILE_FORMAT);
    cr_assert(nacre_signer_is_for(&s, text("a")));
    cr_assert(!nacre_signer_is_for(&s, text("b")));
    cr_assert_eq(parse(&s, "%s", "a"), NACRE_ERR_FILE_FORMAT);
    cr_assert(nacre_signer_is_for(&s, text("a")));
    cr_assert_eq(parse(&s, "\"a %s", "x"), NACRE_ERR_FILE_FORMAT);
    cr_assert_eq(s.principals.n, 0, "not known whom it is for");
}

Test(allowed_signers, s20_cut_and_flipped)
{
    static struct key k;
    static char line[1024];
    struct nacre_signer s;
    size_t n;

    make_key(&k, 1);
    n = (size_t)snprintf(line, sizeof line,
                         "\"a b\" cert-authority,namespaces=\"git\",valid-after=\"20200101Z\" %s",
                         k.text);
    for (size_t cut = 1; cut < n; cut++) {
        char *copy = malloc(cut);
        uint8_t *buf = malloc(cut);
        struct nacre_bytes b = {(uint8_t *)copy, cut};

        cr_assert(copy != NULL && buf != NULL);
        memcpy(copy, line, cut);
        cr_assert_neq(nacre_signer_parse(&s, b, buf, cut), NACRE_OK, "cut at %zu", cut);
        free(copy);
        free(buf);
    }
    for (size_t i = 0; i < 8 * n; i++) {
        nacre_err err;

        line[i / 8] = (char)(line[i / 8] ^ 1 << i % 8);
        err = nacre_signer_parse(&s, text(line), room, sizeof room);
        cr_assert_eq(err == NACRE_OK, s.what == NULL, "bit %zu", i);
        line[i / 8] = (char)(line[i / 8] ^ 1 << i % 8);
    }
    for (size_t cap = 0; cap < k.blob.n; cap++)
        cr_assert_neq(nacre_signer_parse(&s, text(line), room, cap), NACRE_OK);
}

/* ---- Questions ---- */

Test(allowed_signers, plain_keys)
{
    static struct key k, other;
    static const struct {
        const char *options, *principal, *name_space;
        uint64_t now;
        enum nacre_signer_verdict verdict;
    } rows[] = {
        {"", "bob@x", "git", 0, NACRE_SIGNER_ALLOWED},
        {"", "Bob@x", "git", 0, NACRE_SIGNER_OTHER}, /* another principal, as for ssh-keygen */
        {"", "bob@xy", "git", 0, NACRE_SIGNER_OTHER},
        {"", "*", "git", 0, NACRE_SIGNER_OTHER}, /* patterns stand in the file alone */
        {"", "", "git", 0, NACRE_SIGNER_OTHER},
        {"namespaces=\"git\" ", "bob@x", "git", 0, NACRE_SIGNER_ALLOWED},
        {"namespaces=\"git\" ", "bob@x", "gi", 0, NACRE_SIGNER_NAMESPACE},
        {"namespaces=\"git\" ", "bob@x", "Git", 0, NACRE_SIGNER_NAMESPACE},
        {"namespaces=\"f*,git\" ", "bob@x", "file", 0, NACRE_SIGNER_ALLOWED},
        {"namespaces=\"*,!file\" ", "bob@x", "file", 0, NACRE_SIGNER_NAMESPACE},
        {"namespaces=\"\" ", "bob@x", "file", 0, NACRE_SIGNER_NAMESPACE},
        {"valid-after=\"20200101Z\" ", "bob@x", "git", 1577836799, NACRE_SIGNER_NOT_YET},
        {"valid-after=\"20200101Z\" ", "bob@x", "git", 1577836800, NACRE_SIGNER_ALLOWED},
        {"valid-before=\"20200101Z\" ", "bob@x", "git", 1577836800, NACRE_SIGNER_ALLOWED},
        {"valid-before=\"20200101Z\" ", "bob@x", "git", 1577836801, NACRE_SIGNER_EXPIRED},
        {"valid-after=\"20200101\" ", "bob@x", "git", 1577836800, NACRE_SIGNER_NOT_YET},
        {"valid-after=\"20200101\" ", "bob@x", "git", 1577840400, NACRE_SIGNER_ALLOWED},
        {"valid-before=\"20200101\" ", "bob@x", "git", 1577840401, NACRE_SIGNER_EXPIRED},
        {"cert-authority ", "bob@x", "git", 0, NACRE_SIGNER_OTHER},
    };

    make_key(&k, 1);
    make_key(&other, 2);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nacre_signer_question q = {.principal = text(rows[i].principal),
                                          .name_space = text(rows[i].name_space),
                                          .key = k.blob,
                                          .now = rows[i].now,
                                          .now_local = rows[i].now - 3600};
        struct nacre_signer s;
        char line[512];

        (void)snprintf(line, sizeof line, "alice@x,bob@x %s%s", rows[i].options, k.text);
        cr_assert_eq(parse(&s, "%s", line), NACRE_OK);
        cr_assert_eq(nacre_signer_check(&s, &q, NULL, work), rows[i].verdict, "row %zu", i);
        q.key = other.blob;
        cr_assert_eq(nacre_signer_check(&s, &q, NULL, work), NACRE_SIGNER_OTHER);
        cr_assert_eq(nacre_signer_check_any(&s, &q), NACRE_SIGNER_OTHER);
    }
}

Test(allowed_signers, s46_zeroed_allows_nothing)
{
    static const struct nacre_signer zero_line;
    static const struct nacre_signer_question zero_question;
    static struct key k;
    struct nacre_signer s;
    struct nacre_signer_question q = {.principal = text("a"), .key = {NULL, 0}};

    make_key(&k, 1);
    cr_assert_eq(nacre_signer_check(&zero_line, &zero_question, NULL, work), NACRE_SIGNER_OTHER);
    cr_assert_eq(nacre_signer_check(&zero_line, &q, NULL, work), NACRE_SIGNER_OTHER);
    cr_assert_eq(nacre_signer_check_any(&zero_line, &zero_question), NACRE_SIGNER_OTHER);
    cr_assert_eq(parse(&s, "* %s", k.text), NACRE_OK);
    cr_assert_eq(nacre_signer_check(&s, &zero_question, NULL, work), NACRE_SIGNER_OTHER);
    cr_assert_eq(nacre_signer_check(&s, &q, NULL, work), NACRE_SIGNER_OTHER);
    cr_assert_eq(nacre_signer_check_any(&s, &q), NACRE_SIGNER_OTHER);
    cr_assert_eq(parse(&s, "# %s", k.text), NACRE_OK);
    q.key = k.blob;
    cr_assert_eq(nacre_signer_check(&s, &q, NULL, work), NACRE_SIGNER_OTHER);
    /* a key of small order, though the line names it, and an unknown type */
    cr_assert_eq(parse(&s, "a %s",
                       "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                       "AAAAA"),
                 NACRE_OK);
    q.key = s.key.blob;
    cr_assert_eq(nacre_signer_check(&s, &q, NULL, work), NACRE_SIGNER_OTHER);
    cr_assert_eq(parse(&s, "a %s", "new-type@x AAAACm5ldy10eXBlQHg="), NACRE_OK);
    q.key = s.key.blob;
    cr_assert_eq(nacre_signer_check(&s, &q, NULL, work), NACRE_SIGNER_OTHER);
}

struct certificate {
    uint8_t blob[1024];
    struct nacre_bytes b;
};

static void make_cert(struct certificate *out, const struct key *k, const struct key *ca,
                      enum nacre_cert_kind kind, const char *principal, struct nacre_bytes critical)
{
    uint8_t principals[64] = {0, 0, 0, 0};
    struct nacre_cert c;

    cr_assert_eq(nacre_cert_begin(&c, k->blob), NACRE_OK);
    c.kind = kind;
    c.valid_after = 1000;
    c.valid_before = 2000;
    principals[3] = (uint8_t)strlen(principal);
    memcpy(principals + 4, principal, strlen(principal));
    if (principal[0] != '\0')
        c.principals = (struct nacre_bytes){principals, 4 + strlen(principal)};
    c.critical = critical;
    cr_assert_eq(nacre_cert_issue(out->blob, sizeof out->blob, &out->b.n, &c, &ca->private, NULL,
                                  &nacre_rng_os, work),
                 NACRE_OK);
    out->b.p = out->blob;
}

/* S45: only a whole certificate of the line's authority, for users, now, with the principal in it.
 */
Test(allowed_signers, s45_certificates)
{
    static const uint8_t unknown[] = {0, 0, 0, 3, 'f', 'o', 'o', 0, 0, 0, 0};
    static const struct nacre_bytes none;
    static struct key k, ca, other;
    static struct certificate good, for_host, nobody, critical, forged;
    struct nacre_signer line, plain, itself;
    static uint8_t room2[NACRE_LINE_MAX], room3[NACRE_LINE_MAX];
    static char text_line[2048];
    const char *what;

    make_key(&k, 1);
    make_key(&ca, 2);
    make_key(&other, 3);
    make_cert(&good, &k, &ca, NACRE_CERT_USER, "bob@x", none);
    make_cert(&for_host, &k, &ca, NACRE_CERT_HOST, "bob@x", none);
    make_cert(&nobody, &k, &ca, NACRE_CERT_USER, "", none);
    make_cert(&critical, &k, &ca, NACRE_CERT_USER, "bob@x",
              (struct nacre_bytes){unknown, sizeof unknown});
    forged = good;
    forged.b.p = forged.blob;
    forged.blob[forged.b.n - 1] ^= 1;
    const struct {
        struct nacre_bytes key;
        const char *principal;
        uint64_t now;
        enum nacre_signer_verdict verdict;
        const char *what;
    } rows[] = {
        {good.b, "bob@x", 1000, NACRE_SIGNER_ALLOWED, ""},
        {good.b, "bob@x", 1999, NACRE_SIGNER_ALLOWED, ""},
        {good.b, "bob@x", 999, NACRE_SIGNER_CERT, "not yet valid"},
        {good.b, "bob@x", 2000, NACRE_SIGNER_CERT, "expired"},
        {good.b, "BOB@x", 1500, NACRE_SIGNER_CERT, "is for another user"},
        {good.b, "eve@x", 1500, NACRE_SIGNER_CERT, "is for another user"},
        {good.b, "bob@y", 1500, NACRE_SIGNER_OTHER, ""},
        {for_host.b, "bob@x", 1500, NACRE_SIGNER_CERT, "not a user certificate"},
        {nobody.b, "bob@x", 1500, NACRE_SIGNER_CERT, "names no principal"},
        {critical.b, "bob@x", 1500, NACRE_SIGNER_CERT,
         "has a critical option that is not understood"},
        {forged.b, "bob@x", 1500, NACRE_SIGNER_CERT, "its authority did not sign it"},
        {k.blob, "bob@x", 1500, NACRE_SIGNER_OTHER, ""},
        {ca.blob, "bob@x", 1500, NACRE_SIGNER_OTHER, ""},
        {other.blob, "bob@x", 1500, NACRE_SIGNER_OTHER, ""},
    };

    cr_assert_eq(parse(&line, "*@x cert-authority %s", ca.text), NACRE_OK);
    (void)snprintf(text_line, sizeof text_line, "*@x %s", ca.text);
    cr_assert_eq(nacre_signer_parse(&plain, text(text_line), room2, sizeof room2), NACRE_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nacre_signer_question q = {
            .principal = text(rows[i].principal), .key = rows[i].key, .now = rows[i].now};

        cr_assert_eq(nacre_signer_check(&line, &q, &what, work), rows[i].verdict, "row %zu", i);
        cr_assert_str_eq(what, rows[i].what, "row %zu: %s", i, what);
        /* without cert-authority the key is for its own signatures */
        cr_assert_eq(nacre_signer_check(&plain, &q, &what, work),
                     i == 12 ? NACRE_SIGNER_ALLOWED : NACRE_SIGNER_OTHER, "row %zu", i);
        cr_assert_eq(nacre_signer_check_any(&line, &q), NACRE_SIGNER_OTHER);
    }
    /* a line may name one certificate by itself */
    (void)snprintf(text_line, sizeof text_line, "*@x ");
    cr_assert_eq(nacre_pubkey_format(text_line + 4, sizeof text_line - 4, good.b, none), NACRE_OK);
    cr_assert_eq(nacre_signer_parse(&itself, text(text_line), room3, sizeof room3), NACRE_OK);
    struct nacre_signer_question q = {.principal = text("eve@x"), .key = good.b, .now = 1500};

    cr_assert_eq(nacre_signer_check(&itself, &q, &what, work), NACRE_SIGNER_ALLOWED);
    q.key = nobody.b;
    cr_assert_eq(nacre_signer_check(&itself, &q, &what, work), NACRE_SIGNER_OTHER);
}
