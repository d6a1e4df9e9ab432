/* SPDX-License-Identifier: ISC
 *
 * The server's engine over a table of file system hooks (draft-ietf-secsh-filexfer-02, OpenSSH's
 * PROTOCOL 4). Requests are carried out in the order in which they come, replies leave in the same
 * order.
 *
 * Replies are built in the out-buffer, but for the data of READs: those wait in a queue until an
 * output place is there to read into. All bytes in the out-buffer are older than all READs in the
 * queue; nothing but a further READ is taken from the input while the queue is not empty, so that
 * no later request overtakes a READ. A request is taken only while there is room for its largest
 * reply. WRITE data goes to the hook as it arrives.
 *
 * A READ reply that is larger than the place it starts in promises as many bytes as the file then
 * has; the rest is read when the next place comes.
 */
#include "sftp/nacre_sftp.h"

#include "proto/limits.h"
#include "proto/wire.h"
#include "sftp/sftp_msg.h"

#include <string.h>

_Static_assert(NACRE_SFTP_HANDLES_MAX == NCR_SFTP_HANDLES_MAX, "public copy of the limit");

/* Gathered requests other than WRITE: two paths of 4,096 octets and attributes fit. */
#define SSERVER_IN_CAP 16384
/* Largest reply that is not data: one path twice, as name and long name. */
#define SSERVER_RESERVE (2 * NCR_SFTP_PATH_MAX + 512)
/* Length and type; and the id after them. */
#define SSERVER_HEAD 5
#define SSERVER_HEAD_ID 9
#define SSERVER_WRITE_HEAD NCR_SFTP_WRITE_HEAD(NCR_SFTP_HANDLE_LEN)
/* Directory entries: longer names are left out of a listing. Their line adds type, owner, size,
 * date. */
#define SSERVER_ENTRY_NAME_MAX 1024
#define SSERVER_ENTRY_LINE_MAX (SSERVER_ENTRY_NAME_MAX + 256)
#define SSERVER_ENTRY_MAX (SSERVER_ENTRY_NAME_MAX + SSERVER_ENTRY_LINE_MAX + 64)
/* A READ does not start in what is left of a place if that is less than this. */
#define SSERVER_START_MIN 512
/* Bytes copied in one call of output: bounds the time it takes. */
#define SSERVER_COPY_STEP (1024u * 1024)
#define SSERVER_JOBS_MAX (sizeof((struct nacre_sftp_server *)0)->jobs / sizeof(struct ncr_sftp_job))
#define SSERVER_OFFSET_MAX ((uint64_t)INT64_MAX)
#define SSERVER_NO_HANDLE NACRE_SFTP_HANDLES_MAX

_Static_assert(NACRE_SFTP_SERVER_MEM >= SSERVER_IN_CAP + 2 * SSERVER_RESERVE, "room for replies");

enum sserver_rx {
    SSERVER_RX_PACKET, /* gathering a request, or the head of a WRITE */
    SSERVER_RX_WRITE,  /* data of a WRITE streams to its file */
    SSERVER_RX_SKIP    /* the rest of a refused request streams to nowhere */
};

enum sserver_kind { SSERVER_FREE = 0, SSERVER_FILE, SSERVER_DIR };

static const struct nacre_fs sserver_no_fs;

static uint8_t *sserver_in(const struct nacre_sftp_server *s)
{
    return (uint8_t *)((uintptr_t)s + (uintptr_t)s->mem_off);
}

static uint8_t *sserver_out(const struct nacre_sftp_server *s)
{
    return sserver_in(s) + s->in_cap;
}

static nacre_err sserver_fail(struct nacre_sftp_server *s, nacre_err err, uint8_t msg, uint32_t id,
                              const char *what)
{
    s->err = err;
    s->info.err = err;
    s->info.msg = msg;
    s->info.msg_name = ncr_sftp_msg_name(msg);
    s->info.id = id;
    s->info.what = what;
    return err;
}

nacre_err nacre_sftp_server_init(struct nacre_sftp_server *s, void *mem, size_t len,
                                 const struct nacre_sftp_server_cfg *cfg)
{
    memset(s, 0, sizeof *s);
    s->info.msg_name = s->info.what = "";
    if (mem == NULL || len < NACRE_SFTP_SERVER_MEM)
        return sserver_fail(s, NACRE_ERR_REGION, 0, 0, "region too small");
    if (len > SSERVER_IN_CAP + NCR_SFTP_PACKET_MAX)
        len = SSERVER_IN_CAP + NCR_SFTP_PACKET_MAX;
    s->cfg = *cfg;
    if (s->cfg.fs == NULL)
        s->cfg.fs = &sserver_no_fs;
    s->mem_off = (intptr_t)((uintptr_t)mem - (uintptr_t)s);
    s->in_cap = SSERVER_IN_CAP;
    s->out_cap = (uint32_t)len - SSERVER_IN_CAP;
    return NACRE_OK;
}

/* ---- Handles ---- */

/* Octets of a handle: its number, then its generation, so that one that was closed is known. */
static struct nacre_bytes sserver_handle_bytes(const struct nacre_sftp_server *s, uint32_t n,
                                               uint8_t buf[NCR_SFTP_HANDLE_LEN])
{
    struct ncr_wr w = ncr_wr(buf, NCR_SFTP_HANDLE_LEN);

    ncr_wr_u32(&w, n);
    ncr_wr_u32(&w, s->files[n].gen);
    return ncr_wr_done(&w);
}

/* The number of the open handle of that kind, or SSERVER_NO_HANDLE. */
static uint32_t sserver_handle_find(const struct nacre_sftp_server *s, struct nacre_bytes b,
                                    enum sserver_kind kind)
{
    struct ncr_rd r = ncr_rd(b);
    uint32_t n = ncr_rd_u32(&r);
    uint32_t gen = ncr_rd_u32(&r);

    if (!ncr_rd_end(&r) || n >= NACRE_SFTP_HANDLES_MAX)
        return SSERVER_NO_HANDLE;
    if (s->files[n].kind != (uint8_t)kind || s->files[n].gen != gen)
        return SSERVER_NO_HANDLE;
    return n;
}

static uint32_t sserver_handle_free(const struct nacre_sftp_server *s)
{
    uint32_t n;

    for (n = 0; n < NACRE_SFTP_HANDLES_MAX; n++)
        if (s->files[n].kind == SSERVER_FREE)
            break;
    return n;
}

static struct ncr_sftp_file *sserver_handle_take(struct nacre_sftp_server *s, uint32_t n,
                                                 enum sserver_kind kind, uint64_t token)
{
    struct ncr_sftp_file *f = &s->files[n];
    uint32_t gen = f->gen + 1;

    memset(f, 0, sizeof *f);
    f->gen = gen;
    f->kind = (uint8_t)kind;
    f->token = token;
    s->n_handles++;
    return f;
}

