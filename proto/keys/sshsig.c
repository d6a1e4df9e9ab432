/* SPDX-License-Identifier: ISC
 *
 * Signatures of files and messages, OpenSSH's PROTOCOL.sshsig: what `ssh-keygen -Y` and git make.
 *
 *     "SSHSIG", uint32 1, string public key, string namespace, string reserved, string hash name,
 *     string signature        in base64 between BEGIN and END SSH SIGNATURE
 *
 * What is signed is "SSHSIG", string namespace, string reserved, string hash name, string hash of
 * the message. The namespace keeps a signature for one purpose from being one for another; it is
 * never empty.
 */
#include <string.h>

#include "proto/keys/cert.h"
#include "proto/keys/pem.h"

#define SSHSIG_MAGIC "SSHSIG"
#define SSHSIG_MAGIC_LEN 6
#define SSHSIG_LABEL "SSH SIGNATURE"
#define SSHSIG_COLUMNS 70
#define SSHSIG_VERSION 1

static nacre_err sshsig_fail(const char **what, nacre_err err, const char *why)
{
    if (what != NULL)
        *what = why;
    return err;
}

const struct nacre_hash *nacre_sshsig_hash(struct nacre_bytes name)
{
    if (nacre_bytes_is(name, "sha512"))
        return &nacre_hash_sha512;
    return nacre_bytes_is(name, "sha256") ? &nacre_hash_sha256 : NULL;
}

/* The key that signed: a certificate's, or the plain one itself. */
static nacre_err sshsig_plain(struct nacre_sshsig *s, uint8_t *buf, size_t cap)
{
    struct nacre_cert c;
    nacre_err err;

    s->plain = s->key;
    if (!nacre_cert_is(s->key))
        return NACRE_OK;
    err = nacre_cert_decode(&c, s->key, buf, cap);
    s->plain = c.plain;
    return err;
}

nacre_err nacre_sshsig_decode(struct nacre_sshsig *s, struct nacre_bytes file, uint8_t *buf,
                              size_t cap, const char **what)
{
    struct nacre_bytes bin = {buf, 0};
    const char *why = "";
    struct ncr_rd r;
    nacre_err err = ncr_pem_decode(buf, cap, &bin.n, file, SSHSIG_LABEL, &why);

    memset(s, 0, sizeof *s);
    if (err != NACRE_OK)
        return sshsig_fail(what, err, why != NULL ? why : "");
    r = ncr_rd(bin);
    if (!nacre_bytes_is(ncr_rd_bytes(&r, SSHSIG_MAGIC_LEN), SSHSIG_MAGIC))
        return sshsig_fail(what, NACRE_ERR_FILE_FORMAT, "no SSH signature");
    if (ncr_rd_u32(&r) != SSHSIG_VERSION)
        return sshsig_fail(what, NACRE_ERR_UNKNOWN_ALG, "version of signature not understood");
    s->key = ncr_rd_string_max(&r, NACRE_KEY_BLOB_MAX);
    s->name_space = ncr_rd_string_max(&r, NACRE_SSHSIG_NAMESPACE_MAX);
    (void)ncr_rd_string(&r); /* reserved: ignored as the format says, and not signed */
    s->hash = ncr_rd_string(&r);
    s->signature = ncr_rd_string(&r);
    if (!ncr_rd_end(&r) || s->name_space.n == 0) {
        err = NACRE_ERR_FILE_FORMAT;
        why = "damaged signature";
    } else if (nacre_sshsig_hash(s->hash) == NULL) {
        err = NACRE_ERR_UNKNOWN_ALG;
        why = "hash of signature not understood";
    } else {
        err = sshsig_plain(s, buf + bin.n, cap - bin.n);
        why = "key in signature not understood";
    }
    if (err == NACRE_OK)
        return err;
    memset(s, 0, sizeof *s);
    return sshsig_fail(what, err, why);
}

static void sshsig_put_message(struct ncr_wr *w, struct nacre_bytes name_space,
                               struct nacre_bytes hash, struct nacre_bytes digest)
{
    ncr_wr_bytes(w, (const uint8_t *)SSHSIG_MAGIC, SSHSIG_MAGIC_LEN);
    ncr_wr_string(w, name_space);
    ncr_wr_u32(w, 0); /* reserved */
    ncr_wr_string(w, hash);
    ncr_wr_string(w, digest);
}

nacre_err nacre_sshsig_message(uint8_t *out, size_t cap, size_t *n, const char *name_space,
                               const char *hash, struct nacre_bytes digest)
{
    const struct nacre_hash *h = nacre_sshsig_hash(nacre_bytes_str(hash));
    struct ncr_wr w = ncr_wr(out, cap);

    *n = 0;
    if (h == NULL || digest.n != h->len || name_space[0] == '\0' ||
        strlen(name_space) > NACRE_SSHSIG_NAMESPACE_MAX)
        return NACRE_ERR_USAGE;
    sshsig_put_message(&w, nacre_bytes_str(name_space), nacre_bytes_str(hash), digest);
    *n = ncr_wr_done(&w).n;
    return w.bad ? NACRE_ERR_NO_ROOM : NACRE_OK;
}

nacre_err nacre_sshsig_verify(const struct nacre_sshsig *s, const char *name_space,
                              struct nacre_bytes digest, uint64_t *work)
{
    uint8_t message[SSHSIG_MAGIC_LEN + 16 + NACRE_SSHSIG_NAMESPACE_MAX + 8 + NACRE_HASH_MAX_LEN];
    const struct nacre_hash *h = nacre_sshsig_hash(s->hash);
    struct ncr_wr w = ncr_wr(message, sizeof message);
    struct ncr_rd r = ncr_rd(s->signature);

    if (h == NULL || digest.n != h->len || s->name_space.n == 0 ||
        !nacre_bytes_is(s->name_space, name_space))
        return NACRE_ERR_SIG;
    sshsig_put_message(&w, s->name_space, s->hash, digest);
    return nacre_sig_verify(&nacre_algs_default, ncr_rd_string_max(&r, NACRE_KEY_NAME_MAX),
                            s->plain, ncr_wr_done(&w), s->signature, work);
}

nacre_err nacre_sshsig_format(uint8_t *out, size_t cap, size_t *n, struct nacre_bytes key,
                              const char *name_space, const char *hash,
                              struct nacre_bytes signature)
{
    struct ncr_wr w = ncr_wr(out, cap);

    *n = 0;
    ncr_wr_bytes(&w, (const uint8_t *)SSHSIG_MAGIC, SSHSIG_MAGIC_LEN);
    ncr_wr_u32(&w, SSHSIG_VERSION);
    ncr_wr_string(&w, key);
    ncr_wr_cstring(&w, name_space);
    ncr_wr_u32(&w, 0); /* reserved */
    ncr_wr_cstring(&w, hash);
    ncr_wr_string(&w, signature);
    if (w.bad)
        return NACRE_ERR_NO_ROOM;
    *n = w.n;
    return ncr_pem_encode(out, cap, n, SSHSIG_LABEL, SSHSIG_COLUMNS);
}
