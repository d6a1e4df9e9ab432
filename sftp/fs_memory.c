/* SPDX-License-Identifier: ISC
 *
 * A file system in a fixed region, for tests: nodes in an array, their bytes in blocks that are
 * chained through a table. Nothing is allocated; a full region is NO_SPACE. A file that is removed
 * lives on until its last handle is closed. Holes are stored as zeros.
 */
#include "sftp/nacre_sftp.h"

#include <string.h>

#define FSM_BLOCK ((size_t)NCR_FS_MEMORY_BLOCK)
#define FSM_LINKS_MAX 8
#define FSM_NAME_MAX (sizeof((struct ncr_fs_node *)0)->name - 1)
#define FSM_TEXT_MAX sizeof((struct nacre_fs_memory *)0)->text
#define FSM_NONE UINT32_MAX
/* 2020-01-01: times in a listing look like times. */
#define FSM_CLOCK 1577836800u

enum fsm_kind { FSM_FREE = 0, FSM_FILE, FSM_DIR, FSM_LINK };

/* ---- Region ---- */

static struct ncr_fs_node *fsm_node(const struct nacre_fs_memory *m, uint64_t i)
{
    return (struct ncr_fs_node *)((uintptr_t)m + (uintptr_t)m->mem_off) + i;
}

static uint32_t *fsm_chain(const struct nacre_fs_memory *m)
{
    return (uint32_t *)(void *)fsm_node(m, m->n_nodes);
}

static uint8_t *fsm_block(const struct nacre_fs_memory *m, uint32_t block)
{
    return (uint8_t *)(fsm_chain(m) + m->n_blocks) + (block - 1) * FSM_BLOCK;
}

/* A test's turn to fail. */
static bool fsm_fails(struct nacre_fs_memory *m)
{
    return m->fail_in > 0 && --m->fail_in == 0;
}

static uint32_t fsm_now(struct nacre_fs_memory *m)
{
    return ++m->clock;
}

/* ---- Bytes of a node ---- */

static void fsm_blocks_free(struct nacre_fs_memory *m, uint32_t *link)
{
    while (*link != 0) {
        uint32_t block = *link;

        *link = fsm_chain(m)[block - 1];
        fsm_chain(m)[block - 1] = m->free_block;
        m->free_block = block;
    }
}

/* The link to the block that holds offset, with zeroed blocks added up to it if make. NULL: there
 * is none, or no space for it. */
static uint32_t *fsm_block_at(struct nacre_fs_memory *m, struct ncr_fs_node *n, uint64_t offset,
                              bool make)
{
    uint32_t *link = &n->first;
    uint64_t skip = offset / FSM_BLOCK;

    if (skip >= m->n_blocks)
        return NULL;
    for (;; link = &fsm_chain(m)[*link - 1], skip--) {
        if (*link == 0 && (!make || m->free_block == 0))
            return NULL;
        if (*link == 0) {
            *link = m->free_block;
            m->free_block = fsm_chain(m)[*link - 1];
            fsm_chain(m)[*link - 1] = 0;
            memset(fsm_block(m, *link), 0, FSM_BLOCK);
        }
        if (skip == 0)
            return link;
    }
}

static size_t fsm_piece(uint64_t offset, size_t n)
{
    size_t left = FSM_BLOCK - (size_t)(offset % FSM_BLOCK);

    return n < left ? n : left;
}

static size_t fsm_bytes_read(struct nacre_fs_memory *m, struct ncr_fs_node *n, uint64_t offset,
                             uint8_t *p, size_t len)
{
    size_t done = 0;

    if (offset >= n->size)
        return 0;
    if (len > n->size - offset)
        len = (size_t)(n->size - offset);
    while (done < len) {
        size_t piece = fsm_piece(offset + done, len - done);
        uint32_t *link = fsm_block_at(m, n, offset + done, false);

        if (link == NULL)
            break;
        memcpy(p + done, fsm_block(m, *link) + (offset + done) % FSM_BLOCK, piece);
        done += piece;
    }
    return done;
}

static enum nacre_fs_result fsm_bytes_write(struct nacre_fs_memory *m, struct ncr_fs_node *n,
                                            uint64_t offset, const uint8_t *p, size_t len)
{
    while (len > 0) {
        size_t piece = fsm_piece(offset, len);
        uint32_t *link = fsm_block_at(m, n, offset, true);

        if (link == NULL)
            return NACRE_FS_NO_SPACE;
        memcpy(fsm_block(m, *link) + offset % FSM_BLOCK, p, piece);
        offset += piece;
        p += piece;
        len -= piece;
        if (offset > n->size)
            n->size = offset;
    }
    return NACRE_FS_OK;
}

