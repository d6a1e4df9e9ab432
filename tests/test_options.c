/* SPDX-License-Identifier: ISC
 *
 * Options of the client programs: values, refusals by name, destinations (s54, s55), forwards; the
 * escape character of a terminal session.
 */
#include "client/options.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/ssh_escape.h"

static struct ncr_options *fresh(void)
{
    struct ncr_options *o = malloc(sizeof *o);

    cr_assert_not_null(o);
    ncr_opt_init(o, "test");
    return o;
}

/* ---- Keywords ---------------------------------------------------------------------------- */

Test(options, forms)
{
    struct ncr_options *o = fresh();

    cr_assert(ncr_opt_parse(o, "Port=2222"));
    cr_assert(ncr_opt_parse(o, "user joe"));
    cr_assert(ncr_opt_parse(o, "  ConnectTimeout = 1m30s "));
    cr_assert(ncr_opt_parse(o, "BindAddress \"127.0.0.1\""));
    cr_assert(ncr_opt_parse(o, "STRICTHOSTKEYCHECKING=Accept-New"));
    cr_assert(ncr_opt_parse(o, "RekeyLimit=1G 1h"));
    cr_assert(ncr_opt_parse(o, "LogLevel=QUIET"));
    cr_assert(ncr_opt_settle(o), "%s", o->error);
    cr_assert_eq(o->port, 2222);
    cr_assert_str_eq(o->user, "joe");
    cr_assert_eq(o->connect_ms, 90000);
    cr_assert_str_eq(o->bind_addr, "127.0.0.1");
    cr_assert_eq(o->policy, NACRE_HOSTS_ACCEPT_NEW);
    cr_assert_eq(o->rekey_bytes, (uint64_t)1 << 30);
    cr_assert_eq(o->rekey_ms, 3600000);
    cr_assert_eq(o->log, NCR_LOG_QUIET);
    ncr_opt_free(o);
    free(o);
}

/* Compression is off unless it is asked for, and then starts after authentication alone. */
Test(options, compression)
{
    static const struct {
        const char *value, *comps;
    } cases[] = {{NULL, NULL}, {"no", NULL}, {"yes", "zlib@openssh.com,none"}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ncr_options *o = fresh();
        struct nacre_client_cfg cfg;

        memset(&cfg, 0, sizeof cfg);
        cr_assert(cases[i].value == NULL || ncr_opt_set(o, "Compression", cases[i].value));
        cr_assert(ncr_opt_client_cfg(o, &cfg), "%s", o->error);
        if (cases[i].comps == NULL)
            cr_assert_null(cfg.conn.comps);
        else
            cr_assert_str_eq(cfg.conn.comps, cases[i].comps);
        cr_assert_eq(nacre_conn_comp_mem(&cfg.conn), i == 2 ? NACRE_COMP_MEM : 0);
        ncr_opt_free(o);
        free(o);
    }
}

Test(options, first_value_counts)
{
    struct ncr_options *o = fresh();

    cr_assert(ncr_opt_set(o, "Port", "1"));
    cr_assert(ncr_opt_set(o, "Port", "2"));
    cr_assert(ncr_opt_set(o, "IdentityFile", "/a"));
    cr_assert(ncr_opt_set(o, "IdentityFile", "/b"));
    cr_assert(ncr_opt_set(o, "UserKnownHostsFile", "/x /y"));
    cr_assert(ncr_opt_set(o, "UserKnownHostsFile", "/z"));
    cr_assert_eq(o->port, 1);
    cr_assert_eq(o->identities.n, 2);
    cr_assert_str_eq(o->identities.path[1], "/b");
    cr_assert_eq(o->hosts.n, 2);
    cr_assert_str_eq(o->hosts.path[1], "/y");
    ncr_opt_free(o);
    free(o);
}

