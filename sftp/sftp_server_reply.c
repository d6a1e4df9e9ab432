/* SPDX-License-Identifier: ISC
 *
 * What the requests of the server's engine work with: the table of open handles, and the
 * out-buffer, in which replies are built. A handle that the client names is looked up by number,
 * generation and kind; nothing of it is trusted before that.
 *
 * Knows no request and touches no input: sftp_server_ops.c carries requests out, sftp_server.c
 * reads them and sends what is here.
 */
#include "sftp/sftp_server.h"

#include "proto/limits.h"
#include "sftp/sftp_msg.h"

#include <string.h>

/* ---- The region ---- */

uint8_t *ncr_sserver_in(const struct nacre_sftp_server *s)
{
    return (uint8_t *)((uintptr_t)s + (uintptr_t)s->mem_off);
}

uint8_t *ncr_sserver_out(const struct nacre_sftp_server *s)
{
    return ncr_sserver_in(s) + s->in_cap;
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

uint32_t ncr_sserver_handle_find(const struct nacre_sftp_server *s, struct nacre_bytes b,
                                 enum ncr_sserver_kind kind)
{
    struct ncr_rd r = ncr_rd(b);
    uint32_t n = ncr_rd_u32(&r);
    uint32_t gen = ncr_rd_u32(&r);

    if (!ncr_rd_end(&r) || n >= NACRE_SFTP_HANDLES_MAX)
        return NCR_SSERVER_NO_HANDLE;
    if (s->files[n].kind != (uint8_t)kind || s->files[n].gen != gen)
        return NCR_SSERVER_NO_HANDLE;
    return n;
}

uint32_t ncr_sserver_handle_unused(const struct nacre_sftp_server *s)
{
    uint32_t n;

    for (n = 0; n < NACRE_SFTP_HANDLES_MAX; n++)
        if (s->files[n].kind == NCR_SSERVER_FREE)
            break;
    return n;
}

struct ncr_sftp_file *ncr_sserver_handle_take(struct nacre_sftp_server *s, uint32_t n,
                                              enum ncr_sserver_kind kind, uint64_t token)
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

enum nacre_fs_result ncr_sserver_handle_drop(struct nacre_sftp_server *s, uint32_t n)
{
    const struct nacre_fs *fs = s->cfg.fs;
    struct ncr_sftp_file *f = &s->files[n];
    bool dir = f->kind == NCR_SSERVER_DIR;

    f->kind = NCR_SSERVER_FREE;
    s->n_handles--;
    if (dir)
        return fs->closedir == NULL ? NACRE_FS_OK : fs->closedir(fs->ctx, f->token);
    return fs->close == NULL ? NACRE_FS_OK : fs->close(fs->ctx, f->token);
}

uint64_t ncr_sserver_beyond(const struct nacre_sftp_server *s, const struct ncr_sftp_file *f,
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

/* ---- Replies ---- */

struct ncr_wr ncr_sserver_reply(struct nacre_sftp_server *s)
{
    uint8_t *out = ncr_sserver_out(s);

    if (s->out_start > 0) {
        memmove(out, out + s->out_start, s->out_end - s->out_start);
        s->out_end -= s->out_start;
        s->out_start = 0;
    }
    return ncr_wr(out + s->out_end, s->out_cap - s->out_end);
}

enum nacre_fs_result ncr_sserver_replied(struct nacre_sftp_server *s, const struct ncr_wr *w)
{
    if (w->bad)
        return NACRE_FS_FAILED;
    s->out_end += (uint32_t)w->n;
    return NACRE_FS_OK;
}

void ncr_sserver_reply_result(struct nacre_sftp_server *s, uint32_t id, enum nacre_fs_result r)
{
    struct ncr_wr w = ncr_sserver_reply(s);

    ncr_sftp_status_put(&w, id, nacre_fs_result_status(r), nacre_fs_result_text(r));
    (void)ncr_sserver_replied(s, &w); /* fits: the reserve was checked before the request came */
}

enum nacre_fs_result ncr_sserver_reply_path(struct nacre_sftp_server *s, uint32_t id,
                                            struct nacre_bytes path)
{
    struct ncr_wr w = ncr_sserver_reply(s);

    if (path.n > NCR_SFTP_PATH_MAX)
        return NACRE_FS_NAME_TOO_LONG;
    ncr_sftp_name_put(&w, id, path);
    return ncr_sserver_replied(s, &w);
}

enum nacre_fs_result ncr_sserver_reply_attrs(struct nacre_sftp_server *s, uint32_t id,
                                             const struct nacre_sftp_attrs *a)
{
    struct ncr_wr w = ncr_sserver_reply(s);

    ncr_sftp_attrs_put(&w, id, a);
    return ncr_sserver_replied(s, &w);
}

enum nacre_fs_result ncr_sserver_reply_handle(struct nacre_sftp_server *s, uint32_t id, uint32_t n)
{
    uint8_t buf[NCR_SFTP_HANDLE_LEN];
    struct ncr_wr w = ncr_sserver_reply(s);

    ncr_sftp_handle_put(&w, id, sserver_handle_bytes(s, n, buf));
    return ncr_sserver_replied(s, &w);
}
