/* SPDX-License-Identifier: ISC
 *
 * Whole files and listings over the SFTP client (sftp/transfer.c) against our own server: several
 * at once, more than 32 bits of bytes (s22), listings that do not end (s91) or fail (s94).
 */
#include "tests/sftp_rig.h"
#include "tests/xfer_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Against our own server ---- */

struct pair {
    struct nacre_sftp_client c;
    uint64_t c_mem[NACRE_SFTP_CLIENT_MEM / 8 + 1];
    struct nacre_sftp_server s;
    uint64_t s_mem[NACRE_SFTP_SERVER_MEM / 8];
    struct nacre_fs fs;
    struct nacre_fs_memory m;
    uint64_t disk[NACRE_FS_MEMORY_MEM(300, 4 << 20) / 8];
    uint8_t up[1 << 18], down[1 << 18];
    size_t n_up, n_down;
};

static struct pair *pair(const struct nacre_fs *fs)
{
    struct pair *p = calloc(1, sizeof *p);
    struct nacre_sftp_server_cfg cfg = {.fs = fs};
    cr_assert_not_null(p);
    cr_assert_eq(nacre_fs_memory_init(&p->fs, &p->m, p->disk, sizeof p->disk, 300), NACRE_OK);
    if (fs == NULL) {
        cfg.fs = &p->fs;
    }
    cr_assert_eq(nacre_sftp_client_init(&p->c, p->c_mem, sizeof p->c_mem), NACRE_OK);
    cr_assert_eq(nacre_sftp_server_init(&p->s, p->s_mem, sizeof p->s_mem, &cfg), NACRE_OK);
    return p;
}

/* One round: requests up, replies down, in places of that size. take() gets the events. */
static bool round_trip(struct pair *p, size_t room, size_t (*out)(void *, uint8_t *, size_t),
                       void (*take)(void *, const struct nacre_sftp_event *), void *ctx)
{
    size_t used, n, before = p->n_up;
    while (sizeof p->up - p->n_up >= room && (n = out(ctx, p->up + p->n_up, room)) > 0) {
        p->n_up += n;
    }
    cr_assert_eq(nacre_sftp_server_recv(&p->s, p->up, p->n_up, &used), NACRE_OK, "%s",
                 nacre_sftp_server_errinfo(&p->s).what);
    bool moved = used > 0 || p->n_up > before;
    memmove(p->up, p->up + used, p->n_up - used);
    p->n_up -= used;
    while (sizeof p->down - p->n_down >= room &&
           (n = nacre_sftp_server_output(&p->s, p->down + p->n_down, room)) > 0) {
        p->n_down += n;
        moved = true;
    }
    for (size_t at = 0; at < p->n_down; at += used) {
        struct nacre_sftp_event ev;
        cr_assert_eq(nacre_sftp_client_recv(&p->c, p->down + at, p->n_down - at, &used, &ev),
                     NACRE_OK, "%s", nacre_sftp_client_errinfo(&p->c).what);
        if (ev.type != NACRE_SFTP_EV_NONE && ev.type != NACRE_SFTP_EV_VERSION) {
            take(ctx, &ev);
        }
    }
    p->n_down = 0;
    return moved;
}

/* Several transfers at once. */
struct several {
    struct pair *p;
    struct nacre_sftp_xfer t[4];
    size_t n;
};

static size_t several_out(void *ctx, uint8_t *p, size_t room)
{
    struct several *s = ctx;
    size_t n = 0;
    for (size_t i = 0; i < s->n && n == 0; i++) {
        n = nacre_sftp_xfer_output(&s->t[i], &s->p->c, p, room);
    }
    return n;
}

static void several_take(void *ctx, const struct nacre_sftp_event *ev)
{
    struct several *s = ctx;
    size_t taken = 0;
    for (size_t i = 0; i < s->n; i++) {
        taken += nacre_sftp_xfer_event(&s->t[i], ev);
    }
    cr_assert_eq(taken, 1, "an event belongs to one transfer");
}

