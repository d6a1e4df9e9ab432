/* SPDX-License-Identifier: ISC
 *
 * The escape character of a session with a terminal: after a line end, '~' and a key.
 */
#ifndef NCR_SSH_ESCAPE_H
#define NCR_SSH_ESCAPE_H

#include "client/front.h"

enum ncr_escape_action {
    NCR_ESCAPE_QUIT = 0,
    NCR_ESCAPE_SUSPEND,
    NCR_ESCAPE_REKEY,
    NCR_ESCAPE_BREAK,
    NCR_ESCAPE_LIST,
    NCR_ESCAPE_HELP
};

struct ncr_escape_keys {
    int escape;                     /* the character; -1: none */
    bool at_start;                  /* of a line */
    bool pending;                   /* the character was typed there and is held back */
    bool want[NCR_ESCAPE_HELP + 1]; /* actions asked for, by enum; who acts clears them */
};

void ncr_escape_init(struct ncr_escape_keys *k, int escape);
/* Takes escapes out of n bytes typed; returns the length of what is left, at most n + 1. */
size_t ncr_escape_filter(struct ncr_escape_keys *k, uint8_t *p, size_t n);
void ncr_escape_help(const struct ncr_escape_keys *k, struct ncr_front *f);

#endif
