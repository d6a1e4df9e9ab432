/* SPDX-License-Identifier: ISC
 *
 * Packet modes made of a cipher and a MAC, with the rows of AES-CTR (RFC 4344 section 4) and
 * HMAC-SHA-2 (RFC 6668).
 *
 * Encrypt-and-MAC (RFC 4253 section 6.4): the tag covers sequence number and plaintext packet; the
 * length is encrypted, so the first block is decrypted in place to learn it, the rest once the
 * packet is whole; plaintext whose tag is wrong is wiped. (What that would tell under a CBC cipher
 * is kept from telling by pkt.c.) Encrypt-then-MAC (OpenSSH's PROTOCOL,
 * section 1.5): the length is in clear, the tag covers sequence number, length and ciphertext, and
 * is checked before anything is decrypted.
 *
 * The modes know no algorithm: they call the rows of the direction.
 */
#include "proto/pkt.h"

#include "crypto/ct.h"
#include "crypto/load.h"
#include "proto/limits.h"

#define MAC_LEN_FIELD 4
/* What is decrypted to learn the length: a multiple of every cipher's block (8, 16), and no more
 * than the smallest packet that pkt.c lets pass (12 bytes and the length field). */
#define MAC_FIRST 16
#define MAC_TAG_MAX NACRE_HASH_MAX_LEN

/* The tag over sequence number, length field and body at p. */
static void mac_tag(uint8_t *tag, struct ncr_dir *d, const uint8_t *p, uint32_t len)
{
    struct nacre_bytes head = {p, MAC_LEN_FIELD};
    struct nacre_bytes body = {p + MAC_LEN_FIELD, len};

    d->macrow->compute(tag, d, d->seq, head, body);
}

static bool mac_tag_is_right(struct ncr_dir *d, const uint8_t *p, uint32_t len)
{
    uint8_t tag[MAC_TAG_MAX];
    bool ok;

    mac_tag(tag, d, p, len);
    ok = nacre_ct_eq(tag, p + MAC_LEN_FIELD + len, d->macrow->tag_len);
    nacre_wipe(tag, sizeof tag); /* of a forgery, it would be the right one */
    return ok;
}

/* ---- Encrypt-and-MAC ---- */

static uint32_t mac_and_length(struct ncr_dir *d, uint8_t *p)
{
    d->cipher->decrypt(d, p, MAC_FIRST);
    NCR_CT_PUBLIC(p, MAC_LEN_FIELD); /* how much is read shows it; under CBC see pkt.c */
    return ncr_load32be(p);
}

/* The first MAC_FIRST bytes are plaintext already. */
static bool mac_and_open(struct ncr_dir *d, uint8_t *p, uint32_t len)
{
    size_t whole = (size_t)MAC_LEN_FIELD + len;

    d->cipher->decrypt(d, p + MAC_FIRST, whole - MAC_FIRST);
    if (mac_tag_is_right(d, p, len) && ncr_load32be(p) == len)
        return true;
    nacre_wipe(p, whole);
    return false;
}

static void mac_and_seal(struct ncr_dir *d, uint8_t *p, uint32_t len)
{
    mac_tag(p + MAC_LEN_FIELD + len, d, p, len);
    d->cipher->encrypt(d, p, (size_t)MAC_LEN_FIELD + len);
}

const struct ncr_pkt_mode ncr_pkt_mode_mac = {
    .name = "encrypt-and-mac",
    .need = MAC_FIRST,
    .len_apart = false,
    .length = mac_and_length,
    .open = mac_and_open,
    .seal = mac_and_seal,
};

/* ---- Encrypt-then-MAC ---- */

static uint32_t mac_etm_length(struct ncr_dir *d, uint8_t *p)
{
    (void)d; /* in clear */
    return ncr_load32be(p);
}

static bool mac_etm_open(struct ncr_dir *d, uint8_t *p, uint32_t len)
{
    if (!mac_tag_is_right(d, p, len))
        return false;
    d->cipher->decrypt(d, p + MAC_LEN_FIELD, len);
    return true;
}

static void mac_etm_seal(struct ncr_dir *d, uint8_t *p, uint32_t len)
{
    d->cipher->encrypt(d, p + MAC_LEN_FIELD, len);
    mac_tag(p + MAC_LEN_FIELD + len, d, p, len);
}

const struct ncr_pkt_mode ncr_pkt_mode_etm = {
    .name = "encrypt-then-mac",
    .need = MAC_LEN_FIELD,
    .len_apart = true,
    .length = mac_etm_length,
    .open = mac_etm_open,
    .seal = mac_etm_seal,
};

