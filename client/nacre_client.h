/* SPDX-License-Identifier: ISC
 *
 * nacre's client library: the engine with a socket, known hosts, credentials and files around it.
 *
 * Blocking calls, each with a deadline: nacre_client_open(), nacre_client_run(), nacre_files_*(),
 * nacre_client_close(). The non-blocking form: nacre_client_start() with a connected descriptor,
 * then nacre_client_step() whenever nacre_client_fd() is ready for what nacre_client_wants() says;
 * events of channels go to the event hook, and nacre_client_conn() gives the engine for everything
 * else. Two things block all the same, during authentication: reading key files, and an agent,
 * within its deadlines (agent "none" does without).
 *
 * Trust is default-deny: a zeroed configuration accepts only host keys in ~/.ssh/known_hosts. To
 * the host named, once its key is accepted, it offers the keys that ssh offers: those of the agent
 * that SSH_AUTH_SOCK names, ~/.ssh/id_rsa, id_ecdsa, id_ecdsa_sk, id_ed25519, id_ed25519_sk and
 * id_mldsa44_ed25519, and their certificates. Offering shows public halves only; a private half
 * signs once the server has said that it takes the key. Hooks that are NULL refuse, so that a file
 * with a passphrase stays closed.
 *
 * Keys that are elsewhere (a token, an HSM, another process) are named by their public keys in
 * sign_keys and used through the sign hook, in the order and by the rules of all others.
 *
 * One line on the last failure, fit for a terminal: nacre_client_error(). A client is used by one
 * thread at a time; different clients share nothing.
 */
#ifndef NACRE_CLIENT_H
#define NACRE_CLIENT_H

#include "proto/nacre.h"
#include "proto/keys/nacre_agent.h"
#include "proto/keys/nacre_keys.h"
#include "sftp/nacre_sftp.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nacre_client;
struct nacre_files;

/* ---- Configuration ----------------------------------------------------------------------- */

/* What to do about a host key that the known-hosts files do not have. A revoked key is refused
 * always. */
enum nacre_host_policy {
    NACRE_HOSTS_STRICT = 0, /* refuse */
    NACRE_HOSTS_ASK,        /* the host_key hook decides */
    NACRE_HOSTS_ACCEPT_NEW, /* accept and save; a changed one is refused */
    NACRE_HOSTS_OFF         /* a changed one too: with a warning, and then no password is given and
                             * nothing is forwarded */
};

/* A host key that is not known. Texts are fit for a terminal. */
struct nacre_host_question {
    const char *host;  /* as in known_hosts: "host" or "[host]:port" */
    const char *addr;  /* numeric address that was connected to, "" if there is none */
    const char *label; /* "ED25519" */
    const char *fingerprint;
    const char *randomart;
    const char
        *other_names; /* lines: what other names the key is known by, or that there is none */
    enum nacre_host_verdict verdict; /* NOT_FOUND, or OTHER_TYPE: of types not understood */
    struct nacre_bytes blob;
};

/* Zero refuses. */
enum nacre_trust { NACRE_TRUST_REJECT = 0, NACRE_TRUST_ONCE, NACRE_TRUST_SAVE };

enum nacre_secret_kind {
    NACRE_SECRET_PASSWORD = 0,
    NACRE_SECRET_NEW_PASSWORD, /* the old one has expired; asked for once */
    NACRE_SECRET_PASSPHRASE,   /* of the key file `file` */
    NACRE_SECRET_PROMPT,       /* keyboard-interactive */
    NACRE_SECRET_CONFIRM       /* yes or no: "" and "yes" are yes */
};

struct nacre_secret_question {
    enum nacre_secret_kind kind;
    const char *prompt; /* fit for a terminal */
    const char *file;   /* PASSPHRASE, CONFIRM: of the key; else "" */
    bool echo;
};
#define NACRE_SECRET_CAP 1025 /* longest answer and NUL */

/* A signature that is wanted of a key elsewhere. */
struct nacre_sign_question {
    struct nacre_bytes key; /* blob as in sign_keys: for a certificate that key where it is there */
    struct nacre_bytes alg; /* signature algorithm, "rsa-sha2-512"; never a certificate's name */
    struct nacre_bytes data; /* what is to be signed */
};

