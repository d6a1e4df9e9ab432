/* SPDX-License-Identifier: ISC
 *
 * Keys to authenticate with: see identities.h.
 */
#include "client/identities.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/agent_client.h"
#include "client/client.h"
#include "client/key_load.h"
#include "proto/posix/file.h"

#define IDS_FIRST 16
#define IDS_PATH_CAP 4096
#define IDS_OPEN_MODES 077 /* permission bits that a private key file must not have */

/* ---- The list ---------------------------------------------------------------------------- */

static struct ncr_identity *ids_find(struct ncr_identities *ids, struct nacre_bytes blob)
{
    for (size_t i = 0; i < ids->n; i++) {
        struct ncr_identity *id = &ids->id[i];

        if (id->blob.n == blob.n && blob.n > 0 && memcmp(id->blob.p, blob.p, blob.n) == 0)
            return id;
    }
    return NULL;
}

/* Keeps a copy of the blob and, of a certificate, of the plain key in it. */
static bool ids_set_blob(struct ncr_identity *id, struct nacre_bytes blob)
{
    uint8_t *mem = malloc(2 * blob.n + 1);
    struct nacre_cert cert;

    if (mem == NULL)
        return false;
    memcpy(mem, blob.p, blob.n);
    id->mem = mem;
    id->blob.p = mem;
    id->blob.n = blob.n;
    id->plain = id->blob;
    id->is_cert = nacre_cert_is(id->blob) &&
                  nacre_cert_decode(&cert, id->blob, mem + blob.n, blob.n) == NACRE_OK;
    if (id->is_cert)
        id->plain = cert.plain;
    return true;
}

/* A new one, or the one that has that blob already; blob may be empty. NULL: out of memory. */
static struct ncr_identity *ids_add(struct ncr_identities *ids, enum ncr_id_rank rank,
                                    struct nacre_bytes blob, const char *path)
{
    struct ncr_identity *id = ids_find(ids, blob);
    struct ncr_identity *grown = ids->id;
    size_t cap = ids->cap;

    if (id != NULL)
        return id;
    if (ids->n == cap) {
        cap = cap == 0 ? IDS_FIRST : 2 * cap;
        grown = realloc(ids->id, cap * sizeof *grown);
    }
    if (grown == NULL)
        return NULL;
    ids->id = grown;
    ids->cap = cap;
    id = &ids->id[ids->n];
    memset(id, 0, sizeof *id);
    id->rank = rank;
    id->seq = ids->seq++;
    id->path = strdup(path);
    if (id->path == NULL || (blob.n > 0 && !ids_set_blob(id, blob))) {
        free(id->path);
        return NULL;
    }
    ids->n++;
    return id;
}

