/* SPDX-License-Identifier: ISC
 *
 * Key exchange, RFC 4253 sections 7 to 9, RFC 5656 section 4, RFC 8268, 8731; strict key exchange
 * as OpenSSH's PROTOCOL 1.10; EXT_INFO, RFC 8308. One flow for all methods, which are rows in the
 * shape of a KEM (alg.h):
 *
 *   client                                     server
 *     KEXINIT  ------------------------------->  (both are sent at once)
 *              <-------------------------------  KEXINIT
 *     start: pub, secret
 *     KEX_INIT pub  -------------------------->  respond: reply, K;  H;  SIGN question
 *     finish: K;  H;  verify; HOST_KEY question  <--  KEX_REPLY host key, reply, signature of H
 *     NEWKEYS  ------------------------------->  <--  NEWKEYS
 *
 * Group exchange has two more messages first: kex_gex.c. Each direction switches at its own
 * NEWKEYS. Secrets: the client's ephemeral secret and K in the scratch area, the first until the
 * reply, the other during a call; the new keys in kex.next[] until NEWKEYS.
 */
#include "proto/kex.h"

#include <string.h>

#include "proto/keys.h"

/* Index into next[]: 0 client to server. */
static int kex_tx_dir(const struct nacre_conn *c)
{
    return c->role == NACRE_CLIENT ? 0 : 1;
}

bool ncr_kex_running(const struct nacre_conn *c)
{
    return ncr_phase_in_kex(&c->rx) || ncr_phase_in_kex(&c->tx);
}

void ncr_kex_wipe(struct nacre_conn *c)
{
    nacre_wipe(ncr_scratch(c, NCR_SCRATCH_SECRET), NCR_KEX_SECRET_MAX + NCR_KEX_K_MAX);
    nacre_wipe(c->kex.next, sizeof c->kex.next);
}

static uint64_t kex_limit(uint64_t configured, uint64_t standard)
{
    return configured != 0 ? configured : standard;
}

bool ncr_kex_due(const struct nacre_conn *c)
{
    if (!c->first_kex_done || ncr_kex_running(c))
        return false;
    return c->kex.rekey_wanted ||
           c->rx.packets + c->tx.packets >= kex_limit(c->cfg.rekey_packets, NCR_REKEY_PACKETS) ||
           c->rx.bytes + c->tx.bytes >= kex_limit(c->cfg.rekey_bytes, NCR_REKEY_BYTES) ||
           c->now - c->kex.keyed >= kex_limit(c->cfg.rekey_ms, NCR_REKEY_MS);
}

/* ---- Public values ---- */

static bool kex_pub_is_mpint(const struct ncr_kex *row)
{
    return row->gex != NULL || row->pub_is_mpint;
}

/* Our public value as it lies in the scratch area. */
static struct nacre_bytes kex_our_pub(const struct nacre_conn *c)
{
    const struct ncr_kex *row = c->kex.row;
    size_t fixed = c->role == NACRE_CLIENT ? row->init_len : row->reply_len;
    struct nacre_bytes b = {ncr_scratch(c, NCR_SCRATCH_PUB),
                            row->gex != NULL ? c->kex.p_len : fixed};

    return b;
}

static void kex_put_pub(struct ncr_wr *w, const struct ncr_kex *row, struct nacre_bytes pub)
{
    if (kex_pub_is_mpint(row))
        ncr_wr_mpint(w, pub.p, pub.n);
    else
        ncr_wr_string(w, pub);
}

/* The peer's value out of the string that holds it: an mpint loses its leading zeros, and may not
 * be negative. */
static nacre_err kex_peer_pub(const struct ncr_kex *row, struct nacre_bytes *pub)
{
    if (!kex_pub_is_mpint(row))
        return NACRE_OK;
    if (pub->n > 0 && (pub->p[0] & 0x80) != 0)
        return NACRE_ERR_KEX;
    while (pub->n > 0 && pub->p[0] == 0) {
        pub->p++;
        pub->n--;
    }
    return NACRE_OK;
}

/* ---- Exchange hash ---- */

/* RFC 4253 8; hybrids have a string. */
static void kex_put_k(struct ncr_wr *w, const struct ncr_kex *row, struct nacre_bytes k)
{
    if (row->k_is_string)
        ncr_wr_string(w, k);
    else
        ncr_wr_mpint(w, k.p, k.n);
}

/* H over the version lines, both KEXINITs, the host key, both public values and K in its encoding
 * (RFC 5656 4; order of client and server, not of ours and theirs). */
