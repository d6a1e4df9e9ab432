/* SPDX-License-Identifier: ISC
 *
 * What an agent answers: see agent_requests.h. RFC 9987 and, for sessions and destinations,
 * OpenSSH's PROTOCOL.agent; where the two are silent it is what ssh-agent does.
 *
 * A table says who may ask what: little while locked, and no adding or locking over connections
 * that are forwarded, which are other machines' (S73); one that was bound to log in from here is a
 * program's of this machine. No code is ever loaded (S72): tokens
 * and libraries for security keys are refused; security keys are kept and listed, and fail to sign.
 * An RSA signature without a flag is SHA-1's, as the protocol has it; a build without old
 * algorithms refuses it.
 */
#include "client/agent_requests.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/posix/escape.h"

/* PBKDF2 with SHA-512: 10 ms. What keeps guesses slow is the delay; this keeps the passphrase from
 * whoever reads the memory. */
#define AGENTD_ROUNDS 8192

struct agentd_job {
    struct ncr_agentd *d;
    struct ncr_agentd_peer *peer;
    const struct nacre_agent_request *r;
    const struct ncr_agentd_now *now;
    struct ncr_agentd_reply *out;
    bool confirmed;
};

/* ---- Log ---- */

static void agentd_log(const struct ncr_agentd *d, const char *format, ...)
{
    char line[1024];
    va_list args;

    if (d->log == NULL)
        return;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args); /* cut if it is long */
    va_end(args);
    d->log(d->log_ctx, line);
}

static void agentd_log_key(const struct ncr_agentd *d, const char *what, struct nacre_bytes blob)
{
    char print[NACRE_FINGERPRINT_LEN];

    if (d->log == NULL)
        return;
    nacre_fingerprint(print, d->hash, blob);
    agentd_log(d, "%s: %s", what, print);
}

/* ---- Answers ---- */

static void agentd_status(struct ncr_agentd_reply *out, enum nacre_agent_type type)
{
    if (nacre_agent_put_status(out->p, out->cap, &out->n, type) != NACRE_OK)
        out->n = 0; /* cannot be: there is room */
}

static enum ncr_agentd_next agentd_answer(const struct agentd_job *j, bool good)
{
    agentd_status(j->out, good ? NACRE_AGENT_SUCCESS : NACRE_AGENT_FAILURE);
    return NCR_AGENTD_REPLY;
}

static struct nacre_agent_path agentd_path(const struct ncr_agentd_peer *peer)
{
    const struct nacre_agent_path path = {peer->binds, peer->n_binds, peer->attempted};

    return path;
}

/* Whether that connection may know of the key. */
static bool agentd_sees(const struct agentd_job *j, const struct ncr_keyring_key *k)
{
    const struct nacre_agent_path path = agentd_path(j->peer);

    return nacre_agent_dests_permit(k->dests, &path, j->now->unix);
}

/* ---- Listing, removing ---- */

static enum ncr_agentd_next agentd_list(struct agentd_job *j)
{
    struct ncr_agentd_reply *out = j->out;
    const struct ncr_keyring_key *k;
    nacre_err err = nacre_agent_list_begin(out->p, out->cap, &out->n);
    size_t shown = 0;

    for (k = j->d->locked ? NULL : j->d->keys.first; k != NULL && err == NACRE_OK; k = k->next) {
        if (!agentd_sees(j, k))
            continue;
        err = nacre_agent_list_append(out->p, out->cap, &out->n, k->blob, k->comment);
        shown++;
    }
    if (err != NACRE_OK)
        return agentd_answer(j, false);
    agentd_log(j->d, "listed %zu of %zu keys", shown, j->d->keys.n);
    return NCR_AGENTD_REPLY;
}

static enum ncr_agentd_next agentd_remove(struct agentd_job *j)
{
    struct ncr_keyring_key *k = ncr_keyring_find(&j->d->keys, j->r->key);

