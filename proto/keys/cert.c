/* SPDX-License-Identifier: ISC
 *
 * OpenSSH certificates (its PROTOCOL.certkeys; draft-miller-ssh-cert): a public key, what it may be
 * used for, and an authority's signature over both.
 *
 *     string  type name of the certificate
 *     string  nonce
 *     ...     fields of the public key, as in the plain blob
 *     uint64  serial, uint32 kind, string key id, string principals (packed strings)
 *     uint64  valid after, uint64 valid before
 *     string  critical options, string extensions (packed pairs: string name, string data)
 *     string  reserved, string authority's key, string signature over all before it
 *
 * Reading answers whether it is whole; nacre_cert_verify() whether the authority signed it;
 * nacre_cert_check() whether it is good for a purpose. That the authority is trusted is the
 * caller's matter. None of the three implies another.
 */
#include <string.h>

#include "proto/alg.h"
#include "proto/glob.h"
#include "proto/keys/cert.h"
#include "proto/keys/key_type.h"
#include "proto/keys/text.h"
#include "proto/limits.h"

const struct ncr_key_type *ncr_cert_type(struct nacre_bytes name)
{
    size_t i;

    for (i = 0; ncr_key_types[i] != NULL; i++)
        if (ncr_key_types[i]->cert_name != NULL &&
            nacre_bytes_is(name, ncr_key_types[i]->cert_name))
            return ncr_key_types[i];
    return NULL;
}

bool nacre_cert_is(struct nacre_bytes blob)
{
    struct ncr_rd r = ncr_rd(blob);

    return ncr_cert_type(ncr_rd_string_max(&r, NACRE_KEY_NAME_MAX)) != NULL;
}

/* ---- Reading ---- */

static bool cert_has_nul(struct nacre_bytes b)
{
    return ncr_text_has(b, 0);
}

/* Packed strings, none of them with a NUL. */
static bool cert_principals_whole(struct nacre_bytes list)
{
    struct ncr_rd r = ncr_rd(list);
    unsigned n;

    for (n = 0; !ncr_rd_end(&r) && n <= NACRE_CERT_PRINCIPALS_MAX; n++)
        if (cert_has_nul(ncr_rd_string(&r)) || r.bad)
            return false;
    return n <= NACRE_CERT_PRINCIPALS_MAX;
}

/* Packed pairs; names without a NUL. */
static bool cert_options_whole(struct nacre_bytes list)
{
    struct ncr_rd r = ncr_rd(list);
    unsigned n;

    for (n = 0; !ncr_rd_end(&r) && n <= NACRE_CERT_OPTIONS_MAX; n++) {
        if (cert_has_nul(ncr_rd_string_max(&r, NACRE_KEY_NAME_MAX)))
            return false;
        (void)ncr_rd_string(&r); /* data, each option's own */
        if (r.bad)
            return false;
    }
    return n <= NACRE_CERT_OPTIONS_MAX;
}

/* The authority's key is a plain one of a type that is understood. */
static bool cert_ca_whole(struct nacre_bytes ca)
{
    struct nacre_pubkey k;

    return nacre_pubkey_decode(&k, ca) == NACRE_OK;
}

static void cert_read_fields(struct nacre_cert *c, struct ncr_rd *r)
{
    c->serial = ncr_rd_u64(r);
    c->kind = (enum nacre_cert_kind)ncr_rd_u32(r);
    c->key_id = ncr_rd_string_max(r, NACRE_CERT_KEY_ID_MAX);
    c->principals = ncr_rd_string(r);
    c->valid_after = ncr_rd_u64(r);
    c->valid_before = ncr_rd_u64(r);
    c->critical = ncr_rd_string(r);
    c->extensions = ncr_rd_string(r);
    c->reserved = ncr_rd_string(r);
    c->ca = ncr_rd_string(r);
}

static bool cert_whole(const struct nacre_cert *c)
{
    return (c->kind == NACRE_CERT_USER || c->kind == NACRE_CERT_HOST) && !cert_has_nul(c->key_id) &&
           cert_principals_whole(c->principals) && cert_options_whole(c->critical) &&
           cert_options_whole(c->extensions) && cert_ca_whole(c->ca);
}

/* The plain blob of the key: its type's name and the certificate's fields of it. */
static nacre_err cert_put_plain(struct nacre_cert *c, struct nacre_bytes fields, uint8_t *plain,
                                size_t cap)
{
    struct ncr_wr w = ncr_wr(plain, cap);

    ncr_wr_cstring(&w, c->type->name);
    ncr_wr_bytes(&w, fields.p, fields.n);
    c->plain = ncr_wr_done(&w);
    return w.bad ? NACRE_ERR_NO_ROOM : NACRE_OK;
}

