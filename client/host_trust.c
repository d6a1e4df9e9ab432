/* SPDX-License-Identifier: ISC
 *
 * Whether a host key is trusted: known_hosts files and the policy. One value trusts (S47): every
 * step that fails, a file that cannot be read included, refuses.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/known_hosts_file.h"
#include "proto/posix/file.h"

/* A host key under consideration. */
struct trust_case {
    struct nacre_client *c;
    struct nacre_bytes host;
    struct nacre_pubkey key;
    struct nacre_known_hosts search;
    char fingerprint[NACRE_FINGERPRINT_LEN];
};

static void trust_warn(void *ctx, const char *file, uint32_t line, const char *what)
{
    ncr_client_log(ctx, NACRE_LOG_INFO, "%s:%u: %s: line ignored", file, (unsigned)line, what);
}

/* Searches the files; false with the error line set. */
static bool trust_search(struct nacre_client *c, struct nacre_known_hosts *s,
                         struct nacre_bytes key)
{
    const char *bad = NULL;
    nacre_err err = nacre_known_hosts_init(s, nacre_bytes_str(c->key_host), c->key_port, key);

    if (err != NACRE_OK) {
        ncr_client_error(c, "%s: %s", c->host_text, nacre_err_text(err));
        return false;
    }
    err = ncr_hosts_search(s, c->cfg.known_hosts, c->cfg.n_known_hosts, trust_warn, c, &bad);
    if (err != NACRE_OK)
        ncr_client_error(c, "%s: %s", bad != NULL ? bad : c->host_text, ncr_file_error(err));
    return err == NACRE_OK;
}

nacre_err ncr_client_prefer_hosts(struct nacre_client *c, char *out, size_t cap, const char *list)
{
    struct nacre_known_hosts *s = malloc(sizeof *s);
    struct nacre_bytes none = {NULL, 0};
    nacre_err err;

    if (s == NULL)
        return NACRE_ERR_NO_MEMORY;
    err = nacre_known_hosts_init(s, nacre_bytes_str(c->key_host), c->key_port, none);
    if (err == NACRE_OK)
        err = ncr_hosts_search(s, c->cfg.known_hosts, c->cfg.n_known_hosts, NULL, NULL, NULL);
    if (err == NACRE_OK)
        err = nacre_known_hosts_prefer(out, cap, s, list);
    free(s);
    if (err == NACRE_OK || err == NACRE_ERR_NO_MEMORY)
        return err;
    (void)snprintf(out, cap, "%s", list); /* other failures are told when the key is there */
    return NACRE_OK;
}

/* ---- What people are told ---------------------------------------------------------------- */

static const char *trust_file(const struct trust_case *t)
{
    size_t i = t->search.file;

    return i < t->c->cfg.n_known_hosts ? t->c->cfg.known_hosts[i] : "?";
}

static void trust_banner(const struct trust_case *t, const char *title)
{
    static const char line[] = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@";

    ncr_client_log(t->c, NACRE_LOG_ERROR, "%s", line);
    ncr_client_log(t->c, NACRE_LOG_ERROR, "@ %-55s @", title);
    ncr_client_log(t->c, NACRE_LOG_ERROR, "%s", line);
}

static void trust_tell_changed(const struct trust_case *t)
{
    struct nacre_client *c = t->c;

    trust_banner(t, "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!");
    ncr_client_log(c, NACRE_LOG_ERROR, "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!");
    ncr_client_log(c, NACRE_LOG_ERROR,
                   "Someone could be eavesdropping on you right now (man-in-the-middle attack)!");
    ncr_client_log(c, NACRE_LOG_ERROR,
                   "It is also possible that a host key has just been changed.");
    ncr_client_log(c, NACRE_LOG_ERROR, "The %s key sent by the host %s is",
                   nacre_pubkey_label(&t->key), c->host_text);
    ncr_client_log(c, NACRE_LOG_ERROR, "%s.", t->fingerprint);
    ncr_client_log(c, NACRE_LOG_ERROR, "The %s key known from %s:%u is", t->search.known_label,
                   trust_file(t), (unsigned)t->search.line);
    ncr_client_log(c, NACRE_LOG_ERROR, "%s.", t->search.known_fp);
}

static void trust_error_changed(const struct trust_case *t)
{
    ncr_client_error(t->c, "Host key verification failed: the %s key of %s is %s, but %s:%u has %s",
                     nacre_pubkey_label(&t->key), t->c->host_text, t->fingerprint, trust_file(t),
                     (unsigned)t->search.line, t->search.known_fp);
}

/* ---- Decisions --------------------------------------------------------------------------- */

static nacre_err trust_add(const struct trust_case *t)
{
    const struct nacre_client_cfg *cfg = &t->c->cfg;
    uint8_t salt[NACRE_HOST_SALT_LEN];

    if (!cfg->hash_known_hosts)
        return ncr_hosts_add(cfg->known_hosts[0], t->host, t->c->key_port, t->key.blob);
    if (!nacre_rng_fill(cfg->rng, salt, sizeof salt))
        return NACRE_ERR_RNG;
    return ncr_hosts_add_hashed(cfg->known_hosts[0], t->host, t->c->key_port, t->key.blob, salt);
}

static enum nacre_verdict trust_save(const struct trust_case *t)
{
    struct nacre_client *c = t->c;
    nacre_err err;

