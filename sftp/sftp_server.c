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
 *
 * What a request does is in sftp_server_ops.c; handles and replies are in sftp_server_reply.c.
 */
#include "sftp/sftp_server.h"

#include "proto/limits.h"
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
/* A READ does not start in what is left of a place if that is less than this. */
#define SSERVER_START_MIN 512
/* Bytes copied in one call of output: bounds the time it takes. */
#define SSERVER_COPY_STEP (1024u * 1024)

_Static_assert(NACRE_SFTP_SERVER_MEM >= SSERVER_IN_CAP + 2 * SSERVER_RESERVE, "room for replies");

enum sserver_rx {
    SSERVER_RX_PACKET, /* gathering a request, or the head of a WRITE */
    SSERVER_RX_WRITE,  /* data of a WRITE streams to its file */
    SSERVER_RX_SKIP    /* the rest of a refused request streams to nowhere */
};

static const struct nacre_fs sserver_no_fs;

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

void nacre_sftp_server_close(struct nacre_sftp_server *s)
{
    uint32_t n;

    for (n = 0; n < NACRE_SFTP_HANDLES_MAX; n++)
        if (s->files[n].kind != NCR_SSERVER_FREE)
            (void)ncr_sserver_handle_drop(s, n); /* nobody is left to tell */
    if (s->err == NACRE_OK)
        (void)sserver_fail(s, NACRE_ERR_CLOSED, 0, 0, "");
}

/* ---- Input ---- */

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
        ncr_sserver_carry_out(s, &req);
        return NACRE_OK;
    }
    if (!ncr_sftp_version_get(body, &version, &ops))
        return sserver_fail(s, NACRE_ERR_FORMAT, body.p[0], 0, "malformed init message");
    if (version < NACRE_SFTP_VERSION)
        return sserver_fail(s, NACRE_ERR_VERSION_UNSUPPORTED, body.p[0], 0,
                            "client does not speak SFTP version 3");
    w = ncr_sserver_reply(s);
    ncr_sftp_version_put(&w, ncr_sserver_announced(s));
    (void)ncr_sserver_replied(s, &w); /* the first reply: fits */
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
        return s->job_n < NCR_SSERVER_JOBS_MAX;
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
    if (ncr_sserver_denied(s, NACRE_SFTP_OP_WRITE))
        return NACRE_FS_DENIED;
    if (handle == NCR_SSERVER_NO_HANDLE)
        return NACRE_FS_BAD_HANDLE;
    if (!s->files[handle].can_write)
        return NACRE_FS_DENIED;
    if (offset > NCR_SSERVER_OFFSET_MAX || n > NCR_SSERVER_OFFSET_MAX - offset)
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
    uint32_t handle = ncr_sserver_handle_find(s, ncr_rd_string(&r), NCR_SSERVER_FILE);
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
        ncr_sserver_reply_result(s, s->rx_id, (enum nacre_fs_result)s->rx_result);
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
        memcpy(ncr_sserver_in(s) + s->in_n, in + *used, take);
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
    struct nacre_bytes got = {ncr_sserver_in(s), SSERVER_HEAD};
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
        memcpy(p, ncr_sserver_out(s) + s->out_start, n);
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
    if (job->handle == NCR_SSERVER_NO_HANDLE)
        return NACRE_FS_BAD_HANDLE;
    if (!s->files[job->handle].can_read)
        return NACRE_FS_DENIED;
    if (job->offset > NCR_SSERVER_OFFSET_MAX - NCR_SFTP_READ_MAX)
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
        more = ncr_sserver_beyond(s, f, job->offset + got, job->len - first);
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

    s->job_start = (uint32_t)((s->job_start + 1) % NCR_SSERVER_JOBS_MAX);
    s->job_n--;
    if (r == NACRE_FS_OK)
        r = direct ? sserver_job_read(s, &job, p, room, &n)
                   : sserver_job_read(s, &job, ncr_sserver_out(s), s->out_cap, &n);
    if (r != NACRE_FS_OK) {
        ncr_sserver_reply_result(s, job.id, r);
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
    if (s->copy_offset > NCR_SSERVER_OFFSET_MAX - want ||
        s->copy_offset2 > NCR_SSERVER_OFFSET_MAX - want) {
        *r = NACRE_FS_INVALID;
        return true;
    }
    *r = NACRE_FS_OK;
    if (want > 0)
        *r = fs->read(fs->ctx, src->token, s->copy_offset, ncr_sserver_out(s), want, n);
    if (*r == NACRE_FS_OK && *n == 0) {
        *r = want == 0 || s->copy_to_end ? NACRE_FS_OK : NACRE_FS_EOF;
        return true;
    }
    if (*r == NACRE_FS_OK)
        *r = fs->write(fs->ctx, dst->token, s->copy_offset2, ncr_sserver_out(s), *n);
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
            ncr_sserver_reply_result(s, s->copy_id, r);
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
