/* SPDX-License-Identifier: ISC
 *
 * diffie-hellman-group-exchange-sha1 (RFC 4419 4.1), for routers and switches that have no better.
 * SHA-1 cannot be relied upon for collisions any more, and an attacker who finds one during the
 * exchange could forge it: in no default list.
 */
#include "proto/alg.h"

const struct ncr_kex ncr_kex_gex_sha1 = {
    .name = "diffie-hellman-group-exchange-sha1",
    .grade = NCR_GRADE_LEGACY,
    .hash = &nacre_hash_sha1,
    .gex = &ncr_gex_dh,
};