static void kex_hash(struct nacre_conn *c, struct nacre_bytes host_key, struct nacre_bytes init,
                     struct nacre_bytes reply, struct nacre_bytes k)
{
    const struct nacre_hash *hash = c->kex.row->hash;
    const struct nacre_bytes ours = {ncr_scratch(c, NCR_SCRATCH_OURS), c->kex.ours_len};
    const struct nacre_bytes theirs = {ncr_scratch(c, NCR_SCRATCH_THEIRS), c->kex.theirs_len};
    const struct nacre_bytes peer = {c->ident, c->ident_len};
    const bool client = c->role == NACRE_CLIENT;
    uint8_t line[NCR_VERSION_LINE_MAX];
    struct ncr_wr us = ncr_wr(line, sizeof line);
    union nacre_hash_ctx ctx;
    struct ncr_wr w = ncr_wr_hash(hash, &ctx);

    ncr_put_ident(&us, c);
    hash->init(&ctx);
    ncr_wr_string(&w, client ? ncr_wr_done(&us) : peer);
    ncr_wr_string(&w, client ? peer : ncr_wr_done(&us));
    ncr_wr_string(&w, client ? ours : theirs);
    ncr_wr_string(&w, client ? theirs : ours);
    ncr_wr_string(&w, host_key);
    if (c->kex.row->gex != NULL)
        c->kex.row->gex->hash(&w, c);
    kex_put_pub(&w, c->kex.row, init);
    kex_put_pub(&w, c->kex.row, reply);
    kex_put_k(&w, c->kex.row, k);
    hash->final(c->kex.h, &ctx);
    nacre_wipe(&ctx, sizeof ctx);
    c->kex.h_len = (uint8_t)hash->len;
}

/* H, and from it the keys of both directions. k is the raw shared secret; the session id is the
 * first H and keeps its length (RFC 4253 7.2). */
static void kex_derive(struct nacre_conn *c, struct nacre_bytes host_key, struct nacre_bytes init,
                       struct nacre_bytes reply, const uint8_t *k)
{
    const struct ncr_kex *row = c->kex.row;
    struct nacre_bytes raw = {k, row->gex != NULL ? c->kex.p_len : row->k_len};
    struct nacre_bytes h, sid;
    union nacre_hash_ctx start;
    struct ncr_wr w = ncr_wr_hash(row->hash, &start);
    int dir;

    kex_hash(c, host_key, init, reply, raw);
    h.p = c->kex.h;
    h.n = c->kex.h_len;
    sid = c->first_kex_done ? nacre_conn_session_id(c) : h;
    row->hash->init(&start);
    kex_put_k(&w, row, raw);
    ncr_wr_bytes(&w, h.p, h.n);
    for (dir = 0; dir < 2; dir++)
        ncr_keys_fill(&c->kex.next[dir], dir, row->hash, &start, sid);
    nacre_wipe(&start, sizeof start);
}

static void kex_host_digest(uint8_t digest[NACRE_SHA256_LEN], struct nacre_bytes host_key)
{
    struct nacre_sha256 ctx;

    nacre_sha256_init(&ctx);
    nacre_sha256_update(&ctx, host_key.p, host_key.n);
    nacre_sha256_final(digest, &ctx);
}

static void kex_set_session_id(struct nacre_conn *c)
{
    if (c->first_kex_done)
        return;
    memcpy(c->session_id, c->kex.h, c->kex.h_len);
    c->session_id_len = c->kex.h_len;
}

/* ---- KEXINIT ---- */

/* Every exchange costs public-key work: a peer that starts one after the other for nothing ends. */
static nacre_err kex_count_rekey(struct nacre_conn *c)
{
    if (!c->first_kex_done || c->kex.sent_init)
        return NACRE_OK;
    c->kex.empty = c->app_packets == c->kex.app_seen && c->now - c->kex.keyed < NCR_REKEY_CALM_MS
                       ? c->kex.empty + 1
                       : 0;
    c->kex.app_seen = c->app_packets;
    if (c->kex.empty > NCR_REKEY_EMPTY_MAX)
        return ncr_fail(c, NACRE_ERR_REKEY_FLOOD, "peer rekeys without traffic");
    return NACRE_OK;
}

nacre_err ncr_kex_send_init(struct nacre_conn *c, uint8_t number)
{
    struct ncr_out o = ncr_out_begin(c, number, true);

    kex_put_pub(&o.w, c->kex.row, kex_our_pub(c));
    return ncr_out_end(c, &o);
}

