/* SPDX-License-Identifier: ISC
 *
 * nacre's SSH engine: SSH version 2 (RFC 4250-4254, 4256, 8308, 8731) for both roles, without I/O,
 * threads, clock or allocation. Bytes go in, events come out, bytes go out:
 *
 *     in    nacre_conn_inbuf() + nacre_conn_inack(), or nacre_conn_recv()      peer -> engine
 *     out   nacre_conn_out() + nacre_conn_sent()                               engine -> peer
 *     next  nacre_conn_next(): handles at most one packet, tells at most one event
 *     ask   questions among the events are answered with nacre_conn_answer(), now or later
 *
 * The driver's loop: while nacre_conn_next() gives an event other than NACRE_EV_NONE, act on it;
 * then write nacre_conn_out(), read into nacre_conn_inbuf() as nacre_conn_wants() says, and call
 * nacre_conn_tick() with the time, waiting no longer than nacre_conn_deadline(). No function calls
 * back into the caller, but for the random source and the optional trace hook.
 *
 * Ownership: the caller owns the struct and the region given at init, and wipes with
 * nacre_conn_wipe(). What the configuration points to is borrowed until then. Struct and region
 * hold no pointers into themselves: both may be moved together by the same distance, or lie in a
 * mapping that is shared across fork(2). Every slice in an event is borrowed until the next call
 * that takes the connection, unless its comment says longer.
 *
 * Functions return 0 (NACRE_OK) or a negative error. Errors of the usage class change nothing and
 * do not stick; the first other error ends the connection, and every later call gives it again.
 */
#ifndef NACRE_H
#define NACRE_H

#include "crypto/nacre_crypto.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NACRE_VERSION "0.1.0"

/* ---- Errors ------------------------------------------------------------------------------ */

/* X(name, value, disconnect reason of RFC 4253 11.1 or 0 for none, text). Ranges by class: usage
 * -1.., wire format -20.., order -40.., verification -60.., limits -80.., environment -110.. */
#define NACRE_ERR_LIST(X)                                                                          \
    X(USAGE, -1, 0, "call not allowed in this state or with these arguments")                      \
    X(NO_ROOM, -2, 0, "no room now: drain the output and call again")                              \
    X(NO_CHANNEL, -3, 0, "no such channel")                                                        \
    X(CHANNELS_FULL, -4, 0, "all channels are in use")                                             \
    X(UNKNOWN_ALG, -5, 0, "unknown or unavailable algorithm name")                                 \
    X(REGION, -6, 0, "memory region too small or badly aligned")                                   \
    X(FORMAT, -20, 2, "malformed message")                                                         \
    X(VERSION_LINE, -21, 8, "malformed version line")                                              \
    X(VERSION_UNSUPPORTED, -22, 8, "peer does not speak SSH version 2")                            \
    X(PACKET_LEN, -23, 2, "packet length out of range")                                            \
    X(PADDING, -24, 2, "bad packet padding")                                                       \
    X(KEY_FORMAT, -25, 2, "malformed key")                                                         \
    X(SIG_FORMAT, -26, 2, "malformed signature")                                                   \
    X(FILE_FORMAT, -27, 0, "malformed file")                                                       \
    X(COMPRESSION, -28, 6, "malformed compressed data")                                            \
    X(ORDER, -40, 2, "message not allowed in this phase")                                          \
    X(STRICT_KEX, -41, 3, "message not allowed in strict key exchange")                            \
    X(NO_SERVICE, -42, 7, "service not available")                                                 \
    X(CHANNEL_STATE, -43, 2, "message not allowed in this state of the channel")                   \
    X(UNSOLICITED, -44, 2, "too many replies to nothing")                                          \
    X(MAC, -60, 5, "message authentication failed")                                                \
    X(KEX, -61, 3, "key exchange failed: peer's value refused")                                    \
    X(HOST_SIG, -62, 9, "signature of the host key does not verify")                               \
    X(HOST_KEY, -63, 9, "host key refused")                                                        \
    X(HOST_KEY_CHANGED, -64, 9, "host key changed during a key re-exchange")                       \
    X(NO_COMMON_ALG, -65, 3, "no algorithm in common")                                             \
    X(SIG, -66, 0, "signature does not verify")                                                    \
    X(KEY_REFUSED, -67, 0, "key refused")                                                          \
    X(PASSPHRASE, -68, 0, "wrong or missing passphrase")                                           \
    X(AUTH_METHODS, -69, 14, "no authentication method left")                                      \
    X(LIMIT, -80, 2, "limit exceeded")                                                             \
    X(VERSION_LIMIT, -81, 8, "too many or too long lines before the version")                      \
    X(WINDOW, -82, 2, "channel window or packet size exceeded")                                    \
    X(HELD_FULL, -83, 12, "too many replies owed during a key exchange")                           \
    X(REKEY_FLOOD, -84, 2, "too many key exchanges without traffic")                               \
    X(SEQUENCE, -85, 3, "packet counter exhausted before new keys")                                \
    X(AUTH_TRIES, -86, 14, "too many authentication failures")                                     \
    X(TIMEOUT_KEX, -87, 3, "key exchange took too long")                                           \
    X(TIMEOUT_AUTH, -88, 2, "authentication took too long")                                        \
    X(TIMEOUT_ALIVE, -89, 10, "peer does not answer keepalives")                                   \
    X(PREAUTH_BYTES, -90, 2, "too much data before authentication")                                \
    X(RNG, -110, 2, "random source failed")                                                        \
    X(SIGNER, -111, 2, "signer failed")                                                            \
    X(PEER_CLOSED, -112, 0, "connection closed by peer")                                           \
    X(PEER_DISCONNECT, -113, 0, "peer sent DISCONNECT")                                            \
    X(CLOSED, -114, 11, "connection closed")                                                       \
    X(IO, -115, 0, "input or output failed")                                                       \
    X(NO_MEMORY, -116, 0, "out of memory")                                                         \
    X(TIMEOUT, -117, 0, "timed out")                                                               \
    X(INTERNAL, -118, 2, "internal error")

