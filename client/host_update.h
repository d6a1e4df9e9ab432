/* SPDX-License-Identifier: ISC
 *
 * Learning a host's further keys (UpdateHostKeys of ssh_config(5); OpenSSH's PROTOCOL, 2.5): the
 * server announces its keys after authentication; those that are new are to be proved over this
 * session before they are written to the user's file, and those that the host no longer has leave
 * it.
 *
 * Only a server whose plain key stands in a file of the user's own is listened to, once. What is
 * none of plain lines with one name for the host, as this library writes them, is the user's own
 * work: then nothing is changed.
 */
#ifndef NCR_HOST_UPDATE_H
#define NCR_HOST_UPDATE_H

#include "proto/keys/nacre_hostkeys.h"

struct nacre_client;

#define NCR_HOST_OLD_MAX 64 /* keys of one host that are taken away at once; more: none */

struct ncr_host_update {
    bool seen;    /* an announcement was read: there is one of a connection */
    bool to_ask;  /* the proofs are still to be asked for: there was no room */
    bool waiting; /* for the proofs */
    uint8_t *mem; /* copy of the announcement, into which the lists point */
    struct nacre_hostkeys all;
    struct nacre_hostkeys offered; /* those of them that can be used */
    struct nacre_hostkeys fresh;   /* those of them that are not known yet */
    char *old[NCR_HOST_OLD_MAX];   /* texts of keys that the host has no more */
    size_t n_old;
};

/* True if the event was one of these requests or replies. */
bool ncr_host_update_event(struct nacre_client *c, const struct nacre_event *ev);
/* Output was drained. */
void ncr_host_update_room(struct nacre_client *c);
void ncr_host_update_free(struct nacre_client *c);

#endif