static enum nacre_fs_result sserver_handle_drop(struct nacre_sftp_server *s, uint32_t n)
{
    const struct nacre_fs *fs = s->cfg.fs;
    struct ncr_sftp_file *f = &s->files[n];
    bool dir = f->kind == SSERVER_DIR;

    f->kind = SSERVER_FREE;
    s->n_handles--;
    if (dir)
        return fs->closedir == NULL ? NACRE_FS_OK : fs->closedir(fs->ctx, f->token);
    return fs->close == NULL ? NACRE_FS_OK : fs->close(fs->ctx, f->token);
}

void nacre_sftp_server_close(struct nacre_sftp_server *s)
{
    uint32_t n;

    for (n = 0; n < NACRE_SFTP_HANDLES_MAX; n++)
        if (s->files[n].kind != SSERVER_FREE)
            (void)sserver_handle_drop(s, n); /* nobody is left to tell */
    if (s->err == NACRE_OK)
        (void)sserver_fail(s, NACRE_ERR_CLOSED, 0, 0, "");
}

/* ---- Replies ---- */

/* A writer over all that is free in the out-buffer. */
static struct ncr_wr sserver_reply(struct nacre_sftp_server *s)
{
    uint8_t *out = sserver_out(s);

    if (s->out_start > 0) {
        memmove(out, out + s->out_start, s->out_end - s->out_start);
        s->out_end -= s->out_start;
        s->out_start = 0;
    }
    return ncr_wr(out + s->out_end, s->out_cap - s->out_end);
}

/* Queues what was written; what did not fit is dropped whole and told to the caller. */
static enum nacre_fs_result sserver_replied(struct nacre_sftp_server *s, const struct ncr_wr *w)
{
    if (w->bad)
        return NACRE_FS_FAILED;
    s->out_end += (uint32_t)w->n;
    return NACRE_FS_OK;
}

static void sserver_reply_result(struct nacre_sftp_server *s, uint32_t id, enum nacre_fs_result r)
{
    struct ncr_wr w = sserver_reply(s);

    ncr_sftp_status_put(&w, id, nacre_fs_result_status(r), nacre_fs_result_text(r));
    (void)sserver_replied(s, &w); /* fits: the reserve was checked before the request was taken */
}

static enum nacre_fs_result sserver_reply_path(struct nacre_sftp_server *s, uint32_t id,
                                               struct nacre_bytes path)
{
    struct ncr_wr w = sserver_reply(s);

    if (path.n > NCR_SFTP_PATH_MAX)
        return NACRE_FS_NAME_TOO_LONG;
    ncr_sftp_name_put(&w, id, path);
    return sserver_replied(s, &w);
}

static enum nacre_fs_result sserver_reply_attrs(struct nacre_sftp_server *s, uint32_t id,
                                                const struct nacre_sftp_attrs *a)
{
    struct ncr_wr w = sserver_reply(s);

    ncr_sftp_attrs_put(&w, id, a);
    return sserver_replied(s, &w);
}

static enum nacre_fs_result sserver_reply_handle(struct nacre_sftp_server *s, uint32_t id,
                                                 uint32_t n)
{
    uint8_t buf[NCR_SFTP_HANDLE_LEN];
    struct ncr_wr w = sserver_reply(s);

    ncr_sftp_handle_put(&w, id, sserver_handle_bytes(s, n, buf));
    return sserver_replied(s, &w);
}

/* ---- Requests ---- */

#define SSERVER_WRITE_FLAGS (NACRE_FXF_WRITE | NACRE_FXF_APPEND | NACRE_FXF_CREAT | NACRE_FXF_TRUNC)

/* As OpenSSH: without an access flag a file is opened to be read; with APPEND alone, written. */
static uint32_t sserver_pflags(uint32_t pflags)
{
    if (pflags & NACRE_FXF_APPEND)
        pflags |= NACRE_FXF_WRITE;
    if ((pflags & (NACRE_FXF_READ | NACRE_FXF_WRITE)) == 0)
        pflags |= NACRE_FXF_READ;
    return pflags;
}

static enum nacre_fs_result sserver_open(struct nacre_sftp_server *s,
                                         const struct nacre_sftp_req *req, uint32_t *handle)
{
    const struct nacre_fs *fs = s->cfg.fs;
    uint32_t pflags = sserver_pflags(req->pflags);
    uint32_t n = sserver_handle_free(s);
    enum nacre_fs_result r;
    struct ncr_sftp_file *f;
    uint64_t token;

    if (fs->open == NULL)
        return NACRE_FS_UNSUPPORTED;
    if (s->cfg.read_only && (req->pflags & SSERVER_WRITE_FLAGS) != 0)
        return NACRE_FS_DENIED;
    if (n == SSERVER_NO_HANDLE)
        return NACRE_FS_TOO_MANY;
    r = fs->open(fs->ctx, req->path, pflags, &req->attrs, &token);
    if (r != NACRE_FS_OK)
        return r;
    f = sserver_handle_take(s, n, SSERVER_FILE, token);
    f->can_read = (pflags & NACRE_FXF_READ) != 0;
    f->can_write = (pflags & NACRE_FXF_WRITE) != 0;
    *handle = n;
    return sserver_reply_handle(s, req->id, n);
}

static enum nacre_fs_result sserver_opendir(struct nacre_sftp_server *s,
                                            const struct nacre_sftp_req *req, uint32_t *handle)
{
    const struct nacre_fs *fs = s->cfg.fs;
    uint32_t n = sserver_handle_free(s);
    enum nacre_fs_result r;
    uint64_t token;

    if (fs->opendir == NULL)
        return NACRE_FS_UNSUPPORTED;
    if (n == SSERVER_NO_HANDLE)
        return NACRE_FS_TOO_MANY;
    r = fs->opendir(fs->ctx, req->path, &token);
    if (r != NACRE_FS_OK)
        return r;
    (void)sserver_handle_take(s, n, SSERVER_DIR, token); /* needs nothing more */
    *handle = n;
    return sserver_reply_handle(s, req->id, n);
}

static enum nacre_fs_result sserver_close(struct nacre_sftp_server *s,
                                          const struct nacre_sftp_req *req, uint32_t *handle)
{
    uint32_t n = sserver_handle_find(s, req->handle, SSERVER_FILE);

    if (n == SSERVER_NO_HANDLE)
        n = sserver_handle_find(s, req->handle, SSERVER_DIR);
    if (n == SSERVER_NO_HANDLE)
        return NACRE_FS_BAD_HANDLE;
    *handle = n;
    return sserver_handle_drop(s, n);
}

