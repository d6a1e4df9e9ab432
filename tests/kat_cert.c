/* SPDX-License-Identifier: ISC
 *
 * Verbs of the kat oracle for certificates and signatures of files.
 */
#include "proto/keys/nacre_keys.h"
#include "tests/kat.h"

#include <string.h>

static uint64_t cert_work[NACRE_WORK];

/* key-cert BLOB */
static enum kat_result verb_key_cert(struct kat_req *r)
{
    struct nacre_bytes blob = r->arg[0].b;
    struct nacre_cert c;

    if (nacre_cert_decode(&c, blob, kat_alloc(r, blob.n + 1), blob.n + 1) != NACRE_OK ||
        nacre_cert_verify(&c, cert_work) != NACRE_OK)
        return KAT_REJECT;
    kat_put_name(r, (const char *)c.name.p, c.name.n);
    kat_put_int(r, (uint64_t)c.kind);
    kat_put_int(r, c.serial);
    kat_put(r, c.key_id.p, c.key_id.n);
    kat_put(r, c.principals.p, c.principals.n);
    kat_put_int(r, c.valid_after);
    kat_put_int(r, c.valid_before);
    kat_put(r, c.critical.p, c.critical.n);
    kat_put(r, c.extensions.p, c.extensions.n);
    kat_put(r, c.ca.p, c.ca.n);
    kat_put(r, c.plain.p, c.plain.n);
    return KAT_OK;
}

static struct nacre_bytes digest_of(const struct nacre_hash *hash, struct nacre_bytes m,
                                    uint8_t out[NACRE_HASH_MAX_LEN])
{
    struct nacre_bytes d = {out, hash->len};
    union nacre_hash_ctx c;

    hash->init(&c);
    hash->update(&c, m.p, m.n);
    hash->final(out, &c);
    return d;
}

/* A namespace as a C string; NULL if it has a NUL or is too long. */
static const char *name_space_of(struct kat_req *r, struct nacre_bytes b)
{
    char *s = kat_alloc(r, b.n + 1);

    if (b.n > NACRE_SSHSIG_NAMESPACE_MAX ||
        memchr(b.n > 0 ? (const char *)b.p : "", 0, b.n) != NULL)
        return NULL;
    if (b.n > 0)
        memcpy(s, b.p, b.n);
    return s;
}

/* sshsig-verify NAMESPACE MSG FILE */
static enum kat_result verb_sshsig_verify(struct kat_req *r)
{
    const char *name_space = name_space_of(r, r->arg[0].b);
    struct nacre_bytes file = r->arg[2].b;
    uint8_t digest[NACRE_HASH_MAX_LEN];
    struct nacre_sshsig s;

    if (name_space == NULL || name_space[0] == '\0' ||
        nacre_sshsig_decode(&s, file, kat_alloc(r, 2 * file.n + 1), 2 * file.n + 1, NULL) !=
            NACRE_OK ||
        nacre_sshsig_verify(&s, name_space,
                            digest_of(nacre_sshsig_hash(s.hash), r->arg[1].b, digest),
                            cert_work) != NACRE_OK)
        return KAT_REJECT;
    kat_put(r, s.key.p, s.key.n);
    return KAT_OK;
}

/* sshsig-sign KEYFILE PASS HASH NAMESPACE MSG */
static enum kat_result verb_sshsig_sign(struct kat_req *r)
{
    const char *hash_name = r->arg[2].name;
    const struct nacre_hash *hash = nacre_sshsig_hash(nacre_bytes_str(hash_name));
    const char *name_space = name_space_of(r, r->arg[3].b);
    struct nacre_bytes file = r->arg[0].b;
    uint8_t *text = kat_alloc(r, NACRE_SSHSIG_TEXT_MAX);
    uint8_t *sig = kat_alloc(r, NACRE_SIG_BLOB_MAX);
    uint8_t digest[NACRE_HASH_MAX_LEN], message[512];
    struct nacre_bytes m = {message, 0}, blob = {sig, 0};
    struct nacre_privkey k;
    size_t n;
    bool good;

    if (hash == NULL)
        return kat_error(r, "unknown name");
    if (name_space == NULL || name_space[0] == '\0' ||
        nacre_keyfile_read(&k, NULL, 0, file, r->arg[1].b, kat_alloc(r, file.n + 1), file.n + 1,
                           NULL, cert_work) != NACRE_OK)
        return KAT_REJECT;
    good = nacre_sshsig_message(message, sizeof message, &m.n, name_space, hash_name,
                                digest_of(hash, r->arg[4].b, digest)) == NACRE_OK &&
           nacre_privkey_sign(&k, nacre_bytes_str(nacre_privkey_alg(&k, 0)), m, sig,
                              NACRE_SIG_BLOB_MAX, &blob.n, &nacre_rng_os, cert_work) == NACRE_OK &&
           nacre_sshsig_format(text, NACRE_SSHSIG_TEXT_MAX, &n, nacre_privkey_public_blob(&k),
                               name_space, hash_name, blob) == NACRE_OK;
    nacre_privkey_wipe(&k);
    if (!good)
        return KAT_REJECT;
    kat_put(r, text, n);
    return KAT_OK;
}

const struct kat_verb kat_cert_verbs[] = {
    {"key-cert", "bytes", verb_key_cert},
    {"sshsig-verify", "bytes bytes bytes", verb_sshsig_verify},
    {"sshsig-sign", "bytes bytes name bytes bytes", verb_sshsig_sign},
    {NULL, NULL, NULL},
};
