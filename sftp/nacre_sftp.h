/* SPDX-License-Identifier: ISC
 *
 * nacre's SFTP engine: version 3 (draft-ietf-secsh-filexfer-02 and the extensions of OpenSSH's
 * PROTOCOL file) in both roles, over any byte stream, without I/O or allocation. Sources of files
 * are tables of functions: struct nacre_sftp_io for a client's transfers, struct nacre_fs for a
 * server.
 *
 * Bytes in:  *_recv() takes a slice of the stream and says how much it consumed. Payload of READ
 *            replies is told as slices of that very slice, as it arrives; payload of WRITE requests
 *            goes from it to fs->write. Nothing is gathered but headers and small messages.
 * Bytes out: *_output() fills a place that the caller hands out. Payload is read from the file
 *            straight into it. The stream needs no alignment with packets of a channel.
 *
 * Client, over a channel (a pipe or a socket is simpler: read(2), write(2) with a buffer):
 *
 *     nacre_sftp_client_init(&c, mem, sizeof mem);           requests may follow at once
 *     req.op = NACRE_SFTP_OP_STAT; req.path = ...;
 *     nacre_sftp_client_request(&c, &req, &ticket);
 *
 *     output, after requests and events, until n is 0 or the channel takes no more (room 0):
 *         nacre_chan_reserve(conn, chan, 0, SIZE_MAX, &p, &room);
 *         n = nacre_sftp_client_output(&c, p, room);          or, while a transfer t runs:
 *         n = nacre_sftp_xfer_output(&t, &c, p, room);        (includes the client's; several
 *         nacre_chan_commit(conn, chan, n);                    transfers: p + n, room - n)
 *
 *     on CHAN_DATA (ext 0):
 *         for (in = data.p, n = data.n; n > 0; in += used, n -= used) {
 *             err = nacre_sftp_client_recv(&c, in, n, &used, &ev);
 *             if (err != NACRE_OK) ...                        see nacre_sftp_client_errinfo()
 *             if (ev.type != NACRE_SFTP_EV_NONE && !nacre_sftp_xfer_event(&t, &ev))
 *                 act on ev: ev.ticket says which request it answers
 *         }
 *         nacre_chan_consumed(conn, chan, data.n);
 *
 * Server, over a channel:
 *
 *     nacre_fs_posix_init(&fs, &posix, &posix_cfg);
 *     nacre_sftp_server_init(&s, mem, sizeof mem, &cfg);      cfg.fs = &fs
 *     on CHAN_DATA: nacre_sftp_server_recv(&s, in, n, &used); if used < n, keep the rest (it is
 *         within the window that was granted), make output, and feed it again; credit what was used
 *     while (nacre_sftp_server_wants(&s) & NACRE_WANT_WRITE):
 *         nacre_chan_reserve(conn, chan, 0, SIZE_MAX, &p, &room);
 *         n = nacre_sftp_server_output(&s, p, room);
 *         nacre_chan_commit(conn, chan, n);
 *     on CHAN_EOF or close: nacre_sftp_server_close(&s);
 *
 * Ownership: structs and regions belong to the caller. They hold no pointers into themselves: both
 * may be moved together by the same distance. The first error sticks and ends an engine; errors of
 * the usage class change nothing. Text and names of a peer are unescaped.
 */
#ifndef NACRE_SFTP_H
#define NACRE_SFTP_H

#include "proto/nacre.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Protocol ---------------------------------------------------------------------------- */

#define NACRE_SFTP_VERSION 3
/* Longest handle of a server: draft 6.2. */
#define NACRE_SFTP_HANDLE_MAX 256
/* Requests in flight of one client engine. */
#define NACRE_SFTP_REQUESTS_MAX 64
/* Open handles of one server engine. */
#define NACRE_SFTP_HANDLES_MAX 256

/* Status codes: draft 7. */
enum nacre_sftp_status {
    NACRE_FX_OK = 0,
    NACRE_FX_EOF = 1,
    NACRE_FX_NO_SUCH_FILE = 2,
    NACRE_FX_PERMISSION_DENIED = 3,
    NACRE_FX_FAILURE = 4,
    NACRE_FX_BAD_MESSAGE = 5,
    NACRE_FX_NO_CONNECTION = 6,
    NACRE_FX_CONNECTION_LOST = 7,
    NACRE_FX_OP_UNSUPPORTED = 8
};

/* The usual text of a status ("No such file"), static; "Unknown error" for other codes. */
const char *nacre_sftp_status_text(uint32_t status);

/* Flags of OPEN: draft 6.3. */
enum nacre_sftp_open_flag {
    NACRE_FXF_READ = 1,
    NACRE_FXF_WRITE = 2,
    NACRE_FXF_APPEND = 4,
    NACRE_FXF_CREAT = 8,
    NACRE_FXF_TRUNC = 16,
    NACRE_FXF_EXCL = 32
};

