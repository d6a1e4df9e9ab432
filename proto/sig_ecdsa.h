/* SPDX-License-Identifier: ISC
 *
 * ECDSA keys and signatures on the wire, RFC 5656 section 3.1, for what builds on them: the rows of
 * sig_ecdsa.c, those of security keys (sig_sk.c) and the key types (keys/key_ecdsa.c).
 */
#ifndef NCR_SIG_ECDSA_H
#define NCR_SIG_ECDSA_H

#include "proto/wire.h"

struct ncr_ecdsa {
    const char *name;  /* of keys and signatures, "ecdsa-sha2-nistp256" */
    const char *ident; /* of the curve, "nistp256" */
    const struct nacre_curve *curve;
    const struct nacre_hash *hash;
};
extern const struct ncr_ecdsa ncr_ecdsa_nistp256, ncr_ecdsa_nistp384, ncr_ecdsa_nistp521;

/* The fields string curve name, string point of a public key; p is NULL unless the name is the
 * curve's and the point an uncompressed one on it. */
struct nacre_bytes ncr_ecdsa_read_point(struct ncr_rd *r, const struct ncr_ecdsa *e);

/* NACRE_OK if value, which holds mpint r, mpint s and nothing else, is a signature of data by the
 * key of that point; SIG_FORMAT if it is not of that form, SIG. work: NACRE_EC_WORK words. */
nacre_err ncr_ecdsa_verify(const struct ncr_ecdsa *e, struct nacre_bytes point,
                           struct nacre_bytes data, struct nacre_bytes value, uint64_t *work);

#endif
