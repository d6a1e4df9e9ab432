/* SPDX-License-Identifier: ISC
 *
 * What the server's SFTP engine refuses: default deny (s46), read-only (s90) and denied operations,
 * sizes (s88), messages out of order.
 */
#include "tests/sftp_rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* ---- Default deny, read-only, lists ---- */

Test(sftp_server, s46_zeroed_table_refuses_everything)
{
    struct nacre_sftp_server_cfg cfg = {0};
    struct sftp_handle h = {{0}};
    struct sftp_rig *k = sftp_start(&cfg);
    cr_assert_eq(nacre_sftp_server_init(&k->s, k->mem, sizeof k->mem, &cfg), NACRE_OK);
    sftp_say_init();
    cr_assert_eq(sftp_run(k), NACRE_OK);
    for (int op = NACRE_SFTP_OP_NONE + 1; op < NACRE_SFTP_OP_COUNT; op++) {
        struct nacre_sftp_req req = sftp_example((enum nacre_sftp_op)op, &h, &h);
        struct sftp_answer a = sftp_ask(k, &req);
        if (op == NACRE_SFTP_OP_LIMITS) {
            cr_assert_eq(a.msg, NCR_FXP_EXTENDED_REPLY);
        } else {
            cr_assert_eq(a.msg, NCR_FXP_STATUS);
            cr_assert_neq(a.status, NACRE_FX_OK);
        }
    }
    sftp_stop(k);
}

Test(sftp_server, s90_read_only)
{
    struct sftp_rig *k = sftp_ready(NULL);
    sftp_furnish(k);
    struct sftp_handle rw = sftp_open(k, "/f", SFTP_RW), dst = sftp_open(k, "/g", SFTP_RW);
    k->s.cfg.read_only = true; /* handles that could write from before: the worst case */
    for (int op = NACRE_SFTP_OP_NONE + 1; op < NACRE_SFTP_OP_COUNT; op++) {
        struct nacre_sftp_req req = sftp_example((enum nacre_sftp_op)op, &rw, &dst);
        if (nacre_sftp_op_writes((enum nacre_sftp_op)op)) {
            uint32_t status = sftp_status(k, &req);
            cr_assert(status == NACRE_FX_PERMISSION_DENIED || status == NACRE_FX_OP_UNSUPPORTED,
                      "%s", nacre_sftp_op_name((enum nacre_sftp_op)op));
        }
    }
    for (uint32_t pflags = 0; pflags < 64; pflags++) {
        struct nacre_sftp_req req = {
            .op = NACRE_SFTP_OP_OPEN, .path = nacre_bytes_str("/f"), .pflags = pflags};
        struct sftp_answer a = sftp_ask(k, &req);
        bool writes = (pflags & ~(uint32_t)(NACRE_FXF_READ | NACRE_FXF_EXCL)) != 0;
        cr_assert_eq(a.msg == NCR_FXP_HANDLE, !writes, "flags %u", pflags);
        cr_assert(!writes || a.status == NACRE_FX_PERMISSION_DENIED);
        if (!writes) {
            struct sftp_handle h = sftp_take_handle(&a);
            cr_assert_eq(sftp_handle_status(k, NACRE_SFTP_OP_CLOSE, &h), NACRE_FX_OK);
        }
    }
    struct sftp_answer a = sftp_read(k, &rw, 0, 9);
    cr_assert_eq(sftp_data(&a).n, 5); /* nothing has changed */
    cr_assert_eq(sftp_path_status(k, NACRE_SFTP_OP_READLINK, "/nothing"), NACRE_FX_NO_SUCH_FILE);
    sftp_stop(k);
}

/* Which operations write stands in one table: here by hand, so that a new one is looked at. */
Test(sftp_server, s90_table)
{
    static const enum nacre_sftp_op reads[] = {
        NACRE_SFTP_OP_OPEN,        NACRE_SFTP_OP_CLOSE,       NACRE_SFTP_OP_READ,
        NACRE_SFTP_OP_LSTAT,       NACRE_SFTP_OP_FSTAT,       NACRE_SFTP_OP_OPENDIR,
        NACRE_SFTP_OP_READDIR,     NACRE_SFTP_OP_REALPATH,    NACRE_SFTP_OP_STAT,
        NACRE_SFTP_OP_READLINK,    NACRE_SFTP_OP_STATVFS,     NACRE_SFTP_OP_FSTATVFS,
        NACRE_SFTP_OP_LIMITS,      NACRE_SFTP_OP_EXPAND_PATH, NACRE_SFTP_OP_HOME_DIRECTORY,
        NACRE_SFTP_OP_USERS_GROUPS};
    for (int op = NACRE_SFTP_OP_NONE; op <= NACRE_SFTP_OP_COUNT; op++) {
        bool found = false;
        for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
            found = found || (int)reads[i] == op;
        }
        cr_assert_eq(nacre_sftp_op_writes((enum nacre_sftp_op)op), !found, "%d", op);
    }
}

