/* SPDX-License-Identifier: ISC
 *
 * KEXINIT and negotiation, RFC 4253 section 7.1: for each list, the first name of the client's that
 * the server has too; the key exchange method also needs a host key algorithm that fits it (all our
 * methods take any that signs). A MAC is not negotiated for an AEAD cipher (OpenSSH's PROTOCOL
 * 1.6). Indicators ride at the end of the first KEXINIT's kex list: ext-info-c/-s (RFC 8308 2.1)
 * and kex-strict-c/-s-v00@openssh.com; they are never chosen, and do not count for the guess.
 */
#include "proto/kexinit.h"

#include "proto/pkt.h"

#include <string.h>

static const char *const kexinit_ext_info[2] = {"ext-info-c", "ext-info-s"};
static const char *const kexinit_strict[2] = {"kex-strict-c-v00@openssh.com",
                                              "kex-strict-s-v00@openssh.com"};

static const char *const kexinit_names[NCR_LISTS] = {
    "key exchange",
    "host key",
    "cipher client to server",
    "cipher server to client",
    "MAC client to server",
    "MAC server to client",
    "compression client to server",
    "compression server to client",
    "language client to server",
    "language server to client",
};

static const enum nacre_alg_kind kexinit_kinds[NCR_LIST_LANG_C2S] = {
    NACRE_ALG_KEX, NACRE_ALG_SIG, NACRE_ALG_CIPHER, NACRE_ALG_CIPHER,
    NACRE_ALG_MAC, NACRE_ALG_MAC, NACRE_ALG_COMP,   NACRE_ALG_COMP};

const char *ncr_kexinit_list_name(enum ncr_kexinit_list i)
{
    return kexinit_names[i];
}

static const struct nacre_algs *kexinit_algs(const struct nacre_conn *c)
{
    return c->cfg.algs != NULL ? c->cfg.algs : &nacre_algs_default;
}

/* The configured list, NULL for all rows. */
static const char *kexinit_cfg(const struct nacre_conn *c, int i)
{
    const struct nacre_conn_cfg *f = &c->cfg;

    switch (i) {
    case NCR_LIST_KEX:
        return f->kex;
    case NCR_LIST_HOST_KEY:
        return f->host_key_algs;
    case NCR_LIST_CIPHER_C2S:
    case NCR_LIST_CIPHER_S2C:
        i -= NCR_LIST_CIPHER_C2S;
        return f->ciphers_dir[i] != NULL ? f->ciphers_dir[i] : f->ciphers;
    case NCR_LIST_MAC_C2S:
    case NCR_LIST_MAC_S2C:
        i -= NCR_LIST_MAC_C2S;
        return f->macs_dir[i] != NULL ? f->macs_dir[i] : f->macs;
    default:
        i -= NCR_LIST_COMP_C2S;
        return f->comps_dir[i] != NULL ? f->comps_dir[i] : f->comps;
    }
}

static struct ncr_alg_list kexinit_spec(const struct nacre_conn *c, int list)
{
    struct ncr_alg_list l = {kexinit_algs(c), kexinit_kinds[list], c->cfg.profile,
                             kexinit_cfg(c, list)};

    return l;
}

static bool kexinit_known(const struct nacre_algs *a, enum nacre_alg_kind kind,
                          struct nacre_bytes name)
{
    const char *row;
    size_t i;

    for (i = 0; (row = ncr_alg_name(a, kind, i)) != NULL; i++)
        if (nacre_bytes_is(name, row))
            return true;
    return false;
}

nacre_err ncr_kexinit_check_cfg(const struct nacre_conn *c)
{
    struct ncr_alg_list l;
    nacre_err err = NACRE_OK;
    int i;

    for (i = 0; i < NCR_LIST_LANG_C2S && err == NACRE_OK; i++) {
        l = kexinit_spec(c, i);
        err = ncr_alg_list_check(&l);
    }
    l = ncr_alg_list_user_sigs(c);
    return err == NACRE_OK ? ncr_alg_list_check(&l) : err;
}

/* ---- Ours ---- */

/* A server offers only host key algorithms that one of its keys can sign with. */
static bool kexinit_have_key(const struct nacre_conn *c, struct nacre_bytes alg, uint16_t *index)
{
    const struct ncr_sig *sig = ncr_alg_sig(kexinit_algs(c), alg);
    uint16_t i;

    for (i = 0; sig != NULL && i < c->cfg.n_host_keys; i++) {
        struct ncr_rd r = ncr_rd(c->cfg.host_keys[i]);

        if (nacre_bytes_is(ncr_rd_string(&r), sig->key_type)) {
            *index = i;
            return true;
        }
    }
    return false;
}

static bool kexinit_offers(const struct nacre_conn *c, int list, struct nacre_bytes name)
{
    uint16_t index;

    return c->role != NACRE_SERVER || list != NCR_LIST_HOST_KEY ||
           kexinit_have_key(c, name, &index);
}

/* A list on its way into our KEXINIT. */
struct kexinit_put {
    const struct nacre_conn *c;
    struct ncr_wr *w;
    int list;
    size_t from; /* first byte of the names */
};