/* Whatever is not supported is refused and named. */
Test(options, refused_by_name)
{
    static const struct {
        const char *text, *named;
    } bad[] = {
        {"ProxyJump=a;b", "ProxyJump"},
        {"ProxyJump=a,-oProxyCommand=x", "ProxyJump"},
        {"ProxyJump=a,b:0", "ProxyJump"},
        {"ProxyJump=a:22x", "ProxyJump"},
        {"ProxyJump=,a", "ProxyJump"},
        {"AddKeysToAgent=maybe", "AddKeysToAgent"},
        {"AddKeysToAgent=yes 5m", "AddKeysToAgent"},
        {"AddKeysToAgent=confirm x", "AddKeysToAgent"},
        {"PKCS11Provider=/lib/x.so", "PKCS11Provider"},
        {"Compression=maybe", "Compression"},
        {"NoSuchThing=1", "NoSuchThing"},
        {"Port=0", "Port"},
        {"Port=65536", "Port"},
        {"Port=22x", "Port"},
        {"Port=", "Port"},
        {"ConnectTimeout=soon", "ConnectTimeout"},
        {"ConnectTimeout=5x", "ConnectTimeout"},
        {"ConnectTimeout=5,", "ConnectTimeout"},
        {"StrictHostKeyChecking=maybe", "StrictHostKeyChecking"},
        {"RekeyLimit=much", "RekeyLimit"},
        {"SetEnv=NOVALUE", "SetEnv"},
        {"LocalForward=80", "forward"},
        {"EscapeChar=ab", "escape"},
        {"User=-x", "user"},
        {"HostName=a;b", "HostName"},
        {"=x", "bad option"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ncr_options *o = fresh();

        cr_assert_not(ncr_opt_parse(o, bad[i].text), "%s", bad[i].text);
        cr_assert_not_null(strstr(o->error, bad[i].named), "%s: %s", bad[i].text, o->error);
        ncr_opt_free(o);
        free(o);
    }
}

/* Tokens are expanded when all is known, and unknown ones named then. */
Test(options, tokens)
{
    static const struct {
        const char *text, *named;
    } cases[] = {{"IdentityFile=/k/%h-%n-%p-%%", NULL},
                 {"IdentityFile=/k/%x", "%x"},
                 {"CertificateFile=/k/%", "CertificateFile"},
                 {"IdentityAgent=/k/%H", "%H"},
                 {"UserKnownHostsFile=/k/${NACRE_NOT_SET}", "NACRE_NOT_SET"},
                 {"UserKnownHostsFile=/k/${NACRE_NO_END", "without a name or end"},
                 {"User=%r", "%r"},
                 {"HostName=%n", "%n"}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ncr_options *o = fresh();

        cr_assert(ncr_opt_target(o, "joe@Host", "ssh", NULL));
        if (strncmp(cases[i].text, "User=", 5) == 0)
            o->user = NULL;
        cr_assert(ncr_opt_parse(o, cases[i].text), "%s", cases[i].text);
        if (cases[i].named == NULL) {
            cr_assert(ncr_opt_settle_host(o) && ncr_opt_settle(o) && ncr_opt_settle_last(o));
            cr_assert_str_eq(o->identities.path[0], "/k/host-Host-22-%");
        } else {
            cr_assert_not(ncr_opt_settle_host(o) && ncr_opt_settle(o) && ncr_opt_settle_last(o),
                          "%s", cases[i].text);
            cr_assert_not_null(strstr(o->error, cases[i].named), "%s: %s", cases[i].text, o->error);
        }
        ncr_opt_free(o);
        free(o);
    }
}

/* In jump hosts too, which are as fit then as those without tokens (s54). */
Test(options, tokens_of_jump_hosts)
{
    static const struct {
        const char *text, *user, *host, *before, *named;
    } cases[] = {{"%r@bastion", "joe", "bastion", NULL, NULL},
                 {"%r@%h.gate:5", "joe", "192.0.2.1.gate", NULL, NULL},
                 {"%n-%p-%%x", NULL, "Host-22-%x", NULL, NULL},
                 {"%r@a:%p,ssh://%n-b,c", NULL, "c", "joe@a:22,ssh://Host-b", "ProxyJump"},
                 {"%r@a,%n-b,c", NULL, "c", "joe@a,Host-b", NULL},
                 {"a%%b,c", NULL, "c", "a%b", NULL},
                 {"%j", NULL, NULL, NULL, "%j"},
                 {"%u@a", NULL, NULL, NULL, "%u"},
                 {"a,%x,b", NULL, NULL, NULL, "%x"},
                 {"a%", NULL, NULL, NULL, "ProxyJump"}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ncr_options *o = fresh();
        bool good;

        cr_assert(ncr_opt_target(o, "joe@Host", "ssh", NULL));
        cr_assert(ncr_opt_set(o, "HostName", "192.0.2.1"));
        good = ncr_opt_set(o, "ProxyJump", cases[i].text) && ncr_opt_settle_host(o) &&
               ncr_opt_settle(o) && ncr_opt_settle_last(o);
        cr_assert_eq(good, cases[i].named == NULL, "%s: %s", cases[i].text, o->error);
        if (good) {
            cr_assert_str_eq(o->jump.host, cases[i].host);
            cr_assert((cases[i].user == NULL) == (o->jump.user == NULL));
            cr_assert(o->jump.user == NULL || strcmp(o->jump.user, cases[i].user) == 0);
            cr_assert((cases[i].before == NULL) == (o->jump.before == NULL));
            cr_assert(o->jump.before == NULL || strcmp(o->jump.before, cases[i].before) == 0, "%s",
                      o->jump.before);
        } else {
            cr_assert_not_null(strstr(o->error, cases[i].named), "%s: %s", cases[i].text, o->error);
        }
        ncr_opt_free(o);
        free(o);
    }
}

Test(options, tokens_unfit_for_jump_hosts)
{
    static const struct {
        const char *text, *user, *host;
    } cases[] = {{"%r@a", "-x", "h"},    {"%r@a", "x;y", "h"},       {"%r", "x@y", "h"},
                 {"%r@a,b", "x,y", "h"}, {"%r@a,b", "-x", "h"},      {"%r@a,b", "x$y", "h"},
                 {"%h", "joe", "-x"},    {"%h,b", "joe", "$(x)"},    {"a,%h", "joe", "x y"},
                 {"%r@a,b", "\nx", "h"}, {"%n,b", "joe", "-oPort=1"}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ncr_options *o = fresh();

        o->user = cases[i].user;
        o->host = cases[i].host; /* not checked, unlike those of files and arguments */
        cr_assert(ncr_opt_set(o, "ProxyJump", cases[i].text), "%s", o->error);
        cr_assert_not(ncr_opt_settle_last(o), "%s", cases[i].text);
        cr_assert_not_null(strstr(o->error, "ProxyJump"), "%s", o->error);
        ncr_opt_free(o);
        free(o);
    }
}

/* What sftp(1), scp(1) and git pass to their ssh. */
Test(options, what_others_pass)
{
    static const char *const good[] = {
        "ForwardX11 no",
        "ForwardX11=no",
        "ForwardAgent no",
        "PermitLocalCommand no",
        "ClearAllForwardings yes",
        "RemoteCommand=none",
        "RequestTTY=no",
        "ControlPath=none",
        "ControlMaster=no",
        "SendEnv=GIT_PROTOCOL",
        "Protocol=2",
        "BatchMode yes",
        "ProxyCommand=none",
        "TCPKeepAlive=yes",
        "IPQoS=throughput",
        "EscapeChar=none",
    };
    struct ncr_options *o = fresh();

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_assert(ncr_opt_parse(o, good[i]), "%s: %s", good[i], o->error);
    cr_assert_eq(o->escape, -1);
    cr_assert_eq(o->n_send_env, 1);
    ncr_opt_free(o);
    free(o);
}

Test(options, library_configuration)
{
    struct ncr_options *o = fresh();
    struct nacre_client_cfg cfg;

    memset(&cfg, 0, sizeof cfg);
    cr_assert(ncr_opt_target(o, "joe@host", "ssh", NULL));
    cr_assert(ncr_opt_parse(o, "HostName=192.0.2.1"));
    cr_assert(ncr_opt_parse(o, "PasswordAuthentication=no"));
    cr_assert(ncr_opt_parse(o, "BatchMode=yes"));
    cr_assert(ncr_opt_parse(o, "UserKnownHostsFile=none"));
    cr_assert(ncr_opt_parse(o, "GlobalKnownHostsFile=/g"));
    cr_assert(ncr_opt_parse(o, "HashKnownHosts=yes"));
    cr_assert(ncr_opt_client_cfg(o, &cfg), "%s", o->error);
    cr_assert(cfg.hash_known_hosts);
    cr_assert_str_eq(cfg.host, "192.0.2.1");
    cr_assert_eq(cfg.auth_methods, NACRE_AUTH_PUBLICKEY);
    cr_assert_eq(cfg.host_policy, NACRE_HOSTS_STRICT, "nobody to ask");
    cr_assert_eq(cfg.n_known_hosts, 2);
    cr_assert_str_eq(cfg.known_hosts[0], "/dev/null", "new keys never go to the global file");
    cr_assert_str_eq(cfg.known_hosts[1], "/g");
    ncr_opt_free(o);
    free(o);
}

/* ---- Agents ------------------------------------------------------------------------------ */

Test(options, hosts)
{
    struct ncr_options *o = fresh();
    struct nacre_client_cfg cfg;

    memset(&cfg, 0, sizeof cfg);
    o->host = "h";
    cr_assert(ncr_opt_client_cfg(o, &cfg), "%s", o->error);
    cr_assert_eq(cfg.update_hosts, NACRE_UPDATE_YES, "as ssh, with the usual files");
    cr_assert_eq(cfg.n_own_hosts, 2);
    cr_assert_eq(cfg.n_known_hosts, 4);
    ncr_opt_free(o);
    free(o);
    o = fresh();
    memset(&cfg, 0, sizeof cfg);
    cr_assert(ncr_opt_parse(o, "UserKnownHostsFile=/a /b /c"));
    cr_assert(ncr_opt_parse(o, "GlobalKnownHostsFile=/d"));
    cr_assert(ncr_opt_parse(o, "RevokedHostKeys=/e /f"));
    cr_assert(ncr_opt_parse(o, "CASignatureAlgorithms=ssh-ed25519"));
    o->host = "h";
    cr_assert(ncr_opt_client_cfg(o, &cfg), "%s", o->error);
    cr_assert_eq(cfg.update_hosts, NACRE_UPDATE_NO);
    cr_assert_eq(cfg.n_own_hosts, 3);
    cr_assert_eq(cfg.n_known_hosts, 4);
    cr_assert_eq(cfg.n_revoked_host_keys, 2);
    cr_assert_str_eq(cfg.revoked_host_keys[1], "/f");
    cr_assert_str_eq(cfg.ca_sig_algs, "ssh-ed25519");
    ncr_opt_free(o);
    free(o);
    o = fresh();
    memset(&cfg, 0, sizeof cfg);
    o->host = "h";
    cr_assert(ncr_opt_parse(o, "UpdateHostKeys=ask"));
    cr_assert(ncr_opt_client_cfg(o, &cfg), "%s", o->error);
    cr_assert_eq(cfg.update_hosts, NACRE_UPDATE_ASK);
    cr_assert_not(ncr_opt_parse(o, "VerifyHostKeyDNS=yes"));
    cr_assert_not_null(strstr(o->error, "VerifyHostKeyDNS"));
    cr_assert(ncr_opt_parse(o, "VerifyHostKeyDNS=no"));
    cr_assert_not(ncr_opt_parse(o, "CheckHostIP=yes"));
    ncr_opt_free(o);
    free(o);
}

/* Host keys are never checked without the user's files because these have no names. */
Test(options, hosts_of_no_home)
{
    struct nacre_client_cfg cfg;
    char home[5001];

    memset(home, 'x', sizeof home - 1);
    home[0] = '/';
    home[sizeof home - 1] = '\0';
    for (size_t n = sizeof home - 1; n > 4000; n--) {
        const bool fits = n + sizeof "/.ssh/known_hosts2" <= NCR_TOKENS_CAP;
        struct ncr_options *o = fresh();
        bool good;

        home[n] = '\0';
        setenv("HOME", home, 1);
        memset(&cfg, 0, sizeof cfg);
        o->host = "h";
        good = ncr_opt_client_cfg(o, &cfg);
        cr_assert_eq(good, fits, "%zu", n);
        if (!good)
            cr_assert_not_null(strstr(o->error, "known_hosts"), "%s", o->error);
        else
            cr_assert_eq(cfg.n_own_hosts, 2);
        ncr_opt_free(o);
        free(o);
        o = fresh();
        memset(&cfg, 0, sizeof cfg);
        o->host = "h";
        cr_assert(ncr_opt_set(o, "UserKnownHostsFile", n % 2 == 0 ? "none" : "/k"));
        cr_assert(ncr_opt_client_cfg(o, &cfg), "%s", o->error);
        cr_assert_str_eq(cfg.known_hosts[0], n % 2 == 0 ? "/dev/null" : "/k");
        ncr_opt_free(o);
        free(o);
    }
}

Test(options, agents)
{
    struct ncr_options *o = fresh();
    struct nacre_client_cfg cfg;

    memset(&cfg, 0, sizeof cfg);
    setenv("HOME", "/home/joe", 1);
    cr_assert(ncr_opt_parse(o, "IdentityAgent=~/a"));
    cr_assert(ncr_opt_parse(o, "IdentityAgent=none"), "the first counts");
    cr_assert(ncr_opt_parse(o, "IdentitiesOnly=yes"));
    cr_assert(ncr_opt_parse(o, "CertificateFile=~/c1"));
    cr_assert(ncr_opt_parse(o, "CertificateFile=/c2"));
    cr_assert(ncr_opt_parse(o, "AddKeysToAgent=confirm 1h"));
    cr_assert(ncr_opt_parse(o, "ForwardAgent=$OTHER"));
    cr_assert(ncr_opt_settle(o) && ncr_opt_settle_last(o), "%s", o->error);
    cr_assert(ncr_opt_client_cfg(o, &cfg), "%s", o->error);
    cr_assert_str_eq(cfg.agent, "/home/joe/a");
    cr_assert(cfg.identities_only);
    cr_assert_eq(cfg.n_certificates, 2);
    cr_assert_str_eq(cfg.certificates[0], "/home/joe/c1");
    cr_assert_eq(cfg.keep, NACRE_KEEP_CONFIRM);
    cr_assert_eq(cfg.keep_lifetime, 3600);
    cr_assert_null(cfg.identities, "the usual files");
    cr_assert(o->forward_agent);
    cr_assert_str_eq(o->forward_which, "$OTHER");
    ncr_opt_free(o);
    free(o);
}

Test(options, agents_kept_and_lent)
{
    static const struct {
        const char *text;
        enum nacre_keep keep;
        uint32_t lifetime;
    } keeps[] = {{"AddKeysToAgent=no", NACRE_KEEP_NO, 0},
                 {"AddKeysToAgent=yes", NACRE_KEEP_YES, 0},
                 {"AddKeysToAgent=ask", NACRE_KEEP_ASK, 0},
                 {"AddKeysToAgent=confirm", NACRE_KEEP_CONFIRM, 0},
                 {"AddKeysToAgent=5m", NACRE_KEEP_YES, 300}};

    for (size_t i = 0; i < sizeof keeps / sizeof keeps[0]; i++) {
        struct ncr_options *o = fresh();
        struct nacre_client_cfg cfg;

        memset(&cfg, 0, sizeof cfg);
        cr_assert(ncr_opt_parse(o, keeps[i].text), "%s", o->error);
        cr_assert(ncr_opt_parse(o, i % 2 ? "ForwardAgent=yes" : "ForwardAgent=no"));
        cr_assert(ncr_opt_parse(o, "ForwardAgent=/x"), "the first counts");
        cr_assert(ncr_opt_client_cfg(o, &cfg), "%s", o->error);
        cr_assert_eq(cfg.keep, keeps[i].keep);
        cr_assert_eq(cfg.keep_lifetime, keeps[i].lifetime);
        cr_assert_eq(o->forward_agent, i % 2 == 1);
        cr_assert_null(o->forward_which);
        ncr_opt_free(o);
        free(o);
    }
}

/* ---- Destinations ------------------------------------------------------------------------ */

Test(options, targets)
{
    static const struct {
        const char *text, *scheme, *user, *host, *path;
        uint32_t port;
    } good[] = {
        {"host", "ssh", NULL, "host", NULL, 0},
        {"joe@host", "ssh", "joe", "host", NULL, 0},
        {"a@b@host", "ssh", "a@b", "host", NULL, 0},
        {"::1", "ssh", NULL, "::1", NULL, 0},
        {"ssh://joe@host:2222", "ssh", "joe", "host", NULL, 2222},
        {"ssh://[::1]:22", "ssh", NULL, "::1", NULL, 22},
        {"ssh://h%40x@host", "ssh", "h@x", "host", NULL, 0},
        {"joe@host:dir/file", "sftp", "joe", "host", "dir/file", 0},
        {"host:", "sftp", NULL, "host", "", 0},
        {"[::1]:x", "sftp", NULL, "::1", "x", 0},
        {"sftp://host/a%20b", "sftp", NULL, "host", "a b", 0},
        {"sftp://joe@host:99/x@y", "sftp", "joe", "host", "x@y", 99},
    };

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct ncr_options *o = fresh();
        char *path = NULL;
        bool sftp = strcmp(good[i].scheme, "sftp") == 0;

        cr_assert(ncr_opt_target(o, good[i].text, good[i].scheme, sftp ? &path : NULL), "%s: %s",
                  good[i].text, o->error);
        cr_assert_str_eq(o->host, good[i].host);
        cr_assert_eq(o->user == NULL, good[i].user == NULL, "%s", good[i].text);
        if (good[i].user != NULL)
            cr_assert_str_eq(o->user, good[i].user);
        cr_assert_eq(path == NULL, good[i].path == NULL, "%s", good[i].text);
        if (good[i].path != NULL)
            cr_assert_str_eq(path, good[i].path);
        cr_assert_eq(o->port, good[i].port);
        ncr_opt_free(o);
        free(o);
    }
}

