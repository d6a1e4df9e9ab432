/* SPDX-License-Identifier: ISC
 *
 * Diffie-Hellman group exchange, RFC 4419 and 8270: the client says which sizes it wants, the
 * server chooses the group, then the exchange goes on as any other:
 *
 *     client                                server
 *       GEX_REQUEST min, n, max  ---------->  chooses p, g
 *                                <----------  GEX_GROUP p, g
 *       GEX_INIT e               ---------->
 *                                <----------  GEX_REPLY host key, f, signature of H
 *
 * All five numbers enter H. What is checked of a group: its size, as asked for and at most 8,192
 * bits (over that an exchange takes seconds), p odd, 1 < g < p - 1, and of public values that they
 * lie in 2..p-2. That p is a safe prime is the server's word, which its signature covers; a client
 * that cannot take it so does not offer the method.
 *
 * The group and x lie in the scratch area of the secret, a fourth of it each.
 */
#include "proto/kex.h"

#include <string.h>

#include "crypto/ct.h"

#define GEX_PART (NCR_KEX_SECRET_MAX / 4)
/* x: twice the strength of the strongest cipher, RFC 4419 6.2; for all sizes of p. */
#define GEX_X_LEN 64

_Static_assert(GEX_PART >= NACRE_DH_LEN_MAX, "p, g or x does not fit its part");

static uint8_t *gex_x(const struct nacre_conn *c)
{
    return ncr_scratch(c, NCR_SCRATCH_SECRET);
}

static struct nacre_dh_group gex_group(const struct nacre_conn *c)
{
    struct nacre_dh_group group = {{gex_x(c) + GEX_PART, c->kex.p_len},
                                   {gex_x(c) + 2 * GEX_PART, c->kex.g_len},
                                   8u * c->kex.p_len};

    return group;
}

static void gex_keep(struct nacre_conn *c, struct nacre_num p, struct nacre_num g)
{
    memcpy(gex_x(c) + GEX_PART, p.p, p.n);
    memcpy(gex_x(c) + 2 * GEX_PART, g.p, g.n);
    c->kex.p_len = (uint16_t)p.n;
    c->kex.g_len = (uint16_t)g.n;
}

static void gex_hash(struct ncr_wr *w, const struct nacre_conn *c)
{
    struct nacre_dh_group group = gex_group(c);

    ncr_wr_u32(w, c->kex.gex_min);
    ncr_wr_u32(w, c->kex.gex_n);
    ncr_wr_u32(w, c->kex.gex_max);
    ncr_wr_mpint(w, group.p.p, group.p.n);
    ncr_wr_mpint(w, group.g.p, group.g.n);
}

/* ---- Arithmetic ---- */

static nacre_err gex_start(uint8_t *pub, uint8_t *x, const struct nacre_dh_group *group,
                           const struct nacre_rng *rng, uint64_t *work)
{
    const struct nacre_num num = {x, GEX_X_LEN};

    if (!nacre_rng_fill(rng, x, GEX_X_LEN))
        return NACRE_ERR_RNG;
    NCR_CT_SECRET(x, GEX_X_LEN);
    x[0] |= 0x80; /* full length, so that no exchange is weaker than another */
    if (!nacre_dh_public(pub, group, num, work))
        return NACRE_ERR_KEX;
    NCR_CT_PUBLIC(pub, group->p.n); /* goes out */
    return NACRE_OK;
}

static nacre_err gex_agree(uint8_t *k, const struct nacre_dh_group *group, const uint8_t *x,
                           struct nacre_bytes peer, uint64_t *work)
{
    const struct nacre_num num = {x, GEX_X_LEN};
    const struct nacre_num value = {peer.p, peer.n};

    return nacre_dh_shared(k, group, num, value, work) ? NACRE_OK : NACRE_ERR_KEX;
}

/* ---- Client ---- */

static nacre_err gex_ask(struct nacre_conn *c)
{
    const struct nacre_conn_cfg *f = &c->cfg;
    struct ncr_out o = ncr_out_begin(c, NCR_MSG_GEX_REQUEST, true);

    c->kex.gex_min = f->gex_min != 0 ? f->gex_min : NCR_GEX_MIN;
    c->kex.gex_n = f->gex_n != 0 ? f->gex_n : NCR_GEX_N;
    c->kex.gex_max = f->gex_max != 0 ? f->gex_max : NCR_GEX_MAX;
    if (c->kex.gex_n < c->kex.gex_min)
        c->kex.gex_n = c->kex.gex_min;
    ncr_wr_u32(&o.w, c->kex.gex_min);
    ncr_wr_u32(&o.w, c->kex.gex_n);
    ncr_wr_u32(&o.w, c->kex.gex_max);
    return ncr_out_end(c, &o);
}

static unsigned gex_bits(struct nacre_num p)
{
    unsigned bits = 8 * (unsigned)p.n;
    unsigned mask;

    for (mask = 0x80; p.n > 0 && mask != 0 && (p.p[0] & mask) == 0; mask >>= 1)
        bits--;
    return bits;
}

static nacre_err gex_on_group(struct nacre_conn *c, const union ncr_msg *m)
{
    const struct nacre_num p = {m->gex_group.p.p, m->gex_group.p.n};
    const struct nacre_num g = {m->gex_group.g.p, m->gex_group.g.n};
    struct nacre_dh_group group;
    nacre_err err;

    if (p.n > GEX_PART || g.n > GEX_PART || gex_bits(p) < c->kex.gex_min ||
        gex_bits(p) > c->kex.gex_max)
        return ncr_fail(c, NACRE_ERR_KEX, "server's group has a size that was not asked for");
    if (!nacre_dh_group_ok_vartime(p, g, c->kex.gex_min))
        return ncr_fail(c, NACRE_ERR_KEX, "server's group refused");
    gex_keep(c, p, g);
    group = gex_group(c);
    err = gex_start(ncr_scratch(c, NCR_SCRATCH_PUB), gex_x(c), &group, &c->rng, c->cfg.work);
    return err == NACRE_OK ? ncr_kex_send_init(c, NCR_MSG_GEX_INIT)
                           : ncr_fail(c, err, "no ephemeral key");
}

