/* SPDX-License-Identifier: ISC
 *
 * Public keys in files of their own: those in ASN.1 between BEGIN and END lines,
 *
 *     PUBLIC KEY        SubjectPublicKeyInfo (RFC 5280 4.1): RSA, EC (RFC 5480), Ed25519 (RFC 8410)
 *     RSA PUBLIC KEY    PKCS #1 (RFC 8017 A.1.1)
 *
 * read and written, and the choice of a format to write. Nothing here is secret.
 */
#include <string.h>

#include "proto/keys/asn1.h"
#include "proto/keys/der.h"
#include "proto/keys/key_type.h"
#include "proto/keys/keyfile.h"
#include "proto/keys/pem.h"
#include "proto/keys/text.h"
#include "proto/sig_rsa.h"

#define PUBFILE_COLUMNS 64
#define PUBFILE_SMALL 512 /* bytes of an RSA key's exponent that are read, and of other blobs */

static nacre_err pubfile_damaged(const struct ncr_keyfile_in *in)
{
    return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "damaged: bad ASN.1");
}

/* ---- Reading ---- */

/* n, e. The blob has e in front of n: n is moved, and e, kept meanwhile, put before it. The blob is
 * some bytes longer than the DER, which base64 and marks made much longer than that. */
static nacre_err pubfile_rsa(struct nacre_bytes *blob, const struct ncr_keyfile_in *in,
                             struct nacre_bytes der)
{
    struct ncr_rd file = ncr_rd(der);
    struct ncr_rd r = ncr_der_enter(&file, NCR_DER_SEQUENCE);
    struct nacre_bytes n = ncr_der_number(&r), e = ncr_der_number(&r);
    uint8_t head[PUBFILE_SMALL + 64];
    struct ncr_wr w = ncr_wr(head, sizeof head);
    size_t zero;

    if (!ncr_rd_end(&r) || !ncr_rd_end(&file) || n.n == 0)
        return pubfile_damaged(in);
    if (e.n > PUBFILE_SMALL)
        return ncr_keyfile_fail(in, NACRE_ERR_LIMIT, "key too large");
    zero = n.p[0] >> 7;
    ncr_wr_cstring(&w, "ssh-rsa");
    ncr_wr_mpint(&w, e.p, e.n);
    ncr_wr_u32(&w, (uint32_t)(n.n + zero));
    ncr_wr_bytes(&w, (const uint8_t *)"", zero);
    if (w.bad || n.n > in->scratch_len - w.n)
        return pubfile_damaged(in);
    memmove(in->scratch + w.n, n.p, n.n);
    memcpy(in->scratch, head, w.n);
    blob->p = in->scratch;
    blob->n = w.n + n.n;
    return NACRE_OK;
}

/* The blob of another type: one or two fields. */
static nacre_err pubfile_small(struct nacre_bytes *blob, const struct ncr_keyfile_in *in,
                               const char *type, const char *curve, struct nacre_bytes point)
{
    uint8_t buf[PUBFILE_SMALL];
    struct ncr_wr w = ncr_wr(buf, sizeof buf);

    ncr_wr_cstring(&w, type);
    if (curve != NULL)
        ncr_wr_cstring(&w, curve);
    ncr_wr_string(&w, point);
    if (w.bad || w.n > in->scratch_len)
        return pubfile_damaged(in);
    memcpy(in->scratch, buf, w.n);
    blob->p = in->scratch;
    blob->n = w.n;
    return NACRE_OK;
}

static nacre_err pubfile_spki(struct nacre_bytes *blob, const struct ncr_keyfile_in *in,
                              struct nacre_bytes der)
{
    struct ncr_rd file = ncr_rd(der);
    struct ncr_rd r = ncr_der_enter(&file, NCR_DER_SEQUENCE);
    struct ncr_rd alg = ncr_der_enter(&r, NCR_DER_SEQUENCE);
    struct nacre_bytes oid = ncr_der_take(&alg, NCR_DER_OID);
    struct nacre_bytes key = ncr_der_take(&r, NCR_DER_BIT_STRING);
    const struct ncr_asn1_curve *curve;

