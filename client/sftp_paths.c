/* SPDX-License-Identifier: ISC
 *
 * Paths and patterns of nacre-sftp, on both sides.
 */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/sftp_program.h"

#define PATHS_DEPTH_MAX 32 /* components with magic in one pattern */

/* ---- Text -------------------------------------------------------------------------------- */

char *ncr_path_join(const char *dir, const char *name)
{
    size_t n = strlen(dir);
    bool slash = n > 0 && dir[n - 1] != '/';
    char *out;

    if (n == 0 || name[0] == '/')
        return strdup(name);
    out = malloc(n + strlen(name) + 2);
    if (out == NULL)
        return NULL;
    memcpy(out, dir, n);
    if (slash)
        out[n++] = '/';
    memcpy(out + n, name, strlen(name) + 1);
    return out;
}

const char *ncr_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

char *ncr_path_trim(const char *path)
{
    char *out = strdup(path);
    size_t n = out != NULL ? strlen(out) : 0;

    while (n > 1 && out[n - 1] == '/')
        out[--n] = '\0';
    return out;
}

char *ncr_remote_path(const struct ncr_sftp_prog *p, const char *typed)
{
    return ncr_path_join(p->cwd, typed);
}

bool ncr_local_is_dir(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- Patterns ---------------------------------------------------------------------------- */

/* True if c is in the set after '['; *end is what follows it. A set that is not closed is none. */
static bool paths_set(const char *set, unsigned char c, const char **end)
{
    bool negate = *set == '!' || *set == '^';
    const char *s = set + negate;
    bool hit = false;

    for (bool first = true; *s != '\0' && (first || *s != ']'); first = false) {
        unsigned char low = (unsigned char)*s;
        unsigned char high;

        if (*s == '\\' && s[1] != '\0')
            low = (unsigned char)*++s;
        high = low;
        s++;
        if (*s == '-' && s[1] != ']' && s[1] != '\0') {
            high = (unsigned char)s[1];
            s += 2;
        }
        hit |= c >= low && c <= high;
    }
    *end = *s == ']' ? s + 1 : NULL;
    return hit != negate;
}

/* Does one element of the pattern match the character? *next is the element after it. */
static bool paths_match_one(const char *p, unsigned char c, const char **next)
{
    bool hit;

    if (*p == '[') {
        hit = paths_set(p + 1, c, next);
        if (*next != NULL)
            return hit;
    } else if (*p == '\\' && p[1] != '\0') {
        p++;
    } else if (*p == '?') {
        *next = p + 1;
        return true;
    }
    *next = p + 1;
    return (unsigned char)*p == c;
}

/* Going back only to the last star bounds the time. */
bool ncr_glob_match(const char *pattern, const char *name)
{
    const char *star = NULL;
    const char *resume = NULL;
    const char *next;

    if (name[0] == '.' && pattern[0] != '.')
        return false;
    while (*name != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            resume = name;
        } else if (*pattern != '\0' && paths_match_one(pattern, (unsigned char)*name, &next)) {
            pattern = next;
            name++;
        } else if (star != NULL) {
            pattern = star;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

bool ncr_glob_magic(const char *pattern)
{
    for (; *pattern != '\0'; pattern++) {
        if (*pattern == '\\' && pattern[1] != '\0')
            pattern++;
        else if (strchr("*?[", *pattern) != NULL)
            return true;
    }
    return false;
}

char *ncr_glob_plain(const char *pattern)
{
    char *out = strdup(pattern);
    char *o = out;

    if (out == NULL)
        return NULL;
    for (; *pattern != '\0'; pattern++) {
        if (*pattern == '\\' && pattern[1] != '\0')
            pattern++;
        *o++ = *pattern;
    }
    *o = '\0';
    return out;
}

/* ---- Lists of paths ---------------------------------------------------------------------- */

void ncr_paths_free(struct ncr_paths *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->path[i]);
    free(l->path);
    memset(l, 0, sizeof *l);
}

bool ncr_paths_add(struct ncr_paths *l, const char *path)
{
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 16 : l->cap * 2;
        char **grown = realloc(l->path, cap * sizeof *grown);

        if (grown == NULL)
            return false;
        l->path = grown;
        l->cap = cap;
    }
    l->path[l->n] = strdup(path);
    return l->path[l->n] != NULL && ++l->n > 0;
}

static int paths_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void ncr_paths_sort(struct ncr_paths *l)
{
    if (l->n > 1)
        qsort(l->path, l->n, sizeof *l->path, paths_compare);
}

/* ---- Remote patterns --------------------------------------------------------------------- */

/* One component with magic against one directory. */
struct paths_dir {
    const char *dir;
    const char *pattern;
    struct ncr_paths *out;
    bool good;
};

static bool paths_entry(void *ctx, const struct nacre_sftp_name *n)
{
    struct paths_dir *d = ctx;
    char name[256];
    char *full;

    memcpy(name, n->name.p, n->name.n); /* at most 255 bytes, without NUL: nacre_files_list() */
    name[n->name.n] = '\0';
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || !ncr_glob_match(d->pattern, name))
        return true;
    full = ncr_path_join(d->dir, name);
    d->good = full != NULL && ncr_paths_add(d->out, full);
    free(full);
    return d->good;
}

