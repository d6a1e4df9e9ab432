/* SPDX-License-Identifier: ISC
 *
 * Verbs of the kat oracle over proto/: MACs, key derivation, packet protection, encodings, the
 * exchange hash. They call the algorithm rows and packet modes that the engine calls.
 */
#include "tests/kat.h"

#include "proto/alg.h"
#include "proto/keys.h"
#include "proto/keys/base64.h"
#include "proto/limits.h"
#include "proto/pkt.h"
#include "proto/wire.h"

#include <string.h>

static const char all_kex[] =
    "curve25519-sha256 ecdh-sha2-nistp256 ecdh-sha2-nistp384 ecdh-sha2-nistp521 "
    "diffie-hellman-group14-sha256 diffie-hellman-group16-sha512 diffie-hellman-group18-sha512 "
    "mlkem768x25519-sha256 sntrup761x25519-sha512";

/* Longest output that ssh-kdf makes: far over any key. */
#define KDF_MAX 1048576

enum { LEN_FIELD = 4, TAG = NACRE_POLY1305_LEN };

static const struct ncr_mac *find_mac(const char *name)
{
    static const struct ncr_mac *const rows[] = {
        &ncr_mac_sha2_256, &ncr_mac_sha2_512, &ncr_mac_sha2_256_etm, &ncr_mac_sha2_512_etm,
        &ncr_mac_umac_64,  &ncr_mac_umac_128, &ncr_mac_umac_64_etm,  &ncr_mac_umac_128_etm,
#ifndef NACRE_NO_LEGACY
        &ncr_mac_sha1,     &ncr_mac_sha1_etm,
#endif
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i]->name, name) == 0)
            return rows[i];
    }
    return NULL;
}

/* ssh-mac ALG KEY SEQ DATA */
static enum kat_result verb_ssh_mac(struct kat_req *r)
{
    const struct ncr_mac *row = find_mac(r->arg[0].name);
    struct nacre_bytes key = r->arg[1].b, none = {NULL, 0};
    struct ncr_dir *d = kat_alloc(r, sizeof *d);
    uint8_t tag[NACRE_HASH_MAX_LEN];

    if (row == NULL)
        return kat_no_name(r, r->arg[0].name, "hmac-sha1 hmac-sha1-etm@openssh.com");
    if (key.n != row->key_len)
        return kat_error(r, "key length");
    d->macrow = row;
    row->load(d, key.p);
    row->compute(tag, d, (uint32_t)r->arg[2].num, r->arg[3].b, none);
    kat_put(r, tag, row->tag_len);
    return KAT_OK;
}

static const struct nacre_hash *kdf_hash(const char *name)
{
    static const struct nacre_hash *const rows[] = {&nacre_hash_sha1, &nacre_hash_sha256,
                                                    &nacre_hash_sha384, &nacre_hash_sha512};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i]->name, name) == 0)
            return rows[i];
    }
    return NULL;
}

/* ssh-kdf HASH K H LETTER SID LEN */
static enum kat_result verb_ssh_kdf(struct kat_req *r)
{
    const struct nacre_hash *hash = kdf_hash(r->arg[0].name);
    const char *letter = r->arg[3].name;
    uint64_t len = r->arg[5].num;
    uint8_t *out;

    if (letter[0] < 'A' || letter[0] > 'F' || letter[1] != '\0')
        return kat_error(r, "letter");
    if (len > KDF_MAX)
        return kat_error(r, "length over 1048576");
    if (hash == NULL)
        return kat_error(r, "unknown name");
    out = kat_alloc(r, (size_t)len);
    ncr_keys_derive(out, (size_t)len, hash, r->arg[1].b, r->arg[2].b, letter[0], r->arg[4].b);
    kat_put(r, out, (size_t)len);
    return KAT_OK;
}

/* ---- chacha20-poly1305@openssh.com ------------------------------------------------------- */

/* A direction with that key, about to handle packet seq. */
static struct ncr_dir *chapoly_dir(struct kat_req *r)
{
    struct ncr_dir *d = kat_alloc(r, sizeof *d);

