/* SPDX-License-Identifier: ISC
 *
 * The server's side of host key rotation (OpenSSH's PROTOCOL, 2.5): it announces its host keys
 * after authentication and proves those that the client asks about. Certificates are not announced.
 * Each proof costs a signature: a connection gets a number of them and no more.
 */
#ifndef NCR_HOST_KEYS_UPDATE_H
#define NCR_HOST_KEYS_UPDATE_H

#include "proto/keys/nacre_hostkeys.h"
#include "server/peer.h"

#define NCR_PROOFS_MAX 256 /* signatures of one connection */

/* Sends the announcement of those blobs; false if it could not be sent, which is no loss: also to a
 * client that is known to break off at it. */
bool ncr_host_keys_announce(struct nacre_conn *c, const struct nacre_bytes *blobs, size_t n);

/* Writes the signature blob under alg of what proves that key in this session; false: no. */
struct ncr_prover {
    bool (*sign)(void *ctx, struct nacre_bytes alg, struct nacre_bytes blob, uint8_t *sig,
                 size_t cap, size_t *n);
    void *ctx;
    const struct nacre_bytes *blobs; /* the keys that there are */
    size_t n_blobs;
};
/* Answers a request for proofs, with all of them or with a refusal. */
enum nacre_when ncr_host_keys_prove(struct nacre_peer *p, const struct nacre_event *ev,
                                    const struct ncr_prover *prover);

#endif
