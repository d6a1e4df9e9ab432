/* SPDX-License-Identifier: ISC
 *
 * authorized_keys files and files of principals: see authorized.h. Both are read in the same way; a
 * kind of line is a row.
 */
#include "server/authorized.h"

#include "proto/posix/file.h"
#include "server/auth_command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define AUTHORIZED_FILE_MAX (1024 * 1024) /* bytes that are read of one */
#define AUTHORIZED_CHUNK 16384

/* ---- Paths ------------------------------------------------------------------------------- */

static bool authorized_add(char *out, size_t *n, const char *s)
{
    size_t len = strlen(s);
    if (NCR_ACCOUNT_PATH_MAX - *n <= len) {
        return false;
    }
    memcpy(out + *n, s, len + 1);
    *n += len;
    return true;
}

bool ncr_authorized_path(char out[NCR_ACCOUNT_PATH_MAX], const char *pattern,
                         const struct ncr_account *a)
{
    char number[16], one[2] = {0, 0};
    size_t n = 0;
    bool ok = true;
    out[0] = '\0';
    snprintf(number, sizeof number, "%u", (unsigned)a->uid);
    if (pattern[0] != '/' && strncmp(pattern, "%h", 2) != 0) {
        ok = authorized_add(out, &n, a->home) && authorized_add(out, &n, "/");
    }
    for (const char *p = pattern; ok && *p != '\0'; p++) {
        one[0] = *p;
        if (*p != '%') {
            ok = authorized_add(out, &n, one);
            continue;
        }
        p++;
        const char *v = *p == 'h' ? a->home : *p == 'u' ? a->name : *p == 'U' ? number : NULL;
        ok = *p == '%' ? authorized_add(out, &n, "%") : v != NULL && authorized_add(out, &n, v);
        if (*p == '\0') {
            return false;
        }
    }
    return ok;
}

static bool authorized_safe(const struct stat *st, const struct ncr_account *a)
{
    return (st->st_uid == 0 || st->st_uid == a->uid) && (st->st_mode & 022) == 0;
}

bool ncr_authorized_strict(int fd, const char *path, const struct ncr_account *a, char *why,
                           size_t cap)
{
    char real[PATH_MAX], home[PATH_MAX];
    struct stat st;
    if (realpath(path, real) == NULL || fstat(fd, &st) != 0) {
        snprintf(why, cap, "%s: %s", path, strerror(errno));
        return false;
    }
    bool has_home = realpath(a->home, home) != NULL;
    if (!authorized_safe(&st, a)) {
        snprintf(why, cap, "bad ownership or modes for file %s", real);
        return false;
    }
    for (char *slash = strrchr(real, '/'); slash != NULL; slash = strrchr(real, '/')) {
        slash[slash == real ? 1 : 0] = '\0';
        if (stat(real, &st) != 0 || !authorized_safe(&st, a)) {
            snprintf(why, cap, "bad ownership or modes for directory %s", real);
            return false;
        }
        if ((has_home && strcmp(real, home) == 0) || slash == real) {
            return true;
        }
    }
    return false;
}

/* ---- Lines ------------------------------------------------------------------------------- */

void ncr_factor_free(struct ncr_factor *f)
{
    free(f->text);
    memset(f, 0, sizeof *f);
}

/* Local civil time as if it were UTC, which expiry-time= without Z means. */
static uint64_t authorized_local(time_t now)
{
    struct tm tm;
    if (localtime_r(&now, &tm) == NULL) {
        return (uint64_t)now;
    }
    time_t t = timegm(&tm);
    return t < 0 ? 0 : (uint64_t)t;
}

struct authorized_search;

/* A kind of file: how a line is read, and whether it allows what is asked about. */
struct authorized_kind {
    const char *name;
    nacre_err (*parse)(struct nacre_authkey *a, struct nacre_bytes line, uint8_t *buf, size_t cap);
    bool (*allows)(struct authorized_search *s, const struct nacre_authkey *a, uint32_t number);
};

struct authorized_search {
    const struct ncr_authorized_query *q;
    const struct authorized_kind *kind;
    const char *path;
    struct ncr_factor *out;
    bool found;
    bool over; /* no further line counts */
};

