/* SPDX-License-Identifier: ISC
 *
 * Private keys in ASN.1 between BEGIN and END lines, as OpenSSL and old ssh-keygen write them:
 *
 *     RSA PRIVATE KEY        PKCS #1 (RFC 8017 A.1.2)   } in clear, or encrypted with headers
 *     EC PRIVATE KEY         SEC 1 C.4, RFC 5915        } Proc-Type and DEK-Info (RFC 1421)
 *     PRIVATE KEY            PKCS #8 (RFC 5208, 5958): RSA, EC, Ed25519 (RFC 8410)
 *     ENCRYPTED PRIVATE KEY  PKCS #8 with PBES2 (RFC 8018): PBKDF2 or scrypt, AES-CBC
 *
 * Triple DES, which OpenSSL once encrypted with, is read in either form.
 *
 * A key is taken out of its ASN.1 as the fields that openssh-key-v1 has, and then read and checked
 * by its type like any other. Whatever does not decrypt to well-formed ASN.1 counts as a wrong
 * passphrase: nothing in these formats says more.
 */
#include <string.h>

#include "crypto/scrypt.h"
#include "proto/keys/asn1.h"
#include "proto/keys/der.h"
#include "proto/keys/key_type.h"
#include "proto/keys/keyfile.h"
#include "proto/keys/pem.h"
#include "proto/keys/text.h"

#define PEM_PBKDF2_MAX 10000000u /* iterations: seconds */
#define PEM_PUBLIC 0x81          /* [1] IMPLICIT BIT STRING, RFC 5958 2 */

static nacre_err pem_damaged(const struct ncr_keyfile_in *in)
{
    return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "damaged: bad ASN.1");
}

/* ---- Keys ---- */

/* Hands the fields of openssh-key-v1, n bytes at `fields`, to the type. */
static nacre_err pem_read_fields(struct nacre_privkey *k, const struct ncr_keyfile_in *in,
                                 const char *type_name, struct nacre_bytes fields)
{
    const struct ncr_key_type *type = ncr_key_type(nacre_bytes_str(type_name));
    struct ncr_rd r = ncr_rd(fields);
    nacre_err err;

    if (type == NULL)
        return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "key type not supported by this build");
    ncr_keyfile_note(in->info->key_type, nacre_bytes_str(type_name));
    err = type->read_private(k, &r, in->work);
    if (err == NACRE_ERR_KEY_REFUSED)
        return ncr_keyfile_fail(in, err, "the parts of the key do not belong together");
    if (err != NACRE_OK || !ncr_rd_end(&r))
        return ncr_keyfile_fail(in, err != NACRE_OK ? err : NACRE_ERR_KEY_FORMAT,
                                "damaged: bad private half");
    return NACRE_OK;
}

static void pem_put_number(struct ncr_wr *w, struct nacre_bytes b)
{
    ncr_wr_mpint(w, b.p, b.n);
}

/* PKCS #1: version, n, e, d, p, q, dp, dq, qinv. The fields are built in work, which no operation
 * uses yet, and take the place of the ASN.1, which is longer (a public half behind it stays). */
static nacre_err pem_read_rsa(struct nacre_privkey *k, const struct ncr_keyfile_in *in,
                              struct nacre_bytes der)
{
    struct ncr_rd file = ncr_rd(der);
    struct ncr_rd r = ncr_der_enter(&file, NCR_DER_SEQUENCE);
    struct ncr_wr w = ncr_wr((uint8_t *)in->work, NACRE_WORK * sizeof(uint64_t));
    struct nacre_bytes num[8];
    struct nacre_bytes fields;
    uint32_t version = ncr_der_small(&r);
    size_t i;