/* Each byte in hosts and users, from the command line and from a URI. */
Test(options, s54_every_byte)
{
    static const char host_bad[] = "'`\"$\\;&<>|(){}*?,!#@/";
    static const char user_bad[] = "'`\";&<>|(){}*?$";

    for (unsigned b = 1; b < 256; b++) {
        char text[8] = {'a', (char)b, 'b', '\0'};
        bool control = b <= ' ' || b == 0x7f;

        cr_assert_eq(ncr_host_fit(text), !control && strchr(host_bad, (int)b) == NULL, "byte %u",
                     b);
        cr_assert_eq(ncr_user_fit(text), !control && strchr(user_bad, (int)b) == NULL, "byte %u",
                     b);
    }
    cr_assert_not(ncr_host_fit(""));
    cr_assert_not(ncr_host_fit("-oProxyCommand=x"));
    cr_assert_not(ncr_user_fit("-l"));
    cr_assert_not(ncr_user_fit("joe\\"));
}

Test(options, s55_controls_in_destinations)
{
    static const char *const bad[] = {"ssh://a%00b@host",
                                      "ssh://a%0ab@host",
                                      "ssh://a%1b@host",
                                      "ssh://a%2@host",
                                      "a\nb@host",
                                      "joe@ho\tst",
                                      "@host",
                                      "joe@",
                                      "",
                                      "-host",
                                      "ssh://-l@host",
                                      "joe@-host",
                                      "ssh://host:0",
                                      "ssh://host:x",
                                      "ssh://[::1",
                                      "$(reboot)",
                                      "joe@`id`"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ncr_options *o = fresh();

        cr_assert_not(ncr_opt_target(o, bad[i], "ssh", NULL), "%s", bad[i]);
        cr_assert_neq(o->error[0], '\0');
        ncr_opt_free(o);
        free(o);
    }
}

