/* SPDX-License-Identifier: ISC
 *
 * Lines of ssh_config(5) into words, by the rules of OpenSSH: a keyword, blanks or one '=', then
 * words between blanks. Single and double quotes group; a backslash takes a quote, a backslash or,
 * outside of quotes, a blank as it is, and stands for itself elsewhere; '#' at the beginning of a
 * word ends the line.
 */
#ifndef NCR_CONFIG_LEXER_H
#define NCR_CONFIG_LEXER_H

#include "proto/nacre.h"

#define NCR_CONFIG_LINE_MAX 8192 /* characters of a line, without its end */
/* There is a blank between any two words. */
#define NCR_CONFIG_WORDS (NCR_CONFIG_LINE_MAX / 2 + 1)

/* Some 50 KiB: not for the stack. */
struct ncr_config_line {
    char *keyword;    /* NULL: the line is empty or a comment */
    const char *rest; /* the line after the keyword as it stands, for commands */
    char *word[NCR_CONFIG_WORDS];
    size_t n;
    char text[NCR_CONFIG_LINE_MAX + 1]; /* what rest lies in */
    char buf[NCR_CONFIG_LINE_MAX + 3];  /* keyword and words, each with its NUL */
};

/* Reads a line of n bytes, without or with its end. False: *what (a literal) says why not; the
 * keyword may be there all the same. Everything points into l. */
bool ncr_config_lex(struct ncr_config_line *l, const char *line, size_t n, const char **what);
/* The words of a text that has no keyword before them. */
bool ncr_config_lex_words(struct ncr_config_line *l, const char *text, const char **what);

#endif
