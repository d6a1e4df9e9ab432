/* SPDX-License-Identifier: ISC
 *
 * What the files of the SFTP server's engine share: sftp_server.c (the stream: input and output),
 * sftp_server_ops.c (requests), sftp_server_reply.c (handles and replies).
 */
#ifndef NCR_SFTP_SERVER_H
#define NCR_SFTP_SERVER_H

#include "proto/wire.h"
#include "sftp/nacre_sftp.h"

#define NCR_SSERVER_JOBS_MAX                                                                       \
    (sizeof((struct nacre_sftp_server *)0)->jobs / sizeof(struct ncr_sftp_job))
#define NCR_SSERVER_OFFSET_MAX ((uint64_t)INT64_MAX)
/* The number of no handle. */
#define NCR_SSERVER_NO_HANDLE NACRE_SFTP_HANDLES_MAX

/* What a handle's number stands for. */
enum ncr_sserver_kind { NCR_SSERVER_FREE = 0, NCR_SSERVER_FILE, NCR_SSERVER_DIR };

/* The two parts of the region: gathered input, and replies. */
uint8_t *ncr_sserver_in(const struct nacre_sftp_server *s);
uint8_t *ncr_sserver_out(const struct nacre_sftp_server *s);

/* The number of the open handle of that kind, or NO_HANDLE. */
uint32_t ncr_sserver_handle_find(const struct nacre_sftp_server *s, struct nacre_bytes b,
                                 enum ncr_sserver_kind kind);
/* A number that is not in use, or NO_HANDLE. */
uint32_t ncr_sserver_handle_unused(const struct nacre_sftp_server *s);
/* Makes handle n, which is free, stand for what the file system calls token. */
struct ncr_sftp_file *ncr_sserver_handle_take(struct nacre_sftp_server *s, uint32_t n,
                                              enum ncr_sserver_kind kind, uint64_t token);
/* Frees handle n, which is open, and closes what it stands for. */
enum nacre_fs_result ncr_sserver_handle_drop(struct nacre_sftp_server *s, uint32_t n);
/* How many of at most n bytes the file has from offset on; 0 if its size says nothing. */
uint64_t ncr_sserver_beyond(const struct nacre_sftp_server *s, const struct ncr_sftp_file *f,
                            uint64_t offset, uint64_t n);

/* A writer over all that is free in the out-buffer. */
struct ncr_wr ncr_sserver_reply(struct nacre_sftp_server *s);
/* Queues what was written; what did not fit is dropped whole and told to the caller. */
enum nacre_fs_result ncr_sserver_replied(struct nacre_sftp_server *s, const struct ncr_wr *w);
/* A STATUS: it always fits, because a request is taken only while its reply does. */
void ncr_sserver_reply_result(struct nacre_sftp_server *s, uint32_t id, enum nacre_fs_result r);
/* Replies of one thing each, or why there is none. */
enum nacre_fs_result ncr_sserver_reply_path(struct nacre_sftp_server *s, uint32_t id,
                                            struct nacre_bytes path);
enum nacre_fs_result ncr_sserver_reply_attrs(struct nacre_sftp_server *s, uint32_t id,
                                             const struct nacre_sftp_attrs *a);
enum nacre_fs_result ncr_sserver_reply_handle(struct nacre_sftp_server *s, uint32_t id, uint32_t n);

/* The configuration forbids op. */
bool ncr_sserver_denied(const struct nacre_sftp_server *s, enum nacre_sftp_op op);
/* The extensions that VERSION announces: a set of 1 << op. */
uint64_t ncr_sserver_announced(const struct nacre_sftp_server *s);
/* Carries out a decoded request and queues its reply, or, for READ and COPY_DATA, its work. */
void ncr_sserver_carry_out(struct nacre_sftp_server *s, const struct nacre_sftp_req *req);

#endif
