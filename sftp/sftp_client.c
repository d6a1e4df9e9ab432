/* SPDX-License-Identifier: ISC
 *
 * The client's engine: requests out, replies in any order, each matched with its request by id and
 * by kind (draft-ietf-secsh-filexfer-02, section 7).
 *
 * An id is a slot of the table of requests in flight plus a counter, so that an answer to a request
 * that was answered already, or to none, is known as such; both end the engine, as does a reply of
 * a kind that the request does not have. READ replies are streamed; every other packet is taken
 * whole, from the caller's slice if it lies in it whole, else from the region.
 */
#include "sftp/nacre_sftp.h"

#include "proto/limits.h"
#include "proto/wire.h"
#include "sftp/sftp_msg.h"

#include <string.h>

_Static_assert(NACRE_SFTP_REQUESTS_MAX == NCR_SFTP_REQUESTS_MAX, "public copy of the limit");
_Static_assert(NACRE_SFTP_CLIENT_MEM >= NCR_SFTP_PACKET_MAX + 4 + NCR_SFTP_CLIENT_OUT,
               "the full region holds any packet");

/* Length and type. */
#define SCLIENT_HEAD 5
/* Data that every server takes in one READ or WRITE: draft 3, packets of 34,000 octets. */
#define SCLIENT_DATA_DEFAULT 32768
/* What a WRITE adds to its data at most, in OpenSSH's reckoning of its own limits. */
#define SCLIENT_PACKET_OVERHEAD 1024

static uint8_t *sclient_in(const struct nacre_sftp_client *c)
{
    return (uint8_t *)((uintptr_t)c + (uintptr_t)c->mem_off);
}

static uint8_t *sclient_out(const struct nacre_sftp_client *c)
{
    return sclient_in(c) + c->in_cap;
}

static nacre_err sclient_fail(struct nacre_sftp_client *c, nacre_err err, uint8_t msg, uint32_t id,
                              const char *what)
{
    c->err = err;
    c->info.err = err;
    c->info.msg = msg;
    c->info.msg_name = ncr_sftp_msg_name(msg);
    c->info.id = id;
    c->info.what = what;
    return err;
}

nacre_err nacre_sftp_client_init(struct nacre_sftp_client *c, void *mem, size_t len)
{
    struct ncr_wr w;

    memset(c, 0, sizeof *c);
    c->info.msg_name = c->info.what = "";
    if (mem == NULL || len < NACRE_SFTP_CLIENT_MEM_MIN)
        return sclient_fail(c, NACRE_ERR_REGION, 0, 0, "region too small");
    if (len > NACRE_SFTP_CLIENT_MEM)
        len = NACRE_SFTP_CLIENT_MEM;
    c->mem_off = (intptr_t)((uintptr_t)mem - (uintptr_t)c);
    c->in_cap = (uint32_t)len - NCR_SFTP_CLIENT_OUT;
    c->out_cap = NCR_SFTP_CLIENT_OUT;
    c->limits.read = c->limits.write = SCLIENT_DATA_DEFAULT;
    w = ncr_wr(sclient_out(c), c->out_cap);
    ncr_sftp_init_put(&w);
    c->out_end = (uint32_t)w.n;
    return NACRE_OK;
}

/* ---- Requests ---- */

static struct ncr_sftp_slot *sclient_slot_free(struct nacre_sftp_client *c)
{
    size_t i;

    for (i = 0; i < NACRE_SFTP_REQUESTS_MAX; i++)
        if (c->slots[i].op == NACRE_SFTP_OP_NONE)
            return &c->slots[i];
    return NULL;
}

/* The id that a request in that slot would have. The counter moves on when it is taken. */
static uint32_t sclient_next_id(const struct nacre_sftp_client *c, const struct ncr_sftp_slot *slot)
{
    return c->next_gen * NACRE_SFTP_REQUESTS_MAX + (uint32_t)(slot - c->slots);
}

static uint32_t sclient_slot_take(struct nacre_sftp_client *c, struct ncr_sftp_slot *slot,
                                  const struct nacre_sftp_req *req)
{
    slot->id = sclient_next_id(c, slot);
    slot->op = (uint8_t)req->op;
    slot->want = req->len;
    slot->offset = req->offset;
    c->next_gen++;
    c->n_flight++;
    return slot->id;
}

