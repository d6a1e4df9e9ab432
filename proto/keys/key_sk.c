/* SPDX-License-Identifier: ISC
 *
 * The key types sk-ssh-ed25519@openssh.com and sk-ecdsa-sha2-nistp256@openssh.com: OpenSSH's
 * PROTOCOL.u2f. Public blob: as the type without sk, then the application. Private section of
 * openssh-key-v1: the public fields, flags, key handle, a reserved string.
 *
 * The private half lies in a security key, the file holds a handle for it: such a file is read and
 * written, but nothing here signs with it or makes one.
 */
#include "proto/keys/key_type.h"

#include <string.h>

#include "proto/sig_sk.h"

#define KEYSK_BITS 256

static nacre_err keysk_ed25519_decode(struct ncr_rd *r, unsigned *bits)
{
    struct ncr_sk k;

    *bits = KEYSK_BITS;
    return ncr_sk_read_ed25519(&k, r) ? NACRE_OK : NACRE_ERR_KEY_FORMAT;
}

static nacre_err keysk_ecdsa_decode(struct ncr_rd *r, unsigned *bits)
{
    struct ncr_sk k;

    *bits = KEYSK_BITS;
    return ncr_sk_read_ecdsa(&k, r) ? NACRE_OK : NACRE_ERR_KEY_FORMAT;
}

static bool keysk_ed25519_trustworthy(struct nacre_bytes blob)
{
    struct ncr_rd r = ncr_rd(blob);
    struct ncr_sk k;

    (void)ncr_rd_string(&r); /* the name, compared when the blob was decoded */
    return ncr_sk_read_ed25519(&k, &r) && nacre_ed25519_trustworthy_vartime(k.pub.p);
}

/* A point on the curve, which decoding demands, is not weak: the curve has prime order. */
static bool keysk_ecdsa_trustworthy(struct nacre_bytes blob)
{
    (void)blob; /* decoded */
    return true;
}

static nacre_err keysk_generate(struct nacre_privkey *k, unsigned bits, const struct nacre_rng *rng,
                                uint64_t *work)
{
    (void)k;
    (void)bits;
    (void)rng;
    (void)work;
    return NACRE_ERR_UNKNOWN_ALG; /* takes a security key */
}

/* Public fields as they were read from *fields, flags, handle, reserved. */
static nacre_err keysk_read_rest(struct nacre_privkey *k, const struct ncr_key_type *type,
                                 const struct ncr_rd *fields, struct ncr_rd *r)
{
    struct ncr_wr w = ncr_wr(k->blob, sizeof k->blob);
    const size_t n = fields->n - r->n;
    struct nacre_bytes handle;

    k->secret.sk.flags = ncr_rd_u8(r);
    handle = ncr_rd_string_max(r, sizeof k->secret.sk.handle);
    if (ncr_rd_string(r).n != 0 || r->bad) /* reserved: ssh-keygen writes it empty */
        return NACRE_ERR_KEY_FORMAT;
    ncr_wr_cstring(&w, type->name);
    ncr_wr_bytes(&w, fields->p, n);
    if (w.bad)
        return NACRE_ERR_KEY_FORMAT;
    if (handle.n > 0)
        memcpy(k->secret.sk.handle, handle.p, handle.n);
    k->secret.sk.handle_len = (uint16_t)handle.n;
    k->blob_len = ncr_wr_done(&w).n;
    k->type = type;
    return NACRE_OK;
}

static nacre_err keysk_ed25519_read_private(struct nacre_privkey *k, struct ncr_rd *r,
                                            uint64_t *work)
{
    const struct ncr_rd fields = *r;
    struct ncr_sk sk;

    (void)work;
    return ncr_sk_read_ed25519(&sk, r) ? keysk_read_rest(k, &ncr_key_type_sk_ed25519, &fields, r)
                                       : NACRE_ERR_KEY_FORMAT;
}

static nacre_err keysk_ecdsa_read_private(struct nacre_privkey *k, struct ncr_rd *r, uint64_t *work)
{
    const struct ncr_rd fields = *r;
    struct ncr_sk sk;

    (void)work;
    return ncr_sk_read_ecdsa(&sk, r) ? keysk_read_rest(k, &ncr_key_type_sk_ecdsa, &fields, r)
                                     : NACRE_ERR_KEY_FORMAT;
}

static void keysk_write_private(struct ncr_wr *w, const struct nacre_privkey *k)
{
    struct ncr_rd r = ncr_rd(nacre_privkey_public_blob(k));
    const struct nacre_bytes handle = {k->secret.sk.handle, k->secret.sk.handle_len};
    struct nacre_bytes fields;

    (void)ncr_rd_string(&r); /* the name */
    fields = ncr_rd_rest(&r);
    ncr_wr_bytes(w, fields.p, fields.n);
    ncr_wr_u8(w, k->secret.sk.flags);
    ncr_wr_string(w, handle);
    ncr_wr_cstring(w, "");
}

static nacre_err keysk_sign(struct ncr_wr *w, const struct nacre_privkey *k, const char *alg,
                            struct nacre_bytes data, const struct nacre_rng *rng, uint64_t *work)
{
    (void)w;
    (void)k;
    (void)alg;
    (void)data;
    (void)rng;
    (void)work;
    return NACRE_ERR_SIGNER; /* takes the security key */
}

static const char *const keysk_ed25519_algs[] = {"sk-ssh-ed25519@openssh.com", NULL};
static const char *const keysk_ed25519_cert_algs[] = {"sk-ssh-ed25519-cert-v01@openssh.com", NULL};
const struct ncr_key_type ncr_key_type_sk_ed25519 = {
    .name = "sk-ssh-ed25519@openssh.com",
    .cert_name = "sk-ssh-ed25519-cert-v01@openssh.com",
    .label = "ED25519-SK",
    .cert_label = "ED25519-SK-CERT",
    .algs = keysk_ed25519_algs,
    .cert_algs = keysk_ed25519_cert_algs,
    .decode = keysk_ed25519_decode,
    .trustworthy = keysk_ed25519_trustworthy,
    .generate = keysk_generate,
    .read_private = keysk_ed25519_read_private,
    .write_private = keysk_write_private,
    .sign = keysk_sign,
};

static const char *const keysk_ecdsa_algs[] = {"sk-ecdsa-sha2-nistp256@openssh.com",
                                               "webauthn-sk-ecdsa-sha2-nistp256@openssh.com", NULL};
static const char *const keysk_ecdsa_cert_algs[] = {
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", NULL};
const struct ncr_key_type ncr_key_type_sk_ecdsa = {
    .name = "sk-ecdsa-sha2-nistp256@openssh.com",
    .cert_name = "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    .label = "ECDSA-SK",
    .cert_label = "ECDSA-SK-CERT",
    .algs = keysk_ecdsa_algs,
    .cert_algs = keysk_ecdsa_cert_algs,
    .decode = keysk_ecdsa_decode,
    .trustworthy = keysk_ecdsa_trustworthy,
    .generate = keysk_generate,
    .read_private = keysk_ecdsa_read_private,
    .write_private = keysk_write_private,
    .sign = keysk_sign,
};