    if (c->cfg.n_known_hosts == 0)
        return NACRE_ACCEPT;
    err = trust_add(t);
    if (err == NACRE_OK)
        ncr_client_log(c, NACRE_LOG_INFO,
                       "Warning: Permanently added '%s' (%s) to the list of known hosts.",
                       c->host_text, nacre_pubkey_label(&t->key));
    else
        ncr_client_log(c, NACRE_LOG_ERROR,
                       "Failed to add the host key of %s to the list of known hosts (%s): %s",
                       c->host_text, c->cfg.known_hosts[0],
                       err == NACRE_ERR_IO ? strerror(errno) : nacre_err_text(err));
    return NACRE_ACCEPT;
}

static enum nacre_verdict trust_refuse_unknown(const struct trust_case *t)
{
    ncr_client_error(t->c,
                     "Host key verification failed: no %s host key is known for %s (it is %s) "
                     "and strict checking is asked for",
                     nacre_pubkey_label(&t->key), t->c->host_text, t->fingerprint);
    return NACRE_REFUSE;
}

static enum nacre_verdict trust_ask(const struct trust_case *t)
{
    struct nacre_client *c = t->c;
    char art[NACRE_RANDOMART_LEN];
    char addr[NCR_SOCK_NAME + 16];
    struct nacre_host_question q = {
        .host = c->host_text,
        .addr = addr,
        .label = nacre_pubkey_label(&t->key),
        .fingerprint = t->fingerprint,
        .randomart = art,
        .verdict = t->search.verdict,
        .blob = t->key.blob,
    };
    enum nacre_trust trust = NACRE_TRUST_REJECT;
    uint64_t since;

    if (c->cfg.host_key == NULL)
        return trust_refuse_unknown(t);
    nacre_randomart(art, NACRE_FP_SHA256, &t->key);
    if (c->peer_port == 22 || c->peer_port == 0)
        (void)snprintf(addr, sizeof addr, "%s", c->peer_port == 0 ? "" : c->peer);
    else
        (void)snprintf(addr, sizeof addr, "[%s]:%u", c->peer, (unsigned)c->peer_port);
    since = ncr_client_pause(c);
    trust = c->cfg.host_key(c->cfg.ctx, &q);
    ncr_client_resume(c, since);
    if (trust == NACRE_TRUST_SAVE)
        return trust_save(t);
    if (trust == NACRE_TRUST_ONCE)
        return NACRE_ACCEPT;
    ncr_client_error(c,
                     "Host key verification failed: the unknown %s key %s of %s was not accepted",
                     q.label, t->fingerprint, c->host_text);
    return NACRE_REFUSE;
}

static enum nacre_verdict trust_unknown(const struct trust_case *t)
{
    switch (t->c->cfg.host_policy) {
    case NACRE_HOSTS_ASK:
        return trust_ask(t);
    case NACRE_HOSTS_ACCEPT_NEW:
    case NACRE_HOSTS_OFF:
        return trust_save(t);
    default:
        return trust_refuse_unknown(t);
    }
}

/* With checking off the connection goes on, but nothing is entrusted to it. */
static enum nacre_verdict trust_changed(const struct trust_case *t)
{
    trust_tell_changed(t);
    if (t->c->cfg.host_policy != NACRE_HOSTS_OFF) {
        trust_error_changed(t);
        return NACRE_REFUSE;
    }
    t->c->distrusted = true;
    ncr_client_log(t->c, NACRE_LOG_ERROR,
                   "Password, keyboard-interactive authentication and forwarding are disabled.");
    return NACRE_ACCEPT;
}

static enum nacre_verdict trust_revoked(const struct trust_case *t)
{
    trust_banner(t, "WARNING: REVOKED HOST KEY DETECTED!");
    ncr_client_error(t->c, "Host key verification failed: the %s key %s of %s is revoked by %s:%u",
                     nacre_pubkey_label(&t->key), t->fingerprint, t->c->host_text, trust_file(t),
                     (unsigned)t->search.line);
    return NACRE_REFUSE;
}

static enum nacre_verdict trust_decide(const struct trust_case *t)
{
    switch (t->search.verdict) {
    case NACRE_HOST_MATCH:
        ncr_client_log(t->c, NACRE_LOG_DEBUG, "Host '%s' is known and matches the %s host key.",
                       t->c->host_text, nacre_pubkey_label(&t->key));
        ncr_client_log(t->c, NACRE_LOG_DEBUG, "Found key in %s:%u", trust_file(t),
                       (unsigned)t->search.line);
        return NACRE_ACCEPT;
    case NACRE_HOST_NOT_FOUND:
    case NACRE_HOST_OTHER_TYPE:
        return trust_unknown(t);
    case NACRE_HOST_CHANGED:
        return trust_changed(t);
    default:
        return trust_revoked(t);
    }
}

enum nacre_verdict ncr_client_trust(struct nacre_client *c, const struct nacre_event *ev)
{
    struct trust_case *t = calloc(1, sizeof *t);
    enum nacre_verdict verdict = NACRE_REFUSE;

    if (t == NULL)
        return NACRE_REFUSE;
    t->c = c;
    t->host = nacre_bytes_str(c->key_host);
    nacre_fingerprint(t->fingerprint, NACRE_FP_SHA256, ev->blob);
    if (nacre_pubkey_decode(&t->key, ev->blob) != NACRE_OK || !nacre_pubkey_trustworthy(&t->key)) {
        ncr_client_error(c, "Host key verification failed: the key of %s (%s) is not fit for use",
                         c->host_text, t->fingerprint);
    } else {
        ncr_client_log(c, NACRE_LOG_DEBUG, "Server host key: %s %s", nacre_pubkey_label(&t->key),
                       t->fingerprint);
        if (trust_search(c, &t->search, ev->blob))
            verdict = trust_decide(t);
    }
    free(t);
    return verdict;
}
