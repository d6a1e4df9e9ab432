/* SPDX-License-Identifier: ISC
 *
 * The server's SFTP engine (sftp/sftp_server.c) over the file system in memory: every request,
 * default deny, handles (s87), sizes (s88), read-only (s90), order, streaming without copies, every
 * split of input and output, every n-th failure of the file system (s94).
 */
#include "sftp/nacre_sftp.h"

#include "proto/limits.h"
#include "sftp/sftp_msg.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct server {
    struct nacre_fs fs;
    struct nacre_fs_memory m;
    uint64_t disk[NACRE_FS_MEMORY_MEM(300, 1 << 20) / 8];
    struct nacre_sftp_server s;
    uint64_t mem[NACRE_SFTP_SERVER_MEM / 8];
};

static uint8_t script[1 << 20], reply[1 << 20];
static size_t script_n, reply_n;

static struct server *start(const struct nacre_sftp_server_cfg *cfg)
{
    struct server *k = malloc(sizeof *k);
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
    script_n = reply_n = 0;
    return k;
}

static void stop(struct server *k)
{
    nacre_sftp_server_close(&k->s);
    free(k);
}

/* ---- Speaking ---- */

static void say_init(void)
{
    struct ncr_wr w = ncr_wr(script + script_n, sizeof script - script_n);
    ncr_sftp_init_put(&w);
    script_n += w.n;
}

static void say(uint32_t id, const struct nacre_sftp_req *req)
{
    struct ncr_wr w = ncr_wr(script + script_n, sizeof script - script_n);
    ncr_sftp_req_put(&w, id, req);
    cr_assert_not(w.bad);
    script_n += w.n;
}

static void say_bytes(const void *p, size_t n)
{
    cr_assert_leq(n, sizeof script - script_n);
    memcpy(script + script_n, p, n);
    script_n += n;
}

/* Takes output in places of that size until there is none. */
static void drain(struct server *k, size_t room)
{
    while (nacre_sftp_server_wants(&k->s) & NACRE_WANT_WRITE) {
        cr_assert_leq(room, sizeof reply - reply_n);
        size_t n = nacre_sftp_server_output(&k->s, reply + reply_n, room);
        cr_assert_leq(n, room);
        reply_n += n;
    }
}

/* Feeds n bytes from memory of just that size, making output when the engine asks for it. */
static nacre_err feed_room(struct server *k, const uint8_t *in, size_t n, size_t room)
{
    uint8_t *exact = malloc(n > 0 ? n : 1);
    nacre_err err = NACRE_OK;
    cr_assert_not_null(exact);
    memcpy(exact, in, n);
    for (size_t done = 0; done < n && err == NACRE_OK;) {
        size_t used, before = reply_n;
        err = nacre_sftp_server_recv(&k->s, exact + done, n - done, &used);
        cr_assert_leq(used, n - done);
        done += used;
        if (err == NACRE_OK && done < n) {
            drain(k, room);
            cr_assert(used > 0 || reply_n > before, "neither input nor output moves");
        }
    }
    free(exact);
    drain(k, room);
    return err;
}

static nacre_err run(struct server *k)
{
    nacre_err err = feed_room(k, script, script_n, 32768);
    script_n = 0;
    return err;
}

/* ---- Listening ---- */

struct answer {
    uint8_t msg;
    uint32_t id;
    uint32_t status;
    struct nacre_bytes body; /* after the id */
};

static size_t heard;

static bool hear(struct answer *a)
{
    struct nacre_bytes all = {reply + heard, reply_n - heard};
    struct ncr_rd r = ncr_rd(all), b;
    if (all.n == 0) {
        return false;
    }
    b = ncr_rd(ncr_rd_string(&r));
    cr_assert_not(r.bad, "half a packet");
    heard = reply_n - r.n;
    a->msg = ncr_rd_u8(&b);
    a->id = ncr_rd_u32(&b);
    a->body = ncr_rd_rest(&b);
    cr_assert_not(b.bad);
    b = ncr_rd(a->body);
    a->status = a->msg == NCR_FXP_STATUS ? ncr_rd_u32(&b) : 0;
    return true;
}

/* One request, one answer. */
static struct answer ask(struct server *k, const struct nacre_sftp_req *req)
{
    static uint32_t id = 100;
    struct answer a, more;
    reply_n = heard = 0;
    say(++id, req);
    cr_assert_eq(run(k), NACRE_OK, "%s", nacre_sftp_server_errinfo(&k->s).what);
    cr_assert(hear(&a));
    cr_assert_eq(a.id, id);
    cr_assert_not(hear(&more));
    return a;
}

static struct server *ready(const struct nacre_sftp_server_cfg *cfg)
{
    struct server *k = start(cfg);
    say_init();
    cr_assert_eq(run(k), NACRE_OK);
    cr_assert_eq(reply[4], NCR_FXP_VERSION);
    reply_n = heard = 0;
    return k;
}

static uint32_t status_of(struct server *k, const struct nacre_sftp_req *req)
{
    struct answer a = ask(k, req);
    cr_assert_eq(a.msg, NCR_FXP_STATUS);
    return a.status;
}

static struct nacre_bytes str(const char *s)
{
    return nacre_bytes_str(s);
}

static uint32_t path_status(struct server *k, enum nacre_sftp_op op, const char *path)
{
    struct nacre_sftp_req req = {.op = op, .path = str(path)};
    return status_of(k, &req);
}

struct handle {
    uint8_t b[NCR_SFTP_HANDLE_LEN];
};

static struct nacre_bytes hb(const struct handle *h)
{
    struct nacre_bytes b = {h->b, sizeof h->b};
    return b;
}

static struct handle take_handle(const struct answer *a)
{
    struct handle h;
    struct ncr_rd r = ncr_rd(a->body);
    struct nacre_bytes b = ncr_rd_string(&r);
    cr_assert_eq(a->msg, NCR_FXP_HANDLE);
    cr_assert(ncr_rd_end(&r));
    cr_assert_eq(b.n, sizeof h.b);
    memcpy(h.b, b.p, sizeof h.b);
    return h;
}

#define RW (NACRE_FXF_READ | NACRE_FXF_WRITE | NACRE_FXF_CREAT)

static struct handle open_file(struct server *k, const char *path, uint32_t pflags)
{
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_OPEN, .path = str(path), .pflags = pflags};
    struct answer a = ask(k, &req);
    return take_handle(&a);
}

static uint32_t write_at(struct server *k, const struct handle *h, uint64_t offset, const void *p,
                         size_t n)
{
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_WRITE, .handle = hb(h), .offset = offset, .data = {p, n}};
    return status_of(k, &req);
}

static struct answer read_at(struct server *k, const struct handle *h, uint64_t offset, uint32_t n)
{
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_READ, .handle = hb(h), .offset = offset, .len = n};
    return ask(k, &req);
}

static struct nacre_bytes data_of(const struct answer *a)
{
    struct ncr_rd r = ncr_rd(a->body);
    struct nacre_bytes b = ncr_rd_string(&r);
    cr_assert_eq(a->msg, NCR_FXP_DATA);
    cr_assert(ncr_rd_end(&r));
    return b;
}

static uint32_t handle_status(struct server *k, enum nacre_sftp_op op, const struct handle *h)
{
    struct nacre_sftp_req req = {.op = op, .handle = hb(h)};
    return status_of(k, &req);
}

/* Bytes that differ from their neighbours at every distance. */
static uint8_t *pattern(size_t n)
{
    uint8_t *p = malloc(n + 1);
    uint32_t x = 1;
    cr_assert_not_null(p);
    for (size_t i = 0; i < n; i++) {
        x = x * 1103515245u + 12345u;
        p[i] = (uint8_t)(x >> 16);
    }
    return p;
}

static void put_file(struct server *k, const char *path, const uint8_t *p, size_t n)
{
    struct handle h = open_file(k, path, RW);
    for (size_t at = 0; at < n; at += 32768) {
        cr_assert_eq(write_at(k, &h, at, p + at, n - at < 32768 ? n - at : 32768), NACRE_FX_OK);
    }
    cr_assert_eq(handle_status(k, NACRE_SFTP_OP_CLOSE, &h), NACRE_FX_OK);
}

/* ---- Requests ---- */

Test(sftp_server, version_announces_what_is_served)
{
    struct server *k = start(NULL);
    uint32_t version;
    uint64_t ops;
    say_init();
    cr_assert_eq(run(k), NACRE_OK);
    struct nacre_bytes body = {reply + 4, reply_n - 4};
    cr_assert(ncr_sftp_version_get(body, &version, &ops));
    cr_assert_eq(version, 3);
    cr_assert_eq(ops,
                 (uint64_t)1 << NACRE_SFTP_OP_POSIX_RENAME | (uint64_t)1 << NACRE_SFTP_OP_FSYNC |
                     (uint64_t)1 << NACRE_SFTP_OP_LSETSTAT | (uint64_t)1 << NACRE_SFTP_OP_LIMITS |
                     (uint64_t)1 << NACRE_SFTP_OP_COPY_DATA);
    stop(k);
}

