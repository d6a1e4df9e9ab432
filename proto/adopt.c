/* SPDX-License-Identifier: ISC
 *
 * Taking over a connection from a process that is trusted less: the daemon's network process runs
 * the engine in a mapping that it shares with the process of the logged-in user, and could have
 * written anything there before it was hijacked out of its job (S64: CVE-2006-5794, 2016-10012).
 *
 * Numbers are compared with their ranges. Pointers are not trusted at all: the configuration and
 * the random source come from the caller, rows must be members of the caller's tables, hash
 * functions must be the ones that the rows use, texts are taken from the rows again. Keys and
 * sequence numbers are the peer's business: wrong ones only break the connection.
 */
#include <string.h>

#include "proto/chan.h"
#include "proto/conn.h"
#include "proto/kex.h"

/* A bool that is neither 0 nor 1 is undefined behaviour where it is read. */
#define ADOPT_BOOL(field) offsetof(struct nacre_conn, field)
static const size_t adopt_bool_at[] = {
    ADOPT_BOOL(chans_owe),         ADOPT_BOOL(kex.sent_init),    ADOPT_BOOL(kex.got_init),
    ADOPT_BOOL(kex.drop_guess),    ADOPT_BOOL(kex.gex),          ADOPT_BOOL(kex.rekey_wanted),
    ADOPT_BOOL(kex.peer_ext_info), ADOPT_BOOL(auth.banner_sent), ADOPT_BOOL(auth.service),
    ADOPT_BOOL(auth.done),         ADOPT_BOOL(auth.waiting),     ADOPT_BOOL(auth.none_seen),
    ADOPT_BOOL(neg.strict),        ADOPT_BOOL(neg.peer_ping),    ADOPT_BOOL(first_kex_done),
    ADOPT_BOOL(peer_closed),       ADOPT_BOOL(disconnected),     ADOPT_BOOL(no_more_sessions),
    ADOPT_BOOL(ext_info_last),     ADOPT_BOOL(comp_early),       ADOPT_BOOL(success),
    ADOPT_BOOL(rx.comp_on),        ADOPT_BOOL(tx.comp_on),       ADOPT_BOOL(ticked),
    ADOPT_BOOL(wipe_packet),       ADOPT_BOOL(stalled),          ADOPT_BOOL(neg.peer_hostbound),
};

static bool adopt_is_bool(const void *p)
{
    uint8_t v;

    memcpy(&v, p, 1);
    return v <= 1;
}

static bool adopt_owed(const struct ncr_owed *q, uint8_t n, uint8_t cap)
{
    uint8_t i;

    for (i = 0; i < n && n <= cap; i++)
        if (!adopt_is_bool(&q[i].give_port))
            return false;
    return n <= cap;
}

static bool adopt_bools(const struct nacre_conn *c)
{
    size_t i;

    for (i = 0; i < sizeof adopt_bool_at / sizeof adopt_bool_at[0]; i++)
        if (!adopt_is_bool((const uint8_t *)c + adopt_bool_at[i]))
            return false;
    return adopt_owed(c->owed, c->n_owed, NCR_OWED_GLOBAL);
}

/* Authenticated, and neither a question nor a key exchange is under way. */
static bool adopt_at_rest(const struct nacre_conn *c)
{
    return c->err == NACRE_OK && c->broken == NACRE_OK && c->auth.done && c->success &&
           c->first_kex_done && c->question == NACRE_EV_NONE &&
           (c->pending & ~NCR_PENDING_SUCCESS) == 0 && c->rx.phase == NCR_PH_CONN &&
           c->tx.phase == NCR_PH_CONN && c->kex.row == NULL && !c->kex.sent_init && !c->kex.gex &&
           !c->kex.drop_guess && c->in_next <= c->in_start && !c->wipe_packet;
}

static bool adopt_chan(const struct nacre_conn *c, const struct ncr_chan *ch)
{
    return adopt_owed(ch->owed, ch->n_owed, NCR_OWED_CHAN) && ch->state <= NCR_CHAN_CLOSING &&
           ch->n_sent <= NCR_OWED_CHAN && ch->rx_window <= ch->rx_initial &&
           ch->rx_credit <= ch->rx_initial - ch->rx_window && ch->rx_max <= c->in_cap;
}