/* Copies line and unescaped values into one allocation, so that the factor owns what it shows. */
static nacre_err authorized_parse(const struct authorized_kind *kind, struct ncr_factor *f,
                                  struct nacre_bytes line)
{
    memset(f, 0, sizeof *f);
    f->text = malloc(2 * line.n + 2);
    if (f->text == NULL) {
        return NACRE_ERR_NO_MEMORY;
    }
    memcpy(f->text, line.p, line.n);
    struct nacre_bytes own = {f->text, line.n};
    return kind->parse(&f->key, own, f->text + line.n + 1, line.n + 1);
}

static void authorized_told(const struct authorized_search *s, uint32_t number,
                            enum nacre_authkey_verdict v)
{
    static const char *const text[] = {[NACRE_AUTHKEY_DENY] = "",
                                       [NACRE_AUTHKEY_DENY_FROM] =
                                           "key may not be used from this address",
                                       [NACRE_AUTHKEY_DENY_EXPIRED] = "key has expired",
                                       [NACRE_AUTHKEY_ALLOW] = "matching key found"};
    if (v != NACRE_AUTHKEY_DENY) {
        ncr_log(s->q->log, v == NACRE_AUTHKEY_ALLOW ? NCR_LOG_DEBUG1 : NCR_LOG_INFO, "%s:%u: %s",
                s->path, (unsigned)number, text[v]);
    }
}

/* ---- Certificates ------------------------------------------------------------------------ */

bool ncr_authorized_judge(const struct ncr_authorized_query *q, const struct nacre_bytes *names,
                          size_t n, const char *where)
{
    static uint64_t work[NACRE_WORK];
    const struct nacre_cert *c = &q->offer->cert;
    const struct nacre_cert_policy policy = {.authorities = &c->ca, /* `where` has it */
                                             .n_authorities = 1,
                                             .principals = names,
                                             .n_principals = n,
                                             .addr = nacre_bytes_str(q->addr),
                                             .now = (uint64_t)time(NULL),
                                             .ca_sig_algs = q->cfg->ca_sig_algs};
    const char *what = "";
    nacre_err err = nacre_cert_judge(c, &policy, &q->offer->factor.key, &what, work);
    char fp[NACRE_FINGERPRINT_LEN];
    nacre_fingerprint(fp, NACRE_FP_SHA256, c->ca);
    ncr_log(q->log, err == NACRE_OK ? NCR_LOG_VERBOSE : NCR_LOG_INFO,
            "%s certificate ID \"%.*s\" (serial %llu) signed by CA %s via %s%s%s",
            err == NACRE_OK ? "Accepted" : "Refused", (int)c->key_id.n,
            c->key_id.n > 0 ? (const char *)c->key_id.p : "", (unsigned long long)c->serial, fp,
            where, err != NACRE_OK ? ": " : "", what);
    return err == NACRE_OK;
}

/* principals="a,b" of a cert-authority line, which stands for the user's name. */
static size_t authorized_names(struct nacre_bytes names[NACRE_CERT_PRINCIPALS_MAX],
                               const struct nacre_authkey *a, const char *user)
{
    const char *p = a->principals.n > 0 ? (const char *)a->principals.p : "";
    const char *end = p + a->principals.n;
    size_t n = 0;
    if (!a->has_principals) {
        names[n++] = nacre_bytes_str(user);
        return n;
    }
    while (p < end && n < NACRE_CERT_PRINCIPALS_MAX) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        size_t len = (size_t)((comma != NULL ? comma : end) - p);
        names[n++] = (struct nacre_bytes){(const uint8_t *)p, len};
        p += len + 1;
    }
    return n;
}

static bool authorized_ca_line(const struct authorized_search *s, const struct nacre_authkey *a,
                               uint32_t number)
{
    struct nacre_bytes names[NACRE_CERT_PRINCIPALS_MAX];
    char where[NCR_ACCOUNT_PATH_MAX + 16];
    snprintf(where, sizeof where, "%s:%u", s->path, (unsigned)number);
    return ncr_authorized_judge(s->q, names, authorized_names(names, a, s->q->user), where);
}

