/* SPDX-License-Identifier: ISC
 *
 * The agent protocol, both ends: messages to structs and back, and who may use a key where. Bytes
 * in and out: no sockets, no allocation, no clock.
 *
 * Sources: RFC 9987 (draft-ietf-sshm-ssh-agent) for the messages; OpenSSH's PROTOCOL.agent for
 * session-bind@openssh.com and restrict-destination-v00@openssh.com.
 *
 * A message on the wire is a uint32 length, a type byte and contents. Encoders write all three;
 * decoders take what nacre_agent_frame() cut out: type and contents. Encoders fail with NO_ROOM
 * (nothing is then written, *n is 0), with LIMIT if the message would be over NACRE_AGENT_MSG_MAX,
 * and with what is said of each. Decoders read a message whole or refuse it (FORMAT; the
 * struct is then zeroed); slices point into the message and live as long as it does. What a peer
 * says of a count is compared with the bytes that are there.
 *
 * Ownership and errors otherwise as nacre_keys.h has them. Buffers that held a private key or a
 * passphrase are the caller's to wipe.
 */
#ifndef NACRE_AGENT_H
#define NACRE_AGENT_H

#include "proto/keys/nacre_keys.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NACRE_AGENT_MSG_MAX (256 * 1024) /* bytes of type and contents */
#define NACRE_AGENT_LEN 4                /* bytes of the length before a message */
#define NACRE_AGENT_KEYS_MAX 2048        /* keys of one agent */
#define NACRE_AGENT_DESTS_MAX 1024       /* destination constraints of one key */
#define NACRE_AGENT_BINDS_MAX 16         /* sessions that a connection is bound to */
#define NACRE_AGENT_SESSION_ID_MAX 128   /* bytes of one session's identifier */
#define NACRE_AGENT_PASSPHRASE_MAX 4096  /* bytes of a passphrase to lock with */

enum nacre_agent_type {
    NACRE_AGENT_FAILURE = 5,
    NACRE_AGENT_SUCCESS = 6,
    NACRE_AGENT_REMOVE_ALL_V1 = 9, /* of SSH 1: nothing to remove, succeeds */
    NACRE_AGENT_REQUEST_IDENTITIES = 11,
    NACRE_AGENT_IDENTITIES_ANSWER = 12,
    NACRE_AGENT_SIGN_REQUEST = 13,
    NACRE_AGENT_SIGN_RESPONSE = 14,
    NACRE_AGENT_ADD_IDENTITY = 17,
    NACRE_AGENT_REMOVE_IDENTITY = 18,
    NACRE_AGENT_REMOVE_ALL_IDENTITIES = 19,
    NACRE_AGENT_ADD_SMARTCARD_KEY = 20,
    NACRE_AGENT_REMOVE_SMARTCARD_KEY = 21,
    NACRE_AGENT_LOCK = 22,
    NACRE_AGENT_UNLOCK = 23,
    NACRE_AGENT_ADD_ID_CONSTRAINED = 25,
    NACRE_AGENT_ADD_SMARTCARD_KEY_CONSTRAINED = 26,
    NACRE_AGENT_EXTENSION = 27,
    NACRE_AGENT_EXTENSION_FAILURE = 28,
    NACRE_AGENT_EXTENSION_RESPONSE = 29
};

/* Flags of a signature request: which hash an RSA key signs with. None: SHA-1, refused where the
 * build has no such signatures. */
#define NACRE_AGENT_RSA_SHA2_256 2u
#define NACRE_AGENT_RSA_SHA2_512 4u

#define NACRE_AGENT_EXT_QUERY "query"
#define NACRE_AGENT_EXT_BIND "session-bind@openssh.com"
#define NACRE_AGENT_EXT_DEST "restrict-destination-v00@openssh.com"
#define NACRE_AGENT_EXT_CERTS "associated-certs-v00@openssh.com"
#define NACRE_AGENT_EXT_SK_PROVIDER "sk-provider@openssh.com"

