/* SPDX-License-Identifier: ISC
 *
 * SFTP sessions of the client library: the engine's bytes over a channel or descriptors, single
 * requests, listings. Transfers are in files_transfer.c.
 *
 * Over a channel, payload goes from the connection's in-buffer to pwrite(2) and from pread(2) into
 * its out-buffer: nothing is copied here.
 */
#include "client/files.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Errors ------------------------------------------------------------------------------ */

void ncr_files_error(struct nacre_files *f, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(f->error, sizeof f->error, format, args); /* a longer one is cut */
    va_end(args);
}

/* The server's words where its status says nothing. */
static nacre_err files_refused(struct nacre_files *f, uint32_t status, struct nacre_bytes text)
{
    struct ncr_text t;

    f->status = status;
    if ((status == NACRE_FX_FAILURE || status > NACRE_FX_OP_UNSUPPORTED) && text.n > 0)
        ncr_files_error(f, "%s", ncr_text(&t, text));
    else
        ncr_files_error(f, "%s", nacre_sftp_status_text(status));
    return NACRE_ERR_IO;
}

static nacre_err files_lost(struct nacre_files *f, nacre_err err)
{
    struct nacre_sftp_errinfo info = nacre_sftp_client_errinfo(&f->sftp);

    f->status = NACRE_FX_OK;
    if (info.err != NACRE_OK && info.err != NACRE_ERR_PEER_CLOSED)
        ncr_files_error(f, "SFTP: received %s: %s%s%s",
                        info.msg_name[0] != '\0' ? info.msg_name : "a message",
                        nacre_err_text(info.err), info.what[0] != '\0' ? ": " : "", info.what);
    else if (f->c != NULL && f->c->state == NACRE_CLIENT_OVER)
        ncr_files_error(f, "%s", f->c->error);
    else if (err == NACRE_ERR_TIMEOUT)
        ncr_files_error(f, "the server does not answer");
    else if (err == NACRE_ERR_CLOSED)
        ncr_files_error(f, "interrupted");
    else
        ncr_files_error(f, "Connection closed");
    return err;
}

nacre_err ncr_files_failed(struct nacre_files *f, const struct nacre_sftp_failure *failure)
{
    if (failure->err == NACRE_OK)
        return files_refused(f, failure->status, nacre_bytes_str(failure->text));
    f->status = NACRE_FX_OK;
    if (f->over)
        return files_lost(f, f->err != NACRE_OK ? f->err : failure->err);
    ncr_files_error(
        f, "%s", failure->err == NACRE_ERR_CLOSED ? "interrupted" : nacre_err_text(failure->err));
    return failure->err;
}

const char *nacre_files_error(const struct nacre_files *f)
{
    return f == NULL ? "out of memory" : f->error;
}

uint32_t nacre_files_status(const struct nacre_files *f)
{
    return f->status;
}

struct nacre_sftp_client *nacre_files_engine(struct nacre_files *f)
{
    return &f->sftp;
}

void nacre_files_timeout(struct nacre_files *f, uint64_t ms)
{
    f->timeout_ms = ms;
}

static void files_end(struct nacre_files *f, nacre_err err)
{
    if (f->over)
        return;
    f->over = true;
    f->err = err;
    if (f->xfer != NULL)
        nacre_sftp_xfer_abort(f->xfer, err);
    if (f->list != NULL)
        nacre_sftp_list_abort(f->list, err);
}

/* ---- Events of the engine ---------------------------------------------------------------- */

static void files_entries(struct nacre_files *f, const struct nacre_sftp_event *ev)
{
    struct nacre_sftp_names names = ev->names;
    struct nacre_sftp_name n;

    while (!f->entry_stopped && nacre_sftp_names_next(&names, &n)) {
        bool dots = nacre_bytes_is(n.name, ".") || nacre_bytes_is(n.name, "..");

        if (dots || nacre_sftp_name_safe(n.name))
            f->entry_stopped = !f->entry(f->entry_ctx, &n);
    }
}