    if (version == 1)
        return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "more than two primes: not supported");
    for (i = 0; i < 8; i++)
        num[i] = ncr_der_number(&r);
    if (!ncr_rd_end(&r) || !ncr_rd_end(&file) || version != 0)
        return pem_damaged(in);
    if (num[0].n > NACRE_RSA_LEN_MAX)
        return ncr_keyfile_fail(in, NACRE_ERR_LIMIT, "key too large");
    pem_put_number(&w, num[0]); /* n */
    pem_put_number(&w, num[1]); /* e */
    pem_put_number(&w, num[2]); /* d */
    pem_put_number(&w, num[7]); /* iqmp */
    pem_put_number(&w, num[3]); /* p */
    pem_put_number(&w, num[4]); /* q */
    fields = ncr_wr_done(&w);
    if (w.bad || fields.n > in->scratch_len)
        return ncr_keyfile_fail(in, NACRE_ERR_LIMIT, "key too large");
    memcpy(in->scratch, fields.p, fields.n);
    nacre_wipe(in->work, fields.n);
    fields.p = in->scratch;
    return pem_read_fields(k, in, "ssh-rsa", fields);
}

/* What an EC private key holds; pub is empty if it is not given. */
struct pem_ec {
    struct nacre_bytes priv, curve, pub;
};

/* RFC 5480 2.1.1: the curve by its name, and nothing else. */
static nacre_err pem_read_curve(const struct ncr_keyfile_in *in, struct ncr_rd *r,
                                struct nacre_bytes *curve)
{
    if (ncr_der_is(r, NCR_DER_SEQUENCE))
        return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG,
                                "curve given by explicit parameters: not supported");
    *curve = ncr_der_take(r, NCR_DER_OID);
    return ncr_rd_end(r) ? NACRE_OK : pem_damaged(in);
}

/* A BIT STRING of whole bytes: those. */
static bool pem_whole_bits(struct nacre_bytes *b)
{
    if (b->n < 1 || b->p[0] != 0)
        return false;
    *b = ncr_bytes_part(*b, 1, b->n - 1);
    return true;
}

/* RFC 5915: version 1, private key, [0] curve (if not given by PKCS #8), [1] public key (may be
 * absent). */
static nacre_err pem_take_ec(struct pem_ec *e, const struct ncr_keyfile_in *in,
                             struct nacre_bytes der)
{
    struct ncr_rd file = ncr_rd(der);
    struct ncr_rd r = ncr_der_enter(&file, NCR_DER_SEQUENCE);
    struct nacre_bytes curve = e->curve;
    struct ncr_rd in_tag;
    uint32_t version = ncr_der_small(&r);
    nacre_err err = NACRE_OK;

    e->priv = ncr_der_take(&r, NCR_DER_OCTET_STRING);
    if (ncr_der_is(&r, NCR_DER_CONTEXT_0)) {
        in_tag = ncr_der_enter(&r, NCR_DER_CONTEXT_0);
        err = pem_read_curve(in, &in_tag, &curve);
    }
    if (err != NACRE_OK)
        return err;
    if (ncr_der_is(&r, NCR_DER_CONTEXT_1)) {
        in_tag = ncr_der_enter(&r, NCR_DER_CONTEXT_1);
        e->pub = ncr_der_take(&in_tag, NCR_DER_BIT_STRING);
        if (!ncr_rd_end(&in_tag) || !pem_whole_bits(&e->pub))
            return pem_damaged(in);
    }
    if (!ncr_rd_end(&r) || !ncr_rd_end(&file) || version != 1)
        return pem_damaged(in);
    if (e->curve.n != 0 && !ncr_bytes_eq(e->curve, curve))
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "damaged: two curves named");
    e->curve = curve;
    return NACRE_OK;
}

/* curve: as PKCS #8 names it, or empty. */
static nacre_err pem_read_ec(struct nacre_privkey *k, const struct ncr_keyfile_in *in,
                             struct nacre_bytes der, struct nacre_bytes curve)
{
    uint8_t buf[3 * NACRE_EC_LEN_MAX + 64], point[NACRE_EC_POINT_MAX], d[NACRE_EC_LEN_MAX];
    struct ncr_wr w = ncr_wr(buf, sizeof buf);
    struct nacre_bytes pub = {point, 0};
    struct pem_ec e = {{NULL, 0}, curve, {NULL, 0}};
    const struct ncr_asn1_curve *known;
    size_t len;
    nacre_err err = pem_take_ec(&e, in, der);

