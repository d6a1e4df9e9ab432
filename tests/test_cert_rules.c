/* SPDX-License-Identifier: ISC
 *
 * The rules for certificates: forty that are wrong, each in one way, are refused for what they are
 * (s45); authorities that may be none (s32, s33, s43), a zeroed certificate (s46), limits.
 */
#include "tests/odd_cert.h"

#include "proto/keys/cert.h"
#include "proto/wire.h"

#include <criterion/criterion.h>
#include <string.h>

/* What becomes of it: decode, verify, check in this order; *what is check's. */
static nacre_err judge_as(enum nacre_cert_kind kind, const char *principal, uint64_t now,
                          const char **what)
{
    static uint8_t blob[40000];
    struct nacre_bytes name = nacre_bytes_str(principal != NULL ? principal : "");
    struct nacre_cert c;
    nacre_err err = nacre_cert_decode(&c, odd_write(blob, sizeof blob), NULL, 0);

    *what = "";
    if (err == NACRE_OK)
        err = nacre_cert_verify(&c, odd_work);
    if (err == NACRE_OK)
        err = nacre_cert_check(&c, kind, principal != NULL ? &name : NULL, now, what);
    return err;
}

static void expect_user(nacre_err want, const char *why)
{
    const char *what;
    nacre_err got = judge_as(NACRE_CERT_USER, ODD_USER, ODD_NOW, &what);

    cr_assert_eq(got, want, "%s: %d %s", why, (int)got, what);
    cr_assert_str_eq(what, want == NACRE_ERR_KEY_REFUSED ? why : "");
}

Test(cert, s45_kind_by_use, .init = odd_keys)
{
    const char *what;

    odd_good(NACRE_CERT_USER);
    expect_user(NACRE_OK, "");
    cr_assert_eq(judge_as(NACRE_CERT_HOST, ODD_USER, ODD_NOW, &what), NACRE_ERR_KEY_REFUSED);
    cr_assert_str_eq(what, "not a host certificate");
    odd_good(NACRE_CERT_HOST);
    cr_assert_eq(judge_as(NACRE_CERT_HOST, ODD_HOST, ODD_NOW, &what), NACRE_OK);
    cr_assert_eq(judge_as(NACRE_CERT_USER, ODD_HOST, ODD_NOW, &what), NACRE_ERR_KEY_REFUSED);
    cr_assert_str_eq(what, "not a user certificate");
    for (uint32_t kind = 0; kind < 6; kind++) {
        if (kind == NACRE_CERT_USER || kind == NACRE_CERT_HOST)
            continue;
        odd.kind = kind == 5 ? UINT32_MAX : kind;
        expect_user(NACRE_ERR_KEY_FORMAT, "kind");
    }
}

Test(cert, s45_principals, .init = odd_keys)
{
    static const char *const comma[] = {"bob,alice", "alice,", ",alice",  "alic", "alicee",
                                        "ALICE",     "*",      "alice\n", "",     NULL};
    static const char *const hosts[] = {"*.example", NULL};
    const char *what;

    odd_good(NACRE_CERT_USER);
    odd.principals = (struct nacre_bytes){NULL, 0};
    expect_user(NACRE_ERR_KEY_REFUSED, "names no principal");
    cr_assert_eq(judge_as(NACRE_CERT_USER, NULL, ODD_NOW, &what), NACRE_ERR_KEY_REFUSED);
    for (size_t i = 0; comma[i] != NULL; i++) { /* 2026-35414: names are compared whole */
        const char *const one[] = {comma[i], NULL};

        odd.principals = odd_pack(0, one);
        expect_user(NACRE_ERR_KEY_REFUSED, "is for another user");
    }
    odd.principals = (struct nacre_bytes){(const uint8_t *)"\0\0\0\6ali\0ce", 10};
    expect_user(NACRE_ERR_KEY_FORMAT, "NUL");
    odd.principals.n = 9;
    expect_user(NACRE_ERR_KEY_FORMAT, "list cut");
    odd_good(NACRE_CERT_HOST);
    odd.principals = odd_pack(0, hosts); /* hosts' may be patterns */
    cr_assert_eq(judge_as(NACRE_CERT_HOST, ODD_HOST, ODD_NOW, &what), NACRE_OK);
    cr_assert_eq(judge_as(NACRE_CERT_HOST, "host.example.org", ODD_NOW, &what),
                 NACRE_ERR_KEY_REFUSED);
    cr_assert_str_eq(what, "is for another host");
    odd.principals = (struct nacre_bytes){NULL, 0};
    cr_assert_eq(judge_as(NACRE_CERT_HOST, ODD_HOST, ODD_NOW, &what), NACRE_ERR_KEY_REFUSED);
}

