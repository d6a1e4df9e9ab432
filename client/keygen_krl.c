/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen -k and -Q: making, updating, showing and asking key revocation lists.
 *
 * What is to be revoked comes from files of public keys and certificates, one a line, or of
 * specifications (ssh-keygen(1), KEY REVOCATION LISTS): serial:, id:, key:, sha1:, sha256:, hash:.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/keygen.h"
#include "proto/keys/nacre_krl.h"
#include "proto/posix/escape.h"
#include "proto/posix/file.h"

/* Bytes that entries point to. */
struct krl_chunk {
    struct krl_chunk *next;
    uint8_t p[];
};

/* A list in the making. */
struct krl_job {
    struct nacre_krl head;
    struct ncr_file file; /* the list that is read: entries and head point into it */
    struct nacre_krl_entry *e;
    size_t n, cap;
    struct krl_chunk *chunks;
    bool any_ca; /* -s none */
    bool has_ca;
    struct ncr_keygen_public ca; /* -s */
    const char *path;            /* of the file that is read now */
    uint32_t line;
};

static void krl_done(struct krl_job *j)
{
    while (j->chunks != NULL) {
        struct krl_chunk *next = j->chunks->next;

        free(j->chunks);
        j->chunks = next;
    }
    free(j->e);
    ncr_file_wipe(&j->file);
    free(j);
}

