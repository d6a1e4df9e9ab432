/* SPDX-License-Identifier: ISC
 *
 * One line of sshd_config(5) on its way into struct ncr_sshd_config: its words, and the readers of
 * values that the table of keywords (sshd_config.c) names. sshd_line.c has words and the kinds of
 * values that several keywords share, sshd_keyword.c those of one keyword each.
 *
 * A reader puts the value into its field, or says what is wrong with it and returns false.
 */
#ifndef NCR_SSHD_LINE_H
#define NCR_SSHD_LINE_H

#include "server/sshd_config.h"

#define NCR_SSHD_LINE_MAX 8192
#define NCR_SSHD_ALGS_CAP 2048 /* of a list of algorithms */

/* One line being read: its words, unquoted, NUL-terminated in buf. */
struct ncr_sshd_line {
    struct ncr_sshd_config *c;
    const char *where;
    char *error;
    char buf[NCR_SSHD_LINE_MAX];
    char *word[NCR_SSHD_LIST_MAX + 1];
    size_t n;
    const char *rest; /* the value as it stands, for keywords that take a command */
};

/* A keyword. */
struct ncr_sshd_row {
    const char *name;
    bool (*read)(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
    size_t offset; /* of the field in struct ncr_sshd_config */
    const char *arg;
    uint32_t max;
    bool adds; /* every line counts, not the first alone */
};

/* A word that a keyword takes, and what it means. */
struct ncr_sshd_name {
    const char *name;
    unsigned value;
};

/* A copy that lives as long as the configuration; NULL: out of memory. */
const char *ncr_sshd_keep(struct ncr_sshd_config *c, const char *s);
/* False, with "where: keyword: what" for the caller's error. */
bool ncr_sshd_refuse(struct ncr_sshd_line *l, const char *what);
bool ncr_sshd_blank(char ch);
/* Cuts text (at most NCR_SSHD_LINE_MAX / 2 characters) into keyword and words; n is 0 if there is
 * nothing but a comment. */
bool ncr_sshd_split(struct ncr_sshd_line *l, const char *text);
/* True if there is one value, not empty. */
bool ncr_sshd_one(struct ncr_sshd_line *l);
/* Takes a decimal number off *p. */
bool ncr_sshd_digits(uint64_t *v, const char **p, uint64_t max);
bool ncr_sshd_add(struct ncr_sshd_line *l, struct ncr_sshd_list *list, const char *word);

/* ---- sshd_line.c ---- */

bool ncr_sshd_read_flag(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_only(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_number(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_time(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_string(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_command(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_words(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_algs(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);

/* ---- sshd_keyword.c ---- */

bool ncr_sshd_read_port(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_listen(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_root(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_forwarding(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_profile(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_gateway(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_compression(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_level(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_facility(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_startups(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_rekey(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_subsystem(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_run(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_permit(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_user_env(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_pubkey_options(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_ca_algs(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);
bool ncr_sshd_read_auth_methods(struct ncr_sshd_line *l, const struct ncr_sshd_row *row);

#endif