static int ids_compare(const void *a, const void *b)
{
    const struct ncr_identity *x = a;
    const struct ncr_identity *y = b;

    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void ids_close_key(struct ncr_identity *id)
{
    if (id->open != NULL)
        nacre_privkey_wipe(id->open);
    free(id->open);
    id->open = NULL;
}

void ncr_ids_free(struct ncr_identities *ids)
{
    for (size_t i = 0; i < ids->n; i++) {
        ids_close_key(&ids->id[i]);
        free(ids->id[i].mem);
        free(ids->id[i].path);
        free(ids->id[i].label);
    }
    free(ids->id);
    nacre_agent_close(ids->agent);
    memset(ids, 0, sizeof *ids);
}

const char *ncr_id_name(const struct ncr_identity *id)
{
    return id->path[0] != '\0' ? id->path
           : id->label != NULL ? id->label
           : id->in_agent      ? "(agent)"
           : id->in_hook       ? "(signer)"
                               : "(given)";
}

/* ---- Files ------------------------------------------------------------------------------- */

static bool ids_private(struct nacre_client *c, const char *path, const struct ncr_file *f)
{
    if (f->st.st_uid != getuid() || (f->st.st_mode & IDS_OPEN_MODES) == 0)
        return true;
    ncr_client_log(c, NACRE_LOG_ERROR,
                   "Permissions %04o for '%s' are too open: this private key is not used.",
                   (unsigned)f->st.st_mode & 07777u, path);
    return false;
}

static bool ids_is_public(struct nacre_bytes file)
{
    enum nacre_keyfile_format format = nacre_keyfile_sniff(file);

    return format == NACRE_KEYFILE_PUBLIC || format == NACRE_KEYFILE_PUBLIC_4716;
}

/* The blob of a public key file, of any type: it lies in scratch. Empty: none. */
static struct nacre_bytes ids_public_blob(struct nacre_bytes file, uint8_t *scratch)
{
    struct nacre_bytes none = {NULL, 0};
    struct nacre_pubkey k;
    nacre_err err = nacre_keyfile_read_public(&k, NULL, file, scratch, file.n + 1, NULL);

    return err == NACRE_OK || err == NACRE_ERR_UNKNOWN_ALG ? k.blob : none;
}

/* Adds the key or certificate of a public key file. NULL: there is none. want_cert: nothing else is
 * taken. */
static struct ncr_identity *ids_add_public(struct nacre_client *c, enum ncr_id_rank rank,
                                           const char *file, const char *path)
{
    const bool want_cert = rank == NCR_ID_CERT || rank == NCR_ID_OWN_CERT;
    struct ncr_identity *id = NULL;
    struct nacre_bytes blob = {NULL, 0};
    struct nacre_cert cert;
    uint8_t *scratch;
    struct ncr_file f;

    if (ncr_file_read(&f, file, NACRE_KEYFILE_MAX) != NACRE_OK)
        return NULL;
    scratch = malloc(f.n + 1);
    if (scratch != NULL && ids_is_public((struct nacre_bytes){f.p, f.n}))
        blob = ids_public_blob((struct nacre_bytes){f.p, f.n}, scratch);
    if (blob.n > 0 && nacre_cert_is(blob) &&
        (nacre_cert_decode(&cert, blob, NULL, 0) != NACRE_OK || cert.kind != NACRE_CERT_USER)) {
        ncr_client_log(c, NACRE_LOG_DEBUG, "%s: not a user's certificate", file);
        blob.n = 0;
    }
    if (blob.n > 0 && (!want_cert || nacre_cert_is(blob)))
        id = ids_add(&c->plan.ids, rank, blob, path);
    free(scratch);
    ncr_file_wipe(&f);
    return id;
}

struct ids_ask {
    struct nacre_client *c;
    const char *path;
    unsigned left;
    bool may; /* ask at all */
};

static bool ids_ask_pass(void *ctx, unsigned attempt, char *pass, size_t cap)
{
    struct ids_ask *a = ctx;
    char prompt[NCR_CLIENT_TEXT_CAP];
    char answer[NACRE_SECRET_CAP];
    struct nacre_secret_question q = {
        .kind = NACRE_SECRET_PASSPHRASE, .prompt = prompt, .file = a->path};
    bool given;

    if (!a->may || attempt > a->left)
        return false;
    if (attempt > 1)
        ncr_client_log(a->c, NACRE_LOG_DEBUG, "bad passphrase given, try again...");
    (void)snprintf(prompt, sizeof prompt, "Enter passphrase for key '%.400s': ", a->path);
    given = ncr_plan_ask(a->c, &q, answer) && answer[0] != '\0' && strlen(answer) < cap;
    if (given)
        memcpy(pass, answer, strlen(answer) + 1);
    nacre_wipe(answer, sizeof answer);
    return given;
}

/* Whether the agent is to have it, and how. */
static bool ids_may_keep(struct nacre_client *c, const char *path, const char *comment)
{
    char prompt[NCR_CLIENT_TEXT_CAP];
    char answer[NACRE_SECRET_CAP];
    struct nacre_secret_question q = {
        .kind = NACRE_SECRET_CONFIRM, .prompt = prompt, .file = path, .echo = true};
    struct ncr_text t;
    bool yes;

    if (c->cfg.keep == NACRE_KEEP_NO || c->plan.ids.agent == NULL)
        return false;
    if (c->cfg.keep != NACRE_KEEP_ASK)
        return true;
    (void)snprintf(prompt, sizeof prompt, "Add key %.200s (%.200s) to agent?", path,
                   ncr_text(&t, nacre_bytes_str(comment)));
    yes = ncr_plan_ask(c, &q, answer) && (answer[0] == '\0' || strcmp(answer, "yes") == 0);
    nacre_wipe(answer, sizeof answer);
    return yes;
}

/* Over a connection of its own: an agent may take no keys over one that is bound to a session. */
static nacre_err ids_store(struct nacre_client *c, const struct nacre_privkey *key,
                           const char *comment)
{
    const struct nacre_agent_limits limits = {.has_lifetime = c->cfg.keep_lifetime != 0,
                                              .lifetime = c->cfg.keep_lifetime,
                                              .confirm = c->cfg.keep == NACRE_KEEP_CONFIRM};
    const struct nacre_bytes none = {NULL, 0};
    struct nacre_agent *a;
    nacre_err err = nacre_agent_open(&a, c->cfg.agent);

    if (err == NACRE_OK)
        err = nacre_agent_store(a, key, none, nacre_bytes_str(comment), &limits);
    nacre_agent_close(a);
    return err;
}

static void ids_keep(struct nacre_client *c, struct ncr_identity *id, const char *comment)
{
    uint64_t since;
    nacre_err err;

    if (!ids_may_keep(c, id->path, comment))
        return;
    since = ncr_client_pause(c);
    err = ids_store(c, id->open, comment[0] != '\0' ? comment : id->path);
    ncr_client_resume(c, since);
    if (err == NACRE_OK)
        ncr_client_log(c, NACRE_LOG_DEBUG, "identity added to agent: %s", id->path);
    else
        ncr_client_log(c, NACRE_LOG_DEBUG, "could not add identity to agent: %s (%s)", id->path,
                       nacre_err_text(err));
}

/* Reads the private half out of f. */
static nacre_err ids_read_key(struct nacre_client *c, struct ncr_identity *id,
                              const struct ncr_file *f, bool ask)
{
    const unsigned prompts = c->cfg.prompts != 0 ? c->cfg.prompts : NCR_PLAN_PROMPTS;
    struct ids_ask a = {.c = c, .path = id->path, .left = prompts, .may = ask};
    struct ncr_key_pass *pass = calloc(1, sizeof *pass);
    char comment[NACRE_KEY_COMMENT_MAX + 1];
    struct nacre_keyfile_info info;
    nacre_err err = NACRE_ERR_NO_MEMORY;

    id->open = calloc(1, sizeof *id->open);
    if (pass != NULL && id->open != NULL) {
        pass->ask = ids_ask_pass;
        pass->ctx = &a;
        err = ncr_key_load(id->open, comment, sizeof comment, (struct nacre_bytes){f->p, f->n},
                           pass, &info, c->work);
        nacre_wipe(pass, sizeof *pass);
    }
    free(pass);
    if (err == NACRE_OK && ask)
        ids_keep(c, id, comment);
    else if (err != NACRE_OK && (ask || err != NACRE_ERR_PASSPHRASE))
        ncr_client_log(c, NACRE_LOG_ERROR, "Load key \"%s\": %s", id->path,
                       err == NACRE_ERR_NO_MEMORY ? nacre_err_text(err) : info.what);
    if (err != NACRE_OK)
        ids_close_key(id);
    return err;
}

/* Opens the private half; ask: with a passphrase if it takes one. */
static bool ids_open(struct nacre_client *c, struct ncr_identity *id, bool ask)
{
    struct ncr_file f;
    nacre_err err;

    if (id->open != NULL)
        return true;
    if (id->spoilt || id->path[0] == '\0')
        return false;
    err = ncr_file_read(&f, id->path, NACRE_KEYFILE_MAX);
    if (err != NACRE_OK) {
        ncr_client_log(c, NACRE_LOG_DEBUG, "identity file %s: %s", id->path, ncr_file_error(err));
        id->spoilt = true;
        return false;
    }
    if (!ids_private(c, id->path, &f))
        id->spoilt = true;
    else
        err = ids_read_key(c, id, &f, ask);
    if (err != NACRE_OK && (ask || err != NACRE_ERR_PASSPHRASE))
        id->spoilt = true;
    ncr_file_wipe(&f);
    if (id->open != NULL && id->plain.n > 0 &&
        (id->plain.n != id->open->blob_len ||
         memcmp(id->plain.p, id->open->blob, id->plain.n) != 0)) {
        ncr_client_log(c, NACRE_LOG_ERROR, "private key %s contents do not match public", id->path);
        ids_close_key(id);
        id->spoilt = true;
    }
    return id->open != NULL;
}

/* Opens what needs no passphrase, to learn the public half. */
static void ids_add_closed(struct nacre_client *c, const char *path)
{
    struct ncr_identities *ids = &c->plan.ids;
    struct nacre_bytes none = {NULL, 0};
    struct ncr_identity *id = ids_add(ids, NCR_ID_FILE, none, path);

    if (id != NULL && ids_open(c, id, false))
        (void)ncr_id_reveal(c, id); /* a double is found when it is tried */
    if (id != NULL && id->spoilt) {
        ids_close_key(id);
        free(id->path);
        ids->n--;
    }
}

/* An identity: its public half out of the file, of file.pub, or of the private key file; then its
 * own certificate. */
static void ids_add_file(struct nacre_client *c, const char *path)
{
    char name[IDS_PATH_CAP];
    struct ncr_file f;
    struct nacre_bytes blob = {NULL, 0};
    uint8_t *scratch = NULL;
    struct ncr_identity *id = ids_add_public(c, NCR_ID_FILE, path, path);

    if (id == NULL && snprintf(name, sizeof name, "%s.pub", path) < (int)sizeof name)
        id = ids_add_public(c, NCR_ID_FILE, name, path);
    if (id == NULL && ncr_file_read(&f, path, NACRE_KEYFILE_MAX) == NACRE_OK) {
        scratch = malloc(f.n + 1);
        if (scratch != NULL)
            blob = ids_public_blob((struct nacre_bytes){f.p, f.n}, scratch);
        if (blob.n == 0)
            ids_add_closed(c, path);
        else
            id = ids_add(&c->plan.ids, NCR_ID_FILE, blob, path);
        ncr_file_wipe(&f);
        free(scratch);
    } else if (id == NULL) {
        ncr_client_log(c, NACRE_LOG_DEBUG, "identity file %s: %s", path, strerror(errno));
    }
    if (id != NULL)
        ncr_client_log(c, NACRE_LOG_DEBUG, "identity file %s", path);
    if (c->cfg.n_certificates == 0 &&
        snprintf(name, sizeof name, "%s-cert.pub", path) < (int)sizeof name)
        (void)ids_add_public(c, NCR_ID_OWN_CERT, name, path); /* most have none */
}

/* ---- The agent --------------------------------------------------------------------------- */

/* A key of the agent's is wanted if a certificate of ours is for it. */
static bool ids_certified(const struct ncr_identities *ids, struct nacre_bytes blob)
{
    for (size_t i = 0; i < ids->n; i++) {
        const struct ncr_identity *id = &ids->id[i];

        if (id->is_cert && id->plain.n == blob.n && memcmp(id->plain.p, blob.p, blob.n) == 0)
            return true;
    }
    return false;
}

static void ids_add_agent_key(struct nacre_client *c, const struct nacre_agent_identity *key)
{
    struct ncr_identities *ids = &c->plan.ids;
    struct ncr_identity *id = ids_find(ids, key->blob);
    enum ncr_id_rank rank = NCR_ID_AGENT;
    struct ncr_text t;

    if (key->blob.n == 0)
        return;
    if (id == NULL && c->cfg.identities_only) {
        if (!ids_certified(ids, key->blob))
            return;
        rank = NCR_ID_HIDDEN;
    }
    if (id == NULL)
        id = ids_add(ids, rank, key->blob, "");
    if (id == NULL)
        return;
    id->in_agent = true;
    if (id->label == NULL && key->comment.n > 0)
        id->label = strdup(ncr_text(&t, key->comment)); /* without one it has none */
    if (id->rank == NCR_ID_FILE) {
        id->rank = NCR_ID_KNOWN;
        id->seq = ids->seq++; /* as the agent has them */
    }
}

void ncr_ids_bind(struct nacre_client *c, struct nacre_agent *a, bool forwarding)
{
    nacre_err err = NACRE_ERR_USAGE;

    if (c->host_proof != NULL)
        err = nacre_agent_bind_session(a, c->host_blob, nacre_conn_session_id(&c->conn),
                                       c->host_sig, forwarding);
    if (err == NACRE_OK)
        ncr_client_log(c, NACRE_LOG_DEBUG, "bound agent to hostkey");
    else /* agents of others do not know it */
        ncr_client_log(c, NACRE_LOG_DEBUG, "agent not bound to the host key: %s",
                       nacre_err_text(err));
}

static void ids_add_agent(struct nacre_client *c)
{
    struct ncr_identities *ids = &c->plan.ids;
    struct nacre_agent_identity key;
    struct nacre_bytes keys;
    size_t n = 0;
    uint64_t since = ncr_client_pause(c);
    nacre_err err = nacre_agent_open(&ids->agent, c->cfg.agent);

    if (err != NACRE_OK) {
        ncr_client_log(c, NACRE_LOG_DEBUG, "no agent: %s", strerror(errno));
        return;
    }
    ncr_ids_bind(c, ids->agent, false);
    err = nacre_agent_list(ids->agent, &keys);
    ncr_client_resume(c, since);
    if (err != NACRE_OK) {
        ncr_client_log(c, NACRE_LOG_DEBUG, "the agent does not list its keys: %s",
                       nacre_err_text(err));
        return;
    }
    while (nacre_agent_identity_next(&keys, &key)) {
        ids_add_agent_key(c, &key);
        n++;
    }
    ncr_client_log(c, NACRE_LOG_DEBUG, "agent returned %zu keys", n);
}

/* ---- All --------------------------------------------------------------------------------- */

static bool ids_add_given(struct nacre_client *c)
{
    struct ncr_identities *ids = &c->plan.ids;
    struct ncr_identity *id;

    for (size_t i = 0; i < c->cfg.n_keys; i++) {
        id = ids_add(ids, NCR_ID_GIVEN, nacre_privkey_public_blob(&c->cfg.keys[i]), "");
        if (id == NULL)
            return false;
        id->given = &c->cfg.keys[i];
    }
    for (size_t i = 0; i < c->cfg.n_sign_keys && c->cfg.sign != NULL; i++) {
        id = ids_add(ids, NCR_ID_HOOK, c->cfg.sign_keys[i], "");
        if (id == NULL)
            return false;
        id->in_hook = true;
    }
    return true;
}

nacre_err ncr_ids_load(struct nacre_client *c)
{
    struct ncr_identities *ids = &c->plan.ids;
    const bool own = c->cfg.n_keys > 0 || c->cfg.n_sign_keys > 0;

    if (ids->loaded)
        return NACRE_OK;
    ids->loaded = true;
    if (!ids_add_given(c))
        return NACRE_ERR_NO_MEMORY;
    for (size_t i = 0; i < c->cfg.n_certificates; i++) {
        if (ids_add_public(c, NCR_ID_CERT, c->cfg.certificates[i], "") == NULL)
            ncr_client_log(c, NACRE_LOG_DEBUG, "certificate file %s: nothing to offer",
                           c->cfg.certificates[i]);
    }
    for (size_t i = 0; i < c->cfg.n_identities; i++)
        ids_add_file(c, c->cfg.identities[i]);
    if (c->cfg.agent != NULL || !own)
        ids_add_agent(c);
    if (ids->n > 1)
        qsort(ids->id, ids->n, sizeof *ids->id, ids_compare);
    return NACRE_OK;
}

bool ncr_id_reveal(struct nacre_client *c, struct ncr_identity *id)
{
    struct nacre_bytes blob;
    struct ncr_identity *other;

    if (id->blob.n > 0)
        return true;
    if (!ids_open(c, id, true))
        return false;
    blob = nacre_privkey_public_blob(id->open);
    other = ids_find(&c->plan.ids, blob);
    if (other != NULL && other->tried)
        return false;
    return ids_set_blob(id, blob);
}

/* ---- Algorithms -------------------------------------------------------------------------- */

#define IDS_CERT "-cert-v01@openssh.com"
#define IDS_CERT_SHORT "-cert" /* ssh-mldsa44-ed25519-cert */
#define IDS_VENDOR "@openssh.com"

static struct nacre_bytes ids_type(struct nacre_bytes blob)
{
    struct nacre_pubkey k;
    nacre_err err = nacre_pubkey_decode(&k, blob);

    if (err != NACRE_OK && err != NACRE_ERR_UNKNOWN_ALG)
        memset(&k, 0, sizeof k);
    return k.name;
}

/* A certificate's algorithms are called like its type, but for RSA's, which say the hash. */
const char *ncr_id_alg(const struct ncr_identity *id, size_t i, char out[NCR_ID_ALG_CAP])
{
    struct nacre_bytes type = ids_type(id->plain);
    const char *alg = nacre_key_type_alg(type, i);
    struct nacre_bytes name = alg != NULL ? nacre_bytes_str(alg) : type;

    if ((alg == NULL && i > 0) || type.n == 0)
        return NULL;
    if (alg == NULL || (id->is_cert && nacre_bytes_is(type, alg)))
        name = ids_type(id->blob);
    if (name.n == 0 || name.n + sizeof IDS_CERT > NCR_ID_ALG_CAP)
        return NULL;
    memcpy(out, name.p, name.n);
    out[name.n] = '\0';
    if (alg != NULL && id->is_cert && !nacre_bytes_is(type, alg))
        memcpy(out + name.n, IDS_CERT, sizeof IDS_CERT);
    return out;
}

static bool ids_ends(struct nacre_bytes b, const char *end)
{
    size_t n = strlen(end);

    return b.n > n && memcmp(b.p + b.n - n, end, n) == 0;
}

struct nacre_bytes ncr_plain_alg(struct nacre_bytes alg, char out[NCR_ID_ALG_CAP])
{
    const bool vendor = alg.n > 3 && memcmp(alg.p, "sk-", 3) == 0;
    size_t n = alg.n;

    if (n + sizeof IDS_VENDOR > NCR_ID_ALG_CAP)
        return alg;
    memcpy(out, alg.p, n);
    if (ids_ends(alg, IDS_CERT))
        n -= strlen(IDS_CERT);
    else if (ids_ends(alg, IDS_CERT_SHORT))
        n -= strlen(IDS_CERT_SHORT);
    else
        return alg;
    if (vendor || (n > 9 && memcmp(alg.p, "webauthn-", 9) == 0)) {
        memcpy(out + n, IDS_VENDOR, strlen(IDS_VENDOR));
        n += strlen(IDS_VENDOR);
    }
    return (struct nacre_bytes){(const uint8_t *)out, n};
}

/* ---- Signatures -------------------------------------------------------------------------- */

static bool ids_signs(const struct ncr_identity *id)
{
    return id->given != NULL || id->in_hook || id->in_agent || (id->path[0] != '\0' && !id->spoilt);
}

/* Who signs for a certificate: the plain key, wherever it is, before a holder of the certificate;
 * and if there is none, a file that does not tell what it holds before it is opened. NULL: nobody.
 */
static struct ncr_identity *ids_signer(const struct nacre_client *c, struct ncr_identity *id)
{
    const struct ncr_identities *ids = &c->plan.ids;
    struct ncr_identity *closed = NULL;

    for (size_t i = 0; id->is_cert && i < ids->n; i++) {
        struct ncr_identity *other = &ids->id[i];

        if (!other->is_cert && other->blob.n == id->plain.n && ids_signs(other) &&
            memcmp(other->blob.p, id->plain.p, id->plain.n) == 0)
            return other;
        if (closed == NULL && other->blob.n == 0 && !other->spoilt && !other->tried)
            closed = other;
    }
    return ids_signs(id) ? id : closed;
}

bool ncr_id_signs(const struct nacre_client *c, struct ncr_identity *id)
{
    return ids_signer(c, id) != NULL;
}

bool ncr_id_ready(struct nacre_client *c, struct ncr_identity *id)
{
    if (id->given != NULL)
        return true;
    return !id->is_cert && !id->in_agent && !id->in_hook && c->cfg.keep == NACRE_KEEP_NO &&
           ids_open(c, id, false);
}

/* It may take its time: that does not count. */
static nacre_err ids_sign_elsewhere(struct nacre_client *c, const struct ncr_identity *s,
                                    const struct nacre_sign_question *q, uint8_t *sig, size_t cap,
                                    size_t *n)
{
    uint64_t since = ncr_client_pause(c);
    nacre_err err;

    if (s->in_agent)
        err = nacre_agent_sign(c->plan.ids.agent, q->key, q->alg, q->data, sig, cap, n);
    else
        err = c->cfg.sign(c->cfg.ctx, q, sig, cap, n) && *n <= cap ? NACRE_OK : NACRE_ERR_SIGNER;
    ncr_client_resume(c, since);
    return err;
}

static nacre_err ids_sign_with(struct nacre_client *c, struct ncr_identity *s,
                               struct nacre_bytes alg, struct nacre_bytes data, uint8_t *sig,
                               size_t cap, size_t *n)
{
    const struct nacre_sign_question q = {.key = s->blob, .alg = alg, .data = data};

    if (s->given != NULL)
        return nacre_privkey_sign(s->given, alg, data, sig, cap, n, c->cfg.rng, c->work);
    if (s->in_hook || s->in_agent)
        return ids_sign_elsewhere(c, s, &q, sig, cap, n);
    if (!ids_open(c, s, true))
        return NACRE_ERR_SIGNER;
    return nacre_privkey_sign(s->open, alg, data, sig, cap, n, c->cfg.rng, c->work);
}

/* A signature of somebody else's making is looked at before it is sent: it must be what was asked
 * for. One of an algorithm that this build does not have is left to the server, and so is whether a
 * security key must have been touched. */
static nacre_err ids_check(struct nacre_client *c, const struct ncr_identity *id,
                           struct nacre_bytes alg, struct nacre_bytes data, struct nacre_bytes sig)
{
    const struct nacre_algs *algs =
        c->cfg.conn.algs != NULL ? c->cfg.conn.algs : &nacre_algs_default;
    nacre_err err = nacre_sig_verify_sk(algs, alg, id->plain, data, sig, 0, c->work);

    return err == NACRE_ERR_UNKNOWN_ALG && sig.n > 0 ? NACRE_OK : err;
}

/* The same; files are opened until one holds the key. */
static struct ncr_identity *ids_find_signer(struct nacre_client *c, struct ncr_identity *id)
{
    struct ncr_identity *s = ids_signer(c, id);

    while (s != NULL && s != id && s->blob.n == 0) {
        if (!ncr_id_reveal(c, s))
            s->spoilt = true;
        s = ids_signer(c, id);
    }
    return s;
}

bool ncr_id_sign(struct nacre_client *c, struct ncr_identity *id, struct nacre_bytes alg,
                 struct nacre_bytes data, uint8_t *sig, size_t cap, size_t *n)
{
    char name[NCR_ID_ALG_CAP];
    struct ncr_identity *s = ids_find_signer(c, id);
    struct nacre_bytes plain = ncr_plain_alg(alg, name);
    nacre_err err;

    *n = 0;
    if (s == NULL)
        return false; /* told where it was looked for */
    err = ids_sign_with(c, s, plain, data, sig, cap, n);
    if (err == NACRE_OK && (s->in_hook || s->in_agent))
        err = ids_check(c, id, plain, data, (struct nacre_bytes){sig, *n});
    if (err == NACRE_OK)
        return true;
    ncr_client_log(c, NACRE_LOG_ERROR, "signing failed for \"%s\"%s: %s", ncr_id_name(s),
                   s->in_agent ? " from agent" : "",
                   err == NACRE_ERR_KEY_REFUSED && s->in_agent ? "agent refused operation"
                                                               : nacre_err_text(err));
    return false;
}
