/* SPDX-License-Identifier: ISC
 *
 * The daemon's configuration: values, order, and that nothing is ignored.
 */
#include "server/sshd_config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char config_error[NCR_SSHD_ERROR_LEN];

static bool config_line(struct ncr_sshd_config *c, const char *line)
{
    config_error[0] = '\0';
    return ncr_sshd_config_line(c, line, strlen(line), "test line 1", config_error);
}

Test(sshd_config, defaults)
{
    struct ncr_sshd_config c;
    ncr_sshd_config_init(&c);
    cr_assert(ncr_sshd_config_finish(&c, config_error));
    cr_assert_eq(c.ports[0], 22u);
    cr_assert_eq(c.root, NCR_ROOT_KEYS);
    cr_assert_eq(c.grace_s, 120u);
    cr_assert_eq(c.auth_tries, 6u);
    cr_assert_eq(c.startups[2], 100u);
    cr_assert(c.strict_modes);
    cr_assert_not(c.password, "without a users file there are no passwords");
    cr_assert_str_eq(ncr_sshd_config_subsystem(&c, nacre_bytes_str("sftp")), "internal-sftp");
    cr_assert_null(ncr_sshd_config_subsystem(&c, nacre_bytes_str("sft")));
    ncr_sshd_config_free(&c);
}

Test(sshd_config, first_value_counts_and_some_add_up)
{
    struct ncr_sshd_config c;
    ncr_sshd_config_init(&c);
    cr_assert(config_line(&c, "MaxAuthTries 3"));
    cr_assert(config_line(&c, "MaxAuthTries 4"));
    cr_assert(config_line(&c, "port 1"));
    cr_assert(config_line(&c, "PORT=2"));
    cr_assert(config_line(&c, "AllowUsers a b"));
    cr_assert(config_line(&c, "AllowUsers c"));
    cr_assert(config_line(&c, "AuthorizedKeysFile x y"));
    cr_assert(config_line(&c, "AuthorizedKeysFile z"));
    cr_assert_not(config_line(&c, "MaxAuthTries x"), "a later value is read all the same");
    cr_assert_eq(c.auth_tries, 3u);
    cr_assert_eq(c.n_ports, 2u);
    cr_assert_eq(c.allow_users.n, 3u);
    cr_assert_eq(c.key_files.n, 2u);
    ncr_sshd_config_free(&c);
}

Test(sshd_config, quotes_comments_and_equal_signs)
{
    struct ncr_sshd_config c;
    ncr_sshd_config_init(&c);
    cr_assert(config_line(&c, "  # nothing"));
    cr_assert(config_line(&c, ""));
    cr_assert(config_line(&c, "\tBanner \"/a b/c\" # why\r"));
    cr_assert_str_eq(c.banner, "/a b/c");
    cr_assert(config_line(&c, "PidFile = /x\\ y"));
    cr_assert_str_eq(c.pid_file, "/x y");
    cr_assert(config_line(&c, "ForceCommand  echo \"a  b\"  # not a comment"));
    cr_assert_str_eq(c.force_command, "echo \"a  b\"  # not a comment");
    cr_assert(config_line(&c, "Subsystem  x  /bin/x -a \"b c\""));
    cr_assert_str_eq(ncr_sshd_config_subsystem(&c, nacre_bytes_str("x")), "/bin/x -a \"b c\"");
    cr_assert_not(config_line(&c, "HostKey \"/x"));
    ncr_sshd_config_free(&c);
}

