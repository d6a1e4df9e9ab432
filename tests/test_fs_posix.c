/* SPDX-License-Identifier: ISC
 *
 * POSIX files behind struct nacre_fs (sftp/fs_posix.c), free and confined to a root, the latter
 * with openat2(2) and by single components; s89: no way out of a root; fifos do not hang.
 */
#include "sftp/nacre_sftp.h"

#include "proto/limits.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum how { FREE, ROOT, ROOT_WALK, HOW_COUNT };

/* A scratch directory: top/root is what the server serves, top/outside what it must not. */
struct place {
    char top[64], root[96];
    struct nacre_fs fs;
    struct nacre_fs_posix p;
    enum how how;
};

static void at(const struct place *s, char out[256], const char *name)
{
    (void)snprintf(out, 256, "%s/%s", s->top, name);
}

static void put(const struct place *s, const char *name, const char *text)
{
    char path[256];
    at(s, path, name);
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    cr_assert(fputs(text, f) >= 0);
    cr_assert_eq(fclose(f), 0);
}

static struct place *place(enum how how)
{
    struct place *s = calloc(1, sizeof *s);
    char path[256];
    cr_assert_not_null(s);
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(s->top, sizeof s->top, "%s/nacre-fs-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    cr_assert_not_null(mkdtemp(s->top));
    (void)snprintf(s->root, sizeof s->root, "%s/root", s->top);
    cr_assert_eq(mkdir(s->root, 0755), 0);
    at(s, path, "outside");
    cr_assert_eq(mkdir(path, 0755), 0);
    at(s, path, "rootX"); /* a name that starts like the root's */
    cr_assert_eq(mkdir(path, 0755), 0);
    put(s, "outside/secret", "secret");
    put(s, "rootX/secret", "secret");
    struct nacre_fs_posix_cfg cfg = {how == FREE ? NULL : s->root, how == FREE ? s->root : NULL,
                                     how == ROOT_WALK};
    cr_assert_eq(nacre_fs_posix_init(&s->fs, &s->p, &cfg), NACRE_OK);
    s->how = how;
    return s;
}

static void done(struct place *s)
{
    char cmd[256];
    nacre_fs_posix_close(&s->p);
    (void)snprintf(cmd, sizeof cmd, "chmod -R u+rwx %s && rm -rf %s", s->top, s->top);
    cr_assert_eq(system(cmd), 0);
    free(s);
}

static struct nacre_bytes str(const char *text)
{
    return nacre_bytes_str(text);
}

/* A path within the root as the hooks want it: absolute where that is the same for all. */
static struct nacre_bytes in(const struct place *s, const char *path)
{
    static char buf[2][512];
    static int i;
    i = !i;
    (void)snprintf(buf[i], sizeof buf[i], "%s%s", s->how == FREE ? s->root : "", path);
    return str(buf[i]);
}

static const struct nacre_sftp_attrs none;

static enum nacre_fs_result get(struct place *s, struct nacre_bytes path, char text[64])
{
    uint64_t file;
    size_t got = 0;
    enum nacre_fs_result r = s->fs.open(s->fs.ctx, path, NACRE_FXF_READ, &none, &file);
    if (r != NACRE_FS_OK) {
        return r;
    }
    cr_assert_eq(s->fs.read(s->fs.ctx, file, 0, (uint8_t *)text, 63, &got), NACRE_FS_OK);
    text[got] = '\0';
    cr_assert_eq(s->fs.close(s->fs.ctx, file), NACRE_FS_OK);
    return NACRE_FS_OK;
}

#define EACH_WAY(how) for (int how = FREE; how < HOW_COUNT; how++)

Test(fs_posix, files)
{
    EACH_WAY(how)
    {
        struct place *s = place((enum how)how);
        struct nacre_fs *fs = &s->fs;
        struct nacre_sftp_attrs a = {.flags = NACRE_SFTP_ATTR_MODE, .mode = 07640};
        uint64_t file;
        uint8_t buf[64];
        size_t got;
        (void)umask(022);
        cr_assert_eq(fs->open(fs->ctx, str("f"), NACRE_FXF_READ, &none, &file), NACRE_FS_NOT_FOUND);
        cr_assert_eq(fs->open(fs->ctx, str("f"),
                              NACRE_FXF_READ | NACRE_FXF_WRITE | NACRE_FXF_CREAT | NACRE_FXF_EXCL,
                              &a, &file),
                     NACRE_FS_OK);
        cr_assert_neq(fcntl((int)file, F_GETFD) & FD_CLOEXEC, 0);
        cr_assert_eq(fs->write(fs->ctx, file, 10, (const uint8_t *)"hello", 5), NACRE_FS_OK);
        cr_assert_eq(fs->read(fs->ctx, file, 8, buf, sizeof buf, &got), NACRE_FS_OK);
        cr_assert_eq(got, 7);
        cr_assert_arr_eq(buf, "\0\0hello", 7);
        cr_assert_eq(fs->read(fs->ctx, file, 15, buf, sizeof buf, &got), NACRE_FS_OK);
        cr_assert_eq(got, 0);
        cr_assert_eq(fs->fstat(fs->ctx, file, &a), NACRE_FS_OK);
        cr_assert_eq(a.size, 15);
        cr_assert_eq(a.mode, 0100640); /* no set-id bits from a client */
        cr_assert_eq(a.uid, getuid());
        a = (struct nacre_sftp_attrs){.flags = NACRE_SFTP_ATTR_SIZE | NACRE_SFTP_ATTR_TIMES |
                                               NACRE_SFTP_ATTR_MODE,
                                      .size = 11,
                                      .mtime = 1234567890,
                                      .atime = 1,
                                      .mode = 0600};
        cr_assert_eq(fs->fsetstat(fs->ctx, file, &a), NACRE_FS_OK);
        cr_assert_eq(fs->fsync(fs->ctx, file), NACRE_FS_OK);
        cr_assert_eq(fs->close(fs->ctx, file), NACRE_FS_OK);
        cr_assert_eq(fs->close(fs->ctx, file), NACRE_FS_BAD_HANDLE);
        cr_assert_eq(fs->stat(fs->ctx, in(s, "/f"), true, &a), NACRE_FS_OK);
        cr_assert(a.size == 11 && a.mtime == 1234567890 && a.atime == 1 && a.mode == 0100600);
        cr_assert_eq(fs->open(fs->ctx, str("f"), NACRE_FXF_WRITE | NACRE_FXF_CREAT | NACRE_FXF_EXCL,
                              &none, &file),
                     NACRE_FS_EXISTS);
        cr_assert_eq(fs->open(fs->ctx, str("f"), NACRE_FXF_WRITE | NACRE_FXF_TRUNC, &none, &file),
                     NACRE_FS_OK);
        cr_assert_eq(fs->close(fs->ctx, file), NACRE_FS_OK);
        cr_assert_eq(fs->open(fs->ctx, str("f"), NACRE_FXF_WRITE | NACRE_FXF_APPEND, &none, &file),
                     NACRE_FS_OK);
        cr_assert_eq(fs->write(fs->ctx, file, 100, (const uint8_t *)"a", 1), NACRE_FS_OK);
        cr_assert_eq(fs->fstat(fs->ctx, file, &a), NACRE_FS_OK);
        cr_assert_eq(a.size, 1);
        cr_assert_eq(fs->close(fs->ctx, file), NACRE_FS_OK);
        done(s);
    }
}

Test(fs_posix, setstat)
{
    EACH_WAY(how)
    {
        struct place *s = place((enum how)how);
        struct nacre_fs *fs = &s->fs;
        struct nacre_sftp_attrs a = {.flags = 15,
                                     .size = 3,
                                     .uid = getuid(),
                                     .gid = getgid(),
                                     .mode = 0100751,
                                     .atime = 5,
                                     .mtime = 6};
        put(s, "root/f", "12345");
        cr_assert_eq(fs->setstat(fs->ctx, in(s, "/f"), true, &a), NACRE_FS_OK);
        memset(&a, 0, sizeof a);
        cr_assert_eq(fs->stat(fs->ctx, str("f"), true, &a), NACRE_FS_OK);
        cr_assert(a.size == 3 && a.mode == 0100751 && a.atime == 5 && a.mtime == 6);
        cr_assert_eq(fs->symlink(fs->ctx, str("f"), str("l")), NACRE_FS_OK);
        a = (struct nacre_sftp_attrs){.flags = NACRE_SFTP_ATTR_TIMES, .atime = 7, .mtime = 8};
        cr_assert_eq(fs->setstat(fs->ctx, str("l"), false, &a), NACRE_FS_OK); /* the link's own */
        cr_assert_eq(fs->stat(fs->ctx, str("l"), false, &a), NACRE_FS_OK);
        cr_assert(a.mtime == 8 && (a.mode & NACRE_SFTP_S_IFMT) == NACRE_SFTP_S_IFLNK);
        cr_assert_eq(fs->stat(fs->ctx, str("l"), true, &a), NACRE_FS_OK);
        cr_assert(a.mtime == 6 && (a.mode & NACRE_SFTP_S_IFMT) == NACRE_SFTP_S_IFREG);
        a = (struct nacre_sftp_attrs){.flags = NACRE_SFTP_ATTR_MODE, .mode = 0600};
        cr_assert_eq(fs->setstat(fs->ctx, str("l"), true, &a), NACRE_FS_OK);
        cr_assert_eq(fs->stat(fs->ctx, str("f"), false, &a), NACRE_FS_OK);
        cr_assert_eq(a.mode, 0100600);
        a = (struct nacre_sftp_attrs){.flags = NACRE_SFTP_ATTR_SIZE, .size = 0};
        cr_assert_eq(fs->setstat(fs->ctx, str("l"), false, &a), NACRE_FS_INVALID);
        cr_assert_eq(fs->setstat(fs->ctx, str("nothing"), true, &a), NACRE_FS_NOT_FOUND);
        /* all are tried, the first failure is told */
        a = (struct nacre_sftp_attrs){
            .flags = NACRE_SFTP_ATTR_SIZE | NACRE_SFTP_ATTR_TIMES, .size = 1, .mtime = 99};
        cr_assert_eq(fs->mkdir(fs->ctx, str("d"), &none), NACRE_FS_OK);
        cr_assert_eq(fs->setstat(fs->ctx, str("d"), true, &a), NACRE_FS_IS_DIR);
        cr_assert_eq(fs->stat(fs->ctx, str("d"), true, &a), NACRE_FS_OK);
        cr_assert_eq(a.mtime, 99);
        done(s);
    }
}

static size_t list(struct place *s, struct nacre_bytes path, char *longname)
{
    struct nacre_fs *fs = &s->fs;
    struct nacre_sftp_name e;
    uint64_t dir;
    size_t n = 0;
    cr_assert_eq(fs->opendir(fs->ctx, path, &dir), NACRE_FS_OK);
    for (; fs->readdir(fs->ctx, dir, &e) == NACRE_FS_OK; n++) {
        if (nacre_bytes_is(e.name, "f")) {
            cr_assert_eq(e.attrs.size, 5);
            (void)snprintf(longname, 512, "%.*s", (int)e.longname.n, (const char *)e.longname.p);
        }
    }
    cr_assert_eq(fs->readdir(fs->ctx, dir, &e), NACRE_FS_EOF);
    cr_assert_eq(fs->closedir(fs->ctx, dir), NACRE_FS_OK);
    return n;
}

Test(fs_posix, directories)
{
    EACH_WAY(how)
    {
        struct place *s = place((enum how)how);
        struct nacre_fs *fs = &s->fs;
        struct nacre_sftp_attrs mode = {.flags = NACRE_SFTP_ATTR_MODE, .mode = 0751};
        char longname[512] = "", user[64];
        uint64_t dir;
        cr_assert_eq(fs->mkdir(fs->ctx, str("d"), &mode), NACRE_FS_OK);
        cr_assert_eq(fs->mkdir(fs->ctx, str("d"), &mode), NACRE_FS_EXISTS);
        cr_assert_eq(fs->mkdir(fs->ctx, str("no/d"), &mode), NACRE_FS_NOT_FOUND);
        put(s, "root/d/f", "12345");
        cr_assert_eq(list(s, in(s, "/d"), longname), 3); /* with . and .. */
        cr_assert_eq(strncmp(longname, "-rw-r--r--    1 ", 16), 0, "%s", longname);
        cr_assert_str_eq(longname + strlen(longname) - 2, " f");
        const struct passwd *pw = getpwuid(getuid());
        (void)snprintf(user, sizeof user, " %s ", pw == NULL ? "" : pw->pw_name);
        cr_assert(pw == NULL || strstr(longname, user) != NULL, "%s", longname);
        cr_assert_eq(fs->rmdir(fs->ctx, str("d")), NACRE_FS_NOT_EMPTY);
        cr_assert_eq(fs->remove(fs->ctx, str("d")), NACRE_FS_IS_DIR);
        cr_assert_eq(fs->remove(fs->ctx, in(s, "/d/f")), NACRE_FS_OK);
        cr_assert_eq(fs->remove(fs->ctx, in(s, "/d/f")), NACRE_FS_NOT_FOUND);
        cr_assert_eq(fs->rmdir(fs->ctx, str("d/")), NACRE_FS_OK);
        cr_assert_eq(fs->opendir(fs->ctx, str("d"), &dir), NACRE_FS_NOT_FOUND);
        put(s, "root/f", "12345");
        cr_assert_eq(fs->opendir(fs->ctx, str("f"), &dir), NACRE_FS_NOT_DIR);
        cr_assert_eq(fs->rmdir(fs->ctx, str("f")), NACRE_FS_NOT_DIR);
        done(s);
    }
}

Test(fs_posix, names)
{
    EACH_WAY(how)
    {
        struct place *s = place((enum how)how);
        struct nacre_fs *fs = &s->fs;
        struct nacre_bytes out;
        char text[64];
        put(s, "root/f", "one");
        put(s, "root/g", "two");
        cr_assert_eq(fs->rename(fs->ctx, str("f"), str("g"), false), NACRE_FS_EXISTS);
        cr_assert_eq(fs->rename(fs->ctx, str("f"), in(s, "/h"), false), NACRE_FS_OK);
        cr_assert_eq(fs->rename(fs->ctx, str("h"), str("g"), true), NACRE_FS_OK);
        cr_assert_eq(get(s, str("g"), text), NACRE_FS_OK);
        cr_assert_str_eq(text, "one");
        cr_assert_eq(fs->rename(fs->ctx, str("h"), str("g"), true), NACRE_FS_NOT_FOUND);
        cr_assert_eq(fs->mkdir(fs->ctx, str("d"), &none), NACRE_FS_OK);
        cr_assert_eq(fs->rename(fs->ctx, str("d"), str("e"), false), NACRE_FS_OK);
        cr_assert_eq(fs->mkdir(fs->ctx, str("d"), &none), NACRE_FS_OK);
        cr_assert_eq(fs->rename(fs->ctx, str("d"), str("e"), false), NACRE_FS_EXISTS);
        cr_assert_eq(fs->rename(fs->ctx, str("d"), str("d/x"), false), NACRE_FS_INVALID);
        cr_assert_eq(fs->hardlink(fs->ctx, str("g"), in(s, "/e/g2")), NACRE_FS_OK);
        cr_assert_eq(fs->hardlink(fs->ctx, str("g"), in(s, "/e/g2")), NACRE_FS_EXISTS);
        cr_assert_eq(get(s, str("e/g2"), text), NACRE_FS_OK);
        cr_assert_str_eq(text, "one");
        cr_assert_eq(fs->symlink(fs->ctx, str("e/g2"), str("l")), NACRE_FS_OK);
        cr_assert_eq(fs->symlink(fs->ctx, str("e/g2"), str("l")), NACRE_FS_EXISTS);
        cr_assert_eq(fs->readlink(fs->ctx, in(s, "/l"), &out), NACRE_FS_OK);
        cr_assert(nacre_bytes_is(out, "e/g2"));
        cr_assert_eq(fs->readlink(fs->ctx, str("g"), &out), NACRE_FS_INVALID);
        cr_assert_eq(get(s, str("l"), text), NACRE_FS_OK);
        cr_assert_eq(fs->remove(fs->ctx, str("l")), NACRE_FS_OK); /* the link, not the file */
        cr_assert_eq(get(s, str("e/g2"), text), NACRE_FS_OK);
        done(s);
    }
}

Test(fs_posix, realpath)
{
    EACH_WAY(how)
    {
        struct place *s = place((enum how)how);
        struct nacre_fs *fs = &s->fs;
        char real[PATH_MAX];
        const char *base = how == FREE ? realpath(s->root, real) : "";
        static const struct {
            const char *path, *out;
        } cases[] = {{"", ""},
                     {".", ""},
                     {"d", "/d"},
                     {"d/", "/d"},
                     {"d/.", "/d"},
                     {"d/..", ""},
                     {"l", "/d/f"},
                     {"ld/f", "/d/f"},
                     {"ld/../d", "/d"},
                     {"new", "/new"},
                     {"./d//f", "/d/f"},
                     {"ld/new", "/d/new"},
                     {"dangling", "/nowhere"}};
        cr_assert_eq(fs->mkdir(fs->ctx, str("d"), &none), NACRE_FS_OK);
        put(s, "root/d/f", "x");
        cr_assert_eq(fs->symlink(fs->ctx, str("d/f"), str("l")), NACRE_FS_OK);
        cr_assert_eq(fs->symlink(fs->ctx, str("./d"), str("ld")), NACRE_FS_OK);
        cr_assert_eq(fs->symlink(fs->ctx, str("nowhere"), str("dangling")), NACRE_FS_OK);
        cr_assert_eq(fs->symlink(fs->ctx, str("loop2"), str("loop1")), NACRE_FS_OK);
        cr_assert_eq(fs->symlink(fs->ctx, str("loop1"), str("loop2")), NACRE_FS_OK);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct nacre_bytes out;
            char want[PATH_MAX + 16];
            (void)snprintf(want, sizeof want, "%s%s", base, cases[i].out);
            if (*want == '\0') {
                (void)snprintf(want, sizeof want, "/");
            }
            cr_assert_eq(fs->realpath(fs->ctx, str(cases[i].path), &out), NACRE_FS_OK, "%s",
                         cases[i].path);
            cr_assert(nacre_bytes_is(out, want), "%s: %.*s, not %s", cases[i].path, (int)out.n,
                      (const char *)out.p, want);
        }
        struct nacre_bytes out;
        cr_assert_eq(fs->realpath(fs->ctx, str("loop1"), &out), NACRE_FS_LOOP);
        cr_assert_eq(fs->realpath(fs->ctx, str("no/file"), &out), NACRE_FS_NOT_FOUND);
        cr_assert_eq(fs->realpath(fs->ctx, str("d/f/x"), &out), NACRE_FS_NOT_DIR);
        cr_assert_eq(fs->realpath(fs->ctx, str("/../.."), &out), NACRE_FS_OK);
        cr_assert(nacre_bytes_is(out, "/"));
        done(s);
    }
}

