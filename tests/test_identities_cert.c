/* SPDX-License-Identifier: ISC
 *
 * Certificates that a client authenticates with (client/identities.c): their order among the keys,
 * who signs for them, the names of their algorithms.
 */
#include "tests/id_bench.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(identities_cert, .init = bench_setup, .fini = bench_teardown);

Test(identities_cert, own_certificate_before_the_key)
{
    bench_certify(0, NACRE_CERT_USER);
    bench_private("a", 0, "secret", 0);
    bench_public("a-cert.pub", bench_cert());
    bench_identity("a");
    bench.answers[0] = "secret";
    bench_take(bench_cert());
    bench_expect(NACRE_OK, "?cert !cert ");
    cr_assert_eq(bench.prompts, 1);
}

Test(identities_cert, certificate_refused_then_the_key)
{
    bench_certify(0, NACRE_CERT_USER);
    bench_private("a", 0, "", 0);
    bench_public("a-cert.pub", bench_cert());
    bench_identity("a");
    bench_take(bench_blob(0));
    bench_expect(NACRE_OK, "?cert ?0 !0 ");
}

Test(identities_cert, certificate_named_and_signed_for_by_the_agent)
{
    char log[256];

    bench_certify(0, NACRE_CERT_USER);
    bench_name_cert();
    bench.cfg.identities_only = true; /* the certificate names its key */
    bench.agent.keys[0] = &bench.key[0];
    bench.agent.keys[1] = &bench.key[1];
    bench_agent();
    bench_take(bench_cert());
    bench_expect(NACRE_OK, "?cert !cert ");
    toy_agent_log(&bench.agent, log, sizeof log);
    cr_assert_not_null(strstr(log, "sign 0 ssh-ed25519\n"), "by the plain key: %s", log);
}

/* A file that hides its public half is opened when the server has taken the certificate. */
Test(identities_cert, certificate_named_for_a_closed_file)
{
    cr_assert_eq(
        nacre_privkey_generate(&bench.key[4], "ecdsa-sha2-nistp256", 0, &nacre_rng_os, bench_work),
        NACRE_OK);
    bench_certify(4, NACRE_CERT_USER);
    bench_private("a", 4, "secret", NACRE_KEYFILE_PEM_EC);
    bench_identity("a");
    bench_name_cert();
    bench.answers[0] = "secret";
    bench_take(bench_cert());
    bench_expect(NACRE_OK, "?cert !cert ");
    cr_assert_eq(bench.prompts, 1);
}

Test(identities_cert, certificate_that_nobody_can_sign_for)
{
    bench_certify(0, NACRE_CERT_USER);
    bench_name_cert();
    bench_private("a", 1, "", 0);
    bench_identity("a");
    bench_take(bench_cert());
    bench_take(bench_blob(1));
    bench_expect(NACRE_OK, "?1 !1 ");
}

Test(identities_cert, certificate_in_the_agent)
{
    bench_certify(0, NACRE_CERT_USER);
    bench.agent.keys[0] = &bench.key[0];
    bench.agent.certs[0] = bench_cert();
    bench_agent();
    bench_take(bench_cert());
    bench_expect(NACRE_OK, "?cert !cert ");
}

Test(identities_cert, host_certificate_is_not_offered)
{
    bench_certify(0, NACRE_CERT_HOST);
    bench_private("a", 0, "", 0);
    bench_public("a-cert.pub", bench_cert());
    bench_identity("a");
    bench_take(bench_blob(0));
    bench_expect(NACRE_OK, "!0 ");
}

/* Every type: the name of the algorithm, and what it is signed with. */
Test(identities_cert, certificate_algorithms)
{
    static const char *const types[] = {"ssh-ed25519", "ecdsa-sha2-nistp521", "ssh-rsa",
                                        "ssh-mldsa44-ed25519"};

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        cr_assert_eq(nacre_privkey_generate(&bench.key[4], types[i], 0, &nacre_rng_os, bench_work),
                     NACRE_OK);
        bench_certify(4, NACRE_CERT_USER);
        bench_private("a", 4, "", 0);
        bench_public("a-cert.pub", bench_cert());
        bench_identity("a");
        bench_take(bench_cert());
        bench_expect(NACRE_OK, "?cert !cert ");
        bench_again();
    }
}

Test(identities_cert, names_of_algorithms)
{
    static const char *const pairs[][2] = {
        {"ssh-ed25519", "ssh-ed25519"},
        {"rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-512"},
        {"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"},
        {"sk-ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519@openssh.com"},
        {"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"},
        {"webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
         "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"},
        {"ssh-mldsa44-ed25519-cert", "ssh-mldsa44-ed25519"},
        {"-cert", "-cert"},
        {"", ""},
        {"a-name-of-sixty-four-characters-that-no-table-here-has-cert@x.com",
         "a-name-of-sixty-four-characters-that-no-table-here-has-cert@x.com"},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char name[NCR_ID_ALG_CAP];
        cr_assert(nacre_bytes_is(ncr_plain_alg(nacre_bytes_str(pairs[i][0]), name), pairs[i][1]),
                  "%s", pairs[i][0]);
    }
}

Test(identities_cert, signing_hook_with_a_certificate)
{
    struct nacre_bytes keys[2];

    bench_certify(0, NACRE_CERT_USER);
    keys[0] = bench_cert();
    keys[1] = bench_blob(0);
    bench.cfg.sign_keys = keys;
    bench.cfg.n_sign_keys = 2;
    bench.cfg.sign = bench_sign;
    bench_take(bench_cert());
    bench_expect(NACRE_OK, "?cert !cert ");
    cr_assert_eq(bench.signs, 1, "by the plain key");
}
