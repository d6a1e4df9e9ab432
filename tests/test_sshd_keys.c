/* SPDX-License-Identifier: ISC
 *
 * The daemon run for real with every option of authorized_keys (S58, S59), and variables of keys
 * (S61).
 */
#include "proto/keys/nacre_krl.h"
#include "proto/wire.h"
#include "tests/certs.h"
#include "tests/sshd_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- Every option of authorized_keys ----------------------------------------------------- */

static bool enter_line(struct daemon *t, const char *options)
{
    daemon_authorize(t, options);
    daemon_connect(t);
    return driver_key(&t->d, t->me.name, &t->user, true);
}

/* Options that decide whether the key gets in. */
Test(sshd_cert, options_that_let_in)
{
    static const struct {
        const char *options;
        bool in;
    } cases[] = {
        {"", true},
        {"from=\"127.0.0.1\"", true},
        {"from=\"127.0.0.0/8,!127.0.0.1\"", false},
        {"from=\"192.0.2.0/24\"", false},
        {"from=\"localhost\"", false}, /* by address alone */
        {"expiry-time=\"20990101\"", true},
        {"expiry-time=\"20200101\"", false},
        {"expiry-time=\"20200101Z\"", false},
        {"expiry-time=\"x\"", false},
        {"cert-authority", false},
        {"principals=\"x\"", false},
        {"tunnel=\"0\"", false},
        {"no-such-option", false},
        {"no-touch-required", true}, /* nothing to touch */
        {"verify-required", true},
        {"restrict", true},
        {"environment=\"X=1\"", true},
        {"permitopen=\"x\"", false},
        {"permitlisten=\"x:y\"", false},
        {"no-agent-forwarding,no-port-forwarding,no-pty,no-user-rc,no-X11-forwarding", true},
        {"restrict,agent-forwarding,port-forwarding,pty,user-rc,X11-forwarding", true},
    };
    struct daemon *t = daemon_start();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(enter_line(t, cases[i].options), cases[i].in, "%s: %s", cases[i].options,
                     daemon_log(t));
    }
    cr_assert_not_null(strstr(daemon_log(t), "authorized_keys:1: unknown option: no-such-option"));
    cr_assert_not_null(strstr(daemon_log(t), "authorized_keys:1: option not supported: tunnel"));
    daemon_stop(t);
}

/* Options that decide what it may do then. */
Test(sshd_cert, options_that_permit)
{
    static const struct {
        const char *options; /* %u: the port that somebody listens on */
        bool open, listens, pty, agent;
    } cases[] = {
        {"", true, true, true, true},
        {"restrict", false, false, false, false},
        {"restrict,port-forwarding", true, true, false, false},
        {"no-agent-forwarding", true, true, true, false},
        {"restrict,agent-forwarding", false, false, false, true},
        {"restrict,pty", false, false, true, false},
        {"no-port-forwarding", false, false, true, true},
        {"no-pty", true, true, false, true},
        {"permitopen=\"127.0.0.1:%u\"", true, true, true, true},
        {"permitopen=\"127.0.0.1:*\"", true, true, true, true},
        {"permitopen=\"127.0.0.1:1\"", false, true, true, true},
        {"permitopen=\"192.0.2.1:%u\"", false, true, true, true},
        {"permitopen=\"127.0.0.1:1\",permitopen=\"127.0.0.1:%u\"", true, true, true, true},
        {"permitlisten=\"localhost:*\"", true, true, true, true},
        {"permitlisten=\"localhost:1\"", true, false, true, true},
        {"permitlisten=\"192.0.2.1:*\"", true, false, true, true},
        {"restrict,permitopen=\"127.0.0.1:%u\"", false, false, false, false},
        {"restrict,port-forwarding,permitopen=\"127.0.0.1:%u\"", true, true, false, false},
    };
    struct daemon *t = daemon_start();
    uint32_t port;
    int l = daemon_listener(&port);
    bool terminals = enter_line(t, "") && daemon_may_pty(t); /* are there any here? */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char options[256];
        const char *at = strstr(cases[i].options, "%u");
        snprintf(options, sizeof options, "%.*s", (int)strcspn(cases[i].options, "%"),
                 cases[i].options);
        if (at != NULL) {
            snprintf(options + strlen(options), 128, "%u%s", (unsigned)port, at + 2);
        }
        cr_assert(enter_line(t, options), "%s: %s", options, daemon_log(t));
        cr_assert_eq(daemon_may_open(t, port), cases[i].open, "%s", options);
        cr_assert_eq(daemon_may_listen(t, 0), cases[i].listens, "%s", options);
        cr_assert_eq(daemon_may_lend_agent(t), cases[i].agent, "%s", options);
        cr_assert_eq(daemon_may_pty(t), cases[i].pty && terminals, "%s", options);
    }
    close(l);
    daemon_stop(t);
}

