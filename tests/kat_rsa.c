/* SPDX-License-Identifier: ISC
 *
 * Verbs of the kat oracle over integers modulo a number: powers, Diffie-Hellman, RSA.
 */
#include "tests/kat.h"

#include <string.h>

/* What the operations work in. */
static uint64_t rsa_work[NACRE_RSA_WORK(NACRE_RSA_BITS_MAX)];

static const struct nacre_hash *const rsa_hashes[] = {&nacre_hash_sha1, &nacre_hash_sha256,
                                                      &nacre_hash_sha384, &nacre_hash_sha512};

static const struct nacre_hash *rsa_hash(const char *name)
{
    for (size_t i = 0; i < sizeof rsa_hashes / sizeof *rsa_hashes; i++) {
        if (strcmp(rsa_hashes[i]->name, name) == 0)
            return rsa_hashes[i];
    }
    return NULL;
}

static struct nacre_num num_of(const struct kat_req *r, size_t i)
{
    struct nacre_num x = {r->arg[i].b.p, r->arg[i].b.n};

    return x;
}

/* Bytes without leading zeros. */
static size_t num_len(struct nacre_num x)
{
    while (x.n > 0 && x.p[0] == 0) {
        x.p++;
        x.n--;
    }
    return x.n;
}

/* rsa-verify HASH N E MSG SIG */
static enum kat_result verb_rsa_verify(struct kat_req *r)
{
    const struct nacre_hash *hash = rsa_hash(r->arg[0].name);
    const struct nacre_bytes m = r->arg[3].b;

    if (hash == NULL)
        return kat_error(r, "unknown name");
    return nacre_rsa_verify_vartime(hash, num_of(r, 1), num_of(r, 2), m.p, m.n, num_of(r, 4),
                                    rsa_work)
               ? KAT_OK
               : KAT_REJECT;
}

/* rsa-sign HASH N E D P Q IQMP MSG */
static enum kat_result verb_rsa_sign(struct kat_req *r)
{
    const struct nacre_hash *hash = rsa_hash(r->arg[0].name);
    const struct nacre_rsa_key key = {.n = num_of(r, 1),
                                      .e = num_of(r, 2),
                                      .d = num_of(r, 3),
                                      .p = num_of(r, 4),
                                      .q = num_of(r, 5),
                                      .iqmp = num_of(r, 6)};
    const struct nacre_bytes m = r->arg[7].b;
    const size_t n = num_len(key.n);
    uint8_t *sig = kat_alloc(r, n);

    if (hash == NULL)
        return kat_error(r, "unknown name");
    if (!nacre_rsa_sign(sig, hash, &key, m.p, m.n, &nacre_rng_os, rsa_work))
        return KAT_REJECT;
    kat_put(r, sig, n);
    return KAT_OK;
}

/* modexp BASE EXP MOD */
static enum kat_result verb_modexp(struct kat_req *r)
{
    const struct nacre_num m = num_of(r, 2);
    const size_t n = num_len(m);
    uint8_t *out = kat_alloc(r, n);

    if (!nacre_modexp(out, num_of(r, 0), num_of(r, 1), m, rsa_work))
        return KAT_REJECT;
    kat_put(r, out, n);
    return KAT_OK;
}

static const struct {
    const char *name;
    const struct nacre_dh_group *group;
} dh_groups[] = {
    {"group14", &nacre_dh_group14},
    {"group16", &nacre_dh_group16},
    {"group18", &nacre_dh_group18},
};

static const struct nacre_dh_group *dh_group(const char *name)
{
    for (size_t i = 0; i < sizeof dh_groups / sizeof *dh_groups; i++) {
        if (strcmp(dh_groups[i].name, name) == 0)
            return dh_groups[i].group;
    }
    return NULL;
}

/* dh-pub GROUP X */
static enum kat_result verb_dh_pub(struct kat_req *r)
{
    const struct nacre_dh_group *group = dh_group(r->arg[0].name);
    uint8_t out[NACRE_DH_LEN_MAX];

    if (group == NULL)
        return kat_error(r, "unknown name");
    if (!nacre_dh_public(out, group, num_of(r, 1), rsa_work))
        return KAT_REJECT;
    kat_put(r, out, group->p.n);
    return KAT_OK;
}

/* dh GROUP X PEER */
static enum kat_result verb_dh(struct kat_req *r)
{
    const struct nacre_dh_group *group = dh_group(r->arg[0].name);
    uint8_t out[NACRE_DH_LEN_MAX];

    if (group == NULL)
        return kat_error(r, "unknown name");
    if (!nacre_dh_shared(out, group, num_of(r, 1), num_of(r, 2), rsa_work))
        return KAT_REJECT;
    kat_put(r, out, group->p.n);
    return KAT_OK;
}

/* dh-gex P G X PEER */
static enum kat_result verb_dh_gex(struct kat_req *r)
{
    struct nacre_dh_group group = {.p = num_of(r, 0), .g = num_of(r, 1)};
    uint8_t e[NACRE_DH_LEN_MAX], k[NACRE_DH_LEN_MAX];
    const size_t n = num_len(group.p);

    if (!nacre_dh_group_ok_vartime(group.p, group.g, 2048))
        return KAT_REJECT;
    group.bits = 8 * (unsigned)n;
    if (!nacre_dh_public(e, &group, num_of(r, 2), rsa_work) ||
        !nacre_dh_shared(k, &group, num_of(r, 2), num_of(r, 3), rsa_work))
        return KAT_REJECT;
    kat_put(r, e, n);
    kat_put(r, k, n);
    return KAT_OK;
}

const struct kat_verb kat_rsa_verbs[] = {
    {"rsa-verify", "name bytes bytes bytes bytes", verb_rsa_verify},
    {"rsa-sign", "name bytes bytes bytes bytes bytes bytes bytes", verb_rsa_sign},
    {"modexp", "bytes bytes bytes", verb_modexp},
    {"dh-pub", "name bytes", verb_dh_pub},
    {"dh", "name bytes bytes", verb_dh},
    {"dh-gex", "bytes bytes bytes bytes", verb_dh_gex},
    {NULL, NULL, NULL},
};
