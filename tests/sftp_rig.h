/* SPDX-License-Identifier: ISC
 *
 * A server's SFTP engine over files in memory, and the client that talks to it by hand: requests
 * are written to a script, fed in pieces, and answered in a buffer of replies. What cannot happen
 * fails the test. Links with Criterion.
 */
#ifndef NACRE_TESTS_SFTP_RIG_H
#define NACRE_TESTS_SFTP_RIG_H

#include "proto/limits.h"
#include "sftp/nacre_sftp.h"
#include "sftp/sftp_msg.h"

struct sftp_rig {
    struct nacre_fs fs;
    struct nacre_fs_memory m;
    uint64_t disk[NACRE_FS_MEMORY_MEM(300, 1 << 20) / 8];
    struct nacre_sftp_server s;
    uint64_t mem[NACRE_SFTP_SERVER_MEM / 8];
};

struct sftp_answer {
    uint8_t msg;
    uint32_t id;
    uint32_t status;
    struct nacre_bytes body; /* after the id */
};

struct sftp_handle {
    uint8_t b[NCR_SFTP_HANDLE_LEN];
};

#define SFTP_RW (NACRE_FXF_READ | NACRE_FXF_WRITE | NACRE_FXF_CREAT)

/* Requests to be fed; replies, and how much of them was looked at. */
extern uint8_t sftp_script[1 << 20], sftp_replies[1 << 20];
extern size_t sftp_script_n, sftp_replies_n, sftp_heard;

/* An engine before INIT, over its own files unless cfg has others; NULL: all defaults. */
struct sftp_rig *sftp_start(const struct nacre_sftp_server_cfg *cfg);
/* The same after VERSION. */
struct sftp_rig *sftp_ready(const struct nacre_sftp_server_cfg *cfg);
void sftp_stop(struct sftp_rig *k);

/* Appended to the script. */
void sftp_say_init(void);
void sftp_say(uint32_t id, const struct nacre_sftp_req *req);
void sftp_say_bytes(const void *p, size_t n);
/* A WRITE with these lengths of packet, handle and data, whatever it has: 8 and 64 octets. */
void sftp_say_write_lengths(const struct sftp_handle *h, uint32_t len, uint32_t hn, uint32_t n);

/* Takes output in places of that size until there is none. */
void sftp_drain(struct sftp_rig *k, size_t room);
/* Feeds n bytes from memory of just that size, making output when the engine asks for it. */
nacre_err sftp_feed(struct sftp_rig *k, const uint8_t *in, size_t n, size_t room);
/* Feeds the script and empties it. */
nacre_err sftp_run(struct sftp_rig *k);
/* The next reply; false: there is none. */
bool sftp_hear(struct sftp_answer *a);

/* One request, one answer; the status of one that must be a STATUS. */
struct sftp_answer sftp_ask(struct sftp_rig *k, const struct nacre_sftp_req *req);
uint32_t sftp_status(struct sftp_rig *k, const struct nacre_sftp_req *req);
uint32_t sftp_path_status(struct sftp_rig *k, enum nacre_sftp_op op, const char *path);
uint32_t sftp_handle_status(struct sftp_rig *k, enum nacre_sftp_op op, const struct sftp_handle *h);

/* What an answer holds. */
struct nacre_sftp_attrs sftp_attrs(struct sftp_rig *k, const struct nacre_sftp_req *req);
struct nacre_bytes sftp_handle_bytes(const struct sftp_handle *h);
struct sftp_handle sftp_take_handle(const struct sftp_answer *a);
struct nacre_bytes sftp_data(const struct sftp_answer *a);

struct sftp_handle sftp_open(struct sftp_rig *k, const char *path, uint32_t pflags);
struct sftp_answer sftp_read(struct sftp_rig *k, const struct sftp_handle *h, uint64_t offset,
                             uint32_t n);
uint32_t sftp_write(struct sftp_rig *k, const struct sftp_handle *h, uint64_t offset, const void *p,
                    size_t n);
void sftp_put_file(struct sftp_rig *k, const char *path, const uint8_t *p, size_t n);
/* Fills p, or n bytes to be freed, so that bytes differ from their neighbours at every distance. */
void sftp_fill(uint8_t *p, size_t n);
uint8_t *sftp_pattern(size_t n);

/* Files to ask about: /f with 5 bytes, the link /l to it, the directory /d. */
void sftp_furnish(struct sftp_rig *k);
/* A request of that operation with arguments that would pass on them. */
struct nacre_sftp_req sftp_example(enum nacre_sftp_op op, const struct sftp_handle *h,
                                   const struct sftp_handle *h2);
/* A hook that opens everything as file 5. */
enum nacre_fs_result sftp_any_open(void *ctx, struct nacre_bytes path, uint32_t pflags,
                                   const struct nacre_sftp_attrs *attrs, uint64_t *file);

#endif