    if (k == NULL || !agentd_sees(j, k))
        return agentd_answer(j, false);
    agentd_log_key(j->d, "removed", k->blob);
    ncr_keyring_remove(&j->d->keys, k);
    return agentd_answer(j, true);
}

/* All that the connection knows of: what is hidden from it is not its to remove. */
static enum ncr_agentd_next agentd_remove_all(struct agentd_job *j)
{
    struct ncr_keyring_key *k, *next;

    for (k = j->d->keys.first; k != NULL; k = next) {
        next = k->next;
        if (agentd_sees(j, k))
            ncr_keyring_remove(&j->d->keys, k);
    }
    agentd_log(j->d, "removed all keys, %zu stay", j->d->keys.n);
    return agentd_answer(j, true);
}

static enum ncr_agentd_next agentd_remove_v1(struct agentd_job *j)
{
    return agentd_answer(j, true); /* there is none of SSH 1 */
}

/* ---- Adding ---- */

static bool agentd_provider_good(const struct ncr_agentd *d, struct nacre_bytes provider)
{
    return provider.n == 0 || nacre_bytes_is(provider, "internal") ||
           (d->providers != NULL &&
            nacre_pattern_list_match(nacre_bytes_str(d->providers), provider));
}

static enum ncr_agentd_next agentd_add(struct agentd_job *j)
{
    struct ncr_agentd *d = j->d;
    struct nacre_agent_add a;
    struct nacre_privkey k;
    uint64_t death = UINT64_MAX;
    nacre_err err = nacre_agent_add_decode(&a, &k, j->r, d->work);

    if (err == NACRE_OK && !agentd_provider_good(d, a.limits.sk_provider))
        err = NACRE_ERR_KEY_REFUSED;
    if (a.limits.has_lifetime)
        death = j->now->ms + (uint64_t)a.limits.lifetime * 1000;
    else if (d->lifetime != 0)
        death = j->now->ms + (uint64_t)d->lifetime * 1000;
    if (err == NACRE_OK)
        err = ncr_keyring_add(&d->keys, &k, &a, death);
    if (err == NACRE_OK)
        agentd_log_key(d, "added", a.cert.n > 0 ? a.cert : nacre_privkey_public_blob(&k));
    else
        agentd_log(d, "key not added: %s", nacre_err_text(err));
    nacre_privkey_wipe(&k);
    return agentd_answer(j, err == NACRE_OK);
}

/* ---- Signing ---- */

/* Of the plain key, also for a certificate: the signature's own name is that one's. */
static struct nacre_bytes agentd_alg(const struct nacre_privkey *k, uint32_t flags)
{
    const struct nacre_pubkey none = {.name = {NULL, 0}};
    struct nacre_pubkey pub = none;

    if (nacre_pubkey_decode(&pub, nacre_privkey_public_blob(k)) != NACRE_OK)
        return none.name;
    if (!nacre_bytes_is(pub.name, "ssh-rsa"))
        return nacre_bytes_str(nacre_privkey_alg(k, 0));
    if ((flags & NACRE_AGENT_RSA_SHA2_256) != 0)
        return nacre_bytes_str("rsa-sha2-256");
    return nacre_bytes_str((flags & NACRE_AGENT_RSA_SHA2_512) != 0 ? "rsa-sha2-512" : "ssh-rsa");
}

/* The text that ssh-agent has. */
static void agentd_question(const struct agentd_job *j, const struct ncr_keyring_key *k,
                            struct nacre_bytes user)
{
    char comment[NCR_ESCAPE_ROOM(NACRE_KEY_COMMENT_MAX)], name[NCR_ESCAPE_ROOM(255)];
    char print[NACRE_FINGERPRINT_LEN];
    char *q = j->out->question;
    size_t n;