static bool several_over(const struct several *s)
{
    bool over = true;
    for (size_t i = 0; i < s->n; i++) {
        over = over && nacre_sftp_xfer_over(&s->t[i]);
    }
    return over;
}

static void several_run(struct several *s, size_t room)
{
    unsigned idle = 0;
    while (!several_over(s)) {
        idle = round_trip(s->p, room, several_out, several_take, s) ? 0 : idle + 1;
        cr_assert_lt(idle, 5, "stuck");
    }
    cr_assert_eq(nacre_sftp_client_flight(&s->p->c), 0);
}

static void several_add(struct several *s, struct xfer_rig *r, bool put, const char *path)
{
    struct nacre_sftp_xfer_cfg cfg = {
        .put = put, .path = nacre_bytes_str(path), .io = {r, xfer_local_read, xfer_local_write}};
    cr_assert_eq(nacre_sftp_xfer_init(&s->t[s->n++], &cfg), NACRE_OK);
}

Test(transfer, there_and_back)
{
    static const size_t rooms[] = {1024, 4096, 32768, 100000};
    XFER_EACH_SIZE(i)
    {
        for (size_t j = 0; j < sizeof rooms / sizeof *rooms; j++) {
            struct several s = {.p = pair(NULL)};
            struct xfer_rig *up = xfer_start(0), *down = xfer_start(0);
            sftp_fill(up->local, xfer_sizes[i]);
            up->local_size = xfer_sizes[i];
            several_add(&s, up, true, "/f");
            several_run(&s, rooms[j]);
            cr_assert_eq(s.t[0].state, NACRE_XFER_DONE);
            s.n = 0;
            several_add(&s, down, false, "/f");
            several_run(&s, rooms[j]);
            cr_assert_eq(s.t[0].state, NACRE_XFER_DONE);
            cr_assert_eq(s.t[0].end, xfer_sizes[i]);
            cr_assert_eq(down->local_size, xfer_sizes[i]);
            cr_assert_eq(memcmp(down->local, up->local, xfer_sizes[i]), 0);
            xfer_stop(up);
            xfer_stop(down);
            free(s.p);
        }
    }
}

Test(transfer, several_at_once)
{
    struct several s = {.p = pair(NULL)};
    struct xfer_rig *up[4], *down[4];
    static const char *const paths[] = {"/a", "/b", "/c", "/d"};
    for (size_t i = 0; i < 4; i++) {
        up[i] = xfer_start(0);
        sftp_fill(up[i]->local, 100000 * i + i);
        up[i]->local_size = 100000 * i + i;
        several_add(&s, up[i], true, paths[i]);
    }
    several_run(&s, 32768);
    s.n = 0;
    for (size_t i = 0; i < 4; i++) {
        down[i] = xfer_start(0);
        several_add(&s, down[i], false, paths[i]);
    }
    several_run(&s, 32768);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(s.t[i].state, NACRE_XFER_DONE);
        cr_assert_eq(down[i]->local_size, up[i]->local_size);
        cr_assert_eq(memcmp(down[i]->local, up[i]->local, up[i]->local_size), 0);
        xfer_stop(up[i]);
        xfer_stop(down[i]);
    }
    free(s.p);
}

/* 5 GiB, counted and not stored: no size is cut to 32 bits on the way. */
#define HUGE_SIZE ((uint64_t)5 << 30)
static uint64_t huge_next;

static enum nacre_fs_result huge_open(void *ctx, struct nacre_bytes path, uint32_t pflags,
                                      const struct nacre_sftp_attrs *a, uint64_t *file)
{
    (void)ctx, (void)path, (void)pflags, (void)a;
    *file = 0;
    return NACRE_FS_OK;
}

static enum nacre_fs_result huge_write(void *ctx, uint64_t file, uint64_t offset, const uint8_t *p,
                                       size_t n)
{
    (void)ctx, (void)file, (void)p;
    cr_assert_eq(offset, huge_next);
    huge_next += n;
    return NACRE_FS_OK;
}