Test(sftp_server, write_and_read)
{
    struct server *k = ready(NULL);
    uint8_t *p = pattern(100000);
    put_file(k, "/f", p, 100000);
    struct handle h = open_file(k, "f", NACRE_FXF_READ);
    struct answer a = read_at(k, &h, 0, 100000);
    cr_assert_eq(data_of(&a).n, 100000);
    cr_assert_arr_eq(data_of(&a).p, p, 100000);
    a = read_at(k, &h, 99990, 32768);
    cr_assert_eq(data_of(&a).n, 10);
    a = read_at(k, &h, 100000, 1);
    cr_assert_eq(a.status, NACRE_FX_EOF);
    a = read_at(k, &h, 5, 0);
    cr_assert_eq(data_of(&a).n, 0);
    free(p);
    stop(k);
}

Test(sftp_server, names)
{
    struct server *k = ready(NULL);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_RENAME, .path = str("/f"), .path2 = str("/g")};
    put_file(k, "/f", (const uint8_t *)"x", 1);
    cr_assert_eq(path_status(k, NACRE_SFTP_OP_MKDIR, "/d"), NACRE_FX_OK);
    cr_assert_eq(path_status(k, NACRE_SFTP_OP_MKDIR, "/d"), NACRE_FX_FAILURE);
    cr_assert_eq(status_of(k, &req), NACRE_FX_OK);
    cr_assert_eq(status_of(k, &req), NACRE_FX_NO_SUCH_FILE);
    put_file(k, "/f", (const uint8_t *)"y", 1);
    cr_assert_eq(status_of(k, &req), NACRE_FX_FAILURE); /* never replaces */
    req.op = NACRE_SFTP_OP_POSIX_RENAME;
    cr_assert_eq(status_of(k, &req), NACRE_FX_OK); /* replaces */
    req =
        (struct nacre_sftp_req){.op = NACRE_SFTP_OP_SYMLINK, .path = str("g"), .path2 = str("/l")};
    cr_assert_eq(status_of(k, &req), NACRE_FX_OK);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_READLINK, .path = str("/l")};
    struct answer a = ask(k, &req);
    struct ncr_rd r = ncr_rd(a.body);
    cr_assert_eq(ncr_rd_u32(&r), 1);
    cr_assert(nacre_bytes_is(ncr_rd_string(&r), "g"));
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_REALPATH, .path = str("d/../l")};
    a = ask(k, &req);
    r = ncr_rd(a.body);
    cr_assert_eq(ncr_rd_u32(&r), 1);
    cr_assert(nacre_bytes_is(ncr_rd_string(&r), "/g"));
    cr_assert_eq(path_status(k, NACRE_SFTP_OP_RMDIR, "/l"),
                 NACRE_FX_NO_SUCH_FILE); /* no directory */
    cr_assert_eq(path_status(k, NACRE_SFTP_OP_REMOVE, "/d"), NACRE_FX_FAILURE);
    cr_assert_eq(path_status(k, NACRE_SFTP_OP_REMOVE, "/l"), NACRE_FX_OK);
    cr_assert_eq(path_status(k, NACRE_SFTP_OP_RMDIR, "/d"), NACRE_FX_OK);
    cr_assert_eq(path_status(k, NACRE_SFTP_OP_STAT, "/d"), NACRE_FX_NO_SUCH_FILE);
    stop(k);
}

static struct nacre_sftp_attrs attrs_of(struct server *k, const struct nacre_sftp_req *req)
{
    struct nacre_sftp_event ev;
    struct answer a = ask(k, req);
    struct nacre_bytes body = {reply + 4, reply_n - 4};
    cr_assert_eq(a.msg, NCR_FXP_ATTRS);
    cr_assert(ncr_sftp_reply_get(&ev, req->op, body));
    return ev.attrs;
}

Test(sftp_server, attributes)
{
    struct server *k = ready(NULL);
    put_file(k, "/f", (const uint8_t *)"12345", 5);
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_SETSTAT,
        .path = str("/f"),
        .attrs = {
            .flags = 15, .size = 3, .uid = 7, .gid = 8, .mode = 0640, .atime = 9, .mtime = 10}};
    cr_assert_eq(status_of(k, &req), NACRE_FX_OK);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_STAT, .path = str("/f")};
    struct nacre_sftp_attrs a = attrs_of(k, &req);
    cr_assert(a.size == 3 && a.uid == 7 && a.gid == 8 && a.mode == (0100640) && a.atime == 9 &&
              a.mtime == 10);
    struct handle h = open_file(k, "/f", NACRE_FXF_WRITE);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_FSETSTAT,
                                  .handle = hb(&h),
                                  .attrs = {.flags = NACRE_SFTP_ATTR_SIZE, .size = 1000}};
    cr_assert_eq(status_of(k, &req), NACRE_FX_OK);
    req.attrs.size = UINT64_MAX;
    cr_assert_eq(status_of(k, &req), NACRE_FX_BAD_MESSAGE);
    req.attrs.size = (uint64_t)INT64_MAX;
    cr_assert_eq(status_of(k, &req), NACRE_FX_FAILURE); /* no space */
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_FSTAT, .handle = hb(&h)};
    cr_assert_eq(attrs_of(k, &req).size, 1000);
    req =
        (struct nacre_sftp_req){.op = NACRE_SFTP_OP_SYMLINK, .path = str("f"), .path2 = str("/l")};
    cr_assert_eq(status_of(k, &req), NACRE_FX_OK);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_LSTAT, .path = str("/l")};
    cr_assert_eq(attrs_of(k, &req).mode & NACRE_SFTP_S_IFMT, NACRE_SFTP_S_IFLNK);
    req.op = NACRE_SFTP_OP_STAT;
    cr_assert_eq(attrs_of(k, &req).mode & NACRE_SFTP_S_IFMT, NACRE_SFTP_S_IFREG);
    stop(k);
}

Test(sftp_server, open_flags)
{
    struct server *k = ready(NULL);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_OPEN, .path = str("/f")};
    cr_assert_eq(status_of(k, &req), NACRE_FX_NO_SUCH_FILE);
    put_file(k, "/f", (const uint8_t *)"12345", 5);
    req.pflags = RW | NACRE_FXF_EXCL;
    cr_assert_eq(status_of(k, &req), NACRE_FX_FAILURE);
    struct handle h = open_file(k, "/f", 0); /* no access flag: to read */
    struct answer a = read_at(k, &h, 0, 10);
    cr_assert_eq(data_of(&a).n, 5);
    cr_assert_eq(write_at(k, &h, 0, "x", 1), NACRE_FX_PERMISSION_DENIED);
    h = open_file(k, "/f", NACRE_FXF_WRITE);
    a = read_at(k, &h, 0, 10);
    cr_assert_eq(a.status, NACRE_FX_PERMISSION_DENIED);
    h = open_file(k, "/f", NACRE_FXF_APPEND);
    cr_assert_eq(write_at(k, &h, 0, "x", 1), NACRE_FX_OK);
    h = open_file(k, "/f", NACRE_FXF_WRITE | NACRE_FXF_TRUNC);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_STAT, .path = str("/f")};
    cr_assert_eq(attrs_of(k, &req).size, 0);
    stop(k);
}

/* ---- Directories ---- */

static size_t list(struct server *k, const char *path, bool seen[1000])
{
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_OPENDIR, .path = str(path)};
    struct answer a = ask(k, &req);
    struct handle h = take_handle(&a);
    size_t n = 0;
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_READDIR, .handle = hb(&h)};
    for (;;) {
        a = ask(k, &req);
        if (a.msg == NCR_FXP_STATUS) {
            break;
        }
        struct nacre_sftp_event ev;
        struct nacre_sftp_name name;
        struct nacre_bytes body = {reply + 4, reply_n - 4};
        cr_assert(ncr_sftp_reply_get(&ev, NACRE_SFTP_OP_READDIR, body));
        cr_assert(ev.names.left > 0 && ev.names.left <= NCR_SFTP_NAMES_MAX);
        while (nacre_sftp_names_next(&ev.names, &name)) {
            int i = atoi((const char *)name.name.p + 1);
            cr_assert_not(seen[i]);
            seen[i] = true;
            n++;
        }
    }
    cr_assert_eq(a.status, NACRE_FX_EOF);
    cr_assert_eq(status_of(k, &req), NACRE_FX_EOF); /* and again */
    cr_assert_eq(handle_status(k, NACRE_SFTP_OP_CLOSE, &h), NACRE_FX_OK);
    return n;
}

