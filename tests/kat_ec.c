/* SPDX-License-Identifier: ISC
 *
 * Verbs of the kat oracle over the NIST curves: points, ECDH, ECDSA.
 */
#include "tests/kat.h"

#include <string.h>

static uint64_t ec_work[NACRE_EC_WORK];

static const struct nacre_curve *ec_curve(const char *name)
{
    static const struct {
        const char *name;
        const struct nacre_curve *curve;
    } curves[] = {{"nistp256", &nacre_p256}, {"nistp384", &nacre_p384}, {"nistp521", &nacre_p521}};

    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        if (strcmp(curves[i].name, name) == 0)
            return curves[i].curve;
    }
    return NULL;
}

static const struct nacre_hash *ec_hash(const char *name)
{
    static const struct nacre_hash *const hashes[] = {&nacre_hash_sha256, &nacre_hash_sha384,
                                                      &nacre_hash_sha512};

    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++) {
        if (strcmp(hashes[i]->name, name) == 0)
            return hashes[i];
    }
    return NULL;
}

/* A scalar of any length in as many bytes as the curve's have; false if it has more. */
static bool ec_scalar(uint8_t out[NACRE_EC_LEN_MAX], const struct nacre_curve *c,
                      struct nacre_bytes b)
{
    const size_t len = nacre_ec_len(c);

    while (b.n > 0 && *b.p == 0) {
        b.p++;
        b.n--;
    }
    if (b.n > len)
        return false;
    memset(out, 0, len);
    if (b.n > 0)
        memcpy(out + len - b.n, b.p, b.n);
    return true;
}

/* ec-pub CURVE PRIV */
static enum kat_result verb_ec_pub(struct kat_req *r)
{
    const struct nacre_curve *c = ec_curve(r->arg[0].name);
    uint8_t priv[NACRE_EC_LEN_MAX], point[NACRE_EC_POINT_MAX];

    if (c == NULL)
        return kat_error(r, "unknown name");
    if (!ec_scalar(priv, c, r->arg[1].b) || !nacre_ec_public(point, c, priv, ec_work))
        return KAT_REJECT;
    kat_put(r, point, 1 + 2 * nacre_ec_len(c));
    return KAT_OK;
}

/* ec-check CURVE POINT */
static enum kat_result verb_ec_check(struct kat_req *r)
{
    const struct nacre_curve *c = ec_curve(r->arg[0].name);

    if (c == NULL)
        return kat_error(r, "unknown name");
    return nacre_ec_check_vartime(c, r->arg[1].b.p, r->arg[1].b.n) ? KAT_OK : KAT_REJECT;
}

/* ecdh CURVE PRIV POINT */
static enum kat_result verb_ecdh(struct kat_req *r)
{
    const struct nacre_curve *c = ec_curve(r->arg[0].name);
    uint8_t priv[NACRE_EC_LEN_MAX], shared[NACRE_EC_LEN_MAX];

    if (c == NULL)
        return kat_error(r, "unknown name");
    if (!ec_scalar(priv, c, r->arg[1].b) ||
        !nacre_ecdh(shared, c, priv, r->arg[2].b.p, r->arg[2].b.n, ec_work))
        return KAT_REJECT;
    kat_put(r, shared, nacre_ec_len(c));
    return KAT_OK;
}

/* ecdsa-sign CURVE HASH PRIV MSG */
static enum kat_result verb_ecdsa_sign(struct kat_req *r)
{
    const struct nacre_curve *c = ec_curve(r->arg[0].name);
    const struct nacre_hash *hash = ec_hash(r->arg[1].name);
    uint8_t priv[NACRE_EC_LEN_MAX], a[NACRE_EC_LEN_MAX], b[NACRE_EC_LEN_MAX];

    if (c == NULL || hash == NULL)
        return kat_error(r, "unknown name");
    if (!ec_scalar(priv, c, r->arg[2].b) ||
        !nacre_ecdsa_sign(a, b, c, hash, priv, r->arg[3].b.p, r->arg[3].b.n, ec_work))
        return KAT_REJECT;
    kat_put(r, a, nacre_ec_len(c));
    kat_put(r, b, nacre_ec_len(c));
    return KAT_OK;
}

/* ecdsa-verify CURVE HASH POINT MSG R S */
static enum kat_result verb_ecdsa_verify(struct kat_req *r)
{
    const struct nacre_curve *c = ec_curve(r->arg[0].name);
    const struct nacre_hash *hash = ec_hash(r->arg[1].name);
    const struct nacre_num a = {r->arg[4].b.p, r->arg[4].b.n}, b = {r->arg[5].b.p, r->arg[5].b.n};

    if (c == NULL || hash == NULL)
        return kat_error(r, "unknown name");
    return nacre_ecdsa_verify_vartime(c, hash, r->arg[2].b.p, r->arg[2].b.n, r->arg[3].b.p,
                                      r->arg[3].b.n, a, b, ec_work)
               ? KAT_OK
               : KAT_REJECT;
}

const struct kat_verb kat_ec_verbs[] = {
    {"ec-pub", "name bytes", verb_ec_pub},
    {"ec-check", "name bytes", verb_ec_check},
    {"ecdh", "name bytes bytes", verb_ecdh},
    {"ecdsa-sign", "name name bytes bytes", verb_ecdsa_sign},
    {"ecdsa-verify", "name name bytes bytes bytes bytes", verb_ecdsa_verify},
    {NULL, NULL, NULL},
};
