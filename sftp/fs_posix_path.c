/* SPDX-License-Identifier: ISC
 *
 * Paths of the client, resolved to descriptors for the hooks of POSIX files, and what errno means
 * in SFTP.
 *
 * Confinement: with a root, a path never leads out of it, whatever symbolic links, ".." or
 * concurrent renames do. Where the kernel has openat2(2), it resolves the path with
 * RESOLVE_IN_ROOT; elsewhere ncr_fsp_walk() opens one component at a time without following links,
 * and goes back to the root for "..". What is found is then used through its descriptor, or through
 * that of its parent and one name that is not followed. Paths and errors are those of the confined
 * view.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "sftp/fs_posix.h"

#include "proto/limits.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

_Static_assert(NCR_FS_PATH_CAP == NCR_SFTP_PATH_MAX + 1, "paths and their NUL");

/* Symbolic links on one path: as Linux. */
#define FSP_LINKS_MAX 40
/* openat2 says EAGAIN when a rename got in its way. */
#define FSP_TRIES 32

/* ---- Errors ---- */

static const struct {
    int err;
    enum nacre_fs_result result;
} fsp_results[] = {
    {ENOENT, NACRE_FS_NOT_FOUND},
    {EACCES, NACRE_FS_DENIED},
    {EPERM, NACRE_FS_DENIED},
    {EEXIST, NACRE_FS_EXISTS},
    {ENOTDIR, NACRE_FS_NOT_DIR},
    {EISDIR, NACRE_FS_IS_DIR},
    {ENOTEMPTY, NACRE_FS_NOT_EMPTY},
    {ENXIO, NACRE_FS_NOT_FILE},
    {ESPIPE, NACRE_FS_NOT_FILE},
    {ENODEV, NACRE_FS_NOT_FILE},
    {ENOSPC, NACRE_FS_NO_SPACE},
    {EDQUOT, NACRE_FS_QUOTA},
    {EFBIG, NACRE_FS_TOO_BIG},
    {EOVERFLOW, NACRE_FS_TOO_BIG},
    {EROFS, NACRE_FS_READ_ONLY},
    {ENAMETOOLONG, NACRE_FS_NAME_TOO_LONG},
    {ELOOP, NACRE_FS_LOOP},
    {EMFILE, NACRE_FS_TOO_MANY},
    {ENFILE, NACRE_FS_TOO_MANY},
    {EMLINK, NACRE_FS_TOO_MANY},
    {EBUSY, NACRE_FS_BUSY},
    {ETXTBSY, NACRE_FS_BUSY},
    {EXDEV, NACRE_FS_OTHER_DEVICE},
    {EINVAL, NACRE_FS_INVALID},
    {ENOSYS, NACRE_FS_UNSUPPORTED},
    {EOPNOTSUPP, NACRE_FS_UNSUPPORTED},
    {EIO, NACRE_FS_IO},
    {EBADF, NACRE_FS_BAD_HANDLE},
};

enum nacre_fs_result ncr_fsp_error(void)
{
    size_t i;

    for (i = 0; i < sizeof fsp_results / sizeof fsp_results[0]; i++)
        if (fsp_results[i].err == errno)
            return fsp_results[i].result;
    return NACRE_FS_FAILED;
}

enum nacre_fs_result ncr_fsp_result(int r)
{
    return r < 0 ? ncr_fsp_error() : NACRE_FS_OK;
}

void ncr_fsp_close_quietly(int fd)
{
    int err = errno;

    if (fd >= 0)
        (void)close(fd); /* only read or searched through it */
    errno = err;
}

int ncr_fsp_fail(int err)
{
    errno = err;
    return -1;
}

/* ---- Paths ---- */

