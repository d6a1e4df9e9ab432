/* SPDX-License-Identifier: ISC
 *
 * Signature algorithms whose key is an OpenSSH certificate, for hosts and users: the name on the
 * wire says certificate, the signature is one of the plain algorithm by the plain key inside.
 *
 * verify() also demands the authority's signature, so that nothing of a certificate that nobody
 * signed is ever told. Whether the authority is trusted, and for what, is the application's answer
 * to the question that carries the certificate. check_key() says only that the certificate is
 * whole.
 */
#include "proto/keys/nacre_keys.h"
#include "proto/alg.h"

/* The plain blob lies behind what the operations use of work. */
#define SIG_CERT_PLAIN_WORDS (NACRE_PRIVKEY_BLOB_MAX / sizeof(uint64_t))
_Static_assert(NACRE_MLDSA44_WORK + SIG_CERT_PLAIN_WORDS <= NACRE_WORK, "no room for both");
_Static_assert(NACRE_RSA_WORK(NACRE_RSA_BITS_MAX) + SIG_CERT_PLAIN_WORDS <= NACRE_WORK,
               "no room for both");

static nacre_err sig_cert_check(struct nacre_bytes key, const char *key_type)
{
    struct nacre_cert c;
    nacre_err err = nacre_cert_decode(&c, key, NULL, 0);

    return err == NACRE_OK && nacre_bytes_is(c.name, key_type) ? NACRE_OK : NACRE_ERR_KEY_FORMAT;
}

static nacre_err sig_cert_verify(const struct ncr_sig *base, struct nacre_bytes key,
                                 struct nacre_bytes data, struct nacre_bytes sig, uint64_t *work)
{
    uint8_t *plain = (uint8_t *)(work + NACRE_WORK - SIG_CERT_PLAIN_WORDS);
    struct nacre_cert c;
    nacre_err err = nacre_cert_decode(&c, key, plain, NACRE_PRIVKEY_BLOB_MAX);

    if (err != NACRE_OK)
        return NACRE_ERR_KEY_FORMAT;
    err = base->check_key(c.plain);
    if (err == NACRE_OK)
        err = base->verify(c.plain, data, sig, work);
    return err == NACRE_OK ? nacre_cert_verify(&c, work) : err;
}

/* A row and its functions: id, name of the algorithm, name of the certificate's type, plain row. */
#define SIG_CERT_ROW(id, alg, type, base)                                                          \
    static nacre_err sig_cert_check_##id(struct nacre_bytes key)                                   \
    {                                                                                              \
        return sig_cert_check(key, type);                                                          \
    }                                                                                              \
    static nacre_err sig_cert_verify_##id(struct nacre_bytes key, struct nacre_bytes data,         \
                                          struct nacre_bytes sig, uint64_t *work)                  \
    {                                                                                              \
        return sig_cert_verify(&(base), key, data, sig, work);                                     \
    }                                                                                              \
    const struct ncr_sig ncr_sig_cert_##id = {.name = (alg),                                       \
                                              .key_type = (type),                                  \
                                              .check_key = sig_cert_check_##id,                    \
                                              .verify = sig_cert_verify_##id}

SIG_CERT_ROW(ed25519, "ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519-cert-v01@openssh.com",
             ncr_sig_ed25519);
SIG_CERT_ROW(mldsa44_ed25519, "ssh-mldsa44-ed25519-cert", "ssh-mldsa44-ed25519-cert",
             ncr_sig_mldsa44_ed25519);
