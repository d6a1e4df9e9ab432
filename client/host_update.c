/* SPDX-License-Identifier: ISC
 *
 * Learning a host's further keys: see host_update.h. Four steps, each of which may end it: the
 * announcement is read and what cannot be used is left out; the user's files say what is known and
 * what is old; the new keys are proved; the files are changed.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/known_hosts_file.h"
#include "client/names.h"
#include "proto/posix/file.h"
#include "proto/posix/revoked_file.h"

#define UPDATE_NULL "/dev/null"

static bool update_same(struct nacre_bytes a, struct nacre_bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static bool update_has(const struct nacre_hostkeys *h, struct nacre_bytes blob)
{
    for (size_t i = 0; i < h->n; i++) {
        if (update_same(h->blob[i], blob))
            return true;
    }
    return false;
}

static void update_forget(struct ncr_host_update *u)
{
    free(u->mem);
    for (size_t i = 0; i < u->n_old; i++)
        free(u->old[i]);
    memset(u, 0, sizeof *u);
    u->seen = true;
}

/* Nothing is learned; why is told to those who look. */
static void update_stop(struct nacre_client *c, const char *why)
{
    ncr_client_log(c, NACRE_LOG_DEBUG, "UpdateHostKeys: %s", why);
    update_forget(&c->update);
}

void ncr_host_update_free(struct nacre_client *c)
{
    update_forget(&c->update);
}

/* ---- What is offered --------------------------------------------------------------------- */

/* Whether HostKeyAlgorithms allow a key of that type. */
static bool update_type_allowed(const struct nacre_client *c, struct nacre_bytes type)
{
    const char *alg;

    for (size_t i = 0; (alg = nacre_key_type_alg(type, i)) != NULL; i++) {
        if (ncr_names_has(c->prefer, alg))
            return true;
    }
    return false;
}

static bool update_revoked(const struct nacre_client *c, struct nacre_bytes blob)
{
    for (size_t i = 0; i < c->cfg.n_revoked_host_keys; i++) {
        if (ncr_revoked(c->cfg.revoked_host_keys[i], blob, NULL) != NACRE_OK)
            return true;
    }
    return false;
}

/* Certificates, types that are not understood, weak and revoked keys are left out. */
static bool update_usable(const struct nacre_client *c, struct nacre_bytes blob)
{
    struct nacre_pubkey k;

    return !nacre_cert_is(blob) && nacre_pubkey_decode(&k, blob) == NACRE_OK &&
           nacre_pubkey_trustworthy(&k) && update_type_allowed(c, k.name) &&
           !update_revoked(c, blob);
}

/* Copies the announcement and keeps what can be used; false: nothing, or it is not to be believed.
 */
static bool update_read(struct nacre_client *c, struct nacre_bytes data, const char **why)
{
    struct ncr_host_update *u = &c->update;

    *why = "the server's list of keys is malformed or too long";
    if (data.n == 0 || data.n > NACRE_HOSTKEYS_BYTES_MAX || (u->mem = malloc(data.n)) == NULL)
        return false;
    memcpy(u->mem, data.p, data.n);
    if (nacre_hostkeys_decode(&u->all, (struct nacre_bytes){u->mem, data.n}) != NACRE_OK)
        return false;
    *why = "the server has sent a key twice";
    for (size_t i = 0; i < u->all.n; i++) {
        for (size_t j = 0; j < i; j++) {
            if (update_same(u->all.blob[i], u->all.blob[j]))
                return false;
        }
        if (update_usable(c, u->all.blob[i]))
            u->offered.blob[u->offered.n++] = u->all.blob[i];
    }
    *why = "the server has sent no key of use";
    return u->offered.n > 0;
}

/* ---- What is known ----------------------------------------------------------------------- */

/* A pass over the lines of the files. */
struct update_scan {
    struct nacre_client *c;
    struct nacre_known_hosts name; /* set up for the host */
    bool own;                      /* the file is the user's */
    bool again;                    /* second pass: whether an old key has other names */
    bool known[NACRE_HOSTKEYS_MAX];
    bool complicated, other_name, too_many;
    uint8_t blob[NACRE_KEY_BLOB_MAX];
};

/* Type, blanks, base64: parts of a line, one behind the other. */
static struct nacre_bytes update_key_text(const struct nacre_host_entry *e)
{
    struct nacre_bytes text = e->type;

    text.n = (size_t)(e->key.p - e->type.p) + e->key.n;
    return text;
}

