/* SPDX-License-Identifier: ISC
 *
 * The key type ssh-rsa: RFC 4253 section 6.6, RFC 8332. Public blob: name, mpint e, mpint n.
 * Private section of openssh-key-v1: mpints n, e, d, iqmp, p, q.
 *
 * The parts of a private key that is read are checked against each other. Keys below 2,048 bits can
 * be read, but neither be made, nor trusted, nor signed with.
 */
#include "proto/keys/key_type.h"

#include <string.h>

#include "crypto/ct.h"
#include "proto/limits.h"
#include "proto/sig_rsa.h"

#define KEYRSA_BITS 3072 /* of a new key: as strong as its ciphers, NIST SP 800-57 table 2 */

_Static_assert(NACRE_WORK >= NACRE_RSA_WORK(NACRE_RSA_BITS_MAX), "room to work in");

/* Where a part lies in secret.rsa. */
enum { KEYRSA_N, KEYRSA_E, KEYRSA_D, KEYRSA_P, KEYRSA_Q, KEYRSA_IQMP, KEYRSA_PARTS };

static const uint8_t keyrsa_e[] = {1, 0, 1}; /* 65537 */

/* Algorithms, most preferred first. The last is signed with where a list of the program's names it.
 */
static const char *const keyrsa_algs[] = {
    "rsa-sha2-512",
    "rsa-sha2-256",
#if !defined(NACRE_NO_LEGACY)
    "ssh-rsa",
#endif
    NULL,
};
static const char *const keyrsa_cert_algs[] = {
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
#if !defined(NACRE_NO_LEGACY)
    "ssh-rsa-cert-v01@openssh.com",
#endif
    NULL,
};
static const struct nacre_hash *const keyrsa_hashes[] = {
    &nacre_hash_sha512,
    &nacre_hash_sha256,
#if !defined(NACRE_NO_LEGACY)
    &nacre_hash_sha1,
#endif
};

static nacre_err keyrsa_decode(struct ncr_rd *r, unsigned *bits)
{
    struct ncr_rsa_pub pub;
    nacre_err err = ncr_rsa_pub_read(&pub, r);

    if (err == NACRE_OK)
        *bits = (unsigned)pub.bits;
    return err;
}

static bool keyrsa_trustworthy(struct nacre_bytes blob)
{
    return ncr_sig_rsa_check(blob, NCR_RSA_BITS_MIN) == NACRE_OK;
}

/* ---- The private half ---- */

static struct nacre_num keyrsa_part(const struct nacre_privkey *k, int part)
{
    struct nacre_num x = {k->secret.rsa.num, k->secret.rsa.len[part]};
    int i;

    for (i = 0; i < part; i++)
        x.p += k->secret.rsa.len[i];
    return x;
}

struct nacre_rsa_key ncr_key_rsa_parts(const struct nacre_privkey *k)
{
    struct nacre_rsa_key key = {
        .n = keyrsa_part(k, KEYRSA_N),
        .e = keyrsa_part(k, KEYRSA_E),
        .d = keyrsa_part(k, KEYRSA_D),
        .p = keyrsa_part(k, KEYRSA_P),
        .q = keyrsa_part(k, KEYRSA_Q),
        .iqmp = keyrsa_part(k, KEYRSA_IQMP),
    };

    return key;
}

/* Type and blob of a key whose parts are there. */
static void keyrsa_finish(struct nacre_privkey *k)
{
    struct ncr_wr w = ncr_wr(k->blob, sizeof k->blob);
    const struct nacre_rsa_key key = ncr_key_rsa_parts(k);

    ncr_wr_cstring(&w, ncr_key_type_rsa.name);
    ncr_wr_mpint(&w, key.e.p, key.e.n);
    ncr_wr_mpint(&w, key.n.p, key.n.n);
    k->blob_len = ncr_wr_done(&w).n;
    k->type = &ncr_key_type_rsa;
}

static bool keyrsa_leading_zero(const uint8_t *p)
{
    bool zero = *p == 0;

    NCR_CT_PUBLIC(&zero, sizeof zero); /* the length of a number, which every key file shows */
    return zero;
}

/* Takes leading zeros off every number, as they are when a key is read; one d or iqmp in 256 has
 * some. */
static void keyrsa_trim(struct nacre_privkey *k)
{
    uint8_t *const num = k->secret.rsa.num;
    size_t from = 0;
    size_t to = 0;
    int i;

    for (i = 0; i < KEYRSA_PARTS; i++) {
        uint16_t n = k->secret.rsa.len[i];

        for (; n > 0 && keyrsa_leading_zero(num + from); n--)
            from++;
        memmove(num + to, num + from, n);
        k->secret.rsa.len[i] = n;
        from += n;
        to += n;
    }
    nacre_wipe(num + to, from - to);
}