#define NACRE_ERR_ENUM(name, value, reason, text) NACRE_ERR_##name = (value),
typedef enum nacre_err { NACRE_OK = 0, NACRE_ERR_LIST(NACRE_ERR_ENUM) } nacre_err;
#undef NACRE_ERR_ENUM

/* The constant's name without prefix ("MAC"), and its text; "?" for a value that is none. */
const char *nacre_err_name(nacre_err err);
const char *nacre_err_text(nacre_err err);

/* Disconnect reasons, RFC 4253 11.1. */
enum nacre_reason {
    NACRE_REASON_PROTOCOL_ERROR = 2,
    NACRE_REASON_KEX_FAILED = 3,
    NACRE_REASON_MAC_ERROR = 5,
    NACRE_REASON_COMPRESSION_ERROR = 6,
    NACRE_REASON_SERVICE_NOT_AVAILABLE = 7,
    NACRE_REASON_VERSION_NOT_SUPPORTED = 8,
    NACRE_REASON_HOST_KEY_NOT_VERIFIABLE = 9,
    NACRE_REASON_CONNECTION_LOST = 10,
    NACRE_REASON_BY_APPLICATION = 11,
    NACRE_REASON_TOO_MANY_CONNECTIONS = 12,
    NACRE_REASON_AUTH_CANCELLED = 13,
    NACRE_REASON_NO_MORE_AUTH_METHODS = 14
};

/* ---- Bytes and roles --------------------------------------------------------------------- */

/* A slice of somebody's memory. */
struct nacre_bytes {
    const uint8_t *p;
    size_t n;
};

/* The bytes of a C string, without its NUL. */
struct nacre_bytes nacre_bytes_str(const char *s);
/* True if b is exactly the characters of s. */
bool nacre_bytes_is(struct nacre_bytes b, const char *s);

enum nacre_role { NACRE_CLIENT = 0, NACRE_SERVER = 1 };

/* ---- Algorithms -------------------------------------------------------------------------- */

struct ncr_kex;
struct ncr_sig;
struct ncr_cipher;
struct ncr_mac;
struct ncr_comp;
struct ncr_comp_mem;

/* The rows that a program links, most preferred first. Each array ends with a NULL. */
struct nacre_algs {
    const struct nacre_algs *base; /* its rows come before these; has no base itself; or NULL */
    const struct ncr_kex *const *kex;
    const struct ncr_sig *const *sigs; /* host key and user key signature algorithms */
    const struct ncr_cipher *const *ciphers;
    const struct ncr_mac *const *macs;
    const struct ncr_comp *const *comps;
};

/* All but what only old peers need. */
extern const struct nacre_algs nacre_algs_default;
/* Those, and at the end of each list what only old peers need (alg_legacy.c; a build with LEGACY=0
 * does not have it). */
extern const struct nacre_algs nacre_algs_legacy;
/* The widest table that the build has: what the programs use. */
#if defined(NACRE_NO_LEGACY)
#define NACRE_ALGS_ALL (&nacre_algs_default)
#else
#define NACRE_ALGS_ALL (&nacre_algs_legacy)
#endif

enum nacre_alg_kind {
    NACRE_ALG_KEX,
    NACRE_ALG_SIG,
    NACRE_ALG_CIPHER,
    NACRE_ALG_MAC,
    NACRE_ALG_COMP
};

/* Which rows of a table are offered unless a list says otherwise. */
enum nacre_profile {
    NACRE_PROFILE_MODERN = 0,   /* all but those that only old peers need, and compression */
    NACRE_PROFILE_PQ_REQUIRED,  /* of the key exchanges only post-quantum ones, also when named */
    NACRE_PROFILE_LEGACY_DEVICE /* those for old peers too, after the others */
};

/* Writes the list that a specification means, comma-separated: names and patterns (`*`, `?`) out of
 * algs, as they are or after '+' (added to the default), '-' (taken away from it) or '^' (put
 * before it); NULL: the default. Errors: UNKNOWN_ALG (a name that algs lacks or the profile
 * forbids), NO_ROOM; out is then empty. */
NACRE_MUST_CHECK nacre_err nacre_algs_expand(char *out, size_t cap, const struct nacre_algs *algs,
                                             enum nacre_alg_kind kind, enum nacre_profile profile,
                                             const char *spec);

/* What public-key operations work in, 64-bit words (nacre_crypto.h says more). One piece serves any
 * number of connections and keys of a thread. */
#define NACRE_WORK 8704

/* NACRE_OK if the signature blob sig over data verifies under the signature algorithm of that name
 * and the key blob, and the key is fit to be trusted; for a process that must not believe another
 * one's verification. Errors: UNKNOWN_ALG, KEY_FORMAT, KEY_REFUSED, SIG_FORMAT, SIG. */
NACRE_MUST_CHECK nacre_err nacre_sig_verify(const struct nacre_algs *algs, struct nacre_bytes alg,
                                            struct nacre_bytes key, struct nacre_bytes data,
                                            struct nacre_bytes sig, uint64_t *work);

/* What a security key says in a signature of how it was made (FIDO's authenticator data). */
enum nacre_sk_flag {
    NACRE_SK_PRESENT = 1, /* somebody touched it */
    NACRE_SK_VERIFIED = 4 /* and gave a PIN or a finger */
};
/* The same, but a signature of a security key (or under its certificate) must have all these flags
 * set; nacre_sig_verify() demands NACRE_SK_PRESENT. Other keys have none: demand is ignored. */
NACRE_MUST_CHECK nacre_err nacre_sig_verify_sk(const struct nacre_algs *algs,
                                               struct nacre_bytes alg, struct nacre_bytes key,
                                               struct nacre_bytes data, struct nacre_bytes sig,
                                               uint8_t demand, uint64_t *work);
/* The flags that a security key's signature bears; false if it is no such signature. They are worth
 * something once the signature has been verified (NACRE_STAGE_KEY_PROVED). */
bool nacre_sk_flags(uint8_t *flags, struct nacre_bytes sig);

