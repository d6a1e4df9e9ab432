/* SPDX-License-Identifier: ISC
 *
 * known_hosts files: see known_hosts_file.h.
 */
#include "client/known_hosts_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/posix/clock.h"
#include "proto/posix/file.h"

#define HOSTS_CHUNK 16384 /* bytes of one read */
#define HOSTS_MODE 0644   /* most that others may with a new one */
#define HOSTS_LOCK_MS 10000
#define HOSTS_LOCK_STEP_MS 5
#define HOSTS_PASSES 8 /* changes by programs without lock that are put up with */
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
    if (err != NACRE_ERR_FILE_FORMAT && err != NACRE_ERR_KEY_FORMAT && err != NACRE_ERR_KEY_REFUSED)
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

/* ---- Changing ---------------------------------------------------------------------------- */

void ncr_hosts_put(struct ncr_hosts_new *out, const void *p, size_t n)
{
    if (out->err == NACRE_OK && n > NCR_HOSTS_FILE_MAX - out->n)
        out->err = NACRE_ERR_LIMIT;
    if (out->err == NACRE_OK && n > out->cap - out->n) {
        size_t cap = 2 * (out->n + n);
        uint8_t *more = realloc(out->p, cap);

        if (more == NULL) {
            out->err = NACRE_ERR_NO_MEMORY;
        } else {
            out->p = more;
            out->cap = cap;
        }
    }
    if (out->err != NACRE_OK || n == 0)
        return;
    memcpy(out->p + out->n, p, n);
    out->n += n;
}

/* A file whose lock is held; closing it gives the lock back. */
struct hosts_locked {
    int fd;
    struct stat st;
    char *target; /* what the name leads to */
    struct ncr_file old;
};

static bool hosts_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* True: the lock is ours, or the file system knows none. A holder that is stopped is not waited for
 * without end. */
static bool hosts_flock(int fd, uint64_t until)
{
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return errno == ENOLCK || errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS;
        if (ncr_clock_ms() >= until) {
            errno = EWOULDBLOCK;
            return false;
        }
        (void)poll(NULL, 0, HOSTS_LOCK_STEP_MS); /* a pause */
    }
    return true;
}

static void hosts_close(struct hosts_locked *l)
{
    int e = errno;

    if (l->fd >= 0)
        (void)close(l->fd); /* what was written through it was checked */
    l->fd = -1;
    errno = e;
}

static nacre_err hosts_open(struct hosts_locked *l, const char *file, bool create)
{
    int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (create ? O_RDWR | O_CREAT : O_RDONLY);

    l->fd = open(file, flags, 0600);
    if (l->fd < 0 || fstat(l->fd, &l->st) != 0)
        return NACRE_ERR_IO;
    return S_ISREG(l->st.st_mode) ? NACRE_OK : NACRE_ERR_FILE_FORMAT;
}

/* The lock is on the file that is to be replaced: who waited for it looks whether its name still
 * means the same file. */
static nacre_err hosts_lock(struct hosts_locked *l, const char *file, bool create)
{
    uint64_t until = ncr_clock_deadline(HOSTS_LOCK_MS);
    struct stat now;
    nacre_err err;

    for (;;) {
        err = hosts_open(l, file, create);
        if (err != NACRE_OK)
            return err;
        if (!hosts_flock(l->fd, until))
            return NACRE_ERR_IO;
        if (stat(file, &now) == 0 && now.st_dev == l->st.st_dev && now.st_ino == l->st.st_ino)
            break;
        hosts_close(l);
    }
    l->target = realpath(file, NULL);
    return l->target != NULL ? NACRE_OK : NACRE_ERR_IO;
}

/* Makes the rename survive a crash; a file system that cannot is no error. */
static void hosts_sync_directory(char *path)
{
    char *slash = strrchr(path, '/'); /* there is one: the path is absolute */
    char after = slash[1];
    int fd;

    slash[1] = '\0';
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    slash[1] = after;
    if (fd < 0)
        return;
    (void)fsync(fd); /* see above */
    (void)close(fd); /* only synced through it */
}

