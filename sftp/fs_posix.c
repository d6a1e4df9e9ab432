/* SPDX-License-Identifier: ISC
 *
 * The hooks of struct nacre_fs over POSIX files, as the calling user, and the local side of a
 * client's transfers: attributes, the bytes of files, and the table of all hooks. Paths are
 * resolved in fs_posix_path.c, which also confines them; fs_posix_names.c and fs_posix_dir.c have
 * the hooks of names and of directories. No other files of sftp/ use the operating system.
 *
 * Descriptors are close-on-exec; O_NONBLOCK keeps fifos and devices from hanging an open.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "sftp/fs_posix.h"

#include "proto/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

_Static_assert(sizeof(off_t) == 8, "files of any size");

/* ---- Attributes ---- */

void ncr_fsp_attrs(struct nacre_sftp_attrs *a, const struct stat *st)
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
    return (int)syscall(452, fd, "", mode, NCR_FSP_EMPTY_PATH);
}
#else
static int fsp_fchmodat2(int fd, mode_t mode)
{
    (void)fd, (void)mode; /* not on this system */
    return ncr_fsp_fail(ENOSYS);
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

static int fsp_chmod(const struct ncr_fsp_at *at, mode_t mode)
{
    if (NCR_FSP_EMPTY_PATH != 0 && at->flags == NCR_FSP_EMPTY_PATH)
        return fsp_chmod_fd(at->fd, mode);
    return fchmodat(at->fd, at->name, mode, at->flags);
}

/* Keeps the first failure: every attribute is tried. */
static void fsp_keep(enum nacre_fs_result *r, int status)
{
    if (status < 0 && *r == NACRE_FS_OK)
        *r = ncr_fsp_error();
}

static int fsp_truncate(struct nacre_fs_posix *p, struct nacre_bytes bytes, uint64_t size)
{
    const char *path = ncr_fsp_path(p, 0, bytes);
    int fd, r;

    if (path == NULL)
        return -1;
    fd = ncr_fsp_open_path(p, path, O_WRONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return -1;
    r = ftruncate(fd, (off_t)size);
    ncr_fsp_close_quietly(fd);
    return r;
}

/* The owner first: changing it may clear bits of the mode. */
static enum nacre_fs_result fsp_setstat(void *ctx, struct nacre_bytes path, bool follow,
                                        const struct nacre_sftp_attrs *a)
{
    struct nacre_fs_posix *p = ctx;
    enum nacre_fs_result r = NACRE_FS_OK;
    struct timespec ts[2];
    struct ncr_fsp_at at;

    if ((a->flags & NACRE_SFTP_ATTR_SIZE) && !follow)
        return NACRE_FS_INVALID;
    if (a->flags & NACRE_SFTP_ATTR_SIZE)
        fsp_keep(&r, fsp_truncate(p, path, a->size));
    if (ncr_fsp_thing(p, path, follow, &at) < 0)
        return ncr_fsp_error();
    if (a->flags & NACRE_SFTP_ATTR_UIDGID)
        fsp_keep(&r, fchownat(at.fd, at.name, a->uid, a->gid, at.flags));
    if (a->flags & NACRE_SFTP_ATTR_MODE)
        fsp_keep(&r, fsp_chmod(&at, a->mode & 07777));
    fsp_times(ts, a);
    if (a->flags & NACRE_SFTP_ATTR_TIMES)
        fsp_keep(&r, utimensat(at.fd, at.name, ts, at.flags));
    ncr_fsp_at_done(&at);
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
    struct ncr_fsp_at at;
    struct stat st;
    int r;

    if (ncr_fsp_thing(ctx, path, follow, &at) < 0)
        return ncr_fsp_error();
    r = fstatat(at.fd, at.name, &st, at.flags);
    ncr_fsp_at_done(&at);
    if (r < 0)
        return ncr_fsp_error();
    ncr_fsp_attrs(a, &st);
    return NACRE_FS_OK;
}

static enum nacre_fs_result fsp_fstat(void *ctx, uint64_t file, struct nacre_sftp_attrs *a)
{
    struct stat st;

    (void)ctx; /* of the common shape */
    if (fstat((int)file, &st) < 0)
        return ncr_fsp_error();
    ncr_fsp_attrs(a, &st);
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
        return ncr_fsp_error();
    fsp_vfs(v, &st);
    return NACRE_FS_OK;
}

static enum nacre_fs_result fsp_statvfs(void *ctx, struct nacre_bytes bytes,
                                        struct nacre_sftp_statvfs *v)
{
    struct nacre_fs_posix *p = ctx;
    const char *path = ncr_fsp_path(p, 0, bytes);
    enum nacre_fs_result r;
    int fd;

    if (path == NULL)
        return ncr_fsp_error();
    fd = ncr_fsp_open_path(p, path, NCR_FSP_O_PATH, 0);
    if (fd < 0)
        return ncr_fsp_error();
    r = fsp_fstatvfs(ctx, (uint64_t)fd, v);
    ncr_fsp_close_quietly(fd);
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
        return ncr_fsp_error();
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
    const char *path = ncr_fsp_path(p, 0, bytes);
    mode_t mode = (attrs->flags & NACRE_SFTP_ATTR_MODE) ? attrs->mode & 0777 : 0666;
    enum nacre_fs_result r;
    int fd;

    if (path == NULL)
        return ncr_fsp_error();
    fd = ncr_fsp_open_path(p, path, fsp_flags(pflags), mode);
    if (fd < 0)
        return ncr_fsp_error();
    r = fsp_usable(fd);
    if (r != NACRE_FS_OK)
        ncr_fsp_close_quietly(fd);
    else
        *file = (uint64_t)fd;
    return r;
}

/* An error of close(2) may be that of an earlier write. */
static enum nacre_fs_result fsp_close(void *ctx, uint64_t file)
{
    (void)ctx; /* of the common shape */
    return ncr_fsp_result(close((int)file));
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
            return ncr_fsp_error();
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
            return ncr_fsp_error();
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
    return ncr_fsp_result(fsync((int)file));
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
    .opendir = ncr_fsp_opendir,
    .readdir = ncr_fsp_readdir,
    .closedir = ncr_fsp_closedir,
    .stat = fsp_stat,
    .setstat = fsp_setstat,
    .remove = ncr_fsp_remove,
    .mkdir = ncr_fsp_mkdir,
    .rmdir = ncr_fsp_rmdir,
    .realpath = ncr_fsp_realpath,
    .rename = ncr_fsp_rename,
    .readlink = ncr_fsp_readlink,
    .symlink = ncr_fsp_symlink,
    .hardlink = ncr_fsp_hardlink,
    .statvfs = fsp_statvfs,
    .expand = ncr_fsp_expand,
    .home = ncr_fsp_home,
    .id_name = ncr_fsp_id,
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
        p->start = open(text, NCR_FSP_O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (start != NULL && p->start < 0)
        return NACRE_ERR_IO;
    return fsp_start_text(p, nacre_bytes_str(text));
}

static nacre_err fsp_init_root(struct nacre_fs_posix *p, const char *root, const char *start)
{
    struct nacre_bytes text;
    int fd;

    p->root = open(root, NCR_FSP_O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (p->root < 0)
        return NACRE_ERR_IO;
    fd = ncr_fsp_openat2(p->root, ".", NCR_FSP_O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        p->portable = true;
    ncr_fsp_close_quietly(fd);
    if (start == NULL)
        start = "/";
    if (ncr_fsp_realpath(p, nacre_bytes_str(start), &text) != NACRE_FS_OK)
        return NACRE_ERR_IO;
    memmove(p->path[1], text.p, text.n);
    p->path[1][text.n] = '\0';
    fd = ncr_fsp_open_path(p, p->path[1], NCR_FSP_O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        return NACRE_ERR_IO;
    ncr_fsp_close_quietly(fd);
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
    ncr_fsp_close_quietly(p->root);
    if (p->start != AT_FDCWD)
        ncr_fsp_close_quietly(p->start);
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
