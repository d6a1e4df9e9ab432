/* SPDX-License-Identifier: ISC
 *
 * Whole files and directories over the client's engine: many requests in flight from the start,
 * replies in any order.
 *
 * get: reads go out in order of offset up to a window of bytes, which grows with what arrives, up
 * to a budget. A reply that is too short leaves a hole, which is asked for before anything else:
 * only a status says where a file ends, except that the size which the server told is believed when
 * a reply ends exactly there. Up to that size reads fill the window; beyond it they go one at a
 * time. put: writes are built around what the source gives, as large as the place is.
 *
 * Invariants: n_flight counts the used parts, in_flight their lengths; parts and holes together
 * are at most the size of each table, because no read beyond `next` leaves while there is a hole.
 */
#include "sftp/nacre_sftp.h"

#include "proto/limits.h"

#include <string.h>

/* Bytes in flight at first, and of the shortest read or write that is worth a request of its own.
 */
#define SXFER_WINDOW (512u * 1024)
#define SXFER_LEN 32768u
#define SXFER_LEN_MIN 512u
/* Reads in flight as long as the size is not known: most files are small. */
#define SXFER_BLIND 2
/* The window is cut into about so many reads. */
#define SXFER_SHARE 8
/* A write does not start in what is left of a place if that is less than this. */
#define SXFER_START_MIN 1024
#define SXFER_OFFSET_MAX ((uint64_t)INT64_MAX)

/* Requests other than of data, each sent at most once. */
enum sxfer_ctl {
    SXFER_CTL_OPEN,
    SXFER_CTL_FSTAT,
    SXFER_CTL_FSETSTAT,
    SXFER_CTL_FSYNC,
    SXFER_CTL_CLOSE,
    SXFER_CTL_COUNT
};

static const enum nacre_sftp_op sxfer_ctl_ops[SXFER_CTL_COUNT] = {
    NACRE_SFTP_OP_OPEN, NACRE_SFTP_OP_FSTAT, NACRE_SFTP_OP_FSETSTAT, NACRE_SFTP_OP_FSYNC,
    NACRE_SFTP_OP_CLOSE};

nacre_err nacre_sftp_xfer_init(struct nacre_sftp_xfer *t, const struct nacre_sftp_xfer_cfg *cfg)
{
    memset(t, 0, sizeof *t);
    if (cfg->put ? cfg->io.read == NULL : cfg->io.write == NULL)
        return NACRE_ERR_USAGE;
    if (cfg->offset > SXFER_OFFSET_MAX)
        return NACRE_ERR_USAGE;
    t->cfg = *cfg;
    if (t->cfg.budget == 0)
        t->cfg.budget = NACRE_SFTP_BUDGET;
    if (t->cfg.pflags == 0 && cfg->put)
        t->cfg.pflags =
            NACRE_FXF_WRITE | NACRE_FXF_CREAT | (cfg->offset == 0 ? NACRE_FXF_TRUNC : 0);
    if (t->cfg.pflags == 0)
        t->cfg.pflags = NACRE_FXF_READ;
    t->size = cfg->put ? 0 : cfg->size_hint;
    t->next = cfg->offset;
    t->max_len = UINT32_MAX;
    t->low = UINT64_MAX;
    t->window = t->cfg.budget < SXFER_WINDOW ? t->cfg.budget : SXFER_WINDOW;
    return NACRE_OK;
}

bool nacre_sftp_xfer_over(const struct nacre_sftp_xfer *t)
{
    return t->state == NACRE_XFER_DONE || t->state == NACRE_XFER_FAILED;
}

/* ---- Failing and ending ---- */

/* The first reason counts. */
static void sxfer_failure(struct nacre_sftp_failure *f, nacre_err err, enum nacre_sftp_op op,
                          const struct nacre_sftp_event *ev)
{
    size_t n;

    if (f->op != NACRE_SFTP_OP_NONE || f->err != NACRE_OK)
        return;
    f->err = err;
    f->op = op;
    if (ev == NULL)
        return;
    n = ev->text.n < sizeof f->text - 1 ? ev->text.n : sizeof f->text - 1;
    f->status = ev->status;
    if (n > 0)
        memcpy(f->text, ev->text.p, n);
    f->text[n] = '\0';
}