/* The key of a line in s->blob, empty if it cannot be read. */
static struct nacre_bytes update_line_key(struct update_scan *s, const struct nacre_host_entry *e)
{
    struct nacre_bytes none = {NULL, 0};
    struct nacre_pubkey k;

    if (nacre_pubkey_parse(&k, NULL, update_key_text(e), s->blob, sizeof s->blob) != NACRE_OK)
        return none;
    return k.blob;
}

/* More than one name, or a pattern. */
static bool update_is_manual(const struct nacre_host_entry *e)
{
    for (size_t i = 0; i < e->names.n && !e->hashed; i++) {
        if (strchr("*?!,", e->names.p[i]) != NULL)
            return true;
    }
    return false;
}

static void update_note_old(struct update_scan *s, const struct nacre_host_entry *e)
{
    struct ncr_host_update *u = &s->c->update;
    struct nacre_bytes key = update_key_text(e);
    char *text = u->n_old < NCR_HOST_OLD_MAX ? strndup((const char *)key.p, key.n) : NULL;

    if (text == NULL)
        s->too_many = true;
    else
        u->old[u->n_old++] = text;
}

/* A plain line of the user's for the host and nothing else. What the server has, though it is not
 * used here, and what is not understood is not old. */
static void update_note(struct update_scan *s, const struct nacre_host_entry *e)
{
    const struct nacre_hostkeys *offered = &s->c->update.offered;
    struct nacre_bytes blob = update_line_key(s, e);

    for (size_t i = 0; i < offered->n && blob.n > 0; i++) {
        if (update_same(offered->blob[i], blob)) {
            s->known[i] = true;
            return;
        }
    }
    if (blob.n > 0 && !update_has(&s->c->update.all, blob))
        update_note_old(s, e);
}

/* First pass: what the host has. A key that is offered and stands under another name belongs to a
 * host with several names, which would come to differ. */
static void update_first(struct update_scan *s, const struct nacre_host_entry *e, bool ours)
{
    if (ours && (e->marker != NACRE_HOST_PLAIN || update_is_manual(e)))
        s->complicated = true;
    else if (ours)
        update_note(s, e);
    else if (e->marker == NACRE_HOST_PLAIN &&
             update_has(&s->c->update.offered, update_line_key(s, e)))
        s->other_name = true;
}

/* Second pass: whether a key that is to go has other names. */
static void update_second(struct update_scan *s, const struct nacre_host_entry *e, bool ours)
{
    const struct ncr_host_update *u = &s->c->update;

    for (size_t i = 0; i < u->n_old && !ours && e->marker == NACRE_HOST_PLAIN; i++) {
        if (update_same(update_key_text(e), nacre_bytes_str(u->old[i])))
            s->other_name = true;
    }
}

static void update_line(void *ctx, uint32_t number, struct nacre_bytes whole)
{
    struct update_scan *s = ctx;
    struct nacre_host_entry e;
    struct nacre_bytes line = ncr_hosts_without_end(whole);
    bool ours;

    (void)number; /* nothing is told of a line */
    if (line.n > NACRE_LINE_MAX || nacre_known_hosts_parse(&e, line) != NACRE_OK || e.blank)
        return;
    ours = nacre_known_hosts_is_for(&s->name, &e);
    if (!s->own) /* the system's lines are not ours to change; what they revoke is not learned */
        s->complicated = s->complicated || (ours && e.marker == NACRE_HOST_REVOKED_KEY);
    else if (s->again)
        update_second(s, &e, ours);
    else
        update_first(s, &e, ours);
}

static bool update_is_null(const char *file)
{
    return strcmp(file, UPDATE_NULL) == 0;
}

static nacre_err update_scan_files(struct update_scan *s)
{
    const struct nacre_client_cfg *cfg = &s->c->cfg;

    for (size_t i = 0; i < cfg->n_known_hosts; i++) {
        struct ncr_file f;
        nacre_err err;

        if (update_is_null(cfg->known_hosts[i]))
            continue;
        err = ncr_file_read(&f, cfg->known_hosts[i], NCR_HOSTS_FILE_MAX);
        if (err == NACRE_ERR_IO && (errno == ENOENT || errno == ENOTDIR))
            continue;
        if (err != NACRE_OK)
            return err;
        s->own = i < cfg->n_own_hosts;
        ncr_hosts_each_line((struct nacre_bytes){f.p, f.n}, update_line, s);
        ncr_file_wipe(&f);
    }
    return NACRE_OK;
}

