/* SPDX-License-Identifier: ISC
 *
 * aes128-gcm@openssh.com and aes256-gcm@openssh.com: RFC 5647 section 7 with OpenSSH's negotiation
 * (PROTOCOL, section 1.6): the cipher's name alone decides, whatever MAC was agreed upon.
 *
 * The length field is in clear and is the associated data; the body is encrypted; the tag follows.
 * The nonce is the initial IV, whose last 8 bytes count up with each packet (section 7.1), whatever
 * the sequence number does. So a packet cut off under the first keys leaves the two ends' counters
 * apart and every tag after it wrong: no need of strict key exchange. The packets under one key
 * are bounded far below 2^64, where a nonce would come again (NCR_SEQUENCE_STOP).
 */
#include "proto/pkt.h"

#include "crypto/load.h"

#include <string.h>

#define PKT_GCM_LEN_FIELD 4
#define PKT_GCM_FIXED 4 /* bytes of the nonce before the counter */

static void pkt_gcm_count_up(struct ncr_dir *d)
{
    uint8_t *counter = d->key.gcm.iv + PKT_GCM_FIXED;

    ncr_store64be(counter, ncr_load64be(counter) + 1);
}

static uint32_t pkt_gcm_length(struct ncr_dir *d, uint8_t *p)
{
    (void)d; /* in clear */
    return ncr_load32be(p);
}

static bool pkt_gcm_open(struct ncr_dir *d, uint8_t *p, uint32_t len)
{
    uint8_t *body = p + PKT_GCM_LEN_FIELD;
    bool ok = nacre_gcm_open(body, &d->key.gcm.gcm, d->key.gcm.iv, p, PKT_GCM_LEN_FIELD, body, len,
                             body + len);

    pkt_gcm_count_up(d);
    return ok;
}

static void pkt_gcm_seal(struct ncr_dir *d, uint8_t *p, uint32_t len)
{
    uint8_t *body = p + PKT_GCM_LEN_FIELD;

    nacre_gcm_seal(body, body + len, &d->key.gcm.gcm, d->key.gcm.iv, p, PKT_GCM_LEN_FIELD, body,
                   len);
    pkt_gcm_count_up(d);
}

static void pkt_gcm_load(struct ncr_dir *d, const uint8_t *key, const uint8_t *iv)
{
    /* Cannot fail: the rows below have key lengths of AES. */
    bool ok = nacre_gcm_init(&d->key.gcm.gcm, key, d->cipher->key_len);

    (void)ok;
    memcpy(d->key.gcm.iv, iv, sizeof d->key.gcm.iv);
}

/* FIPS 197 5: the key length in words, and 6. */
static bool pkt_gcm_sound(const struct ncr_dir *d)
{
    return d->key.gcm.gcm.aes.rounds == d->cipher->key_len / 4 + 6;
}

const struct ncr_pkt_mode ncr_pkt_mode_gcm = {
    .name = "aes-gcm",
    .need = PKT_GCM_LEN_FIELD,
    .len_apart = true,
    .length = pkt_gcm_length,
    .open = pkt_gcm_open,
    .seal = pkt_gcm_seal,
};

#define PKT_GCM_ROW(bits)                                                                          \
    {                                                                                              \
        .name = "aes" #bits "-gcm@openssh.com", .key_len = (bits) / 8, .iv_len = NACRE_GCM_IV_LEN, \
        .block = NACRE_AES_BLOCK, .tag_len = NACRE_GCM_TAG_LEN, .aead = &ncr_pkt_mode_gcm,         \
        .load = pkt_gcm_load, .sound = pkt_gcm_sound                                               \
    }

const struct ncr_cipher ncr_cipher_aes128_gcm = PKT_GCM_ROW(128);
const struct ncr_cipher ncr_cipher_aes256_gcm = PKT_GCM_ROW(256);
