/* SPDX-License-Identifier: ISC
 *
 * What the client programs share towards the person in front of them: messages, the question about
 * an unknown host key, passwords.
 */
#ifndef NCR_FRONT_H
#define NCR_FRONT_H

#include "client/options.h"
#include "client/proxy.h"

struct ncr_front {
    struct ncr_options opt;
    int fd;          /* messages go there */
    uint32_t log;    /* while files are read: the level before that, ... */
    bool reading;    /* ... whatever LogLevel they have set meanwhile */
    bool crlf;       /* the terminal is raw */
    bool no_prompts; /* BatchMode */
    uint32_t named;  /* identity files that the command line names */
    bool port_given; /* by the command line */
    struct ncr_proxy proxy;
    const char *ssh;  /* nacre-ssh, for ProxyJump */
    const char *file; /* of -F, which it gets too */
};

/* Before anything else is opened: standard descriptors that are closed become /dev/null, so that no
 * socket takes their place. False with errno. */
bool ncr_front_descriptors(void);
/* One line. level: enum ncr_opt_log; debug lines get "debug1: " before them. */
void ncr_front_say(struct ncr_front *f, unsigned level, const char *format, ...);
/* "program: text" at level FATAL; returns 255. */
int ncr_front_fatal(struct ncr_front *f, const char *format, ...);
/* Appends messages to that file instead. False with errno. */
bool ncr_front_log_to(struct ncr_front *f, const char *file);
/* Sets the hooks of a client configuration, with f as their context. */
void ncr_front_hooks(struct ncr_front *f, struct nacre_client_cfg *cfg);
/* Reads the configuration: file as -F has it, or NULL; command, or NULL, and session as
 * ssh_config.h has them. Tokens are expanded but in names of key files. False: told, or with the
 * error in opt. */
bool ncr_front_configure(struct ncr_front *f, const char *file, const char *command,
                         const char *session);
/* Connects, through a proxy where there is one; ncr_front_leave() ends that, once the client is
 * closed. */
NACRE_MUST_CHECK nacre_err ncr_front_connect(struct ncr_front *f, struct nacre_client *c);
void ncr_front_leave(struct ncr_front *f);
/* Complains about key files that the command line named and that are not there. */
void ncr_front_check_identities(struct ncr_front *f);

/* Writes what was negotiated to the file that NegotiationReport names; false, told, if it
 * cannot. */
bool ncr_front_report(struct ncr_front *f, struct nacre_client *c);

#endif
