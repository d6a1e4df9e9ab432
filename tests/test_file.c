/* SPDX-License-Identifier: ISC
 *
 * Files read whole and written by rename: s57 (sizes, FIFOs), s70 (modes, symbolic links, what a
 * failure leaves behind).
 */
#include "proto/posix/file.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static void enter(void)
{
    strcpy(dir, "/tmp/nacre-file-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(chdir(dir), 0);
}

static unsigned entries(void)
{
    DIR *d = opendir(".");
    unsigned n = 0;

    cr_assert_not_null(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n - 2;
}

static void leave(void)
{
    DIR *d = opendir(".");
    struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue; /* the parent is everybody's */
        (void)chmod(e->d_name, 0700);
        if (unlink(e->d_name) != 0)
            (void)rmdir(e->d_name);
    }
    if (d != NULL)
        closedir(d);
    (void)rmdir(dir);
}

TestSuite(file, .init = enter, .fini = leave);

static void put(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");

    cr_assert_not_null(f);
    cr_assert_eq(fwrite(p, 1, n, f), n);
    fclose(f);
}

static unsigned mode_of(const char *path)
{
    struct stat st;

    cr_assert_eq(lstat(path, &st), 0);
    return (unsigned)st.st_mode & 07777;
}

Test(file, read)
{
    struct ncr_file f;

    put("a", "hello", 5);
    cr_assert_eq(ncr_file_read(&f, "a", 100), NACRE_OK);
    cr_assert_eq(f.n, 5);
    cr_assert_str_eq((char *)f.p, "hello");
    cr_assert_eq(f.st.st_size, 5);
    ncr_file_wipe(&f);
    cr_assert(f.p == NULL && f.n == 0);
    put("empty", "", 0);
    cr_assert_eq(ncr_file_read(&f, "empty", 0), NACRE_OK);
    cr_assert(f.p != NULL && f.n == 0);
    ncr_file_wipe(&f);
}

Test(file, s57_size_limit)
{
    static char text[20000];

    memset(text, 'x', sizeof text);
    for (size_t n = 4095; n <= 4097; n++) {
        struct ncr_file f;

        put("a", text, n);
        cr_assert_eq(ncr_file_read(&f, "a", n), NACRE_OK);
        cr_assert_eq(f.n, n);
        ncr_file_wipe(&f);
        cr_assert_eq(ncr_file_read(&f, "a", n - 1), NACRE_ERR_LIMIT);
        cr_assert_null(f.p);
    }
}

/* Files whose size is told as 0, as under /proc, are read to their end all the same. */
Test(file, size_not_told)
{
    struct ncr_file f;

    cr_assert_eq(ncr_file_read(&f, "/proc/self/status", 65536), NACRE_OK);
    cr_assert_gt(f.n, 100);
    ncr_file_wipe(&f);
    cr_assert_eq(ncr_file_read(&f, "/proc/self/status", 100), NACRE_ERR_LIMIT);
}

Test(file, s57_only_regular_files)
{
    struct ncr_file f;
    int fd;

    cr_assert_eq(mkfifo("fifo", 0600), 0);
    cr_assert_eq(ncr_file_read(&f, "fifo", 100), NACRE_ERR_FILE_FORMAT);
    cr_assert_eq(ncr_file_read(&f, ".", 100), NACRE_ERR_FILE_FORMAT);
    cr_assert_eq(ncr_file_read(&f, "/dev/zero", 100), NACRE_ERR_FILE_FORMAT);
    cr_assert_eq(ncr_file_open(&fd, NULL, "fifo"), NACRE_ERR_FILE_FORMAT);
    cr_assert_eq(fd, -1);
    cr_assert_str_eq(ncr_file_error(NACRE_ERR_FILE_FORMAT), "not a regular file");
}

Test(file, missing)
{
    struct ncr_file f;

    cr_assert_eq(ncr_file_read(&f, "none", 100), NACRE_ERR_IO);
    cr_assert_eq(errno, ENOENT);
    cr_assert_str_eq(ncr_file_error(NACRE_ERR_IO), strerror(ENOENT));
}

Test(file, read_pipe)
{
    struct ncr_file f;
    int p[2];
    char text[9000];

    memset(text, 'y', sizeof text);
    cr_assert_eq(pipe(p), 0);
    cr_assert(ncr_file_write_all(p[1], (const uint8_t *)text, sizeof text));
    close(p[1]);
    cr_assert_eq(ncr_file_read_fd(&f, p[0], sizeof text), NACRE_OK);
    cr_assert_eq(f.n, sizeof text);
    cr_assert_arr_eq(f.p, text, sizeof text);
    ncr_file_wipe(&f);
    close(p[0]);
    cr_assert_eq(pipe(p), 0);
    cr_assert(ncr_file_write_all(p[1], (const uint8_t *)text, sizeof text));
    close(p[1]);
    cr_assert_eq(ncr_file_read_fd(&f, p[0], sizeof text - 1), NACRE_ERR_LIMIT);
    close(p[0]);
    cr_assert_eq(ncr_file_read_fd(&f, p[0], 10), NACRE_ERR_IO);
}

/* The mode is exact whatever the umask, for new files and over old ones. */
Test(file, s70_modes)
{
    static const mode_t masks[] = {0, 022, 077, 0177, 0777};
    static const mode_t modes[] = {0600, 0644, 0640};

    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        for (size_t j = 0; j < sizeof modes / sizeof modes[0]; j++) {
            (void)umask(masks[i]);
            cr_assert_eq(ncr_file_write("a", modes[j], (const uint8_t *)"x", 1), NACRE_OK);
            cr_assert_eq(mode_of("a"), modes[j]);
            cr_assert_eq(entries(), 1, "a temporary file is left");
        }
    }
}

