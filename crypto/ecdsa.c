/* SPDX-License-Identifier: ISC
 *
 * Keys, Diffie-Hellman (SP 800-56A section 5.7.1.2) and signatures (FIPS 186-5 section 6) on the
 * NIST curves, with the nonces of RFC 6979: the same key and message always give the same
 * signature.
 *
 * Points are uncompressed, and a peer's point is checked before it is used; the curves have
 * cofactor 1, so that a point on the curve is one of the group. Signatures are taken as they come,
 * without a rule about high s.
 */
#include "crypto/ecp.h"

#include <string.h>

/* What follows the part of work that ecp.c uses. */
#define ECDSA_WORDS NCR_ECP_WORDS_MAX
struct ecdsa_places {
    uint64_t *k, *d, *e, *r, *s; /* scalars */
    uint64_t *point;             /* affine or Jacobian */
};
#define ECDSA_WORK (NCR_ECP_WORK + 5 * ECDSA_WORDS + NCR_ECP_POINT_MAX)
_Static_assert(ECDSA_WORK <= NACRE_EC_WORK, "work suffices");

static struct ecdsa_places ecdsa_places(uint64_t *work)
{
    uint64_t *p = work + NCR_ECP_WORK;
    struct ecdsa_places at = {
        .k = p,
        .d = p + ECDSA_WORDS,
        .e = p + 2 * ECDSA_WORDS,
        .r = p + 3 * ECDSA_WORDS,
        .s = p + 4 * ECDSA_WORDS,
        .point = p + 5 * ECDSA_WORDS,
    };
    return at;
}

static void ecdsa_wipe(uint64_t *work)
{
    nacre_wipe(work, ECDSA_WORK * sizeof *work);
}

static size_t ecdsa_point_len(const struct nacre_curve *c)
{
    return 1 + 2 * (size_t)c->len;
}

/* True if 0 < k < n; CT in k. */
static bool ecdsa_in_range(const uint64_t *k, const struct nacre_curve *c)
{
    const unsigned n = c->order->words;
    uint64_t in = ncr_words_lt(k, c->order->m, n) & ~ncr_words_eq_word(k, 0, n);
    /* Whether a scalar is of use: all but one in 2^32 are, and those that are not are not used. */
    NCR_CT_PUBLIC(&in, sizeof in);
    return in != 0;
}

static void ecdsa_load(uint64_t *r, const struct nacre_curve *c, const uint8_t *s)
{
    const struct nacre_num x = {s, c->len};
    ncr_words_load(r, c->order->words, x);
}

static void ecdsa_store_point(uint8_t *out, const struct nacre_curve *c, const uint64_t *p)
{
    out[0] = 4;
    ncr_words_store(out + 1, c->len, p, c->order->words);
    ncr_words_store(out + 1 + c->len, c->len, p + c->order->words, c->order->words);
}

/* ---- Keys -------------------------------------------------------------------------------- */

size_t nacre_ec_len(const struct nacre_curve *c)
{
    return c->len;
}

bool nacre_ec_public(uint8_t *point, const struct nacre_curve *c, const uint8_t *priv,
                     uint64_t *work)
{
    const struct ecdsa_places at = ecdsa_places(work);
    ecdsa_load(at.k, c, priv);
    const bool ok = ecdsa_in_range(at.k, c);
    if (ok) {
        ncr_ecp_mul_base(at.point, c, at.k, work);
        ecdsa_store_point(point, c, at.point);
        /* The public key: released here. */
        NCR_CT_PUBLIC(point, ecdsa_point_len(c));
    } else {
        nacre_wipe(point, ecdsa_point_len(c));
    }
    ecdsa_wipe(work);
    return ok;
}

/* By rejection: a candidate has as many bits as the order, so that at least half of them do. A
 * source that gives none in 128 tries is broken. */
bool nacre_ec_keygen(uint8_t *priv, uint8_t *point, const struct nacre_curve *c,
                     const struct nacre_rng *rng, uint64_t *work)
{
    const uint8_t top = (uint8_t)(0xff >> (8 * c->len - c->bits));
    for (int tries = 0; tries < 128 && nacre_rng_fill(rng, priv, c->len); tries++) {
        priv[0] &= top;
        NCR_CT_SECRET(priv, c->len);
        if (nacre_ec_public(point, c, priv, work)) {
            return true;
        }
    }
    nacre_wipe(priv, c->len);
    nacre_wipe(point, ecdsa_point_len(c));
    return false;
}

bool nacre_ec_check_vartime(const struct nacre_curve *c, const uint8_t *point, size_t n)
{
    uint64_t p[2 * NCR_ECP_WORDS_MAX];
    return ncr_ecp_decode_vartime(p, c, point, n);
}

bool nacre_ecdh(uint8_t *shared, const struct nacre_curve *c, const uint8_t *priv,
                const uint8_t *point, size_t n, uint64_t *work)
{
    const struct ecdsa_places at = ecdsa_places(work);
    bool ok = ncr_ecp_decode_vartime(at.point, c, point, n);
    ecdsa_load(at.k, c, priv);
    ok = ecdsa_in_range(at.k, c) && ok;
    if (ok) {
        ncr_ecp_mul(at.e, c, at.k, at.point, work); /* x and y fill e and r */
        ncr_words_store(shared, c->len, at.e, c->order->words);
    } else {
        nacre_wipe(shared, c->len);
    }
    ecdsa_wipe(work);
    return ok;
}

