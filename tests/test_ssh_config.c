/* SPDX-License-Identifier: ISC
 *
 * ssh_config(5): the lexer, Host and Match, Include, tokens, canonical names, what counts first,
 * mistakes and damaged lines. The system is played by tables; test_ssh_config_files.c has the real
 * one.
 */
#include "client/ssh_config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/glob.h"
#include "proto/posix/config_lexer.h"

#define LOG_CAP 16384
#define HOST "host.example.com"

/* ---- A system out of tables -------------------------------------------------------------- */

struct toy_file {
    const char *path, *text;
    mode_t mode; /* 0: 0600 */
    uid_t owner; /* 0: root */
};

struct toy {
    struct toy_file file[24];
    size_t n_files;
    const char *names[4][2]; /* that can be looked up, and what they lead to */
    const char *addrs[4];
    char ran[256]; /* the last command */
    unsigned runs;
    int status; /* of it */
    unsigned reads;
    struct ncr_options o;
    char log[LOG_CAP];
    char debug[LOG_CAP];
    const char *command, *session, *given;
    bool good;
};

static nacre_err toy_read(void *ctx, struct ncr_file *f, const char *path, bool given)
{
    struct toy *t = ctx;

    (void)given;
    memset(f, 0, sizeof *f);
    t->reads++;
    for (size_t i = 0; i < t->n_files; i++) {
        const struct toy_file *from = &t->file[i];

        if (strcmp(from->path, path) != 0)
            continue;
        f->n = strlen(from->text);
        f->p = malloc(f->n + 1);
        cr_assert_not_null(f->p);
        memcpy(f->p, from->text, f->n + 1);
        f->st.st_mode = S_IFREG | (from->mode != 0 ? from->mode : 0600);
        f->st.st_uid = from->owner;
        return NACRE_OK;
    }
    errno = ENOENT;
    return NACRE_ERR_IO;
}

static bool toy_glob(void *ctx, struct ncr_ssh_config_paths *paths, const char *pattern)
{
    struct toy *t = ctx;

    for (size_t i = 0; i < t->n_files; i++) {
        if (!ncr_glob_exact(nacre_bytes_str(pattern), nacre_bytes_str(t->file[i].path)))
            continue;
        if (paths->n == NCR_SSH_CONFIG_FILES)
            return false;
        paths->path[paths->n++] = strdup(t->file[i].path);
    }
    return true;
}

static int toy_run(void *ctx, const char *command)
{
    struct toy *t = ctx;

    t->runs++;
    (void)snprintf(t->ran, sizeof t->ran, "%s", command);
    return t->status;
}

static size_t toy_addrs(void *ctx, char (*addr)[NCR_SSH_CONFIG_ADDR], size_t cap)
{
    struct toy *t = ctx;
    size_t n = 0;

    for (; n < 4 && n < cap && t->addrs[n] != NULL; n++)
        (void)snprintf(addr[n], NCR_SSH_CONFIG_ADDR, "%s", t->addrs[n]);
    return n;
}

static bool toy_resolve(void *ctx, const char *name, char canonical[NCR_SSH_CONFIG_NAME])
{
    struct toy *t = ctx;

    for (size_t i = 0; i < 4 && t->names[i][0] != NULL; i++) {
        if (strcmp(t->names[i][0], name) == 0) {
            (void)snprintf(canonical, NCR_SSH_CONFIG_NAME, "%s", t->names[i][1]);
            return true;
        }
    }
    return false;
}

static void toy_log(void *ctx, enum nacre_log_level level, const char *line)
{
    struct toy *t = ctx;
    char *to = level == NACRE_LOG_DEBUG ? t->debug : t->log;
    size_t n = strlen(to);

    (void)snprintf(to + n, LOG_CAP - n, "%s\n", line);
}

static struct toy *fresh(void)
{
    struct toy *t = calloc(1, sizeof *t);

    cr_assert_not_null(t);
    setenv("HOME", "/home/joe", 1);
    ncr_opt_init(&t->o, "test");
    t->session = "shell";
    return t;
}

static void file_add(struct toy *t, const char *path, const char *text)
{
    t->file[t->n_files].path = path;
    t->file[t->n_files++].text = text;
}

static bool load(struct toy *t, const char *host)
{
    const struct ncr_ssh_config_env env = {t, toy_read, toy_glob, toy_run, toy_addrs, toy_resolve};
    const struct ncr_ssh_config cfg = {.opt = &t->o,
                                       .file = t->given,
                                       .command = t->command,
                                       .session = t->session,
                                       .env = &env,
                                       .log = toy_log,
                                       .ctx = t};

    cr_assert(ncr_opt_target(&t->o, host, "ssh", NULL));
    t->good = ncr_ssh_config_load(&cfg);
    return t->good;
}

static void done(struct toy *t)
{
    ncr_opt_free(&t->o);
    free(t);
}

/* Loads one file as that of the user. */
static struct toy *loaded(const char *text, const char *host)
{
    struct toy *t = fresh();

    file_add(t, "/home/joe/.ssh/config", text);
    (void)load(t, host);
    return t;
}

/* The port that the file gives; 0: none. */
static uint32_t port_of(const char *text, const char *host)
{
    struct toy *t = loaded(text, host);
    uint32_t port = t->o.port;

    cr_assert(t->good, "%s: %s", text, t->log);
    done(t);
    return port;
}

