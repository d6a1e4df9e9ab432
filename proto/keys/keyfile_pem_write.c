/* SPDX-License-Identifier: ISC
 *
 * Private keys written in ASN.1 between BEGIN and END lines: the formats that keyfile_pem.c reads.
 * PKCS #1 and RFC 5915 keys are encrypted as ssh-keygen -m PEM does it, with headers, MD5 and
 * AES-128-CBC, which is weak and what such files are; PKCS #8 keys with PBES2: PBKDF2 with
 * HMAC-SHA-256, AES-256-CBC. RFC 5958's version is 0, without a public key, as OpenSSL writes.
 *
 * DER is written from its end to its front, the padding of RFC 1423 first.
 */
#include <string.h>

#include "proto/keys/asn1.h"
#include "proto/keys/der.h"
#include "proto/keys/key_type.h"
#include "proto/keys/keyfile.h"
#include "proto/keys/pem.h"

#define PEMW_COLUMNS 64
#define PEMW_SALT_LEN 16

/* Where an exponent is put in work, behind what computing it takes. */
#define PEMW_OUT (NACRE_WORK / 2)
_Static_assert(PEMW_OUT >= 6 * NACRE_RSA_LEN_MAX / 8, "room to divide in");
_Static_assert(8 * (NACRE_WORK - PEMW_OUT) >= NACRE_RSA_LEN_MAX, "room for an exponent");

/* d mod prime - 1. */
static void pemw_exponent(struct ncr_der_wr *w, const struct nacre_rsa_key *key,
                          struct nacre_num prime, uint64_t *work)
{
    uint8_t *x = (uint8_t *)(work + PEMW_OUT);

    if (!nacre_rsa_crt_exponent(x, key, prime, work))
        w->bad = true;
    else
        ncr_der_put_number(w, x, prime.n);
    nacre_wipe(x, prime.n);
}

/* RFC 8017 A.1.2: version, n, e, d, p, q, dp, dq, qinv. */
static void pemw_rsa(struct ncr_der_wr *w, const struct nacre_privkey *k, uint64_t *work)
{
    const struct nacre_rsa_key key = ncr_key_rsa_parts(k);
    const size_t end = w->at;

    ncr_der_put_number(w, key.iqmp.p, key.iqmp.n);
    pemw_exponent(w, &key, key.q, work);
    pemw_exponent(w, &key, key.p, work);
    ncr_der_put_number(w, key.q.p, key.q.n);
    ncr_der_put_number(w, key.p.p, key.p.n);
    ncr_der_put_number(w, key.d.p, key.d.n);
    ncr_der_put_number(w, key.e.p, key.e.n);
    ncr_der_put_number(w, key.n.p, key.n.n);
    ncr_der_put_small(w, 0);
    ncr_der_put_head(w, NCR_DER_SEQUENCE, end);
}

/* RFC 5915: version 1, private key, [0] curve where nothing else tells it, [1] public key. */
static void pemw_ec(struct ncr_der_wr *w, const struct nacre_privkey *k,
                    const struct ncr_asn1_curve *curve, bool alone)
{
    const size_t len = nacre_ec_len(curve->curve), point = 1 + 2 * len;
    const uint8_t unused_bits = 0;
    const size_t end = w->at;
    size_t inner = w->at;

    ncr_der_put_bytes(w, k->blob + k->blob_len - point, point);
    ncr_der_put_bytes(w, &unused_bits, 1);
    ncr_der_put_head(w, NCR_DER_BIT_STRING, inner);
    ncr_der_put_head(w, NCR_DER_CONTEXT_1, inner);
    inner = w->at;
    if (alone) {
        ncr_der_put(w, NCR_DER_OID, curve->oid.p, curve->oid.n);
        ncr_der_put_head(w, NCR_DER_CONTEXT_0, inner);
    }
    ncr_der_put(w, NCR_DER_OCTET_STRING, k->secret.ecdsa.scalar, len);
    ncr_der_put_small(w, 1);
    ncr_der_put_head(w, NCR_DER_SEQUENCE, end);
}