Test(sftp_server, s91_names_of_a_reply_are_capped)
{
    struct server *k = ready(NULL);
    bool seen[1000] = {false};
    cr_assert_eq(path_status(k, NACRE_SFTP_OP_MKDIR, "/d"), NACRE_FX_OK);
    for (int i = 0; i < 280; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "/d/f%03d", i);
        put_file(k, path, NULL, 0);
    }
    cr_assert_eq(list(k, "/d", seen), 280);
    cr_assert_eq(list(k, "/", (bool[1000]){false}), 1);
    stop(k);
}

/* A directory without end, with long names among the entries. */
static unsigned endless_calls;
static char endless_name[2000];

static enum nacre_fs_result endless_opendir(void *ctx, struct nacre_bytes path, uint64_t *dir)
{
    (void)ctx, (void)path;
    *dir = 1;
    return NACRE_FS_OK;
}

static enum nacre_fs_result endless_readdir(void *ctx, uint64_t dir, struct nacre_sftp_name *name)
{
    static const size_t lens[] = {1, 1024, 1025, 255, 1024, 1024, 2000, 0};
    (void)ctx, (void)dir;
    memset(endless_name, 'n', sizeof endless_name);
    name->name.p = name->longname.p = (const uint8_t *)endless_name;
    name->name.n = lens[endless_calls++ % 8];
    name->longname.n = name->name.n + 256 > 2000 ? 2000 : name->name.n + 256;
    return NACRE_FS_OK;
}

Test(sftp_server, s91_endless_directory)
{
    struct nacre_fs fs = {.opendir = endless_opendir, .readdir = endless_readdir};
    struct nacre_sftp_server_cfg cfg = {.fs = &fs};
    struct server *k = ready(&cfg);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_OPENDIR, .path = str("/")};
    struct answer a = ask(k, &req);
    struct handle h = take_handle(&a);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_READDIR, .handle = hb(&h)};
    for (int i = 0; i < 100; i++) {
        unsigned before = endless_calls;
        struct nacre_sftp_event ev;
        a = ask(k, &req);
        struct nacre_bytes body = {reply + 4, reply_n - 4};
        cr_assert(ncr_sftp_reply_get(&ev, NACRE_SFTP_OP_READDIR, body));
        cr_assert_leq(endless_calls - before, NCR_SFTP_NAMES_MAX);
        cr_assert_leq(reply_n, 32768);
        struct nacre_sftp_name name;
        while (nacre_sftp_names_next(&ev.names, &name)) {
            cr_assert(name.name.n > 0 && name.name.n <= 1024);
        }
    }
    stop(k);
}

/* ---- Default deny, read-only, lists ---- */

/* Every operation, with arguments that would pass. */
static struct nacre_sftp_req example(enum nacre_sftp_op op, const struct handle *h,
                                     const struct handle *h2)
{
    struct nacre_sftp_req req = {.op = op,
                                 .path = str("/f"),
                                 .path2 = str("/new"),
                                 .handle = hb(h),
                                 .handle2 = hb(h2),
                                 .pflags = NACRE_FXF_READ,
                                 .len = 1,
                                 .name = str("x@example.org")};
    if (op == NACRE_SFTP_OP_READLINK) {
        req.path = str("/l");
    } else if (op == NACRE_SFTP_OP_MKDIR) {
        req.path = str("/d2");
    } else if (op == NACRE_SFTP_OP_RMDIR || op == NACRE_SFTP_OP_OPENDIR) {
        req.path = str("/d");
    } else if (op == NACRE_SFTP_OP_EXPAND_PATH || op == NACRE_SFTP_OP_HOME_DIRECTORY) {
        req.path = str("");
    }
    return req;
}

Test(sftp_server, s46_zeroed_table_refuses_everything)
{
    struct nacre_sftp_server_cfg cfg = {0};
    struct handle h = {{0}};
    struct server *k = start(&cfg);
    cr_assert_eq(nacre_sftp_server_init(&k->s, k->mem, sizeof k->mem, &cfg), NACRE_OK);
    say_init();
    cr_assert_eq(run(k), NACRE_OK);
    for (int op = NACRE_SFTP_OP_NONE + 1; op < NACRE_SFTP_OP_COUNT; op++) {
        struct nacre_sftp_req req = example((enum nacre_sftp_op)op, &h, &h);
        struct answer a = ask(k, &req);
        if (op == NACRE_SFTP_OP_LIMITS) {
            cr_assert_eq(a.msg, NCR_FXP_EXTENDED_REPLY);
        } else {
            cr_assert_eq(a.msg, NCR_FXP_STATUS);
            cr_assert_neq(a.status, NACRE_FX_OK);
        }
    }
    stop(k);
}

/* A full set of things to ask about. */
static void furnish(struct server *k)
{
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_SYMLINK, .path = str("f"), .path2 = str("/l")};
    put_file(k, "/f", (const uint8_t *)"12345", 5);
    cr_assert_eq(status_of(k, &req), NACRE_FX_OK);
    cr_assert_eq(path_status(k, NACRE_SFTP_OP_MKDIR, "/d"), NACRE_FX_OK);
}

Test(sftp_server, s90_read_only)
{
    struct server *k = ready(NULL);
    furnish(k);
    struct handle rw = open_file(k, "/f", RW), dst = open_file(k, "/g", RW);
    k->s.cfg.read_only = true; /* handles that could write from before: the worst case */
    for (int op = NACRE_SFTP_OP_NONE + 1; op < NACRE_SFTP_OP_COUNT; op++) {
        struct nacre_sftp_req req = example((enum nacre_sftp_op)op, &rw, &dst);
        if (nacre_sftp_op_writes((enum nacre_sftp_op)op)) {
            uint32_t status = status_of(k, &req);
            cr_assert(status == NACRE_FX_PERMISSION_DENIED || status == NACRE_FX_OP_UNSUPPORTED,
                      "%s", nacre_sftp_op_name((enum nacre_sftp_op)op));
        }
    }
    for (uint32_t pflags = 0; pflags < 64; pflags++) {
        struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_OPEN, .path = str("/f"), .pflags = pflags};
        struct answer a = ask(k, &req);
        bool writes = (pflags & ~(uint32_t)(NACRE_FXF_READ | NACRE_FXF_EXCL)) != 0;
        cr_assert_eq(a.msg == NCR_FXP_HANDLE, !writes, "flags %u", pflags);
        cr_assert(!writes || a.status == NACRE_FX_PERMISSION_DENIED);
        if (!writes) {
            struct handle h = take_handle(&a);
            cr_assert_eq(handle_status(k, NACRE_SFTP_OP_CLOSE, &h), NACRE_FX_OK);
        }
    }
    struct answer a = read_at(k, &rw, 0, 9);
    cr_assert_eq(data_of(&a).n, 5); /* nothing has changed */
    cr_assert_eq(path_status(k, NACRE_SFTP_OP_READLINK, "/nothing"), NACRE_FX_NO_SUCH_FILE);
    stop(k);
}

/* Which operations write stands in one table: here by hand, so that a new one is looked at. */
Test(sftp_server, s90_table)
{
    static const enum nacre_sftp_op reads[] = {
        NACRE_SFTP_OP_OPEN,        NACRE_SFTP_OP_CLOSE,       NACRE_SFTP_OP_READ,
        NACRE_SFTP_OP_LSTAT,       NACRE_SFTP_OP_FSTAT,       NACRE_SFTP_OP_OPENDIR,
        NACRE_SFTP_OP_READDIR,     NACRE_SFTP_OP_REALPATH,    NACRE_SFTP_OP_STAT,
        NACRE_SFTP_OP_READLINK,    NACRE_SFTP_OP_STATVFS,     NACRE_SFTP_OP_FSTATVFS,
        NACRE_SFTP_OP_LIMITS,      NACRE_SFTP_OP_EXPAND_PATH, NACRE_SFTP_OP_HOME_DIRECTORY,
        NACRE_SFTP_OP_USERS_GROUPS};
    for (int op = NACRE_SFTP_OP_NONE; op <= NACRE_SFTP_OP_COUNT; op++) {
        bool found = false;
        for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
            found = found || (int)reads[i] == op;
        }
        cr_assert_eq(nacre_sftp_op_writes((enum nacre_sftp_op)op), !found, "%d", op);
    }
}

