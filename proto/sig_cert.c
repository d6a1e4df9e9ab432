/* SPDX-License-Identifier: ISC
 *
 * Signature algorithms whose key is an OpenSSH certificate, for hosts and users
 * (PROTOCOL.certkeys): the name on the wire says certificate, the signature is one of the plain
 * algorithm by the plain key inside, under that one's name (for RSA, RFC 8332 section 3).
 *
 * verify() also demands the authority's signature, so that nothing of a certificate that nobody
 * signed is ever told. Whether the authority is trusted, and for what, is the application's answer
 * to the question that carries the certificate. check_key() says only that the certificate is
 * whole.
 */
#include "proto/sig_cert.h"

#include "proto/keys/nacre_keys.h"

/* The plain blob lies behind what the operations use of work. */
#define SIG_CERT_PLAIN_WORDS (NACRE_PRIVKEY_BLOB_MAX / sizeof(uint64_t))
_Static_assert(NACRE_MLDSA44_WORK + SIG_CERT_PLAIN_WORDS <= NACRE_WORK, "no room for both");
_Static_assert(NACRE_RSA_WORK(NACRE_RSA_BITS_MAX) + SIG_CERT_PLAIN_WORDS <= NACRE_WORK,
               "no room for both");

nacre_err ncr_sig_cert_check(struct nacre_bytes key, const char *type)
{
    struct nacre_cert c;
    nacre_err err = nacre_cert_decode(&c, key, NULL, 0);

    return err == NACRE_OK && nacre_bytes_is(c.name, type) ? NACRE_OK : NACRE_ERR_KEY_FORMAT;
}

/* Takes the certificate apart; the key inside is fit to be trusted. */
static nacre_err sig_cert_open(struct nacre_cert *c, const struct ncr_sig *plain,
                               struct nacre_bytes key, uint64_t *work)
{
    uint8_t *blob = (uint8_t *)(work + NACRE_WORK - SIG_CERT_PLAIN_WORDS);
    nacre_err err = nacre_cert_decode(c, key, blob, NACRE_PRIVKEY_BLOB_MAX);

    return err == NACRE_OK ? plain->check_key(c->plain) : NACRE_ERR_KEY_FORMAT;
}

nacre_err ncr_sig_cert_verify(const struct ncr_sig *plain, struct nacre_bytes key,
                              struct nacre_bytes data, struct nacre_bytes sig, uint64_t *work)
{
    struct nacre_cert c;
    nacre_err err = sig_cert_open(&c, plain, key, work);

    if (err == NACRE_OK) /* of a plain key: none of sig_cert */
        err = plain->verify(c.plain, data, sig, work);
    return err == NACRE_OK ? nacre_cert_verify(&c, work) : err;
}

nacre_err ncr_sig_cert_verify_sk(const struct ncr_sig *plain, struct nacre_bytes key,
                                 struct nacre_bytes data, struct nacre_bytes sig, uint8_t demand,
                                 uint64_t *work)
{
    struct nacre_cert c;
    nacre_err err = sig_cert_open(&c, plain, key, work);

    if (err == NACRE_OK) /* the same: none of sig_cert */
        err = plain->verify_sk(c.plain, data, sig, demand, work);
    return err == NACRE_OK ? nacre_cert_verify(&c, work) : err;
}

/* A row and its functions: id, name of the algorithm, name of the certificate's type. */
#define SIG_CERT_ROW(id, alg, type)                                                                \
    NCR_SIG_CERT_CALLS(id, type)                                                                   \
    const struct ncr_sig ncr_sig_cert_##id = {.name = (alg),                                       \
                                              .key_type = (type),                                  \
                                              .check_key = sig_cert_check_##id,                    \
                                              .verify = sig_cert_verify_##id,                      \
                                              .plain = &ncr_sig_##id}

/* The same for security keys. */
#define SIG_CERT_ROW_SK(id, alg, type)                                                             \
    NCR_SIG_CERT_CALLS(id, type)                                                                   \
    static nacre_err sig_cert_verify_sk_##id(struct nacre_bytes key, struct nacre_bytes data,      \
                                             struct nacre_bytes sig, uint8_t demand,               \
                                             uint64_t *work)                                       \
    {                                                                                              \
        return ncr_sig_cert_verify_sk(&ncr_sig_##id, key, data, sig, demand, work);                \
    }                                                                                              \
    const struct ncr_sig ncr_sig_cert_##id = {.name = (alg),                                       \
                                              .key_type = (type),                                  \
                                              .check_key = sig_cert_check_##id,                    \
                                              .verify = sig_cert_verify_##id,                      \
                                              .verify_sk = sig_cert_verify_sk_##id,                \
                                              .plain = &ncr_sig_##id}

SIG_CERT_ROW(ed25519, "ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519-cert-v01@openssh.com");
SIG_CERT_ROW(ecdsa_nistp256, "ecdsa-sha2-nistp256-cert-v01@openssh.com",
             "ecdsa-sha2-nistp256-cert-v01@openssh.com");
SIG_CERT_ROW(ecdsa_nistp384, "ecdsa-sha2-nistp384-cert-v01@openssh.com",
             "ecdsa-sha2-nistp384-cert-v01@openssh.com");
SIG_CERT_ROW(ecdsa_nistp521, "ecdsa-sha2-nistp521-cert-v01@openssh.com",
             "ecdsa-sha2-nistp521-cert-v01@openssh.com");
SIG_CERT_ROW_SK(sk_ed25519, "sk-ssh-ed25519-cert-v01@openssh.com",
                "sk-ssh-ed25519-cert-v01@openssh.com");
SIG_CERT_ROW_SK(sk_ecdsa, "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
                "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com");
SIG_CERT_ROW_SK(webauthn_sk_ecdsa, "webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
                "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com");
SIG_CERT_ROW(rsa_sha2_512, "rsa-sha2-512-cert-v01@openssh.com", "ssh-rsa-cert-v01@openssh.com");
SIG_CERT_ROW(rsa_sha2_256, "rsa-sha2-256-cert-v01@openssh.com", "ssh-rsa-cert-v01@openssh.com");
SIG_CERT_ROW(mldsa44_ed25519, "ssh-mldsa44-ed25519-cert", "ssh-mldsa44-ed25519-cert");