/* ---- HMAC rows ---- */

/* RFC 6668 section 2: the key is as long as the hash. */
static void mac_sha256_load(struct ncr_dir *d, const uint8_t *key)
{
    nacre_hmac_init(&d->mac.hmac, &nacre_hash_sha256, key, NACRE_SHA256_LEN);
}

static void mac_sha512_load(struct ncr_dir *d, const uint8_t *key)
{
    nacre_hmac_init(&d->mac.hmac, &nacre_hash_sha512, key, NACRE_SHA512_LEN);
}

static bool mac_sha256_sound(const struct ncr_dir *d)
{
    return d->mac.hmac.hash == &nacre_hash_sha256;
}

static bool mac_sha512_sound(const struct ncr_dir *d)
{
    return d->mac.hmac.hash == &nacre_hash_sha512;
}

void ncr_mac_hmac(uint8_t *tag, struct ncr_dir *d, uint32_t seq, struct nacre_bytes a,
                  struct nacre_bytes b)
{
    uint8_t head[4];

    ncr_store32be(head, seq);
    nacre_hmac_update(&d->mac.hmac, head, sizeof head);
    nacre_hmac_update(&d->mac.hmac, a.p, a.n);
    nacre_hmac_update(&d->mac.hmac, b.p, b.n);
    nacre_hmac_final(tag, &d->mac.hmac);
}

const struct ncr_mac ncr_mac_sha2_256 = {
    .name = "hmac-sha2-256",
    .key_len = NACRE_SHA256_LEN,
    .tag_len = NACRE_SHA256_LEN,
    .mode = &ncr_pkt_mode_mac,
    .load = mac_sha256_load,
    .compute = ncr_mac_hmac,
    .sound = mac_sha256_sound,
};

const struct ncr_mac ncr_mac_sha2_512 = {
    .name = "hmac-sha2-512",
    .key_len = NACRE_SHA512_LEN,
    .tag_len = NACRE_SHA512_LEN,
    .mode = &ncr_pkt_mode_mac,
    .load = mac_sha512_load,
    .compute = ncr_mac_hmac,
    .sound = mac_sha512_sound,
};

const struct ncr_mac ncr_mac_sha2_256_etm = {
    .name = "hmac-sha2-256-etm@openssh.com",
    .key_len = NACRE_SHA256_LEN,
    .tag_len = NACRE_SHA256_LEN,
    .mode = &ncr_pkt_mode_etm,
    .load = mac_sha256_load,
    .compute = ncr_mac_hmac,
    .sound = mac_sha256_sound,
};

const struct ncr_mac ncr_mac_sha2_512_etm = {
    .name = "hmac-sha2-512-etm@openssh.com",
    .key_len = NACRE_SHA512_LEN,
    .tag_len = NACRE_SHA512_LEN,
    .mode = &ncr_pkt_mode_etm,
    .load = mac_sha512_load,
    .compute = ncr_mac_hmac,
    .sound = mac_sha512_sound,
};

/* ---- AES-CTR rows ---- */

static void mac_ctr_load(struct ncr_dir *d, const uint8_t *key, const uint8_t *iv)
{
    /* Cannot fail: the rows below have the three key lengths of AES. */
    bool ok = nacre_aes_ctr_init(&d->key.ctr, key, d->cipher->key_len, iv);

    (void)ok;
}

static void mac_ctr_xor(struct ncr_dir *d, uint8_t *p, size_t n)
{
    nacre_aes_ctr_xor(p, &d->key.ctr, p, n);
}

/* FIPS 197 5: the key length in words, and 6. */
static bool mac_ctr_sound(const struct ncr_dir *d)
{
    return d->key.ctr.aes.rounds == d->cipher->key_len / 4 + 6;
}

#define MAC_CTR_ROW(bits)                                                                          \
    {                                                                                              \
        .name = "aes" #bits "-ctr", .key_len = (bits) / 8, .iv_len = NACRE_AES_BLOCK,              \
        .block = NACRE_AES_BLOCK, .load = mac_ctr_load, .encrypt = mac_ctr_xor,                    \
        .decrypt = mac_ctr_xor, .sound = mac_ctr_sound                                             \
    }

const struct ncr_cipher ncr_cipher_aes128_ctr = MAC_CTR_ROW(128);
const struct ncr_cipher ncr_cipher_aes192_ctr = MAC_CTR_ROW(192);
const struct ncr_cipher ncr_cipher_aes256_ctr = MAC_CTR_ROW(256);
