/* SPDX-License-Identifier: ISC
 *
 * The file system in memory (sftp/fs_memory.c): that it behaves as the tests that stand on it
 * believe, and that it stays within its region.
 */
#include "sftp/nacre_sftp.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES 20
#define BYTES (64 * 1024)

struct disk {
    struct nacre_fs fs;
    struct nacre_fs_memory m;
    uint8_t *mem;
};

static const struct nacre_sftp_attrs none;

static struct disk *disk(void)
{
    struct disk *d = malloc(sizeof *d);
    size_t n = NACRE_FS_MEMORY_MEM(NODES, BYTES);
    cr_assert_not_null(d);
    d->mem = malloc(n); /* of just that size: a sanitizer sees what goes beyond */
    cr_assert_not_null(d->mem);
    memset(d->mem, 0xa5, n);
    cr_assert_eq(nacre_fs_memory_init(&d->fs, &d->m, d->mem, n, NODES), NACRE_OK);
    return d;
}

static void done(struct disk *d)
{
    free(d->mem);
    free(d);
}

static struct nacre_bytes str(const char *s)
{
    return nacre_bytes_str(s);
}

static uint64_t file(struct disk *d, const char *path, uint32_t pflags)
{
    uint64_t f = 0;
    cr_assert_eq(d->fs.open(d->fs.ctx, str(path), pflags, &none, &f), NACRE_FS_OK);
    return f;
}

static size_t free_blocks(const struct disk *d)
{
    struct nacre_fs_memory *m = (struct nacre_fs_memory *)d->fs.ctx;
    const uint32_t *chain = (const uint32_t *)(void *)(d->mem + NODES * sizeof(struct ncr_fs_node));
    size_t n = 0;
    for (uint32_t b = m->free_block; b != 0; b = chain[b - 1]) {
        cr_assert_leq(b, m->n_blocks);
        n++;
    }
    return n;
}

#define RWC (NACRE_FXF_READ | NACRE_FXF_WRITE | NACRE_FXF_CREAT)

Test(fs_memory, bytes_of_a_file_follow_a_flat_copy)
{
    struct disk *d = disk();
    static uint8_t flat[BYTES], buf[BYTES];
    uint64_t f = file(d, "/f", RWC), size = 0;
    uint32_t x = 1;
    for (int i = 0; i < 3000; i++) {
        struct nacre_sftp_attrs a = {.flags = NACRE_SFTP_ATTR_SIZE};
        size_t at, n, got;
        x = x * 1103515245u + 12345u;
        at = (x >> 8) % 20000;
        n = (x >> 4) % 5000;
        for (size_t j = 0; j < n; j++) {
            buf[j] = (uint8_t)(x + j);
        }
        if (i % 3 == 0 && n > 0) {
            cr_assert_eq(d->fs.write(d->fs.ctx, f, at, buf, n), NACRE_FS_OK);
            memcpy(flat + at, buf, n);
            size = at + n > size ? at + n : size;
        } else if (i % 3 == 1) {
            a.size = at;
            cr_assert_eq(d->fs.fsetstat(d->fs.ctx, f, &a), NACRE_FS_OK);
            memset(flat + at, 0, sizeof flat - at);
            size = at;
        }
        cr_assert_eq(d->fs.read(d->fs.ctx, f, 0, buf, sizeof buf, &got), NACRE_FS_OK);
        cr_assert_eq(got, size);
        cr_assert_eq(memcmp(buf, flat, got), 0, "step %d", i);
        if (at < size) {
            cr_assert_eq(d->fs.read(d->fs.ctx, f, at, buf, n, &got), NACRE_FS_OK);
            cr_assert_eq(got, size - at < n ? size - at : n);
            cr_assert_eq(memcmp(buf, flat + at, got), 0);
        }
    }
    done(d);
}