static enum nacre_sftp_op sxfer_data_op(const struct nacre_sftp_xfer *t)
{
    return t->cfg.put ? NACRE_SFTP_OP_WRITE : NACRE_SFTP_OP_READ;
}

void nacre_sftp_xfer_stop(struct nacre_sftp_xfer *t, nacre_err why)
{
    if (nacre_sftp_xfer_over(t))
        return;
    sxfer_failure(&t->failure, why, sxfer_data_op(t), NULL);
    t->stopping = true;
    if (t->state == NACRE_XFER_IDLE)
        t->state = NACRE_XFER_FAILED;
}

void nacre_sftp_xfer_abort(struct nacre_sftp_xfer *t, nacre_err why)
{
    if (nacre_sftp_xfer_over(t))
        return;
    sxfer_failure(&t->failure, why, sxfer_data_op(t), NULL);
    t->state = NACRE_XFER_FAILED;
}

static void sxfer_refused(struct nacre_sftp_xfer *t, const struct nacre_sftp_event *ev)
{
    sxfer_failure(&t->failure, NACRE_OK, ev->op, ev);
    t->stopping = true;
}

/* From MOVING to ENDING, when nothing of the data is missing or wanted any more. */
static void sxfer_advance(struct nacre_sftp_xfer *t)
{
    if (t->state != NACRE_XFER_MOVING || t->n_flight > 0)
        return;
    if (!t->stopping && !(t->eof_known && t->n_holes == 0))
        return;
    t->end = t->cfg.put ? t->next : t->eof;
    t->state = NACRE_XFER_ENDING;
}

uint64_t nacre_sftp_xfer_prefix(const struct nacre_sftp_xfer *t)
{
    uint64_t low = t->eof_known && !t->cfg.put && t->eof < t->next ? t->eof : t->next;
    size_t i;

    for (i = 0; i < NACRE_SFTP_REQUESTS_MAX; i++)
        if (t->parts[i].used && t->parts[i].offset + t->parts[i].got < low)
            low = t->parts[i].offset + t->parts[i].got;
    for (i = 0; i < t->n_holes; i++)
        if (t->holes[i].offset < low)
            low = t->holes[i].offset;
    return t->low < low ? t->low : low;
}

/* ---- Requests ---- */

/* True if a request was sent. Having no room is no failure: the next output tries again. */
static bool sxfer_sent(struct nacre_sftp_xfer *t, nacre_err err)
{
    if (err == NACRE_OK)
        return true;
    if (err != NACRE_ERR_NO_ROOM)
        nacre_sftp_xfer_abort(t, err);
    return false;
}

static bool sxfer_ctl_send(struct nacre_sftp_xfer *t, struct nacre_sftp_client *c, enum sxfer_ctl i)
{
    struct nacre_sftp_req req;

    if (t->ctl_sent >> i & 1)
        return true;
    memset(&req, 0, sizeof req);
    req.op = sxfer_ctl_ops[i];
    req.handle = nacre_sftp_handle_bytes(&t->handle);
    req.path = t->cfg.path;
    req.pflags = t->cfg.pflags;
    req.attrs = i == SXFER_CTL_FSETSTAT ? t->cfg.final : t->cfg.attrs;
    if (!sxfer_sent(t, nacre_sftp_client_request(c, &req, &t->ctl[i])))
        return false;
    t->ctl_sent = (uint8_t)(t->ctl_sent | 1u << i);
    t->ctl_flight = (uint8_t)(t->ctl_flight | 1u << i);
    return true;
}

static void sxfer_part_take(struct nacre_sftp_xfer *t, uint32_t ticket, uint64_t offset,
                            uint32_t len)
{
    struct ncr_xfer_part *part = &t->parts[ticket % NACRE_SFTP_REQUESTS_MAX];

    part->offset = offset;
    part->len = len;
    part->got = 0;
    part->ticket = ticket;
    part->used = true;
    t->n_flight++;
    t->in_flight += len;
}

