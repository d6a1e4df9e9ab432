/* SPDX-License-Identifier: ISC
 *
 * Whether a user's certificate logs somebody in: s45 (what must be right, each wrong once), s46
 * (zeroed policies), s47 (each step failing), s48 (revoked), s58 (rights by extension); lines of
 * files of principals, cert-authority lines.
 */
#include "proto/keys/nacre_certauth.h"
#include "tests/certs.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint64_t judge_work[NACRE_WORK];
static struct nacre_privkey *ca, *other_ca, *key;

static void judge_keys(void)
{
    ca = cert_key("ssh-ed25519", NULL);
    other_ca = cert_key("ssh-ed25519", NULL);
    key = cert_key("ssh-ed25519", NULL);
}

static void judge_end(void)
{
    free(ca);
    free(other_ca);
    free(key);
}

TestSuite(cert_judge, .init = judge_keys, .fini = judge_end);

/* A certificate for joe that is good in every way. */
static const struct cert_spec judge_good = {
    .serial = 7, .after = CERT_NOW, .before = CERT_NOW + 1, .id = "id", .principals = {"joe"}};

struct judged {
    uint8_t blob[CERT_MAX];
    struct nacre_bytes b;
    struct nacre_cert cert;
    struct nacre_bytes authority, principal;
    struct nacre_cert_policy policy;
    struct nacre_authkey rights;
    const char *what;
};

static struct judged judged_state;

/* A certificate of the authority that is trusted, and the policy that lets it in. */
static struct judged *judge_make(const struct cert_spec *spec)
{
    struct judged *j = &judged_state;
    memset(j, 0, sizeof *j);
    j->b = cert_make(j->blob, spec, nacre_privkey_public_blob(key), ca);
    j->authority = nacre_privkey_public_blob(ca);
    j->principal = nacre_bytes_str("joe");
    j->policy = (struct nacre_cert_policy){.authorities = &j->authority,
                                           .n_authorities = 1,
                                           .principals = &j->principal,
                                           .n_principals = 1,
                                           .addr = nacre_bytes_str("192.0.2.1"),
                                           .now = CERT_NOW};
    return j;
}

static bool judge(struct judged *j)
{
    j->what = "";
    if (nacre_cert_decode(&j->cert, j->b, NULL, 0) != NACRE_OK) {
        j->what = "not whole";
        return false;
    }
    bool ok = nacre_cert_judge(&j->cert, &j->policy, &j->rights, &j->what, judge_work) == NACRE_OK;
    if (!ok) {
        cr_assert(j->rights.permits == 0 && !j->rights.has_command && !j->rights.has_from);
        cr_assert(*j->what != '\0');
    }
    return ok;
}

/* ---- S45 --------------------------------------------------------------------------------- */

struct judge_case {
    struct cert_spec spec; /* kind to critical; zero: as the good one's */
    const char *user;      /* NULL: joe */
    bool nobody;           /* the certificate names none */
    const char *what;      /* NULL: good */
};

