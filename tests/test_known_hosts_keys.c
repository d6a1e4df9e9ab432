/* SPDX-License-Identifier: ISC
 *
 * known_hosts: which types of keys are known and preferred (s51), authorities for certificates,
 * other ports, Paramiko's traps without them, new lines.
 */
#include "tests/hosts_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Types and preference ---- */

Test(known_hosts, known_types)
{
    struct hosts_key a = hosts_key(1);
    char text[512];

    cr_assert_eq(hosts_search(hosts_line(text, "", "h", a.text), "h", 22, NULL).types, 1);
    cr_assert_eq(hosts_search(text, "h", 22, NULL).verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_eq(hosts_search(text, "g", 22, NULL).types, 0);
    cr_assert_eq(hosts_search(hosts_line(text, "", "h", HOSTS_OTHER_TYPE), "h", 22, NULL).types, 0);
    cr_assert_eq(hosts_search(hosts_line(text, "@revoked ", "h", a.text), "h", 22, NULL).types, 0);
    cr_assert_eq(
        hosts_search(hosts_line(text, "@cert-authority ", "h", a.text), "h", 22, NULL).types, 0);
}

Test(known_hosts, s51_preference)
{
    static const struct {
        uint32_t types;
        const char *list, *want;
    } cases[] = {
        {0, "x,ssh-ed25519,y", "x,ssh-ed25519,y"}, {1, "x,ssh-ed25519,y", "ssh-ed25519,x,y"},
        {1, "ssh-ed25519,x,y", "ssh-ed25519,x,y"}, {1, "x,y", "x,y"},
        {1, "x,y,ssh-ed25519", "ssh-ed25519,x,y"}, {1, "", ""}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nacre_known_hosts s = hosts_search("", "h", 22, NULL);
        char out[64];

        s.types = cases[i].types;
        cr_assert_eq(nacre_known_hosts_prefer(out, sizeof out, &s, cases[i].list), NACRE_OK);
        cr_assert_str_eq(out, cases[i].want);
        for (size_t cap = 0; cap <= strlen(cases[i].list); cap++)
            cr_assert_eq(nacre_known_hosts_prefer(out, cap, &s, cases[i].list), NACRE_ERR_NO_ROOM);
    }
}

/* Certificates' algorithms come first where an authority is known, whatever else is. */
Test(known_hosts, s51_preference_with_an_authority)
{
    static const char list[] = "ssh-ed25519-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,"
                               "ssh-ed25519,rsa-sha2-512,ecdsa-sha2-nistp256";
    static const struct {
        uint32_t types;
        bool authority;
        const char *want;
    } cases[] = {
        {0, false, list},
        {0, true, list},
        {1, true, list}, /* the plain type of the best one is known: nothing is told */
        {1, false, list},
        {1u << 4, true,
         "ssh-ed25519-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-512,"
         "ssh-ed25519,ecdsa-sha2-nistp256"},
        {1u << 4, false,
         "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-512,ssh-ed25519-cert-v01@openssh.com,"
         "ssh-ed25519,ecdsa-sha2-nistp256"},
    };
    struct nacre_known_hosts s;
    char out[512];

    memset(&s, 0, sizeof s);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t rsa = 0;

        while (strcmp(nacre_key_type_name(rsa), "ssh-rsa") != 0)
            rsa++;
        s.types = cases[i].types > 1 ? 1u << rsa : cases[i].types;
        s.authority = cases[i].authority;
        cr_assert_eq(nacre_known_hosts_prefer(out, sizeof out, &s, list), NACRE_OK);
        cr_assert_str_eq(out, cases[i].want, "%zu: %s", i, out);
    }
    s.types = 0;
    s.authority = true;
    cr_assert_eq(nacre_known_hosts_prefer(out, sizeof out, &s,
                                          "ssh-ed25519,ssh-ed25519-cert-v01@openssh.com"),
                 NACRE_OK);
    cr_assert_str_eq(out, "ssh-ed25519-cert-v01@openssh.com,ssh-ed25519");
}

/* ---- Certificates ---- */

#define HOST_CERT_CAP 1024

static uint64_t work[NACRE_WORK];

