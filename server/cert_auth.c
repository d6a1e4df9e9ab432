/* SPDX-License-Identifier: ISC
 *
 * Keys and certificates at a login: see cert_auth.h.
 */
#include "server/cert_auth.h"

#include "proto/posix/revoked_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CERT_AUTH_FILE_MAX (1024 * 1024)

void ncr_grant_free(struct ncr_grant *g)
{
    while (g->n > 0) {
        ncr_factor_free(&g->f[--g->n]);
    }
}

uint8_t ncr_grant_demand(const struct ncr_sshd_config *cfg, const struct ncr_grant *g)
{
    bool touch = g->n == 0;
    bool verify = false;
    for (size_t i = 0; i < g->n; i++) {
        touch = touch || !g->f[i].key.no_touch_required;
        verify = verify || g->f[i].key.verify_required;
    }
    return (uint8_t)(cfg->sk_demand | (touch ? (unsigned)NACRE_SK_PRESENT : 0) |
                     (verify ? (unsigned)NACRE_SK_VERIFIED : 0));
}

/* Files of the daemon's own belong to root or to who runs it, and nobody else can write to them. */
static bool cert_auth_safe(const struct ncr_authorized_query *q, const char *path,
                           const struct stat *st)
{
    if (!q->cfg->strict_modes ||
        ((st->st_uid == 0 || st->st_uid == getuid()) && (st->st_mode & 022) == 0)) {
        return true;
    }
    ncr_log(q->log, NCR_LOG_ERROR, "bad ownership or modes for file %s", path);
    return false;
}

/* ---- RevokedKeys ------------------------------------------------------------------------- */

static bool cert_auth_revoked(const struct ncr_authorized_query *q)
{
    const char *path = q->cfg->revoked_keys;
    struct ncr_revoked_why why = {0, ""};
    struct ncr_revoked_file f;
    if (path == NULL) {
        return false;
    }
    nacre_err err = ncr_revoked_file_open(&f, path, &why);
    if (err == NACRE_OK && !cert_auth_safe(q, path, &f.file.st)) {
        ncr_revoked_file_close(&f);
        return true;
    }
    bool opened = err == NACRE_OK;
    if (opened) {
        err = ncr_revoked_file_check(&f, q->blob, &why);
    }
    ncr_revoked_file_close(&f);
    if (err == NACRE_OK) {
        return false;
    }
    if (opened && err == NACRE_ERR_KEY_REFUSED) {
        char fp[NACRE_FINGERPRINT_LEN];
        nacre_fingerprint(fp, NACRE_FP_SHA256, q->offer != NULL ? q->offer->cert.plain : q->blob);
        ncr_log(q->log, NCR_LOG_ERROR, "Authentication key %s revoked by file %s", fp, path);
    } else {
        ncr_log(q->log, NCR_LOG_ERROR, "RevokedKeys %s:%u: %s: every key is refused", path,
                (unsigned)why.line, why.what);
    }
    return true;
}

/* ---- TrustedUserCAKeys ------------------------------------------------------------------- */

struct cert_auth_cas {
    const struct ncr_authorized_query *q;
    const char *path;
    bool found;
    bool damaged; /* as sshd has it: nothing behind a line that is no key is read */
};

static void cert_auth_ca_line(struct cert_auth_cas *s, struct nacre_bytes line, uint32_t number)
{
    static uint8_t blob[NACRE_LINE_MAX];
    const struct nacre_bytes ca = s->q->offer->cert.ca;
    struct nacre_pubkey k;
    while (line.n > 0 && (*line.p == ' ' || *line.p == '\t')) {
        line.p++;
        line.n--;
    }
    if (line.n == 0 || *line.p == '#') {
        return;
    }
    nacre_err err = nacre_pubkey_parse(&k, NULL, line, blob, sizeof blob);
    if (err == NACRE_OK) {
        s->found = s->found || (k.blob.n == ca.n && memcmp(k.blob.p, ca.p, ca.n) == 0 &&
                                nacre_pubkey_trustworthy(&k));
    } else {
        s->damaged = err != NACRE_ERR_KEY_REFUSED; /* too weak: a key all the same */
        ncr_log(s->q->log, NCR_LOG_ERROR, "%s:%u: no key: %s", s->path, (unsigned)number,
                nacre_err_text(err));
    }
}

/* Lines of the file, up to one that names the authority or is none. */
static void cert_auth_ca_lines(struct cert_auth_cas *s, struct nacre_bytes chunk)
{
    struct nacre_lines lines;
    struct nacre_bytes line;
    nacre_lines_init(&lines);
    for (bool end = false; !end && !s->found && !s->damaged;) {
        end = chunk.n == 0;
        enum nacre_line got =
            end ? nacre_lines_end(&lines, &line) : nacre_lines_next(&lines, &chunk, &line);
        if (got == NACRE_LINE_OK) {
            cert_auth_ca_line(s, line, lines.number);
        } else if (got == NACRE_LINE_TOO_LONG) {
            ncr_log(s->q->log, NCR_LOG_ERROR, "%s:%u: line too long", s->path,
                    (unsigned)lines.number);
            s->damaged = true;
        }
    }
}

