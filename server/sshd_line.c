/* SPDX-License-Identifier: ISC
 *
 * Words of a line of nacre-sshd's configuration, and the kinds of values that several keywords
 * share: see sshd_line.h.
 */
#include "server/sshd_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/posix/duration.h"

/* ---- Strings ----------------------------------------------------------------------------- */

struct sshd_pool {
    struct sshd_pool *next;
    char text[];
};

const char *ncr_sshd_keep(struct ncr_sshd_config *c, const char *s)
{
    size_t n = strlen(s) + 1;
    struct sshd_pool *p = malloc(sizeof *p + n);
    if (p == NULL) {
        return NULL;
    }
    memcpy(p->text, s, n);
    p->next = c->pool;
    c->pool = p;
    return p->text;
}

void ncr_sshd_config_free(struct ncr_sshd_config *c)
{
    struct sshd_pool *p = c->pool;
    while (p != NULL) {
        struct sshd_pool *next = p->next;
        free(p);
        p = next;
    }
    c->pool = NULL;
}

bool ncr_sshd_refuse(struct ncr_sshd_line *l, const char *what)
{
    snprintf(l->error, NCR_SSHD_ERROR_LEN, "%s: %s: %s", l->where, l->n > 0 ? l->word[0] : "",
             what);
    return false;
}

static void *sshd_field(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    return (char *)l->c + row->offset;
}

/* ---- Words ------------------------------------------------------------------------------- */

bool ncr_sshd_blank(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\f';
}

/* One word from *p into *out: quotes group, a backslash takes a quote, blank or backslash as it is.
 */
static bool sshd_word(const char **p, char **out)
{
    char quote = 0;
    for (; **p != '\0' && (quote != 0 || !ncr_sshd_blank(**p)); ++*p) {
        char ch = **p;
        if (ch == '\\' && (*p)[1] != '\0' && strchr("\\\"' ", (*p)[1]) != NULL) {
            *(*out)++ = *++*p;
        } else if (quote == 0 && (ch == '"' || ch == '\'')) {
            quote = ch;
        } else if (quote != 0 && ch == quote) {
            quote = 0;
        } else {
            *(*out)++ = ch;
        }
    }
    *(*out)++ = '\0';
    return quote == 0;
}

/* The keyword ends at a blank or '='. */
static const char *sshd_keyword(struct ncr_sshd_line *l, const char *p, char **out)
{
    l->word[l->n++] = *out;
    while (*p != '\0' && !ncr_sshd_blank(*p) && *p != '=') {
        *(*out)++ = *p++;
    }
    *(*out)++ = '\0';
    while (ncr_sshd_blank(*p)) {
        p++;
    }
    if (*p == '=') {
        p++;
    }
    while (ncr_sshd_blank(*p)) {
        p++;
    }
    return p;
}

/* text: at most NCR_SSHD_LINE_MAX / 2 characters, so that words and their NULs fit the buffer. */
bool ncr_sshd_split(struct ncr_sshd_line *l, const char *text)
{
    char *out = l->buf;
    const char *p = text;
    while (ncr_sshd_blank(*p)) {
        p++;
    }
    if (*p == '\0' || *p == '#') {
        return true;
    }
    p = sshd_keyword(l, p, &out);
    l->rest = p;
    while (*p != '\0' && *p != '#') {
        if (l->n > NCR_SSHD_LIST_MAX) {
            return ncr_sshd_refuse(l, "too many words");
        }
        l->word[l->n++] = out;
        if (!sshd_word(&p, &out)) {
            return ncr_sshd_refuse(l, "quote without end");
        }
        while (ncr_sshd_blank(*p)) {
            p++;
        }
    }
    return true;
}

/* ---- Kinds of values --------------------------------------------------------------------- */

bool ncr_sshd_one(struct ncr_sshd_line *l)
{
    return l->n == 2 && l->word[1][0] != '\0' ? true : ncr_sshd_refuse(l, "takes one value");
}

bool ncr_sshd_read_flag(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    unsigned *v = sshd_field(l, row);
    if (!ncr_sshd_one(l)) {
        return false;
    }
    if (strcasecmp(l->word[1], "yes") == 0 || strcasecmp(l->word[1], "no") == 0) {
        *v = strcasecmp(l->word[1], "yes") == 0;
        return true;
    }
    return ncr_sshd_refuse(l, "takes yes or no");
}

/* A keyword with one value that can be had. */
bool ncr_sshd_read_only(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    char why[64];
    if (!ncr_sshd_one(l)) {
        return false;
    }
    if (strcasecmp(l->word[1], row->arg) == 0) {
        return true;
    }
    snprintf(why, sizeof why, "only \"%s\" is supported", row->arg);
    return ncr_sshd_refuse(l, why);
}