static enum nacre_fs_result fsm_resize(struct nacre_fs_memory *m, struct ncr_fs_node *n,
                                       uint64_t size)
{
    uint32_t *link;

    if (size > n->size) {
        if (fsm_block_at(m, n, size - 1, true) == NULL)
            return NACRE_FS_NO_SPACE;
        n->size = size;
        return NACRE_FS_OK;
    }
    n->size = size;
    if (size == 0) {
        fsm_blocks_free(m, &n->first);
        return NACRE_FS_OK;
    }
    link = fsm_block_at(m, n, size - 1, false);
    if (link == NULL)
        return NACRE_FS_OK;
    memset(fsm_block(m, *link) + ((size - 1) % FSM_BLOCK + 1), 0,
           FSM_BLOCK - 1 - (size_t)((size - 1) % FSM_BLOCK));
    fsm_blocks_free(m, &fsm_chain(m)[*link - 1]);
    return NACRE_FS_OK;
}

/* ---- Nodes ---- */

static uint32_t fsm_child(const struct nacre_fs_memory *m, uint32_t dir, struct nacre_bytes name)
{
    uint32_t i;

    for (i = 1; i < m->n_nodes; i++) {
        const struct ncr_fs_node *n = fsm_node(m, i);

        if (n->kind != FSM_FREE && !n->unlinked && n->parent == dir && n->name_len == name.n &&
            memcmp(n->name, name.p, name.n) == 0)
            return i;
    }
    return FSM_NONE;
}

static void fsm_node_name(struct ncr_fs_node *n, uint32_t dir, struct nacre_bytes name)
{
    n->parent = dir;
    n->name_len = (uint8_t)name.n;
    memcpy(n->name, name.p, name.n);
}

static enum nacre_fs_result fsm_node_make(struct nacre_fs_memory *m, uint32_t dir,
                                          struct nacre_bytes name, enum fsm_kind kind,
                                          uint32_t mode, uint32_t *made)
{
    uint32_t i;

    if (name.n > FSM_NAME_MAX)
        return NACRE_FS_NAME_TOO_LONG;
    for (i = 1; i < m->n_nodes && fsm_node(m, i)->kind != FSM_FREE; i++)
        ;
    if (i >= m->n_nodes)
        return NACRE_FS_NO_SPACE;
    memset(fsm_node(m, i), 0, sizeof *fsm_node(m, i));
    fsm_node(m, i)->kind = (uint8_t)kind;
    fsm_node(m, i)->mode = mode;
    fsm_node(m, i)->mtime = fsm_node(m, i)->atime = fsm_now(m);
    fsm_node_name(fsm_node(m, i), dir, name);
    *made = i;
    return NACRE_FS_OK;
}

static void fsm_node_release(struct nacre_fs_memory *m, uint32_t i)
{
    struct ncr_fs_node *n = fsm_node(m, i);

    if (n->refs > 0 || !n->unlinked)
        return;
    fsm_blocks_free(m, &n->first);
    n->kind = FSM_FREE;
}

static void fsm_node_unlink(struct nacre_fs_memory *m, uint32_t i)
{
    fsm_node(m, i)->unlinked = true;
    fsm_node_release(m, i);
}

/* ---- Paths ---- */

/* Where a path leads: node, or FSM_NONE and the directory and name where it would be. */
struct fsm_where {
    uint32_t node, dir;
    struct nacre_bytes name; /* lies in m->text */
};

/* Puts a link's text in front of rest, at the start of m->text. */
static enum nacre_fs_result fsm_link_splice(struct nacre_fs_memory *m, uint32_t link,
                                            struct nacre_bytes *rest)
{
    struct ncr_fs_node *n = fsm_node(m, link);

    if (++m->links > FSM_LINKS_MAX)
        return NACRE_FS_LOOP;
    if (n->size > FSM_TEXT_MAX - rest->n)
        return NACRE_FS_NAME_TOO_LONG;
    memmove(m->text + n->size, rest->p, rest->n);
    (void)fsm_bytes_read(m, n, 0, m->text, (size_t)n->size); /* all of it is there */
    rest->n += (size_t)n->size;
    rest->p = m->text;
    return NACRE_FS_OK;
}

