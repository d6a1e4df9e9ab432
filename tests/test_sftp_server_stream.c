/* SPDX-License-Identifier: ISC
 *
 * How bytes flow through the server's SFTP engine: every split of input and output, back-pressure
 * (s08), data without copies, files that change or fail, copy-data, every n-th failure of the file
 * system (s94), flipped bits (s20).
 */
#include "tests/sftp_rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* ---- Splits ---- */

/* Everything at once, in a stream that is the same however it is cut. */
static void long_script(struct sftp_rig *k)
{
    static const uint8_t odd[] = {0, 0, 0, 8, 77, 0, 0, 0, 5, 1, 2, 3};
    struct sftp_handle h = sftp_open(k, "/f", SFTP_RW), dst = sftp_open(k, "/copy", SFTP_RW);
    struct nacre_sftp_req req;
    struct ncr_wr w;
    sftp_put_file(k, "/f", (const uint8_t *)"0123456789", 10);
    sftp_furnish(k);
    sftp_replies_n = sftp_heard = 0;
    for (int op = NACRE_SFTP_OP_OPEN; op < NACRE_SFTP_OP_COUNT; op++) {
        req = sftp_example((enum nacre_sftp_op)op, &h, &dst);
        req.data = nacre_bytes_str(op == NACRE_SFTP_OP_USERS_GROUPS ? "" : "data");
        req.len = 7;
        if (op != NACRE_SFTP_OP_CLOSE && op != NACRE_SFTP_OP_REMOVE && op != NACRE_SFTP_OP_RMDIR) {
            sftp_say((uint32_t)op, &req);
        }
    }
    sftp_say_write_lengths(&h, 29 + 64, 8, 64);
    w = ncr_wr(sftp_script + sftp_script_n, sizeof sftp_script - sftp_script_n);
    ncr_sftp_write_head_put(&w, 90, nacre_bytes_str("bad handle"), 0, 5);
    ncr_wr_bytes(&w, (const uint8_t *)"abcde", 5);
    sftp_script_n += w.n;
    sftp_say_bytes(odd, sizeof odd);
    req = (struct nacre_sftp_req){
        .op = NACRE_SFTP_OP_READ, .handle = sftp_handle_bytes(&h), .len = 100};
    for (uint32_t i = 0; i < 5; i++) {
        req.offset = i * 20;
        sftp_say(200 + i, &req);
    }
    req = (struct nacre_sftp_req){
        .op = NACRE_SFTP_OP_WRITE, .handle = sftp_handle_bytes(&h), .data = {NULL, 0}};
    sftp_say(300, &req);
}

static size_t expected_n;
static uint8_t expected[65536];

static struct sftp_rig *scripted(void)
{
    struct sftp_rig *k = sftp_ready(NULL);
    long_script(k);
    return k;
}

static void expect_same(const char *how, size_t a, size_t b)
{
    if (expected_n == 0) {
        expected_n = sftp_replies_n;
        cr_assert_lt(expected_n, sizeof expected);
        memcpy(expected, sftp_replies, sftp_replies_n);
    }
    cr_assert_eq(sftp_replies_n, expected_n, "%s %zu %zu: %zu bytes, not %zu", how, a, b,
                 sftp_replies_n, expected_n);
    cr_assert_arr_eq(sftp_replies, expected, expected_n);
}

Test(sftp_server, every_split_of_the_input)
{
    for (size_t at = 0;; at++) {
        struct sftp_rig *k = scripted();
        if (at > sftp_script_n) {
            sftp_stop(k);
            break;
        }
        cr_assert_eq(sftp_feed(k, sftp_script, at, 32768), NACRE_OK);
        cr_assert_eq(sftp_feed(k, sftp_script + at, sftp_script_n - at, 32768), NACRE_OK);
        expect_same("split", at, 0);
        sftp_stop(k);
    }
}

Test(sftp_server, every_size_of_pieces_and_places)
{
    static const size_t rooms[] = {1, 2, 3, 12, 13, 14, 15, 20, 63, 64, 100, 511, 512, 1000, 32768};
    for (size_t step = 1; step < 40; step++) {
        for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
            struct sftp_rig *k = scripted();
            for (size_t at = 0; at < sftp_script_n; at += step) {
                size_t n = sftp_script_n - at < step ? sftp_script_n - at : step;
                cr_assert_eq(sftp_feed(k, sftp_script + at, n, rooms[i]), NACRE_OK);
            }
            expect_same("pieces", step, rooms[i]);
            sftp_stop(k);
        }
    }
}