#if defined(__linux__) && defined(SYS_openat2)
int ncr_fsp_openat2(int root, const char *path, int flags, mode_t mode)
{
    /* struct open_how and RESOLVE_NO_MAGICLINKS, RESOLVE_IN_ROOT of linux/openat2.h */
    struct {
        uint64_t flags, mode, resolve;
    } how = {(uint64_t)flags, (flags & O_CREAT) ? (uint64_t)mode : 0, 0x02 | 0x10};
    int i, fd = -1;

    for (i = 0; i < FSP_TRIES; i++) {
        fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    return fd;
}
#else
int ncr_fsp_openat2(int root, const char *path, int flags, mode_t mode)
{
    (void)root, (void)path, (void)flags, (void)mode; /* not on this system */
    return ncr_fsp_fail(ENOSYS);
}
#endif

bool ncr_fsp_confined(const struct nacre_fs_posix *p)
{
    return p->root >= 0;
}

const char *ncr_fsp_path(struct nacre_fs_posix *p, int i, struct nacre_bytes path)
{
    char *out = p->path[i];
    size_t n = 0;

    if (path.n == 0) {
        errno = ENOENT;
        return NULL;
    }
    if (ncr_fsp_confined(p) && path.p[0] != '/') {
        n = p->start_len;
        memcpy(out, p->start_path, n);
        out[n++] = '/';
    }
    if (path.n > NCR_SFTP_PATH_MAX - n) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    memcpy(out + n, path.p, path.n);
    out[n + path.n] = '\0';
    return out;
}

/* Opens the directory that the canonical text real names beneath base; no component may have become
 * a link. */
static int fsp_reopen(int base, const char *real)
{
    int flags = NCR_FSP_O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(base, ".", NCR_FSP_O_PATH | O_DIRECTORY | O_CLOEXEC);
    char name[NCR_FSP_NAME_MAX + 1];

    while (fd >= 0 && *real == '/') {
        size_t n = strcspn(++real, "/");
        int next;

        memcpy(name, real, n); /* text of names that were found: none is longer */
        name[n] = '\0';
        next = openat(fd, name, flags);
        ncr_fsp_close_quietly(fd);
        fd = next;
        real += n;
    }
    return fd;
}

/* State of a walk: `real` is the canonical text of the directory fd, "" for the base. */
struct fsp_walk {
    struct nacre_fs_posix *p;
    int base, fd;
    unsigned links;
    char *real, *todo;
    bool last; /* the name taken is the last one */
};

static int fsp_walk_back(struct fsp_walk *w)
{
    char *slash = strrchr(w->real, '/');

    if (slash != NULL)
        *slash = '\0';
    ncr_fsp_close_quietly(w->fd);
    w->fd = fsp_reopen(w->base, w->real);
    return w->fd < 0 ? -1 : 0;
}

static int fsp_walk_append(struct fsp_walk *w, const char *name)
{
    size_t n = strlen(w->real), len = strlen(name);

    if (len + 2 > NCR_FS_PATH_CAP - n)
        return ncr_fsp_fail(ENAMETOOLONG);
    w->real[n] = '/';
    memcpy(w->real + n + 1, name, len + 1);
    return 0;
}

/* Takes the next name off todo; 0: there is none. "." is none. */
static int fsp_walk_take(struct fsp_walk *w, char name[NCR_FSP_NAME_MAX + 1])
{
    size_t n, skip;

    do {
        w->todo += strspn(w->todo, "/");
        n = strcspn(w->todo, "/");
        if (n > NCR_FSP_NAME_MAX)
            return ncr_fsp_fail(ENAMETOOLONG);
        memcpy(name, w->todo, n);
        name[n] = '\0';
        w->todo += n;
    } while (strcmp(name, ".") == 0);
    skip = strspn(w->todo, "/");
    w->last = w->todo[skip] == '\0';
    return n > 0;
}

/* Puts a link's text, n bytes of p->line, in front of what is left to walk. */
static int fsp_walk_link(struct fsp_walk *w, size_t n)
{
    struct nacre_fs_posix *p = w->p;
    size_t rest = strlen(w->todo);

    if (n == 0)
        return ncr_fsp_fail(ENOENT);
    if (++w->links > FSP_LINKS_MAX)
        return ncr_fsp_fail(ELOOP);
    if (rest + 1 > NCR_FS_PATH_CAP - n)
        return ncr_fsp_fail(ENAMETOOLONG);
    memmove(p->walk[1] + n, w->todo, rest + 1);
    memcpy(p->walk[1], p->line, n);
    w->todo = p->walk[1];
    if (p->line[0] != '/')
        return 0;
    w->real[0] = '\0';
    ncr_fsp_close_quietly(w->fd);
    w->fd = fsp_reopen(w->base, "");
    return w->fd < 0 ? -1 : 0;
}

static int fsp_walk_down(struct fsp_walk *w, const char *name)
{
    int fd = openat(w->fd, name, NCR_FSP_O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return -1;
    ncr_fsp_close_quietly(w->fd);
    w->fd = fd;
    return fsp_walk_append(w, name);
}

/* One name. 1: it is the last and stays where it is; 0: go on; -1: errno. */
static int fsp_walk_step(struct fsp_walk *w, const char *name, bool follow)
{
    ssize_t n;

    if (strcmp(name, "..") == 0)
        return fsp_walk_back(w);
    n = readlinkat(w->fd, name, w->p->line, NCR_FS_PATH_CAP - 1);
    if (n >= 0 && (!w->last || follow))
        return fsp_walk_link(w, (size_t)n);
    if (n < 0 && errno != EINVAL && !(errno == ENOENT && w->last))
        return -1;
    if (!w->last)
        return fsp_walk_down(w, name);
    return fsp_walk_append(w, name) < 0 ? -1 : 1;
}

int ncr_fsp_walk(struct nacre_fs_posix *p, int base, const char *path, bool follow,
                 struct ncr_fsp_at *at)
{
    struct fsp_walk w = {p, base, fsp_reopen(base, ""), 0, p->walk[0], p->walk[1], false};
    int r = w.fd < 0 ? -1 : 0;

    w.real[0] = '\0';
    memcpy(w.todo, path, strlen(path) + 1); /* of the same capacity */
    while (r == 0) {
        r = fsp_walk_take(&w, at->last);
        if (r <= 0)
            break;
        r = fsp_walk_step(&w, at->last, follow);
    }
    if (r < 0) {
        ncr_fsp_close_quietly(w.fd);
        return -1;
    }
    at->fd = w.fd;
    at->owned = true;
    at->flags = AT_SYMLINK_NOFOLLOW;
    at->name = r == 1 ? at->last : ".";
    return 0;
}

void ncr_fsp_at_done(struct ncr_fsp_at *at)
{
    if (at->owned)
        ncr_fsp_close_quietly(at->fd);
}

int ncr_fsp_open_path(struct nacre_fs_posix *p, const char *path, int flags, mode_t mode)
{
    struct ncr_fsp_at at;
    int fd;

    flags |= O_CLOEXEC;
    if (!ncr_fsp_confined(p))
        return openat(p->start, path, flags, mode);
    if (!p->portable)
        return ncr_fsp_openat2(p->root, path, flags, mode);
    if (ncr_fsp_walk(p, p->root, path, (flags & (O_NOFOLLOW | O_EXCL)) == 0, &at) < 0)
        return -1;
    fd = openat(at.fd, at.name, flags | O_NOFOLLOW, mode);
    ncr_fsp_at_done(&at);
    return fd;
}

/* Splits off the last component of a path; "." if that is "..", "." or nothing, and the whole path
 * is then the directory. */
static const char *fsp_split(char *path, char last[NCR_FSP_NAME_MAX + 1])
{
    size_t n = strlen(path), len;

    while (n > 1 && path[n - 1] == '/')
        path[--n] = '\0';
    for (len = 0; len < n && path[n - len - 1] != '/'; len++)
        ;
    if (len > NCR_FSP_NAME_MAX) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    memcpy(last, path + n - len, len + 1);
    if (len == 0 || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
        return ".";
    path[n - len] = '\0';
    return last;
}

int ncr_fsp_parent(struct nacre_fs_posix *p, int i, struct nacre_bytes bytes, struct ncr_fsp_at *at)
{
    const char *path = ncr_fsp_path(p, i, bytes);

    if (path == NULL)
        return -1;
    at->fd = p->start;
    at->owned = false;
    at->flags = AT_SYMLINK_NOFOLLOW;
    at->name = path;
    if (!ncr_fsp_confined(p))
        return 0;
    if (p->portable)
        return ncr_fsp_walk(p, p->root, path, false, at);
    at->name = fsp_split(p->path[i], at->last);
    if (at->name == NULL)
        return -1;
    at->fd = ncr_fsp_openat2(p->root, path, NCR_FSP_O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    at->owned = true;
    return at->fd < 0 ? -1 : 0;
}

int ncr_fsp_thing(struct nacre_fs_posix *p, struct nacre_bytes bytes, bool follow,
                  struct ncr_fsp_at *at)
{
    const char *path = ncr_fsp_path(p, 0, bytes);
    int nofollow = follow ? 0 : O_NOFOLLOW;

    if (path == NULL)
        return -1;
    if (ncr_fsp_confined(p) && p->portable)
        return ncr_fsp_walk(p, p->root, path, follow, at);
    at->fd = p->start;
    at->owned = false;
    at->flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
    at->name = path;
    if (!ncr_fsp_confined(p))
        return 0;
    at->fd = ncr_fsp_openat2(p->root, path, NCR_FSP_O_PATH | O_CLOEXEC | nofollow, 0);
    at->owned = true;
    at->flags = NCR_FSP_EMPTY_PATH;
    at->name = "";
    return at->fd < 0 ? -1 : 0;
}
