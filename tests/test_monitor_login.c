/* SPDX-License-Identifier: ISC
 *
 * The rules of a login behind the monitor (S35, S37, S38, S40).
 */
#include "server/host_keys_update.h"
#include "tests/certs.h"
#include "tests/monitor_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Logins ------------------------------------------------------------------------------ */

/* Leaves bytes on the stack that are no zeroes, for whoever forgets to set its variables. */
static void office_dirt(void)
{
    volatile uint8_t junk[32768];
    for (size_t i = 0; i < sizeof junk; i++) {
        junk[i] = 0xa5;
    }
}

/* S64: a request without a key, which no engine passes on. */
Test(monitor, S64_a_key_of_no_bytes)
{
    static const uint32_t stages[] = {NACRE_STAGE_KEY_QUERY, NACRE_STAGE_KEY_PROVED};
    struct office *d = office_open();
    struct nacre_bytes none = {NULL, 0};
    office_sign(d);
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        office_dirt();
        cr_assert_eq(office_verdict(d, stages[i], d->me.name, none, none), NACRE_REFUSE);
    }
    office_close(d);
}

Test(monitor, S64_the_monitor_verifies_signatures_itself)
{
    struct office *d = office_open();
    struct nacre_bytes blob = nacre_privkey_public_blob(&d->user);
    office_sign(d);
    cr_assert_eq(
        office_verdict(d, NACRE_STAGE_KEY_QUERY, d->me.name, blob, (struct nacre_bytes){NULL, 0}),
        NACRE_ACCEPT);
    cr_assert_eq(
        office_verdict(d, NACRE_STAGE_KEY_PROVED, d->me.name, blob, (struct nacre_bytes){NULL, 0}),
        NACRE_REFUSE, "no signature");
    cr_assert_eq(office_key(d, d->me.name, &d->user, &d->other, false), NACRE_REFUSE, "another's");
    cr_assert_eq(office_key(d, d->me.name, &d->user, &d->user, true), NACRE_REFUSE,
                 "of another session");
    cr_assert_eq(office_key(d, d->me.name, &d->other, &d->other, false), NACRE_REFUSE,
                 "not authorized");
    cr_assert_not(d->m.login.done);
    cr_assert_eq(office_key(d, d->me.name, &d->user, &d->user, false), NACRE_ACCEPT);
    cr_assert(d->m.login.done);
    cr_assert_not_null(strstr(d->said, "Accepted publickey for "));
    cr_assert_not_null(strstr(d->said, "ED25519 SHA256:"));
    office_close(d);
}

/* A signature that names no host key is none that does, whatever the network process says (S44). */
Test(monitor, S44_what_is_bound_is_part_of_the_signature)
{
    struct office *d = office_open();
    struct nacre_bytes blob = nacre_privkey_public_blob(&d->user);
    office_sign(d);
    cr_assert_eq(office_signed(d, d->me.name, blob, "ssh-ed25519", &d->user, false, 1),
                 NACRE_REFUSE);
    cr_assert_eq(office_signed(d, d->me.name, blob, "ssh-ed25519", &d->user, false, 0),
                 NACRE_ACCEPT);
    office_close(d);
}

/* The same of a certificate: the network process says that it verified, and the monitor looks
 * itself, at the authority's signature and at the user's. */
