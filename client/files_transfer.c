/* SPDX-License-Identifier: ISC
 *
 * Whole files to and fro. A download is written under a temporary name beside its target and
 * renamed when it is whole and, if asked, synced: whatever interrupts it leaves nothing that looks
 * whole. What an interrupted one had is kept as NAME.part, where a resumed one goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "client/files.h"

#define GET_MODES                                                                                  \
    0777u /* permission bits taken from a server: none that change identities (S84)                \
           */

/* ---- Both ways --------------------------------------------------------------------------- */

#define MOVE_GATHER 64    /* pieces written at once */
#define MOVE_STOP_MS 2000 /* how long an interrupted transfer waits for replies */

struct move {
    struct nacre_files *f;
    struct nacre_transfer *opts;
    struct nacre_sftp_xfer xfer;
    int fd;
    uint64_t total;
    /* Download: pieces of the connection's in-buffer that follow each other in the file. */
    struct iovec piece[MOVE_GATHER];
    int n_pieces;
    uint64_t from, to; /* offsets of their start and end */
    int io_errno;      /* of the write that failed */
};

static nacre_err move_local(struct nacre_files *f, const char *what, const char *path)
{
    struct ncr_text t;

    f->status = NACRE_FX_OK;
    ncr_files_error(f, "local %s %s: %s", what, ncr_text(&t, nacre_bytes_str(path)),
                    strerror(errno));
    return NACRE_ERR_IO;
}

static bool move_progress(struct move *m)
{
    uint64_t total = m->total != 0 ? m->total : m->xfer.size;

    if (m->opts->progress == NULL)
        return true;
    return m->opts->progress(m->opts->ctx, m->xfer.cfg.offset + m->xfer.moved, total);
}

/* Writes what was gathered; false with m->io_errno. */
static bool move_flush(struct move *m)
{
    struct iovec *v = m->piece;

    while (m->n_pieces > 0) {
        ssize_t put = pwritev(m->fd, v, m->n_pieces, (off_t)m->from);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            m->io_errno = put < 0 ? errno : EIO;
            m->n_pieces = 0;
            return false;
        }
        m->from += (uint64_t)put;
        while (m->n_pieces > 0 && (size_t)put >= v->iov_len) {
            put -= (ssize_t)v->iov_len;
            v++;
            m->n_pieces--;
        }
        if (m->n_pieces > 0) {
            v->iov_base = (char *)v->iov_base + put;
            v->iov_len -= (size_t)put;
        }
    }
    return true;
}

/* The write hook of a download: pieces are gathered while they follow each other. */
static nacre_err move_write(void *ctx, uint64_t offset, const uint8_t *p, size_t n)
{
    struct move *m = ctx;

    if (m->n_pieces > 0 && (offset != m->to || m->n_pieces == MOVE_GATHER) && !move_flush(m))
        return NACRE_ERR_IO;
    if (m->n_pieces == 0)
        m->from = offset;
    m->piece[m->n_pieces].iov_base = (void *)(uintptr_t)p;
    m->piece[m->n_pieces++].iov_len = n;
    m->to = offset + n;
    return NACRE_OK;
}

static void move_flush_hook(struct nacre_files *f)
{
    struct move *m = f->move;

    if (!move_flush(m))
        nacre_sftp_xfer_stop(&m->xfer, NACRE_ERR_IO);
}

/* Calls the transfer off: first orderly, waiting for the replies that are under way; when that
 * takes too long, or is asked for again, at once. What comes later is dropped. */
static void move_stop(struct move *m, nacre_err why)
{
    if (m->f->wake_at != 0) {
        nacre_sftp_xfer_abort(&m->xfer, why);
        return;
    }
    m->f->wake_at = ncr_clock_ms() + MOVE_STOP_MS;
    nacre_sftp_xfer_stop(&m->xfer, why);
}

static void move_turn(struct move *m)
{
    struct nacre_files *f = m->f;
    nacre_err err = ncr_files_wait(f);

    if (nacre_sftp_xfer_over(&m->xfer))
        return;
    if (err == NACRE_ERR_TIMEOUT || (err != NACRE_OK && f->over))
        nacre_sftp_xfer_abort(&m->xfer, err);
    else if (err != NACRE_OK || !move_progress(m))
        move_stop(m, err != NACRE_OK ? err : NACRE_ERR_CLOSED);
    else if (f->wake_at != 0 && ncr_clock_ms() >= f->wake_at)
        move_stop(m, NACRE_ERR_CLOSED);
}

/* Runs the transfer to its end. */
static nacre_err move_run(struct move *m)
{
    struct nacre_files *f = m->f;
    struct nacre_sftp_xfer *x = &m->xfer;

    f->xfer = x;
    f->move = m;
    f->flush = move_flush_hook;
    ncr_files_kick(f);
    while (!nacre_sftp_xfer_over(x))
        move_turn(m);
    f->xfer = NULL;
    f->flush = NULL;
    f->wake_at = 0;
    (void)move_flush(m); /* m->io_errno says it */
    m->opts->bytes = x->moved;
    (void)move_progress(m); /* the last figure */
    if (m->io_errno != 0)
        return NACRE_ERR_IO;
    return x->state == NACRE_XFER_DONE ? NACRE_OK : ncr_files_failed(f, &x->failure);
}