static nacre_err kex_client_start(struct nacre_conn *c)
{
    const struct ncr_kex *row = c->kex.row;
    nacre_err err;

    if (row->gex != NULL)
        return row->gex->ask(c);
    err = row->start(ncr_scratch(c, NCR_SCRATCH_PUB), ncr_scratch(c, NCR_SCRATCH_SECRET), &c->rng,
                     c->cfg.work);
    return err == NACRE_OK ? ncr_kex_send_init(c, NCR_MSG_KEX_INIT)
                           : ncr_fail(c, err, "no ephemeral key");
}

nacre_err ncr_kex_on_kexinit(struct nacre_conn *c, const union ncr_msg *m,
                             struct nacre_bytes payload)
{
    nacre_err err = kex_count_rekey(c);

    if (err != NACRE_OK)
        return err;
    if (payload.n > NCR_KEXINIT_MAX)
        return ncr_fail(c, NACRE_ERR_LIMIT, "KEXINIT too long");
    memcpy(ncr_scratch(c, NCR_SCRATCH_THEIRS), payload.p, payload.n);
    c->kex.theirs_len = (uint32_t)payload.n;
    if (!c->kex.sent_init)
        err = ncr_kexinit_send(c);
    if (err == NACRE_OK)
        err = ncr_kexinit_negotiate(c, &m->kexinit);
    if (err == NACRE_OK && c->role == NACRE_CLIENT)
        err = kex_client_start(c);
    return err;
}

/* ---- NEWKEYS, EXT_INFO, service ---- */

/* A list on its way into EXT_INFO. */
struct kex_sig_list {
    struct ncr_wr *w;
    size_t from; /* first byte of the names */
};

static void kex_put_sig_alg(void *ctx, const char *name)
{
    struct kex_sig_list *list = ctx;

    ncr_alg_list_add(list->w, list->from, name);
}

static void kex_put_sig_algs(struct ncr_wr *w, const struct nacre_conn *c)
{
    size_t mark = ncr_wr_string_begin(w);
    struct kex_sig_list list = {w, w->n};
    struct ncr_alg_list l = ncr_alg_list_user_sigs(c);

    ncr_alg_list_each(&l, kex_put_sig_alg, &list);
    ncr_wr_string_end(w, mark);
}

/* OpenSSH's PROTOCOL: the server reads requests that name its host key. */
#define KEX_HOSTBOUND "publickey-hostbound@openssh.com"

static nacre_err kex_send_ext_info(struct nacre_conn *c)
{
    struct ncr_out o = ncr_out_begin(c, NCR_MSG_EXT_INFO, true);

    ncr_wr_u32(&o.w, c->role == NACRE_SERVER ? 3 : 1);
    if (c->role == NACRE_SERVER) {
        ncr_wr_cstring(&o.w, "server-sig-algs");
        kex_put_sig_algs(&o.w, c);
        ncr_wr_cstring(&o.w, KEX_HOSTBOUND);
        ncr_wr_cstring(&o.w, "0");
    }
    ncr_wr_cstring(&o.w, "ping@openssh.com");
    ncr_wr_cstring(&o.w, "0");
    return ncr_out_end(c, &o);
}

static nacre_err kex_send_service(struct nacre_conn *c)
{
    struct ncr_out o = ncr_out_begin(c, NCR_MSG_SERVICE_REQUEST, true);

    ncr_wr_cstring(&o.w, "ssh-userauth");
    c->auth.service = true;
    return ncr_out_end(c, &o);
}

/* NEWKEYS goes out under the old keys; from here on we send under the new ones. In the first
 * exchange EXT_INFO is the very next packet, and a client asks for authentication without waiting
 * for the server's NEWKEYS. */
static nacre_err kex_send_newkeys(struct nacre_conn *c)
{
    struct ncr_out o = ncr_out_begin(c, NCR_MSG_NEWKEYS, true);
    nacre_err err = ncr_out_end(c, &o);

    if (err != NACRE_OK)
        return err;
    ncr_pkt_install(&c->tx, &c->kex.next[kex_tx_dir(c)], c->neg.strict);
    ncr_comp_install(&c->tx, ncr_comp(c), false, c->success);
    if (c->first_kex_done)
        return NACRE_OK;
    if (c->kex.peer_ext_info)
        err = kex_send_ext_info(c);
    if (err == NACRE_OK && c->role == NACRE_CLIENT)
        err = kex_send_service(c);
    return err;
}

static const char *kex_mac_name(const struct ncr_dir *d)
{
    return d->macrow != NULL ? d->macrow->name : "";
}

