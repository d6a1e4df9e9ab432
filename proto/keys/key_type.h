/* SPDX-License-Identifier: ISC
 *
 * Types of keys as rows (work: NACRE_WORK words): what the public blob holds, how the private half
 * is made, stored and used. A new type is one file with a row, and its name in ncr_key_types[].
 */
#ifndef NCR_KEY_TYPE_H
#define NCR_KEY_TYPE_H

#include "proto/keys/nacre_keys.h"
#include "proto/wire.h"

struct ncr_key_type {
    const char *name;             /* first string of the blob */
    const char *cert_name;        /* of certificates for such keys; NULL: there are none */
    const char *label;            /* as ssh-keygen prints it */
    const char *cert_label;       /* the same of a certificate */
    const char *const *algs;      /* signature algorithms, most preferred first; NULL ends */
    const char *const *cert_algs; /* the same of certificates for such keys, in the same order */

    /* Reads the fields of a public blob after the name, up to its end, and says how many bits. The
     * caller checks the end. KEY_FORMAT or KEY_REFUSED. */
    nacre_err (*decode)(struct ncr_rd *r, unsigned *bits);
    /* True if a blob that decoded is no weak value. */
    bool (*trustworthy)(struct nacre_bytes blob);

    /* The private half. The caller wipes k on failure. */
    nacre_err (*generate)(struct nacre_privkey *k, unsigned bits, const struct nacre_rng *rng,
                          uint64_t *work);
    /* The fields of openssh-key-v1's private section after the name and before the comment.
     * KEY_REFUSED: public half inside differs. */
    nacre_err (*read_private)(struct nacre_privkey *k, struct ncr_rd *r, uint64_t *work);
    void (*write_private)(struct ncr_wr *w, const struct nacre_privkey *k);
    /* Writes the signature blob. alg is one of algs. */
    nacre_err (*sign)(struct ncr_wr *w, const struct nacre_privkey *k, const char *alg,
                      struct nacre_bytes data, const struct nacre_rng *rng, uint64_t *work);
};

/* Ends with a NULL. At most 32, for sets of them. */
extern const struct ncr_key_type *const ncr_key_types[];
/* NULL: not understood. */
const struct ncr_key_type *ncr_key_type(struct nacre_bytes name);

extern const struct ncr_key_type ncr_key_type_ed25519, ncr_key_type_mldsa44_ed25519;
extern const struct ncr_key_type ncr_key_type_rsa;
extern const struct ncr_key_type ncr_key_type_ecdsa_nistp256, ncr_key_type_ecdsa_nistp384,
    ncr_key_type_ecdsa_nistp521;
extern const struct ncr_key_type ncr_key_type_sk_ed25519, ncr_key_type_sk_ecdsa;

/* The parts of an RSA key, borrowed from it. */
struct nacre_rsa_key ncr_key_rsa_parts(const struct nacre_privkey *k);

/* A slice of part of b, which must hold it. */
static inline struct nacre_bytes ncr_bytes_part(struct nacre_bytes b, size_t from, size_t n)
{
    struct nacre_bytes part = {b.p == NULL ? NULL : b.p + from, n};

    return part;
}

#endif