static nacre_err cert_decode(struct nacre_cert *c, struct nacre_bytes blob, uint8_t *plain,
                             size_t cap)
{
    struct ncr_rd r = ncr_rd(blob);
    struct nacre_bytes fields;
    unsigned bits;
    nacre_err err;

    c->blob = blob;
    c->name = ncr_rd_string_max(&r, NACRE_KEY_NAME_MAX);
    c->type = ncr_cert_type(c->name);
    if (r.bad || c->type == NULL)
        return r.bad ? NACRE_ERR_KEY_FORMAT : NACRE_ERR_UNKNOWN_ALG;
    c->nonce = ncr_rd_string(&r);
    fields.p = r.p;
    err = c->type->decode(&r, &bits);
    if (err != NACRE_OK || r.bad)
        return err != NACRE_OK ? err : NACRE_ERR_KEY_FORMAT;
    fields.n = (size_t)(r.p - fields.p);
    cert_read_fields(c, &r);
    c->signed_part.p = blob.p;
    c->signed_part.n = blob.n - r.n;
    c->signature = ncr_rd_string_max(&r, NCR_SIG_BLOB_MAX);
    if (!ncr_rd_end(&r) || !cert_whole(c))
        return NACRE_ERR_KEY_FORMAT;
    return plain != NULL ? cert_put_plain(c, fields, plain, cap) : NACRE_OK;
}

nacre_err nacre_cert_decode(struct nacre_cert *c, struct nacre_bytes blob, uint8_t *plain,
                            size_t cap)
{
    nacre_err err;

    memset(c, 0, sizeof *c);
    if (blob.n > NACRE_KEY_BLOB_MAX)
        return NACRE_ERR_KEY_FORMAT;
    err = cert_decode(c, blob, plain, cap);
    if (err != NACRE_OK)
        memset(c, 0, sizeof *c);
    return err;
}

nacre_err nacre_cert_verify(const struct nacre_cert *c, uint64_t *work)
{
    const struct ncr_sig *row = ncr_alg_sig(&nacre_algs_default, nacre_cert_signature_alg(c));
    nacre_err err;

    if (c->type == NULL || c->signature.n == 0)
        return NACRE_ERR_SIG_FORMAT;
    /* SHA-1 signatures of an authority could be collided with: in no table that is asked here. No
     * chains: a certificate is nobody's authority. */
    if (row == NULL || row->plain != NULL)
        return NACRE_ERR_UNKNOWN_ALG;
    err = row->check_key(c->ca);
    if (err == NACRE_OK) /* plain is NULL: none of sig_cert */
        err = row->verify(c->ca, c->signed_part, c->signature, work);
    return err;
}

struct nacre_bytes nacre_cert_signature_alg(const struct nacre_cert *c)
{
    struct ncr_rd r = ncr_rd(c->signature);

    return ncr_rd_string_max(&r, NACRE_KEY_NAME_MAX);
}

/* ---- Use ---- */

bool nacre_cert_next_string(struct nacre_bytes *list, struct nacre_bytes *item)
{
    struct ncr_rd r = ncr_rd(*list);

    if (list->n == 0)
        return false;
    *item = ncr_rd_string(&r);
    *list = ncr_rd_rest(&r);
    return !r.bad;
}

bool nacre_cert_next_option(struct nacre_bytes *list, struct nacre_bytes *name,
                            struct nacre_bytes *data)
{
    return nacre_cert_next_string(list, name) && nacre_cert_next_string(list, data);
}

bool nacre_cert_option(struct nacre_bytes list, const char *name, struct nacre_bytes *value)
{
    struct nacre_bytes each, data;

    while (nacre_cert_next_option(&list, &each, &data)) {
        struct ncr_rd r = ncr_rd(data);

        if (!nacre_bytes_is(each, name))
            continue;
        *value = data.n > 0 ? ncr_rd_string(&r) : data;
        return true;
    }
    return false;
}

/* A flag's data is empty, a value is a string inside of the data, and nothing else. */
static bool cert_data_fits(struct nacre_bytes data, bool flag)
{
    struct ncr_rd r = ncr_rd(data);

    if (flag)
        return data.n == 0;
    (void)ncr_rd_string(&r); /* read for its length */
    return ncr_rd_end(&r);
}

/* True if no name stands twice. */
static bool cert_options_once(struct nacre_bytes list)
{
    struct nacre_bytes name, data, other;

    while (nacre_cert_next_option(&list, &name, &data)) {
        struct nacre_bytes rest = list;

        while (nacre_cert_next_option(&rest, &other, &data))
            if (ncr_bytes_eq(name, other))
                return false;
    }
    return true;
}