/* ---- Downloads --------------------------------------------------------------------------- */

struct get {
    struct move m;
    const char *local;
    char *temp; /* NULL: written in place */
    char *part; /* NAME.part */
    bool in_place, had_mode;
    mode_t mode;
};

static char *get_name(const char *local, const char *suffix)
{
    size_t n = strlen(local);
    char *s = malloc(n + strlen(suffix) + 1);

    if (s != NULL) {
        memcpy(s, local, n);
        memcpy(s + n, suffix, strlen(suffix) + 1);
    }
    return s;
}

/* A target that is a device or pipe is written as it is; a regular file gives its mode. */
static void get_look(struct get *g)
{
    struct stat st;

    if (stat(g->local, &st) != 0)
        return;
    g->in_place = !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
    g->had_mode = S_ISREG(st.st_mode);
    g->mode = st.st_mode & GET_MODES;
}

/* Where an earlier attempt stopped: NAME.part, or the file itself. */
static int get_open_resumed(struct get *g, uint64_t *offset)
{
    struct stat st;
    const char *from = g->part;
    int fd = open(from, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);

    if (fd < 0 && errno == ENOENT) {
        from = g->local;
        fd = open(from, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
    }
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd); /* nothing was written */
        errno = EINVAL;
        return -1;
    }
    *offset = (uint64_t)st.st_size;
    free(g->temp);
    g->temp = from == g->part ? strdup(g->part) : NULL;
    return fd;
}

