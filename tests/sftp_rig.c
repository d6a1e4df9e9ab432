/* SPDX-License-Identifier: ISC
 *
 * A server's SFTP engine over files in memory, and the client that talks to it by hand.
 */
#include "tests/sftp_rig.h"

#include "proto/wire.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

uint8_t sftp_script[1 << 20], sftp_replies[1 << 20];
size_t sftp_script_n, sftp_replies_n, sftp_heard;

struct sftp_rig *sftp_start(const struct nacre_sftp_server_cfg *cfg)
{
    struct sftp_rig *k = malloc(sizeof *k);
    struct nacre_sftp_server_cfg own = {0};
    cr_assert_not_null(k);
    memset(k, 0xa5, sizeof *k);
    cr_assert_eq(nacre_fs_memory_init(&k->fs, &k->m, k->disk, sizeof k->disk, 300), NACRE_OK);
    if (cfg != NULL) {
        own = *cfg;
    }
    if (own.fs == NULL) {
        own.fs = &k->fs;
    }
    cr_assert_eq(nacre_sftp_server_init(&k->s, k->mem, sizeof k->mem, &own), NACRE_OK);
    sftp_script_n = sftp_replies_n = 0;
    return k;
}

void sftp_stop(struct sftp_rig *k)
{
    nacre_sftp_server_close(&k->s);
    free(k);
}

/* ---- Speaking ---- */

void sftp_say_init(void)
{
    struct ncr_wr w = ncr_wr(sftp_script + sftp_script_n, sizeof sftp_script - sftp_script_n);
    ncr_sftp_init_put(&w);
    sftp_script_n += w.n;
}

void sftp_say(uint32_t id, const struct nacre_sftp_req *req)
{
    struct ncr_wr w = ncr_wr(sftp_script + sftp_script_n, sizeof sftp_script - sftp_script_n);
    ncr_sftp_req_put(&w, id, req);
    cr_assert_not(w.bad);
    sftp_script_n += w.n;
}

void sftp_say_bytes(const void *p, size_t n)
{
    cr_assert_leq(n, sizeof sftp_script - sftp_script_n);
    memcpy(sftp_script + sftp_script_n, p, n);
    sftp_script_n += n;
}

void sftp_drain(struct sftp_rig *k, size_t room)
{
    while (nacre_sftp_server_wants(&k->s) & NACRE_WANT_WRITE) {
        cr_assert_leq(room, sizeof sftp_replies - sftp_replies_n);
        size_t n = nacre_sftp_server_output(&k->s, sftp_replies + sftp_replies_n, room);
        cr_assert_leq(n, room);
        sftp_replies_n += n;
    }
}

nacre_err sftp_feed(struct sftp_rig *k, const uint8_t *in, size_t n, size_t room)
{
    uint8_t *exact = malloc(n > 0 ? n : 1);
    nacre_err err = NACRE_OK;
    cr_assert_not_null(exact);
    memcpy(exact, in, n);
    for (size_t done = 0; done < n && err == NACRE_OK;) {
        size_t used, before = sftp_replies_n;
        err = nacre_sftp_server_recv(&k->s, exact + done, n - done, &used);
        cr_assert_leq(used, n - done);
        done += used;
        if (err == NACRE_OK && done < n) {
            sftp_drain(k, room);
            cr_assert(used > 0 || sftp_replies_n > before, "neither input nor output moves");
        }
    }
    free(exact);
    sftp_drain(k, room);
    return err;
}

nacre_err sftp_run(struct sftp_rig *k)
{
    nacre_err err = sftp_feed(k, sftp_script, sftp_script_n, 32768);
    sftp_script_n = 0;
    return err;
}

/* ---- Listening ---- */

bool sftp_hear(struct sftp_answer *a)
{
    struct nacre_bytes all = {sftp_replies + sftp_heard, sftp_replies_n - sftp_heard};
    struct ncr_rd r = ncr_rd(all), b;
    if (all.n == 0) {
        return false;
    }
    b = ncr_rd(ncr_rd_string(&r));
    cr_assert_not(r.bad, "half a packet");
    sftp_heard = sftp_replies_n - r.n;
    a->msg = ncr_rd_u8(&b);
    a->id = ncr_rd_u32(&b);
    a->body = ncr_rd_rest(&b);
    cr_assert_not(b.bad);
    b = ncr_rd(a->body);
    a->status = a->msg == NCR_FXP_STATUS ? ncr_rd_u32(&b) : 0;
    return true;
}