    if (err != NACRE_OK)
        return err;
    known = ncr_asn1_curve(e.curve);
    if (known == NULL)
        return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "curve not supported");
    len = nacre_ec_len(known->curve);
    pub.n = 1 + 2 * len;
    if (e.pub.n > 0 && (e.pub.p[0] != 4 || e.pub.n != pub.n))
        return ncr_keyfile_fail(in, NACRE_ERR_KEY_FORMAT, "public point is not uncompressed");
    if (e.priv.n > len)
        return pem_damaged(in);
    memset(d, 0, sizeof d);
    memcpy(d + len - e.priv.n, e.priv.p, e.priv.n);
    if (!nacre_ec_public(point, known->curve, d, in->work)) {
        nacre_wipe(d, sizeof d);
        return ncr_keyfile_fail(in, NACRE_ERR_KEY_FORMAT, "damaged: private value out of range");
    }
    ncr_wr_cstring(&w, known->name);
    ncr_wr_string(&w, e.pub.n > 0 ? e.pub : pub);
    ncr_wr_mpint(&w, d, len);
    err = pem_read_fields(k, in, known->type, ncr_wr_done(&w));
    nacre_wipe(d, sizeof d);
    nacre_wipe(buf, sizeof buf);
    return err;
}

/* RFC 8410 7: the seed in an OCTET STRING of its own. */
static nacre_err pem_read_ed25519(struct nacre_privkey *k, const struct ncr_keyfile_in *in,
                                  struct nacre_bytes der)
{
    struct ncr_rd r = ncr_rd(der);
    struct nacre_bytes seed = ncr_der_take(&r, NCR_DER_OCTET_STRING);

    if (!ncr_rd_end(&r) || seed.n != NACRE_ED25519_SEED_LEN)
        return pem_damaged(in);
    nacre_privkey_from_seed(k, seed.p);
    ncr_keyfile_note(in->info->key_type, nacre_bytes_str(k->type->name));
    return NACRE_OK;
}

/* The key by its algorithm; alg is behind the name. */
static nacre_err pem_read_algorithm(struct nacre_privkey *k, const struct ncr_keyfile_in *in,
                                    struct nacre_bytes oid, struct ncr_rd *alg,
                                    struct nacre_bytes key)
{
    struct nacre_bytes curve = {NULL, 0};
    nacre_err err;

    if (ncr_oid_is(oid, &ncr_oid_rsa)) {
        if (ncr_der_is(alg, NCR_DER_NULL) && ncr_der_take(alg, NCR_DER_NULL).n != 0)
            alg->bad = true;
        return ncr_rd_end(alg) ? pem_read_rsa(k, in, key) : pem_damaged(in);
    }
    if (ncr_oid_is(oid, &ncr_oid_ed25519))
        return ncr_rd_end(alg) ? pem_read_ed25519(k, in, key) : pem_damaged(in);
    if (!ncr_oid_is(oid, &ncr_oid_ec))
        return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "key type not supported by this build");
    err = alg->n == 0 ? NACRE_OK : pem_read_curve(in, alg, &curve);
    return err == NACRE_OK ? pem_read_ec(k, in, key, curve) : err;
}

/* Whether pub, as PKCS #8 has it (a point, 32 bytes, or RFC 8017 A.1.1), is the public half of k:
 * the last of the strings in a blob, or for RSA the last two, e and n. */
static bool pem_public_fits(const struct nacre_privkey *k, struct nacre_bytes pub)
{
    struct ncr_rd blob = ncr_rd(nacre_privkey_public_blob(k));
    struct nacre_bytes name = ncr_rd_string(&blob), last = name, before = name;
    struct ncr_rd file = ncr_rd(pub), r;
    struct nacre_bytes e, n;

    while (!blob.bad && blob.n > 0) {
        before = last;
        last = ncr_rd_string(&blob);
    }
    if (!nacre_bytes_is(name, "ssh-rsa"))
        return ncr_bytes_eq(last, pub);
    r = ncr_der_enter(&file, NCR_DER_SEQUENCE);
    n = ncr_der_take(&r, NCR_DER_INTEGER); /* as in an mpint: two's complement, shortest */
    e = ncr_der_take(&r, NCR_DER_INTEGER);
    return ncr_rd_end(&r) && ncr_rd_end(&file) && ncr_bytes_eq(n, last) && ncr_bytes_eq(e, before);
}

