/* SPDX-License-Identifier: ISC
 *
 * Verbs of the kat oracle: AES-CBC, AES-GCM, and packets of aes128-gcm@openssh.com and
 * aes256-gcm@openssh.com.
 */
#include "tests/kat.h"

#include "proto/pkt.h"

#include <string.h>

enum { LEN_FIELD = 4, TAG = NACRE_GCM_TAG_LEN };

/* ---- AES-CBC ----------------------------------------------------------------------------- */

static enum kat_result aes_cbc(struct kat_req *r,
                               void (*crypt)(uint8_t *out, struct nacre_aes_cbc *c,
                                             const uint8_t *in, size_t n))
{
    struct nacre_bytes in = r->arg[2].b;
    struct nacre_aes_cbc c;
    uint8_t *out = kat_alloc(r, in.n);

    if (!nacre_aes_cbc_init(&c, r->arg[0].b.p, r->arg[0].b.n, r->arg[1].b.p))
        return kat_error(r, "key length");
    if (in.n % NACRE_AES_BLOCK != 0)
        return KAT_REJECT;
    crypt(out, &c, in.p, in.n);
    kat_put(r, out, in.n);
    return KAT_OK;
}

/* aes-cbc-enc KEY IV DATA */
static enum kat_result verb_aes_cbc_enc(struct kat_req *r)
{
    return aes_cbc(r, nacre_aes_cbc_encrypt);
}

/* aes-cbc-dec KEY IV DATA */
static enum kat_result verb_aes_cbc_dec(struct kat_req *r)
{
    return aes_cbc(r, nacre_aes_cbc_decrypt);
}

/* ---- AES-GCM ----------------------------------------------------------------------------- */

/* gcm-seal KEY IV AAD PT */
static enum kat_result verb_gcm_seal(struct kat_req *r)
{
    struct nacre_bytes aad = r->arg[2].b, in = r->arg[3].b;
    struct nacre_gcm c;
    uint8_t tag[TAG], *out = kat_alloc(r, in.n);

    if (!nacre_gcm_init(&c, r->arg[0].b.p, r->arg[0].b.n))
        return kat_error(r, "key length");
    nacre_gcm_seal(out, tag, &c, r->arg[1].b.p, aad.p, aad.n, in.p, in.n);
    kat_put(r, out, in.n);
    kat_put(r, tag, sizeof tag);
    return KAT_OK;
}

/* gcm-open KEY IV AAD CT TAG */
static enum kat_result verb_gcm_open(struct kat_req *r)
{
    struct nacre_bytes aad = r->arg[2].b, in = r->arg[3].b, tag = r->arg[4].b;
    struct nacre_gcm c;
    uint8_t *out = kat_alloc(r, in.n);

    if (!nacre_gcm_init(&c, r->arg[0].b.p, r->arg[0].b.n))
        return kat_error(r, "key length");
    if (tag.n != TAG || !nacre_gcm_open(out, &c, r->arg[1].b.p, aad.p, aad.n, in.p, in.n, tag.p))
        return KAT_REJECT;
    kat_put(r, out, in.n);
    return KAT_OK;
}

/* ---- Packets ----------------------------------------------------------------------------- */

/* A direction with that key (24 bytes too, which no cipher of SSH has) and nonce. */
static struct ncr_dir *gcm_dir(struct kat_req *r)
{
    struct ncr_dir *d = kat_alloc(r, sizeof *d);

    if (!nacre_gcm_init(&d->key.gcm.gcm, r->arg[0].b.p, r->arg[0].b.n))
        return NULL;
    memcpy(d->key.gcm.iv, r->arg[1].b.p, sizeof d->key.gcm.iv);
    return d;
}

/* ssh-gcm-seal KEY IV PKT...; the length field is not checked against the body. */
static enum kat_result verb_ssh_gcm_seal(struct kat_req *r)
{
    struct ncr_dir *d = gcm_dir(r);

    for (size_t i = 2; i < r->n; i++) {
        if (r->arg[i].b.n < LEN_FIELD)
            return kat_error(r, "packet without a length field");
    }
    if (d == NULL)
        return kat_error(r, "key length");
    for (size_t i = 2; i < r->n; i++) {
        struct nacre_bytes in = r->arg[i].b;
        uint8_t *p = kat_alloc(r, in.n + TAG);
        memcpy(p, in.p, in.n);
        ncr_pkt_mode_gcm.seal(d, p, (uint32_t)(in.n - LEN_FIELD));
        kat_put(r, p, in.n + TAG);
    }
    return KAT_OK;
}

/* ssh-gcm-open KEY IV IN... */
static enum kat_result verb_ssh_gcm_open(struct kat_req *r)
{
    struct ncr_dir *d = gcm_dir(r);

    if (d == NULL)
        return kat_error(r, "key length");
    for (size_t i = 2; i < r->n; i++) {
        struct nacre_bytes in = r->arg[i].b;
        uint8_t *p = kat_alloc(r, in.n);
        if (in.n < LEN_FIELD + TAG)
            return KAT_REJECT;
        memcpy(p, in.p, in.n);
        if (!ncr_pkt_mode_gcm.open(d, p, (uint32_t)(in.n - LEN_FIELD - TAG)))
            return KAT_REJECT;
        kat_put(r, p, in.n - TAG);
    }
    return KAT_OK;
}

const struct kat_verb kat_cipher_verbs[] = {
    {"aes-cbc-enc", "aeskey bytes16 bytes", verb_aes_cbc_enc},
    {"aes-cbc-dec", "aeskey bytes16 bytes", verb_aes_cbc_dec},
    {"gcm-seal", "aeskey bytes12 bytes bytes", verb_gcm_seal},
    {"gcm-open", "aeskey bytes12 bytes bytes bytes", verb_gcm_open},
    {"ssh-gcm-seal", "aeskey bytes12 bytes+", verb_ssh_gcm_seal},
    {"ssh-gcm-open", "aeskey bytes12 bytes+", verb_ssh_gcm_open},
    {NULL, NULL, NULL},
};