static struct nacre_cert make_cert(uint8_t blob[HOST_CERT_CAP], uint8_t plain[HOST_CERT_CAP],
                                   const struct hosts_key *host, const struct hosts_key *ca)
{
    static const uint8_t principals[] = {0, 0, 0, 1, 'h'};
    struct nacre_cert c;
    size_t n;

    cr_assert_eq(nacre_cert_begin(&c, nacre_privkey_public_blob(&host->k)), NACRE_OK);
    c.kind = NACRE_CERT_HOST;
    c.principals = (struct nacre_bytes){principals, sizeof principals};
    c.valid_before = NACRE_CERT_FOREVER;
    cr_assert_eq(nacre_cert_issue(blob, HOST_CERT_CAP, &n, &c, &ca->k, NULL, &nacre_rng_os, work),
                 NACRE_OK);
    cr_assert_eq(nacre_cert_decode(&c, (struct nacre_bytes){blob, n}, plain, HOST_CERT_CAP),
                 NACRE_OK);
    return c;
}

/* Runs a text over a search for a certificate of key 1, signed by key 2. */
static struct nacre_known_hosts cert_search(const char *text, const char *host, uint32_t port)
{
    static uint8_t blob[HOST_CERT_CAP], plain[HOST_CERT_CAP];
    struct hosts_key key = hosts_key(1);
    struct hosts_key ca = hosts_key(2);
    struct nacre_cert c = make_cert(blob, plain, &key, &ca);
    struct nacre_known_hosts s;

    cr_assert_eq(nacre_known_hosts_init_cert(&s, nacre_bytes_str(host), port, &c), NACRE_OK);
    hosts_run(&s, text);
    return s;
}

Test(known_hosts, authorities)
{
    struct hosts_key key = hosts_key(1);
    struct hosts_key ca = hosts_key(2);
    struct hosts_key other = hosts_key(3);
    const struct {
        const char *before, *hosts;
        const struct hosts_key *key;
        const char *host;
        uint32_t port;
        enum nacre_host_verdict want;
    } cases[] = {
        {"@cert-authority ", "h", &ca, "h", 22, NACRE_HOST_MATCH},
        {"@cert-authority ", "*", &ca, "h", 22, NACRE_HOST_MATCH},
        {"@cert-authority ", "*.x,!b.x", &ca, "a.x", 22, NACRE_HOST_MATCH},
        {"@cert-authority ", "*.x,!b.x", &ca, "b.x", 22, NACRE_HOST_NOT_FOUND},
        {"@cert-authority ", "*.x", &ca, "a.x", 2222, NACRE_HOST_MATCH},
        {"@cert-authority ", "[h]:2222", &ca, "h", 2222, NACRE_HOST_MATCH},
        {"@cert-authority ", "[h]:2222", &ca, "h", 22, NACRE_HOST_NOT_FOUND},
        {"@cert-authority ", HOSTS_HASHED, &ca, "h", 22, NACRE_HOST_MATCH},
        {"@cert-authority ", HOSTS_HASHED, &ca, "h", 2222, NACRE_HOST_MATCH},
        {"@cert-authority ", "g", &ca, "h", 22, NACRE_HOST_NOT_FOUND},
        {"@cert-authority ", "h", &other, "h", 22, NACRE_HOST_NOT_FOUND},
        {"@cert-authority ", "h", &key, "h", 22, NACRE_HOST_NOT_FOUND},
        {"", "h", &ca, "h", 22, NACRE_HOST_NOT_FOUND}, /* a host's key is no authority */
        {"", "h", &key, "h", 22, NACRE_HOST_NOT_FOUND},
        {"@revoked ", "h", &ca, "h", 22, NACRE_HOST_REVOKED},
        {"@revoked ", "*", &key, "h", 22, NACRE_HOST_REVOKED},
        {"@revoked ", "h", &ca, "h", 2222, NACRE_HOST_REVOKED},
        {"@revoked ", "h", &other, "h", 22, NACRE_HOST_NOT_FOUND},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        struct nacre_known_hosts s =
            cert_search(hosts_line(text, cases[i].before, cases[i].hosts, cases[i].key->text),
                        cases[i].host, cases[i].port);

        cr_assert_eq(s.verdict, cases[i].want, "case %zu", i);
        cr_assert_eq(s.authority,
                     strncmp(cases[i].before, "@cert", 5) == 0 &&
                         (cases[i].want == NACRE_HOST_MATCH || i == 10 || i == 11),
                     "case %zu", i);
    }
}

