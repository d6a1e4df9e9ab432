/* SPDX-License-Identifier: ISC
 *
 * Type-specific parts of channel and global requests, as tables: RFC 4254 sections 6.2 to 6.10 and
 * 7.1, RFC 4335 (break), OpenSSH's PROTOCOL (eow, keepalive, no-more-sessions). The same struct is
 * what is received and what is sent.
 */
#include "proto/chan.h"

#include <string.h>

struct request_row {
    enum nacre_req kind;
    const char *name;
    void (*get)(struct nacre_request *r, struct ncr_rd *d);
    void (*put)(struct ncr_wr *w, const struct nacre_request *r);
};

static void request_get_size(struct nacre_request *r, struct ncr_rd *d)
{
    r->cols = ncr_rd_u32(d);
    r->rows = ncr_rd_u32(d);
    r->width_px = ncr_rd_u32(d);
    r->height_px = ncr_rd_u32(d);
}

static void request_put_size(struct ncr_wr *w, const struct nacre_request *r)
{
    ncr_wr_u32(w, r->cols);
    ncr_wr_u32(w, r->rows);
    ncr_wr_u32(w, r->width_px);
    ncr_wr_u32(w, r->height_px);
}

static void request_get_pty(struct nacre_request *r, struct ncr_rd *d)
{
    r->text = ncr_rd_string(d);
    request_get_size(r, d);
    r->data = ncr_rd_string(d);
}

static void request_put_pty(struct ncr_wr *w, const struct nacre_request *r)
{
    ncr_wr_string(w, r->text);
    request_put_size(w, r);
    ncr_wr_string(w, r->data);
}

static void request_get_env(struct nacre_request *r, struct ncr_rd *d)
{
    r->text = ncr_rd_string(d);
    r->data = ncr_rd_string(d);
}

static void request_put_env(struct ncr_wr *w, const struct nacre_request *r)
{
    ncr_wr_string(w, r->text);
    ncr_wr_string(w, r->data);
}

static void request_get_data(struct nacre_request *r, struct ncr_rd *d)
{
    r->data = ncr_rd_string(d);
}

static void request_put_data(struct ncr_wr *w, const struct nacre_request *r)
{
    ncr_wr_string(w, r->data);
}

static void request_get_signal(struct nacre_request *r, struct ncr_rd *d)
{
    r->text = ncr_rd_string_max(d, NCR_CHAN_TYPE_MAX);
}

static void request_put_signal(struct ncr_wr *w, const struct nacre_request *r)
{
    ncr_wr_string(w, r->text);
}

static void request_get_value(struct nacre_request *r, struct ncr_rd *d)
{
    r->value = ncr_rd_u32(d);
}

static void request_put_value(struct ncr_wr *w, const struct nacre_request *r)
{
    ncr_wr_u32(w, r->value);
}

static void request_get_exit_signal(struct nacre_request *r, struct ncr_rd *d)
{
    r->text = ncr_rd_string_max(d, NCR_CHAN_TYPE_MAX);
    r->value = ncr_rd_bool(d) ? 1 : 0;
    r->data = ncr_rd_string(d);
    (void)ncr_rd_string(d); /* the language tag is of no use */
}

static void request_put_exit_signal(struct ncr_wr *w, const struct nacre_request *r)
{
    ncr_wr_string(w, r->text);
    ncr_wr_bool(w, r->value != 0);
    ncr_wr_string(w, r->data);
    ncr_wr_cstring(w, "");
}

static void request_get_xon_xoff(struct nacre_request *r, struct ncr_rd *d)
{
    r->value = ncr_rd_bool(d) ? 1 : 0;
}

static void request_put_xon_xoff(struct ncr_wr *w, const struct nacre_request *r)
{
    ncr_wr_bool(w, r->value != 0);
}

static void request_get_nothing(struct nacre_request *r, struct ncr_rd *d)
{
    (void)r; /* no fields */
    (void)d;
}

static void request_put_nothing(struct ncr_wr *w, const struct nacre_request *r)
{
    (void)w; /* no fields */
    (void)r;
}

static const struct request_row request_rows[] = {
    {NACRE_REQ_PTY, "pty-req", request_get_pty, request_put_pty},
    {NACRE_REQ_ENV, "env", request_get_env, request_put_env},
    {NACRE_REQ_SHELL, "shell", request_get_nothing, request_put_nothing},
    {NACRE_REQ_EXEC, "exec", request_get_data, request_put_data},
    {NACRE_REQ_SUBSYSTEM, "subsystem", request_get_data, request_put_data},
    {NACRE_REQ_WINDOW_CHANGE, "window-change", request_get_size, request_put_size},
    {NACRE_REQ_SIGNAL, "signal", request_get_signal, request_put_signal},
    {NACRE_REQ_BREAK, "break", request_get_value, request_put_value},
    {NACRE_REQ_EXIT_STATUS, "exit-status", request_get_value, request_put_value},
    {NACRE_REQ_EXIT_SIGNAL, "exit-signal", request_get_exit_signal, request_put_exit_signal},
    {NACRE_REQ_XON_XOFF, "xon-xoff", request_get_xon_xoff, request_put_xon_xoff},
    {NACRE_REQ_EOW, "eow@openssh.com", request_get_nothing, request_put_nothing},
    {NACRE_REQ_KEEPALIVE, "keepalive@openssh.com", request_get_nothing, request_put_nothing},
};

