/* SPDX-License-Identifier: ISC
 *
 * Ed25519, pure (RFC 8032 section 5.1): keys, deterministic signatures, verification.
 *
 * Verification is the equation without cofactor, checked by comparing encodings of R, and decoding
 * as strict as the RFC's: S below L, the key's y below p. A key of small order passes as a point;
 * those who trust keys ask nacre_ed25519_trustworthy_vartime. No contexts, no prehashing.
 */
#include "crypto/ct.h"
#include "crypto/ge25519.h"
#include "crypto/nacre_crypto.h"
#include "crypto/sc25519.h"

#include <string.h>

/* s B, encoded. */
static void ed25519_mul_base(uint8_t r[32], const uint8_t s[32])
{
    struct ncr_ge25519 p;
    ncr_ge25519_mul_base(&p, s);
    ncr_ge25519_encode(r, &p);
    nacre_wipe(&p, sizeof p);
}

/* k = SHA-512(R || A || M) mod L. */
static void ed25519_challenge(uint8_t k[32], const uint8_t r[32], const uint8_t pub[32],
                              const uint8_t *m, size_t n)
{
    struct nacre_sha512 h;
    uint8_t digest[NACRE_SHA512_LEN];
    nacre_sha512_init(&h);
    nacre_sha512_update(&h, r, 32);
    nacre_sha512_update(&h, pub, 32);
    nacre_sha512_update(&h, m, n);
    nacre_sha512_final(digest, &h);
    ncr_sc25519_reduce(k, digest);
}

void nacre_ed25519_key_init(struct nacre_ed25519_key *k, const uint8_t seed[NACRE_ED25519_SEED_LEN])
{
    struct nacre_sha512 h;
    uint8_t digest[NACRE_SHA512_LEN];
    nacre_sha512_init(&h);
    nacre_sha512_update(&h, seed, NACRE_ED25519_SEED_LEN);
    nacre_sha512_final(digest, &h);
    memcpy(k->scalar, digest, 32);
    memcpy(k->prefix, digest + 32, 32);
    k->scalar[0] &= 0xf8;
    k->scalar[31] = (uint8_t)((k->scalar[31] & 0x7f) | 0x40);
    ed25519_mul_base(k->pub, k->scalar);
    nacre_wipe(digest, sizeof digest);
    /* The public key: released here. */
    NCR_CT_PUBLIC(k->pub, sizeof k->pub);
}

/* sig is written when the message has been read for the last time, so that it may be in m. */
void nacre_ed25519_sign(uint8_t sig[NACRE_ED25519_SIG_LEN], const struct nacre_ed25519_key *k,
                        const uint8_t *m, size_t n)
{
    struct nacre_sha512 h;
    uint8_t digest[NACRE_SHA512_LEN], nonce[32], r[32], challenge[32];
    nacre_sha512_init(&h);
    nacre_sha512_update(&h, k->prefix, sizeof k->prefix);
    nacre_sha512_update(&h, m, n);
    nacre_sha512_final(digest, &h);
    ncr_sc25519_reduce(nonce, digest);
    ed25519_mul_base(r, nonce);
    ed25519_challenge(challenge, r, k->pub, m, n);
    memcpy(sig, r, 32);
    ncr_sc25519_muladd(sig + 32, challenge, k->scalar, nonce);
    nacre_wipe(digest, sizeof digest);
    nacre_wipe(nonce, sizeof nonce);
    /* The signature, both halves: released here. */
    NCR_CT_PUBLIC(sig, NACRE_ED25519_SIG_LEN);
}

bool nacre_ed25519_verify_vartime(const uint8_t pub[NACRE_ED25519_PUB_LEN], const uint8_t *m,
                                  size_t n, const uint8_t sig[NACRE_ED25519_SIG_LEN])
{
    struct ncr_ge25519 a, r;
    uint8_t challenge[32], encoded[32];
    if (!ncr_sc25519_canonical_vartime(sig + 32) || !ncr_ge25519_decode_vartime(&a, pub)) {
        return false;
    }
    /* R = S B - k A */
    ed25519_challenge(challenge, sig, pub, m, n);
    ncr_ge25519_negate(&a, &a);
    ncr_ge25519_mul2_vartime(&r, challenge, &a, sig + 32);
    ncr_ge25519_encode(encoded, &r);
    return memcmp(encoded, sig, 32) == 0;
}

bool nacre_ed25519_trustworthy_vartime(const uint8_t pub[NACRE_ED25519_PUB_LEN])
{
    struct ncr_ge25519 a;
    return ncr_ge25519_decode_vartime(&a, pub) && !ncr_ge25519_small_order_vartime(&a);
}