/* Data is read when there is a place for it, and errors are told then, in their turn. */
static enum nacre_fs_result sserver_read(struct nacre_sftp_server *s,
                                         const struct nacre_sftp_req *req, uint32_t *handle)
{
    struct ncr_sftp_job *job = &s->jobs[(s->job_start + s->job_n) % SSERVER_JOBS_MAX];

    *handle = sserver_handle_find(s, req->handle, SSERVER_FILE);
    job->id = req->id;
    job->offset = req->offset;
    job->len = req->len < NCR_SFTP_READ_MAX ? req->len : NCR_SFTP_READ_MAX;
    job->handle = (uint16_t)*handle;
    s->job_n++;
    return NACRE_FS_OK;
}

static enum nacre_fs_result sserver_stat(struct nacre_sftp_server *s,
                                         const struct nacre_sftp_req *req, uint32_t *handle)
{
    const struct nacre_fs *fs = s->cfg.fs;
    struct nacre_sftp_attrs a;
    enum nacre_fs_result r;

    (void)handle; /* of the common shape */
    if (fs->stat == NULL)
        return NACRE_FS_UNSUPPORTED;
    memset(&a, 0, sizeof a);
    r = fs->stat(fs->ctx, req->path, req->op == NACRE_SFTP_OP_STAT, &a);
    return r == NACRE_FS_OK ? sserver_reply_attrs(s, req->id, &a) : r;
}

/* The file of a handle in a request; NULL: invalid. */
static struct ncr_sftp_file *sserver_file(struct nacre_sftp_server *s, struct nacre_bytes b,
                                          uint32_t *handle)
{
    *handle = sserver_handle_find(s, b, SSERVER_FILE);
    return *handle == SSERVER_NO_HANDLE ? NULL : &s->files[*handle];
}

static enum nacre_fs_result sserver_fstat(struct nacre_sftp_server *s,
                                          const struct nacre_sftp_req *req, uint32_t *handle)
{
    const struct nacre_fs *fs = s->cfg.fs;
    const struct ncr_sftp_file *f = sserver_file(s, req->handle, handle);
    struct nacre_sftp_attrs a;
    enum nacre_fs_result r;

    if (fs->fstat == NULL)
        return NACRE_FS_UNSUPPORTED;
    if (f == NULL)
        return NACRE_FS_BAD_HANDLE;
    memset(&a, 0, sizeof a);
    r = fs->fstat(fs->ctx, f->token, &a);
    return r == NACRE_FS_OK ? sserver_reply_attrs(s, req->id, &a) : r;
}

static bool sserver_attrs_valid(const struct nacre_sftp_attrs *a)
{
    return (a->flags & NACRE_SFTP_ATTR_SIZE) == 0 || a->size <= SSERVER_OFFSET_MAX;
}

static enum nacre_fs_result sserver_setstat(struct nacre_sftp_server *s,
                                            const struct nacre_sftp_req *req, uint32_t *handle)
{
    const struct nacre_fs *fs = s->cfg.fs;

    (void)handle; /* of the common shape */
    if (fs->setstat == NULL)
        return NACRE_FS_UNSUPPORTED;
    if (!sserver_attrs_valid(&req->attrs))
        return NACRE_FS_INVALID;
    return fs->setstat(fs->ctx, req->path, req->op == NACRE_SFTP_OP_SETSTAT, &req->attrs);
}

static enum nacre_fs_result sserver_fsetstat(struct nacre_sftp_server *s,
                                             const struct nacre_sftp_req *req, uint32_t *handle)
{
    const struct nacre_fs *fs = s->cfg.fs;
    const struct ncr_sftp_file *f = sserver_file(s, req->handle, handle);

    if (fs->fsetstat == NULL)
        return NACRE_FS_UNSUPPORTED;
    if (f == NULL)
        return NACRE_FS_BAD_HANDLE;
    if (!sserver_attrs_valid(&req->attrs))
        return NACRE_FS_INVALID;
    if ((req->attrs.flags & NACRE_SFTP_ATTR_SIZE) != 0 && !f->can_write)
        return NACRE_FS_DENIED;
    return fs->fsetstat(fs->ctx, f->token, &req->attrs);
}

static bool sserver_entry_fits(const struct nacre_sftp_name *e)
{
    return e->name.n > 0 && e->name.n <= SSERVER_ENTRY_NAME_MAX &&
           e->longname.n <= SSERVER_ENTRY_LINE_MAX;
}

/* Entries into w as long as the largest would fit; *r says why they end early. */
static uint32_t sserver_entries(struct nacre_sftp_server *s, struct ncr_wr *w, uint64_t token,
                                enum nacre_fs_result *r)
{
    const struct nacre_fs *fs = s->cfg.fs;
    uint32_t count = 0;
    unsigned looked = 0;

    *r = NACRE_FS_OK;
    for (; looked < NCR_SFTP_NAMES_MAX && w->cap - w->n >= SSERVER_ENTRY_MAX; looked++) {
        struct nacre_sftp_name e;

        memset(&e, 0, sizeof e);
        *r = fs->readdir(fs->ctx, token, &e);
        if (*r != NACRE_FS_OK)
            break;
        if (!sserver_entry_fits(&e))
            continue;
        ncr_sftp_entry_put(w, &e);
        count++;
    }
    return count;
}

static enum nacre_fs_result sserver_readdir(struct nacre_sftp_server *s,
                                            const struct nacre_sftp_req *req, uint32_t *handle)
{
    struct ncr_wr w = sserver_reply(s), n;
    enum nacre_fs_result r;
    size_t mark, at;
    uint32_t count;

    *handle = sserver_handle_find(s, req->handle, SSERVER_DIR);
    if (s->cfg.fs->readdir == NULL)
        return NACRE_FS_UNSUPPORTED;
    if (*handle == SSERVER_NO_HANDLE)
        return NACRE_FS_BAD_HANDLE;
    mark = ncr_wr_string_begin(&w);
    ncr_wr_u8(&w, NCR_FXP_NAME);
    ncr_wr_u32(&w, req->id);
    at = w.n;
    ncr_wr_u32(&w, 0);
    count = sserver_entries(s, &w, s->files[*handle].token, &r);
    if (count == 0)
        return r == NACRE_FS_OK ? NACRE_FS_FAILED : r;
    n = ncr_wr(w.p + at, 4);
    ncr_wr_u32(&n, count);
    ncr_wr_string_end(&w, mark);
    return sserver_replied(s, &w);
}

/* Hooks of one path. */
static enum nacre_fs_result sserver_path_op(struct nacre_sftp_server *s,
                                            const struct nacre_sftp_req *req, uint32_t *handle)
{
    const struct nacre_fs *fs = s->cfg.fs;
    enum nacre_fs_result (*hook)(void *, struct nacre_bytes) =
        req->op == NACRE_SFTP_OP_REMOVE ? fs->remove : fs->rmdir;

    (void)handle; /* of the common shape */
    return hook == NULL ? NACRE_FS_UNSUPPORTED : hook(fs->ctx, req->path);
}