/* Which fields of the attributes are there: draft 5. Extended pairs are skipped when read. */
enum nacre_sftp_attr_flag {
    NACRE_SFTP_ATTR_SIZE = 1,
    NACRE_SFTP_ATTR_UIDGID = 2,
    NACRE_SFTP_ATTR_MODE = 4,
    NACRE_SFTP_ATTR_TIMES = 8
};

/* File type bits of mode, as on the wire and in POSIX. */
#define NACRE_SFTP_S_IFMT 0170000u
#define NACRE_SFTP_S_IFDIR 0040000u
#define NACRE_SFTP_S_IFREG 0100000u
#define NACRE_SFTP_S_IFLNK 0120000u

struct nacre_sftp_attrs {
    uint32_t flags; /* set of nacre_sftp_attr_flag */
    uint32_t uid, gid;
    uint32_t mode;         /* type and permissions */
    uint32_t atime, mtime; /* seconds since 1970 */
    uint64_t size;
};

/* One entry of a directory, or one path: longname is its line in a listing, not to be parsed. */
struct nacre_sftp_name {
    struct nacre_bytes name;
    struct nacre_bytes longname;
    struct nacre_sftp_attrs attrs;
};

/* The entries of a NAMES event, checked already. Borrowed as the event is. */
struct nacre_sftp_names {
    struct nacre_bytes rest;
    uint32_t left;
};

/* Takes the next entry; false after the last one. */
bool nacre_sftp_names_next(struct nacre_sftp_names *names, struct nacre_sftp_name *name);

/* statvfs@openssh.com: fields of statvfs(3). */
struct nacre_sftp_statvfs {
    uint64_t bsize, frsize, blocks, bfree, bavail, files, ffree, favail, fsid, flag, namemax;
};

/* limits@openssh.com: 0 means no limit told. */
struct nacre_sftp_limits {
    uint64_t packet, read, write, handles;
};

/* Requests: draft 6, and the extensions by their names in OpenSSH's PROTOCOL 4. */
enum nacre_sftp_op {
    NACRE_SFTP_OP_NONE = 0,
    NACRE_SFTP_OP_OPEN,         /* path, pflags, attrs */
    NACRE_SFTP_OP_CLOSE,        /* handle */
    NACRE_SFTP_OP_READ,         /* handle, offset, len */
    NACRE_SFTP_OP_WRITE,        /* handle, offset, data */
    NACRE_SFTP_OP_LSTAT,        /* path */
    NACRE_SFTP_OP_FSTAT,        /* handle */
    NACRE_SFTP_OP_SETSTAT,      /* path, attrs */
    NACRE_SFTP_OP_FSETSTAT,     /* handle, attrs */
    NACRE_SFTP_OP_OPENDIR,      /* path */
    NACRE_SFTP_OP_READDIR,      /* handle */
    NACRE_SFTP_OP_REMOVE,       /* path */
    NACRE_SFTP_OP_MKDIR,        /* path, attrs */
    NACRE_SFTP_OP_RMDIR,        /* path */
    NACRE_SFTP_OP_REALPATH,     /* path */
    NACRE_SFTP_OP_STAT,         /* path */
    NACRE_SFTP_OP_RENAME,       /* path, path2 (the new one) */
    NACRE_SFTP_OP_READLINK,     /* path */
    NACRE_SFTP_OP_SYMLINK,      /* path: what the link says, path2: the link; in OpenSSH's order */
    NACRE_SFTP_OP_POSIX_RENAME, /* path, path2 */
    NACRE_SFTP_OP_STATVFS,      /* path */
    NACRE_SFTP_OP_FSTATVFS,     /* handle */
    NACRE_SFTP_OP_HARDLINK,     /* path (exists), path2 */
    NACRE_SFTP_OP_FSYNC,        /* handle */
    NACRE_SFTP_OP_LSETSTAT,     /* path, attrs */
    NACRE_SFTP_OP_LIMITS,       /* nothing */
    NACRE_SFTP_OP_EXPAND_PATH,  /* path */
    NACRE_SFTP_OP_COPY_DATA,    /* handle, offset, count (0: to its end), handle2, offset2 */
    NACRE_SFTP_OP_HOME_DIRECTORY, /* path: the user's name */
    NACRE_SFTP_OP_USERS_GROUPS,   /* data, data2: uids and gids, four octets each */
    NACRE_SFTP_OP_EXTENDED,       /* name, data: any other extension */
    NACRE_SFTP_OP_COUNT
};