static int get_open(struct get *g, uint64_t *offset)
{
    int fd = -1;

    get_look(g);
    if (g->in_place)
        return open(g->local, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    g->part = get_name(g->local, ".part");
    g->temp = get_name(g->local, ".XXXXXX");
    if (g->part == NULL || g->temp == NULL) {
        errno = ENOMEM;
        return -1;
    }
    if (g->m.opts->resume) {
        fd = get_open_resumed(g, offset);
        if (fd >= 0 || errno != ENOENT)
            return fd;
    }
    return mkostemp(g->temp, O_CLOEXEC);
}

static mode_t get_umask(void)
{
    mode_t mask = umask(077);

    (void)umask(mask);
    return mask;
}

/* Times and permissions before the name: who sees the name sees the file as it shall be. */
static bool get_dress(struct get *g)
{
    const struct nacre_sftp_attrs *a = &g->m.xfer.attrs;
    mode_t mode = (a->flags & NACRE_SFTP_ATTR_MODE) ? (mode_t)(a->mode & GET_MODES) : 0666;
    struct timespec t[2];

    if (g->m.opts->preserve && (a->flags & NACRE_SFTP_ATTR_TIMES)) {
        t[0] = (struct timespec){.tv_sec = (time_t)a->atime};
        t[1] = (struct timespec){.tv_sec = (time_t)a->mtime};
        if (futimens(g->m.fd, t) != 0)
            return false;
    }
    if (g->had_mode && !g->m.opts->preserve)
        mode = g->mode;
    else if (!g->m.opts->preserve)
        mode = (mode | S_IWUSR) & ~get_umask();
    return fchmod(g->m.fd, mode) == 0;
}

static nacre_err get_finish(struct get *g)
{
    struct nacre_files *f = g->m.f;
    bool good;

    if (g->in_place)
        return close(g->m.fd) == 0 ? NACRE_OK : move_local(f, "write", g->local);
    good = ftruncate(g->m.fd, (off_t)g->m.xfer.end) == 0 && get_dress(g);
    if (good && g->m.opts->fsync)
        good = fsync(g->m.fd) == 0;
    if (close(g->m.fd) != 0)
        good = false; /* a full disk may show only here */
    if (good && g->temp != NULL)
        good = rename(g->temp, g->local) == 0;
    if (good)
        return NACRE_OK;
    move_local(f, "write", g->local);
    if (g->temp != NULL)
        (void)unlink(g->temp); /* the first failure is told */
    return NACRE_ERR_IO;
}

/* What was fetched so far is kept only if it can be gone on with. */
static void get_abandon(struct get *g)
{
    uint64_t good = nacre_sftp_xfer_prefix(&g->m.xfer);
    bool broken_off = g->m.f->over || g->m.xfer.failure.err == NACRE_ERR_CLOSED ||
                      g->m.xfer.failure.err == NACRE_ERR_TIMEOUT;
    bool keep = !g->in_place && broken_off && good > 0 && ftruncate(g->m.fd, (off_t)good) == 0;

    (void)close(g->m.fd); /* it has failed already */
    if (g->temp == NULL)
        return;
    if (!keep || (strcmp(g->temp, g->part) != 0 && rename(g->temp, g->part) != 0))
        (void)unlink(g->temp); /* as above */
}

static void get_explain_io(struct get *g)
{
    if (g->m.io_errno == 0)
        return;
    errno = g->m.io_errno;
    move_local(g->m.f, "write", g->local);
}

static nacre_err get_move(struct get *g, const char *remote, uint64_t offset)
{
    struct nacre_sftp_xfer_cfg cfg;
    nacre_err err;

    memset(&cfg, 0, sizeof cfg);
    cfg.path = nacre_bytes_str(remote);
    cfg.io.ctx = &g->m;
    cfg.io.write = move_write;
    cfg.offset = offset;
    cfg.budget = g->m.opts->budget;
    err = nacre_sftp_xfer_init(&g->m.xfer, &cfg);
    if (err == NACRE_OK)
        err = move_run(&g->m);
    if (err == NACRE_OK)
        return get_finish(g);
    get_explain_io(g);
    get_abandon(g);
    return err;
}

nacre_err nacre_files_get(struct nacre_files *f, const char *remote, const char *local,
                          struct nacre_transfer *opts)
{
    struct nacre_transfer plain = {.bytes = 0};
    struct get *g = calloc(1, sizeof *g);
    uint64_t offset = 0;
    nacre_err err;

    if (g == NULL)
        return NACRE_ERR_NO_MEMORY;
    f->error[0] = '\0';
    g->m.f = f;
    g->m.opts = opts != NULL ? opts : &plain;
    g->m.opts->bytes = 0;
    g->local = local;
    g->m.fd = get_open(g, &offset);
    err = g->m.fd < 0 ? move_local(f, "open", local) : get_move(g, remote, offset);
    free(g->temp);
    free(g->part);
    free(g);
    return err;
}

/* ---- Uploads ----------------------------------------------------------------------------- */

static nacre_err put_open(struct nacre_files *f, const char *local, int *fd, struct stat *st)
{
    *fd = open(local, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (*fd < 0)
        return move_local(f, "open", local);
    if (fstat(*fd, st) == 0 && S_ISREG(st->st_mode))
        return NACRE_OK;
    (void)close(*fd); /* only opened */
    errno = S_ISDIR(st->st_mode) ? EISDIR : EINVAL;
    return move_local(f, "open", local);
}

static void put_attrs(struct nacre_sftp_xfer_cfg *cfg, const struct stat *st, bool preserve)
{
    cfg->attrs.flags = NACRE_SFTP_ATTR_MODE;
    cfg->attrs.mode = st->st_mode & GET_MODES;
    if (!preserve)
        return;
    cfg->final.flags = NACRE_SFTP_ATTR_MODE | NACRE_SFTP_ATTR_TIMES;
    cfg->final.mode = st->st_mode & 07777u;
    cfg->final.atime = (uint32_t)st->st_atime;
    cfg->final.mtime = (uint32_t)st->st_mtime;
}

/* Where the remote file ends now; one that is longer than the local one is not its beginning. */
static nacre_err put_resume_at(struct nacre_files *f, const char *remote, const struct stat *st,
                               uint64_t *offset)
{
    struct nacre_sftp_attrs a;
    nacre_err err = nacre_files_stat(f, remote, true, &a);

    if (err != NACRE_OK)
        return f->status == NACRE_FX_NO_SUCH_FILE ? NACRE_OK : err;
    if (!(a.flags & NACRE_SFTP_ATTR_SIZE) || a.size > (uint64_t)st->st_size) {
        ncr_files_error(f, "the remote file is not the beginning of the local one");
        return NACRE_ERR_USAGE;
    }
    *offset = a.size;
    return NACRE_OK;
}

static nacre_err put_move(struct move *m, const char *remote, const struct stat *st)
{
    struct nacre_sftp_xfer_cfg cfg;
    nacre_err err = NACRE_OK;

    memset(&cfg, 0, sizeof cfg);
    cfg.put = true;
    cfg.path = nacre_bytes_str(remote);
    cfg.io = nacre_sftp_io_fd(&m->fd);
    cfg.budget = m->opts->budget;
    cfg.fsync = m->opts->fsync;
    put_attrs(&cfg, st, m->opts->preserve);
    if (m->opts->resume)
        err = put_resume_at(m->f, remote, st, &cfg.offset);
    if (err == NACRE_OK)
        err = nacre_sftp_xfer_init(&m->xfer, &cfg);
    m->total = (uint64_t)st->st_size;
    return err != NACRE_OK ? err : move_run(m);
}

nacre_err nacre_files_put(struct nacre_files *f, const char *local, const char *remote,
                          struct nacre_transfer *opts)
{
    struct nacre_transfer plain = {.bytes = 0};
    struct move *m = calloc(1, sizeof *m);
    struct stat st;
    nacre_err err;

    if (m == NULL)
        return NACRE_ERR_NO_MEMORY;
    f->error[0] = '\0';
    m->f = f;
    m->opts = opts != NULL ? opts : &plain;
    m->opts->bytes = 0;
    err = put_open(f, local, &m->fd, &st);
    if (err == NACRE_OK) {
        err = put_move(m, remote, &st);
        (void)close(m->fd); /* only read from */
    }
    free(m);
    return err;
}