Test(fs_posix, statvfs_home_expand_ids)
{
    EACH_WAY(how)
    {
        struct place *s = place((enum how)how);
        struct nacre_fs *fs = &s->fs;
        struct nacre_sftp_statvfs v;
        struct nacre_bytes out;
        uint64_t file;
        put(s, "root/f", "x");
        memset(&v, 0, sizeof v);
        cr_assert_eq(fs->statvfs(fs->ctx, str("f"), &v), NACRE_FS_OK);
        cr_assert(v.bsize > 0 && v.namemax > 0);
        cr_assert_eq(fs->statvfs(fs->ctx, str("no"), &v), NACRE_FS_NOT_FOUND);
        cr_assert_eq(fs->open(fs->ctx, str("f"), NACRE_FXF_READ, &none, &file), NACRE_FS_OK);
        memset(&v, 0, sizeof v);
        cr_assert_eq(fs->fstatvfs(fs->ctx, file, &v), NACRE_FS_OK);
        cr_assert(v.bsize > 0 && v.namemax > 0);
        cr_assert_eq(fs->close(fs->ctx, file), NACRE_FS_OK);
        cr_assert_eq(fs->id_name(fs->ctx, false, 0, &out), NACRE_FS_OK);
        cr_assert(nacre_bytes_is(out, "root"));
        cr_assert_eq(fs->id_name(fs->ctx, true, 4000000000u, &out), NACRE_FS_OK);
        cr_assert_eq(out.n, 0);
        for (uint32_t i = 0; i < 20; i++) { /* more than the cache holds */
            cr_assert_eq(fs->id_name(fs->ctx, i % 2 == 0, 4000000000u + i, &out), NACRE_FS_OK);
        }
        cr_assert_eq(fs->expand(fs->ctx, str("f"), &out), NACRE_FS_OK);
        cr_assert_eq(out.p[out.n - 1], 'f');
        cr_assert_eq(fs->home(fs->ctx, str("no-such-user-here"), &out), NACRE_FS_NOT_FOUND);
        cr_assert_eq(fs->expand(fs->ctx, str("~no-such-user-here/x"), &out), NACRE_FS_NOT_FOUND);
        if (how != FREE) { /* homes of others are outside: nothing is told of them */
            cr_assert_eq(fs->home(fs->ctx, str(""), &out), NACRE_FS_OK);
            cr_assert(nacre_bytes_is(out, "/"));
            cr_assert_eq(fs->expand(fs->ctx, str("~/f"), &out), NACRE_FS_OK);
            cr_assert(nacre_bytes_is(out, "/f"));
            cr_assert_eq(fs->home(fs->ctx, str("root"), &out), NACRE_FS_NOT_FOUND);
            cr_assert_eq(fs->expand(fs->ctx, str("~root"), &out), NACRE_FS_NOT_FOUND);
        }
        done(s);
    }
}