static struct nacre_bytes fsm_take_name(struct nacre_bytes *rest)
{
    struct nacre_bytes name;

    while (rest->n > 0 && *rest->p == '/')
        rest->p++, rest->n--;
    name.p = rest->p;
    for (name.n = 0; rest->n > 0 && *rest->p != '/'; name.n++)
        rest->p++, rest->n--;
    return name;
}

/* One name from directory w->node on. */
static enum nacre_fs_result fsm_walk_name(struct nacre_fs_memory *m, struct fsm_where *w,
                                          struct nacre_bytes *rest, bool follow)
{
    struct nacre_bytes name = fsm_take_name(rest);
    uint32_t at = w->node;

    if (name.n == 0 || nacre_bytes_is(name, "."))
        return NACRE_FS_OK;
    if (at == FSM_NONE)
        return NACRE_FS_NOT_FOUND;
    if (fsm_node(m, at)->kind != FSM_DIR)
        return NACRE_FS_NOT_DIR;
    if (nacre_bytes_is(name, "..")) {
        w->node = fsm_node(m, at)->parent;
        return NACRE_FS_OK;
    }
    w->dir = at;
    w->name = name;
    w->node = fsm_child(m, at, name);
    if (w->node == FSM_NONE || fsm_node(m, w->node)->kind != FSM_LINK || (rest->n == 0 && !follow))
        return NACRE_FS_OK;
    at = w->node;
    w->node = w->dir;
    if (fsm_link_splice(m, at, rest) != NACRE_FS_OK)
        return NACRE_FS_LOOP;
    if (rest->n > 0 && *rest->p == '/')
        w->node = 0;
    return NACRE_FS_OK;
}

static enum nacre_fs_result fsm_walk(struct nacre_fs_memory *m, struct nacre_bytes path,
                                     bool follow, struct fsm_where *w)
{
    enum nacre_fs_result r = NACRE_FS_OK;
    struct nacre_bytes rest = {m->text, path.n};

    memset(w, 0, sizeof *w);
    m->links = 0;
    if (path.n == 0)
        return NACRE_FS_NOT_FOUND;
    if (path.n > sizeof m->text)
        return NACRE_FS_NAME_TOO_LONG;
    memcpy(m->text, path.p, path.n);
    while (rest.n > 0 && r == NACRE_FS_OK)
        r = fsm_walk_name(m, w, &rest, follow);
    return r;
}

/* The node at a path that must exist. */
static enum nacre_fs_result fsm_find(struct nacre_fs_memory *m, struct nacre_bytes path,
                                     bool follow, uint32_t *node)
{
    struct fsm_where w;
    enum nacre_fs_result r = fsm_walk(m, path, follow, &w);

    if (r == NACRE_FS_OK && w.node == FSM_NONE)
        r = NACRE_FS_NOT_FOUND;
    *node = w.node;
    return r;
}

/* ---- Hooks: attributes ---- */

static const uint32_t fsm_types[] = {[FSM_FILE] = NACRE_SFTP_S_IFREG,
                                     [FSM_DIR] = NACRE_SFTP_S_IFDIR,
                                     [FSM_LINK] = NACRE_SFTP_S_IFLNK};

static void fsm_attrs(const struct ncr_fs_node *n, struct nacre_sftp_attrs *a)
{
    a->flags = NACRE_SFTP_ATTR_SIZE | NACRE_SFTP_ATTR_UIDGID | NACRE_SFTP_ATTR_MODE |
               NACRE_SFTP_ATTR_TIMES;
    a->size = n->size;
    a->mode = fsm_types[n->kind] | n->mode;
    a->uid = n->uid;
    a->gid = n->gid;
    a->atime = n->atime;
    a->mtime = n->mtime;
}

static enum nacre_fs_result fsm_set(struct nacre_fs_memory *m, struct ncr_fs_node *n,
                                    const struct nacre_sftp_attrs *a)
{
    enum nacre_fs_result r = NACRE_FS_OK;

    if (a->flags & NACRE_SFTP_ATTR_SIZE)
        r = n->kind == FSM_FILE ? fsm_resize(m, n, a->size) : NACRE_FS_INVALID;
    if (a->flags & NACRE_SFTP_ATTR_UIDGID) {
        n->uid = a->uid;
        n->gid = a->gid;
    }
    if (a->flags & NACRE_SFTP_ATTR_MODE)
        n->mode = a->mode & 07777;
    if (a->flags & NACRE_SFTP_ATTR_TIMES) {
        n->atime = a->atime;
        n->mtime = a->mtime;
    }
    return r;
}

