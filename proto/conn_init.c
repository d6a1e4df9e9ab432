/* SPDX-License-Identifier: ISC
 *
 * A connection's beginning and its last wipe: how the region is cut up, what a configuration leaves
 * out, and whether it can work at all. Everything that init() writes to the peer is VERSION and
 * KEXINIT; they wait in the out-buffer.
 */
#include <string.h>

#include "proto/auth.h"
#include "proto/chan.h"
#include "proto/conn.h"
#include "proto/err.h"
#include "proto/kex.h"
#include "proto/version.h"

uint32_t ncr_conn_packet_max(const struct nacre_conn *c)
{
    uint32_t max = c->in_cap > NACRE_BUF_STANDARD ? NCR_PACKET_MAX_BULK : NCR_PACKET_MAX;
    const uint32_t fits = c->in_cap - NCR_IN_SPARE;

    return max < fits ? max : fits;
}

static void conn_defaults(struct nacre_conn *c)
{
    const uint32_t fits = ncr_conn_packet_max(c) - NCR_CHAN_PACKET_SPARE;

    if (c->cfg.window == 0)
        c->cfg.window = NCR_WINDOW;
    if (c->cfg.max_packet == 0)
        c->cfg.max_packet = NCR_CHAN_PACKET;
    if (c->cfg.max_packet > fits)
        c->cfg.max_packet = fits;
    if (c->comp_len > 0 && c->cfg.max_packet > NCR_COMP_PAYLOAD_MAX - NCR_CHAN_PACKET_SPARE)
        c->cfg.max_packet = NCR_COMP_PAYLOAD_MAX - NCR_CHAN_PACKET_SPARE;
}

/* One of the list's rows compresses. */
static bool conn_list_compresses(const struct ncr_alg_list *l)
{
    const struct ncr_comp *row;
    size_t i;

    for (i = 0; (row = ncr_alg_comp_at(l->algs, i)) != NULL; i++)
        if (row->start != NULL && ncr_alg_list_has(l, nacre_bytes_str(row->name)))
            return true;
    return false;
}

size_t nacre_conn_comp_mem(const struct nacre_conn_cfg *cfg)
{
    struct ncr_alg_list l = {cfg->algs != NULL ? cfg->algs : &nacre_algs_default, NACRE_ALG_COMP,
                             cfg->profile, NULL};
    int dir;

    for (dir = 0; dir < 2; dir++) {
        l.spec = cfg->comps_dir[dir] != NULL ? cfg->comps_dir[dir] : cfg->comps;
        if (conn_list_compresses(&l))
            return NACRE_COMP_MEM;
    }
    return 0;
}

static nacre_err conn_layout(struct nacre_conn *c, void *mem, size_t len, uint32_t channels)
{
    const size_t comp = nacre_conn_comp_mem(&c->cfg);
    const size_t fixed =
        comp + NCR_SCRATCH_LEN + NCR_HELD_LEN + (size_t)channels * sizeof(struct ncr_chan);
    size_t half;

    if (channels > NCR_CHANNELS_MAX || (uintptr_t)mem % sizeof(uint64_t) != 0)
        return NACRE_ERR_REGION;
    if (len < fixed || len - fixed < 2 * (size_t)NACRE_BUF_SMALL)
        return NACRE_ERR_REGION;
    half = (len - fixed) / 2;
    if (half > (size_t)1 << 28)
        half = (size_t)1 << 28;
    c->mem_off = (intptr_t)((uintptr_t)mem - (uintptr_t)c);
    c->mem_len = len;
    c->comp_len = (uint32_t)comp;
    c->n_chans = channels;
    c->in_cap = (uint32_t)half;
    c->out_cap = (uint32_t)half;
    memset(ncr_chans(c), 0, channels * sizeof(struct ncr_chan));
    return NACRE_OK;
}

_Static_assert(NCR_HOST_KEY_MAX == NACRE_HOST_KEY_MAX, "one limit, two names");

static nacre_err conn_check_cfg(const struct nacre_conn *c)
{
    size_t i;

    if (c->cfg.work == NULL)
        return NACRE_ERR_USAGE;
    if (c->cfg.banner != NULL && strlen(c->cfg.banner) > NCR_BANNER_MAX)
        return NACRE_ERR_USAGE;
    if (c->cfg.banner != NULL && strlen(c->cfg.banner) > c->out_cap - ncr_out_reserve(c) - 256)
        return NACRE_ERR_USAGE;
    for (i = 0; i < c->cfg.n_host_keys; i++)
        if (c->cfg.host_keys[i].n >
            (ncr_out_reserve(c) < NCR_OUT_RESERVE ? NCR_HOST_KEY_MAX_SMALL : NCR_HOST_KEY_MAX))
            return NACRE_ERR_USAGE;
    return ncr_kexinit_check_cfg(c);
}

nacre_err ncr_conn_settle(struct nacre_conn *c)
{
    conn_defaults(c);
    return conn_check_cfg(c);
}

nacre_err nacre_conn_init(struct nacre_conn *c, enum nacre_role role,
                          const struct nacre_conn_cfg *cfg, const struct nacre_rng *rng, void *mem,
                          size_t len, uint32_t channels)
{
    nacre_err err;

    memset(c, 0, sizeof *c);
    c->role = role;
    c->cfg = *cfg;
    c->rng = *rng;
    err = conn_layout(c, mem, len, channels);
    if (err != NACRE_OK)
        return err;
    err = ncr_conn_settle(c);
    if (err != NACRE_OK)
        return err;
    if (!nacre_rng_fill(&c->rng, c->pad_key, sizeof c->pad_key))
        return NACRE_ERR_RNG;
    err = ncr_version_send(c);
    if (err == NACRE_OK)
        err = ncr_kexinit_send(c);
    return err;
}

void nacre_conn_wipe(struct nacre_conn *c)
{
    if (c->mem_len > 0)
        nacre_wipe(ncr_region(c), c->mem_len);
    nacre_wipe(c, sizeof *c);
}