static void sclient_slot_drop(struct nacre_sftp_client *c, struct ncr_sftp_slot *slot)
{
    slot->op = NACRE_SFTP_OP_NONE;
    c->n_flight--;
}

static struct ncr_sftp_slot *sclient_slot_find(struct nacre_sftp_client *c, uint32_t id)
{
    struct ncr_sftp_slot *slot = &c->slots[id % NACRE_SFTP_REQUESTS_MAX];

    return slot->op != NACRE_SFTP_OP_NONE && slot->id == id ? slot : NULL;
}

static bool sclient_req_valid(const struct nacre_sftp_client *c, const struct nacre_sftp_req *req)
{
    if (!nacre_sftp_client_supports(c, req->op))
        return false;
    if (req->path.n > NCR_SFTP_PATH_MAX || req->path2.n > NCR_SFTP_PATH_MAX)
        return false;
    if (req->handle.n > NACRE_SFTP_HANDLE_MAX || req->handle2.n > NACRE_SFTP_HANDLE_MAX)
        return false;
    if (req->op == NACRE_SFTP_OP_READ)
        return req->len <= NCR_SFTP_READ_MAX;
    if (req->op == NACRE_SFTP_OP_WRITE)
        return req->data.n <= c->limits.write;
    return true;
}

static void sclient_out_compact(struct nacre_sftp_client *c)
{
    uint8_t *out = sclient_out(c);

    if (c->out_start == 0)
        return;
    memmove(out, out + c->out_start, c->out_end - c->out_start);
    c->out_end -= c->out_start;
    c->out_start = 0;
}

nacre_err nacre_sftp_client_request(struct nacre_sftp_client *c, const struct nacre_sftp_req *req,
                                    uint32_t *ticket)
{
    struct ncr_sftp_slot *slot;
    struct ncr_wr w;

    if (c->err != NACRE_OK)
        return c->err;
    if (!sclient_req_valid(c, req))
        return NACRE_ERR_USAGE;
    slot = sclient_slot_free(c);
    if (slot == NULL)
        return NACRE_ERR_NO_ROOM;
    sclient_out_compact(c);
    w = ncr_wr(sclient_out(c) + c->out_end, c->out_cap - c->out_end);
    ncr_sftp_req_put(&w, sclient_next_id(c, slot), req);
    if (w.bad)
        return c->out_end > 0 ? NACRE_ERR_NO_ROOM : NACRE_ERR_USAGE;
    c->out_end += (uint32_t)w.n;
    *ticket = sclient_slot_take(c, slot, req);
    return NACRE_OK;
}

void nacre_sftp_write_begin(struct nacre_sftp_client *c, const struct nacre_sftp_handle *h,
                            uint64_t offset, uint8_t *p, size_t room, uint8_t **data, size_t *len)
{
    size_t head = NCR_SFTP_WRITE_HEAD(h->n);

    *data = p;
    *len = 0;
    c->place_len = 0;
    if (c->err != NACRE_OK || c->out_start < c->out_end || room <= head ||
        sclient_slot_free(c) == NULL)
        return;
    room -= head;
    if (room > c->limits.write)
        room = (size_t)c->limits.write;
    c->place_len = (uint32_t)room;
    c->place_offset = offset;
    *data = p + head;
    *len = room;
}

size_t nacre_sftp_write_end(struct nacre_sftp_client *c, const struct nacre_sftp_handle *h,
                            uint8_t *p, size_t n, uint32_t *ticket)
{
    struct nacre_sftp_req req;
    struct ncr_sftp_slot *slot = sclient_slot_free(c);
    struct ncr_wr w = ncr_wr(p, NCR_SFTP_WRITE_HEAD(h->n));

    if (n == 0 || n > c->place_len || slot == NULL)
        return 0;
    memset(&req, 0, sizeof req);
    req.op = NACRE_SFTP_OP_WRITE;
    req.offset = c->place_offset;
    req.len = (uint32_t)n;
    ncr_sftp_write_head_put(&w, sclient_next_id(c, slot), nacre_sftp_handle_bytes(h), req.offset,
                            req.len);
    *ticket = sclient_slot_take(c, slot, &req);
    c->place_len = 0;
    return w.n + n;
}

