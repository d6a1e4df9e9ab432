/* SPDX-License-Identifier: ISC
 *
 * authorized_keys files on a real file system (S70), and what several keys together permit (S37,
 * S58).
 */
#include "server/authorized.h"
#include "server/rights.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the operations work in. */
static uint64_t work[NACRE_WORK];

/* ---- A home directory -------------------------------------------------------------------- */

struct home {
    char dir[64], file[128];
    struct ncr_account account;
    struct ncr_sshd_config cfg;
    struct ncr_log log;
    struct nacre_privkey key, other;
    char line[256], other_line[256]; /* `type base64` */
    char said[4096];                 /* by the log */
    const char *addr;
};

static struct home home_state;

static void home_put(void *ctx, enum ncr_log_level level, const char *text)
{
    struct home *h = ctx;
    size_t n = strlen(h->said);
    (void)level;
    snprintf(h->said + n, sizeof h->said - n, "%s\n", text);
}

static void home_write(struct home *h, const char *text)
{
    FILE *f = fopen(h->file, "w");
    cr_assert_not_null(f);
    cr_assert_geq(fputs(text, f), 0);
    fclose(f);
    cr_assert_eq(chmod(h->file, 0600), 0);
}

static void home_key(struct nacre_privkey *k, char line[256])
{
    cr_assert_eq(nacre_privkey_generate(k, "ssh-ed25519", 0, &nacre_rng_os, work), NACRE_OK);
    cr_assert_eq(
        nacre_pubkey_format(line, 256, nacre_privkey_public_blob(k), (struct nacre_bytes){NULL, 0}),
        NACRE_OK);
}

static struct home *home_make(void)
{
    struct home *h = &home_state;
    char error[NCR_SSHD_ERROR_LEN], ssh[128];
    memset(h, 0, sizeof *h);
    strcpy(h->dir, "/tmp/nacre-test-XXXXXX");
    cr_assert_not_null(mkdtemp(h->dir));
    snprintf(ssh, sizeof ssh, "%s/.ssh", h->dir);
    cr_assert_eq(mkdir(ssh, 0700), 0);
    snprintf(h->file, sizeof h->file, "%s/.ssh/authorized_keys", h->dir);
    h->account.found = true;
    h->account.uid = getuid();
    h->account.gid = getgid();
    strcpy(h->account.name, "joe");
    strcpy(h->account.home, h->dir);
    ncr_sshd_config_init(&h->cfg);
    cr_assert(ncr_sshd_config_finish(&h->cfg, error));
    h->log.level = NCR_LOG_DEBUG1;
    h->log.put = home_put;
    h->log.ctx = h;
    h->addr = "192.0.2.1";
    home_key(&h->key, h->line);
    home_key(&h->other, h->other_line);
    return h;
}

static void home_end(struct home *h)
{
    char cmd[128];
    snprintf(cmd, sizeof cmd, "rm -rf %s", h->dir);
    cr_assert_eq(system(cmd), 0);
    ncr_sshd_config_free(&h->cfg);
}

static bool home_check(struct home *h, const struct nacre_privkey *k, struct ncr_factor *out)
{
    struct ncr_authorized_query q = {.cfg = &h->cfg,
                                     .log = &h->log,
                                     .account = &h->account,
                                     .blob = nacre_privkey_public_blob(k),
                                     .addr = h->addr};
    return ncr_authorized_check(&q, out);
}

/* ---- Files ------------------------------------------------------------------------------- */

Test(authorized, a_key_that_is_there)
{
    struct home *h = home_make();
    char text[1024];
    snprintf(text, sizeof text, "# mine\n\n%s comment\r\n", h->line);
    home_write(h, text);
    cr_assert(home_check(h, &h->key, NULL));
    cr_assert_not(home_check(h, &h->other, NULL));
    home_end(h);
}

Test(authorized, no_file_no_key)
{
    struct home *h = home_make();
    cr_assert_not(home_check(h, &h->key, NULL));
    home_write(h, "");
    cr_assert_not(home_check(h, &h->key, NULL));
    home_write(h, h->line);
    h->account.found = false;
    cr_assert_not(home_check(h, &h->key, NULL), "no account, no key");
    home_end(h);
}

