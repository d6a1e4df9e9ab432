/* SPDX-License-Identifier: ISC
 *
 * The monitor, asked as a hostile network process would ask (S64): requests, messages, terminals.
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

/* ---- Requests and states ----------------------------------------------------------------- */

Test(monitor, S64_signs_hashes_with_host_keys_only)
{
    struct office *d = office_open();
    struct nacre_bytes user = nacre_privkey_public_blob(&d->user);
    cr_assert_not(office_sign_with(d, user, 32, false), "not a host key");
    cr_assert_not(office_sign_with(d, (struct nacre_bytes){NULL, 0}, 32, false));
    for (size_t n = 0; n < 200; n++) {
        if (n != 32 && n != 48 && n != 64) {
            cr_assert_not(office_sign_with(d, d->host_blob, n, false), "%zu bytes", n);
            cr_assert_not(office_sign_with(d, d->host_blob, n, true), "%zu bytes", n);
        }
    }
    cr_assert_eq(d->m.login.session_id_len, 0u);
    office_sign(d);
    office_close(d);
}

Test(monitor, S64_the_first_hash_is_the_session_id_for_ever)
{
    struct office *d = office_open();
    office_sign(d);
    cr_assert_eq(d->m.login.session_id_len, 32u);
    cr_assert(office_sign_with(d, d->host_blob, 64, false));
    cr_assert(office_reply(d));
    cr_assert_eq(d->m.login.session_id_len, 32u);
    cr_assert(office_sign_with(d, d->host_blob, 48, true));
    cr_assert_eq(d->m.login.session_id_len, 32u);
    office_close(d);
}

Test(monitor, S64_signatures_before_authentication_are_counted)
{
    struct office *d = office_open();
    int n = 0;
    while (n < 1000 && office_sign_with(d, d->host_blob, 32, false)) {
        cr_assert(office_reply(d));
        n++;
    }
    cr_assert_leq(n, 32);
    cr_assert(office_sign_with(d, d->host_blob, 32, true), "a long session may go on");
    office_close(d);
}

Test(monitor, S64_each_request_has_its_state)
{
    struct office *d = office_open();
    struct nacre_bytes none = {NULL, 0};
    struct ncr_mon_msg log = {.type = NCR_MON_LOG,
                              .value = {NCR_LOG_INFO},
                              .field = {nacre_bytes_str("x")},
                              .fds = {-1, -1}};
    struct ncr_mon_msg pty = {.type = NCR_MON_PTY, .fds = {-1, -1}};
    cr_assert_not(office_auth(d, NACRE_STAGE_PASSWORD, d->me.name, none, nacre_bytes_str("secret")),
                  "no session id yet");
    cr_assert_not(ncr_monitor_request(&d->m, &pty, false), "no terminal before the login");
    cr_assert(ncr_monitor_request(&d->m, &log, false));
    cr_assert_not(ncr_monitor_request(&d->m, &log, true));
    office_sign(d);
    for (uint32_t stage = NACRE_STAGE_RESPONSES + 1; stage < 300; stage++) {
        cr_assert_not(office_auth(d, stage, d->me.name, none, none));
    }
    cr_assert_not(office_auth(d, UINT32_MAX, d->me.name, none, none));
    cr_assert_eq(office_password(d, d->me.name, "secret"), NACRE_ACCEPT);
    cr_assert_not(office_auth(d, NACRE_STAGE_PASSWORD, d->me.name, none, nacre_bytes_str("secret")),
                  "decided is decided");
    struct ncr_mon_msg again = {.type = NCR_MON_AUTH, .fds = {-1, -1}};
    cr_assert_not(ncr_monitor_request(&d->m, &again, true));
    office_close(d);
}

static bool office_prove(struct office *d, struct nacre_bytes blob, const char *alg, bool authed)
{
    struct ncr_mon_msg ask = {
        .type = NCR_MON_PROVE, .field = {nacre_bytes_str(alg), blob}, .fds = {-1, -1}};
    return ncr_monitor_request(&d->m, &ask, authed);
}

