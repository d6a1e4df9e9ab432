/* SPDX-License-Identifier: ISC
 *
 * Words of a command line: see sftp_words.h.
 */
#include "client/sftp_words.h"

#include <stdlib.h>
#include <string.h>

static const char words_blanks[] = " \t\r\n";
static const char words_magic[] = "*?[]\\";

/* Where the two forms of a word are written. */
struct words_out {
    char *text, *pattern;
};

static void words_put(struct words_out *o, char c, bool quoted)
{
    *o->text++ = c;
    if (quoted && strchr(words_magic, c) != NULL)
        *o->pattern++ = '\\';
    *o->pattern++ = c;
}

/* Within double quotes a backslash escapes only what would end or change them. */
static const char *words_escape(struct words_out *o, const char *s, char quote)
{
    if (quote == '"' && strchr("\"\\*?[]", s[1]) == NULL)
        words_put(o, *s++, true);
    else
        s++;
    if (*s != '\0')
        words_put(o, *s++, true);
    return s;
}

/* One word from s on; NULL: a quote is open at the end. */
static const char *words_one(struct words_out *o, const char *s)
{
    char quote = '\0';

    while (*s != '\0' && (quote != '\0' || strchr(words_blanks, *s) == NULL)) {
        if (quote == '\0' && (*s == '"' || *s == '\''))
            quote = *s++;
        else if (quote != '\0' && *s == quote)
            quote = *s++ == quote ? '\0' : quote;
        else if (*s == '\\' && quote != '\'' && s[1] != '\0')
            s = words_escape(o, s, quote);
        else
            words_put(o, *s++, quote != '\0');
    }
    return quote == '\0' ? s : NULL;
}

/* Texts take at most the line's length and an end each, patterns twice that. */
bool ncr_sftp_split(struct ncr_words *w, const char *line)
{
    size_t n = strlen(line);
    const char *s = line;
    struct words_out o;

    memset(w, 0, sizeof *w);
    w->store = malloc(5 * n + 8);
    w->error = "out of memory";
    if (w->store == NULL)
        return false;
    o.text = w->store;
    o.pattern = w->store + 2 * n + 2;
    while (*(s += strspn(s, words_blanks)) != '\0') {
        w->error = "too many words";
        if (w->n == NCR_WORDS_MAX)
            return false;
        w->w[w->n].text = o.text;
        w->w[w->n].pattern = o.pattern;
        s = words_one(&o, s);
        w->error = "unterminated quote";
        if (s == NULL)
            return false;
        *o.text++ = '\0';
        *o.pattern++ = '\0';
        w->n++;
    }
    w->error = NULL;
    return true;
}

void ncr_words_free(struct ncr_words *w)
{
    free(w->store);
    memset(w, 0, sizeof *w);
}