static enum nacre_fs_result sserver_mkdir(struct nacre_sftp_server *s,
                                          const struct nacre_sftp_req *req, uint32_t *handle)
{
    const struct nacre_fs *fs = s->cfg.fs;

    (void)handle; /* of the common shape */
    return fs->mkdir == NULL ? NACRE_FS_UNSUPPORTED : fs->mkdir(fs->ctx, req->path, &req->attrs);
}

/* Hooks that give one path for another. */
static enum nacre_fs_result sserver_name_op(struct nacre_sftp_server *s,
                                            const struct nacre_sftp_req *req, uint32_t *handle)
{
    const struct nacre_fs *fs = s->cfg.fs;
    enum nacre_fs_result (*hook)(void *, struct nacre_bytes, struct nacre_bytes *);
    struct nacre_bytes out = {NULL, 0};
    enum nacre_fs_result r;

    (void)handle; /* of the common shape */
    if (req->op == NACRE_SFTP_OP_REALPATH)
        hook = fs->realpath;
    else if (req->op == NACRE_SFTP_OP_READLINK)
        hook = fs->readlink;
    else if (req->op == NACRE_SFTP_OP_EXPAND_PATH)
        hook = fs->expand;
    else
        hook = fs->home;
    if (hook == NULL)
        return NACRE_FS_UNSUPPORTED;
    r = hook(fs->ctx, req->path, &out);
    return r == NACRE_FS_OK ? sserver_reply_path(s, req->id, out) : r;
}

static enum nacre_fs_result sserver_rename(struct nacre_sftp_server *s,
                                           const struct nacre_sftp_req *req, uint32_t *handle)
{
    const struct nacre_fs *fs = s->cfg.fs;

    (void)handle; /* of the common shape */
    if (fs->rename == NULL)
        return NACRE_FS_UNSUPPORTED;
    return fs->rename(fs->ctx, req->path, req->path2, req->op == NACRE_SFTP_OP_POSIX_RENAME);
}

/* Hooks that make a link of two paths. */
static enum nacre_fs_result sserver_link_op(struct nacre_sftp_server *s,
                                            const struct nacre_sftp_req *req, uint32_t *handle)
{
    const struct nacre_fs *fs = s->cfg.fs;
    enum nacre_fs_result (*hook)(void *, struct nacre_bytes, struct nacre_bytes) =
        req->op == NACRE_SFTP_OP_SYMLINK ? fs->symlink : fs->hardlink;

    (void)handle; /* of the common shape */
    return hook == NULL ? NACRE_FS_UNSUPPORTED : hook(fs->ctx, req->path, req->path2);
}

static enum nacre_fs_result sserver_vfs_op(struct nacre_sftp_server *s,
                                           const struct nacre_sftp_req *req, uint32_t *handle)
{
    const struct nacre_fs *fs = s->cfg.fs;
    bool by_handle = req->op == NACRE_SFTP_OP_FSTATVFS;
    const struct ncr_sftp_file *f = by_handle ? sserver_file(s, req->handle, handle) : NULL;
    struct nacre_sftp_statvfs v;
    enum nacre_fs_result r;
    struct ncr_wr w;

    if (by_handle ? fs->fstatvfs == NULL : fs->statvfs == NULL)
        return NACRE_FS_UNSUPPORTED;
    if (by_handle && f == NULL)
        return NACRE_FS_BAD_HANDLE;
    memset(&v, 0, sizeof v);
    r = by_handle ? fs->fstatvfs(fs->ctx, f->token, &v) : fs->statvfs(fs->ctx, req->path, &v);
    if (r != NACRE_FS_OK)
        return r;
    w = sserver_reply(s);
    ncr_sftp_vfs_put(&w, req->id, &v);
    return sserver_replied(s, &w);
}

static enum nacre_fs_result sserver_fsync(struct nacre_sftp_server *s,
                                          const struct nacre_sftp_req *req, uint32_t *handle)
{
    const struct nacre_fs *fs = s->cfg.fs;
    const struct ncr_sftp_file *f = sserver_file(s, req->handle, handle);

    if (fs->fsync == NULL)
        return NACRE_FS_UNSUPPORTED;
    return f == NULL ? NACRE_FS_BAD_HANDLE : fs->fsync(fs->ctx, f->token);
}

static enum nacre_fs_result sserver_limits(struct nacre_sftp_server *s,
                                           const struct nacre_sftp_req *req, uint32_t *handle)
{
    static const struct nacre_sftp_limits limits = {NCR_SFTP_PACKET_MAX, NCR_SFTP_READ_MAX,
                                                    NCR_SFTP_READ_MAX, NCR_SFTP_HANDLES_MAX};
    struct ncr_wr w = sserver_reply(s);

    (void)handle; /* of the common shape */
    ncr_sftp_limits_put(&w, req->id, &limits);
    return sserver_replied(s, &w);
}

/* How many of at most n bytes the file has from offset on; 0 if its size says nothing. */
static uint64_t sserver_beyond(const struct nacre_sftp_server *s, const struct ncr_sftp_file *f,
                               uint64_t offset, uint64_t n)
{
    const struct nacre_fs *fs = s->cfg.fs;
    struct nacre_sftp_attrs a;

    memset(&a, 0, sizeof a);
    if (fs->fstat == NULL || fs->fstat(fs->ctx, f->token, &a) != NACRE_FS_OK)
        return 0;
    if ((a.flags & NACRE_SFTP_ATTR_SIZE) == 0 || a.size <= offset)
        return 0;
    return a.size - offset < n ? a.size - offset : n;
}

/* "To its end" means the end as it is now: a file copied to its own end would never stop. Files
 * without a size (devices, /proc) are read until they end. */
static enum nacre_fs_result sserver_copy_data(struct nacre_sftp_server *s,
                                              const struct nacre_sftp_req *req, uint32_t *handle)
{
    uint32_t to;
    const struct ncr_sftp_file *dst = sserver_file(s, req->handle2, &to);
    const struct ncr_sftp_file *src = sserver_file(s, req->handle, handle);
    uint64_t n = req->count;

    if (s->cfg.fs->read == NULL || s->cfg.fs->write == NULL)
        return NACRE_FS_UNSUPPORTED;
    if (src == NULL || dst == NULL)
        return NACRE_FS_BAD_HANDLE;
    if (src == dst || !src->can_read || !dst->can_write)
        return NACRE_FS_FAILED;
    if (req->offset > SSERVER_OFFSET_MAX || req->offset2 > SSERVER_OFFSET_MAX)
        return NACRE_FS_INVALID;
    s->copy_to_end = n == 0;
    if (s->copy_to_end)
        n = sserver_beyond(s, src, 0, SSERVER_OFFSET_MAX);
    if (s->copy_to_end && n > 0)
        n = n > req->offset ? n - req->offset : 0;
    else if (n == 0 || n > SSERVER_OFFSET_MAX)
        n = SSERVER_OFFSET_MAX;
    s->copying = true;
    s->copy_id = req->id;
    s->copy_from = (uint16_t)*handle;
    s->copy_to = (uint16_t)to;
    s->copy_offset = req->offset;
    s->copy_offset2 = req->offset2;
    s->copy_left = n;
    return NACRE_FS_OK;
}