/* Whether a key file that was opened is handed to the agent. */
enum nacre_keep { NACRE_KEEP_NO = 0, NACRE_KEEP_YES, NACRE_KEEP_ASK, NACRE_KEEP_CONFIRM };

enum nacre_log_level {
    NACRE_LOG_ERROR = 0,
    NACRE_LOG_INFO, /* what a user should know: a key was saved, authenticated without credential */
    NACRE_LOG_DEBUG
};

/* Whether further keys that the server announces, and proves, are saved, and keys that it has no
 * more are removed (UpdateHostKeys). Only where the host's plain key stood in a file of the user's
 * own, or the host_key hook has just saved it. */
enum nacre_update { NACRE_UPDATE_NO = 0, NACRE_UPDATE_YES, NACRE_UPDATE_ASK };

/* Everything pointed to is borrowed until close. Zeroed: see above. */
struct nacre_client_cfg {
    const char *host;            /* name or number */
    uint32_t port;               /* 0: 22 */
    const char *user;            /* NULL: name of the user that runs the program */
    const char *host_key_alias;  /* name in the known-hosts files, without port; NULL: host, port */
    int family;                  /* 4 or 6; 0: both */
    const char *bind_addr;       /* numeric local address; NULL: any */
    uint64_t connect_ms;         /* to connect and see the version; 0: 2 minutes */
    struct nacre_conn_cfg conn;  /* algorithms, windows, rekeying, keepalives, deadlines */
    uint32_t channels;           /* 0: 16 */
    size_t buf;                  /* of each direction, bytes; 0: NACRE_BUF_BULK */
    const struct nacre_rng *rng; /* NULL: nacre_rng_os */

    enum nacre_host_policy host_policy;
    const char *const *known_hosts; /* files; new keys go to the first; NULL: ~/.ssh/known_hosts */
    size_t n_known_hosts;
    size_t n_own_hosts;    /* of those the user's own, in front; 0: the first alone */
    bool hash_known_hosts; /* names of new keys are written hashed */
    const char *const *revoked_host_keys; /* files: key revocation lists or public keys; one that
                                           * cannot be read refuses every key */
    size_t n_revoked_host_keys;
    enum nacre_update update_hosts; /* ASK: the new_host_keys hook decides */
    const char *ca_sig_algs; /* signatures of authorities under host certificates, such a list as
                              * those of conn; NULL: default */

    unsigned auth_methods;  /* set of nacre_auth_method; 0: all but none; NONE is tried where it
                             * is in the set, or no other method is left */
    const char *auth_order; /* names of methods, comma-separated; NULL: publickey,
                             * keyboard-interactive, password */

    /* Keys, in this order: keys, sign_keys, certificates, those that an agent has of the files, the
     * agent's others, files. Each is offered once; private halves are opened when needed. */
    const struct nacre_privkey *keys;
    size_t n_keys;
    const struct nacre_bytes *sign_keys; /* public key or certificate blobs, for the sign hook */
    size_t n_sign_keys;
    const char *const *identities; /* key files, or public halves of keys that the agent has; NULL:
                                    * unless keys or sign_keys are given, the usual ones */
    size_t n_identities;
    const char *const *certificates; /* files; NULL: <identity>-cert.pub where there is one */
    size_t n_certificates;
    const char *agent;    /* socket: a path, "$NAME" of the environment, "SSH_AUTH_SOCK" or "none";
                           * NULL: unless keys or sign_keys are given, SSH_AUTH_SOCK */
    bool identities_only; /* no keys of the agent but those of identities and certificates */
    enum nacre_keep keep; /* in the agent: NO; YES; ASK by hook; CONFIRM each use there */
    uint32_t keep_lifetime; /* seconds that the agent keeps it; 0: for ever */
    const char *password;   /* tried once, by password and keyboard-interactive; NULL: none */
    unsigned prompts;       /* passwords asked for by hook; 0: 3 */
    const char
        *pubkey_algs;     /* signature algorithms to use, a list as those of conn; NULL: default */
    bool need_credential; /* refuse a server that lets us in without any */

