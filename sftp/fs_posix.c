/* SPDX-License-Identifier: ISC
 *
 * The hooks of struct nacre_fs over POSIX files, as the calling user, and the local side of a
 * client's transfers. The only file of sftp/ that uses the operating system.
 *
 * Confinement: with a root, a path never leads out of it, whatever symbolic links, ".." or
 * concurrent renames do. Where the kernel has openat2(2), it resolves the path with
 * RESOLVE_IN_ROOT; elsewhere fsp_walk() opens one component at a time without following links, and
 * goes back to the root for "..". What is found is then used through its descriptor, or through
 * that of its parent and one name that is not followed. Paths and errors are those of the confined
 * view.
 *
 * Descriptors are close-on-exec; O_NONBLOCK keeps fifos and devices from hanging an open.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "sftp/nacre_sftp.h"

#include "proto/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

_Static_assert(NCR_FS_PATH_CAP == NCR_SFTP_PATH_MAX + 1, "paths and their NUL");
_Static_assert(sizeof(off_t) == 8, "files of any size");

#if defined(O_PATH)
#define FSP_O_PATH O_PATH
#else
#define FSP_O_PATH (O_RDONLY | O_NONBLOCK | O_NOCTTY)
#endif
#if defined(AT_EMPTY_PATH)
#define FSP_EMPTY_PATH AT_EMPTY_PATH
#else
#define FSP_EMPTY_PATH 0
#endif

/* Symbolic links on one path: as Linux. */
#define FSP_LINKS_MAX 40
#define FSP_NAME_MAX 255
/* openat2 says EAGAIN when a rename got in its way. */
#define FSP_TRIES 32
/* Directories show the year of files older than this: as ls(1). */
#define FSP_HALF_YEAR (365 * 24 * 3600 / 2)

/* Where a thing is: descriptor, name relative to it, flags for the *at() calls. */
struct fsp_at {
    int fd;
    bool owned; /* fd is ours to close */
    int flags;
    const char *name;
    char last[FSP_NAME_MAX + 1];
};

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

static enum nacre_fs_result fsp_error(void)
{
    size_t i;

    for (i = 0; i < sizeof fsp_results / sizeof fsp_results[0]; i++)
        if (fsp_results[i].err == errno)
            return fsp_results[i].result;
    return NACRE_FS_FAILED;
}

static enum nacre_fs_result fsp_result(int r)
{
    return r < 0 ? fsp_error() : NACRE_FS_OK;
}

/* Closes without touching errno. */
static void fsp_close_quietly(int fd)
{
    int err = errno;

    if (fd >= 0)
        (void)close(fd); /* only read or searched through it */
    errno = err;
}

static int fsp_fail(int err)
{
    errno = err;
    return -1;
}

/* ---- Paths ---- */

/* Opens path beneath the directory root, which is "/" to it. */
#if defined(__linux__) && defined(SYS_openat2)
static int fsp_openat2(int root, const char *path, int flags, mode_t mode)
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
static int fsp_openat2(int root, const char *path, int flags, mode_t mode)
{
    (void)root, (void)path, (void)flags, (void)mode; /* not on this system */
    return fsp_fail(ENOSYS);
}
#endif

static bool fsp_confined(const struct nacre_fs_posix *p)
{
    return p->root >= 0;
}

/* Copies a path of the client to p->path[i] with its NUL. In a root, relative ones are joined with
 * the start directory. NULL, errno: empty or too long. */