/* RFC 5958: version, algorithm, private key, and what may follow: attributes, public key. */
static nacre_err pem_read_pkcs8(struct nacre_privkey *k, const struct ncr_keyfile_in *in,
                                struct nacre_bytes der)
{
    struct ncr_rd file = ncr_rd(der);
    struct ncr_rd r = ncr_der_enter(&file, NCR_DER_SEQUENCE);
    uint32_t version = ncr_der_small(&r);
    struct ncr_rd alg = ncr_der_enter(&r, NCR_DER_SEQUENCE);
    struct nacre_bytes oid = ncr_der_take(&alg, NCR_DER_OID);
    struct nacre_bytes key = ncr_der_take(&r, NCR_DER_OCTET_STRING);
    struct nacre_bytes pub = {NULL, 0};
    nacre_err err;

    if (ncr_der_is(&r, NCR_DER_CONTEXT_0))
        (void)ncr_der_take(&r, NCR_DER_CONTEXT_0); /* attributes say nothing of the key */
    if (ncr_der_is(&r, PEM_PUBLIC)) {
        pub = ncr_der_take(&r, PEM_PUBLIC);
        if (!pem_whole_bits(&pub))
            return pem_damaged(in);
    }
    if (!ncr_rd_end(&r) || !ncr_rd_end(&file) || version > 1 || alg.bad)
        return pem_damaged(in);
    err = pem_read_algorithm(k, in, oid, &alg, key);
    if (err == NACRE_OK && pub.p != NULL && !pem_public_fits(k, pub))
        return ncr_keyfile_fail(in, NACRE_ERR_KEY_REFUSED,
                                "public half does not belong to the private half");
    return err;
}

/* ---- Encryption ---- */

/* Decrypts n bytes in place and takes the padding of RFC 1423 1.1 off; false: it is none. */
static bool pem_decrypt(uint8_t *p, size_t *n, const struct ncr_asn1_cipher *cipher,
                        const uint8_t *key, const uint8_t *iv)
{
    size_t pad, i;
    bool good;

    if (*n == 0 || *n % cipher->block != 0)
        return false;
    cipher->decrypt(p, *n, key, cipher->key_len, iv);
    pad = p[*n - 1];
    good = pad >= 1 && pad <= cipher->block;
    for (i = 0; good && i < pad; i++)
        good = p[*n - 1 - i] == pad;
    *n -= good ? pad : 0;
    return good;
}

static nacre_err pem_wrong(const struct ncr_keyfile_in *in)
{
    if (in->passphrase.n == 0)
        return ncr_keyfile_fail(in, NACRE_ERR_PASSPHRASE, "passphrase needed");
    return ncr_keyfile_fail(in, NACRE_ERR_PASSPHRASE, "wrong passphrase");
}

/* "DEK-Info: AES-128-CBC,HEX" among the headers. */
static nacre_err pem_dek(const struct ncr_keyfile_in *in, struct nacre_bytes headers,
                         const struct ncr_asn1_cipher **cipher, uint8_t iv[NCR_ASN1_BLOCK_MAX])
{
    static const char tag[] = "DEK-Info: ";
    struct nacre_bytes name = {NULL, 0}, hex;
    size_t i;

    for (i = 0; i + sizeof tag - 1 < headers.n; i++)
        if (memcmp(headers.p + i, tag, sizeof tag - 1) == 0)
            break;
    if (i + sizeof tag - 1 >= headers.n)
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "damaged: no DEK-Info");
    name = ncr_bytes_part(headers, i + sizeof tag - 1, headers.n - i - (sizeof tag - 1));
    for (i = 0; i < name.n && name.p[i] != ',' && name.p[i] != '\n' && name.p[i] != '\r'; i++)
        ;
    hex = ncr_bytes_part(name, i, name.n - i);
    name.n = i;
    for (i = 1; i < hex.n && hex.p[i] != '\n' && hex.p[i] != '\r'; i++)
        ;
    ncr_keyfile_note(in->info->cipher, name);
    *cipher = ncr_asn1_cipher_of(name);
    if (*cipher == NULL)
        return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "cipher not supported");
    if (hex.n == 0 || !ncr_text_hex(iv, (*cipher)->block, ncr_bytes_part(hex, 1, i - 1)))
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "damaged: bad DEK-Info");
    return NACRE_OK;
}