    /* Hooks; ctx goes to each. They may take their time (it does not count for deadlines of the
     * engine) and must not call back, but for event. */
    void *ctx;
    enum nacre_trust (*host_key)(void *ctx, const struct nacre_host_question *q);
    /* text: a line for each key learned and removed, fit for a terminal. True saves. */
    bool (*new_host_keys)(void *ctx, const char *host, const char *text);
    bool (*secret)(void *ctx, const struct nacre_secret_question *q, char answer[NACRE_SECRET_CAP]);
    /* Writes the signature blob (string name, string signature) of at most cap bytes to sig, its
     * length to *n. False: no signature, the next key is tried. */
    bool (*sign)(void *ctx, const struct nacre_sign_question *q, uint8_t *sig, size_t cap,
                 size_t *n);
    void (*banner)(void *ctx, const char *text);
    void (*log)(void *ctx, enum nacre_log_level level, const char *line);
    /* Events that the library does not need itself. True: taken; an open question left is refused.
     */
    bool (*event)(void *ctx, struct nacre_client *c, const struct nacre_event *ev);
    /* Output was drained: producers may go on. */
    void (*room)(void *ctx, struct nacre_client *c);
};

/* Takes from files of ssh_config(5) what cfg has not set: all that is zero or NULL of what such a
 * file can say. cfg->host, user and port are those that Host and Match are about; cfg->host becomes
 * the name to connect to (HostName, canonical names). file: one file; "": ~/.ssh/config and
 * /etc/ssh/ssh_config; no other function reads any. host_policy and update_hosts, whose zero is a
 * value, change where the file has a line for them; forwards, commands and terminals are the
 * program's, and not looked at; with a proxy nacre_client_start() is to be used, and this fails.
 * cfg->log is told what is read.
 *
 * *k holds what cfg then points to, until it is freed: after the client is closed. It is made on
 * failure too (but for NO_MEMORY), for the line on what is wrong; cfg is then unchanged.
 * FILE_FORMAT: a file cannot be read, or wants what is not supported. USAGE: no host. */
struct nacre_client_config;
NACRE_MUST_CHECK nacre_err nacre_client_config_read(struct nacre_client_config **k,
                                                    struct nacre_client_cfg *cfg, const char *file);
/* "" if nothing is wrong. NULL is allowed. */
const char *nacre_client_config_error(const struct nacre_client_config *k);
void nacre_client_config_free(struct nacre_client_config *k);

/* ---- Connections ------------------------------------------------------------------------- */

/* Connects, exchanges keys, authenticates. *c is made on failure too (but for NO_MEMORY), for
 * nacre_client_error(); close it in any case. */
NACRE_MUST_CHECK nacre_err nacre_client_open(struct nacre_client **c,
                                             const struct nacre_client_cfg *cfg);
/* Disconnects and frees; NULL is allowed. */
void nacre_client_close(struct nacre_client *c);
/* One line on the last failure; "" if there was none. NULL is allowed. Lives as long as c. */
const char *nacre_client_error(const struct nacre_client *c);
struct nacre_conn *nacre_client_conn(struct nacre_client *c);

enum nacre_client_state {
    NACRE_CLIENT_HANDSHAKE = 0,
    NACRE_CLIENT_AUTH,
    NACRE_CLIENT_READY,
    NACRE_CLIENT_OVER
};

/* Non-blocking: takes over the connected descriptors (equal for a socket), which must not block. */
NACRE_MUST_CHECK nacre_err nacre_client_start(struct nacre_client **c,
                                              const struct nacre_client_cfg *cfg, int rfd, int wfd);
/* The descriptor to read from and, if write, the one to write to. */
int nacre_client_fd(const struct nacre_client *c, bool write);
/* Set of NACRE_WANT_READ, WRITE, CLOSED as of the last step. */
unsigned nacre_client_wants(const struct nacre_client *c);
/* When the next step is due at the latest, milliseconds from now; UINT64_MAX: never. */
uint64_t nacre_client_due(const struct nacre_client *c);
/* ready: set of NACRE_WANT_READ, WRITE that may be tried. The error that ended the connection, or
 * OK; CLOSED after an orderly end. */
NACRE_MUST_CHECK nacre_err nacre_client_step(struct nacre_client *c, unsigned ready);
enum nacre_client_state nacre_client_state(const struct nacre_client *c);
/* Blocks until the connection is ready. */
NACRE_MUST_CHECK nacre_err nacre_client_wait_ready(struct nacre_client *c);