/* Fifos, sockets and directories are no files to open, and opening one does not wait. */
Test(fs_posix, s57_fifos_do_not_hang, .timeout = 120)
{
    EACH_WAY(how)
    {
        struct place *s = place((enum how)how);
        struct nacre_fs *fs = &s->fs;
        struct nacre_sftp_attrs size = {.flags = NACRE_SFTP_ATTR_SIZE};
        struct sockaddr_un sun = {.sun_family = AF_UNIX};
        uint64_t file;
        char path[256];
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        at(s, path, "root/fifo");
        cr_assert_eq(mkfifo(path, 0644), 0);
        at(s, path, "root/socket");
        cr_assert_lt(strlen(path), sizeof sun.sun_path);
        memcpy(sun.sun_path, path, strlen(path) + 1);
        cr_assert_eq(bind(fd, (struct sockaddr *)&sun, sizeof sun), 0);
        cr_assert_eq(close(fd), 0);
        cr_assert_eq(fs->open(fs->ctx, str("fifo"), NACRE_FXF_READ, &none, &file),
                     NACRE_FS_NOT_FILE);
        cr_assert_eq(fs->open(fs->ctx, str("fifo"), NACRE_FXF_WRITE, &none, &file),
                     NACRE_FS_NOT_FILE);
        cr_assert_eq(fs->open(fs->ctx, str("fifo"), NACRE_FXF_READ | NACRE_FXF_WRITE, &none, &file),
                     NACRE_FS_NOT_FILE);
        cr_assert_eq(fs->open(fs->ctx, str("socket"), NACRE_FXF_READ, &none, &file),
                     NACRE_FS_NOT_FILE);
        cr_assert_eq(fs->open(fs->ctx, str("."), NACRE_FXF_READ, &none, &file), NACRE_FS_IS_DIR);
        cr_assert_eq(fs->open(fs->ctx, str("."), NACRE_FXF_WRITE, &none, &file), NACRE_FS_IS_DIR);
        cr_assert_eq(fs->setstat(fs->ctx, str("fifo"), true, &size), NACRE_FS_NOT_FILE);
        done(s);
    }
}