static nacre_err gex_finish(struct nacre_conn *c, uint8_t *k, struct nacre_bytes reply)
{
    const struct nacre_dh_group group = gex_group(c);

    return gex_agree(k, &group, gex_x(c), reply, c->cfg.work);
}

/* ---- Server ---- */

/* RFC 3526: what a server has without a file of its own. */
static const struct nacre_dh_group *const gex_standard[] = {
    &nacre_dh_group14, &nacre_dh_group15, &nacre_dh_group16, &nacre_dh_group17, &nacre_dh_group18};

static const struct nacre_dh_group *gex_have(const struct nacre_conn *c, size_t i)
{
    if (c->cfg.groups != NULL)
        return i < c->cfg.n_groups ? &c->cfg.groups[i] : NULL;
    return i < sizeof gex_standard / sizeof gex_standard[0] ? gex_standard[i] : NULL;
}

/* True if a is nearer to what the client prefers than b: the smallest that is no smaller than n, or
 * else the largest. */
static bool gex_better(const struct nacre_conn *c, unsigned a, unsigned b)
{
    const unsigned n = c->kex.gex_n;

    if (b == 0 || (a >= n) != (b >= n))
        return b == 0 || a >= n;
    return a >= n ? a < b : a > b;
}

/* The best size that there is; 0 for none. */
static unsigned gex_size(const struct nacre_conn *c)
{
    const struct nacre_dh_group *group;
    unsigned best = 0;
    size_t i;

    for (i = 0; (group = gex_have(c, i)) != NULL; i++)
        if (group->bits >= c->kex.gex_min && group->bits <= c->kex.gex_max &&
            gex_better(c, group->bits, best))
            best = group->bits;
    return best;
}

/* One of the groups of that size, at random (RFC 4419 6.1); NULL if the random source fails. */
static const struct nacre_dh_group *gex_choose(struct nacre_conn *c, unsigned bits)
{
    const struct nacre_dh_group *group;
    const struct nacre_dh_group *chosen = NULL;
    uint32_t seen = 0;
    uint8_t r[4];
    uint32_t draw;
    size_t i;

    if (!nacre_rng_fill(&c->rng, r, sizeof r))
        return NULL;
    draw = (uint32_t)r[0] << 24 | (uint32_t)r[1] << 16 | (uint32_t)r[2] << 8 | r[3];
    for (i = 0; (group = gex_have(c, i)) != NULL; i++)
        seen += group->bits == bits;
    draw %= seen; /* which group it is is no secret, and a bias of 2^-20 no harm */
    for (i = 0; (group = gex_have(c, i)) != NULL && chosen == NULL; i++)
        if (group->bits == bits && draw-- == 0)
            chosen = group;
    return chosen;
}

/* RFC 4419 3: min <= n <= max; sizes that no server may give are not asked about. */
static bool gex_request_fits(const struct ncr_msg_gex_request *q)
{
    return q->min <= q->n && q->n <= q->max && q->max >= NCR_GEX_MIN && q->min <= NCR_GEX_MAX;
}

static nacre_err gex_on_request(struct nacre_conn *c, const union ncr_msg *m)
{
    const struct ncr_msg_gex_request *q = &m->gex_request;
    const struct nacre_dh_group *group;
    struct ncr_out o;
    unsigned bits;

    if (!gex_request_fits(q))
        return ncr_fail(c, NACRE_ERR_KEX, "client asks for a group that no server may give");
    c->kex.gex_min = q->min;
    c->kex.gex_n = q->n;
    c->kex.gex_max = q->max;
    bits = gex_size(c);
    if (bits == 0)
        return ncr_fail(c, NACRE_ERR_KEX, "no group of the size that the client asks for");
    group = gex_choose(c, bits);
    if (group == NULL)
        return ncr_fail(c, NACRE_ERR_RNG, "no randomness to choose a group");
    gex_keep(c, group->p, group->g);
    o = ncr_out_begin(c, NCR_MSG_GEX_GROUP, true);
    ncr_wr_mpint(&o.w, group->p.p, group->p.n);
    ncr_wr_mpint(&o.w, group->g.p, group->g.n);
    return ncr_out_end(c, &o);
}

static nacre_err gex_respond(struct nacre_conn *c, uint8_t *reply, uint8_t *k,
                             struct nacre_bytes init)
{
    const struct nacre_dh_group group = gex_group(c);
    nacre_err err = gex_start(reply, gex_x(c), &group, &c->rng, c->cfg.work);

    if (err == NACRE_OK)
        err = gex_agree(k, &group, gex_x(c), init, c->cfg.work);
    nacre_wipe(gex_x(c), GEX_X_LEN);
    return err;
}

/* ---- Rows ---- */

const struct ncr_gex ncr_gex_dh = {
    .ask = gex_ask,
    .on_group = gex_on_group,
    .on_request = gex_on_request,
    .hash = gex_hash,
    .respond = gex_respond,
    .finish = gex_finish,
};

const struct ncr_kex ncr_kex_gex_sha256 = {
    .name = "diffie-hellman-group-exchange-sha256",
    .hash = &nacre_hash_sha256,
    .gex = &ncr_gex_dh,
};
