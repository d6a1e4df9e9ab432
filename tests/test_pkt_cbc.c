/* SPDX-License-Identifier: ISC
 *
 * CBC ciphers with encrypt-and-MAC and with encrypt-then-MAC: packets of AsyncSSH, arrival in
 * pieces, and case s17, plaintext recovery (CVE-2008-5161; Albrecht, Paterson, Watson 2009;
 * Vaudenay's padding oracle): what a block that is decrypted as a length makes of it shows in
 * nothing: not in the bytes that are read, not in the work, not in the error.
 */
#include "crypto/ct.h"
#include "crypto/load.h"
#include "proto/limits.h"
#include "proto/pkt.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#ifndef NACRE_NO_LEGACY

struct cbc_case {
    const char *name;
    const struct ncr_cipher *cipher;
    const struct ncr_mac *mac;
};

static const struct cbc_case cases[] = {
    {"aes128 sha1", &ncr_cipher_aes128_cbc, &ncr_mac_sha1},
    {"aes192 sha2-256", &ncr_cipher_aes192_cbc, &ncr_mac_sha2_256},
    {"aes256 sha2-512", &ncr_cipher_aes256_cbc, &ncr_mac_sha2_512},
    {"3des sha1", &ncr_cipher_3des_cbc, &ncr_mac_sha1},
    {"3des md5", &ncr_cipher_3des_cbc, &ncr_mac_md5},
    {"aes128 umac-64", &ncr_cipher_aes128_cbc, &ncr_mac_umac_64},
    {"aes256 sha1-96", &ncr_cipher_aes256_cbc, &ncr_mac_sha1_96},
};
#define CASES (sizeof cases / sizeof cases[0])

/* The longest packet in these tests, and what it has around it. */
#define LIMIT 4000U
#define AROUND(c) (4 + (c)->mac->tag_len)

/* packet_length of the longest packet of the case. */
static size_t most(const struct cbc_case *c)
{
    return LIMIT - (LIMIT + 4) % c->cipher->block;
}

static void dir_start(struct ncr_dir *d, const struct ncr_cipher *cipher, const struct ncr_mac *mac)
{
    struct ncr_keyset keys = {.cipher = cipher, .macrow = mac, .comp = &ncr_comp_none};
    memset(d, 0, sizeof *d);
    for (size_t i = 0; i < NCR_KEY_LEN; i++) {
        keys.key[i] = (uint8_t)(3 * i + 1);
        keys.mac[i] = (uint8_t)(5 * i + 2);
        keys.iv[i % NCR_IV_LEN] = (uint8_t)(7 * i + 3);
    }
    ncr_pkt_install(d, &keys, false);
}

static void case_start(struct ncr_dir *d, const struct cbc_case *c)
{
    dir_start(d, c->cipher, c->mac);
}

/* Seals n payload bytes into p. */
static size_t seal(struct ncr_dir *tx, uint8_t *p, size_t n)
{
    uint8_t pad[NCR_PKT_PAD_MAX] = {0};
    size_t total;
    memset(p + NCR_PKT_HEAD, 'x', n);
    cr_assert_eq(ncr_pkt_seal(tx, p, n, pad, &total), NACRE_OK);
    return total;
}

/* ---- Honest packets ---- */

static const struct ncr_mac *mac_named(struct nacre_bytes name)
{
    static const struct ncr_mac *const macs[] = {&ncr_mac_sha1, &ncr_mac_sha2_256,
                                                 &ncr_mac_sha2_256_etm, &ncr_mac_sha2_512_etm};
    for (size_t i = 0; i < sizeof macs / sizeof macs[0]; i++) {
        if (nacre_bytes_is(name, macs[i]->name)) {
            return macs[i];
        }
    }
    return NULL;
}

static const struct ncr_cipher *cipher_named(struct nacre_bytes name)
{
    static const struct ncr_cipher *const ciphers[] = {
        &ncr_cipher_aes128_cbc, &ncr_cipher_aes192_cbc, &ncr_cipher_aes256_cbc,
        &ncr_cipher_3des_cbc};
    for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++) {
        if (nacre_bytes_is(name, ciphers[i]->name)) {
            return ciphers[i];
        }
    }
    return NULL;
}

