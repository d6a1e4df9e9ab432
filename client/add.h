/* SPDX-License-Identifier: ISC
 *
 * nacre-add, its parts: what the options said, the connection to the agent, and the jobs. Each job
 * returns true if all of it was done; what went wrong has then been told, in ssh-add's words.
 */
#ifndef NCR_ADD_H
#define NCR_ADD_H

#include "client/nacre_client.h"

#define NCR_ADD_PASS_MAX 1024
#define NCR_ADD_FILES 32 /* of known hosts, and destinations */

struct ncr_add {
    struct nacre_agent *agent;
    bool quiet, verbose;
    bool remove;       /* -d */
    bool keys_only;    /* -k: no certificates */
    bool certs_only;   /* -C */
    bool any_validity; /* -N: a certificate stays after its end */
    bool confirm;      /* -c */
    uint32_t lifetime; /* -t, seconds; 0: none */
    enum nacre_fp_hash hash;
    const char *hosts[NCR_ADD_FILES]; /* -H */
    size_t n_hosts;
    const char *dests[NCR_ADD_FILES]; /* -h */
    size_t n_dests;
    uint8_t *dest_list; /* packed, out of dests */
    size_t dest_len;
    char pass[NCR_ADD_PASS_MAX]; /* the last that opened a file: the next may take it too */
    uint64_t work[NACRE_WORK];
};

/* ---- add_keys.c ---- */

/* "-" is standard input. */
bool ncr_add_file(struct ncr_add *a, const char *file);
bool ncr_add_remove_file(struct ncr_add *a, const char *file);
bool ncr_add_remove_all(struct ncr_add *a);
/* -l; full: -L. */
bool ncr_add_list(struct ncr_add *a, bool full);
/* -T: the agent signs, and the signature is right. */
bool ncr_add_test(struct ncr_add *a, const char *file);
/* -x, -X. */
bool ncr_add_lock(struct ncr_add *a, bool lock);

/* ---- add_destinations.c ---- */

/* Fills dest_list. False: told; the program ends. */
bool ncr_add_destinations(struct ncr_add *a);

#endif