Test(sftp_server, s90_announces_no_writes)
{
    struct nacre_sftp_server_cfg cfg = {.read_only = true,
                                        .deny = (uint64_t)1 << NACRE_SFTP_OP_LIMITS};
    struct sftp_rig *k = sftp_start(&cfg);
    uint32_t version;
    uint64_t ops;
    sftp_say_init();
    cr_assert_eq(sftp_run(k), NACRE_OK);
    struct nacre_bytes body = {sftp_replies + 4, sftp_replies_n - 4};
    cr_assert(ncr_sftp_version_get(body, &version, &ops));
    cr_assert_eq(ops, 0);
    sftp_stop(k);
}

Test(sftp_server, denied_operations)
{
    for (int op = NACRE_SFTP_OP_NONE + 1; op < NACRE_SFTP_OP_EXTENDED; op++) {
        struct sftp_rig *k = sftp_ready(NULL);
        sftp_furnish(k);
        struct sftp_handle rw = sftp_open(k, "/f", SFTP_RW), dst = sftp_open(k, "/g", SFTP_RW);
        struct nacre_sftp_req req = sftp_example((enum nacre_sftp_op)op, &rw, &dst);
        k->s.cfg.deny = (uint64_t)1 << op;
        struct sftp_answer a = sftp_ask(k, &req);
        cr_assert_eq(a.msg, NCR_FXP_STATUS);
        cr_assert(a.status == NACRE_FX_PERMISSION_DENIED, "%s",
                  nacre_sftp_op_name((enum nacre_sftp_op)op));
        sftp_stop(k);
    }
}

/* ---- Sizes ---- */

static void say_head(uint32_t len, uint8_t msg, uint32_t id)
{
    struct ncr_wr w = ncr_wr(sftp_script + sftp_script_n, sizeof sftp_script - sftp_script_n);
    ncr_wr_u32(&w, len);
    ncr_wr_u8(&w, msg);
    ncr_wr_u32(&w, id);
    sftp_script_n += w.n;
}

static void expect_end(struct sftp_rig *k, nacre_err want)
{
    size_t used, n = sftp_replies_n;
    cr_assert_eq(sftp_run(k), want, "%s", nacre_sftp_server_errinfo(&k->s).what);
    cr_assert_eq(nacre_sftp_server_errinfo(&k->s).err, want);
    cr_assert_str_not_empty(nacre_sftp_server_errinfo(&k->s).what);
    cr_assert_eq(nacre_sftp_server_wants(&k->s), NACRE_WANT_CLOSED);
    cr_assert_eq(nacre_sftp_server_recv(&k->s, sftp_script, 100, &used), want);
    cr_assert_eq(used, 0);
    cr_assert_eq(nacre_sftp_server_output(&k->s, sftp_replies, sizeof sftp_replies), 0);
    cr_assert_eq(sftp_replies_n, n);
    sftp_stop(k);
}

Test(sftp_server, s88_packet_lengths)
{
    static const uint32_t lens[] = {0,          1,          4,          NCR_SFTP_PACKET_MAX + 1,
                                    0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff};
    static const uint8_t msgs[] = {NCR_FXP_STAT, NCR_FXP_WRITE, NCR_FXP_READ, NCR_FXP_EXTENDED, 99};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        for (size_t j = 0; j < sizeof msgs; j++) {
            struct sftp_rig *k = sftp_ready(NULL);
            say_head(lens[i], msgs[j], 1);
            expect_end(k, NACRE_ERR_PACKET_LEN);
        }
    }
}

