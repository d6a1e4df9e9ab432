/* SPDX-License-Identifier: ISC
 *
 * known_hosts, internal parts.
 */
#ifndef NCR_KNOWN_HOSTS_H
#define NCR_KNOWN_HOSTS_H

#include "proto/keys/nacre_keys.h"

/* Sets the hash that hashed names are read with: HMAC of the name, keyed with the salt. It must be
 * SHA-1 (20 bytes); NULL leaves hashed names unread. */
void ncr_known_hosts_read_hashed(struct nacre_known_hosts *s, const struct nacre_hash *sha1);

#endif