/* Cuts the next message out of a stream: *msg gets type and contents, a slice of stream, *used the
 * bytes that it takes there with its length. OK with *used 0: more bytes are needed, *used_next
 * being how many in all (at least NACRE_AGENT_LEN). LIMIT: a length of 0 or over
 * NACRE_AGENT_MSG_MAX, told from the first four bytes; the stream is then of no more use. */
NACRE_MUST_CHECK nacre_err nacre_agent_frame(struct nacre_bytes *msg, size_t *used,
                                             size_t *used_next, struct nacre_bytes stream);

/* ---- What a key may be used for ------------------------------------------------------------ */

/* One end of a permitted hop. */
struct nacre_agent_hop {
    struct nacre_bytes user; /* pattern; of the destination only; empty: any */
    struct nacre_bytes host; /* name, for messages and for principals of certificates; empty as
                              * source: the machine of the agent */
    struct nacre_bytes keys; /* packed: nacre_agent_keyspec_append(), nacre_agent_keyspec_next() */
};
/* A key may be used from that source to that destination. */
struct nacre_agent_dest {
    struct nacre_agent_hop from, to;
};

/* Adds a host key, or an authority's, to a packed list of n bytes. */
NACRE_MUST_CHECK nacre_err nacre_agent_keyspec_append(uint8_t *list, size_t cap, size_t *n,
                                                      struct nacre_bytes blob, bool is_ca);
/* Adds a destination to a packed list of n bytes: what nacre_agent_limits has as dests. USAGE: a
 * destination without host or keys, a source with only one of the two. */
NACRE_MUST_CHECK nacre_err nacre_agent_dest_append(uint8_t *list, size_t cap, size_t *n,
                                                   const struct nacre_agent_dest *d);
/* The next of a packed list; false at its end, or where it is malformed. */
bool nacre_agent_keyspec_next(struct nacre_bytes *list, struct nacre_bytes *blob, bool *is_ca);
bool nacre_agent_dest_next(struct nacre_bytes *list, struct nacre_agent_dest *d);

/* Constraints of a key; zeroed: none. */
struct nacre_agent_limits {
    bool has_lifetime;
    uint32_t lifetime;              /* seconds */
    bool confirm;                   /* each use is to be confirmed */
    struct nacre_bytes dests;       /* packed destinations; empty: anywhere */
    struct nacre_bytes sk_provider; /* library for a security key, or "internal"; empty: none */
};

/* ---- Client: requests ------------------------------------------------------------------------ */

/* A request of one byte: REQUEST_IDENTITIES, REMOVE_ALL_IDENTITIES. USAGE: another type. */
NACRE_MUST_CHECK nacre_err nacre_agent_put_request(uint8_t *out, size_t cap, size_t *n,
                                                   enum nacre_agent_type type);
/* key: public key or certificate blob; flags: NACRE_AGENT_RSA_*. */
NACRE_MUST_CHECK nacre_err nacre_agent_put_sign(uint8_t *out, size_t cap, size_t *n,
                                                struct nacre_bytes key, struct nacre_bytes data,
                                                uint32_t flags);
/* The flags for a signature of that algorithm (certificate forms too); 0 if it needs none. */
uint32_t nacre_agent_sign_flags(struct nacre_bytes alg);
/* Adds a private key; cert: a certificate for it (KEY_REFUSED: it is for another), or empty; limits
 * may be NULL. ADD_ID_CONSTRAINED if there are any. out holds a secret. USAGE: empty key, comment
 * over NACRE_KEY_COMMENT_MAX, malformed dests. UNKNOWN_ALG, KEY_FORMAT: of the certificate. */
NACRE_MUST_CHECK nacre_err nacre_agent_put_add(uint8_t *out, size_t cap, size_t *n,
                                               const struct nacre_privkey *k,
                                               struct nacre_bytes cert, struct nacre_bytes comment,
                                               const struct nacre_agent_limits *limits);