/* S57: what lies behind the limit is not read, not half of a line either, and that is told. */
Test(authorized, s57_a_file_of_megabytes)
{
    struct home *h = home_make();
    char line[101];
    home_write(h, "");
    FILE *f = fopen(h->file, "w");
    cr_assert_not_null(f);
    fprintf(f, "%s\n", h->other_line);
    memset(line, 'x', sizeof line);
    memcpy(line, "# ", 2);
    line[99] = '\n';
    line[100] = '\0';
    for (int i = 0; i < 11000; i++) {
        fputs(line, f);
    }
    fprintf(f, "%s\n", h->line);
    fclose(f);
    cr_assert(home_check(h, &h->other, NULL));
    cr_assert_not(home_check(h, &h->key, NULL));
    cr_assert_not_null(strstr(h->said, "the rest is not read"), "%s", h->said);
    home_end(h);
}

Test(authorized, second_file_and_none)
{
    struct home *h = home_make();
    char second[160];
    snprintf(second, sizeof second, "%s2", h->file);
    home_write(h, h->other_line);
    cr_assert_eq(link(h->file, second), 0);
    cr_assert_eq(unlink(h->file), 0);
    home_write(h, h->line);
    cr_assert(home_check(h, &h->key, NULL));
    cr_assert(home_check(h, &h->other, NULL), "from authorized_keys2");
    h->cfg.key_files.n = 1;
    h->cfg.key_files.word[0] = "none";
    cr_assert_not(home_check(h, &h->key, NULL));
    home_end(h);
}

Test(authorized, options_come_along)
{
    struct home *h = home_make();
    char text[1024];
    struct ncr_factor f;
    snprintf(text, sizeof text, "command=\"echo \\\"hi\\\"\",restrict,pty %s\n", h->line);
    home_write(h, text);
    memset(&f, 0, sizeof f);
    cr_assert(home_check(h, &h->key, &f));
    cr_assert(f.key.has_command);
    cr_assert(nacre_bytes_is(f.key.command, "echo \"hi\""));
    cr_assert_eq(f.key.permits, (unsigned)NACRE_PERMIT_PTY);
    ncr_factor_free(&f);
    home_end(h);
}

Test(authorized, S35_from_is_by_address)
{
    struct home *h = home_make();
    char text[1024];
    snprintf(text, sizeof text, "from=\"192.0.2.0/24,!192.0.2.66\" %s\n", h->line);
    home_write(h, text);
    cr_assert(home_check(h, &h->key, NULL));
    h->addr = "198.51.100.1";
    cr_assert_not(home_check(h, &h->key, NULL));
    cr_assert_not_null(strstr(h->said, "may not be used from this address"));
    h->addr = "192.0.2.66";
    cr_assert_not(home_check(h, &h->key, NULL));
    h->addr = "UNKNOWN";
    cr_assert_not(home_check(h, &h->key, NULL));
    snprintf(text, sizeof text, "from=\"*.example.org\" %s\n", h->line);
    home_write(h, text);
    h->addr = "192.0.2.1";
    cr_assert_not(home_check(h, &h->key, NULL), "names match nothing");
    home_end(h);
}

Test(authorized, lines_that_cannot_be_read_give_no_rights_and_are_told)
{
    struct home *h = home_make();
    static char text[32768];
    int n = snprintf(text, sizeof text, "no-such-option %s\n", h->line);
    memset(text + n, 'x', 9000);
    snprintf(text + n + 9000, sizeof text - (size_t)n - 9000, "\nssh-ed25519 AAAA\n%s\n",
             h->other_line);
    home_write(h, text);
    cr_assert_not(home_check(h, &h->key, NULL));
    cr_assert(home_check(h, &h->other, NULL), "the rest is read");
    cr_assert_not_null(strstr(h->said, "authorized_keys:1: "));
    cr_assert_not_null(strstr(h->said, "authorized_keys:2: line too long"));
    home_end(h);
}

/* ---- S70 --------------------------------------------------------------------------------- */

