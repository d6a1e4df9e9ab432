/* SPDX-License-Identifier: ISC
 *
 * Trust in hosts: certificates and revoked keys (s45, s47, s48 of hosts), other names and ports,
 * the key types that are asked for (s51), memory that runs out.
 */
#include "tests/desk.h"
#include "tests/oom.h"

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const uint8_t force_command[] = "\0\0\0\15force-command\0\0\0\6\0\0\0\2ls";

Test(host_trust, certificate_of_a_known_authority)
{
    struct desk *d = desk_new();
    struct nacre_cert c = desk_cert();

    desk_line(d, DESK_CA, "server", 2);
    cr_assert_eq(desk_trust(d, desk_sign(&c, 2)), NACRE_ACCEPT);
    cr_assert_not(d->c->host_own, "nothing is learned by way of a certificate");
    cr_assert_eq(desk_trust(d, desk_sign(&c, 3)), NACRE_REFUSE);
    d->cfg.host = "a.example.com";
    cr_assert_eq(desk_trust(d, desk_sign(&c, 2)), NACRE_REFUSE);
    desk_line(d, DESK_CA, "*.example.com", 2);
    cr_assert_eq(desk_trust(d, desk_sign(&c, 2)), NACRE_ACCEPT, "a pattern among the principals");
    d->cfg.port = 2222;
    cr_assert_eq(desk_trust(d, desk_sign(&c, 2)), NACRE_ACCEPT, "the name without its port");
    desk_free(d);
}

Test(host_trust, alias_is_the_principal)
{
    struct desk *d = desk_new();
    struct nacre_cert c = desk_cert();

    desk_line(d, DESK_CA, "*", 2);
    d->cfg.host = "other";
    cr_assert_eq(desk_trust(d, desk_sign(&c, 2)), NACRE_REFUSE);
    d->cfg.host_key_alias = "server";
    cr_assert_eq(desk_trust(d, desk_sign(&c, 2)), NACRE_ACCEPT);
    d->cfg.host = "server";
    d->cfg.host_key_alias = "other";
    cr_assert_eq(desk_trust(d, desk_sign(&c, 2)), NACRE_REFUSE);
    desk_free(d);
}

/* What is wrong with a certificate, and how it is told. */
Test(host_trust, s45_s47_certificates_that_are_not_good)
{
    uint64_t now = (uint64_t)time(NULL);
    struct nacre_cert c;

    for (int i = 0; i < 9; i++) {
        struct desk *d = desk_new();
        struct nacre_bytes shown;
        int ca = 2;

        desk_line(d, DESK_CA, "server", 2);
        c = desk_cert();
        switch (i) {
        case 0:
            c.kind = NACRE_CERT_USER;
            break;
        case 1:
            c.valid_before = now - 60;
            break;
        case 2:
            c.valid_after = now + 3600;
            break;
        case 3:
            c.principals.n = 0;
            break;
        case 4: /* the form with the port is no principal */
            c.principals = (struct nacre_bytes){(const uint8_t *)"\0\0\0\x0b[server]:22", 15};
            break;
        case 5:
            c.critical = (struct nacre_bytes){force_command, sizeof force_command - 1};
            break;
        case 6:
            d->cfg.ca_sig_algs = "rsa-sha2-512,rsa-sha2-256";
            break;
        case 7:
            d->cfg.ca_sig_algs = "no-such-algorithm"; /* an error never trusts */
            break;
        default:
            ca = 3;
            break;
        }
        shown = desk_sign(&c, ca);
        cr_assert_eq(desk_trust(d, shown), NACRE_REFUSE, "case %d", i);
        cr_assert_eq(desk_logged(d, "Certificate invalid: "), i < 8, "case %d", i);
        cr_assert(desk_logged(d, "No matching CA found. Retry with plain key"));
        /* as ssh: its plain key may still be known */
        desk_line(d, "", "server", 1);
        cr_assert_eq(desk_trust(d, shown), NACRE_ACCEPT, "case %d", i);
        desk_free(d);
    }
}

Test(host_trust, s47_damaged_certificates)
{
    struct desk *d = desk_new();
    struct nacre_cert c = desk_cert();
    uint8_t copy[DESK_CERT_CAP];
    struct nacre_bytes good = desk_sign(&c, 2);

    desk_line(d, DESK_CA, "*", 2);
    for (size_t bit = 0; bit < 8 * good.n; bit += 3) {
        memcpy(copy, good.p, good.n);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(desk_trust(d, (struct nacre_bytes){copy, good.n}), NACRE_REFUSE, "bit %zu",
                     bit);
    }
    for (size_t cut = 0; cut < good.n; cut++)
        cr_assert_eq(desk_trust(d, (struct nacre_bytes){good.p, cut}), NACRE_REFUSE);
    cr_assert_eq(desk_trust(d, good), NACRE_ACCEPT);
    desk_free(d);
}