/* ---- Numbers of hashes: RFC 6979 section 2.3 --------------------------------------------- */

/* The leftmost bits of n bytes, as many as the order has (2.3.2), minus the order if that many are
 * not below it. */
static void ecdsa_bits2int(uint64_t *r, const struct nacre_curve *c, const uint8_t *s, size_t n)
{
    const struct nacre_num x = {s, n < c->len ? n : c->len};
    ncr_words_load(r, c->order->words, x);
    if (n >= c->len) {
        ncr_words_shift_right(r, r, c->order->words, 8 * c->len - c->bits);
    }
}

/* r mod n, for r < 2n. */
static void ecdsa_reduce_once(uint64_t *r, const struct nacre_curve *c)
{
    const unsigned n = c->order->words;
    uint64_t d[ECDSA_WORDS];
    const uint64_t below = ncr_words_lt(r, c->order->m, n);
    (void)ncr_words_sub(d, r, c->order->m, n); /* below says whether there is a borrow */
    ncr_words_select(r, below, r, d, n);
}

/* HMAC_DRBG as RFC 6979 section 3.2 sets it up. */
struct ecdsa_drbg {
    struct nacre_hmac mac; /* under K */
    const struct nacre_hash *hash;
    uint8_t v[NACRE_HASH_MAX_LEN];
};

/* K = HMAC_K(V || tag || the two strings), V = HMAC_K(V). */
static void ecdsa_drbg_update(struct ecdsa_drbg *g, uint8_t tag, const uint8_t *x, const uint8_t *h,
                              size_t n)
{
    uint8_t k[NACRE_HASH_MAX_LEN];
    nacre_hmac_update(&g->mac, g->v, g->hash->len);
    nacre_hmac_update(&g->mac, &tag, 1);
    nacre_hmac_update(&g->mac, x, n);
    nacre_hmac_update(&g->mac, h, n);
    nacre_hmac_final(k, &g->mac);
    nacre_hmac_init(&g->mac, g->hash, k, g->hash->len);
    nacre_hmac_update(&g->mac, g->v, g->hash->len);
    nacre_hmac_final(g->v, &g->mac);
    nacre_wipe(k, sizeof k);
}

/* Steps b to g: x is the private key, h the reduced hash, both of c->len bytes. */
static void ecdsa_drbg_init(struct ecdsa_drbg *g, const struct nacre_hash *hash, const uint8_t *x,
                            const uint8_t *h, size_t n)
{
    uint8_t k[NACRE_HASH_MAX_LEN] = {0};
    g->hash = hash;
    memset(g->v, 1, sizeof g->v);
    nacre_hmac_init(&g->mac, hash, k, hash->len);
    ecdsa_drbg_update(g, 0, x, h, n);
    ecdsa_drbg_update(g, 1, x, h, n);
}

/* Step h, once: the next candidate. */
static void ecdsa_drbg_next(uint64_t *k, struct ecdsa_drbg *g, const struct nacre_curve *c)
{
    uint8_t t[NACRE_EC_LEN_MAX];
    for (size_t at = 0; at < c->len; at += g->hash->len) {
        const size_t left = c->len - at;
        nacre_hmac_update(&g->mac, g->v, g->hash->len);
        nacre_hmac_final(g->v, &g->mac);
        memcpy(t + at, g->v, left < g->hash->len ? left : g->hash->len);
    }
    ecdsa_bits2int(k, c, t, c->len);
    nacre_wipe(t, sizeof t);
}

/* k = the nonce for private key x and reduced hash e, or the one after `skip` others. */
static void ecdsa_nonce(uint64_t *k, const struct nacre_curve *c, const struct nacre_hash *hash,
                        const uint8_t *x, const uint64_t *e, unsigned skip)
{
    struct ecdsa_drbg g;
    uint8_t h[NACRE_EC_LEN_MAX];
    ncr_words_store(h, c->len, e, c->order->words);
    ecdsa_drbg_init(&g, hash, x, h, c->len);
    ecdsa_drbg_next(k, &g, c);
    while (!ecdsa_in_range(k, c) || skip-- > 0) {
        ecdsa_drbg_update(&g, 0, h, h, 0);
        ecdsa_drbg_next(k, &g, c);
    }
    nacre_wipe(&g, sizeof g);
}

/* ---- Signatures -------------------------------------------------------------------------- */

/* The message's hash as a number below the order. */
static void ecdsa_hash(uint64_t *e, const struct nacre_curve *c, const struct nacre_hash *hash,
                       const uint8_t *m, size_t n)
{
    union nacre_hash_ctx ctx;
    uint8_t digest[NACRE_HASH_MAX_LEN];
    hash->init(&ctx);
    hash->update(&ctx, m, n);
    hash->final(digest, &ctx);
    ecdsa_bits2int(e, c, digest, hash->len);
    ecdsa_reduce_once(e, c);
}

