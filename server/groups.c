/* SPDX-License-Identifier: ISC
 *
 * The daemon's moduli file, read once before the first connection: processes that serve connections
 * share the memory. Debian's has some 400 groups in half a megabyte.
 */
#include "server/groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/keys/nacre_keys.h"
#include "proto/posix/file.h"

#define GROUPS_FILE_MAX (4u * 1024 * 1024)
#define GROUPS_MAX 4096 /* 2 KiB each at most */

static struct nacre_bytes groups_line(struct nacre_bytes *rest)
{
    const uint8_t *end = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;
    struct nacre_bytes line = {rest->p, end != NULL ? (size_t)(end - rest->p) : rest->n};
    size_t used = line.n + (end != NULL ? 1 : 0);
    rest->p += used;
    rest->n -= used;
    return line;
}

/* Counts the lines, so that the memory can be had in one piece. */
static size_t groups_count(struct nacre_bytes text)
{
    size_t n = 0;
    for (; text.n > 0; n++) {
        (void)groups_line(&text);
    }
    return n < GROUPS_MAX ? n : GROUPS_MAX;
}

static void groups_read(struct ncr_groups *g, struct nacre_bytes text, size_t cap, size_t mem,
                        unsigned *bad)
{
    size_t used = 0;
    while (text.n > 0 && g->n < cap && mem - used >= NACRE_MODULI_BUF) {
        struct nacre_dh_group *at = &g->group[g->n];
        nacre_err err = nacre_moduli_parse(at, groups_line(&text), g->mem + used, mem - used);
        if (err == NACRE_OK && at->bits > 0) {
            used = (size_t)(at->p.p - g->mem) + at->p.n; /* the generator lies before */
            g->n++;
        }
        *bad += err == NACRE_ERR_FILE_FORMAT ? 1 : 0;
    }
}

bool ncr_groups_load(struct ncr_groups *g, const char *path, bool optional,
                     const struct ncr_log *log)
{
    struct ncr_file f;
    unsigned bad = 0;
    memset(g, 0, sizeof *g);
    nacre_err err = ncr_file_read(&f, path, GROUPS_FILE_MAX);
    if (err != NACRE_OK) {
        if (optional && errno == ENOENT) {
            return true;
        }
        ncr_log(log, NCR_LOG_ERROR, "ModuliFile %s: %s", path, ncr_file_error(err));
        return false;
    }
    struct nacre_bytes text = {f.p, f.n};
    size_t cap = groups_count(text), mem = f.n / 2 + NACRE_MODULI_BUF; /* two digits a byte */
    g->group = calloc(cap + 1, sizeof *g->group);
    g->mem = malloc(mem);
    if (g->group != NULL && g->mem != NULL) {
        groups_read(g, text, cap, mem, &bad);
    }
    ncr_file_wipe(&f);
    if (bad > 0) {
        ncr_log(log, NCR_LOG_INFO, "ModuliFile %s: %u lines could not be read", path, bad);
    }
    if (g->n == 0) {
        ncr_log(log, NCR_LOG_ERROR, "ModuliFile %s: no group that may be used", path);
        ncr_groups_free(g);
        return optional;
    }
    return true;
}

void ncr_groups_free(struct ncr_groups *g)
{
    free(g->group);
    free(g->mem);
    memset(g, 0, sizeof *g);
}
