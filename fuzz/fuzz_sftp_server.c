/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: the SFTP server over files in memory, against a hostile client.
 *
 * Input: byte 0 chooses (bit 0: read-only; the rest: which hook fails), bytes 1 and 2 how many
 * bytes arrive and how many leave at a time, the rest is the client's stream after INIT. It is fed
 * twice, at once and in pieces: the server's stream must be the same. What is fed lies in memory of
 * exactly its size.
 */
#include "sftp/nacre_sftp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FUZZ_INPUT_MAX 65536
#define FUZZ_NODES 32
#define FUZZ_HEAD 3

struct fuzz_run {
    struct nacre_sftp_server s;
    uint64_t mem[NACRE_SFTP_SERVER_MEM / 8];
    struct nacre_fs fs;
    struct nacre_fs_memory m;
    uint64_t disk[NACRE_FS_MEMORY_MEM(FUZZ_NODES, 65536) / 8];
    uint64_t hash, bytes; /* of what was said */
    unsigned calls;
};

static void fuzz_check(bool ok)
{
    if (!ok)
        abort();
}

static void fuzz_furnish(struct fuzz_run *r)
{
    static const uint8_t text[3000] = "some text";
    struct nacre_sftp_attrs a;
    const struct nacre_fs *fs = &r->fs;
    uint64_t f;

    memset(&a, 0, sizeof a);
    fuzz_check(fs->open(fs->ctx, nacre_bytes_str("/f"), NACRE_FXF_WRITE | NACRE_FXF_CREAT, &a,
                        &f) == NACRE_FS_OK);
    fuzz_check(fs->write(fs->ctx, f, 0, text, sizeof text) == NACRE_FS_OK);
    fuzz_check(fs->close(fs->ctx, f) == NACRE_FS_OK);
    fuzz_check(fs->mkdir(fs->ctx, nacre_bytes_str("/d"), &a) == NACRE_FS_OK);
    fuzz_check(fs->symlink(fs->ctx, nacre_bytes_str("d/f"), nacre_bytes_str("/l")) == NACRE_FS_OK);
}

static void fuzz_start(struct fuzz_run *r, uint8_t what)
{
    struct nacre_sftp_server_cfg cfg;

    memset(&cfg, 0, sizeof cfg);
    fuzz_check(nacre_fs_memory_init(&r->fs, &r->m, r->disk, sizeof r->disk, FUZZ_NODES) ==
               NACRE_OK);
    fuzz_furnish(r);
    r->m.fail_in = what >> 1;
    cfg.fs = &r->fs;
    cfg.read_only = what & 1;
    fuzz_check(nacre_sftp_server_init(&r->s, r->mem, sizeof r->mem, &cfg) == NACRE_OK);
    r->hash = r->bytes = r->calls = 0;
}

/* Takes output in places of that size. A long copy needs calls that give nothing, a bounded number.
 */
static void fuzz_drain(struct fuzz_run *r, size_t room)
{
    static uint8_t place[65536];
    size_t n, i;

    while (nacre_sftp_server_wants(&r->s) & NACRE_WANT_WRITE) {
        n = nacre_sftp_server_output(&r->s, place, room);
        fuzz_check(n <= room);
        fuzz_check(n > 0 || ++r->calls < 100000);
        for (i = 0; i < n; i++)
            r->hash = (r->hash ^ place[i]) * 1099511628211u;
        r->bytes += n;
    }
}

static nacre_err fuzz_feed(struct fuzz_run *r, const uint8_t *p, size_t n, size_t room)
{
    uint8_t *copy = malloc(n);
    size_t at = 0, used;
    nacre_err err = NACRE_OK;

    if (copy == NULL)
        return NACRE_OK;
    memcpy(copy, p, n);
    while (at < n && err == NACRE_OK) {
        unsigned wants = nacre_sftp_server_wants(&r->s);

        err = nacre_sftp_server_recv(&r->s, copy + at, n - at, &used);
        fuzz_check(used <= n - at && (used > 0 || err != NACRE_OK || (wants & NACRE_WANT_WRITE)));
        at += used;
        if (err == NACRE_OK)
            fuzz_drain(r, room);
    }
    free(copy);
    return err;
}

static nacre_err fuzz_dialogue(struct fuzz_run *r, const uint8_t *data, size_t n, size_t step,
                               size_t room)
{
    static const uint8_t init[] = {0, 0, 0, 5, 1, 0, 0, 0, 3};
    nacre_err err;
    size_t at;

    fuzz_start(r, data[0]);
    err = fuzz_feed(r, init, sizeof init, room);
    for (at = FUZZ_HEAD; at < n && err == NACRE_OK; at += step)
        err = fuzz_feed(r, data + at, n - at < step ? n - at : step, room);
    nacre_sftp_server_close(&r->s);
    fuzz_check(r->s.n_handles == 0);
    fuzz_check(nacre_sftp_server_wants(&r->s) == NACRE_WANT_CLOSED);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct fuzz_run whole, pieces;
    nacre_err a, b;

    if (n <= FUZZ_HEAD || n > FUZZ_INPUT_MAX)
        return 0;
    a = fuzz_dialogue(&whole, data, n, n, 65536);
    b = fuzz_dialogue(&pieces, data, n, (size_t)data[1] + 1, (size_t)data[2] * 16 + 16);
    /* Which hook fails depends on how the data is cut: compared without that. */
    if (data[0] >> 1 == 0)
        fuzz_check(a == b &&
                   (a != NACRE_OK || (whole.bytes == pieces.bytes && whole.hash == pieces.hash)));
    return 0;
}