/* The old form: headers in front of the base64; the key is made of the passphrase by MD5. */
static nacre_err pem_open_dek(const struct ncr_keyfile_in *in, struct nacre_bytes headers,
                              struct nacre_bytes *der)
{
    uint8_t key[NCR_ASN1_KEY_MAX], iv[NCR_ASN1_BLOCK_MAX];
    const struct ncr_asn1_cipher *cipher = NULL;
    nacre_err err;
    bool good;

    if (headers.n == 0)
        return NACRE_OK;
    in->info->encrypted = true;
    ncr_keyfile_note(in->info->kdf, nacre_bytes_str("md5"));
    err = pem_dek(in, headers, &cipher, iv);
    if (err != NACRE_OK)
        return err;
    if (in->passphrase.n == 0)
        return pem_wrong(in);
    nacre_pem_kdf(key, cipher->key_len, in->passphrase.p, in->passphrase.n, iv);
    good = pem_decrypt(in->scratch, &der->n, cipher, key, iv);
    nacre_wipe(key, sizeof key);
    return good ? NACRE_OK : pem_wrong(in);
}

struct pem_pbes {
    struct nacre_bytes salt, iv, data;
    uint32_t iterations;
    const struct nacre_hash *prf;
    struct ncr_scrypt scrypt; /* n 0: PBKDF2 */
    const struct ncr_asn1_cipher *cipher;
};

/* RFC 8018 A.2: salt, iterations, key length (optional), PRF (optional: HMAC-SHA-1). */
static nacre_err pem_read_pbkdf2(const struct ncr_keyfile_in *in, struct pem_pbes *b,
                                 struct ncr_rd *r)
{
    const struct ncr_asn1_prf *known;
    struct nacre_bytes oid;
    struct ncr_rd prf;

    b->salt = ncr_der_take(r, NCR_DER_OCTET_STRING);
    b->iterations = ncr_der_small(r);
    b->prf = &nacre_hash_sha1;
    if (ncr_der_is(r, NCR_DER_INTEGER))
        (void)ncr_der_small(r); /* the cipher says it too */
    if (ncr_der_is(r, NCR_DER_SEQUENCE)) {
        prf = ncr_der_enter(r, NCR_DER_SEQUENCE);
        oid = ncr_der_take(&prf, NCR_DER_OID);
        known = ncr_asn1_prf(oid);
        if (known == NULL)
            return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "PRF of PBKDF2 not supported");
        b->prf = known->hash;
    }
    if (!ncr_rd_end(r) || b->iterations == 0)
        return pem_damaged(in);
    if (b->iterations > PEM_PBKDF2_MAX)
        return ncr_keyfile_fail(in, NACRE_ERR_LIMIT, "kdf asks for more rounds than are sensible");
    return NACRE_OK;
}

/* RFC 7914 7.1: salt, cost, block size, parallelism, key length (optional). */
static nacre_err pem_read_scrypt(const struct ncr_keyfile_in *in, struct pem_pbes *b,
                                 struct ncr_rd *r)
{
    const size_t max = (size_t)NACRE_KEYFILE_ARGON2_KIB_MAX * 1024;
    struct ncr_scrypt *s = &b->scrypt;
    size_t memory;

    b->salt = ncr_der_take(r, NCR_DER_OCTET_STRING);
    s->n = ncr_der_small(r);
    s->r = ncr_der_small(r);
    s->p = ncr_der_small(r);
    if (ncr_der_is(r, NCR_DER_INTEGER))
        (void)ncr_der_small(r); /* the cipher says it too */
    if (!ncr_rd_end(r) || ncr_scrypt_memory(s, SIZE_MAX) == 0)
        return pem_damaged(in);
    memory = ncr_scrypt_memory(s, max);
    if (memory == 0 || memory / 1024 * 2 > NACRE_KEYFILE_ARGON2_FILL_MAX / s->p)
        return ncr_keyfile_fail(in, NACRE_ERR_LIMIT, "kdf asks for more memory than is sensible");
    in->info->scratch_needed = in->file.n + memory;
    return NACRE_OK;
}

