/* SPDX-License-Identifier: ISC
 *
 * Taking over a connection from a process that is trusted less: the daemon's network process runs
 * the engine in a mapping that it shares with the process of the logged-in user, and could have
 * written anything there before it was hijacked out of its job (S64: CVE-2006-5794, 2016-10012).
 *
 * Numbers are compared with their ranges. Pointers are not trusted at all: the configuration and the
 * random source come from the caller, rows must be members of the caller's tables, hash functions
 * must be the ones that the rows use, texts are taken from the rows again. Keys and sequence numbers
 * are the peer's business: wrong ones only break the connection.
 */
#include <string.h>

#include "proto/chan.h"
#include "proto/kex.h"

static bool adopt_chan(const struct nacre_conn *c, const struct ncr_chan *ch)
{
    return ch->state <= NCR_CHAN_CLOSING && ch->n_owed <= NCR_OWED_CHAN &&
           ch->n_sent <= NCR_OWED_CHAN && ch->rx_window <= ch->rx_initial &&
           ch->rx_credit <= ch->rx_initial - ch->rx_window && ch->rx_max <= c->in_cap;
}

static bool adopt_layout(const struct nacre_conn *c, const void *mem, size_t len)
{
    size_t fixed = (size_t)NCR_SCRATCH_LEN + NCR_HELD_LEN;

    if (c->n_chans > NCR_CHANNELS_MAX ||
        c->mem_off != (intptr_t)((uintptr_t)mem - (uintptr_t)c) || c->mem_len != len)
        return false;
    fixed += c->n_chans * sizeof(struct ncr_chan);
    return fixed <= len && c->in_cap <= len - fixed && c->out_cap <= len - fixed - c->in_cap &&
           c->in_cap >= NACRE_BUF_SMALL && c->out_cap >= NACRE_BUF_SMALL;
}

static bool adopt_buffers(const struct nacre_conn *c)
{
    return c->in_start <= c->in_end && c->in_end <= c->in_cap && c->in_next <= c->in_end &&
           c->out_start <= c->out_end && c->out_end <= c->out_cap && c->held_len == 0 &&
           c->kex.ours_len <= NCR_KEXINIT_OURS_MAX && c->kex.theirs_len <= NCR_KEXINIT_MAX &&
           c->auth.alg_len + (size_t)c->auth.blob_len <= NCR_SCRATCH_AUTH_LEN / 2 &&
           c->auth.data_len <= NCR_SCRATCH_AUTH_LEN / 2 &&
           c->peer_text_len <= NCR_SCRATCH_AUTH_LEN && c->ident_len <= NCR_IDENT_LEN &&
           c->session_id_len <= NACRE_HASH_MAX_LEN && c->kex.h_len <= NACRE_HASH_MAX_LEN &&
           c->pad_left <= sizeof c->pad && c->rx.len <= c->in_cap;
}

static bool adopt_queues(const struct nacre_conn *c)
{
    uint32_t i;
    uint32_t full = c->n_owed == NCR_OWED_GLOBAL ? 1 : 0;

    if (c->n_owed > NCR_OWED_GLOBAL || c->n_sent > NCR_SENT_GLOBAL)
        return false;
    for (i = 0; i < c->n_chans; i++) {
        if (!adopt_chan(c, &ncr_chans(c)[i]))
            return false;
        full += ncr_chans(c)[i].n_owed == NCR_OWED_CHAN ? 1 : 0;
    }
    return full == c->full_queues;
}

/* The row that a pointer claims to be, out of the caller's table. */
static bool adopt_rows(struct ncr_dir *d, const struct nacre_algs *a)
{
    size_t i;
    bool cipher = false;
    bool mac = false;
    bool comp = false;

    for (i = 0; a->ciphers[i] != NULL; i++)
        cipher |= a->ciphers[i] == d->cipher;
    for (i = 0; a->macs[i] != NULL; i++)
        mac |= a->macs[i] == d->macrow;
    for (i = 0; a->comps[i] != NULL; i++)
        comp |= a->comps[i] == d->comp;
    if (!cipher || !comp)
        return false;
    if (d->cipher->aead != NULL)
        return d->macrow == NULL;
    return mac && (d->mac.hash == &nacre_hash_sha256 || d->mac.hash == &nacre_hash_sha512) &&
           d->mac.hash->len == d->macrow->tag_len;
}

static bool adopt_dir(const struct nacre_conn *c, struct ncr_dir *d, const struct nacre_algs *a)
{
    return adopt_rows(d, a) && ncr_pkt_sound(d, c->in_cap - NCR_IN_SPARE);
}

/* Texts that a getter would hand out: from the rows, never from the struct. */
static void adopt_names(struct nacre_conn *c)
{
    const struct ncr_dir *dir[2];
    int i;

    dir[c->role == NACRE_CLIENT ? 0 : 1] = &c->tx;
    dir[c->role == NACRE_CLIENT ? 1 : 0] = &c->rx;
    c->neg.kex = "";
    c->neg.host_key = "";
    for (i = 0; i < 2; i++) {
        c->neg.cipher[i] = dir[i]->cipher->name;
        c->neg.mac[i] = dir[i]->macrow != NULL ? dir[i]->macrow->name : "";
        c->neg.comp[i] = dir[i]->comp->name;
    }
    c->fail_what = NULL;
}

nacre_err nacre_conn_adopt(struct nacre_conn *c, enum nacre_role role,
                           const struct nacre_conn_cfg *cfg, const struct nacre_rng *rng, void *mem,
                           size_t len)
{
    const struct nacre_algs *algs = cfg->algs != NULL ? cfg->algs : &nacre_algs_default;
    const uint32_t window = c->cfg.window;
    const uint32_t max_packet = c->cfg.max_packet;

    if (c->role != role || c->err != NACRE_OK || !c->auth.done || c->question != NACRE_EV_NONE ||
        c->rx.phase != NCR_PH_CONN || c->tx.phase != NCR_PH_CONN || c->kex.row != NULL)
        return NACRE_ERR_USAGE;
    if (!adopt_layout(c, mem, len) || !adopt_buffers(c) || !adopt_queues(c) ||
        !adopt_dir(c, &c->rx, algs) || !adopt_dir(c, &c->tx, algs) || max_packet > c->in_cap)
        return NACRE_ERR_USAGE;
    c->cfg = *cfg;
    c->cfg.window = window;
    c->cfg.max_packet = max_packet;
    c->rng = *rng;
    c->kex.host_sig = NULL;
    memset(c->kex.next, 0, sizeof c->kex.next);
    c->reserve_room = 0;
    adopt_names(c);
    return NACRE_OK;
}