static const char *fsp_path(struct nacre_fs_posix *p, int i, struct nacre_bytes path)
{
    char *out = p->path[i];
    size_t n = 0;

    if (path.n == 0) {
        errno = ENOENT;
        return NULL;
    }
    if (fsp_confined(p) && path.p[0] != '/') {
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
    int flags = FSP_O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(base, ".", FSP_O_PATH | O_DIRECTORY | O_CLOEXEC);
    char name[FSP_NAME_MAX + 1];

    while (fd >= 0 && *real == '/') {
        size_t n = strcspn(++real, "/");
        int next;

        memcpy(name, real, n); /* text of names that were found: none is longer */
        name[n] = '\0';
        next = openat(fd, name, flags);
        fsp_close_quietly(fd);
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
    fsp_close_quietly(w->fd);
    w->fd = fsp_reopen(w->base, w->real);
    return w->fd < 0 ? -1 : 0;
}

static int fsp_walk_append(struct fsp_walk *w, const char *name)
{
    size_t n = strlen(w->real), len = strlen(name);

    if (len + 2 > NCR_FS_PATH_CAP - n)
        return fsp_fail(ENAMETOOLONG);
    w->real[n] = '/';
    memcpy(w->real + n + 1, name, len + 1);
    return 0;
}

/* Takes the next name off todo; 0: there is none. "." is none. */
static int fsp_walk_take(struct fsp_walk *w, char name[FSP_NAME_MAX + 1])
{
    size_t n, skip;

    do {
        w->todo += strspn(w->todo, "/");
        n = strcspn(w->todo, "/");
        if (n > FSP_NAME_MAX)
            return fsp_fail(ENAMETOOLONG);
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
        return fsp_fail(ENOENT);
    if (++w->links > FSP_LINKS_MAX)
        return fsp_fail(ELOOP);
    if (rest + 1 > NCR_FS_PATH_CAP - n)
        return fsp_fail(ENAMETOOLONG);
    memmove(p->walk[1] + n, w->todo, rest + 1);
    memcpy(p->walk[1], p->line, n);
    w->todo = p->walk[1];
    if (p->line[0] != '/')
        return 0;
    w->real[0] = '\0';
    fsp_close_quietly(w->fd);
    w->fd = fsp_reopen(w->base, "");
    return w->fd < 0 ? -1 : 0;
}

static int fsp_walk_down(struct fsp_walk *w, const char *name)
{
    int fd = openat(w->fd, name, FSP_O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return -1;
    fsp_close_quietly(w->fd);
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

/* Resolves path beneath base by single components. at is the directory of its last component and
 * that name, which need not exist, or "."; p->walk[0] is the canonical text of both. */
static int fsp_walk(struct nacre_fs_posix *p, int base, const char *path, bool follow,
                    struct fsp_at *at)
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
        fsp_close_quietly(w.fd);
        return -1;
    }
    at->fd = w.fd;
    at->owned = true;
    at->flags = AT_SYMLINK_NOFOLLOW;
    at->name = r == 1 ? at->last : ".";
    return 0;
}

static void fsp_at_done(struct fsp_at *at)
{
    if (at->owned)
        fsp_close_quietly(at->fd);
}

/* Opens a path that was copied with fsp_path(). */
static int fsp_open_path(struct nacre_fs_posix *p, const char *path, int flags, mode_t mode)
{
    struct fsp_at at;
    int fd;

    flags |= O_CLOEXEC;
    if (!fsp_confined(p))
        return openat(p->start, path, flags, mode);
    if (!p->portable)
        return fsp_openat2(p->root, path, flags, mode);
    if (fsp_walk(p, p->root, path, (flags & (O_NOFOLLOW | O_EXCL)) == 0, &at) < 0)
        return -1;
    fd = openat(at.fd, at.name, flags | O_NOFOLLOW, mode);
    fsp_at_done(&at);
    return fd;
}

/* Splits off the last component of a path; "." if that is "..", "." or nothing, and the whole path
 * is then the directory. */
static const char *fsp_split(char *path, char last[FSP_NAME_MAX + 1])
{
    size_t n = strlen(path), len;

    while (n > 1 && path[n - 1] == '/')
        path[--n] = '\0';
    for (len = 0; len < n && path[n - len - 1] != '/'; len++)
        ;
    if (len > FSP_NAME_MAX) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    memcpy(last, path + n - len, len + 1);
    if (len == 0 || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
        return ".";
    path[n - len] = '\0';
    return last;
}

/* The directory of the last component of a path, and that name, not followed. */
static int fsp_parent(struct nacre_fs_posix *p, int i, struct nacre_bytes bytes, struct fsp_at *at)
{
    const char *path = fsp_path(p, i, bytes);

    if (path == NULL)
        return -1;
    at->fd = p->start;
    at->owned = false;
    at->flags = AT_SYMLINK_NOFOLLOW;
    at->name = path;
    if (!fsp_confined(p))
        return 0;
    if (p->portable)
        return fsp_walk(p, p->root, path, false, at);
    at->name = fsp_split(p->path[i], at->last);
    if (at->name == NULL)
        return -1;
    at->fd = fsp_openat2(p->root, path, FSP_O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    at->owned = true;
    return at->fd < 0 ? -1 : 0;
}

/* The thing at a path, for calls that take flags. */
static int fsp_thing(struct nacre_fs_posix *p, struct nacre_bytes bytes, bool follow,
                     struct fsp_at *at)
{
    const char *path = fsp_path(p, 0, bytes);
    int nofollow = follow ? 0 : O_NOFOLLOW;

    if (path == NULL)
        return -1;
    if (fsp_confined(p) && p->portable)
        return fsp_walk(p, p->root, path, follow, at);
    at->fd = p->start;
    at->owned = false;
    at->flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
    at->name = path;
    if (!fsp_confined(p))
        return 0;
    at->fd = fsp_openat2(p->root, path, FSP_O_PATH | O_CLOEXEC | nofollow, 0);
    at->owned = true;
    at->flags = FSP_EMPTY_PATH;
    at->name = "";
    return at->fd < 0 ? -1 : 0;
}

/* ---- Attributes ---- */

static void fsp_attrs(struct nacre_sftp_attrs *a, const struct stat *st)
{
    a->flags = NACRE_SFTP_ATTR_SIZE | NACRE_SFTP_ATTR_UIDGID | NACRE_SFTP_ATTR_MODE |
               NACRE_SFTP_ATTR_TIMES;
    a->size = (uint64_t)st->st_size;
    a->uid = (uint32_t)st->st_uid;
    a->gid = (uint32_t)st->st_gid;
    a->mode = (uint32_t)st->st_mode;
    a->atime = (uint32_t)st->st_atime;
    a->mtime = (uint32_t)st->st_mtime;
}

static void fsp_times(struct timespec ts[2], const struct nacre_sftp_attrs *a)
{
    memset(ts, 0, 2 * sizeof *ts);
    ts[0].tv_sec = (time_t)a->atime;
    ts[1].tv_sec = (time_t)a->mtime;
}

/* chmod(2) of what an O_PATH descriptor refers to: fchmodat2(2), whose number is the same on all
 * machines but Alpha, where there is a kernel that has it. */
#if defined(__linux__) && !defined(__alpha__)
static int fsp_fchmodat2(int fd, mode_t mode)
{
    return (int)syscall(452, fd, "", mode, FSP_EMPTY_PATH);
}
#else
static int fsp_fchmodat2(int fd, mode_t mode)
{
    (void)fd, (void)mode; /* not on this system */
    return fsp_fail(ENOSYS);
}
#endif

static int fsp_chmod_fd(int fd, mode_t mode)
{
    char link[64];
    int r = fsp_fchmodat2(fd, mode);

    if (r == 0 || errno != ENOSYS)
        return r;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd); /* fits */
    return chmod(link, mode);
}

static int fsp_chmod(const struct fsp_at *at, mode_t mode)
{
    if (FSP_EMPTY_PATH != 0 && at->flags == FSP_EMPTY_PATH)
        return fsp_chmod_fd(at->fd, mode);
    return fchmodat(at->fd, at->name, mode, at->flags);
}

/* Keeps the first failure: every attribute is tried. */
static void fsp_keep(enum nacre_fs_result *r, int status)
{
    if (status < 0 && *r == NACRE_FS_OK)
        *r = fsp_error();
}

static int fsp_truncate(struct nacre_fs_posix *p, struct nacre_bytes bytes, uint64_t size)
{
    const char *path = fsp_path(p, 0, bytes);
    int fd, r;

    if (path == NULL)
        return -1;
    fd = fsp_open_path(p, path, O_WRONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return -1;
    r = ftruncate(fd, (off_t)size);
    fsp_close_quietly(fd);
    return r;
}

/* The owner first: changing it may clear bits of the mode. */
static enum nacre_fs_result fsp_setstat(void *ctx, struct nacre_bytes path, bool follow,
                                        const struct nacre_sftp_attrs *a)
{
    struct nacre_fs_posix *p = ctx;
    enum nacre_fs_result r = NACRE_FS_OK;
    struct timespec ts[2];
    struct fsp_at at;

    if ((a->flags & NACRE_SFTP_ATTR_SIZE) && !follow)
        return NACRE_FS_INVALID;
    if (a->flags & NACRE_SFTP_ATTR_SIZE)
        fsp_keep(&r, fsp_truncate(p, path, a->size));
    if (fsp_thing(p, path, follow, &at) < 0)
        return fsp_error();
    if (a->flags & NACRE_SFTP_ATTR_UIDGID)
        fsp_keep(&r, fchownat(at.fd, at.name, a->uid, a->gid, at.flags));
    if (a->flags & NACRE_SFTP_ATTR_MODE)
        fsp_keep(&r, fsp_chmod(&at, a->mode & 07777));
    fsp_times(ts, a);
    if (a->flags & NACRE_SFTP_ATTR_TIMES)
        fsp_keep(&r, utimensat(at.fd, at.name, ts, at.flags));
    fsp_at_done(&at);
    return r;
}

static enum nacre_fs_result fsp_fsetstat(void *ctx, uint64_t file, const struct nacre_sftp_attrs *a)
{
    enum nacre_fs_result r = NACRE_FS_OK;
    struct timespec ts[2];
    int fd = (int)file;

    (void)ctx; /* of the common shape */
    if (a->flags & NACRE_SFTP_ATTR_SIZE)
        fsp_keep(&r, ftruncate(fd, (off_t)a->size));
    if (a->flags & NACRE_SFTP_ATTR_UIDGID)
        fsp_keep(&r, fchown(fd, a->uid, a->gid));
    if (a->flags & NACRE_SFTP_ATTR_MODE)
        fsp_keep(&r, fchmod(fd, a->mode & 07777));
    fsp_times(ts, a);
    if (a->flags & NACRE_SFTP_ATTR_TIMES)
        fsp_keep(&r, futimens(fd, ts));
    return r;
}

static enum nacre_fs_result fsp_stat(void *ctx, struct nacre_bytes path, bool follow,
                                     struct nacre_sftp_attrs *a)
{
    struct fsp_at at;
    struct stat st;
    int r;

    if (fsp_thing(ctx, path, follow, &at) < 0)
        return fsp_error();
    r = fstatat(at.fd, at.name, &st, at.flags);
    fsp_at_done(&at);
    if (r < 0)
        return fsp_error();
    fsp_attrs(a, &st);
    return NACRE_FS_OK;
}

static enum nacre_fs_result fsp_fstat(void *ctx, uint64_t file, struct nacre_sftp_attrs *a)
{
    struct stat st;

    (void)ctx; /* of the common shape */
    if (fstat((int)file, &st) < 0)
        return fsp_error();
    fsp_attrs(a, &st);
    return NACRE_FS_OK;
}

static void fsp_vfs(struct nacre_sftp_statvfs *v, const struct statvfs *st)
{
    v->bsize = st->f_bsize;
    v->frsize = st->f_frsize;
    v->blocks = st->f_blocks;
    v->bfree = st->f_bfree;
    v->bavail = st->f_bavail;
    v->files = st->f_files;
    v->ffree = st->f_ffree;
    v->favail = st->f_favail;
    v->fsid = st->f_fsid;
    v->flag = ((st->f_flag & ST_RDONLY) ? 1u : 0u) | ((st->f_flag & ST_NOSUID) ? 2u : 0u);
    v->namemax = st->f_namemax;
}

static enum nacre_fs_result fsp_fstatvfs(void *ctx, uint64_t file, struct nacre_sftp_statvfs *v)
{
    struct statvfs st;

    (void)ctx; /* of the common shape */
    if (fstatvfs((int)file, &st) < 0)
        return fsp_error();
    fsp_vfs(v, &st);
    return NACRE_FS_OK;
}

static enum nacre_fs_result fsp_statvfs(void *ctx, struct nacre_bytes bytes,
                                        struct nacre_sftp_statvfs *v)
{
    struct nacre_fs_posix *p = ctx;
    const char *path = fsp_path(p, 0, bytes);
    enum nacre_fs_result r;
    int fd;

    if (path == NULL)
        return fsp_error();
    fd = fsp_open_path(p, path, FSP_O_PATH, 0);
    if (fd < 0)
        return fsp_error();
    r = fsp_fstatvfs(ctx, (uint64_t)fd, v);
    fsp_close_quietly(fd);
    return r;
}

/* ---- Files ---- */

static int fsp_flags(uint32_t pflags)
{
    int flags = O_NONBLOCK | O_NOCTTY;

    if ((pflags & NACRE_FXF_READ) && (pflags & NACRE_FXF_WRITE))
        flags |= O_RDWR;
    else
        flags |= (pflags & NACRE_FXF_WRITE) ? O_WRONLY : O_RDONLY;
    if (pflags & NACRE_FXF_APPEND)
        flags |= O_APPEND;
    if (pflags & NACRE_FXF_CREAT)
        flags |= O_CREAT;
    if (pflags & NACRE_FXF_TRUNC)
        flags |= O_TRUNC;
    if (pflags & NACRE_FXF_EXCL)
        flags |= O_EXCL;
    return flags;
}

/* Regular files, and devices: neither can hang, and sizes or their absence are handled. */
static enum nacre_fs_result fsp_usable(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return fsp_error();
    if (S_ISDIR(st.st_mode))
        return NACRE_FS_IS_DIR;
    if (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
        return NACRE_FS_OK;
    return NACRE_FS_NOT_FILE;
}

/* A new file never gets set-id bits from the client. */
static enum nacre_fs_result fsp_open(void *ctx, struct nacre_bytes bytes, uint32_t pflags,
                                     const struct nacre_sftp_attrs *attrs, uint64_t *file)
{
    struct nacre_fs_posix *p = ctx;
    const char *path = fsp_path(p, 0, bytes);
    mode_t mode = (attrs->flags & NACRE_SFTP_ATTR_MODE) ? attrs->mode & 0777 : 0666;
    enum nacre_fs_result r;
    int fd;

    if (path == NULL)
        return fsp_error();
    fd = fsp_open_path(p, path, fsp_flags(pflags), mode);
    if (fd < 0)
        return fsp_error();
    r = fsp_usable(fd);
    if (r != NACRE_FS_OK)
        fsp_close_quietly(fd);
    else
        *file = (uint64_t)fd;
    return r;
}

/* An error of close(2) may be that of an earlier write. */
static enum nacre_fs_result fsp_close(void *ctx, uint64_t file)
{
    (void)ctx; /* of the common shape */
    return fsp_result(close((int)file));
}

static enum nacre_fs_result fsp_read(void *ctx, uint64_t file, uint64_t offset, uint8_t *p,
                                     size_t n, size_t *got)
{
    size_t have = 0;

    (void)ctx; /* of the common shape */
    while (have < n) {
        ssize_t r = pread((int)file, p + have, n - have, (off_t)(offset + have));

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0 && have == 0)
            return fsp_error();
        if (r <= 0)
            break; /* an error after some data is met again by the next read */
        have += (size_t)r;
    }
    *got = have;
    return NACRE_FS_OK;
}

static enum nacre_fs_result fsp_write(void *ctx, uint64_t file, uint64_t offset, const uint8_t *p,
                                      size_t n)
{
    (void)ctx; /* of the common shape */
    while (n > 0) {
        ssize_t r = pwrite((int)file, p, n, (off_t)offset);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return fsp_error();
        if (r == 0)
            return NACRE_FS_IO; /* no progress */
        p += r;
        n -= (size_t)r;
        offset += (uint64_t)r;
    }
    return NACRE_FS_OK;
}

static enum nacre_fs_result fsp_fsync(void *ctx, uint64_t file)
{
    (void)ctx; /* of the common shape */
    return fsp_result(fsync((int)file));
}

/* ---- Directories ---- */

static enum nacre_fs_result fsp_opendir(void *ctx, struct nacre_bytes bytes, uint64_t *dir)
{
    struct nacre_fs_posix *p = ctx;
    const char *path = fsp_path(p, 0, bytes);
    DIR *d;
    int fd;

    if (path == NULL)
        return fsp_error();
    fd = fsp_open_path(p, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
    if (fd < 0)
        return fsp_error();
    d = fdopendir(fd);
    if (d == NULL) {
        fsp_close_quietly(fd);
        return fsp_error();
    }
    *dir = (uint64_t)(uintptr_t)d;
    return NACRE_FS_OK;
}

static enum nacre_fs_result fsp_closedir(void *ctx, uint64_t dir)
{
    (void)ctx; /* of the common shape */
    return fsp_result(closedir((DIR *)(uintptr_t)dir));
}

/* Name of a user or group, from a small cache in front of the system's data base: a listing asks
 * for the same few over and over. Empty: it has none. */
static const char *fsp_id_name(struct nacre_fs_posix *p, bool group, uint32_t id)
{
    struct ncr_fs_id *slot;
    const struct passwd *pw;
    const struct group *gr;
    const char *name = NULL;
    size_t i;

    for (i = 0; i < NCR_FS_ID_CACHE; i++)
        if (p->ids[i].used && p->ids[i].id == id && (p->ids[i].group != 0) == group)
            return p->ids[i].name;
    if (group && (gr = getgrgid((gid_t)id)) != NULL)
        name = gr->gr_name;
    else if (!group && (pw = getpwuid((uid_t)id)) != NULL)
        name = pw->pw_name;
    slot = &p->ids[p->id_next];
    p->id_next = (uint8_t)((p->id_next + 1) % NCR_FS_ID_CACHE);
    slot->used = 1;
    slot->group = group;
    slot->id = id;
    (void)snprintf(slot->name, sizeof slot->name, "%s", name == NULL ? "" : name); /* cut is fine */
    return slot->name;
}

/* "-rwxr-xr-x", as ls(1). */
static void fsp_mode_text(char out[11], mode_t mode)
{
    static const char types[16] = {'?', 'p', 'c', '?', 'd', '?', 'b', '?',
                                   '-', '?', 'l', '?', 's', '?', '?', '?'};
    static const char bits[] = "rwxrwxrwx";
    int i;

    out[0] = types[(mode >> 12) & 15];
    for (i = 0; i < 9; i++)
        out[i + 1] = (mode >> (8 - i) & 1) ? bits[i] : '-';
    if (mode & S_ISUID)
        out[3] = (mode & S_IXUSR) ? 's' : 'S';
    if (mode & S_ISGID)
        out[6] = (mode & S_IXGRP) ? 's' : 'S';
    if (mode & S_ISVTX)
        out[9] = (mode & S_IXOTH) ? 't' : 'T';
    out[10] = '\0';
}

static void fsp_time_text(char *out, size_t cap, time_t t)
{
    time_t now = time(NULL);
    bool recent = t <= now && now - t < FSP_HALF_YEAR;
    struct tm tm;

    if (localtime_r(&t, &tm) == NULL ||
        strftime(out, cap, recent ? "%b %e %H:%M" : "%b %e  %Y", &tm) == 0)
        (void)snprintf(out, cap, "?"); /* fits */
}

/* Owner as text: the name, or the number of one that has none. */
static void fsp_owner_text(struct nacre_fs_posix *p, char out[33], bool group, uint32_t id)
{
    const char *name = fsp_id_name(p, group, id);

    if (*name != '\0')
        (void)snprintf(out, 33, "%s", name); /* names in the cache are as short */
    else
        (void)snprintf(out, 33, "%lu", (unsigned long)id); /* fits */
}

static void fsp_longname(struct nacre_fs_posix *p, const char *name, const struct stat *st)
{
    char mode[11], user[33], group[33], when[32];

    fsp_mode_text(mode, st->st_mode);
    fsp_owner_text(p, user, false, (uint32_t)st->st_uid);
    fsp_owner_text(p, group, true, (uint32_t)st->st_gid);
    fsp_time_text(when, sizeof when, st->st_mtime);
    /* a name has at most 255 octets: fits */
    (void)snprintf(p->line, sizeof p->line, "%s  %3lu %-8s %-8s %8llu %s %s", mode,
                   (unsigned long)st->st_nlink, user, group, (unsigned long long)st->st_size, when,
                   name);
}

/* Entries that vanish between the two looks are left out. */
static enum nacre_fs_result fsp_readdir(void *ctx, uint64_t dir, struct nacre_sftp_name *name)
{
    struct nacre_fs_posix *p = ctx;
    DIR *d = (DIR *)(uintptr_t)dir;
    struct dirent *e;
    struct stat st;

    do {
        errno = 0;
        e = readdir(d);
        if (e == NULL)
            return errno == 0 ? NACRE_FS_EOF : fsp_error();
    } while (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0);
    fsp_longname(p, e->d_name, &st);
    fsp_attrs(&name->attrs, &st);
    name->name = nacre_bytes_str(e->d_name);
    name->longname = nacre_bytes_str(p->line);
    return NACRE_FS_OK;
}

/* ---- Names ---- */

static enum nacre_fs_result fsp_remove(void *ctx, struct nacre_bytes path)
{
    struct fsp_at at;
    int r;

    if (fsp_parent(ctx, 0, path, &at) < 0)
        return fsp_error();
    r = unlinkat(at.fd, at.name, 0);
    fsp_at_done(&at);
    return fsp_result(r);
}

static enum nacre_fs_result fsp_rmdir(void *ctx, struct nacre_bytes path)
{
    struct fsp_at at;
    int r;

    if (fsp_parent(ctx, 0, path, &at) < 0)
        return fsp_error();
    r = unlinkat(at.fd, at.name, AT_REMOVEDIR);
    fsp_at_done(&at);
    return fsp_result(r);
}

static enum nacre_fs_result fsp_mkdir(void *ctx, struct nacre_bytes path,
                                      const struct nacre_sftp_attrs *attrs)
{
    mode_t mode = (attrs->flags & NACRE_SFTP_ATTR_MODE) ? attrs->mode & 01777 : 0777;
    struct fsp_at at;
    int r;

    if (fsp_parent(ctx, 0, path, &at) < 0)
        return fsp_error();
    r = mkdirat(at.fd, at.name, mode);
    fsp_at_done(&at);
    return fsp_result(r);
}

/* Rename that fails where the target exists, in one step. */
#if defined(__linux__) && defined(SYS_renameat2)
static int fsp_rename_new(const struct fsp_at *from, const struct fsp_at *to)
{
    return (int)syscall(SYS_renameat2, from->fd, from->name, to->fd, to->name, 1u /* NOREPLACE */);
}
#else
static int fsp_rename_new(const struct fsp_at *from, const struct fsp_at *to)
{
    (void)from, (void)to; /* not on this system */
    return fsp_fail(ENOSYS);
}
#endif

/* The same where neither kernel nor file system have it: a link cannot replace anything.
 * Directories cannot be linked: for them another process may get in between, and lose an empty
 * directory. */
static int fsp_rename_slow(const struct fsp_at *from, const struct fsp_at *to)
{
    struct stat st;

    if (fstatat(from->fd, from->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if (!S_ISDIR(st.st_mode)) {
        if (linkat(from->fd, from->name, to->fd, to->name, 0) == 0)
            return unlinkat(from->fd, from->name, 0);
        if (errno == EEXIST)
            return -1;
    }
    if (fstatat(to->fd, to->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return fsp_fail(EEXIST);
    return renameat(from->fd, from->name, to->fd, to->name);
}

static int fsp_rename_at(const struct nacre_fs_posix *p, const struct fsp_at *from,
                         const struct fsp_at *to, bool replace)
{
    int r;

    if (replace)
        return renameat(from->fd, from->name, to->fd, to->name);
    r = p->portable ? fsp_fail(ENOSYS) : fsp_rename_new(from, to);
    if (r < 0 && (errno == ENOSYS || errno == EINVAL))
        r = fsp_rename_slow(from, to);
    return r;
}

static enum nacre_fs_result fsp_rename(void *ctx, struct nacre_bytes from, struct nacre_bytes to,
                                       bool replace)
{
    struct fsp_at a, b;
    int r = -1;

    if (fsp_parent(ctx, 0, from, &a) < 0)
        return fsp_error();
    if (fsp_parent(ctx, 1, to, &b) == 0) {
        r = fsp_rename_at(ctx, &a, &b, replace);
        fsp_at_done(&b);
    }
    fsp_at_done(&a);
    return fsp_result(r);
}

static enum nacre_fs_result fsp_hardlink(void *ctx, struct nacre_bytes from, struct nacre_bytes to)
{
    struct fsp_at a, b;
    int r = -1;

    if (fsp_parent(ctx, 0, from, &a) < 0)
        return fsp_error();
    if (fsp_parent(ctx, 1, to, &b) == 0) {
        r = linkat(a.fd, a.name, b.fd, b.name, 0);
        fsp_at_done(&b);
    }
    fsp_at_done(&a);
    return fsp_result(r);
}

static enum nacre_fs_result fsp_symlink(void *ctx, struct nacre_bytes text, struct nacre_bytes link)
{
    struct nacre_fs_posix *p = ctx;
    struct fsp_at at;
    int r;

    if (text.n == 0)
        return NACRE_FS_NOT_FOUND;
    if (fsp_parent(p, 0, link, &at) < 0)
        return fsp_error();
    memcpy(p->line, text.p, text.n); /* at most NCR_SFTP_PATH_MAX, as all paths */
    p->line[text.n] = '\0';
    r = symlinkat(p->line, at.fd, at.name);
    fsp_at_done(&at);
    return fsp_result(r);
}

static enum nacre_fs_result fsp_readlink(void *ctx, struct nacre_bytes path,
                                         struct nacre_bytes *out)
{
    struct nacre_fs_posix *p = ctx;
    struct fsp_at at;
    ssize_t n;

    if (fsp_parent(p, 0, path, &at) < 0)
        return fsp_error();
    n = readlinkat(at.fd, at.name, p->line, sizeof p->line);
    fsp_at_done(&at);
    if (n < 0)
        return fsp_error();
    if ((size_t)n > NCR_SFTP_PATH_MAX)
        return NACRE_FS_NAME_TOO_LONG;
    out->p = (const uint8_t *)p->line;
    out->n = (size_t)n;
    return NACRE_FS_OK;
}

/* Canonical form of a path in p->path[0]; only its last component may be missing. */
static enum nacre_fs_result fsp_canonical(struct nacre_fs_posix *p, struct nacre_bytes *out)
{
    int base = fsp_confined(p) ? p->root : open("/", FSP_O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct fsp_at at;
    int r;

    if (base < 0)
        return fsp_error();
    r = fsp_walk(p, base, p->path[0], true, &at);
    if (r == 0)
        fsp_at_done(&at);
    if (!fsp_confined(p))
        fsp_close_quietly(base);
    if (r < 0)
        return fsp_error();
    *out = nacre_bytes_str(p->walk[0][0] == '\0' ? "/" : p->walk[0]);
    return NACRE_FS_OK;
}

static enum nacre_fs_result fsp_realpath(void *ctx, struct nacre_bytes path,
                                         struct nacre_bytes *out)
{
    struct nacre_fs_posix *p = ctx;
    size_t n = 0;

    if (path.n == 0 || path.p[0] != '/') {
        n = p->start_len;
        memcpy(p->path[0], p->start_path, n);
        p->path[0][n++] = '/';
    }
    if (path.n > NCR_SFTP_PATH_MAX - n)
        return NACRE_FS_NAME_TOO_LONG;
    if (path.n > 0)
        memcpy(p->path[0] + n, path.p, path.n);
    p->path[0][n + path.n] = '\0';
    return fsp_canonical(p, out);
}

/* Home directory of a user, the own one for an empty name; in a root only that is told, and it is
 * the start directory. */
static const char *fsp_home_text(struct nacre_fs_posix *p, struct nacre_bytes user)
{
    const struct passwd *pw;

    if (fsp_confined(p))
        return user.n > 0 ? NULL : p->start_path;
    if (user.n >= sizeof p->line)
        return NULL;
    if (user.n > 0)
        memcpy(p->line, user.p, user.n);
    p->line[user.n] = '\0';
    pw = user.n > 0 ? getpwnam(p->line) : getpwuid(geteuid());
    return pw == NULL ? NULL : pw->pw_dir;
}

static enum nacre_fs_result fsp_home_path(struct nacre_fs_posix *p, struct nacre_bytes user,
                                          struct nacre_bytes rest, struct nacre_bytes *out)
{
    const char *home = fsp_home_text(p, user);
    size_t n;

    if (home == NULL)
        return NACRE_FS_NOT_FOUND;
    n = strlen(home);
    if (n > NCR_SFTP_PATH_MAX || rest.n > NCR_SFTP_PATH_MAX - n)
        return NACRE_FS_NAME_TOO_LONG;
    memcpy(p->path[0], home, n);
    if (rest.n > 0)
        memcpy(p->path[0] + n, rest.p, rest.n);
    p->path[0][n + rest.n] = '\0';
    return fsp_canonical(p, out);
}

static enum nacre_fs_result fsp_home(void *ctx, struct nacre_bytes user, struct nacre_bytes *out)
{
    struct nacre_bytes none = {NULL, 0};

    return fsp_home_path(ctx, user, none, out);
}

static enum nacre_fs_result fsp_expand(void *ctx, struct nacre_bytes path, struct nacre_bytes *out)
{
    struct nacre_bytes user = path, rest = path;

    if (path.n == 0 || path.p[0] != '~')
        return fsp_realpath(ctx, path, out);
    while (rest.n > 0 && *rest.p != '/')
        rest.p++, rest.n--;
    user.p++;
    user.n = path.n - rest.n - 1;
    return fsp_home_path(ctx, user, rest, out);
}

static enum nacre_fs_result fsp_id(void *ctx, bool group, uint32_t id, struct nacre_bytes *out)
{
    *out = nacre_bytes_str(fsp_id_name(ctx, group, id));
    return NACRE_FS_OK;
}

/* ---- Making the table ---- */

static const struct nacre_fs fsp_hooks = {
    .open = fsp_open,
    .close = fsp_close,
    .read = fsp_read,
    .write = fsp_write,
    .fstat = fsp_fstat,
    .fsetstat = fsp_fsetstat,
    .fsync = fsp_fsync,
    .fstatvfs = fsp_fstatvfs,
    .opendir = fsp_opendir,
    .readdir = fsp_readdir,
    .closedir = fsp_closedir,
    .stat = fsp_stat,
    .setstat = fsp_setstat,
    .remove = fsp_remove,
    .mkdir = fsp_mkdir,
    .rmdir = fsp_rmdir,
    .realpath = fsp_realpath,
    .rename = fsp_rename,
    .readlink = fsp_readlink,
    .symlink = fsp_symlink,
    .hardlink = fsp_hardlink,
    .statvfs = fsp_statvfs,
    .expand = fsp_expand,
    .home = fsp_home,
    .id_name = fsp_id,
};

/* The canonical text of the start directory, "" for the root itself. */
static nacre_err fsp_start_text(struct nacre_fs_posix *p, struct nacre_bytes path)
{
    size_t n = path.n;

    if (n == 1)
        n = 0; /* "/" */
    if (n > NCR_SFTP_PATH_MAX - 1)
        return NACRE_ERR_IO;
    memcpy(p->start_path, path.p, n);
    p->start_path[n] = '\0';
    p->start_len = (uint16_t)n;
    return NACRE_OK;
}

static nacre_err fsp_init_free(struct nacre_fs_posix *p, const char *start)
{
    char *text = realpath(start == NULL ? "." : start, p->path[1]);

    p->start = AT_FDCWD;
    if (text == NULL)
        return NACRE_ERR_IO;
    if (start != NULL)
        p->start = open(text, FSP_O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (start != NULL && p->start < 0)
        return NACRE_ERR_IO;
    return fsp_start_text(p, nacre_bytes_str(text));
}

static nacre_err fsp_init_root(struct nacre_fs_posix *p, const char *root, const char *start)
{
    struct nacre_bytes text;
    int fd;

    p->root = open(root, FSP_O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (p->root < 0)
        return NACRE_ERR_IO;
    fd = fsp_openat2(p->root, ".", FSP_O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        p->portable = true;
    fsp_close_quietly(fd);
    if (start == NULL)
        start = "/";
    if (fsp_realpath(p, nacre_bytes_str(start), &text) != NACRE_FS_OK)
        return NACRE_ERR_IO;
    memmove(p->path[1], text.p, text.n);
    p->path[1][text.n] = '\0';
    fd = fsp_open_path(p, p->path[1], FSP_O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        return NACRE_ERR_IO;
    fsp_close_quietly(fd);
    return fsp_start_text(p, nacre_bytes_str(p->path[1]));
}

nacre_err nacre_fs_posix_init(struct nacre_fs *fs, struct nacre_fs_posix *p,
                              const struct nacre_fs_posix_cfg *cfg)
{
    nacre_err err;

    memset(fs, 0, sizeof *fs);
    memset(p, 0, sizeof *p);
    p->root = p->start = -1;
    p->portable = cfg->portable;
    err =
        cfg->root == NULL ? fsp_init_free(p, cfg->start) : fsp_init_root(p, cfg->root, cfg->start);
    if (err != NACRE_OK) {
        nacre_fs_posix_close(p);
        return err;
    }
    *fs = fsp_hooks;
    fs->ctx = p;
    return NACRE_OK;
}

void nacre_fs_posix_close(struct nacre_fs_posix *p)
{
    fsp_close_quietly(p->root);
    if (p->start != AT_FDCWD)
        fsp_close_quietly(p->start);
    p->root = p->start = -1;
}

/* ---- Local side of a transfer ---- */

static nacre_err fsp_io_read(void *ctx, uint64_t offset, uint8_t *p, size_t n, size_t *got)
{
    const int *fd = ctx;

    return fsp_read(NULL, (uint64_t)*fd, offset, p, n, got) == NACRE_FS_OK ? NACRE_OK
                                                                           : NACRE_ERR_IO;
}

static nacre_err fsp_io_write(void *ctx, uint64_t offset, const uint8_t *p, size_t n)
{
    const int *fd = ctx;

    return fsp_write(NULL, (uint64_t)*fd, offset, p, n) == NACRE_FS_OK ? NACRE_OK : NACRE_ERR_IO;
}

struct nacre_sftp_io nacre_sftp_io_fd(int *fd)
{
    struct nacre_sftp_io io = {fd, fsp_io_read, fsp_io_write};

    return io;
}