static const struct judge_case judge_cases[] = {
    {.what = NULL},
    {.spec = {.kind = NACRE_CERT_HOST}, .what = "not a user certificate"},
    {.spec = {.kind = 3}, .what = "not whole"},
    {.spec = {.kind = 0xffffffff}, .what = "not whole"},
    {.spec = {.before = CERT_NOW}, .what = "expired"},
    {.spec = {.before = 1}, .what = "expired"},
    {.spec = {.after = CERT_NOW + 1}, .what = "not yet valid"},
    {.spec = {.after = UINT64_MAX, .before = UINT64_MAX}, .what = "not yet valid"},
    {.spec = {.before = NACRE_CERT_FOREVER}},
    {.spec = {.before = (uint64_t)1 << 63}},
    {.nobody = true, .what = "names no principal"},
    {.user = "jo", .what = "another user"},
    {.user = "joey", .what = "another user"},
    {.user = "Joe", .what = "another user"},
    {.user = "", .what = "no principal is allowed"},
    {.spec = {.principals = {"root,joe"}}, .what = "another user"}, /* 2026-35414 */
    {.spec = {.principals = {"joe,"}}, .what = "another user"},
    {.spec = {.principals = {"*"}}, .what = "another user"},
    {.spec = {.principals = {"j?e"}}, .what = "another user"},
    {.spec = {.principals = {" joe"}}, .what = "another user"},
    {.spec = {.principals = {""}}, .user = "", .what = "no principal is allowed"},
    {.spec = {.principals = {"root", "joe", "x"}}},
    {.spec = {.principals = {"root", "bob"}}, .what = "another user"},
    {.spec = {.principals = {"root,joe"}},
     .user = "root,joe"}, /* whole: a strange name, but it is it */
    {.spec = {.critical = {"no-such", ""}}, .what = "critical option is not supported"},
    {.spec = {.critical = {"no-such", "value"}}, .what = "critical option is not supported"},
    {.spec = {.critical = {"permit-pty", ""}}, .what = "critical option is not supported"},
    {.spec = {.critical = {"Force-Command", "x"}}, .what = "critical option is not supported"},
    {.spec = {.critical = {"force-command", "x", "no-such", ""}},
     .what = "critical option is not supported"},
    {.spec = {.critical = {"force-command", "x"}}},
    {.spec = {.critical = {"force-command", ""}}, .what = "malformed option"},
    {.spec = {.critical = {"force-command", "=abc"}}, .what = "malformed option"},
    {.spec = {.critical = {"force-command", "a", "force-command", "b"}}, .what = "twice"},
    {.spec = {.critical = {"source-address", "192.0.2.0/24"}}},
    {.spec = {.critical = {"source-address", "192.0.2.1"}}},
    {.spec = {.critical = {"source-address", "10.0.0.0/8,192.0.2.1"}}},
    {.spec = {.critical = {"source-address", "198.51.100.0/24"}}, .what = "from this address"},
    {.spec = {.critical = {"source-address", "2001:db8::/32"}}, .what = "from this address"},
    {.spec = {.critical = {"source-address", "192.0.2.0/33"}}, .what = "bad source-address"},
    {.spec = {.critical = {"source-address", ""}}, .what = "malformed option"},
    {.spec = {.critical = {"source-address", "192.0.2.1", "source-address", "192.0.2.1"}},
     .what = "twice"},
    {.spec = {.critical = {"verify-required", ""}}},
    {.spec = {.critical = {"verify-required", "x"}}, .what = "malformed option"},
    {.spec = {.extensions = {"no-such@example.com", ""}}},
    {.spec = {.extensions = {"no-such@example.com", "whatever"}}},
    {.spec = {.extensions = {"permit-pty", "x"}}, .what = "malformed option"},
    {.spec = {.extensions = {"permit-pty", "", "permit-pty", ""}}, .what = "twice"},
    {.spec = {.extensions = {"force-command", "x"}}}, /* only critical is it one */
};

Test(cert_judge, s45_forty_certificates)
{
    for (size_t i = 0; i < sizeof judge_cases / sizeof *judge_cases; i++) {
        const struct judge_case *c = &judge_cases[i];
        struct cert_spec spec = c->spec;
        spec.before = spec.before != 0 ? spec.before : judge_good.before;
        if (spec.principals[0] == NULL && !c->nobody) {
            spec.principals[0] = "joe";
        }
        struct judged *j = judge_make(&spec);
        if (c->user != NULL) {
            j->principal = nacre_bytes_str(c->user);
        }
        cr_assert_eq(judge(j), c->what == NULL, "case %zu: %s", i, j->what);
        cr_assert(c->what == NULL || strstr(j->what, c->what) != NULL, "case %zu: %s", i, j->what);
    }
}