/* ---- Kinds of lines ---------------------------------------------------------------------- */

static bool authorized_key_allows(struct authorized_search *s, const struct nacre_authkey *a,
                                  uint32_t number)
{
    const struct ncr_cert_offer *offer = s->q->offer;
    struct nacre_bytes addr = nacre_bytes_str(s->q->addr);
    time_t now = time(NULL);
    uint64_t local = a->has_expiry_local ? authorized_local(now) : 0; /* reads the time zone */
    enum nacre_authkey_verdict v =
        offer != NULL ? nacre_authkey_check_ca(a, offer->cert.ca, addr, (uint64_t)now, local)
                      : nacre_authkey_check(a, s->q->blob, addr, (uint64_t)now, local);
    authorized_told(s, number, v);
    return v == NACRE_AUTHKEY_ALLOW && (offer == NULL || authorized_ca_line(s, a, number));
}

/* The first line with a name of the certificate decides, whatever comes behind it. */
static bool authorized_principal_allows(struct authorized_search *s, const struct nacre_authkey *a,
                                        uint32_t number)
{
    char where[NCR_ACCOUNT_PATH_MAX + 16];
    time_t now = time(NULL);
    uint64_t local = a->has_expiry_local ? authorized_local(now) : 0;
    if (a->blank || !nacre_cert_names(&s->q->offer->cert, a->principal)) {
        return false;
    }
    s->over = true;
    enum nacre_authkey_verdict v =
        nacre_authkey_check_principal(a, nacre_bytes_str(s->q->addr), (uint64_t)now, local);
    authorized_told(s, number, v);
    snprintf(where, sizeof where, "%s:%u", s->path, (unsigned)number);
    return v == NACRE_AUTHKEY_ALLOW && ncr_authorized_judge(s->q, &a->principal, 1, where);
}

static const struct authorized_kind authorized_keys = {"authorized keys", nacre_authkey_parse,
                                                       authorized_key_allows};
static const struct authorized_kind authorized_principals = {
    "authorized principals", nacre_authkey_parse_principal, authorized_principal_allows};

static void authorized_line(struct authorized_search *s, struct nacre_bytes line, uint32_t number)
{
    struct ncr_factor f;
    nacre_err err = authorized_parse(s->kind, &f, line);
    if (err != NACRE_OK) {
        ncr_log(s->q->log, NCR_LOG_INFO, "%s:%u: %s%s%.*s", s->path, (unsigned)number,
                f.key.what != NULL ? f.key.what : nacre_err_text(err),
                f.key.what_word.n > 0 ? ": " : "", (int)f.key.what_word.n,
                f.key.what_word.n > 0 ? (const char *)f.key.what_word.p : "");
        ncr_factor_free(&f);
        return;
    }
    s->found = s->kind->allows(s, &f.key, number);
    if (s->found && s->out != NULL) {
        *s->out = f;
    } else {
        ncr_factor_free(&f);
    }
}

static void authorized_lines(struct authorized_search *s, struct nacre_bytes chunk, bool end,
                             struct nacre_lines *lines)
{
    struct nacre_bytes line;
    enum nacre_line got;
    while (!s->found && !s->over) {
        got = end ? nacre_lines_end(lines, &line) : nacre_lines_next(lines, &chunk, &line);
        if (got == NACRE_LINE_OK) {
            authorized_line(s, line, lines->number);
        } else if (got == NACRE_LINE_TOO_LONG) {
            ncr_log(s->q->log, NCR_LOG_INFO, "%s:%u: line too long, ignored", s->path,
                    (unsigned)lines->number);
        }
        if (got == NACRE_LINE_NONE || end) {
            return;
        }
    }
}

static void authorized_read(struct authorized_search *s, int fd)
{
    struct nacre_lines lines;
    uint8_t chunk[AUTHORIZED_CHUNK];
    size_t total = 0;
    nacre_lines_init(&lines);
    while (!s->found && !s->over) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n > 0 && total > AUTHORIZED_FILE_MAX) {
            ncr_log(s->q->log, NCR_LOG_INFO, "%s: over %u bytes: the rest is not read", s->path,
                    (unsigned)AUTHORIZED_FILE_MAX);
            return;
        }
        if (n <= 0) {
            break;
        }
        total += (size_t)n;
        authorized_lines(s, (struct nacre_bytes){chunk, (size_t)n}, false, &lines);
    }
    authorized_lines(s, (struct nacre_bytes){chunk, 0}, true, &lines);
}

