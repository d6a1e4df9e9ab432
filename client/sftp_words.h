/* SPDX-License-Identifier: ISC
 *
 * Words of a command line of nacre-sftp: blanks separate, quotes and backslashes hold together.
 * Each word is kept twice: as plain text, and as a pattern where what was quoted is escaped.
 */
#ifndef NCR_SFTP_WORDS_H
#define NCR_SFTP_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define NCR_WORDS_MAX 128

struct ncr_word {
    char *text;
    char *pattern;
};

struct ncr_words {
    struct ncr_word w[NCR_WORDS_MAX + 1]; /* the one past the last has NULLs */
    size_t n;
    char *store;
    const char *error; /* static text */
};

/* False with w->error: unterminated quote, too many words, out of memory. Free it in any case. */
bool ncr_sftp_split(struct ncr_words *w, const char *line);
void ncr_words_free(struct ncr_words *w);

#endif