Test(sftp_server, s90_announces_no_writes)
{
    struct nacre_sftp_server_cfg cfg = {.read_only = true,
                                        .deny = (uint64_t)1 << NACRE_SFTP_OP_LIMITS};
    struct server *k = start(&cfg);
    uint32_t version;
    uint64_t ops;
    say_init();
    cr_assert_eq(run(k), NACRE_OK);
    struct nacre_bytes body = {reply + 4, reply_n - 4};
    cr_assert(ncr_sftp_version_get(body, &version, &ops));
    cr_assert_eq(ops, 0);
    stop(k);
}

Test(sftp_server, denied_operations)
{
    for (int op = NACRE_SFTP_OP_NONE + 1; op < NACRE_SFTP_OP_EXTENDED; op++) {
        struct server *k = ready(NULL);
        furnish(k);
        struct handle rw = open_file(k, "/f", RW), dst = open_file(k, "/g", RW);
        struct nacre_sftp_req req = example((enum nacre_sftp_op)op, &rw, &dst);
        k->s.cfg.deny = (uint64_t)1 << op;
        struct answer a = ask(k, &req);
        cr_assert_eq(a.msg, NCR_FXP_STATUS);
        cr_assert(a.status == NACRE_FX_PERMISSION_DENIED, "%s",
                  nacre_sftp_op_name((enum nacre_sftp_op)op));
        stop(k);
    }
}

/* ---- Handles ---- */

static const enum nacre_sftp_op handle_ops[] = {
    NACRE_SFTP_OP_CLOSE,    NACRE_SFTP_OP_READ,  NACRE_SFTP_OP_WRITE,   NACRE_SFTP_OP_FSTAT,
    NACRE_SFTP_OP_FSETSTAT, NACRE_SFTP_OP_FSYNC, NACRE_SFTP_OP_READDIR, NACRE_SFTP_OP_COPY_DATA};

Test(sftp_server, s87_handles)
{
    static uint8_t wrong[10240];
    struct server *k = ready(NULL);
    furnish(k);
    struct handle closed = open_file(k, "/f", RW), used = closed;
    cr_assert_eq(handle_status(k, NACRE_SFTP_OP_CLOSE, &closed), NACRE_FX_OK);
    used = open_file(k, "/f", RW); /* the same number, a new generation */
    cr_assert_eq(memcmp(used.b, closed.b, 4), 0);
    cr_assert_neq(memcmp(used.b, closed.b, 8), 0);
    for (size_t i = 0; i < sizeof handle_ops / sizeof *handle_ops; i++) {
        struct nacre_sftp_req req = {.op = handle_ops[i],
                                     .handle = hb(&closed),
                                     .handle2 = hb(&closed),
                                     .len = 9,
                                     .data = str("data")};
        struct handle far = {{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1}};
        struct handle beyond = {{0, 0, 1, 0, 0, 0, 0, 1}};
        cr_assert_eq(status_of(k, &req), NACRE_FX_FAILURE);
        req.handle = hb(&far);
        cr_assert_eq(status_of(k, &req), NACRE_FX_FAILURE);
        req.handle = hb(&beyond);
        cr_assert_eq(status_of(k, &req), NACRE_FX_FAILURE);
        for (size_t n = 0; n < 300; n++) { /* a right one, cut and extended, is none */
            memcpy(wrong, used.b, sizeof used.b);
            req.handle = (struct nacre_bytes){wrong, n};
            if (n != sizeof used.b) {
                cr_assert_eq(status_of(k, &req), NACRE_FX_FAILURE, "%d: %zu", handle_ops[i], n);
            }
        }
        req.handle = (struct nacre_bytes){wrong, sizeof wrong};
        cr_assert_eq(status_of(k, &req), NACRE_FX_FAILURE);
    }
    cr_assert_eq(handle_status(k, NACRE_SFTP_OP_CLOSE, &used), NACRE_FX_OK);
    stop(k);
}

Test(sftp_server, s87_directory_as_file_and_file_as_directory)
{
    struct server *k = ready(NULL);
    furnish(k);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_OPENDIR, .path = str("/d")};
    struct answer a = ask(k, &req);
    struct handle dir = take_handle(&a), file = open_file(k, "/f", RW);
    for (size_t i = 1; i < sizeof handle_ops / sizeof *handle_ops; i++) {
        bool on_dir = handle_ops[i] == NACRE_SFTP_OP_READDIR;
        req = (struct nacre_sftp_req){.op = handle_ops[i],
                                      .handle = on_dir ? hb(&file) : hb(&dir),
                                      .handle2 = hb(&file),
                                      .len = 9,
                                      .data = str("data")};
        cr_assert_eq(status_of(k, &req), NACRE_FX_FAILURE);
    }
    cr_assert_eq(handle_status(k, NACRE_SFTP_OP_CLOSE, &dir), NACRE_FX_OK);
    cr_assert_eq(handle_status(k, NACRE_SFTP_OP_CLOSE, &dir), NACRE_FX_FAILURE);
    stop(k);
}

Test(sftp_server, s87_table_is_bounded)
{
    struct server *k = ready(NULL);
    struct handle h[NACRE_SFTP_HANDLES_MAX];
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_OPEN, .path = str("/f"), .pflags = RW};
    for (size_t i = 0; i < NACRE_SFTP_HANDLES_MAX; i++) {
        h[i] = open_file(k, "/f", RW);
        for (size_t j = 0; j < i; j++) {
            cr_assert_neq(memcmp(h[i].b, h[j].b, sizeof h[i].b), 0);
        }
    }
    cr_assert_eq(status_of(k, &req), NACRE_FX_FAILURE);
    cr_assert_eq(path_status(k, NACRE_SFTP_OP_OPENDIR, "/"), NACRE_FX_FAILURE);
    cr_assert_eq(handle_status(k, NACRE_SFTP_OP_CLOSE, &h[100]), NACRE_FX_OK);
    h[100] = open_file(k, "/f", RW);
    for (size_t i = 0; i < NACRE_SFTP_HANDLES_MAX; i++) {
        cr_assert_eq(handle_status(k, NACRE_SFTP_OP_CLOSE, &h[i]), NACRE_FX_OK);
    }
    stop(k);
}

Test(sftp_server, close_gives_everything_back)
{
    struct server *k = ready(NULL);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_OPENDIR, .path = str("/")};
    (void)open_file(k, "/f", RW);
    (void)ask(k, &req);
    cr_assert_eq(k->s.n_handles, 2);
    nacre_sftp_server_close(&k->s);
    cr_assert_eq(k->s.n_handles, 0);
    cr_assert_eq(nacre_sftp_server_wants(&k->s), NACRE_WANT_CLOSED);
    for (size_t i = 0; i < NCR_FS_MEMORY_DIRS; i++) {
        cr_assert_not(k->m.dirs[i].used);
    }
    size_t used;
    cr_assert_eq(nacre_sftp_server_recv(&k->s, reply, 10, &used), NACRE_ERR_CLOSED);
    stop(k);
}

/* ---- Sizes ---- */

static void say_head(uint32_t len, uint8_t msg, uint32_t id)
{
    struct ncr_wr w = ncr_wr(script + script_n, sizeof script - script_n);
    ncr_wr_u32(&w, len);
    ncr_wr_u8(&w, msg);
    ncr_wr_u32(&w, id);
    script_n += w.n;
}

static void expect_end(struct server *k, nacre_err want)
{
    size_t used, n = reply_n;
    cr_assert_eq(run(k), want, "%s", nacre_sftp_server_errinfo(&k->s).what);
    cr_assert_eq(nacre_sftp_server_errinfo(&k->s).err, want);
    cr_assert_str_not_empty(nacre_sftp_server_errinfo(&k->s).what);
    cr_assert_eq(nacre_sftp_server_wants(&k->s), NACRE_WANT_CLOSED);
    cr_assert_eq(nacre_sftp_server_recv(&k->s, script, 100, &used), want);
    cr_assert_eq(used, 0);
    cr_assert_eq(nacre_sftp_server_output(&k->s, reply, sizeof reply), 0);
    cr_assert_eq(reply_n, n);
    stop(k);
}

Test(sftp_server, s88_packet_lengths)
{
    static const uint32_t lens[] = {0,          1,          4,          NCR_SFTP_PACKET_MAX + 1,
                                    0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff};
    static const uint8_t msgs[] = {NCR_FXP_STAT, NCR_FXP_WRITE, NCR_FXP_READ, NCR_FXP_EXTENDED, 99};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        for (size_t j = 0; j < sizeof msgs; j++) {
            struct server *k = ready(NULL);
            say_head(lens[i], msgs[j], 1);
            expect_end(k, NACRE_ERR_PACKET_LEN);
        }
    }
}