/* Name as nacre-sftp-server -Q requests prints it ("open", "posix-rename"); "" for NONE. */
const char *nacre_sftp_op_name(enum nacre_sftp_op op);
/* The operation of that name; NONE if there is none. */
enum nacre_sftp_op nacre_sftp_op_by_name(struct nacre_bytes name);
/* True if it changes files or directories (OPEN: only with some flags, so it is not among them). */
bool nacre_sftp_op_writes(enum nacre_sftp_op op);

/* One request, as sent and as received: fields that its operation does not use are ignored. */
struct nacre_sftp_req {
    enum nacre_sftp_op op;
    uint32_t id;     /* received */
    uint32_t pflags; /* set of nacre_sftp_open_flag */
    uint32_t len;
    uint64_t offset, offset2, count;
    struct nacre_bytes path, path2;
    struct nacre_bytes handle, handle2;
    struct nacre_bytes name;
    struct nacre_bytes data, data2;
    struct nacre_sftp_attrs attrs;
};

/* Why an engine ended, for one line to the user. */
struct nacre_sftp_errinfo {
    nacre_err err;
    uint8_t msg;          /* number of the message at fault, or 0 */
    const char *msg_name; /* its name ("SSH_FXP_DATA"), or "" */
    uint32_t id;          /* its id, or 0 */
    const char *what;     /* static text, or "" */
};

/* A handle that outlives the event that told it. */
struct nacre_sftp_handle {
    uint16_t n;
    uint8_t b[NACRE_SFTP_HANDLE_MAX];
};

/* False (h empty) if b is longer than any handle. */
bool nacre_sftp_handle_set(struct nacre_sftp_handle *h, struct nacre_bytes b);
struct nacre_bytes nacre_sftp_handle_bytes(const struct nacre_sftp_handle *h);

/* True if a name that a server gave may become a file in a local directory: one component, not "",
 * "." or "..", at most 255 octets, no '/', no NUL. */
bool nacre_sftp_name_safe(struct nacre_bytes name);

/* ---- Client ------------------------------------------------------------------------------ */

enum nacre_sftp_event_type {
    NACRE_SFTP_EV_NONE = 0, /* all was consumed, nothing to tell */
    NACRE_SFTP_EV_VERSION,  /* the server answered INIT: nacre_sftp_client_supports() is known */
    NACRE_SFTP_EV_STATUS,   /* status, text; for a READ and READDIR EOF is one of them */
    NACRE_SFTP_EV_HANDLE,   /* data: the handle */
    NACRE_SFTP_EV_DATA,     /* data: the next piece of a READ's reply, at offset of the file; done
                             * with the last one, which may be empty */
    NACRE_SFTP_EV_NAMES,    /* names */
    NACRE_SFTP_EV_ATTRS,    /* attrs */
    NACRE_SFTP_EV_EXTENDED  /* vfs, limits, or data (USERS_GROUPS: users' names, data2: groups';
                             * other: everything after the id) */
};

struct nacre_sftp_event {
    enum nacre_sftp_event_type type;
    enum nacre_sftp_op op; /* of the request that this answers */
    uint32_t ticket;       /* that request; it is over unless type is DATA without done */
    uint32_t status;
    uint32_t len; /* DATA: of the whole reply */
    bool done;
    uint64_t offset;
    struct nacre_bytes text;
    struct nacre_bytes data, data2;
    struct nacre_sftp_names names;
    struct nacre_sftp_attrs attrs;
    struct nacre_sftp_statvfs vfs;
    struct nacre_sftp_limits limits;
};

struct ncr_sftp_slot {
    uint32_t id;
    uint32_t want; /* READ: bytes asked for */
    uint64_t offset;
    uint8_t op; /* enum nacre_sftp_op; NONE: free */
};

/* Private layout, public for static storage. */
struct nacre_sftp_client {
    nacre_err err;
    struct nacre_sftp_errinfo info;
    intptr_t mem_off;      /* region minus this struct */
    uint32_t in_cap, in_n; /* the packet being gathered */
    uint32_t out_cap, out_start, out_end;
    uint32_t data_id, data_left; /* the DATA reply being streamed */
    uint32_t data_len;
    uint64_t data_offset;
    bool streaming, versioned;
    uint32_t next_gen;
    uint32_t n_flight;
    uint32_t limits_ticket; /* of our own LIMITS request */
    bool limits_asked;
    uint64_t ops; /* set of 1 << op that the server announced */
    struct nacre_sftp_limits limits;
    uint32_t place_len; /* of a WRITE between begin and end */
    uint64_t place_offset;
    struct ncr_sftp_slot slots[NACRE_SFTP_REQUESTS_MAX];
};

#define NCR_SFTP_CLIENT_OUT 16384
/* Region of a client: room for the largest reply that is not file data, and for requests. Any
 * length from _MEM_MIN on works; longer replies than it holds end the engine with LIMIT. Pages that
 * no reply needs are not touched. */