static enum nacre_fs_result huge_read(void *ctx, uint64_t file, uint64_t offset, uint8_t *p,
                                      size_t n, size_t *got)
{
    (void)ctx, (void)file, (void)p;
    *got = offset >= HUGE_SIZE ? 0 : HUGE_SIZE - offset < n ? (size_t)(HUGE_SIZE - offset) : n;
    return NACRE_FS_OK;
}

static enum nacre_fs_result huge_fstat(void *ctx, uint64_t file, struct nacre_sftp_attrs *a)
{
    (void)ctx, (void)file;
    a->flags = NACRE_SFTP_ATTR_SIZE;
    a->size = HUGE_SIZE;
    return NACRE_FS_OK;
}

static nacre_err huge_source(void *ctx, uint64_t offset, uint8_t *p, size_t n, size_t *got)
{
    (void)ctx;
    return huge_read(NULL, 0, offset, p, n, got) == NACRE_FS_OK ? NACRE_OK : NACRE_ERR_IO;
}

static nacre_err huge_sink(void *ctx, uint64_t offset, const uint8_t *p, size_t n)
{
    (void)ctx;
    return huge_write(NULL, 0, offset, p, n) == NACRE_FS_OK ? NACRE_OK : NACRE_ERR_IO;
}

Test(transfer, s22_five_gigabytes, .timeout = 120)
{
    static const struct nacre_fs fs = {
        .open = huge_open, .write = huge_write, .read = huge_read, .fstat = huge_fstat};
    for (int put = 0; put < 2; put++) {
        struct several s = {.p = pair(&fs), .n = 1};
        struct nacre_sftp_xfer_cfg cfg = {
            .put = put, .path = nacre_bytes_str("/huge"), .io = {NULL, huge_source, huge_sink}};
        huge_next = 0;
        cr_assert_eq(nacre_sftp_xfer_init(&s.t[0], &cfg), NACRE_OK);
        several_run(&s, 1 << 17);
        cr_assert_eq(s.t[0].state, NACRE_XFER_DONE);
        cr_assert_eq(s.t[0].moved, HUGE_SIZE);
        cr_assert_eq(huge_next, HUGE_SIZE);
        cr_assert_eq(nacre_sftp_xfer_prefix(&s.t[0]), HUGE_SIZE);
        free(s.p);
    }
}

/* ---- Listings ---- */

struct listing {
    struct pair *p;
    struct nacre_sftp_list l;
    size_t names;
};

static size_t list_out(void *ctx, uint8_t *p, size_t room)
{
    struct listing *s = ctx;
    nacre_sftp_list_step(&s->l, &s->p->c);
    return nacre_sftp_client_output(&s->p->c, p, room);
}

static void list_take(void *ctx, const struct nacre_sftp_event *ev)
{
    struct listing *s = ctx;
    struct nacre_sftp_names names = ev->names;
    struct nacre_sftp_name name;
    cr_assert(nacre_sftp_list_event(&s->l, ev));
    while (s->l.failure.op == NACRE_SFTP_OP_NONE && nacre_sftp_names_next(&names, &name)) {
        s->names++;
    }
}

static void list_run(struct listing *s)
{
    unsigned idle = 0;
    while (!nacre_sftp_list_over(&s->l)) {
        idle = round_trip(s->p, 4096, list_out, list_take, s) ? 0 : idle + 1;
        cr_assert_lt(idle, 5, "stuck");
    }
    cr_assert_eq(nacre_sftp_client_flight(&s->p->c), s->p->c.limits_asked ? 1 : 0);
}

