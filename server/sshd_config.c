/* SPDX-License-Identifier: ISC
 *
 * Configuration of nacre-sshd: see sshd_config.h. One table says for each keyword how its value is
 * read (sshd_line.h) and where it goes.
 */
#include "server/sshd_line.h"

#include "proto/keys/nacre_keys.h"
#include "proto/posix/file.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <syslog.h>

#define SSHD_CONFIG_MAX (1024 * 1024) /* bytes of a file */
#define SSHD_HOST_KEY "/etc/ssh/ssh_host_ed25519_key"

/* ---- The table --------------------------------------------------------------------------- */

#define SSHD_AT(field) offsetof(struct ncr_sshd_config, field)

/* clang-format off */
static const struct ncr_sshd_row sshd_rows[] = {
    {"Port", ncr_sshd_read_port, 0, NULL, 0, true},
    {"ListenAddress", ncr_sshd_read_listen, 0, NULL, 0, true},
    {"HostKey", ncr_sshd_read_words, SSHD_AT(host_keys), NULL, 0, true},
    {"HostCertificate", ncr_sshd_read_words, SSHD_AT(host_certs), NULL, 0, true},
    {"AuthorizedKeysFile", ncr_sshd_read_words, SSHD_AT(key_files), NULL, 0, false},
    {"AuthorizedKeysCommand", ncr_sshd_read_run, SSHD_AT(keys_command), "%CDfhktUu", 0, false},
    {"AuthorizedKeysCommandUser", ncr_sshd_read_string, SSHD_AT(keys_command.user), NULL, 0, false},
    {"TrustedUserCAKeys", ncr_sshd_read_string, SSHD_AT(ca_keys), NULL, 0, false},
    {"AuthorizedPrincipalsFile", ncr_sshd_read_string, SSHD_AT(principals_file), NULL, 0, false},
    {"AuthorizedPrincipalsCommand", ncr_sshd_read_run, SSHD_AT(principals_command), "%CDFfhiKksTtUu", 0, false},
    {"AuthorizedPrincipalsCommandUser", ncr_sshd_read_string, SSHD_AT(principals_command.user), NULL, 0, false},
    {"RevokedKeys", ncr_sshd_read_string, SSHD_AT(revoked_keys), NULL, 0, false},
    {"CASignatureAlgorithms", ncr_sshd_read_ca_algs, SSHD_AT(ca_sig_algs), NULL, 3, false},
    {"PubkeyAuthOptions", ncr_sshd_read_pubkey_options, 0, NULL, 0, false},
    {"PasswordAuthentication", ncr_sshd_read_flag, SSHD_AT(password), NULL, 0, false},
    {"PubkeyAuthentication", ncr_sshd_read_flag, SSHD_AT(pubkey), NULL, 0, false},
    {"KbdInteractiveAuthentication", ncr_sshd_read_flag, SSHD_AT(kbdint), NULL, 0, false},
    {"ChallengeResponseAuthentication", ncr_sshd_read_flag, SSHD_AT(kbdint), NULL, 0, false},
    {"AuthenticationMethods", ncr_sshd_read_auth_methods, SSHD_AT(auth_lists), NULL, 0, false},
    {"PermitRootLogin", ncr_sshd_read_root, 0, NULL, 0, false},
    {"AllowUsers", ncr_sshd_read_words, SSHD_AT(allow_users), NULL, 0, true},
    {"DenyUsers", ncr_sshd_read_words, SSHD_AT(deny_users), NULL, 0, true},
    {"Banner", ncr_sshd_read_string, SSHD_AT(banner), NULL, 0, false},
    {"LoginGraceTime", ncr_sshd_read_time, SSHD_AT(grace_s), NULL, 0, false},
    {"MaxAuthTries", ncr_sshd_read_number, SSHD_AT(auth_tries), NULL, 100, false},
    {"MaxSessions", ncr_sshd_read_number, SSHD_AT(max_sessions), NULL, 1000, false},
    {"MaxStartups", ncr_sshd_read_startups, 0, NULL, 0, false},
    {"PerSourceMaxStartups", ncr_sshd_read_number, SSHD_AT(per_source), "none", 100000, false},
    {"PerSourcePenalties", ncr_sshd_read_flag, SSHD_AT(penalties), NULL, 0, false},
    {"ClientAliveInterval", ncr_sshd_read_time, SSHD_AT(alive_s), NULL, 0, false},
    {"ClientAliveCountMax", ncr_sshd_read_number, SSHD_AT(alive_max), NULL, 1000000, false},
    {"RekeyLimit", ncr_sshd_read_rekey, 0, NULL, 0, false},
    {"Ciphers", ncr_sshd_read_algs, SSHD_AT(ciphers), NULL, 0, false},
    {"MACs", ncr_sshd_read_algs, SSHD_AT(macs), NULL, 1, false},
    {"KexAlgorithms", ncr_sshd_read_algs, SSHD_AT(kex), NULL, 2, false},
    {"HostKeyAlgorithms", ncr_sshd_read_algs, SSHD_AT(host_key_algs), NULL, 3, false},
    {"PubkeyAcceptedAlgorithms", ncr_sshd_read_algs, SSHD_AT(user_sig_algs), NULL, 3, false},
    {"AlgorithmProfile", ncr_sshd_read_profile, 0, NULL, 0, false},
    {"AcceptEnv", ncr_sshd_read_words, SSHD_AT(accept_env), NULL, 0, true},
    {"SetEnv", ncr_sshd_read_words, SSHD_AT(set_env), NULL, 0, true},
    {"PermitTTY", ncr_sshd_read_flag, SSHD_AT(permit_tty), NULL, 0, false},
    {"PermitUserEnvironment", ncr_sshd_read_user_env, 0, NULL, 0, false},
    {"PermitUserRC", ncr_sshd_read_only, 0, "no", 0, false},
    {"PermitTunnel", ncr_sshd_read_only, 0, "no", 0, false},
    {"AllowTcpForwarding", ncr_sshd_read_forwarding, 0, NULL, 0, false},
    {"AllowStreamLocalForwarding", ncr_sshd_read_only, 0, "no", 0, false},
    {"AllowAgentForwarding", ncr_sshd_read_flag, SSHD_AT(agent_forwarding), NULL, 0, false},
    {"X11Forwarding", ncr_sshd_read_only, 0, "no", 0, false},
    {"PermitOpen", ncr_sshd_read_permit, SSHD_AT(permit_open), NULL, 0, false},
    {"PermitListen", ncr_sshd_read_permit, SSHD_AT(permit_listen), "port alone", 0, false},
    {"GatewayPorts", ncr_sshd_read_gateway, 0, NULL, 0, false},
    {"DisableForwarding", ncr_sshd_read_flag, SSHD_AT(disable_forwarding), NULL, 0, false},
    {"ForceCommand", ncr_sshd_read_command, SSHD_AT(force_command), NULL, 0, false},
    {"Subsystem", ncr_sshd_read_subsystem, 0, NULL, 0, true},
    {"ModuliFile", ncr_sshd_read_string, SSHD_AT(moduli_file), NULL, 0, false},
    {"PidFile", ncr_sshd_read_string, SSHD_AT(pid_file), NULL, 0, false},
    {"LogLevel", ncr_sshd_read_level, 0, NULL, 0, false},
    {"SyslogFacility", ncr_sshd_read_facility, 0, NULL, 0, false},
    {"StrictModes", ncr_sshd_read_flag, SSHD_AT(strict_modes), NULL, 0, false},
    {"PrintMotd", ncr_sshd_read_flag, SSHD_AT(print_motd), NULL, 0, false},
    {"PrintLastLog", ncr_sshd_read_only, 0, "no", 0, false},
    {"UsePAM", ncr_sshd_read_only, 0, "no", 0, false},
    {"TCPKeepAlive", ncr_sshd_read_flag, SSHD_AT(tcp_keepalive), NULL, 0, false},
    {"UseDNS", ncr_sshd_read_only, 0, "no", 0, false},
    {"Compression", ncr_sshd_read_compression, SSHD_AT(compress), NULL, 0, false},
    {"ChrootDirectory", ncr_sshd_read_only, 0, "none", 0, false},
    {"UsersFile", ncr_sshd_read_string, SSHD_AT(users_file), NULL, 0, false},
};
/* clang-format on */