#define NACRE_SFTP_CLIENT_MEM (256u * 1024 + 4 + NCR_SFTP_CLIENT_OUT)
#define NACRE_SFTP_CLIENT_MEM_MIN (16u * 1024 + NCR_SFTP_CLIENT_OUT)

/* Makes a client; INIT is ready to be sent. Errors: REGION. */
NACRE_MUST_CHECK nacre_err nacre_sftp_client_init(struct nacre_sftp_client *c, void *mem,
                                                  size_t len);

/* Sends a request. *ticket is its id, which the events of its reply bear, in any order; ticket %
 * NACRE_SFTP_REQUESTS_MAX differs among all requests in flight. Allowed from init on, but an
 * extension only after VERSION. WRITE copies its data, at most some 16,000 bytes, here: see
 * nacre_sftp_write_begin() for bulk. Errors: NO_ROOM (too many in flight, or output must be
 * drained), USAGE (not announced, path, handle or data too long or READ of more than the limit). */
NACRE_MUST_CHECK nacre_err nacre_sftp_client_request(struct nacre_sftp_client *c,
                                                     const struct nacre_sftp_req *req,
                                                     uint32_t *ticket);

/* A WRITE whose payload is produced in the output place p of room bytes: begin says where (*data)
 * and how much fits (*len, 0: place too small, output pending, or too many in flight); end builds
 * the request around the first n bytes there and returns how many bytes of p are used; n 0 gives
 * it up and returns 0. Nothing else may be called between the two. */
void nacre_sftp_write_begin(struct nacre_sftp_client *c, const struct nacre_sftp_handle *h,
                            uint64_t offset, uint8_t *p, size_t room, uint8_t **data, size_t *len);
size_t nacre_sftp_write_end(struct nacre_sftp_client *c, const struct nacre_sftp_handle *h,
                            uint8_t *p, size_t n, uint32_t *ticket);

/* Fills up to room bytes of p with the stream; returns how many. */
size_t nacre_sftp_client_output(struct nacre_sftp_client *c, uint8_t *p, size_t room);

/* Consumes a part of the n bytes at in, *used of them (at least one if n > 0), and tells at most
 * one event, whose slices are borrowed until the next call or until in changes. Call again while
 * bytes are left. */
NACRE_MUST_CHECK nacre_err nacre_sftp_client_recv(struct nacre_sftp_client *c, const uint8_t *in,
                                                  size_t n, size_t *used,
                                                  struct nacre_sftp_event *ev);

/* The stream ended: OK between replies with nothing in flight, else PEER_CLOSED. The engine is
 * over in both cases. */
NACRE_MUST_CHECK nacre_err nacre_sftp_client_eof(struct nacre_sftp_client *c);

/* Set of NACRE_WANT_WRITE (output waits), READ (replies are due), CLOSED. */
unsigned nacre_sftp_client_wants(const struct nacre_sftp_client *c);
/* Requests in flight. */
size_t nacre_sftp_client_flight(const struct nacre_sftp_client *c);
/* True if the server can be asked that: announced, or part of version 3. */
bool nacre_sftp_client_supports(const struct nacre_sftp_client *c, enum nacre_sftp_op op);
/* The server's limits if it told them (they are asked for after VERSION), else what every server
 * takes: 32 KiB of data in a READ or WRITE. */
struct nacre_sftp_limits nacre_sftp_client_limits(const struct nacre_sftp_client *c);
struct nacre_sftp_errinfo nacre_sftp_client_errinfo(const struct nacre_sftp_client *c);

/* ---- Client: transfers ------------------------------------------------------------------- */

/* The local side of a transfer. read() fills up to n bytes from offset on, *got 0 at the end of
 * the file; write() writes all n bytes. Each returns NACRE_OK or an error that ends the transfer.
 */
struct nacre_sftp_io {
    void *ctx;
    nacre_err (*read)(void *ctx, uint64_t offset, uint8_t *p, size_t n, size_t *got);
    nacre_err (*write)(void *ctx, uint64_t offset, const uint8_t *p, size_t n);
};

struct nacre_sftp_xfer_cfg {
    bool put;                /* local to remote; else remote to local */
    struct nacre_bytes path; /* remote file, borrowed until its OPEN is sent */
    struct nacre_sftp_io io;
    uint64_t offset;    /* first byte to move, of both files: to resume */
    uint64_t size_hint; /* get: size of the remote file as a listing told it; 0: not known */
    uint64_t max_size;  /* get: a file that goes on beyond is an error (LIMIT); 0: none */
    uint64_t budget;    /* bytes in flight at most; 0: NACRE_SFTP_BUDGET */
    uint32_t pflags;    /* 0: READ; put: WRITE, CREAT and, from offset 0, TRUNC */
    struct nacre_sftp_attrs attrs; /* put: of the file when it is made */
    struct nacre_sftp_attrs final; /* put: set before CLOSE; flags 0: nothing */
    bool fsync;                    /* put: fsync@openssh.com before CLOSE, if the server has it */
};
#define NACRE_SFTP_BUDGET (8u * 1024 * 1024)