static void kexinit_put_row(void *ctx, const char *name)
{
    struct kexinit_put *p = ctx;

    if (kexinit_offers(p->c, p->list, nacre_bytes_str(name)))
        ncr_alg_list_add(p->w, p->from, name);
}

static void kexinit_put_list(struct ncr_wr *w, const struct nacre_conn *c, int list)
{
    size_t mark = ncr_wr_string_begin(w);
    struct kexinit_put p = {c, w, list, w->n};
    struct ncr_alg_list l = kexinit_spec(c, list);

    ncr_alg_list_each(&l, kexinit_put_row, &p);
    if (list == NCR_LIST_KEX && !c->first_kex_done) {
        if (!c->cfg.no_ext_info)
            ncr_alg_list_add(w, p.from, kexinit_ext_info[c->role]);
        if (!c->cfg.no_strict)
            ncr_alg_list_add(w, p.from, kexinit_strict[c->role]);
    }
    ncr_wr_string_end(w, mark);
}

nacre_err ncr_kexinit_send(struct nacre_conn *c)
{
    struct ncr_wr w = ncr_wr(ncr_scratch(c, NCR_SCRATCH_OURS), NCR_KEXINIT_OURS_MAX);
    struct ncr_out o;
    uint8_t cookie[16];
    int i;

    if (!nacre_rng_fill(&c->rng, cookie, sizeof cookie))
        return ncr_fail(c, NACRE_ERR_RNG, "no randomness for KEXINIT");
    ncr_wr_u8(&w, NCR_MSG_KEXINIT);
    ncr_wr_bytes(&w, cookie, sizeof cookie);
    for (i = 0; i < NCR_LIST_LANG_C2S; i++)
        kexinit_put_list(&w, c, i);
    ncr_wr_u32(&w, 0); /* languages */
    ncr_wr_u32(&w, 0);
    ncr_wr_bool(&w, false); /* no guessed packet follows */
    ncr_wr_u32(&w, 0);
    if (w.bad)
        return NACRE_ERR_USAGE;
    c->kex.ours_len = (uint32_t)w.n;
    o = ncr_out_begin(c, NCR_MSG_KEXINIT, true);
    ncr_wr_bytes(&o.w, w.p + 1, w.n - 1);
    c->kex.sent_init = true;
    c->kex.started = c->now;
    return ncr_out_end(c, &o);
}

/* ---- Negotiation ---- */

struct nacre_bytes ncr_kexinit_list(const struct nacre_conn *c, bool ours, enum ncr_kexinit_list i)
{
    struct nacre_bytes body = {ncr_scratch(c, ours ? NCR_SCRATCH_OURS : NCR_SCRATCH_THEIRS),
                               ours ? c->kex.ours_len : c->kex.theirs_len};
    struct nacre_bytes none = {NULL, 0};
    union ncr_msg m;

    if (body.n < 1)
        return none;
    body.p++;
    body.n--;
    return ncr_msg_get_kexinit(&m, body) ? m.kexinit.list[i] : none;
}

/* The first name of the client's list that the server's has and that is a row of ours, so that an
 * indicator is never chosen. */
static nacre_err kexinit_choose(struct nacre_conn *c, const struct ncr_msg_kexinit *ours,
                                const struct ncr_msg_kexinit *theirs, int list,
                                struct nacre_bytes *chosen)
{
    const struct ncr_msg_kexinit *client = c->role == NACRE_CLIENT ? ours : theirs;
    const struct ncr_msg_kexinit *server = c->role == NACRE_CLIENT ? theirs : ours;
    struct nacre_bytes rest = client->list[list];

    while (ncr_list_next(&rest, chosen))
        if (ncr_list_has(server->list[list], *chosen) &&
            kexinit_known(kexinit_algs(c), kexinit_kinds[list], *chosen))
            return NACRE_OK;
    c->fail_list = (uint32_t)list;
    return ncr_fail(c, NACRE_ERR_NO_COMMON_ALG, kexinit_names[list]);
}

/* Terrapin works on these ciphers, and on CBC with encrypt-then-MAC. */
static bool kexinit_needs_strict(const struct ncr_keyset *k)
{
    return k->cipher->needs_strict || (k->cipher->cbc && k->macrow->mode == &ncr_pkt_mode_etm);
}

