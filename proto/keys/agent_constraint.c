/* SPDX-License-Identifier: ISC
 *
 * Where a key of an agent may be used: restrict-destination-v00@openssh.com and
 * session-bind@openssh.com of OpenSSH's PROTOCOL.agent.
 *
 *     list:        destination, destination, ...
 *     destination: string (string hop from, string hop to, string reserved, empty)
 *     hop:         string user, string host, string reserved, empty; then keyspecs
 *     keyspec:     string key blob, byte is_ca
 *
 * A connection tells the sessions that lie between it and the agent, nearest first, each by a host
 * key and an identifier that the host signed. A key that is restricted may be used if every step of
 * that way is allowed by one of its destinations: the first from the agent's own machine, each
 * other from the host before. All but the last step forward the agent; the last one signs, or shows
 * what may be used beyond it. A key without destinations may be used anywhere. Nothing here keeps
 * state: the caller gives the way and the list.
 */
#include <string.h>

#include "proto/glob.h"
#include "proto/keys/agent.h"
#include "proto/keys/cert.h"
#include "proto/limits.h"
#include "proto/msg.h"

_Static_assert(NACRE_AGENT_DESTS_MAX == NCR_AGENT_DESTS_MAX, "one limit, two names");
_Static_assert(NACRE_AGENT_BINDS_MAX == NCR_AGENT_BINDS_MAX, "one limit, two names");
_Static_assert(NACRE_AGENT_SESSION_ID_MAX == NCR_AGENT_SESSION_ID_MAX, "one limit, two names");

/* ---- Lists ---- */

nacre_err nacre_agent_keyspec_append(uint8_t *list, size_t cap, size_t *n, struct nacre_bytes blob,
                                     bool is_ca)
{
    struct ncr_wr w = ncr_wr(list, cap);

    w.n = *n;
    ncr_wr_string(&w, blob);
    ncr_wr_bool(&w, is_ca);
    if (w.bad)
        return NACRE_ERR_NO_ROOM;
    *n = w.n;
    return NACRE_OK;
}

bool nacre_agent_keyspec_next(struct nacre_bytes *list, struct nacre_bytes *blob, bool *is_ca)
{
    struct ncr_rd r = ncr_rd(*list);

    *blob = ncr_rd_string_max(&r, NACRE_KEY_BLOB_MAX);
    *is_ca = ncr_rd_bool(&r);
    *list = ncr_rd_rest(&r);
    return !r.bad;
}

static void dest_put_hop(struct ncr_wr *w, const struct nacre_agent_hop *h)
{
    const size_t mark = ncr_wr_string_begin(w);

    ncr_wr_string(w, h->user);
    ncr_wr_string(w, h->host);
    ncr_wr_cstring(w, ""); /* reserved */
    ncr_wr_bytes(w, h->keys.p, h->keys.n);
    ncr_wr_string_end(w, mark);
}

/* A source says both host and keys or neither; a destination says both. */
static bool dest_complete(const struct nacre_agent_dest *d)
{
    return (d->from.host.n == 0) == (d->from.keys.n == 0) && d->from.user.n == 0 &&
           d->to.host.n > 0 && d->to.keys.n > 0;
}

nacre_err nacre_agent_dest_append(uint8_t *list, size_t cap, size_t *n,
                                  const struct nacre_agent_dest *d)
{
    struct ncr_wr w = ncr_wr(list, cap);
    size_t mark;

    if (!dest_complete(d))
        return NACRE_ERR_USAGE;
    w.n = *n;
    mark = ncr_wr_string_begin(&w);
    dest_put_hop(&w, &d->from);
    dest_put_hop(&w, &d->to);
    ncr_wr_cstring(&w, ""); /* reserved */
    ncr_wr_string_end(&w, mark);
    if (w.bad)
        return NACRE_ERR_NO_ROOM;
    *n = w.n;
    return NACRE_OK;
}