static void vec_dir(const struct vec *v, struct ncr_dir *d)
{
    struct ncr_keyset keys = {.comp = &ncr_comp_none};
    struct nacre_bytes name;
    name.p = vec_get(v, "cipher", &name.n);
    keys.cipher = cipher_named(name);
    name.p = vec_get(v, "mac", &name.n);
    keys.macrow = mac_named(name);
    cr_assert(keys.cipher != NULL && keys.macrow != NULL);
    memcpy(keys.key, vec_fixed(v, "key", keys.cipher->key_len), keys.cipher->key_len);
    memcpy(keys.iv, vec_fixed(v, "iv", keys.cipher->iv_len), keys.cipher->iv_len);
    memcpy(keys.mac, vec_fixed(v, "mac_key", keys.macrow->key_len), keys.macrow->key_len);
    memset(d, 0, sizeof *d);
    ncr_pkt_install(d, &keys, false);
    d->seq = (uint32_t)vec_uint(v, "seq");
}

static void vec_packet(const struct vec *v, struct ncr_dir *tx, struct ncr_dir *rx, char digit)
{
    char payload_key[] = "payload0", pad_key[] = "pad0", wire_key[] = "wire0";
    uint8_t out[1024], pad[NCR_PKT_PAD_MAX] = {0};
    struct nacre_bytes got;
    size_t n, pad_n, wire_n, total, used;
    payload_key[7] = pad_key[3] = wire_key[4] = digit;
    const uint8_t *payload = vec_get(v, payload_key, &n);
    const uint8_t *pad_given = vec_get(v, pad_key, &pad_n);
    uint8_t *wire = vec_get(v, wire_key, &wire_n);
    cr_assert(pad_n <= sizeof pad && ncr_pkt_sealed_len(tx, n) <= sizeof out);
    memcpy(pad, pad_given, pad_n);
    memcpy(out + NCR_PKT_HEAD, payload, n);
    cr_assert_eq(ncr_pkt_seal(tx, out, n, pad, &total), NACRE_OK);
    vec_expect(v, wire_key, out, total);
    cr_assert_eq(ncr_pkt_open(rx, wire, wire_n, 35000, &used, &got), NACRE_OK);
    cr_assert_eq(used, wire_n);
    vec_expect(v, payload_key, got.p, got.n);
}

Test(pkt_cbc, asyncssh_packets)
{
    struct vec v;
    for (vec_open(&v, "ssh_cbc_asyncssh.txt"); vec_next(&v);) {
        struct ncr_dir tx, rx;
        vec_dir(&v, &tx);
        vec_dir(&v, &rx);
        for (char digit = '0'; digit <= '2'; digit++) {
            vec_packet(&v, &tx, &rx, digit);
        }
    }
    cr_assert_eq(v.records, 16);
    vec_close(&v);
}

/* Three packets in a row, of every length, byte by byte. */
Test(pkt_cbc, byte_by_byte)
{
    for (size_t i = 0; i < CASES; i++) {
        for (size_t n = 1; n <= 40; n++) {
            struct ncr_dir tx, rx;
            uint8_t p[1024];
            size_t end = 0, at = 0, seen = 0;
            case_start(&tx, &cases[i]);
            case_start(&rx, &cases[i]);
            for (int k = 0; k < 3; k++) {
                end += seal(&tx, p + end, n);
            }
            for (size_t have = 0; have <= end; have++) {
                struct nacre_bytes payload;
                size_t used;
                cr_assert_eq(ncr_pkt_open(&rx, p + at, have - at, LIMIT, &used, &payload),
                             NACRE_OK);
                cr_assert(used == 0 || payload.n == n);
                at += used;
                seen += used != 0;
            }
            cr_assert_eq(seen, 3);
        }
    }
}

Test(pkt_cbc, only_for_old_devices)
{
    for (size_t i = 0; i < CASES; i++) {
        cr_assert_eq(cases[i].cipher->grade, NCR_GRADE_LEGACY);
        cr_assert_null(ncr_alg_cipher(&nacre_algs_default, nacre_bytes_str(cases[i].cipher->name)));
        cr_assert_eq(ncr_alg_cipher(&nacre_algs_legacy, nacre_bytes_str(cases[i].cipher->name)),
                     cases[i].cipher);
    }
}