/* What the last key exchange agreed upon; names are static strings, "" where not applicable (the
 * MAC of an AEAD cipher). Index 0 is client to server, 1 server to client. */
struct nacre_negotiated {
    const char *kex;
    const char *host_key;
    const char *cipher[2];
    const char *mac[2];
    const char *comp[2];
    bool strict;         /* strict key exchange, both sides announced it */
    bool peer_ping;      /* peer announced ping@openssh.com */
    bool peer_hostbound; /* server announced publickey-hostbound@openssh.com */
};

/* ---- Configuration ----------------------------------------------------------------------- */

#define NACRE_HOST_KEY_MAX 6400

/* Authentication methods as a set. */
enum nacre_auth_method {
    NACRE_AUTH_NONE = 1,
    NACRE_AUTH_PUBLICKEY = 2,
    NACRE_AUTH_PASSWORD = 4,
    NACRE_AUTH_INTERACTIVE = 8
};

/* Trace hook: one call for each packet, after opening or before sealing. dir 'r' or 't'. It sees
 * the payload (secrets of authentication included) and must not call into the engine. */
typedef void (*nacre_trace_fn)(void *ctx, char dir, uint32_t seq, const uint8_t *payload, size_t n);

/* A configuration that is zero but for work means: default algorithms, standard limits, no host
 * keys (a server then cannot answer), no authentication method (a server then refuses everyone). */
struct nacre_conn_cfg {
    const struct nacre_algs *algs; /* NULL: nacre_algs_default */
    uint64_t *work; /* NACRE_WORK words, needed: used inside calls only, may be shared */
    enum nacre_profile profile;
    /* Which of algs, in order of preference, as nacre_algs_expand() reads it; NULL: what the
     * profile offers. For both directions. */
    const char *kex;
    const char *host_key_algs;
    const char *ciphers;
    const char *macs;
    const char *comps; /* one other than none: the region is larger by nacre_conn_comp_mem() */
    /* Per-direction lists, client to server and server to client; each overrides the one above. */
    const char *ciphers_dir[2];
    const char *macs_dir[2];
    const char *comps_dir[2];
    const char *ident; /* softwareversion and comment after "SSH-2.0-"; NULL: "nacre_" VERSION */

    /* Server: public key blobs of the host keys and their certificates, in order of preference; of
     * at most NACRE_HOST_KEY_MAX bytes, in the small profile 1,024. */
    const struct nacre_bytes *host_keys;
    size_t n_host_keys;
    unsigned auth_methods;     /* server: set of methods to start with */
    const char *banner;        /* server: sent before the first verdict; NULL: none */
    unsigned auth_tries;       /* server: failures until the end; 0: 6 */
    const char *user_sig_algs; /* server: signatures accepted from users, such a list too */
    /* Server: KEY_PROVED comes for security keys that nobody touched too. The application then has
     * to say which keys may do without, and to call nacre_sig_verify_sk() for all others. */
    bool sk_no_touch;

    /* Group exchange (RFC 4419). Client: sizes in bits that are asked for; 0: 2048, 3072, 8192. */
    uint16_t gex_min, gex_n, gex_max;
    /* Server: groups to choose from, the best size first come, else at random; NULL: those of RFC
     * 3526 from 2,048 to 8,192 bits. */
    const struct nacre_dh_group *groups;
    size_t n_groups;

    uint32_t window; /* of a channel we receive on, bytes; 0: 2 MiB */
    uint32_t
        max_packet; /* data bytes per packet that we accept; 0: 32 KiB, or less in small profiles */
    uint64_t rekey_bytes;   /* 0: 1 GiB; counted in both directions */
    uint64_t rekey_packets; /* 0: 2^31 */
    uint64_t rekey_ms;      /* 0: 1 hour */
    uint64_t kex_ms;        /* deadline of one key exchange; 0: 20 s */
    uint64_t auth_ms;       /* deadline from init to success; 0: 120 s */
    uint64_t keepalive_ms;  /* interval of keepalive requests when idle; 0: none */
    unsigned keepalive_max; /* unanswered ones until the end; 0: 3 */
    /* Take chacha20-poly1305@openssh.com from a peer without strict key exchange too. An attacker
     * on the path can then cut off the first messages unseen (Terrapin, CVE-2023-48795). */
    bool allow_not_strict;
    bool no_strict;   /* tests: do not announce strict key exchange */
    bool no_ext_info; /* tests: do not announce RFC 8308 */
    nacre_trace_fn trace;
    void *trace_ctx;
};

/* ---- Messages as the application sees them ----------------------------------------------- */

struct nacre_prompt {
    struct nacre_bytes text;
    bool echo;
};
#define NACRE_PROMPTS_MAX 32

/* Requests on a session channel: RFC 4254 6, RFC 4335. */
enum nacre_req {
    NACRE_REQ_OTHER = 0, /* name and data say what */
    NACRE_REQ_PTY,
    NACRE_REQ_ENV,
    NACRE_REQ_SHELL,
    NACRE_REQ_EXEC,
    NACRE_REQ_SUBSYSTEM,
    NACRE_REQ_WINDOW_CHANGE,
    NACRE_REQ_SIGNAL,
    NACRE_REQ_BREAK,
    NACRE_REQ_EXIT_STATUS,
    NACRE_REQ_EXIT_SIGNAL,
    NACRE_REQ_XON_XOFF,
    NACRE_REQ_EOW,      /* eow@openssh.com */
    NACRE_REQ_KEEPALIVE /* keepalive@openssh.com */
};

/* One request, as received and as sent: fields that its kind does not use are ignored. */
struct nacre_request {
    enum nacre_req kind;
    struct nacre_bytes name; /* OTHER: its name; received: always the name on the wire */
    struct nacre_bytes data; /* PTY: encoded modes; ENV: value; EXEC: command; SUBSYSTEM: its name;
                              * EXIT_SIGNAL: message; OTHER: all type-specific bytes */
    struct nacre_bytes text; /* PTY: TERM; ENV: name; SIGNAL, EXIT_SIGNAL: name without "SIG" */
    uint32_t cols, rows, width_px, height_px; /* PTY, WINDOW_CHANGE */
    uint32_t value; /* BREAK: ms; EXIT_STATUS: status; EXIT_SIGNAL: 1 if core dumped;
                     * XON_XOFF: 1 if the client can do it */
};

