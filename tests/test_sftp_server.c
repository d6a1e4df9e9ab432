/* SPDX-License-Identifier: ISC
 *
 * Requests of the server's SFTP engine (sftp/sftp_server.c) over the file system in memory: what
 * each does, directories, handles (s87), extensions, trace. What is refused is in
 * test_sftp_server_rules.c, how bytes flow in test_sftp_server_stream.c.
 */
#include "tests/sftp_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Requests ---- */

Test(sftp_server, version_announces_what_is_served)
{
    struct sftp_rig *k = sftp_start(NULL);
    uint32_t version;
    uint64_t ops;
    sftp_say_init();
    cr_assert_eq(sftp_run(k), NACRE_OK);
    struct nacre_bytes body = {sftp_replies + 4, sftp_replies_n - 4};
    cr_assert(ncr_sftp_version_get(body, &version, &ops));
    cr_assert_eq(version, 3);
    cr_assert_eq(ops,
                 (uint64_t)1 << NACRE_SFTP_OP_POSIX_RENAME | (uint64_t)1 << NACRE_SFTP_OP_FSYNC |
                     (uint64_t)1 << NACRE_SFTP_OP_LSETSTAT | (uint64_t)1 << NACRE_SFTP_OP_LIMITS |
                     (uint64_t)1 << NACRE_SFTP_OP_COPY_DATA);
    sftp_stop(k);
}

Test(sftp_server, write_and_read)
{
    struct sftp_rig *k = sftp_ready(NULL);
    uint8_t *p = sftp_pattern(100000);
    sftp_put_file(k, "/f", p, 100000);
    struct sftp_handle h = sftp_open(k, "f", NACRE_FXF_READ);
    struct sftp_answer a = sftp_read(k, &h, 0, 100000);
    cr_assert_eq(sftp_data(&a).n, 100000);
    cr_assert_arr_eq(sftp_data(&a).p, p, 100000);
    a = sftp_read(k, &h, 99990, 32768);
    cr_assert_eq(sftp_data(&a).n, 10);
    a = sftp_read(k, &h, 100000, 1);
    cr_assert_eq(a.status, NACRE_FX_EOF);
    a = sftp_read(k, &h, 5, 0);
    cr_assert_eq(sftp_data(&a).n, 0);
    free(p);
    sftp_stop(k);
}

Test(sftp_server, names)
{
    struct sftp_rig *k = sftp_ready(NULL);
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_RENAME, .path = nacre_bytes_str("/f"), .path2 = nacre_bytes_str("/g")};
    sftp_put_file(k, "/f", (const uint8_t *)"x", 1);
    cr_assert_eq(sftp_path_status(k, NACRE_SFTP_OP_MKDIR, "/d"), NACRE_FX_OK);
    cr_assert_eq(sftp_path_status(k, NACRE_SFTP_OP_MKDIR, "/d"), NACRE_FX_FAILURE);
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_OK);
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_NO_SUCH_FILE);
    sftp_put_file(k, "/f", (const uint8_t *)"y", 1);
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_FAILURE); /* never replaces */
    req.op = NACRE_SFTP_OP_POSIX_RENAME;
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_OK); /* replaces */
    req = (struct nacre_sftp_req){
        .op = NACRE_SFTP_OP_SYMLINK, .path = nacre_bytes_str("g"), .path2 = nacre_bytes_str("/l")};
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_OK);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_READLINK, .path = nacre_bytes_str("/l")};
    struct sftp_answer a = sftp_ask(k, &req);
    struct ncr_rd r = ncr_rd(a.body);
    cr_assert_eq(ncr_rd_u32(&r), 1);
    cr_assert(nacre_bytes_is(ncr_rd_string(&r), "g"));
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_REALPATH, .path = nacre_bytes_str("d/../l")};
    a = sftp_ask(k, &req);
    r = ncr_rd(a.body);
    cr_assert_eq(ncr_rd_u32(&r), 1);
    cr_assert(nacre_bytes_is(ncr_rd_string(&r), "/g"));
    cr_assert_eq(sftp_path_status(k, NACRE_SFTP_OP_RMDIR, "/l"),
                 NACRE_FX_NO_SUCH_FILE); /* no directory */
    cr_assert_eq(sftp_path_status(k, NACRE_SFTP_OP_REMOVE, "/d"), NACRE_FX_FAILURE);
    cr_assert_eq(sftp_path_status(k, NACRE_SFTP_OP_REMOVE, "/l"), NACRE_FX_OK);
    cr_assert_eq(sftp_path_status(k, NACRE_SFTP_OP_RMDIR, "/d"), NACRE_FX_OK);
    cr_assert_eq(sftp_path_status(k, NACRE_SFTP_OP_STAT, "/d"), NACRE_FX_NO_SUCH_FILE);
    sftp_stop(k);
}