/* The key or its authority, in a line or a file: refused whatever else is known. */
Test(host_trust, s48_revoked)
{
    struct nacre_cert c;

    for (int i = 0; i < 6; i++) {
        struct desk *d = desk_new();
        char text[512];
        const int key = i & 1 ? 2 : 1;
        static const struct nacre_bytes none;

        c = desk_cert();
        desk_line(d, DESK_CA, "*", 2);
        desk_line(d, "", "server", 1);
        d->cfg.host_policy = NACRE_HOSTS_OFF;
        d->cfg.revoked_host_keys = d->revoked_list;
        desk_save(d->revoked, "# nothing\n");
        cr_assert_eq(desk_trust(d, desk_sign(&c, 2)), NACRE_ACCEPT);
        d->cfg.n_revoked_host_keys = 1;
        cr_assert_eq(desk_trust(d, desk_sign(&c, 2)), NACRE_ACCEPT);
        cr_assert_eq(desk_trust(d, desk_blob(1)), NACRE_ACCEPT);
        cr_assert_eq(nacre_pubkey_format(text, sizeof text, desk_blob(key), none), NACRE_OK);
        if (i < 2)
            desk_line(d, DESK_REVOKED, "*", key);
        else if (i < 4)
            desk_save(d->revoked, text);
        else if (i == 4)
            desk_save(d->revoked, "what is this\n");
        else
            unlink(d->revoked);
        cr_assert_eq(desk_trust(d, desk_sign(&c, 2)), NACRE_REFUSE, "case %d", i);
        cr_assert_not_null(strstr(nacre_client_error(d->c), "evoked"), "case %d: %s", i,
                           nacre_client_error(d->c));
        cr_assert_eq(desk_trust(d, desk_blob(1)), key == 2 && i < 4 ? NACRE_ACCEPT : NACRE_REFUSE,
                     "case %d", i);
        desk_free(d);
    }
}

/* Known by a key of another type: what shows a new one is as suspicious as a changed one. */
Test(host_trust, s47_another_type_is_no_new_host)
{
    static const enum nacre_host_policy policies[] = {NACRE_HOSTS_STRICT, NACRE_HOSTS_ASK,
                                                      NACRE_HOSTS_ACCEPT_NEW};
    static struct nacre_privkey k;
    struct desk *d = desk_new();

    cr_assert_eq(nacre_privkey_generate(&k, "ecdsa-sha2-nistp256", 0, &nacre_rng_os, desk_work),
                 NACRE_OK);
    desk_line(d, "", "server", 1);
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        d->cfg.host_policy = policies[i];
        cr_assert_eq(desk_trust(d, nacre_privkey_public_blob(&k)), NACRE_REFUSE);
        cr_assert(desk_logged(d, "REMOTE HOST IDENTIFICATION HAS CHANGED!"));
        cr_assert_not_null(strstr(nacre_client_error(d->c), "Host key verification failed."));
    }
    d->cfg.host_policy = NACRE_HOSTS_ACCEPT_NEW;
    desk_save(d->hosts,
              "server ssh-x AAAABXNzaC14AAAAAQE=\n"); /* not understood: nothing is known */
    cr_assert_eq(desk_trust(d, nacre_privkey_public_blob(&k)), NACRE_ACCEPT);
    desk_free(d);
}

static enum nacre_trust desk_question(void *ctx, const struct nacre_host_question *q)
{
    struct desk *d = ctx;

    pair_buf_print(&d->log, "names: %s", q->other_names);
    return NACRE_TRUST_REJECT;
}

Test(host_trust, other_names_of_the_key)
{
    struct desk *d = desk_new();

    d->cfg.host_policy = NACRE_HOSTS_ASK;
    d->cfg.host_key = desk_question;
    cr_assert_eq(desk_trust(d, desk_blob(1)), NACRE_REFUSE);
    cr_assert(desk_logged(d, "names: This key is not known by any other names.\n"));
    desk_line(d, "", "other.example.com,192.0.2.1", 1);
    desk_line(d, "", "|1|ICAgICAgICAgICAgICAgICAgICA=|v7X/a0SEipRkRsqx6GIrG+BGCxU=", 1);
    desk_line(d, DESK_REVOKED, "elsewhere", 1);
    desk_line(d, "", "third", 2);
    for (int i = 0; i < 10; i++)
        desk_line(d, "", "again", 1);
    cr_assert_eq(desk_trust(d, desk_blob(1)), NACRE_REFUSE);
    cr_assert(desk_logged(d, "names: This host key is known by the following other "
                             "names/addresses:\n    /tmp/"));
    cr_assert(desk_logged(d, ":1: other.example.com,192.0.2.1\n"));
    cr_assert(desk_logged(d, ":2: [hashed name]\n"));
    cr_assert(desk_logged(d, "    (4 additional names omitted)\n"));
    cr_assert_not(desk_logged(d, "elsewhere"));
    cr_assert_not(desk_logged(d, "third"));
    desk_free(d);
}

