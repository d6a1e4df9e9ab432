/* SPDX-License-Identifier: ISC
 *
 * The daemon's listener: accepts, counts, forks a monitor for each connection, reaps. It parses
 * nothing that comes from the network and holds no connection itself.
 */
#ifndef NCR_DAEMON_H
#define NCR_DAEMON_H

#include "server/groups.h"
#include "server/monitor.h"

struct ncr_daemon {
    struct ncr_sshd_config cfg;
    struct ncr_log log;
    struct ncr_host_keys keys;
    struct ncr_groups groups;
    char *banner;
    int empty_dir;
    struct ncr_account jail;
    bool debug;   /* -d: one connection, in this process */
    bool tell;    /* says on stderr where it listens, whatever the log is */
    bool restart; /* out: SIGHUP came */
};

/* Loads host keys, groups and banner, finds the unprivileged account. False: no host key could be
 * loaded, or the banner could not be read; the reason is logged. */
bool ncr_daemon_prepare(struct ncr_daemon *d);
void ncr_daemon_free(struct ncr_daemon *d);
/* Listens until SIGTERM, SIGINT or SIGHUP. The exit status. pid_file may be NULL. */
int ncr_daemon_run(struct ncr_daemon *d, const char *pid_file);
/* Serves the connection of the descriptors, which may be one. The exit status. */
int ncr_daemon_inetd(struct ncr_daemon *d, int in_fd, int out_fd);

#endif