/* What is missing of a part when the transfer has failed is asked for no more. */
static void sxfer_part_drop(struct nacre_sftp_xfer *t, struct ncr_xfer_part *part)
{
    if (t->stopping && part->got < part->len && part->offset + part->got < t->low)
        t->low = part->offset + part->got;
    part->used = false;
    t->n_flight--;
    t->in_flight -= part->len;
}

/* Every byte that arrives makes room for another one in the next round trip. */
static void sxfer_window_grow(struct nacre_sftp_xfer *t, uint32_t n)
{
    t->window = t->cfg.budget - t->window > n ? t->window + n : t->cfg.budget;
}

static bool sxfer_read_send(struct nacre_sftp_xfer *t, struct nacre_sftp_client *c, uint64_t offset,
                            uint32_t len)
{
    struct nacre_sftp_req req;
    uint32_t ticket;

    memset(&req, 0, sizeof req);
    req.op = NACRE_SFTP_OP_READ;
    req.handle = nacre_sftp_handle_bytes(&t->handle);
    req.offset = offset;
    req.len = len;
    if (!sxfer_sent(t, nacre_sftp_client_request(c, &req, &ticket)))
        return false;
    sxfer_part_take(t, ticket, offset, len);
    return true;
}

/* A share of the window, between 32 KiB and what the server takes, or less if it gave less. */
static uint32_t sxfer_read_len(const struct nacre_sftp_xfer *t, const struct nacre_sftp_client *c)
{
    uint64_t most = nacre_sftp_client_limits(c).read;
    uint64_t len = SXFER_LEN;

    while (len < most && len * 2 <= t->window / SXFER_SHARE)
        len *= 2;
    if (len > most)
        len = most;
    return (uint32_t)(len < t->max_len ? len : t->max_len);
}

/* Is a read in flight that reaches beyond the size that the server told? */
static bool sxfer_beyond(const struct nacre_sftp_xfer *t)
{
    size_t i;

    for (i = 0; i < NACRE_SFTP_REQUESTS_MAX; i++)
        if (t->parts[i].used && t->parts[i].offset + t->parts[i].len > t->size)
            return true;
    return false;
}

/* May another read beyond `next` leave now? */
static bool sxfer_read_wanted(const struct nacre_sftp_xfer *t)
{
    if (t->eof_known || t->n_holes > 0 || t->in_flight >= t->window)
        return false;
    if (t->size == 0)
        return t->n_flight < SXFER_BLIND;
    return t->next < t->size || !sxfer_beyond(t);
}

static void sxfer_get_send(struct nacre_sftp_xfer *t, struct nacre_sftp_client *c)
{
    if (!sxfer_ctl_send(t, c, SXFER_CTL_FSTAT))
        return;
    while (t->n_holes > 0) {
        const struct ncr_xfer_part *hole = &t->holes[t->n_holes - 1];

        if (!sxfer_read_send(t, c, hole->offset, hole->len))
            return;
        t->n_holes--;
    }
    while (sxfer_read_wanted(t)) {
        uint32_t len = sxfer_read_len(t, c);

        if (t->next < t->size && t->size - t->next < len)
            len = (uint32_t)(t->size - t->next);
        if (t->next > SXFER_OFFSET_MAX - len) {
            nacre_sftp_xfer_stop(t, NACRE_ERR_LIMIT);
            return;
        }
        if (!sxfer_read_send(t, c, t->next, len))
            return;
        t->next += len;
    }
}

