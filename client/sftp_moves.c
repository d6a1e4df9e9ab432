/* SPDX-License-Identifier: ISC
 *
 * get and put of nacre-sftp: patterns, directories, names. A name that the server gave becomes a
 * local one only if it is a single harmless component (S84).
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/sftp_program.h"
#include "proto/limits.h"

/* ---- Both ways --------------------------------------------------------------------------- */

static bool sftp_move_is_dir(uint32_t mode)
{
    return (mode & NACRE_SFTP_S_IFMT) == NACRE_SFTP_S_IFDIR;
}

static bool sftp_move_is_file(uint32_t mode)
{
    return (mode & NACRE_SFTP_S_IFMT) == NACRE_SFTP_S_IFREG;
}

static void sftp_move_skip(struct ncr_sftp_prog *p, const char *verb, const char *path)
{
    struct ncr_text t;

    ncr_front_say(&p->front, NCR_LOG_INFO, "%s \"%s\": not a regular file", verb,
                  ncr_text(&t, nacre_bytes_str(path)));
}

static void sftp_move_announce(struct ncr_sftp_prog *p, const char *verb, const char *from,
                               const char *to)
{
    struct ncr_text a, b;

    if (!p->quiet)
        ncr_sftp_print("%s %s to %s\n", verb, ncr_text(&a, nacre_bytes_str(from)),
                       ncr_text(&b, nacre_bytes_str(to)));
}

/* True if the transfer may be called off: the person or the connection said so. */
static bool sftp_move_over(const struct ncr_sftp_prog *p)
{
    return p->files->over || p->interrupted;
}

/* How a file is moved, with its progress on the meter. */
static struct nacre_transfer sftp_move_transfer(const struct ncr_sftp_prog *p,
                                                struct ncr_meter *meter,
                                                struct ncr_move_flags flags)
{
    struct nacre_transfer t = {
        .preserve = flags.preserve,
        .fsync = flags.fsync,
        .resume = flags.resume,
        .budget = p->budget,
        .progress = ncr_meter_update,
        .ctx = meter,
    };

    return t;
}

/* ---- Downloads --------------------------------------------------------------------------- */

static bool sftp_get_file(struct ncr_sftp_prog *p, const char *remote, const char *local,
                          struct ncr_move_flags flags)
{
    struct ncr_meter meter;
    struct nacre_transfer t = sftp_move_transfer(p, &meter, flags);
    nacre_err err;

    ncr_meter_start(&meter, p, ncr_path_base(remote));
    err = nacre_files_get(p->files, remote, local, &t);
    ncr_meter_stop(&meter);
    return err == NACRE_OK || ncr_sftp_fail(p, "get", remote);
}

/* A directory's entries, collected before any is fetched: one request table, one thing at a time.
 */
struct sftp_get_entries {
    struct ncr_paths names;
    uint32_t *modes;
    bool good;
};

static bool sftp_get_entry(void *ctx, const struct nacre_sftp_name *n)
{
    struct sftp_get_entries *e = ctx;
    char name[256];
    uint32_t *grown;

    if (nacre_bytes_is(n->name, ".") || nacre_bytes_is(n->name, ".."))
        return true;
    memcpy(name, n->name.p, n->name.n); /* one component of at most 255 bytes: nacre_files_list() */
    name[n->name.n] = '\0';
    e->good = ncr_paths_add(&e->names, name);
    grown = e->good ? realloc(e->modes, e->names.cap * sizeof *grown) : NULL;
    if (grown == NULL) {
        e->good = false;
        return false;
    }
    e->modes = grown;
    e->modes[e->names.n - 1] = n->attrs.mode;
    return true;
}

static bool sftp_get_make_dir(struct ncr_sftp_prog *p, const char *local)
{
    struct ncr_text t;

    if (mkdir(local, 0777) == 0 || (errno == EEXIST && ncr_local_is_dir(local)))
        return true;
    ncr_front_say(&p->front, NCR_LOG_ERROR, "mkdir %s: %s", ncr_text(&t, nacre_bytes_str(local)),
                  strerror(errno));
    return false;
}

static bool sftp_get_tree(struct ncr_sftp_prog *p, const char *remote, const char *local,
                          struct ncr_move_flags flags, unsigned depth);

static bool sftp_get_child(struct ncr_sftp_prog *p, const char *remote, const char *local,
                           uint32_t mode, struct ncr_move_flags flags, unsigned depth)
{
    if (sftp_move_is_dir(mode))
        return sftp_get_tree(p, remote, local, flags, depth + 1);
    if (sftp_move_is_file(mode))
        return sftp_get_file(p, remote, local, flags);
    sftp_move_skip(p, "download", remote);
    return true;
}

/* Depth is bounded: a server could go on for ever (S91). */
static bool sftp_get_tree(struct ncr_sftp_prog *p, const char *remote, const char *local,
                          struct ncr_move_flags flags, unsigned depth)
{
    struct sftp_get_entries e;
    bool good, listed;