static nacre_err pem_read_pbes2(const struct ncr_keyfile_in *in, struct pem_pbes *b,
                                struct nacre_bytes der)
{
    struct ncr_rd file = ncr_rd(der);
    struct ncr_rd r = ncr_der_enter(&file, NCR_DER_SEQUENCE);
    struct ncr_rd alg = ncr_der_enter(&r, NCR_DER_SEQUENCE);
    struct nacre_bytes oid = ncr_der_take(&alg, NCR_DER_OID);
    struct ncr_rd par, kdf, kdf_par, cipher;
    bool scrypt;

    b->data = ncr_der_take(&r, NCR_DER_OCTET_STRING);
    if (!ncr_rd_end(&r) || !ncr_rd_end(&file))
        return pem_damaged(in);
    if (!ncr_oid_is(oid, &ncr_oid_pbes2))
        return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "encryption scheme not supported");
    par = ncr_der_enter(&alg, NCR_DER_SEQUENCE);
    kdf = ncr_der_enter(&par, NCR_DER_SEQUENCE);
    oid = ncr_der_take(&kdf, NCR_DER_OID);
    scrypt = ncr_oid_is(oid, &ncr_oid_scrypt);
    if (!par.bad && !scrypt && !ncr_oid_is(oid, &ncr_oid_pbkdf2))
        return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "kdf not supported");
    ncr_keyfile_note(in->info->kdf, nacre_bytes_str(scrypt ? "scrypt" : "pbkdf2"));
    kdf_par = ncr_der_enter(&kdf, NCR_DER_SEQUENCE);
    cipher = ncr_der_enter(&par, NCR_DER_SEQUENCE);
    oid = ncr_der_take(&cipher, NCR_DER_OID);
    b->iv = ncr_der_take(&cipher, NCR_DER_OCTET_STRING);
    if (!ncr_rd_end(&kdf) || !ncr_rd_end(&par) || !ncr_rd_end(&alg))
        return pem_damaged(in);
    b->cipher = ncr_asn1_cipher(oid);
    if (b->cipher == NULL)
        return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "cipher not supported");
    ncr_keyfile_note(in->info->cipher, nacre_bytes_str(b->cipher->dek));
    if (!ncr_rd_end(&cipher) || b->iv.n != b->cipher->block)
        return pem_damaged(in);
    return scrypt ? pem_read_scrypt(in, b, &kdf_par) : pem_read_pbkdf2(in, b, &kdf_par);
}

/* The key of the cipher; scrypt works behind the decoded file. */
static nacre_err pem_derive(uint8_t *key, const struct ncr_keyfile_in *in, struct pem_pbes *b)
{
    const struct nacre_bytes pass = in->passphrase;
    const size_t key_len = b->cipher->key_len;

    if (b->scrypt.n == 0)
        return nacre_pbkdf2(key, key_len, b->prf, pass.p, pass.n, b->salt.p, b->salt.n,
                            b->iterations)
                   ? NACRE_OK
                   : pem_damaged(in);
    if (in->scratch_len < in->info->scratch_needed)
        return ncr_keyfile_fail(in, NACRE_ERR_NO_ROOM, "scratch memory too small for the kdf");
    b->scrypt.pass = pass.p;
    b->scrypt.pass_len = pass.n;
    b->scrypt.salt = b->salt.p;
    b->scrypt.salt_len = b->salt.n;
    return ncr_scrypt(key, key_len, &b->scrypt, in->scratch + in->file.n,
                      in->scratch_len - in->file.n)
               ? NACRE_OK
               : pem_damaged(in);
}

/* Decrypts to the start of scratch. */
static nacre_err pem_open_pbes2(const struct ncr_keyfile_in *in, struct nacre_bytes *der)
{
    uint8_t key[NCR_ASN1_KEY_MAX], iv[NCR_ASN1_BLOCK_MAX];
    struct pem_pbes b = {0};
    nacre_err err = pem_read_pbes2(in, &b, *der);
    bool good;

    in->info->encrypted = true;
    if (err != NACRE_OK)
        return err;
    if (in->passphrase.n == 0)
        return pem_wrong(in);
    err = pem_derive(key, in, &b);
    if (err != NACRE_OK)
        return err;
    memcpy(iv, b.iv.p, b.iv.n);
    memmove(in->scratch, b.data.p, b.data.n);
    der->p = in->scratch;
    der->n = b.data.n;
    good = pem_decrypt(in->scratch, &der->n, b.cipher, key, iv);
    nacre_wipe(key, sizeof key);
    return good ? NACRE_OK : pem_wrong(in);
}

