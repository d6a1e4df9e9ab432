/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen -F, -R and -H: finding and removing a host in known_hosts, and hashing its names.
 *
 * The file is streamed for -F and held for -R and -H, which write it anew. Lines that cannot be
 * read are told; -R keeps them, -H then leaves the file alone, since a name might stand there in
 * clear.
 * @cert-authority and @revoked lines are never removed or hashed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/keygen.h"
#include "client/known_hosts_file.h"
#include "proto/posix/escape.h"
#include "proto/posix/file.h"

#define KEYGEN_HOSTS_CHUNK 65536
#define HOSTS_NAME_SHOWN 64 /* bytes of a name in a warning */

/* A run over the lines of a file. */
struct keygen_hosts {
    const struct ncr_keygen *g;
    char path[NCR_KEYGEN_PATH_MAX], old[NCR_KEYGEN_PATH_MAX]; /* old: where -R and -H keep it */
    struct nacre_known_hosts search;
    bool is_host; /* search is set up */
    bool found;
    bool invalid;              /* -H: a line could not be read */
    bool hashed;               /* -H: a name was */
    struct ncr_hosts_new *out; /* new lines */
    nacre_err failed;          /* -F: of making some */
};

static int hosts_file_error(const char *path, nacre_err err)
{
    const char *why = ncr_file_error(err);
    struct stat st;

    if (err == NACRE_ERR_IO && stat(path, &st) != 0)
        fprintf(stderr, "Cannot stat %s: %s\n", path, why);
    else
        ncr_keygen_complain(path, why);
    return NCR_KEYGEN_FATAL;
}

/* Sets the search up for "host" or "[host]:port". A name with pattern characters is no host, but
 * may be looked for as it stands in the file. */
static bool hosts_start(struct keygen_hosts *h)
{
    struct nacre_bytes host = nacre_bytes_str(h->g->host);
    static const struct nacre_bytes no_key;
    const char *colon = strrchr(h->g->host, ':');
    unsigned long port = 0;
    char *end;

    if (host.n == 0) {
        ncr_keygen_complain("host name", "empty");
        return false;
    }
    if (host.n > 1 && host.p[0] == '[' && colon != NULL && colon[-1] == ']') {
        errno = 0;
        port = strtoul(colon + 1, &end, 10);
        if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || errno != 0 || port > 65535)
            port = 65536; /* no host */
        host.p++;
        host.n = (size_t)(colon - h->g->host) - 2;
    }
    h->is_host = nacre_known_hosts_init(&h->search, host, (uint32_t)port, no_key) == NACRE_OK;
    return true;
}

/* The file is that of -f, or ~/.ssh/known_hosts. False if told. */
static bool hosts_begin(struct keygen_hosts *h, const struct ncr_keygen *g)
{
    memset(h, 0, sizeof *h);
    h->g = g;
    if (!(g->file != NULL ? ncr_keygen_path(h->path, g->file, "")
                          : ncr_keygen_path(h->path, ncr_keygen_home(), "/.ssh/known_hosts")))
        return false;
    return ncr_keygen_path(h->old, h->path, ".old");
}

/* Takes a line apart: true if it is for the host. What cannot be read is told. */
static bool hosts_is_for(struct keygen_hosts *h, struct nacre_host_entry *e, uint32_t number,
                         struct nacre_bytes line)
{
    if (nacre_known_hosts_parse(e, line) != NACRE_OK) {
        fprintf(stderr, "%s:%u: invalid line: %s\n", h->path, (unsigned)number, e->what);
        return false;
    }
    if (h->is_host ? nacre_known_hosts_is_for(&h->search, e)
                   : !e->blank && !e->hashed &&
                         nacre_pattern_list_match(e->names, nacre_bytes_str(h->g->host)))
        return true;
    return false;
}

/* ---- New lines ---- */

static void keygen_hosts_put(struct keygen_hosts *h, const void *p, size_t n)
{
    ncr_hosts_put(h->out, p, n);
}

/* One name of a line, hashed, with what follows the names. */
static void hosts_put_hashed(struct keygen_hosts *h, struct nacre_bytes name,
                             struct nacre_bytes rest)
{
    uint8_t lower[NACRE_LINE_MAX];
    uint8_t salt[NACRE_HOST_SALT_LEN];
    char text[NACRE_HOST_HASH_LEN];
    struct nacre_bytes lowered = {lower, name.n};