static void files_keep(struct nacre_files *f, struct nacre_bytes *b)
{
    if (b->n > NCR_FILES_COPY - f->copy_n)
        b->n = NCR_FILES_COPY - f->copy_n; /* no reply of the engine is longer */
    if (b->n > 0)
        memcpy(f->copy + f->copy_n, b->p, b->n);
    b->p = f->copy + f->copy_n;
    f->copy_n += b->n;
}

/* The reply outlives the buffer that it came in. */
static void files_answer(struct nacre_files *f, const struct nacre_sftp_event *ev)
{
    if (ev->type == NACRE_SFTP_EV_DATA && !ev->done) {
        struct nacre_bytes piece = ev->data;

        files_keep(f, &piece); /* a READ's pieces follow each other */
        return;
    }
    *f->reply = *ev;
    if (ev->type == NACRE_SFTP_EV_DATA) {
        files_keep(f, &f->reply->data);
        f->reply->data.n = (size_t)(f->reply->data.p + f->reply->data.n - f->copy);
        f->reply->data.p = f->copy;
    } else {
        files_keep(f, &f->reply->text);
        files_keep(f, &f->reply->data);
        files_keep(f, &f->reply->data2);
        files_keep(f, &f->reply->names.rest);
    }
    f->answered = true;
}

static void files_tell(struct nacre_files *f, const struct nacre_sftp_event *ev)
{
    if (f->xfer != NULL && nacre_sftp_xfer_event(f->xfer, ev))
        return;
    if (f->list != NULL && nacre_sftp_list_event(f->list, ev)) {
        if (ev->type == NACRE_SFTP_EV_NAMES && f->list->failure.op == NACRE_SFTP_OP_NONE)
            files_entries(f, ev);
        return;
    }
    if (f->asking && ev->type != NACRE_SFTP_EV_VERSION && ev->ticket == f->ticket)
        files_answer(f, ev);
}

/* Bytes of the server's. */
static void files_take(struct nacre_files *f, struct nacre_bytes b)
{
    struct nacre_sftp_event ev;
    size_t used = 0;

    f->last = ncr_clock_ms();
    for (; b.n > 0 && !f->over; b.p += used, b.n -= used) {
        nacre_err err = nacre_sftp_client_recv(&f->sftp, b.p, b.n, &used, &ev);

        if (err != NACRE_OK) {
            files_end(f, err);
            return;
        }
        if (ev.type != NACRE_SFTP_EV_NONE)
            files_tell(f, &ev);
    }
}

/* Fills a place with what there is to be sent. */
static size_t files_put(struct nacre_files *f, uint8_t *p, size_t room)
{
    if (f->list != NULL)
        nacre_sftp_list_step(f->list, &f->sftp);
    if (f->xfer != NULL)
        return nacre_sftp_xfer_output(f->xfer, &f->sftp, p, room);
    return nacre_sftp_client_output(&f->sftp, p, room);
}

/* ---- Over a channel ---------------------------------------------------------------------- */

static void files_room(void *ctx)
{
    struct nacre_files *f = ctx;
    struct nacre_conn *conn = &f->c->conn;
    size_t n = 1;

    if (f->flush != NULL)
        f->flush(f);
    while (f->started && !f->over && n > 0) {
        uint8_t *p;
        size_t room = 0;
        nacre_err err = nacre_chan_reserve(conn, f->user.chan, 0, SIZE_MAX, &p, &room);

        if (err != NACRE_OK || room == 0)
            return; /* again when output was drained, or the window grows */
        n = files_put(f, p, room);
        if (nacre_chan_commit(conn, f->user.chan, n) != NACRE_OK)
            return; /* it sticks to the connection */
    }
}

static void files_opened(struct nacre_files *f)
{
    struct nacre_request req = {.kind = f->command ? NACRE_REQ_EXEC : NACRE_REQ_SUBSYSTEM};

    req.data = nacre_bytes_str(f->name);
    /* INIT follows at once: the server reads it when the subsystem runs. */
    f->started = true;
    if (nacre_chan_request(&f->c->conn, f->user.chan, &req, true) != NACRE_OK)
        files_end(f, NACRE_ERR_CHANNEL_STATE);
}