/* Everything between taking on the account's identity and returning. */
static void authorized_file(struct authorized_search *s)
{
    char why[PATH_MAX + 64];
    int fd;
    nacre_err err = ncr_file_open(&fd, NULL, s->path);
    if (err != NACRE_OK) {
        bool quiet = err == NACRE_ERR_IO && errno == ENOENT;
        ncr_log(s->q->log, quiet ? NCR_LOG_DEBUG1 : NCR_LOG_INFO, "Could not open %s '%s': %s",
                s->kind->name, s->path, ncr_file_error(err));
        return;
    }
    if (s->q->cfg->strict_modes &&
        !ncr_authorized_strict(fd, s->path, s->q->account, why, sizeof why)) {
        ncr_log(s->q->log, NCR_LOG_INFO, "Authentication refused: %s", why);
    } else {
        authorized_read(s, fd);
    }
    close(fd);
}

/* The files of a pattern, as the user; nothing else is done in between. */
static bool authorized_search(struct authorized_search *s, const char *const *patterns, size_t n)
{
    char path[NCR_ACCOUNT_PATH_MAX];
    if (!s->q->account->found || !ncr_account_assume(s->q->account)) {
        return false;
    }
    for (size_t i = 0; i < n && !s->found && !s->over; i++) {
        s->path = path;
        if (strcmp(patterns[i], "none") != 0 &&
            ncr_authorized_path(path, patterns[i], s->q->account)) {
            authorized_file(s);
        }
    }
    if (!ncr_account_return()) {
        _exit(255); /* half of an identity: nothing may run as that */
    }
    return s->found;
}

bool ncr_authorized_check(const struct ncr_authorized_query *q, struct ncr_factor *out)
{
    struct authorized_search s = {.q = q, .kind = &authorized_keys, .out = out};
    return authorized_search(&s, q->cfg->key_files.word, q->cfg->key_files.n);
}

bool ncr_authorized_principals(const struct ncr_authorized_query *q, struct ncr_factor *out)
{
    struct authorized_search s = {.q = q, .kind = &authorized_principals, .out = out};
    return q->offer != NULL && q->cfg->principals_file != NULL &&
           authorized_search(&s, &q->cfg->principals_file, 1);
}

/* ---- Commands ---------------------------------------------------------------------------- */

static bool authorized_printed(struct authorized_search *s, const struct ncr_sshd_command *c,
                               bool known)
{
    struct ncr_auth_output o;
    struct nacre_lines lines;
    if (c->words.n == 0 || !ncr_auth_command(s->q, c, known, &o)) {
        return false;
    }
    s->path = c->words.word[0];
    s->over = !known;
    nacre_lines_init(&lines);
    authorized_lines(s, (struct nacre_bytes){o.p, o.n}, false, &lines);
    authorized_lines(s, (struct nacre_bytes){o.p, 0}, true, &lines);
    ncr_auth_output_free(&o);
    return s->found;
}

bool ncr_authorized_keys_command(const struct ncr_authorized_query *q, bool known,
                                 struct ncr_factor *out)
{
    struct authorized_search s = {.q = q, .kind = &authorized_keys, .out = out};
    return authorized_printed(&s, &q->cfg->keys_command, known);
}

/* The command is told what the certificate says: so only of one that its authority has signed. */
bool ncr_authorized_principals_command(const struct ncr_authorized_query *q, bool known,
                                       struct ncr_factor *out)
{
    static uint64_t work[NACRE_WORK];
    struct authorized_search s = {.q = q, .kind = &authorized_principals, .out = out};
    return q->offer != NULL && nacre_cert_verify(&q->offer->cert, work) == NACRE_OK &&
           authorized_printed(&s, &q->cfg->principals_command, known);
}
