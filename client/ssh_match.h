/* SPDX-License-Identifier: ISC
 *
 * Inside of the configuration reader: its state, the lines that choose what applies (Host, Match),
 * and canonical host names.
 */
#ifndef NCR_SSH_MATCH_H
#define NCR_SSH_MATCH_H

#include "client/ssh_config.h"
#include "proto/posix/config_lexer.h"

/* An Include and the files that it stands for; the file given is one too. */
struct ncr_conf_level {
    struct ncr_ssh_config_paths paths;
    size_t next;  /* of the paths */
    bool open;    /* the file before it is being read */
    bool user;    /* "~" is allowed, names are relative to ~/.ssh */
    bool checked; /* owner and permissions are looked at */
    bool given;   /* by -F: has to be there */
    bool never;   /* the Include is in a block that does not apply */
    bool active;  /* what is read now applies */
    struct ncr_file file;
    size_t at;
    unsigned line, bad;
};

struct ncr_conf {
    const struct ncr_ssh_config *cfg;
    const struct ncr_ssh_config_env *env;
    struct ncr_options *opt;
    const char *host; /* that Host is about */
    bool final;       /* the second time */
    bool want_final;
    struct ncr_conf_level level[NCR_SSH_CONFIG_DEPTH + 1];
    size_t depth;
    size_t n_files;
    struct ncr_config_line line;
    struct ncr_options scratch; /* takes the values that do not count, to see that they are good */
};

void ncr_conf_log(struct ncr_conf *r, enum nacre_log_level level, const char *format, ...);
/* Whether the words of a Host line are about the host. False: r->opt->error. */
bool ncr_conf_host(struct ncr_conf *r, const struct ncr_opt_args *a, bool *matches);
/* The same of a Match line. */
bool ncr_conf_match(struct ncr_conf *r, const struct ncr_opt_args *a, bool *matches);
/* Makes opt->host_name canonical as far as the options ask for it. False: r->opt->error. */
bool ncr_conf_canonical(struct ncr_conf *r);

#endif
