/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen -F and -R: finding and removing a host in known_hosts.
 *
 * The file is streamed for -F and held for -R, which writes it anew; lines that cannot be read are
 * told and kept, and @cert-authority and @revoked lines are never removed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/keygen.h"
#include "proto/posix/file.h"

#define KEYGEN_HOSTS_CHUNK 65536
#define HOSTS_FILE_MAX ((size_t)256 * 1024 * 1024) /* bytes of a file that -R rewrites */

/* A run over the lines of a file. */
struct keygen_hosts {
    const struct ncr_keygen *g;
    const char *path;
    struct nacre_known_hosts search;
    bool is_host; /* search is set up */
    bool found;
    uint32_t hashed; /* lines that this build cannot compare */
    uint8_t *out;    /* -R: lines that stay */
    size_t n_out;
};

static int hosts_file_error(const char *path, nacre_err err)
{
    if (err == NACRE_ERR_IO)
        fprintf(stderr, "Cannot stat %s: %s\n", path, strerror(errno));
    else
        ncr_keygen_complain(path, ncr_file_error(err));
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

/* Where the keys are: -f or ~/.ssh/known_hosts. */
static bool hosts_path(char out[NCR_KEYGEN_PATH_MAX], const struct ncr_keygen *g)
{
    if (g->file != NULL)
        return ncr_keygen_path(out, g->file, "");
    return ncr_keygen_path(out, ncr_keygen_home(), "/.ssh/known_hosts");
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
    if (e->hashed && h->search.sha1 == NULL)
        h->hashed++;
    return false;
}

static void hosts_tell_hashed(const struct keygen_hosts *h)
{
    if (h->hashed > 0)
        fprintf(stderr, "%s: %u lines with hashed names cannot be compared by this build\n",
                h->path, (unsigned)h->hashed);
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

static void hosts_show(struct keygen_hosts *h, const struct nacre_host_entry *e, uint32_t number,
                       struct nacre_bytes line)
{
    static const char *const markers[] = {[NACRE_HOST_PLAIN] = "",
                                          [NACRE_HOST_CERT_AUTHORITY] = "CA",
                                          [NACRE_HOST_REVOKED_KEY] = "REVOKED"};

    h->found = true;
    if (!h->g->quiet)
        printf("# Host %s found: line %u %s\n", h->g->host, (unsigned)number, markers[e->marker]);
    if (h->g->list) {
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
    char path[NCR_KEYGEN_PATH_MAX];
    nacre_err err;
    int fd;

    memset(&h, 0, sizeof h);
    h.g = g;
    h.path = path;
    if (!hosts_path(path, g) || !hosts_start(&h))
        return NCR_KEYGEN_REFUSED;
    err = ncr_file_open(&fd, NULL, path);
    if (err == NACRE_OK) {
        if (!hosts_find_stream(&h, fd))
            err = NACRE_ERR_IO;
        (void)close(fd); /* only read */
    }
    if (err != NACRE_OK)
        return hosts_file_error(path, err);
    if (!h.found)
        hosts_tell_hashed(&h);
    return h.found ? 0 : NCR_KEYGEN_REFUSED;
}

/* ---- -R ---- */

/* Keeps or drops one line, with its end. */
static void hosts_remove_line(struct keygen_hosts *h, uint32_t number, struct nacre_bytes whole)
{
    struct nacre_host_entry e;
    struct nacre_bytes line = whole;

    if (line.n > 0 && line.p[line.n - 1] == '\n')
        line.n--;
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    if (line.n > NACRE_LINE_MAX) {
        fprintf(stderr, "%s:%u: line too long, kept\n", h->path, (unsigned)number);
    } else if (hosts_is_for(h, &e, number, line) && e.marker == NACRE_HOST_PLAIN) {
        h->found = true;
        if (!h->g->quiet)
            printf("# Host %s found: line %u\n", h->g->host, (unsigned)number);
        return;
    }
    memcpy(h->out + h->n_out, whole.p, whole.n);
    h->n_out += whole.n;
}

static void hosts_remove_lines(struct keygen_hosts *h, const struct ncr_file *f)
{
    const uint8_t *p = f->p;
    size_t left = f->n;
    uint32_t number = 0;

    while (left > 0) {
        const uint8_t *end = memchr(p, '\n', left);
        struct nacre_bytes whole = {p, end == NULL ? left : (size_t)(end - p) + 1};

        hosts_remove_line(h, ++number, whole);
        p += whole.n;
        left -= whole.n;
    }
}

/* Writes the old contents beside the file and the new ones in its place; a symbolic link stays one.
 */
static int hosts_replace(const struct keygen_hosts *h, const struct ncr_file *f)
{
    char old[NCR_KEYGEN_PATH_MAX];
    char *target = realpath(h->path, NULL);
    mode_t mode = f->st.st_mode & 0644;
    nacre_err err = NACRE_ERR_IO;

    if (target == NULL || !ncr_keygen_path(old, h->path, ".old"))
        goto out;
    err = ncr_file_write(old, mode, f->p, f->n);
    if (err == NACRE_OK)
        err = ncr_file_write(target, mode, h->out, h->n_out);
out:
    if (err != NACRE_OK)
        ncr_keygen_complain(h->path, ncr_file_error(err));
    else
        printf("%s updated.\nOriginal contents retained as %s\n", h->path, old);
    free(target);
    return err == NACRE_OK ? 0 : NCR_KEYGEN_FATAL;
}

int ncr_keygen_remove_host(const struct ncr_keygen *g)
{
    struct keygen_hosts h;
    char path[NCR_KEYGEN_PATH_MAX];
    struct ncr_file f;
    nacre_err err;
    int status = 0;

    memset(&h, 0, sizeof h);
    h.g = g;
    h.path = path;
    if (!hosts_path(path, g) || !hosts_start(&h))
        return NCR_KEYGEN_REFUSED;
    err = ncr_file_read(&f, path, HOSTS_FILE_MAX);
    if (err != NACRE_OK)
        return hosts_file_error(path, err);
    h.out = malloc(f.n + 1);
    if (h.out == NULL) {
        ncr_file_wipe(&f);
        return hosts_file_error(path, NACRE_ERR_NO_MEMORY);
    }
    hosts_remove_lines(&h, &f);
    if (h.found)
        status = hosts_replace(&h, &f);
    else
        fprintf(stderr, "Host %s not found in %s\n", g->host, path);
    hosts_tell_hashed(&h);
    free(h.out);
    ncr_file_wipe(&f);
    return status;
}
