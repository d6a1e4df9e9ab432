/* SPDX-License-Identifier: ISC
 *
 * ssh_config(5) with the system itself: real files, commands and addresses, hostile files, memory
 * that runs out, and nacre_client_config_read(). test_ssh_config.c has the rules, over tables.
 */
#include "client/ssh_config.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/oom.h"

#define LOG_CAP 16384

/* ---- Real files -------------------------------------------------------------------------- */

struct real {
    struct ncr_options o;
    char log[LOG_CAP];
};

static void real_log(void *ctx, enum nacre_log_level level, const char *line)
{
    struct real *t = ctx;
    size_t n = strlen(t->log);

    if (level != NACRE_LOG_DEBUG)
        (void)snprintf(t->log + n, sizeof t->log - n, "%s\n", line);
}

static void done(struct real *t)
{
    ncr_opt_free(&t->o);
    free(t);
}

static char dir[64];

static void real_file(const char *name, const char *text, size_t n, mode_t mode)
{
    char path[128];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "wb");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(text, 1, n, f), n);
    cr_assert_eq(fclose(f), 0);
    cr_assert_eq(chmod(path, mode), 0);
}

static void real_begin(void)
{
    (void)snprintf(dir, sizeof dir, "/tmp/nacre-config.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(setenv("HOME", dir, 1), 0);
    cr_assert_eq(setenv("SHELL", "/bin/sh", 1), 0);
}

static void real_end(void)
{
    char command[128];

    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

static bool real_load(struct real *t, const char *name)
{
    char path[128];
    struct ncr_ssh_config cfg = {
        .opt = &t->o, .file = path, .session = "shell", .log = real_log, .ctx = t};

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    ncr_opt_init(&t->o, "test");
    cr_assert(ncr_opt_target(&t->o, "joe@host", "ssh", NULL));
    t->log[0] = '\0';
    return ncr_ssh_config_load(&cfg);
}

Test(ssh_config_real, commands_patterns_and_addresses, .init = real_begin, .fini = real_end)
{
    static const char text[] = "Match exec \"test %h = host\"\nPort 5\nMatch exec false\nUser no\n"
                               "Match localnetwork 127.0.0.0/8\nBatchMode yes\n"
                               "Match all\nInclude ~/p/[ab].conf ~/p/*none\n";
    struct real *t = calloc(1, sizeof *t);
    char path[128];

    cr_assert_not_null(t);
    (void)snprintf(path, sizeof path, "%s/p", dir);
    cr_assert_eq(mkdir(path, 0700), 0);
    real_file("f", text, strlen(text), 0600);
    real_file("p/a.conf", "HashKnownHosts yes\n", 19, 0600);
    real_file("p/b.conf", "HashKnownHosts no\nServerAliveCountMax 7\n", 40, 0600);
    real_file("p/c.conf", "Bad\n", 4, 0600);
    cr_assert(real_load(t, "f"), "%s", t->log);
    cr_assert_eq(t->o.port, 5);
    cr_assert_null(t->o.user_text);
    cr_assert_eq(t->o.hash_hosts, 2);
    cr_assert_eq(t->o.alive_max, 7);
    ncr_opt_free(&t->o);
    real_file("f", "Match exec \"kill -9 $$\"\n", 24, 0600);
    cr_assert_not(real_load(t, "f"));
    cr_assert_not_null(strstr(t->log, "command failed"));
    done(t);
}

Test(ssh_config_real, hostile, .init = real_begin, .fini = real_end)
{
    struct real *t = calloc(1, sizeof *t);
    char path[128];
    time_t begun = time(NULL);

    cr_assert_not_null(t);
    real_file("big", "Port 1\n", 7, 0600);
    (void)snprintf(path, sizeof path, "%s/big", dir);
    cr_assert_eq(truncate(path, 100 * 1024 * 1024), 0);
    cr_assert_not(real_load(t, "big"));
    ncr_opt_free(&t->o);
    real_file("nul", "Port 1\nUser a\0b\n", 16, 0600);
    cr_assert_not(real_load(t, "nul"));
    cr_assert_not_null(strstr(t->log, "line 2: NUL byte in the line"));
    ncr_opt_free(&t->o);
    real_file("bomb", "Include /*/*/*/*/*/*/*\n", 23, 0600);
    cr_assert_not(real_load(t, "bomb"));
    cr_assert_not_null(strstr(t->log, "line 1: glob failed"));
    ncr_opt_free(&t->o);
    (void)snprintf(path, sizeof path, "%s/pipe", dir);
    cr_assert_eq(mkfifo(path, 0600), 0);
    real_file("fifo", "Include ~/pipe\n", 15, 0600);
    cr_assert_not(real_load(t, "fifo"), "no FIFO is waited for");
    ncr_opt_free(&t->o);
    real_file("open", "Port 1\n", 7, 0666);
    real_file("inc", "Include ~/open\n", 15, 0600);
    cr_assert_not(real_load(t, "inc"));
    cr_assert_not_null(strstr(t->log, "Bad owner or permissions on "));
    cr_assert_lt(time(NULL) - begun, 20);
    done(t);
}

/* As ssh: what is no file has no lines, if its owner and mode are those of a file that counts. */
Test(ssh_config_real, not_files, .init = real_begin, .fini = real_end)
{
    static const char text[] = "Include ~/p/*\nPort 5\n";
    struct real *t = calloc(1, sizeof *t);
    char path[128];

    cr_assert_not_null(t);
    (void)snprintf(path, sizeof path, "%s/p", dir);
    cr_assert_eq(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/p/a", dir);
    cr_assert_eq(mkdir(path, 0700), 0);
    real_file("p/b", "User b\n", 7, 0600);
    real_file("f", text, strlen(text), 0600);
    cr_assert(real_load(t, "f"), "%s", t->log);
    cr_assert_eq(t->o.port, 5);
    cr_assert_str_eq(t->o.user, "joe");
    cr_assert_str_eq(t->log, "");
    ncr_opt_free(&t->o);
    cr_assert_eq(chmod(path, 0777), 0);
    cr_assert_not(real_load(t, "f"));
    cr_assert_not_null(strstr(t->log, "Bad owner or permissions on "));
    ncr_opt_free(&t->o);
    cr_assert_eq(rmdir(path), 0);
    cr_assert_eq(symlink("/dev/null", path), 0);
    cr_assert_not(real_load(t, "f"), "it is writable for all");
    cr_assert_not_null(strstr(t->log, "Bad owner or permissions on "));
    ncr_opt_free(&t->o);
    cr_assert_eq(unlink(path), 0);
    real_file("p/a", "Port 1\n", 7, 0600);
    cr_assert_eq(truncate(path, 100 * 1024 * 1024), 0);
    cr_assert_not(real_load(t, "f"), "a file that is too large");
    done(t);
}

/* ---- Memory that runs out ---------------------------------------------------------------- */

/* Each allocation fails once: what is read is whole or refused. */
Test(ssh_config_real, s94_no_memory, .init = real_begin, .fini = real_end)
{
    static const char text[] = "Host h*\nHostName 127.0.0.1\nUser u\nIdentityFile ~/a\nSendEnv A\n"
                               "Include ~/p*.conf\nLocalForward 1 a:2\nProxyJump a@b:5,c\n"
                               "CanonicalDomains x y\nMatch final\nSetEnv A=1\n";
    struct real *t = calloc(1, sizeof *t);
    unsigned long fails = 0;

    cr_assert_not_null(t);
    real_file("f", text, strlen(text), 0600);
    real_file("p.conf", "Port 5\n", 7, 0600);
    for (oom_fail_at = 1; oom_fail_at < 1000; oom_fail_at++) {
        char path[128];
        struct ncr_ssh_config cfg = {
            .opt = &t->o, .file = path, .session = "shell", .log = real_log, .ctx = t};
        bool good;

        (void)snprintf(path, sizeof path, "%s/f", dir);
        ncr_opt_init(&t->o, "test");
        t->o.host = "host";
        t->log[0] = '\0';
        oom_calls = 0;
        oom_armed = true;
        good = ncr_ssh_config_load(&cfg) && ncr_opt_settle(&t->o) && ncr_opt_settle_last(&t->o);
        oom_armed = false;
        fails += !good;
        cr_assert(good || t->log[0] != '\0' || t->o.error[0] != '\0', "told");
        if (good) {
            cr_assert_eq(t->o.port, 5);
            cr_assert_str_eq(t->o.user, "u");
            cr_assert(t->o.identities.n == 1 && t->o.n_forwards == 1 && t->o.n_set_env == 1);
            cr_assert_str_eq(t->o.jump.host, "c");
        }
        ncr_opt_free(&t->o);
        if (good && oom_calls < oom_fail_at)
            break;
    }
    cr_assert(!oom_counted() || oom_calls == 0 || fails > 20, "%lu", fails);
    cr_assert_lt(oom_fail_at, 1000);
    free(t);
}

/* ---- The library ------------------------------------------------------------------------- */

Test(ssh_config_real, library, .init = real_begin, .fini = real_end)
{
    static const char text[] = "Host alias\nHostName 192.0.2.1\nPort 5\nUser joe\n"
                               "IdentityFile ~/%n-%p\nUserKnownHostsFile ~/known\nCompression yes\n"
                               "HashKnownHosts yes\nLocalForward /a /b\nConnectTimeout 7\n"
                               "Host loose\nStrictHostKeyChecking no\n";
    struct nacre_client_config *k;
    struct nacre_client_cfg cfg;
    char path[128], want[128];

    (void)snprintf(path, sizeof path, "%s/f", dir);
    real_file("f", text, strlen(text), 0600);
    memset(&cfg, 0, sizeof cfg);
    cfg.host = "alias";
    cfg.connect_ms = 1;
    cr_assert_eq(nacre_client_config_read(&k, &cfg, path), NACRE_OK, "%s",
                 nacre_client_config_error(k));
    cr_assert_str_eq(nacre_client_config_error(k), "");
    cr_assert_str_eq(cfg.host, "192.0.2.1");
    cr_assert_eq(cfg.port, 5);
    cr_assert_str_eq(cfg.user, "joe");
    cr_assert_eq(cfg.connect_ms, 1, "the caller's own");
    cr_assert_eq(cfg.n_identities, 1);
    (void)snprintf(want, sizeof want, "%s/alias-5", dir);
    cr_assert_str_eq(cfg.identities[0], want);
    (void)snprintf(want, sizeof want, "%s/known", dir);
    cr_assert_str_eq(cfg.known_hosts[0], want);
    cr_assert_eq(cfg.n_own_hosts, 1);
    cr_assert(cfg.hash_known_hosts);
    cr_assert_str_eq(cfg.conn.comps, "zlib@openssh.com,none");
    cr_assert_eq(cfg.host_policy, NACRE_HOSTS_STRICT, "no line, no change");
    nacre_client_config_free(k);
    memset(&cfg, 0, sizeof cfg);
    cfg.host = "loose";
    cr_assert_eq(nacre_client_config_read(&k, &cfg, path), NACRE_OK);
    cr_assert_eq(cfg.host_policy, NACRE_HOSTS_OFF);
    nacre_client_config_free(k);
    nacre_client_config_free(NULL);
}

/* What is for a session is not looked at. */
Test(ssh_config_real, library_connection_only, .init = real_begin, .fini = real_end)
{
    static const char text[] =
        "Host *\nDynamicForward 1080\nForwardAgent ~/%x\nForwardX11 yes\nPermitLocalCommand yes\n"
        "RemoteCommand %x\nRequestTTY force\nSessionType none\nStdinNull yes\n"
        "LocalForward 1 a:2\nRemoteForward 1 a:2\nPort 5\n";
    struct nacre_client_config *k;
    struct nacre_client_cfg cfg;
    char path[128];

    (void)snprintf(path, sizeof path, "%s/f", dir);
    real_file("f", text, strlen(text), 0600);
    memset(&cfg, 0, sizeof cfg);
    cfg.host = "h";
    cr_assert_eq(nacre_client_config_read(&k, &cfg, path), NACRE_OK, "%s",
                 nacre_client_config_error(k));
    cr_assert_eq(cfg.port, 5);
    nacre_client_config_free(k);
}

Test(ssh_config_real, library_refusals, .init = real_begin, .fini = real_end)
{
    static const struct {
        const char *text, *host, *why;
        nacre_err err;
    } cases[] = {
        {"Port 1\nProxyCommand x\n", "h", "ProxyCommand and ProxyJump are for programs",
         NACRE_ERR_FILE_FORMAT},
        {"Nonsense 1\n", "h", "line 1: Bad configuration option: nonsense", NACRE_ERR_FILE_FORMAT},
        {"IdentityFile /%x\n", "h", "unknown token %x", NACRE_ERR_FILE_FORMAT},
        {"Port 1\n", "a;b", "not a host name", NACRE_ERR_USAGE},
        {"Port 1\n", NULL, "not a host name", NACRE_ERR_USAGE},
        {NULL, "h", "Can't open user config file", NACRE_ERR_FILE_FORMAT},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nacre_client_config *k;
        struct nacre_client_cfg cfg;
        char path[128];

        (void)snprintf(path, sizeof path, "%s/f%zu", dir, i);
        if (cases[i].text != NULL)
            real_file(strrchr(path, '/') + 1, cases[i].text, strlen(cases[i].text), 0600);
        memset(&cfg, 0, sizeof cfg);
        cfg.host = cases[i].host;
        cr_assert_eq(nacre_client_config_read(&k, &cfg, path), cases[i].err, "%zu", i);
        cr_assert_not_null(strstr(nacre_client_config_error(k), cases[i].why), "%s",
                           nacre_client_config_error(k));
        cr_assert_eq(cfg.port, 0, "unchanged");
        nacre_client_config_free(k);
    }
}

/* The connection goes where the file says (tests/test_config_program.sh has the programs'). */
Test(ssh_config_real, paramiko_trap_config_applied, .init = real_begin, .fini = real_end)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct nacre_client_config *k;
    struct nacre_client_cfg cfg;
    struct nacre_client *c;
    char text[128], path[128];
    char got[8] = "";
    int peer;

    cr_assert_eq(bind(fd, (struct sockaddr *)&addr, len), 0);
    cr_assert_eq(listen(fd, 4), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    (void)snprintf(text, sizeof text, "Host a*\nHostName 127.0.0.1\nPort %u\nConnectTimeout 1\n",
                   (unsigned)ntohs(addr.sin_port));
    real_file("f", text, strlen(text), 0600);
    (void)snprintf(path, sizeof path, "%s/f", dir);
    memset(&cfg, 0, sizeof cfg);
    cfg.host = "alias";
    cr_assert_eq(nacre_client_config_read(&k, &cfg, path), NACRE_OK);
    cr_assert_eq(nacre_client_open(&c, &cfg), NACRE_ERR_TIMEOUT, "nobody answers");
    nacre_client_close(c);
    nacre_client_config_free(k);
    peer = accept(fd, NULL, NULL);
    cr_assert_geq(peer, 0);
    cr_assert_eq(read(peer, got, 4), 4);
    cr_assert_str_eq(got, "SSH-");
    close(peer);
    close(fd);
}
