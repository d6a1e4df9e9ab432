/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen -Y verify, check-novalidate, find-principals and match-principals: whether a
 * signature is one, and whose, by a file of allowed signers and one of revoked keys.
 *
 * Output, order of questions and exit statuses are ssh-keygen's: a damaged line for the principal
 * in question ends a search without success; one for others is passed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "client/keygen.h"
#include "proto/keys/nacre_signers.h"
#include "proto/posix/escape.h"
#include "proto/posix/file.h"
#include "proto/posix/revoked_file.h"

#define VERIFY_SIGNERS_MAX ((size_t)16 * 1024 * 1024) /* bytes of a file of allowed signers */
#define VERIFY_TIME_MAX 32
/* match-principals: ssh-keygen's error numbers -46, -24, -4 and -10 as exit statuses. */
#define VERIFY_NOT_FOUND 210
#define VERIFY_NO_FILE 232
#define VERIFY_BAD_LINE 252
#define VERIFY_BAD_OPTION 246

static uint64_t verify_work[NACRE_WORK];

/* What -O says. */
struct verify_opts {
    uint64_t now;
    bool print_key;
};

/* A signature that was read, and the question that it puts. */
struct verify_run {
    const struct ncr_keygen *g;
    struct verify_opts opts;
    struct nacre_signer_question q;
    struct nacre_sshsig sig;
    uint8_t room[2 * NCR_KEYGEN_SSHSIG_MAX];
};

/* ---- Time ---- */

/* The local civil time counted as if it were UTC. */
static uint64_t verify_local(uint64_t t)
{
    const time_t seconds = (time_t)t;
    struct tm tm;
    time_t local = 0;

    if (localtime_r(&seconds, &tm) != NULL)
        local = timegm(&tm);
    return local < 0 ? 0 : (uint64_t)local;
}