Test(sftp_server, moved_in_the_middle)
{
    for (size_t at = 0;; at += 5) {
        struct sftp_rig *k = scripted(), *to = malloc(sizeof *to);
        if (at > sftp_script_n) {
            sftp_stop(k);
            free(to);
            break;
        }
        cr_assert_eq(sftp_feed(k, sftp_script, at, 32768), NACRE_OK);
        memcpy(to, k, sizeof *to);
        to->fs.ctx = &to->m; /* the table is the caller's */
        to->s.cfg.fs = &to->fs;
        memset(k, 0x77, sizeof *k);
        free(k);
        cr_assert_eq(sftp_feed(to, sftp_script + at, sftp_script_n - at, 100), NACRE_OK);
        expect_same("moved", at, 0);
        sftp_stop(to);
    }
}

/* Nobody takes output: the engine stops taking input, in bounded memory, and goes on later. */
Test(sftp_server, s08_output_is_not_taken)
{
    struct sftp_rig *k = sftp_ready(NULL);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_STAT, .path = nacre_bytes_str("/nothing")};
    size_t all = 0, used = 1, got = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        sftp_say(i, &req);
    }
    sftp_replies_n = sftp_heard = 0;
    while (all < sftp_script_n) {
        cr_assert_eq(nacre_sftp_server_recv(&k->s, sftp_script + all, sftp_script_n - all, &used),
                     NACRE_OK);
        all += used;
        if (used > 0) {
            continue;
        }
        cr_assert_eq(nacre_sftp_server_wants(&k->s), NACRE_WANT_WRITE);
        sftp_replies_n += nacre_sftp_server_output(&k->s, sftp_replies + sftp_replies_n, 1000);
    }
    sftp_drain(k, 1000);
    for (struct sftp_answer a; sftp_hear(&a); got++) {
        cr_assert_eq(a.id, got);
        cr_assert_eq(a.status, NACRE_FX_NO_SUCH_FILE);
    }
    cr_assert_eq(got, 5000);
    sftp_stop(k);
}

Test(sftp_server, s08_reads_are_queued_up_to_a_limit)
{
    struct sftp_rig *k = sftp_ready(NULL);
    struct sftp_answer a;
    uint32_t got = 0;
    sftp_put_file(k, "/f", (const uint8_t *)"0123456789", 10);
    struct sftp_handle h = sftp_open(k, "/f", NACRE_FXF_READ);
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_READ, .handle = sftp_handle_bytes(&h), .len = 10};
    for (uint32_t i = 0; i < 1000; i++) {
        sftp_say(i, &req);
    }
    size_t used, one = sftp_script_n / 1000;
    cr_assert_eq(nacre_sftp_server_recv(&k->s, sftp_script, sftp_script_n, &used), NACRE_OK);
    cr_assert_eq(used, one * NACRE_SFTP_REQUESTS_MAX * 2 + 5);
    memmove(sftp_script, sftp_script + used, sftp_script_n - used);
    sftp_script_n -= used;
    sftp_replies_n = sftp_heard = 0;
    cr_assert_eq(sftp_run(k), NACRE_OK);
    for (; sftp_hear(&a); got++) {
        cr_assert_eq(a.id, got);
        cr_assert(nacre_bytes_is(sftp_data(&a), "0123456789"));
    }
    cr_assert_eq(got, 1000);
    sftp_stop(k);
}

/* ---- Data without copies; files that change ---- */

struct odd_file {
    const uint8_t *lo, *hi; /* where the place is that reads must go to, writes come from */
    uint64_t size;          /* what fstat says */
    uint64_t end;           /* where it ends */
    unsigned reads, writes, stats;
    unsigned fail_read; /* number of the read that fails */
};
static struct odd_file odd;

static enum nacre_fs_result odd_read(void *ctx, uint64_t file, uint64_t offset, uint8_t *p,
                                     size_t n, size_t *got)
{
    (void)ctx, (void)file;
    cr_assert(p >= odd.lo && p + n <= odd.hi, "read into another place than the caller's");
    if (++odd.reads == odd.fail_read) {
        return NACRE_FS_IO;
    }
    *got = offset >= odd.end ? 0 : odd.end - offset < n ? (size_t)(odd.end - offset) : n;
    memset(p, 'd', *got);
    return NACRE_FS_OK;
}

static enum nacre_fs_result odd_write(void *ctx, uint64_t file, uint64_t offset, const uint8_t *p,
                                      size_t n)
{
    (void)ctx, (void)file, (void)offset;
    cr_assert(p >= odd.lo && p + n <= odd.hi, "written from another place than the caller's");
    odd.writes++;
    return NACRE_FS_OK;
}

static enum nacre_fs_result odd_fstat(void *ctx, uint64_t file, struct nacre_sftp_attrs *a)
{
    (void)ctx, (void)file;
    odd.stats++;
    a->flags = NACRE_SFTP_ATTR_SIZE;
    a->size = odd.size;
    return NACRE_FS_OK;
}

static const struct nacre_fs odd_fs = {
    .open = sftp_any_open, .read = odd_read, .write = odd_write, .fstat = odd_fstat};
