/* SPDX-License-Identifier: ISC
 *
 * Messages of SFTP version 3: see sftp_msg.h.
 *
 * The fields of a request are a string of letters, walked by one encoder and one decoder:
 * P path, Q path2, H handle, J handle2, A attrs, F pflags, L len, O offset, T offset2, C count,
 * D data, E data2, R all that is left as data.
 */
#include "sftp/sftp_msg.h"

#include "proto/limits.h"

#include <string.h>

#define SMSG_ATTR_EXTENDED 0x80000000u
#define SMSG_ATTRS_KNOWN                                                                           \
    (NACRE_SFTP_ATTR_SIZE | NACRE_SFTP_ATTR_UIDGID | NACRE_SFTP_ATTR_MODE | NACRE_SFTP_ATTR_TIMES)
/* Two empty strings and empty attributes: the least that an entry of a NAME reply takes. */
#define SMSG_ENTRY_MIN 12

_Static_assert(NACRE_SFTP_OP_COUNT < 64, "sets of operations are 64 bits");

/* ---- Tables ---- */

/* clang-format off */
static const struct ncr_sftp_op_row smsg_op_rows[NACRE_SFTP_OP_COUNT] = {
    [NACRE_SFTP_OP_OPEN] = {NCR_FXP_OPEN, NCR_REPLY_HANDLE, false, "open", "PFA", NULL, NULL},
    [NACRE_SFTP_OP_CLOSE] = {NCR_FXP_CLOSE, NCR_REPLY_STATUS, false, "close", "H", NULL, NULL},
    [NACRE_SFTP_OP_READ] = {NCR_FXP_READ, NCR_REPLY_DATA, false, "read", "HOL", NULL, NULL},
    [NACRE_SFTP_OP_WRITE] = {NCR_FXP_WRITE, NCR_REPLY_STATUS, true, "write", "HOD", NULL, NULL},
    [NACRE_SFTP_OP_LSTAT] = {NCR_FXP_LSTAT, NCR_REPLY_ATTRS, false, "lstat", "P", NULL, NULL},
    [NACRE_SFTP_OP_FSTAT] = {NCR_FXP_FSTAT, NCR_REPLY_ATTRS, false, "fstat", "H", NULL, NULL},
    [NACRE_SFTP_OP_SETSTAT] = {NCR_FXP_SETSTAT, NCR_REPLY_STATUS, true, "setstat", "PA", NULL, NULL},
    [NACRE_SFTP_OP_FSETSTAT] = {NCR_FXP_FSETSTAT, NCR_REPLY_STATUS, true, "fsetstat", "HA", NULL, NULL},
    [NACRE_SFTP_OP_OPENDIR] = {NCR_FXP_OPENDIR, NCR_REPLY_HANDLE, false, "opendir", "P", NULL, NULL},
    [NACRE_SFTP_OP_READDIR] = {NCR_FXP_READDIR, NCR_REPLY_NAMES, false, "readdir", "H", NULL, NULL},
    [NACRE_SFTP_OP_REMOVE] = {NCR_FXP_REMOVE, NCR_REPLY_STATUS, true, "remove", "P", NULL, NULL},
    [NACRE_SFTP_OP_MKDIR] = {NCR_FXP_MKDIR, NCR_REPLY_STATUS, true, "mkdir", "PA", NULL, NULL},
    [NACRE_SFTP_OP_RMDIR] = {NCR_FXP_RMDIR, NCR_REPLY_STATUS, true, "rmdir", "P", NULL, NULL},
    [NACRE_SFTP_OP_REALPATH] = {NCR_FXP_REALPATH, NCR_REPLY_NAME, false, "realpath", "P", NULL, NULL},
    [NACRE_SFTP_OP_STAT] = {NCR_FXP_STAT, NCR_REPLY_ATTRS, false, "stat", "P", NULL, NULL},
    [NACRE_SFTP_OP_RENAME] = {NCR_FXP_RENAME, NCR_REPLY_STATUS, true, "rename", "PQ", NULL, NULL},
    [NACRE_SFTP_OP_READLINK] = {NCR_FXP_READLINK, NCR_REPLY_NAME, false, "readlink", "P", NULL, NULL},
    [NACRE_SFTP_OP_SYMLINK] = {NCR_FXP_SYMLINK, NCR_REPLY_STATUS, true, "symlink", "PQ", NULL, NULL},
    [NACRE_SFTP_OP_POSIX_RENAME] = {NCR_FXP_EXTENDED, NCR_REPLY_STATUS, true, "posix-rename", "PQ",
        "posix-rename@openssh.com", "1"},
    [NACRE_SFTP_OP_STATVFS] = {NCR_FXP_EXTENDED, NCR_REPLY_VFS, false, "statvfs", "P",
        "statvfs@openssh.com", "2"},
    [NACRE_SFTP_OP_FSTATVFS] = {NCR_FXP_EXTENDED, NCR_REPLY_VFS, false, "fstatvfs", "H",
        "fstatvfs@openssh.com", "2"},
    [NACRE_SFTP_OP_HARDLINK] = {NCR_FXP_EXTENDED, NCR_REPLY_STATUS, true, "hardlink", "PQ",
        "hardlink@openssh.com", "1"},
    [NACRE_SFTP_OP_FSYNC] = {NCR_FXP_EXTENDED, NCR_REPLY_STATUS, true, "fsync", "H",
        "fsync@openssh.com", "1"},
    [NACRE_SFTP_OP_LSETSTAT] = {NCR_FXP_EXTENDED, NCR_REPLY_STATUS, true, "lsetstat", "PA",
        "lsetstat@openssh.com", "1"},
    [NACRE_SFTP_OP_LIMITS] = {NCR_FXP_EXTENDED, NCR_REPLY_LIMITS, false, "limits", "",
        "limits@openssh.com", "1"},
    [NACRE_SFTP_OP_EXPAND_PATH] = {NCR_FXP_EXTENDED, NCR_REPLY_NAME, false, "expand-path", "P",
        "expand-path@openssh.com", "1"},
    [NACRE_SFTP_OP_COPY_DATA] = {NCR_FXP_EXTENDED, NCR_REPLY_STATUS, true, "copy-data", "HOCJT",
        "copy-data", "1"},
    [NACRE_SFTP_OP_HOME_DIRECTORY] = {NCR_FXP_EXTENDED, NCR_REPLY_NAME, false, "home-directory", "P",
        "home-directory", "1"},
    [NACRE_SFTP_OP_USERS_GROUPS] = {NCR_FXP_EXTENDED, NCR_REPLY_IDS, false, "users-groups-by-id", "DE",
        "users-groups-by-id@openssh.com", "1"},
    [NACRE_SFTP_OP_EXTENDED] = {NCR_FXP_EXTENDED, NCR_REPLY_OPAQUE, true, "extended", "R", NULL, NULL},
};