static void verify_time_text(char out[VERIFY_TIME_MAX], uint64_t t, bool is_local)
{
    const time_t seconds = (time_t)t;
    struct tm tm;

    if ((is_local ? gmtime_r(&seconds, &tm) : localtime_r(&seconds, &tm)) == NULL ||
        strftime(out, VERIFY_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        (void)snprintf(out, VERIFY_TIME_MAX, "a time past all dates"); /* fits */
}

static bool verify_options(struct verify_opts *o, const struct ncr_keygen *g)
{
    o->now = (uint64_t)time(NULL);
    o->print_key = false;
    for (size_t i = 0; i < g->opt_n; i++) {
        const char *opt = g->opts[i];

        if (strcasecmp(opt, "print-pubkey") == 0) {
            o->print_key = true;
        } else if (strncasecmp(opt, "verify-time=", 12) != 0) {
            fprintf(stderr, "Invalid option \"%s\"\n", opt);
            return false;
        } else if (!ncr_keygen_absolute_time(&o->now, opt + 12) || o->now == 0) {
            fputs("Invalid \"verify-time\" option\n", stderr);
            return false;
        }
    }
    return true;
}

/* ---- The signature ---- */

/* Reads the file of -s; false if told. */
static bool verify_read(struct verify_run *r)
{
    struct ncr_file f;
    const char *what = "";
    nacre_err err = ncr_keygen_read(&f, r->g->ca_key, NCR_KEYGEN_SSHSIG_MAX);

    if (err != NACRE_OK) {
        fprintf(stderr, "Couldn't read signature file: %s\n", ncr_file_error(err));
        return false;
    }
    err = nacre_sshsig_decode(&r->sig, (struct nacre_bytes){f.p, f.n}, r->room, sizeof r->room,
                              &what);
    ncr_file_wipe(&f);
    if (err != NACRE_OK)
        fprintf(stderr, "Couldn't parse signature: %s\n",
                *what != '\0' ? what : nacre_err_text(err));
    r->q.key = r->sig.key;
    r->q.now = r->opts.now;
    r->q.now_local = verify_local(r->opts.now);
    return err == NACRE_OK;
}

/* Whether the key signed standard input; false if told. */
static bool verify_message(struct verify_run *r)
{
    const struct nacre_hash *hash = nacre_sshsig_hash(r->sig.hash);
    uint8_t digest[NACRE_HASH_MAX_LEN];
    nacre_err err;

    if (!nacre_bytes_is(r->sig.name_space, r->g->names)) {
        fputs("Couldn't verify signature: namespace does not match\n", stderr);
        return false;
    }
    err = ncr_keygen_digest_fd(digest, hash, STDIN_FILENO);
    if (err == NACRE_OK)
        err = nacre_sshsig_verify(&r->sig, r->g->names, (struct nacre_bytes){digest, hash->len},
                                  verify_work);
    if (err != NACRE_OK)
        fprintf(stderr, "Signature verification failed: %s\n",
                err == NACRE_ERR_SIG ? "incorrect signature" : ncr_file_error(err));
    return err == NACRE_OK;
}

/* The file of -r; false if told that the key is revoked, or that the file cannot say. */
static bool verify_not_revoked(const struct verify_run *r)
{
    struct ncr_revoked_why why;
    nacre_err err;

    if (r->g->record == NULL)
        return true;
    err = ncr_revoked(r->g->record, r->sig.key, &why);
    if (err == NACRE_OK)
        return true;
    if (why.line > 0)
        fprintf(stderr, "%s:%u: %s\n", r->g->record, (unsigned)why.line, why.what);
    else
        fprintf(stderr, "%s: %s\n", r->g->record, why.what);
    return false;
}

/* ---- Allowed signers ---- */

/* A file of allowed signers, line by line. */
struct verify_signers {
    struct ncr_file file;
    struct nacre_bytes chunk;
    struct nacre_lines lines;
    struct nacre_signer s;
    uint8_t buf[NACRE_LINE_MAX];
};

static void verify_rewind(struct verify_signers *v)
{
    v->chunk.p = v->file.p;
    v->chunk.n = v->file.n;
    nacre_lines_init(&v->lines);
}

/* NULL: told. Free it with verify_close(). */
static struct verify_signers *verify_open(const char *path)
{
    struct verify_signers *v = calloc(1, sizeof *v);
    nacre_err err = NACRE_ERR_NO_MEMORY;

    if (v != NULL)
        err = ncr_keygen_read(&v->file, path, VERIFY_SIGNERS_MAX);
    if (err == NACRE_OK) {
        verify_rewind(v);
        return v;
    }
    fprintf(stderr, "Unable to open allowed keys file \"%s\": %s\n", path, ncr_file_error(err));
    free(v);
    return NULL;
}

static void verify_close(struct verify_signers *v)
{
    ncr_file_wipe(&v->file);
    free(v);
}

/* The next line that is not blank; false at the end. *err: it is damaged, s->what says why. */
static bool verify_next(struct verify_signers *v, nacre_err *err)
{
    struct nacre_bytes line;

    do {
        enum nacre_line kind = nacre_lines_next(&v->lines, &v->chunk, &line);

        if (kind == NACRE_LINE_NONE)
            kind = nacre_lines_end(&v->lines, &line);
        if (kind == NACRE_LINE_NONE)
            return false;
        if (kind == NACRE_LINE_TOO_LONG) {
            memset(&v->s, 0, sizeof v->s);
            v->s.what = "line too long";
            v->s.principals = nacre_bytes_str("*"); /* it may be for anybody */
            *err = NACRE_ERR_FILE_FORMAT;
            return true;
        }
        *err = nacre_signer_parse(&v->s, line, v->buf, sizeof v->buf);
    } while (v->s.blank);
    return true;
}

static void verify_tell_line(const struct verify_signers *v, const char *path)
{
    fprintf(stderr, "%s:%u: %s\n", path, (unsigned)v->lines.number, v->s.what);
}

/* Why a line with the right key and principal does not allow it. */
static void verify_tell(const struct verify_run *r, const struct verify_signers *v,
                        enum nacre_signer_verdict verdict, const char *what)
{
    const struct nacre_signer_time *limit =
        verdict == NACRE_SIGNER_NOT_YET ? &v->s.after : &v->s.before;
    char now[VERIFY_TIME_MAX], then[VERIFY_TIME_MAX];

    verify_time_text(now, r->q.now, false);
    verify_time_text(then, limit->t, limit->local);
    fprintf(stderr, "%s:%u: ", r->g->file, (unsigned)v->lines.number);
    if (verdict == NACRE_SIGNER_CERT)
        fprintf(stderr, "certificate not authorized: %s\n", what);
    else if (verdict == NACRE_SIGNER_NAMESPACE)
        fprintf(stderr, "key is not permitted for use in signature namespace \"%s\"\n",
                r->g->names);
    else if (verdict == NACRE_SIGNER_NOT_YET)
        fprintf(stderr, "key is not yet valid: verify time %s < valid-after %s\n", now, then);
    else
        fprintf(stderr, "key has expired: verify time %s > valid-before %s\n", now, then);
}

/* Whether a line allows it; false if told, or if there is none. */
static bool verify_allowed(struct verify_run *r)
{
    struct verify_signers *v = verify_open(r->g->file);
    bool good = false;
    nacre_err err;

    if (v == NULL)
        return false;
    while (!good && verify_next(v, &err)) {
        enum nacre_signer_verdict verdict;
        const char *what;

        if (!nacre_signer_is_for(&v->s, r->q.principal) &&
            (err == NACRE_OK || v->s.principals.n > 0))
            continue;
        if (err != NACRE_OK) {
            verify_tell_line(v, r->g->file);
            break;
        }
        verdict = nacre_signer_check(&v->s, &r->q, &what, verify_work);
        good = verdict == NACRE_SIGNER_ALLOWED;
        if (!good && verdict != NACRE_SIGNER_OTHER)
            verify_tell(r, v, verdict, what);
    }
    verify_close(v);
    return good;
}

/* ---- verify, check-novalidate ---- */

static void verify_print_key(const struct verify_run *r)
{
    static char text[NACRE_PUBKEY_TEXT_LEN(NACRE_KEY_BLOB_MAX, 0)];
    static const struct nacre_bytes none;

    if (nacre_pubkey_format(text, sizeof text, r->sig.key, none) == NACRE_OK)
        puts(text);
}

static void verify_say_good(const struct verify_run *r)
{
    char fp[NACRE_FINGERPRINT_LEN];
    struct nacre_pubkey k;

    if (nacre_pubkey_decode(&k, r->sig.key) != NACRE_OK && k.blob.n == 0)
        return; /* cannot be: it was read as a key or a certificate */
    nacre_fingerprint(fp, r->g->hash, r->sig.plain);
    printf("Good \"%s\" signature ", r->g->names);
    if (r->q.principal.n > 0) {
        fputs("for ", stdout);
        ncr_keygen_put(r->q.principal, true);
        putchar(' ');
    }
    printf("with %s key %s\n", nacre_pubkey_label(&k), fp);
}

int ncr_keygen_verify(const struct ncr_keygen *g)
{
    static struct verify_run r;
    const bool validate = strcmp(g->sign_job, "verify") == 0;
    bool good;

    memset(&r, 0, sizeof r);
    r.g = g;
    good = verify_options(&r.opts, g) && verify_read(&r) && verify_message(&r);
    if (validate) {
        r.q.principal = nacre_bytes_str(g->key_id);
        r.q.name_space = nacre_bytes_str(g->names);
        good = good && verify_not_revoked(&r) && verify_allowed(&r);
    }
    if (good && !g->quiet)
        verify_say_good(&r);
    if (!good && !g->quiet)
        puts("Could not verify signature.");
    if (good && r.opts.print_key)
        verify_print_key(&r);
    return good ? 0 : NCR_KEYGEN_FATAL;
}

/* ---- find-principals ---- */

/* Principals of a pattern list, one a line. */
static void verify_print_list(struct nacre_bytes list)
{
    while (list.n > 0) {
        const uint8_t *comma = memchr(list.p, ',', list.n);
        struct nacre_bytes one = {list.p, comma != NULL ? (size_t)(comma - list.p) : list.n};

        ncr_keygen_put(one, true);
        putchar('\n');
        list.p += one.n + (comma != NULL);
        list.n -= one.n + (comma != NULL);
    }
}

/* Those of the certificate that a line of its authority allows; false: none. */
static bool verify_print_certified(struct verify_run *r, const struct verify_signers *v)
{
    struct nacre_signer_question q = r->q;
    struct nacre_bytes list;
    struct nacre_cert c;
    bool any = false;

    if (nacre_cert_decode(&c, r->sig.key, NULL, 0) != NACRE_OK)
        return false;
    list = c.principals;
    while (nacre_cert_next_string(&list, &q.principal)) {
        if (nacre_signer_check(&v->s, &q, NULL, verify_work) != NACRE_SIGNER_ALLOWED)
            continue;
        any = true;
        ncr_keygen_put(q.principal, true);
        putchar('\n');
    }
    return any;
}

/* A line that may hold the key; true if it does and whom it names was printed. */
static bool verify_find_line(struct verify_run *r, const struct verify_signers *v)
{
    enum nacre_signer_verdict verdict = nacre_signer_check_any(&v->s, &r->q);

    if (v->s.cert_authority)
        return verify_print_certified(r, v);
    if (verdict == NACRE_SIGNER_ALLOWED)
        verify_print_list(v->s.principals);
    else if (verdict != NACRE_SIGNER_OTHER)
        verify_tell(r, v, verdict, "");
    return verdict == NACRE_SIGNER_ALLOWED;
}

int ncr_keygen_find_principals(const struct ncr_keygen *g)
{
    static struct verify_run r;
    struct verify_signers *v = NULL;
    bool found = false;
    nacre_err err;

    memset(&r, 0, sizeof r);
    r.g = g;
    if (verify_options(&r.opts, g) && verify_read(&r))
        v = verify_open(g->file);
    while (v != NULL && !found && verify_next(v, &err)) {
        if (err != NACRE_OK)
            verify_tell_line(v, g->file);
        else
            found = verify_find_line(&r, v);
    }
    if (v != NULL)
        verify_close(v);
    if (!found)
        fputs("No principal matched.\n", stderr);
    return found ? 0 : NCR_KEYGEN_FATAL;
}

/* ---- match-principals ---- */

/* Lines for the principal of -I; printed if `print`. */
static int verify_match(struct verify_signers *v, const struct ncr_keygen *g, bool print)
{
    int status = VERIFY_NOT_FOUND;
    nacre_err err;

    verify_rewind(v);
    while (status != VERIFY_BAD_LINE && verify_next(v, &err)) {
        if (!nacre_signer_is_for(&v->s, nacre_bytes_str(g->key_id)) &&
            (err == NACRE_OK || v->s.principals.n > 0))
            continue;
        status = err == NACRE_OK ? 0 : VERIFY_BAD_LINE;
        if (err != NACRE_OK) {
            verify_tell_line(v, g->file);
        } else if (print) {
            ncr_keygen_put(v->s.principals, true);
            putchar('\n');
        }
    }
    return status;
}

int ncr_keygen_match_principals(const struct ncr_keygen *g)
{
    struct verify_signers *v;
    int status;

    if (g->opt_n > 0) { /* there is none for this job */
        fprintf(stderr, "Invalid option \"%s\"\n", g->opts[0]);
        return VERIFY_BAD_OPTION;
    }
    v = verify_open(g->file);
    status = v != NULL ? verify_match(v, g, false) : VERIFY_NO_FILE;
    if (status == 0)
        status = verify_match(v, g, true); /* all or nothing: a line further down may be bad */
    if (v != NULL)
        verify_close(v);
    if (status != 0)
        fputs("No principal matched.\n", stderr);
    return status;
}