static void update_sort(struct update_scan *s)
{
    struct ncr_host_update *u = &s->c->update;

    for (size_t i = 0; i < u->offered.n; i++) {
        if (!s->known[i])
            u->fresh.blob[u->fresh.n++] = u->offered.blob[i];
    }
}

/* Fills u->fresh and u->old; NULL, or why nothing is to be changed. */
static const char *update_compare(struct nacre_client *c, struct update_scan *s)
{
    struct nacre_bytes none = {NULL, 0};
    nacre_err err;

    s->c = c;
    err = nacre_known_hosts_init(&s->name, nacre_bytes_str(c->key_host), c->key_port, none);
    if (err == NACRE_OK)
        err = update_scan_files(s);
    s->again = true;
    if (err == NACRE_OK && c->update.n_old > 0)
        err = update_scan_files(s);
    if (err != NACRE_OK)
        return ncr_file_error(err);
    if (s->complicated)
        return "CA/revocation marker, manual host list or wildcard host pattern found, "
               "skipping UserKnownHostsFile update";
    if (s->other_name)
        return "host key found matching a different name/address, skipping UserKnownHostsFile "
               "update";
    if (s->too_many)
        return "too many old keys";
    update_sort(s);
    return c->update.fresh.n == 0 && c->update.n_old == 0 ? "no new or deprecated keys from server"
                                                          : NULL;
}

/* ---- Changing the files ------------------------------------------------------------------ */

/* One file under change. */
struct update_edit {
    struct nacre_client *c;
    struct nacre_known_hosts *name;
    struct ncr_hosts_new *out;
    bool add; /* the first file gets what is new */
};

static void update_edit_line(void *ctx, uint32_t number, struct nacre_bytes whole)
{
    struct update_edit *e = ctx;
    const struct ncr_host_update *u = &e->c->update;
    struct nacre_host_entry entry;
    struct nacre_bytes line = ncr_hosts_without_end(whole);

    (void)number; /* nothing is told of a line */
    if (line.n <= NACRE_LINE_MAX && nacre_known_hosts_parse(&entry, line) == NACRE_OK &&
        !entry.blank && entry.marker == NACRE_HOST_PLAIN && !update_is_manual(&entry) &&
        nacre_known_hosts_is_for(e->name, &entry)) {
        for (size_t i = 0; i < u->n_old; i++) {
            if (update_same(update_key_text(&entry), nacre_bytes_str(u->old[i])))
                return;
        }
    }
    ncr_hosts_put(e->out, whole.p, whole.n);
}

static nacre_err update_put_key(struct update_edit *e, struct nacre_bytes blob)
{
    const struct nacre_client_cfg *cfg = &e->c->cfg;
    const size_t cap = NACRE_HOST_TEXT_LEN + NACRE_PUBKEY_TEXT_LEN(NACRE_KEY_BLOB_MAX, 0) + 2;
    struct nacre_bytes host = nacre_bytes_str(e->c->key_host);
    uint8_t salt[NACRE_HOST_SALT_LEN];
    char *text = malloc(cap);
    nacre_err err = NACRE_ERR_RNG;

    if (text == NULL)
        return NACRE_ERR_NO_MEMORY;
    if (!cfg->hash_known_hosts)
        err = nacre_known_hosts_format(text, cap, host, e->c->key_port, blob);
    else if (nacre_rng_fill(cfg->rng, salt, sizeof salt))
        err = nacre_known_hosts_format_hashed(text, cap, host, e->c->key_port, blob, salt);
    if (err == NACRE_OK)
        ncr_hosts_put(e->out, text, strlen(text));
    free(text);
    return err;
}

/* Adds what is new, and still is: another client may have learned it meanwhile. */
static nacre_err update_put_fresh(struct update_edit *e, struct nacre_bytes old)
{
    const struct nacre_hostkeys *fresh = &e->c->update.fresh;
    struct nacre_bytes host = nacre_bytes_str(e->c->key_host);
    nacre_err err = NACRE_OK;

    for (size_t i = 0; i < fresh->n && err == NACRE_OK; i++) {
        bool known;

        err = ncr_hosts_known(&known, old, host, e->c->key_port, fresh->blob[i]);
        if (err == NACRE_OK && !known)
            err = update_put_key(e, fresh->blob[i]);
    }
    return err;
}

static nacre_err update_edit_file(void *ctx, struct nacre_bytes old, struct ncr_hosts_new *out)
{
    struct update_edit *e = ctx;

    e->out = out;
    ncr_hosts_each_line(old, update_edit_line, e);
    if (!e->add || e->c->update.fresh.n == 0)
        return NACRE_OK;
    if (out->err == NACRE_OK && out->n > 0 && out->p[out->n - 1] != '\n')
        ncr_hosts_put(out, "\n", 1);
    return update_put_fresh(e, old);
}