Test(fs_posix, long_and_empty_paths)
{
    static uint8_t path[NCR_SFTP_PATH_MAX];
    EACH_WAY(how)
    {
        struct place *s = place((enum how)how);
        struct nacre_fs *fs = &s->fs;
        struct nacre_bytes longest = {path, sizeof path}, empty = {NULL, 0}, out;
        struct nacre_sftp_attrs a;
        struct nacre_sftp_statvfs v;
        uint64_t file;
        for (int fill = 0; fill < 2; fill++) {
            for (size_t i = 0; i < sizeof path; i++) {
                path[i] = fill == 0 ? 'x' : i % 2 == 0 ? '.' : '/';
            }
            for (size_t n = sizeof path - 3; n <= sizeof path; n++) {
                longest.n = n;
                (void)fs->realpath(fs->ctx, longest, &out);
                (void)fs->stat(fs->ctx, longest, true, &a);
                (void)fs->rename(fs->ctx, longest, longest, false);
                (void)fs->expand(fs->ctx, longest, &out);
            }
        }
        memset(path, 'x', 256);
        longest.n = 256;
        cr_assert_eq(fs->stat(fs->ctx, longest, true, &a), NACRE_FS_NAME_TOO_LONG);
        cr_assert_eq(fs->remove(fs->ctx, longest), NACRE_FS_NAME_TOO_LONG);
        cr_assert_eq(fs->stat(fs->ctx, empty, true, &a), NACRE_FS_NOT_FOUND);
        cr_assert_eq(fs->setstat(fs->ctx, empty, true, &none), NACRE_FS_NOT_FOUND);
        cr_assert_eq(fs->open(fs->ctx, empty, NACRE_FXF_READ, &none, &file), NACRE_FS_NOT_FOUND);
        cr_assert_eq(fs->opendir(fs->ctx, empty, &file), NACRE_FS_NOT_FOUND);
        cr_assert_eq(fs->remove(fs->ctx, empty), NACRE_FS_NOT_FOUND);
        cr_assert_eq(fs->mkdir(fs->ctx, empty, &none), NACRE_FS_NOT_FOUND);
        cr_assert_eq(fs->rename(fs->ctx, empty, empty, true), NACRE_FS_NOT_FOUND);
        cr_assert_eq(fs->hardlink(fs->ctx, empty, empty), NACRE_FS_NOT_FOUND);
        cr_assert_eq(fs->symlink(fs->ctx, empty, str("l")), NACRE_FS_NOT_FOUND);
        cr_assert_eq(fs->readlink(fs->ctx, empty, &out), NACRE_FS_NOT_FOUND);
        cr_assert_eq(fs->statvfs(fs->ctx, empty, &v), NACRE_FS_NOT_FOUND);
        done(s);
    }
}

