/* SPDX-License-Identifier: ISC
 *
 * SFTP messages (sftp/sftp_msg.c) against recordings of OpenSSH and Paramiko, and against every
 * truncation, extension and flipped bit of them.
 */
#include "sftp/sftp_msg.h"

#include "proto/limits.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct nacre_bytes bytes(const void *p, size_t n)
{
    struct nacre_bytes b = {p, n};
    return b;
}

/* The body of a recorded packet; its length field must be right. */
static struct nacre_bytes body(const uint8_t *p, size_t n)
{
    struct ncr_rd r = ncr_rd(bytes(p, n));
    cr_assert_eq(ncr_rd_u32(&r), n - 4);
    return ncr_rd_rest(&r);
}

static enum nacre_sftp_op record_op(const struct vec *v)
{
    size_t n;
    const uint8_t *name = vec_get(v, "op", &n);
    return nacre_sftp_op_by_name(bytes(name, n)); /* NONE: init */
}

Test(sftp_msg, requests_of_openssh_and_paramiko)
{
    struct vec v;
    for (vec_open(&v, "sftp_openssh.txt"); vec_next(&v);) {
        size_t n;
        const uint8_t *p = vec_get(&v, "request", &n);
        enum nacre_sftp_op op = record_op(&v);
        uint8_t out[1024];
        struct ncr_wr w = ncr_wr(out, sizeof out);
        if (op == NACRE_SFTP_OP_NONE) {
            ncr_sftp_init_put(&w);
        } else {
            struct nacre_sftp_req req;
            cr_assert(ncr_sftp_req_get(&req, body(p, n)));
            cr_assert_eq(req.op, op);
            ncr_sftp_req_put(&w, req.id, &req);
        }
        cr_assert_not(w.bad);
        vec_expect(&v, "request", out, w.n);
    }
    vec_close(&v);
}

/* Encodes again what was decoded, where we have an encoder for it. */
static void reply_again(const struct vec *v, const struct nacre_sftp_event *ev)
{
    uint8_t out[1024];
    char text[128];
    struct ncr_wr w = ncr_wr(out, sizeof out);
    struct nacre_sftp_names names = ev->names;
    struct nacre_sftp_name name;
    switch (ev->type) {
    case NACRE_SFTP_EV_STATUS:
        memcpy(text, ev->text.p, ev->text.n);
        text[ev->text.n] = '\0';
        ncr_sftp_status_put(&w, ev->ticket, ev->status, text);
        break;
    case NACRE_SFTP_EV_HANDLE:
        ncr_sftp_handle_put(&w, ev->ticket, ev->data);
        break;
    case NACRE_SFTP_EV_ATTRS:
        ncr_sftp_attrs_put(&w, ev->ticket, &ev->attrs);
        break;
    case NACRE_SFTP_EV_NAMES:
        if (names.left != 1) {
            return;
        }
        cr_assert(nacre_sftp_names_next(&names, &name));
        ncr_sftp_name_put(&w, ev->ticket, name.name);
        break;
    default:
        if (ev->op == NACRE_SFTP_OP_STATVFS) {
            ncr_sftp_vfs_put(&w, ev->ticket, &ev->vfs);
        } else if (ev->op == NACRE_SFTP_OP_LIMITS) {
            ncr_sftp_limits_put(&w, ev->ticket, &ev->limits);
        } else {
            return;
        }
        break;
    }
    vec_expect(v, "reply", out, w.n);
}

Test(sftp_msg, replies_of_openssh)
{
    struct vec v;
    size_t names = 0;
    for (vec_open(&v, "sftp_openssh.txt"); vec_next(&v);) {
        struct nacre_sftp_event ev;
        size_t n;
        const uint8_t *p = vec_get(&v, "reply", &n);
        enum nacre_sftp_op op = record_op(&v);
        if (op == NACRE_SFTP_OP_NONE || p[4] == NCR_FXP_DATA) {
            continue;
        }
        cr_assert(ncr_sftp_reply_get(&ev, op, body(p, n)), "%s", nacre_sftp_op_name(op));
        cr_assert_eq(ev.op, op);
        names += ev.type == NACRE_SFTP_EV_NAMES ? ev.names.left : 0;
        reply_again(&v, &ev);
    }
    vec_close(&v);
    cr_assert_gt(names, 4);
}