Test(monitor, S64_the_monitor_verifies_certificates_itself)
{
    static uint8_t blob[CERT_MAX];
    char option[256], ca_file[128];
    snprintf(ca_file, sizeof ca_file, "/tmp/nacre-monitor-ca-%d", (int)getpid());
    snprintf(option, sizeof option, "TrustedUserCAKeys %s", ca_file);
    const char *const lines[] = {option};
    struct office *d = office_open_with(lines, 1);
    struct cert_spec spec = {.before = NACRE_CERT_FOREVER, .principals = {d->me.name}};
    FILE *f = fopen(ca_file, "w");
    cr_assert_not_null(f);
    office_key_line(f, &d->second);
    fclose(f);
    cr_assert_eq(chmod(ca_file, 0600), 0);
    office_sign(d);
    for (int i = 0; i < 5; i++) {
        /* 0: another authority; 1: its name, another's signature; 2: another key signs; 3: as a
         * plain key's algorithm; 4: good */
        spec.ca_blob =
            i == 1 ? nacre_privkey_public_blob(&d->second) : (struct nacre_bytes){NULL, 0};
        struct nacre_bytes c = cert_make(blob, &spec, nacre_privkey_public_blob(&d->other),
                                         i < 2 ? &d->host : &d->second);
        enum nacre_verdict want = i == 4 ? NACRE_ACCEPT : NACRE_REFUSE;
        cr_assert_eq(office_signed(d, d->me.name, c,
                                   i == 3 ? "ssh-ed25519" : "ssh-ed25519-cert-v01@openssh.com",
                                   i == 2 ? &d->user : &d->other, false, 0),
                     want, "case %d: %s", i, d->said);
    }
    cr_assert_eq(unlink(ca_file), 0);
    office_close(d);
}

Test(monitor, S64_the_user_is_fixed_once)
{
    struct office *d = office_open();
    office_sign(d);
    cr_assert_eq(office_password(d, "ghost", "secret"), NACRE_REFUSE);
    cr_assert_eq(office_password(d, d->me.name, "secret"), NACRE_REFUSE, "another user now");
    cr_assert_eq(office_key(d, d->me.name, &d->user, &d->user, false), NACRE_REFUSE);
    office_close(d);
}

Test(monitor, S38_an_unknown_user_is_refused_everything)
{
    struct office *d = office_open();
    struct nacre_bytes blob = nacre_privkey_public_blob(&d->user);
    office_sign(d);
    cr_assert_eq(
        office_verdict(d, NACRE_STAGE_KEY_QUERY, "ghost", blob, (struct nacre_bytes){NULL, 0}),
        NACRE_REFUSE);
    cr_assert_eq(office_key(d, "ghost", &d->user, &d->user, false), NACRE_REFUSE);
    cr_assert_eq(office_password(d, "ghost", "secret"), NACRE_REFUSE, "right, but no account");
    cr_assert_eq(office_verdict(d, NACRE_STAGE_INTERACTIVE, "ghost", (struct nacre_bytes){NULL, 0},
                                (struct nacre_bytes){NULL, 0}),
                 NACRE_CHALLENGE, "asked as anybody is");
    cr_assert_eq(office_verdict(d, NACRE_STAGE_RESPONSES, "ghost", (struct nacre_bytes){NULL, 0},
                                nacre_bytes_str("secret")),
                 NACRE_REFUSE);
    cr_assert_not_null(strstr(d->said, "Invalid user ghost from 192.0.2.1 port 4711"));
    cr_assert_not_null(strstr(d->said, "Failed password for invalid user ghost from 192.0.2.1"));
    office_close(d);
}

Test(monitor, S70_a_users_file_that_others_can_write_to)
{
    struct office *d = office_open();
    office_sign(d);
    cr_assert_eq(chmod(d->users_file, 0620), 0);
    cr_assert_eq(office_password(d, d->me.name, "secret"), NACRE_REFUSE);
    cr_assert_eq(chmod(d->users_file, 0602), 0);
    cr_assert_eq(office_password(d, d->me.name, "secret"), NACRE_REFUSE);
    cr_assert_eq(chmod(d->users_file, 0600), 0);
    cr_assert_eq(office_password(d, d->me.name, "secret"), NACRE_ACCEPT);
    office_close(d);
}

