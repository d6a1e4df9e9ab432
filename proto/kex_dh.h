/* SPDX-License-Identifier: ISC
 *
 * Diffie-Hellman in a group that is known beforehand, as rows of key exchange: RFC 4253 section 8.
 * What kex_dh.c and kex_dh_legacy.c share.
 */
#ifndef NCR_KEX_DH_H
#define NCR_KEX_DH_H

#include "proto/alg.h"

/* Bytes of the exponents x and y: twice the strength of the strongest cipher, and for a smaller
 * group more than it can use. */
#define NCR_KEX_DH_X_LEN 64

/* As in struct ncr_kex. */
nacre_err ncr_kex_dh_start(uint8_t *pub, uint8_t *x, const struct nacre_dh_group *group,
                           const struct nacre_rng *rng, uint64_t *work);
nacre_err ncr_kex_dh_respond(uint8_t *reply, uint8_t *k, const struct nacre_dh_group *group,
                             struct nacre_bytes init, const struct nacre_rng *rng, uint64_t *work);
nacre_err ncr_kex_dh_finish(uint8_t *k, const struct nacre_dh_group *group,
                            struct nacre_bytes reply, const uint8_t *x, uint64_t *work);

/* The three functions of a row, and its fields. `fn` names the functions, group the group. */
#define NCR_KEX_DH_FUNCTIONS(fn, group)                                                            \
    static nacre_err fn##_start(uint8_t *pub, uint8_t *secret, const struct nacre_rng *rng,        \
                                uint64_t *work)                                                    \
    {                                                                                              \
        return ncr_kex_dh_start(pub, secret, &group, rng, work);                                   \
    }                                                                                              \
    static nacre_err fn##_respond(uint8_t *reply, uint8_t *k, struct nacre_bytes init,             \
                                  const struct nacre_rng *rng, uint64_t *work)                     \
    {                                                                                              \
        return ncr_kex_dh_respond(reply, k, &group, init, rng, work);                              \
    }                                                                                              \
    static nacre_err fn##_finish(uint8_t *k, struct nacre_bytes reply, const uint8_t *secret,      \
                                 uint64_t *work)                                                   \
    {                                                                                              \
        return ncr_kex_dh_finish(k, &group, reply, secret, work);                                  \
    }

#define NCR_KEX_DH_ROW(fn, bits, row_name, row_grade, row_hash)                                    \
    {                                                                                              \
        .name = row_name, .grade = row_grade, .hash = &row_hash, .init_len = (bits) / 8,           \
        .reply_len = (bits) / 8, .secret_len = NCR_KEX_DH_X_LEN, .k_len = (bits) / 8,              \
        .pub_is_mpint = true, .start = fn##_start, .respond = fn##_respond, .finish = fn##_finish  \
    }

#endif
