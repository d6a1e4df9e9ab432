/* SPDX-License-Identifier: ISC
 *
 * known_hosts as files: searching several, lines that cannot be read, adding, changing by lock,
 * write and rename; s47 and s57 where they touch files. The calls that a change makes of the system
 * are taken over here, so that each can be made to fail.
 */
#include "client/known_hosts_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/pair.h"

/* ---- The system's calls ---- */

static int calls_left = -1; /* until one fails; -1: none does */
static int fail_errno;
static const char *fail_only; /* that call alone; NULL: any */
static size_t most_written;   /* bytes of one write(2); 0: all */
static bool no_temp;          /* mkostemp(3) may not */

static bool call_fails(const char *name)
{
    if (calls_left < 0 || (fail_only != NULL && strcmp(fail_only, name) != 0))
        return false;
    if (calls_left-- > 0)
        return false;
    errno = fail_errno;
    return true;
}

static bool on_disk(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

ssize_t write(int fd, const void *p, size_t n)
{
    if (on_disk(fd)) {
        if (call_fails("write"))
            return -1;
        n = most_written != 0 && n > most_written ? most_written : n;
    }
    return syscall(SYS_write, fd, p, n);
}

ssize_t read(int fd, void *p, size_t n)
{
    if (calls_left >= 0 && fail_only != NULL && strcmp(fail_only, "read") == 0 && on_disk(fd) &&
        call_fails("read"))
        return -1;
    return syscall(SYS_read, fd, p, n);
}

int fsync(int fd)
{
    return call_fails("fsync") ? -1 : (int)syscall(SYS_fsync, fd);
}

int fchmod(int fd, mode_t mode)
{
    return call_fails("fchmod") ? -1 : (int)syscall(SYS_fchmod, fd, mode);
}

int mkostemp(char *template, int flags)
{
    static unsigned count;

    if (no_temp)
        errno = EACCES;
    if (no_temp || call_fails("mkostemp"))
        return -1;
    snprintf(template + strlen(template) - 6, 7, "%06u",
             ((unsigned)getpid() * 100 + count++) % 1000000);
    return open(template, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
}

int rename(const char *from, const char *to)
{
    return call_fails("rename") ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int waiting_to = -1; /* told by a byte that a lock is waited for */

int flock(int fd, int how)
{
    int r = (int)syscall(SYS_flock, fd, how);
    int e = errno;

    if (r != 0 && waiting_to >= 0)
        (void)!write(waiting_to, "w", 1);
    errno = e;
    return r;
}

static void no_failures(void)
{
    calls_left = -1;
    fail_only = NULL;
    most_written = 0;
    no_temp = false;
}

/* ---- The directory ---- */

static char dir[64];

static void enter(void)
{
    strcpy(dir, "/tmp/nacre-hosts-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(chdir(dir), 0);
}

static void leave(void)
{
    static const char *const names[] = {"a",     "b",  "new/known_hosts", "fifo", "link",
                                        "a.old", "log"};

    no_failures();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(names[i]);
    rmdir("new");
    rmdir("d");
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(rmdir(dir), 0);
}

TestSuite(known_hosts_file, .init = enter, .fini = leave);

static void save(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");

    cr_assert_not_null(f);
    cr_assert_geq(fputs(text, f), 0);
    cr_assert_eq(fclose(f), 0);
}

static const char *load(const char *name)
{
    static char text[1 << 20];
    FILE *f = fopen(name, "r");
    size_t n;

    cr_assert_not_null(f);
    n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

/* A line for the host with the i-th key of the tests. */
static const char *line(const char *host, uint32_t port, int key)
{
    static char text[4][1024];
    static unsigned next;
    char *s = text[next++ % 4];

    cr_assert_eq(nacre_known_hosts_format(s, 1024, nacre_bytes_str(host), port, pair_key_blob(key)),
                 NACRE_OK);
    return s;
}

static unsigned warnings;
static char warned[256];

static void warn(void *ctx, const char *file, uint32_t number, const char *what)
{
    (void)ctx;
    warnings++;
    snprintf(warned, sizeof warned, "%s:%u: %s", file, (unsigned)number, what);
}

static struct nacre_known_hosts search;

static nacre_err look(const char *host, uint32_t port, int key, const char *a, const char *b)
{
    const char *files[2] = {a, b};
    const char *bad;

    cr_assert_eq(nacre_known_hosts_init(&search, nacre_bytes_str(host), port, pair_key_blob(key)),
                 NACRE_OK);
    warnings = 0;
    return ncr_hosts_search(&search, files, b != NULL ? 2 : 1, warn, NULL, &bad);
}

Test(known_hosts_file, second_file_and_line)
{
    save("a", "# nothing\n\n");
    save("b", "# comment\n");
    cr_assert_eq(ncr_hosts_add("b", nacre_bytes_str("Host"), 22, pair_key_blob(1)), NACRE_OK);
    cr_assert_eq(look("host", 22, 1, "a", "b"), NACRE_OK);
    cr_assert_eq(search.verdict, NACRE_HOST_MATCH);
    cr_assert_eq(search.file, 1);
    cr_assert_eq(search.line, 2);
    cr_assert_eq(look("host", 22, 2, "a", "b"), NACRE_OK);
    cr_assert_eq(search.verdict, NACRE_HOST_CHANGED);
    cr_assert_eq(search.line, 2);
    cr_assert_eq(look("host", 2222, 1, "a", "b"), NACRE_OK);
    cr_assert_eq(search.verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_eq(warnings, 0);
}

Test(known_hosts_file, missing_files_have_no_lines)
{
    cr_assert_eq(look("host", 22, 1, "none", "no/such/directory"), NACRE_OK);
    cr_assert_eq(search.verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_eq(look("host", 22, 1, "/dev/null", NULL), NACRE_OK);
    cr_assert_eq(search.verdict, NACRE_HOST_NOT_FOUND);
}

/* What cannot be read may hold the line that refuses. */
Test(known_hosts_file, s47_unreadable_is_an_error)
{
    save("a", line("host", 22, 1));
    cr_assert_eq(mkdir("d", 0700), 0);
    cr_assert_neq(look("host", 22, 1, "a", "d"), NACRE_OK);
    cr_assert_eq(mkfifo("fifo", 0600), 0);
    cr_assert_eq(look("host", 22, 1, "a", "fifo"), NACRE_ERR_FILE_FORMAT, "s57: must not block");
    if (geteuid() != 0) {
        cr_assert_eq(chmod("a", 0), 0);
        cr_assert_eq(look("host", 22, 1, "a", NULL), NACRE_ERR_IO);
        cr_assert_eq(errno, EACCES);
    }
}

/* A file that breaks off within says nothing at all: neither that a key is known, nor that it is
 * not. */
Test(known_hosts_file, s47_reading_fails)
{
    char *text = calloc(1, 100000);

    strcpy(text, line("host", 22, 1));
    for (size_t n = strlen(text); n < 90000; n = strlen(text))
        snprintf(text + n, 100000 - n, "other%zu %s", n, strchr(line("x", 22, 1), ' ') + 1);
    save("a", text);
    for (int i = 0; i < 6; i++) {
        fail_only = "read";
        fail_errno = EIO;
        calls_left = i;
        cr_assert_eq(look("host", 22, 1, "a", NULL), NACRE_ERR_IO, "read %d", i);
        calls_left = 0;
        cr_assert_eq(ncr_hosts_add("a", nacre_bytes_str("new"), 22, pair_key_blob(1)),
                     NACRE_ERR_IO);
        no_failures();
        cr_assert_eq(strlen(load("a")), strlen(text));
    }
    cr_assert_eq(look("host", 22, 1, "a", NULL), NACRE_OK);
    free(text);
}

Test(known_hosts_file, s57_bad_lines_are_named_and_skipped)
{
    char *text = calloc(1, 20000);

    strcpy(text, "what\n");
    memset(text + strlen(text), 'x', 9000);
    strcat(text, " ssh-ed25519 AAAA\n");
    strcat(text, line("host", 22, 1));
    text[strlen(text) - 1] = '\0'; /* no line end at the end of the file */
    save("a", text);
    cr_assert_eq(look("host", 22, 1, "a", NULL), NACRE_OK);
    cr_assert_eq(search.verdict, NACRE_HOST_MATCH);
    cr_assert_eq(search.line, 3);
    cr_assert_eq(warnings, 2, "%u, last %s", warnings, warned);
    cr_assert_str_eq(warned, "a:2: line too long");
    free(text);
}

Test(known_hosts_file, s48_revoked_wins_in_any_file)
{
    char text[1100];

    save("a", line("host", 22, 1));
    snprintf(text, sizeof text, "@revoked %s", line("host", 22, 1));
    save("b", text);
    cr_assert_eq(look("host", 22, 1, "a", "b"), NACRE_OK);
    cr_assert_eq(search.verdict, NACRE_HOST_REVOKED);
    cr_assert_eq(look("host", 22, 1, "b", "a"), NACRE_OK);
    cr_assert_eq(search.verdict, NACRE_HOST_REVOKED);
}

/* A weak key, such as a short RSA one of long ago, is told and the search goes on. */
Test(known_hosts_file, s32_weak_line_is_skipped)
{
    save("a",
         "h ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
    cr_assert_eq(look("h", 22, 1, "a", NULL), NACRE_OK);
    cr_assert_eq(search.verdict, NACRE_HOST_CHANGED);
    cr_assert_eq(warnings, 1);
    save("b", "");
    cr_assert_eq(ncr_hosts_add("b", nacre_bytes_str("h"), 22, pair_key_blob(1)), NACRE_OK);
    cr_assert_eq(look("h", 22, 1, "a", "b"), NACRE_OK);
    cr_assert_eq(search.verdict, NACRE_HOST_MATCH);
}

Test(known_hosts_file, adding)
{
    struct stat st;

    save("a", "# no end");
    cr_assert_eq(ncr_hosts_add("a", nacre_bytes_str("one"), 22, pair_key_blob(1)), NACRE_OK);
    cr_assert_eq(ncr_hosts_add("a", nacre_bytes_str("two"), 2222, pair_key_blob(2)), NACRE_OK);
    cr_assert_eq(strncmp(load("a"), "# no end\none ssh-ed25519 ", 25), 0);
    cr_assert_not_null(strstr(load("a"), "\n[two]:2222 ssh-ed25519 "));
    cr_assert_eq(look("two", 2222, 2, "a", NULL), NACRE_OK);
    cr_assert_eq(search.verdict, NACRE_HOST_MATCH);

    cr_assert_eq(ncr_hosts_add("new/known_hosts", nacre_bytes_str("h"), 22, pair_key_blob(1)),
                 NACRE_OK);
    cr_assert_eq(stat("new", &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0700);
    cr_assert_eq(stat("new/known_hosts", &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
}

static size_t lines_of(const char *file)
{
    const char *text = load(file);
    size_t n = 0;

    while ((text = strchr(text, '\n')) != NULL) {
        text++;
        n++;
    }
    return n;
}

/* Of several clients that meet a new host at once, one adds its line: what is there is looked for
 * under the lock. */
Test(known_hosts_file, adding_what_is_there)
{
    static const uint8_t salt[NACRE_HOST_SALT_LEN] = {1, 2, 3};
    struct nacre_bytes h = nacre_bytes_str("h");

    save("a", "");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(ncr_hosts_add("a", h, 22, pair_key_blob(1)), NACRE_OK);
        cr_assert_eq(ncr_hosts_add_hashed("a", h, 22, pair_key_blob(1), salt), NACRE_OK);
    }
    cr_assert_eq(lines_of("a"), 1);
    cr_assert_eq(ncr_hosts_add("a", h, 2222, pair_key_blob(1)), NACRE_OK);
    cr_assert_eq(ncr_hosts_add_hashed("a", h, 2222, pair_key_blob(1), salt), NACRE_OK);
    cr_assert_eq(lines_of("a"), 2, "another port has a line of its own");
    cr_assert_eq(ncr_hosts_add("a", h, 22, pair_key_blob(2)), NACRE_OK);
    cr_assert_eq(lines_of("a"), 3, "another key too");
}

Test(known_hosts_file, adding_hashed)
{
    static const uint8_t salt[NACRE_HOST_SALT_LEN] = {1, 2, 3};

    save("a", "# no end");
    cr_assert_eq(ncr_hosts_add_hashed("a", nacre_bytes_str("One"), 2222, pair_key_blob(1), salt),
                 NACRE_OK);
    cr_assert_eq(strncmp(load("a"), "# no end\n|1|AQIDAAAAAAAAAAAAAAAAAAAAAAA=|", 41), 0);
    cr_assert_null(strstr(load("a"), "ne]"));
    cr_assert_eq(look("one", 2222, 1, "a", NULL), NACRE_OK);
    cr_assert_eq(search.verdict, NACRE_HOST_MATCH);
    cr_assert_eq(look("one", 22, 1, "a", NULL), NACRE_OK);
    cr_assert_eq(search.verdict, NACRE_HOST_NOT_FOUND);
    cr_assert_eq(
        ncr_hosts_add_hashed("/dev/null", nacre_bytes_str("h"), 22, pair_key_blob(1), salt),
        NACRE_OK);
}

Test(known_hosts_file, adding_fails)
{
    cr_assert_eq(mkfifo("fifo", 0600), 0);
    cr_assert_eq(ncr_hosts_add("fifo", nacre_bytes_str("h"), 22, pair_key_blob(1)),
                 NACRE_ERR_FILE_FORMAT);
    cr_assert_eq(ncr_hosts_add("no/such/dir/f", nacre_bytes_str("h"), 22, pair_key_blob(1)),
                 NACRE_ERR_IO);
    cr_assert_eq(errno, ENOENT);
    cr_assert_neq(ncr_hosts_add("a", nacre_bytes_str("bad host"), 22, pair_key_blob(1)), NACRE_OK);
    cr_assert_neq(access("a", F_OK), 0);
    cr_assert_eq(ncr_hosts_add("/dev/null", nacre_bytes_str("h"), 22, pair_key_blob(1)), NACRE_OK);
}

/* As many as a large site has: streamed, and in well under a second of the processor's time,
 * sanitizers and all; make bench tells how fast it is. */
Test(known_hosts_file, a_hundred_thousand_hashed_lines)
{
    enum { LINES = 100000 };
    uint8_t salt[NACRE_HOST_SALT_LEN] = {0};
    FILE *f = fopen("a", "w");
    struct timespec begun, ended;
    char text[512], host[32];

    cr_assert_not_null(f);
    for (uint32_t i = 1; i <= LINES; i++) {
        memcpy(salt, &i, sizeof i);
        snprintf(host, sizeof host, "h%u.example.com", (unsigned)i);
        cr_assert_eq(nacre_known_hosts_format_hashed(text, sizeof text, nacre_bytes_str(host), 22,
                                                     pair_key_blob(1), salt),
                     NACRE_OK);
        cr_assert_geq(fputs(text, f), 0);
    }
    cr_assert_eq(fclose(f), 0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun);
    cr_assert_eq(look("h100000.example.com", 22, 1, "a", NULL), NACRE_OK);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
    cr_assert_eq(search.verdict, NACRE_HOST_MATCH);
    cr_assert_eq(search.line, LINES);
    cr_assert_lt(
        (double)(ended.tv_sec - begun.tv_sec) + (double)(ended.tv_nsec - begun.tv_nsec) / 1e9, 3.0);
}

/* ---- Changing ---- */

static nacre_err add(const char *file, const char *host)
{
    return ncr_hosts_add(file, nacre_bytes_str(host), 22, pair_key_blob(1));
}

/* Whatever stands in it: comments, lines that cannot be read, other line ends, bytes. */
static const char odd[] = "# comment\r\n\r\nnot a line\n@what ever\r\n\tblank \t\n"
                          "host ssh-unknown AAAA\n\x80\xff\n|1|bad|hash ssh-rsa AAAA\n";

Test(known_hosts_file, nothing_that_was_there_is_lost)
{
    save("a", odd);
    cr_assert_eq(add("a", "one"), NACRE_OK);
    cr_assert_eq(strncmp(load("a"), odd, strlen(odd)), 0);
    cr_assert_str_eq(load("a") + strlen(odd), line("one", 22, 1));
}

/* As ssh-keygen: what others may do with the file stays, but for writing; owner and links too. */
Test(known_hosts_file, mode_owner_and_link_stay)
{
    struct stat st;

    save("b", odd);
    cr_assert_eq(chmod("b", 0664), 0);
    if (geteuid() == 0)
        cr_assert_eq(chown("b", 12, 34), 0);
    cr_assert_eq(symlink("b", "link"), 0);
    cr_assert_eq(add("link", "one"), NACRE_OK);
    cr_assert_eq(lstat("link", &st), 0);
    cr_assert(S_ISLNK(st.st_mode));
    cr_assert_eq(stat("b", &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0644);
    if (geteuid() == 0) {
        cr_assert_eq(st.st_uid, 12);
        cr_assert_eq(st.st_gid, 34);
    }
    cr_assert_eq(strncmp(load("b"), odd, strlen(odd)), 0);
    cr_assert_not_null(strstr(load("b"), "\none ssh-ed25519 "));
}

/* A link to nothing yet: the file is made where it points. */
Test(known_hosts_file, link_to_nothing)
{
    struct stat st;

    cr_assert_eq(symlink("b", "link"), 0);
    cr_assert_eq(add("link", "one"), NACRE_OK);
    cr_assert_eq(lstat("link", &st), 0);
    cr_assert(S_ISLNK(st.st_mode));
    cr_assert_eq(stat("b", &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0600);
}

static unsigned files_here(void)
{
    unsigned n = 0;
    FILE *f = popen("ls -A", "r");
    char name[256];

    cr_assert_not_null(f);
    while (fgets(name, sizeof name, f) != NULL)
        n++;
    pclose(f);
    return n;
}

/* Each call fails once: a full disk, a quota, a bad block. The old file is whole, nothing is left.
 */
Test(known_hosts_file, each_call_fails)
{
    bool done = false;

    save("a", odd);
    for (int i = 0; !done; i++) {
        most_written = 7; /* many writes */
        fail_errno = ENOSPC;
        calls_left = i;
        done = add("a", "one") == NACRE_OK && calls_left >= 0;
        no_failures();
        if (!done && strcmp(load("a"), odd) != 0) { /* what fails behind the rename is no failure */
            cr_assert_eq(strncmp(load("a"), odd, strlen(odd)), 0);
            cr_assert_str_eq(load("a") + strlen(odd), line("one", 22, 1));
            save("a", odd);
        }
        cr_assert_eq(files_here(), 1, "call %d", i);
        cr_assert_lt(i, 200);
    }
    cr_assert_str_eq(load("a") + strlen(odd), line("one", 22, 1));
}

Test(known_hosts_file, a_full_disk_is_told)
{
    static const char *const each[] = {"write", "fsync", "fchmod", "mkostemp", "rename"};

    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
        save("a", odd);
        fail_only = each[i];
        fail_errno = ENOSPC;
        calls_left = 0;
        cr_assert_eq(add("a", "one"), NACRE_ERR_IO, "%s", each[i]);
        cr_assert_eq(errno, ENOSPC, "%s", each[i]);
        no_failures();
        cr_assert_str_eq(load("a"), odd, "%s", each[i]);
    }
}

/* A directory that cannot be written to, a file that is a mount of its own (in a container). */
Test(known_hosts_file, addition_without_rename)
{
    static const struct {
        const char *call;
        int errnum;
    } cases[] = {{"mkostemp", EACCES}, {"mkostemp", EROFS}, {"rename", EBUSY}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        save("a", odd);
        fail_only = cases[i].call;
        fail_errno = cases[i].errnum;
        calls_left = 0;
        cr_assert_eq(add("a", "one"), NACRE_OK);
        no_failures();
        cr_assert_str_eq(load("a") + strlen(odd), line("one", 22, 1));
        cr_assert_eq(files_here(), 1);
    }
}

/* The disk is full in the middle of that addition: it is taken back. */
Test(known_hosts_file, addition_taken_back)
{
    for (int i = 0; i < 3; i++) {
        save("a", odd);
        no_temp = true;
        fail_only = "write";
        fail_errno = ENOSPC;
        calls_left = i;
        most_written = 5;
        cr_assert_eq(add("a", "one"), NACRE_ERR_IO);
        cr_assert_eq(errno, ENOSPC);
        no_failures();
        cr_assert_str_eq(load("a"), odd);
    }
}

/* Two programs at once, each adding many hosts: nothing is lost. */
Test(known_hosts_file, two_writers_lose_nothing)
{
    enum { WRITERS = 4, EACH = 40 };
    pid_t child[WRITERS];

    for (int w = 0; w < WRITERS; w++) {
        child[w] = fork();
        cr_assert_geq(child[w], 0);
        if (child[w] == 0) {
            for (int i = 0; i < EACH; i++) {
                char host[32];

                snprintf(host, sizeof host, "w%dh%d", w, i);
                if (add("a", host) != NACRE_OK)
                    _exit(1);
            }
            _exit(0);
        }
    }
    for (int w = 0; w < WRITERS; w++) {
        int status;

        cr_assert_eq(waitpid(child[w], &status, 0), child[w]);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    for (int w = 0; w < WRITERS; w++) {
        for (int i = 0; i < EACH; i++) {
            char host[32];

            snprintf(host, sizeof host, "w%dh%d", w, i);
            cr_assert_eq(look(host, 22, 1, "a", NULL), NACRE_OK);
            cr_assert_eq(search.verdict, NACRE_HOST_MATCH, "%s", host);
        }
    }
    cr_assert_eq(files_here(), 1);
}

static nacre_err edit_slowly(void *ctx, struct nacre_bytes old, struct ncr_hosts_new *out)
{
    unsigned *passes = ctx;

    if (++*passes == 1) { /* as ssh does: no lock, to the end of the file */
        FILE *f = fopen("a", "a");

        cr_assert_not_null(f);
        fputs("theirs\n", f);
        fclose(f);
    }
    ncr_hosts_put(out, old.p, old.n);
    ncr_hosts_put(out, "ours\n", 5);
    return NACRE_OK;
}

Test(known_hosts_file, a_writer_without_lock_is_seen)
{
    unsigned passes = 0;
    struct ncr_hosts_change how = {.edit = edit_slowly, .ctx = &passes, .backup = "a.old"};
    bool changed;

    save("a", "first\n");
    cr_assert_eq(ncr_hosts_change("a", &how, &changed), NACRE_OK);
    cr_assert(changed);
    cr_assert_eq(passes, 2);
    cr_assert_str_eq(load("a"), "first\ntheirs\nours\n");
    cr_assert_str_eq(load("a.old"), "first\ntheirs\n");
}

static nacre_err edit_nothing(void *ctx, struct nacre_bytes old, struct ncr_hosts_new *out)
{
    (void)ctx;
    ncr_hosts_put(out, old.p, old.n);
    return NACRE_OK;
}

static nacre_err edit_refused(void *ctx, struct nacre_bytes old, struct ncr_hosts_new *out)
{
    (void)ctx;
    (void)old;
    ncr_hosts_put(out, "gone", 4);
    return NACRE_ERR_FILE_FORMAT;
}

Test(known_hosts_file, no_change_is_not_written)
{
    struct ncr_hosts_change how = {.edit = edit_nothing, .backup = "a.old"};
    struct stat before, after;
    bool changed = true;

    cr_assert_eq(ncr_hosts_change("none", &how, &changed), NACRE_ERR_IO);
    cr_assert_eq(errno, ENOENT);
    cr_assert(!changed);
    save("a", odd);
    cr_assert_eq(stat("a", &before), 0);
    cr_assert_eq(ncr_hosts_change("a", &how, &changed), NACRE_OK);
    cr_assert(!changed);
    cr_assert_eq(stat("a", &after), 0);
    cr_assert_eq(before.st_ino, after.st_ino);
    cr_assert_neq(access("a.old", F_OK), 0);
    how.edit = edit_refused;
    cr_assert_eq(ncr_hosts_change("a", &how, &changed), NACRE_ERR_FILE_FORMAT);
    cr_assert(!changed);
    cr_assert_str_eq(load("a"), odd);
    how.edit = edit_nothing;
    how.always = true;
    cr_assert_eq(ncr_hosts_change("a", &how, &changed), NACRE_OK);
    cr_assert(changed);
    cr_assert_str_eq(load("a.old"), odd);
}

/* Who holds the lock is waited for, and the file that it made is the one that is changed. */
Test(known_hosts_file, waits_for_the_lock)
{
    pid_t child;
    int fd, status;
    int told[2];
    char byte;

    cr_assert_eq(pipe(told), 0);
    save("a", "first\n");
    fd = open("a", O_RDONLY);
    cr_assert_geq(fd, 0);
    cr_assert_eq(flock(fd, LOCK_EX), 0);
    child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        close(fd);
        waiting_to = told[1];
        _exit(add("a", "one") == NACRE_OK ? 0 : 1);
    }
    cr_assert_eq(read(told[0], &byte, 1), 1);
    save("b", "second\n");
    cr_assert_eq(rename("b", "a"), 0);
    close(fd);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    close(told[0]);
    close(told[1]);
    cr_assert_eq(strncmp(load("a"), "second\none ssh-ed25519 ", 23), 0);
}