Test(monitor, names_that_are_none)
{
    static const uint8_t nul[] = {'r', 'o', 'o', 't', 0};
    struct office *d = office_open();
    static uint8_t longer[300];
    struct nacre_bytes names[] = {{NULL, 0}, {nul, sizeof nul}, {longer, sizeof longer}};
    memset(longer, 'a', sizeof longer);
    office_sign(d);
    for (size_t i = 0; i < 3; i++) {
        struct ncr_mon_msg ask = {
            .type = NCR_MON_AUTH,
            .value = {NACRE_STAGE_PASSWORD},
            .field = {names[i], {NULL, 0}, {NULL, 0}, nacre_bytes_str("secret")},
            .fds = {-1, -1}};
        cr_assert(ncr_monitor_request(&d->m, &ask, false));
        cr_assert(office_reply(d));
        cr_assert_eq(d->reply.value[0], (uint32_t)NACRE_REFUSE);
    }
    cr_assert_not(d->m.login.fixed);
    office_close(d);
}

Test(monitor, S36_responses_need_a_challenge)
{
    struct office *d = office_open();
    struct nacre_bytes none = {NULL, 0};
    office_sign(d);
    cr_assert_eq(
        office_verdict(d, NACRE_STAGE_RESPONSES, d->me.name, none, nacre_bytes_str("secret")),
        NACRE_REFUSE);
    cr_assert_eq(office_verdict(d, NACRE_STAGE_INTERACTIVE, d->me.name, none, none),
                 NACRE_CHALLENGE);
    cr_assert_eq(
        office_verdict(d, NACRE_STAGE_RESPONSES, d->me.name, none, nacre_bytes_str("wrong")),
        NACRE_REFUSE);
    cr_assert_eq(
        office_verdict(d, NACRE_STAGE_RESPONSES, d->me.name, none, nacre_bytes_str("secret")),
        NACRE_REFUSE, "one challenge, one response");
    cr_assert_eq(office_verdict(d, NACRE_STAGE_INTERACTIVE, d->me.name, none, none),
                 NACRE_CHALLENGE);
    cr_assert_eq(
        office_verdict(d, NACRE_STAGE_RESPONSES, d->me.name, none, nacre_bytes_str("secret")),
        NACRE_ACCEPT);
    office_close(d);
}

Test(monitor, S40_requests_are_counted)
{
    struct office *d = office_open();
    struct nacre_bytes none = {NULL, 0};
    int n = 0;
    office_sign(d);
    while (n < 1000 && office_auth(d, NACRE_STAGE_PASSWORD, "ghost", none, nacre_bytes_str("x"))) {
        cr_assert(office_reply(d));
        n++;
    }
    cr_assert_leq(n, 64);
    office_close(d);
}

/* ---- Several methods --------------------------------------------------------------------- */

Test(monitor, methods_in_a_row)
{
    static const char *const lines[] = {
        "AuthenticationMethods publickey,password publickey,keyboard-interactive"};
    struct office *d = office_open_with(lines, 1);
    struct nacre_bytes none = {NULL, 0};
    office_sign(d);
    cr_assert_eq(ncr_login_methods(&d->m.login), (unsigned)NACRE_AUTH_PUBLICKEY);
    cr_assert_eq(office_password(d, d->me.name, "secret"), NACRE_REFUSE, "not its turn");
    cr_assert_eq(office_key(d, d->me.name, &d->user, &d->user, false), NACRE_PARTIAL);
    cr_assert_eq(d->reply.value[1], (unsigned)(NACRE_AUTH_PASSWORD | NACRE_AUTH_INTERACTIVE));
    cr_assert_not(d->m.login.done);
    cr_assert_eq(office_key(d, d->me.name, &d->user, &d->user, false), NACRE_REFUSE, "was used");
    cr_assert_eq(office_password(d, d->me.name, "wrong"), NACRE_REFUSE);
    cr_assert_eq(office_verdict(d, NACRE_STAGE_INTERACTIVE, d->me.name, none, none),
                 NACRE_CHALLENGE);
    cr_assert_eq(
        office_verdict(d, NACRE_STAGE_RESPONSES, d->me.name, none, nacre_bytes_str("secret")),
        NACRE_ACCEPT);
    office_close(d);
}