/* A request larger than the buffer is answered, and its rest skipped. */
Test(sftp_server, s88_long_requests_are_skipped)
{
    static const struct {
        uint8_t msg;
        uint32_t status;
    } cases[] = {{NCR_FXP_STAT, NACRE_FX_BAD_MESSAGE},
                 {NCR_FXP_EXTENDED, NACRE_FX_OP_UNSUPPORTED},
                 {99, NACRE_FX_BAD_MESSAGE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct server *k = ready(NULL);
        struct answer a;
        say_head(NCR_SFTP_PACKET_MAX, cases[i].msg, 7);
        memset(script + script_n, 'x', NCR_SFTP_PACKET_MAX - 5);
        script_n += NCR_SFTP_PACKET_MAX - 5;
        cr_assert_eq(run(k), NACRE_OK);
        cr_assert(hear(&a));
        cr_assert(a.id == 7 && a.status == cases[i].status);
        cr_assert_eq(path_status(k, NACRE_SFTP_OP_MKDIR, "/d"), NACRE_FX_OK); /* in step still */
        stop(k);
    }
}

Test(sftp_server, s88_paths)
{
    static uint8_t path[NCR_SFTP_PATH_MAX + 1];
    struct server *k = ready(NULL);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_STAT, .path = {path, sizeof path}};
    memset(path, 'p', sizeof path);
    cr_assert_eq(status_of(k, &req), NACRE_FX_BAD_MESSAGE);
    req = (struct nacre_sftp_req){
        .op = NACRE_SFTP_OP_RENAME, .path = str("/f"), .path2 = {path, sizeof path}};
    cr_assert_eq(status_of(k, &req), NACRE_FX_BAD_MESSAGE);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_STAT, .path = {(const uint8_t *)"/f\0g", 4}};
    cr_assert_eq(status_of(k, &req), NACRE_FX_BAD_MESSAGE);
    cr_assert_eq(path_status(k, NACRE_SFTP_OP_STAT, ""), NACRE_FX_NO_SUCH_FILE);
    stop(k);
}

Test(sftp_server, s88_offsets)
{
    static const uint64_t offsets[] = {(uint64_t)INT64_MAX, (uint64_t)INT64_MAX - 3,
                                       (uint64_t)INT64_MAX + 1, UINT64_MAX, UINT64_MAX - 3};
    struct server *k = ready(NULL);
    struct handle h = open_file(k, "/f", RW);
    cr_assert_eq(write_at(k, &h, 0, "12345", 5), NACRE_FX_OK);
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        cr_assert_eq(write_at(k, &h, offsets[i], "12345", 5), NACRE_FX_BAD_MESSAGE);
        struct answer a = read_at(k, &h, offsets[i], 0xffffffff);
        cr_assert_eq(a.status, NACRE_FX_BAD_MESSAGE);
    }
    stop(k);
}

Test(sftp_server, s88_read_is_capped)
{
    struct server *k = ready(NULL);
    uint8_t *p = pattern(400000);
    put_file(k, "/f", p, 400000);
    struct handle h = open_file(k, "/f", NACRE_FXF_READ);
    struct answer a = read_at(k, &h, 1, 0xffffffff);
    cr_assert_eq(data_of(&a).n, NCR_SFTP_READ_MAX);
    cr_assert_arr_eq(data_of(&a).p, p + 1, NCR_SFTP_READ_MAX);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_LIMITS};
    a = ask(k, &req);
    struct ncr_rd r = ncr_rd(a.body);
    cr_assert_eq(ncr_rd_u64(&r), NCR_SFTP_PACKET_MAX);
    cr_assert_eq(ncr_rd_u64(&r), NCR_SFTP_READ_MAX);
    cr_assert_eq(ncr_rd_u64(&r), NCR_SFTP_READ_MAX);
    cr_assert_eq(ncr_rd_u64(&r), NCR_SFTP_HANDLES_MAX);
    free(p);
    stop(k);
}

static void say_write_lengths(const struct handle *h, uint32_t len, uint32_t hn, uint32_t n)
{
    struct ncr_wr w = ncr_wr(script + script_n, sizeof script - script_n);
    ncr_wr_u32(&w, len);
    ncr_wr_u8(&w, NCR_FXP_WRITE);
    ncr_wr_u32(&w, 1);
    ncr_wr_u32(&w, hn);
    ncr_wr_bytes(&w, h->b, sizeof h->b);
    ncr_wr_u64(&w, 0);
    ncr_wr_u32(&w, n);
    script_n += w.n;
    memset(script + script_n, 'x', 64);
    script_n += 64;
}

Test(sftp_server, s88_write_lengths)
{
    static const struct {
        uint32_t len, hn, n;
        bool good;
    } cases[] = {
        {29 + 64, 8, 64, true},
        {29 + 64, 8, 63, false},
        {29 + 64, 8, 65, false},
        {29 + 64, 8, 0xffffffff, false},
        {29 + 63, 8, 64, false},
        {29 + 65, 8, 64, false},
        {29 + 64, 0xffffffff, 64, false},
        {29 + 64, 29 + 64, 64, false},
        {20, 0, 0, false},
        {28, 8, 0, false},
        {29 + 64, 0x80000000, 64, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct server *k = ready(NULL);
        struct handle h = open_file(k, "/f", RW);
        struct answer a;
        reply_n = heard = 0;
        say_write_lengths(&h, cases[i].len, cases[i].hn, cases[i].n);
        if (!cases[i].good) {
            expect_end(k, NACRE_ERR_FORMAT);
            continue;
        }
        cr_assert_eq(run(k), NACRE_OK, "%zu", i);
        cr_assert(hear(&a));
        cr_assert_eq(a.status, NACRE_FX_OK);
        stop(k);
    }
}

/* ---- Order ---- */

Test(sftp_server, order_of_messages)
{
    struct server *k = start(NULL);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_STAT, .path = str("/")};
    say(1, &req);
    expect_end(k, NACRE_ERR_ORDER);
    k = ready(NULL);
    say_init();
    expect_end(k, NACRE_ERR_ORDER);
    static const uint8_t version2[] = {0, 0, 0, 5, 1, 0, 0, 0, 2};
    k = start(NULL);
    say_bytes(version2, sizeof version2);
    expect_end(k, NACRE_ERR_VERSION_UNSUPPORTED);
    static const uint8_t version6[] = {0, 0, 0, 9, 1, 0, 0, 0, 6, 0, 0, 0, 0};
    k = start(NULL);
    say_bytes(version6, sizeof version6); /* half a pair */
    expect_end(k, NACRE_ERR_FORMAT);
    static const uint8_t version4[] = {0, 0, 0, 5, 1, 0, 0, 0, 4};
    k = start(NULL);
    say_bytes(version4, sizeof version4); /* we answer 3 */
    cr_assert_eq(run(k), NACRE_OK);
    cr_assert_eq(reply[8], 3);
    stop(k);
}

Test(sftp_server, unknown_requests_are_answered)
{
    static const uint8_t odd[] = {0, 0, 0, 8, 77, 0, 0, 0, 5, 1, 2, 3};
    struct server *k = ready(NULL);
    struct answer a;
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_EXTENDED, .name = str("x@example.org"), .data = str("data")};
    cr_assert_eq(status_of(k, &req), NACRE_FX_OP_UNSUPPORTED);
    reply_n = heard = 0;
    say_bytes(odd, sizeof odd);
    cr_assert_eq(run(k), NACRE_OK);
    cr_assert(hear(&a));
    cr_assert(a.id == 5 && a.status == NACRE_FX_OP_UNSUPPORTED);
    stop(k);
}

/* A READ tells what was there when it came, although its data is read only when there is room: what
 * would change it waits. */
Test(sftp_server, requests_keep_their_order)
{
    struct server *k = ready(NULL);
    put_file(k, "/f", (const uint8_t *)"old", 3);
    struct handle h = open_file(k, "/f", RW);
    struct nacre_sftp_req rd = {.op = NACRE_SFTP_OP_READ, .handle = hb(&h), .len = 3};
    struct nacre_sftp_req wr = {.op = NACRE_SFTP_OP_WRITE, .handle = hb(&h), .data = str("new")};
    struct nacre_sftp_req cl = {.op = NACRE_SFTP_OP_CLOSE, .handle = hb(&h)};
    struct answer a;
    reply_n = heard = 0;
    say(1, &rd);
    say(2, &wr);
    say(3, &rd);
    say(4, &cl);
    say(5, &rd);
    size_t used, all = script_n;
    cr_assert_eq(nacre_sftp_server_recv(&k->s, script, script_n, &used), NACRE_OK);
    cr_assert_lt(used, all); /* the write waits with the caller */
    cr_assert(nacre_sftp_server_wants(&k->s) & NACRE_WANT_WRITE);
    memmove(script, script + used, script_n - used);
    script_n -= used;
    cr_assert_eq(run(k), NACRE_OK);
    cr_assert(hear(&a) && a.id == 1);
    cr_assert(nacre_bytes_is(data_of(&a), "old"));
    cr_assert(hear(&a) && a.id == 2 && a.status == NACRE_FX_OK);
    cr_assert(hear(&a) && a.id == 3);
    cr_assert(nacre_bytes_is(data_of(&a), "new"));
    cr_assert(hear(&a) && a.id == 4 && a.status == NACRE_FX_OK);
    cr_assert(hear(&a) && a.id == 5 && a.status == NACRE_FX_FAILURE);
    stop(k);
}