static const struct {
    uint8_t msg;
    const char *name;
} smsg_msg_names[] = {
    {NCR_FXP_INIT, "SSH_FXP_INIT"}, {NCR_FXP_VERSION, "SSH_FXP_VERSION"},
    {NCR_FXP_OPEN, "SSH_FXP_OPEN"}, {NCR_FXP_CLOSE, "SSH_FXP_CLOSE"},
    {NCR_FXP_READ, "SSH_FXP_READ"}, {NCR_FXP_WRITE, "SSH_FXP_WRITE"},
    {NCR_FXP_LSTAT, "SSH_FXP_LSTAT"}, {NCR_FXP_FSTAT, "SSH_FXP_FSTAT"},
    {NCR_FXP_SETSTAT, "SSH_FXP_SETSTAT"}, {NCR_FXP_FSETSTAT, "SSH_FXP_FSETSTAT"},
    {NCR_FXP_OPENDIR, "SSH_FXP_OPENDIR"}, {NCR_FXP_READDIR, "SSH_FXP_READDIR"},
    {NCR_FXP_REMOVE, "SSH_FXP_REMOVE"}, {NCR_FXP_MKDIR, "SSH_FXP_MKDIR"},
    {NCR_FXP_RMDIR, "SSH_FXP_RMDIR"}, {NCR_FXP_REALPATH, "SSH_FXP_REALPATH"},
    {NCR_FXP_STAT, "SSH_FXP_STAT"}, {NCR_FXP_RENAME, "SSH_FXP_RENAME"},
    {NCR_FXP_READLINK, "SSH_FXP_READLINK"}, {NCR_FXP_SYMLINK, "SSH_FXP_SYMLINK"},
    {NCR_FXP_STATUS, "SSH_FXP_STATUS"}, {NCR_FXP_HANDLE, "SSH_FXP_HANDLE"},
    {NCR_FXP_DATA, "SSH_FXP_DATA"}, {NCR_FXP_NAME, "SSH_FXP_NAME"},
    {NCR_FXP_ATTRS, "SSH_FXP_ATTRS"}, {NCR_FXP_EXTENDED, "SSH_FXP_EXTENDED"},
    {NCR_FXP_EXTENDED_REPLY, "SSH_FXP_EXTENDED_REPLY"},
};

