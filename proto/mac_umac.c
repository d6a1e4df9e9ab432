/* SPDX-License-Identifier: ISC
 *
 * The MAC rows of UMAC: draft-miller-secsh-umac-01 and OpenSSH's PROTOCOL, section 1.1, in the
 * packet modes of pkt_mac.c.
 *
 * The nonce is the sequence number, as 8 bytes; unlike with HMAC it is not hashed. It does not
 * repeat under a key: pkt.c stops the direction before 2^32 packets.
 */
#include "proto/pkt.h"

#include "crypto/load.h"

#define MAC_UMAC64_LEN 8
#define MAC_UMAC128_LEN 16
#define MAC_UMAC_ROUNDS 10 /* AES-128 */

static void mac_umac_load(struct ncr_dir *d, const uint8_t *key)
{
    nacre_umac_init(&d->mac.umac, d->macrow->tag_len, key);
}

static void mac_umac_compute(uint8_t *tag, struct ncr_dir *d, uint32_t seq, struct nacre_bytes a,
                             struct nacre_bytes b)
{
    uint8_t nonce[NACRE_UMAC_NONCE_LEN];

    ncr_store64be(nonce, seq);
    nacre_umac_update(&d->mac.umac, a.p, a.n);
    nacre_umac_update(&d->mac.umac, b.p, b.n);
    nacre_umac_final(tag, &d->mac.umac, nonce);
}

/* No message is in progress between packets. */
static bool mac_umac_sound(const struct ncr_dir *d)
{
    return d->mac.umac.streams == d->macrow->tag_len / 4 && d->mac.umac.len == 0 &&
           d->mac.umac.pad.aes.rounds == MAC_UMAC_ROUNDS;
}

const struct ncr_mac ncr_mac_umac_64 = {
    .name = "umac-64@openssh.com",
    .key_len = NACRE_UMAC_KEY_LEN,
    .tag_len = MAC_UMAC64_LEN,
    .mode = &ncr_pkt_mode_mac,
    .load = mac_umac_load,
    .compute = mac_umac_compute,
    .sound = mac_umac_sound,
};

const struct ncr_mac ncr_mac_umac_128 = {
    .name = "umac-128@openssh.com",
    .key_len = NACRE_UMAC_KEY_LEN,
    .tag_len = MAC_UMAC128_LEN,
    .mode = &ncr_pkt_mode_mac,
    .load = mac_umac_load,
    .compute = mac_umac_compute,
    .sound = mac_umac_sound,
};

const struct ncr_mac ncr_mac_umac_64_etm = {
    .name = "umac-64-etm@openssh.com",
    .key_len = NACRE_UMAC_KEY_LEN,
    .tag_len = MAC_UMAC64_LEN,
    .mode = &ncr_pkt_mode_etm,
    .load = mac_umac_load,
    .compute = mac_umac_compute,
    .sound = mac_umac_sound,
};

const struct ncr_mac ncr_mac_umac_128_etm = {
    .name = "umac-128-etm@openssh.com",
    .key_len = NACRE_UMAC_KEY_LEN,
    .tag_len = MAC_UMAC128_LEN,
    .mode = &ncr_pkt_mode_etm,
    .load = mac_umac_load,
    .compute = mac_umac_compute,
    .sound = mac_umac_sound,
};