static struct pair *pair_with_files(int n)
{
    struct pair *p = pair(NULL);
    for (int i = 0; i < n; i++) {
        char path[16];
        uint64_t file;
        struct nacre_sftp_attrs a = {0};
        (void)snprintf(path, sizeof path, "/f%d", i);
        cr_assert_eq(p->fs.open(p->fs.ctx, nacre_bytes_str(path), NACRE_FXF_WRITE | NACRE_FXF_CREAT,
                                &a, &file),
                     NACRE_FS_OK);
        cr_assert_eq(p->fs.close(p->fs.ctx, file), NACRE_FS_OK);
    }
    return p;
}

Test(transfer, list)
{
    static const int counts[] = {0, 1, 127, 128, 129, 290};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct listing s = {.p = pair_with_files(counts[i])};
        nacre_sftp_list_init(&s.l, nacre_bytes_str("/"), 0);
        list_run(&s);
        cr_assert_eq(s.l.state, NACRE_XFER_DONE);
        cr_assert_eq(s.names, (size_t)counts[i]);
        cr_assert_eq(s.l.entries, (uint64_t)counts[i]);
        cr_assert_eq(s.p->s.n_handles, 0);
        free(s.p);
    }
}

Test(transfer, s91_list_is_capped)
{
    struct listing s = {.p = pair_with_files(290)};
    nacre_sftp_list_init(&s.l, nacre_bytes_str("/"), 200);
    list_run(&s);
    cr_assert_eq(s.l.state, NACRE_XFER_FAILED);
    cr_assert_eq(s.l.failure.err, NACRE_ERR_LIMIT);
    cr_assert_leq(s.names, 200);
    cr_assert_eq(s.p->s.n_handles, 0);
    free(s.p);
}

Test(transfer, s94_list_fails_at_every_step)
{
    for (uint32_t n = 1; n < 8; n++) {
        struct listing s = {.p = pair_with_files(3)};
        nacre_sftp_list_init(&s.l, nacre_bytes_str("/"), 0);
        s.p->m.fail_in = n;
        list_run(&s);
        cr_assert_eq(s.p->s.n_handles, 0);
        cr_assert(s.p->m.fail_in > 0 || s.l.state == NACRE_XFER_FAILED || n > 1);
        free(s.p);
    }
    struct listing s = {.p = pair_with_files(0)};
    nacre_sftp_list_init(&s.l, nacre_bytes_str("/nothing"), 0);
    list_run(&s);
    cr_assert_eq(s.l.state, NACRE_XFER_FAILED);
    cr_assert_eq(s.l.failure.status, NACRE_FX_NO_SUCH_FILE);
    nacre_sftp_list_abort(&s.l, NACRE_ERR_IO);
    cr_assert_eq(s.l.failure.err, NACRE_OK);
    free(s.p);
}

Test(transfer, s07_list_ends_with_the_engine)
{
    struct listing s = {.p = pair_with_files(1)};
    uint8_t bad[5] = {0};
    struct nacre_sftp_event ev;
    size_t used;
    nacre_sftp_list_init(&s.l, nacre_bytes_str("/"), 0);
    cr_assert_eq(nacre_sftp_client_recv(&s.p->c, bad, sizeof bad, &used, &ev),
                 NACRE_ERR_PACKET_LEN);
    nacre_sftp_list_step(&s.l, &s.p->c);
    cr_assert_eq(s.l.state, NACRE_XFER_FAILED);
    cr_assert_eq(s.l.failure.err, NACRE_ERR_PACKET_LEN);
    free(s.p);
}

/* A server that says "here are no names" instead of "end". */
Test(transfer, s91_empty_names_end_a_listing)
{
    struct nacre_sftp_list l;
    struct nacre_sftp_event ev = {.type = NACRE_SFTP_EV_NAMES, .op = NACRE_SFTP_OP_READDIR};
    nacre_sftp_list_init(&l, nacre_bytes_str("/"), 0);
    l.state = NACRE_XFER_MOVING;
    l.pending = true;
    cr_assert(nacre_sftp_list_event(&l, &ev));
    cr_assert_eq(l.state, NACRE_XFER_ENDING);
    cr_assert_not(nacre_sftp_list_event(&l, &ev)); /* none is asked for */
}
