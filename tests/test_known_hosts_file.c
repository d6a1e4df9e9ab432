/* SPDX-License-Identifier: ISC
 *
 * known_hosts as files: searching several, lines that cannot be read, adding; s47 and s57 where
 * they touch files.
 */
#include "client/known_hosts_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/pair.h"

static char dir[64];

static void enter(void)
{
    strcpy(dir, "/tmp/nacre-hosts-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(chdir(dir), 0);
}

static void leave(void)
{
    static const char *const names[] = {"a", "b", "new/known_hosts", "fifo"};

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
    static char text[8192];
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
    cr_assert_eq(ncr_hosts_add("fifo", nacre_bytes_str("h"), 22, pair_key_blob(1)), NACRE_ERR_IO);
    cr_assert_eq(ncr_hosts_add("no/such/dir/f", nacre_bytes_str("h"), 22, pair_key_blob(1)),
                 NACRE_ERR_IO);
    cr_assert_eq(errno, ENOENT);
    cr_assert_neq(ncr_hosts_add("a", nacre_bytes_str("bad host"), 22, pair_key_blob(1)), NACRE_OK);
    cr_assert_neq(access("a", F_OK), 0);
    cr_assert_eq(ncr_hosts_add("/dev/null", nacre_bytes_str("h"), 22, pair_key_blob(1)), NACRE_OK);
}