Test(sshd_cert, option_command)
{
    struct daemon *t = daemon_start();
    cr_assert(enter_line(t, "command=\"echo \\\"forced\\\" $SSH_ORIGINAL_COMMAND\""));
    (void)driver_exec(&t->d, "id", NULL, 0);
    cr_assert(driver_out_is(&t->d, "forced id\n"));
    daemon_stop(t);
}

/* True if the variables of the session have that line. */
static bool has_variable(struct daemon *t, const char *line)
{
    char all[8192];
    cr_assert_eq(driver_exec(&t->d, "env", NULL, 0), 0);
    snprintf(all, sizeof all, "\n%.*s", (int)(t->d.out.n < 8000 ? t->d.out.n : 8000),
             (const char *)t->d.out.p);
    char want[256];
    snprintf(want, sizeof want, "\n%s\n", line);
    return strstr(all, want) != NULL;
}

/* environment=: nothing without PermitUserEnvironment, names by its patterns, and never those that
 * change what programs run or load (S61). */
Test(sshd_cert, s61_option_environment)
{
    static const struct {
        const char *config, *options, *line;
        bool there;
    } cases[] = {
        {"no", "environment=\"MINE=1\"", "MINE=1", false},
        {"yes", "environment=\"MINE=1\"", "MINE=1", true},
        {"yes", "environment=\"MINE=a=b c\"", "MINE=a=b c", true},
        {"yes", "environment=\"MINE=1\",environment=\"MINE=2\"", "MINE=1", true},
        {"yes", "environment=\"LD_PRELOAD=/x\"", "LD_PRELOAD=/x", false},
        {"yes", "environment=\"LD_LIBRARY_PATH=/x\"", "LD_LIBRARY_PATH=/x", false},
        {"yes", "environment=\"BASH_ENV=/x\"", "BASH_ENV=/x", false},
        {"yes", "environment=\"ENV=/x\"", "ENV=/x", false},
        {"yes", "environment=\"IFS=x\"", "IFS=x", false},
        {"yes", "environment=\"GLIBC_TUNABLES=x\"", "GLIBC_TUNABLES=x", false},
        {"yes", "environment=\"PATH=/x\"", "PATH=/x", false},
        {"yes", "environment=\"SHELL=/x\"", "SHELL=/x", false},
        {"LD_*,PATH", "environment=\"LD_PRELOAD=/x\"", "LD_PRELOAD=/x", false},
        {"LANG,LC_*", "environment=\"LC_ALL=C\"", "LC_ALL=C", true},
        {"LANG,LC_*", "environment=\"MINE=1\"", "MINE=1", false},
        {"*,!MINE", "environment=\"MINE=1\"", "MINE=1", false},
        {"yes", "environment=\"SET=mine\"", "SET=fixed", true}, /* SetEnv wins */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct daemon *t = daemon_prepare();
        char option[128];
        snprintf(option, sizeof option, "PermitUserEnvironment=%s", cases[i].config);
        daemon_option(t, option);
        daemon_option(t, "SetEnv=SET=fixed");
        daemon_run(t);
        cr_assert(enter_line(t, cases[i].options));
        cr_assert_eq(has_variable(t, cases[i].line), cases[i].there, "case %zu: %.*s", i,
                     (int)t->d.out.n, (const char *)t->d.out.p);
        daemon_stop(t);
    }
}