Test(sftp_msg, version_of_openssh)
{
    struct vec v;
    uint32_t version = 0;
    uint64_t ops = 0, all = 0;
    size_t n;
    vec_open(&v, "sftp_openssh.txt");
    cr_assert(vec_next(&v));
    const uint8_t *p = vec_get(&v, "reply", &n);
    cr_assert(ncr_sftp_version_get(body(p, n), &version, &ops));
    cr_assert_eq(version, 3);
    for (int op = NACRE_SFTP_OP_POSIX_RENAME; op < NACRE_SFTP_OP_EXTENDED; op++) {
        all |= (uint64_t)1 << op;
    }
    cr_assert_eq(ops, all);
    for (size_t i = 1; i + 4 < n; i++) { /* cut anywhere but after a pair: refused */
        uint64_t fewer = ops;
        if (ncr_sftp_version_get(bytes(p + 4, i), &version, &fewer)) {
            cr_assert_neq(fewer, ops);
        } else {
            cr_assert_eq(fewer, ops);
        }
    }
    while (vec_next(&v)) {
    }
    vec_close(&v);
}

/* Copies to memory of just that size, so that a sanitizer sees a read beyond. */
static uint8_t *exact(const uint8_t *p, size_t n)
{
    uint8_t *q = malloc(n > 0 ? n : 1);
    cr_assert_not_null(q);
    memcpy(q, p, n);
    return q;
}