/* Replaces every path of *l by what the next component makes of it. */
static bool paths_component(struct ncr_sftp_prog *p, struct ncr_paths *l, const char *component)
{
    struct ncr_paths out = {NULL, 0, 0};
    char *plain = ncr_glob_plain(component);
    bool magic = ncr_glob_magic(component);
    bool good = plain != NULL;

    for (size_t i = 0; good && i < l->n; i++) {
        struct paths_dir d = {l->path[i], component, &out, true};
        char *full;

        if (magic) {
            /* What cannot be listed matches nothing. */
            if (nacre_files_list(p->files, l->path[i], paths_entry, &d) != NACRE_OK &&
                p->files->over)
                d.good = false;
            good = d.good;
            continue;
        }
        full = ncr_path_join(l->path[i], plain);
        good = full != NULL && ncr_paths_add(&out, full);
        free(full);
    }
    free(plain);
    ncr_paths_free(l);
    *l = out;
    return good;
}

static bool paths_walk(struct ncr_sftp_prog *p, char *pattern, struct ncr_paths *l)
{
    char *rest = pattern;
    char *component;
    unsigned depth = 0;

    while (*rest != '\0' && depth++ < PATHS_DEPTH_MAX) {
        component = rest + strspn(rest, "/");
        rest = component + strcspn(component, "/");
        if (*rest != '\0')
            *rest++ = '\0';
        if (*component != '\0' && !paths_component(p, l, component))
            return false;
    }
    return true;
}

bool ncr_remote_glob(struct ncr_sftp_prog *p, const struct ncr_word *word, struct ncr_paths *out)
{
    char *pattern = NULL;
    struct ncr_text t;
    char *plain;
    bool good;

    memset(out, 0, sizeof *out);
    if (!ncr_glob_magic(word->pattern)) {
        plain = ncr_remote_path(p, word->text);
        good = plain != NULL && ncr_paths_add(out, plain);
        free(plain);
        return good;
    }
    pattern = strdup(word->pattern);
    good = pattern != NULL && ncr_paths_add(out, pattern[0] == '/' ? "/" : p->cwd) &&
           paths_walk(p, pattern, out);
    free(pattern);
    ncr_paths_sort(out);
    if (good && out->n > 0)
        return true;
    ncr_front_say(&p->front, NCR_LOG_ERROR, "File \"%s\" not found.",
                  ncr_text(&t, nacre_bytes_str(word->text)));
    return false;
}

/* ---- Local patterns ---------------------------------------------------------------------- */

bool ncr_local_glob(struct ncr_sftp_prog *p, const struct ncr_word *word, struct ncr_paths *out)
{
    glob_t g;
    struct ncr_text t;
    bool good = true;

    memset(out, 0, sizeof *out);
    memset(&g, 0, sizeof g);
    if (!ncr_glob_magic(word->pattern))
        return ncr_paths_add(out, word->text);
    if (glob(word->pattern, 0, NULL, &g) != 0 || g.gl_pathc == 0) {
        ncr_front_say(&p->front, NCR_LOG_ERROR, "File \"%s\" not found.",
                      ncr_text(&t, nacre_bytes_str(word->text)));
        globfree(&g);
        return false;
    }
    for (size_t i = 0; good && i < g.gl_pathc; i++)
        good = ncr_paths_add(out, g.gl_pathv[i]);
    globfree(&g);
    return good;
}
