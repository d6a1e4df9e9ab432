/* SPDX-License-Identifier: ISC
 *
 * Hybrid key exchange: a KEM against quantum computers and a classical method, of which one has to
 * hold. A row of the table is made of two rows: one of struct ncr_kem, here, and one of struct
 * ncr_kex, whose K has a fixed length.
 */
#ifndef NCR_KEX_HYBRID_H
#define NCR_KEX_HYBRID_H

#include "proto/alg.h"

#define NCR_KEM_K_LEN 32

/* A KEM. Each function returns NACRE_OK, NACRE_ERR_RNG, or NACRE_ERR_KEX for a value of the peer's
 * that must be refused (which is not a wrong ciphertext: that gives another key). On failure the
 * caller wipes the outputs. work: NACRE_WORK words. */
struct ncr_kem {
    size_t pub_len;
    size_t secret_len;
    size_t ct_len;
    nacre_err (*keygen)(uint8_t *pub, uint8_t *secret, const struct nacre_rng *rng, uint64_t *work);
    nacre_err (*encaps)(uint8_t *ct, uint8_t k[NCR_KEM_K_LEN], const uint8_t *pub,
                        const struct nacre_rng *rng, uint64_t *work);
    nacre_err (*decaps)(uint8_t k[NCR_KEM_K_LEN], const uint8_t *secret, const uint8_t *ct,
                        uint64_t *work);
};

extern const struct ncr_kem ncr_kem_mlkem768, ncr_kem_mlkem1024, ncr_kem_sntrup761;

/* Both halves. The KEM's comes first in public values, secrets, randomness and the hash, which
 * makes K: hash(K of the KEM || K of the other). */
struct ncr_hybrid {
    const struct ncr_kem *kem;
    const struct ncr_kex *classical;
    const struct nacre_hash *hash;
};

/* The functions of struct ncr_kex. */
nacre_err ncr_hybrid_start(const struct ncr_hybrid *h, uint8_t *pub, uint8_t *secret,
                           const struct nacre_rng *rng, uint64_t *work);
nacre_err ncr_hybrid_respond(const struct ncr_hybrid *h, uint8_t *reply, uint8_t *k,
                             struct nacre_bytes init, const struct nacre_rng *rng, uint64_t *work);
nacre_err ncr_hybrid_finish(const struct ncr_hybrid *h, uint8_t *k, struct nacre_bytes reply,
                            const uint8_t *secret, uint64_t *work);

/* The functions of a row, id_start and so on, on the struct ncr_hybrid of that id, which starts
 * with hybrid_ (tests/lint/stack.awk wants to know that a hybrid's half is no hybrid). */
#define NCR_HYBRID_FUNCTIONS(id)                                                                   \
    static nacre_err id##_start(uint8_t *pub, uint8_t *secret, const struct nacre_rng *rng,        \
                                uint64_t *work)                                                    \
    {                                                                                              \
        return ncr_hybrid_start(&id, pub, secret, rng, work);                                      \
    }                                                                                              \
    static nacre_err id##_respond(uint8_t *reply, uint8_t *k, struct nacre_bytes init,             \
                                  const struct nacre_rng *rng, uint64_t *work)                     \
    {                                                                                              \
        return ncr_hybrid_respond(&id, reply, k, init, rng, work);                                 \
    }                                                                                              \
    static nacre_err id##_finish(uint8_t *k, struct nacre_bytes reply, const uint8_t *secret,      \
                                 uint64_t *work)                                                   \
    {                                                                                              \
        return ncr_hybrid_finish(&id, k, reply, secret, work);                                     \
    }

#endif