    (void)ncr_escape(comment, sizeof comment, k->comment, NCR_ESCAPE_LINE);
    (void)ncr_escape(name, sizeof name, user, NCR_ESCAPE_LINE);
    nacre_fingerprint(print, j->d->hash, nacre_privkey_public_blob(&k->key));
    (void)snprintf(q, sizeof j->out->question, "Allow use of key %s?\nKey fingerprint %s.", comment,
                   print);
    n = strlen(q);
    if (user.n > 0)
        (void)snprintf(q + n, sizeof j->out->question - n,
                       "\npublic key authentication request for user \"%s\" to listed host", name);
}

static enum ncr_agentd_next agentd_sign(struct agentd_job *j)
{
    const struct ncr_keyring_key *k = ncr_keyring_find(&j->d->keys, j->r->key);
    const struct nacre_agent_path path = agentd_path(j->peer);
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    struct nacre_bytes made = {sig, 0}, user;
    const char *what;
    nacre_err err;

    if (k == NULL) {
        agentd_log(j->d, "not signed: no such key");
        return agentd_answer(j, false);
    }
    agentd_log_key(j->d, "to sign with", k->blob);
    if (!nacre_agent_dests_permit_sign(k->dests, &path, k->blob, j->r->data, j->now->unix, &what,
                                       &user)) {
        agentd_log(j->d, "not signed: %s", what);
        return agentd_answer(j, false);
    }
    if (k->confirm && !j->confirmed) {
        agentd_question(j, k, user);
        return NCR_AGENTD_ASK;
    }
    err = nacre_privkey_sign(&k->key, agentd_alg(&k->key, j->r->flags), j->r->data, sig, sizeof sig,
                             &made.n, j->d->rng, j->d->work);
    if (err == NACRE_OK)
        err = nacre_agent_put_signature(j->out->p, j->out->cap, &j->out->n, made);
    if (err == NACRE_OK)
        return NCR_AGENTD_REPLY;
    agentd_log(j->d, "not signed: %s", nacre_err_text(err));
    return agentd_answer(j, false);
}

/* ---- Lock ---- */

static bool agentd_digest(uint8_t digest[NCR_AGENTD_DIGEST_LEN], const struct ncr_agentd *d,
                          struct nacre_bytes passphrase)
{
    return nacre_pbkdf2(digest, NCR_AGENTD_DIGEST_LEN, &nacre_hash_sha512, passphrase.p,
                        passphrase.n, d->salt, sizeof d->salt, AGENTD_ROUNDS);
}

static enum ncr_agentd_next agentd_lock(struct agentd_job *j)
{
    struct ncr_agentd *d = j->d;

    if (j->r->data.n == 0) { /* as with ssh-agent: nobody means it */
        agentd_log(d, "not locked: no passphrase");
        return agentd_answer(j, false);
    }
    if (!nacre_rng_fill(d->rng, d->salt, sizeof d->salt) ||
        !agentd_digest(d->digest, d, j->r->data))
        return agentd_answer(j, false);
    d->locked = true;
    d->failures = 0;
    d->unlock_at = 0;
    agentd_log(d, "locked");
    return agentd_answer(j, true);
}

static enum ncr_agentd_next agentd_unlock(struct agentd_job *j)
{
    struct ncr_agentd *d = j->d;
    uint8_t digest[NCR_AGENTD_DIGEST_LEN];
    uint64_t delay;
    bool good;

    if (!d->locked || j->r->data.n == 0)
        return agentd_answer(j, false);
    if (j->now->ms < d->unlock_at) { /* many connections guess no faster than one */
        j->out->when = d->unlock_at;
        return NCR_AGENTD_AGAIN;
    }
    good = agentd_digest(digest, d, j->r->data) && nacre_ct_eq(digest, d->digest, sizeof digest);
    nacre_wipe(digest, sizeof digest);
    if (good) {
        d->locked = false;
        nacre_wipe(d->digest, sizeof d->digest);
        agentd_log(d, "unlocked");
        return agentd_answer(j, true);
    }
    if (d->failures < NCR_AGENTD_DELAY_MAX_MS / NCR_AGENTD_DELAY_MS)
        d->failures++;
    delay = (uint64_t)d->failures * NCR_AGENTD_DELAY_MS;
    d->unlock_at = j->now->ms + delay;
    j->out->when = d->unlock_at;
    agentd_log(d, "wrong passphrase to unlock, %llu ms", (unsigned long long)delay);
    return agentd_answer(j, false);
}

