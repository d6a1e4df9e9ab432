/* SPDX-License-Identifier: ISC
 *
 * authorized_keys files: see authorized.h.
 */
#include "server/authorized.h"

#include "proto/posix/file.h"

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

struct authorized_search {
    const struct ncr_authorized_query *q;
    const char *path;
    struct ncr_factor *out;
    bool found;
};

/* Copies line and unescaped values into one allocation, so that the factor owns what it shows. */
static nacre_err authorized_parse(struct ncr_factor *f, struct nacre_bytes line)
{
    memset(f, 0, sizeof *f);
    f->text = malloc(2 * line.n + 2);
    if (f->text == NULL) {
        return NACRE_ERR_NO_MEMORY;
    }
    memcpy(f->text, line.p, line.n);
    struct nacre_bytes own = {f->text, line.n};
    nacre_err err = nacre_authkey_parse(&f->key, own, f->text + line.n + 1, line.n + 1);
    return err;
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

static void authorized_line(struct authorized_search *s, struct nacre_bytes line, uint32_t number)
{
    struct ncr_factor f;
    time_t now = time(NULL);
    nacre_err err = authorized_parse(&f, line);
    if (err != NACRE_OK) {
        ncr_log(s->q->log, NCR_LOG_INFO, "%s:%u: %s", s->path, (unsigned)number,
                f.key.what != NULL ? f.key.what : nacre_err_text(err));
        ncr_factor_free(&f);
        return;
    }
    uint64_t local = f.key.has_expiry_local ? authorized_local(now) : 0; /* reads the time zone */
    enum nacre_authkey_verdict v =
        nacre_authkey_check(&f.key, s->q->blob, nacre_bytes_str(s->q->addr), (uint64_t)now, local);
    authorized_told(s, number, v);
    s->found = v == NACRE_AUTHKEY_ALLOW;
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
    while (!s->found) {
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
    while (!s->found) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0 || total > AUTHORIZED_FILE_MAX) {
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
        ncr_log(s->q->log, quiet ? NCR_LOG_DEBUG1 : NCR_LOG_INFO,
                "Could not open authorized keys '%s': %s", s->path, ncr_file_error(err));
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

bool ncr_authorized_check(const struct ncr_authorized_query *q, struct ncr_factor *out)
{
    struct authorized_search s = {.q = q, .out = out};
    char path[NCR_ACCOUNT_PATH_MAX];
    if (!q->account->found || !ncr_account_assume(q->account)) {
        return false;
    }
    for (size_t i = 0; i < q->cfg->key_files.n && !s.found; i++) {
        const char *pattern = q->cfg->key_files.word[i];
        if (strcmp(pattern, "none") == 0) {
            continue;
        }
        s.path = path;
        if (ncr_authorized_path(path, pattern, q->account)) {
            authorized_file(&s);
        }
    }
    if (!ncr_account_return()) {
        _exit(255); /* half of an identity: nothing may run as that */
    }
    return s.found;
}
