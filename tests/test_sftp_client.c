/* SPDX-License-Identifier: ISC
 *
 * The client's SFTP engine (sftp/sftp_client.c) against a scripted server: order, limits, matching
 * of replies (s86), streaming without copies, every split of the input.
 */
#include "sftp/nacre_sftp.h"

#include "proto/limits.h"
#include "sftp/sftp_msg.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Engine and region in one block, so that both can be moved. */
struct client {
    struct nacre_sftp_client c;
    uint64_t mem[NACRE_SFTP_CLIENT_MEM / 8 + 1];
};

/* What the scripted server has said and not fed yet. */
static uint8_t script[1 << 20];
static size_t script_n;

static struct ncr_wr say_begin(void)
{
    return ncr_wr(script + script_n, sizeof script - script_n);
}

static void say_end(const struct ncr_wr *w)
{
    cr_assert_not(w->bad);
    script_n += w->n;
}

static void say_status(uint32_t id, uint32_t status)
{
    struct ncr_wr w = say_begin();
    ncr_sftp_status_put(&w, id, status, nacre_sftp_status_text(status));
    say_end(&w);
}

static void say_handle(uint32_t id, const char *handle)
{
    struct ncr_wr w = say_begin();
    ncr_sftp_handle_put(&w, id, nacre_bytes_str(handle));
    say_end(&w);
}

static void say_attrs(uint32_t id, uint64_t size)
{
    struct nacre_sftp_attrs a = {.flags = NACRE_SFTP_ATTR_SIZE, .size = size};
    struct ncr_wr w = say_begin();
    ncr_sftp_attrs_put(&w, id, &a);
    say_end(&w);
}

static void say_name(uint32_t id, const char *name)
{
    struct ncr_wr w = say_begin();
    ncr_sftp_name_put(&w, id, nacre_bytes_str(name));
    say_end(&w);
}

static void say_data(uint32_t id, const char *text, size_t n)
{
    struct ncr_wr w = say_begin();
    ncr_sftp_data_head_put(&w, id, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        ncr_wr_u8(&w, (uint8_t)text[i % strlen(text)]);
    }
    say_end(&w);
}

static void say_version(uint64_t ops)
{
    struct ncr_wr w = say_begin();
    ncr_sftp_version_put(&w, ops);
    say_end(&w);
}

static void say_limits(uint32_t id, uint64_t packet, uint64_t rd, uint64_t wr)
{
    struct nacre_sftp_limits l = {packet, rd, wr, 0};
    struct ncr_wr w = say_begin();
    ncr_sftp_limits_put(&w, id, &l);
    say_end(&w);
}

/* A packet head with a length of one's choice. */
static void say_raw(uint32_t len, uint8_t msg, uint32_t id)
{
    struct ncr_wr w = say_begin();
    ncr_wr_u32(&w, len);
    ncr_wr_u8(&w, msg);
    ncr_wr_u32(&w, id);
    say_end(&w);
}

/* Feeds all that was said; events are written to log as text, pieces of data joined. */
static char log_text[1 << 16];
static size_t log_n;

static void log_put(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(log_text + log_n, sizeof log_text - log_n, fmt, ap);
    va_end(ap);
    cr_assert(n >= 0 && (size_t)n < sizeof log_text - log_n);
    log_n += (size_t)n;
}

static void log_event(const struct nacre_sftp_event *ev)
{
    static const char *const types[] = {"none", "version", "status", "handle",
                                        "data", "names",   "attrs",  "extended"};
    struct nacre_sftp_names names = ev->names;
    struct nacre_sftp_name name;
    if (ev->type == NACRE_SFTP_EV_DATA) {
        log_put("%.*s", (int)ev->data.n, ev->data.n > 0 ? (const char *)ev->data.p : "");
        if (ev->done) {
            log_put("<%u of %u\n", ev->ticket, ev->len);
        }
        return;
    }
    log_put("%s %s %u %u %.*s %llu", types[ev->type], nacre_sftp_op_name(ev->op), ev->ticket,
            ev->status, (int)ev->data.n, ev->data.n > 0 ? (const char *)ev->data.p : "",
            (unsigned long long)ev->attrs.size);
    while (nacre_sftp_names_next(&names, &name)) {
        log_put(" [%.*s]", (int)name.name.n, (const char *)name.name.p);
    }
    log_put("\n");
}

