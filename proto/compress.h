/* SPDX-License-Identifier: ISC
 *
 * Compression of payloads: see compress.c.
 */
#ifndef NCR_COMPRESS_H
#define NCR_COMPRESS_H

#include "proto/alg.h"

/* Bytes that a payload of n grows to at most, over n. */
#define NCR_COMP_GROWTH(n) (NACRE_DEFLATE_OUT_MAX(n) - (n))

/* New keys: compression starts anew, or ends, as the row says and `authed`, whether authentication
 * is complete. m is NULL where nothing but "none" can have been negotiated. */
void ncr_comp_install(struct ncr_dir *d, struct ncr_comp_mem *m, bool rx, bool authed);
/* Authentication is complete: what waited for it starts. */
void ncr_comp_authed(struct ncr_dir *d, struct ncr_comp_mem *m, bool rx);
/* True if that payload is not compressed: it is not how a stream begins, and its message is one of
 * the transport or authentication. */
bool ncr_comp_is_plain(struct nacre_bytes payload);
/* True if what the direction says of compression fits its row: for memory that somebody trusted
 * less could write to. The row must have been checked before. */
bool ncr_comp_sound(const struct ncr_dir *d, const struct ncr_comp_mem *m, bool authed);

#endif