Test(authorized, S70_strict_modes)
{
    struct home *h = home_make();
    char ssh[128];
    snprintf(ssh, sizeof ssh, "%s/.ssh", h->dir);
    home_write(h, h->line);
    cr_assert(home_check(h, &h->key, NULL));
    const struct {
        const char *path;
        mode_t mode, back;
    } cases[] = {{h->file, 0620, 0600}, {h->file, 0602, 0600}, {ssh, 0770, 0700},
                 {ssh, 0707, 0700},     {h->dir, 0720, 0700},  {h->dir, 0777, 0700}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(chmod(cases[i].path, cases[i].mode), 0);
        h->said[0] = '\0';
        cr_assert_not(home_check(h, &h->key, NULL), "%s %o", cases[i].path,
                      (unsigned)cases[i].mode);
        cr_assert_not_null(strstr(h->said, "bad ownership or modes"));
        h->cfg.strict_modes = 0;
        cr_assert(home_check(h, &h->key, NULL), "not asked for");
        h->cfg.strict_modes = 1;
        cr_assert_eq(chmod(cases[i].path, cases[i].back), 0);
    }
    cr_assert(home_check(h, &h->key, NULL));
    home_end(h);
}

Test(authorized, S70_a_fifo_does_not_block)
{
    struct home *h = home_make();
    cr_assert_eq(mkfifo(h->file, 0600), 0);
    alarm(60);
    cr_assert_not(home_check(h, &h->key, NULL));
    h->cfg.strict_modes = 0;
    cr_assert_not(home_check(h, &h->key, NULL));
    alarm(0);
    home_end(h);
}

Test(authorized, S70_a_device_and_a_directory_are_no_files)
{
    struct home *h = home_make();
    h->cfg.strict_modes = 0;
    h->cfg.key_files.n = 2;
    h->cfg.key_files.word[0] = "/dev/zero";
    h->cfg.key_files.word[1] = "/tmp";
    alarm(60);
    cr_assert_not(home_check(h, &h->key, NULL));
    alarm(0);
    home_end(h);
}

/* A link to a place that others can write to is judged by that place. */
Test(authorized, S70_links_are_followed_before_they_are_judged)
{
    struct home *h = home_make();
    char shared[] = "/tmp/nacre-shared-XXXXXX", target[160];
    cr_assert_not_null(mkdtemp(shared));
    cr_assert_eq(chmod(shared, 0777), 0);
    snprintf(target, sizeof target, "%s/keys", shared);
    home_write(h, h->line);
    cr_assert_eq(rename(h->file, target), 0);
    cr_assert_eq(symlink(target, h->file), 0);
    cr_assert_not(home_check(h, &h->key, NULL));
    h->cfg.strict_modes = 0;
    cr_assert(home_check(h, &h->key, NULL));
    cr_assert_eq(unlink(target), 0);
    cr_assert_eq(rmdir(shared), 0);
    home_end(h);
}

/* Root reads as the user: what the user may not read lets nobody in. */
Test(authorized, S70_read_as_the_user)
{
    struct home *h = home_make();
    struct stat st;
    if (geteuid() != 0 || stat("/tmp", &st) != 0 || (st.st_mode & S_IXOTH) == 0) {
        home_end(h);
        cr_skip_test("not root, or /tmp is closed to others: no other identity can be taken on");
    }
    home_write(h, h->line);
    h->account.uid = h->account.gid = 65534;
    h->cfg.strict_modes = 0;
    cr_assert_not(home_check(h, &h->key, NULL));
    cr_assert_not_null(strstr(h->said, "Permission denied"));
    cr_assert_eq(geteuid(), 0u, "root again");
    cr_assert_eq(getegid(), 0u);
    cr_assert_eq(chmod(h->file, 0644), 0);
    cr_assert_eq(chmod(h->dir, 0755), 0);
    char ssh[128];
    snprintf(ssh, sizeof ssh, "%s/.ssh", h->dir);
    cr_assert_eq(chmod(ssh, 0755), 0);
    cr_assert(home_check(h, &h->key, NULL), "%s", h->said);
    home_end(h);
}

