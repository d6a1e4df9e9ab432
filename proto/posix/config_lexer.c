/* SPDX-License-Identifier: ISC
 *
 * Lines of ssh_config(5): see config_lexer.h. What is written never gets longer than what is read:
 * a word's NUL takes the place of the blank, the '=' or the quotes that end it, and two more places
 * are there for the keyword's and the last word's.
 */
#include "proto/posix/config_lexer.h"

#include <string.h>

static bool lexer_blank(char c)
{
    return c == ' ' || c == '\t';
}

static const char *lexer_skip(const char *p)
{
    while (lexer_blank(*p))
        p++;
    return p;
}

/* Ends at a blank or '='; or is in double quotes, whole. Leaves *p at the value. NULL: a quote
 * without end. */
static char *lexer_keyword(const char **p, char **out)
{
    const char *from = *p;
    char *keyword = *out;
    bool quoted = *from == '"';
    bool equals;

    for (from += quoted; *from != '\0'; from++) {
        if (quoted ? *from == '"' : lexer_blank(*from) || *from == '=')
            break;
        *(*out)++ = *from;
    }
    if (quoted && *from != '"')
        return NULL;
    *(*out)++ = '\0';
    equals = *from == '=';
    from = lexer_skip(from + (quoted || equals));
    if (!equals && *from == '=')
        from = lexer_skip(from + 1);
    *p = from;
    return keyword;
}

/* One word from *p to *out. False: a quote without end. */
static bool lexer_word(const char **p, char **out)
{
    char quote = '\0';

    for (; **p != '\0' && (quote != '\0' || !lexer_blank(**p)); ++*p) {
        char c = **p;
        char next = c == '\\' ? (*p)[1] : '\0';

        if (next == '\'' || next == '"' || next == '\\' || (next == ' ' && quote == '\0'))
            *(*out)++ = *++*p;
        else if (quote == '\0' && (c == '"' || c == '\''))
            quote = c;
        else if (quote != '\0' && c == quote)
            quote = '\0';
        else
            *(*out)++ = c;
    }
    *(*out)++ = '\0';
    return quote == '\0';
}

static bool lexer_words(struct ncr_config_line *l, const char *p, char *out, const char **what)
{
    for (p = lexer_skip(p); *p != '\0' && *p != '#'; p = lexer_skip(p)) {
        l->word[l->n++] = out;
        if (!lexer_word(&p, &out)) {
            *what = "invalid quotes";
            return false;
        }
    }
    return true;
}

/* A copy without what ends it: line ends, form feeds and blanks. */
static bool lexer_take(struct ncr_config_line *l, const char *line, size_t n, const char **what)
{
    l->keyword = NULL;
    l->n = 0;
    l->rest = l->text;
    l->text[0] = '\0';
    while (n > 0 && memchr(" \t\r\n\f", line[n - 1], 5) != NULL)
        n--;
    *what = n > NCR_CONFIG_LINE_MAX ? "line too long" : "NUL byte in the line";
    if (n > NCR_CONFIG_LINE_MAX || memchr(line, '\0', n) != NULL)
        return false;
    memcpy(l->text, line, n);
    l->text[n] = '\0';
    return true;
}

bool ncr_config_lex(struct ncr_config_line *l, const char *line, size_t n, const char **what)
{
    char *out = l->buf;
    const char *p;

    if (!lexer_take(l, line, n, what))
        return false;
    p = lexer_skip(l->text);
    if (*p == '\0' || *p == '#')
        return true;
    l->keyword = lexer_keyword(&p, &out);
    *what = "invalid quotes";
    if (l->keyword == NULL)
        return false;
    l->rest = p;
    return l->keyword[0] == '\0' || lexer_words(l, p, out, what);
}

bool ncr_config_lex_words(struct ncr_config_line *l, const char *text, const char **what)
{
    return lexer_take(l, text, strlen(text), what) && lexer_words(l, l->text, l->buf, what);
}
