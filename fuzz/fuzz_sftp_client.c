/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: the SFTP client with a transfer and a listing against a hostile server.
 *
 * Input: byte 0 chooses what is asked (bit 0: a put, else a get; bits 1 to 7: the operations that
 * follow), byte 1 how many bytes arrive at a time, the rest is the server's stream. It is fed
 * twice, at once and in pieces: both must come to the same events and the same end. What is fed
 * lies in memory of exactly its size.
 */
#include "proto/limits.h"
#include "sftp/nacre_sftp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FUZZ_INPUT_MAX 65536
#define FUZZ_FILE 100000

struct fuzz_run {
    struct nacre_sftp_client c;
    struct nacre_sftp_xfer t;
    struct nacre_sftp_list l;
    uint64_t mem[NACRE_SFTP_CLIENT_MEM_MIN / 8];
    uint64_t hash;       /* of everything that was told */
    uint64_t bytes, sum; /* of what was written */
};

static void fuzz_check(bool ok)
{
    if (!ok)
        abort();
}

static void fuzz_hash(struct fuzz_run *r, const void *p, size_t n)
{
    const uint8_t *b = p;

    for (; n > 0; n--)
        r->hash = (r->hash ^ *b++) * 1099511628211u;
}

static nacre_err fuzz_read(void *ctx, uint64_t offset, uint8_t *p, size_t n, size_t *got)
{
    (void)ctx;
    *got = offset >= FUZZ_FILE ? 0 : FUZZ_FILE - offset < n ? (size_t)(FUZZ_FILE - offset) : n;
    memset(p, 'x', *got);
    return NACRE_OK;
}

static nacre_err fuzz_write(void *ctx, uint64_t offset, const uint8_t *p, size_t n)
{
    struct fuzz_run *r = ctx;

    fuzz_check(n > 0 && offset <= (uint64_t)INT64_MAX - n);
    r->bytes += n;
    for (; n > 0; n--)
        r->sum += *p++ * ++offset; /* the same however it is cut */
    return NACRE_OK;
}

/* Drains output; what is asked depends on nothing but the events so far. */
static void fuzz_output(struct fuzz_run *r)
{
    static uint8_t place[32768];
    size_t n;

    do {
        nacre_sftp_list_step(&r->l, &r->c);
        n = nacre_sftp_xfer_output(&r->t, &r->c, place, sizeof place);
        fuzz_check(n <= sizeof place);
    } while (n > 0);
    fuzz_check(nacre_sftp_client_flight(&r->c) <= NACRE_SFTP_REQUESTS_MAX);
}

static void fuzz_start(struct fuzz_run *r, uint8_t what)
{
    struct nacre_sftp_xfer_cfg cfg;
    struct nacre_sftp_req req;
    uint32_t ticket;
    int op;

    memset(r, 0, sizeof *r);
    memset(&cfg, 0, sizeof cfg);
    fuzz_check(nacre_sftp_client_init(&r->c, r->mem, sizeof r->mem) == NACRE_OK);
    cfg.put = what & 1;
    cfg.path = nacre_bytes_str("/file");
    cfg.io.ctx = r;
    cfg.io.read = fuzz_read;
    cfg.io.write = fuzz_write;
    cfg.max_size = 1 << 20;
    fuzz_check(nacre_sftp_xfer_init(&r->t, &cfg) == NACRE_OK);
    nacre_sftp_list_init(&r->l, nacre_bytes_str("/"), 1000);
    fuzz_output(r);
    memset(&req, 0, sizeof req);
    for (op = NACRE_SFTP_OP_OPEN; op <= NACRE_SFTP_OP_SYMLINK; op++) {
        req.op = (enum nacre_sftp_op)op;
        req.len = 100;
        if (what >> (1 + op % 7) & 1)
            fuzz_check(nacre_sftp_client_request(&r->c, &req, &ticket) == NACRE_OK);
    }
}

static void fuzz_event(struct fuzz_run *r, const struct nacre_sftp_event *ev)
{
    struct nacre_sftp_names names = ev->names;
    struct nacre_sftp_name name;
    bool mine, list;

    fuzz_hash(r, ev->data.p, ev->data.n);
    fuzz_hash(r, ev->text.p, ev->text.n);
    while (nacre_sftp_names_next(&names, &name))
        fuzz_hash(r, name.name.p, name.name.n);
    fuzz_check(names.left == 0);
    if (ev->type != NACRE_SFTP_EV_DATA || ev->done) {
        fuzz_hash(r, &ev->type, sizeof ev->type);
        fuzz_hash(r, &ev->ticket, sizeof ev->ticket);
        fuzz_hash(r, &ev->status, sizeof ev->status);
    }
    mine = nacre_sftp_xfer_event(&r->t, ev);
    list = nacre_sftp_list_event(&r->l, ev);
    fuzz_check(!(mine && list));
}

static nacre_err fuzz_feed(struct fuzz_run *r, const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n);
    size_t at = 0, used;
    nacre_err err = NACRE_OK;

    if (copy == NULL)
        return NACRE_OK;
    memcpy(copy, p, n);
    while (at < n && err == NACRE_OK) {
        struct nacre_sftp_event ev;

        err = nacre_sftp_client_recv(&r->c, copy + at, n - at, &used, &ev);
        fuzz_check(err != NACRE_OK || (used > 0 && used <= n - at));
        at += used;
        if (err == NACRE_OK && ev.type != NACRE_SFTP_EV_NONE) {
            fuzz_event(r, &ev);
            fuzz_output(r); /* at once: the pieces of the input must not matter */
        }
    }
    free(copy);
    return err;
}

static nacre_err fuzz_dialogue(struct fuzz_run *r, const uint8_t *data, size_t n, size_t step)
{
    nacre_err err = NACRE_OK;
    size_t at;

    fuzz_start(r, data[0]);
    for (at = 2; at < n && err == NACRE_OK; at += step)
        err = fuzz_feed(r, data + at, n - at < step ? n - at : step);
    if (err != NACRE_OK)
        fuzz_check(nacre_sftp_client_errinfo(&r->c).err == err &&
                   nacre_sftp_client_wants(&r->c) == NACRE_WANT_CLOSED);
    fuzz_output(r);
    fuzz_check(err == NACRE_OK || nacre_sftp_xfer_over(&r->t));
    fuzz_check(nacre_sftp_xfer_prefix(&r->t) <= (uint64_t)INT64_MAX);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct fuzz_run whole, pieces;

    if (n < 3 || n > FUZZ_INPUT_MAX)
        return 0;
    fuzz_check(fuzz_dialogue(&whole, data, n, n) ==
               fuzz_dialogue(&pieces, data, n, (size_t)data[1] + 1));
    if (whole.c.err == NACRE_OK)
        fuzz_check(whole.hash == pieces.hash && whole.bytes == pieces.bytes &&
                   whole.sum == pieces.sum && whole.t.state == pieces.t.state);
    return 0;
}