/* A request larger than the buffer is answered, and its rest skipped. */
Test(sftp_server, s88_long_requests_are_skipped)
{
    static const struct {
        uint8_t msg;
        uint32_t status;
    } cases[] = {{NCR_FXP_STAT, NACRE_FX_BAD_MESSAGE},
                 {NCR_FXP_EXTENDED, NACRE_FX_OP_UNSUPPORTED},
                 {99, NACRE_FX_BAD_MESSAGE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sftp_rig *k = sftp_ready(NULL);
        struct sftp_answer a;
        say_head(NCR_SFTP_PACKET_MAX, cases[i].msg, 7);
        memset(sftp_script + sftp_script_n, 'x', NCR_SFTP_PACKET_MAX - 5);
        sftp_script_n += NCR_SFTP_PACKET_MAX - 5;
        cr_assert_eq(sftp_run(k), NACRE_OK);
        cr_assert(sftp_hear(&a));
        cr_assert(a.id == 7 && a.status == cases[i].status);
        cr_assert_eq(sftp_path_status(k, NACRE_SFTP_OP_MKDIR, "/d"),
                     NACRE_FX_OK); /* in step still */
        sftp_stop(k);
    }
}

Test(sftp_server, s88_paths)
{
    static uint8_t path[NCR_SFTP_PATH_MAX + 1];
    struct sftp_rig *k = sftp_ready(NULL);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_STAT, .path = {path, sizeof path}};
    memset(path, 'p', sizeof path);
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_BAD_MESSAGE);
    req = (struct nacre_sftp_req){
        .op = NACRE_SFTP_OP_RENAME, .path = nacre_bytes_str("/f"), .path2 = {path, sizeof path}};
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_BAD_MESSAGE);
    req = (struct nacre_sftp_req){.op = NACRE_SFTP_OP_STAT, .path = {(const uint8_t *)"/f\0g", 4}};
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_BAD_MESSAGE);
    cr_assert_eq(sftp_path_status(k, NACRE_SFTP_OP_STAT, ""), NACRE_FX_NO_SUCH_FILE);
    sftp_stop(k);
}

Test(sftp_server, s88_offsets)
{
    static const uint64_t offsets[] = {(uint64_t)INT64_MAX, (uint64_t)INT64_MAX - 3,
                                       (uint64_t)INT64_MAX + 1, UINT64_MAX, UINT64_MAX - 3};
    struct sftp_rig *k = sftp_ready(NULL);
    struct sftp_handle h = sftp_open(k, "/f", SFTP_RW);
    cr_assert_eq(sftp_write(k, &h, 0, "12345", 5), NACRE_FX_OK);
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        cr_assert_eq(sftp_write(k, &h, offsets[i], "12345", 5), NACRE_FX_BAD_MESSAGE);
        struct sftp_answer a = sftp_read(k, &h, offsets[i], 0xffffffff);
        cr_assert_eq(a.status, NACRE_FX_BAD_MESSAGE);
    }
    sftp_stop(k);
}

Test(sftp_server, s88_read_is_capped)
{
    struct sftp_rig *k = sftp_ready(NULL);
    uint8_t *p = sftp_pattern(400000);
    sftp_put_file(k, "/f", p, 400000);
    struct sftp_handle h = sftp_open(k, "/f", NACRE_FXF_READ);
    struct sftp_answer a = sftp_read(k, &h, 1, 0xffffffff);
    cr_assert_eq(sftp_data(&a).n, NCR_SFTP_READ_MAX);
    cr_assert_arr_eq(sftp_data(&a).p, p + 1, NCR_SFTP_READ_MAX);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_LIMITS};
    a = sftp_ask(k, &req);
    struct ncr_rd r = ncr_rd(a.body);
    cr_assert_eq(ncr_rd_u64(&r), NCR_SFTP_PACKET_MAX);
    cr_assert_eq(ncr_rd_u64(&r), NCR_SFTP_READ_MAX);
    cr_assert_eq(ncr_rd_u64(&r), NCR_SFTP_READ_MAX);
    cr_assert_eq(ncr_rd_u64(&r), NCR_SFTP_HANDLES_MAX);
    free(p);
    sftp_stop(k);
}

