/* SPDX-License-Identifier: ISC
 *
 * What the files of the hooks over POSIX files share: fs_posix.c (attributes, bytes, the table),
 * fs_posix_path.c (paths and errors), fs_posix_dir.c (directories), fs_posix_names.c (names).
 * Functions that return int give -1 and errno when they fail.
 */
#ifndef NCR_FS_POSIX_H
#define NCR_FS_POSIX_H

#include "sftp/nacre_sftp.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#if defined(O_PATH)
#define NCR_FSP_O_PATH O_PATH
#else
#define NCR_FSP_O_PATH (O_RDONLY | O_NONBLOCK | O_NOCTTY)
#endif
#if defined(AT_EMPTY_PATH)
#define NCR_FSP_EMPTY_PATH AT_EMPTY_PATH
#else
#define NCR_FSP_EMPTY_PATH 0
#endif
#define NCR_FSP_NAME_MAX 255

/* Where a thing is: descriptor, name relative to it, flags for the *at() calls. */
struct ncr_fsp_at {
    int fd;
    bool owned; /* fd is ours to close */
    int flags;
    const char *name;
    char last[NCR_FSP_NAME_MAX + 1];
};

/* ---- Errors: fs_posix_path.c ---- */

/* What errno means, and what a call that returned r came to. */
enum nacre_fs_result ncr_fsp_error(void);
enum nacre_fs_result ncr_fsp_result(int r);
/* Sets errno. */
int ncr_fsp_fail(int err);
/* Closes fd, unless it is -1, without touching errno. */
void ncr_fsp_close_quietly(int fd);

/* ---- Paths: fs_posix_path.c ---- */

/* There is a root that no path leads out of. */
bool ncr_fsp_confined(const struct nacre_fs_posix *p);
/* Copies a path of the client to p->path[i] with its NUL. In a root, relative ones are joined with
 * the start directory. NULL, errno: empty or too long. */
const char *ncr_fsp_path(struct nacre_fs_posix *p, int i, struct nacre_bytes path);
/* Opens path beneath the directory root, which is "/" to it. ENOSYS where the kernel cannot. */
int ncr_fsp_openat2(int root, const char *path, int flags, mode_t mode);
/* Opens a path that was copied with ncr_fsp_path(). */
int ncr_fsp_open_path(struct nacre_fs_posix *p, const char *path, int flags, mode_t mode);
/* The directory of the last component of a path, and that name, not followed. */
int ncr_fsp_parent(struct nacre_fs_posix *p, int i, struct nacre_bytes bytes,
                   struct ncr_fsp_at *at);
/* The thing at a path, for calls that take flags. */
int ncr_fsp_thing(struct nacre_fs_posix *p, struct nacre_bytes bytes, bool follow,
                  struct ncr_fsp_at *at);
/* Resolves path beneath base by single components. at is the directory of its last component and
 * that name, which need not exist, or "."; p->walk[0] is the canonical text of both. */
int ncr_fsp_walk(struct nacre_fs_posix *p, int base, const char *path, bool follow,
                 struct ncr_fsp_at *at);
/* Gives back what parent, thing or walk found. */
void ncr_fsp_at_done(struct ncr_fsp_at *at);

/* ---- Hooks of struct nacre_fs and what they share ---- */

/* All attributes that SFTP has, from those of the system. */
void ncr_fsp_attrs(struct nacre_sftp_attrs *a, const struct stat *st);

/* fs_posix_dir.c */
enum nacre_fs_result ncr_fsp_opendir(void *ctx, struct nacre_bytes bytes, uint64_t *dir);
enum nacre_fs_result ncr_fsp_readdir(void *ctx, uint64_t dir, struct nacre_sftp_name *name);
enum nacre_fs_result ncr_fsp_closedir(void *ctx, uint64_t dir);
enum nacre_fs_result ncr_fsp_id(void *ctx, bool group, uint32_t id, struct nacre_bytes *out);

/* fs_posix_names.c */
enum nacre_fs_result ncr_fsp_remove(void *ctx, struct nacre_bytes path);
enum nacre_fs_result ncr_fsp_rmdir(void *ctx, struct nacre_bytes path);
enum nacre_fs_result ncr_fsp_mkdir(void *ctx, struct nacre_bytes path,
                                   const struct nacre_sftp_attrs *attrs);
enum nacre_fs_result ncr_fsp_rename(void *ctx, struct nacre_bytes from, struct nacre_bytes to,
                                    bool replace);
enum nacre_fs_result ncr_fsp_hardlink(void *ctx, struct nacre_bytes from, struct nacre_bytes to);
enum nacre_fs_result ncr_fsp_symlink(void *ctx, struct nacre_bytes text, struct nacre_bytes link);
enum nacre_fs_result ncr_fsp_readlink(void *ctx, struct nacre_bytes path, struct nacre_bytes *out);
enum nacre_fs_result ncr_fsp_realpath(void *ctx, struct nacre_bytes path, struct nacre_bytes *out);
enum nacre_fs_result ncr_fsp_home(void *ctx, struct nacre_bytes user, struct nacre_bytes *out);
enum nacre_fs_result ncr_fsp_expand(void *ctx, struct nacre_bytes path, struct nacre_bytes *out);

#endif
