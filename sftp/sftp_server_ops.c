/* SPDX-License-Identifier: ISC
 *
 * What the server's engine does for each request but WRITE, whose data streams: one handler per
 * operation, chosen by a table, over the hooks of struct nacre_fs; which operations a configuration
 * denies and which extensions it announces.
 *
 * A handler gets a request that was decoded whole and whose paths were checked. A hook that is
 * absent means that the operation is unsupported. READ and COPY_DATA only queue: their work is done
 * where their bytes go out, in sftp_server.c.
 */
#include "sftp/sftp_server.h"

#include "proto/limits.h"
#include "sftp/sftp_msg.h"

#include <string.h>

/* Directory entries: longer names are left out of a listing. Their line adds type, owner, size,
 * date. */
#define SSERVER_ENTRY_NAME_MAX 1024
#define SSERVER_ENTRY_LINE_MAX (SSERVER_ENTRY_NAME_MAX + 256)
#define SSERVER_ENTRY_MAX (SSERVER_ENTRY_NAME_MAX + SSERVER_ENTRY_LINE_MAX + 64)

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
    uint32_t n = ncr_sserver_handle_unused(s);
    enum nacre_fs_result r;
    struct ncr_sftp_file *f;
    uint64_t token;

    if (fs->open == NULL)
        return NACRE_FS_UNSUPPORTED;
    if (s->cfg.read_only && (req->pflags & SSERVER_WRITE_FLAGS) != 0)
        return NACRE_FS_DENIED;
    if (n == NCR_SSERVER_NO_HANDLE)
        return NACRE_FS_TOO_MANY;
    r = fs->open(fs->ctx, req->path, pflags, &req->attrs, &token);
    if (r != NACRE_FS_OK)
        return r;
    f = ncr_sserver_handle_take(s, n, NCR_SSERVER_FILE, token);
    f->can_read = (pflags & NACRE_FXF_READ) != 0;
    f->can_write = (pflags & NACRE_FXF_WRITE) != 0;
    *handle = n;
    return ncr_sserver_reply_handle(s, req->id, n);
}

static enum nacre_fs_result sserver_opendir(struct nacre_sftp_server *s,
                                            const struct nacre_sftp_req *req, uint32_t *handle)
{
    const struct nacre_fs *fs = s->cfg.fs;
    uint32_t n = ncr_sserver_handle_unused(s);
    enum nacre_fs_result r;
    uint64_t token;

    if (fs->opendir == NULL)
        return NACRE_FS_UNSUPPORTED;
    if (n == NCR_SSERVER_NO_HANDLE)
        return NACRE_FS_TOO_MANY;
    r = fs->opendir(fs->ctx, req->path, &token);
    if (r != NACRE_FS_OK)
        return r;
    (void)ncr_sserver_handle_take(s, n, NCR_SSERVER_DIR, token); /* needs nothing more */
    *handle = n;
    return ncr_sserver_reply_handle(s, req->id, n);
}

static enum nacre_fs_result sserver_close(struct nacre_sftp_server *s,
                                          const struct nacre_sftp_req *req, uint32_t *handle)
{
    uint32_t n = ncr_sserver_handle_find(s, req->handle, NCR_SSERVER_FILE);

    if (n == NCR_SSERVER_NO_HANDLE)
        n = ncr_sserver_handle_find(s, req->handle, NCR_SSERVER_DIR);
    if (n == NCR_SSERVER_NO_HANDLE)
        return NACRE_FS_BAD_HANDLE;
    *handle = n;
    return ncr_sserver_handle_drop(s, n);
}

/* Data is read when there is a place for it, and errors are told then, in their turn. */
static enum nacre_fs_result sserver_read(struct nacre_sftp_server *s,
                                         const struct nacre_sftp_req *req, uint32_t *handle)
{
    struct ncr_sftp_job *job = &s->jobs[(s->job_start + s->job_n) % NCR_SSERVER_JOBS_MAX];

    *handle = ncr_sserver_handle_find(s, req->handle, NCR_SSERVER_FILE);
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
    return r == NACRE_FS_OK ? ncr_sserver_reply_attrs(s, req->id, &a) : r;
}