/* What is reserved must be empty: it might narrow what is allowed. */
static bool dest_read_hop(struct nacre_agent_hop *h, struct nacre_bytes hop)
{
    struct ncr_rd r = ncr_rd(hop);

    h->user = ncr_rd_string_max(&r, NCR_USER_MAX);
    h->host = ncr_rd_string_max(&r, NCR_HOST_MAX);
    if (ncr_rd_string(&r).n != 0)
        return false;
    h->keys = ncr_rd_rest(&r);
    return !r.bad;
}

bool nacre_agent_dest_next(struct nacre_bytes *list, struct nacre_agent_dest *d)
{
    struct ncr_rd r = ncr_rd(*list);
    struct ncr_rd in = ncr_rd(ncr_rd_string(&r));
    struct nacre_bytes from = ncr_rd_string(&in);
    struct nacre_bytes to = ncr_rd_string(&in);

    *list = ncr_rd_rest(&r);
    memset(d, 0, sizeof *d);
    return !r.bad && ncr_rd_string(&in).n == 0 && ncr_rd_end(&in) &&
           dest_read_hop(&d->from, from) && dest_read_hop(&d->to, to);
}

/* Keys that are not understood could never match: whoever names one errs, and is told. */
static bool dest_keys_whole(struct nacre_bytes keys)
{
    struct nacre_pubkey k;
    struct nacre_bytes blob;
    bool is_ca;

    while (keys.n > 0) {
        if (!nacre_agent_keyspec_next(&keys, &blob, &is_ca) ||
            nacre_pubkey_decode(&k, blob) != NACRE_OK)
            return false;
    }
    return true;
}

bool ncr_agent_dests_whole(struct nacre_bytes dests)
{
    struct nacre_agent_dest d;
    size_t n;

    for (n = 0; dests.n > 0; n++) {
        if (n == NACRE_AGENT_DESTS_MAX || !nacre_agent_dest_next(&dests, &d) ||
            !dest_complete(&d) || !dest_keys_whole(d.from.keys) || !dest_keys_whole(d.to.keys))
            return false;
    }
    return n > 0;
}

/* ---- One step ---- */

/* Whether a host key that a connection was bound to is one of a hop: itself, or, if it is a
 * certificate, by an authority for that host's name. */
static bool dest_hop_has(const struct nacre_agent_hop *hop, struct nacre_bytes key, uint64_t now)
{
    struct nacre_bytes list = hop->keys;
    struct nacre_bytes blob;
    struct nacre_cert c;
    bool is_ca;
    const bool is_cert = nacre_cert_is(key);

    if (is_cert && (nacre_cert_decode(&c, key, NULL, 0) != NACRE_OK ||
                    nacre_cert_check(&c, NACRE_CERT_HOST, &hop->host, now, NULL) != NACRE_OK))
        return false;
    while (list.n > 0 && nacre_agent_keyspec_next(&list, &blob, &is_ca)) {
        if (is_ca == is_cert && ncr_bytes_eq(blob, is_cert ? c.ca : key))
            return true;
    }
    return false;
}

/* Whether a step is allowed. from empty: from the agent's machine; to empty: to anywhere; user
 * NULL: as anyone. */
static bool dest_step(struct nacre_bytes dests, struct nacre_bytes from, struct nacre_bytes to,
                      const struct nacre_bytes *user, uint64_t now)
{
    struct nacre_agent_dest d;

    while (dests.n > 0 && nacre_agent_dest_next(&dests, &d)) {
        const bool first = d.from.host.n == 0 && d.from.keys.n == 0;

        if (from.n == 0 ? !first : !dest_hop_has(&d.from, from, now))
            continue;
        if (to.n > 0 && !dest_hop_has(&d.to, to, now))
            continue;
        if (user != NULL && d.to.user.n > 0 && !ncr_glob_exact(d.to.user, *user))
            continue;
        return true;
    }
    return false;
}

/* ---- The whole way ---- */