NACRE_MUST_CHECK nacre_err nacre_agent_put_remove(uint8_t *out, size_t cap, size_t *n,
                                                  struct nacre_bytes key);
/* LOCK or UNLOCK (USAGE: another type). out holds a secret. */
NACRE_MUST_CHECK nacre_err nacre_agent_put_lock(uint8_t *out, size_t cap, size_t *n,
                                                enum nacre_agent_type type,
                                                struct nacre_bytes passphrase);
/* data: the extension's own contents, as they are. */
NACRE_MUST_CHECK nacre_err nacre_agent_put_extension(uint8_t *out, size_t cap, size_t *n,
                                                     const char *name, struct nacre_bytes data);
/* Binds the connection to a session: its host key, its identifier, the host's signature of that
 * (of the first key exchange), and whether the agent is being forwarded over it. */
NACRE_MUST_CHECK nacre_err nacre_agent_put_bind(uint8_t *out, size_t cap, size_t *n,
                                                struct nacre_bytes host_key,
                                                struct nacre_bytes session_id,
                                                struct nacre_bytes signature, bool forwarding);

/* ---- Client: replies ------------------------------------------------------------------------- */

struct nacre_agent_reply {
    enum nacre_agent_type type;
    struct nacre_bytes signature; /* SIGN_RESPONSE: blob (string name, string signature) */
    size_t n_keys;                /* IDENTITIES_ANSWER */
    struct nacre_bytes keys;      /* packed: nacre_agent_identity_next() */
    struct nacre_bytes name;      /* EXTENSION_RESPONSE */
    struct nacre_bytes data;      /* what follows the name, or SUCCESS of an extension */
};
struct nacre_agent_identity {
    struct nacre_bytes blob;    /* any bytes: nacre_pubkey_decode() says what they are; a type that
                                 * is not understood is still good to sign with */
    struct nacre_bytes comment; /* as it stands: escape before printing */
};

/* Reads the reply to a request of that type. FAILURE answers each, EXTENSION_FAILURE an extension;
 * both are OK here and told by r->type. ORDER: a reply that does not answer such a request;
 * LIMIT: more than NACRE_AGENT_KEYS_MAX keys. */
NACRE_MUST_CHECK nacre_err nacre_agent_reply_decode(struct nacre_agent_reply *r,
                                                    enum nacre_agent_type request,
                                                    struct nacre_bytes msg);
/* The next identity of r->keys, which is advanced; false at the end. */
bool nacre_agent_identity_next(struct nacre_bytes *keys, struct nacre_agent_identity *id);
/* Whether the reply to NACRE_AGENT_EXT_QUERY names that extension. */
bool nacre_agent_reply_offers(const struct nacre_agent_reply *r, const char *extension);

/* ---- Agent: requests ------------------------------------------------------------------------- */

/* A request as it came. */
struct nacre_agent_request {
    enum nacre_agent_type type;
    struct nacre_bytes key;  /* SIGN_REQUEST, REMOVE_IDENTITY: blob */
    struct nacre_bytes data; /* SIGN_REQUEST: what to sign; LOCK, UNLOCK: passphrase; EXTENSION: its
                              * contents; ADD_*: all, for nacre_agent_add_decode() */
    uint32_t flags;          /* SIGN_REQUEST */
    struct nacre_bytes name; /* EXTENSION: its name; *_SMARTCARD_*: the provider */
};
/* ORDER: a type that is no request; r->type is then the number. */
NACRE_MUST_CHECK nacre_err nacre_agent_request_decode(struct nacre_agent_request *r,
                                                      struct nacre_bytes msg);

/* The rest of an ADD_*. */
struct nacre_agent_add {
    struct nacre_bytes cert; /* certificate blob; empty: a plain key */
    struct nacre_bytes comment;
    struct nacre_agent_limits limits;
};
/* Reads the key, checks its halves against each other and a certificate against it, and reads the
 * constraints of an ADD_ID_CONSTRAINED. One that is not understood, or stands there twice, refuses
 * the whole (KEY_REFUSED). UNKNOWN_ALG: key type; KEY_FORMAT, KEY_REFUSED, FORMAT, LIMIT. On
 * failure both are zeroed. work: NACRE_WORK words. */
