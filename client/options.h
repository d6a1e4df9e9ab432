/* SPDX-License-Identifier: ISC
 *
 * Options of the client programs: what -o, the letters and the lines of configuration files mean,
 * in one table of the keywords of ssh_config(5). The first value of a keyword counts, lists grow. A
 * keyword or value that is not supported is refused by name, never ignored; but where it could
 * change neither what the program does nor how safely, a file may have it.
 *
 * Values stand here as they were given; ncr_opt_settle() expands tokens once all is read.
 */
#ifndef NCR_OPTIONS_H
#define NCR_OPTIONS_H

#include "client/forward_client.h"
#include "client/nacre_client.h"
#include "client/ssh_tokens.h"

#define NCR_OPT_FILES 100
#define NCR_OPT_ENV 64
#define NCR_OPT_DOMAINS 32
#define NCR_OPT_ERROR_CAP 512
#define NCR_OPT_ROWS 160 /* rows that `seen` has room for */

enum ncr_opt_tty { NCR_TTY_AUTO = 0, NCR_TTY_NO, NCR_TTY_YES, NCR_TTY_FORCE };
enum ncr_opt_session { NCR_SESSION_DEFAULT = 0, NCR_SESSION_NONE, NCR_SESSION_SUBSYSTEM };
enum ncr_opt_canonical {
    NCR_CANONICAL_UNSET = 0,
    NCR_CANONICAL_NO,
    NCR_CANONICAL_YES,
    NCR_CANONICAL_ALWAYS
};
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

struct ncr_opt_list {
    const char *text[NCR_OPT_DOMAINS];
    uint32_t n;
};

/* The last host of ProxyJump, which is the one that we go to. */
struct ncr_opt_jump {
    const char *host, *user; /* user may be NULL */
    uint32_t port;           /* 0: not given */
    const char *before;      /* the hosts on the way there, or NULL */
};

struct ncr_opt_text;

struct ncr_options {
    struct ncr_opt_text *texts; /* copies that the others point into */
    bool seen[NCR_OPT_ROWS];    /* rows of the table that have a value */
    const char *program;        /* for messages */
    const char *host, *user, *host_name, *host_key_alias;
    const char *user_text; /* of a file or -o: may have tokens; user goes before it */
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
    uint32_t compress, stdin_null; /* the same */
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
    int escape;       /* the character; -1: none */
    uint32_t session; /* enum ncr_opt_session */
    const char *remote_command;
    const char *proxy_command; /* NULL: none */
    struct ncr_opt_jump jump;  /* its host NULL: none */
    const char *tag, *refuse, *ignore_unknown;
    uint32_t canonical;          /* enum ncr_opt_canonical */
    uint32_t canonical_fallback; /* 0 unset, 1 no, 2 yes */
    uint32_t canonical_dots;
    struct ncr_opt_list canonical_domains;
    struct ncr_opt_list permitted_cnames; /* "names:names" */
    bool vain;                            /* the last value does nothing here */
    bool unsupported;                     /* the last value is one of ssh's that we do not have */
    char error[NCR_OPT_ERROR_CAP];
};

void ncr_opt_init(struct ncr_options *o, const char *program);
/* Frees the texts; the struct is the caller's. */
void ncr_opt_free(struct ncr_options *o);
/* "Keyword=value" or "Keyword value", of the command line. False with o->error. */
bool ncr_opt_parse(struct ncr_options *o, const char *text);
/* The same in two parts, for option letters. */
bool ncr_opt_set(struct ncr_options *o, const char *keyword, const char *value);

/* The words after a keyword, and the line as it stands. */
struct ncr_opt_args {
    char *const *word;
    size_t n;
    const char *rest;
};
enum ncr_opt_result {
    NCR_OPT_TAKEN = 0,
    NCR_OPT_VAIN,        /* from a file: does nothing here, and needs not */
    NCR_OPT_UNKNOWN,     /* no keyword of ssh_config(5) */
    NCR_OPT_UNSUPPORTED, /* one, or a value, that we do not have */
    NCR_OPT_BAD          /* no value of that keyword */
};
/* A line of a file. o->error for the last three. */
enum ncr_opt_result ncr_opt_apply(struct ncr_options *o, const char *keyword,
                                  const struct ncr_opt_args *args);
/* Whether a value of that keyword counts no more. */
bool ncr_opt_has(const struct ncr_options *o, const char *keyword);
/* From now on it counts no more. */
void ncr_opt_close(struct ncr_options *o, const char *keyword);

/* Reads "[user@]host" or "scheme://[user@]host[:port][/path]" (scheme "ssh" or "sftp"); *path (may
 * be NULL) is what follows the host: after ':' without a scheme, after '/' with one, or NULL. */
bool ncr_opt_target(struct ncr_options *o, const char *text, const char *scheme, char **path);
/* The user's name of the command line: no tokens in it. */
bool ncr_opt_login(struct ncr_options *o, const char *name);
/* Sets o->error; returns false. */
bool ncr_opt_fail(struct ncr_options *o, const char *format, ...);

/* Fit to be a host or user that other programs may see on their command lines (S54, S55). */
bool ncr_host_fit(const char *host);
bool ncr_user_fit(const char *user);

/* Expands HostName once; o->host_name is the name to connect to from then on. */
bool ncr_opt_settle_host(struct ncr_options *o);
/* Expands tokens in everything else but names of key files and proxies. False with o->error. */
bool ncr_opt_settle(struct ncr_options *o);
/* In those, which `ssh -G` shows as they were given; jump hosts are checked again. */
bool ncr_opt_settle_last(struct ncr_options *o);
/* What the tokens stand for as far as it is known. */
struct ncr_tokens ncr_opt_tokens(const struct ncr_options *o);
/* For a program that wants the connection alone: what files say of sessions, forwards, commands and
 * terminals, is not looked at. Call before they are read. */
void ncr_opt_connection_only(struct ncr_options *o);
/* Fills the library's configuration; call once all options are settled. False with o->error: it
 * is not to be used. */
NACRE_MUST_CHECK bool ncr_opt_client_cfg(struct ncr_options *o, struct nacre_client_cfg *cfg);
/* Prints the options as `ssh -G` does. False: standard output failed. */
bool ncr_opt_show(const struct ncr_options *o);

#endif