static const char *const smsg_status_texts[] = {
    [NACRE_FX_OK] = "Success",
    [NACRE_FX_EOF] = "End of file",
    [NACRE_FX_NO_SUCH_FILE] = "No such file",
    [NACRE_FX_PERMISSION_DENIED] = "Permission denied",
    [NACRE_FX_FAILURE] = "Failure",
    [NACRE_FX_BAD_MESSAGE] = "Bad message",
    [NACRE_FX_NO_CONNECTION] = "No connection",
    [NACRE_FX_CONNECTION_LOST] = "Connection lost",
    [NACRE_FX_OP_UNSUPPORTED] = "Operation unsupported",
};

/* Statuses as OpenSSH's sftp-server maps the errors of POSIX, so that clients that know it react
 * alike; the texts say more. */
static const struct {
    uint8_t status;
    const char *text;
} smsg_fs_results[NACRE_FS_RESULT_COUNT] = {
    [NACRE_FS_OK] = {NACRE_FX_OK, "Success"},
    [NACRE_FS_EOF] = {NACRE_FX_EOF, "End of file"},
    [NACRE_FS_NOT_FOUND] = {NACRE_FX_NO_SUCH_FILE, "No such file"},
    [NACRE_FS_DENIED] = {NACRE_FX_PERMISSION_DENIED, "Permission denied"},
    [NACRE_FS_EXISTS] = {NACRE_FX_FAILURE, "File exists"},
    [NACRE_FS_NOT_DIR] = {NACRE_FX_NO_SUCH_FILE, "Not a directory"},
    [NACRE_FS_IS_DIR] = {NACRE_FX_FAILURE, "Is a directory"},
    [NACRE_FS_NOT_EMPTY] = {NACRE_FX_FAILURE, "Directory not empty"},
    [NACRE_FS_NOT_FILE] = {NACRE_FX_FAILURE, "Not a regular file"},
    [NACRE_FS_NO_SPACE] = {NACRE_FX_FAILURE, "No space left on device"},
    [NACRE_FS_QUOTA] = {NACRE_FX_FAILURE, "Disk quota exceeded"},
    [NACRE_FS_TOO_BIG] = {NACRE_FX_FAILURE, "File too large"},
    [NACRE_FS_READ_ONLY] = {NACRE_FX_PERMISSION_DENIED, "Read-only file system"},
    [NACRE_FS_NAME_TOO_LONG] = {NACRE_FX_BAD_MESSAGE, "File name too long"},
    [NACRE_FS_LOOP] = {NACRE_FX_NO_SUCH_FILE, "Too many levels of symbolic links"},
    [NACRE_FS_TOO_MANY] = {NACRE_FX_FAILURE, "Too many open files"},
    [NACRE_FS_BUSY] = {NACRE_FX_FAILURE, "Device or resource busy"},
    [NACRE_FS_OTHER_DEVICE] = {NACRE_FX_FAILURE, "Invalid cross-device link"},
    [NACRE_FS_INVALID] = {NACRE_FX_BAD_MESSAGE, "Invalid argument"},
    [NACRE_FS_UNSUPPORTED] = {NACRE_FX_OP_UNSUPPORTED, "Operation unsupported"},
    [NACRE_FS_IO] = {NACRE_FX_FAILURE, "Input/output error"},
    [NACRE_FS_BAD_HANDLE] = {NACRE_FX_FAILURE, "Invalid handle"},
    [NACRE_FS_FAILED] = {NACRE_FX_FAILURE, "Failure"},
};
/* clang-format on */

const struct ncr_sftp_op_row *ncr_sftp_op_row(enum nacre_sftp_op op)
{
    if (op <= NACRE_SFTP_OP_NONE || op >= NACRE_SFTP_OP_COUNT)
        return NULL;
    return &smsg_op_rows[op];
}

const char *ncr_sftp_msg_name(uint8_t msg)
{
    size_t i;

    for (i = 0; i < sizeof smsg_msg_names / sizeof smsg_msg_names[0]; i++)
        if (smsg_msg_names[i].msg == msg)
            return smsg_msg_names[i].name;
    return "";
}

const char *nacre_sftp_status_text(uint32_t status)
{
    if (status >= sizeof smsg_status_texts / sizeof smsg_status_texts[0])
        return "Unknown error";
    return smsg_status_texts[status];
}