/* Global requests: RFC 4254 4, 7.1. */
enum nacre_global_kind {
    NACRE_GLOBAL_OTHER = 0,
    NACRE_GLOBAL_TCPIP_FORWARD,
    NACRE_GLOBAL_CANCEL_TCPIP_FORWARD,
    NACRE_GLOBAL_KEEPALIVE,        /* keepalive@openssh.com; received ones are answered inside */
    NACRE_GLOBAL_NO_MORE_SESSIONS, /* no-more-sessions@openssh.com */
    NACRE_GLOBAL_HOSTKEYS,         /* hostkeys-00@openssh.com: data, see keys/nacre_hostkeys.h */
    NACRE_GLOBAL_HOSTKEYS_PROVE    /* hostkeys-prove-00@openssh.com: the same */
};

struct nacre_global {
    enum nacre_global_kind kind;
    struct nacre_bytes name; /* OTHER; received: always */
    struct nacre_bytes data; /* OTHER, HOSTKEYS*: the type-specific bytes */
    struct nacre_bytes addr; /* forwards: address to bind */
    uint32_t port;
};

/* Type-specific part of direct-tcpip and forwarded-tcpip: RFC 4254 7.2. */
struct nacre_tcpip {
    struct nacre_bytes host; /* to connect to; forwarded-tcpip: address that was connected */
    uint32_t port;
    struct nacre_bytes origin;
    uint32_t origin_port;
};

/* ---- Events ------------------------------------------------------------------------------ */

/* "Question" events carry an id; the connection, channel or exchange that they belong to waits for
 * nacre_conn_answer() with that id. */
enum nacre_event_type {
    NACRE_EV_NONE = 0,     /* nothing to do until input, room or an answer comes: see wants */
    NACRE_EV_AGAIN,        /* a packet was handled that needs no action: call next again */
    NACRE_EV_VERSION,      /* peer's version line is known: data (also nacre_conn_peer_version) */
    NACRE_EV_PRE_LINE,     /* client: a line before the server's version: data */
    NACRE_EV_KEX_DONE,     /* new keys in both directions: see nacre_conn_negotiated() */
    NACRE_EV_HOST_KEY,     /* question, client, first exchange only: blob, alg, data: the key's
                            * signature blob over nacre_conn_session_id(), verified already.
                            * ACCEPT or REFUSE */
    NACRE_EV_SIGN,         /* question: sign data with the key blob under alg; answer.data is the
                            * signature blob (string name, string signature). for_host: the
                            * server's host key, else the client's user key. data is valid
                            * until answered */
    NACRE_EV_BANNER,       /* client: data */
    NACRE_EV_AUTH_NEXT,    /* client, question without id: methods (set) and data (the name-list)
                            * can go on, partial tells of partial success; first time the set is
                            * empty and nothing was refused. Call one of nacre_auth_*() */
    NACRE_EV_AUTH_PROMPT,  /* question, client: name, instruction, prompts[n_prompts]; answer
                            * n_responses must be n_prompts */
    NACRE_EV_AUTH_CHANGE,  /* question, client: server wants a new password: data is its prompt;
                            * answer.data is the new password, answer.responses[0] the old one
                            * again; REFUSE to give up the method */
    NACRE_EV_AUTH_REQUEST, /* question, server: user, stage, and what the stage says */
    NACRE_EV_AUTH_SUCCESS, /* both roles: authentication is complete; data: user (server) */
    NACRE_EV_EXT_INFO,     /* peer's extensions were read */
    NACRE_EV_CHAN_OPEN,    /* question: name (type), data (type-specific bytes), tcpip if is_tcpip;
                            * chan is its number if accepted. ACCEPT or REFUSE with reason, text */
    NACRE_EV_CHAN_OPENED,  /* our open was confirmed: chan */
    NACRE_EV_CHAN_FAILED,  /* our open was refused: chan (free again), reason, data (text) */
    NACRE_EV_CHAN_DATA,    /* chan, data; ext is 0, or the type of extended data (1: stderr). Credit
                            * with nacre_chan_consumed(). data stays until nacre_conn_inbuf(),
                            * recv(), close() or wipe(), or the call of next() after one that gave
                            * NONE: the data of many packets can be written at once */
    NACRE_EV_CHAN_WRITABLE, /* peer's window grew: chan */
    NACRE_EV_CHAN_EOF,      /* peer sends no more data: chan */
    NACRE_EV_CHAN_CLOSED,   /* both sides closed: chan is free after this event */
    NACRE_EV_CHAN_REQUEST,  /* chan, request; a question if want_reply, else id is 0 */
    NACRE_EV_CHAN_REPLY,    /* to our oldest request with reply on chan: accepted; request.kind */
    NACRE_EV_GLOBAL,        /* global; a question if want_reply, else id is 0 */
    NACRE_EV_GLOBAL_REPLY,  /* to our oldest global request: accepted, global.kind, data, port */
    NACRE_EV_PONG,          /* reply to nacre_conn_ping(): data */
    NACRE_EV_DEBUG,         /* peer's DEBUG message: data, accepted: always_display */
    NACRE_EV_DISCONNECT     /* peer's DISCONNECT: reason, data (text); the connection is over */
};

/* What a server is asked. "May this key try?" and "this key has signed" are different stages: only
 * the second gives rights, it comes once a signed request and after verification. */
enum nacre_auth_stage {
    NACRE_STAGE_NONE = 0,   /* method none */
    NACRE_STAGE_KEY_QUERY,  /* would alg, blob be acceptable? gives no rights */
    NACRE_STAGE_KEY_PROVED, /* alg, blob signed this session; data: the signature, verified. If blob
                             * is a certificate, its key signed, and the authority that it names
                             * signed it: whether to trust that one, and for what, is the answer */
    NACRE_STAGE_PASSWORD,   /* data */
    NACRE_STAGE_NEW_PASSWORD, /* data: old, new_password */
    NACRE_STAGE_INTERACTIVE,  /* data: submethods; answer CHALLENGE with prompts, or a verdict */
    NACRE_STAGE_RESPONSES     /* responses[n_prompts] to the last challenge */
};

