/* SPDX-License-Identifier: ISC
 *
 * Names for the hooks of POSIX files: removing, making, renaming and linking them, what links hold,
 * and the canonical form of a path. The last component of a path is never followed when the name
 * itself is meant.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "sftp/fs_posix.h"

#include "proto/limits.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

enum nacre_fs_result ncr_fsp_remove(void *ctx, struct nacre_bytes path)
{
    struct ncr_fsp_at at;
    int r;

    if (ncr_fsp_parent(ctx, 0, path, &at) < 0)
        return ncr_fsp_error();
    r = unlinkat(at.fd, at.name, 0);
    ncr_fsp_at_done(&at);
    return ncr_fsp_result(r);
}

enum nacre_fs_result ncr_fsp_rmdir(void *ctx, struct nacre_bytes path)
{
    struct ncr_fsp_at at;
    int r;

    if (ncr_fsp_parent(ctx, 0, path, &at) < 0)
        return ncr_fsp_error();
    r = unlinkat(at.fd, at.name, AT_REMOVEDIR);
    ncr_fsp_at_done(&at);
    return ncr_fsp_result(r);
}

enum nacre_fs_result ncr_fsp_mkdir(void *ctx, struct nacre_bytes path,
                                   const struct nacre_sftp_attrs *attrs)
{
    mode_t mode = (attrs->flags & NACRE_SFTP_ATTR_MODE) ? attrs->mode & 01777 : 0777;
    struct ncr_fsp_at at;
    int r;

    if (ncr_fsp_parent(ctx, 0, path, &at) < 0)
        return ncr_fsp_error();
    r = mkdirat(at.fd, at.name, mode);
    ncr_fsp_at_done(&at);
    return ncr_fsp_result(r);
}

/* Rename that fails where the target exists, in one step. */
#if defined(__linux__) && defined(SYS_renameat2)
static int fsp_rename_new(const struct ncr_fsp_at *from, const struct ncr_fsp_at *to)
{
    return (int)syscall(SYS_renameat2, from->fd, from->name, to->fd, to->name, 1u /* NOREPLACE */);
}
#else
static int fsp_rename_new(const struct ncr_fsp_at *from, const struct ncr_fsp_at *to)
{
    (void)from, (void)to; /* not on this system */
    return ncr_fsp_fail(ENOSYS);
}
#endif

/* The same where neither kernel nor file system have it: a link cannot replace anything.
 * Directories cannot be linked: for them another process may get in between, and lose an empty
 * directory. */
static int fsp_rename_slow(const struct ncr_fsp_at *from, const struct ncr_fsp_at *to)
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
        return ncr_fsp_fail(EEXIST);
    return renameat(from->fd, from->name, to->fd, to->name);
}

static int fsp_rename_at(const struct nacre_fs_posix *p, const struct ncr_fsp_at *from,
                         const struct ncr_fsp_at *to, bool replace)
{
    int r;

    if (replace)
        return renameat(from->fd, from->name, to->fd, to->name);
    r = p->portable ? ncr_fsp_fail(ENOSYS) : fsp_rename_new(from, to);
    if (r < 0 && (errno == ENOSYS || errno == EINVAL))
        r = fsp_rename_slow(from, to);
    return r;
}

enum nacre_fs_result ncr_fsp_rename(void *ctx, struct nacre_bytes from, struct nacre_bytes to,
                                    bool replace)
{
    struct ncr_fsp_at a, b;
    int r = -1;

    if (ncr_fsp_parent(ctx, 0, from, &a) < 0)
        return ncr_fsp_error();
    if (ncr_fsp_parent(ctx, 1, to, &b) == 0) {
        r = fsp_rename_at(ctx, &a, &b, replace);
        ncr_fsp_at_done(&b);
    }
    ncr_fsp_at_done(&a);
    return ncr_fsp_result(r);
}

enum nacre_fs_result ncr_fsp_hardlink(void *ctx, struct nacre_bytes from, struct nacre_bytes to)
{
    struct ncr_fsp_at a, b;
    int r = -1;

    if (ncr_fsp_parent(ctx, 0, from, &a) < 0)
        return ncr_fsp_error();
    if (ncr_fsp_parent(ctx, 1, to, &b) == 0) {
        r = linkat(a.fd, a.name, b.fd, b.name, 0);
        ncr_fsp_at_done(&b);
    }
    ncr_fsp_at_done(&a);
    return ncr_fsp_result(r);
}

enum nacre_fs_result ncr_fsp_symlink(void *ctx, struct nacre_bytes text, struct nacre_bytes link)
{
    struct nacre_fs_posix *p = ctx;
    struct ncr_fsp_at at;
    int r;

    if (text.n == 0)
        return NACRE_FS_NOT_FOUND;
    if (ncr_fsp_parent(p, 0, link, &at) < 0)
        return ncr_fsp_error();
    memcpy(p->line, text.p, text.n); /* at most NCR_SFTP_PATH_MAX, as all paths */
    p->line[text.n] = '\0';
    r = symlinkat(p->line, at.fd, at.name);
    ncr_fsp_at_done(&at);
    return ncr_fsp_result(r);
}

enum nacre_fs_result ncr_fsp_readlink(void *ctx, struct nacre_bytes path, struct nacre_bytes *out)
{
    struct nacre_fs_posix *p = ctx;
    struct ncr_fsp_at at;
    ssize_t n;

    if (ncr_fsp_parent(p, 0, path, &at) < 0)
        return ncr_fsp_error();
    n = readlinkat(at.fd, at.name, p->line, sizeof p->line);
    ncr_fsp_at_done(&at);
    if (n < 0)
        return ncr_fsp_error();
    if ((size_t)n > NCR_SFTP_PATH_MAX)
        return NACRE_FS_NAME_TOO_LONG;
    out->p = (const uint8_t *)p->line;
    out->n = (size_t)n;
    return NACRE_FS_OK;
}

/* Canonical form of a path in p->path[0]; only its last component may be missing. */
static enum nacre_fs_result fsp_canonical(struct nacre_fs_posix *p, struct nacre_bytes *out)
{
    int base = ncr_fsp_confined(p) ? p->root : open("/", NCR_FSP_O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct ncr_fsp_at at;
    int r;

    if (base < 0)
        return ncr_fsp_error();
    r = ncr_fsp_walk(p, base, p->path[0], true, &at);
    if (r == 0)
        ncr_fsp_at_done(&at);
    if (!ncr_fsp_confined(p))
        ncr_fsp_close_quietly(base);
    if (r < 0)
        return ncr_fsp_error();
    *out = nacre_bytes_str(p->walk[0][0] == '\0' ? "/" : p->walk[0]);
    return NACRE_FS_OK;
}

enum nacre_fs_result ncr_fsp_realpath(void *ctx, struct nacre_bytes path, struct nacre_bytes *out)
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

    if (ncr_fsp_confined(p))
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

enum nacre_fs_result ncr_fsp_home(void *ctx, struct nacre_bytes user, struct nacre_bytes *out)
{
    struct nacre_bytes none = {NULL, 0};

    return fsp_home_path(ctx, user, none, out);
}

enum nacre_fs_result ncr_fsp_expand(void *ctx, struct nacre_bytes path, struct nacre_bytes *out)
{
    struct nacre_bytes user = path, rest = path;

    if (path.n == 0 || path.p[0] != '~')
        return ncr_fsp_realpath(ctx, path, out);
    while (rest.n > 0 && *rest.p != '/')
        rest.p++, rest.n--;
    user.p++;
    user.n = path.n - rest.n - 1;
    return fsp_home_path(ctx, user, rest, out);
}