Test(cert, s45_validity, .init = odd_keys)
{
    static const struct {
        uint64_t after, before;
        const char *what; /* NULL: good */
    } cases[] = {
        {ODD_NOW, ODD_NOW + 1, NULL},
        {0, UINT64_MAX, NULL},
        {0, ODD_NOW, "expired"},
        {0, ODD_NOW - 1, "expired"},
        {ODD_NOW + 1, UINT64_MAX, "not yet valid"},
        {ODD_NOW, ODD_NOW, "expired"},
        {UINT64_MAX, 0, "not yet valid"},
        {0, 0, "expired"},
        {UINT64_MAX, UINT64_MAX, "not yet valid"},
    };

    odd_good(NACRE_CERT_USER);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        odd.after = cases[i].after;
        odd.before = cases[i].before;
        expect_user(cases[i].what == NULL ? NACRE_OK : NACRE_ERR_KEY_REFUSED,
                    cases[i].what == NULL ? "" : cases[i].what);
    }
}

Test(cert, s45_critical_options, .init = odd_keys)
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
        odd_good(NACRE_CERT_USER);
        odd_critical(cases[i].name, cases[i].value);
        expect_user(cases[i].good ? NACRE_OK : NACRE_ERR_KEY_REFUSED, cases[i].good ? "" : unknown);
    }
    odd_good(NACRE_CERT_USER); /* a value with a byte behind its string, and one that is cut */
    odd.critical =
        (struct nacre_bytes){(const uint8_t *)"\0\0\0\15force-command\0\0\0\6\0\0\0\1xy", 27};
    expect_user(NACRE_ERR_KEY_REFUSED, unknown);
    odd.critical =
        (struct nacre_bytes){(const uint8_t *)"\0\0\0\15force-command\0\0\0\6\0\0\0\3xy", 27};
    expect_user(NACRE_ERR_KEY_REFUSED, unknown);
    odd.critical =
        (struct nacre_bytes){(const uint8_t *)"\0\0\0\15force-command\0\0\0\6\0\0\0\2x\0", 27};
    expect_user(NACRE_ERR_KEY_REFUSED, unknown);
    odd.critical.n = 20;
    expect_user(NACRE_ERR_KEY_FORMAT, "pair cut");
}

/* Hosts have no critical options. */
Test(cert, s45_critical_options_of_hosts, .init = odd_keys)
{
    const char *what;

    odd_good(NACRE_CERT_HOST);
    odd_critical("force-command", "/bin/true");
    cr_assert_eq(judge_as(NACRE_CERT_HOST, ODD_HOST, ODD_NOW, &what), NACRE_ERR_KEY_REFUSED);
    cr_assert_str_eq(what, "has a critical option that is not understood");
}

/* The format has them in order and once each; two of a name could be read as either. Out of order
 * they say the same, and older ssh-keygen wrote them so. */
Test(cert, certkeys_options_once, .init = odd_keys)
{
    odd_good(NACRE_CERT_USER);
    odd_critical("force-command", "/bin/true");
    odd_critical("force-command", "/bin/sh");
    expect_user(NACRE_ERR_KEY_REFUSED, "has an option twice");
    odd_good(NACRE_CERT_USER);
    odd_extension("permit-pty", NULL);
    odd_extension("x@example", NULL);
    odd_extension("permit-pty", NULL);
    expect_user(NACRE_ERR_KEY_REFUSED, "has an option twice");
    odd_good(NACRE_CERT_USER);
    odd_extension("permit-pty", NULL);
    odd_extension("login@example", "alice");
    odd_critical("verify-required", NULL);
    odd_critical("force-command", "/bin/true");
    expect_user(NACRE_OK, "");
}

Test(cert, certkeys_unknown_extension_ignored, .init = odd_keys)
{
    odd_good(NACRE_CERT_USER);
    odd_extension("force-command", "/bin/true"); /* as an extension it is none that is known */
    odd_extension("zzz@example", "value");
    expect_user(NACRE_OK, "");
    odd.reserved = nacre_bytes_str("for later");
    expect_user(NACRE_OK, "");
}