/* ---- Extensions ---- */

/* Keeps a bind with its bytes. */
static nacre_err agentd_keep_bind(struct ncr_agentd_peer *peer, const struct nacre_agent_bind *b)
{
    struct nacre_agent_bind *own = &peer->binds[peer->n_binds];
    uint8_t *p = malloc(b->host_key.n + b->session_id.n); /* neither is empty */

    if (p == NULL)
        return NACRE_ERR_NO_MEMORY;
    memcpy(p, b->host_key.p, b->host_key.n);
    memcpy(p + b->host_key.n, b->session_id.p, b->session_id.n);
    *own = *b;
    peer->held[peer->n_binds] = p;
    own->host_key.p = p;
    own->session_id.p = p + b->host_key.n;
    peer->n_binds++;
    return NACRE_OK;
}

static enum ncr_agentd_next agentd_bind(struct agentd_job *j)
{
    const struct nacre_agent_path path = agentd_path(j->peer);
    struct nacre_agent_bind b;
    nacre_err err = nacre_agent_bind_decode(&b, j->r->data, j->d->work);

    j->peer->attempted = true; /* whatever comes of it */
    if (err == NACRE_OK)
        err = nacre_agent_path_check(&path, &b);
    if (err == NACRE_OK)
        err = agentd_keep_bind(j->peer, &b);
    else if (err == NACRE_ERR_USAGE)
        err = NACRE_OK; /* said before */
    if (err != NACRE_OK || b.forwarded)
        j->peer->remote = true;
    if (err == NACRE_OK)
        agentd_log_key(j->d, b.forwarded ? "bound, forwarded over" : "bound to", b.host_key);
    else
        agentd_log(j->d, "not bound: %s", nacre_err_text(err));
    agentd_status(j->out, err == NACRE_OK ? NACRE_AGENT_SUCCESS : NACRE_AGENT_EXTENSION_FAILURE);
    return NCR_AGENTD_REPLY;
}

/* While locked a connection may be bound, so that it is when the lock is gone; no more. */
static enum ncr_agentd_next agentd_extension(struct agentd_job *j)
{
    static const char *const names[] = {NACRE_AGENT_EXT_BIND, NULL};

    if (nacre_bytes_is(j->r->name, NACRE_AGENT_EXT_BIND))
        return agentd_bind(j);
    if (nacre_bytes_is(j->r->name, NACRE_AGENT_EXT_QUERY) && !j->d->locked &&
        nacre_agent_put_extensions(j->out->p, j->out->cap, &j->out->n, names) == NACRE_OK)
        return NCR_AGENTD_REPLY;
    return agentd_answer(j, false);
}

/* ---- Requests ---- */

struct agentd_row {
    enum nacre_agent_type type;
    const char *name;
    enum ncr_agentd_next (*run)(struct agentd_job *j); /* NULL: never */
    bool locked;                                       /* also while locked */
    bool remote;                                       /* also from other machines */
};