Test(authorized, paths)
{
    static const struct {
        const char *pattern, *path;
    } cases[] = {{".ssh/k", "/home/joe/.ssh/k"},
                 {"/etc/k/%u", "/etc/k/joe"},
                 {"%h/k", "/home/joe/k"},
                 {"/k/%U", "/k/1234"},
                 {"/k/%%u", "/k/%u"},
                 {"/k/%x", NULL},
                 {"/k/%", NULL},
                 {"keys/%u", "/home/joe/keys/joe"}};
    struct ncr_account a = {.found = true, .uid = 1234, .name = "joe", .home = "/home/joe"};
    char out[NCR_ACCOUNT_PATH_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool ok = ncr_authorized_path(out, cases[i].pattern, &a);
        cr_assert_eq(ok, cases[i].path != NULL, "%s", cases[i].pattern);
        if (ok) {
            cr_assert_str_eq(out, cases[i].path);
        }
    }
    static char longer[NCR_ACCOUNT_PATH_MAX + 16];
    memset(longer, 'a', sizeof longer - 1);
    cr_assert_not(ncr_authorized_path(out, longer, &a));
}

/* ---- Rights ------------------------------------------------------------------------------ */

static bool rights_add_line(struct home *h, struct ncr_rights *r, const char *options)
{
    char text[1024];
    struct ncr_factor f;
    memset(&f, 0, sizeof f);
    snprintf(text, sizeof text, "%s%s%s\n", options, *options != '\0' ? " " : "", h->line);
    home_write(h, text);
    cr_assert(home_check(h, &h->key, &f), "%s", options);
    return ncr_rights_add(r, &f);
}

static bool rights_open(const struct ncr_rights *r, const char *host, uint32_t port)
{
    return ncr_rights_forward(r, NACRE_AUTHKEY_OPEN, nacre_bytes_str(host), port);
}

Test(rights, S37_restrictions_of_all_factors_add_up)
{
    struct home *h = home_make();
    struct ncr_rights r = {.cfg = &h->cfg};
    cr_assert(rights_add_line(h, &r, ""));
    cr_assert(ncr_rights_pty(&r));
    cr_assert(rights_open(&r, "a", 1));
    cr_assert_null(ncr_rights_command(&r).p);
    cr_assert(rights_add_line(h, &r, "no-pty,permitopen=\"a:1\""));
    cr_assert_not(ncr_rights_pty(&r));
    cr_assert(rights_open(&r, "a", 1));
    cr_assert_not(rights_open(&r, "a", 2));
    cr_assert(rights_add_line(h, &r, "command=\"x\",no-port-forwarding"));
    cr_assert_not(rights_open(&r, "a", 1));
    cr_assert(nacre_bytes_is(ncr_rights_command(&r), "x"));
    cr_assert(ncr_rights_key_command(&r));
    ncr_rights_clear(&r);
    home_end(h);
}

Test(rights, S37_two_commands_that_differ_are_refused)
{
    struct home *h = home_make();
    struct ncr_rights r = {.cfg = &h->cfg};
    cr_assert(rights_add_line(h, &r, "command=\"x\""));
    cr_assert(rights_add_line(h, &r, "command=\"x\""));
    cr_assert_not(rights_add_line(h, &r, "command=\"y\""));
    ncr_rights_clear(&r);
    home_end(h);
}

Test(rights, an_empty_command_is_a_command)
{
    struct home *h = home_make();
    struct ncr_rights r = {.cfg = &h->cfg};
    cr_assert(rights_add_line(h, &r, "command=\"\""));
    cr_assert_not_null(ncr_rights_command(&r).p);
    ncr_rights_clear(&r);
    home_end(h);
}

Test(rights, the_configurations_command_wins)
{
    struct home *h = home_make();
    struct ncr_rights r = {.cfg = &h->cfg};
    h->cfg.force_command = "forced";
    cr_assert(rights_add_line(h, &r, "command=\"x\""));
    cr_assert(nacre_bytes_is(ncr_rights_command(&r), "forced"));
    ncr_rights_clear(&r);
    home_end(h);
}