/* r = (k G).x mod n, s = (e + r d) / k mod n; false if either is 0. k and d as they are. */
static bool ecdsa_sign_with(const struct ecdsa_places *at, const struct nacre_curve *c,
                            uint64_t *work)
{
    const struct ncr_ecp_mod *mod = c->order;
    ncr_ecp_mul_base(at->point, c, at->k, work);
    memcpy(at->r, at->point, mod->words * sizeof *at->r);
    ecdsa_reduce_once(at->r, c);
    ncr_ecp_to_form(at->s, at->r, mod);
    mod->mul(at->s, at->s, at->d); /* one factor in form, one not: the product is not */
    mod->add(at->s, at->s, at->e);
    ncr_ecp_to_form(at->k, at->k, mod);
    ncr_ecp_invert(at->k, at->k, mod, work);
    mod->mul(at->s, at->s, at->k);
    /* The signature: released here. */
    NCR_CT_PUBLIC(at->r, mod->words * sizeof *at->r);
    NCR_CT_PUBLIC(at->s, mod->words * sizeof *at->s);
    return (ncr_words_eq_word(at->r, 0, mod->words) | ncr_words_eq_word(at->s, 0, mod->words)) == 0;
}

bool nacre_ecdsa_sign(uint8_t *r, uint8_t *s, const struct nacre_curve *c,
                      const struct nacre_hash *hash, const uint8_t *priv, const uint8_t *m,
                      size_t n, uint64_t *work)
{
    const struct ecdsa_places at = ecdsa_places(work);
    ecdsa_load(at.d, c, priv);
    const bool ok = ecdsa_in_range(at.d, c);
    if (ok) {
        unsigned tries = 0;
        ecdsa_hash(at.e, c, hash, m, n);
        do {
            ecdsa_nonce(at.k, c, hash, priv, at.e, tries++);
        } while (!ecdsa_sign_with(&at, c, work));
        ncr_words_store(r, c->len, at.r, c->order->words);
        ncr_words_store(s, c->len, at.s, c->order->words);
    } else {
        nacre_wipe(r, c->len);
        nacre_wipe(s, c->len);
    }
    ecdsa_wipe(work);
    return ok;
}

/* True if the number is a scalar in range, which is then in r. */
static bool ecdsa_load_num_vartime(uint64_t *r, const struct nacre_curve *c, struct nacre_num x)
{
    x = ncr_num_trim_vartime(x);
    if (x.n > c->len) {
        return false;
    }
    ncr_words_load(r, c->order->words, x);
    return ecdsa_in_range(r, c);
}

/* True if x / z^2 of the Jacobian point is r modulo n, that is, r or r + n, which may be below p
 * too. Infinity has no x. t holds two numbers. */
static bool ecdsa_x_is_vartime(const uint64_t *p, const struct nacre_curve *c, const uint64_t *r,
                               uint64_t *t)
{
    const struct ncr_ecp_mod *f = c->field()->mod;
    const unsigned n = f->words;
    uint64_t *zz = t + ECDSA_WORDS;
    if (ncr_words_eq_word(p + 2 * n, 0, n) != 0) {
        return false;
    }
    f->sqr(zz, p + 2 * n);
    ncr_ecp_to_form(t, r, f);
    f->mul(t, t, zz);
    if (ncr_words_eq(t, p, n) != 0) {
        return true;
    }
    if (ncr_words_add(t, r, c->order->m, n) != 0 || ncr_words_lt(t, f->m, n) == 0) {
        return false;
    }
    ncr_ecp_to_form(t, t, f);
    f->mul(t, t, zz);
    return ncr_words_eq(t, p, n) != 0;
}

/* u1 = e / s into e, u2 = r / s into s. */
static void ecdsa_factors(const struct ecdsa_places *at, const struct nacre_curve *c,
                          uint64_t *work)
{
    const struct ncr_ecp_mod *mod = c->order;
    ncr_ecp_to_form(at->s, at->s, mod);
    ncr_ecp_invert(at->s, at->s, mod, work);
    mod->mul(at->e, at->e, at->s);
    mod->mul(at->s, at->r, at->s);
}

bool nacre_ecdsa_verify_vartime(const struct nacre_curve *c, const struct nacre_hash *hash,
                                const uint8_t *point, size_t point_len, const uint8_t *m, size_t n,
                                struct nacre_num r, struct nacre_num s, uint64_t *work)
{
    const struct ecdsa_places at = ecdsa_places(work);
    bool ok = ncr_ecp_decode_vartime(at.point, c, point, point_len) &&
              ecdsa_load_num_vartime(at.r, c, r) && ecdsa_load_num_vartime(at.s, c, s);
    if (ok) {
        ecdsa_hash(at.e, c, hash, m, n);
        ecdsa_factors(&at, c, work);
        ncr_ecp_mul2_vartime(at.point, c, at.e, at.s, at.point, work);
        ok = ecdsa_x_is_vartime(at.point, c, at.r, work);
    }
    ecdsa_wipe(work);
    return ok;
}