static const struct agentd_row agentd_rows[] = {
    {NACRE_AGENT_REMOVE_ALL_V1, "remove all keys of SSH 1", agentd_remove_v1, false, true},
    {NACRE_AGENT_REQUEST_IDENTITIES, "list keys", agentd_list, true, true},
    {NACRE_AGENT_SIGN_REQUEST, "sign", agentd_sign, false, true},
    {NACRE_AGENT_ADD_IDENTITY, "add key", agentd_add, false, false},
    {NACRE_AGENT_REMOVE_IDENTITY, "remove key", agentd_remove, false, true},
    {NACRE_AGENT_REMOVE_ALL_IDENTITIES, "remove all keys", agentd_remove_all, false, true},
    {NACRE_AGENT_ADD_SMARTCARD_KEY, "add keys of a token", NULL, false, false},
    {NACRE_AGENT_REMOVE_SMARTCARD_KEY, "remove keys of a token", NULL, false, false},
    {NACRE_AGENT_LOCK, "lock", agentd_lock, false, false},
    {NACRE_AGENT_UNLOCK, "unlock", agentd_unlock, true, false},
    {NACRE_AGENT_ADD_ID_CONSTRAINED, "add key with constraints", agentd_add, false, false},
    {NACRE_AGENT_ADD_SMARTCARD_KEY_CONSTRAINED, "add keys of a token", NULL, false, false},
    {NACRE_AGENT_EXTENSION, "extension", agentd_extension, true, true},
};

static const struct agentd_row *agentd_row(enum nacre_agent_type type)
{
    size_t i;

    for (i = 0; i < sizeof agentd_rows / sizeof agentd_rows[0]; i++)
        if (agentd_rows[i].type == type)
            return &agentd_rows[i];
    return NULL;
}

static enum ncr_agentd_next agentd_run(struct agentd_job *j)
{
    const struct agentd_row *row = agentd_row(j->r->type);

    if (row == NULL || row->run == NULL) {
        agentd_log(j->d, "request %u: %s, not supported", (unsigned)j->r->type,
                   row != NULL ? row->name : "unknown");
        return agentd_answer(j, false);
    }
    agentd_log(j->d, "request %u: %s%s%s", (unsigned)row->type, row->name,
               j->d->locked ? ", locked" : "", j->peer->remote ? ", forwarded" : "");
    if ((j->d->locked && !row->locked) || (j->peer->remote && !row->remote))
        return agentd_answer(j, false);
    return row->run(j);
}

static enum ncr_agentd_next agentd_take(struct ncr_agentd *d, struct ncr_agentd_peer *peer,
                                        struct nacre_bytes msg, const struct ncr_agentd_now *now,
                                        bool confirmed, struct ncr_agentd_reply *out)
{
    struct nacre_agent_request r;
    struct agentd_job j = {d, peer, &r, now, out, confirmed};
    nacre_err err = nacre_agent_request_decode(&r, msg);

    out->n = 0;
    out->when = 0;
    out->question[0] = '\0';
    (void)ncr_keyring_expire(&d->keys, now->ms); /* the caller's timer asks when the next is due */
    if (err == NACRE_ERR_FORMAT) {
        agentd_log(d, "malformed request");
        return agentd_answer(&j, false);
    }
    return agentd_run(&j);
}

enum ncr_agentd_next ncr_agentd_handle(struct ncr_agentd *d, struct ncr_agentd_peer *peer,
                                       struct nacre_bytes msg, const struct ncr_agentd_now *now,
                                       struct ncr_agentd_reply *out)
{
    return agentd_take(d, peer, msg, now, false, out);
}

void ncr_agentd_confirmed(struct ncr_agentd *d, struct ncr_agentd_peer *peer,
                          struct nacre_bytes msg, const struct ncr_agentd_now *now, bool yes,
                          struct ncr_agentd_reply *out)
{
    if (yes && agentd_take(d, peer, msg, now, true, out) == NCR_AGENTD_REPLY)
        return;
    if (!yes)
        agentd_log(d, "not signed: not confirmed");
    out->when = 0;
    agentd_status(out, NACRE_AGENT_FAILURE);
}

void ncr_agentd_wipe(struct ncr_agentd *d)
{
    ncr_keyring_clear(&d->keys);
    nacre_wipe(d->digest, sizeof d->digest);
    d->locked = false;
}

void ncr_agentd_peer_free(struct ncr_agentd_peer *peer)
{
    size_t i;

    for (i = 0; i < peer->n_binds; i++)
        free(peer->held[i]);
    memset(peer, 0, sizeof *peer);
}