/* ---- s89: out of the root ---- */

/* Paths that would leave a root that is guarded by text, or not at all. %s is the directory above
 * the root. */
static const char *const escapes[] = {
    "/../outside/secret",
    "../outside/secret",
    "/d/../../outside/secret",
    "/outside/secret",
    "/../rootX/secret",
    "//../outside/secret",
    "/./../outside/secret",
    "%s/outside/secret",
    "/abs/secret",
    "/rel/secret",
    "/file",
    "/relfile",
    "/chain/secret",
    "/dotdot/outside/secret",
    "/d/up/../outside/secret",
    "/../root/../outside/secret",
    "/absfile",
};

static void links(struct place *s)
{
    char target[256];
    struct nacre_fs *fs = &s->fs;
    const char *const pairs[][2] = {{"../outside", "rel"},
                                    {"../outside/secret", "relfile"},
                                    {"rel", "chain"},
                                    {"..", "dotdot"},
                                    {"../..", "d/up"}};
    cr_assert_eq(fs->mkdir(fs->ctx, str("d"), &none), NACRE_FS_OK);
    at(s, target, "outside");
    cr_assert_eq(fs->symlink(fs->ctx, str(target), str("abs")), NACRE_FS_OK);
    at(s, target, "outside/secret");
    cr_assert_eq(fs->symlink(fs->ctx, str(target), str("file")), NACRE_FS_OK);
    cr_assert_eq(fs->symlink(fs->ctx, str("/outside/secret"), str("absfile")), NACRE_FS_OK);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        cr_assert_eq(fs->symlink(fs->ctx, str(pairs[i][0]), str(pairs[i][1])), NACRE_FS_OK);
    }
}