/* What the server's program says on its error stream. */
static void files_complaint(struct nacre_files *f, struct nacre_bytes text)
{
    struct ncr_text t;

    while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
        text.n--;
    ncr_client_log(f->c, NACRE_LOG_INFO, "%s", ncr_text(&t, text));
}

static void files_on_data(struct nacre_files *f, const struct nacre_event *ev)
{
    if (ev->ext == 0)
        files_take(f, ev->data);
    else
        files_complaint(f, ev->data);
    if (nacre_chan_consumed(&f->c->conn, ev->chan, (uint32_t)ev->data.n) != NACRE_OK)
        return; /* it sticks to the connection */
}

static void files_event(void *ctx, const struct nacre_event *ev)
{
    struct nacre_files *f = ctx;
    struct ncr_text t;

    switch (ev->type) {
    case NACRE_EV_CHAN_OPENED:
        files_opened(f);
        break;
    case NACRE_EV_CHAN_FAILED:
        ncr_client_error(f->c, "%s: channel refused: %s", f->c->host_text, ncr_text(&t, ev->data));
        files_end(f, NACRE_ERR_CHANNEL_STATE);
        break;
    case NACRE_EV_CHAN_REPLY:
        if (!ev->accepted)
            ncr_client_error(f->c, "%s: subsystem request failed: no SFTP here", f->c->host_text);
        if (!ev->accepted)
            files_end(f, NACRE_ERR_CHANNEL_STATE);
        break;
    case NACRE_EV_CHAN_DATA:
        files_on_data(f, ev);
        break;
    case NACRE_EV_CHAN_EOF:
    case NACRE_EV_CHAN_CLOSED:
        files_end(f, NACRE_ERR_PEER_CLOSED);
        break;
    default:
        if (ev->id != 0)
            ncr_client_refuse(f->c, ev->id);
        break;
    }
}

static void files_conn_over(void *ctx, nacre_err err)
{
    files_end(ctx, err);
}

/* ---- Over descriptors -------------------------------------------------------------------- */

static void files_fd_write(struct nacre_files *f)
{
    for (;;) {
        ssize_t put;

        if (f->out_start == f->out_end) {
            f->out_start = 0;
            f->out_end = files_put(f, f->out, NCR_FILES_IO);
            if (f->out_end == 0)
                break;
        }
        put = write(f->wfd, f->out + f->out_start, f->out_end - f->out_start);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (put < 0) {
            files_end(f, NACRE_ERR_PEER_CLOSED);
            break;
        }
        f->out_start += (size_t)put;
    }
    ncr_loop_want(f->loop, &f->wwatch, f->out_start < f->out_end && !f->over ? NCR_LOOP_WRITE : 0);
}

static void files_fd_read(struct nacre_files *f)
{
    ssize_t got = read(f->rfd, f->in, NCR_FILES_IO);
    struct nacre_bytes b = {f->in, got > 0 ? (size_t)got : 0};

    if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    if (got > 0)
        files_take(f, b);
    else
        files_end(f, NACRE_ERR_PEER_CLOSED);
    if (f->flush != NULL)
        f->flush(f);
}

static void files_fd_ready(void *ctx, unsigned ready)
{
    struct nacre_files *f = ctx;

    if (ready & NCR_LOOP_READ)
        files_fd_read(f);
    if (!f->over)
        files_fd_write(f);
    else
        ncr_loop_want(f->loop, &f->rwatch, 0);
}

nacre_err ncr_files_use_loop(struct nacre_files *f, struct ncr_loop *l)
{
    nacre_err err;

    ncr_loop_unwatch(f->loop, &f->rwatch);
    ncr_loop_unwatch(f->loop, &f->wwatch);
    f->loop = l;
    err = ncr_loop_watch(l, &f->rwatch, f->rfd, NCR_LOOP_READ, files_fd_ready, f);
    if (err == NACRE_OK)
        err = ncr_loop_watch(l, &f->wwatch, f->wfd, 0, files_fd_ready, f);
    return err;
}