size_t nacre_sftp_client_output(struct nacre_sftp_client *c, uint8_t *p, size_t room)
{
    size_t n = c->out_end - c->out_start;

    if (c->err != NACRE_OK || n == 0)
        return 0;
    if (n > room)
        n = room;
    memcpy(p, sclient_out(c) + c->out_start, n);
    c->out_start += (uint32_t)n;
    if (c->out_start == c->out_end)
        c->out_start = c->out_end = 0;
    return n;
}

/* ---- Replies ---- */

/* min(limit, ours), where 0 from a server means that it tells none. */
static uint64_t sclient_limit(uint64_t theirs, uint64_t ours)
{
    return theirs == 0 || theirs > ours ? ours : theirs;
}

static void sclient_limits_set(struct nacre_sftp_client *c, const struct nacre_sftp_limits *l)
{
    uint64_t packet = sclient_limit(l->packet, NCR_SFTP_PACKET_MAX);
    uint64_t most = packet > 2 * SCLIENT_PACKET_OVERHEAD ? packet - SCLIENT_PACKET_OVERHEAD
                                                         : SCLIENT_PACKET_OVERHEAD;

    c->limits = *l;
    c->limits.read = sclient_limit(sclient_limit(l->read, most), NCR_SFTP_READ_MAX);
    c->limits.write = sclient_limit(sclient_limit(l->write, most), NCR_SFTP_READ_MAX);
}

/* Asks for the limits if the server has the extension. A full table or buffer leaves the defaults.
 */
static void sclient_limits_ask(struct nacre_sftp_client *c)
{
    struct nacre_sftp_req req;

    memset(&req, 0, sizeof req);
    req.op = NACRE_SFTP_OP_LIMITS;
    if (nacre_sftp_client_supports(c, req.op))
        c->limits_asked = nacre_sftp_client_request(c, &req, &c->limits_ticket) == NACRE_OK;
}

static nacre_err sclient_version(struct nacre_sftp_client *c, struct nacre_bytes body,
                                 struct nacre_sftp_event *ev)
{
    uint32_t version;

    if (!ncr_sftp_version_get(body, &version, &c->ops))
        return sclient_fail(c, NACRE_ERR_FORMAT, NCR_FXP_VERSION, 0, "malformed version message");
    if (version != NACRE_SFTP_VERSION)
        return sclient_fail(c, NACRE_ERR_VERSION_UNSUPPORTED, NCR_FXP_VERSION, 0,
                            "server does not speak SFTP version 3");
    c->versioned = true;
    sclient_limits_ask(c);
    ev->type = NACRE_SFTP_EV_VERSION;
    ev->done = true;
    return NACRE_OK;
}

/* One whole packet other than DATA, without its length. */
static nacre_err sclient_packet(struct nacre_sftp_client *c, struct nacre_bytes body,
                                struct nacre_sftp_event *ev)
{
    struct ncr_sftp_slot *slot;
    uint8_t msg;
    uint32_t id;

    if (body.p[0] == NCR_FXP_VERSION)
        return sclient_version(c, body, ev);
    if (!ncr_sftp_reply_head(body, &msg, &id))
        return sclient_fail(c, NACRE_ERR_FORMAT, body.p[0], 0, "reply without an id");
    slot = sclient_slot_find(c, id);
    if (slot == NULL)
        return sclient_fail(c, NACRE_ERR_ORDER, msg, id, "reply to no request");
    if (!ncr_sftp_reply_get(ev, (enum nacre_sftp_op)slot->op, body))
        return sclient_fail(c, NACRE_ERR_FORMAT, msg, id,
                            "malformed reply, or of a type that the request does not have");
    sclient_slot_drop(c, slot);
    if (c->limits_asked && id == c->limits_ticket) {
        c->limits_asked = false;
        if (ev->type == NACRE_SFTP_EV_EXTENDED)
            sclient_limits_set(c, &ev->limits);
        memset(ev, 0, sizeof *ev);
    }
    return NACRE_OK;
}