    memset(&e, 0, sizeof e);
    e.good = true;
    if (depth > NCR_SFTP_DEPTH_MAX) {
        ncr_front_say(&p->front, NCR_LOG_ERROR, "directories are nested too deeply");
        return false;
    }
    sftp_move_announce(p, "Retrieving", remote, local);
    good = sftp_get_make_dir(p, local);
    if (good && (nacre_files_list(p->files, remote, sftp_get_entry, &e) != NACRE_OK || !e.good))
        good = ncr_sftp_fail(p, "readdir", remote);
    listed = good;
    for (size_t i = 0; listed && i < e.names.n && !sftp_move_over(p); i++) {
        char *from = ncr_path_join(remote, e.names.path[i]);
        char *to = ncr_path_join(local, e.names.path[i]);

        if (from == NULL || to == NULL || !sftp_get_child(p, from, to, e.modes[i], flags, depth))
            good = false;
        free(from);
        free(to);
    }
    ncr_paths_free(&e.names);
    free(e.modes);
    return good;
}

/* Where a remote path goes: dir/base if the target is a directory. NULL: its name is not usable. */
static char *sftp_get_target(struct ncr_sftp_prog *p, const char *remote, const char *local)
{
    char *trimmed = ncr_path_trim(remote);
    const char *base = trimmed != NULL ? ncr_path_base(trimmed) : "";
    bool into = local == NULL || ncr_local_is_dir(local);
    char *target = NULL;
    struct ncr_text t;

    if (!into)
        target = strdup(local);
    else if (nacre_sftp_name_safe(nacre_bytes_str(base)))
        target = local == NULL ? strdup(base) : ncr_path_join(local, base);
    else if (strcmp(base, ".") == 0 || base[0] == '\0')
        target = strdup(local == NULL ? "." : local);
    else
        ncr_front_say(&p->front, NCR_LOG_ERROR, "get %s: give a local name",
                      ncr_text(&t, nacre_bytes_str(remote)));
    free(trimmed);
    return target;
}

static bool sftp_get_path(struct ncr_sftp_prog *p, const char *remote, const char *local,
                          struct ncr_move_flags flags)
{
    struct nacre_sftp_attrs a;
    struct ncr_text t;
    char *target;
    bool good;

    if (nacre_files_stat(p->files, remote, true, &a) != NACRE_OK)
        return ncr_sftp_fail(p, "get", remote);
    if (sftp_move_is_dir(a.mode) && !flags.recursive) {
        ncr_front_say(&p->front, NCR_LOG_ERROR, "get %s: is a directory (-r fetches it whole)",
                      ncr_text(&t, nacre_bytes_str(remote)));
        return false;
    }
    target = sftp_get_target(p, remote, local);
    if (target == NULL)
        return false;
    if (sftp_move_is_dir(a.mode)) {
        good = sftp_get_tree(p, remote, target, flags, 0);
    } else {
        sftp_move_announce(p, "Fetching", remote, target);
        good = sftp_get_file(p, remote, target, flags);
    }
    free(target);
    return good;
}

static bool sftp_move_one_target(struct ncr_sftp_prog *p, size_t n, bool is_dir, const char *target)
{
    struct ncr_text t;

    if (n <= 1 || target == NULL || is_dir)
        return true;
    ncr_front_say(&p->front, NCR_LOG_ERROR,
                  "Multiple paths match, but destination \"%s\" is not a directory",
                  ncr_text(&t, nacre_bytes_str(target)));
    return false;
}

bool ncr_sftp_get(struct ncr_sftp_prog *p, const struct ncr_words *w, struct ncr_move_flags flags)
{
    const char *local = w->n > 2 ? w->w[2].text : NULL;
    struct ncr_paths paths;
    bool good = ncr_remote_glob(p, &w->w[1], &paths);

    if (good)
        good = sftp_move_one_target(p, paths.n, local != NULL && ncr_local_is_dir(local), local);
    for (size_t i = 0; good && i < paths.n; i++)
        good = sftp_get_path(p, paths.path[i], local, flags);
    ncr_paths_free(&paths);
    return good;
}

/* ---- Uploads ----------------------------------------------------------------------------- */

static bool sftp_put_file(struct ncr_sftp_prog *p, const char *local, const char *remote,
                          struct ncr_move_flags flags)
{
    struct ncr_meter meter;
    struct nacre_transfer t = sftp_move_transfer(p, &meter, flags);
    nacre_err err;

    ncr_meter_start(&meter, p, ncr_path_base(local));
    err = nacre_files_put(p->files, local, remote, &t);
    ncr_meter_stop(&meter);
    return err == NACRE_OK || ncr_sftp_fail(p, "put", remote);
}

