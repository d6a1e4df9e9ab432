/* SPDX-License-Identifier: ISC
 *
 * Inside of the options: values of the keywords that need a function of their own.
 */
#ifndef NCR_OPTIONS_VALUES_H
#define NCR_OPTIONS_VALUES_H

#include "client/options.h"

struct ncr_opt_word {
    const char *name;
    uint32_t value;
};
extern const struct ncr_opt_word ncr_opt_yes_no[]; /* 1 no, 2 yes */

/* A copy of a text that lives as long as the options do. NULL with o->error. */
char *ncr_opt_copy(struct ncr_options *o, const char *s);
/* The word's value; false: none of them. */
bool ncr_opt_word(const struct ncr_opt_word *words, const char *v, uint32_t *out);
bool ncr_opt_number(const char *s, uint64_t min, uint64_t max, uint64_t *out);
/* A span of time as duration.h has it, or "none", which is 0. False: neither, *ms as it was. */
bool ncr_opt_time(const char *v, uint64_t *ms);
bool ncr_opt_file_add(struct ncr_options *o, struct ncr_opt_files *f, const char *v);

/* One for each keyword. */
typedef bool ncr_opt_own(struct ncr_options *o, const struct ncr_opt_args *a);
ncr_opt_own ncr_opt_agent, ncr_opt_canonical_domains, ncr_opt_escape, ncr_opt_forward_agent,
    ncr_opt_host_name, ncr_opt_keep, ncr_opt_local, ncr_opt_permitted_cnames, ncr_opt_proxy_command,
    ncr_opt_proxy_jump, ncr_opt_rekey, ncr_opt_remote, ncr_opt_rsa_size, ncr_opt_send_env,
    ncr_opt_set_env, ncr_opt_user;

#endif
