/* SPDX-License-Identifier: ISC
 *
 * Object identifiers of key files: see asn1.h. RFC 5480 (curves), RFC 8018 B (PRFs), NIST's CSOR
 * (AES).
 */
#include "proto/keys/asn1.h"

#include <string.h>

#include "proto/keys/text.h"

const struct ncr_oid ncr_oid_rsa = {9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1}};
const struct ncr_oid ncr_oid_ec = {7, {0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1}};
const struct ncr_oid ncr_oid_ed25519 = {3, {0x2b, 0x65, 0x70}};
const struct ncr_oid ncr_oid_pbes2 = {9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 0x0d}};
const struct ncr_oid ncr_oid_pbkdf2 = {9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 0x0c}};
const struct ncr_oid ncr_oid_scrypt = {9, {0x2b, 6, 1, 4, 1, 0xda, 0x47, 4, 0x0b}};

static const struct ncr_asn1_curve asn1_curves[] = {
    {{8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}}, "nistp256", "ecdsa-sha2-nistp256", &nacre_p256},
    {{5, {0x2b, 0x81, 4, 0, 0x22}}, "nistp384", "ecdsa-sha2-nistp384", &nacre_p384},
    {{5, {0x2b, 0x81, 4, 0, 0x23}}, "nistp521", "ecdsa-sha2-nistp521", &nacre_p521},
};
#define ASN1_CURVES (sizeof asn1_curves / sizeof asn1_curves[0])

const struct ncr_asn1_prf ncr_asn1_prf_sha256 = {{8, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 9}},
                                                 &nacre_hash_sha256};
static const struct ncr_asn1_prf asn1_prf_sha1 = {{8, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 7}},
                                                  &nacre_hash_sha1};
static const struct ncr_asn1_prf asn1_prf_sha384 = {
    {8, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 10}}, &nacre_hash_sha384};
static const struct ncr_asn1_prf asn1_prf_sha512 = {
    {8, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 11}}, &nacre_hash_sha512};
static const struct ncr_asn1_prf *const asn1_prfs[] = {&asn1_prf_sha1, &ncr_asn1_prf_sha256,
                                                       &asn1_prf_sha384, &asn1_prf_sha512};
#define ASN1_PRFS (sizeof asn1_prfs / sizeof asn1_prfs[0])

static void asn1_aes(uint8_t *p, size_t n, const uint8_t *key, size_t key_len, const uint8_t *iv)
{
    struct nacre_aes_cbc c;

    if (nacre_aes_cbc_init(&c, key, key_len, iv))
        nacre_aes_cbc_decrypt(p, &c, p, n);
    nacre_wipe(&c, sizeof c);
}

const struct ncr_asn1_cipher ncr_asn1_aes128 = {
    {9, {0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 2}}, "AES-128-CBC", 16, NACRE_AES_BLOCK, asn1_aes};
static const struct ncr_asn1_cipher asn1_aes192 = {
    {9, {0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x16}}, "AES-192-CBC", 24, NACRE_AES_BLOCK, asn1_aes};
const struct ncr_asn1_cipher ncr_asn1_aes256 = {
    {9, {0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2a}}, "AES-256-CBC", 32, NACRE_AES_BLOCK, asn1_aes};

#if !defined(NACRE_NO_LEGACY)
/* What OpenSSL encrypted keys with for long; files are read, none is written. */
static void asn1_des3(uint8_t *p, size_t n, const uint8_t *key, size_t key_len, const uint8_t *iv)
{
    struct nacre_des3_cbc c;

    (void)key_len; /* one length */
    nacre_des3_cbc_init(&c, key, iv);
    nacre_des3_cbc_decrypt(p, &c, p, n);
    nacre_wipe(&c, sizeof c);
}

static const struct ncr_asn1_cipher asn1_des3_cbc = {
    {8, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 3, 7}},
    "DES-EDE3-CBC",
    NACRE_DES3_KEY_LEN,
    NACRE_DES3_BLOCK,
    asn1_des3};
#endif

static const struct ncr_asn1_cipher *const asn1_ciphers[] = {
    &ncr_asn1_aes128,
    &asn1_aes192,
    &ncr_asn1_aes256,
#if !defined(NACRE_NO_LEGACY)
    &asn1_des3_cbc,
#endif
};
#define ASN1_CIPHERS (sizeof asn1_ciphers / sizeof asn1_ciphers[0])

bool ncr_oid_is(struct nacre_bytes b, const struct ncr_oid *oid)
{
    return b.n == oid->n && memcmp(b.p, oid->p, oid->n) == 0;
}

const struct ncr_asn1_curve *ncr_asn1_curve(struct nacre_bytes oid)
{
    size_t i;

    for (i = 0; i < ASN1_CURVES; i++)
        if (ncr_oid_is(oid, &asn1_curves[i].oid))
            return &asn1_curves[i];
    return NULL;
}

const struct ncr_asn1_curve *ncr_asn1_curve_of(struct nacre_bytes type)
{
    size_t i;

    for (i = 0; i < ASN1_CURVES; i++)
        if (nacre_bytes_is(type, asn1_curves[i].type))
            return &asn1_curves[i];
    return NULL;
}

const struct ncr_asn1_prf *ncr_asn1_prf(struct nacre_bytes oid)
{
    size_t i;

    for (i = 0; i < ASN1_PRFS; i++)
        if (ncr_oid_is(oid, &asn1_prfs[i]->oid))
            return asn1_prfs[i];
    return NULL;
}

const struct ncr_asn1_cipher *ncr_asn1_cipher(struct nacre_bytes oid)
{
    size_t i;

    for (i = 0; i < ASN1_CIPHERS; i++)
        if (ncr_oid_is(oid, &asn1_ciphers[i]->oid))
            return asn1_ciphers[i];
    return NULL;
}

const struct ncr_asn1_cipher *ncr_asn1_cipher_of(struct nacre_bytes dek)
{
    size_t i;

    for (i = 0; i < ASN1_CIPHERS; i++)
        if (ncr_text_same(dek, asn1_ciphers[i]->dek))
            return asn1_ciphers[i];
    return NULL;
}