Test(file, write_over)
{
    struct ncr_file f;

    put("a", "a much longer old text", 22);
    cr_assert_eq(ncr_file_write("a", 0600, (const uint8_t *)"new", 3), NACRE_OK);
    cr_assert_eq(ncr_file_read(&f, "a", 100), NACRE_OK);
    cr_assert_str_eq((char *)f.p, "new");
    ncr_file_wipe(&f);
    cr_assert_eq(ncr_file_write("a", 0600, NULL, 0), NACRE_OK);
    cr_assert_eq(ncr_file_read(&f, "a", 100), NACRE_OK);
    cr_assert_eq(f.n, 0);
    ncr_file_wipe(&f);
}

/* A symbolic link that somebody put there is replaced, not followed. */
Test(file, s70_symbolic_link)
{
    struct ncr_file f;

    put("victim", "keep", 4);
    cr_assert_eq(symlink("victim", "a"), 0);
    cr_assert_eq(ncr_file_write("a", 0600, (const uint8_t *)"new", 3), NACRE_OK);
    cr_assert_eq(ncr_file_read(&f, "victim", 100), NACRE_OK);
    cr_assert_str_eq((char *)f.p, "keep");
    ncr_file_wipe(&f);
    cr_assert_eq(mode_of("a"), 0600);
}

Test(file, failure_leaves_nothing)
{
    cr_assert_eq(ncr_file_write("none/a", 0600, (const uint8_t *)"x", 1), NACRE_ERR_IO);
    cr_assert_eq(errno, ENOENT);
    cr_assert_eq(mkdir("d", 0700), 0);
    cr_assert_eq(mkdir("d/x", 0700), 0);
    cr_assert_eq(ncr_file_write("d", 0600, (const uint8_t *)"x", 1), NACRE_ERR_IO);
    cr_assert_eq(errno, EISDIR);
    cr_assert_eq(entries(), 1);
    cr_assert_eq(rmdir("d/x"), 0);
}

/* A write that fails half way: what was there before is there still, and nothing else. */
Test(file, s94_no_room_for_the_file)
{
    static uint8_t text[8192];
    const struct rlimit limit = {4096, 4096};
    struct ncr_file f;

    put("a", "old", 3);
    cr_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(ncr_file_write("a", 0600, text, sizeof text), NACRE_ERR_IO);
    cr_assert_eq(errno, EFBIG);
    cr_assert_eq(entries(), 1);
    cr_assert_eq(ncr_file_read(&f, "a", 100), NACRE_OK);
    cr_assert_str_eq((char *)f.p, "old");
    ncr_file_wipe(&f);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NO_SMALL_MEMORY 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define NO_SMALL_MEMORY 1
#endif
#ifndef NO_SMALL_MEMORY
#define NO_SMALL_MEMORY 0
#endif

Test(file, no_memory)
{
    const struct rlimit limit = {64u << 20, 64u << 20};
    struct ncr_file f;

    put("a", "x", 1);
    cr_assert_eq(truncate("a", 1 << 30), 0);
    if (NO_SMALL_MEMORY || setrlimit(RLIMIT_AS, &limit) != 0)
        cr_skip_test("address space cannot be limited here");
    cr_assert_eq(ncr_file_read(&f, "a", SIZE_MAX), NACRE_ERR_NO_MEMORY);
    cr_assert_null(f.p);
}
