/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: certificates (proto/keys/cert.c).
 *
 * Input: a certificate's blob. What decodes lies within the input, is written again with the same
 * bytes if its options are in order, and is never good for anything once it is zeroed.
 */
#include "proto/keys/cert.h"
#include "proto/keys/nacre_certauth.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint64_t fuzz_cert_work[NACRE_WORK];

static void fuzz_cert_check(bool good)
{
    if (!good)
        abort();
}

static bool fuzz_cert_within(struct nacre_bytes part, struct nacre_bytes all)
{
    return part.n == 0 || (part.p >= all.p && part.p + part.n <= all.p + all.n);
}

/* Every option and principal lies in its list. */
static void fuzz_cert_lists(const struct nacre_cert *c)
{
    struct nacre_bytes lists[3] = {c->principals, c->critical, c->extensions};
    struct nacre_bytes name;
    struct nacre_bytes value;

    while (nacre_cert_next_string(&lists[0], &name))
        fuzz_cert_check(fuzz_cert_within(name, c->principals));
    fuzz_cert_check(lists[0].n == 0);
    for (size_t i = 1; i < 3; i++) {
        while (nacre_cert_next_option(&lists[i], &name, &value))
            fuzz_cert_check(fuzz_cert_within(name, c->blob) && fuzz_cert_within(value, c->blob));
        fuzz_cert_check(lists[i].n == 0);
    }
    (void)nacre_cert_option(c->critical, "force-command", &value); /* any answer is good */
}

static void fuzz_cert_again(const struct nacre_cert *c)
{
    static uint8_t out[NACRE_KEY_BLOB_MAX];
    struct ncr_wr w = ncr_wr(out, sizeof out);

    if (ncr_cert_put_unsigned(&w, c, c->ca) == NACRE_OK)
        fuzz_cert_check(w.n == c->signed_part.n && memcmp(out, c->signed_part.p, w.n) == 0);
}

static void fuzz_cert_uses(const struct nacre_cert *c)
{
    struct nacre_bytes name = nacre_bytes_str("alice");
    const char *what = NULL;
    const uint64_t now = c->valid_after;
    nacre_err err = nacre_cert_check(c, c->kind, &name, now, &what);

    fuzz_cert_check((err == NACRE_OK) == (what == NULL));
    fuzz_cert_check(err != NACRE_OK || nacre_cert_check(c, c->kind, NULL, now, NULL) == NACRE_OK);
    if (nacre_cert_verify(c, fuzz_cert_work) == NACRE_OK)
        fuzz_cert_check(c->ca.n > 0 && nacre_cert_signature_alg(c).n > 0);
}

/* Whoever is let in is a user, named, and everything else about the certificate is good too. */
static void fuzz_cert_judged(const struct nacre_cert *c)
{
    static struct nacre_authkey rights;
    struct nacre_bytes name = nacre_bytes_str("alice");
    const struct nacre_cert_policy policy = {.authorities = &c->ca,
                                             .n_authorities = 1,
                                             .principals = &name,
                                             .n_principals = 1,
                                             .addr = nacre_bytes_str("192.0.2.1"),
                                             .now = c->valid_after};

    if (nacre_cert_judge(c, &policy, &rights, NULL, fuzz_cert_work) != NACRE_OK) {
        fuzz_cert_check(rights.permits == 0 && !rights.has_command);
        return;
    }
    fuzz_cert_check(nacre_cert_check(c, NACRE_CERT_USER, &name, policy.now, NULL) == NACRE_OK);
    fuzz_cert_check(nacre_cert_verify(c, fuzz_cert_work) == NACRE_OK);
    fuzz_cert_check(nacre_cert_names(c, name) && fuzz_cert_within(rights.command, c->critical));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct nacre_bytes blob = {data, n};
    static const struct nacre_cert zero;
    struct nacre_cert c;
    uint8_t *plain = malloc(n + 1);

    if (plain == NULL)
        return 0;
    memset(&c, 1, sizeof c);
    if (nacre_cert_decode(&c, blob, plain, n) == NACRE_OK) {
        fuzz_cert_check(nacre_cert_is(blob));
        fuzz_cert_check(fuzz_cert_within(c.signature, blob) && fuzz_cert_within(c.key_id, blob));
        fuzz_cert_lists(&c);
        fuzz_cert_again(&c);
        fuzz_cert_uses(&c);
        fuzz_cert_judged(&c);
    } else {
        fuzz_cert_check(memcmp(&c, &zero, sizeof c) == 0);
    }
    free(plain);
    return 0;
}