/* Host keys are proved over the session id that the monitor knows, after the login only. */
Test(monitor, S64_S49_proofs_of_host_keys)
{
    static uint8_t buf[NACRE_HOSTKEYS_PROOF_MAX];
    static uint64_t verify_work[NACRE_WORK];
    struct office *d = office_open();
    struct nacre_bytes user = nacre_privkey_public_blob(&d->user);
    unsigned n = 1;
    cr_assert_not(office_prove(d, d->host_blob, "ssh-ed25519", true), "no session id yet");
    office_sign(d);
    struct nacre_bytes id = {d->m.login.session_id, d->m.login.session_id_len};
    cr_assert_not(office_prove(d, d->host_blob, "ssh-ed25519", false), "before the login");
    cr_assert_not(office_prove(d, user, "ssh-ed25519", true), "not a host key");
    cr_assert_not(office_prove(d, d->host_blob, "ssh-rsa", true));
    cr_assert_not(office_prove(d, d->host_blob, "", true));
    cr_assert(office_prove(d, d->host_blob, "ssh-ed25519", true));
    cr_assert(office_reply(d));
    cr_assert_eq(d->reply.type, (uint32_t)NCR_MON_REPLY);
    cr_assert_eq(nacre_hostkeys_verify(d->host_blob, d->reply.field[0], id, "ssh-ed25519", buf,
                                       sizeof buf, verify_work),
                 NACRE_OK);
    while (n < 1000 && office_prove(d, d->host_blob, "ssh-ed25519", true)) {
        cr_assert(office_reply(d));
        n++;
    }
    cr_assert_eq(n, NCR_PROOFS_MAX);
    office_close(d);
}

Test(monitor, S64_unknown_requests)
{
    struct office *d = office_open();
    for (uint32_t type = 0; type < 300; type++) {
        struct ncr_mon_msg ask = {.type = type, .fds = {-1, -1}};
        if (type < NCR_MON_SIGN || type > NCR_MON_PTY) {
            cr_assert_not(ncr_monitor_request(&d->m, &ask, false));
            cr_assert_not(ncr_monitor_request(&d->m, &ask, true));
        }
    }
    office_close(d);
}

Test(monitor, S64_log_lines_are_counted_and_levels_checked)
{
    struct office *d = office_open();
    struct ncr_mon_msg log = {.type = NCR_MON_LOG,
                              .value = {NCR_LOG_DEBUG3 + 1},
                              .field = {nacre_bytes_str("x")},
                              .fds = {-1, -1}};
    cr_assert_not(ncr_monitor_request(&d->m, &log, false));
    log.value[0] = UINT32_MAX;
    cr_assert_not(ncr_monitor_request(&d->m, &log, false));
    log.value[0] = NCR_LOG_INFO;
    int n = 0;
    while (n < 1000 && ncr_monitor_request(&d->m, &log, false)) {
        n++;
    }
    cr_assert_lt(n, 1000);
    office_close(d);
}

/* A field as a hostile process would make it up: something that fits elsewhere, damaged or not, or
 * nothing that fits. In memory of its own, so that reading past it shows. */
static struct nacre_bytes monitor_field(const struct office *d, uint32_t r)
{
    const struct nacre_bytes known[] = {{NULL, 0},
                                        d->host_blob,
                                        nacre_privkey_public_blob(&d->user),
                                        nacre_bytes_str("ssh-ed25519"),
                                        nacre_bytes_str("ssh-ed25519-cert-v01@openssh.com"),
                                        nacre_bytes_str(d->me.name),
                                        nacre_bytes_str("secret")};
    static const uint8_t zeroes[16385];
    const struct nacre_bytes b = known[r % 7];
    size_t n = b.p != NULL ? b.n : (size_t)((r >> 8) % sizeof zeroes);
    uint8_t *own = malloc(n + 1);
    cr_assert_not_null(own);
    memcpy(own, b.p != NULL ? b.p : zeroes, n);
    if (n > 0 && (r >> 4) % 3 == 0) {
        own[(r >> 8) % n] ^= (uint8_t)(1u << (r >> 28) % 8);
        n -= (r >> 4) % 2 == 0 ? (r >> 16) % n : 0;
    }
    return (struct nacre_bytes){own, n};
}