uint32_t nacre_fs_result_status(enum nacre_fs_result r)
{
    if ((unsigned)r >= NACRE_FS_RESULT_COUNT)
        return NACRE_FX_FAILURE;
    return smsg_fs_results[r].status;
}

const char *nacre_fs_result_text(enum nacre_fs_result r)
{
    if ((unsigned)r >= NACRE_FS_RESULT_COUNT)
        return "Failure";
    return smsg_fs_results[r].text;
}

const char *nacre_sftp_op_name(enum nacre_sftp_op op)
{
    const struct ncr_sftp_op_row *row = ncr_sftp_op_row(op);

    return row == NULL ? "" : row->name;
}

enum nacre_sftp_op nacre_sftp_op_by_name(struct nacre_bytes name)
{
    int op;

    for (op = NACRE_SFTP_OP_NONE + 1; op < NACRE_SFTP_OP_COUNT; op++)
        if (nacre_bytes_is(name, smsg_op_rows[op].name))
            return (enum nacre_sftp_op)op;
    return NACRE_SFTP_OP_NONE;
}

bool nacre_sftp_op_writes(enum nacre_sftp_op op)
{
    const struct ncr_sftp_op_row *row = ncr_sftp_op_row(op);

    return row == NULL || row->writes;
}

/* ---- Small public helpers ---- */

bool nacre_sftp_handle_set(struct nacre_sftp_handle *h, struct nacre_bytes b)
{
    h->n = 0;
    if (b.n > sizeof h->b)
        return false;
    if (b.n > 0)
        memcpy(h->b, b.p, b.n);
    h->n = (uint16_t)b.n;
    return true;
}

struct nacre_bytes nacre_sftp_handle_bytes(const struct nacre_sftp_handle *h)
{
    struct nacre_bytes b = {h->b, h->n};

    return b;
}

#define SMSG_COMPONENT_MAX 255

bool nacre_sftp_name_safe(struct nacre_bytes name)
{
    if (name.n == 0 || name.n > SMSG_COMPONENT_MAX)
        return false;
    if (nacre_bytes_is(name, ".") || nacre_bytes_is(name, ".."))
        return false;
    for (; name.n > 0; name.p++, name.n--)
        if (*name.p == '/' || *name.p == 0)
            return false;
    return true;
}

/* ---- Attributes: draft 5 ---- */

static void smsg_attrs_write(struct ncr_wr *w, const struct nacre_sftp_attrs *a)
{
    uint32_t flags = a->flags & SMSG_ATTRS_KNOWN;

    ncr_wr_u32(w, flags);
    if (flags & NACRE_SFTP_ATTR_SIZE)
        ncr_wr_u64(w, a->size);
    if (flags & NACRE_SFTP_ATTR_UIDGID) {
        ncr_wr_u32(w, a->uid);
        ncr_wr_u32(w, a->gid);
    }
    if (flags & NACRE_SFTP_ATTR_MODE)
        ncr_wr_u32(w, a->mode);
    if (flags & NACRE_SFTP_ATTR_TIMES) {
        ncr_wr_u32(w, a->atime);
        ncr_wr_u32(w, a->mtime);
    }
}

/* Pairs of strings; the count does nothing but stop the loop, which also stops where the bytes do.
 */
static void smsg_attrs_skip_pairs(struct ncr_rd *r)
{
    uint32_t n = ncr_rd_u32(r);

    if (n > NCR_SFTP_EXT_MAX)
        r->bad = true;
    for (; n > 0 && !r->bad; n--) {
        (void)ncr_rd_string(r); /* names and values that we do not know have no use */
        (void)ncr_rd_string(r);
    }
}

static void smsg_attrs_read(struct ncr_rd *r, struct nacre_sftp_attrs *a)
{
    uint32_t flags = ncr_rd_u32(r);

    memset(a, 0, sizeof *a);
    a->flags = flags & SMSG_ATTRS_KNOWN;
    if (flags & NACRE_SFTP_ATTR_SIZE)
        a->size = ncr_rd_u64(r);
    if (flags & NACRE_SFTP_ATTR_UIDGID) {
        a->uid = ncr_rd_u32(r);
        a->gid = ncr_rd_u32(r);
    }
    if (flags & NACRE_SFTP_ATTR_MODE)
        a->mode = ncr_rd_u32(r);
    if (flags & NACRE_SFTP_ATTR_TIMES) {
        a->atime = ncr_rd_u32(r);
        a->mtime = ncr_rd_u32(r);
    }
    if (flags & SMSG_ATTR_EXTENDED)
        smsg_attrs_skip_pairs(r);
}