struct nacre_event {
    enum nacre_event_type type;
    enum nacre_auth_stage stage;
    uint32_t id;
    uint32_t chan;
    uint32_t ext;
    uint32_t reason;
    uint32_t port;
    unsigned methods;
    bool want_reply, accepted, partial, for_host, is_tcpip;
    bool host_bound; /* AUTH_REQUEST KEY_QUERY, KEY_PROVED: method
                      * publickey-hostbound-v00@openssh.com, the signature names the host key of the
                      * first key exchange too */
    struct nacre_bytes data;
    struct nacre_bytes name;
    struct nacre_bytes user;
    struct nacre_bytes alg;
    struct nacre_bytes blob;
    struct nacre_bytes instruction;
    struct nacre_bytes new_password;
    struct nacre_tcpip tcpip;
    struct nacre_request request;
    struct nacre_global global;
    size_t n_prompts;
    union {
        struct nacre_prompt prompts[NACRE_PROMPTS_MAX];
        struct nacre_bytes responses[NACRE_PROMPTS_MAX];
    };
};

enum nacre_verdict {
    NACRE_REFUSE = 0,
    NACRE_ACCEPT,
    NACRE_PARTIAL,        /* AUTH_REQUEST: good, but `methods` must follow */
    NACRE_CHALLENGE,      /* AUTH_REQUEST at INTERACTIVE, RESPONSES: ask these prompts */
    NACRE_CHANGE_PASSWORD /* AUTH_REQUEST at PASSWORD: expired; text is the prompt */
};

/* An answer to a question; zeroed it refuses. Everything is copied before the call returns. */
struct nacre_answer {
    uint32_t id;
    enum nacre_verdict verdict;
    struct nacre_bytes data; /* SIGN: signature blob; AUTH_CHANGE: new password; GLOBAL: reply */
    unsigned methods;        /* AUTH_REQUEST: set that can continue; 0: as before */
    uint32_t reason;         /* CHAN_OPEN refused: RFC 4254 5.1; 0: administratively prohibited */
    uint32_t window;         /* CHAN_OPEN accepted: initial window, 0: the configuration's */
    uint32_t port;           /* GLOBAL tcpip-forward accepted: port bound, if 0 was asked */
    const char *text;        /* CHAN_OPEN refused; CHANGE_PASSWORD; or NULL */
    const char *name, *instruction; /* CHALLENGE, or NULL */
    const struct nacre_prompt *prompts;
    size_t n_prompts;
    const struct nacre_bytes *responses; /* AUTH_PROMPT */
    size_t n_responses;
};

/* Reasons of a refused channel open: RFC 4254 5.1. */
enum nacre_open_reason {
    NACRE_OPEN_PROHIBITED = 1,
    NACRE_OPEN_CONNECT_FAILED = 2,
    NACRE_OPEN_UNKNOWN_TYPE = 3,
    NACRE_OPEN_RESOURCE_SHORTAGE = 4
};

/* What ended the connection, for one helpful line to the user. */
struct nacre_errinfo {
    nacre_err err;
    uint8_t msg;          /* number of the message at fault, or 0 */
    const char *msg_name; /* its name, or "" */
    const char *phase;    /* phase of the sender, e.g. "KEX1_METHOD" */
    uint32_t seq;         /* sequence number of the packet */
    const char *what;     /* what was refused and why, static text, or "" */
    const char *category; /* NO_COMMON_ALG: "key exchange", "host key", "cipher c2s", ... */
    struct nacre_bytes ours, theirs; /* NO_COMMON_ALG: both proposals; valid until wipe */
    const char
        *would_help;      /* NO_COMMON_ALG: what the peer offers and we have, but may not use; "" */
    uint32_t peer_reason; /* PEER_DISCONNECT */
    struct nacre_bytes peer_text; /* PEER_DISCONNECT: unescaped; valid until wipe */
};

/* ---- Private layout ---------------------------------------------------------------------- */
/* Public so that storage can be static. The fields belong to the engine. */

#define NCR_KEY_LEN 64
#define NCR_IV_LEN 16
#define NCR_SCRATCH_LEN 26624
#define NCR_HELD_LEN 4096
#define NCR_OWED_CHAN 16
#define NCR_OWED_GLOBAL 64
#define NCR_SENT_GLOBAL 16
#define NCR_IDENT_LEN 256

/* Keys of one direction between derivation and NEWKEYS. */
struct ncr_keyset {
    uint8_t iv[NCR_IV_LEN], key[NCR_KEY_LEN], mac[NCR_KEY_LEN];
    const struct ncr_cipher *cipher;
    const struct ncr_mac *macrow;
    const struct ncr_comp *comp;
};

/* One direction: cipher state, sequence number, counters, phase. */
struct ncr_dir {
    const struct ncr_cipher *cipher;
    const struct ncr_mac *macrow;
    const struct ncr_comp *comp;
    bool comp_on; /* payloads are compressed now */
    union {
        struct nacre_aes_ctr ctr;
        struct {
            struct nacre_gcm gcm;
            uint8_t iv[NACRE_GCM_IV_LEN];
        } gcm;
        struct nacre_aes_cbc cbc;
        struct nacre_des3_cbc des3;
        uint8_t chapoly[NCR_KEY_LEN];
    } key;
    union {
        struct nacre_hmac hmac;
        struct nacre_umac umac;
    } mac;
    uint32_t seq;
    uint64_t packets, bytes; /* since the keys were installed */
    uint64_t all_bytes;      /* on the wire since the start; not counted by pkt.c */
    uint32_t len;            /* rx: packet_length of the packet in progress, 0: not known yet */
    uint8_t phase, ret;      /* enum ncr_phase; ret: phase after a re-exchange */
};

