/* SPDX-License-Identifier: ISC
 *
 * Groups for Diffie-Hellman group exchange out of a moduli file (moduli(5)): see groups.c.
 */
#ifndef NCR_GROUPS_H
#define NCR_GROUPS_H

#include "server/logline.h"
#include "server/nacre_server.h"

struct ncr_groups {
    struct nacre_dh_group *group;
    size_t n;
    uint8_t *mem; /* their numbers */
};

/* Reads the groups that may be used; lines that cannot be are counted and told. With `optional` a
 * file that is not there is no failure. False: it cannot be read, or no group is left; told. */
bool ncr_groups_load(struct ncr_groups *g, const char *path, bool optional,
                     const struct ncr_log *log);
void ncr_groups_free(struct ncr_groups *g);

#endif