/* ---- S17 ---- */

/* Rows that count the bytes which pass through the rows of the case in work. */
static const struct cbc_case *counted;
static size_t decrypted, hashed, tags;

static void count_load(struct ncr_dir *d, const uint8_t *key, const uint8_t *iv)
{
    const struct ncr_cipher *row = d->cipher;
    d->cipher = counted->cipher;
    d->cipher->load(d, key, iv);
    d->cipher = row;
}

static void count_encrypt(struct ncr_dir *d, uint8_t *p, size_t n)
{
    counted->cipher->encrypt(d, p, n);
}

static void count_decrypt(struct ncr_dir *d, uint8_t *p, size_t n)
{
    cr_assert_eq(n % counted->cipher->block, 0);
    decrypted += n;
    counted->cipher->decrypt(d, p, n);
}

static void count_load_mac(struct ncr_dir *d, const uint8_t *key)
{
    counted->mac->load(d, key);
}

static void count_compute(uint8_t *tag, struct ncr_dir *d, uint32_t seq, struct nacre_bytes a,
                          struct nacre_bytes b)
{
    hashed += a.n + b.n;
    tags++;
    counted->mac->compute(tag, d, seq, a, b);
}

/* What a packet that ends in an error shows to its sender. */
struct shown {
    nacre_err err;
    size_t eaten, decrypted, hashed, tags;
};

/* Feeds the bytes at p, in pieces of that size, until the error. */
static struct shown feed(struct ncr_dir *rx, uint8_t *p, size_t piece)
{
    struct shown s = {.err = NACRE_OK};
    decrypted = hashed = tags = 0;
    while (s.err == NACRE_OK) {
        struct nacre_bytes payload;
        size_t used;
        s.eaten += piece;
        cr_assert_leq(s.eaten, LIMIT + 4 + NACRE_HASH_MAX_LEN + piece, "no end");
        s.err = ncr_pkt_open(rx, p, s.eaten, LIMIT, &used, &payload);
        cr_assert(used == 0 && payload.n == 0);
        cr_assert(ncr_pkt_sound(rx, LIMIT), "in every state");
    }
    s.decrypted = decrypted;
    s.hashed = hashed;
    s.tags = tags;
    return s;
}

/* A first block that decrypts to this length, the rest as it comes: what an attacker has who moved
 * a block of ciphertext there. with_tag: under the right tag for that length, if it is one. */
static struct shown attack(const struct cbc_case *c, uint32_t len, size_t piece, bool with_tag)
{
    static uint8_t p[LIMIT + 4 + NACRE_HASH_MAX_LEN + 4096];
    struct ncr_cipher cipher = *c->cipher;
    struct ncr_mac mac = *c->mac;
    struct ncr_dir tx, rx;
    counted = c;
    cipher.load = count_load;
    cipher.encrypt = count_encrypt;
    cipher.decrypt = count_decrypt;
    cipher.sound = NULL;
    mac.load = count_load_mac;
    mac.compute = count_compute;
    dir_start(&tx, &cipher, &mac);
    dir_start(&rx, &cipher, &mac);
    for (size_t i = 0; i < sizeof p; i++) {
        p[i] = (uint8_t)(i * 167 + len);
    }
    ncr_store32be(p, len);
    if (with_tag && (len + 4) % c->cipher->block == 0 && len <= LIMIT) {
        ncr_pkt_mode(&tx)->seal(&tx, p, len);
        p[4 + len] ^= 1; /* but for one bit */
    } else {
        tx.cipher->encrypt(&tx, p, 16);
    }
    struct shown s = feed(&rx, p, piece);
    bool clean = true;
    for (size_t i = 0; i < most(c); i++) {
        clean = clean && p[i] == 0;
    }
    cr_assert(clean, "no plaintext is left");
    return s;
}