static void secrets_are_whole(const struct place *s)
{
    static const char *const names[] = {"outside/secret", "rootX/secret"};
    for (size_t i = 0; i < 2; i++) {
        char path[256], text[16] = "";
        struct stat st;
        at(s, path, names[i]);
        cr_assert_eq(stat(path, &st), 0);
        cr_assert(st.st_size == 6 && (st.st_mode & 0777) == 0644 && st.st_nlink == 1 &&
                  st.st_mtime > 1000);
        FILE *f = fopen(path, "r");
        cr_assert_not_null(f);
        cr_assert_not_null(fgets(text, sizeof text, f));
        cr_assert_eq(fclose(f), 0);
        cr_assert_str_eq(text, "secret");
    }
}

Test(fs_posix, s89_no_way_out)
{
    for (int how = ROOT; how < HOW_COUNT; how++) {
        struct place *s = place((enum how)how);
        struct nacre_fs *fs = &s->fs;
        struct nacre_sftp_attrs a,
            set = {.flags = 15 - NACRE_SFTP_ATTR_UIDGID, .size = 1, .mode = 0600, .mtime = 1};
        struct nacre_sftp_statvfs v;
        struct nacre_bytes out;
        uint64_t file;
        char text[64];
        links(s);
        put(s, "root/mine", "mine");
        for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
            char buf[256];
            (void)snprintf(buf, sizeof buf, escapes[i], s->top);
            struct nacre_bytes p = str(buf);
            bool link = strcmp(buf, "/file") == 0 || strcmp(buf, "/relfile") == 0 ||
                        strcmp(buf, "/absfile") == 0;
            cr_assert_eq(get(s, p, text), NACRE_FS_NOT_FOUND, "%s", buf);
            cr_assert_eq(fs->open(fs->ctx, p, NACRE_FXF_WRITE | NACRE_FXF_TRUNC, &none, &file),
                         NACRE_FS_NOT_FOUND);
            cr_assert_eq(fs->stat(fs->ctx, p, true, &a), NACRE_FS_NOT_FOUND);
            cr_assert_eq(fs->setstat(fs->ctx, p, true, &set), NACRE_FS_NOT_FOUND);
            cr_assert_eq(fs->statvfs(fs->ctx, p, &v), NACRE_FS_NOT_FOUND);
            cr_assert_eq(fs->opendir(fs->ctx, p, &file), NACRE_FS_NOT_FOUND);
            if (link) {
                continue; /* the link itself is inside, and the client's to remove */
            }
            cr_assert_eq(fs->stat(fs->ctx, p, false, &a), NACRE_FS_NOT_FOUND);
            cr_assert_eq(fs->setstat(fs->ctx, p, false, &set), NACRE_FS_INVALID);
            set.flags &= ~(uint32_t)NACRE_SFTP_ATTR_SIZE;
            cr_assert_eq(fs->setstat(fs->ctx, p, false, &set), NACRE_FS_NOT_FOUND);
            set.flags |= NACRE_SFTP_ATTR_SIZE;
            cr_assert_eq(fs->remove(fs->ctx, p), NACRE_FS_NOT_FOUND, "%s", buf);
            cr_assert_eq(fs->rename(fs->ctx, p, str("/stolen"), true), NACRE_FS_NOT_FOUND);
            cr_assert_eq(fs->rename(fs->ctx, str("/mine"), p, true), NACRE_FS_NOT_FOUND);
            cr_assert_eq(fs->hardlink(fs->ctx, p, str("/stolen")), NACRE_FS_NOT_FOUND);
            cr_assert_eq(fs->hardlink(fs->ctx, str("/mine"), p), NACRE_FS_NOT_FOUND);
            cr_assert_eq(fs->symlink(fs->ctx, str("x"), p), NACRE_FS_NOT_FOUND);
            cr_assert_eq(fs->mkdir(fs->ctx, p, &none), NACRE_FS_NOT_FOUND);
            cr_assert_eq(fs->rmdir(fs->ctx, p), NACRE_FS_NOT_FOUND);
            cr_assert_eq(fs->readlink(fs->ctx, p, &out), NACRE_FS_NOT_FOUND);
            cr_assert_eq(fs->realpath(fs->ctx, p, &out), NACRE_FS_NOT_FOUND);
        }
        secrets_are_whole(s);
        cr_assert_eq(get(s, str("/mine"), text), NACRE_FS_OK);
        done(s);
    }
}