Test(cert, s45_nested, .init = odd_keys)
{
    static uint8_t inner[4096];
    static uint8_t plain[4096];
    struct nacre_bytes cert;
    struct nacre_cert c;
    struct ncr_wr w = ncr_wr(plain, sizeof plain);

    odd_good(NACRE_CERT_USER);
    cert = odd_write(inner, sizeof inner);
    odd.ca = cert; /* a certificate as authority */
    expect_user(NACRE_ERR_KEY_FORMAT, "authority");
    odd.ca = (struct nacre_bytes){NULL, 0};
    ncr_wr_cstring(&w, "ssh-ed25519"); /* a certificate's fields as the key */
    ncr_wr_bytes(&w, odd_nameless(cert).p, odd_nameless(cert).n);
    odd.plain = ncr_wr_done(&w);
    expect_user(NACRE_ERR_KEY_FORMAT, "plain key");
    cr_assert_eq(nacre_cert_begin(&c, cert), NACRE_ERR_UNKNOWN_ALG);
}

Test(cert, s45_authority, .init = odd_keys)
{
    static const uint8_t unknown[] = "\0\0\0\7unknown\0\0\0\1x";

    odd_good(NACRE_CERT_USER);
    odd.ca = nacre_privkey_public_blob(&odd_subject); /* another one than signed */
    expect_user(NACRE_ERR_SIG, "authority");
    odd.ca = (struct nacre_bytes){unknown, sizeof unknown - 1};
    expect_user(NACRE_ERR_KEY_FORMAT, "type");
    odd.ca = ncr_bytes_part(nacre_privkey_public_blob(&odd_authority), 0, 50);
    expect_user(NACRE_ERR_KEY_FORMAT, "cut");
}

/* S42: the name in the signature is of the authority's type. */
Test(cert, s45_signature_algorithm, .init = odd_keys)
{
    static const char *const names[] = {"ssh-rsa",
                                        "rsa-sha2-512",
                                        "ecdsa-sha2-nistp256",
                                        "ssh-ed25519-cert-v01@openssh.com",
                                        "none",
                                        ""};

    odd_good(NACRE_CERT_USER);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *what;

        odd.sig_name = names[i];
        cr_assert_neq(judge_as(NACRE_CERT_USER, ODD_USER, ODD_NOW, &what), NACRE_OK, "%s",
                      names[i]);
    }
    odd.sig_name = NULL;
    odd.flip = true;
    expect_user(NACRE_ERR_SIG, "signature");
}

/* Every signature verifies under a key of small order: nobody's authority. */
Test(cert, s32_authority_of_small_order, .init = odd_keys)
{
    uint8_t ca[51] = "\0\0\0\13ssh-ed25519\0\0\0 \1"; /* the neutral element */
    const char *what;

    odd_good(NACRE_CERT_USER);
    odd.ca = (struct nacre_bytes){ca, sizeof ca};
    cr_assert_neq(judge_as(NACRE_CERT_USER, ODD_USER, ODD_NOW, &what), NACRE_OK);
}

