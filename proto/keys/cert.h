/* SPDX-License-Identifier: ISC
 *
 * Inside of certificates: see cert.c and nacre_keys.h.
 */
#ifndef NCR_CERT_H
#define NCR_CERT_H

#include "proto/keys/key_type.h"

/* The key type that certificates of that name are about; NULL for any other name. */
const struct ncr_key_type *ncr_cert_type(struct nacre_bytes name);
/* The type of a plain blob; NULL if it is not understood. */
const struct ncr_key_type *ncr_cert_type_of(struct nacre_bytes plain);
/* All of a certificate but the signature. */
NACRE_MUST_CHECK nacre_err ncr_cert_put_unsigned(struct ncr_wr *w, const struct nacre_cert *c,
                                                 struct nacre_bytes ca);

#endif