    if (!ncr_rd_end(&r) || !ncr_rd_end(&file) || alg.bad || key.n < 1 || key.p[0] != 0)
        return pubfile_damaged(in);
    key = ncr_bytes_part(key, 1, key.n - 1);
    if (ncr_oid_is(oid, &ncr_oid_rsa)) {
        if (ncr_der_take(&alg, NCR_DER_NULL).n != 0 || !ncr_rd_end(&alg))
            return pubfile_damaged(in);
        return pubfile_rsa(blob, in, key);
    }
    if (ncr_oid_is(oid, &ncr_oid_ed25519))
        return ncr_rd_end(&alg) ? pubfile_small(blob, in, "ssh-ed25519", NULL, key)
                                : pubfile_damaged(in);
    if (!ncr_oid_is(oid, &ncr_oid_ec))
        return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "key type not supported by this build");
    if (!ncr_der_is(&alg, NCR_DER_OID))
        return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "curve not supported");
    curve = ncr_asn1_curve(ncr_der_take(&alg, NCR_DER_OID));
    if (!ncr_rd_end(&alg))
        return pubfile_damaged(in);
    if (curve == NULL)
        return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "curve not supported");
    return pubfile_small(blob, in, curve->type, curve->name, key);
}

static nacre_err
pubfile_read(struct nacre_pubkey *k, const struct ncr_keyfile_in *in, const char *label,
             nacre_err (*read)(struct nacre_bytes *blob, const struct ncr_keyfile_in *in,
                               struct nacre_bytes der))
{
    struct nacre_bytes der = {in->scratch, 0}, blob = {NULL, 0};
    const char *what;
    nacre_err err = ncr_pem_decode(in->scratch, in->scratch_len, &der.n, in->file, label, &what);

    if (err != NACRE_OK)
        return ncr_keyfile_fail(in, err, what == NULL ? "" : what);
    err = read(&blob, in, der);
    if (err != NACRE_OK)
        return err;
    err = nacre_pubkey_decode(k, blob);
    ncr_keyfile_note(in->info->key_type, k->name);
    if (err == NACRE_ERR_UNKNOWN_ALG)
        return ncr_keyfile_fail(in, err, "key type not supported by this build");
    return err == NACRE_OK ? err : ncr_keyfile_fail(in, err, "damaged public key");
}

nacre_err ncr_pem_read_public(struct nacre_pubkey *k, struct nacre_bytes *comment,
                              const struct ncr_keyfile_in *in)
{
    (void)comment; /* the format has none */
    return pubfile_read(k, in, "PUBLIC KEY", pubfile_spki);
}

nacre_err ncr_pem_read_public_rsa(struct nacre_pubkey *k, struct nacre_bytes *comment,
                                  const struct ncr_keyfile_in *in)
{
    (void)comment;
    return pubfile_read(k, in, "RSA PUBLIC KEY", pubfile_rsa);
}

/* ---- Writing ---- */

/* RFC 8017 A.1.1 out of a blob behind its name. */
static void pubfile_put_rsa(struct ncr_der_wr *w, struct ncr_rd *blob)
{
    const size_t end = w->at;
    struct ncr_rsa_pub pub;

    if (ncr_rsa_pub_read(&pub, blob) != NACRE_OK) {
        w->bad = true; /* decoded before: cannot be */
        return;
    }
    ncr_der_put_number(w, pub.e.p, pub.e.n);
    ncr_der_put_number(w, pub.n.p, pub.n.n);
    ncr_der_put_head(w, NCR_DER_SEQUENCE, end);
}

/* SubjectPublicKeyInfo; false: no form for such a key. */
static bool pubfile_put_spki(struct ncr_der_wr *w, const struct nacre_pubkey *k,
                             struct ncr_rd *blob)
{
    const struct ncr_asn1_curve *curve = ncr_asn1_curve_of(k->name);
    const struct ncr_oid *oid = &ncr_oid_ec;
    const uint8_t unused_bits = 0;
    const size_t end = w->at;
    struct nacre_bytes field;
    size_t inner;

