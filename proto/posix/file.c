/* SPDX-License-Identifier: ISC
 *
 * Files read whole and written by rename: see file.h.
 *
 * Opened with O_NONBLOCK, so that a FIFO returns at once and is then refused by its type. The size
 * that fstat(2) tells is a hint for the buffer only: what is read is bounded by the cap, however
 * the file grows meanwhile.
 */
#include "proto/posix/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_CHUNK 4096 /* bytes, first buffer where the size is not known */

/* Closes and keeps errno. */
static void file_close(int fd)
{
    int e = errno;

    (void)close(fd); /* nothing was written through it, or fsync(2) has told already */
    errno = e;
}

nacre_err ncr_file_open(int *fd, struct stat *st, const char *path)
{
    struct stat own;

    if (st == NULL)
        st = &own;
    *fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (*fd < 0)
        return NACRE_ERR_IO;
    if (fstat(*fd, st) == 0 && S_ISREG(st->st_mode))
        return NACRE_OK;
    file_close(*fd);
    *fd = -1;
    return NACRE_ERR_FILE_FORMAT;
}

/* Makes room for cap bytes and the zero behind them; the old buffer may hold a secret, so that it
 * is wiped, not reallocated. */
static bool file_grow(struct ncr_file *f, size_t *cap, size_t want)
{
    uint8_t *p = malloc(want + 1);

    if (p == NULL)
        return false;
    if (f->p != NULL) {
        memcpy(p, f->p, f->n);
        nacre_wipe(f->p, *cap);
        free(f->p);
    }
    f->p = p;
    *cap = want;
    return true;
}

/* Reads to the end of fd; f->st.st_size is the hint. */
static nacre_err file_fill(struct ncr_file *f, int fd, size_t max)
{
    size_t cap = 0;
    size_t want = FILE_CHUNK;

    if (f->st.st_size > 0 && (uint64_t)f->st.st_size <= max)
        want = (size_t)f->st.st_size + 1; /* one more, to see the end */
    for (;;) {
        ssize_t got;

        if (f->n == cap && !file_grow(f, &cap, cap == 0 ? want : cap * 2))
            return NACRE_ERR_NO_MEMORY;
        got = read(fd, f->p + f->n, cap - f->n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return NACRE_ERR_IO;
        if (got == 0)
            break;
        f->n += (size_t)got;
        if (f->n > max)
            return NACRE_ERR_LIMIT;
    }
    f->p[f->n] = 0;
    return NACRE_OK;
}

nacre_err ncr_file_read_fd(struct ncr_file *f, int fd, size_t max)
{
    nacre_err err;

    memset(f, 0, sizeof *f);
    err = file_fill(f, fd, max);
    if (err != NACRE_OK)
        ncr_file_wipe(f);
    return err;
}

nacre_err ncr_file_read(struct ncr_file *f, const char *path, size_t max)
{
    nacre_err err;
    int fd;

    memset(f, 0, sizeof *f);
    err = ncr_file_open(&fd, &f->st, path);
    if (err != NACRE_OK)
        return err;
    err = f->st.st_size > 0 && (uint64_t)f->st.st_size > max ? NACRE_ERR_LIMIT
                                                             : file_fill(f, fd, max);
    file_close(fd);
    if (err != NACRE_OK)
        ncr_file_wipe(f);
    return err;
}

void ncr_file_wipe(struct ncr_file *f)
{
    int e = errno;

    if (f->p != NULL)
        nacre_wipe(f->p, f->n);
    free(f->p);
    memset(f, 0, sizeof *f);
    errno = e;
}

bool ncr_file_write_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, p, n);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        p += put;
        n -= (size_t)put;
    }
    return true;
}

/* Makes the rename survive a crash; a file system that cannot is no error. */
static void file_sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    int fd = dir == NULL ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        (void)fsync(fd); /* see above */
        file_close(fd);
    }
    free(dir);
}

/* Fills the new file and puts it in place. */
static bool file_put(int fd, const char *temp, const char *path, mode_t mode, const uint8_t *p,
                     size_t n)
{
    bool good = ncr_file_write_all(fd, p, n) && fchmod(fd, mode) == 0 && fsync(fd) == 0;

    file_close(fd);
    return good && rename(temp, path) == 0;
}

nacre_err ncr_file_write(const char *path, mode_t mode, const uint8_t *p, size_t n)
{
    size_t len = strlen(path);
    char *temp = malloc(len + sizeof ".XXXXXX");
    nacre_err err = NACRE_ERR_IO;
    int fd;
    int e;

    if (temp == NULL)
        return NACRE_ERR_NO_MEMORY;
    memcpy(temp, path, len);
    memcpy(temp + len, ".XXXXXX", sizeof ".XXXXXX");
    fd = mkostemp(temp, O_CLOEXEC); /* O_EXCL, mode 0600 */
    if (fd >= 0 && file_put(fd, temp, path, mode, p, n)) {
        file_sync_directory(path);
        err = NACRE_OK;
    } else if (fd >= 0) {
        e = errno;
        (void)unlink(temp); /* the first failure is the one to tell */
        errno = e;
    }
    e = errno;
    free(temp);
    errno = e;
    return err;
}

const char *ncr_file_error(nacre_err err)
{
    if (err == NACRE_ERR_IO)
        return strerror(errno);
    if (err == NACRE_ERR_FILE_FORMAT)
        return "not a regular file";
    if (err == NACRE_ERR_LIMIT)
        return "file too large";
    return nacre_err_text(err);
}