Test(sftp_server, s88_write_lengths)
{
    static const struct {
        uint32_t len, hn, n;
        bool good;
    } cases[] = {
        {29 + 64, 8, 64, true},
        {29 + 64, 8, 63, false},
        {29 + 64, 8, 65, false},
        {29 + 64, 8, 0xffffffff, false},
        {29 + 63, 8, 64, false},
        {29 + 65, 8, 64, false},
        {29 + 64, 0xffffffff, 64, false},
        {29 + 64, 29 + 64, 64, false},
        {20, 0, 0, false},
        {28, 8, 0, false},
        {29 + 64, 0x80000000, 64, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sftp_rig *k = sftp_ready(NULL);
        struct sftp_handle h = sftp_open(k, "/f", SFTP_RW);
        struct sftp_answer a;
        sftp_replies_n = sftp_heard = 0;
        sftp_say_write_lengths(&h, cases[i].len, cases[i].hn, cases[i].n);
        if (!cases[i].good) {
            expect_end(k, NACRE_ERR_FORMAT);
            continue;
        }
        cr_assert_eq(sftp_run(k), NACRE_OK, "%zu", i);
        cr_assert(sftp_hear(&a));
        cr_assert_eq(a.status, NACRE_FX_OK);
        sftp_stop(k);
    }
}

Test(sftp_server, s88_long_init)
{
    struct sftp_rig *k = sftp_start(NULL);
    say_head(17000, NCR_FXP_INIT, 3);
    expect_end(k, NACRE_ERR_LIMIT);
}

/* ---- Order ---- */

Test(sftp_server, order_of_messages)
{
    struct sftp_rig *k = sftp_start(NULL);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_STAT, .path = nacre_bytes_str("/")};
    sftp_say(1, &req);
    expect_end(k, NACRE_ERR_ORDER);
    k = sftp_ready(NULL);
    sftp_say_init();
    expect_end(k, NACRE_ERR_ORDER);
    static const uint8_t version2[] = {0, 0, 0, 5, 1, 0, 0, 0, 2};
    k = sftp_start(NULL);
    sftp_say_bytes(version2, sizeof version2);
    expect_end(k, NACRE_ERR_VERSION_UNSUPPORTED);
    static const uint8_t version6[] = {0, 0, 0, 9, 1, 0, 0, 0, 6, 0, 0, 0, 0};
    k = sftp_start(NULL);
    sftp_say_bytes(version6, sizeof version6); /* half a pair */
    expect_end(k, NACRE_ERR_FORMAT);
    static const uint8_t version4[] = {0, 0, 0, 5, 1, 0, 0, 0, 4};
    k = sftp_start(NULL);
    sftp_say_bytes(version4, sizeof version4); /* we answer 3 */
    cr_assert_eq(sftp_run(k), NACRE_OK);
    cr_assert_eq(sftp_replies[8], 3);
    sftp_stop(k);
}

Test(sftp_server, unknown_requests_are_answered)
{
    static const uint8_t odd[] = {0, 0, 0, 8, 77, 0, 0, 0, 5, 1, 2, 3};
    struct sftp_rig *k = sftp_ready(NULL);
    struct sftp_answer a;
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_EXTENDED,
                                 .name = nacre_bytes_str("x@example.org"),
                                 .data = nacre_bytes_str("data")};
    cr_assert_eq(sftp_status(k, &req), NACRE_FX_OP_UNSUPPORTED);
    sftp_replies_n = sftp_heard = 0;
    sftp_say_bytes(odd, sizeof odd);
    cr_assert_eq(sftp_run(k), NACRE_OK);
    cr_assert(sftp_hear(&a));
    cr_assert(a.id == 5 && a.status == NACRE_FX_OP_UNSUPPORTED);
    sftp_stop(k);
}

/* A READ tells what was there when it came, although its data is read only when there is room: what
 * would change it waits. */
Test(sftp_server, requests_keep_their_order)
{
    struct sftp_rig *k = sftp_ready(NULL);
    sftp_put_file(k, "/f", (const uint8_t *)"old", 3);
    struct sftp_handle h = sftp_open(k, "/f", SFTP_RW);
    struct nacre_sftp_req rd = {
        .op = NACRE_SFTP_OP_READ, .handle = sftp_handle_bytes(&h), .len = 3};
    struct nacre_sftp_req wr = {
        .op = NACRE_SFTP_OP_WRITE, .handle = sftp_handle_bytes(&h), .data = nacre_bytes_str("new")};
    struct nacre_sftp_req cl = {.op = NACRE_SFTP_OP_CLOSE, .handle = sftp_handle_bytes(&h)};
    struct sftp_answer a;
    sftp_replies_n = sftp_heard = 0;
    sftp_say(1, &rd);
    sftp_say(2, &wr);
    sftp_say(3, &rd);
    sftp_say(4, &cl);
    sftp_say(5, &rd);
    size_t used, all = sftp_script_n;
    cr_assert_eq(nacre_sftp_server_recv(&k->s, sftp_script, sftp_script_n, &used), NACRE_OK);
    cr_assert_lt(used, all); /* the write waits with the caller */
    cr_assert(nacre_sftp_server_wants(&k->s) & NACRE_WANT_WRITE);
    memmove(sftp_script, sftp_script + used, sftp_script_n - used);
    sftp_script_n -= used;
    cr_assert_eq(sftp_run(k), NACRE_OK);
    cr_assert(sftp_hear(&a) && a.id == 1);
    cr_assert(nacre_bytes_is(sftp_data(&a), "old"));
    cr_assert(sftp_hear(&a) && a.id == 2 && a.status == NACRE_FX_OK);
    cr_assert(sftp_hear(&a) && a.id == 3);
    cr_assert(nacre_bytes_is(sftp_data(&a), "new"));
    cr_assert(sftp_hear(&a) && a.id == 4 && a.status == NACRE_FX_OK);
    cr_assert(sftp_hear(&a) && a.id == 5 && a.status == NACRE_FX_FAILURE);
    sftp_stop(k);
}