/* The file of a handle in a request; NULL: invalid. */
static struct ncr_sftp_file *sserver_file(struct nacre_sftp_server *s, struct nacre_bytes b,
                                          uint32_t *handle)
{
    *handle = ncr_sserver_handle_find(s, b, NCR_SSERVER_FILE);
    return *handle == NCR_SSERVER_NO_HANDLE ? NULL : &s->files[*handle];
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
    return r == NACRE_FS_OK ? ncr_sserver_reply_attrs(s, req->id, &a) : r;
}

static bool sserver_attrs_valid(const struct nacre_sftp_attrs *a)
{
    return (a->flags & NACRE_SFTP_ATTR_SIZE) == 0 || a->size <= NCR_SSERVER_OFFSET_MAX;
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
    struct ncr_wr w = ncr_sserver_reply(s), n;
    enum nacre_fs_result r;
    size_t mark, at;
    uint32_t count;

    *handle = ncr_sserver_handle_find(s, req->handle, NCR_SSERVER_DIR);
    if (s->cfg.fs->readdir == NULL)
        return NACRE_FS_UNSUPPORTED;
    if (*handle == NCR_SSERVER_NO_HANDLE)
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
    return ncr_sserver_replied(s, &w);
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
    return r == NACRE_FS_OK ? ncr_sserver_reply_path(s, req->id, out) : r;
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
    w = ncr_sserver_reply(s);
    ncr_sftp_vfs_put(&w, req->id, &v);
    return ncr_sserver_replied(s, &w);
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
    struct ncr_wr w = ncr_sserver_reply(s);

    (void)handle; /* of the common shape */
    ncr_sftp_limits_put(&w, req->id, &limits);
    return ncr_sserver_replied(s, &w);
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
    if (req->offset > NCR_SSERVER_OFFSET_MAX || req->offset2 > NCR_SSERVER_OFFSET_MAX)
        return NACRE_FS_INVALID;
    s->copy_to_end = n == 0;
    if (s->copy_to_end)
        n = ncr_sserver_beyond(s, src, 0, NCR_SSERVER_OFFSET_MAX);
    if (s->copy_to_end && n > 0)
        n = n > req->offset ? n - req->offset : 0;
    else if (n == 0 || n > NCR_SSERVER_OFFSET_MAX)
        n = NCR_SSERVER_OFFSET_MAX;
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
    struct ncr_wr w = ncr_sserver_reply(s);
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
    return r == NACRE_FS_OK ? ncr_sserver_replied(s, &w) : r;
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

bool ncr_sserver_denied(const struct nacre_sftp_server *s, enum nacre_sftp_op op)
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
    if (ncr_sserver_denied(s, req->op))
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

uint64_t ncr_sserver_announced(const struct nacre_sftp_server *s)
{
    uint64_t ops = 0;
    int op;

    for (op = NACRE_SFTP_OP_NONE + 1; op < NACRE_SFTP_OP_COUNT; op++)
        if (sserver_serves(s->cfg.fs, (enum nacre_sftp_op)op) &&
            !ncr_sserver_denied(s, (enum nacre_sftp_op)op))
            ops |= (uint64_t)1 << op;
    return ops;
}

/* ---- Carrying out ---- */

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

void ncr_sserver_carry_out(struct nacre_sftp_server *s, const struct nacre_sftp_req *req)
{
    uint32_t handle = NCR_SSERVER_NO_HANDLE;
    enum nacre_fs_result r = sserver_check(s, req);

    if (r == NACRE_FS_OK)
        r = sserver_fns[req->op](s, req, &handle);
    if (r != NACRE_FS_OK || !sserver_told(req->op))
        ncr_sserver_reply_result(s, req->id, r);
    if (req->op != NACRE_SFTP_OP_READ)
        sserver_trace(s, req, r, handle);
}
