/* SPDX-License-Identifier: ISC
 *
 * One reading of a private key file: see keyfile_rig.h.
 */
#include "tests/keyfile_rig.h"

#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define KEYFILE_SCRATCH_MAX                                                                        \
    ((size_t)16 << 20) /* damage that asks for more does not get it here                           \
                        */

uint64_t keyfile_work[NACRE_WORK];

/* What holds of every reading; scratch has at least n bytes. */
static void keyfile_check(const struct keyfile_got *g, const uint8_t *scratch, size_t n)
{
    if (g->err == NACRE_OK) {
        cr_assert_str_empty(g->info.what);
        cr_assert(all_zero(scratch, n), "scratch holds what was decoded");
        return;
    }
    cr_assert(all_zero(&g->key, sizeof g->key));
    cr_assert(all_zero(g->comment, sizeof g->comment));
    cr_assert(g->info.what[0] != '\0');
}

/* Whether another reading, with the scratch that this one asked for, is wanted. */
static bool keyfile_wants_more(const struct keyfile_got *g, size_t n, size_t room)
{
    if (g->err != NACRE_ERR_NO_ROOM)
        return false;
    cr_assert_gt(g->info.scratch_needed, room);
    cr_assert_leq(g->info.scratch_needed, n + (size_t)NACRE_KEYFILE_ARGON2_KIB_MAX * 1024);
    return g->info.scratch_needed <= KEYFILE_SCRATCH_MAX;
}

struct keyfile_got keyfile_read_exact(const void *file, size_t n, struct nacre_bytes pass,
                                      unsigned how)
{
    uint8_t *copy = malloc(n + (n == 0)), *scratch = malloc(n + (n == 0));
    size_t room = n;
    bool again = (how & KEYFILE_GROW) != 0;
    struct keyfile_got g;

    cr_assert(copy != NULL && scratch != NULL);
    if (n > 0)
        memcpy(copy, file, n);
    do {
        memset(&g, 0xa5, sizeof g);
        if ((how & KEYFILE_COMMENT) == 0)
            memset(g.comment, 0, sizeof g.comment);
        g.err = nacre_keyfile_read(&g.key, (how & KEYFILE_COMMENT) ? g.comment : NULL,
                                   (how & KEYFILE_COMMENT) ? sizeof g.comment : 0,
                                   (struct nacre_bytes){copy, n}, pass, scratch, room, &g.info,
                                   keyfile_work);
        again = again && keyfile_wants_more(&g, n, room);
        if (again) {
            room = g.info.scratch_needed;
            free(scratch);
            scratch = malloc(room);
            cr_assert_not_null(scratch);
        }
    } while (again);
    keyfile_check(&g, scratch, n);
    free(copy);
    free(scratch);
    return g;
}
