/* SPDX-License-Identifier: ISC
 *
 * diffie-hellman-group14-sha256, -group16-sha512, -group18-sha512: RFC 8268 with the groups of RFC
 * 3526, the exchange of RFC 4253 section 8.
 *
 * Public values and K have the width of p here; on the wire and in hashes they are mpints. A peer's
 * value outside of 2..p-2 is refused. The server's exponent lives on the stack of one call and is
 * wiped there.
 */
#include "proto/kex_dh.h"

#include "crypto/ct.h"

nacre_err ncr_kex_dh_start(uint8_t *pub, uint8_t *x, const struct nacre_dh_group *group,
                           const struct nacre_rng *rng, uint64_t *work)
{
    const struct nacre_num num = {x, NCR_KEX_DH_X_LEN};

    if (!nacre_rng_fill(rng, x, NCR_KEX_DH_X_LEN)) {
        nacre_wipe(pub, group->p.n);
        return NACRE_ERR_RNG;
    }
    NCR_CT_SECRET(x, NCR_KEX_DH_X_LEN);
    x[0] |= 0x80; /* full length, so that no exchange is weaker than another */
    if (!nacre_dh_public(pub, group, num, work)) {
        nacre_wipe(x, NCR_KEX_DH_X_LEN);
        return NACRE_ERR_KEX;
    }
    NCR_CT_PUBLIC(pub, group->p.n); /* goes to the peer */
    return NACRE_OK;
}

nacre_err ncr_kex_dh_finish(uint8_t *k, const struct nacre_dh_group *group,
                            struct nacre_bytes reply, const uint8_t *x, uint64_t *work)
{
    const struct nacre_num num = {x, NCR_KEX_DH_X_LEN};
    const struct nacre_num peer = {reply.p, reply.n};

    return nacre_dh_shared(k, group, num, peer, work) ? NACRE_OK : NACRE_ERR_KEX;
}

nacre_err ncr_kex_dh_respond(uint8_t *reply, uint8_t *k, const struct nacre_dh_group *group,
                             struct nacre_bytes init, const struct nacre_rng *rng, uint64_t *work)
{
    uint8_t y[NCR_KEX_DH_X_LEN];
    nacre_err err = ncr_kex_dh_start(reply, y, group, rng, work);

    if (err == NACRE_OK)
        err = ncr_kex_dh_finish(k, group, init, y, work);
    else
        nacre_wipe(k, group->p.n);
    if (err != NACRE_OK)
        nacre_wipe(reply, group->p.n);
    nacre_wipe(y, sizeof y);
    return err;
}

NCR_KEX_DH_FUNCTIONS(kexdh_group14, nacre_dh_group14)
NCR_KEX_DH_FUNCTIONS(kexdh_group16, nacre_dh_group16)
NCR_KEX_DH_FUNCTIONS(kexdh_group18, nacre_dh_group18)

const struct ncr_kex ncr_kex_dh14_sha256 = NCR_KEX_DH_ROW(
    kexdh_group14, 2048, "diffie-hellman-group14-sha256", NCR_GRADE_MODERN, nacre_hash_sha256);
const struct ncr_kex ncr_kex_dh16_sha512 = NCR_KEX_DH_ROW(
    kexdh_group16, 4096, "diffie-hellman-group16-sha512", NCR_GRADE_MODERN, nacre_hash_sha512);
const struct ncr_kex ncr_kex_dh18_sha512 = NCR_KEX_DH_ROW(
    kexdh_group18, 8192, "diffie-hellman-group18-sha512", NCR_GRADE_MODERN, nacre_hash_sha512);
