/* SPDX-License-Identifier: ISC
 *
 * Binary packet protocol, RFC 4253 section 6: framing, padding, protection. Works in place in the
 * caller's buffer, on one direction at a time.
 */
#ifndef NCR_PKT_H
#define NCR_PKT_H

#include "proto/alg.h"

/* Bytes before the payload: packet_length and padding_length. */
#define NCR_PKT_HEAD 5
/* Random bytes that sealing one packet may take. */
#define NCR_PKT_PAD_MAX 32

/* How packets of a direction are protected. */
struct ncr_pkt_mode {
    const char *name;
    size_t need;    /* bytes needed before length() can tell */
    bool len_apart; /* the length field is not part of what must be a multiple of the block */
    /* packet_length of the packet at p (need bytes are there): may decrypt its first block in
     * place, so it is called once a packet. Nothing is authenticated yet. */
    uint32_t (*length)(struct ncr_dir *d, uint8_t *p);
    /* Verifies, then decrypts: p is length field, packet_length bytes, tag. True: the body at p+4
     * is plaintext. False: the tag is wrong, or the length field is not len, and no plaintext is
     * left. */
    bool (*open)(struct ncr_dir *d, uint8_t *p, uint32_t len);
    /* p is length field, padding length, payload, padding; the tag goes behind. */
    void (*seal)(struct ncr_dir *d, uint8_t *p, uint32_t len);
};

/* Before the first NEWKEYS: no protection. */
extern const struct ncr_pkt_mode ncr_pkt_mode_clear, ncr_pkt_mode_chapoly, ncr_pkt_mode_gcm,
    ncr_pkt_mode_mac, ncr_pkt_mode_etm;

/* The whole tag of the HMAC in d->mac, for the rows of it: see struct ncr_mac. */
void ncr_mac_hmac(uint8_t *tag, struct ncr_dir *d, uint32_t seq, struct nacre_bytes a,
                  struct nacre_bytes b);

/* Mode and tag length that a direction has now. */
const struct ncr_pkt_mode *ncr_pkt_mode(const struct ncr_dir *d);
size_t ncr_pkt_tag_len(const struct ncr_dir *d);

/* Looks for a whole packet in the n bytes at p. *used 0: more is needed. Else the packet took *used
 * bytes, is verified and decrypted in place, and *payload (1 byte at least) is a slice of it;
 * sequence number and counters have moved on. max bounds packet_length. Errors: PACKET_LEN, MAC,
 * PADDING, SEQUENCE. After an error nothing may be read from the direction again. */
NACRE_MUST_CHECK nacre_err ncr_pkt_open(struct ncr_dir *d, uint8_t *p, size_t n, uint32_t max,
                                        size_t *used, struct nacre_bytes *payload);

/* Bytes on the wire of a packet with n payload bytes. */
size_t ncr_pkt_sealed_len(const struct ncr_dir *d, size_t n);
/* Frames and seals the n payload bytes that lie at p + NCR_PKT_HEAD; pad is NCR_PKT_PAD_MAX random
 * bytes. p must have ncr_pkt_sealed_len() bytes; that is what is returned in *total. Errors:
 * SEQUENCE (hard stop before a counter would repeat), USAGE (n is 0 or over NCR_PACKET_MAX_BULK);
 * then nothing was written and *total is 0. */
NACRE_MUST_CHECK nacre_err ncr_pkt_seal(struct ncr_dir *d, uint8_t *p, size_t n, const uint8_t *pad,
                                        size_t *total);

/* Switches the direction to new keys: packet and byte counters start at zero, the sequence number
 * too if strict. The key set is wiped. */
void ncr_pkt_install(struct ncr_dir *d, struct ncr_keyset *keys, bool strict);

/* True if every length and count of the direction that is used as such is in range: for memory that
 * somebody trusted less could write to. The rows must have been checked before. */
bool ncr_pkt_sound(const struct ncr_dir *d, uint32_t max);

#endif