/* The plain key of a line is trusted as itself, never as one that signs. */
Test(known_hosts, authority_lines_are_not_for_plain_keys)
{
    struct hosts_key a = hosts_key(1);

    cr_assert_eq(hosts_verdict("@cert-authority ", "h", a.text, "h", 22, &a), NACRE_HOST_NOT_FOUND);
}

Test(known_hosts, s48_revoked_authority_wins)
{
    struct hosts_key ca = hosts_key(2);
    char text[1024];

    for (int order = 0; order < 2; order++) {
        snprintf(text, sizeof text, "%sh %s\n%sh %s\n", order ? "@revoked " : "@cert-authority ",
                 ca.text, order ? "@cert-authority " : "@revoked ", ca.text);
        cr_assert_eq(cert_search(text, "h", 22).verdict, NACRE_HOST_REVOKED);
    }
}

Test(known_hosts, s32_weak_authority)
{
    struct nacre_known_hosts s = cert_search("@cert-authority h " HOSTS_WEAK_KEY "\n", "h", 22);

    cr_assert_eq(s.verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_not(s.authority);
}

Test(known_hosts, s46_certificates_that_are_none)
{
    struct nacre_known_hosts s;
    struct nacre_cert c;
    static uint8_t blob[HOST_CERT_CAP], plain[HOST_CERT_CAP];
    struct hosts_key key = hosts_key(1);

    memset(&c, 0, sizeof c);
    cr_assert_eq(nacre_known_hosts_init_cert(&s, nacre_bytes_str("h"), 22, &c), NACRE_ERR_USAGE);
    c = make_cert(blob, plain, &key, &key);
    cr_assert_eq(nacre_known_hosts_init_cert(&s, nacre_bytes_str("b d"), 22, &c), NACRE_ERR_USAGE);
    c.plain.n = 0;
    cr_assert_eq(nacre_known_hosts_init_cert(&s, nacre_bytes_str("h"), 22, &c), NACRE_ERR_USAGE);
    cr_assert_eq(s.name[0], '\0');
}

/* ---- Other ports ---- */

Test(known_hosts, known_without_its_port)
{
    struct hosts_key a = hosts_key(1);
    struct hosts_key b = hosts_key(2);
    char one[512], two[512], text[1024];
    struct nacre_known_hosts s = hosts_search(hosts_line(one, "# \n", "h", a.text), "h", 2222, &a);

    cr_assert_eq(s.verdict, NACRE_HOST_NOT_FOUND);
    cr_assert(s.bare_match);
    cr_assert_eq(s.bare_file, 1);
    cr_assert_eq(s.bare_line, 2);
    cr_assert_eq(s.types, 0);
    s = hosts_search(one, "h", 2222, &b);
    cr_assert_eq(s.verdict, NACRE_HOST_NOT_FOUND, "another key there is no change here");
    cr_assert_not(s.bare_match);
    cr_assert_not(hosts_search(one, "h", 22, &a).bare_match);
    snprintf(text, sizeof text, "%s%s", one, hosts_line(two, "", "[h]:2222", b.text));
    cr_assert_eq(hosts_search(text, "h", 2222, &a).verdict, NACRE_HOST_CHANGED);
}

/* ---- Paramiko's traps (its HostKeys), without them ---- */

/* One @revoked or @cert-authority line makes its load() raise. */
Test(known_hosts, paramiko_trap_marker_line_breaks_the_file)
{
    struct hosts_key a = hosts_key(1);
    struct hosts_key b = hosts_key(2);
    char text[2048];
    struct nacre_known_hosts s;

    snprintf(text, sizeof text,
             "@revoked * %s\n@cert-authority *.example.com %s\n@unknown-marker h %s\nh %s\n",
             b.text, b.text, b.text, a.text);
    cr_assert_eq(
        nacre_known_hosts_init(&s, nacre_bytes_str("h"), 22, nacre_privkey_public_blob(&a.k)),
        NACRE_OK);
    cr_assert_eq(hosts_run(&s, text), 1, "only the unknown marker is told");
    cr_assert_eq(s.verdict, NACRE_HOST_MATCH);
    cr_assert_eq(s.line, 4);
}

/* Its names are compared as they stand: a pattern never matches. */
Test(known_hosts, paramiko_trap_wildcards_never_match)
{
    struct hosts_key a = hosts_key(1);

    cr_assert_eq(hosts_verdict("", "*.example.com", a.text, "a.example.com", 22, &a),
                 NACRE_HOST_MATCH);
    cr_assert_eq(hosts_verdict("", "h?", a.text, "h1", 22, &a), NACRE_HOST_MATCH);
    cr_assert_eq(hosts_verdict("", "*,!h1", a.text, "h1", 22, &a), NACRE_HOST_NOT_FOUND);
    cr_assert_eq(hosts_verdict("", "[*.example.com]:2222", a.text, "a.example.com", 2222, &a),
                 NACRE_HOST_MATCH);
}

/* Only the type of the first entry found goes to the front of its offer. */
Test(known_hosts, paramiko_trap_only_the_first_entrys_type_is_preferred)
{
    struct hosts_key a = hosts_key(1);
    char text[1024];
    char out[256];
    struct nacre_known_hosts s;

    snprintf(
        text, sizeof text,
        "h ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBGsX0fLhLEJH"
        "+Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfU=\n"
        "h %s\n",
        a.text); /* the generator of P-256 */
    s = hosts_search(text, "h", 22, NULL);
    cr_assert_eq(nacre_known_hosts_prefer(out, sizeof out, &s,
                                          "rsa-sha2-512,ssh-ed25519,rsa-sha2-256,"
                                          "ecdsa-sha2-nistp256"),
                 NACRE_OK);
    cr_assert_str_eq(out, "ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256");
}

/* ---- New lines ---- */

Test(known_hosts, format)
{
    struct hosts_key a = hosts_key(1);
    struct nacre_bytes blob = nacre_privkey_public_blob(&a.k);
    char out[512];
    char want[512];
    size_t n;

    snprintf(want, sizeof want, "[h.x]:2222 %s\n", a.text);
    cr_assert_eq(nacre_known_hosts_format(out, sizeof out, nacre_bytes_str("H.x"), 2222, blob),
                 NACRE_OK);
    cr_assert_str_eq(out, want);
    cr_assert_eq(hosts_search(out, "h.X", 2222, &a).verdict, NACRE_HOST_MATCH);
    n = strlen(out) + 1;
    for (size_t cap = 0; cap <= n; cap++) {
        char *small = malloc(cap + 1);
        nacre_err err = nacre_known_hosts_format(small, cap, nacre_bytes_str("h.x"), 2222, blob);

        cr_assert_eq(err, cap < n ? NACRE_ERR_NO_ROOM : NACRE_OK, "%zu", cap);
        free(small);
    }
    cr_assert_eq(nacre_known_hosts_format(out, sizeof out, nacre_bytes_str("a b"), 22, blob),
                 NACRE_ERR_USAGE);
    cr_assert_eq(nacre_known_hosts_format(out, sizeof out, nacre_bytes_str("a"), 22, hosts_nothing),
                 NACRE_ERR_KEY_FORMAT);
    cr_assert_eq(out[0], '\0');
}

Test(known_hosts, format_hashed)
{
    struct hosts_key a = hosts_key(1);
    struct nacre_bytes blob = nacre_privkey_public_blob(&a.k);
    uint8_t blanks[NACRE_HOST_SALT_LEN];
    char out[512];
    char want[512];

    memset(blanks, ' ', sizeof blanks);
    snprintf(want, sizeof want, HOSTS_HASHED_2222 " %s\n", a.text);
    for (size_t cap = 0; cap <= strlen(want) + 1; cap++) {
        nacre_err err =
            nacre_known_hosts_format_hashed(out, cap, nacre_bytes_str("H"), 2222, blob, blanks);

        cr_assert_eq(err, cap <= strlen(want) ? NACRE_ERR_NO_ROOM : NACRE_OK, "%zu", cap);
    }
    cr_assert_str_eq(out, want);
    cr_assert_eq(
        nacre_known_hosts_format_hashed(out, sizeof out, nacre_bytes_str("a b"), 22, blob, blanks),
        NACRE_ERR_USAGE);
    cr_assert_eq(out[0], '\0');
}