/* ---- Waiting ----------------------------------------------------------------------------- */

void ncr_files_kick(struct nacre_files *f)
{
    f->last = ncr_clock_ms();
    if (f->c != NULL)
        ncr_client_kick(f->c);
    else
        files_fd_write(f);
}

void ncr_files_on_stop(struct nacre_files *f, bool (*stop)(void *ctx), void *ctx)
{
    f->stop = stop;
    f->stop_ctx = ctx;
}

nacre_err ncr_files_wait(struct nacre_files *f)
{
    uint64_t until = f->timeout_ms == 0 ? NCR_NEVER : f->last + f->timeout_ms;
    nacre_err err;

    if (f->over)
        return f->err;
    if (f->stop != NULL && f->stop(f->stop_ctx))
        return NACRE_ERR_CLOSED;
    if (f->wake_at != 0 && f->wake_at < until)
        until = f->wake_at;
    if (f->c != NULL)
        err = ncr_client_wait(f->c, until);
    else
        err = ncr_loop_once(f->loop, until);
    if (f->over)
        return f->err;
    if (err == NACRE_ERR_TIMEOUT)
        err = NACRE_OK;
    if (err == NACRE_OK && f->timeout_ms != 0 && ncr_clock_ms() >= f->last + f->timeout_ms)
        err = NACRE_ERR_TIMEOUT;
    return err;
}

/* ---- Opening and closing ----------------------------------------------------------------- */

static struct nacre_files *files_new(void)
{
    struct nacre_files *f = calloc(1, sizeof *f);

    if (f == NULL)
        return NULL;
    f->rfd = f->wfd = -1;
    f->mem = malloc(NACRE_SFTP_CLIENT_MEM);
    f->copy = malloc(NCR_FILES_COPY);
    if (f->mem != NULL && f->copy != NULL &&
        nacre_sftp_client_init(&f->sftp, f->mem, NACRE_SFTP_CLIENT_MEM) == NACRE_OK)
        return f;
    nacre_files_close(f);
    return NULL;
}

/* Waits for the server's VERSION: REALPATH of "." is the customary first question, and its answer
 * shows that the server works. */
static nacre_err files_hello(struct nacre_files *f)
{
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_REALPATH};
    struct nacre_sftp_event reply;
    nacre_err err;

    req.path = nacre_bytes_str(".");
    err = nacre_files_ask(f, &req, &reply);
    return f->over || err == NACRE_ERR_TIMEOUT || err == NACRE_ERR_CLOSED ? err : NACRE_OK;
}

nacre_err nacre_files_open(struct nacre_files **out, struct nacre_client *c)
{
    return ncr_files_open_as(out, c, "sftp", false);
}

nacre_err ncr_files_open_as(struct nacre_files **out, struct nacre_client *c, const char *name,
                            bool command)
{
    struct nacre_bytes none = {NULL, 0};
    struct nacre_files *f;
    nacre_err err;

    *out = NULL;
    if (c->state != NACRE_CLIENT_READY)
        return c->err != NACRE_OK ? c->err : NACRE_ERR_USAGE;
    f = files_new();
    if (f == NULL)
        return NACRE_ERR_NO_MEMORY;
    *out = f;
    err = nacre_chan_open(&c->conn, "session", none, &f->user.chan);
    if (err != NACRE_OK)
        return files_lost(f, err);
    f->c = c;
    f->name = name;
    f->command = command;
    f->user.event = files_event;
    f->user.room = files_room;
    f->user.over = files_conn_over;
    f->user.ctx = f;
    ncr_client_add_user(c, &f->user);
    return files_hello(f);
}