    for (size_t i = 0; i < name.n; i++)
        lower[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 0x20 : name.p[i];
    if (!nacre_rng_fill(&nacre_rng_os, salt, sizeof salt))
        h->out->err = NACRE_ERR_RNG;
    else if (h->out->err == NACRE_OK)
        h->out->err = nacre_known_hosts_hash(text, sizeof text, salt, lowered);
    if (h->out->err != NACRE_OK)
        return;
    keygen_hosts_put(h, text, strlen(text));
    keygen_hosts_put(h, " ", 1);
    keygen_hosts_put(h, rest.p, rest.n);
    keygen_hosts_put(h, "\n", 1);
    h->hashed = true;
}

static void hosts_tell_wildcard(const struct keygen_hosts *h, uint32_t number,
                                struct nacre_bytes names)
{
    char safe[NCR_ESCAPE_ROOM(HOSTS_NAME_SHOWN)];

    names.n = names.n < HOSTS_NAME_SHOWN ? names.n : HOSTS_NAME_SHOWN;
    (void)ncr_escape(safe, sizeof safe, names, NCR_ESCAPE_LINE); /* its length is not needed */
    fprintf(stderr, "%s:%u: ignoring host name with wildcard: %s\n", h->path, (unsigned)number,
            safe);
}

static bool hosts_is_wild(struct nacre_bytes names)
{
    for (size_t i = 0; i < names.n; i++) {
        if (names.p[i] == '*' || names.p[i] == '?' || names.p[i] == '!')
            return true;
    }
    return false;
}

/* A line that was taken apart: each of its names on a line of its own, hashed, where that can be;
 * else as it stands (whole: with its end). */
static void hosts_hash_entry(struct keygen_hosts *h, const struct nacre_host_entry *e,
                             uint32_t number, struct nacre_bytes whole, struct nacre_bytes line)
{
    struct nacre_bytes names = e->names;
    bool wild = !e->hashed && hosts_is_wild(names);

    if (e->blank || e->hashed || e->marker != NACRE_HOST_PLAIN || wild) {
        if (wild)
            hosts_tell_wildcard(h, number, names);
        keygen_hosts_put(h, whole.p, whole.n);
        return;
    }
    line.n -= (size_t)(e->type.p - line.p);
    line.p = e->type.p;
    while (names.n > 0) {
        const uint8_t *comma = memchr(names.p, ',', names.n);
        struct nacre_bytes name = {names.p, comma == NULL ? names.n : (size_t)(comma - names.p)};

        if (name.n > 0)
            hosts_put_hashed(h, name, line);
        names.p += comma == NULL ? name.n : name.n + 1;
        names.n -= comma == NULL ? name.n : name.n + 1;
    }
}

/* ---- -F ---- */

/* `name TYPE fingerprint [comment]`. */
static void hosts_show_key(const struct keygen_hosts *h, const struct nacre_host_entry *e)
{
    char line[NACRE_LINE_MAX];
    uint8_t blob[NACRE_LINE_MAX];
    struct nacre_pubkey k;
    char fp[NACRE_FINGERPRINT_LEN];
    struct nacre_bytes text = {(const uint8_t *)line, 0};
    nacre_err err;

    memcpy(line, e->type.p, e->type.n); /* both are parts of one line, with a blank between */
    line[e->type.n] = ' ';
    memcpy(line + e->type.n + 1, e->key.p, e->key.n);
    text.n = e->type.n + 1 + e->key.n;
    err = nacre_pubkey_parse(&k, NULL, text, blob, sizeof blob);
    if (err != NACRE_OK && err != NACRE_ERR_UNKNOWN_ALG) {
        ncr_keygen_complain(h->path, "damaged key");
        return;
    }
    nacre_fingerprint(fp, h->g->hash, k.blob);
    if (k.type == NULL) /* a name has no controls: see nacre_pubkey_decode() */
        printf("%s %.*s %s", h->g->host, (int)k.name.n, (const char *)k.name.p, fp);
    else
        printf("%s %s %s", h->g->host, nacre_pubkey_label(&k), fp);
    if (e->comment.n > 0) {
        putchar(' ');
        ncr_keygen_put(e->comment, true);
    }
    putchar('\n');
    if (h->g->verbose) {
        char art[NACRE_RANDOMART_LEN];

        nacre_randomart(art, h->g->hash, &k);
        printf("%s\n", art);
    }
}

/* What -H would make of the line. */
static void hosts_show_hashed(struct keygen_hosts *h, const struct nacre_host_entry *e,
                              uint32_t number, struct nacre_bytes line)
{
    struct ncr_hosts_new out = {NULL, 0, 0, NACRE_OK};
    struct nacre_bytes rest;

    h->out = &out;
    h->hashed = false;
    hosts_hash_entry(h, e, number, line, line);
    if (!h->hashed)
        keygen_hosts_put(h, "\n", 1);
    for (rest = (struct nacre_bytes){out.p, out.n}; rest.n > 0;) {
        const uint8_t *end = memchr(rest.p, '\n', rest.n);
        struct nacre_bytes one = {rest.p, end == NULL ? rest.n : (size_t)(end - rest.p)};

        ncr_keygen_put(one, false);
        putchar('\n');
        rest.p += end == NULL ? one.n : one.n + 1;
        rest.n -= end == NULL ? one.n : one.n + 1;
    }
    h->failed = out.err != NACRE_OK ? out.err : h->failed;
    free(out.p);
}

static void hosts_show(struct keygen_hosts *h, const struct nacre_host_entry *e, uint32_t number,
                       struct nacre_bytes line)
{
    static const char *const markers[] = {[NACRE_HOST_PLAIN] = "",
                                          [NACRE_HOST_CERT_AUTHORITY] = "CA",
                                          [NACRE_HOST_REVOKED_KEY] = "REVOKED"};