/* Nothing of it reads what is not there, nobody is let in, and the monitor is asked on. */
Test(monitor, S64_requests_of_any_bytes)
{
    uint32_t r = 2463534242u; /* xorshift */
    for (int round = 0; round < 60; round++) {
        struct office *d = office_open();
        d->m.work = calloc(NACRE_WORK, sizeof *d->m.work);
        cr_assert_not_null(d->m.work);
        for (int i = 0; i < 25; i++) {
            struct ncr_mon_msg ask = {.fds = {-1, -1}};
            for (int k = 0; k < NCR_MON_FIELDS; k++) {
                r ^= r << 13;
                r ^= r >> 17;
                r ^= r << 5;
                ask.field[k] = monitor_field(d, r);
            }
            ask.type = r % 9;
            ask.value[0] = (r >> 8) % 9;
            ask.value[1] = r >> 31;
            if (ask.type != NCR_MON_PTY && ncr_monitor_request(&d->m, &ask, (r >> 16) % 2 == 0) &&
                ask.type != NCR_MON_LOG) {
                cr_assert(office_reply(d));
            }
            for (int k = 0; k < NCR_MON_FIELDS; k++) {
                free((void *)(uintptr_t)ask.field[k].p);
            }
            cr_assert(!d->m.login.done || strstr(d->said, "Accepted password") != NULL, "%s",
                      d->said);
        }
        free(d->m.work);
        office_close(d);
    }
}

/* ---- Messages ---------------------------------------------------------------------------- */

Test(monitor, S64_lengths_of_a_message)
{
    static const uint32_t lengths[] = {0,           1,          3,          4,          5,
                                       NCR_MON_MAX, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff};
    struct office *d = office_open();
    struct {
        uint32_t type, value[2], len[NCR_MON_FIELDS];
        uint8_t body[4];
    } raw;
    struct ncr_mon_msg msg;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (size_t k = 0; k < NCR_MON_FIELDS; k++) {
            memset(&raw, 0, sizeof raw);
            raw.len[k] = lengths[i];
            cr_assert_eq(send(d->far, &raw, sizeof raw, 0), (ssize_t)sizeof raw);
            cr_assert_eq(ncr_mon_recv(d->m.sock, &msg, d->buf), lengths[i] == 4,
                         "field %zu of %u bytes, 4 are there", k, (unsigned)lengths[i]);
        }
    }
    for (size_t n = 1; n < sizeof raw - sizeof raw.body; n++) {
        cr_assert_eq(send(d->far, &raw, n, 0), (ssize_t)n);
        cr_assert_not(ncr_mon_recv(d->m.sock, &msg, d->buf), "header cut at %zu", n);
    }
    office_close(d);
}

Test(monitor, S64_a_message_has_a_limit)
{
    struct office *d = office_open();
    static uint8_t big[NCR_MON_MAX + 128];
    struct ncr_mon_msg msg = {.type = NCR_MON_LOG, .field = {{big, NCR_MON_MAX}}, .fds = {-1, -1}};
    cr_assert(ncr_mon_send(d->far, &msg));
    cr_assert(ncr_mon_recv(d->m.sock, &msg, d->buf));
    cr_assert_eq(msg.field[0].n, (size_t)NCR_MON_MAX);
    msg.field[0] = (struct nacre_bytes){big, NCR_MON_MAX};
    msg.field[1] = (struct nacre_bytes){big, 1};
    cr_assert_not(ncr_mon_send(d->far, &msg));
    memset(big, 0, 64);
    cr_assert_eq(send(d->far, big, sizeof big, 0), (ssize_t)sizeof big);
    cr_assert_not(ncr_mon_recv(d->m.sock, &msg, d->buf), "cut by the receiver");
    office_close(d);
}