/* One WRITE in a place; 0 if none is due or fits. */
static size_t sxfer_put_one(struct nacre_sftp_xfer *t, struct nacre_sftp_client *c, uint8_t *p,
                            size_t room)
{
    size_t len, got = 0, n;
    uint8_t *data;
    uint32_t ticket;
    nacre_err err;

    if (t->state != NACRE_XFER_MOVING || t->stopping || t->eof_known || t->in_flight >= t->window)
        return 0;
    nacre_sftp_write_begin(c, &t->handle, t->next, p, room, &data, &len);
    if (len == 0)
        return 0;
    err = t->next > SXFER_OFFSET_MAX - len
              ? NACRE_ERR_LIMIT
              : t->cfg.io.read(t->cfg.io.ctx, t->next, data, len, &got);
    if (err == NACRE_OK && got > len)
        err = NACRE_ERR_INTERNAL;
    if (err != NACRE_OK)
        nacre_sftp_xfer_stop(t, err);
    else if (got == 0)
        t->eof_known = true;
    n = nacre_sftp_write_end(c, &t->handle, p, err == NACRE_OK ? got : 0, &ticket);
    if (n == 0)
        return 0;
    sxfer_part_take(t, ticket, t->next, (uint32_t)got);
    t->next += got;
    return n;
}

static void sxfer_end_send(struct nacre_sftp_xfer *t, struct nacre_sftp_client *c)
{
    if (!t->stopping && t->cfg.put) {
        if (t->cfg.final.flags != 0 && !sxfer_ctl_send(t, c, SXFER_CTL_FSETSTAT))
            return;
        if (t->cfg.fsync && nacre_sftp_client_supports(c, NACRE_SFTP_OP_FSYNC) &&
            !sxfer_ctl_send(t, c, SXFER_CTL_FSYNC))
            return;
    }
    (void)sxfer_ctl_send(t, c, SXFER_CTL_CLOSE); /* not sent: as above */
}

/* Queues the requests that are due. */
static void sxfer_send(struct nacre_sftp_xfer *t, struct nacre_sftp_client *c)
{
    if (t->state == NACRE_XFER_IDLE && sxfer_ctl_send(t, c, SXFER_CTL_OPEN))
        t->state = NACRE_XFER_OPENING;
    if (t->state == NACRE_XFER_MOVING && !t->cfg.put && !t->stopping)
        sxfer_get_send(t, c);
    sxfer_advance(t);
    if (t->state == NACRE_XFER_ENDING)
        sxfer_end_send(t, c);
}

size_t nacre_sftp_xfer_output(struct nacre_sftp_xfer *t, struct nacre_sftp_client *c, uint8_t *p,
                              size_t room)
{
    size_t n, one;

    if (nacre_sftp_client_wants(c) & NACRE_WANT_CLOSED)
        nacre_sftp_xfer_abort(t, nacre_sftp_client_errinfo(c).err);
    if (nacre_sftp_xfer_over(t))
        return nacre_sftp_client_output(c, p, room);
    sxfer_send(t, c);
    n = nacre_sftp_client_output(c, p, room);
    if (!t->cfg.put)
        return n;
    while (n == 0 || room - n >= SXFER_START_MIN) {
        one = sxfer_put_one(t, c, p + n, room - n);
        if (one == 0)
            break;
        n += one;
    }
    sxfer_send(t, c);
    return n + nacre_sftp_client_output(c, p + n, room - n);
}

/* ---- Replies ---- */

static void sxfer_opened(struct nacre_sftp_xfer *t, const struct nacre_sftp_event *ev)
{
    if (ev->type != NACRE_SFTP_EV_HANDLE) {
        sxfer_refused(t, ev);
        t->state = NACRE_XFER_FAILED;
        return;
    }
    (void)nacre_sftp_handle_set(&t->handle, ev->data); /* the engine has checked its length */
    t->state = NACRE_XFER_MOVING;
}

/* An FSTAT that fails leaves the size unknown: the data may be readable all the same. */
static void sxfer_stat(struct nacre_sftp_xfer *t, const struct nacre_sftp_event *ev)
{
    if (ev->type != NACRE_SFTP_EV_ATTRS)
        return;
    t->attrs = ev->attrs;
    if (ev->attrs.flags & NACRE_SFTP_ATTR_SIZE)
        t->size = ev->attrs.size;
}