/* ---- Requests: draft 6 ---- */

static void smsg_field_put(struct ncr_wr *w, char field, const struct nacre_sftp_req *req)
{
    switch (field) {
    case 'P':
        ncr_wr_string(w, req->path);
        break;
    case 'Q':
        ncr_wr_string(w, req->path2);
        break;
    case 'H':
        ncr_wr_string(w, req->handle);
        break;
    case 'J':
        ncr_wr_string(w, req->handle2);
        break;
    case 'A':
        smsg_attrs_write(w, &req->attrs);
        break;
    case 'F':
        ncr_wr_u32(w, req->pflags);
        break;
    case 'L':
        ncr_wr_u32(w, req->len);
        break;
    case 'O':
        ncr_wr_u64(w, req->offset);
        break;
    case 'T':
        ncr_wr_u64(w, req->offset2);
        break;
    case 'C':
        ncr_wr_u64(w, req->count);
        break;
    case 'D':
        ncr_wr_string(w, req->data);
        break;
    case 'E':
        ncr_wr_string(w, req->data2);
        break;
    default: /* R */
        ncr_wr_bytes(w, req->data.p, req->data.n);
        break;
    }
}

void ncr_sftp_req_put(struct ncr_wr *w, uint32_t id, const struct nacre_sftp_req *req)
{
    const struct ncr_sftp_op_row *row = ncr_sftp_op_row(req->op);
    const char *f;
    size_t mark;

    if (row == NULL) {
        w->bad = true;
        return;
    }
    mark = ncr_wr_string_begin(w);
    ncr_wr_u8(w, row->msg);
    ncr_wr_u32(w, id);
    if (row->ext != NULL)
        ncr_wr_cstring(w, row->ext);
    else if (row->msg == NCR_FXP_EXTENDED)
        ncr_wr_string(w, req->name);
    for (f = row->fields; *f != '\0'; f++)
        smsg_field_put(w, *f, req);
    ncr_wr_string_end(w, mark);
}

static void smsg_field_get(struct ncr_rd *r, char field, struct nacre_sftp_req *req)
{
    switch (field) {
    case 'P':
        req->path = ncr_rd_string(r);
        break;
    case 'Q':
        req->path2 = ncr_rd_string(r);
        break;
    case 'H':
        req->handle = ncr_rd_string(r);
        break;
    case 'J':
        req->handle2 = ncr_rd_string(r);
        break;
    case 'A':
        smsg_attrs_read(r, &req->attrs);
        break;
    case 'F':
        req->pflags = ncr_rd_u32(r);
        break;
    case 'L':
        req->len = ncr_rd_u32(r);
        break;
    case 'O':
        req->offset = ncr_rd_u64(r);
        break;
    case 'T':
        req->offset2 = ncr_rd_u64(r);
        break;
    case 'C':
        req->count = ncr_rd_u64(r);
        break;
    case 'D':
        req->data = ncr_rd_string(r);
        break;
    case 'E':
        req->data2 = ncr_rd_string(r);
        break;
    default: /* R */
        req->data = ncr_rd_rest(r);
        break;
    }
}

static enum nacre_sftp_op smsg_op_by_msg(uint8_t msg)
{
    int op;

    for (op = NACRE_SFTP_OP_NONE + 1; op < NACRE_SFTP_OP_COUNT; op++)
        if (smsg_op_rows[op].msg == msg && msg != NCR_FXP_EXTENDED)
            return (enum nacre_sftp_op)op;
    return NACRE_SFTP_OP_NONE;
}

static enum nacre_sftp_op smsg_op_by_ext(struct nacre_bytes ext)
{
    int op;

    for (op = NACRE_SFTP_OP_NONE + 1; op < NACRE_SFTP_OP_COUNT; op++)
        if (smsg_op_rows[op].ext != NULL && nacre_bytes_is(ext, smsg_op_rows[op].ext))
            return (enum nacre_sftp_op)op;
    return NACRE_SFTP_OP_EXTENDED;
}

bool ncr_sftp_req_get(struct nacre_sftp_req *req, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);
    const struct ncr_sftp_op_row *row;
    const char *f;
    uint8_t msg = ncr_rd_u8(&r);

    memset(req, 0, sizeof *req);
    req->id = ncr_rd_u32(&r);
    req->op = smsg_op_by_msg(msg);
    if (msg == NCR_FXP_EXTENDED) {
        req->name = ncr_rd_string(&r);
        req->op = smsg_op_by_ext(req->name);
    }
    row = ncr_sftp_op_row(req->op);
    if (row == NULL)
        (void)ncr_rd_rest(&r); /* layout unknown */
    else
        for (f = row->fields; *f != '\0'; f++)
            smsg_field_get(&r, *f, req);
    if (ncr_rd_end(&r))
        return true;
    memset(req, 0, sizeof *req);
    return false;
}

