/* SPDX-License-Identifier: ISC
 *
 * MAC rows for peers that know nothing newer: HMAC with SHA-1 and MD5 (RFC 4253 section 6.4) and
 * OpenSSH's encrypt-then-MAC form of the first (PROTOCOL, section 1.5). HMAC does not need its hash
 * to resist collisions and no forgery is known, but there is no reason to begin with them either:
 * they are offered to old devices only, and hmac-sha1-96 has a tag of 96 bits besides.
 */
#include "proto/pkt.h"

#include <string.h>

#define MAC_SHA1_96_LEN 12

static void mac_legacy_load_sha1(struct ncr_dir *d, const uint8_t *key)
{
    nacre_hmac_init(&d->mac.hmac, &nacre_hash_sha1, key, NACRE_SHA1_LEN);
}

static void mac_legacy_load_md5(struct ncr_dir *d, const uint8_t *key)
{
    nacre_hmac_init(&d->mac.hmac, &nacre_hash_md5, key, NACRE_MD5_LEN);
}

static bool mac_legacy_sound_sha1(const struct ncr_dir *d)
{
    return d->mac.hmac.hash == &nacre_hash_sha1;
}

static bool mac_legacy_sound_md5(const struct ncr_dir *d)
{
    return d->mac.hmac.hash == &nacre_hash_md5;
}

/* The first 96 bits, RFC 4253 section 6.4. */
static void mac_legacy_compute_96(uint8_t *tag, struct ncr_dir *d, uint32_t seq,
                                  struct nacre_bytes a, struct nacre_bytes b)
{
    uint8_t whole[NACRE_SHA1_LEN];

    ncr_mac_hmac(whole, d, seq, a, b);
    memcpy(tag, whole, MAC_SHA1_96_LEN);
    nacre_wipe(whole, sizeof whole);
}

const struct ncr_mac ncr_mac_sha1 = {
    .name = "hmac-sha1",
    .grade = NCR_GRADE_LEGACY,
    .key_len = NACRE_SHA1_LEN,
    .tag_len = NACRE_SHA1_LEN,
    .mode = &ncr_pkt_mode_mac,
    .load = mac_legacy_load_sha1,
    .compute = ncr_mac_hmac,
    .sound = mac_legacy_sound_sha1,
};

const struct ncr_mac ncr_mac_sha1_96 = {
    .name = "hmac-sha1-96",
    .grade = NCR_GRADE_LEGACY,
    .key_len = NACRE_SHA1_LEN,
    .tag_len = MAC_SHA1_96_LEN,
    .mode = &ncr_pkt_mode_mac,
    .load = mac_legacy_load_sha1,
    .compute = mac_legacy_compute_96,
    .sound = mac_legacy_sound_sha1,
};

const struct ncr_mac ncr_mac_md5 = {
    .name = "hmac-md5",
    .grade = NCR_GRADE_LEGACY,
    .key_len = NACRE_MD5_LEN,
    .tag_len = NACRE_MD5_LEN,
    .mode = &ncr_pkt_mode_mac,
    .load = mac_legacy_load_md5,
    .compute = ncr_mac_hmac,
    .sound = mac_legacy_sound_md5,
};

const struct ncr_mac ncr_mac_sha1_etm = {
    .name = "hmac-sha1-etm@openssh.com",
    .grade = NCR_GRADE_LEGACY,
    .key_len = NACRE_SHA1_LEN,
    .tag_len = NACRE_SHA1_LEN,
    .mode = &ncr_pkt_mode_etm,
    .load = mac_legacy_load_sha1,
    .compute = ncr_mac_hmac,
    .sound = mac_legacy_sound_sha1,
};