static nacre_err sclient_data_head(struct nacre_sftp_client *c, struct nacre_bytes head,
                                   struct nacre_sftp_event *ev)
{
    struct ncr_rd r = ncr_rd(head);
    uint32_t len = ncr_rd_u32(&r);
    uint8_t msg = ncr_rd_u8(&r);
    uint32_t id = ncr_rd_u32(&r);
    uint32_t n = ncr_rd_u32(&r);
    struct ncr_sftp_slot *slot = sclient_slot_find(c, id);

    if (slot == NULL)
        return sclient_fail(c, NACRE_ERR_ORDER, msg, id, "reply to no request");
    if (slot->op != NACRE_SFTP_OP_READ)
        return sclient_fail(c, NACRE_ERR_FORMAT, msg, id, "data for a request other than a read");
    if (len - (NCR_SFTP_DATA_HEAD - 4) != n)
        return sclient_fail(c, NACRE_ERR_FORMAT, msg, id, "length of data and packet disagree");
    if (n > slot->want)
        return sclient_fail(c, NACRE_ERR_LIMIT, msg, id, "more data than the read asked for");
    c->data_id = id;
    c->data_len = c->data_left = n;
    c->data_offset = slot->offset;
    c->streaming = n > 0;
    if (n > 0)
        return NACRE_OK;
    sclient_slot_drop(c, slot);
    ev->type = NACRE_SFTP_EV_DATA;
    ev->op = NACRE_SFTP_OP_READ;
    ev->ticket = id;
    ev->offset = c->data_offset;
    ev->done = true;
    return NACRE_OK;
}

/* The next piece of a DATA reply. Returns how many of the n bytes belong to it. */
static size_t sclient_data_piece(struct nacre_sftp_client *c, const uint8_t *in, size_t n,
                                 struct nacre_sftp_event *ev)
{
    if (n > c->data_left)
        n = c->data_left;
    ev->type = NACRE_SFTP_EV_DATA;
    ev->op = NACRE_SFTP_OP_READ;
    ev->ticket = c->data_id;
    ev->len = c->data_len;
    ev->offset = c->data_offset;
    ev->data.p = in;
    ev->data.n = n;
    c->data_offset += n;
    c->data_left -= (uint32_t)n;
    if (c->data_left == 0) {
        ev->done = true;
        c->streaming = false;
        sclient_slot_drop(c, &c->slots[c->data_id % NACRE_SFTP_REQUESTS_MAX]);
    }
    return n;
}

/* Length and type of a packet against the limits, and against what may come now. */
static nacre_err sclient_head_check(struct nacre_sftp_client *c, uint32_t len, uint8_t msg)
{
    if (len < 1 || len > NCR_SFTP_PACKET_MAX)
        return sclient_fail(c, NACRE_ERR_PACKET_LEN, msg, 0, "packet length out of range");
    if (c->versioned ? msg == NCR_FXP_VERSION : msg != NCR_FXP_VERSION)
        return sclient_fail(c, NACRE_ERR_ORDER, msg, 0,
                            c->versioned ? "second version message"
                                         : "first message of the server is not its version");
    if (msg == NCR_FXP_DATA && len < NCR_SFTP_DATA_HEAD - 4)
        return sclient_fail(c, NACRE_ERR_FORMAT, msg, 0, "reply too short");
    if (msg != NCR_FXP_DATA && len > c->in_cap - 4)
        return sclient_fail(c, NACRE_ERR_LIMIT, msg, 0, "reply larger than the buffer");
    return NACRE_OK;
}

/* Moves bytes to the gathered packet until it has `need`; true once it does. */
static bool sclient_gather(struct nacre_sftp_client *c, const uint8_t *in, size_t n, size_t need,
                           size_t *used)
{
    size_t take = need > c->in_n ? need - c->in_n : 0;

    if (take > n - *used)
        take = n - *used;
    if (take > 0)
        memcpy(sclient_in(c) + c->in_n, in + *used, take);
    c->in_n += (uint32_t)take;
    *used += take;
    return c->in_n >= need;
}

