/* SPDX-License-Identifier: ISC
 *
 * Listings of nacre-sftp. Names come from the server: they are escaped on their way to the
 * terminal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/sftp_program.h"

struct ls_flags {
    bool all, one, longer, numeric, human, by_time, by_size, reverse, unsorted;
};

struct ls_entry {
    char *name;     /* escaped, as it is shown */
    char *longname; /* escaped; NULL: not told */
    struct nacre_sftp_attrs attrs;
};

struct ls_list {
    struct ls_entry *e;
    size_t n, cap;
    const struct ls_flags *flags;
    const char *prefix; /* shown before names */
    bool good;
};

/* ---- Entries ----------------------------------------------------------------------------- */

static char *ls_escape(const char *prefix, struct nacre_bytes b)
{
    size_t n = strlen(prefix);
    char *s = malloc(NCR_ESCAPE_ROOM(n + b.n));

    if (s == NULL)
        return NULL;
    n = ncr_escape(s, NCR_ESCAPE_ROOM(n), nacre_bytes_str(prefix), NCR_ESCAPE_LINE);
    (void)ncr_escape(s + n, NCR_ESCAPE_ROOM(b.n), b, NCR_ESCAPE_LINE);
    return s;
}

static bool ls_add(struct ls_list *l, const char *prefix, struct nacre_bytes name,
                   struct nacre_bytes longname, const struct nacre_sftp_attrs *attrs)
{
    struct ls_entry *e;

    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 64 : l->cap * 2;
        struct ls_entry *grown = realloc(l->e, cap * sizeof *grown);

        if (grown == NULL)
            return false;
        l->e = grown;
        l->cap = cap;
    }
    e = &l->e[l->n];
    memset(e, 0, sizeof *e);
    e->name = ls_escape(prefix, name);
    e->attrs = *attrs;
    if (longname.n > 0)
        e->longname = ls_escape("", longname);
    l->n++;
    return e->name != NULL;
}

static bool ls_entry(void *ctx, const struct nacre_sftp_name *n)
{
    struct ls_list *l = ctx;

    if (n->name.p[0] == '.' && !l->flags->all)
        return true;
    l->good = ls_add(l, l->prefix, n->name, n->longname, &n->attrs);
    return l->good;
}

static void ls_free(struct ls_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->e[i].name);
        free(l->e[i].longname);
    }
    free(l->e);
    l->e = NULL;
    l->n = l->cap = 0;
}

/* ---- Order ------------------------------------------------------------------------------- */

static int ls_by_name(const void *a, const void *b)
{
    return strcmp(((const struct ls_entry *)a)->name, ((const struct ls_entry *)b)->name);
}

static int ls_by_time(const void *a, const void *b)
{
    uint32_t x = ((const struct ls_entry *)a)->attrs.mtime;
    uint32_t y = ((const struct ls_entry *)b)->attrs.mtime;

    return x == y ? ls_by_name(a, b) : x < y ? 1 : -1;
}

static int ls_by_size(const void *a, const void *b)
{
    uint64_t x = ((const struct ls_entry *)a)->attrs.size;
    uint64_t y = ((const struct ls_entry *)b)->attrs.size;

    return x == y ? ls_by_name(a, b) : x < y ? 1 : -1;
}

static void ls_sort(struct ls_list *l)
{
    const struct ls_flags *f = l->flags;

    if (f->unsorted || l->n < 2)
        return;
    qsort(l->e, l->n, sizeof *l->e, f->by_time ? ls_by_time : f->by_size ? ls_by_size : ls_by_name);
    for (size_t i = 0; f->reverse && i < l->n / 2; i++) {
        struct ls_entry swap = l->e[i];

        l->e[i] = l->e[l->n - 1 - i];
        l->e[l->n - 1 - i] = swap;
    }
}

/* ---- Showing ----------------------------------------------------------------------------- */

static void ls_mode(char out[11], uint32_t mode)
{
    static const struct {
        uint32_t type;
        char c;
    } types[] = {{S_IFDIR, 'd'}, {S_IFLNK, 'l'}, {S_IFCHR, 'c'},
                 {S_IFBLK, 'b'}, {S_IFIFO, 'p'}, {S_IFSOCK, 's'}};
    static const char bits[] = "rwxrwxrwx";

    memcpy(out, "----------", 11);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if ((mode & S_IFMT) == types[i].type)
            out[0] = types[i].c;
    }
    for (unsigned i = 0; i < 9; i++) {
        if (mode >> (8 - i) & 1)
            out[1 + i] = bits[i];
    }
    if (mode & S_ISUID)
        out[3] = out[3] == 'x' ? 's' : 'S';
    if (mode & S_ISGID)
        out[6] = out[6] == 'x' ? 's' : 'S';
    if (mode & S_ISVTX)
        out[9] = out[9] == 'x' ? 't' : 'T';
}

static void ls_size(char out[24], uint64_t size, bool human)
{
    static const char units[] = "BKMGTPE";
    double v = (double)size;
    size_t u = 0;

    if (!human) {
        (void)snprintf(out, 24, "%llu", (unsigned long long)size);
        return;
    }
    while (v >= 1024 && units[u + 1] != '\0') {
        v /= 1024;
        u++;
    }
    (void)snprintf(out, 24, u > 0 && v < 10 ? "%.1f%c" : "%.0f%c", v, units[u]);
}