/* True if the file names the certificate's authority. */
static bool cert_auth_trusted(const struct ncr_authorized_query *q)
{
    struct cert_auth_cas s = {.q = q, .path = q->cfg->ca_keys};
    struct ncr_file f;
    if (s.path == NULL) {
        return false;
    }
    nacre_err err = ncr_file_read(&f, s.path, CERT_AUTH_FILE_MAX);
    if (err != NACRE_OK) {
        ncr_log(q->log, NCR_LOG_ERROR, "TrustedUserCAKeys %s: %s", s.path, ncr_file_error(err));
        return false;
    }
    if (cert_auth_safe(q, s.path, &f.st)) {
        cert_auth_ca_lines(&s, (struct nacre_bytes){f.p, f.n});
    }
    ncr_file_wipe(&f);
    return s.found;
}

/* ---- Certificates ------------------------------------------------------------------------ */

/* A copy of the certificate, taken apart: rights will point into it. */
static bool cert_auth_open(struct ncr_cert_offer *o, struct nacre_bytes blob)
{
    memset(o, 0, sizeof *o);
    o->factor.text = malloc(2 * blob.n);
    if (o->factor.text == NULL) {
        return false;
    }
    memcpy(o->factor.text, blob.p, blob.n);
    struct nacre_bytes own = {o->factor.text, blob.n};
    if (nacre_cert_decode(&o->cert, own, o->factor.text + blob.n, blob.n) == NACRE_OK) {
        return true;
    }
    ncr_factor_free(&o->factor);
    return false;
}

static bool cert_auth_principals(const struct ncr_authorized_query *q, bool known,
                                 struct ncr_factor *f)
{
    bool found = known && ncr_authorized_principals(q, f);
    return found || ncr_authorized_principals_command(q, known, f);
}

/* For who is no user: as much work, and no line in the log that tells of a certificate accepted. */
static void cert_auth_nobody(const struct ncr_authorized_query *query,
                             const struct nacre_bytes *name)
{
    static const struct ncr_log silent; /* NCR_LOG_QUIET */
    struct ncr_authorized_query q = *query;
    q.log = &silent;
    bool judged = ncr_authorized_judge(&q, name, 1, q.cfg->ca_keys);
    (void)judged; /* nobody is let in */
    ncr_log(query->log, NCR_LOG_DEBUG1, "the certificate of who is no user was looked at");
}

/* An authority that is trusted for all users: for the user's own name, or for the names that a file
 * or a command has for the user, if there is one. */
static bool cert_auth_global(const struct ncr_authorized_query *q, bool known,
                             struct ncr_grant *out)
{
    struct nacre_bytes name = nacre_bytes_str(q->user);
    if (!cert_auth_trusted(q)) {
        return false;
    }
    bool listed = q->cfg->principals_file != NULL || q->cfg->principals_command.words.n > 0;
    if (!known) {
        cert_auth_nobody(q, &name);
    } else if (!listed) {
        return ncr_authorized_judge(q, &name, 1, q->cfg->ca_keys);
    }
    if (cert_auth_principals(q, known, &out->f[0])) {
        out->n = 1;
        return true;
    }
    if (listed) {
        ncr_log(q->log, NCR_LOG_INFO, "Certificate does not contain an authorized principal");
    }
    return false;
}

static bool cert_auth_line(const struct ncr_authorized_query *q, bool known, struct ncr_grant *out)
{
    bool ok = known && ncr_authorized_check(q, &out->f[0]);
    ok = ok || ncr_authorized_keys_command(q, known, &out->f[0]);
    out->n = ok ? 1 : 0;
    return ok;
}

bool ncr_cert_auth(const struct ncr_authorized_query *query, bool known, struct ncr_grant *out)
{
    struct ncr_authorized_query q = *query;
    struct ncr_cert_offer offer;
    memset(out, 0, sizeof *out);
    q.offer = NULL;
    if (nacre_cert_is(q.blob)) {
        q.offer = cert_auth_open(&offer, q.blob) ? &offer : NULL;
        if (q.offer == NULL) {
            return false;
        }
    }
    bool ok = !cert_auth_revoked(&q) && ((q.offer != NULL && cert_auth_global(&q, known, out)) ||
                                         cert_auth_line(&q, known, out));
    if (q.offer != NULL && ok) {
        out->f[out->n++] = offer.factor;
    } else if (q.offer != NULL) {
        ncr_factor_free(&offer.factor);
    }
    return ok;
}