nacre_err nacre_files_open_fds(struct nacre_files **out, int rfd, int wfd)
{
    struct nacre_files *f = files_new();
    nacre_err err = NACRE_ERR_NO_MEMORY;

    *out = f;
    if (f != NULL) {
        f->rfd = rfd;
        f->wfd = wfd;
        f->in = malloc(NCR_FILES_IO);
        f->out = malloc(NCR_FILES_IO);
        f->loop = &f->own_loop;
        err = ncr_loop_init(f->loop, NCR_LOOP_POLL);
    }
    if (err == NACRE_OK && (f->in == NULL || f->out == NULL))
        err = NACRE_ERR_NO_MEMORY;
    if (err == NACRE_OK && (!ncr_fd_nonblock(rfd, true) || !ncr_fd_nonblock(wfd, true)))
        err = NACRE_ERR_IO;
    if (err == NACRE_OK)
        err = ncr_files_use_loop(f, f->loop);
    return err != NACRE_OK ? err : files_hello(f);
}

static void files_close_fds(struct nacre_files *f)
{
    if (f->loop != NULL) {
        ncr_loop_unwatch(f->loop, &f->rwatch);
        ncr_loop_unwatch(f->loop, &f->wwatch);
    }
    ncr_loop_free(&f->own_loop);
    if (f->rfd >= 0)
        (void)close(f->rfd); /* replies were read, requests answered */
    if (f->wfd >= 0 && f->wfd != f->rfd)
        (void)close(f->wfd);
}

void nacre_files_close(struct nacre_files *f)
{
    if (f == NULL)
        return;
    if (f->c != NULL) {
        ncr_client_remove_user(f->c, &f->user);
        if (f->c->state == NACRE_CLIENT_READY &&
            nacre_chan_close(&f->c->conn, f->user.chan) == NACRE_OK)
            ncr_client_kick(f->c);
    } else {
        files_close_fds(f);
    }
    free(f->mem);
    free(f->copy);
    free(f->in);
    free(f->out);
    free(f);
}

/* ---- Single requests --------------------------------------------------------------------- */

static nacre_err files_send(struct nacre_files *f, const struct nacre_sftp_req *req)
{
    nacre_err err;

    while ((err = nacre_sftp_client_request(&f->sftp, req, &f->ticket)) == NACRE_ERR_NO_ROOM) {
        err = ncr_files_wait(f);
        if (err != NACRE_OK)
            return files_lost(f, err);
    }
    if (err == NACRE_ERR_USAGE) {
        ncr_files_error(f, "%s", "not supported by the server, or name too long");
        f->status = NACRE_FX_OP_UNSUPPORTED;
        return NACRE_ERR_USAGE;
    }
    return err != NACRE_OK ? files_lost(f, err) : NACRE_OK;
}

nacre_err nacre_files_ask(struct nacre_files *f, const struct nacre_sftp_req *req,
                          struct nacre_sftp_event *reply)
{
    nacre_err err;

    f->error[0] = '\0';
    f->status = NACRE_FX_OK;
    err = f->over ? files_lost(f, f->err) : files_send(f, req);
    if (err != NACRE_OK)
        return err;
    f->reply = reply;
    f->asking = true;
    f->answered = false;
    f->copy_n = 0;
    ncr_files_kick(f);
    while (err == NACRE_OK && !f->answered)
        err = ncr_files_wait(f);
    f->asking = false;
    if (!f->answered)
        return files_lost(f, err);
    if (reply->type == NACRE_SFTP_EV_STATUS && reply->status != NACRE_FX_OK)
        return files_refused(f, reply->status, reply->text);
    return NACRE_OK;
}

nacre_err nacre_files_stat(struct nacre_files *f, const char *path, bool follow,
                           struct nacre_sftp_attrs *attrs)
{
    struct nacre_sftp_req req = {.op = follow ? NACRE_SFTP_OP_STAT : NACRE_SFTP_OP_LSTAT};
    struct nacre_sftp_event reply;
    nacre_err err;

    memset(attrs, 0, sizeof *attrs);
    req.path = nacre_bytes_str(path);
    err = nacre_files_ask(f, &req, &reply);
    if (err == NACRE_OK)
        *attrs = reply.attrs;
    return err;
}

