/* SPDX-License-Identifier: ISC
 *
 * chacha20-poly1305@openssh.com: OpenSSH's PROTOCOL.chacha20poly1305.
 *
 * The 64 key bytes are two ChaCha20 keys: the first for the body and, at block 0, for the one-time
 * Poly1305 key; the second for the length field alone. Nonce: the sequence number, 64-bit
 * big-endian; the body starts at block 1. The tag covers the encrypted length and the encrypted
 * body, which lie side by side, and is checked before the body is decrypted. The length is
 * decrypted apart, before anything is authenticated, and is therefore only a hint of how much to
 * read: the tag covers it too. The field itself stays encrypted in the buffer.
 */
#include "proto/pkt.h"

#include "crypto/ct.h"
#include "crypto/load.h"

#include <string.h>

#define CHAPOLY_LEN_FIELD 4

static const uint8_t *chapoly_main_key(const struct ncr_dir *d)
{
    return d->key.chapoly;
}

static const uint8_t *chapoly_header_key(const struct ncr_dir *d)
{
    return d->key.chapoly + NACRE_CHACHA20_KEY_LEN;
}

static void chapoly_nonce(uint8_t nonce[NACRE_CHACHA20_NONCE_LEN], const struct ncr_dir *d)
{
    ncr_store64be(nonce, d->seq);
}

/* The tag over the encrypted packet at p. */
static void chapoly_tag(uint8_t tag[NACRE_POLY1305_LEN], const struct ncr_dir *d,
                        const uint8_t nonce[NACRE_CHACHA20_NONCE_LEN], const uint8_t *p,
                        uint32_t len)
{
    uint8_t key[NACRE_POLY1305_KEY_LEN] = {0};
    struct nacre_poly1305 poly;

    nacre_chacha20_xor(key, key, sizeof key, chapoly_main_key(d), nonce, 0);
    nacre_poly1305_init(&poly, key);
    nacre_poly1305_update(&poly, p, (size_t)CHAPOLY_LEN_FIELD + len);
    nacre_poly1305_final(tag, &poly);
    nacre_wipe(key, sizeof key);
}

static uint32_t chapoly_length(struct ncr_dir *d, uint8_t *p)
{
    uint8_t nonce[NACRE_CHACHA20_NONCE_LEN], field[CHAPOLY_LEN_FIELD];

    chapoly_nonce(nonce, d);
    nacre_chacha20_xor(field, p, sizeof field, chapoly_header_key(d), nonce, 0);
    NCR_CT_PUBLIC(field, sizeof field); /* how much is read shows it anyway */
    return ncr_load32be(field);
}

static bool chapoly_open(struct ncr_dir *d, uint8_t *p, uint32_t len)
{
    uint8_t nonce[NACRE_CHACHA20_NONCE_LEN], tag[NACRE_POLY1305_LEN];
    uint8_t *body = p + CHAPOLY_LEN_FIELD;
    bool ok;

    chapoly_nonce(nonce, d);
    chapoly_tag(tag, d, nonce, p, len);
    ok = nacre_ct_eq(tag, body + len, sizeof tag);
    nacre_wipe(tag, sizeof tag); /* of a forgery, it would be the right one */
    if (ok)
        nacre_chacha20_xor(body, body, len, chapoly_main_key(d), nonce, 1);
    return ok;
}

static void chapoly_seal(struct ncr_dir *d, uint8_t *p, uint32_t len)
{
    uint8_t nonce[NACRE_CHACHA20_NONCE_LEN];
    uint8_t *body = p + CHAPOLY_LEN_FIELD;

    chapoly_nonce(nonce, d);
    nacre_chacha20_xor(p, p, CHAPOLY_LEN_FIELD, chapoly_header_key(d), nonce, 0);
    nacre_chacha20_xor(body, body, len, chapoly_main_key(d), nonce, 1);
    chapoly_tag(body + len, d, nonce, p, len);
}

static void chapoly_load(struct ncr_dir *d, const uint8_t *key, const uint8_t *iv)
{
    (void)iv; /* the nonce is the sequence number */
    memcpy(d->key.chapoly, key, sizeof d->key.chapoly);
}

const struct ncr_pkt_mode ncr_pkt_mode_chapoly = {
    .name = "chacha20-poly1305",
    .need = CHAPOLY_LEN_FIELD,
    .len_apart = true,
    .length = chapoly_length,
    .open = chapoly_open,
    .seal = chapoly_seal,
};

const struct ncr_cipher ncr_cipher_chapoly = {
    .name = "chacha20-poly1305@openssh.com",
    .key_len = 2 * NACRE_CHACHA20_KEY_LEN,
    .iv_len = 0,
    .block = 8,
    .tag_len = NACRE_POLY1305_LEN,
    .aead = &ncr_pkt_mode_chapoly,
    .load = chapoly_load,
    .needs_strict = true,
};
