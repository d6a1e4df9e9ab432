/* SPDX-License-Identifier: ISC
 *
 * Certificates for tests: see certs.h.
 */
#include "tests/certs.h"

#include "proto/wire.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint64_t certs_work[NACRE_WORK];

static void put_principals(struct ncr_wr *w, const char *const names[4])
{
    size_t mark = ncr_wr_string_begin(w);
    for (size_t i = 0; i < 4 && names[i] != NULL; i++) {
        ncr_wr_cstring(w, names[i]);
    }
    ncr_wr_string_end(w, mark);
}

static void put_options(struct ncr_wr *w, const char *const *pairs, size_t n)
{
    size_t mark = ncr_wr_string_begin(w);
    for (size_t i = 0; i + 1 < n && pairs[i] != NULL; i += 2) {
        const char *value = pairs[i + 1];
        ncr_wr_cstring(w, pairs[i]);
        if (*value == '\0' || *value == '=') {
            ncr_wr_cstring(w, value + (*value == '='));
        } else {
            size_t inner = ncr_wr_string_begin(w);
            ncr_wr_cstring(w, value);
            ncr_wr_string_end(w, inner);
        }
    }
    ncr_wr_string_end(w, mark);
}

/* The name of certificates for keys of that name. */
static const char *cert_name(struct nacre_bytes plain)
{
    static char name[64];
    size_t n = plain.n;
    memcpy(name, plain.p, n);
    if (n > 12 && memcmp(name + n - 12, "@openssh.com", 12) == 0) {
        n -= 12;
    }
    strcpy(name + n,
           nacre_bytes_is(plain, "ssh-mldsa44-ed25519") ? "-cert" : "-cert-v01@openssh.com");
    return name;
}

struct nacre_bytes cert_make(uint8_t out[CERT_MAX], const struct cert_spec *spec,
                             struct nacre_bytes plain, const struct nacre_privkey *ca)
{
    struct ncr_wr w = ncr_wr(out, CERT_MAX);
    struct ncr_rd r = ncr_rd(plain);
    struct nacre_bytes name = ncr_rd_string(&r);
    struct nacre_bytes fields = ncr_rd_rest(&r);
    const char *alg = spec->ca_alg != NULL ? spec->ca_alg : nacre_privkey_alg(ca, 0);
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    size_t n = 0;
    ncr_wr_cstring(&w, cert_name(name));
    ncr_wr_cstring(&w, "0123456789abcdef0123456789abcdef");
    ncr_wr_bytes(&w, fields.p, fields.n);
    ncr_wr_u64(&w, spec->serial);
    ncr_wr_u32(&w, spec->kind == 0 ? (uint32_t)NACRE_CERT_USER : spec->kind);
    ncr_wr_cstring(&w, spec->id != NULL ? spec->id : "test");
    put_principals(&w, spec->principals);
    ncr_wr_u64(&w, spec->after);
    ncr_wr_u64(&w, spec->before);
    put_options(&w, spec->critical, 8);
    put_options(&w, spec->extensions, 16);
    ncr_wr_cstring(&w, "");
    ncr_wr_string(&w, spec->ca_blob.n > 0 ? spec->ca_blob : nacre_privkey_public_blob(ca));
    cr_assert_eq(nacre_privkey_sign(ca, nacre_bytes_str(alg), ncr_wr_done(&w), sig, sizeof sig, &n,
                                    spec->rng != NULL ? spec->rng : &nacre_rng_os, certs_work),
                 NACRE_OK);
    ncr_wr_string(&w, (struct nacre_bytes){sig, n});
    cr_assert(!w.bad);
    return ncr_wr_done(&w);
}

struct nacre_privkey *cert_key(const char *type, const struct nacre_rng *rng)
{
    struct nacre_privkey *k = calloc(1, sizeof *k);
    cr_assert_not_null(k);
    cr_assert_eq(nacre_privkey_generate(k, type, strcmp(type, "ssh-rsa") == 0 ? 2048 : 0,
                                        rng != NULL ? rng : &nacre_rng_os, certs_work),
                 NACRE_OK, "%s", type);
    return k;
}