Test(monitor, S37_the_second_factor_of_another_user_does_not_count)
{
    static const char *const lines[] = {"AuthenticationMethods publickey,password"};
    struct office *d = office_open_with(lines, 1);
    office_sign(d);
    cr_assert_eq(office_key(d, d->me.name, &d->user, &d->user, false), NACRE_PARTIAL);
    cr_assert_eq(office_password(d, "ghost", "secret"), NACRE_REFUSE);
    cr_assert_not(d->m.login.done);
    cr_assert_eq(office_password(d, d->me.name, "secret"), NACRE_ACCEPT);
    office_close(d);
}

Test(monitor, two_keys_are_two_different_keys)
{
    static const char *const lines[] = {"AuthenticationMethods publickey,publickey"};
    struct office *d = office_open_with(lines, 1);
    office_sign(d);
    cr_assert_eq(office_key(d, d->me.name, &d->user, &d->user, false), NACRE_PARTIAL);
    cr_assert_eq(office_key(d, d->me.name, &d->user, &d->user, false), NACRE_REFUSE);
    cr_assert_eq(office_key(d, d->me.name, &d->second, &d->second, false), NACRE_ACCEPT);
    office_close(d);
}

Test(monitor, S58_methods_that_are_off_stay_off)
{
    static const char *const lines[] = {"PasswordAuthentication no", "PubkeyAuthentication no"};
    struct office *d = office_open_with(lines, 2);
    struct nacre_bytes none = {NULL, 0};
    office_sign(d);
    cr_assert_eq(office_password(d, d->me.name, "secret"), NACRE_REFUSE);
    cr_assert_eq(office_verdict(d, NACRE_STAGE_KEY_QUERY, d->me.name,
                                nacre_privkey_public_blob(&d->user), none),
                 NACRE_REFUSE);
    cr_assert_eq(office_key(d, d->me.name, &d->user, &d->user, false), NACRE_REFUSE);
    cr_assert_eq(office_verdict(d, NACRE_STAGE_NONE, d->me.name, none, none), NACRE_REFUSE);
    office_close(d);
}

Test(monitor, S58_deny_and_allow_lists)
{
    static const struct {
        const char *line[2];
        bool ok;
    } cases[] = {{{"AllowUsers nobody-else", "MaxSessions 1"}, false},
                 {{"AllowUsers *", "MaxSessions 1"}, true},
                 {{"AllowUsers *", "DenyUsers *"}, false},
                 {{"AllowUsers *@192.0.2.0/24", "MaxSessions 1"}, true},
                 {{"AllowUsers *@198.51.100.0/24", "MaxSessions 1"}, false},
                 {{"DenyUsers *@192.0.2.1", "MaxSessions 1"}, false},
                 {{"DenyUsers *@192.0.2.2", "MaxSessions 1"}, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct office *d = office_open_with(cases[i].line, 2);
        office_sign(d);
        cr_assert_eq(office_password(d, d->me.name, "secret") == NACRE_ACCEPT, cases[i].ok, "%s %s",
                     cases[i].line[0], cases[i].line[1]);
        office_close(d);
    }
}

Test(monitor, root_logs_in_as_the_configuration_says)
{
    static const struct {
        const char *line;
        bool password, key;
    } cases[] = {{"PermitRootLogin yes", true, true},
                 {"PermitRootLogin prohibit-password", false, true},
                 {"PermitRootLogin forced-commands-only", false, false},
                 {"PermitRootLogin no", false, false}};
    if (getuid() != 0) {
        cr_skip_test("not root");
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct office *d = office_open_with(&cases[i].line, 1);
        office_sign(d);
        cr_assert_eq(office_password(d, "root", "secret") == NACRE_ACCEPT, cases[i].password, "%s",
                     cases[i].line);
        office_close(d);
        d = office_open_with(&cases[i].line, 1);
        office_sign(d);
        cr_assert_eq(office_key(d, "root", &d->user, &d->user, false) == NACRE_ACCEPT, cases[i].key,
                     "%s", cases[i].line);
        office_close(d);
    }
}