/* ---- Splits ---- */

/* Everything at once, in a stream that is the same however it is cut. */
static void long_script(struct server *k)
{
    static const uint8_t odd[] = {0, 0, 0, 8, 77, 0, 0, 0, 5, 1, 2, 3};
    struct handle h = open_file(k, "/f", RW), dst = open_file(k, "/copy", RW);
    struct nacre_sftp_req req;
    struct ncr_wr w;
    put_file(k, "/f", (const uint8_t *)"0123456789", 10);
    furnish(k);
    reply_n = heard = 0;
    for (int op = NACRE_SFTP_OP_OPEN; op < NACRE_SFTP_OP_COUNT; op++) {
        req = example((enum nacre_sftp_op)op, &h, &dst);
        req.data = str(op == NACRE_SFTP_OP_USERS_GROUPS ? "" : "data");
        req.len = 7;
        if (op != NACRE_SFTP_OP_CLOSE && op != NACRE_SFTP_OP_REMOVE && op != NACRE_SFTP_OP_RMDIR) {
            say((uint32_t)op, &req);
        }
    }
    say_write_lengths(&h, 29 + 64, 8, 64);
    w = ncr_wr(script + script_n, sizeof script - script_n);
    ncr_sftp_write_head_put(&w, 90, str("bad handle"), 0, 5);
    ncr_wr_bytes(&w, (const uint8_t *)"abcde", 5);
    script_n += w.n;
    say_bytes(odd, sizeof odd);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_READ, .handle = hb(&h), .len = 100};
    for (uint32_t i = 0; i < 5; i++) {
        req.offset = i * 20;
        say(200 + i, &req);
    }
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_WRITE, .handle = hb(&h), .data = {NULL, 0}};
    say(300, &req);
}

static size_t expected_n;
static uint8_t expected[65536];

static struct server *scripted(void)
{
    struct server *k = ready(NULL);
    long_script(k);
    return k;
}

static void expect_same(const char *how, size_t a, size_t b)
{
    if (expected_n == 0) {
        expected_n = reply_n;
        cr_assert_lt(expected_n, sizeof expected);
        memcpy(expected, reply, reply_n);
    }
    cr_assert_eq(reply_n, expected_n, "%s %zu %zu: %zu bytes, not %zu", how, a, b, reply_n,
                 expected_n);
    cr_assert_arr_eq(reply, expected, expected_n);
}

Test(sftp_server, every_split_of_the_input)
{
    for (size_t at = 0;; at++) {
        struct server *k = scripted();
        if (at > script_n) {
            stop(k);
            break;
        }
        cr_assert_eq(feed_room(k, script, at, 32768), NACRE_OK);
        cr_assert_eq(feed_room(k, script + at, script_n - at, 32768), NACRE_OK);
        expect_same("split", at, 0);
        stop(k);
    }
}

Test(sftp_server, every_size_of_pieces_and_places)
{
    static const size_t rooms[] = {1, 2, 3, 12, 13, 14, 15, 20, 63, 64, 100, 511, 512, 1000, 32768};
    for (size_t step = 1; step < 40; step++) {
        for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
            struct server *k = scripted();
            for (size_t at = 0; at < script_n; at += step) {
                size_t n = script_n - at < step ? script_n - at : step;
                cr_assert_eq(feed_room(k, script + at, n, rooms[i]), NACRE_OK);
            }
            expect_same("pieces", step, rooms[i]);
            stop(k);
        }
    }
}

Test(sftp_server, moved_in_the_middle)
{
    for (size_t at = 0;; at += 5) {
        struct server *k = scripted(), *to = malloc(sizeof *to);
        if (at > script_n) {
            stop(k);
            free(to);
            break;
        }
        cr_assert_eq(feed_room(k, script, at, 32768), NACRE_OK);
        memcpy(to, k, sizeof *to);
        to->fs.ctx = &to->m; /* the table is the caller's */
        to->s.cfg.fs = &to->fs;
        memset(k, 0x77, sizeof *k);
        free(k);
        cr_assert_eq(feed_room(to, script + at, script_n - at, 100), NACRE_OK);
        expect_same("moved", at, 0);
        stop(to);
    }
}

/* Nobody takes output: the engine stops taking input, in bounded memory, and goes on later. */
Test(sftp_server, s08_output_is_not_taken)
{
    struct server *k = ready(NULL);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_STAT, .path = str("/nothing")};
    size_t all = 0, used = 1, got = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        say(i, &req);
    }
    reply_n = heard = 0;
    while (all < script_n) {
        cr_assert_eq(nacre_sftp_server_recv(&k->s, script + all, script_n - all, &used), NACRE_OK);
        all += used;
        if (used > 0) {
            continue;
        }
        cr_assert_eq(nacre_sftp_server_wants(&k->s), NACRE_WANT_WRITE);
        reply_n += nacre_sftp_server_output(&k->s, reply + reply_n, 1000);
    }
    drain(k, 1000);
    for (struct answer a; hear(&a); got++) {
        cr_assert_eq(a.id, got);
        cr_assert_eq(a.status, NACRE_FX_NO_SUCH_FILE);
    }
    cr_assert_eq(got, 5000);
    stop(k);
}

Test(sftp_server, s08_reads_are_queued_up_to_a_limit)
{
    struct server *k = ready(NULL);
    struct answer a;
    uint32_t got = 0;
    put_file(k, "/f", (const uint8_t *)"0123456789", 10);
    struct handle h = open_file(k, "/f", NACRE_FXF_READ);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_READ, .handle = hb(&h), .len = 10};
    for (uint32_t i = 0; i < 1000; i++) {
        say(i, &req);
    }
    size_t used, one = script_n / 1000;
    cr_assert_eq(nacre_sftp_server_recv(&k->s, script, script_n, &used), NACRE_OK);
    cr_assert_eq(used, one * NACRE_SFTP_REQUESTS_MAX * 2 + 5);
    memmove(script, script + used, script_n - used);
    script_n -= used;
    reply_n = heard = 0;
    cr_assert_eq(run(k), NACRE_OK);
    for (; hear(&a); got++) {
        cr_assert_eq(a.id, got);
        cr_assert(nacre_bytes_is(data_of(&a), "0123456789"));
    }
    cr_assert_eq(got, 1000);
    stop(k);
}

/* ---- Data without copies; files that change ---- */

struct odd_file {
    const uint8_t *lo, *hi; /* where the place is that reads must go to, writes come from */
    uint64_t size;          /* what fstat says */
    uint64_t end;           /* where it ends */
    unsigned reads, writes, stats;
    unsigned fail_read; /* number of the read that fails */
};
static struct odd_file odd;

static enum nacre_fs_result odd_open(void *ctx, struct nacre_bytes path, uint32_t pflags,
                                     const struct nacre_sftp_attrs *attrs, uint64_t *file)
{
    (void)ctx, (void)path, (void)pflags, (void)attrs;
    *file = 5;
    return NACRE_FS_OK;
}

static enum nacre_fs_result odd_read(void *ctx, uint64_t file, uint64_t offset, uint8_t *p,
                                     size_t n, size_t *got)
{
    (void)ctx, (void)file;
    cr_assert(p >= odd.lo && p + n <= odd.hi, "read into another place than the caller's");
    if (++odd.reads == odd.fail_read) {
        return NACRE_FS_IO;
    }
    *got = offset >= odd.end ? 0 : odd.end - offset < n ? (size_t)(odd.end - offset) : n;
    memset(p, 'd', *got);
    return NACRE_FS_OK;
}

static enum nacre_fs_result odd_write(void *ctx, uint64_t file, uint64_t offset, const uint8_t *p,
                                      size_t n)
{
    (void)ctx, (void)file, (void)offset;
    cr_assert(p >= odd.lo && p + n <= odd.hi, "written from another place than the caller's");
    odd.writes++;
    return NACRE_FS_OK;
}