/* ---- INIT and VERSION: draft 4 ---- */

void ncr_sftp_init_put(struct ncr_wr *w)
{
    ncr_wr_u32(w, 5);
    ncr_wr_u8(w, NCR_FXP_INIT);
    ncr_wr_u32(w, NACRE_SFTP_VERSION);
}

static uint64_t smsg_ext_bit(struct nacre_bytes ext, struct nacre_bytes version)
{
    enum nacre_sftp_op op = smsg_op_by_ext(ext);

    if (op == NACRE_SFTP_OP_EXTENDED || !nacre_bytes_is(version, smsg_op_rows[op].version))
        return 0;
    return (uint64_t)1 << op;
}

bool ncr_sftp_version_get(struct nacre_bytes body, uint32_t *version, uint64_t *ops)
{
    struct ncr_rd r = ncr_rd(body);
    uint32_t v;
    uint64_t seen = 0;
    size_t pairs = 0;

    (void)ncr_rd_u8(&r); /* the caller went by it */
    v = ncr_rd_u32(&r);
    for (; r.n > 0 && !r.bad; pairs++) {
        struct nacre_bytes ext = ncr_rd_string(&r);
        struct nacre_bytes ext_version = ncr_rd_string(&r);

        if (!r.bad)
            seen |= smsg_ext_bit(ext, ext_version);
    }
    if (!ncr_rd_end(&r) || pairs > NCR_SFTP_EXT_MAX)
        return false;
    *version = v;
    *ops = seen;
    return true;
}

void ncr_sftp_version_put(struct ncr_wr *w, uint64_t ops)
{
    size_t mark = ncr_wr_string_begin(w);
    int op;

    ncr_wr_u8(w, NCR_FXP_VERSION);
    ncr_wr_u32(w, NACRE_SFTP_VERSION);
    for (op = NACRE_SFTP_OP_NONE + 1; op < NACRE_SFTP_OP_COUNT; op++) {
        if (smsg_op_rows[op].ext == NULL || (ops >> op & 1) == 0)
            continue;
        ncr_wr_cstring(w, smsg_op_rows[op].ext);
        ncr_wr_cstring(w, smsg_op_rows[op].version);
    }
    ncr_wr_string_end(w, mark);
}

/* ---- Replies: draft 7 ---- */

static size_t smsg_reply_begin(struct ncr_wr *w, uint8_t msg, uint32_t id)
{
    size_t mark = ncr_wr_string_begin(w);

    ncr_wr_u8(w, msg);
    ncr_wr_u32(w, id);
    return mark;
}

void ncr_sftp_status_put(struct ncr_wr *w, uint32_t id, uint32_t status, const char *text)
{
    size_t mark = smsg_reply_begin(w, NCR_FXP_STATUS, id);

    ncr_wr_u32(w, status);
    ncr_wr_cstring(w, text);
    ncr_wr_cstring(w, ""); /* language */
    ncr_wr_string_end(w, mark);
}

void ncr_sftp_handle_put(struct ncr_wr *w, uint32_t id, struct nacre_bytes handle)
{
    size_t mark = smsg_reply_begin(w, NCR_FXP_HANDLE, id);

    ncr_wr_string(w, handle);
    ncr_wr_string_end(w, mark);
}

void ncr_sftp_attrs_put(struct ncr_wr *w, uint32_t id, const struct nacre_sftp_attrs *a)
{
    size_t mark = smsg_reply_begin(w, NCR_FXP_ATTRS, id);

    smsg_attrs_write(w, a);
    ncr_wr_string_end(w, mark);
}

void ncr_sftp_entry_put(struct ncr_wr *w, const struct nacre_sftp_name *name)
{
    ncr_wr_string(w, name->name);
    ncr_wr_string(w, name->longname);
    smsg_attrs_write(w, &name->attrs);
}

void ncr_sftp_name_put(struct ncr_wr *w, uint32_t id, struct nacre_bytes path)
{
    struct nacre_sftp_name name = {path, path, {0, 0, 0, 0, 0, 0, 0}};
    size_t mark = smsg_reply_begin(w, NCR_FXP_NAME, id);

    ncr_wr_u32(w, 1);
    ncr_sftp_entry_put(w, &name);
    ncr_wr_string_end(w, mark);
}