/* One string with the names of ids, each a string in it. */
static enum nacre_fs_result sserver_ids(struct nacre_sftp_server *s, struct ncr_wr *w, bool group,
                                        struct nacre_bytes ids)
{
    const struct nacre_fs *fs = s->cfg.fs;
    struct ncr_rd r = ncr_rd(ids);
    size_t mark = ncr_wr_string_begin(w);

    while (r.n > 0 && !w->bad) {
        struct nacre_bytes name = {NULL, 0};
        uint32_t id = ncr_rd_u32(&r);
        enum nacre_fs_result res = fs->id_name(fs->ctx, group, id, &name);

        if (res != NACRE_FS_OK)
            return res;
        ncr_wr_string(w, name);
    }
    if (w->bad)
        return NACRE_FS_FAILED; /* more names than a reply holds */
    ncr_wr_string_end(w, mark);
    return ncr_rd_end(&r) ? NACRE_FS_OK : NACRE_FS_INVALID;
}

static enum nacre_fs_result sserver_users_groups(struct nacre_sftp_server *s,
                                                 const struct nacre_sftp_req *req, uint32_t *handle)
{
    struct ncr_wr w = sserver_reply(s);
    enum nacre_fs_result r;
    size_t mark;

    (void)handle; /* of the common shape */
    if (s->cfg.fs->id_name == NULL)
        return NACRE_FS_UNSUPPORTED;
    mark = ncr_wr_string_begin(&w);
    ncr_wr_u8(&w, NCR_FXP_EXTENDED_REPLY);
    ncr_wr_u32(&w, req->id);
    r = sserver_ids(s, &w, false, req->data);
    if (r == NACRE_FS_OK)
        r = sserver_ids(s, &w, true, req->data2);
    ncr_wr_string_end(&w, mark);
    return r == NACRE_FS_OK ? sserver_replied(s, &w) : r;
}

/* A handler replies itself when it succeeds, unless its only reply is a status. */
typedef enum nacre_fs_result (*sserver_fn)(struct nacre_sftp_server *s,
                                           const struct nacre_sftp_req *req, uint32_t *handle);

static const sserver_fn sserver_fns[NACRE_SFTP_OP_COUNT] = {
    [NACRE_SFTP_OP_OPEN] = sserver_open,
    [NACRE_SFTP_OP_CLOSE] = sserver_close,
    [NACRE_SFTP_OP_READ] = sserver_read,
    [NACRE_SFTP_OP_LSTAT] = sserver_stat,
    [NACRE_SFTP_OP_FSTAT] = sserver_fstat,
    [NACRE_SFTP_OP_SETSTAT] = sserver_setstat,
    [NACRE_SFTP_OP_FSETSTAT] = sserver_fsetstat,
    [NACRE_SFTP_OP_OPENDIR] = sserver_opendir,
    [NACRE_SFTP_OP_READDIR] = sserver_readdir,
    [NACRE_SFTP_OP_REMOVE] = sserver_path_op,
    [NACRE_SFTP_OP_MKDIR] = sserver_mkdir,
    [NACRE_SFTP_OP_RMDIR] = sserver_path_op,
    [NACRE_SFTP_OP_REALPATH] = sserver_name_op,
    [NACRE_SFTP_OP_STAT] = sserver_stat,
    [NACRE_SFTP_OP_RENAME] = sserver_rename,
    [NACRE_SFTP_OP_READLINK] = sserver_name_op,
    [NACRE_SFTP_OP_SYMLINK] = sserver_link_op,
    [NACRE_SFTP_OP_POSIX_RENAME] = sserver_rename,
    [NACRE_SFTP_OP_STATVFS] = sserver_vfs_op,
    [NACRE_SFTP_OP_FSTATVFS] = sserver_vfs_op,
    [NACRE_SFTP_OP_HARDLINK] = sserver_link_op,
    [NACRE_SFTP_OP_FSYNC] = sserver_fsync,
    [NACRE_SFTP_OP_LSETSTAT] = sserver_setstat,
    [NACRE_SFTP_OP_LIMITS] = sserver_limits,
    [NACRE_SFTP_OP_EXPAND_PATH] = sserver_name_op,
    [NACRE_SFTP_OP_COPY_DATA] = sserver_copy_data,
    [NACRE_SFTP_OP_HOME_DIRECTORY] = sserver_name_op,
    [NACRE_SFTP_OP_USERS_GROUPS] = sserver_users_groups,
};

/* ---- Policy ---- */

static bool sserver_denied(const struct nacre_sftp_server *s, enum nacre_sftp_op op)
{
    if (s->cfg.deny >> op & 1)
        return true;
    return s->cfg.read_only && nacre_sftp_op_writes(op);
}

static enum nacre_fs_result sserver_path_check(struct nacre_bytes path)
{
    if (path.n > NCR_SFTP_PATH_MAX)
        return NACRE_FS_NAME_TOO_LONG;
    for (; path.n > 0; path.p++, path.n--)
        if (*path.p == 0)
            return NACRE_FS_INVALID;
    return NACRE_FS_OK;
}

/* What forbids a request before its handler sees it. */
static enum nacre_fs_result sserver_check(const struct nacre_sftp_server *s,
                                          const struct nacre_sftp_req *req)
{
    enum nacre_fs_result r;

    if (sserver_fns[req->op] == NULL)
        return NACRE_FS_UNSUPPORTED;
    if (sserver_denied(s, req->op))
        return NACRE_FS_DENIED;
    r = sserver_path_check(req->path);
    return r == NACRE_FS_OK ? sserver_path_check(req->path2) : r;
}

/* True if the hook of an extension is there. */
static bool sserver_serves(const struct nacre_fs *fs, enum nacre_sftp_op op)
{
    switch (op) {
    case NACRE_SFTP_OP_POSIX_RENAME:
        return fs->rename != NULL;
    case NACRE_SFTP_OP_STATVFS:
        return fs->statvfs != NULL;
    case NACRE_SFTP_OP_FSTATVFS:
        return fs->fstatvfs != NULL;
    case NACRE_SFTP_OP_HARDLINK:
        return fs->hardlink != NULL;
    case NACRE_SFTP_OP_FSYNC:
        return fs->fsync != NULL;
    case NACRE_SFTP_OP_LSETSTAT:
        return fs->setstat != NULL;
    case NACRE_SFTP_OP_LIMITS:
        return true;
    case NACRE_SFTP_OP_EXPAND_PATH:
        return fs->expand != NULL;
    case NACRE_SFTP_OP_COPY_DATA:
        return fs->read != NULL && fs->write != NULL;
    case NACRE_SFTP_OP_HOME_DIRECTORY:
        return fs->home != NULL;
    case NACRE_SFTP_OP_USERS_GROUPS:
        return fs->id_name != NULL;
    default:
        return false;
    }
}

