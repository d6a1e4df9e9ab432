/* SPDX-License-Identifier: ISC
 *
 * Public keys: blobs (RFC 4253 6.6) and their one-line text. fingerprint.c has the rest.
 *
 * Decoding answers whether a blob is whole, not whether its key may be trusted: that is
 * nacre_pubkey_trustworthy(). A type without a row is told by UNKNOWN_ALG, with name and blob.
 */
#include <string.h>

#include "proto/keys/base64.h"
#include "proto/keys/key_type.h"
#include "proto/keys/text.h"
#include "proto/limits.h"

_Static_assert(NACRE_KEY_BLOB_MAX == NCR_KEY_BLOB_MAX, "one limit, two names");
_Static_assert(NACRE_KEY_COMMENT_MAX == NCR_COMMENT_MAX, "one limit, two names");

const struct ncr_key_type *const ncr_key_types[] = {
    &ncr_key_type_ed25519,
    &ncr_key_type_mldsa44_ed25519,
    &ncr_key_type_ecdsa_nistp256,
    &ncr_key_type_ecdsa_nistp384,
    &ncr_key_type_ecdsa_nistp521,
    &ncr_key_type_sk_ed25519,
    &ncr_key_type_sk_ecdsa,
    &ncr_key_type_rsa,
    NULL,
};

const struct ncr_key_type *ncr_key_type(struct nacre_bytes name)
{
    size_t i;

    for (i = 0; ncr_key_types[i] != NULL; i++) {
        if (nacre_bytes_is(name, ncr_key_types[i]->name))
            return ncr_key_types[i];
    }
    return NULL;
}

const char *nacre_key_type_name(size_t i)
{
    size_t n = 0;

    while (ncr_key_types[n] != NULL)
        n++;
    return i < n ? ncr_key_types[i]->name : NULL;
}

const char *nacre_key_type_alg(struct nacre_bytes type_name, size_t i)
{
    const char *const *algs = NULL;
    size_t n = 0;
    size_t t;

    for (t = 0; algs == NULL && ncr_key_types[t] != NULL; t++) {
        const struct ncr_key_type *type = ncr_key_types[t];

        if (nacre_bytes_is(type_name, type->name))
            algs = type->algs;
        else if (type->cert_name != NULL && nacre_bytes_is(type_name, type->cert_name))
            algs = type->cert_algs;
    }
    if (algs == NULL)
        return NULL;
    while (algs[n] != NULL)
        n++;
    return i < n ? algs[i] : NULL;
}

const char *nacre_alg_plain(struct nacre_bytes alg)
{
    size_t i;
    size_t j;

    for (i = 0; ncr_key_types[i] != NULL; i++) {
        const char *const *certs = ncr_key_types[i]->cert_algs;

        for (j = 0; certs != NULL && certs[j] != NULL; j++)
            if (nacre_bytes_is(alg, certs[j]))
                return ncr_key_types[i]->algs[j];
    }
    return NULL;
}

nacre_err nacre_pubkey_decode(struct nacre_pubkey *k, struct nacre_bytes blob)
{
    struct ncr_rd r = ncr_rd(blob);
    struct nacre_bytes name = ncr_rd_string_max(&r, NACRE_KEY_NAME_MAX);
    unsigned bits = 0;
    const struct ncr_key_type *type;
    nacre_err err;

    memset(k, 0, sizeof *k);
    if (blob.n > NACRE_KEY_BLOB_MAX || r.bad || name.n == 0 || !ncr_list_valid(name, 1))
        return NACRE_ERR_KEY_FORMAT;
    type = ncr_key_type(name);
    if (type != NULL) {
        err = type->decode(&r, &bits);
        if (err != NACRE_OK)
            return err;
        if (!ncr_rd_end(&r))
            return NACRE_ERR_KEY_FORMAT;
    }
    k->type = type;
    k->name = name;
    k->blob = blob;
    k->bits = bits;
    return type == NULL ? NACRE_ERR_UNKNOWN_ALG : NACRE_OK;
}

bool nacre_pubkey_trustworthy(const struct nacre_pubkey *k)
{
    return k->type != NULL && k->type->trustworthy(k->blob);
}

const char *nacre_pubkey_label(const struct nacre_pubkey *k)
{
    const struct ncr_key_type *const *type = ncr_key_types;

    if (k->type != NULL)
        return k->type->label;
    while (*type != NULL &&
           ((*type)->cert_name == NULL || !nacre_bytes_is(k->name, (*type)->cert_name)))
        type++;
    return *type != NULL ? (*type)->cert_label : "UNKNOWN";
}

/* ---- Text ---- */

nacre_err nacre_pubkey_parse(struct nacre_pubkey *k, struct nacre_bytes *comment,
                             struct nacre_bytes line, uint8_t *buf, size_t cap)
{
    struct nacre_bytes name = ncr_text_word(&line);
    struct nacre_bytes text = ncr_text_word(&line);
    struct nacre_bytes blob = {buf, 0};
    nacre_err err;

    memset(k, 0, sizeof *k);
    if (comment != NULL)
        *comment = ncr_text_trim(line);
    if (name.n == 0 || text.n == 0)
        return NACRE_ERR_FILE_FORMAT;
    if (text.n / 4 > NACRE_KEY_BLOB_MAX / 3 + 1)
        return NACRE_ERR_KEY_FORMAT;
    if (text.n / 4 * 3 > cap)
        return NACRE_ERR_NO_ROOM;
    if (!ncr_base64_decode(buf, cap, &blob.n, text))
        return NACRE_ERR_FILE_FORMAT;
    err = nacre_pubkey_decode(k, blob);
    if (k->blob.n != 0 && !ncr_bytes_eq(k->name, name)) {
        memset(k, 0, sizeof *k);
        return NACRE_ERR_FILE_FORMAT;
    }
    return err;
}

nacre_err nacre_pubkey_format(char *out, size_t cap, struct nacre_bytes blob,
                              struct nacre_bytes comment)
{
    struct nacre_pubkey k;
    nacre_err err = nacre_pubkey_decode(&k, blob);
    size_t at;
    size_t text = NCR_BASE64_LEN(blob.n);

    if (cap > 0)
        out[0] = '\0';
    if (err != NACRE_OK && err != NACRE_ERR_UNKNOWN_ALG)
        return err;
    if (ncr_text_has_control(comment) || comment.n > NACRE_KEY_COMMENT_MAX)
        return NACRE_ERR_USAGE;
    /* blank, NUL, and a blank before a comment; each is bounded above: no overflow */
    if (k.name.n + text + comment.n + 2 + (comment.n > 0) > cap)
        return NACRE_ERR_NO_ROOM;
    memcpy(out, k.name.p, k.name.n);
    at = k.name.n;
    out[at++] = ' ';
    ncr_base64_encode(out + at, blob.p, blob.n);
    at += text;
    if (comment.n > 0) {
        out[at++] = ' ';
        memcpy(out + at, comment.p, comment.n);
        at += comment.n;
    }
    out[at] = '\0';
    return NACRE_OK;
}