static void refused(const char *text, const char *why)
{
    struct toy *t = loaded(text, "host");

    cr_assert_not(t->good, "%s", text);
    cr_assert_not_null(strstr(t->log, why), "%s: %s", text, t->log);
    done(t);
}

/* ---- Lines ------------------------------------------------------------------------------- */

Test(ssh_config, lexer)
{
    static const struct {
        const char *line;
        const char *words; /* keyword and words with '|' between; NULL: a mistake */
    } cases[] = {
        {"", ""},
        {"  # comment", ""},
        {"\t", ""},
        {"Port 22", "Port|22"},
        {"  Port\t=\t22  ", "Port|22"},
        {"Port=22", "Port|22"},
        {"Port =22\r", "Port|22"},
        {"Port 22 # why", "Port|22"},
        {"Port 22#why", "Port|22#why"},
        {"User == x", "User|=|x"},
        {"\"User\" x", "User|x"},
        {"User \"a b\" 'c \"d'", "User|a b|c \"d"},
        {"User a\\ b \\\"c\\' d\\\\e \\f", "User|a b|\"c'|d\\e|\\f"},
        {"User 'a\\ b'", "User|a\\ b"},
        {"User \"#x\" #y", "User|#x"},
        {"User a\"b c\"d", "User|ab cd"},
        {"User \"\" x", "User||x"},
        {"User", "User"},
        {"User \"x", NULL},
        {"User 'x\"", NULL},
        {"\"User x", NULL},
        {"User x\\\"\f", "User|x\""},
    };
    struct ncr_config_line *l = malloc(sizeof *l);

    cr_assert_not_null(l);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[256] = "";
        const char *what;
        bool good = ncr_config_lex(l, cases[i].line, strlen(cases[i].line), &what);

        cr_assert_eq(good, cases[i].words != NULL, "%s", cases[i].line);
        if (!good)
            continue;
        for (size_t w = 0; l->keyword != NULL && w <= l->n; w++) {
            strcat(out, w == 0 ? l->keyword : "|");
            strcat(out, w == 0 ? "" : l->word[w - 1]);
        }
        cr_assert_str_eq(out, cases[i].words);
    }
    free(l);
}

Test(ssh_config, lexer_bounds)
{
    static const char *const fills[] = {"a", "a ", "\"", "\"\" ", "\\\\", "= ", "#", "\\"};
    struct ncr_config_line *l = malloc(sizeof *l);
    char *text = malloc(NCR_CONFIG_LINE_MAX + 8);
    const char *what;

    cr_assert(l != NULL && text != NULL);
    for (size_t f = 0; f < sizeof fills / sizeof fills[0]; f++) {
        for (size_t n = 0; n < NCR_CONFIG_LINE_MAX + 2; n++)
            text[n] = n < 2 ? "k "[n] : fills[f][n % strlen(fills[f])];
        text[NCR_CONFIG_LINE_MAX - 1] = 'x'; /* no blank at the end */
        (void)ncr_config_lex(l, text, NCR_CONFIG_LINE_MAX, &what);
        cr_assert_str_eq(l->keyword, "k");
        text[NCR_CONFIG_LINE_MAX] = 'x';
        cr_assert_not(ncr_config_lex(l, text, NCR_CONFIG_LINE_MAX + 1, &what));
        cr_assert_str_eq(what, "line too long");
    }
    cr_assert_not(ncr_config_lex(l, "a\0b", 3, &what));
    cr_assert_str_eq(what, "NUL byte in the line");
    free(text);
    free(l);
}

/* ---- What counts ------------------------------------------------------------------------- */

Test(ssh_config, first_value_counts)
{
    struct toy *t = fresh();

    file_add(t, "/home/joe/.ssh/config",
             "Port 1\nPort 2\nIdentityFile /a\nIdentityFile /b\nIdentityFile /a\nSendEnv A\n"
             "LocalForward 80 h:90\nCertificateFile /c\nUserKnownHostsFile /x /y\n"
             "SetEnv A=1 \"B=2 3\"\nSetEnv C=4\n");
    file_add(t, "/etc/ssh/ssh_config",
             "Port 3\nUser sys\nIdentityFile /sys\nSendEnv B -A\nUserKnownHostsFile /z\n"
             "LocalForward 80 h:90\nLocalForward [::1]:81 [h]:91\n");
    cr_assert(ncr_opt_parse(&t->o, "IdentityFile=/cmd"));
    cr_assert(load(t, "host"), "%s", t->log);
    cr_assert_eq(t->o.port, 1);
    cr_assert_str_eq(t->o.user_text, "sys");
    cr_assert_eq(t->o.identities.n, 4);
    cr_assert_str_eq(t->o.identities.path[0], "/cmd");
    cr_assert_str_eq(t->o.identities.path[3], "/sys");
    cr_assert_eq(t->o.hosts.n, 2);
    cr_assert_eq(t->o.n_send_env, 1);
    cr_assert_str_eq(t->o.send_env[0], "B");
    cr_assert_eq(t->o.n_set_env, 2);
    cr_assert_str_eq(t->o.set_env[1], "B=2 3");
    cr_assert_eq(t->o.n_forwards, 2, "the same one is not set up twice");
    done(t);
}