/* What lies outside and what does not exist look the same: no oracle. */
Test(fs_posix, s89_errors_tell_nothing)
{
    for (int how = ROOT; how < HOW_COUNT; how++) {
        struct place *s = place((enum how)how);
        struct nacre_fs *fs = &s->fs;
        const char *const there[] = {"/../outside/secret", "/rel/secret", "/rel", "/relfile"};
        const char *const absent[] = {"/../outside/nothing", "/rel/nothing", "/reln", "/relnone"};
        struct nacre_bytes out;
        links(s);
        cr_assert_eq(fs->symlink(fs->ctx, str("../nowhere"), str("reln")), NACRE_FS_OK);
        cr_assert_eq(fs->symlink(fs->ctx, str("../outside/nothing"), str("relnone")), NACRE_FS_OK);
        for (size_t i = 0; i < 4; i++) {
            struct nacre_sftp_attrs a;
            uint64_t f;
            cr_assert_eq(fs->stat(fs->ctx, str(there[i]), true, &a),
                         fs->stat(fs->ctx, str(absent[i]), true, &a));
            cr_assert_eq(fs->open(fs->ctx, str(there[i]), NACRE_FXF_READ, &none, &f),
                         fs->open(fs->ctx, str(absent[i]), NACRE_FXF_READ, &none, &f));
            cr_assert_eq(fs->opendir(fs->ctx, str(there[i]), &f),
                         fs->opendir(fs->ctx, str(absent[i]), &f));
            enum nacre_fs_result a1 = fs->realpath(fs->ctx, str(there[i]), &out);
            bool outside = a1 == NACRE_FS_OK && out.n > strlen(s->top) &&
                           memcmp(out.p, s->top, strlen(s->top)) == 0;
            cr_assert_not(outside);
            cr_assert_eq(a1, fs->realpath(fs->ctx, str(absent[i]), &out));
        }
        cr_assert_eq(fs->realpath(fs->ctx, str("/dotdot"), &out), NACRE_FS_OK);
        cr_assert(nacre_bytes_is(out, "/"));
        done(s);
    }
}

/* A directory on the path is swapped for a link to the outside, and back, all the time. */
struct racer {
    char dir[256], link[256], tmp[256];
    atomic_bool stop;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    while (!atomic_load(&r->stop)) {
        (void)rename(r->dir, r->tmp);
        (void)rename(r->link, r->dir);
        (void)rename(r->dir, r->link);
        (void)rename(r->tmp, r->dir);
    }
    return NULL;
}

Test(fs_posix, s89_rename_races)
{
    for (int how = ROOT; how < HOW_COUNT; how++) {
        struct place *s = place((enum how)how);
        struct nacre_fs *fs = &s->fs;
        struct racer r;
        pthread_t thread;
        char text[64], target[256];
        size_t good = 0;
        at(s, r.dir, "root/a");
        at(s, r.link, "root/b");
        at(s, r.tmp, "root/c");
        at(s, target, "outside");
        cr_assert_eq(mkdir(r.dir, 0755), 0);
        cr_assert_eq(symlink(target, r.link), 0);
        put(s, "root/a/secret", "inside");
        put(s, "root/a/x", "inside");
        atomic_init(&r.stop, false);
        cr_assert_eq(pthread_create(&thread, NULL, race, &r), 0);
        for (int i = 0; i < 20000; i++) {
            struct nacre_sftp_attrs set = {
                .flags = NACRE_SFTP_ATTR_MODE | NACRE_SFTP_ATTR_TIMES, .mode = 0666, .mtime = 1};
            if (get(s, str(i % 2 == 0 ? "a/secret" : "c/../a/secret"), text) == NACRE_FS_OK) {
                cr_assert_str_eq(text, "inside");
                good++;
            }
            (void)fs->setstat(fs->ctx, str("a/secret"), i % 2 == 0, &set);
            (void)fs->remove(fs->ctx, str("a/new"));
            (void)fs->mkdir(fs->ctx, str("a/new"), &none);
            (void)fs->rmdir(fs->ctx, str("a/new"));
            (void)fs->rename(fs->ctx, str("a/x"), str("a/y"), true);
            (void)fs->rename(fs->ctx, str("a/y"), str("a/x"), true);
        }
        atomic_store(&r.stop, true);
        cr_assert_eq(pthread_join(thread, NULL), 0);
        cr_assert_gt(good, 0);
        secrets_are_whole(s);
        at(s, target, "outside/new");
        cr_assert_neq(access(target, F_OK), 0);
        done(s);
    }
}

/* Going up from a directory that is moved out of the root does not lead out. */
Test(fs_posix, s89_directory_moved_out)
{
    for (int how = ROOT; how < HOW_COUNT; how++) {
        struct place *s = place((enum how)how);
        struct racer r;
        pthread_t thread;
        char text[64];
        at(s, r.dir, "root/deep");
        at(s, r.tmp, "outside/moved");
        at(s, r.link, "outside/none");
        cr_assert_eq(mkdir(r.dir, 0755), 0);
        put(s, "root/secret", "inside");
        atomic_init(&r.stop, false);
        cr_assert_eq(pthread_create(&thread, NULL, race, &r), 0);
        for (int i = 0; i < 20000; i++) {
            if (get(s, str("deep/../secret"), text) == NACRE_FS_OK) {
                cr_assert_str_eq(text, "inside");
            }
        }
        atomic_store(&r.stop, true);
        cr_assert_eq(pthread_join(thread, NULL), 0);
        secrets_are_whole(s);
        done(s);
    }
}