    if (k->type == &ncr_key_type_rsa) {
        oid = &ncr_oid_rsa;
        pubfile_put_rsa(w, blob);
    } else if (curve != NULL || k->type == &ncr_key_type_ed25519) {
        oid = curve != NULL ? oid : &ncr_oid_ed25519;
        if (curve != NULL)
            (void)ncr_rd_string(blob); /* its name: the OID says it */
        field = ncr_rd_string(blob);
        ncr_der_put_bytes(w, field.p, field.n);
    } else {
        return false;
    }
    ncr_der_put_bytes(w, &unused_bits, 1);
    ncr_der_put_head(w, NCR_DER_BIT_STRING, end);
    inner = w->at;
    if (curve != NULL)
        ncr_der_put(w, NCR_DER_OID, curve->oid.p, curve->oid.n);
    else if (oid == &ncr_oid_rsa)
        ncr_der_put(w, NCR_DER_NULL, NULL, 0);
    ncr_der_put(w, NCR_DER_OID, oid->p, oid->n);
    ncr_der_put_head(w, NCR_DER_SEQUENCE, inner);
    ncr_der_put_head(w, NCR_DER_SEQUENCE, end);
    return true;
}

static nacre_err pubfile_write_pem(uint8_t *out, size_t cap, size_t *n,
                                   enum nacre_keyfile_format format, const struct nacre_pubkey *k)
{
    struct ncr_der_wr w = ncr_der_wr(out, cap);
    struct ncr_rd blob = ncr_rd(k->blob);
    struct nacre_bytes der;
    bool known = true;

    (void)ncr_rd_string(&blob); /* the name */
    if (format == NACRE_KEYFILE_PUBLIC_PEM)
        known = pubfile_put_spki(&w, k, &blob);
    else if (k->type == &ncr_key_type_rsa)
        pubfile_put_rsa(&w, &blob);
    else
        known = false;
    if (!known)
        return NACRE_ERR_UNKNOWN_ALG;
    if (w.bad)
        return NACRE_ERR_NO_ROOM;
    der = ncr_der_done(&w);
    memmove(out, der.p, der.n);
    *n = der.n;
    return ncr_pem_encode(out, cap, n,
                          format == NACRE_KEYFILE_PUBLIC_PEM ? "PUBLIC KEY" : "RSA PUBLIC KEY",
                          PUBFILE_COLUMNS);
}

static nacre_err pubfile_write_line(uint8_t *out, size_t cap, size_t *n, struct nacre_bytes blob,
                                    struct nacre_bytes comment)
{
    nacre_err err = nacre_pubkey_format((char *)out, cap, blob, comment);

    if (err != NACRE_OK)
        return err;
    *n = strlen((const char *)out);
    out[(*n)++] = '\n'; /* in place of the NUL */
    return NACRE_OK;
}

nacre_err nacre_pubkey_write(uint8_t *out, size_t cap, size_t *n, enum nacre_keyfile_format format,
                             struct nacre_bytes blob, struct nacre_bytes comment)
{
    struct nacre_pubkey k;
    nacre_err err = nacre_pubkey_decode(&k, blob);

    *n = 0;
    if (err != NACRE_OK && err != NACRE_ERR_UNKNOWN_ALG)
        return err;
    if (ncr_text_has_control(comment))
        return NACRE_ERR_USAGE;
    switch (format) {
    case NACRE_KEYFILE_PUBLIC:
        return pubfile_write_line(out, cap, n, blob, comment);
    case NACRE_KEYFILE_PUBLIC_4716:
        return ncr_rfc4716_write(out, cap, n, blob, comment);
    case NACRE_KEYFILE_PUBLIC_PEM:
    case NACRE_KEYFILE_PUBLIC_PEM_RSA:
        return pubfile_write_pem(out, cap, n, format, &k);
    default:
        return NACRE_ERR_UNKNOWN_ALG;
    }
}