/* A request of one path that is answered by a status. */
static nacre_err files_do(struct nacre_files *f, enum nacre_sftp_op op, const char *path,
                          const char *path2, const struct nacre_sftp_attrs *attrs)
{
    struct nacre_sftp_req req = {.op = op};
    struct nacre_sftp_event reply;

    req.path = nacre_bytes_str(path);
    if (path2 != NULL)
        req.path2 = nacre_bytes_str(path2);
    if (attrs != NULL)
        req.attrs = *attrs;
    return nacre_files_ask(f, &req, &reply);
}

nacre_err nacre_files_mkdir(struct nacre_files *f, const char *path, uint32_t mode)
{
    struct nacre_sftp_attrs attrs = {.flags = NACRE_SFTP_ATTR_MODE, .mode = mode};

    return files_do(f, NACRE_SFTP_OP_MKDIR, path, NULL, &attrs);
}

nacre_err nacre_files_rmdir(struct nacre_files *f, const char *path)
{
    return files_do(f, NACRE_SFTP_OP_RMDIR, path, NULL, NULL);
}

nacre_err nacre_files_remove(struct nacre_files *f, const char *path)
{
    return files_do(f, NACRE_SFTP_OP_REMOVE, path, NULL, NULL);
}

nacre_err nacre_files_rename(struct nacre_files *f, const char *from, const char *to)
{
    bool posix = nacre_sftp_client_supports(&f->sftp, NACRE_SFTP_OP_POSIX_RENAME);

    return files_do(f, posix ? NACRE_SFTP_OP_POSIX_RENAME : NACRE_SFTP_OP_RENAME, from, to, NULL);
}

nacre_err nacre_files_chmod(struct nacre_files *f, const char *path, uint32_t mode)
{
    struct nacre_sftp_attrs attrs = {.flags = NACRE_SFTP_ATTR_MODE, .mode = mode};

    return files_do(f, NACRE_SFTP_OP_SETSTAT, path, NULL, &attrs);
}

nacre_err nacre_files_symlink(struct nacre_files *f, const char *target, const char *link)
{
    return files_do(f, NACRE_SFTP_OP_SYMLINK, target, link, NULL);
}

static char *files_one_name(struct nacre_files *f, enum nacre_sftp_op op, const char *path)
{
    struct nacre_sftp_req req = {.op = op};
    struct nacre_sftp_event reply;
    struct nacre_sftp_name name;

    req.path = nacre_bytes_str(path);
    if (nacre_files_ask(f, &req, &reply) != NACRE_OK)
        return NULL;
    if (reply.type != NACRE_SFTP_EV_NAMES || !nacre_sftp_names_next(&reply.names, &name) ||
        name.name.n == 0 || memchr(name.name.p, '\0', name.name.n) != NULL) {
        ncr_files_error(f, "the server gave no usable name");
        return NULL;
    }
    return strndup((const char *)name.name.p, name.name.n);
}

char *nacre_files_realpath(struct nacre_files *f, const char *path)
{
    return files_one_name(f, NACRE_SFTP_OP_REALPATH, path);
}

char *nacre_files_readlink(struct nacre_files *f, const char *path)
{
    return files_one_name(f, NACRE_SFTP_OP_READLINK, path);
}

/* ---- Listings ---------------------------------------------------------------------------- */

nacre_err nacre_files_list(struct nacre_files *f, const char *path,
                           bool (*entry)(void *ctx, const struct nacre_sftp_name *name), void *ctx)
{
    struct nacre_sftp_list list;
    nacre_err err = NACRE_OK;

    f->error[0] = '\0';
    if (f->over)
        return files_lost(f, f->err);
    nacre_sftp_list_init(&list, nacre_bytes_str(path), 0);
    f->list = &list;
    f->entry = entry;
    f->entry_ctx = ctx;
    f->entry_stopped = false;
    ncr_files_kick(f);
    while (err == NACRE_OK && !nacre_sftp_list_over(&list))
        err = ncr_files_wait(f);
    f->list = NULL;
    if (list.state == NACRE_XFER_FAILED)
        return ncr_files_failed(f, &list.failure);
    return err != NACRE_OK ? files_lost(f, err) : NACRE_OK;
}