static enum nacre_fs_result fsm_stat(void *ctx, struct nacre_bytes path, bool follow,
                                     struct nacre_sftp_attrs *a)
{
    struct nacre_fs_memory *m = ctx;
    enum nacre_fs_result r = NACRE_FS_IO;
    uint32_t node;

    if (!fsm_fails(m))
        r = fsm_find(m, path, follow, &node);
    if (r == NACRE_FS_OK)
        fsm_attrs(fsm_node(m, node), a);
    return r;
}

static enum nacre_fs_result fsm_fstat(void *ctx, uint64_t file, struct nacre_sftp_attrs *a)
{
    struct nacre_fs_memory *m = ctx;

    if (fsm_fails(m))
        return NACRE_FS_IO;
    fsm_attrs(fsm_node(m, file), a);
    return NACRE_FS_OK;
}

static enum nacre_fs_result fsm_setstat(void *ctx, struct nacre_bytes path, bool follow,
                                        const struct nacre_sftp_attrs *a)
{
    struct nacre_fs_memory *m = ctx;
    enum nacre_fs_result r = NACRE_FS_IO;
    uint32_t node;

    if (!fsm_fails(m))
        r = fsm_find(m, path, follow, &node);
    return r == NACRE_FS_OK ? fsm_set(m, fsm_node(m, node), a) : r;
}

static enum nacre_fs_result fsm_fsetstat(void *ctx, uint64_t file, const struct nacre_sftp_attrs *a)
{
    struct nacre_fs_memory *m = ctx;

    return fsm_fails(m) ? NACRE_FS_IO : fsm_set(m, fsm_node(m, file), a);
}

/* ---- Hooks: files ---- */

static enum nacre_fs_result fsm_open_node(struct nacre_fs_memory *m, struct fsm_where *w,
                                          uint32_t pflags, uint32_t mode)
{
    if (w->node == FSM_NONE) {
        if ((pflags & NACRE_FXF_CREAT) == 0)
            return NACRE_FS_NOT_FOUND;
        return fsm_node_make(m, w->dir, w->name, FSM_FILE, mode, &w->node);
    }
    if ((pflags & NACRE_FXF_CREAT) && (pflags & NACRE_FXF_EXCL))
        return NACRE_FS_EXISTS;
    if (fsm_node(m, w->node)->kind != FSM_FILE)
        return NACRE_FS_IS_DIR;
    return (pflags & NACRE_FXF_TRUNC) ? fsm_resize(m, fsm_node(m, w->node), 0) : NACRE_FS_OK;
}

static enum nacre_fs_result fsm_open(void *ctx, struct nacre_bytes path, uint32_t pflags,
                                     const struct nacre_sftp_attrs *attrs, uint64_t *file)
{
    struct nacre_fs_memory *m = ctx;
    bool follow = (pflags & NACRE_FXF_EXCL) == 0;
    uint32_t mode = (attrs->flags & NACRE_SFTP_ATTR_MODE) ? attrs->mode & 0777 : 0644;
    struct fsm_where w;
    enum nacre_fs_result r = NACRE_FS_IO;

    if (!fsm_fails(m))
        r = fsm_walk(m, path, follow, &w);
    if (r == NACRE_FS_OK)
        r = fsm_open_node(m, &w, pflags, mode);
    if (r != NACRE_FS_OK)
        return r;
    fsm_node(m, w.node)->refs++;
    *file = w.node;
    return NACRE_FS_OK;
}

static enum nacre_fs_result fsm_close(void *ctx, uint64_t file)
{
    struct nacre_fs_memory *m = ctx;

    fsm_node(m, file)->refs--;
    fsm_node_release(m, (uint32_t)file);
    return fsm_fails(m) ? NACRE_FS_IO : NACRE_FS_OK;
}

static enum nacre_fs_result fsm_read(void *ctx, uint64_t file, uint64_t offset, uint8_t *p,
                                     size_t n, size_t *got)
{
    struct nacre_fs_memory *m = ctx;

    if (fsm_fails(m))
        return NACRE_FS_IO;
    *got = fsm_bytes_read(m, fsm_node(m, file), offset, p, n);
    return NACRE_FS_OK;
}