static nacre_err feed_bytes(struct nacre_sftp_client *c, const uint8_t *in, size_t n)
{
    while (n > 0) {
        struct nacre_sftp_event ev;
        size_t used;
        nacre_err err = nacre_sftp_client_recv(c, in, n, &used, &ev);
        if (err != NACRE_OK) {
            cr_assert_eq(ev.type, NACRE_SFTP_EV_NONE);
            return err;
        }
        cr_assert(used > 0 && used <= n);
        if (ev.type == NACRE_SFTP_EV_DATA && ev.data.n > 0) { /* told where it lies: no copy */
            cr_assert(ev.data.p >= in && ev.data.p + ev.data.n <= in + used);
        }
        if (ev.type != NACRE_SFTP_EV_NONE) {
            log_event(&ev);
        }
        in += used;
        n -= used;
    }
    return NACRE_OK;
}

/* Feeds the script from memory of exactly its size and forgets it. */
static nacre_err feed(struct nacre_sftp_client *c)
{
    uint8_t *exact = malloc(script_n);
    cr_assert_not_null(exact);
    memcpy(exact, script, script_n);
    nacre_err err = feed_bytes(c, exact, script_n);
    free(exact);
    script_n = 0;
    return err;
}

#define ALL_OPS (((uint64_t)1 << NACRE_SFTP_OP_EXTENDED) - 1)
#define NO_LIMITS (ALL_OPS & ~((uint64_t)1 << NACRE_SFTP_OP_LIMITS))

static struct client *start(uint64_t ops)
{
    struct client *k = malloc(sizeof *k);
    cr_assert_not_null(k);
    memset(k, 0xa5, sizeof *k);
    cr_assert_eq(nacre_sftp_client_init(&k->c, k->mem, sizeof k->mem), NACRE_OK);
    script_n = log_n = 0;
    if (ops != 0) {
        say_version(ops);
        cr_assert_eq(feed(&k->c), NACRE_OK);
    }
    log_n = 0;
    log_text[0] = '\0';
    return k;
}

static uint32_t ask(struct client *k, const struct nacre_sftp_req *req)
{
    uint32_t ticket = 0;
    cr_assert_eq(nacre_sftp_client_request(&k->c, req, &ticket), NACRE_OK);
    return ticket;
}

static uint32_t ask_op(struct client *k, enum nacre_sftp_op op)
{
    struct nacre_sftp_req req = {.op = op, .len = 100};
    return ask(k, &req);
}

static uint32_t ask_read(struct client *k, uint64_t offset, uint32_t len)
{
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_READ, .offset = offset, .len = len};
    return ask(k, &req);
}

Test(sftp_client, first_bytes_are_init)
{
    static const uint8_t init[] = {0, 0, 0, 5, 1, 0, 0, 0, 3};
    struct client *k = start(0);
    uint8_t out[64];
    cr_assert_eq(nacre_sftp_client_wants(&k->c), NACRE_WANT_WRITE | NACRE_WANT_READ);
    cr_assert_eq(nacre_sftp_client_output(&k->c, out, 4), 4);
    cr_assert_eq(nacre_sftp_client_output(&k->c, out + 4, sizeof out - 4), 5);
    cr_assert_arr_eq(out, init, sizeof init);
    cr_assert_eq(nacre_sftp_client_output(&k->c, out, sizeof out), 0);
    cr_assert_eq(nacre_sftp_client_wants(&k->c), NACRE_WANT_READ);
    free(k);
}

Test(sftp_client, region)
{
    static uint64_t mem[NACRE_SFTP_CLIENT_MEM_MIN / 8];
    struct nacre_sftp_client c;
    cr_assert_eq(nacre_sftp_client_init(&c, mem, sizeof mem - 1), NACRE_ERR_REGION);
    cr_assert_eq(nacre_sftp_client_wants(&c), NACRE_WANT_CLOSED);
    cr_assert_eq(nacre_sftp_client_init(&c, NULL, sizeof mem), NACRE_ERR_REGION);
    cr_assert_eq(nacre_sftp_client_init(&c, mem, sizeof mem), NACRE_OK);
}

Test(sftp_client, version_tells_what_can_be_asked)
{
    struct client *k = start(0);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_STATVFS};
    uint32_t ticket;
    cr_assert_eq(nacre_sftp_client_request(&k->c, &req, &ticket), NACRE_ERR_USAGE);
    req.op = NACRE_SFTP_OP_EXTENDED;
    cr_assert_eq(nacre_sftp_client_request(&k->c, &req, &ticket), NACRE_ERR_USAGE);
    req.op = NACRE_SFTP_OP_NONE;
    cr_assert_eq(nacre_sftp_client_request(&k->c, &req, &ticket), NACRE_ERR_USAGE);
    req.op = NACRE_SFTP_OP_STAT; /* part of the protocol: leaves with INIT */
    cr_assert_eq(nacre_sftp_client_request(&k->c, &req, &ticket), NACRE_OK);
    say_version((uint64_t)1 << NACRE_SFTP_OP_STATVFS);
    say_attrs(ticket, 7);
    cr_assert_eq(feed(&k->c), NACRE_OK);
    cr_assert_str_eq(log_text, "version  0 0  0\nattrs stat 0 0  7\n");
    cr_assert(nacre_sftp_client_supports(&k->c, NACRE_SFTP_OP_STATVFS));
    cr_assert_not(nacre_sftp_client_supports(&k->c, NACRE_SFTP_OP_FSYNC));
    cr_assert(nacre_sftp_client_supports(&k->c, NACRE_SFTP_OP_EXTENDED));
    cr_assert_not(nacre_sftp_client_supports(&k->c, NACRE_SFTP_OP_NONE));
    free(k);
}