/* Fills the new file, which gets the old one's owner as far as we may give it away. */
static bool hosts_fill(int fd, const struct hosts_locked *l, const struct ncr_hosts_new *out)
{
    struct stat st;
    bool good = fstat(fd, &st) == 0 && ncr_file_write_all(fd, out->p, out->n);
    int e;

    if (good && (st.st_uid != l->st.st_uid || st.st_gid != l->st.st_gid) &&
        fchown(fd, l->st.st_uid, l->st.st_gid) != 0)
        good = geteuid() != 0; /* others may not */
    good = good && fchmod(fd, l->st.st_mode & HOSTS_MODE) == 0 && fsync(fd) == 0;
    e = errno;
    if (close(fd) != 0 && good)
        return false;
    errno = e;
    return good;
}

/* Writes beside the target and renames. *again: somebody without a lock was faster. */
static bool hosts_rename(struct hosts_locked *l, const struct ncr_hosts_new *out, bool *again)
{
    size_t len = strlen(l->target);
    char *temp = malloc(len + sizeof ".XXXXXX");
    struct stat now;
    bool good;
    int fd;
    int e;

    if (temp == NULL)
        return false;
    memcpy(temp, l->target, len);
    memcpy(temp + len, ".XXXXXX", sizeof ".XXXXXX");
    fd = mkostemp(temp, O_CLOEXEC); /* O_EXCL, mode 0600 */
    good = fd >= 0 && hosts_fill(fd, l, out);
    *again = good && (stat(l->target, &now) != 0 || !hosts_same(&now, &l->st));
    good = good && !*again && rename(temp, l->target) == 0;
    e = errno;
    if (fd >= 0 && !good)
        (void)unlink(temp); /* the first failure is the one to tell */
    free(temp);
    errno = e;
    return good;
}

/* Where the directory is not ours to write to, or the file is a mount of its own, what only grows
 * can still grow. */
static bool hosts_append(const struct hosts_locked *l, const struct ncr_hosts_new *out)
{
    size_t old = l->old.n;
    bool grows = out->n > old && (old == 0 || memcmp(out->p, l->old.p, old) == 0);
    int e = errno;

    if ((e != EACCES && e != EPERM && e != EROFS && e != EBUSY && e != EXDEV) || !grows ||
        lseek(l->fd, (off_t)old, SEEK_SET) < 0) {
        errno = e;
        return false;
    }
    if (ncr_file_write_all(l->fd, out->p + old, out->n - old) && fsync(l->fd) == 0)
        return true;
    e = errno;
    if (ftruncate(l->fd, (off_t)old) != 0) /* as it was */
        return false;
    errno = e;
    return false;
}

static nacre_err hosts_backup(const struct hosts_locked *l, const char *backup)
{
    if (backup == NULL)
        return NACRE_OK;
    return ncr_file_write(backup, l->st.st_mode & HOSTS_MODE, l->old.p, l->old.n);
}

/* Reads, has it edited, writes. *again as in hosts_rename(). */
static nacre_err hosts_pass(struct hosts_locked *l, const struct ncr_hosts_change *how,
                            bool *changed, bool *again)
{
    struct ncr_hosts_new out = {NULL, 0, 0, NACRE_OK};
    struct nacre_bytes old;
    nacre_err err;
    bool same;

    *again = false;
    if (fstat(l->fd, &l->st) != 0 || lseek(l->fd, 0, SEEK_SET) < 0)
        return NACRE_ERR_IO;
    err = ncr_file_read_fd(&l->old, l->fd, NCR_HOSTS_FILE_MAX);
    if (err != NACRE_OK)
        return err;
    old = (struct nacre_bytes){l->old.p, l->old.n};
    err = how->edit(how->ctx, old, &out);
    if (err == NACRE_OK)
        err = out.err;
    same = out.n == old.n && (old.n == 0 || memcmp(out.p, old.p, old.n) == 0);
    *changed = err == NACRE_OK && (how->always || !same);
    if (*changed)
        err = hosts_backup(l, how->backup);
    if (*changed && err == NACRE_OK && !hosts_rename(l, &out, again) && !*again &&
        !(how->create && hosts_append(l, &out)))
        err = NACRE_ERR_IO;
    ncr_file_wipe(&l->old); /* keeps errno */
    free(out.p);
    return err;
}

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