enum nacre_sftp_xfer_state {
    NACRE_XFER_IDLE = 0,
    NACRE_XFER_OPENING,
    NACRE_XFER_MOVING,
    NACRE_XFER_ENDING, /* attributes, fsync, CLOSE */
    NACRE_XFER_DONE,
    NACRE_XFER_FAILED /* over as well: nothing of it is in flight any more */
};

/* A request in flight, or a part of the file that must be asked for again. */
struct ncr_xfer_part {
    uint64_t offset;
    uint32_t len, got;
    uint32_t ticket;
    bool used;
};

/* Why a transfer or a listing failed. */
struct nacre_sftp_failure {
    nacre_err err; /* error of the local side or of the engine; OK: the server's status */
    uint32_t status;
    enum nacre_sftp_op op; /* what failed; NONE: nothing */
    char text[128];        /* the server's text, cut, unescaped */
};

/* One file under way. Fields down to `moved` may be read; the rest is private. Several may run over
 * one client at once: they share the table of requests. */
struct nacre_sftp_xfer {
    enum nacre_sftp_xfer_state state;
    struct nacre_sftp_failure
        failure;                   /* of FAILED; DONE: attributes or fsync failed, data is there */
    struct nacre_sftp_attrs attrs; /* get: of the remote file, once known */
    uint64_t size;                 /* expected; 0 if not known */
    uint64_t end;                  /* get, DONE: size of the file; cut the local one to it */
    uint64_t moved;                /* bytes so far, for progress */
    struct nacre_sftp_xfer_cfg cfg;
    struct nacre_sftp_handle handle;
    bool stopping, eof_known;
    uint8_t ctl_sent; /* set of 1 << index of ctl */
    uint8_t ctl_flight;
    uint32_t ctl[5]; /* tickets of OPEN, FSTAT, FSETSTAT, FSYNC, CLOSE */
    uint32_t n_flight, n_holes;
    uint32_t max_len;
    uint64_t next, eof, window, in_flight;
    uint64_t low;                                        /* first byte that failed */
    struct ncr_xfer_part parts[NACRE_SFTP_REQUESTS_MAX]; /* by ticket */
    struct ncr_xfer_part holes[NACRE_SFTP_REQUESTS_MAX];
};

/* Prepares a transfer; its OPEN leaves with the first output. USAGE: no hook for its direction, or
 * an offset out of range. */
NACRE_MUST_CHECK nacre_err nacre_sftp_xfer_init(struct nacre_sftp_xfer *t,
                                                const struct nacre_sftp_xfer_cfg *cfg);
/* Offers an event; false if it belongs to something else. */
bool nacre_sftp_xfer_event(struct nacre_sftp_xfer *t, const struct nacre_sftp_event *ev);
/* Sends what is due and fills up to room bytes of p with the client's stream, payload of a put
 * read straight into it; returns how many. Larger places make larger WRITEs: give it whole packets;
 * a put needs more than 281 bytes to go on. Call it while it returns bytes, and after events. */
size_t nacre_sftp_xfer_output(struct nacre_sftp_xfer *t, struct nacre_sftp_client *c, uint8_t *p,
                              size_t room);
/* Stops: no further request but CLOSE; FAILED follows when all replies are in. */
void nacre_sftp_xfer_stop(struct nacre_sftp_xfer *t, nacre_err why);
/* FAILED at once, without CLOSE: the stream or the client is over (output sees the latter itself).
 */
void nacre_sftp_xfer_abort(struct nacre_sftp_xfer *t, nacre_err why);
bool nacre_sftp_xfer_over(const struct nacre_sftp_xfer *t);
/* Everything below this offset has arrived: where an interrupted transfer may be resumed, and
 * what an incomplete local file must be cut to. */
uint64_t nacre_sftp_xfer_prefix(const struct nacre_sftp_xfer *t);

/* Lists a directory: OPENDIR, READDIR until its end, CLOSE, with a cap on the entries. */
struct nacre_sftp_list {
    enum nacre_sftp_xfer_state state;
    struct nacre_sftp_failure failure;
    uint64_t entries, max_entries;
    struct nacre_bytes path;
    struct nacre_sftp_handle handle;
    uint32_t ticket;
    bool pending;
};
#define NACRE_SFTP_LIST_MAX (1u << 20)

/* path is borrowed until OPENDIR is sent; max_entries 0: NACRE_SFTP_LIST_MAX, more is an error
 * (LIMIT). */