static struct nacre_sftp_limits limits_after(uint64_t packet, uint64_t rd, uint64_t wr)
{
    struct client *k = start(ALL_OPS);
    cr_assert_eq(nacre_sftp_client_flight(&k->c), 1); /* it has asked */
    cr_assert_eq(nacre_sftp_client_limits(&k->c).read, 32768);
    say_limits(k->c.limits_ticket, packet, rd, wr);
    cr_assert_eq(feed(&k->c), NACRE_OK);
    cr_assert_eq(log_n, 0); /* not told: not the caller's request */
    cr_assert_eq(nacre_sftp_client_flight(&k->c), 0);
    struct nacre_sftp_limits l = nacre_sftp_client_limits(&k->c);
    free(k);
    return l;
}

Test(sftp_client, limits_are_asked_for_and_kept_within_ours)
{
    cr_assert_eq(limits_after(262144, 261120, 261120).read, 261120);
    cr_assert_eq(limits_after(262144, 261120, 1000).write, 1000);
    cr_assert_eq(limits_after(0, 0, 0).read, NCR_SFTP_READ_MAX);
    cr_assert_eq(limits_after(UINT64_MAX, UINT64_MAX, UINT64_MAX).write, NCR_SFTP_READ_MAX);
    cr_assert_eq(limits_after(34000, 0, 0).write, 34000 - 1024);
    cr_assert_eq(limits_after(1, 0, 0).write, 1024);
    cr_assert_eq(limits_after(0, 1, 1).read, 1);
}

Test(sftp_client, limits_that_fail_leave_the_defaults)
{
    struct client *k = start(ALL_OPS);
    say_status(k->c.limits_ticket, NACRE_FX_OP_UNSUPPORTED);
    cr_assert_eq(feed(&k->c), NACRE_OK);
    cr_assert_eq(log_n, 0);
    cr_assert_eq(nacre_sftp_client_limits(&k->c).read, 32768);
    free(k);
}

/* A dialogue with every kind of reply, out of order. */
static struct client *dialogue(void)
{
    struct client *k = start(NO_LIMITS);
    uint32_t open = ask_op(k, NACRE_SFTP_OP_OPEN);
    uint32_t read1 = ask_read(k, 1000, 40), read2 = ask_read(k, 0, 100), read3 = ask_read(k, 5, 9);
    uint32_t stat = ask_op(k, NACRE_SFTP_OP_STAT);
    uint32_t real = ask_op(k, NACRE_SFTP_OP_REALPATH);
    uint32_t dir = ask_op(k, NACRE_SFTP_OP_READDIR);
    uint32_t rm = ask_op(k, NACRE_SFTP_OP_REMOVE);
    uint32_t ids = ask_op(k, NACRE_SFTP_OP_USERS_GROUPS);
    struct ncr_wr w;
    say_data(read2, "abcdefghij", 100);
    say_name(dir, "entry");
    say_status(rm, NACRE_FX_PERMISSION_DENIED);
    say_data(read1, "x", 0);
    say_attrs(stat, 4711);
    w = say_begin();
    size_t mark = ncr_wr_string_begin(&w);
    ncr_wr_u8(&w, NCR_FXP_EXTENDED_REPLY);
    ncr_wr_u32(&w, ids);
    ncr_wr_cstring(&w, "users");
    ncr_wr_cstring(&w, "groups");
    ncr_wr_string_end(&w, mark);
    say_end(&w);
    say_status(read3, NACRE_FX_EOF);
    say_handle(open, "handle");
    say_name(real, "/home/user");
    return k;
}

static const char dialogue_log[] =
    "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
    "abcdefghij<130 of 100\n"
    "names readdir 390 0  0 [entry]\n"
    "status remove 455 3  0\n"
    "<65 of 0\n"
    "attrs stat 260 0  4711\n"
    "extended users-groups-by-id 520 0 users 0\n"
    "status read 195 1  0\n"
    "handle open 0 0 handle 0\n"
    "names realpath 325 0  0 [/home/user]\n";