Test(ssh_config, command_line_goes_before)
{
    struct toy *t = fresh();

    file_add(t, "/home/joe/.ssh/config", "Port 1\nUser file\nLogLevel QUIET\nProxyCommand x\n");
    cr_assert(ncr_opt_parse(&t->o, "Port=7"));
    cr_assert(ncr_opt_parse(&t->o, "ProxyCommand=none"));
    ncr_opt_close(&t->o, "LogLevel");
    cr_assert(load(t, "joe@host"), "%s", t->log);
    cr_assert(ncr_opt_settle(&t->o));
    cr_assert_eq(t->o.port, 7);
    cr_assert_str_eq(t->o.user, "joe");
    cr_assert_eq(t->o.log, NCR_LOG_INFO);
    done(t);
}

Test(ssh_config, which_files)
{
    static const struct {
        const char *given;
        uint32_t port;
    } cases[] = {{NULL, 1}, {"none", 0}, {"NONE", 0}, {"/f", 3}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct toy *t = fresh();

        file_add(t, "/home/joe/.ssh/config", "Port 1\n");
        file_add(t, "/etc/ssh/ssh_config", "Port 2\nUser sys\n");
        file_add(t, "/f", "Port 3\n");
        t->given = cases[i].given;
        cr_assert(load(t, "host"));
        cr_assert_eq(t->o.port, cases[i].port);
        cr_assert_eq(t->o.user_text != NULL, i == 0);
        done(t);
    }
    struct toy *t = fresh();
    t->given = "/absent";
    cr_assert_not(load(t, "host"));
    cr_assert_not_null(strstr(t->log, "Can't open user config file /absent"));
    done(t);
}

/* ---- Host -------------------------------------------------------------------------------- */