static void ls_print_own(const struct ls_entry *e, bool human)
{
    char mode[11], size[24], when[32] = "";
    time_t t = (time_t)e->attrs.mtime;
    time_t now = time(NULL);
    struct tm tm;

    ls_mode(mode, e->attrs.mode);
    ls_size(size, e->attrs.size, human);
    if ((e->attrs.flags & NACRE_SFTP_ATTR_TIMES) && localtime_r(&t, &tm) != NULL)
        (void)strftime(when, sizeof when,
                       now - t > 365 * 24 * 3600 / 2 || t > now ? "%b %e  %Y" : "%b %e %H:%M", &tm);
    ncr_sftp_print("%s %4s %-8u %-8u %8s %12s %s\n", mode, "?", (unsigned)e->attrs.uid,
                   (unsigned)e->attrs.gid, size, when, e->name);
}

static void ls_print_long(const struct ls_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct ls_entry *e = &l->e[i];

        if (e->longname != NULL && !l->flags->numeric && !l->flags->human)
            ncr_sftp_print("%s\n", e->longname);
        else
            ls_print_own(e, l->flags->human);
    }
}

static void ls_print_columns(const struct ls_list *l, unsigned width)
{
    size_t longest = 0;
    size_t columns, rows;

    for (size_t i = 0; i < l->n; i++) {
        size_t n = strlen(l->e[i].name);

        longest = n > longest ? n : longest;
    }
    columns = l->flags->one || longest + 2 > width ? 1 : width / (longest + 2);
    rows = (l->n + columns - 1) / columns;
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = r; i < l->n; i += rows)
            ncr_sftp_print("%-*s", i + rows < l->n ? (int)longest + 2 : 0, l->e[i].name);
        ncr_sftp_print("\n");
    }
}

static void ls_show(struct ncr_sftp_prog *p, struct ls_list *l)
{
    ls_sort(l);
    if (l->flags->longer)
        ls_print_long(l);
    else
        ls_print_columns(l, p->width);
}

/* ---- Commands ---------------------------------------------------------------------------- */

static bool ls_flags_of(struct ls_flags *f, const char *letters)
{
    for (; *letters != '\0'; letters++) {
        switch (*letters) {
        case '1':
            f->one = true;
            break;
        case 'a':
            f->all = true;
            break;
        case 'f':
            f->unsorted = true;
            break;
        case 'h':
            f->human = true;
            break;
        case 'l':
            f->longer = true;
            break;
        case 'n':
            f->numeric = f->longer = true;
            break;
        case 'r':
            f->reverse = true;
            break;
        case 'S':
            f->by_size = true;
            break;
        case 't':
            f->by_time = true;
            break;
        default:
            return false;
        }
    }
    return true;
}

static bool ls_directory(struct ncr_sftp_prog *p, const char *path, struct ls_list *l)
{
    nacre_err err = nacre_files_list(p->files, path, ls_entry, l);

    return (err == NACRE_OK && l->good) || ncr_sftp_fail(p, "Can't ls", path);
}

/* A path that is shown by its name; one that starts with the working directory without it. */
static const char *ls_shown(const struct ncr_sftp_prog *p, const char *path)
{
    size_t n = strlen(p->cwd);

    if (strncmp(path, p->cwd, n) != 0 || n <= 1)
        return path;
    return path[n] == '/' && path[n + 1] != '\0' ? path + n + 1 : path;
}

static bool ls_file(struct ncr_sftp_prog *p, const char *path, struct ls_list *l)
{
    struct nacre_sftp_attrs attrs;
    struct nacre_bytes none = {NULL, 0};

    if (nacre_files_stat(p->files, path, false, &attrs) != NACRE_OK)
        return ncr_sftp_fail(p, "Can't ls", path);
    return ls_add(l, "", nacre_bytes_str(ls_shown(p, path)), none, &attrs);
}

static bool ls_is_dir(struct ncr_sftp_prog *p, const char *path, bool *there)
{
    struct nacre_sftp_attrs a;

    *there = nacre_files_stat(p->files, path, true, &a) == NACRE_OK;
    return *there && (a.mode & NACRE_SFTP_S_IFMT) == NACRE_SFTP_S_IFDIR;
}

static bool ls_one_path(struct ncr_sftp_prog *p, const char *path, struct ls_list *l)
{
    bool there = false;
    char *prefix;
    bool good;

    if (!ls_is_dir(p, path, &there))
        return ls_file(p, path, l);
    prefix = ncr_path_join(ls_shown(p, path), "");
    l->prefix = prefix;
    good = prefix != NULL && ls_directory(p, path, l);
    free(prefix);
    l->prefix = "";
    return good;
}

static bool ls_word(struct ncr_sftp_prog *p, const struct ncr_word *word, struct ls_list *l)
{
    struct ncr_paths paths;
    bool good = ncr_remote_glob(p, word, &paths);

    if (good && paths.n == 1) {
        good = ls_one_path(p, paths.path[0], l);
    } else {
        for (size_t i = 0; good && i < paths.n; i++)
            good = ls_file(p, paths.path[i], l);
    }
    ncr_paths_free(&paths);
    return good;
}

bool ncr_sftp_ls(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    struct ls_flags flags;
    struct ls_list l;
    size_t i = 1;
    bool good = true;

    memset(&flags, 0, sizeof flags);
    memset(&l, 0, sizeof l);
    l.flags = &flags;
    l.prefix = "";
    l.good = true;
    for (; i < w->n && w->w[i].text[0] == '-' && w->w[i].text[1] != '\0'; i++) {
        if (!ls_flags_of(&flags, w->w[i].text + 1)) {
            ncr_front_say(&p->front, NCR_LOG_ERROR, "ls: invalid flag %s", w->w[i].text);
            return false;
        }
    }
    if (i == w->n)
        good = ls_directory(p, p->cwd, &l);
    for (; good && i < w->n; i++)
        good = ls_word(p, &w->w[i], &l);
    if (good)
        ls_show(p, &l);
    ls_free(&l);
    return good;
}