struct ncr_owed {
    uint32_t id;
    uint8_t state; /* 0 open, 1 failure, 2 success */
    uint8_t kind;
    bool give_port;
    uint32_t port;
};

struct ncr_chan {
    uint8_t state; /* enum ncr_chan_state */
    uint8_t flags; /* NCR_CHAN_* bits */
    uint8_t n_owed, n_sent;
    uint32_t peer; /* the number that the other side chose */
    uint32_t id;   /* of the pending open question, 0: none */
    uint32_t rx_window, rx_credit, rx_max, rx_initial;
    uint32_t tx_window, tx_max;
    uint32_t fail_reason;
    struct ncr_owed owed[NCR_OWED_CHAN]; /* replies that we owe, oldest first */
    uint8_t sent[NCR_OWED_CHAN];         /* kinds of our requests that wait for a reply */
};

struct ncr_kex_state {
    const struct ncr_kex *row;
    const struct ncr_sig *host_sig;
    const char *names_kex, *names_host_key; /* static names of the rows as agreed */
    struct ncr_keyset next[2];              /* 0 client to server */
    uint8_t h[NACRE_HASH_MAX_LEN];
    uint8_t h_len;
    uint8_t step; /* enum ncr_kex_step */
    bool sent_init, got_init, drop_guess, rekey_wanted;
    bool gex;                         /* the method in use is a group exchange */
    uint16_t host_key;                /* server: index of the host key in use */
    uint32_t ours_len, theirs_len;    /* of the KEXINIT payloads in the scratch area */
    uint64_t started;                 /* ms */
    uint32_t gex_min, gex_n, gex_max; /* group exchange: bits asked for */
    uint16_t p_len, g_len;            /* and of the group in the scratch area, bytes */
    uint32_t empty;                   /* peer-started exchanges without traffic between */
    uint64_t app_seen;                /* app_packets at the last exchange */
    uint64_t keyed;                   /* ms, when the keys in use were installed */
    bool peer_ext_info;               /* peer's KEXINIT asks for EXT_INFO */
};

struct ncr_auth_state {
    uint8_t method; /* enum ncr_auth_method under way: what 60-79 mean */
    uint8_t stage;  /* server: enum nacre_auth_stage that was asked */
    uint8_t tries, queries, rounds, banners;
    uint8_t user_len;
    uint8_t n_prompts; /* of the challenge under way */
    bool banner_sent, service, done, waiting, none_seen;
    unsigned methods;           /* server: those that can continue */
    uint32_t alg_len, blob_len; /* of the key in the scratch area */
    uint32_t host_len;          /* of the host key behind it and its length; 0: it is not named */
    uint32_t data_len;          /* of the data to sign in the scratch area */
    uint32_t sig_len;           /* of the signature behind them that waits, with late */
    uint8_t late; /* enum ncr_auth_late: what the end of a key exchange is waited for with */
    uint8_t user[256];
};

struct nacre_conn {
    enum nacre_role role;
    nacre_err err;
    nacre_err broken; /* no packet can be sealed any more: next gives it */
    struct nacre_conn_cfg cfg;
    struct nacre_rng rng;
    intptr_t mem_off; /* region minus this struct: survives a move of both */
    size_t mem_len;
    uint32_t in_cap, in_start, in_end, in_next;     /* in_next: end of the packet that was told */
    uint32_t out_cap, out_start, out_end, out_open; /* out_open: start of a packet in progress */
    uint32_t held_len;
    uint32_t n_chans;
    uint32_t reserve_chan, reserve_ext, reserve_room; /* of an open reservation */
    uint16_t full_queues;                             /* queues of owed replies without room */
    bool chans_owe; /* a channel may owe something: see ncr_chan_flush() */
    struct ncr_dir rx, tx;
    struct ncr_kex_state kex;
    struct ncr_auth_state auth;
    struct nacre_negotiated neg;
    uint8_t session_id[NACRE_HASH_MAX_LEN];
    uint8_t session_id_len;
    uint8_t host_key_hash[NACRE_SHA256_LEN];
    uint8_t pad_key[32], pad[64];
    uint64_t pad_counter;
    uint8_t pad_left;
    bool first_kex_done, peer_closed, disconnected, no_more_sessions;
    bool stalled;       /* next stopped before a packet for want of room or an answer */
    bool ext_info_last; /* the server's second EXT_INFO was read: only SUCCESS may follow */
    bool ticked;
    const char *fail_what; /* static text */
    uint8_t ext_info_seen;
    uint8_t pending; /* NCR_PENDING_* bits: events to tell */
    uint8_t msg;     /* number of the message being handled */
    uint8_t fail_phase;
    bool wipe_packet; /* the packet that was told holds a secret */
    uint16_t pre_lines;
    uint16_t unsolicited;
    uint16_t pings; /* ours without a PONG yet */
    uint32_t peer_sig_mask;
    uint32_t next_id, question_id;
    uint8_t question; /* enum nacre_event_type of the question that the connection waits for */
    uint8_t n_owed, n_sent;
    struct ncr_owed owed[NCR_OWED_GLOBAL];
    uint8_t sent[NCR_SENT_GLOBAL];
    uint16_t ident_len;
    uint8_t ident[NCR_IDENT_LEN]; /* peer's version line without CR LF */
    uint64_t now, born, last_rx, last_alive;
    uint32_t alive_unanswered;
    uint32_t fail_seq, fail_list, peer_reason, peer_text_len;
    uint64_t app_packets; /* from the peer, other than transport messages */
    bool success;         /* SUCCESS has been sent or received */
    bool comp_early;      /* server: packets may come that were sent before SUCCESS was read */
    uint32_t comp_len;    /* of the part of the region that is a struct ncr_comp_mem, or 0 */
    uint32_t comp_at;  /* place of the next payload in its buffer; what is before may be in use */
    uint64_t inflated; /* bytes before authentication */
};

/* What compression needs of the region: both streams, and room for payloads of one burst. */
#define NCR_COMP_LEVEL 6
#define NCR_COMP_PAYLOAD_MAX                                                                       \
    36864 /* of a packet, inflated: as much as the standard profile takes */
