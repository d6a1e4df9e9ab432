/* SPDX-License-Identifier: ISC
 *
 * Accounts of the system, read from /etc/passwd and /etc/group by our own reader: the programs are
 * linked statically, where the C library's getpwnam(3) would load modules at run time. Accounts
 * that only a name service knows (LDAP, systemd-userdbd) are therefore unknown here.
 *
 * A record is taken whole or not at all: a line that is too long, or whose numbers are no numbers,
 * names no account.
 */
#ifndef NCR_ACCOUNT_H
#define NCR_ACCOUNT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NCR_ACCOUNT_NAME_MAX 255
#define NCR_ACCOUNT_GROUPS_MAX 1024
#define NCR_ACCOUNT_PATH_MAX 1024
#define NCR_ACCOUNT_LINE_MAX 4096

#define NCR_ACCOUNT_GROUPS_KEPT 32

struct ncr_account {
    bool found;  /* false: nothing else is set */
    bool locked; /* by its record in passwd(5): there may be one in shadow(5) too */
    /* Looked up once with ncr_account_load_groups(), unless there are too many: then each time. */
    size_t n_groups;
    gid_t groups[NCR_ACCOUNT_GROUPS_KEPT];
    uid_t uid;
    gid_t gid;
    char name[NCR_ACCOUNT_NAME_MAX + 1];
    char home[NCR_ACCOUNT_PATH_MAX];
    char shell[NCR_ACCOUNT_PATH_MAX]; /* /bin/sh where the record has none */
};

/* Looks a name, or a number, up in the file at path ("/etc/passwd"). False and a->found false if
 * it is not there. */
bool ncr_account_by_name(struct ncr_account *a, const char *path, const char *name);
bool ncr_account_by_uid(struct ncr_account *a, const char *path, uid_t uid);
/* The number of the group of that name; false if there is none. */
bool ncr_account_group(gid_t *gid, const char *path, const char *name);
/* The groups of an account: its own, and those of the file at path ("/etc/group") that name it. The
 * number of groups, at most cap; those beyond are dropped. */
size_t ncr_account_groups(gid_t *gids, size_t cap, const char *path, const struct ncr_account *a);

/* Why shadow(5) at path keeps the account of that name out, whatever its credential, on a day since
 * 1970: "account is locked" (its password starts with '!') or "account has expired"; NULL: it does
 * not. A file that is not there, or not for us, keeps nobody out; one that cannot be read does. */
const char *ncr_account_shadow(const char *path, const char *name, uint64_t day);

void ncr_account_load_groups(struct ncr_account *a, const char *path);

/* Takes on the identity of a: groups, then gid, then uid, real, effective and saved; then proves
 * that there is no way back. False if any step failed: the caller must exit. */
bool ncr_account_become(const struct ncr_account *a);

/* For a while: the files of a user are opened with the user's rights, so that links and network
 * file systems cannot make us read what the user may not (CVE-2017-9079). Only root changes; for
 * others both do nothing. False: the identity may be mixed, exit. */
bool ncr_account_assume(const struct ncr_account *a);
bool ncr_account_return(void);

#endif