Test(sftp_client, replies_in_any_order)
{
    struct client *k = dialogue();
    cr_assert_eq(nacre_sftp_client_flight(&k->c), 9);
    cr_assert_eq(feed(&k->c), NACRE_OK);
    cr_assert_str_eq(log_text, dialogue_log);
    cr_assert_eq(nacre_sftp_client_flight(&k->c), 0);
    cr_assert_eq(nacre_sftp_client_eof(&k->c), NACRE_OK);
    free(k);
}

Test(sftp_client, byte_by_byte)
{
    struct client *k = dialogue();
    for (size_t i = 0; i < script_n; i++) {
        uint8_t one = script[i];
        cr_assert_eq(feed_bytes(&k->c, &one, 1), NACRE_OK);
    }
    cr_assert_str_eq(log_text, dialogue_log);
    free(k);
}

Test(sftp_client, every_split)
{
    for (size_t at = 0;; at++) {
        struct client *k = dialogue();
        if (at > script_n) {
            free(k);
            break;
        }
        cr_assert_eq(feed_bytes(&k->c, script, at), NACRE_OK);
        cr_assert_eq(feed_bytes(&k->c, script + at, script_n - at), NACRE_OK);
        cr_assert_str_eq(log_text, dialogue_log, "split at %zu", at);
        free(k);
    }
}

Test(sftp_client, moved_in_the_middle)
{
    for (size_t at = 0;; at += 7) {
        struct client *k = dialogue(), *to = malloc(sizeof *to);
        if (at > script_n) {
            free(k);
            free(to);
            break;
        }
        cr_assert_eq(feed_bytes(&k->c, script, at), NACRE_OK);
        memcpy(to, k, sizeof *to);
        memset(k, 0x77, sizeof *k);
        free(k);
        cr_assert_eq(feed_bytes(&to->c, script + at, script_n - at), NACRE_OK);
        cr_assert_str_eq(log_text, dialogue_log);
        free(to);
    }
}

Test(sftp_client, data_tells_its_offset)
{
    struct client *k = start(NO_LIMITS);
    uint32_t t = ask_read(k, 1000000, 10);
    struct nacre_sftp_event ev;
    size_t used;
    say_data(t, "0123456789", 10);
    cr_assert_eq(nacre_sftp_client_recv(&k->c, script, 17, &used, &ev), NACRE_OK);
    cr_assert_eq(used, 13);
    cr_assert_eq(nacre_sftp_client_recv(&k->c, script + 13, 4, &used, &ev), NACRE_OK);
    cr_assert(ev.offset == 1000000 && ev.data.n == 4 && !ev.done && ev.len == 10);
    cr_assert_eq(nacre_sftp_client_flight(&k->c), 1);
    cr_assert_eq(nacre_sftp_client_recv(&k->c, script + 17, script_n - 17, &used, &ev), NACRE_OK);
    cr_assert(ev.offset == 1000004 && ev.data.n == 6 && ev.done);
    cr_assert_eq(nacre_sftp_client_flight(&k->c), 0);
    free(k);
}

/* ---- Refusals ---- */

static void expect_end(struct client *k, nacre_err want)
{
    size_t n = log_n;
    cr_assert_eq(feed(&k->c), want, "%s", nacre_sftp_client_errinfo(&k->c).what);
    cr_assert_eq(nacre_sftp_client_errinfo(&k->c).err, want);
    cr_assert_str_not_empty(nacre_sftp_client_errinfo(&k->c).what);
    cr_assert_eq(log_n, n);
    cr_assert_eq(nacre_sftp_client_wants(&k->c), NACRE_WANT_CLOSED);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_STAT}; /* sticks */
    uint32_t ticket;
    uint8_t out[16];
    cr_assert_eq(nacre_sftp_client_request(&k->c, &req, &ticket), want);
    cr_assert_eq(nacre_sftp_client_output(&k->c, out, sizeof out), 0);
    say_status(0, 0);
    cr_assert_eq(feed(&k->c), want);
    cr_assert_eq(nacre_sftp_client_eof(&k->c), want);
    free(k);
}

Test(sftp_client, s86_unknown_id)
{
    struct client *k = start(NO_LIMITS);
    say_status(3, 0);
    expect_end(k, NACRE_ERR_ORDER);
    k = start(NO_LIMITS);
    say_status(ask_op(k, NACRE_SFTP_OP_REMOVE) + NACRE_SFTP_REQUESTS_MAX, 0);
    expect_end(k, NACRE_ERR_ORDER);
    k = start(NO_LIMITS);
    say_data(ask_read(k, 0, 10) + 1, "abc", 3);
    expect_end(k, NACRE_ERR_ORDER);
}

