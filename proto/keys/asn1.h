/* SPDX-License-Identifier: ISC
 *
 * Object identifiers of key files, and what they stand for here.
 */
#ifndef NCR_ASN1_H
#define NCR_ASN1_H

#include "proto/nacre.h"

/* Contents of an OBJECT IDENTIFIER. */
struct ncr_oid {
    uint8_t n;
    uint8_t p[10];
};
bool ncr_oid_is(struct nacre_bytes b, const struct ncr_oid *oid);

extern const struct ncr_oid ncr_oid_rsa;     /* rsaEncryption, RFC 8017 A.1 */
extern const struct ncr_oid ncr_oid_ec;      /* id-ecPublicKey, RFC 5480 2.1.1 */
extern const struct ncr_oid ncr_oid_ed25519; /* RFC 8410 3 */
extern const struct ncr_oid ncr_oid_pbes2;   /* RFC 8018 A.4 */
extern const struct ncr_oid ncr_oid_pbkdf2;  /* RFC 8018 A.2 */
extern const struct ncr_oid ncr_oid_scrypt;  /* RFC 7914 7.1 */

struct ncr_asn1_curve {
    struct ncr_oid oid;
    const char *name; /* in SSH: "nistp256" */
    const char *type; /* of keys */
    const struct nacre_curve *curve;
};
/* NULL: not supported. By its OID, and by the name of the key type. */
const struct ncr_asn1_curve *ncr_asn1_curve(struct nacre_bytes oid);
const struct ncr_asn1_curve *ncr_asn1_curve_of(struct nacre_bytes type);

/* Pseudo-random functions of PBKDF2: HMAC with that hash. */
struct ncr_asn1_prf {
    struct ncr_oid oid;
    const struct nacre_hash *hash;
};
const struct ncr_asn1_prf *ncr_asn1_prf(struct nacre_bytes oid);
extern const struct ncr_asn1_prf ncr_asn1_prf_sha256;

/* Ciphers in CBC mode. */
struct ncr_asn1_cipher {
    struct ncr_oid oid;
    const char *dek;       /* in DEK-Info */
    size_t key_len, block; /* the IV is a block */
    /* In place, n a multiple of block. */
    void (*decrypt)(uint8_t *p, size_t n, const uint8_t *key, size_t key_len, const uint8_t *iv);
};
#define NCR_ASN1_KEY_MAX 32
#define NCR_ASN1_BLOCK_MAX NACRE_AES_BLOCK
const struct ncr_asn1_cipher *ncr_asn1_cipher(struct nacre_bytes oid);
/* By its name in DEK-Info, in letters of any case. */
const struct ncr_asn1_cipher *ncr_asn1_cipher_of(struct nacre_bytes dek);
extern const struct ncr_asn1_cipher ncr_asn1_aes128, ncr_asn1_aes256;

#endif