    d->cipher = &ncr_cipher_chapoly;
    d->cipher->load(d, r->arg[0].b.p, NULL);
    d->seq = (uint32_t)r->arg[1].num;
    return d;
}

/* ssh-chacha-seal KEY SEQ PKT */
static enum kat_result verb_chacha_seal(struct kat_req *r)
{
    struct nacre_bytes in = r->arg[2].b;
    struct ncr_dir *d = chapoly_dir(r);
    uint8_t *p = kat_alloc(r, in.n + TAG);

    if (in.n < LEN_FIELD)
        return kat_error(r, "packet without a length field");
    memcpy(p, in.p, in.n);
    d->cipher->aead->seal(d, p, (uint32_t)(in.n - LEN_FIELD));
    kat_put(r, p, in.n + TAG);
    return KAT_OK;
}

/* ssh-chacha-open KEY SEQ IN */
static enum kat_result verb_chacha_open(struct kat_req *r)
{
    struct nacre_bytes in = r->arg[2].b;
    struct ncr_dir *d = chapoly_dir(r);
    uint8_t *p = kat_alloc(r, in.n);
    uint32_t len, said;
    struct ncr_wr w;

    if (in.n < LEN_FIELD + TAG)
        return KAT_REJECT;
    memcpy(p, in.p, in.n);
    len = (uint32_t)(in.n - LEN_FIELD - TAG);
    said = d->cipher->aead->length(d, p);
    if (!d->cipher->aead->open(d, p, len) || said != len)
        return KAT_REJECT;
    w = ncr_wr(p, LEN_FIELD); /* the mode leaves the field encrypted */
    ncr_wr_u32(&w, said);
    kat_put(r, p, (size_t)LEN_FIELD + len);
    return KAT_OK;
}

/* ssh-chacha-len KEY SEQ IN */
static enum kat_result verb_chacha_len(struct kat_req *r)
{
    struct nacre_bytes in = r->arg[2].b;
    struct ncr_dir *d = chapoly_dir(r);
    uint8_t field[LEN_FIELD];
    struct ncr_wr w = ncr_wr(field, sizeof field);

    if (in.n < LEN_FIELD)
        return KAT_REJECT;
    memcpy(field, in.p, sizeof field);
    ncr_wr_u32(&w, d->cipher->aead->length(d, field));
    kat_put(r, field, sizeof field);
    return KAT_OK;
}

/* ---- Encodings --------------------------------------------------------------------------- */

/* b64-enc DATA */
static enum kat_result verb_b64_enc(struct kat_req *r)
{
    struct nacre_bytes in = r->arg[0].b;
    char *text = kat_alloc(r, NCR_BASE64_LEN(in.n));

    ncr_base64_encode(text, in.p, in.n);
    kat_put(r, (const uint8_t *)text, NCR_BASE64_LEN(in.n));
    return KAT_OK;
}

/* b64-dec TEXT */
static enum kat_result verb_b64_dec(struct kat_req *r)
{
    struct nacre_bytes in = r->arg[0].b;
    uint8_t *out = kat_alloc(r, in.n);
    size_t n;

    if (!ncr_base64_decode(out, in.n, &n, in))
        return KAT_REJECT;
    kat_put(r, out, n);
    return KAT_OK;
}

/* mpint-enc INTEGER */
static enum kat_result verb_mpint_enc(struct kat_req *r)
{
    struct nacre_bytes in = r->arg[0].b;
    size_t cap = in.n + LEN_FIELD + 1;
    struct ncr_wr w = ncr_wr(kat_alloc(r, cap), cap);
    struct nacre_bytes out;

    ncr_wr_mpint(&w, in.p, in.n);
    out = ncr_wr_done(&w);
    kat_put(r, out.p, out.n);
    return KAT_OK;
}

/* mpint-dec BLOB */
static enum kat_result verb_mpint_dec(struct kat_req *r)
{
    struct ncr_rd rd = ncr_rd(r->arg[0].b);
    struct nacre_bytes v = ncr_rd_mpint(&rd, NCR_MPINT_BITS_MAX);

