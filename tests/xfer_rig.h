/* SPDX-License-Identifier: ISC
 *
 * A transfer of the SFTP client against a scripted server, which answers in any order, short, wrong
 * or never ending, with either side failing at its n-th time. The files of both sides are in
 * memory. Links with Criterion.
 */
#ifndef NACRE_TESTS_XFER_RIG_H
#define NACRE_TESTS_XFER_RIG_H

#include "sftp/nacre_sftp.h"

enum xfer_order { XFER_FIFO, XFER_LIFO, XFER_ANY };

struct xfer_asked {
    struct nacre_sftp_req req;
};

struct xfer_rig {
    struct nacre_sftp_client c;
    struct nacre_sftp_xfer t;
    uint64_t mem[NACRE_SFTP_CLIENT_MEM / 8 + 1];
    size_t place; /* size of an output place */
    /* the server's file, and what it says of it */
    uint8_t *file;
    size_t size, cap;
    uint64_t told;
    bool no_stat, endless, stalls, twice_short;
    uint32_t most;  /* bytes in one reply, 0: as asked */
    uint32_t limit; /* limits@openssh.com, 0: the server has it not */
    enum xfer_order order;
    uint32_t rand;
    /* requests not answered yet */
    struct xfer_asked queue[NACRE_SFTP_REQUESTS_MAX + 1];
    size_t n_queue, peak;
    uint64_t peak_bytes;
    /* what the server has got of the stream, and what it has said */
    uint8_t *rx, *tx;
    size_t n_rx, n_heard, n_tx;
    /* failing at the n-th time, 0: never */
    unsigned fail_reply, replies, fail_io, ios;
    uint32_t fail_status;
    unsigned count[NACRE_SFTP_OP_COUNT];
    unsigned stop_at, abort_at, events;
    void (*on_read)(struct xfer_rig *r);
    /* the local file */
    uint8_t *local;
    size_t local_size;
    uint64_t local_written;
};

#define XFER_FILE_MAX (4u << 20)

/* Sizes around those of requests, packets and windows. */
#define XFER_SIZES 10
extern const size_t xfer_sizes[XFER_SIZES];
#define XFER_EACH_SIZE(i) for (size_t i = 0; i < XFER_SIZES; i++)

/* A server with a file of that many bytes, which answers in order; free it with xfer_stop(). */
struct xfer_rig *xfer_start(size_t size);
void xfer_stop(struct xfer_rig *r);

/* The local file, as the two sides of struct nacre_sftp_io. */
nacre_err xfer_local_read(void *ctx, uint64_t offset, uint8_t *p, size_t n, size_t *got);
nacre_err xfer_local_write(void *ctx, uint64_t offset, const uint8_t *p, size_t n);

/* Prepares a transfer of "/file"; with may be NULL. */
void xfer_begin(struct xfer_rig *r, const struct nacre_sftp_xfer_cfg *with, bool put);
/* Lets client and server talk until the transfer is over. */
void xfer_run(struct xfer_rig *r);
/* Both, for a download. */
void xfer_get(struct xfer_rig *r, const struct nacre_sftp_xfer_cfg *with);
/* A download has ended well with size bytes. */
void xfer_expect_got(struct xfer_rig *r, size_t size);

#endif
