/* SPDX-License-Identifier: ISC
 *
 * Verbs of the kat oracle: UMAC, key derivation from passphrases, hashed host names.
 */
#include "tests/kat.h"

#include "crypto/blowfish.h"
#include "crypto/load.h"
#include "proto/keys/nacre_keys.h"

#include <string.h>

enum { KDF_LEN_MAX = 65536 };

static enum kat_result umac(struct kat_req *r, size_t tag_len)
{
    struct nacre_umac *c = kat_alloc(r, sizeof *c);
    struct nacre_bytes m = r->arg[2].b;
    uint8_t tag[NACRE_UMAC_MAX_LEN];

    nacre_umac_init(c, tag_len, r->arg[0].b.p);
    while (m.n > 0) {
        size_t n = r->n > 3 && r->arg[3].num < m.n ? (size_t)r->arg[3].num : m.n;

        nacre_umac_update(c, m.p, n);
        m.p += n;
        m.n -= n;
    }
    nacre_umac_final(tag, c, r->arg[1].b.p);
    kat_put(r, tag, tag_len);
    return KAT_OK;
}

/* umac64 KEY NONCE MSG [CHUNK] */
static enum kat_result verb_umac64(struct kat_req *r)
{
    return umac(r, 8);
}

/* umac128 KEY NONCE MSG [CHUNK] */
static enum kat_result verb_umac128(struct kat_req *r)
{
    return umac(r, 16);
}

/* pbkdf2 ALG PASS SALT ITER LEN */
static enum kat_result verb_pbkdf2(struct kat_req *r)
{
    static const struct nacre_hash *const rows[] = {&nacre_hash_sha1, &nacre_hash_sha256,
                                                    &nacre_hash_sha384, &nacre_hash_sha512};
    const struct nacre_hash *hash = NULL;
    struct nacre_bytes pass = r->arg[1].b, salt = r->arg[2].b;
    uint64_t iterations = r->arg[3].num, len = r->arg[4].num;
    uint8_t *out;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i]->name, r->arg[0].name) == 0)
            hash = rows[i];
    }
    if (hash == NULL)
        return kat_error(r, "unknown name");
    if (len == 0 || len > KDF_LEN_MAX)
        return kat_error(r, "length of 0 or over 65536");
    out = kat_alloc(r, (size_t)len);
    if (!nacre_pbkdf2(out, (size_t)len, hash, pass.p, pass.n, salt.p, salt.n, (uint32_t)iterations))
        return kat_error(r, "no iterations");
    kat_put(r, out, (size_t)len);
    return KAT_OK;
}

/* bcrypt-pbkdf PASS SALT ROUNDS LEN */
static enum kat_result verb_bcrypt_pbkdf(struct kat_req *r)
{
    struct nacre_bytes pass = r->arg[0].b, salt = r->arg[1].b;
    uint64_t len = r->arg[3].num;
    uint64_t *work = kat_alloc(r, NACRE_BCRYPT_WORK * sizeof *work);
    uint8_t out[NACRE_BCRYPT_OUT_MAX];

    if (len > sizeof out || !nacre_bcrypt_pbkdf(out, (size_t)len, pass.p, pass.n, salt.p, salt.n,
                                                (uint32_t)r->arg[2].num, work))
        return KAT_REJECT;
    kat_put(r, out, (size_t)len);
    return KAT_OK;
}

/* bytes-to-key PASS SALT LEN */
static enum kat_result verb_bytes_to_key(struct kat_req *r)
{
    struct nacre_bytes pass = r->arg[0].b;
    uint64_t len = r->arg[2].num;
    uint8_t *out;

    if (len > KDF_LEN_MAX)
        return kat_error(r, "length over 65536");
    out = kat_alloc(r, (size_t)len);
    nacre_pem_kdf(out, (size_t)len, pass.p, pass.n, r->arg[1].b.p);
    kat_put(r, out, (size_t)len);
    return KAT_OK;
}

/* blowfish KEY BLOCK */
static enum kat_result verb_blowfish(struct kat_req *r)
{
    struct nacre_bytes key = r->arg[0].b, in = r->arg[1].b;
    struct ncr_blowfish *c = kat_alloc(r, sizeof *c);
    uint32_t words[NCR_BLOWFISH_P] = {0}, left = ncr_load32be(in.p), right = ncr_load32be(in.p + 4);
    uint8_t out[8];

    if (key.n < 4 || key.n > 56)
        return kat_error(r, "key length");
    for (size_t i = 0; i < 4 * NCR_BLOWFISH_P; i++)
        words[i / 4] = words[i / 4] << 8 | key.p[i % key.n];
    ncr_blowfish_init(c);
    ncr_blowfish_expand_vartime(c, words);
    ncr_blowfish_encrypt_vartime(c, &left, &right);
    ncr_store32be(out, left);
    ncr_store32be(out + 4, right);
    kat_put(r, out, sizeof out);
    return KAT_OK;
}

/* known-hosts-hash SALT HOST */
static enum kat_result verb_known_hosts_hash(struct kat_req *r)
{
    char text[NACRE_HOST_HASH_LEN];

    if (nacre_known_hosts_hash(text, sizeof text, r->arg[0].b.p, r->arg[1].b) != NACRE_OK)
        return KAT_REJECT;
    kat_put(r, (const uint8_t *)text, strlen(text));
    return KAT_OK;
}

const struct kat_verb kat_hash_verbs[] = {
    {"umac64", "bytes16 bytes8 bytes ?chunk", verb_umac64},
    {"umac128", "bytes16 bytes8 bytes ?chunk", verb_umac128},
    {"pbkdf2", "name bytes bytes int32 int", verb_pbkdf2},
    {"bcrypt-pbkdf", "bytes bytes int32 int", verb_bcrypt_pbkdf},
    {"bytes-to-key", "bytes bytes8 int", verb_bytes_to_key},
    {"blowfish", "bytes bytes8", verb_blowfish},
    {"known-hosts-hash", "bytes20 bytes", verb_known_hosts_hash},
    {NULL, NULL, NULL},
};