struct sftp_answer sftp_ask(struct sftp_rig *k, const struct nacre_sftp_req *req)
{
    static uint32_t id = 100;
    struct sftp_answer a, more;
    sftp_replies_n = sftp_heard = 0;
    sftp_say(++id, req);
    cr_assert_eq(sftp_run(k), NACRE_OK, "%s", nacre_sftp_server_errinfo(&k->s).what);
    cr_assert(sftp_hear(&a));
    cr_assert_eq(a.id, id);
    cr_assert_not(sftp_hear(&more));
    return a;
}

struct sftp_rig *sftp_ready(const struct nacre_sftp_server_cfg *cfg)
{
    struct sftp_rig *k = sftp_start(cfg);
    sftp_say_init();
    cr_assert_eq(sftp_run(k), NACRE_OK);
    cr_assert_eq(sftp_replies[4], NCR_FXP_VERSION);
    sftp_replies_n = sftp_heard = 0;
    return k;
}

uint32_t sftp_status(struct sftp_rig *k, const struct nacre_sftp_req *req)
{
    struct sftp_answer a = sftp_ask(k, req);
    cr_assert_eq(a.msg, NCR_FXP_STATUS);
    return a.status;
}

uint32_t sftp_path_status(struct sftp_rig *k, enum nacre_sftp_op op, const char *path)
{
    struct nacre_sftp_req req = {.op = op, .path = nacre_bytes_str(path)};
    return sftp_status(k, &req);
}

struct nacre_bytes sftp_handle_bytes(const struct sftp_handle *h)
{
    struct nacre_bytes b = {h->b, sizeof h->b};
    return b;
}

struct sftp_handle sftp_take_handle(const struct sftp_answer *a)
{
    struct sftp_handle h;
    struct ncr_rd r = ncr_rd(a->body);
    struct nacre_bytes b = ncr_rd_string(&r);
    cr_assert_eq(a->msg, NCR_FXP_HANDLE);
    cr_assert(ncr_rd_end(&r));
    cr_assert_eq(b.n, sizeof h.b);
    memcpy(h.b, b.p, sizeof h.b);
    return h;
}

struct nacre_sftp_attrs sftp_attrs(struct sftp_rig *k, const struct nacre_sftp_req *req)
{
    struct nacre_sftp_event ev;
    struct sftp_answer a = sftp_ask(k, req);
    struct nacre_bytes body = {sftp_replies + 4, sftp_replies_n - 4};
    cr_assert_eq(a.msg, NCR_FXP_ATTRS);
    cr_assert(ncr_sftp_reply_get(&ev, req->op, body));
    return ev.attrs;
}

/* ---- Files ---- */

struct sftp_handle sftp_open(struct sftp_rig *k, const char *path, uint32_t pflags)
{
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_OPEN, .path = nacre_bytes_str(path), .pflags = pflags};
    struct sftp_answer a = sftp_ask(k, &req);
    return sftp_take_handle(&a);
}

uint32_t sftp_write(struct sftp_rig *k, const struct sftp_handle *h, uint64_t offset, const void *p,
                    size_t n)
{
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_WRITE,
                                 .handle = sftp_handle_bytes(h),
                                 .offset = offset,
                                 .data = {p, n}};
    return sftp_status(k, &req);
}

struct sftp_answer sftp_read(struct sftp_rig *k, const struct sftp_handle *h, uint64_t offset,
                             uint32_t n)
{
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_READ, .handle = sftp_handle_bytes(h), .offset = offset, .len = n};
    return sftp_ask(k, &req);
}

struct nacre_bytes sftp_data(const struct sftp_answer *a)
{
    struct ncr_rd r = ncr_rd(a->body);
    struct nacre_bytes b = ncr_rd_string(&r);
    cr_assert_eq(a->msg, NCR_FXP_DATA);
    cr_assert(ncr_rd_end(&r));
    return b;
}