/* ---- Formats ---- */

static nacre_err pem_armour(const struct ncr_keyfile_in *in, const char *label,
                            struct nacre_bytes *headers, struct nacre_bytes *der)
{
    const char *what;
    nacre_err err;

    der->p = in->scratch;
    err = ncr_pem_decode_headers(in->scratch, in->scratch_len, &der->n, in->file, label, headers,
                                 &what);
    return err == NACRE_OK ? err : ncr_keyfile_fail(in, err, what == NULL ? "" : what);
}

/* What is not well formed after a decryption was not decrypted with the right passphrase. */
static nacre_err pem_judge(const struct ncr_keyfile_in *in, nacre_err err)
{
    return in->info->encrypted && err == NACRE_ERR_FILE_FORMAT ? pem_wrong(in) : err;
}

nacre_err ncr_pem_read_rsa(struct nacre_privkey *k, struct nacre_bytes *comment,
                           const struct ncr_keyfile_in *in)
{
    struct nacre_bytes headers, der;
    nacre_err err = pem_armour(in, "RSA PRIVATE KEY", &headers, &der);

    (void)comment; /* the format has none */
    if (err == NACRE_OK)
        err = pem_open_dek(in, headers, &der);
    return err == NACRE_OK ? pem_judge(in, pem_read_rsa(k, in, der)) : err;
}

/* Takes a block EC PARAMETERS, which openssl may write in front, off the file: the key says it
 * too. */
static void pem_skip_parameters(struct nacre_bytes *file)
{
    static const char end[] = "-----END EC PARAMETERS-----";
    const size_t n = sizeof end - 1;
    size_t i;

    if (file->n < n + 2 || memcmp(file->p, "-----BEGIN EC PARAMETERS-----", n + 2) != 0)
        return;
    for (i = n + 2; i < file->n && file->n - i >= n && memcmp(file->p + i, end, n) != 0; i++)
        ;
    i = file->n - i < n ? file->n : i + n;
    while (i < file->n && (file->p[i] == '\r' || file->p[i] == '\n'))
        i++;
    *file = ncr_bytes_part(*file, i, file->n - i);
}

nacre_err ncr_pem_read_ec(struct nacre_privkey *k, struct nacre_bytes *comment,
                          const struct ncr_keyfile_in *in)
{
    struct nacre_bytes headers, der;
    struct nacre_bytes none = {NULL, 0};
    struct ncr_keyfile_in from = *in;
    nacre_err err;

    pem_skip_parameters(&from.file);
    err = pem_armour(&from, "EC PRIVATE KEY", &headers, &der);
    (void)comment;
    if (err == NACRE_OK)
        err = pem_open_dek(in, headers, &der);
    return err == NACRE_OK ? pem_judge(in, pem_read_ec(k, in, der, none)) : err;
}

nacre_err ncr_pem_read_pkcs8(struct nacre_privkey *k, struct nacre_bytes *comment,
                             const struct ncr_keyfile_in *in)
{
    struct nacre_bytes der;
    nacre_err err = pem_armour(in, "PRIVATE KEY", NULL, &der);

    (void)comment;
    return err == NACRE_OK ? pem_read_pkcs8(k, in, der) : err;
}

nacre_err ncr_pem_read_encrypted(struct nacre_privkey *k, struct nacre_bytes *comment,
                                 const struct ncr_keyfile_in *in)
{
    struct nacre_bytes der;
    nacre_err err = pem_armour(in, "ENCRYPTED PRIVATE KEY", NULL, &der);

    (void)comment;
    if (err == NACRE_OK)
        err = pem_open_pbes2(in, &der);
    return err == NACRE_OK ? pem_judge(in, pem_read_pkcs8(k, in, der)) : err;
}
