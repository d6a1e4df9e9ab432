/* SPDX-License-Identifier: ISC
 *
 * Rows of signature algorithms whose key is a certificate: see sig_cert.c.
 */
#ifndef NCR_SIG_CERT_H
#define NCR_SIG_CERT_H

#include "proto/alg.h"

/* The functions of such a row: type is the name of the certificate's type, plain the algorithm of
 * the key inside. */
NACRE_MUST_CHECK nacre_err ncr_sig_cert_check(struct nacre_bytes key, const char *type);
NACRE_MUST_CHECK nacre_err ncr_sig_cert_verify(const struct ncr_sig *plain, struct nacre_bytes key,
                                               struct nacre_bytes data, struct nacre_bytes sig,
                                               uint64_t *work);
/* demand: enum nacre_sk_flag; plain is a security key's algorithm. */
NACRE_MUST_CHECK nacre_err ncr_sig_cert_verify_sk(const struct ncr_sig *plain,
                                                  struct nacre_bytes key, struct nacre_bytes data,
                                                  struct nacre_bytes sig, uint8_t demand,
                                                  uint64_t *work);

/* The functions of a row: id of both rows, name of the certificate's type. */
#define NCR_SIG_CERT_CALLS(id, type)                                                               \
    static nacre_err sig_cert_check_##id(struct nacre_bytes key)                                   \
    {                                                                                              \
        return ncr_sig_cert_check(key, type);                                                      \
    }                                                                                              \
    static nacre_err sig_cert_verify_##id(struct nacre_bytes key, struct nacre_bytes data,         \
                                          struct nacre_bytes sig, uint64_t *work)                  \
    {                                                                                              \
        return ncr_sig_cert_verify(&ncr_sig_##id, key, data, sig, work);                           \
    }

#endif
