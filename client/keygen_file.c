/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen: the files that it is told to read and to write.
 *
 * As with ssh-keygen a name may be that of a pipe or a device (<(...) of a shell, /dev/stdin,
 * /dev/stdout, /dev/null), and of a symbolic link, which stays one. Files proper are written by
 * rename, see proto/posix/file.h; what is none is written to as it is, but not another user's FIFO,
 * nor through another user's link in a directory that all can write to.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/keygen.h"
#include "proto/posix/file.h"

#define KEYGEN_LINKS_MAX 40 /* in a chain, as Linux follows them */
#define KEYGEN_PIPE_MS 5000 /* wait for a FIFO's other end */

int ncr_keygen_file_error(const char *path, nacre_err err)
{
    ncr_keygen_complain(path, ncr_file_error(err));
    return NCR_KEYGEN_FATAL;
}

/* ---- Reading ---- */

/* Whether there is something to read from a FIFO, or its other end has come and gone. */
static bool keygen_pipe_ready(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int got;

    do {
        got = poll(&p, 1, KEYGEN_PIPE_MS);
    } while (got < 0 && errno == EINTR);
    return got > 0;
}

/* Whether the name is of a descriptor that we were started with, as a shell's <(...) is. */
static bool keygen_inherited(const char *path)
{
    return strncmp(path, "/dev/fd/", 8) == 0 || strncmp(path, "/dev/std", 8) == 0 ||
           strncmp(path, "/proc/", 6) == 0;
}

/* A FIFO by a name of its own may have no other end, which is not waited for forever; nor is the
 * opening, as it else would be. A shell's pipe has one. */
static nacre_err keygen_open_fifo(int *fd, const char *path)
{
    const bool from_shell = keygen_inherited(path);

    *fd = open(path, O_RDONLY | O_CLOEXEC | (from_shell ? 0 : O_NONBLOCK));
    if (*fd < 0)
        return NACRE_ERR_IO;
    if (from_shell || (keygen_pipe_ready(*fd) && fcntl(*fd, F_SETFL, 0) == 0))
        return NACRE_OK;
    (void)close(*fd); /* nothing was read */
    *fd = -1;
    return NACRE_ERR_FILE_FORMAT;
}

nacre_err ncr_keygen_open(int *fd, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0 || S_ISREG(st.st_mode))
        return ncr_file_open(fd, NULL, path);
    if (S_ISFIFO(st.st_mode))
        return keygen_open_fifo(fd, path);
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return *fd >= 0 ? NACRE_OK : NACRE_ERR_IO;
}

nacre_err ncr_keygen_read(struct ncr_file *f, const char *path, size_t max)
{
    struct stat st;
    nacre_err err;
    int fd;
    int e;

    if (stat(path, &st) != 0 || S_ISREG(st.st_mode))
        return ncr_file_read(f, path, max);
    memset(f, 0, sizeof *f);
    err = ncr_keygen_open(&fd, path);
    if (err != NACRE_OK)
        return err;
    err = ncr_file_read_fd(f, fd, max);
    if (err == NACRE_OK && fstat(fd, &f->st) != 0) {
        ncr_file_wipe(f);
        err = NACRE_ERR_IO;
    }
    e = errno;
    (void)close(fd); /* only read */
    errno = e;
    return err;
}

int ncr_keygen_input(struct ncr_file *f, char path[NCR_KEYGEN_PATH_MAX], const struct ncr_keygen *g,
                     size_t max)
{
    nacre_err err;

    if (!ncr_keygen_file(path, g, "Enter file in which the key is"))
        return NCR_KEYGEN_REFUSED;
    if (strcmp(path, "-") == 0) {
        (void)ncr_keygen_path(path, "(stdin)", ""); /* fits */
        err = ncr_file_read_fd(f, STDIN_FILENO, max);
    } else {
        err = ncr_keygen_read(f, path, max);
    }
    return err == NACRE_OK ? 0 : ncr_keygen_file_error(path, err);
}

/* ---- Writing ---- */

/* Whether a symbolic link may be followed: in a directory like /tmp only our own and that of the
 * directory's owner, as Linux has it with fs.protected_symlinks, which readlink(2) goes around.
 * False with errno. */
static bool keygen_link_trusted(const char *path)
{
    char dir[NCR_KEYGEN_PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    size_t n = slash == path ? 1 : slash != NULL ? (size_t)(slash - path) : 0;
    struct stat link;
    struct stat above;

    if (n > 0) {
        memcpy(dir, path, n); /* of the same size */
        dir[n] = '\0';
    }
    if (lstat(path, &link) != 0 || stat(dir, &above) != 0)
        return false;
    if ((above.st_mode & S_ISVTX) == 0 || (above.st_mode & S_IWOTH) == 0 ||
        link.st_uid == geteuid() || link.st_uid == above.st_uid)
        return true;
    errno = EACCES;
    return false;
}

/* Where a chain of symbolic links leads, whether there is a file or not; false with errno. */
static bool keygen_follow(char out[NCR_KEYGEN_PATH_MAX], const char *path)
{
    char link[NCR_KEYGEN_PATH_MAX];

    if (!ncr_keygen_path(out, path, ""))
        return false;
    for (unsigned i = 0; i < KEYGEN_LINKS_MAX; i++) {
        ssize_t n = readlink(out, link, sizeof link - 1);
        const char *slash = strrchr(out, '/');
        size_t at = n > 0 && link[0] != '/' && slash != NULL ? (size_t)(slash - out) + 1 : 0;

        if (n < 0)
            return true; /* no link, or nothing there */
        if (!keygen_link_trusted(out))
            return false;
        if ((size_t)n >= NCR_KEYGEN_PATH_MAX - at) {
            errno = ENAMETOOLONG;
            return false;
        }
        memcpy(out + at, link, (size_t)n);
        out[at + (size_t)n] = '\0';
    }
    errno = ELOOP;
    return false;
}

/* Writes to what is there already: a descriptor that we were given, whatever it is, or by a name
 * of its own a device, or a FIFO of ours. Another's FIFO may have come since we looked, or be there
 * to get a key: refused with errno, as is a file. */
static nacre_err keygen_write_through(const char *path, const uint8_t *p, size_t n)
{
    const bool given = keygen_inherited(path);
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | (given ? O_TRUNC : 0));
    struct stat st;
    bool good;

    if (fd < 0)
        return NACRE_ERR_IO;
    good = fstat(fd, &st) == 0;
    if (good && !given &&
        (S_ISREG(st.st_mode) || (S_ISFIFO(st.st_mode) && st.st_uid != geteuid()))) {
        errno = EACCES;
        good = false;
    }
    if (!good) {
        int e = errno;

        (void)close(fd); /* nothing was written */
        errno = e;
        return NACRE_ERR_IO;
    }
    (void)fflush(stdout); /* may be the same thing; its errors show at the end */
    good = ncr_file_write_all(fd, p, n);
    return close(fd) == 0 && good ? NACRE_OK : NACRE_ERR_IO;
}

nacre_err ncr_keygen_write(const char *path, mode_t mode, const uint8_t *p, size_t n)
{
    char target[NCR_KEYGEN_PATH_MAX];
    mode_t mask = umask(0);
    struct stat st;
    bool there = stat(path, &st) == 0;

    (void)umask(mask); /* only to read it */
    if (!there && errno != ENOENT)
        return NACRE_ERR_IO;
    if (there && (keygen_inherited(path) || !S_ISREG(st.st_mode)))
        return keygen_write_through(path, p, n);
    if (!keygen_follow(target, path))
        return NACRE_ERR_IO;
    return ncr_file_write(target, mode & ~(mask & 077), p, n);
}