Test(sftp_server, attributes)
{
    struct sftp_rig *k = sftp_ready(NULL);
    sftp_put_file(k, "/f", (const uint8_t *)"12345", 5);
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_SETSTAT,
        .path = nacre_bytes_str("/f"),
        .attrs = {
            .flags = 15, .size = 3, .uid = 7, .gid = 8, .mode = 0640, .atime = 9, .mtime = 10}};
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_OK);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_STAT, .path = nacre_bytes_str("/f")};
    struct nacre_sftp_attrs a = sftp_attrs(k, &req);
    cr_assert(a.size == 3 && a.uid == 7 && a.gid == 8 && a.mode == (0100640) && a.atime == 9 &&
              a.mtime == 10);
    struct sftp_handle h = sftp_open(k, "/f", NACRE_FXF_WRITE);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_FSETSTAT,
                                  .handle = sftp_handle_bytes(&h),
                                  .attrs = {.flags = NACRE_SFTP_ATTR_SIZE, .size = 1000}};
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_OK);
    req.attrs.size = UINT64_MAX;
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_BAD_MESSAGE);
    req.attrs.size = (uint64_t)INT64_MAX;
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_FAILURE); /* no space */
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_FSTAT, .handle = sftp_handle_bytes(&h)};
    cr_assert_eq(sftp_attrs(k, &req).size, 1000);
    req = (struct nacre_sftp_req){
        .op = NACRE_SFTP_OP_SYMLINK, .path = nacre_bytes_str("f"), .path2 = nacre_bytes_str("/l")};
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_OK);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_LSTAT, .path = nacre_bytes_str("/l")};
    cr_assert_eq(sftp_attrs(k, &req).mode & NACRE_SFTP_S_IFMT, NACRE_SFTP_S_IFLNK);
    req.op = NACRE_SFTP_OP_STAT;
    cr_assert_eq(sftp_attrs(k, &req).mode & NACRE_SFTP_S_IFMT, NACRE_SFTP_S_IFREG);
    sftp_stop(k);
}

Test(sftp_server, open_flags)
{
    struct sftp_rig *k = sftp_ready(NULL);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_OPEN, .path = nacre_bytes_str("/f")};
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_NO_SUCH_FILE);
    sftp_put_file(k, "/f", (const uint8_t *)"12345", 5);
    req.pflags = SFTP_RW | NACRE_FXF_EXCL;
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_FAILURE);
    struct sftp_handle h = sftp_open(k, "/f", 0); /* no access flag: to read */
    struct sftp_answer a = sftp_read(k, &h, 0, 10);
    cr_assert_eq(sftp_data(&a).n, 5);
    cr_assert_eq(sftp_write(k, &h, 0, "x", 1), NACRE_FX_PERMISSION_DENIED);
    h = sftp_open(k, "/f", NACRE_FXF_WRITE);
    a = sftp_read(k, &h, 0, 10);
    cr_assert_eq(a.status, NACRE_FX_PERMISSION_DENIED);
    h = sftp_open(k, "/f", NACRE_FXF_APPEND);
    cr_assert_eq(sftp_write(k, &h, 0, "x", 1), NACRE_FX_OK);
    h = sftp_open(k, "/f", NACRE_FXF_WRITE | NACRE_FXF_TRUNC);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_STAT, .path = nacre_bytes_str("/f")};
    cr_assert_eq(sftp_attrs(k, &req).size, 0);
    sftp_stop(k);
}

/* ---- Directories ---- */

static size_t list(struct sftp_rig *k, const char *path, bool seen[1000])
{
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_OPENDIR, .path = nacre_bytes_str(path)};
    struct sftp_answer a = sftp_ask(k, &req);
    struct sftp_handle h = sftp_take_handle(&a);
    size_t n = 0;
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_READDIR, .handle = sftp_handle_bytes(&h)};
    for (;;) {
        a = sftp_ask(k, &req);
        if (a.msg == NCR_FXP_STATUS) {
            break;
        }
        struct nacre_sftp_event ev;
        struct nacre_sftp_name name;
        struct nacre_bytes body = {sftp_replies + 4, sftp_replies_n - 4};
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
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_EOF); /* and again */
    cr_assert_eq(sftp_handle_status(k, NACRE_SFTP_OP_CLOSE, &h), NACRE_FX_OK);
    return n;
}