static void attack_shows_nothing(const struct cbc_case *c, uint32_t len, size_t piece)
{
    size_t need = AROUND(c) + most(c);
    for (int with_tag = 0; with_tag < 2; with_tag++) {
        struct shown s = attack(c, len, piece, with_tag);
        cr_assert_eq(s.err, NACRE_ERR_MAC, "%s %u", c->name, len);
        cr_assert_eq(s.eaten, (need + piece - 1) / piece * piece, "%s %u", c->name, len);
        cr_assert_eq(s.decrypted, 4 + most(c), "%s %u", c->name, len);
        cr_assert_eq(s.hashed, 4 + 4 + most(c), "%s %u", c->name, len);
        cr_assert_eq(s.tags, 2);
    }
}

/* Of the 32 bits that an attacker reads so, the first 18 decide whether the length can be, the last
 * ones whether it fits the block. */
Test(s17, cbc_plaintext_recovery_64_lengths)
{
    for (size_t i = 0; i < CASES; i++) {
        for (uint32_t len = 0; len < 64; len++) {
            attack_shows_nothing(&cases[i], len, 1);
        }
    }
}

Test(s17, cbc_plaintext_recovery_far_lengths)
{
    for (size_t i = 0; i < CASES; i++) {
        const uint32_t m = (uint32_t)most(&cases[i]);
        const uint32_t lens[] = {0x7c,       0x80,       0x100,      0x10c,      0x7fc,
                                 0xf8c,      m - 16,     m - 8,      m - 1,      m,
                                 m + 1,      m + 8,      m + 16,     LIMIT,      0x10000,
                                 0x7fffffff, 0x80000000, 0x8000000c, 0xfffffffc, UINT32_MAX};
        for (size_t k = 0; k < sizeof lens / sizeof lens[0]; k++) {
            attack_shows_nothing(&cases[i], lens[k], 1 + k % 3 * 700);
            attack_shows_nothing(&cases[i], lens[k], AROUND(&cases[i]) + most(&cases[i]));
        }
    }
}

/* A peer that has the keys may say a wrong length under a tag that fits the shortest packet, which
 * a wrong length is taken for. */
Test(s17, wrong_length_with_a_tag_that_fits)
{
    for (size_t i = 0; i < CASES; i++) {
        static uint8_t p[LIMIT + 4 + NACRE_HASH_MAX_LEN + 64];
        struct ncr_dir tx, rx;
        case_start(&tx, &cases[i]);
        case_start(&rx, &cases[i]);
        memset(p, 4, sizeof p);
        ncr_store32be(p, 13);
        ncr_pkt_mode(&tx)->seal(&tx, p, 12);
        struct shown s = feed(&rx, p, 1);
        cr_assert_eq(s.err, NACRE_ERR_MAC);
        cr_assert_eq(s.eaten, AROUND(&cases[i]) + most(&cases[i]));
    }
}

/* Padding is looked at under a right tag only: then its error tells nothing that the tag has not.
 */
Test(s17, padding_is_not_an_oracle)
{
    for (size_t i = 0; i < CASES; i++) {
        for (unsigned pad = 0; pad < 256; pad++) {
            static uint8_t p[LIMIT + 4 + NACRE_HASH_MAX_LEN + 64];
            struct nacre_bytes payload;
            struct ncr_dir tx, rx;
            size_t used, n = 44 + AROUND(&cases[i]);
            case_start(&tx, &cases[i]);
            case_start(&rx, &cases[i]);
            memset(p, 0, sizeof p);
            ncr_store32be(p, 44);
            p[4] = (uint8_t)pad;
            ncr_pkt_mode(&tx)->seal(&tx, p, 44);
            cr_assert_eq(ncr_pkt_open(&rx, p, n, LIMIT, &used, &payload),
                         pad >= 4 && pad <= 42 ? NACRE_OK : NACRE_ERR_PADDING);

            case_start(&tx, &cases[i]);
            case_start(&rx, &cases[i]);
            memset(p, 0, sizeof p);
            ncr_store32be(p, 44);
            p[4] = (uint8_t)pad;
            ncr_pkt_mode(&tx)->seal(&tx, p, 44);
            p[n - 1] ^= 1;
            struct shown s = feed(&rx, p, 1);
            cr_assert_eq(s.err, NACRE_ERR_MAC);
            cr_assert_eq(s.eaten, AROUND(&cases[i]) + most(&cases[i]));
        }
    }
}

