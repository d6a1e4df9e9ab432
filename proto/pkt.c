/* SPDX-License-Identifier: ISC
 *
 * Binary packet protocol, RFC 4253 section 6: the framing that all packet modes share.
 *
 * Order of the checks on what arrives: counters, then packet_length (smallest, largest, multiple of
 * the block), then the tag, then padding_length; nothing is used before its check has passed. What
 * depends on the protection (where the length is, what the tag covers) is in the mode's row. All
 * counters of a direction move here and nowhere else; keys are loaded here and nowhere else.
 *
 * CBC with encrypt-and-MAC is apart (CVE-2008-5161, Albrecht, Paterson, Watson, "Plaintext recovery
 * attacks against SSH", 2009): a block of somebody else's traffic, put where a length is due, would
 * be decrypted, and how many bytes are then read, when the answer comes and what it says would tell
 * of the plaintext. So a length that does not fit is taken for the shortest packet; a packet whose
 * tag is wrong is not refused before as many bytes have come as the longest packet has; by then
 * as many have been decrypted and hashed, whatever the length was; and the error is the tag's.
 *
 * Not here: compression, the content of payloads, the soft limits that start a rekey.
 */
#include "proto/pkt.h"

#include "crypto/ct.h"
#include "crypto/load.h"
#include "proto/limits.h"

#include <string.h>

#define PKT_LEN_FIELD 4
/* Packets are a multiple of this even under a stream cipher (RFC 4253 6). */
#define PKT_UNIT_MIN 8
/* padding_length itself, one byte of payload, the smallest padding. */
#define PKT_BODY_MIN (1 + 1 + NCR_PADDING_MIN)

const struct ncr_pkt_mode *ncr_pkt_mode(const struct ncr_dir *d)
{
    if (d->cipher == NULL)
        return &ncr_pkt_mode_clear;
    return d->cipher->aead != NULL ? d->cipher->aead : d->macrow->mode;
}

size_t ncr_pkt_tag_len(const struct ncr_dir *d)
{
    if (d->cipher == NULL)
        return 0;
    return d->cipher->aead != NULL ? d->cipher->tag_len : d->macrow->tag_len;
}

static size_t pkt_unit(const struct ncr_dir *d)
{
    if (d->cipher == NULL || d->cipher->block < PKT_UNIT_MIN)
        return PKT_UNIT_MIN;
    return d->cipher->block;
}

/* Bytes before padding_length that count towards the multiple of the block. */
static size_t pkt_counted_head(const struct ncr_pkt_mode *mode)
{
    return mode->len_apart ? 0 : PKT_LEN_FIELD;
}

/* True if one more packet would repeat a sequence number under one key, or before the first keys
 * bring it back to zero (so that strict key exchange cannot be led round it). */
static bool pkt_exhausted(const struct ncr_dir *d)
{
    return d->cipher == NULL ? d->seq == UINT32_MAX : d->packets >= NCR_SEQUENCE_STOP;
}

static void pkt_count(struct ncr_dir *d, size_t total)
{
    d->seq++;
    d->packets++;
    d->bytes += total;
}

/* ---- Receiving ---- */

/* What wrong lengths and tags do must not depend on the length. */
static bool pkt_hides_length(const struct ncr_dir *d, const struct ncr_pkt_mode *mode)
{
    return d->cipher != NULL && d->cipher->cbc && !mode->len_apart;
}

/* packet_length as the peer claims it. The smallest body (6) and the multiple of 8 or more leave
 * 12 as the smallest value where the length counts, one block where it does not. */
static bool pkt_len_fits(const struct ncr_dir *d, const struct ncr_pkt_mode *mode, uint32_t len,
                         uint32_t max)
{
    size_t unit = pkt_unit(d);

    if (len > max || len < PKT_BODY_MIN)
        return false;
    return (len % unit + pkt_counted_head(mode)) % unit == 0;
}

/* The longest and, where the length counts towards the unit, the shortest that fit. */
static uint32_t pkt_len_most(const struct ncr_dir *d, const struct ncr_pkt_mode *mode, uint32_t max)
{
    return max - (uint32_t)((max + pkt_counted_head(mode)) % pkt_unit(d));
}

#define PKT_LEN_LEAST 12

/* A length that is kept with its lowest bit set, which none that fits has, is that of a packet with
 * a wrong tag: the rest of the longest packet is waited for. */
#define PKT_REFUSED 1U

/* Fills d->len in once the mode can tell it; it stays 0 while more bytes are needed. */
static nacre_err pkt_read_len(struct ncr_dir *d, const struct ncr_pkt_mode *mode, uint8_t *p,
                              size_t n, uint32_t max)
{
    uint32_t len;

    if (d->len != 0 || n < mode->need)
        return NACRE_OK;
    if (pkt_exhausted(d))
        return NACRE_ERR_SEQUENCE;
    len = mode->length(d, p);
    if (!pkt_len_fits(d, mode, len, max) && pkt_hides_length(d, mode)) {
        len = PKT_LEN_LEAST;
    } else if (!pkt_len_fits(d, mode, len, max)) {
        nacre_wipe(p, mode->need); /* may have been decrypted in place */
        return NACRE_ERR_PACKET_LEN;
    }
    d->len = len;
    return NACRE_OK;
}

/* The payload between padding_length and padding, of a verified packet; len >= PKT_BODY_MIN. */
static nacre_err pkt_strip(uint8_t *p, uint32_t len, struct nacre_bytes *payload)
{
    uint8_t pad = p[PKT_LEN_FIELD];

    if (pad < NCR_PADDING_MIN || pad > len - 2) {
        nacre_wipe(p + PKT_LEN_FIELD, len);
        return NACRE_ERR_PADDING;
    }
    payload->p = p + NCR_PKT_HEAD;
    payload->n = len - 1 - pad;
    return NACRE_OK;
}

