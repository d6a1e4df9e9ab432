/* SPDX-License-Identifier: ISC
 *
 * Accounts of passwd(5), group(5) and shadow(5), and taking an identity on (S62).
 */
#include "server/account.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Test(account, S62_identity_is_taken_on_for_good)
{
    struct ncr_account a = {.found = true, .uid = 65534, .gid = 65534, .name = "no-such-user"};
    if (getuid() != 0) {
        cr_skip_test("not root");
    }
    pid_t pid = fork();
    if (pid == 0) {
        gid_t gids[8];
        bool ok = ncr_account_become(&a) && getuid() == 65534 && geteuid() == 65534 &&
                  getgid() == 65534 && getgroups(8, gids) == 1 && gids[0] == 65534 &&
                  setuid(0) != 0 && seteuid(0) != 0 && setgid(0) != 0;
        _exit(ok ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    a.found = false;
    cr_assert_not(ncr_account_become(&a), "no account");
}

Test(account, S62_who_is_not_root_becomes_nobody_else)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct ncr_account other = {.found = true, .uid = 12345, .gid = 12345, .name = "x"};
        if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
            _exit(2);
        }
        _exit(ncr_account_become(&other) ? 1 : 0);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Test(account, records)
{
    char path[] = "/tmp/nacre-passwd-XXXXXX";
    static const char text[] = "root:x:0:0:root:/root:/bin/sh\n"
                               "bad:x:-1:0::/:/bin/sh\n"
                               "minus:x:4294967295:0::/:/bin/sh\n"
                               "word:x:0x0:0::/:/bin/sh\n"
                               "short:x:1:1\n"
                               "joe:x:1000:1001:Joe,,,:/home/joe:\n"
                               ":x:5:5::/:/bin/sh\n"
                               "colon:x:6:6::/home:/bin/sh:more\n";
    static const char *const none[] = {"bad", "minus", "word", "short", "", "jo", "joee"};
    struct ncr_account a;
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
    close(fd);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        cr_assert_not(ncr_account_by_name(&a, path, none[i]), "%s", none[i]);
        cr_assert_not(a.found);
    }
    cr_assert(ncr_account_by_name(&a, path, "joe"));
    cr_assert_eq(a.uid, 1000u);
    cr_assert_eq(a.gid, 1001u);
    cr_assert_str_eq(a.home, "/home/joe");
    cr_assert_str_eq(a.shell, "/bin/sh", "the default");
    cr_assert(ncr_account_by_uid(&a, path, 0));
    cr_assert_str_eq(a.name, "root");
    unlink(path);
}

/* sshd(8): who is locked or expired gets in with no credential. */
Test(account, shadow)
{
    static const struct {
        const char *name;
        uint64_t day;
        const char *why;
    } cases[] = {
        {"open", 20000, NULL},
        {"star", 20000, NULL},
        {"empty", 20000, NULL},
        {"locked", 20000, "account is locked"},
        {"bang", 20000, "account is locked"},
        {"old", 19999, NULL},
        {"old", 20000, NULL},
        {"old", 20001, "account has expired"},
        {"zero", 20000, "account has expired"},
        {"word", 20000, NULL},
        {"short", 20000, NULL},
        {"lock", 20000, NULL},
        {"last", 20000, "account is locked"},
        {"nobody", 20000, NULL},
        {"", 20000, NULL},
    };
    char path[] = "/tmp/nacre-shadow-XXXXXX";
    static const char text[] = "open:$6$x$y:19000:0:99999:7:::\n"
                               "star:*:19000:0:99999:7:::\n"
                               "empty::19000:0:99999:7:::\n"
                               "locked:!$6$x$y:19000:0:99999:7:::\n"
                               "bang:!:19000::::::\n"
                               "old:*:19000:0:99999:7::20000:\n"
                               "zero:*:19000:0:99999:7::0:\n"
                               "word:*:19000:0:99999:7::x:\n"
                               "short:*\n"
                               "damaged\n"
                               "\n"
                               "last:!";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
    close(fd);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *why = ncr_account_shadow(path, cases[i].name, cases[i].day);
        cr_assert((why == NULL) == (cases[i].why == NULL) &&
                      (why == NULL || strcmp(why, cases[i].why) == 0),
                  "%s on day %u: %s", cases[i].name, (unsigned)cases[i].day, why);
    }
    unlink(path);
    cr_assert_null(ncr_account_shadow(path, "locked", 0), "no such file");
    cr_assert_not_null(ncr_account_shadow("/", "locked", 0), "one that cannot be read");
}
