/* SPDX-License-Identifier: ISC
 *
 * Certificates for the tests of the decoder and of the rules: each field stands as bytes that
 * nobody looked at, so that any one of them can be wrong. One certificate at a time, of Ed25519
 * keys; whole ones of any type of key are in certs.h. Links with Criterion.
 */
#ifndef NACRE_TESTS_ODD_CERT_H
#define NACRE_TESTS_ODD_CERT_H

#include "proto/keys/nacre_keys.h"

/* All that a certificate says, as bytes that nobody looked at. */
struct odd_cert {
    struct nacre_bytes name, plain; /* empty: of the subject */
    uint32_t kind;
    uint64_t after, before;
    struct nacre_bytes key_id, principals, critical, extensions, reserved;
    struct nacre_bytes ca;  /* empty: of the authority */
    const char *sig_name;   /* NULL: as it was signed */
    bool flip;              /* spoils the signature */
    uint8_t list[4][20000]; /* for principals, critical, extensions, key_id */
};

#define ODD_NOW 1000000
#define ODD_USER "alice"
#define ODD_HOST "host.example"

extern struct nacre_privkey odd_subject, odd_authority;
extern struct odd_cert odd; /* the one that is written next */
extern uint64_t odd_work[NACRE_WORK];

/* Makes the keys; before the first certificate of a test. */
void odd_keys(void);
/* Makes it good for ODD_USER or ODD_HOST at ODD_NOW. */
void odd_good(enum nacre_cert_kind kind);
/* Packs strings, ended by a NULL, into that list of it. */
struct nacre_bytes odd_pack(unsigned which, const char *const *strings);
/* Appends an option; value NULL: a flag. */
void odd_critical(const char *name, const char *value);
void odd_extension(const char *name, const char *value);
/* Writes and signs it. */
struct nacre_bytes odd_write(uint8_t *out, size_t cap);
/* A blob behind the name that it starts with. */
struct nacre_bytes odd_nameless(struct nacre_bytes blob);

#endif