Test(fs_memory, space_is_bounded_and_comes_back)
{
    struct disk *d = disk();
    static uint8_t buf[BYTES * 2];
    size_t all = free_blocks(d);
    uint64_t f = file(d, "/f", RWC), g;
    cr_assert_geq(all * NCR_FS_MEMORY_BLOCK, BYTES);
    cr_assert_eq(d->fs.write(d->fs.ctx, f, 0, buf, sizeof buf), NACRE_FS_NO_SPACE);
    cr_assert_eq(free_blocks(d), 0);
    g = file(d, "/f", RWC | NACRE_FXF_TRUNC);
    cr_assert_eq(free_blocks(d), all);
    cr_assert_eq(d->fs.write(d->fs.ctx, g, UINT64_MAX - 5, buf, 3), NACRE_FS_NO_SPACE);
    cr_assert_eq(free_blocks(d), all);
    cr_assert_eq(d->fs.write(d->fs.ctx, g, 0, buf, 5000), NACRE_FS_OK);
    cr_assert_eq(d->fs.remove(d->fs.ctx, str("/f")), NACRE_FS_OK); /* lives on in f and g */
    cr_assert_lt(free_blocks(d), all);
    cr_assert_eq(d->fs.close(d->fs.ctx, f), NACRE_FS_OK);
    cr_assert_lt(free_blocks(d), all);
    cr_assert_eq(d->fs.close(d->fs.ctx, g), NACRE_FS_OK);
    cr_assert_eq(free_blocks(d), all);
    done(d);
}

Test(fs_memory, nodes_are_bounded_and_come_back)
{
    struct disk *d = disk();
    char path[16];
    uint64_t f;
    for (int round = 0; round < 3; round++) {
        for (int i = 1; i < NODES; i++) {
            (void)snprintf(path, sizeof path, "/%d", i);
            f = file(d, path, RWC);
            cr_assert_eq(d->fs.close(d->fs.ctx, f), NACRE_FS_OK);
        }
        cr_assert_eq(d->fs.open(d->fs.ctx, str("/x"), RWC, &none, &f), NACRE_FS_NO_SPACE);
        cr_assert_eq(d->fs.mkdir(d->fs.ctx, str("/x"), &none), NACRE_FS_NO_SPACE);
        cr_assert_eq(d->fs.symlink(d->fs.ctx, str("1"), str("/x")), NACRE_FS_NO_SPACE);
        for (int i = 1; i < NODES; i++) {
            (void)snprintf(path, sizeof path, "/%d", i);
            cr_assert_eq(d->fs.remove(d->fs.ctx, str(path)), NACRE_FS_OK);
        }
    }
    done(d);
}

static void expect_real(struct disk *d, const char *path, const char *want)
{
    struct nacre_bytes out;
    cr_assert_eq(d->fs.realpath(d->fs.ctx, str(path), &out), NACRE_FS_OK, "%s", path);
    cr_assert(nacre_bytes_is(out, want), "%s: %.*s", path, (int)out.n, (const char *)out.p);
}

Test(fs_memory, paths)
{
    struct disk *d = disk();
    struct nacre_bytes out;
    struct nacre_sftp_attrs a;
    struct nacre_fs *fs = &d->fs;
    cr_assert_eq(fs->mkdir(fs->ctx, str("/a"), &none), NACRE_FS_OK);
    cr_assert_eq(fs->mkdir(fs->ctx, str("a/b"), &none), NACRE_FS_OK);
    cr_assert_eq(fs->symlink(fs->ctx, str("/a/b"), str("l")), NACRE_FS_OK);
    cr_assert_eq(fs->symlink(fs->ctx, str("../../l"), str("a/b/up")), NACRE_FS_OK);
    cr_assert_eq(fs->symlink(fs->ctx, str("loop"), str("loop")), NACRE_FS_OK);
    cr_assert_eq(fs->close(fs->ctx, file(d, "l/f", RWC)), NACRE_FS_OK);
    expect_real(d, "", "/");
    expect_real(d, "/..", "/");
    expect_real(d, "//a/./b/..//b/f", "/a/b/f");
    expect_real(d, "l/up/up/f", "/a/b/f");
    expect_real(d, "l/new", "/a/b/new");
    cr_assert_eq(fs->realpath(fs->ctx, str("no/new"), &out), NACRE_FS_NOT_FOUND);
    cr_assert_eq(fs->realpath(fs->ctx, str("loop"), &out), NACRE_FS_LOOP);
    cr_assert_eq(fs->stat(fs->ctx, str("a/b/f/x"), true, &a), NACRE_FS_NOT_DIR);
    cr_assert_eq(fs->stat(fs->ctx, str("l"), false, &a), NACRE_FS_OK);
    cr_assert_eq(a.mode & NACRE_SFTP_S_IFMT, NACRE_SFTP_S_IFLNK);
    cr_assert_eq(fs->stat(fs->ctx, str("l"), true, &a), NACRE_FS_OK);
    cr_assert_eq(a.mode & NACRE_SFTP_S_IFMT, NACRE_SFTP_S_IFDIR);
    cr_assert_eq(fs->readlink(fs->ctx, str("l"), &out), NACRE_FS_OK);
    cr_assert(nacre_bytes_is(out, "/a/b"));
    cr_assert_eq(fs->rename(fs->ctx, str("a"), str("a/b/c"), false), NACRE_FS_INVALID);
    cr_assert_eq(fs->rename(fs->ctx, str("a"), str("z"), false), NACRE_FS_OK);
    expect_real(d, "z/b/f", "/z/b/f");
    cr_assert_eq(fs->rmdir(fs->ctx, str("z/b")), NACRE_FS_NOT_EMPTY);
    cr_assert_eq(fs->rmdir(fs->ctx, str("/")), NACRE_FS_BUSY);
    cr_assert_eq(fs->rename(fs->ctx, str("/"), str("/y"), true), NACRE_FS_INVALID);
    char name[65];
    memset(name, 'n', 64);
    name[64] = '\0';
    cr_assert_eq(fs->mkdir(fs->ctx, str(name), &none), NACRE_FS_NAME_TOO_LONG);
    cr_assert_eq(fs->rename(fs->ctx, str("z"), str(name), true), NACRE_FS_NAME_TOO_LONG);
    cr_assert_eq(fs->mkdir(fs->ctx, str(name + 1), &none), NACRE_FS_OK);
    done(d);
}