#define SSHD_ROWS (sizeof sshd_rows / sizeof *sshd_rows)
_Static_assert(SSHD_ROWS <= NCR_SSHD_KEYWORDS_MAX, "a flag for each row");

void ncr_sshd_config_init(struct ncr_sshd_config *c)
{
    memset(c, 0, sizeof *c);
    c->family = AF_UNSPEC;
    c->password = c->pubkey = c->kbdint = 1;
    c->strict_modes = c->permit_tty = c->tcp_keepalive = c->print_motd = c->penalties = 1;
    c->agent_forwarding = 1;
    c->root = NCR_ROOT_KEYS;
    c->forward = NCR_FORWARD_LOCAL | NCR_FORWARD_REMOTE;
    c->grace_s = 120;
    c->auth_tries = 6;
    c->max_sessions = 10;
    c->alive_max = 3;
    c->startups[0] = ncr_gate_default.begin;
    c->startups[1] = ncr_gate_default.rate;
    c->startups[2] = ncr_gate_default.full;
    c->log_level = NCR_LOG_INFO;
    c->facility = LOG_AUTH;
}

static bool sshd_apply(struct ncr_sshd_line *l)
{
    for (size_t i = 0; i < SSHD_ROWS; i++) {
        if (strcasecmp(l->word[0], sshd_rows[i].name) != 0) {
            continue;
        }
        struct ncr_sshd_config scratch;
        bool late = l->c->seen[i] && !sshd_rows[i].adds;
        if (late) { /* checked all the same, then dropped */
            ncr_sshd_config_init(&scratch);
            l->c = &scratch;
        }
        bool ok = sshd_rows[i].read(l, &sshd_rows[i]);
        if (late) {
            ncr_sshd_config_free(&scratch);
        } else {
            l->c->seen[i] = true;
        }
        return ok;
    }
    return ncr_sshd_refuse(l, "keyword not supported");
}

