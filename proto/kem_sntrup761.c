/* SPDX-License-Identifier: ISC
 *
 * sntrup761 with X25519: draft-ietf-sshm-ntruprime-ssh, and the same method under the name that
 * OpenSSH gave it before.
 *
 * Public values are the public key (1,158 bytes) and the ciphertext (1,039), each followed by
 * X25519's 32 bytes; K is SHA-512 of both secrets. Any bytes of the right length are a public
 * key, and a wrong ciphertext gives another K.
 */
#include "proto/kex_hybrid.h"

#include "crypto/ct.h"

static nacre_err kem_sntrup_keygen(uint8_t *pub, uint8_t *secret, const struct nacre_rng *rng,
                                   uint64_t *work)
{
    if (!nacre_sntrup761_keygen(pub, secret, rng, work))
        return NACRE_ERR_RNG;
    NCR_CT_SECRET(secret, NACRE_SNTRUP761_SK_LEN);
    return NACRE_OK;
}

static nacre_err kem_sntrup_encaps(uint8_t *ct, uint8_t k[NCR_KEM_K_LEN], const uint8_t *pub,
                                   const struct nacre_rng *rng, uint64_t *work)
{
    if (!nacre_sntrup761_encaps(ct, k, pub, rng, work))
        return NACRE_ERR_RNG;
    NCR_CT_SECRET(k, NCR_KEM_K_LEN);
    return NACRE_OK;
}

static nacre_err kem_sntrup_decaps(uint8_t k[NCR_KEM_K_LEN], const uint8_t *secret,
                                   const uint8_t *ct, uint64_t *work)
{
    nacre_sntrup761_decaps(k, secret, ct, work);
    return NACRE_OK;
}

const struct ncr_kem ncr_kem_sntrup761 = {
    .pub_len = NACRE_SNTRUP761_PK_LEN,
    .secret_len = NACRE_SNTRUP761_SK_LEN,
    .ct_len = NACRE_SNTRUP761_CT_LEN,
    .keygen = kem_sntrup_keygen,
    .encaps = kem_sntrup_encaps,
    .decaps = kem_sntrup_decaps,
};

static const struct ncr_hybrid hybrid_sntrup761_x25519 = {&ncr_kem_sntrup761, &ncr_kex_curve25519,
                                                          &nacre_hash_sha512};
NCR_HYBRID_FUNCTIONS(hybrid_sntrup761_x25519)

const struct ncr_kex ncr_kex_sntrup761_x25519 = {
    .name = "sntrup761x25519-sha512",
    .post_quantum = true,
    .hash = &nacre_hash_sha512,
    .init_len = NACRE_SNTRUP761_PK_LEN + NACRE_X25519_LEN,
    .reply_len = NACRE_SNTRUP761_CT_LEN + NACRE_X25519_LEN,
    .secret_len = NACRE_SNTRUP761_SK_LEN + NACRE_X25519_LEN,
    .k_len = NACRE_SHA512_LEN,
    .k_is_string = true,
    .start = hybrid_sntrup761_x25519_start,
    .respond = hybrid_sntrup761_x25519_respond,
    .finish = hybrid_sntrup761_x25519_finish,
};

const struct ncr_kex ncr_kex_sntrup761_x25519_openssh = {
    .name = "sntrup761x25519-sha512@openssh.com",
    .post_quantum = true,
    .hash = &nacre_hash_sha512,
    .init_len = NACRE_SNTRUP761_PK_LEN + NACRE_X25519_LEN,
    .reply_len = NACRE_SNTRUP761_CT_LEN + NACRE_X25519_LEN,
    .secret_len = NACRE_SNTRUP761_SK_LEN + NACRE_X25519_LEN,
    .k_len = NACRE_SHA512_LEN,
    .k_is_string = true,
    .start = hybrid_sntrup761_x25519_start,
    .respond = hybrid_sntrup761_x25519_respond,
    .finish = hybrid_sntrup761_x25519_finish,
};
