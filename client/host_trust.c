/* SPDX-License-Identifier: ISC
 *
 * Whether a host key is trusted: files of revoked keys, known_hosts files and the policy. One value
 * trusts (S47): every step that fails, a file that cannot be read included, refuses.
 *
 * A certificate is trusted by an authority that a @cert-authority line names for the host, if it is
 * good in every respect. If not, its plain key is looked at as if it had come alone, as ssh does;
 * what is wrong with it is told.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/client.h"
#include "client/known_hosts_file.h"
#include "client/names.h"
#include "proto/posix/file.h"
#include "proto/posix/revoked_file.h"

/* A host key under consideration. */
struct trust_case {
    struct nacre_client *c;
    struct nacre_bytes host;
    struct nacre_pubkey key; /* of a certificate the plain one */
    struct nacre_cert cert;  /* type NULL: a plain key */
    struct nacre_known_hosts search;
    char fingerprint[NACRE_FINGERPRINT_LEN];
    uint8_t plain[NACRE_KEY_BLOB_MAX];
};

static void trust_warn(void *ctx, const char *file, uint32_t line, const char *what)
{
    ncr_client_log(ctx, NACRE_LOG_INFO, "%s:%u: %s: line ignored", file, (unsigned)line, what);
}

/* Searches the files for the key, or as_cert for the authority; false with the error line set. */
static bool trust_search(struct trust_case *t, bool as_cert)
{
    struct nacre_client *c = t->c;
    const char *bad = NULL;
    nacre_err err = as_cert
                        ? nacre_known_hosts_init_cert(&t->search, t->host, c->key_port, &t->cert)
                        : nacre_known_hosts_init(&t->search, t->host, c->key_port, t->key.blob);

    if (err != NACRE_OK) {
        ncr_client_error(c, "%s: %s", c->host_text, nacre_err_text(err));
        return false;
    }
    err =
        ncr_hosts_search(&t->search, c->cfg.known_hosts, c->cfg.n_known_hosts, trust_warn, c, &bad);
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

static const char *trust_file_at(const struct trust_case *t, size_t i)
{
    return i < t->c->cfg.n_known_hosts ? t->c->cfg.known_hosts[i] : "?";
}

static const char *trust_file(const struct trust_case *t)
{
    return trust_file_at(t, t->search.file);
}

static void trust_banner(const struct trust_case *t, const char *title)
{
    static const char line[] = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@";

    ncr_client_log(t->c, NACRE_LOG_ERROR, "%s", line);
    ncr_client_log(t->c, NACRE_LOG_ERROR, "@%s@", title);
    ncr_client_log(t->c, NACRE_LOG_ERROR, "%s", line);
}

/* The words of ssh, which scripts and people know. */
static void trust_tell_changed(const struct trust_case *t)
{
    struct nacre_client *c = t->c;

    trust_banner(t, "    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     ");
    ncr_client_log(c, NACRE_LOG_ERROR, "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!");
    ncr_client_log(c, NACRE_LOG_ERROR,
                   "Someone could be eavesdropping on you right now (man-in-the-middle attack)!");
    ncr_client_log(c, NACRE_LOG_ERROR,
                   "It is also possible that a host key has just been changed.");
    ncr_client_log(c, NACRE_LOG_ERROR, "The fingerprint for the %s key sent by the remote host is",
                   nacre_pubkey_label(&t->key));
    ncr_client_log(c, NACRE_LOG_ERROR, "%s.", t->fingerprint);
    ncr_client_log(c, NACRE_LOG_ERROR, "The one that is known is %s.", t->search.known_fp);
    ncr_client_log(c, NACRE_LOG_ERROR, "Please contact your system administrator.");
    ncr_client_log(c, NACRE_LOG_ERROR, "Add correct host key in %s to get rid of this message.",
                   trust_file_at(t, 0));
    ncr_client_log(c, NACRE_LOG_ERROR, "Offending %s key in %s:%u", t->search.known_label,
                   trust_file(t), (unsigned)t->search.line);
    ncr_client_log(c, NACRE_LOG_ERROR, "  remove with:");
    ncr_client_log(c, NACRE_LOG_ERROR, "  nacre-keygen -f \"%s\" -R \"%s\"", trust_file(t),
                   c->host_text);
}

static void trust_error_changed(const struct trust_case *t)
{
    ncr_client_error(t->c, "Host key verification failed. The %s key of %s is %s, but %s:%u has %s",
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

/* confirmed: a person looked at the key. One that nobody looked at does not vouch for further keys
 * of the host: they are learned at the next visit, as with ssh. */
static enum nacre_verdict trust_save(const struct trust_case *t, bool confirmed)
{
    struct nacre_client *c = t->c;
    nacre_err err;

    if (c->cfg.n_known_hosts == 0)
        return NACRE_ACCEPT;
    err = trust_add(t);
    c->host_own = confirmed && err == NACRE_OK;
    if (err == NACRE_OK)
        ncr_client_log(c, NACRE_LOG_INFO,
                       "Warning: Permanently added '%s' (%s) to the list of known hosts.",
                       c->host_text, nacre_pubkey_label(&t->key));
    else
        ncr_client_log(c, NACRE_LOG_ERROR,
                       "Failed to add the host to the list of known hosts (%s): %s",
                       c->cfg.known_hosts[0], ncr_file_error(err));
    return NACRE_ACCEPT;
}

static enum nacre_verdict trust_refuse_unknown(const struct trust_case *t)
{
    if (t->c->cfg.host_policy == NACRE_HOSTS_STRICT)
        ncr_client_log(t->c, NACRE_LOG_ERROR,
                       "No %s host key is known for %s and you have requested strict checking.",
                       nacre_pubkey_label(&t->key), t->c->host_text);
    ncr_client_error(t->c,
                     "Host key verification failed. No %s host key is known for %s (it is %s) "
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
    char *names;
    enum nacre_trust trust = NACRE_TRUST_REJECT;
    uint64_t since;

    if (c->cfg.host_key == NULL)
        return trust_refuse_unknown(t);
    nacre_randomart(art, NACRE_FP_SHA256, &t->key);
    if (c->peer_port == 22 || c->peer_port == 0)
        (void)snprintf(addr, sizeof addr, "%s", c->peer_port == 0 ? "" : c->peer);
    else
        (void)snprintf(addr, sizeof addr, "[%s]:%u", c->peer, (unsigned)c->peer_port);
    names = ncr_client_other_names(c, t->key.blob);
    q.other_names = names != NULL ? names : "";
    since = ncr_client_pause(c);
    trust = c->cfg.host_key(c->cfg.ctx, &q);
    ncr_client_resume(c, since);
    free(names);
    if (trust == NACRE_TRUST_SAVE)
        return trust_save(t, true);
    if (trust == NACRE_TRUST_ONCE)
        return NACRE_ACCEPT;
    ncr_client_error(c,
                     "Host key verification failed. The unknown %s key %s of %s was not accepted",
                     q.label, t->fingerprint, c->host_text);
    return NACRE_REFUSE;
}

/* As ssh: the same key known for the host at port 22 is good enough. */
static bool trust_bare(const struct trust_case *t)
{
    if (t->search.verdict != NACRE_HOST_NOT_FOUND || !t->search.bare_match)
        return false;
    ncr_client_log(t->c, NACRE_LOG_DEBUG, "found matching key w/out port in %s:%u",
                   trust_file_at(t, t->search.bare_file), (unsigned)t->search.bare_line);
    return true;
}

static enum nacre_verdict trust_unknown(const struct trust_case *t)
{
    if (trust_bare(t))
        return NACRE_ACCEPT;
    switch (t->c->cfg.host_policy) {
    case NACRE_HOSTS_ASK:
        return trust_ask(t);
    case NACRE_HOSTS_ACCEPT_NEW:
    case NACRE_HOSTS_OFF:
        return trust_save(t, false);
    default:
        return trust_refuse_unknown(t);
    }
}

/* A key of another type than those known is a changed one, as with ssh: known types are asked for
 * first, and who has none of these keys would show a new one. With checking off the connection goes
 * on, but nothing is entrusted to it. */
static enum nacre_verdict trust_changed(const struct trust_case *t)
{
    trust_tell_changed(t);
    if (t->c->cfg.host_policy != NACRE_HOSTS_OFF) {
        ncr_client_log(t->c, NACRE_LOG_ERROR,
                       "Host key for %s has changed and you have requested strict checking.",
                       t->c->host_text);
        trust_error_changed(t);
        return NACRE_REFUSE;
    }
    t->c->distrusted = true;
    ncr_client_log(t->c, NACRE_LOG_ERROR,
                   "Password, keyboard-interactive authentication and forwarding are disabled.");
    return NACRE_ACCEPT;
}

/* Whatever the policy. kind: "" or "-CERT", what was looked for. */
static enum nacre_verdict trust_revoked(const struct trust_case *t, const char *kind)
{
    const char *label = nacre_pubkey_label(&t->key);

    trust_banner(t, "       WARNING: REVOKED HOST KEY DETECTED!               ");
    ncr_client_log(t->c, NACRE_LOG_ERROR, "The %s%s host key for %s is marked as revoked.", label,
                   kind, t->c->host_text);
    ncr_client_log(t->c, NACRE_LOG_ERROR, "This could mean that a stolen key is being used to");
    ncr_client_log(t->c, NACRE_LOG_ERROR, "impersonate this host.");
    if (t->c->cfg.host_policy != NACRE_HOSTS_OFF)
        ncr_client_log(t->c, NACRE_LOG_ERROR,
                       "%s%s host key for %s was revoked and you have requested strict checking.",
                       label, kind, t->c->host_text);
    ncr_client_error(t->c, "Host key verification failed. The %s key %s of %s is revoked by %s:%u",
                     label, t->fingerprint, t->c->host_text, trust_file(t),
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
        t->c->host_own = t->search.file < t->c->cfg.n_own_hosts;
        return NACRE_ACCEPT;
    case NACRE_HOST_NOT_FOUND:
        return trust_unknown(t);
    case NACRE_HOST_OTHER_TYPE: /* of types that are not understood the host would show none */
        return t->search.types == 0 ? trust_unknown(t) : trust_changed(t);
    case NACRE_HOST_CHANGED:
        return trust_changed(t);
    default:
        return trust_revoked(t, "");
    }
}

/* ---- Certificates ------------------------------------------------------------------------ */

static void trust_tell_cert(const struct trust_case *t)
{
    char ca[NACRE_FINGERPRINT_LEN];
    struct ncr_text id;

    nacre_fingerprint(ca, NACRE_FP_SHA256, t->cert.ca);
    ncr_client_log(t->c, NACRE_LOG_DEBUG,
                   "Server host certificate: %s %s, serial %llu ID \"%s\" CA %s",
                   nacre_pubkey_label(&t->key), t->fingerprint, (unsigned long long)t->cert.serial,
                   ncr_text(&id, t->cert.key_id), ca);
}

/* Whether the authority's signature is of an algorithm that is allowed (CASignatureAlgorithms). */
static bool trust_ca_alg(const struct trust_case *t)
{
    const struct nacre_client_cfg *cfg = &t->c->cfg;
    struct nacre_bytes signature = t->cert.signature;
    struct nacre_bytes alg = {NULL, 0};
    char list[NCR_CLIENT_ALGS_CAP];
    struct nacre_bytes name;
    const char *rest = list;

    if (!nacre_cert_next_string(&signature, &alg) || /* the first one names it */
        nacre_algs_expand(list, sizeof list,
                          cfg->conn.algs != NULL ? cfg->conn.algs : &nacre_algs_default,
                          NACRE_ALG_SIG, cfg->conn.profile, cfg->ca_sig_algs) != NACRE_OK)
        return false;
    while (ncr_names_next(&rest, &name)) {
        if (name.n == alg.n && memcmp(name.p, alg.p, alg.n) == 0)
            return true;
    }
    return false;
}

/* Whether a certificate of an authority that is trusted for the host is good; what says why not. */
static bool trust_cert_good(const struct trust_case *t, const char **what)
{
    time_t now = time(NULL);

    *what = "no time";
    if (now == (time_t)-1 ||
        nacre_cert_check(&t->cert, NACRE_CERT_HOST, &t->host, (uint64_t)now, what) != NACRE_OK)
        return false;
    *what = "signed with an algorithm that is not allowed";
    if (!trust_ca_alg(t))
        return false;
    *what = "not signed by the authority that it names";
    return nacre_cert_verify(&t->cert, t->c->work) == NACRE_OK;
}

/* ACCEPT: trusted by its authority. *settled: the verdict stands; else the plain key decides. */
static enum nacre_verdict trust_cert(struct trust_case *t, bool *settled)
{
    struct nacre_client *c = t->c;
    const char *what;

    trust_tell_cert(t);
    *settled = true;
    if (!trust_search(t, true))
        return NACRE_REFUSE;
    if (t->search.verdict == NACRE_HOST_REVOKED)
        return trust_revoked(t, "-CERT");
    if (t->search.verdict == NACRE_HOST_MATCH && trust_cert_good(t, &what)) {
        ncr_client_log(c, NACRE_LOG_DEBUG,
                       "Host '%s' is known and matches the %s-CERT host "
                       "certificate.",
                       c->host_text, nacre_pubkey_label(&t->key));
        ncr_client_log(c, NACRE_LOG_DEBUG, "Found CA key in %s:%u", trust_file(t),
                       (unsigned)t->search.line);
        return NACRE_ACCEPT;
    }
    *settled = false;
    if (t->search.verdict == NACRE_HOST_MATCH)
        ncr_client_log(c, NACRE_LOG_ERROR, "Certificate invalid: %s", what);
    ncr_client_log(c, NACRE_LOG_DEBUG, "No matching CA found. Retry with plain key");
    return NACRE_REFUSE;
}

/* ---- The whole --------------------------------------------------------------------------- */

/* RevokedHostKeys: a file that cannot be read revokes too. */
static bool trust_not_in_revoked_files(const struct trust_case *t, struct nacre_bytes blob)
{
    const struct nacre_client_cfg *cfg = &t->c->cfg;
    struct ncr_revoked_why why;

    for (size_t i = 0; i < cfg->n_revoked_host_keys; i++) {
        const char *file = cfg->revoked_host_keys[i];
        nacre_err err = ncr_revoked(file, blob, &why);

        if (err == NACRE_OK)
            continue;
        if (err == NACRE_ERR_KEY_REFUSED)
            ncr_client_error(t->c,
                             "Host key verification failed. The %s key %s of %s is revoked by "
                             "file %s",
                             nacre_pubkey_label(&t->key), t->fingerprint, t->c->host_text, file);
        else if (why.line != 0)
            ncr_client_error(t->c, "Host key verification failed. Revoked keys in %s:%u: %s", file,
                             (unsigned)why.line, why.what);
        else
            ncr_client_error(t->c, "Host key verification failed. Revoked keys in %s: %s", file,
                             why.what);
        return false;
    }
    return true;
}

/* Takes the blob apart; false: it is no key that could be trusted. */
static bool trust_decode(struct trust_case *t, struct nacre_bytes blob)
{
    struct nacre_bytes plain = blob;

    if (nacre_cert_is(blob)) {
        if (nacre_cert_decode(&t->cert, blob, t->plain, sizeof t->plain) != NACRE_OK)
            return false;
        plain = t->cert.plain;
    }
    nacre_fingerprint(t->fingerprint, NACRE_FP_SHA256, plain);
    return nacre_pubkey_decode(&t->key, plain) == NACRE_OK && nacre_pubkey_trustworthy(&t->key);
}

static enum nacre_verdict trust_consider(struct trust_case *t, struct nacre_bytes blob)
{
    enum nacre_verdict verdict;
    bool settled = false;

    if (!trust_not_in_revoked_files(t, blob))
        return NACRE_REFUSE;
    if (t->cert.type != NULL) {
        verdict = trust_cert(t, &settled);
        if (settled)
            return verdict;
    } else {
        ncr_client_log(t->c, NACRE_LOG_DEBUG, "Server host key: %s %s", nacre_pubkey_label(&t->key),
                       t->fingerprint);
    }
    return trust_search(t, false) ? trust_decide(t) : NACRE_REFUSE;
}

enum nacre_verdict ncr_client_trust(struct nacre_client *c, const struct nacre_event *ev)
{
    struct trust_case *t = calloc(1, sizeof *t);
    enum nacre_verdict verdict = NACRE_REFUSE;

    if (t == NULL)
        return NACRE_REFUSE;
    t->c = c;
    t->host = nacre_bytes_str(c->key_host);
    c->host_own = false;
    if (trust_decode(t, ev->blob))
        verdict = trust_consider(t, ev->blob);
    else
        ncr_client_error(c, "Host key verification failed. The key of %s %s is not fit for use",
                         c->host_text, t->fingerprint);
    c->host_own = c->host_own && verdict == NACRE_ACCEPT && !c->distrusted;
    free(t);
    return verdict;
}