Test(host_trust, known_without_its_port)
{
    struct desk *d = desk_new();

    desk_line(d, "", "server", 1);
    d->cfg.port = 2222;
    cr_assert_eq(desk_trust(d, desk_blob(1)), NACRE_ACCEPT);
    cr_assert(desk_logged(d, "found matching key w/out port in "));
    cr_assert_not(d->c->host_own);
    cr_assert_eq(desk_trust(d, desk_blob(3)), NACRE_REFUSE);
    desk_line(d, "", "[server]:2222", 3);
    cr_assert_eq(desk_trust(d, desk_blob(1)), NACRE_REFUSE, "the line for the port decides");
    desk_free(d);
}

/* Lines of ssh that scripts look for, beside the one error of the library. */
Test(host_trust, words_of_ssh)
{
    struct desk *d = desk_new();
    struct nacre_cert c = desk_cert();

    d->cfg.host_policy = NACRE_HOSTS_STRICT;
    cr_assert_eq(desk_trust(d, desk_blob(1)), NACRE_REFUSE);
    cr_assert(desk_logged(d, "No ED25519 host key is known for server and you have requested "
                             "strict checking.\n"));
    desk_line(d, DESK_REVOKED, "*", 1);
    cr_assert_eq(desk_trust(d, desk_blob(1)), NACRE_REFUSE);
    cr_assert(desk_logged(d, "The ED25519 host key for server is marked as revoked.\n"));
    cr_assert(desk_logged(d, "ED25519 host key for server was revoked and you have requested "
                             "strict checking.\n"));
    cr_assert_eq(desk_trust(d, desk_sign(&c, 2)), NACRE_REFUSE);
    cr_assert(desk_logged(d, "The ED25519-CERT host key for server is marked as revoked.\n"));
    desk_free(d);
}

Test(host_trust, file_that_cannot_be_added_to)
{
    struct desk *d = desk_new();
    const char *files[] = {"/proc/self/nothing/known_hosts"};

    d->cfg.host_policy = NACRE_HOSTS_ACCEPT_NEW;
    d->cfg.known_hosts = files;
    cr_assert_eq(desk_trust(d, desk_blob(1)), NACRE_ACCEPT);
    cr_assert(desk_logged(d, "Failed to add the host to the list of known hosts "
                             "(/proc/self/nothing/known_hosts): "));
    desk_free(d);
}

/* Each allocation of a judgement fails once: a key that is not to be trusted never is. */
static void never_trusted(struct desk *d, struct nacre_bytes shown)
{
    struct nacre_event ev;
    unsigned long calls = 0;

    memset(&ev, 0, sizeof ev);
    ev.type = NACRE_EV_HOST_KEY;
    ev.blob = shown;
    for (unsigned long i = 0; i == 0 || i <= calls; i++) {
        enum nacre_verdict verdict;

        nacre_client_close(d->c);
        cr_assert_eq(ncr_client_new(&d->c, &d->cfg), NACRE_OK);
        oom_calls = 0;
        oom_fail_at = i; /* 0: none, to count */
        oom_armed = true;
        verdict = ncr_client_trust(d->c, &ev);
        oom_armed = false;
        calls = i == 0 ? oom_calls : calls;
        cr_assert_eq(verdict, NACRE_REFUSE, "allocation %lu", i);
    }
    cr_assert_gt(calls, 1);
}

Test(host_trust, s47_memory_runs_out_while_a_key_is_judged)
{
    oom_need();
    struct desk *d = desk_new();
    struct nacre_cert c = desk_cert();
    static const struct nacre_bytes none;
    char text[512];

    d->cfg.revoked_host_keys = d->revoked_list;
    d->cfg.n_revoked_host_keys = 1;
    d->cfg.log = NULL; /* it would allocate */
    never_trusted(d, desk_sign(&c, 2));
    never_trusted(d, desk_blob(1));
    desk_line(d, DESK_CA, "*", 2);
    desk_line(d, "", "server", 1);
    cr_assert_eq(desk_trust(d, desk_sign(&c, 2)), NACRE_ACCEPT);
    desk_line(d, DESK_REVOKED, "server", 2);
    never_trusted(d, desk_sign(&c, 2)); /* its authority is revoked by a line */
    cr_assert_eq(nacre_pubkey_format(text, sizeof text, desk_blob(1), none), NACRE_OK);
    desk_save(d->revoked, text);
    never_trusted(d, desk_blob(1));
    never_trusted(d, desk_sign(&c, 2));
    desk_free(d);
}

/* Certificates' algorithms first where an authority is known; in clear for those who look. */
Test(host_trust, s51_offer)
{
    struct desk *d = desk_new();
    char out[512];

    desk_line(d, DESK_CA, "*", 2);
    cr_assert_eq(ncr_client_new(&d->c, &d->cfg), NACRE_OK);
    cr_assert_eq(ncr_client_prefer_hosts(d->c, out, sizeof out,
                                         "ssh-ed25519,ssh-ed25519-cert-v01@openssh.com"),
                 NACRE_OK);
    cr_assert_str_eq(out, "ssh-ed25519-cert-v01@openssh.com,ssh-ed25519");
    desk_free(d);
}
