/* SPDX-License-Identifier: ISC
 *
 * ssh_config(5): ~/.ssh/config and /etc/ssh/ssh_config, or the one file that -F names, read into
 * the options of a program. What stands in the options before counts first; Host and Match choose
 * what applies; names of hosts are made canonical and files read a second time where they ask for
 * it.
 *
 * A file of the user's, or one that is included, which others can write to, or which belongs to
 * another user but root, is refused. Bounds: lines of NCR_CONFIG_LINE_MAX characters, files of 1
 * MiB, 16 Includes deep, 256 files in all. Everything that is wrong with a file is told, by file
 * and line.
 */
#ifndef NCR_SSH_CONFIG_H
#define NCR_SSH_CONFIG_H

#include "client/options.h"
#include "proto/posix/file.h"

#define NCR_SSH_CONFIG_FILE_MAX ((size_t)1024 * 1024)
#define NCR_SSH_CONFIG_DEPTH 16
#define NCR_SSH_CONFIG_FILES 256
#define NCR_SSH_CONFIG_ADDR 64  /* text of an address */
#define NCR_SSH_CONFIG_NAME 256 /* a host name */

struct ncr_ssh_config_paths {
    char *path[NCR_SSH_CONFIG_FILES]; /* malloc'd each */
    size_t n;
};

/* What the reader asks the system for, so that tests can answer. */
struct ncr_ssh_config_env {
    void *ctx;
    /* As ncr_file_read(); given: -F named it, a pipe is fine too. */
    nacre_err (*read)(void *ctx, struct ncr_file *f, const char *path, bool given);
    /* The files of a pattern, in order, none if there is none. False: too many, no memory. */
    bool (*glob)(void *ctx, struct ncr_ssh_config_paths *paths, const char *pattern);
    /* Runs a command by the user's shell; its exit status, or -1. */
    int (*run)(void *ctx, const char *command);
    /* Addresses of this machine's interfaces that are up, as text; how many. */
    size_t (*addrs)(void *ctx, char (*addr)[NCR_SSH_CONFIG_ADDR], size_t cap);
    /* Looks a name up; canonical gets the name that it leads to, "" if that is not known. */
    bool (*resolve)(void *ctx, const char *name, char canonical[NCR_SSH_CONFIG_NAME]);
};
extern const struct ncr_ssh_config_env ncr_ssh_config_system;

struct ncr_ssh_config {
    struct ncr_options *opt;              /* with the host and what goes before the files */
    const char *file;                     /* of -F; "none"; NULL: the usual ones */
    const char *command;                  /* to run there, or the subsystem; NULL: none */
    const char *session;                  /* "shell", "exec", "subsystem" or "none" */
    const struct ncr_ssh_config_env *env; /* NULL: the system */
    /* Errors, one line each, and what is done, at DEBUG. */
    void (*log)(void *ctx, enum nacre_log_level level, const char *line);
    void *ctx;
};

/* Reads the files and settles opt->host_name. False: the log has said why. */
bool ncr_ssh_config_load(const struct ncr_ssh_config *cfg);

#endif