Test(sftp_client, s86_second_reply)
{
    struct client *k = start(NO_LIMITS);
    uint32_t t = ask_op(k, NACRE_SFTP_OP_REMOVE);
    say_status(t, 0);
    cr_assert_eq(feed(&k->c), NACRE_OK);
    cr_assert_neq(ask_op(k, NACRE_SFTP_OP_REMOVE), t); /* the slot is in use again */
    say_status(t, 0);
    expect_end(k, NACRE_ERR_ORDER);
    k = start(NO_LIMITS);
    t = ask_read(k, 0, 10);
    say_data(t, "abc", 3);
    cr_assert_eq(feed(&k->c), NACRE_OK);
    say_data(t, "abc", 3);
    expect_end(k, NACRE_ERR_ORDER);
}

/* Every operation with every kind of reply: only its own and a status pass. */
static void say_kind(uint32_t id, int kind)
{
    struct ncr_wr w;
    struct nacre_sftp_statvfs vfs = {0};
    size_t mark;
    switch (kind) {
    case NCR_REPLY_STATUS:
        say_status(id, NACRE_FX_FAILURE);
        break;
    case NCR_REPLY_HANDLE:
        say_handle(id, "h");
        break;
    case NCR_REPLY_DATA:
        say_data(id, "d", 3);
        break;
    case NCR_REPLY_NAMES:
    case NCR_REPLY_NAME:
        say_name(id, "n");
        break;
    case NCR_REPLY_ATTRS:
        say_attrs(id, 1);
        break;
    case NCR_REPLY_LIMITS:
        say_limits(id, 1, 2, 3);
        break;
    case NCR_REPLY_VFS:
        w = say_begin();
        ncr_sftp_vfs_put(&w, id, &vfs);
        say_end(&w);
        break;
    default: /* bytes that fit none of the other extended replies */
        w = say_begin();
        mark = ncr_wr_string_begin(&w);
        ncr_wr_u8(&w, NCR_FXP_EXTENDED_REPLY);
        ncr_wr_u32(&w, id);
        if (kind == NCR_REPLY_IDS) {
            ncr_wr_cstring(&w, "u");
            ncr_wr_cstring(&w, "g");
        } else {
            ncr_wr_u8(&w, 1);
        }
        ncr_wr_string_end(&w, mark);
        say_end(&w);
        break;
    }
}

static bool kind_fits(int want, int got)
{
    if (got == NCR_REPLY_STATUS || want == got) {
        return true;
    }
    if (want == NCR_REPLY_OPAQUE) {
        return got == NCR_REPLY_VFS || got == NCR_REPLY_LIMITS || got == NCR_REPLY_IDS;
    }
    return (want == NCR_REPLY_NAMES && got == NCR_REPLY_NAME) ||
           (want == NCR_REPLY_NAME && got == NCR_REPLY_NAMES);
}

Test(sftp_client, s86_wrong_type)
{
    for (int op = NACRE_SFTP_OP_NONE + 1; op < NACRE_SFTP_OP_COUNT; op++) {
        int want = ncr_sftp_op_row((enum nacre_sftp_op)op)->reply;
        for (int kind = 0; kind < NCR_REPLY_KINDS; kind++) {
            struct client *k = start(op == NACRE_SFTP_OP_LIMITS ? ALL_OPS : NO_LIMITS);
            say_kind(ask_op(k, (enum nacre_sftp_op)op), kind);
            if (kind_fits(want, kind)) {
                cr_assert_eq(feed(&k->c), NACRE_OK, "op %d kind %d", op, kind);
                cr_assert_gt(log_n, 0);
                free(k);
            } else {
                expect_end(k, NACRE_ERR_FORMAT);
            }
        }
    }
}

static void say_names(uint32_t id, uint32_t count)
{
    struct ncr_wr w = say_begin();
    struct nacre_sftp_name name = {
        nacre_bytes_str("n"), nacre_bytes_str("l"), {0, 0, 0, 0, 0, 0, 0}};
    size_t mark = ncr_wr_string_begin(&w);
    ncr_wr_u8(&w, NCR_FXP_NAME);
    ncr_wr_u32(&w, id);
    ncr_wr_u32(&w, count);
    for (uint32_t i = 0; i < count; i++) {
        ncr_sftp_entry_put(&w, &name);
    }
    ncr_wr_string_end(&w, mark);
    say_end(&w);
}