#define NCR_COMP_BUF_LEN (48 * 1024)
struct ncr_comp_mem {
    struct nacre_inflate rx;
    struct nacre_deflate tx;
    uint8_t buf[NCR_COMP_BUF_LEN];
};

/* Bytes of region that a connection with that many channels and buffer sizes needs. A constant
 * expression. Profiles: small 8 KiB buffers (below RFC 4253 6.1: peers must keep their packets
 * short), standard NACRE_BUF_STANDARD, bulk 256 KiB and up. */
#define NACRE_CONN_MEM(channels, in_cap, out_cap)                                                  \
    ((size_t)NCR_SCRATCH_LEN + NCR_HELD_LEN + (size_t)(channels) * sizeof(struct ncr_chan) +       \
     (size_t)(in_cap) + (size_t)(out_cap))
/* What has to be added to it for a configuration that lets compression be negotiated (cfg.comps
 * names a method other than none), 245 KiB; and that, or 0, as it is needed for cfg. */
#define NACRE_COMP_MEM sizeof(struct ncr_comp_mem)
size_t nacre_conn_comp_mem(const struct nacre_conn_cfg *cfg);
#define NACRE_BUF_SMALL 8192
#define NACRE_BUF_STANDARD 36864
#define NACRE_BUF_BULK (512 * 1024)

/* ---- The connection ---------------------------------------------------------------------- */

/* Makes a connection of role in c, with buffers in mem (len bytes, aligned for uint64_t). in_cap,
 * out_cap and the number of channels are derived from len: channels as given, the rest split
 * evenly. Our version line and KEXINIT are in the out-buffer on return. Errors: REGION,
 * UNKNOWN_ALG (a name in cfg that algs lacks), RNG, USAGE. */
NACRE_MUST_CHECK nacre_err nacre_conn_init(struct nacre_conn *c, enum nacre_role role,
                                           const struct nacre_conn_cfg *cfg,
                                           const struct nacre_rng *rng, void *mem, size_t len,
                                           uint32_t channels);

/* Where to read(2) to, and how much fits; *room may be 0 while the application lags. */
uint8_t *nacre_conn_inbuf(struct nacre_conn *c, size_t *room);
/* n bytes were put there; n 0 or more than the room is a USAGE error that is ignored. */
void nacre_conn_inack(struct nacre_conn *c, size_t n);
/* Copying form of the two: takes what fits and says how much in *used. */
NACRE_MUST_CHECK nacre_err nacre_conn_recv(struct nacre_conn *c, const uint8_t *in, size_t n,
                                           size_t *used);
/* The peer will send nothing more (end of file or error of the socket). Buffered packets are still
 * told; then next gives PEER_CLOSED. */
void nacre_conn_eof(struct nacre_conn *c);

/* Handles at most one packet and tells at most one event. */
NACRE_MUST_CHECK nacre_err nacre_conn_next(struct nacre_conn *c, struct nacre_event *ev);

/* Sealed bytes for the peer; borrowed until the next call other than nacre_conn_sent(). */
struct nacre_bytes nacre_conn_out(const struct nacre_conn *c);
void nacre_conn_sent(struct nacre_conn *c, size_t n);

enum nacre_want {
    NACRE_WANT_READ = 1,   /* more input is needed and there is room for it */
    NACRE_WANT_WRITE = 2,  /* output waits */
    NACRE_WANT_ANSWER = 4, /* the engine itself waits for an answer (or a nacre_auth_* call) */
    NACRE_WANT_CLOSED = 8, /* over: write what is left, then close */
    NACRE_WANT_NEXT = 16   /* nacre_conn_next() has work without more input: it stopped for room or
                            * for an answer that has come since. The deadline is then now */
};
unsigned nacre_conn_wants(const struct nacre_conn *c);

/* Answers the question with a.id. USAGE: no such question (it may have been cancelled), or an
 * answer that its kind does not know. NO_ROOM: try again after output. */
NACRE_MUST_CHECK nacre_err nacre_conn_answer(struct nacre_conn *c, const struct nacre_answer *a);

/* Tells the time, milliseconds of any monotonic clock. Call it at least at the time that
 * nacre_conn_deadline() gives (UINT64_MAX: none). Starts rekeys and keepalives, ends late peers. */
NACRE_MUST_CHECK nacre_err nacre_conn_tick(struct nacre_conn *c, uint64_t now_ms);
uint64_t nacre_conn_deadline(const struct nacre_conn *c);

/* Starts a key re-exchange; done already if one runs. */
NACRE_MUST_CHECK nacre_err nacre_conn_rekey(struct nacre_conn *c);
/* Sends ping@openssh.com with n <= 256 bytes, if the peer announced it (else USAGE). */
NACRE_MUST_CHECK nacre_err nacre_conn_ping(struct nacre_conn *c, const uint8_t *p, size_t n);
/* Sends IGNORE (RFC 4253 11.2) with n <= 1024 bytes of the caller's. */
NACRE_MUST_CHECK nacre_err nacre_conn_ignore(struct nacre_conn *c, const uint8_t *p, size_t n);
/* Sends DEBUG (RFC 4253 11.3). */
NACRE_MUST_CHECK nacre_err nacre_conn_debug(struct nacre_conn *c, bool display, const char *text);
/* Sends DISCONNECT and ends the connection: later calls give CLOSED, output can still be
 * drained. */
NACRE_MUST_CHECK nacre_err nacre_conn_close(struct nacre_conn *c, uint32_t reason,
                                            const char *text);
/* Wipes struct and region. */
void nacre_conn_wipe(struct nacre_conn *c);
/* Takes over a connection whose struct and region another process, less trusted, could write to
 * (a shared mapping, after its unprivileged part is done): configuration and random source are set
 * anew, and every index, length, phase and pointer that the engine will use is checked or replaced.
 * mem, len: as at init. USAGE: something is out of range, not authenticated, or in a key exchange;
 * the connection must then be wiped and dropped. */
NACRE_MUST_CHECK nacre_err nacre_conn_adopt(struct nacre_conn *c, enum nacre_role role,
                                            const struct nacre_conn_cfg *cfg,
                                            const struct nacre_rng *rng, void *mem, size_t len);