static const struct nacre_sftp_server_cfg odd_cfg = {.fs = &odd_fs};

static struct sftp_rig *odd_ready(uint64_t size, uint64_t end, struct sftp_handle *h)
{
    struct sftp_rig *k = sftp_ready(&odd_cfg);
    *h = sftp_open(k, "/f", SFTP_RW);
    memset(&odd, 0, sizeof odd);
    odd.size = size;
    odd.end = end;
    odd.lo = sftp_replies;
    odd.hi = sftp_replies + sizeof sftp_replies;
    return k;
}

Test(sftp_server, reads_go_straight_to_the_place)
{
    struct sftp_handle h;
    struct sftp_rig *k = odd_ready(1 << 20, 1 << 20, &h);
    struct sftp_answer a = sftp_read(k, &h, 0, 255 * 1024); /* in places of 32,768 bytes */
    cr_assert_eq(sftp_data(&a).n, 255 * 1024);
    cr_assert_eq(odd.reads, 8); /* one for each place */
    cr_assert_eq(odd.stats, 1);
    odd.reads = odd.stats = 0;
    a = sftp_read(k, &h, 0, 32768 - 13);
    cr_assert_eq(sftp_data(&a).n, 32768 - 13);
    cr_assert(odd.reads == 1 && odd.stats == 0);
    sftp_stop(k);
}

Test(sftp_server, writes_come_straight_from_the_slice)
{
    struct sftp_handle h;
    struct sftp_rig *k = odd_ready(0, 0, &h);
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_WRITE, .handle = sftp_handle_bytes(&h), .data = {sftp_replies, 100000}};
    sftp_replies_n = sftp_heard = 0;
    sftp_say(1, &req);
    odd.lo = sftp_script;
    odd.hi = sftp_script + sftp_script_n;
    for (size_t at = 0; at < sftp_script_n; at += 32768) {
        size_t used, n = sftp_script_n - at < 32768 ? sftp_script_n - at : 32768;
        cr_assert_eq(nacre_sftp_server_recv(&k->s, sftp_script + at, n, &used), NACRE_OK);
        cr_assert_eq(used, n);
    }
    cr_assert_eq(odd.writes, 4);
    sftp_drain(k, 100);
    struct sftp_answer a;
    cr_assert(sftp_hear(&a) && a.id == 1 && a.status == NACRE_FX_OK);
    sftp_stop(k);
}

Test(sftp_server, file_cut_short_within_a_reply_reads_as_zeros)
{
    struct sftp_handle h;
    struct sftp_rig *k = odd_ready(100000, 50000, &h);
    struct sftp_answer a = sftp_read(k, &h, 0, 100000);
    struct nacre_bytes b = sftp_data(&a);
    cr_assert_eq(b.n, 100000);
    for (size_t i = 0; i < b.n; i++) {
        cr_assert_eq(b.p[i], i < 50000 ? 'd' : 0);
    }
    a = sftp_read(k, &h, 50000, 10);
    cr_assert_eq(a.status, NACRE_FX_EOF);
    sftp_stop(k);
}

Test(sftp_server, file_without_a_size_is_read_by_places)
{
    struct sftp_handle h;
    struct sftp_rig *k = odd_ready(0, 1000000, &h);
    struct sftp_answer a = sftp_read(k, &h, 0, 100000);
    cr_assert_eq(sftp_data(&a).n, 32768 - 13);
    a = sftp_read(k, &h, 999990, 100000);
    cr_assert_eq(sftp_data(&a).n, 10);
    sftp_stop(k);
}

/* Before the length is out an error is a status; after it there is nothing left but to end. */
Test(sftp_server, reads_that_fail)
{
    struct sftp_handle h;
    struct sftp_rig *k = odd_ready(100000, 100000, &h);
    odd.fail_read = 1;
    struct sftp_answer a = sftp_read(k, &h, 0, 100000);
    cr_assert_eq(a.status, NACRE_FX_FAILURE);
    odd.reads = 0;
    odd.fail_read = 3;
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_READ, .handle = sftp_handle_bytes(&h), .offset = 0, .len = 100000};
    sftp_replies_n = sftp_heard = 0;
    sftp_say(1, &req);
    cr_assert_eq(sftp_feed(k, sftp_script, sftp_script_n, 32768), NACRE_OK);
    cr_assert_eq(nacre_sftp_server_errinfo(&k->s).err, NACRE_ERR_IO);
    cr_assert_lt(sftp_replies_n, 100000);
    sftp_stop(k);
}

/* ---- copy-data ---- */