static nacre_err kexinit_choose_dir(struct nacre_conn *c, const struct ncr_msg_kexinit *ours,
                                    const struct ncr_msg_kexinit *theirs, int dir)
{
    struct ncr_keyset *k = &c->kex.next[dir];
    struct nacre_bytes name;
    nacre_err err = kexinit_choose(c, ours, theirs, NCR_LIST_CIPHER_C2S + dir, &name);

    if (err != NACRE_OK)
        return err;
    k->cipher = ncr_alg_cipher(kexinit_algs(c), name);
    k->macrow = NULL;
    if (k->cipher->aead == NULL) {
        err = kexinit_choose(c, ours, theirs, NCR_LIST_MAC_C2S + dir, &name);
        if (err != NACRE_OK)
            return err;
        k->macrow = ncr_alg_mac(kexinit_algs(c), name);
    }
    if (kexinit_needs_strict(k) && !c->neg.strict && !c->cfg.allow_not_strict)
        return ncr_fail(c, NACRE_ERR_KEX,
                        "cipher is not safe without strict key exchange (Terrapin)");
    err = kexinit_choose(c, ours, theirs, NCR_LIST_COMP_C2S + dir, &name);
    if (err != NACRE_OK)
        return err;
    k->comp = ncr_alg_comp(kexinit_algs(c), name);
    return NACRE_OK;
}

static bool kexinit_is_indicator(struct nacre_bytes name)
{
    return nacre_bytes_is(name, kexinit_ext_info[0]) || nacre_bytes_is(name, kexinit_ext_info[1]) ||
           nacre_bytes_is(name, kexinit_strict[0]) || nacre_bytes_is(name, kexinit_strict[1]);
}

/* First name that is not an indicator. */
static struct nacre_bytes kexinit_first(struct nacre_bytes list)
{
    struct nacre_bytes name;
    struct nacre_bytes none = {NULL, 0};

    while (ncr_list_next(&list, &name))
        if (!kexinit_is_indicator(name))
            return name;
    return none;
}

/* RFC 4253 7: a guess is right if both sides' first kex and first host key algorithm agree. */
static bool kexinit_guess_right(const struct ncr_msg_kexinit *a, const struct ncr_msg_kexinit *b)
{
    return ncr_bytes_eq(kexinit_first(a->list[NCR_LIST_KEX]),
                        kexinit_first(b->list[NCR_LIST_KEX])) &&
           ncr_bytes_eq(kexinit_first(a->list[NCR_LIST_HOST_KEY]),
                        kexinit_first(b->list[NCR_LIST_HOST_KEY]));
}

static void kexinit_indicators(struct nacre_conn *c, const struct ncr_msg_kexinit *theirs)
{
    const enum nacre_role peer = c->role == NACRE_CLIENT ? NACRE_SERVER : NACRE_CLIENT;
    struct nacre_bytes list = theirs->list[NCR_LIST_KEX];

    c->neg.strict = !c->cfg.no_strict && ncr_list_has(list, nacre_bytes_str(kexinit_strict[peer]));
    c->kex.peer_ext_info =
        !c->cfg.no_ext_info && ncr_list_has(list, nacre_bytes_str(kexinit_ext_info[peer]));
}

static nacre_err kexinit_choose_all(struct nacre_conn *c, const struct ncr_msg_kexinit *ours,
                                    const struct ncr_msg_kexinit *theirs)
{
    struct nacre_bytes name;
    nacre_err err = kexinit_choose(c, ours, theirs, NCR_LIST_KEX, &name);

    if (err != NACRE_OK)
        return err;
    c->kex.row = ncr_alg_kex(kexinit_algs(c), name);
    c->kex.gex = c->kex.row->gex != NULL;
    err = kexinit_choose(c, ours, theirs, NCR_LIST_HOST_KEY, &name);
    if (err != NACRE_OK)
        return err;
    c->kex.host_sig = ncr_alg_sig(kexinit_algs(c), name);
    if (c->role == NACRE_SERVER && !kexinit_have_key(c, name, &c->kex.host_key))
        return ncr_fail(c, NACRE_ERR_INTERNAL, "offered a host key that is not there");
    err = kexinit_choose_dir(c, ours, theirs, 0);
    return err != NACRE_OK ? err : kexinit_choose_dir(c, ours, theirs, 1);
}

/* What the peer offers and our table has, but our list does not: what would have helped. */
const char *ncr_kexinit_would_help(const struct nacre_conn *c)
{
    const int list = (int)c->fail_list;
    const struct nacre_bytes theirs = ncr_kexinit_list(c, false, (enum ncr_kexinit_list)list);
    const char *row;
    size_t i;

    for (i = 0; (row = ncr_alg_name(kexinit_algs(c), kexinit_kinds[list], i)) != NULL; i++)
        if (ncr_list_has(theirs, nacre_bytes_str(row)) &&
            kexinit_offers(c, list, nacre_bytes_str(row)))
            return row;
    return "";
}

nacre_err ncr_kexinit_negotiate(struct nacre_conn *c, const struct ncr_msg_kexinit *theirs)
{
    struct nacre_bytes body = {ncr_scratch(c, NCR_SCRATCH_OURS), c->kex.ours_len};
    union ncr_msg m;

    body.p++;
    body.n--;
    if (!ncr_msg_get_kexinit(&m, body))
        return ncr_fail(c, NACRE_ERR_INTERNAL, "our KEXINIT is lost");
    c->kex.drop_guess = theirs->follows && !kexinit_guess_right(&m.kexinit, theirs);
    if (!c->first_kex_done)
        kexinit_indicators(c, theirs);
    return kexinit_choose_all(c, &m.kexinit, theirs);
}