/* Descriptors come only where the session process waits for them. */
Test(monitor, S64_the_monitor_takes_no_descriptors)
{
    struct office *d = office_open();
    int pipe_fds[2], probe = dup(0);
    cr_assert_eq(pipe(pipe_fds), 0);
    close(probe);
    struct ncr_mon_msg msg = {.type = NCR_MON_LOG, .fds = {pipe_fds[0], pipe_fds[1]}};
    cr_assert(ncr_mon_send(d->far, &msg));
    struct ncr_mon_msg got;
    cr_assert(ncr_mon_recv(d->m.sock, &got, d->buf));
    cr_assert_eq(got.fds[0], -1);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    int after = dup(0);
    cr_assert_eq(after, probe, "nothing was installed");
    close(after);
    office_close(d);
}

/* ---- Terminals, names -------------------------------------------------------------------- */

Test(monitor, S63_the_slave_of_a_terminal_is_the_users)
{
    struct office *d = office_open();
    struct ncr_mon_msg ask = {.type = NCR_MON_PTY, .fds = {-1, -1}};
    struct stat st;
    office_sign(d);
    cr_assert_eq(office_password(d, d->me.name, "secret"), NACRE_ACCEPT);
    pid_t pid = fork();
    if (pid == 0) { /* the monitor */
        struct ncr_mon_msg got;
        bool ok = ncr_mon_recv(d->m.sock, &got, d->buf) && ncr_monitor_request(&d->m, &got, true);
        _exit(ok ? 0 : 1);
    }
    cr_assert_gt(pid, 0);
    cr_assert(ncr_mon_ask(d->far, &ask, &d->reply, d->buf));
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    if (d->reply.type != NCR_MON_REPLY) {
        office_close(d);
        cr_skip_test("no terminals here");
    }
    cr_assert_geq(d->reply.fds[1], 0);
    cr_assert_eq(fstat(d->reply.fds[1], &st), 0);
    cr_assert_eq(st.st_uid, getuid());
    cr_assert_eq(st.st_mode & 07, 0u, "others have no access");
    cr_assert_eq(st.st_mode & 0110, 0u);
    close(d->reply.fds[0]);
    close(d->reply.fds[1]);
    office_close(d);
}

/* Every byte that a name can hold, in three names. */
Test(monitor, S53_names_of_all_bytes_make_one_record_each)
{
    for (unsigned from = 1; from < 256; from += 100) {
        struct office *d = office_open();
        char name[128] = "%n%s";
        int pipe_fds[2];
        char text[4096];
        for (unsigned i = 0; i < 100 && from + i < 256; i++) {
            name[4 + i] = (char)(from + i);
        }
        cr_assert_eq(pipe(pipe_fds), 0);
        d->m.log.put = NULL;
        d->m.log.fd = pipe_fds[1];
        office_sign(d);
        cr_assert_eq(office_password(d, name, "x"), NACRE_REFUSE);
        close(pipe_fds[1]);
        ssize_t n = read(pipe_fds[0], text, sizeof text - 1);
        cr_assert_gt(n, 0);
        text[n] = '\0';
        unsigned lines = 0;
        for (ssize_t i = 0; i < n; i++) {
            lines += text[i] == '\n';
            cr_assert(text[i] == '\n' || ((unsigned char)text[i] >= 0x20 && text[i] != 0x7f));
        }
        cr_assert_eq(lines, 2u, "from %u: %s", from, text);
        cr_assert_not_null(strstr(text, "%n%s"));
        close(pipe_fds[0]);
        office_close(d);
    }
}

Test(monitor, patterns_of_names)
{
    static const struct {
        const char *pattern, *name;
        bool ok;
    } cases[] = {{"joe", "joe", true},
                 {"joe", "Joe", false},
                 {"j*", "joe", true},
                 {"*", "", true},
                 {"?", "", false},
                 {"j?e", "joe", true},
                 {"*a*a*a*b", "aaaa", false},
                 {"**e", "joe", true},
                 {"", "x", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(ncr_login_glob(cases[i].pattern, strlen(cases[i].pattern), cases[i].name),
                     cases[i].ok, "%s %s", cases[i].pattern, cases[i].name);
    }
    static char name[256], pattern[256];
    memset(name, 'a', 255);
    for (size_t i = 0; i < 254; i += 2) {
        memcpy(pattern + i, "*a", 2);
    }
    strcpy(pattern + 252, "*b");
    cr_assert_not(ncr_login_glob(pattern, strlen(pattern), name), "and it ends");
}