static bool sftp_put_make_dir(struct ncr_sftp_prog *p, const char *remote, mode_t mode)
{
    struct nacre_sftp_attrs a;

    if (nacre_files_stat(p->files, remote, true, &a) == NACRE_OK && sftp_move_is_dir(a.mode))
        return true;
    return nacre_files_mkdir(p->files, remote, mode & 0777) == NACRE_OK ||
           ncr_sftp_fail(p, "mkdir", remote);
}

static bool sftp_put_tree(struct ncr_sftp_prog *p, const char *local, const char *remote,
                          struct ncr_move_flags flags, unsigned depth);

static bool sftp_put_child(struct ncr_sftp_prog *p, const char *local, const char *remote,
                           struct ncr_move_flags flags, unsigned depth)
{
    struct stat st;
    struct ncr_text t;

    if (lstat(local, &st) != 0) {
        ncr_front_say(&p->front, NCR_LOG_ERROR, "%s: %s", ncr_text(&t, nacre_bytes_str(local)),
                      strerror(errno));
        return false;
    }
    if (S_ISDIR(st.st_mode))
        return sftp_put_tree(p, local, remote, flags, depth + 1);
    if (S_ISREG(st.st_mode))
        return sftp_put_file(p, local, remote, flags);
    sftp_move_skip(p, "upload", local);
    return true;
}

static bool sftp_put_entries(struct ncr_sftp_prog *p, DIR *dir, const char *local,
                             const char *remote, struct ncr_move_flags flags, unsigned depth)
{
    const struct dirent *d;
    bool good = true;

    while (!sftp_move_over(p) && (d = readdir(dir)) != NULL) {
        char *from, *to;

        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        from = ncr_path_join(local, d->d_name);
        to = ncr_path_join(remote, d->d_name);
        if (from == NULL || to == NULL || !sftp_put_child(p, from, to, flags, depth))
            good = false;
        free(from);
        free(to);
    }
    return good && !sftp_move_over(p);
}

static bool sftp_put_tree(struct ncr_sftp_prog *p, const char *local, const char *remote,
                          struct ncr_move_flags flags, unsigned depth)
{
    struct ncr_text t;
    struct stat st;
    DIR *dir = NULL;
    bool good;

    if (depth > NCR_SFTP_DEPTH_MAX || stat(local, &st) != 0 || (dir = opendir(local)) == NULL) {
        ncr_front_say(&p->front, NCR_LOG_ERROR, "%s: %s", ncr_text(&t, nacre_bytes_str(local)),
                      depth > NCR_SFTP_DEPTH_MAX ? "nested too deeply" : strerror(errno));
        return false;
    }
    sftp_move_announce(p, "Entering", local, remote);
    good = sftp_put_make_dir(p, remote, st.st_mode) &&
           sftp_put_entries(p, dir, local, remote, flags, depth);
    (void)closedir(dir); /* only read from */
    return good;
}

static bool sftp_put_remote_is_dir(struct ncr_sftp_prog *p, const char *remote)
{
    struct nacre_sftp_attrs a;

    return nacre_files_stat(p->files, remote, true, &a) == NACRE_OK && sftp_move_is_dir(a.mode);
}

static bool sftp_put_path(struct ncr_sftp_prog *p, const char *local, const char *remote, bool into,
                          struct ncr_move_flags flags)
{
    char *trimmed = ncr_path_trim(local);
    const char *base = trimmed != NULL ? ncr_path_base(trimmed) : "";
    bool dots = strcmp(base, ".") == 0 || strcmp(base, "..") == 0 || base[0] == '\0';
    char *target = into && !dots ? ncr_path_join(remote, base) : strdup(remote);
    bool is_dir = ncr_local_is_dir(local);
    struct ncr_text t;
    bool good = target != NULL && trimmed != NULL;

    if (good && is_dir && !flags.recursive) {
        ncr_front_say(&p->front, NCR_LOG_ERROR, "put %s: is a directory (-r sends it whole)",
                      ncr_text(&t, nacre_bytes_str(local)));
        good = false;
    } else if (good && is_dir) {
        good = sftp_put_tree(p, trimmed, target, flags, 0);
    } else if (good) {
        sftp_move_announce(p, "Uploading", local, target);
        good = sftp_put_file(p, local, target, flags);
    }
    free(trimmed);
    free(target);
    return good;
}

bool ncr_sftp_put(struct ncr_sftp_prog *p, const struct ncr_words *w, struct ncr_move_flags flags)
{
    char *remote = w->n > 2 ? ncr_remote_path(p, w->w[2].text) : strdup(p->cwd);
    struct ncr_paths paths;
    bool good = ncr_local_glob(p, &w->w[1], &paths) && remote != NULL;
    bool into = good && (w->n <= 2 || sftp_put_remote_is_dir(p, remote));

    if (good)
        good = sftp_move_one_target(p, paths.n, into, remote);
    for (size_t i = 0; good && i < paths.n; i++)
        good = sftp_put_path(p, paths.path[i], remote, into, flags);
    ncr_paths_free(&paths);
    free(remote);
    return good;
}
