/* SPDX-License-Identifier: ISC
 *
 * Security keys (FIDO) on the wire: OpenSSH's PROTOCOL.u2f. Fields of their public keys, which the
 * key types (keys/key_sk.c) read too, and what a signature says of its making.
 */
#ifndef NCR_SIG_SK_H
#define NCR_SIG_SK_H

#include "proto/sig_ecdsa.h"

/* Flags of a signature: those of FIDO's authenticator data. */
enum {
    NCR_SK_PRESENT = 0x01,  /* somebody touched the key */
    NCR_SK_VERIFIED = 0x04, /* and gave a PIN or a finger */
    NCR_SK_ATTESTED = 0x40, /* credential data follow: never in a signature for us */
    NCR_SK_EXTENDED = 0x80  /* extensions follow */
};

struct ncr_sk {
    struct nacre_bytes pub; /* Ed25519 public key, or point on P-256 */
    struct nacre_bytes application;
};

/* The fields of a public key after its name; false unless they are well formed (an Ed25519 key is
 * not looked at but for its length; a point is on the curve; no NUL in the application). */
NACRE_MUST_CHECK bool ncr_sk_read_ed25519(struct ncr_sk *k, struct ncr_rd *r);
NACRE_MUST_CHECK bool ncr_sk_read_ecdsa(struct ncr_sk *k, struct ncr_rd *r);

/* Flags and counter of a signature blob, of either of the three algorithms; false if it is none.
 * They are of use once it has been verified: only then are they the key's word. */
NACRE_MUST_CHECK bool ncr_sk_flags(uint8_t *flags, uint32_t *counter, struct nacre_bytes sig);

/* As the rows' verify(), but the signature must have all the flags of `demand` set; the rows demand
 * NCR_SK_PRESENT, authorized_keys' no-touch-required takes that away and its verify-required adds
 * NCR_SK_VERIFIED. alg: name of the algorithm; UNKNOWN_ALG: it is none of the three. */
nacre_err ncr_sk_verify(struct nacre_bytes alg, struct nacre_bytes key, struct nacre_bytes data,
                        struct nacre_bytes sig, uint8_t demand, uint64_t *work);

#endif
