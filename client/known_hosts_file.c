/* SPDX-License-Identifier: ISC
 *
 * known_hosts files: see known_hosts_file.h.
 */
#include "client/known_hosts_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/posix/file.h"

#define HOSTS_CHUNK 16384 /* bytes of one read */
#define HOSTS_LINE_CAP (NACRE_PUBKEY_TEXT_LEN(NACRE_KEY_BLOB_MAX, 0) + NACRE_HOST_TEXT_LEN + 2)

/* What a search of one file needs beside the search itself. */
struct hosts_reader {
    struct nacre_known_hosts *s;
    const char *file;
    uint32_t index;
    ncr_hosts_warn warn;
    void *ctx;
    struct nacre_lines lines;
    uint8_t chunk[HOSTS_CHUNK];
};

static nacre_err hosts_line(struct hosts_reader *r, enum nacre_line kind, struct nacre_bytes line)
{
    const char *what = "line too long";
    nacre_err err = NACRE_ERR_FILE_FORMAT;

    if (kind == NACRE_LINE_OK)
        err = nacre_known_hosts_line(r->s, line, r->index, r->lines.number, &what);
    if (err == NACRE_OK)
        return NACRE_OK;
    if (err != NACRE_ERR_FILE_FORMAT && err != NACRE_ERR_KEY_FORMAT)
        return err;
    if (r->warn != NULL)
        r->warn(r->ctx, r->file, r->lines.number, what);
    return NACRE_OK;
}

static nacre_err hosts_chunk(struct hosts_reader *r, struct nacre_bytes chunk, bool last)
{
    struct nacre_bytes line;
    enum nacre_line kind;
    nacre_err err = NACRE_OK;

    do {
        kind =
            last ? nacre_lines_end(&r->lines, &line) : nacre_lines_next(&r->lines, &chunk, &line);
        if (kind != NACRE_LINE_NONE)
            err = hosts_line(r, kind, line);
    } while (kind != NACRE_LINE_NONE && !last && err == NACRE_OK);
    return err;
}

static nacre_err hosts_read(struct hosts_reader *r, int fd)
{
    for (;;) {
        ssize_t got = read(fd, r->chunk, sizeof r->chunk);
        struct nacre_bytes chunk = {r->chunk, got > 0 ? (size_t)got : 0};
        nacre_err err;

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return NACRE_ERR_IO;
        err = hosts_chunk(r, chunk, got == 0);
        if (err != NACRE_OK || got == 0)
            return err;
    }
}

/* The customary name of no file: nothing is in it, and everything can be added. */
static bool hosts_is_null(const char *file)
{
    return strcmp(file, "/dev/null") == 0;
}

static nacre_err hosts_search_file(struct hosts_reader *r)
{
    int fd;
    nacre_err err;
    int e;

    if (hosts_is_null(r->file))
        return NACRE_OK;
    err = ncr_file_open(&fd, NULL, r->file);
    if (err != NACRE_OK)
        return err == NACRE_ERR_IO && (errno == ENOENT || errno == ENOTDIR) ? NACRE_OK : err;
    nacre_lines_init(&r->lines);
    err = hosts_read(r, fd);
    e = errno;
    (void)close(fd); /* only read from */
    errno = e;
    return err;
}

nacre_err ncr_hosts_search(struct nacre_known_hosts *s, const char *const *files, size_t n,
                           ncr_hosts_warn warn, void *ctx, const char **bad)
{
    struct hosts_reader *r = malloc(sizeof *r);
    nacre_err err = NACRE_OK;
    int e;

    if (bad != NULL)
        *bad = NULL;
    if (r == NULL)
        return NACRE_ERR_NO_MEMORY;
    for (size_t i = 0; i < n && err == NACRE_OK; i++) {
        r->s = s;
        r->file = files[i];
        r->index = (uint32_t)i;
        r->warn = warn;
        r->ctx = ctx;
        err = hosts_search_file(r);
        if (err != NACRE_OK && bad != NULL)
            *bad = files[i];
    }
    e = errno;
    free(r);
    errno = e;
    return err;
}

/* ---- Adding ------------------------------------------------------------------------------ */

static bool hosts_make_directory(const char *file)
{
    const char *slash = strrchr(file, '/');
    char *dir;
    bool good;

    if (slash == NULL || slash == file)
        return true;
    dir = strndup(file, (size_t)(slash - file));
    if (dir == NULL)
        return false;
    good = mkdir(dir, 0700) == 0 || errno == EEXIST;
    free(dir);
    return good;
}

/* True if the file ends within a line. */
static bool hosts_open_line(int fd)
{
    struct stat st;
    char last = '\n';

    if (fstat(fd, &st) != 0 || st.st_size == 0)
        return false;
    return pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
}

/* In one write(2), so that two programs that add lines do not mix them. */
static nacre_err hosts_append(const char *file, char *text)
{
    int fd = open(file, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    struct stat st;
    bool good;
    int e;

    if (fd < 0)
        return NACRE_ERR_IO;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd); /* nothing was written */
        errno = EINVAL;
        return NACRE_ERR_IO;
    }
    if (hosts_open_line(fd)) {
        memmove(text + 1, text, strlen(text) + 1);
        text[0] = '\n';
    }
    good = ncr_file_write_all(fd, (const uint8_t *)text, strlen(text));
    e = errno;
    good = close(fd) == 0 && good;
    if (!good && e != 0)
        errno = e;
    return good ? NACRE_OK : NACRE_ERR_IO;
}

/* salt: NULL for a name in clear. */
static nacre_err hosts_add(const char *file, struct nacre_bytes host, uint32_t port,
                           struct nacre_bytes blob, const uint8_t *salt)
{
    char *text = malloc(HOSTS_LINE_CAP + 1); /* one more for a line end before it */
    nacre_err err;

    if (hosts_is_null(file)) {
        free(text);
        return NACRE_OK;
    }
    if (text == NULL)
        return NACRE_ERR_NO_MEMORY;
    err = salt == NULL
              ? nacre_known_hosts_format(text, HOSTS_LINE_CAP, host, port, blob)
              : nacre_known_hosts_format_hashed(text, HOSTS_LINE_CAP, host, port, blob, salt);
    if (err == NACRE_OK && !hosts_make_directory(file))
        err = NACRE_ERR_IO;
    if (err == NACRE_OK)
        err = hosts_append(file, text);
    free(text);
    return err;
}

nacre_err ncr_hosts_add(const char *file, struct nacre_bytes host, uint32_t port,
                        struct nacre_bytes blob)
{
    return hosts_add(file, host, port, blob, NULL);
}

nacre_err ncr_hosts_add_hashed(const char *file, struct nacre_bytes host, uint32_t port,
                               struct nacre_bytes blob, const uint8_t salt[NACRE_HOST_SALT_LEN])
{
    return hosts_add(file, host, port, blob, salt);
}