Test(sftp_server, copy_data)
{
    struct sftp_rig *k = sftp_ready(NULL);
    uint8_t *p = sftp_pattern(200000);
    sftp_put_file(k, "/f", p, 200000);
    struct sftp_handle from = sftp_open(k, "/f", SFTP_RW), to = sftp_open(k, "/g", SFTP_RW);
    struct sftp_handle same = sftp_open(k, "/f", SFTP_RW), ro = sftp_open(k, "/f", NACRE_FXF_READ);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_COPY_DATA,
                                 .handle = sftp_handle_bytes(&from),
                                 .handle2 = sftp_handle_bytes(&to),
                                 .offset = 1000,
                                 .offset2 = 10};
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_OK);
    struct sftp_answer a = sftp_read(k, &to, 10, 250000);
    cr_assert_eq(sftp_data(&a).n, 199000);
    cr_assert_arr_eq(sftp_data(&a).p, p + 1000, 199000);
    req.count = 5;
    req.offset2 = 300000;
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_OK);
    a = sftp_read(k, &to, 300000, 100);
    cr_assert_eq(sftp_data(&a).n, 5);
    req.count = 200000; /* more than there is */
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_EOF);
    req.count = UINT64_MAX;
    cr_assert_neq(sftp_status(k, &req), NACRE_FX_OK);
    req.offset2 = UINT64_MAX;
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_BAD_MESSAGE);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_COPY_DATA,
                                  .handle = sftp_handle_bytes(&from),
                                  .handle2 = sftp_handle_bytes(&from)};
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_FAILURE); /* onto itself */
    req.handle2 = sftp_handle_bytes(&ro);
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_FAILURE);
    req.handle2 = sftp_handle_bytes(&same); /* behind itself: ends at the end of before */
    req.offset2 = 200000;
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_OK);
    struct nacre_sftp_req st = {.op = NACRE_SFTP_OP_FSTAT, .handle = sftp_handle_bytes(&from)};
    cr_assert_eq(sftp_attrs(k, &st).size, 400000);
    free(p);
    sftp_stop(k);
}

/* A copy of any length does a bounded piece of work in each call. */
Test(sftp_server, copy_data_is_done_in_steps)
{
    struct sftp_handle h;
    struct sftp_rig *k = odd_ready(0, UINT64_MAX, &h);
    struct sftp_handle to = sftp_open(k, "/g", SFTP_RW);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_COPY_DATA,
                                 .handle = sftp_handle_bytes(&h),
                                 .handle2 = sftp_handle_bytes(&to),
                                 .count = (uint64_t)1 << 40};
    size_t used;
    sftp_say(1, &req);
    odd.lo = (const uint8_t *)k->mem;
    odd.hi = odd.lo + sizeof k->mem;
    cr_assert_eq(nacre_sftp_server_recv(&k->s, sftp_script, sftp_script_n, &used), NACRE_OK);
    cr_assert_eq(used, sftp_script_n);
    for (int i = 0; i < 10; i++) {
        odd.writes = 0;
        cr_assert_eq(nacre_sftp_server_output(&k->s, sftp_replies, 100), 0);
        cr_assert_leq(odd.writes, 32);
        cr_assert_eq(nacre_sftp_server_wants(&k->s), NACRE_WANT_WRITE);
        cr_assert_eq(nacre_sftp_server_recv(&k->s, sftp_script, sftp_script_n, &used), NACRE_OK);
        sftp_script_n -= used;
        cr_assert(i == 0 ? used == 5 : used == 0); /* nothing overtakes it */
    }
    nacre_sftp_server_close(&k->s);
    sftp_stop(k);
}

/* ---- Failures ---- */

/* Requests in the script. */
static size_t said(void)
{
    struct nacre_bytes all = {sftp_script, sftp_script_n};
    struct ncr_rd r = ncr_rd(all);
    size_t n = 0;
    for (; r.n > 0; n++) {
        (void)ncr_rd_string(&r); /* only counted */
    }
    cr_assert(ncr_rd_end(&r));
    return n;
}

/* The n-th call of the file system fails, for every n: each request is answered once all the same.
 */
Test(sftp_server, s94_every_hook_fails_once)
{
    for (uint32_t n = 1; n < 80; n++) {
        struct sftp_rig *k = scripted();
        struct sftp_answer a;
        size_t answers = 0;
        k->m.fail_in = n;
        cr_assert_eq(sftp_feed(k, sftp_script, sftp_script_n, 32768), NACRE_OK);
        for (; sftp_hear(&a); answers++) {
        }
        cr_assert_eq(answers, said());
        sftp_stop(k);
    }
}

Test(sftp_server, s20_flipped_bits)
{
    struct sftp_rig *k = scripted();
    size_t n = sftp_script_n;
    sftp_stop(k);
    for (size_t bit = 0; bit < 8 * n; bit += 3) {
        k = scripted();
        sftp_script[bit / 8] ^= (uint8_t)(1u << bit % 8);
        (void)sftp_feed(k, sftp_script, sftp_script_n,
                        32768); /* an end or answers; within its memory */
        sftp_stop(k);
    }
}