static bool dest_walk(struct nacre_bytes dests, const struct nacre_agent_path *path,
                      const struct nacre_bytes *user, uint64_t now)
{
    struct nacre_bytes from = {NULL, 0};
    size_t i;

    for (i = 0; i < path->n; i++) {
        const struct nacre_agent_bind *b = &path->binds[i];
        const bool last = i == path->n - 1;

        /* forwarding binds up to the last; and what signs is no forwarding one */
        if (last ? user != NULL && b->forwarded : !b->forwarded)
            return false;
        if (!dest_step(dests, from, b->host_key, last ? user : NULL, now))
            return false;
        from = b->host_key;
    }
    return true;
}

bool nacre_agent_dests_permit(struct nacre_bytes dests, const struct nacre_agent_path *path,
                              uint64_t now)
{
    const struct nacre_bytes anywhere = {NULL, 0};
    const struct nacre_agent_bind *last;

    if (dests.n == 0)
        return true;
    if (path->n == 0)
        return !path->attempted; /* who failed to say where they are is nowhere */
    if (!dest_walk(dests, path, NULL, now))
        return false;
    /* what may be used to get to a host, but not from there, is not shown there */
    last = &path->binds[path->n - 1];
    return !last->forwarded || dest_step(dests, last->host_key, anywhere, NULL, now);
}

/* ---- Signatures ---- */

/* What an authentication request signs: RFC 4252 7, and OpenSSH's form with the host's key. */
struct dest_auth {
    struct nacre_bytes session_id, user, host_key;
};

/* Whether an algorithm is one for keys or certificates of that name. */
static bool dest_alg_fits(struct nacre_bytes alg, struct nacre_bytes key)
{
    struct ncr_rd r = ncr_rd(key);
    const struct nacre_bytes name = ncr_rd_string(&r);
    const struct ncr_key_type *type = ncr_key_type(name);
    const char *const *algs = type != NULL ? type->algs : NULL;

    if (type == NULL && (type = ncr_cert_type(name)) != NULL)
        algs = type->cert_algs;
    for (; algs != NULL && *algs != NULL; algs++)
        if (nacre_bytes_is(alg, *algs))
            return true;
    return false;
}

static bool dest_read_auth(struct dest_auth *a, struct nacre_bytes key, struct nacre_bytes data)
{
    struct ncr_rd r = ncr_rd(data);
    struct nacre_bytes service, method, alg, blob;
    uint8_t type;
    bool signs;

    memset(a, 0, sizeof *a);
    a->session_id = ncr_rd_string_max(&r, NACRE_AGENT_SESSION_ID_MAX);
    type = ncr_rd_u8(&r);
    a->user = ncr_rd_string_max(&r, NCR_USER_MAX);
    service = ncr_rd_string(&r);
    method = ncr_rd_string(&r);
    signs = ncr_rd_u8(&r) == 1;
    alg = ncr_rd_string(&r);
    blob = ncr_rd_string(&r);
    if (nacre_bytes_is(method, "publickey-hostbound-v00@openssh.com"))
        a->host_key = ncr_rd_string(&r);
    else if (!nacre_bytes_is(method, "publickey"))
        return false;
    return ncr_rd_end(&r) && a->session_id.n > 0 && type == NCR_MSG_USERAUTH_REQUEST && signs &&
           nacre_bytes_is(service, "ssh-connection") && ncr_bytes_eq(blob, key) &&
           dest_alg_fits(alg, key);
}

/* NULL: allowed. */
static const char *dest_refusal(struct nacre_bytes dests, const struct nacre_agent_path *path,
                                const struct dest_auth *a, uint64_t now)
{
    const struct nacre_agent_bind *last = &path->binds[path->n - 1];

    if (!dest_walk(dests, path, &a->user, now))
        return "not permitted for this user at this host, on this way";
    if (!ncr_bytes_eq(a->session_id, last->session_id))
        return "signature is for another session than the one bound last";
    if (path->n > 1 && a->host_key.n == 0)
        return "request over a forwarded agent does not name the host's key";
    if (a->host_key.n > 0 && !ncr_bytes_eq(a->host_key, last->host_key))
        return "request names another host's key than the one bound last";
    return NULL;
}