/* By value; its slices point into the region and live until the connection is wiped or moved. */
struct nacre_errinfo nacre_conn_errinfo(const struct nacre_conn *c);
const struct nacre_negotiated *nacre_conn_negotiated(const struct nacre_conn *c);
/* What was negotiated and why as one line of JSON: for each list the choice, the names that the
 * client would have preferred, and both proposals. USAGE: before the first key exchange is done or
 * during a later one; NO_ROOM (8 KiB are enough for common peers). out is then empty. */
NACRE_MUST_CHECK nacre_err nacre_conn_report(const struct nacre_conn *c, char *out, size_t cap);
/* First exchange hash; empty before. */
struct nacre_bytes nacre_conn_session_id(const struct nacre_conn *c);
/* Peer's version line without CR LF, unescaped; empty before. */
struct nacre_bytes nacre_conn_peer_version(const struct nacre_conn *c);
/* True if the peer announced that it takes that signature algorithm (server-sig-algs), or
 * announced nothing. */
bool nacre_conn_peer_takes(const struct nacre_conn *c, const char *sig_alg);
bool nacre_conn_authenticated(const struct nacre_conn *c);
/* Bytes on the wire so far: received and sent. */
void nacre_conn_traffic(const struct nacre_conn *c, uint64_t *rx, uint64_t *tx);

/* ---- Authentication, client -------------------------------------------------------------- */
/* One of these answers AUTH_NEXT. user: 1 to 255 bytes, borrowed for the call. USAGE if no request
 * may be sent now. */

NACRE_MUST_CHECK nacre_err nacre_auth_none(struct nacre_conn *c, const char *user);
/* Tries a public key. With probe, asks first whether the key is acceptable (RFC 4252 7); then, or
 * at once, SIGN asks for the signature. alg is the signature algorithm. */
NACRE_MUST_CHECK nacre_err nacre_auth_publickey(struct nacre_conn *c, const char *user,
                                                const char *alg, struct nacre_bytes blob,
                                                bool probe);
/* The same, and what is signed names the host key, if the server can read that (OpenSSH's PROTOCOL,
 * publickey-hostbound-v00@openssh.com): agents that hold keys for certain hosts ask for it.
 * host_key: the blob of HOST_KEY, else USAGE; empty, not announced or too long with blob: as
 * without. */
NACRE_MUST_CHECK nacre_err nacre_auth_publickey_bound(struct nacre_conn *c, const char *user,
                                                      const char *alg, struct nacre_bytes blob,
                                                      struct nacre_bytes host_key, bool probe);
/* At most 1,024 bytes. USAGE if the connection is not encrypted. */
NACRE_MUST_CHECK nacre_err nacre_auth_password(struct nacre_conn *c, const char *user,
                                               struct nacre_bytes password);
NACRE_MUST_CHECK nacre_err nacre_auth_interactive(struct nacre_conn *c, const char *user,
                                                  const char *submethods);

/* ---- Channels ---------------------------------------------------------------------------- */

/* Opens a channel of that type; extra are its type-specific bytes. CHAN_OPENED or CHAN_FAILED
 * follows. Errors: CHANNELS_FULL, NO_ROOM, USAGE (not authenticated). */
NACRE_MUST_CHECK nacre_err nacre_chan_open(struct nacre_conn *c, const char *type,
                                           struct nacre_bytes extra, uint32_t *chan);
/* "direct-tcpip" or "forwarded-tcpip". */
NACRE_MUST_CHECK nacre_err nacre_chan_open_tcpip(struct nacre_conn *c, const char *type,
                                                 const struct nacre_tcpip *t, uint32_t *chan);

/* Copies what window, packet and out-buffer take now; *taken may be 0: wait for CHAN_WRITABLE, for
 * output to drain, or, during a key exchange, for KEX_DONE. ext 0 is data, 1 stderr. USAGE: after
 * EOF or CLOSE. */
NACRE_MUST_CHECK nacre_err nacre_chan_write(struct nacre_conn *c, uint32_t chan, uint32_t ext,
                                            const uint8_t *p, size_t n, size_t *taken);
/* Hands out the place of the next packet's payload, at most want bytes; *room 0 as above. Between
 * reserve and commit no other call may touch the connection. */
NACRE_MUST_CHECK nacre_err nacre_chan_reserve(struct nacre_conn *c, uint32_t chan, uint32_t ext,
                                              size_t want, uint8_t **p, size_t *room);
/* Frames and seals the first n bytes of the place; n 0 gives it back. */
NACRE_MUST_CHECK nacre_err nacre_chan_commit(struct nacre_conn *c, uint32_t chan, size_t n);
/* The application is done with n bytes of received data: the window is given back, coalesced. */
NACRE_MUST_CHECK nacre_err nacre_chan_consumed(struct nacre_conn *c, uint32_t chan, uint32_t n);

/* Sends a request; with want_reply, CHAN_REPLY follows in order. NO_ROOM: too many wait, or no
 * room. */
NACRE_MUST_CHECK nacre_err nacre_chan_request(struct nacre_conn *c, uint32_t chan,
                                              const struct nacre_request *r, bool want_reply);
NACRE_MUST_CHECK nacre_err nacre_chan_eof(struct nacre_conn *c, uint32_t chan);
NACRE_MUST_CHECK nacre_err nacre_chan_close(struct nacre_conn *c, uint32_t chan);
/* Bytes that the peer's window takes now; 0 for a channel that cannot send. */
size_t nacre_chan_window(const struct nacre_conn *c, uint32_t chan);
/* Largest data of one packet that the peer takes. */
size_t nacre_chan_max_packet(const struct nacre_conn *c, uint32_t chan);

/* Sends a global request; with want_reply, GLOBAL_REPLY follows in order. */
NACRE_MUST_CHECK nacre_err nacre_global_request(struct nacre_conn *c, const struct nacre_global *g,
                                                bool want_reply);

#ifdef __cplusplus
}
#endif
#endif