/* Tells, with file and line if one is being read; NCR_KEYGEN_FATAL. */
static int krl_fatal(const struct krl_job *j, const char *format, ...)
{
    va_list args;

    (void)fflush(stdout); /* so that the order on a terminal is right; its errors show at the end */
    if (j->line > 0)
        fprintf(stderr, "%s:%u: ", j->path, (unsigned)j->line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return NCR_KEYGEN_FATAL;
}

/* ---- Entries ---- */

static int krl_add(struct krl_job *j, const struct nacre_krl_entry *e)
{
    if (j->n == j->cap) {
        size_t cap = j->cap == 0 ? 64 : j->cap * 2;
        struct nacre_krl_entry *more = realloc(j->e, cap * sizeof *more);

        if (more == NULL)
            return krl_fatal(j, "%s", nacre_err_text(NACRE_ERR_NO_MEMORY));
        j->e = more;
        j->cap = cap;
    }
    j->e[j->n++] = *e;
    return 0;
}

/* A copy that lives as long as the list; false if told that there is no memory. */
static bool krl_keep(struct krl_job *j, struct nacre_bytes *b)
{
    struct krl_chunk *c = malloc(sizeof *c + b->n);

    if (c == NULL) {
        (void)krl_fatal(j, "%s", nacre_err_text(NACRE_ERR_NO_MEMORY)); /* the caller returns it */
        return false;
    }
    if (b->n > 0)
        memcpy(c->p, b->p, b->n);
    b->p = c->p;
    c->next = j->chunks;
    j->chunks = c;
    return true;
}

static int krl_add_value(struct krl_job *j, enum nacre_krl_kind kind, struct nacre_bytes ca,
                         struct nacre_bytes value)
{
    struct nacre_krl_entry e = {.kind = kind, .ca = ca, .value = value};

    if (!krl_keep(j, &e.ca) || !krl_keep(j, &e.value))
        return NCR_KEYGEN_FATAL;
    return krl_add(j, &e);
}

static int krl_add_serials(struct krl_job *j, struct nacre_bytes ca, uint64_t lo, uint64_t hi)
{
    struct nacre_krl_entry e = {.kind = NACRE_KRL_SERIALS, .ca = ca, .lo = lo, .hi = hi};

    return krl_keep(j, &e.ca) ? krl_add(j, &e) : NCR_KEYGEN_FATAL;
}

/* ---- Reading a list ---- */

static int krl_load(struct krl_job *j, const char *path)
{
    struct nacre_krl_iter i;
    struct nacre_krl_entry e;
    struct nacre_bytes file;
    const char *what;
    nacre_err err = ncr_keygen_read(&j->file, path, NACRE_KRL_MAX);
    int status = 0;

    if (err != NACRE_OK)
        return krl_fatal(j, "Unable to load KRL %s: %s", path, ncr_file_error(err));
    file.p = j->file.p;
    file.n = j->file.n;
    if (nacre_krl_decode(&j->head, file, &what) != NACRE_OK)
        return krl_fatal(j, "Invalid KRL file %s: %s", path, what);
    nacre_krl_first(&i, &j->head);
    while (status == 0 && nacre_krl_next(&i, &e))
        status = krl_add(j, &e);
    return status;
}

/* ---- Specifications ---- */

/* A number as strtoull(3) reads it, in decimal, hexadecimal or octal, up to one of ends. */
static int krl_number(const struct krl_job *j, uint64_t *v, const char **text, char end)
{
    char *stop;

    errno = 0;
    *v = strtoull(*text, &stop, 0);
    if (**text < '0' || **text > '9' || (*stop != '\0' && *stop != end))
        return krl_fatal(j, "invalid serial \"%s\"", *text);
    if (errno == ERANGE)
        return krl_fatal(j, "serial out of range");
    *text = stop;
    return 0;
}

static int krl_spec_serial(struct krl_job *j, const char *text)
{
    uint64_t lo, hi;
    int status = krl_number(j, &lo, &text, '-');

    hi = lo;
    if (status == 0 && *text == '-') {
        text++;
        status = krl_number(j, &hi, &text, '\0');
        if (status == 0 && hi <= lo)
            return krl_fatal(j, "invalid serial range %llu:%llu", (unsigned long long)lo,
                             (unsigned long long)hi);
    }
    if (status == 0 && lo == 0)
        return krl_fatal(j, "serial 0 stands for none and cannot be revoked");
    return status == 0 ? krl_add_serials(j, j->ca.blob, lo, hi) : status;
}

static int krl_spec_id(struct krl_job *j, const char *text)
{
    return krl_add_value(j, NACRE_KRL_KEY_ID, j->ca.blob, nacre_bytes_str(text));
}

/* "SHA256:" and base64, without its padding, of a hash. */
static int krl_spec_hash(struct krl_job *j, const char *text)
{
    uint8_t digest[NACRE_SHA256_LEN];
    struct nacre_bytes value = {digest, sizeof digest};

    if (strncmp(text, "SHA256:", 7) != 0)
        return krl_fatal(j, "unsupported hash algorithm");
    if (!nacre_fingerprint_parse(digest, nacre_bytes_str(text)))
        return krl_fatal(j, "decode hash failed: not a SHA-256 fingerprint");
    return krl_add_value(j, NACRE_KRL_SHA256, (struct nacre_bytes){NULL, 0}, value);
}

static int krl_add_digest(struct krl_job *j, enum nacre_krl_kind kind, struct nacre_bytes plain)
{
    const struct nacre_hash *h = kind == NACRE_KRL_SHA1 ? &nacre_hash_sha1 : &nacre_hash_sha256;
    uint8_t digest[NACRE_HASH_MAX_LEN];
    union nacre_hash_ctx ctx;

    h->init(&ctx);
    h->update(&ctx, plain.p, plain.n);
    h->final(digest, &ctx);
    return krl_add_value(j, kind, (struct nacre_bytes){NULL, 0},
                         (struct nacre_bytes){digest, h->len});
}

/* A key or certificate; kind says how to revoke it, 0: as is best. */
static int krl_add_key(struct krl_job *j, unsigned kind, struct nacre_bytes blob)
{
    static uint8_t room[NACRE_KEY_BLOB_MAX];
    struct nacre_cert c;
    const bool is_cert = nacre_cert_is(blob);
    nacre_err err = is_cert ? nacre_cert_decode(&c, blob, room, sizeof room) : NACRE_OK;

    if (err != NACRE_OK)
        return krl_fatal(j, "invalid key: %s", nacre_err_text(err));
    if (is_cert && kind == 0)
        return c.serial != 0 ? krl_add_serials(j, c.ca, c.serial, c.serial)
                             : krl_add_value(j, NACRE_KRL_KEY_ID, c.ca, c.key_id);
    if (is_cert)
        blob = c.plain;
    if (kind == NACRE_KRL_SHA1 || kind == NACRE_KRL_SHA256)
        return krl_add_digest(j, (enum nacre_krl_kind)kind, blob);
    return krl_add_value(j, NACRE_KRL_KEY, (struct nacre_bytes){NULL, 0}, blob);
}

static int krl_spec_key(struct krl_job *j, unsigned kind, const char *text)
{
    static uint8_t blob[NACRE_LINE_MAX];
    struct nacre_pubkey k;
    nacre_err err = nacre_pubkey_parse(&k, NULL, nacre_bytes_str(text), blob, sizeof blob);

    if (err != NACRE_OK && err != NACRE_ERR_UNKNOWN_ALG)
        return krl_fatal(j, "invalid key: %s", nacre_err_text(err));
    return krl_add_key(j, kind, k.blob);
}

static const struct {
    const char *word;
    unsigned kind;
    int (*read)(struct krl_job *j, const char *text); /* NULL: a key of that kind follows */
    const char *by;                                   /* wants an authority: what it revokes by */
} krl_specs[] = {
    {"serial:", NACRE_KRL_SERIALS, krl_spec_serial, "serial number"},
    {"id:", NACRE_KRL_KEY_ID, krl_spec_id, "key ID"},
    {"hash:", NACRE_KRL_SHA256, krl_spec_hash, NULL},
    {"key:", NACRE_KRL_KEY, NULL, NULL},
    {"sha1:", NACRE_KRL_SHA1, NULL, NULL},
    {"sha256:", NACRE_KRL_SHA256, NULL, NULL},
};

/* A line without comment and blanks around it. */
static int krl_spec(struct krl_job *j, const char *line)
{
    for (size_t i = 0; i < sizeof krl_specs / sizeof krl_specs[0]; i++) {
        size_t n = strlen(krl_specs[i].word);

        if (strncasecmp(line, krl_specs[i].word, n) != 0)
            continue;
        line += n;
        line += strspn(line, " \t");
        if (krl_specs[i].by != NULL && !j->has_ca && !j->any_ca) {
            j->line = 0;
            return krl_fatal(j, "revoking certificates by %s requires specification of a CA key",
                             krl_specs[i].by);
        }
        return krl_specs[i].read != NULL ? krl_specs[i].read(j, line)
                                         : krl_spec_key(j, krl_specs[i].kind, line);
    }
    return krl_spec_key(j, 0, line);
}

/* A line of a file, as text; comments and blanks at its ends are cut off here. */
static int krl_line(struct krl_job *j, struct nacre_bytes line)
{
    static char text[NACRE_LINE_MAX + 1];
    size_t n = 0;
    char *from;

    while (n < line.n && line.p[n] != '#' && line.p[n] != '\0')
        n++;
    while (n > 0 && (line.p[n - 1] == ' ' || line.p[n - 1] == '\t'))
        n--;
    if (n > 0)
        memcpy(text, line.p, n);
    text[n] = '\0';
    from = text + strspn(text, " \t");
    return *from == '\0' ? 0 : krl_spec(j, from);
}

static int krl_lines(struct krl_job *j, struct nacre_bytes chunk)
{
    static struct nacre_lines lines;
    struct nacre_bytes line;
    int status = 0;

    nacre_lines_init(&lines);
    while (status == 0) {
        enum nacre_line kind = nacre_lines_next(&lines, &chunk, &line);

        if (kind == NACRE_LINE_NONE)
            kind = nacre_lines_end(&lines, &line);
        if (kind == NACRE_LINE_NONE)
            break;
        j->line = lines.number;
        status = kind == NACRE_LINE_OK ? krl_line(j, line) : krl_fatal(j, "line too long");
    }
    j->line = 0;
    return status;
}

/* A file of keys and specifications; "-": standard input. */
static int krl_take(struct krl_job *j, const char *path, bool quiet)
{
    struct ncr_file f;
    const bool in = strcmp(path, "-") == 0;
    nacre_err err = in ? ncr_file_read_fd(&f, STDIN_FILENO, NACRE_KRL_MAX)
                       : ncr_keygen_read(&f, path, NACRE_KRL_MAX);
    int status;

    j->path = in ? "(standard input)" : path;
    if (err != NACRE_OK)
        return krl_fatal(j, "open %s: %s", j->path, ncr_file_error(err));
    if (!quiet)
        printf("Revoking from %s\n", j->path);
    status = krl_lines(j, (struct nacre_bytes){f.p, f.n});
    ncr_file_wipe(&f);
    return status;
}

/* ---- -k ---- */

/* The authority of -s. */
static int krl_authority(struct krl_job *j, const struct ncr_keygen *g)
{
    nacre_err err;

    if (g->ca_key == NULL)
        return 0;
    j->any_ca = strcasecmp(g->ca_key, "none") == 0;
    if (j->any_ca)
        return 0;
    err = ncr_keygen_load_public(&j->ca, g->ca_key);
    if (err == NACRE_OK && nacre_cert_is(j->ca.blob))
        err = NACRE_ERR_KEY_FORMAT;
    if (err != NACRE_OK)
        return krl_fatal(j, "Cannot load CA public key %s: %s", g->ca_key,
                         ncr_keygen_public_error(err));
    j->has_ca = true;
    return 0;
}

static int krl_save(struct krl_job *j, const struct ncr_keygen *g)
{
    size_t room = nacre_krl_room(j->e, j->n, j->head.comment.n);
    uint8_t *out = malloc(room);
    nacre_err err = NACRE_ERR_NO_MEMORY;
    size_t n;

    if (out != NULL)
        err = nacre_krl_write(out, room, &n, j->e, j->n, &j->head);
    if (err == NACRE_OK)
        err = ncr_keygen_write(g->file, 0644, out, n);
    free(out);
    return err == NACRE_OK ? 0 : krl_fatal(j, "write %s: %s", g->file, ncr_file_error(err));
}

/* What -z and -C say; the time is that of the first making, as ssh-keygen leaves it. */
static int krl_head(struct krl_job *j, const struct ncr_keygen *g)
{
    if (ncr_keygen_given(g, 'z'))
        j->head.version = g->serial;
    if (g->comment != NULL)
        j->head.comment = nacre_bytes_str(g->comment);
    if (j->head.generated == 0)
        j->head.generated = (uint64_t)time(NULL);
    return j->head.comment.n <= NACRE_KRL_COMMENT_MAX ? 0 : krl_fatal(j, "comment too long");
}

static int krl_make(struct krl_job *j, const struct ncr_keygen *g)
{
    struct stat st;
    int status = 0;
    size_t i;

    if (g->file == NULL || g->file[0] == '\0')
        return krl_fatal(j, "KRL generation requires an output file");
    if (stat(g->file, &st) != 0 && errno != ENOENT)
        return krl_fatal(j, "Cannot access KRL \"%s\": %s", g->file, strerror(errno));
    if (g->update && stat(g->file, &st) != 0)
        return krl_fatal(j, "KRL \"%s\" does not exist", g->file);
    status = krl_authority(j, g);
    if (status == 0 && g->update)
        status = krl_load(j, g->file);
    if (status == 0)
        status = krl_head(j, g);
    for (i = 0; status == 0 && i < g->arg_n; i++)
        status = krl_take(j, g->args[i], g->quiet);
    return status == 0 ? krl_save(j, g) : status;
}

static int krl_run(const struct ncr_keygen *g,
                   int (*job)(struct krl_job *j, const struct ncr_keygen *g))
{
    struct krl_job *j = calloc(1, sizeof *j);
    int status;

    if (j == NULL) {
        ncr_keygen_complain("KRL", nacre_err_text(NACRE_ERR_NO_MEMORY));
        return NCR_KEYGEN_FATAL;
    }
    status = job(j, g);
    krl_done(j);
    return status;
}

int ncr_keygen_make_krl(const struct ncr_keygen *g)
{
    return krl_run(g, krl_make);
}

/* ---- -Q ---- */

static void krl_print_hex(const char *before, struct nacre_bytes b)
{
    fputs(before, stdout);
    for (size_t i = 0; i < b.n; i++)
        printf("%02x", b.p[i]);
    putchar('\n');
}

static void krl_print_entry(const struct nacre_krl_entry *e)
{
    char fp[NACRE_FINGERPRINT_LEN];
    struct nacre_pubkey k;

    switch (e->kind) {
    case NACRE_KRL_SERIALS:
        printf("serial: %llu", (unsigned long long)e->lo);
        if (e->hi != e->lo)
            printf("-%llu", (unsigned long long)e->hi);
        break;
    case NACRE_KRL_KEY_ID:
        fputs("id: ", stdout);
        ncr_keygen_put(e->value, true);
        break;
    case NACRE_KRL_KEY:
        nacre_fingerprint(fp, NACRE_FP_SHA256, e->value);
        printf("hash: %s # ", fp);
        if (nacre_pubkey_decode(&k, e->value) == NACRE_OK || k.name.n > 0)
            ncr_keygen_put(k.name, true);
        break;
    case NACRE_KRL_SHA1:
        krl_print_hex("# hash SHA1:", e->value);
        return;
    case NACRE_KRL_SHA256:
        krl_print_hex("hash: SHA256:", e->value);
        return;
    }
    putchar('\n');
}

static void krl_print_kind(const struct krl_job *j, enum nacre_krl_kind kind)
{
    for (size_t i = 0; i < j->n; i++)
        if (j->e[i].kind == kind)
            krl_print_entry(&j->e[i]);
}

static bool krl_same(struct nacre_bytes a, struct nacre_bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void krl_print_authority(const struct krl_job *j, struct nacre_bytes ca)
{
    char fp[NACRE_FINGERPRINT_LEN];
    struct nacre_pubkey k;

    putchar('\n');
    if (ca.n == 0) {
        puts("# Wildcard CA");
    } else {
        nacre_fingerprint(fp, NACRE_FP_SHA256, ca);
        fputs("# CA key ", stdout);
        if (nacre_pubkey_decode(&k, ca) == NACRE_OK || k.name.n > 0)
            ncr_keygen_put(k.name, true);
        printf(" %s\n", fp);
    }
    for (size_t i = 0; i < j->n; i++)
        if ((j->e[i].kind == NACRE_KRL_SERIALS || j->e[i].kind == NACRE_KRL_KEY_ID) &&
            krl_same(j->e[i].ca, ca))
            krl_print_entry(&j->e[i]);
}

/* Authorities in the order of the file: the entries in memory are sorted by them. */
static int krl_print_authorities(struct krl_job *j)
{
    struct nacre_bytes *seen = malloc((j->n + 1) * sizeof *seen);
    struct nacre_krl_iter i;
    struct nacre_krl_entry e;
    size_t n = 0;

    if (seen == NULL)
        return krl_fatal(j, "%s", nacre_err_text(NACRE_ERR_NO_MEMORY));
    nacre_krl_first(&i, &j->head);
    while (nacre_krl_next(&i, &e)) {
        size_t k = 0;

        if (e.kind != NACRE_KRL_SERIALS && e.kind != NACRE_KRL_KEY_ID)
            continue;
        while (k < n && !krl_same(seen[k], e.ca))
            k++;
        if (k == n) {
            seen[n++] = e.ca;
            krl_print_authority(j, e.ca);
        }
    }
    free(seen);
    return 0;
}

static int krl_print(struct krl_job *j)
{
    const time_t t = (time_t)j->head.generated;
    struct tm tm;
    char when[32] = "<INVALID>";

    j->n = nacre_krl_sort(j->e, j->n);
    if (localtime_r(&t, &tm) != NULL)
        (void)strftime(when, sizeof when, "%Y%m%dT%H%M%S", &tm); /* it fits */
    printf("# KRL version %llu\n# Generated at %s\n", (unsigned long long)j->head.version, when);
    if (j->head.comment.n > 0) {
        fputs("# Comment: ", stdout);
        ncr_keygen_put(j->head.comment, true);
        putchar('\n');
    }
    putchar('\n');
    krl_print_kind(j, NACRE_KRL_KEY);
    krl_print_kind(j, NACRE_KRL_SHA256);
    krl_print_kind(j, NACRE_KRL_SHA1);
    return krl_print_authorities(j);
}

/* One key that is asked about; 0, or NCR_KEYGEN_REFUSED. */
static int krl_ask_key(const struct krl_job *j, const char *path)
{
    static struct ncr_keygen_public p;
    nacre_err err = ncr_keygen_load_public(&p, path);

    if (err != NACRE_OK)
        return krl_fatal(j, "Cannot load public key %s: %s", path, ncr_keygen_public_error(err));
    err = nacre_krl_check(&j->head, p.blob);
    printf("%s (", path);
    ncr_keygen_put(nacre_bytes_str(p.comment[0] != '\0' ? p.comment : path), true);
    printf("): %s\n", err == NACRE_OK ? "ok" : "REVOKED");
    return err == NACRE_OK ? 0 : NCR_KEYGEN_REFUSED;
}

static int krl_ask(struct krl_job *j, const struct ncr_keygen *g)
{
    int status;
    int worst = 0;

    if (g->file == NULL || g->file[0] == '\0')
        return krl_fatal(j, "KRL checking requires an input file");
    status = krl_load(j, g->file);
    if (status == 0 && g->list)
        status = krl_print(j);
    for (size_t i = 0; status == 0 && i < g->arg_n; i++) {
        int one = krl_ask_key(j, g->args[i]);

        if (one == NCR_KEYGEN_FATAL)
            return one;
        worst = one != 0 ? one : worst;
    }
    return status != 0 ? status : worst;
}

int ncr_keygen_ask_krl(const struct ncr_keygen *g)
{
    return krl_run(g, krl_ask);
}