static uint64_t sserver_announced(const struct nacre_sftp_server *s)
{
    uint64_t ops = 0;
    int op;

    for (op = NACRE_SFTP_OP_NONE + 1; op < NACRE_SFTP_OP_COUNT; op++)
        if (sserver_serves(s->cfg.fs, (enum nacre_sftp_op)op) &&
            !sserver_denied(s, (enum nacre_sftp_op)op))
            ops |= (uint64_t)1 << op;
    return ops;
}

/* ---- Input ---- */

static void sserver_trace(const struct nacre_sftp_server *s, const struct nacre_sftp_req *req,
                          enum nacre_fs_result r, uint32_t handle)
{
    struct nacre_sftp_trace t;

    if (s->cfg.trace == NULL)
        return;
    memset(&t, 0, sizeof t);
    t.req = req;
    t.result = r;
    t.status = nacre_fs_result_status(r);
    t.handle = handle;
    if (handle < NACRE_SFTP_HANDLES_MAX) {
        t.bytes_read = s->files[handle].bytes_read;
        t.bytes_written = s->files[handle].bytes_written;
    }
    s->cfg.trace(s->cfg.trace_ctx, &t);
}

/* True if the success of op is told by its handler, now or later. */
static bool sserver_told(enum nacre_sftp_op op)
{
    return ncr_sftp_op_row(op)->reply != NCR_REPLY_STATUS || op == NACRE_SFTP_OP_COPY_DATA;
}

static void sserver_carry_out(struct nacre_sftp_server *s, const struct nacre_sftp_req *req)
{
    uint32_t handle = SSERVER_NO_HANDLE;
    enum nacre_fs_result r = sserver_check(s, req);

    if (r == NACRE_FS_OK)
        r = sserver_fns[req->op](s, req, &handle);
    if (r != NACRE_FS_OK || !sserver_told(req->op))
        sserver_reply_result(s, req->id, r);
    if (req->op != NACRE_SFTP_OP_READ)
        sserver_trace(s, req, r, handle);
}

/* One whole packet other than WRITE, without its length. */
static nacre_err sserver_packet(struct nacre_sftp_server *s, struct nacre_bytes body)
{
    struct nacre_sftp_req req;
    uint32_t version;
    uint64_t ops;
    struct ncr_wr w;

    if (s->inited) {
        if (!ncr_sftp_req_get(&req, body))
            return sserver_fail(s, NACRE_ERR_FORMAT, body.p[0], 0, "malformed request");
        sserver_carry_out(s, &req);
        return NACRE_OK;
    }
    if (!ncr_sftp_version_get(body, &version, &ops))
        return sserver_fail(s, NACRE_ERR_FORMAT, body.p[0], 0, "malformed init message");
    if (version < NACRE_SFTP_VERSION)
        return sserver_fail(s, NACRE_ERR_VERSION_UNSUPPORTED, body.p[0], 0,
                            "client does not speak SFTP version 3");
    w = sserver_reply(s);
    ncr_sftp_version_put(&w, sserver_announced(s));
    (void)sserver_replied(s, &w); /* the first reply: fits */
    s->inited = true;
    return NACRE_OK;
}

/* Length and type against the limits, and against what may come now. */
static nacre_err sserver_head_check(struct nacre_sftp_server *s, uint32_t len, uint8_t msg)
{
    if (len < SSERVER_HEAD_ID - 4 || len > NCR_SFTP_PACKET_MAX)
        return sserver_fail(s, NACRE_ERR_PACKET_LEN, msg, 0, "packet length out of range");
    if (s->inited ? msg == NCR_FXP_INIT : msg != NCR_FXP_INIT)
        return sserver_fail(s, NACRE_ERR_ORDER, msg, 0,
                            s->inited ? "second init message"
                                      : "first message of the client is not its init");
    if (!s->inited && len > s->in_cap - 4)
        return sserver_fail(s, NACRE_ERR_LIMIT, msg, 0, "init message too long");
    if (msg == NCR_FXP_WRITE && len < NCR_SFTP_WRITE_HEAD(0) - 4)
        return sserver_fail(s, NACRE_ERR_FORMAT, msg, 0, "malformed request");
    return NACRE_OK;
}

static uint32_t sserver_room(const struct nacre_sftp_server *s)
{
    return s->out_cap - (s->out_end - s->out_start);
}

/* May a request of that type be taken from the input now? */
static bool sserver_takes(const struct nacre_sftp_server *s, uint8_t msg)
{
    if (s->copying || sserver_room(s) < SSERVER_RESERVE)
        return false;
    if (msg == NCR_FXP_READ)
        return s->job_n < SSERVER_JOBS_MAX;
    return s->job_n == 0 && s->promise_left == 0;
}

/* Starts to stream the rest of a packet: to a file, or nowhere with a result that is known. */
static void sserver_stream(struct nacre_sftp_server *s, enum sserver_rx rx, uint32_t id,
                           size_t left, enum nacre_fs_result r)
{
    s->rx = (uint8_t)rx;
    s->rx_id = id;
    s->rx_left = (uint32_t)left;
    s->rx_result = (uint8_t)r;
}

/* May those n bytes be written there? */
static enum nacre_fs_result sserver_write_check(const struct nacre_sftp_server *s, uint32_t handle,
                                                uint64_t offset, uint32_t n)
{
    if (s->cfg.fs->write == NULL)
        return NACRE_FS_UNSUPPORTED;
    if (sserver_denied(s, NACRE_SFTP_OP_WRITE))
        return NACRE_FS_DENIED;
    if (handle == SSERVER_NO_HANDLE)
        return NACRE_FS_BAD_HANDLE;
    if (!s->files[handle].can_write)
        return NACRE_FS_DENIED;
    if (offset > SSERVER_OFFSET_MAX || n > SSERVER_OFFSET_MAX - offset)
        return NACRE_FS_INVALID;
    return NACRE_FS_OK;
}