Test(sshd_config, values)
{
    struct ncr_sshd_config c;
    ncr_sshd_config_init(&c);
    cr_assert(config_line(&c, "LoginGraceTime 1m30s"));
    cr_assert_eq(c.grace_s, 90u);
    cr_assert(config_line(&c, "ClientAliveInterval 2h"));
    cr_assert_eq(c.alive_s, 7200u);
    cr_assert(config_line(&c, "RekeyLimit 2M 1h"));
    cr_assert_eq(c.rekey_bytes, 2u << 20);
    cr_assert_eq(c.rekey_s, 3600u);
    cr_assert(config_line(&c, "MaxStartups 5:40:50"));
    cr_assert_eq(c.startups[1], 40u);
    cr_assert(config_line(&c, "PermitRootLogin without-password"));
    cr_assert_eq(c.root, NCR_ROOT_KEYS);
    cr_assert(config_line(&c, "AllowTcpForwarding local"));
    cr_assert_eq(c.forward, (unsigned)NCR_FORWARD_LOCAL);
    cr_assert(config_line(&c, "GatewayPorts clientspecified"));
    cr_assert_eq(c.gateway, NCR_GATEWAY_CLIENT);
    cr_assert(config_line(&c, "PerSourceMaxStartups none"));
    cr_assert_eq(c.per_source, 0u);
    cr_assert(config_line(&c, "LogLevel verbose"));
    cr_assert_eq(c.log_level, NCR_LOG_VERBOSE);
    cr_assert(config_line(&c, "ListenAddress [::1]:2222"));
    cr_assert_str_eq(c.listen[0].host, "::1");
    cr_assert_eq(c.listen[0].port, 2222u);
    cr_assert(config_line(&c, "ListenAddress ::1"));
    cr_assert_not(c.listen[1].has_port);
    cr_assert(config_line(&c, "ListenAddress 127.0.0.1:0"));
    cr_assert(c.listen[2].has_port);
    cr_assert(config_line(&c, "Ciphers aes128-ctr,chacha20-poly1305@openssh.com"));
    cr_assert(config_line(&c, "MACs -*-sha2-512"));
    cr_assert(config_line(&c, "KexAlgorithms ^curve25519-*"));
    cr_assert(config_line(&c, "AuthenticationMethods publickey,password keyboard-interactive"));
    cr_assert_eq(c.auth_lists.n, 2u);
    ncr_sshd_config_free(&c);
}

/* Off unless it is asked for, and never before authentication. */
Test(sshd_config, compression)
{
    static const char *const lines[] = {"", "Compression no", "Compression yes",
                                        "Compression delayed"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct ncr_sshd_config c;
        struct nacre_conn_cfg engine;
        ncr_sshd_config_init(&c);
        cr_assert(config_line(&c, lines[i]));
        ncr_sshd_config_engine(&c, &engine);
        if (i < 2) {
            cr_assert_null(engine.comps);
        } else {
            cr_assert_str_eq(engine.comps, "none,zlib@openssh.com");
        }
        ncr_sshd_config_free(&c);
    }
}

Test(sshd_config, keys_and_certificates)
{
    struct ncr_sshd_config c;
    ncr_sshd_config_init(&c);
    cr_assert(ncr_sshd_config_finish(&c, config_error));
    cr_assert_str_eq(c.ca_sig_algs,
                     "ssh-ed25519,ssh-mldsa44-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"
                     "ecdsa-sha2-nistp521,sk-ssh-ed25519@openssh.com,"
                     "sk-ecdsa-sha2-nistp256@openssh.com,"
                     "webauthn-sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256");
    cr_assert(c.ca_keys == NULL && c.principals_file == NULL && c.revoked_keys == NULL);
    cr_assert_null(c.user_env);
    cr_assert_eq(c.sk_demand, 0u);
    ncr_sshd_config_free(&c);
    ncr_sshd_config_init(&c);
    cr_assert(config_line(&c, "CASignatureAlgorithms -rsa-*,*ecdsa*"));
    cr_assert(config_line(&c, "PubkeyAuthOptions touch-required,VERIFY-required"));
    cr_assert(config_line(&c, "TrustedUserCAKeys /etc/ca"));
    cr_assert(config_line(&c, "RevokedKeys none"));
    cr_assert(config_line(&c, "AuthorizedPrincipalsFile %h/.ssh/principals"));
    cr_assert(config_line(&c, "AuthorizedPrincipalsCommand none"));
    cr_assert(config_line(&c, "HostCertificate /a"));
    cr_assert(config_line(&c, "HostCertificate /b"));
    cr_assert(ncr_sshd_config_finish(&c, config_error));
    cr_assert_str_eq(c.ca_sig_algs, "ssh-ed25519,ssh-mldsa44-ed25519,sk-ssh-ed25519@openssh.com");
    cr_assert_eq(c.sk_demand, (unsigned)(NACRE_SK_PRESENT | NACRE_SK_VERIFIED));
    cr_assert_str_eq(c.ca_keys, "/etc/ca");
    cr_assert_null(c.revoked_keys);
    cr_assert_str_eq(c.principals_file, "%h/.ssh/principals");
    cr_assert_eq(c.host_certs.n, 2u);
    ncr_sshd_config_free(&c);
}

