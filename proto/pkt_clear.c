/* SPDX-License-Identifier: ISC
 *
 * Packet mode before the first NEWKEYS: cipher and MAC "none" (RFC 4253 section 6). The length is
 * believed only as far as proto/pkt.c bounds it; nothing is verified, for nothing protects it. No
 * algorithm row names this mode, so that it cannot be negotiated.
 */
#include "proto/pkt.h"

#include "crypto/load.h"

static uint32_t pkt_clear_length(struct ncr_dir *d, uint8_t *p)
{
    (void)d; /* no state: the length stands there */
    return ncr_load32be(p);
}

static bool pkt_clear_open(struct ncr_dir *d, uint8_t *p, uint32_t len)
{
    (void)d; /* nothing to verify or decrypt */
    (void)p;
    (void)len;
    return true;
}

static void pkt_clear_seal(struct ncr_dir *d, uint8_t *p, uint32_t len)
{
    (void)d; /* nothing to protect */
    (void)p;
    (void)len;
}

const struct ncr_pkt_mode ncr_pkt_mode_clear = {
    .name = "clear",
    .need = 4,
    .len_apart = false,
    .length = pkt_clear_length,
    .open = pkt_clear_open,
    .seal = pkt_clear_seal,
};