Test(sftp_client, s86_one_name_for_one_path)
{
    static const enum nacre_sftp_op ops[] = {NACRE_SFTP_OP_REALPATH, NACRE_SFTP_OP_READLINK,
                                             NACRE_SFTP_OP_EXPAND_PATH,
                                             NACRE_SFTP_OP_HOME_DIRECTORY};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        for (uint32_t count = 0; count < 4; count++) {
            struct client *k = start(NO_LIMITS);
            say_names(ask_op(k, ops[i]), count);
            if (count == 1) {
                cr_assert_eq(feed(&k->c), NACRE_OK);
                free(k);
            } else {
                expect_end(k, NACRE_ERR_FORMAT);
            }
        }
    }
}

Test(sftp_client, s86_before_version)
{
    struct client *k = start(0);
    say_status(ask_op(k, NACRE_SFTP_OP_STAT), 0);
    expect_end(k, NACRE_ERR_ORDER);
    k = start(NO_LIMITS);
    say_version(0);
    expect_end(k, NACRE_ERR_ORDER);
    for (uint32_t v = 0; v < 8; v++) {
        k = start(0);
        struct ncr_wr w = say_begin();
        ncr_wr_u32(&w, 5);
        ncr_wr_u8(&w, NCR_FXP_VERSION);
        ncr_wr_u32(&w, v);
        say_end(&w);
        if (v != 3) {
            expect_end(k, NACRE_ERR_VERSION_UNSUPPORTED);
        } else {
            cr_assert_eq(feed(&k->c), NACRE_OK);
            free(k);
        }
    }
    k = start(0);
    say_raw(6, NCR_FXP_VERSION, 3);
    script[script_n++] = 0;
    expect_end(k, NACRE_ERR_FORMAT);
}

Test(sftp_client, s88_lengths)
{
    static const struct {
        uint32_t len;
        uint8_t msg;
        nacre_err err;
    } cases[] = {
        {0, NCR_FXP_STATUS, NACRE_ERR_PACKET_LEN},
        {1, NCR_FXP_STATUS, NACRE_ERR_FORMAT},
        {4, NCR_FXP_STATUS, NACRE_ERR_FORMAT},
        {8, NCR_FXP_DATA, NACRE_ERR_FORMAT},
        {NCR_SFTP_PACKET_MAX + 1, NCR_FXP_DATA, NACRE_ERR_PACKET_LEN},
        {NCR_SFTP_PACKET_MAX + 1, NCR_FXP_NAME, NACRE_ERR_PACKET_LEN},
        {0x7fffffff, NCR_FXP_NAME, NACRE_ERR_PACKET_LEN},
        {0x80000000, NCR_FXP_NAME, NACRE_ERR_PACKET_LEN},
        {0xfffffffb, NCR_FXP_DATA, NACRE_ERR_PACKET_LEN},
        {0xffffffff, NCR_FXP_DATA, NACRE_ERR_PACKET_LEN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct client *k = start(NO_LIMITS);
        say_raw(cases[i].len, cases[i].msg, ask_read(k, 0, 100));
        expect_end(k, cases[i].err);
    }
}

Test(sftp_client, s88_small_region_refuses_large_replies)
{
    static uint64_t mem[NACRE_SFTP_CLIENT_MEM_MIN / 8];
    for (int in_place = 0; in_place < 2; in_place++) {
        struct client *k = start(0);
        cr_assert_eq(nacre_sftp_client_init(&k->c, mem, sizeof mem), NACRE_OK);
        say_version(0);
        cr_assert_eq(feed(&k->c), NACRE_OK);
        say_names(ask_op(k, NACRE_SFTP_OP_READDIR), 1500); /* larger than its buffer */
        nacre_err err = NACRE_OK;
        for (size_t i = 0; !in_place && i < script_n && err == NACRE_OK; i++) {
            err = feed_bytes(&k->c, script + i, 1);
        }
        cr_assert_eq(in_place ? feed(&k->c) : err, NACRE_ERR_LIMIT);
        free(k);
    }
}

static void say_data_lengths(uint32_t id, uint32_t len, uint32_t n)
{
    struct ncr_wr w = say_begin();
    ncr_wr_u32(&w, len);
    ncr_wr_u8(&w, NCR_FXP_DATA);
    ncr_wr_u32(&w, id);
    ncr_wr_u32(&w, n);
    say_end(&w);
}

Test(sftp_client, s88_data_lengths)
{
    static const struct {
        uint32_t len, n;
        nacre_err err;
    } cases[] = {
        {109, 100, NACRE_OK},
        {110, 101, NACRE_ERR_LIMIT},
        {108, 100, NACRE_ERR_FORMAT},
        {110, 100, NACRE_ERR_FORMAT},
        {9, 0xffffffff, NACRE_ERR_FORMAT},
        {9, 1, NACRE_ERR_FORMAT},
        {8, 0xffffffff, NACRE_ERR_FORMAT},
        {10, 0, NACRE_ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct client *k = start(NO_LIMITS);
        say_data_lengths(ask_read(k, 0, 100), cases[i].len, cases[i].n);
        if (cases[i].err == NACRE_OK) {
            cr_assert_eq(feed(&k->c), NACRE_OK);
            free(k);
        } else {
            expect_end(k, cases[i].err);
        }
    }
}

Test(sftp_client, s20_flipped_bits)
{
    struct client *k = dialogue();
    size_t n = script_n;
    static uint8_t whole[4096];
    memcpy(whole, script, n);
    free(k);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        k = dialogue();
        script[bit / 8] ^= (uint8_t)(1u << bit % 8);
        (void)feed(&k->c); /* whatever it says: within its memory, and nothing told twice */
        cr_assert_leq(nacre_sftp_client_flight(&k->c), 9);
        free(k);
    }
}

/* ---- Requests ---- */

Test(sftp_client, table_is_bounded)
{
    struct client *k = start(NO_LIMITS);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_REMOVE};
    uint32_t tickets[NACRE_SFTP_REQUESTS_MAX], t;
    bool seen[NACRE_SFTP_REQUESTS_MAX] = {false};
    for (size_t i = 0; i < NACRE_SFTP_REQUESTS_MAX; i++) {
        tickets[i] = ask(k, &req);
        cr_assert_not(seen[tickets[i] % NACRE_SFTP_REQUESTS_MAX]);
        seen[tickets[i] % NACRE_SFTP_REQUESTS_MAX] = true;
    }
    cr_assert_eq(nacre_sftp_client_request(&k->c, &req, &t), NACRE_ERR_NO_ROOM);
    say_status(tickets[17], 0);
    cr_assert_eq(feed(&k->c), NACRE_OK);
    t = ask(k, &req);
    cr_assert_eq(t % NACRE_SFTP_REQUESTS_MAX, tickets[17] % NACRE_SFTP_REQUESTS_MAX);
    cr_assert_neq(t, tickets[17]);
    free(k);
}