static void update_write(struct nacre_client *c, struct nacre_known_hosts *name)
{
    struct update_edit e = {.c = c, .name = name};
    struct ncr_hosts_change how = {.edit = update_edit_file, .ctx = &e};

    for (size_t i = 0; i < c->cfg.n_own_hosts && i < c->cfg.n_known_hosts; i++) {
        const char *file = c->cfg.known_hosts[i];
        nacre_err err;

        if (update_is_null(file))
            continue;
        e.add = how.create = i == 0;
        err = ncr_hosts_change(file, &how, NULL);
        if (err == NACRE_OK || (err == NACRE_ERR_IO && errno == ENOENT))
            continue;
        ncr_client_log(c, NACRE_LOG_ERROR, "cannot update the host keys in %s: %s", file,
                       ncr_file_error(err));
        return; /* what was not added must not lead to what is taken away */
    }
}

/* ---- Telling ----------------------------------------------------------------------------- */

struct update_text {
    char *p;
    size_t n, cap;
};

static void update_say(struct update_text *t, const char *format, ...)
{
    va_list args;
    int got;

    va_start(args, format);
    got = vsnprintf(t->p + t->n, t->cap - t->n, format, args);
    va_end(args);
    if (got > 0)
        t->n += (size_t)got < t->cap - t->n ? (size_t)got : t->cap - t->n - 1;
}

static void update_say_key(struct update_text *t, const char *what, const struct nacre_pubkey *k)
{
    char fp[NACRE_FINGERPRINT_LEN];

    nacre_fingerprint(fp, NACRE_FP_SHA256, k->blob);
    update_say(t, "%s hostkey: %s %s\n", what, nacre_pubkey_label(k), fp);
}

/* "Learned new hostkey: ..." and so on, a line each; free(3) it; NULL: out of memory. */
static char *update_describe(const struct ncr_host_update *u)
{
    const size_t cap = (u->fresh.n + u->n_old + 1) * (NACRE_FINGERPRINT_LEN + 128);
    struct update_text t = {malloc(cap), 0, cap};
    uint8_t *blob = malloc(NACRE_KEY_BLOB_MAX);
    struct nacre_pubkey k;

    if (t.p != NULL)
        t.p[0] = '\0';
    for (size_t i = 0; t.p != NULL && i < u->fresh.n; i++) {
        if (nacre_pubkey_decode(&k, u->fresh.blob[i]) == NACRE_OK)
            update_say_key(&t, "Learned new", &k);
    }
    for (size_t i = 0; t.p != NULL && blob != NULL && i < u->n_old; i++) {
        struct nacre_bytes line = nacre_bytes_str(u->old[i]);

        if (nacre_pubkey_parse(&k, NULL, line, blob, NACRE_KEY_BLOB_MAX) == NACRE_OK)
            update_say_key(&t, "Deprecating obsolete", &k);
    }
    free(blob);
    return t.p;
}

/* Whether the user agrees, if there is to be a question. */
static bool update_agreed(struct nacre_client *c, const char *text)
{
    uint64_t since;
    bool yes;

    if (c->cfg.update_hosts == NACRE_UPDATE_YES)
        return true;
    if (c->cfg.update_hosts != NACRE_UPDATE_ASK || c->cfg.new_host_keys == NULL)
        return false;
    since = ncr_client_pause(c);
    yes = c->cfg.new_host_keys(c->cfg.ctx, c->host_text, text);
    ncr_client_resume(c, since);
    return yes;
}

static void update_log(struct nacre_client *c, const char *text)
{
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");

        ncr_client_log(c, NACRE_LOG_DEBUG, "%.*s", (int)n, text);
        text += n + (text[n] != '\0');
    }
}

/* All is proved. */
static void update_finish(struct nacre_client *c)
{
    struct nacre_known_hosts *name = malloc(sizeof *name);
    struct nacre_bytes none = {NULL, 0};
    char *text = update_describe(&c->update);

    if (name != NULL && text != NULL &&
        nacre_known_hosts_init(name, nacre_bytes_str(c->key_host), c->key_port, none) == NACRE_OK) {
        update_log(c, text);
        if (update_agreed(c, text))
            update_write(c, name);
    }
    free(text);
    free(name);
    update_forget(&c->update);
}