/* The data of a critical option, of the form that it must have, are of use. */
static bool cert_value_good(struct nacre_bytes name, struct nacre_bytes data)
{
    struct nacre_bytes value;

    if (data.n == 0)
        return true; /* a flag's */
    if (!nacre_cert_next_string(&data, &value) || cert_has_nul(value))
        return false;
    return !nacre_bytes_is(name, "source-address") || nacre_addr_blocks_valid(value);
}

/* Critical options that are understood; hosts have none. */
static bool cert_critical_known(const struct nacre_cert *c)
{
    static const struct {
        const char *name;
        bool flag;
    } known[] = {{"force-command", false}, {"source-address", false}, {"verify-required", true}};
    struct nacre_bytes list = c->critical;
    struct nacre_bytes name, data;
    size_t i;

    while (nacre_cert_next_option(&list, &name, &data)) {
        for (i = 0; i < sizeof known / sizeof known[0]; i++)
            if (nacre_bytes_is(name, known[i].name))
                break;
        if (i == sizeof known / sizeof known[0] || c->kind != NACRE_CERT_USER ||
            !cert_data_fits(data, known[i].flag) || !cert_value_good(name, data))
            return false;
    }
    return true;
}

static bool cert_for(const struct nacre_cert *c, struct nacre_bytes principal)
{
    struct nacre_bytes list = c->principals;
    struct nacre_bytes each;

    while (nacre_cert_next_string(&list, &each))
        if (c->kind == NACRE_CERT_HOST ? ncr_glob(each, principal) : ncr_bytes_eq(each, principal))
            return true;
    return false;
}

static nacre_err cert_refuse(const char **what, const char *why)
{
    if (what != NULL)
        *what = why;
    return NACRE_ERR_KEY_REFUSED;
}

nacre_err nacre_cert_check(const struct nacre_cert *c, enum nacre_cert_kind kind,
                           const struct nacre_bytes *principal, uint64_t now, const char **what)
{
    if (c->type == NULL)
        return cert_refuse(what, "no certificate");
    if (c->kind != kind)
        return cert_refuse(what, kind == NACRE_CERT_HOST ? "not a host certificate"
                                                         : "not a user certificate");
    if (now < c->valid_after)
        return cert_refuse(what, "not yet valid");
    if (now >= c->valid_before)
        return cert_refuse(what, "expired");
    if (!cert_critical_known(c))
        return cert_refuse(what, "has a critical option that is not understood");
    if (!cert_options_once(c->critical) || !cert_options_once(c->extensions))
        return cert_refuse(what, "has an option twice");
    if (c->principals.n == 0)
        return cert_refuse(what, "names no principal");
    if (principal != NULL && !cert_for(c, *principal))
        return cert_refuse(what,
                           kind == NACRE_CERT_HOST ? "is for another host" : "is for another user");
    return NACRE_OK;
}

/* ---- Issuing ---- */

/* Names in ascending order, none twice (PROTOCOL.certkeys). */
static bool cert_options_ordered(struct nacre_bytes list)
{
    struct nacre_bytes before = {NULL, 0};
    struct nacre_bytes name, data;

    while (nacre_cert_next_option(&list, &name, &data)) {
        size_t n = before.n < name.n ? before.n : name.n;
        int order = before.p == NULL ? -1 : memcmp(before.p, name.p, n);

        if (order > 0 || (order == 0 && before.n >= name.n))
            return false;
        before = name;
    }
    return true;
}

static void cert_put(struct ncr_wr *w, const struct nacre_cert *c, struct nacre_bytes fields,
                     struct nacre_bytes ca)
{
    ncr_wr_cstring(w, c->type->cert_name);
    ncr_wr_string(w, c->nonce);
    ncr_wr_bytes(w, fields.p, fields.n);
    ncr_wr_u64(w, c->serial);
    ncr_wr_u32(w, (uint32_t)c->kind);
    ncr_wr_string(w, c->key_id);
    ncr_wr_string(w, c->principals);
    ncr_wr_u64(w, c->valid_after);
    ncr_wr_u64(w, c->valid_before);
    ncr_wr_string(w, c->critical);
    ncr_wr_string(w, c->extensions);
    ncr_wr_string(w, c->reserved);
    ncr_wr_string(w, ca);
}