static enum nacre_fs_result odd_fstat(void *ctx, uint64_t file, struct nacre_sftp_attrs *a)
{
    (void)ctx, (void)file;
    odd.stats++;
    a->flags = NACRE_SFTP_ATTR_SIZE;
    a->size = odd.size;
    return NACRE_FS_OK;
}

static const struct nacre_fs odd_fs = {
    .open = odd_open, .read = odd_read, .write = odd_write, .fstat = odd_fstat};
static const struct nacre_sftp_server_cfg odd_cfg = {.fs = &odd_fs};

static struct server *odd_ready(uint64_t size, uint64_t end, struct handle *h)
{
    struct server *k = ready(&odd_cfg);
    *h = open_file(k, "/f", RW);
    memset(&odd, 0, sizeof odd);
    odd.size = size;
    odd.end = end;
    odd.lo = reply;
    odd.hi = reply + sizeof reply;
    return k;
}

Test(sftp_server, reads_go_straight_to_the_place)
{
    struct handle h;
    struct server *k = odd_ready(1 << 20, 1 << 20, &h);
    struct answer a = read_at(k, &h, 0, 255 * 1024); /* in places of 32,768 bytes */
    cr_assert_eq(data_of(&a).n, 255 * 1024);
    cr_assert_eq(odd.reads, 8); /* one for each place */
    cr_assert_eq(odd.stats, 1);
    odd.reads = odd.stats = 0;
    a = read_at(k, &h, 0, 32768 - 13);
    cr_assert_eq(data_of(&a).n, 32768 - 13);
    cr_assert(odd.reads == 1 && odd.stats == 0);
    stop(k);
}

Test(sftp_server, writes_come_straight_from_the_slice)
{
    struct handle h;
    struct server *k = odd_ready(0, 0, &h);
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_WRITE, .handle = hb(&h), .data = {reply, 100000}};
    reply_n = heard = 0;
    say(1, &req);
    odd.lo = script;
    odd.hi = script + script_n;
    for (size_t at = 0; at < script_n; at += 32768) {
        size_t used, n = script_n - at < 32768 ? script_n - at : 32768;
        cr_assert_eq(nacre_sftp_server_recv(&k->s, script + at, n, &used), NACRE_OK);
        cr_assert_eq(used, n);
    }
    cr_assert_eq(odd.writes, 4);
    drain(k, 100);
    struct answer a;
    cr_assert(hear(&a) && a.id == 1 && a.status == NACRE_FX_OK);
    stop(k);
}

Test(sftp_server, file_cut_short_within_a_reply_reads_as_zeros)
{
    struct handle h;
    struct server *k = odd_ready(100000, 50000, &h);
    struct answer a = read_at(k, &h, 0, 100000);
    struct nacre_bytes b = data_of(&a);
    cr_assert_eq(b.n, 100000);
    for (size_t i = 0; i < b.n; i++) {
        cr_assert_eq(b.p[i], i < 50000 ? 'd' : 0);
    }
    a = read_at(k, &h, 50000, 10);
    cr_assert_eq(a.status, NACRE_FX_EOF);
    stop(k);
}

Test(sftp_server, file_without_a_size_is_read_by_places)
{
    struct handle h;
    struct server *k = odd_ready(0, 1000000, &h);
    struct answer a = read_at(k, &h, 0, 100000);
    cr_assert_eq(data_of(&a).n, 32768 - 13);
    a = read_at(k, &h, 999990, 100000);
    cr_assert_eq(data_of(&a).n, 10);
    stop(k);
}

/* Before the length is out an error is a status; after it there is nothing left but to end. */
Test(sftp_server, reads_that_fail)
{
    struct handle h;
    struct server *k = odd_ready(100000, 100000, &h);
    odd.fail_read = 1;
    struct answer a = read_at(k, &h, 0, 100000);
    cr_assert_eq(a.status, NACRE_FX_FAILURE);
    odd.reads = 0;
    odd.fail_read = 3;
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_READ, .handle = hb(&h), .offset = 0, .len = 100000};
    reply_n = heard = 0;
    say(1, &req);
    cr_assert_eq(feed_room(k, script, script_n, 32768), NACRE_OK);
    cr_assert_eq(nacre_sftp_server_errinfo(&k->s).err, NACRE_ERR_IO);
    cr_assert_lt(reply_n, 100000);
    stop(k);
}

/* ---- copy-data ---- */

Test(sftp_server, copy_data)
{
    struct server *k = ready(NULL);
    uint8_t *p = pattern(200000);
    put_file(k, "/f", p, 200000);
    struct handle from = open_file(k, "/f", RW), to = open_file(k, "/g", RW);
    struct handle same = open_file(k, "/f", RW), ro = open_file(k, "/f", NACRE_FXF_READ);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_COPY_DATA,
                                 .handle = hb(&from),
                                 .handle2 = hb(&to),
                                 .offset = 1000,
                                 .offset2 = 10};
    cr_assert_eq(status_of(k, &req), NACRE_FX_OK);
    struct answer a = read_at(k, &to, 10, 250000);
    cr_assert_eq(data_of(&a).n, 199000);
    cr_assert_arr_eq(data_of(&a).p, p + 1000, 199000);
    req.count = 5;
    req.offset2 = 300000;
    cr_assert_eq(status_of(k, &req), NACRE_FX_OK);
    a = read_at(k, &to, 300000, 100);
    cr_assert_eq(data_of(&a).n, 5);
    req.count = 200000; /* more than there is */
    cr_assert_eq(status_of(k, &req), NACRE_FX_EOF);
    req.count = UINT64_MAX;
    cr_assert_neq(status_of(k, &req), NACRE_FX_OK);
    req.offset2 = UINT64_MAX;
    cr_assert_eq(status_of(k, &req), NACRE_FX_BAD_MESSAGE);
    req = (struct nacre_sftp_req){
        .op = NACRE_SFTP_OP_COPY_DATA, .handle = hb(&from), .handle2 = hb(&from)};
    cr_assert_eq(status_of(k, &req), NACRE_FX_FAILURE); /* onto itself */
    req.handle2 = hb(&ro);
    cr_assert_eq(status_of(k, &req), NACRE_FX_FAILURE);
    req.handle2 = hb(&same); /* behind itself: ends at the end of before */
    req.offset2 = 200000;
    cr_assert_eq(status_of(k, &req), NACRE_FX_OK);
    struct nacre_sftp_req st = {.op = NACRE_SFTP_OP_FSTAT, .handle = hb(&from)};
    cr_assert_eq(attrs_of(k, &st).size, 400000);
    free(p);
    stop(k);
}

/* A copy of any length does a bounded piece of work in each call. */
Test(sftp_server, copy_data_is_done_in_steps)
{
    struct handle h;
    struct server *k = odd_ready(0, UINT64_MAX, &h);
    struct handle to = open_file(k, "/g", RW);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_COPY_DATA,
                                 .handle = hb(&h),
                                 .handle2 = hb(&to),
                                 .count = (uint64_t)1 << 40};
    size_t used;
    say(1, &req);
    odd.lo = (const uint8_t *)k->mem;
    odd.hi = odd.lo + sizeof k->mem;
    cr_assert_eq(nacre_sftp_server_recv(&k->s, script, script_n, &used), NACRE_OK);
    cr_assert_eq(used, script_n);
    for (int i = 0; i < 10; i++) {
        odd.writes = 0;
        cr_assert_eq(nacre_sftp_server_output(&k->s, reply, 100), 0);
        cr_assert_leq(odd.writes, 32);
        cr_assert_eq(nacre_sftp_server_wants(&k->s), NACRE_WANT_WRITE);
        cr_assert_eq(nacre_sftp_server_recv(&k->s, script, script_n, &used), NACRE_OK);
        script_n -= used;
        cr_assert(i == 0 ? used == 5 : used == 0); /* nothing overtakes it */
    }
    nacre_sftp_server_close(&k->s);
    stop(k);
}

/* ---- Extensions that files in memory do not have ---- */

static enum nacre_fs_result ext_statvfs(void *ctx, struct nacre_bytes path,
                                        struct nacre_sftp_statvfs *v)
{
    (void)ctx;
    v->bsize = path.n;
    v->namemax = 255;
    return path.n == 0 ? NACRE_FS_NOT_FOUND : NACRE_FS_OK;
}

static enum nacre_fs_result ext_fstatvfs(void *ctx, uint64_t file, struct nacre_sftp_statvfs *v)
{
    (void)ctx;
    v->bsize = file;
    return NACRE_FS_OK;
}

static enum nacre_fs_result ext_hardlink(void *ctx, struct nacre_bytes from, struct nacre_bytes to)
{
    (void)ctx;
    return nacre_bytes_is(from, "/a") && nacre_bytes_is(to, "/b") ? NACRE_FS_OK : NACRE_FS_EXISTS;
}

