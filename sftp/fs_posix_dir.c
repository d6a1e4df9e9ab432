/* SPDX-License-Identifier: ISC
 *
 * Directories for the hooks of POSIX files: their entries, the line that describes each as ls(1)
 * does, and the names of users and groups in it.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "sftp/fs_posix.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <time.h>

/* Directories show the year of files older than this: as ls(1). */
#define FSP_HALF_YEAR (365 * 24 * 3600 / 2)

enum nacre_fs_result ncr_fsp_opendir(void *ctx, struct nacre_bytes bytes, uint64_t *dir)
{
    struct nacre_fs_posix *p = ctx;
    const char *path = ncr_fsp_path(p, 0, bytes);
    DIR *d;
    int fd;

    if (path == NULL)
        return ncr_fsp_error();
    fd = ncr_fsp_open_path(p, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
    if (fd < 0)
        return ncr_fsp_error();
    d = fdopendir(fd);
    if (d == NULL) {
        ncr_fsp_close_quietly(fd);
        return ncr_fsp_error();
    }
    *dir = (uint64_t)(uintptr_t)d;
    return NACRE_FS_OK;
}

enum nacre_fs_result ncr_fsp_closedir(void *ctx, uint64_t dir)
{
    (void)ctx; /* of the common shape */
    return ncr_fsp_result(closedir((DIR *)(uintptr_t)dir));
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
enum nacre_fs_result ncr_fsp_readdir(void *ctx, uint64_t dir, struct nacre_sftp_name *name)
{
    struct nacre_fs_posix *p = ctx;
    DIR *d = (DIR *)(uintptr_t)dir;
    struct dirent *e;
    struct stat st;

    do {
        errno = 0;
        e = readdir(d);
        if (e == NULL)
            return errno == 0 ? NACRE_FS_EOF : ncr_fsp_error();
    } while (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0);
    fsp_longname(p, e->d_name, &st);
    ncr_fsp_attrs(&name->attrs, &st);
    name->name = nacre_bytes_str(e->d_name);
    name->longname = nacre_bytes_str(p->line);
    return NACRE_FS_OK;
}

enum nacre_fs_result ncr_fsp_id(void *ctx, bool group, uint32_t id, struct nacre_bytes *out)
{
    *out = nacre_bytes_str(fsp_id_name(ctx, group, id));
    return NACRE_FS_OK;
}