/* ---- Commands ---------------------------------------------------------------------------- */

/* One command; zeroed but for command it has no input and gathers up to 16 MiB of output. */
struct nacre_run {
    const char *command;
    struct nacre_bytes input; /* its standard input, then end of file */
    uint64_t timeout_ms;      /* 0: none */
    size_t max_output;        /* of both streams together when gathered, bytes; 0: 16 MiB */
    /* Called with output as it comes, stream 1 or 2, instead of gathering. False stops: CLOSED. */
    bool (*output)(void *ctx, int stream, const uint8_t *p, size_t n);
    void *ctx;
    /* Results. */
    int status;      /* exit status; -1: the server told none */
    char signal[32]; /* name of the signal that ended it, without "SIG", escaped; or "" */
    struct {
        uint8_t *p; /* n bytes and a NUL */
        size_t n;
    } out, err;
};

/* Runs r->command and drains both streams until it is over. Errors: of the connection; TIMEOUT and
 * LIMIT (output over max_output), after which the connection goes on; KEY_REFUSED never; CLOSED.
 * CHANNEL_STATE: the server refused the channel or the command. Free the results with
 * nacre_run_free(), on failure too. */
NACRE_MUST_CHECK nacre_err nacre_client_run(struct nacre_client *c, struct nacre_run *r);
void nacre_run_free(struct nacre_run *r);

/* ---- Agents ------------------------------------------------------------------------------ */

struct nacre_agent;

/* Connects to an agent's socket: a setting as cfg.agent has it; NULL: SSH_AUTH_SOCK. IO with errno
 * (ENOENT: none is named); NO_MEMORY. Requests below block, but never for ever: an agent has 10
 * seconds for an answer, and two minutes where a person may have to confirm.
 *
 * All may return KEY_REFUSED: the agent said no. Anything else (IO, TIMEOUT, PEER_CLOSED, and
 * FORMAT, ORDER, LIMIT: the agent does not keep to the protocol) ends the connection, and every
 * later call gives it again; errors of the making of a request, as nacre_agent.h has them, do not.
 */
NACRE_MUST_CHECK nacre_err nacre_agent_open(struct nacre_agent **a, const char *path);
/* NULL is allowed. */
void nacre_agent_close(struct nacre_agent *a);
/* The agent's keys, packed: nacre_agent_identity_next(). Borrowed until the next request. Keys of
 * types that are not understood are among them, and can be signed with. */
NACRE_MUST_CHECK nacre_err nacre_agent_list(struct nacre_agent *a, struct nacre_bytes *keys);
/* Signs data by the key with that blob, under that algorithm: out gets the signature blob, not
 * verified. NO_ROOM: over cap. */
NACRE_MUST_CHECK nacre_err nacre_agent_sign(struct nacre_agent *a, struct nacre_bytes key,
                                            struct nacre_bytes alg, struct nacre_bytes data,
                                            uint8_t *out, size_t cap, size_t *n);
/* Adds a key; cert: a certificate for it, or empty; limits may be NULL. */
NACRE_MUST_CHECK nacre_err nacre_agent_store(struct nacre_agent *a, const struct nacre_privkey *k,
                                             struct nacre_bytes cert, struct nacre_bytes comment,
                                             const struct nacre_agent_limits *limits);
NACRE_MUST_CHECK nacre_err nacre_agent_remove(struct nacre_agent *a, struct nacre_bytes key);
NACRE_MUST_CHECK nacre_err nacre_agent_remove_all(struct nacre_agent *a);
NACRE_MUST_CHECK nacre_err nacre_agent_lock(struct nacre_agent *a, const char *passphrase);
NACRE_MUST_CHECK nacre_err nacre_agent_unlock(struct nacre_agent *a, const char *passphrase);
/* An extension with those contents; *reply is borrowed until the next request. */
NACRE_MUST_CHECK nacre_err nacre_agent_extend(struct nacre_agent *a, const char *name,
                                              struct nacre_bytes data, struct nacre_bytes *reply);
/* session-bind@openssh.com: tells the agent which host the connection is used for, so that it can
 * keep keys to their destinations; see nacre_agent_put_bind(). */
NACRE_MUST_CHECK nacre_err nacre_agent_bind_session(struct nacre_agent *a,
                                                    struct nacre_bytes host_key,
                                                    struct nacre_bytes session_id,
                                                    struct nacre_bytes signature, bool forwarding);

