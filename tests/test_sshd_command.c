/* SPDX-License-Identifier: ISC
 *
 * The daemon run for real with AuthorizedKeysCommand and AuthorizedPrincipalsCommand: the monitor
 * runs them, what their lines say holds in the session, and who is no user waits as long (S38).
 */
#include "tests/certs.h"
#include "tests/sshd_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A daemon whose files let nobody in; the command prints a file of the test's. */
static struct daemon *ordered(const char *keyword, const char *then)
{
    struct daemon *t = daemon_prepare();
    struct stat st;
    if (stat("/bin/sh", &st) != 0 || st.st_uid != 0) {
        daemon_stop(t);
        cr_skip_test("no shell of root's");
    }
    daemon_arg(t, "-o");
    daemon_arg(t, "%s=/bin/sh -c \"cat %s/printed; %s\" x %%u", keyword, t->dir, then);
    daemon_arg(t, "-o");
    daemon_arg(t, "%sUser=%s", keyword, t->me.name);
    return t;
}

/* The line that authorized_keys would have goes to where the command looks. */
static void ordered_line(struct daemon *t, const char *options)
{
    char to[96];
    snprintf(to, sizeof to, "%.80s/printed", t->dir);
    daemon_authorize(t, options);
    cr_assert_eq(rename(t->keys, to), 0);
}

Test(sshd_command, keys)
{
    struct daemon *t = ordered("AuthorizedKeysCommand", "[ $1 = $USER ]");
    ordered_line(t, "command=\"echo forced $SSH_ORIGINAL_COMMAND\"");
    daemon_run(t);
    daemon_connect(t);
    daemon_login(t);
    cr_assert_eq(driver_exec(&t->d, "id", NULL, 0), 0);
    cr_assert(driver_out_is(&t->d, "forced id\n"));
    daemon_connect(t);
    cr_assert_not(driver_key(&t->d, t->me.name, &t->other, true));
    daemon_connect(t);
    cr_assert_not(driver_key(&t->d, "ghost", &t->user, true));
    daemon_connect(t);
    daemon_login(t);
    daemon_stop(t);
}

Test(sshd_command, principals)
{
    static const char alg[] = "ssh-ed25519-cert-v01@openssh.com";
    struct daemon *t = ordered("AuthorizedPrincipalsCommand", "true");
    struct nacre_privkey *ca = cert_key("ssh-ed25519", NULL);
    struct cert_spec spec = {.before = NACRE_CERT_FOREVER, .principals = {"staff"}};
    char cas[96], printed[96], line[1024];
    static uint8_t blob[CERT_MAX];
    snprintf(cas, sizeof cas, "%.80s/cas", t->dir);
    snprintf(printed, sizeof printed, "%.80s/printed", t->dir);
    cr_assert_eq(nacre_pubkey_format(line, sizeof line, nacre_privkey_public_blob(ca),
                                     (struct nacre_bytes){NULL, 0}),
                 NACRE_OK);
    daemon_write(cas, line, 0600);
    daemon_write(printed, "command=\"echo line\" staff\n", 0600);
    daemon_write(t->keys, "", 0600);
    daemon_arg(t, "-o");
    daemon_arg(t, "TrustedUserCAKeys=%s", cas);
    daemon_run(t);
    struct nacre_bytes cert = cert_make(blob, &spec, nacre_privkey_public_blob(&t->user), ca);
    daemon_connect(t);
    cr_assert(driver_key_as(&t->d, t->me.name, alg, cert, &t->user, true), "%s", daemon_log(t));
    cr_assert_eq(driver_exec(&t->d, "id", NULL, 0), 0);
    cr_assert(driver_out_is(&t->d, "line\n"));
    daemon_connect(t);
    cr_assert_not(driver_key_as(&t->d, "ghost", alg, cert, &t->user, false));
    cr_assert_not_null(daemon_says(t, "Failed publickey for invalid user ghost"));
    const char *log = strstr(daemon_log(t), "Invalid user ghost");
    cr_assert(log != NULL && strstr(log, "Accepted") == NULL, "%s", daemon_log(t));
    daemon_write(printed, "others\n", 0600);
    daemon_connect(t);
    cr_assert_not(driver_key_as(&t->d, t->me.name, alg, cert, &t->user, true));
    free(ca);
    daemon_stop(t);
}

/* The shortest time of a few tries: at least that of the command, whoever is named. */
static uint64_t ordered_time(struct daemon *t, const char *user)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 4; i++) {
        daemon_connect(t);
        cr_assert_not(driver_none(&t->d, user));
        uint64_t from = daemon_ms();
        cr_assert_not(driver_key(&t->d, user, &t->other, true));
        least = daemon_ms() - from < least ? daemon_ms() - from : least;
    }
    return least;
}

Test(sshd_command, S38_user_enumeration)
{
    struct daemon *t = ordered("AuthorizedKeysCommand", "sleep 0.2");
    ordered_line(t, "");
    daemon_run(t);
    cr_assert_geq(ordered_time(t, t->me.name), 200u);
    cr_assert_geq(ordered_time(t, "ghost"), 200u);
    daemon_stop(t);
}

/* A command that does not end keeps nobody but its connection, and not past LoginGraceTime. */
Test(sshd_command, S71_a_command_that_hangs)
{
    struct daemon *t = ordered("AuthorizedKeysCommand", "exec sleep 60");
    ordered_line(t, "");
    daemon_option(t, "LoginGraceTime=5");
    daemon_run(t);
    daemon_connect(t);
    uint64_t from = daemon_ms();
    cr_assert_not(driver_key(&t->d, t->me.name, &t->user, true));
    cr_assert_lt(daemon_ms() - from, 40000u);
    cr_assert_not_null(daemon_says(t, "AuthorizedKeysCommand /bin/sh: took too long"));
    daemon_connect(t);
    cr_assert(driver_password(&t->d, t->me.name, "secret"));
    daemon_stop(t);
}

Test(sshd_command, a_command_without_its_user_is_refused)
{
    struct daemon *t = daemon_prepare();
    daemon_option(t, "AuthorizedKeysCommand=/bin/sh");
    daemon_arg(t, "-t");
    cr_assert_eq(daemon_once(t), 255);
    cr_assert_not_null(daemon_says(t, "AuthorizedKeysCommand set without "
                                      "AuthorizedKeysCommandUser"));
    daemon_stop(t);
}