NACRE_MUST_CHECK nacre_err nacre_agent_add_decode(struct nacre_agent_add *a,
                                                  struct nacre_privkey *k,
                                                  const struct nacre_agent_request *r,
                                                  uint64_t *work);

/* ---- Agent: replies -------------------------------------------------------------------------- */

/* A reply of one byte: SUCCESS, FAILURE, EXTENSION_FAILURE. USAGE: another type. */
NACRE_MUST_CHECK nacre_err nacre_agent_put_status(uint8_t *out, size_t cap, size_t *n,
                                                  enum nacre_agent_type type);
NACRE_MUST_CHECK nacre_err nacre_agent_put_signature(uint8_t *out, size_t cap, size_t *n,
                                                     struct nacre_bytes signature);
/* An answer grows: begin, then one append per key; after each call out holds a whole message of n
 * bytes. A failed append leaves it as it was. */
NACRE_MUST_CHECK nacre_err nacre_agent_list_begin(uint8_t *out, size_t cap, size_t *n);
NACRE_MUST_CHECK nacre_err nacre_agent_list_append(uint8_t *out, size_t cap, size_t *n,
                                                   struct nacre_bytes blob,
                                                   struct nacre_bytes comment);
/* The answer to NACRE_AGENT_EXT_QUERY: names, NULL at the end. */
NACRE_MUST_CHECK nacre_err nacre_agent_put_extensions(uint8_t *out, size_t cap, size_t *n,
                                                      const char *const *names);

/* ---- Agent: who asks, and what they may ------------------------------------------------------ */

/* A session that a connection was bound to: the host that the agent is forwarded to, or that a
 * signature is for. */
struct nacre_agent_bind {
    struct nacre_bytes host_key, session_id;
    bool forwarded;
};
/* Reads the contents of a NACRE_AGENT_EXT_BIND and verifies the host's signature. FORMAT, LIMIT,
 * KEY_FORMAT, UNKNOWN_ALG, SIG and what else nacre_sig_verify() has. */
NACRE_MUST_CHECK nacre_err nacre_agent_bind_decode(struct nacre_agent_bind *b,
                                                   struct nacre_bytes data, uint64_t *work);

/* What a connection says of the way to it: its binds in the order of the hops. */
struct nacre_agent_path {
    const struct nacre_agent_bind *binds;
    size_t n;
    bool attempted; /* a bind was asked for, if it succeeded or not: whoever asks is remote */
};
/* Whether b may be added. OK: yes; USAGE: it is there already, nothing to do; ORDER: the path ends
 * at a signature's session, or the identifier is another host's; LIMIT: NACRE_AGENT_BINDS_MAX. */
NACRE_MUST_CHECK nacre_err nacre_agent_path_check(const struct nacre_agent_path *path,
                                                  const struct nacre_agent_bind *b);

/* Whether a key with those destinations may be seen, or removed, from the end of that path; now:
 * seconds of Unix time, for host certificates. */
NACRE_MUST_CHECK bool nacre_agent_dests_permit(struct nacre_bytes dests,
                                               const struct nacre_agent_path *path, uint64_t now);
/* Whether a key with that blob and those destinations may sign data: an authentication request for
 * the session that was bound last, at a host and for a user that the destinations name. Without
 * destinations: anything. *what (may be NULL) says why not, static text; *user (may be NULL)
 * borrows the name that the request is for from data, empty if there are no destinations. */
NACRE_MUST_CHECK bool nacre_agent_dests_permit_sign(struct nacre_bytes dests,
                                                    const struct nacre_agent_path *path,
                                                    struct nacre_bytes key, struct nacre_bytes data,
                                                    uint64_t now, const char **what,
                                                    struct nacre_bytes *user);

#ifdef __cplusplus
}
#endif
#endif
