/* SPDX-License-Identifier: ISC
 *
 * Accounts: see account.h. Formats: passwd(5), group(5).
 */
#include "server/account.h"

#include "proto/posix/file.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ACCOUNT_FIELDS 7 /* passwd(5); group(5) has 4 */
#define ACCOUNT_SHADOW_FIELDS 9
#define ACCOUNT_SHADOW_EXPIRES 7 /* the field with the day */
#define ACCOUNT_SHADOW_MAX (16 * 1024 * 1024)

/* Cuts a line at its colons; the number of fields, at most max. The last one keeps the rest. */
static size_t account_split(char *line, char *field[], size_t max)
{
    size_t n = 0;
    for (char *p = line; n < max; p++) {
        field[n++] = p;
        p = n < max ? strchr(p, ':') : NULL;
        if (p == NULL) {
            break;
        }
        *p = '\0';
    }
    return n;
}

/* Decimal digits only: no sign, no blank, and not the number -1, which the system calls of
 * setuid(2)'s family take for "leave it". */
static bool account_number(unsigned *v, const char *s)
{
    unsigned long long n = 0;
    if (*s == '\0') {
        return false;
    }
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9') {
            return false;
        }
        n = n * 10 + (unsigned)(*s - '0');
        if (n >= 0xffffffffu) {
            return false;
        }
    }
    *v = (unsigned)n;
    return true;
}

/* The next line without its end, in buf; lines that do not fit are skipped whole. */
static bool account_line(FILE *f, char buf[NCR_ACCOUNT_LINE_MAX])
{
    bool skipping = false;
    while (fgets(buf, NCR_ACCOUNT_LINE_MAX, f) != NULL) {
        size_t n = strlen(buf);
        bool whole = n > 0 && (buf[n - 1] == '\n' || feof(f));
        bool wanted = whole && !skipping;
        skipping = !whole;
        if (wanted) {
            buf[n - (buf[n - 1] == '\n' ? 1 : 0)] = '\0';
            return true;
        }
    }
    return false;
}

static bool account_copy(char *out, size_t cap, const char *s)
{
    size_t n = strlen(s);
    if (n >= cap) {
        return false;
    }
    memcpy(out, s, n + 1);
    return true;
}

static bool account_take(struct ncr_account *a, char *line)
{
    char *f[ACCOUNT_FIELDS];
    unsigned uid, gid;
    if (account_split(line, f, ACCOUNT_FIELDS) != ACCOUNT_FIELDS || !account_number(&uid, f[2]) ||
        !account_number(&gid, f[3])) {
        return false;
    }
    a->uid = uid;
    a->gid = gid;
    a->locked = f[1][0] == '!';
    const char *shell = *f[6] != '\0' ? f[6] : "/bin/sh";
    return account_copy(a->name, sizeof a->name, f[0]) &&
           account_copy(a->home, sizeof a->home, f[5]) &&
           account_copy(a->shell, sizeof a->shell, shell);
}

/* One walk for both keys: name, or uid if name is NULL. */
static bool account_find(struct ncr_account *a, const char *path, const char *name, uid_t uid)
{
    char line[NCR_ACCOUNT_LINE_MAX];
    FILE *f = fopen(path, "re");
    memset(a, 0, sizeof *a);
    if (f == NULL) {
        return false;
    }
    while (!a->found && account_line(f, line)) {
        bool ok = account_take(a, line) && a->name[0] != '\0';
        a->found = ok && (name != NULL ? strcmp(a->name, name) == 0 : a->uid == uid);
    }
    fclose(f);
    if (!a->found) {
        memset(a, 0, sizeof *a);
    }
    return a->found;
}

bool ncr_account_by_name(struct ncr_account *a, const char *path, const char *name)
{
    return account_find(a, path, name, 0);
}

bool ncr_account_by_uid(struct ncr_account *a, const char *path, uid_t uid)
{
    return account_find(a, path, NULL, uid);
}

/* What one line says of an account of that name; the day is left empty where there is none. */
static const char *account_shadow_line(char *line, const char *name, uint64_t day)
{
    char *f[ACCOUNT_SHADOW_FIELDS];
    unsigned last;
    size_t n = account_split(line, f, ACCOUNT_SHADOW_FIELDS);
    if (n < 2 || strcmp(f[0], name) != 0) {
        return NULL;
    }
    if (f[1][0] == '!') {
        return "account is locked";
    }
    bool expires = n > ACCOUNT_SHADOW_EXPIRES && f[ACCOUNT_SHADOW_EXPIRES][0] != '\0' &&
                   account_number(&last, f[ACCOUNT_SHADOW_EXPIRES]);
    return expires && day > last ? "account has expired" : NULL;
}

