/* SPDX-License-Identifier: ISC
 *
 * Files of keys, trust and configuration: reading whole with a cap, writing by temporary file and
 * rename. What is read must be a regular file: a FIFO or a device never blocks the program.
 *
 * Errors are IO (errno says why), FILE_FORMAT (not a regular file), LIMIT (over the cap) and
 * NO_MEMORY; ncr_file_error() has the text for a message that names the file.
 */
#ifndef NCR_FILE_H
#define NCR_FILE_H

#include <sys/stat.h>
#include <sys/types.h>

#include "proto/nacre.h"

struct ncr_file {
    uint8_t *p; /* n bytes, and one zero byte behind them */
    size_t n;
    struct stat st;
};

/* Opens a regular file for reading: *fd, close-on-exec. st may be NULL. */
NACRE_MUST_CHECK nacre_err ncr_file_open(int *fd, struct stat *st, const char *path);
/* Reads a file of at most max bytes. On failure f is zeroed. */
NACRE_MUST_CHECK nacre_err ncr_file_read(struct ncr_file *f, const char *path, size_t max);
/* The same from an open descriptor of any kind, to its end (standard input); st is not filled. */
NACRE_MUST_CHECK nacre_err ncr_file_read_fd(struct ncr_file *f, int fd, size_t max);
/* Wipes and frees what was read. */
void ncr_file_wipe(struct ncr_file *f);

/* Writes n bytes as the file path with exactly that mode: into a new file beside it, never more
 * open than 0600 until it is whole, synced, then renamed over path. On failure path is as it was
 * and the new file is removed. */
NACRE_MUST_CHECK nacre_err ncr_file_write(const char *path, mode_t mode, const uint8_t *p,
                                          size_t n);
/* write(2) until all is written; errno on failure. */
NACRE_MUST_CHECK bool ncr_file_write_all(int fd, const uint8_t *p, size_t n);

/* Text of an error of these functions; call it before errno changes. */
const char *ncr_file_error(nacre_err err);

#endif