static enum nacre_fs_result fsm_write(void *ctx, uint64_t file, uint64_t offset, const uint8_t *p,
                                      size_t n)
{
    struct nacre_fs_memory *m = ctx;

    if (fsm_fails(m))
        return NACRE_FS_IO;
    fsm_node(m, file)->mtime = m->clock;
    return fsm_bytes_write(m, fsm_node(m, file), offset, p, n);
}

static enum nacre_fs_result fsm_fsync(void *ctx, uint64_t file)
{
    (void)file; /* there is nowhere to write to */
    return fsm_fails(ctx) ? NACRE_FS_IO : NACRE_FS_OK;
}

/* ---- Hooks: directories ---- */

static enum nacre_fs_result fsm_opendir(void *ctx, struct nacre_bytes path, uint64_t *dir)
{
    struct nacre_fs_memory *m = ctx;
    enum nacre_fs_result r = NACRE_FS_IO;
    uint32_t node, i;

    if (!fsm_fails(m))
        r = fsm_find(m, path, true, &node);
    if (r != NACRE_FS_OK)
        return r;
    if (fsm_node(m, node)->kind != FSM_DIR)
        return NACRE_FS_NOT_DIR;
    for (i = 0; i < NCR_FS_MEMORY_DIRS && m->dirs[i].used; i++)
        ;
    if (i == NCR_FS_MEMORY_DIRS)
        return NACRE_FS_TOO_MANY;
    m->dirs[i].used = true;
    m->dirs[i].node = node;
    m->dirs[i].next = 1;
    fsm_node(m, node)->refs++;
    *dir = i;
    return NACRE_FS_OK;
}

static enum nacre_fs_result fsm_readdir(void *ctx, uint64_t dir, struct nacre_sftp_name *name)
{
    struct nacre_fs_memory *m = ctx;
    struct ncr_fs_memory_dir *d = &m->dirs[dir];

    if (fsm_fails(m))
        return NACRE_FS_IO;
    for (; d->next < m->n_nodes; d->next++) {
        const struct ncr_fs_node *n = fsm_node(m, d->next);

        if (n->kind == FSM_FREE || n->unlinked || n->parent != d->node)
            continue;
        name->name.p = (const uint8_t *)n->name;
        name->name.n = n->name_len;
        name->longname = name->name;
        fsm_attrs(n, &name->attrs);
        d->next++;
        return NACRE_FS_OK;
    }
    return NACRE_FS_EOF;
}

static enum nacre_fs_result fsm_closedir(void *ctx, uint64_t dir)
{
    struct nacre_fs_memory *m = ctx;

    m->dirs[dir].used = false;
    fsm_node(m, m->dirs[dir].node)->refs--;
    fsm_node_release(m, m->dirs[dir].node);
    return fsm_fails(m) ? NACRE_FS_IO : NACRE_FS_OK;
}

/* ---- Hooks: names ---- */

static bool fsm_empty(const struct nacre_fs_memory *m, uint32_t dir)
{
    uint32_t i;

    for (i = 1; i < m->n_nodes; i++)
        if (fsm_node(m, i)->kind != FSM_FREE && !fsm_node(m, i)->unlinked &&
            fsm_node(m, i)->parent == dir)
            return false;
    return true;
}

/* May the node be taken out of its directory as a thing of that kind? */
static enum nacre_fs_result fsm_removable(const struct nacre_fs_memory *m, uint32_t node, bool dir)
{
    if (node == 0)
        return NACRE_FS_BUSY;
    if (!dir)
        return fsm_node(m, node)->kind == FSM_DIR ? NACRE_FS_IS_DIR : NACRE_FS_OK;
    if (fsm_node(m, node)->kind != FSM_DIR)
        return NACRE_FS_NOT_DIR;
    return fsm_empty(m, node) ? NACRE_FS_OK : NACRE_FS_NOT_EMPTY;
}

static enum nacre_fs_result fsm_take_away(struct nacre_fs_memory *m, struct nacre_bytes path,
                                          bool dir)
{
    enum nacre_fs_result r = NACRE_FS_IO;
    uint32_t node;

    if (!fsm_fails(m))
        r = fsm_find(m, path, false, &node);
    if (r == NACRE_FS_OK)
        r = fsm_removable(m, node, dir);
    if (r == NACRE_FS_OK)
        fsm_node_unlink(m, node);
    return r;
}