/* ---- Files (SFTP) ------------------------------------------------------------------------ */

/* Opens the subsystem sftp. The client must outlive it. */
NACRE_MUST_CHECK nacre_err nacre_files_open(struct nacre_files **f, struct nacre_client *c);
/* The same over a pair of descriptors, such as the pipes of an sftp-server; they are taken over. */
NACRE_MUST_CHECK nacre_err nacre_files_open_fds(struct nacre_files **f, int rfd, int wfd);
void nacre_files_close(struct nacre_files *f);
/* One line on the last failure, fit for a terminal ("No such file"); never NULL. */
const char *nacre_files_error(const struct nacre_files *f);
/* Status of the server in the last failure; NACRE_FX_OK if it was none of the server's. */
uint32_t nacre_files_status(const struct nacre_files *f);
struct nacre_sftp_client *nacre_files_engine(struct nacre_files *f);

/* Milliseconds that the server may be silent while something is asked; 0: for ever (the default).
 */
void nacre_files_timeout(struct nacre_files *f, uint64_t ms);

/* One request and its reply, which is valid until the next call. A refusal is IO, and
 * nacre_files_status() says why; EOF of READ and READDIR too. Not for WRITE in bulk. */
NACRE_MUST_CHECK nacre_err nacre_files_ask(struct nacre_files *f, const struct nacre_sftp_req *req,
                                           struct nacre_sftp_event *reply);
/* Attributes; follow: of what a link points to. */
NACRE_MUST_CHECK nacre_err nacre_files_stat(struct nacre_files *f, const char *path, bool follow,
                                            struct nacre_sftp_attrs *attrs);
NACRE_MUST_CHECK nacre_err nacre_files_mkdir(struct nacre_files *f, const char *path,
                                             uint32_t mode);
NACRE_MUST_CHECK nacre_err nacre_files_rmdir(struct nacre_files *f, const char *path);
NACRE_MUST_CHECK nacre_err nacre_files_remove(struct nacre_files *f, const char *path);
/* Replaces an existing target if the server can (posix-rename@openssh.com). */
NACRE_MUST_CHECK nacre_err nacre_files_rename(struct nacre_files *f, const char *from,
                                              const char *to);
NACRE_MUST_CHECK nacre_err nacre_files_chmod(struct nacre_files *f, const char *path,
                                             uint32_t mode);
NACRE_MUST_CHECK nacre_err nacre_files_symlink(struct nacre_files *f, const char *target,
                                               const char *link);
/* The path as the server sees it, absolute; malloc'd. NULL on failure. As the server gave it:
 * escape before printing. */
char *nacre_files_realpath(struct nacre_files *f, const char *path);
char *nacre_files_readlink(struct nacre_files *f, const char *path);

/* Calls entry for each entry of a directory ("." and ".." too) as it comes; false stops. Names are
 * as the server gave them, at most 255 bytes, without '/' or NUL: others are skipped (S84). */
NACRE_MUST_CHECK nacre_err nacre_files_list(struct nacre_files *f, const char *path,
                                            bool (*entry)(void *ctx,
                                                          const struct nacre_sftp_name *name),
                                            void *ctx);

struct nacre_transfer {
    bool preserve; /* times and permissions */
    bool fsync;
    bool resume;     /* go on where an earlier transfer stopped: the target's size */
    uint64_t budget; /* bytes in flight; 0: default */
    /* Progress: total 0 if not known. False stops the transfer. NULL: none. */
    bool (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
    uint64_t bytes; /* result: moved by this call */
};

/* Fetches a file. It is written under a temporary name beside local and renamed when it is whole,
 * so that an interrupted download leaves nothing that looks whole. A local target that exists and
 * is no regular file (a device, a pipe) is written in place. opts may be NULL. */
NACRE_MUST_CHECK nacre_err nacre_files_get(struct nacre_files *f, const char *remote,
                                           const char *local, struct nacre_transfer *opts);
/* Sends a file. */
NACRE_MUST_CHECK nacre_err nacre_files_put(struct nacre_files *f, const char *local,
                                           const char *remote, struct nacre_transfer *opts);

#ifdef __cplusplus
}
#endif
#endif