static void sxfer_ctl_reply(struct nacre_sftp_xfer *t, enum sxfer_ctl i,
                            const struct nacre_sftp_event *ev)
{
    t->ctl_flight = (uint8_t)(t->ctl_flight & ~(1u << i));
    if (i == SXFER_CTL_OPEN)
        sxfer_opened(t, ev);
    else if (i == SXFER_CTL_FSTAT)
        sxfer_stat(t, ev);
    else if (ev->type == NACRE_SFTP_EV_STATUS && ev->status != NACRE_FX_OK) {
        sxfer_failure(&t->failure, NACRE_OK, ev->op, ev);
        if (i == SXFER_CTL_CLOSE)
            t->stopping = true; /* what was written may be lost */
    }
    if (t->ctl_flight == 0 && (t->ctl_sent >> SXFER_CTL_CLOSE & 1))
        t->state = t->stopping ? NACRE_XFER_FAILED : NACRE_XFER_DONE;
}

static void sxfer_eof_at(struct nacre_sftp_xfer *t, uint64_t offset)
{
    if (!t->eof_known || offset < t->eof)
        t->eof = offset;
    t->eof_known = true;
}

/* A READ's reply is over and has brought less than it was asked for. */
static void sxfer_short(struct nacre_sftp_xfer *t, const struct ncr_xfer_part *part)
{
    struct ncr_xfer_part *hole = &t->holes[t->n_holes];

    if (part->got == 0) {
        nacre_sftp_xfer_stop(t, NACRE_ERR_FORMAT); /* neither data nor end: no progress */
        return;
    }
    if (t->size > 0 && part->offset + part->got == t->size) {
        sxfer_eof_at(t, t->size);
        return;
    }
    t->max_len = part->got > SXFER_LEN_MIN ? part->got : SXFER_LEN_MIN;
    hole->offset = part->offset + part->got;
    hole->len = part->len - part->got;
    t->n_holes++;
}

static void sxfer_data(struct nacre_sftp_xfer *t, struct ncr_xfer_part *part,
                       const struct nacre_sftp_event *ev)
{
    nacre_err err = NACRE_OK;

    if (!t->stopping && ev->data.n > 0) {
        if (t->cfg.max_size > 0 && ev->offset + ev->data.n > t->cfg.max_size)
            err = NACRE_ERR_LIMIT;
        else
            err = t->cfg.io.write(t->cfg.io.ctx, ev->offset, ev->data.p, ev->data.n);
        if (err != NACRE_OK)
            nacre_sftp_xfer_stop(t, err);
        else
            t->moved += ev->data.n;
    }
    if (!t->stopping)
        part->got += (uint32_t)ev->data.n;
    if (!ev->done)
        return;
    if (!t->stopping && part->got < part->len)
        sxfer_short(t, part);
    sxfer_window_grow(t, part->got);
    sxfer_part_drop(t, part);
}

static void sxfer_status(struct nacre_sftp_xfer *t, struct ncr_xfer_part *part,
                         const struct nacre_sftp_event *ev)
{
    if (t->cfg.put && ev->status == NACRE_FX_OK) {
        part->got = part->len;
        t->moved += part->len;
        sxfer_window_grow(t, part->len);
    } else if (!t->cfg.put && ev->status == NACRE_FX_EOF) {
        sxfer_eof_at(t, part->offset);
    } else {
        sxfer_refused(t, ev);
    }
    sxfer_part_drop(t, part);
}

bool nacre_sftp_xfer_event(struct nacre_sftp_xfer *t, const struct nacre_sftp_event *ev)
{
    struct ncr_xfer_part *part = &t->parts[ev->ticket % NACRE_SFTP_REQUESTS_MAX];
    int i;

    if (ev->type == NACRE_SFTP_EV_NONE || ev->type == NACRE_SFTP_EV_VERSION ||
        nacre_sftp_xfer_over(t))
        return false;
    for (i = 0; i < SXFER_CTL_COUNT; i++)
        if ((t->ctl_flight >> i & 1) && t->ctl[i] == ev->ticket) {
            sxfer_ctl_reply(t, (enum sxfer_ctl)i, ev);
            return true;
        }
    if (!part->used || part->ticket != ev->ticket)
        return false;
    if (ev->type == NACRE_SFTP_EV_DATA)
        sxfer_data(t, part, ev);
    else
        sxfer_status(t, part, ev);
    sxfer_advance(t);
    return true;
}