const char *ncr_account_shadow(const char *path, const char *name, uint64_t day)
{
    struct ncr_file f;
    const char *why = NULL;
    nacre_err err = ncr_file_read(&f, path, ACCOUNT_SHADOW_MAX);
    if (err != NACRE_OK) {
        bool none = err == NACRE_ERR_IO && (errno == ENOENT || (errno == EACCES && geteuid() != 0));
        return none ? NULL : "the state of its account cannot be read";
    }
    for (size_t at = 0; why == NULL && at < f.n;) {
        char *line = (char *)f.p + at;
        char *end = memchr(line, '\n', f.n - at);
        at = end != NULL ? (size_t)(end - (char *)f.p) + 1 : f.n;
        if (end != NULL) {
            *end = '\0';
        }
        why = account_shadow_line(line, name, day);
    }
    ncr_file_wipe(&f);
    return why;
}

bool ncr_account_group(gid_t *gid, const char *path, const char *name)
{
    char line[NCR_ACCOUNT_LINE_MAX];
    FILE *f = fopen(path, "re");
    bool found = false;
    if (f == NULL) {
        return false;
    }
    while (!found && account_line(f, line)) {
        char *g[4];
        unsigned v;
        found =
            account_split(line, g, 4) == 4 && strcmp(g[0], name) == 0 && account_number(&v, g[2]);
        if (found) {
            *gid = v;
        }
    }
    fclose(f);
    return found;
}

/* True if name is one of the comma-separated names. */
static bool account_member(const char *list, const char *name)
{
    size_t n = strlen(name);
    while (*list != '\0') {
        size_t m = strcspn(list, ",");
        if (m == n && memcmp(list, name, n) == 0) {
            return true;
        }
        list += m + (list[m] == ',' ? 1 : 0);
    }
    return false;
}

size_t ncr_account_groups(gid_t *gids, size_t cap, const char *path, const struct ncr_account *a)
{
    char line[NCR_ACCOUNT_LINE_MAX];
    size_t n = 0;
    if (cap == 0) {
        return 0;
    }
    gids[n++] = a->gid;
    FILE *f = fopen(path, "re");
    while (f != NULL && n < cap && account_line(f, line)) {
        char *g[4];
        unsigned gid;
        if (account_split(line, g, 4) == 4 && account_number(&gid, g[2]) && gid != a->gid &&
            account_member(g[3], a->name)) {
            gids[n++] = gid;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return n;
}

void ncr_account_load_groups(struct ncr_account *a, const char *path)
{
    a->n_groups = ncr_account_groups(a->groups, NCR_ACCOUNT_GROUPS_KEPT, path, a);
    if (a->n_groups == NCR_ACCOUNT_GROUPS_KEPT) {
        a->n_groups = 0; /* there may be more */
    }
}

static bool account_setgroups(const struct ncr_account *a)
{
    gid_t gids[NCR_ACCOUNT_GROUPS_MAX];
    if (a->n_groups > 0) {
        return setgroups(a->n_groups, a->groups) == 0;
    }
    size_t n = ncr_account_groups(gids, NCR_ACCOUNT_GROUPS_MAX, "/etc/group", a);
    return setgroups(n, gids) == 0;
}

/* No id is left that would allow a change back: a process that was root and is not any more must be
 * refused what root may. */
static bool account_is_final(const struct ncr_account *a)
{
    uid_t r, e, s;
    gid_t gr, ge, gs;
    if (getresuid(&r, &e, &s) != 0 || getresgid(&gr, &ge, &gs) != 0) {
        return false;
    }
    if (r != a->uid || e != a->uid || s != a->uid || gr != a->gid || ge != a->gid || gs != a->gid) {
        return false;
    }
    return a->uid == 0 || (setuid(0) != 0 && seteuid(0) != 0 && setgroups(0, NULL) != 0);
}

bool ncr_account_become(const struct ncr_account *a)
{
    if (!a->found) {
        return false;
    }
    return account_setgroups(a) && setresgid(a->gid, a->gid, a->gid) == 0 &&
           setresuid(a->uid, a->uid, a->uid) == 0 && account_is_final(a);
}

bool ncr_account_assume(const struct ncr_account *a)
{
    if (geteuid() != 0) {
        return true;
    }
    return account_setgroups(a) && setegid(a->gid) == 0 && seteuid(a->uid) == 0;
}

bool ncr_account_return(void)
{
    if (getuid() != 0) {
        return true;
    }
    return seteuid(0) == 0 && setegid(getgid()) == 0 && setgroups(0, NULL) == 0;
}