void nacre_sftp_list_init(struct nacre_sftp_list *l, struct nacre_bytes path, uint64_t max_entries);
/* Queues the request that is due, if there is one and room for it: call it before
 * nacre_sftp_client_output(). */
void nacre_sftp_list_step(struct nacre_sftp_list *l, struct nacre_sftp_client *c);
/* Offers an event; false if it belongs to something else. The entries of a NAMES event of its own
 * are the caller's to take, unless failure.op is then set. */
bool nacre_sftp_list_event(struct nacre_sftp_list *l, const struct nacre_sftp_event *ev);
bool nacre_sftp_list_over(const struct nacre_sftp_list *l);
/* As for transfers. */
void nacre_sftp_list_abort(struct nacre_sftp_list *l, nacre_err why);

/* ---- File systems of a server ------------------------------------------------------------ */

/* What a hook says: 0 or why not. Each maps to a status and a text. */
enum nacre_fs_result {
    NACRE_FS_OK = 0,
    NACRE_FS_EOF, /* readdir: no more entries */
    NACRE_FS_NOT_FOUND,
    NACRE_FS_DENIED,
    NACRE_FS_EXISTS,
    NACRE_FS_NOT_DIR,
    NACRE_FS_IS_DIR,
    NACRE_FS_NOT_EMPTY,
    NACRE_FS_NOT_FILE, /* fifo, socket */
    NACRE_FS_NO_SPACE,
    NACRE_FS_QUOTA,
    NACRE_FS_TOO_BIG,
    NACRE_FS_READ_ONLY,
    NACRE_FS_NAME_TOO_LONG,
    NACRE_FS_LOOP,
    NACRE_FS_TOO_MANY,
    NACRE_FS_BUSY,
    NACRE_FS_OTHER_DEVICE,
    NACRE_FS_INVALID,
    NACRE_FS_UNSUPPORTED,
    NACRE_FS_IO,
    NACRE_FS_BAD_HANDLE,
    NACRE_FS_FAILED,
    NACRE_FS_RESULT_COUNT
};

/* Hooks of a file system. A NULL hook refuses its requests (OP_UNSUPPORTED), so a zeroed table
 * refuses everything, and extensions without a hook are not announced. Paths are what the client
 * sent, without NUL and at most 4,096 octets, relative or absolute; the table decides what they
 * are relative to. Files and directories are numbers of the table's choice. Slices that a hook
 * gives are borrowed until the next hook. Hooks must not call into the engine. */
struct nacre_fs {
    void *ctx;
    /* pflags is checked to make sense. attrs->mode is for a new file; 0666 if its flag is absent.
     */
    enum nacre_fs_result (*open)(void *ctx, struct nacre_bytes path, uint32_t pflags,
                                 const struct nacre_sftp_attrs *attrs, uint64_t *file);
    enum nacre_fs_result (*close)(void *ctx, uint64_t file);
    /* *got 0: the end. Fewer than n only at the end of a regular file. offset + n fits 63 bits. */
    enum nacre_fs_result (*read)(void *ctx, uint64_t file, uint64_t offset, uint8_t *p, size_t n,
                                 size_t *got);
    /* Writes all n bytes. */
    enum nacre_fs_result (*write)(void *ctx, uint64_t file, uint64_t offset, const uint8_t *p,
                                  size_t n);
    enum nacre_fs_result (*fstat)(void *ctx, uint64_t file, struct nacre_sftp_attrs *attrs);
    enum nacre_fs_result (*fsetstat)(void *ctx, uint64_t file,
                                     const struct nacre_sftp_attrs *attrs);
    enum nacre_fs_result (*fsync)(void *ctx, uint64_t file);
    enum nacre_fs_result (*fstatvfs)(void *ctx, uint64_t file, struct nacre_sftp_statvfs *vfs);

    enum nacre_fs_result (*opendir)(void *ctx, struct nacre_bytes path, uint64_t *dir);
    enum nacre_fs_result (*readdir)(void *ctx, uint64_t dir, struct nacre_sftp_name *name);
    enum nacre_fs_result (*closedir)(void *ctx, uint64_t dir);