/* Limits of what is well-formed but too much: the request is refused, the connection goes on. */
static const struct {
    enum nacre_req kind;
    size_t text, data;
} request_limits[] = {
    {NACRE_REQ_PTY, NCR_TERM_MAX, NCR_PTY_MODES_MAX},
    {NACRE_REQ_ENV, NCR_ENV_MAX, NCR_ENV_MAX},
    {NACRE_REQ_EXEC, 0, NCR_COMMAND_MAX},
    {NACRE_REQ_SUBSYSTEM, 0, NCR_COMMAND_MAX},
};

bool ncr_request_within(const struct nacre_request *r)
{
    size_t i;

    for (i = 0; i < sizeof request_limits / sizeof request_limits[0]; i++)
        if (request_limits[i].kind == r->kind)
            return r->text.n <= request_limits[i].text && r->data.n <= request_limits[i].data;
    return true;
}

static const struct request_row *request_find(enum nacre_req kind)
{
    size_t i;

    for (i = 0; i < sizeof request_rows / sizeof request_rows[0]; i++)
        if (request_rows[i].kind == kind)
            return &request_rows[i];
    return NULL;
}

bool ncr_request_get(struct nacre_request *r, struct nacre_bytes name, struct nacre_bytes data)
{
    struct ncr_rd d = ncr_rd(data);
    size_t i;

    memset(r, 0, sizeof *r);
    r->name = name;
    for (i = 0; i < sizeof request_rows / sizeof request_rows[0]; i++)
        if (nacre_bytes_is(name, request_rows[i].name)) {
            r->kind = request_rows[i].kind;
            request_rows[i].get(r, &d);
            return ncr_rd_end(&d);
        }
    r->data = data;
    return true;
}

struct nacre_bytes ncr_request_name(const struct nacre_request *r)
{
    const struct request_row *row = request_find(r->kind);

    return row != NULL ? nacre_bytes_str(row->name) : r->name;
}

void ncr_request_put(struct ncr_wr *w, const struct nacre_request *r)
{
    const struct request_row *row = request_find(r->kind);

    if (row != NULL)
        row->put(w, r);
    else
        ncr_wr_bytes(w, r->data.p, r->data.n);
}

bool ncr_request_starts(enum nacre_req kind)
{
    return kind == NACRE_REQ_SHELL || kind == NACRE_REQ_EXEC || kind == NACRE_REQ_SUBSYSTEM;
}

/* ---- Global requests ---- */

static const struct {
    enum nacre_global_kind kind;
    const char *name;
    bool has_addr;
} global_rows[] = {
    {NACRE_GLOBAL_TCPIP_FORWARD, "tcpip-forward", true},
    {NACRE_GLOBAL_CANCEL_TCPIP_FORWARD, "cancel-tcpip-forward", true},
    {NACRE_GLOBAL_KEEPALIVE, "keepalive@openssh.com", false},
    {NACRE_GLOBAL_NO_MORE_SESSIONS, "no-more-sessions@openssh.com", false},
    {NACRE_GLOBAL_HOSTKEYS, "hostkeys-00@openssh.com", false},
    {NACRE_GLOBAL_HOSTKEYS_PROVE, "hostkeys-prove-00@openssh.com", false},
};

bool ncr_global_get(struct nacre_global *g, struct nacre_bytes name, struct nacre_bytes data)
{
    struct ncr_rd d = ncr_rd(data);
    size_t i;

    memset(g, 0, sizeof *g);
    g->name = name;
    g->data = data;
    for (i = 0; i < sizeof global_rows / sizeof global_rows[0]; i++) {
        if (!nacre_bytes_is(name, global_rows[i].name))
            continue;
        g->kind = global_rows[i].kind;
        if (!global_rows[i].has_addr)
            return true; /* what it holds is the application's to read */
        g->addr = ncr_rd_string_max(&d, NCR_HOST_MAX);
        g->port = ncr_rd_u32(&d);
        return ncr_rd_end(&d) && g->port <= 65535;
    }
    return true;
}

struct nacre_bytes ncr_global_name(const struct nacre_global *g)
{
    size_t i;

    for (i = 0; i < sizeof global_rows / sizeof global_rows[0]; i++)
        if (global_rows[i].kind == g->kind)
            return nacre_bytes_str(global_rows[i].name);
    return g->name;
}

void ncr_global_put(struct ncr_wr *w, const struct nacre_global *g)
{
    if (g->kind == NACRE_GLOBAL_TCPIP_FORWARD || g->kind == NACRE_GLOBAL_CANCEL_TCPIP_FORWARD) {
        ncr_wr_string(w, g->addr);
        ncr_wr_u32(w, g->port);
    } else {
        ncr_wr_bytes(w, g->data.p, g->data.n);
    }
}