bool ncr_sshd_config_line(struct ncr_sshd_config *c, const char *line, size_t n, const char *where,
                          char error[NCR_SSHD_ERROR_LEN])
{
    struct ncr_sshd_line l;
    char text[NCR_SSHD_LINE_MAX / 2];
    l.c = c;
    l.where = where;
    l.error = error;
    l.n = 0;
    if (n >= sizeof text || memchr(line, '\0', n) != NULL) {
        return ncr_sshd_refuse(&l, "line too long, or with a NUL");
    }
    memcpy(text, line, n);
    text[n] = '\0';
    if (!ncr_sshd_split(&l, text)) {
        return false;
    }
    return l.n == 0 || sshd_apply(&l);
}

bool ncr_sshd_config_file(struct ncr_sshd_config *c, const char *path,
                          char error[NCR_SSHD_ERROR_LEN])
{
    struct ncr_file f;
    char where[256];
    bool ok = true;
    nacre_err err = ncr_file_read(&f, path, SSHD_CONFIG_MAX);
    if (err != NACRE_OK) {
        snprintf(error, NCR_SSHD_ERROR_LEN, "%s: %s", path, ncr_file_error(err));
        return false;
    }
    unsigned number = 0;
    for (size_t at = 0; ok && at < f.n;) {
        const uint8_t *end = memchr(f.p + at, '\n', f.n - at);
        size_t n = end != NULL ? (size_t)(end - (f.p + at)) : f.n - at;
        snprintf(where, sizeof where, "%s line %u", path, ++number);
        ok = ncr_sshd_config_line(c, (const char *)f.p + at, n, where, error);
        at += n + 1;
    }
    ncr_file_wipe(&f);
    return ok;
}

static void sshd_default_word(struct ncr_sshd_config *c, struct ncr_sshd_list *list,
                              const char *word)
{
    (void)c; /* static strings need no keeping */
    if (list->n < NCR_SSHD_LIST_MAX) {
        list->word[list->n++] = word;
    }
}

/* The list that CASignatureAlgorithms means: of the default ones those of plain keys. */
static bool sshd_finish_ca_algs(struct ncr_sshd_config *c)
{
    char all[NCR_SSHD_ALGS_CAP], list[NCR_SSHD_ALGS_CAP];
    size_t at = 0;
    if (nacre_algs_expand(all, sizeof all, &nacre_algs_default, NACRE_ALG_SIG, NACRE_PROFILE_MODERN,
                          c->ca_sig_algs) != NACRE_OK) {
        return false;
    }
    for (const char *p = all; *p != '\0';) {
        size_t n = strcspn(p, ",");
        if (nacre_alg_plain((struct nacre_bytes){(const uint8_t *)p, n}) == NULL) {
            memcpy(list + at, p, n);
            at += n;
            list[at++] = ',';
        }
        p += n + (p[n] == ',' ? 1 : 0);
    }
    list[at > 0 ? at - 1 : 0] = '\0';
    c->ca_sig_algs = ncr_sshd_keep(c, list);
    return c->ca_sig_algs != NULL;
}

static bool sshd_finish_command(const struct ncr_sshd_command *c, char error[NCR_SSHD_ERROR_LEN])
{
    if (c->words.n == 0 || c->user != NULL) {
        return true;
    }
    snprintf(error, NCR_SSHD_ERROR_LEN, "%s set without %sUser", c->keyword, c->keyword);
    return false;
}

bool ncr_sshd_config_finish(struct ncr_sshd_config *c, char error[NCR_SSHD_ERROR_LEN])
{
    if (!sshd_finish_ca_algs(c)) {
        snprintf(error, NCR_SSHD_ERROR_LEN, "CASignatureAlgorithms: cannot be used");
        return false;
    }
    if (!sshd_finish_command(&c->keys_command, error) ||
        !sshd_finish_command(&c->principals_command, error)) {
        return false;
    }
    if (c->n_ports == 0) {
        c->ports[c->n_ports++] = 22;
    }
    if (c->n_listen == 0) {
        c->n_listen = 1; /* zeroed: every address */
    }
    if (c->host_keys.n == 0) {
        sshd_default_word(c, &c->host_keys, SSHD_HOST_KEY);
    }
    if (c->key_files.n == 0) {
        sshd_default_word(c, &c->key_files, ".ssh/authorized_keys");
        sshd_default_word(c, &c->key_files, ".ssh/authorized_keys2");
    }
    if (c->subsystems.n == 0) {
        sshd_default_word(c, &c->subsystems, "sftp");
        sshd_default_word(c, &c->subsystems, "internal-sftp");
    }
    if (c->users_file == NULL) { /* there is nothing to check a password against */
        c->password = c->kbdint = 0;
    }
    if (!c->password && !c->kbdint && !c->pubkey) {
        snprintf(error, NCR_SSHD_ERROR_LEN, "no authentication method is left: %s",
                 "passwords need UsersFile");
        return false;
    }
    return true;
}