/* Requests pile up until the buffer is full; drained by any amount, the stream is the same. */
Test(sftp_client, full_output)
{
    static uint8_t path[NCR_SFTP_PATH_MAX], whole[65536], got[65536];
    memset(path, 'p', sizeof path);
    struct nacre_sftp_req req = {
        .op = NACRE_SFTP_OP_RENAME, .path = {path, sizeof path}, .path2 = {path, sizeof path}};
    struct client *k = start(NO_LIMITS);
    uint32_t t;
    size_t n = nacre_sftp_client_output(&k->c, whole, sizeof whole);
    cr_assert_eq(n, 9);
    (void)ask(k, &req);
    cr_assert_eq(nacre_sftp_client_request(&k->c, &req, &t), NACRE_ERR_NO_ROOM);
    cr_assert_eq(nacre_sftp_client_flight(&k->c), 1);
    n = nacre_sftp_client_output(&k->c, whole, sizeof whole);
    for (size_t room = 1; room < 40; room++) {
        struct client *again = start(NO_LIMITS);
        size_t m = 0, more;
        (void)nacre_sftp_client_output(&again->c, got, 9);
        (void)ask(again, &req);
        while ((more = nacre_sftp_client_output(&again->c, got + m, room)) > 0) {
            m += more;
        }
        cr_assert_eq(m, n);
        cr_assert_arr_eq(got, whole, n);
        free(again);
    }
    free(k);
}

Test(sftp_client, s88_requests_too_long)
{
    static uint8_t path[NCR_SFTP_PATH_MAX + 1], handle[257], data[32769];
    struct client *k = start(NO_LIMITS);
    struct nacre_sftp_req reqs[] = {
        {.op = NACRE_SFTP_OP_STAT, .path = {path, sizeof path}},
        {.op = NACRE_SFTP_OP_RENAME, .path2 = {path, sizeof path}},
        {.op = NACRE_SFTP_OP_CLOSE, .handle = {handle, sizeof handle}},
        {.op = NACRE_SFTP_OP_COPY_DATA, .handle2 = {handle, sizeof handle}},
        {.op = NACRE_SFTP_OP_READ, .len = NCR_SFTP_READ_MAX + 1},
        {.op = NACRE_SFTP_OP_WRITE, .data = {data, sizeof data}},
        {.op = NACRE_SFTP_OP_EXTENDED, .data = {data, sizeof data}},
    };
    uint8_t out[64];
    (void)nacre_sftp_client_output(&k->c, out, sizeof out);
    for (size_t i = 0; i < sizeof reqs / sizeof *reqs; i++) {
        uint32_t t;
        cr_assert_eq(nacre_sftp_client_request(&k->c, &reqs[i], &t), NACRE_ERR_USAGE, "%zu", i);
    }
    cr_assert_eq(nacre_sftp_client_wants(&k->c), 0);
    free(k);
}

