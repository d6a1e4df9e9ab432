/* SPDX-License-Identifier: ISC
 *
 * ssh-ed25519 keys and signatures: RFC 8709 sections 4, 5 and 6.
 *
 * Blobs are exact: 32 bytes of key, 64 of signature, the name in both, nothing behind. A key that
 * is no point or has small order is refused, both when it is to be trusted and when a signature is
 * checked: under such a key one signature can be good for any message.
 */
#include "proto/wire.h"
#include "proto/alg.h"

#define ED25519_NAME "ssh-ed25519"

/* The n bytes of a blob of the form string name, string of n bytes; NULL if it is not that. */
static const uint8_t *sig25519_take(struct nacre_bytes blob, size_t n)
{
    struct ncr_rd r = ncr_rd(blob);
    struct nacre_bytes name = ncr_rd_string(&r);
    struct nacre_bytes value = ncr_rd_string(&r);

    if (!ncr_rd_end(&r) || !nacre_bytes_is(name, ED25519_NAME) || value.n != n)
        return NULL;
    return value.p;
}

static nacre_err sig25519_check_key(struct nacre_bytes key)
{
    const uint8_t *pub = sig25519_take(key, NACRE_ED25519_PUB_LEN);

    if (pub == NULL)
        return NACRE_ERR_KEY_FORMAT;
    return nacre_ed25519_trustworthy_vartime(pub) ? NACRE_OK : NACRE_ERR_KEY_REFUSED;
}

static nacre_err sig25519_verify(struct nacre_bytes key, struct nacre_bytes data,
                                 struct nacre_bytes sig, uint64_t *work)
{
    const uint8_t *pub = sig25519_take(key, NACRE_ED25519_PUB_LEN);
    const uint8_t *rs = sig25519_take(sig, NACRE_ED25519_SIG_LEN);

    (void)work;
    if (pub == NULL)
        return NACRE_ERR_KEY_FORMAT;
    if (rs == NULL)
        return NACRE_ERR_SIG_FORMAT;
    if (!nacre_ed25519_trustworthy_vartime(pub))
        return NACRE_ERR_KEY_REFUSED;
    return nacre_ed25519_verify_vartime(pub, data.p, data.n, rs) ? NACRE_OK : NACRE_ERR_SIG;
}

const struct ncr_sig ncr_sig_ed25519 = {
    .name = ED25519_NAME,
    .key_type = ED25519_NAME,
    .check_key = sig25519_check_key,
    .verify = sig25519_verify,
};