/* RFC 5958: version, algorithm, private key; false: no form for such a key. */
static bool pemw_pkcs8(struct ncr_der_wr *w, const struct nacre_privkey *k, uint64_t *work)
{
    const struct ncr_asn1_curve *curve = ncr_asn1_curve_of(nacre_bytes_str(k->type->name));
    const struct ncr_oid *oid = &ncr_oid_ec;
    const size_t end = w->at;
    size_t inner;

    if (k->type == &ncr_key_type_rsa) {
        oid = &ncr_oid_rsa;
        pemw_rsa(w, k, work);
    } else if (k->type == &ncr_key_type_ed25519) {
        oid = &ncr_oid_ed25519;
        ncr_der_put(w, NCR_DER_OCTET_STRING, k->secret.ed25519.seed, NACRE_ED25519_SEED_LEN);
    } else if (curve != NULL) {
        pemw_ec(w, k, curve, false);
    } else {
        return false;
    }
    ncr_der_put_head(w, NCR_DER_OCTET_STRING, end);
    inner = w->at;
    if (curve != NULL)
        ncr_der_put(w, NCR_DER_OID, curve->oid.p, curve->oid.n);
    else if (oid == &ncr_oid_rsa)
        ncr_der_put(w, NCR_DER_NULL, NULL, 0);
    ncr_der_put(w, NCR_DER_OID, oid->p, oid->n);
    ncr_der_put_head(w, NCR_DER_SEQUENCE, inner);
    ncr_der_put_small(w, 0);
    ncr_der_put_head(w, NCR_DER_SEQUENCE, end);
    return true;
}

/* ---- Encryption ---- */

struct pemw_secrets {
    uint8_t key[32], iv[NACRE_AES_BLOCK], salt[PEMW_SALT_LEN];
};

/* Encrypts all that was written; the padding is behind it already. */
static void pemw_encrypt(struct ncr_der_wr *w, const struct pemw_secrets *s,
                         const struct ncr_asn1_cipher *cipher)
{
    struct nacre_aes_cbc c;
    struct nacre_bytes b = ncr_der_done(w);

    if (nacre_aes_cbc_init(&c, s->key, cipher->key_len, s->iv))
        nacre_aes_cbc_encrypt(w->p + w->at, &c, b.p, b.n);
    nacre_wipe(&c, sizeof c);
}

/* The padding of RFC 1423 1.1 for len bytes. */
static void pemw_pad(struct ncr_der_wr *w, size_t len)
{
    const uint8_t pad = (uint8_t)(NACRE_AES_BLOCK - len % NACRE_AES_BLOCK);
    uint8_t bytes[NACRE_AES_BLOCK];

    memset(bytes, pad, sizeof bytes);
    ncr_der_put_bytes(w, bytes, pad);
}

/* PBKDF2's parameters and the cipher's, RFC 8018 A.2, B.2.5. */
static void pemw_put_pbes2(struct ncr_der_wr *w, const struct pemw_secrets *s, uint32_t iterations)
{
    const size_t end = w->at;
    size_t inner = w->at, prf;

    ncr_der_put(w, NCR_DER_OCTET_STRING, s->iv, sizeof s->iv);
    ncr_der_put(w, NCR_DER_OID, ncr_asn1_aes256.oid.p, ncr_asn1_aes256.oid.n);
    ncr_der_put_head(w, NCR_DER_SEQUENCE, inner);
    inner = w->at;
    prf = w->at;
    ncr_der_put(w, NCR_DER_NULL, NULL, 0);
    ncr_der_put(w, NCR_DER_OID, ncr_asn1_prf_sha256.oid.p, ncr_asn1_prf_sha256.oid.n);
    ncr_der_put_head(w, NCR_DER_SEQUENCE, prf);
    ncr_der_put_small(w, iterations);
    ncr_der_put(w, NCR_DER_OCTET_STRING, s->salt, sizeof s->salt);
    ncr_der_put_head(w, NCR_DER_SEQUENCE, inner);
    ncr_der_put(w, NCR_DER_OID, ncr_oid_pbkdf2.p, ncr_oid_pbkdf2.n);
    ncr_der_put_head(w, NCR_DER_SEQUENCE, inner);
    ncr_der_put_head(w, NCR_DER_SEQUENCE, end);
    ncr_der_put(w, NCR_DER_OID, ncr_oid_pbes2.p, ncr_oid_pbes2.n);
    ncr_der_put_head(w, NCR_DER_SEQUENCE, end);
}

/* "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,IV" and the key that MD5 makes. */
#define PEMW_HEADERS "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
#define PEMW_HEADERS_LEN (sizeof PEMW_HEADERS + 2 * NACRE_AES_BLOCK + 1)
static void pemw_headers(char out[PEMW_HEADERS_LEN], const uint8_t iv[NACRE_AES_BLOCK])
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = sizeof PEMW_HEADERS - 1, i;

    memcpy(out, PEMW_HEADERS, n);
    for (i = 0; i < NACRE_AES_BLOCK; i++) {
        out[n++] = hex[iv[i] >> 4];
        out[n++] = hex[iv[i] & 15];
    }
    out[n++] = '\n';
    out[n] = '\0';
}

/* ---- Formats ---- */