Test(ssh_config, host)
{
    static const struct {
        const char *patterns, *host;
        bool matches;
    } cases[] = {
        {"host", "host", true},
        {"Host", "host", false},
        {"*", "host", true},
        {"h?st", "host", true},
        {"a host b", "host", true},
        {"*.example.com", HOST, true},
        {"!host *", "host", false},
        {"* !host", "host", false},
        {"!other *", "host", true},
        {"!other", "host", false},
        {"\"host\"", "host", true},
        {"a,host", "host", false},
        {"*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];

        (void)snprintf(text, sizeof text, "Host %s\nPort 5\n", cases[i].patterns);
        cr_assert_eq(port_of(text, cases[i].host), cases[i].matches ? 5 : 0, "%s", text);
    }
    cr_assert_eq(port_of("Host other\nPort 1\nHost host\nPort 2\nHost *\nPort 3\n", "host"), 2);
    refused("Host\n", "line 1: no argument after keyword \"host\"");
    refused("Host a \"\"\n", "line 1: keyword host empty argument");
}

/* ---- Match ------------------------------------------------------------------------------- */

/* Each criterion and its negation, on a connection as joe@host. */
Test(ssh_config, match)
{
    static const struct {
        const char *criteria;
        bool matches;
    } cases[] = {
        {"all", true},
        {"!all", false},
        {"host host", true},
        {"host HOST", true},
        {"host other", false},
        {"!host other", true},
        {"!host host", false},
        {"host=h*", true},
        {"host a,h*,!hos?", false},
        {"originalhost host", true},
        {"originalhost other", false},
        {"!originalhost host", false},
        {"user joe", true},
        {"user JOE", false},
        {"user a,j*", true},
        {"!user joe", false},
        {"!user ann", true},
        {"localuser no-such-user", false},
        {"!localuser no-such-user", true},
        {"localuser *", true},
        {"canonical", false},
        {"!canonical", true},
        {"final", true},
        {"!final", true},
        {"canonical all", false},
        {"exec true", true},
        {"!exec true", false},
        {"sessiontype shell", true},
        {"sessiontype exec,none", false},
        {"!sessiontype exec", true},
        {"command \"\"", true},
        {"command uptime", false},
        {"!command uptime", true},
        {"host host user joe", true},
        {"host host user ann", false},
        {"host other user joe", false},
        {"user joe # comment", true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];

        (void)snprintf(text, sizeof text, "Match %s\nPort 5\n", cases[i].criteria);
        cr_assert_eq(port_of(text, "joe@host"), cases[i].matches ? 5 : 0, "%s", text);
    }
}

/* What Paramiko's SSHConfig does not have. */
Test(ssh_config, paramiko_trap_config_match_localnetwork_tagged_version)
{
    static const struct {
        const char *text;
        bool matches;
    } cases[] = {
        {"Match localnetwork 192.0.2.0/24\nPort 5\n", true},
        {"Match localnetwork 198.51.100.0/24,2001:db8::/32\nPort 5\n", true},
        {"Match localnetwork 198.51.100.0/24\nPort 5\n", false},
        {"Match !localnetwork 198.51.100.0/24\nPort 5\n", true},
        {"Match !localnetwork 192.0.2.7\nPort 5\n", false},
        {"Tag work\nMatch tagged work\nPort 5\n", true},
        {"Tag work\nMatch tagged w*,play\nPort 5\n", true},
        {"Tag play\nMatch tagged work\nPort 5\n", false},
        {"Match tagged work\nPort 5\n", false},
        {"Match tagged \"\"\nPort 5\n", true},
        {"Match !tagged work\nPort 5\n", true},
        {"Host host\nTag work\nMatch tagged work\nPort 5\n", true},
        {"Match tagged work\nPort 5\nHost *\nTag work\n", false},
        {"Match version nacre_*\nPort 5\n", true},
        {"Match version OpenSSH_*\nPort 5\n", false},
        {"Match !version OpenSSH_*\nPort 5\n", true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct toy *t = fresh();

        t->addrs[0] = "192.0.2.7";
        t->addrs[1] = "2001:db8::1";
        file_add(t, "/home/joe/.ssh/config", cases[i].text);
        cr_assert(load(t, "host"), "%s", t->log);
        cr_assert_eq(t->o.port, cases[i].matches ? 5 : 0, "%s", cases[i].text);
        done(t);
    }
    refused("Match localnetwork 192.0.2.1/24\n", "Bad Match condition");
    refused("Match localnetwork host\n", "Bad Match condition");
    refused("Match localnetwork 192.0.2.*\n", "Bad Match condition");
}

Test(ssh_config, match_sessions)
{
    static const struct {
        const char *session, *command, *criteria;
        bool matches;
    } cases[] = {
        {"exec", "uptime", "sessiontype exec command up*", true},
        {"exec", "uptime", "command \"\"", false},
        {"subsystem", "sftp", "sessiontype subsystem command sftp", true},
        {"none", "", "sessiontype none", true},
        {"none", "", "sessiontype shell", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct toy *t = fresh();
        char text[128];

        (void)snprintf(text, sizeof text, "Match %s\nPort 5\n", cases[i].criteria);
        file_add(t, "/home/joe/.ssh/config", text);
        t->session = cases[i].session;
        t->command = cases[i].command;
        cr_assert(load(t, "host"), "%s", t->log);
        cr_assert_eq(t->o.port, cases[i].matches ? 5 : 0, "%s", text);
        done(t);
    }
}

Test(ssh_config, match_exec)
{
    struct toy *t = fresh();

    file_add(t, "/home/joe/.ssh/config",
             "HostName %h.example.com\nPort 44\nMatch user ann exec \"skipped\"\nUser no\n"
             "Match exec \"test %h %n %p %r %% %d\"\nUser yes\n");
    cr_assert(load(t, "ann@host"));
    cr_assert_eq(t->runs, 2);
    cr_assert_str_eq(t->ran, "test host.example.com host 44 ann % /home/joe");
    done(t);
    t = fresh();
    t->status = 1;
    file_add(t, "/home/joe/.ssh/config",
             "Match user ann exec x\nPort 1\nMatch exec y\nPort 2\nMatch !exec z\nPort 3\n");
    cr_assert(load(t, "joe@host"));
    cr_assert_eq(t->runs, 2, "nothing is run behind what does not hold");
    cr_assert_eq(t->o.port, 3);
    done(t);
    t = fresh();
    t->status = -1;
    file_add(t, "/home/joe/.ssh/config", "Match exec y\nPort 2\n");
    cr_assert_not(load(t, "joe@host"));
    cr_assert_not_null(strstr(t->log, "line 1: command failed or took too long"));
    done(t);
    refused("Match exec \"a %x\"\n", "unknown token %x");
}

Test(ssh_config, match_mistakes)
{
    refused("Match\n", "no argument after keyword");
    refused("Match foo\n", "line 1: unsupported Match attribute foo");
    refused("Match foo bar\n", "Bad Match condition");
    refused("Match host\n", "missing argument for Match 'host'");
    refused("Match all host x\n", "'all' cannot be combined");
    refused("Match host x user y all\n", "'all' cannot be combined");
    refused("Match canonical=x\n", "unsupported Match attribute");
    refused("Port 1\nMatch foo\nMatch bar\n", "terminating, 2 bad configuration options");
}

/* Host names with what a shell would take never come as far as a command (S54). */
Test(ssh_config, s54_nothing_of_the_host_reaches_a_shell)
{
    static const char bad[] = "'`\"$\\;&<>|(){}*?\n ";

    for (const char *p = bad; *p != '\0'; p++) {
        struct ncr_options o;
        char host[8] = {'a', *p, 'b', '\0'};

        ncr_opt_init(&o, "test");
        cr_assert_not(ncr_opt_target(&o, host, "ssh", NULL), "%s", host);
        ncr_opt_free(&o);
    }
    refused("HostName \"a;b\"\n", "invalid host name in HostName");
    refused("User \"a`b\"\n", "invalid user name");
}

/* ---- Include ----------------------------------------------------------------------------- */

Test(ssh_config, paramiko_trap_config_include)
{
    struct toy *t = fresh();

    file_add(t, "/home/joe/.ssh/config",
             "Include conf.d/*.conf /abs\nInclude ~/own none/*\nHost other\nInclude never\n"
             "Host host\nInclude inner\nHashKnownHosts yes\n");
    file_add(t, "/home/joe/.ssh/conf.d/1.conf", "Port 11\nHost other\nUser no\n");
    file_add(t, "/home/joe/.ssh/conf.d/2.conf", "Port 12\nUser two\n");
    file_add(t, "/abs", "BindAddress 127.0.0.1\n");
    file_add(t, "/home/joe/own", "ServerAliveCountMax 9\n");
    file_add(t, "/home/joe/.ssh/never", "ConnectTimeout 1\nHost host\nConnectTimeout 2\n");
    file_add(t, "/home/joe/.ssh/inner", "Compression yes\nHost other\nBatchMode yes\n");
    cr_assert(load(t, "host"), "%s", t->log);
    cr_assert_eq(t->o.port, 11);
    cr_assert_str_eq(t->o.user_text, "two", "each file begins as the Include stands");
    cr_assert_str_eq(t->o.bind_addr, "127.0.0.1");
    cr_assert_eq(t->o.alive_max, 9);
    cr_assert_eq(t->o.connect_ms, 0, "an Include that does not apply includes nothing that does");
    cr_assert_eq(t->o.compress, 2);
    cr_assert_eq(t->o.batch, 0);
    cr_assert_eq(t->o.hash_hosts, 2, "Host inside ends with the file");
    done(t);
}

Test(ssh_config, include_of_the_system)
{
    struct toy *t = fresh();

    file_add(t, "/etc/ssh/ssh_config", "Include ssh_config.d/*.conf\n");
    file_add(t, "/etc/ssh/ssh_config.d/a.conf", "Port 8\n");
    cr_assert(load(t, "host"), "%s", t->log);
    cr_assert_eq(t->o.port, 8);
    done(t);
    t = fresh();
    file_add(t, "/etc/ssh/ssh_config", "Include ~/x\n");
    cr_assert_not(load(t, "host"));
    cr_assert_not_null(strstr(t->log, "bad include path ~/x"));
    done(t);
}

Test(ssh_config, include_tokens)
{
    struct toy *t = fresh();

    setenv("NACRE_PART", "part", 1);
    file_add(t, "/home/joe/.ssh/config", "Include ${NACRE_PART}-%h\n");
    file_add(t, "/home/joe/.ssh/part-host", "Port 8\n");
    cr_assert(load(t, "host"), "%s", t->log);
    cr_assert_eq(t->o.port, 8);
    done(t);
}

Test(ssh_config, include_loops)
{
    struct toy *t = fresh();

    file_add(t, "/home/joe/.ssh/config", "Include config\n");
    cr_assert_not(load(t, "host"));
    cr_assert_not_null(strstr(t->log, "Too many recursive configuration includes"));
    cr_assert_eq(t->reads, NCR_SSH_CONFIG_DEPTH + 1);
    done(t);
    t = fresh(); /* each includes itself twice: 2^16 without a limit on all */
    file_add(t, "/home/joe/.ssh/config", "Include a\n");
    file_add(t, "/home/joe/.ssh/a", "Include b b b b\n");
    file_add(t, "/home/joe/.ssh/b", "Include c c c c\n");
    file_add(t, "/home/joe/.ssh/c", "Include d d d d\n");
    file_add(t, "/home/joe/.ssh/d", "Include e e e e\n");
    file_add(t, "/home/joe/.ssh/e", "Port 1\n");
    cr_assert_not(load(t, "host"));
    cr_assert_not_null(strstr(t->log, "files are included"));
    cr_assert_leq(t->reads, NCR_SSH_CONFIG_FILES + 2);
    done(t);
}

Test(ssh_config, owners)
{
    static const struct {
        mode_t mode;
        bool foreign, good;
    } cases[] = {{0644, false, true},  {0600, true, false}, {0660, false, false},
                 {0606, false, false}, {0400, false, true}, {0755, false, true}};

    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        struct toy *t = fresh();
        size_t at = i / 2;

        file_add(t, "/home/joe/.ssh/config", i % 2 ? "Include x\n" : "Port 1\n");
        file_add(t, "/home/joe/.ssh/x", "Port 1\n");
        t->file[i % 2].mode = cases[at].mode;
        t->file[i % 2].owner = cases[at].foreign ? getuid() + 1 : getuid();
        cr_assert_eq(load(t, "host"), cases[at].good, "%zu: %s", i, t->log);
        cr_assert_eq(t->o.port, cases[at].good);
        cr_assert(cases[at].good || strstr(t->log, "Bad owner or permissions on ") != NULL);
        done(t);
    }
    struct toy *t = fresh();
    t->given = "/f"; /* as ssh, what -F names is not looked at */
    file_add(t, "/f", "Port 1\n");
    t->file[0].mode = 0666;
    cr_assert(load(t, "host"));
    done(t);
}

/* ---- Canonical names --------------------------------------------------------------------- */

Test(ssh_config, host_name)
{
    struct toy *t = loaded("HostName %h.Example.COM\n", "Host");

    cr_assert_str_eq(t->o.host_name, "host.example.com");
    done(t);
    t = loaded("", "HOST");
    cr_assert_str_eq(t->o.host_name, "host");
    done(t);
    t = loaded("", "0:0::0001");
    cr_assert_str_eq(t->o.host_name, "::1");
    done(t);
    t = loaded("HostName a\nMatch host a originalhost h\nPort 4\n", "h");
    cr_assert_eq(t->o.port, 4);
    done(t);
    refused("HostName %x\n", "unknown token %x");
}

Test(ssh_config, canonical)
{
    static const struct {
        const char *text, *host, *name; /* NULL: it fails */
    } cases[] = {
        {"CanonicalizeHostname no\nCanonicalDomains b\n", "h", "h"},
        {"CanonicalizeHostname yes\nCanonicalDomains a b\n", "h", "h.b"},
        {"CanonicalizeHostname always\nCanonicalDomains a b\n", "H", "h.b"},
        {"CanonicalizeHostname yes\nCanonicalDomains none\n", "h", "h"},
        {"CanonicalizeHostname yes\nCanonicalDomains a\n", "h", "h"},
        {"CanonicalizeHostname yes\nCanonicalDomains a\nCanonicalizeFallbackLocal no\n", "h", NULL},
        {"CanonicalizeHostname yes\nCanonicalDomains b\n", "x.y.z", "x.y.z"},
        {"CanonicalizeHostname yes\nCanonicalDomains b\n", "h.b.", "h.b"},
        {"CanonicalizeHostname yes\nCanonicalDomains b\nCanonicalizeMaxDots 0\n", "s.t", "s.t"},
        {"CanonicalizeHostname yes\nCanonicalDomains b\n", "s.t", "s.t.b"},
        {"CanonicalizeHostname yes\nCanonicalDomains b\nCanonicalizePermittedCNAMEs *.b:*.c\n", "h",
         "real.c"},
        {"CanonicalizeHostname yes\nCanonicalDomains b\nCanonicalizePermittedCNAMEs *.b:*.d\n", "h",
         "h.b"},
        {"CanonicalizeHostname yes\nCanonicalDomains b\n", "192.0.2.1", "192.0.2.1"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct toy *t = fresh();

        t->names[0][0] = "h.b.";
        t->names[0][1] = "real.c.";
        t->names[1][0] = "s.t.b.";
        t->names[1][1] = "s.t.b";
        file_add(t, "/home/joe/.ssh/config", cases[i].text);
        cr_assert_eq(load(t, cases[i].host), cases[i].name != NULL, "%s", cases[i].text);
        if (cases[i].name != NULL)
            cr_assert_str_eq(t->o.host_name, cases[i].name);
        else
            cr_assert_not_null(strstr(t->log, "Could not resolve host \"h\""));
        done(t);
    }
    refused("CanonicalDomains a none\n", "bad domain \"none\"");
    refused("CanonicalDomains .a\n", "bad domain");
    refused("CanonicalizePermittedCNAMEs a\n", "bad rule");
}

/* The second time, Host and Match are about the canonical name. */
Test(ssh_config, second_pass)
{
    struct toy *t = fresh();

    t->names[0][0] = "h.b.";
    t->names[0][1] = "";
    file_add(t, "/home/joe/.ssh/config",
             "CanonicalizeHostname yes\nCanonicalDomains b\nIdentityFile /k\n"
             "Host h\nHashKnownHosts yes\nHost h.b\nPort 5\n"
             "Match canonical host h.b originalhost h\nUser can\nHostName other\n"
             "Match final\nBindAddress 127.0.0.1\nMatch !canonical\nCompression yes\n");
    cr_assert(load(t, "h"), "%s", t->log);
    cr_assert_str_eq(t->o.host_name, "h.b", "settled after the first time");
    cr_assert_eq(t->o.port, 5);
    cr_assert_str_eq(t->o.user_text, "can");
    cr_assert_str_eq(t->o.bind_addr, "127.0.0.1");
    cr_assert_eq(t->o.hash_hosts, 2);
    cr_assert_eq(t->o.compress, 2);
    cr_assert_eq(t->o.identities.n, 1);
    done(t);
    t = loaded("HostName a\nMatch final host h\nPort 1\nMatch final host a\nPort 2\n", "h");
    cr_assert_eq(t->o.port, 2);
    done(t);
    t = loaded("HostName a\nMatch !final host a\nPort 1\nHost a\nPort 2\n", "h");
    cr_assert_eq(t->o.port, 1);
    done(t);
}

/* ---- Keywords ---------------------------------------------------------------------------- */

static const char *const every_keyword[] = {"AddKeysToAgent yes",
                                            "AddressFamily any",
                                            "BatchMode no",
                                            "BindAddress 127.0.0.1",
                                            "BindInterface lo",
                                            "CanonicalDomains a",
                                            "CanonicalizeFallbackLocal yes",
                                            "CanonicalizeHostname no",
                                            "CanonicalizeMaxDots 1",
                                            "CanonicalizePermittedCNAMEs a:b",
                                            "CASignatureAlgorithms ssh-ed25519",
                                            "CertificateFile /c",
                                            "ChannelTimeout session=5m",
                                            "CheckHostIP yes",
                                            "Ciphers aes256-ctr",
                                            "ClearAllForwardings no",
                                            "Compression yes",
                                            "ConnectionAttempts 3",
                                            "ConnectTimeout 5",
                                            "ControlMaster auto",
                                            "ControlPath ~/%C",
                                            "ControlPersist 5m",
                                            "DynamicForward 1080",
                                            "EnableEscapeCommandline yes",
                                            "EnableSSHKeysign yes",
                                            "EscapeChar ~",
                                            "ExitOnForwardFailure yes",
                                            "FingerprintHash md5",
                                            "ForkAfterAuthentication yes",
                                            "ForwardAgent no",
                                            "ForwardX11 yes",
                                            "ForwardX11Timeout 20m",
                                            "ForwardX11Trusted yes",
                                            "GatewayPorts no",
                                            "GlobalKnownHostsFile /g",
                                            "GSSAPIAuthentication yes",
                                            "GSSAPIDelegateCredentials no",
                                            "HashKnownHosts no",
                                            "HostbasedAcceptedAlgorithms ssh-ed25519",
                                            "HostbasedAuthentication yes",
                                            "HostKeyAlgorithms ssh-ed25519",
                                            "HostKeyAlias a",
                                            "HostName a",
                                            "IdentitiesOnly yes",
                                            "IdentityAgent none",
                                            "IdentityFile /i",
                                            "IgnoreUnknown x",
                                            "IPQoS af21 cs1",
                                            "KbdInteractiveAuthentication yes",
                                            "KbdInteractiveDevices pam",
                                            "KexAlgorithms curve25519-sha256",
                                            "KnownHostsCommand /x %H",
                                            "LocalCommand echo 'a b'",
                                            "LocalForward 80 h:80",
                                            "LocalForward /s /t",
                                            "LogLevel INFO",
                                            "LogVerbose kex.c:*",
                                            "MACs hmac-sha2-256",
                                            "NoHostAuthenticationForLocalhost yes",
                                            "NumberOfPasswordPrompts 3",
                                            "ObscureKeystrokeTiming no",
                                            "PasswordAuthentication yes",
                                            "PermitLocalCommand yes",
                                            "PermitRemoteOpen a:1",
                                            "PKCS11Provider /x",
                                            "Port 22",
                                            "PreferredAuthentications publickey",
                                            "ProxyCommand nc %h %p",
                                            "ProxyJump a,b",
                                            "ProxyUseFdpass yes",
                                            "PubkeyAcceptedAlgorithms ssh-ed25519",
                                            "PubkeyAuthentication yes",
                                            "RefuseConnection no",
                                            "RekeyLimit 1G 1h",
                                            "RemoteCommand a b",
                                            "RemoteForward 80 h:80",
                                            "RemoteForward 1080",
                                            "RequestTTY yes",
                                            "RequiredRSASize 4096",
                                            "RevokedHostKeys /r",
                                            "SecurityKeyProvider /s",
                                            "SendEnv A",
                                            "ServerAliveCountMax 3",
                                            "ServerAliveInterval 30",
                                            "SessionType none",
                                            "SetEnv A=1",
                                            "StdinNull yes",
                                            "StreamLocalBindMask 0177",
                                            "StreamLocalBindUnlink yes",
                                            "StrictHostKeyChecking yes",
                                            "SyslogFacility USER",
                                            "Tag t",
                                            "TCPKeepAlive no",
                                            "Tunnel yes",
                                            "TunnelDevice any:any",
                                            "UpdateHostKeys yes",
                                            "User u",
                                            "UserKnownHostsFile /u",
                                            "VerifyHostKeyDNS yes",
                                            "VersionAddendum x",
                                            "VisualHostKey yes",
                                            "WarnWeakCrypto no",
                                            "XAuthLocation /x",
                                            "Cipher 3des",
                                            "UseRoaming no",
                                            "ChallengeResponseAuthentication no",
                                            "PubkeyAcceptedKeyTypes ssh-rsa"};

/* Every keyword of OpenSSH 10 is known, in a block that does not apply each is let pass. */
Test(ssh_config, every_keyword)
{
    char text[64 + 128];

    for (size_t i = 0; i < sizeof every_keyword / sizeof every_keyword[0]; i++) {
        struct toy *t;

        (void)snprintf(text, sizeof text, "Host other\n%s\nHost *\nPort 5\n", every_keyword[i]);
        t = loaded(text, "host");
        cr_assert(t->good, "%s: %s", text, t->log);
        cr_assert_eq(t->o.port, 5);
        done(t);
    }
}

Test(ssh_config, unsupported)
{
    static const char *const refusals[] = {"BindInterface lo",
                                           "CheckHostIP yes",
                                           "DynamicForward 1080",
                                           "ForwardX11 yes",
                                           "ForkAfterAuthentication yes",
                                           "KnownHostsCommand /x",
                                           "PermitLocalCommand yes",
                                           "PKCS11Provider /x",
                                           "Tunnel yes",
                                           "VerifyHostKeyDNS yes",
                                           "SecurityKeyProvider /x",
                                           "RequiredRSASize 4096",
                                           "LocalForward /s /t",
                                           "ControlMaster yes",
                                           "ChannelTimeout session=5m"};
    char text[256];

    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct toy *t;

        (void)snprintf(text, sizeof text, "# a comment\n%s\n", refusals[i]);
        refused(text, "/home/joe/.ssh/config line 2: ");
        (void)snprintf(text, sizeof text, "Host other\n%s\n", refusals[i]);
        t = loaded(text, "host");
        cr_assert(t->good, "%s: %s", text, t->log);
        done(t);
    }
}

Test(ssh_config, proxies)
{
    struct toy *t = loaded("ProxyCommand nc %h  %p # c\nProxyJump a\n", "host");

    cr_assert(t->good, "%s", t->log);
    cr_assert_str_eq(t->o.proxy_command, "nc %h  %p # c");
    cr_assert_null(t->o.jump.host, "the first of the two counts");
    cr_assert(ncr_opt_settle_last(&t->o));
    cr_assert_str_eq(t->o.proxy_command, "nc host  22 # c");
    done(t);
    t = loaded("ProxyJump joe@a:5,b,ssh://ann@[::1]:9\nProxyCommand x\n", "host");
    cr_assert(t->good, "%s", t->log);
    cr_assert_null(t->o.proxy_command);
    cr_assert_str_eq(t->o.jump.host, "::1");
    cr_assert_str_eq(t->o.jump.user, "ann");
    cr_assert_eq(t->o.jump.port, 9);
    cr_assert_str_eq(t->o.jump.before, "joe@a:5,b");
    done(t);
    t = loaded("ProxyJump none\nProxyCommand x\n", "host");
    cr_assert(t->good && t->o.jump.host == NULL);
    cr_assert_str_eq(t->o.proxy_command, "x", "as ssh");
    done(t);
    t = loaded("ProxyCommand none\nProxyJump a\n", "host");
    cr_assert(t->good && t->o.proxy_command == NULL && t->o.jump.host == NULL);
    done(t);
    t = loaded("CanonicalizeHostname yes\nCanonicalDomains a\nCanonicalizeFallbackLocal no\n"
               "ProxyJump b\n",
               "host");
    cr_assert(t->good, "names are the proxy's");
    done(t);
    refused("ProxyJump a;b\n", "line 1: invalid ProxyJump \"a;b\"");
    refused("ProxyJump a,`b`\n", "line 1: invalid ProxyJump");
}

/* What Debian ships, and hints. */
Test(ssh_config, accepted_without_effect)
{
    struct toy *t = loaded("Host *\n    SendEnv LANG LC_*\n    HashKnownHosts yes\n"
                           "    GSSAPIAuthentication yes\n    ControlMaster auto\n"
                           "    ControlPath ~/.ssh/%C\n    VisualHostKey yes\n    IPQoS ef\n",
                           "host");

    cr_assert(t->good, "%s", t->log);
    cr_assert_str_eq(t->log, "");
    cr_assert_not_null(strstr(t->debug, "line 4: gssapiauthentication yes has no effect here"));
    cr_assert_eq(t->o.n_send_env, 2);
    done(t);
}

Test(ssh_config, mistakes)
{
    struct toy *t =
        loaded("Foo bar\nPort 22x\nHost other\nPort 99999\nUser a b\nUser \"x\nUser\n", "host");

    cr_assert_not(t->good);
    cr_assert_not_null(strstr(t->log, "config: line 1: Bad configuration option: foo"));
    cr_assert_not_null(strstr(t->log, "config line 2: bad value of Port"));
    cr_assert_not_null(strstr(t->log, "config line 4: bad value of Port"), "of no host");
    cr_assert_not_null(strstr(t->log, "config line 5: keyword user extra arguments"));
    cr_assert_not_null(strstr(t->log, "config line 6: invalid quotes"));
    cr_assert_not_null(strstr(t->log, "config line 7: no argument after keyword \"user\""));
    cr_assert_not_null(strstr(t->log, "config: terminating, 6 bad configuration options"));
    done(t);
    t = loaded("IgnoreUnknown Foo,Q*\nFoo bar\nQux 1\nPort 5\n", "host");
    cr_assert(t->good);
    cr_assert_eq(t->o.port, 5);
    done(t);
    refused("IgnoreUnknown X\nFoo 1\n", "line 2: Bad configuration option: foo");
    refused("RefuseConnection \"go away\"\n", "line 1: RefuseConnection: go away");
}

/* ---- Hostile files ----------------------------------------------------------------------- */

static const char whole[] =
    "Port 22\nHost h* !x\n User \"a b\"\nMatch host h user a\\ b exec \"x\"\n"
    "Include a\\\"b '*'\nIdentityFile ~/x%h${HOME}\nHostName=%h.b\n"
    "LocalForward 1 a:2\nSetEnv A=1\nCanonicalDomains a b\n";

Test(ssh_config, truncated_and_flipped)
{
    char text[sizeof whole];

    for (size_t n = 0; n < sizeof whole; n++) {
        memcpy(text, whole, n);
        text[n] = '\0';
        done(loaded(text, "host"));
        memcpy(text, whole, sizeof whole);
        for (unsigned bit = 0; bit < 8 && n < sizeof whole - 1; bit++) {
            text[n] = (char)(whole[n] ^ (1 << bit));
            done(loaded(text, "host"));
        }
    }
}

Test(ssh_config, long_lines)
{
    char *text = malloc(NCR_CONFIG_LINE_MAX + 64);

    cr_assert_not_null(text);
    memset(text, 'x', NCR_CONFIG_LINE_MAX + 64);
    memcpy(text, "User ", 5);
    memcpy(text + NCR_CONFIG_LINE_MAX + 8, "\nPort 5\n", 9);
    refused(text, "line 1: line too long");
    free(text);
}

/* Zero is a value that these take, and not the default. */
Test(ssh_config, counts_of_zero)
{
    static const unsigned ask = NACRE_AUTH_PASSWORD | NACRE_AUTH_INTERACTIVE;
    struct nacre_client_cfg cfg;
    struct toy *t = loaded("NumberOfPasswordPrompts 0\nServerAliveCountMax 0\n", "host");

    cr_assert(t->good, "%s", t->log);
    memset(&cfg, 0, sizeof cfg);
    cr_assert(ncr_opt_client_cfg(&t->o, &cfg), "%s", t->o.error);
    cr_assert_eq(cfg.auth_methods & ask, 0);
    cr_assert_neq(cfg.auth_methods & NACRE_AUTH_PUBLICKEY, 0);
    cr_assert_eq(cfg.conn.keepalive_max, 1);
    done(t);
    t = loaded("NumberOfPasswordPrompts 1\nServerAliveCountMax 2\n", "host");
    memset(&cfg, 0, sizeof cfg);
    cr_assert(ncr_opt_client_cfg(&t->o, &cfg), "%s", t->o.error);
    cr_assert_eq(cfg.auth_methods & ask, ask);
    cr_assert_eq(cfg.prompts, 1);
    cr_assert_eq(cfg.conn.keepalive_max, 2);
    done(t);
    t = loaded("Port 1\n", "host");
    memset(&cfg, 0, sizeof cfg);
    cr_assert(ncr_opt_client_cfg(&t->o, &cfg), "%s", t->o.error);
    cr_assert_eq(cfg.auth_methods & ask, ask);
    cr_assert_eq(cfg.conn.keepalive_max, 0);
    done(t);
    refused("NumberOfPasswordPrompts -1\n", "bad value of NumberOfPasswordPrompts");
}