/* ---- Forwards ---------------------------------------------------------------------------- */

Test(options, forwards)
{
    struct ncr_forward_rule r;
    static const char *const bad[] = {"80",        "80:host",     "80:host:x",   "0:host:80",
                                      "x:host:80", "80::80",      "80:host:0",   "80:host:65536",
                                      "a:b:c:d:e", "[::1:80:h:1", "80:[::1]x:1", ""};

    cr_assert(ncr_forward_parse(&r, "8080:host:80", false));
    cr_assert_null(r.bind_addr);
    cr_assert_eq(r.bind_port, 8080);
    cr_assert_str_eq(r.host, "host");
    cr_assert_eq(r.port, 80);
    ncr_forward_rule_free(&r);
    cr_assert(ncr_forward_parse(&r, "[::1]:8080:[fe80::1]:80", false));
    cr_assert_str_eq(r.bind_addr, "::1");
    cr_assert_str_eq(r.host, "fe80::1");
    ncr_forward_rule_free(&r);
    cr_assert(ncr_forward_parse(&r, "*:0:h:1", true));
    cr_assert_str_eq(r.bind_addr, "");
    cr_assert_eq(r.bind_port, 0);
    ncr_forward_rule_free(&r);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(ncr_forward_parse(&r, bad[i], false), "%s", bad[i]);
}

