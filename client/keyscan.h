/* SPDX-License-Identifier: ISC
 *
 * Gathering host keys of many servers at once (ssh-keyscan(1)): one connection for each server and
 * type of key, which ends as soon as the server has shown its key and signed the exchange with it.
 * That says nothing of whose key it is.
 *
 * One loop, no threads. Connections at a time, the memory and the time of each are bounded,
 * whatever a server sends or does not send. What comes from a server is escaped before it is
 * printed.
 */
#ifndef NCR_KEYSCAN_H
#define NCR_KEYSCAN_H

#include <stdio.h>

#include "proto/posix/loop.h"

struct ncr_keyscan_conn;

/* Zeroed but for out and err it asks for all types at port 22, 5 seconds a step. */
struct ncr_keyscan {
    FILE *out, *err;
    int family;          /* AF_UNSPEC, AF_INET, AF_INET6 */
    uint32_t port;       /* 0: 22 */
    uint64_t timeout_ms; /* to connect, to the version, to the key, each; 0: 5 seconds */
    uint32_t types;      /* set of rows, see ncr_keyscan_types(); 0: all */
    bool hash, certs;    /* names hashed; certificates instead of plain keys */
    bool sshfp;          /* DNS records instead of lines for known_hosts */
    unsigned sshfp_hash; /* 1: SHA-1 alone, 2: SHA-256 alone, 0: both */
    bool quiet, verbose;
    uint32_t at_once; /* connections; 0: 256, or what descriptors allow */
    /* Result. */
    uint32_t found; /* keys printed */
    /* Private. */
    struct ncr_loop loop;
    uint32_t n_conns;
    struct ncr_keyscan_conn *conns;
};

/* Reads "rsa,ecdsa,...", also "ssh-rsa" and other algorithms of keys: false with the name that is
 * none in *bad (a slice of list). */
bool ncr_keyscan_types(uint32_t *set, const char *list, struct nacre_bytes *bad);
NACRE_MUST_CHECK nacre_err ncr_keyscan_start(struct ncr_keyscan *s);
/* One item of a command line or a line of a file: "addrlist namelist", or a block of addresses as
 * 192.0.2.0/24. Returns when its connections are under way. */
void ncr_keyscan_item(struct ncr_keyscan *s, const char *item);
/* A file of such lines, with comments; "-": standard input. False with errno. */
bool ncr_keyscan_file(struct ncr_keyscan *s, const char *path);
/* Waits for all that is under way, and frees. */
void ncr_keyscan_finish(struct ncr_keyscan *s);

#endif