void ncr_sftp_vfs_put(struct ncr_wr *w, uint32_t id, const struct nacre_sftp_statvfs *v)
{
    size_t mark = smsg_reply_begin(w, NCR_FXP_EXTENDED_REPLY, id);

    ncr_wr_u64(w, v->bsize);
    ncr_wr_u64(w, v->frsize);
    ncr_wr_u64(w, v->blocks);
    ncr_wr_u64(w, v->bfree);
    ncr_wr_u64(w, v->bavail);
    ncr_wr_u64(w, v->files);
    ncr_wr_u64(w, v->ffree);
    ncr_wr_u64(w, v->favail);
    ncr_wr_u64(w, v->fsid);
    ncr_wr_u64(w, v->flag);
    ncr_wr_u64(w, v->namemax);
    ncr_wr_string_end(w, mark);
}

void ncr_sftp_limits_put(struct ncr_wr *w, uint32_t id, const struct nacre_sftp_limits *l)
{
    size_t mark = smsg_reply_begin(w, NCR_FXP_EXTENDED_REPLY, id);

    ncr_wr_u64(w, l->packet);
    ncr_wr_u64(w, l->read);
    ncr_wr_u64(w, l->write);
    ncr_wr_u64(w, l->handles);
    ncr_wr_string_end(w, mark);
}

void ncr_sftp_data_head_put(struct ncr_wr *w, uint32_t id, uint32_t n)
{
    ncr_wr_u32(w, n + (NCR_SFTP_DATA_HEAD - 4));
    ncr_wr_u8(w, NCR_FXP_DATA);
    ncr_wr_u32(w, id);
    ncr_wr_u32(w, n);
}

void ncr_sftp_write_head_put(struct ncr_wr *w, uint32_t id, struct nacre_bytes handle,
                             uint64_t offset, uint32_t n)
{
    ncr_wr_u32(w, n + (uint32_t)NCR_SFTP_WRITE_HEAD(handle.n) - 4);
    ncr_wr_u8(w, NCR_FXP_WRITE);
    ncr_wr_u32(w, id);
    ncr_wr_string(w, handle);
    ncr_wr_u64(w, offset);
    ncr_wr_u32(w, n);
}

bool ncr_sftp_reply_head(struct nacre_bytes body, uint8_t *msg, uint32_t *id)
{
    struct ncr_rd r = ncr_rd(body);

    *msg = ncr_rd_u8(&r);
    *id = ncr_rd_u32(&r);
    return !r.bad;
}

/* ---- Replies as events ---- */

static void smsg_entry_read(struct ncr_rd *r, struct nacre_sftp_name *name)
{
    name->name = ncr_rd_string_max(r, NCR_SFTP_PATH_MAX);
    name->longname = ncr_rd_string(r);
    smsg_attrs_read(r, &name->attrs);
}

bool nacre_sftp_names_next(struct nacre_sftp_names *names, struct nacre_sftp_name *name)
{
    struct ncr_rd r = ncr_rd(names->rest);

    if (names->left == 0)
        return false;
    smsg_entry_read(&r, name);
    if (r.bad)
        return false;
    names->rest = ncr_rd_rest(&r);
    names->left--;
    return true;
}

/* Walks all entries once, so that the event's walk cannot fail; takes them off r. */
static void smsg_names_read(struct ncr_rd *r, struct nacre_sftp_names *names)
{
    struct nacre_sftp_name name;
    uint32_t i;

    names->left = ncr_rd_u32(r);
    if (names->left > r->n / SMSG_ENTRY_MIN)
        r->bad = true;
    names->rest.p = r->p;
    names->rest.n = r->n;
    for (i = 0; i < names->left && !r->bad; i++)
        smsg_entry_read(r, &name);
}

/* Deviates: draft 7, because some servers leave out the text and the language tag. */
static void smsg_status_read(struct ncr_rd *r, struct nacre_sftp_event *ev)
{
    ev->type = NACRE_SFTP_EV_STATUS;
    ev->status = ncr_rd_u32(r);
    if (r->n > 0)
        ev->text = ncr_rd_string(r);
    if (r->n > 0)
        (void)ncr_rd_string(r); /* language: of no use */
}

