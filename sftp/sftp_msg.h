/* SPDX-License-Identifier: ISC
 *
 * Messages of SFTP version 3: draft-ietf-secsh-filexfer-02 sections 3 to 8, and the extensions of
 * OpenSSH's PROTOCOL 4. One row of a table says how the request of an operation looks on the wire
 * and which replies may answer it; both roles encode and decode by it.
 *
 * A body is a packet without its length. Decoders take it whole or refuse it; what they yield are
 * slices of it.
 */
#ifndef NCR_SFTP_MSG_H
#define NCR_SFTP_MSG_H

#include "proto/wire.h"
#include "sftp/nacre_sftp.h"

/* Draft 3. */
enum ncr_sftp_msg {
    NCR_FXP_INIT = 1,
    NCR_FXP_VERSION = 2,
    NCR_FXP_OPEN = 3,
    NCR_FXP_CLOSE = 4,
    NCR_FXP_READ = 5,
    NCR_FXP_WRITE = 6,
    NCR_FXP_LSTAT = 7,
    NCR_FXP_FSTAT = 8,
    NCR_FXP_SETSTAT = 9,
    NCR_FXP_FSETSTAT = 10,
    NCR_FXP_OPENDIR = 11,
    NCR_FXP_READDIR = 12,
    NCR_FXP_REMOVE = 13,
    NCR_FXP_MKDIR = 14,
    NCR_FXP_RMDIR = 15,
    NCR_FXP_REALPATH = 16,
    NCR_FXP_STAT = 17,
    NCR_FXP_RENAME = 18,
    NCR_FXP_READLINK = 19,
    NCR_FXP_SYMLINK = 20,
    NCR_FXP_STATUS = 101,
    NCR_FXP_HANDLE = 102,
    NCR_FXP_DATA = 103,
    NCR_FXP_NAME = 104,
    NCR_FXP_ATTRS = 105,
    NCR_FXP_EXTENDED = 200,
    NCR_FXP_EXTENDED_REPLY = 201
};

/* Bytes before the payload: length, type, id, length of the data. */
#define NCR_SFTP_DATA_HEAD 13
/* And of a WRITE with a handle of h bytes. */
#define NCR_SFTP_WRITE_HEAD(h) (25 + (size_t)(h))

/* Replies that an operation may get besides a STATUS. */
enum ncr_sftp_reply_kind {
    NCR_REPLY_STATUS, /* nothing else: success is a status */
    NCR_REPLY_HANDLE,
    NCR_REPLY_DATA,
    NCR_REPLY_NAMES,
    NCR_REPLY_NAME, /* exactly one */
    NCR_REPLY_ATTRS,
    NCR_REPLY_VFS,
    NCR_REPLY_LIMITS,
    NCR_REPLY_IDS,
    NCR_REPLY_OPAQUE, /* bytes; a success status is possible too */
    NCR_REPLY_KINDS
};

struct ncr_sftp_op_row {
    uint8_t msg; /* enum ncr_sftp_msg */
    uint8_t reply;
    bool writes;
    const char *name;
    const char *fields;  /* letters of sftp_msg.c */
    const char *ext;     /* EXTENDED: name of the extension, else NULL */
    const char *version; /* and the version that the server announces */
};

/* The row of op, NULL for NONE. */
const struct ncr_sftp_op_row *ncr_sftp_op_row(enum nacre_sftp_op op);
/* "SSH_FXP_DATA"; "" for a number that is none. */
const char *ncr_sftp_msg_name(uint8_t msg);

/* A whole packet with id and the fields of req->op. */
void ncr_sftp_req_put(struct ncr_wr *w, uint32_t id, const struct nacre_sftp_req *req);
/* A request from the body of a packet; an unknown type gives op NONE and its id. False: malformed,
 * req zeroed. INIT is none. */
bool ncr_sftp_req_get(struct nacre_sftp_req *req, struct nacre_bytes body);

void ncr_sftp_init_put(struct ncr_wr *w);
/* INIT or VERSION: its version, and the set of 1 << op of the extensions among its pairs. */
bool ncr_sftp_version_get(struct nacre_bytes body, uint32_t *version, uint64_t *ops);
/* VERSION 3 with the extensions of ops. */
void ncr_sftp_version_put(struct ncr_wr *w, uint64_t ops);

/* Replies, each a whole packet. */
void ncr_sftp_status_put(struct ncr_wr *w, uint32_t id, uint32_t status, const char *text);
void ncr_sftp_handle_put(struct ncr_wr *w, uint32_t id, struct nacre_bytes handle);
void ncr_sftp_attrs_put(struct ncr_wr *w, uint32_t id, const struct nacre_sftp_attrs *a);
void ncr_sftp_name_put(struct ncr_wr *w, uint32_t id, struct nacre_bytes path);
void ncr_sftp_vfs_put(struct ncr_wr *w, uint32_t id, const struct nacre_sftp_statvfs *v);
void ncr_sftp_limits_put(struct ncr_wr *w, uint32_t id, const struct nacre_sftp_limits *l);
/* Header of a DATA reply with n bytes. */
void ncr_sftp_data_head_put(struct ncr_wr *w, uint32_t id, uint32_t n);
/* Header of a WRITE of n bytes. */
void ncr_sftp_write_head_put(struct ncr_wr *w, uint32_t id, struct nacre_bytes handle,
                             uint64_t offset, uint32_t n);

/* One entry of a NAME reply whose head and count the caller writes. */
void ncr_sftp_entry_put(struct ncr_wr *w, const struct nacre_sftp_name *name);

/* Type and id of a reply; false if there are none. */
bool ncr_sftp_reply_head(struct nacre_bytes body, uint8_t *msg, uint32_t *id);
/* A reply to op into ev: type, status, text, data, names, attrs, vfs, limits. False: malformed or
 * of a type that may not answer op; ev is then unchanged. Not for DATA. */
bool ncr_sftp_reply_get(struct nacre_sftp_event *ev, enum nacre_sftp_op op,
                        struct nacre_bytes body);

#endif