static enum nacre_fs_result fsm_remove(void *ctx, struct nacre_bytes path)
{
    return fsm_take_away(ctx, path, false);
}

static enum nacre_fs_result fsm_rmdir(void *ctx, struct nacre_bytes path)
{
    return fsm_take_away(ctx, path, true);
}

/* Makes a node at a path where nothing is yet. */
static enum nacre_fs_result fsm_make_at(struct nacre_fs_memory *m, struct nacre_bytes path,
                                        enum fsm_kind kind, uint32_t mode, uint32_t *node)
{
    struct fsm_where w;
    enum nacre_fs_result r = NACRE_FS_IO;

    if (!fsm_fails(m))
        r = fsm_walk(m, path, false, &w);
    if (r == NACRE_FS_OK && w.node != FSM_NONE)
        r = NACRE_FS_EXISTS;
    return r == NACRE_FS_OK ? fsm_node_make(m, w.dir, w.name, kind, mode, node) : r;
}

static enum nacre_fs_result fsm_mkdir(void *ctx, struct nacre_bytes path,
                                      const struct nacre_sftp_attrs *attrs)
{
    uint32_t mode = (attrs->flags & NACRE_SFTP_ATTR_MODE) ? attrs->mode & 01777 : 0755;
    uint32_t node;

    return fsm_make_at(ctx, path, FSM_DIR, mode, &node);
}

static enum nacre_fs_result fsm_symlink(void *ctx, struct nacre_bytes text, struct nacre_bytes link)
{
    struct nacre_fs_memory *m = ctx;
    uint32_t node;
    enum nacre_fs_result r =
        text.n == 0 ? NACRE_FS_NOT_FOUND : fsm_make_at(m, link, FSM_LINK, 0777, &node);

    if (r != NACRE_FS_OK)
        return r;
    r = fsm_bytes_write(m, fsm_node(m, node), 0, text.p, text.n);
    if (r != NACRE_FS_OK)
        fsm_node_unlink(m, node);
    return r;
}

static enum nacre_fs_result fsm_readlink(void *ctx, struct nacre_bytes path,
                                         struct nacre_bytes *out)
{
    struct nacre_fs_memory *m = ctx;
    enum nacre_fs_result r = NACRE_FS_IO;
    uint32_t node;

    if (!fsm_fails(m))
        r = fsm_find(m, path, false, &node);
    if (r != NACRE_FS_OK)
        return r;
    if (fsm_node(m, node)->kind != FSM_LINK)
        return NACRE_FS_INVALID;
    out->p = m->text;
    out->n = fsm_bytes_read(m, fsm_node(m, node), 0, m->text, sizeof m->text);
    return NACRE_FS_OK;
}

/* Is dir the node, or below it? */
static bool fsm_below(const struct nacre_fs_memory *m, uint32_t dir, uint32_t node)
{
    for (; dir != 0; dir = fsm_node(m, dir)->parent)
        if (dir == node)
            return true;
    return node == 0;
}

/* May the thing at `to` give way? */
static enum nacre_fs_result fsm_replaceable(const struct nacre_fs_memory *m, uint32_t from,
                                            const struct fsm_where *to, bool replace)
{
    if (fsm_below(m, to->dir, from))
        return NACRE_FS_INVALID;
    if (to->node == FSM_NONE)
        return to->name.n > FSM_NAME_MAX ? NACRE_FS_NAME_TOO_LONG : NACRE_FS_OK;
    if (!replace)
        return NACRE_FS_EXISTS;
    return fsm_removable(m, to->node, fsm_node(m, from)->kind == FSM_DIR);
}

static enum nacre_fs_result fsm_rename(void *ctx, struct nacre_bytes from, struct nacre_bytes to,
                                       bool replace)
{
    struct nacre_fs_memory *m = ctx;
    enum nacre_fs_result r = NACRE_FS_IO;
    struct fsm_where w;
    uint32_t node;

    if (!fsm_fails(m))
        r = fsm_find(m, from, false, &node);
    if (r == NACRE_FS_OK)
        r = fsm_walk(m, to, false, &w);
    if (r == NACRE_FS_OK && w.node == node)
        return replace ? NACRE_FS_OK : NACRE_FS_EXISTS;
    if (r == NACRE_FS_OK)
        r = fsm_replaceable(m, node, &w, replace);
    if (r != NACRE_FS_OK)
        return r;
    if (w.node != FSM_NONE)
        fsm_node_unlink(m, w.node);
    fsm_node_name(fsm_node(m, node), w.dir, w.name);
    return NACRE_FS_OK;
}

