/* SPDX-License-Identifier: ISC
 *
 * Configuration of nacre-sshd: keywords of sshd_config(5), from a file and from -o. As there, the
 * first value of a keyword counts, and some keywords add up. A keyword or value that this build
 * does not do is an error that names it with file and line: nothing is ignored.
 *
 * Beyond sshd_config(5): UsersFile (passwords, see users_file.h).
 */
#ifndef NCR_SSHD_CONFIG_H
#define NCR_SSHD_CONFIG_H

#include "proto/nacre.h"
#include "server/gate.h"
#include "server/logline.h"

#define NCR_SSHD_PORTS_MAX 8
#define NCR_SSHD_LIST_MAX 64
#define NCR_SSHD_ERROR_LEN 512
#define NCR_SSHD_KEYWORDS_MAX 128

enum ncr_sshd_root { NCR_ROOT_NO = 0, NCR_ROOT_KEYS, NCR_ROOT_FORCED, NCR_ROOT_YES };
enum ncr_sshd_forward { NCR_FORWARD_NONE = 0, NCR_FORWARD_LOCAL = 1, NCR_FORWARD_REMOTE = 2 };
enum ncr_sshd_gateway { NCR_GATEWAY_NO = 0, NCR_GATEWAY_YES, NCR_GATEWAY_CLIENT };

/* Words in order; strings belong to the configuration. */
struct ncr_sshd_list {
    const char *word[NCR_SSHD_LIST_MAX];
    size_t n;
};

/* A command that is run without a shell: its path and arguments, and the user who runs it. */
struct ncr_sshd_command {
    const char *keyword;
    struct ncr_sshd_list words; /* none: there is no command */
    const char *user;
};

struct ncr_sshd_address {
    const char *host; /* NULL: every address */
    uint32_t port;    /* 0 with has_port false: those of Port */
    bool has_port;
};

struct ncr_sshd_config {
    uint32_t ports[NCR_SSHD_PORTS_MAX];
    size_t n_ports;
    struct ncr_sshd_address listen[NCR_SSHD_PORTS_MAX];
    size_t n_listen;
    int family; /* AF_UNSPEC, AF_INET, AF_INET6 */
    struct ncr_sshd_list host_keys;
    struct ncr_sshd_list host_certs; /* HostCertificate */
    struct ncr_sshd_list key_files;  /* AuthorizedKeysFile */
    struct ncr_sshd_list auth_lists; /* AuthenticationMethods: comma-separated lists */
    struct ncr_sshd_list allow_users, deny_users;
    struct ncr_sshd_list accept_env, set_env;
    struct ncr_sshd_list permit_open, permit_listen;
    struct ncr_sshd_list subsystems; /* name, command, name, command, ... */
    unsigned password, pubkey, kbdint;
    unsigned strict_modes, permit_tty, disable_forwarding, tcp_keepalive, print_motd, penalties;
    unsigned agent_forwarding;
    enum ncr_sshd_root root;
    unsigned forward; /* set of enum ncr_sshd_forward */
    enum ncr_sshd_gateway gateway;
    unsigned compress;
    const char *banner, *users_file, *force_command, *pid_file;
    const char *ca_keys, *principals_file, *revoked_keys; /* NULL: none */
    const char *ca_sig_algs;                              /* names, after finish */
    struct ncr_sshd_command keys_command, principals_command;
    const char *user_env; /* PermitUserEnvironment: patterns; NULL: no */
    unsigned sk_demand;   /* PubkeyAuthOptions: flags that every security key must show */
    const char *ciphers, *macs, *kex, *host_key_algs, *user_sig_algs;
    const char *moduli_file; /* NULL: the usual one, if it is there */
    uint32_t profile;        /* enum nacre_profile */
    uint32_t grace_s, auth_tries, max_sessions, alive_s, alive_max;
    uint64_t rekey_bytes;
    uint32_t rekey_s;
    uint32_t startups[3], per_source;
    enum ncr_log_level log_level;
    int facility;
    bool seen[NCR_SSHD_KEYWORDS_MAX]; /* rows of the table that have a value */
    void *pool;                       /* the strings */
};

/* Defaults. */
void ncr_sshd_config_init(struct ncr_sshd_config *c);
void ncr_sshd_config_free(struct ncr_sshd_config *c);
/* One line, `keyword value...` or `keyword=value`; where names its place for errors. False with the
 * reason in error. */
bool ncr_sshd_config_line(struct ncr_sshd_config *c, const char *line, size_t n, const char *where,
                          char error[NCR_SSHD_ERROR_LEN]);
/* A whole file. */
bool ncr_sshd_config_file(struct ncr_sshd_config *c, const char *path,
                          char error[NCR_SSHD_ERROR_LEN]);
/* After the last line: fills in what depends on several keywords. */
bool ncr_sshd_config_finish(struct ncr_sshd_config *c, char error[NCR_SSHD_ERROR_LEN]);
/* True if users may sign with that algorithm: lists and profile, for who must not believe the
 * engine. */
bool ncr_sshd_config_takes_sig(const struct ncr_sshd_config *c, struct nacre_bytes alg);
/* Whether PermitUserEnvironment lets a key or a user's file set that variable; names that change
 * what programs run or load are the environment's matter (session_env.c). */
bool ncr_sshd_config_user_env(const struct ncr_sshd_config *c, struct nacre_bytes name);
/* Name against a pattern with `*` and `?`, letters compared as they are. */
bool ncr_sshd_config_glob(const char *pattern, size_t n, const char *name, size_t name_len);
/* The engine's share of it; strings are borrowed from c. */
void ncr_sshd_config_engine(const struct ncr_sshd_config *c, struct nacre_conn_cfg *out);
void ncr_sshd_config_gate(const struct ncr_sshd_config *c, struct ncr_gate_cfg *out);
/* The set of methods of a name ("publickey", ..., "any"); 0 if unknown. */
unsigned ncr_sshd_config_method(const char *name, size_t n);
/* The command of a subsystem, NULL if there is none of that name. */
const char *ncr_sshd_config_subsystem(const struct ncr_sshd_config *c, struct nacre_bytes name);

#endif