Test(sftp_server, s91_names_of_a_reply_are_capped)
{
    struct sftp_rig *k = sftp_ready(NULL);
    bool seen[1000] = {false};
    cr_assert_eq(sftp_path_status(k, NACRE_SFTP_OP_MKDIR, "/d"), NACRE_FX_OK);
    for (int i = 0; i < 280; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "/d/f%03d", i);
        sftp_put_file(k, path, NULL, 0);
    }
    cr_assert_eq(list(k, "/d", seen), 280);
    cr_assert_eq(list(k, "/", (bool[1000]){false}), 1);
    sftp_stop(k);
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
    struct sftp_rig *k = sftp_ready(&cfg);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_OPENDIR, .path = nacre_bytes_str("/")};
    struct sftp_answer a = sftp_ask(k, &req);
    struct sftp_handle h = sftp_take_handle(&a);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_READDIR, .handle = sftp_handle_bytes(&h)};
    for (int i = 0; i < 100; i++) {
        unsigned before = endless_calls;
        struct nacre_sftp_event ev;
        a = sftp_ask(k, &req);
        struct nacre_bytes body = {sftp_replies + 4, sftp_replies_n - 4};
        cr_assert(ncr_sftp_reply_get(&ev, NACRE_SFTP_OP_READDIR, body));
        cr_assert_leq(endless_calls - before, NCR_SFTP_NAMES_MAX);
        cr_assert_leq(sftp_replies_n, 32768);
        struct nacre_sftp_name name;
        while (nacre_sftp_names_next(&ev.names, &name)) {
            cr_assert(name.name.n > 0 && name.name.n <= 1024);
        }
    }
    sftp_stop(k);
}

/* ---- Handles ---- */

static const enum nacre_sftp_op handle_ops[] = {
    NACRE_SFTP_OP_CLOSE,    NACRE_SFTP_OP_READ,  NACRE_SFTP_OP_WRITE,   NACRE_SFTP_OP_FSTAT,
    NACRE_SFTP_OP_FSETSTAT, NACRE_SFTP_OP_FSYNC, NACRE_SFTP_OP_READDIR, NACRE_SFTP_OP_COPY_DATA};

Test(sftp_server, s87_handles)
{
    static uint8_t wrong[10240];
    struct sftp_rig *k = sftp_ready(NULL);
    sftp_furnish(k);
    struct sftp_handle closed = sftp_open(k, "/f", SFTP_RW), used = closed;
    cr_assert_eq(sftp_handle_status(k, NACRE_SFTP_OP_CLOSE, &closed), NACRE_FX_OK);
    used = sftp_open(k, "/f", SFTP_RW); /* the same number, a new generation */
    cr_assert_eq(memcmp(used.b, closed.b, 4), 0);
    cr_assert_neq(memcmp(used.b, closed.b, 8), 0);
    for (size_t i = 0; i < sizeof handle_ops / sizeof *handle_ops; i++) {
        struct nacre_sftp_req req = {.op = handle_ops[i],
                                     .handle = sftp_handle_bytes(&closed),
                                     .handle2 = sftp_handle_bytes(&closed),
                                     .len = 9,
                                     .data = nacre_bytes_str("data")};
        struct sftp_handle far = {{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1}};
        struct sftp_handle beyond = {{0, 0, 1, 0, 0, 0, 0, 1}};
        cr_assert_eq(sftp_status(k, &req), NACRE_FX_FAILURE);
        req.handle = sftp_handle_bytes(&far);
        cr_assert_eq(sftp_status(k, &req), NACRE_FX_FAILURE);
        req.handle = sftp_handle_bytes(&beyond);
        cr_assert_eq(sftp_status(k, &req), NACRE_FX_FAILURE);
        for (size_t n = 0; n < 300; n++) { /* a right one, cut and extended, is none */
            memcpy(wrong, used.b, sizeof used.b);
            req.handle = (struct nacre_bytes){wrong, n};
            if (n != sizeof used.b) {
                cr_assert_eq(sftp_status(k, &req), NACRE_FX_FAILURE, "%d: %zu", handle_ops[i], n);
            }
        }
        req.handle = (struct nacre_bytes){wrong, sizeof wrong};
        cr_assert_eq(sftp_status(k, &req), NACRE_FX_FAILURE);
    }
    cr_assert_eq(sftp_handle_status(k, NACRE_SFTP_OP_CLOSE, &used), NACRE_FX_OK);
    sftp_stop(k);
}