Test(sftp_msg, s20_requests_cut_extended_flipped)
{
    struct vec v;
    for (vec_open(&v, "sftp_openssh.txt"); vec_next(&v);) {
        struct nacre_sftp_req req;
        size_t n;
        const uint8_t *p = vec_get(&v, "request", &n);
        if (record_op(&v) == NACRE_SFTP_OP_NONE) {
            continue;
        }
        for (size_t i = 0; i + 4 < n; i++) {
            uint8_t *cut = exact(p + 4, i);
            cr_assert_not(ncr_sftp_req_get(&req, bytes(cut, i)));
            cr_assert_eq(req.op, NACRE_SFTP_OP_NONE);
            free(cut);
        }
        uint8_t *more = exact(p + 4, n - 4);
        more = realloc(more, n - 3);
        more[n - 4] = 0;
        cr_assert_not(ncr_sftp_req_get(&req, bytes(more, n - 3)));
        for (size_t bit = 0; bit < 8 * (n - 4); bit++) {
            more[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (ncr_sftp_req_get(&req, bytes(more, n - 4)) && req.op != NACRE_SFTP_OP_NONE) {
                uint8_t out[1024];
                struct ncr_wr w = ncr_wr(out, sizeof out);
                ncr_sftp_req_put(&w, req.id, &req);
                cr_assert_leq(w.n, n);
            }
            more[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        free(more);
    }
    vec_close(&v);
}

Test(sftp_msg, s20_replies_cut_extended_flipped)
{
    struct vec v;
    for (vec_open(&v, "sftp_openssh.txt"); vec_next(&v);) {
        struct nacre_sftp_event ev, before;
        size_t n, len;
        const uint8_t *p = vec_get(&v, "reply", &n);
        enum nacre_sftp_op op = record_op(&v);
        if (op == NACRE_SFTP_OP_NONE || p[4] == NCR_FXP_DATA) {
            continue;
        }
        memset(&before, 0x5a, sizeof before);
        len = n - 4;
        for (size_t i = 0; i < len; i++) {
            uint8_t *cut = exact(p + 4, i);
            ev = before;
            bool short_status = p[4] == NCR_FXP_STATUS && i >= 9 &&
                                (i == 9 || i == len - 4); /* without text, without language */
            cr_assert_eq(ncr_sftp_reply_get(&ev, op, bytes(cut, i)), short_status);
            if (!short_status) {
                cr_assert_eq(memcmp(&ev, &before, sizeof ev), 0);
            }
            free(cut);
        }
        uint8_t *more = exact(p + 4, len);
        more = realloc(more, len + 1);
        more[len] = 0;
        cr_assert_not(ncr_sftp_reply_get(&ev, op, bytes(more, len + 1)));
        for (size_t bit = 0; bit < 8 * len; bit++) {
            more[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (ncr_sftp_reply_get(&ev, op, bytes(more, len))) {
                struct nacre_sftp_name name;
                uint32_t walked = 0, told = ev.names.left;
                while (nacre_sftp_names_next(&ev.names, &name)) {
                    walked++;
                }
                cr_assert_eq(walked, told);
            }
            more[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        free(more);
    }
    vec_close(&v);
}

static bool get_names(enum nacre_sftp_op op, uint32_t count, uint32_t entries, uint32_t longest)
{
    static uint8_t buf[16384];
    struct ncr_wr w = ncr_wr(buf, sizeof buf);
    struct nacre_sftp_name name = {bytes("name", 4), bytes("long", 4), {0, 0, 0, 0, 0, 0, 0}};
    struct nacre_sftp_event ev;
    static uint8_t path[8192];
    ncr_wr_u8(&w, NCR_FXP_NAME);
    ncr_wr_u32(&w, 7);
    ncr_wr_u32(&w, count);
    for (uint32_t i = 0; i < entries; i++) {
        if (longest > 0) {
            name.name = bytes(path, longest);
        }
        ncr_sftp_entry_put(&w, &name);
    }
    cr_assert_not(w.bad);
    return ncr_sftp_reply_get(&ev, op, ncr_wr_done(&w));
}

Test(sftp_msg, s21_counts)
{
    cr_assert(get_names(NACRE_SFTP_OP_READDIR, 0, 0, 0));
    cr_assert(get_names(NACRE_SFTP_OP_READDIR, 1, 1, 0));
    cr_assert(get_names(NACRE_SFTP_OP_READDIR, 200, 200, 0));
    cr_assert_not(get_names(NACRE_SFTP_OP_READDIR, 1, 0, 0));
    cr_assert_not(get_names(NACRE_SFTP_OP_READDIR, 0, 1, 0));
    cr_assert_not(get_names(NACRE_SFTP_OP_READDIR, 2, 1, 0));
    cr_assert_not(get_names(NACRE_SFTP_OP_READDIR, 1, 2, 0));
    cr_assert_not(get_names(NACRE_SFTP_OP_READDIR, 0xffffffff, 3, 0));
    cr_assert_not(get_names(NACRE_SFTP_OP_READDIR, 0x80000000, 3, 0));
    cr_assert(get_names(NACRE_SFTP_OP_READDIR, 1, 1, NCR_SFTP_PATH_MAX));
    cr_assert_not(get_names(NACRE_SFTP_OP_READDIR, 1, 1, NCR_SFTP_PATH_MAX + 1));
}

/* Extended attributes: a count that the bytes, or the limit, do not bear. */
static bool get_pairs(uint32_t count, uint32_t pairs)
{
    uint8_t buf[4096];
    struct ncr_wr w = ncr_wr(buf, sizeof buf);
    struct nacre_sftp_event ev;
    ncr_wr_u8(&w, NCR_FXP_ATTRS);
    ncr_wr_u32(&w, 7);
    ncr_wr_u32(&w, 0x80000000u | NACRE_SFTP_ATTR_SIZE);
    ncr_wr_u64(&w, 42);
    ncr_wr_u32(&w, count);
    for (uint32_t i = 0; i < pairs; i++) {
        ncr_wr_cstring(&w, "type@example.org");
        ncr_wr_cstring(&w, "data");
    }
    cr_assert_not(w.bad);
    bool ok = ncr_sftp_reply_get(&ev, NACRE_SFTP_OP_STAT, ncr_wr_done(&w));
    cr_assert(!ok || (ev.attrs.size == 42 && ev.attrs.flags == NACRE_SFTP_ATTR_SIZE));
    return ok;
}

Test(sftp_msg, s21_attribute_pairs)
{
    cr_assert(get_pairs(0, 0));
    cr_assert(get_pairs(3, 3));
    cr_assert(get_pairs(NCR_SFTP_EXT_MAX, NCR_SFTP_EXT_MAX));
    cr_assert_not(get_pairs(NCR_SFTP_EXT_MAX + 1, NCR_SFTP_EXT_MAX + 1));
    cr_assert_not(get_pairs(4, 3));
    cr_assert_not(get_pairs(3, 4));
    cr_assert_not(get_pairs(0xffffffff, 3));
}

Test(sftp_msg, every_request_round_trips)
{
    for (int op = NACRE_SFTP_OP_NONE + 1; op < NACRE_SFTP_OP_COUNT; op++) {
        uint8_t a[512], b[512];
        struct ncr_wr w = ncr_wr(a, sizeof a), again = ncr_wr(b, sizeof b);
        struct nacre_sftp_req out;
        struct nacre_sftp_req req = {
            .op = (enum nacre_sftp_op)op,
            .pflags = 0x1b,
            .len = 0x01020304,
            .offset = 0x1112131415161718,
            .offset2 = 0x2122232425262728,
            .count = 0x3132333435363738,
            .path = bytes("/from", 5),
            .path2 = bytes("/to", 3),
            .handle = bytes("handle", 6),
            .handle2 = bytes("second", 6),
            .name = bytes("some@example.org", 16),
            .data = bytes("datadata", 8),
            .data2 = bytes("more", 4),
            .attrs =
                {.flags = 15, .size = 1, .uid = 2, .gid = 3, .mode = 4, .atime = 5, .mtime = 6},
        };
        ncr_sftp_req_put(&w, 99, &req);
        cr_assert_not(w.bad);
        cr_assert(ncr_sftp_req_get(&out, body(a, w.n)));
        cr_assert_eq((int)out.op, op);
        cr_assert_eq(out.id, 99);
        ncr_sftp_req_put(&again, out.id, &out);
        cr_assert_eq(again.n, w.n);
        cr_assert_eq(memcmp(a, b, w.n), 0);
        for (size_t cap = 0; cap < w.n; cap++) { /* no room: nothing but bad */
            struct ncr_wr tight = ncr_wr(b, cap);
            ncr_sftp_req_put(&tight, 99, &req);
            cr_assert(tight.bad);
        }
    }
}

/* OpenSSH and all who follow it send the target first: draft 6.10 has it the other way round. */
Test(sftp_msg, symlink_in_the_order_of_openssh)
{
    static const uint8_t wire[] = {0,   0,   0,   22,  20,  0,   0, 0, 1, 0, 0,   0,   6,
                                   't', 'a', 'r', 'g', 'e', 't', 0, 0, 0, 3, 'l', 'n', 'k'};
    struct nacre_sftp_req req;
    cr_assert(ncr_sftp_req_get(&req, body(wire, sizeof wire)));
    cr_assert(nacre_bytes_is(req.path, "target"));
    cr_assert(nacre_bytes_is(req.path2, "lnk"));
}

Test(sftp_msg, unknown_type_has_an_id)
{
    static const uint8_t wire[] = {77, 0, 0, 1, 2, 'x', 'y'};
    struct nacre_sftp_req req;
    cr_assert(ncr_sftp_req_get(&req, bytes(wire, sizeof wire)));
    cr_assert_eq(req.op, NACRE_SFTP_OP_NONE);
    cr_assert_eq(req.id, 0x102);
    cr_assert_not(ncr_sftp_req_get(&req, bytes(wire, 4)));
}

Test(sftp_msg, s86_success_is_no_answer_where_a_thing_was_asked_for)
{
    for (int op = NACRE_SFTP_OP_NONE + 1; op < NACRE_SFTP_OP_COUNT; op++) {
        struct nacre_sftp_event ev;
        uint8_t buf[128];
        enum ncr_sftp_reply_kind kind =
            (enum ncr_sftp_reply_kind)ncr_sftp_op_row((enum nacre_sftp_op)op)->reply;
        struct ncr_wr w = ncr_wr(buf, sizeof buf);
        ncr_sftp_status_put(&w, 1, NACRE_FX_OK, "fine");
        cr_assert_eq(ncr_sftp_reply_get(&ev, (enum nacre_sftp_op)op, body(buf, w.n)),
                     kind == NCR_REPLY_STATUS || kind == NCR_REPLY_OPAQUE);
        w = ncr_wr(buf, sizeof buf);
        ncr_sftp_status_put(&w, 1, NACRE_FX_FAILURE, "no");
        cr_assert(ncr_sftp_reply_get(&ev, (enum nacre_sftp_op)op, body(buf, w.n)));
        cr_assert_eq(ev.status, NACRE_FX_FAILURE);
        cr_assert(nacre_bytes_is(ev.text, "no"));
    }
}

Test(sftp_msg, s84_names)
{
    static const struct {
        const char *name;
        size_t n;
        bool safe;
    } names[] = {
        {"a", 1, true},       {"a b", 3, true},   {"...", 3, true},
        {".hidden", 7, true}, {"-rf", 3, true},   {"\xff\xfe", 2, true},
        {"~", 1, true},       {"a\\b", 3, true},  {"..a", 3, true},
        {"a..", 3, true},     {"\n", 1, true},    {"C:", 2, true},
        {"*", 1, true},       {" ", 1, true},     {"\x1b]52;", 5, true},
        {"%n", 2, true},      {"", 0, false},     {".", 1, false},
        {"..", 2, false},     {"/", 1, false},    {"/etc/passwd", 11, false},
        {"a/b", 3, false},    {"../a", 4, false}, {"a/", 2, false},
        {"./", 2, false},     {"../", 3, false},  {"a/..", 4, false},
        {"\0", 1, false},     {"a\0", 2, false},  {"a\0b", 3, false},
        {"..\0", 3, false},   {"//", 2, false},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_assert_eq(nacre_sftp_name_safe(bytes(names[i].name, names[i].n)), names[i].safe, "%zu",
                     i);
    }
    char longest[256];
    memset(longest, 'x', sizeof longest);
    cr_assert(nacre_sftp_name_safe(bytes(longest, 255)));
    cr_assert_not(nacre_sftp_name_safe(bytes(longest, 256)));
}

Test(sftp_msg, handles_have_at_most_256_octets)
{
    struct nacre_sftp_handle h;
    uint8_t b[257] = {1, 2, 3};
    cr_assert(nacre_sftp_handle_set(&h, bytes(b, 256)));
    cr_assert_eq(nacre_sftp_handle_bytes(&h).n, 256);
    cr_assert_not(nacre_sftp_handle_set(&h, bytes(b, 257)));
    cr_assert_eq(nacre_sftp_handle_bytes(&h).n, 0);
    cr_assert(nacre_sftp_handle_set(&h, bytes(NULL, 0)));
}

Test(sftp_msg, names_and_texts)
{
    for (int op = NACRE_SFTP_OP_NONE + 1; op < NACRE_SFTP_OP_COUNT; op++) {
        const char *name = nacre_sftp_op_name((enum nacre_sftp_op)op);
        cr_assert_eq((int)nacre_sftp_op_by_name(nacre_bytes_str(name)), op);
        cr_assert_str_not_empty(ncr_sftp_msg_name(ncr_sftp_op_row((enum nacre_sftp_op)op)->msg));
    }
    cr_assert_str_empty(nacre_sftp_op_name(NACRE_SFTP_OP_NONE));
    cr_assert_str_empty(nacre_sftp_op_name(NACRE_SFTP_OP_COUNT));
    cr_assert_eq(nacre_sftp_op_by_name(nacre_bytes_str("opem")), NACRE_SFTP_OP_NONE);
    cr_assert_str_empty(ncr_sftp_msg_name(99));
    cr_assert_str_eq(nacre_sftp_status_text(NACRE_FX_EOF), "End of file");
    cr_assert_str_eq(nacre_sftp_status_text(9), "Unknown error");
    cr_assert_str_eq(nacre_sftp_status_text(0xffffffff), "Unknown error");
    for (int r = 0; r < NACRE_FS_RESULT_COUNT; r++) {
        cr_assert_str_not_empty(nacre_fs_result_text((enum nacre_fs_result)r));
        cr_assert_eq(nacre_fs_result_status((enum nacre_fs_result)r) == NACRE_FX_OK, r == 0);
    }
    cr_assert_eq(nacre_fs_result_status((enum nacre_fs_result)99), NACRE_FX_FAILURE);
    cr_assert_str_eq(nacre_fs_result_text((enum nacre_fs_result)99), "Failure");
}

Test(sftp_msg, version_limits)
{
    uint8_t buf[8192];
    for (size_t pairs = 0; pairs < NCR_SFTP_EXT_MAX + 2; pairs++) {
        struct ncr_wr w = ncr_wr(buf, sizeof buf);
        uint32_t version;
        uint64_t ops;
        ncr_wr_u8(&w, NCR_FXP_VERSION);
        ncr_wr_u32(&w, 3);
        for (size_t i = 0; i < pairs; i++) {
            ncr_wr_cstring(&w, "statvfs@openssh.com");
            ncr_wr_cstring(&w, i == 3 ? "2" : "1"); /* only version 2 is what we know */
        }
        cr_assert_eq(ncr_sftp_version_get(ncr_wr_done(&w), &version, &ops),
                     pairs <= NCR_SFTP_EXT_MAX);
        if (pairs <= NCR_SFTP_EXT_MAX) {
            cr_assert_eq(ops, pairs > 3 ? (uint64_t)1 << NACRE_SFTP_OP_STATVFS : 0);
        }
    }
}