static nacre_err keyrsa_generate(struct nacre_privkey *k, unsigned bits,
                                 const struct nacre_rng *rng, uint64_t *work)
{
    uint16_t *len = k->secret.rsa.len;
    uint8_t *part[KEYRSA_PARTS];
    uint8_t *next = k->secret.rsa.num;
    int i;

    if (bits == 0)
        bits = KEYRSA_BITS;
    if (bits < NACRE_RSA_SIGN_BITS_MIN || bits > NACRE_RSA_BITS_MAX || bits % 16 != 0)
        return NACRE_ERR_USAGE;
    for (i = 0; i < KEYRSA_PARTS; i++) {
        len[i] = (uint16_t)(i == KEYRSA_N || i == KEYRSA_D ? bits / 8 : bits / 16);
        len[i] = i == KEYRSA_E ? sizeof keyrsa_e : len[i];
        part[i] = next;
        next += len[i];
    }
    if (!nacre_rsa_generate(part[KEYRSA_N], part[KEYRSA_D], part[KEYRSA_P], part[KEYRSA_Q],
                            part[KEYRSA_IQMP], bits, rng, work))
        return NACRE_ERR_RNG;
    memcpy(part[KEYRSA_E], keyrsa_e, sizeof keyrsa_e);
    keyrsa_trim(k);
    keyrsa_finish(k);
    return NACRE_OK;
}

static nacre_err keyrsa_read_private(struct nacre_privkey *k, struct ncr_rd *r, uint64_t *work)
{
    /* the order of the file */
    static const uint8_t order[KEYRSA_PARTS] = {KEYRSA_N,    KEYRSA_E, KEYRSA_D,
                                                KEYRSA_IQMP, KEYRSA_P, KEYRSA_Q};
    struct nacre_bytes part[KEYRSA_PARTS];
    struct nacre_rsa_key key;
    size_t at = 0;
    int i;

    for (i = 0; i < KEYRSA_PARTS; i++)
        part[order[i]] = ncr_rd_mpint(r, NCR_MPINT_BITS_MAX);
    if (r->bad)
        return NACRE_ERR_KEY_FORMAT;
    for (i = 0; i < KEYRSA_PARTS; i++) {
        if (part[i].n > sizeof k->secret.rsa.num - at)
            return NACRE_ERR_KEY_REFUSED;
        if (part[i].n > 0)
            memcpy(k->secret.rsa.num + at, part[i].p, part[i].n);
        k->secret.rsa.len[i] = (uint16_t)part[i].n;
        at += part[i].n;
    }
    key = ncr_key_rsa_parts(k);
    NCR_CT_SECRET(key.d.p, key.d.n + key.p.n + key.q.n + key.iqmp.n);
    if (!nacre_rsa_key_ok(&key, work))
        return NACRE_ERR_KEY_REFUSED;
    keyrsa_finish(k);
    return NACRE_OK;
}

static void keyrsa_write_private(struct ncr_wr *w, const struct nacre_privkey *k)
{
    const struct nacre_rsa_key key = ncr_key_rsa_parts(k);

    ncr_wr_mpint(w, key.n.p, key.n.n);
    ncr_wr_mpint(w, key.e.p, key.e.n);
    ncr_wr_mpint(w, key.d.p, key.d.n);
    ncr_wr_mpint(w, key.iqmp.p, key.iqmp.n);
    ncr_wr_mpint(w, key.p.p, key.p.n);
    ncr_wr_mpint(w, key.q.p, key.q.n);
}

/* The signature is made where it will stand in the blob. */
static nacre_err keyrsa_sign(struct ncr_wr *w, const struct nacre_privkey *k, const char *alg,
                             struct nacre_bytes data, const struct nacre_rng *rng, uint64_t *work)
{
    const struct nacre_rsa_key key = ncr_key_rsa_parts(k);
    uint8_t *sig;
    size_t i = 0;

    while (!nacre_bytes_is(nacre_bytes_str(alg), keyrsa_algs[i]))
        i++;
    ncr_wr_cstring(w, alg);
    ncr_wr_u32(w, (uint32_t)key.n.n);
    if (w->bad || w->cap - w->n < key.n.n)
        return NACRE_ERR_NO_ROOM;
    sig = w->p + w->n;
    if (rng == NULL)
        return NACRE_ERR_RNG;
    if (!nacre_rsa_sign(sig, keyrsa_hashes[i], &key, data.p, data.n, rng, work))
        return NACRE_ERR_SIGNER;
    NCR_CT_PUBLIC(sig, key.n.n); /* goes to the peer */
    w->n += key.n.n;
    return NACRE_OK;
}

const struct ncr_key_type ncr_key_type_rsa = {
    .name = "ssh-rsa",
    .cert_name = "ssh-rsa-cert-v01@openssh.com",
    .label = "RSA",
    .cert_label = "RSA-CERT",
    .algs = keyrsa_algs,
    .cert_algs = keyrsa_cert_algs,
    .decode = keyrsa_decode,
    .trustworthy = keyrsa_trustworthy,
    .generate = keyrsa_generate,
    .read_private = keyrsa_read_private,
    .write_private = keyrsa_write_private,
    .sign = keyrsa_sign,
};