/* ---- The escape character ---------------------------------------------------------------- */

/* What is typed in pieces; '|' separates them. */
static void keys(const char *typed, const char *sent, const char *wanted)
{
    static const char names[] = ".ZRB#?";
    struct ncr_escape_keys k;
    char out[256];
    char want[16] = "";
    size_t n = 0;

    ncr_escape_init(&k, '~');
    while (*typed != '\0') {
        size_t len = strcspn(typed, "|");
        uint8_t block[64];

        memcpy(block, typed, len);
        len = ncr_escape_filter(&k, block, len);
        memcpy(out + n, block, len);
        n += len;
        typed += strcspn(typed, "|");
        typed += *typed == '|';
    }
    out[n] = '\0';
    for (size_t i = 0; i <= NCR_ESCAPE_HELP; i++) {
        if (k.want[i])
            strncat(want, &names[i], 1);
    }
    cr_assert_str_eq(out, sent);
    cr_assert_str_eq(want, wanted);
}

Test(options, escape_keys)
{
    keys("~.", "", ".");
    keys("~|.", "", ".");
    keys("|~||.", "", ".");
    keys("a~.", "a~.", "");
    keys("a\r~.", "a\r", ".");
    keys("a\n|~|?b", "a\nb", "?");
    keys("~~.", "~.", "");
    keys("~|~|.", "~.", "");
    keys("~x", "~x", "");
    keys("~|x~.", "~x~.", "");
    keys("~\r~.", "~\r", ".");
    keys("~#~B~R", "", "RB#");
    keys("~\x1a", "", "Z");
}
