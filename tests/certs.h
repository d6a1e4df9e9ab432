/* SPDX-License-Identifier: ISC
 *
 * Certificates for tests, good and bad: written field by field, so that what no issuer would make
 * can be had too, and signed by any key under any algorithm.
 */
#ifndef NACRE_TESTS_CERTS_H
#define NACRE_TESTS_CERTS_H

#include "proto/keys/nacre_keys.h"

#define CERT_MAX 8192
#define CERT_NOW ((uint64_t)1000000000) /* what tests call now */

/* Zeroed: a user certificate that names nobody and has run out. */
struct cert_spec {
    uint32_t kind; /* 0: user */
    uint64_t serial, after, before;
    const char *id;
    const char *principals[4];
    /* Pairs of name and value, in the order given; "" is a flag, "=x" is x as it stands. */
    const char *critical[8], *extensions[16];
    const char *ca_alg;          /* NULL: the authority's first */
    struct nacre_bytes ca_blob;  /* what stands as the authority; empty: that of the key */
    const struct nacre_rng *rng; /* NULL: nacre_rng_os */
};

/* Writes a certificate for the plain blob, signed by ca. */
struct nacre_bytes cert_make(uint8_t out[CERT_MAX], const struct cert_spec *spec,
                             struct nacre_bytes plain, const struct nacre_privkey *ca);
/* A new key of that type, RSA with 2,048 bits; free() it. */
struct nacre_privkey *cert_key(const char *type, const struct nacre_rng *rng);

#endif