/* A WRITE up to its data, with a handle of the length that ours have. */
static nacre_err sserver_write_head(struct nacre_sftp_server *s, struct nacre_bytes head)
{
    struct ncr_rd r = ncr_rd(head);
    uint32_t len = ncr_rd_u32(&r);
    uint8_t msg = ncr_rd_u8(&r);
    uint32_t id = ncr_rd_u32(&r);
    uint32_t handle = sserver_handle_find(s, ncr_rd_string(&r), SSERVER_FILE);
    uint64_t offset = ncr_rd_u64(&r);
    uint32_t n = ncr_rd_u32(&r);

    if (len + 4 - SSERVER_WRITE_HEAD != n)
        return sserver_fail(s, NACRE_ERR_FORMAT, msg, id, "length of data and packet disagree");
    s->write_handle = (uint16_t)handle;
    s->write_offset = offset;
    sserver_stream(s, SSERVER_RX_WRITE, id, n, sserver_write_check(s, handle, offset, n));
    return NACRE_OK;
}

/* How many bytes of a packet are needed before something can be done with it. */
static size_t sserver_need(const struct nacre_sftp_server *s, uint32_t len, uint8_t msg)
{
    if (msg == NCR_FXP_WRITE)
        return (size_t)len + 4 < SSERVER_WRITE_HEAD ? (size_t)len + 4 : SSERVER_WRITE_HEAD;
    return len > s->in_cap - 4 ? SSERVER_HEAD_ID : (size_t)len + 4;
}

/* Acts on the needed bytes of a packet. */
static nacre_err sserver_gathered(struct nacre_sftp_server *s, struct nacre_bytes got)
{
    struct ncr_rd r = ncr_rd(got);
    uint32_t len = ncr_rd_u32(&r);
    uint8_t msg = ncr_rd_u8(&r);
    uint32_t id = ncr_rd_u32(&r);
    size_t left = (size_t)len + 4 - got.n;

    if (msg == NCR_FXP_WRITE) {
        uint32_t handle_len = ncr_rd_u32(&r);

        if (handle_len > len - (NCR_SFTP_WRITE_HEAD(0) - 4))
            return sserver_fail(s, NACRE_ERR_FORMAT, msg, id, "malformed request");
        if (handle_len == NCR_SFTP_HANDLE_LEN)
            return sserver_write_head(s, got);
        sserver_stream(s, SSERVER_RX_SKIP, id, left, NACRE_FS_BAD_HANDLE);
        return NACRE_OK;
    }
    if (left > 0) {
        sserver_stream(s, SSERVER_RX_SKIP, id, left,
                       msg == NCR_FXP_EXTENDED ? NACRE_FS_UNSUPPORTED : NACRE_FS_INVALID);
        return NACRE_OK;
    }
    got.p += 4;
    got.n -= 4;
    return sserver_packet(s, got);
}

/* Bytes of a streamed request; its reply after the last one. */
static size_t sserver_streamed(struct nacre_sftp_server *s, const uint8_t *in, size_t n)
{
    const struct nacre_fs *fs = s->cfg.fs;

    if (n > s->rx_left)
        n = s->rx_left;
    if (n > 0 && s->rx == SSERVER_RX_WRITE && s->rx_result == NACRE_FS_OK) {
        struct ncr_sftp_file *f = &s->files[s->write_handle];

        s->rx_result = (uint8_t)fs->write(fs->ctx, f->token, s->write_offset, in, n);
        s->write_offset += n;
        if (s->rx_result == NACRE_FS_OK)
            f->bytes_written += n;
    }
    s->rx_left -= (uint32_t)n;
    if (s->rx_left == 0) {
        s->rx = SSERVER_RX_PACKET;
        sserver_reply_result(s, s->rx_id, (enum nacre_fs_result)s->rx_result);
    }
    return n;
}

/* Moves bytes to the gathered packet until it has `need`; true once it does. */
static bool sserver_gather(struct nacre_sftp_server *s, const uint8_t *in, size_t n, size_t need,
                           size_t *used)
{
    size_t take = need > s->in_n ? need - s->in_n : 0;

    if (take > n - *used)
        take = n - *used;
    if (take > 0)
        memcpy(sserver_in(s) + s->in_n, in + *used, take);
    s->in_n += (uint32_t)take;
    *used += take;
    return s->in_n >= need;
}

/* A packet that lies in the slice whole is used where it is. The first bytes are gathered before it
 * is known whether it can be taken: no packet is that short, so some of it stays with the caller.
 */
static nacre_err sserver_step(struct nacre_sftp_server *s, const uint8_t *in, size_t n,
                              size_t *used, bool *more)
{
    struct nacre_bytes got = {sserver_in(s), SSERVER_HEAD};
    size_t need, start = *used;
    bool whole;
    struct ncr_rd r;
    uint32_t len;
    uint8_t msg;
    nacre_err err;

    *more = false;
    whole = s->in_n == 0;
    if (!sserver_gather(s, in, n, SSERVER_HEAD, used))
        return NACRE_OK;
    r = ncr_rd(got);
    len = ncr_rd_u32(&r);
    msg = ncr_rd_u8(&r);
    err = sserver_head_check(s, len, msg);
    if (err != NACRE_OK || !sserver_takes(s, msg))
        return err;
    need = sserver_need(s, len, msg);
    if (whole && n - start >= need) {
        got.p = in + start;
        *used = start + need;
    } else if (!sserver_gather(s, in, n, need, used)) {
        return NACRE_OK;
    }
    got.n = need;
    s->in_n = 0;
    *more = true;
    return sserver_gathered(s, got);
}

nacre_err nacre_sftp_server_recv(struct nacre_sftp_server *s, const uint8_t *in, size_t n,
                                 size_t *used)
{
    bool more = true;

    *used = 0;
    while (s->err == NACRE_OK && more && *used < n) {
        if (s->rx == SSERVER_RX_PACKET) {
            nacre_err err = sserver_step(s, in, n, used, &more);

            if (err != NACRE_OK)
                return err;
        }
        if (s->rx != SSERVER_RX_PACKET)
            *used += sserver_streamed(s, in + *used, n - *used);
    }
    return s->err;
}

/* ---- Output ---- */

static size_t sserver_out_bytes(struct nacre_sftp_server *s, uint8_t *p, size_t room)
{
    size_t n = s->out_end - s->out_start;

    if (n > room)
        n = room;
    if (n > 0)
        memcpy(p, sserver_out(s) + s->out_start, n);
    s->out_start += (uint32_t)n;
    if (s->out_start == s->out_end)
        s->out_start = s->out_end = 0;
    return n;
}

/* More of a DATA reply whose length is out. An error cannot be told any more: the stream ends. */
static size_t sserver_out_promise(struct nacre_sftp_server *s, uint8_t *p, size_t room)
{
    const struct nacre_fs *fs = s->cfg.fs;
    size_t n = s->promise_left < room ? s->promise_left : room;
    size_t got = 0;
    enum nacre_fs_result r =
        fs->read(fs->ctx, s->files[s->promise_handle].token, s->promise_offset, p, n, &got);

    if (r != NACRE_FS_OK || got > n) {
        (void)sserver_fail(s, NACRE_ERR_IO, NCR_FXP_READ, 0,
                           "file failed in the middle of a reply");
        return 0;
    }
    if (got == 0) {
        memset(p, 0, n);
        got = n;
    }
    s->promise_offset += got;
    s->promise_left -= (uint32_t)got;
    return got;
}

