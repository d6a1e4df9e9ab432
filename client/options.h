/* SPDX-License-Identifier: ISC
 *
 * Options of the client programs: what -o and the letters mean, in one table of keywords named as
 * in ssh_config(5). The first value of a keyword counts, lists grow. A keyword or value that is not
 * supported is refused by name, never ignored.
 */
#ifndef NCR_OPTIONS_H
#define NCR_OPTIONS_H

#include "client/forward_client.h"
#include "client/nacre_client.h"

#define NCR_OPT_FILES 16
#define NCR_OPT_ENV 64
#define NCR_OPT_ERROR_CAP 512
#define NCR_OPT_ROWS 96 /* rows that `seen` has room for */

enum ncr_opt_tty { NCR_TTY_AUTO = 0, NCR_TTY_NO, NCR_TTY_YES, NCR_TTY_FORCE };
enum ncr_opt_log {
    NCR_LOG_QUIET = 0,
    NCR_LOG_FATAL,
    NCR_LOG_ERROR,
    NCR_LOG_INFO,
    NCR_LOG_VERBOSE,
    NCR_LOG_DEBUG1
};

struct ncr_opt_files {
    const char *path[NCR_OPT_FILES];
    uint32_t n;
    bool none;
};

struct ncr_opt_text;

struct ncr_options {
    struct ncr_opt_text *texts; /* copies that the others point into */
    bool seen[NCR_OPT_ROWS];    /* rows of the table that have a value */
    const char *program;        /* for messages */
    const char *host, *user, *host_name, *host_key_alias;
    uint32_t port, family, tty, log, policy;
    const char *bind_addr;
    struct ncr_opt_files identities, certificates, hosts, global_hosts, revoked_hosts;
    const char *agent;         /* IdentityAgent; NULL: the environment's */
    bool forward_agent;        /* the other host may use an agent: */
    const char *forward_which; /* this one; NULL: ours */
    uint32_t keep;             /* enum nacre_keep */
    uint64_t keep_ms;
    uint32_t password, pubkey, interactive, batch, identities_only; /* 0 unset, 1 no, 2 yes */
    uint32_t clear_forwards, exit_on_forward_failure, gateway, hash_hosts;
    uint32_t compress; /* the same */
    const char *auth_order;
    const char *ciphers, *macs, *kex, *host_key_algs, *pubkey_algs;
    const char *ca_sig_algs;
    uint32_t update_hosts; /* 0 unset, else 1 + enum nacre_update */
    const char *report; /* file for the report on the negotiation, "-" standard error; NULL: none */
    uint32_t profile;   /* 0 unset, else 1 + enum nacre_profile */
    uint32_t prompts, alive_max;
    uint64_t connect_ms, alive_ms;
    uint64_t rekey_bytes, rekey_ms;
    const char *send_env[NCR_OPT_ENV];
    const char *set_env[NCR_OPT_ENV];
    uint32_t n_send_env, n_set_env;
    struct ncr_forward_rule forwards[NCR_FORWARD_RULES];
    uint32_t n_forwards;
    int escape; /* the character; -1: none */
    bool escape_set;
    char error[NCR_OPT_ERROR_CAP];
};

void ncr_opt_init(struct ncr_options *o, const char *program);
/* Frees the texts; the struct is the caller's. */
void ncr_opt_free(struct ncr_options *o);
/* "Keyword=value" or "Keyword value". False with o->error. */
bool ncr_opt_parse(struct ncr_options *o, const char *text);
/* The same in two parts, for option letters. */
bool ncr_opt_set(struct ncr_options *o, const char *keyword, const char *value);
/* Reads "[user@]host" or "scheme://[user@]host[:port][/path]" (scheme "ssh" or "sftp"); *path (may
 * be NULL) is what follows the host: after ':' without a scheme, after '/' with one, or NULL. */
bool ncr_opt_target(struct ncr_options *o, const char *text, const char *scheme, char **path);
/* Sets o->error; returns false. */
bool ncr_opt_fail(struct ncr_options *o, const char *format, ...);

/* Fit to be a host or user that other programs may see on their command lines (S54, S55). */
bool ncr_host_fit(const char *host);
bool ncr_user_fit(const char *user);

/* Fills the library's configuration; call once all options are read. */
void ncr_opt_client_cfg(struct ncr_options *o, struct nacre_client_cfg *cfg);
/* Home directory of the user, "" if there is none. */
const char *ncr_opt_home(void);

#endif