/* The DER of the key; false: no form for such a key. */
static bool pemw_key(struct ncr_der_wr *w, const struct nacre_privkey *k,
                     enum nacre_keyfile_format format, uint64_t *work)
{
    const struct ncr_asn1_curve *curve = ncr_asn1_curve_of(nacre_bytes_str(k->type->name));

    if (format == NACRE_KEYFILE_PEM_RSA && k->type == &ncr_key_type_rsa)
        pemw_rsa(w, k, work);
    else if (format == NACRE_KEYFILE_PEM_EC && curve != NULL)
        pemw_ec(w, k, curve, true);
    else
        return format == NACRE_KEYFILE_PKCS8 && pemw_pkcs8(w, k, work);
    return true;
}

/* Keys and IV out of passphrase and randomness. */
static nacre_err pemw_secrets(struct pemw_secrets *s, const struct nacre_keyfile_opts *opts,
                              uint32_t iterations, const struct nacre_rng *rng)
{
    const struct nacre_bytes pass = opts->passphrase;

    if (!nacre_rng_fill(rng, s->iv, sizeof s->iv) || !nacre_rng_fill(rng, s->salt, sizeof s->salt))
        return NACRE_ERR_RNG;
    if (opts->format != NACRE_KEYFILE_PKCS8)
        nacre_pem_kdf(s->key, ncr_asn1_aes128.key_len, pass.p, pass.n, s->iv);
    else if (!nacre_pbkdf2(s->key, sizeof s->key, &nacre_hash_sha256, pass.p, pass.n, s->salt,
                           sizeof s->salt, iterations))
        return NACRE_ERR_USAGE;
    return NACRE_OK;
}

/* Writes the key again, behind it the padding that its length, known from the first time, asks
 * for. */
static nacre_err pemw_write_encrypted(struct ncr_der_wr *w, char headers[PEMW_HEADERS_LEN],
                                      const struct nacre_privkey *k,
                                      const struct nacre_keyfile_opts *opts,
                                      const struct nacre_rng *rng, uint64_t *work)
{
    const uint32_t iterations = opts->iterations != 0 ? opts->iterations : NACRE_KEYFILE_ITERATIONS;
    const bool pkcs8 = opts->format == NACRE_KEYFILE_PKCS8;
    const size_t len = ncr_der_done(w).n, end = w->cap;
    struct pemw_secrets s;
    nacre_err err;

    memset(&s, 0, sizeof s);
    err = pemw_secrets(&s, opts, iterations, rng);
    if (err != NACRE_OK)
        goto out;
    *w = ncr_der_wr(w->p, w->cap);
    pemw_pad(w, len);
    if (!pemw_key(w, k, opts->format, work)) /* it was the first time */
        w->bad = true;
    pemw_encrypt(w, &s, pkcs8 ? &ncr_asn1_aes256 : &ncr_asn1_aes128);
    if (pkcs8) {
        ncr_der_put_head(w, NCR_DER_OCTET_STRING, end);
        pemw_put_pbes2(w, &s, iterations);
        ncr_der_put_head(w, NCR_DER_SEQUENCE, end);
    } else {
        pemw_headers(headers, s.iv);
    }
out:
    nacre_wipe(&s, sizeof s);
    return err;
}

/* What stands in the marks. */
static const char *pemw_label(enum nacre_keyfile_format format, bool encrypted)
{
    if (format == NACRE_KEYFILE_PKCS8)
        return encrypted ? "ENCRYPTED PRIVATE KEY" : "PRIVATE KEY";
    return format == NACRE_KEYFILE_PEM_RSA ? "RSA PRIVATE KEY" : "EC PRIVATE KEY";
}

nacre_err ncr_pem_write(uint8_t *out, size_t cap, size_t *n, const struct nacre_privkey *k,
                        const struct nacre_keyfile_opts *opts, const struct nacre_rng *rng,
                        uint64_t *work)
{
    const bool encrypted = opts->passphrase.n > 0;
    char headers[PEMW_HEADERS_LEN] = "";
    struct ncr_der_wr w = ncr_der_wr(out, cap);
    struct nacre_bytes der;
    nacre_err err = NACRE_OK;

    if (!pemw_key(&w, k, opts->format, work))
        return NACRE_ERR_UNKNOWN_ALG;
    if (encrypted)
        err = pemw_write_encrypted(&w, headers, k, opts, rng, work);
    der = ncr_der_done(&w);
    if (err == NACRE_OK && w.bad)
        err = NACRE_ERR_NO_ROOM;
    if (err != NACRE_OK) {
        nacre_wipe(out, cap);
        return err;
    }
    memmove(out, der.p, der.n);
    *n = der.n;
    return ncr_pem_encode_headers(out, cap, n, pemw_label(opts->format, encrypted), headers,
                                  PEMW_COLUMNS);
}
