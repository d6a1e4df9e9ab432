/* SPDX-License-Identifier: ISC
 *
 * Verbs of the kat oracle over proto/keys/: public key blobs, private key files, signatures. What a
 * later build will read (RSA, ECDSA, encrypted files) answers `unsupported`, anything else that is
 * not understood `reject`.
 */
#include "tests/kat.h"

#include "proto/alg.h"
#include "proto/keys/nacre_keys.h"
#include "proto/sig_sk.h"

#include <string.h>

/* What the operations work in. */
static uint64_t work[NACRE_WORK];

/* What the protocol names beyond what this build has. */
static const char other_types[] =
    "ssh-rsa ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521 "
    "sk-ssh-ed25519@openssh.com sk-ecdsa-sha2-nistp256@openssh.com ssh-mldsa44-ed25519";
static const char other_ciphers[] =
    "none aes128-ctr aes192-ctr aes256-ctr aes128-cbc aes192-cbc aes256-cbc "
    "aes128-gcm@openssh.com aes256-gcm@openssh.com chacha20-poly1305@openssh.com";
static const char other_kdfs[] = "none bcrypt";
static const char all_sigs[] =
    "ssh-ed25519 ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521 rsa-sha2-256 "
    "rsa-sha2-512 ssh-mldsa44-ed25519";
static const char sk_sigs[] = "sk-ssh-ed25519@openssh.com sk-ecdsa-sha2-nistp256@openssh.com";

static bool text_in(const char *list, const char *word)
{
    return kat_list_has(list, word, strlen(word));
}

/* Reads a public key blob. */
static enum kat_result read_pub(struct nacre_pubkey *k, struct nacre_bytes blob)
{
    nacre_err err = nacre_pubkey_decode(k, blob);

    if (err == NACRE_ERR_UNKNOWN_ALG &&
        kat_list_has(other_types, (const char *)k->name.p, k->name.n))
        return KAT_UNSUPPORTED;
    return err == NACRE_OK ? KAT_OK : KAT_REJECT;
}

/* key-pub BLOB */
static enum kat_result verb_key_pub(struct kat_req *r)
{
    struct nacre_pubkey k;
    struct nacre_sha256 c;
    uint8_t fp[NACRE_SHA256_LEN];
    enum kat_result result = read_pub(&k, r->arg[0].b);

    if (result != KAT_OK)
        return result;
    nacre_sha256_init(&c);
    nacre_sha256_update(&c, k.blob.p, k.blob.n);
    nacre_sha256_final(fp, &c);
    kat_put_name(r, (const char *)k.name.p, k.name.n);
    /* OpenSSH counts 512 bits in a composite key, the protocol of this oracle 256 */
    kat_put_int(r, nacre_bytes_is(k.name, "ssh-mldsa44-ed25519") ? 256 : k.bits);
    kat_put(r, fp, sizeof fp);
    return KAT_OK;
}

/* Whether a file that was not understood is one that a later build will read. */
static bool is_later(struct kat_req *r, struct nacre_bytes file,
                     const struct nacre_keyfile_info *info)
{
    struct nacre_pubkey pub;
    nacre_err err;

    switch (info->format) {
    case NACRE_KEYFILE_PEM_RSA:
    case NACRE_KEYFILE_PEM_EC:
    case NACRE_KEYFILE_PKCS8:
    case NACRE_KEYFILE_PKCS8_ENCRYPTED:
        return true;
    case NACRE_KEYFILE_OPENSSH:
        break;
    default:
        return false;
    }
    if (!text_in(other_ciphers, info->cipher) || !text_in(other_kdfs, info->kdf))
        return false;
    if (strcmp(info->cipher, "none") != 0)
        return true;
    err = nacre_keyfile_read_public(&pub, NULL, file, kat_alloc(r, file.n), file.n, NULL);
    return err == NACRE_ERR_UNKNOWN_ALG &&
           kat_list_has(other_types, (const char *)pub.name.p, pub.name.n);
}

/* Reads FILE PASS, arguments 0 and 1. comment has room for NACRE_KEY_COMMENT_MAX and a NUL. */
static enum kat_result read_priv(struct kat_req *r, struct nacre_privkey *k, char *comment)
{
    struct nacre_bytes file = r->arg[0].b;
    struct nacre_keyfile_info info;
    nacre_err err = nacre_keyfile_read(k, comment, NACRE_KEY_COMMENT_MAX + 1, file, r->arg[1].b,
                                       kat_alloc(r, file.n), file.n, &info, work);

    if (err == NACRE_ERR_NO_ROOM) /* Argon2 of PuTTY's files */
        err =
            nacre_keyfile_read(k, comment, NACRE_KEY_COMMENT_MAX + 1, file, r->arg[1].b,
                               kat_alloc(r, info.scratch_needed), info.scratch_needed, &info, work);
    if (err == NACRE_ERR_UNKNOWN_ALG && is_later(r, file, &info))
        return KAT_UNSUPPORTED;
    return err == NACRE_OK ? KAT_OK : KAT_REJECT;
}

/* key-priv FILE PASS */
static enum kat_result verb_key_priv(struct kat_req *r)
{
    struct nacre_privkey k;
    struct nacre_pubkey pub;
    char comment[NACRE_KEY_COMMENT_MAX + 1];
    enum kat_result result = read_priv(r, &k, comment);
    struct nacre_bytes blob;

    if (result != KAT_OK)
        return result;
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
    enum kat_result result;

    if (!text_in(all_sigs, alg))
        return kat_error(r, "unknown name");
    result = read_priv(r, &k, comment);
    if (result != KAT_OK)
        return result;
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
    enum kat_result result;

    if (!text_in(all_sigs, alg) && !text_in(sk_sigs, alg))
        return kat_error(r, "unknown name");
    result = read_pub(&k, r->arg[1].b);
    if (result != KAT_OK)
        return result;
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
