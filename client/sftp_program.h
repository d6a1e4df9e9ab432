/* SPDX-License-Identifier: ISC
 *
 * nacre-sftp: what its files share. Commands act on this struct and say by their result whether
 * they failed; messages about that are printed where it happens.
 */
#ifndef NCR_SFTP_PROGRAM_H
#define NCR_SFTP_PROGRAM_H

#include "client/files.h"
#include "client/front.h"
#include "client/sftp_words.h"

struct ncr_sftp_prog {
    struct ncr_front front;
    struct nacre_client *client;
    struct nacre_files *files;
    struct ncr_loop loop;
    char *cwd;                   /* remote, absolute */
    bool batch, quiet, progress; /* progress: the meter is wanted */
    bool preserve, recursive, resume, fsync;
    uint64_t budget;  /* bytes in flight; 0: default */
    bool interrupted; /* SIGINT since the last look */
    bool quit;
    unsigned width; /* of the terminal */
};

/* ---- sftp_paths.c ---- */

/* malloc'd; dir "" or name absolute gives name alone. NULL: out of memory. */
char *ncr_path_join(const char *dir, const char *name);
/* The last component: within path; "" for one that ends in '/'. */
const char *ncr_path_base(const char *path);
/* Without trailing slashes, malloc'd. */
char *ncr_path_trim(const char *path);
/* Absolute form of what was typed. */
char *ncr_remote_path(const struct ncr_sftp_prog *p, const char *typed);
bool ncr_local_is_dir(const char *path);
/* True if pattern (`*`, `?`, `[set]`, backslash) matches the whole name. Linear memory, time at
 * most the product of the lengths. */
bool ncr_glob_match(const char *pattern, const char *name);
bool ncr_glob_magic(const char *pattern);
/* Removes the backslashes of a pattern. malloc'd. */
char *ncr_glob_plain(const char *pattern);

struct ncr_paths {
    char **path;
    size_t n, cap;
};
void ncr_paths_free(struct ncr_paths *l);
bool ncr_paths_add(struct ncr_paths *l, const char *path);
void ncr_paths_sort(struct ncr_paths *l);
/* Remote paths that match; a pattern without magic is its own match. False: could not be listed, or
 * nothing matches (said). */
bool ncr_remote_glob(struct ncr_sftp_prog *p, const struct ncr_word *word, struct ncr_paths *out);
bool ncr_local_glob(struct ncr_sftp_prog *p, const struct ncr_word *word, struct ncr_paths *out);

/* ---- sftp_commands.c ---- */

/* Runs one line. False: it failed. */
bool ncr_sftp_line(struct ncr_sftp_prog *p, char *line);
/* "File "x": reason" for the last failure of the files session. Returns false. */
bool ncr_sftp_fail(struct ncr_sftp_prog *p, const char *what, const char *path);
/* Output for people, on stdout; path texts are escaped by the caller with ncr_text(). */
void ncr_sftp_print(const char *format, ...);

/* ---- sftp_ls.c ---- */

bool ncr_sftp_ls(struct ncr_sftp_prog *p, const struct ncr_words *w);

/* ---- sftp_moves.c ---- */

struct ncr_move_flags {
    bool preserve, recursive, resume, fsync;
};
bool ncr_sftp_get(struct ncr_sftp_prog *p, const struct ncr_words *w, struct ncr_move_flags flags);
bool ncr_sftp_put(struct ncr_sftp_prog *p, const struct ncr_words *w, struct ncr_move_flags flags);

/* ---- sftp_progress.c ---- */

struct ncr_meter {
    struct ncr_sftp_prog *p;
    char name[NCR_CLIENT_TEXT_CAP];
    bool on, shown;
    uint64_t start, last;      /* ms */
    uint64_t first, last_done; /* bytes at start and at the last update */
    uint64_t done, total;      /* as last told */
    double rate;               /* bytes a second, smoothed */
};
void ncr_meter_start(struct ncr_meter *m, struct ncr_sftp_prog *p, const char *path);
/* The progress hook of a transfer; ctx is the meter. False once after each interrupt. */
bool ncr_meter_update(void *ctx, uint64_t done, uint64_t total);
void ncr_meter_stop(struct ncr_meter *m);
/* One line of the meter without line end, for tests: width of the terminal, rate in bytes a second,
 * -1 not known; seconds gone, or left if eta. */
void ncr_meter_line(char *out, size_t cap, const char *name, unsigned width, uint64_t done,
                    uint64_t total, double rate, int64_t seconds, bool eta);

#endif