Test(sftp_server, s87_directory_as_file_and_file_as_directory)
{
    struct sftp_rig *k = sftp_ready(NULL);
    sftp_furnish(k);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_OPENDIR, .path = nacre_bytes_str("/d")};
    struct sftp_answer a = sftp_ask(k, &req);
    struct sftp_handle dir = sftp_take_handle(&a), file = sftp_open(k, "/f", SFTP_RW);
    for (size_t i = 1; i < sizeof handle_ops / sizeof *handle_ops; i++) {
        bool on_dir = handle_ops[i] == NACRE_SFTP_OP_READDIR;
        req = (struct nacre_sftp_req){.op = handle_ops[i],
                                      .handle = on_dir ? sftp_handle_bytes(&file)
                                                       : sftp_handle_bytes(&dir),
                                      .handle2 = sftp_handle_bytes(&file),
                                      .len = 9,
                                      .data = nacre_bytes_str("data")};
        cr_assert_eq(sftp_status(k, &req), NACRE_FX_FAILURE);
    }
    cr_assert_eq(sftp_handle_status(k, NACRE_SFTP_OP_CLOSE, &dir), NACRE_FX_OK);
    cr_assert_eq(sftp_handle_status(k, NACRE_SFTP_OP_CLOSE, &dir), NACRE_FX_FAILURE);
    sftp_stop(k);
}

Test(sftp_server, s87_table_is_bounded)
{
    struct sftp_rig *k = sftp_ready(NULL);
    struct sftp_handle h[NACRE_SFTP_HANDLES_MAX];
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_OPEN, .path = nacre_bytes_str("/f"), .pflags = SFTP_RW};
    for (size_t i = 0; i < NACRE_SFTP_HANDLES_MAX; i++) {
        h[i] = sftp_open(k, "/f", SFTP_RW);
        for (size_t j = 0; j < i; j++) {
            cr_assert_neq(memcmp(h[i].b, h[j].b, sizeof h[i].b), 0);
        }
    }
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_FAILURE);
    cr_assert_eq(sftp_path_status(k, NACRE_SFTP_OP_OPENDIR, "/"), NACRE_FX_FAILURE);
    cr_assert_eq(sftp_handle_status(k, NACRE_SFTP_OP_CLOSE, &h[100]), NACRE_FX_OK);
    h[100] = sftp_open(k, "/f", SFTP_RW);
    for (size_t i = 0; i < NACRE_SFTP_HANDLES_MAX; i++) {
        cr_assert_eq(sftp_handle_status(k, NACRE_SFTP_OP_CLOSE, &h[i]), NACRE_FX_OK);
    }
    sftp_stop(k);
}

Test(sftp_server, close_gives_everything_back)
{
    struct sftp_rig *k = sftp_ready(NULL);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_OPENDIR, .path = nacre_bytes_str("/")};
    (void)sftp_open(k, "/f", SFTP_RW);
    (void)sftp_ask(k, &req);
    cr_assert_eq(k->s.n_handles, 2);
    nacre_sftp_server_close(&k->s);
    cr_assert_eq(k->s.n_handles, 0);
    cr_assert_eq(nacre_sftp_server_wants(&k->s), NACRE_WANT_CLOSED);
    for (size_t i = 0; i < NCR_FS_MEMORY_DIRS; i++) {
        cr_assert_not(k->m.dirs[i].used);
    }
    size_t used;
    cr_assert_eq(nacre_sftp_server_recv(&k->s, sftp_replies, 10, &used), NACRE_ERR_CLOSED);
    sftp_stop(k);
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
    *out = nacre_bytes_str(id == 7 ? "" : group ? "wheel" : "root");
    return id == 99 ? NACRE_FS_IO : NACRE_FS_OK;
}

static const struct nacre_fs ext_fs = {.open = sftp_any_open,
                                       .fstatvfs = ext_fstatvfs,
                                       .statvfs = ext_statvfs,
                                       .hardlink = ext_hardlink,
                                       .expand = ext_echo,
                                       .home = ext_echo,
                                       .realpath = ext_echo,
                                       .id_name = ext_id_name};