/* S33: too small for anybody to trust, however good the signature. */
Test(cert, s33_small_rsa, .init = odd_keys)
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
    odd_good(NACRE_CERT_USER);
    odd.ca = ncr_wr_done(&w);
    cr_assert_neq(judge_as(NACRE_CERT_USER, ODD_USER, ODD_NOW, &what), NACRE_OK);
    odd.sig_name = "rsa-sha2-512";
    cr_assert_neq(judge_as(NACRE_CERT_USER, ODD_USER, ODD_NOW, &what), NACRE_OK);
    odd_good(NACRE_CERT_USER); /* the key that it is about: where a signature by it is looked at */
    odd.name = nacre_bytes_str("ssh-rsa-cert-v01@openssh.com");
    odd.plain = ncr_wr_done(&w);
    cr_assert_eq(nacre_sig_verify(&nacre_algs_default,
                                  nacre_bytes_str("rsa-sha2-512-cert-v01@openssh.com"),
                                  odd_write(cert, sizeof cert), nacre_bytes_str("data"),
                                  (struct nacre_bytes){cert, 100}, odd_work),
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
    struct nacre_bytes plain = nacre_privkey_public_blob(&odd_authority);
    struct nacre_bytes whole;
    struct ncr_wr w = ncr_wr(ca, sizeof ca);
    struct ncr_wr m = ncr_wr(message, sizeof message);
    struct ncr_rd r;
    uint8_t hash[32];
    size_t n;

    ncr_wr_cstring(&w, "sk-ssh-ed25519@openssh.com");
    ncr_wr_bytes(&w, odd_nameless(plain).p, odd_nameless(plain).n);
    ncr_wr_cstring(&w, "ssh:");
    odd.ca = ncr_wr_done(&w);
    whole = odd_write(out, cap); /* with a signature of the wrong kind behind it */
    whole.n -= 4 + 4 + 11 + 4 + 64;
    sha256_of(hash, nacre_bytes_str(application));
    ncr_wr_bytes(&m, hash, sizeof hash);
    ncr_wr_u8(&m, flags);
    ncr_wr_u32(&m, 5);
    sha256_of(hash, whole);
    ncr_wr_bytes(&m, hash, sizeof hash);
    cr_assert_eq(nacre_privkey_sign(&odd_authority, nacre_bytes_str("ssh-ed25519"), ncr_wr_done(&m),
                                    sig, sizeof sig, &n, &nacre_rng_os, odd_work),
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

Test(cert, s43_authority_in_a_security_key, .init = odd_keys)
{
    static uint8_t blob[4096];
    struct nacre_cert c;
    struct nacre_bytes b;

    odd_good(NACRE_CERT_USER);
    b = write_sk(blob, sizeof blob, "ssh:", 1);
    cr_assert_eq(nacre_cert_decode(&c, b, NULL, 0), NACRE_OK);
    cr_assert_eq(nacre_cert_verify(&c, odd_work), NACRE_OK);
    blob[b.n - 5] ^= 4; /* flags are signed */
    cr_assert_eq(nacre_cert_decode(&c, b, NULL, 0), NACRE_OK);
    cr_assert_neq(nacre_cert_verify(&c, odd_work), NACRE_OK);
    odd_good(NACRE_CERT_USER);
    b = write_sk(blob, sizeof blob, "ssh:other", 1);
    cr_assert_eq(nacre_cert_decode(&c, b, NULL, 0), NACRE_OK);
    cr_assert_neq(nacre_cert_verify(&c, odd_work), NACRE_OK);
}

Test(cert, s46_zeroed_refuses)
{
    static const struct nacre_cert zero;
    static const struct nacre_privkey no_key;
    uint8_t out[64];
    struct nacre_bytes b = {NULL, 0};
    const char *what = "";
    size_t n = 1;

    cr_assert_eq(nacre_cert_verify(&zero, odd_work), NACRE_ERR_SIG_FORMAT);
    cr_assert_eq(nacre_cert_check(&zero, NACRE_CERT_USER, NULL, 0, &what), NACRE_ERR_KEY_REFUSED);
    cr_assert_str_eq(what, "no certificate");
    cr_assert_eq(nacre_cert_check(&zero, (enum nacre_cert_kind)0, NULL, 0, NULL),
                 NACRE_ERR_KEY_REFUSED);
    cr_assert_not(nacre_cert_is(b));
    cr_assert_eq(nacre_cert_signature_alg(&zero).n, 0);
    cr_assert_eq(
        nacre_cert_issue(out, sizeof out, &n, &zero, &no_key, NULL, &nacre_rng_os, odd_work),
        NACRE_ERR_USAGE);
    cr_assert_eq(n, 0);
}

/* ---- Limits ---- */

Test(cert, limits, .init = odd_keys)
{
    struct ncr_wr w = ncr_wr(odd.list[0], sizeof odd.list[0]);
    char name[8];

    odd_good(NACRE_CERT_USER);
    for (int i = 0; i < NACRE_CERT_PRINCIPALS_MAX - 1; i++)
        ncr_wr_cstring(&w, "u");
    ncr_wr_cstring(&w, ODD_USER);
    odd.principals = ncr_wr_done(&w);
    expect_user(NACRE_OK, "");
    ncr_wr_cstring(&w, "u");
    odd.principals = ncr_wr_done(&w);
    expect_user(NACRE_ERR_KEY_FORMAT, "257 principals");
    odd_good(NACRE_CERT_USER);
    for (int i = 0; i <= NACRE_CERT_OPTIONS_MAX; i++) {
        expect_user(NACRE_OK, "");
        name[0] = 'n';
        name[1] = (char)('0' + i / 10);
        name[2] = (char)('0' + i % 10);
        name[3] = '\0';
        odd_extension(name, NULL);
    }
    expect_user(NACRE_ERR_KEY_FORMAT, "65 options");
    odd_good(NACRE_CERT_USER);
    memset(odd.list[3], 'i', sizeof odd.list[3]);
    odd.key_id = (struct nacre_bytes){odd.list[3], NACRE_CERT_KEY_ID_MAX};
    expect_user(NACRE_OK, "");
    odd.key_id.n++;
    expect_user(NACRE_ERR_KEY_FORMAT, "key id");
    odd.key_id = (struct nacre_bytes){(const uint8_t *)"i\0d", 3};
    expect_user(NACRE_ERR_KEY_FORMAT, "NUL in the key id");
    odd_good(NACRE_CERT_USER);
    odd.reserved = (struct nacre_bytes){odd.list[3], NACRE_KEY_BLOB_MAX};
    expect_user(NACRE_ERR_KEY_FORMAT, "octets");
}
