/* SPDX-License-Identifier: ISC
 *
 * known_hosts files: searching several, changing one. Lines that cannot be read are named and
 * skipped; a file that is missing has no lines; one that cannot be read is an error, because it
 * might hold the line that refuses.
 *
 * Every change goes by ncr_hosts_change(): lock, write, rename. What it does not concern stays byte
 * for byte: comments, lines that cannot be read, line ends.
 */
#ifndef NCR_KNOWN_HOSTS_FILE_H
#define NCR_KNOWN_HOSTS_FILE_H

#include "proto/keys/nacre_keys.h"

/* Told of lines that were skipped; may be NULL. */
typedef void (*ncr_hosts_warn)(void *ctx, const char *file, uint32_t line, const char *what);

/* Feeds every line of the files to s; s->file is the index of the file. On IO, *bad (may be NULL)
 * is the file and errno says why. FILE_FORMAT: no regular file. */
NACRE_MUST_CHECK nacre_err ncr_hosts_search(struct nacre_known_hosts *s, const char *const *files,
                                            size_t n, ncr_hosts_warn warn, void *ctx,
                                            const char **bad);
/* Appends a line for the host and its key, unless the file has that key for it by then, making the
 * file (0600) and its directory (0700) if they are missing. Errors: those of ncr_hosts_change() and
 * nacre_known_hosts_format(). */
NACRE_MUST_CHECK nacre_err ncr_hosts_add(const char *file, struct nacre_bytes host, uint32_t port,
                                         struct nacre_bytes blob);
/* The same with the name hashed under that salt. */
NACRE_MUST_CHECK nacre_err ncr_hosts_add_hashed(const char *file, struct nacre_bytes host,
                                                uint32_t port, struct nacre_bytes blob,
                                                const uint8_t salt[NACRE_HOST_SALT_LEN]);

#define NCR_HOSTS_FILE_MAX ((size_t)256 * 1024 * 1024) /* bytes of a file that is held */

/* ---- Changing ---------------------------------------------------------------------------- */

/* New contents of a file; the first error sticks: NO_MEMORY, LIMIT. */
struct ncr_hosts_new {
    uint8_t *p;
    size_t n, cap;
    nacre_err err;
};
void ncr_hosts_put(struct ncr_hosts_new *out, const void *p, size_t n);

struct ncr_hosts_change {
    /* Makes the new contents out of the old ones, all of which it has to put again if they are to
     * stay. Called once more if a program that knows no lock changed the file meanwhile; an error
     * leaves the file alone. */
    nacre_err (*edit)(void *ctx, struct nacre_bytes old, struct ncr_hosts_new *out);
    void *ctx;
    bool create;        /* file and directory are made if they are missing */
    bool always;        /* written also if it is as it was */
    const char *backup; /* gets the old contents before the new ones take their place; or NULL */
};
/* Changes a file under a lock: the new contents go to a file beside it, of the same owner and no
 * more open than 0644, which is synced and renamed over it. A symbolic link stays one. Where the
 * directory cannot be written to, an addition goes to the end of the file itself. On failure the
 * file is as it was. *changed (may be NULL) says whether it was written. Errors: IO with errno,
 * FILE_FORMAT (no regular file), LIMIT, NO_MEMORY, those of edit. */
NACRE_MUST_CHECK nacre_err ncr_hosts_change(const char *file, const struct ncr_hosts_change *how,
                                            bool *changed);
/* Gives each line of a file's contents, with its end, to one(), numbered from 1. */
void ncr_hosts_each_line(struct nacre_bytes text,
                         void (*one)(void *ctx, uint32_t number, struct nacre_bytes whole),
                         void *ctx);
/* Whether a file's contents have that very key for the host. Errors: NO_MEMORY, those of
 * nacre_known_hosts_init(). */
NACRE_MUST_CHECK nacre_err ncr_hosts_known(bool *known, struct nacre_bytes text,
                                           struct nacre_bytes host, uint32_t port,
                                           struct nacre_bytes blob);
/* A line without its end. */
struct nacre_bytes ncr_hosts_without_end(struct nacre_bytes line);

#endif
