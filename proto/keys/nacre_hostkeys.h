/* SPDX-License-Identifier: ISC
 *
 * What a server tells of its further host keys after authentication, and how it proves that it has
 * them (OpenSSH's PROTOCOL, 2.5): the global requests hostkeys-00@openssh.com (server to client:
 * key blobs) and hostkeys-prove-00@openssh.com (client to server: key blobs; reply: signatures over
 * the session, in the same order). Bytes to slices and back; the requests themselves are
 * NACRE_GLOBAL_HOSTKEYS and NACRE_GLOBAL_HOSTKEYS_PROVE of nacre.h, whose data is read here.
 *
 * Ownership: slices point into the input. Nothing here decides on trust: only keys that are proved
 * may be remembered, and only for a host whose key is known already.
 */
#ifndef NACRE_HOSTKEYS_H
#define NACRE_HOSTKEYS_H

#include "proto/keys/nacre_keys.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NACRE_HOSTKEYS_MAX 64                /* keys of one request that are read */
#define NACRE_HOSTKEYS_BYTES_MAX (64 * 1024) /* and bytes of its data */

/* Key blobs, or signature blobs. */
struct nacre_hostkeys {
    struct nacre_bytes blob[NACRE_HOSTKEYS_MAX];
    size_t n;
};

/* Reads the data of a request or reply. FORMAT: not packed strings, or an empty one; LIMIT: more
 * than NACRE_HOSTKEYS_MAX or NACRE_HOSTKEYS_BYTES_MAX. h is then zeroed. */
NACRE_MUST_CHECK nacre_err nacre_hostkeys_decode(struct nacre_hostkeys *h, struct nacre_bytes data);
/* Writes it. NO_ROOM, LIMIT: *n is then 0. */
NACRE_MUST_CHECK nacre_err nacre_hostkeys_encode(uint8_t *out, size_t cap, size_t *n,
                                                 const struct nacre_bytes *blobs, size_t n_blobs);

/* Room for what a proof signs. */
#define NACRE_HOSTKEYS_PROOF_MAX (NACRE_KEY_BLOB_MAX + 128)
/* Writes what the key with that blob signs to prove itself in the session: string
 * "hostkeys-prove-00@openssh.com", string session id, string blob. NO_ROOM; USAGE: an empty session
 * id. *n is then 0. */
NACRE_MUST_CHECK nacre_err nacre_hostkeys_message(uint8_t *out, size_t cap, size_t *n,
                                                  struct nacre_bytes session_id,
                                                  struct nacre_bytes blob);
/* The algorithm that a key of that type is to sign its proof with: host_key_alg, what was
 * negotiated for the host key, if both are RSA, else the type's own (RSA: SHA-2). NULL: an unknown
 * type. */
const char *nacre_hostkeys_alg(struct nacre_bytes type_name, const char *host_key_alg);
/* NACRE_OK if sig proves that key. buf is for the message (NACRE_HOSTKEYS_PROOF_MAX). Errors: SIG
 * (also of another session), SIG_FORMAT, UNKNOWN_ALG (SHA-1, another hash than negotiated),
 * KEY_FORMAT (also a certificate), KEY_REFUSED, NO_ROOM. */
NACRE_MUST_CHECK nacre_err nacre_hostkeys_verify(struct nacre_bytes blob, struct nacre_bytes sig,
                                                 struct nacre_bytes session_id,
                                                 const char *host_key_alg, uint8_t *buf, size_t cap,
                                                 uint64_t *work);

#ifdef __cplusplus
}
#endif
#endif