    h->found = true;
    if (!h->g->quiet)
        printf("# Host %s found: line %u %s\n", h->g->host, (unsigned)number, markers[e->marker]);
    if (h->g->hash_hosts) {
        hosts_show_hashed(h, e, number, line);
    } else if (h->g->list) {
        hosts_show_key(h, e);
    } else {
        ncr_keygen_put(line, false);
        putchar('\n');
    }
}

static void hosts_find_line(struct keygen_hosts *h, uint32_t number, struct nacre_bytes line)
{
    struct nacre_host_entry e;

    if (hosts_is_for(h, &e, number, line))
        hosts_show(h, &e, number, line);
}

/* Gives each line of a chunk to hosts_find_line(). */
static void hosts_find_chunk(struct keygen_hosts *h, struct nacre_lines *lines,
                             struct nacre_bytes chunk, bool last)
{
    struct nacre_bytes line;
    enum nacre_line kind;

    do {
        kind = nacre_lines_next(lines, &chunk, &line);
        if (kind == NACRE_LINE_NONE && last)
            kind = nacre_lines_end(lines, &line);
        if (kind == NACRE_LINE_TOO_LONG)
            fprintf(stderr, "%s:%u: line too long, skipped\n", h->path, (unsigned)lines->number);
        else if (kind == NACRE_LINE_OK)
            hosts_find_line(h, lines->number, line);
    } while (kind != NACRE_LINE_NONE);
}

static bool hosts_find_stream(struct keygen_hosts *h, int fd)
{
    static uint8_t buf[KEYGEN_HOSTS_CHUNK];
    struct nacre_lines lines;

    nacre_lines_init(&lines);
    for (;;) {
        ssize_t got = read(fd, buf, sizeof buf);
        struct nacre_bytes chunk = {buf, 0};

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        chunk.n = (size_t)got;
        hosts_find_chunk(h, &lines, chunk, got == 0);
        if (got == 0)
            return true;
    }
}

int ncr_keygen_find_host(const struct ncr_keygen *g)
{
    struct keygen_hosts h;
    nacre_err err;
    int fd;

    if (!hosts_begin(&h, g) || !hosts_start(&h))
        return NCR_KEYGEN_REFUSED;
    err = ncr_keygen_open(&fd, h.path);
    if (err == NACRE_OK) {
        if (!hosts_find_stream(&h, fd))
            err = NACRE_ERR_IO;
        (void)close(fd); /* only read */
    }
    if (err == NACRE_OK)
        err = h.failed;
    if (err != NACRE_OK)
        return hosts_file_error(h.path, err);
    return h.found ? 0 : NCR_KEYGEN_REFUSED;
}

/* ---- -R ---- */

/* Keeps or drops one line, with its end. */
static void hosts_remove_line(void *ctx, uint32_t number, struct nacre_bytes whole)
{
    struct keygen_hosts *h = ctx;
    struct nacre_host_entry e;
    struct nacre_bytes line = ncr_hosts_without_end(whole);

    if (line.n > NACRE_LINE_MAX) {
        fprintf(stderr, "%s:%u: line too long, kept\n", h->path, (unsigned)number);
    } else if (hosts_is_for(h, &e, number, line) && e.marker == NACRE_HOST_PLAIN) {
        h->found = true;
        if (!h->g->quiet)
            printf("# Host %s found: line %u\n", h->g->host, (unsigned)number);
        return;
    }
    keygen_hosts_put(h, whole.p, whole.n);
}

static nacre_err hosts_remove_edit(void *ctx, struct nacre_bytes old, struct ncr_hosts_new *out)
{
    struct keygen_hosts *h = ctx;

    h->out = out;
    h->found = false;
    ncr_hosts_each_line(old, hosts_remove_line, h);
    return NACRE_OK;
}

static nacre_err hosts_change(struct keygen_hosts *h, struct ncr_hosts_change how)
{
    how.ctx = h;
    how.backup = h->old;
    return ncr_hosts_change(h->path, &how, NULL);
}

static void hosts_tell_updated(const struct keygen_hosts *h)
{
    printf("%s updated.\nOriginal contents retained as %s\n", h->path, h->old);
}

int ncr_keygen_remove_host(const struct ncr_keygen *g)
{
    struct keygen_hosts h;
    nacre_err err;

    if (!hosts_begin(&h, g) || !hosts_start(&h))
        return NCR_KEYGEN_REFUSED;
    err = hosts_change(&h, (struct ncr_hosts_change){.edit = hosts_remove_edit});
    if (err != NACRE_OK)
        return hosts_file_error(h.path, err);
    if (h.found)
        hosts_tell_updated(&h);
    else
        fprintf(stderr, "Host %s not found in %s\n", g->host, h.path);
    return 0;
}

/* ---- -H ---- */

static void hosts_hash_line(void *ctx, uint32_t number, struct nacre_bytes whole)
{
    struct keygen_hosts *h = ctx;
    struct nacre_host_entry e = {.what = "too long"};
    struct nacre_bytes line = ncr_hosts_without_end(whole);

    if (line.n <= NACRE_LINE_MAX && nacre_known_hosts_parse(&e, line) == NACRE_OK) {
        hosts_hash_entry(h, &e, number, whole, line);
        return;
    }
    fprintf(stderr, "%s:%u: invalid line: %s\n", h->path, (unsigned)number, e.what);
    h->invalid = true;
}

static nacre_err hosts_hash_edit(void *ctx, struct nacre_bytes old, struct ncr_hosts_new *out)
{
    struct keygen_hosts *h = ctx;

    h->out = out;
    h->invalid = h->hashed = false;
    ncr_hosts_each_line(old, hosts_hash_line, h);
    return h->invalid ? NACRE_ERR_FILE_FORMAT : NACRE_OK;
}

int ncr_keygen_hash_hosts(const struct ncr_keygen *g)
{
    struct keygen_hosts h;
    nacre_err err;

    if (!hosts_begin(&h, g))
        return NCR_KEYGEN_REFUSED;
    err = hosts_change(&h, (struct ncr_hosts_change){.edit = hosts_hash_edit, .always = true});
    if (h.invalid) {
        fprintf(stderr,
                "%s is not a valid known_hosts file.\n"
                "Not replacing existing known_hosts file because of errors\n",
                h.path);
        return NCR_KEYGEN_REFUSED;
    }
    if (err != NACRE_OK)
        return hosts_file_error(h.path, err);
    hosts_tell_updated(&h);
    if (h.hashed)
        fprintf(stderr,
                "WARNING: %s contains unhashed entries\n"
                "Delete this file to ensure privacy of hostnames\n",
                h.old);
    return 0;
}
