/* SPDX-License-Identifier: ISC
 *
 * The keys that a client can authenticate with, gathered from where they are (the caller, a signing
 * hook, files, certificates, an agent), in the order in which they are offered, and their use: who
 * signs for each. A public half is enough to offer; a private half in a file is opened when a
 * signature is wanted, a passphrase is asked for then.
 *
 * Order, ssh's: keys of the caller, of the hook; certificates; keys that an agent has and a file
 * names; the agent's others, unless identities_only; files. What the agent holds is taken as it is:
 * a key of a type that this build does not know is offered like all others.
 */
#ifndef NCR_IDENTITIES_H
#define NCR_IDENTITIES_H

#include "client/nacre_client.h"

enum ncr_id_rank {
    NCR_ID_GIVEN = 0,
    NCR_ID_HOOK,
    NCR_ID_CERT,     /* a certificate file that was named */
    NCR_ID_OWN_CERT, /* <identity>-cert.pub */
    NCR_ID_KNOWN,    /* in the agent, and named by a file */
    NCR_ID_AGENT,    /* in the agent alone */
    NCR_ID_FILE,
    NCR_ID_HIDDEN /* signs for a certificate, is not offered itself */
};

struct ncr_identity {
    enum ncr_id_rank rank;
    unsigned seq;             /* order within the rank */
    struct nacre_bytes blob;  /* what is offered; empty: a file that does not tell before it is
                               * opened */
    struct nacre_bytes plain; /* public key blob: blob itself, or that of the certificate */
    uint8_t *mem;             /* both */
    char *path;               /* file of the private half, or "" */
    char *label;              /* for messages; escaped */
    const struct nacre_privkey *given;
    struct nacre_privkey *open; /* private half out of the file, once needed */
    bool is_cert, in_agent, in_hook;
    bool spoilt; /* the file cannot be opened */
    bool tried;
};

struct ncr_identities {
    struct ncr_identity *id;
    size_t n, cap;
    unsigned seq;              /* of the next */
    struct nacre_agent *agent; /* NULL: none */
    bool loaded;
};

struct nacre_client;

/* Gathers, once. Failures are logged; NO_MEMORY. */
NACRE_MUST_CHECK nacre_err ncr_ids_load(struct nacre_client *c);
/* Wipes private halves, hangs up. */
void ncr_ids_free(struct ncr_identities *ids);
/* Finds out the public half of an identity that has none yet, by opening its file. False: not to be
 * had, or it was offered already. */
bool ncr_id_reveal(struct nacre_client *c, struct ncr_identity *id);
/* True if a signature can be had at once: no question, no person, no other program. */
bool ncr_id_ready(struct nacre_client *c, struct ncr_identity *id);
/* The i-th signature algorithm for what is offered, a certificate's name where it is one; NULL past
 * the end. out: room for a name. */
#define NCR_ID_ALG_CAP 65
const char *ncr_id_alg(const struct ncr_identity *id, size_t i, char out[NCR_ID_ALG_CAP]);
/* The algorithm that a signature under alg is made with: without the certificate. */
struct nacre_bytes ncr_plain_alg(struct nacre_bytes alg, char out[NCR_ID_ALG_CAP]);
/* True if there is somebody to sign, or a file that may turn out to. */
bool ncr_id_signs(const struct nacre_client *c, struct ncr_identity *id);
/* Signs data: sig gets *n bytes. False, told: it could not be had, or does not verify. */
bool ncr_id_sign(struct nacre_client *c, struct ncr_identity *id, struct nacre_bytes alg,
                 struct nacre_bytes data, uint8_t *sig, size_t cap, size_t *n);
/* Binds a connection to an agent to this session (session-bind@openssh.com); logged. */
void ncr_ids_bind(struct nacre_client *c, struct nacre_agent *a, bool forwarding);
/* Name for messages: the path, an agent's comment, or where the key is. */
const char *ncr_id_name(const struct ncr_identity *id);

#endif