Test(fs_memory, s94_every_hook_can_fail)
{
    struct disk *d = disk();
    struct nacre_fs *fs = &d->fs;
    struct nacre_bytes out;
    struct nacre_sftp_attrs a;
    struct nacre_sftp_name name;
    uint64_t f = file(d, "/f", RWC), dir;
    uint8_t b[4] = {0};
    size_t got;
    cr_assert_eq(fs->opendir(fs->ctx, str("/"), &dir), NACRE_FS_OK);
#define FAILS(call)                                                                                \
    do {                                                                                           \
        d->m.fail_in = 1;                                                                          \
        cr_assert_eq((call), NACRE_FS_IO);                                                         \
        d->m.fail_in = 0;                                                                          \
    } while (0)
    FAILS(fs->open(fs->ctx, str("/f"), RWC, &none, &f));
    FAILS(fs->read(fs->ctx, f, 0, b, 4, &got));
    FAILS(fs->write(fs->ctx, f, 0, b, 4));
    FAILS(fs->fstat(fs->ctx, f, &a));
    FAILS(fs->fsetstat(fs->ctx, f, &none));
    FAILS(fs->fsync(fs->ctx, f));
    FAILS(fs->stat(fs->ctx, str("/f"), true, &a));
    FAILS(fs->setstat(fs->ctx, str("/f"), true, &none));
    FAILS(fs->remove(fs->ctx, str("/f")));
    FAILS(fs->rmdir(fs->ctx, str("/f")));
    FAILS(fs->mkdir(fs->ctx, str("/d"), &none));
    FAILS(fs->realpath(fs->ctx, str("/f"), &out));
    FAILS(fs->rename(fs->ctx, str("/f"), str("/g"), true));
    FAILS(fs->readlink(fs->ctx, str("/f"), &out));
    FAILS(fs->symlink(fs->ctx, str("/f"), str("/g")));
    FAILS(fs->readdir(fs->ctx, dir, &name));
    FAILS(fs->closedir(fs->ctx, dir));
    FAILS(fs->opendir(fs->ctx, str("/"), &dir));
    FAILS(fs->close(fs->ctx, f));
    done(d);
}

Test(fs_memory, region)
{
    static uint64_t mem[200];
    struct nacre_fs fs;
    struct nacre_fs_memory m;
    cr_assert_eq(nacre_fs_memory_init(&fs, &m, NULL, sizeof mem, 1), NACRE_ERR_REGION);
    cr_assert_eq(nacre_fs_memory_init(&fs, &m, mem, sizeof mem, 0), NACRE_ERR_REGION);
    cr_assert_eq(nacre_fs_memory_init(&fs, &m, mem, sizeof mem, UINT32_MAX), NACRE_ERR_REGION);
    cr_assert_eq(nacre_fs_memory_init(&fs, &m, mem, sizeof(struct ncr_fs_node), 1), NACRE_OK);
    uint64_t f;
    cr_assert_eq(fs.open(fs.ctx, str("/f"), RWC, &none, &f), NACRE_FS_NO_SPACE);
}