/* ---- Listings ---- */

void nacre_sftp_list_init(struct nacre_sftp_list *l, struct nacre_bytes path, uint64_t max_entries)
{
    memset(l, 0, sizeof *l);
    l->path = path;
    l->max_entries = max_entries == 0 ? NACRE_SFTP_LIST_MAX : max_entries;
}

bool nacre_sftp_list_over(const struct nacre_sftp_list *l)
{
    return l->state == NACRE_XFER_DONE || l->state == NACRE_XFER_FAILED;
}

void nacre_sftp_list_abort(struct nacre_sftp_list *l, nacre_err why)
{
    if (nacre_sftp_list_over(l))
        return;
    sxfer_failure(&l->failure, why, NACRE_SFTP_OP_READDIR, NULL);
    l->state = NACRE_XFER_FAILED;
}

void nacre_sftp_list_step(struct nacre_sftp_list *l, struct nacre_sftp_client *c)
{
    struct nacre_sftp_req req;
    nacre_err err;

    if (l->pending || nacre_sftp_list_over(l))
        return;
    memset(&req, 0, sizeof req);
    req.path = l->path;
    req.handle = nacre_sftp_handle_bytes(&l->handle);
    if (l->state == NACRE_XFER_IDLE)
        req.op = NACRE_SFTP_OP_OPENDIR;
    else
        req.op = l->state == NACRE_XFER_MOVING ? NACRE_SFTP_OP_READDIR : NACRE_SFTP_OP_CLOSE;
    err = nacre_sftp_client_request(c, &req, &l->ticket);
    l->pending = err == NACRE_OK;
    if (err != NACRE_OK && err != NACRE_ERR_NO_ROOM)
        nacre_sftp_list_abort(l, err);
    if (l->pending && l->state == NACRE_XFER_IDLE)
        l->state = NACRE_XFER_OPENING;
}

static void sxfer_list_names(struct nacre_sftp_list *l, const struct nacre_sftp_event *ev)
{
    if (ev->type == NACRE_SFTP_EV_STATUS) {
        if (ev->status != NACRE_FX_EOF)
            sxfer_failure(&l->failure, NACRE_OK, ev->op, ev);
        l->state = NACRE_XFER_ENDING;
        return;
    }
    if (ev->names.left == 0) /* no progress: some servers end a listing like that */
        l->state = NACRE_XFER_ENDING;
    if (ev->names.left > l->max_entries - l->entries) {
        sxfer_failure(&l->failure, NACRE_ERR_LIMIT, ev->op, NULL);
        l->state = NACRE_XFER_ENDING;
        return;
    }
    l->entries += ev->names.left;
}

bool nacre_sftp_list_event(struct nacre_sftp_list *l, const struct nacre_sftp_event *ev)
{
    if (!l->pending || ev->type == NACRE_SFTP_EV_NONE || ev->type == NACRE_SFTP_EV_VERSION ||
        ev->ticket != l->ticket)
        return false;
    l->pending = false;
    if (l->state == NACRE_XFER_OPENING && ev->type == NACRE_SFTP_EV_HANDLE) {
        (void)nacre_sftp_handle_set(&l->handle, ev->data); /* the engine has checked its length */
        l->state = NACRE_XFER_MOVING;
    } else if (l->state == NACRE_XFER_OPENING) {
        sxfer_failure(&l->failure, NACRE_OK, ev->op, ev);
        l->state = NACRE_XFER_FAILED;
    } else if (l->state == NACRE_XFER_MOVING) {
        sxfer_list_names(l, ev);
    } else {
        l->state = l->failure.op == NACRE_SFTP_OP_NONE ? NACRE_XFER_DONE : NACRE_XFER_FAILED;
    }
    return true;
}