/* ---- Proofs ------------------------------------------------------------------------------ */

static void update_ask(struct nacre_client *c)
{
    struct ncr_host_update *u = &c->update;
    struct nacre_global g = {.kind = NACRE_GLOBAL_HOSTKEYS_PROVE};
    uint8_t *data = malloc(NACRE_HOSTKEYS_BYTES_MAX);
    nacre_err err = NACRE_ERR_NO_MEMORY;

    g.data.p = data;
    if (data != NULL)
        err = nacre_hostkeys_encode(data, NACRE_HOSTKEYS_BYTES_MAX, &g.data.n, u->fresh.blob,
                                    u->fresh.n);
    u->to_ask = false;
    if (err == NACRE_OK)
        err = nacre_global_request(&c->conn, &g, true);
    free(data);
    u->waiting = err == NACRE_OK;
    if (err == NACRE_ERR_NO_ROOM)
        u->to_ask = true;
    else if (err != NACRE_OK)
        update_stop(c, nacre_err_text(err));
    else
        ncr_client_kick(c);
}

void ncr_host_update_room(struct nacre_client *c)
{
    if (c->update.to_ask)
        update_ask(c);
}

/* Whether each new key is proved, by the signature at its place. */
static bool update_proved(struct nacre_client *c, struct nacre_bytes data)
{
    const struct nacre_hostkeys *fresh = &c->update.fresh;
    const struct nacre_negotiated *neg = nacre_conn_negotiated(&c->conn);
    uint8_t *buf = malloc(NACRE_HOSTKEYS_PROOF_MAX);
    struct nacre_hostkeys sigs;
    bool good = buf != NULL && nacre_hostkeys_decode(&sigs, data) == NACRE_OK && /* in one go */
                sigs.n == fresh->n;

    for (size_t i = 0; good && i < fresh->n; i++)
        good = nacre_hostkeys_verify(fresh->blob[i], sigs.blob[i], nacre_conn_session_id(&c->conn),
                                     neg->host_key, buf, NACRE_HOSTKEYS_PROOF_MAX,
                                     c->work) == NACRE_OK;
    free(buf);
    return good;
}

static void update_reply(struct nacre_client *c, const struct nacre_event *ev)
{
    if (!c->update.waiting)
        return;
    c->update.waiting = false;
    if (!ev->accepted) {
        update_stop(c, "server failed to confirm ownership of private host keys");
    } else if (!update_proved(c, ev->data)) {
        ncr_client_log(c, NACRE_LOG_ERROR,
                       "the server did not prove that it has the host keys that it announced: "
                       "none is remembered");
        update_forget(&c->update);
    } else {
        update_finish(c);
    }
}

/* ---- Events ------------------------------------------------------------------------------ */

/* Why nothing that the server says is listened to; NULL: it is. */
static const char *update_barred(const struct nacre_client *c)
{
    if (c->cfg.update_hosts == NACRE_UPDATE_NO)
        return "off";
    if (c->update.seen)
        return "server already sent hostkeys";
    if (!c->host_own)
        return "the host key is not a plain one of the user's own file";
    if (!nacre_conn_authenticated(&c->conn))
        return "not authenticated";
    return c->cfg.n_known_hosts == 0 || update_is_null(c->cfg.known_hosts[0]) ? "no file" : NULL;
}

static void update_announced(struct nacre_client *c, struct nacre_bytes data)
{
    const char *why = update_barred(c);
    struct update_scan *s;

    if (why != NULL) {
        ncr_client_log(c, NACRE_LOG_DEBUG, "UpdateHostKeys: %s", why);
        return;
    }
    c->update.seen = true;
    s = calloc(1, sizeof *s);
    why = "out of memory";
    if (s != NULL && update_read(c, data, &why))
        why = update_compare(c, s);
    free(s);
    if (why != NULL)
        update_stop(c, why);
    else if (c->update.fresh.n == 0)
        update_finish(c);
    else
        update_ask(c);
}

bool ncr_host_update_event(struct nacre_client *c, const struct nacre_event *ev)
{
    if (ev->type == NACRE_EV_GLOBAL && ev->global.kind == NACRE_GLOBAL_HOSTKEYS) {
        update_announced(c, ev->global.data);
        if (ev->id != 0)
            ncr_client_refuse(c, ev->id);
        return true;
    }
    if (ev->type == NACRE_EV_GLOBAL_REPLY && ev->global.kind == NACRE_GLOBAL_HOSTKEYS_PROVE) {
        update_reply(c, ev);
        return true;
    }
    return false;
}