static void kex_note_negotiated(struct nacre_conn *c)
{
    const struct ncr_dir *dir[2];
    int i;

    dir[kex_tx_dir(c)] = &c->tx;
    dir[1 - kex_tx_dir(c)] = &c->rx;
    c->neg.kex = c->kex.row->name;
    c->neg.host_key = c->kex.host_sig->name;
    for (i = 0; i < 2; i++) {
        c->neg.cipher[i] = dir[i]->cipher->name;
        c->neg.mac[i] = kex_mac_name(dir[i]);
        c->neg.comp[i] = dir[i]->comp->name;
    }
}

nacre_err ncr_kex_on_newkeys(struct nacre_conn *c)
{
    ncr_pkt_install(&c->rx, &c->kex.next[1 - kex_tx_dir(c)], c->neg.strict);
    ncr_comp_install(&c->rx, ncr_comp(c), true, c->success);
    kex_note_negotiated(c);
    ncr_kex_wipe(c);
    c->kex.row = NULL;
    c->kex.gex = false;
    c->kex.sent_init = false;
    c->kex.rekey_wanted = false;
    c->kex.keyed = c->now;
    c->first_kex_done = true;
    return NACRE_OK;
}

static void kex_read_sig_algs(struct nacre_conn *c, struct nacre_bytes list)
{
    const struct nacre_algs *algs = c->cfg.algs != NULL ? c->cfg.algs : &nacre_algs_default;
    const char *name;
    size_t i;

    c->peer_sig_mask = 0;
    for (i = 0; i < 31 && (name = ncr_alg_name(algs, NACRE_ALG_SIG, i)) != NULL; i++)
        if (ncr_list_has(list, nacre_bytes_str(name)))
            c->peer_sig_mask |= 1u << i;
    c->peer_sig_mask |= 1u << 31; /* a list was given */
}

/* RFC 8308 2.3 to 3.1: unknown extensions are skipped, a later message replaces an earlier. */
nacre_err ncr_kex_on_ext_info(struct nacre_conn *c, const union ncr_msg *m)
{
    struct ncr_rd r = ncr_rd(m->ext_info.entries);
    const uint8_t max =
        c->role == NACRE_SERVER ? NCR_EXT_INFO_FROM_CLIENT_MAX : NCR_EXT_INFO_FROM_SERVER_MAX;

    if (c->ext_info_seen >= max)
        return ncr_fail(c, NACRE_ERR_LIMIT, "too many EXT_INFO messages");
    c->ext_info_seen++;
    c->ext_info_last = c->auth.service && !c->auth.done && c->auth.waiting;
    while (!ncr_rd_end(&r)) {
        struct nacre_bytes name = ncr_rd_string(&r);
        struct nacre_bytes value = ncr_rd_string(&r);

        if (c->role == NACRE_CLIENT && nacre_bytes_is(name, "server-sig-algs"))
            kex_read_sig_algs(c, value);
        if (nacre_bytes_is(name, "ping@openssh.com") && nacre_bytes_is(value, "0"))
            c->neg.peer_ping = true;
        if (c->role == NACRE_CLIENT && nacre_bytes_is(name, KEX_HOSTBOUND) &&
            nacre_bytes_is(value, "0"))
            c->neg.peer_hostbound = true;
    }
    return NACRE_OK;
}

/* ---- Server ---- */

nacre_err ncr_kex_on_init(struct nacre_conn *c, const union ncr_msg *m)
{
    const struct ncr_kex *row = c->kex.row;
    uint8_t *k = ncr_scratch(c, NCR_SCRATCH_K);
    uint8_t *reply = ncr_scratch(c, NCR_SCRATCH_PUB);
    struct nacre_bytes init = m->bytes;
    nacre_err err = kex_peer_pub(row, &init);

    if (err == NACRE_OK)
        err = row->gex != NULL ? row->gex->respond(c, reply, k, init)
                               : row->respond(reply, k, init, &c->rng, c->cfg.work);
    if (err != NACRE_OK)
        return ncr_fail(c, err, "client's public value refused");
    kex_derive(c, c->cfg.host_keys[c->kex.host_key], init, kex_our_pub(c), k);
    nacre_wipe(k, NCR_KEX_K_MAX);
    if (!c->first_kex_done) /* what a request that is bound to a host key has to name */
        kex_host_digest(c->host_key_hash, c->cfg.host_keys[c->kex.host_key]);
    kex_set_session_id(c);
    c->question = NACRE_EV_SIGN;
    c->pending |= NCR_PENDING_SIGN;
    return NACRE_OK;
}