/* PermitUserEnvironment: names by pattern, letters as they are, "!" wins wherever it stands. */
Test(sshd_config, user_environment)
{
    static const struct {
        const char *value, *name;
        bool yes;
    } cases[] = {
        {"no", "LANG", false},        {"No", "LANG", false},
        {"yes", "LANG", true},        {"YES", "x", true},
        {"LANG,LC_*", "LANG", true},  {"LANG,LC_*", "LC_ALL", true},
        {"LANG,LC_*", "lang", false}, {"LANG,LC_*", "LANGUAGE", false},
        {"LANG", "LAN", false},       {"*,!LC_*", "LC_ALL", false},
        {"!LC_*,*", "LC_ALL", false}, {"*,!LC_*", "LANG", true},
        {"!LC_*", "LANG", false},     {"A?C", "ABC", true},
        {"A?C", "AC", false},         {"yes", "", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ncr_sshd_config c;
        char line[64];
        ncr_sshd_config_init(&c);
        snprintf(line, sizeof line, "PermitUserEnvironment %s", cases[i].value);
        cr_assert(config_line(&c, line), "%s", config_error);
        cr_assert_eq(ncr_sshd_config_user_env(&c, nacre_bytes_str(cases[i].name)), cases[i].yes,
                     "%s: %s", cases[i].value, cases[i].name);
        ncr_sshd_config_free(&c);
    }
}

Test(sshd_config, places_of_forwards)
{
    static const char *const lines[] = {
        "PermitOpen any",           "PermitOpen none",   "PermitOpen h:80 [::1]:* *:22 *:*",
        "PermitOpen [fe80::1]:443", "PermitListen none", "PermitListen 8080 h*:80 [::1]:* * *:*",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct ncr_sshd_config c;
        ncr_sshd_config_init(&c);
        cr_assert(config_line(&c, lines[i]), "%s", config_error);
        ncr_sshd_config_free(&c);
    }
}

Test(sshd_config, commands_for_keys_and_principals)
{
    struct ncr_sshd_config c;
    ncr_sshd_config_init(&c);
    cr_assert(config_line(&c, "AuthorizedKeysCommand /usr/bin/keys \"a b\" %u%% 'c\"d' # why"));
    cr_assert(config_line(&c, "AuthorizedKeysCommand none"), "the first one counts");
    cr_assert_eq(c.keys_command.words.n, 4u);
    cr_assert_str_eq(c.keys_command.words.word[0], "/usr/bin/keys");
    cr_assert_str_eq(c.keys_command.words.word[1], "a b");
    cr_assert_str_eq(c.keys_command.words.word[2], "%u%%");
    cr_assert_str_eq(c.keys_command.words.word[3], "c\"d");
    cr_assert_not(ncr_sshd_config_finish(&c, config_error));
    cr_assert_not_null(strstr(config_error, "AuthorizedKeysCommandUser"), "%s", config_error);
    cr_assert(config_line(&c, "AuthorizedKeysCommandUser nobody"));
    cr_assert(ncr_sshd_config_finish(&c, config_error), "%s", config_error);
    cr_assert_str_eq(c.keys_command.user, "nobody");
    cr_assert(
        config_line(&c, "AuthorizedPrincipalsCommand /p %C %D %F %f %h %i %K %k %s %T %t %U"));
    cr_assert_not(ncr_sshd_config_finish(&c, config_error));
    cr_assert(config_line(&c, "AuthorizedPrincipalsCommandUser nobody"));
    cr_assert(ncr_sshd_config_finish(&c, config_error), "%s", config_error);
    ncr_sshd_config_free(&c);
}

/* What is not supported is named, with its place; nothing is taken silently. */
Test(sshd_config, refusals_name_keyword_and_place)
{
    static const char *const lines[] = {
        "NoSuchKeyword yes",
        "Match user x",
        "Include /etc/x",
        "UsePAM yes",
        "X11Forwarding yes",
        "PermitUserEnvironment yes no",
        "AuthorizedPrincipalsCommand principals %u",
        "AuthorizedPrincipalsCommand /usr/bin/principals %u%x",
        "AuthorizedPrincipalsCommandUser a b",
        "AuthorizedKeysCommand",
        "AuthorizedKeysCommand ~/keys",
        "AuthorizedKeysCommand none %u",
        "AuthorizedKeysCommand /usr/bin/keys %",
        "AuthorizedKeysCommand /usr/bin/keys %u %i",
        "TrustedUserCAKeys /a /b",
        "PermitOpen",
        "PermitOpen 80",
        "PermitOpen host",
        "PermitOpen host:",
        "PermitOpen :80",
        "PermitOpen host:x",
        "PermitOpen host:0",
        "PermitOpen host:65536",
        "PermitOpen ::1:80",
        "PermitOpen host:80 any",
        "PermitOpen none host:80",
        "PermitListen host",
        "PermitListen any 80",
        "PermitListen 0",
        "RevokedKeys",
        "CASignatureAlgorithms ssh-rsa",
        "CASignatureAlgorithms +ssh-rsa",
        "CASignatureAlgorithms ssh-ed25519,ssh-ed25519-cert-v01@openssh.com",
        "CASignatureAlgorithms no-such",
        "PubkeyAuthOptions touch-required,no-such",
        "PubkeyAuthOptions",
        "ChrootDirectory /x",
        "Compression maybe",
        "PasswordAuthentication maybe",
        "PasswordAuthentication",
        "PasswordAuthentication yes no",
        "Port 65536",
        "Port 22x",
        "Port",
        "Port -1",
        "MaxAuthTries 101",
        "LoginGraceTime 1y",
        "LoginGraceTime \"\"",
        "MaxStartups 10:30",
        "MaxStartups 10:0:20",
        "MaxStartups 10:30:5",
        "MaxStartups 0",
        "RekeyLimit 1",
        "RekeyLimit 1G 1h x",
        "RekeyLimit 1T",
        "Ciphers +aes128-foo",
        "Ciphers ^",
        "MACs hmac-md4",
        "KexAlgorithms diffie-hellman-group2-sha1",
        "HostKeyAlgorithms ssh-dss",
        "PermitRootLogin perhaps",
        "LogLevel LOUD",
        "SyslogFacility NOWHERE",
        "ListenAddress [::1",
        "ListenAddress 127.0.0.1:x",
        "Subsystem sftp",
        "AuthenticationMethods publickey,gssapi-with-mic",
        "AuthenticationMethods any publickey",
        "AuthenticationMethods any,publickey",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct ncr_sshd_config c;
        char keyword[64];
        ncr_sshd_config_init(&c);
        cr_assert_not(config_line(&c, lines[i]), "%s", lines[i]);
        snprintf(keyword, sizeof keyword, "%.*s", (int)strcspn(lines[i], " "), lines[i]);
        cr_assert_not_null(strstr(config_error, "test line 1"), "%s", lines[i]);
        cr_assert_not_null(strstr(config_error, keyword), "%s: %s", lines[i], config_error);
        ncr_sshd_config_free(&c);
    }
}

Test(sshd_config, a_subsystem_is_defined_once)
{
    struct ncr_sshd_config c;
    ncr_sshd_config_init(&c);
    cr_assert(config_line(&c, "Subsystem sftp internal-sftp"));
    cr_assert_not(config_line(&c, "Subsystem sftp /bin/other"));
    ncr_sshd_config_free(&c);
}

Test(sshd_config, S57_long_lines_and_many_words)
{
    struct ncr_sshd_config c;
    static char line[20000];
    ncr_sshd_config_init(&c);
    strcpy(line, "Banner ");
    memset(line + 7, 'x', sizeof line - 8);
    cr_assert_not(config_line(&c, line));
    line[4095] = '\0';
    cr_assert(config_line(&c, line));
    strcpy(line, "AllowUsers");
    for (int i = 0; i < 64; i++) {
        strcat(line, " u");
    }
    cr_assert(config_line(&c, line));
    cr_assert_not(config_line(&c, "AllowUsers one-more"));
    strcat(line, " u");
    cr_assert_not(config_line(&c, line));
    cr_assert_not(ncr_sshd_config_line(&c, "Port\0 1", 7, "x", config_error), "NUL");
    ncr_sshd_config_free(&c);
}

Test(sshd_config, a_file_tells_the_line)
{
    char path[] = "/tmp/nacre-config-XXXXXX";
    int fd = mkstemp(path);
    static const char text[] = "# first\nPort 2\n\nBad thing\n";
    struct ncr_sshd_config c;
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
    close(fd);
    ncr_sshd_config_init(&c);
    cr_assert_not(ncr_sshd_config_file(&c, path, config_error));
    cr_assert_not_null(strstr(config_error, "line 4: Bad"), "%s", config_error);
    cr_assert_not(ncr_sshd_config_file(&c, "/nonexistent/x", config_error));
    cr_assert_not_null(strstr(config_error, "/nonexistent/x"));
    unlink(path);
    ncr_sshd_config_free(&c);
}

/* Every line of a good file, cut at each place: an error or not, but no crash and no leak. */
Test(sshd_config, truncated)
{
    static const char *const lines[] = {"ListenAddress [::1]:22", "MaxStartups 10:30:100",
                                        "RekeyLimit 1G 1h", "Subsystem a \"b c\" d",
                                        "AuthenticationMethods publickey,password any"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        for (size_t n = 0; n < strlen(lines[i]); n++) {
            struct ncr_sshd_config c;
            ncr_sshd_config_init(&c);
            (void)ncr_sshd_config_line(&c, lines[i], n, "x", config_error);
            ncr_sshd_config_free(&c);
        }
    }
}