static bool adopt_layout(const struct nacre_conn *c, const struct nacre_conn_cfg *cfg,
                         const void *mem, size_t len)
{
    size_t fixed = nacre_conn_comp_mem(cfg) + NCR_SCRATCH_LEN + NCR_HELD_LEN;

    if (c->comp_len != nacre_conn_comp_mem(cfg))
        return false;
    if (c->n_chans > NCR_CHANNELS_MAX || c->mem_off != (intptr_t)((uintptr_t)mem - (uintptr_t)c) ||
        c->mem_len != len)
        return false;
    fixed += c->n_chans * sizeof(struct ncr_chan);
    return fixed <= len && c->in_cap <= len - fixed && c->out_cap <= len - fixed - c->in_cap &&
           c->in_cap >= NACRE_BUF_SMALL && c->out_cap >= NACRE_BUF_SMALL;
}

static bool adopt_buffers(const struct nacre_conn *c)
{
    return c->in_start <= c->in_end && c->in_end <= c->in_cap && c->in_next <= c->in_end &&
           c->out_start <= c->out_end && c->out_end <= c->out_cap && c->held_len == 0 &&
           c->auth.late == 0 && c->kex.ours_len <= NCR_KEXINIT_OURS_MAX &&
           c->kex.theirs_len <= NCR_KEXINIT_MAX && c->auth.data_len <= NCR_SCRATCH_AUTH_LEN &&
           c->auth.alg_len <= NCR_ALG_NAME_MAX && c->auth.blob_len <= c->auth.data_len &&
           c->auth.host_len <= c->auth.data_len && c->peer_text_len <= NCR_SCRATCH_AUTH_LEN &&
           c->ident_len <= NCR_IDENT_LEN && c->session_id_len <= NACRE_HASH_MAX_LEN &&
           c->kex.h_len <= NACRE_HASH_MAX_LEN && c->pad_left <= sizeof c->pad &&
           c->rx.len <= c->in_cap;
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
    const struct ncr_cipher *c;
    const struct ncr_mac *m;
    const struct ncr_comp *z;
    bool cipher = false;
    bool mac = false;
    bool comp = false;
    size_t i;

    for (i = 0; (c = ncr_alg_cipher_at(a, i)) != NULL; i++)
        cipher |= c == d->cipher;
    for (i = 0; (m = ncr_alg_mac_at(a, i)) != NULL; i++)
        mac |= m == d->macrow;
    for (i = 0; (z = ncr_alg_comp_at(a, i)) != NULL; i++)
        comp |= z == d->comp;
    if (!cipher || !comp)
        return false;
    if (d->cipher->aead != NULL)
        return d->macrow == NULL;
    return mac && d->macrow->sound(d);
}

static bool adopt_dir(const struct nacre_conn *c, struct ncr_dir *d, const struct nacre_algs *a)
{
    return adopt_rows(d, a) && ncr_pkt_sound(d, c->in_cap - NCR_IN_SPARE) &&
           ncr_comp_sound(d, ncr_comp(c), c->success);
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

/* What has no range to be checked: the clock starts anew, nothing waits to be told (the caller
 * knows who has logged in), no key exchange has left anything. */
static void adopt_reset(struct nacre_conn *c)
{
    c->pending = 0;
    c->question_id = 0;
    c->stalled = true; /* look at what is there */
    c->comp_at = 0;
    c->ticked = false;
    c->now = 0;
    c->last_alive = 0;
    c->ext_info_last = false;
    c->reserve_room = 0;
    c->kex.host_sig = NULL;
    c->kex.host_key = 0;
    c->kex.rekey_wanted = false;
    memset(c->kex.next, 0, sizeof c->kex.next);
}

nacre_err nacre_conn_adopt(struct nacre_conn *c, enum nacre_role role,
                           const struct nacre_conn_cfg *cfg, const struct nacre_rng *rng, void *mem,
                           size_t len)
{
    const struct nacre_algs *algs = cfg->algs != NULL ? cfg->algs : &nacre_algs_default;
    nacre_err err;

    if (c->role != role || !adopt_bools(c) || !adopt_at_rest(c))
        return NACRE_ERR_USAGE;
    if (!adopt_layout(c, cfg, mem, len) || !adopt_buffers(c) || !adopt_queues(c) ||
        !adopt_dir(c, &c->rx, algs) || !adopt_dir(c, &c->tx, algs))
        return NACRE_ERR_USAGE;
    c->cfg = *cfg;
    c->rng = *rng;
    err = ncr_conn_settle(c);
    if (err != NACRE_OK)
        return err;
    adopt_reset(c);
    adopt_names(c);
    return NACRE_OK;
}