/* The two ways of a WRITE make the same bytes. */
Test(sftp_client, write_in_place)
{
    struct client *a = start(NO_LIMITS), *b = start(NO_LIMITS);
    struct nacre_sftp_handle h;
    uint8_t out_a[256], out_b[256], *data;
    uint32_t ta = 0, tb;
    size_t len;
    cr_assert(nacre_sftp_handle_set(&h, nacre_bytes_str("handle")));
    nacre_sftp_write_begin(&a->c, &h, 77, out_a, sizeof out_a, &data, &len);
    cr_assert_eq(len, 0); /* INIT first */
    (void)nacre_sftp_client_output(&a->c, out_a, sizeof out_a);
    (void)nacre_sftp_client_output(&b->c, out_b, sizeof out_b);
    nacre_sftp_write_begin(&a->c, &h, 77, out_a, 31, &data, &len);
    cr_assert_eq(len, 0); /* no room for a byte */
    nacre_sftp_write_begin(&a->c, &h, 77, out_a, sizeof out_a, &data, &len);
    cr_assert_eq(len, sizeof out_a - 31);
    cr_assert_eq(data, out_a + 31);
    memcpy(data, "payload", 7);
    cr_assert_eq(nacre_sftp_write_end(&a->c, &h, out_a, 7, &ta), 38);
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_WRITE,
                                 .handle = nacre_bytes_str("handle"),
                                 .offset = 77,
                                 .data = nacre_bytes_str("payload")};
    tb = ask(b, &req);
    cr_assert_eq(ta, tb);
    cr_assert_eq(nacre_sftp_client_output(&b->c, out_b, sizeof out_b), 38);
    cr_assert_arr_eq(out_a, out_b, 38);
    nacre_sftp_write_begin(&a->c, &h, 77, out_a, sizeof out_a, &data, &len);
    cr_assert_eq(nacre_sftp_write_end(&a->c, &h, out_a, 0, &ta), 0); /* given up */
    cr_assert_eq(nacre_sftp_write_end(&a->c, &h, out_a, len + 1, &ta), 0);
    cr_assert_eq(nacre_sftp_client_flight(&a->c), 1);
    say_status(tb, 0);
    cr_assert_eq(feed(&a->c), NACRE_OK);
    cr_assert_str_eq(log_text, "status write 0 0  0\n");
    free(a);
    free(b);
}

Test(sftp_client, write_in_place_respects_limits)
{
    static uint8_t place[600000];
    struct client *k = start(NO_LIMITS);
    struct nacre_sftp_handle h = {.n = 4};
    uint8_t *data;
    size_t len;
    uint32_t t;
    (void)nacre_sftp_client_output(&k->c, place, sizeof place);
    nacre_sftp_write_begin(&k->c, &h, 0, place, sizeof place, &data, &len);
    cr_assert_eq(len, 32768);
    for (size_t i = 0; i < NACRE_SFTP_REQUESTS_MAX; i++) {
        nacre_sftp_write_begin(&k->c, &h, i, place, 100, &data, &len);
        cr_assert_eq(nacre_sftp_write_end(&k->c, &h, place, len, &t), 100);
    }
    nacre_sftp_write_begin(&k->c, &h, 0, place, sizeof place, &data, &len);
    cr_assert_eq(len, 0);
    free(k);
}

Test(sftp_client, end_of_stream)
{
    struct client *k = start(0);
    cr_assert_eq(nacre_sftp_client_eof(&k->c), NACRE_ERR_PEER_CLOSED); /* before VERSION */
    free(k);
    k = start(NO_LIMITS);
    (void)ask_op(k, NACRE_SFTP_OP_STAT);
    cr_assert_eq(nacre_sftp_client_eof(&k->c), NACRE_ERR_PEER_CLOSED); /* owes a reply */
    cr_assert_eq(nacre_sftp_client_wants(&k->c), NACRE_WANT_CLOSED);
    free(k);
    k = start(NO_LIMITS);
    uint8_t one = 0;
    cr_assert_eq(feed_bytes(&k->c, &one, 1), NACRE_OK);
    cr_assert_eq(nacre_sftp_client_eof(&k->c), NACRE_ERR_PEER_CLOSED); /* within a packet */
    free(k);
    k = start(NO_LIMITS);
    cr_assert_eq(nacre_sftp_client_eof(&k->c), NACRE_OK);
    cr_assert_eq(nacre_sftp_client_wants(&k->c), NACRE_WANT_CLOSED);
    free(k);
}
