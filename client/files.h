/* SPDX-License-Identifier: ISC
 *
 * Inside of the client library's SFTP session: the engine over a channel or over a pair of
 * descriptors.
 */
#ifndef NCR_FILES_H
#define NCR_FILES_H

#include "client/client.h"

#define NCR_FILES_ERROR_CAP 512
#define NCR_FILES_COPY ((size_t)256 * 1024) /* longest reply that is kept */
#define NCR_FILES_IO ((size_t)256 * 1024)   /* buffers of the descriptor form */

struct nacre_files {
    struct nacre_client *c; /* NULL: over descriptors */
    struct ncr_chan_user user;
    const char *name; /* of the subsystem or command */
    bool command;
    bool started, over;
    nacre_err err; /* of the end */
    struct nacre_sftp_client sftp;
    void *mem;
    /* What is under way: at most one of them. */
    struct nacre_sftp_xfer *xfer;
    /* Called before the bytes that events referred to go away. */
    void (*flush)(struct nacre_files *f);
    void *move; /* of files_transfer.c */
    struct nacre_sftp_list *list;
    bool (*entry)(void *ctx, const struct nacre_sftp_name *name);
    void *entry_ctx;
    bool entry_stopped;
    bool asking, answered;
    uint32_t ticket;
    struct nacre_sftp_event *reply;
    uint8_t *copy; /* of the reply's slices */
    size_t copy_n;
    uint64_t timeout_ms, last; /* of the server's last sign of life */
    uint64_t wake_at;          /* a wait ends then; 0: not */
    uint32_t status;
    char error[NCR_FILES_ERROR_CAP];
    /* Over descriptors. */
    int rfd, wfd;
    struct ncr_loop *loop, own_loop;
    struct ncr_watch rwatch, wwatch;
    uint8_t *in, *out;
    size_t out_start, out_end;
    bool (*stop)(void *ctx);
    void *stop_ctx;
};

/* nacre_files_open() for another subsystem, or for a command that speaks SFTP. */
NACRE_MUST_CHECK nacre_err ncr_files_open_as(struct nacre_files **out, struct nacre_client *c,
                                             const char *name, bool command);
/* One wait and what comes of it. TIMEOUT: the server has been silent for too long. */
NACRE_MUST_CHECK nacre_err ncr_files_wait(struct nacre_files *f);
/* Something was queued: it goes out with the next wait. */
void ncr_files_kick(struct nacre_files *f);
/* Asked in every wait; true, which it says once for each time that it means it, gives CLOSED. */
void ncr_files_on_stop(struct nacre_files *f, bool (*stop)(void *ctx), void *ctx);
/* Sets the error line. */
void ncr_files_error(struct nacre_files *f, const char *format, ...);
/* From what an engine's object says. who: "remote " or "". */
nacre_err ncr_files_failed(struct nacre_files *f, const struct nacre_sftp_failure *failure);
/* Uses that loop for waiting, of the descriptor form, instead of its own. */
NACRE_MUST_CHECK nacre_err ncr_files_use_loop(struct nacre_files *f, struct ncr_loop *l);

#endif