/* Every bit of a packet, and packets out of their place. */
Test(s17, tampered_packets_end_alike)
{
    for (size_t i = 0; i < CASES; i++) {
        uint8_t good[256];
        static uint8_t p[LIMIT + 4 + NACRE_HASH_MAX_LEN + 64];
        struct ncr_dir tx, rx;
        case_start(&tx, &cases[i]);
        size_t n = seal(&tx, good, 50);
        for (size_t bit = 0; bit < 8 * n; bit++) {
            memset(p, 0x77, sizeof p);
            memcpy(p, good, n);
            p[bit / 8] ^= (uint8_t)(1 << bit % 8);
            case_start(&rx, &cases[i]);
            struct shown s = feed(&rx, p, 97);
            cr_assert_eq(s.err, NACRE_ERR_MAC);
            cr_assert_eq(s.eaten, (AROUND(&cases[i]) + most(&cases[i]) + 96) / 97 * 97);
        }
        memset(p, 0x77, sizeof p);
        memcpy(p, good, n);
        case_start(&rx, &cases[i]);
        rx.seq = 1;
        cr_assert_eq(feed(&rx, p, 1).err, NACRE_ERR_MAC);
    }
}

/* S64: the state between a wrong tag and the error is one that the engine leaves; others are not.
 */
Test(s64, cbc_lengths_of_a_foreign_direction)
{
    for (size_t i = 0; i < CASES; i++) {
        struct ncr_dir d;
        case_start(&d, &cases[i]);
        for (d.len = 1; d.len <= 128; d.len++) {
            uint32_t len = d.len & ~1U;
            bool good = len >= 12 && (len + 4) % cases[i].cipher->block == 0;
            cr_assert_eq(ncr_pkt_sound(&d, LIMIT), good, "%u", d.len);
        }
        d.len = (uint32_t)most(&cases[i]) | 1;
        cr_assert(ncr_pkt_sound(&d, LIMIT));
        d.len += (uint32_t)cases[i].cipher->block;
        cr_assert_not(ncr_pkt_sound(&d, LIMIT));
        d.len = UINT32_MAX;
        cr_assert_not(ncr_pkt_sound(&d, LIMIT));
        d.len = 0;
        for (unsigned n = 0; n < 40 && cases[i].cipher->sound != NULL; n++) {
            d.key.cbc.aes.rounds = n;
            cr_assert_eq(ncr_pkt_sound(&d, LIMIT), n == cases[i].cipher->key_len / 4 + 6);
        }
    }
}

Test(pkt_cbc, ct_in_keys_and_packet)
{
    for (size_t i = 0; i < CASES; i++) {
        struct ncr_keyset keys = {.cipher = cases[i].cipher, .macrow = cases[i].mac};
        struct ncr_dir tx = {0}, rx = {0};
        uint8_t p[800], pad[NCR_PKT_PAD_MAX] = {0};
        struct nacre_bytes payload;
        size_t total, used;
        memset(p, 'x', sizeof p);
        keys.comp = &ncr_comp_none;
        struct ncr_keyset again = keys;
        NCR_CT_SECRET(keys.key, sizeof keys.key);
        NCR_CT_SECRET(keys.mac, sizeof keys.mac);
        NCR_CT_SECRET(again.key, sizeof again.key);
        NCR_CT_SECRET(again.mac, sizeof again.mac);
        NCR_CT_SECRET(p, sizeof p);
        ncr_pkt_install(&tx, &keys, true);
        ncr_pkt_install(&rx, &again, true);
        cr_assert_eq(ncr_pkt_seal(&tx, p, 500, pad, &total), NACRE_OK);
        cr_assert_eq(ncr_pkt_open(&rx, p, total, NCR_PACKET_MAX, &used, &payload), NACRE_OK);
        cr_assert_eq(payload.n, 500);
        cr_assert_eq(payload.p[499], 'x');
    }
}
#endif