/* After a wrong tag where the length is hidden: waits for the bytes of the longest packet, then
 * does the rest of the work that it takes. Decrypting and hashing begun for d->len bytes end here.
 */
static nacre_err pkt_refuse(struct ncr_dir *d, const struct ncr_pkt_mode *mode, uint8_t *p,
                            size_t n, uint32_t max)
{
    uint32_t done = d->len & ~PKT_REFUSED, most = pkt_len_most(d, mode, max);
    struct nacre_bytes head = {p, PKT_LEN_FIELD}, rest = {p + PKT_LEN_FIELD + done, most - done};
    uint8_t tag[NACRE_HASH_MAX_LEN];

    if (n < PKT_LEN_FIELD + most + ncr_pkt_tag_len(d))
        return NACRE_OK;
    d->cipher->decrypt(d, p + PKT_LEN_FIELD + done, most - done);
    d->macrow->compute(tag, d, d->seq, head, rest);
    nacre_wipe(p, PKT_LEN_FIELD + most);
    nacre_wipe(tag, sizeof tag);
    return NACRE_ERR_MAC;
}

nacre_err ncr_pkt_open(struct ncr_dir *d, uint8_t *p, size_t n, uint32_t max, size_t *used,
                       struct nacre_bytes *payload)
{
    const struct ncr_pkt_mode *mode = ncr_pkt_mode(d);
    size_t around = PKT_LEN_FIELD + ncr_pkt_tag_len(d);
    uint32_t len;
    nacre_err err;

    *used = 0;
    payload->p = NULL;
    payload->n = 0;
    err = pkt_read_len(d, mode, p, n, max);
    if (err != NACRE_OK)
        return err;
    if ((d->len & PKT_REFUSED) != 0)
        return pkt_refuse(d, mode, p, n, max);
    if (d->len == 0 || n < around || n - around < d->len)
        return NACRE_OK;
    len = d->len;
    if (!mode->open(d, p, len)) {
        if (!pkt_hides_length(d, mode))
            return NACRE_ERR_MAC;
        d->len |= PKT_REFUSED;
        return pkt_refuse(d, mode, p, n, max);
    }
    NCR_CT_PUBLIC(p + PKT_LEN_FIELD, len); /* verified: from here on the peer's message */
    err = pkt_strip(p, len, payload);
    if (err != NACRE_OK)
        return err;
    d->len = 0;
    *used = around + len;
    pkt_count(d, *used);
    return NACRE_OK;
}

/* ---- Sending ---- */

/* The smallest padding, 4 to unit + 3 bytes, of a packet with n payload bytes. */
static size_t pkt_padding(const struct ncr_dir *d, const struct ncr_pkt_mode *mode, size_t n)
{
    size_t unit = pkt_unit(d);
    size_t pad = unit - (pkt_counted_head(mode) + 1 + n) % unit;

    return pad < NCR_PADDING_MIN ? pad + unit : pad;
}

size_t ncr_pkt_sealed_len(const struct ncr_dir *d, size_t n)
{
    return NCR_PKT_HEAD + n + pkt_padding(d, ncr_pkt_mode(d), n) + ncr_pkt_tag_len(d);
}

nacre_err ncr_pkt_seal(struct ncr_dir *d, uint8_t *p, size_t n, const uint8_t *pad, size_t *total)
{
    const struct ncr_pkt_mode *mode = ncr_pkt_mode(d);
    size_t pad_len = pkt_padding(d, mode, n);
    uint32_t len;

    *total = 0;
    if (n == 0 || n > NCR_PACKET_MAX_BULK)
        return NACRE_ERR_USAGE;
    if (pkt_exhausted(d))
        return NACRE_ERR_SEQUENCE;
    len = (uint32_t)(1 + n + pad_len);
    ncr_store32be(p, len);
    p[PKT_LEN_FIELD] = (uint8_t)pad_len;
    memcpy(p + NCR_PKT_HEAD + n, pad, pad_len);
    mode->seal(d, p, len);
    *total = PKT_LEN_FIELD + len + ncr_pkt_tag_len(d);
    NCR_CT_PUBLIC(p, *total); /* goes out */
    pkt_count(d, *total);
    return NACRE_OK;
}

/* ---- Keys ---- */

void ncr_pkt_install(struct ncr_dir *d, struct ncr_keyset *keys, bool strict)
{
    nacre_wipe(&d->key, sizeof d->key);
    nacre_wipe(&d->mac, sizeof d->mac);
    d->cipher = keys->cipher;
    d->macrow = keys->cipher->aead != NULL ? NULL : keys->macrow;
    d->comp = keys->comp;
    d->cipher->load(d, keys->key, keys->iv);
    if (d->macrow != NULL)
        d->macrow->load(d, keys->mac);
    d->packets = 0;
    d->bytes = 0;
    d->len = 0;
    if (strict)
        d->seq = 0;
    nacre_wipe(keys, sizeof *keys);
}

bool ncr_pkt_sound(const struct ncr_dir *d, uint32_t max)
{
    const struct ncr_pkt_mode *mode = ncr_pkt_mode(d);
    uint32_t len = d->len & ~(pkt_hides_length(d, mode) ? PKT_REFUSED : 0);

    if (d->len != 0 && !pkt_len_fits(d, mode, len, max))
        return false;
    return d->cipher == NULL || d->cipher->sound == NULL || d->cipher->sound(d);
}