bool nacre_agent_dests_permit_sign(struct nacre_bytes dests, const struct nacre_agent_path *path,
                                   struct nacre_bytes key, struct nacre_bytes data, uint64_t now,
                                   const char **what, struct nacre_bytes *user)
{
    const struct nacre_bytes nobody = {NULL, 0};
    const char *why = NULL;
    struct dest_auth a;

    memset(&a, 0, sizeof a);
    if (dests.n > 0) {
        if (path->n == 0)
            why = "restricted to destinations, and the connection is bound to none";
        else if (!dest_read_auth(&a, key, data))
            why = "restricted to destinations, and this is no authentication request";
        else
            why = dest_refusal(dests, path, &a, now);
    }
    if (what != NULL)
        *what = why;
    if (user != NULL)
        *user = why == NULL ? a.user : nobody;
    return why == NULL;
}

/* ---- Binds ---- */

/* The plain key of a certificate lies behind what verifying uses of work. */
#define DEST_PLAIN_WORDS (NACRE_PRIVKEY_BLOB_MAX / sizeof(uint64_t))

/* The host's signature, and for a certificate its authority's. */
static nacre_err dest_verify(struct nacre_bytes key, struct nacre_bytes data,
                             struct nacre_bytes sig, uint64_t *work)
{
    struct ncr_rd r = ncr_rd(sig);
    const struct nacre_bytes alg = ncr_rd_string_max(&r, NACRE_KEY_NAME_MAX);
    struct nacre_cert c;
    nacre_err err;

    if (r.bad)
        return NACRE_ERR_SIG_FORMAT;
    if (!nacre_cert_is(key))
        return nacre_sig_verify(&nacre_algs_default, alg, key, data, sig, work);
    err = nacre_cert_decode(&c, key, (uint8_t *)(work + NACRE_WORK - DEST_PLAIN_WORDS),
                            NACRE_PRIVKEY_BLOB_MAX);
    if (err == NACRE_OK)
        err = nacre_sig_verify(&nacre_algs_default, alg, c.plain, data, sig, work);
    return err == NACRE_OK ? nacre_cert_verify(&c, work) : err;
}

nacre_err nacre_agent_bind_decode(struct nacre_agent_bind *b, struct nacre_bytes data,
                                  uint64_t *work)
{
    struct ncr_rd r = ncr_rd(data);
    struct nacre_bytes sig;
    nacre_err err;

    b->host_key = ncr_rd_string_max(&r, NACRE_KEY_BLOB_MAX);
    b->session_id = ncr_rd_string(&r);
    sig = ncr_rd_string_max(&r, NCR_SIG_BLOB_MAX);
    b->forwarded = ncr_rd_bool(&r);
    if (!ncr_rd_end(&r) || b->session_id.n == 0)
        err = NACRE_ERR_FORMAT;
    else if (b->session_id.n > NACRE_AGENT_SESSION_ID_MAX)
        err = NACRE_ERR_LIMIT;
    else
        err = dest_verify(b->host_key, b->session_id, sig, work);
    if (err != NACRE_OK)
        memset(b, 0, sizeof *b);
    return err;
}

nacre_err nacre_agent_path_check(const struct nacre_agent_path *path,
                                 const struct nacre_agent_bind *b)
{
    size_t i;

    for (i = 0; i < path->n; i++) {
        const struct nacre_agent_bind *old = &path->binds[i];

        if (!old->forwarded)
            return NACRE_ERR_ORDER;
        if (ncr_bytes_eq(old->session_id, b->session_id))
            return ncr_bytes_eq(old->host_key, b->host_key) ? NACRE_ERR_USAGE : NACRE_ERR_ORDER;
    }
    return path->n < NACRE_AGENT_BINDS_MAX ? NACRE_OK : NACRE_ERR_LIMIT;
}