/* The packet that starts in the gathered bytes and goes on at in. */
static nacre_err sclient_gathered(struct nacre_sftp_client *c, const uint8_t *in, size_t n,
                                  size_t *used, struct nacre_sftp_event *ev)
{
    struct nacre_bytes whole = {sclient_in(c), 0};
    struct ncr_rd r;
    uint32_t len;
    uint8_t msg;
    nacre_err err;

    if (!sclient_gather(c, in, n, SCLIENT_HEAD, used))
        return NACRE_OK;
    whole.n = SCLIENT_HEAD;
    r = ncr_rd(whole);
    len = ncr_rd_u32(&r);
    msg = ncr_rd_u8(&r);
    err = sclient_head_check(c, len, msg);
    if (err != NACRE_OK)
        return err;
    whole.n = msg == NCR_FXP_DATA ? (size_t)NCR_SFTP_DATA_HEAD : (size_t)len + 4;
    if (!sclient_gather(c, in, n, whole.n, used))
        return NACRE_OK;
    c->in_n = 0;
    if (msg == NCR_FXP_DATA)
        return sclient_data_head(c, whole, ev);
    whole.p += 4;
    whole.n -= 4;
    return sclient_packet(c, whole, ev);
}

/* True if a packet other than DATA lies in the slice whole: *body is it, and nothing is copied. */
static bool sclient_in_place(const struct nacre_sftp_client *c, const uint8_t *in, size_t n,
                             struct nacre_bytes *body)
{
    struct nacre_bytes slice = {in, n};
    struct ncr_rd r = ncr_rd(slice);
    uint32_t len = ncr_rd_u32(&r);

    if (c->in_n > 0 || r.bad || r.n < 1 || len < 1 || len > r.n || *r.p == NCR_FXP_DATA)
        return false;
    *body = ncr_rd_bytes(&r, len);
    return true;
}

nacre_err nacre_sftp_client_recv(struct nacre_sftp_client *c, const uint8_t *in, size_t n,
                                 size_t *used, struct nacre_sftp_event *ev)
{
    struct nacre_bytes body;
    nacre_err err;

    *used = 0;
    memset(ev, 0, sizeof *ev);
    if (c->err != NACRE_OK)
        return c->err;
    if (n == 0)
        return NACRE_OK;
    if (c->streaming) {
        *used = sclient_data_piece(c, in, n, ev);
        return NACRE_OK;
    }
    if (!sclient_in_place(c, in, n, &body))
        return sclient_gathered(c, in, n, used, ev);
    err = sclient_head_check(c, (uint32_t)body.n, body.p[0]);
    if (err != NACRE_OK)
        return err;
    *used = body.n + 4;
    return sclient_packet(c, body, ev);
}

nacre_err nacre_sftp_client_eof(struct nacre_sftp_client *c)
{
    if (c->err != NACRE_OK)
        return c->err;
    if (c->versioned && c->n_flight == 0 && c->in_n == 0) {
        c->err = c->info.err = NACRE_ERR_CLOSED;
        return NACRE_OK;
    }
    return sclient_fail(c, NACRE_ERR_PEER_CLOSED, 0, 0,
                        c->versioned ? "server ended with requests unanswered"
                                     : "server ended before its version message");
}

/* ---- State ---- */

unsigned nacre_sftp_client_wants(const struct nacre_sftp_client *c)
{
    unsigned wants = 0;

    if (c->err != NACRE_OK)
        return NACRE_WANT_CLOSED;
    if (c->out_start < c->out_end)
        wants |= NACRE_WANT_WRITE;
    if (c->n_flight > 0 || !c->versioned)
        wants |= NACRE_WANT_READ;
    return wants;
}

size_t nacre_sftp_client_flight(const struct nacre_sftp_client *c)
{
    return c->n_flight;
}

bool nacre_sftp_client_supports(const struct nacre_sftp_client *c, enum nacre_sftp_op op)
{
    const struct ncr_sftp_op_row *row = ncr_sftp_op_row(op);

    if (row == NULL)
        return false;
    if (op == NACRE_SFTP_OP_EXTENDED)
        return c->versioned;
    return row->ext == NULL || (c->ops >> op & 1) != 0;
}

struct nacre_sftp_limits nacre_sftp_client_limits(const struct nacre_sftp_client *c)
{
    return c->limits;
}

struct nacre_sftp_errinfo nacre_sftp_client_errinfo(const struct nacre_sftp_client *c)
{
    return c->info;
}