    if (!ncr_rd_end(&rd))
        return KAT_REJECT;
    kat_put(r, v.p, v.n);
    return KAT_OK;
}

/* kex-hash METHOD VC VS IC IS KS QC QS K: RFC 4253 section 8, RFC 5656 section 4, RFC 8731. */
static enum kat_result verb_kex_hash(struct kat_req *r)
{
    const struct ncr_kex *row = ncr_alg_kex(&nacre_algs_default, nacre_bytes_str(r->arg[0].name));
    struct nacre_bytes k = r->arg[8].b;
    union nacre_hash_ctx ctx;
    uint8_t h[NACRE_HASH_MAX_LEN];
    struct ncr_wr w;

    if (row == NULL || !kat_list_has(all_kex, row->name, strlen(row->name)))
        return kat_no_name(r, r->arg[0].name, all_kex);
    row->hash->init(&ctx);
    w = ncr_wr_hash(row->hash, &ctx);
    for (size_t i = 1; i < 6; i++)
        ncr_wr_string(&w, r->arg[i].b);
    for (size_t i = 6; i < 8; i++) {
        if (row->pub_is_mpint)
            ncr_wr_mpint(&w, r->arg[i].b.p, r->arg[i].b.n);
        else
            ncr_wr_string(&w, r->arg[i].b);
    }
    if (row->k_is_string)
        ncr_wr_string(&w, k);
    else
        ncr_wr_mpint(&w, k.p, k.n);
    row->hash->final(h, &ctx);
    kat_put(r, h, row->hash->len);
    return KAT_OK;
}

/* kex-hash-gex HASH VC VS IC IS KS MIN N MAX P G E F K: RFC 4419 section 3. */
static enum kat_result verb_kex_hash_gex(struct kat_req *r)
{
    static const struct nacre_hash *const hashes[] = {&nacre_hash_sha256, &nacre_hash_sha1,
                                                      &nacre_hash_sha384, &nacre_hash_sha512};
    const struct nacre_hash *hash = NULL;
    union nacre_hash_ctx ctx;
    uint8_t h[NACRE_HASH_MAX_LEN];
    struct ncr_wr w;

    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++) {
        if (strcmp(hashes[i]->name, r->arg[0].name) == 0)
            hash = hashes[i];
    }
    if (hash == NULL)
        return kat_error(r, "unknown name");
    hash->init(&ctx);
    w = ncr_wr_hash(hash, &ctx);
    for (size_t i = 1; i < 6; i++)
        ncr_wr_string(&w, r->arg[i].b);
    for (size_t i = 6; i < 9; i++)
        ncr_wr_u32(&w, (uint32_t)r->arg[i].num);
    for (size_t i = 9; i < 14; i++)
        ncr_wr_mpint(&w, r->arg[i].b.p, r->arg[i].b.n);
    hash->final(h, &ctx);
    kat_put(r, h, hash->len);
    return KAT_OK;
}

const struct kat_verb kat_ssh_verbs[] = {
    {"ssh-mac", "name bytes int32 bytes", verb_ssh_mac},
    {"ssh-kdf", "name bytes bytes name bytes int", verb_ssh_kdf},
    {"ssh-chacha-seal", "bytes64 int32 bytes", verb_chacha_seal},
    {"ssh-chacha-open", "bytes64 int32 bytes", verb_chacha_open},
    {"ssh-chacha-len", "bytes64 int32 bytes", verb_chacha_len},
    {"b64-enc", "bytes", verb_b64_enc},
    {"b64-dec", "bytes", verb_b64_dec},
    {"mpint-enc", "bytes", verb_mpint_enc},
    {"mpint-dec", "bytes", verb_mpint_dec},
    {"kex-hash", "name bytes bytes bytes bytes bytes bytes bytes bytes", verb_kex_hash},
    {"kex-hash-gex",
     "name bytes bytes bytes bytes bytes int32 int32 int32 bytes bytes bytes bytes bytes",
     verb_kex_hash_gex},
    {NULL, NULL, NULL},
};