static struct nacre_sftp_event ext_reply(struct sftp_rig *k, const struct nacre_sftp_req *req)
{
    struct nacre_sftp_event ev;
    (void)sftp_ask(k, req);
    struct nacre_bytes body = {sftp_replies + 4, sftp_replies_n - 4};
    cr_assert(ncr_sftp_reply_get(&ev, req->op, body));
    return ev;
}

Test(sftp_server, other_extensions)
{
    struct nacre_sftp_server_cfg cfg = {.fs = &ext_fs};
    struct sftp_rig *k = sftp_ready(&cfg);
    struct sftp_handle h = sftp_open(k, "/f", NACRE_FXF_READ);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_STATVFS, .path = nacre_bytes_str("/abc")};
    cr_assert_eq(ext_reply(k, &req).vfs.bsize, 4);
    cr_assert_eq(sftp_path_status(k, NACRE_SFTP_OP_STATVFS, ""), NACRE_FX_NO_SUCH_FILE);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_FSTATVFS, .handle = sftp_handle_bytes(&h)};
    cr_assert_eq(ext_reply(k, &req).vfs.bsize, 5);
    req.handle = nacre_bytes_str("wrong");
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_FAILURE);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_HARDLINK,
                                  .path = nacre_bytes_str("/a"),
                                  .path2 = nacre_bytes_str("/b")};
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_OK);
    req.path2 = nacre_bytes_str("/c");
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_FAILURE);
    static const enum nacre_sftp_op echoes[] = {NACRE_SFTP_OP_EXPAND_PATH, NACRE_SFTP_OP_REALPATH,
                                                NACRE_SFTP_OP_HOME_DIRECTORY};
    for (size_t i = 0; i < 3; i++) {
        struct nacre_sftp_name name;
        req = (struct nacre_sftp_req){.op = echoes[i], .path = nacre_bytes_str("longest")};
        struct nacre_sftp_event ev = ext_reply(k, &req);
        cr_assert(nacre_sftp_names_next(&ev.names, &name));
        cr_assert_eq(name.name.n, NCR_SFTP_PATH_MAX);
        cr_assert_eq(sftp_path_status(k, echoes[i], "longer"), NACRE_FX_BAD_MESSAGE);
    }
    sftp_stop(k);
}

Test(sftp_server, names_of_ids)
{
    static uint8_t ids[12000];
    static const uint8_t few[] = {0, 0, 0, 0, 0, 0, 0, 7}, bad[] = {0, 0, 0, 99};
    struct nacre_sftp_server_cfg cfg = {.fs = &ext_fs};
    struct sftp_rig *k = sftp_ready(&cfg);
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_USERS_GROUPS, .data = {few, 8}, .data2 = {few, 4}};
    struct nacre_sftp_event ev = ext_reply(k, &req);
    cr_assert_eq(ev.data.n, 12);
    cr_assert_arr_eq(ev.data.p, "\0\0\0\4root\0\0\0\0", 12);
    cr_assert_eq(ev.data2.n, 9);
    cr_assert_arr_eq(ev.data2.p, "\0\0\0\5wheel", 9);
    req.data.n = 7; /* not a number of ids */
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_BAD_MESSAGE);
    req.data = (struct nacre_bytes){bad, 4};
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_FAILURE);
    req.data = (struct nacre_bytes){ids, sizeof ids}; /* s21: more names than a reply holds */
    req.data2 = req.data;
    req.data2.n = 4;
    cr_assert_neq(ext_reply(k, &req).type, NACRE_SFTP_EV_NONE);
    req.data2.n = 0;
    req.data.n = 6000;
    cr_assert_eq(ext_reply(k, &req).type, NACRE_SFTP_EV_EXTENDED);
    req.data.n = sizeof ids;
    req.data2 = (struct nacre_bytes){ids, 4000};
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_FAILURE);
    sftp_stop(k);
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
    struct sftp_rig *k = sftp_ready(&cfg);
    struct sftp_handle h = sftp_open(k, "/f", SFTP_RW);
    cr_assert_eq(sftp_write(k, &h, 0, "12345", 5), NACRE_FX_OK);
    (void)sftp_read(k, &h, 1, 3);
    cr_assert_eq(sftp_handle_status(k, NACRE_SFTP_OP_CLOSE, &h), NACRE_FX_OK);
    (void)sftp_path_status(k, NACRE_SFTP_OP_STAT, "/nothing");
    cr_assert_str_eq(traced, "open 0 0 0/0; close 0 0 3/5; stat 2 256 0/0; ");
    sftp_stop(k);
}