/* Gives back its argument, as often as the length of the text says. */
static enum nacre_fs_result ext_echo(void *ctx, struct nacre_bytes path, struct nacre_bytes *out)
{
    static uint8_t longest[NCR_SFTP_PATH_MAX + 1];
    (void)ctx;
    memset(longest, 'e', sizeof longest);
    *out = path;
    if (nacre_bytes_is(path, "longest")) {
        *out = (struct nacre_bytes){longest, NCR_SFTP_PATH_MAX};
    } else if (nacre_bytes_is(path, "longer")) {
        *out = (struct nacre_bytes){longest, NCR_SFTP_PATH_MAX + 1};
    }
    return NACRE_FS_OK;
}

static enum nacre_fs_result ext_id_name(void *ctx, bool group, uint32_t id, struct nacre_bytes *out)
{
    (void)ctx;
    *out = str(id == 7 ? "" : group ? "wheel" : "root");
    return id == 99 ? NACRE_FS_IO : NACRE_FS_OK;
}

static const struct nacre_fs ext_fs = {.open = odd_open,
                                       .fstatvfs = ext_fstatvfs,
                                       .statvfs = ext_statvfs,
                                       .hardlink = ext_hardlink,
                                       .expand = ext_echo,
                                       .home = ext_echo,
                                       .realpath = ext_echo,
                                       .id_name = ext_id_name};

static struct nacre_sftp_event ext_reply(struct server *k, const struct nacre_sftp_req *req)
{
    struct nacre_sftp_event ev;
    (void)ask(k, req);
    struct nacre_bytes body = {reply + 4, reply_n - 4};
    cr_assert(ncr_sftp_reply_get(&ev, req->op, body));
    return ev;
}

Test(sftp_server, other_extensions)
{
    struct nacre_sftp_server_cfg cfg = {.fs = &ext_fs};
    struct server *k = ready(&cfg);
    struct handle h = open_file(k, "/f", NACRE_FXF_READ);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_STATVFS, .path = str("/abc")};
    cr_assert_eq(ext_reply(k, &req).vfs.bsize, 4);
    cr_assert_eq(path_status(k, NACRE_SFTP_OP_STATVFS, ""), NACRE_FX_NO_SUCH_FILE);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_FSTATVFS, .handle = hb(&h)};
    cr_assert_eq(ext_reply(k, &req).vfs.bsize, 5);
    req.handle = str("wrong");
    cr_assert_eq(status_of(k, &req), NACRE_FX_FAILURE);
    req = (struct nacre_sftp_req){
        .op = NACRE_SFTP_OP_HARDLINK, .path = str("/a"), .path2 = str("/b")};
    cr_assert_eq(status_of(k, &req), NACRE_FX_OK);
    req.path2 = str("/c");
    cr_assert_eq(status_of(k, &req), NACRE_FX_FAILURE);
    static const enum nacre_sftp_op echoes[] = {NACRE_SFTP_OP_EXPAND_PATH, NACRE_SFTP_OP_REALPATH,
                                                NACRE_SFTP_OP_HOME_DIRECTORY};
    for (size_t i = 0; i < 3; i++) {
        struct nacre_sftp_name name;
        req = (struct nacre_sftp_req){.op = echoes[i], .path = str("longest")};
        struct nacre_sftp_event ev = ext_reply(k, &req);
        cr_assert(nacre_sftp_names_next(&ev.names, &name));
        cr_assert_eq(name.name.n, NCR_SFTP_PATH_MAX);
        cr_assert_eq(path_status(k, echoes[i], "longer"), NACRE_FX_BAD_MESSAGE);
    }
    stop(k);
}

Test(sftp_server, names_of_ids)
{
    static uint8_t ids[12000];
    static const uint8_t few[] = {0, 0, 0, 0, 0, 0, 0, 7}, bad[] = {0, 0, 0, 99};
    struct nacre_sftp_server_cfg cfg = {.fs = &ext_fs};
    struct server *k = ready(&cfg);
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_USERS_GROUPS, .data = {few, 8}, .data2 = {few, 4}};
    struct nacre_sftp_event ev = ext_reply(k, &req);
    cr_assert_eq(ev.data.n, 12);
    cr_assert_arr_eq(ev.data.p, "\0\0\0\4root\0\0\0\0", 12);
    cr_assert_eq(ev.data2.n, 9);
    cr_assert_arr_eq(ev.data2.p, "\0\0\0\5wheel", 9);
    req.data.n = 7; /* not a number of ids */
    cr_assert_eq(status_of(k, &req), NACRE_FX_BAD_MESSAGE);
    req.data = (struct nacre_bytes){bad, 4};
    cr_assert_eq(status_of(k, &req), NACRE_FX_FAILURE);
    req.data = (struct nacre_bytes){ids, sizeof ids}; /* s21: more names than a reply holds */
    req.data2 = req.data;
    req.data2.n = 4;
    cr_assert_neq(ext_reply(k, &req).type, NACRE_SFTP_EV_NONE);
    req.data2.n = 0;
    req.data.n = 6000;
    cr_assert_eq(ext_reply(k, &req).type, NACRE_SFTP_EV_EXTENDED);
    req.data.n = sizeof ids;
    req.data2 = (struct nacre_bytes){ids, 4000};
    cr_assert_eq(status_of(k, &req), NACRE_FX_FAILURE);
    stop(k);
}

Test(sftp_server, s88_long_init)
{
    struct server *k = start(NULL);
    say_head(17000, NCR_FXP_INIT, 3);
    expect_end(k, NACRE_ERR_LIMIT);
}

/* ---- Failures ---- */

/* Requests in the script. */
static size_t said(void)
{
    struct nacre_bytes all = {script, script_n};
    struct ncr_rd r = ncr_rd(all);
    size_t n = 0;
    for (; r.n > 0; n++) {
        (void)ncr_rd_string(&r); /* only counted */
    }
    cr_assert(ncr_rd_end(&r));
    return n;
}

/* The n-th call of the file system fails, for every n: each request is answered once all the same.
 */
Test(sftp_server, s94_every_hook_fails_once)
{
    for (uint32_t n = 1; n < 80; n++) {
        struct server *k = scripted();
        struct answer a;
        size_t answers = 0;
        k->m.fail_in = n;
        cr_assert_eq(feed_room(k, script, script_n, 32768), NACRE_OK);
        for (; hear(&a); answers++) {
        }
        cr_assert_eq(answers, said());
        stop(k);
    }
}

Test(sftp_server, s20_flipped_bits)
{
    struct server *k = scripted();
    size_t n = script_n;
    stop(k);
    for (size_t bit = 0; bit < 8 * n; bit += 3) {
        k = scripted();
        script[bit / 8] ^= (uint8_t)(1u << bit % 8);
        (void)feed_room(k, script, script_n, 32768); /* an end or answers; within its memory */
        stop(k);
    }
}

Test(sftp_server, region)
{
    static uint64_t mem[NACRE_SFTP_SERVER_MEM / 8];
    struct nacre_sftp_server s;
    struct nacre_sftp_server_cfg cfg = {0};
    cr_assert_eq(nacre_sftp_server_init(&s, mem, sizeof mem - 1, &cfg), NACRE_ERR_REGION);
    cr_assert_eq(nacre_sftp_server_wants(&s), NACRE_WANT_CLOSED);
    cr_assert_eq(nacre_sftp_server_init(&s, NULL, sizeof mem, &cfg), NACRE_ERR_REGION);
}

/* ---- Trace ---- */

static char traced[4096];

static void trace(void *ctx, const struct nacre_sftp_trace *t)
{
    size_t n = strlen(traced);
    cr_assert_eq(ctx, traced);
    (void)snprintf(traced + n, sizeof traced - n, "%s %u %u %llu/%llu; ",
                   nacre_sftp_op_name(t->req->op), t->status, t->handle,
                   (unsigned long long)t->bytes_read, (unsigned long long)t->bytes_written);
}

Test(sftp_server, trace_tells_what_was_done)
{
    struct nacre_sftp_server_cfg cfg = {.trace = trace, .trace_ctx = traced};
    struct server *k = ready(&cfg);
    struct handle h = open_file(k, "/f", RW);
    cr_assert_eq(write_at(k, &h, 0, "12345", 5), NACRE_FX_OK);
    (void)read_at(k, &h, 1, 3);
    cr_assert_eq(handle_status(k, NACRE_SFTP_OP_CLOSE, &h), NACRE_FX_OK);
    (void)path_status(k, NACRE_SFTP_OP_STAT, "/nothing");
    cr_assert_str_eq(traced, "open 0 0 0/0; close 0 0 3/5; stat 2 256 0/0; ");
    stop(k);
}