    /* follow: the last component may be a symbolic link to the thing. */
    enum nacre_fs_result (*stat)(void *ctx, struct nacre_bytes path, bool follow,
                                 struct nacre_sftp_attrs *attrs);
    enum nacre_fs_result (*setstat)(void *ctx, struct nacre_bytes path, bool follow,
                                    const struct nacre_sftp_attrs *attrs);
    enum nacre_fs_result (*remove)(void *ctx, struct nacre_bytes path);
    enum nacre_fs_result (*mkdir)(void *ctx, struct nacre_bytes path,
                                  const struct nacre_sftp_attrs *attrs);
    enum nacre_fs_result (*rmdir)(void *ctx, struct nacre_bytes path);
    enum nacre_fs_result (*realpath)(void *ctx, struct nacre_bytes path, struct nacre_bytes *out);
    /* replace: an existing target is replaced (posix-rename); else it is EXISTS. */
    enum nacre_fs_result (*rename)(void *ctx, struct nacre_bytes from, struct nacre_bytes to,
                                   bool replace);
    enum nacre_fs_result (*readlink)(void *ctx, struct nacre_bytes path, struct nacre_bytes *out);
    enum nacre_fs_result (*symlink)(void *ctx, struct nacre_bytes text, struct nacre_bytes link);
    enum nacre_fs_result (*hardlink)(void *ctx, struct nacre_bytes from, struct nacre_bytes to);
    enum nacre_fs_result (*statvfs)(void *ctx, struct nacre_bytes path,
                                    struct nacre_sftp_statvfs *vfs);
    /* expand-path@openssh.com: "~" and "~user" replaced. */
    enum nacre_fs_result (*expand)(void *ctx, struct nacre_bytes path, struct nacre_bytes *out);
    /* home-directory: of a user, the own one for an empty name. */
    enum nacre_fs_result (*home)(void *ctx, struct nacre_bytes user, struct nacre_bytes *out);
    /* users-groups-by-id@openssh.com: name of a user or group; empty if it has none. */
    enum nacre_fs_result (*id_name)(void *ctx, bool group, uint32_t id, struct nacre_bytes *out);
};

/* Status and text that tell a result to a client. */
uint32_t nacre_fs_result_status(enum nacre_fs_result r);
const char *nacre_fs_result_text(enum nacre_fs_result r);

/* POSIX files, as the calling user. Descriptors are opened close-on-exec and without blocking;
 * fifos, sockets and, as files, directories are refused. */
struct nacre_fs_posix_cfg {
    const char *root;  /* everything is confined to that directory and seen as "/"; NULL: not */
    const char *start; /* what relative paths are relative to, seen from root; NULL: the current
                        * directory, or the root */
    bool portable;     /* tests: use POSIX alone though the kernel could do better */
};

#define NCR_FS_PATH_CAP 4097
#define NCR_FS_ID_CACHE 8

struct ncr_fs_id {
    uint32_t id;
    uint8_t used, group;
    char name[33];
};

/* Private layout. */
struct nacre_fs_posix {
    int root;  /* descriptor of the root, or -1 */
    int start; /* descriptor of the start directory, or AT_FDCWD */
    bool portable;
    uint8_t id_next;
    uint16_t start_len;
    struct ncr_fs_id ids[NCR_FS_ID_CACHE];
    char start_path[NCR_FS_PATH_CAP]; /* canonical, seen from the root */
    char path[2][NCR_FS_PATH_CAP];
    char walk[2][NCR_FS_PATH_CAP];
    char line[NCR_FS_PATH_CAP];
};

/* Fills fs with hooks over p, which must not move while fs is used. IO: a directory of cfg cannot
 * be opened; USAGE. */
NACRE_MUST_CHECK nacre_err nacre_fs_posix_init(struct nacre_fs *fs, struct nacre_fs_posix *p,
                                               const struct nacre_fs_posix_cfg *cfg);
void nacre_fs_posix_close(struct nacre_fs_posix *p);

/* The local side of a transfer over an open descriptor of a regular file (a pipe or terminal
 * fails): pread(2) and pwrite(2), errors as IO with errno as they left it. *fd is borrowed. */
struct nacre_sftp_io nacre_sftp_io_fd(int *fd);

/* A file system in the caller's memory, for tests: every hook but hardlink, statvfs, fstatvfs,
 * expand, home and id_name. One user, no permissions; names have at most 63 octets. */
struct ncr_fs_node {
    uint8_t kind; /* 0: free */
    uint8_t name_len;
    bool unlinked;   /* without a name, kept for its handles */
    uint16_t refs;   /* open handles */
    uint32_t parent; /* number of the directory; 0 is the root, and its own parent */
    uint32_t mode, uid, gid, atime, mtime;
    uint32_t first; /* first block + 1, 0: none */
    uint64_t size;
    char name[64];
};
#define NCR_FS_MEMORY_DIRS 16
struct ncr_fs_memory_dir {
    uint32_t node, next;
    bool used;
};
struct nacre_fs_memory {
    intptr_t mem_off; /* region minus this struct */
    uint32_t n_nodes, n_blocks;
    uint32_t free_block; /* first free one + 1, 0: none */
    uint32_t clock;      /* mtime of the node made last */
    uint32_t fail_in;    /* tests: 1: the next hook fails with IO, 2: the one after it; 0: none */
    uint32_t links;      /* symbolic links followed on the path under way */
    struct ncr_fs_memory_dir dirs[NCR_FS_MEMORY_DIRS];
    uint8_t text[1024];
};
#define NCR_FS_MEMORY_BLOCK 1024
#define NACRE_FS_MEMORY_MEM(nodes, bytes)                                                          \
    ((size_t)(nodes) * sizeof(struct ncr_fs_node) +                                                \
     (((size_t)(bytes) + NCR_FS_MEMORY_BLOCK - 1) / NCR_FS_MEMORY_BLOCK + 1) *                     \
         (NCR_FS_MEMORY_BLOCK + sizeof(uint32_t)))