/* Each kind of right against each switch: a denial anywhere wins. */
Test(rights, S58_deny_wins)
{
    struct home *h = home_make();
    static const char *const denials[] = {"restrict", "no-port-forwarding",
                                          "restrict,permitopen=\"*:*\"",
                                          "restrict,permitlisten=\"*:*\""};
    struct nacre_bytes host = nacre_bytes_str("h");
    for (size_t i = 0; i < sizeof denials / sizeof *denials; i++) {
        struct ncr_rights r = {.cfg = &h->cfg};
        cr_assert(rights_add_line(h, &r, denials[i]));
        cr_assert_not(ncr_rights_forward(&r, NACRE_AUTHKEY_OPEN, host, 1), "%s", denials[i]);
        cr_assert_not(ncr_rights_forward(&r, NACRE_AUTHKEY_LISTEN, host, 1), "%s", denials[i]);
        ncr_rights_clear(&r);
    }
    struct ncr_rights r = {.cfg = &h->cfg};
    cr_assert(rights_add_line(h, &r, "permitopen=\"*:*\",port-forwarding,pty"));
    h->cfg.disable_forwarding = 1;
    cr_assert_not(ncr_rights_forward(&r, NACRE_AUTHKEY_OPEN, host, 1));
    cr_assert_not(ncr_rights_forward(&r, NACRE_AUTHKEY_LISTEN, host, 1));
    h->cfg.disable_forwarding = 0;
    h->cfg.forward = NCR_FORWARD_LOCAL;
    cr_assert(ncr_rights_forward(&r, NACRE_AUTHKEY_OPEN, host, 1));
    cr_assert_not(ncr_rights_forward(&r, NACRE_AUTHKEY_LISTEN, host, 1));
    h->cfg.forward = NCR_FORWARD_REMOTE;
    cr_assert_not(ncr_rights_forward(&r, NACRE_AUTHKEY_OPEN, host, 1));
    cr_assert(ncr_rights_forward(&r, NACRE_AUTHKEY_LISTEN, host, 1));
    h->cfg.permit_tty = 0;
    cr_assert_not(ncr_rights_pty(&r));
    ncr_rights_clear(&r);
    home_end(h);
}

Test(rights, permit_lists)
{
    static const struct {
        const char *word, *host;
        uint32_t port;
        bool ok;
    } cases[] = {
        {"any", "h", 1, true},        {"none", "h", 1, false},  {"h:1", "h", 1, true},
        {"h:1", "h", 2, false},       {"h:1", "g", 1, false},   {"h:*", "h", 9, true},
        {"*:1", "g", 1, true},        {"*:*", "g", 7, true},    {"[::1]:1", "::1", 1, true},
        {"[::1]:1", "::2", 1, false}, {"8080", "", 8080, true}, {"8080", "h", 81, false},
        {"h:1x", "h", 1, false},      {"h:", "h", 0, false},    {"h:-1", "h", 4294967295u, false},
        {"H:1", "h", 1, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ncr_sshd_list list = {.word = {cases[i].word}, .n = 1};
        for (int kind = NACRE_AUTHKEY_OPEN; kind <= NACRE_AUTHKEY_LISTEN; kind++) {
            cr_assert_eq(ncr_rights_list(&list, (enum nacre_authkey_forward)kind,
                                         nacre_bytes_str(cases[i].host), cases[i].port),
                         cases[i].ok, "%s for %s:%u", cases[i].word, cases[i].host,
                         (unsigned)cases[i].port);
        }
    }
}

/* sshd_config(5): hosts of PermitListen may be patterns, those of PermitOpen are names. */
Test(rights, permit_listen_patterns)
{
    struct ncr_sshd_list list = {.word = {"10.0.?.*:80"}, .n = 1};
    struct nacre_bytes host = nacre_bytes_str("10.0.1.2"), other = nacre_bytes_str("10.0.11.2");
    cr_assert(ncr_rights_list(&list, NACRE_AUTHKEY_LISTEN, host, 80));
    cr_assert_not(ncr_rights_list(&list, NACRE_AUTHKEY_LISTEN, host, 81));
    cr_assert_not(ncr_rights_list(&list, NACRE_AUTHKEY_LISTEN, other, 80));
    cr_assert_not(ncr_rights_list(&list, NACRE_AUTHKEY_OPEN, host, 80));
}