static void smsg_vfs_read(struct ncr_rd *r, struct nacre_sftp_statvfs *v)
{
    v->bsize = ncr_rd_u64(r);
    v->frsize = ncr_rd_u64(r);
    v->blocks = ncr_rd_u64(r);
    v->bfree = ncr_rd_u64(r);
    v->bavail = ncr_rd_u64(r);
    v->files = ncr_rd_u64(r);
    v->ffree = ncr_rd_u64(r);
    v->favail = ncr_rd_u64(r);
    v->fsid = ncr_rd_u64(r);
    v->flag = ncr_rd_u64(r);
    v->namemax = ncr_rd_u64(r);
}

static void smsg_limits_read(struct ncr_rd *r, struct nacre_sftp_limits *l)
{
    l->packet = ncr_rd_u64(r);
    l->read = ncr_rd_u64(r);
    l->write = ncr_rd_u64(r);
    l->handles = ncr_rd_u64(r);
}

/* The part of a reply after its id, of the kind that its row names. */
static void smsg_reply_read(struct ncr_rd *r, enum ncr_sftp_reply_kind kind,
                            struct nacre_sftp_event *ev)
{
    switch (kind) {
    case NCR_REPLY_HANDLE:
        ev->type = NACRE_SFTP_EV_HANDLE;
        ev->data = ncr_rd_string_max(r, NACRE_SFTP_HANDLE_MAX);
        break;
    case NCR_REPLY_NAMES:
    case NCR_REPLY_NAME:
        ev->type = NACRE_SFTP_EV_NAMES;
        smsg_names_read(r, &ev->names);
        if (kind == NCR_REPLY_NAME && ev->names.left != 1)
            r->bad = true;
        break;
    case NCR_REPLY_ATTRS:
        ev->type = NACRE_SFTP_EV_ATTRS;
        smsg_attrs_read(r, &ev->attrs);
        break;
    case NCR_REPLY_VFS:
        smsg_vfs_read(r, &ev->vfs);
        break;
    case NCR_REPLY_LIMITS:
        smsg_limits_read(r, &ev->limits);
        break;
    case NCR_REPLY_IDS:
        ev->data = ncr_rd_string(r);
        ev->data2 = ncr_rd_string(r);
        break;
    case NCR_REPLY_OPAQUE:
        ev->data = ncr_rd_rest(r);
        break;
    default:
        r->bad = true;
        break;
    }
}

/* The message that carries each kind. */
static const uint8_t smsg_reply_msgs[NCR_REPLY_KINDS] = {
    [NCR_REPLY_STATUS] = NCR_FXP_STATUS,      [NCR_REPLY_HANDLE] = NCR_FXP_HANDLE,
    [NCR_REPLY_DATA] = NCR_FXP_DATA,          [NCR_REPLY_NAMES] = NCR_FXP_NAME,
    [NCR_REPLY_NAME] = NCR_FXP_NAME,          [NCR_REPLY_ATTRS] = NCR_FXP_ATTRS,
    [NCR_REPLY_VFS] = NCR_FXP_EXTENDED_REPLY, [NCR_REPLY_LIMITS] = NCR_FXP_EXTENDED_REPLY,
    [NCR_REPLY_IDS] = NCR_FXP_EXTENDED_REPLY, [NCR_REPLY_OPAQUE] = NCR_FXP_EXTENDED_REPLY,
};

/* Success without the thing that was asked for is no answer. */
static bool smsg_status_fits(enum ncr_sftp_reply_kind kind, uint32_t status)
{
    return status != NACRE_FX_OK || kind == NCR_REPLY_STATUS || kind == NCR_REPLY_OPAQUE;
}

bool ncr_sftp_reply_get(struct nacre_sftp_event *ev, enum nacre_sftp_op op, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);
    const struct ncr_sftp_op_row *row = ncr_sftp_op_row(op);
    struct nacre_sftp_event told;
    uint8_t msg = ncr_rd_u8(&r);

    memset(&told, 0, sizeof told);
    told.op = op;
    told.ticket = ncr_rd_u32(&r);
    told.done = true;
    told.type = NACRE_SFTP_EV_EXTENDED;
    if (row == NULL)
        return false;
    if (msg == NCR_FXP_STATUS)
        smsg_status_read(&r, &told);
    else if (msg == smsg_reply_msgs[row->reply])
        smsg_reply_read(&r, (enum ncr_sftp_reply_kind)row->reply, &told);
    else
        return false;
    if (!ncr_rd_end(&r))
        return false;
    if (msg == NCR_FXP_STATUS &&
        !smsg_status_fits((enum ncr_sftp_reply_kind)row->reply, told.status))
        return false;
    *ev = told;
    return true;
}