static enum nacre_fs_result sserver_job_check(const struct nacre_sftp_server *s,
                                              const struct ncr_sftp_job *job)
{
    if (s->cfg.fs->read == NULL)
        return NACRE_FS_UNSUPPORTED;
    if (job->handle == SSERVER_NO_HANDLE)
        return NACRE_FS_BAD_HANDLE;
    if (!s->files[job->handle].can_read)
        return NACRE_FS_DENIED;
    if (job->offset > SSERVER_OFFSET_MAX - NCR_SFTP_READ_MAX)
        return NACRE_FS_INVALID;
    return NACRE_FS_OK;
}

/* Reads the first bytes of a reply behind its head in p, writes the head; *n is the length of both.
 */
static enum nacre_fs_result sserver_job_read(struct nacre_sftp_server *s,
                                             const struct ncr_sftp_job *job, uint8_t *p,
                                             size_t room, size_t *n)
{
    const struct nacre_fs *fs = s->cfg.fs;
    struct ncr_sftp_file *f = &s->files[job->handle];
    struct ncr_wr w = ncr_wr(p, NCR_SFTP_DATA_HEAD);
    size_t first = room - NCR_SFTP_DATA_HEAD;
    size_t got = 0;
    uint64_t more = 0;
    enum nacre_fs_result r = NACRE_FS_OK;

    if (first > job->len)
        first = job->len;
    if (first > 0)
        r = fs->read(fs->ctx, f->token, job->offset, p + NCR_SFTP_DATA_HEAD, first, &got);
    if (r != NACRE_FS_OK)
        return r;
    if (got > first)
        return NACRE_FS_FAILED;
    if (got == 0 && first > 0)
        return NACRE_FS_EOF;
    if (got == first && first < job->len)
        more = sserver_beyond(s, f, job->offset + got, job->len - first);
    ncr_sftp_data_head_put(&w, job->id, (uint32_t)(got + more));
    s->promise_left = (uint32_t)more;
    s->promise_handle = job->handle;
    s->promise_offset = job->offset + got;
    f->bytes_read += got + more;
    *n = NCR_SFTP_DATA_HEAD + got;
    return NACRE_FS_OK;
}

/* Carries out the oldest READ with its reply in p, or, if p is too small even for a head, in the
 * out-buffer, which is empty then. Returns how much of p it used. */
static size_t sserver_out_job(struct nacre_sftp_server *s, uint8_t *p, size_t room)
{
    struct ncr_sftp_job job = s->jobs[s->job_start];
    enum nacre_fs_result r = sserver_job_check(s, &job);
    bool direct = room > NCR_SFTP_DATA_HEAD;
    size_t n = 0;

    s->job_start = (uint32_t)((s->job_start + 1) % SSERVER_JOBS_MAX);
    s->job_n--;
    if (r == NACRE_FS_OK)
        r = direct ? sserver_job_read(s, &job, p, room, &n)
                   : sserver_job_read(s, &job, sserver_out(s), s->out_cap, &n);
    if (r != NACRE_FS_OK) {
        sserver_reply_result(s, job.id, r);
        return 0;
    }
    if (direct)
        return n;
    s->out_end = (uint32_t)n;
    return 0;
}

/* Copies one buffer; true when the copy is over, with *r. The out-buffer is empty and serves. */
static bool sserver_copy_piece(struct nacre_sftp_server *s, size_t *n, enum nacre_fs_result *r)
{
    const struct nacre_fs *fs = s->cfg.fs;
    struct ncr_sftp_file *src = &s->files[s->copy_from], *dst = &s->files[s->copy_to];
    size_t want = s->copy_left < s->out_cap ? (size_t)s->copy_left : s->out_cap;

    *n = 0;
    if (s->copy_offset > SSERVER_OFFSET_MAX - want || s->copy_offset2 > SSERVER_OFFSET_MAX - want) {
        *r = NACRE_FS_INVALID;
        return true;
    }
    *r = NACRE_FS_OK;
    if (want > 0)
        *r = fs->read(fs->ctx, src->token, s->copy_offset, sserver_out(s), want, n);
    if (*r == NACRE_FS_OK && *n == 0) {
        *r = want == 0 || s->copy_to_end ? NACRE_FS_OK : NACRE_FS_EOF;
        return true;
    }
    if (*r == NACRE_FS_OK)
        *r = fs->write(fs->ctx, dst->token, s->copy_offset2, sserver_out(s), *n);
    if (*r != NACRE_FS_OK)
        return true;
    src->bytes_read += *n;
    dst->bytes_written += *n;
    s->copy_offset += *n;
    s->copy_offset2 += *n;
    s->copy_left -= *n;
    return s->copy_left == 0;
}

static void sserver_copy_step(struct nacre_sftp_server *s)
{
    enum nacre_fs_result r = NACRE_FS_OK;
    size_t n, done = 0;

    while (s->copying && done < SSERVER_COPY_STEP) {
        if (sserver_copy_piece(s, &n, &r)) {
            s->copying = false;
            sserver_reply_result(s, s->copy_id, r);
        }
        done += n;
    }
}

size_t nacre_sftp_server_output(struct nacre_sftp_server *s, uint8_t *p, size_t room)
{
    size_t n = 0;

    while (s->err == NACRE_OK && n < room) {
        if (s->out_start < s->out_end) {
            n += sserver_out_bytes(s, p + n, room - n);
        } else if (s->promise_left > 0) {
            n += sserver_out_promise(s, p + n, room - n);
        } else if (s->copying) {
            sserver_copy_step(s);
            if (s->copying)
                break;
        } else if (s->job_n > 0 && (n == 0 || room - n >= SSERVER_START_MIN)) {
            n += sserver_out_job(s, p + n, room - n);
        } else {
            break;
        }
    }
    return n;
}

unsigned nacre_sftp_server_wants(const struct nacre_sftp_server *s)
{
    unsigned wants = 0;

    if (s->err != NACRE_OK)
        return NACRE_WANT_CLOSED;
    if (s->out_start < s->out_end || s->promise_left > 0 || s->copying || s->job_n > 0)
        wants |= NACRE_WANT_WRITE;
    if (s->rx != SSERVER_RX_PACKET || sserver_takes(s, NCR_FXP_READ))
        wants |= NACRE_WANT_READ;
    return wants;
}

struct nacre_sftp_errinfo nacre_sftp_server_errinfo(const struct nacre_sftp_server *s)
{
    return s->info;
}