uint32_t sftp_handle_status(struct sftp_rig *k, enum nacre_sftp_op op, const struct sftp_handle *h)
{
    struct nacre_sftp_req req = {.op = op, .handle = sftp_handle_bytes(h)};
    return sftp_status(k, &req);
}

void sftp_fill(uint8_t *p, size_t n)
{
    uint32_t x = 1;
    for (size_t i = 0; i < n; i++) {
        x = x * 1103515245u + 12345u;
        p[i] = (uint8_t)(x >> 16);
    }
}

uint8_t *sftp_pattern(size_t n)
{
    uint8_t *p = malloc(n + 1);
    cr_assert_not_null(p);
    sftp_fill(p, n);
    return p;
}

void sftp_put_file(struct sftp_rig *k, const char *path, const uint8_t *p, size_t n)
{
    struct sftp_handle h = sftp_open(k, path, SFTP_RW);
    for (size_t at = 0; at < n; at += 32768) {
        cr_assert_eq(sftp_write(k, &h, at, p + at, n - at < 32768 ? n - at : 32768), NACRE_FX_OK);
    }
    cr_assert_eq(sftp_handle_status(k, NACRE_SFTP_OP_CLOSE, &h), NACRE_FX_OK);
}

struct nacre_sftp_req sftp_example(enum nacre_sftp_op op, const struct sftp_handle *h,
                                   const struct sftp_handle *h2)
{
    struct nacre_sftp_req req = {.op = op,
                                 .path = nacre_bytes_str("/f"),
                                 .path2 = nacre_bytes_str("/new"),
                                 .handle = sftp_handle_bytes(h),
                                 .handle2 = sftp_handle_bytes(h2),
                                 .pflags = NACRE_FXF_READ,
                                 .len = 1,
                                 .name = nacre_bytes_str("x@example.org")};
    if (op == NACRE_SFTP_OP_READLINK) {
        req.path = nacre_bytes_str("/l");
    } else if (op == NACRE_SFTP_OP_MKDIR) {
        req.path = nacre_bytes_str("/d2");
    } else if (op == NACRE_SFTP_OP_RMDIR || op == NACRE_SFTP_OP_OPENDIR) {
        req.path = nacre_bytes_str("/d");
    } else if (op == NACRE_SFTP_OP_EXPAND_PATH || op == NACRE_SFTP_OP_HOME_DIRECTORY) {
        req.path = nacre_bytes_str("");
    }
    return req;
}

void sftp_furnish(struct sftp_rig *k)
{
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_SYMLINK, .path = nacre_bytes_str("f"), .path2 = nacre_bytes_str("/l")};
    sftp_put_file(k, "/f", (const uint8_t *)"12345", 5);
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_OK);
    cr_assert_eq(sftp_path_status(k, NACRE_SFTP_OP_MKDIR, "/d"), NACRE_FX_OK);
}

void sftp_say_write_lengths(const struct sftp_handle *h, uint32_t len, uint32_t hn, uint32_t n)
{
    struct ncr_wr w = ncr_wr(sftp_script + sftp_script_n, sizeof sftp_script - sftp_script_n);
    ncr_wr_u32(&w, len);
    ncr_wr_u8(&w, NCR_FXP_WRITE);
    ncr_wr_u32(&w, 1);
    ncr_wr_u32(&w, hn);
    ncr_wr_bytes(&w, h->b, sizeof h->b);
    ncr_wr_u64(&w, 0);
    ncr_wr_u32(&w, n);
    sftp_script_n += w.n;
    memset(sftp_script + sftp_script_n, 'x', 64);
    sftp_script_n += 64;
}

enum nacre_fs_result sftp_any_open(void *ctx, struct nacre_bytes path, uint32_t pflags,
                                   const struct nacre_sftp_attrs *attrs, uint64_t *file)
{
    (void)ctx, (void)path, (void)pflags, (void)attrs;
    *file = 5;
    return NACRE_FS_OK;
}
