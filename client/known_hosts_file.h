/* SPDX-License-Identifier: ISC
 *
 * known_hosts files: searching several, adding a line to one. Lines that cannot be read are named
 * and skipped; a file that is missing has no lines; one that cannot be read is an error, because it
 * might hold the line that refuses.
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
/* Appends a line for the host and its key, making the file (0600) and its directory (0700) if they
 * are missing. Errors: IO with errno; those of nacre_known_hosts_format(). */
NACRE_MUST_CHECK nacre_err ncr_hosts_add(const char *file, struct nacre_bytes host, uint32_t port,
                                         struct nacre_bytes blob);
/* The same with the name hashed under that salt. */
NACRE_MUST_CHECK nacre_err ncr_hosts_add_hashed(const char *file, struct nacre_bytes host,
                                                uint32_t port, struct nacre_bytes blob,
                                                const uint8_t salt[NACRE_HOST_SALT_LEN]);

#endif
