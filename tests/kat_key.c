/* SPDX-License-Identifier: ISC
 *
 * Verbs of the kat oracle over proto/keys/: public key blobs, private key files, signatures. A blob
 * or a file of a kind that is not known is refused like a wrong one.
 */
#include "tests/kat.h"

#include "proto/alg.h"
#include "proto/keys/nacre_keys.h"
#include "proto/sig_sk.h"

#include <string.h>

/* What the operations work in. */
static uint64_t work[NACRE_WORK];

static const char all_sigs[] =
    "ssh-ed25519 ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521 rsa-sha2-256 "
    "rsa-sha2-512 ssh-mldsa44-ed25519";
static const char sk_sigs[] = "sk-ssh-ed25519@openssh.com sk-ecdsa-sha2-nistp256@openssh.com";

static bool text_in(const char *list, const char *word)
{
    return kat_list_has(list, word, strlen(word));
}

/* key-pub BLOB */
static enum kat_result verb_key_pub(struct kat_req *r)
{
    struct nacre_pubkey k;
    struct nacre_sha256 c;
    uint8_t fp[NACRE_SHA256_LEN];

    if (nacre_pubkey_decode(&k, r->arg[0].b) != NACRE_OK)
        return KAT_REJECT;
    nacre_sha256_init(&c);
    nacre_sha256_update(&c, k.blob.p, k.blob.n);
    nacre_sha256_final(fp, &c);
    kat_put_name(r, (const char *)k.name.p, k.name.n);
    /* OpenSSH counts 512 bits in a composite key, the protocol of this oracle 256 */
    kat_put_int(r, nacre_bytes_is(k.name, "ssh-mldsa44-ed25519") ? 256 : k.bits);
    kat_put(r, fp, sizeof fp);
    return KAT_OK;
}

/* Reads FILE PASS, arguments 0 and 1. comment has room for NACRE_KEY_COMMENT_MAX and a NUL. */
static bool read_priv(struct kat_req *r, struct nacre_privkey *k, char *comment)
{
    struct nacre_bytes file = r->arg[0].b;
    struct nacre_keyfile_info info;
    nacre_err err = nacre_keyfile_read(k, comment, NACRE_KEY_COMMENT_MAX + 1, file, r->arg[1].b,
                                       kat_alloc(r, file.n), file.n, &info, work);

    if (err == NACRE_ERR_NO_ROOM) /* Argon2 of PuTTY's files */
        err =
            nacre_keyfile_read(k, comment, NACRE_KEY_COMMENT_MAX + 1, file, r->arg[1].b,
                               kat_alloc(r, info.scratch_needed), info.scratch_needed, &info, work);
    return err == NACRE_OK;
}

/* key-priv FILE PASS */
static enum kat_result verb_key_priv(struct kat_req *r)
{
    struct nacre_privkey k;
    struct nacre_pubkey pub;
    char comment[NACRE_KEY_COMMENT_MAX + 1];
    struct nacre_bytes blob;

    if (!read_priv(r, &k, comment))
        return KAT_REJECT;
    blob = nacre_privkey_public_blob(&k);
    if (nacre_pubkey_decode(&pub, blob) != NACRE_OK)
        return KAT_REJECT;
    kat_put_name(r, (const char *)pub.name.p, pub.name.n);
    kat_put(r, blob.p, blob.n);
    kat_put(r, (const uint8_t *)comment, strlen(comment));
    nacre_privkey_wipe(&k);
    return KAT_OK;
}

/* key-sign FILE PASS ALG DATA */
static enum kat_result verb_key_sign(struct kat_req *r)
{
    const char *alg = r->arg[2].name;
    struct nacre_privkey k;
    char comment[NACRE_KEY_COMMENT_MAX + 1];
    uint8_t *sig = kat_alloc(r, NACRE_SIG_BLOB_MAX);
    size_t n;
    enum kat_result result = KAT_OK;

    if (!text_in(all_sigs, alg))
        return kat_error(r, "unknown name");
    if (!read_priv(r, &k, comment))
        return KAT_REJECT;
    if (nacre_privkey_sign(&k, nacre_bytes_str(alg), r->arg[3].b, sig, NACRE_SIG_BLOB_MAX, &n,
                           &nacre_rng_os, work) != NACRE_OK)
        result = KAT_REJECT;
    else
        kat_put(r, sig, n);
    nacre_privkey_wipe(&k);
    return result;
}

/* key-verify ALG PUBBLOB DATA SIGBLOB */
static enum kat_result verb_key_verify(struct kat_req *r)
{
    const char *alg = r->arg[0].name;
    const struct ncr_sig *row = ncr_alg_sig(&nacre_algs_default, nacre_bytes_str(alg));
    struct nacre_pubkey k;

    if (!text_in(all_sigs, alg) && !text_in(sk_sigs, alg))
        return kat_error(r, "unknown name");
    if (nacre_pubkey_decode(&k, r->arg[1].b) != NACRE_OK)
        return KAT_REJECT;
    if (row == NULL || !nacre_bytes_is(k.name, row->key_type))
        return KAT_REJECT;
    if (text_in(sk_sigs, alg)) /* whether somebody touched the key is not asked here */
        return ncr_sk_verify(nacre_bytes_str(alg), k.blob, r->arg[2].b, r->arg[3].b, 0, work) ==
                       NACRE_OK
                   ? KAT_OK
                   : KAT_REJECT;
    return row->verify(k.blob, r->arg[2].b, r->arg[3].b, work) == NACRE_OK ? KAT_OK : KAT_REJECT;
}

const struct kat_verb kat_key_verbs[] = {
    {"key-pub", "bytes", verb_key_pub},
    {"key-priv", "bytes bytes", verb_key_priv},
    {"key-sign", "bytes bytes name bytes", verb_key_sign},
    {"key-verify", "name bytes bytes bytes", verb_key_verify},
    {NULL, NULL, NULL},
};
