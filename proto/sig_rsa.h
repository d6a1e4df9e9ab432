/* SPDX-License-Identifier: ISC
 *
 * RSA keys and signatures of SSH, whatever the hash: what sig_rsa.c, sig_rsa_legacy.c and the key
 * type share.
 */
#ifndef NCR_SIG_RSA_H
#define NCR_SIG_RSA_H

#include "proto/wire.h"

/* A public key out of a blob: borrowed, without leading zeros. */
struct ncr_rsa_pub {
    struct nacre_num n, e;
    size_t bits; /* of n */
};

/* Reads mpint e, mpint n. KEY_FORMAT: no non-negative numbers; KEY_REFUSED: a size or value that no
 * RSA key may have (n of 1,024 to 16,384 bits and odd, e odd and from 3 on). The caller checks the
 * end. */
NACRE_MUST_CHECK nacre_err ncr_rsa_pub_read(struct ncr_rsa_pub *pub, struct ncr_rd *r);

/* As check_key of struct ncr_sig, for keys of at least so many bits. */
NACRE_MUST_CHECK nacre_err ncr_sig_rsa_check(struct nacre_bytes key, size_t min_bits);
/* As its verify, for the algorithm of that name. */
NACRE_MUST_CHECK nacre_err ncr_sig_rsa_verify(struct nacre_bytes key, struct nacre_bytes data,
                                              struct nacre_bytes sig, const char *name,
                                              const struct nacre_hash *hash, uint64_t *work);

#endif