/* The second before the first second, and the last one that counts. */
Test(cert_judge, s45_validity_to_the_second)
{
    static const struct {
        uint64_t now;
        bool ok;
    } cases[] = {{0, false},
                 {CERT_NOW - 1, false},
                 {CERT_NOW, true},
                 {CERT_NOW + 1, false},
                 {UINT64_MAX, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct judged *j = judge_make(&judge_good);
        j->policy.now = cases[i].now;
        cr_assert_eq(judge(j), cases[i].ok, "case %zu", i);
    }
}

Test(cert_judge, s45_another_authority)
{
    struct judged *j = judge_make(&judge_good);
    j->authority = nacre_privkey_public_blob(other_ca);
    cr_assert_not(judge(j));
    cr_assert_not_null(strstr(j->what, "authority is not trusted"));
    /* It names the trusted one, but another key has signed. */
    struct cert_spec spec = judge_good;
    spec.ca_blob = nacre_privkey_public_blob(ca);
    j = judge_make(&judge_good);
    j->b = cert_make(j->blob, &spec, nacre_privkey_public_blob(key), other_ca);
    cr_assert_not(judge(j));
    cr_assert_not_null(strstr(j->what, "does not verify"));
    /* The key certifies itself. */
    j = judge_make(&judge_good);
    j->b = cert_make(j->blob, &judge_good, nacre_privkey_public_blob(key), key);
    cr_assert_not(judge(j));
}

Test(cert_judge, s45_algorithms_of_the_authority)
{
    static const struct {
        const char *allowed;
        bool ok;
    } cases[] = {{NULL, true},
                 {"rsa-sha2-512", false},
                 {"rsa-sha2-512,ssh-ed25519", true},
                 {"ssh-ed25519", true},
                 {"ssh-ed25519,rsa-sha2-512", true},
                 {"ssh-ed2551", false},
                 {"ssh-ed25519x", false},
                 {"*", false},
                 {"", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct judged *j = judge_make(&judge_good);
        j->policy.ca_sig_algs = cases[i].allowed;
        cr_assert_eq(judge(j), cases[i].ok, "%s", cases[i].allowed);
    }
}

#if !defined(NACRE_NO_LEGACY)
/* Collisions of SHA-1: no list makes it an algorithm for authorities. */
Test(cert_judge, s45_sha1_of_the_authority)
{
    struct nacre_privkey *rsa = cert_key("ssh-rsa", NULL);
    struct cert_spec spec = judge_good;
    struct judged *j = judge_make(&judge_good);
    spec.ca_alg = "ssh-rsa";
    j->authority = nacre_privkey_public_blob(rsa);
    j->b = cert_make(j->blob, &spec, nacre_privkey_public_blob(key), rsa);
    cr_assert_not(judge(j));
    j->policy.ca_sig_algs = "ssh-rsa";
    cr_assert_not(judge(j));
    spec.ca_alg = "rsa-sha2-256";
    j->policy.ca_sig_algs = NULL;
    j->b = cert_make(j->blob, &spec, nacre_privkey_public_blob(key), rsa);
    cr_assert(judge(j), "%s", j->what);
    j->policy.ca_sig_algs = "rsa-sha2-512";
    cr_assert_not(judge(j), "the same key with another hash is another algorithm");
    free(rsa);
}
#endif

/* Every key of a small order, by which anything would seem signed (S32). */
Test(cert_judge, s32_weak_authority)
{
    uint8_t weak[51] = {0,   0,   0,   11,  's', 's', 'h', '-', 'e', 'd',
                        '2', '5', '5', '1', '9', 0,   0,   0,   32,  1};
    struct cert_spec spec = judge_good;
    struct judged *j = judge_make(&judge_good);
    spec.ca_blob = (struct nacre_bytes){weak, sizeof weak};
    j->b = cert_make(j->blob, &spec, nacre_privkey_public_blob(key), ca);
    j->authority = spec.ca_blob;
    cr_assert_not(judge(j));
    cr_assert_not_null(strstr(j->what, "authority is not trusted"));
}

/* A chain: the authority that is trusted has certified another one, which signs (S45). */
Test(cert_judge, s45_authority_that_is_a_certificate)
{
    static uint8_t chain[CERT_MAX];
    struct cert_spec spec = judge_good;
    struct judged *j = judge_make(&judge_good);
    spec.ca_blob = cert_make(chain, &judge_good, nacre_privkey_public_blob(other_ca), ca);
    j->b = cert_make(j->blob, &spec, nacre_privkey_public_blob(key), other_ca);
    cr_assert_not(judge(j));
    j->authority = spec.ca_blob;
    cr_assert_not(judge(j), "even if somebody trusts a certificate");
}

/* ---- S46, S47 ---------------------------------------------------------------------------- */

Test(cert_judge, s46_zeroed_policies_refuse)
{
    static const struct nacre_cert_policy zero;
    static const struct nacre_cert none;
    struct judged *j = judge_make(&judge_good);
    cr_assert(judge(j), "%s", j->what);
    cr_assert_neq(nacre_cert_judge(&none, &j->policy, &j->rights, NULL, judge_work), NACRE_OK);
    j->policy = zero;
    cr_assert_not(judge(j));
}

/* One thing taken away at a time: whatever it is, nobody gets in. */
Test(cert_judge, s47_any_failed_step_refuses)
{
    for (int step = 0; step < 8; step++) {
        static const struct nacre_krl unread;
        struct judged *j = judge_make(&judge_good);
        cr_assert(judge(j));
        switch (step) {
        case 0:
            j->policy.n_authorities = 0;
            break;
        case 1:
            j->policy.n_principals = 0;
            break;
        case 2:
            j->authority.n = 0;
            break;
        case 3:
            j->principal.n = 0;
            break;
        case 4:
            j->policy.now = 0;
            break;
        case 5:
            j->policy.revoked = &unread;
            break;
        case 6:
            j->policy.ca_sig_algs = "";
            break;
        default:
            j->blob[j->b.n - 1] ^= 1; /* the authority's signature */
            break;
        }
        cr_assert_not(judge(j), "step %d", step);
    }
}

/* No address is no address that is allowed. */
Test(cert_judge, s35_source_address_without_an_address)
{
    struct cert_spec spec = judge_good;
    spec.critical[0] = "source-address";
    spec.critical[1] = "192.0.2.1";
    struct judged *j = judge_make(&spec);
    cr_assert(judge(j));
    j->policy.addr = nacre_bytes_str("UNKNOWN");
    cr_assert_not(judge(j));
    j->policy.addr = (struct nacre_bytes){NULL, 0};
    cr_assert_not(judge(j));
}

/* ---- S48 --------------------------------------------------------------------------------- */

/* Each way to revoke a certificate, and beside it one that is about another. */
Test(cert_judge, s48_revoked)
{
    struct nacre_bytes mine = nacre_privkey_public_blob(key),
                       theirs = nacre_privkey_public_blob(ca);
    struct nacre_bytes others = nacre_privkey_public_blob(other_ca);
    const struct {
        struct nacre_krl_entry e;
        bool revoked;
    } cases[] = {
        {{.kind = NACRE_KRL_SERIALS, .ca = theirs, .lo = 7, .hi = 7}, true},
        {{.kind = NACRE_KRL_SERIALS, .ca = theirs, .lo = 1, .hi = 100}, true},
        {{.kind = NACRE_KRL_SERIALS, .ca = theirs, .lo = 8, .hi = 100}, false},
        {{.kind = NACRE_KRL_SERIALS, .ca = others, .lo = 7, .hi = 7}, false},
        {{.kind = NACRE_KRL_KEY_ID, .ca = theirs, .value = nacre_bytes_str("id")}, true},
        {{.kind = NACRE_KRL_KEY_ID, .ca = theirs, .value = nacre_bytes_str("idx")}, false},
        {{.kind = NACRE_KRL_KEY, .value = mine}, true},
        {{.kind = NACRE_KRL_KEY, .value = theirs}, true},
        {{.kind = NACRE_KRL_KEY, .value = others}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static const struct nacre_krl head = {.version = 1};
        struct nacre_krl_entry e = cases[i].e;
        struct nacre_krl krl;
        uint8_t file[1024];
        size_t n;
        cr_assert_eq(nacre_krl_write(file, sizeof file, &n, &e, 1, &head), NACRE_OK);
        cr_assert_eq(nacre_krl_decode(&krl, (struct nacre_bytes){file, n}, NULL), NACRE_OK);
        struct judged *j = judge_make(&judge_good);
        j->policy.revoked = &krl;
        cr_assert_eq(judge(j), !cases[i].revoked, "case %zu: %s", i, j->what);
    }
}

/* ---- Rights ------------------------------------------------------------------------------ */

Test(cert_judge, s58_rights_only_by_extension)
{
    static const struct {
        const char *extension;
        unsigned permit;
    } cases[] = {
        {NULL, 0},
        {"permit-X11-forwarding", NACRE_PERMIT_X11},
        {"permit-agent-forwarding", NACRE_PERMIT_AGENT},
        {"permit-port-forwarding", NACRE_PERMIT_PORT},
        {"permit-pty", NACRE_PERMIT_PTY},
        {"permit-user-rc", NACRE_PERMIT_USER_RC},
        {"permit-Pty", 0},
        {"no-touch-required", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cert_spec spec = judge_good;
        spec.extensions[0] = cases[i].extension;
        spec.extensions[1] = "";
        struct judged *j = judge_make(&spec);
        cr_assert(judge(j), "%s", j->what);
        cr_assert_eq(j->rights.permits, cases[i].permit, "case %zu", i);
        cr_assert_eq(j->rights.no_touch_required,
                     cases[i].extension != NULL &&
                         strcmp(cases[i].extension, "no-touch-required") == 0);
        cr_assert_not(nacre_authkey_permits_forward(&j->rights, NACRE_AUTHKEY_OPEN,
                                                    nacre_bytes_str("h"), 1) !=
                      ((cases[i].permit & NACRE_PERMIT_PORT) != 0));
    }
}

Test(cert_judge, critical_options_are_told)
{
    struct cert_spec spec = judge_good;
    const char *const critical[] = {"force-command", "/bin/date -u",    "source-address",
                                    "192.0.2.1",     "verify-required", ""};
    memcpy(spec.critical, critical, sizeof critical);
    struct judged *j = judge_make(&spec);
    cr_assert(judge(j), "%s", j->what);
    cr_assert(j->rights.has_command && nacre_bytes_is(j->rights.command, "/bin/date -u"));
    cr_assert(j->rights.has_from && nacre_bytes_is(j->rights.from, "192.0.2.1"));
    cr_assert(j->rights.verify_required && !j->rights.no_touch_required);
}

/* A comma-separated list has names, and names are compared whole. */
Test(cert_judge, s45_names_of_a_list)
{
    static const struct {
        const char *list;
        bool yes;
    } cases[] = {{"joe", true},    {"a,joe", true},  {"joe,a", true}, {"a,joe,b", true},
                 {"jo", false},    {"joey", false},  {"", false},     {",", false},
                 {"a,,joe", true}, {"joe x", false}, {"*", false},    {"!joe", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct judged *j = judge_make(&judge_good);
        cr_assert(judge(j));
        cr_assert_eq(nacre_cert_names(&j->cert, nacre_bytes_str(cases[i].list)), cases[i].yes, "%s",
                     cases[i].list);
    }
}

/* ---- Lines ------------------------------------------------------------------------------- */

static const struct {
    const char *line, *principal; /* NULL: refused; "": blank */
    const char *what;
    unsigned permits;
} judge_lines[] = {
    {"", "", NULL, 0},
    {"  # nothing", "", NULL, 0},
    {"joe", "joe", NULL, 31},
    {"  joe \t", "joe", NULL, 31},
    {"joe # a comment", "joe", NULL, 31},
    {"joe#x", "joe", NULL, 31},
    {"restrict joe", "joe", NULL, 0},
    {"restrict,pty joe", "joe", NULL, NACRE_PERMIT_PTY},
    {"command=\"echo a b\" joe", "joe", NULL, 31},
    {"command=\"echo a b\"\tjoe", "joe", NULL, 31},
    {"no-pty,from=\"192.0.2.0/24\" joe", "joe", NULL, 31 & ~(unsigned)NACRE_PERMIT_PTY},
    {"joe bob", NULL, "unknown option", 0},
    {"pty joe bob", NULL, "not one name", 0},
    {"no-such joe", NULL, "unknown option", 0},
    {"tunnel=\"1\" joe", NULL, "not supported", 0},
    {"command=\"x joe", NULL, "no quote", 0},
    {"command=\"x # y\" joe", NULL, "not one name", 0}, /* a comment starts anywhere */
    {"command=\"x y # z\" joe", NULL, "no quote", 0},
    {"command=\"x\"joe", NULL, "not one name", 0},
    {"a=b", "a=b", NULL, 31},
};

Test(cert_judge, lines_of_principals)
{
    static uint8_t buf[1024];
    for (size_t i = 0; i < sizeof judge_lines / sizeof *judge_lines; i++) {
        const char *line = judge_lines[i].line, *principal = judge_lines[i].principal;
        struct nacre_authkey a;
        nacre_err err = nacre_authkey_parse_principal(&a, nacre_bytes_str(line), buf, strlen(line));
        cr_assert_eq(err == NACRE_OK, principal != NULL, "%s: %s", line, a.what);
        if (err != NACRE_OK) {
            cr_assert_not_null(strstr(a.what, judge_lines[i].what), "%s: %s", line, a.what);
            cr_assert(a.permits == 0 && a.principal.n == 0);
            continue;
        }
        cr_assert_eq(a.blank, *principal == '\0');
        cr_assert(nacre_bytes_is(a.principal, principal), "%s", line);
        cr_assert_eq(a.permits, judge_lines[i].permits, "%s", line);
    }
}

/* Cut at every length and with every bit flipped: parsed or refused, within its bytes. */
Test(cert_judge, s20_lines_of_principals)
{
    static const char line[] = "restrict,command=\"echo \\\"x\\\"\",from=\"10.0.0.0/8\" joe # x";
    for (size_t bit = 0; bit < 8 * sizeof line; bit++) {
        size_t n = bit < sizeof line ? bit : sizeof line - 1;
        uint8_t *copy = malloc(n + 1), *room = malloc(n + 1);
        struct nacre_authkey a;
        cr_assert(copy != NULL && room != NULL);
        memcpy(copy, line, n);
        if (bit >= sizeof line) {
            copy[bit / 8 % n] ^= (uint8_t)(1u << bit % 8);
        }
        nacre_err err = nacre_authkey_parse_principal(&a, (struct nacre_bytes){copy, n}, room, n);
        cr_assert_eq(err == NACRE_OK, a.what == NULL);
        free(copy);
        free(room);
    }
}

/* What a line of principals allows by itself: when and from where. */
Test(cert_judge, decisions_on_principals)
{
    static const struct {
        const char *line;
        enum nacre_authkey_verdict v;
    } cases[] = {
        {"joe", NACRE_AUTHKEY_ALLOW},
        {"", NACRE_AUTHKEY_DENY},
        {"cert-authority joe", NACRE_AUTHKEY_DENY},
        {"principals=\"joe\" joe", NACRE_AUTHKEY_DENY},
        {"from=\"192.0.2.0/24\" joe", NACRE_AUTHKEY_ALLOW},
        {"from=\"10.0.0.0/8\" joe", NACRE_AUTHKEY_DENY_FROM},
        {"expiry-time=\"20010909014640Z\" joe", NACRE_AUTHKEY_DENY_EXPIRED},
        {"expiry-time=\"20010909014641Z\" joe", NACRE_AUTHKEY_ALLOW},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static uint8_t buf[256];
        static struct nacre_authkey a, zero;
        cr_assert_eq(
            nacre_authkey_parse_principal(&a, nacre_bytes_str(cases[i].line), buf, sizeof buf),
            NACRE_OK);
        cr_assert_eq(nacre_authkey_check_principal(&a, nacre_bytes_str("192.0.2.1"), CERT_NOW, 0),
                     cases[i].v, "%s", cases[i].line);
        cr_assert_eq(nacre_authkey_check_principal(&zero, nacre_bytes_str("192.0.2.1"), 0, 0),
                     NACRE_AUTHKEY_DENY);
    }
}

/* A line with cert-authority is for certificates alone, and a line without for its key alone. */
Test(cert_judge, s58_lines_of_authorities)
{
    static const struct {
        const char *options;
        enum nacre_authkey_verdict plain, authority;
    } cases[] = {
        {"", NACRE_AUTHKEY_ALLOW, NACRE_AUTHKEY_DENY},
        {"cert-authority ", NACRE_AUTHKEY_DENY, NACRE_AUTHKEY_ALLOW},
        {"principals=\"joe\" ", NACRE_AUTHKEY_DENY, NACRE_AUTHKEY_DENY},
        {"cert-authority,principals=\"joe\" ", NACRE_AUTHKEY_DENY, NACRE_AUTHKEY_ALLOW},
        {"cert-authority,from=\"10.0.0.0/8\" ", NACRE_AUTHKEY_DENY, NACRE_AUTHKEY_DENY_FROM},
        {"cert-authority,expiry-time=\"20000101Z\" ", NACRE_AUTHKEY_DENY,
         NACRE_AUTHKEY_DENY_EXPIRED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static uint8_t buf[512];
        struct nacre_bytes blob = nacre_privkey_public_blob(ca);
        char line[512];
        struct nacre_authkey a;
        strcpy(line, cases[i].options);
        cr_assert_eq(
            nacre_pubkey_format(line + strlen(line), 256, blob, (struct nacre_bytes){NULL, 0}),
            NACRE_OK);
        cr_assert_eq(nacre_authkey_parse(&a, nacre_bytes_str(line), buf, sizeof buf), NACRE_OK);
        struct nacre_bytes addr = nacre_bytes_str("192.0.2.1");
        cr_assert_eq(nacre_authkey_check(&a, blob, addr, CERT_NOW, 0), cases[i].plain, "%s", line);
        cr_assert_eq(nacre_authkey_check_ca(&a, blob, addr, CERT_NOW, 0), cases[i].authority, "%s",
                     line);
        cr_assert_eq(nacre_authkey_check_ca(&a, nacre_privkey_public_blob(key), addr, CERT_NOW, 0),
                     NACRE_AUTHKEY_DENY);
    }
}