/* Writes "/name" of a node in front of what stands at m->text + at; returns the new start. */
static size_t fsm_prepend(struct nacre_fs_memory *m, size_t at, const void *name, size_t n)
{
    if (n + 1 > at)
        return 0;
    at -= n;
    memcpy(m->text + at, name, n);
    m->text[--at] = '/';
    return at;
}

static enum nacre_fs_result fsm_realpath(void *ctx, struct nacre_bytes path,
                                         struct nacre_bytes *out)
{
    static const uint8_t dot[] = {'.'};
    struct nacre_bytes here = {dot, sizeof dot};
    struct nacre_fs_memory *m = ctx;
    char last[FSM_NAME_MAX + 1];
    struct fsm_where w;
    enum nacre_fs_result r = NACRE_FS_IO;
    size_t at = sizeof m->text;
    uint32_t i;

    if (!fsm_fails(m))
        r = fsm_walk(m, path.n == 0 ? here : path, true, &w);
    if (r == NACRE_FS_OK && w.node == FSM_NONE && w.name.n > FSM_NAME_MAX)
        r = NACRE_FS_NAME_TOO_LONG;
    if (r != NACRE_FS_OK)
        return r;
    if (w.node == FSM_NONE) {
        memcpy(last, w.name.p, w.name.n);
        at = fsm_prepend(m, at, last, w.name.n);
        w.node = w.dir;
    }
    for (i = w.node; i != 0 && at > 0; i = fsm_node(m, i)->parent)
        at = fsm_prepend(m, at, fsm_node(m, i)->name, fsm_node(m, i)->name_len);
    if (at == sizeof m->text)
        m->text[--at] = '/';
    if (at == 0)
        return NACRE_FS_NAME_TOO_LONG;
    out->p = m->text + at;
    out->n = sizeof m->text - at;
    return NACRE_FS_OK;
}

/* ---- Making the table ---- */

static const struct nacre_fs fsm_hooks = {
    .open = fsm_open,
    .close = fsm_close,
    .read = fsm_read,
    .write = fsm_write,
    .fstat = fsm_fstat,
    .fsetstat = fsm_fsetstat,
    .fsync = fsm_fsync,
    .opendir = fsm_opendir,
    .readdir = fsm_readdir,
    .closedir = fsm_closedir,
    .stat = fsm_stat,
    .setstat = fsm_setstat,
    .remove = fsm_remove,
    .mkdir = fsm_mkdir,
    .rmdir = fsm_rmdir,
    .realpath = fsm_realpath,
    .rename = fsm_rename,
    .readlink = fsm_readlink,
    .symlink = fsm_symlink,
};

nacre_err nacre_fs_memory_init(struct nacre_fs *fs, struct nacre_fs_memory *m, void *mem,
                               size_t len, uint32_t nodes)
{
    uint32_t i;

    memset(m, 0, sizeof *m);
    if (mem == NULL || nodes < 1 || len / sizeof(struct ncr_fs_node) < nodes)
        return NACRE_ERR_REGION;
    len -= nodes * sizeof(struct ncr_fs_node);
    m->mem_off = (intptr_t)((uintptr_t)mem - (uintptr_t)m);
    m->n_nodes = nodes;
    m->n_blocks = (uint32_t)(len / (FSM_BLOCK + sizeof(uint32_t)));
    m->clock = FSM_CLOCK;
    memset(mem, 0, nodes * sizeof(struct ncr_fs_node));
    fsm_node(m, 0)->kind = FSM_DIR;
    fsm_node(m, 0)->mode = 0755;
    fsm_node(m, 0)->mtime = fsm_node(m, 0)->atime = m->clock;
    for (i = 0; i < m->n_blocks; i++)
        fsm_chain(m)[i] = i + 1 < m->n_blocks ? i + 2 : 0;
    m->free_block = m->n_blocks > 0 ? 1 : 0;
    *fs = fsm_hooks;
    fs->ctx = m;
    return NACRE_OK;
}