Test(fs_posix, start_directory)
{
    for (int how = ROOT; how < HOW_COUNT; how++) {
        struct place *s = place((enum how)how);
        struct nacre_fs fs;
        struct nacre_fs_posix *p = malloc(sizeof *p);
        struct nacre_fs_posix_cfg cfg = {s->root, "/home/user", how == ROOT_WALK};
        struct nacre_bytes out;
        struct nacre_sftp_attrs a;
        cr_assert_not_null(p);
        cr_assert_eq(nacre_fs_posix_init(&fs, p, &cfg), NACRE_ERR_IO); /* not there */
        cr_assert_eq(s->fs.mkdir(s->fs.ctx, str("/home"), &none), NACRE_FS_OK);
        cr_assert_eq(s->fs.mkdir(s->fs.ctx, str("/home/user"), &none), NACRE_FS_OK);
        put(s, "root/home/user/f", "x");
        cr_assert_eq(nacre_fs_posix_init(&fs, p, &cfg), NACRE_OK);
        cr_assert_eq(fs.realpath(fs.ctx, str("."), &out), NACRE_FS_OK);
        cr_assert(nacre_bytes_is(out, "/home/user"));
        cr_assert_eq(fs.stat(fs.ctx, str("f"), true, &a), NACRE_FS_OK);
        cr_assert_eq(fs.stat(fs.ctx, str("../../home/user/f"), true, &a), NACRE_FS_OK);
        cr_assert_eq(fs.stat(fs.ctx, str("/f"), true, &a), NACRE_FS_NOT_FOUND);
        cr_assert_eq(fs.home(fs.ctx, str(""), &out), NACRE_FS_OK);
        cr_assert(nacre_bytes_is(out, "/home/user"));
        nacre_fs_posix_close(p);
        cfg.root = "/nonexistent";
        cr_assert_eq(nacre_fs_posix_init(&fs, p, &cfg), NACRE_ERR_IO);
        cr_assert_null(fs.open); /* a table that refuses */
        cfg = (struct nacre_fs_posix_cfg){NULL, "/nonexistent", false};
        cr_assert_eq(nacre_fs_posix_init(&fs, p, &cfg), NACRE_ERR_IO);
        free(p);
        done(s);
    }
}

static size_t open_fds(void)
{
    size_t n = 0;
    for (int fd = 0; fd < 1024; fd++) {
        n += fcntl(fd, F_GETFD) >= 0;
    }
    return n;
}

Test(fs_posix, s67_no_descriptor_is_left)
{
    size_t before = open_fds();
    EACH_WAY(how)
    {
        struct place *s = place((enum how)how);
        struct nacre_fs *fs = &s->fs;
        struct nacre_sftp_attrs a = {.flags = 15, .mode = 0600};
        struct nacre_sftp_statvfs v;
        struct nacre_bytes out;
        uint64_t f;
        char text[64];
        put(s, "root/f", "12345");
        size_t within = open_fds();
        const char *const paths[] = {"f", "nothing", "no/thing", ".", "..", "/", "f/x"};
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
            struct nacre_bytes p = str(paths[i]);
            bool own = strcmp(paths[i], "f") == 0 || how != FREE;
            if (!own) {
                continue;
            }
            (void)get(s, p, text);
            (void)fs->stat(fs->ctx, p, true, &a);
            (void)fs->stat(fs->ctx, p, false, &a);
            (void)fs->statvfs(fs->ctx, p, &v);
            (void)fs->readlink(fs->ctx, p, &out);
            (void)fs->realpath(fs->ctx, p, &out);
            (void)fs->hardlink(fs->ctx, p, p);
            (void)fs->rename(fs->ctx, p, p, false);
            (void)fs->mkdir(fs->ctx, p, &none);
            (void)fs->rmdir(fs->ctx, p);
            (void)fs->symlink(fs->ctx, p, p);
            if (fs->opendir(fs->ctx, p, &f) == NACRE_FS_OK) {
                cr_assert_eq(fs->closedir(fs->ctx, f), NACRE_FS_OK);
            }
            cr_assert_eq(open_fds(), within, "%s", paths[i]);
        }
        done(s);
    }
    cr_assert_eq(open_fds(), before);
}

Test(fs_posix, local_side_of_a_transfer)
{
    struct place *s = place(FREE);
    char path[256];
    uint8_t buf[16];
    size_t got;
    at(s, path, "root/local");
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    struct nacre_sftp_io io = nacre_sftp_io_fd(&fd);
    cr_assert_eq(io.write(io.ctx, 3, (const uint8_t *)"data", 4), NACRE_OK);
    cr_assert_eq(io.read(io.ctx, 2, buf, sizeof buf, &got), NACRE_OK);
    cr_assert_eq(got, 5);
    cr_assert_arr_eq(buf, "\0data", 5);
    cr_assert_eq(close(fd), 0);
    cr_assert_eq(io.write(io.ctx, 3, (const uint8_t *)"data", 4), NACRE_ERR_IO);
    cr_assert_eq(io.read(io.ctx, 2, buf, sizeof buf, &got), NACRE_ERR_IO);
    done(s);
}