nacre_err ncr_cert_put_unsigned(struct ncr_wr *w, const struct nacre_cert *c, struct nacre_bytes ca)
{
    struct ncr_rd r = ncr_rd(c->plain);
    struct nacre_bytes name = ncr_rd_string(&r);
    struct nacre_pubkey k;

    if (nacre_pubkey_decode(&k, c->plain) != NACRE_OK || c->type == NULL ||
        c->type->cert_name == NULL || !nacre_bytes_is(name, c->type->name))
        return NACRE_ERR_USAGE;
    if (!cert_principals_whole(c->principals) || !cert_options_whole(c->critical) ||
        !cert_options_whole(c->extensions) || !cert_options_ordered(c->critical) ||
        !cert_options_ordered(c->extensions) || cert_has_nul(c->key_id) ||
        c->key_id.n > NACRE_CERT_KEY_ID_MAX || c->valid_after >= c->valid_before ||
        (c->kind != NACRE_CERT_USER && c->kind != NACRE_CERT_HOST))
        return NACRE_ERR_USAGE;
    cert_put(w, c, ncr_rd_rest(&r), ca);
    return w->bad ? NACRE_ERR_NO_ROOM : NACRE_OK;
}

nacre_err nacre_cert_issue(uint8_t *out, size_t cap, size_t *n, const struct nacre_cert *c,
                           const struct nacre_privkey *ca, const char *alg,
                           const struct nacre_rng *rng, uint64_t *work)
{
    const char *first = alg != NULL ? alg : nacre_privkey_alg(ca, 0);
    struct nacre_bytes name = nacre_bytes_str(first != NULL ? first : "");
    const struct ncr_sig *row = ncr_alg_sig(&nacre_algs_default, name);
    struct nacre_bytes message = {out, 0};
    size_t sig_len = 0;
    struct ncr_wr w;
    nacre_err err;

    *n = 0;
    if (ca->type == NULL)
        return NACRE_ERR_USAGE;
    if (row == NULL || row->plain != NULL) /* nobody would take it: SHA-1 with RSA */
        return NACRE_ERR_UNKNOWN_ALG;
    err = nacre_cert_message(out, cap, &message.n, c, nacre_privkey_public_blob(ca), rng);
    if (err == NACRE_OK && cap - message.n < 4)
        err = NACRE_ERR_NO_ROOM;
    if (err == NACRE_OK) /* the signature straight to its place, its length before it */
        err = nacre_privkey_sign(ca, name, message, out + message.n + 4, cap - message.n - 4,
                                 &sig_len, rng, work);
    if (err != NACRE_OK)
        return err;
    w = ncr_wr(out + message.n, 4);
    ncr_wr_u32(&w, (uint32_t)sig_len);
    *n = message.n + 4 + sig_len;
    return NACRE_OK;
}

nacre_err nacre_cert_message(uint8_t *out, size_t cap, size_t *n, const struct nacre_cert *c,
                             struct nacre_bytes ca, const struct nacre_rng *rng)
{
    uint8_t nonce[NACRE_CERT_NONCE_LEN];
    struct nacre_cert with = *c;
    struct ncr_wr w = ncr_wr(out, cap);
    nacre_err err;

    *n = 0;
    if (!cert_ca_whole(ca))
        return NACRE_ERR_USAGE;
    if (!nacre_rng_fill(rng, nonce, sizeof nonce))
        return NACRE_ERR_RNG;
    with.nonce.p = nonce;
    with.nonce.n = sizeof nonce;
    err = ncr_cert_put_unsigned(&w, &with, ca);
    if (err == NACRE_OK)
        *n = w.n;
    return err;
}

nacre_err nacre_cert_seal(uint8_t *out, size_t cap, size_t *n, struct nacre_bytes signature,
                          uint64_t *work)
{
    struct ncr_wr w = ncr_wr(out + *n, cap - *n);
    struct nacre_bytes blob = {out, *n};
    struct nacre_cert c;
    nacre_err err;

    *n = 0;
    ncr_wr_string(&w, signature);
    if (w.bad)
        return NACRE_ERR_NO_ROOM;
    blob.n += w.n;
    err = nacre_cert_decode(&c, blob, NULL, 0);
    if (err == NACRE_OK)
        err = nacre_cert_verify(&c, work);
    if (err == NACRE_OK)
        *n = blob.n;
    return err;
}

const struct ncr_key_type *ncr_cert_type_of(struct nacre_bytes plain)
{
    struct ncr_rd r = ncr_rd(plain);

    return ncr_key_type(ncr_rd_string_max(&r, NACRE_KEY_NAME_MAX));
}

nacre_err nacre_cert_begin(struct nacre_cert *c, struct nacre_bytes plain)
{
    memset(c, 0, sizeof *c);
    c->plain = plain;
    c->type = ncr_cert_type_of(plain);
    if (c->type == NULL || c->type->cert_name == NULL)
        return NACRE_ERR_UNKNOWN_ALG;
    c->name = nacre_bytes_str(c->type->cert_name);
    return NACRE_OK;
}