void ncr_kex_sign_event(const struct nacre_conn *c, struct nacre_event *ev)
{
    ev->type = NACRE_EV_SIGN;
    ev->for_host = true;
    ev->alg = nacre_bytes_str(c->kex.host_sig->name);
    ev->blob = c->cfg.host_keys[c->kex.host_key];
    ev->data.p = c->kex.h;
    ev->data.n = c->kex.h_len;
}

nacre_err ncr_kex_answer_sign(struct nacre_conn *c, const struct nacre_answer *a)
{
    struct ncr_out o;
    nacre_err err;

    if (a->verdict != NACRE_ACCEPT || a->data.n == 0)
        return ncr_fail(c, NACRE_ERR_SIGNER, "host key did not sign");
    o = ncr_out_begin(c, c->kex.row->gex != NULL ? NCR_MSG_GEX_REPLY : NCR_MSG_KEX_REPLY, true);
    ncr_wr_string(&o.w, c->cfg.host_keys[c->kex.host_key]);
    kex_put_pub(&o.w, c->kex.row, kex_our_pub(c));
    ncr_wr_string(&o.w, a->data);
    err = ncr_out_end(c, &o);
    return err != NACRE_OK ? err : kex_send_newkeys(c);
}

/* ---- Client ---- */

static nacre_err kex_verify_host(struct nacre_conn *c, const struct ncr_msg_kex_reply *m)
{
    struct nacre_bytes h = {c->kex.h, c->kex.h_len};
    nacre_err err = c->kex.host_sig->verify(m->host_key, h, m->sig, c->cfg.work);

    if (err == NACRE_ERR_SIG || err == NACRE_ERR_KEY_REFUSED)
        err = NACRE_ERR_HOST_SIG;
    return err == NACRE_OK ? err : ncr_fail(c, err, "host key or its signature refused");
}

/* A re-exchange must show the host key of the first one: what the user was asked about. */
static nacre_err kex_same_host(struct nacre_conn *c, struct nacre_bytes host_key)
{
    uint8_t digest[NACRE_SHA256_LEN];

    kex_host_digest(digest, host_key);
    if (!c->first_kex_done) {
        memcpy(c->host_key_hash, digest, sizeof digest);
        return NACRE_OK;
    }
    if (!nacre_ct_eq(digest, c->host_key_hash, sizeof digest))
        return ncr_fail(c, NACRE_ERR_HOST_KEY_CHANGED, "other host key in a key re-exchange");
    return NACRE_OK;
}

static nacre_err kex_client_finish(struct nacre_conn *c, const struct ncr_msg_kex_reply *m)
{
    const struct ncr_kex *row = c->kex.row;
    uint8_t *secret = ncr_scratch(c, NCR_SCRATCH_SECRET);
    uint8_t *k = ncr_scratch(c, NCR_SCRATCH_K);
    struct nacre_bytes reply = m->pub;
    nacre_err err = kex_peer_pub(row, &reply);

    if (err == NACRE_OK)
        err = row->gex != NULL ? row->gex->finish(c, k, reply)
                               : row->finish(k, reply, secret, c->cfg.work);
    if (err == NACRE_OK)
        kex_derive(c, m->host_key, kex_our_pub(c), reply, k);
    else
        err = ncr_fail(c, err, "server's public value refused");
    nacre_wipe(secret, NCR_KEX_SECRET_MAX);
    nacre_wipe(k, NCR_KEX_K_MAX);
    return err;
}

nacre_err ncr_kex_on_reply(struct nacre_conn *c, const union ncr_msg *m, struct nacre_event *ev)
{
    const struct ncr_msg_kex_reply *q = &m->kex_reply;
    nacre_err err = kex_client_finish(c, q);

    if (err == NACRE_OK)
        err = kex_verify_host(c, q);
    if (err == NACRE_OK)
        err = kex_same_host(c, q->host_key);
    if (err != NACRE_OK)
        return err;
    if (c->first_kex_done)
        return kex_send_newkeys(c);
    kex_set_session_id(c);
    ev->type = NACRE_EV_HOST_KEY;
    ev->alg = nacre_bytes_str(c->kex.host_sig->name);
    ev->blob = q->host_key;
    ev->data = q->sig;
    c->question = NACRE_EV_HOST_KEY;
    return NACRE_OK;
}

nacre_err ncr_kex_answer_host_key(struct nacre_conn *c, const struct nacre_answer *a)
{
    if (a->verdict != NACRE_ACCEPT)
        return ncr_fail(c, NACRE_ERR_HOST_KEY, "host key not accepted");
    return kex_send_newkeys(c);
}