bool ncr_sshd_digits(uint64_t *v, const char **p, uint64_t max)
{
    const char *from = *p;
    *v = 0;
    for (; **p >= '0' && **p <= '9'; ++*p) {
        uint64_t digit = (uint64_t)(**p - '0');
        if (*v > (max - digit) / 10) {
            return false;
        }
        *v = *v * 10 + digit;
    }
    return *p != from;
}

bool ncr_sshd_read_number(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    uint32_t *out = sshd_field(l, row);
    uint64_t v;
    if (!ncr_sshd_one(l)) {
        return false;
    }
    const char *p = l->word[1];
    if (row->arg != NULL && strcasecmp(p, row->arg) == 0) {
        *out = 0; /* "none" */
        return true;
    }
    if (!ncr_sshd_digits(&v, &p, row->max) || *p != '\0') {
        return ncr_sshd_refuse(l, "not a number in range");
    }
    *out = (uint32_t)v;
    return true;
}

bool ncr_sshd_read_time(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    uint32_t *out = sshd_field(l, row);
    if (!ncr_sshd_one(l)) {
        return false;
    }
    return ncr_duration(out, l->word[1]) || ncr_sshd_refuse(l, "not a time");
}

bool ncr_sshd_read_string(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    const char **out = sshd_field(l, row);
    if (!ncr_sshd_one(l)) {
        return false;
    }
    if (strcasecmp(l->word[1], "none") == 0) {
        *out = NULL;
        return true;
    }
    *out = ncr_sshd_keep(l->c, l->word[1]);
    return *out != NULL || ncr_sshd_refuse(l, "out of memory");
}

/* The rest of the line, a command. */
bool ncr_sshd_read_command(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    const char **out = sshd_field(l, row);
    if (l->n < 2) {
        return ncr_sshd_refuse(l, "takes a command");
    }
    bool none = l->n == 2 && strcasecmp(l->word[1], "none") == 0;
    *out = none ? NULL : ncr_sshd_keep(l->c, l->rest);
    return none || *out != NULL || ncr_sshd_refuse(l, "out of memory");
}

bool ncr_sshd_add(struct ncr_sshd_line *l, struct ncr_sshd_list *list, const char *word)
{
    if (list->n == NCR_SSHD_LIST_MAX) {
        return ncr_sshd_refuse(l, "too many values");
    }
    list->word[list->n] = ncr_sshd_keep(l->c, word);
    if (list->word[list->n] == NULL) {
        return ncr_sshd_refuse(l, "out of memory");
    }
    list->n++;
    return true;
}

bool ncr_sshd_read_words(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    struct ncr_sshd_list *list = sshd_field(l, row);
    if (l->n < 2) {
        return ncr_sshd_refuse(l, "takes a value");
    }
    for (size_t i = 1; i < l->n; i++) {
        if (!ncr_sshd_add(l, list, l->word[i])) {
            return false;
        }
    }
    return true;
}

/* An algorithm that this build does not have would silently be missing: each is looked up. */
bool ncr_sshd_read_algs(struct ncr_sshd_line *l, const struct ncr_sshd_row *row)
{
    const char **out = sshd_field(l, row);
    static const enum nacre_alg_kind kinds[] = {NACRE_ALG_CIPHER, NACRE_ALG_MAC, NACRE_ALG_KEX,
                                                NACRE_ALG_SIG};
    char name[80], why[128], all[NCR_SSHD_ALGS_CAP];
    if (!ncr_sshd_one(l)) {
        return false;
    }
    const char *list = l->word[1];
    if (list[strspn(list, "+-^")] == '\0') {
        return ncr_sshd_refuse(l, "empty list of algorithms");
    }
    for (const char *p = list + strspn(list, "+-^"); *p != '\0';) {
        size_t n = strcspn(p, ",");
        snprintf(name, sizeof name, "%.*s", (int)(n < 64 ? n : 64), p);
        if (nacre_algs_expand(all, sizeof all, NACRE_ALGS_ALL, kinds[row->max],
                              NACRE_PROFILE_MODERN, name) != NACRE_OK) {
            snprintf(why, sizeof why, "algorithm \"%s\" is not supported", name);
            return ncr_sshd_refuse(l, why);
        }
        p += n + (p[n] == ',' ? 1 : 0);
    }
    *out = ncr_sshd_keep(l->c, l->word[1]);
    return *out != NULL || ncr_sshd_refuse(l, "out of memory");
}