nacre_err ncr_hosts_change(const char *file, const struct ncr_hosts_change *how, bool *changed)
{
    struct hosts_locked l;
    nacre_err err = NACRE_ERR_IO;
    bool again = true;
    bool own;

    memset(&l, 0, sizeof l);
    l.fd = -1;
    if (changed == NULL)
        changed = &own;
    *changed = false;
    if (!how->create || hosts_make_directory(file))
        err = hosts_lock(&l, file, how->create);
    for (unsigned i = 0; err == NACRE_OK && again; i++) {
        err = i < HOSTS_PASSES ? hosts_pass(&l, how, changed, &again) : NACRE_ERR_IO;
        if (i == HOSTS_PASSES)
            errno = EBUSY;
        if (again && err == NACRE_OK) { /* perhaps another file now */
            free(l.target);
            l.target = NULL;
            hosts_close(&l);
            err = hosts_lock(&l, file, how->create);
        }
    }
    if (err == NACRE_OK && *changed)
        hosts_sync_directory(l.target);
    *changed = *changed && err == NACRE_OK;
    hosts_close(&l);
    free(l.target);
    return err;
}

/* ---- Lines of a file that is held -------------------------------------------------------- */

void ncr_hosts_each_line(struct nacre_bytes text,
                         void (*one)(void *ctx, uint32_t number, struct nacre_bytes whole),
                         void *ctx)
{
    uint32_t number = 0;

    while (text.n > 0) {
        const uint8_t *end = memchr(text.p, '\n', text.n);
        struct nacre_bytes whole = {text.p, end == NULL ? text.n : (size_t)(end - text.p) + 1};

        one(ctx, ++number, whole);
        text.p += whole.n;
        text.n -= whole.n;
    }
}

struct nacre_bytes ncr_hosts_without_end(struct nacre_bytes line)
{
    if (line.n > 0 && line.p[line.n - 1] == '\n')
        line.n--;
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

/* ---- Adding ------------------------------------------------------------------------------ */

struct hosts_seek {
    struct nacre_known_hosts s;
    bool known;
};

/* A line that cannot be read knows nothing. */
static void hosts_seek_line(void *ctx, uint32_t number, struct nacre_bytes whole)
{
    struct hosts_seek *k = ctx;
    struct nacre_bytes line = ncr_hosts_without_end(whole);

    if (line.n <= NACRE_LINE_MAX &&
        nacre_known_hosts_line(&k->s, line, 0, number, NULL) == NACRE_OK)
        k->known = k->known || k->s.verdict == NACRE_HOST_MATCH;
}

nacre_err ncr_hosts_known(bool *known, struct nacre_bytes text, struct nacre_bytes host,
                          uint32_t port, struct nacre_bytes blob)
{
    struct hosts_seek *k = calloc(1, sizeof *k);
    nacre_err err = NACRE_ERR_NO_MEMORY;

    *known = false;
    if (k != NULL)
        err = nacre_known_hosts_init(&k->s, host, port, blob);
    if (err == NACRE_OK) {
        ncr_hosts_each_line(text, hosts_seek_line, k);
        *known = k->known;
    }
    free(k);
    return err;
}

/* A line that is to be added, and what it says. */
struct hosts_addition {
    struct nacre_bytes host, blob;
    uint32_t port;
    const char *line;
};

static nacre_err hosts_add_line(void *ctx, struct nacre_bytes old, struct ncr_hosts_new *out)
{
    const struct hosts_addition *a = ctx;
    bool known;
    nacre_err err = ncr_hosts_known(&known, old, a->host, a->port, a->blob);

    ncr_hosts_put(out, old.p, old.n);
    if (err != NACRE_OK || known)
        return err;
    if (old.n > 0 && old.p[old.n - 1] != '\n')
        ncr_hosts_put(out, "\n", 1);
    ncr_hosts_put(out, a->line, strlen(a->line));
    return NACRE_OK;
}

/* salt: NULL for a name in clear. */
static nacre_err hosts_add(const char *file, struct nacre_bytes host, uint32_t port,
                           struct nacre_bytes blob, const uint8_t *salt)
{
    struct hosts_addition a = {.host = host, .blob = blob, .port = port};
    struct ncr_hosts_change how = {.edit = hosts_add_line, .ctx = &a, .create = true};
    char *text;
    nacre_err err;

    if (hosts_is_null(file))
        return NACRE_OK;
    text = malloc(HOSTS_LINE_CAP);
    if (text == NULL)
        return NACRE_ERR_NO_MEMORY;
    a.line = text;
    err = salt == NULL
              ? nacre_known_hosts_format(text, HOSTS_LINE_CAP, host, port, blob)
              : nacre_known_hosts_format_hashed(text, HOSTS_LINE_CAP, host, port, blob, salt);
    if (err == NACRE_OK)
        err = ncr_hosts_change(file, &how, NULL);
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
