/* SPDX-License-Identifier: ISC
 *
 * diffie-hellman-group14-sha1 and diffie-hellman-group1-sha1 (RFC 4253 8.1, 8.2), for routers and
 * switches that have no better.
 *
 * SHA-1 cannot be relied upon for collisions any more, and an attacker who finds one during the
 * exchange could forge it. Group 1 has 1,024 bits, which a state can be thought to have done the
 * precomputation for (Adrian and others, "Imperfect Forward Secrecy", 2015): what is sent under its
 * keys may be read by whoever records it. In no default list.
 */
#include "proto/kex_dh.h"

NCR_KEX_DH_FUNCTIONS(kexdh_legacy1, nacre_dh_group1)
NCR_KEX_DH_FUNCTIONS(kexdh_legacy14, nacre_dh_group14)

const struct ncr_kex ncr_kex_dh14_sha1 = NCR_KEX_DH_ROW(
    kexdh_legacy14, 2048, "diffie-hellman-group14-sha1", NCR_GRADE_LEGACY, nacre_hash_sha1);
const struct ncr_kex ncr_kex_dh1_sha1 = NCR_KEX_DH_ROW(
    kexdh_legacy1, 1024, "diffie-hellman-group1-sha1", NCR_GRADE_LEGACY, nacre_hash_sha1);