/* nodes files, directories and links, the root among them; the rest of mem (aligned for uint64_t)
 * holds their bytes. REGION: too small. fs points to m: move both or none. */
NACRE_MUST_CHECK nacre_err nacre_fs_memory_init(struct nacre_fs *fs, struct nacre_fs_memory *m,
                                                void *mem, size_t len, uint32_t nodes);

/* ---- Server ------------------------------------------------------------------------------ */

/* One request as it was answered, for logs. READ and WRITE are not traced: CLOSE has their sums. */
struct nacre_sftp_trace {
    const struct nacre_sftp_req *req;
    uint32_t status;
    enum nacre_fs_result result;
    uint32_t handle; /* number of the handle used or made; NACRE_SFTP_HANDLES_MAX: none */
    uint64_t bytes_read, bytes_written; /* CLOSE: over the life of the handle */
};

/* Zeroed, it refuses everything. */
struct nacre_sftp_server_cfg {
    const struct nacre_fs *fs; /* borrowed until close */
    bool read_only;            /* refuse whatever could change something */
    uint64_t deny;             /* set of 1 << op to refuse with PERMISSION_DENIED */
    void (*trace)(void *ctx, const struct nacre_sftp_trace *t); /* NULL: none */
    void *trace_ctx;
};

struct ncr_sftp_file {
    uint64_t token; /* of the file system */
    uint64_t bytes_read, bytes_written;
    uint32_t gen;
    uint8_t kind; /* enum sserver_kind of sftp_server.c */
    bool can_read, can_write;
};

struct ncr_sftp_job {
    uint64_t offset;
    uint32_t id, len;
    uint16_t handle;
};

/* Private layout. */
struct nacre_sftp_server {
    nacre_err err;
    struct nacre_sftp_errinfo info;
    struct nacre_sftp_server_cfg cfg;
    intptr_t mem_off;
    uint32_t in_cap, in_n;
    uint32_t out_cap, out_start, out_end;
    uint8_t rx;        /* enum sserver_rx of sftp_server.c */
    uint8_t rx_result; /* enum nacre_fs_result of the request whose data streams in */
    bool inited;
    uint32_t rx_id, rx_left; /* of that request; bytes of it still to come */
    uint16_t write_handle;
    uint64_t write_offset;
    uint32_t promise_left; /* bytes of a DATA reply whose header is out */
    uint16_t promise_handle;
    uint64_t promise_offset;
    uint32_t job_start, job_n;
    bool copying, copy_to_end;
    uint32_t copy_id;
    uint16_t copy_from, copy_to;
    uint64_t copy_offset, copy_offset2, copy_left;
    uint32_t n_handles;
    struct ncr_sftp_job jobs[NACRE_SFTP_REQUESTS_MAX * 2];
    struct ncr_sftp_file files[NACRE_SFTP_HANDLES_MAX];
};

#define NACRE_SFTP_SERVER_MEM (48u * 1024)

/* Makes a server. Errors: REGION. */
NACRE_MUST_CHECK nacre_err nacre_sftp_server_init(struct nacre_sftp_server *s, void *mem,
                                                  size_t len,
                                                  const struct nacre_sftp_server_cfg *cfg);
/* Consumes *used of the n bytes at in and carries out the requests in them, in order. *used < n
 * (also 0) means that output must be made first; feed the rest again then. */
NACRE_MUST_CHECK nacre_err nacre_sftp_server_recv(struct nacre_sftp_server *s, const uint8_t *in,
                                                  size_t n, size_t *used);
/* Fills up to room bytes of p with the stream, file data read straight into it; returns how many.
 * 0 may come with WANT_WRITE still set while a long copy is under way: call again. A file that is
 * cut short while a reply of several pieces is under way reads as zeros up to the end of that
 * reply. */
size_t nacre_sftp_server_output(struct nacre_sftp_server *s, uint8_t *p, size_t room);
/* Set of NACRE_WANT_WRITE (output waits), READ, CLOSED. */
unsigned nacre_sftp_server_wants(const struct nacre_sftp_server *s);
/* Closes every handle; the engine is over. */
void nacre_sftp_server_close(struct nacre_sftp_server *s);
struct nacre_sftp_errinfo nacre_sftp_server_errinfo(const struct nacre_sftp_server *s);

#ifdef __cplusplus
}
#endif
#endif
